//! Windows and vetoes against the plain meaning of the words, on small and on any places.

use proptest::prelude::*;

use super::*;

/// Places of one word each.
fn words(count: u32) -> Places {
    Places::new((0..count).map(|word| (word * WORD, (word + 1) * WORD)).collect())
}

/// All windows of parts that stand at such places.
fn windows(places: &Places, parts: &[&[u32]], within: u32, in_order: bool) -> Vec<Vec<u32>> {
    let each: Vec<Bits> = parts.iter().map(|part| Bits::new(places.len(), part.iter().copied())).collect();
    let parts = Parts { places, bits: each.iter().collect(), within, in_order, term: &|_, _| 0 };
    let mut found = Vec::new();
    let whole = parts.windows(0..places.len() as u32, &mut |window| {
        found.push(window.to_vec());
        ControlFlow::Continue(())
    });
    assert!(whole.is_continue() && found.iter().all(|window| parts.has(window)), "{found:?}");
    found
}

#[test]
fn parts_in_order_with_the_tightest_chain() {
    let of = |parts: &[&[u32]]| windows(&words(500), parts, 3, true);
    assert_eq!(of(&[&[0, 5], &[7], &[9]]), [[5, 7, 9]]);
    assert_eq!(of(&[&[0, 200, 400], &[4, 404]]), [[0, 4], [400, 404]]);
    assert_eq!(of(&[&[0], &[5]]), [[0; 2]; 0]);
    assert_eq!(of(&[&[5], &[0]]), [[0; 2]; 0]);
}

#[test]
fn parts_in_any_order() {
    let of = |parts: &[&[u32]]| windows(&words(500), parts, 1, false);
    assert_eq!(of(&[&[5, 300], &[3, 302, 499]]), [[5, 3], [300, 302]]);
    assert_eq!(of(&[&[5], &[2]]), [[0; 2]; 0]);
    assert_eq!(of(&[&[5], &[5]]), [[0; 2]; 0], "one word is not two");
}

#[test]
fn the_search_ends_when_enough_was_found() {
    let (places, all) = (words(500), Bits::new(500, 0..500));
    let parts = Parts { places: &places, bits: vec![&all, &all], within: 2, in_order: false, term: &|_, _| 0 };
    let mut count = 0;
    let ended = parts.windows(0..500, &mut |_| {
        count += 1;
        if count == 7 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert!(ended.is_break() && count == 7);
}

#[test]
fn a_veto_is_close_before_and_after_and_inside() {
    let places = words(40);
    let close = |vetoes: &[u32], from: u32, to: u32, bounds| {
        close_to(&places, &Bits::new(40, vetoes.iter().copied()), (from * WORD, to * WORD), 2, bounds)
    };
    for (from, to, wanted) in [(7, 8, true), (13, 14, true), (9, 12, true), (6, 7, false), (14, 15, false)] {
        assert_eq!(close(&[10], from, to, ANYWHERE), wanted.then_some(10), "{from}..{to}");
    }
    assert_eq!((close(&[], 0, 4, ANYWHERE), close(&[8, 10, 13], 10, 11, ANYWHERE)), (None, Some(13)));
    let sentence = (10 * WORD, 20 * WORD);
    assert_eq!([close(&[9, 20], 11, 12, sentence), close(&[9, 20], 19, 20, sentence)], [None, None]);
    assert_eq!(close(&[9, 12, 20], 11, 12, sentence), Some(12));
}

#[test]
fn a_sentence_bounds_windows_and_vetoes() {
    let borders = [10 * WORD, 20 * WORD];
    assert_eq!(sentence(&borders, (12 * WORD, 13 * WORD)), (10 * WORD, 20 * WORD));
    assert_eq!(sentence(&borders, (9 * WORD, 10 * WORD)), (0, 10 * WORD));
    assert_eq!(sentence(&borders, (20 * WORD, 22 * WORD)), (20 * WORD, u32::MAX));
    assert!(in_one_sentence(&borders, (8 * WORD, 10 * WORD)) && !in_one_sentence(&borders, (9 * WORD, 11 * WORD)));
}

/// One of each part so that the first and the last are close enough; in order, none begins before the one before it ends.
fn stands(places: &Places, window: &[u32], within: u32, in_order: bool) -> bool {
    let span = |at: &u32| places.span(*at);
    let follow = window.windows(2).all(|pair| span(&pair[0]).1 <= span(&pair[1]).0);
    let apart = window.iter().any(|at| *at != window[0]);
    let first = window.iter().map(span).min_by_key(|(from, _)| *from).unwrap_or_default();
    let last = window.iter().map(|at| span(at).0).max().unwrap_or_default();
    apart && (!in_order || follow) && last.saturating_sub(first.1) <= within * WORD
}

proptest! {
    #[test]
    fn there_is_a_window_where_one_stands_and_each_given_stands(
        spans in proptest::collection::btree_set((0u32..300, 1u32..3), 1..40),
        parts in proptest::collection::vec(proptest::collection::btree_set(0usize..40, 1..12), 2..4), within in 0u32..6, in_order: bool
    ) {
        let spans: Vec<(u32, u32)> = spans.into_iter().map(|(word, length)| (word * WORD, (word + length) * WORD)).collect();
        let places = Places::new(spans.clone());
        let mut taken = vec![false; spans.len()];
        // No place in two parts: which of these comes first is told by the terms.
        let mut free = |part: std::collections::BTreeSet<usize>| -> Vec<u32> {
            part.into_iter().filter(|at| *at < taken.len() && !std::mem::replace(&mut taken[*at], true)).map(|at| at as u32).collect()
        };
        let parts: Vec<Vec<u32>> = parts.into_iter().map(&mut free).collect();
        let slices: Vec<&[u32]> = parts.iter().map(Vec::as_slice).collect();
        let found = windows(&places, &slices, within, in_order);
        for window in &found {
            prop_assert!(stands(&places, window, within, in_order), "{:?}", window);
        }
        let every = parts.iter().fold(vec![Vec::new()], |all: Vec<Vec<u32>>, part| {
            all.iter().flat_map(|begun| part.iter().map(|at| [begun.as_slice(), &[*at]].concat())).collect()
        });
        let any = every.iter().any(|window| stands(&places, window, within, in_order));
        prop_assert_eq!(!found.is_empty(), any, "{:?} of {:?} at {:?}", found, parts, spans);
    }
}
