//! The commands as an operator types them: what they print, and their exit codes.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The program, from a folder where nothing of ours lies: nothing may depend on the working directory.
fn triaged(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_triaged"));
    command.args(arguments).current_dir(std::env::temp_dir()).env_remove("TRIAGED_CONFIG").stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Output {
    triaged(arguments).output().expect("the program runs")
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("it was not killed")
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

fn mail(name: &str) -> String {
    root().join("fixtures/mails").join(name).display().to_string()
}

/// A config that works, its store empty but there.
fn a_config(dir: &Path) -> PathBuf {
    let path = dir.join("triaged.toml");
    std::fs::copy(root().join("fixtures/demo.toml"), &path).expect("copied");
    triaged::store::Store::open(&dir.join("triaged.db"), triaged::store::Role::Operator).expect("a store");
    path
}

#[test]
fn classify_json_is_the_stable_interface() {
    let output = run(&["classify", "--json", &mail("03-alerte-bombe.eml"), &mail("04-out-of-office.eml")]);
    assert_eq!(code(&output), 0, "{}", err(&output));
    let lines: Vec<Value> = out(&output).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 2);
    let mut keys: Vec<&str> = lines[0].as_object().expect("an object").keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["account", "answer", "damage", "file", "flags", "language", "passed", "queue", "rules", "topics"]);
    assert_eq!(lines[0]["file"], mail("03-alerte-bombe.eml"));
    assert_eq!(
        (&lines[0]["account"], &lines[0]["queue"], &lines[0]["language"]),
        (&"ca".into(), &"threat-of-harm".into(), &"fr".into())
    );
    assert_eq!(lines[0]["passed"], serde_json::json!(["threat-of-harm"]));
    assert_eq!(lines[0]["answer"], serde_json::json!({"send": true, "reason": null, "to": "kevin.lrx@example.net"}));
    assert!(lines[0]["rules"][0]["id"].is_string() && lines[0]["rules"][0]["points"].is_i64());
    assert_eq!(lines[1]["answer"]["send"], false);
    assert_eq!(lines[1]["answer"]["to"], Value::Null);
    assert!(lines[1]["answer"]["reason"].as_str().is_some_and(|reason| !reason.is_empty()));
}

#[test]
fn classify_reads_standard_input_and_judges_for_the_account_asked_for() {
    let mut child = triaged(&["classify", "--json", "--account", "emergency", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    child.stdin.take().expect("piped").write_all(b"From: a@example.net\n\nhello\n").expect("taken");
    let output = child.wait_with_output().expect("it ends");
    let line: Value = serde_json::from_str(&out(&output)).expect("JSON");
    assert_eq!((&line["file"], &line["account"], &line["queue"]), (&"-".into(), &"emergency".into(), &"threat-of-harm".into()));
}

#[test]
fn classify_judges_a_folder_in_order_of_name() {
    let output = run(&["classify", "--json", &root().join("fixtures/mails").display().to_string()]);
    let files: Vec<String> = out(&output)
        .lines()
        .map(|l| serde_json::from_str::<Value>(l).expect("JSON")["file"].as_str().expect("a name").to_owned())
        .collect();
    let mut sorted = files.clone();
    sorted.sort();
    assert_eq!(files, sorted);
    assert!(files.len() > 40);
}

#[test]
fn an_unreadable_file_is_named_and_the_others_are_judged_all_the_same() {
    let output = run(&["classify", "--json", "/nowhere/at-all.eml", &mail("03-alerte-bombe.eml")]);
    assert_eq!(code(&output), 1);
    assert!(err(&output).contains("/nowhere/at-all.eml"), "{}", err(&output));
    assert_eq!(out(&output).lines().count(), 1);
}

#[test]
fn an_unknown_account_or_command_is_misuse_and_says_what_there_is() {
    let output = run(&["classify", "--account", "emergencey", &mail("03-alerte-bombe.eml")]);
    assert_eq!(code(&output), 2);
    assert!(err(&output).contains("ca, emergency, drt"), "{}", err(&output));
    let output = run(&["clasify", "x"]);
    assert_eq!(code(&output), 2);
    assert!(err(&output).contains("classify"), "{}", err(&output));
}

#[test]
fn a_config_that_was_named_but_is_not_there_is_no_silent_default() {
    let output = run(&["--config", "/nowhere/triaged.toml", "classify", &mail("03-alerte-bombe.eml")]);
    assert_eq!(code(&output), 2);
    assert!(err(&output).contains("/nowhere/triaged.toml"), "{}", err(&output));
}

#[test]
fn check_shows_every_problem_at_once_with_a_caret_and_exit_code_2() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("triaged.toml");
    let text = std::fs::read_to_string(root().join("fixtures/demo.toml")).expect("it is there");
    std::fs::write(
        &path,
        text.replace("route_to = [\"drt-team@example.org\"]", "rout_to = [\"x\"]").replace("min_free", "minfree"),
    )
    .expect("written");
    let output = run(&["check", "--config", &path.display().to_string()]);
    assert_eq!(code(&output), 2);
    for part in ["unknown key `rout_to`", "did you mean `route_to`?", "unknown key `minfree`", "^^^^^^^", "triaged.toml:"] {
        assert!(err(&output).contains(part), "{part} is missing:\n{}", err(&output));
    }
    let output = run(&["run", "--config", &path.display().to_string()]);
    assert_eq!(code(&output), 2, "the daemon does not start on it");
}

#[test]
fn check_live_gives_one_row_a_mailbox_and_one_for_sending() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = a_config(dir.path());
    for account in ["ca", "emergency"] {
        for sub in ["cur", "new", "tmp"] {
            std::fs::create_dir_all(dir.path().join(account).join(sub)).expect("made");
        }
    }
    std::fs::create_dir_all(dir.path().join("sent")).expect("made");
    let output = run(&["check", "--live", "--json", "--config", &path.display().to_string()]);
    let rows: Vec<Value> = out(&output).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let row = |what: &str| rows.iter().find(|row| row["what"] == what).unwrap_or_else(|| panic!("no row {what}: {rows:?}"));
    assert_eq!((rows.len(), code(&output)), (4, 1), "drt has no Maildir: {}", err(&output));
    assert_eq!(row("mailbox ca")["ok"], true);
    assert_eq!(row("mailbox drt")["ok"], false);
    assert_eq!(row("sending")["ok"], true);
}

#[test]
fn explain_shows_the_words_that_matched() {
    let output = run(&["explain", &mail("03-alerte-bombe.eml")]);
    assert_eq!(code(&output), 0, "{}", err(&output));
    for part in ["Queue: threat-of-harm", "threat-crowd", "\"lycée\" in body", "Default queue general, floor general", "»lycée«"]
    {
        assert!(out(&output).contains(part), "{part} is missing:\n{}", out(&output));
    }
}

#[test]
fn a_case_a_row_or_an_alert_that_is_not_there_is_a_no() {
    let dir = tempfile::tempdir().expect("a folder");
    let config = a_config(dir.path()).display().to_string();
    for (arguments, wanted) in [
        (vec!["case", "show", "TS-00000000"], 1),
        (vec!["explain", "TS-00000000"], 1),
        (vec!["alert", "ack", "ts-00000000"], 1),
        (vec!["outbox", "retry", "7"], 1),
        (vec!["outbox", "drop", "7"], 1),
        (vec!["case", "show", "rubbish"], 2),
        (vec!["case", "list", "--state", "asleep"], 2),
        (vec!["outbox", "list", "--state", "asleep"], 2),
        (vec!["case", "list"], 0),
        (vec!["outbox", "list"], 0),
        (vec!["alert", "list"], 0),
    ] {
        let output = run(&[&arguments[..], &["--config", &config]].concat());
        assert_eq!(code(&output), wanted, "{arguments:?}: {}{}", out(&output), err(&output));
        assert!(wanted == 0 || !err(&output).is_empty(), "{arguments:?} says nothing");
    }
}

#[test]
fn commands_on_a_store_that_is_not_there_say_so() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("triaged.toml");
    std::fs::copy(root().join("fixtures/demo.toml"), &path).expect("copied");
    let output = run(&["case", "list", "--config", &path.display().to_string()]);
    assert_eq!(code(&output), 2);
    assert!(err(&output).contains("there is no store at"), "{}", err(&output));
    assert!(!dir.path().join("triaged.db").exists(), "looking must not make one");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let folder = root().join("fixtures/mails").display().to_string();
    let mut child =
        triaged(&["classify", "--json", &folder]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!((code(&output), err(&output)), (0, String::new()));
}

#[test]
fn case_text_shows_the_words_and_the_audit_says_who_looked() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("triaged.toml");
    std::fs::copy(root().join("fixtures/demo.toml"), &path).expect("copied");
    std::fs::copy(root().join("fixtures/store/schema-1.db"), dir.path().join("triaged.db")).expect("copied");
    let config = path.display().to_string();
    let listed = out(&run(&["case", "list", "--json", "--all", "--config", &config]));
    let first: Value = serde_json::from_str(listed.lines().next_back().expect("a case")).expect("JSON");
    let reference = first["reference"].as_str().expect("a reference");
    let text = run(&["case", "text", reference, "--config", &config]);
    assert_eq!(code(&text), 0, "{}", err(&text));
    assert!(out(&text).contains("from ") && out(&text).lines().count() > 5, "{}", out(&text));
    let shown = out(&run(&["case", "show", reference, "--config", &config]));
    assert!(shown.contains("text shown"), "{shown}");
}

#[test]
fn staff_note_move_close_reopen_and_link_and_every_mistake_says_what_to_do() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("triaged.toml");
    std::fs::copy(root().join("fixtures/demo.toml"), &path).expect("copied");
    std::fs::copy(root().join("fixtures/store/schema-1.db"), dir.path().join("triaged.db")).expect("copied");
    let config = path.display().to_string();
    let case = |words: &[&str]| run(&[&["case"], words, &["--config", &config]].concat());
    let listed = out(&case(&["list", "--json", "--all"]));
    let cases: Vec<Value> = listed.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let [a, b] = [0, 1].map(|n| cases[n]["reference"].as_str().expect("a reference"));
    let elsewhere = if cases[0]["queue"] == "disinformation" { "general" } else { "disinformation" };
    let went_well = [
        vec!["note", a, "called the embassy"],
        vec!["move", a, elsewhere, "--why", "it is about an election"],
        vec!["close", a, "--why", "done"],
        vec!["reopen", a],
        vec!["link", a, b],
    ];
    for words in &went_well {
        let output = case(words);
        assert_eq!((code(&output), err(&output)), (0, String::new()), "{words:?}");
        assert!(out(&output).starts_with(&format!("{a}: ")), "{}", out(&output));
    }
    let shown = out(&case(&["show", a]));
    for wanted in ["called the embassy", "it is about an election", "closed", "reopened", &format!("linked to {b}")] {
        assert!(shown.contains(wanted), "{wanted}: {shown}");
    }
    let stats = out(&run(&["rules", "stats", "--config", &config]));
    assert!(
        stats.contains(&format!("moved by staff: {} -> {elsewhere}", cases[0]["queue"].as_str().expect("a queue"))),
        "{stats}"
    );
    let mistakes = [
        (vec!["note", a, "  "], 2, "the note is empty"),
        (vec!["move", a, "disinfo", "--why", "x"], 2, "did you mean \"disinformation\""),
        (vec!["move", a, elsewhere, "--why", "x"], 1, "already"),
        (vec!["move", a, elsewhere], 2, "--why"),
        (vec!["reopen", a], 1, "it is not closed"),
        (vec!["link", a, a], 1, "itself"),
        (vec!["close", "TS-00000000"], 1, "there is no case"),
        (vec!["close", "seven"], 2, "no case reference"),
    ];
    for (words, wanted, why) in &mistakes {
        let output = case(words);
        assert_eq!(code(&output), *wanted, "{words:?}");
        assert!(err(&output).contains(why), "{words:?}: {}", err(&output));
    }
}

#[test]
fn oncall_says_who_is_on_call_and_where_nobody_is() {
    let config = root().join("fixtures/calendars/rotas.toml").display().to_string();
    let output = run(&["oncall", "who", "--json", "--at", "2026-10-25T12:00", "--config", &config]);
    assert_eq!(code(&output), 0, "{}", err(&output));
    let lines: Vec<Value> = out(&output).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let found: Vec<_> = lines.iter().map(|line| (line["rota"].as_str().expect("a name"), line["on_call"].clone())).collect();
    let wanted =
        [("primary", serde_json::json!(["cleo"])), ("days", serde_json::json!([])), ("calendar", serde_json::json!(["ben"]))];
    assert_eq!(found, wanted);
    let shown = out(&run(&["oncall", "who", "--at", "2026-10-25T12:00", "--config", &config]));
    assert!(shown.contains("primary (Europe/Berlin)  cleo") && shown.contains("Mon 2026-10-26 09:00  ben"), "{shown}");
    let output = run(&["oncall", "who", "--at", "soon", "--config", &config]);
    assert!(code(&output) == 2 && err(&output).contains("2026-12-24T10:00"), "{}", err(&output));
    // Gaps keep the daemon from starting, but not from being looked at.
    let broken = root().join("fixtures/broken/config/rota-with-gaps.toml").display().to_string();
    let output = run(&["oncall", "gaps", "--config", &broken]);
    assert!(code(&output) == 1 && out(&output).contains("-- nobody --"), "{}", err(&output));
    assert_eq!(code(&run(&["check", "--config", &broken])), 2);
    let whole = root().join("config/triaged.toml").display().to_string();
    let output = run(&["oncall", "gaps", "--config", &whole]);
    assert_eq!((code(&output), out(&output).trim()), (0, "somebody is on call at every moment of the next 90 days"));
}

#[test]
fn without_any_config_a_command_that_needs_one_says_how_to_name_it() {
    if Path::new("/etc/triaged/triaged.toml").exists() {
        // This machine runs a daemon: what is tested is what happens where none is set up.
        return assert_ne!(code(&run(&["check", "--config", "/nowhere"])), 0);
    }
    let output = run(&["case", "list"]);
    assert_eq!(code(&output), 2);
    assert!(err(&output).contains("--config FILE or TRIAGED_CONFIG"), "{}", err(&output));
}
