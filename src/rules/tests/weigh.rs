//! Signs that are weighed: they add up for and against a queue, take away no more than its threshold, and the trace shows each.

use super::*;

const SIGNS: &str = r#"
[terms.farewell]
en = ["goodbye"]
de = ["lebt wohl"]
[[rule]]
id = "signs"
why = "What else it speaks of."
queue = "threat-of-harm"
weigh = [
  { any = ["@farewell"], points = 60 },
  { any = ["pills", "rope"], points = 45 },
  { any = ["film"], points = -30 },
  { any = ["server"], points = -400 },
]
[[rule]]
id = "told"
why = "Told."
queue = "threat-of-harm"
points = 100
any = ["alpha"]
[[rule]]
id = "sure"
why = "Sure."
queue = "threat-of-harm"
points = 100
any = ["bravo"]
"#;

fn verdict(body: &str) -> Verdict {
    compiled(&[SIGNS]).judge(&report("", body), &ca())
}

/// What the rule of signs came to.
fn points(body: &str) -> Option<i64> {
    verdict(body).trace.fired.iter().find(|fired| fired.id == "signs").map(|fired| fired.points)
}

#[test]
fn signs_add_up_for_and_against() {
    assert_eq!(points("Goodbye. Lebt wohl! Goodbye."), Some(60), "a sign counts once, in whatever language");
    assert_eq!(points("goodbye, the rope, the pills"), Some(105));
    assert_eq!(points("goodbye, says the film"), Some(30));
    assert_eq!(points("good morning"), None, "without a sign the rule is silent");
    assert_eq!(verdict("goodbye, pills").queue, "threat-of-harm");
    assert_eq!(verdict("goodbye, pills, a film").queue, "general");
}

#[test]
fn signs_take_away_no_more_than_the_threshold() {
    assert_eq!(points("the server, the film"), Some(-100));
    assert_eq!(verdict("alpha on the server").queue, "general", "one hundred less one hundred");
    assert_eq!(verdict("alpha and bravo on the server in the film").queue, "threat-of-harm", "twice the threshold passes");
}

#[test]
fn the_trace_shows_each_sign_with_its_points_the_weightiest_first() {
    let verdict = verdict("a film, a rope, goodbye");
    let fired = verdict.trace.fired.iter().find(|fired| fired.id == "signs").unwrap();
    let shown: Vec<(&str, &str)> = fired.hits.iter().map(|hit| (hit.text.as_str(), &*hit.term)).collect();
    let rope = ("rope", "+45 pills | rope");
    assert_eq!(shown, [("goodbye", "+60 @farewell"), rope, ("film", "-30 film")]);
}

#[test]
fn the_other_conditions_of_a_rule_that_weighs_must_hold_too() {
    let only = SIGNS.replace("weigh = [", "any = [\"wiki\"]\nweigh = [");
    let fires = |body: &str| compiled(&[&only]).judge(&report("", body), &ca()).trace.fired.len();
    assert_eq!((fires("goodbye"), fires("goodbye wiki"), fires("wiki")), (0, 1, 0));
}

#[test]
fn the_order_of_signs_changes_nothing_their_points_do() {
    let line = "  { any = [\"film\"], points = -30 },\n";
    let moved = SIGNS.replace(line, "").replace("weigh = [\n", &format!("weigh = [\n{line}"));
    let heavier = SIGNS.replace("points = -30", "points = -31");
    let hash = |rules: &str| compiled(&[rules]).hash().to_owned();
    assert_eq!(hash(SIGNS), hash(&moved));
    assert_ne!(hash(SIGNS), hash(&heavier));
}

#[test]
fn the_words_of_a_language_count_in_mails_of_that_language_and_english_everywhere() {
    const TONGUES: &str = r#"
[terms.child]
sv = ["barn"]
nl = ["kind"]
[terms.afraid]
en = ["afraid"]
nl = ["bang"]
sv = ["orolig"]
[terms.everywhere]
any = ["wiki"]
[[rule]]
id = "signs"
why = "Signs."
queue = "child-protection"
weigh = [
  { any = ["@child"], points = 7 },
  { any = ["@afraid"], points = 20 },
  { any = ["@everywhere"], points = 300 },
]
"#;
    let points = |body: &str| {
        let verdict = compiled(&[TONGUES]).judge(&report("", body), &ca());
        verdict.trace.fired.first().map(|fired| fired.points)
    };
    assert_eq!(points("barn, orolig"), Some(27));
    assert_eq!(points("mijn kind is bang in de barn"), Some(27), "two Dutch words against one that looks Swedish");
    assert_eq!(points("mijn kind is bang, orolig, afraid, wiki"), Some(327), "a sign counts once");
    assert_eq!(points("barn, orolig, afraid, bang"), Some(27));
    assert_eq!(points("een kind is afraid"), Some(27), "English counts in mails of every language");
    assert_eq!(points("wiki"), Some(300), "words of every language need no language");
}

#[test]
fn people_read_the_danger_that_a_rule_names_before_the_signs() {
    let verdict = verdict("goodbye, pills, alpha, a film");
    let reasons: Vec<(&str, i64)> = verdict.reasons().into_iter().map(|fired| (fired.id.as_str(), fired.points)).collect();
    assert_eq!(reasons, [("told", 100), ("signs", 75)]);
}
