//! Auto-replies, bounces, challenges and receipts that no header betrays. A person may use the same words ("I got an out of
//! office reply", "it came back undeliverable"), so words alone never decide: the subject must have a machine's shape, or the
//! phrase must open a sentence near the start and something else must speak for a machine too.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use super::phrases::{BOUNCE_SUBJECTS, DECIDING, Meaning, PHRASES, RECEIPT_SUBJECTS, REPLY_SUBJECTS};
use super::{local_parts, reason};
use crate::report::{Automated, Report};

/// Characters of the body that are looked at: machines come to the point.
const HEAD: usize = 2_000;
/// An absence is told within this much (bytes) of the start, in a text no longer than [`SHORT`].
const NEAR: usize = 400;
/// Longest text (bytes, within [`HEAD`]) that an absence note is taken for.
const SHORT: usize = 1_400;

/// Where a text begins (bytes): room for a greeting of a machine.
const START: usize = 80;
/// "I am currently" and "on vacation" belong together within this much (bytes).
const CLOSE: usize = 100;

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
    if challenge(&text) {
        return reason("challenge-text", "its text asks the sender to prove that they are a person");
    }
    if away(&subject, &text) {
        return reason("out-of-office-text", "its text is an out-of-office note");
    }
    // Further down the same words may be a footer that a person pasted.
    let says_so = text.opens_with(Meaning::Automatic, NEAR) && !text.asks && !text.is_persons(Meaning::Automatic);
    says_so.then(|| reason("automatic-text", "it says of itself that a program wrote it")).flatten()
}

/// A notice of non-delivery: a mail system's own phrase or a status code, with a subject or a sender that agrees, or right
/// at the start. Every team has subjects such as "Abuse report", so subject and sender never do alone.
fn bounce(subject: &Subject, text: &Text, system: bool) -> bool {
    let fixed = text.count(Meaning::Bounce);
    let words = fixed > 0 || text.status_code;
    let greeted = text.greeting && !text.starts_with(Meaning::Bounce);
    match (subject.bounce, system) {
        (true, true) => words && !text.cites,
        // A feedback loop's own subject needs no words: its body is the mail complained about.
        (true, false) => subject.complaint || words && !greeted && !text.cites,
        (false, true) => words && !greeted && !text.cites,
        (false, false) => !subject.answer && text.starts_with(Meaning::Bounce) && (fixed > 1 || text.status_code) && !text.cites,
    }
}

/// A receipt: its subject's shape and its words, which open a sentence, or its words as the first sentence. Without a word
/// only its parts could tell ("Delivered: letter with a threat"), and those are looked at before.
fn receipt(subject: &Subject, text: &Text) -> bool {
    let opens = subject.receipt && text.opens_with(Meaning::Receipt, HEAD) || text.starts_with(Meaning::Receipt);
    opens && text.length < SHORT && !text.is_persons(Meaning::Receipt)
}

fn challenge(text: &Text) -> bool {
    let opens = text.opens_with(Meaning::Challenge, HEAD) && (text.count(Meaning::Challenge) > 1 || text.length < SHORT);
    opens && !text.cites && !text.found(Meaning::Danger)
}

/// An absence note, or any automatic reply whose subject says what it is.
fn away(subject: &Subject, text: &Text) -> bool {
    let automatic = text.opens_with(Meaning::Automatic, HEAD);
    let absent = text.names_absence() && text.length < SHORT;
    let person = text.found(Meaning::Danger) || text.cites;
    match subject.reply {
        // "Automatic reply: your subject"; nobody but a program names a mail so.
        Some((Shape::Prefix, true)) => true,
        Some((Shape::Whole, true)) => {
            automatic || (absent || text.count(Meaning::Return) > 1 && text.length < SHORT / 2 && !text.asks) && !person
        }
        Some((_, false)) => (automatic || absent) && !text.asks && !person,
        // "Urgent", "until" and "please contact" is what people in distress write: beside them a date or a return is needed.
        None => {
            let dated = text.dated && text.count(Meaning::Return) > 0 || text.found(Meaning::Back);
            absent && dated && !text.asks && !person
        }
    }
}

/// Mailers under names that a person's address may have too.
fn system_sender(report: &Report) -> bool {
    let mailer = |local: String| {
        let local = local.as_str();
        matches!(local, "" | "postmaster" | "mailer" | "daemon" | "smtp" | "mta" | "mailadmin" | "mailgateway" | "system")
            || local.starts_with("postmaster")
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
    /// With whether it decides alone.
    reply: Option<(Shape, bool)>,
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
            complaint: is_complaint(subject),
            reply: shape(subject, REPLY_SUBJECTS),
            receipt: matches!(shape(subject, RECEIPT_SUBJECTS), Some((Shape::Prefix, _)))
                || subject.starts_with("return receipt"),
            answer,
        }
    }
}

/// "complaint about message from 192.0.2.1": an address, as a provider's feedback loop writes it, and nothing else.
fn is_complaint(subject: &str) -> bool {
    let of = subject.strip_prefix("complaint about message from ");
    of.is_some_and(|of| of.trim().trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok())
}

/// Without what gateways put before a subject: `[EXTERNAL]`, `***SPAM***`, `"`.
fn without_tags(subject: &str) -> &str {
    let mut rest = subject.trim_start_matches(['*', '"', '\'', '<', ' ', '!', '【', '~']);
    while let Some(end) = rest.strip_prefix('[').and_then(|tag| tag.find(']')).filter(|end| *end < 40) {
        rest = rest[end + 2..].trim_start();
    }
    rest
}

/// Is one of `phrases` the whole subject, or its beginning up to a colon, a dash or a bracket? With whether that phrase is
/// one that decides alone.
fn shape(subject: &str, phrases: &[&str]) -> Option<(Shape, bool)> {
    let rests = phrases.iter().filter_map(|phrase| Some((phrase, subject.strip_prefix(phrase)?)));
    let shapes = rests.filter_map(|(phrase, rest)| {
        let rest = rest.trim_start_matches([']', '"', '】', '>']).trim_start();
        let shape = match rest.chars().next() {
            None => Shape::Whole,
            Some(':' | '：' | '｜' | '|') => Shape::Prefix,
            Some('.' | '!' | '…') if rest.trim_matches(['.', '!', '…']).is_empty() => Shape::Whole,
            Some('(' | '-' | '–' | '—' | '[' | '【' | '（') => Shape::Whole,
            _ => return None,
        };
        Some((shape, DECIDING.iter().any(|word| phrase.contains(word))))
    });
    shapes.min_by_key(|(shape, deciding)| (!deciding, *shape == Shape::Whole))
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
    /// Bytes from the start that count as the start: of a text with a greeting no more than the greeting's own words.
    start: usize,
    /// It asks something, which notices do not.
    asks: bool,
    /// It names a number, as a date does.
    dated: bool,
    /// The first words of a machine in it stand on a new line after a colon: "I got this answer:".
    cites: bool,
}

impl Text {
    fn read(body: &str) -> Self {
        let (folded, starts) = fold(body);
        let hits = AUTOMATON.0.find_overlapping_iter(&folded);
        let found: Vec<_> = hits
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
        let machine =
            [Meaning::Bounce, Meaning::Undelivered, Meaning::Automatic, Meaning::Absence, Meaning::Challenge, Meaning::Receipt];
        let first = found.iter().filter(|(meaning, ..)| machine.contains(meaning)).map(|(_, at, _)| *at).min();
        let salutation = salutation(&folded);
        let greeting = greetings.iter().any(|g| folded.starts_with(g));
        Text {
            cites: first.is_some_and(|at| {
                let new_line = starts.binary_search(&at).is_ok();
                new_line && !is_near(at, salutation) && folded[..at].trim_end().ends_with([':', '：'])
            }),
            dated: folded.contains(char::is_numeric),
            length: folded.len(),
            found,
            status_code: folded.split([' ', '#', '(', ')', ',', ';', '-', ':']).any(is_status_code),
            greeting,
            start: folded.match_indices(' ').nth(5).map_or(START, |(at, _)| if greeting { at.min(START) } else { START }),
            asks: folded.contains(['？', '؟', '\u{37e}'])
                || folded.split(' ').any(|word| word.ends_with('?') && !word.contains("://")),
        }
    }

    /// Does it stand anywhere?
    fn found(&self, meaning: Meaning) -> bool {
        self.found.iter().any(|(m, ..)| *m == meaning)
    }

    /// What speaks for a person beside a machine's words: danger, a citation, or a greeting and something of their own first.
    fn is_persons(&self, meaning: Meaning) -> bool {
        self.found(Meaning::Danger) || self.cites || self.greeting && !self.starts_with(meaning)
    }

    /// A sentence near the start says that its writer is away: in words that name absence itself, or "I am currently"
    /// with such words close behind.
    fn names_absence(&self) -> bool {
        let opened = |at: usize| {
            self.found.iter().any(|(m, start, opens)| {
                *m == Meaning::Opening && *opens && *start < NEAR && (*start..*start + CLOSE).contains(&at)
            })
        };
        self.opens_with(Meaning::Absence, NEAR) || self.found.iter().any(|(m, at, _)| *m == Meaning::Away && opened(*at))
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
        self.opens_with(meaning, self.start)
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
    if before.ends_with([':', '：']) {
        return is_near(at, salutation(text));
    }
    let mark = before.is_empty()
        || before
            .ends_with(['.', '!', '?', ',', ';', '*', '-', '–', '—', '(', '[', '•', '।', '،', '。', '|', '=', '_', '#', '>']);
    mark || starts.binary_search(&at).is_ok() || spaceless && !before.ends_with(['「', '『', '“', '"'])
}

/// Where the colon of "Dear Sir:" ends, which cites nothing; 0 without such a beginning.
fn salutation(text: &str) -> usize {
    const DEAR: &[&str] = &[
        "hello",
        "hi ",
        "dear ",
        "estimad",
        "apreciad",
        "sehr geehrte",
        "您好",
        "你好",
        "尊敬的",
        "各位",
        "prezad",
        "caro ",
        "cara ",
    ];
    let begins = DEAR.iter().any(|dear| text.starts_with(dear));
    let colon = text.find([':', '：']).filter(|at| *at < 60 && begins);
    let plain = |at: &usize| !text[..*at].contains([',', '.', ';', '!', '，', '。']) && text[..*at].matches(' ').count() < 4;
    colon.filter(plain).map_or(0, |at| at + text[at..].chars().next().map_or(0, char::len_utf8))
}

/// Does `at` follow directly on a salutation that ends at `end`?
fn is_near(at: usize, end: usize) -> bool {
    end > 0 && (end..=end + 1).contains(&at)
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
