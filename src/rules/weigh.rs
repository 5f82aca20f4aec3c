//! Signs that are weighed: what else a mail speaks of, each worth a few points for a queue or against it.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::Hit;
use super::compile::{ANY, Language, Rule, Spoken};
use super::conditions::Shown;
use super::judge::{MOST_SHOWN, Mail};
use super::terms::{GroupId, Terms};

/// People of every language mix English words in, and the software and the rules they write about speak it.
const ALWAYS: &str = "en";

/// The signs of one rule.
#[derive(Debug, Default)]
pub struct Signs {
    all: Vec<Sign>,
    /// By language: its words, each with the place of their sign among all.
    words: BTreeMap<Language, Vec<(usize, GroupId)>>,
    /// Their points together are never fewer: one threshold of the queue taken away. So a queue with twice its threshold
    /// passes, whatever else the mail speaks of.
    least: i64,
}

/// One line of `weigh`.
#[derive(Debug)]
struct Sign {
    /// Its points and its words as the operator wrote them, for the trace.
    shown: Arc<str>,
    /// What it counts, below zero against the queue.
    points: i64,
}

impl Signs {
    /// Of a queue with this threshold.
    pub fn new(threshold: i64) -> Self {
        Signs { least: -threshold, ..Signs::default() }
    }

    /// Adds a line: its words as written and in each language, and its points. The order of lines does not matter.
    pub fn add(&mut self, name: &str, words: Spoken, points: i64) {
        let at = self.all.len();
        self.all.push(Sign { shown: format!("{points:+} {name}").into(), points });
        words.into_iter().for_each(|(language, group)| self.words.entry(language).or_default().push((at, group)));
    }

    /// The rule weighs nothing.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The most that they can give.
    pub fn most(&self) -> i64 {
        self.all.iter().map(|sign| sign.points.max(0)).sum()
    }

    /// Their words, with the language of each.
    pub fn words(&self) -> impl Iterator<Item = (Language, GroupId)> {
        self.words.iter().flat_map(|(language, words)| words.iter().map(|(_, group)| (*language, *group)))
    }

    /// The points of the signs that are there in some fields, and a place of each, the weightiest first, as many as
    /// a trace shows; `None` without any.
    pub fn weigh(&self, mail: &Mail<'_>, fields: u8) -> Option<(i64, Vec<Hit>)> {
        let mut there: Vec<(usize, Shown)> = self.there(mail, fields);
        there.sort_unstable();
        there.dedup_by_key(|(sign, _)| *sign);
        let mut signs: Vec<(&Sign, Shown)> = there.into_iter().map(|(sign, place)| (&self.all[sign], place)).collect();
        signs.sort_by(|(a, _), (b, _)| b.points.abs().cmp(&a.points.abs()).then_with(|| a.shown.cmp(&b.shown)));
        let points: i64 = signs.iter().map(|(sign, _)| sign.points).sum();
        let shown = |(sign, place): (&Sign, Shown)| Hit { term: sign.shown.clone(), ..mail.hit(place) };
        let hits: Vec<Hit> = signs.into_iter().take(MOST_SHOWN).map(shown).collect();
        (!hits.is_empty()).then(|| (points.max(self.least), hits))
    }

    /// First places of signs, in the languages that count in the mail.
    fn there(&self, mail: &Mail<'_>, fields: u8) -> Vec<(usize, Shown)> {
        let ranges: Vec<_> = mail.hits.in_fields(fields).collect();
        let spoken = mail.tongues().iter().filter_map(|language| self.words.get(language)).flatten();
        spoken.filter_map(|(sign, group)| Some((*sign, (mail.hits.first(*group, &ranges)?, *group)))).collect()
    }
}

/// Whose words a mail is in, told by the signs themselves: they hold so many plain words of each language that the one with the
/// most signs in a mail is its own, whatever letters it is written in. A word of another language that happens to look like
/// one of its words says nothing.
#[derive(Debug, Default)]
pub struct Tongues {
    /// By group: the language whose sign it is, or [`ANY`].
    by_group: Vec<Language>,
    languages: usize,
    always: Option<Language>,
}

impl Tongues {
    /// Of the signs of rules.
    pub fn new(rules: &[Rule], terms: &Terms, languages: &[String]) -> Self {
        let mut by_group = vec![ANY; terms.groups()];
        for (language, group) in rules.iter().flat_map(|rule| rule.weigh.words()) {
            by_group[group as usize] = language;
        }
        let always = languages.iter().position(|code| code == ALWAYS).map(|at| at as Language);
        Tongues { by_group, languages: languages.len(), always }
    }

    /// The language of which most signs were found; of several one that does not count anyway, then the first; [`ANY`] when there
    /// is none.
    pub fn of(&self, found: &[GroupId]) -> Language {
        let mut counts = vec![0_u32; self.languages.max(1)];
        found.iter().for_each(|group| counts[self.by_group[*group as usize] as usize] += 1);
        let spoken = (0..).zip(counts).skip(1).filter(|(_, count)| *count > 0);
        spoken.max_by_key(|(at, count)| (*count, Some(*at) != self.always, Reverse(*at))).map_or(ANY, |(language, _)| language)
    }

    /// The languages whose words count in a mail whose own is this one, each once.
    pub fn spoken(&self, own: Language) -> Vec<Language> {
        let mut spoken: Vec<Language> = [ANY, own].into_iter().chain(self.always).collect();
        spoken.sort_unstable();
        spoken.dedup();
        spoken
    }
}
