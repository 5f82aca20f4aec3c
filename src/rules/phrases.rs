//! Terms found word by word: a tree whose branches are words. Nearly all terms are such, of every script that writes spaces;
//! what is not ([`takes`]) is found letter by letter.

use std::collections::HashMap;

use super::fold::{Folded, unspaced_width};
use super::reach::LONGEST;
use super::rows::Rows;
use super::table::{BuildQuick, Table, spread};
use super::words::{Seen, Stands, WordId, Words};

/// A term of more words is found letter by letter, so that no term can make a word of a mail be looked at more often.
const MOST_WORDS: usize = 12;
/// So many words are looked up before the first of them is read.
const AHEAD: usize = 16;
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
    /// By node: its [`Marks`].
    marks: Vec<Marks>,
    /// By word and how it [`Stands`]: some phrase goes on with it.
    goes_on: Vec<[bool; 3]>,
    known: Known,
    /// Spellings have lower numbers; those from here on stand for several of them.
    several: u32,
    /// The spellings that each of those stands for.
    sets: Rows,
}

/// A bit for each word that leads on from a node, by [`mark`]; several words may share one.
type Marks = u32;

fn mark(word: WordId, stands: u32) -> Marks {
    1 << (spread(key(0, word, stands)) >> 59)
}

/// By word, since most words of a mail are words of some term: what would else have to be asked each time. All of a word stands
/// side by side, since to fetch it from memory takes longer than to read it.
#[derive(Debug, Default)]
struct Known(Vec<(u32, u32)>);

/// What is known of a word.
#[derive(Clone, Copy)]
struct KnownWord<'p> {
    /// What is complete with it as the first word: a spelling or a number for several.
    complete: u32,
    /// The nodes that it leads to as the first one, with their marks.
    leads: &'p [(u32, Marks)],
    /// How it may lead on from a node: itself and its beginnings, by [`Stands`].
    ways: &'p [(WordId, u32)],
}

impl Known {
    /// Gives where the word will be found.
    fn add(&mut self, word: &KnownWord<'_>) -> u32 {
        let (start, leads, ways) = (self.0.len() as u32, word.leads.len() as u32, word.ways.len() as u32);
        self.0.extend([(word.complete, leads << 16 | ways)]);
        self.0.extend(word.leads.iter().chain(word.ways));
        start
    }

    #[inline]
    fn get(&self, start: u32) -> KnownWord<'_> {
        let [(complete, counts), rest @ ..] = &self.0[start as usize..] else { unreachable!("only what was added is asked for") };
        let (leads, rest) = rest.split_at((counts >> 16) as usize);
        KnownWord { complete: *complete, leads, ways: &rest[..(counts & 0xFFFF) as usize] }
    }
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
fn key(node: u32, word: WordId, stands: u32) -> u64 {
    u64::from(node) << 33 | u64::from(word) << 1 | u64::from(stands == Stands::Beginning as u32)
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
    /// With room for so many, where all spellings, also those found elsewhere, have numbers below `several`.
    pub fn with_room(spellings: usize, several: u32) -> Self {
        Phrases { later: Table::with_room(spellings), several, ..Phrases::default() }
    }

    /// Adds a spelling that it [`takes`], under a number.
    pub fn add(&mut self, spelling: &str, number: u32) {
        let (mut node, mut words) = (NONE, spelling.trim_matches(' ').split(' ').peekable());
        while let Some(word) = words.next() {
            let stands = match (node, words.peek()) {
                (NONE, _) if !spelling.starts_with(' ') => Stands::Ending,
                (_, None) if !spelling.ends_with(' ') => Stands::Beginning,
                _ => Stands::Whole,
            };
            let (new, ends) = (self.marks.len() as u32, words.peek().is_none());
            let edge = self.edge(node, word, stands);
            if ends {
                edge.spelling = number;
                self.several = self.several.max(number + 1);
                return;
            }
            edge.node = edge.node.min(new);
            node = edge.node;
            if node == new {
                self.marks.push(0);
            }
        }
    }

    /// Behind no node: where it leads as the first word.
    fn edge(&mut self, node: u32, word: &str, stands: Stands) -> &mut Edge {
        let word = self.words.intern(word, stands);
        if self.first.len() < self.words.len() {
            self.first.push(Default::default());
            self.goes_on.push(Default::default());
        }
        if node == NONE {
            return &mut self.first[word as usize][stands as usize];
        }
        self.goes_on[word as usize][stands as usize] = true;
        self.marks[node as usize] |= mark(word, stands as u32);
        self.later.entry(key(node, word, stands as u32))
    }

    /// To be called when all are there.
    pub fn finish(&mut self) {
        self.words.finish();
        let (mut sets, mut known) = (Sets { first: self.several, ..Sets::default() }, Known::default());
        let (mut complete, mut leads, mut ways, mut starts) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (word, seen) in (0..).zip(self.words.all()) {
            complete.clear();
            leads.clear();
            ways.clear();
            for edge in self.firsts(Some(word), seen) {
                complete.extend((edge.spelling != NONE).then_some(edge.spelling));
                leads.extend((edge.node != NONE).then(|| (edge.node, self.marks[edge.node as usize])));
            }
            let beginnings = self.words.beginnings(seen).map(|beginning| (beginning, Stands::Beginning));
            let goes_on = |(word, stands): &(WordId, Stands)| self.goes_on[*word as usize][*stands as usize];
            ways.extend(beginnings.chain([(word, Stands::Whole)]).filter(goes_on).map(|(word, stands)| (word, stands as u32)));
            starts.push(known.add(&KnownWord { complete: sets.number(&mut complete), leads: &leads, ways: &ways }));
        }
        self.words.tag(&starts);
        (self.known, self.sets) = (known, Rows::new(sets.numbers.len(), &sets.pairs));
    }

    /// The spellings that a number from [`Phrases::scan`] stands for.
    pub fn spellings<'s>(&'s self, number: &'s u32) -> &'s [u32] {
        match number.checked_sub(self.several) {
            Some(set) => self.sets.of(set),
            None => std::slice::from_ref(number),
        }
    }

    /// Where a word leads as the first one: it whole, its beginnings, its endings.
    fn firsts(&self, word: Option<WordId>, seen: Seen<'_>) -> impl Iterator<Item = Edge> {
        let beginnings = self.words.beginnings(seen).map(|word| (word, Stands::Beginning));
        let endings = self.words.endings(seen).map(|word| (word, Stands::Ending));
        let all = word.map(|word| (word, Stands::Whole)).into_iter().chain(beginnings).chain(endings);
        all.map(|(word, stands)| self.first[word as usize][stands as usize])
    }

    /// Gives the first and the last word of each place, and the number of what was found there ([`Phrases::spellings`]).
    /// `altered`: what holds no altered word may be left out. Returns `None` as soon as `give` does.
    pub fn scan(&self, folded: &Folded, altered: bool, give: &mut impl FnMut(usize, usize, u32) -> Option<()>) -> Option<()> {
        let (text, tokens) = (folded.text.as_bytes(), &folded.tokens);
        let mut begun = Begun::default();
        let mut next_altered = 0;
        let word = |at: usize| {
            let (start, end) = (tokens[at].at as usize, tokens.get(at + 1).map_or(text.len(), |next| next.at as usize));
            Seen::new(text, start, end - usize::from(text[end - 1] == b' '))
        };
        // Some words are looked up ahead, so that what has to be fetched from memory comes meanwhile.
        let mut ahead = [None; AHEAD];
        for at in 0..tokens.len() {
            if altered && next_altered <= at {
                next_altered = (at..tokens.len()).find(|t| tokens[*t].altered).unwrap_or(usize::MAX);
            }
            let new = next_altered < at + MOST_WORDS;
            if !new && begun.is_empty() {
                continue;
            }
            if altered {
                ahead[at % AHEAD] = self.words.get_tag(&word(at)).map(|start| self.known.get(start));
            } else if at % AHEAD == 0 {
                let next = at..tokens.len().min(at + AHEAD);
                next.for_each(|at| ahead[at % AHEAD] = self.words.get_tag(&word(at)).map(|start| self.known.get(start)));
            }
            begun.fresh = match &ahead[at % AHEAD] {
                Some(known) => self.read(known, new, at, &mut begun, give)?,
                None => self.read_unknown(word(at), new, at, &mut begun, give)?,
            };
            std::mem::swap(&mut begun.before, &mut begun.behind);
            begun.behind.clear();
        }
        Some(())
    }

    /// Reads a word that some term has: as the first one of phrases (`new`), and as a further one of those that have begun.
    /// Gives the nodes it leads to as the first one.
    #[inline]
    fn read<'p>(
        &self,
        word: &KnownWord<'p>,
        new: bool,
        at: usize,
        begun: &mut Begun<'_>,
        give: &mut impl FnMut(usize, usize, u32) -> Option<()>,
    ) -> Option<&'p [(u32, Marks)]> {
        if new && word.complete != NONE {
            give(at, at, word.complete)?;
        }
        if !begun.is_empty() {
            word.ways.iter().try_for_each(|(way, stands)| self.go_on(*way, *stands, at, begun, give))?;
        }
        Some(if new { word.leads } else { &[] })
    }

    #[inline(never)]
    fn read_unknown(
        &self,
        seen: Seen<'_>,
        new: bool,
        at: usize,
        begun: &mut Begun<'_>,
        give: &mut impl FnMut(usize, usize, u32) -> Option<()>,
    ) -> Option<&[(u32, Marks)]> {
        for edge in self.firsts(None, seen).filter(|_| new) {
            if edge.node != NONE {
                begun.behind.push((edge.node, self.marks[edge.node as usize], at as u32));
            }
            if edge.spelling != NONE {
                give(at, at, edge.spelling)?;
            }
        }
        let mut beginnings = self.words.beginnings(seen);
        beginnings.try_for_each(|beginning| self.go_on(beginning, Stands::Beginning as u32, at, begun, give))?;
        Some(&[])
    }

    /// Reads a further word of the phrases that have begun.
    #[inline]
    fn go_on(
        &self,
        word: WordId,
        stands: u32,
        at: usize,
        begun: &mut Begun<'_>,
        give: &mut impl FnMut(usize, usize, u32) -> Option<()>,
    ) -> Option<()> {
        let Begun { fresh, before, behind } = begun;
        let mark = mark(word, stands);
        let mut step = |node: u32, first: u32| {
            let Some(edge) = self.later.get(key(node, word, stands)) else { return Some(()) };
            if edge.node != NONE {
                behind.push((edge.node, self.marks[edge.node as usize], first));
            }
            if edge.spelling != NONE { give(first as usize, at, edge.spelling) } else { Some(()) }
        };
        for (node, _) in fresh.iter().filter(|(_, marks)| marks & mark != 0) {
            step(*node, at as u32 - 1)?;
        }
        for (node, _, first) in before.iter().filter(|(_, marks, _)| marks & mark != 0) {
            step(*node, *first)?;
        }
        Some(())
    }
}

/// Numbers for sets of spellings, each the same wherever it stands.
#[derive(Default)]
struct Sets {
    first: u32,
    numbers: HashMap<Vec<u32>, u32, BuildQuick>,
    pairs: Vec<(u32, u32)>,
}

impl Sets {
    fn number(&mut self, spellings: &mut [u32]) -> u32 {
        if let [] | [_] = spellings {
            return spellings.first().copied().unwrap_or(NONE);
        }
        spellings.sort_unstable();
        if let Some(number) = self.numbers.get(spellings) {
            return self.first + number;
        }
        let next = self.numbers.len() as u32;
        self.pairs.extend(spellings.iter().map(|spelling| (next, *spelling)));
        self.numbers.insert(spellings.to_vec(), next);
        self.first + next
    }
}

/// Phrases of which some words have been read, at the nodes they have come to, with their marks.
#[derive(Default)]
struct Begun<'p> {
    /// Begun with the word before the one at hand.
    fresh: &'p [(u32, Marks)],
    /// Begun with a word further before, which is noted.
    before: Vec<(u32, Marks, u32)>,
    /// As they are behind the word at hand.
    behind: Vec<(u32, Marks, u32)>,
}

impl Begun<'_> {
    fn is_empty(&self) -> bool {
        self.fresh.is_empty() && self.before.is_empty()
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
        phrases.scan(&fold(text), false, &mut |first, last, number| {
            found.extend(phrases.spellings(&number).iter().map(|spelling| (*spelling, first, last)));
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
