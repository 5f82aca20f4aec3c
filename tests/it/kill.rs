//! `kill -9`, again and again, while mail arrives: nothing is lost, nothing is stored twice, and at most one answer a kill
//! is sent again: the one that was between the server's 250 and our record of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::support::daemon::{LONG, Site, header, mail_with, report, within};
use crate::support::dovecot::Dovecot;
use crate::support::imap_client;
use crate::support::postfix::Postfix;
use crate::support::sink::{Sink, Taken, times};

const INTAKE: &str = "ca@example.org";
const MAILS: usize = 500;
const KILLS: usize = 20;

/// xorshift64*: random moments that can be had again from their seed.
pub(crate) struct Dice(u64);

impl Dice {
    /// From `TRIAGED_SEED`, else from the clock.
    pub(crate) fn new() -> Self {
        let given = std::env::var("TRIAGED_SEED").ok().and_then(|seed| seed.parse().ok());
        let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(1, |d| d.as_nanos() as u64);
        let seed = given.unwrap_or(clock).max(1);
        eprintln!("seed: TRIAGED_SEED={seed}");
        Dice(seed)
    }

    /// Below `limit`.
    pub(crate) fn roll(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % limit
    }
}

/// How many mails of each run (a run ends with a kill) were taken again in a later one.
pub(crate) fn again_by_run(taken: &[Taken], kills: &[Instant]) -> BTreeMap<usize, usize> {
    let mut last: BTreeMap<String, usize> = BTreeMap::new();
    let mut again = BTreeMap::new();
    for mail in taken {
        let run = kills.iter().filter(|kill| **kill < mail.at).count();
        if let Some(earlier) = last.insert(mail.header("Message-ID"), run) {
            *again.entry(earlier).or_default() += 1;
        }
    }
    again
}

#[test]
fn kill_9_at_twenty_random_moments_while_500_mails_arrive_loses_none_and_doubles_at_most_one_answer_a_kill() {
    let began = Instant::now();
    let mut dice = Dice::new();
    let dovecot = Arc::new(Dovecot::start(&[INTAKE]));
    let sink = Sink::start();
    // The window that a kill must hit is the time between a mail's last byte and our record of the 250.
    sink.think(Duration::from_millis(15));
    let mut site = Site::new(sink.port);
    // Several connections send answers at once: still only one of them may be in doubt.
    site.config.send = site.config.send.replace("connections = 4", "connections = 12");
    let mailbox = site.imap(&dovecot, "ca", "implicit", true);
    site.account("ca", "general", "poll = \"1 s\"", &mailbox);
    // A daemon that lives for half a second must not spend it on compiling all the shipped rules.
    site.rules(&[("word.toml", "[[rule]]\nid = \"word\"\nwhy = \"A word.\"\ntopics = [\"word\"]\nany = [\"unheard-of\"]\n")]);
    site.write();
    let arrived = Arc::new(AtomicUsize::new(0));
    let arriving = std::thread::spawn({
        let (dovecot, arrived) = (Arc::clone(&dovecot), Arc::clone(&arrived));
        move || {
            for number in 1..=MAILS {
                dovecot.deliver(INTAKE, &report(number, INTAKE));
                arrived.store(number, Ordering::SeqCst);
                // Spread over the kills, so that each of them finds something under way.
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    });
    let (mut kills, mut at_kill) = (Vec::new(), Vec::new());
    for _ in 0..KILLS {
        site.spawn();
        std::thread::sleep(Duration::from_millis(200 + dice.roll(900)));
        site.kill();
        kills.push(Instant::now());
        at_kill.push((arrived.load(Ordering::SeqCst), site.stored(), sink.answers().len()));
    }
    site.spawn();
    within(LONG, "all mails have arrived", || (arrived.load(Ordering::SeqCst) == MAILS).then_some(()), || dovecot.log());
    arriving.join().expect("every mail was taken by Dovecot");
    site.until("it runs", || (!site.said("reading").is_empty()).then_some(()));
    site.wait_stored(MAILS);
    site.wait_sent();
    site.stop_well();

    let (answers, forwards) = (sink.answers(), sink.for_("ca-team@example.org"));
    let (answer_times, forward_times) = (times(&answers), times(&forwards));
    let doubled = answers.len() - answer_times.len();
    let again = again_by_run(&answers, &kills);
    eprintln!("(arrived, stored, answers taken) at each kill: {at_kill:?}");
    eprintln!(
        "figure: {KILLS} kills, {MAILS} mails: {} stored, {} answers to {} mails ({doubled} doubled), {} forwards of {} mails, {:.1} s",
        site.stored(),
        answers.len(),
        answer_times.len(),
        forwards.len(),
        forward_times.len(),
        began.elapsed().as_secs_f32()
    );

    assert_eq!(site.stored(), MAILS as i64, "every mail is stored once");
    assert_eq!(site.count("SELECT count(DISTINCT message_id) FROM messages"), MAILS as i64, "none twice, none missing");
    assert_eq!(site.count("SELECT count(*) FROM cases"), MAILS as i64);
    assert_eq!(site.count("SELECT count(*) FROM ledger"), MAILS as i64);
    assert_eq!(answer_times.len(), MAILS, "no answer is missing, and one sent again has the same Message-ID");
    assert!(again.values().all(|number| *number <= 1), "at most one answer a kill is sent again: {again:?}");
    assert!(doubled <= KILLS);
    let mut reporters: Vec<&str> = answers.iter().map(|answer| answer.to.as_str()).collect();
    reporters.sort_unstable();
    reporters.dedup();
    assert_eq!(reporters.len(), MAILS, "every reporter has an answer");
    assert_eq!(forward_times.len(), MAILS, "no forward is missing");
    assert_eq!(dovecot.flags(INTAKE, "INBOX").len(), MAILS, "nothing is gone from the server");
    // The test has tested something only if kills fell into the work.
    let busy = at_kill.iter().filter(|(arrived, stored, _)| (1..*arrived as i64).contains(stored)).count();
    assert!(busy > 0, "no kill fell between arrival and storing: {at_kill:?}");
}

#[test]
fn the_same_through_a_real_postfix_into_real_mailboxes() {
    const FEWER: usize = 120;
    const KILLS: usize = 6;
    const REPORTER: &str = "ana@example.net";
    const TEAM: &str = "ca-team@example.org";
    let mut dice = Dice::new();
    let dovecot = Dovecot::start(&[INTAKE, REPORTER, TEAM]);
    let postfix = Postfix::start(&dovecot);
    let mut site = Site::new(postfix.relay);
    site.config.limits.push_str("answers_per_sender = 100000\n");
    let mailbox = site.imap(&dovecot, "ca", "starttls", true);
    site.account("ca", "general", "poll = \"1 s\"", &mailbox);
    site.write();
    for run in 0..KILLS {
        site.spawn();
        for number in run * FEWER / KILLS..(run + 1) * FEWER / KILLS {
            let from = format!("Message-ID: <report-{number}@example.net>\r\nFrom: <{REPORTER}>\r\n");
            postfix.hand_over(REPORTER, INTAKE, &mail_with(&from, number, INTAKE));
        }
        std::thread::sleep(Duration::from_millis(dice.roll(700)));
        site.kill();
    }
    site.spawn();
    site.until("it runs", || (!site.said("reading").is_empty()).then_some(()));
    site.wait_stored(FEWER);
    site.wait_sent();
    site.stop_well();
    assert_eq!(site.stored(), FEWER as i64);
    for (user, what, most) in [(REPORTER, "acknowledgement", FEWER + KILLS), (TEAM, "forward", usize::MAX)] {
        let mails = || {
            // What Postfix has taken and not yet delivered comes within moments.
            let mails = imap_client::mails(&dovecot, user, "INBOX");
            let ids = mails.iter().filter_map(|mail| header(&String::from_utf8_lossy(mail), "Message-ID"));
            let ids: BTreeMap<String, usize> = ids.fold(BTreeMap::new(), |mut ids, id| {
                *ids.entry(id).or_default() += 1;
                ids
            });
            (ids.len() >= FEWER).then_some(ids)
        };
        let ids = within(LONG, &format!("every {what} is in the mailbox"), mails, || postfix.log());
        let all: usize = ids.values().sum();
        eprintln!("figure: {KILLS} kills, {FEWER} mails through Postfix: {all} mails with {} Message-IDs: {what}", ids.len());
        assert_eq!(ids.len(), FEWER, "none is missing, and one sent again has the same Message-ID");
        assert!(all <= most, "at most one {what} a kill is sent again: {all}");
    }
}
