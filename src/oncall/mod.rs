//! Who is on call at a moment, and where nobody is: worked out from [`crate::config::Rota`] alone. The moment is an
//! argument, so that what the daemon does tonight can be asked about any other night.

pub mod ical;
mod layer;
mod repeat;
mod rota;
#[cfg(test)]
mod tests;

pub use rota::{Span, gaps, on_call, shifts};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// One person's stretch of time, before it is known who covers whom.
struct Piece<'r> {
    from: Timestamp,
    to: Timestamp,
    who: &'r str,
}

/// Whole days from one date to another; negative when `to` is the earlier one.
fn days_between(from: Date, to: Date) -> i64 {
    to.duration_since(from).as_hours() / 24
}

/// The date so many days later; beyond the calendar, its end.
fn later(date: Date, days: i64) -> Date {
    jiff::Span::new().try_days(days).map_or(if days < 0 { Date::MIN } else { Date::MAX }, |span| date.saturating_add(span))
}

/// The local dates that a stretch of time touches, with `before` more in front, and two for hours that were skipped or
/// pass midnight.
fn dates(zone: &TimeZone, from: Timestamp, to: Timestamp, before: i64) -> (Date, Date) {
    (later(zone.to_datetime(from).date(), -2 - before), later(zone.to_datetime(to).date(), 1))
}
