//! The policy as a whole: what is shipped is valid, every mistake has its message, and a mail's place is found.

use super::*;
use crate::case::Reference;
use crate::clock::from_millis;
use crate::config::Referral;
use crate::golden::{differs, repository};
use crate::reply::template::Values;
use crate::report::Address;

/// Config and answer texts, without rules.
fn texts_too(source: &Source, problems: &Problems) -> Option<(Config, Templates)> {
    // A day whose next 90 days have a change of the clocks in them, so that the messages never change.
    let now: Timestamp = "2026-09-01T12:00:00Z".parse().expect("a moment");
    let Parts { config, places, texts } = read_parts(source, now, problems)?;
    check_rotas(source, &config, &places.rotas, now, problems);
    let templates = compile_templates(&config, &texts, &[], problems);
    check_languages(source, &places.languages, &templates, problems);
    check_topics(source, &places.topics, &BTreeSet::from(["press", "content", "lost-property"]), &templates, problems);
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
    for (folder, shipped) in
        [("rules", RULES), ("config/templates/acknowledgement", TEMPLATES), ("config/templates/referral", REFERRALS)]
    {
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

/// The values of every answer in these tests.
fn values<'v>(reference: &'v Reference, referrals: &'v [&'v Referral]) -> Values<'v> {
    let (team, contact, general_contact) = ("Trust & Safety", "emergency@example.org", "ca@example.org");
    Values { reference, team, contact, general_contact, referrals }
}

/// Languages that shipped answers are written in: those of the rules, and more.
const ANSWERED: &str =
    "ar bg bn ca cs da de el en es fa fi fr he hi hu id it ja ko nl no pl pt ro ru sk sr sv sw th tr uk ur vi zh";

#[test]
fn every_answer_reads_as_its_golden_file_says_fits_a_terminal_and_is_in_its_language() {
    let (config, templates) = shipped_parts();
    let reference = Reference::from_bits([1, 2, 3, 4, 5]);
    assert_eq!(templates.languages().join(" "), ANSWERED);
    let mut all = String::new();
    for queue in &config.queues {
        for language in templates.languages() {
            assert!(templates.has("default", language) && (queue.name == "general" || templates.has(&queue.name, language)));
            let answer = templates.render(&queue.name, Some(language), &[], values(&reference, &[]));
            assert_eq!(too_wide(&answer.body, 78), Vec::<&str>::new(), "{} {language}", queue.name);
            assert_eq!(too_wide(&answer.subject, 78), Vec::<&str>::new(), "{} {language}", queue.name);
            assert!(answer.body.contains(reference.as_str()) && answer.subject.contains(reference.as_str()), "{}", answer.body);
            let unfilled = |c: char| "{}".contains(c) || ('\u{E000}'..='\u{F8FF}').contains(&c);
            assert!(!answer.body.contains(unfilled) && !answer.subject.contains(unfilled), "{}", answer.body);
            assert_eq!(crate::message::language::detect(&answer.body, None).as_deref(), Some(language), "{}", answer.body);
            all += &format!("===== {} {language} =====\nSubject: {}\n\n{}\n", queue.name, answer.subject, answer.body);
        }
    }
    let mixed = templates.render("general", None, &["fr".to_owned()], values(&reference, &[]));
    all +=
        &format!("===== general unknown, fallback fr ({}) =====\nSubject: {}\n\n{}", mixed.language, mixed.subject, mixed.body);
    if let Some(difference) = differs(&repository("fixtures/acknowledgements.golden"), &all) {
        panic!("{difference}");
    }
}

/// Lines that take more than so many columns on a terminal.
fn too_wide(text: &str, columns: usize) -> Vec<&str> {
    text.lines().filter(|line| unicode_width::UnicodeWidthStr::width(*line) > columns).collect()
}

/// A link for every topic.
fn everywhere(topics: &[&str]) -> Vec<Referral> {
    let one = |topic: &&str| Referral { topic: (*topic).to_owned(), place: format!("https://example.org/{topic}") };
    topics.iter().map(one).collect()
}

#[test]
fn every_referral_reads_as_its_golden_file_says_in_fourteen_languages() {
    let (_, templates) = shipped_parts();
    let rules = Policy::shipped();
    let topics: Vec<&str> = rules.rules.topics().into_iter().collect();
    let (reference, mut all) = (Reference::from_bits([1, 2, 3, 4, 5]), String::new());
    for language in ["ar", "de", "en", "es", "fr", "it", "ja", "nl", "pl", "pt", "ru", "tr", "uk", "zh"] {
        let mut texts = std::collections::BTreeSet::new();
        for topic in everywhere(&topics) {
            let answer = templates.render("general", Some(language), &[], values(&reference, &[&topic]));
            let start = answer.body.find(&topic.place).unwrap_or_else(|| panic!("{language} {}: no referral", topic.topic));
            let paragraph = answer.body[..start].rsplit("\n\n").next().unwrap();
            assert_eq!(too_wide(paragraph, 78), Vec::<&str>::new(), "{language} {}", topic.topic);
            assert!(texts.insert(paragraph.to_owned()), "{language}: two topics have the same text: {paragraph}");
            all += &format!("===== {language} {} =====\n{paragraph}{}\n\n", topic.topic, topic.place);
        }
        let together = texts.into_iter().collect::<String>();
        assert_eq!(crate::message::language::detect(&together, None).as_deref(), Some(language));
    }
    if let Some(difference) = differs(&repository("fixtures/referrals.golden"), &all) {
        panic!("{difference}");
    }
}

#[test]
fn a_referral_stands_in_everyday_answers_only_at_most_three_and_in_english_where_it_has_no_text() {
    let (config, templates) = shipped_parts();
    let reference = Reference::from_bits([0; 5]);
    let places = everywhere(&["press", "content", "donations", "ombuds"]);
    let all: Vec<&Referral> = places.iter().collect();
    let body = |queue: &str, language| templates.render(queue, Some(language), &[], values(&reference, &all)).body;
    for queue in config.queues.iter().filter(|queue| queue.name != "general") {
        assert!(!body(&queue.name, "en").contains("https://"), "{}: an emergency is not sent elsewhere", queue.name);
    }
    let general = body("general", "en");
    assert!(general.contains("press office:\nhttps://example.org/press\n\n") && !general.contains("ombuds"), "{general}");
    assert!(body("general", "sw").contains("press office:\nhttps://example.org/press\n"));
    let none = templates.render("general", Some("en"), &[], values(&reference, &[])).body;
    assert!(!none.contains("\n\n\n"), "no hole where no referral stands: {none}");
}

/// What an answer must not forget, whoever edits the texts (FIELD.md, issue 4).
#[test]
fn the_lines_that_safety_hangs_on_stand_in_every_language() {
    let (_, templates) = shipped_parts();
    let reference = Reference::from_bits([0; 5]);
    let spam = "spam indésirable no_deseado indesiderata indesejado ongewenste спам istenmeyen المرغوب هرزنامه ספאם स्पैम স্প্যাম \
                thư_rác 垃圾 迷惑 스팸 skräppost ανεπιθύμητης จดหมายขยะ taka uønsket søppelpost roskaposti levélszemét нежељеном brossa \
                سپیم";
    for language in templates.languages() {
        let body = |queue: &str| {
            let text = templates.render(queue, Some(language), &[], values(&reference, &[])).body;
            text.replace('\n', " ").to_lowercase()
        };
        let threat = body("threat-of-harm");
        assert!(threat.contains("ca@example.org"), "{language}: no address for when nobody answers");
        let (glued, text) = (threat.replace(' ', ""), threat.replace(' ', "_"));
        assert!(spam.split(' ').any(|word| text.contains(word) || glued.contains(word)), "{language}: no spam folder: {threat}");
        for queue in ["threat-of-harm", "child-protection", "disinformation", "general"] {
            assert!(body(queue).contains(&emergency(language)), "{language} {queue}: no emergency number: {}", body(queue));
        }
        assert!(body("child-protection").contains(image(language)), "{language}: nothing about images");
    }
}

/// The stem of "emergency number" in a language.
fn emergency(language: &str) -> String {
    let stems = "ar:الطوارئ bg:спешна bn:জরুরি ca:emergències cs:tísňovou da:alarmnummer de:notruf el:έκτακτης en:emergency es:emergencias \
                 fa:اورژانس fi:hätänumeroon fr:urgence he:החירום hi:आपातकालीन hu:segélyhívó id:darurat it:emergenza ja:緊急 ko:긴급 \
                 nl:alarmnummer no:nødnummeret pl:alarmowy pt:emergência ro:urgență ru:экстренной sk:tiesňovú sr:хитне \
                 sv:nödnumret sw:dharura th:ฉุกเฉิน tr:acil uk:екстреної ur:ہنگامی vi:khẩn zh:紧急";
    let stem = stems.split_whitespace().find_map(|pair| pair.strip_prefix(&format!("{language}:")));
    stem.unwrap_or_else(|| panic!("which word is it in {language}?")).to_owned()
}

/// The stem of "image" in a language.
fn image(language: &str) -> &'static str {
    let stems = "ar:صورة bg:снимки bn:ছবি ca:imatge cs:obrázky da:billeder de:bilder el:εικόνες en:image es:imagen fa:عکس fi:kuvia \
                 fr:image he:תמונות hi:तस्वीर hu:képeket id:gambar it:immagini ja:画像 ko:사진 nl:foto no:bilder pl:zdjęć \
                 pt:imagens ro:imagini ru:изображения sk:obrázky sr:слике sv:bilder sw:picha th:ภาพ tr:resim uk:зображень ur:تصویر \
                 vi:hình zh:图片";
    stems.split_whitespace().find_map(|pair| pair.strip_prefix(language)?.strip_prefix(':')).expect("a word for every language")
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
