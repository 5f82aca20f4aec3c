//! Walks the MIME tree of a mail and gathers its texts as a person would see them, what is forwarded in it, and the manifest of
//! everything attached. Every part is visited once, whatever the tree claims; what the tree lost is read flat.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::LazyLock;

use mail_parser::{Message, MessageParser, MessagePart, MimeHeaders, PartType};

use super::media::{self, Reading, file_name, is_exact_encoding, media_type, transfer_encoding};
use super::{alternative, charset, disarm, headers, html, text, transfer, uu};
use crate::report::{Attachment, Damage};

/// Levels of messages in messages, and of multiparts in multiparts, that are followed.
const MAX_LEVEL: usize = 100;
/// How deep broken multiparts and mails in files are followed: unlike messages in plain sight, each level reads its bytes again.
const MAX_REREAD: usize = 10;
/// Attachments listed in the manifest.
const MAX_ATTACHMENTS: usize = 1000;
/// Bytes of HTML read from each end of a part.
const MAX_HTML: usize = 512 * 1024;

/// The parser, its tables built once. Only MIME headers are parsed by it: the header of the mail is read in [`headers`].
static PARSER: LazyLock<MessageParser> = LazyLock::new(|| MessageParser::new().with_mime_headers());

/// What a text was written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Plain text.
    Plain,
    /// HTML.
    Html,
}

/// One inline text.
#[derive(Debug)]
pub struct Piece {
    /// What it was written in.
    pub kind: Kind,
    /// The text, by [`text::plain`].
    pub text: String,
}

/// Everything found in the body of a mail.
#[derive(Debug, Default)]
pub struct Gathered {
    /// Inline texts in the order of the mail.
    pub pieces: Vec<Piece>,
    /// Links of its HTML texts that no text shows, each once.
    pub links: Vec<String>,
    /// Subjects and texts of messages in the mail.
    pub forwarded: String,
    /// Texts of attachments, and text that is there but not shown.
    pub attachment: String,
    /// File names, decoded but whole, one a line.
    pub filename: String,
    /// The manifest.
    pub manifest: Vec<Attachment>,
    /// What is wrong.
    pub damage: BTreeSet<Damage>,
    /// How many messages we are in.
    pub level: usize,
    /// How many times the bytes we are in were given to the parser.
    pub rereads: usize,
}

impl Gathered {
    /// Reads the body of a mail: `raw` with its header, so that the parser finds the boundary.
    pub fn body(&mut self, raw: &[u8], body: usize) {
        if !self.structured(raw, Self::message) {
            self.loose(&raw[body.min(raw.len())..]);
        }
    }

    /// Gives bytes to the parser and what it finds to `reader`; false when they are nothing for it.
    pub fn structured(&mut self, bytes: &[u8], reader: fn(&mut Self, &Message<'_>, &[u8])) -> bool {
        let Some(bytes) = disarm::disarmed(bytes).filter(|_| self.rereads < MAX_REREAD) else {
            self.damage.insert(Damage::TooDeep);
            return false;
        };
        let Some(message) = PARSER.parse(&*bytes) else { return false };
        self.rereads += 1;
        reader(self, &message, &bytes);
        self.rereads -= 1;
        true
    }

    /// Whether nothing was found: no text, no file, no mail.
    pub fn is_blank(&self) -> bool {
        self.manifest.is_empty() && self.forwarded.is_empty() && self.pieces.iter().all(|piece| piece.text.trim().is_empty())
    }

    /// All parts of one parsed message; `base` is what its offsets count in.
    pub fn message(&mut self, message: &Message<'_>, base: &[u8]) {
        let mut seen = vec![false; message.parts.len()];
        self.node(message, base, 0, 0, &mut seen);
        for id in 0..message.parts.len() {
            if !seen[id] {
                self.leaf(message, base, id, &mut seen);
            }
        }
    }

    fn node(&mut self, message: &Message<'_>, base: &[u8], id: usize, depth: usize, seen: &mut [bool]) {
        let Some(PartType::Multipart(children)) = message.parts.get(id).map(|part| &part.body) else {
            return self.leaf(message, base, id, seen);
        };
        if std::mem::replace(&mut seen[id], true) {
            return;
        }
        if depth >= MAX_LEVEL {
            // Its children are read flat, by the caller's last look.
            self.damage.insert(Damage::TooDeep);
            return;
        }
        let subtype = message.parts[id].content_type().and_then(|ct| ct.subtype()).unwrap_or_default();
        if subtype.eq_ignore_ascii_case("encrypted") {
            self.damage.insert(Damage::Encrypted);
        }
        self.around(message, base, id, children);
        let choice = subtype.eq_ignore_ascii_case("alternative");
        let before = if choice { std::mem::take(&mut self.pieces) } else { Vec::new() };
        for child in children {
            self.node(message, base, *child as usize, depth + 1, seen);
        }
        if choice {
            let choices = std::mem::replace(&mut self.pieces, before);
            self.pieces.extend(chosen(choices));
        }
    }

    /// Text before the first boundary of a multipart and behind its last: programs do not show it, but nobody may hide words there.
    fn around(&mut self, message: &Message<'_>, base: &[u8], id: usize, children: &[u32]) {
        let part = |id: &u32| message.parts.get(*id as usize);
        let (Some(first), Some(last)) = (children.first().and_then(part), children.last().and_then(part)) else { return };
        let whole = &message.parts[id];
        // The parser leaves the end of a part it lost at 0: then nothing is known to be behind it.
        let behind = if last.offset_end < last.offset_body { whole.offset_end } else { last.offset_end };
        for (start, end) in [(whole.offset_body, first.offset_header), (behind, whole.offset_end)] {
            let bytes = base.get(start as usize..end as usize).unwrap_or_default();
            let lines = bytes.split_inclusive(|b| *b == b'\n').filter(|line| !line.starts_with(b"--"));
            let text = super::rest::loose_text(&lines.collect::<Vec<_>>().concat());
            // What mail programs write there for readers of another age.
            let usual = text.contains("MIME") && text.trim().len() < 300 && text.to_lowercase().contains("multi");
            if !usual && !text.trim().is_empty() {
                self.attach(Kind::Plain, &text);
            }
        }
    }

    /// A part that is no multipart.
    fn leaf(&mut self, message: &Message<'_>, base: &[u8], id: usize, seen: &mut [bool]) {
        let Some(part) = message.parts.get(id) else { return };
        if std::mem::replace(&mut seen[id], true) {
            return;
        }
        let media_type = media_type(part);
        match &part.body {
            PartType::Multipart(_) => {}
            PartType::Message(inner) => {
                // A message in plain sight counts its offsets in the bytes around it, an encoded one in its own.
                let plain = part.encoding == mail_parser::Encoding::None;
                let range = part.offset_body as usize..part.offset_end as usize;
                let own = if plain { base.get(range).unwrap_or_default() } else { &inner.raw_message };
                self.list(part, &media_type, own);
                self.nested(inner, if plain { base } else { &inner.raw_message });
            }
            _ => {
                self.note_problems(part, &media_type);
                self.content(part, base, &media_type, id == 0 && self.level == 0);
            }
        }
    }

    /// A message in the mail: its subject and texts are forwarded text.
    fn nested(&mut self, inner: &Message<'_>, base: &[u8]) {
        if self.level >= MAX_LEVEL {
            self.damage.insert(Damage::TooDeep);
            let start = inner.parts.first().map_or(0, |part| part.offset_header as usize);
            let rest = super::rest::loose_text(base.get(start..).unwrap_or_default());
            self.forward("", &rest);
            return;
        }
        let header = inner.parts.first().map(|root| root.offset_header as usize..root.offset_body as usize);
        let head = headers::split(header.and_then(|range| base.get(range)).unwrap_or_default());
        let subject = head.first("Subject").unwrap_or_default();
        let outer = std::mem::take(&mut self.pieces);
        self.level += 1;
        self.message(inner, base);
        self.level -= 1;
        let texts: Vec<String> = std::mem::replace(&mut self.pieces, outer).into_iter().map(|piece| piece.text).collect();
        self.forward(&subject, &texts.join("\n\n"));
    }

    fn forward(&mut self, subject: &str, texts: &str) {
        let cut = text::append(&mut self.forwarded, &text::plain(&format!("{subject}\n\n{texts}")).0);
        self.cut(cut);
    }

    /// What the parser could not do cleanly with a part, by what the part claims to be.
    fn note_problems(&mut self, part: &MessagePart<'_>, media_type: &str) {
        let encoding = transfer_encoding(part);
        let known = ["", "7bit", "8bit", "binary", "base64", "quoted-printable", "x-uuencode", "x-uue", "uuencode"];
        if !known.contains(&encoding.as_str()) {
            self.damage.insert(Damage::BadEncoding);
        }
        if part.is_encoding_problem && !part.is_empty() {
            self.damage.insert(Damage::BadStructure);
        }
        if media::is_encrypted(part, media_type) {
            self.damage.insert(Damage::Encrypted);
        }
    }

    /// A part with content of its own: shown, attached, or both.
    fn content(&mut self, part: &MessagePart<'_>, base: &[u8], media_type: &str, root: bool) {
        let name = file_name(part);
        let attached = part.content_disposition().is_some_and(|value| value.is_attachment());
        let inline = part.content_disposition().is_some_and(|value| value.is_inline());
        let reading = if media::is_contradictory(part) { Reading::Structure } else { Reading::of(media_type, name.as_deref()) };
        match reading {
            Reading::Structure => {
                self.damage.insert(Damage::BadStructure);
                let bytes = self.bytes(part, base);
                self.loose(&bytes);
            }
            Reading::Shown(kind) => {
                let shown = root || !attached && (name.is_none() || inline || self.pieces.is_empty());
                if !shown || name.is_some() {
                    let bytes = self.bytes(part, base);
                    self.list(part, media_type, &bytes);
                }
                let text = self.text(part, base, kind);
                let text = if media::loses_blanks(part) { Cow::Owned(text::flowed(&text)) } else { text };
                if shown { self.piece(kind, &text) } else { self.attach(kind, &text) }
            }
            Reading::Attached(kind) => {
                let bytes = self.bytes(part, base);
                self.list(part, media_type, &bytes);
                let text = self.text(part, base, kind);
                let card = media::is_card(media_type, name.as_deref());
                let text = if card { Cow::Owned(text::unfolded(&text)) } else { text };
                self.attach(kind, &text);
            }
            Reading::Mail => {
                let bytes = self.bytes(part, base);
                self.list(part, media_type, &bytes);
                self.mail_in(&bytes);
            }
            Reading::Opaque => {
                let bytes = self.bytes(part, base);
                self.list(part, media_type, &bytes);
                if media_type.ends_with("pkcs7-mime") {
                    self.signed_content(&bytes);
                } else if let Some(text) = media::text_in(media_type, &bytes) {
                    let kind = if text.contains("</") { Kind::Html } else { Kind::Plain };
                    self.attach(kind, text);
                }
            }
        }
    }

    /// A mail attached as a file, or encoded more often than the parser follows.
    fn mail_in(&mut self, bytes: &[u8]) {
        if !self.structured(bytes, Self::nested) {
            let rest = super::rest::loose_text(bytes);
            self.forward("", &rest);
        }
    }

    /// An opaque signature (RFC 8551 3.5.2) holds the signed part in plain sight between its ASN.1 bytes.
    fn signed_content(&mut self, bytes: &[u8]) {
        let header = b"Content-Type:";
        if self.damage.contains(&Damage::Encrypted) {
            return;
        }
        if let Some(start) = bytes.windows(header.len()).position(|window| window.eq_ignore_ascii_case(header)) {
            self.loose(&bytes[start..]);
        }
    }

    /// Adds one inline text. Files hidden in it as uuencode go to the manifest.
    pub fn piece(&mut self, kind: Kind, text: &str) {
        let text = self.shaped(kind, text);
        let text = match uu::extract(&text) {
            Some((rest, files)) => {
                for file in files {
                    if let Some(text) = media::text_in("application/octet-stream", &file.bytes) {
                        self.attach(Kind::Plain, text);
                    }
                    self.entry(Some(file.name), "application/octet-stream", &file.bytes);
                }
                rest
            }
            None => text,
        };
        if text.contains("-----BEGIN PGP MESSAGE-----") {
            self.damage.insert(Damage::Encrypted);
        }
        let (text, cut) = text::capped(text, text::FIELD_CAP);
        self.cut(cut);
        self.pieces.push(Piece { kind, text });
    }

    /// Adds the text of an attachment.
    fn attach(&mut self, kind: Kind, text: &str) {
        let text = self.shaped(kind, text);
        let cut = text::append(&mut self.attachment, &text);
        self.cut(cut);
    }

    /// HTML becomes text, what it hides goes beside it; line ends and controls are put right.
    fn shaped(&mut self, kind: Kind, text: &str) -> String {
        let (text, nul) = text::plain(text);
        if nul {
            self.damage.insert(Damage::NulBytes);
        }
        if kind == Kind::Plain {
            return text;
        }
        let (html, cut) = text::capped(text, 2 * MAX_HTML);
        self.cut(cut);
        let page = html::read(&html);
        let cut = text::append(&mut self.attachment, &text::plain(&page.hidden).0);
        self.cut(cut);
        for link in page.links {
            let link = text::one_line(&link);
            if self.links.len() < 200 && !self.links.contains(&link) {
                self.links.push(link);
            }
        }
        // Entities can name control characters, too.
        text::plain(&page.text).0
    }

    fn cut(&mut self, cut: bool) {
        if cut {
            self.damage.insert(Damage::TextCut);
        }
    }

    /// The decoded text of a part: the parser's, unless there is a reason to doubt it.
    fn text<'x>(&mut self, part: &'x MessagePart<'_>, base: &[u8], kind: Kind) -> Cow<'x, str> {
        let declared = part.content_type().and_then(|value| value.attribute("charset"));
        if let PartType::Text(text) | PartType::Html(text) = &part.body
            && !part.is_encoding_problem
            && is_exact_encoding(part)
            && charset::trusted(text, declared)
        {
            return Cow::Borrowed(text);
        }
        let bytes = self.bytes(part, base);
        let own = if declared.is_none() && kind == Kind::Html { charset::of_html(&bytes) } else { None };
        let (text, bad) = charset::decode(&bytes, declared.or(own.as_deref()));
        if bad {
            self.damage.insert(Damage::BadCharset);
        }
        Cow::Owned(text)
    }

    /// The decoded bytes of a part: the parser's, or read forgivingly where it gave up.
    fn bytes<'x>(&mut self, part: &'x MessagePart<'_>, base: &'x [u8]) -> Cow<'x, [u8]> {
        if let (PartType::Binary(bytes) | PartType::InlineBinary(bytes), false) = (&part.body, part.is_encoding_problem)
            && is_exact_encoding(part)
        {
            return Cow::Borrowed(bytes);
        }
        let raw = base.get(part.offset_body as usize..part.offset_end as usize).unwrap_or_default();
        match transfer_encoding(part).as_str() {
            "base64" => {
                let (mut bytes, junk) = transfer::base64(raw);
                if !junk.trim_ascii().is_empty() {
                    self.damage.insert(Damage::BadEncoding);
                    bytes.extend(b"\n".iter().chain(&junk));
                }
                Cow::Owned(bytes)
            }
            "quoted-printable" => Cow::Owned(transfer::quoted_printable(raw)),
            _ => Cow::Borrowed(raw),
        }
    }

    /// Writes a part into the manifest.
    fn list(&mut self, part: &MessagePart<'_>, media_type: &str, bytes: &[u8]) {
        self.entry(file_name(part), media_type, bytes);
    }

    fn entry(&mut self, name: Option<String>, media_type: &str, bytes: &[u8]) {
        if self.manifest.len() >= MAX_ATTACHMENTS {
            self.damage.insert(Damage::TooDeep);
            return;
        }
        if let Some(name) = &name {
            let name = text::head(text::one_line(name), 1024).0;
            let separator = if self.filename.is_empty() { "" } else { "\n" };
            self.filename.push_str(separator);
            self.filename.push_str(&name);
        }
        self.manifest.push(Attachment {
            name: name.as_deref().and_then(text::file_name),
            media_type: media_type.to_owned(),
            size: bytes.len() as u64,
            sha256: hex(ring::digest::digest(&ring::digest::SHA256, bytes).as_ref()),
        });
    }
}

/// What a person sees of several versions of one text: the plain one, with every line only the HTML has.
fn chosen(choices: Vec<Piece>) -> Vec<Piece> {
    let join = |kind: Kind| {
        let texts: Vec<&str> = choices.iter().filter(|piece| piece.kind == kind).map(|piece| piece.text.as_str()).collect();
        texts.join("\n\n")
    };
    let (plain, html) = (join(Kind::Plain), join(Kind::Html));
    if plain.trim().is_empty() {
        return choices.into_iter().filter(|piece| piece.kind == Kind::Html).collect();
    }
    let extra = alternative::missing(&plain, &html);
    // When most of it is missing, the plain text is a stub ("your program cannot show HTML"): the whole is easier to read.
    let extra = if extra.len() * 2 > html.len() { html } else { extra };
    let mut kept = vec![Piece { kind: Kind::Plain, text: plain }];
    if !extra.trim().is_empty() {
        kept.push(Piece { kind: Kind::Plain, text: extra });
    }
    kept
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|b| [DIGITS[usize::from(b >> 4)], DIGITS[usize::from(b & 15)]]).map(char::from).collect()
}
