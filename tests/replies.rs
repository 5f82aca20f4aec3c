//! How well a mail's own words are told from the thread below them, on mails whose parting is known (../shared/data/reply).
//! Without that data the test says so; CI always has it.

#![allow(clippy::print_stderr, reason = "the measured figures are what the test is run for")]

use std::fs;
use std::path::{Path, PathBuf};

use triaged::message::quote::split;

/// The share of mails whose new text must be exactly as expected (issue "Answers").
const EXACT: f64 = 0.9;

fn shared() -> PathBuf {
    std::env::var_os("TRIAGED_SHARED").map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from)
}

/// Without the differences nobody reads: blanks at line ends, blank lines, the kind of line end.
fn normal(text: &str) -> String {
    let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))).into_owned()
}

#[test]
fn the_new_text_of_replies_is_found_as_the_pairs_expect_and_never_empty() {
    let folder = shared().join("data/reply/email_reply_trimmer");
    if !folder.is_dir() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{} is absent", folder.display());
        return eprintln!("NOT TESTED: {} is absent (set TRIAGED_SHARED)", folder.display());
    }
    let mut names: Vec<_> = fs::read_dir(folder.join("trimmed")).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    let (mut exact, mut quoted) = (0, 0);
    for name in &names {
        let mail = read(&folder.join("emails").join(name));
        let (wanted, rest) = (read(&folder.join("trimmed").join(name)), read(&folder.join("elided").join(name)));
        let found = split(&mail);
        let body = if found.new.trim().is_empty() { &found.quoted } else { &found.new };
        let body = if body.trim().is_empty() { &found.forwarded } else { body };
        assert!(!normal(body).is_empty() || normal(&mail).is_empty(), "{name:?}: an empty body");
        let others = [&found.signature, &found.quoted, &found.forwarded].map(|part| normal(part)).join("\n");
        let same = normal(&found.new) == normal(&wanted);
        exact += usize::from(same);
        quoted += usize::from(normal(&others) == normal(&rest));
        if !same {
            eprintln!("{name:?} differs");
        }
    }
    eprintln!("replies: new text {exact} of {}, the rest {quoted}", names.len());
    assert!(exact as f64 >= EXACT * names.len() as f64, "only {exact} of {} as expected", names.len());
}
