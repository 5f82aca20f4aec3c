//! Which language a text is written in, with "unknown" as an honest answer: the acknowledgement is chosen by it.
//!
//! Most scripts decide by themselves. Latin and Cyrillic texts are weighed: common little words first (they carry short
//! texts), letters few languages use, and whatlang's trigrams, which get better the longer the text is.

use std::collections::HashMap;
use std::sync::LazyLock;

use unicode_script::{Script, UnicodeScript};
use whatlang::{Detector, Lang};

mod words;

/// Letters looked at: more would hardly ever change the answer, and this is a good part of what judging a mail costs.
const LETTERS: usize = 800;
/// Weight a language must reach. One word that only one language has is not enough by itself; two are.
const ENOUGH: f64 = 1.25;
/// The best must outweigh the second by this factor, or the hint decides, or nobody.
const CLEAR: f64 = 1.15;

/// The language of `text` as an ISO 639-1 code, or `None` when it cannot be told (too short, no words, a tie).
///
/// Addresses, links and `>` quotes are left out. `hint` (a Content-Language, say) only breaks a tie between languages the
/// text itself speaks for; it is compared by its first subtag.
pub fn detect(text: &str, hint: Option<&str>) -> Option<String> {
    let words = words_of(text);
    let script = main_script(&words)?;
    let hint = hint.map(|h| h.split(['-', '_', ',', ';', ' ']).next().unwrap_or_default().to_lowercase());
    match script {
        Script::Latin => weigh(&words, words::LATIN, words::LATIN_LETTERS, hint.as_deref()),
        Script::Cyrillic => weigh(&words, words::CYRILLIC, words::CYRILLIC_LETTERS, hint.as_deref()),
        Script::Arabic => weigh(&words, words::ARABIC, words::ARABIC_LETTERS, hint.as_deref()).or_else(|| arabic(&words)),
        Script::Devanagari => weigh(&words, words::DEVANAGARI, &[], hint.as_deref()).or_else(|| Some("hi".to_owned())),
        script => words::SCRIPTS.iter().find(|(s, _)| *s == script).map(|(_, code)| (*code).to_owned()),
    }
}

/// Arabic by the letters that it lacks: neither Persian nor Urdu gets far without its own.
fn arabic(words: &[String]) -> Option<String> {
    let own = |word: &String| word.contains(['پ', 'چ', 'ژ', 'گ', 'ک', 'ی', 'ٹ', 'ڈ', 'ں', 'ے', 'ہ', 'ھ', 'ۆ', 'ێ', 'ې', 'ۍ']);
    (words.len() >= 2 && !words.iter().any(own)).then(|| "ar".to_owned())
}

/// The words of a text, lower case, without quotes, links, addresses and whatever holds a digit.
fn words_of(text: &str) -> Vec<String> {
    let mut letters = 0;
    let mut words = Vec::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with('>')) {
        for token in line.split_whitespace() {
            if letters > LETTERS {
                return words;
            }
            if token.contains("://") || token.starts_with("www.") || token.contains(['@', '\\', '_']) || token.len() > 400 {
                continue;
            }
            let pieces = token.split(|c: char| !(c.is_alphabetic() || is_mark(c) || matches!(c, '\'' | '’' | '\u{200c}')));
            for piece in pieces.map(|p| p.trim_matches(['\'', '’'])).filter(|p| !p.is_empty()) {
                letters += piece.chars().count();
                words.push(piece.to_lowercase().replace('’', "'"));
            }
        }
    }
    words
}

/// Vowel signs and tone marks, which `is_alphabetic` does not all count as letters.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{591}'..='\u{5c7}' | '\u{64b}'..='\u{65f}' | '\u{900}'..='\u{dff}' | '\u{e31}'..='\u{e4e}')
}

/// The script most of the text is in. One Han or Kana character says as much as several letters.
fn main_script(words: &[String]) -> Option<Script> {
    let mut counts: HashMap<Script, usize> = HashMap::new();
    for c in words.iter().flat_map(|w| w.chars()) {
        let script = if c.is_ascii_alphabetic() { Script::Latin } else { c.script() };
        let (script, weight) = match script {
            Script::Common | Script::Inherited | Script::Unknown => continue,
            // Japanese mixes both with Han, Chinese uses neither.
            Script::Hiragana | Script::Katakana => (Script::Hiragana, 4),
            Script::Han => (Script::Han, 3),
            Script::Bopomofo => (Script::Han, 3),
            Script::Hangul => (Script::Hangul, 3),
            script => (script, 1),
        };
        *counts.entry(script).or_default() += weight;
    }
    let han = counts.get(&Script::Han).copied().unwrap_or(0);
    if let Some(kana) = counts.get_mut(&Script::Hiragana)
        && *kana * 12 >= han
    {
        *kana += han;
        counts.remove(&Script::Han);
    }
    let (script, count) = counts.into_iter().max_by_key(|(script, count)| (*count, script.short_name()))?;
    (count >= 2).then_some(script)
}

/// Weighs one script's languages against each other.
fn weigh(words: &[String], table: &[(&str, &str)], letters: &[(char, &str)], hint: Option<&str>) -> Option<String> {
    let mut weights: HashMap<&str, f64> = HashMap::new();
    for word in words {
        let Some(codes) = STOP_WORDS.get(word.as_str()) else { continue };
        // A word that several languages share says less for each of them.
        for code in codes.iter().filter(|code| table.iter().any(|(c, _)| c == *code)) {
            *weights.entry(code).or_default() += 1.0 / codes.len() as f64;
        }
    }
    // No list of telling letters has an ASCII one.
    for c in words.iter().flat_map(|w| w.chars()).filter(|c| !c.is_ascii()) {
        let Some((_, codes)) = letters.iter().find(|(letter, _)| *letter == c) else { continue };
        let codes = codes.split(' ').collect::<Vec<_>>();
        codes.iter().for_each(|code| *weights.entry(code).or_default() += 0.6 / codes.len() as f64);
    }
    let text = words.join(" ");
    if let Some((code, confidence)) = trigrams(&text).filter(|(code, _)| table.iter().any(|(c, _)| c == code)) {
        // Trigrams of a few letters are a guess; of a paragraph they are better than any word list.
        let length = text.chars().count() as f64;
        *weights.entry(code).or_default() += confidence * (length / 40.0).min(8.0) + confidence * 0.4;
    }
    decide(weights, hint)
}

/// The heaviest language, if it is heavy enough and clearly heavier than the next, or the hint when it is a near second.
fn decide(weights: HashMap<&str, f64>, hint: Option<&str>) -> Option<String> {
    let mut ranked: Vec<(&str, f64)> = weights.into_iter().collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(b.0)));
    let (best, weight) = *ranked.first()?;
    let second = ranked.get(1).map_or(0.0, |(_, weight)| *weight);
    if weight >= ENOUGH && weight >= second * CLEAR {
        return Some(best.to_owned());
    }
    let near = |code: &str, w: f64| Some(code) == hint && w * CLEAR >= weight && w >= 0.5;
    ranked.iter().find(|(code, w)| near(code, *w)).map(|(code, _)| (*code).to_owned())
}

/// whatlang's guess among the languages we know.
fn trigrams(text: &str) -> Option<(&'static str, f64)> {
    static DETECTOR: LazyLock<Detector> =
        LazyLock::new(|| Detector::with_allowlist(words::WHATLANG.iter().map(|(l, _)| *l).collect()));
    let info = DETECTOR.detect(text)?;
    let code = |lang: Lang| words::WHATLANG.iter().find(|(l, _)| *l == lang).map(|(_, code)| *code);
    Some((code(info.lang())?, info.confidence()))
}

/// Every stop word with the languages that have it.
static STOP_WORDS: LazyLock<HashMap<&'static str, Vec<&'static str>>> = LazyLock::new(|| {
    let mut map: HashMap<&str, Vec<&str>> = HashMap::new();
    for (code, list) in [words::LATIN, words::CYRILLIC, words::ARABIC, words::DEVANAGARI].into_iter().flatten() {
        for word in list.split_whitespace() {
            let codes = map.entry(word).or_default();
            if !codes.contains(code) {
                codes.push(code);
            }
        }
    }
    map
});

#[cfg(test)]
mod tests;
