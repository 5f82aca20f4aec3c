//! The summary on top of a forward: what a member of the team must know before reading the report itself. Plain text,
//! under 78 columns. What the sender wrote stands in values of one line, or behind `| `, so that no mail can pretend to be us.

use std::fmt::Write;

use crate::clock::Timestamp;
use crate::reply::forward::Forward;
use crate::reply::guard::Answer;
use crate::reply::mime::{many_lines, one_line};
use crate::report::{Address, Attachment, Damage, Report};
use crate::rules::Fired;

/// Width of what is ours: quoted-printable has room for this much before it breaks a line.
const WIDTH: usize = 75;

/// Column at which values begin.
const VALUES: usize = 16;

/// Most characters of one value that the sender chose.
const LONGEST_VALUE: usize = 300;

/// Most addresses, attachments or reasons listed; the store has them all.
const MOST_LISTED: usize = 50;

/// Most characters of the report's text.
const LONGEST_TEXT: usize = 200_000;

/// The summary, and below it, for `text`, the report's own text.
pub(super) fn write(forward: &Forward<'_>, text: bool) -> String {
    let mut page = Page(String::new());
    page.line(&format!("Case {}, queue {}", forward.reference, forward.queue.name));
    page.line("");
    if forward.is_distressing() {
        page.line("CONTENT WARNING: this report may describe violence, abuse or suicide.");
        page.line("");
    }
    judgement(&mut page, forward);
    page.line("");
    sender(&mut page, forward);
    page.line("");
    manifest(&mut page, &forward.report.attachments);
    page.line("");
    if text {
        report_text(&mut page, forward);
    } else if forward.queue.sealed && forward.queue.first_lines > 0 {
        first_lines(&mut page, forward);
    }
    page.line(&rest(forward));
    page.0
}

/// Where the rest of the report is.
fn rest(forward: &Forward<'_>) -> String {
    match forward.attaches_original() {
        true => "The mail itself is attached as it came.".into(),
        false => format!("The mail stays in the store. Its text: triaged case text {}", forward.reference),
    }
}

/// Why it is in this queue.
fn judgement(page: &mut Page, forward: &Forward<'_>) {
    let verdict = forward.verdict;
    if forward.follow_up {
        let known = if forward.moved.is_none() { "yes: this case is known to you" } else { "yes: of a case that is new to you" };
        page.field("Follow-up", known);
    }
    page.field("Queue", &forward.queue.name);
    page.list("Moved", &[forward.moved.map(one_line).unwrap_or_default()]);
    let mut others: Vec<&Fired> = verdict.trace.fired.iter().filter(|rule| adds(rule, &verdict.queue)).collect();
    others.sort_by_key(|rule| -rule.points);
    let mut whys: Vec<String> =
        verdict.reasons().into_iter().chain(others).map(|rule| format!("{} ({})", one_line(&rule.why), vote(rule))).collect();
    whys.extend(verdict.trace.because.iter().map(|step| one_line(step)));
    page.list("Why", &whys);
    page.list("Passed", &[verdict.passed.join(", ")]);
    page.list("Topics", &[verdict.topics.join(", ")]);
    page.list("Flags", &[verdict.flags.join(", ")]);
    page.field("Language", forward.report.language.as_deref().unwrap_or("unknown"));
    let damage: Vec<String> = forward.report.damage.iter().map(|mark| in_words(*mark).to_owned()).collect();
    page.list("Damage", &damage);
}

/// Is it worth reading beside the reasons? What speaks against other queues does not tell why it is in this one.
fn adds(rule: &Fired, queue: &str) -> bool {
    let of_this = rule.queue.as_deref() == Some(queue);
    !rule.shadow && (if of_this { rule.points <= 0 } else { rule.points >= 0 })
}

fn vote(rule: &Fired) -> String {
    match &rule.queue {
        Some(queue) => format!("rule {}, {:+} for {queue}", rule.id, rule.points),
        None => format!("rule {}", rule.id),
    }
}

/// Who wrote, when, to whom, and what they were told.
fn sender(page: &mut Page, forward: &Forward<'_>) {
    let report = forward.report;
    page.list("From", &addresses(&report.from));
    page.list("Reply-To", &addresses(&report.reply_to));
    page.list("Subject", &[value(&report.fields.subject)]);
    page.list("To", &addresses(&report.to));
    page.list("Cc", &addresses(&report.cc));
    page.field("Received", &format!("{} in mailbox {}", moment(report.received), forward.account));
    if report.junk {
        page.field("Folder", "junk");
    }
    page.field("Authentication", &authentication(report, &forward.identity.authserv_ids));
    if let Some(automated) = &report.automated {
        page.field("Automated", &one_line(&automated.why));
    }
    let answer = match forward.answer {
        Answer::Send { to } => format!("an acknowledgement goes to {}", value(to)),
        Answer::Withhold { why, .. } => format!("none: {}", one_line(why)),
    };
    page.field("Answer", &answer);
    if let Some(at) = forward.bounced {
        page.field("Bounced", &format!("a mail of ours to the reporter came back, last on {}", moment(at)));
    }
    let related: Vec<String> = forward.related.iter().map(ToString::to_string).collect();
    page.list("Related cases", &related);
}

/// What our own server found out about the sender: the topmost Authentication-Results that it wrote (RFC 8601 5).
fn authentication(report: &Report, ours: &[String]) -> String {
    let by_us = |text: &&str| {
        let id = text.split([';', ' ', '\t']).next().unwrap_or("").to_lowercase();
        ours.contains(&id)
    };
    let results = report.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("Authentication-Results"));
    results.map(|(_, text)| text.trim()).find(by_us).map_or("unknown".into(), value)
}

/// Every attachment by name, type, size and hash: never its bytes (law 5).
fn manifest(page: &mut Page, attachments: &[Attachment]) {
    if attachments.is_empty() {
        return page.field("Attachments", "none");
    }
    page.field("Attachments", &attachments.len().to_string());
    for (i, attachment) in attachments.iter().take(MOST_LISTED).enumerate() {
        let name = attachment.name.as_deref().map_or("(no name)".into(), file_name);
        page.wrapped(&format!("  {}. ", i + 1), &format!("{name}, {}, {} bytes", value(&attachment.media_type), attachment.size));
        page.line(&format!("  SHA-256 {}", value(&attachment.sha256)));
    }
    if attachments.len() > MOST_LISTED {
        page.line(&format!("  and {} more", attachments.len() - MOST_LISTED));
    }
}

/// The report's own words, each line behind a mark. Text of attachments is an attachment's bytes: not past a seal.
fn report_text(page: &mut Page, forward: &Forward<'_>) {
    let fields = &forward.report.fields;
    let attached = if forward.is_sealed() { "" } else { fields.attachment.as_str() };
    let sections = [
        ("Report", fields.body.as_str()),
        ("Forwarded within it", fields.forwarded.as_str()),
        ("Text of attachments", attached),
        ("Older thread text", fields.quoted.as_str()),
    ];
    for (title, text) in sections.into_iter().filter(|(_, text)| !text.trim().is_empty()) {
        page.line(&format!("{title}:"));
        let cut = text.char_indices().nth(LONGEST_TEXT).map_or(text.len(), |(at, _)| at);
        for line in many_lines(&text[..cut]).trim_end().split('\n') {
            page.line(format!("| {line}").trim_end());
        }
        if cut < text.len() {
            page.line("(cut here: the rest is in the store)");
        }
        page.line("");
    }
}

/// The beginning of what the sender wrote, where the operator lets it past the seal: their own words, never an attachment's.
fn first_lines(page: &mut Page, forward: &Forward<'_>) {
    let body = many_lines(&forward.report.fields.body);
    let lines: Vec<&str> = body.lines().filter(|line| !line.trim().is_empty()).take(forward.queue.first_lines).collect();
    if lines.is_empty() {
        return;
    }
    page.line("The report begins:");
    for line in lines {
        page.line(format!("| {}", value(line)).trim_end());
    }
    page.line("");
}

/// A value of the sender's: one line, cut.
fn value(text: &str) -> String {
    let line = one_line(text);
    match line.char_indices().nth(LONGEST_VALUE) {
        Some((at, _)) => format!("{}… (cut)", &line[..at]),
        None => line,
    }
}

/// A name that no program takes for a path.
fn file_name(name: &str) -> String {
    value(name).replace(['/', '\\'], "_")
}

fn addresses(list: &[Address]) -> Vec<String> {
    let show = |a: &Address| match &a.name {
        Some(name) => format!("{} <{}>", value(name), value(&a.address)),
        None => value(&a.address),
    };
    list.iter().map(show).collect()
}

/// To the second, in UTC.
pub(super) fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// What a mark means to whoever reads the report.
fn in_words(mark: Damage) -> &'static str {
    match mark {
        Damage::Empty => "the mail is empty",
        Damage::NoFrom => "it has no sender's address",
        Damage::SeveralFrom => "it names several senders (several From headers)",
        Damage::NoMessageId => "it has no usable Message-ID",
        Damage::BadCharset => "some letters could not be read (unknown or wrong charset)",
        Damage::BadEncoding => "a part could not be decoded cleanly",
        Damage::BadStructure => "its parts are not properly closed",
        Damage::TooDeep => "nested too deep: the innermost parts were not read",
        Damage::NulBytes => "it holds NUL bytes",
        Damage::TextCut => "very long: judged by its beginning and its end",
        Damage::FetchedInPart => "too large: only its beginning and its end were fetched",
        Damage::Unfetched => "the server did not hand it over: look into the mailbox",
        Damage::Unparsed => "it could not be parsed: judged as raw text",
        Damage::NotJudgedWhole => "not judged whole: the time was up before every rule was asked",
        Damage::NoText => "it has no text",
        Damage::Encrypted => "it is encrypted: only the recipient's key opens it",
    }
}

/// A page of plain text that grows.
struct Page(String);

impl Page {
    fn line(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push('\n');
    }

    /// `Name           value`, wrapped under the value's own column.
    fn field(&mut self, name: &str, value: &str) {
        self.wrapped(&format!("{name:VALUES$}"), value);
    }

    /// A field of several values, one a line; no field if there is none.
    fn list(&mut self, name: &str, values: &[String]) {
        let filled = || values.iter().filter(|value| !value.is_empty());
        for (i, value) in filled().take(MOST_LISTED).enumerate() {
            self.field(if i == 0 { name } else { "" }, value);
        }
        if let Some(more) = filled().count().checked_sub(MOST_LISTED).filter(|more| *more > 0) {
            self.field("", &format!("and {more} more"));
        }
    }

    /// Words behind `first`, broken at the margin; what follows is indented as far. A word longer than a line stays whole.
    fn wrapped(&mut self, first: &str, text: &str) {
        let indent = first.chars().count();
        let mut column = indent;
        self.0.push_str(first);
        for (i, word) in text.split(' ').enumerate() {
            let width = word.chars().count();
            if i > 0 && column + 1 + width > WIDTH {
                let _ = write!(self.0, "\n{:indent$}", "");
                column = indent;
            } else if i > 0 {
                self.0.push(' ');
                column += 1;
            }
            self.0.push_str(word);
            column += width;
        }
        self.0.push('\n');
    }
}
