//! What was found in one mail: each place once for its term, gathered into the groups that rules ask for only where one asks.

use std::cell::OnceCell;

use super::fold::{Folded, WORD};
use super::sentence;
use super::terms::{GroupId, Joined, TermId, Terms};

/// A place where a term was found. Ordered by place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// Where its first word begins, in quarter words over all fields.
    pub from: u32,
    /// Where the word after it begins.
    pub to: u32,
    /// Index of the field.
    pub field: u8,
    /// Byte offsets into the field's text.
    pub start: u32,
    /// See `start`.
    pub end: u32,
    /// The term.
    pub term: TermId,
}

/// Where each term was found in one mail.
#[derive(Debug, Default)]
pub struct Hits {
    slots: Slots,
    /// Places by slot, in order once finished.
    places: Vec<Vec<Found>>,
    /// `members[starts[g]..starts[g + 1]]`: the slots of group g.
    starts: Vec<u32>,
    members: Vec<u32>,
    /// Each field as it was read plainly, with the position where it begins.
    fields: Vec<(u32, Folded)>,
    borders: OnceCell<Vec<u32>>,
}

impl Hits {
    /// Notes a place.
    pub fn add(&mut self, found: Found) {
        let slot = self.slots.of(found.term) as usize;
        if slot == self.places.len() {
            self.places.push(Vec::new());
        }
        self.places[slot].push(found);
    }

    /// Notes that a field was read.
    pub fn read(&mut self, base: u32, plain: Folded) {
        self.fields.push((base, plain));
    }

    /// Puts places in order, joins the terms with a `*` inside, and files everything by group.
    pub fn finish(&mut self, terms: &Terms) {
        for places in &mut self.places {
            // One reading after the other was scanned: mostly in order already.
            places.sort_unstable();
            places.dedup_by_key(|f| (f.from, f.to));
        }
        for slot in 0..self.places.len() {
            for joined in terms.joined_by(self.slots.terms[slot]) {
                self.join(joined);
            }
        }
        self.file(terms);
    }

    /// Finds a term with a `*` inside from the places of its parts.
    fn join(&mut self, joined: &Joined) {
        let part = |(skipped, term): &(u32, TermId)| Some((*skipped, &self.places[self.slots.get(*term)? as usize]));
        let Some(parts) = joined.parts.iter().map(part).collect::<Option<Vec<_>>>() else { return };
        let Some(((_, first), rest)) = parts.split_first() else { return };
        let mut chains: Vec<Found> = first.to_vec();
        for (skipped, places) in rest {
            let next = |chain: Found| {
                let from = chain.to + skipped * WORD;
                let after = &places[places.partition_point(|f| f.from < from)..];
                let joins = after.iter().take_while(move |f| f.from == from && f.field == chain.field);
                joins.map(move |f| Found { to: f.to, end: f.end, ..chain })
            };
            let mut longer: Vec<Found> = chains.into_iter().flat_map(next).collect();
            longer.sort_unstable();
            longer.dedup_by_key(|f| (f.from, f.to));
            chains = longer;
        }
        for found in chains {
            self.add(Found { term: joined.term, ..found });
        }
    }

    /// Which slots belong to which group: counted, then filled in.
    fn file(&mut self, terms: &Terms) {
        let mut starts = vec![0; terms.groups() + 1];
        let groups = |slot: usize| terms.groups_of(self.slots.terms[slot]);
        for slot in 0..self.places.len() {
            groups(slot).iter().for_each(|group| starts[*group + 1] += 1);
        }
        for group in 1..starts.len() {
            starts[group] += starts[group - 1];
        }
        let mut next = starts.clone();
        let mut members = vec![0; starts.last().map_or(0, |last| *last as usize)];
        for slot in 0..self.places.len() {
            for group in groups(slot) {
                members[next[*group] as usize] = slot as u32;
                next[*group] += 1;
            }
        }
        (self.starts, self.members) = (starts, members);
    }

    fn slots_of(&self, group: GroupId) -> &[u32] {
        &self.members[self.starts[group] as usize..self.starts[group + 1] as usize]
    }

    /// Was anything of a group found at all?
    pub fn has(&self, group: GroupId) -> bool {
        self.starts[group] < self.starts[group + 1]
    }

    /// The places of a group in the fields of a bit set, in order.
    pub fn of(&self, group: GroupId, fields: u8) -> Vec<Found> {
        let slots = self.slots_of(group);
        let places = slots.iter().flat_map(|slot| &self.places[*slot as usize]);
        let mut found: Vec<Found> = places.filter(|f| fields & (1 << f.field) != 0).copied().collect();
        if slots.len() > 1 {
            found.sort_unstable();
            found.dedup_by_key(|f| (f.from, f.to));
        }
        found
    }

    /// Where sentences begin, over all fields, in order. Looked for when first asked.
    pub fn borders(&self, texts: &[&str]) -> &[u32] {
        self.borders.get_or_init(|| {
            let of_field = |((base, plain), text): (&(u32, Folded), &&str)| sentence::borders(text, plain, *base);
            self.fields.iter().zip(texts).flat_map(of_field).collect()
        })
    }
}

/// Terms found so far, each with a small number: a hash table that costs nothing for the terms that were not found.
#[derive(Debug, Default)]
struct Slots {
    terms: Vec<TermId>,
    /// Slot and one; 0 is free. A power of two, at most half full.
    table: Vec<u32>,
}

impl Slots {
    fn probe(&self, term: TermId) -> usize {
        let mask = self.table.len() - 1;
        let mut at = (term.wrapping_mul(0x9E37_79B9) >> 7) as usize & mask;
        while self.table[at] != 0 && self.terms[self.table[at] as usize - 1] != term {
            at = (at + 1) & mask;
        }
        at
    }

    fn get(&self, term: TermId) -> Option<u32> {
        if self.table.is_empty() {
            return None;
        }
        self.table[self.probe(term)].checked_sub(1)
    }

    fn of(&mut self, term: TermId) -> u32 {
        if self.terms.len() * 2 >= self.table.len() {
            self.grow();
        }
        let at = self.probe(term);
        if self.table[at] == 0 {
            self.terms.push(term);
            self.table[at] = self.terms.len() as u32;
        }
        self.table[at] - 1
    }

    fn grow(&mut self) {
        self.table = vec![0; (self.table.len() * 2).max(512)];
        for slot in 0..self.terms.len() {
            let at = self.probe(self.terms[slot]);
            self.table[at] = slot as u32 + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_term_has_one_slot_however_many_there_are() {
        let mut slots = Slots::default();
        assert_eq!(slots.get(7), None);
        for round in 0..2 {
            for term in 0..5_000_u32 {
                assert_eq!(slots.of(term * 512), term, "round {round}");
            }
        }
        assert_eq!((slots.get(512 * 4_999), slots.get(1)), (Some(4_999), None));
    }
}
