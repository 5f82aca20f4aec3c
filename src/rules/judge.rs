//! One mail against all rules, and the verdict that comes of it (RULES.md "How a verdict comes about").

use std::sync::Arc;

use super::compile::Rule;
use super::file::FIELDS;
use super::near::{Vetoes, extent, ordered, unordered};
use super::terms::{Found, GroupId, Hits, Terms};
use super::{Fired, Hit, Place, Sum, Trace, Verdict, Vetoed, World};
use crate::report::{Fields, Report};

/// A trace shows this many places of a rule; more say nothing new.
const MOST_SHOWN: usize = 12;

/// The texts of a mail in the order of [`FIELDS`].
pub fn texts(fields: &Fields) -> [&str; 6] {
    [&fields.subject, &fields.body, &fields.forwarded, &fields.attachment, &fields.filename, &fields.quoted]
}

/// What a rule says about a mail.
pub enum Outcome {
    /// It does not apply.
    Silent,
    /// It fired, with what it matched.
    Fired(Vec<Hit>),
    /// It would have, but for this.
    Vetoed(Hit),
}

/// One mail, scanned.
pub struct Mail<'m> {
    texts: [&'m str; 6],
    hits: Hits,
    terms: &'m Terms,
}

impl<'m> Mail<'m> {
    /// Looks for all terms in all fields.
    pub fn scan(texts: [&'m str; 6], terms: &'m Terms) -> Self {
        Mail { texts, hits: terms.scan(&texts), terms }
    }

    /// The words of the rule against the mail; facts are [`facts_hold`].
    pub fn outcome(&self, rule: &Rule) -> Outcome {
        let mut veto = None;
        let mut shown = Vec::new();
        let vetoes = rule.none_near.map(|(group, within)| (Vetoes::new(self.places(rule, group)), within));
        let mut free = |windows: Vec<Vec<Found>>| {
            let close = |window: &[Found]| vetoes.as_ref().and_then(|(v, within)| v.close_to(extent(window), *within));
            let before = shown.len();
            for window in windows {
                match close(&window) {
                    Some(found) => veto = veto.or(Some(found)),
                    None => shown.extend(window),
                }
            }
            shown.len() > before
        };
        for group in rule.any.iter().chain(&rule.all) {
            let places = self.places(rule, *group);
            if places.is_empty() {
                return Outcome::Silent;
            }
            if !free(places.into_iter().map(|p| vec![p]).collect()) {
                return self.vetoed(veto);
            }
        }
        if let Some(near) = &rule.near {
            let windows: Vec<Vec<Found>> = near.variants.iter().flat_map(|parts| self.windows(rule, parts)).collect();
            if windows.is_empty() {
                return Outcome::Silent;
            }
            if !free(windows) {
                return self.vetoed(veto);
            }
        }
        let mut hits = self.show(shown);
        if let Some(regex) = &rule.regex {
            let found = self.regex_hits(rule, regex);
            if found.is_empty() {
                return Outcome::Silent;
            }
            hits.extend(found);
        }
        match rule.none.map(|group| self.places(rule, group)).unwrap_or_default().first() {
            Some(found) => Outcome::Vetoed(self.hit(found)),
            None => Outcome::Fired(hits),
        }
    }

    fn vetoed(&self, veto: Option<Found>) -> Outcome {
        veto.map_or(Outcome::Silent, |found| Outcome::Vetoed(self.hit(&found)))
    }

    /// Places of a group in the fields the rule looks at.
    fn places(&self, rule: &Rule, group: GroupId) -> Vec<Found> {
        self.hits.of(group).iter().filter(|f| rule.fields & (1 << f.field) != 0).copied().collect()
    }

    fn windows(&self, rule: &Rule, parts: &[GroupId]) -> Vec<Vec<Found>> {
        let Some(near) = &rule.near else { return Vec::new() };
        if parts.iter().any(|group| self.hits.of(*group).is_empty()) {
            return Vec::new();
        }
        let places: Vec<Vec<Found>> = parts.iter().map(|group| self.places(rule, *group)).collect();
        if near.in_order { ordered(&places, near.within) } else { unordered(&places, near.within) }
    }

    fn regex_hits(&self, rule: &Rule, regex: &regex::Regex) -> Vec<Hit> {
        let mut hits = Vec::new();
        for (index, text) in self.texts.iter().enumerate().filter(|(index, _)| rule.fields & (1 << index) != 0) {
            for found in regex.find_iter(text).filter(|f| !f.is_empty()).take(MOST_SHOWN - hits.len()) {
                let (start, end, text) = (found.start(), found.end(), found.as_str().to_owned());
                hits.push(Hit { field: FIELDS[index].into(), start, end, text, term: regex.as_str().into() });
            }
        }
        hits
    }

    fn show(&self, mut places: Vec<Found>) -> Vec<Hit> {
        places.sort_unstable();
        places.dedup_by_key(|f| (f.field, f.start, f.end));
        places.iter().take(MOST_SHOWN).map(|f| self.hit(f)).collect()
    }

    fn hit(&self, found: &Found) -> Hit {
        let (index, start, end) = (found.field as usize, found.start as usize, found.end as usize);
        let text = self.texts[index].get(start..end).unwrap_or_default().to_owned();
        Hit { field: FIELDS[index].into(), start, end, text, term: self.terms.shown(found.term).to_owned() }
    }
}

/// Whether the facts a rule asks for are so.
pub fn facts_hold(rule: &Rule, report: &Report, place: &Place) -> bool {
    let listed = |list: &[String], value: Option<&str>| list.is_empty() || value.is_some_and(|v| list.iter().any(|l| l == v));
    listed(&rule.account, Some(&place.account))
        && listed(&rule.language, report.language.as_deref())
        && rule.automated.is_none_or(|wanted| wanted == report.automated.is_some())
        && rule.junk.is_none_or(|wanted| wanted == report.junk)
}

/// What the rules said, gathered before the verdict.
#[derive(Default)]
pub struct Findings<'r> {
    fired: Vec<(&'r Rule, Vec<Hit>)>,
    vetoed: Vec<Vetoed>,
}

/// Asks every rule.
pub fn ask<'r>(rules: &'r [Rule], mail: &Mail<'_>, report: &Report, place: &Place) -> Findings<'r> {
    let mut findings = Findings::default();
    for rule in rules.iter().filter(|rule| facts_hold(rule, report, place)) {
        match mail.outcome(rule) {
            Outcome::Silent => {}
            Outcome::Fired(hits) => findings.fired.push((rule, hits)),
            Outcome::Vetoed(by) => findings.vetoed.push(Vetoed { id: rule.id.clone(), by }),
        }
    }
    findings
}

/// From what fired to the queue.
pub fn verdict(findings: Findings<'_>, world: &World, place: &Place, hash: &Arc<str>) -> Verdict {
    let live = || findings.fired.iter().map(|(rule, _)| *rule).filter(|rule| !rule.shadow);
    let sums = sums(live(), world);
    let passed: Vec<String> = sums.iter().filter(|s| s.points >= s.threshold).map(|s| s.queue.clone()).collect();
    let mut because: Vec<String> = sums.iter().map(say_sum).collect();
    let queue = match passed.first() {
        Some(queue) => {
            because.push(format!("{queue} is the most urgent queue that passed"));
            queue.clone()
        }
        None => {
            because.push(format!("no queue passed: the default of this mailbox, {}", place.default));
            place.default.clone()
        }
    };
    let sinker = live().find(|rule| rule.below_floor && rule.vote.is_some_and(|(q, _)| world.queues[q].0 == queue));
    let queue = above_floor(queue, place, world, sinker, &mut because);
    let topics = gather(live().flat_map(|rule| &rule.topics));
    let flags = gather(live().flat_map(|rule| &rule.flags));
    let fired = findings.fired.into_iter().map(|(rule, hits)| fired(rule, hits, world)).collect();
    let (default, floor) = (place.default.clone(), place.floor.clone());
    let trace = Trace { rules_hash: hash.clone(), fired, vetoed: findings.vetoed, sums, default, floor, because };
    Verdict { queue, passed, topics, flags, trace }
}

/// Points per queue, most urgent first; every rule counts once.
fn sums<'r>(rules: impl Iterator<Item = &'r Rule>, world: &World) -> Vec<Sum> {
    let mut points: Vec<Option<i64>> = vec![None; world.queues.len()];
    for (queue, given) in rules.filter_map(|rule| rule.vote) {
        points[queue] = Some(points[queue].unwrap_or(0) + given);
    }
    let sum = |((queue, threshold), points): (&(String, i64), Option<i64>)| {
        points.map(|points| Sum { queue: queue.clone(), points, threshold: *threshold })
    };
    world.queues.iter().zip(points).filter_map(sum).collect()
}

fn say_sum(sum: &Sum) -> String {
    let passed = if sum.points >= sum.threshold { "passed" } else { "not enough" };
    format!("{} has {} points of the {} it needs: {passed}", sum.queue, sum.points, sum.threshold)
}

fn above_floor(queue: String, place: &Place, world: &World, sinker: Option<&Rule>, because: &mut Vec<String>) -> String {
    let urgency = |name: &str| world.queues.iter().position(|(q, _)| q == name).unwrap_or(usize::MAX);
    if urgency(&queue) <= urgency(&place.floor) {
        return queue;
    }
    match sinker {
        Some(rule) => {
            because.push(format!("it is below the floor {}, but the rule {} may sink a mail there", place.floor, rule.id));
            queue
        }
        None => {
            because.push(format!("that is below the floor of this mailbox: lifted to {}", place.floor));
            place.floor.clone()
        }
    }
}

fn gather<'s>(words: impl Iterator<Item = &'s String>) -> Vec<String> {
    words.cloned().collect::<std::collections::BTreeSet<_>>().into_iter().collect()
}

fn fired(rule: &Rule, hits: Vec<Hit>, world: &World) -> Fired {
    let queue = rule.vote.map(|(queue, _)| world.queues[queue].0.clone());
    let points = rule.vote.map_or(0, |(_, points)| points);
    Fired { id: rule.id.clone(), why: rule.why.clone(), queue, points, shadow: rule.shadow, hits }
}
