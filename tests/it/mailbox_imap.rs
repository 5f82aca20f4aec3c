//! IMAP mailboxes against a real Dovecot.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::timeout;
use triaged::config::{Done, Tls};
use triaged::mailbox::{Arrival, Folder, Mailbox, Patience, Trouble, Wake};
use triaged::report::Extent;

use crate::support::account::{self, USER, limits};
use crate::support::dovecot::Dovecot;
use crate::support::{PATIENCE, imap_client, mail, mail_of_size};

/// Everything in a folder, by key, as intake would read it: keys, sizes, one page.
pub async fn read_all(mailbox: &mut Mailbox) -> Result<BTreeMap<u32, Arrival>, Trouble> {
    let keys = mailbox.keys(None).await?;
    let waiting = mailbox.sizes(&keys).await?;
    let mut all = BTreeMap::new();
    mailbox.fetch(&waiting, &mut |mail| drop(all.insert(mail.key.parse().unwrap(), mail))).await?;
    Ok(all)
}

/// Opens a mailbox and enters its inbox.
pub async fn inbox(mailbox: &mut Mailbox) -> Vec<Folder> {
    let folders = timeout(PATIENCE, mailbox.open()).await.expect("open ends").expect("open works");
    mailbox.enter(&folders[0]).await.expect("the inbox can be entered");
    folders
}

fn text_of(arrival: &Arrival) -> String {
    String::from_utf8(arrival.raw.clone()).unwrap()
}

#[tokio::test]
async fn mail_comes_over_tls_starttls_and_clear_text_and_nothing_changes_on_the_server() {
    let dovecot = Dovecot::start(&[USER]);
    let dir = tempfile::tempdir().unwrap();
    for number in 1..=3 {
        dovecot.deliver(USER, &mail(number));
    }
    let before = dovecot.flags(USER, "INBOX");
    let ways = [(dovecot.imaps, Tls::Implicit), (dovecot.imap, Tls::StartTls), (dovecot.imap, Tls::ClearText)];
    for (port, tls) in ways {
        let account = account::imap(dir.path(), port, tls, Some(dovecot.ca()));
        let mut mailbox = Mailbox::new(&account, &limits());
        let folders = inbox(&mut mailbox).await;
        let names: Vec<_> = folders.iter().map(|f| (f.name.as_str(), f.junk)).collect();
        assert_eq!(names, [("INBOX", false), ("Junk", true)], "{tls:?}");
        let all = read_all(&mut mailbox).await.unwrap();
        assert_eq!(all.len(), 3);
        for (uid, arrival) in &all {
            assert!(text_of(arrival).ends_with(&format!("end of mail {uid}\r\n")), "{tls:?}: {}", text_of(arrival));
            assert_eq!(arrival.envelope.extent, Extent::Whole);
            assert!(!arrival.envelope.junk);
        }
        mailbox.done(&["1".into(), "2".into()]).await.unwrap();
        mailbox.close().await;
    }
    assert_eq!(dovecot.flags(USER, "INBOX"), before, "done = nothing changes no flag");
    assert_eq!(before.len(), 3);
}

#[tokio::test]
async fn a_wrong_password_is_a_login_trouble_and_the_secret_is_read_anew() {
    let dovecot = Dovecot::start(&[USER]);
    let dir = tempfile::tempdir().unwrap();
    let account = account::on(&dovecot, dir.path());
    let right = std::fs::read_to_string(dir.path().join("password")).unwrap();
    std::fs::write(dir.path().join("password"), "wrong").unwrap();
    let mut mailbox = Mailbox::new(&account, &limits());
    match mailbox.open().await {
        Err(Trouble::Login(text)) => assert!(!text.contains("wrong"), "{text}"),
        other => panic!("{other:?}"),
    }
    std::fs::write(dir.path().join("password"), right).unwrap();
    mailbox.open().await.expect("the new password is read");
}

#[tokio::test]
async fn a_certificate_of_another_ca_is_refused_with_a_sentence() {
    let dovecot = Dovecot::start(&[USER]);
    let dir = tempfile::tempdir().unwrap();
    let other = crate::support::tls::Certificates::make(dir.path());
    for (port, tls) in [(dovecot.imaps, Tls::Implicit), (dovecot.imap, Tls::StartTls)] {
        let account = account::imap(dir.path(), port, tls, Some(&other.ca));
        match Mailbox::new(&account, &limits()).open().await {
            Err(Trouble::Lost(text)) => assert!(text.contains("certificate") && text.contains("ca.pem"), "{text}"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn junk_is_read_from_the_folder_the_server_marks() {
    let dovecot = Dovecot::start(&[USER]);
    let dir = tempfile::tempdir().unwrap();
    dovecot.drop_into(USER, ".Junk", [mail(1)]);
    let mut mailbox = Mailbox::new(&account::on(&dovecot, dir.path()), &limits());
    let folders = inbox(&mut mailbox).await;
    let junk = folders.iter().find(|folder| folder.junk).expect("a junk folder");
    mailbox.enter(junk).await.unwrap();
    let all = read_all(&mut mailbox).await.unwrap();
    assert!(all[&1].envelope.junk);
}

#[tokio::test]
async fn configured_folders_are_read_and_a_missing_one_is_named() {
    let dovecot = Dovecot::start(&[USER]);
    let dir = tempfile::tempdir().unwrap();
    dovecot.doveadm(&["mailbox", "create", "-u", USER, "Entwürfe", "a \\ \"b\""]);
    let mut account = account::on(&dovecot, dir.path());
    account::imap_of(&mut account).folders = vec!["Entwürfe".into(), "a \\ \"b\"".into(), "INBOX".into(), "Nowhere".into()];
    let mut mailbox = Mailbox::new(&account, &limits());
    let folders = mailbox.open().await.unwrap();
    assert_eq!(folders[0].name, "INBOX", "the inbox comes first");
    assert_eq!(folders.len(), 4);
    for folder in &folders[..3] {
        mailbox.enter(folder).await.unwrap_or_else(|error| panic!("{}: {error}", folder.name));
    }
    match mailbox.enter(&folders[3]).await {
        Err(Trouble::Setup(text)) => assert!(text.contains("\"Nowhere\"") && text.contains("INBOX"), "{text}"),
        other => panic!("{other:?}"),
    }
    mailbox.enter(&folders[0]).await.expect("the session goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_wakes_when_mail_comes() {
    let dovecot = Dovecot::start(&[USER]);
    let dir = tempfile::tempdir().unwrap();
    let mut mailbox = Mailbox::new(&account::on(&dovecot, dir.path()), &limits());
    inbox(&mut mailbox).await;
    assert_eq!(mailbox.keys(None).await.unwrap(), Vec::<String>::new());
    let waiting = tokio::spawn(async move { (mailbox.wait(Duration::from_secs(120)).await, mailbox) });
    dovecot.idling(USER);
    dovecot.deliver(USER, &mail(1));
    let (woken, mut mailbox) = timeout(PATIENCE, waiting).await.expect("IDLE wakes").unwrap();
    assert_eq!(woken.unwrap(), Wake::Changed);
    assert_eq!(mailbox.keys(None).await.unwrap(), ["1"]);
    assert_eq!(mailbox.wait(Duration::from_millis(50)).await.unwrap(), Wake::Elapsed, "nothing new since");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_idle_the_mailbox_is_polled() {
    let dovecot = Dovecot::start(&[USER]);
    let dir = tempfile::tempdir().unwrap();
    let mut account = account::on(&dovecot, dir.path());
    account::imap_of(&mut account).idle = false;
    let mut mailbox = Mailbox::new(&account, &limits());
    inbox(&mut mailbox).await;
    mailbox.keys(None).await.unwrap();
    assert_eq!(mailbox.wait(Duration::from_millis(20)).await.unwrap(), Wake::Elapsed);
    dovecot.deliver(USER, &mail(1));
    let polled = mailbox.wait(Duration::from_millis(20)).await.unwrap();
    assert_eq!(polled, Wake::Changed, "the poll sees it");
    assert_eq!(mailbox.wait(Duration::from_secs(120)).await.unwrap(), Wake::Changed, "and forgets it only by a look");
    assert_eq!(mailbox.keys(None).await.unwrap(), ["1"]);
}

#[tokio::test]
async fn news_in_one_folder_are_not_slept_through_while_another_is_read() {
    let dovecot = Dovecot::start(&[USER]);
    let dir = tempfile::tempdir().unwrap();
    let mut mailbox = Mailbox::new(&account::on(&dovecot, dir.path()), &limits());
    let folders = inbox(&mut mailbox).await;
    mailbox.keys(None).await.unwrap();
    mailbox.enter(&folders[1]).await.unwrap();
    dovecot.deliver(USER, &mail(1));
    mailbox.keys(None).await.unwrap();
    mailbox.enter(&folders[0]).await.unwrap();
    let woken = timeout(PATIENCE, mailbox.wait(Duration::from_secs(120))).await.expect("it wakes at once").unwrap();
    assert_eq!(woken, Wake::Changed);
}

#[tokio::test]
async fn a_keyword_marks_mails_that_are_done_and_twice_is_harmless() {
    let dovecot = Dovecot::start(&[USER]);
    let dir = tempfile::tempdir().unwrap();
    dovecot.drop_into(USER, "", (1..=3).map(mail));
    let mut account = account::on(&dovecot, dir.path());
    account.done = Done::Keyword("$Triaged".into());
    let mut mailbox = Mailbox::new(&account, &limits());
    inbox(&mut mailbox).await;
    let keys = mailbox.keys(None).await.unwrap();
    for _ in 0..2 {
        mailbox.done(&keys[..2]).await.unwrap();
    }
    let flags = dovecot.flags(USER, "INBOX");
    let marked: Vec<bool> = flags.iter().map(|line| line.contains("$Triaged")).collect();
    assert_eq!(marked, [true, true, false], "{flags:?}");
    assert!(!flags.iter().any(|line| line.contains("Seen")), "{flags:?}");
}

#[tokio::test]
async fn a_move_makes_its_folder_and_twice_is_harmless() {
    for more in ["", "imap_capability = IMAP4rev1 UIDPLUS\n"] {
        let dovecot = Dovecot::start_with(&[USER], more);
        let dir = tempfile::tempdir().unwrap();
        dovecot.drop_into(USER, "", (1..=3).map(mail));
        let mut account = account::on(&dovecot, dir.path());
        account.done = Done::Move("Erledigt & gelöst".into());
        let mut mailbox = Mailbox::new(&account, &limits());
        inbox(&mut mailbox).await;
        let keys = mailbox.keys(None).await.unwrap();
        for _ in 0..2 {
            mailbox.done(&keys[..2]).await.unwrap();
        }
        assert_eq!(mailbox.keys(None).await.unwrap(), ["3"], "with {more:?}");
        assert_eq!(imap_client::mails(&dovecot, USER, "Erledigt &- gel&APY-st").len(), 2, "with {more:?}");
        assert_eq!(imap_client::mails(&dovecot, USER, "INBOX").len(), 1, "with {more:?}");
    }
}

#[tokio::test]
async fn a_server_that_cannot_move_is_told_apart() {
    let dovecot = Dovecot::start_with(&[USER], "imap_capability = IMAP4rev1\n");
    let dir = tempfile::tempdir().unwrap();
    dovecot.drop_into(USER, "", [mail(1)]);
    let mut account = account::on(&dovecot, dir.path());
    account.done = Done::Move("Done".into());
    let mut mailbox = Mailbox::new(&account, &limits());
    inbox(&mut mailbox).await;
    let refused = mailbox.done(&["1".into()]).await;
    assert!(matches!(refused, Err(Trouble::Setup(_))), "{refused:?}");
    assert_eq!(imap_client::mails(&dovecot, USER, "INBOX").len(), 1);
}

#[tokio::test]
async fn three_thousand_mails_are_listed_and_fetched_in_pages() {
    let dovecot = Dovecot::start(&[USER]);
    let dir = tempfile::tempdir().unwrap();
    dovecot.drop_into(USER, "", (1..=3000).map(|number| mail_of_size(number, 9_000)));
    let mut mailbox = Mailbox::new(&account::on(&dovecot, dir.path()), &limits());
    inbox(&mut mailbox).await;
    let keys = mailbox.keys(None).await.unwrap();
    let expected: Vec<String> = (1..=3000).map(|uid| uid.to_string()).collect();
    assert_eq!(keys, expected);
    assert_eq!(mailbox.keys(Some(&"2998".into())).await.unwrap(), ["2999", "3000"]);
    assert_eq!(mailbox.keys(Some(&"3000".into())).await.unwrap(), Vec::<String>::new(), "n:* names the last mail again");
    let waiting = mailbox.sizes(&keys).await.unwrap();
    assert_eq!(waiting.len(), 3000);
    let mut seen = Vec::new();
    let started = std::time::Instant::now();
    for page in waiting.chunks(700) {
        let sizes: u64 = page.iter().map(|mail| mail.size).sum();
        let mut bytes = 0;
        mailbox
            .fetch(page, &mut |mail| {
                bytes += mail.raw.len() as u64;
                seen.push(mail.key);
            })
            .await
            .unwrap();
        assert_eq!(bytes, sizes);
    }
    eprintln!("3000 mails of 9 kB fetched in {:?}", started.elapsed());
    assert_eq!(seen, expected, "each once, oldest first");
}

#[tokio::test]
async fn a_mail_over_the_limit_comes_in_part_and_a_mail_that_has_gone_is_left_out() {
    let dovecot = Dovecot::start(&[USER]);
    let dir = tempfile::tempdir().unwrap();
    dovecot.drop_into(USER, "", [mail(1), mail_of_size(2, 300_000), mail(3), mail(4)]);
    let mut mailbox = Mailbox::new(&account::on(&dovecot, dir.path()), &limits());
    inbox(&mut mailbox).await;
    let keys = mailbox.keys(None).await.unwrap();
    dovecot.doveadm(&["expunge", "-u", USER, "mailbox", "INBOX", "uid", "1"]);
    // The server tells a session of it when it next may.
    mailbox.wait(Duration::from_millis(1)).await.unwrap();
    let waiting = mailbox.sizes(&keys).await.unwrap();
    assert_eq!(waiting.iter().map(|mail| mail.key.as_str()).collect::<Vec<_>>(), ["2", "3", "4"]);
    dovecot.doveadm(&["expunge", "-u", USER, "mailbox", "INBOX", "uid", "3"]);
    let mut all = Vec::new();
    mailbox.fetch(&waiting, &mut |mail| all.push(mail)).await.unwrap();
    assert_eq!(all.iter().map(|mail| mail.key.as_str()).collect::<Vec<_>>(), ["2", "4"]);
    let large = &all[0];
    assert_eq!(large.envelope.extent, Extent::Part { size: waiting[0].size, head: 10_000 });
    assert_eq!(large.raw.len(), 20_000);
    let text = text_of(large);
    assert!(text.starts_with("Message-ID: <mail-2@") || text.contains("\r\nMessage-ID: <mail-2@"), "{}", &text[..80]);
    assert!(text.ends_with("end of mail 2\r\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_in_idle_is_noticed_and_nothing_is_missing_after_its_restart() {
    let mut dovecot = Dovecot::start(&[USER]);
    let dir = tempfile::tempdir().unwrap();
    dovecot.deliver(USER, &mail(1));
    let mut mailbox = Mailbox::new(&account::on(&dovecot, dir.path()), &limits());
    inbox(&mut mailbox).await;
    assert_eq!(read_all(&mut mailbox).await.unwrap().len(), 1);
    let waiting = tokio::spawn(async move { (mailbox.wait(Duration::from_secs(120)).await, mailbox) });
    dovecot.idling(USER);
    dovecot.kill();
    let (woken, mut mailbox) = timeout(PATIENCE, waiting).await.expect("the loss is noticed").unwrap();
    assert!(matches!(woken, Err(Trouble::Lost(_))), "{woken:?}");
    assert!(matches!(mailbox.keys(None).await, Err(Trouble::Lost(_))), "a lost connection is no empty mailbox");
    assert!(matches!(mailbox.open().await, Err(Trouble::Lost(_))), "nobody listens");
    dovecot.drop_into(USER, "", [mail(2)]);
    dovecot.run();
    inbox(&mut mailbox).await;
    let all = read_all(&mut mailbox).await.unwrap();
    assert_eq!(all.keys().copied().collect::<Vec<_>>(), [1, 2]);
}

#[tokio::test]
async fn a_new_uidvalidity_is_seen() {
    let dovecot = Dovecot::start(&[USER]);
    let dir = tempfile::tempdir().unwrap();
    let mut mailbox = Mailbox::new(&account::on(&dovecot, dir.path()), &limits());
    let folders = inbox(&mut mailbox).await;
    let before = mailbox.enter(&folders[0]).await.unwrap();
    let other = (before + 17).to_string();
    dovecot.doveadm(&["mailbox", "update", "-u", USER, "--uid-validity", &other, "INBOX"]);
    assert_eq!(mailbox.enter(&folders[0]).await.unwrap(), before + 17);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stalls_is_given_up_within_its_limit() {
    let dovecot = Dovecot::start(&[USER]);
    let dir = tempfile::tempdir().unwrap();
    dovecot.drop_into(USER, "", [mail(1)]);
    let short = Duration::from_secs(2);
    let patience = Patience { command: short, greeting: short, tls: short, idle_ends: short, ..Patience::default() };
    let mut mailbox = Mailbox::with_patience(&account::on(&dovecot, dir.path()), &limits(), patience);
    let folders = inbox(&mut mailbox).await;
    let keys = mailbox.keys(None).await.unwrap();
    let sizes = mailbox.sizes(&keys).await.unwrap();
    dovecot.halt();
    let lost = timeout(PATIENCE, mailbox.fetch(&sizes, &mut |_| ())).await.expect("the command ends");
    assert!(matches!(lost, Err(Trouble::Lost(_))), "{lost:?}");
    let lost = timeout(PATIENCE, mailbox.open()).await.expect("opening ends");
    assert!(matches!(lost, Err(Trouble::Lost(_))), "{lost:?}");
    dovecot.go_on();
    mailbox.open().await.unwrap();
    mailbox.enter(&folders[0]).await.unwrap();
    mailbox.keys(None).await.unwrap();
    let waiting = tokio::spawn(async move { mailbox.wait(Duration::from_secs(3)).await });
    dovecot.idling(USER);
    dovecot.halt();
    let lost = timeout(PATIENCE, waiting).await.expect("IDLE ends").unwrap();
    assert!(matches!(lost, Err(Trouble::Lost(_))), "{lost:?}");
}
