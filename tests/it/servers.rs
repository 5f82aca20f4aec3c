//! The harness itself: what it starts works together, and nothing of it stays behind.

use std::fs;

use crate::support::account::USER;
use crate::support::dovecot::Dovecot;
use crate::support::imap_client::mails;
use crate::support::postfix::Postfix;
use crate::support::{Lines, greeting, mail, until};

#[test]
fn postfix_hands_mail_on_to_dovecot() {
    let dovecot = Dovecot::start(&[USER, "team@example.net"]);
    let postfix = Postfix::start(&dovecot);
    postfix.hand_over("ana@example.net", USER, &mail(1));
    postfix.hand_over("", "team@example.net", &mail(2));
    let mut lines = Lines::connect(postfix.smtp);
    lines.ask("", "220");
    let offers = lines.ask("EHLO client.example.org", "250");
    assert!(offers.contains("STARTTLS") && offers.contains("AUTH PLAIN"), "{offers}");
    // NUL, user, NUL, password
    lines.ask("AUTH PLAIN AGVtZXJnZW5jeUBleGFtcGxlLm9yZwBvbmx5ICJmb3IiIHRlc3RzXDE=", "235");
    lines.ask("QUIT", "221");
    for (user, number) in [(USER, 1), ("team@example.net", 2)] {
        let mails = until("the mail is delivered", || Some(mails(&dovecot, user, "INBOX")).filter(|mails| !mails.is_empty()));
        assert!(String::from_utf8_lossy(&mails[0]).ends_with(&format!("end of mail {number}\r\n")), "{mails:?}");
    }
}

#[test]
fn no_process_and_no_file_stays_behind() {
    let dovecot = Dovecot::start(&[USER]);
    let postfix = Postfix::start(&dovecot);
    let ports = [dovecot.imap, dovecot.lmtp, postfix.smtp];
    let folders = [dovecot.folder().to_path_buf(), postfix.folder().to_path_buf()];
    drop((dovecot, postfix));
    assert!(ports.iter().all(|port| greeting(*port).is_none()));
    let names = |what: &std::path::Path| folders.iter().any(|folder| what.starts_with(folder));
    until("all processes have ended", || {
        let in_there = |dir: fs::DirEntry| fs::read_link(dir.path().join("cwd")).is_ok_and(|cwd| names(&cwd));
        (!fs::read_dir("/proc").ok()?.flatten().any(in_there)).then_some(())
    });
    assert!(folders.iter().all(|folder| !folder.exists()));
}
