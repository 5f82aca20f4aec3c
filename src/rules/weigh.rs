//! Signs that are weighed: what else a mail speaks of, each worth a few points for a queue or against it.

use std::cmp::Reverse;

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
    /// In the order written, which does not matter.
    pub all: Vec<Sign>,
    /// Their points together are never fewer: one threshold of the queue taken away. So a queue with twice its threshold
    /// passes, whatever else the mail speaks of.
    pub least: i64,
}

/// One line of `weigh`.
#[derive(Debug)]
pub struct Sign {
    /// As the operator wrote it, for the trace.
    pub name: String,
    /// Its words: one of them is enough.
    pub words: Spoken,
    /// What it counts, below zero against the queue.
    pub points: i64,
}

impl Signs {
    /// The rule weighs nothing.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The most that they can give.
    pub fn most(&self) -> i64 {
        self.all.iter().map(|sign| sign.points.max(0)).sum()
    }

    /// The points of the signs that are there in some fields, and a place of each, the weightiest first, as many as
    /// a trace shows; `None` without any.
    pub fn weigh(&self, mail: &Mail<'_>, fields: u8) -> Option<(i64, Vec<Hit>)> {
        let found = self.all.iter().filter_map(|sign| Some((sign, sign.first(mail, fields)?)));
        let mut signs: Vec<(&Sign, Shown)> = found.collect();
        signs.sort_by(|(a, _), (b, _)| b.points.abs().cmp(&a.points.abs()).then_with(|| a.name.cmp(&b.name)));
        let points: i64 = signs.iter().map(|(sign, _)| sign.points).sum();
        let hits: Vec<Hit> = signs.into_iter().take(MOST_SHOWN).map(|(sign, place)| sign.shown(mail.hit(place))).collect();
        (!hits.is_empty()).then(|| (points.max(self.least), hits))
    }
}

impl Sign {
    /// Its first place in the mail, of the languages that count there.
    fn first(&self, mail: &Mail<'_>, fields: u8) -> Option<Shown> {
        let spoken = self.words.iter().filter(|(language, _)| mail.speaks(*language));
        spoken.filter_map(|(_, group)| Some((mail.hits.first(*group, fields)?, *group))).min()
    }

    /// A hit that says which sign it is of, and what that counts.
    fn shown(&self, hit: Hit) -> Hit {
        Hit { term: format!("{:+} {}: {}", self.points, self.name, hit.term).into(), ..hit }
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
        for (language, group) in rules.iter().flat_map(|rule| &rule.weigh.all).flat_map(|sign| &sign.words) {
            by_group[*group as usize] = *language;
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

    /// Do words of a language count in a mail whose own is this one?
    pub fn speaks(&self, own: Language, language: Language) -> bool {
        language == ANY || language == own || Some(language) == self.always
    }
}
