//! Terms found so far, each with a small number: a hash table that costs nothing for the terms that were not found.

use super::terms::TermId;

/// See above.
#[derive(Debug)]
pub struct Slots {
    terms: Vec<TermId>,
    /// A term, and its slot and one; 0 is free. A power of two, at most half full.
    table: Vec<(TermId, u32)>,
}

impl Slots {
    /// None yet.
    pub fn new() -> Self {
        Slots { terms: Vec::new(), table: vec![(0, 0); 512] }
    }

    /// By slot: the term.
    pub fn terms(&self) -> &[TermId] {
        &self.terms
    }

    #[inline]
    fn probe(&self, term: TermId) -> usize {
        let mask = self.table.len() - 1;
        let mut at = (term.wrapping_mul(0x9E37_79B9) >> 7) as usize & mask;
        while self.table[at].0 != term && self.table[at].1 != 0 {
            at = (at + 1) & mask;
        }
        at
    }

    /// The slot of a term, if it was found.
    pub fn get(&self, term: TermId) -> Option<u32> {
        self.table[self.probe(term)].1.checked_sub(1)
    }

    /// The slot of a term, a new one if it has none yet.
    #[inline]
    pub fn of(&mut self, term: TermId) -> u32 {
        let at = self.probe(term);
        let slot = self.table[at].1;
        if slot > 0 { slot - 1 } else { self.push(term, at) }
    }

    fn push(&mut self, term: TermId, at: usize) -> u32 {
        self.terms.push(term);
        self.table[at] = (term, self.terms.len() as u32);
        if self.terms.len() * 2 > self.table.len() {
            self.grow();
        }
        self.terms.len() as u32 - 1
    }

    fn grow(&mut self) {
        self.table = vec![(0, 0); self.table.len() * 2];
        for slot in 0..self.terms.len() {
            let at = self.probe(self.terms[slot]);
            self.table[at] = (self.terms[slot], slot as u32 + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_term_has_one_slot_however_many_there_are() {
        let mut slots = Slots::new();
        assert_eq!(slots.get(7), None);
        for round in 0..2 {
            for term in 0..5_000_u32 {
                assert_eq!(slots.of(term * 512), term, "round {round}");
            }
        }
        assert_eq!((slots.get(512 * 4_999), slots.get(1)), (Some(4_999), None));
    }
}
