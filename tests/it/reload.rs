//! What an operator does to a running daemon: new rules, broken files, SIGTERM; and what its service manager hears of it.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

use crate::support::daemon::{LONG, Site, mail_with, replace, report, within};
use crate::support::sink::{Sink, times};

const INTAKE: &str = "ca@example.org";

/// A rule that sends mails with this word to the disinformation queue.
fn rule(word: &str) -> String {
    format!(
        "[[rule]]\nid = \"word\"\nwhy = \"A word of this test.\"\nqueue = \"disinformation\"\npoints = 100\nany = [\"{word}\"]\n"
    )
}

/// A daemon on a Maildir, with one rule that no mail of these tests matches.
fn started(sink: &Sink) -> Site {
    let mut site = Site::new(sink.port);
    let mailbox = site.maildir("ca");
    site.account("ca", "general", "poll = \"500 ms\"", &mailbox);
    site.rules(&[("word.toml", &rule("nowhere"))]);
    site.start();
    site
}

/// Delivers a mail and returns the queue it was judged into.
fn judged(site: &Site, number: usize) -> String {
    site.deliver("ca", &format!("mail-{number}"), &report(number, INTAKE));
    let queue = format!(
        "SELECT v.queue FROM verdicts v JOIN messages m ON m.id = v.message WHERE m.message_id = 'report-{number}@example.net'"
    );
    site.until("it is stored", || site.column(&queue).pop())
}

/// The hash of the rules of each policy that came into force, in order.
fn hashes(site: &Site) -> Vec<String> {
    site.said("running").iter().map(|line| line["rules_hash"].as_str().unwrap_or_default().to_owned()).collect()
}

fn refusals(site: &Site) -> Vec<String> {
    let lines = site.said("the changed files are not taken over, the old policy stays in force");
    lines.iter().map(|line| line["message"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn a_changed_rule_file_is_taken_over_by_itself_and_on_sighup() {
    let sink = Sink::start();
    let mut site = started(&sink);
    assert_eq!(judged(&site, 1), "general");
    replace(&site.path("rules/word.toml"), &rule("archive"));
    site.until("the change is noticed", || (hashes(&site).len() == 2).then_some(()));
    assert_eq!(judged(&site, 2), "disinformation", "a mail afterwards is judged by the new rule");
    let seen = hashes(&site);
    assert_ne!(seen[0], seen[1], "the hash tells the rule sets apart");
    let stored = site.column("SELECT rules_hash FROM verdicts ORDER BY message");
    assert_eq!(stored, seen, "and each verdict has the hash of the rules that made it");
    site.signal("HUP");
    site.until("SIGHUP reloads even what did not change", || (hashes(&site).len() == 3).then_some(()));
    assert_eq!(hashes(&site)[2], seen[1]);
    assert_eq!(judged(&site, 3), "disinformation");
    assert!(refusals(&site).is_empty());
    site.stop_well();
}

#[test]
fn a_broken_rule_file_config_or_answer_text_changes_nothing_and_says_where() {
    let sink = Sink::start();
    let mut site = Site::new(sink.port);
    let mailbox = site.maildir("ca");
    site.account("ca", "general", "poll = \"500 ms\"", &mailbox);
    site.rules(&[("word.toml", &rule("archive"))]);
    let texts = site.path("texts/acknowledgement");
    fs::create_dir_all(&texts).expect("the folder can be made");
    for file in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("config/templates/acknowledgement")).expect("it is there")
    {
        let file = file.expect("it can be listed");
        fs::copy(file.path(), texts.join(file.file_name())).expect("it can be copied");
    }
    site.config.top.push_str("templates = \"texts\"\n");
    site.start();
    assert_eq!(judged(&site, 1), "disinformation");

    let text = texts.join("default.en.txt");
    let good = [(site.path("rules/word.toml"), rule("archive")), (site.config_file(), site.text())];
    let good_text = fs::read_to_string(&text).expect("the shipped English text is there");
    let good: Vec<_> = good.into_iter().chain([(text.clone(), good_text.clone())]).collect();
    let broken = [
        (rule("archive").replace("points", "pionts"), "word.toml:5", "did you mean `points`"),
        (site.text().replace("route_to = [\"drt-team@example.org\"]", "route_to = [\"nobody\"]"), "triaged.toml:", "nobody"),
        (good_text.replace("{{ reference }}", "{{ referense }}"), "default.en.txt:", "referense"),
    ];
    for (number, ((path, good), (bad, place, words))) in good.iter().zip(broken).enumerate() {
        assert_ne!(*good, bad, "{place}");
        replace(path, &bad);
        let refused = || refusals(&site).get(number).cloned();
        let refusal = site.until(&format!("{place} is refused"), refused);
        assert!(refusal.contains(place) && refusal.contains(words), "{place} and {words} are missing in:\n{refusal}");
        assert_eq!(judged(&site, 10 + number), "disinformation", "the old policy judges on");
        replace(path, good);
        // Back as it was: that is a change as well, and a good one.
        let reloads = || (site.said("reloaded").len() > number).then_some(());
        site.until("the repaired file is taken over", reloads);
    }
    assert_eq!(judged(&site, 20), "disinformation");
    let seen = hashes(&site);
    assert!(seen.iter().all(|hash| *hash == seen[0]), "no other rules were ever in force: {seen:?}");
    site.stop_well();
}

#[test]
fn another_store_is_refused_while_the_daemon_runs() {
    let sink = Sink::start();
    let mut site = started(&sink);
    let text = site.text().replace("path = \"triaged.db\"", "path = \"other.db\"");
    replace(&site.config_file(), &text);
    let refusal = site.until("it is refused", || refusals(&site).pop());
    assert!(refusal.contains("[store] path cannot change while the daemon runs: restart it"), "{refusal}");
    assert!(!site.path("other.db").exists());
    assert_eq!(judged(&site, 1), "general", "the daemon reads on");
    site.stop_well();
}

#[test]
fn sigterm_ends_an_idle_daemon_within_five_seconds() {
    let sink = Sink::start();
    let mut site = started(&sink);
    let took = site.stop_well();
    eprintln!("figure: SIGTERM ends an idle daemon after {} ms", took.as_millis());
}

#[test]
fn sigterm_while_300_mails_arrive_ends_it_within_five_seconds_and_loses_nothing() {
    let sink = Sink::start();
    let mut site = started(&sink);
    for number in 1..=300 {
        site.deliver("ca", &format!("mail-{number}"), &report(number, INTAKE));
    }
    site.until("it is in the middle of it", || (site.stored() > 0).then_some(()));
    let took = site.stop_well();
    let (stored, sent) = (site.stored(), sink.taken().len());
    eprintln!("figure: SIGTERM ends a busy daemon after {} ms: {stored} of 300 stored, {sent} of 600 sent", took.as_millis());
    assert!(stored < 300 || sent < 600, "the test came too late to test anything: {stored} stored, {sent} sent");
    site.start();
    site.wait_stored(300);
    site.wait_sent();
    assert_eq!(site.stored(), 300);
    let taken = times(&sink.taken());
    assert_eq!(taken.len(), 600, "an answer and a forward each");
    assert!(taken.values().all(|times| *times == 1), "who drains leaves nothing in doubt: nothing is sent twice");
    site.stop_well();
}

/// What a service manager hears: one word of the protocol each, in order.
struct Manager {
    socket: UnixDatagram,
    heard: Vec<String>,
}

impl Manager {
    fn listen(site: &mut Site) -> Self {
        let path = site.path("notify");
        let socket = UnixDatagram::bind(&path).expect("the folder can be written");
        socket.set_nonblocking(true).expect("it is ours");
        site.env.push(("NOTIFY_SOCKET".into(), path.display().to_string()));
        Manager { socket, heard: Vec::new() }
    }

    fn hear(&mut self) {
        let mut buffer = [0; 4096];
        while let Ok(size) = self.socket.recv(&mut buffer) {
            self.heard.extend(String::from_utf8_lossy(&buffer[..size]).lines().map(str::to_owned));
        }
    }

    /// Waits until a word that begins like this is heard after place `from`, and returns its place.
    fn wait(&mut self, from: usize, word: &str) -> usize {
        let heard = || {
            self.hear();
            self.heard[from..].iter().position(|line| line.starts_with(word)).map(|place| from + place)
        };
        within(LONG, &format!("the service manager hears {word}"), heard, String::new)
    }
}

#[test]
fn the_service_manager_hears_ready_status_watchdog_reloading_and_stopping_in_order() {
    let sink = Sink::start();
    let mut site = Site::new(sink.port);
    let mailbox = site.maildir("ca");
    site.account("ca", "general", "poll = \"500 ms\"", &mailbox);
    let mut manager = Manager::listen(&mut site);
    site.env.push(("WATCHDOG_USEC".into(), "1500000".into()));
    site.start();
    let ready = manager.wait(0, "READY=1");
    let status = manager.wait(ready, "STATUS=0 stored, 0 sent; reading 1 of 1 mailboxes");
    manager.wait(status, "WATCHDOG=1");
    site.deliver("ca", "mail-1", &report(1, INTAKE));
    let status = manager.wait(status, "STATUS=1 stored");
    site.signal("HUP");
    let reloading = manager.wait(status, "RELOADING=1");
    assert!(manager.heard[reloading + 1].starts_with("MONOTONIC_USEC="), "{:?}", manager.heard);
    let again = manager.wait(reloading, "READY=1");
    let fed = manager.wait(again, "WATCHDOG=1");
    site.write();
    replace(&site.config_file(), "nonsense = true\n");
    let refused = manager.wait(fed, "STATUS=reload refused: the old policy stays in force");
    site.signal("TERM");
    manager.wait(refused, "STOPPING=1");
    assert_eq!(site.ended().code(), Some(0));
    manager.hear();
    let words = |word: &str| manager.heard.iter().filter(|line| line.starts_with(word)).count();
    assert_eq!(words("STOPPING=1"), 1);
    assert_eq!(words("READY=1"), 1 + words("RELOADING=1"), "each reload is over when READY follows: {:?}", manager.heard);
}

#[test]
fn a_broken_config_ends_the_start_with_exit_code_2_and_a_caret_below_the_mistake() {
    let sink = Sink::start();
    let mut site = Site::new(sink.port);
    let mailbox = site.maildir("ca");
    site.account("ca", "general", "pol = \"500 ms\"", &mailbox);
    site.write();
    site.spawn();
    let status = site.ended();
    assert_eq!(status.code(), Some(2), "systemd does not restart it then");
    let text = site.log_text();
    let line = site.text().lines().position(|line| line.starts_with("pol =")).expect("it is there") + 1;
    for part in [&format!("triaged.toml:{line}:1"), "pol = \"500 ms\"", "^^^", "did you mean `poll`"] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
    assert!(!site.path("triaged.db").exists(), "and nothing was begun");
}

#[test]
fn no_address_and_no_word_of_a_mail_is_logged() {
    let sink = Sink::start();
    let mut site = started(&sink);
    let header = "Message-ID: <secretive-1@example.net>\r\nFrom: Ana Example <ana@example.net>\r\n";
    site.deliver("ca", "mail-1", &mail_with(header, 1, INTAKE));
    site.wait_stored(1);
    site.wait_sent();
    site.stop_well();
    let log = site.log_text();
    assert!(log.contains("stored: a new case") && log.contains("\"sent\""), "{log}");
    for word in ["@", "Ana Example", "secretive", "Question number", "opening hours"] {
        assert!(!log.contains(word), "{word} stands in the log:\n{log}");
    }
}

/// Holds the store's write lock, as a backup or somebody's `sqlite3` shell does.
fn hold(site: &Site) -> rusqlite::Connection {
    let store = rusqlite::Connection::open(site.path("triaged.db")).expect("the store is there");
    store.busy_timeout(std::time::Duration::from_secs(20)).expect("a time limit can be set");
    store.execute_batch("BEGIN IMMEDIATE").expect("nobody else writes for long");
    store
}

#[test]
fn a_reload_while_the_store_cannot_be_written_does_not_end_the_reading() {
    let sink = Sink::start();
    let mut site = started(&sink);
    let held = hold(&site);
    site.signal("HUP");
    // SQLite gives up waiting after ten seconds: only then does the daemon know.
    site.until("the daemon finds the store busy", || site.log_text().contains("the store is busy").then_some(()));
    held.execute_batch("ROLLBACK").expect("it is open");
    assert_eq!(judged(&site, 1), "general", "it goes on as soon as the store does");
    site.wait_sent();
    assert_eq!(sink.taken().len(), 2);
    site.stop_well();
}
