//! What is allowed in rule files but hardly meant.

use std::collections::BTreeSet;

use super::file;
use crate::problem::{Problems, Source};

/// What rule files hold.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// Named lists.
    pub lists: usize,
    /// Different terms in them.
    pub terms: usize,
    /// Their languages.
    pub languages: Vec<String>,
}

/// Counts what stands in rule files.
pub fn inventory(files: &[Source]) -> Inventory {
    let quiet = Problems::default();
    let (mut lists, mut terms, mut languages) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for list in files.iter().flat_map(|source| file::read(source, &quiet).lists) {
        terms.extend(list.terms.into_iter().map(|term| (list.language.value.clone(), term.value)));
        lists.insert(list.name.value);
        languages.insert(list.language.value);
    }
    languages.remove("any");
    Inventory { lists: lists.len(), terms: terms.len(), languages: languages.into_iter().collect() }
}
