//! `triaged explain`: the evaluation's own trace (law 7), for a mail file or for what the store kept.

use std::path::Path;

use super::highlight::{Mark, Span, Style, marked};
use super::{Answer, Failure, NO, OK, judging, show};
use crate::case::Reference;
use crate::clock::Clock;
use crate::judges;
use crate::report::Fields;
use crate::rules::{Fired, Hit, Verdict};
use crate::store::cases;

pub(super) fn explain(config: Option<&Path>, account: Option<&str>, mail: &Path, whole: bool, json: bool) -> Answer {
    let typed = mail.to_string_lossy();
    let reference = Reference::parse(&typed).filter(|_| typed.to_ascii_uppercase().starts_with("TS-") && !mail.exists());
    if let Some(reference) = reference {
        return stored(config, &reference, json);
    }
    let policy = super::policy_or_shipped(config)?;
    let account = judging::known_account(&policy, account)?;
    let raw = judging::bytes(mail).map_err(Failure::No)?;
    let (_, judged) = judges::alone(|| judging::judge(&policy, account, &raw, Clock::System.now()))?;
    tell(&judged.verdict, json);
    if !json {
        words(&judged.report.fields, &judged.verdict, whole);
    }
    Ok(OK)
}

/// The mail's own text with the words that matched: the surroundings of each, or all of it.
fn words(fields: &Fields, verdict: &Verdict, whole: bool) {
    let style = Style::of_output();
    let texts = [
        ("subject", &fields.subject),
        ("body", &fields.body),
        ("forwarded", &fields.forwarded),
        ("attachment", &fields.attachment),
        ("filename", &fields.filename),
        ("quoted", &fields.quoted),
    ];
    for (field, text) in texts {
        let spans = spans(verdict, field);
        if !text.is_empty() && (whole || !spans.is_empty()) {
            show::say(format!("\n{field}:\n{}", marked(text, &spans, style, !whole).trim_end()));
        }
    }
}

/// What matched in one field, and what stopped a rule there.
fn spans(verdict: &Verdict, field: &str) -> Vec<Span> {
    let span = |hit: &Hit, mark| Span { start: hit.start, end: hit.end, mark };
    let hits = verdict.trace.fired.iter().flat_map(|fired| &fired.hits).map(|hit| (hit, Mark::Hit));
    let vetoes = verdict.trace.vetoed.iter().map(|vetoed| (&vetoed.by, Mark::Veto));
    hits.chain(vetoes).filter(|(hit, _)| hit.field == field).map(|(hit, mark)| span(hit, mark)).collect()
}

fn stored(config: Option<&Path>, reference: &Reference, json: bool) -> Answer {
    let messages = super::store(config)?.read_blocking(|view| match cases::find(view, reference)? {
        Some(case) => Ok(Some(cases::messages(view, case.id)?)),
        None => Ok(None),
    })?;
    let Some(messages) = messages else {
        show::complain(&format!("there is no case {reference}"));
        return Ok(NO);
    };
    for message in messages {
        let verdict: Verdict = serde_json::from_value(message.verdict)
            .map_err(|e| Failure::Misuse(format!("error: the stored trace of mail {} cannot be read: {e}", message.id)))?;
        if !json {
            show::say(format!("Mail {}, stored {} UTC", message.id, show::moment(message.stored)));
        }
        tell(&verdict, json);
    }
    Ok(OK)
}

fn tell(verdict: &Verdict, json: bool) {
    if json {
        return show::json(verdict);
    }
    let trace = &verdict.trace;
    show::say(format!("Queue: {}", verdict.queue));
    for because in &trace.because {
        show::say(format!("  {}", show::plain(because)));
    }
    for (name, words) in [("Topics", &verdict.topics), ("Flags", &verdict.flags)] {
        if !words.is_empty() {
            show::say(format!("{name}: {}", words.join(", ")));
        }
    }
    show::say(if trace.fired.is_empty() { "No rule fired." } else { "Rules that fired:" });
    trace.fired.iter().for_each(fired);
    if !trace.vetoed.is_empty() {
        show::say("Rules that were stopped:");
    }
    for vetoed in &trace.vetoed {
        show::say(format!("  {}: by {}", vetoed.id, hit(&vetoed.by)));
    }
    if !trace.sums.is_empty() {
        show::say("Sums:");
    }
    for sum in &trace.sums {
        let passed = if sum.points >= sum.threshold { "passed" } else { "not passed" };
        show::say(format!("  {}: {} of {} points, {passed}", sum.queue, sum.points, sum.threshold));
    }
    show::say(format!("Default queue {}, floor {}, rule set {}", trace.default, trace.floor, show::short(&trace.rules_hash, 13)));
}

fn fired(fired: &Fired) {
    let effect = match &fired.queue {
        Some(queue) => format!("{} points for {queue}", fired.points),
        None => "no points".to_owned(),
    };
    let shadow = if fired.shadow { " (shadow: recorded only)" } else { "" };
    show::say(format!("  {}: {effect}{shadow}", fired.id));
    show::say(format!("    {}", fired.why));
    for each in fired.hits.iter().take(12) {
        show::say(format!("    {}", hit(each)));
    }
}

fn hit(hit: &Hit) -> String {
    format!("\"{}\" in {} (term {})", show::plain(&show::short(&hit.text, 100)), hit.field, show::plain(&hit.term))
}
