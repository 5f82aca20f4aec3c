//! Bytes of a mail to a [`Report`]. Never fails: what is damaged is marked, and what can be read is read.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::report::{Damage, Envelope, Extent, Fields, Report};

mod alternative;
pub mod auth;
pub mod automated;
mod charset;
mod disarm;
mod headers;
mod html;
pub mod language;
mod media;
mod parts;
pub mod quote;
mod rest;
mod shifted;
mod text;
mod transfer;
mod uu;

#[cfg(test)]
mod tests;

use headers::Head;
use parts::{Gathered, Kind, Piece};

/// Inline texts of one mail whose quotes are told apart one by one; what comes after is taken as one text.
const MAX_PIECES: usize = 50;

/// Reads one mail. Call it on a thread with a large stack (`crate::judges`): the parser recurses on nesting.
pub fn read(raw: &[u8], envelope: &Envelope) -> Report {
    let (size, head_len) = match envelope.extent {
        Extent::Part { size, head } => (size, usize::try_from(head).unwrap_or(raw.len()).min(raw.len())),
        Extent::Whole | Extent::Unfetched => (raw.len() as u64, raw.len()),
    };
    let (start, tail) = raw.split_at(head_len);
    let start = mended(start);
    let head = headers::split(&start);
    let gathered = gather(&start, &head, tail);
    let mut report = assemble(&head, gathered, envelope, size);
    report.damage.extend(match envelope.extent {
        Extent::Whole => raw.is_empty().then_some(Damage::Empty),
        Extent::Part { .. } => Some(Damage::FetchedInPart),
        Extent::Unfetched => Some(Damage::Unfetched),
    });
    report.damage.sort_unstable();
    report.damage.dedup();
    report.automated = automated::detect(&report);
    report
}

/// The bytes as a parser wants them: without byte order mark, mbox line or blank lines before the header, and with line ends
/// where a sender's machine wrote carriage returns only.
fn mended(raw: &[u8]) -> Cow<'_, [u8]> {
    let mut start = raw.strip_prefix(b"\xef\xbb\xbf").unwrap_or(raw);
    if start.starts_with(b"From ") || start.starts_with(b">From ") {
        start = start.iter().position(|b| *b == b'\n').map_or(start, |n| &start[n + 1..]);
    }
    let text = start.trim_ascii_start();
    let line = &text[..text.iter().position(|b| *b == b'\n').unwrap_or(text.len())];
    if text.len() < start.len() && line.iter().position(|b| *b == b':').is_some_and(|n| n > 0 && !line[..n].contains(&b' ')) {
        start = text;
    }
    let alone = |n: usize| start[n] == b'\r' && start.get(n + 1) != Some(&b'\n');
    if start.contains(&b'\n') || !start.contains(&b'\r') {
        return Cow::Borrowed(start);
    }
    Cow::Owned((0..start.len()).map(|n| if alone(n) { b'\n' } else { start[n] }).collect())
}

/// Everything in the body. Should the parser panic, the body is read as it stands.
fn gather(raw: &[u8], head: &Head<'_>, tail: &[u8]) -> Gathered {
    let parsed = catch_unwind(AssertUnwindSafe(|| {
        let mut gathered = Gathered::default();
        if !head.stray.is_empty() {
            gathered.piece(Kind::Plain, &charset::decode(&head.stray, None).0);
        }
        gathered.body(raw, head.body);
        if gathered.is_blank() && !raw[head.body..].trim_ascii().is_empty() {
            // Text outside of every part that was recognised is better than none.
            gathered.damage.insert(Damage::BadStructure);
            gathered.loose(&raw[head.body..]);
        }
        gathered.loose(tail);
        gathered
    }));
    parsed.unwrap_or_else(|_| {
        let mut gathered = Gathered::default();
        gathered.damage.insert(Damage::Unparsed);
        for bytes in [head.stray.as_slice(), &raw[head.body..], tail] {
            gathered.piece(Kind::Plain, &rest::loose_text(bytes));
        }
        gathered
    })
}

/// What stands in for a mail that [`read`] itself failed on, through a fault of ours: its bytes as they are, to be judged as
/// text. It names nobody, so nobody is answered.
pub fn unreadable(raw: &[u8], envelope: &Envelope) -> Report {
    let text = String::from_utf8_lossy(raw).replace(['\r', '\0'], "\n");
    let (body, _) = text::capped(text, text::FIELD_CAP);
    Report {
        fields: Fields { body, ..Fields::default() },
        damage: vec![Damage::NoFrom, Damage::NoMessageId, Damage::Unparsed],
        junk: envelope.junk,
        size: raw.len() as u64,
        ..Report::blank(envelope.received)
    }
}

fn assemble(head: &Head<'_>, mut gathered: Gathered, envelope: &Envelope, size: u64) -> Report {
    let (headers, bad_charset) = head.listed();
    let (from, message_id) = (head.addresses("From"), head.message_id());
    let mut damage = std::mem::take(&mut gathered.damage);
    let marks = [
        (Damage::BadCharset, bad_charset),
        (Damage::NoFrom, from.iter().all(|entry| entry.address.is_empty())),
        (Damage::SeveralFrom, head.all("From").count() > 1),
        (Damage::NoMessageId, message_id.is_none()),
    ];
    damage.extend(marks.into_iter().filter_map(|(mark, holds)| holds.then_some(mark)));
    let attachments = std::mem::take(&mut gathered.manifest);
    let links = gathered.links.join("\n");
    let mut fields = fields(head, gathered, &mut damage);
    let spoken = [&fields.body, &fields.subject, &fields.forwarded].into_iter().find(|text| !text.trim().is_empty());
    let language = language::detect(spoken.map_or("", |text| text), head.first("Content-Language").as_deref());
    // Where links lead is for rules and staff; in between the words it would only get in the way of language and quotes.
    text::append(&mut fields.body, &links);
    Report {
        message_id,
        references: head.references(),
        date: head.date(),
        from,
        reply_to: head.addresses("Reply-To"),
        to: head.addresses("To"),
        cc: head.addresses("Cc"),
        return_path: head.return_path(),
        delivered_to: head.delivered_to(),
        headers,
        fields,
        attachments,
        language,
        automated: None,
        damage: damage.into_iter().collect(),
        junk: envelope.junk,
        received: envelope.received,
        size,
    }
}

/// The texts by field: what is new, what is quoted, what is forwarded. Each inline text is taken apart on its own, so that a
/// quote at the end of one never swallows the next.
fn fields(head: &Head<'_>, gathered: Gathered, damage: &mut BTreeSet<Damage>) -> Fields {
    let Gathered { pieces, forwarded: nested, attachment, filename, .. } = gathered;
    let (mut body, mut quoted, mut forwarded, mut cut) = (String::new(), String::new(), String::new(), false);
    let mut signature = String::new();
    for text in bundled(pieces) {
        let split = quote::split(&text);
        cut |= text::append(&mut body, &split.new);
        cut |= text::append(&mut signature, &split.signature);
        cut |= text::append(&mut quoted, &split.quoted);
        cut |= text::append(&mut forwarded, &split.forwarded);
    }
    cut |= text::append(&mut forwarded, &nested);
    if body.trim().is_empty() {
        body = std::mem::take(&mut quoted);
    }
    let subject = subject(head);
    if head.references().is_empty() || is_forward(&subject) {
        // A mail that answers nothing has no older thread: its quote is what the sender shows us, often the threat itself.
        cut |= text::append(&mut forwarded, &std::mem::take(&mut quoted));
    }
    // A signature is the sender's own words too, and rules must see what is hidden there.
    cut |= text::append(&mut body, &signature);
    let mut limited = |text: String| {
        let (text, long) = text::capped(text, text::FIELD_CAP);
        cut |= long;
        text
    };
    let fields = Fields {
        subject: limited(subject),
        body: limited(body),
        forwarded: limited(forwarded),
        attachment: limited(attachment),
        filename: limited(filename),
        quoted: limited(quoted),
    };
    let texts = [&fields.body, &fields.forwarded, &fields.attachment, &fields.quoted];
    let marks = [(Damage::TextCut, cut), (Damage::NoText, texts.iter().all(|text| text.trim().is_empty()))];
    damage.extend(marks.into_iter().filter_map(|(mark, holds)| holds.then_some(mark)));
    fields
}

/// Every Subject that differs, topmost first: programs disagree on which one they show, and each may hold the words that matter.
fn subject(head: &Head<'_>) -> String {
    let mut seen = BTreeSet::new();
    let all = head.all("Subject").map(|raw| headers::decode(raw).0);
    let different: Vec<String> = all.filter(|subject| !subject.is_empty() && seen.insert(subject.clone())).collect();
    different.join(" / ")
}

/// Whether the subject begins as mail programs begin that of a forward, in any language.
fn is_forward(subject: &str) -> bool {
    const PREFIXES: [&str; 29] = [
        "fwd",
        "fw",
        "wg",
        "tr",
        "rv",
        "enc",
        "i",
        "vl",
        "vb",
        "vs",
        "vid",
        "pd",
        "dw",
        "doorst",
        "fs",
        "ilt",
        "i\u{307}lt",
        "továbbítás",
        "пересл",
        "отпр",
        "прд",
        "πρθ",
        "转发",
        "轉寄",
        "転送",
        "전달",
        "إعادة توجيه",
        "הועבר",
        "trs",
    ];
    let subject = subject.trim_start_matches(|c: char| c.is_whitespace() || c == '[' || c == '(');
    let Some((end, _)) = subject.char_indices().take(20).find(|(_, c)| matches!(c, ':' | '：')) else { return false };
    let prefix = subject[..end].trim().to_lowercase();
    PREFIXES.contains(&prefix.as_str())
}

/// The inline texts; of very many, all after the first ones as one.
fn bundled(pieces: Vec<Piece>) -> Vec<String> {
    let mut texts: Vec<String> = Vec::with_capacity(pieces.len().min(MAX_PIECES + 1));
    for piece in pieces {
        match texts.get_mut(MAX_PIECES) {
            Some(last) => {
                text::append(last, &piece.text);
            }
            None => texts.push(piece.text),
        }
    }
    texts
}
