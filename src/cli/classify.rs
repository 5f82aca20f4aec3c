//! `triaged classify`: judge mails as the daemon would, touching nothing.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Answer as Exit, NO, OK, judging, show};
use crate::clock::Clock;
use crate::judges;
use crate::policy::{Judged, Policy};
use crate::reply::guard::{Answer, SoFar};
use crate::report::Damage;

/// One line of `classify --json`: a stable interface for scripts. Keys are added, never changed.
#[derive(Serialize)]
struct Line<'a> {
    file: String,
    account: &'a str,
    queue: &'a str,
    passed: &'a [String],
    topics: &'a [String],
    flags: &'a [String],
    language: &'a str,
    answer: AnswerLine<'a>,
    rules: Vec<RuleLine<'a>>,
    damage: &'a [Damage],
}

#[derive(Serialize)]
struct AnswerLine<'a> {
    send: bool,
    reason: Option<&'a str>,
    to: Option<&'a str>,
}

#[derive(Serialize)]
struct RuleLine<'a> {
    id: &'a str,
    points: i64,
}

pub(super) fn classify(config: Option<&Path>, account: Option<&str>, mails: &[PathBuf], json: bool) -> Exit {
    let policy = super::policy_or_shipped(config)?;
    let account = judging::known_account(&policy, account)?;
    let files = judging::files(mails)?;
    let mut rows = Vec::new();
    let mut unread = 0;
    judges::alone(|| {
        for file in &files {
            match judging::bytes(file) {
                Ok(raw) => one(&policy, account, file, &raw, json, &mut rows),
                Err(words) => {
                    show::complain(&words);
                    unread += 1;
                }
            }
        }
    })?;
    if !json {
        show::table(&["file", "account", "queue", "why", "language", "answer"], rows, "no mails there");
    }
    Ok(if unread == 0 { OK } else { NO })
}

fn one(policy: &Policy, account: Option<&str>, file: &Path, raw: &[u8], json: bool, rows: &mut Vec<Vec<String>>) {
    let now = Clock::System.now();
    let (account, judged) = judging::judge(policy, account, raw, now);
    let answer = policy.answer(&judged, SoFar::default(), now);
    if json {
        show::json(&line(file, &account, &judged, &answer));
    } else {
        rows.push(row(file, &account, &judged, &answer));
    }
}

fn line<'a>(file: &Path, account: &'a str, judged: &'a Judged, answer: &'a Answer) -> Line<'a> {
    let verdict = &judged.verdict;
    let fired = verdict.trace.fired.iter().filter(|fired| !fired.shadow);
    Line {
        file: file.display().to_string(),
        account,
        queue: &verdict.queue,
        passed: &verdict.passed,
        topics: &verdict.topics,
        flags: &verdict.flags,
        language: judged.report.language.as_deref().unwrap_or("unknown"),
        answer: match answer {
            Answer::Send { to } => AnswerLine { send: true, reason: None, to: Some(to) },
            Answer::Withhold { reason, .. } => AnswerLine { send: false, reason: Some(reason), to: None },
        },
        rules: fired.map(|fired| RuleLine { id: &fired.id, points: fired.points }).collect(),
        damage: &judged.report.damage,
    }
}

fn row(file: &Path, account: &str, judged: &Judged, answer: &Answer) -> Vec<String> {
    let verdict = &judged.verdict;
    let why =
        verdict.trace.fired.iter().filter(|fired| fired.queue.as_deref() == Some(&verdict.queue)).map(|fired| fired.id.as_str());
    let why = why.collect::<Vec<_>>().join(", ");
    let answer = match answer {
        Answer::Send { to } => format!("to {to}"),
        Answer::Withhold { reason, .. } => format!("none: {reason}"),
    };
    vec![
        file.display().to_string(),
        account.to_owned(),
        verdict.queue.clone(),
        if why.is_empty() { "default".into() } else { why },
        judged.report.language.clone().unwrap_or_else(|| "unknown".into()),
        answer,
    ]
}
