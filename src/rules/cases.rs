//! Labelled cases that rules are tested and measured on: sentences (`*.jsonl`), mails with an `expected.toml` beside them,
//! and the examples inside rule files, each with the place where it stands. Reads text only; files are the caller's.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use super::file;
use crate::problem::{Problems, Source};

/// Something whose right answer a person wrote down.
#[derive(Clone, Debug)]
pub struct Case {
    /// `FILE:LINE`
    pub place: String,
    /// What is judged.
    pub what: What,
    /// The label: a queue's name, or whatever the data calls it.
    pub label: String,
    /// The language as labelled, or "" if nobody said.
    pub language: String,
    /// The language the mail must be recognised as, where the label says so; the inner `None` is "unknown".
    pub recognised: Option<Option<String>>,
    /// Topics that must be found. `None`: nobody said.
    pub topics: Option<Vec<String>>,
    /// Judge it as mail to this account.
    pub account: Option<String>,
    /// Everything else the data says of it, for grouping.
    pub more: BTreeMap<String, String>,
}

/// What is judged in a [`Case`].
#[derive(Clone, Debug)]
pub enum What {
    /// A text, to be read as the body of a mail.
    Text {
        /// The subject, or "".
        subject: String,
        /// The body.
        text: String,
    },
    /// A mail file.
    Mail {
        /// Where it lies.
        path: PathBuf,
        /// It lay in the junk folder.
        junk: bool,
    },
}

/// One line of a JSONL file.
#[derive(Deserialize)]
struct Line {
    text: String,
    label: String,
    #[serde(default)]
    lang: Option<String>,
    #[serde(default)]
    subject: Option<String>,
    #[serde(default)]
    topics: Option<Vec<String>>,
    #[serde(default)]
    account: Option<String>,
    #[serde(flatten)]
    more: BTreeMap<String, serde_json::Value>,
}

/// Sentences, one JSON object a line: `{"text", "label"}`, and where known `lang`, `subject`, `topics`, `account`; other keys
/// are kept for grouping. Empty lines and lines that begin with `//` are passed over.
pub fn sentences(source: &Source, problems: &Problems) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut start = 0;
    for (number, text) in source.text.split('\n').enumerate() {
        let span = start..start + text.len();
        start = span.end + 1;
        if text.trim().is_empty() || text.starts_with("//") {
            continue;
        }
        match serde_json::from_str::<Line>(text) {
            Ok(line) => cases.push(sentence(format!("{}:{}", source.path.display(), number + 1), line)),
            Err(error) => {
                let help = "a line is {\"text\": \"...\", \"label\": \"general\", \"lang\": \"en\"}".to_owned();
                problems.at(source, span, format!("this line cannot be read: {error}"), Some(help));
            }
        }
    }
    cases
}

fn sentence(place: String, line: Line) -> Case {
    let said = |value: serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    Case {
        place,
        what: What::Text { subject: line.subject.unwrap_or_default(), text: line.text },
        label: line.label,
        language: line.lang.unwrap_or_default(),
        recognised: None,
        topics: line.topics,
        account: line.account,
        more: line.more.into_iter().map(|(key, value)| (key, said(value))).collect(),
    }
}

/// `expected.toml`: keys that tests of other things need may stand there too.
#[derive(Deserialize)]
struct Expected {
    #[serde(default)]
    mail: Vec<Mail>,
}

#[derive(Deserialize)]
struct Mail {
    file: Spanned<String>,
    queue: String,
    account: Option<String>,
    topics: Option<Vec<String>>,
    language: Option<String>,
    #[serde(default)]
    junk: bool,
}

/// The mails that an `expected.toml` names; they lie beside it.
pub fn mails(source: &Source, problems: &Problems) -> Vec<Case> {
    let expected: Expected = match toml::from_str(&source.text) {
        Ok(expected) => expected,
        Err(error) => {
            problems.at(source, error.span().unwrap_or(0..0), error.message().trim_end(), None);
            return Vec::new();
        }
    };
    let folder = source.path.parent().map(PathBuf::from).unwrap_or_default();
    let case = |mail: Mail| Case {
        place: format!("{}:{}", source.path.display(), line_of(&source.text, mail.file.span().start)),
        what: What::Mail { path: folder.join(mail.file.get_ref()), junk: mail.junk },
        label: mail.queue,
        language: mail.language.clone().unwrap_or_default(),
        recognised: mail.language.map(|language| Some(language).filter(|language| !language.is_empty())),
        topics: mail.topics,
        account: mail.account,
        more: BTreeMap::new(),
    };
    expected.mail.into_iter().map(case).collect()
}

fn line_of(text: &str, offset: usize) -> usize {
    text.get(..offset).map_or(1, |before| before.matches('\n').count() + 1)
}

/// Where the examples of rules stand: file and line, by the rule's id and the example's text.
#[derive(Debug, Default)]
pub struct Places(BTreeMap<(String, String), (PathBuf, usize)>);

impl Places {
    /// Reads the places out of rule files that have been compiled.
    pub fn read(files: &[Source]) -> Self {
        let quiet = Problems::default();
        let mut places = BTreeMap::new();
        for source in files {
            for rule in file::read(source, &quiet).rules {
                for word in rule.matches.iter().chain(&rule.rejects) {
                    let place = (source.path.clone(), line_of(&source.text, word.span.start));
                    places.entry((rule.id.value.clone(), word.value.clone())).or_insert(place);
                }
            }
        }
        Places(places)
    }

    /// `rules/threat.toml:12`
    pub fn of(&self, rule: &str, text: &str) -> String {
        let place = self.0.get(&(rule.to_owned(), text.to_owned()));
        place.map_or_else(|| "rules".to_owned(), |(path, line)| format!("{}:{line}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_keep_what_they_say_and_every_broken_line_is_named() {
        let text = "// why\n{\"text\":\"a\",\"label\":\"general\",\"lang\":\"de\",\"kind\":\"x\",\"n\":3}\n\nnonsense\n{\"text\":\"b\"}\n";
        let problems = Problems::default();
        let cases = sentences(&Source::new("s.jsonl", text), &problems);
        assert_eq!((cases.len(), cases[0].place.as_str(), cases[0].language.as_str()), (1, "s.jsonl:2", "de"));
        assert_eq!((cases[0].more["kind"].as_str(), cases[0].more["n"].as_str()), ("x", "3"));
        let shown = problems.into_result(|| ()).unwrap_err().to_string();
        assert!(
            shown.contains("s.jsonl:4:1") && shown.contains("s.jsonl:5:1") && shown.contains("missing field `label`"),
            "{shown}"
        );
    }

    #[test]
    fn mails_lie_beside_their_labels_and_strange_keys_are_no_harm() {
        let text = "[[mail]]\nfile = \"a.eml\"\nqueue = \"general\"\nlanguage = \"\"\nanswered = true\n";
        let problems = Problems::default();
        let cases = mails(&Source::new("x/expected.toml", text), &problems);
        assert!(problems.is_empty());
        assert_eq!((cases[0].place.as_str(), &cases[0].recognised), ("x/expected.toml:2", &Some(None)));
        assert!(matches!(&cases[0].what, What::Mail { path, junk: false } if path == std::path::Path::new("x/a.eml")));
        mails(&Source::new("x/expected.toml", "[[mail]]\nfile = 3\n"), &problems);
        assert_eq!(problems.len(), 1);
    }
}
