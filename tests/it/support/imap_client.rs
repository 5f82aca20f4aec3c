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
