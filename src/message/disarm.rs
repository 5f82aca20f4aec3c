//! Keeps mails from the parser that would end the process: it frees nested messages by recursion, and it copies the whole mail
//! once for every message nested in an encoded one (60,000 levels in 3 MB of base64 are 100 GB). So the depth is bounded
//! beforehand, and encoded messages are renamed: the parser then takes them for files, and they are decoded and read by us.

use std::borrow::Cow;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

/// Mentions of a nesting type a mail may hold before it is not given to the parser: they bound the depth of what it builds
/// (25,000 levels fit in 2 MiB of stack). A digest of several hundred mails is honest.
const MAX_MENTIONS: usize = 1000;

/// Subtypes that nest (RFC 2046 5.1.5 and 5.2.1, RFC 6532), then the words by which an encoded part is known.
const WORDS: [&str; 7] =
    ["rfc822", "global", "digest", "content-transfer-encoding", "base64", "quoted-printable", "content-type"];
/// The names that renamed subtypes get: same length, so that nothing moves.
const RENAMED: [&str; 3] = ["rfc82x", "globax", "digesx"];
const DIGEST: usize = 2;

static FINDER: LazyLock<Option<AhoCorasick>> =
    LazyLock::new(|| AhoCorasick::builder().ascii_case_insensitive(true).build(WORDS).ok());

/// The bytes as the parser may have them; `None` when they nest too deep for it.
pub fn disarmed(raw: &[u8]) -> Option<Cow<'_, [u8]>> {
    let mut block = Block::default();
    let (mut patches, mut digests, mut bare, mut mentions) = (Vec::new(), Vec::new(), false, 0);
    for found in FINDER.as_ref()?.find_iter(raw) {
        if holds_blank_line(&raw[block.last..found.start()]) {
            bare |= block.close(&mut patches);
        }
        block.last = found.end();
        let word = found.pattern().as_usize();
        match word {
            DIGEST => digests.push(found.end() - 1),
            0..DIGEST => block.nesting.push(found.end() - 1),
            word => block.words[word - RENAMED.len()] = true,
        }
        mentions += usize::from(word <= DIGEST);
        if mentions > MAX_MENTIONS {
            return None;
        }
    }
    bare |= block.close(&mut patches);
    // In a digest a part is a message without saying so.
    patches.extend(digests.into_iter().filter(|_| bare));
    if patches.is_empty() {
        return Some(Cow::Borrowed(raw));
    }
    let mut patched = raw.to_vec();
    patches.into_iter().for_each(|at| patched[at] = b'x');
    Some(Cow::Owned(patched))
}

/// The subtype that a renamed one was.
pub fn original(subtype: &str) -> Option<&'static str> {
    RENAMED.iter().position(|renamed| *renamed == subtype).map(|n| WORDS[n])
}

/// What was met since the last blank line: the header of a part, or a paragraph, which is the same to us.
#[derive(Default)]
struct Block {
    last: usize,
    nesting: Vec<usize>,
    /// Content-Transfer-Encoding, base64, quoted-printable, Content-Type.
    words: [bool; 4],
}

impl Block {
    /// Ends the block; says whether it is the header of an encoded part without a type.
    fn close(&mut self, patches: &mut Vec<usize>) -> bool {
        let [field, base64, quoted, typed] = std::mem::take(&mut self.words);
        let nesting = std::mem::take(&mut self.nesting);
        let encoded = field && (base64 || quoted);
        if encoded {
            patches.extend(nesting);
        }
        encoded && !typed
    }
}

fn holds_blank_line(bytes: &[u8]) -> bool {
    bytes.windows(2).any(|pair| pair == b"\n\n") || bytes.windows(3).any(|three| three == b"\n\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_encoded_messages_are_renamed() {
        let plain = b"Content-Type: message/rfc822\n\nContent-Transfer-Encoding: base64\n\n";
        assert!(matches!(disarmed(plain), Some(Cow::Borrowed(_))));
        let coded = b"Content-Type: Message/RFC822\nX: y\nContent-Transfer-Encoding:\n Base64\n\n";
        let patched = disarmed(coded).unwrap();
        assert!(patched.starts_with(b"Content-Type: Message/RFC82x"));
        assert_eq!(original("rfc82x"), Some("rfc822"));
    }

    #[test]
    fn an_untyped_encoded_part_of_a_digest_is_no_message() {
        let coded = b"Content-Type: multipart/digest; boundary=b\n\n--b\nContent-Transfer-Encoding: base64\n\n";
        assert!(disarmed(coded).unwrap().starts_with(b"Content-Type: multipart/digesx"));
    }

    #[test]
    fn very_many_mentions_are_nothing_for_the_parser() {
        assert!(disarmed("/RFC822 ".repeat(1001).as_bytes()).is_none());
        assert!(disarmed("/RFC822 ".repeat(1000).as_bytes()).is_some());
    }
}
