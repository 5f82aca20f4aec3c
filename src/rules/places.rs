//! The places of a mail where terms were found, numbered in order: whoever compares two numbers compares where they stand.

use std::ops::Range;

use super::fold::WORD;

/// Number of a place.
pub type PlaceId = u32;

/// All of one mail.
#[derive(Debug, Default)]
pub struct Places {
    /// By number: where its first word begins and where the word after it does, in quarter words over all fields.
    spans: Vec<(u32, u32)>,
    /// By word: how many places begin before it.
    before: Vec<u32>,
    longest: u32,
}

impl Places {
    /// Of spans in order, each once.
    pub fn new(spans: Vec<(u32, u32)>) -> Self {
        let words = spans.last().map_or(0, |(from, _)| from / WORD) as usize;
        let mut before = vec![0; words + 2];
        // First how many begin in each word, then the sums.
        spans.iter().for_each(|(from, _)| before[(from / WORD) as usize + 1] += 1);
        let mut sum = 0;
        for count in &mut before {
            sum += *count;
            *count = sum;
        }
        let longest = spans.iter().map(|(from, to)| to - from).max().unwrap_or(0);
        Places { spans, before, longest }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Where a place begins and ends.
    #[inline]
    pub fn span(&self, place: PlaceId) -> (u32, u32) {
        self.spans[place as usize]
    }

    /// The widest distance between beginning and end.
    pub fn longest(&self) -> u32 {
        self.longest
    }

    /// The places that begin in a range of positions.
    pub fn beginning(&self, range: Range<u32>) -> Range<PlaceId> {
        let count = |position: u32| self.spans.partition_point(|(from, _)| *from < position) as u32;
        count(range.start)..count(range.end).max(count(range.start))
    }

    /// As [`Places::beginning`], with what else begins in the words at the ends: quicker.
    #[inline]
    pub fn about(&self, from: u32, to: u32) -> Range<PlaceId> {
        let count = |word: u32| self.before.get(word as usize).copied().unwrap_or(self.spans.len() as u32);
        count(from / WORD)..count((to / WORD).saturating_add(1))
    }

    /// First position of a window, and the position after it.
    pub fn extent(&self, window: &[PlaceId]) -> (u32, u32) {
        let from = window.iter().map(|place| self.span(*place).0).min().unwrap_or(0);
        (from, window.iter().map(|place| self.span(*place).1).max().unwrap_or(from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_between_two_positions_is_told_by_both_ways() {
        let spans = vec![(0, 4), (0, 8), (5, 6), (8, 12), (41, 60)];
        let places = Places::new(spans.clone());
        assert_eq!((places.len(), places.longest(), places.extent(&[3, 1])), (5, 19, (0, 12)));
        for from in 0..60 {
            for to in from..70 {
                let begins = |at: &u32| (from..to).contains(&spans[*at as usize].0);
                let exact: Vec<u32> = (0..5).filter(begins).collect();
                assert_eq!(places.beginning(from..to).collect::<Vec<_>>(), exact, "{from}..{to}");
                let about: Vec<u32> = places.about(from, to).collect();
                let whole = |at: &u32| (from / WORD..=to / WORD).contains(&(spans[*at as usize].0 / WORD));
                assert_eq!(about, (0..5).filter(whole).collect::<Vec<_>>(), "{from}..{to}");
            }
        }
    }
}
