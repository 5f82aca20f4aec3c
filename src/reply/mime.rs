//! Writing mail: headers, text, and an original attached byte for byte. Small on purpose. A builder that parses what
//! it is given can fail or panic on a hostile name; here every value is made harmless as it is written, so that no text,
//! wherever it comes from, can end a header, open another or hide what it says.

use crate::clock::Timestamp;

/// Longest line of a header we write (RFC 5322 2.1.1).
const LINE: usize = 78;

/// Longest line any mail may hold, without its line end (RFC 5322 2.1.1).
const LONGEST_LINE: usize = 998;

/// A mail being written. Header names are ours alone: constants.
pub struct Mail {
    headers: String,
}

/// What is attached under a text.
pub struct Original<'a> {
    /// The mail as it was fetched.
    pub raw: &'a [u8],
    /// All of it was fetched. A part is attached as a file: put together again it would be a mail nobody wrote.
    pub whole: bool,
}

impl Mail {
    /// A mail with the headers that every mail of ours has. `message_id` comes without angle brackets.
    pub fn new(date: Timestamp, message_id: &str) -> Self {
        let mut mail = Mail { headers: String::with_capacity(1024) };
        mail.raw("Date", &date_time(date));
        mail.raw("Message-ID", &format!("<{}>", token(message_id)));
        mail.raw("MIME-Version", "1.0");
        mail
    }

    /// Adds a header of free text: RFC 2047 where it needs it, folded, one line whatever `text` holds.
    pub fn text(&mut self, name: &'static str, text: &str) {
        let words = words(&one_line(text), LINE.saturating_sub(name.len() + 2));
        self.fold(name, &words);
    }

    /// Adds a header that holds one address, with a name or without (From, To).
    pub fn address(&mut self, name: &'static str, display: &str, address: &str) {
        let mut parts = phrase(&one_line(display), LINE.saturating_sub(name.len() + 2));
        parts.push(format!("<{}>", token(address)));
        self.fold(name, &parts);
    }

    /// Adds a header that holds one Message-ID, given without angle brackets.
    pub fn id(&mut self, name: &'static str, id: &str) {
        self.raw(name, &format!("<{}>", token(id)));
    }

    /// Adds a header of our own fixed words.
    pub fn fixed(&mut self, name: &'static str, value: &'static str) {
        self.raw(name, value);
    }

    fn raw(&mut self, name: &str, value: &str) {
        self.headers.push_str(name);
        self.headers.push_str(": ");
        self.headers.push_str(value);
        self.headers.push_str("\r\n");
    }

    /// Writes words with one blank between them, broken before a word that would pass the margin (RFC 5322 2.2.3).
    fn fold(&mut self, name: &str, words: &[String]) {
        let mut value = String::new();
        let mut column = name.len() + 2;
        for word in words {
            if value.is_empty() {
                column += word.len();
            } else if column + 1 + word.len() <= LINE {
                value.push(' ');
                column += 1 + word.len();
            } else {
                value.push_str("\r\n ");
                column = 1 + word.len();
            }
            value.push_str(word);
        }
        self.raw(name, &value);
    }

    /// The finished mail: one text.
    pub fn with_text(self, text: &str) -> Vec<u8> {
        let mut mail = self.headers.into_bytes();
        text_part(&mut mail, text);
        mail
    }

    /// The finished mail: a text with the original under it (multipart/mixed). `seed` is a word of ours, such as the
    /// Message-ID's left side, from which the boundary is made.
    pub fn with_original(mut self, text: &str, original: &Original<'_>, seed: &str) -> Vec<u8> {
        let boundary = boundary(original.raw, seed);
        let canonical = canonical(original);
        let eight_bit = canonical.as_ref().is_some_and(|raw| !raw.is_ascii());
        self.raw("Content-Type", &format!("multipart/mixed;\r\n boundary=\"{boundary}\""));
        self.raw("Content-Transfer-Encoding", if eight_bit { "8bit" } else { "7bit" });
        let mut mail = self.headers.into_bytes();
        mail.reserve(original.raw.len() * 3 / 2 + text.len() * 2);
        mail.extend_from_slice(format!("\r\n--{boundary}\r\n").as_bytes());
        text_part(&mut mail, text);
        mail.extend_from_slice(format!("\r\n--{boundary}\r\n").as_bytes());
        match canonical {
            Some(raw) => message_part(&mut mail, &raw, eight_bit),
            None => file_part(&mut mail, original.raw),
        }
        mail.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        mail
    }
}

/// The original as message/rfc822, which must not be encoded again (RFC 2046 5.2.1).
fn message_part(mail: &mut Vec<u8>, raw: &[u8], eight_bit: bool) {
    let encoding = if eight_bit { "8bit" } else { "7bit" };
    let header = "Content-Type: message/rfc822\r\nContent-Disposition: attachment; filename=\"original.eml\"\r\n";
    mail.extend_from_slice(format!("{header}Content-Transfer-Encoding: {encoding}\r\n\r\n").as_bytes());
    mail.extend_from_slice(raw);
}

/// The original as a file: the bytes cannot travel as a message.
fn file_part(mail: &mut Vec<u8>, raw: &[u8]) {
    let header = "Content-Type: application/octet-stream; name=\"original.eml\"\r\nContent-Disposition: attachment; filename=\"original.eml\"\r\n";
    mail.extend_from_slice(header.as_bytes());
    mail.extend_from_slice(b"Content-Transfer-Encoding: base64\r\n\r\n");
    base64_lines(mail, raw);
}

/// The bytes as they may stand in a message/rfc822 part, or `None` when they may not: no NUL, no line over 998, every line
/// end CRLF. A mail whose line ends are all bare LF (as a Maildir holds it) gets the CRLF it had on its way.
fn canonical(original: &Original<'_>) -> Option<Vec<u8>> {
    let raw = original.raw;
    if !original.whole || raw.is_empty() || raw.contains(&0) {
        return None;
    }
    let bare_lf = !raw.contains(&b'\r');
    let mut out = Vec::with_capacity(raw.len() + if bare_lf { raw.len() / 32 } else { 0 });
    for line in raw.split_inclusive(|b| *b == b'\n') {
        let ended = line.ends_with(b"\n");
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let text = if bare_lf || !ended { text } else { text.strip_suffix(b"\r")? };
        if text.len() > LONGEST_LINE || text.contains(&b'\r') {
            return None;
        }
        out.extend_from_slice(text);
        if ended {
            out.extend_from_slice(b"\r\n");
        }
    }
    Some(out)
}

/// A boundary that is the beginning of no line of `raw`.
fn boundary(raw: &[u8], seed: &str) -> String {
    let seed: String = seed.chars().filter(char::is_ascii_alphanumeric).take(40).collect();
    let taken = |boundary: &str| {
        raw.split(|b| *b == b'\n' || *b == b'\r')
            .any(|l| l.strip_prefix(b"--").is_some_and(|l| l.starts_with(boundary.as_bytes())))
    };
    let mut boundary = format!("=_{seed}");
    // Longer each time, so a mail of n bytes can hold out for a handful of rounds at most.
    for round in 0.. {
        if !taken(&boundary) {
            break;
        }
        boundary = format!("=_{round}_{seed}");
    }
    boundary
}

/// Headers and body of a text/plain part, in the plainest encoding that carries it.
fn text_part(mail: &mut Vec<u8>, text: &str) {
    let mut text = many_lines(text);
    if !text.ends_with('\n') {
        text.push('\n');
    }
    let plain = text.is_ascii() && text.lines().all(|line| line.len() <= LONGEST_LINE);
    let letters = text.chars().count();
    let mostly_ascii = text.bytes().filter(u8::is_ascii).count() * 6 >= letters * 5;
    let encoding = if plain {
        "7bit"
    } else if mostly_ascii {
        "quoted-printable"
    } else {
        "base64"
    };
    let header = format!("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n");
    mail.extend_from_slice(header.as_bytes());
    match encoding {
        "7bit" => mail.extend_from_slice(text.replace('\n', "\r\n").as_bytes()),
        "quoted-printable" => quoted_printable(mail, &text),
        _ => base64_lines(mail, text.replace('\n', "\r\n").as_bytes()),
    }
}

/// RFC 2045 6.7: lines of at most 76, blanks at a line's end encoded.
fn quoted_printable(mail: &mut Vec<u8>, text: &str) {
    for line in text.split_inclusive('\n') {
        let ended = line.ends_with('\n');
        let bytes = line.trim_end_matches('\n').as_bytes();
        let mut column = 0;
        for (i, byte) in bytes.iter().enumerate() {
            let last = i + 1 == bytes.len();
            let literal = matches!(byte, b'!'..=b'<' | b'>'..=b'~') || (matches!(byte, b' ' | b'\t') && !last);
            let width = if literal { 1 } else { 3 };
            if column + width > 75 {
                mail.extend_from_slice(b"=\r\n");
                column = 0;
            }
            column += width;
            if literal {
                mail.push(*byte);
            } else {
                mail.extend_from_slice(format!("={byte:02X}").as_bytes());
            }
        }
        if ended {
            mail.extend_from_slice(b"\r\n");
        }
    }
}

/// RFC 2045 6.8: lines of 76.
fn base64_lines(mail: &mut Vec<u8>, bytes: &[u8]) {
    for chunk in bytes.chunks(57) {
        base64(mail, chunk);
        mail.extend_from_slice(b"\r\n");
    }
}

fn base64(out: &mut Vec<u8>, bytes: &[u8]) {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for three in bytes.chunks(3) {
        let bits = (0..3).fold(0u32, |bits, i| bits << 8 | u32::from(*three.get(i).unwrap_or(&0)));
        for i in 0..4 {
            let letter = ALPHABET[(bits >> (18 - 6 * i) & 63) as usize];
            out.push(if i <= three.len() { letter } else { b'=' });
        }
    }
}

/// Free text as header words: as it stands if plain, else RFC 2047 encoded words. `room` is what the first line has left.
fn words(text: &str, room: usize) -> Vec<String> {
    // "=?" would be read as an encoded word; a word that no line can hold cannot be folded.
    let plain = text.is_ascii() && !text.contains("=?") && text.split(' ').all(|word| word.len() < LINE);
    if plain {
        return text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect();
    }
    encoded_words(text, room)
}

/// A display name: a quoted string if it is plain ASCII, else encoded words (RFC 5322 3.2.5, RFC 2047 5).
fn phrase(text: &str, room: usize) -> Vec<String> {
    if text.is_empty() {
        return Vec::new();
    }
    if text.is_ascii() && !text.contains("=?") && text.len() < room - 2 {
        return vec![format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))];
    }
    encoded_words(text, room)
}

/// Base64 encoded words of at most 75 characters, never cutting a character in two (RFC 2047 2, 5).
fn encoded_words(text: &str, room: usize) -> Vec<String> {
    let mut words = Vec::new();
    let mut room = room.clamp(24, 75);
    let mut rest = text;
    while !rest.is_empty() {
        // "=?utf-8?B?" and "?=" are 12; four letters carry three bytes.
        let most = ((room - 12) / 4 * 3).min(rest.len());
        let cut = (1..=most).rev().find(|i| rest.is_char_boundary(*i)).unwrap_or(rest.len());
        let mut encoded = Vec::new();
        base64(&mut encoded, &rest.as_bytes()[..cut]);
        words.push(format!("=?utf-8?B?{}?=", String::from_utf8_lossy(&encoded)));
        rest = &rest[cut..];
        room = 75;
    }
    words
}

/// RFC 5322 3.3, in UTC; a time before 1970 is no time a mail of ours can have.
fn date_time(at: Timestamp) -> String {
    at.max(Timestamp::UNIX_EPOCH).strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

/// An address or id as it may stand between angle brackets: what could end it, or the line, is left out, and so is
/// whatever is too long for a line: no address that works is anywhere near (RFC 5321 4.5.3.1).
fn token(text: &str) -> String {
    let mut room = 900;
    let fits = |c: &char| {
        room -= c.len_utf8() as i32;
        room >= 0
    };
    let harmless = text.chars().filter(|c| !hides(*c) && !c.is_whitespace() && !"<>".contains(*c));
    harmless.take_while(fits).collect()
}

/// A text as one line: control and direction characters become blanks, runs of blanks one.
pub fn one_line(text: &str) -> String {
    let shown: String = text.chars().map(|c| if hides(c) { ' ' } else { c }).collect();
    shown.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A text of many lines: `\n` line ends, tabs kept, every other control or direction character a blank.
pub fn many_lines(text: &str) -> String {
    let ends = text.replace("\r\n", "\n").replace('\r', "\n");
    ends.chars().map(|c| if c != '\n' && c != '\t' && hides(c) { ' ' } else { c }).collect()
}

/// A character that is not seen but changes what is: controls, line and paragraph separators, and the marks that
/// turn the direction of writing (UAX #9), with which `gpj.exe` reads as `exe.jpg`.
fn hides(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200E}' | '\u{200F}' | '\u{061C}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
        || matches!(c, '\u{E0000}'..='\u{E007F}' | '\u{FFF9}'..='\u{FFFB}')
}
