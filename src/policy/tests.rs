//! The policy as a whole: what is shipped is valid, every mistake has its message, and a mail's place is found.

use std::collections::BTreeSet;

use super::*;
use crate::case::Reference;
use crate::clock::from_millis;
use crate::golden::{differs, repository};
use crate::reply::template::Values;
use crate::report::Address;

/// Config and answer texts, without rules.
fn texts_too(source: &Source, problems: &Problems) -> Option<(Config, Templates)> {
    let Parts { config, languages, texts } = read_parts(source, problems)?;
    let templates = compile_templates(&config, &texts, &[], problems);
    check_languages(source, &languages, &templates, problems);
    Some((config, templates))
}

fn shipped_parts() -> (Config, Templates) {
    let problems = Problems::default();
    let parts = texts_too(&Source::new(SAMPLE.0, SAMPLE.1), &problems);
    problems.into_result(|| parts.expect("no problem, so it is there")).unwrap_or_else(|faults| panic!("{faults}"))
}

/// What an operator would see, with paths as below the repository so that every machine shows the same.
fn shown(path: &Path) -> String {
    let problems = Problems::default();
    if let Some(source) = read_file(path, &problems) {
        texts_too(&source, &problems);
    }
    let warnings: String = problems.warnings().iter().map(|warning| format!("{warning}\n\n")).collect();
    let faults = problems.into_result(|| ()).map_or_else(|faults| faults.to_string(), |()| "nothing is wrong".to_owned());
    format!("{warnings}{faults}\n").replace(&format!("{}/", repository("").display().to_string().trim_end_matches('/')), "")
}

/// Every entry of a folder of broken things is refused with the message that lies beside it.
fn walk(folder: &str, at_least: usize, config_of: impl Fn(&Path) -> Option<PathBuf>) {
    let entries = fs::read_dir(repository(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("a folder that can be read").path()).collect();
    paths.sort();
    let mut failures = Vec::new();
    let mut count = 0;
    for path in &paths {
        let Some(config) = config_of(path) else { continue };
        count += 1;
        let text = shown(&config);
        if text.contains("nothing is wrong") {
            failures.push(format!("{} is not refused", path.display()));
        }
        failures.extend(differs(&path.with_extension("expected"), &text));
    }
    assert!(count >= at_least, "only {count} fixtures in {folder}");
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn every_broken_config_is_refused_with_its_message() {
    walk("fixtures/broken/config", 25, |path| path.extension().is_some_and(|e| e == "toml").then(|| path.to_owned()));
}

#[test]
fn every_broken_answer_text_is_refused_with_its_message() {
    walk("fixtures/broken/templates", 10, |path| path.is_dir().then(|| path.join("triaged.toml")));
}

#[test]
fn every_file_under_rules_and_templates_is_in_the_program() {
    for (folder, shipped) in [("rules", RULES), ("config/templates/acknowledgement", TEMPLATES)] {
        let names = |paths: Vec<PathBuf>| -> BTreeSet<String> {
            paths.iter().filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect()
        };
        let Ok(entries) = fs::read_dir(repository(folder)) else { panic!("{folder} cannot be read") };
        let files = entries.map(|entry| entry.expect("a folder that can be read").path());
        let on_disk = names(files.filter(|path| path.extension().is_some_and(|e| e != "md")).collect());
        assert!(!on_disk.is_empty(), "{folder} is empty");
        assert_eq!(names(shipped.iter().map(|(path, _)| PathBuf::from(path)).collect()), on_disk, "{folder}");
    }
}

#[test]
fn what_is_shipped_is_valid_and_needs_no_file() {
    let policy = Policy::shipped();
    assert!(!policy.rules.is_empty() && policy.warnings.is_empty(), "{:?}", policy.warnings);
    let loaded = Policy::load(&repository(SAMPLE.0)).unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(loaded.rules.hash(), policy.rules.hash());
}

#[test]
fn mistakes_in_rules_and_in_answer_texts_show_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let texts = folder.path().join("texts/acknowledgement");
    fs::create_dir_all(&texts).unwrap();
    fs::create_dir(folder.path().join("rules")).unwrap();
    fs::write(folder.path().join("triaged.toml"), format!("rules = \"rules\"\ntemplates = \"texts\"\n{}", SAMPLE.1)).unwrap();
    fs::write(folder.path().join("rules/one.toml"), "[[rule]]\nidd = \"x\"\n").unwrap();
    fs::write(texts.join("default.en.txt"), "Subject: x {{ reference }}\n\n{{ body }}\n").unwrap();
    let faults = Policy::load(&folder.path().join("triaged.toml")).unwrap_err().to_string();
    for part in ["rules/one.toml:2:1", "unknown key `idd`", "default.en.txt:3:4", "words of the sender"] {
        assert!(faults.contains(part), "{part} is missing in:\n{faults}");
    }
}

#[test]
fn an_unreadable_file_is_named() {
    let missing = repository("fixtures/no-such-file.toml");
    let faults = Policy::load(&missing).unwrap_err().to_string();
    assert!(faults.contains("no-such-file.toml") && faults.contains("cannot be read"), "{faults}");
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.toml"), b"x = 1\ny = \"\xff\"\n").unwrap();
    let problems = Problems::default();
    assert!(read_folder(folder.path(), "toml", &problems).unwrap().is_empty());
    let faults = problems.into_faults().to_string();
    assert!(faults.contains("a.toml") && faults.contains("line 2 is not UTF-8"), "{faults}");
}

#[test]
fn an_empty_folder_of_rules_is_a_mistake_and_hidden_files_are_not_rules() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(".a.toml"), "").unwrap();
    let (mut config, _) = shipped_parts();
    config.rules = Some(folder.path().to_owned());
    let problems = Problems::default();
    assert!(rule_files(&config, &problems).is_empty());
    assert!(problems.into_faults().to_string().contains("no rule file"));
}

#[test]
fn every_answer_reads_as_its_golden_file_says_and_fits_a_terminal() {
    let (config, templates) = shipped_parts();
    let reference = Reference::from_bits([1, 2, 3, 4, 5]);
    let contact = &config.identity.general_contact;
    let values =
        Values { reference: &reference, team: &config.identity.name, contact: "emergency@example.org", general_contact: contact };
    let mut all = String::new();
    for queue in &config.queues {
        let languages = templates.languages();
        assert!(languages.len() >= 4, "{languages:?}");
        for language in languages {
            let answer = templates.render(&queue.name, Some(language), &[], values);
            let long: Vec<_> = answer.body.lines().chain([answer.subject.as_str()]).filter(|l| l.chars().count() > 78).collect();
            assert_eq!(long, Vec::<&str>::new(), "{} {language}", queue.name);
            assert!(answer.body.contains(reference.as_str()) && !answer.body.contains("{{"), "{}", answer.body);
            all += &format!("===== {} {language} =====\nSubject: {}\n\n{}\n", queue.name, answer.subject, answer.body);
        }
    }
    let mixed = templates.render("general", None, &["fr".to_owned()], values);
    all +=
        &format!("===== general unknown, fallback fr ({}) =====\nSubject: {}\n\n{}", mixed.language, mixed.subject, mixed.body);
    if let Some(difference) = differs(&repository("fixtures/acknowledgements.golden"), &all) {
        panic!("{difference}");
    }
}

/// What an answer must not forget, whoever edits the texts (FIELD.md, issue 4).
#[test]
fn the_lines_that_safety_hangs_on_stand_in_every_language() {
    let (_, templates) = shipped_parts();
    let reference = Reference::from_bits([0; 5]);
    let values = Values { reference: &reference, team: "T", contact: "x@example.org", general_contact: "general@example.org" };
    let words = [
        ("en", "emergency number", "spam", "do not send"),
        ("de", "Notruf", "Spam", "keine Bilder"),
        ("fr", "numéro d'urgence", "indésirable", "N'envoyez"),
        ("es", "emergencias", "no deseado", "no envíe"),
    ];
    for (language, emergency, spam, images) in words {
        let body = |queue: &str| templates.render(queue, Some(language), &[], values).body.replace('\n', " ");
        let threat = body("threat-of-harm");
        assert!(threat.contains(emergency) && threat.contains("general@example.org") && threat.contains(spam), "{threat}");
        assert!(body("child-protection").contains(images), "{language}");
    }
}

fn report(delivered: &[&str], to: &[&str], cc: &[&str]) -> Report {
    let addresses = |list: &[&str]| list.iter().map(|a| Address { name: None, address: (*a).to_owned() }).collect();
    let delivered_to = delivered.iter().map(|a| (*a).to_owned()).collect();
    Report { to: addresses(to), cc: addresses(cc), delivered_to, ..Report::blank(from_millis(0)) }
}

/// One mailbox that three addresses share, and one of its own.
fn aliases() -> Config {
    let aliases = "address = \"ca@example.org\"\n[[account.intake]]\naddress = \"urgent@example.org\"\nqueue = \"threat-of-harm\"\n\
                   floor = \"threat-of-harm\"\n[[account.intake]]\naddress = \"news@example.org\"\nqueue = \"disinformation\"\n";
    let text = SAMPLE.1.replacen("address = \"ca@example.org\"\n", aliases, 1);
    let problems = Problems::default();
    let config = config::read(&Source::new("t.toml", text), &problems);
    problems.into_result(|| config).unwrap_or_else(|faults| panic!("{faults}"))
}

#[test]
fn a_mail_comes_to_the_most_urgent_address_it_names() {
    let config = aliases();
    let (threat, dis, general) = ("threat-of-harm", "disinformation", "general");
    let [ca, urgent, news, emergency] = ["ca@example.org", "urgent@example.org", "news@example.org", "emergency@example.org"];
    let none = Vec::new;
    // delivered, to, cc -> default, floor, contact
    let cases = [
        ([none(), none(), none()], [general, general, ca]),
        ([none(), vec!["someone@example.net"], none()], [general, general, ca]),
        ([none(), vec![news], none()], [dis, general, news]),
        ([none(), none(), vec![urgent]], [threat, threat, urgent]),
        ([none(), vec![ca], vec![news]], [dis, general, news]),
        ([none(), vec!["URGENT+case@Example.ORG"], none()], [threat, threat, urgent]),
        ([vec![news], vec![ca], none()], [dis, general, news]),
        ([vec![ca, news], none(), none()], [dis, general, news]),
        ([vec!["someone@example.net"], vec![news], none()], [dis, general, news]),
        // Delivered to ca, but the sender wrote to urgent as well: the floor counts from the first copy on.
        ([vec![ca], vec![urgent], none()], [general, threat, ca]),
        // The same for an address of another account; its queue is that account's to give.
        ([none(), vec![ca, emergency], none()], [general, threat, ca]),
        ([none(), vec!["urgent@example.net", "xurgent@example.org"], none()], [general, general, ca]),
    ];
    for ([delivered, to, cc], wanted) in cases {
        let (place, answers) = place_of(&config, "ca", &report(&delivered, &to, &cc));
        let found = [place.default.as_str(), place.floor.as_str(), answers.as_str()];
        assert_eq!(found, wanted, "delivered {delivered:?} to {to:?} cc {cc:?}");
    }
}

#[test]
fn mail_of_an_account_that_is_gone_counts_as_most_urgent() {
    let (place, contact) = place_of(&aliases(), "gone", &report(&[], &[], &[]));
    assert_eq!((place.floor.as_str(), contact.as_str()), ("threat-of-harm", "ca@example.org"));
}
