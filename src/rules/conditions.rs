//! The conditions of words of a rule, held against one mail: where they are satisfied, and whether a veto strikes it there.

use std::ops::ControlFlow;

use super::compile::{ANY, Language, Near, Rule, Spoken};
use super::judge::{MOST_SHOWN, Mail};
use super::near::{Parts, in_one_sentence};
use super::places::PlaceId;
use super::strikes::Strikes;
use super::terms::GroupId;

/// What must be there.
#[derive(Clone, Copy)]
pub enum Condition<'r> {
    /// One of these.
    Any(&'r Spoken),
    /// One of each of the parts, close together.
    Near(&'r Near),
}

/// All conditions of words of a rule.
pub fn conditions(rule: &Rule) -> impl Iterator<Item = Condition<'_>> {
    rule.any.iter().chain(&rule.all).map(Condition::Any).chain(rule.near.iter().map(Condition::Near))
}

/// A place, and the group that was asked for.
pub type Shown = (PlaceId, GroupId);

/// Where a condition is satisfied.
#[derive(Default)]
pub struct Held {
    /// The first places that no veto strikes.
    pub shown: Vec<Shown>,
    /// The first window that one strikes, and its languages: only looked for to the end where there is no other.
    pub struck: Option<(Vec<PlaceId>, Vec<Language>)>,
}

/// One condition of a rule, and one mail.
pub struct Asked<'a> {
    pub mail: &'a Mail<'a>,
    pub rule: &'a Rule,
    pub condition: Condition<'a>,
}

impl<'a> Asked<'a> {
    /// The languages of which there is something of each part.
    fn variants(&self, near: &'a Near) -> impl Iterator<Item = (Language, &'a [GroupId])> {
        let first = self.mail.complete.partition_point(|way| *way < near.first_way);
        let variant = |way: &u32| near.variants.get((way - near.first_way) as usize);
        self.mail.complete[first..].iter().map_while(variant).map(|(language, parts)| (*language, parts.as_slice()))
    }

    /// Where it is satisfied. What more than enough places could show is not looked for.
    pub fn hold(&self, strikes: &Strikes<'_>) -> Held {
        let mut held = Held::default();
        match self.condition {
            Condition::Any(spoken) => spoken.iter().for_each(|(_, group)| self.places(*group, strikes, &mut held)),
            Condition::Near(near) => self.variants(near).for_each(|(_, parts)| self.windows(near, parts, strikes, &mut held)),
        }
        held
    }

    fn places(&self, group: GroupId, strikes: &Strikes<'_>, held: &mut Held) {
        let Some(bits) = self.mail.hits.of(group) else { return };
        let mut room = MOST_SHOWN;
        for place in self.mail.hits.in_fields(self.rule.fields).flat_map(|range| bits.within(range)) {
            if self.judge(&[place], &[group], strikes, held) {
                room -= 1;
                if room == 0 {
                    return;
                }
            }
        }
    }

    fn windows(&self, near: &Near, groups: &[GroupId], strikes: &Strikes<'_>, held: &mut Held) {
        let term = |part: usize, place| self.mail.term_at(place, groups[part]);
        let parts = self.parts(near, groups, &term);
        let before = held.shown.len();
        let mut take = |window: &[PlaceId]| {
            // Each window is the tightest that ends where it ends: if it crosses a border, so would every other.
            let apart = near.same_sentence && !in_one_sentence(self.mail.borders(), self.mail.hits.places().extent(window));
            let enough = !apart && self.judge(window, groups, strikes, held) && distinct(&held.shown[before..]) >= MOST_SHOWN;
            if enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        for range in self.mail.hits.in_fields(self.rule.fields) {
            if parts.windows(range, &mut take).is_break() {
                return;
            }
        }
    }

    fn parts<'p>(&self, near: &Near, groups: &[GroupId], term: &'p dyn Fn(usize, PlaceId) -> u32) -> Parts<'p>
    where
        'a: 'p,
    {
        let bits = groups.iter().filter_map(|group| self.mail.hits.of(*group)).collect();
        Parts { places: self.mail.hits.places(), bits, within: near.within, in_order: near.in_order, term }
    }

    /// Notes a window; true if no veto strikes it.
    fn judge(&self, window: &[PlaceId], groups: &[GroupId], strikes: &Strikes<'_>, held: &mut Held) -> bool {
        if !strikes.strike(self.mail, window, || self.languages(window)) {
            if held.shown.is_empty() {
                held.shown.reserve(MOST_SHOWN + window.len());
            }
            held.shown.extend(window.iter().copied().zip(groups.iter().copied()));
            return true;
        }
        if held.shown.is_empty() && held.struck.as_ref().is_none_or(|(first, _)| window < first.as_slice()) {
            held.struck = Some((window.to_vec(), self.languages(window)));
        }
        false
    }

    /// The languages in which a window satisfies the condition: the same words may stand in the lists of several.
    fn languages(&self, window: &[PlaceId]) -> Vec<Language> {
        match self.condition {
            Condition::Any(spoken) => {
                let there = |group: &GroupId| self.mail.hits.of(*group).is_some_and(|bits| bits.has(window[0]));
                spoken.iter().filter(|(_, group)| there(group)).map(|(language, _)| *language).collect()
            }
            Condition::Near(near) => {
                self.variants(near).filter_map(|(language, groups)| self.language(near, language, groups, window)).collect()
            }
        }
    }

    /// The language of a window in one variant, if it is one there: of none if its words alone are of none.
    fn language(&self, near: &Near, language: Language, groups: &[GroupId], window: &[PlaceId]) -> Option<Language> {
        let term = |part: usize, place| self.mail.term_at(place, groups[part]);
        if !self.parts(near, groups, &term).has(window) {
            return None;
        }
        let general = |(part, place): (usize, &PlaceId)| near.general.binary_search(&term(part, *place)).is_ok();
        Some(if window.iter().enumerate().all(general) { ANY } else { language })
    }
}

fn distinct(shown: &[Shown]) -> usize {
    shown.iter().enumerate().filter(|(at, (place, _))| shown[..*at].iter().all(|(other, _)| other != place)).count()
}
