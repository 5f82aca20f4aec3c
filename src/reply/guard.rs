//! May this mail be acknowledged, and to whom? A pure function that returns the reason either way (FIELD.md
//! "When not to acknowledge"; RFC 3834).

use serde::{Deserialize, Serialize};

/// The guard's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// Acknowledge to this one address.
    Send {
        /// The address.
        to: String,
    },
    /// Do not, and why.
    Withhold {
        /// A short stable word, such as `auto-submitted`.
        reason: String,
        /// One sentence for staff.
        why: String,
    },
}
// ---- placeholder until branch guard lands ----
use crate::clock::Timestamp;
use crate::config::{Identity, Limits};
use crate::message::auth::Auth;
use crate::report::Report;
/// x
#[derive(Clone, Copy, Debug, Default)]
pub struct SoFar {
    /// x
    pub answered: bool,
    /// x
    pub to_sender_24h: u32,
    /// x
    pub in_last_hour: u32,
}
/// x
pub struct Question<'a> {
    /// x
    pub report: &'a Report,
    /// x
    pub flags: &'a [String],
    /// x
    pub identity: &'a Identity,
    /// x
    pub own_addresses: &'a [String],
    /// x
    pub limits: &'a Limits,
    /// x
    pub now: Timestamp,
    /// x
    pub auth: Auth,
    /// x
    pub so_far: SoFar,
}
/// x
pub struct Withheld {
    /// x
    pub reason: String,
    /// x
    pub why: String,
}
/// x
pub fn recipient(report: &Report, _identity: &Identity) -> Result<String, Withheld> {
    report.from.first().map(|a| a.address.clone()).ok_or(Withheld { reason: "no-single-address".into(), why: "x".into() })
}
/// x
pub fn guard(q: &Question<'_>) -> Answer {
    if let Some(a) = &q.report.automated {
        return Answer::Withhold { reason: a.reason.clone(), why: a.why.clone() };
    }
    if q.so_far.answered {
        return Answer::Withhold { reason: "already-answered".into(), why: "".into() };
    }
    match recipient(q.report, q.identity) {
        Ok(to) => Answer::Send { to },
        Err(w) => Answer::Withhold { reason: w.reason, why: w.why },
    }
}
