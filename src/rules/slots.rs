//! Numbers found so far, each with a smaller one: a hash table that costs nothing for what was not found.

/// See above.
#[derive(Debug)]
pub struct Slots {
    numbers: Vec<u32>,
    /// A number, and its slot and one; 0 is free. A power of two, at most half full.
    table: Vec<(u32, u32)>,
}

impl Slots {
    /// None yet.
    pub fn new() -> Self {
        Slots { numbers: Vec::new(), table: vec![(0, 0); 512] }
    }

    /// By slot: the number.
    pub fn numbers(&self) -> &[u32] {
        &self.numbers
    }

    #[inline]
    fn probe(&self, number: u32) -> usize {
        let mask = self.table.len() - 1;
        let mut at = (number.wrapping_mul(0x9E37_79B9) >> 7) as usize & mask;
        while self.table[at].0 != number && self.table[at].1 != 0 {
            at = (at + 1) & mask;
        }
        at
    }

    /// The slot of a number, a new one if it has none yet.
    #[inline]
    pub fn of(&mut self, number: u32) -> u32 {
        let at = self.probe(number);
        let slot = self.table[at].1;
        if slot > 0 { slot - 1 } else { self.push(number, at) }
    }

    fn push(&mut self, number: u32, at: usize) -> u32 {
        self.numbers.push(number);
        self.table[at] = (number, self.numbers.len() as u32);
        if self.numbers.len() * 2 > self.table.len() {
            self.grow();
        }
        self.numbers.len() as u32 - 1
    }

    fn grow(&mut self) {
        self.table = vec![(0, 0); self.table.len() * 2];
        for slot in 0..self.numbers.len() {
            let at = self.probe(self.numbers[slot]);
            self.table[at] = (self.numbers[slot], slot as u32 + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_one_slot_however_many_there_are() {
        let mut slots = Slots::new();
        for round in 0..2 {
            for number in 0..5_000_u32 {
                assert_eq!(slots.of(number * 512), number, "round {round}");
            }
        }
        assert_eq!(slots.of(1), 5_000);
    }
}
