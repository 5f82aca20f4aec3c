//! One mail against all rules, and the verdict that comes of it (RULES.md "How a verdict comes about").

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::compile::{ANY, Language, Near, NoneNear, Pattern, Rule, Spoken};
use super::file::FIELDS;
use super::hits::{Found, Hits};
use super::near::{ANYWHERE, Vetoes, extent, in_one_sentence, ordered, sentence, unordered};
use super::terms::{GroupId, Terms};
use super::{Choice, Fired, Hit, Moment, Place, RuleSet, Sum, Trace, Verdict, Vetoed, World};
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
    /// It fired, with its points and what it matched.
    Fired(i64, Vec<Hit>),
    /// It would have, but for this.
    Vetoed(Hit),
}

/// One mail, scanned.
pub struct Mail<'m> {
    texts: [&'m str; 6],
    hits: Hits,
    terms: &'m Terms,
    /// The language it is written in, where lists have words of that.
    language: Option<Language>,
    /// By number of a regex's literals: the fields one stands in.
    filtered: Vec<u8>,
    /// By place of a rule: it may fire.
    wanted: Vec<bool>,
}

/// Places that together satisfy one condition, and the language they are of.
type Windows = Vec<(Language, Vec<Found>)>;

impl<'m> Mail<'m> {
    /// Looks for all terms in all fields; `None` when the time was up before the end.
    pub fn scan(
        texts: [&'m str; 6],
        language: Option<Language>,
        set: &'m RuleSet,
        time_is_up: &dyn Fn() -> bool,
    ) -> Option<Self> {
        let hits = set.terms.scan(&texts, time_is_up)?;
        let (filtered, wanted) = (set.filters.look(&texts), set.wanted.by(&hits));
        Some(Mail { texts, hits, terms: &set.terms, language, filtered, wanted })
    }

    /// The words of the rule against the mail; facts are [`super::facts::Facts::hold`].
    pub fn outcome(&self, rule: &Rule) -> Outcome {
        let Some(conditions) = self.conditions(rule) else { return Outcome::Silent };
        let mut hits = Vec::new();
        if let Some(regex) = &rule.regex {
            hits = self.regex_hits(rule, regex);
            if hits.is_empty() {
                return Outcome::Silent;
            }
        }
        let vetoes = Strikes::of(self, rule);
        let mut shown = Vec::new();
        for windows in conditions {
            if vetoes.is_empty() {
                shown.extend(windows.into_iter().flat_map(|(_, window)| window));
                continue;
            }
            let (mut first, before) = (None, shown.len());
            for (languages, window) in by_place(windows) {
                match vetoes.strike(self, &languages, &window) {
                    Some(veto) => first = first.or(Some(veto)),
                    None => shown.extend(window),
                }
            }
            if let (Some(veto), true) = (first, shown.len() == before) {
                return Outcome::Vetoed(self.hit(&veto));
            }
        }
        // A pattern, and a rule of facts alone, are of no language.
        if let Some(veto) = shown.is_empty().then(|| vetoes.none(self, &[ANY])).flatten() {
            return Outcome::Vetoed(self.hit(&veto));
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

    /// The places of every condition of words; `None` when one has none, vetoes left aside.
    fn conditions(&self, rule: &Rule) -> Option<Vec<Windows>> {
        let asked = || rule.any.iter().chain(&rule.all);
        let there = |spoken: &Spoken| spoken.iter().any(|(_, group)| self.hits.has(*group));
        let complete = |parts: &[GroupId]| parts.iter().all(|group| self.hits.has(*group));
        // What is rare is looked at first: most rules end here.
        let near = |near: &Near| near.variants.iter().any(|(_, parts)| complete(parts));
        if !asked().all(there) || !rule.near.iter().all(near) {
            return None;
        }
        let mut conditions = Vec::new();
        for spoken in asked() {
            conditions.push(self.places(rule, spoken).into_iter().map(|(language, found)| (language, vec![found])).collect());
        }
        for near in &rule.near {
            let complete = near.variants.iter().filter(|(_, parts)| complete(parts));
            conditions.push(complete.flat_map(|(language, parts)| self.windows(rule, near, *language, parts)).collect());
        }
        conditions.iter().all(|windows: &Windows| !windows.is_empty()).then_some(conditions)
    }

    /// Places of terms in the fields the rule looks at.
    fn places(&self, rule: &Rule, spoken: &Spoken) -> Vec<(Language, Found)> {
        let of = |(language, group): &(Language, GroupId)| {
            let language = *language;
            self.hits.of(*group, rule.fields).into_iter().map(move |found| (language, found))
        };
        spoken.iter().filter(|(_, group)| self.hits.has(*group)).flat_map(of).collect()
    }

    fn windows(&self, rule: &Rule, near: &Near, language: Language, parts: &[GroupId]) -> Windows {
        let places: Vec<Vec<Found>> = parts.iter().map(|group| self.hits.of(*group, rule.fields)).collect();
        let mut windows = if near.in_order { ordered(&places, near.within) } else { unordered(&places, near.within) };
        // Each window is the tightest that ends where it ends: if it crosses a border, so would every other.
        windows.retain(|window| !near.same_sentence || in_one_sentence(self.hits.borders(&self.texts), extent(window)));
        let of_none = |window: &[Found]| window.iter().all(|found| near.general.binary_search(&found.term).is_ok());
        windows.into_iter().map(|window| (if of_none(&window) { ANY } else { language }, window)).collect()
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

    /// The first place of a group in some fields.
    pub fn first(&self, group: GroupId, fields: u8) -> Option<Found> {
        self.hits.has(group).then(|| self.hits.of(group, fields).first().copied()).flatten()
    }

    fn show(&self, mut places: Vec<Found>) -> Vec<Hit> {
        places.sort_unstable();
        places.dedup_by_key(|f| (f.field, f.start, f.end));
        places.iter().take(MOST_SHOWN).map(|f| self.hit(f)).collect()
    }

    /// A place with the very words that stand there.
    pub fn hit(&self, found: &Found) -> Hit {
        let (index, start, end) = (found.field as usize, found.start as usize, found.end as usize);
        let text = self.texts[index].get(start..end).unwrap_or_default().to_owned();
        Hit { field: FIELDS[index].into(), start, end, text, term: self.terms.shown(found.term).to_owned() }
    }
}

/// What may strike the hits of one rule in one mail.
struct Strikes<'r> {
    /// Of `none`: its first place in each language.
    none: Vec<(Language, Found)>,
    /// Of `none_near`.
    close: Vec<(Language, Vetoes, &'r NoneNear)>,
}

impl<'r> Strikes<'r> {
    fn of(mail: &Mail<'_>, rule: &'r Rule) -> Self {
        let mut none: Vec<(Language, Found)> = rule.none.iter().flat_map(|spoken| mail.places(rule, spoken)).collect();
        none.sort_unstable_by_key(|(language, found)| (*found, *language));
        let mut close = Vec::new();
        for near in &rule.none_near {
            for (language, group) in near.words.iter().filter(|(_, group)| mail.hits.has(*group)) {
                close.push((*language, Vetoes::new(mail.hits.of(*group, rule.fields)), near));
            }
        }
        Strikes { none, close }
    }

    fn is_empty(&self) -> bool {
        self.none.is_empty() && self.close.is_empty()
    }

    /// The veto that strikes a window, if any does. A word of one language says nothing about a thought in another, unless
    /// the mail is written in that language.
    fn strike(&self, mail: &Mail<'_>, languages: &[Language], window: &[Found]) -> Option<Found> {
        let extent = extent(window);
        let close = self.close.iter().filter(|(of, _, _)| strikes(mail, *of, languages)).filter_map(|(_, vetoes, near)| {
            let bounds = if near.same_sentence { sentence(mail.hits.borders(&mail.texts), extent) } else { ANYWHERE };
            vetoes.close_to(extent, near.within, bounds)
        });
        close.min().or_else(|| self.none(mail, languages))
    }

    fn none(&self, mail: &Mail<'_>, languages: &[Language]) -> Option<Found> {
        self.none.iter().find(|(of, _)| strikes(mail, *of, languages)).map(|(_, found)| *found)
    }
}

/// Does a veto of language `veto` strike a hit that is of these languages, in this mail?
fn strikes(mail: &Mail<'_>, veto: Language, hit: &[Language]) -> bool {
    veto == ANY || mail.language == Some(veto) || hit.iter().any(|language| *language == ANY || *language == veto)
}

/// The same words may stand in the lists of several languages: then the hit is of all of them.
fn by_place(mut windows: Windows) -> Vec<(Vec<Language>, Vec<Found>)> {
    fn place(window: &[Found]) -> impl Iterator<Item = (u32, u32)> {
        window.iter().map(|f| (f.from, f.to))
    }
    windows.sort_by(|(a, one), (b, other)| place(one).cmp(place(other)).then(a.cmp(b)));
    let mut merged: Vec<(Vec<Language>, Vec<Found>)> = Vec::with_capacity(windows.len());
    for (language, window) in windows {
        match merged.last_mut().filter(|(_, last)| place(last).eq(place(&window))) {
            Some((languages, _)) => languages.push(language),
            None => merged.push((vec![language], window)),
        }
    }
    merged
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
    let mut fired: Vec<Fired> = findings.fired.into_iter().map(|(rule, points, hits)| fired(rule, points, hits, world)).chain(failed).collect();
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

fn fired(rule: &Rule, points: i64, hits: Vec<Hit>, world: &World) -> Fired {
    let queue = rule.vote.map(|(queue, _)| world.queues[queue].0.clone());
    Fired { id: rule.id.clone(), why: rule.why.clone(), queue, points, shadow: rule.shadow, hits }
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
