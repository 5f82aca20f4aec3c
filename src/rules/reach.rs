//! Which beginnings and endings a word may have that terms are open at, told by a glance at four of its bytes.

use super::table::{shift_for, spread};

/// A longer word is in no table: its terms are found letter by letter.
pub const LONGEST: usize = 63;

/// Keeps so many of eight bytes.
#[inline]
pub fn mask(length: usize) -> u64 {
    if length >= 8 { u64::MAX } else { (1 << (8 * length)) - 1 }
}

/// Which lengths the beginnings have that a word may have, by its first bytes, or the endings by its last: for most words there
/// are none, and nothing more is asked. Two words may share a place; so whoever asks looks for each of them itself.
#[derive(Debug)]
pub struct Reach {
    /// By [`Reach::FAR`] bytes: a bit for each length from there on.
    long: Vec<u64>,
    shift: u32,
    /// By two bytes: a bit for each length below.
    short: Vec<u8>,
}

impl Reach {
    /// So many bytes tell beginnings apart.
    pub const FAR: usize = 4;

    /// Room for so many.
    pub fn new(count: usize) -> Self {
        let shift = shift_for(count * 2);
        Reach { long: vec![0; 1 << (64 - shift)], shift, short: vec![0; 1 << 16] }
    }

    #[inline]
    fn place(&self, bytes: u64) -> usize {
        (spread(bytes & mask(Self::FAR)) >> self.shift) as usize
    }

    /// Adds a beginning by its first bytes, or an ending by its last, and its length.
    pub fn add(&mut self, bytes: u64, length: u8) {
        let at = self.place(bytes);
        match usize::from(length) {
            1 => (0..256).for_each(|second| self.short[second << 8 | bytes as usize & 0xFF] |= 1 << 1),
            short @ ..Self::FAR => self.short[bytes as usize & 0xFFFF] |= 1 << short,
            long => self.long[at] |= 1 << long,
        }
    }

    /// The lengths that one may have of a word with these bytes, shortest first.
    #[inline]
    pub fn lengths(&self, bytes: u64, most: usize) -> Lengths {
        let all = self.long[self.place(bytes)] | u64::from(self.short[bytes as usize & 0xFFFF]);
        Lengths(all & (u64::MAX >> (LONGEST - most.min(LONGEST))))
    }
}

/// Lengths as bits.
pub struct Lengths(u64);

impl Iterator for Lengths {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        let length = self.0.trailing_zeros() as usize;
        self.0 &= self.0.wrapping_sub(1);
        (length < 64).then_some(length)
    }
}
