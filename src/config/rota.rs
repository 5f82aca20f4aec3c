//! Persons and rotas: who can be woken, and how they take turns. Only the words are here; who is on call at a moment is
//! worked out by [`crate::oncall`], and what a calendar file says is put in by [`crate::policy`].

use std::path::PathBuf;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;

use super::read::{Ground, Names, addresses, identifier};
use super::time::{read_span, read_weekdays, read_zone};
use crate::problem::did_you_mean;
use crate::table::{Table, Word};

/// Longest turn of a layer, days.
const LONGEST_TURN: i64 = 366;
/// `[[person]]`: somebody who can be woken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Name used by rotas, ladders and commands.
    pub name: String,
    /// Mail addresses, as written.
    pub addresses: Vec<String>,
    /// Names of webhooks that reach them. Never empty where `addresses` is.
    pub webhooks: Vec<String>,
}

/// `[[rota]]`: who is on call when, from layers or from a calendar file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rota {
    /// Name used by ladders and commands.
    pub name: String,
    /// Where its days begin and its hours are counted.
    pub zone: TimeZone,
    /// Who takes turns; a later layer covers an earlier one where it has somebody. Empty where there is a calendar.
    pub layers: Vec<Layer>,
    /// Who stands in, whatever layers or calendar say.
    pub overrides: Vec<Override>,
    /// The iCalendar file it is read from instead of layers.
    pub ical: Option<PathBuf>,
    /// What that file says: empty until the policy has read it.
    pub calendar: Vec<Shift>,
    /// Nobody on call is no mistake here: the operator said so.
    pub gaps: bool,
}

/// `[[rota.layer]]`: people who take turns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Names of persons, in turn; at least one.
    pub people: Vec<String>,
    /// The first handover, local. Every other is at the same local hour.
    pub start: DateTime,
    /// Days from one handover to the next; at least 1.
    pub turn: i64,
    /// Only on these days; empty: on all.
    pub weekdays: Vec<Weekday>,
    /// Only from this local hour to that one; where the second is not later, it is the next day's.
    pub hours: Option<(Time, Time)>,
}

/// `[[rota.override]]`: one person instead of whoever would be on call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// Who.
    pub person: String,
    /// First moment.
    pub from: Timestamp,
    /// First moment after it.
    pub to: Timestamp,
}

/// An event of a calendar: one person's shift, once or again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shift {
    /// Name of the person.
    pub person: String,
    /// Where its hours are counted.
    pub zone: TimeZone,
    /// When the first begins, local.
    pub start: DateTime,
    /// When the first ends, local: each ends at that hour.
    pub end: DateTime,
    /// How it repeats.
    pub repeat: Option<Repeat>,
    /// Moments at which it would begin, but does not; sorted.
    pub except: Vec<Timestamp>,
}

/// How an event repeats: on some days of a cycle of days, for ever or until a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeat {
    /// First day of the first cycle, not after the event's first day.
    pub anchor: Date,
    /// Length of a cycle in days; at least 1.
    pub cycle: i64,
    /// Days after the beginning of a cycle on which it happens: ascending, at least one, each less than `cycle`.
    pub days: Vec<i64>,
    /// The last moment at which it may begin; `None`: it never ends.
    pub until: Option<Timestamp>,
}

/// All `[[person]]`, names unique; `outward` gathers their addresses, `webhooks` the names they use.
pub(super) fn read_people(root: &Table<'_>, names: &mut Names, outward: &mut Vec<Word>, webhooks: &mut Vec<Word>) -> Vec<Person> {
    root.tables("person").iter().map(|t| read_person(t, names, outward, webhooks)).collect()
}

fn read_person(t: &Table<'_>, names: &mut Names, outward: &mut Vec<Word>, webhooks: &mut Vec<Word>) -> Person {
    let name = identifier(t, "name");
    names.add(t, &name);
    if t.lacks("addresses") && t.lacks("webhooks") {
        let help = "give at least one of `addresses`, or of `webhooks`".to_owned();
        t.problem(t.span(), format!("nothing reaches the person `{}`", name.value), Some(help));
    }
    let (mails, hooks) = (addresses(t, "addresses"), t.texts("webhooks"));
    t.finish();
    let plain = |words: &[Word]| words.iter().map(|word| word.value.clone()).collect();
    let person = Person { name: name.value, addresses: plain(&mails), webhooks: plain(&hooks) };
    outward.extend(mails);
    webhooks.extend(hooks);
    person
}

/// All `[[rota]]`, names unique and no person's; `places` gathers where each is named, in the same order.
pub(super) fn read_rotas(
    root: &Table<'_>,
    ground: &Ground,
    people: &Names,
    names: &mut Names,
    places: &mut Vec<Word>,
) -> Vec<Rota> {
    root.tables("rota").iter().map(|t| read_rota(t, ground, people, names, places)).collect()
}

fn read_rota(t: &Table<'_>, ground: &Ground, people: &Names, names: &mut Names, places: &mut Vec<Word>) -> Rota {
    let name = identifier(t, "name");
    names.add(t, &name);
    if people.holds(&name.value) {
        let help = "a step of a ladder that names it must know which of the two is meant".to_owned();
        t.problem(name.span.clone(), format!("`{}` is a person already", name.value), Some(help));
    }
    let zone = read_zone(t);
    let layers: Vec<Layer> = t.tables("layer").iter().map(|layer| read_layer(layer, people)).collect();
    let overrides = t.tables("override").iter().filter_map(|entry| read_override(entry, &zone, people)).collect();
    let ical = t.has("ical").then(|| ground.path(&t.need_text("ical")));
    check_source(t, &name, ical.is_some());
    let gaps = t.flag("gaps").unwrap_or(false);
    t.finish();
    let rota = Rota { name: name.value.clone(), zone, layers, overrides, ical, calendar: Vec::new(), gaps };
    places.push(name);
    rota
}

fn check_source(t: &Table<'_>, name: &Word, ical: bool) {
    match (ical, t.lacks("layer")) {
        (true, false) => {
            let help = "keep `ical` or the layers; [[rota.override]] goes with either".to_owned();
            t.problem(t.span_of("ical"), "a rota is read from layers or from a calendar, not from both", Some(help));
        }
        (false, true) => {
            let help = "add [[rota.layer]] with `people`, `start` and `turn`, or name a calendar file: ical = \"oncall.ics\"";
            t.problem(t.span(), format!("nobody is ever on call in rota `{}`", name.value), Some(help.to_owned()));
        }
        _ => {}
    }
}

fn read_layer(t: &Table<'_>, people: &Names) -> Layer {
    if t.lacks("people") {
        let help = "`people` needs at least one name of a [[person]]".to_owned();
        t.problem(t.span_of("people"), "this layer has nobody", Some(help));
    }
    let in_turn = t.texts("people").iter().map(|word| people.check(t, word)).collect();
    let start = read_local(t, "start").map_or(DateTime::MIN, |(start, _)| start);
    let layer = Layer { people: in_turn, start, turn: read_turn(t), weekdays: read_weekdays(t), hours: read_span(t) };
    t.finish();
    layer
}

fn read_override(t: &Table<'_>, zone: &TimeZone, people: &Names) -> Option<Override> {
    let person = people.check(t, &t.need_text("person"));
    let (from, to) = (read_local(t, "from"), read_local(t, "to"));
    t.finish();
    let ((from, _), (to, word)) = (from?, to?);
    if to <= from {
        t.problem(word.span, "this override ends before it begins", Some("`to` is the first moment after it".into()));
        return None;
    }
    Some(Override { person, from: zone.to_timestamp(from).ok()?, to: zone.to_timestamp(to).ok()? })
}

/// A local date and hour, and where it stands.
fn read_local(t: &Table<'_>, key: &'static str) -> Option<(DateTime, Word)> {
    let word = t.need_text(key);
    let parsed = DateTime::strptime("%Y-%m-%dT%H:%M", &word.value).ok();
    if parsed.is_none() && !word.value.trim().is_empty() {
        let help = "a date and a local hour, such as \"2026-01-05T09:00\"".to_owned();
        t.problem(word.span.clone(), format!("`{key}` is no such moment: \"{}\"", word.value), Some(help));
    }
    Some((parsed?, word))
}

/// "daily", "weekly" or "10 days", in days.
fn read_turn(t: &Table<'_>) -> i64 {
    let word = t.need_text("turn");
    let days = match word.value.as_str() {
        "daily" => Some(1),
        "weekly" => Some(7),
        other => other.strip_suffix("days").and_then(|number| number.trim().parse().ok()),
    };
    let days = days.filter(|days| (1..=LONGEST_TURN).contains(days));
    if days.is_none() && !word.value.trim().is_empty() {
        let near = did_you_mean(&word.value, ["daily", "weekly"]).map(|near| format!("did you mean \"{near}\"? "));
        let help =
            format!("{}\"daily\", \"weekly\", or a number of days up to {LONGEST_TURN}: \"10 days\"", near.unwrap_or_default());
        t.problem(word.span, format!("`turn` cannot be \"{}\"", word.value), Some(help));
    }
    days.unwrap_or(1)
}
