//! One mail against all rules, and the verdict that comes of it (RULES.md "How a verdict comes about").

use std::panic::{AssertUnwindSafe, catch_unwind};
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
    /// Rules that failed through a fault of ours.
    failed: Vec<&'r Rule>,
}

/// Asks every rule. One that fails does not silence the others: it is noted, and [`verdict`] counts it.
pub fn ask<'r>(rules: &'r [Rule], mail: &Mail<'_>, report: &Report, place: &Place) -> Findings<'r> {
    let mut findings = Findings::default();
    for rule in rules {
        let asked = || if facts_hold(rule, report, place) { mail.outcome(rule) } else { Outcome::Silent };
        // Nothing a rule reads is changed by asking, so a panic leaves nothing half done.
        match catch_unwind(AssertUnwindSafe(asked)) {
            Ok(Outcome::Silent) => {}
            Ok(Outcome::Fired(hits)) => findings.fired.push((rule, hits)),
            Ok(Outcome::Vetoed(by)) => findings.vetoed.push(Vetoed { id: rule.id.clone(), by }),
            Err(_) => findings.failed.push(rule),
        }
    }
    findings
}

/// From what fired to the queue.
pub fn verdict(findings: Findings<'_>, world: &World, place: &Place, hash: &Arc<str>) -> Verdict {
    let live = || findings.fired.iter().map(|(rule, _)| *rule).filter(|rule| !rule.shadow);
    let failed = || findings.failed.iter().copied();
    let floor_votes = failed().filter(|rule| !rule.shadow).filter_map(|rule| floor_vote(rule, place, world));
    let sums = sums(live().filter_map(|rule| rule.vote).chain(floor_votes), world);
    let passed: Vec<String> = sums.iter().filter(|s| s.points >= s.threshold).map(|s| s.queue.clone()).collect();
    let mut because: Vec<String> = failed().map(|rule| say_failed(rule, place)).chain(sums.iter().map(say_sum)).collect();
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
    let failed: Vec<Fired> = failed().map(|rule| failed_as_fired(rule, place, world)).collect();
    let mut fired: Vec<Fired> = findings.fired.into_iter().map(|(rule, hits)| fired(rule, hits, world)).chain(failed).collect();
    fired.sort_by(|a, b| a.id.cmp(&b.id));
    let (default, floor) = (place.default.clone(), place.floor.clone());
    let trace = Trace { rules_hash: hash.clone(), fired, vetoed: findings.vetoed, sums, default, floor, because };
    Verdict { queue, passed, topics, flags, trace }
}

/// A rule that failed counts as passed, with its full points for the floor queue, or for the default where that is more
/// urgent: a fault must not sink a mail (law 2). A rule that would have taken points away gives none.
fn floor_vote(rule: &Rule, place: &Place, world: &World) -> Option<(usize, i64)> {
    let floor = world.queues.iter().position(|(queue, _)| *queue == place.floor || *queue == place.default)?;
    rule.vote.map(|(_, points)| (floor, points.max(0)))
}

fn failed_as_fired(rule: &Rule, place: &Place, world: &World) -> Fired {
    let vote = floor_vote(rule, place, world);
    let queue = vote.map(|(queue, _)| world.queues[queue].0.clone());
    let points = vote.map_or(0, |(_, points)| points);
    Fired { id: rule.id.clone(), why: rule.why.clone(), queue, points, shadow: rule.shadow, hits: Vec::new() }
}

fn say_failed(rule: &Rule, place: &Place) -> String {
    let id = &rule.id;
    format!(
        "the rule {id} failed on this mail through a fault of ours: it counts as passed for the floor {} or higher",
        place.floor
    )
}

/// Points per queue, most urgent first; every rule counts once.
fn sums(votes: impl Iterator<Item = (usize, i64)>, world: &World) -> Vec<Sum> {
    let mut points: Vec<Option<i64>> = vec![None; world.queues.len()];
    for (queue, given) in votes {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::{Problems, Source};
    use crate::rules::RuleSet;

    const RULES: &str = r#"
[[rule]]
id = "broken"
why = "It will fail."
queue = "general"
points = 100
any = ["alpha"]
[[rule]]
id = "sound"
why = "It stands."
queue = "general"
points = 60
any = ["bravo"]
topics = ["wiki"]
"#;

    #[test]
    fn a_rule_that_fails_counts_for_the_floor_and_is_named_and_the_others_are_still_asked() {
        let queues = ["threat-of-harm", "disinformation", "general"].map(|queue| (queue.to_owned(), 100)).to_vec();
        let world = World { queues, accounts: vec!["emergency".to_owned()] };
        let problems = Problems::default();
        let mut set = RuleSet::compile(&[Source::new("0.toml".to_owned(), RULES.to_owned())], &world, &problems);
        assert!(problems.is_empty());
        // A group that no mail was scanned for: what a fault of ours in compiling would leave behind.
        set.rules.iter_mut().filter(|rule| rule.id == "broken").for_each(|rule| rule.any = Some(usize::MAX));
        let mut report = Report::blank(crate::clock::from_millis(0));
        report.fields.body = "bravo".to_owned();
        let judge = |default: &str, floor: &str| {
            let (account, default, floor) = ("emergency".to_owned(), default.to_owned(), floor.to_owned());
            set.judge(&report, &Place { account, default, floor })
        };
        let verdict = judge("general", "threat-of-harm");
        assert_eq!((verdict.queue.as_str(), verdict.passed), ("threat-of-harm", vec!["threat-of-harm".to_owned()]));
        assert_eq!(verdict.topics, ["wiki"], "the sound rule was asked too");
        let fired: Vec<(&str, i64)> = verdict.trace.fired.iter().map(|f| (f.id.as_str(), f.points)).collect();
        assert_eq!(fired, [("broken", 100), ("sound", 60)]);
        assert!(verdict.trace.because.iter().any(|line| line.contains("the rule broken failed")), "{:?}", verdict.trace.because);
        assert_eq!(judge("disinformation", "general").queue, "disinformation", "a fault does not sink a mail");
    }
}
