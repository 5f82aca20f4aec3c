//! Auto-replies, bounces, challenges and receipts that no header betrays. A person may use the same words ("I got an out of
//! office reply", "it came back undeliverable"), so words alone never decide: the subject must have a machine's shape, or the
//! phrase must open a sentence near the start and something else must speak for a machine too.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use super::phrases::{BOUNCE_SUBJECTS, Meaning, PHRASES, RECEIPT_SUBJECTS, REPLY_SUBJECTS};
use super::{local_parts, reason};
use crate::report::{Automated, Report};

/// Characters of the body that are looked at: machines come to the point.
const HEAD: usize = 2_000;
/// An absence is told within this much (bytes) of the start, in a text no longer than [`SHORT`].
const NEAR: usize = 400;
/// Longest text (bytes, within [`HEAD`]) that an absence note is taken for.
const SHORT: usize = 1_400;

/// Reads subject and body for the fixed texts of machines.
pub(super) fn detect(report: &Report) -> Option<Automated> {
    let subject = Subject::read(&report.fields.subject);
    let text = Text::read(&report.fields.body);
    let system = system_sender(report);
    if bounce(&subject, &text, system) {
        return reason("bounce-text", "its text is a mail system's notice that a mail was not delivered");
    }
    if receipt(&subject, &text) {
        return reason("receipt-text", "its text is a mail program's receipt");
    }
    if text.opens_with(Meaning::Challenge, HEAD) && (text.count(Meaning::Challenge) > 1 || text.length < SHORT) {
        return reason("challenge-text", "its text asks the sender to prove that they are a person");
    }
    if away(&subject, &text) {
        return reason("out-of-office-text", "its text is an out-of-office note");
    }
    // Further down the same words may be a footer that a person pasted.
    let says_so = text.opens_with(Meaning::Automatic, NEAR) && !text.asks;
    says_so.then(|| reason("automatic-text", "it says of itself that a program wrote it")).flatten()
}

/// A notice of non-delivery: two of subject, sender and words must agree; a greeting speaks for a person.
fn bounce(subject: &Subject, text: &Text, system: bool) -> bool {
    let fixed = text.count(Meaning::Bounce);
    let words = fixed + text.count(Meaning::Undelivered) + usize::from(text.status_code);
    let greeted = text.greeting && fixed < 2 && !text.starts_with(Meaning::Bounce);
    match (subject.bounce, system) {
        (true, true) => true,
        // A feedback loop's own subject needs no words: its body is the mail complained about.
        (true, false) => subject.complaint || !greeted && (fixed > 0 || words > 1),
        (false, true) => !greeted && (fixed > 0 || words > 1),
        (false, false) => !subject.answer && text.starts_with(Meaning::Bounce) && (fixed > 1 || text.status_code) && !greeted,
    }
}

/// A receipt: its subject's shape with its words or with no text, or its words as the first sentence.
fn receipt(subject: &Subject, text: &Text) -> bool {
    subject.receipt && (text.length < 5 || text.count(Meaning::Receipt) > 0 && text.length < SHORT)
        || text.starts_with(Meaning::Receipt) && text.length < SHORT
}

/// An absence note, or any automatic reply whose subject says what it is.
fn away(subject: &Subject, text: &Text) -> bool {
    let automatic = text.opens_with(Meaning::Automatic, HEAD);
    let absent = text.opens_with(Meaning::Absence, NEAR) && text.length < SHORT;
    match subject.reply {
        // "Automatic reply: your subject"; nobody but a program names a mail so.
        Some(Shape::Prefix) => true,
        Some(Shape::Whole) => automatic || absent || text.count(Meaning::Return) > 1 && text.length < SHORT / 2 && !text.asks,
        None => absent && text.count(Meaning::Return) > 0 && !text.asks,
    }
}

/// Mailers under names that a person's address may have too.
fn system_sender(report: &Report) -> bool {
    let mailer = |local: String| {
        let local = local.as_str();
        matches!(
            local,
            "" | "postmaster"
                | "mailer"
                | "daemon"
                | "smtp"
                | "mta"
                | "mail"
                | "mailadmin"
                | "mailgateway"
                | "root"
                | "system"
                | "administrator"
        ) || local.starts_with("postmaster")
            || [
                "smtp",
                "maildelivery",
                "mail-delivery",
                "mail_delivery",
                "mailsystem",
                "mail-system",
                "mail_system",
                "mailservice",
                "mailserver",
                "delivery",
                "mailscanner",
            ]
            .iter()
            .any(|part| local.contains(part))
    };
    let named = report.from.iter().filter_map(|a| a.name.as_deref()).map(str::to_lowercase);
    let names = [
        "mail delivery",
        "mailer-daemon",
        "mailer daemon",
        "postmaster",
        "mail system",
        "system administrator",
        "mail administrator",
        "delivery subsystem",
        "mailserver",
        "microsoft outlook",
        "mail gateway",
    ];
    report.from.is_empty()
        || local_parts(report).any(mailer)
        || named.into_iter().any(|name| names.iter().any(|n| name.contains(n)))
}

/// How a subject names an automatic reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// Followed by a colon or the like and the subject answered.
    Prefix,
    /// The whole subject.
    Whole,
}

/// What the subject says.
struct Subject {
    bounce: bool,
    complaint: bool,
    reply: Option<Shape>,
    receipt: bool,
    /// It answers or forwards: then the words after it are somebody else's.
    answer: bool,
}

impl Subject {
    fn read(subject: &str) -> Self {
        let subject = subject.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase().replace('’', "'");
        let subject = without_tags(&subject);
        let answer = [
            "re:", "fw:", "fwd:", "aw:", "sv:", "wg:", "tr:", "rv:", "enc:", "i:", "odp:", "antw:", "ynt:", "回复:", "答复:",
            "转发:", "回覆:", "轉寄:",
        ];
        let answer = answer.iter().any(|prefix| subject.starts_with(prefix));
        Subject {
            bounce: BOUNCE_SUBJECTS.iter().any(|start| subject.starts_with(start)),
            complaint: subject.starts_with("complaint about message from ") && subject.contains('.'),
            reply: shape(subject, REPLY_SUBJECTS),
            receipt: matches!(shape(subject, RECEIPT_SUBJECTS), Some(Shape::Prefix)) || subject.starts_with("return receipt"),
            answer,
        }
    }
}

/// Without what gateways put before a subject: `[EXTERNAL]`, `***SPAM***`, `"`.
fn without_tags(subject: &str) -> &str {
    let mut rest = subject.trim_start_matches(['*', '"', '\'', '<', ' ', '!', '【', '~']);
    while let Some(end) = rest.strip_prefix('[').and_then(|tag| tag.find(']')).filter(|end| *end < 40) {
        rest = rest[end + 2..].trim_start();
    }
    rest
}

/// Is one of `phrases` the whole subject, or its beginning up to a colon, a dash or a bracket?
fn shape(subject: &str, phrases: &[&str]) -> Option<Shape> {
    let rests = phrases.iter().filter_map(|phrase| subject.strip_prefix(phrase));
    let shapes = rests.filter_map(|rest| {
        let rest = rest.trim_start_matches([']', '"', '】', '>']).trim_start();
        match rest.chars().next() {
            None => Some(Shape::Whole),
            Some(':' | '：' | '｜' | '|') => Some(Shape::Prefix),
            Some('.' | '!' | '…') if rest.trim_matches(['.', '!', '…']).is_empty() => Some(Shape::Whole),
            Some('(' | '-' | '–' | '—' | '[' | '【' | '（') => Some(Shape::Whole),
            _ => None,
        }
    });
    shapes.min_by_key(|shape| *shape == Shape::Whole)
}

/// The beginning of a body and what was found in it.
struct Text {
    /// Bytes of the folded beginning.
    length: usize,
    /// Each phrase found: its meaning, where, and whether it opens a sentence.
    found: Vec<(Meaning, usize, bool)>,
    /// An SMTP status code (RFC 3463) such as 5.1.1.
    status_code: bool,
    /// It begins with a greeting.
    greeting: bool,
    /// It asks something, which notices do not.
    asks: bool,
}

impl Text {
    fn read(body: &str) -> Self {
        let (folded, starts) = fold(body);
        let hits = AUTOMATON.0.find_overlapping_iter(&folded);
        let found = hits
            .map(|hit| (AUTOMATON.1[hit.pattern().as_usize()], hit.start(), opens_sentence(&folded, hit.start(), &starts)))
            .collect();
        let greetings = [
            "hello",
            "hi ",
            "hi,",
            "dear ",
            "good morning",
            "hallo",
            "guten tag",
            "bonjour",
            "hola",
            "olá",
            "ciao",
            "buongiorno",
            "здравствуйте",
            "добрый день",
        ];
        Text {
            length: folded.len(),
            found,
            status_code: folded.split([' ', '#', '(', ')', ',', ';', '-', ':']).any(is_status_code),
            greeting: greetings.iter().any(|g| folded.starts_with(g)),
            asks: folded.contains(['？', '؟', '\u{37e}'])
                || folded.split(' ').any(|word| word.ends_with('?') && !word.contains("://")),
        }
    }

    /// How often, at different places, something of this meaning was found.
    fn count(&self, meaning: Meaning) -> usize {
        let mut places: Vec<usize> = self.found.iter().filter(|f| f.0 == meaning).map(|f| f.1).collect();
        places.dedup();
        places.len()
    }

    /// Does a sentence within the first `near` bytes open with it?
    fn opens_with(&self, meaning: Meaning, near: usize) -> bool {
        self.found.iter().any(|(m, at, opens)| *m == meaning && *opens && *at < near)
    }

    /// Does it stand where the text begins (after a greeting of a machine, such as "Hi.")?
    fn starts_with(&self, meaning: Meaning) -> bool {
        self.opens_with(meaning, 80)
    }
}

/// Lower case, single blanks, straight apostrophes; beside it where each line of the original began.
fn fold(body: &str) -> (String, Vec<usize>) {
    let (mut folded, mut starts) = (String::new(), Vec::new());
    let mut new_line = true;
    for c in body.trim_start().chars().take(HEAD) {
        if c.is_whitespace() {
            new_line |= c == '\n';
            if !folded.ends_with(' ') {
                folded.push(' ');
            }
            continue;
        }
        if new_line {
            starts.push(folded.len());
            new_line = false;
        }
        if matches!(c, '’' | '‘' | 'ʼ') { folded.push('\'') } else { folded.extend(c.to_lowercase()) }
    }
    (folded, starts)
}

/// At the start of a line or after a sentence's end. Quotation marks and colons do not count: there a person cites. Scripts
/// without blanks have no such start.
fn opens_sentence(text: &str, at: usize, starts: &[usize]) -> bool {
    let before = text[..at].trim_end_matches(' ');
    let spaceless = text[at..].starts_with(|c: char| ('\u{e00}'..='\u{e7f}').contains(&c) || c >= '\u{2e80}');
    let mark = before.is_empty()
        || before
            .ends_with(['.', '!', '?', ',', ';', '*', '-', '–', '—', '(', '[', '•', '।', '،', '。', '|', '=', '_', '#', '>']);
    mark || starts.binary_search(&at).is_ok() || spaceless && !before.ends_with(['「', '『', '“', '"'])
}

/// RFC 3463: class 4 or 5, subject, detail.
fn is_status_code(token: &str) -> bool {
    let token = token.trim_matches(|c: char| !c.is_ascii_digit());
    let mut parts = token.split('.');
    let class = matches!(parts.next(), Some("4" | "5"));
    let numbers =
        parts.clone().count() == 2 && parts.all(|p| (1..=3).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_digit()));
    class && numbers
}

/// One automaton for all phrases, with the meaning of each.
static AUTOMATON: LazyLock<(AhoCorasick, Vec<Meaning>)> = LazyLock::new(|| {
    let pairs = || PHRASES.iter().flat_map(|(meaning, list)| list.iter().map(move |phrase| (*meaning, *phrase)));
    let automaton = AhoCorasick::new(pairs().map(|(_, phrase)| phrase));
    // The phrases are constants of this program, far below any limit of the automaton.
    (automaton.expect("the shipped phrases make an automaton"), pairs().map(|(meaning, _)| meaning).collect())
});
