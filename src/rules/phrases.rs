//! Terms found word by word: a tree whose branches are words. Nearly all terms are such, of every script that writes spaces;
//! what is not ([`takes`]) is found letter by letter.

use super::fold::{Folded, unspaced_width};
use super::reach::LONGEST;
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
            for word in self.words.beginnings(seen) {
                self.step(word, Stands::Beginning, at, new, &mut begun, give)?;
            }
            if let Some(word) = self.words.get(&seen) {
                self.step(word, Stands::Whole, at, new, &mut begun, give)?;
            }
            if new {
                for word in self.words.endings(seen) {
                    self.begin(word, Stands::Ending, at, &mut begun, give)?;
                }
            }
            std::mem::swap(&mut begun.before, &mut begun.behind);
            begun.behind.clear();
        }
        Some(())
    }

    /// Reads a word behind those of all phrases that have begun, and as the first of `new` ones.
    #[inline]
    fn step(
        &self,
        word: WordId,
        stands: Stands,
        at: usize,
        new: bool,
        begun: &mut Begun,
        give: &mut impl FnMut(usize, usize, u32) -> Option<()>,
    ) -> Option<()> {
        if new {
            self.begin(word, stands, at, begun, give)?;
        }
        for (node, first) in &begun.before {
            let Some(edge) = self.later.get(key(*node, word, stands)) else { continue };
            if edge.node != NONE {
                begun.behind.push((edge.node, *first));
            }
            if edge.spelling != NONE {
                give(*first as usize, at, edge.spelling)?;
            }
        }
        Some(())
    }

    /// Reads the first word of a phrase.
    #[inline]
    fn begin(
        &self,
        word: WordId,
        stands: Stands,
        at: usize,
        begun: &mut Begun,
        give: &mut impl FnMut(usize, usize, u32) -> Option<()>,
    ) -> Option<()> {
        let edge = self.first[word as usize][stands as usize];
        if edge.node != NONE {
            begun.behind.push((edge.node, at as u32));
        }
        if edge.spelling == NONE { Some(()) } else { give(at, at, edge.spelling) }
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
