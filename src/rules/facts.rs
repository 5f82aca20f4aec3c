//! Facts: what a rule may ask of a mail beside its words. Reading them from a rule file, and whether they hold.

use std::time::Duration;

use regex::Regex;

use super::{Moment, Place};
use crate::problem::did_you_mean;
use crate::report::{AUTOMATED_REASONS, AuthResult, Authentication, Report};
use crate::table::{Table, Word};

/// What our own servers may have found out about the sender.
const AUTHENTICATION: [&str; 3] = ["proven", "failed", "unknown"];

/// Facts as written, checked in themselves.
#[derive(Debug, Default)]
pub struct RawFacts {
    /// Only mail of these accounts.
    pub account: Vec<Word>,
    /// Only mail in these languages.
    pub language: Vec<Word>,
    /// Only (not) automated mail, or for one of these reasons.
    pub automated: Option<Automated>,
    /// Only mail (not) from the junk folder.
    pub junk: Option<bool>,
    /// Only mail that joins a case, or that does not.
    pub follow_up: Option<bool>,
    /// Patterns: on what, must it match, and the pattern.
    pub patterns: Vec<(Of, bool, Word)>,
    /// Media types, `image/*` for all images.
    pub attachment_type: Vec<String>,
    /// Larger than so many bytes; smaller than so many.
    pub size: (Option<u64>, Option<u64>),
    /// What our servers found.
    pub authentication: Vec<String>,
    /// Older than this; younger than this.
    pub age: (Option<Duration>, Option<Duration>),
}

/// `automated = true`, or a list of reasons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Automated {
    /// It is, or is not.
    Is(bool),
    /// It is, and for one of these reasons.
    Because(Vec<String>),
}

/// What a pattern is held against.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Of {
    /// Addresses and names of From.
    From,
    /// Addresses of To, Cc and Delivered-To.
    To,
    /// A header of this name.
    Header(String),
}

impl RawFacts {
    /// Reads the facts of a rule.
    pub fn read(table: &Table<'_>) -> Self {
        let facts = RawFacts {
            account: table.texts("account"),
            language: table.texts("language"),
            automated: read_automated(table),
            junk: table.flag("junk"),
            follow_up: table.flag("follow_up"),
            patterns: read_patterns(table),
            attachment_type: read_types(table),
            size: (table.size("larger_than"), table.size("smaller_than")),
            authentication: known(table, "authentication", &AUTHENTICATION),
            age: (table.duration("older_than"), table.duration("newer_than")),
        };
        check_languages(table, &facts.language);
        if let (Some(larger), Some(smaller)) = facts.size
            && larger >= smaller
        {
            table.problem(table.span_of("smaller_than"), "no mail is larger than `larger_than` and smaller than this", None);
        }
        if let (Some(older), Some(newer)) = facts.age
            && older >= newer
        {
            table.problem(table.span_of("newer_than"), "no mail is older than `older_than` and newer than this", None);
        }
        facts
    }

    /// True when the rule asks for none.
    pub fn is_empty(&self) -> bool {
        let lists = self.account.is_empty() && self.language.is_empty() && self.patterns.is_empty();
        let values = self.automated.is_none() && self.junk.is_none() && self.follow_up.is_none();
        let more = self.attachment_type.is_empty() && self.authentication.is_empty();
        lists && values && more && self.size == (None, None) && self.age == (None, None)
    }

    /// The same for the same facts, however they are ordered.
    pub fn canonical(&self) -> String {
        let sorted = |words: Vec<&str>| {
            let mut words = words;
            words.sort_unstable();
            words.into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        let values = |words: &[Word]| sorted(words.iter().map(|w| w.value.as_str()).collect());
        let texts = |words: &[String]| sorted(words.iter().map(String::as_str).collect());
        let automated = self.automated.as_ref().map(|automated| match automated {
            Automated::Is(is) => vec![is.to_string()],
            Automated::Because(reasons) => texts(reasons),
        });
        let mut patterns: Vec<_> = self.patterns.iter().map(|(of, matches, word)| (of, matches, &word.value)).collect();
        patterns.sort();
        let lists = (values(&self.account), values(&self.language), texts(&self.attachment_type), texts(&self.authentication));
        format!("{:?}", (lists, automated, self.junk, self.follow_up, patterns, self.size, self.age))
    }
}

fn read_automated(table: &Table<'_>) -> Option<Automated> {
    if table.is_list("automated") {
        return Some(Automated::Because(known(table, "automated", &AUTOMATED_REASONS)));
    }
    table.flag("automated").map(Automated::Is)
}

fn read_patterns(table: &Table<'_>) -> Vec<(Of, bool, Word)> {
    let mut patterns = Vec::new();
    for (key, of, matches) in
        [("from", Of::From, true), ("not_from", Of::From, false), ("to", Of::To, true), ("not_to", Of::To, false)]
    {
        patterns.extend(table.text(key).map(|word| (of, matches, word)));
    }
    for (key, matches) in [("header", true), ("not_header", false)] {
        let Some(headers) = table.table(key) else { continue };
        for name in headers.names() {
            if !name.value.bytes().all(|b| b.is_ascii_graphic() && b != b':') || name.value.is_empty() {
                headers.problem(name.span.clone(), format!("`{}` is not the name of a header", name.value), None);
            }
            let pattern = headers.named_text(&name.value);
            patterns.extend(pattern.map(|word| (Of::Header(name.value.to_ascii_lowercase()), matches, word)));
        }
    }
    patterns
}

/// Words of a list that must be of those known.
fn known(table: &Table<'_>, key: &'static str, all: &[&str]) -> Vec<String> {
    let words = table.texts(key);
    for word in words.iter().filter(|word| !all.contains(&word.value.as_str())) {
        let near = did_you_mean(&word.value, all.iter().copied());
        let all = all.join(", ");
        let help = near.map_or(format!("one of {all}"), |near| format!("did you mean \"{near}\"? One of {all}"));
        table.problem(word.span.clone(), format!("`{key}` cannot be \"{}\"", word.value), Some(help));
    }
    words.into_iter().map(|word| word.value).collect()
}

fn read_types(table: &Table<'_>) -> Vec<String> {
    let words = table.texts("attachment_type");
    for word in &words {
        let token = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_graphic() && !b"/,;\"()".contains(&b));
        let parts = word.value.split_once('/').filter(|(kind, rest)| token(kind) && token(rest));
        if parts.is_none() {
            let help = "such as \"image/png\", or \"image/*\" for every image".to_owned();
            table.problem(word.span.clone(), format!("not a media type: \"{}\"", word.value), Some(help));
        }
    }
    words.into_iter().map(|word| word.value.to_lowercase()).collect()
}

fn check_languages(table: &Table<'_>, words: &[Word]) {
    for word in words {
        let code = (2..=3).contains(&word.value.len()) && word.value.bytes().all(|b| b.is_ascii_lowercase());
        if !code {
            let help = "a language code such as en, de, zh".to_owned();
            table.problem(word.span.clone(), format!("\"{}\" is not a language", word.value), Some(help));
        }
    }
}

/// Facts, ready to be asked.
#[derive(Debug, Default)]
pub struct Facts {
    /// See [`RawFacts`] for this and what follows.
    pub account: Vec<String>,
    pub language: Vec<String>,
    pub automated: Option<Automated>,
    pub junk: Option<bool>,
    pub follow_up: Option<bool>,
    pub patterns: Vec<Pattern>,
    pub attachment_type: Vec<String>,
    pub size: (Option<u64>, Option<u64>),
    pub authentication: Vec<String>,
    pub age: (Option<Duration>, Option<Duration>),
}

/// A regex over an address or a header.
#[derive(Debug)]
pub struct Pattern {
    of: Of,
    /// Must it match?
    wanted: bool,
    regex: Regex,
    /// It matches the empty text, which stands for what is absent: as most headers are of most mails.
    empty: bool,
}

impl Pattern {
    /// One that must match, or must not.
    pub fn new(of: Of, wanted: bool, regex: Regex) -> Self {
        let empty = regex.is_match("");
        Pattern { of, wanted, regex, empty }
    }

    fn holds(&self, report: &Report) -> bool {
        self.matches(report) == self.wanted
    }

    /// Does one of the values match? What is absent is the empty text, so that `not_header` holds without the header.
    fn matches(&self, report: &Report) -> bool {
        let any = |values: &mut dyn Iterator<Item = &str>| {
            let mut values = values.peekable();
            if values.peek().is_none() { self.empty } else { values.any(|value| self.regex.is_match(value)) }
        };
        match &self.of {
            Of::From => any(&mut report.from.iter().flat_map(|a| [Some(a.address.as_str()), a.name.as_deref()]).flatten()),
            Of::To => {
                let named = report.to.iter().chain(&report.cc).map(|a| a.address.as_str());
                any(&mut named.chain(report.delivered_to.iter().map(String::as_str)))
            }
            Of::Header(name) => {
                let named = report.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
                any(&mut named.map(|(_, value)| value.as_str()))
            }
        }
    }
}

impl Facts {
    /// Whether all of them are so.
    pub fn hold(&self, report: &Report, place: &Place, moment: &Moment<'_>) -> bool {
        let listed = |list: &[String], value: Option<&str>| list.is_empty() || value.is_some_and(|v| list.iter().any(|l| l == v));
        listed(&self.account, Some(&place.account))
            && listed(&self.language, report.language.as_deref())
            && listed(&self.authentication, Some(finding(&moment.auth)))
            && self.automated.as_ref().is_none_or(|automated| automated_so(automated, report))
            && self.junk.is_none_or(|wanted| wanted == report.junk)
            && self.follow_up.is_none_or(|wanted| wanted == moment.follow_up)
            && self.size.0.is_none_or(|bytes| report.size > bytes)
            && self.size.1.is_none_or(|bytes| report.size < bytes)
            && self.age_holds(report, moment)
            && (self.attachment_type.is_empty() || report.attachments.iter().any(|a| self.lists_type(&a.media_type)))
            && self.patterns.iter().all(|pattern| pattern.holds(report))
    }

    fn age_holds(&self, report: &Report, moment: &Moment<'_>) -> bool {
        if self.age == (None, None) {
            return true;
        }
        // A time of receipt in the future is clock skew, not age.
        let age = moment.now.duration_since(report.received).unsigned_abs();
        let age = if moment.now < report.received { Duration::ZERO } else { age };
        self.age.0.is_none_or(|older| age > older) && self.age.1.is_none_or(|newer| age < newer)
    }

    fn lists_type(&self, media_type: &str) -> bool {
        self.attachment_type.iter().any(|wanted| glob(wanted, media_type))
    }
}

fn automated_so(wanted: &Automated, report: &Report) -> bool {
    match (wanted, &report.automated) {
        (Automated::Is(wanted), found) => *wanted == found.is_some(),
        (Automated::Because(reasons), found) => found.as_ref().is_some_and(|found| reasons.contains(&found.reason)),
    }
}

fn finding(auth: &Authentication) -> &'static str {
    match auth {
        auth if auth.dmarc == Some(AuthResult::Fail) => "failed",
        auth if auth.proven() => "proven",
        _ => "unknown",
    }
}

/// `*` stands for any characters; linear, because only the last `*` passed is ever tried again.
fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_in_a_media_type_stands_for_anything() {
        for (pattern, text, wanted) in [
            ("image/*", "image/png", true),
            ("image/*", "text/plain", false),
            ("*/pdf", "application/pdf", true),
            ("application/*word*", "application/msword", true),
            ("application/pdf", "application/pdf", true),
            ("application/pdf", "application/pdfx", false),
            ("a*a", "a", false),
        ] {
            assert_eq!(glob(pattern, text), wanted, "{pattern} {text}");
        }
    }

    #[test]
    fn every_reason_that_the_message_module_gives_is_known() {
        let sources = concat!(include_str!("../message/automated.rs"), include_str!("../message/automated/texts.rs"));
        let given = sources.split("reason(\"").skip(1).filter_map(|rest| rest.split_once('"')).map(|(reason, _)| reason);
        let given: std::collections::BTreeSet<&str> = given.collect();
        assert_eq!(given, AUTOMATED_REASONS.into_iter().collect());
    }
}
