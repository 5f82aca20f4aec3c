//! What an operator learns from the mail of a real store before new rules are live: `rules backtest`, `rules stats`.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::daemon::{Site, mail_with};
use crate::support::sink::Sink;

const INTAKE: &str = "ca@example.org";

const RULES: &str = r#"
[[rule]]
id = "danger"
why = "Danger."
queue = "threat-of-harm"
points = 100
any = ["perilous"]
topics = ["peril"]
[[rule]]
id = "campaign"
why = "A campaign."
queue = "disinformation"
points = 100
any = ["concerted"]
[[rule]]
id = "idle"
why = "Never there."
queue = "general"
points = 100
any = ["unheard-of"]
"#;

/// A daemon that took three mails: one perilous, one concerted, one plain.
fn filled(sink: &Sink) -> Site {
    let mut site = Site::new(sink.port);
    let mailbox = site.maildir("ca");
    site.account("ca", "general", "poll = \"500 ms\"", &mailbox);
    site.rules(&[("rules.toml", RULES)]);
    site.start();
    for (number, word) in ["perilous", "concerted", "plain"].into_iter().enumerate() {
        site.deliver("ca", &format!("mail-{number}"), &mail_with(&format!("Subject: {word}\r\n"), number, INTAKE));
    }
    site.wait_stored(3);
    site
}

/// A folder with these rules beside the ones in force.
fn candidate(site: &Site, rules: &str) -> String {
    let folder = site.path("candidate");
    fs::create_dir_all(&folder).expect("made");
    fs::write(folder.join("rules.toml"), rules).expect("written");
    folder.display().to_string()
}

fn backtest(site: &Site, rules: &str, more: &[&str]) -> (i32, Value) {
    let folder = candidate(site, rules);
    let output = site.triaged(&[&["--json", "rules", "backtest", "--rules", &folder], more].concat());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().unwrap_or(-1), serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text} {complaint}")))
}

#[test]
fn a_backtest_says_what_would_move_and_refuses_to_lose_an_urgent_verdict() {
    let sink = Sink::start();
    let site = filled(&sink);
    let (code, same) = backtest(&site, RULES, &[]);
    assert_eq!((code, &same["mails"], same["moves"].as_array().map(Vec::len)), (0, &3.into(), Some(0)), "{same}");

    // The danger goes unheard, the campaign is lifted.
    let changed = RULES.replace("perilous", "nothing-of-it").replace("queue = \"disinformation\"", "queue = \"threat-of-harm\"");
    let (code, found) = backtest(&site, &changed, &[]);
    assert_eq!(code, 1, "an urgent verdict would be lost");
    let moves = found["moves"].as_array().expect("moves");
    let told: Vec<_> =
        moves.iter().map(|m| (m["from"].clone(), m["to"].clone(), m["lost"].clone(), m["demotion"].clone())).collect();
    assert_eq!(
        told,
        [
            ("threat-of-harm".into(), "general".into(), true.into(), true.into()),
            ("disinformation".into(), "threat-of-harm".into(), false.into(), false.into()),
        ],
        "lost ones first"
    );
    assert_eq!((&moves[0]["silent"][0], &moves[1]["new"][0]), (&"danger".into(), &"campaign".into()));
    assert_eq!(found["topics"]["peril"]["lost"], 1);

    // A demotion out of a queue that wakes nobody is told, and no more.
    let (code, found) = backtest(&site, &RULES.replace("concerted", "nothing-of-it"), &[]);
    assert_eq!((code, &found["moves"][0]["demotion"], &found["moves"][0]["lost"]), (0, &true.into(), &false.into()));

    let (code, none) = backtest(&site, &changed, &["--since", "2999-01-01"]);
    assert_eq!((code, &none["mails"]), (0, &0.into()));
    let wrong = site.triaged(&["rules", "backtest", "--since", "yesterday"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("2026-10-01"), "the complaint says what to write");
    assert_eq!(
        site.column("SELECT queue FROM verdicts ORDER BY queue"),
        ["disinformation", "general", "threat-of-harm"],
        "nothing changed"
    );
}

#[test]
fn stats_count_what_each_rule_did() {
    let sink = Sink::start();
    let site = filled(&sink);
    let stats = &site.ask(&["--json", "rules", "stats"])[0];
    assert_eq!((&stats["mails"], &stats["queues"]["general"]), (&3.into(), &1.into()));
    let tally = |id: &str| (stats["rules"][id]["fired"].clone(), stats["rules"][id]["decisive"].clone());
    assert_eq!((tally("danger"), tally("idle")), ((1.into(), 1.into()), (0.into(), 0.into())));
    let told = String::from_utf8(site.triaged(&["rules", "stats"]).stdout).expect("UTF-8");
    assert!(told.contains("Never fired: idle"), "{told}");
}

#[test]
fn a_new_rule_file_passes_check_and_test_and_overwrites_nothing() {
    let sink = Sink::start();
    let site = filled(&sink);
    let folder = candidate(&site, RULES);
    let run = |arguments: &[&str]| {
        let output = site.triaged(arguments);
        let words = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&words).into_owned())
    };
    let (code, said) = run(&["rules", "new", "threat-by-post", "--folder", &folder]);
    assert_eq!(code, Some(0), "{said}");
    assert!(Path::new(&folder).join("threat-by-post.toml").exists());
    for command in ["check", "test"] {
        let (code, said) = run(&["rules", command, "--rules", &folder]);
        assert_eq!(code, Some(0), "{command}: {said}");
    }
    let (code, said) = run(&["rules", "new", "threat-by-post", "--folder", &folder]);
    assert!(code == Some(2) && said.contains("is there already"), "{said}");
    let (code, said) = run(&["rules", "new", "../escape", "--folder", &folder]);
    assert!(code == Some(2) && said.contains("small letters"), "{said}");
    let (code, said) = run(&["rules", "lint", "--strict", "--rules", &folder]);
    assert!(code == Some(1) && said.contains("no-examples"), "{said}");
}
