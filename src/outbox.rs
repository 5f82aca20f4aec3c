//! The outbox: what is to be sent, as a state machine. Nothing is sent from a transaction; it leaves rows
//! here, and a row moves only from the state it is expected in.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What an outbox row is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// To the reporter: we have it.
    Acknowledgement,
    /// To the queue's team: here it is.
    Forward,
    /// To somebody on call, or to operators about ourselves.
    Alert,
    /// To those who were called: somebody has it, or it is over.
    Notice,
    /// To ourselves: a mail that must come back through a mailbox.
    Canary,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 5] = [Kind::Acknowledgement, Kind::Forward, Kind::Alert, Kind::Notice, Kind::Canary];

    /// The word the store keeps.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Acknowledgement => "acknowledgement",
            Kind::Forward => "forward",
            Kind::Alert => "alert",
            Kind::Notice => "notice",
            Kind::Canary => "canary",
        }
    }

    /// The kind of a stored word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// After this many attempts a row is dead and waits for a person; `None`: it is tried for ever (law 6).
    pub fn attempts(self) -> Option<u32> {
        match self {
            Kind::Acknowledgement => Some(20),
            Kind::Forward | Kind::Notice => Some(60),
            // The next one is as good: a canary that comes late was late, whoever is at fault.
            Kind::Canary => Some(5),
            Kind::Alert => None,
        }
    }

    /// The longest wait between two attempts.
    fn longest_wait(self) -> Duration {
        match self {
            Kind::Acknowledgement | Kind::Forward => Duration::from_secs(3_600),
            Kind::Alert | Kind::Notice | Kind::Canary => Duration::from_secs(60),
        }
    }
}

/// Where an outbox row stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutboxState {
    /// Waits for its time.
    Ready,
    /// Claimed by a worker, until its lease ends.
    Sending,
    /// The server said 250.
    Sent,
    /// Given up: a person may requeue it.
    Dead,
    /// A person decided that it is not to be sent.
    Dropped,
}

impl OutboxState {
    /// Every state.
    pub const ALL: [OutboxState; 5] =
        [OutboxState::Ready, OutboxState::Sending, OutboxState::Sent, OutboxState::Dead, OutboxState::Dropped];

    /// The word the store keeps.
    pub fn word(self) -> &'static str {
        match self {
            OutboxState::Ready => "ready",
            OutboxState::Sending => "sending",
            OutboxState::Sent => "sent",
            OutboxState::Dead => "dead",
            OutboxState::Dropped => "dropped",
        }
    }

    /// The state of a stored word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}

/// One mail to hand over: one recipient a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parcel {
    /// Envelope sender; `None` is `<>` (acknowledgements).
    pub mail_from: Option<String>,
    /// The one recipient.
    pub rcpt_to: String,
    /// The whole mail, CRLF line ends.
    pub raw: Vec<u8>,
}

/// What came of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Taken over by the next server.
    Sent,
    /// Not now (4xx, connection lost, timeout): try again later.
    Later(String),
    /// Not now, and the server says for how long.
    Busy {
        /// Why.
        why: String,
        /// Not before.
        wait: Duration,
    },
    /// Never (5xx): trying again cannot help.
    Refused(String),
}

impl Outcome {
    /// Not now; with the server's own wish, if it has one.
    pub fn later(why: String, wait: Option<Duration>) -> Self {
        match wait {
            Some(wait) => Outcome::Busy { why, wait },
            None => Outcome::Later(why),
        }
    }

    /// What went wrong; `None` if nothing.
    pub fn why(&self) -> Option<&str> {
        match self {
            Outcome::Sent => None,
            Outcome::Later(why) | Outcome::Busy { why, .. } | Outcome::Refused(why) => Some(why),
        }
    }
}

/// What becomes of a row after an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Done.
    Sent,
    /// Ready again after this wait.
    Ready(Duration),
    /// Given up.
    Dead,
}

/// The move after attempt number `attempts` (from 1). Waits double from 5 s, are spread by `jitter` (0..1) over
/// a quarter, and never exceed the kind's longest wait. An alert is never dead by count; refused, it is.
pub fn next(kind: Kind, attempts: u32, outcome: &Outcome, jitter: f64) -> Next {
    match outcome {
        Outcome::Sent => Next::Sent,
        Outcome::Refused(_) => Next::Dead,
        Outcome::Later(_) | Outcome::Busy { .. } if kind.attempts().is_some_and(|most| attempts >= most) => Next::Dead,
        Outcome::Busy { wait, .. } => Next::Ready((*wait).max(Duration::from_secs(1))),
        Outcome::Later(_) => {
            let doubled = Duration::from_secs(5).saturating_mul(1 << attempts.saturating_sub(1).min(16));
            Next::Ready(doubled.min(kind.longest_wait()).mul_f64(1.0 + jitter.clamp(0.0, 1.0) / 4.0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_end_at_the_kinds_longest() {
        let later = Outcome::Later("busy".into());
        assert_eq!(next(Kind::Forward, 1, &later, 0.0), Next::Ready(Duration::from_secs(5)));
        assert_eq!(next(Kind::Forward, 3, &later, 0.0), Next::Ready(Duration::from_secs(20)));
        assert_eq!(next(Kind::Forward, 59, &later, 0.0), Next::Ready(Duration::from_secs(3_600)));
        assert_eq!(next(Kind::Forward, 60, &later, 0.0), Next::Dead);
    }

    #[test]
    fn an_alert_is_retried_without_end_and_at_least_every_75_seconds() {
        let Next::Ready(wait) = next(Kind::Alert, u32::MAX, &Outcome::Later("down".into()), 1.0) else {
            panic!("an alert was given up")
        };
        assert!(wait <= Duration::from_secs(75));
    }

    #[test]
    fn a_permanent_refusal_is_dead_at_once() {
        for kind in Kind::ALL {
            assert_eq!(next(kind, 1, &Outcome::Refused("550".into()), 0.0), Next::Dead);
            assert_eq!(Kind::from_word(kind.word()), Some(kind));
        }
        for state in OutboxState::ALL {
            assert_eq!(OutboxState::from_word(state.word()), Some(state));
        }
    }
}
