//! Rule files to one frozen form: lists resolved, terms interned, everything cross-checked. All mistakes of all files at once.

use std::collections::{BTreeMap, BTreeSet};

use regex::{Regex, RegexBuilder};
use ring::digest;

use super::World;
use super::file::{Lists, RawFile, RawList, RawNear, RawRule, read};
use super::terms::{Builder, GroupId, TermFault, TermId, Terms, pattern};
use crate::problem::{Problems, Source, did_you_mean};
use crate::table::Word;

/// A compiled regex of an operator may take this much memory.
const REGEX_SIZE: usize = 1 << 20;
/// Brackets may nest this deep in a regex.
const REGEX_NEST: u32 = 50;

/// A rule, ready to judge.
#[derive(Debug)]
pub struct Rule {
    /// See [`RawRule`] for this and what follows.
    pub id: String,
    pub why: String,
    /// Index into the world's queues, and points.
    pub vote: Option<(usize, i64)>,
    /// At least one place of this group.
    pub any: Option<GroupId>,
    /// A place of each of these.
    pub all: Vec<GroupId>,
    /// No place of this.
    pub none: Option<GroupId>,
    /// Parts close together.
    pub near: Option<Near>,
    /// A place of this within that many words stops a hit.
    pub none_near: Option<(GroupId, u32)>,
    /// Compiled, its size and nesting bounded.
    pub regex: Option<Regex>,
    /// Bit set over [`super::file::FIELDS`].
    pub fields: u8,
    pub account: Vec<String>,
    pub language: Vec<String>,
    pub automated: Option<bool>,
    pub junk: Option<bool>,
    pub topics: Vec<String>,
    pub flags: Vec<String>,
    pub shadow: bool,
    pub below_floor: bool,
    pub matches: Vec<String>,
    pub rejects: Vec<String>,
}

/// `near`, ready: the parts once per language, since words of two languages make no thought together.
#[derive(Debug)]
pub struct Near {
    /// The parts, once per language.
    pub variants: Vec<Vec<GroupId>>,
    /// Words between the first and the last, at most.
    pub within: u32,
    /// In the order written.
    pub in_order: bool,
}

/// What compiling gives.
#[derive(Debug, Default)]
pub struct Compiled {
    /// In order of id.
    pub rules: Vec<Rule>,
    /// Every term of every rule.
    pub terms: Terms,
    /// SHA-256 over the canonical rules, hex.
    pub hash: String,
}

/// Compiles all files. `None` when the terms are too many for one automaton (noted as a problem).
pub fn compile(files: &[Source], world: &World, problems: &Problems) -> Option<Compiled> {
    let raw: Vec<(&Source, RawFile)> = files.iter().map(|source| (source, read(source, problems))).collect();
    let lists = gather_lists(&raw, problems);
    let mut compiler = Compiler { lists, world, problems, builder: Builder::default(), canonical: Vec::new() };
    compiler.check_terms_of_lists();
    let mut seen: BTreeMap<&str, &Source> = BTreeMap::new();
    let mut rules = Vec::new();
    for (source, file) in &raw {
        for rule in &file.rules {
            if let Some(first) = seen.insert(&rule.id.value, source)
                && !rule.id.value.trim().is_empty()
            {
                let message = format!("the id \"{}\" is taken: another rule in {} has it", rule.id.value, first.path.display());
                problems.at(source, rule.id.span.clone(), message, Some("ids must be unique over all files".into()));
            }
            rules.push(compiler.rule(source, rule));
        }
    }
    rules.sort_by(|a, b| a.id.cmp(&b.id));
    let hash = hash(compiler.canonical);
    match compiler.builder.finish() {
        Ok(terms) => Some(Compiled { rules, terms, hash }),
        Err(error) => {
            let path = files.first().map_or_else(|| "rules".into(), |f| f.path.clone());
            problems.whole(&path, format!("the terms of all rules are too many: {error}"));
            None
        }
    }
}

fn gather_lists<'f>(raw: &'f [(&'f Source, RawFile)], problems: &Problems) -> Lists<'f> {
    let mut lists = Lists::new();
    for (source, file) in raw {
        for list in &file.lists {
            let languages = lists.entry(&list.name.value).or_default();
            if let Some((first, _)) = languages.get(list.language.value.as_str()) {
                let (name, language) = (&list.name.value, &list.language.value);
                let message = format!("the list {name}.{language} is defined twice: first in {}", first.path.display());
                problems.at(source, list.language.span.clone(), message, Some("put all its terms into one list".into()));
            } else {
                languages.insert(&list.language.value, (source, list));
            }
        }
    }
    lists
}

/// SHA-256 over the sorted canonical lines, so that neither files nor their order matter.
fn hash(mut canonical: Vec<String>) -> String {
    canonical.sort();
    let digest = digest::digest(&digest::SHA256, canonical.join("\n").as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

struct Compiler<'f> {
    lists: Lists<'f>,
    world: &'f World,
    problems: &'f Problems,
    builder: Builder,
    canonical: Vec<String>,
}

impl<'f> Compiler<'f> {
    /// Terms of lists are checked once here, used or not.
    fn check_terms_of_lists(&mut self) {
        let all: Vec<(&Source, &RawList)> = self.lists.values().flat_map(BTreeMap::values).copied().collect();
        for (source, list) in all {
            for word in &list.terms {
                self.term(source, word, true);
            }
        }
    }

    /// Interns one term; a fault is noted when `note` is set (terms of lists were noted already when a rule uses them).
    fn term(&mut self, source: &Source, word: &Word, note: bool) -> Option<TermId> {
        match pattern(&word.value) {
            Ok(pattern) => Some(self.builder.term(pattern, word.value.trim())),
            Err(fault) => {
                if note {
                    let (message, help) = match fault {
                        TermFault::Empty => ("this term has no letter and no digit: it would match nothing", None),
                        TermFault::InnerStar => (
                            "`*` may stand only at the beginning or the end of a term",
                            Some("use two terms in `near` with `in_order = true`".to_owned()),
                        ),
                    };
                    self.problems.at(source, word.span.clone(), message, help);
                }
                None
            }
        }
    }

    /// The languages of a list, or a problem.
    fn list(&self, source: &Source, word: &Word, name: &str) -> Option<&BTreeMap<&'f str, (&'f Source, &'f RawList)>> {
        let found = self.lists.get(name);
        if found.is_none() {
            let help = match did_you_mean(name, self.lists.keys().copied()) {
                Some(near) => format!("did you mean \"@{near}\"?"),
                None => format!("define it: [terms.{name}] with en = [\"...\"]"),
            };
            self.problems.at(source, word.span.clone(), format!("there is no list \"@{name}\""), Some(help));
        }
        found
    }

    /// All terms of one entry: a term, or `@list` in all its languages.
    fn entry(&mut self, source: &Source, word: &Word) -> Vec<TermId> {
        let Some(name) = word.value.trim().strip_prefix('@') else {
            return self.term(source, word, true).into_iter().collect();
        };
        let words: Vec<&'f Word> = match self.list(source, word, name) {
            Some(languages) => languages.values().flat_map(|(_, list)| &list.terms).collect(),
            None => Vec::new(),
        };
        words.into_iter().filter_map(|w| self.term(source, w, false)).collect()
    }

    /// One group of all the entries together; `None` when nothing was written.
    fn group(&mut self, source: &Source, words: &[Word]) -> Option<GroupId> {
        let terms: Vec<TermId> = words.iter().flat_map(|word| self.entry(source, word)).collect();
        (!words.is_empty()).then(|| self.builder.group(terms))
    }

    /// `near`: each part is alternatives parted by `|`; one variant for each language of its lists.
    fn near(&mut self, source: &Source, near: &RawNear) -> Near {
        let parts: Vec<Vec<Word>> = near.terms.iter().map(alternatives).collect();
        let mut languages = BTreeSet::new();
        for word in parts.iter().flatten() {
            if let Some(name) = word.value.strip_prefix('@')
                && let Some(list) = self.list(source, word, name)
            {
                languages.extend(list.keys().copied().filter(|l| *l != "any"));
            }
            if !word.value.starts_with('@') {
                self.term(source, word, true);
            }
        }
        if languages.is_empty() {
            languages.insert("any");
        }
        let variants = languages.into_iter().filter_map(|language| self.variant(source, &parts, language)).collect();
        Near { variants, within: near.within, in_order: near.in_order }
    }

    fn variant(&mut self, source: &Source, parts: &[Vec<Word>], language: &str) -> Option<Vec<GroupId>> {
        let mut groups = Vec::with_capacity(parts.len());
        for part in parts {
            let mut terms = Vec::new();
            for word in part {
                let words: Vec<&Word> = match word.value.strip_prefix('@') {
                    None => vec![word],
                    Some(name) => {
                        let list = self.lists.get(name);
                        let of = |l: &str| list.and_then(|list| list.get(l)).map_or(&[][..], |(_, list)| &list.terms);
                        of(language).iter().chain(if language == "any" { &[] } else { of("any") }).collect()
                    }
                };
                terms.extend(words.into_iter().filter_map(|w| self.term(source, w, false)));
            }
            if terms.is_empty() {
                return None;
            }
            groups.push(self.builder.group(terms));
        }
        Some(groups)
    }

    fn rule(&mut self, source: &Source, raw: &RawRule) -> Rule {
        let queue = raw.queue.as_ref().and_then(|word| self.queue(source, word));
        for word in &raw.account {
            self.account(source, word);
        }
        self.canonical.push(self.canonical_rule(raw));
        let values = |words: &[Word]| words.iter().map(|w| w.value.clone()).collect();
        Rule {
            id: raw.id.value.clone(),
            why: raw.why.clone(),
            vote: queue.zip(raw.points),
            any: self.group(source, &raw.any),
            all: raw
                .all
                .iter()
                .map(|word| {
                    let terms = self.entry(source, word);
                    self.builder.group(terms)
                })
                .collect(),
            none: self.group(source, &raw.none),
            near: raw.near.as_ref().map(|near| self.near(source, near)),
            none_near: raw.none_near.as_ref().and_then(|n| Some((self.group(source, &n.terms)?, n.within))),
            regex: raw.regex.as_ref().and_then(|word| self.regex(source, word)),
            fields: raw.fields,
            account: values(&raw.account),
            language: values(&raw.language),
            automated: raw.automated,
            junk: raw.junk,
            topics: raw.topics.clone(),
            flags: raw.flags.clone(),
            shadow: raw.shadow,
            below_floor: raw.below_floor,
            matches: values(&raw.matches),
            rejects: values(&raw.rejects),
        }
    }

    fn queue(&self, source: &Source, word: &Word) -> Option<usize> {
        let found = self.world.queues.iter().position(|(name, _)| *name == word.value);
        if found.is_none() {
            let names: Vec<&str> = self.world.queues.iter().map(|(name, _)| name.as_str()).collect();
            self.unknown(source, word, "queue", &names);
        }
        found
    }

    fn account(&self, source: &Source, word: &Word) {
        if !self.world.accounts.contains(&word.value) {
            let names: Vec<&str> = self.world.accounts.iter().map(String::as_str).collect();
            self.unknown(source, word, "account", &names);
        }
    }

    fn unknown(&self, source: &Source, word: &Word, kind: &str, names: &[&str]) {
        let all = names.join(", ");
        let near = did_you_mean(&word.value, names.iter().copied());
        let help = near.map_or(format!("one of {all}"), |n| format!("did you mean \"{n}\"? One of {all}"));
        self.problems.at(source, word.span.clone(), format!("there is no {kind} \"{}\"", word.value), Some(help));
    }

    fn regex(&self, source: &Source, word: &Word) -> Option<Regex> {
        let built = RegexBuilder::new(&word.value)
            .case_insensitive(true)
            .multi_line(true)
            .size_limit(REGEX_SIZE)
            .dfa_size_limit(REGEX_SIZE)
            .nest_limit(REGEX_NEST)
            .build();
        match built {
            Ok(regex) => Some(regex),
            Err(error) => {
                let (span, message) = regex_fault(source, word, &error);
                self.problems.at(source, span, message, None);
                None
            }
        }
    }

    /// Everything that decides what the rule does, list references resolved, one line.
    fn canonical_rule(&self, raw: &RawRule) -> String {
        let sorted = |words: &[Word]| {
            let mut all: Vec<String> = words.iter().flat_map(|w| self.canonical_entry(w)).collect();
            all.sort();
            all
        };
        let near = |near: &RawNear| {
            let mut parts: Vec<Vec<String>> = near.terms.iter().map(|w| sorted(&alternatives(w))).collect();
            if !near.in_order {
                parts.sort();
            }
            (parts, near.within, near.in_order)
        };
        let mut all: Vec<Vec<String>> = raw.all.iter().map(|w| sorted(std::slice::from_ref(w))).collect();
        all.sort();
        let facts = (sorted(&raw.account), sorted(&raw.language), raw.automated, raw.junk);
        let effect = (raw.queue.as_ref().map(|w| &w.value), raw.points, &raw.topics, &raw.flags, raw.shadow, raw.below_floor);
        let words = (sorted(&raw.any), all, sorted(&raw.none), raw.near.as_ref().map(near), raw.none_near.as_ref().map(near));
        let rest = (raw.regex.as_ref().map(|w| &w.value), raw.fields);
        format!("{:?}", (&raw.id.value, &raw.why, words, rest, facts, effect))
    }

    fn canonical_entry(&self, word: &Word) -> Vec<String> {
        let Some(list) = word.value.trim().strip_prefix('@').and_then(|name| self.lists.get(name)) else {
            return vec![word.value.trim().to_owned()];
        };
        let terms = |(language, (_, list)): (&&str, &(&Source, &RawList))| {
            list.terms.iter().map(|w| format!("{language}:{}", w.value.trim())).collect::<Vec<_>>()
        };
        list.iter().flat_map(terms).collect()
    }
}

/// The alternatives of one part of a `near`: `"@kill | strangle"`.
fn alternatives(word: &Word) -> Vec<Word> {
    word.value.split('|').map(|part| Word { value: part.trim().to_owned(), span: word.span.clone() }).collect()
}

/// Where in the file a regex is wrong, and what is wrong with it.
fn regex_fault(source: &Source, word: &Word, error: &regex::Error) -> (std::ops::Range<usize>, String) {
    if let regex::Error::CompiledTooBig(limit) = error {
        return (word.span.clone(), format!("this regex is too big: compiled it takes more than {limit} bytes"));
    }
    // The crate's message shows the pattern with a caret on its last but one line, then "error: ...".
    let text = error.to_string();
    let reason = text.rsplit("error: ").next().unwrap_or("it cannot be read").trim().to_owned();
    let caret = text.lines().rev().find(|line| line.trim_start().starts_with('^'));
    let message = format!("this regex is wrong: {reason}");
    let written = source.text.get(word.span.clone()).unwrap_or("");
    // Only in '...' strings does the pattern stand in the file character for character.
    let literal = written.starts_with('\'') && !written.starts_with("'''");
    match caret {
        Some(caret) if literal && !word.value.contains('\n') => {
            let before = caret.len() - caret.trim_start().len();
            let width = caret.trim().len();
            // Four columns of indent stand before the pattern in the crate's message.
            let byte = |column: usize| word.value.char_indices().nth(column).map_or(word.value.len(), |(i, _)| i);
            let column = before.saturating_sub(4);
            let start = word.span.start + 1;
            (start + byte(column)..start + byte(column + width), message)
        }
        _ => (word.span.clone(), message),
    }
}
