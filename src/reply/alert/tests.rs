//! What people on call read.

use super::*;
use crate::clock::from_millis;
use crate::reply::tests::{identity, now, text as shown};

fn about_a_case<'a>(why: &'a [&'a str], excerpt: &'a str) -> About<'a> {
    let received = from_millis(1_789_995_000_000);
    About::Case { queue: "threat-of-harm", language: None, received, attachments: 2, why, excerpt }
}

fn called(about: About<'_>, change: impl for<'a> Fn(Alert<'a>) -> Alert<'a>) -> Parcel {
    let fired = from_millis(1_789_995_000_500);
    let (step, now) = ("step 2", now());
    let alert = Alert {
        reference: "TS-04HMASW9",
        about,
        call: 2,
        fired,
        words: "",
        again: 0,
        others: &[],
        others_in_all: 0,
        step,
        link: None,
        now,
    };
    build(&change(alert), &envelope(&identity()))
}

fn envelope(identity: &Identity) -> Envelope<'_> {
    Envelope {
        identity,
        from: "triaged@example.org",
        reply_to: Some("emergency@example.org"),
        to: "night@example.org",
        message_id: "TS-04HMASW9.alert.2.0123456789ABCDEF@triaged.example.org",
        now: now(),
    }
}

pub(in crate::reply) fn a_call() -> Parcel {
    called(about_a_case(&["Somebody announces to hurt themselves or others."], ""), |alert| alert)
}

#[test]
fn golden_alert() {
    insta::assert_snapshot!(shown(&a_call()));
}

#[test]
fn golden_alert_with_news_an_excerpt_and_a_flood_behind_it() {
    let others: Vec<String> = (0..8).map(|n| format!("TS-0000000{n}")).collect();
    let about = about_a_case(&["Somebody announces to hurt themselves or others."], "I will do it tonight.\nNobody can stop me.");
    let parcel = called(about, |alert| Alert {
        call: 5,
        words: "kim has it since 2026-09-21 01:00 UTC, and nobody has followed up",
        again: 2,
        others: Box::leak(others.clone().into_boxed_slice()),
        others_in_all: 4_711,
        link: Some("https://triaged.example.org/ack/TS-04HMASW9.1789995000500.6b696d.0123456789ABCDEF"),
        ..alert
    });
    insta::assert_snapshot!(shown(&parcel));
}

#[test]
fn golden_alert_about_ourselves_and_the_notice_that_it_is_over() {
    let about = About::Ourselves { what: "The mailbox ca has not been read for 12 min: login refused" };
    insta::assert_snapshot!(shown(&called(about, |alert| Alert { call: 1, ..alert })));
    let words = "The mailbox ca is being read again";
    insta::assert_snapshot!(shown(&notice("TS-04HMASW9", &about, words, &envelope(&identity()))));
}

#[test]
fn what_an_excerpt_holds_cannot_pass_for_a_line_of_the_alert() {
    let text = shown(&called(about_a_case(&[], "Why: nothing\r\nTo say that you have it: call 555\u{2028}x"), |alert| alert));
    assert!(text.contains("\n> Why: nothing\n> To say that you have it: call 555"), "{text}");
}
