//! A hash table from numbers to numbers that says "no" fast: nearly all that a mail asks for is not there. (The standard one is
//! made to stand hostile keys; here all keys come of the operator's terms.)

use std::hash::{BuildHasherDefault, Hasher};

/// Odd and without pattern (2^64 divided by the golden ratio): to multiply by it spreads any key over the upper bits.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;
/// No key.
const FREE: u64 = u64::MAX;

/// For the standard maps while compiling: quick, and made for operators' terms only, which nobody chooses to collide.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quick(u64);

/// Builds [`Quick`].
pub type BuildQuick = BuildHasherDefault<Quick>;

impl Hasher for Quick {
    fn write(&mut self, bytes: &[u8]) {
        let (eights, rest) = bytes.as_chunks::<8>();
        eights.iter().for_each(|eight| self.write_u64(u64::from_le_bytes(*eight)));
        if !rest.is_empty() {
            self.write_u64(rest.iter().fold(rest.len() as u64, |all, byte| all << 8 | u64::from(*byte)));
        }
    }

    fn write_u8(&mut self, byte: u8) {
        self.write_u64(u64::from(byte));
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = spread(self.0.rotate_left(23) ^ number);
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }

    fn finish(&self) -> u64 {
        // The upper bits are the good ones; the map takes some of either end.
        spread(self.0 ^ self.0 >> 32).rotate_left(32)
    }
}

/// Spreads a key over the upper bits.
#[inline]
pub fn spread(key: u64) -> u64 {
    key.wrapping_mul(SPREAD)
}

/// The shift by which spread keys become places in a table with room for so many, at most half full.
pub fn shift_for(count: usize) -> u32 {
    64 - (count.max(32) * 2).next_power_of_two().trailing_zeros()
}

/// A table.
#[derive(Debug)]
pub struct Table<V> {
    keys: Vec<u64>,
    values: Vec<V>,
    shift: u32,
    count: usize,
    /// Three bits for each key, all in one word, four times as many bits as places: small enough to stay in the processor's
    /// own memory.
    sieve: Vec<u64>,
}

impl<V: Copy + Default> Default for Table<V> {
    fn default() -> Self {
        Table::with_shift(shift_for(0))
    }
}

impl<V: Copy + Default> Table<V> {
    /// With room for so many.
    pub fn with_room(count: usize) -> Self {
        Table::with_shift(shift_for(count))
    }

    fn with_shift(shift: u32) -> Self {
        let size = 1 << (64 - shift);
        Table { keys: vec![FREE; size], values: vec![V::default(); size], shift, count: 0, sieve: vec![0; size / 16] }
    }

    /// The value of a key, new if it has none yet.
    pub fn entry(&mut self, key: u64) -> &mut V {
        if (self.count + 1) * 2 > self.keys.len() {
            self.grow();
        }
        let at = self.find(key);
        if self.keys[at] == FREE {
            self.count += 1;
            self.keys[at] = key;
            let (word, bit) = self.grain(key);
            self.sieve[word] |= bit;
        }
        &mut self.values[at]
    }

    fn grow(&mut self) {
        let old = std::mem::replace(self, Table::with_shift(self.shift - 1));
        for (key, value) in old.keys.into_iter().zip(old.values).filter(|(key, _)| *key != FREE) {
            *self.entry(key) = value;
        }
    }

    /// The place of a key, or the free one where it would be.
    #[inline]
    fn find(&self, key: u64) -> usize {
        let mut at = (spread(key) >> self.shift) as usize;
        while self.keys[at] != key && self.keys[at] != FREE {
            at = (at + 1) & (self.keys.len() - 1);
        }
        at
    }

    /// Its bits in the sieve.
    #[inline]
    fn grain(&self, key: u64) -> (usize, u64) {
        let spread = spread(key);
        let bit = |at: u32| 1 << (spread >> at & 63);
        ((spread >> (self.shift + 4)) as usize, bit(self.shift - 2) | bit(self.shift - 8) | bit(self.shift - 14))
    }

    /// The value of a key.
    #[inline]
    pub fn get(&self, key: u64) -> Option<V> {
        let (word, bit) = self.grain(key);
        if self.sieve[word] & bit != bit {
            return None;
        }
        let at = self.find(key);
        (self.keys[at] == key).then(|| self.values[at])
    }
}

#[cfg(test)]
mod tests {
    use std::hash::BuildHasher;

    use super::*;

    #[test]
    fn every_key_has_its_value_however_many_there_are() {
        let mut table: Table<u64> = Table::default();
        assert_eq!(table.get(7), None);
        for round in 0..2 {
            for key in 0..5_000 {
                let value = table.entry(key << 20);
                assert_eq!(*value, key * round, "{key}");
                *value = key;
            }
        }
        let quick = |text: &str| BuildQuick::default().hash_one(text) >> 44;
        let different: std::collections::BTreeSet<u64> = (0..1_000).map(|n| quick(&format!("some term {n}"))).collect();
        assert!(different.len() > 990, "{}", different.len());
        assert_eq!((table.get(4_999 << 20), table.get(0), table.get(1)), (Some(4_999), Some(0), None));
    }
}
