//! Golden pairs of real replies, and every language's own way to quote and to forward.

#![allow(clippy::print_stderr, reason = "the measured figures are what the test is run for")]

use super::*;
use std::path::PathBuf;

/// Folder of the real mails, or `None` where they are absent (which CI does not allow).
fn shared(part: &str) -> Option<PathBuf> {
    let root = std::env::var_os("TRIAGED_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let path = root.join("data").join(part);
    if path.is_dir() {
        return Some(path);
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{} is absent", path.display());
    eprintln!("SKIPPED: {} is absent (set TRIAGED_SHARED)", path.display());
    None
}

#[test]
fn golden_pairs_are_parted_as_expected() {
    let Some(dir) = shared("reply/email_reply_trimmer") else { return };
    let (mut exact, mut total) = (0, 0);
    for entry in std::fs::read_dir(dir.join("emails")).unwrap() {
        let name = entry.unwrap().file_name();
        let read = |part: &str| std::fs::read_to_string(dir.join(part).join(&name)).unwrap().replace("\r\n", "\n");
        let (split, want) = (split(&read("emails")), read("trimmed"));
        total += 1;
        if split.new.trim() == want.trim() {
            exact += 1;
        } else {
            eprintln!("differs: {}: {:?}", name.display(), split);
        }
    }
    eprintln!("reply pairs: {exact}/{total} exact");
    assert!(total >= 20, "the set is there but holds {total} pairs");
    assert!(exact * 100 >= total * 90, "{exact} of {total}");
}

/// The line above a quote as mail programs of each language write it; `>` follows.
const ATTRIBUTIONS: &[&str] = &[
    "On Mon, May 3, 2027 at 10:00 AM Some One <a@example.org> wrote:",
    "Le lun. 3 mai 2027 à 10:00, Some One <a@example.org> a écrit :",
    "Am Mo., 3. Mai 2027 um 10:00 Uhr schrieb Some One <a@example.org>:",
    "Some One <a@example.org> schrieb am Mo., 3. Mai 2027, 10:00:",
    "El lun, 3 may 2027 a las 10:00, Some One (<a@example.org>) escribió:",
    "Em seg., 3 de mai. de 2027 às 10:00, Some One <a@example.org> escreveu:",
    "Il giorno lun 3 mag 2027 alle ore 10:00 Some One <a@example.org> ha scritto:",
    "Op ma 3 mei 2027 om 10:00 schreef Some One <a@example.org>:",
    "pon., 3 maj 2027 o 10:00 Some One <a@example.org> napisał(a):",
    "пн, 3 мая 2027 г. в 10:00, Some One <a@example.org>:",
    "03.05.2027, 10:00, \"Some One\" <a@example.org>:",
    "3 мая 2027 г. 10:00 пользователь Some One <a@example.org> написал:",
    "пн, 3 трав. 2027 р. о 10:00 Some One <a@example.org> пише:",
    "Some One <a@example.org>, 3 May 2027 Pzt, 10:00 tarihinde şunu yazdı:",
    "في الاثنين، 3 مايو 2027 في 10:00 ص تمت كتابة ما يلي بواسطة Some One <a@example.org> كتب:",
    "در تاریخ دوشنبه ۳ مهٔ ۲۰۲۷ ۱۰:۰۰ Some One <a@example.org> نوشت:",
    "בתאריך יום ב׳, 3 במאי 2027 ב-10:00 מאת Some One <a@example.org> כתב:",
    "सोम, 3 मई 2027 को 10:00 पर Some One <a@example.org> ने लिखा:",
    "সোম, 3 মে, 2027 তারিখে 10:00 AM টায় Some One <a@example.org> লিখেছেন:",
    "Pada Sen, 3 Mei 2027 pukul 10.00 Some One <a@example.org> menulis:",
    "Vào Th 2, 3 thg 5, 2027 vào lúc 10:00 Some One <a@example.org> đã viết:",
    "Some One <a@example.org> 于2027年5月3日周一 10:00写道：",
    "Some One <a@example.org> 於 2027年5月3日 週一 上午10:00寫道：",
    "2027年5月3日(月) 10:00 Some One <a@example.org>:",
    "2027년 5월 3일 (월) 오전 10:00, Some One <a@example.org>님이 작성:",
    "Den mån 3 maj 2027 kl 10:00 skrev Some One <a@example.org>:",
    "po 3. 5. 2027 v 10:00 odesílatel Some One <a@example.org> napsal:",
    "Στις Δευ 3 Μαΐ 2027 στις 10:00 π.μ., ο χρήστης Some One <a@example.org> έγραψε:",
    "În lun., 3 mai 2027 la 10:00, Some One <a@example.org> a scris:",
    "ในวันที่ จ. 3 พ.ค. 2027 เวลา 10:00 Some One <a@example.org> เขียนว่า:",
    "Jumatatu, 3 Mei 2027 saa 10:00 Some One <a@example.org> aliandika:",
    "man. 3. maj 2027 kl. 10.00 skrev Some One <a@example.org>:",
    "ma 3. toukok. 2027 klo 10.00 Some One (a@example.org) kirjoitti:",
    "Some One <a@example.org> ezt írta (időpont: 2027. máj. 3., H, 10:00):",
];

#[test]
fn the_line_above_a_quote_is_known_in_every_language() {
    for line in ATTRIBUTIONS {
        for quote in ["> old text\n> more of it", "\n> old text\n> more of it"] {
            let split = split(&format!("New words here.\n\n{line}\n{quote}\n"));
            assert_eq!(split.new, "New words here.", "{line}");
            assert!(split.quoted.contains("old text") && split.quoted.contains(line), "{line}");
        }
    }
}

#[test]
fn an_inline_forward_is_forwarded_in_every_language() {
    for marker in FORWARDED {
        let line = if marker.ends_with([':', '：']) { (*marker).to_owned() } else { format!("---------- {marker} ---------") };
        let split = split(&format!("See below.\n\n{line}\nFrom: x\n\nI will kill you."));
        assert_eq!(split.new, "See below.", "{line}");
        assert!(split.forwarded.contains("I will kill you."), "{line}");
    }
    for blocks in [
        ["From", "Sent", "To", "Subject"],
        ["Von", "Gesendet", "An", "Betreff"],
        ["De", "Envoyé", "À", "Objet"],
        ["От", "Отправлено", "Кому", "Тема"],
        ["发件人", "发送时间", "收件人", "主题"],
        ["差出人", "送信日時", "宛先", "件名"],
        ["من", "تم الإرسال", "إلى", "الموضوع"],
    ] {
        let block = blocks.map(|name| format!("{name}: something")).join("\n");
        let split = split(&format!("See below.\n\n{block}\n\nI will kill you."));
        assert_eq!(split.new, "See below.", "{block}");
        assert!(split.forwarded.contains("I will kill you."), "{block}");
    }
}

#[test]
fn a_forward_with_nothing_above_is_forwarded_and_a_long_answer_above_makes_it_quoted() {
    let old = "-----Original Message-----\nFrom: a\nSent: b\nTo: c\nSubject: d\n\nOld words.";
    assert!(split(old).forwarded.contains("Old words.") && split(old).new.is_empty());
    let answer = "A long answer that goes on and on. ".repeat(40);
    let split = split(&format!("{answer}\n\n{old}"));
    assert!(split.quoted.contains("Old words.") && split.forwarded.is_empty());
}

#[test]
fn in_doubt_it_is_new_text() {
    // A person tells who wrote what: no address, no `>`.
    let told = "On 5 May 2027 he wrote:\nI will kill you.";
    assert_eq!(split(told).new, told);
    let told = "My report.\n\nOn 5 May 2027 at 10:00 he wrote:\nI will kill you.";
    assert_eq!(split(told).new, told);
    // Answers between quotes stay, with what they answer.
    let woven =
        "On Mon, May 3, 2027 Some One <a@example.org> wrote:\n> Are you safe?\nNo. He is here.\n> Where are you?\nAt home.";
    let parts = split(woven);
    assert!(parts.new.contains("No. He is here.") && parts.new.contains("At home.") && parts.new.contains("> Are you safe?"));
    // What stands below a quote is new.
    assert_eq!(split("On Mon, May 3, 2027 Some One <a@example.org> wrote:\n> old\n\nHelp me.").new, "Help me.");
    // A long tail below two dashes is no signature.
    let long = format!("Hello\n-- \n{}", "He says he will come to my school and kill everybody.\n".repeat(20));
    assert!(split(&long).new.contains("kill everybody"));
}

#[test]
fn a_signature_is_kept_apart_and_never_lost() {
    let parts = split("He threatened me.\n\n-- \nSome Body\nI will end it tonight");
    assert_eq!((parts.new.as_str(), parts.signature.contains("end it tonight")), ("He threatened me.", true));
    for line in [
        "Sent from my iPhone",
        "Von meinem iPhone gesendet",
        "Envoyé de mon iPhone",
        "Enviado desde mi iPhone",
        "Отправлено с iPhone",
        "iPhoneから送信",
        "发自我的iPhone",
        "나의 iPhone에서 보냄",
    ] {
        let parts = split(&format!("Help me.\n\n{line}"));
        assert_eq!((parts.new.as_str(), parts.signature.as_str()), ("Help me.", line));
    }
    assert!(split("Sent from my desk, he is coming.").signature.is_empty());
}

proptest::proptest! {
    #[test]
    fn every_line_lands_in_exactly_one_part(text in "(((> ){0,2}[a-z@:.<-]{0,12} ?(wrote:|From: x|Sent: y|Subject: z|-- |On 3 May 2027 a@b)?)\n){0,30}") {
        let parts = split(&text);
        let words = |text: &str| text.split_whitespace().count();
        let sum = words(&parts.new) + words(&parts.signature) + words(&parts.quoted) + words(&parts.forwarded);
        proptest::prop_assert_eq!(sum, words(&text), "{:?}", parts);
    }
}

#[test]
fn a_hostile_text_is_parted_in_linear_time() {
    for line in ["> ", "On 3 May 2027 <a@b", "From: x\n", "-- \n", "wrote:\n", "2027 wrote\n", ">>>>>>>>"] {
        let start = std::time::Instant::now();
        let parts = split(&line.repeat(100_000));
        assert!(start.elapsed().as_secs() < 10, "{line:?} took {:?}", start.elapsed());
        assert!(parts != Split::default(), "{line:?} is lost");
    }
}
