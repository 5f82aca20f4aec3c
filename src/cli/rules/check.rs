//! `triaged rules check`: every problem of the rule files at once, or what they hold.

use serde::Serialize;

use super::{Answer, OK, Policy, show};
use crate::rules::lint;

#[derive(Serialize)]
struct Said<'a> {
    ok: bool,
    files: usize,
    rules: usize,
    lists: usize,
    terms: usize,
    languages: Vec<String>,
    rules_hash: &'a str,
}

pub(super) fn check(policy: &Policy, json: bool) -> Answer {
    let files = policy.rule_files()?;
    let lint::Inventory { lists, terms, languages } = lint::inventory(&files);
    let (rules, rules_hash) = (policy.rules.len(), policy.rules.hash());
    let said = Said { ok: true, files: files.len(), rules, lists, terms, languages, rules_hash };
    if json {
        show::json(&said);
    } else {
        show::say(format!(
            "all well: {} files, {} rules, {} lists of {} terms in {} languages (rule set {})",
            said.files,
            said.rules,
            said.lists,
            said.terms,
            said.languages.len(),
            show::short(said.rules_hash, 13)
        ));
        show::say(format!("languages: {}", said.languages.join(" ")));
    }
    Ok(OK)
}
