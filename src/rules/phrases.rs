//! Terms that begin with a whole word, found word by word: a tree whose branches are words. Nearly all terms are such, of
//! every script that writes spaces; what is not ([`super::terms`]) goes to an automaton.

use super::fold::{Folded, unspaced_width};
use super::words::{LONGEST, Seen, WordId, Words, shift_for, spread};

/// A term of more words is left to the automaton, so that no term can make a word of a mail be looked at more often.
pub const MOST_WORDS: usize = 12;
/// No node; no spelling.
const NONE: u32 = u32::MAX;
const ROOT: u32 = 0;

/// All such terms.
#[derive(Debug)]
pub struct Phrases {
    words: Words,
    /// Keys and where they lead: the keys alone, since most that are looked for are not there.
    keys: Vec<u64>,
    edges: Vec<Edge>,
    shift: u32,
    count: usize,
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

/// No key: there is no such node.
const FREE: u64 = u64::MAX;

/// The word, or all words that begin with it, behind a node.
fn key(node: u32, word: WordId, open: bool) -> u64 {
    u64::from(node) << 33 | u64::from(word) << 1 | u64::from(open)
}

impl Default for Phrases {
    fn default() -> Self {
        let shift = shift_for(0);
        let (keys, edges) = empty(shift);
        Phrases { words: Words::default(), keys, edges, shift, count: 0, nodes: 1 }
    }
}

fn empty(shift: u32) -> (Vec<u64>, Vec<Edge>) {
    (vec![FREE; 1 << (64 - shift)], vec![Edge { node: NONE, spelling: NONE }; 1 << (64 - shift)])
}

/// Can a spelling be looked for here?
pub fn takes(spelling: &str) -> bool {
    let Some(words) = spelling.strip_prefix(' ') else { return false };
    let words = words.strip_suffix(' ').unwrap_or(words);
    let spaced = words.is_ascii() || !words.chars().any(|c| unspaced_width(c).is_some());
    spaced && words.split(' ').count() <= MOST_WORDS && words.split(' ').all(|word| (1..=LONGEST).contains(&word.len()))
}

impl Phrases {
    /// Adds a spelling that it [`takes`], under a number.
    pub fn add(&mut self, text: &str, spelling: u32) {
        let text = text.strip_prefix(' ').unwrap_or(text);
        let (words, open) = text.strip_suffix(' ').map_or((text, true), |words| (words, false));
        let (before, last) = words.rsplit_once(' ').map_or(("", words), |(before, last)| (before, last));
        let mut node = ROOT;
        for word in before.split(' ').filter(|word| !word.is_empty()) {
            let word = self.words.intern(word, false);
            let at = self.edge(key(node, word, false));
            if self.edges[at].node == NONE {
                self.edges[at].node = self.nodes;
                self.nodes += 1;
            }
            node = self.edges[at].node;
        }
        let last = self.words.intern(last, open);
        let at = self.edge(key(node, last, open));
        self.edges[at].spelling = spelling;
    }

    /// The place of a key, a new one if it has none yet.
    fn edge(&mut self, key: u64) -> usize {
        if (self.count + 1) * 2 > self.keys.len() {
            self.grow();
        }
        let at = self.find(key);
        if self.keys[at] == FREE {
            self.keys[at] = key;
            self.count += 1;
        }
        at
    }

    fn grow(&mut self) {
        self.shift -= 1;
        let (keys, edges) = empty(self.shift);
        let (keys, edges) = (std::mem::replace(&mut self.keys, keys), std::mem::replace(&mut self.edges, edges));
        for (key, edge) in keys.into_iter().zip(edges).filter(|(key, _)| *key != FREE) {
            let at = self.find(key);
            (self.keys[at], self.edges[at]) = (key, edge);
        }
    }

    /// To be called when all are there.
    pub fn finish(&mut self) {
        self.words.finish();
    }

    /// The place of a key, or the free one where it would be.
    fn find(&self, key: u64) -> usize {
        let mut at = (spread(key) >> self.shift) as usize;
        while self.keys[at] != key && self.keys[at] != FREE {
            at = (at + 1) & (self.keys.len() - 1);
        }
        at
    }

    fn get(&self, key: u64) -> Option<Edge> {
        let at = self.find(key);
        (self.keys[at] == key).then(|| self.edges[at])
    }

    /// Gives the first and the last word of each place, and what was found there. `altered`: what holds no altered word may be
    /// left out. Returns `None` as soon as `give` does.
    pub fn scan(&self, folded: &Folded, altered: bool, mut give: impl FnMut(usize, usize, u32) -> Option<()>) -> Option<()> {
        let (text, tokens) = (folded.text.as_bytes(), &folded.tokens);
        // The nodes that phrases have come to, each with its first word, before the word at hand and behind it.
        let (mut before, mut behind): (Vec<(u32, usize)>, Vec<(u32, usize)>) = (Vec::new(), Vec::new());
        let mut next_altered = 0;
        for (at, token) in tokens.iter().enumerate() {
            if altered && next_altered <= at {
                next_altered = (at..tokens.len()).find(|t| tokens[*t].altered).unwrap_or(usize::MAX);
            }
            if next_altered < at + MOST_WORDS {
                before.push((ROOT, at));
            } else if before.is_empty() {
                continue;
            }
            let end = tokens.get(at + 1).map_or(text.len(), |next| next.at as usize);
            let seen = Seen::new(text, token.at as usize, if text[end - 1] == b' ' { end - 1 } else { end });
            for word in self.words.beginnings(seen) {
                for (node, first) in &before {
                    self.get(key(*node, word, true)).map_or(Some(()), |edge| give(*first, at, edge.spelling))?;
                }
            }
            if let Some(word) = self.words.get(&seen) {
                for (node, first) in &before {
                    let Some(edge) = self.get(key(*node, word, false)) else { continue };
                    if edge.spelling != NONE {
                        give(*first, at, edge.spelling)?;
                    }
                    if edge.node != NONE {
                        behind.push((edge.node, *first));
                    }
                }
            }
            std::mem::swap(&mut before, &mut behind);
            behind.clear();
        }
        Some(())
    }
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
        phrases.scan(&fold(text), false, |first, last, spelling| {
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
    fn what_begins_inside_a_word_or_is_too_long_is_not_for_here() {
        let (wide, long) = (format!(" {} ", "a".repeat(LONGEST + 1)), format!(" {}", "a ".repeat(MOST_WORDS + 1)));
        for spelling in ["mord ", "杀了你", " you 杀", &wide, &long] {
            assert!(!takes(spelling), "{spelling}");
        }
    }
}
