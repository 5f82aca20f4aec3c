//! Tests of the whole way from bytes to report: one per behaviour, hostile sizes, and the real mails beside the repository.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::read;
use crate::clock::from_millis;
use crate::report::{Damage, Envelope, Extent, Report, ReturnPath};

mod hidden;

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

fn marks(report: &Report) -> &[Damage] {
    &report.damage
}

#[test]
fn what_only_the_html_says_is_body_too() {
    let body = odd("alternative-that-differs.eml").fields.body;
    assert_eq!(body, "Dear team,\nthank you for your\nquick answer last week.\n\nHe wrote that he has a gun.");
}

#[test]
fn two_versions_of_one_text_are_read_once() {
    let body = odd("alternative-that-agrees.eml").fields.body;
    assert_eq!(body, "Dear team,\nthank you for your\n*quick* answer.\n\nhttps://example.org/case");
}

#[test]
fn hidden_text_is_judged_but_not_shown_as_body() {
    let fields = odd("html-with-hidden-text.eml").fields;
    assert_eq!(fields.body, "Please read this page.\n\nfirst second\n\nhttps://example.org/page");
    assert_eq!(fields.attachment, "Newsletter\n\nwords nobody sees");
}

#[test]
fn a_mail_in_the_mail_is_forwarded_text_and_its_files_are_listed() {
    let report = odd("forwarded-as-attachment.eml");
    assert_eq!(report.fields.body, "Please look at the mail attached.");
    assert_eq!(report.fields.forwarded, "You – beware\n\nI know where you live.");
    assert_eq!(report.fields.filename, "threat.eml\nhouse.png");
    let types: Vec<&str> = report.attachments.iter().map(|line| line.media_type.as_str()).collect();
    assert_eq!(types, ["message/rfc822", "image/png"]);
    assert_eq!(report.attachments[1].size, 8);
    assert_eq!(report.attachments[1].sha256, "4c4b6a3be1314ab86138bef4314dde022e600960d8689a2c8f8631802d20dab6");
}

#[test]
fn a_mail_in_base64_or_in_a_file_is_forwarded_text() {
    let forwarded = odd("forwarded-in-base64.eml").fields.forwarded;
    assert_eq!(forwarded, "hidden in base64\n\nI will find you.\n\nsaved as a file\n\nI will find you.");
}

#[test]
fn texts_of_attachments_are_judged() {
    let report = odd("text-attachments.eml");
    assert_eq!(report.fields.body, "The files are attached.\n\nA second text below the files.");
    for words in [
        "vandalism in the table",
        "meeting at the station",
        "words of the page",
        "and hidden ones",
        "words of the notes",
        "words of the data",
    ] {
        assert!(report.fields.attachment.contains(words), "{words}");
    }
    assert_eq!(report.attachments.len(), 5);
}

#[test]
fn a_file_name_never_leads_anywhere() {
    let report = odd("file-name-with-path.eml");
    let names: Vec<_> = report.attachments.iter().map(|line| line.name.as_deref().unwrap_or_default()).collect();
    assert_eq!(names, ["evil", "photognp.exe.png"]);
    assert_eq!(report.attachments[1].media_type, "image/png");
    assert!(report.fields.filename.contains("../../etc/cron.d/evil"), "rules see the whole name");
}

#[test]
fn winmail_dat_is_an_attachment() {
    assert_eq!(odd("winmail-dat.eml").attachments[0].media_type, "application/ms-tnef");
}

#[test]
fn encrypted_mail_says_so() {
    for name in ["encrypted-pgp-mime.eml", "encrypted-smime.eml", "encrypted-inline.eml"] {
        assert!(marks(&odd(name)).contains(&Damage::Encrypted), "{name}");
    }
    assert!(!marks(&odd("signed.eml")).contains(&Damage::Encrypted));
}

#[test]
fn signed_mail_is_read_like_any_other() {
    assert_eq!(odd("signed.eml").fields.body, "What I signed.");
    let opaque = odd("signed-opaque-smime.eml");
    assert!(opaque.fields.body.starts_with("Signed and readable."), "{:?}", opaque.fields.body);
    assert!(!marks(&opaque).contains(&Damage::Encrypted));
}

#[test]
fn a_delivery_report_shows_what_a_person_would_read() {
    let report = odd("delivery-report.eml");
    assert_eq!(report.fields.body, "Your mail could not be delivered.");
    assert!(report.fields.attachment.contains("Action: failed") && report.fields.attachment.contains("the first mail"));
    assert_eq!(report.return_path, ReturnPath::Null);
}

#[test]
fn every_mail_of_a_digest_is_forwarded_text() {
    let forwarded = odd("digest.eml").fields.forwarded;
    assert_eq!(forwarded, "first\n\ntext of the first\n\nsecond\n\ntext of the second");
}

#[test]
fn raw_eight_bit_headers_are_read() {
    let utf8 = odd("raw-utf8-header.eml");
    assert_eq!((utf8.fields.subject.as_str(), marks(&utf8)), ("Hilfe für Zoë", [].as_slice()));
    let latin = odd("raw-latin1-header.eml");
    assert_eq!((latin.fields.subject.as_str(), marks(&latin)), ("Hilfe für mich", [Damage::BadCharset].as_slice()));
    assert_eq!(odd("raw-latin1-in-encoded-word.eml").fields.subject, "Hilfe für mich");
}

#[test]
fn a_wrong_or_missing_charset_is_marked_and_read_a_second_way() {
    let wanted = [
        ("undeclared-koi8-body.eml", "Привет, помогите мне пожалуйста, он угрожает"),
        ("unknown-charset.eml", "Hilfe für Zoë"),
        ("utf8-called-latin1.eml", "Hilfe für Zoë"),
    ];
    for (name, body) in wanted {
        let report = odd(name);
        assert_eq!((report.fields.body.as_str(), marks(&report)), (body, [Damage::BadCharset].as_slice()), "{name}");
    }
}

#[test]
fn a_letter_split_over_two_encoded_words_is_put_together() {
    let report = odd("utf8-letter-split-over-two-words.eml");
    assert_eq!((report.fields.subject.as_str(), marks(&report)), ("für mich€", [].as_slice()));
}

#[test]
fn no_line_break_comes_out_of_a_subject() {
    assert_eq!(odd("line-break-smuggled-in-subject.eml").fields.subject, "Evil  Bcc: x y");
}

#[test]
fn every_from_header_counts() {
    let report = odd("several-from.eml");
    let from: Vec<&str> = report.from.iter().map(|entry| entry.address.as_str()).collect();
    assert_eq!(from, ["bea@example.org", "cem@example.org", "ada@example.org"]);
    assert_eq!(marks(&report), [Damage::SeveralFrom]);
}

#[test]
fn a_mail_without_sender_is_read() {
    let report = odd("no-from.eml");
    assert_eq!(report.fields.body, "A report without a sender.");
    assert_eq!(marks(&report), [Damage::NoFrom, Damage::NoMessageId]);
}

#[test]
fn addresses_ids_and_trace_are_read_from_every_header() {
    let report = odd("trace-headers.eml");
    assert_eq!(report.return_path, ReturnPath::Address("bounce@example.org".into()));
    // Some servers note a name beside the address.
    assert_eq!(report.delivered_to, ["emergency@example.net", "ts@example.net", "drt@example.net"]);
    let of = |list: &[crate::report::Address]| list.iter().map(|entry| entry.address.clone()).collect::<Vec<_>>();
    assert_eq!(of(&report.reply_to), ["ada@example.org", "bea@example.org"]);
    assert_eq!(report.reply_to[1].name.as_deref(), Some("Bea, B."));
    assert_eq!(of(&report.cc), ["cem@example.org", "dan@example.org"]);
    assert_eq!(report.references, ["1@example.org", "2@example.org", "3@example.org", "4@example.org"]);
    assert_eq!(report.message_id.as_deref(), Some("odd 1@example.org"));
    assert_eq!(report.date.map(|date| date.to_string()).as_deref(), Some("2026-11-20T09:00:00Z"));
    assert_eq!(report.fields.subject, "Folded subject");
    assert_eq!(report.headers[2], ("Delivered-To".into(), "Emergency@Example.NET".into()));
    assert_eq!(report.headers.len(), 15);
}

#[test]
fn a_uuencoded_file_is_no_text() {
    let report = odd("uuencoded-file.eml");
    assert_eq!(report.fields.body, "Look at this:\n\n\nThank you.");
    assert_eq!((report.attachments[0].name.as_deref(), report.attachments[0].size), (Some("cat.txt"), 3));
}

#[test]
fn any_line_ends_will_do() {
    for name in ["carriage-returns-only.eml", "newlines-only.eml"] {
        let report = odd(name);
        assert_eq!((report.fields.body.as_str(), marks(&report)), ("first line\nsecond line", [].as_slice()), "{name}");
    }
}

#[test]
fn text_among_the_headers_is_body() {
    let report = odd("no-blank-line.eml");
    assert_eq!(report.fields.body, "He is armed and on his way to the school\nNote: he said tonight\nPlease hurry");
    assert_eq!(report.from[0].address, "ada@example.org");
    assert_eq!(odd("no-header-at-all.eml").fields.body, "Warning: he is armed\n\nHe is on his way.");
}

#[test]
fn what_stands_before_the_header_does_no_harm() {
    for name in ["mbox-line-first.eml", "blank-lines-first.eml"] {
        let report = odd(name);
        assert_eq!((report.fields.body.as_str(), report.message_id.as_deref()), ("text", Some("odd-1@example.org")), "{name}");
        assert_eq!(marks(&report), [], "{name}");
    }
}

#[test]
fn nul_bytes_hide_no_words() {
    let report = odd("nul-bytes.eml");
    assert_eq!((report.fields.body.as_str(), marks(&report)), ("kill me", [Damage::NulBytes].as_slice()));
}

#[test]
fn a_mail_without_text_says_so() {
    for name in ["header-only.eml", "attachments-only.eml"] {
        assert_eq!(marks(&odd(name)), [Damage::NoText], "{name}");
    }
    assert_eq!(marks(&report("")), [Damage::Empty, Damage::NoFrom, Damage::NoMessageId, Damage::NoText]);
}

#[test]
fn a_broken_multipart_is_read_piece_by_piece() {
    for name in ["boundary-never-met.eml", "two-content-types.eml"] {
        let report = odd(name);
        assert_eq!((report.fields.body.as_str(), marks(&report)), ("He is armed.", [Damage::BadStructure].as_slice()), "{name}");
    }
    assert_eq!(odd("boundary-never-met.eml").attachments[0].media_type, "image/png");
}

#[test]
fn text_outside_of_every_part_is_better_than_none() {
    let report = odd("text-outside-of-every-part.eml");
    assert_eq!((report.fields.body.as_str(), marks(&report)), ("He is armed.", [Damage::BadStructure].as_slice()));
}

#[test]
fn an_unclosed_multipart_keeps_its_last_part() {
    let report = odd("boundary-not-closed.eml");
    assert_eq!((report.fields.body.as_str(), marks(&report)), ("Er ist bewaffnet – heute.", [Damage::BadStructure].as_slice()));
}

#[test]
fn a_list_footer_does_not_spoil_base64() {
    let report = odd("base64-with-list-footer.eml");
    assert!(report.fields.body.starts_with("Er ist bewaffnet – heute.") && report.fields.body.contains("mailing list"));
    assert!(marks(&report).contains(&Damage::BadEncoding));
}

#[test]
fn text_under_a_type_nobody_knows_is_judged() {
    assert_eq!(odd("type-nobody-knows.eml").fields.attachment, "He is armed.");
}

#[test]
fn when_only_a_quote_remains_it_is_the_body() {
    let fields = odd("only-a-quote.eml").fields;
    assert!(fields.body.contains("He is armed.") && fields.quoted.is_empty());
}

#[test]
fn head_and_tail_of_a_mail_fetched_in_part_are_judged() {
    let image = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9aw==\r\n";
    let mut raw = b"From: a@example.org\r\nSubject: big\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nfirst words\r\n--b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n".to_vec();
    raw.extend(image.repeat(50).as_bytes());
    let head = raw.len() as u64 - 31;
    raw.extend(&image.as_bytes()[31..]);
    raw.extend(image.repeat(20).as_bytes());
    raw.extend(b"--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nTGV0enRlIFdvcnRlIGbDvHIgZXVjaA==\r\n--b--\r\n");
    let report = part(raw.clone(), head);
    assert_eq!(report.fields.body, "first words\n\nLetzte Worte für euch");
    assert!(marks(&report).contains(&Damage::FetchedInPart));
    assert_eq!(report.size, 90_000_000);
    // Wherever the cuts fall, nothing breaks.
    for cut in (0..raw.len()).step_by(97) {
        part(raw[cut / 2..].to_vec(), (cut / 3) as u64);
    }
}

#[test]
fn an_unfetched_mail_is_a_report_all_the_same() {
    let envelope = Envelope { extent: Extent::Unfetched, ..whole() };
    let report = on_large_stack(move || read(b"Subject: emergency\r\n", &envelope));
    assert_eq!(report.fields.subject, "emergency");
    assert!(marks(&report).contains(&Damage::Unfetched) && !marks(&report).contains(&Damage::Empty));
}

#[test]
fn a_long_text_is_judged_on_head_and_tail() {
    let report = report(format!("Subject: x\n\nHEADWORD {} TAILWORD\n", "filler words ".repeat(100_000)));
    assert!(report.fields.body.contains("HEADWORD") && report.fields.body.contains("TAILWORD"));
    assert!(marks(&report).contains(&Damage::TextCut));
}

#[test]
fn very_many_headers_do_not_hide_the_sender() {
    let report = report(format!("{}From: ada@example.org\n\ntext\n", "X-Filler: 1\n".repeat(50_000)));
    assert_eq!((report.from[0].address.as_str(), report.headers.len()), ("ada@example.org", 1000));
}

/// Reads a mail and tells the time; when it took longer than `limit`, again, because another build may have had the processor.
fn timed(raw: Vec<u8>, limit: Duration) -> (Report, Duration) {
    let attempt = || {
        let start = Instant::now();
        (report(raw.clone()), start.elapsed())
    };
    (0..4).map(|_| attempt()).find(|(_, took)| *took < limit).unwrap_or_else(attempt)
}

/// Reads a hostile mail and says how long it took; three seconds in a debug build are a hang.
fn survives(what: &str, raw: Vec<u8>) -> Report {
    let (size, limit) = (raw.len(), Duration::from_secs(3));
    let (report, took) = timed(raw, limit);
    say(&format!("{what}: {size} bytes in {took:?}"));
    assert!(took < limit, "{what} took {took:?}");
    report
}

#[test]
fn mails_in_mails_in_mails_do_not_end_the_process() {
    let nested = "Content-Type: message/rfc822\r\n\r\n".repeat(60_000) + "Subject: deepest\r\n\r\nhe is armed\r\n";
    let report = survives("60,000 nested mails", nested.clone().into_bytes());
    assert!(marks(&report).contains(&Damage::TooDeep) && report.fields.body.contains("he is armed"));
    let digests: String =
        (0..30_000).map(|n| format!("Content-Type: multipart/digest; boundary=b{n}\r\n\r\n--b{n}\r\n\r\n")).collect();
    assert!(marks(&survives("30,000 nested digests", digests.into_bytes())).contains(&Damage::TooDeep));
    // Base64 hides the nesting from the count; the stack is large enough for it.
    let wrapped =
        format!("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n{}", encode(nested.as_bytes()));
    survives("60,000 nested mails in base64", wrapped.into_bytes());
    let hundred = "Content-Type: message/rfc822\r\n\r\n".repeat(150) + "Subject: deepest\r\n\r\nhe is armed\r\n";
    let report = survives("150 nested mails", hundred.into_bytes());
    assert!(marks(&report).contains(&Damage::TooDeep) && report.fields.forwarded.contains("he is armed"));
}

#[test]
fn multiparts_in_multiparts_are_read_to_the_bottom() {
    let nested: String = (0..20_000).map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n")).collect();
    let report = survives("20,000 nested multiparts", (nested + "\r\nhe is armed\r\n").into_bytes());
    assert!(report.fields.body.contains("he is armed") && marks(&report).contains(&Damage::TooDeep));
}

#[test]
fn very_many_parts_are_read() {
    let raw = format!(
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n{}--b\r\n\r\nhe is armed\r\n--b--",
        "--b\r\n\r\nx\r\n".repeat(400_000)
    );
    let report = survives("400,000 parts", raw.into_bytes());
    assert!(report.fields.body.contains("he is armed"));
}

#[test]
fn hostile_headers_and_texts_take_no_longer_than_their_length() {
    survives("encoded words without end", format!("Subject: {}\n\nx", "=?ab?q?x ".repeat(120_000)).into_bytes());
    survives("encoded words badly begun", format!("Subject: {}?=\n\nx", "=?a b?q?x ".repeat(120_000)).into_bytes());
    survives("addresses", format!("From: {}\n\nx", "a@example.org, ".repeat(100_000)).into_bytes());
    survives("open brackets", format!("References: {}\nTo: {}\n\nx", "<".repeat(500_000), "(".repeat(500_000)).into_bytes());
    survives("begin lines", format!("Subject: x\n\n{}", "begin 644 a\n".repeat(50_000)).into_bytes());
    survives(
        "boundary lines",
        format!("Content-Type: multipart/mixed; boundary=none\n\n{}", "--b\nContent-Type: multipart/mixed\n\n".repeat(20_000))
            .into_bytes(),
    );
    survives(
        "multipart headers in multipart bodies",
        format!("Content-Type: multipart/mixed\n\n{}", "Content-Type: multipart/mixed\n\n".repeat(20_000)).into_bytes(),
    );
    survives("nested divs", format!("Content-Type: text/html\n\n{}he is armed", "<div>".repeat(100_000)).into_bytes());
    survives("nested quotes", format!("Content-Type: text/html\n\n{}he is armed", "<blockquote>x".repeat(50_000)).into_bytes());
}

/// Base64 in lines, as a mailer writes it.
fn encode(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for (n, group) in bytes.chunks(3).enumerate() {
        let bits = group.iter().fold(0_u32, |bits, b| bits << 8 | u32::from(*b)) << (8 * (3 - group.len()));
        let letters = (0..4).map(|at| char::from(LETTERS[(bits >> (18 - 6 * at)) as usize & 63]));
        out.extend(letters.take(group.len() + 1));
        out.extend(std::iter::repeat_n('=', 3 - group.len()));
        if n % 19 == 18 {
            out.push_str("\r\n");
        }
    }
    out
}

/// All own fixtures, as seeds for mutation.
fn seeds() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/odd");
    let files = std::fs::read_dir(folder).expect("fixtures/odd").filter_map(|entry| Some(entry.ok()?.path()));
    let mut files: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|end| end == "eml")).collect();
    files.sort();
    files.iter().map(|path| std::fs::read(path).expect("a fixture")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_bytes_make_a_clean_report(raw in proptest::collection::vec(any::<u8>(), 0..2000)) {
        report(raw);
    }

    #[test]
    fn any_mail_damaged_anywhere_makes_a_clean_report(
        which in any::<prop::sample::Index>(),
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..4), 1..12),
        cut in any::<prop::sample::Index>(),
    ) {
        let seeds = seeds();
        let mut raw = which.get(&seeds).clone();
        for (at, byte, kind) in edits {
            let at = at.index(raw.len());
            match kind {
                0 => raw[at] = byte,
                1 => raw.insert(at, byte),
                2 => drop(raw.drain(at..(at + usize::from(byte)).min(raw.len() - 1).max(at))),
                _ => raw.extend_from_within(at..(at + usize::from(byte)).min(raw.len())),
            }
        }
        let head = cut.index(raw.len()) as u64;
        report(raw.clone());
        part(raw, head);
    }
}

#[test]
fn every_real_mail_is_read_in_under_a_second() {
    let (mut count, mut slowest) = (0, (Duration::ZERO, PathBuf::new()));
    for folder in ["odd-mail", "never-ack", "ordinary-mail", "reply/email_reply_trimmer/emails", "reply"] {
        for path in real(folder).unwrap_or_default() {
            let raw = std::fs::read(&path).expect("a readable file");
            let (_, took) = timed(raw, Duration::from_secs(1));
            assert!(took < Duration::from_secs(1), "{} took {took:?}", path.display());
            count += 1;
            if took > slowest.0 {
                slowest = (took, path);
            }
        }
    }
    say(&format!("{count} real mails read, slowest {:?} ({})", slowest.0, slowest.1.display()));
}

#[test]
fn what_stands_in_for_a_mail_we_failed_on_keeps_its_words_and_names_nobody() {
    let envelope = Envelope { received: crate::clock::from_millis(5), junk: true, extent: Extent::Whole };
    let report = super::unreadable(b"From: a@example.net\r\n\r\nI will hurt them\0 tonight\xff", &envelope);
    assert!(report.fields.body.contains("I will hurt them") && !report.fields.body.contains(['\0', '\r']));
    assert!(report.from.is_empty() && report.junk && report.damage.contains(&Damage::Unparsed));
}
