//! Hours and weekdays in a place on earth: when something holds.

use jiff::Timestamp;
use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;

use crate::problem::did_you_mean;
use crate::table::{Table, Word};

/// Some hours of some weekdays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hours {
    /// Where.
    pub zone: TimeZone,
    /// Monday first.
    pub weekdays: [bool; 7],
    /// From this time of day, up to the other; where that is earlier (or equal), past midnight, and the day they begin on counts.
    pub from: Time,
    /// See `from`.
    pub to: Time,
}

impl Hours {
    /// True if they hold at that moment.
    pub fn hold(&self, at: Timestamp) -> bool {
        let local = at.to_zoned(self.zone.clone()).datetime();
        let on = |day: Weekday| self.weekdays[day.to_monday_zero_offset() as usize];
        let (day, time) = (local.weekday(), local.time());
        match self.from < self.to {
            true => on(day) && self.from <= time && time < self.to,
            false => (on(day) && time >= self.from) || (on(day.previous()) && time < self.to),
        }
    }
}

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// `time_zone`, `weekdays` and `hours` of a table.
pub(super) fn read_hours(t: &Table<'_>) -> Hours {
    let zone = read_zone(t);
    let weekdays = read_weekdays(t);
    let (from, to) = t.text("hours").and_then(|word| read_span(t, &word)).unwrap_or((Time::MIN, Time::MIN));
    Hours { zone, weekdays, from, to }
}

/// `time_zone`: an IANA name, needed.
pub(super) fn read_zone(t: &Table<'_>) -> TimeZone {
    let word = t.need_text("time_zone");
    if word.value.trim().is_empty() {
        return TimeZone::UTC;
    }
    TimeZone::get(&word.value).unwrap_or_else(|_| {
        let names: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
        let near = did_you_mean(&word.value, names.iter().map(String::as_str));
        let help = near.map_or_else(|| "such as \"Europe/Berlin\"".to_owned(), |near| format!("did you mean \"{near}\"?"));
        t.problem(word.span, format!("there is no time zone \"{}\"", word.value), Some(help));
        TimeZone::UTC
    })
}

/// `weekdays`; without the key all seven.
pub(super) fn read_weekdays(t: &Table<'_>) -> [bool; 7] {
    if !t.has("weekdays") {
        return [true; 7];
    }
    if t.lacks("weekdays") {
        let help = "leave `weekdays` out where it holds every day".to_owned();
        t.problem(t.span_of("weekdays"), "this holds on no day", Some(help));
    }
    let mut days = [false; 7];
    for word in t.texts("weekdays") {
        match DAYS.iter().position(|day| *day == word.value) {
            Some(day) => days[day] = true,
            None => {
                let lower = word.value.to_lowercase();
                let written_out = DAYS.into_iter().find(|day| lower.starts_with(day));
                let near = written_out.or_else(|| did_you_mean(&lower, DAYS));
                let help = near.map_or_else(|| format!("one of {}", DAYS.join(", ")), |near| format!("did you mean \"{near}\"?"));
                t.problem(word.span, format!("\"{}\" is no weekday", word.value), Some(help));
            }
        }
    }
    days
}

/// `"22:00-06:00"`; `"24:00"`, the end of a day, is the beginning of the next.
pub(super) fn read_span(t: &Table<'_>, word: &Word) -> Option<(Time, Time)> {
    let time = |text: &str| Time::strptime("%H:%M", text.trim()).ok();
    let end = |text: &str| if text.trim() == "24:00" { Some(Time::midnight()) } else { time(text) };
    let span = word.value.split_once('-').and_then(|(from, to)| Some((time(from)?, end(to)?)));
    if span.is_none() {
        let help = "local hours such as \"09:00-17:00\", or \"22:00-06:00\" for a night".to_owned();
        t.problem(word.span.clone(), format!("\"{}\" is no span of hours", word.value), Some(help));
    }
    span
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_hold_past_midnight_and_count_for_the_day_they_begin_on() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let time = |text: &str| Time::strptime("%H:%M", text).unwrap();
        let fridays = [false, false, false, false, true, false, false];
        let night = Hours { zone: zone.clone(), weekdays: fridays, from: time("22:00"), to: time("06:00") };
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        // Friday 20 November 2026, Berlin is UTC+1.
        assert!(!night.hold(at("2026-11-20T20:59:59Z")) && night.hold(at("2026-11-20T21:00:00Z")));
        assert!(night.hold(at("2026-11-21T04:59:59Z")) && !night.hold(at("2026-11-21T05:00:00Z")));
        assert!(!night.hold(at("2026-11-20T03:00:00Z")), "that night began on a Thursday");
        let always = Hours { zone, weekdays: [true; 7], from: Time::MIN, to: Time::MIN };
        assert!(always.hold(at("2026-11-20T03:00:00Z")) && always.hold(at("2026-11-20T23:00:00Z")));
    }
}
