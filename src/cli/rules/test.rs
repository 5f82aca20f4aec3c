//! `triaged rules test`: every example of every rule, run by the engine that judges mail.

use serde::Serialize;

use super::{Answer, NO, OK, show};
use crate::clock::from_millis;
use crate::policy::Policy;
use crate::report::Report;
use crate::rules::cases::Places;
use crate::rules::{ExampleFault, Place};

/// One example that turned out otherwise.
#[derive(Serialize)]
struct Wrong {
    place: String,
    rule: String,
    text: String,
    should_match: bool,
    found: String,
    instead: Vec<String>,
}

pub(super) fn test(policy: &Policy, json: bool) -> Answer {
    let places = Places::read(&policy.rule_files()?);
    let run = policy.rules.examples().len();
    let wrong: Vec<Wrong> = policy.rules.run_examples().into_iter().map(|fault| wrong(policy, &places, fault)).collect();
    if json {
        wrong.iter().for_each(show::json);
        show::json(&serde_json::json!({"examples": run, "rules": policy.rules.len(), "wrong": wrong.len()}));
    } else {
        wrong.iter().for_each(tell);
        show::say(format!("{run} examples of {} rules: {} wrong", policy.rules.len(), wrong.len()));
    }
    Ok(if wrong.is_empty() { OK } else { NO })
}

fn wrong(policy: &Policy, places: &Places, fault: ExampleFault) -> Wrong {
    let ExampleFault { example, found } = fault;
    let mut report = Report::blank(from_millis(0));
    report.fields.body = example.text.clone();
    let account = policy.config.accounts.first().map_or_else(String::new, |account| account.id.clone());
    let queue = policy.config.queues.last().map_or_else(String::new, |queue| queue.name.clone());
    let place = Place { account, default: queue.clone(), floor: queue };
    let fired = policy.rules.judge(&report, &place).trace.fired;
    let instead = fired.into_iter().map(|fired| fired.id).filter(|id| *id != example.rule).collect();
    let place = places.of(&example.rule, &example.text);
    Wrong { place, rule: example.rule, text: example.text, should_match: example.should_match, found, instead }
}

fn tell(wrong: &Wrong) {
    let should = if wrong.should_match { "must match" } else { "must not match" };
    show::say(format!("{}: the rule {} {should} \"{}\"", wrong.place, wrong.rule, show::plain(&wrong.text)));
    show::say(format!("    {}", show::plain(&wrong.found)));
    if !wrong.instead.is_empty() {
        show::say(format!("    other rules that fired: {}", wrong.instead.join(", ")));
    }
}
