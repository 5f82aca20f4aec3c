//! Parts a text into what its sender wrote, their signature, older thread text and inline forwards.
//!
//! Text wrongly taken for an old quote would not be judged by default, so every doubt is decided for "new": an attribution
//! line without `>` under it must name an address, an answer between quotes keeps the quotes it answers, and a header
//! block under a note is a forward, which is judged. Every line is looked at a bounded number of times.

mod words;

use words::{BLOCK, FORWARDED, ORIGINAL, SENT_FROM, WROTE};

/// A text in its four parts; each keeps the order of its lines and loses blank lines at both ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Split {
    /// What this sender wrote. Blank when the text holds nothing but quote or forward: the caller decides what then counts.
    pub new: String,
    /// The sender's signature. Their own words too: judge it with `new`, only do not count on it (for the language, say).
    pub signature: String,
    /// Older thread text, with the lines that introduce it.
    pub quoted: String,
    /// Mails forwarded inline, with their header block, and quotes that the sender's own words introduce.
    pub forwarded: String,
}

/// Lines longer than this (bytes) are prose: never a marker, an attribution or a header.
const MARKER_LINE: usize = 400;
/// A mail client breaks one attribution into this many lines at most.
const ATTRIBUTION_LINES: usize = 6;
/// Header lines of one block stand this close together.
const BLOCK_LINES: usize = 9;
/// Longest note (bytes) above an Outlook header block that still makes it a forward; below a longer text it is a reply's tail.
const NOTE: usize = 1_000;
/// Longest signature: lines, and bytes in all.
const SIGNATURE: (usize, usize) = (14, 700);

/// What one line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Blank,
    Text,
    /// Begins with `>`.
    Quote,
    /// Part of an "On ... wrote:" line.
    Attribution,
    Signature,
}

/// Where the rest of the text stops being the sender's own.
#[derive(Clone, Copy)]
enum Cut {
    /// A line that announces a forward.
    Forward,
    /// "Original Message" or an Outlook header block: a forward under a short note, else a reply's tail.
    Block,
    /// "On ... wrote:" with its quote unmarked.
    Reply,
}

/// Parts `text` (plain, `\n` or `\r\n` line ends). Linear in its length; every non-blank line lands in exactly one part.
pub fn split(text: &str) -> Split {
    let lines: Vec<&str> = text.lines().collect();
    let (cut, mut kinds) = classify(&lines);
    let end = kinds.len();
    mark_signature(&lines, &mut kinds);
    let mut split = Split::default();
    keep_answered_quotes(&mut kinds);
    let (mut announced, mut spoken) = (false, false);
    for (line, kind) in lines.iter().zip(&kinds) {
        announced |= *kind == Kind::Attribution;
        spoken |= matches!(kind, Kind::Text | Kind::Signature);
        let part = match kind {
            Kind::Text => &mut split.new,
            Kind::Blank => {
                // A blank line belongs to whatever it stands in; at the edges it is trimmed.
                for part in [&mut split.new, &mut split.quoted, &mut split.forwarded] {
                    part.push('\n');
                }
                continue;
            }
            // Below the sender's words and without a program's "wrote:" line, people quote what they want us to read.
            Kind::Quote if spoken && !announced => &mut split.forwarded,
            Kind::Quote | Kind::Attribution => &mut split.quoted,
            Kind::Signature => &mut split.signature,
        };
        push(part, line);
    }
    match cut {
        Some(Cut::Forward) => extend(&mut split.forwarded, &lines[end..]),
        Some(Cut::Block) if split.new.trim().len() <= NOTE => extend(&mut split.forwarded, &lines[end..]),
        Some(_) => extend(&mut split.quoted, &lines[end..]),
        None => {}
    }
    for part in [&mut split.new, &mut split.signature, &mut split.quoted, &mut split.forwarded] {
        *part = trim_blank_lines(part).to_owned();
    }
    split
}

/// The kind of each line up to the first cut, and the cut: the lines beyond the kinds belong to it.
fn classify(lines: &[&str]) -> (Option<Cut>, Vec<Kind>) {
    let mut kinds = Vec::with_capacity(lines.len());
    while let Some(line) = lines.get(kinds.len()) {
        let at = kinds.len();
        if let Some(cut) = cut_at(lines, at) {
            drop_rule_above(lines, &mut kinds);
            return (Some(cut), kinds);
        }
        if let Some((length, attribution)) = attribution(lines, at) {
            let marked = lines[at + length..].iter().take(3).find(|l| !l.trim().is_empty()).is_some_and(|l| is_quote(l));
            let wrote_above = kinds.contains(&Kind::Text);
            if !marked && wrote_above && (attribution.contains('@') || machine_date(&attribution)) {
                return (Some(Cut::Reply), kinds);
            }
            // Without an address and without `>` it may as well be the reporter telling who wrote what: new text.
            let kind = if marked || attribution.contains('@') { Kind::Attribution } else { Kind::Text };
            kinds.extend(lines[at..at + length].iter().map(|l| if l.trim().is_empty() { Kind::Blank } else { kind }));
            continue;
        }
        kinds.push(match line.trim() {
            "" => Kind::Blank,
            _ if is_quote(line) => Kind::Quote,
            _ => Kind::Text,
        });
    }
    (None, kinds)
}

/// Does the rest, from line `at` on, belong to an embedded mail?
fn cut_at(lines: &[&str], at: usize) -> Option<Cut> {
    let line = lines[at];
    if line.len() > MARKER_LINE || line.trim().is_empty() {
        return None;
    }
    // Apple quotes the forward and its announcement with `>`; a deeper one is part of an old thread.
    let bare = line.trim_start_matches(['>', ' ']);
    let plain = bare.trim_matches(|c: char| matches!(c, '-' | '_' | '=' | '*' | ' ' | '\t' | '—' | '–' | '─')).to_lowercase();
    let ruled = bare.starts_with(['-', '_', '=', '—', '–']) || bare.ends_with(':') || bare.ends_with('：');
    if ruled && FORWARDED.iter().any(|marker| plain == *marker || plain.trim_end_matches([':', '：']) == *marker) {
        return Some(Cut::Forward);
    }
    // "----- Forwarded by Ann Example/Org on 01/02/2003 -----" of Lotus Notes.
    if ruled && plain.starts_with("forwarded by ") && bare.starts_with('-') {
        return Some(Cut::Forward);
    }
    if is_quote(line) {
        return None;
    }
    if bare.starts_with(['-', '_', '=']) && ORIGINAL.iter().any(|marker| plain.trim_end_matches(':') == *marker) {
        return Some(Cut::Block);
    }
    header_block(lines, at).then_some(Cut::Block)
}

/// Three different header lines close together, one of them From, the first at `at`.
fn header_block(lines: &[&str], at: usize) -> bool {
    if header_name(lines[at]).is_none() {
        return false;
    }
    let mut seen = [false; BLOCK.len()];
    let mut blanks = 0;
    for line in lines[at..].iter().take(BLOCK_LINES) {
        blanks = if line.trim().is_empty() { blanks + 1 } else { 0 };
        if blanks > 1 {
            break;
        }
        if let Some(kind) = header_name(line) {
            seen[kind] = true;
        }
    }
    seen[0] && seen.iter().filter(|s| **s).count() >= 3
}

/// Which header of [`BLOCK`] a line is, if any.
fn header_name(line: &str) -> Option<usize> {
    let line = line.trim_start_matches(['*', ' ', '\t']);
    let end = line.char_indices().take(40).find(|(_, c)| matches!(c, ':' | '：'))?.0;
    let name = line[..end].trim_matches(['*', ' ', '\u{a0}']).to_lowercase();
    BLOCK.iter().position(|names| names.contains(&name.as_str()))
}

/// An "On ... wrote:" beginning at line `at`: how many lines it takes and what it says.
fn attribution(lines: &[&str], at: usize) -> Option<(usize, String)> {
    let first = lines[at].trim();
    if first.is_empty() || first.len() > MARKER_LINE || is_quote(first) {
        return None;
    }
    if machine_date(first) && lines[at].len() < 120 && !first.ends_with('<') {
        return Some((1, first.to_owned()));
    }
    // Only a line with a date, an address or a name in quotes can begin one; prose that merely ends in "wrote:" cannot.
    if !first.contains(|c: char| c.is_numeric() || matches!(c, '@' | '<' | '"')) {
        return None;
    }
    let mut joined = String::new();
    for (count, line) in lines[at..].iter().take(ATTRIBUTION_LINES).enumerate() {
        let next_quote = count > 0 && is_quote(line) && !ends_attribution(line);
        if line.len() > MARKER_LINE || next_quote || joined.len() > MARKER_LINE {
            return None;
        }
        joined.push_str(line.trim());
        joined.push(' ');
        if is_attribution(joined.trim()) {
            return Some((count + 1, joined.trim().to_owned()));
        }
        // A sentence that ended is prose, not the first half of an attribution.
        if line.trim_end().ends_with(['!', '?']) {
            return None;
        }
    }
    None
}

/// `> wrote:`, the tail of a wrapped address, only looks like a quote.
fn ends_attribution(line: &str) -> bool {
    line.trim_end().ends_with([':', '：']) && line.len() < 60
}

fn is_attribution(text: &str) -> bool {
    let Some(text) = text.strip_suffix([':', '：']) else { return false };
    let lower = text.to_lowercase();
    let dated = lower.contains(|c: char| c.is_numeric());
    let addressed = lower.contains('@');
    if !dated && !addressed {
        return false;
    }
    // Gmail and Yandex in several languages: a date, a name, an address, no verb.
    let weekday = lower.split_whitespace().next().is_some_and(|word| word.ends_with(',') && word.chars().count() <= 5);
    let begins = weekday || lower.starts_with(|c: char| c.is_numeric());
    let bare = addressed && dated && begins && lower.trim_end().ends_with('>');
    bare || (!lower.contains(". ") || addressed || lower.len() < 120) && WROTE.iter().any(|verb| contains_word(&lower, verb))
}

/// `2016-03-03 17:21 GMT+01:00 Name`, which no person types.
fn machine_date(text: &str) -> bool {
    let mut words = text.split_whitespace();
    let date = words.next().is_some_and(|d| d.len() == 10 && d.bytes().all(|b| b.is_ascii_digit() || b == b'-'));
    date && words.nth(1).is_some_and(|zone| zone.starts_with("GMT") && zone.contains(':'))
}

/// `word` in `text` with no letter before it; scripts without spaces need none. Both lower case.
fn contains_word(text: &str, word: &str) -> bool {
    let ascii = word.is_ascii();
    text.match_indices(word).any(|(at, _)| {
        !ascii || !text[..at].ends_with(char::is_alphabetic) && !text[at + word.len()..].starts_with(char::is_alphabetic)
    })
}

/// Marked with `>` (a run of at most three blanks before it).
fn is_quote(line: &str) -> bool {
    line.trim_start_matches([' ', '\t']).starts_with('>') && line.len() - line.trim_start_matches([' ', '\t']).len() <= 3
}

/// The line of dashes above a header block goes with it.
fn drop_rule_above(lines: &[&str], kinds: &mut Vec<Kind>) {
    let mut keep = kinds.len();
    while keep > 0 && lines[keep - 1].trim().is_empty() {
        keep -= 1;
    }
    if keep > 0 && is_rule(lines[keep - 1]) {
        kinds.truncate(keep - 1);
    }
}

/// A line of nothing but dashes or underscores.
fn is_rule(line: &str) -> bool {
    let line = line.trim();
    line.len() >= 5 && line.len() < 200 && line.chars().all(|c| matches!(c, '-' | '_' | '=' | '*' | '—' | '─' | ' '))
}

/// Marks the signature at the end of the sender's own lines: what a telephone added, and a short tail below `-- `.
fn mark_signature(lines: &[&str], kinds: &mut [Kind]) {
    for at in (0..kinds.len()).rev().filter(|at| kinds[*at] == Kind::Text).take(12).collect::<Vec<_>>() {
        // Only where nothing of the sender's follows: in the middle of a text the same words are text.
        let last = !kinds[at + 1..].contains(&Kind::Text);
        if last && is_sent_from(lines[at]) {
            kinds[at] = Kind::Signature;
        }
    }
    // The end of what the sender wrote: quotes below a signature are a reply's tail.
    let Some(last) = kinds.iter().rposition(|k| *k == Kind::Text) else { return };
    let from = last.saturating_sub(SIGNATURE.0);
    let delimiter = (from..=last).find(|at| kinds[*at] == Kind::Text && is_signature_delimiter(lines[*at]));
    let Some(start) = delimiter else { return };
    let size: usize = lines[start..=last].iter().map(|l| l.len()).sum();
    let only_text = kinds[start..=last].iter().all(|k| matches!(k, Kind::Text | Kind::Blank));
    let text_above = kinds[..start].contains(&Kind::Text);
    if text_above && only_text && size <= SIGNATURE.1 {
        kinds[start..=last].iter_mut().filter(|k| **k == Kind::Text).for_each(|k| *k = Kind::Signature);
    }
}

/// RFC 3676 4.3 `-- `, its common misspellings, and the rule above a mailing list's footer.
fn is_signature_delimiter(line: &str) -> bool {
    matches!(line.trim_end(), "--" | "---" | "—" | "––" | "__")
        || line.trim_end().len() >= 30 && line.trim().bytes().all(|b| b == b'_')
}

/// "Sent from my iPhone" and its like: short, no comma, no full stop.
fn is_sent_from(line: &str) -> bool {
    let lower = line.trim().to_lowercase();
    let short = lower.len() <= 160 && lower.split_whitespace().count() <= 10;
    let plain = !lower.ends_with(['.', '!', '?', '。']) && !lower.contains(", ");
    let device = [
        "iphone",
        "ipad",
        "ipod",
        "android",
        "samsung",
        "galaxy",
        "huawei",
        "xiaomi",
        "blackberry",
        "outlook",
        "yahoo",
        "mobile",
        "phone",
        "proton",
        "windows",
        "mail",
    ];
    // Words as short as Korean "my" need the name of a device beside them.
    let begins = SENT_FROM.iter().find(|start| lower.starts_with(**start));
    let sure = begins.is_some_and(|start| start.starts_with("sent ")) || device.iter().any(|d| lower.contains(d));
    let ends = ["gönderildi", "gesendet", "から送信", "भेजा गया", "보냄", "에서 보냄", "傳送", "küldve", "পাঠানো"]
        .iter()
        .any(|end| lower.ends_with(end));
    short && plain && sure && (begins.is_some() || ends)
}

/// Where the sender answered between or below unannounced quotes, the quotes are what the answers mean: they stay with them.
fn keep_answered_quotes(kinds: &mut [Kind]) {
    let Some(last) = kinds.iter().rposition(|k| *k == Kind::Text) else { return };
    let first_quote = kinds.iter().position(|k| *k == Kind::Quote);
    let Some(first) = first_quote.filter(|first| *first < last) else { return };
    let announced = kinds[..first].contains(&Kind::Attribution);
    let text_above = kinds[..first].contains(&Kind::Text);
    let first_answer = (first..=last).find(|at| kinds[*at] == Kind::Text).unwrap_or(last);
    let quote_again = kinds[first_answer..=last].contains(&Kind::Quote);
    // One announced quote with the whole answer below it: the quote is plainly the old mail.
    if announced && !text_above && !quote_again {
        return;
    }
    kinds[..=last].iter_mut().filter(|k| **k == Kind::Quote).for_each(|k| *k = Kind::Text);
}

fn push(part: &mut String, line: &str) {
    part.push_str(line.trim_end());
    part.push('\n');
}

fn extend(part: &mut String, lines: &[&str]) {
    part.push('\n');
    lines.iter().for_each(|line| push(part, line));
}

/// Without blank lines at both ends; the indent of the first line stays.
fn trim_blank_lines(text: &str) -> &str {
    let text = text.trim_end();
    let start = text.len() - text.trim_start().len();
    let line = text[..start].rfind('\n').map_or(0, |at| at + 1);
    &text[line..]
}

#[cfg(test)]
mod tests;
