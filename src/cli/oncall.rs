//! `triaged oncall`: who is on call, and where nobody is. It reads the config and its calendars alone, so that it answers
//! also while a gap, or a broken rule, keeps the policy from being loaded.

use std::path::Path;

use clap::Subcommand;
use jiff::SignedDuration;
use jiff::civil::DateTime;

use super::{Answer, Failure, NO, OK, config_path, show};
use crate::clock::{Clock, Timestamp};
use crate::config::{Config, Rota};
use crate::oncall::{Span, on_call, shifts};
use crate::policy::{HORIZON_DAYS, Policy};

/// How far `who` looks for the next handover, days.
const NEXT: i64 = 35;

/// What can be asked about rotas.
#[derive(Subcommand)]
pub(super) enum Command {
    /// Who is on call
    Who {
        /// At this moment [default: now]: 2026-12-24T10:00 (each rota's local time) or 2026-12-24T09:00:00Z
        #[arg(long, value_name = "TIME")]
        at: Option<String>,
    },
    /// Every handover of the next weeks, in each rota's local time
    Calendar {
        /// How many weeks
        #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(i64).range(1..=104))]
        weeks: i64,
    },
    /// Where nobody is on call, but in rotas with gaps = true; exit code 1 if there is such a time
    Gaps {
        /// How many days ahead
        #[arg(long, default_value_t = HORIZON_DAYS, value_parser = clap::value_parser!(i64).range(1..=730))]
        days: i64,
    },
}

pub(super) fn answer(config: Option<&Path>, command: Command, json: bool) -> Answer {
    let (config, warnings) = Policy::load_rotas(&config_path(config)?)?;
    warnings.iter().for_each(|warning| show::complain(warning));
    let now = Clock::System.now();
    match command {
        Command::Who { at } => who(&config, at.as_deref(), now, json),
        Command::Calendar { weeks } => calendar(&config, now, weeks, json),
        Command::Gaps { days } => list_gaps(&config, now, days, json),
    }
}

/// A moment that somebody typed: the same for all, or an hour that is local everywhere.
enum Asked {
    Moment(Timestamp),
    Local(DateTime),
}

impl Asked {
    fn parse(typed: &str) -> Option<Asked> {
        let local = ["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"].iter().find_map(|form| DateTime::strptime(form, typed).ok());
        typed.parse().ok().map(Asked::Moment).or(local.map(Asked::Local))
    }

    fn of(&self, rota: &Rota) -> Timestamp {
        match self {
            Asked::Moment(at) => *at,
            Asked::Local(at) => rota.zone.to_timestamp(*at).unwrap_or(Timestamp::MAX),
        }
    }
}

fn who(config: &Config, at: Option<&str>, now: Timestamp, json: bool) -> Answer {
    let asked = match at {
        None => Asked::Moment(now),
        Some(typed) => Asked::parse(typed).ok_or_else(|| {
            Failure::Misuse(format!("error: \"{typed}\" is no moment: write 2026-12-24T10:00, or 2026-12-24T09:00:00Z"))
        })?,
    };
    if json {
        for rota in &config.rotas {
            let at = asked.of(rota);
            show::json(&serde_json::json!({ "rota": rota.name, "at": at, "on_call": on_call(rota, at) }));
        }
        return Ok(OK);
    }
    let rows = config.rotas.iter().map(|rota| now_and_next(rota, asked.of(rota))).collect();
    show::table(&["rota", "on call", "until", "then"], rows, "there is no [[rota]] in the config");
    Ok(OK)
}

fn now_and_next(rota: &Rota, at: Timestamp) -> Vec<String> {
    let to = ahead(at, NEXT);
    let spans = shifts(rota, at, to);
    let mut spans = spans.iter();
    let first = spans.next();
    let until = first.filter(|span| span.to < to).map_or_else(|| "later".to_owned(), |span| local(rota, span.to));
    vec![
        title(rota),
        first.map(|span| names(rota, span)).unwrap_or_default(),
        until,
        spans.next().map(|span| names(rota, span)).unwrap_or_default(),
    ]
}

fn calendar(config: &Config, now: Timestamp, weeks: i64, json: bool) -> Answer {
    let to = ahead(now, 7 * weeks);
    show_all(&handovers(config, now, to), now, to, json, "there is no [[rota]] in the config");
    Ok(OK)
}

fn list_gaps(config: &Config, now: Timestamp, days: i64, json: bool) -> Answer {
    let to = ahead(now, days);
    let mut found = handovers(config, now, to);
    found.retain(|(rota, span)| span.people.is_empty() && !rota.gaps);
    show_all(&found, now, to, json, &format!("somebody is on call at every moment of the next {days} days"));
    Ok(if found.is_empty() { OK } else { NO })
}

/// A rota, and a stretch of it.
type Row<'c> = (&'c Rota, Span<'c>);

fn handovers(config: &Config, from: Timestamp, to: Timestamp) -> Vec<Row<'_>> {
    config.rotas.iter().flat_map(|rota| shifts(rota, from, to).into_iter().map(move |span| (rota, span))).collect()
}

fn show_all(found: &[Row<'_>], now: Timestamp, to: Timestamp, json: bool, nothing: &str) {
    match json {
        true => found.iter().for_each(as_json),
        false => show::table(&HEAD, rows(found, now, to), nothing),
    }
}

const HEAD: [&str; 4] = ["rota", "from", "to", "who"];

/// A row for each stretch; what began before, or goes on after, is not given a handover it does not have.
fn rows(found: &[Row<'_>], now: Timestamp, to: Timestamp) -> Vec<Vec<String>> {
    let row = |(rota, span): &Row<'_>| {
        let from = if span.from == now { "now".to_owned() } else { local(rota, span.from) };
        let until = if span.to == to { "later".to_owned() } else { local(rota, span.to) };
        vec![title(rota), from, until, names(rota, span)]
    };
    found.iter().map(row).collect()
}

fn as_json((rota, span): &Row<'_>) {
    show::json(&serde_json::json!({ "rota": rota.name, "from": span.from, "to": span.to, "on_call": span.people }));
}

fn title(rota: &Rota) -> String {
    format!("{} ({})", rota.name, rota.zone.iana_name().unwrap_or("UTC"))
}

/// A gap catches the eye, unless it is meant.
fn names(rota: &Rota, span: &Span<'_>) -> String {
    match (span.people.is_empty(), rota.gaps) {
        (true, false) => "-- nobody --".to_owned(),
        (true, true) => "nobody".to_owned(),
        (false, _) => span.people.join(", "),
    }
}

fn local(rota: &Rota, at: Timestamp) -> String {
    rota.zone.to_datetime(at).strftime("%a %Y-%m-%d %H:%M").to_string()
}

fn ahead(at: Timestamp, days: i64) -> Timestamp {
    at.saturating_add(SignedDuration::from_hours(24 * days)).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::{differs, repository};

    #[test]
    fn the_calendar_of_the_next_weeks_shows_every_handover_and_marks_gaps() {
        let path = repository("fixtures/calendars/rotas.toml");
        let (config, warnings) = Policy::load_rotas(&path).unwrap_or_else(|faults| panic!("{faults}"));
        assert_eq!(warnings, Vec::<String>::new());
        // Over the end of summer time: 25 October in Europe, 1 November in New York.
        let now: Timestamp = "2026-10-14T10:00:00Z".parse().unwrap();
        let to = ahead(now, 28);
        let shown = show::lines(&HEAD, rows(&handovers(&config, now, to), now, to)).join("\n") + "\n";
        assert!(shown.contains("-- nobody --"), "{shown}");
        assert_eq!(differs(&repository("fixtures/calendars/calendar.golden"), &shown), None);
    }

    #[test]
    fn a_moment_is_typed_as_local_time_of_each_rota_or_as_one_for_all() {
        let rota = |name: &str| Rota {
            name: String::new(),
            zone: jiff::tz::TimeZone::get(name).unwrap(),
            layers: Vec::new(),
            overrides: Vec::new(),
            ical: None,
            calendar: Vec::new(),
            gaps: false,
        };
        let at = |typed: &str, zone: &str| Asked::parse(typed).map(|asked| asked.of(&rota(zone)).to_string());
        assert_eq!(at("2026-12-24T10:00", "Europe/Berlin").as_deref(), Some("2026-12-24T09:00:00Z"));
        assert_eq!(at("2026-12-24 10:00", "America/New_York").as_deref(), Some("2026-12-24T15:00:00Z"));
        assert_eq!(at("2026-12-24T10:00:00+01:00", "America/New_York").as_deref(), Some("2026-12-24T09:00:00Z"));
        assert_eq!(at("tomorrow", "Europe/Berlin"), None);
    }
}
