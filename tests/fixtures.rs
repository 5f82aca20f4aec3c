//! Every fixture mail becomes what `fixtures/mails/expected.toml` says: the queue, the answer or the reason for none,
//! the language. Judged by the shipped rules under the demo's config, as the demo itself does.

use std::path::{Path, PathBuf};

use triaged::clock::from_millis;
use triaged::judges;
use triaged::policy::Policy;
use triaged::problem::{Problems, Source};
use triaged::reply::guard::{Answer, SoFar};
use triaged::report::{Envelope, Extent};
use triaged::table::{self, Table};

struct Expected {
    file: String,
    account: String,
    junk: bool,
    queue: String,
    to: Option<String>,
    reasons: Vec<String>,
    language: Option<String>,
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

fn expected() -> Vec<Expected> {
    let path = fixtures().join("mails/expected.toml");
    let source = Source::new(&path, std::fs::read_to_string(&path).expect("it is there"));
    let problems = Problems::default();
    let all = table::read(&source, &problems, |root| root.tables("mail").iter().map(one).collect());
    problems.into_result(|| all).expect("it is well-formed")
}

fn one(mail: &Table<'_>) -> Expected {
    let expected = Expected {
        file: mail.need_text("file").value,
        account: mail.need_text("account").value,
        junk: mail.flag("junk").unwrap_or(false),
        queue: mail.need_text("queue").value,
        to: mail.text("to").map(|to| to.value),
        reasons: mail.texts("reasons").into_iter().map(|word| word.value).collect(),
        language: mail.text("language").map(|word| word.value).filter(|word| !word.is_empty()),
    };
    mail.need_text("about");
    assert_eq!(mail.flag("answered"), Some(expected.to.is_some()), "{}: answered goes with to", expected.file);
    mail.finish();
    expected
}

/// What differs, in words; empty when all is as expected.
fn differences(policy: &Policy, expected: &Expected) -> Vec<String> {
    let raw = std::fs::read(fixtures().join("mails").join(&expected.file)).expect("every mail listed is there");
    let now = from_millis(1_800_000_000_000);
    let envelope = Envelope { received: now, junk: expected.junk, extent: Extent::Whole };
    let judged = policy.judge(&expected.account, &raw, &envelope);
    let mut wrong = Vec::new();
    if judged.verdict.queue != expected.queue {
        wrong.push(format!("queue {} instead of {}", judged.verdict.queue, expected.queue));
    }
    if judged.report.language != expected.language {
        wrong.push(format!("language {:?} instead of {:?}", judged.report.language, expected.language));
    }
    match (policy.answer(&judged, SoFar::default(), now), &expected.to) {
        (Answer::Send { to }, Some(wanted)) if to == *wanted => {}
        (Answer::Withhold { reason, .. }, None) if expected.reasons.contains(&reason) => {}
        (answer, wanted) => wrong.push(format!("{answer:?} instead of {wanted:?} {:?}", expected.reasons)),
    }
    wrong
}

#[test]
fn every_fixture_mail_becomes_what_is_expected_of_it() {
    let policy = Policy::load(&fixtures().join("demo.toml")).expect("the demo's config is valid");
    let expected = expected();
    assert!(expected.len() >= 40, "the fixtures are gone");
    let wrong: Vec<String> = judges::alone(|| {
        let told = expected.iter().map(|mail| (mail.file.clone(), differences(&policy, mail)));
        told.filter(|(_, wrong)| !wrong.is_empty()).map(|(file, wrong)| format!("{file}: {}", wrong.join("; "))).collect()
    })
    .expect("a thread");
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), expected.len(), wrong.join("\n"));
}

#[test]
fn every_mail_in_the_folder_is_listed_once() {
    let listed: Vec<String> = expected().into_iter().map(|mail| mail.file).collect();
    let mut there: Vec<String> = std::fs::read_dir(fixtures().join("mails"))
        .expect("the folder is there")
        .map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".eml"))
        .collect();
    there.sort();
    let mut sorted = listed.clone();
    sorted.sort();
    assert_eq!(sorted, there);
}
