//! On call, on real servers: a threat reaches the first person within seconds, the second after the step's time, and stops when a
//! person answers from a mail program; not for their absence note, nor for a forged answer. And `kill -9` in the middle of it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::kill::{Dice, again_by_run};
use crate::support::daemon::{LONG, Site, header, mail_with, within};
use crate::support::dovecot::Dovecot;
use crate::support::postfix::Postfix;
use crate::support::sink::{Sink, times};
use crate::support::{free_port, imap_client};

const INTAKE: &str = "emergency@example.org";
const AMARA: &str = "amara@example.org";
const BEN: &str = "ben@example.org";

/// One rule, so that a daemon is up at once.
const RULE: &str = "[[rule]]\nid = \"threat\"\nwhy = \"Somebody threatens to kill.\"\nqueue = \"threat-of-harm\"\npoints = 100\n\
                    any = [\"kill everybody\"]\nmatches = [\"I will kill everybody.\"]\nrejects = [\"Hello.\"]\n";

/// Queues that wake amara, then ben.
fn queues(wait: &str) -> String {
    format!(
        "[[queue]]\nname = \"threat-of-harm\"\nroute_to = [\"team@example.org\"]\nladder = \"emergency\"\n\n\
         [[queue]]\nname = \"general\"\nroute_to = [\"team@example.org\"]\n\n\
         [[person]]\nname = \"amara\"\naddresses = [\"{AMARA}\"]\n\n[[person]]\nname = \"ben\"\naddresses = [\"{BEN}\"]\n\n\
         [[ladder]]\nname = \"emergency\"\n\n[[ladder.step]]\nto = [\"amara\"]\nwait = \"{wait}\"\n\n\
         [[ladder.step]]\nto = [\"ben\"]\nwait = \"{wait}\"\n"
    )
}

struct World {
    dovecot: Dovecot,
    postfix: Postfix,
    site: Site,
}

impl World {
    fn start(wait: &str, more: &str) -> World {
        let dovecot = Dovecot::start(&[INTAKE, AMARA, BEN, "team@example.org", "ana@example.net"]);
        let postfix = Postfix::start(&dovecot);
        let mut site = Site::new(postfix.relay);
        let mailbox = site.imap(&dovecot, "emergency", "implicit", true);
        site.account("emergency", "threat-of-harm", "poll = \"60 s\"", &mailbox);
        site.submit_to(&postfix, &dovecot, "emergency", "implicit");
        site.rules(&[("r.toml", RULE)]);
        site.config.queues = format!("{}\n{more}", queues(wait));
        site.start();
        dovecot.idling(INTAKE);
        World { dovecot, postfix, site }
    }

    fn come(&self, user: &str) -> usize {
        let files = |sub: &str| std::fs::read_dir(self.dovecot.maildir(user).join(sub)).map_or(0, Iterator::count);
        files("new") + files("cur")
    }

    /// Waits for so many mails in a mailbox; how long that took.
    fn wait_for(&self, user: &str, number: usize) -> Duration {
        let began = Instant::now();
        let explain = || format!("{}\n{}", self.site.tail(), self.postfix.log());
        within(LONG, &format!("{number} mails for {user}"), || (self.come(user) >= number).then_some(()), explain);
        began.elapsed()
    }

    fn mails(&self, user: &str) -> Vec<String> {
        let mails = imap_client::mails(&self.dovecot, user, "INBOX");
        mails.iter().map(|mail| String::from_utf8_lossy(mail).into_owned()).collect()
    }

    fn state(&self) -> String {
        self.site.column("SELECT state FROM alerts WHERE case_id IS NOT NULL ORDER BY id").pop().unwrap_or_default()
    }
}

fn threat(number: usize) -> Vec<u8> {
    let from = format!("Message-ID: <threat-{number}@example.net>\r\nFrom: <ana{number}@example.net>\r\n");
    let mail = String::from_utf8(mail_with(&from, number, INTAKE)).expect("text");
    let letters: String = format!("{number:03}").bytes().map(|digit| char::from(digit - b'0' + b'a')).collect();
    mail.replace("Hello, I have", &format!("{letters}: I will kill everybody. I have")).into_bytes()
}

fn answer(from: &str, id: &str, to: &str, more: &str) -> Vec<u8> {
    let date = jiff::fmt::rfc2822::to_string(&jiff::Zoned::now().with_time_zone(jiff::tz::TimeZone::UTC)).expect("a date");
    format!(
        "From: <{from}>\r\nTo: <{INTAKE}>\r\nDate: {date}\r\nSubject: Re: ALERT\r\nMessage-ID: <{id}@example.org>\r\n\
         In-Reply-To: {to}\r\n{more}\r\nOn my way.\r\n"
    )
    .into_bytes()
}

#[test]
fn a_threat_reaches_the_first_person_then_the_second_and_stops_when_one_answers_from_a_mail_program() {
    let world = World::start("10 s", "[canary]\nevery = \"10 s\"\nwithin = \"60 s\"\n");
    let accepted = Instant::now();
    world.postfix.hand_over("ana@example.net", INTAKE, &threat(1));
    world.wait_for(AMARA, 1);
    let first = accepted.elapsed();
    let call = world.mails(AMARA).remove(0);
    let id = header(&call, "Message-ID").expect("an id");
    assert!(header(&call, "Reply-To").expect("where answers are read").contains(INTAKE), "{call}");
    // Her absence note, and somebody who knows the subject but not the token.
    let forged = id.replace(".alert.", ".alert.9");
    world.postfix.hand_over(AMARA, INTAKE, &answer(AMARA, "away", &id, "Auto-Submitted: auto-replied\r\n"));
    world.postfix.hand_over(AMARA, INTAKE, &answer(AMARA, "forged", &forged, ""));
    world.postfix.hand_over("mallory@example.net", INTAKE, &answer("mallory@example.net", "mallory", &id, ""));
    world.wait_for(BEN, 1);
    let second = accepted.elapsed();
    assert_eq!(world.state(), "firing", "{}", world.site.tail());
    world.postfix.hand_over(AMARA, INTAKE, &answer(AMARA, "have", &id, ""));
    world.site.until("the alert is hers", || {
        (world.site.count("SELECT count(*) FROM alerts WHERE acknowledged_by = 'amara'") > 0).then_some(())
    });
    assert_eq!(world.site.column("SELECT acknowledged_by FROM alerts WHERE case_id = 1"), ["amara"]);
    world.site.until("ben is told", || world.mails(BEN).iter().any(|mail| mail.contains("amara has TS-")).then_some(()));
    // Canaries come back through Postfix, Dovecot and IDLE, and are no cases. They are sent ten seconds apart: with the second from
    // now, the time at which the ladder would have called again is over.
    let back = || world.site.count("SELECT count(*) FROM canaries WHERE returned IS NOT NULL");
    let before = back();
    world.site.until("two more canaries are back", || (back() >= before + 2).then_some(()));
    let trip = world.site.count("SELECT max(returned - sent) FROM canaries WHERE returned IS NOT NULL");
    assert_eq!(world.site.count("SELECT count(*) FROM messages WHERE subject LIKE '%canary%'"), 0);
    eprintln!("figure: first person after {first:?}, second after {second:?}, canaries back after {trip} ms at most");
    assert!(first < Duration::from_secs(10) && second >= Duration::from_secs(9));
    // The forged answers opened cases of their own on this mailbox, whose alerts may call; this one is silent.
    let reference = header(&call, "Subject").expect("a subject").rsplit(' ').next().expect("a reference").to_owned();
    let late = world.mails(BEN).iter().filter(|mail| mail.contains(&format!("ALERT [threat-of-harm] {reference}"))).count();
    assert_eq!(late, 2, "one call and the notice: nobody is called after she has it");
}

#[test]
fn fifty_threats_reach_the_person_on_call_within_two_seconds_each() {
    let world = World::start("24 h", "");
    let mut took: Vec<Duration> = Vec::new();
    for number in 1..=50 {
        let before = world.come(AMARA);
        world.postfix.hand_over("ana@example.net", INTAKE, &threat(number));
        took.push(world.wait_for(AMARA, before + 1));
    }
    took.sort();
    let (p50, p99) = (took[24], took[49]);
    eprintln!("figure: from Postfix's 250 to the alert in the mailbox, 50 mails: p50 {p50:?}, p99 (the slowest) {p99:?}");
    assert!(p50 < Duration::from_secs(2), "p50 {p50:?}");
}

#[test]
fn kill_9_during_two_hundred_alerts_every_one_reaches_somebody_and_at_most_one_a_kill_comes_twice() {
    const ALERTS: usize = 200;
    const KILLS: usize = 10;
    let mut dice = Dice::new();
    let sink = Sink::start();
    sink.think(Duration::from_millis(10));
    let mut site = Site::new(sink.port);
    let mailbox = site.maildir("emergency");
    site.account("emergency", "threat-of-harm", "poll = \"200 ms\"", &mailbox);
    site.rules(&[("r.toml", RULE)]);
    site.config.queues = queues("24 h");
    site.write();
    let mut kills = Vec::new();
    for run in 0..KILLS {
        site.spawn();
        for number in run * ALERTS / KILLS..(run + 1) * ALERTS / KILLS {
            site.deliver("emergency", &format!("{number}.eml"), &threat(number));
        }
        // Somewhere between its start and its rest.
        std::thread::sleep(Duration::from_millis(200 + dice.roll(700)));
        site.kill();
        kills.push(Instant::now());
    }
    site.spawn();
    site.wait_stored(ALERTS);
    let references: BTreeSet<String> = site.column("SELECT reference FROM cases").into_iter().collect();
    let told = || -> BTreeSet<String> {
        let mails: Vec<String> = sink.for_(AMARA).iter().map(|mail| mail.mail.clone()).collect();
        references.iter().filter(|reference| mails.iter().any(|mail| mail.contains(reference.as_str()))).cloned().collect()
    };
    site.until("every alert has reached somebody", || (told().len() == ALERTS).then_some(()));
    site.stop_well();
    let calls = sink.for_(AMARA);
    let taken: BTreeMap<String, usize> = times(&calls);
    let doubled = calls.len() - taken.len();
    eprintln!("figure: {KILLS} kills, {ALERTS} alerts: all told in {} calls, {doubled} of them twice", taken.len());
    assert_eq!(references.len(), ALERTS);
    let again = again_by_run(&calls, &kills);
    assert!(again.values().all(|number| *number <= 1), "at most one call a kill comes twice: {again:?}");
    assert!(doubled <= KILLS, "{doubled} calls came twice");
}

/// An HTTP server that answers 200 and keeps what it was sent.
struct Hooks {
    port: u16,
    heard: Arc<Mutex<Vec<(Instant, String)>>>,
}

impl Hooks {
    fn start() -> Hooks {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let hears = Arc::clone(&heard);
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let hears = Arc::clone(&hears);
                std::thread::spawn(move || serve(socket, &hears));
            }
        });
        Hooks { port, heard }
    }

    fn those_with(&self, words: &str) -> usize {
        self.heard.lock().expect("no panic").iter().filter(|(_, request)| request.contains(words)).count()
    }
}

fn serve(mut socket: TcpStream, heard: &Mutex<Vec<(Instant, String)>>) {
    let mut request = Vec::new();
    let mut part = [0; 4096];
    socket.set_read_timeout(Some(Duration::from_secs(2))).expect("a time limit");
    while let Ok(read @ 1..) = socket.read(&mut part) {
        request.extend_from_slice(&part[..read]);
        let text = String::from_utf8_lossy(&request).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if body.len() >= length.unwrap_or(0) {
            heard.lock().expect("no panic").push((Instant::now(), text));
            let _ = socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            return;
        }
    }
}

#[test]
fn with_smtp_down_the_webhook_rings_at_once_operators_learn_of_it_and_its_end_and_the_heart_beats() {
    let (hooks, smtp, http) = (Hooks::start(), free_port(), free_port());
    let mut site = Site::new(smtp);
    let mailbox = site.maildir("emergency");
    site.account("emergency", "threat-of-harm", "poll = \"200 ms\"", &mailbox);
    site.rules(&[("r.toml", RULE)]);
    let hook = |name: &str| {
        format!("[[webhook]]\nname = \"{name}\"\nkind = \"json\"\nurl = \"http://127.0.0.1:{}/{name}\"\n\n", hooks.port)
    };
    let more = format!(
        "{}{}[[ladder]]\nname = \"operators\"\n[[ladder.step]]\nto = [\"ops\"]\nwait = \"24 h\"\n\n\
         [watch]\nladder = \"operators\"\noutbox = \"10 s\"\n\n\
         [heartbeat]\nurl = \"http://127.0.0.1:{}/heart\"\nevery = \"1 s\"\n\n[http]\nlisten = \"127.0.0.1:{http}\"\n",
        hook("pager"),
        hook("ops"),
        hooks.port
    );
    site.config.queues = format!("{}\n{more}", queues("24 h").replacen("to = [\"amara\"]", "to = [\"amara\", \"pager\"]", 1));
    site.start();
    let delivered = Instant::now();
    site.deliver("emergency", "1.eml", &threat(1));
    site.until("the pager rings", || (hooks.those_with("/pager") > 0).then_some(()));
    let rang = hooks.heard.lock().expect("no panic").iter().find(|(_, r)| r.contains("/pager")).expect("one").0 - delivered;
    eprintln!("figure: with SMTP down, the webhook rang {rang:?} after the mail lay in the mailbox");
    assert!(rang < Duration::from_secs(5), "{rang:?}");
    site.until("operators learn that mail does not leave", || (hooks.those_with("has been waiting to leave") > 0).then_some(()));
    assert!(hooks.those_with("GET /heart") > 0, "the heart beats");
    let page = |path: &str| {
        let mut socket = TcpStream::connect(("127.0.0.1", http)).expect("it listens");
        write!(socket, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").expect("it reads");
        let mut text = String::new();
        socket.read_to_string(&mut text).expect("it answers");
        text
    };
    assert!(page("/health").starts_with("HTTP/1.1 200"), "{}", page("/health"));
    assert!(page("/metrics").contains("triaged_alerts_firing 2"), "{}", page("/metrics"));
    // Mail is back: the call that waited goes out, once, and operators are told that it is over.
    let sink = Sink::on(smtp);
    site.until("the mail follows", || (!sink.for_(AMARA).is_empty()).then_some(()));
    site.until("operators learn that it is over", || (hooks.those_with("This is over: outbox") > 0).then_some(()));
    assert_eq!(sink.for_(AMARA).len(), 1);
    let heard = hooks.heard.lock().expect("no panic");
    let said = heard.iter().filter(|(_, r)| r.contains("has been waiting to leave") && r.contains("\"event\":\"trigger\""));
    assert_eq!(said.count(), 1, "said once");
    drop(heard);
    site.stop_well();
}
