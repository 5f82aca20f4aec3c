//! The texts of acknowledgements: files that operators edit, checked when they are loaded. Law 4 rules here: no
//! placeholder can carry a word of the sender, and nothing is evaluated any more when an answer is made.
//!
//! Each file is evaluated once, at load, with a stand-in character for each value. An answer is then made by plain
//! substitution, which cannot fail: no reporter goes without an answer because of an `{% if %}` nobody tried.

use std::collections::BTreeMap;
use std::ops::Range;

use minijinja::{Environment, UndefinedBehavior};

use crate::case::Reference;
use crate::config::Referral;
use crate::problem::{Problems, Source, did_you_mean};
use crate::reply::referral::Referrals;

/// What a text may name, and the private-use character that stands in for it between load and answer.
const PLACEHOLDERS: [(&str, char); 5] = [
    ("reference", '\u{E000}'),
    ("team", '\u{E001}'),
    ("contact", '\u{E002}'),
    ("general_contact", '\u{E003}'),
    ("referral", REFERRAL),
];

/// The one that stands for whole paragraphs, or for none.
const REFERRAL: char = '\u{E004}';

/// Names that would carry what a stranger wrote, as people will try them.
const SENDERS_WORDS: [&str; 24] = [
    "subject",
    "name",
    "body",
    "text",
    "from",
    "to",
    "cc",
    "sender",
    "reporter",
    "author",
    "user",
    "email",
    "address",
    "mail",
    "message",
    "report",
    "quote",
    "quoted",
    "header",
    "headers",
    "attachment",
    "attachments",
    "filename",
    "date",
];

/// Between the English text and a fallback language.
const SEPARATOR: &str = "\n* * *\n\n";

/// All answer texts, checked: there is one for every queue in English.
#[derive(Debug, Default)]
pub struct Templates {
    /// By queue name (or "default") and language.
    texts: BTreeMap<(String, String), Text>,
    /// What is said where a matter belongs elsewhere.
    referrals: Referrals,
}

/// One file, evaluated but for its values.
#[derive(Debug)]
struct Text {
    subject: String,
    body: String,
}

/// What stands in for the placeholders. None of it comes from a mail.
#[derive(Clone, Copy, Debug)]
pub struct Values<'v> {
    /// The case.
    pub reference: &'v Reference,
    /// The team's name (`[identity] name`).
    pub team: &'v str,
    /// The intake address that answers.
    pub contact: &'v str,
    /// Where to write when nobody answers (`[identity] general_contact`).
    pub general_contact: &'v str,
    /// Where the matter belongs instead, for each topic of the mail that has such a place.
    pub referrals: &'v [&'v Referral],
}

/// An acknowledgement's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// One line, without "Subject:".
    pub subject: String,
    /// Plain text, `\n` line ends, one at its end.
    pub body: String,
    /// Language codes of the body in order, as Content-Language (RFC 3282) has them: "en" or "en, de".
    pub language: String,
}

impl Templates {
    /// Checks and evaluates all files. A file's name says what it is for: `QUEUE.LANGUAGE.txt` or `default.LANGUAGE.txt`.
    /// Everything wrong in every file is noted; `folder` is named where a file is missing.
    pub fn compile(
        files: &[Source],
        referrals: Referrals,
        folder: &std::path::Path,
        queues: &[&str],
        problems: &Problems,
    ) -> Templates {
        let mut texts = BTreeMap::new();
        for file in files {
            let key = file_key(file, queues, problems);
            let text = read_text(file, problems);
            if let (Some(key), Some(text)) = (key, text) {
                texts.insert(key, text);
            }
        }
        // With it there is an answer for every queue, whatever else is missing. One that is broken was noted already.
        if !files.iter().any(|file| file.path.ends_with("default.en.txt")) {
            problems.whole(folder, "default.en.txt is missing here: the answer of queues and languages without their own");
        }
        Templates { texts, referrals }
    }

    /// True if there is a text for a matter of this topic that belongs elsewhere.
    pub fn refers(&self, topic: &str) -> bool {
        self.referrals.has(topic)
    }

    /// True if every queue has a text in this language, its own or the default.
    pub fn speaks(&self, language: &str) -> bool {
        self.find("default", language).is_some()
    }

    /// The languages that every queue can be answered in, sorted.
    pub fn languages(&self) -> Vec<&str> {
        self.texts.keys().filter(|(queue, _)| queue == "default").map(|(_, language)| language.as_str()).collect()
    }

    /// The acknowledgement for a queue. In the reporter's language when that is known and has a text; otherwise in English,
    /// followed by the account's fallback languages.
    pub fn render(&self, queue: &str, language: Option<&str>, fallback: &[String], values: Values<'_>) -> Rendered {
        if let Some((language, text)) = language.and_then(|l| Some((l, self.find(queue, l)?))) {
            return Rendered {
                subject: fill(&text.subject, values),
                body: self.fill_body(language, text, values),
                language: language.to_owned(),
            };
        }
        let others = fallback.iter().map(String::as_str).filter(|language| *language != "en");
        let texts: Vec<_> = std::iter::once("en").chain(others).filter_map(|l| Some((l, self.find(queue, l)?))).collect();
        let bodies: Vec<_> = texts.iter().map(|(language, text)| self.fill_body(language, text, values)).collect();
        let languages: Vec<_> = texts.iter().map(|(language, _)| *language).collect();
        let subject = texts.first().map_or("", |(_, text)| &text.subject);
        Rendered { subject: fill(subject, values), body: bodies.join(SEPARATOR), language: languages.join(", ") }
    }

    /// True if there is a text of this very name in this language.
    pub fn has(&self, name: &str, language: &str) -> bool {
        self.texts.contains_key(&(name.to_owned(), language.to_owned()))
    }

    /// The body with its values, and with the referrals in this language where the text has room for them.
    fn fill_body(&self, language: &str, text: &Text, values: Values<'_>) -> String {
        let paragraphs = self.referrals.paragraphs(language, values.referrals);
        let with = paragraphs.map_or_else(String::new, |paragraphs| paragraphs + "\n\n");
        fill(&text.body.replace(ROOM, &with), values)
    }

    fn find(&self, queue: &str, language: &str) -> Option<&Text> {
        let of = |name: &str| self.texts.get(&(name.to_owned(), language.to_owned()));
        of(queue).or_else(|| of("default"))
    }
}

/// A paragraph of its own that referrals take the place of.
const ROOM: &str = "\u{E004}\n\n";

fn fill(text: &str, values: Values<'_>) -> String {
    let mut filled = String::with_capacity(text.len() + 64);
    for c in text.chars() {
        match PLACEHOLDERS.iter().find(|(_, stand_in)| *stand_in == c) {
            Some((name, _)) => filled.push_str(match *name {
                "reference" => values.reference.as_str(),
                "team" => values.team,
                "contact" => values.contact,
                "general_contact" => values.general_contact,
                // Filled in before, see `fill_body`.
                _ => "",
            }),
            None => filled.push(c),
        }
    }
    filled
}

/// Queue and language from the file's name.
fn file_key(file: &Source, queues: &[&str], problems: &Problems) -> Option<(String, String)> {
    let name = file.path.file_name()?.to_str()?;
    let parts = name.strip_suffix(".txt").and_then(|stem| stem.split_once('.'));
    let Some((queue, language)) = parts.filter(|(_, l)| l.len() == 2 && l.bytes().all(|b| b.is_ascii_lowercase())) else {
        problems.whole(&file.path, "the name of an answer text is QUEUE.LANGUAGE.txt, such as default.en.txt");
        return None;
    };
    if queue != "default" && !queues.contains(&queue) {
        let near = did_you_mean(queue, queues.iter().copied().chain(["default"]));
        let hint = near.map_or(String::new(), |near| format!("; did you mean {near}.{language}.txt?"));
        problems.whole(&file.path, format!("there is no queue `{queue}` to answer for{hint}"));
        return None;
    }
    Some((queue.to_owned(), language.to_owned()))
}

/// `Subject: ...`, a blank line, the body.
fn read_text(file: &Source, problems: &Problems) -> Option<Text> {
    let text = file.text.as_str();
    let line = text.lines().next().unwrap_or("");
    let Some(subject) = line.strip_prefix("Subject: ").filter(|subject| !subject.trim().is_empty()) else {
        problems.at(file, 0..line.len(), "the first line must be the subject", Some("write `Subject: ...`".into()));
        return None;
    };
    let body = text[line.len()..].trim_start_matches(['\r', '\n']);
    let body_at = text.len() - body.len();
    if !text[line.len()..body_at].matches('\n').count().ge(&2) || body.trim().is_empty() {
        problems.at(file, 0..line.len(), "after the subject come a blank line and the text", None);
        return None;
    }
    let subject_at = line.len() - subject.len();
    let subject = evaluate(file, subject_at..line.len(), &PLACEHOLDERS[..1], problems);
    let body = evaluate(file, body_at..text.len(), &PLACEHOLDERS, problems);
    let (subject, body) = (subject?, body?);
    if !body.split(REFERRAL).skip(1).all(|after| after.starts_with("\n\n")) || body.replace(ROOM, "").contains(REFERRAL) {
        let place = place_of(&file.text[body_at..], "referral");
        let help = "on a line of its own, with a blank line above and below".to_owned();
        problems.at(file, body_at + place.start..body_at + place.end, "{{ referral }} is a paragraph of its own", Some(help));
        return None;
    }
    if !subject.contains(PLACEHOLDERS[0].1) {
        let help = "people find their case again by it: `Subject: ... {{ reference }}`".to_owned();
        problems.at(file, 0..line.len(), "the subject must name {{ reference }}", Some(help));
        return None;
    }
    Some(Text { subject: subject.trim().to_owned(), body: body.trim_end().to_owned() + "\n" })
}

/// Evaluates one part of a file with stand-ins; what may not be named there is refused first.
fn evaluate(file: &Source, part: Range<usize>, allowed: &[(&str, char)], problems: &Problems) -> Option<String> {
    let text = &file.text[part.clone()];
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_debug(true);
    // A text needs a few hundred steps; a loop that never ends must not stop a reload.
    environment.set_fuel(Some(20_000));
    let template = match environment.template_from_str(text) {
        Ok(template) => template,
        Err(error) => {
            note(file, &part, &error, problems);
            return None;
        }
    };
    let mut unknown: Vec<_> = template.undeclared_variables(false).into_iter().collect();
    unknown.retain(|name| !allowed.iter().any(|(known, _)| known == name));
    unknown.sort();
    for name in &unknown {
        refuse(file, &part, name, allowed, problems);
    }
    if !unknown.is_empty() {
        return None;
    }
    let values: BTreeMap<&str, String> = allowed.iter().map(|(name, stand_in)| (*name, stand_in.to_string())).collect();
    template.render(minijinja::Value::from_pairs(values)).map_err(|error| note(file, &part, &error, problems)).ok()
}

fn note(file: &Source, part: &Range<usize>, error: &minijinja::Error, problems: &Problems) {
    let span = match error.range() {
        Some(range) => part.start + range.start..(part.start + range.end).min(part.end),
        None => part.start..part.start,
    };
    let message = error.detail().map_or_else(|| error.kind().to_string(), |detail| format!("{}: {detail}", error.kind()));
    problems.at(file, span, message, None);
}

/// Says why a placeholder is not to be had, where it stands.
fn refuse(file: &Source, part: &Range<usize>, name: &str, allowed: &[(&str, char)], problems: &Problems) {
    let known: Vec<_> = allowed.iter().map(|(name, _)| *name).collect();
    let all = format!("known here: {}", known.join(", "));
    let (message, help) = if PLACEHOLDERS.iter().any(|(known, _)| *known == name) {
        (format!("{{{{ {name} }}}} cannot stand in the subject"), "a subject is fixed text and {{ reference }}".to_owned())
    } else if SENDERS_WORDS.iter().any(|word| name.split('_').any(|piece| piece == *word)) {
        let message = format!("{{{{ {name} }}}} would put words of the sender into an answer");
        (message, format!("with them anybody could make us send their text to a victim they name as sender; {all}"))
    } else {
        let near = did_you_mean(name, known.iter().copied()).map(|near| format!("did you mean {{{{ {near} }}}}? "));
        (format!("there is no placeholder {{{{ {name} }}}}"), near.unwrap_or_default() + &all)
    };
    let place = place_of(&file.text[part.clone()], name);
    problems.at(file, part.start + place.start..part.start + place.end, message, Some(help));
}

/// Where a name stands inside `{{ }}` or `{% %}`: the template engine tells names, not places.
fn place_of(text: &str, name: &str) -> Range<usize> {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(name)
        .map(|(at, _)| at..at + name.len())
        .find(|place| {
            let (before, after) = (&text[..place.start], &text[place.end..]);
            let opened = before.rfind("{{").max(before.rfind("{%"));
            let closed = before.rfind("}}").max(before.rfind("%}"));
            opened.is_some() && opened > closed && !before.ends_with(word) && !after.starts_with(word)
        })
        .unwrap_or(0..0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compile(files: &[(&str, &str)]) -> Result<Templates, String> {
        let files: Vec<_> = files.iter().map(|(name, text)| Source::new(*name, *text)).collect();
        let problems = Problems::default();
        let templates =
            Templates::compile(&files, Referrals::default(), "templates".as_ref(), &["general", "threat-of-harm"], &problems);
        problems.into_result(|| templates).map_err(|faults| faults.to_string())
    }

    fn body(templates: &Templates, queue: &str, language: Option<&str>, fallback: &[&str]) -> (String, String) {
        let reference = Reference::from_bits([0; 5]);
        let values = Values {
            reference: &reference,
            team: "Team",
            contact: "ca@example.org",
            general_contact: "all@example.org",
            referrals: &[],
        };
        let fallback: Vec<_> = fallback.iter().map(|l| l.to_string()).collect();
        let rendered = templates.render(queue, language, &fallback, values);
        assert_eq!(rendered.subject, "Got it TS-00000000");
        (rendered.body, rendered.language)
    }

    const EN: (&str, &str) =
        ("default.en.txt", "Subject: Got it {{ reference }}\n\nEnglish {{ contact }} {{ general_contact }}\n");
    const DE: (&str, &str) = ("default.de.txt", "Subject: Got it {{ reference }}\n\nDeutsch {{ team }}\n");
    const THREAT: (&str, &str) = ("threat-of-harm.de.txt", "Subject: Got it {{ reference }}\n\nNotruf {{ reference }}\n");

    #[test]
    fn the_reporters_language_is_used_when_there_is_a_text_in_it() {
        let all = compile(&[EN, DE, THREAT]).unwrap();
        assert_eq!(body(&all, "general", Some("de"), &[]), ("Deutsch Team\n".into(), "de".into()));
        assert_eq!(body(&all, "threat-of-harm", Some("de"), &[]), ("Notruf TS-00000000\n".into(), "de".into()));
        assert_eq!(body(&all, "general", Some("en"), &["de"]).1, "en");
    }

    #[test]
    fn an_unknown_language_gets_english_and_the_fallback_under_a_line() {
        let all = compile(&[EN, DE, THREAT]).unwrap();
        let both = ("English ca@example.org all@example.org\n\n* * *\n\nDeutsch Team\n".to_owned(), "en, de".to_owned());
        assert_eq!(body(&all, "general", None, &["de"]), both);
        assert_eq!(body(&all, "general", Some("ja"), &["en", "de"]), both);
        assert_eq!(body(&all, "threat-of-harm", None, &[]).1, "en");
    }

    #[test]
    fn no_placeholder_can_carry_the_senders_words() {
        for name in SENDERS_WORDS {
            let text = format!("Subject: Got it {{{{ reference }}}}\n\nDear {{{{ {name} }}}}\n");
            let shown = compile(&[("default.en.txt", &text)]).unwrap_err();
            assert!(shown.contains("words of the sender") && shown.contains("default.en.txt:3:9"), "{shown}");
        }
    }

    #[test]
    fn a_loop_without_end_does_not_stop_a_reload() {
        let text = "Subject: x {{ reference }}\n\n{% for a in [1,2,3,4,5,6,7,8,9] %}{% for b in [1,2,3,4,5,6,7,8,9] %}{% for c in [1,2,3,4,5,6,7,8,9] %}\
                    {% for d in [1,2,3,4,5,6,7,8,9] %}{% for e in [1,2,3,4,5,6,7,8,9] %}x{% endfor %}{% endfor %}{% endfor %}{% endfor %}{% endfor %}\n";
        assert!(compile(&[("default.en.txt", text)]).unwrap_err().contains("fuel"));
    }
}
