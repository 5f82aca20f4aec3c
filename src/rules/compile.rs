//! Rule files to one frozen form: lists resolved, terms interned, everything cross-checked. All mistakes of all files at once.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use regex::Regex;
use ring::digest;

use super::World;
use super::facts::{self, Facts, Of, RawFacts};
use super::file::{Lists, RawFile, RawNear, RawRule, RawSign, read_all};
use super::pattern::{self, Filters};
use super::spelling::{Phrase, TermFault, phrase};
use super::terms::{Builder, GroupId, TermId, Terms};
use super::weigh::Signs;
use crate::problem::{Problems, Source, did_you_mean};
use crate::table::Word;

/// A rule, ready to judge.
#[derive(Debug)]
pub struct Rule {
    /// See [`RawRule`] for this and what follows.
    pub id: String,
    pub why: String,
    /// Index into the world's queues, and points; of signs that are weighed the most that they can give.
    pub vote: Option<(usize, i64)>,
    /// At least one place of these.
    pub any: Option<Spoken>,
    /// A place of each of these.
    pub all: Vec<Spoken>,
    /// No place of these.
    pub none: Option<Spoken>,
    /// Parts close together; each must hold.
    pub near: Vec<Near>,
    /// What stops a hit it stands close to.
    pub none_near: Vec<NoneNear>,
    /// Signs whose points are the rule's.
    pub weigh: Signs,
    /// Compiled, its size and nesting bounded.
    pub regex: Option<Pattern>,
    /// Bit set over [`super::file::FIELDS`].
    pub fields: u8,
    /// What it asks beside words.
    pub facts: Facts,
    pub topics: Vec<String>,
    pub flags: Vec<String>,
    /// "none", or the text that answers.
    pub answer: Option<String>,
    pub shadow: bool,
    pub below_floor: bool,
    pub matches: Vec<String>,
    pub rejects: Vec<String>,
}

/// Number of a language that lists have words of; [`ANY`] for words of every language and those written in the rule itself.
pub type Language = u16;
/// See [`Language`].
pub const ANY: Language = 0;

/// Terms, apart by language: whose word a hit is decides which vetoes strike it.
pub type Spoken = Vec<(Language, GroupId)>;

/// A regex, and the number of its literals among the [`Filters`]; without one it always runs.
#[derive(Debug)]
pub struct Pattern {
    pub regex: Regex,
    pub filter: Option<usize>,
}

/// `near`, ready: the parts once per language, since words of two languages make no thought together.
#[derive(Debug)]
pub struct Near {
    /// The parts, once per language.
    pub variants: Vec<(Language, Vec<GroupId>)>,
    /// Number of the first variant among the ways of [`super::wanted::Wanted`], the others following.
    pub first_way: u32,
    /// Terms that are of no one language, sorted: a window of these alone is of none.
    pub general: Vec<TermId>,
    /// Words between the first and the last, at most.
    pub within: u32,
    /// In the order written.
    pub in_order: bool,
    /// In one sentence.
    pub same_sentence: bool,
}

/// `none_near`, ready.
#[derive(Debug)]
pub struct NoneNear {
    /// The vetoes.
    pub words: Spoken,
    /// Those of all languages.
    pub all: GroupId,
    /// Words between hit and veto, at most.
    pub within: u32,
    /// Only within the hit's sentence.
    pub same_sentence: bool,
}

/// What compiling gives.
#[derive(Debug, Default)]
pub struct Compiled {
    /// In order of id.
    pub rules: Vec<Rule>,
    /// Every term of every rule.
    pub terms: Terms,
    /// The literals of all regexes.
    pub filters: Filters,
    /// SHA-256 over the canonical rules, hex.
    pub hash: String,
    /// Codes of the languages that lists have words of, by number; the first stands for [`ANY`].
    pub languages: Vec<String>,
}

/// Compiles all files. `None` when the terms are too many for one automaton (noted as a problem).
pub fn compile(files: &[Source], world: &World, problems: &Problems) -> Option<Compiled> {
    let raw = read_all(files, problems);
    let lists = gather_lists(&raw, problems);
    let spoken: BTreeSet<&str> = lists.values().flat_map(BTreeMap::keys).copied().filter(|l| *l != "any").collect();
    let languages: Vec<&str> = std::iter::once("any").chain(spoken).collect();
    let (ready, vetoes, builder, literals, canonical) = Default::default();
    let mut compiler = Compiler { lists, ready, vetoes, languages, world, problems, builder, literals, canonical };
    compiler.read_lists();
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
    let hash = hash(compiler.canonical.iter().map(String::as_str).collect());
    let languages = compiler.languages.into_iter().map(str::to_owned).collect();
    let ready = compiler.builder.finish().and_then(|terms| Ok((terms, Filters::new(&compiler.literals)?)));
    match ready {
        Ok((terms, filters)) => Some(Compiled { rules, terms, filters, hash, languages }),
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

/// SHA-256 over the sorted lines, so that neither files nor their order matter.
fn hash(mut canonical: Vec<&str>) -> String {
    canonical.sort_unstable();
    let digest = digest::digest(&digest::SHA256, canonical.join("\n").as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

struct Compiler<'f> {
    lists: Lists<'f>,
    /// By name: rules use a list many times, but it is read once.
    ready: BTreeMap<&'f str, Ready>,
    /// By the words of a `none_near`: its groups by language, and of all.
    vetoes: HashMap<Vec<String>, (Spoken, GroupId)>,
    /// Sorted behind the first, which is "any": what [`Language`] counts.
    languages: Vec<&'f str>,
    world: &'f World,
    problems: &'f Problems,
    builder: Builder,
    /// Of each regex that has any.
    literals: Vec<Vec<Vec<u8>>>,
    canonical: Vec<String>,
}

/// Terms apart by language.
type ByLanguage = BTreeMap<Language, Vec<TermId>>;

/// A list, ready to be used.
struct Ready {
    terms: ByLanguage,
    /// Of what it says in each language.
    digests: Vec<String>,
}

impl<'f> Compiler<'f> {
    /// Interns the terms of all lists, used or not, and notes what is wrong with them.
    fn read_lists(&mut self) {
        for (name, languages) in std::mem::take(&mut self.lists) {
            let (mut terms, mut digests) = (ByLanguage::new(), Vec::new());
            for (code, (source, list)) in languages {
                let each = list.terms.iter().zip(&list.spelled);
                let all: Vec<TermId> = each.filter_map(|(word, spelled)| self.term(source, word, spelled)).collect();
                if !all.is_empty() {
                    terms.insert(self.language(code), all);
                }
                let words = list.terms.iter().map(|word| word.value.trim()).collect();
                digests.push(format!("{code}:{}", hash(words)));
            }
            self.ready.insert(name, Ready { terms, digests });
        }
    }

    /// Interns one term, or notes what is wrong with it.
    fn term(&mut self, source: &Source, word: &Word, spelled: &Result<Phrase, TermFault>) -> Option<TermId> {
        match spelled {
            Ok(phrase) => Some(self.builder.term(phrase, word.value.trim())),
            Err(fault) => {
                let (message, help) = say_term_fault(*fault);
                self.problems.at(source, word.span.clone(), message, help.map(str::to_owned));
                None
            }
        }
    }

    /// A list, or a problem.
    fn list(&self, source: &Source, word: &Word, name: &str) -> Option<&Ready> {
        let found = self.ready.get(name);
        if found.is_none() {
            let help = match did_you_mean(name, self.ready.keys().copied()) {
                Some(near) => format!("did you mean \"@{near}\"?"),
                None => format!("define it: [terms.{name}] with en = [\"...\"]"),
            };
            self.problems.at(source, word.span.clone(), format!("there is no list \"@{name}\""), Some(help));
        }
        found
    }

    fn language(&self, code: &str) -> Language {
        self.languages.iter().position(|l| *l == code).map_or(ANY, |at| at as Language)
    }

    /// All terms of some entries: each a term, or `@list` in all its languages.
    fn entries(&mut self, source: &Source, words: &[Word]) -> ByLanguage {
        let mut all = ByLanguage::new();
        for word in words {
            match word.value.trim().strip_prefix('@') {
                Some(name) => {
                    for (language, terms) in self.list(source, word, name).iter().flat_map(|list| &list.terms) {
                        all.entry(*language).or_default().extend(terms);
                    }
                }
                None => {
                    if let Some(term) = self.term(source, word, &phrase(&word.value)) {
                        all.entry(ANY).or_default().push(term);
                    }
                }
            }
        }
        all
    }

    /// All the entries together, a group for each language.
    fn spoken(&mut self, source: &Source, words: &[Word]) -> Spoken {
        self.entries(source, words).into_iter().map(|(language, terms)| (language, self.builder.group(terms))).collect()
    }

    /// As [`Compiler::spoken`]; `None` when nothing was written.
    fn group(&mut self, source: &Source, words: &[Word]) -> Option<Spoken> {
        let spoken = self.spoken(source, words);
        (!words.is_empty()).then_some(spoken)
    }

    /// `near`: each part is alternatives parted by `|`; one variant for each language of its lists.
    fn near(&mut self, source: &Source, near: &RawNear) -> Near {
        let parts: Vec<ByLanguage> = near.terms.iter().map(|part| self.entries(source, &alternatives(part))).collect();
        let general: BTreeSet<TermId> = parts.iter().filter_map(|part| part.get(&ANY)).flatten().copied().collect();
        let mut languages: BTreeSet<Language> = parts.iter().flat_map(BTreeMap::keys).copied().collect();
        if languages.len() > 1 {
            languages.remove(&ANY);
        }
        let variants = languages.into_iter().filter_map(|language| Some((language, self.variant(&parts, language)?))).collect();
        let (within, in_order, same_sentence) = (near.within, near.in_order, near.same_sentence);
        Near { variants, first_way: 0, general: general.into_iter().collect(), within, in_order, same_sentence }
    }

    /// The parts in one language, with the words of every language; `None` when one of them has no word in it.
    fn variant(&mut self, parts: &[ByLanguage], language: Language) -> Option<Vec<GroupId>> {
        let general = |part: &ByLanguage| part.get(&ANY).filter(|_| language != ANY).cloned().unwrap_or_default();
        let terms = |part| part_terms(part, language, general(part));
        let parts: Option<Vec<Vec<TermId>>> = parts.iter().map(terms).collect();
        Some(parts?.into_iter().map(|part| self.builder.group(part)).collect())
    }

    /// Vetoes: many rules have the same, and each has many.
    fn none_near(&mut self, source: &Source, raw: &RawNear) -> NoneNear {
        let key: Vec<String> = raw.terms.iter().map(|word| word.value.clone()).collect();
        let (words, all) = match self.vetoes.get(&key) {
            Some(known) => known.clone(),
            None => {
                let before = self.problems.len();
                let entries = self.entries(source, &raw.terms);
                let all = self.builder.group(entries.values().flatten().copied().collect());
                let words = entries.into_iter().map(|(language, terms)| (language, self.builder.group(terms))).collect();
                let vetoes = (words, all);
                // What is wrong is noted wherever it stands.
                if self.problems.len() == before {
                    self.vetoes.insert(key, vetoes.clone());
                }
                vetoes
            }
        };
        NoneNear { words, all, within: raw.within, same_sentence: raw.same_sentence }
    }

    fn signs(&mut self, source: &Source, raw: &[RawSign], queue: Option<usize>) -> Signs {
        let mut signs = Signs::new(queue.map_or(0, |queue| self.world.queues[queue].1));
        for sign in raw {
            let names: Vec<&str> = sign.any.iter().map(|word| word.value.trim()).collect();
            let words = self.spoken(source, &sign.any);
            signs.add(&names.join(" | "), words, sign.points);
        }
        signs
    }

    fn rule(&mut self, source: &Source, raw: &RawRule) -> Rule {
        let queue = raw.queue.as_ref().and_then(|word| self.queue(source, word));
        for word in &raw.facts.account {
            self.account(source, word);
        }
        self.canonical.push(self.canonical_rule(raw));
        let weigh = self.signs(source, &raw.weigh, queue);
        let points = if weigh.is_empty() { raw.points } else { Some(weigh.most()) };
        let values = |words: &[Word]| words.iter().map(|w| w.value.clone()).collect();
        Rule {
            id: raw.id.value.clone(),
            why: raw.why.clone(),
            vote: queue.zip(points),
            any: self.group(source, &raw.any),
            all: raw.all.iter().map(|word| self.spoken(source, std::slice::from_ref(word))).collect(),
            none: self.group(source, &raw.none),
            near: raw.near.iter().map(|near| self.near(source, near)).collect(),
            none_near: raw.none_near.iter().map(|near| self.none_near(source, near)).collect(),
            weigh,
            regex: raw.regex.as_ref().and_then(|word| self.regex(source, word)),
            fields: raw.fields,
            facts: self.facts(source, &raw.facts),
            topics: raw.topics.clone(),
            flags: raw.flags.clone(),
            answer: raw.answer.as_ref().map(|word| self.answer(source, word)),
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

    fn answer(&self, source: &Source, word: &Word) -> String {
        if word.value != "none" && !self.world.answers.contains(&word.value) {
            let names: Vec<&str> = std::iter::once("none").chain(self.world.answers.iter().map(String::as_str)).collect();
            let near = did_you_mean(&word.value, names.iter().copied());
            let help = near.map_or(format!("one of {}", names.join(", ")), |near| format!("did you mean \"{near}\"?"));
            let message = format!("there is no answer text {0}.en.txt for \"{0}\"", word.value);
            self.problems.at(source, word.span.clone(), message, Some(help));
        }
        word.value.clone()
    }

    fn facts(&self, source: &Source, raw: &RawFacts) -> Facts {
        let values = |words: &[Word]| words.iter().map(|w| w.value.clone()).collect();
        let compiled =
            |(of, matches, word): &(Of, bool, Word)| Some(facts::Pattern::new(of.clone(), *matches, self.built(source, word)?));
        Facts {
            account: values(&raw.account),
            language: values(&raw.language),
            automated: raw.automated.clone(),
            junk: raw.junk,
            follow_up: raw.follow_up,
            patterns: raw.patterns.iter().filter_map(compiled).collect(),
            attachment_type: raw.attachment_type.clone(),
            size: raw.size,
            authentication: raw.authentication.clone(),
            age: raw.age,
        }
    }

    fn built(&self, source: &Source, word: &Word) -> Option<Regex> {
        pattern::build(source, word).map_err(|(span, message)| self.problems.at(source, span, message, None)).ok()
    }

    fn regex(&mut self, source: &Source, word: &Word) -> Option<Pattern> {
        let regex = self.built(source, word)?;
        if pattern::matches_nothing(&word.value) {
            let help = "make one part of it needed: `a+` instead of `a*`".to_owned();
            self.problems.at(source, word.span.clone(), "this regex matches the empty text, and so every mail", Some(help));
        }
        let filter = pattern::literals(&word.value).map(|literals| {
            self.literals.push(literals);
            self.literals.len() - 1
        });
        Some(Pattern { regex, filter })
    }

    /// Everything that decides what the rule does, lists by their contents, one line.
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
            (parts, near.within, near.in_order, near.same_sentence)
        };
        let several = |nears: &[RawNear]| {
            let mut all: Vec<_> = nears.iter().map(near).collect();
            all.sort();
            all
        };
        let mut all: Vec<Vec<String>> = raw.all.iter().map(|w| sorted(std::slice::from_ref(w))).collect();
        all.sort();
        let mut signs: Vec<_> = raw.weigh.iter().map(|sign| (sorted(&sign.any), sign.points)).collect();
        signs.sort();
        let (facts, answer) = (raw.facts.canonical(), raw.answer.as_ref().map(|w| &w.value));
        let effect =
            (raw.queue.as_ref().map(|w| &w.value), raw.points, &raw.topics, &raw.flags, answer, raw.shadow, raw.below_floor);
        let words = (sorted(&raw.any), all, sorted(&raw.none), several(&raw.near), several(&raw.none_near));
        let rest = (raw.regex.as_ref().map(|w| &w.value), raw.fields, signs);
        format!("{:?}", (&raw.id.value, &raw.why, words, rest, facts, effect))
    }

    /// A term as it is written; a list by what is in it, wherever that stands.
    fn canonical_entry(&self, word: &Word) -> Vec<String> {
        let list = word.value.trim().strip_prefix('@').and_then(|name| self.ready.get(name));
        list.map_or_else(|| vec![word.value.trim().to_owned()], |list| list.digests.clone())
    }
}

/// The terms of one part in one language, behind `general` ones; `None` without any.
fn part_terms(part: &ByLanguage, language: Language, mut general: Vec<TermId>) -> Option<Vec<TermId>> {
    general.extend(part.get(&language).into_iter().flatten());
    (!general.is_empty()).then_some(general)
}

/// What is wrong with a term, and what to do.
fn say_term_fault(fault: TermFault) -> (&'static str, Option<&'static str>) {
    match fault {
        TermFault::Empty => ("this term has no letter and no digit: it would match nothing", None),
        TermFault::InnerStar => (
            "`*` may stand only at the beginning or the end of a word",
            Some("write both spellings out, or two words in `near` with `in_order = true`"),
        ),
        TermFault::LoneStar => (
            "a `*` by itself stands for one word between two others, not at the beginning or end of a term",
            Some("leave it out, or join it to a word: \"kill*\" has any ending"),
        ),
    }
}

/// The alternatives of one part of a `near`: `"@kill | strangle"`.
fn alternatives(word: &Word) -> Vec<Word> {
    word.value.split('|').map(|part| Word { value: part.trim().to_owned(), span: word.span.clone() }).collect()
}
