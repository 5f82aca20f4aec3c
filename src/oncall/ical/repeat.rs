//! RRULE: daily and weekly, as shifts repeat. Every such rule is some days of a cycle of days; anything else is refused.

use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;

use super::Fault;
use super::line::Line;
use super::when::{self, When};
use crate::config::Repeat;
use crate::oncall::later;

/// Longest interval and highest count.
const MOST: i64 = 10_000;

/// The parts of a rule, read but not yet put together.
struct Parts {
    weekly: bool,
    interval: i64,
    count: Option<i64>,
    until: Option<Timestamp>,
    days: Vec<Weekday>,
    week_start: Weekday,
}

/// The rule of an event that begins at `start`.
pub(super) fn read(line: &Line, start: &When, floating: &TimeZone) -> Result<Repeat, Fault> {
    let parts = parts(line, floating)?;
    let first = start.local.date();
    let into_week = if parts.weekly { i64::from(first.weekday().since(parts.week_start)) } else { 0 };
    let anchor = later(first, -into_week);
    let unit = if parts.weekly || !parts.days.is_empty() { 7 } else { 1 };
    let days: Vec<i64> = match (parts.weekly, parts.days.is_empty()) {
        (true, true) => vec![into_week],
        (true, false) => (0..7).filter(|day| parts.days.contains(&later(anchor, *day).weekday())).collect(),
        (false, true) => vec![0],
        (false, false) => {
            let steps = (0..7).map(|step| step * parts.interval);
            steps.filter(|day| parts.days.contains(&later(anchor, *day).weekday())).collect()
        }
    };
    if days.is_empty() {
        return Err(Fault::new(&line.span, "this rule never happens", "its BYDAY names no day that its INTERVAL reaches"));
    }
    let mut repeat = Repeat { anchor, cycle: unit * parts.interval, days, until: parts.until };
    if let Some(count) = parts.count {
        repeat.until = last_of(&repeat, into_week, count, start);
    }
    Ok(repeat)
}

/// When the last of `count` shifts begins. Days of the first cycle before the event's own are not counted.
fn last_of(repeat: &Repeat, first_day: i64, count: i64, start: &When) -> Option<Timestamp> {
    let before = repeat.days.iter().filter(|day| **day < first_day).count() as i64;
    let (per_cycle, index) = (repeat.days.len() as i64, before + count - 1);
    let day = index / per_cycle * repeat.cycle + repeat.days[(index % per_cycle) as usize];
    // Beyond the calendar: it never ends as far as anybody here is concerned.
    start.zone.to_timestamp(later(repeat.anchor, day).to_datetime(start.local.time())).ok()
}

fn parts(line: &Line, floating: &TimeZone) -> Result<Parts, Fault> {
    let mut parts = Parts { weekly: false, interval: 1, count: None, until: None, days: Vec::new(), week_start: Weekday::Monday };
    let mut frequency = false;
    for part in line.value.split(';').filter(|part| !part.trim().is_empty()) {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        let (key, value) = (key.trim().to_uppercase(), value.trim().to_uppercase());
        let refuse = || {
            let help = "a shift repeats with FREQ=DAILY or WEEKLY and INTERVAL, COUNT, UNTIL, BYDAY (without numbers), WKST";
            Fault::new(&line.span, format!("this repetition cannot be read: \"{part:.60}\""), help)
        };
        match key.as_str() {
            "FREQ" => {
                parts.weekly = value == "WEEKLY";
                frequency = true;
                if !parts.weekly && value != "DAILY" {
                    return Err(refuse());
                }
            }
            "INTERVAL" => parts.interval = number(&value).ok_or_else(refuse)?,
            "COUNT" => parts.count = Some(number(&value).ok_or_else(refuse)?),
            "UNTIL" => parts.until = until(&value, line, floating)?,
            "BYDAY" => parts.days = value.split(',').map(weekday).collect::<Option<_>>().ok_or_else(refuse)?,
            "WKST" => parts.week_start = weekday(&value).ok_or_else(refuse)?,
            _ => return Err(refuse()),
        }
    }
    match frequency {
        true => Ok(parts),
        false => Err(Fault::new(&line.span, "this repetition has no FREQ", "such as FREQ=WEEKLY")),
    }
}

fn number(text: &str) -> Option<i64> {
    text.parse().ok().filter(|number| (1..=MOST).contains(number))
}

fn until(value: &str, line: &Line, floating: &TimeZone) -> Result<Option<Timestamp>, Fault> {
    let when = when::parse(value, line, floating)?;
    Ok(if when.whole_day { when::end_of_day(&when) } else { when.moment() })
}

fn weekday(text: &str) -> Option<Weekday> {
    let names = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
    let at = names.iter().position(|name| *name == text.trim())?;
    Weekday::from_monday_zero_offset(at as i8).ok()
}
