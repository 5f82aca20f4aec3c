//! One mail against all rules, and the verdict that comes of it (RULES.md "How a verdict comes about").

use std::cell::OnceCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::compile::{ANY, Language, Pattern, Rule};
use super::conditions::{Asked, Shown, conditions};
use super::file::FIELDS;
use super::hits::Hits;
use super::places::PlaceId;
use super::strikes::Strikes;
use super::terms::{GroupId, TermId, Terms};
use super::weigh::Tongues;
use super::{Choice, Fired, Hit, Moment, Place, RuleSet, Sum, Trace, Verdict, Vetoed, World};
use crate::report::{Fields, Report};

/// A trace shows this many places of a rule; more say nothing new.
pub const MOST_SHOWN: usize = 12;

/// The texts of a mail in the order of [`FIELDS`].
pub fn texts(fields: &Fields) -> [&str; 6] {
    [&fields.subject, &fields.body, &fields.forwarded, &fields.attachment, &fields.filename, &fields.quoted]
}

/// What a rule says about a mail.
pub enum Outcome {
    /// It does not apply.
    Silent,
    /// It fired, with its points and what it matched.
    Fired(i64, Vec<Hit>),
    /// It would have, but for this.
    Vetoed(Hit),
}

/// One mail, scanned.
pub struct Mail<'m> {
    texts: [&'m str; 6],
    pub hits: Hits,
    terms: &'m Terms,
    /// The language it is written in, where lists have words of that.
    pub language: Option<Language>,
    /// By number of a regex's literals: the fields one stands in.
    filtered: Vec<u8>,
    /// By place of a rule: it may fire.
    wanted: Vec<bool>,
    /// The ways of conditions of which every part was found, in order.
    pub complete: Vec<u32>,
    tongues: &'m Tongues,
    spoken: OnceCell<Vec<Language>>,
}

impl<'m> Mail<'m> {
    /// Looks for all terms in all fields; `None` when the time was up before the end.
    pub fn scan(
        texts: [&'m str; 6],
        language: Option<Language>,
        set: &'m RuleSet,
        time_is_up: &dyn Fn() -> bool,
    ) -> Option<Self> {
        let hits = set.terms.scan(&texts, time_is_up)?;
        let (wanted, complete) = set.wanted.by(&hits);
        let (filtered, terms, tongues, spoken) = (set.filters.look(&texts), &set.terms, &set.tongues, OnceCell::new());
        Some(Mail { filtered, texts, hits, terms, language, wanted, complete, tongues, spoken })
    }

    /// The words of the rule against the mail; facts are [`super::facts::Facts::hold`].
    pub fn outcome(&self, rule: &Rule) -> Outcome {
        let mut hits = Vec::new();
        if let Some(regex) = &rule.regex {
            hits = self.regex_hits(rule, regex);
            if hits.is_empty() {
                return Outcome::Silent;
            }
        }
        let strikes = Strikes::of(self, rule);
        let (mut shown, mut struck) = (Vec::new(), None);
        for condition in conditions(rule) {
            let held = Asked { mail: self, rule, condition }.hold(&strikes);
            match (held.shown.is_empty(), held.struck) {
                (true, None) => return Outcome::Silent,
                (true, one) => struck = struck.or(one),
                (false, _) => shown.extend(held.shown),
            }
        }
        if let Some(veto) = struck.and_then(|(window, languages)| strikes.find(self, &window, &languages)) {
            return Outcome::Vetoed(self.hit(veto));
        }
        // A pattern, and a rule of facts alone, are of no language.
        if let Some(veto) = shown.is_empty().then(|| strikes.none(self, &[ANY])).flatten() {
            return Outcome::Vetoed(self.hit(veto));
        }
        let mut all = self.show(shown);
        all.append(&mut hits);
        if rule.weigh.is_empty() {
            return Outcome::Fired(rule.vote.map_or(0, |(_, points)| points), all);
        }
        let Some((points, mut signs)) = rule.weigh.weigh(self, rule.fields) else { return Outcome::Silent };
        all.append(&mut signs);
        Outcome::Fired(points, all)
    }

    fn regex_hits(&self, rule: &Rule, pattern: &Pattern) -> Vec<Hit> {
        let mut hits = Vec::new();
        // Without one of its literals a regex cannot match: it need not be asked.
        let fields = rule.fields & pattern.filter.map_or(u8::MAX, |filter| self.filtered[filter]);
        for (index, text) in self.texts.iter().enumerate().filter(|(index, _)| fields & (1 << index) != 0) {
            for found in pattern.regex.find_iter(text).take(MOST_SHOWN - hits.len()) {
                let (start, end, text) = (found.start(), found.end(), found.as_str().to_owned());
                hits.push(Hit { field: FIELDS[index].into(), start, end, text, term: pattern.regex.as_str().into() });
            }
        }
        hits
    }

    /// The first places, each once, with the first of the terms it was asked for by.
    fn show(&self, mut places: Vec<Shown>) -> Vec<Hit> {
        places.sort_unstable_by_key(|(place, _)| *place);
        let first = |same: &[Shown]| same.iter().copied().min_by_key(|(place, group)| self.term_at(*place, *group));
        let each = places.chunk_by(|(one, _), (other, _)| one == other);
        let mut hits = Vec::with_capacity(MOST_SHOWN);
        hits.extend(each.take(MOST_SHOWN).filter_map(first).map(|shown| self.hit(shown)));
        hits
    }

    /// A place with the very words that stand there.
    pub fn hit(&self, (place, group): Shown) -> Hit {
        let (index, bytes) = self.hits.bytes(place);
        let text = self.texts[index].get(bytes.clone()).unwrap_or_default().to_owned();
        let term = self.terms.shown(self.term_at(place, group)).clone();
        Hit { field: FIELDS[index].into(), start: bytes.start, end: bytes.end, text, term }
    }

    /// The term of a group that stands at a place.
    pub fn term_at(&self, place: PlaceId, group: GroupId) -> TermId {
        self.hits.term_at(place, group, self.terms)
    }

    /// The languages whose words count as signs.
    pub fn tongues(&self) -> &[Language] {
        self.spoken.get_or_init(|| self.tongues.spoken(self.tongues.of(self.hits.groups())))
    }

    /// Where sentences begin.
    pub fn borders(&self) -> &[u32] {
        self.hits.borders(&self.texts)
    }
}

/// What the rules said, gathered before the verdict.
#[derive(Default)]
pub struct Findings<'r> {
    /// Each with its points.
    fired: Vec<(&'r Rule, i64, Vec<Hit>)>,
    vetoed: Vec<Vetoed>,
    /// Rules that failed through a fault of ours.
    failed: Vec<&'r Rule>,
    /// Rules that were not asked, because the time was up.
    unasked: &'r [Rule],
}

/// Between two looks at whether the time is up, so many rules are asked; a regex may take longer than many other rules.
const RULES_A_LOOK: usize = 16;

/// Asks every rule. One that fails does not silence the others: it is noted, and [`verdict`] counts it. When the time is up
/// the rest is noted too; without a mail (its scan was not finished) that is all of them.
pub fn ask<'r>(rules: &'r [Rule], mail: Option<&Mail<'_>>, report: &Report, place: &Place, moment: &Moment<'_>) -> Findings<'r> {
    let mut findings = Findings::default();
    let Some(mail) = mail else { return Findings { unasked: rules, ..findings } };
    for (index, rule) in rules.iter().enumerate() {
        if (rule.regex.is_some() || index % RULES_A_LOOK == 0) && (moment.time_is_up)() {
            findings.unasked = &rules[index..];
            break;
        }
        if !mail.wanted[index] {
            continue;
        }
        let asked = || if rule.facts.hold(report, place, moment) { mail.outcome(rule) } else { Outcome::Silent };
        // Nothing a rule reads is changed by asking, so a panic leaves nothing half done.
        match catch_unwind(AssertUnwindSafe(asked)) {
            Ok(Outcome::Silent) => {}
            Ok(Outcome::Fired(points, hits)) => findings.fired.push((rule, points, hits)),
            Ok(Outcome::Vetoed(by)) => findings.vetoed.push(Vetoed { id: rule.id.clone(), by }),
            Err(_) => findings.failed.push(rule),
        }
    }
    findings
}

/// From what fired to the queue.
pub fn verdict(findings: Findings<'_>, world: &World, place: &Place, hash: &Arc<str>) -> Verdict {
    let live = || findings.fired.iter().map(|(rule, _, _)| *rule).filter(|rule| !rule.shadow);
    let votes = findings.fired.iter().filter(|(rule, _, _)| !rule.shadow);
    let votes = votes.filter_map(|(rule, points, _)| rule.vote.map(|(queue, _)| (queue, *points)));
    let failed = || findings.failed.iter().copied();
    let unasked = findings.unasked;
    let floor_votes = failed().chain(unasked).filter(|rule| !rule.shadow).filter_map(|rule| floor_vote(rule, place, world));
    let sums = sums(votes.chain(floor_votes), world);
    let passed: Vec<String> = sums.iter().filter(|s| s.points >= s.threshold).map(|s| s.queue.clone()).collect();
    let late = say_unasked(unasked.len(), place).into_iter();
    let mut because: Vec<String> =
        failed().map(|rule| say_failed(rule, place)).chain(late).chain(sums.iter().map(say_sum)).collect();
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
    // A rule that was not asked might have said otherwise.
    let sinker = sinker.filter(|_| unasked.is_empty());
    let queue = above_floor(queue, place, world, sinker, &mut because);
    let topics = gather(live().flat_map(|rule| &rule.topics));
    let flags = gather(live().flat_map(|rule| &rule.flags));
    let answer = choose(live());
    let failed: Vec<Fired> = failed().map(|rule| failed_as_fired(rule, place, world)).collect();
    let mut fired: Vec<Fired> =
        findings.fired.into_iter().map(|(rule, points, hits)| fired(rule, points, hits, world)).chain(failed).collect();
    fired.sort_by(|a, b| a.id.cmp(&b.id));
    let (default, floor) = (place.default.clone(), place.floor.clone());
    let trace =
        Trace { rules_hash: hash.clone(), fired, vetoed: findings.vetoed, sums, default, floor, because, unasked: unasked.len() };
    Verdict { queue, passed, topics, flags, answer, trace }
}

/// A rule that failed counts as passed, with its full points for the floor queue, or for the default where that is more
/// urgent: a fault must not sink a mail (law 2). A rule that would have taken points away gives none.
fn floor_vote(rule: &Rule, place: &Place, world: &World) -> Option<(usize, i64)> {
    let floor = world.queues.iter().position(|(queue, _)| *queue == place.floor || *queue == place.default)?;
    rule.vote.map(|(_, points)| (floor, points.max(0)))
}

fn say_unasked(count: usize, place: &Place) -> Option<String> {
    let floor = &place.floor;
    (count > 0).then(|| {
        format!(
            "the time for this mail was up before {count} of the rules were asked: they count as passed for the floor {floor} or higher"
        )
    })
}

/// Of several choices "none" wins, then the first in the alphabet; of several rules with that choice the first by id is named.
fn choose<'r>(rules: impl Iterator<Item = &'r Rule>) -> Option<Choice> {
    let choice = |rule: &'r Rule| rule.answer.as_ref().map(|text| (text != "none", text, &rule.id));
    let (_, text, rule) = rules.filter_map(choice).min()?;
    Some(Choice { text: Some(text.clone()).filter(|text| text != "none"), rule: rule.clone() })
}

fn failed_as_fired(rule: &Rule, place: &Place, world: &World) -> Fired {
    let vote = floor_vote(rule, place, world);
    let queue = vote.map(|(queue, _)| world.queues[queue].0.clone());
    let points = vote.map_or(0, |(_, points)| points);
    Fired { id: rule.id.clone(), why: rule.why.clone(), queue, points, shadow: rule.shadow, weighed: false, hits: Vec::new() }
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

fn fired(rule: &Rule, points: i64, hits: Vec<Hit>, world: &World) -> Fired {
    let queue = rule.vote.map(|(queue, _)| world.queues[queue].0.clone());
    let weighed = !rule.weigh.is_empty();
    Fired { id: rule.id.clone(), why: rule.why.clone(), queue, points, shadow: rule.shadow, weighed, hits }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::{Problems, Source};

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
        let world = World { queues, accounts: vec!["emergency".to_owned()], answers: Vec::new() };
        let problems = Problems::default();
        let mut set = RuleSet::compile(&[Source::new("0.toml".to_owned(), RULES.to_owned())], &world, &problems);
        assert!(problems.is_empty());
        // A group that no mail was scanned for: what a fault of ours in compiling would leave behind.
        set.rules.iter_mut().filter(|rule| rule.id == "broken").for_each(|rule| rule.any = Some(vec![(ANY, GroupId::MAX - 1)]));
        let mut report = Report::blank(crate::clock::from_millis(0));
        report.fields.body = "alpha bravo".to_owned();
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
