//! Regexes of operators: bounded in size, linear in time, and run only where one of their required literals stands.
//! One automaton looks for the literals of all of them, so that many patterns cost little more than one.

use std::ops::Range;

use aho_corasick::{AhoCorasick, BuildError};
use regex::{Regex, RegexBuilder};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::literal::{ExtractKind, Extractor, Seq};
use regex_syntax::hir::{Hir, HirKind};

use crate::problem::Source;
use crate::table::Word;

/// A compiled regex of an operator may take this much memory.
const REGEX_SIZE: usize = 1 << 20;
/// Brackets may nest this deep in a regex.
const REGEX_NEST: u32 = 50;
/// A literal shorter than this is found in nearly every mail: it would save nothing.
const SHORTEST: usize = 3;
/// More literals than this for one pattern are not looked for.
const MOST_LITERALS: usize = 250;
/// So many places of a pattern are tried for literals.
const MOST_PLACES: usize = 64;

/// Compiles a pattern.
///
/// # Errors
/// The place in the file and what is wrong there.
pub fn build(source: &Source, word: &Word) -> Result<Regex, (Range<usize>, String)> {
    RegexBuilder::new(&word.value)
        .case_insensitive(true)
        .multi_line(true)
        .size_limit(REGEX_SIZE)
        .dfa_size_limit(REGEX_SIZE)
        .nest_limit(REGEX_NEST)
        .build()
        .map_err(|error| fault(source, word, &error))
}

fn parse(pattern: &str) -> Option<Hir> {
    ParserBuilder::new().case_insensitive(true).multi_line(true).nest_limit(REGEX_NEST).build().parse(pattern).ok()
}

/// Does it match the empty text, and so everywhere? Then it says nothing, and looking for its next match has no bound.
pub fn matches_nothing(pattern: &str) -> bool {
    parse(pattern).is_some_and(|hir| hir.properties().minimum_len() == Some(0))
}

/// Literals one of which stands in every match; `None` when the pattern has none that are worth looking for.
pub fn literals(pattern: &str) -> Option<Vec<Vec<u8>>> {
    best(&parse(pattern)?).map(|seq| seq.literals().into_iter().flatten().map(|l| l.as_bytes().to_vec()).collect())
}

/// The best of what must stand somewhere in a match: longest where it is shortest, then fewest.
fn best(hir: &Hir) -> Option<Seq> {
    let whole = extract(hir).into_iter();
    let inner = match hir.kind() {
        HirKind::Concat(parts) => {
            // A match of the whole holds a match of its end from any part on, so that end's prefixes stand in it too.
            let ends = (1..parts.len().min(MOST_PLACES)).filter_map(|at| extract(&Hir::concat(parts[at..].to_vec())));
            let within = parts.iter().filter(|p| matches!(p.kind(), HirKind::Capture(_) | HirKind::Repetition(_)));
            ends.chain(within.take(MOST_PLACES).filter_map(best)).collect()
        }
        HirKind::Capture(capture) => best(&capture.sub).into_iter().collect(),
        HirKind::Repetition(repetition) if repetition.min > 0 => best(&repetition.sub).into_iter().collect(),
        _ => Vec::new(),
    };
    whole.chain(inner).max_by_key(|seq| (seq.min_literal_len(), std::cmp::Reverse(seq.len())))
}

/// The literals that a match begins with, if they are few and long enough. They are taken from the compiled form, where
/// "any case" is spelled out, also that of letters beyond ASCII (`k` is K and the Kelvin sign, `s` is S and ſ).
fn extract(hir: &Hir) -> Option<Seq> {
    let mut extractor = Extractor::new();
    extractor.kind(ExtractKind::Prefix).limit_class(10).limit_literal_len(8).limit_total(MOST_LITERALS);
    let mut seq = extractor.extract(hir);
    if !seq.is_finite() || seq.is_empty() {
        return None;
    }
    // Long literals in every case are many; their first bytes are enough.
    if seq.len().is_some_and(|count| count > 64) {
        seq.keep_first_bytes(4);
        seq.dedup();
    }
    let long = seq.min_literal_len().is_some_and(|shortest| shortest >= SHORTEST);
    (long && seq.len().is_some_and(|count| count <= MOST_LITERALS)).then_some(seq)
}

/// The literals of all patterns, ready to be looked for.
#[derive(Debug, Default)]
pub struct Filters {
    all: Filter,
    /// Those that ASCII can hold: often none.
    ascii: Filter,
    count: usize,
}

#[derive(Debug, Default)]
struct Filter {
    automaton: Option<AhoCorasick>,
    /// By literal: the pattern it belongs to.
    owners: Vec<usize>,
}

impl Filter {
    fn new<'l>(literals: impl Iterator<Item = (usize, &'l Vec<u8>)>) -> Result<Self, BuildError> {
        let (owners, literals): (Vec<usize>, Vec<&[u8]>) = literals.map(|(at, literal)| (at, literal.as_slice())).unzip();
        let automaton = if literals.is_empty() { None } else { Some(AhoCorasick::new(literals)?) };
        Ok(Filter { automaton, owners })
    }
}

impl Filters {
    /// Of patterns by number, the literals of each.
    ///
    /// # Errors
    /// When they are too many for an automaton.
    pub fn new(all: &[Vec<Vec<u8>>]) -> Result<Self, BuildError> {
        let each = || all.iter().enumerate().flat_map(|(at, literals)| literals.iter().map(move |literal| (at, literal)));
        let ascii = Filter::new(each().filter(|(_, literal)| literal.is_ascii()))?;
        Ok(Filters { all: Filter::new(each())?, ascii, count: all.len() })
    }

    /// In which of the texts a pattern of each number can match at all: a bit set.
    pub fn look(&self, texts: &[&str]) -> Vec<u8> {
        let mut found = vec![0; self.count];
        for (field, text) in texts.iter().enumerate() {
            let filter = if text.is_ascii() { &self.ascii } else { &self.all };
            for hit in filter.automaton.iter().flat_map(|automaton| automaton.find_overlapping_iter(text)) {
                found[filter.owners[hit.pattern().as_usize()]] |= 1 << field;
            }
        }
        found
    }
}

/// Where in the file a regex is wrong, and what is wrong with it.
fn fault(source: &Source, word: &Word, error: &regex::Error) -> (Range<usize>, String) {
    if let regex::Error::CompiledTooBig(limit) = error {
        return (word.span.clone(), format!("this regex is too big: compiled it takes more than {limit} bytes"));
    }
    // The crate's message shows the pattern with a caret on its last but one line, then "error: ...".
    let text = error.to_string();
    let reason = text.rsplit("error: ").next().unwrap_or("it cannot be read").trim().to_owned();
    let caret = text.lines().rev().find(|line| line.trim_start().starts_with('^'));
    let message = format!("this regex is wrong: {reason}");
    let written = source.text.get(word.span.clone()).unwrap_or("");
    // Only in '...' strings does the pattern stand in the file character for character.
    let literal = written.starts_with('\'') && !written.starts_with("'''");
    match caret {
        Some(caret) if literal && !word.value.contains('\n') => {
            let before = caret.len() - caret.trim_start().len();
            let width = caret.trim().len();
            // Four columns of indent stand before the pattern in the crate's message.
            let byte = |column: usize| word.value.char_indices().nth(column).map_or(word.value.len(), |(i, _)| i);
            let column = before.saturating_sub(4);
            let start = word.span.start + 1;
            (start + byte(column)..start + byte(column + width), message)
        }
        _ => (word.span.clone(), message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shortest(pattern: &str) -> Option<usize> {
        literals(pattern).and_then(|all| all.iter().map(Vec::len).min())
    }

    #[test]
    fn a_pattern_has_literals_that_must_stand_in_its_matches() {
        assert!(shortest("TS-[0-9a-z]{8}").is_some_and(|n| n >= 3));
        assert!(shortest(r"[a-z]+@example\.org").is_some_and(|n| n >= 4), "inside, where none stands first");
        assert!(shortest("(?:kill|murder) you").is_some_and(|n| n >= 4));
        assert!(shortest(r"\d{3}(?:-call-)+").is_some_and(|n| n >= 4));
        for pattern in [r"\d{3}", "ab", "[a-z]+", "(?:abc)?x+", "abc|[0-9]+"] {
            assert_eq!(literals(pattern), None, "{pattern}");
        }
        assert!(matches_nothing("a*") && matches_nothing(r"\b") && !matches_nothing("a+"));
    }

    #[test]
    fn case_beyond_ascii_is_spelled_out() {
        let all = literals("kiss").unwrap();
        for text in ["kiss", "KISS", "\u{212a}iss", "ki\u{17f}s"] {
            let at = |literal: &Vec<u8>| text.as_bytes().windows(literal.len()).any(|window| window == literal.as_slice());
            assert!(all.iter().any(at), "{text}");
        }
    }
}
