//! Whose shift an event is: the attendee whose address we know, else whoever its summary names. Where a summary names
//! several persons, all of them: one too many is woken rather than one too few.

use super::event::Event;
use crate::config::Person;

/// What to do about an event that is nobody's.
pub(super) const HELP: &str =
    "give the [[person]] the address that the calendar invites, or put the person's name into the event's summary";

/// Whom an event means.
pub(super) enum Found {
    /// Names of persons, at least one.
    People(Vec<String>),
    /// None that we know, and why.
    Nobody(&'static str),
}

/// Whose shift it is.
pub(super) fn is_meant(event: &Event, people: &[Person]) -> Found {
    let known: Vec<_> = event.all("ATTENDEE").filter_map(|line| Some((line, by_address(bare(&line.value), people)?))).collect();
    let declined = |line: &super::line::Line| line.param("PARTSTAT").is_some_and(|word| word.eq_ignore_ascii_case("DECLINED"));
    let mut names: Vec<String> = known.iter().filter(|(line, _)| !declined(line)).map(|(_, name)| (*name).to_owned()).collect();
    if names.is_empty() && !known.is_empty() {
        return Found::Nobody("this event is nobody's shift: whoever it invites has declined");
    }
    if names.is_empty() {
        names = event.one("SUMMARY").map_or_else(Vec::new, |line| in_text(&line.text(), people));
    }
    names.sort_unstable();
    names.dedup();
    match names.is_empty() {
        true => Found::Nobody("this event is nobody's shift: neither attendees nor summary name a person of the config"),
        false => Found::People(names),
    }
}

/// PagerDuty leaves out the `mailto:` that others write.
fn bare(value: &str) -> &str {
    let value = value.trim();
    match value.get(..7) {
        Some(scheme) if scheme.eq_ignore_ascii_case("mailto:") => &value[7..],
        _ => value,
    }
}

fn by_address<'p>(address: &str, people: &'p [Person]) -> Option<&'p str> {
    let mut found = people.iter().filter(|p| p.addresses.iter().any(|a| a.eq_ignore_ascii_case(address)));
    found.next().map(|person| person.name.as_str())
}

/// Persons whose address or whole name stands in a text: `jane-doe` is also found as "Jane Doe", and not inside "Janet".
fn in_text(text: &str, people: &[Person]) -> Vec<String> {
    let edge = |c: char| c.is_whitespace() || "<>()[],;:\"'".contains(c);
    let (addresses, words): (Vec<&str>, Vec<&str>) = text.split(edge).partition(|word| word.contains('@'));
    let mut found: Vec<String> = addresses.iter().filter_map(|word| by_address(word, people)).map(str::to_owned).collect();
    let words: Vec<String> = words
        .iter()
        .flat_map(|word| word.split(|c: char| !c.is_alphanumeric()))
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    let mut at = 0;
    while at < words.len() {
        // The longest name: "amara-lee" is not also `amara`.
        let parts = |person: &Person| person.name.split('-').filter(|part| !part.is_empty()).count();
        let here = people.iter().filter(|person| stands_at(&words[at..], &person.name)).max_by_key(|person| parts(person));
        found.extend(here.map(|person| person.name.clone()));
        at += here.map_or(1, |person| parts(person).max(1));
    }
    found
}

fn stands_at(words: &[String], name: &str) -> bool {
    let parts: Vec<&str> = name.split('-').filter(|part| !part.is_empty()).collect();
    !parts.is_empty() && words.len() >= parts.len() && parts.iter().zip(words).all(|(part, word)| part == word)
}
