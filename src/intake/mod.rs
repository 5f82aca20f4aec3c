//! The story of what comes in: a mailbox is looked through, what the ledger does not have is fetched, judged and
//! recorded, and only then marked done on its server. One loop an account; none waits for another.
//!
//! While one page is judged the next is fetched. What is held in memory at once, over all accounts, is bounded by the budget.

#[cfg(test)]
mod alarms;
#[cfg(test)]
mod attacks;
#[cfg(test)]
pub(crate) mod bench;
pub mod identity;
pub mod record;
mod taken;
mod thread;

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, Timestamp};
use crate::config::{Account, Done};
use crate::judges::Judges;
use crate::mailbox::{Arrival, Folder, Key, Mailbox, Trouble, Waiting, Wake};
use crate::metrics::{Condition, Health};
use crate::policy::{Policy, Sitting};
use crate::store::cases::{NewMessage, Spot};
use crate::store::{Store, StoreError, cases, pack};
use record::{Prepared, Taken};

/// A page is fetched with one command: at most so many bytes and mails.
const PAGE_BYTES: u64 = 1 << 20;
const PAGE_MAILS: usize = 100;
/// So many pages of one account are held at once: one being judged, one fetched, and some in between; more would only take memory.
const AHEAD: usize = 4;
/// Sizes are asked for so many mails at a time.
const SIZES: usize = 1_000;
/// Every so often all keys are compared with the ledger, not only the newer ones (law 1).
const AUDIT: Duration = Duration::from_secs(3_600);
/// Stored mails are marked done on their server for so long at a stretch.
const MARKING: Duration = Duration::from_secs(30);
/// The longest a round may take between two signs of life: one page over a slow line.
const ROUND: Duration = Duration::from_secs(20 * 60);

/// What every account's loop needs.
#[derive(Clone)]
pub struct Intake {
    /// The store.
    pub store: Store,
    /// The policy in force.
    pub policy: Arc<Policy>,
    /// What time it is.
    pub clock: Clock,
    /// The threads that judge.
    pub judges: Judges,
    /// Raw mail that may still be held.
    pub budget: Budget,
    /// Rung when there are new outbox rows or alerts.
    pub bell: Arc<Notify>,
    /// Whom to tell that we move.
    pub health: Health,
    /// End after what is in hand.
    pub stop: CancellationToken,
}

/// The memory that raw mail may take, in kibibytes: one part is shared by all accounts, and each has a little of its own, so
/// that an account whose server hangs in the middle of large mails never keeps another from reading.
#[derive(Clone)]
pub struct Budget {
    shared: Arc<Semaphore>,
    /// What the shared part holds in all.
    most: u32,
    own: Arc<Semaphore>,
    /// What the own part holds in all.
    reserve: u32,
}

impl Budget {
    /// Splits the memory of a policy.
    pub fn new(policy: &Policy) -> Self {
        let memory = kib(policy.config.limits.memory).max(2);
        let accounts = u32::try_from(policy.config.accounts.len()).unwrap_or(u32::MAX).max(1);
        let reserve = kib(PAGE_BYTES).min(memory / 2 / accounts);
        let most = memory - reserve * accounts;
        Budget { shared: Arc::new(Semaphore::new(most as usize)), most, own: Arc::new(Semaphore::new(reserve as usize)), reserve }
    }

    /// The same shared part, with an own part for one more account.
    #[must_use]
    pub fn for_account(&self) -> Self {
        Budget { own: Arc::new(Semaphore::new(self.reserve as usize)), ..self.clone() }
    }

    /// Waits until so many bytes may be held. More than there is in all is as much as there is.
    async fn permit(&self, bytes: u64) -> OwnedSemaphorePermit {
        let wanted = kib(bytes).clamp(1, self.most);
        let from = |part: &Arc<Semaphore>| Arc::clone(part).acquire_many_owned(wanted);
        // No part is ever closed.
        let permit = tokio::select! {
            biased;
            permit = from(&self.shared) => permit,
            permit = from(&self.own), if wanted <= self.reserve => permit,
        };
        permit.expect("a semaphore that is never closed")
    }
}

fn kib(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX).min(u32::try_from(Semaphore::MAX_PERMITS).unwrap_or(u32::MAX))
}

/// What a mail holds of the memory until it is recorded: its bytes, and its part of the page it came with.
struct Share {
    _bytes: OwnedSemaphorePermit,
    _page: Arc<OwnedSemaphorePermit>,
}

/// Why a round ended early.
enum Stopped {
    Mailbox(Trouble),
    Store(StoreError),
    Asked,
}

impl From<Trouble> for Stopped {
    fn from(trouble: Trouble) -> Self {
        Stopped::Mailbox(trouble)
    }
}

impl From<StoreError> for Stopped {
    fn from(error: StoreError) -> Self {
        Stopped::Store(error)
    }
}

/// The folder that is being read, and how far its keys are known to be in the ledger.
struct Reading {
    folder: Folder,
    validity: u64,
    known_to: Option<Key>,
    /// All keys are being compared with the ledger: up to this one it should know every mail.
    audited_to: Option<Key>,
}

impl Reading {
    /// The next look compares all keys with the ledger.
    fn audit(&mut self) {
        self.audited_to = self.known_to.take();
    }

    /// How many of the keys that the ledger does not have should be in it. Only numbered keys tell old from new.
    fn gap(&mut self, unread: &[Key]) -> Option<usize> {
        let number = |key: &Key| key.parse::<u64>().ok();
        let to = number(&self.audited_to.take()?)?;
        Some(unread.iter().filter(|key| number(key).is_some_and(|key| key <= to)).count())
    }
}

impl Intake {
    /// Reads one account until told to stop. Whatever goes wrong it comes back, later each time.
    pub async fn watch(self, account: Account) {
        let mut backoff = Backoff::default();
        // One value for all its connections: it remembers which mails a server would not hand over.
        let mut mailbox = Mailbox::new(&account, &self.policy.config.limits);
        while !self.stop.is_cancelled() {
            let stopped = tokio::select! {
                stopped = self.session(&account, &mut mailbox, &mut backoff) => stopped,
                // Whatever the mailbox is doing: nothing is lost, what is not recorded is fetched again.
                () = self.stop.cancelled() => Stopped::Asked,
            };
            if matches!(stopped, Stopped::Asked) {
                let _ = tokio::time::timeout(Duration::from_secs(1), mailbox.close()).await;
                break;
            }
            let wait = backoff.next(matches!(stopped, Stopped::Mailbox(Trouble::Login(_))));
            self.say_why(&account.id, &stopped, wait);
            self.health.moving(&account.id, wait + ROUND);
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.stop.cancelled() => {}
            }
        }
        self.health.ended(&account.id);
    }

    fn say_why(&self, account: &str, stopped: &Stopped, wait: Duration) {
        let why = match stopped {
            Stopped::Mailbox(trouble) => trouble.to_string(),
            Stopped::Store(error) => error.to_string(),
            Stopped::Asked => return,
        };
        let again_s = wait.as_secs_f32();
        if self.health.account(account, Condition::Degraded(why.clone())) {
            tracing::error!(account, why, again_s, "the mailbox is not being read; trying again");
        } else {
            tracing::warn!(account, why, again_s, "still not read; trying again");
        }
    }

    /// One connection's life: everything once, then what is new, whenever there is something new.
    async fn session(&self, account: &Account, mailbox: &mut Mailbox, backoff: &mut Backoff) -> Stopped {
        match self.read(account, mailbox, backoff).await {
            Ok(never) => match never {},
            Err(stopped) => stopped,
        }
    }

    async fn read(
        &self,
        account: &Account,
        mailbox: &mut Mailbox,
        backoff: &mut Backoff,
    ) -> Result<std::convert::Infallible, Stopped> {
        self.health.moving(&account.id, ROUND);
        let mut folders = mailbox.open().await?;
        let mut audited = tokio::time::Instant::now();
        let mut reading = Vec::new();
        loop {
            for (n, folder) in folders.iter().enumerate() {
                match self.round(account, mailbox, folder, &mut reading).await {
                    // A junk folder that the server will not open must not keep the inbox from being read.
                    Err(Stopped::Mailbox(why @ (Trouble::Refused { .. } | Trouble::Setup(_)))) if n > 0 => {
                        tracing::error!(account = account.id, %why, "a folder beside the first cannot be read; the others are");
                    }
                    done => done?,
                }
            }
            if self.health.account(&account.id, Condition::Reading) {
                tracing::info!(account = account.id, folders = folders.len(), "reading");
            }
            self.health.read(&account.id, self.clock.now());
            backoff.reset();
            // Back to the first folder for what came while the others were read; there we wait.
            let Some(inbox) = folders.first().cloned() else {
                return Err(Trouble::Setup("no folder to read".into()).into());
            };
            if folders.len() > 1 {
                self.round(account, mailbox, &inbox, &mut reading).await?;
            }
            let elapsed = tokio::time::Instant::now() + account.poll;
            loop {
                let left = elapsed.saturating_duration_since(tokio::time::Instant::now());
                self.health.moving(&account.id, left + ROUND);
                if left.is_zero() || mailbox.wait(left).await? == Wake::Elapsed {
                    break;
                }
                self.round(account, mailbox, &inbox, &mut reading).await?;
            }
            if audited.elapsed() >= AUDIT {
                // All keys anew, and the folders too: a junk folder may have been made meanwhile.
                reading.iter_mut().for_each(Reading::audit);
                folders = mailbox.open().await?;
                audited = tokio::time::Instant::now();
            }
        }
    }

    /// Looks through one folder and takes in what the ledger does not have.
    async fn round(
        &self,
        account: &Account,
        mailbox: &mut Mailbox,
        folder: &Folder,
        reading: &mut Vec<Reading>,
    ) -> Result<(), Stopped> {
        self.health.moving(&account.id, ROUND);
        let validity = mailbox.enter(folder).await?;
        let at = self.place(account, folder, validity, reading);
        let keys = mailbox.keys(reading[at].known_to.as_ref()).await?;
        let newest = keys.last().cloned();
        let unread = self.unread(account, folder, validity, keys).await?;
        if let Some(gap) = reading[at].gap(&unread) {
            self.health.audited(&account.id, gap);
        }
        if !unread.is_empty() {
            tracing::debug!(account = account.id, mails = unread.len(), "to be fetched");
        }
        let mut taken = 0;
        for chunk in unread.chunks(SIZES) {
            let waiting = mailbox.sizes(chunk).await?;
            taken += self.take_in(account, mailbox, folder, validity, waiting).await?;
        }
        if account.done != Done::Nothing {
            self.mark_done(account, mailbox, folder, validity).await?;
        }
        // Only when everything up to here is in the ledger: what was not handed over is asked for again, wherever it stands.
        if taken < unread.len() {
            reading[at].known_to = None;
        } else if newest.is_some() {
            reading[at].known_to = newest;
        }
        Ok(())
    }

    fn place(&self, account: &Account, folder: &Folder, validity: u64, reading: &mut Vec<Reading>) -> usize {
        let at = reading.iter().position(|r| r.folder == *folder);
        if let Some(at) = at
            && reading[at].validity == validity
        {
            return at;
        }
        if let Some(at) = at {
            tracing::warn!(account = account.id, "UIDVALIDITY changed: every mail of the folder is looked at again");
            reading.remove(at);
        }
        reading.push(Reading { folder: folder.clone(), validity, known_to: None, audited_to: None });
        reading.len() - 1
    }

    async fn unread(&self, account: &Account, folder: &Folder, validity: u64, keys: Vec<Key>) -> Result<Vec<Key>, StoreError> {
        if keys.is_empty() {
            return Ok(keys);
        }
        let (id, name) = (account.id.clone(), folder.name.clone());
        self.store.read(move |view| cases::unread(view, &id, &name, validity, keys)).await
    }

    async fn mark_done(&self, account: &Account, mailbox: &mut Mailbox, folder: &Folder, validity: u64) -> Result<(), Stopped> {
        let until = tokio::time::Instant::now() + MARKING;
        // New mail is not to wait behind a hundred thousand marks: what is left is marked at the next look.
        while tokio::time::Instant::now() < until {
            self.health.moving(&account.id, ROUND);
            let (id, name) = (account.id.clone(), folder.name.clone());
            let keys = self.store.read(move |view| cases::undone(view, &id, &name, validity, 500)).await?;
            if keys.is_empty() {
                return Ok(());
            }
            match mailbox.done(&keys).await {
                Ok(()) => {}
                Err(trouble @ (Trouble::Refused { .. } | Trouble::Setup(_))) => {
                    // Reading goes on: the ledger knows what was read, and this is asked again at the next look.
                    tracing::error!(account = account.id, why = %trouble, "stored mails cannot be marked done on their server");
                    return Ok(());
                }
                Err(trouble) => return Err(trouble.into()),
            }
            let (id, name) = (account.id.clone(), folder.name.clone());
            self.store.write(move |tx| cases::set_done(tx, &id, &name, validity, &keys)).await?;
        }
        Ok(())
    }

    /// Fetches these mails page by page; judging and recording goes on beside the fetching. Returns how many were taken in.
    async fn take_in(
        &self,
        account: &Account,
        mailbox: &mut Mailbox,
        folder: &Folder,
        validity: u64,
        waiting: Vec<Waiting>,
    ) -> Result<usize, Stopped> {
        let (arrived, mut arrivals) = mpsc::unbounded_channel::<(Arrival, Share)>();
        let ahead = Arc::new(Semaphore::new(AHEAD));
        let fetch = async {
            for page in pages(&waiting, self.policy.config.limits.message, self.policy.config.limits.part) {
                self.room().await?;
                let mut permit = self.budget.permit(page.iter().map(|w| self.held(w.size)).sum()).await;
                let page_permit = Arc::new(Arc::clone(&ahead).acquire_owned().await.map_err(|_| Stopped::Asked)?);
                self.health.moving(&account.id, ROUND);
                let mut each = |arrival: Arrival| {
                    self.health.moving(&account.id, ROUND);
                    let bytes = permit.split(kib(arrival.raw.len() as u64) as usize);
                    let bytes = bytes.unwrap_or_else(|| permit.split(permit.num_permits()).expect("as many as there are"));
                    let _ = arrived.send((arrival, Share { _bytes: bytes, _page: Arc::clone(&page_permit) }));
                };
                match mailbox.fetch(page, &mut each).await {
                    // At least one mail of the page was not handed over; the others were, and the session works.
                    Err(trouble @ Trouble::Refused { .. }) => {
                        tracing::warn!(account = account.id, why = %trouble, "a mail is asked for again later")
                    }
                    fetched => fetched?,
                }
            }
            drop(arrived);
            Ok::<(), Stopped>(())
        };
        let settle = async {
            let mut in_hand = FuturesUnordered::new();
            let (mut taken, mut failed) = (0, None);
            let mut settled = |result: Result<(), StoreError>| match result {
                Ok(()) => taken += 1,
                Err(error) => failed = Some(error),
            };
            loop {
                tokio::select! {
                    next = arrivals.recv() => match next {
                        Some((arrival, share)) => in_hand.push(self.take(account, folder, validity, arrival, share)),
                        None => break,
                    },
                    Some(result) = in_hand.next() => settled(result),
                }
            }
            while let Some(result) = in_hand.next().await {
                settled(result);
            }
            failed.map_or(Ok(taken), |error| Err(Stopped::Store(error)))
        };
        let (fetched, settled) = tokio::join!(fetch, settle);
        let taken = settled?;
        fetched.map(|()| taken)
    }

    /// Memory one mail of this size is fetched into, bytes.
    fn held(&self, size: u64) -> u64 {
        let limits = &self.policy.config.limits;
        if size > limits.message { 2 * limits.part } else { size }
    }

    /// Intake stops before the disk is full: what is sent must still be recordable.
    async fn room(&self) -> Result<(), Stopped> {
        match self.store.free_disk() {
            Some(free) if free < self.policy.config.store.min_free => Err(StoreError::Full.into()),
            _ => Ok(()),
        }
    }

    /// One mail: judged on a thread of its own, recorded in one transaction.
    async fn take(
        &self,
        account: &Account,
        folder: &Folder,
        validity: u64,
        arrival: Arrival,
        share: Share,
    ) -> Result<(), StoreError> {
        let spot = Spot { account: account.id.clone(), folder: folder.name.clone(), validity, key: arrival.key.clone() };
        let (policy, done) = (Arc::clone(&self.policy), account.done == Done::Nothing);
        let asked = self.clock.now();
        let Some(mail) = self.judges.run(move || prepare(&policy, arrival, spot, done, asked)).await else {
            return Err(StoreError::Broken("a mail could not be prepared for the store".into()));
        };
        let now = self.clock.now();
        let (taken, mail) = record::commit(&self.store, Arc::clone(&self.policy), mail, now).await?;
        drop(share);
        self.bell.notify_waiters();
        if taken != Taken::Ours {
            self.health.stored();
        }
        if let Some(answer) = mail.answer.get() {
            self.health.answer(answer.withheld());
        }
        log(&taken, &mail, now);
        Ok(())
    }
}

/// Everything about a mail that needs no transaction: judge it, hash it, pack it.
fn prepare(policy: &Policy, arrival: Arrival, spot: Spot, done: bool, now: Timestamp) -> Prepared {
    let until = std::time::Instant::now() + policy.config.limits.judging;
    prepare_in(policy, arrival, spot, done, Sitting { now: Some(now), time_is_up: &|| std::time::Instant::now() >= until })
}

fn prepare_in(policy: &Policy, arrival: Arrival, spot: Spot, done: bool, sitting: Sitting<'_>) -> Prepared {
    let Arrival { raw, envelope, .. } = arrival;
    let judged = policy.judge_at(&spot.account, &raw, &envelope, sitting);
    if judged.verdict.trace.unasked > 0 {
        tracing::error!(
            account = spot.account,
            unasked = judged.verdict.trace.unasked,
            "the time for judging a mail was up: it goes to its floor or higher"
        );
    }
    let report = &judged.report;
    let json = |value: Result<String, serde_json::Error>| value.unwrap_or_else(|_| "[]".into());
    let message = NewMessage {
        account: spot.account.clone(),
        message_id: report.message_id.clone(),
        content_key: identity::content_key(&raw, envelope.extent, report),
        raw_hash: identity::raw_hash(&raw, envelope.extent, &spot),
        packed: pack(&raw),
        size: report.size,
        sender: report.from.first().map_or_else(String::new, |from| from.address.clone()),
        subject: report.fields.subject.clone(),
        language: report.language.clone(),
        automated: report.automated.as_ref().map(|automated| automated.reason.clone()),
        junk: report.junk,
        damage: json(serde_json::to_string(&report.damage)),
        attachments: json(serde_json::to_string(&report.attachments)),
        received: envelope.received,
    };
    Prepared { spot, judged, message, raw, done, answer: std::cell::OnceCell::new() }
}

fn log(taken: &Taken, mail: &Prepared, now: Timestamp) {
    let account = &mail.spot.account;
    let queue = &mail.judged.verdict.queue;
    // "sent", or the guard's word for why not.
    let answer = mail.answer.get().map_or("-", |answer| answer.withheld().unwrap_or("sent"));
    let waited_ms = now.duration_since(mail.message.received).as_millis() as i64;
    match taken {
        Taken::New(case) => tracing::info!(%case, account, queue, waited_ms, answer, "stored: a new case"),
        Taken::FollowUp(case) => tracing::info!(%case, account, queue, waited_ms, answer, "stored: a follow-up"),
        Taken::Copy(case) => tracing::info!(%case, account, "a copy of a mail we have"),
        Taken::Renumbered => tracing::debug!(account, "a mail we have, moved or renumbered"),
        Taken::Ours => tracing::debug!(account, "a mail of our own, or an answer to an alert about ourselves"),
        Taken::AlreadyRead => tracing::debug!(account, "read already"),
    }
}

/// Splits what waits into pages that are fetched with one command each; a mail over the limit is a page of its own.
fn pages(waiting: &[Waiting], limit: u64, part: u64) -> Vec<&[Waiting]> {
    let mut pages = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (at, mail) in waiting.iter().enumerate() {
        let size = if mail.size > limit { 2 * part } else { mail.size };
        let full = bytes + size > PAGE_BYTES || at - start >= PAGE_MAILS || mail.size > limit;
        if full && at > start {
            pages.push(&waiting[start..at]);
            (start, bytes) = (at, 0);
        }
        bytes += size;
        if mail.size > limit {
            // Whatever follows begins a page of its own.
            bytes = PAGE_BYTES;
        }
    }
    if start < waiting.len() {
        pages.push(&waiting[start..]);
    }
    pages
}

/// Waits between attempts: 1 s, doubling to 5 min, spread by a quarter; a refused login starts at a minute, so that no
/// server locks us out.
#[derive(Default)]
struct Backoff {
    failures: u32,
}

impl Backoff {
    fn next(&mut self, login: bool) -> Duration {
        let first = if login { 60_000 } else { 1_000 };
        let wait = (first << self.failures.min(9)).min(300_000);
        self.failures += 1;
        let spread = u64::from(crate::callout::draw()[0]) * wait / 4 / 256;
        Duration::from_millis(wait + spread)
    }

    fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod paging_tests {
    use super::*;

    #[tokio::test]
    async fn an_account_that_holds_all_the_memory_does_not_keep_another_from_a_page() {
        let budget = Budget::new(&Policy::shipped());
        let (greedy, other) = (budget.for_account(), budget.for_account());
        let _all = greedy.permit(1 << 40).await;
        let _page = other.permit(PAGE_BYTES).await;
        let more = tokio::time::timeout(Duration::from_millis(20), other.permit(PAGE_BYTES)).await;
        assert!(more.is_err(), "beyond its own part it waits");
    }

    fn waiting(sizes: &[u64]) -> Vec<Waiting> {
        sizes.iter().enumerate().map(|(n, size)| Waiting { key: n.to_string(), size: *size }).collect()
    }

    #[test]
    fn pages_are_bounded_in_bytes_and_mails_and_lose_nothing() {
        let mails = waiting(&[10; 250]);
        let lengths: Vec<usize> = pages(&mails, 1 << 25, 1 << 16).iter().map(|page| page.len()).collect();
        assert_eq!(lengths, [100, 100, 50]);
        let mails = waiting(&[700_000, 700_000, 5, 90_000_000, 5, 5]);
        let lengths: Vec<usize> = pages(&mails, 1 << 25, 1 << 16).iter().map(|page| page.len()).collect();
        assert_eq!(lengths, [1, 2, 1, 2]);
        assert!(pages(&[], 1, 1).is_empty());
    }

    #[test]
    fn the_wait_grows_is_bounded_and_starts_again() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..12).map(|_| backoff.next(false)).collect();
        assert!(waits[0] < Duration::from_millis(1_251) && waits[1] >= Duration::from_secs(2));
        assert!(waits[11] >= Duration::from_secs(300) && waits[11] < Duration::from_secs(376));
        backoff.reset();
        assert!(backoff.next(true) >= Duration::from_secs(60));
    }
}
