//! Tests of the whole way from bytes to report: one per behaviour, hostile sizes, and the real mails beside the repository.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::read;
use crate::clock::from_millis;
use crate::report::{Damage, Envelope, Extent, Report, ReturnPath};

/// As the daemon does it: on a thread with a large stack.
fn on_large_stack<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let thread = std::thread::Builder::new().stack_size(256 << 20).spawn(work).expect("a thread");
    thread.join().expect("reading never panics")
}

fn whole() -> Envelope {
    Envelope { received: from_millis(1_700_000_000_000), junk: false, extent: Extent::Whole }
}

fn report(raw: impl Into<Vec<u8>>) -> Report {
    let raw = raw.into();
    let report = on_large_stack(move || read(&raw, &whole()));
    assert_clean(&report);
    report
}

fn part(raw: Vec<u8>, head: u64) -> Report {
    let envelope = Envelope { extent: Extent::Part { size: 90_000_000, head }, ..whole() };
    let report = on_large_stack(move || read(&raw, &envelope));
    assert_clean(&report);
    report
}

/// A mail in `fixtures/odd`, named after its oddity.
fn odd(name: &str) -> Report {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/odd").join(name);
    report(std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

/// What holds for every report of every mail.
fn assert_clean(report: &Report) {
    let fields = &report.fields;
    for text in [&fields.subject, &fields.body, &fields.forwarded, &fields.attachment, &fields.filename, &fields.quoted] {
        assert!(!text.contains(['\r', '\0', '\u{1b}', '\u{85}']), "control characters in a field");
        assert!(text.len() <= 600 * 1024, "a field of {} bytes", text.len());
    }
    assert!(report.headers.iter().all(|(name, value)| !name.contains(char::is_control) && !value.contains(char::is_control)));
    let names = report.attachments.iter().filter_map(|attachment| attachment.name.as_ref());
    for name in names {
        assert!(!name.contains(|c: char| c == '/' || c == '\\' || c.is_control()) && name != "..", "{name:?}");
    }
    assert!(report.attachments.iter().all(|attachment| attachment.sha256.len() == 64));
    let people = [&report.from, &report.reply_to, &report.to, &report.cc].into_iter().flatten();
    assert!(people.into_iter().all(|entry| !entry.address.contains(char::is_control)));
    assert!(report.references.len() <= 100);
    assert!(report.damage.is_sorted(), "each damage once, in order");
}

/// Every file below a folder of the real mails; `None`, said aloud, when they are absent.
fn real(folder: &str) -> Option<Vec<PathBuf>> {
    let shared =
        std::env::var_os("TRIAGED_SHARED").map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let path = shared.join("data").join(folder);
    let Ok(entries) = std::fs::read_dir(&path) else {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "the real mails are absent in CI: {}", path.display());
        say(&format!("NOT TESTED: {} is absent (set TRIAGED_SHARED to the folder that holds data/)", path.display()));
        return None;
    };
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_file()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} holds no mail", path.display());
    Some(files)
}

/// Past the test harness, which swallows what passing tests print.
fn say(line: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{line}");
}

#[test]
fn dump() {
    let Some(folder) = std::env::var_os("DUMP") else { return };
    let out = std::env::var_os("DUMP_OUT").unwrap();
    for path in real(folder.to_str().unwrap()).unwrap() {
        let report = report(std::fs::read(&path).unwrap());
        let mut json = serde_json::to_value(&report).unwrap();
        json.as_object_mut().unwrap().remove("headers");
        let f = &report.fields;
        let text = format!(
            "SUBJECT {}\nFROM {:?} REPLYTO {:?} TO {:?}\nMID {:?} DATE {:?} RP {:?} DT {:?} REFS {:?}\nDAMAGE {:?} LANG {:?} AUTO {:?}\nATT {:?}\n--- BODY\n{}\n--- FORWARDED\n{}\n--- ATTACHMENT\n{}\n--- FILENAME\n{}\n--- QUOTED\n{}\n--- HEADERS {}\n",
            f.subject,
            report.from,
            report.reply_to,
            report.to,
            report.message_id,
            report.date,
            report.return_path,
            report.delivered_to,
            report.references.len(),
            report.damage,
            report.language,
            report.automated,
            report.attachments.iter().map(|a| (&a.name, &a.media_type, a.size)).collect::<Vec<_>>(),
            f.body,
            f.forwarded,
            f.attachment,
            f.filename,
            f.quoted,
            report.headers.len()
        );
        std::fs::write(Path::new(&out).join(path.file_name().unwrap()), text).unwrap();
    }
}

#[test]
fn every_real_mail_is_read_in_under_a_second() {
    let (mut count, mut slowest) = (0, (Duration::ZERO, PathBuf::new()));
    for folder in ["odd-mail", "never-ack", "ordinary-mail", "reply/email_reply_trimmer/emails", "reply"] {
        for path in real(folder).unwrap_or_default() {
            let raw = std::fs::read(&path).expect("a readable file");
            let start = Instant::now();
            report(raw);
            let took = start.elapsed();
            assert!(took < Duration::from_secs(1), "{} took {took:?}", path.display());
            count += 1;
            if took > slowest.0 {
                slowest = (took, path);
            }
        }
    }
    say(&format!("{count} real mails read, slowest {:?} ({})", slowest.0, slowest.1.display()));
}
