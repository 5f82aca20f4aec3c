//! Placeholder with the signature of the `guard` branch, which writes this file.

/// A text split into what is new, what is older thread, what is forwarded inline.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Split {
    /// What this sender wrote.
    pub new: String,
    /// Older thread text.
    pub quoted: String,
    /// Inline forwards.
    pub forwarded: String,
}

/// Lines beginning with `>` are the quote.
pub fn split(text: &str) -> Split {
    let (quoted, new): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.starts_with('>'));
    Split { new: new.join("\n"), quoted: quoted.join("\n"), forwarded: String::new() }
}
