//! A false IMAP server for faults that real ones cannot be made to produce. It behaves, in clear text, unless the test's
//! script says otherwise for a command.

use std::fmt::Write;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::mail;

/// What the server says to one command. `TAG` stands for the command's tag.
pub enum Answer {
    /// What a good server would.
    Default,
    /// This instead.
    Text(String),
    /// This instead, and then it closes the connection.
    Cut(String),
    /// Nothing, ever.
    Silence,
    /// The first, and then the second again and again until the client goes.
    Flood(String, String),
}

impl Answer {
    /// This instead.
    pub fn text(text: &str) -> Self {
        Answer::Text(text.to_owned())
    }

    /// This instead, and then it closes the connection.
    pub fn cut(text: &str) -> Self {
        Answer::Cut(text.to_owned())
    }
}

/// What decides: the number of the connection (from 1), the command without its tag (`greeting` before the first).
type Script = dyn Fn(usize, &str) -> Answer + Send + Sync;

/// A running false server; it ends with the test's runtime.
pub struct FakeImap {
    /// Clear text.
    pub port: u16,
    heard: Arc<Mutex<Vec<String>>>,
}

/// A good server's greeting.
pub const GREETING: &str = "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN IDLE UIDPLUS MOVE] ready\r\n";

impl FakeImap {
    /// Starts one that holds mails with the UIDs 1 to `mails`.
    pub async fn start(mails: u32, script: impl Fn(usize, &str) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("the loopback has a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (script, log): (Arc<Script>, _) = (Arc::new(script), Arc::clone(&heard));
        tokio::spawn(async move {
            let mut connection = 0;
            while let Ok((stream, _)) = listener.accept().await {
                connection += 1;
                let (script, log) = (Arc::clone(&script), Arc::clone(&log));
                tokio::spawn(async move { serve(stream, connection, mails, &*script, &log).await });
            }
        });
        FakeImap { port, heard }
    }

    /// Every command heard so far, without tags.
    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().expect("no test panicked with it").clone()
    }
}

/// Whether a UID FETCH asks for the body of this UID.
pub fn wants_body(command: &str, uid: u32) -> bool {
    command.starts_with("UID FETCH") && command.contains("BODY.PEEK[]") && uids(command, u32::MAX).contains(&uid)
}

/// A good server's reply to a command about mails with the UIDs 1 to `mails`.
pub fn good(command: &str, mails: u32) -> String {
    let word = command.split(' ').next().unwrap_or("");
    match word {
        "greeting" => return GREETING.to_owned(),
        "AUTHENTICATE" | "IDLE" => return "+ go on\r\n".to_owned(),
        "CAPABILITY" => return "* CAPABILITY IMAP4rev1 AUTH=PLAIN IDLE UIDPLUS MOVE\r\nTAG OK done\r\n".to_owned(),
        _ => {}
    }
    let mut text = match word {
        "LIST" => "* LIST () \".\" INBOX\r\n".to_owned(),
        "SELECT" | "EXAMINE" => {
            let next = mails + 1;
            format!("* {mails} EXISTS\r\n* OK [UIDVALIDITY 7] same\r\n* OK [UIDNEXT {next}] next\r\n")
        }
        _ if command.starts_with("UID SEARCH") => {
            let found: String = uids(command, mails).iter().map(|uid| format!(" {uid}")).collect();
            format!("* SEARCH{found}\r\n")
        }
        _ if command.starts_with("UID FETCH") => uids(command, mails).into_iter().map(|uid| fetched(command, uid)).collect(),
        _ => String::new(),
    };
    text.push_str("TAG OK done\r\n");
    text
}

/// One FETCH reply as a good server gives it.
pub fn fetched(command: &str, uid: u32) -> String {
    let raw = String::from_utf8(mail(uid as usize)).expect("it is ASCII");
    let mut items = format!("UID {uid}");
    if command.contains("INTERNALDATE") {
        items.push_str(" INTERNALDATE \"05-Nov-2026 10:00:00 +0000\"");
    }
    if command.contains("RFC822.SIZE") {
        let _ = write!(items, " RFC822.SIZE {}", raw.len());
    }
    let header = raw.find("\r\n\r\n").map_or(raw.len(), |end| end + 4);
    if command.contains("BODY.PEEK[HEADER]") {
        let _ = write!(items, " BODY[HEADER] {{{header}}}\r\n{}", &raw[..header]);
    } else if command.contains("BODY.PEEK[]") {
        let _ = write!(items, " BODY[] {{{}}}\r\n{raw}", raw.len());
    }
    format!("* {uid} FETCH ({items})\r\n")
}

/// The UIDs up to `last` in the set of a command such as `UID FETCH 1:3,5 (...)` or `UID SEARCH UID 4:*`.
fn uids(command: &str, last: u32) -> Vec<u32> {
    let set = command.split(' ').find(|word| word.starts_with(|c: char| c.is_ascii_digit())).unwrap_or("1:*");
    let mut all = Vec::new();
    for range in set.split(',') {
        let (from, to) = range.split_once(':').unwrap_or((range, range));
        let number = |text: &str| text.parse().unwrap_or(last);
        let (from, to) = (number(from).min(number(to)), number(from).max(number(to)));
        all.extend((from..=to.min(last).min(from.saturating_add(100_000))).filter(|uid| *uid <= last));
    }
    // As real servers do: `n:*` holds the last mail even when n lies beyond it.
    if set.ends_with('*') && last > 0 && last != u32::MAX && !all.contains(&last) {
        all.push(last);
    }
    all
}

async fn serve(stream: TcpStream, connection: usize, mails: u32, script: &Script, log: &Mutex<Vec<String>>) {
    let mut stream = BufReader::new(stream);
    let mut tag = String::new();
    let mut command = "greeting".to_owned();
    loop {
        log.lock().expect("no test panicked with it").push(command.clone());

        let (text, stay) = match script(connection, &command) {
            Answer::Flood(first, text) => {
                let mut written = stream.write_all(first.as_bytes()).await;
                while written.is_ok() {
                    written = stream.write_all(text.as_bytes()).await;
                }
                return;
            }
            Answer::Default => (good(&command, mails), true),
            Answer::Text(text) => (text, true),
            Answer::Cut(text) => (text, false),
            Answer::Silence => (String::new(), true),
        };
        if stream.write_all(text.replace("TAG", &tag).as_bytes()).await.is_err() || !stay {
            return;
        }
        // After `+` the next line is the rest of the command, without a tag.
        let goes_on = text.lines().any(|line| line.starts_with('+'));
        let word = command.trim_start_matches('(').split(' ').next().unwrap_or("").to_owned();
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return;
        }
        let line = line.trim_end_matches(['\r', '\n']);
        match line.split_once(' ') {
            Some((its_tag, rest)) if !goes_on => (tag, command) = (its_tag.to_owned(), rest.to_owned()),
            _ => command = format!("({word} goes on) {line}"),
        }
    }
}
