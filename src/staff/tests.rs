//! What staff say, on a real store with mails that came in through the real intake.

use super::*;
use crate::intake::bench::{Bench, report};
use crate::outbox::Kind;
use crate::store::audit::Line;
use crate::store::links;

const QUESTION: &str = "Could you tell me how to reach the person who runs the grants programme? Thank you very much.";
const THREAT: &str = "A user wrote that he will shoot the teachers at his school tomorrow. Please help.";

/// One person does one thing.
fn say<T: Send + 'static>(
    bench: &Bench,
    reference: &Reference,
    work: impl FnOnce(&Person<'_>, &Tx<'_>, &Desk<'_>) -> Told<T> + Send + 'static,
) -> std::result::Result<T, Refused> {
    let (policy, reference) = (bench.policy.clone(), reference.clone());
    let (token_key, now) = (bench.store.token_key(), bench.now);
    let job =
        move |tx: &Tx<'_>| work(&Person { who: "kim", reference: &reference }, tx, &Desk { policy: &policy, token_key, now });
    bench.store.write_blocking(job).unwrap()
}

fn a_case(bench: &mut Bench, account: &str, body: &str) -> Reference {
    let to = format!("{account}@example.org");
    let id = format!("{}{}", account, bench.key);
    bench.mail(account, &report(&to, &id, body));
    bench.cases()[0].reference.clone()
}

fn audit_of(bench: &Bench, reference: &Reference) -> Vec<Line> {
    let case = bench.cases().into_iter().find(|case| case.reference == *reference).unwrap();
    bench.store.read_blocking(|view| audit::of_case(view, case.id)).unwrap()
}

#[test]
fn a_note_is_one_audit_line_with_who_wrote_it() {
    let mut bench = Bench::new();
    let case = a_case(&mut bench, "ca", QUESTION);
    say(&bench, &case, |person, tx, desk| person.note(tx, desk, "called the embassy")).unwrap();
    let lines = audit_of(&bench, &case);
    let last = lines.last().unwrap();
    assert_eq!((last.who.as_str(), last.what.as_str(), last.detail.as_str()), ("kim", "note", "called the embassy"));
    let nobody = Reference::from_bits([7; 5]);
    assert_eq!(say(&bench, &nobody, |person, tx, desk| person.note(tx, desk, "x")), Err(Refused::NoCase(nobody.clone())));
}

#[test]
fn a_moved_case_goes_to_its_new_team_wakes_whom_that_wakes_and_is_a_label() {
    let mut bench = Bench::new();
    let case = a_case(&mut bench, "ca", QUESTION);
    assert_eq!((bench.firing(), bench.outbox(Kind::Forward).len()), (0, 1));
    let from = say(&bench, &case, |person, tx, desk| person.take_to(tx, desk, "threat-of-harm", "a hidden threat")).unwrap();
    assert_eq!((from.as_str(), bench.cases()[0].queue.as_str(), bench.firing()), ("general", "threat-of-harm", 1));
    let forwards = bench.parcels(Kind::Forward);
    assert!(
        forwards[1].contains("To: <emergency-team@example.org>") && forwards[1].contains("[threat-of-harm]"),
        "{}",
        forwards[1]
    );
    let told = forwards[1].replace("=\r\n", "");
    assert!(told.contains("Moved           from general by kim: a hidden threat"), "{told}");
    assert_eq!(audit_of(&bench, &case).last().unwrap().detail, "from general to threat-of-harm: a hidden threat");
    // To and fro and to again: each time the team gets it anew.
    for queue in ["general", "threat-of-harm"] {
        say(&bench, &case, move |person, tx, desk| person.take_to(tx, desk, queue, "w")).unwrap();
    }
    assert_eq!(bench.outbox(Kind::Forward).len(), 4);
    let again = say(&bench, &case, |person, tx, desk| person.take_to(tx, desk, "threat-of-harm", "w"));
    assert_eq!(again, Err(Refused::Cannot("it is in threat-of-harm already".into())));
}

#[test]
fn a_case_moved_to_a_queue_that_wakes_nobody_ends_its_alert_and_a_closed_one_wakes_nobody() {
    let mut bench = Bench::new();
    let case = a_case(&mut bench, "emergency", QUESTION);
    assert_eq!(bench.firing(), 1);
    say(&bench, &case, |person, tx, desk| person.take_to(tx, desk, "general", "a question")).unwrap();
    assert_eq!(bench.firing(), 0);
    say(&bench, &case, |person, tx, desk| person.close(tx, desk, "")).unwrap();
    say(&bench, &case, |person, tx, desk| person.take_to(tx, desk, "threat-of-harm", "for the record")).unwrap();
    assert_eq!(bench.firing(), 0);
}

#[test]
fn what_was_sealed_stays_sealed_wherever_staff_move_it() {
    let mut bench = Bench::new();
    let case = a_case(&mut bench, "ca", QUESTION);
    say(&bench, &case, |person, tx, desk| person.take_to(tx, desk, "child-protection", "w")).unwrap();
    let sealed = bench.parcels(Kind::Forward).pop().unwrap();
    assert!(!sealed.contains("message/rfc822") && !sealed.contains("grants programme"), "{sealed}");
}

#[test]
fn closing_ends_the_alert_and_only_an_open_case_closes() {
    let mut bench = Bench::new();
    let case = a_case(&mut bench, "emergency", THREAT);
    say(&bench, &case, |person, tx, desk| person.close(tx, desk, "handled by the police")).unwrap();
    assert_eq!((bench.cases()[0].state, bench.firing()), (CaseState::Closed, 0));
    assert_eq!(audit_of(&bench, &case).last().unwrap().detail, "handled by the police; its alert is over");
    let twice = say(&bench, &case, |person, tx, desk| person.close(tx, desk, ""));
    assert_eq!(twice, Err(Refused::Cannot(format!("{case}: it is closed already"))));
    say(&bench, &case, |person, tx, desk| person.reopen(tx, desk, "")).unwrap();
    assert_eq!((bench.cases()[0].state, bench.firing()), (CaseState::Open, 0));
    let twice = say(&bench, &case, |person, tx, desk| person.reopen(tx, desk, ""));
    assert_eq!(twice, Err(Refused::Cannot(format!("{case}: it is not closed"))));
}

#[test]
fn linked_cases_know_of_each_other_and_both_audits_say_who_linked_them() {
    let mut bench = Bench::new();
    let (a, b) = (a_case(&mut bench, "ca", QUESTION), a_case(&mut bench, "drt", THREAT));
    let other = b.clone();
    let link = move |person: &Person<'_>, tx: &Tx<'_>, desk: &Desk<'_>| person.link(tx, desk, &other);
    assert_eq!((say(&bench, &a, link.clone()), say(&bench, &a, link)), (Ok(true), Ok(false)));
    for (one, another) in [(&a, &b), (&b, &a)] {
        let id = bench.cases().into_iter().find(|case| case.reference == *one).unwrap().id;
        let linked = bench.store.read_blocking(|view| links::of_case(view, id)).unwrap();
        assert_eq!((linked.len(), &linked[0].reference, linked[0].why.as_str()), (1, another, "linked by kim"));
        assert_eq!(audit_of(&bench, one).iter().filter(|line| line.what == "linked").count(), 1);
    }
    let same = a.clone();
    assert!(say(&bench, &a, move |person, tx, desk| person.link(tx, desk, &same)).is_err());
}
