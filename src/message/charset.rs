//! A second reading for text whose charset is missing, unknown or wrong: a report that nobody can read is a report lost.

use mail_parser::decoders::charsets::map::charset_decoder;

use super::shifted::unshift;

/// Bytes from which an undeclared charset is guessed.
const SAMPLE: usize = 4096;

/// Bytes to text by the charset declared, and whether the declaration had to be doubted.
/// Order: what is declared if it fits, UTF-8 if the bytes are UTF-8, else the likeliest old 8-bit charset.
pub fn decode(bytes: &[u8], declared: Option<&str>) -> (String, bool) {
    let declared = declared.map(|name| name.trim().trim_matches(['"', '\'']).to_ascii_lowercase());
    let name = declared.as_deref().unwrap_or("utf-8");
    if let Some((plain, charset)) = unshift(bytes, name)
        && let Some(decoder) = charset_decoder(charset.as_bytes())
    {
        return sound(decoder(&plain), bytes);
    }
    let utf8 = std::str::from_utf8(bytes);
    if let Ok(text) = utf8 {
        if bytes.is_ascii() && !stateful(name) || is_utf8(name) {
            // An unknown charset over pure ASCII bytes may still hide text (an escape-coded one), hence the mark.
            return (text.to_owned(), !known(name));
        }
        // UTF-8 bytes under a single-byte name: nobody writes "Ã©" on purpose.
        if single_byte(name) || !known(name) {
            return (text.to_owned(), true);
        }
    } else if single_byte(name) {
        if let Some(text) = mostly_utf8(bytes) {
            return (text, true);
        }
        // Cyrillic bytes under a Western name read as a row of accented capitals.
        let likely = likely_charset(&bytes[..bytes.len().min(SAMPLE)]);
        if western(name)
            && likely != "windows-1252"
            && let Some(decoder) = charset_decoder(likely.as_bytes())
        {
            return (decoder(bytes), true);
        }
    }
    if is_utf8(name) || !known(name) || name.contains("ascii") {
        return (guess(bytes), true);
    }
    match charset_decoder(name.as_bytes()) {
        Some(decoder) => sound(decoder(bytes), bytes),
        None => (guess(bytes), true),
    }
}

/// Whether a text that the parser decoded can be taken without looking at its bytes again.
pub fn trusted(text: &str, declared: Option<&str>) -> bool {
    let name = declared.unwrap_or("utf-8").to_ascii_lowercase();
    // A single-byte charset fits any bytes, so that a wrong one shows in the bytes only.
    known(&name) && unshift(&[], &name).is_none() && !text.contains('\u{fffd}') && (text.is_ascii() || !single_byte(&name))
}

/// Text that is UTF-8 but for few bytes: one stray byte must not turn all of it into another charset.
fn mostly_utf8(bytes: &[u8]) -> Option<String> {
    let lossy = String::from_utf8_lossy(bytes);
    let lost = lossy.matches('\u{fffd}').count();
    let whole = lossy.chars().filter(|c| !c.is_ascii() && *c != '\u{fffd}').count();
    (whole > 4 * lost).then(|| lossy.into_owned())
}

/// Takes a decoded text unless too much of it is replacement characters.
fn sound(text: String, bytes: &[u8]) -> (String, bool) {
    let lost = text.matches('\u{fffd}').count();
    match lost {
        0 => (text, false),
        _ if lost * 10 < text.chars().count() => (text, true),
        // What is ASCII in it is still worth reading.
        _ => (guess(bytes), true),
    }
}

/// Text of bytes that nobody declared: UTF-8 as far as it goes, else Cyrillic or Western by how the bytes are spread.
pub fn guess(bytes: &[u8]) -> String {
    let lossy = String::from_utf8_lossy(bytes);
    let lost = lossy.matches('\u{fffd}').count();
    let whole = lossy.chars().filter(|c| !c.is_ascii() && *c != '\u{fffd}').count();
    if lost == 0 || whole > lost {
        return lossy.into_owned();
    }
    let sample = &bytes[..bytes.len().min(SAMPLE)];
    let name = east_asian(sample).unwrap_or_else(|| likely_charset(sample));
    charset_decoder(name.as_bytes()).map_or_else(|| lossy.into_owned(), |decoder| decoder(bytes))
}

/// One of the two-byte charsets of China, Japan and Korea: the one that decodes cleanly to the most letters that are
/// common in its language, and to a least share of them. Their byte pairs overlap, so that decoding cleanly alone says little.
fn east_asian(bytes: &[u8]) -> Option<&'static str> {
    type Common = fn(char) -> bool;
    const COMMON: [(&str, usize, Common); 5] = [
        ("big5", 10, |c| "的一是不了在人有我他這個們來到時大地為子說會也你說對生能而那得著下自之年過發後作里去沒".contains(c)),
        ("gb18030", 10, |c| "的一是不了在人有我他这个们来到时大地为子说会也你说对生能而那得着下自之年过发后作里去没".contains(c)),
        ("euc-kr", 60, |c| ('\u{ac00}'..='\u{d7a3}').contains(&c)),
        ("euc-jp", 30, |c| ('\u{3041}'..='\u{30fc}').contains(&c)),
        ("shift_jis", 30, |c| ('\u{3041}'..='\u{30fc}').contains(&c)),
    ];
    let readings = COMMON.iter().filter_map(|(name, least, common)| {
        // EUC pairs have the high bit and more in both bytes; decoders take wider variants, which would claim anything.
        let fits = !name.starts_with("euc") || bytes.iter().all(|b| !(0x80..0xa1).contains(b));
        let text = charset_decoder(name.as_bytes()).filter(|_| fits)?(bytes);
        let letters = text.chars().filter(|c| !c.is_ascii()).count();
        // One broken pair in twenty is a cut; more is another charset.
        let sound = text.matches('\u{fffd}').count() * 20 <= letters;
        let share = text.chars().filter(|c| common(*c)).count() * 100 / letters.max(1);
        (sound && letters >= 4 && share >= *least).then_some((share, *name))
    });
    readings.max_by_key(|(share, _)| *share).map(|(_, name)| name)
}

/// Western text has single high bytes among ASCII letters; Cyrillic words are high bytes only. Russian is mostly lower case,
/// which is the upper half of windows-1251 and the lower half of KOI8.
fn likely_charset(bytes: &[u8]) -> &'static str {
    let letters = bytes.iter().filter(|b| b.is_ascii_alphabetic()).count();
    let high = bytes.iter().filter(|b| **b >= 0xc0).count();
    let pairs = bytes.windows(2).filter(|w| w[0] >= 0xc0 && w[1] >= 0xc0).count();
    if high < 8 || pairs * 2 < high || high * 2 < letters {
        return "windows-1252";
    }
    let upper_half = bytes.iter().filter(|b| **b >= 0xe0).count();
    if upper_half * 2 > high { "windows-1251" } else { "koi8-r" }
}

/// The charset an HTML text names for itself in its first two kilobytes, if its part does not.
pub fn of_html(bytes: &[u8]) -> Option<String> {
    let start = String::from_utf8_lossy(&bytes[..bytes.len().min(2048)]).to_ascii_lowercase();
    let (_, rest) = start.split_once("charset=")?;
    let name: String =
        rest.trim_start_matches(['"', '\'']).chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect();
    (!name.is_empty()).then_some(name)
}

/// Whether bytes that look like ASCII may mean something else in this charset.
fn stateful(name: &str) -> bool {
    name.contains("2022") || name.starts_with("hz") || name.contains("utf-7") || name.contains("utf7") || name.contains("16")
}

fn is_utf8(name: &str) -> bool {
    name.starts_with("utf-8") || name.starts_with("utf8") || name.starts_with("unicode-1-1-utf-8") || name.is_empty()
}

/// Whether somebody here can decode it.
pub fn known(name: &str) -> bool {
    is_utf8(name) || charset_decoder(name.as_bytes()).is_some()
}

/// Charsets of one byte a letter, which fit any bytes.
fn single_byte(name: &str) -> bool {
    let families = ["windows-125", "cp125", "iso-8859", "iso8859", "iso_8859", "koi8", "cp866", "ibm866", "mac", "windows-874"];
    western(name) || families.iter().any(|known| name.contains(known))
}

fn western(name: &str) -> bool {
    ["ascii", "iso-8859-1", "iso8859-1", "latin1", "iso-8859-15", "windows-1252", "cp1252"]
        .iter()
        .any(|known| name.ends_with(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utf8_under_a_latin_name_is_read_as_utf8() {
        assert_eq!(decode("für Zoë".as_bytes(), Some("iso-8859-1")), ("für Zoë".into(), true));
        assert_eq!(decode(b"f\xfcr", Some("iso-8859-1")), ("für".into(), false));
    }

    #[test]
    fn utf8_under_any_single_byte_name_is_read_as_utf8() {
        for name in ["windows-1251", "KOI8-R", "iso-8859-5", "windows-1256", "iso-8859-15"] {
            assert_eq!(decode("Я убью тебя".as_bytes(), Some(name)), ("Я убью тебя".into(), true), "{name}");
            assert!(!trusted("РЇ СѓР±СЊСЋ", Some(name)), "{name}");
        }
        // One stray byte changes nothing.
        let stray = [b"\xff".as_slice(), "Я убью тебя".as_bytes()].concat();
        let (text, bad) = decode(&stray, Some("windows-1251"));
        assert!(bad && text.contains("Я убью тебя"), "{text}");
        // Real windows-1251 is believed.
        let win = b"\xcf\xf0\xe8\xe2\xe5\xf2 \xec\xe8\xf0";
        assert_eq!(decode(win, Some("windows-1251")), ("Привет мир".into(), false));
    }

    #[test]
    fn cyrillic_bytes_under_a_western_name_are_read_as_cyrillic() {
        let win = b"\xcf\xf0\xe8\xe2\xe5\xf2 \xec\xe8\xf0 \xef\xee\xec\xee\xe3\xe8\xf2\xe5";
        for name in ["iso-8859-1", "windows-1252", "latin1"] {
            assert_eq!(decode(win, Some(name)), ("Привет мир помогите".into(), true), "{name}");
        }
    }

    #[test]
    fn raw_eight_bit_text_without_a_charset_is_guessed() {
        assert_eq!(decode(b"Hilfe f\xfcr mich", None), ("Hilfe für mich".into(), true));
        let koi = b"\xf0\xd2\xc9\xd7\xc5\xd4 \xcd\xc9\xd2 \xd0\xcf\xcd\xcf\xc7\xc9\xd4\xc5";
        assert_eq!(decode(koi, None), ("Привет мир помогите".into(), true));
        let win = b"\xcf\xf0\xe8\xe2\xe5\xf2 \xec\xe8\xf0 \xef\xee\xec\xee\xe3\xe8\xf2\xe5";
        assert_eq!(decode(win, Some("x-unknown")), ("Привет мир помогите".into(), true));
    }

    #[test]
    fn undeclared_east_asian_text_is_guessed() {
        let samples: [(&[u8], &str); 4] = [
            (b"\xa7\xda\xab\xdc\xae\x60\xa9\xc8\xa1\x41\xa5\x4c\xa6\x62\xb5\xa5\xa7\xda", "我很害怕，他在等我"),
            (b"\xce\xd2\xba\xdc\xba\xa6\xc5\xc2\xa3\xac\xcb\xfb\xd4\xda\xb5\xc8\xce\xd2", "我很害怕，他在等我"),
            (b"\xb5\xb5\xbf\xcd\xc1\xd6\xbc\xbc\xbf\xe4", "도와주세요"),
            (b"\x8f\x95\x82\xaf\x82\xc4\x82\xad\x82\xbe\x82\xb3\x82\xa2", "助けてください"),
        ];
        for (bytes, text) in samples {
            assert_eq!(decode(bytes, None), (text.into(), true));
        }
    }

    #[test]
    fn an_unknown_charset_is_marked_even_over_ascii() {
        assert_eq!(decode(b"help", Some("klingon-8")), ("help".into(), true));
        assert_eq!(decode(b"help", Some("US-ASCII")), ("help".into(), false));
    }

    #[test]
    fn seven_bit_korean_and_chinese_are_read() {
        let korean = b"\x1b$)C\x0e55?MAV<<?d\x0f, \x0eAW0m\x0f \x0e=M>n?d\x0f";
        assert_eq!(decode(korean, Some("ISO-2022-KR")), ("도와주세요, 죽고 싶어요".into(), false));
        assert_eq!(decode(b"~{NR=qMmR*WTI1~} ok ~~1", Some("hz-gb-2312")), ("我今晚要自杀 ok ~1".into(), false));
        // Cut in the middle, or never shifted back: what can be read is read.
        assert!(decode(b"Help \x0e>H3\nnow", Some("iso-2022-kr")).0.ends_with("\nnow"));
        assert!(decode(b"~{NR=qMm\nok~", Some("hz-gb-2312")).0.starts_with("我今晚\nok"));
    }

    #[test]
    fn one_cut_character_does_not_turn_utf8_into_latin() {
        let text = "Помогите".as_bytes();
        let (read, bad) = decode(&text[..text.len() - 1], Some("utf-8"));
        assert!(bad && read.starts_with("Помогит"));
    }
}
