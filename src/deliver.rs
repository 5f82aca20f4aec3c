//! The story of what goes out: an outbox row is claimed, handed to the next server, and what came of it recorded.
//!
//! Of all acknowledgements at most one is ever in doubt: between its last byte and our record of the server's "250" the
//! [`Gate`] is held. If we are killed in that window, that one is sent again, with the same Message-ID; no other is.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, Notify};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config;
use crate::metrics::Health;
use crate::outbox::{Kind, Next, Outcome, next};
use crate::send::{Parcel, Sender};
use crate::store::outbox::Claimed;
use crate::store::{Store, StoreError, outbox};

/// Rows one worker claims at a time.
const BATCH: u32 = 16;
/// A claim ends by itself after this long: more than a whole batch can take at [`PARCEL`] each, or it would be sent twice.
const LEASE: Duration = Duration::from_secs(5 * 3_600);
/// Claims that are over are looked for this often.
const LEASES: Duration = Duration::from_secs(10);
/// A worker looks at least this often: an operator's `outbox retry` comes from another process.
const LOOK: Duration = Duration::from_secs(1);
/// The longest one parcel may take, all steps and time limits together; promised to the watchdog.
const PARCEL: Duration = Duration::from_secs(15 * 60);

/// Held from an acknowledgement's last byte to its record.
pub type Gate = Arc<Mutex<()>>;

/// What every worker needs.
#[derive(Clone)]
pub struct Deliver {
    /// The store.
    pub store: Store,
    /// How mail leaves.
    pub send: config::Send,
    /// What time it is.
    pub clock: Clock,
    /// Rung when there may be new rows.
    pub bell: Arc<Notify>,
    /// One acknowledgement in doubt at most.
    pub gate: Gate,
    /// Cancelled once rows that an earlier run left behind are given back: not before that may anybody send.
    pub cleared: CancellationToken,
    /// Whom to tell that we move.
    pub health: Health,
    /// Finish what is in hand, then end.
    pub stop: CancellationToken,
}

/// Which kinds each worker takes: one for alerts alone, so that nothing stands before them; the others share the rest.
pub fn lanes(connections: usize) -> Vec<&'static [Kind]> {
    let rest = connections.saturating_sub(1).max(2);
    let answers = rest / 2;
    let mut lanes: Vec<&'static [Kind]> = vec![&[Kind::Alert]];
    lanes.extend((0..answers).map(|_| &[Kind::Acknowledgement][..]));
    lanes.extend((answers..rest).map(|_| &[Kind::Forward][..]));
    lanes
}

impl Deliver {
    /// How many workers there are to be.
    pub fn connections(&self) -> usize {
        match &self.send {
            config::Send::Smtp(smtp) => smtp.connections,
            config::Send::Files(_) => 3,
        }
    }

    /// Gives back rows whose sender is gone. First all that are claimed: nobody else sends, for we hold the store and the loops
    /// of an earlier policy have ended. Later those whose claim is over: their worker failed, or could not record. A store that
    /// cannot be written now can be later, so this never gives up.
    pub async fn leases(self) {
        while !self.stop.is_cancelled() {
            self.health.moving("leases", PARCEL);
            let (all, now) = (!self.cleared.is_cancelled(), self.clock.now());
            match self.store.write(move |tx| outbox::free(tx, all, now)).await {
                Ok(rows) => {
                    if rows > 0 {
                        tracing::warn!(
                            rows,
                            "these were being sent when their sender ended; they are sent again, with the same Message-ID"
                        );
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

    /// One worker: claims rows of `kinds` and sends them until told to stop. `name` is for the watchdog.
    pub async fn work(self, name: String, kinds: &'static [Kind]) {
        let mut sender = Sender::new(&self.send);
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
            match self.claim(kinds).await {
                Ok(rows) if rows.is_empty() => {
                    tokio::select! {
                        () = rung => {}
                        () = tokio::time::sleep(LOOK) => {}
                        () = self.stop.cancelled() => {}
                    }
                }
                Ok(rows) => self.send_all(&name, &mut sender, rows).await,
                Err(error) => {
                    tracing::error!(%error, "the outbox cannot be read; trying again");
                    self.pause(Duration::from_secs(2)).await;
                }
            }
        }
        sender.close().await;
        self.health.ended(&name);
    }

    async fn claim(&self, kinds: &'static [Kind]) -> Result<Vec<Claimed>, StoreError> {
        let now = self.clock.now();
        // Looking costs no commit; only when something is due is it claimed.
        let due = self.store.read(move |view| outbox::any_due(view, kinds, now)).await?;
        if !due {
            return Ok(Vec::new());
        }
        self.store.write(move |tx| outbox::claim(tx, kinds, BATCH, LEASE, now)).await
    }

    async fn send_all(&self, name: &str, sender: &mut Sender, rows: Vec<Claimed>) {
        for row in rows {
            if self.stop.is_cancelled() {
                // Not tried: given back as it was, for the next start.
                let _ = self.store.write(move |tx| outbox::give_back(tx, row.id)).await;
                continue;
            }
            self.health.moving(name, PARCEL);
            self.send_one(sender, row).await;
        }
    }

    async fn send_one(&self, sender: &mut Sender, row: Claimed) {
        let (id, kind, attempt, age) = (row.id, row.kind, row.attempt, self.clock.now().duration_since(row.created));
        let parcel = Parcel { mail_from: row.mail_from, rcpt_to: row.rcpt_to, raw: row.raw };
        let outcome = match sender.prepare(&parcel).await {
            Err(outcome) => outcome,
            Ok(()) if kind == Kind::Acknowledgement => {
                let _held = self.gate.lock().await;
                let outcome = sender.hand_over(&parcel).await;
                self.record(id, kind, attempt, outcome).await;
                return;
            }
            Ok(()) => sender.hand_over(&parcel).await,
        };
        tracing::debug!(row = id, age_ms = age.as_millis() as i64, "handed over");
        self.record(id, kind, attempt, outcome).await;
    }

    /// Records until it is recorded: a full disk must not make a sent mail unsent.
    async fn record(&self, id: i64, kind: Kind, attempt: u32, outcome: Outcome) {
        let next = next(kind, attempt, &outcome, jitter());
        self.log(id, kind, attempt, &outcome, &next);
        loop {
            let (outcome, next, now) = (outcome.clone(), next.clone(), self.clock.now());
            match self.store.write(move |tx| outbox::record(tx, id, &outcome, &next, now)).await {
                Ok(_) => return,
                Err(error) if error.passes() => {
                    tracing::error!(row = id, %error, "what came of a mail cannot be recorded; trying again");
                    self.pause(Duration::from_secs(1)).await;
                    if self.stop.is_cancelled() {
                        return;
                    }
                }
                Err(error) => {
                    tracing::error!(row = id, %error, "what came of a mail cannot be recorded");
                    return;
                }
            }
        }
    }

    fn log(&self, row: i64, kind: Kind, attempt: u32, outcome: &Outcome, next: &Next) {
        let kind = kind.word();
        match (outcome, next) {
            (Outcome::Sent, _) => {
                self.health.sent();
                tracing::info!(row, kind, attempt, "sent");
            }
            (Outcome::Later(why) | Outcome::Refused(why), Next::Ready(wait)) => {
                tracing::warn!(row, kind, attempt, why, wait_s = wait.as_secs(), "not sent; trying again");
            }
            (Outcome::Later(why) | Outcome::Refused(why), _) => {
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
            let lanes = lanes(connections);
            assert_eq!(lanes.iter().filter(|kinds| kinds.contains(&Kind::Alert)).count(), 1);
            assert!(Kind::ALL.iter().all(|kind| lanes.iter().any(|lane| lane.contains(kind))), "{connections}");
            assert!(lanes.iter().all(|lane| lane.len() == 1));
        }
    }
}
