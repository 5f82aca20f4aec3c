//! What is allowed in rule files but hardly meant: dead, duplicate, over-broad and untested rules and terms. Nothing here stops
//! rules from being used.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde::Serialize;

use super::file::{self, RawFile, RawList, RawNear, RawRule};
use super::fold::{fold, unspaced_width};
use super::{RuleSet, World};
use crate::problem::{Problems, Source};
use crate::table::Word;

/// A stem shorter than this with an open end is in too many words.
const SHORTEST_STEM: usize = 3;

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

/// Something that is hardly meant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Remark {
    /// The file; empty for what concerns no single place.
    pub file: String,
    /// Line, from 1; 0 without a place.
    pub line: usize,
    /// One word for the kind: dead, duplicate, covered, broad, no-examples, unused, slow, thin.
    pub kind: &'static str,
    /// A sentence.
    pub message: String,
}

/// Looks through rule files that compile. `rules` are the same files compiled against `world`.
pub fn lint(files: &[Source], rules: &RuleSet, world: &World) -> Vec<Remark> {
    let quiet = Problems::default();
    let read: Vec<(&Source, RawFile)> = files.iter().map(|source| (source, file::read(source, &quiet))).collect();
    let all_rules: Vec<(&Source, &RawRule)> = read.iter().flat_map(|(s, f)| f.rules.iter().map(|r| (*s, r))).collect();
    let all_lists: Vec<(&Source, &RawList)> = read.iter().flat_map(|(s, f)| f.lists.iter().map(|l| (*s, l))).collect();
    let mut remarks = Vec::new();
    all_lists.iter().for_each(|(source, list)| terms(source, list, &mut remarks));
    all_rules.iter().for_each(|(source, rule)| examples(source, rule, &mut remarks));
    unused(&all_lists, &all_rules, &mut remarks);
    alike(&all_rules, &mut remarks);
    dead(&all_rules, rules, &mut remarks);
    unreachable(world, rules, &mut remarks);
    thin(&all_lists, &mut remarks);
    remarks.sort();
    remarks
}

fn remark(source: &Source, span: &Range<usize>, kind: &'static str, message: String) -> Remark {
    let line = source.text.get(..span.start).map_or(0, |before| before.matches('\n').count() + 1);
    Remark { file: source.path.display().to_string(), line, kind, message }
}

/// A term as the engine compares it, and whether its end is open.
fn plain(term: &str) -> (String, bool) {
    let trimmed = term.trim();
    (fold(trimmed.trim_matches('*')).text.trim().to_owned(), trimmed.ends_with('*') && !trimmed.starts_with('*'))
}

/// Terms said twice, terms that another with an open end covers, and stems that are in half of all words.
fn terms(source: &Source, list: &RawList, remarks: &mut Vec<Remark>) {
    let name = format!("{}.{}", list.name.value, list.language.value);
    let inner = |word: &Word| word.value.trim().trim_matches('*').contains('*');
    let whole = |word: &&Word| !word.value.trim().starts_with('*') && !inner(word);
    let open: BTreeSet<String> =
        list.terms.iter().filter(whole).map(|w| plain(&w.value)).filter(|(_, open)| *open).map(|(stem, _)| stem).collect();
    let mut seen = BTreeSet::new();
    for word in list.terms.iter().filter(whole) {
        let (text, ends_open) = plain(&word.value);
        if !seen.insert((text.clone(), ends_open)) {
            remarks.push(remark(source, &word.span, "duplicate", format!("{name} has \"{}\" twice", word.value)));
        }
        let prefixes = text.char_indices().map(|(at, c)| &text[..at + c.len_utf8()]);
        if let Some(stem) = prefixes.filter(|p| p.len() < text.len() || !ends_open).find(|p| open.contains(*p)) {
            remarks.push(remark(source, &word.span, "covered", format!("{name}: \"{stem}*\" finds \"{}\" already", word.value)));
        }
        let spaced = text.chars().all(|c| unspaced_width(c).is_none());
        if ends_open && spaced && text.chars().count() < SHORTEST_STEM {
            remarks.push(remark(source, &word.span, "broad", format!("{name}: \"{}\" begins very many words", word.value)));
        }
    }
}

fn examples(source: &Source, rule: &RawRule, remarks: &mut Vec<Remark>) {
    for (key, examples) in [("matches", &rule.matches), ("rejects", &rule.rejects)] {
        if examples.is_empty() {
            let message = format!("the rule {} has no `{key}`: nothing shows that it does what it says", rule.id.value);
            remarks.push(remark(source, &rule.id.span, "no-examples", message));
        }
    }
}

/// Every word list that a rule names.
fn named(rule: &RawRule) -> impl Iterator<Item = &str> {
    let near = rule.near.iter().chain(&rule.none_near).flat_map(|near: &RawNear| &near.terms);
    let signs = rule.weigh.iter().flat_map(|sign| &sign.any);
    let words = rule.any.iter().chain(&rule.all).chain(&rule.none).chain(near).chain(signs);
    words.flat_map(|word| word.value.split('|')).filter_map(|part| part.trim().strip_prefix('@'))
}

fn unused(lists: &[(&Source, &RawList)], rules: &[(&Source, &RawRule)], remarks: &mut Vec<Remark>) {
    let used: BTreeSet<&str> = rules.iter().flat_map(|(_, rule)| named(rule)).collect();
    let mut said = BTreeSet::new();
    for (source, list) in lists {
        if !used.contains(list.name.value.as_str()) && said.insert(&list.name.value) {
            let message = format!("no rule names the list @{}", list.name.value);
            remarks.push(remark(source, &list.name.span, "unused", message));
        }
    }
}

/// Rules that ask for the same and do the same.
fn alike(rules: &[(&Source, &RawRule)], remarks: &mut Vec<Remark>) {
    let values = |words: &[Word]| words.iter().map(|w| w.value.trim().to_owned()).collect::<BTreeSet<_>>();
    let near = |near: &RawNear| {
        (near.terms.iter().map(|w| w.value.trim().to_owned()).collect::<Vec<_>>(), near.within, near.in_order, near.same_sentence)
    };
    let nears = |list: &[RawNear]| list.iter().map(near).collect::<Vec<_>>();
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for (source, rule) in rules {
        let words = (values(&rule.any), values(&rule.all), values(&rule.none), nears(&rule.near), nears(&rule.none_near));
        let signs: Vec<_> = rule.weigh.iter().map(|sign| (values(&sign.any), sign.points)).collect();
        let rest = (rule.regex.as_ref().map(|w| &w.value), rule.fields, format!("{:?}", rule.facts), rule.shadow, signs);
        let effect = (rule.queue.as_ref().map(|w| &w.value), &rule.topics, &rule.flags);
        if let Some(first) = seen.insert(format!("{:?}", (words, rest, effect)), &rule.id.value) {
            let message = format!("the rules {first} and {} ask for the same and do the same", rule.id.value);
            remarks.push(remark(source, &rule.id.span, "duplicate", message));
        }
    }
}

/// Rules whose `near` has no language in which all its parts have words, and regexes that run over every mail.
fn dead(raw: &[(&Source, &RawRule)], rules: &RuleSet, remarks: &mut Vec<Remark>) {
    let find = |id: &str| raw.iter().find(|(_, rule)| rule.id.value == id);
    for rule in rules.rules.iter().filter(|rule| rule.near.iter().any(|near| near.variants.is_empty())) {
        let message = format!("the rule {} can never fire: no language has words for every part of its `near`", rule.id);
        remarks.extend(find(&rule.id).map(|(source, raw)| remark(source, &raw.id.span, "dead", message)));
    }
    for id in rules.unfiltered() {
        let message = format!("the regex of {id} has no literal of three letters in every match: it runs over every mail");
        remarks.extend(find(id).map(|(source, raw)| remark(source, &raw.id.span, "slow", message)));
    }
}

/// Queues that rules vote for but can never fill.
fn unreachable(world: &World, rules: &RuleSet, remarks: &mut Vec<Remark>) {
    for (index, (queue, threshold)) in world.queues.iter().enumerate() {
        let votes = rules.rules.iter().filter(|rule| !rule.shadow).filter_map(|rule| rule.vote).filter(|(q, _)| *q == index);
        let (count, sum) = votes.fold((0, 0), |(count, sum), (_, points)| (count + 1, sum + points.max(0)));
        if count > 0 && sum < *threshold {
            let message = format!("all rules together give {queue} {sum} points; it needs {threshold}: it can never pass");
            remarks.push(Remark { file: String::new(), line: 0, kind: "dead", message });
        }
    }
}

/// Lists that most languages have and one lacks.
fn thin(lists: &[(&Source, &RawList)], remarks: &mut Vec<Remark>) {
    let mut by_list: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (_, list) in lists {
        by_list.entry(&list.name.value).or_default().insert(&list.language.value);
    }
    let languages: BTreeSet<&str> = by_list.values().flatten().copied().filter(|language| *language != "any").collect();
    for language in &languages {
        let lacks = |(_, has): &(&&str, &BTreeSet<&str>)| !has.contains(language) && has.len() * 2 > languages.len();
        let missing: Vec<&str> = by_list.iter().filter(lacks).map(|(name, _)| *name).collect();
        if !missing.is_empty() {
            let message = format!("{language} has no words for {}, which most languages have", missing.join(", "));
            remarks.push(Remark { file: String::new(), line: 0, kind: "thin", message });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = r#"
[terms.kill]
en = ["kill", "Kill", "stab*", "stabbing", "a*"]
[terms.idle]
en = ["idle"]
[[rule]]
id = "one"
why = "w"
queue = "threat"
points = 50
any = ["@kill"]
matches = ["kill"]
rejects = ["b"]
[[rule]]
id = "two"
why = "another why"
queue = "threat"
points = 50
any = ["@kill"]
[[rule]]
id = "slow"
why = "w"
topics = ["t"]
regex = '\d+'
matches = ["1"]
rejects = ["b"]
[[rule]]
id = "dead"
why = "w"
queue = "general"
points = 10
near = { terms = ["@kill", "@only-german"], within = 3 }
matches = ["b"]
rejects = ["b"]
[terms.only-german]
de = ["nur"]
"#;

    #[test]
    fn what_is_hardly_meant_is_named_with_its_line() {
        let world =
            World { queues: vec![("threat".into(), 100), ("general".into(), 100)], accounts: Vec::new(), answers: Vec::new() };
        let (files, problems) = ([Source::new("r.toml", RULES)], Problems::default());
        let rules = RuleSet::compile(&files, &world, &problems);
        assert!(problems.is_empty());
        let found: Vec<String> = lint(&files, &rules, &world)
            .into_iter()
            .map(|r| format!("{}:{} {}: {}", r.file, r.line, r.kind, r.message))
            .collect();
        assert_eq!(
            found,
            [
                ":0 dead: all rules together give general 10 points; it needs 100: it can never pass",
                "r.toml:3 broad: kill.en: \"a*\" begins very many words",
                "r.toml:3 covered: kill.en: \"stab*\" finds \"stabbing\" already",
                "r.toml:3 duplicate: kill.en has \"Kill\" twice",
                "r.toml:4 unused: no rule names the list @idle",
                "r.toml:15 duplicate: the rules one and two ask for the same and do the same",
                "r.toml:15 no-examples: the rule two has no `matches`: nothing shows that it does what it says",
                "r.toml:15 no-examples: the rule two has no `rejects`: nothing shows that it does what it says",
                "r.toml:21 slow: the regex of slow has no literal of three letters in every match: it runs over every mail",
                "r.toml:28 dead: the rule dead can never fire: no language has words for every part of its `near`",
            ]
        );
    }
}
