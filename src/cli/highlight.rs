//! The matched words in the mail's own text: bold on a terminal, between marks elsewhere, so that a person sees at a glance what
//! a rule saw. Text of strangers comes out harmless ([`show::plain`]).

use std::io::IsTerminal;

use super::show;

/// Words shown before and after a match.
const CONTEXT: usize = 60;

/// What a place in the text did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// A rule matched it.
    Hit,
    /// It stopped a rule.
    Veto,
}

/// A marked place: bytes of the field's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
    /// What it did.
    pub mark: Mark,
}

/// How marks are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Colours of a terminal.
    Terminal,
    /// »hit« and ›veto‹, for pipes, files and terminals whose owner set NO_COLOR.
    Plain,
}

impl Style {
    /// What standard output wants.
    pub fn of_output() -> Style {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        if std::io::stdout().is_terminal() && !no_color { Style::Terminal } else { Style::Plain }
    }

    fn paint(self, mark: Mark, words: &str) -> String {
        match (self, mark) {
            (Style::Terminal, Mark::Hit) => format!("\u{1b}[1;30;43m{words}\u{1b}[0m"),
            (Style::Terminal, Mark::Veto) => format!("\u{1b}[4;36m{words}\u{1b}[0m"),
            (Style::Plain, Mark::Hit) => format!("»{words}«"),
            (Style::Plain, Mark::Veto) => format!("›{words}‹"),
        }
    }
}

/// The text with its places marked: all of it, or with `excerpts` only the surroundings of each place, parted by `…`.
/// Places that touch or overlap are shown as one; a hit wins over a veto.
pub fn marked(text: &str, spans: &[Span], style: Style, excerpts: bool) -> String {
    let mut out = String::new();
    let mut at = 0;
    for span in joined(text, spans) {
        out.push_str(&between(&text[at..span.start], at > 0, excerpts));
        out.push_str(&style.paint(span.mark, &lines(&text[span.start..span.end])));
        at = span.end;
    }
    let rest = &text[at..];
    out.push_str(&if excerpts { after(rest) } else { lines(rest) });
    out
}

/// Spans in order, within the text, none touching the next.
fn joined(text: &str, spans: &[Span]) -> Vec<Span> {
    let whole = |span: &&Span| span.start < span.end && text.get(span.start..span.end).is_some();
    let mut sorted: Vec<Span> = spans.iter().filter(whole).copied().collect();
    sorted.sort_unstable();
    let mut out: Vec<Span> = Vec::new();
    for span in sorted {
        match out.last_mut() {
            Some(last) if span.start <= last.end => {
                last.end = last.end.max(span.end);
                last.mark = last.mark.min(span.mark);
            }
            _ => out.push(span),
        }
    }
    out
}

/// What stands between two places, or before the first (`inner` false).
fn between(text: &str, inner: bool, excerpts: bool) -> String {
    if !excerpts || text.chars().count() <= CONTEXT * 2 {
        return lines(text);
    }
    let head = if inner { after(text) } else { "… ".to_owned() };
    let tail: Vec<char> = text.chars().rev().take(CONTEXT).collect();
    let tail: String = tail.into_iter().rev().collect();
    let tail = tail.split_once(char::is_whitespace).map_or(tail.as_str(), |(_, words)| words);
    format!("{head}{}", lines(tail))
}

/// The words after a place, cut at a word's end.
fn after(text: &str) -> String {
    let Some((cut, _)) = text.char_indices().nth(CONTEXT) else { return lines(text) };
    let head = &text[..cut];
    let head = head.rsplit_once(char::is_whitespace).map_or(head, |(words, _)| words);
    format!("{} … ", lines(head))
}

/// Harmless for a terminal, line by line.
fn lines(text: &str) -> String {
    text.split('\n').map(show::plain).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(text: &str, words: &str, mark: Mark) -> Span {
        let start = text.find(words).unwrap();
        Span { start, end: start + words.len(), mark }
    }

    #[test]
    fn hits_and_vetoes_are_marked_in_the_mails_own_words() {
        let text = "I will kill\nthe process 杀了";
        let spans = [span(text, "will kill", Mark::Hit), span(text, "process", Mark::Veto), span(text, "杀了", Mark::Hit)];
        assert_eq!(marked(text, &spans, Style::Plain, false), "I »will kill«\nthe ›process‹ »杀了«");
        let colours = marked(text, &spans, Style::Terminal, false);
        assert!(colours.contains("\u{1b}[1;30;43mwill kill\u{1b}[0m") && colours.contains("\u{1b}[4;36mprocess\u{1b}[0m"));
    }

    #[test]
    fn places_that_overlap_are_one_and_a_hit_wins() {
        let text = "kill you all";
        let spans =
            [span(text, "kill you", Mark::Veto), span(text, "you all", Mark::Hit), Span { start: 90, end: 99, mark: Mark::Hit }];
        assert_eq!(marked(text, &spans, Style::Plain, false), "»kill you all«");
    }

    #[test]
    fn an_excerpt_keeps_the_surroundings_only() {
        let text = format!("{} I will kill you {}", "before ".repeat(40), "after ".repeat(40));
        let shown = marked(&text, &[span(&text, "kill you", Mark::Hit)], Style::Plain, true);
        assert!(
            shown.starts_with("… before") && shown.contains("I will »kill you« after") && shown.ends_with("after … "),
            "{shown}"
        );
        assert!(shown.chars().count() < 150, "{shown}");
    }

    #[test]
    fn a_strangers_escape_sequences_do_not_reach_the_terminal() {
        let text = "kill \u{1b}[2J you";
        let shown = marked(text, &[span(text, "kill", Mark::Hit)], Style::Plain, false);
        assert_eq!(shown, "»kill«  [2J you");
    }
}
