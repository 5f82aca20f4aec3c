//! What is wrong with a file an operator wrote: the file, the line, a caret, and what to do.
//! Config, rule files and templates all report through here, so that every complaint reads alike
//! and all of them come at once.

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

/// A file as it was read: its path as the operator knows it, and its text.
#[derive(Clone, Debug)]
pub struct Source {
    /// Shown in front of every problem.
    pub path: PathBuf,
    /// The whole text, UTF-8.
    pub text: String,
}

impl Source {
    /// A source from a path and a text already read.
    pub fn new(path: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        Source { path: path.into(), text: text.into() }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file it is in.
    pub path: PathBuf,
    /// Line and column, both from 1, when the problem has a place.
    pub place: Option<(usize, usize)>,
    /// One sentence: what is wrong.
    pub message: String,
    /// The whole complaint as text: message, line, caret, help.
    rendered: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rendered)
    }
}

/// All problems found so far. Collecting needs only `&self`, so that readers of tables can share it.
#[derive(Debug, Default)]
pub struct Problems {
    found: RefCell<Vec<Problem>>,
    warnings: RefCell<Vec<String>>,
}

impl Problems {
    /// Notes a problem at `span` (byte offsets into `source.text`), with an optional sentence that says what to do.
    pub fn at(&self, source: &Source, span: Range<usize>, message: impl Into<String>, help: Option<String>) {
        let message = message.into();
        let span = clamp(&source.text, span);
        let rendered = render(Level::ERROR, source, span.clone(), &message, help.as_deref());
        let place = Some(place(&source.text, span.start));
        self.push(Problem { path: source.path.clone(), place, message, rendered });
    }

    /// Notes something that is allowed but that an operator should look at again; it refuses nothing.
    pub fn warn(&self, source: &Source, span: Range<usize>, message: impl Into<String>, help: Option<String>) {
        let span = clamp(&source.text, span);
        let rendered = render(Level::WARNING, source, span, &message.into(), help.as_deref());
        self.warnings.borrow_mut().push(rendered);
    }

    /// All warnings noted so far, each rendered with its line, in the order they were noted.
    pub fn warnings(&self) -> Vec<String> {
        self.warnings.borrow().clone()
    }

    /// Notes a problem that has a file but no place in it (it cannot be read, a file is missing).
    pub fn whole(&self, path: &Path, message: impl Into<String>) {
        let message = message.into();
        let rendered = format!("error: {}\n  --> {}", message, path.display());
        self.push(Problem { path: path.to_path_buf(), place: None, message, rendered });
    }

    fn push(&self, problem: Problem) {
        self.found.borrow_mut().push(problem);
    }

    /// True while nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.found.borrow().is_empty()
    }

    /// How many problems there are.
    pub fn len(&self) -> usize {
        self.found.borrow().len()
    }

    /// `Ok(value)` when nothing is wrong, else everything that is, in order of file and line.
    pub fn into_result<T>(self, value: impl FnOnce() -> T) -> Result<T, Faults> {
        if self.is_empty() { Ok(value()) } else { Err(self.into_faults()) }
    }

    /// Everything that is wrong, in order of file and line; for when it is known that something is.
    pub fn into_faults(self) -> Faults {
        let mut all = self.found.into_inner();
        all.sort_by(|a, b| (&a.path, a.place).cmp(&(&b.path, b.place)));
        all.dedup();
        Faults(all)
    }
}

/// Everything that is wrong, ready to be shown: never empty.
#[derive(Clone, Debug, thiserror::Error)]
pub struct Faults(pub Vec<Problem>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.0 {
            writeln!(f, "{problem}\n")?;
        }
        match self.0.len() {
            1 => write!(f, "1 problem found; nothing was changed"),
            n => write!(f, "{n} problems found; nothing was changed"),
        }
    }
}

fn render(level: Level<'_>, source: &Source, span: Range<usize>, message: &str, help: Option<&str>) -> String {
    let path = source.path.display().to_string();
    let text = without_secrets(&source.text);
    let snippet = Snippet::source(text.as_str()).path(path).annotation(AnnotationKind::Primary.span(span));
    let mut group = level.primary_title(message).element(snippet);
    if let Some(help) = help {
        group = group.element(Level::HELP.message(help));
    }
    Renderer::plain().render(&[group]).to_string()
}

/// The text as it may be shown: somebody who writes a password into a config has to hear of it, and the complaint goes to
/// logs. Whatever is quoted after `password =`, `token =`, `secret =` becomes stars, byte for byte, so that places stay.
fn without_secrets(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for word in ["password", "token", "secret"] {
        for (at, _) in text.match_indices(word) {
            let rest = &text[at + word.len()..];
            let value = rest
                .trim_start_matches([' ', '\t', '"', '\''])
                .strip_prefix('=')
                .map(|value| value.trim_start_matches([' ', '\t']));
            let Some(value) = value.filter(|value| value.starts_with(['"', '\''])) else { continue };
            let start = text.len() - value.len() + 1;
            let quote = value.as_bytes()[0];
            let end = bytes[start..].iter().position(|b| *b == quote || *b == b'\n').map_or(bytes.len(), |n| start + n);
            bytes[start..end].fill(b'*');
        }
    }
    String::from_utf8(bytes).unwrap_or_default()
}

/// The candidate nearest to `word`, if one is near enough to be a slip of the hand.
pub fn did_you_mean<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let length = word.chars().count();
    // Nobody slips in a word that long, and the comparison takes its square.
    if length > 64 {
        return None;
    }
    let far = 1 + length / 3;
    let lower = word.to_lowercase();
    let candidates: Vec<&str> = candidates.into_iter().collect();
    // A word cut short is no slip of the hand, but as easy to see through.
    let longer: Vec<&&str> = candidates.iter().filter(|c| length >= 4 && c.to_lowercase().starts_with(&lower)).collect();
    if let [only] = longer[..] {
        return Some(only);
    }
    candidates
        .into_iter()
        .map(|c| (distance(&lower, &c.to_lowercase()), c))
        .filter(|(d, c)| *d <= far && *d < c.chars().count())
        .min_by_key(|(d, _)| *d)
        .map(|(_, c)| c)
}

/// Edits (insert, delete, replace, swap neighbours) between two words: optimal string alignment.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let same = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(rows[i - 1][j - 1] + same);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

/// A span that lies within the text, on character boundaries, and is not empty where the text has a character for it.
fn clamp(text: &str, span: Range<usize>) -> Range<usize> {
    let mut start = span.start.min(text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    let mut end = span.end.clamp(start, text.len());
    if end == start {
        end = text[start..].chars().next().filter(|c| *c != '\n').map_or(start, |c| start + c.len_utf8());
    }
    while !text.is_char_boundary(end) {
        end += 1;
    }
    start..end
}

fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = &text[..offset];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    (line, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_shows_the_line_and_a_caret() {
        let source = Source::new("triaged.toml", "[store]\npaht = \"x\"\n");
        let problems = Problems::default();
        problems.at(&source, 8..12, "unknown key `paht`", Some("did you mean `path`?".into()));
        let text = problems.into_result(|| ()).unwrap_err().to_string();
        for part in ["unknown key `paht`", "triaged.toml:2:1", "paht = \"x\"", "^^^^", "did you mean `path`?"] {
            assert!(text.contains(part), "{part} is missing in:\n{text}");
        }
    }

    #[test]
    fn a_complaint_never_shows_a_secret() {
        let text = "imap = { password = \"hünter2\", port = 1 }\ntoken='abc'\npassword = \"unclosed\n\"secret\" = \"s3\"\npassword_file = \"ok\"\n";
        let shown = without_secrets(text);
        assert_eq!(shown.len(), text.len());
        for secret in ["nter2", "abc", "unclosed", "s3"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        assert!(shown.contains("port = 1") && shown.contains("\"ok\""), "{shown}");
    }

    #[test]
    fn did_you_mean_finds_slips_and_keeps_quiet_about_strangers() {
        assert_eq!(did_you_mean("thresold", ["threshold", "sealed"]), Some("threshold"));
        assert_eq!(did_you_mean("paht", ["path", "port"]), Some("path"));
        assert_eq!(did_you_mean("disinfo", ["disinformation", "general"]), Some("disinformation"));
        assert_eq!(did_you_mean("banana", ["threshold", "sealed"]), None);
    }

    #[test]
    fn a_span_beyond_the_text_is_no_panic() {
        let problems = Problems::default();
        problems.at(&Source::new("x", "ä"), 1..99, "broken", None);
        problems.at(&Source::new("x", ""), 0..0, "empty", None);
        assert_eq!(problems.len(), 2);
    }
}
