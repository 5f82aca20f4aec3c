//! What was found in one mail: each place once for its term, gathered into the groups that rules ask for only where one asks.

use std::cell::OnceCell;
use std::ops::Range;

use super::bits::Bits;
use super::fold::{Folded, WORD};
use super::places::{PlaceId, Places};
use super::sentence;
use super::slots::Slots;
use super::terms::{GroupId, Joined, TermId, Terms};

/// Memory is made ready for so many places at most, before they are found.
const MOST_AT_ONCE: usize = 1 << 14;

/// Where a term was found: from where its first word begins to where the word after it does, in quarter words over all fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Noted {
    from: u32,
    to: u32,
    slot: u32,
}

/// Where each term was found in one mail. Flat arrays throughout: a mail has a thousand places, and memory for each term of
/// its own would take longer than the search.
#[derive(Debug)]
pub struct Hits {
    slots: Slots,
    /// In order of place, once finished.
    noted: Vec<Noted>,
    /// By place: the first of it that was noted; and one more.
    firsts: Vec<u32>,
    places: Places,
    /// The places of each slot, in order.
    by_slot: Vec<PlaceId>,
    /// By slot: where its places begin and end.
    bounds: Vec<(u32, u32)>,
    /// By group: its number among those found and one, or 0.
    numbers: Vec<u32>,
    /// The groups of which anything was found.
    groups: Vec<GroupId>,
    /// By number of a group found: its first link and one, and its places, gathered when first asked for.
    found: Vec<(u32, OnceCell<Bits>)>,
    /// A slot of a group, and the group's next link and one, or 0.
    links: Vec<(u32, u32)>,
    /// Each field as it was read plainly, with the position where it begins.
    fields: Vec<(u32, Folded)>,
    borders: OnceCell<Vec<u32>>,
}

impl Hits {
    /// Of a mail of so many bytes.
    pub fn new(bytes: usize) -> Self {
        Hits {
            slots: Slots::new(),
            noted: Vec::with_capacity((bytes / 8).min(MOST_AT_ONCE)),
            firsts: Vec::new(),
            places: Places::default(),
            by_slot: Vec::new(),
            bounds: Vec::new(),
            numbers: Vec::new(),
            groups: Vec::new(),
            found: Vec::new(),
            links: Vec::new(),
            fields: Vec::new(),
            borders: OnceCell::new(),
        }
    }

    /// Notes that a term, or several by one number ([`Terms::found`]), stand at `from..to`.
    #[inline]
    pub fn add(&mut self, from: u32, to: u32, number: u32) {
        let slot = self.slots.of(number);
        self.noted.push(Noted { from, to, slot });
    }

    /// Notes that a field was read.
    pub fn read(&mut self, base: u32, plain: Folded) {
        self.fields.push((base, plain));
    }

    /// Puts places in order, joins the terms with a `*` inside, and files everything by group.
    pub fn finish(&mut self, terms: &Terms) {
        self.order();
        let before = self.noted.len();
        self.join_pieces(terms);
        if self.noted.len() > before {
            self.order();
        }
        self.file(terms);
    }

    /// Numbers the places, and gathers those of each slot.
    fn order(&mut self) {
        sort(&mut self.noted);
        let (mut spans, mut numbers) = (Vec::with_capacity(self.noted.len()), Vec::with_capacity(self.noted.len()));
        self.firsts.clear();
        self.bounds = vec![(0, 0); self.slots.numbers().len()];
        for (at, noted) in self.noted.iter().enumerate() {
            if spans.last() != Some(&(noted.from, noted.to)) {
                spans.push((noted.from, noted.to));
                self.firsts.push(at as u32);
            }
            numbers.push(spans.len() as u32 - 1);
            self.bounds[noted.slot as usize].1 += 1;
        }
        self.firsts.push(self.noted.len() as u32);
        self.places = Places::new(spans);
        let mut start = 0;
        for bounds in &mut self.bounds {
            let count = std::mem::replace(bounds, (start, start)).1;
            start += count;
        }
        self.by_slot = vec![0; self.noted.len()];
        for (noted, place) in self.noted.iter().zip(numbers) {
            let end = &mut self.bounds[noted.slot as usize].1;
            self.by_slot[*end as usize] = place;
            *end += 1;
        }
    }

    fn places_of(&self, slot: u32) -> &[PlaceId] {
        let (start, end) = self.bounds[slot as usize];
        &self.by_slot[start as usize..end as usize]
    }

    /// Finds the terms with a `*` inside from the places of their parts.
    fn join_pieces(&mut self, terms: &Terms) {
        let mut pieces: Vec<(TermId, u32)> = Vec::new();
        for (slot, number) in (0..).zip(self.slots.numbers()) {
            pieces.extend(terms.found(number).filter(|term| terms.is_piece(*term)).map(|term| (term, slot)));
        }
        pieces.sort_unstable();
        for piece in pieces.chunk_by(|(one, _), (other, _)| one == other) {
            terms.joined_by(piece[0].0).iter().for_each(|joined| self.join(joined, &pieces));
        }
    }

    /// The places of a part.
    fn spans(&self, term: TermId, pieces: &[(TermId, u32)]) -> Vec<(u32, u32)> {
        let slots = pieces[pieces.partition_point(|(piece, _)| *piece < term)..].iter().take_while(|(piece, _)| *piece == term);
        let places = slots.flat_map(|(_, slot)| self.places_of(*slot));
        let mut spans: Vec<(u32, u32)> = places.map(|place| self.places.span(*place)).collect();
        spans.sort_unstable();
        spans
    }

    fn join(&mut self, joined: &Joined, pieces: &[(TermId, u32)]) {
        let there = |term: TermId| pieces.binary_search_by_key(&term, |(piece, _)| *piece).is_ok();
        let Some((first, rest)) = joined.parts.split_first().filter(|_| joined.parts.iter().all(|(_, term)| there(*term))) else {
            return;
        };
        let mut chains = self.spans(first.1, pieces);
        for (skipped, term) in rest {
            let spans = self.spans(*term, pieces);
            let next = |(begins, ends): (u32, u32)| {
                let from = ends + skipped * WORD;
                let after = &spans[spans.partition_point(|(at, _)| *at < from)..];
                after.iter().take_while(move |(at, _)| *at == from).map(move |(_, to)| (begins, *to))
            };
            chains = chains.into_iter().flat_map(next).collect();
            chains.sort_unstable();
            chains.dedup();
        }
        for (from, to) in chains {
            self.add(from, to, joined.term);
        }
    }

    /// Which slots belong to which group.
    fn file(&mut self, terms: &Terms) {
        self.numbers = vec![0; terms.groups()];
        for (slot, number) in self.slots.numbers().iter().enumerate() {
            for group in terms.found(number).flat_map(|term| terms.groups_of(term)) {
                let number = &mut self.numbers[*group as usize];
                if *number == 0 {
                    self.groups.push(*group);
                    self.found.push((0, OnceCell::new()));
                    *number = self.groups.len() as u32;
                }
                let head = &mut self.found[*number as usize - 1].0;
                self.links.push((slot as u32, *head));
                *head = self.links.len() as u32;
            }
        }
    }

    /// The groups of which anything was found.
    pub fn groups(&self) -> &[GroupId] {
        &self.groups
    }

    /// The places of a group, if it has any.
    pub fn of(&self, group: GroupId) -> Option<&Bits> {
        let (head, bits) = &self.found[(self.numbers[group as usize] as usize).checked_sub(1)?];
        Some(bits.get_or_init(|| {
            let link = |at: u32| at.checked_sub(1).map(|at| self.links[at as usize]);
            let slots = std::iter::successors(link(*head), |(_, next)| link(*next));
            Bits::new(self.places.len(), slots.flat_map(|(slot, _)| self.places_of(slot)).copied())
        }))
    }

    /// The first place of a group in some ranges (see [`Hits::in_fields`]).
    pub fn first(&self, group: GroupId, ranges: &[Range<PlaceId>]) -> Option<PlaceId> {
        let (head, _) = &self.found[(self.numbers[group as usize] as usize).checked_sub(1)?];
        let link = |at: u32| at.checked_sub(1).map(|at| self.links[at as usize]);
        let slots = std::iter::successors(link(*head), |(_, next)| link(*next));
        let within = |place: &PlaceId| ranges.iter().any(|range| range.contains(place));
        slots.filter_map(|(slot, _)| self.places_of(slot).iter().copied().find(within)).min()
    }

    /// The places there are.
    pub fn places(&self) -> &Places {
        &self.places
    }

    /// The term of a group that stands at a place; of several the first.
    pub fn term_at(&self, place: PlaceId, group: GroupId, terms: &Terms) -> TermId {
        let (first, after) = (self.firsts[place as usize] as usize, self.firsts[place as usize + 1] as usize);
        let there = self.noted[first..after].iter().flat_map(|noted| terms.found(&self.slots.numbers()[noted.slot as usize]));
        there.filter(|term| terms.groups_of(*term).binary_search(&group).is_ok()).min().unwrap_or(TermId::MAX)
    }

    /// The places in the fields of a bit set: of neighbours together.
    pub fn in_fields(&self, fields: u8) -> impl Iterator<Item = Range<PlaceId>> {
        let mut field = 0;
        std::iter::from_fn(move || {
            let asked = |field: &usize| fields & (1 << field) != 0;
            let first = (field..self.fields.len()).find(asked)?;
            field = (first..self.fields.len()).find(|field| !asked(field)).unwrap_or(self.fields.len());
            let end = self.fields.get(field).map_or(u32::MAX, |(base, _)| *base);
            Some(self.places.beginning(self.fields[first].0..end))
        })
    }

    /// The field a place is in, and its bytes there.
    pub fn bytes(&self, place: PlaceId) -> (usize, Range<usize>) {
        let (from, to) = self.places.span(place);
        let field = self.fields.partition_point(|(base, _)| *base <= from).saturating_sub(1);
        let (base, Folded { tokens, .. }) = &self.fields[field];
        // A sign without width begins where the word behind it does.
        let first = tokens.partition_point(|token| base + token.from < from);
        let first = (first..tokens.len()).find(|t| base + tokens[*t].to > from).unwrap_or(first);
        let last = tokens.partition_point(|token| base + token.to < to);
        (field, tokens[first].start as usize..tokens[last].end as usize)
    }

    /// Where sentences begin, over all fields, in order. Looked for when first asked.
    pub fn borders(&self, texts: &[&str]) -> &[u32] {
        self.borders.get_or_init(|| {
            let of_field = |((base, plain), text): (&(u32, Folded), &&str)| sentence::borders(text, plain, *base);
            self.fields.iter().zip(texts).flat_map(of_field).collect()
        })
    }
}

/// Sorts by place. A reading finds what ends first first, so nearly all stands where it belongs; where not, so many steps show
/// that another way is shorter.
fn sort(noted: &mut [Noted]) {
    let place = |noted: &Noted| u64::from(noted.from) << 32 | u64::from(noted.to);
    let mut steps = noted.len() * 8;
    for at in 1..noted.len() {
        let one = noted[at];
        let mut to = at;
        while to > 0 && place(&noted[to - 1]) > place(&one) {
            noted[to] = noted[to - 1];
            to -= 1;
        }
        noted[to] = one;
        match steps.checked_sub(at - to) {
            Some(left) => steps = left,
            None => return noted.sort_by_key(place),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_come_in_order_however_they_were_noted() {
        for step in [1, 7, 999, 500] {
            let noted = |n: u32| Noted { from: n * step % 1_000, to: n * step % 1_000 + n % 2, slot: n };
            let mut all: Vec<Noted> = (0..1_000).map(noted).collect();
            sort(&mut all);
            assert!(all.is_sorted_by_key(|noted| (noted.from, noted.to)), "{step}");
            let mut slots: Vec<u32> = all.iter().map(|noted| noted.slot).collect();
            slots.sort_unstable();
            assert!(slots.into_iter().eq(0..1_000), "{step}");
        }
    }
}
