//! One VEVENT: when it begins and ends, how it repeats, and which single shift of a rule it stands for.

use std::ops::Range;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::Fault;
use super::line::Line;
use super::repeat;
use super::when::{self, When};
use crate::config::Shift;
use crate::oncall::days_between;

/// A shift that repeats lasts no longer than this, days.
const LONGEST: i64 = 366;

/// The content lines of an event.
pub(super) struct Event {
    /// Where it begins.
    pub begin: Range<usize>,
    /// Its own lines, not those of reminders inside it.
    pub lines: Vec<Line>,
}

impl Event {
    pub fn new(begin: Range<usize>) -> Event {
        Event { begin, lines: Vec::new() }
    }

    /// The first line of that name.
    pub fn one(&self, name: &str) -> Option<&Line> {
        self.lines.iter().find(|line| line.name == name)
    }

    /// All lines of that name.
    pub fn all<'e>(&'e self, name: &'e str) -> impl Iterator<Item = &'e Line> {
        self.lines.iter().filter(move |line| line.name == name)
    }

    /// What ties changed shifts to their rule; events without it stand alone.
    pub fn uid(&self) -> &str {
        self.one("UID").map_or("", |line| line.value.as_str())
    }

    /// It does not take place.
    pub fn cancelled(&self) -> bool {
        self.one("STATUS").is_some_and(|line| line.value.trim().eq_ignore_ascii_case("CANCELLED"))
    }

    /// The line that tells a person which event is meant.
    pub fn best_line(&self) -> &Range<usize> {
        self.one("SUMMARY").map_or(&self.begin, |line| &line.span)
    }

    /// The shift of a rule that this event stands for, if it does.
    pub fn replaces(&self, zone: &TimeZone) -> Result<Option<When>, Fault> {
        let Some(line) = self.one("RECURRENCE-ID") else { return Ok(None) };
        if line.param("RANGE").is_some() {
            let help = "end the old rule with UNTIL and begin a new event";
            return Err(Fault::new(&line.span, "a change of all later shifts at once cannot be read", help));
        }
        when::one(line, zone).map(Some)
    }

    /// When the shift is, with nobody's name yet. `moved` are shifts of its rule that other events stand for. `None` when
    /// it lasts no time at all.
    pub fn shift(&self, moved: &[When], zone: &TimeZone) -> Result<Option<Shift>, Fault> {
        let Some(line) = self.one("DTSTART") else {
            return Err(Fault::new(&self.begin, "this event has no DTSTART", "export the calendar again"));
        };
        if let Some(extra) = self.one("RDATE") {
            return Err(Fault::new(&extra.span, "extra dates (RDATE) cannot be read", "make each an event of its own"));
        }
        let start = when::one(line, zone)?;
        let shift = match self.one("RRULE") {
            Some(rule) => self.repeating(rule, &start, zone)?,
            None => self.single(&start, zone)?,
        };
        let mut shift = shift.filter(|shift| shift.start < shift.end);
        if let Some(shift) = &mut shift {
            shift.except = self.exceptions(moved, &start, zone)?;
        }
        Ok(shift)
    }

    /// Once: two moments, whatever the clocks do between them.
    fn single(&self, start: &When, zone: &TimeZone) -> Result<Option<Shift>, Fault> {
        let from = start.moment();
        let to = match (self.one("DTEND"), self.one("DURATION")) {
            (Some(line), _) => when::one(line, zone)?.moment(),
            (None, Some(line)) => {
                let span = length(line)?;
                start.zone.to_zoned(start.local).and_then(|start| start.checked_add(span)).ok().map(|end| end.timestamp())
            }
            (None, None) => local_end(start).and_then(|end| start.zone.to_timestamp(end).ok()),
        };
        let utc = |moment: Timestamp| TimeZone::UTC.to_datetime(moment);
        Ok(from.zip(to).map(|(from, to)| shift(TimeZone::UTC, utc(from), utc(to))))
    }

    /// Again and again, from the same local hour to the same local hour.
    fn repeating(&self, rule: &Line, start: &When, zone: &TimeZone) -> Result<Option<Shift>, Fault> {
        let end = match (self.one("DTEND"), self.one("DURATION")) {
            (Some(line), _) => {
                let end = when::one(line, zone)?;
                // Nearly always the zone it begins in; else what it is there.
                if end.zone == start.zone { Some(end.local) } else { end.moment().map(|at| start.zone.to_datetime(at)) }
            }
            (None, Some(line)) => start.local.checked_add(length(line)?).ok(),
            (None, None) => local_end(start),
        };
        let Some(end) = end else { return Ok(None) };
        if days_between(start.local.date(), end.date()) > LONGEST {
            let help = "end it within a year, or make it an event that does not repeat";
            return Err(Fault::new(&rule.span, format!("a shift of more than {LONGEST} days that repeats"), help));
        }
        let repeat = repeat::read(rule, start, zone)?;
        Ok(Some(Shift { repeat: Some(repeat), ..shift(start.zone.clone(), start.local, end) }))
    }

    fn exceptions(&self, moved: &[When], start: &When, zone: &TimeZone) -> Result<Vec<Timestamp>, Fault> {
        let mut all = moved.to_vec();
        for line in self.all("EXDATE") {
            all.extend(when::all(line, zone)?);
        }
        let mut moments: Vec<_> = all.iter().filter_map(|when| when.exception(start)).collect();
        moments.sort_unstable();
        moments.dedup();
        Ok(moments)
    }
}

fn shift(zone: TimeZone, start: DateTime, end: DateTime) -> Shift {
    Shift { person: String::new(), zone, start, end, repeat: None, except: Vec::new() }
}

/// Without DTEND and DURATION a date lasts its day, and a time no time (section 3.6.1).
fn local_end(start: &When) -> Option<DateTime> {
    if start.whole_day {
        start.local.date().tomorrow().ok().map(|day| day.to_datetime(start.local.time()))
    } else {
        Some(start.local)
    }
}

/// A span such as P1W, P1DT12H, PT8H (section 3.3.6).
fn length(line: &Line) -> Result<jiff::Span, Fault> {
    let text = line.value.trim();
    let span = text.parse::<jiff::Span>().ok().filter(|span| text.starts_with('P') && !span.is_negative());
    span.ok_or_else(|| Fault::new(&line.span, format!("no span of time: \"{text:.40}\""), "such as P1W, P1DT12H or PT8H"))
}
