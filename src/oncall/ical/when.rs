//! Dates and times of a calendar: UTC, of a zone, floating, or a whole day.

use jiff::Timestamp;
use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;

use super::Fault;
use super::line::Line;

/// A date or a time, and where it is counted.
#[derive(Clone, Debug)]
pub(super) struct When {
    /// Local; midnight where it is a whole day.
    pub local: DateTime,
    /// Its zone.
    pub zone: TimeZone,
    /// Only the date was given.
    pub whole_day: bool,
}

impl When {
    /// The moment it is.
    pub fn moment(&self) -> Option<Timestamp> {
        self.zone.to_timestamp(self.local).ok()
    }

    /// The moment of an exception to a rule that begins at `start`: where only a date was given, the rule's hour on it.
    pub fn exception(&self, start: &When) -> Option<Timestamp> {
        match self.whole_day {
            true => start.zone.to_timestamp(self.local.date().to_datetime(start.local.time())).ok(),
            false => self.moment(),
        }
    }
}

/// The first date or time of a line; `zone` is that of floating times.
pub(super) fn one(line: &Line, zone: &TimeZone) -> Result<When, Fault> {
    parse(&line.value, line, zone)
}

/// All dates and times of a line.
pub(super) fn all(line: &Line, zone: &TimeZone) -> Result<Vec<When>, Fault> {
    line.value.split(',').map(|value| parse(value, line, zone)).collect()
}

/// One value. Its form says what it is; `VALUE=` only says it again.
pub(super) fn parse(value: &str, line: &Line, floating: &TimeZone) -> Result<When, Fault> {
    let text = value.trim();
    let wrong = || Fault::new(&line.span, format!("no date or time: \"{text:.40}\""), "such as 20260105T090000Z or 20260105");
    if text.len() == 8 {
        let local = DateTime::strptime("%Y%m%dT%H%M%S", format!("{text}T000000")).map_err(|_| wrong())?;
        return Ok(When { local, zone: floating.clone(), whole_day: true });
    }
    let (bare, utc) = text.strip_suffix(['Z', 'z']).map_or((text, false), |bare| (bare, true));
    let local = DateTime::strptime("%Y%m%dT%H%M%S", bare).ok().filter(|_| bare.len() == 15).ok_or_else(wrong)?;
    let zone = match (utc, line.param("TZID")) {
        (true, _) => TimeZone::UTC,
        (false, None) => floating.clone(),
        (false, Some(name)) => named(name).ok_or_else(|| unknown(name, line))?,
    };
    Ok(When { local, zone, whole_day: false })
}

/// A zone by its IANA name. Some programs put a path of their own in front: `/example.org/2026a/Europe/Berlin`.
fn named(name: &str) -> Option<TimeZone> {
    let name = name.trim();
    let tails = name.match_indices('/').map(|(at, _)| &name[at + 1..]).take(8);
    std::iter::once(name).chain(tails).filter(|tail| !tail.is_empty()).find_map(|tail| TimeZone::get(tail).ok())
}

fn unknown(name: &str, line: &Line) -> Fault {
    let help = "the calendar must use IANA names such as \"Europe/Berlin\", or UTC";
    Fault::new(&line.span, format!("there is no time zone \"{name:.60}\""), help)
}

/// The last moment of a local day.
pub(super) fn end_of_day(when: &When) -> Option<Timestamp> {
    when.zone.to_timestamp(when.local.date().to_datetime(Time::MAX)).ok()
}
