//! What the shipped rules must find: on 832 labelled mails of 43 languages in every charset, encoding and shape
//! (`fixtures/cases`), on labelled sentences (`fixtures/sentences`), on the exams that points were fitted to (`fixtures/exams`) and
//! on mails that nothing was ever fitted to (`fixtures/blind`), all judged by the tool an operator uses.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rules(arguments: &[&str], data: &str, ending: Option<&str>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_triaged"));
    command.args(["--json", "rules"]).args(arguments).env_remove("TRIAGED_CONFIG");
    let mut paths: Vec<_> =
        std::fs::read_dir(root().join(data)).expect("it is there").map(|entry| entry.expect("readable").path()).collect();
    paths.retain(|path| ending.is_none_or(|ending| path.extension().is_some_and(|e| e == ending)));
    paths.sort();
    assert!(!paths.is_empty(), "{data} is empty");
    command.args(["--rules"]).arg(root().join("rules")).args(paths).output().expect("the program runs")
}

/// The one object that `rules eval --json` prints.
fn eval(data: &str, ending: Option<&str>) -> Value {
    let output = rules(&["eval"], data, ending);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn recall(found: &Value, queue: &str) -> f64 {
    let queues = found["queues"].as_array().expect("queues");
    let share = &queues.iter().find(|q| q["queue"] == queue).unwrap_or_else(|| panic!("no {queue}"))["recall"];
    share["hits"].as_f64().expect("hits") / share["of"].as_f64().expect("of")
}

fn raised(found: &Value, label: &str) -> f64 {
    let labels = found["labels"].as_array().expect("labels");
    let share = &labels.iter().find(|l| l["label"] == label).unwrap_or_else(|| panic!("no {label}"))["raised"];
    share["hits"].as_f64().expect("hits") / share["of"].as_f64().expect("of")
}

fn misses(found: &Value) -> String {
    let told = found["misses"].as_array().expect("misses").iter();
    told.map(|m| format!("\n{}: {} -> {}", m["place"], m["label"], m["queue"])).collect()
}

#[test]
fn the_shipped_rules_find_the_danger_in_real_mails_of_forty_languages() {
    let found = eval("fixtures/cases", None);
    assert!(found["texts"].as_u64() >= Some(300), "{}", found["texts"]);
    for (queue, least) in [("threat-of-harm", 0.98), ("child-protection", 0.98), ("disinformation", 0.95)] {
        assert!(recall(&found, queue) >= least, "{queue}: {:.3}{}", recall(&found, queue), misses(&found));
    }
    assert!(raised(&found, "general") <= 0.01, "{:.3}{}", raised(&found, "general"), misses(&found));
    let topics = found["topics"].as_array().expect("topics");
    let sum = |key: &str| topics.iter().filter_map(|t| t["recall"][key].as_f64()).sum::<f64>();
    assert!(sum("hits") >= 0.9 * sum("of"), "topics: {topics:?}");
}

#[test]
fn the_shipped_rules_judge_labelled_sentences_right() {
    let output = rules(&["test"], "fixtures/sentences", Some("jsonl"));
    let told = String::from_utf8_lossy(&output.stdout);
    let sum: Value = serde_json::from_str(told.lines().last().unwrap_or_default()).expect("a summary");
    let count = |key: &str| sum[key].as_u64().expect("a number");
    // Sentences that are still missed stand there, too: they say what is to be done.
    assert!(count("cases") > 800 && count("wrong") * 40 <= count("cases"), "{told}");
}

/// Shares found of each urgent queue, and of harmless mails (half of them hard on purpose) raised to one.
fn fair(data: &str, found: [f64; 3], most_raised: f64) {
    let judged = eval(data, Some("jsonl"));
    let queues = ["threat-of-harm", "child-protection", "disinformation"];
    for (queue, least) in queues.into_iter().zip(found) {
        assert!(recall(&judged, queue) >= least, "{data}, {queue}: {:.3}{}", recall(&judged, queue), misses(&judged));
    }
    assert!(raised(&judged, "general") <= most_raised, "{data}: {:.3}{}", raised(&judged, "general"), misses(&judged));
}

#[test]
fn the_shipped_rules_stay_as_good_on_the_exams_they_were_fitted_to() {
    fair("fixtures/exams", [0.97, 0.95, 0.97], 0.03);
}

#[test]
fn the_shipped_rules_stay_as_good_on_mails_that_nothing_was_fitted_to() {
    fair("fixtures/blind", [0.86, 0.83, 0.93], 0.05);
}
