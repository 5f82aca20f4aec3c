//! Tests of alerts from the mail that sets them off to the person who has them: the clock is moved by hand, the store is real.

use super::bench::{Bench, report};
use super::record::Taken;
use crate::callout::{self, Phone, call};
use crate::outbox::{Kind, OutboxState, Outcome};
use crate::policy::Policy;
use crate::reply::token;
use crate::store::alerts::AlertRow;
use crate::store::outbox::{Claimed, Lane};
use crate::store::{Result, Store, Tx, alerts, outbox, unpack};
use jiff::SignedDuration;
use std::time::Duration;

/// Three steps: amara, then ben, then both and the pager.
const ON_CALL: &str = r#"
[[person]]
name = "amara"
addresses = ["amara@example.org"]

[[person]]
name = "ben"
addresses = ["ben@example.org"]

[[webhook]]
name = "pager"
kind = "pagerduty"
secret_file = "key"

[[ladder]]
name = "emergency"
follow_up = "2 h"

[[ladder.step]]
to = ["amara"]
wait = "10 min"

[[ladder.step]]
to = ["ben"]
wait = "10 min"

[[ladder.step]]
to = ["amara", "ben", "pager"]
wait = "15 min"
"#;

const THREAT: &str = "I will kill everybody in the office tomorrow, I have a gun.";

impl Bench {
    fn on_call() -> Bench {
        Bench::with_ladder(ON_CALL)
    }

    fn phone<T: Send + 'static>(&self, say: impl FnOnce(&Tx<'_>, &Phone<'_>) -> Result<T> + Send + 'static) -> T {
        let (policy, key, now) = (std::sync::Arc::clone(&self.policy), self.store.token_key(), self.now);
        self.store.write_blocking(move |tx| say(tx, &Phone { config: &policy.config, key, now })).unwrap()
    }

    /// Everything that is due now, as the loop does it.
    fn climb(&self) {
        let now = self.now;
        let lapsed = self.store.read_blocking(|view| alerts::lapsed(view, now, 99)).unwrap();
        for (alert, snoozed, since) in lapsed {
            self.phone(move |tx, phone| callout::lapse(tx, phone, &alert, snoozed, since));
        }
        for firing in self.store.read_blocking(|view| alerts::due(view, now, 99)).unwrap() {
            self.phone(move |tx, phone| call::call(tx, phone, &firing));
        }
    }

    fn later(&mut self, minutes: i64) {
        self.now += SignedDuration::from_mins(minutes);
        self.climb();
    }

    fn lane(&self, channel: &str, kind: Kind) -> Vec<Claimed> {
        let (now, lane) = (self.now, Lane { channel: channel.to_owned(), kinds: vec![kind] });
        self.store.write_blocking(move |tx| outbox::claim(tx, &lane, 10_000, Duration::from_secs(60), now)).unwrap()
    }

    /// Sends what waits, and returns what went out: recipient and text.
    fn sent(&self, channel: &str, kind: Kind) -> Vec<(String, String)> {
        let rows = self.lane(channel, kind);
        self.settle(&rows, &Outcome::Sent);
        rows.into_iter().map(|row| (row.rcpt_to, String::from_utf8_lossy(&unpack(&row.packed).unwrap()).into_owned())).collect()
    }

    fn settle(&self, rows: &[Claimed], outcome: &Outcome) {
        let next = crate::outbox::next(Kind::Alert, 1, outcome, 0.0);
        let (rows, outcome, now): (Vec<i64>, _, _) = (rows.iter().map(|row| row.id).collect(), outcome.clone(), self.now);
        let settle = move |tx: &Tx<'_>, id: i64| {
            let state = outbox::record(tx, id, &outcome, &next, now)?;
            if state == OutboxState::Dead {
                alerts::climb(tx, id, now)?;
            }
            Ok(())
        };
        self.store.write_blocking(move |tx| rows.iter().try_for_each(|id| settle(tx, *id))).unwrap();
    }

    /// Who is called by mail now.
    fn called(&self) -> Vec<String> {
        self.sent("", Kind::Alert).into_iter().map(|(to, _)| to.split('@').next().unwrap().to_owned()).collect()
    }

    fn noticed(&self) -> Vec<(String, String)> {
        self.sent("", Kind::Notice)
    }

    fn alert(&self) -> AlertRow {
        self.store.read_blocking(|view| alerts::list(view, true, 9)).unwrap().pop().expect("an alert")
    }

    fn id_of_call(&self) -> String {
        let raw = self.sent("", Kind::Alert).pop().expect("a call").1;
        raw.lines().find_map(|line| line.strip_prefix("Message-ID: ")).expect("an id").to_owned()
    }
}

fn answer(from: &str, id: &str, to: &str, headers: &str) -> String {
    format!(
        "From: {from}\nTo: emergency@example.org\nSubject: Re: ALERT\nMessage-ID: <{id}@example.org>\nIn-Reply-To: {to}\n{headers}\nOn it.\n"
    )
}

#[test]
fn an_alert_climbs_its_ladder_and_repeats_the_last_step_through_three_days_of_silence() {
    let mut bench = Bench::on_call();
    bench.mail("emergency", &report("emergency@example.org", "1", THREAT));
    bench.climb();
    assert_eq!(bench.called(), ["amara"]);
    bench.later(9);
    assert!(bench.called().is_empty());
    bench.later(1);
    assert_eq!(bench.called(), ["ben"]);
    bench.later(10);
    assert_eq!(bench.called(), ["amara", "ben"]);
    assert_eq!(bench.sent("pager", Kind::Alert).len(), 1);
    let mut calls = 0;
    for _ in 0..3 * 24 * 4 {
        bench.later(15);
        calls += bench.called().len();
    }
    assert_eq!(calls, 3 * 24 * 4 * 2, "two people, four times an hour, three days long");
    assert!(bench.alert().fires());
}

#[test]
fn who_answers_the_alert_has_it_and_the_others_are_told() {
    let mut bench = Bench::on_call();
    bench.mail("emergency", &report("emergency@example.org", "1", THREAT));
    bench.climb();
    bench.called();
    bench.later(10);
    let id = bench.id_of_call();
    bench.later(10);
    assert_eq!(bench.sent("pager", Kind::Alert).len(), 1);
    assert!(matches!(bench.mail("emergency", &answer("Ben <BEN@example.org>", "a1", &id, "")), Taken::FollowUp(_)));
    assert_eq!(bench.alert().acknowledged_by.as_deref(), Some("ben"));
    let told = bench.noticed();
    assert_eq!(told.len(), 1, "amara, not ben: {told:?}");
    assert!(told[0].0 == "amara@example.org" && told[0].1.contains("ben has TS-"), "{told:?}");
    let pager = bench.sent("pager", Kind::Notice).pop().expect("the pager is told").1;
    assert!(pager.contains("\"event_action\":\"acknowledge\""), "{pager}");
    bench.later(30);
    assert!(bench.called().is_empty(), "calls that waited are dropped, and there are no new ones");
    // Who comes late learns whose it is.
    bench.mail("emergency", &answer("amara@example.org", "a2", &id, ""));
    assert!(bench.noticed().iter().any(|(to, text)| to == "amara@example.org" && text.contains("ben has it already")));
}

#[test]
fn no_absence_note_no_stranger_no_forged_address_and_no_made_up_token_acknowledges() {
    let mut bench = Bench::on_call();
    bench.mail("emergency", &report("emergency@example.org", "1", THREAT));
    bench.climb();
    let id = bench.id_of_call();
    let forged = "Authentication-Results: mx.example.org; dmarc=fail header.from=example.org\n";
    bench.mail("emergency", &answer("amara@example.org", "b1", &id, "Auto-Submitted: auto-replied\n"));
    bench.mail("emergency", &answer("mallory@example.net", "b2", &id, ""));
    bench.mail("emergency", &answer("amara@example.org", "b3", &id, forged));
    bench.mail("emergency", &answer("ben@example.org", "b4", &id, ""));
    let reference = bench.alert().case;
    bench.mail(
        "emergency",
        &answer("amara@example.org", "b5", &format!("<{reference}.alert.0.0123456789ABCDEF@triaged.example.org>"), ""),
    );
    assert!(bench.alert().fires(), "{:?}: ben was not called yet", bench.alert());
    bench.mail("emergency", &answer("amara@example.org", "b6", &id, ""));
    assert!(bench.alert().is_taken());
}

#[test]
fn a_reporter_who_writes_again_calls_at_once_and_the_alert_says_so() {
    let mut bench = Bench::on_call();
    bench.mail("emergency", &report("emergency@example.org", "1", THREAT));
    bench.climb();
    bench.called();
    bench.now += SignedDuration::from_mins(3);
    bench.mail("ca", &format!("In-Reply-To: <1@example.net>\n{}", report("ca@example.org", "2", "Please, hurry.")));
    bench.climb();
    let calls = bench.sent("", Kind::Alert);
    assert_eq!(calls.len(), 1, "{calls:?}");
    assert!(calls[0].0 == "amara@example.org" && calls[0].1.contains("News: the reporter wrote again"), "{}", calls[0].1);
    bench.later(7);
    assert_eq!(bench.called(), ["ben"], "and the ladder climbs as it would have");
    // In a mail of its own, to a queue that wakes nobody.
    bench.now += SignedDuration::from_mins(5);
    bench.mail("ca", &report("ca@example.org", "3", "How can I change my user name?"));
    bench.climb();
    assert_eq!(bench.called(), ["ben"]);
}

#[test]
fn who_has_it_is_told_of_news_and_nobody_else_is() {
    let mut bench = Bench::on_call();
    bench.mail("emergency", &report("emergency@example.org", "1", THREAT));
    bench.climb();
    let id = bench.id_of_call();
    bench.mail("emergency", &answer("amara@example.org", "a1", &id, ""));
    bench.noticed();
    bench.later(5);
    bench.mail("emergency", &format!("In-Reply-To: <1@example.net>\n{}", report("emergency@example.org", "2", THREAT)));
    bench.climb();
    let told = bench.noticed();
    assert!(told.len() == 1 && told[0].0 == "amara@example.org" && told[0].1.contains("wrote again; you have"), "{told:?}");
    assert!(bench.called().is_empty());
}

#[test]
fn an_acknowledgement_that_nobody_follows_up_fires_anew_and_one_that_somebody_does_not() {
    let mut bench = Bench::on_call();
    bench.mail("emergency", &report("emergency@example.org", "1", THREAT));
    bench.climb();
    bench.called();
    let take = |bench: &Bench| {
        let alert = bench.alert();
        bench.phone(move |tx, phone| callout::take(tx, phone, &alert, "amara", "by command")).unwrap();
    };
    take(&bench);
    bench.later(119);
    assert!(bench.called().is_empty());
    bench.later(2);
    let calls = bench.sent("", Kind::Alert);
    assert!(calls[0].1.contains("Again: amara has it since") && calls[0].1.contains("nobody has followed up"), "{}", calls[0].1);
    take(&bench);
    let (case, now) = (bench.cases()[0].id, bench.now + SignedDuration::from_mins(1));
    bench
        .store
        .write_blocking(move |tx| crate::store::audit::add(tx, now, "amara", "note", Some(case), "police called"))
        .unwrap();
    bench.later(600);
    assert!(bench.called().is_empty() && bench.alert().is_taken());
}

#[test]
fn it_can_be_given_back_handed_over_put_off_and_ended() {
    let mut bench = Bench::on_call();
    bench.mail("emergency", &report("emergency@example.org", "1", THREAT));
    bench.climb();
    bench.called();
    let with = |bench: &Bench, say: fn(&Tx<'_>, &Phone<'_>, &AlertRow) -> Result<std::result::Result<(), String>>| {
        let alert = bench.alert();
        bench.phone(move |tx, phone| say(tx, phone, &alert))
    };
    assert!(with(&bench, |tx, phone, alert| callout::give_back(tx, phone, alert, "amara", "ill")).is_err(), "nobody has it");
    with(&bench, |tx, phone, alert| callout::take(tx, phone, alert, "amara", "by command")).unwrap();
    with(&bench, |tx, phone, alert| callout::give_back(tx, phone, alert, "amara", "ill")).unwrap();
    bench.later(0);
    assert!(bench.sent("", Kind::Alert)[0].1.contains("Again: given back by amara: ill"));
    with(&bench, |tx, phone, alert| callout::take(tx, phone, alert, "amara", "by command")).unwrap();
    assert!(with(&bench, |tx, phone, alert| callout::hand_over(tx, phone, alert, "amara", "bne")).is_err(), "a name nobody has");
    with(&bench, |tx, phone, alert| callout::hand_over(tx, phone, alert, "amara", "ben")).unwrap();
    assert!(bench.noticed().iter().any(|(to, text)| to == "ben@example.org" && text.contains("you have it now")));
    let day = |tx: &Tx<'_>, phone: &Phone<'_>, alert: &AlertRow| {
        Ok(callout::snooze(tx, phone, alert, "ben", SignedDuration::from_hours(24))?.map(drop))
    };
    assert!(with(&bench, day).unwrap_err().contains("1 h at most"));
    let half = |tx: &Tx<'_>, phone: &Phone<'_>, alert: &AlertRow| {
        Ok(callout::snooze(tx, phone, alert, "ben", SignedDuration::from_mins(30))?.map(drop))
    };
    with(&bench, half).unwrap();
    bench.later(29);
    assert!(bench.called().is_empty());
    bench.later(1);
    assert_eq!(bench.called(), ["amara"], "from the first step");
    with(&bench, |tx, phone, alert| callout::resolve(tx, phone, alert, "ben", "ben says it is over").map(|_| Ok(()))).unwrap();
    bench.later(6_000);
    assert!(bench.called().is_empty());
}

#[test]
fn an_acknowledgement_between_claim_and_send_and_a_restart_in_every_state_lose_nothing() {
    let mut bench = Bench::on_call();
    bench.mail("emergency", &report("emergency@example.org", "1", THREAT));
    let reopen = |bench: &mut Bench| {
        let path = bench.dir.path().join("t.db");
        let elsewhere = tempfile::tempdir().unwrap();
        bench.store = Store::open(&elsewhere.path().join("x.db"), crate::store::Role::Operator).unwrap();
        bench.store = Store::open(&path, crate::store::Role::Daemon).unwrap();
    };
    reopen(&mut bench);
    bench.climb();
    reopen(&mut bench);
    let rows = bench.lane("", Kind::Alert);
    assert_eq!(rows.len(), 1, "the call was left in the outbox");
    let alert = bench.alert();
    bench.phone(move |tx, phone| callout::take(tx, phone, &alert, "amara", "by command")).unwrap();
    bench.settle(&rows, &Outcome::Sent);
    reopen(&mut bench);
    bench.later(60);
    assert!(bench.called().is_empty() && bench.alert().is_taken());
    reopen(&mut bench);
    bench.later(61);
    assert_eq!(bench.called(), ["amara"], "nobody followed up");
}

#[test]
fn who_refuses_for_good_is_passed_over_at_once_and_does_not_make_it_ring_without_end() {
    let mut bench = Bench::on_call();
    bench.mail("emergency", &report("emergency@example.org", "1", THREAT));
    bench.climb();
    bench.settle(&bench.lane("", Kind::Alert), &Outcome::Refused("550 no such user".into()));
    bench.climb();
    let rows = bench.lane("", Kind::Alert);
    assert_eq!(rows.iter().map(|row| row.rcpt_to.as_str()).collect::<Vec<_>>(), ["ben@example.org"]);
    bench.settle(&rows, &Outcome::Refused("550".into()));
    bench.climb();
    bench.settle(&bench.lane("", Kind::Alert), &Outcome::Refused("550".into()));
    bench.climb();
    assert!(bench.lane("", Kind::Alert).is_empty(), "not again before its time");
    bench.later(15);
    assert_eq!(bench.lane("", Kind::Alert).len(), 2, "but then");
}

#[test]
fn while_mail_is_down_the_webhook_calls_at_once_and_mail_follows_when_it_is_back() {
    let mut bench = Bench::with_ladder(&ON_CALL.replacen("to = [\"amara\"]", "to = [\"amara\", \"pager\"]", 1));
    bench.mail("emergency", &report("emergency@example.org", "1", THREAT));
    bench.climb();
    assert_eq!(bench.sent("pager", Kind::Alert).len(), 1);
    let (mut tries, mut rang) = (0, 0);
    for _ in 0..60 {
        rang += bench.sent("pager", Kind::Alert).len();
        let rows = bench.lane("", Kind::Alert);
        tries += rows.len();
        bench.settle(&rows, &Outcome::Later("connection refused".into()));
        bench.later(1);
    }
    assert!(tries >= 60, "{tries}: an alert is tried at least every minute");
    assert_eq!(rang, 3, "the pager rang on, at each of its steps");
    let mut called = bench.called();
    called.sort();
    assert_eq!(called, ["amara", "ben"], "one call each waited, not one for each time they would have been called");
}

#[test]
#[allow(clippy::print_stderr, reason = "the measured figure is what the test is run for")]
fn a_mail_bomb_costs_a_handful_of_calls_and_a_threat_from_somebody_else_calls_for_itself() {
    // CI takes a tenth; the whole is a matter of patience.
    let bombs: usize = std::env::var("TRIAGED_BOMBS").ok().and_then(|n| n.parse().ok()).unwrap_or(500);
    let mut bench = Bench::on_call();
    let (mut calls, mut real) = (Vec::new(), None);
    for n in 0..bombs {
        let bomb =
            report("emergency@example.org", &format!("bomb{n}"), &format!("Boom {n}")).replace("ada@", &format!("x{}@", n % 50));
        bench.mail("emergency", &bomb);
        if n == bombs / 2 {
            let threat = report("emergency@example.org", "real", THREAT).replace("ada@", "witness@");
            if let Taken::New(case) = bench.mail("emergency", &threat) {
                real = Some(case);
            }
        }
        // All of it within ten minutes.
        bench.now += SignedDuration::from_millis(600_000 / bombs as i64);
        bench.climb();
        calls.extend(bench.sent("", Kind::Alert).into_iter().map(|(to, text)| (n, to, text)));
    }
    let real = real.expect("a case of its own").to_string();
    let first =
        calls.iter().find(|(_, _, text)| text.contains(&format!("ALERT [threat-of-harm] {real}"))).expect("its own alert");
    assert_eq!(first.0, bombs / 2, "at once");
    let of = |who: &str| calls.iter().filter(|(_, to, _)| to.starts_with(who)).count();
    let figure = format!("{bombs} mails in 10 minutes: {} calls to amara, {} to ben", of("amara"), of("ben"));
    eprintln!("figure: {figure}");
    assert!(of("amara") <= 25, "{figure}");
    // No case is lost from the list: each has an alert that fires, by itself or with another.
    assert_eq!(bench.store.read_blocking(|view| alerts::list(view, false, 100_000)).unwrap().len(), bombs + 1);
    let named = calls.iter().filter_map(|(_, _, text)| text.split("And ").nth(1)).next_back().expect("a bundle");
    assert!(named.contains("more like it"), "{named}");
}

#[test]
fn who_takes_a_bundle_has_what_it_named_and_the_rest_calls_on() {
    let mut bench = Bench::on_call();
    let bomb = |n: usize| report("emergency@example.org", &format!("b{n}"), &format!("Boom {n}"));
    for n in 0..20 {
        bench.mail("emergency", &bomb(n));
    }
    bench.climb();
    bench.later(10);
    let led = bench.store.read_blocking(|view| alerts::list(view, false, 99)).unwrap();
    assert_eq!(led.iter().filter(|alert| alert.called_with.is_some()).count(), 17);
    bench.mail("emergency", &bomb(20));
    let leader = led.iter().find(|alert| led.iter().any(|l| l.called_with.as_ref() == Some(&alert.case))).unwrap().clone();
    bench.phone(move |tx, phone| callout::take(tx, phone, &leader, "amara", "by command")).unwrap();
    let open = bench.store.read_blocking(|view| alerts::list(view, false, 99)).unwrap();
    assert_eq!(open.len(), 3, "two that called for themselves, and the one that no call had named: {open:?}");
    assert!(open.iter().all(|alert| alert.called_with.is_none()));
}

#[test]
fn what_is_wrong_with_ourselves_is_said_once_taken_by_an_answer_and_its_end_is_told() {
    let mut bench = Bench::on_call();
    for _ in 0..3 {
        bench.phone(|tx, phone| {
            callout::trouble(tx, phone, "account ca", "The mailbox ca has not been read for 11 min", "emergency")
        });
    }
    bench.climb();
    let calls = bench.sent("", Kind::Alert);
    assert_eq!(calls.len(), 1);
    assert!(
        calls[0].1.contains("The mailbox ca has not been read for 11 min") && calls[0].1.contains("ALERT [triaged]"),
        "{}",
        calls[0].1
    );
    let id = calls[0].1.lines().find_map(|line| line.strip_prefix("Message-ID: ")).unwrap().to_owned();
    let to = calls[0].1.lines().find_map(|line| line.strip_prefix("Reply-To: ")).unwrap().to_owned();
    assert!(to.contains("ca@example.org"), "{to}: not where an answer would wake somebody");
    assert_eq!(
        bench.mail("emergency", &answer("MAILER-DAEMON@example.org", "d", &id, "Auto-Submitted: auto-replied\n")),
        Taken::Ours
    );
    assert!(bench.alert().fires());
    assert_eq!(bench.mail("ca", &answer("amara@example.org", "t", &id, "")), Taken::Ours);
    assert!(bench.cases().is_empty(), "an answer about ourselves is no report");
    assert_eq!(bench.alert().acknowledged_by.as_deref(), Some("amara"));
    let alert = bench.alert();
    bench.phone(move |tx, phone| callout::resolve(tx, phone, &alert, "daemon", "The mailbox ca is being read again"));
    assert!(bench.noticed().iter().any(|(_, text)| text.contains("is being read again")));
    bench.phone(|tx, phone| callout::trouble(tx, phone, "account ca", "again", "emergency"));
    bench.later(0);
    assert_eq!(bench.called(), ["amara"], "a new trouble is a new alert");
}

#[test]
fn a_canary_that_comes_back_is_no_case_and_one_with_other_words_or_a_forged_token_is() {
    let mut bench = Bench::on_call();
    let sent = bench.now;
    let number = bench.store.write_blocking(move |tx| crate::store::canaries::sent(tx, "ca@example.org", sent)).unwrap();
    let missing =
        |bench: &Bench| bench.store.read_blocking(|view| crate::store::canaries::missing_since(view, "ca@example.org")).unwrap();
    let id = token::canary(&bench.store.token_key(), "triaged.example.org", number);
    let mail = |id: &str, words: &str| {
        format!("From: triaged@example.org\nTo: ca@example.org\nSubject: triaged canary\nMessage-ID: <{id}>\n\n{words}\n")
    };
    let text = crate::reply::canary::TEXT;
    assert!(missing(&bench).is_some());
    assert!(matches!(bench.mail("ca", &mail(&id, THREAT)), Taken::New(_)), "a replayed id hides no report");
    assert!(matches!(bench.mail("ca", &mail("canary.1.0123456789ABCDEF@triaged.example.org", text)), Taken::New(_)));
    assert!(missing(&bench).is_some());
    bench.now += SignedDuration::from_secs(2);
    assert_eq!(bench.mail("ca", &mail(&id, text)), Taken::Ours);
    assert_eq!(missing(&bench), None);
    assert_eq!(bench.cases().len(), 2);
}

#[test]
fn a_ladder_that_reaches_nobody_calls_everybody_it_could_ever_name() {
    let away = ON_CALL.replace("to = [\"amara\"]", "to = [\"nights\"]").replace("to = [\"ben\"]", "to = [\"nights\"]");
    let away = away.replace("to = [\"amara\", \"ben\", \"pager\"]", "to = [\"nights\"]");
    let rota = "\n[[rota]]\nname = \"nights\"\ntime_zone = \"UTC\"\nical = \"none.ics\"\n";
    let mut bench = Bench::with_ladder(&format!("{away}{rota}"));
    bench.mail("emergency", &report("emergency@example.org", "1", THREAT));
    bench.climb();
    assert_eq!(bench.called(), ["amara"]);
}

#[test]
fn an_excerpt_stands_in_an_alert_only_where_the_queue_allows_it_and_nothing_was_ever_sealed() {
    let mut bench = Bench::on_call();
    let mut policy = Policy::load(&bench.dir.path().join("t.toml")).unwrap();
    policy.config.queues.iter_mut().filter(|queue| !queue.sealed).for_each(|queue| queue.alert_lines = 1);
    bench.policy = std::sync::Arc::new(policy);
    bench.mail("emergency", &report("emergency@example.org", "1", THREAT));
    bench.climb();
    assert!(bench.sent("", Kind::Alert)[0].1.contains(&format!("> {THREAT}")));
    // A case of the sealed queue, which a further mail lifts into the one that allows an excerpt.
    bench.mail("ca", &report("ca@example.org", "2", "A quiet word."));
    let case = bench.cases().into_iter().find(|case| case.queue == "general").expect("a case").id;
    let now = bench.now;
    bench.store.write_blocking(move |tx| crate::store::cases::requeue(tx, case, "general", "child-protection", now)).unwrap();
    let sealed =
        "INSERT INTO verdicts (message, queue, rules_hash, verdict, judged) SELECT message, 'child-protection', '', verdict, 1
                  FROM verdicts ORDER BY id DESC LIMIT 1";
    rusqlite::Connection::open(bench.dir.path().join("t.db")).unwrap().execute(sealed, []).unwrap();
    bench.mail("ca", &format!("In-Reply-To: <2@example.net>\n{}", report("ca@example.org", "3", THREAT)));
    bench.climb();
    let calls = bench.sent("", Kind::Alert);
    assert!(!calls.is_empty() && calls.iter().all(|(_, text)| !text.contains("kill everybody")), "{calls:?}");
}

#[test]
fn at_night_another_ladder_is_climbed_decided_when_the_alert_fires() {
    let night = "\n[[ladder.instead]]\nladder = \"night\"\ntime_zone = \"UTC\"\nhours = \"22:00-06:00\"\n\n\
                 [[ladder]]\nname = \"night\"\n[[ladder.step]]\nto = [\"ben\"]\nwait = \"10 min\"\n";
    let mut bench = Bench::with_ladder(&format!("{ON_CALL}{night}"));
    // 08:00 UTC, and fifteen hours later.
    bench.mail("emergency", &report("emergency@example.org", "1", THREAT));
    bench.climb();
    assert_eq!(bench.called(), ["amara"]);
    let alert = bench.alert();
    bench.phone(move |tx, phone| callout::resolve(tx, phone, &alert, "amara", "over").map(drop));
    bench.now += SignedDuration::from_hours(15);
    bench.mail("emergency", &report("emergency@example.org", "2", "I will kill everybody, at night.").replace("ada@", "eve@"));
    bench.climb();
    assert_eq!(bench.called(), ["ben"]);
}
