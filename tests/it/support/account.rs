//! Accounts as the config would give them.

use std::path::Path;
use std::time::Duration;

use triaged::config::{Account, Done, Imap, Intake, Limits, Login, LoginMethod, Mailbox, Maildir, Secret, Server, Tls};

use super::dovecot::{Dovecot, PASSWORD};

/// The user that tests log in as.
pub const USER: &str = "emergency@example.org";

/// Limits that tests reach: a mail over 100 kB comes in two parts of 10 kB.
pub fn limits() -> Limits {
    Limits {
        memory: 8_000_000,
        message: 100_000,
        part: 10_000,
        judging: Duration::from_secs(5),
        answer_age: Duration::from_secs(86_400),
        answers_per_sender: 3,
        answers_per_hour: 100,
    }
}

fn account(mailbox: Mailbox, done: Done) -> Account {
    Account {
        id: "emergency".into(),
        mailbox,
        done,
        queue: "threat-of-harm".into(),
        floor: "threat-of-harm".into(),
        intake: vec![Intake { address: USER.into(), queue: "threat-of-harm".into(), floor: "threat-of-harm".into() }],
        fallback_languages: Vec::new(),
        poll: Duration::from_secs(60),
    }
}

/// An account on a server of the loopback, its secret in a file below `dir`.
pub fn imap(dir: &Path, port: u16, tls: Tls, ca: Option<&Path>) -> Account {
    let secret = dir.join("password");
    std::fs::write(&secret, format!("{PASSWORD}\n")).expect("the folder can be written");
    let login = Login { user: USER.into(), secret: Secret::File(secret), method: LoginMethod::Password };
    let server = Server { host: "localhost".into(), port, tls, ca_file: ca.map(Path::to_path_buf) };
    let imap = Imap { server, login, idle: true, folders: Vec::new(), junk_folders: Vec::new() };
    account(Mailbox::Imap(imap), Done::Nothing)
}

/// An account on a private Dovecot, over TLS.
pub fn on(dovecot: &Dovecot, dir: &Path) -> Account {
    imap(dir, dovecot.imaps, Tls::Implicit, Some(dovecot.ca()))
}

/// The IMAP part of an account.
pub fn imap_of(account: &mut Account) -> &mut Imap {
    match &mut account.mailbox {
        Mailbox::Imap(imap) => imap,
        Mailbox::Maildir(_) => panic!("the account is a Maildir"),
    }
}

/// An account on a Maildir.
pub fn maildir(path: &Path) -> Account {
    account(Mailbox::Maildir(Maildir { path: path.to_path_buf(), junk: ".Junk".into() }), Done::Nothing)
}
