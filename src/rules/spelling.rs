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

/// A term: nearly always one piece.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Phrase {
    /// What follows one another.
    pub pieces: Vec<Piece>,
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
    if pieces.is_empty() { Err(TermFault::Empty) } else { Ok(Phrase { pieces }) }
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
        let folded = fold(&self.words.join(" "));
        let words = folded.text.trim_matches(' ');
        let (Some(first), Some(last)) = (words.chars().next(), words.chars().next_back()) else { return Err(TermFault::Empty) };
        let left = if self.any_beginning || unspaced_width(first).is_some() { "" } else { " " };
        let right = if self.any_ending || unspaced_width(last).is_some() { "" } else { " " };
        pieces.push(Piece { skipped: self.skipped, text: format!("{left}{words}{right}") });
        *self = Open::default();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelled(term: &str) -> Vec<(u32, String)> {
        phrase(term).unwrap().pieces.into_iter().map(|p| (p.skipped, p.text)).collect()
    }

    #[test]
    fn a_term_is_one_piece_unless_a_star_stands_inside() {
        assert_eq!(spelled(" Kill  yourself "), [(0, " kill yourself ".to_owned())]);
        assert_eq!(spelled("*Mord*"), [(0, "mord".to_owned())]);
        assert_eq!(spelled("kill* you"), [(0, " kill".to_owned()), (0, " you ".to_owned())]);
        assert_eq!(spelled("i * * *mord you"), [(0, " i ".to_owned()), (2, "mord you ".to_owned())]);
        assert_eq!(spelled("杀了 你"), [(0, "杀了你".to_owned())]);
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
