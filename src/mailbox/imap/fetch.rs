//! Fetching a page so that one mail which cannot be had never stops the others.
//!
//! A mail that did not come although it is there counts a failure, over reconnects. From then on it is asked for alone
//! and after all others: first as before; then its header first, and its body without the date, in case the date is what
//! cannot be parsed; after the third failure, and not before a minute is over, it comes as [`Extent::Unfetched`] with the header, if that came.

use std::collections::HashSet;
use std::time::Duration;

use async_imap::imap_proto::{AttributeValue, Response};

use tokio::time::Instant;

use super::text::{internal_date, uid_set};
use super::wire::Wire;
use super::{BATCH, ImapMailbox};
use crate::clock::{Clock, Timestamp};
use crate::mailbox::{Arrival, Trouble, Waiting};
use crate::report::{Envelope, Extent};

/// Failures after which a mail comes without its body.
const TRIES: u8 = 3;

/// The slowest line we wait for, bytes a second.
const SLOWEST: u64 = 32 << 10;

/// What is known of a mail that did not come.
#[derive(Debug)]
pub struct Trial {
    failures: u8,
    since: Instant,
    /// It broke the connection, asked for alone: not to be touched before, so that others get their turn.
    not_before: Instant,
    header: Option<Vec<u8>>,
}

impl Default for Trial {
    fn default() -> Self {
        Trial { failures: 0, since: Instant::now(), not_before: Instant::now(), header: None }
    }
}

/// Of a page: one mail.
#[derive(Clone, Copy, Debug)]
struct Item {
    uid: u32,
    size: u64,
}

/// A mail, or a piece of it, as the server sent it.
struct Sent {
    uid: u32,
    received: Option<Timestamp>,
    bytes: Vec<u8>,
}

/// Whom mails are handed to.
type Each<'a> = &'a mut (dyn FnMut(Arrival) + Send);

impl ImapMailbox {
    /// See [`crate::mailbox::Mailbox::fetch`].
    pub async fn fetch(&mut self, page: &[Waiting], each: Each<'_>) -> Result<(), Trouble> {
        let mut wire = self.take()?;
        let fetched = self.page(&mut wire, page, each).await;
        self.back(wire, fetched)
    }

    async fn page(&mut self, wire: &mut Wire, page: &[Waiting], each: Each<'_>) -> Result<(), Trouble> {
        let mut items: Vec<Item> =
            page.iter().filter_map(|mail| Some(Item { uid: mail.key.parse().ok()?, size: mail.size })).collect();
        items.sort_unstable_by_key(|item| item.uid);
        let (mut suspects, clear): (Vec<Item>, Vec<Item>) =
            items.into_iter().partition(|item| self.trials.contains_key(&self.mail(wire, item.uid)));
        suspects.sort_by_key(|item| self.failures(wire, item.uid));
        let mut refusal = Ok(());
        let limit = self.limits.message;
        for run in clear.chunk_by(|a, b| a.size <= limit && b.size <= limit) {
            for batch in run.chunks(BATCH) {
                let fetched = match batch {
                    [item] => self.alone(wire, *item, each).await,
                    _ => self.batch(wire, batch, each).await,
                };
                refusal = refusal.and(carry_on(fetched)?);
            }
        }
        for item in suspects {
            refusal = refusal.and(carry_on(self.alone(wire, item, each).await)?);
        }
        refusal
    }

    /// Fetches several whole mails by one command. Where the server refuses it, by halves: what it will not hand over is
    /// found in a few steps, and everything else comes.
    async fn batch(&mut self, wire: &mut Wire, batch: &[Item], each: Each<'_>) -> Result<(), Trouble> {
        let mut refusal = Ok(());
        let mut parts = vec![batch.to_vec()];
        while let Some(part) = parts.pop() {
            let (uids, bytes) = (part.iter().map(|item| item.uid).collect::<Vec<_>>(), part.iter().map(|item| item.size).sum());
            let mut came = HashSet::new();
            let junk = self.folder.junk;
            let mut hand_over = |sent: Sent| {
                if came.insert(sent.uid) {
                    each(arrival(sent, Extent::Whole, junk));
                }
            };
            let asked = self.ask(wire, &uids, "(UID INTERNALDATE BODY.PEEK[])", bytes, &mut hand_over).await;
            let left: Vec<Item> = part.into_iter().filter(|item| !came.contains(&item.uid)).collect();
            match asked {
                Err(Trouble::Refused { .. }) if left.len() > 1 => {
                    let (first, second) = left.split_at(left.len() / 2);
                    parts.extend([second.to_vec(), first.to_vec()]);
                }
                Err(Trouble::Refused { .. }) | Ok(()) if left.is_empty() => {}
                Err(lost @ Trouble::Lost(_)) => {
                    left.iter().for_each(|item| self.blame(wire, item.uid));
                    return Err(lost);
                }
                other => refusal = refusal.and(self.not_come(wire, &left, other).await?),
            }
        }
        refusal
    }

    /// Of mails that did not come although the connection holds, those still there count a failure: `Ok(Err(_))` then.
    async fn not_come(
        &mut self,
        wire: &mut Wire,
        left: &[Item],
        asked: Result<(), Trouble>,
    ) -> Result<Result<(), Trouble>, Trouble> {
        let uids: Vec<u32> = left.iter().map(|item| item.uid).collect();
        let there = self.still_there(wire, &uids).await?;
        there.iter().for_each(|uid| self.blame(wire, *uid));
        match there.len() {
            0 => Ok(Ok(())),
            n => Ok(asked.and_then(|()| Err(left_out(n)))),
        }
    }

    /// Fetches one mail by commands of its own, in the way its failures so far call for.
    async fn alone(&mut self, wire: &mut Wire, item: Item, each: Each<'_>) -> Result<(), Trouble> {
        let failures = self.failures(wire, item.uid);
        if failures >= TRIES {
            self.give_up(wire, item.uid, each);
            return Ok(());
        }
        if self.trials.get(&self.mail(wire, item.uid)).is_some_and(|trial| Instant::now() < trial.not_before) {
            return Err(Trouble::Refused {
                command: "UID FETCH",
                text: "a mail that broke the connection is left for later".into(),
            });
        }
        let fetched = self.carefully(wire, item, failures).await;
        let asked = match fetched {
            Ok(Some(mail)) => {
                self.trials.remove(&self.mail(wire, item.uid));
                each(mail);
                return Ok(());
            }
            Err(lost @ Trouble::Lost(_)) => {
                self.blame(wire, item.uid);
                let mail = self.mail(wire, item.uid);
                if let Some(trial) = self.trials.get_mut(&mail).filter(|trial| trial.failures > 1) {
                    trial.not_before = Instant::now() + self.patience.give_up / 3;
                }
                return Err(lost);
            }
            Ok(None) => Ok(()),
            Err(refused) => Err(refused),
        };
        let verdict = self.not_come(wire, &[item], asked).await?;
        if self.failures(wire, item.uid) >= TRIES {
            self.give_up(wire, item.uid, each);
            return Ok(());
        }
        verdict
    }

    /// `None` when the server says OK and sends nothing.
    async fn carefully(&mut self, wire: &mut Wire, item: Item, failures: u8) -> Result<Option<Arrival>, Trouble> {
        let last_try = failures + 1 >= TRIES;
        if last_try {
            let header = match self.piece(wire, item.uid, "(UID BODY.PEEK[HEADER])", 0).await {
                Err(Trouble::Refused { .. }) => None,
                other => other?,
            };
            let mail = self.mail(wire, item.uid);
            self.trials.entry(mail).or_default().header = header.map(|sent| sent.bytes);
        }
        let date = if last_try { "" } else { "INTERNALDATE " };
        if item.size <= self.limits.message {
            let sent = self.piece(wire, item.uid, &format!("(UID {date}BODY.PEEK[])"), item.size).await?;
            return Ok(sent.map(|sent| arrival(sent, Extent::Whole, self.folder.junk)));
        }
        self.head_and_tail(wire, item, date).await
    }

    /// A mail over the limit: its beginning, and its end if that can be had.
    async fn head_and_tail(&self, wire: &mut Wire, item: Item, date: &str) -> Result<Option<Arrival>, Trouble> {
        let part = self.limits.part;
        let head = self.piece(wire, item.uid, &format!("(UID {date}BODY.PEEK[]<0.{part}>)"), part).await?;
        let Some(mut sent) = head else { return Ok(None) };
        let head = sent.bytes.len() as u64;
        let start = item.size.saturating_sub(part).max(head);
        let tail = match self.piece(wire, item.uid, &format!("(UID BODY.PEEK[]<{start}.{part}>)"), part).await {
            Err(Trouble::Refused { .. }) => None,
            other => other?,
        };
        sent.bytes.extend(tail.map(|tail| tail.bytes).unwrap_or_default());
        Ok(Some(arrival(sent, Extent::Part { size: item.size, head }, self.folder.junk)))
    }

    async fn piece(&self, wire: &mut Wire, uid: u32, items: &str, bytes: u64) -> Result<Option<Sent>, Trouble> {
        let mut piece = None;
        self.ask(wire, &[uid], items, bytes, &mut |sent| piece = Some(sent)).await?;
        Ok(piece)
    }

    /// Runs one UID FETCH and hands over what comes of `uids` as it comes, copied out of the parser's buffer.
    async fn ask(
        &self,
        wire: &mut Wire,
        uids: &[u32],
        items: &str,
        bytes: u64,
        hand_over: &mut (dyn FnMut(Sent) + Send),
    ) -> Result<(), Trouble> {
        let limit = self.patience.command + Duration::from_secs(bytes / SLOWEST);
        let mut see = |response: &Response<'_>| {
            // Others are changes of flags that the server tells us of in between.
            if let Some(sent) = body(response).filter(|sent| uids.contains(&sent.uid)) {
                hand_over(sent);
            }
        };
        wire.run("UID FETCH", &format!("UID FETCH {} {items}", uid_set(uids)), limit, &mut see).await?.accepted("UID FETCH")
    }

    fn give_up(&mut self, wire: &Wire, uid: u32, each: Each<'_>) {
        let header = self.trials.get(&self.mail(wire, uid)).and_then(|trial| trial.header.clone());
        let sent = Sent { uid, received: None, bytes: header.unwrap_or_default() };
        each(arrival(sent, Extent::Unfetched, self.folder.junk));
    }

    fn blame(&mut self, wire: &Wire, uid: u32) {
        let trial = self.trials.entry(self.mail(wire, uid)).or_default();
        if trial.failures + 1 < TRIES || trial.since.elapsed() >= self.patience.give_up {
            trial.failures = TRIES.min(trial.failures + 1);
        }
    }

    fn failures(&self, wire: &Wire, uid: u32) -> u8 {
        self.trials.get(&self.mail(wire, uid)).map_or(0, |trial| trial.failures)
    }
}

/// A refusal is kept for the end, when all others had their turn; anything else ends the page now.
fn carry_on(fetched: Result<(), Trouble>) -> Result<Result<(), Trouble>, Trouble> {
    match fetched {
        Err(Trouble::Refused { command, text }) => Ok(Err(Trouble::Refused { command, text })),
        other => other.map(Ok),
    }
}

fn left_out(count: usize) -> Trouble {
    Trouble::Refused { command: "UID FETCH", text: format!("it says OK, but left out mails that it lists: {count}") }
}

/// What a FETCH reply holds of a mail's bytes, if anything.
fn body(response: &Response<'_>) -> Option<Sent> {
    let Response::Fetch(_, attributes) = response else { return None };
    let (mut uid, mut received, mut bytes) = (None, None, None);
    for attribute in attributes {
        match attribute {
            AttributeValue::Uid(n) => uid = Some(*n),
            AttributeValue::InternalDate(text) => received = internal_date(text),
            AttributeValue::BodySection { data: Some(data), .. } => bytes = Some(data),
            _ => {}
        }
    }
    Some(Sent { uid: uid?, received, bytes: bytes?.to_vec() })
}

/// A mail whose date the server does not tell was received when we first saw it: now.
fn arrival(sent: Sent, extent: Extent, junk: bool) -> Arrival {
    let received = sent.received.unwrap_or_else(|| Clock::System.now());
    Arrival { key: sent.uid.to_string(), raw: sent.bytes, envelope: Envelope { received, junk, extent } }
}
