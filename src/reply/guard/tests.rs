//! One row per line of FIELD.md "When not to acknowledge" that the guard itself decides: the mail that is refused, with its
//! reason, and the near miss that must be answered. What makes a mail a machine's is tested in `message::automated`.

use std::time::Duration;

use super::*;
use crate::report::{Address, Automated, Fields, ReturnPath};

const NOW: i64 = 1_800_000_000_000;

/// A person's ordinary mail and everything else that speaks for an answer.
struct Case {
    report: Report,
    flags: Vec<String>,
    raised: bool,
    identity: Identity,
    own: Vec<String>,
    limits: Limits,
    auth: Authentication,
    so_far: SoFar,
}

fn address(address: &str) -> Address {
    Address { name: Some("Some Body".to_owned()), address: address.to_owned() }
}

fn ordinary() -> Case {
    let report = Report {
        message_id: Some("1@mail.example.org".to_owned()),
        from: vec![address("reporter@example.org")],
        to: vec![address("ca@example.net")],
        cc: vec![address("other@example.org")],
        return_path: ReturnPath::Address("reporter@example.org".to_owned()),
        fields: Fields { subject: "Please help".to_owned(), body: "A user threatened me.".to_owned(), ..Fields::default() },
        size: 100,
        ..Report::blank(crate::clock::from_millis(NOW - 60_000))
    };
    let identity = Identity {
        general_contact: "ca@example.org".into(),
        name: "Trust & Safety".to_owned(),
        domain: "cases.example.net".to_owned(),
        authserv_ids: vec!["mx.example.net".to_owned()],
        plus_address: false,
        own_addresses: vec!["office@example.net".to_owned()],
        trusted_relays: vec!["wiki@wiki.example.net".to_owned()],
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
    let own = vec!["ca@example.net".to_owned(), "oncall@example.net".to_owned()];
    Case {
        report,
        flags: vec![],
        raised: false,
        identity,
        own,
        limits,
        auth: Authentication::default(),
        so_far: SoFar::default(),
    }
}

fn ask(case: &Case) -> Answer {
    guard(&Question {
        report: &case.report,
        flags: &case.flags,
        raised: case.raised,
        identity: &case.identity,
        own_addresses: &case.own,
        limits: &case.limits,
        auth: &case.auth,
        now: crate::clock::from_millis(NOW),
        so_far: case.so_far,
    })
}

/// Changes a mail.
type Change = fn(&mut Case);

fn automated(case: &mut Case, reason: &str) {
    case.report.automated = Some(Automated { reason: reason.to_owned(), why: "a machine sent it".to_owned() });
}

fn relayed(case: &mut Case) {
    case.report.from = vec![address("Wiki@wiki.example.net")];
    case.report.reply_to = vec![address("reporter@example.org")];
}

/// Reason, what is refused with it, and the near miss that is answered.
const MATRIX: &[(&str, Change, Change)] = &[
    ("auto-submitted", |c| automated(c, "auto-submitted"), |_| {}),
    ("out-of-office-text", |c| automated(c, "out-of-office-text"), |_| {}),
    // Words alone do not silence us towards a mail that a rule raised; a header does.
    (
        "bounce-text",
        |c| automated(c, "bounce-text"),
        |c| {
            automated(c, "bounce-text");
            c.raised = true;
        },
    ),
    (
        "auto-submitted",
        |c| {
            automated(c, "auto-submitted");
            c.raised = true;
        },
        |c| c.raised = true,
    ),
    // A trusted relay is forgiven its list headers and its noreply address, and nothing else.
    (
        "list",
        |c| automated(c, "list"),
        |c| {
            automated(c, "list");
            relayed(c);
        },
    ),
    (
        "noreply-address",
        |c| automated(c, "noreply-address"),
        |c| {
            automated(c, "noreply-address");
            relayed(c);
        },
    ),
    (
        "auto-submitted",
        |c| {
            automated(c, "auto-submitted");
            relayed(c);
        },
        relayed,
    ),
    (
        "own-loop",
        |c| c.report.headers.push(("x-triaged-LOOP".to_owned(), "1".to_owned())),
        |c| c.report.headers.push(("X-Triaged-Loops".to_owned(), "1".to_owned())),
    ),
    (
        "own-loop",
        |c| c.report.message_id = Some("abc@Cases.Example.net".to_owned()),
        |c| c.report.references = vec!["abc@cases.example.net".to_owned()],
    ),
    ("own-address", |c| c.report.from = vec![address("CA@example.net")], |c| c.report.from = vec![address("ca@example.org")]),
    (
        "own-address",
        |c| c.report.from = vec![address("office@example.net")],
        |c| c.report.to = vec![address("office@example.net")],
    ),
    (
        "own-address",
        |c| {
            c.report.from = vec![];
            c.report.reply_to = vec![address("oncall+x@example.net")];
        },
        |c| c.report.reply_to = vec![address("oncallx@example.net")],
    ),
    ("dmarc-fail", |c| c.auth.dmarc = Some(AuthResult::Fail), |c| c.auth.dmarc = Some(AuthResult::Other("temperror".to_owned()))),
    ("dmarc-fail", |c| c.auth.dmarc = Some(AuthResult::Fail), |c| c.auth.spf = Some(AuthResult::Fail)),
    ("spam", |c| c.flags = vec!["spam".to_owned()], |c| c.flags = vec!["no-spam".to_owned()]),
    ("automated-flag", |c| c.flags = vec!["automated".to_owned()], |c| c.flags = vec!["urgent".to_owned()]),
    (
        "junk",
        |c| c.report.junk = true,
        |c| {
            c.report.junk = true;
            c.auth.dmarc = Some(AuthResult::Pass);
        },
    ),
    (
        "junk",
        |c| {
            c.report.junk = true;
            c.auth.spf = Some(AuthResult::Pass);
        },
        |c| {
            c.report.junk = true;
            c.auth.dkim = Some(AuthResult::Pass);
        },
    ),
    (
        "too-old",
        |c| c.report.received = crate::clock::from_millis(NOW - 86_401_000),
        |c| c.report.received = crate::clock::from_millis(NOW - 86_400_000),
    ),
    // Age is the server's: a Date of 1990 is the sender's own affair, a clock ahead of ours no age.
    ("too-old", |c| c.report.received = crate::clock::from_millis(0), |c| c.report.date = Some(crate::clock::from_millis(0))),
    (
        "too-old",
        |c| c.report.received = crate::clock::from_millis(0),
        |c| c.report.received = crate::clock::from_millis(NOW + 90_000_000),
    ),
    ("already-answered", |c| c.so_far.answered = true, |c| c.report.references = vec!["1@example.org".to_owned()]),
    ("sender-cap", |c| c.so_far.to_sender_24h = 3, |c| c.so_far.to_sender_24h = 2),
    ("global-cap", |c| c.so_far.in_last_hour = 100, |c| c.so_far.in_last_hour = 99),
    (
        "no-single-address",
        |c| c.report.from = vec![],
        |c| {
            c.report.from = vec![];
            c.report.reply_to = vec![address("reporter@example.org")];
        },
    ),
    (
        "no-single-address",
        |c| c.report.from.push(address("second@example.org")),
        |c| c.report.from.push(address("Reporter@example.org")),
    ),
    (
        "no-single-address",
        |c| {
            relayed(c);
            c.report.reply_to = vec![];
        },
        relayed,
    ),
];

#[test]
fn every_line_refuses_with_its_reason_and_spares_the_near_miss() {
    for (row, (reason, refused, spared)) in MATRIX.iter().enumerate() {
        let mut case = ordinary();
        refused(&mut case);
        let Answer::Withhold { reason: given, why } = ask(&case) else { panic!("row {row}: {reason} was answered") };
        assert_eq!(given, *reason, "row {row}");
        assert!(why.len() > 10 && !why.contains('@'), "row {row}: {why}");
        let mut case = ordinary();
        spared(&mut case);
        assert_eq!(
            ask(&case),
            Answer::Send { to: "reporter@example.org".to_owned() }.adjusted(&case),
            "row {row}: near miss of {reason}"
        );
    }
}

impl Answer {
    /// The near misses that change the sender are answered to that sender.
    fn adjusted(self, case: &Case) -> Answer {
        let to = case.report.reply_to.first().or(case.report.from.first()).map(|a| a.address.clone());
        to.map_or(self, |to| Answer::Send { to })
    }
}

#[test]
fn the_answer_goes_to_reply_to_then_from_and_never_to_several() {
    let to = |reply_to: &[&str], from: &[&str]| {
        let mut case = ordinary();
        case.report.reply_to = reply_to.iter().map(|a| address(a)).collect();
        case.report.from = from.iter().map(|a| address(a)).collect();
        recipient(&case.report, &case.identity).ok()
    };
    assert_eq!(to(&["b@example.org"], &["a@example.org"]).as_deref(), Some("b@example.org"));
    assert_eq!(to(&["b@example.org", "c@example.org"], &["a@example.org"]).as_deref(), Some("a@example.org"));
    assert_eq!(to(&["b@example.org", "not an address"], &["a@example.org"]).as_deref(), Some("b@example.org"));
    assert_eq!(to(&["undisclosed"], &["a@example.org"]).as_deref(), Some("a@example.org"));
    assert_eq!(to(&[], &["a@example.org", "b@example.org"]), None);
    assert_eq!(to(&["b@example.org"], &[]).as_deref(), Some("b@example.org"));
    assert_eq!(to(&["b@example.org"], &["wiki@wiki.example.net"]).as_deref(), Some("b@example.org"));
    assert_eq!(to(&["b@example.org", "c@example.org"], &["wiki@wiki.example.net"]), None, "a relay is no reporter");
}

#[test]
fn a_reply_to_of_our_own_is_passed_over_for_a_good_from() {
    for ours in ["ca@example.net", "OnCall+x@example.net", "office@example.net"] {
        let mut case = ordinary();
        case.report.reply_to = vec![address(ours)];
        assert_eq!(ask(&case), Answer::Send { to: "reporter@example.org".to_owned() }, "{ours}");
        // A relay's From is no reporter, and two senders are none: then nobody is left.
        relayed(&mut case);
        case.report.reply_to = vec![address(ours)];
        assert!(matches!(ask(&case), Answer::Withhold { reason, .. } if reason == "own-address"), "{ours}");
    }
}

#[test]
fn a_quoted_dot_atom_is_answered_without_its_quotes_and_nothing_else_is_unquoted() {
    let to = |from: &str| {
        let mut case = ordinary();
        case.report.from = vec![address(from)];
        recipient(&case.report, &case.identity).ok()
    };
    assert_eq!(to("\"john.doe\"@example.org").as_deref(), Some("john.doe@example.org"));
    for trick in [
        "\"john doe\"@example.org",
        "\"-oQ\"@example.org",
        "\"a@b\"@example.org",
        "\"a\\\"b\"@example.org",
        "\"\"@example.org",
        "\"a..b\"@example.org",
    ] {
        assert_eq!(to(trick), None, "{trick}");
    }
}

#[test]
fn only_an_address_without_tricks_is_used() {
    for good in [
        "a@example.org",
        "first.last+tag@mail.example.org",
        "o'brien@example.org",
        "a@bücher.example",
        "a@例え.テスト",
        "a@[192.0.2.1]",
        "a@[IPv6:2001:db8::1]",
        "x_y=z@example.org",
    ] {
        assert!(is_valid(good), "{good}");
    }
    let long = format!("{}@example.org", "a".repeat(65));
    let longer = format!("a@{}example.org", "abcdefgh.".repeat(30));
    let bad = [
        "",
        "@",
        "a@",
        "@example.org",
        "a@b@example.org",
        "a@localhost",
        "a b@example.org",
        "a@example.org\r\nBcc: b@example.org",
        "a\u{0}@example.org",
        "\"a b\"@example.org",
        "a@example..org",
        ".a@example.org",
        "a..b@example.org",
        "a@-example.org",
        "a@example.org.",
        "-oQ@example.org",
        "|sh@example.org",
        "a%b@example.org",
        "b!a@example.org",
        "a,b@example.org",
        "<a@example.org>",
        "a\u{200b}@example.org",
        "a@exam\u{202e}ple.org",
        "a@192.0.2.1",
        "a@[nonsense]",
        "a(x)@example.org",
        "a@example。org",
        "a;b@example.org",
        "$(x)@example.org",
        &long,
        &longer,
    ];
    for bad in bad {
        assert!(!is_valid(bad), "{bad:?}");
    }
}

proptest::proptest! {
    #[test]
    fn no_address_however_odd_yields_a_second_recipient(text in "\\PC{0,40}@\\PC{0,40}") {
        if is_valid(&text) {
            proptest::prop_assert!(!text.contains(|c: char| c.is_whitespace() || c.is_control() || ",;<>\"".contains(c)));
            proptest::prop_assert_eq!(text.matches('@').count(), 1);
        }
    }
}
