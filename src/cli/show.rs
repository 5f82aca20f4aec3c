//! Showing things: tables for people, one JSON object a line for scripts. A closed pipe ends quietly.

use std::io::{IsTerminal, Write};

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

use crate::clock::Timestamp;

/// Says a line on standard output. `triaged ... | head` closes it early: that is no error.
pub fn say(line: impl AsRef<str>) {
    let _ = writeln!(std::io::stdout(), "{}", line.as_ref());
}

/// Says words on standard error.
pub fn complain(words: &str) {
    let _ = writeln!(std::io::stderr(), "{words}");
}

/// One JSON object a line.
pub fn json(value: &impl Serialize) {
    match serde_json::to_string(value) {
        Ok(line) => say(line),
        Err(error) => complain(&format!("error: this cannot be written as JSON: {error}")),
    }
}

/// A table; on a terminal as wide as that, elsewhere as wide as it needs.
pub fn table(head: &[&str], rows: Vec<Vec<String>>, nothing: &str) {
    match rows.is_empty() {
        true => say(nothing),
        false => lines(head, rows).iter().for_each(say),
    }
}

/// The lines of that table.
pub fn lines(head: &[&str], rows: Vec<Vec<String>>) -> Vec<String> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(head.iter().map(|h| h.to_uppercase()));
    if std::io::stdout().is_terminal() {
        table.set_content_arrangement(ContentArrangement::Dynamic);
    }
    for row in rows {
        table.add_row(row.iter().map(|cell| plain(cell)));
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect()
}

/// Text of strangers, made harmless for a terminal: no control, no escape, no direction changes.
pub fn plain(text: &str) -> String {
    let odd = |c: char| {
        c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    text.chars().map(|c| if odd(c) { ' ' } else { c }).collect()
}

/// A moment as people read it, UTC.
pub fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// At most `most` characters, with a mark where something was left out.
pub fn short(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_text_cannot_drive_the_terminal() {
        assert_eq!(plain("a\u{1b}[31mb\u{202e}c\r\n"), "a [31mb c  ");
        assert_eq!(short("abcdef", 4), "abc…");
    }
}
