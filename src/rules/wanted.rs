//! Which rules may fire on a mail at all, told by what was found in it: most rules of most mails need not be asked.

use super::compile::Rule;
use super::conditions::{Condition, conditions};
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
    pub fn new(rules: &[Rule], terms: &Terms) -> Self {
        let mut wanted = Wanted::default();
        let mut pairs = Vec::new();
        for (rule, each) in (0..).zip(rules) {
            for condition in conditions(each) {
                wanted.add(condition, &mut pairs);
                wanted.rule_of.push(rule);
            }
            wanted.conditions.push(conditions(each).count() as u32);
        }
        wanted.ways_of = Rows::new(terms.groups(), pairs);
        wanted
    }

    fn add(&mut self, condition: Condition<'_>, pairs: &mut Vec<(GroupId, u32)>) {
        let mut way = |parts: &[GroupId]| {
            pairs.extend(parts.iter().map(|group| (*group, self.ways.len() as u32)));
            self.ways.push((parts.len() as u16, self.rule_of.len() as u32));
        };
        match condition {
            Condition::Any(spoken) => spoken.iter().for_each(|(_, group)| way(&[*group])),
            Condition::Near(near) => near.variants.iter().for_each(|(_, parts)| way(parts)),
        }
    }

    /// By rule: is it to be asked?
    pub fn by(&self, hits: &Hits) -> Vec<bool> {
        let mut missing: Vec<u16> = self.ways.iter().map(|(parts, _)| *parts).collect();
        let mut held = vec![false; self.rule_of.len()];
        let mut left = self.conditions.clone();
        for way in hits.groups().iter().flat_map(|group| self.ways_of.of(*group)) {
            let missing = &mut missing[*way as usize];
            *missing -= 1;
            let condition = self.ways[*way as usize].1 as usize;
            if *missing == 0 && !std::mem::replace(&mut held[condition], true) {
                left[self.rule_of[condition] as usize] -= 1;
            }
        }
        left.into_iter().map(|left| left == 0).collect()
    }
}
