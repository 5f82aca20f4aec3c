//! The words that terms are made of, each with a number, so that phrases are looked for word by word: one look into a table
//! for each word of a mail, where an automaton goes letter by letter through memory that grows with the terms.

/// Number of a word: where it stands among all of them.
pub type WordId = u32;

/// A longer word has no number: its terms are left to the automaton.
pub const LONGEST: usize = 63;
/// So many bytes of a word stand in the table itself: all there are, mostly.
const HEAD: usize = 8;
/// Odd and without pattern (2^64 divided by the golden ratio): to multiply by it spreads any key over the upper bits.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

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
    pub fn new(text: &'t [u8], start: usize, end: usize) -> Self {
        let length = end - start;
        Seen { text, start, length, head: load(text, start, length) }
    }

    fn beginning(self, length: usize) -> Self {
        Seen { length, head: self.head & mask(length), ..self }
    }

    /// What of a long word does not stand in the table itself.
    fn rest(&self) -> &'t [u8] {
        &self.text[self.start + HEAD..self.start + self.length]
    }

    /// Where it belongs in a table of `2^(64 - shift)` places.
    fn place(&self, shift: u32) -> usize {
        let chunk = |key: u64, at: usize| spread(key).rotate_left(32) ^ load(self.text, self.start + at, self.length - at);
        let key = if self.length <= HEAD { self.head } else { (HEAD..self.length).step_by(HEAD).fold(self.head, chunk) };
        (spread(key) >> shift) as usize
    }
}

/// The first eight of `length` bytes, filled up with zeros.
fn load(text: &[u8], at: usize, length: usize) -> u64 {
    let bytes = match text[at..].first_chunk::<HEAD>() {
        Some(eight) => u64::from_le_bytes(*eight),
        None => text[at..].iter().rev().fold(0, |all, byte| all << 8 | u64::from(*byte)),
    };
    bytes & mask(length)
}

fn mask(length: usize) -> u64 {
    if length >= HEAD { u64::MAX } else { (1 << (8 * length)) - 1 }
}

/// Spreads a key over the upper bits.
pub fn spread(key: u64) -> u64 {
    key.wrapping_mul(SPREAD)
}

/// The shift by which [`spread`] keys become places in a table with room for so many, at most half full.
pub fn shift_for(count: usize) -> u32 {
    64 - (count.max(32) * 2).next_power_of_two().trailing_zeros()
}

/// All words.
#[derive(Debug)]
pub struct Words {
    table: Vec<Entry>,
    shift: u32,
    count: usize,
    /// Their bytes, one after the other.
    text: Vec<u8>,
    reach: Reach,
}

#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    /// The first bytes, filled up with zeros. Zero: a free place.
    head: u64,
    id: WordId,
    length: u8,
    /// It is the beginning of words.
    open: bool,
}

impl Default for Words {
    fn default() -> Self {
        let shift = shift_for(0);
        let table = vec![Entry::default(); 1 << (64 - shift)];
        Words { table, shift, count: 0, text: Vec::new(), reach: Reach::new(0) }
    }
}

impl Words {
    /// The number of a word, a new one if it has none yet. `open`: it is also the beginning of words.
    pub fn intern(&mut self, word: &str, open: bool) -> WordId {
        let seen = Seen::new(word.as_bytes(), 0, word.len());
        let at = self.find(&seen);
        if self.table[at].length == 0 {
            let id = self.text.len() as WordId;
            self.table[at] = Entry { head: seen.head, id, length: seen.length as u8, open };
            self.text.extend(word.as_bytes());
            self.count += 1;
        }
        self.table[at].open |= open;
        let id = self.table[at].id;
        if self.count * 2 > self.table.len() {
            self.grow();
        }
        id
    }

    fn grow(&mut self) {
        self.shift -= 1;
        let old = std::mem::replace(&mut self.table, vec![Entry::default(); 1 << (64 - self.shift)]);
        for entry in old.into_iter().filter(|entry| entry.length > 0) {
            let start = entry.id as usize;
            let at = self.find(&Seen::new(&self.text, start, start + entry.length as usize));
            self.table[at] = entry;
        }
    }

    /// To be called when all words are there: makes beginnings findable.
    pub fn finish(&mut self) {
        let open = || self.table.iter().filter(|entry| entry.open);
        let mut reach = Reach::new(open().count());
        open().for_each(|entry| reach.add(entry.head, entry.length));
        self.reach = reach;
    }

    /// Its place in the table, or the free one where it would be.
    fn find(&self, seen: &Seen<'_>) -> usize {
        let mut at = seen.place(self.shift);
        loop {
            let entry = &self.table[at];
            let same = entry.head == seen.head && entry.length as usize == seen.length;
            // Nothing is compared where nothing is left: a comparison of no bytes is dear (the processor looks at them).
            if entry.length == 0 || (same && (seen.length <= HEAD || self.rest(entry) == seen.rest())) {
                return at;
            }
            at = (at + 1) & (self.table.len() - 1);
        }
    }

    fn rest(&self, entry: &Entry) -> &[u8] {
        &self.text[entry.id as usize + HEAD..entry.id as usize + entry.length as usize]
    }

    /// The number of a word.
    pub fn get(&self, seen: &Seen<'_>) -> Option<WordId> {
        let entry = self.table[self.find(seen)];
        (entry.length > 0).then_some(entry.id)
    }

    /// The numbers of all beginnings of a word, itself among them, shortest first.
    pub fn beginnings(&self, seen: Seen<'_>) -> impl Iterator<Item = WordId> {
        let mut lengths = self.reach.of(seen.head) & (u64::MAX >> (LONGEST - seen.length.min(LONGEST)));
        std::iter::from_fn(move || {
            let length = (lengths != 0).then(|| lengths.trailing_zeros())?;
            lengths &= lengths - 1;
            Some(seen.beginning(length as usize))
        })
        .filter_map(|beginning| {
            let entry = self.table[self.find(&beginning)];
            (entry.length > 0 && entry.open).then_some(entry.id)
        })
    }
}

/// Which lengths the beginnings have that a word may have, by its first bytes: most words have none, and nothing more is asked.
/// Two words may share a place; so whoever asks looks for each beginning itself.
#[derive(Debug)]
struct Reach {
    /// By the first [`Reach::FIRST`] bytes: a bit for each length from there on.
    long: Vec<u64>,
    shift: u32,
    /// By the first two bytes: a bit for each length below.
    short: Vec<u8>,
}

impl Reach {
    const FIRST: usize = 4;

    fn new(count: usize) -> Self {
        let shift = shift_for(count * 2);
        Reach { long: vec![0; 1 << (64 - shift)], shift, short: vec![0; 1 << 16] }
    }

    fn place(&self, head: u64) -> usize {
        (spread(head & mask(Self::FIRST)) >> self.shift) as usize
    }

    fn add(&mut self, head: u64, length: u8) {
        let at = self.place(head);
        match usize::from(length) {
            1 => (0..256).for_each(|second| self.short[second << 8 | head as usize & 0xFF] |= 1 << 1),
            short @ ..Self::FIRST => self.short[head as usize & 0xFFFF] |= 1 << short,
            long => self.long[at] |= 1 << long,
        }
    }

    fn of(&self, head: u64) -> u64 {
        self.long[self.place(head)] | u64::from(self.short[head as usize & 0xFFFF])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(all: &[(&str, bool)]) -> (Words, Vec<WordId>) {
        let mut words = Words::default();
        let ids = all.iter().map(|(word, open)| words.intern(word, *open)).collect();
        words.finish();
        (words, ids)
    }

    fn seen(word: &str) -> Seen<'_> {
        Seen::new(word.as_bytes(), 0, word.len())
    }

    #[test]
    fn a_word_has_one_number_however_long_and_many() {
        let many: Vec<String> = (0..3000).map(|n| "x".repeat(n % 60 + 1) + &n.to_string()).collect();
        let short = many.iter().filter(|word| word.len() <= LONGEST);
        let all: Vec<(&str, bool)> = short.map(|word| (word.as_str(), word.len() % 2 == 0)).collect();
        let (mut words, ids) = words(&all);
        for ((word, open), id) in all.iter().zip(&ids) {
            assert_eq!(words.get(&seen(word)), Some(*id));
            assert_eq!(words.intern(word, *open), *id);
        }
        for none in ["y", "xxxxxxxx", "xxxxxxxxx", "0", "x60"] {
            assert_eq!(words.get(&seen(none)), None, "{none}");
        }
    }

    #[test]
    fn a_word_is_read_where_it_stands() {
        let (words, ids) = words(&[("kill", false), ("strangulation", false)]);
        let text = b" kill strangulation kil";
        let get = |start, end| words.get(&Seen::new(text, start, end));
        assert_eq!([get(1, 5), get(6, 19), get(20, 23), get(6, 18)], [Some(ids[0]), Some(ids[1]), None, None]);
    }

    #[test]
    fn the_beginnings_of_a_word_are_those_that_are_open() {
        let longest = "a".repeat(LONGEST);
        let all = [
            ("k", true),
            ("ki", true),
            ("kil", true),
            ("kill", false),
            ("killi", true),
            ("killing", true),
            ("killingfields", true),
        ];
        let (words, ids) = words(&[all.as_slice(), &[(longest.as_str(), true), ("kilo", true)]].concat());
        let of = |word: &str| words.beginnings(seen(word)).collect::<Vec<_>>();
        assert_eq!(of("killingfields"), [0, 1, 2, 4, 5, 6].map(|at| ids[at]));
        assert_eq!(of("killing"), [0, 1, 2, 4, 5].map(|at| ids[at]));
        assert_eq!((of("k"), of("ka"), of("a")), (vec![ids[0]], vec![ids[0]], vec![]));
        assert_eq!(of(&format!("{longest}a")), [ids[7]]);
    }
}
