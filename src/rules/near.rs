//! "Near": do the parts of a thought stand close together? All of it in linear time, so that no mail can make it slow; and only
//! around the rarest part, since most mails have no such thought.

use std::ops::{ControlFlow, Range};

use super::bits::{Bits, each_of, words_of};
use super::fold::WORD;
use super::places::{PlaceId, Places};

/// The parts of a thought in one language, in one mail.
pub struct Parts<'h> {
    /// All places of the mail.
    pub places: &'h Places,
    /// By part: where it stands.
    pub bits: Vec<&'h Bits>,
    /// Words between the first and the last, at most.
    pub within: u32,
    /// In the order of the parts.
    pub in_order: bool,
    /// By part and place: the number of the term that was found, which comes first where two parts stand at one place.
    pub term: &'h dyn Fn(usize, PlaceId) -> u32,
}

/// Takes a window, the places that together satisfy a `near`: one of each part; and says whether to go on.
pub type Take<'t> = dyn FnMut(&[PlaceId]) -> ControlFlow<()> + 't;

/// No place.
const NONE: PlaceId = PlaceId::MAX;

impl Parts<'_> {
    /// Gives every window among the places of a range, each the tightest that ends where it ends.
    pub fn windows(&self, range: Range<PlaceId>, take: &mut Take<'_>) -> ControlFlow<()> {
        let Some(rarest) = self.bits.iter().min_by_key(|bits| bits.count()) else { return ControlFlow::Continue(()) };
        let mut cluster: Range<PlaceId> = 0..0;
        for place in rarest.within(range.clone()) {
            let around = self.around(place, &range);
            if !self.bits.iter().all(|bits| bits.first(around.clone()).is_some()) {
                continue;
            }
            if around.start >= cluster.end {
                self.search(cluster, take)?;
                cluster = around;
            } else {
                cluster.end = around.end;
            }
        }
        self.search(cluster, take)
    }

    /// Where the other places of a window may be that one is in.
    fn around(&self, place: PlaceId, range: &Range<PlaceId>) -> Range<PlaceId> {
        let (from, reach) = (self.places.span(place).0, self.within * WORD + self.places.longest());
        let around = self.places.about(from.saturating_sub(reach), from.saturating_add(reach));
        around.start.max(range.start)..around.end.min(range.end)
    }

    fn search(&self, cluster: Range<PlaceId>, take: &mut Take<'_>) -> ControlFlow<()> {
        match cluster.is_empty() {
            true => ControlFlow::Continue(()),
            false if self.in_order => self.ordered(&cluster, take),
            false => self.unordered(&cluster, take),
        }
    }

    /// Windows of places close to each other, in any order: at each place the latest of all parts.
    fn unordered(&self, cluster: &Range<PlaceId>, take: &mut Take<'_>) -> ControlFlow<()> {
        let mut latest = vec![NONE; self.bits.len()];
        for at in words_of(cluster) {
            let any = self.bits.iter().fold(0, |any, bits| any | bits.word(at, cluster));
            for place in each_of(at, any) {
                self.place(place, &mut latest, take)?;
            }
        }
        ControlFlow::Continue(())
    }

    /// Windows that end at a place.
    #[inline]
    fn place(&self, place: PlaceId, latest: &mut [PlaceId], take: &mut Take<'_>) -> ControlFlow<()> {
        let mut parts = self.bits.iter().enumerate().filter(|(_, bits)| bits.has(place)).map(|(part, _)| part);
        let (first, second) = (parts.next().unwrap_or(0), parts.next());
        if second.is_some() {
            return self.place_of_several(place, latest, take);
        }
        latest[first] = place;
        self.close(place, latest, take)
    }

    fn place_of_several(&self, place: PlaceId, latest: &mut [PlaceId], take: &mut Take<'_>) -> ControlFlow<()> {
        let mut several: Vec<usize> = (0..self.bits.len()).filter(|part| self.bits[*part].has(place)).collect();
        several.sort_unstable_by_key(|part| self.key(*part, place));
        several.into_iter().try_for_each(|part| {
            latest[part] = place;
            self.close(place, latest, take)
        })
    }

    /// Takes the latest places if there is one of each part and all stand close together.
    #[inline]
    fn close(&self, place: PlaceId, latest: &[PlaceId], take: &mut Take<'_>) -> ControlFlow<()> {
        if latest.contains(&NONE) {
            return ControlFlow::Continue(());
        }
        let spans = latest.iter().map(|place| self.places.span(*place));
        let first_to = spans.min_by_key(|(from, _)| *from).map_or(0, |(_, to)| to);
        // One word cannot be two parts of a thought.
        let apart = latest.iter().any(|other| *other != place);
        if apart && self.reaches(first_to, place) { take(latest) } else { ControlFlow::Continue(()) }
    }

    fn reaches(&self, first_to: u32, last: PlaceId) -> bool {
        self.places.span(last).0.saturating_sub(first_to) <= self.within * WORD
    }

    fn key(&self, part: usize, place: PlaceId) -> (PlaceId, u32, usize) {
        (place, (self.term)(part, place), part)
    }

    /// Is this one of the windows?
    pub fn has(&self, window: &[PlaceId]) -> bool {
        if !self.bits.iter().zip(window).all(|(bits, place)| bits.has(*place)) {
            return false;
        }
        match self.in_order {
            true => self.ends_with(window),
            false => self.are_latest(window),
        }
    }

    /// Is each of these the latest of its part at the last of them?
    fn are_latest(&self, window: &[PlaceId]) -> bool {
        let last = window.iter().enumerate().map(|(part, place)| self.key(part, *place)).max();
        window.iter().enumerate().all(|(part, place)| {
            let end = last.map_or(0, |(place, _, _)| place + 1);
            self.bits[part].first(place + 1..end).is_none_or(|next| Some(self.key(part, next)) > last)
        })
    }

    fn ends_with(&self, window: &[PlaceId]) -> bool {
        let Some(last) = window.last() else { return false };
        let around = self.around(*last, &(0..last + 1));
        self.ordered(&around, &mut |other| if other == window { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
            .is_break()
    }

    /// Windows of places that stand in the order of the parts.
    fn ordered(&self, cluster: &Range<PlaceId>, take: &mut Take<'_>) -> ControlFlow<()> {
        let parts: Vec<Vec<PlaceId>> = self.bits.iter().map(|bits| bits.within(cluster.clone()).collect()).collect();
        // For each place of each part: the place of the part before, chosen so that the chain begins as late as can be.
        let mut chains: Vec<Vec<Option<Link>>> = Vec::with_capacity(parts.len());
        let Some(first) = parts.first() else { return ControlFlow::Continue(()) };
        chains.push(first.iter().map(|place| Some(Link { first_to: self.places.span(*place).1, before: 0 })).collect());
        for pair in parts.windows(2) {
            let links = self.link(&pair[0], chains.last().map_or(&[], Vec::as_slice), &pair[1]);
            chains.push(links);
        }
        let last = parts.len() - 1;
        for (at, place) in parts[last].iter().enumerate() {
            if chains[last][at].is_some_and(|link| self.reaches(link.first_to, *place)) {
                take(&walk_back(&parts, &chains, at))?;
            }
        }
        ControlFlow::Continue(())
    }

    fn link(&self, before: &[PlaceId], chains: &[Option<Link>], after: &[PlaceId]) -> Vec<Option<Link>> {
        let ends_at = |at: usize| self.places.span(before[at]).1;
        let mut by_end: Vec<usize> = (0..before.len()).filter(|at| chains[*at].is_some()).collect();
        by_end.sort_by_key(|at| ends_at(*at));
        let mut ends = by_end.into_iter().peekable();
        let mut best: Option<Link> = None;
        let mut links = Vec::with_capacity(after.len());
        for place in after {
            while let Some(index) = ends.next_if(|at| ends_at(*at) <= self.places.span(*place).0) {
                let first_to = chains[index].map_or(0, |link| link.first_to);
                if best.is_none_or(|best| first_to >= best.first_to) {
                    best = Some(Link { first_to, before: index });
                }
            }
            links.push(best);
        }
        links
    }
}

/// How a place hangs on the part before.
#[derive(Clone, Copy)]
struct Link {
    /// End of the chain's first place.
    first_to: u32,
    /// Index in the part before.
    before: usize,
}

fn walk_back(parts: &[Vec<PlaceId>], chains: &[Vec<Option<Link>>], last: usize) -> Vec<PlaceId> {
    let mut window = vec![NONE; parts.len()];
    let mut index = last;
    for part in (0..parts.len()).rev() {
        window[part] = parts[part][index];
        index = chains[part][index].map_or(0, |link| link.before);
    }
    window
}

/// The place of a veto within `within` words of `from..to`, before, after or inside, that also touches `begin..end`; of several
/// the one that ends last.
pub fn close_to(
    places: &Places,
    vetoes: &Bits,
    (from, to): (u32, u32),
    within: u32,
    (begin, end): (u32, u32),
) -> Option<PlaceId> {
    let reach = within * WORD;
    let (low, high) = (from.saturating_sub(reach).max(begin), to.saturating_add(reach));
    let about = places.about(low.saturating_sub(places.longest()), high);
    let mut latest = None;
    for veto in vetoes.within(about) {
        let (starts, ends) = places.span(veto);
        let near = starts <= high && starts < end && ends.saturating_add(reach) >= from && ends > begin;
        if near && latest.is_none_or(|(_, latest)| ends > latest) {
            latest = Some((veto, ends));
        }
    }
    latest.map(|(veto, _)| veto)
}

/// No bounds: for [`close_to`].
pub const ANYWHERE: (u32, u32) = (0, u32::MAX);

/// The positions of the sentences that `from..to` touches: from where the first begins to where the next one does.
pub fn sentence(borders: &[u32], (from, to): (u32, u32)) -> (u32, u32) {
    let before = borders.partition_point(|b| *b <= from);
    let after = borders.partition_point(|b| *b < to);
    (before.checked_sub(1).map_or(0, |at| borders[at]), borders.get(after).copied().unwrap_or(u32::MAX))
}

/// Does a window lie in one sentence?
pub fn in_one_sentence(borders: &[u32], (from, to): (u32, u32)) -> bool {
    borders.partition_point(|b| *b <= from) == borders.partition_point(|b| *b < to)
}

#[cfg(test)]
mod tests;
