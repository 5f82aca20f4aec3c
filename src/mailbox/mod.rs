//! Mailboxes: where mail lies before it is ours. One interface over IMAP and Maildir; nothing here knows the store.
//! A mailbox is read by looking at keys (IMAP UIDs, Maildir names), never by \Seen, date or "newest N" (law 1).

mod imap;
mod maildir;

use std::time::Duration;

pub use imap::Patience;

use crate::config;
use crate::report::Envelope;

/// A mail's identity within (account, folder, validity): an IMAP UID in decimal, or a Maildir base name without its `:2,` flags.
pub type Key = String;

/// A folder that is read, as it stands now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// Its name on the server, undecoded.
    pub name: String,
    /// It holds junk.
    pub junk: bool,
}

/// A mail that waits, before it is fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Its key.
    pub key: Key,
    /// Its size on the server, bytes.
    pub size: u64,
}

/// A mail that was fetched.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// Its key.
    pub key: Key,
    /// Its bytes, or what could be had of them (see `envelope.extent`).
    pub raw: Vec<u8>,
    /// How it came.
    pub envelope: Envelope,
}

/// Why a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// The mailbox says something changed.
    Changed,
    /// Time is up: look anyway.
    Elapsed,
}

/// What went wrong with a mailbox, as far as a caller acts on it. No text of a mail, no password, ever.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// Not reached, lost, timed out, TLS failed: reconnect with backoff.
    #[error("{0}")]
    Lost(String),
    /// The server refuses the login: reconnect with a long backoff, an alarm for a person.
    #[error("login refused: {0}")]
    Login(String),
    /// The server says NO or BAD to one command; the session may go on.
    #[error("the server refuses {command}: {text}")]
    Refused {
        /// The command, without its arguments.
        command: &'static str,
        /// The server's words, cut to 200 characters.
        text: String,
    },
    /// This cannot work until a person changes something (no such folder, not a Maildir).
    #[error("{0}")]
    Setup(String),
}

/// How long a mailbox may take for one command; bodies get more by size.
pub const COMMAND_TIMEOUT: Duration = Duration::from_secs(60);

/// A mailbox of either kind. Not shared: one task owns it. After any error but [`Trouble::Refused`] it must be
/// opened anew before it is used again.
#[derive(Debug)]
pub struct Mailbox(Kind);

#[derive(Debug)]
enum Kind {
    Imap(Box<imap::ImapMailbox>),
    Maildir(Box<maildir::MaildirMailbox>),
}

/// Runs the same call on whichever kind it is.
macro_rules! either {
    ($self:ident, $mailbox:ident => $call:expr) => {
        match &mut $self.0 {
            Kind::Imap($mailbox) => $call,
            Kind::Maildir($mailbox) => $call,
        }
    };
}

impl Mailbox {
    /// A mailbox that is not open yet; touches nothing.
    pub fn new(account: &config::Account, limits: &config::Limits) -> Self {
        Self::with_patience(account, limits, Patience::default())
    }

    /// The same with other time limits, for tests of servers that stall.
    #[doc(hidden)]
    pub fn with_patience(account: &config::Account, limits: &config::Limits, patience: Patience) -> Self {
        Mailbox(match &account.mailbox {
            config::Mailbox::Imap(imap) => Kind::Imap(Box::new(imap::ImapMailbox::new(imap, &account.done, limits, patience))),
            config::Mailbox::Maildir(dir) => {
                Kind::Maildir(Box::new(maildir::MaildirMailbox::new(dir, &account.done, limits, patience.give_up)))
            }
        })
    }

    /// Connects and logs in anew (reading the secret again), and says which folders are to be read: the inbox first.
    pub async fn open(&mut self) -> Result<Vec<Folder>, Trouble> {
        either!(self, mailbox => mailbox.open().await)
    }

    /// Makes `folder` the one that the following calls are about; returns its UIDVALIDITY (Maildir: 0).
    pub async fn enter(&mut self, folder: &Folder) -> Result<u64, Trouble> {
        either!(self, mailbox => mailbox.enter(folder).await)
    }

    /// Keys of all mails in the folder entered, ascending; with `after`, only those beyond that key. Maildir names do
    /// not ascend with arrival: there a name that was never listed before counts as beyond any key, so that after a
    /// start everything is listed once more.
    pub async fn keys(&mut self, after: Option<&Key>) -> Result<Vec<Key>, Trouble> {
        either!(self, mailbox => mailbox.keys(after).await)
    }

    /// Sizes of these mails, in their order. A mail that has gone meanwhile is left out.
    pub async fn sizes(&mut self, keys: &[Key]) -> Result<Vec<Waiting>, Trouble> {
        either!(self, mailbox => mailbox.sizes(keys).await)
    }

    /// Fetches one page, handing each mail to `each` as it comes, ascending, and nothing kept. A mail over the
    /// limit comes in part. A mail that has gone meanwhile is left out. A mail that the server will not hand over (NO,
    /// a reply nobody can parse, its connection lost over it three times) comes as `Extent::Unfetched` with its
    /// header if that can be had: it never stops the others.
    ///
    /// # Errors
    /// Whenever a mail that is still there did not come, after all others did: come again for it,
    /// and go on with other pages meanwhile ([`Trouble::Refused`]), or open anew and come again ([`Trouble::Lost`]). When it has failed three times, and for a
    /// minute at least, it comes as it can be had. Wait a little before coming again: a server in trouble needs it.
    pub async fn fetch(&mut self, page: &[Waiting], each: &mut (dyn FnMut(Arrival) + Send)) -> Result<(), Trouble> {
        either!(self, mailbox => mailbox.fetch(page, each).await)
    }

    /// Does what the config says with mails that are stored: nothing, a keyword, or a move. Doing it twice is harmless.
    pub async fn done(&mut self, keys: &[Key]) -> Result<(), Trouble> {
        either!(self, mailbox => mailbox.done(keys).await)
    }

    /// Waits in the folder entered until something changes there or `at_most` is over; news since the last
    /// [`Mailbox::keys`] of this folder end it at once. Cancel-safe in so far as the mailbox must be opened anew when
    /// the future is dropped.
    pub async fn wait(&mut self, at_most: Duration) -> Result<Wake, Trouble> {
        either!(self, mailbox => mailbox.wait(at_most).await)
    }

    /// Says goodbye, briefly.
    pub async fn close(&mut self) {
        either!(self, mailbox => mailbox.close().await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A task of its own owns each mailbox: this compiles, or it cannot be.
    #[test]
    fn everything_a_mailbox_does_can_run_in_a_task_of_its_own() {
        fn runs<F: Future + Send>(_: fn(&'static mut Mailbox) -> F) {}
        fn each(_: Arrival) {}
        runs(|mailbox| mailbox.open());
        runs(|mailbox| mailbox.keys(None));
        runs(|mailbox| mailbox.sizes(&[]));
        runs(|mailbox| mailbox.done(&[]));
        runs(|mailbox| mailbox.wait(Duration::ZERO));
        runs(|mailbox| mailbox.close());
        runs(|mailbox| async { mailbox.fetch(&[], &mut each).await });
        runs(|mailbox| async { mailbox.enter(&Folder { name: String::new(), junk: false }).await });
    }
}
