//! What goes out because of a mail: whether to answer ([`guard`]), the acknowledgement, the forward, the alert. Pure.

pub mod acknowledgement;
pub mod alert;
pub mod canary;
pub mod forward;
pub mod guard;
pub mod mime;
pub mod referral;
mod summary;
pub mod template;
#[cfg(test)]
mod tests;
pub mod token;
pub mod webhook;

/// A header of ours on every mail we send: a mail that carries it with our domain is our own (the guard refuses it).
pub const LOOP_HEADER: &str = "X-Triaged-Loop";

/// Auto-Submitted of answers (RFC 3834 5).
const AUTO_REPLIED: &str = "auto-replied";

/// Auto-Submitted of forwards and alerts.
const AUTO_GENERATED: &str = "auto-generated";
