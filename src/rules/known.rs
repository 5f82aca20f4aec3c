//! What folding makes of single characters, found out once: mails are made of few, and the full way of Unicode is long.

use std::sync::LazyLock;

use super::fold::{Folded, apostrophe, composes, fold_cluster};
use super::writer::Writer;

/// What becomes of a character that bears no mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// More than the following can say.
    Slow,
    /// Nothing.
    Nothing,
    /// It stands between words.
    Parts,
    /// So many bytes of letters.
    Letters([u8; 6], u8),
    /// It is a word of such a width itself.
    Unspaced(u8),
}

/// Characters below are known one by one: nearly all alphabets.
const EARLY: u32 = 0x3100;

/// What becomes of a character that bears no mark.
pub fn known(c: char) -> Known {
    static EACH: LazyLock<Vec<Known>> =
        LazyLock::new(|| (0..EARLY).map(|c| char::from_u32(c).map_or(Known::Slow, find_out)).collect());
    match c {
        '\u{4E00}'..='\u{9FFF}' => Known::Unspaced(2),
        '\u{AC00}'..='\u{D7A3}' => {
            let mut letters = [0; 6];
            let length = c.encode_utf8(&mut letters).len();
            Known::Letters(letters, length as u8)
        }
        _ => EACH.get(c as usize).copied().unwrap_or(Known::Slow),
    }
}

/// Does a mark stand at `at`, to be read with what stands before it?
pub fn marked(text: &str, at: usize) -> bool {
    static EARLY_MARKS: LazyLock<Vec<bool>> =
        LazyLock::new(|| (0..EARLY).map(|c| char::from_u32(c).is_some_and(composes)).collect());
    // No mark begins with a lower byte: that is all of Latin.
    text.as_bytes().get(at).is_some_and(|byte| *byte >= 0xCC)
        && text[at..].chars().next().is_some_and(|c| EARLY_MARKS.get(c as usize).copied().unwrap_or_else(|| composes(c)))
}

/// Reads a character behind another letter and looks at what became of it.
fn find_out(c: char) -> Known {
    let mut writer = Writer::new(8);
    writer.letters(b"a", 0, 0);
    fold_cluster(c.encode_utf8(&mut [0; 4]), 0, &mut writer);
    let closed = writer.closed();
    let Folded { text, tokens } = writer.finish();
    let rest = &text[" a".len()..];
    let letters = rest.trim_end_matches(' ').as_bytes();
    match (tokens.as_slice(), closed) {
        // What it does depends on what follows.
        _ if apostrophe(c) => Known::Slow,
        ([_], true) if letters.is_empty() => Known::Parts,
        ([_], false) if letters.is_empty() => Known::Nothing,
        ([_], false) if letters.len() <= 6 => {
            let mut bytes = [0; 6];
            bytes[..letters.len()].copy_from_slice(letters);
            Known::Letters(bytes, letters.len() as u8)
        }
        ([_, own], true)
            if own.to - own.from < 8 && rest.trim_matches(' ').chars().eq([c]) && super::fold::unspaced_width(c).is_some() =>
        {
            Known::Unspaced((own.to - own.from) as u8)
        }
        _ => Known::Slow,
    }
}

#[cfg(test)]
mod tests {
    use super::super::fold::fold;
    use super::*;

    #[test]
    fn what_is_known_is_what_the_long_way_gives() {
        for c in (0..0x11_0000).filter_map(char::from_u32).filter(|c| known(*c) != Known::Slow) {
            let text = format!("a{c}b");
            let mut writer = Writer::new(8);
            writer.letters(b"a", 0, 1);
            fold_cluster(&text[..text.len() - 1], 1, &mut writer);
            writer.letters(b"b", text.len() - 1, text.len());
            let (slow, quick) = (writer.finish(), fold(&text));
            let marks = composes(c);
            assert!(marks || (slow.text == quick.text && slow.tokens == quick.tokens), "{c:?}: {slow:?} {quick:?}");
        }
    }
}
