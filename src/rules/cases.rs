//! Cases that rules are tested on: the examples inside rule files, with the place where each stands.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::file;
use crate::problem::{Problems, Source};

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
                    let line = source.text.get(..word.span.start).map_or(1, |before| before.matches('\n').count() + 1);
                    let key = (rule.id.value.clone(), word.value.clone());
                    places.entry(key).or_insert_with(|| (source.path.clone(), line));
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
