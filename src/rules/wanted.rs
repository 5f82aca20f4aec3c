//! Which rules may fire on a mail at all, told by what was found in it: most rules of most mails need not be asked.

use super::compile::Rule;
use super::hits::Hits;
use super::rows::Rows;
use super::terms::{GroupId, Terms};

/// What must have been found for each rule. A condition can hold in several ways (the languages of its lists); of each way
/// every part must be there.
#[derive(Debug, Default)]
pub struct Wanted {
    /// By group: the ways that it is a part of.
    ways_of: Rows,
    /// By way: how many parts it has, and its condition.
    ways: Vec<(u16, u32)>,
    /// By condition: its rule.
    rule_of: Vec<u32>,
    /// By rule: how many conditions of words it has.
    conditions: Vec<u32>,
}

impl Wanted {
    /// Of rules, by their place.
    pub fn new(rules: &mut [Rule], terms: &Terms) -> Self {
        let mut wanted = Wanted::default();
        let mut pairs = Vec::new();
        for (rule, each) in (0..).zip(rules.iter_mut()) {
            let before = wanted.rule_of.len();
            for spoken in each.any.iter().chain(&each.all) {
                spoken.iter().for_each(|(_, group)| wanted.way(&[*group], &mut pairs));
                wanted.rule_of.push(rule);
            }
            for near in &mut each.near {
                near.first_way = wanted.ways.len() as u32;
                near.variants.iter().for_each(|(_, parts)| wanted.way(parts, &mut pairs));
                wanted.rule_of.push(rule);
            }
            wanted.conditions.push((wanted.rule_of.len() - before) as u32);
        }
        wanted.ways_of = Rows::new(terms.groups(), &pairs);
        wanted
    }

    /// Adds a way of the condition that comes next.
    fn way(&mut self, parts: &[GroupId], pairs: &mut Vec<(GroupId, u32)>) {
        pairs.extend(parts.iter().map(|group| (*group, self.ways.len() as u32)));
        self.ways.push((parts.len() as u16, self.rule_of.len() as u32));
    }

    /// By rule whether it is to be asked, and the ways of which every part is there, in order.
    pub fn by(&self, hits: &Hits) -> (Vec<bool>, Vec<u32>) {
        let mut missing: Vec<u16> = self.ways.iter().map(|(parts, _)| *parts).collect();
        let mut held = vec![false; self.rule_of.len()];
        let (mut left, mut complete) = (self.conditions.clone(), Vec::with_capacity(256));
        for way in hits.groups().iter().flat_map(|group| self.ways_of.of(*group)) {
            let missing = &mut missing[*way as usize];
            *missing -= 1;
            if *missing > 0 {
                continue;
            }
            complete.push(*way);
            let condition = self.ways[*way as usize].1 as usize;
            if !std::mem::replace(&mut held[condition], true) {
                left[self.rule_of[condition] as usize] -= 1;
            }
        }
        complete.sort_unstable();
        (left.into_iter().map(|left| left == 0).collect(), complete)
    }
}
