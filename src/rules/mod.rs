//! Rules: a [`Report`] to a [`Verdict`] with its trace. Pure; see README "Rules" for the language.

pub mod cases;
mod compile;
mod examples;
mod file;
mod fold;
mod judge;
pub mod lint;
mod near;
pub mod probe;
mod readings;
pub mod score;
mod terms;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use self::compile::{Compiled, Rule};
pub use self::examples::{Example, ExampleFault};
use self::judge::Mail;
use self::terms::Terms;
use crate::problem::{Problems, Source};
use crate::report::Report;

/// What rules are checked against: the queues and accounts the config knows.
#[derive(Clone, Debug)]
pub struct World {
    /// Queue names with their thresholds, most urgent first.
    pub queues: Vec<(String, i64)>,
    /// Account ids.
    pub accounts: Vec<String>,
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
    world: World,
    hash: Arc<str>,
}

impl RuleSet {
    /// Compiles rule files. Every mistake in every file is noted in `problems`; the set is complete only if there are none.
    pub fn compile(files: &[Source], world: &World, problems: &Problems) -> RuleSet {
        let compiled = compile::compile(files, world, problems);
        let Compiled { rules, terms, hash } = compiled.unwrap_or_default();
        RuleSet { rules, terms, world: world.clone(), hash: hash.into() }
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

    /// Judges one mail. Takes time in proportion to its text, however many terms the rules have.
    pub fn judge(&self, report: &Report, place: &Place) -> Verdict {
        let mail = Mail::scan(judge::texts(&report.fields), &self.terms);
        let findings = judge::ask(&self.rules, &mail, report, place);
        judge::verdict(findings, &self.world, place, &self.hash)
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
    /// How it came about.
    pub trace: Trace,
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
    /// What it matched. Empty for a rule of facts alone.
    pub hits: Vec<Hit>,
}

/// A place in the mail that a rule matched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hit {
    /// Field name: subject, body, forwarded, attachment, filename, quoted.
    pub field: String,
    /// Byte offsets into that field's text.
    pub start: usize,
    /// End of the span (exclusive).
    pub end: usize,
    /// The very words of the mail.
    pub text: String,
    /// The term or pattern of the rule.
    pub term: String,
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
