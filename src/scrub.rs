//! Other people's words on their way into a log, a table or the store: one line, cut, and no mail address in it.

/// Most characters that are kept.
const LONGEST: usize = 200;

/// A server's words as they may be shown anywhere.
pub fn scrub(text: &str) -> String {
    let word = |word: &str| if word.contains(['@', '＠']) { "<address>".to_owned() } else { word.to_owned() };
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let words: Vec<String> = plain.split_whitespace().map(word).collect();
    words.join(" ").chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_words_are_one_line_cut_and_name_nobody() {
        let text = scrub("5.1.1 <ann@example.org>: unknown\r\nto=ann@example.org\u{7}");
        assert_eq!(text, "5.1.1 <address> unknown <address>");
        assert_eq!(scrub(&"ä".repeat(900)).chars().count(), 200);
    }
}
