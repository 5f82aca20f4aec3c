//! Rotas in a policy: their calendar files are read here, and nobody on call within the next 90 days is found here, while
//! there is time to do something about it.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::SignedDuration;

use super::{Policy, read_file};
use crate::clock::{Clock, Timestamp};
use crate::config::{self, Config, Rota};
use crate::oncall::{self, ical};
use crate::problem::{Faults, Problems, Source};
use crate::table::Word;

/// So far ahead nobody may be missing.
pub const HORIZON_DAYS: i64 = 90;

impl Policy {
    /// Reads the config and the calendars of its rotas, and nothing else: for commands that show who is on call, also
    /// where a gap keeps the policy from being loaded. Comes with warnings, as [`Policy::warnings`].
    ///
    /// # Errors
    /// Everything that is wrong in the config or in a calendar.
    pub fn load_rotas(path: &Path) -> Result<(Config, Vec<String>), Faults> {
        let problems = Problems::default();
        let Some(source) = read_file(path, &problems) else { return Err(problems.into_faults()) };
        let mut config = config::read(&source, &problems);
        read_calendars(&mut config, Clock::System.now(), &problems);
        let warnings = problems.warnings();
        problems.into_result(|| (config, warnings))
    }

    /// A sentence for every rota that has nobody on call at some moment of the 90 days after `now`, unless it is allowed
    /// to. Those of layers were refused at load; a calendar runs out by itself.
    pub fn rota_gaps(&self, now: Timestamp) -> Vec<String> {
        self.config.rotas.iter().filter(|rota| !rota.gaps).filter_map(|rota| gap_of(rota, now)).collect()
    }
}

/// Puts what calendar files say into the rotas that name one.
pub(super) fn read_calendars(config: &mut Config, now: Timestamp, problems: &Problems) {
    let Config { rotas, people, .. } = config;
    for rota in rotas {
        let Some(source) = rota.ical.as_deref().and_then(|path| read_calendar(path, problems)) else { continue };
        rota.calendar = ical::read(&source, &rota.zone, people, now, problems);
    }
}

fn read_calendar(path: &Path, problems: &Problems) -> Option<Source> {
    let too_large = fs::metadata(path).is_ok_and(|about| about.len() > ical::LARGEST as u64);
    if too_large {
        problems.whole(path, "this calendar is larger than 4 MiB: export a year of it, not all of its past");
        return None;
    }
    let bytes = fs::read(path).map_err(|error| problems.whole(path, format!("cannot be read: {error}"))).ok()?;
    // Lines may be folded in the middle of a character (RFC 5545 section 3.1): names of persons have none that could be.
    let text = String::from_utf8_lossy(&bytes);
    Some(Source::new(path, text.strip_prefix('\u{feff}').unwrap_or(&text)))
}

/// The calendar files of a config.
pub(super) fn calendar_files(config: &Config) -> impl Iterator<Item = &PathBuf> {
    config.rotas.iter().filter_map(|rota| rota.ical.as_ref())
}

/// A gap in a rota of layers is the operator's mistake and refused; one in a calendar may be somebody else's, who cannot
/// be made to mend it before we start: a warning.
pub(super) fn check_rotas(source: &Source, config: &Config, places: &[Word], now: Timestamp, problems: &Problems) {
    for (rota, place) in config.rotas.iter().zip(places).filter(|(rota, _)| !rota.gaps) {
        let Some(message) = gap_of(rota, now) else { continue };
        match rota.ical.is_some() {
            true => {
                let help = "fill it in the calendar and export it again, or put somebody there with [[rota.override]]";
                problems.warn(source, place.span.clone(), message, Some(help.into()));
            }
            false => {
                let help = "add a [[rota.layer]] or [[rota.override]] that covers it, or gaps = true where others are woken then";
                problems.at(source, place.span.clone(), message, Some(help.into()));
            }
        }
    }
}

/// "nobody is on call in rota `primary` from Sat 2026-12-05 18:00 to Mon 2026-12-07 09:00 (and 3 more)", local.
fn gap_of(rota: &Rota, now: Timestamp) -> Option<String> {
    let horizon = now.saturating_add(SignedDuration::from_hours(24 * HORIZON_DAYS)).unwrap_or(Timestamp::MAX);
    let gaps = oncall::gaps(rota, now, horizon);
    let first = gaps.first()?;
    let local = |at: Timestamp| rota.zone.to_datetime(at).strftime("%a %Y-%m-%d %H:%M").to_string();
    let until = if first.to == horizon { "on".to_owned() } else { format!("to {}", local(first.to)) };
    let more = if gaps.len() > 1 { format!(" (and {} more)", gaps.len() - 1) } else { String::new() };
    Some(format!("nobody is on call in rota `{}` from {} {until}{more}", rota.name, local(first.from)))
}
