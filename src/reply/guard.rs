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
