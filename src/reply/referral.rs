//! Referrals: what an acknowledgement says when a matter belongs elsewhere. One file a language, a sentence a topic; under
//! it stands the link or address that the operator configured. Nothing of the mail can get in: there is nothing to fill.

use std::collections::BTreeMap;

use crate::config::Referral;
use crate::problem::{Problems, Source};
use crate::table::{self, Table};

/// Most referrals in one answer: who is sent to four places is sent nowhere.
const MOST: usize = 3;
/// Longest line of a text, characters.
const WIDTH: usize = 78;

/// All texts, checked, by language and topic.
#[derive(Debug, Default)]
pub struct Referrals(BTreeMap<(String, String), String>);

impl Referrals {
    /// Checks all files; a file's name is its language: `en.toml`. Everything wrong in every file is noted.
    pub fn compile(files: &[Source], problems: &Problems) -> Referrals {
        let mut texts = BTreeMap::new();
        for file in files {
            let stem = file.path.file_stem().unwrap_or_default().to_string_lossy();
            if stem.len() != 2 || !stem.bytes().all(|b| b.is_ascii_lowercase()) {
                problems.whole(&file.path, "the name of a file of referrals is LANGUAGE.toml, such as en.toml");
                continue;
            }
            let mut take = |topic: String, text: String| texts.insert((stem.to_string(), topic), text);
            table::read(file, problems, |root| read(root, &mut take));
        }
        Referrals(texts)
    }

    /// True if there is a text for this topic in English: then every language has one.
    pub fn has(&self, topic: &str) -> bool {
        self.find("en", topic).is_some()
    }

    /// The paragraphs for these places, in their order, in a language (or in English where it has no text); `None` if there is
    /// nothing to say.
    pub fn paragraphs(&self, language: &str, places: &[&Referral]) -> Option<String> {
        let one = |referral: &&Referral| {
            let text = self.find(language, &referral.topic).or_else(|| self.find("en", &referral.topic))?;
            Some(format!("{text}\n{}", referral.place))
        };
        let all: Vec<String> = places.iter().filter_map(one).take(MOST).collect();
        (!all.is_empty()).then(|| all.join("\n\n"))
    }

    fn find(&self, language: &str, topic: &str) -> Option<&String> {
        self.0.get(&(language.to_owned(), topic.to_owned()))
    }
}

/// Every topic of one file.
fn read(root: &Table<'_>, take: &mut dyn FnMut(String, String) -> Option<String>) {
    for name in root.names() {
        let Some(word) = root.named_text(&name.value) else { continue };
        let text = word.value.trim();
        if text.is_empty() {
            root.problem(word.span, format!("the text for `{}` is empty", name.value), None);
        } else if text.contains("{{") || text.contains("{%") {
            let help = "the link or address of [referrals] is put under it".to_owned();
            root.problem(word.span, "a referral has no placeholder", Some(help));
        } else if text.lines().any(|line| line.chars().count() > WIDTH) {
            root.problem(word.span, format!("a line is longer than {WIDTH} characters"), Some("break it".to_owned()));
        } else {
            take(name.value, text.to_owned());
        }
    }
}
