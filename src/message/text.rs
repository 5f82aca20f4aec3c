//! Hygiene of text that strangers wrote: every field of a report goes through here, so that nothing above
//! ever meets a carriage return, a NUL, a terminal escape or a path in a file name.

/// Longest text of one field, bytes. Longer ones keep their beginning and their end.
pub const FIELD_CAP: usize = 512 * 1024;
/// What stands where the middle of a long text was taken out.
const GAP: &str = "\n[...]\n";

/// Text with `\n` line ends and no control characters but `\n` and `\t`. NUL bytes are taken out (UTF-16 read as ASCII
/// has one after each letter, and words must stay words), other controls become blanks. The flag says whether NULs were met.
pub fn plain(text: &str) -> (String, bool) {
    if !text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return (text.to_owned(), false);
    }
    let (mut out, mut nul) = (String::with_capacity(text.len()), false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' if chars.peek() == Some(&'\n') => {}
            '\r' => out.push('\n'),
            '\0' => nul = true,
            '\n' | '\t' => out.push(c),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    (out, nul)
}

/// One trimmed line: every control character and line separator a blank (RFC 2047 words can smuggle CR, LF and NUL).
pub fn one_line(text: &str) -> String {
    let blank = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    // Most headers are ASCII without controls: one look at their bytes is enough.
    if text.bytes().any(|b| !(0x20..0x7f).contains(&b)) {
        text.chars().map(|c| if blank(c) { ' ' } else { c }).collect::<String>().trim().to_owned()
    } else {
        text.trim().to_owned()
    }
}

/// Head and tail of a text longer than `cap` bytes, and whether it was cut.
pub fn capped(text: String, cap: usize) -> (String, bool) {
    if text.len() <= cap {
        return (text, false);
    }
    let half = cap.saturating_sub(GAP.len()) / 2;
    let head = text.floor_char_boundary(half);
    let tail = text.ceil_char_boundary(text.len() - half);
    (format!("{}{GAP}{}", &text[..head], &text[tail..]), true)
}

/// The first `cap` bytes of a text at most, and whether it was cut.
pub fn head(mut text: String, cap: usize) -> (String, bool) {
    let cut = text.len() > cap;
    if cut {
        text.truncate(text.floor_char_boundary(cap));
    }
    (text, cut)
}

/// Appends a paragraph of its own; lets the whole grow to no more than twice the cap before it is cut to head and tail.
/// Returns whether it was cut.
pub fn append(to: &mut String, text: &str) -> bool {
    let text = text.trim_matches('\n');
    if text.trim().is_empty() {
        return false;
    }
    if !to.is_empty() {
        to.push_str("\n\n");
    }
    to.push_str(text);
    if to.len() <= 2 * FIELD_CAP {
        return false;
    }
    let (short, cut) = capped(std::mem::take(to), FIELD_CAP);
    *to = short;
    cut
}

/// Text of format=flowed with DelSp=yes, its soft breaks undone (RFC 3676 4.2): a word cut by one is a word again. Only lines of
/// the same quote depth are joined.
pub fn flowed(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut open: Option<usize> = None;
    for line in text.lines() {
        let words = line.trim_start_matches('>');
        let depth = line.len() - words.len();
        let words = words.strip_prefix(' ').unwrap_or(words);
        if open != Some(depth) {
            if open.is_some() {
                out.push('\n');
            }
            out.push_str(&line[..depth]);
            if depth > 0 {
                out.push(' ');
            }
        }
        let soft = words.ends_with(' ') && words != "-- ";
        out.push_str(if soft { &words[..words.len() - 1] } else { words });
        open = soft.then_some(depth);
        if !soft {
            out.push('\n');
        }
    }
    out
}

/// The text of a calendar or visiting card with folded lines joined and its `\n` and `\,` escapes read (RFC 5545 3.1, 3.3.11).
pub fn unfolded(text: &str) -> String {
    let joined = text.replace("\r\n", "\n").replace("\n ", "").replace("\n\t", "");
    joined.replace("\\n", "\n").replace("\\N", "\n").replace("\\,", ",").replace("\\;", ";")
}

/// A file name that is only a name: last component of a path, without control and direction characters
/// (which make `exe.txt` of `txt.exe`), 255 characters at most. `None` when nothing is left.
pub fn file_name(name: &str) -> Option<String> {
    let last = name.rsplit(['/', '\\']).find(|part| !part.trim().is_empty())?;
    let kept: String = last.chars().filter(|c| !c.is_control() && !is_format(*c)).take(255).collect();
    let kept = kept.trim();
    (!kept.is_empty() && kept != "." && kept != "..").then(|| kept.to_owned())
}

/// Direction marks and other invisible characters that change how a name reads.
fn is_format(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_become_newlines_and_controls_blanks() {
        assert_eq!(plain("a\r\nb\rc\u{1b}[0m\td").0, "a\nb\nc [0m\td");
    }

    #[test]
    fn nul_bytes_are_taken_out_and_told() {
        assert_eq!(plain("k\0i\0l\0l\0"), ("kill".into(), true));
        assert_eq!(plain("kill"), ("kill".into(), false));
    }

    #[test]
    fn a_smuggled_header_line_becomes_a_blank() {
        assert_eq!(one_line("Evil\r\nBcc: x\u{85}y"), "Evil  Bcc: x y");
    }

    #[test]
    fn a_long_text_keeps_head_and_tail() {
        let (text, cut) = capped(format!("HEAD{}TAIL", "ä".repeat(5000)), 1000);
        assert!(cut && text.len() <= 1000 && text.starts_with("HEAD") && text.ends_with("TAIL"));
    }

    #[test]
    fn a_word_cut_by_a_soft_break_is_a_word_again() {
        assert_eq!(flowed("He is ar \nmed and  \nnear\n> ol \n> der\n-- \nme\n"), "He is armed and near\n> older\n-- \nme\n");
        assert_eq!(flowed("a \n> b"), "a\n> b\n");
    }

    #[test]
    fn a_file_name_loses_path_controls_and_direction_marks() {
        assert_eq!(file_name("../../etc/passwd").as_deref(), Some("passwd"));
        assert_eq!(file_name("C:\\temp\\a\r\nb.txt").as_deref(), Some("ab.txt"));
        assert_eq!(file_name("invoice\u{202e}txt.exe").as_deref(), Some("invoicetxt.exe"));
        assert_eq!(file_name("../..").as_deref(), None);
        assert_eq!(file_name(" \0 "), None);
    }
}
