//! Which mails are the same mail. Two hashes: of the raw bytes (the same mail seen again on its server, moved or
//! renumbered) and of Message-ID with content (the same mail sent to several of our addresses).
//! Message-ID alone decides nothing: the same Message-ID with other content is another mail.

use ring::digest::{Context, SHA256};

use crate::report::{Extent, Report};
use crate::store::cases::Spot;

/// SHA-256 of the raw bytes. A mail that was not fetched has no bytes to be known by: there its place stands in.
pub fn raw_hash(raw: &[u8], extent: Extent, spot: &Spot) -> [u8; 32] {
    let mut hash = Context::new(&SHA256);
    match extent {
        Extent::Whole => hash.update(raw),
        Extent::Part { size, head } => {
            hash.update(format!("part {size} {head}\n").as_bytes());
            hash.update(raw);
        }
        Extent::Unfetched => {
            hash.update(format!("unfetched\n{}\n{}\n{}\n{}", spot.account, spot.folder, spot.validity, spot.key).as_bytes());
        }
    }
    finish(hash)
}

/// SHA-256 of the Message-ID and of what the sender wrote: the headers that do not change on the way, and the body.
/// `None` without a Message-ID: then two equal mails are two mails.
pub fn content_key(raw: &[u8], extent: Extent, report: &Report) -> Option<[u8; 32]> {
    let id = report.message_id.as_deref().filter(|_| extent != Extent::Unfetched)?;
    let mut hash = Context::new(&SHA256);
    let mut part = |bytes: &[u8]| {
        // Lengths in front, so that no two different sequences of parts read the same.
        hash.update(&(bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    part(id.as_bytes());
    for name in ["from", "reply-to", "to", "cc", "subject", "date", "content-type"] {
        for (_, value) in report.headers.iter().filter(|(header, _)| header.eq_ignore_ascii_case(name)) {
            part(value.as_bytes());
        }
        part(name.as_bytes());
    }
    for line in body(raw).split(|byte| *byte == b'\n') {
        hash.update(line.strip_suffix(b"\r").unwrap_or(line));
        hash.update(b"\n");
    }
    Some(finish(hash))
}

fn finish(hash: Context) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(hash.finish().as_ref());
    bytes
}

/// What follows the first blank line, without line ends at its end (some servers add one).
fn body(raw: &[u8]) -> &[u8] {
    let start = raw
        .windows(2)
        .position(|two| two == b"\n\n")
        .map(|at| at + 2)
        .into_iter()
        .chain(raw.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4))
        .min()
        .unwrap_or(raw.len());
    let end = raw.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n')).map_or(start, |at| at + 1);
    &raw[start..end.max(start)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spot(key: &str) -> Spot {
        Spot { account: "ca".into(), folder: "INBOX".into(), validity: 1, key: key.into() }
    }

    #[test]
    fn the_body_is_found_whatever_the_line_ends() {
        assert_eq!(body(b"A: b\r\n\r\nhello\r\n"), b"hello");
        assert_eq!(body(b"A: b\n\nhello\n\n\n"), b"hello");
        assert_eq!(body(b"A: b\n"), b"");
        assert_eq!(body(b""), b"");
    }

    #[test]
    fn two_mails_that_were_not_fetched_are_two_mails() {
        assert_ne!(raw_hash(b"", Extent::Unfetched, &spot("1")), raw_hash(b"", Extent::Unfetched, &spot("2")));
        assert_eq!(raw_hash(b"x", Extent::Whole, &spot("1")), raw_hash(b"x", Extent::Whole, &spot("2")));
        assert_ne!(raw_hash(b"x", Extent::Whole, &spot("1")), raw_hash(b"x", Extent::Part { size: 9, head: 1 }, &spot("1")));
    }
}
