//! Bytes that no parser could put in order: the tail of a mail fetched in part, a multipart without its boundary, what lies
//! deeper than we follow. They are read piece by piece, so that words in them are judged all the same (law 2).

use super::parts::{Gathered, Kind};
use super::{charset, html, text, transfer};

/// Lines of base64 shorter than this may be words.
const BASE64_LINE: usize = 56;
/// Bytes of loose text looked at from each end.
const MAX_LOOSE: usize = 2 * text::FIELD_CAP;

impl Gathered {
    /// Reads loose bytes: what looks like MIME parts as such, all other as text.
    pub fn loose(&mut self, bytes: &[u8]) {
        let (mut from, mut at) = (0, 0);
        while at < bytes.len() {
            let end = bytes[at..].iter().position(|b| *b == b'\n').map_or(bytes.len(), |n| at + n + 1);
            if is_boundary(&bytes[at..end], &bytes[end..]) {
                self.fragment(&bytes[from..at]);
                from = end;
            }
            at = end;
        }
        self.fragment(&bytes[from..]);
    }

    /// One stretch between boundary lines.
    fn fragment(&mut self, bytes: &[u8]) {
        // One level in: what stands here is a part, not the mail itself.
        self.level += 1;
        let done = begins_with_mime_header(bytes) && self.structured(bytes, Self::message);
        self.level -= 1;
        if done {
            return;
        }
        let text = loose_text(bytes);
        if !text.trim().is_empty() {
            self.piece(Kind::Plain, &text);
        }
    }
}

/// `--token` before a part's header, or `--token--`.
fn is_boundary(line: &[u8], next: &[u8]) -> bool {
    let line = line.trim_ascii_end();
    let closing = line.ends_with(b"--") && line.iter().any(|b| *b != b'-');
    line.len() > 2 && line.starts_with(b"--") && (closing || begins_with_mime_header(next))
}

fn begins_with_mime_header(bytes: &[u8]) -> bool {
    bytes.get(..8).is_some_and(|start| start.eq_ignore_ascii_case(b"content-"))
}

/// What can be read of bytes without any structure: base64 that holds text is decoded, other base64 left out,
/// quoted-printable and HTML undone where they show.
pub fn loose_text(bytes: &[u8]) -> String {
    let bytes = ends(bytes);
    let (lines, encoded): (Vec<&[u8]>, Vec<&[u8]>) = bytes.split_inclusive(|b| *b == b'\n').partition(|line| !is_base64(line));
    let mut plain = lines.concat();
    if plain.windows(2).any(|pair| pair == b"=\n") || plain.windows(3).any(|three| three == b"=\r\n" || three == b"=20") {
        plain = transfer::quoted_printable(&plain);
    }
    let (mut text, _) = charset::decode(&plain, None);
    if text.matches("</").count() > 2 {
        let page = html::read(&text);
        text = format!("{}\n{}", page.text, page.hidden);
    }
    let (decoded, _) = transfer::base64(&encoded.concat());
    let hidden = String::from_utf8_lossy(&decoded);
    // An image gives a replacement character at every third byte, a text one at a cut at most.
    if hidden.chars().filter(|c| *c == '\u{fffd}' || c.is_control() && !c.is_whitespace()).count() * 20 < hidden.chars().count() {
        text.push('\n');
        text.push_str(&hidden);
    }
    text
}

/// The bytes, or both their ends when they are very many.
fn ends(bytes: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    if bytes.len() <= 2 * MAX_LOOSE {
        return bytes.into();
    }
    [&bytes[..MAX_LOOSE], b"\n", &bytes[bytes.len() - MAX_LOOSE..]].concat().into()
}

/// A line of nothing but base64 letters, too long for a word; the line at a cut is shorter, but it mixes letters as no word does.
fn is_base64(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    let mixed = || [u8::is_ascii_digit, u8::is_ascii_lowercase, u8::is_ascii_uppercase].iter().all(|kind| line.iter().any(kind));
    (line.len() >= BASE64_LINE || line.len() >= 16 && mixed())
        && line.iter().all(|b| transfer::sextet(*b).is_some() || *b == b'=')
}
