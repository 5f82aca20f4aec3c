//! The whole way of a mail on real servers: handed to Postfix by SMTP, delivered into Dovecot by LMTP, read by the daemon,
//! and its answer and its forward read back over IMAP from the mailboxes of those they are for.

use std::time::{Duration, Instant};

use crate::support::daemon::{LONG, Site, header, mail_with, within};
use crate::support::dovecot::Dovecot;
use crate::support::postfix::Postfix;
use crate::support::{imap_client, until};

const INTAKE: &str = "emergency@example.org";
const REPORTER: &str = "ana@example.net";
const TEAM: &str = "emergency-team@example.org";
const ON_CALL: &str = "on-call@example.org";
const USERS: [&str; 4] = [INTAKE, REPORTER, TEAM, ON_CALL];

/// Servers and a daemon that reads `emergency@` from them.
struct World {
    dovecot: Dovecot,
    postfix: Postfix,
    site: Site,
}

impl World {
    fn new(tls: &str, idle: bool, poll: &str) -> Self {
        let dovecot = Dovecot::start(&USERS);
        let postfix = Postfix::start(&dovecot);
        let mut site = Site::new(postfix.relay);
        let mailbox = site.imap(&dovecot, "emergency", tls, idle);
        site.account("emergency", "threat-of-harm", &format!("poll = \"{poll}\""), &mailbox);
        World { dovecot, postfix, site }
    }

    /// Starts the daemon, which sends through Postfix logged in and encrypted, as it reads.
    fn start(tls: &str, idle: bool, poll: &str) -> Self {
        let mut world = World::new(tls, idle, poll);
        world.site.submit_to(&world.postfix, &world.dovecot, "emergency", tls);
        world.site.start();
        world
    }

    /// Waits for so many mails in a mailbox and reads them over IMAP.
    fn mails(&self, user: &str, number: usize) -> Vec<String> {
        let explain = || format!("{}\n{}", self.site.tail(), self.postfix.log());
        let mut waiting = Instant::now();
        let arrived = || {
            let maildir = self.dovecot.maildir(user);
            let files = |sub: &str| std::fs::read_dir(maildir.join(sub)).map_or(0, Iterator::count);
            let come = files("new") + files("cur");
            if come < number && waiting.elapsed() > Duration::from_secs(5) {
                // What Postfix holds back because Dovecot was away it would try again in its own time.
                self.postfix.flush();
                waiting = Instant::now();
            }
            (come >= number).then_some(())
        };
        within(LONG, &format!("{number} mails have come to {user}"), arrived, explain);
        let mails = imap_client::mails(&self.dovecot, user, "INBOX");
        mails.iter().map(|mail| String::from_utf8_lossy(mail).into_owned()).collect()
    }

    /// How often Postfix was handed each Message-ID of ours, whatever Dovecot did to it later.
    fn handed_over(&self, kind: &str) -> std::collections::BTreeMap<String, usize> {
        let mut times = std::collections::BTreeMap::new();
        for line in self.postfix.log().lines().filter(|line| line.contains("cleanup[")) {
            if let Some(id) = line.split("message-id=").nth(1).filter(|id| id.contains(&format!(".{kind}."))) {
                *times.entry(id.to_owned()).or_default() += 1;
            }
        }
        times
    }
}

fn value(mail: &str, name: &str) -> String {
    header(mail, name).unwrap_or_else(|| panic!("no {name} in\n{mail}"))
}

/// A report whose subject and text must never come back in an answer.
fn report(number: usize) -> Vec<u8> {
    mail_with(&format!("Message-ID: <report-{number}@example.net>\r\nFrom: Ana Example <{REPORTER}>\r\n"), number, INTAKE)
}

fn check_answer(answer: &str, reference: &str) {
    assert_eq!(value(answer, "Return-Path"), "<>", "the envelope sender is the null sender");
    assert_eq!(value(answer, "Auto-Submitted"), "auto-replied");
    assert_eq!(value(answer, "X-Auto-Response-Suppress"), "All");
    assert_eq!(value(answer, "In-Reply-To"), "<report-1@example.net>");
    assert_eq!(value(answer, "References"), "<report-1@example.net>");
    assert_eq!(value(answer, "To"), format!("<{REPORTER}>"), "one recipient");
    assert!(header(answer, "Cc").is_none() && header(answer, "Bcc").is_none(), "{answer}");
    assert_eq!(value(answer, "Delivered-To"), REPORTER);
    assert!(value(answer, "From").ends_with(&format!("<{INTAKE}>")), "{answer}");
    let id = value(answer, "Message-ID");
    let token =
        id.strip_prefix(&format!("<{reference}.acknowledgement.1.")).and_then(|id| id.strip_suffix("@triaged.example.org>"));
    assert!(token.is_some_and(|token| token.len() == 16), "the Message-ID carries a token: {id}");
    assert!(value(answer, "Subject").contains(reference), "{answer}");
    for word in ["Question number", "opening hours", "archive"] {
        assert!(!answer.contains(word), "no text of the sender's stands in an answer: {word}\n{answer}");
    }
}

fn check_forward(forward: &str, reference: &str) {
    assert_eq!(value(forward, "Return-Path"), "<triaged@example.org>", "bounces of forwards come back to us");
    assert_eq!(value(forward, "Auto-Submitted"), "auto-generated");
    assert_eq!(value(forward, "To"), format!("<{TEAM}>"));
    assert_eq!(value(forward, "Subject"), format!("[threat-of-harm] {reference}"));
    assert!(value(forward, "Message-ID").starts_with(&format!("<{reference}.forward.")), "{forward}");
    let (_, original) = forward.split_once("Content-Type: message/rfc822").expect("the original is attached");
    assert!(original.contains("Subject: Question number 1\r\n"), "{original}");
    assert!(original.contains("opening hours of the archive"), "{original}");
}

fn check_alert(alert: &str, reference: &str) {
    assert_eq!(value(alert, "To"), format!("<{ON_CALL}>"));
    assert_eq!(value(alert, "Subject"), format!("ALERT [threat-of-harm] {reference}"));
    assert_eq!(value(alert, "Auto-Submitted"), "auto-generated");
    assert!(!alert.contains(REPORTER) && !alert.contains("archive"), "no address and no quote in an alert:\n{alert}");
}

/// One mail all the way, everything about it checked. Returns how long after Postfix took it the answer was in the mailbox.
fn one_mail_all_the_way(world: &World) -> Duration {
    world.postfix.hand_over(REPORTER, INTAKE, &report(1));
    let accepted = Instant::now();
    let maildir = world.dovecot.maildir(REPORTER).join("new");
    let in_mailbox = || std::fs::read_dir(&maildir).is_ok_and(|mut files| files.next().is_some()).then(|| accepted.elapsed());
    let took = within(LONG, "the answer is in the reporter's mailbox", in_mailbox, || world.site.tail());
    let reference = world.site.column("SELECT reference FROM cases").concat();
    let answers = world.mails(REPORTER, 1);
    let forwards = world.mails(TEAM, 1);
    let alerts = world.mails(ON_CALL, 1);
    assert_eq!((answers.len(), forwards.len(), alerts.len()), (1, 1, 1));
    check_answer(&answers[0], &reference);
    check_forward(&forwards[0], &reference);
    check_alert(&alerts[0], &reference);
    world.site.wait_sent();
    assert_eq!(world.site.stored(), 1);
    assert_eq!(world.dovecot.flags(INTAKE, "INBOX").len(), 1, "it stays on the server");
    assert!(!world.dovecot.flags(INTAKE, "INBOX").concat().contains("Seen"), "and unchanged");
    took
}

#[test]
fn a_mail_goes_from_postfix_to_dovecot_to_the_daemon_and_its_answer_and_forward_come_back_over_tls_with_idle() {
    let mut world = World::start("implicit", true, "60 s");
    world.dovecot.idling(INTAKE);
    let took = one_mail_all_the_way(&world);
    // It was IDLE that told: the next look without it was up to a minute away.
    assert!(took < Duration::from_secs(20), "{took:?}");
    eprintln!("figure: from Postfix's 250 to the answer in the reporter's mailbox, TLS and IDLE: {} ms", took.as_millis());
    world.site.stop_well();
}

#[test]
fn the_same_with_idle_switched_off_by_polling() {
    let mut world = World::start("implicit", false, "500 ms");
    let took = one_mail_all_the_way(&world);
    eprintln!("figure: from Postfix's 250 to the answer in the reporter's mailbox, polling each 500 ms: {} ms", took.as_millis());
    world.site.stop_well();
}

#[test]
fn the_same_over_starttls() {
    let mut world = World::start("starttls", true, "60 s");
    world.dovecot.idling(INTAKE);
    let took = one_mail_all_the_way(&world);
    eprintln!("figure: from Postfix's 250 to the answer in the reporter's mailbox, STARTTLS and IDLE: {} ms", took.as_millis());
    world.site.stop_well();
}

#[test]
fn with_the_server_killed_and_restarted_in_the_middle_every_mail_is_stored_once_and_every_answer_sent_once() {
    let mut world = World::new("implicit", true, "1 s");
    world.site.config.limits.push_str("answers_per_sender = 1000\n");
    world.site.start();
    let hand_over = |world: &World, numbers: std::ops::RangeInclusive<usize>| {
        numbers.for_each(|number| world.postfix.hand_over(REPORTER, INTAKE, &report(number)));
    };
    hand_over(&world, 1..=10);
    world.site.wait_stored(1);
    // Killed with mails in flight in every direction; Postfix holds what comes meanwhile, the daemon reconnects.
    world.dovecot.kill();
    hand_over(&world, 11..=20);
    world.site.until("the daemon notices", || (!world.site.said("the mailbox is not being read").is_empty()).then_some(()));
    world.dovecot.run();
    hand_over(&world, 21..=30);
    world.postfix.flush();
    world.site.wait_stored(30);
    world.site.wait_sent();
    let answers = world.mails(REPORTER, 30);
    assert_eq!(world.site.stored(), 30, "every mail exactly once in the store");
    assert_eq!(world.site.count("SELECT count(DISTINCT subject) FROM messages"), 30);
    assert_eq!(world.site.count("SELECT count(*) FROM cases"), 30);
    for kind in ["acknowledgement", "forward"] {
        until("Postfix has logged all", || (world.handed_over(kind).len() >= 30).then_some(()));
        let handed = world.handed_over(kind);
        assert_eq!(handed.len(), 30, "{kind}");
        assert!(handed.values().all(|times| *times == 1), "every {kind} is sent once: {handed:?}");
    }
    let ids: std::collections::BTreeSet<String> = answers.iter().map(|mail| value(mail, "In-Reply-To")).collect();
    assert_eq!(ids.len(), 30, "every reporter has an answer to each mail");
    world.site.stop_well();
}

#[test]
fn check_live_logs_in_to_a_real_mailbox_and_a_real_mail_server_and_says_which_refuses() {
    let world = World::start("implicit", true, "1 s");
    let rows = world.site.ask(&["check", "--live", "--json"]);
    assert_eq!(rows.len(), 2, "{rows:?}");
    assert!(rows.iter().all(|row| row["ok"] == true), "{rows:?}");
    assert_eq!((&rows[0]["what"], &rows[1]["what"]), (&"mailbox emergency".into(), &"sending".into()));
    assert!(rows[0]["detail"].as_str().is_some_and(|detail| detail.contains("INBOX, Junk (junk)")), "{rows:?}");
    // Mailbox and mail server share this file.
    std::fs::write(world.site.path("emergency.password"), "not the password\n").expect("the folder can be written");
    let output = world.site.triaged(&["check", "--live", "--json"]);
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{words}");
    for row in ["\"what\":\"mailbox emergency\",\"ok\":false", "\"what\":\"sending\",\"ok\":false"] {
        assert!(words.contains(row), "{words}");
    }
    assert!(!words.contains("not the password"), "a secret is never shown");
}
