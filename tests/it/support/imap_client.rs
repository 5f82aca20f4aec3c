//! A tiny IMAP client of its own, so that what the daemon did is seen with other eyes than its own.

use super::Lines;
use super::dovecot::{Dovecot, PASSWORD};

/// The raw bytes of every mail in a folder of `user`, in the server's order. Changes nothing there.
pub fn mails(dovecot: &Dovecot, user: &str, folder: &str) -> Vec<Vec<u8>> {
    let mut lines = Lines::connect(dovecot.imap);
    lines.hear();
    let password = PASSWORD.replace('\\', "\\\\").replace('"', "\\\"");
    done(&mut lines, &format!("LOGIN \"{user}\" \"{password}\""));
    let exists = done(&mut lines, &format!("EXAMINE \"{folder}\""));
    let mails = match exists.iter().any(|line| line == "* 0 EXISTS\r\n") {
        true => Vec::new(),
        false => fetched(&mut lines),
    };
    lines.say("a LOGOUT");
    mails
}

/// Runs a command to its OK, and returns the lines before it.
fn done(lines: &mut Lines, command: &str) -> Vec<String> {
    lines.say(&format!("a {command}"));
    let mut before = Vec::new();
    loop {
        let line = lines.hear();
        match line.strip_prefix("a ") {
            Some(end) => {
                assert!(end.starts_with("OK"), "to {command:?} the server says {line:?}");
                return before;
            }
            None => before.push(line),
        }
    }
}

fn fetched(lines: &mut Lines) -> Vec<Vec<u8>> {
    lines.say("a FETCH 1:* BODY.PEEK[]");
    let mut mails = Vec::new();
    loop {
        let line = lines.hear();
        if line.starts_with("a ") {
            assert!(line.starts_with("a OK"), "{line}");
            return mails;
        }
        let size = line.trim_end().strip_suffix('}').and_then(|line| line.rsplit_once('{')).map(|(_, size)| size.parse());
        if let Some(Ok(size)) = size {
            mails.push(lines.bytes(size));
        }
    }
}

/// The BODYSTRUCTURE (RFC 9051 7.5.2) of every mail in a folder of `user`, as the server writes it; waits until there are so many.
pub fn structures(dovecot: &Dovecot, user: &str, folder: &str, number: usize) -> Vec<String> {
    let mut lines = Lines::connect(dovecot.imap);
    lines.hear();
    let password = PASSWORD.replace('\\', "\\\\").replace('"', "\\\"");
    done(&mut lines, &format!("LOGIN \"{user}\" \"{password}\""));
    let structures = super::until("the mails are there", || {
        let exists = done(&mut lines, &format!("EXAMINE \"{folder}\""));
        if exists.iter().any(|line| line == "* 0 EXISTS\r\n") {
            return None;
        }
        let said = done(&mut lines, "FETCH 1:* BODYSTRUCTURE");
        let told: Vec<String> =
            said.iter().filter_map(|line| line.split_once("BODYSTRUCTURE ")).map(|(_, told)| told.to_owned()).collect();
        (told.len() >= number).then_some(told)
    });
    lines.say("a LOGOUT");
    structures
}
