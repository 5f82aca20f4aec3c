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
            // Of a calendar that could not be read nobody knows where its gaps are.
            true if !problems.is_empty() => {}
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

/// A step that calls nobody but rotas which may have gaps, at a moment when none of them has anybody: refused.
pub(super) fn check_steps(source: &Source, config: &Config, now: Timestamp, problems: &Problems) {
    let horizon = horizon(now);
    for ladder in &config.ladders {
        for (n, step) in ladder.steps.iter().enumerate() {
            let Some(rotas) = rotas_of(step, config) else { continue };
            let Some(from) = first_moment_without(&rotas, now, horizon) else { continue };
            let local = rotas[0].zone.to_datetime(from).strftime("%a %Y-%m-%d %H:%M");
            let words =
                format!("step {} of ladder `{}` reaches nobody from {local}: its rotas have a gap there", n + 1, ladder.name);
            problems.whole(&source.path, words);
        }
    }
}

/// The rotas of a step that calls nobody else, if some of them may have gaps; the others were checked by themselves.
fn rotas_of<'c>(step: &config::Step, config: &'c Config) -> Option<Vec<&'c Rota>> {
    let rota = |who: &config::Who| match who {
        config::Who::Name(name) => config.rotas.iter().find(|rota| rota.name == *name),
        config::Who::Address(_) => None,
    };
    let rotas: Option<Vec<&Rota>> = step.to.iter().map(rota).collect();
    rotas.filter(|rotas| !rotas.is_empty() && rotas.iter().all(|rota| rota.gaps))
}

/// The first moment at which none of these rotas has anybody: it is where a gap of one of them begins.
fn first_moment_without(rotas: &[&Rota], now: Timestamp, horizon: Timestamp) -> Option<Timestamp> {
    let mut begins: Vec<Timestamp> = rotas.iter().flat_map(|rota| oncall::gaps(rota, now, horizon)).map(|gap| gap.from).collect();
    begins.sort_unstable();
    begins.into_iter().find(|at| rotas.iter().all(|rota| oncall::on_call(rota, *at).is_empty()))
}

fn horizon(now: Timestamp) -> Timestamp {
    now.saturating_add(SignedDuration::from_hours(24 * HORIZON_DAYS)).unwrap_or(Timestamp::MAX)
}

/// "nobody is on call in rota `primary` from Sat 2026-12-05 18:00 to Mon 2026-12-07 09:00 (and 3 more)", local.
fn gap_of(rota: &Rota, now: Timestamp) -> Option<String> {
    let horizon = horizon(now);
    let gaps = oncall::gaps(rota, now, horizon);
    let first = gaps.first()?;
    let local = |at: Timestamp| rota.zone.to_datetime(at).strftime("%a %Y-%m-%d %H:%M").to_string();
    let until = if first.to == horizon { "on".to_owned() } else { format!("to {}", local(first.to)) };
    let more = if gaps.len() > 1 { format!(" (and {} more)", gaps.len() - 1) } else { String::new() };
    Some(format!("nobody is on call in rota `{}` from {} {until}{more}", rota.name, local(first.from)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::repository;

    /// A policy of a folder with this calendar and these words below its rota.
    fn policy(folder: &Path, calendar: &str, words: &str) -> Policy {
        let person = "[[person]]\nname = \"amara\"\naddresses = [\"Amara@example.org\"]\n";
        let rota = format!("[[rota]]\nname = \"second\"\ntime_zone = \"Europe/Berlin\"\nical = \"cal/oncall.ics\"\n{words}");
        let sample = std::fs::read_to_string(repository("config/triaged.toml")).unwrap();
        fs::create_dir_all(folder.join("cal")).unwrap();
        fs::write(folder.join("cal/oncall.ics"), calendar).unwrap();
        fs::write(folder.join("triaged.toml"), format!("{sample}\n{person}{rota}")).unwrap();
        Policy::load(&folder.join("triaged.toml")).unwrap_or_else(|faults| panic!("{faults}"))
    }

    fn event(lines: &str) -> String {
        format!("BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\n{lines}\nSUMMARY:amara\nEND:VEVENT\nEND:VCALENDAR\n")
    }

    #[test]
    fn a_calendar_that_runs_out_is_a_warning_and_a_sentence_for_the_alarm_unless_gaps_are_meant() {
        let folder = tempfile::tempdir().unwrap();
        let once = event("DTSTART:20260105T080000Z\nDTEND:20260112T080000Z");
        let loaded = policy(folder.path(), &once, "");
        assert!(loaded.warnings.iter().any(|w| w.contains("nobody is on call in rota `second`")), "{:?}", loaded.warnings);
        let at = |text: &str| loaded.rota_gaps(text.parse().unwrap());
        assert_eq!(at("2026-01-06T12:00:00Z"), ["nobody is on call in rota `second` from Mon 2026-01-12 09:00 on"]);
        let meant = policy(folder.path(), &once, "gaps = true\n");
        assert!(meant.warnings.is_empty() && meant.rota_gaps("2026-01-06T12:00:00Z".parse().unwrap()).is_empty());
        let endless = policy(folder.path(), &event("DTSTART:20260105T080000Z\nDURATION:P1D\nRRULE:FREQ=DAILY"), "");
        assert_eq!(endless.warnings, Vec::<String>::new());
    }

    #[test]
    fn a_changed_calendar_is_a_changed_policy_and_its_folder_is_watched() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("triaged.toml");
        let loaded = policy(folder.path(), &event("DTSTART:20260105T080000Z\nDURATION:P1D\nRRULE:FREQ=DAILY"), "");
        assert!(loaded.folders(&config).contains(&folder.path().join("cal")));
        let before = loaded.fingerprint(&config);
        assert_eq!(before, loaded.fingerprint(&config));
        fs::write(folder.path().join("cal/oncall.ics"), event("DTSTART:20260105T080000Z\nDURATION:P2D\nRRULE:FREQ=DAILY"))
            .unwrap();
        assert_ne!(before, loaded.fingerprint(&config));
    }

    #[test]
    fn a_step_whose_rotas_all_have_a_gap_at_once_is_refused_and_one_that_another_covers_is_not() {
        let sample = std::fs::read_to_string(repository("config/triaged.toml")).unwrap();
        let layer = |name: &str, hours: &str| {
            format!(
                "[[rota]]\nname = \"{name}\"\ntime_zone = \"Europe/Berlin\"\ngaps = true\n[[rota.layer]]\npeople = [\"amara\"]\n\
                 start = \"2026-01-05T09:00\"\nturn = \"weekly\"\nhours = \"{hours}\"\n"
            )
        };
        let person = "[[person]]\nname = \"amara\"\naddresses = [\"amara@example.org\"]\n";
        let load = |night: &str| {
            let (day, night) = (layer("day", "08:00-20:00"), layer("night", night));
            let ladder = "[[ladder]]\nname = \"turns\"\n[[ladder.step]]\nto = [\"day\", \"night\"]\nwait = \"9 min\"\n";
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("t.toml");
            fs::write(&path, format!("{sample}\n{person}{day}{night}{ladder}")).unwrap();
            Policy::load(&path).map(|_| ()).map_err(|faults| faults.to_string())
        };
        assert_eq!(load("20:00-08:00"), Ok(()));
        let refused = load("21:00-08:00").unwrap_err();
        assert!(refused.contains("step 1 of ladder `turns` reaches nobody from") && refused.contains("20:00"), "{refused}");
    }

    #[test]
    fn addresses_of_persons_are_our_own() {
        let folder = tempfile::tempdir().unwrap();
        let loaded = policy(folder.path(), &event("DTSTART:20260105T080000Z\nDURATION:P1D\nRRULE:FREQ=DAILY"), "");
        assert!(loaded.config.own_addresses().contains(&"amara@example.org".to_owned()));
    }
}
