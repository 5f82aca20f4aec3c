//! Content lines (RFC 5545 section 3.1): unfolded, and taken apart into name, parameters and value.

use std::ops::Range;

/// One content line.
#[derive(Clone)]
pub(super) struct Line {
    /// In capitals.
    pub name: String,
    /// Names in capitals, values without their quotes.
    pub params: Vec<(String, String)>,
    /// What stands behind the colon, escapes and all.
    pub value: String,
    /// Where its first physical line stands, without the line end.
    pub span: Range<usize>,
}

impl Line {
    /// The value of a parameter.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The value as text: escapes undone (section 3.3.11).
    pub fn text(&self) -> String {
        let (mut out, mut chars) = (String::new(), self.value.chars());
        while let Some(c) = chars.next() {
            match (c, c == '\\') {
                (_, true) => match chars.next() {
                    Some('n' | 'N') => out.push('\n'),
                    Some(other) => out.push(other),
                    None => {}
                },
                (c, false) => out.push(c),
            }
        }
        out
    }
}

/// The content lines of a text. What has no colon is none, and is left out.
pub(super) fn lines(text: &str) -> impl Iterator<Item = Line> {
    let mut rest = physical(text).peekable();
    std::iter::from_fn(move || {
        let (span, first) = rest.next()?;
        let mut whole = first.to_owned();
        while let Some((_, more)) = rest.next_if(|(_, line)| line.starts_with([' ', '\t'])) {
            whole.push_str(&more[1..]);
        }
        Some((span, whole))
    })
    .filter_map(|(span, whole)| take_apart(&whole, span))
}

/// Lines as they stand in the file, with their place; empty ones are left out.
fn physical(text: &str) -> impl Iterator<Item = (Range<usize>, &str)> {
    let mut at = 0;
    let lines = text.split_inclusive('\n').map(move |line| {
        let start = at;
        at += line.len();
        let bare = line.trim_end_matches(['\r', '\n']);
        (start..start + bare.len(), bare)
    });
    lines.filter(|(_, line)| !line.is_empty())
}

/// `NAME;PARAM=value;PARAM="quoted: value":value`
fn take_apart(line: &str, span: Range<usize>) -> Option<Line> {
    let end = line.find([';', ':'])?;
    let (name, mut rest) = (line[..end].trim().to_uppercase(), &line[end..]);
    let mut params = Vec::new();
    while let Some(param) = rest.strip_prefix(';') {
        let end = unquoted(param)?;
        let (key, value) = param[..end].split_once('=').unwrap_or((&param[..end], ""));
        params.push((key.to_uppercase(), value.replace('"', "")));
        rest = &param[end..];
    }
    Some(Line { name, params, value: rest.strip_prefix(':')?.to_owned(), span })
}

/// Where the parameter ends: at the next `;` or `:` outside of quotes.
fn unquoted(param: &str) -> Option<usize> {
    let mut quoted = false;
    param.bytes().position(|b| {
        quoted ^= b == b'"';
        !quoted && (b == b';' || b == b':')
    })
}
