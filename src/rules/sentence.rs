//! Where sentences end, for `same_sentence`: by their marks alone, in one pass over what stands between the words. It need not
//! be right about every dot: a missed border leaves a `near` as it would be without, a false one parts two clauses.

use super::fold::{Folded, Token};

/// Words that a dot follows without ending anything, folded.
const ABBREVIATIONS: &[&str] = &[
    "mr", "mrs", "ms", "dr", "prof", "st", "sr", "jr", "vs", "approx", "dept", "inc", "ltd", "tel", "vol", "nr", "bzw", "usw",
    "ca", "bspw", "evtl", "ggf", "str", "sog", "mme", "mlle", "sra", "dott", "sig", "ing", "mgr", "ul", "тел", "ул", "стр", "гг",
    "др", "проф",
];

/// The positions at which a sentence begins that is not the field's first.
pub fn borders(text: &str, plain: &Folded, base: u32) -> Vec<u32> {
    let mut found = Vec::new();
    for (at, pair) in plain.tokens.windows(2).enumerate() {
        let [before, after] = pair else { continue };
        // None where two words come of one character.
        let Some(gap) = text.get(before.end as usize..after.start as usize) else { continue };
        let ends = match gap.len() {
            0 => false,
            1 => matches!(gap, "!" | "?"),
            _ => ends_sentence(gap, || dot_ends(text, plain, at, before)),
        };
        if ends {
            found.push(base + after.from);
        }
    }
    found
}

/// Does what stands between two words end a sentence? `dot` is asked about a full stop with a blank behind it.
fn ends_sentence(gap: &str, dot: impl Fn() -> bool) -> bool {
    let (mut stopped, mut lines) = (false, 0);
    for c in gap.chars() {
        match c {
            '!' | '?' | '…' | '。' | '！' | '？' | '।' | '؟' | '۔' | '｡' => return true,
            '.' => stopped = true,
            '\n' => lines += 1,
            _ => {}
        }
        if lines >= 2 || (stopped && c.is_whitespace() && dot()) {
            return true;
        }
        if !c.is_whitespace() {
            lines = 0;
        }
    }
    false
}

/// Is a full stop behind this word an end: not of an abbreviation, an initial, or the number of a list?
fn dot_ends(text: &str, plain: &Folded, at: usize, token: &Token) -> bool {
    let word = plain.word(at);
    let letter = word.chars().nth(1).is_none() && word.chars().all(char::is_alphabetic);
    let number = || word.bytes().all(|b| b.is_ascii_digit());
    let first_of_line = || text[..token.start as usize].trim_end_matches([' ', '\t', '(']).ends_with('\n') || token.start == 0;
    // "I" ends sentences in English only where nobody follows; a single letter is nearly always an initial.
    !(letter || ABBREVIATIONS.contains(&word) || (number() && first_of_line()))
}

#[cfg(test)]
mod tests {
    use super::super::fold::fold;
    use super::*;

    /// The text with a bar where a sentence begins.
    fn parted(text: &str) -> String {
        let plain = fold(text);
        let borders = borders(text, &plain, 0);
        let begins = |token: &&Token| borders.contains(&token.from);
        let mut shown = text.to_owned();
        for token in plain.tokens.iter().filter(begins).rev() {
            shown.insert(token.start as usize, '|');
        }
        shown
    }

    #[test]
    fn the_marks_of_all_scripts_and_a_blank_line_end_a_sentence() {
        for text in [
            "I will come. |You will see.",
            "Why? |Because! |So…|then",
            "我来了。|你好！|是吗？|好",
            "वह आया। |वह गया",
            "هل جاء؟ |نعم",
            "یہ ہے۔ |وہ",
            "He said \"go.\" |Then he went",
            "no mark\n \n|next",
            "wait... |then",
            "I am 13. |He knows",
        ] {
            assert_eq!(parted(&text.replace('|', "")), text);
        }
    }

    #[test]
    fn dots_of_abbreviations_numbers_and_spaced_out_letters_end_nothing() {
        for text in [
            "k.i.l.l you",
            "k. i. l. l. you",
            "Mr. Smith",
            "3.5 and 1.000",
            "see example.org now",
            "e.g. this",
            "line\nnext",
            "a, b; c",
        ] {
            assert_eq!(parted(text), text);
        }
        assert_eq!(parted("first:\n1. one\n2. two"), "first:\n1. one\n2. two");
    }
}
