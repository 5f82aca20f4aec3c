//! How a term is spelled for the automaton: folded as mail is, with a space at each end that must be the end of a word.
//! A `*` inside a phrase (`kill* you`, `i * you`) parts it into pieces that must follow one another.

use super::fold::{fold, unspaced_width};

/// Why a term cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TermFault {
    /// No letter and no digit in it.
    Empty,
    /// A `*` inside a word.
    InnerStar,
    /// A word that is only `*`, first or last in the term.
    LoneStar,
}

/// A term.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Phrase {
    /// What the automaton looks for: nearly always all of it.
    pub text: String,
    /// What follows.
    pub rest: Vec<Piece>,
}

/// A stretch of a term without a `*` inside.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Piece {
    /// So many words, whatever they are, stand between the piece before and this one.
    pub skipped: u32,
    /// What the automaton looks for.
    pub text: String,
}

/// The spelling of a term as an operator wrote it.
///
/// # Errors
/// When it could never be found, or says something that nobody can mean.
pub fn phrase(term: &str) -> Result<Phrase, TermFault> {
    quick(term).map_or_else(|| thorough(term), Ok)
}

/// The spelling of a term of ASCII that is one piece, as most are; `None` where there is more to it.
fn quick(term: &str) -> Option<Phrase> {
    let (any_ending, words) = term.trim().strip_suffix('*').map_or((false, term.trim()), |words| (true, words));
    let (any_beginning, words) = words.strip_prefix('*').map_or((false, words), |words| (true, words));
    let edges = [words.as_bytes().first(), words.as_bytes().last()];
    if !words.is_ascii() || words.contains('*') || !edges.iter().all(|edge| edge.is_some_and(u8::is_ascii_alphanumeric)) {
        return None;
    }
    // A word with a star at one end is a piece of its own.
    if words.bytes().any(|byte| byte.is_ascii_whitespace()) && any_beginning {
        return None;
    }
    let mut text = String::with_capacity(words.len() + 2);
    text.push_str(if any_beginning { "" } else { " " });
    for c in words.chars() {
        match c.is_ascii_alphanumeric() {
            true => text.push(c.to_ascii_lowercase()),
            false if text.ends_with(' ') => {}
            false => text.push(' '),
        }
    }
    text.push_str(if any_ending { "" } else { " " });
    Some(Phrase { text, rest: Vec::new() })
}

fn thorough(term: &str) -> Result<Phrase, TermFault> {
    let words: Vec<&str> = term.split_whitespace().collect();
    let lone = |word: Option<&&str>| word.is_some_and(|word| *word == "*");
    if words.len() > 1 && (lone(words.first()) || lone(words.last())) {
        return Err(TermFault::LoneStar);
    }
    let (mut pieces, mut open) = (Vec::new(), Open::default());
    for word in words {
        if word == "*" {
            open.close(&mut pieces)?;
            open.skipped += 1;
            continue;
        }
        let (starred, word) = word.strip_prefix('*').map_or((false, word), |rest| (true, rest));
        let (ends, word) = word.strip_suffix('*').map_or((false, word), |rest| (true, rest));
        if word.contains('*') {
            return Err(TermFault::InnerStar);
        }
        if starred {
            open.close(&mut pieces)?;
            open.any_beginning = true;
        }
        open.words.push(word);
        if ends {
            open.any_ending = true;
            open.close(&mut pieces)?;
        }
    }
    open.close(&mut pieces)?;
    let mut pieces = pieces.into_iter();
    let Some(Piece { text, .. }) = pieces.next() else { return Err(TermFault::Empty) };
    Ok(Phrase { text, rest: pieces.collect() })
}

/// A piece while it is read.
#[derive(Default)]
struct Open<'t> {
    words: Vec<&'t str>,
    skipped: u32,
    any_beginning: bool,
    any_ending: bool,
}

impl Open<'_> {
    fn close(&mut self, pieces: &mut Vec<Piece>) -> Result<(), TermFault> {
        if self.words.is_empty() {
            return Ok(());
        }
        let folded = match self.words.as_slice() {
            [word] => fold(word),
            words => fold(&words.join(" ")),
        };
        let words = folded.text.trim_matches(' ');
        let (Some(first), Some(last)) = (words.chars().next(), words.chars().next_back()) else { return Err(TermFault::Empty) };
        let left = if self.any_beginning || unspaced_width(first).is_some() { "" } else { " " };
        let right = if self.any_ending || unspaced_width(last).is_some() { "" } else { " " };
        pieces.push(Piece { skipped: self.skipped, text: [left, words, right].concat() });
        *self = Open::default();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelled(term: &str) -> Vec<(u32, String)> {
        let Phrase { text, rest } = phrase(term).unwrap();
        std::iter::once((0, text)).chain(rest.into_iter().map(|p| (p.skipped, p.text))).collect()
    }

    #[test]
    fn a_term_is_one_piece_unless_a_star_stands_inside() {
        assert_eq!(spelled(" Kill  yourself "), [(0, " kill yourself ".to_owned())]);
        assert_eq!(spelled("*Mord*"), [(0, "mord".to_owned())]);
        assert_eq!(spelled("kill* you"), [(0, " kill".to_owned()), (0, " you ".to_owned())]);
        assert_eq!(spelled("i * * *mord you"), [(0, " i ".to_owned()), (2, "mord you ".to_owned())]);
        assert_eq!(spelled("杀了 你"), [(0, "杀了你".to_owned())]);
    }

    proptest::proptest! {
        #[test]
        fn the_quick_way_gives_what_the_thorough_one_does(term in "[*]?[kK1 '.*\\t-]{0,6}[*é]?") {
            if let Some(phrase) = quick(&term) {
                proptest::prop_assert_eq!(Ok(phrase), thorough(&term), "{:?}", term);
            }
        }
    }

    #[test]
    fn a_term_without_letters_or_with_a_star_in_the_wrong_place_is_refused() {
        for term in [" *!* ", "*", "", "kill* !"] {
            assert_eq!(phrase(term), Err(TermFault::Empty), "{term}");
        }
        assert_eq!(phrase("ki*ll"), Err(TermFault::InnerStar));
        assert_eq!(phrase("kill** you"), Err(TermFault::InnerStar));
        assert_eq!(phrase("* you"), Err(TermFault::LoneStar));
        assert_eq!(phrase("kill *"), Err(TermFault::LoneStar));
    }
}
