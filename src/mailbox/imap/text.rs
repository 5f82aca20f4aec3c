//! IMAP's ways of writing things down: quoted strings, folder names, sets of UIDs, dates, base64.

use std::fmt::Write;

use jiff::fmt::strtime;

use crate::clock::Timestamp;

/// A quoted string (RFC 3501 4.3). `None` when a quoted string cannot hold it: it has a line break or a NUL.
pub fn quoted(text: &str) -> Option<String> {
    if text.contains(['\r', '\n', '\0']) {
        return None;
    }
    Some(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}

/// A folder name as it came in a LIST reply: async-imap leaves the backslashes of a quoted string in place.
pub fn unescaped(name: &str) -> String {
    let mut plain = String::with_capacity(name.len());
    let mut chars = name.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some('"' | '\\')) => plain.extend(chars.next()),
            _ => plain.push(c),
        }
    }
    plain
}

/// A folder name as an operator writes it, in the form the server knows (modified UTF-7, RFC 3501 5.1.3). A name that
/// already has that form is left alone.
pub fn folder_name(name: &str) -> String {
    if name.is_ascii() && is_modified_utf7(name) {
        return name.to_owned();
    }
    let mut out = String::new();
    let mut foreign = Vec::new();
    for c in name.chars() {
        if (' '..='~').contains(&c) {
            shift(&mut out, &mut foreign);
            out.push(c);
            if c == '&' {
                out.push('-');
            }
        } else {
            foreign.extend(c.encode_utf16(&mut [0; 2]).iter().flat_map(|unit| unit.to_be_bytes()));
        }
    }
    shift(&mut out, &mut foreign);
    out
}

/// Writes the characters gathered as one `&...-`.
fn shift(out: &mut String, foreign: &mut Vec<u8>) {
    if !foreign.is_empty() {
        let coded = base64(foreign).replace('/', ",");
        let _ = write!(out, "&{}-", coded.trim_end_matches('='));
        foreign.clear();
    }
}

fn is_modified_utf7(name: &str) -> bool {
    name.split('&').skip(1).all(|rest| match rest.split_once('-') {
        Some((coded, _)) => coded.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b','),
        None => false,
    })
}

/// Base64 with padding (RFC 4648 4), for AUTHENTICATE.
pub fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for piece in bytes.chunks(3) {
        let n = piece.iter().fold(0_u32, |n, byte| (n << 8) | u32::from(*byte)) << (8 * (3 - piece.len()));
        for place in 0..4 {
            let letter = LETTERS[(n >> (18 - 6 * place)) as usize & 63] as char;
            out.push(if place > piece.len() { '=' } else { letter });
        }
    }
    out
}

/// A set of UIDs (RFC 3501 9, sequence-set): neighbours become ranges. Ascending and without doubles it must be; a range never holds a UID
/// that is not in the list.
pub fn uid_set(uids: &[u32]) -> String {
    let mut out = String::new();
    for run in uids.chunk_by(|a, b| a.checked_add(1) == Some(*b)) {
        let comma = if out.is_empty() { "" } else { "," };
        let _ = match run {
            [one] => write!(out, "{comma}{one}"),
            [first, .., last] => write!(out, "{comma}{first}:{last}"),
            [] => Ok(()),
        };
    }
    out
}

/// An INTERNALDATE (RFC 3501 9, date-time: ` 7-Feb-1994 22:43:04 -0800`).
pub fn internal_date(text: &str) -> Option<Timestamp> {
    strtime::parse("%d-%b-%Y %H:%M:%S %z", text.trim()).ok()?.to_timestamp().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_standard() {
        // RFC 4648 10
        for (plain, coded) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
        assert_eq!(base64(&[0xff, 0xfe, 0xfb]), "//77");
    }

    #[test]
    fn folder_names_are_written_in_modified_utf7() {
        assert_eq!(folder_name("INBOX"), "INBOX");
        assert_eq!(folder_name("Entwürfe"), "Entw&APw-rfe");
        assert_eq!(folder_name("Entw&APw-rfe"), "Entw&APw-rfe");
        assert_eq!(folder_name("R&D"), "R&-D");
        assert_eq!(folder_name("Söme & more"), "S&APY-me &- more");
        // RFC 3501 5.1.3
        assert_eq!(folder_name("~peter/mail/台北/日本語"), "~peter/mail/&U,BTFw-/&ZeVnLIqe-");
        assert_eq!(folder_name("😀"), "&2D3eAA-");
    }

    #[test]
    fn names_are_quoted_and_come_back() {
        assert_eq!(quoted(r#"a"b\c"#).unwrap(), r#""a\"b\\c""#);
        assert_eq!(unescaped(r#"a\"b\\c"#), r#"a"b\c"#);
        assert_eq!(quoted("a\r\nLOGOUT"), None);
    }

    #[test]
    fn sets_hold_what_was_asked_for_and_nothing_between() {
        assert_eq!(uid_set(&[1, 2, 3, 5, 7, 8]), "1:3,5,7:8");
        assert_eq!(uid_set(&[u32::MAX - 1, u32::MAX]), "4294967294:4294967295");
        assert_eq!(uid_set(&[]), "");
    }

    #[test]
    fn internal_dates_are_read_with_their_zone() {
        let at = internal_date(" 7-Feb-1994 22:43:04 -0800").unwrap();
        assert_eq!(at.to_string(), "1994-02-08T06:43:04Z");
        assert_eq!(internal_date("17-Jul-1996 02:44:25 +0000").unwrap().to_string(), "1996-07-17T02:44:25Z");
        assert_eq!(internal_date("yesterday"), None);
    }

    proptest::proptest! {
        #[test]
        fn any_name_becomes_one_line_of_ascii_and_stays_what_it_is(name in "\\PC{0,20}|[&a-z+-]{0,12}|\\x00\r\n&") {
            let coded = folder_name(&name);
            proptest::prop_assert!(coded.bytes().all(|b| (b' '..=b'~').contains(&b)), "{}", coded);
            proptest::prop_assert_eq!(folder_name(&coded), coded);
        }

        #[test]
        fn quoting_can_be_undone(name in "[ -~]{0,20}") {
            let quoted = quoted(&name).unwrap();
            proptest::prop_assert_eq!(unescaped(&quoted[1..quoted.len() - 1]), name);
        }

        #[test]
        fn a_set_names_each_uid_once(uids in proptest::collection::btree_set(1_u32..60, 1..30)) {
            let uids: Vec<u32> = uids.into_iter().collect();
            let named: Vec<u32> = uid_set(&uids)
                .split(',')
                .flat_map(|range| {
                    let (first, last) = range.split_once(':').unwrap_or((range, range));
                    first.parse::<u32>().unwrap()..=last.parse().unwrap()
                })
                .collect();
            proptest::prop_assert_eq!(named, uids);
        }
    }
}
