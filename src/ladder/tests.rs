//! What the ladder promises.

use super::*;
use crate::config::Who;
use proptest::prelude::*;

fn step(name: &str, wait: u64, again: Option<u64>) -> Step {
    let seconds = Duration::from_secs;
    Step { to: vec![Who::Name(name.into())], wait: seconds(wait), again: again.map(seconds) }
}

fn ladder(steps: Vec<Step>) -> Ladder {
    let hour = Duration::from_secs(3_600);
    Ladder { name: "l".into(), steps, follow_up: hour, snooze: hour, instead: Vec::new() }
}

/// Everybody reaches themselves, but for those who are `away`.
fn but(away: &'static [&'static str]) -> impl Fn(&Step) -> Vec<Target> {
    move |step| {
        let name = |who: &Who| match who {
            Who::Name(name) | Who::Address(name) => name.clone(),
        };
        let here = step.to.iter().map(name).filter(|name| !away.contains(&name.as_str()));
        here.map(|name| Target { channel: String::new(), to: name, person: None }).collect()
    }
}

/// Who is called, and how long they have, for the first `count` calls.
fn calls(ladder: &Ladder, away: &'static [&'static str], count: usize) -> Vec<(String, u64)> {
    let mut position = 0;
    (0..count)
        .map(|_| {
            let call = next(ladder, position, &but(away)).expect("somebody");
            position = call.position;
            (call.targets[0].to.clone(), call.wait.as_secs())
        })
        .collect()
}

fn said(expected: &[(&str, u64)]) -> Vec<(String, u64)> {
    expected.iter().map(|(who, wait)| ((*who).to_owned(), *wait)).collect()
}

#[test]
fn after_the_last_step_the_ladder_repeats_it_for_ever() {
    let ladder = ladder(vec![step("first", 60, None), step("last", 90, None)]);
    assert_eq!(calls(&ladder, &[], 4), said(&[("first", 60), ("last", 90), ("last", 90), ("last", 90)]));
    let late = next(&ladder, 3_000_000, &but(&[])).unwrap();
    assert_eq!((late.targets[0].to.as_str(), late.position), ("last", 3_000_001));
    assert!(late.why.contains("nobody has acknowledged"), "{}", late.why);
}

#[test]
fn a_step_that_reaches_nobody_is_passed_over_at_once() {
    let ladder = ladder(vec![step("a", 60, None), step("b", 70, None), step("c", 80, None)]);
    assert_eq!(calls(&ladder, &["a"], 3), said(&[("b", 70), ("c", 80), ("c", 80)]));
    assert_eq!(calls(&ladder, &["a", "b"], 2), said(&[("c", 80), ("c", 80)]));
    assert!(next(&ladder, 0, &but(&["a"])).unwrap().why.contains("step 1 reaches nobody"));
}

#[test]
fn where_the_last_step_is_empty_the_nearest_below_is_repeated() {
    let ladder = ladder(vec![step("a", 60, None), step("b", 70, None), step("c", 80, None)]);
    assert_eq!(calls(&ladder, &["c"], 4), said(&[("a", 60), ("b", 70), ("b", 70), ("b", 70)]));
}

#[test]
fn a_ladder_that_reaches_nobody_says_so() {
    let ladder = ladder(vec![step("a", 60, None), step("b", 70, None)]);
    assert_eq!(next(&ladder, 0, &but(&["a", "b"])), None);
    assert_eq!(next(&self::ladder(Vec::new()), 0, &but(&[])), None);
}

#[test]
fn people_of_a_step_are_called_again_within_its_time() {
    let ladder = ladder(vec![step("a", 100, Some(30)), step("b", 60, Some(40))]);
    let expected = [("a", 30), ("a", 30), ("a", 30), ("a", 10), ("b", 40), ("b", 20), ("b", 40), ("b", 20), ("b", 40)];
    assert_eq!(calls(&ladder, &[], 9), said(&expected));
}

#[test]
fn news_goes_to_those_who_were_called_last_and_the_ladder_does_not_climb() {
    let ladder = ladder(vec![step("a", 60, None), step("b", 60, None)]);
    let call = same_again(&ladder, 1, &but(&[])).unwrap();
    assert_eq!((call.targets[0].to.as_str(), call.position), ("a", 1));
    assert_eq!(same_again(&ladder, 9, &but(&[])).unwrap().targets[0].to, "b");
    assert_eq!(same_again(&ladder, 0, &but(&[])).unwrap().targets[0].to, "a");
}

#[test]
fn nobody_is_called_twice_in_one_call() {
    let twice = Step { to: vec![Who::Name("a".into()), Who::Name("A".into())], wait: Duration::from_secs(9), again: None };
    assert_eq!(next(&ladder(vec![twice]), 0, &but(&[])).unwrap().targets.len(), 1);
}

proptest! {
    #[test]
    fn whoever_is_away_when_somebody_can_be_reached_somebody_is_called(
        steps in prop::collection::vec((10u64..300, prop::option::of(5u64..290), any::<bool>()), 1..6),
        position in 0u32..100,
    ) {
        let make = |(n, (wait, again, here)): (usize, &(u64, Option<u64>, bool))| {
            step(if *here { "here" } else { "away" }, *wait, again.filter(|again| again < wait && n % 2 == 0))
        };
        let ladder = ladder(steps.iter().enumerate().map(make).collect());
        let call = next(&ladder, position, &but(&["away"]));
        prop_assert_eq!(call.is_some(), steps.iter().any(|(_, _, here)| *here));
        if let Some(call) = call {
            prop_assert!(call.position > position && call.wait >= Duration::from_secs(1));
            prop_assert!(!call.targets.is_empty());
        }
    }
}
