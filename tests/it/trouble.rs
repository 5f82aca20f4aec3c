//! Things that go wrong around the daemon: disks, servers, passwords. It says so, loses nothing, and goes on by itself.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::daemon::{LONG, Site, report};
use crate::support::dovecot::{Dovecot, PASSWORD};
use crate::support::free_port;
use crate::support::sink::{Sink, times};

const INTAKE: &str = "ca@example.org";
const TEAM: &str = "ca-team@example.org";

/// A small disk in memory, gone when the test is over.
struct Disk(tempfile::TempDir);

impl Disk {
    fn mount(size: &str) -> Self {
        let disk = Disk(tempfile::Builder::new().prefix("triaged-disk-").tempdir().expect("a temporary folder"));
        let status =
            Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(disk.0.path()).output();
        let status = status.unwrap_or_else(|error| panic!("`mount` cannot be run: {error}: install mount"));
        assert!(
            status.status.success(),
            "a small disk cannot be mounted, which this test needs: run it as root, outside a container that forbids mount: {}",
            String::from_utf8_lossy(&status.stderr)
        );
        disk
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Fills it but for so many bytes.
    fn fill(&self, leave: usize) {
        let mut block = 1 << 16;
        let mut file = fs::File::create(self.path().join("filler")).expect("there is room for a name");
        while block > 0 {
            if std::io::Write::write_all(&mut file, &vec![0; block]).is_err() {
                block /= 2;
            }
        }
        let size = file.metadata().expect("it is open").len();
        file.set_len(size.saturating_sub(leave as u64)).expect("it can be shortened");
    }

    fn free(&self) {
        fs::remove_file(self.path().join("filler")).expect("it was filled");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}

/// A full disk, found by looking at the free space (`min_free`) or only when SQLite can write no more.
fn full_disk(min_free: &str, leave: usize) {
    // Dropped last, when nothing uses it any more.
    let disk = Disk::mount("24m");
    let dovecot = Dovecot::start(&[INTAKE]);
    let sink = Sink::start();
    let mut site = Site::new(sink.port);
    site.config.store = disk.path().join("triaged.db").display().to_string();
    site.config.min_free = min_free.into();
    let mailbox = site.imap(&dovecot, "ca", "implicit", true);
    site.account("ca", "general", "poll = \"1 s\"", &mailbox);
    site.start();
    dovecot.deliver(INTAKE, &report(1, INTAKE));
    site.wait_stored(1);
    site.wait_sent();
    disk.fill(leave);
    for number in 2..=4 {
        dovecot.deliver(INTAKE, &report(number, INTAKE));
    }
    let alarm = |line: &Value| line["level"] == "ERROR" && line.to_string().contains("the disk is full");
    site.until("the alarm", || site.log().iter().any(alarm).then_some(()));
    assert_eq!(site.stored(), 1);
    assert_eq!(dovecot.flags(INTAKE, "INBOX").len(), 4, "the mail stays on its server");
    assert_eq!(sink.answers().len(), 1, "nobody is told that we have what we have not");
    disk.free();
    site.wait_stored(4);
    site.wait_sent();
    assert_eq!(site.stored(), 4);
    let taken = times(&sink.taken());
    assert_eq!((taken.len(), taken.values().sum::<usize>()), (8, 8), "each answered and forwarded once");
    site.stop_well();
}

#[test]
fn a_nearly_full_disk_stops_intake_with_an_alarm_and_intake_resumes_by_itself() {
    // There is room for these mails: it is left for recording what is sent.
    full_disk("8 MiB", 4 << 20);
}

#[test]
fn a_disk_that_is_full_to_the_last_byte_does_the_same() {
    full_disk("0 B", 0);
}

#[test]
fn a_store_that_another_daemon_holds_is_refused_at_start() {
    let sink = Sink::start();
    let mut first = Site::new(sink.port);
    let mailbox = first.maildir("ca");
    first.account("ca", "general", "poll = \"500 ms\"", &mailbox);
    first.start();
    let mut second = Site::new(sink.port);
    let mailbox = second.maildir("ca");
    second.account("ca", "general", "", &mailbox);
    second.config.store = first.path("triaged.db").display().to_string();
    second.write();
    second.spawn();
    assert_eq!(second.ended().code(), Some(2));
    let words = second.log_text();
    assert!(words.contains("is in use by another daemon: stop that one first"), "{words}");
    // A `kill -9` leaves no lock behind.
    first.kill();
    second.start();
    second.deliver("ca", "mail-1", &report(1, INTAKE));
    second.wait_stored(1);
}

#[test]
fn mail_that_cannot_be_sent_because_the_server_is_down_is_sent_once_when_it_is_back() {
    let port = free_port();
    let mut site = Site::new(port);
    let mailbox = site.maildir("ca");
    site.account("ca", "general", "poll = \"500 ms\"", &mailbox);
    site.start();
    for number in 1..=5 {
        site.deliver("ca", &format!("mail-{number}"), &report(number, INTAKE));
    }
    site.wait_stored(5);
    site.until("every row has failed once", || (site.said("not sent; trying again").len() >= 10).then_some(()));
    let sink = Sink::on(port);
    site.wait_sent();
    let taken = times(&sink.taken());
    assert_eq!((taken.len(), taken.values().sum::<usize>()), (10, 10), "everything exactly once: {taken:?}");
    assert!(site.count("SELECT min(attempts) FROM outbox") >= 2);
    site.stop_well();
}

/// The rows of the outbox in a state, as an operator lists them.
fn rows(site: &Site, state: &str) -> Vec<Value> {
    site.ask(&["outbox", "list", "--json", "--state", state])
}

#[test]
fn a_refused_recipient_is_a_dead_letter_that_a_person_sends_again_or_drops() {
    let sink = Sink::start();
    sink.refuse(TEAM, true);
    let mut site = Site::new(sink.port);
    let mailbox = site.maildir("ca");
    site.account("ca", "general", "poll = \"500 ms\"", &mailbox);
    site.start();
    site.deliver("ca", "mail-1", &report(1, INTAKE));
    site.deliver("ca", "mail-2", &report(2, INTAKE));
    let dead = site.until("two dead letters", || Some(rows(&site, "dead")).filter(|dead| dead.len() == 2));
    for row in &dead {
        assert_eq!((row["kind"].as_str(), row["to"].as_str(), row["attempts"].as_i64()), (Some("forward"), Some(TEAM), Some(1)));
        assert!(row["last_error"].as_str().is_some_and(|words| words.starts_with("550")), "{row}");
    }
    let given_up = site.said("given up");
    assert!(given_up.len() == 2 && given_up.iter().all(|line| line["level"] == "ERROR"), "it is said aloud: {given_up:?}");
    site.until("what can be sent is sent", || (sink.answers().len() == 2).then_some(()));
    let id = |row: &Value| row["id"].to_string();

    // The address is repaired: one is sent again, the other dropped.
    sink.refuse(TEAM, false);
    assert!(site.triaged(&["outbox", "retry", &id(&dead[0])]).status.success());
    site.until("the one is sent", || (sink.for_(TEAM).len() == 1).then_some(()));
    assert!(site.triaged(&["outbox", "drop", &id(&dead[1])]).status.success());
    site.wait_sent();
    assert_eq!(rows(&site, "dropped").len(), 1);
    assert!(rows(&site, "dead").is_empty());
    assert!(!site.triaged(&["outbox", "retry", &id(&dead[1])]).status.success(), "what is dropped stays dropped");
    assert_eq!(sink.for_(TEAM).len(), 1);

    // Both decisions stand in the audit of their case, with the person who made them.
    for (row, what) in dead.iter().zip(["requeued", "dropped"]) {
        let case = site.ask(&["case", "show", "--json", row["case"].as_str().unwrap_or_default()]);
        let audit = case[0]["audit"].as_array().cloned().unwrap_or_default();
        let line = audit.iter().find(|line| line["what"].as_str().is_some_and(|its| its.contains(what)));
        let line = line.unwrap_or_else(|| panic!("no line \"{what}\" in {audit:?}"));
        assert_ne!(line["who"].as_str(), Some("daemon"), "{line}");
    }
    site.stop_well();
}

#[test]
fn a_wrong_password_degrades_one_account_alone_and_is_repaired_without_a_restart() {
    let dovecot = Dovecot::start(&[INTAKE, "drt@example.org"]);
    let sink = Sink::start();
    let mut site = Site::new(sink.port);
    for (id, queue) in [("ca", "general"), ("drt", "disinformation")] {
        let mailbox = site.imap(&dovecot, id, "implicit", true);
        site.account(id, queue, "poll = \"1 s\"", &mailbox);
    }
    fs::write(site.path("drt.password"), "not the password\n").expect("the folder can be written");
    let socket = std::os::unix::net::UnixDatagram::bind(site.path("notify")).expect("the folder can be written");
    socket.set_nonblocking(true).expect("it is ours");
    site.env.push(("NOTIFY_SOCKET".into(), site.path("notify").display().to_string()));
    site.write();
    site.spawn();
    for (number, id) in [(1, "ca"), (2, "drt")] {
        dovecot.deliver(&format!("{id}@example.org"), &report(number, &format!("{id}@example.org")));
    }
    let degraded = || site.said("the mailbox is not being read").into_iter().find(|line| line["account"] == "drt");
    let line = site.until("the login is refused", degraded);
    assert!(line["level"] == "ERROR" && line["why"].as_str().is_some_and(|why| why.starts_with("login refused")), "{line}");
    assert!(line["again_s"].as_f64().is_some_and(|wait| wait >= 60.0), "no server is to lock us out: {line}");
    site.wait_stored(1);
    let mut status = String::new();
    site.until("STATUS says which", || {
        let mut buffer = [0; 4096];
        while let Ok(size) = socket.recv(&mut buffer) {
            status = String::from_utf8_lossy(&buffer[..size]).into_owned();
        }
        (status.contains("reading 1 of 2 mailboxes") && status.contains("drt degraded: login refused")).then_some(())
    });
    dovecot.deliver(INTAKE, &report(3, INTAKE));
    site.wait_stored(2);
    assert_eq!(site.count("SELECT count(*) FROM messages WHERE account = 'ca'"), 2, "the other account is unaffected");
    assert!(!site.log_text().contains("not the password"));

    fs::write(site.path("drt.password"), format!("{PASSWORD}\n")).expect("the folder can be written");
    site.signal("HUP");
    site.wait_stored(3);
    assert_eq!(site.count("SELECT count(*) FROM messages WHERE account = 'drt'"), 1);
    site.stop_well();
}

#[test]
fn a_disk_that_is_full_at_the_start_keeps_the_daemon_away_only_as_long_as_it_is_full() {
    let disk = Disk::mount("24m");
    let sink = Sink::start();
    let mut site = Site::new(sink.port);
    site.config.store = disk.path().join("triaged.db").display().to_string();
    site.config.min_free = "0 B".into();
    let mailbox = site.maildir("ca");
    site.account("ca", "general", "poll = \"500 ms\"", &mailbox);
    site.start();
    site.deliver("ca", "mail-1", &report(1, INTAKE));
    site.wait_stored(1);
    site.kill();
    site.deliver("ca", "mail-2", &report(2, INTAKE));
    disk.fill(0);
    site.spawn();
    let full = |line: &str| line.contains("the disk is full");
    site.until("it says that the disk is full", || site.log_text().lines().any(full).then_some(()));
    disk.free();
    // As systemd does it (Restart=on-failure, RestartPreventExitStatus=2): whatever ends is started again, but for code 2.
    let deadline = Instant::now() + LONG;
    while site.stored() < 2 {
        if let Some(status) = site.has_ended() {
            assert_ne!(status.code(), Some(2), "systemd would never start it again:\n{}", site.tail());
            site.spawn();
        }
        assert!(Instant::now() < deadline, "it does not come back:\n{}", site.tail());
        std::thread::sleep(Duration::from_millis(20));
    }
    site.wait_sent();
    assert_eq!(times(&sink.taken()).len(), 4);
    site.stop_well();
}

#[test]
fn a_mail_whose_sender_vanished_is_sent_when_its_claim_is_over() {
    let sink = Sink::start();
    sink.refuse(TEAM, true);
    let mut site = Site::new(sink.port);
    let mailbox = site.maildir("ca");
    site.account("ca", "general", "poll = \"500 ms\"", &mailbox);
    site.start();
    site.deliver("ca", "mail-1", &report(1, INTAKE));
    site.until("a dead letter", || (rows(&site, "dead").len() == 1).then_some(()));
    sink.refuse(TEAM, false);
    // As a worker leaves a row behind that fails in the middle of sending it, five hours later.
    let store = rusqlite::Connection::open(site.path("triaged.db")).expect("the store is there");
    store.busy_timeout(Duration::from_secs(20)).expect("a time limit can be set");
    store
        .execute("UPDATE outbox SET state = 'sending', lease = 1, settled = NULL WHERE state = 'dead'", [])
        .expect("it is legal");
    site.until("it is sent", || (sink.for_(TEAM).len() == 1).then_some(()));
    site.wait_sent();
    site.stop_well();
}
