//! The sample is the documentation: it is read, it shows every key, and what stands behind `#` in it is true.

use super::*;
use crate::problem::{Problems, Source};
use crate::table::tests::asked;

const SAMPLE: &str = include_str!("../../config/triaged.toml");

fn read_text(text: &str) -> (Config, Problems) {
    let problems = Problems::default();
    let config = read(&Source::new("/etc/triaged/triaged.toml", text), &problems);
    (config, problems)
}

fn sample() -> Config {
    let (config, problems) = read_text(SAMPLE);
    problems.into_result(|| config).unwrap_or_else(|faults| panic!("{faults}"))
}

/// The sample with every `#key = value` and `#[table]` made live.
fn uncommented() -> String {
    let live = |line: &str| match line.strip_prefix('#') {
        Some(rest) if !rest.is_empty() && !rest.starts_with(' ') => rest.to_owned(),
        _ => line.to_owned(),
    };
    SAMPLE.lines().map(|line| live(line) + "\n").collect()
}

#[test]
fn the_sample_is_valid_and_says_what_the_field_asks() {
    let config = sample();
    let queues: Vec<_> = config.queues.iter().map(|q| q.name.as_str()).collect();
    assert_eq!(queues, ["threat-of-harm", "child-protection", "disinformation", "general"]);
    let places: Vec<_> = config.accounts.iter().map(|a| (a.id.as_str(), a.queue.as_str(), a.floor.as_str())).collect();
    let wanted =
        [("ca", "general", "general"), ("emergency", "threat-of-harm", "threat-of-harm"), ("drt", "disinformation", "general")];
    assert_eq!(places, wanted);
    let sealed = config.queue("child-protection").unwrap();
    assert!(sealed.sealed && sealed.forward == Forward::Manifest);
    assert_eq!(config.limits, Limits::default());
}

#[test]
fn every_key_the_reader_knows_stands_in_the_sample_under_its_table() {
    read_text(&uncommented());
    let mut table = String::new();
    let mut shown = std::collections::BTreeSet::new();
    for line in uncommented().lines() {
        if let Some(header) = line.strip_prefix('[') {
            table = header.trim_matches(['[', ']']).to_owned();
            let (above, key) = table.rsplit_once('.').unwrap_or(("", &table));
            shown.insert((above.to_owned(), key.to_owned()));
        // Topics are the operator's own names.
        } else if let Some((key, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#') && table != "referrals") {
            shown.insert((table.clone(), key.to_owned()));
        }
    }
    let known: std::collections::BTreeSet<_> = asked().into_iter().map(|(t, key)| (t, key.to_owned())).collect();
    assert!(known.len() > 60, "only {} keys were asked for: the hook is broken", known.len());
    assert_eq!(known.difference(&shown).collect::<Vec<_>>(), Vec::<&(String, String)>::new(), "not in the sample");
    assert_eq!(shown.difference(&known).collect::<Vec<_>>(), Vec::<&(String, String)>::new(), "unknown to the reader");
}

/// Every commented value is one the reader takes: what is left are the choices of which only one may be live.
#[test]
fn the_commented_values_of_the_sample_are_valid() {
    let (_, problems) = read_text(&uncommented());
    let faults = problems.into_result(|| ()).unwrap_err();
    for problem in &faults.0 {
        let choice = ["not by both", "not both", "has one secret", "has no use without", "stands here twice"];
        assert!(choice.iter().any(|c| problem.message.contains(c)), "{problem}");
    }
}

#[test]
fn a_commented_default_of_the_sample_is_the_default() {
    let choices =
        ["#[files]", "#path", "#password_file", "#token_", "#password_credential", "#done_", "#[account.maildir]", "#junk ="];
    // Examples, not defaults: the sentence above each says so.
    let examples = [
        "#rules",
        "#templates",
        "#authserv_ids",
        "#own_",
        "#trusted_",
        "#ca_file",
        "#user",
        "#fallback_",
        "#folders",
        "#junk_",
        "#[referrals]",
        "#press",
        "#account-access",
        "#content",
        "#again",
        // People and rotas: the whole section is one example.
        "#[[person]]",
        "#[[rota",
        "#name",
        "#addresses",
        "#webhooks",
        "#time_zone",
        "#gaps",
        "#people",
        "#start",
        "#turn",
        "#weekdays",
        "#hours",
        "#person",
        "#from",
        "#to",
        "#ical",
    ];
    // Whole tables that nothing asks for.
    let optional = ["#[[webhook]]", "#[[ladder.instead]]", "#[canary]", "#[heartbeat]", "#[http]"];
    let mut within = false;
    let live: String = SAMPLE
        .lines()
        .map(|line| {
            within = (within && !line.is_empty()) || optional.contains(&line);
            let keep = within || choices.iter().chain(&examples).any(|prefix| line.starts_with(prefix)) || line.starts_with("# ");
            format!("{}\n", if keep { line } else { line.strip_prefix('#').unwrap_or(line) })
        })
        .collect();
    let (config, problems) = read_text(&live);
    let config = problems.into_result(|| config).unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(format!("{config:?}"), format!("{:?}", sample()));
}

#[test]
fn a_relative_path_starts_at_the_config_file_and_not_at_the_working_directory() {
    let (config, _) = read_text(&SAMPLE.replace("\"/var/lib/triaged/triaged.db\"", "\"cases.db\"").replace("#rules", "rules"));
    assert_eq!(config.store.path, Path::new("/etc/triaged/cases.db"));
    assert_eq!(config.rules.as_deref(), Some(Path::new("/etc/triaged/rules")));
}

#[test]
fn clear_text_over_the_network_is_warned_of_and_over_loopback_not() {
    let with = |host: &str| {
        let live = SAMPLE.replace("#tls = \"implicit\"", "tls = \"clear-text\"");
        read_text(&live.replacen("imap.example.org", host, 1)).1.warnings()
    };
    assert_eq!(with("127.0.0.1"), Vec::<String>::new());
    let warnings = with("imap.example.org");
    assert!(warnings.len() == 1 && warnings[0].contains("clear text") && warnings[0].contains("triaged.toml:"), "{warnings:?}");
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(64))]
    /// Whatever an editor or a disk does to the file: problems perhaps, a panic never.
    #[test]
    fn no_damage_to_the_file_is_a_panic(at in 0..SAMPLE.len(), cut in 0usize..400, put in "[\\PC\n\"\\[\\]=#]{0,20}") {
        let text = uncommented();
        let clean = |mut i: usize| { while !text.is_char_boundary(i) { i -= 1; } i };
        let (start, end) = (clean(at.min(text.len())), clean((at + cut).min(text.len())));
        let (_, problems) = read_text(&format!("{}{put}{}", &text[..start], &text[end..]));
        proptest::prop_assert!(!problems.into_faults().to_string().is_empty());
    }
}

#[test]
fn ports_follow_from_the_encryption() {
    let config = sample();
    let Mailbox::Imap(imap) = &config.accounts[0].mailbox else { panic!("not IMAP") };
    assert_eq!((imap.server.port, imap.server.tls), (993, Tls::Implicit));
    let Send::Smtp(smtp) = &config.send else { panic!("not SMTP") };
    assert_eq!((smtp.server.port, smtp.server.tls), (587, Tls::StartTls));
}
