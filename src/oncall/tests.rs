//! Rotas as operators need them: handovers at their hour through every change of the clocks, layers and overrides over
//! each other, and a second, slow opinion on all of it.

use jiff::civil::{DateTime, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::config::{self, Layer, Override, Rota};
use crate::problem::{Problems, Source};

const PEOPLE: [&str; 4] = ["amara", "ben", "cleo", "dora"];

/// A rota from the words an operator writes below its name.
fn rota(zone: &str, words: &str) -> Rota {
    let sample = include_str!("../../config/triaged.toml");
    let people = PEOPLE.map(|name| format!("[[person]]\nname = \"{name}\"\naddresses = [\"{name}@example.org\"]\n")).concat();
    let text = format!("{sample}\n{people}[[rota]]\nname = \"r\"\ntime_zone = \"{zone}\"\n{words}");
    let problems = Problems::default();
    let mut config = config::read(&Source::new("t.toml", text), &problems);
    problems.into_result(|| config.rotas.remove(0)).unwrap_or_else(|faults| panic!("{faults}"))
}

fn layer(people: &str, start: &str, turn: &str, more: &str) -> String {
    format!("[[rota.layer]]\npeople = [{people}]\nstart = \"{start}\"\nturn = \"{turn}\"\n{more}\n")
}

fn utc(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn local(rota: &Rota, text: &str) -> Timestamp {
    rota.zone.to_timestamp(DateTime::strptime("%Y-%m-%d %H:%M", text).unwrap()).unwrap()
}

fn who<'r>(rota: &'r Rota, text: &str) -> Vec<&'r str> {
    on_call(rota, local(rota, text))
}

fn hours(span: &Span<'_>) -> i64 {
    span.to.duration_since(span.from).as_hours()
}

const THREE: &str = r#""amara", "ben", "cleo""#;

#[test]
fn a_weekly_handover_keeps_its_weekday_and_local_hour_through_the_whole_year_in_every_zone() {
    let changing = ["Europe/Berlin", "America/New_York", "Australia/Sydney"];
    let steady = ["Asia/Kathmandu", "Pacific/Apia", "UTC"];
    for zone in changing.into_iter().chain(steady) {
        let rota = rota(zone, &layer(THREE, "2026-01-05T09:00", "weekly", ""));
        let spans = shifts(&rota, local(&rota, "2026-01-05 09:00"), local(&rota, "2027-01-04 09:00"));
        assert_eq!(spans.len(), 52, "{zone}");
        for (week, span) in spans.iter().enumerate() {
            let start = rota.zone.to_datetime(span.from);
            assert_eq!((start.weekday(), start.hour(), start.minute()), (Weekday::Monday, 9, 0), "{zone} {start}");
            assert_eq!(span.people, [PEOPLE[week % 3]], "{zone} {start}");
        }
        let mut odd: Vec<_> = spans.iter().map(hours).filter(|hours| *hours != 168).collect();
        odd.sort_unstable();
        assert_eq!(odd, if changing.contains(&zone) { vec![167, 169] } else { vec![] }, "{zone}");
    }
}

#[test]
fn a_daily_handover_has_a_day_of_23_and_one_of_25_hours() {
    let rota = rota("Europe/Berlin", &layer(THREE, "2026-01-05T09:00", "daily", ""));
    let lengths =
        |from: &str, to: &str| -> Vec<i64> { shifts(&rota, local(&rota, from), local(&rota, to)).iter().map(hours).collect() };
    assert_eq!(lengths("2026-03-27 09:00", "2026-03-31 09:00"), [24, 23, 24, 24]);
    assert_eq!(lengths("2026-10-23 09:00", "2026-10-27 09:00"), [24, 25, 24, 24]);
}

#[test]
fn a_night_is_shorter_or_longer_by_the_hour_that_the_clocks_change() {
    let nights = [
        ("Europe/Berlin", "2026-03-28T21:00:00Z", "2026-03-29T04:00:00Z"),
        ("Europe/Berlin", "2026-10-24T20:00:00Z", "2026-10-25T05:00:00Z"),
        ("America/New_York", "2026-03-08T03:00:00Z", "2026-03-08T10:00:00Z"),
        ("America/New_York", "2026-11-01T02:00:00Z", "2026-11-01T11:00:00Z"),
        ("Australia/Sydney", "2026-04-04T11:00:00Z", "2026-04-04T20:00:00Z"),
        ("Australia/Sydney", "2026-10-03T12:00:00Z", "2026-10-03T19:00:00Z"),
        // A quarter of an hour off, and no change.
        ("Asia/Kathmandu", "2026-03-28T16:15:00Z", "2026-03-29T00:15:00Z"),
    ];
    for (zone, from, to) in nights {
        let rota = rota(zone, &layer("\"amara\"", "2026-01-05T09:00", "weekly", "hours = \"22:00-06:00\""));
        let spans = shifts(&rota, utc(from) - SignedDuration::from_hours(8), utc(to) + SignedDuration::from_hours(8));
        let shown: Vec<_> = spans.iter().map(|span| (span.from, span.people.len())).collect();
        let before = utc(from) - SignedDuration::from_hours(8);
        assert_eq!(shown, [(before, 0), (utc(from), 1), (utc(to), 0)], "{zone}");
    }
}

#[test]
fn a_handover_at_an_hour_that_is_skipped_is_after_the_gap_and_one_that_comes_twice_is_the_first() {
    let rota = rota("Europe/Berlin", &layer(THREE, "2026-01-05T02:30", "daily", ""));
    let handover = |after: &str| shifts(&rota, utc(after), utc(after) + SignedDuration::from_hours(12))[1].from;
    assert_eq!(handover("2026-03-28T20:00:00Z"), utc("2026-03-29T01:30:00Z"));
    assert_eq!(handover("2026-10-24T20:00:00Z"), utc("2026-10-25T00:30:00Z"));
}

#[test]
fn a_day_that_a_country_skipped_is_nobodys_turn_and_no_gap() {
    // Samoa went from 29 to 31 December 2011: the turn of the 30th never came.
    let rota = rota("Pacific/Apia", &layer(THREE, "2011-12-28T09:00", "daily", ""));
    let spans = shifts(&rota, utc("2011-12-28T19:00:00Z"), utc("2012-01-01T19:00:00Z"));
    let shown: Vec<_> = spans.iter().map(|span| (hours(span), span.people[0])).collect();
    assert_eq!(shown, [(24, "amara"), (24, "ben"), (24, "amara"), (24, "ben")]);
}

#[test]
fn a_later_layer_covers_an_earlier_one_only_where_it_has_somebody() {
    let words = layer("\"amara\"", "2026-01-05T09:00", "weekly", "")
        + &layer("\"ben\"", "2026-01-05T09:00", "weekly", "weekdays = [\"sat\", \"sun\"]")
        + &layer("\"cleo\"", "2026-01-05T09:00", "weekly", "weekdays = [\"sun\"]\nhours = \"12:00-14:00\"");
    let rota = rota("Europe/Berlin", &words);
    assert_eq!(who(&rota, "2026-06-05 23:59"), ["amara"]);
    assert_eq!(who(&rota, "2026-06-06 00:00"), ["ben"]);
    assert_eq!(who(&rota, "2026-06-07 12:00"), ["cleo"]);
    assert_eq!(who(&rota, "2026-06-07 14:00"), ["ben"]);
    assert_eq!(who(&rota, "2026-06-08 00:00"), ["amara"]);
}

#[test]
fn an_override_stands_in_for_every_layer_and_two_that_overlap_are_both_called() {
    let over = |person: &str, from: &str, to: &str| {
        format!("[[rota.override]]\nperson = \"{person}\"\nfrom = \"{from}\"\nto = \"{to}\"\n")
    };
    let words = layer("\"amara\"", "2026-01-05T09:00", "weekly", "")
        + &over("ben", "2026-12-24T09:00", "2026-12-27T09:00")
        + &over("cleo", "2026-12-26T09:00", "2026-12-28T09:00");
    let rota = rota("Europe/Berlin", &words);
    let spans = shifts(&rota, local(&rota, "2026-12-23 00:00"), local(&rota, "2026-12-30 00:00"));
    let shown: Vec<_> = spans.iter().map(|span| (rota.zone.to_datetime(span.from).day(), span.people.join("+"))).collect();
    let wanted = [(23, "amara"), (24, "ben"), (26, "ben+cleo"), (27, "cleo"), (28, "amara")];
    assert_eq!(shown, wanted.map(|(day, who)| (day, who.to_owned())));
}

#[test]
fn a_night_that_passes_midnight_belongs_to_the_day_it_begins_on() {
    let rota =
        rota("Europe/Berlin", &layer("\"amara\"", "2026-01-05T09:00", "weekly", "weekdays = [\"fri\"]\nhours = \"22:00-06:00\""));
    assert_eq!(who(&rota, "2026-06-05 03:00"), Vec::<&str>::new(), "the night before");
    assert_eq!(who(&rota, "2026-06-05 22:00"), ["amara"]);
    assert_eq!(who(&rota, "2026-06-06 05:59"), ["amara"]);
    assert_eq!(who(&rota, "2026-06-06 06:00"), Vec::<&str>::new());
    assert_eq!(gaps(&rota, local(&rota, "2026-06-05 22:00"), local(&rota, "2026-06-06 06:00")), []);
}

#[test]
fn a_handover_in_the_middle_of_a_night_hands_over_in_the_middle_of_it() {
    let rota = rota("Europe/Berlin", &layer(THREE, "2026-01-05T00:00", "daily", "hours = \"22:00-06:00\""));
    // 5 January is amara's, 6 January ben's.
    assert_eq!(who(&rota, "2026-01-05 23:59"), ["amara"]);
    assert_eq!(who(&rota, "2026-01-06 00:00"), ["ben"]);
}

#[test]
fn hours_that_end_where_they_begin_are_a_whole_day() {
    let rota =
        rota("Europe/Berlin", &layer("\"amara\"", "2026-01-05T09:00", "weekly", "weekdays = [\"sat\"]\nhours = \"09:00-09:00\""));
    let covered = gaps(&rota, local(&rota, "2026-06-06 09:00"), local(&rota, "2026-06-07 09:00"));
    assert_eq!(covered, []);
    assert_eq!(who(&rota, "2026-06-07 09:00"), Vec::<&str>::new());
}

#[test]
fn turns_of_n_days_are_counted_from_the_first_however_long_ago() {
    let rota = rota("America/New_York", &layer(THREE, "1970-01-01T09:00", "10 days", ""));
    assert_eq!(who(&rota, "1970-01-10 12:00"), ["amara"]);
    assert_eq!(who(&rota, "1970-01-11 09:00"), ["ben"]);
    // 20,600 days later: 2,060 turns, 686 rounds and two.
    assert_eq!(who(&rota, "2026-05-27 09:00"), ["cleo"]);
    assert_eq!(who(&rota, "2026-05-27 08:59"), ["ben"]);
    assert_eq!(who(&rota, "9990-01-01 00:00").len(), 1);
    assert_eq!(on_call(&rota, Timestamp::MAX), Vec::<&str>::new(), "the end of time is no panic");
    assert_eq!(on_call(&rota, Timestamp::MIN), Vec::<&str>::new());
}

#[test]
fn before_its_start_a_layer_has_nobody() {
    let rota = rota("Europe/Berlin", &layer(THREE, "2026-01-05T09:00", "weekly", ""));
    assert_eq!(who(&rota, "2026-01-05 08:59"), Vec::<&str>::new());
    assert_eq!(who(&rota, "2026-01-05 09:00"), ["amara"]);
    let gaps = gaps(&rota, local(&rota, "2026-01-01 00:00"), local(&rota, "2026-02-01 00:00"));
    assert_eq!(gaps.len(), 1);
    assert_eq!(gaps[0].to, local(&rota, "2026-01-05 09:00"));
}

/// A second opinion: every turn since the start, one by one, and every window around the moment.
fn slowly<'r>(rota: &'r Rota, at: Timestamp) -> Vec<&'r str> {
    let moment = |date: jiff::civil::Date, time| rota.zone.to_timestamp(date.to_datetime(time)).unwrap();
    let mut stand_ins: Vec<&str> =
        rota.overrides.iter().filter(|o| o.from <= at && at < o.to).map(|o| o.person.as_str()).collect();
    stand_ins.sort_unstable();
    stand_ins.dedup();
    if !stand_ins.is_empty() {
        return stand_ins;
    }
    let in_window = |layer: &Layer| {
        let today = rota.zone.to_datetime(at).date();
        let days: Vec<_> = (-3..=3).map(|n| later(today, n)).collect();
        let (from, to) = layer.hours.unwrap_or_default();
        days.into_iter().any(|day| {
            let end = if to <= from { later(day, 1) } else { day };
            let named = layer.weekdays.is_empty() || layer.weekdays.contains(&day.weekday());
            named && moment(day, from) <= at && at < moment(end, to)
        })
    };
    for layer in rota.layers.iter().rev() {
        let unlimited = layer.weekdays.is_empty() && layer.hours.is_none();
        let (mut day, mut turn) = (layer.start.date(), 0);
        while moment(day, layer.start.time()) <= at {
            let next = later(day, layer.turn);
            if at < moment(next, layer.start.time()) && (unlimited || in_window(layer)) {
                return vec![&layer.people[turn % layer.people.len()]];
            }
            (day, turn) = (next, turn + 1);
        }
    }
    Vec::new()
}

prop_compose! {
    fn a_layer()(
        people in prop::collection::vec(0..4usize, 1..5),
        (day, hour, half) in (-60i64..60, 0i8..24, any::<bool>()),
        turn in prop_oneof![Just(1i64), Just(7), 2i64..20],
        weekdays in prop::collection::vec(0i8..7, 0..4),
        hours in prop::option::of((0i8..24, 0i8..24)),
    ) -> Layer {
        let time = |hour| jiff::civil::time(hour, 0, 0, 0);
        let start = later(jiff::civil::date(2026, 3, 25), day).at(hour, if half { 30 } else { 0 }, 0, 0);
        Layer {
            people: people.into_iter().map(|n| PEOPLE[n].to_owned()).collect(),
            start,
            turn,
            weekdays: weekdays.into_iter().map(|n| Weekday::from_monday_zero_offset(n).unwrap()).collect(),
            hours: hours.map(|(from, to)| (time(from), time(to))),
        }
    }
}

prop_compose! {
    fn a_rota()(
        zone in prop::sample::select(vec!["Europe/Berlin", "America/New_York", "Australia/Sydney", "Australia/Lord_Howe", "Asia/Kathmandu"]),
        layers in prop::collection::vec(a_layer(), 1..4),
        overrides in prop::collection::vec((0usize..4, 0i64..2_000, 1i64..100), 0..3),
    ) -> Rota {
        let base = utc("2026-02-15T00:00:00Z");
        let after = |hours| base + SignedDuration::from_hours(hours);
        let overrides = overrides.into_iter().map(|(who, at, long)| {
            Override { person: PEOPLE[who].to_owned(), from: after(at), to: after(at + long) }
        });
        Rota {
            name: "r".to_owned(),
            zone: TimeZone::get(zone).unwrap(),
            layers,
            overrides: overrides.collect(),
            ical: None,
            calendar: Vec::new(),
            gaps: true,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn shifts_are_complete_in_order_and_without_overlap(rota in a_rota(), start in 0i64..3_000, long in 1i64..2_000) {
        let from = utc("2026-02-15T00:00:00Z") + SignedDuration::from_mins(start * 30);
        let to = from + SignedDuration::from_mins(long * 30);
        let spans = shifts(&rota, from, to);
        prop_assert_eq!(spans.first().map(|s| s.from), Some(from));
        prop_assert_eq!(spans.last().map(|s| s.to), Some(to));
        for span in &spans {
            prop_assert!(span.from < span.to);
            prop_assert!(span.people.windows(2).all(|pair| pair[0] < pair[1]));
        }
        for pair in spans.windows(2) {
            prop_assert_eq!(pair[0].to, pair[1].from);
            prop_assert_ne!(&pair[0].people, &pair[1].people);
        }
    }

    #[test]
    fn who_is_on_call_agrees_with_the_shifts_and_with_a_slow_second_opinion(
        rota in a_rota(), minutes in prop::collection::vec(0i64..100_000, 1..20),
    ) {
        let from = utc("2026-02-15T00:00:00Z");
        let spans = shifts(&rota, from, from + SignedDuration::from_mins(100_000));
        for minute in minutes {
            let at = from + SignedDuration::from_mins(minute);
            let span = spans.iter().find(|span| span.from <= at && at < span.to).unwrap();
            let now = on_call(&rota, at);
            prop_assert_eq!(&span.people, &now, "{}", at);
            prop_assert_eq!(slowly(&rota, at), now, "{}", at);
        }
    }
}
