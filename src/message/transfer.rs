//! Transfer encodings read forgivingly, for parts the parser gave up on: cut in the middle, or with a mailing list's footer
//! glued to their base64. What can be decoded is, and what cannot is kept as it stands.

/// Base64 as far as it goes (RFC 2045 6.8): the decoded bytes, and the lines between that are no base64.
pub fn base64(coded: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (mut out, mut junk) = (Vec::with_capacity(coded.len() / 4 * 3), Vec::new());
    let (mut chunk, mut count, mut ended) = (0_u32, 0, false);
    for line in coded.split_inclusive(|b| *b == b'\n') {
        let text = line.trim_ascii();
        let foreign = text.iter().filter(|b| sextet(**b).is_none() && **b != b'=').count();
        if foreign > 0 {
            // RFC 2045 6.8 ignores foreign bytes; as such a line may be words after all, it is kept as it stands, too.
            junk.extend_from_slice(line);
        }
        let words = foreign * 4 > text.len() || text.iter().any(u8::is_ascii_whitespace);
        // After the padding a line that is no whole number of groups is a word, such as a footer's first line.
        if foreign > 0 && (ended || words) {
            continue;
        }
        if ended && text.len() % 4 != 0 {
            junk.extend_from_slice(line);
            continue;
        }
        for byte in text {
            let Some(bits) = sextet(*byte).or_else(|| url_safe(*byte)) else {
                if *byte != b'=' {
                    continue;
                }
                flush(&mut out, chunk, count);
                (chunk, count, ended) = (0, 0, true);
                continue;
            };
            (chunk, count) = (chunk << 6 | bits, count + 1);
            if count == 4 {
                out.extend_from_slice(&chunk.to_be_bytes()[1..]);
                (chunk, count) = (0, 0);
            }
        }
    }
    flush(&mut out, chunk, count);
    (out, junk)
}

fn flush(out: &mut Vec<u8>, chunk: u32, count: usize) {
    match count {
        2 => out.push((chunk >> 4) as u8),
        3 => out.extend_from_slice(&[(chunk >> 10) as u8, (chunk >> 2) as u8]),
        _ => {}
    }
}

/// The six bits a base64 letter stands for.
pub fn sextet(byte: u8) -> Option<u32> {
    let value = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

/// The two letters in which the alphabet of RFC 4648 5 differs.
fn url_safe(byte: u8) -> Option<u32> {
    match byte {
        b'-' => Some(62),
        b'_' => Some(63),
        _ => None,
    }
}

/// Quoted-printable (RFC 2045 6.7); an escape that is none stays as written.
pub fn quoted_printable(coded: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(coded.len());
    let mut at = 0;
    while at < coded.len() {
        let rest = &coded[at..];
        let hex = |n: usize| rest.get(n).and_then(|b| char::from(*b).to_digit(16));
        match rest {
            [b'=', b'\r', b'\n', ..] => at += 3,
            [b'=', b'\n', ..] => at += 2,
            [b'=', ..] if hex(1).is_some() && hex(2).is_some() => {
                out.push((hex(1).unwrap_or(0) * 16 + hex(2).unwrap_or(0)) as u8);
                at += 3;
            }
            _ => {
                out.push(rest[0]);
                at += 1;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_with_a_footer_gives_text_and_footer() {
        let (text, junk) = base64(b"SGVscCBt\r\nZQ==\r\n_______________\r\nlist mailing list\r\nRegards\r\n");
        assert_eq!(text, b"Help me");
        assert_eq!(junk, b"_______________\r\nlist mailing list\r\nRegards\r\n");
    }

    #[test]
    fn a_stray_byte_in_base64_hides_nothing() {
        assert_eq!(base64(b"SGVsc!CBtZQ==\r\n").0, b"Help me");
        assert_eq!(base64(b"SGVs\xe9cCBtZQ==").0, b"Help me");
        assert_eq!(base64(b"-_SGVsSGVsSG").0, b"\xfb\xf4\x86\x56\xc4\x86\x56\xc4\x86");
        // Words stay words.
        assert_eq!(base64(b"SGVs\r\nlook here, please\r\n"), (b"Hel".to_vec(), b"look here, please\r\n".to_vec()));
    }

    #[test]
    fn base64_cut_in_the_middle_is_read_to_the_cut() {
        assert_eq!(base64(b"SGVscCBtZ").0, b"Help m");
        assert_eq!(base64(b"SGVscCB").0, b"Help ");
    }

    #[test]
    fn broken_escapes_stay_as_written() {
        assert_eq!(quoted_printable(b"a=20b=\r\nc =ZZ 1=1=3D2=\nd="), b"a bc =ZZ 1=1=2d=");
    }
}
