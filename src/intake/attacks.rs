//! What hostile senders and blind machines try: forged follow-ups, loops, victims, words smuggled into answers. With a real
//! store and the demo's policy.

use proptest::prelude::*;

use super::bench::{Bench, report};
use super::record::Taken;
use super::*;
use crate::case::Reference;
use crate::clock::from_millis;
use crate::outbox::Kind;
use crate::reply::token;
use crate::report::{Envelope, Extent};
use crate::store::{links, people};

const QUESTION: &str = "Could you tell me how to reach the person who runs the grants programme? Thank you very much.";

fn header<'p>(parcel: &'p str, name: &str) -> &'p str {
    let line = parcel.lines().find(|line| line.starts_with(&format!("{name}:"))).unwrap_or_default();
    line.split_once(':').map_or("", |(_, value)| value.trim())
}

fn new_case(bench: &mut Bench, mail: &str) -> Reference {
    match bench.mail("ca", mail) {
        Taken::New(reference) => reference,
        other => panic!("it opens a case: {other:?}"),
    }
}

#[test]
fn two_daemons_of_ours_end_after_one_answer_each() {
    let (mut ours, mut theirs) = (Bench::new(), Bench::new());
    // Somebody forges a report from the other desk's address; our answer goes there, and is read there as a mail.
    new_case(&mut ours, &report("ca@example.org", "1", QUESTION).replace("ada@example.net", "desk@example.com"));
    let answer = ours.parcels(Kind::Acknowledgement).remove(0);
    assert!(header(&answer, "To").contains("desk@example.com"));
    theirs.mail("ca", &answer.replace("\r\n", "\n"));
    assert_eq!((theirs.cases().len(), theirs.outbox(Kind::Acknowledgement).len()), (1, 0), "stored there, and not answered");
    assert_eq!(ours.outbox(Kind::Acknowledgement).len(), 1);
}

#[test]
fn a_naive_auto_responder_gets_one_answer_however_it_answers_back() {
    // It answers every mail with a mail that no header marks: in reply to ours, or with our subject alone.
    for threaded in [true, false] {
        let mut bench = Bench::new();
        let from = |id: usize, subject: &str, extra: &str| {
            format!(
                "{extra}From: desk@example.com\nTo: ca@example.org\nSubject: {subject}\nMessage-ID: <{id}@example.com>\n\n\
                 Thank you for your mail of today. We look into it and come back to you soon.\n"
            )
        };
        bench.mail("ca", &from(0, "your mail", ""));
        for round in 1..6 {
            let Some(answer) = bench.parcels(Kind::Acknowledgement).pop() else { break };
            let extra = if threaded { format!("In-Reply-To: {}\n", header(&answer, "Message-ID")) } else { String::new() };
            bench.mail("ca", &from(round, &format!("Re: {}", header(&answer, "Subject")), &extra));
        }
        assert_eq!((bench.outbox(Kind::Acknowledgement).len(), bench.cases().len()), (1, 1), "threaded: {threaded}");
    }
}

#[test]
fn the_reporter_may_name_the_reference_and_a_stranger_who_does_gets_a_case_of_their_own_linked_to_it() {
    let mut bench = Bench::new();
    let case = new_case(&mut bench, &report("ca@example.org", "1", QUESTION));
    let named = |from: &str, id: &str| {
        format!("From: {from}\nTo: ca@example.org\nSubject: more about {case}\nMessage-ID: <{id}@example.com>\n\nHere is more.\n")
    };
    assert_eq!(bench.mail("ca", &named("Ada <ADA@example.net>", "2")), Taken::FollowUp(case.clone()));
    let own = new_case(&mut bench, &named("eve@example.com", "3"));
    let id = bench.cases().into_iter().find(|row| row.reference == own).unwrap().id;
    let linked = bench.store.read_blocking(|view| links::of_case(view, id)).unwrap();
    assert_eq!(linked.iter().map(|other| &other.reference).collect::<Vec<_>>(), [&case]);
    let forwards = bench.parcels(Kind::Forward);
    assert!(forwards.last().unwrap().contains(&format!("Related cases   {case}")), "{}", forwards.last().unwrap());
    // Who quotes a Message-ID of the reporter's is linked as well, and joins nothing.
    let quoting = format!("References: <1@example.net>\n{}", named("mallory@example.com", "4").replace(case.as_str(), "it"));
    assert!(matches!(bench.mail("ca", &quoting), Taken::New(_)));
}

#[test]
fn a_plus_address_with_its_token_joins_the_case_and_a_guessed_one_does_not() {
    let mut bench = Bench::new();
    let case = new_case(&mut bench, &report("ca@example.org", "1", QUESTION));
    let address = token::plus_address(&bench.store.token_key(), "ca@example.org", &case).unwrap();
    let mail = |to: &str, id: &str| {
        format!("From: colleague@example.net\nTo: {to}\nSubject: x\nMessage-ID: <{id}@example.net>\n\nI write for Ada.\n")
    };
    assert_eq!(bench.mail("ca", &mail(&address, "2")), Taken::FollowUp(case.clone()));
    let guess = format!("ca+{}.0000000000000000@example.org", case.as_str().to_lowercase());
    assert!(matches!(bench.mail("ca", &mail(&guess, "3")), Taken::New(_)));
}

#[test]
fn answers_carry_the_plus_address_where_the_operator_wants_it() {
    let mut bench = Bench::new();
    let demo = std::fs::read_to_string(bench.dir.path().join("t.toml")).unwrap();
    let config = demo.replacen("[identity]\n", "[identity]\nplus_address = true\n", 1);
    std::fs::write(bench.dir.path().join("p.toml"), config).unwrap();
    bench.policy = Arc::new(Policy::load(&bench.dir.path().join("p.toml")).unwrap());
    let case = new_case(&mut bench, &report("ca@example.org", "1", QUESTION));
    let answer = bench.parcels(Kind::Acknowledgement).remove(0);
    let reply_to = header(&answer, "Reply-To").split(['<', '>']).nth(1).unwrap().to_owned();
    assert_eq!(token::of_plus_address(&bench.store.token_key(), &reply_to), Some(case));
}

#[test]
fn a_bounce_of_our_answer_marks_the_address_and_opens_nothing_and_a_delay_marks_nothing() {
    let mut bench = Bench::new();
    let case = new_case(&mut bench, &report("ca@example.org", "1", QUESTION));
    let answer = bench.parcels(Kind::Acknowledgement).remove(0);
    let status = |action: &str| {
        format!(
            "From: MAILER-DAEMON@example.net\nTo: ca@example.org\nReturn-Path: <>\nMessage-ID: <{action}@mx.example.net>\n\
             MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\n\
             Your mail could not be delivered.\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.net\n\n\
             Final-Recipient: rfc822; ada@example.net\nAction: {action}\nStatus: 5.1.1\n\n--b\nContent-Type: message/rfc822\n\n{}\n--b--\n",
            answer.replace("\r\n", "\n")
        )
    };
    let marked = |bench: &Bench| bench.store.read_blocking(|view| people::bounced_at(view, "Ada@example.net")).unwrap();
    assert_eq!(bench.mail("ca", &status("delayed")), Taken::FollowUp(case.clone()));
    assert_eq!(marked(&bench), None, "it may yet arrive");
    assert_eq!(bench.mail("ca", &status("failed")), Taken::FollowUp(case));
    assert_eq!(marked(&bench), Some(bench.now));
    assert_eq!((bench.cases().len(), bench.outbox(Kind::Forward).len(), bench.outbox(Kind::Acknowledgement).len()), (1, 1, 1));
    // The team learns of it with the next mail of this reporter.
    bench.mail("ca", &report("ca@example.org", "9", "Another matter: may I use a picture of yours in a book of mine?"));
    let forward = bench.parcels(Kind::Forward).pop().unwrap();
    assert!(forward.contains("Bounced "), "{forward}");
}

#[test]
fn a_follow_up_under_a_forged_from_opens_a_case_of_its_own() {
    let mut bench = Bench::new();
    let demo = std::fs::read_to_string(bench.dir.path().join("t.toml")).unwrap();
    let config = demo.replacen("[identity]\n", "[identity]\nauthserv_ids = [\"mx.example.org\"]\n", 1);
    std::fs::write(bench.dir.path().join("p.toml"), config).unwrap();
    bench.policy = Arc::new(Policy::load(&bench.dir.path().join("p.toml")).unwrap());
    let case = new_case(&mut bench, &report("ca@example.org", "1", QUESTION));
    let forged = |result: &str, id: &str| {
        let mail = report("ca@example.org", id, &format!("Please close {case}, it is settled."));
        format!("Authentication-Results: mx.example.org; dmarc={result} header.from=example.net\n{mail}")
    };
    assert!(matches!(bench.mail("ca", &forged("fail", "2")), Taken::New(_)));
    assert_eq!(bench.mail("ca", &forged("pass", "3")), Taken::FollowUp(case));
}

#[test]
fn fifty_addresses_in_reply_to_and_two_from_headers_are_answered_to_nobody() {
    let mut bench = Bench::new();
    let fifty: Vec<String> = (0..50).map(|n| format!("victim{n}@example.com")).collect();
    let mail = report("ca@example.org", "1", QUESTION);
    // From holds one good address: that one is answered, none of the fifty.
    bench.mail("ca", &format!("Reply-To: {}\n{mail}", fifty.join(", ")));
    let two = mail.replacen("From:", "From: eve@example.com\nFrom:", 1).replace("<1@", "<2@");
    bench.mail("ca", &two);
    let answers = bench.parcels(Kind::Acknowledgement);
    assert_eq!(answers.len(), 1);
    assert_eq!(header(&answers[0], "To"), "<ada@example.net>");
    assert!(!answers[0].contains("victim"));
}

/// What is left of an answer when the two things that it needs from the mail are taken away: the address it goes to, and the
/// id it refers to (both are held to strict forms of their own).
fn our_words(parcel: &str) -> String {
    let raw = parcel.replace("\r\n", "\n");
    let (head, _) = raw.split_once("\n\n").unwrap();
    let ours = |line: &&str| !["To:", "In-Reply-To:", "References:"].iter().any(|name| line.starts_with(name));
    let envelope = Envelope { received: from_millis(0), junk: false, extent: Extent::Whole };
    let read = crate::message::read(parcel.as_bytes(), &envelope);
    let head = head.replace("\n ", " ");
    let headers: Vec<&str> = head.lines().filter(ours).collect();
    format!("{}\n{}\n{}", headers.join("\n"), read.fields.subject, read.fields.body)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Law 4: whatever a mail says, wherever it says it, no dozen of its characters comes back in the answer.
    #[test]
    fn no_twelve_characters_of_a_mail_stand_in_its_answer(
        subject in "[a-zA-Z0-9äöüßжщ日本語 <>@:;,.{}%]{12,60}",
        name in "[a-zA-Z0-9äöüжщ{}% ]{12,40}",
        body in "[a-zA-Z0-9äöüßжщ日本語 <>@:;,.{}%\n]{12,300}",
        extra in "[a-zA-Z0-9 <>@:;,.{}%\n]{12,60}",
        file in "[a-zA-Z0-9 .{}%]{12,40}",
    ) {
        let mut bench = Bench::new();
        let mail = format!(
            "From: \"{name}\" <ada@example.net>\nTo: \"{name}\" <ca@example.org>\nCc: \"{name}\" <b@example.net>\nSubject: {subject}\n\
             Message-ID: <{}@example.net>\nX-Extra: {}\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=qqq\n\n\
             --qqq\nContent-Type: text/plain; charset=utf-8\n\n{body}\n--qqq\nContent-Type: text/plain; name=\"{file}\"\n\
             Content-Disposition: attachment; filename=\"{file}\"\n\n{extra}\n--qqq--\n",
            file.replace(' ', ""),
            extra.replace('\n', "\n ")
        );
        bench.mail("ca", &mail);
        let answers = bench.parcels(Kind::Acknowledgement);
        prop_assert_eq!(answers.len(), 1, "it is answered, or this test says nothing");
        for parcel in answers {
            let ours: String = our_words(&parcel).split_whitespace().collect();
            for said in [&subject, &name, &body, &extra, &file] {
                let said: Vec<char> = said.chars().filter(|c| !c.is_whitespace()).collect();
                for run in said.windows(12) {
                    let run: String = run.iter().collect();
                    prop_assert!(!ours.contains(&run), "{run:?} of the mail stands in the answer:\n{ours}");
                }
            }
        }
    }

    /// Nothing that is put into any header of a mail makes a header, a recipient or a part of an answer or a forward.
    #[test]
    fn no_header_of_a_mail_injects_anything(text in "(\r\n|\n|\r|%0a|=0A| |[a-zA-Z:<>@,;\"\\\\]){0,60}", which in 0usize..6) {
        let mut bench = Bench::new();
        let put = format!("{text}\r\nBcc: victim@example.com\r\n\r\nX");
        let name = ["From", "Reply-To", "To", "Subject", "Message-ID", "References"][which];
        let folded = put.replace("\r\n", "\r\n ").replace('\n', " ");
        let encoded = format!("=?utf-8?B?{}?=", base64(put.as_bytes()));
        for value in [folded, encoded] {
            let mail = report("ca@example.org", "1", QUESTION);
            bench.mail("ca", &format!("{name}: {value}\n{mail}"));
        }
        for kind in [Kind::Acknowledgement, Kind::Forward] {
            for parcel in bench.parcels(kind) {
                let head = parcel.split("\r\n\r\n").next().unwrap();
                prop_assert!(!head.to_lowercase().contains("\nbcc:") && !head.to_lowercase().contains("\ncc:"), "{head}");
                prop_assert_eq!(head.matches("\nTo: ").count(), 1, "{}", head);
            }
        }
    }
}

/// Base64 without line breaks (RFC 4648 4).
fn base64(bytes: &[u8]) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let sign = |group: u32, shift: u32| SIGNS[(group >> shift & 63) as usize] as char;
    let triple = |chunk: &[u8]| {
        let group = (0..3).fold(0u32, |group, i| group << 8 | u32::from(chunk.get(i).copied().unwrap_or(0)));
        let four = [sign(group, 18), sign(group, 12), sign(group, 6), sign(group, 0)];
        four.into_iter().take(chunk.len() + 1).chain(std::iter::repeat_n('=', 3 - chunk.len())).collect::<String>()
    };
    bytes.chunks(3).map(triple).collect()
}
