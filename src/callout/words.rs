//! Spans and moments as people read them in alerts.

use jiff::SignedDuration;

use crate::clock::Timestamp;

/// "45 min", "2 h", "1 h 30 min", "20 s".
pub(super) fn span(span: SignedDuration) -> String {
    let seconds = span.as_secs().max(0);
    match (seconds / 3_600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, _) => format!("{minutes} min"),
        (hours, 0, _) => format!("{hours} h"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// "2026-11-21 03:12 UTC".
pub(super) fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}
