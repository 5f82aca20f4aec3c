//! The header of a mail, read by our own splitter: it must work on mails no parser takes, keep every header in order, and
//! lose no line that stands between the headers without being one. Values are decoded by mail-parser's field parsers.

use std::collections::HashSet;
use std::fmt::Write;

use mail_parser::decoders::charsets::map::charset_decoder;
use mail_parser::parsers::MessageStream;
use mail_parser::{HeaderName, HeaderValue};

use super::{charset, text};
use crate::clock::Timestamp;
use crate::report::{Address, ReturnPath};

/// Headers kept for rules and staff, and bytes of one and of all of them. What a mail says of itself (From, Message-ID, ...) is
/// taken from all headers, however many there are.
const MAX_HEADERS: usize = 1000;
const MAX_VALUE: usize = 16 * 1024;
const MAX_ALL: usize = 256 * 1024;
/// Mailboxes kept per kind of header.
const MAX_ADDRESSES: usize = 1000;
/// Raw bytes of one header that are looked at: a header of megabytes says nothing more.
const MAX_RAW: usize = 1024 * 1024;
/// Message-IDs kept of References: the last ones, which are nearest to this mail.
const MAX_REFERENCES: usize = 100;
/// Longest Message-ID that can be used (RFC 5322 2.1.1: no line is longer).
const MAX_ID: usize = 998;

/// The header block, split.
#[derive(Debug, Default)]
pub struct Head<'a> {
    /// Name and raw value of each header, topmost first; values may span lines.
    pub fields: Vec<(&'a str, &'a [u8])>,
    /// Where the body begins in the bytes split.
    pub body: usize,
    /// Lines among the headers that are none. A mail without the blank line has its text here.
    pub stray: Vec<u8>,
}

/// Splits the header off. The bytes should begin with it (see [`super::read`] for mbox lines and the like).
pub fn split(raw: &[u8]) -> Head<'_> {
    let mut head = Head { body: raw.len(), ..Head::default() };
    let mut open: Option<(&str, usize, usize)> = None;
    let mut at = 0;
    while at < raw.len() {
        let end = raw[at..].iter().position(|b| *b == b'\n').map_or(raw.len(), |n| at + n + 1);
        let line = &raw[at..end];
        if line.iter().all(|b| matches!(b, b'\r' | b'\n')) {
            head.body = end;
            break;
        }
        match (&mut open, name(line)) {
            (Some((_, _, stop)), _) if matches!(line[0], b' ' | b'\t') => *stop = end,
            (_, Some(name)) => {
                // After a stray line, a "header" nobody knows is as likely a line of the text ("Note: he is armed").
                if !head.stray.is_empty() && !name.starts_with("X-") && !is_known(name) {
                    head.stray.extend(line);
                }
                if let Some((name, from, to)) =
                    open.replace((name, at + line.iter().position(|b| *b == b':').unwrap_or(0) + 1, end))
                {
                    head.fields.push((name, &raw[from..to]));
                }
            }
            _ if line.starts_with(b"From ") || line.starts_with(b">From ") => {}
            _ => head.stray.extend(line),
        }
        at = end;
    }
    head.fields.extend(open.map(|(name, from, to)| (name, &raw[from..to])));
    if !head.fields.is_empty() && !head.fields.iter().any(|(name, _)| is_known(name)) {
        // Not one header that a mail has: a text that begins like one ("Warning: he is armed").
        head.stray = raw[..head.body].to_vec();
    }
    head
}

/// Whether a header is one of those that tell an automatic mail, a list or a loop, or how far a sender can be trusted.
fn tells(name: &str) -> bool {
    const NAMES: [&str; 16] = [
        "auto-submitted",
        "precedence",
        "x-precedence",
        "x-auto-response-suppress",
        "x-loop",
        "x-autoreply",
        "x-autorespond",
        "x-autoresponder",
        "x-auto-reply",
        "x-failed-recipients",
        "x-triaged-loop",
        "return-path",
        "content-type",
        "authentication-results",
        "x-mail-autoreply",
        "feedback-id",
    ];
    let name = name.get(..40).unwrap_or(name).to_ascii_lowercase();
    name.starts_with("list-") || NAMES.contains(&name.as_str())
}

fn is_known(name: &str) -> bool {
    HeaderName::parse(name).is_some_and(|name| !name.is_other())
}

/// The name of a header line (RFC 5322 3.6.8), with the blanks before the colon that some senders put there.
fn name(line: &[u8]) -> Option<&str> {
    let colon = line.iter().position(|b| *b == b':')?;
    let name = line[..colon].trim_ascii_end();
    // RFC 5322 allows more signs, but a name with brackets or quotes is a line of JSON or HTML, not a header.
    let good = !name.is_empty() && name.iter().all(|b| b.is_ascii_graphic() && !b"\"<>[]{}()\\,;@=?*|^`'".contains(b));
    if good { std::str::from_utf8(name).ok() } else { None }
}

impl<'a> Head<'a> {
    /// Raw values of every header of that name, topmost first.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &'a [u8]> + use<'a, '_> {
        let name = name.to_owned();
        self.fields.iter().filter(move |(known, _)| known.eq_ignore_ascii_case(&name)).map(|(_, value)| *value)
    }

    /// Decoded value of the topmost header of that name.
    pub fn first(&self, name: &str) -> Option<String> {
        self.all(name).next().map(|raw| decode(raw).0)
    }

    /// Every header as the report keeps it, and whether one holds a charset that could not be read.
    pub fn listed(&self) -> (Vec<(String, String)>, bool) {
        let (mut kept, mut room, mut damaged) = (Vec::with_capacity(self.fields.len().min(MAX_HEADERS)), MAX_ALL, false);
        // What tells a machine from a person has room of its own: no padding above may push it out.
        let (mut telling, mut telling_room) = (0, MAX_ALL);
        for (at, (name, raw)) in self.fields.iter().enumerate() {
            let tells = tells(name) && telling < MAX_HEADERS;
            if at >= MAX_HEADERS && !tells {
                continue;
            }
            let room = if tells { &mut telling_room } else { &mut room };
            if *room == 0 {
                continue;
            }
            let (value, bad) = decode(raw);
            let (name, (value, _)) = (text::head((*name).to_owned(), MAX_VALUE).0, text::head(value, MAX_VALUE));
            damaged |= bad;
            // One too long for what is left is skipped; shorter ones below it may still fit.
            let Some(left) = room.checked_sub(name.len() + value.len()) else { continue };
            *room = left;
            telling += usize::from(tells);
            kept.push((name, value));
        }
        (kept, damaged)
    }

    /// The mailboxes of every header of that name.
    pub fn addresses(&self, name: &str) -> Vec<Address> {
        self.all(name).flat_map(addresses).take(MAX_ADDRESSES).collect()
    }

    /// The topmost usable Message-ID.
    pub fn message_id(&self) -> Option<String> {
        self.all("Message-ID").find_map(|raw| ids(raw).into_iter().next())
    }

    /// References, then In-Reply-To, each once.
    pub fn references(&self) -> Vec<String> {
        let mut seen = HashSet::new();
        let all = self.all("References").chain(self.all("In-Reply-To")).flat_map(ids);
        let mut kept: Vec<String> = all.filter(|id| seen.insert(id.clone())).collect();
        kept.drain(..kept.len().saturating_sub(MAX_REFERENCES));
        kept
    }

    /// The Date header, read strictly and then forgivingly.
    pub fn date(&self) -> Option<Timestamp> {
        let value = self.first("Date")?;
        if let Ok(date) = jiff::fmt::rfc2822::parse(&value) {
            return Some(date.timestamp());
        }
        let date = mail_parser::DateTime::parse_rfc822(&value).filter(|date| date.is_valid())?;
        Timestamp::from_second(date.to_timestamp()).ok()
    }

    /// The envelope sender as the last server noted it.
    pub fn return_path(&self) -> ReturnPath {
        let Some(value) = self.first("Return-Path") else { return ReturnPath::Absent };
        match value.strip_prefix('<').map(|rest| rest.split('>').next().unwrap_or(rest).trim()) {
            Some("") => ReturnPath::Null,
            Some(address) => ReturnPath::Address(address.to_owned()),
            None if value.is_empty() => ReturnPath::Absent,
            None => ReturnPath::Address(value),
        }
    }

    /// Where the servers on the way say they delivered it, lower case, topmost first.
    pub fn delivered_to(&self) -> Vec<String> {
        const NAMES: [&str; 4] = ["Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To"];
        let noted = self.fields.iter().filter(|(name, _)| NAMES.iter().any(|known| known.eq_ignore_ascii_case(name)));
        let mut kept: Vec<String> = Vec::new();
        for (_, raw) in noted.take(MAX_REFERENCES) {
            for part in decode(raw).0.split(',').map(str::trim) {
                let address = part.rsplit(['<', ' ']).next().unwrap_or(part).trim_end_matches('>').to_lowercase();
                if address.contains('@') && kept.len() < MAX_ADDRESSES && !kept.contains(&address) {
                    kept.push(address);
                }
            }
        }
        kept
    }
}

/// A raw header value decoded to one line, and whether its charset could not be read.
pub fn decode(raw: &[u8]) -> (String, bool) {
    let (line, mut bad) = unfold(raw);
    if !line.contains("=?") {
        return (text::one_line(&line), bad);
    }
    let joined = join_words(&line, &mut bad);
    let value = match MessageStream::new(joined.as_bytes()).parse_unstructured() {
        HeaderValue::Text(value) => text::one_line(&value),
        _ => text::one_line(&line),
    };
    bad |= value.contains('\u{fffd}') && !line.contains('\u{fffd}');
    (value, bad)
}

/// One line of text of a folded header, ended by `\n` as mail-parser's field parsers want it.
fn unfold(raw: &[u8]) -> (String, bool) {
    let raw = &raw[..raw.len().min(MAX_RAW)];
    let (value, bad) = match std::str::from_utf8(raw) {
        Ok(value) => (value.to_owned(), false),
        Err(_) => (charset::guess(raw), true),
    };
    // Folding keeps its blank, so that the break itself goes (RFC 5322 2.2.3).
    let mut line = value.trim().replace(['\r', '\n'], "");
    line.push('\n');
    (line, bad)
}

/// The beginning of an encoded word (RFC 2047 2): charset, encoding, and the line from its payload on.
struct Word<'a> {
    charset: &'a str,
    encoding: u8,
    rest: &'a str,
}

/// Joins neighbouring encoded words of the same charset and encoding: senders cut UTF-8 characters in two at the seam.
fn join_words(line: &str, bad: &mut bool) -> String {
    let mut out = String::with_capacity(line.len());
    // Behind the last "?=" no word can end, and mail-parser looks for the end of each anew, which is quadratic.
    let (line, tail) = line.split_at(line.rfind("?=").map_or(0, |n| n + 2));
    let (mut at, mut last): (usize, Option<(String, u8)>) = (0, None);
    while let Some(start) = line[at..].find("=?").map(|n| at + n) {
        let Some(word) = word(line, start) else {
            out.push_str(&line[at..start + 2]);
            (at, last) = (start + 2, None);
            continue;
        };
        let Some(length) = word.rest.find("?=") else { break };
        let (payload, end) = (&word.rest[..length], line.len() - word.rest.len() + length + 2);
        let name = word.charset.split('*').next().unwrap_or_default().to_ascii_lowercase();
        let key = (name, word.encoding.to_ascii_lowercase());
        *bad |= !charset::known(&key.0);
        if last.as_ref() == Some(&key) && line[at..start].trim().is_empty() && charset_joins(&key.0) {
            out.truncate(out.len() - 2);
            out.push_str(payload);
            out.push_str("?=");
        } else if payload.is_ascii() {
            out.push_str(&line[at..end]);
        } else {
            // Letters that should have been escaped: they are UTF-8 by now, whatever the word says.
            *bad = true;
            out.push_str(&line[at..start]);
            let _ = write!(out, "=?utf-8?{}?{payload}?=", char::from(word.encoding));
        }
        (at, last) = (end, Some(key));
    }
    out.push_str(&line[at..]);
    out.push_str(&tail.replace("=?", "= ?"));
    out
}

/// Charsets with escapes begin anew in each word and must stay apart.
fn charset_joins(name: &str) -> bool {
    !name.contains("2022") && !name.contains("16") && charset_decoder(name.as_bytes()).is_some() || name.starts_with("utf-8")
}

/// The encoded word that begins at `start`, if it begins well.
fn word(line: &str, start: usize) -> Option<Word<'_>> {
    let rest = &line[start + 2..];
    let name_end = rest.bytes().take(80).position(|b| b == b'?')?;
    let (charset, tail) = (&rest[..name_end], &rest[name_end + 1..]);
    let encoding = *tail.as_bytes().first()?;
    let well_formed = matches!(encoding, b'b' | b'B' | b'q' | b'Q') && !charset.contains(char::is_whitespace);
    let rest = tail.get(1..)?.strip_prefix('?')?;
    well_formed.then_some(Word { charset, encoding, rest })
}

/// The mailboxes of one address header; groups are opened.
fn addresses(raw: &[u8]) -> Vec<Address> {
    let (line, mut bad) = unfold(raw);
    let line = if line.contains("=?") { join_words(&line, &mut bad) } else { line };
    let value = MessageStream::new(line.as_bytes()).parse_address();
    let Some(list) = value.as_address() else { return Vec::new() };
    let mailbox = |entry: &mail_parser::Addr<'_>| {
        let name = entry.name().map(text::one_line).filter(|name| !name.is_empty());
        let address = entry.address().map(text::one_line).unwrap_or_default();
        // "a@example.org" alone in quotes comes back as a name.
        match name {
            Some(name) if address.is_empty() && name.contains('@') && !name.contains(' ') => {
                Address { name: None, address: name }
            }
            name => Address { name, address },
        }
    };
    list.iter().take(MAX_ADDRESSES).map(mailbox).filter(|entry| entry.name.is_some() || !entry.address.is_empty()).collect()
}

/// The Message-IDs of one header, without brackets; without any bracket, its words that look like one.
fn ids(raw: &[u8]) -> Vec<String> {
    let (line, _) = unfold(raw);
    let usable = |id: &str| {
        let id = text::one_line(id);
        (!id.is_empty() && id.len() <= MAX_ID).then_some(id)
    };
    if !line.contains('<') {
        let words = line.split_whitespace();
        return if line.contains('@') {
            words.filter(|id| id.contains('@')).filter_map(usable).collect()
        } else {
            usable(&line).into_iter().collect()
        };
    }
    line.split('<').skip(1).filter_map(|part| usable(part.split('>').next().unwrap_or(part))).collect()
}
