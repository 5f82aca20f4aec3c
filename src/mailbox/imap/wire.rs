//! One connection, one command at a time. async-imap is used for what it is good at, reading and parsing replies; its
//! own commands take a lost connection for success and swallow NO and BAD, so the commands are run here: a command is
//! done when the server says so under our tag, and in no other way.

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use async_imap::Client;
use async_imap::imap_proto::{Capability, MailboxDatum, Outcome, Response, ResponseCode, Status};
use futures_util::FutureExt;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

use super::guard::Guard;
use crate::mailbox::Trouble;
use crate::scrub::scrub;

/// Plain TCP or TLS, whichever it is.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send + Sync + std::fmt::Debug {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send + Sync + std::fmt::Debug> Stream for S {}

/// What is called with every untagged reply.
pub type See<'a> = &'a mut (dyn FnMut(&Response<'_>) + Send);

/// A connection to a server. Once a call has failed with [`Trouble::Lost`], or was dropped half way, it must not be
/// used again: a late reply would be taken for the answer to the next command.
#[derive(Debug)]
pub struct Wire {
    client: Client<Guard<Box<dyn Stream>>>,
    server: String,
    tags: u32,
    /// What the server told us along the way.
    pub known: Known,
}

/// What untagged replies have said so far.
#[derive(Debug, Default)]
pub struct Known {
    /// Capabilities, upper case; `None` until the server has named them (again, after TLS and login).
    pub capabilities: Option<HashSet<String>>,
    /// Mails in the folder entered.
    pub exists: u32,
    /// The folder grew since [`Wire::look`].
    pub news: bool,
    /// Mails were removed since [`Wire::look`]: sequence numbers have shifted.
    pub shrunk: bool,
    /// UIDVALIDITY of the folder entered.
    pub uid_validity: Option<u32>,
    /// UIDNEXT of the folder entered, when it was entered.
    pub uid_next: Option<u32>,
    /// The server's last words, once it has said BYE.
    pub bye: Option<String>,
}

/// The tagged reply that ends a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// OK, as opposed to NO or BAD.
    pub ok: bool,
    /// The folder does not exist, but could be created (RFC 3501 7.1).
    pub try_create: bool,
    /// The server's words, safe to show.
    pub text: String,
}

impl Reply {
    /// NO and BAD as an error that names `command`.
    pub fn accepted(self, command: &'static str) -> Result<(), Trouble> {
        if self.ok { Ok(()) } else { Err(Trouble::Refused { command, text: self.text }) }
    }
}

/// One reply of the server.
pub enum Event {
    /// Untagged; it has been seen.
    Untagged,
    /// `+`: the server waits for more of the command.
    Continue,
    /// The command is over.
    Done(Reply),
}

impl Wire {
    /// Takes over a connection; `server` is how errors call it, `limit` the largest reply (see [`Guard`]).
    pub fn new(stream: Box<dyn Stream>, server: &str, limit: u64) -> Self {
        let client = Client::new(Guard::new(stream, limit));
        Wire { client, server: server.to_owned(), tags: 0, known: Known::default() }
    }

    /// The bare stream, for STARTTLS. What the server sent in clear text and nobody read yet is thrown away: it could
    /// have been put there by anybody.
    pub fn into_stream(self) -> Box<dyn Stream> {
        self.client.into_inner().into_inner()
    }

    /// Forgets what is known of the folder as it stood: a new look at it begins.
    pub fn look(&mut self) {
        (self.known.news, self.known.shrunk) = (false, false);
    }

    /// Whether the server offers `name` (upper case).
    pub fn offers(&self, name: &str) -> bool {
        self.known.capabilities.as_ref().is_some_and(|all| all.contains(name))
    }

    /// Runs a command to its end: `name` is how errors call it, `line` the whole of it.
    pub async fn run(&mut self, name: &'static str, line: &str, limit: Duration, see: See<'_>) -> Result<Reply, Trouble> {
        let deadline = Instant::now() + limit;
        self.send(name, line, deadline).await?;
        loop {
            match self.next(name, deadline, see).await? {
                Event::Done(reply) => return Ok(reply),
                Event::Untagged => {}
                Event::Continue => return Err(self.lost(name, "the server asked for more than the command has")),
            }
        }
    }

    /// [`Wire::run`], where NO and BAD are errors and untagged replies of no interest.
    pub async fn order(&mut self, name: &'static str, line: &str, limit: Duration) -> Result<(), Trouble> {
        self.run(name, line, limit, &mut |_| ()).await?.accepted(name)
    }

    /// Runs AUTHENTICATE: each `+` of the server is answered with the next of `answers`, then with an empty line (which
    /// is how a client takes note of an XOAUTH2 error).
    pub async fn authenticate(&mut self, mechanism: &str, answers: &[String], limit: Duration) -> Result<Reply, Trouble> {
        const NAME: &str = "AUTHENTICATE";
        let deadline = Instant::now() + limit;
        self.send(NAME, &format!("AUTHENTICATE {mechanism}"), deadline).await?;
        let mut answers = answers.iter();
        loop {
            match self.next(NAME, deadline, &mut |_| ()).await? {
                Event::Done(reply) => return Ok(reply),
                Event::Untagged => {}
                Event::Continue => self.line(NAME, answers.next().map_or("", String::as_str), deadline).await?,
            }
        }
    }

    /// Sends a command under a new tag.
    pub async fn send(&mut self, name: &'static str, line: &str, deadline: Instant) -> Result<(), Trouble> {
        self.tags += 1;
        let line = format!("t{} {line}", self.tags);
        self.line(name, &line, deadline).await
    }

    /// Sends one line as it is. async-imap never sees it: it would log a password at TRACE.
    pub async fn line(&mut self, name: &'static str, line: &str, deadline: Instant) -> Result<(), Trouble> {
        let stream = self.client.get_mut();
        let bytes = format!("{line}\r\n");
        let write = async {
            stream.write_all(bytes.as_bytes()).await?;
            stream.flush().await
        };
        match timeout_at(deadline, write).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.lost(name, &described(&error))),
            Err(_) => Err(self.lost(name, "the server does not read what it is sent")),
        }
    }

    /// Waits for the next reply, until `deadline`.
    pub async fn next(&mut self, name: &'static str, deadline: Instant, see: See<'_>) -> Result<Event, Trouble> {
        // A flood of replies is always ready, and would keep the timer from ever being asked.
        if Instant::now() > deadline {
            return Err(self.lost(name, "no answer in time"));
        }
        // imap-proto panics on a few replies (INTERNALDATE NIL): one more reply that cannot be understood.
        let read = AssertUnwindSafe(self.client.read_response()).catch_unwind();
        let problem = match timeout_at(deadline, read).await {
            Ok(Ok(Ok(Some(response)))) => {
                let tag = format!("t{}", self.tags);
                return Ok(self.known.take(response.parsed(), &tag, see));
            }
            Ok(Ok(Ok(None))) => "the server closed the connection".to_owned(),
            Ok(Ok(Err(error))) => described(&error),
            Ok(Err(_panic)) => UNREADABLE.to_owned(),
            Err(_) => "no answer in time".to_owned(),
        };
        Err(self.lost(name, &problem))
    }

    /// The end of this connection, as an error. If the server said goodbye, that is the reason.
    pub fn lost(&self, name: &str, problem: &str) -> Trouble {
        let bye = self.known.bye.as_ref().map(|text| format!(", after saying goodbye: {text}")).unwrap_or_default();
        Trouble::Lost(format!("{}: {name}: {problem}{bye}", self.server))
    }
}

const UNREADABLE: &str = "the server sent a reply that cannot be understood";

/// An I/O error in words of our own where the parser's would quote the mail.
fn described(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::Other => UNREADABLE.to_owned(),
        std::io::ErrorKind::UnexpectedEof => "the connection broke off".to_owned(),
        _ => scrub(&error.to_string()),
    }
}

impl Known {
    fn take(&mut self, response: &Response<'_>, tag: &str, see: See<'_>) -> Event {
        match response {
            Response::Done { tag: theirs, status, outcome } if theirs.0 == tag => {
                self.note(outcome);
                let text = outcome.information.as_deref().map(scrub).unwrap_or_default();
                let try_create = matches!(outcome.code, Some(ResponseCode::TryCreate));
                return Event::Done(Reply { ok: *status == Status::Ok, try_create, text });
            }
            Response::Continue(_) => return Event::Continue,
            Response::Capabilities(list) => self.capabilities = Some(list.iter().map(capability).collect()),
            Response::Data { status: Status::Bye, outcome } => {
                self.bye = Some(outcome.information.as_deref().map(scrub).unwrap_or_default());
            }
            Response::Data { outcome, .. } => self.note(outcome),
            Response::MailboxData(MailboxDatum::Exists(n)) => {
                self.news |= *n > self.exists;
                self.exists = *n;
            }
            Response::Expunge(_) => {
                self.exists = self.exists.saturating_sub(1);
                self.shrunk = true;
            }
            Response::Vanished { .. } => self.shrunk = true,
            _ => {}
        }
        see(response);
        Event::Untagged
    }

    fn note(&mut self, outcome: &Outcome<'_>) {
        match &outcome.code {
            Some(ResponseCode::Capabilities(list)) => self.capabilities = Some(list.iter().map(capability).collect()),
            Some(ResponseCode::UidValidity(n)) => self.uid_validity = Some(*n),
            Some(ResponseCode::UidNext(n)) => self.uid_next = Some(*n),
            _ => {}
        }
    }
}

fn capability(one: &Capability<'_>) -> String {
    match one {
        Capability::Imap4rev1 => "IMAP4REV1".to_owned(),
        Capability::Auth(name) => format!("AUTH={}", name.to_ascii_uppercase()),
        Capability::Atom(name) => name.to_ascii_uppercase(),
    }
}
