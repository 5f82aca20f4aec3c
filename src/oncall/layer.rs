//! The turns of a layer, by arithmetic on calendar days: a handover is so many days after the first and at the same local
//! hour, however long the days between were. A local hour that is skipped or comes twice is taken as jiff's "compatible"
//! does: the moment after the gap, the first of the two.

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

use super::{Piece, dates, days_between, later};
use crate::config::Layer;

/// Whom the layer has between two moments; pieces may reach beyond both.
pub(super) fn pieces<'r>(layer: &'r Layer, zone: &TimeZone, from: Timestamp, to: Timestamp) -> Vec<Piece<'r>> {
    let (first, last) = dates(zone, from, to, 0);
    let start = layer.start.date();
    let mut pieces = Vec::new();
    // The turn that is under way on the first day, however long ago the layer began.
    let mut turn = days_between(start, first).div_euclid(layer.turn).max(0);
    while later(start, turn * layer.turn) <= last && !layer.people.is_empty() {
        let who = &layer.people[turn as usize % layer.people.len()];
        let days = (later(start, turn * layer.turn), later(start, (turn + 1) * layer.turn));
        take_turn(layer, zone, days, (first, last), who, &mut pieces);
        if days.1 == Date::MAX {
            break;
        }
        turn += 1;
    }
    pieces
}

/// One turn, from handover to handover, or what the layer's days and hours leave of it.
fn take_turn<'r>(
    layer: &Layer,
    zone: &TimeZone,
    (begin, end): (Date, Date),
    (first, last): (Date, Date),
    who: &'r str,
    pieces: &mut Vec<Piece<'r>>,
) {
    let handover = layer.start.time();
    let Some((from, to)) = between(zone, (begin, handover), (end, handover)) else { return };
    if layer.weekdays.is_empty() && layer.hours.is_none() {
        return pieces.push(Piece { from, to, who });
    }
    // A window that passes midnight began on the day before.
    let mut day = first.max(later(begin, -1));
    while day <= last.min(end) {
        if let Some((opens, closes)) = window(layer, zone, day) {
            pieces.push(Piece { from: from.max(opens), to: to.min(closes), who });
        }
        if day == Date::MAX {
            break;
        }
        day = later(day, 1);
    }
}

/// The hours of one day on which the layer has somebody.
fn window(layer: &Layer, zone: &TimeZone, day: Date) -> Option<(Timestamp, Timestamp)> {
    if !layer.weekdays.is_empty() && !layer.weekdays.contains(&day.weekday()) {
        return None;
    }
    let (opens, closes) = layer.hours.unwrap_or((Time::midnight(), Time::midnight()));
    let closing_day = if closes <= opens { later(day, 1) } else { day };
    between(zone, (day, opens), (closing_day, closes))
}

/// Two local hours as moments; `None` beyond what the calendar can hold.
fn between(zone: &TimeZone, from: (Date, Time), to: (Date, Time)) -> Option<(Timestamp, Timestamp)> {
    let moment = |(date, time): (Date, Time)| zone.to_timestamp(date.to_datetime(time)).ok();
    Some((moment(from)?, moment(to)?))
}
