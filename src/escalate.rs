//! The story of an alert: its next call is due, the ladder says who, a row for each goes to the outbox, and so on until a
//! person acknowledges it. After the last step the ladder repeats that step, without end (law 6). One that somebody has, and
//! nobody follows up, fires anew.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::callout::{self, Phone, call};
use crate::clock::Clock;
use crate::metrics::Health;
use crate::policy::Policy;
use crate::store::{Store, alerts};

/// Alerts taken up at a time.
const BATCH: u32 = 100;
/// Looks at least this often.
const LOOK: Duration = Duration::from_secs(1);
/// Promised to the watchdog.
const MOVE: Duration = Duration::from_secs(5 * 60);

/// What the loop needs.
#[derive(Clone)]
pub struct Escalate {
    /// The store.
    pub store: Store,
    /// The policy in force.
    pub policy: Arc<Policy>,
    /// What time it is.
    pub clock: Clock,
    /// Rung when there may be new alerts; rung by us when there are new rows.
    pub bell: Arc<Notify>,
    /// Whom to tell that we move.
    pub health: Health,
    /// End.
    pub stop: CancellationToken,
}

impl Escalate {
    /// Lets alerts climb until told to stop.
    pub async fn work(self) {
        while !self.stop.is_cancelled() {
            self.health.moving("escalate", MOVE);
            let rung = self.bell.notified();
            tokio::pin!(rung);
            rung.as_mut().enable();
            if let Err(error) = self.climb().await {
                tracing::error!(%error, "alerts cannot be looked at; trying again");
            }
            tokio::select! {
                () = rung => {}
                () = tokio::time::sleep(LOOK) => {}
                () = self.stop.cancelled() => {}
            }
        }
        self.health.ended("escalate");
    }

    /// Takes every call that is due now, after alerts whose holder's time is up fire anew.
    async fn climb(&self) -> crate::store::Result<()> {
        let now = self.clock.now();
        let (lapsed, due) =
            self.store.read(move |view| Ok((alerts::lapsed(view, now, BATCH)?, alerts::due(view, now, BATCH)?))).await?;
        for (alert, snoozed, since) in lapsed {
            let (policy, key) = (Arc::clone(&self.policy), self.store.token_key());
            let case = alert.case.clone();
            let lapse = move |tx: &crate::store::Tx<'_>| {
                callout::lapse(tx, &Phone { config: &policy.config, key, now }, &alert, snoozed, since)
            };
            if let Err(error) = self.store.write(lapse).await {
                tracing::error!(case, %error, "an alert that nobody followed up cannot fire anew; trying again");
            }
            self.bell.notify_waiters();
        }
        for firing in due {
            let (policy, key) = (Arc::clone(&self.policy), self.store.token_key());
            let (round, case) = (firing.round, firing.reference.clone());
            let call = move |tx: &crate::store::Tx<'_>| call::call(tx, &Phone { config: &policy.config, key, now }, &firing);
            match self.store.write(call).await {
                Ok(called) => tracing::warn!(case = called.reference, round, ways = called.ways, why = called.why, "alert"),
                // The others must not wait behind one that cannot be written.
                Err(error) => tracing::error!(case, %error, "a call of this alert cannot be made; trying again"),
            }
            self.bell.notify_waiters();
        }
        Ok(())
    }
}
