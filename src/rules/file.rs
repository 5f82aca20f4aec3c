//! Rule files as the operator wrote them: strict reading, every mistake noted with its place.
//! What comes out is checked in itself; lists and queues are resolved in [`super::compile`].

use std::collections::{BTreeMap, HashMap};
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::facts::RawFacts;
use super::spelling::{Phrase, TermFault, phrase};
use crate::problem::{Problems, Source};
use crate::table::{self, Table, Word};

/// Most words `within` may span: farther apart nothing is "near".
const WIDEST: i64 = 100;
/// Most points a rule or a sign may give.
const MOST_POINTS: i64 = 1000;

/// A named list in one language.
#[derive(Debug)]
pub struct RawList {
    /// `self-kill`
    pub name: Word,
    /// `en`
    pub language: Word,
    /// Its terms as written.
    pub terms: Vec<Word>,
    /// How each of them is spelled.
    pub spelled: Vec<Result<Phrase, TermFault>>,
}

/// A rule as written.
#[derive(Debug)]
pub struct RawRule {
    /// Unique over all files.
    pub id: Word,
    /// Shown to staff.
    pub why: String,
    /// The queue it votes for.
    pub queue: Option<Word>,
    /// What the vote counts.
    pub points: Option<i64>,
    /// At least one of these.
    pub any: Vec<Word>,
    /// Each of these.
    pub all: Vec<Word>,
    /// None of these anywhere.
    pub none: Vec<Word>,
    /// Parts of a thought, close together.
    pub near: Vec<RawNear>,
    /// Each stops a hit it stands close to.
    pub none_near: Vec<RawNear>,
    /// Signs for and against its queue, instead of points.
    pub weigh: Vec<RawSign>,
    /// A pattern over the text as written.
    pub regex: Option<Word>,
    /// Bit set over [`FIELDS`].
    pub fields: u8,
    /// What it asks beside words.
    pub facts: RawFacts,
    /// Topics it gives.
    pub topics: Vec<String>,
    /// Flags it gives.
    pub flags: Vec<String>,
    /// "none", or the text that answers.
    pub answer: Option<Word>,
    /// It only records.
    pub shadow: bool,
    /// It may sink a mail below the floor.
    pub below_floor: bool,
    /// Texts it must fire on.
    pub matches: Vec<Word>,
    /// Texts it must not fire on.
    pub rejects: Vec<Word>,
}

/// `near` and `none_near` as written.
#[derive(Debug)]
pub struct RawNear {
    /// The parts, each a term, a list, or several parted by `|`.
    pub terms: Vec<Word>,
    /// Words between the first and the last, at most.
    pub within: u32,
    /// The parts stand in the order written.
    pub in_order: bool,
    /// All of it stands in one sentence.
    pub same_sentence: bool,
}

/// A line of `weigh` as written.
#[derive(Debug)]
pub struct RawSign {
    /// Terms and lists: one of them is enough.
    pub any: Vec<Word>,
    /// For the queue, or below zero against it.
    pub points: i64,
}

/// The fields of a mail, in the order of the bits of [`RawRule::fields`].
pub const FIELDS: [&str; 6] = ["subject", "body", "forwarded", "attachment", "filename", "quoted"];
/// All but `quoted`.
const DEFAULT_FIELDS: u8 = 0b01_1111;

/// What one file holds.
#[derive(Debug, Default)]
pub struct RawFile {
    /// `[terms.*]`
    pub lists: Vec<RawList>,
    /// `[[rule]]`
    pub rules: Vec<RawRule>,
}

/// Reads all files, on as many threads as the machine has processors.
pub fn read_all<'f>(files: &'f [Source], problems: &Problems) -> Vec<(&'f Source, RawFile)> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mine = std::iter::from_fn(|| Some(next.fetch_add(1, Ordering::Relaxed)).filter(|at| *at < files.len()));
        mine.filter_map(|at| Some((at, read_sound(&files[at])?))).collect::<Vec<_>>()
    };
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(files.len());
    let mut done: HashMap<usize, RawFile> = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mine = work();
        mine.into_iter().chain(others.into_iter().flat_map(|other| other.join().unwrap_or_default())).collect()
    });
    // Where something is wrong a file is read again, so that the problems come in their order.
    files.iter().enumerate().map(|(at, file)| (file, done.remove(&at).unwrap_or_else(|| read(file, problems)))).collect()
}

/// Reads one file if nothing is wrong with it.
fn read_sound(file: &Source) -> Option<RawFile> {
    let problems = Problems::default();
    let raw = read(file, &problems);
    (problems.is_empty() && problems.warnings().is_empty()).then_some(raw)
}

/// Reads one file.
pub fn read(source: &Source, problems: &Problems) -> RawFile {
    table::read(source, problems, |root| {
        let lists = root.table("terms").map(|t| read_lists(&t)).unwrap_or_default();
        let rules = root.tables("rule").iter().map(read_rule).collect();
        RawFile { lists, rules }
    })
}

fn read_lists(terms: &Table<'_>) -> Vec<RawList> {
    let mut lists = Vec::new();
    for name in terms.names() {
        let Some(table) = terms.named_table(&name.value) else { continue };
        for language in table.names() {
            if !language_code(&language.value) {
                let help = "a language code such as en, de, zh, or `any` for words of every language".to_owned();
                table.problem(language.span.clone(), format!("`{}` is not a language", language.value), Some(help));
            }
            let words = table.named_texts(&language.value);
            if words.is_empty() {
                table.problem(language.span.clone(), format!("the list {}.{} is empty", name.value, language.value), None);
            }
            let spelled = words.iter().map(|word| phrase(&word.value)).collect();
            lists.push(RawList { name: name.clone(), language, terms: words, spelled });
        }
    }
    lists
}

fn language_code(code: &str) -> bool {
    code == "any" || ((2..=3).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_lowercase()))
}

fn read_rule(table: &Table<'_>) -> RawRule {
    let rule = RawRule {
        id: table.need_text("id"),
        why: table.need_text("why").value,
        queue: table.text("queue"),
        points: table.number("points", 1..=MOST_POINTS),
        any: table.texts("any"),
        all: table.texts("all"),
        none: table.texts("none"),
        near: table.one_or_more("near").iter().map(|t| read_near(t, true)).collect(),
        none_near: table.one_or_more("none_near").iter().map(|t| read_near(t, false)).collect(),
        weigh: table.tables("weigh").iter().map(read_sign).collect(),
        regex: table.text("regex"),
        fields: read_fields(table),
        facts: RawFacts::read(table),
        topics: table.texts("topics").into_iter().map(|w| w.value).collect(),
        flags: read_flags(table),
        answer: table.text("answer"),
        shadow: table.flag("shadow").unwrap_or(false),
        below_floor: table.flag("below_floor").unwrap_or(false),
        matches: table.texts("matches"),
        rejects: table.texts("rejects"),
    };
    check_effect(table, &rule);
    check_conditions(table, &rule);
    table.finish();
    rule
}

fn read_near(table: &Table<'_>, slots: bool) -> RawNear {
    let terms = table.texts("terms");
    let in_order = slots && table.flag("in_order").unwrap_or(false);
    let same_sentence = table.flag("same_sentence").unwrap_or(false);
    let within = table.number("within", 0..=WIDEST);
    if within.is_none() && !table.has("within") {
        table.missing("within");
    }
    if slots && terms.len() < 2 {
        let help = "such as near = { terms = [\"@kill\", \"you | him | her\"], within = 6 }".to_owned();
        table.problem(table.span_of("terms"), "`near` needs at least two terms", Some(help));
    } else if terms.is_empty() {
        table.problem(table.span_of("terms"), "`none_near` needs at least one term", None);
    }
    table.finish();
    RawNear { terms, within: within.unwrap_or(0) as u32, in_order, same_sentence }
}

fn read_sign(table: &Table<'_>) -> RawSign {
    let any = table.texts("any");
    if any.is_empty() {
        let help = "such as { any = [\"@farewell\"], points = 20 }".to_owned();
        table.problem(table.span(), "a sign needs `any`: what is it a sign of?", Some(help));
    }
    let points = table.number("points", -MOST_POINTS..=MOST_POINTS);
    if points.is_none() && !table.has("points") {
        table.missing("points");
    } else if points == Some(0) {
        table.problem(table.span_of("points"), "a sign of 0 points says nothing: leave it out", None);
    }
    table.finish();
    RawSign { any, points: points.unwrap_or(0) }
}

fn read_fields(table: &Table<'_>) -> u8 {
    if !table.has("fields") {
        return DEFAULT_FIELDS;
    }
    let mut bits = 0;
    for word in table.texts("fields") {
        match FIELDS.iter().position(|f| *f == word.value) {
            Some(index) => bits |= 1 << index,
            None => {
                let near = crate::problem::did_you_mean(&word.value, FIELDS);
                let all = FIELDS.join(", ");
                let help = near.map_or(format!("one of {all}"), |n| format!("did you mean \"{n}\"? One of {all}"));
                table.problem(word.span, format!("a mail has no field \"{}\"", word.value), Some(help));
            }
        }
    }
    if bits == 0 { DEFAULT_FIELDS } else { bits }
}

fn read_flags(table: &Table<'_>) -> Vec<String> {
    let words = table.texts("flags");
    for word in &words {
        if !["spam", "automated"].contains(&word.value.as_str()) {
            let help = Some("one of \"spam\", \"automated\"".to_owned());
            table.problem(word.span.clone(), format!("there is no flag \"{}\"", word.value), help);
        }
    }
    words.into_iter().map(|w| w.value).collect()
}

/// A rule must do something, and say all of it.
fn check_effect(table: &Table<'_>, rule: &RawRule) {
    if table.has("points") && table.has("weigh") {
        let message = "`points` beside `weigh`: the points of a rule that weighs signs are theirs";
        table.problem(table.span_of("points"), message, Some("leave `points` out".to_owned()));
    }
    let counts = if table.has("weigh") { "weigh" } else { "points" };
    match (table.has("queue"), table.has(counts)) {
        (true, false) => table.problem(table.span_of("queue"), "`queue` without `points`: how much does the rule count?", None),
        (false, true) => {
            let message = format!("`{counts}` without `queue`: which queue do they count for?");
            table.problem(table.span_of(counts), message, None);
        }
        (false, false) if !table.has("topics") && !table.has("flags") && !table.has("answer") => {
            let help = "give it a `queue` with `points`, or `topics`, or `flags`, or an `answer`".to_owned();
            table.problem(rule.id.span.clone(), format!("the rule \"{}\" has no effect", rule.id.value), Some(help));
        }
        _ => {}
    }
    if rule.below_floor && !table.has("queue") {
        let message = "`below_floor` without `queue`: where should the mail sink to?";
        table.problem(table.span_of("below_floor"), message, None);
    }
}

/// A rule must ask for something, or it would fire on every mail.
fn check_conditions(table: &Table<'_>, rule: &RawRule) {
    let words =
        !rule.any.is_empty() || !rule.all.is_empty() || !rule.near.is_empty() || rule.regex.is_some() || !rule.weigh.is_empty();
    if !words && rule.facts.is_empty() {
        let help = "give it `any`, `all`, `near`, `regex`, or a fact such as `account`".to_owned();
        table.problem(
            rule.id.span.clone(),
            format!("the rule \"{}\" has no condition: it would fire on every mail", rule.id.value),
            Some(help),
        );
    }
    if !rule.none_near.is_empty() && rule.any.is_empty() && rule.all.is_empty() && rule.near.is_empty() {
        let message = "`none_near` has nothing to be near to: the rule has no `any`, `all` or `near`";
        table.problem(table.span_of("none_near"), message, None);
    }
}

/// Lists by name, then language.
pub type Lists<'f> = BTreeMap<&'f str, BTreeMap<&'f str, (&'f Source, &'f RawList)>>;
