//! The words that terms are made of, each with a number, so that phrases are looked for word by word: one look into a table
//! for each word of a mail, where an automaton goes letter by letter through memory that grows with the terms.

use super::reach::{Reach, mask};
use super::table::{shift_for, spread};

/// Number of a word.
pub type WordId = u32;

/// How a word of a term stands for words of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stands {
    /// For itself.
    Whole,
    /// For all that begin with it.
    Beginning,
    /// For all that end with it.
    Ending,
}

/// So many bytes of a word stand in the table itself: all there are, mostly.
const HEAD: usize = 8;

/// A word of a text, its first bytes at hand.
#[derive(Clone, Copy)]
pub struct Seen<'t> {
    text: &'t [u8],
    start: usize,
    length: usize,
    head: u64,
}

impl<'t> Seen<'t> {
    /// The word at `start..end` of a text.
    #[inline]
    pub fn new(text: &'t [u8], start: usize, end: usize) -> Self {
        let length = end - start;
        Seen { text, start, length, head: load(text, start, length) }
    }

    #[inline]
    fn beginning(self, length: usize) -> Self {
        Seen { length, head: self.head & mask(length), ..self }
    }

    fn ending(self, length: usize) -> Self {
        let end = self.start + self.length;
        Seen::new(self.text, end - length, end)
    }

    /// Its last bytes, the very last one lowest.
    #[inline]
    fn foot(&self) -> u64 {
        let end = self.start + self.length;
        let last = match self.text[..end].last_chunk::<{ Reach::FAR }>() {
            Some(four) => u64::from(u32::from_be_bytes(*four)),
            None => self.text[..end].iter().fold(0, |all, byte| all << 8 | u64::from(*byte)),
        };
        last & mask(self.length)
    }

    /// What of a long word does not stand in the table itself.
    fn rest(&self) -> &'t [u8] {
        &self.text[self.start + HEAD..self.start + self.length]
    }

    /// Where it belongs in a table of `2^(64 - shift)` places.
    #[inline]
    fn place(&self, shift: u32) -> usize {
        let chunk = |key: u64, at: usize| spread(key).rotate_left(32) ^ load(self.text, self.start + at, self.length - at);
        let key = if self.length <= HEAD { self.head } else { (HEAD..self.length).step_by(HEAD).fold(self.head, chunk) };
        (spread(key) >> shift) as usize
    }
}

/// The first eight of `length` bytes, filled up with zeros.
#[inline]
fn load(text: &[u8], at: usize, length: usize) -> u64 {
    let bytes = match text[at..].first_chunk::<HEAD>() {
        Some(eight) => u64::from_le_bytes(*eight),
        None => text[at..].iter().rev().fold(0, |all, byte| all << 8 | u64::from(*byte)),
    };
    bytes & mask(length)
}

/// All words.
#[derive(Debug)]
pub struct Words {
    table: Vec<Entry>,
    shift: u32,
    /// Their bytes, one after the other.
    text: Vec<u8>,
    /// By number: where its bytes begin.
    starts: Vec<u32>,
    beginnings: Reach,
    endings: Reach,
}

#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    /// The first bytes, filled up with zeros.
    head: u64,
    id: WordId,
    /// See [`Words::tag`].
    tag: u32,
    /// 0: a free place.
    length: u8,
    /// Some term means all words that begin so.
    begins: bool,
    /// Some term means all words that end so.
    ends: bool,
}

impl Default for Words {
    fn default() -> Self {
        let shift = shift_for(0);
        let table = vec![Entry::default(); 1 << (64 - shift)];
        Words { table, shift, text: Vec::new(), starts: Vec::new(), beginnings: Reach::new(0), endings: Reach::new(0) }
    }
}

impl Words {
    /// The number of a word, a new one if it has none yet.
    pub fn intern(&mut self, word: &str, stands: Stands) -> WordId {
        let seen = Seen::new(word.as_bytes(), 0, word.len());
        let at = self.find(&seen);
        let id = self.starts.len() as WordId;
        let entry = &mut self.table[at];
        if entry.length == 0 {
            (entry.head, entry.id, entry.length) = (seen.head, id, seen.length as u8);
            self.starts.push(self.text.len() as u32);
            self.text.extend(word.as_bytes());
        }
        entry.begins |= stands == Stands::Beginning;
        entry.ends |= stands == Stands::Ending;
        let id = entry.id;
        if self.starts.len() * 2 > self.table.len() {
            self.grow();
        }
        id
    }

    fn grow(&mut self) {
        self.shift -= 1;
        let old = std::mem::replace(&mut self.table, vec![Entry::default(); 1 << (64 - self.shift)]);
        for entry in old.into_iter().filter(|entry| entry.length > 0) {
            let at = self.find(&self.seen(&entry));
            self.table[at] = entry;
        }
    }

    fn seen(&self, entry: &Entry) -> Seen<'_> {
        let start = self.starts[entry.id as usize] as usize;
        Seen::new(&self.text, start, start + entry.length as usize)
    }

    /// All words, in the order of their numbers.
    pub fn all(&self) -> impl Iterator<Item = Seen<'_>> {
        let ends = self.starts.iter().skip(1).copied().chain([self.text.len() as u32]);
        self.starts.iter().zip(ends).map(|(start, end)| Seen::new(&self.text, *start as usize, end as usize))
    }

    /// How many there are; their numbers are below.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// To be called when all words are there: makes beginnings and endings findable.
    pub fn finish(&mut self) {
        let (begin, end) = (self.table.iter().filter(|entry| entry.begins), self.table.iter().filter(|entry| entry.ends));
        let (mut beginnings, mut endings) = (Reach::new(begin.clone().count()), Reach::new(end.clone().count()));
        begin.for_each(|entry| beginnings.add(entry.head, entry.length));
        end.for_each(|entry| endings.add(self.seen(entry).foot(), entry.length));
        (self.beginnings, self.endings) = (beginnings, endings);
    }

    /// Its place in the table, or the free one where it would be.
    #[inline]
    fn find(&self, seen: &Seen<'_>) -> usize {
        let mut at = seen.place(self.shift);
        loop {
            let entry = &self.table[at];
            let same = entry.head == seen.head && entry.length as usize == seen.length;
            // Nothing is compared where nothing is left: a comparison of no bytes is dear (the processor looks at them).
            if entry.length == 0 || (same && (seen.length <= HEAD || self.seen(entry).rest() == seen.rest())) {
                return at;
            }
            at = (at + 1) & (self.table.len() - 1);
        }
    }

    /// Gives each word, by number, something to be found at once with it.
    pub fn tag(&mut self, tags: &[u32]) {
        self.table.iter_mut().filter(|entry| entry.length > 0).for_each(|entry| entry.tag = tags[entry.id as usize]);
    }

    /// What a word was given.
    #[inline]
    pub fn get_tag(&self, seen: &Seen<'_>) -> Option<u32> {
        let entry = &self.table[self.find(seen)];
        (entry.length > 0).then_some(entry.tag)
    }

    /// The number of a word.
    #[cfg(test)]
    pub fn get(&self, seen: &Seen<'_>) -> Option<WordId> {
        let entry = self.table[self.find(seen)];
        (entry.length > 0).then_some(entry.id)
    }

    /// The numbers of all beginnings of a word that some term is open behind, shortest first.
    #[inline]
    pub fn beginnings(&self, seen: Seen<'_>) -> impl Iterator<Item = WordId> {
        let found =
            self.beginnings.lengths(seen.head, seen.length).map(move |length| self.table[self.find(&seen.beginning(length))]);
        found.filter(|entry| entry.begins).map(|entry| entry.id)
    }

    /// The numbers of all endings of a word that some term is open before, shortest first.
    #[inline]
    pub fn endings(&self, seen: Seen<'_>) -> impl Iterator<Item = WordId> {
        let found = self.endings.lengths(seen.foot(), seen.length).map(move |length| self.table[self.find(&seen.ending(length))]);
        found.filter(|entry| entry.ends).map(|entry| entry.id)
    }
}

#[cfg(test)]
mod tests {
    use super::super::reach::LONGEST;
    use super::*;

    use Stands::{Beginning, Ending, Whole};

    fn words(all: &[(&str, Stands)]) -> Words {
        let mut words = Words::default();
        for (at, (word, stands)) in all.iter().enumerate() {
            assert_eq!(words.intern(word, *stands), at as WordId, "{word}");
        }
        words.finish();
        words
    }

    fn seen(word: &str) -> Seen<'_> {
        Seen::new(word.as_bytes(), 0, word.len())
    }

    #[test]
    fn a_word_has_one_number_however_long_and_many() {
        let many: Vec<String> = (0..3000).map(|n| "x".repeat(n % 60 + 1) + &n.to_string()).collect();
        let all: Vec<(&str, Stands)> = many.iter().filter(|w| w.len() <= LONGEST).map(|w| (w.as_str(), Whole)).collect();
        let mut words = words(&all);
        for (at, (word, _)) in all.iter().enumerate() {
            assert_eq!(words.get(&seen(word)), Some(at as WordId));
            assert_eq!(words.intern(word, Whole), at as WordId);
        }
        for none in ["y", "xxxxxxxx", "xxxxxxxxx", "0", "x61"] {
            assert_eq!(words.get(&seen(none)), None, "{none}");
        }
    }

    #[test]
    fn a_word_is_read_where_it_stands() {
        let words = words(&[("kill", Whole), ("strangulation", Whole)]);
        let text = b" kill strangulation kil";
        let get = |start, end| words.get(&Seen::new(text, start, end));
        assert_eq!([get(1, 5), get(6, 19), get(20, 23), get(6, 18)], [Some(0), Some(1), None, None]);
    }

    #[test]
    fn the_beginnings_of_a_word_are_those_that_are_open() {
        let longest = "a".repeat(LONGEST);
        let open = ["k", "ki", "kil", "killi", "killing", "killingfields", &longest, "kilo"].map(|word| (word, Beginning));
        let words = words(&[open.as_slice(), &[("kill", Whole), ("elds", Ending)]].concat());
        let of = |word: &str| words.beginnings(seen(word)).collect::<Vec<_>>();
        assert_eq!((of("killingfields"), of("killing")), (vec![0, 1, 2, 3, 4, 5], vec![0, 1, 2, 3, 4]));
        assert_eq!((of("k"), of("ka"), of("a"), of("elds")), (vec![0], vec![0], vec![], vec![]));
        assert_eq!(of(&format!("{longest}a")), [6]);
    }

    #[test]
    fn the_endings_of_a_word_are_those_that_are_open() {
        let longest = "a".repeat(LONGEST);
        let open = ["d", "rd", "ord", "mord", "stmord", "selbstmord", &longest, "nord"].map(|word| (word, Ending));
        let words = words(&[open.as_slice(), &[("bstmord", Whole), ("selb", Beginning)]].concat());
        let of = |word: &str| words.endings(seen(word)).collect::<Vec<_>>();
        assert_eq!((of("selbstmord"), of("tmord")), (vec![0, 1, 2, 3, 4, 5], vec![0, 1, 2, 3]));
        assert_eq!((of("d"), of("ad"), of("a"), of("selb")), (vec![0], vec![0], vec![], vec![]));
        assert_eq!(of(&format!("b{longest}")), [6]);
    }
}
