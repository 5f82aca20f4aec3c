//! Rules: a [`Report`] to a [`Verdict`] with its trace. Pure; see README "Rules" for the language.

mod bits;
pub mod cases;
mod compile;
mod conditions;
mod examples;
mod facts;
mod file;
mod fold;
mod hits;
mod judge;
mod known;
pub mod lint;
mod near;
mod pattern;
mod phrases;
mod places;
pub mod probe;
mod reach;
mod readings;
pub mod score;
mod rows;
mod sentence;
mod slots;
mod spelling;
pub mod stats;
mod strikes;
mod table;
mod terms;
mod wanted;
mod weigh;
mod words;
mod writer;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use self::compile::{Compiled, Rule};
pub use self::examples::{Example, ExampleFault};
use self::judge::Mail;
use self::pattern::Filters;
use self::terms::Terms;
use self::wanted::Wanted;
use self::weigh::Tongues;
use crate::clock::Timestamp;
use crate::problem::{Problems, Source};
use crate::report::{Authentication, Report};

/// What rules are checked against: the queues and accounts the config knows.
#[derive(Clone, Debug)]
pub struct World {
    /// Queue names with their thresholds, most urgent first.
    pub queues: Vec<(String, i64)>,
    /// Account ids.
    pub accounts: Vec<String>,
    /// Names of answer texts that a rule may choose: those there is an English text of.
    pub answers: Vec<String>,
}

/// What is true of a mail at the moment it is judged, beyond what it says.
pub struct Moment<'m> {
    /// The present moment: a mail's age is counted from it.
    pub now: Timestamp,
    /// It joins a case there is.
    pub follow_up: bool,
    /// What our own servers found out about its sender.
    pub auth: Authentication,
    /// Asked on the way: true when there is no time left. Then what was not done yet counts as failed (law 2).
    pub time_is_up: &'m dyn Fn() -> bool,
}

impl Moment<'_> {
    /// The moment a mail was received, opening a case, with all the time there is.
    pub fn of(report: &Report) -> Moment<'static> {
        Moment { now: report.received, follow_up: false, auth: Authentication::default(), time_is_up: &|| false }
    }
}

/// Where a mail arrived: what the verdict starts from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Account id.
    pub account: String,
    /// Queue if no rule places it.
    pub default: String,
    /// Queue it does not sink below unless a rule with `below_floor` passed.
    pub floor: String,
}

/// The compiled, frozen rules.
#[derive(Debug)]
pub struct RuleSet {
    /// In order of id.
    rules: Vec<Rule>,
    terms: Terms,
    wanted: Wanted,
    tongues: Tongues,
    filters: Filters,
    world: World,
    hash: Arc<str>,
    /// Codes of the languages of lists.
    languages: Vec<String>,
}

impl RuleSet {
    /// Compiles rule files. Every mistake in every file is noted in `problems`; the set is complete only if there are none.
    pub fn compile(files: &[Source], world: &World, problems: &Problems) -> RuleSet {
        let compiled = compile::compile(files, world, problems);
        let Compiled { mut rules, terms, filters, hash, languages } = compiled.unwrap_or_default();
        let wanted = Wanted::new(&mut rules, &terms);
        let tongues = Tongues::new(&rules, &terms, &languages);
        RuleSet { rules, terms, wanted, tongues, filters, world: world.clone(), hash: hash.into(), languages }
    }

    /// SHA-256 over the rules in canonical order, hex: equal sets, however spread over files, have equal hashes.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// How many rules there are.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// True without a single rule: every mail goes to its mailbox's default.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Judges one mail as at [`Moment::of`] its receipt.
    pub fn judge(&self, report: &Report, place: &Place) -> Verdict {
        self.judge_at(report, place, &Moment::of(report))
    }

    /// Judges one mail. Takes time in proportion to its text, however many terms the rules have.
    pub fn judge_at(&self, report: &Report, place: &Place, moment: &Moment<'_>) -> Verdict {
        let language = report.language.as_deref().and_then(|code| self.languages.iter().position(|l| l == code));
        let language = language.map(|at| at as compile::Language);
        let mail = Mail::scan(judge::texts(&report.fields), language, self, moment.time_is_up);
        let findings = judge::ask(&self.rules, mail.as_ref(), report, place, moment);
        judge::verdict(findings, &self.world, place, &self.hash)
    }

    /// Does any rule ask whether a mail joins a case?
    pub fn asks_follow_up(&self) -> bool {
        self.rules.iter().any(|rule| rule.facts.follow_up.is_some())
    }

    /// The answer texts that rules choose, each once.
    pub fn answers(&self) -> Vec<&str> {
        let chosen: BTreeSet<&str> = self.rules.iter().filter_map(|rule| rule.answer.as_deref()).collect();
        chosen.into_iter().filter(|text| *text != "none").collect()
    }

    /// The topics that rules give, each once.
    pub fn topics(&self) -> BTreeSet<&str> {
        self.rules.iter().flat_map(|rule| &rule.topics).map(String::as_str).collect()
    }

    /// What the rules were checked against.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Ids of the rules whose regex has no literal to look for first: it runs over every mail.
    pub fn unfiltered(&self) -> Vec<&str> {
        let always = |rule: &&Rule| rule.regex.as_ref().is_some_and(|pattern| pattern.filter.is_none());
        self.rules.iter().filter(always).map(|rule| rule.id.as_str()).collect()
    }
}

/// What was decided about a mail, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The queue it goes to.
    pub queue: String,
    /// Queues that passed their threshold, most urgent first.
    pub passed: Vec<String>,
    /// Topics of all rules that fired, sorted, each once.
    pub topics: Vec<String>,
    /// Flags (`spam`, `automated`) of all rules that fired, sorted, each once.
    pub flags: Vec<String>,
    /// What a rule says of the answer, if one does.
    #[serde(default)]
    pub answer: Option<Choice>,
    /// How it came about.
    pub trace: Trace,
}

impl Verdict {
    /// The rules that tell people why a mail is in its queue: those that voted for it, a danger that a rule names before signs
    /// that were only weighed, the most points first.
    pub fn reasons(&self) -> Vec<&Fired> {
        let voted = |fired: &&Fired| !fired.shadow && fired.points > 0 && fired.queue.as_ref() == Some(&self.queue);
        let mut reasons: Vec<&Fired> = self.trace.fired.iter().filter(voted).collect();
        reasons.sort_by_key(|fired| (fired.weighed, -fired.points));
        reasons
    }
}

/// What a rule chose as the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// The answer text; `None`: nobody is answered.
    pub text: Option<String>,
    /// Id of the rule.
    pub rule: String,
}

/// How a verdict came about: enough to show it again without the mail or the rules.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// Hash of the rule set.
    pub rules_hash: Arc<str>,
    /// Every rule that fired, in order of id.
    pub fired: Vec<Fired>,
    /// Every rule whose hits were there but that a veto stopped, in order of id.
    pub vetoed: Vec<Vetoed>,
    /// Sum of points per queue that got any, with its threshold, most urgent first.
    pub sums: Vec<Sum>,
    /// The default queue of the place.
    pub default: String,
    /// The floor of the place.
    pub floor: String,
    /// How the queue was found, in words, step by step.
    pub because: Vec<String>,
    /// So many rules were not asked, because the time was up.
    #[serde(default)]
    pub unasked: usize,
}

/// One rule that fired.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fired {
    /// The rule's id.
    pub id: String,
    /// The rule's sentence for staff.
    pub why: String,
    /// The queue it voted for, if any.
    pub queue: Option<String>,
    /// Its points; 0 for a rule that only gives topics or flags.
    pub points: i64,
    /// It only records (`shadow = true`).
    pub shadow: bool,
    /// Its points are those of signs, which say little one by one.
    #[serde(default)]
    pub weighed: bool,
    /// What it matched. Empty for a rule of facts alone.
    pub hits: Vec<Hit>,
}

/// A place in the mail that a rule matched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hit {
    /// Field name: subject, body, forwarded, attachment, filename, quoted.
    pub field: Cow<'static, str>,
    /// Byte offsets into that field's text.
    pub start: usize,
    /// End of the span (exclusive).
    pub end: usize,
    /// The very words of the mail.
    pub text: String,
    /// The term or pattern of the rule.
    pub term: Arc<str>,
}

/// A rule that would have fired but for a veto.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Vetoed {
    /// The rule's id.
    pub id: String,
    /// What stopped it.
    pub by: Hit,
}

/// A queue's sum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    /// Queue name.
    pub queue: String,
    /// Points of all rules that voted for it.
    pub points: i64,
    /// What it needed.
    pub threshold: i64,
}
