//! The shifts of a calendar's event between two moments. An endless rule is never written out: the first cycle that
//! matters is found by arithmetic, and each shift begins and ends at the same local hours.

use jiff::Timestamp;
use jiff::civil::Date;

use super::{Piece, dates, days_between, later};
use crate::config::{Repeat, Shift};

/// The event's shifts that may touch the time between two moments.
pub(super) fn pieces(shift: &Shift, from: Timestamp, to: Timestamp) -> Vec<Piece<'_>> {
    let Some(repeat) = &shift.repeat else {
        return piece(shift, shift.start.date(), None).into_iter().collect();
    };
    let (first, last) = dates(&shift.zone, from, to, length(shift));
    let first = first.max(shift.start.date());
    days_of(repeat, first, last).filter_map(|day| piece(shift, day, repeat.until)).collect()
}

/// Days that a shift lasts into: 0 when it ends on the day it begins.
fn length(shift: &Shift) -> i64 {
    days_between(shift.start.date(), shift.end.date())
}

/// The shift that begins on that day, unless it is one of the exceptions or after the end.
fn piece(shift: &Shift, day: Date, until: Option<Timestamp>) -> Option<Piece<'_>> {
    let from = shift.zone.to_timestamp(day.to_datetime(shift.start.time())).ok()?;
    let to = shift.zone.to_timestamp(later(day, length(shift)).to_datetime(shift.end.time())).ok()?;
    let falls_out = until.is_some_and(|until| from > until) || shift.except.binary_search(&from).is_ok();
    (!falls_out).then_some(Piece { from, to, who: &shift.person })
}

/// The days of a rule from `first` to `last`, both included.
fn days_of(repeat: &Repeat, first: Date, last: Date) -> impl Iterator<Item = Date> {
    let cycles = days_between(repeat.anchor, first).div_euclid(repeat.cycle)..;
    let starts = cycles.map(|cycle| cycle * repeat.cycle).take_while(move |days| *days <= days_between(repeat.anchor, last));
    let days = starts.flat_map(|start| repeat.days.iter().map(move |day| start + day));
    days.map(|days| later(repeat.anchor, days)).filter(move |day| (first..=last).contains(day))
}
