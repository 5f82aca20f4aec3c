//! Laying shifts over each other: overrides above layers, later layers above earlier ones, events of a calendar side by
//! side. One sweep over all beginnings and ends answers every question, so that none can disagree with another.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{Piece, layer, repeat};
use crate::config::Rota;

/// A stretch of time in which nobody comes or goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span<'r> {
    /// First moment.
    pub from: Timestamp,
    /// First moment after it.
    pub to: Timestamp,
    /// Names of who is on call, sorted, each once; empty: a gap.
    pub people: Vec<&'r str>,
}

/// Names of who is on call at a moment. Several only where overrides, or events of a calendar, overlap.
pub fn on_call(rota: &Rota, at: Timestamp) -> Vec<&str> {
    let after = at.saturating_add(SignedDuration::from_nanos(1)).unwrap_or(Timestamp::MAX);
    shifts(rota, at, after).pop().map(|span| span.people).unwrap_or_default()
}

/// Who is on call from `from` until just before `to`: without overlap, in order, each beginning where the one before ends,
/// neighbours never the same people. Empty when `to` is not after `from`.
pub fn shifts(rota: &Rota, from: Timestamp, to: Timestamp) -> Vec<Span<'_>> {
    let turns = turns(rota, from, to);
    let mut spans: Vec<Span<'_>> = Vec::new();
    let mut on: Vec<BTreeMap<&str, i32>> = Vec::new();
    let mut next = turns.iter().peekable();
    let mut at = from;
    while at < to {
        while let Some(turn) = next.next_if(|turn| turn.at <= at) {
            change(&mut on, turn);
        }
        let until = next.peek().map_or(to, |turn| turn.at.min(to));
        let people = on.iter().find(|level| !level.is_empty()).map_or_else(Vec::new, |level| level.keys().copied().collect());
        match spans.last_mut() {
            Some(last) if last.people == people => last.to = until,
            _ => spans.push(Span { from: at, to: until, people }),
        }
        at = until;
    }
    spans
}

/// Where nobody is on call, as [`shifts`].
pub fn gaps(rota: &Rota, from: Timestamp, to: Timestamp) -> Vec<Span<'_>> {
    let mut spans = shifts(rota, from, to);
    spans.retain(|span| span.people.is_empty());
    spans
}

/// Somebody comes or goes.
struct Turn<'r> {
    at: Timestamp,
    /// 0 covers 1, and so on.
    level: usize,
    who: &'r str,
    /// 1: comes; -1: goes.
    by: i32,
}

/// Every coming and going that matters between two moments, in order.
fn turns(rota: &Rota, from: Timestamp, to: Timestamp) -> Vec<Turn<'_>> {
    let mut turns = Vec::new();
    for (level, pieces) in levels(rota, from, to).into_iter().enumerate() {
        for Piece { from: start, to: end, who } in pieces {
            if start < end && start < to && end > from {
                turns.push(Turn { at: start, level, who, by: 1 });
                turns.push(Turn { at: end, level, who, by: -1 });
            }
        }
    }
    turns.sort_by_key(|turn| turn.at);
    turns
}

/// All that could be on call between two moments, what covers the rest first.
fn levels(rota: &Rota, from: Timestamp, to: Timestamp) -> Vec<Vec<Piece<'_>>> {
    let stand_ins = rota.overrides.iter().map(|o| Piece { from: o.from, to: o.to, who: &o.person }).collect();
    let layers = rota.layers.iter().rev().map(|layer| layer::pieces(layer, &rota.zone, from, to));
    let events = rota.calendar.iter().flat_map(|shift| repeat::pieces(shift, from, to)).collect();
    std::iter::once(stand_ins).chain(layers).chain([events]).collect()
}

fn change<'r>(on: &mut Vec<BTreeMap<&'r str, i32>>, turn: &Turn<'r>) {
    if on.len() <= turn.level {
        on.resize_with(turn.level + 1, BTreeMap::new);
    }
    let times = on[turn.level].entry(turn.who).or_insert(0);
    *times += turn.by;
    if *times == 0 {
        on[turn.level].remove(turn.who);
    }
}
