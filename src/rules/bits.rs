//! Sets of places of a mail, a bit for each: to unite them, and to ask what lies between two places, takes a step for 64.

use std::ops::Range;

/// A set of numbers below a bound.
#[derive(Debug, Default)]
pub struct Bits {
    words: Vec<u64>,
    count: u32,
}

impl Bits {
    /// Of numbers below `bound`.
    pub fn new(bound: usize, numbers: impl Iterator<Item = u32>) -> Self {
        // Not `vec![0; n]`: small memory that is asked for as zeros is slow to get.
        let mut words: Vec<u64> = std::iter::repeat_n(0, bound.div_ceil(64)).collect();
        numbers.for_each(|number| words[number as usize / 64] |= 1 << (number % 64));
        let count = words.iter().map(|word| word.count_ones()).sum();
        Bits { words, count }
    }

    /// How many are in it.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Is it in it?
    #[inline]
    pub fn has(&self, number: u32) -> bool {
        self.words[number as usize / 64] >> (number % 64) & 1 != 0
    }

    /// The part of the set from `64 * word` on that lies in a range.
    #[inline]
    pub fn word(&self, word: usize, range: &Range<u32>) -> u64 {
        let (start, end) = (range.start as usize, range.end as usize);
        let before = if start > word * 64 { u64::MAX << (start - word * 64) } else { u64::MAX };
        let after = if end < (word + 1) * 64 { !(u64::MAX << (end - word * 64)) } else { u64::MAX };
        self.words[word] & before & after
    }

    /// The first one in a range.
    #[inline]
    pub fn first(&self, range: Range<u32>) -> Option<u32> {
        words_of(&range).find_map(|at| first_of(at, self.word(at, &range)))
    }

    /// Those in a range, in order.
    pub fn within(&self, range: Range<u32>) -> impl Iterator<Item = u32> {
        words_of(&range).flat_map(move |at| each_of(at, self.word(at, &range)))
    }
}

/// The words that hold the bits of a range.
#[inline]
pub fn words_of(range: &Range<u32>) -> Range<usize> {
    if range.is_empty() { 0..0 } else { range.start as usize / 64..(range.end as usize).div_ceil(64) }
}

#[inline]
fn first_of(at: usize, word: u64) -> Option<u32> {
    (word != 0).then(|| at as u32 * 64 + word.trailing_zeros())
}

/// The numbers that the bits of a word stand for.
#[inline]
pub fn each_of(at: usize, mut word: u64) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let first = first_of(at, word);
        word &= word.wrapping_sub(1);
        first
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_holds_what_lies_between_its_ends() {
        let numbers = [0, 3, 63, 64, 100, 128, 199];
        let bits = Bits::new(200, numbers.into_iter());
        assert_eq!(bits.count(), 7);
        for start in 0..200 {
            for end in 0..=200 {
                let wanted: Vec<u32> = numbers.into_iter().filter(|n| (start..end).contains(n)).collect();
                assert_eq!(bits.first(start..end), wanted.first().copied(), "{start}..{end}");
                assert_eq!(bits.within(start..end).collect::<Vec<_>>(), wanted, "{start}..{end}");
            }
            assert_eq!(bits.has(start), numbers.contains(&start));
        }
    }
}
