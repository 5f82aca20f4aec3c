//! Hours and weekdays in a place on earth: when something holds.

use jiff::Timestamp;
use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;

use crate::problem::did_you_mean;
use crate::table::Table;

/// Some hours of some weekdays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hours {
    /// Where.
    pub zone: TimeZone,
    /// Empty: all of them.
    pub weekdays: Vec<Weekday>,
    /// From this time of day, up to the other; where that is earlier (or equal), past midnight, and the day they begin on counts.
    pub from: Time,
    /// See `from`.
    pub to: Time,
}

impl Hours {
    /// True if they hold at that moment.
    pub fn hold(&self, at: Timestamp) -> bool {
        let local = at.to_zoned(self.zone.clone()).datetime();
        let on = |day: Weekday| self.weekdays.is_empty() || self.weekdays.contains(&day);
        let (day, time) = (local.weekday(), local.time());
        match self.from < self.to {
            true => on(day) && self.from <= time && time < self.to,
            false => (on(day) && time >= self.from) || (on(day.previous()) && time < self.to),
        }
    }
}

/// The days of the week, as layers name them.
const WEEKDAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

/// `time_zone`, `weekdays` and `hours` of a table.
pub(super) fn read_hours(t: &Table<'_>) -> Hours {
    let (from, to) = (Time::midnight(), Time::midnight());
    let zone = read_zone(t);
    let weekdays = read_weekdays(t);
    let (from, to) = read_span(t).unwrap_or((from, to));
    Hours { zone, weekdays, from, to }
}

/// `time_zone`: an IANA name, needed.
pub(super) fn read_zone(t: &Table<'_>) -> TimeZone {
    let word = t.need_text("time_zone");
    TimeZone::get(&word.value).unwrap_or_else(|_| {
        // An empty one was noted by need_text.
        if !word.value.trim().is_empty() {
            let known: Vec<String> = jiff::tz::db().available().map(|name| name.as_str().to_owned()).collect();
            let near = did_you_mean(&word.value, known.iter().map(String::as_str));
            let help = near.map_or("such as \"Europe/Berlin\" (an IANA name)".to_owned(), |n| format!("did you mean \"{n}\"?"));
            t.problem(word.span, format!("there is no time zone \"{}\"", word.value), Some(help));
        }
        TimeZone::UTC
    })
}

/// `weekdays`; empty: all of them.
pub(super) fn read_weekdays(t: &Table<'_>) -> Vec<Weekday> {
    if t.has("weekdays") && t.lacks("weekdays") {
        let help = "leave `weekdays` out where every day is meant".to_owned();
        t.problem(t.span_of("weekdays"), "these hours never come", Some(help));
    }
    let mut days = Vec::new();
    for word in t.texts("weekdays") {
        match WEEKDAYS.iter().find(|(name, _)| *name == word.value) {
            Some((_, day)) => days.push(*day),
            None => {
                let lower = word.value.to_lowercase();
                let long = WEEKDAYS.iter().map(|(name, _)| *name).find(|name| lower.starts_with(name));
                let near = long.or_else(|| did_you_mean(&lower, WEEKDAYS.iter().map(|(name, _)| *name)));
                let help =
                    near.map_or("one of mon, tue, wed, thu, fri, sat, sun".to_owned(), |n| format!("did you mean \"{n}\"?"));
                t.problem(word.span, format!("`weekdays` cannot have \"{}\"", word.value), Some(help));
            }
        }
    }
    days
}

/// `hours`, such as "22:00-06:00".
pub(super) fn read_span(t: &Table<'_>) -> Option<(Time, Time)> {
    let word = t.text("hours")?;
    // The end of a day is the beginning of the next.
    let end = |text: &str| if text == "24:00" { Some(Time::midnight()) } else { Time::strptime("%H:%M", text).ok() };
    let parsed = word.value.split_once('-').and_then(|(from, to)| {
        let whole = from.len() == 5 && to.len() == 5;
        Some((Time::strptime("%H:%M", from).ok()?, end(to)?)).filter(|_| whole)
    });
    if parsed.is_none() {
        let help = "local hours such as \"09:00-17:00\", or \"22:00-06:00\" for a night".to_owned();
        t.problem(word.span, format!("`hours` cannot be \"{}\"", word.value), Some(help));
    }
    parsed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_hold_past_midnight_and_count_for_the_day_they_begin_on() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let time = |text: &str| Time::strptime("%H:%M", text).unwrap();
        let night = Hours { zone: zone.clone(), weekdays: vec![Weekday::Friday], from: time("22:00"), to: time("06:00") };
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        // Friday 20 November 2026, Berlin is UTC+1.
        assert!(!night.hold(at("2026-11-20T20:59:59Z")) && night.hold(at("2026-11-20T21:00:00Z")));
        assert!(night.hold(at("2026-11-21T04:59:59Z")) && !night.hold(at("2026-11-21T05:00:00Z")));
        assert!(!night.hold(at("2026-11-20T03:00:00Z")), "that night began on a Thursday");
        let always = Hours { zone, weekdays: Vec::new(), from: Time::midnight(), to: Time::midnight() };
        assert!(always.hold(at("2026-11-20T03:00:00Z")) && always.hold(at("2026-11-20T23:00:00Z")));
    }
}
