//! What becomes of a mail in the one transaction, with a real store and the demo's policy.

use super::bench::{Bench, report};
use super::record::{Taken, record};
use super::*;
use crate::callout::draw;
use crate::case::CaseState;
use crate::dispatch::Desk;
use crate::outbox::Kind;
use crate::report::{Envelope, Extent};
use crate::store::alerts;

const QUESTION: &str = "Could you tell me how to reach the person who runs the grants programme? Thank you very much.";

#[test]
fn one_mail_to_two_mailboxes_is_one_case_with_the_higher_floor_and_one_answer() {
    for order in [["ca", "emergency"], ["emergency", "ca"]] {
        let mut bench = Bench::new();
        let mail = report("ca@example.org", "1", QUESTION);
        let copies: Vec<Taken> = order.iter().map(|account| bench.mail(account, &mail)).collect();
        assert!(matches!((&copies[0], &copies[1]), (Taken::New(a), Taken::Copy(b)) if a == b), "{copies:?}");
        let cases = bench.cases();
        assert_eq!((cases.len(), cases[0].queue.as_str()), (1, "threat-of-harm"));
        assert_eq!(bench.outbox(Kind::Acknowledgement).len(), 1);
        assert_eq!(bench.firing(), 1);
    }
}

#[test]
fn a_second_address_in_cc_counts_from_the_first_copy_on() {
    let mut bench = Bench::new();
    bench.mail("ca", &report("ca@example.org, emergency@example.org", "1", QUESTION));
    assert_eq!(bench.cases()[0].queue, "threat-of-harm");
}

#[test]
fn the_same_message_id_with_other_content_is_another_mail() {
    let mut bench = Bench::new();
    bench.mail("ca", &report("ca@example.org", "1", QUESTION));
    let other = bench.mail("ca", &report("ca@example.org", "1", "Another matter altogether, please have a look at it."));
    assert!(matches!(other, Taken::New(_)));
    assert_eq!(bench.cases().len(), 2);
}

#[test]
fn two_mails_without_message_id_are_two_mails_even_if_every_byte_is_equal() {
    let mut bench = Bench::new();
    let mail = "From: ada@example.net\nTo: ca@example.org\nSubject: help\n\nhelp\n";
    assert!(matches!(bench.mail("ca", mail), Taken::New(_)));
    assert!(matches!(bench.mail("ca", mail), Taken::New(_)));
}

#[test]
fn a_mail_that_was_moved_or_renumbered_is_only_entered_into_the_ledger() {
    let bench = Bench::new();
    let mail = "From: ada@example.net\nTo: ca@example.org\nSubject: help\n\nhelp me please\n";
    let spot =
        |folder: &str, validity, key: &str| Spot { account: "ca".into(), folder: folder.into(), validity, key: key.into() };
    assert!(matches!(bench.at(spot("INBOX", 1, "5"), mail), Taken::New(_)));
    assert_eq!(bench.at(spot("INBOX", 1, "5"), mail), Taken::AlreadyRead);
    assert_eq!(bench.at(spot("INBOX", 2, "1"), mail), Taken::Renumbered);
    assert_eq!(bench.at(spot("Junk", 9, "1"), mail), Taken::Renumbered);
    assert_eq!((bench.cases().len(), bench.outbox(Kind::Forward).len()), (1, 1));
}

fn id_of(parcel: &str) -> String {
    let line = parcel.lines().find(|line| line.starts_with("Message-ID:")).unwrap();
    line.split(['<', '>']).nth(1).unwrap().to_owned()
}

#[test]
fn a_reply_to_our_answer_joins_its_case_is_forwarded_and_not_answered_again() {
    let mut bench = Bench::new();
    let Taken::New(reference) = bench.mail("ca", &report("ca@example.org", "1", QUESTION)) else { panic!() };
    let answer = bench.parcels(Kind::Acknowledgement);
    let reply = format!("In-Reply-To: <{}>\n{}", id_of(&answer[0]), report("ca@example.org", "2", "Here is more about it."));
    assert_eq!(bench.mail("ca", &reply), Taken::FollowUp(reference));
    assert_eq!((bench.outbox(Kind::Acknowledgement).len(), bench.outbox(Kind::Forward).len()), (1, 2));
    assert_eq!(bench.cases()[0].messages, 2);
}

#[test]
fn a_follow_up_can_raise_its_case_and_reopens_a_closed_one() {
    let mut bench = Bench::new();
    bench.mail("ca", &report("ca@example.org", "1", QUESTION));
    let case = bench.cases()[0].id;
    let now = bench.now;
    bench.store.write_blocking(move |tx| cases::happen(tx, case, crate::case::CaseEvent::Close, now)).unwrap();
    let answer = bench.parcels(Kind::Acknowledgement);
    let reply = format!("In-Reply-To: <{}>\n{}", id_of(&answer[0]), report("emergency@example.org", "2", "It is urgent now."));
    bench.mail("emergency", &reply);
    let case = &bench.cases()[0];
    assert_eq!((case.state, case.queue.as_str(), bench.firing()), (CaseState::Open, "threat-of-harm", 1));
    assert!(bench.outbox(Kind::Forward).iter().any(|row| row.to == "emergency-team@example.org"));
}

#[test]
fn a_machines_reply_to_our_answer_is_stored_and_goes_nowhere() {
    let mut bench = Bench::new();
    bench.mail("ca", &report("ca@example.org", "1", QUESTION));
    let answer = bench.parcels(Kind::Acknowledgement);
    let away = report("ca@example.org", "2", "I am out of office until Monday.");
    let reply = format!("Auto-Submitted: auto-replied\nIn-Reply-To: <{}>\n{away}", id_of(&answer[0]));
    assert!(matches!(bench.mail("ca", &reply), Taken::FollowUp(_)));
    assert_eq!((bench.outbox(Kind::Acknowledgement).len(), bench.outbox(Kind::Forward).len()), (1, 1));
}

#[test]
fn a_stranger_who_guesses_a_reference_or_a_message_id_opens_a_case_of_their_own() {
    let mut bench = Bench::new();
    let Taken::New(reference) = bench.mail("ca", &report("ca@example.org", "1", QUESTION)) else { panic!() };
    let guess = format!(
        "From: eve@example.com\nTo: ca@example.org\nSubject: Re: {reference}\nMessage-ID: <9@example.com>\n\
         In-Reply-To: <{reference}.acknowledgement.1.0000000000000000@triaged.example.org>\nReferences: <1@example.net>\n\nMe again.\n"
    );
    assert!(matches!(bench.mail("ca", &guess), Taken::New(other) if other != reference));
    // The reporter's own reply in their thread joins.
    let own = format!("References: <1@example.net>\n{}", report("ca@example.org", "3", "One more thing I forgot to say."));
    assert_eq!(bench.mail("ca", &own), Taken::FollowUp(reference));
}

#[test]
fn a_sender_over_the_cap_is_stored_every_time_and_answered_thrice() {
    let mut bench = Bench::new();
    for n in 0..10 {
        let taken = bench.mail("ca", &report("ca@example.org", &format!("n{n}"), &format!("{QUESTION} This is question {n}.")));
        assert!(matches!(taken, Taken::New(_)));
    }
    assert_eq!((bench.cases().len(), bench.outbox(Kind::Acknowledgement).len()), (10, 3));
}

#[test]
fn a_sealed_queues_forward_holds_no_byte_of_an_attachment() {
    let mut bench = Bench::new();
    let secret = "c2VhbGVkIHNlYWxlZCBzZWFsZWQgc2VhbGVk";
    let mail = format!(
        "From: ada@example.net\nTo: ca@example.org\nSubject: report\nMessage-ID: <1@example.net>\nMIME-Version: 1.0\n\
         Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nA picture is attached.\n--b\n\
         Content-Type: image/png; name=x.png\nContent-Transfer-Encoding: base64\nContent-Disposition: attachment\n\n{secret}\n--b--\n"
    );
    let (policy, now, token_key) = (Arc::clone(&bench.policy), bench.now, bench.store.token_key());
    let envelope = Envelope { received: now, junk: false, extent: Extent::Whole };
    bench.key += 1;
    let spot = Spot { account: "ca".into(), folder: "INBOX".into(), validity: 1, key: "s".into() };
    let mut prepared = prepare(&policy, Arrival { key: "s".into(), raw: mail.into_bytes(), envelope }, spot, true, now);
    prepared.judged.verdict.queue = "child-protection".into();
    bench.store.write_blocking(move |tx| record(tx, &Desk { policy: &policy, token_key, now }, draw, &mut prepared)).unwrap();
    let forwards = bench.parcels(Kind::Forward);
    assert_eq!(forwards.len(), 1);
    for forbidden in [secret, "sealed sealed", "image/png; name"] {
        assert!(!forwards[0].contains(forbidden), "{forbidden} stands in the forward");
    }
    assert!(forwards[0].contains("x.png"), "the manifest names it");
}

fn reply_to(parcel: &str, id: &str, body: &str) -> String {
    format!("In-Reply-To: <{}>\n{}", id_of(parcel), report("ca@example.org", id, body))
}

fn acknowledge(bench: &Bench) {
    let (case, now) = (bench.cases()[0].id, bench.now);
    let id = bench.store.read_blocking(|view| alerts::of_case(view, case)).unwrap().expect("an alert").id;
    bench.store.write_blocking(move |tx| alerts::take(tx, id, "kim", None, now)).unwrap();
}

#[test]
fn a_mail_whose_time_for_judging_is_up_is_stored_routed_and_wakes_whom_its_floor_wakes() {
    for (account, queue, firing) in [("emergency", "threat-of-harm", 1), ("drt", "disinformation", 0), ("ca", "general", 0)] {
        let bench = Bench::new();
        let envelope = Envelope { received: bench.now, junk: false, extent: Extent::Whole };
        let spot = Spot { account: account.into(), folder: "INBOX".into(), validity: 1, key: "t".into() };
        let raw = report(&format!("{account}@example.org"), "1", "I am out of office until Monday.").replace('\n', "\r\n");
        let arrival = Arrival { key: "t".into(), raw: raw.into_bytes(), envelope };
        let sitting = Sitting { now: Some(bench.now), time_is_up: &|| true };
        let mut mail = prepare_in(&bench.policy, arrival, spot, true, sitting);
        assert!(mail.message.damage.contains("not-judged-whole"), "{}", mail.message.damage);
        let (policy, now, token_key) = (Arc::clone(&bench.policy), bench.now, bench.store.token_key());
        bench.store.write_blocking(move |tx| record(tx, &Desk { policy: &policy, token_key, now }, draw, &mut mail)).unwrap();
        assert_eq!((bench.cases()[0].queue.as_str(), bench.firing()), (queue, firing), "{account}");
        let forwards = bench.parcels(Kind::Forward);
        assert!(!forwards.is_empty() && forwards.iter().all(|forward| forward.contains("not judged whole")), "{forwards:?}");
    }
}

/// A bench with a rule file of its own beside the demo's config, and a text that rules may choose.
fn bench_with(rules: &str) -> Bench {
    let mut bench = Bench::new();
    let dir = bench.dir.path();
    let demo = std::fs::read_to_string(dir.join("t.toml")).unwrap();
    for folder in ["rules", "texts/acknowledgement"] {
        std::fs::create_dir_all(dir.join(folder)).unwrap();
    }
    std::fs::write(dir.join("rules/one.toml"), rules).unwrap();
    // A text that no rule chooses is refused: its name may be a slip of the hand.
    for name in ["default", "holiday"].into_iter().filter(|name| *name == "default" || rules.contains(name)) {
        let text = format!("Subject: {name} {{{{ reference }}}}\n\nThis is the {name} text.\n");
        std::fs::write(dir.join(format!("texts/acknowledgement/{name}.en.txt")), text).unwrap();
    }
    std::fs::write(dir.join("u.toml"), format!("rules = \"rules\"\ntemplates = \"texts\"\n{demo}")).unwrap();
    bench.policy = Arc::new(Policy::load(&dir.join("u.toml")).unwrap_or_else(|faults| panic!("{faults}")));
    bench
}

#[test]
fn a_rule_that_asks_for_follow_ups_is_heard_only_for_mail_that_joins_a_case() {
    let rule =
        "[[rule]]\nid = \"again\"\nwhy = \"They write again.\"\nqueue = \"disinformation\"\npoints = 100\nfollow_up = true\n";
    let mut bench = bench_with(rule);
    bench.mail("ca", &report("ca@example.org", "1", QUESTION));
    assert_eq!(bench.cases()[0].queue, "general");
    let answer = bench.parcels(Kind::Acknowledgement);
    bench.mail("ca", &reply_to(&answer[0], "2", "Here is more about it."));
    assert_eq!((bench.cases().len(), bench.cases()[0].queue.as_str()), (1, "disinformation"));
}

#[test]
fn a_rule_chooses_the_answer_or_that_there_is_none() {
    let rules = "[[rule]]\nid = \"away\"\nwhy = \"On holiday.\"\nanswer = \"holiday\"\nany = [\"grants programme\"]\n\
                 [[rule]]\nid = \"silent\"\nwhy = \"A machine of ours.\"\nanswer = \"none\"\nany = [\"machine\"]\n";
    let mut bench = bench_with(rules);
    bench.mail("ca", &report("ca@example.org", "1", QUESTION));
    let answers = bench.parcels(Kind::Acknowledgement);
    assert!(answers.len() == 1 && answers[0].contains("This is the holiday text."), "{answers:?}");
    bench.mail("ca", &report("ca@example.org", "2", "The grants programme machine asks: are you there?"));
    assert_eq!(bench.outbox(Kind::Acknowledgement).len(), 1);
    let forwards = bench.parcels(Kind::Forward);
    assert!(forwards.iter().any(|forward| forward.replace("=\r\n", "").contains("silent")), "the reason names the rule");
}

const THREAT: &str = "I will kill you tomorrow at school. I have a gun and I know where you live.";

#[test]
fn a_closed_case_that_its_reporter_opens_again_wakes_somebody_again() {
    let mut bench = Bench::new();
    bench.mail("ca", &report("ca@example.org", "1", THREAT));
    let answer = bench.parcels(Kind::Acknowledgement);
    acknowledge(&bench);
    assert_eq!(bench.firing(), 0);
    bench.mail("ca", &reply_to(&answer[0], "2", "Here is more about it, as you asked."));
    assert_eq!(bench.firing(), 0, "somebody has it: they are told, nobody is woken");
    let (case, now) = (bench.cases()[0].id, bench.now);
    bench.store.write_blocking(move |tx| cases::happen(tx, case, crate::case::CaseEvent::Close, now)).unwrap();
    bench.mail("ca", &reply_to(&answer[0], "3", "He wrote to me again."));
    assert_eq!((bench.cases()[0].state, bench.firing()), (CaseState::Open, 1));
}

#[test]
fn a_persons_reply_through_a_list_reaches_the_team_and_our_own_forward_come_back_does_not() {
    let mut bench = Bench::new();
    bench.mail("ca", &report("ca@example.org", "1", QUESTION));
    let answer = bench.parcels(Kind::Acknowledgement);
    let forwards = bench.parcels(Kind::Forward);
    let listed = format!("List-Id: <team.example.net>\nPrecedence: list\n{}", reply_to(&answer[0], "2", "More about it."));
    assert!(matches!(bench.mail("ca", &listed), Taken::FollowUp(_)));
    assert_eq!(bench.outbox(Kind::Forward).len(), 2);
    // A team list that holds an intake address sends our forward back to us.
    assert!(matches!(bench.mail("ca", &forwards[0].replace("\r\n", "\n")), Taken::FollowUp(_)));
    // And a full mailbox of the team's returns it.
    let bounce = format!(
        "Return-Path: <>\nFrom: MAILER-DAEMON@example.org\nTo: triaged@example.org\nSubject: Undelivered Mail\n\
         Message-ID: <b@example.org>\n\nThe mailbox is full.\n\nMessage-ID: <{}>\n{THREAT}\n",
        id_of(&forwards[0])
    );
    assert!(matches!(bench.mail("ca", &bounce), Taken::FollowUp(_)));
    assert_eq!((bench.cases().len(), bench.outbox(Kind::Forward).len(), bench.firing()), (1, 2, 0));
}

#[test]
fn a_copy_is_answered_where_the_first_lay_in_junk() {
    let mut bench = Bench::new();
    let mail = report("ca@example.org", "1", QUESTION);
    let (policy, now, token_key) = (Arc::clone(&bench.policy), bench.now, bench.store.token_key());
    let spot = Spot { account: "emergency".into(), folder: "Junk".into(), validity: 1, key: "j".into() };
    let envelope = Envelope { received: now, junk: true, extent: Extent::Whole };
    let raw = mail.replace('\n', "\r\n").into_bytes();
    let mut junk = prepare(&policy, Arrival { key: "j".into(), raw, envelope }, spot, true, now);
    bench.store.write_blocking(move |tx| record(tx, &Desk { policy: &policy, token_key, now }, draw, &mut junk)).unwrap();
    assert_eq!(bench.outbox(Kind::Acknowledgement).len(), 0);
    assert!(matches!(bench.mail("ca", &mail), Taken::Copy(_)));
    assert_eq!(bench.outbox(Kind::Acknowledgement).len(), 1);
}

#[test]
fn the_forward_of_a_raise_is_another_mail_than_the_first() {
    let mut bench = Bench::new();
    let mail = report("ca@example.org", "1", QUESTION);
    bench.mail("ca", &mail);
    bench.mail("emergency", &mail);
    let ids: Vec<String> = bench.parcels(Kind::Forward).iter().map(|parcel| id_of(parcel)).collect();
    assert_eq!(ids.len(), 2);
    assert_ne!(ids[0], ids[1]);
}

#[test]
fn the_seal_of_a_case_covers_what_its_reporter_sends_later() {
    let mut bench = Bench::new();
    let suspected = "I found suspected child sexual abuse material on a user page and report it.";
    bench.mail("ca", &report("ca@example.org", "1", suspected));
    assert_eq!(bench.cases()[0].queue, "child-protection");
    let answer = bench.parcels(Kind::Acknowledgement);
    let reply = format!(
        "In-Reply-To: <{}>\nFrom: Ada <ada@example.net>\nTo: ca@example.org\nSubject: files\nMessage-ID: <2@example.net>\n\
         MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\n{THREAT}\n--b\n\
         Content-Type: text/plain; name=links.txt\n\nSECRETTEXT\n--b\nContent-Type: image/png; name=x.png\n\nSECRETPICTURE\n--b--\n",
        id_of(&answer[0])
    );
    bench.mail("ca", &reply);
    assert_eq!(bench.cases()[0].queue, "threat-of-harm");
    let forwards = bench.parcels(Kind::Forward);
    assert!(forwards.len() >= 2);
    assert!(forwards.iter().all(|forward| !forward.contains("SECRET")), "an attachment left the store");
}

#[test]
fn plus_details_do_not_get_round_the_cap_of_a_sender() {
    let mut bench = Bench::new();
    for n in 0..8 {
        let mail = report("ca@example.org", &format!("n{n}"), &format!("{QUESTION} This is question {n}."));
        bench.mail("ca", &mail.replace("ada@example.net", &format!("ada+{n}@example.net")));
    }
    assert_eq!((bench.cases().len(), bench.outbox(Kind::Acknowledgement).len()), (8, 3));
}

#[test]
fn the_completeness_audit_tells_mails_that_were_passed_over_from_new_ones_and_its_end_from_its_beginning() {
    let folder = Folder { name: "INBOX".into(), junk: false };
    let mut reading = Reading { folder, validity: 1, known_to: Some("120".into()), audited_to: None };
    let keys = |numbers: &[&str]| numbers.iter().map(|key| (*key).to_owned()).collect::<Vec<Key>>();
    assert_eq!(reading.gap(&keys(&["121"])), None, "no audit is under way");
    reading.audit();
    assert_eq!(reading.known_to, None, "all keys are asked for");
    assert_eq!(reading.gap(&keys(&["7", "119", "121"])), Some(2));
    assert_eq!(reading.gap(&keys(&["7"])), None, "one look is the audit");
    let health = Health::default();
    health.audited("ca", 2);
    assert!(health.faults()["audit ca"].contains("2 mails had been passed over"), "{:?}", health.faults());
    health.audited("ca", 0);
    assert!(health.faults().is_empty(), "the next audit without a gap ends it");
}
