//! multipart/alternative: text and HTML should say the same. Where they do not, hostile senders hide text in one of the two,
//! so what the other lacks is added to it.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// The lines of `html` that `plain` does not hold, as text of their own; blank when it holds them all.
///
/// Line breaks differ between the two, so words are compared, in runs of three: a line counts as held when each of its runs is.
/// That is linear in both texts, and moving words around does not hide a line.
pub fn missing(plain: &str, html: &str) -> String {
    let held = runs_of(plain);
    let lacks = |line: &&str| {
        let words = words(line);
        let size = words.len().min(3);
        size > 0 && words.windows(size).any(|run| !held.contains(&hash(run)))
    };
    html.lines().filter(lacks).collect::<Vec<_>>().join("\n")
}

/// Hashes of all runs of one, two and three words.
fn runs_of(text: &str) -> HashSet<u64> {
    let words = words(text);
    (1..=3).flat_map(|size| words.windows(size)).map(hash).collect()
}

fn hash(run: &[String]) -> u64 {
    let mut hasher = DefaultHasher::new();
    run.hash(&mut hasher);
    hasher.finish()
}

/// Words in lower case; each sign of a script without blanks is a word of its own.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut open = false;
    for c in text.chars() {
        let letter = c.is_alphanumeric();
        let alone = c >= '\u{2e80}';
        match words.last_mut() {
            Some(word) if letter && open && !alone => word.extend(c.to_lowercase()),
            _ if letter => words.push(c.to_lowercase().collect()),
            _ => {}
        }
        open = letter && !alone;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_words_in_other_lines_add_nothing() {
        assert_eq!(missing("> Dear team,\n> please *help* me\n> at once.", "Dear team, please help me at once"), "");
    }

    #[test]
    fn a_line_only_the_html_has_is_added_whole() {
        assert_eq!(missing("hello there friend", "hello there friend\nI will come for you\n"), "I will come for you");
    }

    #[test]
    fn words_in_another_order_are_another_line() {
        assert_eq!(missing("you will kill time, I hope", "I will kill you"), "I will kill you");
    }

    #[test]
    fn signs_without_blanks_are_compared_one_by_one() {
        assert_eq!(missing("今日は\n良い天気です", "今日は良い天気です\n殺す"), "殺す");
    }
}
