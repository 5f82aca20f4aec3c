//! IMAP servers that break the rules, by accident or by intent: nothing hangs, nothing is lost, one bad mail never
//! stops the others.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::timeout;
use triaged::config::{LoginMethod, Tls};
use triaged::mailbox::{Arrival, Mailbox, Patience, Trouble, Wake};
use triaged::report::Extent;

use crate::mailbox_imap::{inbox, read_all};
use crate::support::account::{self, limits};
use crate::support::fake_imap::{Answer, FakeImap, fetched, good, wants_body};
use crate::support::{PATIENCE, mail};

const SHORT: Duration = Duration::from_millis(200);

/// A mailbox on a false server, that gives up on bad mails at once.
fn mailbox_on(server: &FakeImap, dir: &tempfile::TempDir) -> Mailbox {
    patient(server, dir, Duration::from_secs(10))
}

/// The same, where no step may take longer than `limit`.
fn patient(server: &FakeImap, dir: &tempfile::TempDir, limit: Duration) -> Mailbox {
    let patience = Patience {
        greeting: limit,
        login: limit,
        command: limit,
        idle_begins: limit,
        idle_ends: limit,
        give_up: Duration::ZERO,
        ..Patience::default()
    };
    Mailbox::with_patience(&account::imap(dir.path(), server.port, Tls::ClearText, None), &limits(), patience)
}

/// Comes again and again, as intake would, until all of `mails` mails are there; fails when that takes more than `rounds` rounds.
/// Returns them in the order they came.
async fn stubborn(mailbox: &mut Mailbox, mails: usize, rounds: usize) -> Vec<Arrival> {
    let mut came: Vec<Arrival> = Vec::new();
    let mut open = false;
    for _ in 0..rounds {
        if !open {
            inbox(mailbox).await;
        }
        let round = async {
            let keys = mailbox.keys(None).await?;
            let missing: Vec<String> = keys.into_iter().filter(|key| !came.iter().any(|mail| mail.key == *key)).collect();
            let waiting = mailbox.sizes(&missing).await?;
            mailbox.fetch(&waiting, &mut |mail| came.push(mail)).await
        };
        let outcome = timeout(PATIENCE, round).await.expect("a round ends");
        open = matches!(outcome, Ok(()) | Err(Trouble::Refused { .. }));
        if came.len() >= mails {
            return came;
        }
    }
    panic!("only {} of {mails} mails came in {rounds} rounds", came.len());
}

/// All mails came, and all but `poison` whole; returns `poison`.
fn only_one_is_missing(came: &[Arrival], mails: usize, poison: u32) -> &Arrival {
    assert_eq!(came.len(), mails, "each mail once");
    for arrival in came.iter().filter(|mail| mail.key != poison.to_string()) {
        assert_eq!(arrival.envelope.extent, Extent::Whole);
        assert_eq!(arrival.raw, mail(arrival.key.parse().unwrap()));
    }
    let bad = came.iter().find(|mail| mail.key == poison.to_string()).expect("it came");
    assert_eq!(bad.envelope.extent, Extent::Unfetched);
    bad
}

#[tokio::test]
async fn a_lost_connection_is_not_an_empty_mailbox() {
    for cut_at in ["UID SEARCH", "EXAMINE", "UID FETCH", "LIST", "CAPABILITY", "AUTHENTICATE", "NOOP"] {
        let server = FakeImap::start(3, move |_, command| match command {
            _ if command.starts_with(cut_at) => Answer::cut(""),
            "CAPABILITY" => Answer::text("* CAPABILITY IMAP4rev1\r\nTAG OK done\r\n"),
            _ => Answer::Default,
        })
        .await;
        let dir = tempfile::tempdir().unwrap();
        let mut mailbox = mailbox_on(&server, &dir);
        let all = async {
            let folders = mailbox.open().await?;
            mailbox.enter(&folders[0]).await?;
            let all = read_all(&mut mailbox).await?;
            mailbox.wait(Duration::from_millis(5)).await?;
            Ok::<_, Trouble>(all.len())
        };
        let outcome = timeout(PATIENCE, all).await.expect("it ends");
        assert!(matches!(outcome, Err(Trouble::Lost(_))), "cut at {cut_at}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_refusal_is_not_an_empty_mailbox() {
    for refused in ["UID SEARCH", "EXAMINE", "UID FETCH", "LIST"] {
        for word in ["NO", "BAD"] {
            let server = FakeImap::start(3, move |_, command| match command.starts_with(refused) {
                true => Answer::text(&format!("TAG {word} [SERVERBUG] not today\r\n")),
                false => Answer::Default,
            })
            .await;
            let dir = tempfile::tempdir().unwrap();
            let mut mailbox = mailbox_on(&server, &dir);
            let all = async {
                let folders = mailbox.open().await?;
                mailbox.enter(&folders[0]).await?;
                read_all(&mut mailbox).await
            };
            let outcome = timeout(PATIENCE, all).await.expect("it ends");
            match outcome {
                Err(Trouble::Refused { command, text }) => {
                    assert_eq!((command, text.as_str()), (refused, "[SERVERBUG] not today"), "{refused} {word}");
                }
                other => panic!("{refused} {word}: {other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_connection_cut_within_a_mail_loses_nothing() {
    let server = FakeImap::start(5, |connection, command| match connection == 1 && wants_body(command, 3) {
        true => Answer::Cut(format!("{}* 2 FETCH (UID 2 BODY[] {{900}}\r\nhalf of", fetched(command, 1))),
        false => Answer::Default,
    })
    .await;
    let dir = tempfile::tempdir().unwrap();
    let came = stubborn(&mut mailbox_on(&server, &dir), 5, 2).await;
    let mut keys: Vec<&str> = came.iter().map(|mail| mail.key.as_str()).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["1", "2", "3", "4", "5"]);
    assert!(came.iter().all(|mail| mail.envelope.extent == Extent::Whole));
}

#[tokio::test]
async fn a_mail_the_server_refuses_comes_with_its_header_and_stops_no_other() {
    let server = FakeImap::start(20, |_, command| match wants_body(command, 7) {
        true => Answer::text("TAG NO [SERVERBUG] cannot read mail\r\n"),
        false => Answer::Default,
    })
    .await;
    let dir = tempfile::tempdir().unwrap();
    let came = stubborn(&mut mailbox_on(&server, &dir), 20, 3).await;
    let bad = only_one_is_missing(&came, 20, 7);
    assert!(String::from_utf8_lossy(&bad.raw).ends_with("Subject: report 7\r\n\r\n"), "its header came");
    assert_eq!(server.heard().iter().filter(|command| *command == "greeting").count(), 1, "one session was enough");
}

#[tokio::test]
async fn a_reply_nobody_can_parse_stops_no_other_mail() {
    let server = FakeImap::start(20, |_, command| match wants_body(command, 7) {
        true => Answer::text("* 7 FETCH (UID 7 BODY[] (((\r\nTAG OK done\r\n"),
        false => Answer::Default,
    })
    .await;
    let dir = tempfile::tempdir().unwrap();
    let came = stubborn(&mut mailbox_on(&server, &dir), 20, 5).await;
    assert!(!only_one_is_missing(&came, 20, 7).raw.is_empty(), "its header came");
}

#[tokio::test]
async fn a_mail_that_breaks_every_connection_does_not_hold_up_the_pages_after_it() {
    let server = FakeImap::start(9, |_, command| match wants_body(command, 2) {
        true => Answer::cut("* 2 FETCH (UID 2 BODY[] {900}\r\nhalf"),
        false => Answer::Default,
    })
    .await;
    let dir = tempfile::tempdir().unwrap();
    let mut mailbox = Mailbox::new(&account::imap(dir.path(), server.port, Tls::ClearText, None), &limits());
    let mut came = Vec::new();
    for round in 1..=3 {
        inbox(&mut mailbox).await;
        let keys = mailbox.keys(None).await.unwrap();
        let waiting = mailbox.sizes(&keys).await.unwrap();
        let outcome = mailbox.fetch(&waiting[..4], &mut |mail| came.push(mail.key)).await;
        match round {
            3 => assert!(matches!(outcome, Err(Trouble::Refused { .. })), "{outcome:?}"),
            _ => assert!(matches!(outcome, Err(Trouble::Lost(_))), "{outcome:?}"),
        }
        if round == 3 {
            mailbox.fetch(&waiting[4..], &mut |mail| came.push(mail.key)).await.expect("the next page comes in the same session");
        }
    }
    came.sort_unstable();
    came.dedup();
    assert_eq!(came, ["1", "3", "4", "5", "6", "7", "8", "9"]);
}

#[tokio::test]
async fn a_date_that_makes_the_parser_panic_costs_the_date_only() {
    let server = FakeImap::start(5, |_, command| match wants_body(command, 3) && command.contains("INTERNALDATE") {
        true => Answer::text("* 3 FETCH (UID 3 INTERNALDATE NIL BODY[] \"\")\r\nTAG OK done\r\n"),
        false => Answer::Default,
    })
    .await;
    let dir = tempfile::tempdir().unwrap();
    let came = stubborn(&mut mailbox_on(&server, &dir), 5, 5).await;
    assert!(came.iter().all(|arrival| arrival.envelope.extent == Extent::Whole));
}

#[tokio::test]
async fn a_mail_that_is_listed_but_left_out_of_the_reply_comes_unfetched() {
    let server =
        FakeImap::start(5, |_, command| match wants_body(command, 3) || command.contains(" 3 (UID BODY.PEEK[HEADER])") {
            true => Answer::Text(good(command, 5).replace(&fetched(command, 3), "")),
            false => Answer::Default,
        })
        .await;
    let dir = tempfile::tempdir().unwrap();
    let came = stubborn(&mut mailbox_on(&server, &dir), 5, 3).await;
    assert!(only_one_is_missing(&came, 5, 3).raw.is_empty());
}

#[tokio::test]
async fn a_mail_without_a_size_comes_all_the_same() {
    for reply in ["TAG OK done\r\n", "TAG NO not this one\r\n", "* 3 FETCH broken\r\nTAG OK done\r\n"] {
        let server =
            FakeImap::start(5, move |_, command| match command.contains("RFC822.SIZE") && !command.starts_with("UID FETCH 1 ") {
                true => Answer::text(reply),
                false => Answer::Default,
            })
            .await;
        let dir = tempfile::tempdir().unwrap();
        let came = stubborn(&mut mailbox_on(&server, &dir), 5, 20).await;
        assert!(came.iter().all(|arrival| arrival.envelope.extent == Extent::Whole), "{reply}");
    }
}

#[tokio::test]
async fn uids_in_any_order_and_twice_are_listed_once_and_ascending() {
    let server = FakeImap::start(5, |_, command| match command {
        "UID SEARCH UID 1:*" => Answer::text("* SEARCH 5 3 3 1\r\n* SEARCH 2 4 5\r\nTAG OK done\r\n"),
        // The last mail is in `6:*` as well: a good server names it.
        "UID SEARCH UID 6:*" => Answer::text("* SEARCH 5\r\nTAG OK done\r\n"),
        _ => Answer::Default,
    })
    .await;
    let dir = tempfile::tempdir().unwrap();
    let mut mailbox = mailbox_on(&server, &dir);
    inbox(&mut mailbox).await;
    assert_eq!(mailbox.keys(None).await.unwrap(), ["1", "2", "3", "4", "5"]);
    assert_eq!(mailbox.keys(Some(&"5".into())).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn a_large_folder_is_listed_in_windows_also_while_mails_vanish() {
    let vanished = AtomicBool::new(false);
    let server = FakeImap::start(45_000, move |_, command| match command.split(' ').nth(2) {
        Some(set @ ("1:20000" | "20001:40000" | "40001:*")) if command.starts_with("UID SEARCH") => {
            let found = good(&format!("UID SEARCH {set}"), 45_000);
            let first = set.starts_with("20001") && !vanished.swap(true, Ordering::SeqCst);
            Answer::Text(if first { format!("* 17 EXPUNGE\r\n{found}") } else { found })
        }
        _ => Answer::Default,
    })
    .await;
    let dir = tempfile::tempdir().unwrap();
    let mut mailbox = mailbox_on(&server, &dir);
    inbox(&mut mailbox).await;
    let keys = mailbox.keys(None).await.unwrap();
    assert_eq!(keys.len(), 45_000);
    let searches: Vec<String> = server.heard().into_iter().filter(|command| command.starts_with("UID SEARCH")).collect();
    let windows = ["UID SEARCH 1:20000 UID 1:*", "UID SEARCH 20001:40000 UID 1:*", "UID SEARCH 40001:* UID 1:*"];
    assert_eq!(searches, [windows, windows].concat(), "numbers had shifted: listed again");
    // Few new ones need one question only.
    assert_eq!(mailbox.keys(Some(&"44999".into())).await.unwrap(), ["45000"]);
    assert_eq!(server.heard().last().unwrap(), "UID SEARCH UID 45000:*");
}

#[tokio::test]
async fn preauth_before_starttls_is_an_attack_and_gets_no_password() {
    for greeting in
        ["* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] welcome\r\n", "* BYE not today\r\n", "220 mail.example.org ESMTP\r\n"]
    {
        let server = FakeImap::start(1, move |_, command| match command {
            "greeting" => Answer::text(greeting),
            _ => Answer::Default,
        })
        .await;
        let dir = tempfile::tempdir().unwrap();
        let account = account::imap(dir.path(), server.port, Tls::StartTls, None);
        let patience = Patience { greeting: SHORT * 20, ..Patience::default() };
        let outcome = Mailbox::with_patience(&account, &limits(), patience).open().await;
        assert!(matches!(outcome, Err(Trouble::Lost(_))), "{greeting}: {outcome:?}");
        assert_eq!(server.heard(), ["greeting"], "nothing was sent");
    }
}

#[tokio::test]
async fn starttls_refused_never_falls_back_to_clear_text() {
    let server = FakeImap::start(1, |_, command| match command {
        "STARTTLS" => Answer::text("TAG NO no TLS here\r\n"),
        _ => Answer::Default,
    })
    .await;
    let dir = tempfile::tempdir().unwrap();
    let account = account::imap(dir.path(), server.port, Tls::StartTls, None);
    let outcome = Mailbox::new(&account, &limits()).open().await;
    assert!(matches!(outcome, Err(Trouble::Lost(_))), "{outcome:?}");
    assert_eq!(server.heard(), ["greeting", "STARTTLS"]);
}

#[tokio::test]
async fn a_password_is_quoted_for_login_and_kept_back_where_login_is_disabled() {
    let dir = tempfile::tempdir().unwrap();
    let server = FakeImap::start(1, |_, command| match command {
        "greeting" => Answer::text("* OK [CAPABILITY IMAP4rev1] hi\r\n"),
        _ => Answer::Default,
    })
    .await;
    mailbox_on(&server, &dir).open().await.expect("LOGIN works");
    let login = "LOGIN \"emergency@example.org\" \"only \\\"for\\\" tests\\\\1\"";
    assert!(server.heard().iter().any(|command| command == login), "{:?}", server.heard());

    let server = FakeImap::start(1, |_, command| match command {
        "greeting" => Answer::text("* OK [CAPABILITY IMAP4rev1 LOGINDISABLED] hi\r\n"),
        _ => Answer::Default,
    })
    .await;
    let outcome = mailbox_on(&server, &dir).open().await;
    assert!(matches!(outcome, Err(Trouble::Setup(_))), "{outcome:?}");
    assert_eq!(server.heard(), ["greeting"], "no password was sent");
}

#[tokio::test]
async fn an_xoauth2_error_is_taken_note_of_and_is_a_login_trouble() {
    let server = FakeImap::start(1, |_, command| match command {
        // What a server says of an expired token (base64 of its JSON), and then when it was taken note of.
        "(AUTHENTICATE goes on) " => Answer::text("TAG NO [AUTHENTICATIONFAILED] expired\r\n"),
        _ if command.starts_with("(AUTHENTICATE goes on)") => Answer::text("+ eyJzdGF0dXMiOiI0MDEifQ==\r\n"),
        _ => Answer::Default,
    })
    .await;
    let dir = tempfile::tempdir().unwrap();
    let mut account = account::imap(dir.path(), server.port, Tls::ClearText, None);
    account::imap_of(&mut account).login.method = LoginMethod::XOAuth2;
    let patience = Patience { login: SHORT * 20, ..Patience::default() };
    let mut mailbox = Mailbox::with_patience(&account, &limits(), patience);
    let outcome = timeout(PATIENCE, mailbox.open()).await.expect("it ends");
    assert!(matches!(outcome, Err(Trouble::Login(_))), "{outcome:?}");
    // user=emergency@example.org ^A auth=Bearer <token> ^A ^A
    let proof = "(AUTHENTICATE goes on) dXNlcj1lbWVyZ2VuY3lAZXhhbXBsZS5vcmcBYXV0aD1CZWFyZXIgb25seSAiZm9yIiB0ZXN0c1wxAQE=";
    assert_eq!(server.heard()[1..], ["AUTHENTICATE XOAUTH2", proof, "(AUTHENTICATE goes on) "]);
}

#[tokio::test]
async fn a_temporary_failure_of_the_login_is_no_wrong_password() {
    let server = FakeImap::start(1, |_, command| match command.starts_with("AUTHENTICATE") {
        true => Answer::text("TAG NO [UNAVAILABLE] try later\r\n"),
        false => Answer::Default,
    })
    .await;
    let dir = tempfile::tempdir().unwrap();
    let outcome = mailbox_on(&server, &dir).open().await;
    assert!(matches!(outcome, Err(Trouble::Lost(_))), "{outcome:?}");
}

#[tokio::test]
async fn an_announced_literal_beyond_the_limit_ends_the_connection_at_once() {
    let server = FakeImap::start(3, |_, command| match wants_body(command, 2) {
        true => Answer::text("* 2 FETCH (UID 2 BODY[] {500000000}\r\nabc"),
        false => Answer::Default,
    })
    .await;
    let dir = tempfile::tempdir().unwrap();
    let mut mailbox = mailbox_on(&server, &dir);
    inbox(&mut mailbox).await;
    let before = peak_memory();
    let outcome = timeout(PATIENCE, read_all(&mut mailbox)).await.expect("it ends");
    assert!(matches!(outcome, Err(Trouble::Lost(_))), "{outcome:?}");
    assert!(peak_memory() - before < 200_000, "half a gigabyte was not allocated: {} kB more", peak_memory() - before);
    let came = stubborn(&mut mailbox, 3, 5).await;
    only_one_is_missing(&came, 3, 2);
}

/// The most memory this process ever held, kB.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux tells");
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test]
async fn idle_that_is_refused_falls_back_to_polling() {
    for word in ["NO", "BAD", "OK"] {
        let server = FakeImap::start(1, move |_, command| match command {
            "IDLE" => Answer::text(&format!("TAG {word} no\r\n")),
            "NOOP" => Answer::text("* 2 EXISTS\r\nTAG OK done\r\n"),
            _ => Answer::Default,
        })
        .await;
        let dir = tempfile::tempdir().unwrap();
        let mut mailbox = mailbox_on(&server, &dir);
        inbox(&mut mailbox).await;
        mailbox.keys(None).await.unwrap();
        let woken = timeout(PATIENCE, mailbox.wait(Duration::from_millis(10))).await.expect("it ends").unwrap();
        assert_eq!(woken, Wake::Changed, "{word}: the poll sees the mail");
        mailbox.keys(None).await.unwrap();
        assert_eq!(mailbox.wait(Duration::from_millis(10)).await.unwrap(), Wake::Elapsed);
        let idles = server.heard().iter().filter(|command| *command == "IDLE").count();
        assert_eq!(idles, 1, "{word}: it is not asked again in this session");
    }
}

#[tokio::test]
async fn idle_that_is_never_answered_is_given_up_after_two_sessions() {
    let server = FakeImap::start(1, |_, command| if command == "IDLE" { Answer::Silence } else { Answer::Default }).await;
    let dir = tempfile::tempdir().unwrap();
    let mut mailbox = patient(&server, &dir, SHORT * 5);
    for session in 1..=3 {
        inbox(&mut mailbox).await;
        mailbox.keys(None).await.unwrap();
        let woken = timeout(PATIENCE, mailbox.wait(Duration::from_millis(10))).await.expect("it ends");
        match session {
            3 => assert_eq!(woken.unwrap(), Wake::Elapsed, "polled"),
            _ => assert!(matches!(woken, Err(Trouble::Lost(_))), "{woken:?}"),
        }
    }
}

#[tokio::test]
async fn news_that_come_before_idle_begins_wake_at_once() {
    let server = FakeImap::start(1, |_, command| match command {
        "IDLE" => Answer::text("* 2 EXISTS\r\n+ idling\r\n"),
        "(IDLE goes on) DONE" => Answer::text("TAG OK done\r\n"),
        _ => Answer::Default,
    })
    .await;
    let dir = tempfile::tempdir().unwrap();
    let mut mailbox = mailbox_on(&server, &dir);
    inbox(&mut mailbox).await;
    mailbox.keys(None).await.unwrap();
    let woken = timeout(PATIENCE, mailbox.wait(Duration::from_secs(120))).await.expect("it wakes").unwrap();
    assert_eq!(woken, Wake::Changed);
}

#[tokio::test]
async fn goodbye_in_idle_is_a_lost_connection() {
    for cut in [true, false] {
        let server = FakeImap::start(1, move |_, command| match (command, cut) {
            ("IDLE", true) => Answer::cut("+ idling\r\n* BYE shutting down\r\n"),
            ("IDLE", false) => Answer::text("+ idling\r\n* BYE shutting down\r\n"),
            _ => Answer::Default,
        })
        .await;
        let dir = tempfile::tempdir().unwrap();
        let mut mailbox = mailbox_on(&server, &dir);
        inbox(&mut mailbox).await;
        mailbox.keys(None).await.unwrap();
        let outcome = timeout(PATIENCE, mailbox.wait(Duration::from_secs(120))).await.expect("it ends");
        match outcome {
            Err(Trouble::Lost(text)) => assert!(text.contains("shutting down"), "{text}"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_folder_without_uidvalidity_is_not_read() {
    let server = FakeImap::start(1, |_, command| match command.starts_with("EXAMINE") {
        true => Answer::text("* 1 EXISTS\r\nTAG OK done\r\n"),
        false => Answer::Default,
    })
    .await;
    let dir = tempfile::tempdir().unwrap();
    let mut mailbox = mailbox_on(&server, &dir);
    let folders = mailbox.open().await.unwrap();
    let outcome = mailbox.enter(&folders[0]).await;
    assert!(matches!(outcome, Err(Trouble::Lost(_))), "{outcome:?}");
}

#[tokio::test]
async fn junk_folders_are_found_by_name_where_the_server_marks_none() {
    let server = FakeImap::start(1, |_, command| match command.starts_with("LIST") {
        true => Answer::text(
            "* LIST (\\HasNoChildren) \".\" INBOX\r\n* LIST (\\Noselect) \".\" Spam\r\n* LIST () \".\" \"INBOX.Junk E-mail\"\r\n\
             * LIST () \".\" \"not \\\"Junk\\\"\"\r\nTAG OK done\r\n",
        ),
        false => Answer::Default,
    })
    .await;
    let dir = tempfile::tempdir().unwrap();
    let folders = mailbox_on(&server, &dir).open().await.unwrap();
    let names: Vec<_> = folders.iter().map(|folder| (folder.name.as_str(), folder.junk)).collect();
    assert_eq!(names, [("INBOX", false), ("INBOX.Junk E-mail", true)]);
}

#[tokio::test]
async fn a_server_that_refuses_everything_for_a_moment_empties_no_mail() {
    let down = Arc::new(AtomicBool::new(true));
    let is_down = Arc::clone(&down);
    let server = FakeImap::start(4, move |_, command| match command.contains("BODY.PEEK") && is_down.load(Ordering::SeqCst) {
        true => Answer::text("TAG NO [UNAVAILABLE] storage is down\r\n"),
        false => Answer::Default,
    })
    .await;
    let dir = tempfile::tempdir().unwrap();
    let mut mailbox = Mailbox::new(&account::imap(dir.path(), server.port, Tls::ClearText, None), &limits());
    inbox(&mut mailbox).await;
    for _ in 0..10 {
        let outcome = read_all(&mut mailbox).await;
        assert!(matches!(outcome, Err(Trouble::Refused { .. })), "{outcome:?}");
    }
    down.store(false, Ordering::SeqCst);
    let all = read_all(&mut mailbox).await.unwrap();
    assert!(all.len() == 4 && all.values().all(|mail| mail.envelope.extent == Extent::Whole));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_replies_ends_at_the_time_limit() {
    for flooded in ["IDLE", "UID SEARCH UID 1:*"] {
        let server = FakeImap::start(1, move |_, command| match command == flooded {
            true => Answer::Flood("+ idling\r\n".repeat((command == "IDLE").into()), "* OK still here\r\n".repeat(1000)),
            false => Answer::Default,
        })
        .await;
        let dir = tempfile::tempdir().unwrap();
        let mut mailbox = patient(&server, &dir, SHORT * 5);
        let flooding = tokio::spawn(async move {
            inbox(&mut mailbox).await;
            mailbox.keys(None).await?;
            mailbox.wait(SHORT).await
        });
        let outcome = timeout(PATIENCE, flooding).await.expect("it ends").unwrap();
        assert!(matches!(outcome, Err(Trouble::Lost(_))), "{flooded}: {outcome:?}");
    }
}
