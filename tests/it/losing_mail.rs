//! How comparable systems lose mail (FIELD.md): a test for each way, against a real Dovecot wherever one can be made to do it.

use std::fs;
use std::time::{Duration, Instant, SystemTime};

use crate::support::daemon::{Site, mail_with, replace, report, within};
use crate::support::dovecot::Dovecot;
use crate::support::fake_imap::{Answer, FakeImap, GREETING, wants_body};
use crate::support::imap_client;
use crate::support::sink::{Sink, times};

const INTAKE: &str = "ca@example.org";
const TEAM: &str = "ca-team@example.org";

/// A Dovecot, a mail server that takes everything, and a daemon that is ready to read `ca@`.
struct World {
    dovecot: Dovecot,
    sink: Sink,
    site: Site,
}

impl World {
    fn new() -> Self {
        let dovecot = Dovecot::start(&[INTAKE]);
        let sink = Sink::start();
        let mut site = Site::new(sink.port);
        let mailbox = site.imap(&dovecot, "ca", "implicit", true);
        site.account("ca", "general", "poll = \"1 s\"", &mailbox);
        World { dovecot, sink, site }
    }

    fn started() -> Self {
        let mut world = World::new();
        world.site.start();
        world
    }

    fn deliver(&self, mail: &[u8]) {
        self.dovecot.deliver(INTAKE, mail);
    }

    /// Waits until so many mails are stored and everything is sent, and holds what is always true then.
    fn settled(&self, mails: usize) {
        self.site.wait_stored(mails);
        self.site.wait_sent();
        assert_eq!(self.site.stored(), mails as i64, "none twice");
        let forwards = times(&self.sink.for_(TEAM));
        assert_eq!(forwards.len(), mails, "every mail is forwarded");
        assert!(forwards.values().all(|times| *times == 1), "and once: {forwards:?}");
    }

    /// Says why the one mail was not answered.
    fn withheld(&self) -> String {
        self.site.column("SELECT json_extract(answer, '$.withhold.reason') FROM messages").concat()
    }
}

#[test]
fn a_mail_with_no_from_is_a_case_like_any_other() {
    let world = World::started();
    world.deliver(&mail_with("Message-ID: <nobody-1@example.net>\r\n", 1, INTAKE));
    world.settled(1);
    assert_eq!(world.site.ask(&["case", "list", "--json"]).len(), 1);
    assert!(world.sink.answers().is_empty(), "there is nobody to answer");
    assert!(!world.withheld().is_empty(), "and the reason is kept");
}

#[test]
fn automated_mail_is_stored_and_forwarded_and_only_its_answer_is_withheld() {
    let world = World::started();
    let machine = "Message-ID: <machine-1@example.net>\r\nFrom: <robot@example.net>\r\nAuto-Submitted: auto-generated\r\n";
    world.deliver(&mail_with(machine, 1, INTAKE));
    world.deliver(&mail_with("List-Id: <talk.example.net>\r\nPrecedence: bulk\r\nFrom: <bo@example.net>\r\n", 2, INTAKE));
    world.settled(2);
    assert!(world.sink.answers().is_empty());
    assert_eq!(world.site.count("SELECT count(*) FROM messages WHERE automated IS NOT NULL"), 2);
    assert_eq!(world.site.count("SELECT count(*) FROM cases WHERE queue = 'general'"), 2);
}

#[test]
fn a_mail_older_than_any_window_is_read_after_an_outage() {
    let mut world = World::started();
    world.deliver(&report(1, INTAKE));
    world.settled(1);
    world.site.stop_well();
    // It lay around for seven years before it came, and came while nobody read.
    let old = String::from_utf8(report(2, INTAKE)).expect("it is ASCII");
    let date = old.lines().find(|line| line.starts_with("Date: ")).expect("it has one").to_owned();
    let old = old.replace(&date, "Date: Tue, 05 Nov 2019 10:00:00 +0000");
    world.dovecot.drop_into(INTAKE, "", [old.into_bytes()]);
    let new = world.dovecot.maildir(INTAKE).join("new");
    let seven_years_ago = SystemTime::now() - Duration::from_secs(7 * 365 * 86_400);
    for file in fs::read_dir(new).expect("it is there").flatten() {
        let file = fs::File::options().write(true).open(file.path()).expect("root may");
        file.set_modified(seven_years_ago).expect("root may");
    }
    world.site.start();
    world.settled(2);
    let received = world.site.count("SELECT received FROM messages WHERE message_id = 'report-2@example.net'");
    let age = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_millis() as i64 - received;
    assert!(age > 6 * 365 * 86_400_000, "the server says it is old: {age} ms");
}

#[test]
fn a_mail_that_a_person_has_seen_or_marked_deleted_is_read_all_the_same() {
    let mut world = World::new();
    for number in 1..=3 {
        world.deliver(&report(number, INTAKE));
    }
    world.dovecot.doveadm(&["flags", "add", "-u", INTAKE, "\\Seen", "mailbox", "INBOX", "uid", "1"]);
    world.dovecot.doveadm(&["flags", "add", "-u", INTAKE, "\\Seen \\Deleted \\Answered", "mailbox", "INBOX", "uid", "2"]);
    let flags = world.dovecot.flags(INTAKE, "INBOX").concat();
    assert!(flags.contains("\\Seen") && flags.contains("\\Deleted"), "{flags}");
    world.site.start();
    world.settled(3);
    assert_eq!(world.dovecot.flags(INTAKE, "INBOX").concat(), flags, "and nothing is changed on the server");
}

#[test]
fn all_of_600_waiting_mails_are_read_not_only_the_newest() {
    let mut world = World::new();
    world.dovecot.drop_into(INTAKE, "", (1..=600).map(|number| report(number, INTAKE)));
    world.site.start();
    world.settled(600);
    assert_eq!(world.site.count("SELECT count(DISTINCT message_id) FROM messages"), 600);
    assert_eq!(times(&world.sink.answers()).len(), 600);
}

#[test]
fn a_set_that_shrinks_while_it_is_paged_through_loses_none_of_what_remains() {
    let mut world = World::new();
    world.dovecot.drop_into(INTAKE, "", (1..=800).map(|number| report(number, INTAKE)));
    world.dovecot.doveadm(&["mailbox", "create", "-u", INTAKE, "Archive"]);
    world.site.write();
    world.site.spawn();
    // Another client takes mails away from the front, the middle and the end while the pages are being fetched.
    world.site.until("the reading has begun", || (world.site.stored() > 0).then_some(()));
    let stored_at_first = world.site.stored();
    world.dovecot.doveadm(&["expunge", "-u", INTAKE, "mailbox", "INBOX", "uid", "1:50,401:450"]);
    world.dovecot.doveadm(&["move", "-u", INTAKE, "Archive", "mailbox", "INBOX", "uid", "300:320,700:750"]);
    world.dovecot.doveadm(&["expunge", "-u", INTAKE, "mailbox", "INBOX", "uid", "200:230,790:800"]);
    assert!(stored_at_first < 800, "the set shrank before all was read: {stored_at_first}");
    let left: Vec<String> = world.dovecot.flags(INTAKE, "INBOX");
    let uids: Vec<usize> =
        left.iter().filter_map(|line| line.split(|c: char| !c.is_ascii_digit()).find_map(|w| w.parse().ok())).collect();
    assert_eq!(uids.len(), 800 - 100 - 72 - 42, "{left:?}");
    let missing = || {
        let known = world.site.column("SELECT key FROM ledger WHERE folder = 'INBOX'");
        let known: std::collections::BTreeSet<usize> = known.iter().filter_map(|key| key.parse().ok()).collect();
        uids.iter().filter(|uid| !known.contains(uid)).count()
    };
    world.site.until("all that remains is stored", || (missing() == 0).then_some(()));
    world.site.wait_sent();
    assert_eq!(world.site.count("SELECT count(DISTINCT message_id) FROM messages"), world.site.stored(), "none twice");
}

#[test]
fn one_unparsable_mail_does_not_stop_the_mailbox() {
    let mut world = World::new();
    let mut damaged = b"Message-ID: <broken-1@example.net>\r\nFrom: <bo@example.net>\r\nSubject: =?utf-8?b?!!!\r\n\
        Content-Type: multipart/mixed; boundary=\"\r\nContent-Type: text/html; charset=\"no such\"\r\n\r\n--\r\n--a\0b\r\n"
        .to_vec();
    damaged.extend((0..=255u8).cycle().take(5_000));
    let mut deep = b"From: <cy@example.net>\r\n".to_vec();
    for level in 0..3_000 {
        deep.extend(format!("Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n").bytes());
    }
    let odd = ["nul-bytes", "no-header-at-all", "newlines-only", "boundary-never-met", "carriage-returns-only"];
    let odd = odd
        .map(|name| fs::read(format!("{}/fixtures/odd/{name}.eml", env!("CARGO_MANIFEST_DIR"))).expect("the fixture is there"));
    let mails = [report(1, INTAKE), damaged, report(2, INTAKE), deep].into_iter().chain(odd).chain([report(3, INTAKE)]);
    world.dovecot.drop_into(INTAKE, "", mails);
    world.site.start();
    world.settled(10);
    let damage = "SELECT count(*) FROM messages WHERE json_array_length(damage) > 0";
    assert!(world.site.count(damage) >= 2, "damage is marked");
    assert_eq!(world.site.count("SELECT count(*) FROM messages WHERE message_id LIKE 'report-%'"), 3);
}

#[test]
fn no_rule_can_discard_a_mail() {
    let mut world = World::new();
    let harshest = "[[rule]]\nid = \"harsh\"\nwhy = \"The harshest a rule can be.\"\nqueue = \"general\"\npoints = 1000\n\
                    below_floor = true\nflags = [\"spam\"]\nany = [\"archive\"]\n";
    world.site.rules(&[("harsh.toml", harshest)]);
    world.site.start();
    world.deliver(&report(1, INTAKE));
    world.settled(1);
    let fired = world.site.column("SELECT verdict FROM verdicts").concat();
    assert!(fired.contains("harsh") && fired.contains("spam"), "the rule did fire: {fired}");
    // There is no word for it in a rule file, either.
    for word in ["discard = true", "drop = true", "action = \"delete\""] {
        replace(&world.site.path("rules/harsh.toml"), &format!("{harshest}{word}\n"));
        let check = world.site.triaged(&["check"]);
        assert_eq!(check.status.code(), Some(2), "{word}");
    }
}

#[test]
fn the_junk_folder_is_read() {
    let world = World::started();
    world.dovecot.drop_into(INTAKE, ".Junk", [report(1, INTAKE)]);
    world.settled(1);
    assert_eq!(world.site.column("SELECT folder FROM ledger"), ["Junk"]);
    assert_eq!(world.site.count("SELECT junk FROM messages"), 1);
}

#[test]
fn after_a_change_of_uidvalidity_nothing_is_lost_nothing_doubled_and_nobody_answered_again() {
    let mut world = World::started();
    for number in 1..=4 {
        world.deliver(&report(number, INTAKE));
    }
    // Without a Message-ID only its bytes say that it is the same mail.
    world.deliver(&mail_with("From: <bo@example.net>\r\n", 5, INTAKE));
    world.settled(5);
    let validity = "SELECT count(DISTINCT validity) FROM ledger WHERE folder = 'INBOX'";
    assert_eq!(world.site.count(validity), 1);
    world.dovecot.kill();
    // The server lost its memory of UIDs, as after a restore from a backup: it numbers everything anew.
    for file in fs::read_dir(world.dovecot.maildir(INTAKE)).expect("it is there").flatten() {
        let name = file.file_name().to_string_lossy().into_owned();
        if name.starts_with("dovecot-uid") || name.starts_with("dovecot.") {
            fs::remove_file(file.path()).expect("root may");
        }
    }
    world.dovecot.drop_into(INTAKE, "", [report(6, INTAKE), report(7, INTAKE)]);
    world.dovecot.run();
    world.settled(7);
    world.site.until("the ledger has both numberings", || (world.site.count("SELECT count(*) FROM ledger") == 12).then_some(()));
    assert_eq!(world.site.count(validity), 2, "UIDVALIDITY did change");
    world.site.wait_sent();
    assert_eq!(world.site.stored(), 7);
    assert_eq!(world.site.count("SELECT count(*) FROM cases"), 7);
    let answers = times(&world.sink.answers());
    assert_eq!((answers.len(), answers.values().sum::<usize>()), (7, 7), "nobody is answered again");
}

#[test]
fn the_same_message_id_on_different_mails_makes_two_cases() {
    let world = World::started();
    let mail = |sender: &str| mail_with(&format!("Message-ID: <the-same-1@example.net>\r\nFrom: <{sender}>\r\n"), 1, INTAKE);
    world.deliver(&mail("ana@example.net"));
    world.deliver(&mail("bo@example.net"));
    // Every header the same, and another text.
    let other = String::from_utf8(mail("ana@example.net")).expect("it is ASCII").replace("opening hours", "holdings");
    world.deliver(other.as_bytes());
    world.settled(3);
    assert_eq!(world.site.count("SELECT count(*) FROM cases"), 3);
    let mut answered: Vec<String> = world.sink.answers().into_iter().map(|answer| answer.to).collect();
    answered.sort();
    assert_eq!(answered, ["ana@example.net", "ana@example.net", "bo@example.net"]);
}

#[test]
fn two_mails_with_the_same_from_subject_and_second_make_two_cases() {
    let world = World::started();
    let mail = |id: &str, text: &str| {
        format!(
            "{id}From: <ana@example.net>\r\nDate: Fri, 06 Nov 2026 10:00:00 +0000\r\nTo: <{INTAKE}>\r\nSubject: Help\r\n\r\n{text}\r\n"
        )
    };
    world.deliver(mail("Message-ID: <one-1@example.net>\r\n", "The first of two.").as_bytes());
    world.deliver(mail("Message-ID: <two-2@example.net>\r\n", "The second of two.").as_bytes());
    // Without a Message-ID nothing but the text tells them apart; and two that are equal in all are still two.
    world.deliver(mail("", "The third.").as_bytes());
    world.deliver(mail("", "The fourth.").as_bytes());
    world.dovecot.drop_into(INTAKE, "", [mail("", "Twice the same.").into_bytes(), mail("", "Twice the same.").into_bytes()]);
    world.settled(6);
    assert_eq!(world.site.count("SELECT count(*) FROM cases"), 6);
}

#[test]
fn a_crash_between_fetched_and_stored_loses_nothing_and_doubles_nothing() {
    let mut world = World::new();
    world.site.start();
    world.deliver(&report(1, INTAKE));
    world.settled(1);
    // Somebody else writes: what is fetched now cannot be stored.
    let store = rusqlite::Connection::open(world.site.path("triaged.db")).expect("the store is there");
    store.busy_timeout(Duration::from_secs(20)).expect("a time limit can be set");
    store.execute_batch("BEGIN IMMEDIATE").expect("nobody else writes for long");
    for number in 2..=6 {
        world.deliver(&report(number, INTAKE));
    }
    // Only when it holds mails that it cannot store does the daemon find out that the store is busy.
    world.site.until("fetched mails cannot be stored", || world.site.log_text().contains("the store is busy").then_some(()));
    world.site.kill();
    store.execute_batch("ROLLBACK").expect("it is open");
    assert_eq!(world.site.stored(), 1, "nothing was stored before the crash");
    drop(store);
    world.site.start();
    world.settled(6);
    let answers = times(&world.sink.answers());
    assert_eq!((answers.len(), answers.values().sum::<usize>()), (6, 6));
}

#[test]
fn a_mail_that_is_too_large_is_stored_in_part_marked_forwarded_and_left_on_the_server() {
    let mut world = World::new();
    world.site.config.limits.push_str("memory = \"1 MiB\"\nmessage = \"64 KiB\"\npart = \"16 KiB\"\n");
    world.site.start();
    let mut large = report(1, INTAKE);
    large.extend("A line of a very long report that goes on and on.\r\n".bytes().cycle().take(51 * 40_000));
    large.extend(b"The last line.\r\n");
    world.deliver(&large);
    world.deliver(&report(2, INTAKE));
    world.settled(2);
    let marked = world.site.column("SELECT damage FROM messages WHERE message_id = 'report-1@example.net'").concat();
    assert!(marked.contains("fetched-in-part"), "{marked}");
    let size = world.site.count("SELECT size FROM messages WHERE message_id = 'report-1@example.net'");
    assert!(size > 2_000_000, "its size on the server is known: {size}");
    let kept = world.site.count("SELECT length(zstd) FROM raw_mails ORDER BY message LIMIT 1");
    assert!(kept < 40_000, "{kept}");
    let on_server = imap_client::mails(&world.dovecot, INTAKE, "INBOX");
    let whole = |mail: &Vec<u8>| mail.len() > 2_000_000 && mail.ends_with(b"The last line.\r\n");
    assert!(on_server.iter().any(whole), "it stays whole on its server");
    assert_eq!(world.sink.answers().len(), 2, "and it is answered like any other");
}

#[test]
fn a_sender_over_the_quota_has_every_mail_stored_and_at_most_three_answers() {
    let world = World::started();
    for number in 1..=30 {
        world.deliver(&mail_with(
            &format!("Message-ID: <often-{number}@example.net>\r\nFrom: <ana@example.net>\r\n"),
            number,
            INTAKE,
        ));
    }
    world.settled(30);
    assert_eq!(world.site.count("SELECT count(*) FROM cases"), 30);
    assert_eq!(world.sink.answers().len(), 3, "three answers a day to one sender");
    let capped = "SELECT count(*) FROM messages WHERE json_extract(answer, '$.withhold.reason') IS NOT NULL";
    assert_eq!(world.site.count(capped), 27, "and the reason is kept for each of the others");
}

/// A second account on a Maildir; its mails must be stored within seconds, whatever the first one is stuck in.
fn with_a_neighbour(site: &mut Site) {
    let mailbox = site.maildir("drt");
    site.account("drt", "disinformation", "poll = \"500 ms\"", &mailbox);
}

fn neighbour_is_served(site: &Site, number: usize) {
    let from = "SELECT count(*) FROM messages WHERE account = 'drt'";
    let before = site.count(from);
    site.deliver("drt", &format!("mail-{number}"), &report(number, "drt@example.org"));
    let (began, limit) = (Instant::now(), Duration::from_secs(8));
    within(limit, "the other account goes on being read", || (site.count(from) > before).then_some(()), || site.tail());
    eprintln!("figure: with its neighbour hung, an account's mail is stored after {} ms", began.elapsed().as_millis());
}

#[test]
fn a_server_that_hangs_during_idle_is_noticed_while_others_are_read_and_read_again_when_it_answers() {
    let mut world = World::new();
    with_a_neighbour(&mut world.site);
    world.site.start();
    world.deliver(&report(1, INTAKE));
    world.site.wait_stored(1);
    // Every process stopped: connections stay open, the kernel still takes bytes, nobody answers.
    world.dovecot.halt();
    let hung = Instant::now();
    world.dovecot.drop_into(INTAKE, "", [report(2, INTAKE)]);
    neighbour_is_served(&world.site, 1001);
    let noticed = || world.site.said("the mailbox is not being read").into_iter().find(|line| line["account"] == "ca");
    let line = world.site.until("the hung server is noticed", noticed);
    eprintln!("figure: a hung IMAP server is noticed after {:.1} s: {}", hung.elapsed().as_secs_f32(), line["why"]);
    assert!(hung.elapsed() < Duration::from_secs(30), "{:?}", hung.elapsed());
    neighbour_is_served(&world.site, 1002);
    world.dovecot.go_on();
    world.site.wait_stored(4);
    world.site.wait_sent();
    assert_eq!(world.site.stored(), 4);
}

/// The time limit of one command is a minute, and this test waits for it: it is the limit that people will meet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_that_hangs_in_the_middle_of_a_mail_is_noticed_within_its_time_limit_and_taken_up_again() {
    let fake = FakeImap::start(3, |connection, command| match command {
        "greeting" => Answer::text(GREETING),
        // The first time the second mail stops half way, and the connection stays open.
        _ if connection == 1 && wants_body(command, 2) => {
            Answer::text("* 2 FETCH (UID 2 INTERNALDATE \"05-Nov-2026 10:00:00 +0000\" BODY[] {400}\r\nMessage-ID: <mail-2@exam")
        }
        _ => Answer::Default,
    })
    .await;
    let port = fake.port;
    let test = tokio::task::spawn_blocking(move || {
        let sink = Sink::start();
        let mut site = Site::new(sink.port);
        fs::write(site.path("ca.password"), "secret\n").expect("the folder can be written");
        let mailbox = format!(
            "[account.imap]\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"clear-text\"\nuser = \"ca@example.org\"\npassword_file = \"ca.password\"\n"
        );
        site.account("ca", "general", "poll = \"1 s\"", &mailbox);
        with_a_neighbour(&mut site);
        site.write();
        site.spawn();
        let began = Instant::now();
        neighbour_is_served(&site, 1001);
        let noticed = || site.said("the mailbox is not being read").into_iter().find(|line| line["account"] == "ca");
        let line = site.until("the hung read is noticed", noticed);
        eprintln!("figure: a fetch that stops half way is noticed after {:.1} s: {}", began.elapsed().as_secs_f32(), line["why"]);
        assert!(began.elapsed() < Duration::from_secs(75), "{:?}", began.elapsed());
        neighbour_is_served(&site, 1002);
        site.wait_stored(5);
        assert_eq!(site.count("SELECT count(*) FROM messages WHERE account = 'ca'"), 3, "all of it is taken up again");
    });
    if let Err(error) = test.await {
        std::panic::resume_unwind(error.into_panic());
    }
    assert!(fake.heard().iter().filter(|command| wants_body(command, 2)).count() >= 2);
}
