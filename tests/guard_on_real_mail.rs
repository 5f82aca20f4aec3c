//! The reply guard on real mail: nobody behind a bounce, a report or an auto-reply is acknowledged, and people are.
//! The mails lie outside the repository (`../shared`, or where TRIAGED_SHARED says); CI may not do without them.

#![allow(clippy::print_stderr, reason = "the measured figures are what the test is run for")]

use std::path::PathBuf;
use std::time::Duration;

use triaged::clock;
use triaged::config::{Identity, Limits};
use triaged::message;
use triaged::reply::guard::{Answer, Question, SoFar, guard};
use triaged::report::{Authentication, Envelope, Extent};

/// Mails of a set, by file name; `None` where the set is absent.
fn mails(set: &str) -> Option<Vec<(String, Vec<u8>)>> {
    let root = std::env::var_os("TRIAGED_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let dir = root.join("data").join(set);
    if !dir.is_dir() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{} is absent", dir.display());
        eprintln!("SKIPPED: {} is absent (set TRIAGED_SHARED)", dir.display());
        return None;
    }
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect();
    paths.sort();
    let named = |path: PathBuf| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap());
    Some(paths.into_iter().map(named).collect())
}

/// What the guard says of each mail of a set, fresh from the server and with nothing answered before.
fn answers(set: &str) -> Option<Vec<(String, Answer)>> {
    let mails = mails(set)?;
    // The parser recurses on nesting.
    let judge = std::thread::Builder::new()
        .stack_size(256 << 20)
        .spawn(move || mails.iter().map(|(name, raw)| (name.clone(), answer(raw))).collect());
    Some(judge.unwrap().join().unwrap())
}

fn answer(raw: &[u8]) -> Answer {
    let now = clock::from_millis(1_800_000_000_000);
    let identity = Identity {
        general_contact: "ca@example.org".to_owned(),
        name: "Trust & Safety".to_owned(),
        domain: "cases.example.net".to_owned(),
        authserv_ids: vec![],
        own_addresses: vec![],
        plus_address: false,
        trusted_relays: vec![],
    };
    let limits = Limits {
        memory: 1,
        message: 1,
        part: 1,
        judging: Duration::from_secs(5),
        answer_age: Duration::from_secs(86_400),
        answers_per_sender: 3,
        answers_per_hour: 100,
    };
    let report = message::read(raw, &Envelope { received: now, junk: false, extent: Extent::Whole });
    let auth = Authentication::default();
    guard(&Question {
        report: &report,
        flags: &[],
        raised: false,
        identity: &identity,
        own_addresses: &[],
        limits: &limits,
        auth: &auth,
        now,
        so_far: SoFar::default(),
    })
}

fn is_sent(answer: &(String, Answer)) -> bool {
    matches!(answer.1, Answer::Send { .. })
}

#[test]
fn nobody_behind_a_machine_is_acknowledged() {
    let Some(answers) = answers("never-ack") else { return };
    let sent: Vec<_> = answers.iter().filter(|a| is_sent(a)).map(|(name, _)| name).collect();
    eprintln!("never-ack: {} of {} would be acknowledged: {sent:?}", sent.len(), answers.len());
    let mut reasons = std::collections::BTreeMap::<&str, usize>::new();
    for (_, answer) in &answers {
        let reason = if let Answer::Withhold { reason, .. } = answer { reason } else { "sent" };
        *reasons.entry(reason).or_default() += 1;
    }
    eprintln!("never-ack: {reasons:?}");
    assert!(answers.len() >= 400, "the set is there but holds {} mails", answers.len());
    // Arguable: a person's own mail with a line of their own that forwards a bounce as an attachment. They may be answered.
    assert!(sent.len() <= 1, "{sent:?}");
}

#[test]
fn people_who_write_without_list_headers_are_acknowledged() {
    let Some(answers) = answers("ordinary-mail") else { return };
    let mut reasons = std::collections::BTreeMap::<&str, usize>::new();
    for (name, answer) in &answers {
        let reason = match answer {
            Answer::Send { .. } => "sent",
            Answer::Withhold { reason, .. } => reason,
        };
        *reasons.entry(reason).or_default() += 1;
        if reason.ends_with("-text") || reason.starts_with("no-") {
            eprintln!("ordinary-mail {reason}: {name}");
        }
    }
    eprintln!("ordinary-mail: {reasons:?}");
    // The one taken by its text is the set's one real out-of-office note.
    let by_text: usize = reasons.iter().filter(|(reason, _)| reason.ends_with("-text")).map(|(_, count)| count).sum();
    assert!(by_text <= 1 && reasons.get("sent").is_some_and(|sent| *sent >= 180), "{reasons:?}");
}

#[test]
fn odd_mail_with_one_sender_is_acknowledged_unless_a_machine_wrote_it() {
    let Some(answers) = answers("odd-mail") else { return };
    let mut reasons = std::collections::BTreeMap::<&str, usize>::new();
    for (name, answer) in &answers {
        let reason = match answer {
            Answer::Send { .. } => "sent",
            Answer::Withhold { reason, .. } => reason,
        };
        *reasons.entry(reason).or_default() += 1;
        if !matches!(reason, "sent" | "no-single-address") {
            eprintln!("odd-mail {reason}: {name}");
        }
    }
    eprintln!("odd-mail: {reasons:?}");
    // A third of the set are fragments, or mails without one usable sender; some are bounces, or pieces of them.
    let by_text: usize = reasons.iter().filter(|(reason, _)| reason.ends_with("-text")).map(|(_, count)| count).sum();
    assert!(by_text <= 17 && reasons.get("sent").is_some_and(|sent| *sent >= 330), "{reasons:?}");
}
