//! What the operator configured, as checked values. The commented sample `config/triaged.toml` documents every key;
//! [`read`] turns a file into a [`Config`] or into everything that is wrong with it.

mod account;
mod address;
mod ladder;
mod queue;
mod read;
mod referral;
mod rota;
mod server;
pub mod time;
mod watch;
#[cfg(test)]
mod tests;

pub use address::{base, is_address};
pub use ladder::{Instead, Ladder, Step, Who};
pub use read::read;
pub(crate) use read::{Places, read_placed};
pub use rota::{Layer, Override, Person, Repeat, Rota, Shift};
pub use watch::{Canary, Heartbeat, Http, Url, Watch, Webhook, WebhookKind};

use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;

/// The whole configuration, checked in itself. Rules and templates are checked against it by [`crate::policy`].
#[derive(Clone, Debug)]
pub struct Config {
    /// Who we are to others.
    pub identity: Identity,
    /// Where cases are kept.
    pub store: Store,
    /// How mail leaves.
    pub send: Send,
    /// The mailboxes, in the file's order; ids are unique.
    pub accounts: Vec<Account>,
    /// The queues, most urgent first; names are unique.
    pub queues: Vec<Queue>,
    /// Who is woken, in what order; names are unique.
    pub ladders: Vec<Ladder>,
    /// Alerts as HTTP requests; names are unique.
    pub webhooks: Vec<Webhook>,
    /// Who learns that something is wrong with ourselves, and when.
    pub watch: Option<Watch>,
    /// Mails of our own that must come back.
    pub canary: Option<Canary>,
    /// A sign of life to somebody outside.
    pub heartbeat: Option<Heartbeat>,
    /// The listener.
    pub http: Option<Http>,
    /// Who can be woken; names are unique.
    pub people: Vec<Person>,
    /// Who is on call when; names are unique, and no person's.
    pub rotas: Vec<Rota>,
    /// Folder of rule files; `None`: the shipped rules.
    pub rules: Option<PathBuf>,
    /// Folder of answer templates; `None`: the shipped ones.
    pub templates: Option<PathBuf>,
    /// Where matters belong that others handle, in the file's order.
    pub referrals: Vec<Referral>,
    /// Bounds on what we take in and give out.
    pub limits: Limits,
}

/// A line of `[referrals]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referral {
    /// The topic, as rules name it.
    pub topic: String,
    /// Where its matter belongs: a link or a mail address, one line.
    pub place: String,
}

/// `[identity]`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The team's name: From of answers, and in their text.
    pub name: String,
    /// Right side of our Message-IDs, lower case.
    pub domain: String,
    /// Where people write when an emergency got no human answer within the hour: an address in answers.
    pub general_contact: String,
    /// authserv-ids (RFC 8601) of our own servers, lower case: only their Authentication-Results are believed.
    pub authserv_ids: Vec<String>,
    /// Addresses of ours (beyond intake, queues) that must never be acknowledged, lower case.
    pub own_addresses: Vec<String>,
    /// Answers have a Reply-To with a plus detail that leads back to the case.
    pub plus_address: bool,
    /// Relays that send for people (a wiki's "Email this user"): answered at Reply-To, List-* headers forgiven. From addresses, lower case.
    pub trusted_relays: Vec<String>,
}

/// `[store]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// The database file.
    pub path: PathBuf,
    /// Intake stops, loudly, below this much free disk (bytes).
    pub min_free: u64,
}

/// `[smtp]` or `[files]`: exactly one.
#[derive(Clone, Debug)]
pub enum Send {
    /// To a submission server.
    Smtp(Smtp),
    /// Into files of this folder, for trials and the demo.
    Files(PathBuf),
}

/// `[smtp]`
#[derive(Clone, Debug)]
pub struct Smtp {
    /// Host and port of the submission server.
    pub server: Server,
    /// Log in with this, if at all.
    pub login: Option<Login>,
    /// Envelope sender and From of forwards and alerts, lower case; bounces of forwards go there.
    pub from: String,
    /// Connections kept open at most.
    pub connections: usize,
}

/// A server and how to reach it safely.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Host name; also what its certificate must say.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// How the connection is encrypted.
    pub tls: Tls,
    /// PEM file of a private CA to trust instead of the system's store.
    pub ca_file: Option<PathBuf>,
}

/// How a connection is encrypted. There is no fallback from one to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// TLS from the first byte (RFC 8314).
    Implicit,
    /// STARTTLS, required.
    StartTls,
    /// Not at all: only where the config says `tls = "clear-text"`.
    ClearText,
}

/// Name and proof.
#[derive(Clone, Debug)]
pub struct Login {
    /// User name.
    pub user: String,
    /// Password or OAuth access token, and where it is read from, anew at each login.
    pub secret: Secret,
    /// How it is presented.
    pub method: LoginMethod,
}

/// How a login is presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginMethod {
    /// SASL PLAIN (or LOGIN where that is all there is) with a password.
    Password,
    /// SASL XOAUTH2 with an access token that something else keeps fresh in its file.
    XOAuth2,
}

/// Where a secret is read from. The secret itself is never in the config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Secret {
    /// A file; one trailing line end is not part of it.
    File(PathBuf),
    /// A systemd credential: a file of this name in `$CREDENTIALS_DIRECTORY`.
    Credential(String),
}

impl Secret {
    /// The file the secret lies in.
    ///
    /// # Errors
    /// When a credential is asked for and the service manager handed over none.
    pub fn path(&self) -> anyhow::Result<PathBuf> {
        match self {
            Secret::File(path) => Ok(path.clone()),
            Secret::Credential(name) => match std::env::var_os("CREDENTIALS_DIRECTORY") {
                Some(dir) => Ok(Path::new(&dir).join(name)),
                None => {
                    anyhow::bail!("the credential \"{name}\" needs systemd's LoadCredential= (CREDENTIALS_DIRECTORY is not set)")
                }
            },
        }
    }

    /// Reads the secret.
    ///
    /// # Errors
    /// When its file cannot be read, is empty, or is not UTF-8; the text names the file, never the content.
    pub fn read(&self) -> anyhow::Result<SecretString> {
        use anyhow::Context;
        let path = self.path()?;
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read the secret in {}", path.display()))?;
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        anyhow::ensure!(!text.is_empty(), "the secret in {} is empty", path.display());
        Ok(SecretString::from(text.to_owned()))
    }
}

/// `[[account]]`: one mailbox.
#[derive(Clone, Debug)]
pub struct Account {
    /// Short name, used by rules, commands and the ledger: `emergency`.
    pub id: String,
    /// Where the mail lies.
    pub mailbox: Mailbox,
    /// What happens to a mail on the server once it is stored.
    pub done: Done,
    /// Queue of a mail that no rule placed and that names no intake address.
    pub queue: String,
    /// Queue a mail never sinks below unless a rule says so in so many words.
    pub floor: String,
    /// The addresses this mailbox serves; at least one. Answers come from the one a mail came to, else from the first.
    pub intake: Vec<Intake>,
    /// Languages added to English where the reporter's is unknown or has no template.
    pub fallback_languages: Vec<String>,
    /// Longest wait between two looks, also while IDLE holds.
    pub poll: Duration,
}

/// `[[account.intake]]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intake {
    /// The address, lower case.
    pub address: String,
    /// Default queue for mail to it.
    pub queue: String,
    /// Floor for mail to it.
    pub floor: String,
}

/// Where an account's mail lies.
#[derive(Clone, Debug)]
pub enum Mailbox {
    /// On an IMAP server.
    Imap(Imap),
    /// In a local Maildir.
    Maildir(Maildir),
}

/// An IMAP mailbox.
#[derive(Clone, Debug)]
pub struct Imap {
    /// The server.
    pub server: Server,
    /// How to log in.
    pub login: Login,
    /// Use IDLE where the server offers it.
    pub idle: bool,
    /// Folders to read; empty: INBOX and the folder marked `\Junk` (RFC 6154).
    pub folders: Vec<String>,
    /// Of `folders`, those that hold junk; empty: whatever the server marks `\Junk`.
    pub junk_folders: Vec<String>,
}

/// A Maildir mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Maildir {
    /// The folder with `cur`, `new`, `tmp`.
    pub path: PathBuf,
    /// The junk folder as Maildir++ name it: `.Junk` below `path`. Read when it exists.
    pub junk: String,
}

/// What happens to a mail on the server once it is stored. Deleting is not among the choices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// Nothing at all: not even \Seen changes.
    Nothing,
    /// This keyword is set. IMAP only: a Maildir has no portable keywords, so there it is refused at check.
    Keyword(String),
    /// Moved to this folder.
    Move(String),
}

/// `[[queue]]`, most urgent first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    /// Name used by rules and commands.
    pub name: String,
    /// Points at which the queue has passed.
    pub threshold: i64,
    /// The team's addresses.
    pub route_to: Vec<String>,
    /// What the team gets of a mail.
    pub forward: Forward,
    /// Attachments never leave the store (law 5).
    pub sealed: bool,
    /// Of a sealed queue: so many lines of what the sender wrote may stand in the forward.
    pub first_lines: usize,
    /// So many lines of what the sender wrote may stand in an alert; never of a sealed queue.
    pub alert_lines: usize,
    /// Name of the ladder that a case in this queue climbs, if it wakes somebody.
    pub ladder: Option<String>,
}

/// What the team gets of a mail, under the summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forward {
    /// The mail itself, as message/rfc822.
    Original,
    /// Its text.
    Text,
    /// The manifest only.
    Manifest,
}

/// `[limits]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Raw mail held in memory at once, all accounts together, bytes.
    pub memory: u64,
    /// A mail larger than this is fetched in part, bytes. At most half of `memory`.
    pub message: u64,
    /// Of a larger mail this much of its beginning and as much of its end is fetched, bytes.
    pub part: u64,
    /// Judging one mail may take this long; then what is left undone counts as if it spoke for the mailbox's floor.
    pub judging: Duration,
    /// No answer to mail older than this.
    pub answer_age: Duration,
    /// Answers to one address in 24 hours.
    pub answers_per_sender: u32,
    /// Answers to everybody in one hour; beyond it, an alarm.
    pub answers_per_hour: u32,
}

impl Default for Limits {
    /// What holds for keys that the config leaves out.
    fn default() -> Self {
        Limits {
            memory: 32 << 20,
            message: 16 << 20,
            part: 1 << 20,
            judging: Duration::from_secs(5),
            answer_age: Duration::from_secs(7 * 86_400),
            answers_per_sender: 3,
            answers_per_hour: 500,
        }
    }
}

impl std::fmt::Display for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Tls::Implicit => "TLS from the first byte",
            Tls::StartTls => "STARTTLS",
            Tls::ClearText => "clear text",
        })
    }
}

impl Config {
    /// The queue of that name; names were checked when the config was read.
    pub fn queue(&self, name: &str) -> Option<&Queue> {
        self.queues.iter().find(|queue| queue.name == name)
    }

    /// Place of a queue in the order of urgency, 0 the most urgent; unknown names are least urgent.
    pub fn urgency(&self, name: &str) -> usize {
        self.queues.iter().position(|queue| queue.name == name).unwrap_or(usize::MAX)
    }

    /// The more urgent of two queues.
    pub fn more_urgent<'q>(&self, a: &'q str, b: &'q str) -> &'q str {
        if self.urgency(b) < self.urgency(a) { b } else { a }
    }

    /// Where the matters of these topics belong, in the config's order.
    pub fn referrals_of(&self, topics: &[String]) -> Vec<&Referral> {
        self.referrals.iter().filter(|referral| topics.contains(&referral.topic)).collect()
    }

    /// How the person behind an address (see [`base`]) is called: their name in the config, else the address.
    pub fn person_of(&self, address: &str) -> String {
        let theirs = |person: &&Person| person.addresses.iter().any(|own| base(own) == address);
        self.people.iter().find(theirs).map_or_else(|| address.to_owned(), |person| person.name.clone())
    }

    /// The webhook of that name.
    pub fn webhook(&self, name: &str) -> Option<&Webhook> {
        self.webhooks.iter().find(|webhook| webhook.name == name)
    }

    /// The account of that id.
    pub fn account(&self, id: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| account.id == id)
    }

    /// Our own address: From and envelope sender of forwards and alerts. Files go nowhere, so there any will do.
    pub fn sender(&self) -> String {
        match &self.send {
            Send::Smtp(smtp) => smtp.from.clone(),
            Send::Files(_) => format!("triaged@{}", self.identity.domain),
        }
    }

    /// Every address that is ours, lower case: intake, queues, sender, the people we wake, and those listed.
    pub fn own_addresses(&self) -> Vec<String> {
        let intake = self.accounts.iter().flat_map(|a| &a.intake).map(|i| i.address.clone());
        let routes = self.queues.iter().flat_map(|q| &q.route_to).map(|a| a.to_lowercase());
        let from = match &self.send {
            Send::Smtp(smtp) => Some(smtp.from.clone()),
            Send::Files(_) => None,
        };
        let on_call = self.ladders.iter().flat_map(|l| &l.steps).flat_map(|s| &s.to).filter_map(|who| match who {
            Who::Address(address) => Some(address.to_lowercase()),
            Who::Name(_) => None,
        });
        let people = self.people.iter().flat_map(|p| &p.addresses).map(|a| a.to_lowercase());
        let contact = std::iter::once(self.identity.general_contact.to_lowercase());
        intake
            .chain(routes)
            .chain(on_call)
            .chain(people)
            .chain(from)
            .chain(contact)
            .chain(self.identity.own_addresses.iter().cloned())
            .collect()
    }
}
