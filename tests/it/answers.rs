//! Answers and forwards as the whole daemon gives them: nobody behind a machine is answered, a victim is answered no oftener
//! than the cap, every kind of forward opens in other programs, and nothing sealed gets out.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::support::daemon::{Site, mail_with, within};
use crate::support::dovecot::Dovecot;
use crate::support::imap_client;
use crate::support::sink::Sink;

/// Mails of a set of the shared data; `None`, with a word about it, where the set is absent.
fn mails(set: &str) -> Option<Vec<Vec<u8>>> {
    let root = std::env::var_os("TRIAGED_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let dir = root.join("data").join(set);
    if !dir.is_dir() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{} is absent", dir.display());
        eprintln!("NOT TESTED: {} is absent (set TRIAGED_SHARED)", dir.display());
        return None;
    }
    let mut paths: Vec<PathBuf> = fs::read_dir(&dir).expect("readable").map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.is_file());
    paths.sort();
    Some(paths.iter().map(|path| fs::read(path).expect("readable")).collect())
}

/// A daemon that reads a Maildir of these mails until all of them are in its ledger and everything is sent.
fn read_all(mails: &[Vec<u8>], patience: Duration) -> (Site, Sink) {
    let sink = Sink::start();
    let mut site = Site::new(sink.port);
    let mailbox = site.maildir("ca");
    site.account("ca", "general", "poll = \"1 s\"", &mailbox);
    for (number, mail) in mails.iter().enumerate() {
        site.deliver("ca", &format!("{number:05}.eml"), mail);
    }
    site.start();
    let all = || (site.count("SELECT count(*) FROM ledger") == mails.len() as i64).then_some(());
    within(patience, "every mail is in the ledger", all, || site.tail());
    let sent = || (site.count("SELECT count(*) FROM outbox WHERE state IN ('ready', 'sending')") == 0).then_some(());
    within(patience, "everything is sent", sent, || site.tail());
    (site, sink)
}

#[test]
fn nobody_behind_a_machine_is_answered_by_the_whole_daemon_and_every_mail_is_stored() {
    let Some(mails) = mails("never-ack") else { return };
    let (site, sink) = read_all(&mails, Duration::from_secs(180));
    let answers = sink.answers();
    assert!(answers.is_empty(), "{} of {} were answered: {:?}", answers.len(), mails.len(), answers[0].mail);
    let withheld = site.count("SELECT count(*) FROM messages WHERE json_extract(answer, '$.withhold.reason') IS NOT NULL");
    assert_eq!(withheld, site.stored(), "each with its reason");
    eprintln!("never-ack: 0 of {} answered, {} stored, {} in the ledger", mails.len(), site.stored(), mails.len());
}

#[test]
fn the_victim_of_thousands_of_forged_mails_gets_three_answers_and_every_mail_is_stored() {
    // Ten thousand take some minutes: TRIAGED_FORGED=10000 runs them (README "Answers").
    let number = std::env::var("TRIAGED_FORGED").map_or(1_000, |number| number.parse().expect("a number"));
    let forged = |n: usize| {
        mail_with(
            &format!("Message-ID: <forged-{n}@example.com>\r\nFrom: Victim <victim+{n}@example.net>\r\n"),
            n,
            "ca@example.org",
        )
    };
    let mails: Vec<Vec<u8>> = (0..number).map(forged).collect();
    let (site, sink) = read_all(&mails, Duration::from_secs(900));
    assert_eq!(sink.answers().len(), 3, "the cap, tags or not");
    assert_eq!((site.stored(), site.count("SELECT count(*) FROM cases")), (number as i64, number as i64));
    let capped = "SELECT count(*) FROM messages WHERE json_extract(answer, '$.withhold.reason') = 'sender-cap'";
    assert_eq!(site.count(capped), number as i64 - 3);
}

/// What is attached to the mail below; none of it may be found anywhere.
const SECRET: &[u8] = b"the bytes of a sealed attachment, which nobody but the store may ever hold 0123456789";

/// The same as a mail carries it.
fn encoded() -> String {
    let table = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |chunk: &[u8]| {
        let bits = (0..3).fold(0u32, |bits, i| bits << 8 | u32::from(chunk.get(i).copied().unwrap_or(0)));
        let signs = (0..4).map(|i| if i <= chunk.len() { table[(bits >> (18 - 6 * i) & 63) as usize] as char } else { '=' });
        signs.collect::<String>()
    };
    SECRET.chunks(3).map(group).collect()
}

/// A report with an attachment, which these words take to a queue.
fn with_attachment(id: &str, words: &str) -> Vec<u8> {
    format!(
        "Message-ID: <{id}@example.net>\r\nFrom: Ana <ana@example.net>\r\nTo: ca@example.org\r\nSubject: report\r\n\
         Date: Fri, 20 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=bbb\r\n\r\n\
         --bbb\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{words}\r\n--bbb\r\nContent-Type: application/octet-stream; name=\"x.bin\"\r\n\
         Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=\"x.bin\"\r\n\r\n{}\r\n--bbb--\r\n",
        encoded()
    )
    .into_bytes()
}

const RULES: &str = "[[rule]]\nid = \"sealed\"\nwhy = \"w\"\nqueue = \"child-protection\"\npoints = 100\nany = [\"zebra\"]\n\
                     matches = [\"zebra\"]\nrejects = [\"horse\"]\n\
                     [[rule]]\nid = \"text\"\nwhy = \"w\"\nqueue = \"disinformation\"\npoints = 100\nany = [\"giraffe\"]\n\
                     matches = [\"giraffe\"]\nrejects = [\"horse\"]\n";

#[test]
fn a_sealed_queues_forward_alert_log_and_json_hold_no_byte_of_an_attachment() {
    let sink = Sink::start();
    let mut site = Site::new(sink.port);
    site.rules(&[("r.toml", RULES)]);
    site.env.push(("RUST_LOG".into(), "trace".into()));
    let mailbox = site.maildir("ca");
    site.account("ca", "general", "poll = \"1 s\"", &mailbox);
    site.deliver("ca", "1", &with_attachment("1", "A zebra was seen here, and more of them."));
    site.start();
    site.wait_stored(1);
    site.until("forward and alert are sent", || {
        let for_team = sink.for_("legal-reports@example.org").len();
        (for_team == 1 && !sink.for_("on-call@example.org").is_empty()).then_some(())
    });
    site.wait_sent();
    let case = site.column("SELECT reference FROM cases").concat();
    let file = site.path("mail.eml");
    fs::write(&file, with_attachment("1", "A zebra was seen here, and more of them.")).expect("written");
    let mut everything: Vec<(String, String)> =
        sink.taken().into_iter().map(|mail| (format!("mail to {}", mail.to), mail.mail)).collect();
    everything.push(("the log".into(), site.log_text()));
    for words in [
        vec!["case", "show", &case],
        vec!["case", "show", &case, "--json"],
        vec!["case", "list", "--json"],
        vec!["case", "text", &case],
        vec!["outbox", "list", "--json"],
        vec!["alert", "list", "--json"],
        vec!["explain", file.to_str().expect("UTF-8")],
        vec!["classify", "--json", file.to_str().expect("UTF-8")],
    ] {
        let output = site.triaged(&words);
        everything.push((words.join(" "), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()));
    }
    assert!(everything.len() >= 12, "acknowledgement, forward, alert, log and commands");
    let whole = encoded();
    let pieces: Vec<&str> = (0..whole.len() - 16).map(|at| &whole[at..at + 16]).collect();
    let plain = String::from_utf8_lossy(SECRET);
    for (place, text) in &everything {
        assert!(!text.is_empty() || place.starts_with("outbox"), "{place} says something");
        let glued: String = text.split_whitespace().collect();
        let leaked = pieces.iter().find(|piece| glued.contains(**piece));
        assert_eq!(leaked, None, "{place} holds a piece of the attachment");
        assert!(!text.contains(&plain[..16]) && !glued.contains(&plain[20..36].replace(' ', "")), "{place} holds its bytes");
    }
    let hash = site.column("SELECT json_extract(attachments, '$[0].sha256') FROM messages").concat();
    assert!(
        everything.iter().any(|(place, text)| place.contains("legal-reports") && text.contains(&hash)),
        "the manifest is there"
    );
}

/// How Python's email package sees a mail: its parts, depth first, as `type` or `multipart/x(...)`.
const PARTS: &str = r"
import sys, email, email.policy
def show(m):
    kind = m.get_content_type()
    if m.is_multipart() and not kind.startswith('message/'):
        return kind + '(' + ' '.join(show(part) for part in m.get_payload()) + ')'
    return kind
mail = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.default)
assert not any(part.defects for part in mail.walk()), [part.defects for part in mail.walk()]
print(show(mail))
";

fn by_python(mail: &[u8]) -> String {
    use std::io::Write;
    let mut python = Command::new("python3")
        .args(["-c", PARTS])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("python3 is needed: it reads our mails as another program does");
    python.stdin.take().expect("piped").write_all(mail).expect("python reads");
    let output = python.wait_with_output().expect("it ends");
    assert!(output.status.success(), "python finds faults in\n{}", String::from_utf8_lossy(mail));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// The same out of Dovecot's BODYSTRUCTURE (RFC 9051 7.5.2): `("text" "plain" ...)`, `((...)(...) "mixed" ...)`.
fn by_dovecot(structure: &str) -> String {
    let mut rest = structure.trim_start();
    part(&mut rest)
}

fn part(rest: &mut &str) -> String {
    *rest = rest.strip_prefix('(').unwrap_or_else(|| panic!("no part: {rest}"));
    let mut inner = Vec::new();
    while rest.starts_with('(') {
        inner.push(part(rest));
        *rest = rest.trim_start();
    }
    let word = |rest: &mut &str| {
        let quoted = rest.trim_start().strip_prefix('"').unwrap_or_else(|| panic!("no word: {rest}"));
        let (word, after) = quoted.split_once('"').expect("it is closed");
        *rest = after;
        word.to_lowercase()
    };
    let name = match inner.is_empty() {
        true => format!("{}/{}", word(rest), word(rest)),
        false => format!("multipart/{}({})", word(rest), inner.join(" ")),
    };
    close(rest);
    name
}

/// Goes behind the parenthesis that closes what is open.
fn close(rest: &mut &str) {
    let (mut depth, mut quoted, mut escaped) = (1, false, false);
    for (at, c) in rest.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            *rest = &rest[at + 1..];
            return;
        }
    }
    panic!("never closed: {rest}");
}

#[test]
fn every_kind_of_forward_is_the_same_to_dovecot_to_python_and_to_us() {
    const READER: &str = "reader@example.org";
    let dovecot = Dovecot::start(&[READER]);
    let sink = Sink::start();
    let mut site = Site::new(sink.port);
    site.rules(&[("r.toml", RULES)]);
    site.config.queues = site
        .config
        .queues
        .replace("route_to = [\"drt-team@example.org\"]", "route_to = [\"drt-team@example.org\"]\nforward = \"text\"");
    let mailbox = site.maildir("ca");
    site.account("ca", "general", "poll = \"1 s\"", &mailbox);
    for (id, words) in [("1", "Grüße, a horse."), ("2", "A giraffe, 長い首."), ("3", "A zebra.")] {
        site.deliver("ca", id, &with_attachment(id, words));
    }
    site.start();
    site.wait_stored(3);
    site.wait_sent();
    let wanted = [
        ("ca-team@example.org", "multipart/mixed(text/plain message/rfc822)"),
        ("drt-team@example.org", "text/plain"),
        ("legal-reports@example.org", "text/plain"),
    ];
    for (number, (team, kind)) in wanted.iter().enumerate() {
        let forward = sink.for_(team).pop().unwrap_or_else(|| panic!("{team} got its forward")).mail;
        dovecot.deliver(READER, forward.as_bytes());
        let theirs = imap_client::structures(&dovecot, READER, "INBOX", number + 1).pop().expect("Dovecot has it");
        assert_eq!((by_python(forward.as_bytes()).as_str(), by_dovecot(&theirs).as_str()), (*kind, *kind), "{theirs}");
        fs::write(site.path("forward.eml"), &forward).expect("written");
        let read = site.ask(&["classify", "--json", site.path("forward.eml").to_str().expect("UTF-8")]);
        let damage: &Value = &read[0]["damage"];
        assert_eq!(damage, &serde_json::json!([]), "and we find no fault in it");
    }
}
