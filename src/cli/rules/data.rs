//! The data that rules are tested and measured on: found below the paths an operator names, and judged as mail.

use std::path::{Path, PathBuf};

use crate::cli::{Failure, judging};
use crate::clock::Clock;
use crate::judges;
use crate::policy::{Judged, Policy};
use crate::problem::{Problems, Source, did_you_mean};
use crate::report::{Envelope, Extent};
use crate::rules::cases::{self, Case, What};

/// Every labelled case below `paths`: `*.jsonl` files, and the mails that an `expected.toml` names.
///
/// # Errors
/// Everything that cannot be read, at once; and paths that hold nothing.
pub fn read(paths: &[PathBuf]) -> Result<Vec<Case>, Failure> {
    let problems = Problems::default();
    let mut cases = Vec::new();
    for path in paths {
        let mut files = Vec::new();
        walk(path, &mut files).map_err(|e| Failure::Misuse(format!("error: cannot read {}: {e}", path.display())))?;
        if files.is_empty() {
            problems.whole(path, "no labelled cases here: no *.jsonl file, and no expected.toml beside mails");
        }
        for file in files {
            match std::fs::read_to_string(&file) {
                Ok(text) if is_jsonl(&file) => cases.append(&mut cases::sentences(&Source::new(file, text), &problems)),
                Ok(text) => cases.append(&mut cases::mails(&Source::new(file, text), &problems)),
                Err(error) => problems.whole(&file, format!("cannot be read: {error}")),
            }
        }
    }
    Ok(problems.into_result(|| cases)?)
}

fn is_jsonl(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "jsonl")
}

/// A file that was named is data whatever it is called; of folders, what looks like it.
fn walk(path: &Path, into: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if !std::fs::metadata(path)?.is_dir() {
        into.push(path.to_path_buf());
        return Ok(());
    }
    let mut inside = std::fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    inside.sort();
    for path in inside {
        if path.is_dir() {
            walk(&path, into)?;
        } else if is_jsonl(&path) || path.file_name().is_some_and(|name| name == "expected.toml") {
            into.push(path);
        }
    }
    Ok(())
}

/// The account that texts are judged for: the one asked for, else the first whose mail may end in the least urgent queue,
/// so that what the rules do is seen and not what a floor does.
///
/// # Errors
/// A sentence that says which accounts there are.
pub fn account<'a>(policy: &'a Policy, typed: Option<&'a str>) -> Result<&'a str, Failure> {
    if let Some(known) = judging::known_account(policy, typed)? {
        return Ok(known);
    }
    let least = policy.config.queues.last().map(|queue| &queue.name);
    let accounts = &policy.config.accounts;
    let first = accounts.iter().find(|account| Some(&account.floor) == least).or(accounts.first());
    Ok(first.map_or("", |account| account.id.as_str()))
}

/// A label that must be a queue's name; the complaint if it is none.
pub fn not_a_queue(policy: &Policy, label: &str) -> Option<String> {
    let names: Vec<&str> = policy.config.queues.iter().map(|queue| queue.name.as_str()).collect();
    if names.contains(&label) {
        return None;
    }
    let hint = did_you_mean(label, names.iter().copied()).map_or(String::new(), |near| format!(" (did you mean \"{near}\"?)"));
    Some(format!("there is no queue \"{label}\"{hint}: there are {}", names.join(", ")))
}

/// Judges every case on all cores, in their order. A mail file that cannot be read is a sentence instead.
///
/// # Errors
/// When the system gives no thread.
pub fn judge(policy: &Policy, cases: &[Case], account: &str) -> Result<Vec<Result<Judged, String>>, Failure> {
    Ok(judges::each(cases, |case| one(policy, case, account))?)
}

/// Judges one case; on a judge's thread.
///
/// # Errors
/// A sentence that names the mail that cannot be read.
pub fn one(policy: &Policy, case: &Case, account: &str) -> Result<Judged, String> {
    let now = Clock::System.now();
    match &case.what {
        What::Text { subject, text } => {
            let account = case.account.as_deref().unwrap_or(account);
            let envelope = Envelope { received: now, junk: false, extent: Extent::Whole };
            Ok(policy.judge(account, &as_mail(policy, account, subject, text), &envelope))
        }
        What::Mail { path, junk } => {
            let raw = judging::bytes(path)?;
            let envelope = Envelope { received: now, junk: *junk, extent: Extent::Whole };
            let named = || policy.account_of(&crate::message::read(&raw, &envelope));
            let account = case.account.clone().unwrap_or_else(named);
            Ok(policy.judge(&account, &raw, &envelope))
        }
    }
}

/// A text as the plainest mail that could carry it, so that it goes the way of every mail: quotes, signature, language.
fn as_mail(policy: &Policy, account: &str, subject: &str, text: &str) -> Vec<u8> {
    let to = policy.config.account(account).and_then(|account| account.intake.first()).map_or("", |intake| &intake.address);
    let subject: String = subject.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!(
        "From: somebody@example.net\r\nTo: {to}\r\nSubject: {subject}\r\nMessage-ID: <text@example.net>\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{text}\r\n"
    )
    .into_bytes()
}
