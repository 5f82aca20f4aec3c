//! What a rule may ask and choose, one condition after the other: vetoes by language, sentences, several `near`, facts, answers,
//! and what happens when the time is up.

use super::*;

/// Lists of three languages for one thought, vetoes in two of them.
const SPOKEN: &str = r#"
[terms.kill]
en = ["kill"]
de = ["töten"]
any = ["neca"]
[terms.play]
en = ["level"]
sv = ["låten"]
any = ["ludus"]
"#;

#[test]
fn a_veto_strikes_hits_of_its_own_language_and_in_mails_of_that_language() {
    for veto in ["none_near = { terms = [\"@play\"], within = 3 }", "none = [\"@play\"]"] {
        for condition in ["any = [\"@kill\"]", "all = [\"@kill\"]", "near = { terms = [\"@kill\", \"x1\"], within = 4 }"] {
            let set = compiled(&[&format!("{SPOKEN}{}", rule("r", &format!("topics = [\"t\"]\n{condition}\n{veto}")))]);
            let fires = |body: &str, language: &str| {
                let mail = Report { language: Some(language.to_owned()), ..report("", &format!("{body} x1")) };
                !set.judge(&mail, &ca()).topics.is_empty()
            };
            let named = format!("{condition} {veto}");
            assert!(!fires("kill level", "fr"), "the same language: {named}");
            assert!(fires("töten level", "de"), "another language: {named}");
            assert!(fires("kill laten", "en"), "a Dutch word that folds like a Swedish veto: {named}");
            assert!(!fires("kill laten", "sv"), "the mail is Swedish: {named}");
            assert!(!fires("töten ludus", "de"), "a veto of every language: {named}");
            assert!(!fires("neca laten", "fr"), "a hit of every language: {named}");
        }
    }
}

#[test]
fn a_veto_or_a_hit_written_in_the_rule_is_of_every_language() {
    let inline_veto =
        SPOKEN.to_owned() + &rule("r", "topics = [\"t\"]\nany = [\"@kill\"]\nnone_near = { terms = [\"piano\"], within = 3 }");
    assert!(fires(&inline_veto, "töten piano").is_empty());
    let inline_hit =
        SPOKEN.to_owned() + &rule("r", "topics = [\"t\"]\nany = [\"stab\"]\nnone_near = { terms = [\"@play\"], within = 3 }");
    assert!(fires(&inline_hit, "stab laten").is_empty() && fires(&inline_hit, "stab").len() == 1);
    // A window of words of the rule alone is of no language, though the rule names lists beside them.
    let window = SPOKEN.to_owned()
        + &rule(
            "r",
            "topics = [\"t\"]\nnear = { terms = [\"@kill | stab\", \"you\"], within = 3 }\nnone_near = { terms = [\"@play\"], within = 3 }",
        );
    assert!(fires(&window, "stab you level").is_empty() && fires(&window, "stab you laten").is_empty());
    assert_eq!(fires(&window, "kill you laten"), ["r"]);
    let shared = window.replace("[terms.play]", "nl = [\"kill\"]\n[terms.play]");
    assert!(fires(&shared, "kill you level").is_empty(), "a word of two languages is struck by the vetoes of both");
    let pattern = SPOKEN.to_owned() + &rule("r", "topics = [\"t\"]\nregex = 'TS-[0-9]+'\nnone = [\"@play\"]");
    assert!(fires(&pattern, "TS-1 laten").is_empty() && fires(&pattern, "TS-1").len() == 1);
}

#[test]
fn near_and_none_near_can_be_held_to_one_sentence() {
    let near = rule("r", "topics = [\"t\"]\nnear = { terms = [\"kill\", \"you\"], within = 5, same_sentence = true }");
    for body in ["I will kill all of you.", "You, I kill", "The end. I kill Mr. You", "kill. kill you"] {
        assert_eq!(fires(&near, body), ["r"], "{body}");
    }
    for body in ["They kill. You see it.", "kill!\nyou", "kill\n\nyou", "kill。you", "kill… you"] {
        assert!(fires(&near, body).is_empty(), "{body}");
    }
    let veto =
        rule("r", "topics = [\"t\"]\nany = [\"kill\"]\nnone_near = { terms = [\"film\"], within = 9, same_sentence = true }");
    for body in ["A film. He will kill us.", "He will kill us. A film it is.", "film! kill? film"] {
        assert_eq!(fires(&veto, body), ["r"], "{body}");
    }
    for body in ["In the film they kill us.", "Hello. They kill us in the film. Bye."] {
        assert!(fires(&veto, body).is_empty(), "{body}");
    }
}

#[test]
fn of_several_near_each_must_hold_and_of_several_none_near_any_strikes() {
    let file = rule(
        "r",
        "topics = [\"t\"]\nnear = [{ terms = [\"i\", \"kill\"], within = 2 }, { terms = [\"tomorrow\", \"school\"], within = 2 }]\n\
         none_near = [{ terms = [\"film\"], within = 1 }, { terms = [\"game\"], within = 3 }]",
    );
    assert_eq!(fires(&file, "I kill them all, believe me, tomorrow at school"), ["r"]);
    for body in
        ["I kill them", "tomorrow at school", "I kill film tomorrow at school", "game: so I kill them all, tomorrow at school"]
    {
        assert!(fires(&file, body).is_empty(), "{body}");
    }
    let turned = rule(
        "r",
        "topics = [\"t\"]\nnear = [{ terms = [\"school\", \"tomorrow\"], within = 2 }, { terms = [\"kill\", \"i\"], within = 2 }]\n\
         none_near = [{ terms = [\"game\"], within = 3 }, { terms = [\"film\"], within = 1 }]",
    );
    assert_eq!(compiled(&[&file]).hash(), compiled(&[&turned]).hash());
    assert_ne!(compiled(&[&file]).hash(), compiled(&[&file.replace("within = 1", "within = 1, same_sentence = true")]).hash());
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

/// A mail with something to ask about: from a relay, with a picture, two days old.
fn furnished() -> (Report, Moment<'static>) {
    let address =
        |name: Option<&str>, address: &str| crate::report::Address { name: name.map(str::to_owned), address: address.into() };
    let received = crate::clock::from_millis(1_800_000_000_000);
    let picture = crate::report::Attachment { name: None, media_type: "image/png".into(), size: 9, sha256: String::new() };
    let automated = crate::report::Automated { reason: "list".into(), why: "A list.".into() };
    let mail = Report {
        from: vec![address(Some("Press Office"), "news@example.net")],
        cc: vec![address(None, "ca+x@example.org")],
        headers: vec![("X-Priority".into(), "1 (Highest)".into()), ("x-priority".into(), "3".into())],
        attachments: vec![picture],
        automated: Some(automated),
        size: 5_000,
        received,
        ..report("", "x")
    };
    let auth = crate::report::Authentication { dmarc: Some(crate::report::AuthResult::Pass), ..Default::default() };
    let now = received + jiff::SignedDuration::from_hours(48);
    (mail, Moment { now, follow_up: true, auth, time_is_up: &|| false })
}

#[test]
fn each_fact_can_be_asked_and_denied() {
    let (mail, moment) = furnished();
    let holds = |fact: &str| {
        !compiled(&[&rule("r", &format!("topics = [\"t\"]\n{fact}"))]).judge_at(&mail, &ca(), &moment).topics.is_empty()
    };
    for fact in [
        "from = '@example\\.net$'",
        "from = '^press office$'",
        "not_from = '@example\\.org$'",
        "to = '^ca\\+'",
        "not_to = 'drt@'",
        "header = { X-Priority = '^3$' }",
        "header = { X-Mailer = '^$' }",
        "not_header = { X-Spam-Flag = 'yes' }",
        "attachment_type = [\"text/plain\", \"image/*\"]",
        "larger_than = \"4 KiB\"",
        "smaller_than = \"5 KiB\"",
        "automated = true",
        "automated = [\"list\", \"precedence\"]",
        "authentication = [\"proven\"]",
        "follow_up = true",
        "older_than = \"47 h\"",
        "newer_than = \"3 days\"",
        "junk = false",
    ] {
        assert!(holds(fact), "{fact}");
    }
    for fact in [
        "from = 'example\\.org'",
        "not_from = 'press'",
        "to = 'drt@'",
        "not_to = 'example\\.org'",
        "header = { X-Priority = '2' }",
        "header = { X-Mailer = 'x' }",
        "not_header = { X-Priority = 'highest' }",
        "not_header = { X-Mailer = '^$' }",
        "attachment_type = [\"video/*\"]",
        "larger_than = \"5 KiB\"",
        "smaller_than = \"4 KiB\"",
        "automated = [\"precedence\"]",
        "automated = false",
        "authentication = [\"failed\", \"unknown\"]",
        "follow_up = false",
        "older_than = \"2 days\"",
        "newer_than = \"48 h\"",
    ] {
        assert!(!holds(fact), "{fact}");
    }
}

#[test]
fn a_clock_ahead_of_ours_makes_no_mail_old() {
    let (mail, moment) = furnished();
    let early = Moment { now: mail.received - jiff::SignedDuration::from_hours(99), ..moment };
    let set =
        compiled(&[&rule("r", "topics = [\"t\"]\nolder_than = \"1 h\""), &rule("s", "topics = [\"s\"]\nnewer_than = \"1 h\"")]);
    assert_eq!(set.judge_at(&mail, &ca(), &early).topics, ["s"]);
}

#[test]
fn the_hash_knows_facts_and_answers() {
    let hash = |rest: &str| compiled(&[&rule("r", &format!("topics = [\"t\"]\nany = [\"x\"]\n{rest}"))]).hash().to_owned();
    let all = [
        "",
        "answer = \"none\"",
        "from = 'x'",
        "not_from = 'x'",
        "follow_up = true",
        "older_than = \"1 h\"",
        "automated = [\"list\"]",
    ];
    let hashes: BTreeSet<String> = all.iter().map(|rest| hash(rest)).collect();
    assert_eq!(hashes.len(), all.len());
    assert_eq!(hash("header = { A = 'x', B = 'y' }"), hash("header = { B = 'y', A = 'x' }"));
}

#[test]
fn of_several_answers_none_wins_and_then_the_alphabet() {
    let text = |id: &str, word: &str, answer: &str| rule(id, &format!("answer = \"{answer}\"\nany = [\"{word}\"]"));
    let file = text("b", "beta", "none")
        + &text("a", "alpha", "holiday")
        + &text("c", "beta", "none")
        + &text("d", "gamma", "none").replace("any", "shadow = true\nany");
    let chosen = |body: &str| compiled(&[&file]).judge(&report("", body), &ca()).answer.map(|c| (c.text, c.rule));
    assert_eq!(chosen("alpha"), Some((Some("holiday".to_owned()), "a".to_owned())));
    assert_eq!(chosen("alpha beta"), Some((None, "b".to_owned())));
    assert_eq!((chosen("nothing"), chosen("gamma")), (None, None), "a shadow rule chooses nothing");
}

#[test]
fn when_the_time_is_up_a_mail_is_at_its_floor_or_higher_and_nothing_sinks_it() {
    let set = compiled(&[VOTES]);
    let mail = report("", "out of office");
    let emergency = place("emergency", "threat-of-harm", "threat-of-harm");
    for looks in 0..3 {
        let left = std::cell::Cell::new(looks);
        let time_is_up = || left.replace(left.get() - 1) <= 0;
        let moment = Moment { time_is_up: &time_is_up, ..Moment::of(&mail) };
        let verdict = set.judge_at(&mail, &emergency, &moment);
        assert_eq!((verdict.queue.as_str(), verdict.trace.unasked), ("threat-of-harm", 5), "after {looks} looks");
        assert!(verdict.trace.because[0].contains("the time for this mail was up"), "{:?}", verdict.trace.because);
        let left = std::cell::Cell::new(looks);
        let time_is_up = || left.replace(left.get() - 1) <= 0;
        let drt = place("drt", "disinformation", "general");
        let verdict = set.judge_at(&mail, &drt, &Moment { time_is_up: &time_is_up, ..Moment::of(&mail) });
        assert_eq!(verdict.queue, "disinformation");
    }
    assert_eq!(set.judge(&mail, &emergency).queue, "general", "with time it sinks");
}

#[test]
fn rules_behind_a_regex_are_not_asked_when_the_time_ran_out_before_it() {
    let file = rule("a", "topics = [\"a\"]\nany = [\"x\"]")
        + &rule("b", "topics = [\"b\"]\nregex = 'xyz'")
        + &rule("c", "topics = [\"c\"]\nany = [\"x\"]");
    let mail = report("", "x xyz");
    let looks = std::cell::Cell::new(0);
    // Six fields, then the first rule, then the regex.
    let time_is_up = || looks.replace(looks.get() + 1) >= 7;
    let verdict = compiled(&[&file]).judge_at(&mail, &ca(), &Moment { time_is_up: &time_is_up, ..Moment::of(&mail) });
    assert_eq!((verdict.topics, verdict.trace.unasked), (vec!["a".to_owned()], 2));
}

#[test]
fn a_regex_without_literals_is_told_of() {
    let set =
        compiled(&[&rule("a", "topics = [\"t\"]\nregex = '[0-9]{4}'"), &rule("b", "topics = [\"t\"]\nregex = 'ticket [0-9]+'")]);
    assert_eq!(set.unfiltered(), ["a"]);
}
