//! Calendars as other programs write them, and as nobody should.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::config::Rota;
use crate::golden::{differs, repository};
use crate::oncall::{gaps, on_call, shifts};

fn people() -> Vec<Person> {
    let person = |name: &str| Person { name: name.into(), addresses: vec![format!("{name}@example.org")], webhooks: vec![] };
    ["amara", "ben", "cleo", "jane-doe"].map(person).into()
}

fn utc(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A rota of that calendar, and what was said about it.
fn rota_of(source: &Source) -> (Rota, String) {
    let problems = Problems::default();
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    let calendar = read(source, &zone, &people(), utc("2026-10-01T00:00:00Z"), &problems);
    let said = problems.warnings().join("\n\n");
    let faults = problems.into_result(|| ()).map_or_else(|faults| faults.to_string(), |()| String::new());
    let rota = Rota { name: "r".into(), zone, layers: vec![], overrides: vec![], ical: None, calendar, gaps: false };
    (rota, format!("{said}{faults}"))
}

/// A calendar of one event with these lines.
fn event(lines: &str) -> Rota {
    let text =
        format!("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\n{}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n", lines.replace('\n', "\r\n"));
    let (rota, said) = rota_of(&Source::new("t.ics", text));
    assert_eq!(said, "", "{lines}");
    rota
}

/// Local beginnings and ends of all shifts between two days.
fn listed(rota: &Rota, from: &str, to: &str) -> Vec<String> {
    let local = |at: Timestamp| rota.zone.to_datetime(at).strftime("%m-%d %H:%M").to_string();
    let spans = shifts(rota, utc(&format!("{from}T00:00:00Z")), utc(&format!("{to}T00:00:00Z")));
    let held = spans.iter().filter(|span| !span.people.is_empty());
    held.map(|span| format!("{} to {} {}", local(span.from), local(span.to), span.people.join("+"))).collect()
}

fn exported(name: &str) {
    let path = repository(&format!("fixtures/calendars/{name}.ics"));
    let text = std::fs::read_to_string(&path).unwrap();
    let (rota, said) = rota_of(&Source::new(format!("fixtures/calendars/{name}.ics"), text));
    let shown = listed(&rota, "2026-10-12", "2027-01-20").join("\n");
    assert_eq!(differs(&path.with_extension("golden"), &format!("{shown}\n\n{said}\n")), None);
}

#[test]
fn a_calendar_of_pagerduty_is_read() {
    exported("pagerduty");
}

#[test]
fn a_calendar_of_opsgenie_is_read() {
    exported("opsgenie");
}

#[test]
fn a_calendar_of_goalert_is_read() {
    exported("goalert");
}

#[test]
fn a_calendar_of_google_is_read() {
    exported("google");
}

#[test]
fn utc_zoned_floating_and_whole_day_times() {
    let rota = event("DTSTART:20261019T070000Z\nDTEND:20261020T070000Z\nSUMMARY:amara");
    assert_eq!(listed(&rota, "2026-10-01", "2026-12-01"), ["10-19 09:00 to 10-20 09:00 amara"]);
    let rota = event("DTSTART;TZID=America/New_York:20261019T090000\nDTEND;TZID=America/New_York:20261020T090000\nSUMMARY:amara");
    assert_eq!(listed(&rota, "2026-10-01", "2026-12-01"), ["10-19 15:00 to 10-20 15:00 amara"]);
    let rota = event("DTSTART:20261019T090000\nDTEND:20261020T090000\nSUMMARY:amara");
    assert_eq!(listed(&rota, "2026-10-01", "2026-12-01"), ["10-19 09:00 to 10-20 09:00 amara"]);
    // The end of a whole day is not part of it; without one it is a single day.
    let rota = event("DTSTART;VALUE=DATE:20261024\nDTEND;VALUE=DATE:20261026\nSUMMARY:amara");
    assert_eq!(listed(&rota, "2026-10-01", "2026-12-01"), ["10-24 00:00 to 10-26 00:00 amara"]);
    let rota = event("DTSTART;VALUE=DATE:20261025\nSUMMARY:amara");
    assert_eq!(listed(&rota, "2026-10-01", "2026-12-01"), ["10-25 00:00 to 10-26 00:00 amara"]);
    let rota = event("DTSTART;TZID=/example.org/2026a/Europe/London:20261019T090000\nDURATION:P1DT12H\nSUMMARY:amara");
    assert_eq!(listed(&rota, "2026-10-01", "2026-12-01"), ["10-19 10:00 to 10-20 22:00 amara"]);
}

#[test]
fn a_shift_that_repeats_begins_and_ends_at_its_local_hours_when_the_clocks_change() {
    let rota = event(
        "DTSTART;TZID=Europe/Berlin:20261017T200000\nDTEND;TZID=Europe/Berlin:20261018T080000\nRRULE:FREQ=WEEKLY;COUNT=3\nSUMMARY:amara",
    );
    let wanted = ["10-17 20:00 to 10-18 08:00 amara", "10-24 20:00 to 10-25 08:00 amara", "10-31 20:00 to 11-01 08:00 amara"];
    assert_eq!(listed(&rota, "2026-10-01", "2026-12-31"), wanted);
    let night = on_call(&rota, utc("2026-10-25T06:59:59Z"));
    assert_eq!((night, on_call(&rota, utc("2026-10-25T07:00:00Z"))), (vec!["amara"], vec![]));
}

#[test]
fn rules_of_days_and_weeks_with_interval_count_until_and_weekdays() {
    let days = |rule: &str| -> Vec<String> {
        // A Wednesday.
        let rota = event(&format!("DTSTART:20260107T080000Z\nDTEND:20260107T090000Z\nRRULE:{rule}\nSUMMARY:amara"));
        listed(&rota, "2026-01-01", "2026-02-05").into_iter().map(|line| line[..5].to_owned()).collect()
    };
    assert_eq!(days("FREQ=DAILY;COUNT=3"), ["01-07", "01-08", "01-09"]);
    assert_eq!(days("FREQ=DAILY;INTERVAL=10"), ["01-07", "01-17", "01-27"]);
    assert_eq!(days("FREQ=WEEKLY;UNTIL=20260121T080000Z"), ["01-07", "01-14", "01-21"]);
    assert_eq!(days("FREQ=WEEKLY;UNTIL=20260121"), ["01-07", "01-14", "01-21"]);
    assert_eq!(days("FREQ=WEEKLY;UNTIL=20260121T075959Z"), ["01-07", "01-14"]);
    assert_eq!(days("FREQ=WEEKLY;COUNT=4;BYDAY=MO,WE"), ["01-07", "01-12", "01-14", "01-19"]);
    assert_eq!(days("FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU"), ["01-11", "01-20", "01-25", "02-03"]);
    // The same with weeks that begin on Sunday (RFC 5545 section 3.3.10, WKST).
    assert_eq!(days("FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU"), ["01-18", "01-20", "02-01", "02-03"]);
    assert_eq!(days("FREQ=DAILY;BYDAY=SA,SU;COUNT=3"), ["01-10", "01-11", "01-17"]);
    assert_eq!(days("FREQ=DAILY;INTERVAL=2;BYDAY=MO,FR;COUNT=4"), ["01-09", "01-19", "01-23", "02-02"]);
}

#[test]
fn an_exception_falls_out_and_a_moved_shift_is_where_it_was_moved_to() {
    let text = "BEGIN:VCALENDAR
BEGIN:VEVENT
UID:a
RECURRENCE-ID:20260108T080000Z
DTSTART:20260108T120000Z
DTEND:20260108T130000Z
SUMMARY:ben
END:VEVENT
BEGIN:VEVENT
UID:a
DTSTART:20260107T080000Z
DTEND:20260107T090000Z
RRULE:FREQ=DAILY;COUNT=6
EXDATE:20260109T080000Z,20260110T080000Z
EXDATE;VALUE=DATE:20260111
SUMMARY:amara
END:VEVENT
BEGIN:VEVENT
UID:a
RECURRENCE-ID:20260112T080000Z
DTSTART:20260112T080000Z
STATUS:CANCELLED
SUMMARY:amara
END:VEVENT
END:VCALENDAR";
    let (rota, said) = rota_of(&Source::new("t.ics", text));
    assert_eq!(said, "");
    assert_eq!(listed(&rota, "2026-01-01", "2026-02-01"), ["01-07 09:00 to 01-07 10:00 amara", "01-08 13:00 to 01-08 14:00 ben"]);
}

#[test]
fn an_endless_rule_costs_no_more_in_a_thousand_years() {
    let rota = event("DTSTART:00010101T000000Z\nDURATION:P1D\nRRULE:FREQ=DAILY\nSUMMARY:amara");
    let far = utc("9000-01-01T00:00:00Z");
    assert_eq!(on_call(&rota, far), ["amara"]);
    assert_eq!(gaps(&rota, far, far + SignedDuration::from_hours(24 * 400)), []);
}

#[test]
fn an_event_is_whose_address_it_invites_else_whose_name_or_address_its_summary_has() {
    let meant = |lines: &str| -> String {
        on_call(&event(&format!("DTSTART:20261019T070000Z\nDTEND:20261020T070000Z\n{lines}")), utc("2026-10-19T12:00:00Z"))
            .join("+")
    };
    assert_eq!(meant("ATTENDEE:MAILTO:Amara@Example.org\nSUMMARY:ben"), "amara");
    assert_eq!(meant("ATTENDEE:ben@example.org"), "ben");
    assert_eq!(meant("ATTENDEE;CN=\"x:y;z\":mailto:ben@example.org\nATTENDEE:mailto:amara@example.org"), "amara+ben");
    assert_eq!(meant("ATTENDEE;PARTSTAT=DECLINED:mailto:ben@example.org\nATTENDEE:mailto:amara@example.org"), "amara");
    assert_eq!(meant("ATTENDEE:mailto:stranger@example.net\nSUMMARY:On Call - BEN"), "ben");
    assert_eq!(meant("SUMMARY:ben@example.org on call"), "ben");
    assert_eq!(meant("SUMMARY:first line\\, Jane Doe\\; second\\nben"), "ben+jane-doe");
}

#[test]
fn an_event_of_nobody_we_know_is_a_warning_with_its_line_and_one_that_is_over_is_not() {
    let said = |day: &str, rest: &str| {
        let text =
            format!("BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:{day}T070000Z\nDURATION:PT1H\n{rest}\nEND:VEVENT\nEND:VCALENDAR\n");
        rota_of(&Source::new("t.ics", text)).1
    };
    let lunch = said("20261019", "SUMMARY:Benjamin and Amaranth");
    assert!(lunch.contains("warning: this event is nobody's shift") && lunch.contains("t.ics:5:1"), "{lunch}");
    assert!(!lunch.contains("error"), "{lunch}");
    assert_eq!(said("20250101", "SUMMARY:Somebody who has left"), "");
    let declined = said("20261019", "ATTENDEE;PARTSTAT=DECLINED:mailto:ben@example.org\nSUMMARY:ben");
    assert!(declined.contains("has declined"), "{declined}");
    // Nobody's, so what repeats it need not be understood.
    assert!(!said("20261019", "RRULE:FREQ=YEARLY\nSUMMARY:Party").contains("error"));
}

#[test]
fn a_calendar_wrong_in_many_places_is_not_quoted_as_often() {
    let events = "BEGIN:VEVENT\nDTSTART:2026\nSUMMARY:amara\nEND:VEVENT\n".repeat(9_000);
    let (_, said) = rota_of(&Source::new("t.ics", format!("BEGIN:VCALENDAR\n{events}END:VCALENDAR\n")));
    assert!(said.contains("and 8995 more") && said.len() < 4_000, "{said:.2000}");
    let events = "BEGIN:VEVENT\nEND:VEVENT\n".repeat(10_001);
    let (rota, said) = rota_of(&Source::new("t.ics", format!("BEGIN:VCALENDAR\n{events}END:VCALENDAR\n")));
    assert!(said.contains("more than 10000 events") && rota.calendar.is_empty(), "{said:.2000}");
    let (_, said) = rota_of(&Source::new("t.ics", " ".repeat(LARGEST + 1)));
    assert!(said.contains("larger than 4 MiB"), "{said:.2000}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_text_is_a_panic(text in "\\PC{0,200}") {
        rota_of(&Source::new("t.ics", text));
    }

    #[test]
    fn no_damage_to_a_calendar_is_a_panic(at in 0usize..3_000, cut in 0usize..60, put in "[\\PC\r\n:;=,\"TZ0-9]{0,30}") {
        let text = include_str!("../../../fixtures/calendars/google.ics");
        let clean = |mut i: usize| { i = i.min(text.len()); while !text.is_char_boundary(i) { i -= 1; } i };
        let (rota, _) = rota_of(&Source::new("t.ics", format!("{}{put}{}", &text[..clean(at)], &text[clean(at + cut)..])));
        for at in [Timestamp::MIN, utc("2026-10-19T12:00:00Z"), Timestamp::MAX] {
            on_call(&rota, at);
        }
        shifts(&rota, utc("2026-10-19T12:00:00Z"), utc("2027-10-19T12:00:00Z"));
    }

    #[test]
    fn no_rule_is_a_panic(
        year in 0i16..=9999, month in 1i8..=12, day in 1i8..=31, rule in "FREQ=(DAILY|WEEKLY)(;INTERVAL=[0-9]{1,5})?(;COUNT=[0-9]{1,6})?(;BYDAY=(MO|TU|SU)(,FR)?)?(;WKST=SU)?",
        length in "P[0-9]{1,6}(D|W)|PT[0-9]{1,6}(H|M)",
    ) {
        let text = format!("BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:{year:04}{month:02}{day:02}T120000Z\nDURATION:{length}\nRRULE:{rule}\nSUMMARY:ben\nEND:VEVENT\nEND:VCALENDAR");
        let (rota, _) = rota_of(&Source::new("t.ics", text));
        for at in [Timestamp::MIN, utc("2026-10-19T12:00:00Z"), Timestamp::MAX] {
            on_call(&rota, at);
        }
    }
}
