//! An iCalendar file (RFC 5545) as PagerDuty, Opsgenie, GoAlert and calendar programs export it, read as far as shifts
//! need it. What it cannot read of a shift it refuses with the line: a shift taken for another wakes nobody.
//!
//! It is ours because the crates that read calendars bring chrono and chrono-tz, a second opinion on time zones beside
//! jiff (icalendar, rrule, caldata), or read far more than dates (calcard); and none of them keeps the line of a mistake.

mod event;
mod line;
mod repeat;
mod when;
mod who;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::ops::Range;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::config::{Person, Shift};
use crate::problem::{Problems, Source};
use event::Event;
use when::When;
use who::Found;

/// Largest file that is read, bytes: an export of years is far smaller.
pub const LARGEST: usize = 4 << 20;
/// Most events that are read.
const MOST_EVENTS: usize = 10_000;
/// Of each kind so many complaints are shown; the last says how many more there are.
const SHOWN: usize = 5;

/// What is wrong with a line, before it is shown.
struct Fault {
    span: Range<usize>,
    message: String,
    help: Option<String>,
}

impl Fault {
    fn new(span: &Range<usize>, message: impl Into<String>, help: &str) -> Fault {
        Fault { span: span.clone(), message: message.into(), help: Some(help.to_owned()) }
    }
}

/// The shifts of a calendar, and what is to be said about it.
#[derive(Default)]
struct Reading {
    shifts: Vec<Shift>,
    faults: Vec<Fault>,
    doubts: Vec<Fault>,
}

/// Reads the shifts of `people` from a calendar. `zone` is where times without a zone, and whole days, are counted. What
/// cannot be read is a problem; an event that is nobody's, and not over by `now`, is a warning.
pub fn read(source: &Source, zone: &TimeZone, people: &[Person], now: Timestamp, problems: &Problems) -> Vec<Shift> {
    let mut reading = Reading::default();
    match events(&source.text) {
        Ok(events) => reading.take_all(&events, zone, people, now),
        Err(fault) => reading.faults.push(fault),
    }
    say(reading.faults, |fault| problems.at(source, fault.span, fault.message, fault.help));
    say(reading.doubts, |fault| problems.warn(source, fault.span, fault.message, fault.help));
    reading.shifts
}

/// A calendar that is wrong in a thousand places is not quoted a thousand times.
fn say(mut faults: Vec<Fault>, show: impl FnMut(Fault)) {
    let more = faults.len().saturating_sub(SHOWN);
    faults.truncate(SHOWN);
    if let (Some(last), 1..) = (faults.last_mut(), more) {
        last.message.push_str(&format!(" (and {more} more events)"));
    }
    faults.into_iter().for_each(show);
}

/// Every event of a whole calendar.
fn events(text: &str) -> Result<Vec<Event>, Fault> {
    if text.len() > LARGEST {
        return Err(Fault::new(&(0..0), "this calendar is larger than 4 MiB", "export a year of it, not all of its past"));
    }
    let (mut events, mut open, mut last) = (Vec::new(), Vec::new(), 0..0);
    for line in line::lines(text) {
        last = line.span.clone();
        match line.name.as_str() {
            "BEGIN" if !open.is_empty() || line.value.eq_ignore_ascii_case("VCALENDAR") => {
                open.push(line.value.to_uppercase());
                if open[..] == ["VCALENDAR", "VEVENT"] {
                    events.push(Event::new(line.span));
                }
            }
            "END" => drop(open.pop()),
            // Neither what surrounds events nor the reminders inside them says who is on call.
            _ if open[..] == ["VCALENDAR", "VEVENT"] => {
                events.last_mut().into_iter().for_each(|e: &mut Event| e.lines.push(line.clone()))
            }
            _ if open.is_empty() => {
                let help = "it should begin with BEGIN:VCALENDAR: perhaps the export was a page that asks for a login";
                return Err(Fault::new(&line.span, "this is no iCalendar file", help));
            }
            _ => {}
        }
        if events.len() > MOST_EVENTS {
            return Err(Fault::new(&last, format!("more than {MOST_EVENTS} events"), "export a year of it, not all of its past"));
        }
    }
    match open.is_empty() && !last.is_empty() {
        true => Ok(events),
        false => Err(Fault::new(&last, "the calendar ends before its END:VCALENDAR", "export it again: half of it is missing")),
    }
}

impl Reading {
    fn take_all(&mut self, events: &[Event], zone: &TimeZone, people: &[Person], now: Timestamp) {
        // Single shifts that were changed stand beside the rule they fall out of, in any order.
        let mut moved: HashMap<&str, Vec<When>> = HashMap::new();
        for event in events {
            match event.replaces(zone) {
                Ok(Some(when)) => moved.entry(event.uid()).or_default().push(when),
                Ok(None) => {}
                // Of an event that may be nobody's it is no reason to refuse the calendar.
                Err(fault) => match who::is_meant(event, people) {
                    Found::People(_) => self.faults.push(fault),
                    Found::Nobody(_) => self.doubts.push(fault),
                },
            }
        }
        for event in events.iter().filter(|event| !event.cancelled()) {
            let moved = moved.get(event.uid()).filter(|_| event.one("RECURRENCE-ID").is_none());
            self.take(event, moved.map_or(&[], Vec::as_slice), zone, people, now);
        }
    }

    fn take(&mut self, event: &Event, moved: &[When], zone: &TimeZone, people: &[Person], now: Timestamp) {
        let found = who::is_meant(event, people);
        let shift = event.shift(moved, zone);
        let over = |shift: &Shift| shift.repeat.is_none() && shift.zone.to_timestamp(shift.end).is_ok_and(|end| end <= now);
        match (found, shift) {
            (Found::Nobody(_), Ok(Some(shift))) if over(&shift) => {}
            (Found::Nobody(why), _) => self.doubts.push(Fault::new(event.best_line(), why, who::HELP)),
            (Found::People(_), Ok(None)) => {
                self.doubts.push(Fault::new(
                    event.best_line(),
                    "this shift ends when it begins, or before: it is left out",
                    "correct it in the calendar",
                ));
            }
            (Found::People(names), Ok(Some(shift))) => {
                self.shifts.extend(names.into_iter().map(|person| Shift { person, ..shift.clone() }));
            }
            (Found::People(_), Err(fault)) => self.faults.push(fault),
        }
    }
}
