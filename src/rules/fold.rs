//! Folding: one spelling for what reads the same, with the way back to the mail's own bytes.
//! Text and terms go through the same fold, so folding can only add matches, never lose one.
//!
//! The folded stream holds the words in lower case, one space between and around them: `" kill myself "`.
//! Scripts that write no spaces stand without them, each character a word of its own, so that a term there is a substring.

use icu_casemap::CaseMapper;
use icu_normalizer::ComposingNormalizerBorrowed;
use icu_normalizer::properties::{CanonicalCombiningClassMapBorrowed, CanonicalDecompositionBorrowed, Decomposed};
use unicode_script::{Script, UnicodeScript};

use super::known::{Known, known, marked};
use super::writer::{Writer, letters};

/// Width of a word in positions. Characters of scripts without spaces are narrower, so that "within 6 words" means about the same everywhere.
pub const WORD: u32 = 4;
/// More text than this is not looked at (the message module caps far below).
const MOST: usize = 1 << 28;
/// Marks on one letter beyond this are read as if they stood on the next: bounds the work on hostile text.
const MOST_MARKS: usize = 32;

/// A word of the folded stream and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Where the word begins in the stream.
    pub at: u32,
    /// Bytes of the original text it was folded from.
    pub start: u32,
    /// End of those bytes (exclusive).
    pub end: u32,
    /// Its place among the words, in quarter words.
    pub from: u32,
    /// Where the next word begins, in quarter words.
    pub to: u32,
    /// This reading differs from the plain one here.
    pub altered: bool,
}

/// A folded text.
#[derive(Clone, Debug, Default)]
pub struct Folded {
    /// The stream.
    pub text: String,
    /// Its words, in order.
    pub tokens: Vec<Token>,
}

impl Folded {
    #[cfg(test)]
    /// The words that the stream's bytes `start..end` touch (spaces at the edges left out), as a range of `tokens`.
    pub fn tokens_at(&self, start: usize, end: usize) -> std::ops::Range<usize> {
        let bytes = self.text.as_bytes();
        let start = if bytes.get(start) == Some(&b' ') { start + 1 } else { start };
        let end = if end > start && bytes.get(end - 1) == Some(&b' ') { end - 1 } else { end };
        let first = self.tokens.partition_point(|t| t.at as usize <= start).saturating_sub(1);
        let after = self.tokens.partition_point(|t| (t.at as usize) < end);
        first..after.max(first)
    }

    /// The folded spelling of one word, without spaces.
    pub fn word(&self, token: usize) -> &str {
        let start = self.tokens[token].at as usize;
        let end = self.tokens.get(token + 1).map_or(self.text.len(), |t| t.at as usize);
        self.text[start..end].trim_end_matches(' ')
    }
}

/// Folds a text: the plain reading.
pub fn fold(text: &str) -> Folded {
    let text = &text[..text.floor_char_boundary(MOST)];
    let mut writer = Writer::new(text.len());
    let mut at = 0;
    while at < text.len() {
        at = if text.as_bytes()[at].is_ascii() { fold_ascii(text, at, &mut writer) } else { fold_letter(text, at, &mut writer) };
    }
    writer.finish()
}

/// Reads the word or the sign of ASCII at `at`; gives where the next one begins.
fn fold_ascii(text: &str, at: usize, writer: &mut Writer) -> usize {
    let bytes = text.as_bytes();
    let mut run = letters(bytes, at);
    // The last letter before something that is not ASCII may bear a mark: then it goes the long way.
    if bytes.get(at + run.max(1)).is_some_and(|b| !b.is_ascii()) && marked(text, at + run.max(1)) {
        if run < 2 {
            return fold_cluster(text, at, writer);
        }
        run -= 1;
    }
    if run == 0 {
        if bytes[at] != b'\'' || !writer.joins_apostrophe(&text[at + 1..]) {
            writer.close();
        }
        return at + 1;
    }
    writer.word(bytes, at, run);
    at + run
}

/// Reads the letter at `at`, with its marks; gives where the next one begins.
fn fold_letter(text: &str, at: usize, writer: &mut Writer) -> usize {
    let Some(c) = text[at..].chars().next() else { return text.len() };
    let end = at + c.len_utf8();
    if marked(text, end) {
        return fold_cluster(text, at, writer);
    }
    match known(c) {
        Known::Slow => return fold_cluster(text, at, writer),
        Known::Nothing => {}
        Known::Parts => writer.close(),
        Known::Letters(letters, length) => writer.letters(&letters[..length as usize], at, end),
        Known::Unspaced(width) => writer.unspaced(c, at, end, u32::from(width)),
    }
    end
}

/// End of the letter that begins at `at`: with the marks and jamo that compose with it.
fn cluster_end(text: &str, at: usize) -> usize {
    let mut chars = text[at..].char_indices().skip(1).take(MOST_MARKS);
    let next = |c: char| composes(c);
    match chars.find(|(_, c)| !next(*c)) {
        Some((offset, _)) => at + offset,
        None => text[at..].char_indices().nth(MOST_MARKS + 1).map_or(text.len(), |(offset, _)| at + offset),
    }
}

/// Characters that NFKC may join with the one before them.
pub(super) fn composes(c: char) -> bool {
    if c < '\u{300}' {
        return false;
    }
    mark(c)
        || matches!(c, '\u{1161}'..='\u{1175}' | '\u{11A8}'..='\u{11C2}' | '\u{FF9E}' | '\u{FF9F}')
        || matches!(
            c,
            '\u{9BE}'
                | '\u{9D7}'
                | '\u{B3E}'
                | '\u{B56}'
                | '\u{B57}'
                | '\u{BBE}'
                | '\u{BD7}'
                | '\u{CC2}'
                | '\u{CD5}'
                | '\u{CD6}'
                | '\u{D3E}'
                | '\u{D57}'
                | '\u{DCF}'
                | '\u{DDF}'
                | '\u{102E}'
        )
}

fn mark(c: char) -> bool {
    CanonicalCombiningClassMapBorrowed::new().get_u8(c) != 0
}

/// Reads a letter with its marks, whatever they are; gives where the next one begins.
pub(super) fn fold_cluster(text: &str, at: usize, writer: &mut Writer) -> usize {
    let end = cluster_end(text, at);
    let normal = ComposingNormalizerBorrowed::new_nfkc().normalize(&text[at..end]);
    let cased = CaseMapper::new().fold_string(&normal);
    // Case folding can leave what NFKC would compose again (İ gives i and a dot above): marks are dropped below anyway.
    for c in cased.chars().filter(|c| !ignorable(*c)) {
        if apostrophe(c) {
            if !writer.joins_apostrophe(&text[end..]) {
                writer.close();
            }
        } else if let Some(width) = unspaced_width(c) {
            writer.unspaced(c, at, end, width);
        } else {
            base(c, &mut |b| {
                if b.is_alphanumeric() || mark(b) {
                    writer.letters(b.encode_utf8(&mut [0; 4]).as_bytes(), at, end);
                } else {
                    writer.close();
                }
            });
        }
    }
    end
}

pub(super) fn apostrophe(c: char) -> bool {
    matches!(c, '\'' | '\u{2019}' | '\u{2BC}' | '\u{5F3}')
}

/// Format and zero-width characters, and tatweel: they change nothing that a reader sees.
fn ignorable(c: char) -> bool {
    matches!(
        c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{640}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}'
            | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}'
            | '\u{E0000}'..='\u{E0FFF}'
    )
}

/// Gives the letter without its marks: é as e, ё as е, أ as ا, and letters that people write without their stroke.
/// Marks that make another letter stay: й, ї, ў, the vowel signs and viramas of Indic scripts.
fn base(c: char, give: &mut impl FnMut(char)) {
    match c {
        'ı' => give('i'),
        'ł' => give('l'),
        'ø' => give('o'),
        'đ' | 'ð' => give('d'),
        'æ' => ['a', 'e'].into_iter().for_each(give),
        'œ' => ['o', 'e'].into_iter().for_each(give),
        'þ' => ['t', 'h'].into_iter().for_each(give),
        'й' | 'ї' | 'ў' => give(c),
        // Persian and Urdu letters that look and sound alike; final forms people interchange.
        'ى' | 'ی' => give('ي'),
        'ک' => give('ك'),
        'ة' | 'ۀ' | 'ہ' | 'ە' => give('ه'),
        // Hindi: chandrabindu is often typed as anusvara, nukta often left out.
        '\u{901}' => give('\u{902}'),
        '\u{93C}' => {}
        '\u{300}'..='\u{36F}'
        | '\u{483}'..='\u{487}'
        | '\u{591}'..='\u{5C7}'
        | '\u{610}'..='\u{61A}'
        | '\u{64B}'..='\u{65F}'
        | '\u{670}'
        | '\u{6D6}'..='\u{6ED}'
        | '\u{1AB0}'..='\u{1AFF}'
        | '\u{1DC0}'..='\u{1DFF}'
        | '\u{20D0}'..='\u{20FF}' => {}
        _ if decomposes(c) => match CanonicalDecompositionBorrowed::new().decompose(c) {
            Decomposed::Default => give(c),
            Decomposed::Singleton(one) => base(one, give),
            Decomposed::Expansion(one, _) => base(one, give),
        },
        _ => give(c),
    }
}

/// Scripts whose marks are dropped: Latin, Greek, Cyrillic, Hebrew, Arabic, and Devanagari's nukta letters.
fn decomposes(c: char) -> bool {
    matches!(c, '\u{C0}'..='\u{6FF}' | '\u{958}'..='\u{95F}' | '\u{929}' | '\u{931}' | '\u{934}' | '\u{1E00}'..='\u{1FFF}' | '\u{FB1D}'..='\u{FDFF}')
}

/// `Some(width)` for a character of a script that writes no spaces between words.
pub(super) fn unspaced_width(c: char) -> Option<u32> {
    if c < '\u{E00}' {
        return None;
    }
    match c.script() {
        Script::Han => Some(2),
        Script::Hiragana | Script::Katakana => Some(2),
        Script::Thai | Script::Lao | Script::Khmer | Script::Myanmar if c.is_alphanumeric() || mark(c) || vowel(c) => Some(1),
        Script::Inherited if matches!(c, '\u{3099}' | '\u{309A}') => Some(0),
        Script::Common if matches!(c, 'ー' | '々' | '〆') => Some(2),
        _ => None,
    }
}

/// Signs of Thai, Lao, Khmer and Burmese that are part of words though Unicode calls them neither letter nor mark with a class.
fn vowel(c: char) -> bool {
    matches!(c, '\u{E30}'..='\u{E4E}' | '\u{EB0}'..='\u{ECE}' | '\u{102B}'..='\u{103E}' | '\u{17B6}'..='\u{17D3}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str) -> String {
        fold(text).text
    }

    #[test]
    fn what_reads_the_same_folds_the_same() {
        for (a, b) in [
            ("KILL  myself!", "kill myself"),
            ("k\u{200B}ill", "kill"),
            ("ｋｉｌｌ", "kill"),
            ("𝓴𝓲𝓵𝓵", "kill"),
            ("Straße", "STRASSE"),
            ("zabiję się", "zabije sie"),
            ("İSTANBUL", "istanbul"),
            ("ещё", "еще"),
            ("м\u{2019}ята", "м'ята"),
            ("أقتل نفسي", "اقتل نفسي"),
            ("قَتَلَ", "قتل"),
            ("e\u{301}cole", "École"),
            ("ﾊﾞｶ", "バカ"),
            ("l\u{2019}école", "l ecole"),
        ] {
            assert_eq!(folded(a), folded(b), "{a} and {b}");
        }
        assert_eq!(folded("KILL  myself!"), " kill myself ");
        assert_ne!(folded("мой"), folded("мои"));
    }

    #[test]
    fn scripts_without_spaces_stand_together_and_apart_from_others() {
        assert_eq!(folded("我要 杀，了you now你"), " 我要杀了 you now 你 ");
        assert_eq!(folded("").as_str(), " ");
        assert_eq!(folded("!!!").as_str(), " ");
    }

    #[test]
    fn the_way_back_gives_the_words_of_the_mail() {
        let text = "Ich  WÜRDE\u{200B} dich—ｔöten!";
        let folded = fold(text);
        let words: Vec<_> = folded.tokens.iter().map(|t| &text[t.start as usize..t.end as usize]).collect();
        assert_eq!(words, ["Ich", "WÜRDE", "dich", "ｔöten"]);
        let at = folded.text.find(" dich toten ").unwrap();
        assert_eq!(folded.tokens_at(at, at + " dich toten ".len()), 2..4);
        assert_eq!(folded.word(3), "toten");
    }
}
