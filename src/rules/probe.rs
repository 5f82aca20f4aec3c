//! The nearest near-miss: which rule came closest to firing on a mail it should have fired on, and what it lacked.
//!
//! A rule says only whether it fired. To learn how much of it was there, every part of every rule (each `any`, each entry
//! of `all`, each part of a `near`, the `regex`) becomes a rule of its own, compiled and judged by the same engine.

use serde::Serialize;

use super::file::{self, FIELDS, RawRule};
use super::{Place, RuleSet, Verdict};
use crate::problem::{Problems, Source};
use crate::report::Report;

/// The parts of all rules that vote, ready to be asked.
pub struct Probes {
    parts: RuleSet,
    rules: Vec<Probed>,
}

struct Probed {
    id: String,
    queue: String,
    points: i64,
    /// As written.
    parts: Vec<String>,
}

/// How close a rule came.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Near {
    /// It would have fired, but for this.
    Vetoed {
        /// The rule.
        rule: String,
        /// The words of the mail that stopped it.
        by: String,
        /// The term they matched.
        term: String,
    },
    /// Rules fired for the queue, but their points were too few.
    TooFew {
        /// The rules.
        rules: Vec<String>,
        /// What they gave.
        points: i64,
        /// What it took.
        threshold: i64,
    },
    /// Some of what it asks for is there.
    InPart {
        /// The rule.
        rule: String,
        /// Its points.
        points: i64,
        /// Parts that are there.
        found: Vec<String>,
        /// Parts that are not. None missing: they stand too far apart, in another order, or a fact does not hold.
        missing: Vec<String>,
    },
}

impl std::fmt::Display for Near {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Near::Vetoed { rule, by, term } => write!(f, "{rule} was stopped by \"{by}\" (term {term})"),
            Near::TooFew { rules, points, threshold } => {
                write!(f, "{} gave {points} of {threshold} points", rules.join(", "))
            }
            Near::InPart { rule, found, missing, .. } if missing.is_empty() => {
                write!(
                    f,
                    "{rule} has all its parts ({}), but too far apart, in another order, or a fact does not hold",
                    found.join(", ")
                )
            }
            Near::InPart { rule, found, missing, .. } => {
                let all = found.len() + missing.len();
                write!(f, "{rule} has {} of {all} parts, nothing of {}", found.len(), missing.join(" or "))
            }
        }
    }
}

impl RuleSet {
    /// Makes the probes of the rule files that this set was compiled from.
    pub fn probes(&self, files: &[Source]) -> Probes {
        let quiet = Problems::default();
        let mut rules = Vec::new();
        let mut sources = Vec::new();
        for source in files {
            let file = file::read(source, &quiet);
            // One table with dotted keys: a list's own table could be opened for one language only.
            let mut text = String::from("[terms]\n");
            for list in &file.lists {
                let terms: Vec<&str> = list.terms.iter().map(|word| word.value.as_str()).collect();
                text += &format!("{}.{} = {}\n", quoted(&list.name.value), quoted(&list.language.value), array(&terms));
            }
            for rule in file.rules.iter().filter(|rule| !rule.shadow) {
                let (Some(queue), Some(points)) = (&rule.queue, rule.points) else { continue };
                let parts = parts(rule);
                for (index, (condition, _)) in parts.iter().enumerate() {
                    text += &probe(&format!("{}/{index}", rules.len()), condition, rule.fields);
                }
                let parts = parts.into_iter().map(|(_, shown)| shown).collect();
                rules.push(Probed { id: rule.id.value.clone(), queue: queue.value.clone(), points, parts });
            }
            sources.push(Source::new(source.path.clone(), text));
        }
        Probes { parts: RuleSet::compile(&sources, &self.world, &quiet), rules }
    }
}

impl Probes {
    /// What came nearest to putting this mail into `queue`, the nearest first: rules that were stopped, points that were too
    /// few, then rules with the largest share of their parts there (at most three).
    pub fn nearest(&self, report: &Report, place: &Place, verdict: &Verdict, queue: &str) -> Vec<Near> {
        let mut near = self.stopped(verdict, queue);
        near.extend(too_few(verdict, queue));
        near.extend(self.in_part(report, place, verdict, queue));
        near
    }

    fn stopped(&self, verdict: &Verdict, queue: &str) -> Vec<Near> {
        let votes = |id: &str| self.rules.iter().find(|rule| rule.id == id && rule.queue == queue).map(|rule| rule.points);
        let mut stopped: Vec<_> = verdict.trace.vetoed.iter().filter_map(|v| Some((votes(&v.id)?, v))).collect();
        stopped.sort_by_key(|(points, _)| -points);
        let near = |v: &super::Vetoed| Near::Vetoed { rule: v.id.clone(), by: v.by.text.clone(), term: v.by.term.to_string() };
        stopped.into_iter().map(|(_, v)| near(v)).collect()
    }

    fn in_part(&self, report: &Report, place: &Place, verdict: &Verdict, queue: &str) -> Vec<Near> {
        let fired = self.parts.judge(report, place).trace.fired;
        let mut found = vec![Vec::new(); self.rules.len()];
        for (rule, part) in fired.iter().filter_map(|fired| fired.id.split_once('/')) {
            if let (Ok(rule), Ok(part)) = (rule.parse::<usize>(), part.parse::<usize>()) {
                found[rule].push(part);
            }
        }
        let told = |id: &str| verdict.trace.fired.iter().any(|f| f.id == id) || verdict.trace.vetoed.iter().any(|v| v.id == id);
        let mut near: Vec<(&Probed, Vec<usize>)> = self.rules.iter().zip(found).collect();
        near.retain(|(rule, found)| rule.queue == queue && !found.is_empty() && !told(&rule.id));
        // The largest share first; of equal ones the rule of more parts, then the one of more points.
        let lacking = |(rule, found): &(&Probed, Vec<usize>)| {
            (1_000 * (rule.parts.len() - found.len()) / rule.parts.len(), usize::MAX - rule.parts.len(), -rule.points)
        };
        near.sort_by_key(lacking);
        let split = |(rule, found): (&Probed, Vec<usize>)| {
            let (there, missing): (Vec<_>, Vec<_>) = rule.parts.iter().enumerate().partition(|(index, _)| found.contains(index));
            let names = |parts: Vec<(usize, &String)>| parts.into_iter().map(|(_, part)| part.clone()).collect();
            Near::InPart { rule: rule.id.clone(), points: rule.points, found: names(there), missing: names(missing) }
        };
        near.into_iter().take(3).map(split).collect()
    }
}

fn too_few(verdict: &Verdict, queue: &str) -> Option<Near> {
    let sum = verdict.trace.sums.iter().find(|sum| sum.queue == queue && sum.points > 0 && sum.points < sum.threshold)?;
    let fired = verdict.trace.fired.iter().filter(|f| f.queue.as_deref() == Some(queue) && !f.shadow);
    Some(Near::TooFew { rules: fired.map(|f| f.id.clone()).collect(), points: sum.points, threshold: sum.threshold })
}

/// Each part of a rule: as a condition of a rule file, and as shown to people.
fn parts(rule: &RawRule) -> Vec<(String, String)> {
    let any = |words: Vec<&str>| (format!("any = {}", array(&words)), words.join(" | "));
    let mut parts = Vec::new();
    if !rule.any.is_empty() {
        parts.push(any(rule.any.iter().map(|word| word.value.as_str()).collect()));
    }
    parts.extend(rule.all.iter().map(|word| any(vec![&word.value])));
    for word in rule.near.iter().flat_map(|near| &near.terms) {
        parts.push(any(word.value.split('|').map(str::trim).collect()));
    }
    if let Some(regex) = &rule.regex {
        parts.push((format!("regex = {}", quoted(&regex.value)), format!("/{}/", regex.value)));
    }
    parts
}

fn probe(id: &str, condition: &str, fields: u8) -> String {
    let fields: Vec<&str> = FIELDS.iter().enumerate().filter(|(bit, _)| fields & (1 << bit) != 0).map(|(_, f)| *f).collect();
    format!("[[rule]]\nid = {}\nwhy = \"a part\"\ntopics = [\"part\"]\nfields = {}\n{condition}\n", quoted(id), array(&fields))
}

fn array(words: &[&str]) -> String {
    format!("[{}]", words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(", "))
}

/// A TOML string: JSON's escapes are a part of TOML's.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::World;

    const RULES: &str = r#"
[terms.kill]
en = ["kill"]
de = ["töten"]
[[rule]]
id = "threat"
why = "w"
queue = "threat"
points = 100
near = { terms = ["i will | ich will", "@kill", "you | dich"], within = 3 }
none = ["film"]
[[rule]]
id = "gun"
why = "w"
queue = "threat"
points = 60
any = ["gun"]
"#;

    fn nearest(body: &str) -> Vec<String> {
        let world = World {
            queues: vec![("threat".into(), 100), ("general".into(), 100)],
            accounts: vec!["ca".into()],
            answers: Vec::new(),
        };
        let files = [Source::new("r.toml", RULES)];
        let problems = Problems::default();
        let set = RuleSet::compile(&files, &world, &problems);
        assert!(problems.is_empty());
        let mut report = Report::blank(crate::clock::from_millis(0));
        report.fields.body = body.to_owned();
        let place = Place { account: "ca".into(), default: "general".into(), floor: "general".into() };
        let verdict = set.judge(&report, &place);
        let probes = set.probes(&files);
        assert!(!probes.parts.is_empty(), "the probes compile");
        probes.nearest(&report, &place, &verdict, "threat").iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_veto_a_sum_and_a_missing_part_are_told() {
        assert_eq!(nearest("I will kill you in the film")[0], "threat was stopped by \"film\" (term film)");
        assert_eq!(nearest("I have a gun")[0], "gun gave 60 of 100 points");
        assert_eq!(nearest("I will kill them")[0], "threat has 2 of 3 parts, nothing of you | dich");
        assert_eq!(
            nearest("I will, as I said to her on that day, kill all of you")[0],
            "threat has all its parts (i will | ich will, @kill, you | dich), but too far apart, in another order, or a fact does not hold"
        );
        assert!(nearest("hello").is_empty());
    }
}
