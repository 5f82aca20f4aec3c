//! Terms found word by word: a tree whose branches are words. Nearly all terms are such, of every script that writes spaces;
//! what is not ([`takes`]) is found letter by letter.

use super::fold::{Folded, unspaced_width};
use super::reach::LONGEST;
use super::rows::Rows;
use super::table::Table;
use super::words::{Seen, Stands, WordId, Words};

/// A term of more words is found letter by letter, so that no term can make a word of a mail be looked at more often.
const MOST_WORDS: usize = 12;
/// No node; no spelling.
const NONE: u32 = u32::MAX;

/// All such terms.
#[derive(Debug, Default)]
pub struct Phrases {
    words: Words,
    /// By word: where it leads if it is the first, by how it [`Stands`].
    first: Vec<[Edge; 3]>,
    /// Where it leads behind others, by [`key`].
    later: Table<Edge>,
    nodes: u32,
    known: Known,
}

/// By word, since most words of a mail are words of some term: what would else have to be asked each time.
#[derive(Debug, Default)]
struct Known {
    /// The spellings that are complete with it as the first word.
    complete: Rows,
    /// The nodes it leads to as the first word.
    leads: Rows,
    /// Its beginnings.
    beginnings: Rows,
}

/// Where a word leads.
#[derive(Clone, Copy, Debug)]
struct Edge {
    /// From where longer phrases go on.
    node: u32,
    /// What is complete with this word.
    spelling: u32,
}

impl Default for Edge {
    fn default() -> Self {
        Edge { node: NONE, spelling: NONE }
    }
}

/// A word, whole or as a beginning, behind a node.
fn key(node: u32, word: WordId, stands: Stands) -> u64 {
    u64::from(node) << 33 | u64::from(word) << 1 | u64::from(stands == Stands::Beginning)
}

/// Can a spelling be looked for here? Its words are whole, but the first may be open in front, the last behind, none both.
pub fn takes(spelling: &str) -> bool {
    let words = spelling.trim_matches(' ');
    let both = words.len() == spelling.len() && !words.contains(' ');
    let spaced = words.is_ascii() || !words.chars().any(|c| unspaced_width(c).is_some());
    let short = words.split(' ').count() <= MOST_WORDS && words.split(' ').all(|word| (1..=LONGEST).contains(&word.len()));
    !both && spaced && short
}

impl Phrases {
    /// Adds a spelling that it [`takes`], under a number.
    pub fn add(&mut self, spelling: &str, number: u32) {
        let (mut node, mut words) = (NONE, spelling.trim_matches(' ').split(' ').peekable());
        while let Some(word) = words.next() {
            let stands = match (node, words.peek()) {
                (NONE, _) if !spelling.starts_with(' ') => Stands::Ending,
                (_, None) if !spelling.ends_with(' ') => Stands::Beginning,
                _ => Stands::Whole,
            };
            let (new, ends) = (self.nodes, words.peek().is_none());
            let edge = self.edge(node, word, stands);
            if ends {
                edge.spelling = number;
                return;
            }
            edge.node = edge.node.min(new);
            node = edge.node;
            self.nodes = new.max(node + 1);
        }
    }

    /// Behind no node: where it leads as the first word.
    fn edge(&mut self, node: u32, word: &str, stands: Stands) -> &mut Edge {
        let word = self.words.intern(word, stands);
        if self.first.len() < self.words.len() {
            self.first.push(Default::default());
        }
        if node == NONE { &mut self.first[word as usize][stands as usize] } else { self.later.entry(key(node, word, stands)) }
    }

    /// To be called when all are there.
    pub fn finish(&mut self) {
        self.words.finish();
        let (mut complete, mut leads, mut beginnings) = (Vec::new(), Vec::new(), Vec::new());
        for (word, seen) in (0..).zip(self.words.all()) {
            beginnings.extend(self.words.beginnings(seen).map(|beginning| (word, beginning)));
            for edge in self.firsts(Some(word), seen) {
                complete.extend((edge.spelling != NONE).then_some((word, edge.spelling)));
                leads.extend((edge.node != NONE).then_some((word, edge.node)));
            }
        }
        let rows = |pairs: Vec<(u32, u32)>| Rows::new(self.words.len(), pairs);
        self.known = Known { complete: rows(complete), leads: rows(leads), beginnings: rows(beginnings) };
    }

    /// Where a word leads as the first one: it whole, its beginnings, its endings.
    fn firsts(&self, word: Option<WordId>, seen: Seen<'_>) -> impl Iterator<Item = Edge> {
        let beginnings = self.words.beginnings(seen).map(|word| (word, Stands::Beginning));
        let endings = self.words.endings(seen).map(|word| (word, Stands::Ending));
        let all = word.map(|word| (word, Stands::Whole)).into_iter().chain(beginnings).chain(endings);
        all.map(|(word, stands)| self.first[word as usize][stands as usize])
    }

    /// Gives the first and the last word of each place, and what was found there. `altered`: what holds no altered word may be
    /// left out. Returns `None` as soon as `give` does.
    pub fn scan(&self, folded: &Folded, altered: bool, give: &mut impl FnMut(usize, usize, u32) -> Option<()>) -> Option<()> {
        let (text, tokens) = (folded.text.as_bytes(), &folded.tokens);
        let mut begun = Begun::default();
        let mut next_altered = 0;
        for (at, token) in tokens.iter().enumerate() {
            if altered && next_altered <= at {
                next_altered = (at..tokens.len()).find(|t| tokens[*t].altered).unwrap_or(usize::MAX);
            }
            let new = next_altered < at + MOST_WORDS;
            if !new && begun.before.is_empty() {
                continue;
            }
            let end = tokens.get(at + 1).map_or(text.len(), |next| next.at as usize);
            let seen = Seen::new(text, token.at as usize, end - usize::from(text[end - 1] == b' '));
            let word = self.words.get(&seen);
            if new {
                self.begin(word, seen, at, &mut begun.behind, give)?;
            }
            if !begun.before.is_empty() {
                self.go_on(word, seen, at, &mut begun, give)?;
            }
            std::mem::swap(&mut begun.before, &mut begun.behind);
            begun.behind.clear();
        }
        Some(())
    }

    /// Reads the first word of phrases.
    #[inline]
    fn begin(
        &self,
        word: Option<WordId>,
        seen: Seen<'_>,
        at: usize,
        behind: &mut Vec<(u32, u32)>,
        give: &mut impl FnMut(usize, usize, u32) -> Option<()>,
    ) -> Option<()> {
        let Some(word) = word else { return self.begin_unknown(seen, at, behind, give) };
        behind.extend(self.known.leads.of(word).iter().map(|node| (*node, at as u32)));
        self.known.complete.of(word).iter().try_for_each(|spelling| give(at, at, *spelling))
    }

    #[inline(never)]
    fn begin_unknown(
        &self,
        seen: Seen<'_>,
        at: usize,
        behind: &mut Vec<(u32, u32)>,
        give: &mut impl FnMut(usize, usize, u32) -> Option<()>,
    ) -> Option<()> {
        for edge in self.firsts(None, seen) {
            if edge.node != NONE {
                behind.push((edge.node, at as u32));
            }
            if edge.spelling != NONE {
                give(at, at, edge.spelling)?;
            }
        }
        Some(())
    }

    /// Reads a further word of the phrases that have begun.
    #[inline]
    fn go_on(
        &self,
        word: Option<WordId>,
        seen: Seen<'_>,
        at: usize,
        begun: &mut Begun,
        give: &mut impl FnMut(usize, usize, u32) -> Option<()>,
    ) -> Option<()> {
        let Begun { before, behind } = begun;
        let mut step = |word: WordId, stands: Stands| {
            for (node, first) in before.iter() {
                let Some(edge) = self.later.get(key(*node, word, stands)) else { continue };
                if edge.node != NONE {
                    behind.push((edge.node, *first));
                }
                if edge.spelling != NONE {
                    give(*first as usize, at, edge.spelling)?;
                }
            }
            Some(())
        };
        let Some(word) = word else {
            return self.words.beginnings(seen).try_for_each(|beginning| step(beginning, Stands::Beginning));
        };
        self.known.beginnings.of(word).iter().try_for_each(|beginning| step(*beginning, Stands::Beginning))?;
        step(word, Stands::Whole)
    }
}

/// Phrases of which some words have been read: the nodes they have come to before the word at hand, and behind it, each with
/// its first word.
#[derive(Default)]
struct Begun {
    before: Vec<(u32, u32)>,
    behind: Vec<(u32, u32)>,
}

#[cfg(test)]
mod tests {
    use super::super::fold::fold;
    use super::*;

    /// The words of `text` from the first to the last of each place where a spelling is found.
    fn found(spellings: &[&str], text: &str) -> Vec<(u32, usize, usize)> {
        let mut phrases = Phrases::default();
        for (number, spelling) in spellings.iter().enumerate() {
            assert!(takes(spelling), "{spelling}");
            phrases.add(spelling, number as u32);
        }
        phrases.finish();
        let mut found = Vec::new();
        phrases.scan(&fold(text), false, &mut |first, last, spelling| {
            found.push((spelling, first, last));
            Some(())
        });
        found.sort_unstable();
        found
    }

    #[test]
    fn phrases_are_found_where_they_stand_whole_or_open_at_the_end() {
        let spellings = [" kill ", " kill my", " i kill myself ", " to kill ", " kil", " kill kill "];
        assert_eq!(found(&spellings, "I kill myself"), [(0, 1, 1), (1, 1, 2), (2, 0, 2), (4, 1, 1)]);
        assert_eq!(
            found(&spellings, "kill kill kill"),
            [(0, 0, 0), (0, 1, 1), (0, 2, 2), (4, 0, 0), (4, 1, 1), (4, 2, 2), (5, 0, 1), (5, 1, 2)]
        );
        assert_eq!(found(&spellings, "kills, to skill"), [(4, 0, 0)]);
    }

    #[test]
    fn the_first_word_may_be_open_in_front() {
        let spellings = ["mord ", "mord und ", "mord un", " mord "];
        assert_eq!(
            found(&spellings, "Selbstmord und Mord uns"),
            [(0, 0, 0), (0, 2, 2), (1, 0, 1), (2, 0, 1), (2, 2, 3), (3, 2, 2)]
        );
    }

    #[test]
    fn what_is_open_at_both_ends_or_too_long_is_not_for_here() {
        let (wide, long) = (format!(" {} ", "a".repeat(LONGEST + 1)), format!(" {}", "a ".repeat(MOST_WORDS + 1)));
        for spelling in ["mord", "杀了你", " you 杀", &wide, &long] {
            assert!(!takes(spelling), "{spelling}");
        }
    }
}
