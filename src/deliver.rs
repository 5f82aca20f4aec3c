//! The story of what goes out: an outbox row is claimed, handed to the next server, and what came of it recorded.
//!
//! Of all acknowledgements at most one is ever in doubt: between its last byte and our mark that the server said "250" the
//! [`Gate`] is held. If we are killed in that window, that one is sent again, with the same Message-ID; no other is.
//! The record in the database follows the mark with the next commit.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, Notify};
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, Timestamp};
use crate::config::{self, Webhook};
use crate::metrics::Health;
use crate::outbox::{Kind, Next, OutboxState, Outcome, next};
use crate::send::{Parcel, Sender};
use crate::store::outbox::{Claimed, Lane};
use crate::store::{Store, StoreError, Tx, alerts, outbox, unpack};

/// Rows one worker claims at a time.
const BATCH: u32 = 64;
/// What of a batch has not been tried after this long is given back: so a claim has an end, however slow the server is.
const STINT: Duration = Duration::from_secs(5 * 60);
/// What came of a batch is recorded together, but nothing waits longer for its record than this.
const RECORD: Duration = Duration::from_secs(1);
/// A claim is over after this long: more than a stint and the parcel it ends with can take, or that would be sent twice.
const LEASE: Duration = Duration::from_secs(30 * 60);
/// Claims that are over are looked for this often.
const LEASES: Duration = Duration::from_secs(10);
/// A worker looks at least this often: an operator's `outbox retry` comes from another process.
const LOOK: Duration = Duration::from_secs(1);
/// The longest one parcel may take, all steps and time limits together; promised to the watchdog.
const PARCEL: Duration = Duration::from_secs(15 * 60);

/// Held from an acknowledgement's last byte to its mark.
pub type Gate = Arc<Mutex<()>>;

/// Rows that a worker has in hand, by the worker's name: however long it takes, nobody else is to send them.
pub type InHand = Arc<std::sync::Mutex<BTreeMap<String, Vec<i64>>>>;

/// What every worker needs.
#[derive(Clone)]
pub struct Deliver {
    /// The store.
    pub store: Store,
    /// How mail leaves.
    pub send: config::Send,
    /// Other ways to people.
    pub webhooks: Vec<Webhook>,
    /// What time it is.
    pub clock: Clock,
    /// Rung when there may be new rows.
    pub bell: Arc<Notify>,
    /// One acknowledgement in doubt at most.
    pub gate: Gate,
    /// Cancelled once rows that an earlier run left behind are given back: not before that may anybody send.
    pub cleared: CancellationToken,
    /// What the workers have in hand.
    pub in_hand: InHand,
    /// Whom to tell that we move.
    pub health: Health,
    /// Finish what is in hand, then end.
    pub stop: CancellationToken,
}

/// What each worker takes: half of the connections are for acknowledgements, half for forwards (and our own canaries), one more
/// is for alerts alone, so that nothing stands before them, and each webhook has its own: one that hangs delays no other way.
pub fn lanes(connections: usize, webhooks: &[Webhook]) -> Vec<Lane> {
    let mail = |kinds: &[Kind]| Lane { channel: String::new(), kinds: kinds.to_vec() };
    let rest = connections.max(2);
    // One acknowledgement at a time is handed over: more lanes would only wait for each other.
    let answers = (rest / 2).min(4);
    let mut lanes = vec![mail(&[Kind::Alert, Kind::Notice])];
    lanes.extend((0..answers).map(|_| mail(&[Kind::Acknowledgement])));
    lanes.extend((answers..rest).map(|_| mail(&[Kind::Forward, Kind::Canary])));
    lanes.extend(webhooks.iter().map(|hook| Lane { channel: hook.name.clone(), kinds: vec![Kind::Alert, Kind::Notice] }));
    lanes
}

/// What came of one row.
struct Settled {
    id: i64,
    outcome: Outcome,
    next: Next,
    at: Timestamp,
}

fn record_all(tx: &Tx<'_>, results: &[Settled]) -> Result<(), StoreError> {
    for settled in results {
        match outbox::record(tx, settled.id, &settled.outcome, &settled.next, settled.at) {
            // Who cannot be reached is not waited for.
            Ok(OutboxState::Dead) => drop(alerts::climb(tx, settled.id, settled.at)?),
            Ok(_) => {}
            // A person dropped it meanwhile, or its lease ended: that must not keep the others from being recorded.
            Err(StoreError::Moved(why)) => tracing::warn!(why, "not recorded"),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

impl Deliver {
    /// How many workers there are to be.
    pub fn connections(&self) -> usize {
        match &self.send {
            config::Send::Smtp(smtp) => smtp.connections,
            config::Send::Files(_) => 2,
        }
    }

    /// Gives back rows whose sender is gone. First all that are claimed: nobody else sends, for we hold the store and the loops
    /// of an earlier policy have ended. Later those whose claim is over: their worker failed, or could not record. A store that
    /// cannot be written now can be later, so this never gives up.
    pub async fn leases(self) {
        while !self.stop.is_cancelled() {
            self.health.moving("leases", PARCEL);
            let (all, now) = (!self.cleared.is_cancelled(), self.clock.now());
            let freed = match all {
                true => self.store.settle_outbox(now).await,
                false => {
                    let held: Vec<i64> = self.in_hand().values().flatten().copied().collect();
                    self.store.write(move |tx| Ok((0, outbox::free(tx, false, &held, now)?))).await
                }
            };
            match freed {
                Ok((sent, again)) => {
                    if sent + again > 0 {
                        let marked = "mails were being sent when their sender ended: what was marked as taken is sent";
                        tracing::warn!(sent, again, "{marked}, the others are sent again with the same Message-ID");
                    }
                    self.cleared.cancel();
                    self.pause(LEASES).await;
                }
                Err(error) => {
                    tracing::error!(%error, "nothing can be sent while the outbox cannot be written; trying again");
                    self.pause(Duration::from_secs(1)).await;
                }
            }
        }
        self.health.ended("leases");
    }

    /// One worker: claims rows of its lane and sends them until told to stop. `name` is for the watchdog.
    pub async fn work(self, name: String, lane: Lane) {
        let mut sender = self.sender(&lane);
        // Started anew after a fault: what it had in hand then is nobody's.
        self.in_hand().remove(&name);
        tokio::select! {
            () = self.cleared.cancelled() => {}
            () = self.stop.cancelled() => {}
        }
        while !self.stop.is_cancelled() {
            self.health.moving(&name, PARCEL);
            // Ask to be woken before looking: a row that comes in between is not slept over.
            let rung = self.bell.notified();
            tokio::pin!(rung);
            rung.as_mut().enable();
            match self.claim(&lane).await {
                Ok(rows) if rows.is_empty() => {
                    tokio::select! {
                        () = rung => {}
                        () = tokio::time::sleep(LOOK) => {}
                        () = self.stop.cancelled() => {}
                    }
                }
                Ok(rows) => {
                    self.in_hand().insert(name.clone(), rows.iter().map(|row| row.id).collect());
                    self.send_all(&name, &mut sender, rows).await;
                    self.in_hand().remove(&name);
                }
                Err(error) => {
                    tracing::error!(%error, "the outbox cannot be read; trying again");
                    self.pause(Duration::from_secs(2)).await;
                }
            }
        }
        sender.close().await;
        self.health.ended(&name);
    }

    /// The way out of a lane.
    fn sender(&self, lane: &Lane) -> Sender {
        match self.webhooks.iter().find(|hook| hook.name == lane.channel) {
            Some(hook) => Sender::webhook(hook, self.clock.clone()),
            None => Sender::new(&self.send),
        }
    }

    async fn claim(&self, lane: &Lane) -> Result<Vec<Claimed>, StoreError> {
        let (now, lane) = (self.clock.now(), lane.clone());
        // Looking costs no commit; only when something is due is it claimed.
        let look = lane.clone();
        let due = self.store.read(move |view| outbox::any_due(view, &look, now)).await?;
        if !due {
            return Ok(Vec::new());
        }
        // An alert is never claimed to wait behind another.
        let most = if lane.kinds.contains(&Kind::Alert) { 1 } else { BATCH };
        self.store.write(move |tx| outbox::claim(tx, &lane, most, LEASE, now)).await
    }

    async fn send_all(&self, name: &str, sender: &mut Sender, rows: Vec<Claimed>) {
        let (mut results, mut untried) = (Vec::new(), Vec::new());
        let began = tokio::time::Instant::now();
        let mut recorded = began;
        for row in rows {
            if self.stop.is_cancelled() || began.elapsed() > STINT {
                untried.push(row.id);
                continue;
            }
            self.health.moving(name, PARCEL);
            results.push(self.send_one(sender, row).await);
            if recorded.elapsed() >= RECORD {
                self.record(name, std::mem::take(&mut results)).await;
                recorded = tokio::time::Instant::now();
            }
        }
        self.record(name, results).await;
        if !untried.is_empty() {
            // Given back as they were, for the next stint or the next start.
            let _ = self.store.write(move |tx| outbox::give_back(tx, &untried)).await;
        }
    }

    async fn send_one(&self, sender: &mut Sender, row: Claimed) -> Settled {
        let (id, kind, attempt) = (row.id, row.kind, row.attempt);
        let outcome = match unpack(&row.packed) {
            Ok(raw) => self.hand_over(sender, id, kind, &Parcel { mail_from: row.mail_from, rcpt_to: row.rcpt_to, raw }).await,
            Err(error) => Outcome::Refused(error.to_string()),
        };
        let next = next(kind, attempt, &outcome, jitter());
        self.log(id, kind, attempt, &outcome, &next);
        Settled { id, outcome, next, at: self.clock.now() }
    }

    async fn hand_over(&self, sender: &mut Sender, id: i64, kind: Kind, parcel: &Parcel) -> Outcome {
        if let Err(outcome) = sender.prepare(parcel).await {
            return outcome;
        }
        let _held = if kind == Kind::Acknowledgement { Some(self.gate.lock().await) } else { None };
        let outcome = sender.hand_over(parcel).await;
        if outcome == Outcome::Sent
            && let Err(error) = self.store.mark_sent(id)
        {
            // The record still tells it, if we live until then.
            tracing::error!(row = id, %error, "a sent mail cannot be marked");
        }
        outcome
    }

    fn in_hand(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Vec<i64>>> {
        self.in_hand.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Records until it is recorded: a full or failing disk must not make a sent mail unsent.
    async fn record(&self, name: &str, results: Vec<Settled>) {
        let results = Arc::new(results);
        while !results.is_empty() {
            self.health.moving(name, PARCEL);
            let batch = Arc::clone(&results);
            match self.store.write(move |tx| record_all(tx, &batch)).await {
                Ok(()) => break,
                Err(error) if !self.stop.is_cancelled() => {
                    tracing::error!(%error, "what came of mails cannot be recorded; trying again");
                    self.pause(Duration::from_secs(1)).await;
                }
                Err(error) => {
                    tracing::error!(%error, "what came of mails cannot be recorded; the marks tell at the next start");
                    return;
                }
            }
        }
        let sent = results.iter().filter(|settled| settled.outcome == Outcome::Sent);
        sent.for_each(|_| self.store.recorded());
    }

    fn log(&self, row: i64, kind: Kind, attempt: u32, outcome: &Outcome, next: &Next) {
        let kind = kind.word();
        let why = outcome.why().unwrap_or_default();
        match (outcome, next) {
            (Outcome::Sent, _) => {
                self.health.sent();
                tracing::info!(row, kind, attempt, "sent");
            }
            (_, Next::Ready(wait)) => {
                tracing::warn!(row, kind, attempt, why, wait_s = wait.as_secs(), "not sent; trying again");
            }
            (_, _) => {
                tracing::error!(
                    row,
                    kind,
                    attempt,
                    why,
                    "given up: see `triaged outbox list`, then `outbox retry` or `outbox drop`"
                );
            }
        }
    }

    async fn pause(&self, wait: Duration) {
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = self.stop.cancelled() => {}
        }
    }
}

/// A number in 0..1 to spread retries with; that it is only roughly random is no harm.
fn jitter() -> f64 {
    let nanos = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.subsec_nanos());
    f64::from(nanos % 1_000_000) / 1_000_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_have_a_lane_of_their_own_and_every_kind_has_one() {
        for connections in [0, 1, 3, 4, 8] {
            let lanes = lanes(connections, &[]);
            assert_eq!(lanes.iter().filter(|lane| lane.kinds.contains(&Kind::Alert)).count(), 1);
            assert!(Kind::ALL.iter().all(|kind| lanes.iter().any(|lane| lane.kinds.contains(kind))), "{connections}");
            let alone = |lane: &Lane| !lane.kinds.contains(&Kind::Alert) || lane.kinds == [Kind::Alert, Kind::Notice];
            assert!(lanes.iter().all(alone), "nothing stands before an alert");
        }
    }

    #[test]
    fn each_webhook_has_a_lane_of_its_own() {
        let hook = |name: &str| Webhook {
            name: name.into(),
            kind: config::WebhookKind::Slack,
            url: config::Url::Plain("https://example.org/".into()),
            ca_file: None,
        };
        let lanes = lanes(4, &[hook("a"), hook("b")]);
        let channels: Vec<&str> = lanes.iter().map(|lane| lane.channel.as_str()).filter(|channel| !channel.is_empty()).collect();
        assert_eq!(channels, ["a", "b"]);
    }
}
