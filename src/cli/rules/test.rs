//! `triaged rules test`: every example of every rule, and labelled cases, judged by the engine that judges mail.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Answer, Failure, NO, OK, data, junit, show};
use crate::clock::from_millis;
use crate::policy::{Judged, Policy};
use crate::problem::Problems;
use crate::report::Report;
use crate::rules::cases::{Case, Places, What};
use crate::rules::{ExampleFault, Place};

/// One thing that was tested.
#[derive(Serialize)]
pub struct Tested {
    /// What it belongs to: `examples`, or the file of the case.
    #[serde(skip)]
    pub suite: String,
    /// `FILE:LINE`
    pub place: String,
    /// What was asked, in a sentence.
    pub what: String,
    /// What was found instead; empty: all is as it should be.
    pub wrong: Vec<String>,
}

pub(super) fn test(policy: &Policy, paths: &[PathBuf], report: Option<&Path>, json: bool) -> Answer {
    let cases = data::read(paths)?;
    check_labels(policy, &cases)?;
    let account = data::account(policy, None)?;
    let mut tested = examples(policy)?;
    let ran = tested.len();
    for (case, judged) in cases.iter().zip(data::judge(policy, &cases, account)?) {
        tested.push(labelled(case, judged));
    }
    if let Some(file) = report {
        let written = std::fs::write(file, junit::xml(&tested));
        written.map_err(|e| Failure::Misuse(format!("error: cannot write {}: {e}", file.display())))?;
    }
    let wrong: Vec<&Tested> = tested.iter().filter(|tested| !tested.wrong.is_empty()).collect();
    if json {
        wrong.iter().for_each(show::json);
        show::json(&serde_json::json!({
            "rules": policy.rules.len(), "examples": ran, "cases": cases.len(), "wrong": wrong.len()
        }));
    } else {
        wrong.iter().for_each(|wrong| tell(wrong));
        let labelled = if cases.is_empty() { String::new() } else { format!(", {} labelled cases", cases.len()) };
        show::say(format!("{ran} examples of {} rules{labelled}: {} wrong", policy.rules.len(), wrong.len()));
    }
    Ok(if wrong.is_empty() { OK } else { NO })
}

/// A label nobody knows is a slip in the data: it must not pass as a failure of the rules.
fn check_labels(policy: &Policy, cases: &[Case]) -> Result<(), Failure> {
    let problems = Problems::default();
    for case in cases {
        if let Some(complaint) = data::not_a_queue(policy, &case.label) {
            problems.whole(Path::new(&case.place), complaint);
        }
        if let Some(Err(Failure::Misuse(words))) = case.account.as_deref().map(|id| data::account(policy, Some(id))) {
            problems.whole(Path::new(&case.place), words.trim_start_matches("error: "));
        }
    }
    Ok(problems.into_result(|| ())?)
}

fn examples(policy: &Policy) -> Result<Vec<Tested>, Failure> {
    let places = Places::read(&policy.rule_files()?);
    let mut faults = policy.rules.run_examples().into_iter().peekable();
    let tested = policy.rules.examples().into_iter().map(|example| {
        let should = if example.should_match { "must match" } else { "must not match" };
        let wrong = faults.next_if(|fault| fault.example == example).map(|fault| instead(policy, fault)).unwrap_or_default();
        Tested {
            suite: "examples".into(),
            place: places.of(&example.rule, &example.text),
            what: format!("the rule {} {should} \"{}\"", example.rule, example.text),
            wrong,
        }
    });
    Ok(tested.collect())
}

/// What happened with an example, and which other rules would have taken the text.
fn instead(policy: &Policy, fault: ExampleFault) -> Vec<String> {
    let mut report = Report::blank(from_millis(0));
    report.fields.body = fault.example.text;
    let account = policy.config.accounts.first().map_or_else(String::new, |account| account.id.clone());
    let queue = policy.config.queues.last().map_or_else(String::new, |queue| queue.name.clone());
    let verdict = policy.rules.judge(&report, &Place { account, default: queue.clone(), floor: queue });
    let others = verdict.trace.fired.iter().map(|fired| fired.id.as_str()).filter(|id| *id != fault.example.rule);
    let others = others.collect::<Vec<_>>().join(", ");
    let fired = (!others.is_empty()).then(|| format!("other rules that fired: {others}"));
    std::iter::once(fault.found).chain(fired).collect()
}

fn labelled(case: &Case, judged: Result<Judged, String>) -> Tested {
    let shown = match &case.what {
        What::Text { text, .. } => format!("\"{text}\""),
        What::Mail { path, .. } => path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
    };
    let suite = case.place.rsplit_once(':').map_or(case.place.as_str(), |(file, _)| file).to_owned();
    let wrong = judged.map_or_else(|words| vec![words], |judged| differs(case, &judged));
    Tested { suite, place: case.place.clone(), what: format!("{shown} must go to {}", case.label), wrong }
}

/// How a verdict differs from what the case says; empty: not at all.
fn differs(case: &Case, judged: &Judged) -> Vec<String> {
    let verdict = &judged.verdict;
    let mut wrong = Vec::new();
    if verdict.queue != case.label {
        let trace = &verdict.trace;
        let fired: Vec<&str> = trace.fired.iter().filter(|f| f.queue.is_some()).map(|f| f.id.as_str()).collect();
        let stopped = trace.vetoed.iter().map(|v| format!("{} by \"{}\"", v.id, v.by.text)).collect::<Vec<_>>();
        let fired = if fired.is_empty() { "no rule fired".to_owned() } else { format!("fired: {}", fired.join(", ")) };
        let stopped = if stopped.is_empty() { String::new() } else { format!("; stopped: {}", stopped.join(", ")) };
        wrong.push(format!("it went to {} ({fired}{stopped})", verdict.queue));
    }
    let lacking = case.topics.iter().flatten().filter(|topic| !verdict.topics.contains(topic)).map(String::as_str);
    let lacking = lacking.collect::<Vec<_>>().join(", ");
    if !lacking.is_empty() {
        wrong.push(format!("it lacks the topics {lacking} (found: {})", verdict.topics.join(", ")));
    }
    let spoken = &judged.report.language;
    if let Some(wanted) = case.recognised.as_ref().filter(|wanted| *wanted != spoken) {
        let name = |language: &Option<String>| language.clone().unwrap_or_else(|| "unknown".into());
        wrong.push(format!("its language was taken for {}, not {}", name(spoken), name(wanted)));
    }
    wrong
}

fn tell(tested: &Tested) {
    show::say(format!("{}: {}", tested.place, show::plain(&tested.what)));
    tested.wrong.iter().for_each(|wrong| show::say(format!("    {}", show::plain(wrong))));
}
