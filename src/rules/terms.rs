//! Terms and how they are found: every term of every rule in one automaton over the folded text,
//! so that a mail is read once however many terms there are.

use std::collections::BTreeMap;

use aho_corasick::AhoCorasick;

use super::fold::{Folded, fold, unspaced_width};
use super::readings::{others, squeeze};

/// Number of a distinct folded term.
pub type TermId = u32;
/// Number of a distinct set of terms: what a rule asks for.
pub type GroupId = usize;

/// Positions left free between two fields, so that no `near` reaches across.
const FIELD_GAP: u32 = 1 << 12;

/// Why a term cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TermFault {
    /// No letter and no digit in it.
    Empty,
    /// A `*` that is neither its first nor its last character.
    InnerStar,
}

/// The folded spelling that the automaton looks for: with a space at each end that must be the end of a word.
pub fn pattern(term: &str) -> Result<String, TermFault> {
    let trimmed = term.trim();
    let (open_start, rest) = trimmed.strip_prefix('*').map_or((false, trimmed), |rest| (true, rest));
    let (open_end, rest) = rest.strip_suffix('*').map_or((false, rest), |rest| (true, rest));
    if rest.contains('*') {
        return Err(TermFault::InnerStar);
    }
    let folded = fold(rest);
    let words = folded.text.trim_matches(' ');
    let (Some(first), Some(last)) = (words.chars().next(), words.chars().next_back()) else { return Err(TermFault::Empty) };
    let left = if open_start || unspaced_width(first).is_some() { "" } else { " " };
    let right = if open_end || unspaced_width(last).is_some() { "" } else { " " };
    Ok(format!("{left}{words}{right}"))
}

/// A place where a group was found. Ordered by place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// Where its first word begins, in quarter words over all fields.
    pub from: u32,
    /// Where the word after it begins.
    pub to: u32,
    /// Index of the field.
    pub field: u8,
    /// Byte offsets into the field's text.
    pub start: u32,
    /// See `start`.
    pub end: u32,
    /// The term.
    pub term: TermId,
}

/// Collects terms and groups while rules are compiled.
#[derive(Debug, Default)]
pub struct Builder {
    ids: BTreeMap<String, TermId>,
    shown: Vec<String>,
    groups: BTreeMap<Vec<TermId>, GroupId>,
}

impl Builder {
    /// The number of a pattern made by [`pattern`]; `shown` is how the operator wrote it.
    pub fn term(&mut self, pattern: String, shown: &str) -> TermId {
        let next = self.shown.len() as TermId;
        let id = *self.ids.entry(pattern).or_insert(next);
        match self.shown.get_mut(id as usize) {
            // The spelling shown must not depend on the order of files.
            Some(known) if shown < known.as_str() => *known = shown.to_owned(),
            Some(_) => {}
            None => self.shown.push(shown.to_owned()),
        }
        id
    }

    /// The number of a set of terms.
    pub fn group(&mut self, mut terms: Vec<TermId>) -> GroupId {
        terms.sort_unstable();
        terms.dedup();
        let next = self.groups.len();
        *self.groups.entry(terms).or_insert(next)
    }

    /// Builds the automaton.
    ///
    /// # Errors
    /// When the terms together are more than the automaton can hold (some hundred megabytes).
    pub fn finish(self) -> Result<Terms, aho_corasick::BuildError> {
        let mut patterns: BTreeMap<String, Owners> = BTreeMap::new();
        for (pattern, id) in &self.ids {
            patterns.entry(squeeze(pattern)).or_default().squeezed.push(*id);
            patterns.entry(pattern.clone()).or_default().plain = Some(*id);
        }
        let automaton = if patterns.is_empty() { None } else { Some(AhoCorasick::new(patterns.keys())?) };
        let mut groups_of = vec![Vec::new(); self.shown.len()];
        for (terms, group) in &self.groups {
            for term in terms {
                groups_of[*term as usize].push(*group);
            }
        }
        let owners = patterns.into_values().collect();
        Ok(Terms { automaton, owners, shown: self.shown, groups_of, groups: self.groups.len() })
    }
}

/// The terms that a spelling in the automaton stands for.
#[derive(Debug, Default)]
struct Owners {
    plain: Option<TermId>,
    squeezed: Vec<TermId>,
}

/// All terms, ready to be looked for.
#[derive(Debug, Default)]
pub struct Terms {
    /// `None` without a single term.
    automaton: Option<AhoCorasick>,
    owners: Vec<Owners>,
    shown: Vec<String>,
    groups_of: Vec<Vec<GroupId>>,
    groups: usize,
}

impl Terms {
    /// How the operator wrote a term.
    pub fn shown(&self, term: TermId) -> &str {
        &self.shown[term as usize]
    }

    /// Looks for all terms in the fields of a mail.
    pub fn scan(&self, fields: &[&str]) -> Hits {
        let mut hits = Hits { by_group: vec![Vec::new(); self.groups] };
        let mut base = 0;
        for (field, text) in fields.iter().enumerate() {
            let plain = fold(text);
            if plain.tokens.is_empty() {
                continue;
            }
            self.scan_reading(&plain, field as u8, base, true, &mut hits);
            for other in others(text, &plain) {
                self.scan_reading(&other, field as u8, base, false, &mut hits);
            }
            base += plain.tokens.last().map_or(0, |t| t.to) + FIELD_GAP;
        }
        for found in &mut hits.by_group {
            found.sort_unstable();
            found.dedup_by_key(|f| (f.from, f.to));
        }
        hits
    }

    fn scan_reading(&self, folded: &Folded, field: u8, base: u32, plain: bool, hits: &mut Hits) {
        let Some(automaton) = &self.automaton else { return };
        for hit in automaton.find_overlapping_iter(&folded.text) {
            let owners = &self.owners[hit.pattern().as_usize()];
            let terms: &[TermId] = if plain { owners.plain.as_slice() } else { &owners.squeezed };
            if terms.is_empty() {
                continue;
            }
            let tokens = &folded.tokens[folded.tokens_at(hit.start(), hit.end())];
            let (Some(first), Some(last)) = (tokens.first(), tokens.last()) else { continue };
            if !plain && !tokens.iter().any(|t| t.altered) {
                continue;
            }
            let place =
                |term| Found { from: base + first.from, to: base + last.to, field, start: first.start, end: last.end, term };
            for term in terms {
                for group in &self.groups_of[*term as usize] {
                    hits.by_group[*group].push(place(*term));
                }
            }
        }
    }
}

/// Where each group was found in one mail.
#[derive(Debug)]
pub struct Hits {
    by_group: Vec<Vec<Found>>,
}

impl Hits {
    /// The places of a group, in order.
    pub fn of(&self, group: GroupId) -> &[Found] {
        &self.by_group[group]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words of `text` that `term` is found in.
    fn found(term: &str, text: &str) -> Vec<String> {
        let mut builder = Builder::default();
        let id = builder.term(pattern(term).unwrap(), term);
        let group = builder.group(vec![id]);
        let hits = builder.finish().unwrap().scan(&[text]);
        hits.of(group).iter().map(|f| text[f.start as usize..f.end as usize].to_owned()).collect()
    }

    #[test]
    fn white_space_and_punctuation_between_words_do_not_matter() {
        assert_eq!(found("kill myself", "I'll KILL,\n -- myself."), ["KILL,\n -- myself"]);
        assert_eq!(found("kill myself", "skill myself, kill myselfish"), [""; 0]);
    }

    #[test]
    fn a_star_opens_an_end_of_the_word() {
        assert_eq!(found("suicid*", "suicide and suicidal, not parasuicide"), ["suicide", "suicidal"]);
        assert_eq!(found("*suicide", "suicide and parasuicide, not suicides"), ["suicide", "parasuicide"]);
        assert_eq!(found("*mord*", "Selbstmordgedanken"), ["Selbstmordgedanken"]);
    }

    #[test]
    fn a_term_is_a_substring_in_scripts_without_spaces() {
        assert_eq!(found("杀了你", "我要 杀，了你们!"), ["杀，了你"]);
        assert_eq!(found("ฆ่าตัวตาย", "ฉันอยากฆ่าตัวตายคืนนี้").len(), 1);
    }

    #[test]
    fn disguises_are_seen_through_and_shown_as_written() {
        assert_eq!(found("kill you", "I will k1ll you"), ["k1ll you"]);
        assert_eq!(found("kill you", "I will k.i.l.l you"), ["k.i.l.l you"]);
        assert_eq!(found("kill you", "I will kiiiill you"), ["kiiiill you"]);
        assert_eq!(found("suicide", "su\u{456}cide"), ["su\u{456}cide"]);
        assert_eq!(found("god", "good"), [""; 0]);
    }

    #[test]
    fn a_term_without_letters_or_with_a_star_inside_is_refused() {
        assert_eq!(pattern(" *!* "), Err(TermFault::Empty));
        assert_eq!(pattern("ki*ll"), Err(TermFault::InnerStar));
    }
}
