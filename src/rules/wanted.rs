//! Which rules may fire on a mail at all, told by what was found in it: most rules of most mails need not be asked.

use super::compile::Rule;
use super::hits::Hits;
use super::lists::Lists;
use super::terms::{GroupId, Terms};

/// Each rule under the groups of one of its conditions: one of them must have been found.
#[derive(Debug, Default)]
pub struct Wanted {
    by_group: Lists,
    /// By rule: it asks for no words.
    always: Vec<bool>,
}

impl Wanted {
    /// Of rules, by their place.
    pub fn new(rules: &[Rule], terms: &Terms) -> Self {
        let sizes = terms.sizes();
        let mut pairs = Vec::new();
        let mut always = vec![false; rules.len()];
        for (at, rule) in rules.iter().enumerate() {
            // The condition with the fewest terms holds least often, as a rule.
            match conditions(rule).into_iter().min_by_key(|groups| groups.iter().map(|g| sizes[*g as usize]).sum::<usize>()) {
                Some(groups) => pairs.extend(groups.into_iter().map(|group| (group, at as u32))),
                None => always[at] = true,
            }
        }
        Wanted { by_group: Lists::new(terms.groups(), pairs), always }
    }

    /// By rule: is it to be asked?
    pub fn by(&self, hits: &Hits) -> Vec<bool> {
        let mut wanted = self.always.clone();
        hits.groups().iter().flat_map(|group| self.by_group.of(*group)).for_each(|rule| wanted[*rule as usize] = true);
        wanted
    }
}

/// The groups of each condition of words that a rule cannot fire without.
fn conditions(rule: &Rule) -> Vec<Vec<GroupId>> {
    let spoken = rule.any.iter().chain(&rule.all).map(|spoken| spoken.iter().map(|(_, group)| *group).collect());
    let parts = rule.near.iter().flat_map(|near| {
        let parts = near.variants.first().map_or(1, |(_, parts)| parts.len());
        (0..parts).map(|part| near.variants.iter().map(|(_, parts)| parts[part]).collect())
    });
    spoken.chain(parts).collect()
}
