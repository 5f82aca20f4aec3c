//! The engine from rule files to verdicts, the broken rule files with their messages, and the shipped rules' own examples.

use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;
use crate::report::{Fields, ReturnPath};

/// The queues and accounts of the shipped sample.
fn world() -> World {
    let queues = ["threat-of-harm", "child-protection", "disinformation", "general"];
    World {
        queues: queues.map(|q| (q.to_owned(), 100)).to_vec(),
        accounts: ["ca", "emergency", "drt"].map(str::to_owned).to_vec(),
    }
}

fn place(account: &str, default: &str, floor: &str) -> Place {
    Place { account: account.into(), default: default.into(), floor: floor.into() }
}

fn ca() -> Place {
    place("ca", "general", "general")
}

fn report(subject: &str, body: &str) -> Report {
    Report {
        message_id: None,
        references: Vec::new(),
        date: None,
        from: Vec::new(),
        reply_to: Vec::new(),
        to: Vec::new(),
        cc: Vec::new(),
        return_path: ReturnPath::Absent,
        delivered_to: Vec::new(),
        headers: Vec::new(),
        fields: Fields { subject: subject.into(), body: body.into(), ..Fields::default() },
        attachments: Vec::new(),
        language: None,
        automated: None,
        damage: Vec::new(),
        junk: false,
        received: crate::clock::from_millis(0),
        size: 0,
    }
}

fn compiled(files: &[&str]) -> RuleSet {
    let sources: Vec<Source> =
        files.iter().enumerate().map(|(i, text)| Source::new(format!("{i}.toml"), text.to_string())).collect();
    let problems = Problems::default();
    let set = RuleSet::compile(&sources, &world(), &problems);
    problems.into_result(|| set).unwrap_or_else(|faults| panic!("{faults}"))
}

fn rule(id: &str, rest: &str) -> String {
    format!("[[rule]]\nid = \"{id}\"\nwhy = \"Because.\"\n{rest}\n")
}

/// The ids of the rules that fire on a body.
fn fires(file: &str, body: &str) -> Vec<String> {
    compiled(&[file]).judge(&report("", body), &ca()).trace.fired.into_iter().map(|f| f.id).collect()
}

const VOTES: &str = r#"
[[rule]]
id = "threat"
why = "A threat."
queue = "threat-of-harm"
points = 60
any = ["alpha"]
[[rule]]
id = "threat-too"
why = "A threat."
queue = "threat-of-harm"
points = 40
any = ["beta"]
[[rule]]
id = "legal"
why = "Legal."
queue = "general"
points = 100
any = ["dmca"]
topics = ["legal", "copyright"]
[[rule]]
id = "sink"
why = "Out of office."
queue = "general"
points = 100
any = ["out of office"]
flags = ["automated"]
below_floor = true
[[rule]]
id = "trial"
why = "A rule on trial."
queue = "threat-of-harm"
points = 500
any = ["gamma"]
topics = ["trial"]
shadow = true
"#;

fn judged(body: &str, place: &Place) -> Verdict {
    compiled(&[VOTES]).judge(&report("", body), place)
}

#[test]
fn points_add_up_and_the_most_urgent_passed_queue_wins() {
    assert_eq!(judged("alpha", &ca()).queue, "general", "60 of 100 is not enough");
    let verdict = judged("alpha alpha beta dmca", &ca());
    assert_eq!(verdict.queue, "threat-of-harm");
    assert_eq!(verdict.passed, ["threat-of-harm", "general"]);
    assert_eq!(verdict.topics, ["copyright", "legal"]);
    let threat = Sum { queue: "threat-of-harm".into(), points: 100, threshold: 100 };
    assert_eq!(verdict.trace.sums[0], threat, "a rule counts once");
}

#[test]
fn none_passed_is_the_default_and_a_vote_for_general_beats_it() {
    let drt = place("drt", "disinformation", "general");
    assert_eq!(judged("hello", &drt).queue, "disinformation");
    assert_eq!(judged("a dmca notice", &drt).queue, "general");
}

#[test]
fn the_floor_holds_unless_a_rule_says_so_in_so_many_words() {
    let emergency = place("emergency", "threat-of-harm", "threat-of-harm");
    assert_eq!(judged("a dmca notice", &emergency).queue, "threat-of-harm");
    let sunk = judged("I am out of office", &emergency);
    assert_eq!((sunk.queue.as_str(), sunk.flags), ("general", vec!["automated".to_owned()]));
    assert!(sunk.trace.because.iter().any(|line| line.contains("the rule sink may")), "{:?}", sunk.trace.because);
}

#[test]
fn a_shadow_rule_is_recorded_and_has_no_effect() {
    let verdict = judged("gamma", &ca());
    assert_eq!((verdict.queue.as_str(), verdict.topics.len()), ("general", 0));
    assert!(verdict.trace.sums.is_empty() && verdict.trace.fired[0].shadow);
}

#[test]
fn the_trace_shows_the_very_words_and_the_veto() {
    let file = "[terms.kill]\nen = [\"kill*\"]\n".to_owned()
        + &rule(
            "kill",
            "queue = \"threat-of-harm\"\npoints = 100\nany = [\"@kill\"]\nnone_near = { terms = [\"process\"], within = 2 }",
        );
    let set = compiled(&[&file]);
    let verdict = set.judge(&report("To KILL", "killing a process"), &ca());
    let hit = Hit { field: "subject".into(), start: 3, end: 7, text: "KILL".into(), term: "kill*".into() };
    assert_eq!(verdict.trace.fired[0].hits, [hit]);
    let verdict = set.judge(&report("", "killing a process"), &ca());
    assert_eq!(verdict.trace.vetoed[0].by.text, "process");
    assert!(verdict.trace.fired.is_empty());
}

#[test]
fn any_all_none_and_fields_mean_what_they_say() {
    let file = rule("r", "topics = [\"t\"]\nany = [\"a1\", \"a2\"]\nall = [\"b\", \"c\"]\nnone = [\"d\"]");
    assert_eq!(fires(&file, "c a2 b"), ["r"]);
    for body in ["a1 b", "b c", "a1 b c d"] {
        assert!(fires(&file, body).is_empty(), "{body}");
    }
    let file = rule("r", "topics = [\"t\"]\nany = [\"word\"]\nfields = [\"subject\"]");
    assert!(fires(&file, "word").is_empty());
    assert_eq!(compiled(&[&file]).judge(&report("word", ""), &ca()).topics, ["t"]);
}

#[test]
fn near_asks_for_one_language_and_the_distance_and_the_order() {
    let file = "[terms.i]\nen = [\"i\"]\nde = [\"ich\"]\n[terms.die]\nen = [\"die\"]\nde = [\"sterbe\"]\n".to_owned()
        + &rule("r", "topics = [\"t\"]\nnear = { terms = [\"@i\", \"@die | perish\"], within = 2, in_order = true }");
    for body in ["I will soon die", "ich sterbe", "ich perish"] {
        assert_eq!(fires(&file, body), ["r"], "{body}");
    }
    for body in ["ich die", "die I", "I am not going to die", "I. ".repeat(3).as_str()] {
        assert!(fires(&file, body).is_empty(), "{body}");
    }
}

#[test]
fn facts_must_hold() {
    let set =
        compiled(&[&rule("r", "topics = [\"t\"]\naccount = [\"drt\"]\nlanguage = [\"de\"]\nautomated = false\njunk = true")]);
    let mut mail = report("", "x");
    mail.language = Some("de".into());
    mail.junk = true;
    assert_eq!(set.judge(&mail, &place("drt", "general", "general")).topics, ["t"]);
    assert!(set.judge(&mail, &ca()).topics.is_empty());
    mail.language = None;
    assert!(set.judge(&mail, &place("drt", "general", "general")).topics.is_empty(), "unknown is no German");
}

#[test]
fn a_regex_is_matched_on_the_mail_as_written() {
    let file = rule("r", "topics = [\"t\"]\nregex = 'TS-[0-9a-z]{8}'");
    let verdict = compiled(&[&file]).judge(&report("", "see ts-ab12cd34."), &ca());
    assert_eq!(verdict.trace.fired[0].hits[0].text, "ts-ab12cd34");
}

#[test]
fn the_hash_knows_content_but_no_order_and_no_files() {
    let (a, b) = (rule("a", "topics = [\"t\"]\nany = [\"x\", \"y\"]"), rule("b", "topics = [\"t\"]\nany = [\"z\"]"));
    let one = compiled(&[&format!("{a}{b}")]);
    let turned = rule("a", "any = [\"y\", \"x\"]\ntopics = [\"t\"]");
    assert_eq!(one.hash(), compiled(&[&b, &turned]).hash());
    assert_ne!(one.hash(), compiled(&[&a, &b.replace("\"z\"", "\"zz\"")]).hash());
    assert_eq!(one.hash().len(), 64);
}

#[test]
fn the_example_runner_tells_what_went_wrong() {
    let set = compiled(&[&rule("r", "topics = [\"t\"]\nany = [\"x\"]\nmatches = [\"x\", \"y\"]\nrejects = [\"z\", \"an x\"]")]);
    let faults: Vec<_> = set.run_examples().into_iter().map(|f| (f.example.text, f.found)).collect();
    assert_eq!(faults, [("y".to_owned(), "it found nothing".to_owned()), ("an x".into(), "it fired on \"x\"".into())]);
}

/// The checkout.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn toml_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut files: Vec<PathBuf> =
        entries.map(|e| e.unwrap().path()).filter(|p| p.extension().is_some_and(|e| e == "toml")).collect();
    files.sort();
    assert!(!files.is_empty(), "no rule files in {}", folder.display());
    files
}

/// The shipped rules.
fn shipped() -> RuleSet {
    let read = |path: &PathBuf| Source::new(path.strip_prefix(root()).unwrap(), std::fs::read_to_string(path).unwrap());
    let sources: Vec<Source> = toml_files(&root().join("rules")).iter().map(read).collect();
    let problems = Problems::default();
    let set = RuleSet::compile(&sources, &world(), &problems);
    problems.into_result(|| set).unwrap_or_else(|faults| panic!("{faults}"))
}

#[test]
fn every_broken_rule_file_is_refused_with_its_message() {
    for path in toml_files(&root().join("fixtures/broken/rules")) {
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        let problems = Problems::default();
        RuleSet::compile(&[Source::new(name, text)], &world(), &problems);
        let found = match problems.into_result(|| ()) {
            Ok(()) => panic!("{name} was not refused"),
            Err(faults) => format!("{faults}\n"),
        };
        let golden = path.with_extension("expected");
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            std::fs::write(&golden, &found).unwrap();
        }
        let expected = std::fs::read_to_string(&golden).unwrap_or_default();
        assert_eq!(found, expected, "{name} (UPDATE_EXPECTED=1 rewrites it)");
    }
}

#[test]
fn the_examples_of_every_shipped_rule_turn_out_as_they_say() {
    let set = shipped();
    let faults: Vec<String> = set
        .run_examples()
        .into_iter()
        .map(|f| {
            let wanted = if f.example.should_match { "must match" } else { "must not match" };
            format!("{} {wanted}, but {}: {}", f.example.rule, f.found, f.example.text)
        })
        .collect();
    assert!(faults.is_empty(), "{} of {} examples:\n{}", faults.len(), set.examples().len(), faults.join("\n"));
    let bare: Vec<&str> =
        set.rules.iter().filter(|r| r.matches.is_empty() || r.rejects.is_empty()).map(|r| r.id.as_str()).collect();
    assert!(bare.is_empty(), "without matches or rejects: {bare:?}");
}

/// Text of the kind that breaks engines: marks, scripts, disguises, blanks.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[ki1l.\\- \u{301}\u{200b}你กи́ёЖ'’a-c0-9\n]{0,60}"]
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(subject in any_text(), body in any_text()) {
        let verdict = compiled(&[VOTES]).judge(&report(&subject, &body), &ca());
        prop_assert!(!verdict.queue.is_empty());
    }

    #[test]
    fn the_way_back_leads_to_the_words(before in any_text(), after in any_text()) {
        let body = format!("{before} kill you {after}");
        let set = compiled(&[&rule("r", "topics = [\"t\"]\nany = [\"kill you\"]")]);
        let verdict = set.judge(&report("", &body), &ca());
        let fired = &verdict.trace.fired;
        prop_assert_eq!(fired.len(), 1, "folding lost a match in {:?}", body);
        for hit in &fired[0].hits {
            prop_assert_eq!(body.get(hit.start..hit.end), Some(hit.text.as_str()));
        }
        prop_assert!(fired[0].hits.iter().any(|h| h.text == "kill you"));
    }

    #[test]
    fn no_order_of_files_rules_or_terms_changes_a_verdict(
        order in Just((0..6).collect::<Vec<usize>>()).prop_shuffle(), split in 0usize..6, body in "(alpha |beta |dmca |gamma |kill |you ){0,6}"
    ) {
        let rules = [
            rule("a", "queue = \"threat-of-harm\"\npoints = 60\nany = [\"alpha\", \"kill\"]"),
            rule("b", "queue = \"threat-of-harm\"\npoints = 50\nnear = { terms = [\"kill\", \"you\"], within = 3 }"),
            rule("c", "queue = \"general\"\npoints = 100\nany = [\"dmca\"]\nbelow_floor = true"),
            rule("d", "queue = \"disinformation\"\npoints = 100\nall = [\"beta\", \"gamma\"]\ntopics = [\"x\"]"),
            rule("e", "flags = [\"spam\"]\nany = [\"beta\"]\nnone = [\"you\"]"),
            "[terms.unused]\nen = [\"alpha\", \"ALPHA\"]\n".to_owned(),
        ];
        let straight = compiled(&[&rules.concat()]);
        let shuffled: Vec<&str> = order.iter().map(|i| rules[*i].as_str()).collect();
        let (one, two) = shuffled.split_at(split);
        // A file's lists stand before or after its rules, as TOML allows.
        let turned = compiled(&[&two.concat(), &one.concat()]);
        let mail = report("", &body);
        prop_assert_eq!(straight.judge(&mail, &ca()), turned.judge(&mail, &ca()));
    }
}

#[test]
fn time_grows_with_the_text_and_no_faster() {
    let set = compiled(&[
        "[terms.a]\nen = [\"a\", \"a a\", \"a*\", \"*a\", \"*aa*\", \"b\"]\n",
        &rule("r", "topics = [\"t\"]\nany = [\"@a\"]\nnone_near = { terms = [\"a b\"], within = 5 }"),
        &rule("n", "topics = [\"t\"]\nnear = { terms = [\"@a\", \"@a\", \"b\"], within = 5, in_order = true }"),
        &rule("u", "topics = [\"t\"]\nnear = { terms = [\"@a\", \"@a\", \"b\"], within = 5 }"),
    ]);
    let time = |text: &str, copies: usize| {
        let mail = report("", &text.repeat(copies));
        let run = || {
            let start = std::time::Instant::now();
            set.judge(&mail, &ca());
            start.elapsed()
        };
        (0..3).map(|_| run()).min().unwrap_or_default()
    };
    for text in ["a", "a b ", "a\u{301}", "\u{301}", "k.i.l.l ", "你", "aaab ", "a1", "\u{200b}", "кk", "'"] {
        let (short, long) = (time(text, 3_000), time(text, 24_000));
        // Eight times the text: a square law would take 64 times as long.
        assert!(long < short * 24 + std::time::Duration::from_millis(100), "{text:?}: {short:?} then {long:?}");
    }
}
