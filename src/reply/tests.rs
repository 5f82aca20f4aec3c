//! What we write, as others read it: goldens for people, Python's `email` package for machines, and hostile text in
//! every field.

use std::io::Write;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use serde_json::Value;

use super::acknowledgement::{self, Acknowledgement};

use super::forward::{self, Forward};
use super::guard::Answer;
use crate::case::Reference;
use crate::clock::{Timestamp, from_millis};
use crate::config::{self, Identity, Queue};
use crate::outbox::Parcel;
use crate::report::{Address, Attachment, Automated, Damage, Fields, Report, ReturnPath};
use crate::rules::{Fired, Sum, Trace, Verdict};

const ID: &str = "TS-04HMASW9.forward.7.0123456789ABCDEF@triaged.example.org";

pub(super) fn now() -> Timestamp {
    from_millis(1_790_000_000_000)
}

pub(super) fn identity() -> Identity {
    Identity {
        general_contact: "ca@example.org".into(),
        name: "Trust & Safety".into(),
        domain: "triaged.example.org".into(),
        authserv_ids: vec!["mx.example.org".into()],
        plus_address: false,
        own_addresses: Vec::new(),
        trusted_relays: Vec::new(),
    }
}

fn queue(name: &str, forward: config::Forward, sealed: bool, ladder: Option<&str>) -> Queue {
    let route_to = vec![format!("{name}@team.example.org")];
    let ladder = ladder.map(str::to_owned);
    Queue { name: name.into(), threshold: 100, route_to, forward, sealed, first_lines: 0, alert_lines: 0, ladder }
}

fn queues() -> Vec<Queue> {
    vec![
        queue("threat-of-harm", config::Forward::Original, false, Some("night")),
        queue("child-protection", config::Forward::Manifest, true, None),
        queue("disinformation", config::Forward::Text, false, None),
        queue("general", config::Forward::Original, false, None),
    ]
}

fn address(name: &str, address: &str) -> Address {
    Address { name: (!name.is_empty()).then(|| name.to_owned()), address: address.into() }
}

fn report() -> Report {
    Report {
        message_id: Some("CAF+1234@mail.example.net".into()),
        references: Vec::new(),
        date: None,
        from: vec![address("Ann Example", "ann@example.net")],
        reply_to: Vec::new(),
        to: vec![address("", "emergency@example.org"), address("CA", "ca@example.org")],
        cc: Vec::new(),
        return_path: ReturnPath::Address("ann@example.net".into()),
        delivered_to: Vec::new(),
        headers: vec![
            ("Authentication-Results".into(), "evil.example.net; dmarc=pass header.from=bank.example.net".into()),
            ("Authentication-Results".into(), "MX.example.org; dmarc=pass header.from=example.net; spf=pass".into()),
        ],
        fields: Fields {
            subject: "Please look at this – it is urgent, and it concerns a user who writes to me every night".into(),
            body: "He says he will come to my house.\n\nWhat can I do?\n".into(),
            forwarded: "I know where you live.\n".into(),
            quoted: "older words\n".into(),
            attachment: "text of the attached log\n".into(),
            filename: "screen/shot.png\n".into(),
        },
        attachments: vec![
            Attachment {
                name: Some("../screen shot.png".into()),
                media_type: "image/png".into(),
                size: 48_213,
                sha256: "ab".repeat(32),
            },
            Attachment { name: None, media_type: "text/plain".into(), size: 24, sha256: "cd".repeat(32) },
        ],
        language: Some("en".into()),
        automated: None,
        damage: vec![Damage::BadCharset],
        junk: false,
        received: from_millis(1_789_999_000_000),
        size: 60_000,
    }
}

fn verdict(queue: &str) -> Verdict {
    let fired = |id: &str, why: &str, queue: Option<&str>, points: i64| Fired {
        id: id.into(),
        why: why.into(),
        queue: queue.map(str::to_owned),
        points,
        shadow: false,
        weighed: false,
        hits: Vec::new(),
    };
    Verdict {
        queue: queue.into(),
        passed: vec![queue.into(), "general".into()],
        topics: vec!["harassment".into()],
        flags: Vec::new(),
        answer: None,
        trace: Trace {
            rules_hash: "0".into(),
            fired: vec![
                fired("general.harassment", "Somebody is harassed again and again.", Some("general"), 100),
                fired(
                    "threat.at-home",
                    "Somebody announces to come to where the reporter lives, which is a threat of physical harm.",
                    Some(queue),
                    120,
                ),
                fired("topic.harassment", "The words are those of harassment.", None, 0),
                // Does not tell why it is in this queue: left out.
                fired("signs-against", "Signs that it is about something else.", Some("another"), -40),
            ],
            vetoed: Vec::new(),
            sums: vec![Sum { queue: queue.into(), points: 120, threshold: 100 }],
            default: "general".into(),
            floor: "general".into(),
            because: vec![format!("{queue} has 120 points of 100 and is the most urgent that passed")],
            unasked: 0,
        },
    }
}

/// Everything a forward borrows.
struct Given {
    identity: Identity,
    queues: Vec<Queue>,
    reference: Reference,
    report: Report,
    verdict: Verdict,
    answer: Answer,
    raw: Vec<u8>,
    follow_up: bool,
}

impl Given {
    fn to(queue: &str) -> Self {
        let raw = b"From: ann@example.net\r\nSubject: look\r\n\r\nHe says he will come.\r\n".to_vec();
        let answer = Answer::Send { to: "ann@example.net".into() };
        let reference = Reference::from_bits([1, 35, 69, 103, 137]);
        let (report, verdict) = (report(), verdict(queue));
        Given { identity: identity(), queues: queues(), reference, report, verdict, answer, raw, follow_up: false }
    }

    fn build(&self) -> Parcel {
        let queue = self.queues.iter().find(|queue| queue.name == self.verdict.queue).unwrap();
        forward::build(&Forward {
            identity: &self.identity,
            from: "triaged@example.org",
            to: &queue.route_to[0],
            queue,
            queues: &self.queues,
            sealed_case: false,
            reference: &self.reference,
            message_id: ID,
            account: "emergency",
            report: &self.report,
            verdict: &self.verdict,
            answer: &self.answer,
            follow_up: self.follow_up,
            related: &[Reference::from_bits([9; 5])],
            moved: None,
            bounced: Some(now()),
            raw: &self.raw,
            now: now(),
        })
    }
}

fn acknowledgement(to: &str, in_reply_to: Option<&str>, text: &str) -> Parcel {
    acknowledgement::build(&Acknowledgement {
        reply_to: None,
        name: "Trust & Safety",
        from: "emergency@example.org",
        to,
        subject: "We have your report (TS-04HMASW9)",
        text,
        language: Some("en"),
        message_id: "TS-04HMASW9.acknowledgement.1.0123456789ABCDEF@triaged.example.org",
        in_reply_to,
        domain: "triaged.example.org",
        now: now(),
    })
}

pub(super) fn text(parcel: &Parcel) -> String {
    String::from_utf8_lossy(&parcel.raw).replace("\r\n", "\n")
}

/// What Python's `email` package makes of a mail: headers, parts, defects.
fn python(raw: &[u8]) -> Value {
    const READ: &str = r#"
import sys, json, email, email.policy, email.header
raw = sys.stdin.buffer.read()
m = email.message_from_bytes(raw, policy=email.policy.default)
# The newer parser keeps blanks between encoded words of a folded name, against RFC 2047 6.2; the older is right.
sender = email.header.make_header(email.header.decode_header(email.message_from_bytes(raw)["From"]))
def part(p):
    kind = p.get_content_type()
    out = {"type": kind, "name": p.get_filename(), "cte": str(p.get("Content-Transfer-Encoding", "")), "defects": [type(d).__name__ for d in p.defects]}
    if kind == "message/rfc822":
        out["inner"] = part(p.get_payload(0)); out["inner"]["subject"] = str(p.get_payload(0)["Subject"])
    elif p.is_multipart():
        out["parts"] = [part(q) for q in p.iter_parts()]
    else:
        out["hex"] = (p.get_payload(decode=True) or b"").hex()
    return out
json.dump({"from": str(sender), "headers": [[k, str(v)] for k, v in m.items()], "body": part(m)}, sys.stdout)
"#;
    let run = Command::new("python3").args(["-c", READ]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut run = run.expect("python3 is needed for this test: it reads our mails as another program does");
    run.stdin.take().unwrap().write_all(raw).unwrap();
    let output = run.wait_with_output().unwrap();
    assert!(output.status.success(), "python could not read:\n{}", String::from_utf8_lossy(raw));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[test]
fn golden_acknowledgement() {
    let parcel = acknowledgement("ann@example.net", Some("CAF+1234@mail.example.net"), "We have your report.\n\nÄrger?\n");
    assert_eq!((parcel.mail_from.as_deref(), parcel.rcpt_to.as_str()), (None, "ann@example.net"));
    insta::assert_snapshot!(text(&parcel));
}

#[test]
fn golden_forward_of_the_original() {
    insta::assert_snapshot!(text(&Given::to("threat-of-harm").build()));
}

#[test]
fn golden_forward_of_the_text() {
    let mut given = Given::to("disinformation");
    given.follow_up = true;
    given.answer = Answer::Withhold { reason: "list".into(), why: "it came over a mailing list".into() };
    given.report.automated = Some(Automated { reason: "list".into(), why: "it has a List-Id header".into() });
    given.verdict.flags = vec!["spam".into()];
    given.report.damage.clear();
    insta::assert_snapshot!(text(&given.build()));
}

#[test]
fn a_sealed_forward_holds_the_first_lines_only_where_the_operator_lets_them_and_no_more_of_them() {
    let mut given = Given::to("child-protection");
    given.report.fields.body = "first line\n\nsecond line\nthird line".into();
    given.report.fields.attachment = "text of an attachment".into();
    let none = text(&given.build());
    assert!(!none.contains("first line") && !none.contains("The report begins"), "{none}");
    given.queues[1].first_lines = 2;
    let two = text(&given.build());
    assert!(two.contains("The report begins:\n| first line\n| second line\n"), "{two}");
    assert!(!two.contains("third line") && !two.contains("of an attachment"), "{two}");
}

#[test]
fn golden_forward_of_a_sealed_queue() {
    insta::assert_snapshot!(text(&Given::to("child-protection").build()));
}

#[test]
fn a_seal_holds_whatever_forward_says() {
    for forward in [config::Forward::Original, config::Forward::Text, config::Forward::Manifest] {
        let mut given = Given::to("child-protection");
        given.queues[1].forward = forward;
        let parcel = given.build();
        for secret in [&b"He says he will come"[..], b"text of the attached log", b"I know where you live", b"older words"] {
            assert!(!contains(&parcel.raw, secret), "{forward:?}");
        }
        assert!(!text(&parcel).contains("message/rfc822"));
        assert!(text(&parcel).contains("SHA-256 abab"), "the manifest is there");
    }
}

#[test]
fn a_sealed_queue_that_passed_beside_another_keeps_the_attachments_back() {
    let mut given = Given::to("threat-of-harm");
    given.verdict.passed.push("child-protection".into());
    let parcel = given.build();
    assert!(!text(&parcel).contains("message/rfc822"));
    assert!(!contains(&parcel.raw, b"text of the attached log"));
    assert!(!contains(&parcel.raw, b"He says he will come"), "what is attached may be text, and stand among the report's own");
    assert!(text(&parcel).contains("triaged case text "), "the team is told how to read it at once");
    // With nothing attached there is nothing to seal: the team reads the threat.
    given.report.attachments.clear();
    assert!(text(&given.build()).contains("| He says he will come to my house."));
}

#[test]
fn every_line_of_ours_fits_78_columns() {
    for queue in ["threat-of-harm", "child-protection", "disinformation"] {
        let mail = python(&Given::to(queue).build().raw);
        let part = if mail["body"]["parts"].is_null() { &mail["body"] } else { &mail["body"]["parts"][0] };
        let bytes: Vec<u8> = (0..part["hex"].as_str().unwrap().len())
            .step_by(2)
            .map(|i| u8::from_str_radix(&part["hex"].as_str().unwrap()[i..i + 2], 16).unwrap())
            .collect();
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.contains("SHA-256"));
        for line in text.lines() {
            assert!(line.trim_end_matches('\r').chars().count() <= 78, "{queue}: {line}");
        }
    }
}

#[test]
fn python_reads_the_original_byte_for_byte() {
    let long_line = [b"Subject: x\r\n\r\n".to_vec(), vec![b'a'; 999], b"\r\n".to_vec()].concat();
    let longest = [b"Subject: x\r\n\r\n".to_vec(), vec![b'a'; 998], b"\r\n".to_vec()].concat();
    let table: [(&str, Vec<u8>, &str, &str); 9] = [
        ("plain", b"Subject: look\r\n\r\nhello\r\n".to_vec(), "message/rfc822", "7bit"),
        ("line ends of a Maildir", b"Subject: look\n\nhello\n".to_vec(), "message/rfc822", "7bit"),
        ("no last line end", b"Subject: look\r\n\r\nhello".to_vec(), "message/rfc822", "7bit"),
        ("eight bit", b"Subject: look\r\n\r\ngr\xfc\xdfe\r\n".to_vec(), "message/rfc822", "8bit"),
        ("998 in a line", longest, "message/rfc822", "7bit"),
        ("999 in a line", long_line, "application/octet-stream", "base64"),
        ("NUL", b"Subject: look\r\n\r\na\0b\r\n".to_vec(), "application/octet-stream", "base64"),
        ("mixed line ends", b"Subject: look\r\n\r\na\nb\r\n.\nMAIL FROM:<x>\r\n".to_vec(), "application/octet-stream", "base64"),
        ("bare CR", b"Subject: look\r\n\r\na\rb\r\n".to_vec(), "application/octet-stream", "base64"),
    ];
    for (name, raw, media_type, encoding) in table {
        let mut given = Given::to("general");
        given.raw = raw.clone();
        let parcel = given.build();
        assert_smtp_safe(&parcel.raw);
        let mail = python(&parcel.raw);
        let parts = mail["body"]["parts"].as_array().unwrap();
        assert_eq!(parts.len(), 2, "{name}: {mail}");
        assert_eq!((parts[0]["type"].as_str(), parts[1]["type"].as_str()), (Some("text/plain"), Some(media_type)), "{name}");
        assert_eq!(parts[1]["cte"], encoding, "{name}");
        assert_eq!(parts[1]["name"], "original.eml", "{name}");
        assert_eq!(
            parts[0]["defects"].as_array().unwrap().len() + parts[1]["defects"].as_array().unwrap().len(),
            0,
            "{name}: {mail}"
        );
        if media_type == "message/rfc822" {
            let canonical =
                if raw.contains(&b'\r') { raw } else { String::from_utf8(raw).unwrap().replace('\n', "\r\n").into_bytes() };
            assert!(contains(&parcel.raw, &[b"\r\n\r\n", &canonical[..], b"\r\n--=_"].concat()), "{name}");
        } else {
            assert_eq!(parts[1]["hex"], hex(&raw), "{name}");
        }
    }
}

#[test]
fn a_mail_too_large_for_most_servers_goes_as_text_and_manifest() {
    let mut given = Given::to("threat-of-harm");
    given.raw = [b"Subject: x\r\n\r\n".to_vec(), b"0123456789\r\n".repeat(600_000)].concat();
    let parcel = given.build();
    assert!(parcel.raw.len() < 100_000);
    let text = text(&parcel);
    assert!(text.contains("| He says he will come to my house.") && text.contains("The mail stays in the store"), "{text}");
}

#[test]
fn a_mail_fetched_in_part_is_a_file_and_no_message() {
    let mut given = Given::to("general");
    given.report.damage = vec![Damage::FetchedInPart];
    assert_eq!(python(&given.build().raw)["body"]["parts"][1]["type"], "application/octet-stream");
}

#[test]
fn an_original_cannot_close_the_envelope_it_lies_in() {
    let mut given = Given::to("general");
    let first = given.build();
    let boundary = text(&first).split("boundary=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    given.raw =
        format!("Subject: x\r\n\r\n--{boundary}\r\nContent-Type: text/plain\r\n\r\nforged\r\n--{boundary}--\r\n").into_bytes();
    let mail = python(&given.build().raw);
    assert_eq!(mail["body"]["parts"].as_array().unwrap().len(), 2, "{mail}");
    assert_eq!(mail["body"]["parts"][1]["type"], "message/rfc822");
}

#[test]
fn the_senders_text_never_stands_in_a_forwards_header() {
    let mut given = Given::to("threat-of-harm");
    given.report.fields.subject = "ZEBRA\r\nBcc: zebra@example.net".into();
    given.report.from = vec![address("ZEBRA\r\nBcc: x@example.net", "zebra@example.net>\r\nBcc: <y@example.net")];
    given.report.message_id = Some("zebra@example.net".into());
    let parcel = given.build();
    let header = text(&parcel).split("\n\n").next().unwrap().to_lowercase();
    assert!(!header.contains("zebra") && !header.contains("bcc"), "{header}");
}

#[test]
fn only_an_id_that_a_mail_program_would_make_is_referred_to() {
    for good in ["CAF+=x_1-2%3$4@mail.example.net", "1@a"] {
        assert!(
            text(&acknowledgement("a@example.net", Some(good), "x"))
                .contains(&format!("In-Reply-To: <{good}>\nReferences: <{good}>\n"))
        );
    }
    let long = format!("1{}@example.net", "a".repeat(200));
    for bad in
        ["", "no-at", "a@b", "1@", "@1", "1 2@example.net", "1@a@b", "http://1@x", "1>\r\nBcc: x@y", "ü1@x", "1..2@x", &long]
    {
        let mail = text(&acknowledgement("a@example.net", Some(bad), "x"));
        assert!(!mail.contains("In-Reply-To") && !mail.contains("References"), "{bad}");
    }
}

/// Nothing in a mail that SMTP or a header parser could take for something else.
fn assert_smtp_safe(raw: &[u8]) {
    let mut before = 0;
    for (i, byte) in raw.iter().enumerate() {
        assert!(*byte != b'\n' || before == b'\r', "bare LF at {i}");
        assert!(before != b'\r' || *byte == b'\n', "bare CR at {i}");
        assert_ne!(*byte, 0, "NUL at {i}");
        before = *byte;
    }
    assert!(raw.ends_with(b"\r\n"));
    assert!(raw.split(|b| *b == b'\n').all(|line| line.len() <= 999), "a line over 998");
}

fn header_names(raw: &[u8]) -> Vec<String> {
    let mail = String::from_utf8_lossy(raw);
    let header = mail.split("\r\n\r\n").next().unwrap();
    let first = header.split("\r\n").filter(|line| !line.starts_with([' ', '\t']));
    first.map(|line| line.split(':').next().unwrap().to_owned()).collect()
}

/// Any text, with what is dangerous in it more often than chance would have it.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("\r\nBcc: x@example.net\r\n".to_owned()),
        Just("\n\n".to_owned()),
        Just("\r.\r\n".to_owned()),
        Just("\0\u{202E}\u{2028}\u{85}".to_owned()),
        Just("=?utf-8?Q?a=0D=0AB?= \"<>,;:\\".to_owned()),
        Just("x".repeat(1200)),
        "\\PC{0,30}",
        any::<String>(),
    ];
    prop::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_text_in_any_field_adds_a_header_or_breaks_a_line(evil in hostile(), other in hostile(), raw in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut given = Given::to("threat-of-harm");
        let usual = header_names(&given.build().raw);
        given.raw = raw;
        given.identity.name = evil.clone();
        given.identity.domain = other.clone();
        given.report.from = vec![address(&evil, &other)];
        given.report.to = vec![address(&other, &evil)];
        given.report.language = Some(other.clone());
        given.report.fields = Fields { subject: evil.clone(), body: other.clone(), forwarded: evil.clone(), ..Fields::default() };
        given.report.attachments[0].name = Some(evil.clone());
        given.report.attachments[0].media_type = other.clone();
        given.verdict.flags = vec![evil.clone()];
        given.answer = Answer::Send { to: evil.clone() };
        given.queues[0].route_to = vec![other.clone()];
        for forward in [config::Forward::Original, config::Forward::Text] {
            given.queues[0].forward = forward;
            let parcel = given.build();
            assert_smtp_safe(&parcel.raw);
            let names = header_names(&parcel.raw);
            prop_assert_eq!(&names[..9], &usual[..9]);
            prop_assert!(names[9..].iter().all(|name| name.starts_with("Content-")));
        }
        let ack = acknowledgement(&evil, Some(&other), &evil);
        assert_smtp_safe(&ack.raw);
        prop_assert!(!header_names(&ack.raw).iter().any(|name| name.eq_ignore_ascii_case("bcc")));
    }

}

proptest! {
    // Each case starts Python twice.
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn any_text_reads_back_in_python(name in "[^\\p{C}\\p{Z}]{1,60}", body in "[^\\p{C}\\p{Z}]{1,200}( [^\\p{C}\\p{Z}]{0,90}){0,4}") {
        let mut given = Given::to("general");
        given.identity.name = name.clone();
        let mail = python(&given.build().raw);
        let from = mail["headers"].as_array().unwrap().iter().find(|h| h[0] == "From").unwrap()[1].as_str().unwrap().to_owned();
        prop_assert!(from.ends_with("<triaged@example.org>"), "{}", from);
        let ack = python(&acknowledgement("a@example.net", None, &body).raw);
        prop_assert_eq!(ack["body"]["hex"].as_str().unwrap(), hex(format!("{body}\r\n").as_bytes()));
    }
}

#[test]
fn names_in_any_script_read_back() {
    for name in [
        "Trust & Safety",
        "Ünïcode \"Té\\am\"",
        "信頼と安全のチームからのとても長い名前のお知らせです、どうぞよろしく",
        "فريق الثقة",
        "=?x",
    ] {
        let mut given = Given::to("general");
        given.identity.name = name.into();
        let raw = given.build().raw;
        let mail = python(&raw);
        let from = mail["from"].as_str().unwrap();
        let shown = from.strip_suffix(" <triaged@example.org>").unwrap();
        let unquoted = shown.strip_prefix('"').and_then(|shown| shown.strip_suffix('"')).unwrap_or(shown);
        let shown = unquoted.replace("\\\"", "\"").replace("\\\\", "\\");
        assert_eq!(shown, name);
        assert!(
            text(&Parcel { mail_from: None, rcpt_to: String::new(), raw })
                .split("\n\n")
                .next()
                .unwrap()
                .lines()
                .all(|line| line.len() <= 78)
        );
    }
}
