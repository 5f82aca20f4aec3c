//! A mailbox on an IMAP server (RFC 3501): what is in a folder, by UID and nothing else. The pages themselves are
//! fetched in [`fetch`]; what happens to stored mails is in [`done`]; waiting is in [`wait`].

mod connect;
mod done;
mod fetch;
mod folders;
mod guard;
pub(super) mod text;
mod wait;
mod wire;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use async_imap::imap_proto::{AttributeValue, MailboxDatum, Response};

use super::{COMMAND_TIMEOUT, Folder, Key, Trouble, Waiting};
use crate::config::{self, Done, Limits};
use text::{quoted, uid_set};
use wire::Wire;

/// How long each step may take before the connection counts as lost.
#[derive(Clone, Debug)]
pub struct Patience {
    /// Name service, and TCP to one address.
    pub connect: Duration,
    /// TLS handshake.
    pub tls: Duration,
    /// The server's greeting.
    pub greeting: Duration,
    /// Each step of the login.
    pub login: Duration,
    /// One command; bodies get more by their size.
    pub command: Duration,
    /// The server's `+` after IDLE.
    pub idle_begins: Duration,
    /// The end of an IDLE after DONE.
    pub idle_ends: Duration,
    /// One IDLE: firewalls forget silent connections long before the 29 minutes of RFC 2177.
    pub idle: Duration,
    /// LOGOUT.
    pub goodbye: Duration,
    /// How long at least a mail that cannot be had is asked for before it comes without its body: a storage that is down
    /// for a moment must not turn a mailbox into empty cases.
    pub give_up: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Patience {
            connect: Duration::from_secs(10),
            tls: Duration::from_secs(10),
            greeting: Duration::from_secs(30),
            login: Duration::from_secs(30),
            command: COMMAND_TIMEOUT,
            idle_begins: Duration::from_secs(30),
            idle_ends: Duration::from_secs(10),
            idle: Duration::from_secs(300),
            goodbye: Duration::from_secs(2),
            give_up: Duration::from_secs(60),
        }
    }
}

/// Mails listed by one SEARCH at most: the parser's time grows with the square of a line's length.
const WINDOW: u32 = 20_000;

/// Mails a folder can hold at most: what a server lists beyond them is there to fill our memory.
const MOST: usize = 5_000_000;

/// Mails asked about in one FETCH at most; keeps the command's line below what servers take.
const BATCH: usize = 200;

/// A mailbox on an IMAP server.
#[derive(Debug)]
pub struct ImapMailbox {
    config: config::Imap,
    done: Done,
    limits: Limits,
    patience: Patience,
    /// The session, while it is fit for use: whoever uses it takes it out and puts it back when the command came to its
    /// end, so that a dropped future or an error leaves none behind.
    wire: Option<Wire>,
    /// The folder entered.
    folder: Folder,
    /// Mails that the server would not hand over so far; kept over reconnects.
    trials: HashMap<Mail, fetch::Trial>,
    /// Mails whose size could not be had, and how often; kept over reconnects.
    unsized_mails: HashMap<Mail, u8>,
    idle: wait::Idle,
    /// By folder: its UIDVALIDITY, and the UID from which on nothing has been listed yet.
    looked: HashMap<String, (u32, u32)>,
}

/// A mail's identity on the server: folder, UIDVALIDITY, UID.
type Mail = (String, u32, u32);

impl ImapMailbox {
    /// Touches nothing yet.
    pub fn new(config: &config::Imap, done: &Done, limits: &Limits, patience: Patience) -> Self {
        ImapMailbox {
            config: config.clone(),
            done: done.clone(),
            limits: limits.clone(),
            patience,
            wire: None,
            folder: Folder { name: String::new(), junk: false },
            trials: HashMap::new(),
            unsized_mails: HashMap::new(),
            idle: wait::Idle::default(),
            looked: HashMap::new(),
        }
    }

    /// See [`super::Mailbox::open`].
    pub async fn open(&mut self) -> Result<Vec<Folder>, Trouble> {
        self.wire = None;
        let largest = self.limits.message.max(self.limits.part);
        // Servers that store LF count RFC822.SIZE without the CRs they add: an eighth more is no bomb.
        let mut wire = connect::session(&self.config, &self.patience, largest + largest / 8 + (64 << 10)).await?;
        let folders = folders::to_read(&mut wire, &self.config, self.patience.command).await?;
        self.idle.session_begins();
        self.wire = Some(wire);
        Ok(folders)
    }

    /// See [`super::Mailbox::enter`]. Where nothing is to be done with mails the folder is opened read-only.
    pub async fn enter(&mut self, folder: &Folder) -> Result<u64, Trouble> {
        let mut wire = self.take()?;
        let name: &'static str = if self.done == Done::Nothing { "EXAMINE" } else { "SELECT" };
        let mailbox = quoted(&folder.name).ok_or_else(|| Trouble::Setup(format!("no folder can be called {:?}", folder.name)))?;
        wire.known.uid_validity = None;
        wire.known.uid_next = None;
        wire.known.exists = 0;
        let reply = wire.run(name, &format!("{name} {mailbox}"), self.patience.command, &mut |_| ()).await?;
        if !reply.ok {
            let missing = folders::missing(&mut wire, &folder.name, self.patience.command).await?;
            self.wire = Some(wire);
            return Err(missing.unwrap_or(Trouble::Refused { command: name, text: reply.text }));
        }
        let validity = wire.known.uid_validity.ok_or_else(|| wire.lost(name, "the server names no UIDVALIDITY"))?;
        wire.look();
        // What came while another folder was entered must not be slept through.
        wire.known.news = match (self.looked.get(&folder.name), wire.known.uid_next) {
            (Some((v, looked)), Some(next)) if *v == validity => next > *looked,
            _ => true,
        };
        self.folder.clone_from(folder);
        self.trials.retain(|(name, v, _), _| *name != folder.name || *v == validity);
        self.unsized_mails.retain(|(name, v, _), _| *name != folder.name || *v == validity);
        self.wire = Some(wire);
        Ok(u64::from(validity))
    }

    /// See [`super::Mailbox::keys`].
    pub async fn keys(&mut self, after: Option<&Key>) -> Result<Vec<Key>, Trouble> {
        let after = after.and_then(|key| key.parse().ok()).unwrap_or(0);
        let mut wire = self.take()?;
        let found = self.uids(&mut wire, after).await;
        let (validity, next) = (wire.known.uid_validity.unwrap_or(0), wire.known.uid_next.unwrap_or(0));
        let found = self.back(wire, found)?;
        let beyond = found.last().copied().unwrap_or(after).saturating_add(1);
        self.looked.insert(self.folder.name.clone(), (validity, beyond.max(next)));
        Ok(found.iter().map(u32::to_string).collect())
    }

    /// UIDs beyond `after`. A large folder is listed in windows of sequence numbers, for UIDs may lie far apart. When mails were
    /// removed meanwhile the numbers have shifted under us, and a mail may have slipped from one window into the one before: again.
    async fn uids(&self, wire: &mut Wire, after: u32) -> Result<Vec<u32>, Trouble> {
        let Some(first) = after.checked_add(1) else { return Ok(Vec::new()) };
        loop {
            wire.look();
            let mut uids = Vec::new();
            let few_are_new = wire.known.uid_next.is_some_and(|next| next.saturating_sub(first) < WINDOW);
            if wire.known.exists <= WINDOW || few_are_new {
                self.search(wire, &format!("UID {first}:*"), &mut uids).await?;
            } else {
                for start in (1..=wire.known.exists).step_by(WINDOW as usize) {
                    let end = start.saturating_add(WINDOW - 1);
                    let end = if end >= wire.known.exists { "*".to_owned() } else { end.to_string() };
                    self.search(wire, &format!("{start}:{end} UID {first}:*"), &mut uids).await?;
                }
                if wire.known.shrunk {
                    continue;
                }
            }
            // `n:*` is also `*:n`: the last mail comes even when its UID is below n (RFC 3501 9, seq-range).
            uids.retain(|uid| *uid > after);
            uids.sort_unstable();
            uids.dedup();
            return Ok(uids);
        }
    }

    async fn search(&self, wire: &mut Wire, what: &str, uids: &mut Vec<u32>) -> Result<(), Trouble> {
        let mut see = |response: &Response<'_>| {
            if let Response::MailboxData(MailboxDatum::Search(found)) = response
                && uids.len() <= MOST
            {
                uids.extend(found);
            }
        };
        let reply = wire.run("UID SEARCH", &format!("UID SEARCH {what}"), self.patience.command, &mut see).await?;
        match uids.len() {
            0..=MOST => reply.accepted("UID SEARCH"),
            _ => Err(wire.lost("UID SEARCH", "the server lists more mails than a folder can hold")),
        }
    }

    /// Of `uids`, those that are still in the folder.
    async fn still_there(&self, wire: &mut Wire, uids: &[u32]) -> Result<Vec<u32>, Trouble> {
        let mut found = Vec::new();
        for batch in uids.chunks(BATCH) {
            self.search(wire, &format!("UID {}", uid_set(batch)), &mut found).await?;
        }
        let found: HashSet<u32> = found.into_iter().collect();
        Ok(uids.iter().copied().filter(|uid| found.contains(uid)).collect())
    }

    /// See [`super::Mailbox::sizes`]. A mail whose size the server cannot tell counts as one of the largest still
    /// fetched whole: it is there, so it must come.
    pub async fn sizes(&mut self, keys: &[Key]) -> Result<Vec<Waiting>, Trouble> {
        let mut wire = self.take()?;
        let uids = parsed(keys);
        let mut sizes = HashMap::new();
        let (doubtful, clear): (Vec<u32>, Vec<u32>) =
            uids.iter().partition(|uid| self.unsized_mails.contains_key(&self.mail(&wire, **uid)));
        for batch in clear.chunks(BATCH).chain(doubtful.chunks(1)) {
            let known = self.unsized_mails.get(&self.mail(&wire, batch[0])).copied().unwrap_or(0);
            if known < 2 {
                let asked = self.sizes_of(&mut wire, batch, &mut sizes).await;
                if let Err(lost @ Trouble::Lost(_)) = self.noted_sizes(&wire, batch, &sizes, asked) {
                    return Err(lost);
                }
            }
        }
        let silent: Vec<u32> = uids.iter().copied().filter(|uid| !sizes.contains_key(uid)).collect();
        let there = if silent.is_empty() { Ok(Vec::new()) } else { self.still_there(&mut wire, &silent).await };
        let there = self.back(wire, there)?;
        sizes.extend(there.into_iter().map(|uid| (uid, self.limits.message)));
        let size = |key: &Key| sizes.get(&key.parse().ok()?).copied();
        Ok(keys.iter().filter_map(|key| Some(Waiting { key: key.clone(), size: size(key)? })).collect())
    }

    async fn sizes_of(&self, wire: &mut Wire, uids: &[u32], sizes: &mut HashMap<u32, u64>) -> Result<(), Trouble> {
        let mut see = |response: &Response<'_>| {
            if let Response::Fetch(_, attributes) = response {
                let uid = attributes.iter().find_map(|a| if let AttributeValue::Uid(n) = a { Some(*n) } else { None });
                let size = attributes.iter().find_map(|a| if let AttributeValue::Rfc822Size(n) = a { Some(*n) } else { None });
                sizes.extend(uid.filter(|uid| uids.contains(uid)).zip(size.map(u64::from)));
            }
        };
        let line = format!("UID FETCH {} (UID RFC822.SIZE)", uid_set(uids));
        wire.run("UID FETCH", &line, self.patience.command, &mut see).await?.accepted("UID FETCH")
    }

    /// Remembers which mails may have been the reason that asking for sizes went wrong.
    fn noted_sizes(
        &mut self,
        wire: &Wire,
        batch: &[u32],
        sizes: &HashMap<u32, u64>,
        asked: Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        for uid in batch {
            let mail = self.mail(wire, *uid);
            match sizes.contains_key(uid) || asked.is_ok() {
                true => drop(self.unsized_mails.remove(&mail)),
                false => *self.unsized_mails.entry(mail).or_default() += 1,
            }
        }
        asked
    }

    /// Says goodbye, briefly.
    pub async fn close(&mut self) {
        if let Some(mut wire) = self.wire.take() {
            let _ = wire.run("LOGOUT", "LOGOUT", self.patience.goodbye, &mut |_| ()).await;
        }
    }

    fn mail(&self, wire: &Wire, uid: u32) -> Mail {
        (self.folder.name.clone(), wire.known.uid_validity.unwrap_or(0), uid)
    }

    fn take(&mut self) -> Result<Wire, Trouble> {
        let name = &self.config.server.host;
        self.wire.take().ok_or_else(|| Trouble::Lost(format!("{name}: there is no connection: it must be opened")))
    }

    /// Puts the session back unless it was lost.
    fn back<T>(&mut self, wire: Wire, result: Result<T, Trouble>) -> Result<T, Trouble> {
        if matches!(result, Ok(_) | Err(Trouble::Refused { .. })) {
            self.wire = Some(wire);
        }
        result
    }
}

/// UIDs of keys, ascending, each once. A key that is no UID never came from here.
fn parsed(keys: &[Key]) -> Vec<u32> {
    let mut uids: Vec<u32> = keys.iter().filter_map(|key| key.parse().ok()).collect();
    uids.sort_unstable();
    uids.dedup();
    uids
}
