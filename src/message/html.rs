//! HTML to the text a person sees, over html5gum's tokenizer: no tree is built, so hostile nesting costs nothing.
//!
//! What the reader of the mail does not see (hidden elements, the title) is kept apart, not thrown away: it is judged as if it
//! were an attachment (law 2), but never shown as the sender's words. White text on white counts as seen: telling it apart
//! would need style sheets, and reading it is the safe side.

use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};
use html5gum::{Span, State, Tokenizer};

/// How many links are kept, and how long each may be, bytes.
const MAX_LINKS: usize = 100;
const MAX_LINK: usize = 2048;
/// Deeper quotes get no more `>` marks: a thousand nested blockquotes must not make a thousand marks on each line.
const MAX_QUOTE: usize = 8;

/// An HTML text, read.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// What a person sees; lines of blockquotes begin with `> `.
    pub text: String,
    /// Text that is there but not shown.
    pub hidden: String,
    /// Where its links and mail addresses lead, each once, unless the text shows them already.
    pub links: Vec<String>,
}

/// Reads HTML of any quality, in linear time.
pub fn read(html: &str) -> Page {
    let mut reader = Reader::default();
    let emitter = CallbackEmitter::new(|event: CallbackEvent<'_>, _: Span<()>| reader.event(event));
    let mut tokenizer = Tokenizer::new_with_emitter(html, emitter);
    // Script, style and title swallow markup, as in a browser. noscript and iframe do not: mail programs run no scripts and
    // open no frames, but show what is there instead.
    while let Some(Ok(state)) = tokenizer.next() {
        tokenizer.set_state(state);
    }
    drop(tokenizer);
    reader.page()
}

/// The text of comments that only Outlook reads, `<!--[if mso]> ... <![endif]-->`: one of its readers sees it, so it is judged. A
/// comment that looks so once more inside of one stays a comment.
fn conditional(comments: &[String]) -> String {
    let mut texts = String::new();
    for html in comments {
        let mut reader = Reader { inside: true, ..Reader::default() };
        let emitter = CallbackEmitter::new(|event: CallbackEvent<'_>, _: Span<()>| reader.event(event));
        let mut tokenizer = Tokenizer::new_with_emitter(html.as_str(), emitter);
        while let Some(Ok(state)) = tokenizer.next() {
            tokenizer.set_state(state);
        }
        drop(tokenizer);
        let page = reader.page();
        for text in [page.text, page.hidden] {
            texts.push_str(&text);
            texts.push('\n');
        }
    }
    texts.trim().to_owned()
}

/// A place where text is gathered with the white space rules of HTML.
#[derive(Default)]
struct Flow {
    out: String,
    /// Line breaks owed before the next word: 1 begins a line, 2 a paragraph.
    breaks: usize,
    blank: bool,
}

impl Flow {
    fn push(&mut self, text: &str, pre: bool, quote: usize) {
        for c in text.chars() {
            match c {
                '\n' if pre => self.line(),
                c if c.is_whitespace() || c == '\0' => self.blank = true,
                c => self.letter(c, quote),
            }
        }
    }

    fn letter(&mut self, c: char, quote: usize) {
        let begins = self.out.is_empty() || self.breaks > 0 || self.out.ends_with('\n');
        if self.breaks > 0 && !self.out.is_empty() {
            let have = self.out.bytes().rev().take(2).take_while(|b| *b == b'\n').count();
            self.out.extend(std::iter::repeat_n('\n', self.breaks.saturating_sub(have)));
        }
        if begins {
            self.out.extend(std::iter::repeat_n("> ", quote.min(MAX_QUOTE)));
        } else if self.blank {
            self.out.push(' ');
        }
        (self.breaks, self.blank) = (0, false);
        self.out.push(c);
    }

    /// A forced line break. More than two in a row say nothing more.
    fn line(&mut self) {
        self.breaks = (self.breaks + 1).min(2);
        self.blank = false;
    }

    /// At least so many breaks before what follows.
    fn block(&mut self, breaks: usize) {
        self.breaks = self.breaks.max(breaks);
        self.blank = false;
    }
}

#[derive(Default)]
struct Reader {
    shown: Flow,
    hidden: Flow,
    links: Vec<String>,
    tag: Vec<u8>,
    attribute: Vec<u8>,
    /// Attributes of the tag being read that matter here.
    link: String,
    alt: String,
    conceals: bool,
    /// Inside script, style and other text that is no text.
    skipping: Vec<u8>,
    /// Name of the hidden element we are in, and how many of that name are open in it.
    concealed: Option<(Vec<u8>, usize)>,
    pre: usize,
    quote: usize,
    /// Contents of conditional comments, and whether we read one of them.
    comments: Vec<String>,
    inside: bool,
}

impl Reader {
    /// Takes one event; after some tags the tokenizer must go on in another state.
    fn event(&mut self, event: CallbackEvent<'_>) -> Option<State> {
        match event {
            CallbackEvent::OpenStartTag { name } => self.open(name),
            CallbackEvent::AttributeName { name } => {
                self.attribute.clear();
                self.attribute.extend(name);
                self.conceals |= name == b"hidden";
            }
            CallbackEvent::AttributeValue { value } => self.value(value),
            CallbackEvent::CloseStartTag { .. } => return self.start(),
            CallbackEvent::EndTag { name } => self.end(name),
            CallbackEvent::Comment { value } if !self.inside && value.trim_ascii_start().starts_with(b"[if") => {
                let content = value.iter().position(|b| *b == b'>').map_or(value, |at| &value[at + 1..]);
                self.comments.push(String::from_utf8_lossy(content).into_owned());
            }
            CallbackEvent::String { value } if self.skipping.is_empty() => self.text(&String::from_utf8_lossy(value)),
            _ => {}
        }
        None
    }

    fn open(&mut self, name: &[u8]) {
        self.tag.clear();
        self.tag.extend(name);
        self.link.clear();
        self.alt.clear();
        self.conceals = name == b"title";
    }

    fn value(&mut self, value: &[u8]) {
        match self.attribute.as_slice() {
            b"href" if self.tag == b"a" || self.tag == b"area" => {
                self.link = String::from_utf8_lossy(&value[..value.len().min(MAX_LINK)]).trim().to_owned();
            }
            b"alt" => self.alt = String::from_utf8_lossy(value).into_owned(),
            b"style" => self.conceals |= hides(value),
            _ => {}
        }
    }

    fn start(&mut self) -> Option<State> {
        let tag = std::mem::take(&mut self.tag);
        if let Some((name, depth)) = &mut self.concealed
            && *name == tag
        {
            *depth += 1;
        }
        let void = matches!(tag.as_slice(), b"br" | b"hr" | b"img" | b"input" | b"meta" | b"link" | b"area" | b"col" | b"wbr");
        if self.conceals && self.concealed.is_none() && !void {
            self.concealed = Some((tag.clone(), 1));
            self.flow().block(1);
        }
        match tag.as_slice() {
            b"script" | b"style" => self.skipping = tag.clone(),
            b"br" => self.flow().line(),
            b"pre" => self.pre += 1,
            b"blockquote" => self.quote += 1,
            _ => {}
        }
        self.separate(&tag);
        if !self.alt.trim().is_empty() && !is_image_name(&self.alt) {
            let alt = format!(" {} ", self.alt);
            self.text(&alt);
        }
        self.keep_link();
        match tag.as_slice() {
            b"script" => Some(State::ScriptData),
            b"style" | b"xmp" => Some(State::RawText),
            b"title" | b"textarea" => Some(State::RcData),
            _ => None,
        }
    }

    fn end(&mut self, name: &[u8]) {
        if !self.skipping.is_empty() && self.skipping == name {
            self.skipping.clear();
        }
        self.separate(name);
        match name {
            b"pre" => self.pre = self.pre.saturating_sub(1),
            b"blockquote" => self.quote = self.quote.saturating_sub(1),
            _ => {}
        }
        if let Some((hidden, depth)) = &mut self.concealed
            && hidden == name
        {
            *depth -= 1;
            if *depth == 0 {
                self.concealed = None;
            }
        }
    }

    /// Words of different blocks, cells and items are different words, seen or hidden.
    fn separate(&mut self, tag: &[u8]) {
        for flow in [&mut self.shown, &mut self.hidden] {
            match tag {
                b"p" | b"h1" | b"h2" | b"h3" | b"h4" | b"h5" | b"h6" | b"table" | b"ul" | b"ol" | b"dl" | b"blockquote"
                | b"pre" | b"hr" => flow.block(2),
                b"div" | b"tr" | b"li" | b"dt" | b"dd" | b"section" | b"article" | b"header" | b"footer" | b"main" | b"form"
                | b"center" | b"address" | b"body" | b"fieldset" | b"legend" | b"caption" | b"option" | b"title" | b"figure"
                | b"nav" | b"aside" | b"details" | b"summary" | b"figcaption" | b"noscript" | b"iframe" | b"object" => {
                    flow.block(1)
                }
                b"td" | b"th" | b"button" | b"select" | b"textarea" | b"img" | b"input" => flow.blank = true,
                _ => {}
            }
        }
    }

    fn text(&mut self, text: &str) {
        let (pre, quote) = (self.pre > 0, self.quote);
        self.flow().push(text, pre, quote);
    }

    fn flow(&mut self) -> &mut Flow {
        if self.concealed.is_some() { &mut self.hidden } else { &mut self.shown }
    }

    fn keep_link(&mut self) {
        let link = self.link.strip_prefix("mailto:").unwrap_or(&self.link);
        let leads = !link.is_empty() && !link.starts_with('#') && !link.starts_with("javascript:") && !link.starts_with("cid:");
        if leads && self.links.len() < MAX_LINKS && !self.links.iter().any(|kept| kept == link) {
            self.links.push(link.to_owned());
        }
    }

    fn page(self) -> Page {
        let conditional = if self.comments.is_empty() { String::new() } else { conditional(&self.comments) };
        let mut hidden = self.hidden.out;
        if !hidden.is_empty() && !conditional.is_empty() {
            hidden.push('\n');
        }
        hidden.push_str(&conditional);
        let text = self.shown.out;
        let links = self.links.into_iter().filter(|link| !text.contains(link.as_str())).collect();
        Page { text, hidden, links }
    }
}

/// An alternative text that a machine filled with the file's name says nothing.
fn is_image_name(alt: &str) -> bool {
    let alt = alt.trim().to_ascii_lowercase();
    !alt.contains(char::is_whitespace)
        && [".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".svg"].iter().any(|end| alt.ends_with(end))
}

/// Whether a style attribute takes its element out of sight.
fn hides(style: &[u8]) -> bool {
    let style: String =
        String::from_utf8_lossy(style).chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_lowercase();
    style.split(';').any(|rule| {
        let rule = rule.strip_suffix("!important").unwrap_or(rule);
        matches!(rule, "display:none" | "visibility:hidden" | "mso-hide:all" | "opacity:0" | "max-height:0" | "max-height:0px")
            || rule
                .strip_prefix("font-size:")
                .is_some_and(|size| size.trim_end_matches(|c: char| c.is_alphabetic() || c == '%').parse() == Ok(0.0))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(html: &str) -> String {
        read(html).text
    }

    #[test]
    fn words_of_different_blocks_cells_and_items_stay_apart() {
        assert_eq!(text("<div>foo</div><div>bar</div>"), "foo\nbar");
        assert_eq!(text("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>"), "a b\nc");
        assert_eq!(text("<ul><li>one<li>two</ul>three"), "one\ntwo\n\nthree");
        assert_eq!(text("a<br>b<br><br>c<p>d"), "a\nb\n\nc\n\nd");
    }

    #[test]
    fn inline_markup_does_not_cut_words() {
        assert_eq!(text("k<b>il</b>l <i>me</i>"), "kill me");
    }

    #[test]
    fn entities_and_stray_angle_brackets_are_read() {
        assert_eq!(text("a &lt; b &amp; c &#252; &nbsp; d"), "a < b & c ü d");
        assert_eq!(text("a < b and c > d"), "a < b and c > d");
        assert_eq!(text("<a title='x > y'>z</a>"), "z");
    }

    #[test]
    fn script_and_style_are_no_text() {
        assert_eq!(text("<style>p{}</style>a<script>if (a<b) {'</div>'}</script>b"), "ab");
    }

    #[test]
    fn what_stands_in_for_scripts_and_frames_is_seen() {
        assert_eq!(
            text("<noscript><p>a <b>b</b></noscript><iframe>c</iframe><style/>p{}</style>d<textarea><b>e</textarea>"),
            "a b\nc\nd <b>e"
        );
    }

    #[test]
    fn hidden_text_is_kept_apart_and_not_lost() {
        let page = read(
            "<p>seen<div style='DISPLAY : none'>gone <div>deep</div></div><span style='font-size:0px'>tiny</span><b hidden>x</b>end",
        );
        assert_eq!((page.text.as_str(), page.hidden.as_str()), ("seen\nend", "gone\ndeep\ntiny\nx"));
        assert_eq!(text("<p style='font-size:10px;max-height:100px'>seen"), "seen");
    }

    #[test]
    fn what_only_outlook_shows_is_judged() {
        let page = read(
            "a<!--[if mso]><style>p{}</style><p>He is <b>arm</b>ed.</p><![endif]--><!-- a note -->b<!--[if mso]>x<!--[if y-->",
        );
        assert_eq!((page.text.as_str(), page.hidden.as_str()), ("ab", "He is armed.\n\nx"));
    }

    #[test]
    fn alt_texts_and_links_are_kept_once() {
        let page = read(
            "<a href='https://example.org/x'>here</a> <img alt='a cat'><img alt='2aa3.png'> <a href='https://example.org/x'>again</a><a href='mailto:a@example.org'>a@example.org</a><a href='#top'>up</a>",
        );
        assert_eq!(page.text, "here a cat againa@example.orgup");
        assert_eq!(page.links, ["https://example.org/x"]);
    }

    #[test]
    fn quotes_are_marked_as_in_plain_text() {
        assert_eq!(
            text("new<blockquote>old<br>older<blockquote>oldest</blockquote></blockquote>end"),
            "new\n\n> old\n> older\n\n> > oldest\n\nend"
        );
    }

    #[test]
    fn preformatted_lines_stay_lines() {
        assert_eq!(text("<pre>a\nb</pre>"), "a\nb");
    }

    #[test]
    fn a_hundred_thousand_nested_divs_are_read_at_once() {
        let html = format!("{}deep{}", "<div>".repeat(100_000), "</div>".repeat(100_000));
        let start = std::time::Instant::now();
        assert_eq!(text(&html), "deep");
        assert!(start.elapsed().as_secs() < 2, "took {:?}", start.elapsed());
    }
}
