//! `triaged rules eval`: the rules on labelled data, measured: what is found, what is missed and how nearly, what is raised
//! for nothing, each with an interval that says how sure one can be.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::{Answer, Failure, OK, Policy, data, show};
use crate::judges;
use crate::policy;
use crate::rules::cases::{Case, What};
use crate::rules::probe::{Near, Probes};
use crate::rules::score::{Judged, Matrix, Share};

/// What `eval` is asked.
#[derive(Args)]
pub(super) struct Options {
    /// JSONL of {"text", "label", "lang"}, or folders of mails with an expected.toml
    #[arg(required = true, value_name = "DATA")]
    data: Vec<PathBuf>,
    /// A label of the data stands for this queue (may be given several times) [default: the queue that it names, also by its
    /// first words: threat is threat-of-harm]
    #[arg(long, value_name = "LABEL=QUEUE")]
    map: Vec<String>,
    /// Judge the texts as mail to this account [default: the first whose floor is the least urgent queue]
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// Also group by this key of the data, such as functionality (may be given several times)
    #[arg(long, value_name = "KEY")]
    by: Vec<String>,
    /// Show at most so many misses and false alarms [default: all]
    #[arg(long, value_name = "N")]
    misses: Option<usize>,
}

/// Everything that `eval` found, as `--json` prints it.
#[derive(Serialize)]
struct Found {
    texts: usize,
    account: String,
    /// The queues that count as raised: more urgent than the account's default.
    urgent: Vec<String>,
    labels: Vec<Label>,
    queues: Vec<Queue>,
    languages: Vec<Group>,
    groups: BTreeMap<String, Vec<Group>>,
    topics: Vec<Topic>,
    misses: Vec<Miss>,
}

/// One row of the confusion matrix.
#[derive(Serialize)]
struct Label {
    label: String,
    expected: Option<String>,
    went_to: BTreeMap<String, usize>,
    raised: Share,
}

#[derive(Serialize)]
struct Queue {
    queue: String,
    recall: Share,
    precision: Share,
}

/// The queues of one language, or of another value that the data is grouped by.
#[derive(Serialize)]
struct Group {
    value: String,
    texts: usize,
    right: Share,
    labels: Vec<Label>,
    queues: Vec<Queue>,
}

#[derive(Serialize)]
struct Topic {
    topic: String,
    recall: Share,
    precision: Share,
}

/// A case that went elsewhere than it should: a miss, or a false alarm.
#[derive(Serialize)]
struct Miss {
    place: String,
    language: String,
    label: String,
    expected: Option<String>,
    queue: String,
    more: BTreeMap<String, String>,
    subject: String,
    text: String,
    /// What came nearest to the queue where it belongs.
    nearest: Vec<Near>,
    /// What put it where it went: the rules, each with the words it fired on.
    because: Vec<Because>,
}

#[derive(Serialize)]
struct Because {
    rule: String,
    points: i64,
    words: Vec<String>,
}

/// A case with its verdict.
struct Row<'c> {
    case: &'c Case,
    expected: Option<&'c str>,
    judged: policy::Judged,
}

pub(super) fn eval(policy: &Policy, options: &Options, json: bool) -> Answer {
    let map = mapping(policy, &options.map)?;
    let cases = data::read(&options.data)?;
    let account = data::account(policy, options.account.as_deref())?;
    let queues: BTreeSet<&str> = policy.config.queues.iter().map(|queue| queue.name.as_str()).collect();
    let mut rows = Vec::with_capacity(cases.len());
    for (case, judged) in cases.iter().zip(data::judge(policy, &cases, account)?) {
        let mapped = map.get(case.label.as_str()).map(String::as_str);
        let expected = mapped.or_else(|| begun(&queues, &case.label));
        rows.push(Row { case, expected, judged: judged.map_err(Failure::Misuse)? });
    }
    let found = measure(policy, account, &rows, &options.by)?;
    if json {
        show::json(&found);
    } else {
        tell(policy, &found, options.misses.unwrap_or(usize::MAX));
    }
    Ok(OK)
}

/// The queue that a label names: in full, or by its first words (`threat` is `threat-of-harm`), where that is one queue only.
fn begun<'q>(queues: &BTreeSet<&'q str>, label: &str) -> Option<&'q str> {
    let mut named =
        queues.iter().filter(|queue| queue.strip_prefix(label).is_some_and(|rest| rest.is_empty() || rest.starts_with('-')));
    named.next().copied().filter(|_| named.next().is_none())
}

/// `LABEL=QUEUE`, each checked.
fn mapping(policy: &Policy, typed: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    let one = |typed: &String| {
        let (label, queue) = typed.split_once('=').ok_or_else(|| format!("--map is LABEL=QUEUE, not \"{typed}\""))?;
        data::not_a_queue(policy, queue).map_or_else(|| Ok((label.to_owned(), queue.to_owned())), Err)
    };
    typed.iter().map(one).collect::<Result<_, String>>().map_err(|words| Failure::Misuse(format!("error: {words}")))
}

fn measure(policy: &Policy, account: &str, rows: &[Row<'_>], by: &[String]) -> Result<Found, Failure> {
    let default = policy.config.account(account).map(|account| policy.config.urgency(&account.queue));
    let urgent = policy.config.queues.iter().take(default.unwrap_or(0)).map(|queue| queue.name.clone()).collect();
    let all: Vec<&Row<'_>> = rows.iter().collect();
    let measures = Measures { policy, urgent };
    let groups = by.iter().map(|key| {
        let value = |row: &Row<'_>| row.case.more.get(key).cloned().unwrap_or_else(|| "(none)".into());
        (key.clone(), measures.groups(&all, value))
    });
    let matrix = matrix(&all);
    Ok(Found {
        texts: rows.len(),
        account: account.to_owned(),
        labels: measures.labels(&matrix),
        queues: measures.queues(&matrix),
        languages: measures.groups(&all, |row| language(row.case)),
        groups: groups.collect(),
        topics: topics(&all),
        misses: misses(policy, rows, &measures.urgent)?,
        urgent: measures.urgent,
    })
}

fn language(case: &Case) -> String {
    if case.language.is_empty() { "unknown".to_owned() } else { case.language.clone() }
}

fn matrix(rows: &[&Row<'_>]) -> Matrix {
    let mut matrix = Matrix::default();
    for row in rows {
        matrix.add(&Judged { label: &row.case.label, expected: row.expected, queue: &row.judged.verdict.queue });
    }
    matrix
}

struct Measures<'p> {
    policy: &'p Policy,
    urgent: Vec<String>,
}

impl Measures<'_> {
    fn labels(&self, matrix: &Matrix) -> Vec<Label> {
        let urgent: Vec<&str> = self.urgent.iter().map(String::as_str).collect();
        let row = |(label, expected): (&str, Option<&str>)| {
            let went = self.policy.config.queues.iter().map(|queue| (queue.name.clone(), matrix.count(label, &queue.name)));
            let raised = matrix.went_to(label, &urgent);
            Label { label: label.to_owned(), expected: expected.map(str::to_owned), went_to: went.collect(), raised }
        };
        matrix.labels().map(row).collect()
    }

    fn queues(&self, matrix: &Matrix) -> Vec<Queue> {
        let row = |name: &String| Queue {
            queue: name.clone(),
            recall: matrix.recall(name),
            // Where mail ends up that nothing raised, a label that is no queue's is no mistake.
            precision: matrix.precision(name, !self.urgent.contains(name)),
        };
        let rows = self.policy.config.queues.iter().map(|queue| row(&queue.name));
        rows.filter(|row| row.recall.of + row.precision.of > 0).collect()
    }

    fn groups<'r>(&self, rows: &[&'r Row<'r>], value: impl Fn(&Row<'_>) -> String) -> Vec<Group> {
        let mut by: BTreeMap<String, Vec<&Row<'_>>> = BTreeMap::new();
        for row in rows {
            by.entry(value(row)).or_default().push(row);
        }
        let group = |(value, rows): (String, Vec<&Row<'_>>)| {
            let matrix = matrix(&rows);
            let right = rows.iter().filter(|row| !is_wrong(row, &self.urgent)).count();
            let (texts, right) = (rows.len(), Share::new(right, rows.len()));
            Group { value, texts, right, labels: self.labels(&matrix), queues: self.queues(&matrix) }
        };
        by.into_iter().map(group).collect()
    }
}

/// A case that belongs in a queue is wrong anywhere else; one that belongs in none, where it is raised.
fn is_wrong(row: &Row<'_>, urgent: &[String]) -> bool {
    let queue = &row.judged.verdict.queue;
    row.expected.map_or_else(|| urgent.contains(queue), |expected| expected != queue)
}

/// Topics, over the cases whose data names theirs.
fn topics(rows: &[&Row<'_>]) -> Vec<Topic> {
    let said: Vec<(&[String], &[String])> =
        rows.iter().filter_map(|row| Some((row.case.topics.as_deref()?, row.judged.verdict.topics.as_slice()))).collect();
    let names: BTreeSet<&String> = said.iter().flat_map(|(wanted, found)| wanted.iter().chain(*found)).collect();
    let topic = |name: &String| {
        let count = |holds: &dyn Fn(bool, bool) -> bool| {
            said.iter().filter(|(wanted, found)| holds(wanted.contains(name), found.contains(name))).count()
        };
        let both = count(&|wanted, found| wanted && found);
        let (recall, precision) = (Share::new(both, count(&|wanted, _| wanted)), Share::new(both, count(&|_, found| found)));
        Topic { topic: name.clone(), recall, precision }
    };
    names.into_iter().map(topic).collect()
}

fn misses(policy: &Policy, rows: &[Row<'_>], urgent: &[String]) -> Result<Vec<Miss>, Failure> {
    let wrong: Vec<&Row<'_>> = rows.iter().filter(|row| is_wrong(row, urgent)).collect();
    if wrong.is_empty() {
        return Ok(Vec::new());
    }
    let probes = policy.rules.probes(&policy.rule_files()?);
    Ok(judges::each(&wrong, |row| miss(row, &probes))?)
}

fn miss(row: &Row<'_>, probes: &Probes) -> Miss {
    let policy::Judged { report, verdict, place, .. } = &row.judged;
    let (subject, text) = match &row.case.what {
        What::Text { subject, text } => (subject.clone(), text.clone()),
        What::Mail { .. } => (report.fields.subject.clone(), report.fields.body.clone()),
    };
    let votes = verdict.trace.fired.iter().filter(|f| f.queue.as_ref() == Some(&verdict.queue) && !f.shadow);
    let because = votes.map(|f| {
        let words = f.hits.iter().map(|hit| hit.text.clone()).collect();
        Because { rule: f.id.clone(), points: f.points, words }
    });
    Miss {
        place: row.case.place.clone(),
        language: language(row.case),
        label: row.case.label.clone(),
        expected: row.expected.map(str::to_owned),
        queue: verdict.queue.clone(),
        more: row.case.more.clone(),
        subject,
        text,
        nearest: row.expected.map(|queue| probes.nearest(report, place, verdict, queue)).unwrap_or_default(),
        because: because.collect(),
    }
}

fn tell(policy: &Policy, found: &Found, most: usize) {
    let names: Vec<&str> = policy.config.queues.iter().map(|queue| queue.name.as_str()).collect();
    show::say(format!(
        "{} texts, judged as mail to {} (a text is read as the body of a plain-text mail).",
        found.texts, found.account
    ));
    show::say("Shares stand with their count and 95 % interval (Wilson).\n");
    matrix_table("label", &found.labels, &names);
    show::say("");
    let rows = found.queues.iter().map(|q| vec![q.queue.clone(), q.recall.to_string(), q.precision.to_string()]);
    show::table(&["queue", "recall", "precision"], rows.collect(), "no queue was expected or reached");
    show::say("");
    let rows = found.languages.iter().flat_map(|group| {
        group.queues.iter().map(|q| vec![group.value.clone(), q.queue.clone(), q.recall.to_string(), q.precision.to_string()])
    });
    show::table(&["language", "queue", "recall", "precision"], rows.collect(), "no texts");
    for (key, groups) in &found.groups {
        show::say("");
        let rows = groups.iter().flat_map(|group| {
            let cells = |label: &Label| {
                vec![
                    group.value.clone(),
                    label.label.clone(),
                    group.texts.to_string(),
                    label.raised.to_string(),
                    group.right.to_string(),
                ]
            };
            group.labels.iter().map(cells)
        });
        show::table(&[key, "label", "texts", "raised", "right"], rows.collect(), "no texts");
    }
    if !found.topics.is_empty() {
        show::say("");
        let rows = found.topics.iter().map(|t| vec![t.topic.clone(), t.recall.to_string(), t.precision.to_string()]);
        show::table(&["topic", "recall", "precision"], rows.collect(), "");
    }
    show::say(format!("\n{} misses and false alarms", found.misses.len()));
    found.misses.iter().take(most).for_each(tell_miss);
    if found.misses.len() > most {
        show::say(format!("({} more: --misses N shows N)", found.misses.len() - most));
    }
}

fn matrix_table(head: &str, labels: &[Label], names: &[&str]) {
    let rows = labels.iter().map(|label| {
        let name = match &label.expected {
            Some(queue) if *queue == label.label => label.label.clone(),
            Some(queue) => format!("{} = {queue}", label.label),
            None => format!("{} (no queue)", label.label),
        };
        let counts = names.iter().map(|queue| label.went_to.get(*queue).copied().unwrap_or(0).to_string());
        std::iter::once(name).chain(counts).chain([label.raised.to_string()]).collect()
    });
    let head: Vec<&str> = std::iter::once(head).chain(names.iter().copied()).chain(["raised"]).collect();
    show::table(&head, rows.collect(), "no texts");
}

fn tell_miss(miss: &Miss) {
    let expected = miss.expected.as_deref().unwrap_or(&miss.label);
    let more: Vec<String> = miss.more.iter().map(|(key, value)| format!("{key} {value}")).collect();
    let more = if more.is_empty() { String::new() } else { format!("  ({})", more.join(", ")) };
    show::say(format!("\n{}  {}: {expected} -> {}{}", miss.place, miss.language, miss.queue, show::plain(&more)));
    let subject = if miss.subject.is_empty() { String::new() } else { format!("{} / ", miss.subject) };
    show::say(format!("    \"{}\"", show::plain(&show::short(&format!("{subject}{}", miss.text), 300))));
    for because in &miss.because {
        let words = because.words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ");
        show::say(format!("    {} gave {} points: {}", because.rule, because.points, show::plain(&show::short(&words, 200))));
    }
    // The two nearest say enough to a person; JSON has them all.
    for near in miss.nearest.iter().take(2) {
        show::say(format!("    nearest: {}", show::plain(&show::short(&near.to_string(), 300))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_names_a_queue_by_its_first_words_where_that_is_one_only() {
        let queues = BTreeSet::from(["threat-of-harm", "child-protection", "child-care", "general"]);
        let asked = ["threat", "threat-of-harm", "general", "child", "thre", "threat-of", "clean", ""];
        let named = asked.map(|label| begun(&queues, label).unwrap_or("-"));
        assert_eq!(named, ["threat-of-harm", "threat-of-harm", "general", "-", "-", "threat-of-harm", "-", "-"]);
    }
}
