//! The story of an alert: its next step is due, the ladder says who, a row for each goes to the outbox, and so on until a
//! person acknowledges it. After the last step the ladder repeats that step, without end (law 6).

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::clock::Timestamp;
use crate::config::{Ladder, Step};
use crate::metrics::Health;
use crate::outbox::{Kind, Parcel};
use crate::policy::Policy;
use crate::reply::{alert, token};
use crate::rules::Verdict;
use crate::store::alerts::{self, Firing};
use crate::store::cases::{CaseRow, MessageRow};
use crate::store::outbox::{self, NewRow};
use crate::store::{Store, Tx, audit, cases};

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

/// The step of round `round`, from 0: the ladder's own, then its last for ever.
pub fn step(ladder: &Ladder, round: u32) -> Option<&Step> {
    ladder.steps.get(round as usize).or(ladder.steps.last())
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

    /// Takes every step that is due now.
    async fn climb(&self) -> crate::store::Result<()> {
        let now = self.clock.now();
        let due = self.store.read(move |view| alerts::due(view, now, BATCH)).await?;
        for firing in due {
            let (policy, key) = (Arc::clone(&self.policy), self.store.token_key());
            let (round, alert) = (firing.round, firing.id);
            match self.store.write(move |tx| take_step(tx, &policy, &key, &firing, now)).await {
                Ok((case, people)) => tracing::warn!(%case, round, people, "alert"),
                // The others must not wait behind one that cannot be written.
                Err(error) => tracing::error!(alert, %error, "a step of this alert cannot be taken; trying again"),
            }
            self.bell.notify_waiters();
        }
        Ok(())
    }
}

/// One step of one alert: a row for each person of it. Returns the case's reference and how many people.
fn take_step(
    tx: &Tx<'_>,
    policy: &Policy,
    key: &[u8; 32],
    firing: &Firing,
    now: Timestamp,
) -> crate::store::Result<(String, usize)> {
    let case = cases::get(&tx.view(), firing.case_id)?;
    let config = &policy.config;
    // A ladder that a reload took away: whoever is on the first one left is better than silence.
    let ladder = config.ladders.iter().find(|ladder| ladder.name == firing.ladder).or(config.ladders.first());
    let Some(step) = ladder.and_then(|ladder| step(ladder, firing.round - firing.began)) else {
        tracing::error!(case = %case.reference, "an alert is firing and no ladder is left in the config: nobody can be woken");
        alerts::step_taken(tx, firing.id, firing.round, now + jiff::SignedDuration::from_mins(1))?;
        return Ok((case.reference.to_string(), 0));
    };
    let telling = cases::telling(&tx.view(), case.id, &case.queue)?;
    for (n, person) in step.to.iter().enumerate() {
        if outbox::alert_waits(&tx.view(), case.id, person)? {
            // Their server is down: one call that waits is enough, it goes out first when the server is back.
            continue;
        }
        let seq = u64::from(firing.round) * 1_000 + n as u64;
        let id = token::message_id(key, &config.identity.domain, &case.reference, Kind::Alert, seq);
        let parcel = text(&case, telling.as_ref(), firing, policy, person, &id, now);
        let row = NewRow {
            idempotent: &format!("alert/{}/{}/{person}", firing.case_id, firing.round),
            case_id: case.id,
            kind: Kind::Alert,
            mail_from: parcel.mail_from.as_deref(),
            rcpt_to: &parcel.rcpt_to,
            raw: &parcel.raw,
            due: now,
        };
        outbox::add(tx, &row, now)?;
    }
    alerts::step_taken(
        tx,
        firing.id,
        firing.round,
        now + jiff::SignedDuration::try_from(step.wait).unwrap_or(jiff::SignedDuration::from_mins(5)),
    )?;
    audit::add(tx, now, "daemon", "alert", Some(case.id), &format!("step {} to {} people", firing.round + 1, step.to.len()))?;
    Ok((case.reference.to_string(), step.to.len()))
}

/// The alert's mail to one person: minimal, with nothing of the sender's (FIELD.md "On-call").
fn text(
    case: &CaseRow,
    message: Option<&MessageRow>,
    firing: &Firing,
    policy: &Policy,
    to: &str,
    id: &str,
    now: Timestamp,
) -> Parcel {
    let verdict = message.and_then(|message| serde_json::from_value::<Verdict>(message.verdict.clone()).ok());
    let why: Vec<&str> = verdict.iter().flat_map(|v| &v.trace.fired).filter(|f| !f.shadow).map(|f| f.why.as_str()).collect();
    alert::build(&alert::Alert {
        identity: &policy.config.identity,
        from: &policy.config.sender(),
        to,
        message_id: id,
        queue: &case.queue,
        reference: &case.reference,
        language: case.language.as_deref(),
        received: message.map_or(firing.fired, |message| message.received),
        attachments: message.and_then(|message| message.attachments.as_array()).map_or(0, Vec::len),
        why: &why,
        call: firing.round + 1,
        now,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_the_last_step_the_ladder_repeats_it_for_ever() {
        let step_to = |name: &str| Step { to: vec![name.into()], wait: Duration::from_secs(60) };
        let ladder = Ladder { name: "l".into(), steps: vec![step_to("first"), step_to("last")] };
        let who = |round| step(&ladder, round).unwrap().to[0].clone();
        assert_eq!([who(0), who(1), who(2), who(1_000_000)], ["first", "last", "last", "last"]);
    }
}
