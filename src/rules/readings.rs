//! The other readings of a text, tried beside the plain one: letters spaced apart joined, digits for letters,
//! stretched letters, look-alike letters of another script. A hit in one of them counts only where it differs from the plain
//! reading, so honest words (`good`, `god`) are never confused.

use std::borrow::Cow;

use super::fold::{Folded, Token, unspaced_width};
use super::writer::Writer;

/// Which way an ambiguous sign is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// `1` is i, look-alikes become Latin.
    Latin,
    /// `1` is l, look-alikes become Cyrillic.
    Cyrillic,
}

/// Letters apart by more than this many bytes are no spaced-out word.
const WIDEST_GAP: u32 = 3;
/// That many single letters in a row are a word spaced out.
const FEWEST_LETTERS: usize = 3;
/// No word is spaced out over more letters: bounds the work on hostile text.
const MOST_LETTERS: usize = 64;

/// Every reading of `original` that differs from `plain`, at most two. Doubled letters are single in all of them ([`squeeze`]).
pub fn others(original: &str, plain: &Folded) -> Vec<Folded> {
    // Most text has no disguise in it: then there is nothing to build and nothing more to scan.
    if honest(plain.text.as_bytes()) {
        return Vec::new();
    }
    let hidden = |t: usize| {
        let word = plain.word(t);
        !everyday(word) && (disguise(word).is_some() || spaced_run(original, plain, t) > 1)
    };
    if !(0..plain.tokens.len()).any(hidden) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for way in [Way::Latin, Way::Cyrillic] {
        let reading = read(original, plain, way);
        if reading.tokens.iter().any(|t| t.altered) && found.last().is_none_or(|f: &Folded| f.text != reading.text) {
            found.push(reading);
        }
    }
    found
}

/// Every run of one letter made a single one: how terms are spelled for the other readings.
pub fn squeeze(word: &str) -> Cow<'_, str> {
    let mut last = None;
    let doubled = word.chars().any(|c| last.replace(c) == Some(c) && unspaced_width(c).is_none());
    if !doubled {
        return Cow::from(word);
    }
    let mut out = String::with_capacity(word.len());
    let mut last = None;
    for c in word.chars() {
        if last.replace(c) != Some(c) || unspaced_width(c).is_some() {
            out.push(c);
        }
    }
    Cow::from(out)
}

fn read(original: &str, plain: &Folded, way: Way) -> Folded {
    let mut writer = Writer::new(plain.text.len());
    let mut at = 0;
    while at < plain.tokens.len() {
        let run = spaced_run(original, plain, at);
        let (word, altered) =
            if run > 1 { ((at..at + run).map(|t| plain.word(t)).collect(), true) } else { alter(plain.word(at), way) };
        let (first, last) = (&plain.tokens[at], &plain.tokens[at + run - 1]);
        let token = Token { at: 0, start: first.start, end: last.end, from: first.from, to: last.to, altered };
        let spaced = word.chars().next().is_some_and(|c| unspaced_width(c).is_none());
        writer.whole(&squeeze(&word), token, spaced);
        at += run;
    }
    writer.finish()
}

/// How many words from `at` on are single letters of one word: `k i l l`, `k.i.l.l`. 1 when it is an ordinary word.
/// A wider gap ends the word (`k i l l  y o u` are two).
fn spaced_run(original: &str, plain: &Folded, at: usize) -> usize {
    let single = |t: usize| {
        let mut letters = plain.word(t).chars();
        letters.next().is_some_and(|c| c.is_alphanumeric() && unspaced_width(c).is_none()) && letters.next().is_none()
    };
    // A letter takes four bytes at most.
    if plain.word(at).len() > 4 || !single(at) {
        return 1;
    }
    // None where two words come of one character (¼ is 1 and 4).
    let gap = |t: usize| original.get(plain.tokens[t].end as usize..plain.tokens[t + 1].start as usize);
    let mut run = 1;
    let mut first = None;
    while at + run < plain.tokens.len() && run < MOST_LETTERS && single(at + run) {
        let Some(gap) = gap(at + run - 1) else { break };
        // Whoever spaces a word out does it alike throughout: "I'm a" is no "ima".
        if gap.is_empty() || gap.len() as u32 > WIDEST_GAP || gap.contains('\n') || first.is_some_and(|first| first != gap) {
            break;
        }
        first = Some(gap);
        run += 1;
    }
    if run >= FEWEST_LETTERS { run } else { 1 }
}

/// A stream in which nothing can be hidden, at first sight: of ASCII, no digits, no letter three times in a row, no three
/// letters by themselves. Each asked of the whole, without a branch, since that is fastest.
fn honest(stream: &[u8]) -> bool {
    let behind = |by: usize| stream.get(by..).unwrap_or_default();
    let odd = stream.iter().fold(false, |odd, byte| odd | !byte.is_ascii() | byte.is_ascii_digit());
    let (one, two) = (behind(1), behind(2));
    let thrice = stream.iter().zip(one).zip(two).fold(false, |odd, ((a, b), c)| odd | ((a == b) & (b == c)));
    let spaces = stream.iter().zip(two).zip(behind(4)).zip(behind(6));
    let apart = spaces.fold(false, |odd, (((a, b), c), d)| odd | ((a & b & c & d == b' ') & (a | b | c | d == b' ')));
    !(odd | thrice | apart)
}

/// A word that is no disguise at first sight: Latin letters alone, more than one, none three times in a row. Nearly all are.
fn everyday(word: &str) -> bool {
    let bytes = word.as_bytes();
    bytes.len() > 1
        && bytes.iter().all(u8::is_ascii_lowercase)
        && !bytes.windows(3).any(|three| three[0] == three[1] && three[1] == three[2])
}

/// What about a word is not as one would write it.
#[derive(Clone, Copy)]
struct Disguise {
    /// Digits among letters.
    leet: bool,
    /// Letters of two scripts.
    mixed: bool,
}

/// `None` for an honest word.
fn disguise(word: &str) -> Option<Disguise> {
    let digits = word.bytes().any(|b| b.is_ascii_digit());
    let leet = digits && word.chars().filter(|c| c.is_alphabetic()).count() >= 2;
    let mixed = !word.is_ascii()
        && word.bytes().any(|b| b.is_ascii_alphabetic())
        && word.chars().any(|c| ('\u{370}'..'\u{530}').contains(&c));
    (leet || mixed || stretched(word)).then_some(Disguise { leet, mixed })
}

/// The word as `way` reads it, and whether it counts as another reading.
fn alter(word: &str, way: Way) -> (String, bool) {
    match disguise(word) {
        Some(Disguise { leet, mixed }) => (word.chars().map(|c| alter_letter(c, way, leet, mixed)).collect(), true),
        None => (word.to_owned(), false),
    }
}

fn alter_letter(c: char, way: Way, leet: bool, mixed: bool) -> char {
    let c = match c {
        '0' if leet => 'o',
        '1' if leet && way == Way::Latin => 'i',
        '1' if leet => 'l',
        '3' if leet => 'e',
        '4' if leet => 'a',
        '5' if leet => 's',
        '7' if leet => 't',
        '8' if leet => 'b',
        '9' if leet => 'g',
        other => other,
    };
    match (mixed, way) {
        (true, Way::Latin) => LOOK_ALIKE.iter().find(|(_, other)| other.contains(c)).map_or(c, |(latin, _)| *latin),
        (true, Way::Cyrillic) => {
            LOOK_ALIKE.iter().find(|(latin, _)| *latin == c).and_then(|(_, other)| other.chars().next()).unwrap_or(c)
        }
        (false, _) => c,
    }
}

/// Latin letters and those of Cyrillic (first) and Greek that look like them, lower case.
const LOOK_ALIKE: &[(char, &str)] = &[
    ('a', "аα"),
    ('b', "в"),
    ('c', "сς"),
    ('d', "ԁ"),
    ('e', "еε"),
    ('h', "һн"),
    ('i', "іι"),
    ('j', "ј"),
    ('k', "кκ"),
    ('l', "ӏ"),
    ('m', "мμ"),
    ('n', "пη"),
    ('o', "оοσ"),
    ('p', "рρ"),
    ('q', "ԛ"),
    ('r', "г"),
    ('s', "ѕ"),
    ('t', "тτ"),
    ('u', "υ"),
    ('v', "ѵν"),
    ('w', "ԝω"),
    ('x', "хχ"),
    ('y', "уγ"),
];

/// One letter three times or more in a row: nobody spells so except to shout.
fn stretched(word: &str) -> bool {
    let mut run = 0;
    let mut last = None;
    word.chars().any(|c| {
        run = if last == Some(c) { run + 1 } else { 1 };
        last = Some(c);
        run >= 3 && c.is_alphabetic() && unspaced_width(c).is_none()
    })
}

#[cfg(test)]
mod tests {
    use super::super::fold::fold;
    use super::*;

    fn readings(text: &str) -> Vec<String> {
        others(text, &fold(text)).into_iter().map(|r| r.text).collect()
    }

    #[test]
    fn disguised_words_have_a_plain_reading() {
        for (text, wanted) in [
            ("I will k i l l you", " i wil kil you "),
            ("k.i.l.l  y.o.u", " kil you "),
            ("k i l l  y o u", " kil you "),
            ("k1ll", " kil "),
            ("ki11", " kil "),
            ("su1c1de", " suicide "),
            ("heeeelp", " help "),
            ("killlll", " kil "),
            ("kіll", " kil "),
            ("убью тeбя", " убью тебя "),
        ] {
            assert!(readings(text).iter().any(|r| r == wanted), "{text}: {:?}", readings(text));
        }
    }

    #[test]
    fn honest_text_has_no_other_reading() {
        for text in [
            "I'm a user, it's A. B user",
            "A good book, 42 pages, on page 7",
            "Straße",
            "Привет, мир",
            "我要杀了你",
            "in 2024",
            "",
        ] {
            assert_eq!(readings(text), [""; 0], "{text}");
        }
    }
}
