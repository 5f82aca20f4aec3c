//! "Near": do the parts of a thought stand close together? All of it in linear time, so that no mail can make it slow.

use super::fold::WORD;
use super::hits::Found;

/// The places that together satisfy a `near`: one of each part.
pub type Window = Vec<Found>;

/// First position of a window, and the position after it.
pub fn extent(window: &[Found]) -> (u32, u32) {
    let from = window.iter().map(|f| f.from).min().unwrap_or(0);
    (from, window.iter().map(|f| f.to).max().unwrap_or(from))
}

/// Windows where one place of each part stands in the order of the parts, with at most `within` words between first and last.
pub fn ordered(parts: &[Vec<Found>], within: u32) -> Vec<Window> {
    // For each place of each part: the place of the part before, chosen so that the chain begins as late as can be.
    let mut chains: Vec<Vec<Option<Link>>> = Vec::with_capacity(parts.len());
    let Some(first) = parts.first() else { return Vec::new() };
    chains.push(first.iter().map(|f| Some(Link { first_to: f.to, before: 0 })).collect());
    for pair in parts.windows(2) {
        let links = link(&pair[0], chains.last().map_or(&[], Vec::as_slice), &pair[1]);
        chains.push(links);
    }
    let last = parts.len() - 1;
    let close = |index: &usize| chains[last][*index].is_some_and(|l| gap(l.first_to, parts[last][*index].from) <= within * WORD);
    (0..parts[last].len()).filter(close).map(|index| walk_back(parts, &chains, index)).collect()
}

/// How a place hangs on the part before.
#[derive(Clone, Copy)]
struct Link {
    /// End of the chain's first place.
    first_to: u32,
    /// Index in the part before.
    before: usize,
}

fn link(before: &[Found], chains: &[Option<Link>], after: &[Found]) -> Vec<Option<Link>> {
    let mut by_end: Vec<usize> = (0..before.len()).filter(|i| chains[*i].is_some()).collect();
    by_end.sort_by_key(|i| before[*i].to);
    let mut ends = by_end.into_iter().peekable();
    let mut best: Option<Link> = None;
    let mut links = Vec::with_capacity(after.len());
    for place in after {
        while let Some(index) = ends.next_if(|i| before[*i].to <= place.from) {
            let first_to = chains[index].map_or(0, |l| l.first_to);
            if best.is_none_or(|b| first_to >= b.first_to) {
                best = Some(Link { first_to, before: index });
            }
        }
        links.push(best);
    }
    links
}

fn walk_back(parts: &[Vec<Found>], chains: &[Vec<Option<Link>>], last: usize) -> Window {
    let mut window = Vec::with_capacity(parts.len());
    let mut index = last;
    for part in (0..parts.len()).rev() {
        window.push(parts[part][index]);
        index = chains[part][index].map_or(0, |l| l.before);
    }
    window.reverse();
    window
}

/// Windows where one place of each part stands within `within` words of the others, in any order.
pub fn unordered(parts: &[Vec<Found>], within: u32) -> Vec<Window> {
    let mut all: Vec<(Found, usize)> =
        parts.iter().enumerate().flat_map(|(part, places)| places.iter().map(move |f| (*f, part))).collect();
    all.sort_unstable();
    let mut latest: Vec<Option<Found>> = vec![None; parts.len()];
    let mut windows = Vec::new();
    for (place, part) in all {
        latest[part] = Some(place);
        let window: Option<Window> = latest.iter().copied().collect();
        let Some(window) = window else { continue };
        let first_to = window.iter().min_by_key(|f| f.from).map_or(0, |f| f.to);
        // One word cannot be two parts of a thought.
        let apart = window.iter().any(|f| (f.from, f.to) != (place.from, place.to));
        if apart && gap(first_to, place.from) <= within * WORD {
            windows.push(window);
        }
    }
    windows
}

fn gap(to: u32, from: u32) -> u32 {
    from.saturating_sub(to)
}

/// Places of vetoes, ready to be asked which stands close to a hit.
pub struct Vetoes {
    places: Vec<Found>,
    /// Index of the place that ends latest among the first n.
    latest: Vec<usize>,
}

impl Vetoes {
    /// `places` in order.
    pub fn new(places: Vec<Found>) -> Self {
        let mut latest = Vec::with_capacity(places.len());
        let mut best = 0;
        for (index, place) in places.iter().enumerate() {
            if place.to > places[best].to {
                best = index;
            }
            latest.push(best);
        }
        Vetoes { places, latest }
    }

    /// A veto within `within` words of `from..to`, before, after or inside, that also touches `bounds`.
    pub fn close_to(&self, (from, to): (u32, u32), within: u32, (begin, end): (u32, u32)) -> Option<Found> {
        let reach = within * WORD;
        let count = self.places.partition_point(|v| v.from <= to.saturating_add(reach) && v.from < end);
        let veto = self.places[*self.latest.get(count.checked_sub(1)?)?];
        (veto.to.saturating_add(reach) >= from && veto.to > begin).then_some(veto)
    }
}

/// No bounds: for [`Vetoes::close_to`].
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
mod tests {
    use super::*;

    /// A part with words at these places.
    fn at(words: &[u32]) -> Vec<Found> {
        let place = |w: &u32| Found { from: w * WORD, to: (w + 1) * WORD, field: 0, start: *w, end: w + 1, term: 0 };
        words.iter().map(place).collect()
    }

    fn words(windows: &[Window]) -> Vec<Vec<u32>> {
        windows.iter().map(|w| w.iter().map(|f| f.start).collect()).collect()
    }

    #[test]
    fn parts_in_order_with_the_tightest_chain() {
        assert_eq!(words(&ordered(&[at(&[0, 5]), at(&[7]), at(&[9])], 3)), [[5, 7, 9]]);
        assert_eq!(words(&ordered(&[at(&[0]), at(&[4])], 3)), [[0, 4]]);
        assert!(ordered(&[at(&[0]), at(&[5])], 3).is_empty());
        assert!(ordered(&[at(&[5]), at(&[0])], 3).is_empty());
    }

    #[test]
    fn parts_in_any_order() {
        assert_eq!(words(&unordered(&[at(&[5]), at(&[3])], 1)), [[5, 3]]);
        assert!(unordered(&[at(&[5]), at(&[2])], 1).is_empty());
        assert!(unordered(&[at(&[5]), at(&[5])], 1).is_empty(), "one word is not two");
    }

    #[test]
    fn a_veto_is_close_before_and_after_and_inside() {
        let vetoes = Vetoes::new(at(&[10]));
        let close = |from: u32, to: u32| vetoes.close_to((from * WORD, to * WORD), 2, ANYWHERE).is_some();
        assert!(close(7, 8) && close(13, 14) && close(9, 12));
        assert!(!close(6, 7) && !close(14, 15));
        assert!(Vetoes::new(Vec::new()).close_to((0, 4), 9, ANYWHERE).is_none());
    }

    #[test]
    fn a_sentence_bounds_windows_and_vetoes() {
        let borders = [10 * WORD, 20 * WORD];
        assert_eq!(sentence(&borders, (12 * WORD, 13 * WORD)), (10 * WORD, 20 * WORD));
        assert_eq!(sentence(&borders, (9 * WORD, 10 * WORD)), (0, 10 * WORD));
        assert_eq!(sentence(&borders, (20 * WORD, 22 * WORD)), (20 * WORD, u32::MAX));
        assert!(in_one_sentence(&borders, (8 * WORD, 10 * WORD)) && !in_one_sentence(&borders, (9 * WORD, 11 * WORD)));
        let vetoes = Vetoes::new(at(&[9, 20]));
        let close = |word: u32| {
            vetoes.close_to((word * WORD, (word + 1) * WORD), 5, sentence(&borders, (word * WORD, (word + 1) * WORD)))
        };
        assert!(close(11).is_none() && close(19).is_none() && close(8).is_some() && close(21).is_some());
    }
}
