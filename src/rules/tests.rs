//! The engine from rule files to verdicts, the broken rule files with their messages, and the shipped rules' own examples.

use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;
use crate::report::Fields;

mod conditions;
mod weigh;

/// The queues and accounts of the shipped sample.
fn world() -> World {
    let queues = ["threat-of-harm", "child-protection", "disinformation", "general"];
    World {
        queues: queues.map(|q| (q.to_owned(), 100)).to_vec(),
        accounts: ["ca", "emergency", "drt"].map(str::to_owned).to_vec(),
        answers: vec!["holiday".to_owned()],
    }
}

fn place(account: &str, default: &str, floor: &str) -> Place {
    Place { account: account.into(), default: default.into(), floor: floor.into() }
}

fn ca() -> Place {
    place("ca", "general", "general")
}

fn report(subject: &str, body: &str) -> Report {
    let fields = Fields { subject: subject.into(), body: body.into(), ..Fields::default() };
    Report { fields, ..Report::blank(crate::clock::from_millis(0)) }
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
fn ids_and_lists_are_unique_over_all_files() {
    let file =
        |name: &str| Source::new(name, "[terms.x]\nen = [\"a\"]\n".to_owned() + &rule("r", "topics = [\"t\"]\nany = [\"@x\"]"));
    let problems = Problems::default();
    RuleSet::compile(&[file("one.toml"), file("two.toml")], &world(), &problems);
    let shown = problems.into_result(|| ()).unwrap_err().to_string();
    for part in [
        "x.en is defined twice: first in one.toml",
        "the id \"r\" is taken: another rule in one.toml",
        "two.toml:2:1",
        "2 problems",
    ] {
        assert!(shown.contains(part), "{part} is missing in:\n{shown}");
    }
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
    fn looking_for_literals_first_changes_no_verdict(body in "[kKsS\u{212a}\u{17f}iIßẞtTσς. @x0-9\n]{0,40}", tail in "(kiss|TICKET-7|a@x|straſſe|ΣΟΣ)?") {
        const PATTERNS: [&str; 8] = ["kiss", r"\bkis+t?", "(?:sis|tik)[0-9]+", "[a-z]+@x", "x(?:ssi)+", "(?-i)Kiss|ticket-[0-9]", "stra(?:ss|ß)e", "σος"];
        let rules: String = PATTERNS.iter().enumerate().map(|(n, p)| rule(&format!("r{n}"), &format!("topics = [\"t{n}\"]\nregex = '{p}'"))).collect();
        let set = compiled(&[&rules]);
        let mail = report("", &format!("{body}{tail}"));
        let mut open = compiled(&[&rules]);
        open.rules.iter_mut().filter_map(|rule| rule.regex.as_mut()).for_each(|pattern| pattern.filter = None);
        prop_assert!(set.unfiltered().len() < 3);
        prop_assert_eq!(set.judge(&mail, &ca()), open.judge(&mail, &ca()));
    }

    #[test]
    fn no_order_of_files_rules_or_terms_changes_a_verdict(
        order in Just((0..6).collect::<Vec<usize>>()).prop_shuffle(), split in 0usize..6, body in "(alpha |beta |dmca |gamma |kill |you |\\. ){0,6}",
        language in prop_oneof![Just(None), Just(Some("de")), Just(Some("en"))]
    ) {
        let rules = [
            rule("a", "queue = \"threat-of-harm\"\npoints = 60\nany = [\"alpha\", \"kill\"]"),
            rule("b", "queue = \"threat-of-harm\"\npoints = 50\nnear = { terms = [\"kill\", \"you\"], within = 3 }"),
            rule("c", "queue = \"general\"\npoints = 100\nany = [\"dmca\"]\nbelow_floor = true"),
            rule("d", "queue = \"disinformation\"\npoints = 100\nall = [\"beta\", \"gamma\"]\ntopics = [\"x\"]"),
            rule("e", "flags = [\"spam\"]\nany = [\"beta\", \"@w\"]\nnone = [\"you\"]\nnone_near = [{ terms = [\"@v\"], within = 1 }]"),
            "[terms.v]\nde = [\"gamma\"]\nen = [\"alpha\", \"ALPHA\"]\n[terms.w]\nen = [\"k* you\"]\nde = [\"dmca\"]\n".to_owned(),
        ];
        let straight = compiled(&[&rules.concat()]);
        let shuffled: Vec<&str> = order.iter().map(|i| rules[*i].as_str()).collect();
        let (one, two) = shuffled.split_at(split);
        // A file's lists stand before or after its rules, as TOML allows.
        let turned = compiled(&[&two.concat(), &one.concat()]);
        let mail = Report { language: language.map(str::to_owned), ..report("", &body) };
        prop_assert_eq!(straight.judge(&mail, &ca()), turned.judge(&mail, &ca()));
    }
}

#[test]
fn time_grows_with_the_text_and_no_faster() {
    let set = compiled(&[
        "[terms.a]\nen = [\"a\", \"a a\", \"a*\", \"*a\", \"*aa*\", \"b\"]\n",
        &rule("r", "topics = [\"t\"]\nany = [\"@a\"]\nnone_near = { terms = [\"a b\"], within = 5 }"),
        &rule("n", "topics = [\"t\"]\nnear = { terms = [\"@a\", \"@a\", \"b\"], within = 5, in_order = true }"),
        &rule("u", "topics = [\"t\"]\nnear = { terms = [\"@a\", \"@a\", \"b\"], within = 5, same_sentence = true }"),
        &rule(
            "s",
            "topics = [\"t\"]\nany = [\"a* a\", \"a * a* *b\"]\nnone_near = { terms = [\"a* a\"], within = 2, same_sentence = true }",
        ),
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
        // Eight times the text: a square law would take 64 times as long, at every try; a busy machine does so at one.
        let mut tries = Vec::new();
        let linear = (0..5).any(|_| {
            tries.push((time(text, 3_000), time(text, 24_000)));
            tries.last().is_some_and(|(short, long)| *long < *short * 24 + std::time::Duration::from_millis(100))
        });
        assert!(linear, "{text:?}: {tries:?}");
    }
}

/// Real text to tune on (see `../shared/data/README.md`); `None`, said aloud, where it is not at hand.
#[allow(clippy::print_stderr)]
fn shared(name: &str) -> Option<String> {
    let folder = std::env::var_os("TRIAGED_SHARED").map_or_else(|| root().join("../shared"), PathBuf::from);
    let path = folder.join("data").join(name);
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(text),
        Err(error) => {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{}: {error}", path.display());
            eprintln!("NOT TESTED: {} is not here ({error}); set TRIAGED_SHARED", path.display());
            None
        }
    }
}

/// Share of texts raised to threat-of-harm, by language and label, with how many there are.
fn raised(data: &str) -> std::collections::BTreeMap<(String, String), (f64, usize)> {
    let set = shipped();
    let mut counts = std::collections::BTreeMap::new();
    for line in data.lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| row[key].as_str().unwrap().to_owned();
        let verdict = set.judge(&report("", &text("text")), &ca());
        let count: &mut (f64, usize) = counts.entry((text("lang"), text("label"))).or_default();
        count.0 += if verdict.queue == "threat-of-harm" { 1.0 } else { 0.0 };
        count.1 += 1;
    }
    counts.into_iter().map(|(key, (hits, all))| (key, (hits / all as f64, all))).collect()
}

#[test]
fn the_shipped_rules_find_threats_on_talk_pages_and_leave_the_rest_alone() {
    let Some(data) = shared("wikipedia-talk.jsonl") else { return };
    let found = raised(&data);
    let share = |label: &str| found[&("en".to_owned(), label.to_owned())].0;
    assert!(share("threat") >= 0.82, "{found:?}");
    assert!(share("clean") <= 0.005, "{found:?}");
    assert!(share("toxic_not_threat") <= 0.06, "{found:?}");
}

#[test]
fn the_shipped_rules_find_threats_in_eleven_languages() {
    let Some(data) = shared("hatecheck.jsonl") else { return };
    let found = raised(&data);
    let threats: Vec<_> = found.iter().filter(|((_, label), _)| label == "threat").collect();
    assert_eq!(threats.len(), 11);
    for ((language, _), (share, _)) in threats {
        assert!(*share >= 0.8, "{language}: {share:.3} in {found:?}");
    }
}

/// Subject, body, and the queue it belongs to when it reaches ca@. All invented.
const MAILS: &[(&str, &str, &str)] = &[
    (
        "Urgent",
        "Hello, a user just posted on his talk page that he has taken all his sleeping pills and says goodbye. Please send help!",
        "threat-of-harm",
    ),
    (
        "Emergency",
        "An IP address edited our school's article: 'tomorrow everyone at Lincoln High is going to get shot'.",
        "threat-of-harm",
    ),
    (
        "threat",
        "hi, this guy says on discord he knows where I live and is going to come and stab me tonight. I'm scared",
        "threat-of-harm",
    ),
    ("Please help", "I don't see a point any more. When you read this I will be gone.", "threat-of-harm"),
    ("vandal", "User wrote: im gonna bring a gun to class on monday and nobody will survive", "threat-of-harm"),
    ("Dringend", "Ein Benutzer hat geschrieben, dass er sich heute Abend vor den Zug werfen will.", "threat-of-harm"),
    ("Hilfe", "Auf meiner Diskussionsseite steht: Ich weiß, wo du wohnst, ich stech dich ab.", "threat-of-harm"),
    ("Urgence", "Une personne a écrit sur sa page qu'elle va se jeter sous un train ce soir.", "threat-of-harm"),
    ("Menaces", "Un contributeur m'écrit : je vais venir chez toi et te tuer.", "threat-of-harm"),
    ("Urgente", "Un usuario escribió que mañana va a disparar a todos en su colegio.", "threat-of-harm"),
    ("Ayuda", "Mi compañero dice que ya no quiere vivir y que se va a matar.", "threat-of-harm"),
    ("Urgente", "Um usuário escreveu que vai levar uma arma para a escola e matar todos.", "threat-of-harm"),
    ("Aiuto", "Un utente ha scritto che vuole uccidersi stanotte.", "threat-of-harm"),
    ("Noodgeval", "Iemand schrijft op zijn pagina dat hij vanavond een einde aan zijn leven maakt.", "threat-of-harm"),
    ("Срочно", "Участник написал, что завтра придёт в школу с оружием и всех расстреляет.", "threat-of-harm"),
    ("Помогите", "Анонимный участник пишет, что не хочет жить и сегодня спрыгнет с крыши.", "threat-of-harm"),
    ("Pilne", "Użytkownik napisał, że jutro przyjdzie do szkoły z bronią i wszystkich zabije.", "threat-of-harm"),
    ("Acil", "Bir kullanıcı bu gece intihar edeceğini yazdı, lütfen yardım edin.", "threat-of-harm"),
    ("عاجل", "كتب أحد المستخدمين أنه سيقتل زملاءه في المدرسة غدا", "threat-of-harm"),
    ("आपातकाल", "एक सदस्य ने लिखा है कि वह आज रात आत्महत्या कर लेगा", "threat-of-harm"),
    ("紧急", "有用户在讨论页写明天要去学校杀人", "threat-of-harm"),
    ("緊急", "利用者が「明日学校で全員殺す」と書き込んでいます", "threat-of-harm"),
    ("Report", "An adult editor keeps messaging my 12 year old daughter and asked for naked pictures.", "child-protection"),
    (
        "Upload",
        "There is a file on Commons that appears to show the sexual abuse of a child. Please remove it at once.",
        "child-protection",
    ),
    ("Meldung", "Ein Erwachsener hat eine 13-Jährige nach Nacktfotos gefragt.", "child-protection"),
    ("Signalement", "Un adulte envoie des messages sexuels à des mineurs.", "child-protection"),
    ("Denuncia", "Un editor adulto pide fotos íntimas a menores de edad.", "child-protection"),
    ("Жалоба", "Взрослый участник пишет сообщения сексуального характера детям.", "child-protection"),
    ("举报", "有成年用户向13岁的孩子索要裸照", "child-protection"),
    ("通報", "中学生の利用者に性的なメッセージを送っている人がいます", "child-protection"),
    (
        "Coordinated editing",
        "Before the election we noticed a bot network of new accounts inserting fabricated sources.",
        "disinformation",
    ),
    ("Hinweis", "Mehrere koordinierte Konten verbreiten vor der Wahl Desinformation in unseren Artikeln.", "disinformation"),
    ("Signalement", "Un réseau de comptes mène une campagne de désinformation sur les pages des candidats.", "disinformation"),
    ("Denuncia", "Una red de cuentas coordinadas difunde noticias falsas antes de las elecciones.", "disinformation"),
    ("Сообщение", "Сеть ботов распространяет дезинформацию в статьях о выборах.", "disinformation"),
    ("Block", "I was blocked for edit warring. The admin is killing our motivation. Please unblock me.", "general"),
    (
        "Article",
        "The section on the massacre of 1937 says 300 people were killed, the source says 200. I will fix it.",
        "general",
    ),
    ("Film", "In the plot of the film the killer wants to murder his wife. Is that a spoiler?", "general"),
    ("Deadline", "The deadline for the grant is tomorrow, and this form is killing me. Could you help us?", "general"),
    ("Children's books", "I write about children's books for young readers and would like to upload covers.", "general"),
    ("Adoption", "I would like to adopt a newcomer and mentor young editors.", "general"),
    ("Legal", "If you do not remove this page I will sue you and destroy your reputation in court.", "general"),
    ("Server", "Our bot hangs; I had to kill the process on the server, it will not die.", "general"),
    ("Propaganda", "I teach a course on the history of propaganda; may I use your pictures?", "general"),
    ("Sperre", "Ich wurde gesperrt, weil ich einen Artikel über den Krieg bearbeitet habe.", "general"),
    ("Merci", "Je vais vous écrire demain pour la conférence, merci de votre aide pour les enfants de l'école.", "general"),
    ("Consulta", "Quiero saber cómo cortar una imagen para todos los artículos.", "general"),
    ("Вопрос", "Как удалить страницу? Я хочу исправить статью о войне.", "general"),
    ("质问", "请问怎么修改条目里关于战争的内容？", "general"),
    ("質問", "記事の画像を差し替えたいのですが、どうすればよいですか。", "general"),
    (
        "Help",
        "My friend from the wiki told me she can't go on living and wants to end it tonight. What can I do?",
        "threat-of-harm",
    ),
    ("Threats", "This person keeps emailing me that I deserve to die and that they will rape my sister.", "threat-of-harm"),
    ("Bomb", "There's an explosive device in the conference venue. It goes off at noon.", "threat-of-harm"),
    ("Bedrohung", "Er hat geschrieben: Morgen erschieße ich alle in meiner Klasse.", "threat-of-harm"),
    ("Bonjour", "J'ai reçu un courriel : on sait où tu habites, on va te faire la peau.", "threat-of-harm"),
    ("Amenaza", "Me dijo que sabe dónde vivo y que me va a matar a mí y a mi familia.", "threat-of-harm"),
    ("Ameaça", "Ele disse que sabe onde eu moro e que vai me matar.", "threat-of-harm"),
    ("Minaccia", "Mi ha scritto che sa dove abito e che mi ammazza.", "threat-of-harm"),
    ("Bedreiging", "Hij schrijft dat hij weet waar ik woon en dat hij mij gaat vermoorden.", "threat-of-harm"),
    ("Угрозы", "Он пишет мне, что знает мой адрес и убьёт меня.", "threat-of-harm"),
    ("Groźby", "Pisze do mnie, że wie, gdzie mieszkam, i że mnie zabije.", "threat-of-harm"),
    ("Tehdit", "Bana evimi bildiğini ve beni öldüreceğini yazdı.", "threat-of-harm"),
    ("تهديد", "هددني أحد المستخدمين بأنه سيقتلني ويقتل عائلتي", "threat-of-harm"),
    ("धमकी", "एक सदस्य ने मुझे लिखा कि वह मुझे जान से मार देगा", "threat-of-harm"),
    ("威胁", "有人发邮件说知道我家地址，要来杀我全家", "threat-of-harm"),
    ("脅迫", "住所を知っている、殺してやるというメールが届きました。", "threat-of-harm"),
    ("Segnalazione", "Un adulto scrive messaggi sessuali a una ragazzina di 12 anni.", "child-protection"),
    ("Melding", "Een volwassen man vraagt een meisje van 13 jaar om naaktfoto's.", "child-protection"),
    ("Denúncia", "Um homem adulto está pedindo fotos íntimas a uma menina de 12 anos.", "child-protection"),
    ("Zgłoszenie", "Dorosły mężczyzna wysyła wiadomości o treści seksualnej do 13-letniej dziewczynki.", "child-protection"),
    ("Şikayet", "Yetişkin bir kullanıcı 12 yaşındaki bir çocuktan çıplak fotoğraf istiyor.", "child-protection"),
    ("بلاغ", "مستخدم بالغ يرسل رسائل جنسية إلى أطفال", "child-protection"),
    ("शिकायत", "एक वयस्क सदस्य 12 साल की बच्ची से अश्लील तस्वीरें मांग रहा है", "child-protection"),
    (
        "Oversight",
        "A girl says she is 11 and shared her full name, school and phone number on her user page.",
        "child-protection",
    ),
    ("Thanks", "Thank you for your help with my account last week. Best wishes to you and your family.", "general"),
    ("Birthday", "My son is 12 years old and would like to edit with me. Is there an age limit?", "general"),
    ("Obituary", "My father, the subject of the article, died last Monday. Please update the date of death.", "general"),
    ("Games", "In chess you can kill the queen; the article on the video game says the player must shoot enemies.", "general"),
    ("Medizin", "Der Artikel über Suizid nennt keine Hilfsangebote.", "general"),
    ("Historia", "El artículo sobre la guerra dice que murieron mil personas, pero fueron dos mil.", "general"),
    ("História", "O artigo sobre a batalha precisa de fontes melhores.", "general"),
    ("Storia", "La voce sul delitto Matteotti contiene un errore: fu ucciso nel 1924.", "general"),
    ("Geschiedenis", "Het artikel over de moord op de prins klopt niet.", "general"),
    ("История", "В статье о теракте указана неверная дата.", "general"),
    ("Historia", "W artykule o zamachu na prezydenta jest błąd w dacie.", "general"),
    ("Tarih", "Savaş hakkındaki maddede tarih yanlış yazılmış.", "general"),
    ("تاريخ", "المقالة عن المعركة فيها خطأ في عدد القتلى", "general"),
    ("इतिहास", "युद्ध के लेख में मृतकों की संख्या गलत है", "general"),
    ("历史", "关于这起谋杀案的条目里日期写错了", "general"),
    ("歴史", "殺人事件の記事の日付が間違っています。", "general"),
];

#[test]
fn mails_as_people_write_them_go_where_they_belong() {
    let set = shipped();
    let labelled = std::fs::read_to_string(root().join("fixtures/labelled.tsv")).unwrap();
    let told = labelled.lines().filter(|line| !line.starts_with('#'));
    let sentences = told.map(|line| line.split_once('\t').map(|(queue, body)| ("Hi", body, queue)).expect("a tab"));
    let mails: Vec<_> = MAILS.iter().copied().chain(sentences).collect();
    assert!(mails.len() > 300, "the sentences are gone");
    let wrong: Vec<String> = mails
        .iter()
        .map(|(subject, body, queue)| (set.judge(&report(subject, body), &ca()), body, queue))
        .filter(|(verdict, _, queue)| verdict.queue != **queue)
        .map(|(v, body, queue)| {
            let fired: Vec<_> = v
                .trace
                .fired
                .iter()
                .map(|f| format!("{} {:?}", f.id, f.hits.iter().map(|h| &h.text).collect::<Vec<_>>()))
                .collect();
            format!(
                "{queue}, not {}: {body}\n    fired {fired:?} vetoed {:?}",
                v.queue,
                v.trace.vetoed.iter().map(|v| (&v.id, &v.by.text)).collect::<Vec<_>>()
            )
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), mails.len(), wrong.join("\n"));
}
