//! Writes a folded text word by word, ASCII eight letters at a time: that is what most mails are made of.

use super::fold::{Folded, Token, WORD};

/// In ASCII it makes capitals small, and leaves small letters and digits as they are. One for each of eight bytes.
const SMALL: u64 = 0x2020_2020_2020_2020;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// Eight bytes of a text, zeros behind its end.
fn eight(bytes: &[u8], at: usize) -> u64 {
    match bytes[at..].first_chunk() {
        Some(eight) => u64::from_le_bytes(*eight),
        None => bytes[at..].iter().rev().fold(0, |all, byte| all << 8 | u64::from(*byte)),
    }
}

/// How many of eight bytes, from the first on, are letters and digits of ASCII.
fn leading(bytes: u64) -> usize {
    // Each byte for itself, none reaching into the next: the high bit says whether it is at least so much.
    let least = |bytes: u64, least: u8| (bytes & !HIGH) + u64::from(0x80 - least) * 0x0101_0101_0101_0101;
    let between = |bytes: u64, from: u8, to: u8| least(bytes, from) & !least(bytes, to + 1);
    let alphanumeric = (between(bytes | SMALL, b'a', b'z') | between(bytes, b'0', b'9')) & !bytes & HIGH;
    ((alphanumeric ^ HIGH).trailing_zeros() / 8) as usize
}

/// Builds a stream.
pub struct Writer {
    /// The stream, and room behind it.
    text: Vec<u8>,
    /// Where it ends.
    end: usize,
    tokens: Vec<Token>,
    /// A word may go on.
    open: bool,
    position: u32,
}

impl Writer {
    /// With room for a text of so many bytes.
    pub fn new(capacity: usize) -> Self {
        let room = capacity + capacity / 8 + 16;
        // Not `vec![0; room]`: small memory that is asked for as zeros is slow to get, and terms are folded by the thousand.
        let mut text: Vec<u8> = std::iter::repeat_n(0, room).collect();
        text[0] = b' ';
        Writer { text, end: 1, tokens: Vec::with_capacity(capacity / 4), open: false, position: 0 }
    }

    /// Sees to it that so many bytes can be written, and a few more.
    fn room(&mut self, more: usize) {
        if self.end + more + 16 > self.text.len() {
            self.text.resize((self.end + more + 16) * 2, 0);
        }
    }

    fn put(&mut self, bytes: &[u8]) {
        self.room(bytes.len());
        self.text[self.end..self.end + bytes.len()].copy_from_slice(bytes);
        self.end += bytes.len();
    }

    #[inline]
    fn space(&mut self) {
        if self.text[self.end - 1] != b' ' {
            self.room(1);
            self.text[self.end] = b' ';
            self.end += 1;
        }
    }

    /// Reads words of ASCII and what parts them from `at` on; gives where it came to a sign that needs a closer look: a letter
    /// before something that is not ASCII may bear a mark, an apostrophe may join.
    pub fn ascii(&mut self, bytes: &[u8], mut at: usize) -> usize {
        let other = |at: usize| bytes.get(at).is_some_and(|byte| !byte.is_ascii());
        while at < bytes.len() {
            let letters = eight(bytes, at);
            let run = leading(letters);
            let stops = other(at + run);
            let take = run - usize::from(stops && run > 0);
            if take > 0 {
                self.open(at, at + take);
                self.room(8);
                self.text[self.end..self.end + 8].copy_from_slice(&(letters | SMALL).to_le_bytes());
                self.end += take;
                at += take;
            }
            if stops {
                return at;
            }
            if run < 8 && at < bytes.len() {
                if bytes[at] == b'\'' || other(at + 1) {
                    return at;
                }
                self.close();
                at += 1;
            }
        }
        at
    }

    /// Letters, folded, of the original's bytes `start..end`.
    pub fn letters(&mut self, letters: &[u8], start: usize, end: usize) {
        if !letters.is_empty() {
            self.open(start, end);
            self.put(letters);
        }
    }

    /// Begins a word unless one is open, and takes the original's bytes up to `end` into it.
    #[inline]
    fn open(&mut self, start: usize, end: usize) {
        match self.tokens.last_mut() {
            Some(last) if self.open => last.end = end as u32,
            _ => {
                self.space();
                self.push_token(start, end, WORD);
                self.open = true;
            }
        }
    }

    /// A character that is a word.
    pub fn unspaced(&mut self, c: char, start: usize, end: usize, width: u32) {
        self.close();
        self.push_token(start, end, width);
        self.put(c.encode_utf8(&mut [0; 4]).as_bytes());
    }

    fn push_token(&mut self, start: usize, end: usize, width: u32) {
        let (at, from) = (self.end as u32, self.position);
        self.position += width;
        self.tokens.push(Token { at, start: start as u32, end: end as u32, from, to: from + width, altered: false });
    }

    /// Ends the word.
    pub fn close(&mut self) {
        if self.open {
            self.space();
            self.open = false;
        }
    }

    /// Is no word open?
    pub fn closed(&self) -> bool {
        !self.open
    }

    /// A whole word with a token made elsewhere (the other readings).
    pub fn whole(&mut self, word: &str, token: Token, spaced: bool) {
        if spaced {
            self.space();
        }
        self.tokens.push(Token { at: self.end as u32, ..token });
        self.put(word.as_bytes());
        if spaced {
            self.space();
        }
    }

    /// In Cyrillic and Hebrew an apostrophe is part of the word; elsewhere it parts words (`l'école`, `don't`), in terms as in text.
    pub fn joins_apostrophe(&self, rest: &str) -> bool {
        let inner = |c: char| matches!(c, '\u{400}'..='\u{52F}' | '\u{5D0}'..='\u{5EA}');
        // Those take two bytes each.
        let last = self.text[..self.end].last_chunk::<2>().and_then(|two| std::str::from_utf8(two).ok());
        self.open && last.is_some_and(|last| last.chars().all(inner)) && rest.chars().next().is_some_and(inner)
    }

    /// The stream.
    pub fn finish(mut self) -> Folded {
        self.space();
        self.text.truncate(self.end);
        let text = String::from_utf8(self.text).expect("only whole characters were written");
        Folded { text, tokens: self.tokens }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_and_digits_of_ascii_are_told_from_all_else() {
        for byte in 0..=u8::MAX {
            for at in 0..8 {
                let mut bytes = *b"aZ09zA5m";
                bytes[at] = byte;
                let plain = bytes.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
                assert_eq!(leading(u64::from_le_bytes(bytes)), plain, "{bytes:?}");
            }
        }
    }

    #[test]
    fn words_of_any_length_are_made_small() {
        for length in 1..40 {
            let word: String = "ABCxyz0189".chars().cycle().take(length).collect();
            let mut writer = Writer::new(0);
            assert_eq!(writer.ascii(word.as_bytes(), 0), length);
            let folded = writer.finish();
            assert_eq!(folded.text, format!(" {} ", word.to_ascii_lowercase()));
            assert_eq!((folded.tokens.len(), folded.tokens[0].end), (1, length as u32));
        }
    }

    #[test]
    fn what_needs_a_closer_look_is_left() {
        for (text, come) in
            [("ab cde\u{301}", 5), ("it's", 2), ("a. \u{301}", 2), ("\u{301}", 0), ("ab", 2), ("abcdefgh\u{e9}", 7)]
        {
            assert_eq!(Writer::new(0).ascii(text.as_bytes(), 0), come, "{text}");
        }
    }
}
