//! Bytes of a mail to a [`Report`]. Never fails: what is damaged is marked, and what can be read is read.

pub mod automated;
pub mod language;
pub mod quote;

use crate::report::{Envelope, Report};

/// Reads one mail. Call it on a thread with a large stack (`crate::judges`): the parser recurses on nesting.
pub fn read(raw: &[u8], envelope: &Envelope) -> Report {
    let _ = (raw, envelope);
    todo!()
}
