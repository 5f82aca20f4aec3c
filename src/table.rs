//! Reading TOML strictly: every key is asked for by name, what nobody asked for is refused with a
//! did-you-mean, and a wrong value is noted and passed over so that all problems show at once.
//! (serde stops at the first; `flatten` loses the line. Hence a reader over the spanned tree.)

use std::cell::{Cell, RefCell};
use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::problem::{Problems, Source, did_you_mean};

/// A value with the place it was written at (byte offsets).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At<T> {
    /// What was written.
    pub value: T,
    /// Where.
    pub span: Range<usize>,
}

/// A string and its place.
pub type Word = At<String>;

/// Parses `source` and hands its root table to `read`; syntax errors are noted and the rest is read all the same.
pub fn read<T>(source: &Source, problems: &Problems, read: impl FnOnce(&Table<'_>) -> T) -> T {
    let (root, errors) = DeTable::parse_recoverable(&source.text);
    for error in errors {
        problems.at(source, error.span().unwrap_or(0..0), error.message().trim_end(), None);
    }
    let table = Table::new(source, problems, String::new(), false, 0..0, root.get_ref());
    let value = read(&table);
    table.finish();
    value
}

/// One table of a file while it is being read.
pub struct Table<'t> {
    source: &'t Source,
    problems: &'t Problems,
    /// Dotted path from the root, such as `account.intake`; empty for the root.
    path: String,
    /// It is one of several under `[[path]]`.
    listed: bool,
    span: Range<usize>,
    entries: &'t DeTable<'t>,
    asked: RefCell<Vec<&'static str>>,
    refused: RefCell<Vec<&'static str>>,
    /// Its keys are the operator's own names.
    named: Cell<bool>,
}

impl<'t> Table<'t> {
    fn new(
        source: &'t Source,
        problems: &'t Problems,
        path: String,
        listed: bool,
        span: Range<usize>,
        entries: &'t DeTable<'t>,
    ) -> Self {
        let (asked, refused, named) = Default::default();
        Table { source, problems, path, listed, span, entries, asked, refused, named }
    }

    fn child(&self, key: &str, listed: bool, span: Range<usize>, entries: &'t DeTable<'t>) -> Table<'t> {
        Table::new(self.source, self.problems, self.child_path(key), listed, span, entries)
    }

    fn child_path(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// How the table is called in messages: as its header is written.
    fn name(&self) -> String {
        match (self.path.as_str(), self.listed) {
            ("", _) => "the file".to_owned(),
            (path, false) => format!("[{path}]"),
            (path, true) => format!("[[{path}]]"),
        }
    }

    /// Where the table's header (or its braces) stands.
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// Notes a problem at a place in this table's file.
    pub fn problem(&self, span: Range<usize>, message: impl Into<String>, help: Option<String>) {
        self.problems.at(self.source, span, message, help);
    }

    /// Notes a problem of the whole file, one without a line.
    pub fn problem_whole(&self, message: impl Into<String>) {
        self.problems.whole(&self.source.path, message);
    }

    /// Notes something that is allowed but that an operator should look at again.
    pub fn warning(&self, span: Range<usize>, message: impl Into<String>, help: Option<String>) {
        self.problems.warn(self.source, span, message, help);
    }

    /// Refuses a key that people will try, with the reason why there is none of that name. True if it was there.
    pub fn refuse(&self, key: &'static str, message: &str, help: &str) -> bool {
        self.refused.borrow_mut().push(key);
        let found = self.entries.get_key_value(key);
        if let Some((key, _)) = found {
            self.problem(key.span(), message, Some(help.to_owned()));
        }
        found.is_some()
    }

    /// True when the key is absent or an empty list; a value of the wrong kind is neither, it is noted where it is read.
    pub fn lacks(&self, key: &'static str) -> bool {
        self.get(key).is_none_or(|value| value.get_ref().as_array().is_some_and(|list| list.is_empty()))
    }

    /// Every key of a table whose keys are the operator's own names, with its place; marks them all as known.
    pub fn names(&self) -> Vec<Word> {
        self.named.set(true);
        let mut names: Vec<Word> = self.entries.keys().map(|k| At { value: k.get_ref().to_string(), span: k.span() }).collect();
        names.sort_by_key(|name| name.span.start);
        names
    }

    /// The strings of a list under an operator's own name (see [`Table::names`]).
    pub fn named_texts(&self, name: &str) -> Vec<Word> {
        self.entries.get(name).map_or_else(Vec::new, |value| self.strings(name, value))
    }

    /// The table under an operator's own name (see [`Table::names`]). The caller need not [`Table::finish`] it if it asks for all names.
    pub fn named_table(&self, name: &str) -> Option<Table<'t>> {
        let value = self.entries.get(name)?;
        let Some(entries) = value.get_ref().as_table() else {
            self.wrong(name, value, "a table");
            return None;
        };
        Some(self.child(name, false, value.span(), entries))
    }

    fn get(&self, key: &'static str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.asked.borrow_mut().push(key);
        self.entries.get(key)
    }

    fn wrong(&self, key: &str, value: &Spanned<DeValue<'_>>, wanted: &str) {
        let found = match value.get_ref() {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) | DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.problem(value.span(), format!("`{key}` must be {wanted}, not {found}"), None);
    }

    /// True when the key stands in the table, whatever its value.
    pub fn has(&self, key: &'static str) -> bool {
        self.get(key).is_some()
    }

    /// The place of a key's value, for problems found later.
    pub fn span_of(&self, key: &'static str) -> Range<usize> {
        self.entries.get(key).map_or_else(|| self.span(), |v| v.span())
    }

    /// A string, if the key is there.
    pub fn text(&self, key: &'static str) -> Option<Word> {
        let value = self.get(key)?;
        match value.get_ref().as_str() {
            Some(text) => Some(At { value: text.to_owned(), span: value.span() }),
            None => {
                self.wrong(key, value, "a string in quotes");
                None
            }
        }
    }

    /// A string that must be there and must not be blank; what is missing is noted and read as "".
    pub fn need_text(&self, key: &'static str) -> Word {
        let missing = !self.has(key);
        let word = self.text(key);
        match word {
            Some(word) if word.value.trim().is_empty() => {
                self.problem(word.span.clone(), format!("`{key}` must not be empty"), None);
                word
            }
            Some(word) => word,
            None => {
                if missing {
                    self.missing(key);
                }
                At { value: String::new(), span: self.span() }
            }
        }
    }

    /// Notes that a key is missing from this table.
    pub fn missing(&self, key: &str) {
        let message = format!("`{key}` is missing in {}", self.name());
        if self.path.is_empty() {
            self.problem_whole(message);
        } else {
            self.problem(self.span(), message, None);
        }
    }

    /// A list of strings; absent is empty.
    pub fn texts(&self, key: &'static str) -> Vec<Word> {
        self.get(key).map_or_else(Vec::new, |value| self.strings(key, value))
    }

    fn strings(&self, key: &str, value: &Spanned<DeValue<'_>>) -> Vec<Word> {
        let Some(array) = value.get_ref().as_array() else {
            self.wrong(key, value, "a list of strings, such as [\"one\", \"two\"]");
            return Vec::new();
        };
        let mut words = Vec::new();
        for item in array.iter() {
            match item.get_ref().as_str() {
                Some(text) => words.push(At { value: text.to_owned(), span: item.span() }),
                None => self.wrong(key, item, "a list of strings"),
            }
        }
        words
    }

    /// A whole number within `range`.
    pub fn number(&self, key: &'static str, range: RangeInclusive<i64>) -> Option<i64> {
        let value = self.get(key)?;
        let number = value.get_ref().as_integer().and_then(|i| i64::from_str_radix(&i.as_str().replace('_', ""), i.radix()).ok());
        match number {
            Some(n) if range.contains(&n) => Some(n),
            Some(n) => {
                let (low, high) = (range.start(), range.end());
                self.problem(value.span(), format!("`{key}` must lie between {low} and {high}, not {n}"), None);
                None
            }
            None => {
                self.wrong(key, value, "a whole number");
                None
            }
        }
    }

    /// `true` or `false`.
    pub fn flag(&self, key: &'static str) -> Option<bool> {
        let value = self.get(key)?;
        let flag = value.get_ref().as_bool();
        if flag.is_none() {
            self.wrong(key, value, "true or false, without quotes");
        }
        flag
    }

    /// One of the words in `choices`; anything else is noted with the list of them.
    pub fn choice<T: Clone>(&self, key: &'static str, choices: &[(&'static str, T)]) -> Option<T> {
        let word = self.text(key)?;
        let found = choices.iter().find(|(name, _)| *name == word.value);
        if found.is_none() {
            let all = choices.iter().map(|(n, _)| format!("\"{n}\"")).collect::<Vec<_>>().join(", ");
            let near = did_you_mean(&word.value, choices.iter().map(|(n, _)| *n));
            let help = near.map_or(format!("one of {all}"), |n| format!("did you mean \"{n}\"? One of {all}"));
            self.problem(word.span, format!("`{key}` cannot be \"{}\"", word.value), Some(help));
        }
        found.map(|(_, value)| value.clone())
    }

    /// A span of time such as "90 s", "5 min", "3 days".
    pub fn duration(&self, key: &'static str) -> Option<Duration> {
        let word = self.text(key)?;
        let parsed = parse_duration(&word.value);
        if parsed.is_none() {
            let help = "a number and a unit: ms, s, min, h or days, such as \"5 min\"".to_owned();
            self.problem(word.span, format!("`{key}` is not a span of time: \"{}\"", word.value), Some(help));
        }
        parsed
    }

    /// A span of time that must lie within `range`.
    pub fn duration_within(&self, key: &'static str, range: RangeInclusive<Duration>) -> Option<Duration> {
        let found = self.duration(key)?;
        if range.contains(&found) {
            return Some(found);
        }
        let (low, high) = (show_duration(*range.start()), show_duration(*range.end()));
        self.problem(self.span_of(key), format!("`{key}` must lie between {low} and {high}"), None);
        None
    }

    /// A size in bytes such as "64 KiB", "25 MiB".
    pub fn size(&self, key: &'static str) -> Option<u64> {
        let word = self.text(key)?;
        let parsed = parse_size(&word.value);
        if parsed.is_none() {
            let help = "a number and a unit: B, KiB, MiB or GiB, such as \"25 MiB\"".to_owned();
            self.problem(word.span, format!("`{key}` is not a size: \"{}\"", word.value), Some(help));
        }
        parsed
    }

    /// A table under `key`, if it is there. The caller must [`Table::finish`] it.
    pub fn table(&self, key: &'static str) -> Option<Table<'t>> {
        let value = self.get(key)?;
        let Some(entries) = value.get_ref().as_table() else {
            self.wrong(key, value, &format!("a table: a line [{}] and its keys below", self.child_path(key)));
            return None;
        };
        Some(self.child(key, false, value.span(), entries))
    }

    /// Like [`Table::table`]; its absence is noted.
    pub fn need_table(&self, key: &'static str) -> Option<Table<'t>> {
        if !self.has(key) {
            self.problem_whole(format!("[{}] is missing in {}", self.child_path(key), self.name()));
        }
        self.table(key)
    }

    /// The tables of an array `[[key]]`; absent is empty. The caller must [`Table::finish`] each.
    pub fn tables(&self, key: &'static str) -> Vec<Table<'t>> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let Some(array) = value.get_ref().as_array() else {
            self.wrong(key, value, &format!("a list of tables: a line [[{}]] before each", self.child_path(key)));
            return Vec::new();
        };
        let mut tables = Vec::new();
        for item in array.iter() {
            match item.get_ref().as_table() {
                Some(entries) => tables.push(self.child(key, true, item.span(), entries)),
                None => self.wrong(key, item, "a list of tables"),
            }
        }
        tables
    }

    /// True when the key holds a list, of whatever.
    pub fn is_list(&self, key: &'static str) -> bool {
        self.get(key).is_some_and(|value| value.get_ref().is_array())
    }

    /// The string under an operator's own name (see [`Table::names`]).
    pub fn named_text(&self, name: &str) -> Option<Word> {
        let value = self.entries.get(name)?;
        let text = value.get_ref().as_str();
        if text.is_none() {
            self.wrong(name, value, "a string in quotes");
        }
        text.map(|text| At { value: text.to_owned(), span: value.span() })
    }

    /// The table under `key`, or the tables of the list there; absent is empty. The caller must [`Table::finish`] each.
    pub fn one_or_more(&self, key: &'static str) -> Vec<Table<'t>> {
        match self.is_list(key) {
            true => self.tables(key),
            false => self.table(key).into_iter().collect(),
        }
    }

    /// Refuses every key nobody asked for.
    pub fn finish(&self) {
        let (asked, refused) = (self.asked.borrow(), self.refused.borrow());
        #[cfg(test)]
        tests::note_asked(&self.path, &asked);
        for (key, value) in self.entries.iter().filter(|_| !self.named.get()) {
            let name: &str = key.get_ref();
            if !asked.contains(&name) && !refused.contains(&name) {
                let help = did_you_mean(name, asked.iter().copied())
                    .map(|near| format!("did you mean `{near}`?"))
                    .or_else(|| Some(format!("known here: {}", known(&asked))));
                let kind = if value.get_ref().is_table() { "table" } else { "key" };
                self.problem(key.span(), format!("unknown {kind} `{name}` in {}", self.name()), help);
            }
        }
    }
}

fn known(asked: &[&'static str]) -> String {
    let mut names: Vec<_> = asked.to_vec();
    names.sort_unstable();
    names.dedup();
    names.join(", ")
}

/// "90 s", "5 min", "3 days" and the like; `None` for anything else.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let (number, unit) = number_and_unit(text)?;
    let millis = match unit {
        "ms" => 1,
        "s" | "sec" | "second" | "seconds" => 1_000,
        "min" | "minute" | "minutes" => 60_000,
        "h" | "hour" | "hours" => 3_600_000,
        "d" | "day" | "days" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(millis).map(Duration::from_millis)
}

fn show_duration(span: Duration) -> String {
    match span.as_millis() {
        ms if ms % 86_400_000 == 0 && ms > 86_400_000 => format!("{} days", ms / 86_400_000),
        ms if ms % 3_600_000 == 0 => format!("{} h", ms / 3_600_000),
        ms if ms % 60_000 == 0 => format!("{} min", ms / 60_000),
        ms if ms % 1_000 == 0 => format!("{} s", ms / 1_000),
        ms => format!("{ms} ms"),
    }
}

/// "512 B", "64 KiB", "25 MiB", "1 GiB"; `None` for anything else.
pub fn parse_size(text: &str) -> Option<u64> {
    let (number, unit) = number_and_unit(text)?;
    let factor = match unit {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(factor)
}

fn number_and_unit(text: &str) -> Option<(u64, &str)> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    Some((text[..digits].parse().ok()?, text[digits..].trim_start()))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeSet;

    use super::*;

    thread_local! {
        static ASKED: RefCell<BTreeSet<(String, &'static str)>> = RefCell::default();
    }

    /// Keeps what a reader asked for, so that a test can hold the documentation against it.
    pub(super) fn note_asked(path: &str, keys: &[&'static str]) {
        ASKED.with_borrow_mut(|all| all.extend(keys.iter().map(|key| (path.to_owned(), *key))));
    }

    /// Every (table path, key) that readers on this thread have asked for so far.
    pub(crate) fn asked() -> BTreeSet<(String, &'static str)> {
        ASKED.with_borrow(Clone::clone)
    }

    fn problems_of(text: &str, ask: impl FnOnce(&Table<'_>)) -> String {
        let problems = Problems::default();
        read(&Source::new("t.toml", text), &problems, ask);
        problems.into_result(|| ()).map_or_else(|e| e.to_string(), |()| String::new())
    }

    #[test]
    fn all_problems_come_at_once() {
        let text = "a = 1\nb = \"two\"\nc = \"5 parsecs\"\nzz = 1\n";
        let shown = problems_of(text, |t| {
            t.text("a");
            t.number("b", 0..=9);
            t.duration("c");
            t.need_text("d");
        });
        for part in [
            "`a` must be a string",
            "`b` must be a whole number",
            "span of time",
            "`d` is missing",
            "unknown key `zz`",
            "5 problems",
        ] {
            assert!(shown.contains(part), "{part} is missing in:\n{shown}");
        }
    }

    #[test]
    fn a_syntax_error_has_a_line_and_does_not_hide_the_rest() {
        let shown = problems_of("a = \nb = 3\n", |t| {
            t.text("a");
            t.text("b");
        });
        assert!(shown.contains("t.toml:1:") && shown.contains("t.toml:2:"), "{shown}");
    }

    #[test]
    fn spans_of_time_and_sizes() {
        assert_eq!(parse_duration("5 min"), Some(Duration::from_secs(300)));
        assert_eq!(parse_duration("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(parse_duration("5"), None);
        assert_eq!(parse_duration("99999999999999999999 s"), None);
        assert_eq!(parse_size("25 MiB"), Some(25 << 20));
        assert_eq!(parse_size("25 MB"), None);
    }
}
