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

/// Memory is made ready for so many places at most, before they are found.
const MOST_AT_ONCE: usize = 1 << 14;

/// Where each term was found in one mail. Flat arrays throughout: a mail has a thousand places, and memory for each term of
/// its own would take longer than the search.
#[derive(Debug)]
pub struct Hits {
    slots: Slots,
    /// Places as they were noted, each with its slot.
    noted: Vec<(u32, Found)>,
    /// Places by slot, in order, once finished.
    places: Vec<Found>,
    /// By slot: where its places begin and end.
    bounds: Vec<(u32, u32)>,
    /// By group: its first link and one, or 0.
    heads: Vec<u32>,
    /// The groups of which anything was found.
    groups: Vec<GroupId>,
    /// A slot of a group, and the group's next link and one, or 0.
    links: Vec<(u32, u32)>,
    /// Each field as it was read plainly, with the position where it begins.
    fields: Vec<(u32, Folded)>,
    borders: OnceCell<Vec<u32>>,
}

impl Hits {
    /// Of a mail of so many bytes.
    pub fn new(bytes: usize) -> Self {
        let mut hits = Hits {
            slots: Slots::default(),
            noted: Vec::with_capacity((bytes / 8).min(MOST_AT_ONCE)),
            places: Vec::new(),
            bounds: Vec::new(),
            heads: Vec::new(),
            groups: Vec::new(),
            links: Vec::new(),
            fields: Vec::new(),
            borders: OnceCell::new(),
        };
        hits.slots.grow();
        hits
    }

    /// Notes a place.
    #[inline]
    pub fn add(&mut self, found: Found) {
        self.noted.push((self.slots.of(found.term), found));
    }

    /// Notes that a field was read.
    pub fn read(&mut self, base: u32, plain: Folded) {
        self.fields.push((base, plain));
    }

    /// Puts places in order, joins the terms with a `*` inside, and files everything by group.
    pub fn finish(&mut self, terms: &Terms) {
        self.sort();
        for slot in 0..self.bounds.len() {
            for joined in terms.joined_by(self.slots.terms[slot]) {
                self.join(joined);
            }
        }
        self.file(terms);
    }

    /// Moves each place to those of its slot: counted, then filled in.
    fn sort(&mut self) {
        self.bounds = vec![(0, 0); self.slots.terms.len()];
        self.noted.iter().for_each(|(slot, _)| self.bounds[*slot as usize].1 += 1);
        let mut start = 0;
        for bounds in &mut self.bounds {
            let count = std::mem::replace(bounds, (start, start)).1;
            start += count;
        }
        let Some((_, first)) = self.noted.first() else { return };
        self.places = vec![*first; self.noted.len()];
        for (slot, found) in self.noted.drain(..) {
            let end = &mut self.bounds[slot as usize].1;
            self.places[*end as usize] = found;
            *end += 1;
        }
        for (start, end) in &mut self.bounds {
            *end = *start + put_in_order(&mut self.places[*start as usize..*end as usize]) as u32;
        }
    }

    fn places_of(&self, slot: u32) -> &[Found] {
        let (start, end) = self.bounds[slot as usize];
        &self.places[start as usize..end as usize]
    }

    /// Finds a term with a `*` inside from the places of its parts.
    fn join(&mut self, joined: &Joined) {
        let part = |(skipped, term): &(u32, TermId)| Some((*skipped, self.places_of(self.slots.get(*term)?)));
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
            let count = put_in_order(&mut longer);
            longer.truncate(count);
            chains = longer;
        }
        if !chains.is_empty() {
            // Such a term is found in no other way, so these are all its places.
            self.slots.of(joined.term);
            let start = self.places.len() as u32;
            self.places.extend(chains.into_iter().map(|found| Found { term: joined.term, ..found }));
            self.bounds.push((start, self.places.len() as u32));
        }
    }

    /// Which slots belong to which group.
    fn file(&mut self, terms: &Terms) {
        self.heads = vec![0; terms.groups()];
        for (slot, term) in self.slots.terms.iter().enumerate() {
            for group in terms.groups_of(*term) {
                let head = &mut self.heads[*group as usize];
                if *head == 0 {
                    self.groups.push(*group);
                }
                self.links.push((slot as u32, *head));
                *head = self.links.len() as u32;
            }
        }
    }

    /// The groups of which anything was found.
    pub fn groups(&self) -> &[GroupId] {
        &self.groups
    }

    /// Was anything of a group found at all?
    pub fn has(&self, group: GroupId) -> bool {
        self.heads[group as usize] > 0
    }

    /// The places of a group in the fields of a bit set, in order.
    pub fn of(&self, group: GroupId, fields: u8) -> Vec<Found> {
        let mut found: Vec<Found> = Vec::new();
        let (mut next, mut slots) = (self.heads[group as usize], 0);
        while next > 0 {
            let (slot, after) = self.links[next as usize - 1];
            found.extend(self.places_of(slot).iter().filter(|f| fields & (1 << f.field) != 0));
            (next, slots) = (after, slots + 1);
        }
        if slots > 1 {
            let count = put_in_order(&mut found);
            found.truncate(count);
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

/// Sorts places and moves the first of each place to the front; gives how many those are.
fn put_in_order(places: &mut [Found]) -> usize {
    let place = |f: &Found| (f.from, f.to);
    // What one reading found is in order already, and most mails have only one.
    if places.windows(2).all(|pair| place(&pair[0]) < place(&pair[1])) {
        return places.len();
    }
    places.sort_unstable();
    let mut count = 1;
    for at in 1..places.len() {
        if place(&places[at]) != place(&places[count - 1]) {
            places[count] = places[at];
            count += 1;
        }
    }
    count
}

/// Terms found so far, each with a small number: a hash table that costs nothing for the terms that were not found.
#[derive(Debug, Default)]
struct Slots {
    terms: Vec<TermId>,
    /// Slot and one; 0 is free. A power of two, at most half full.
    table: Vec<u32>,
}

impl Slots {
    #[inline]
    fn probe(&self, term: TermId) -> usize {
        let mask = self.table.len() - 1;
        let mut at = (term.wrapping_mul(0x9E37_79B9) >> 7) as usize & mask;
        while self.table[at] != 0 && self.terms[self.table[at] as usize - 1] != term {
            at = (at + 1) & mask;
        }
        at
    }

    fn get(&self, term: TermId) -> Option<u32> {
        self.table[self.probe(term)].checked_sub(1)
    }

    #[inline]
    fn of(&mut self, term: TermId) -> u32 {
        let at = self.probe(term);
        if self.table[at] != 0 {
            return self.table[at] - 1;
        }
        self.terms.push(term);
        self.table[at] = self.terms.len() as u32;
        if self.terms.len() * 2 > self.table.len() {
            self.grow();
        }
        self.terms.len() as u32 - 1
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
        slots.grow();
        assert_eq!(slots.get(7), None);
        for round in 0..2 {
            for term in 0..5_000_u32 {
                assert_eq!(slots.of(term * 512), term, "round {round}");
            }
        }
        assert_eq!((slots.get(512 * 4_999), slots.get(1)), (Some(4_999), None));
    }
}
