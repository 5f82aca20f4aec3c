//! Holds `src/` to its floors (DESIGN.md "Floors of src/"): Rust never rejects an import cycle, so this test reads
//! the code and does. It also keeps the habits that only stay habits while something checks them: who may print,
//! exit and spawn, how long a file may be, and that nothing is left undone.
//!
//! Every rule is one function from source text to a list of complaints, so that each can be shown to fail on a bad
//! snippet (the `bad` module below) as well as to hold on the real tree.

use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

/// One floor of the house, from the ground up.
enum Floor {
    /// Each may use those to its left.
    Chain(&'static [&'static str]),
    /// These do not know each other.
    Siblings(&'static [&'static str]),
}
use Floor::{Chain, Siblings};

/// The house. A module that is new in `lib.rs` gets its place here, or the test fails.
const FLOORS: &[Floor] = &[
    Chain(&["clock", "metrics", "judges", "problem", "table", "tls", "scrub", "golden"]),
    Chain(&["report", "case", "outbox", "config"]),
    Siblings(&["message", "rules", "reply", "ladder", "oncall"]),
    Chain(&["policy"]),
    Siblings(&["store", "mailbox", "send", "service"]),
    Chain(&["callout", "dispatch"]),
    Siblings(&["intake", "staff", "deliver", "escalate", "watch", "maintain", "backtest"]),
    Chain(&["console"]),
    Chain(&["daemon", "demo"]),
    Chain(&["cli"]),
    Chain(&["main"]),
];

/// What siblings may know of each other all the same, and why.
const ALLOWED: &[(&str, &str, &str)] = &[
    ("reply", "rules::Verdict", "a forward tells the team what was decided: a plain value, nothing is evaluated"),
    ("reply", "rules::Trace", "a forward tells the team why: the trace inside that verdict"),
    ("reply", "rules::Fired", "the rules named in that trace"),
    ("reply", "message::auth", "the guard believes our own server's Authentication-Results, read where headers are read"),
];

/// What a module must not know although it lies below: the store outlives any config format.
const FORBIDDEN: &[(&str, &str)] = &[("store", "config")];

/// Who may start threads or tasks beside the daemon: place, what, why.
const SPAWNERS: &[(&str, &str, &str)] = &[
    ("daemon", "", "the one place that supervises what it starts"),
    ("store", "thread::", "the writer owns the only writing connection and blocks on the disk"),
    ("judges", "thread::", "parsing nests deep: threads with a large stack, never the runtime's own (DEPENDENCIES.md)"),
    ("rules/file", "thread::", "rule files are read by all processors; none outlives the call"),
    ("rules/terms", "thread::", "words and letters are made findable side by side; none outlives the call"),
    ("store", "spawn_blocking", "reading the database blocks"),
    ("mailbox/maildir", "spawn_blocking", "reading files blocks"),
    ("send/file", "spawn_blocking", "writing files blocks"),
];

/// Longest file; more needs a reason here.
const LINES: usize = 600;
/// Files that may be longer, and why.
const LONG: &[(&str, &str)] = &[];

// ---- the tree ----

/// One file of `src/`.
struct File {
    /// Path below `src/`, with `/`.
    path: String,
    /// As it lies there.
    text: String,
    /// Without comments, strings and test modules; same lines.
    code: String,
    /// It is compiled for tests only.
    test_only: bool,
}

impl File {
    fn new(path: &str, text: &str) -> File {
        File { path: path.to_owned(), text: text.to_owned(), code: without_tests(&bare(text)), test_only: false }
    }

    /// Its module path: `store/mod.rs` is `[store]`, `store/sql.rs` is `[store, sql]`, `lib.rs` is `[]`.
    fn module(&self) -> Vec<String> {
        let stem = self.path.trim_end_matches(".rs").trim_end_matches("/mod");
        if stem == "lib" { Vec::new() } else { stem.split('/').map(str::to_owned).collect() }
    }
}

/// Every file below `src/`. Never empty: a check of nothing would always be green.
fn tree() -> Vec<File> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    walk(&src, &mut paths);
    paths.sort();
    assert!(paths.len() > 10, "only {} files found below {}", paths.len(), src.display());
    let mut files: Vec<File> = paths
        .iter()
        .map(|path| {
            let name = path.strip_prefix(&src).expect("walked from src").to_string_lossy().replace('\\', "/");
            File::new(&name, &fs::read_to_string(path).expect("source files are UTF-8"))
        })
        .collect();
    mark_test_only(&mut files);
    files
}

fn walk(dir: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("src can be listed") {
        let path = entry.expect("src can be listed").path();
        if path.is_dir() {
            walk(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            into.push(path);
        }
    }
}

/// Marks the files behind `#[cfg(test)] mod name;` and those below them.
fn mark_test_only(files: &mut [File]) {
    let declared = Regex::new(r"#\[cfg\(test\)\]\s*(?:pub(?:\(\w+\))?\s+)?mod\s+(\w+)\s*;").expect("a valid pattern");
    let mut roots = Vec::new();
    for file in files.iter() {
        for found in declared.captures_iter(&bare(&file.text)) {
            let mut module = file.module();
            module.push(found[1].to_owned());
            roots.push(module);
        }
    }
    for file in files {
        file.test_only = roots.iter().any(|root| file.module().starts_with(root));
    }
}

// ---- reading Rust, as far as needed ----

/// The code with comments and the inside of strings and characters blanked; line numbers stay.
fn bare(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = skip(&chars, at);
        if end == at {
            out.push(chars[at]);
            at += 1;
        } else {
            out.push(' ');
            out.extend(chars[at..end].iter().filter(|c| **c == '\n'));
            at = end;
        }
    }
    out
}

/// Where the comment, string or character literal that begins at `at` ends; `at` itself if none begins there.
fn skip(chars: &[char], at: usize) -> usize {
    let next = |ahead: usize| chars.get(at + ahead).copied().unwrap_or('\0');
    let in_word = at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_');
    match chars[at] {
        '/' if next(1) == '/' => (at..chars.len()).find(|&i| chars[i] == '\n').unwrap_or(chars.len()),
        '/' if next(1) == '*' => end_of_block_comment(chars, at),
        '"' => end_of_string(chars, at + 1, '"'),
        'r' if !in_word || chars[at - 1] == 'b' => end_of_raw_string(chars, at),
        // A character, not a lifetime: 'x' or '\...'.
        '\'' if next(1) == '\\' || next(2) == '\'' => end_of_string(chars, at + 1, '\''),
        _ => at,
    }
}

fn end_of_block_comment(chars: &[char], start: usize) -> usize {
    let (mut at, mut depth) = (start, 0);
    while at + 1 < chars.len() {
        match (chars[at], chars[at + 1]) {
            ('/', '*') => (depth, at) = (depth + 1, at + 2),
            ('*', '/') => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    chars.len()
}

fn end_of_string(chars: &[char], mut at: usize, quote: char) -> usize {
    while at < chars.len() && chars[at] != quote {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

/// Of `r"..."` or `r#"..."#`; `start` itself when it is an ordinary word that begins with r.
fn end_of_raw_string(chars: &[char], start: usize) -> usize {
    let hashes = chars[start + 1..].iter().take_while(|c| **c == '#').count();
    if chars.get(start + 1 + hashes) != Some(&'"') {
        return start;
    }
    let close: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    let body = start + 2 + hashes;
    (body..chars.len()).find(|&i| chars[i..].starts_with(&close)).map_or(chars.len(), |i| i + close.len())
}

/// Bare code with the inside of `#[cfg(test)] mod ... { }` blanked; line numbers stay.
fn without_tests(code: &str) -> String {
    let opening = Regex::new(r"#\[cfg\(test\)\][^{;]*\bmod\s+\w+\s*\{").expect("a valid pattern");
    let mut out = code.to_owned();
    while let Some(found) = opening.find(&out) {
        let mut depth = 1;
        let close = out[found.end()..].char_indices().find(|(_, c)| {
            depth += match c {
                '{' => 1,
                '}' => -1,
                _ => 0,
            };
            depth == 0
        });
        let end = close.map_or(out.len(), |(at, c)| found.end() + at + c.len_utf8());
        let lines: String = out[found.start()..end].chars().filter(|c| *c == '\n').collect();
        out.replace_range(found.start()..end, &lines);
    }
    out
}

/// Every path of ours that a file names, from the crate's root: `crate::`, `triaged::` and `super::` resolved,
/// groups in braces taken apart.
fn paths(file: &File) -> Vec<String> {
    let start = Regex::new(r"(?:\bcrate|\btriaged)\s*::\s*|(?:\bsuper\s*::\s*)+").expect("a valid pattern");
    let mut found = Vec::new();
    for hit in start.find_iter(&file.code) {
        let mut base = Vec::new();
        if hit.as_str().starts_with("super") {
            let up = hit.as_str().matches("super").count();
            base = file.module();
            base.truncate(base.len().saturating_sub(up));
        }
        expand(&file.code[hit.end()..], &base.join("::"), &mut found);
    }
    found
}

/// Takes `a::{b, c::d}` apart into `base::a::b` and `base::a::c::d`; returns what follows the path.
fn expand<'a>(code: &'a str, base: &str, into: &mut Vec<String>) -> &'a str {
    let code = code.trim_start();
    if let Some(mut rest) = code.strip_prefix('{') {
        loop {
            rest = rest.trim_start().trim_start_matches(',').trim_start();
            if rest.is_empty() || rest.starts_with('}') {
                return rest.strip_prefix('}').unwrap_or(rest);
            }
            let before = rest.len();
            rest = expand(rest, base, into);
            // Whatever stands after a name (`as other`) up to the next one.
            rest = &rest[rest.find([',', '}']).unwrap_or(rest.len())..];
            assert!(rest.len() < before, "a group of imports that this test cannot read: {code:.80}");
        }
    }
    let end = code.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '*')).unwrap_or(code.len());
    let path = if base.is_empty() { code[..end].to_owned() } else { format!("{base}::{}", &code[..end]) };
    match code[end..].trim_start().strip_prefix("::") {
        // A turbofish ends the path as far as modules go.
        Some(rest) if !rest.trim_start().starts_with('<') => expand(rest, &path, into),
        _ => {
            into.push(path);
            &code[end..]
        }
    }
}

// ---- the rules ----

/// Floor and place on it.
fn place(module: &str) -> Option<(usize, usize)> {
    FLOORS.iter().enumerate().find_map(|(floor, names)| {
        let (Chain(names) | Siblings(names)) = names;
        names.iter().position(|name| *name == module).map(|at| (floor, at))
    })
}

/// May `from` use `path`? The complaint if not.
fn complaint(from: &str, path: &str) -> Option<String> {
    let to = path.split("::").next().unwrap_or(path);
    if from == to {
        return None;
    }
    let homeless = |name: &str| Some(format!("{name} has no floor: give it one in tests/floors.rs (used here: {path})"));
    let Some(above) = place(from) else { return homeless(from) };
    let Some(below) = place(to) else { return homeless(to) };
    if FORBIDDEN.contains(&(from, to)) {
        return Some(format!("{from} must not know {to}"));
    }
    let allowed = |(who, what, _): &&(&str, &str, &str)| {
        *who == from && path.strip_prefix(what).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    };
    match (&FLOORS[above.0], below.0 == above.0) {
        (Siblings(_), true) if ALLOWED.iter().any(|a| allowed(&a)) => None,
        (Siblings(_), true) => Some(format!("{from} and {to} are siblings and do not know each other, but {path} is used")),
        (Chain(_), true) if below.1 < above.1 => None,
        (_, false) if below.0 < above.0 => None,
        _ => Some(format!("{from} uses {path}, which stands above it")),
    }
}

/// Imports look down only, and siblings do not know each other.
fn check_imports(file: &File) -> Vec<String> {
    // lib.rs only declares; it stands outside the house.
    match file.module().first() {
        Some(top) if !file.test_only => {
            paths(file).iter().filter_map(|p| complaint(top, p)).map(|c| format!("{}: {c}", file.path)).collect()
        }
        _ => Vec::new(),
    }
}

/// `lib.rs` declares the modules ground first. (Within a floor rustfmt sorts them.)
fn check_order(lib: &File) -> Vec<String> {
    let declaration = Regex::new(r"(?m)^\s*(?:pub(?:\([^)]*\))?\s+)?mod\s+(\w+)\s*;").expect("a valid pattern");
    let mut complaints = Vec::new();
    let mut highest = 0;
    for found in declaration.captures_iter(&lib.code) {
        match place(&found[1]) {
            None => complaints.push(format!("lib.rs: {} has no floor in tests/floors.rs", &found[1])),
            Some((floor, _)) if floor < highest => {
                complaints.push(format!("lib.rs: {} is declared after a higher floor", &found[1]))
            }
            Some((floor, _)) => highest = floor,
        }
    }
    complaints
}

/// Complains about each line of code that matches, unless the file is one of `homes` (a file or a folder).
fn forbid(file: &File, pattern: &str, homes: &[&str], why: &str) -> Vec<String> {
    if file.test_only || homes.iter().any(|home| lives_in(file, home)) {
        return Vec::new();
    }
    let pattern = Regex::new(pattern).expect("a valid pattern");
    let lines = file.code.lines().enumerate().filter(|(_, line)| pattern.is_match(line));
    lines.map(|(at, line)| format!("{}:{}: {}: {why}", file.path, at + 1, line.trim())).collect()
}

/// `home` is a module's place: `store` means `store.rs` and everything in `store/`.
fn lives_in(file: &File, home: &str) -> bool {
    file.path.strip_prefix(home).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}

fn check_exit(file: &File) -> Vec<String> {
    forbid(file, r"process\s*::\s*(\{[^}]*)?(exit|abort)\b", &["main"], "only main exits: return the code")
}

fn check_printing(file: &File) -> Vec<String> {
    forbid(file, r"\b(e?print(ln)?|dbg)!", &["main", "cli", "demo"], "only the command line prints: return the text, or log it")
}

fn check_undone(file: &File) -> Vec<String> {
    forbid(file, r"\b(todo|unimplemented)!", &[], "no station is a stub")
}

fn check_spawning(file: &File) -> Vec<String> {
    const SPAWN: &str = r"tokio::spawn|task::spawn|\bthread::(spawn|Builder|scope)|spawn_blocking|spawn_local|\bJoinSet\b|Handle::current\(\)\.spawn";
    let excused = |complaint: &String| SPAWNERS.iter().any(|(home, what, _)| lives_in(file, home) && complaint.contains(what));
    let complaints = forbid(file, SPAWN, &[], "only the daemon spawns, or a place named in tests/floors.rs");
    complaints.into_iter().filter(|c| !excused(c)).collect()
}

fn check_shape(file: &File) -> Vec<String> {
    let mut complaints = Vec::new();
    if !file.text.starts_with("//!") {
        complaints.push(format!("{}: does not open with `//!` and why it exists", file.path));
    }
    let lines = file.text.lines().count();
    if lines > LINES && !LONG.iter().any(|(path, _)| *path == file.path) {
        complaints.push(format!("{}: {lines} lines; over {LINES} it needs a reason in tests/floors.rs", file.path));
    }
    complaints
}

/// Runs a rule over the real tree and fails with everything it found.
fn hold(rule: fn(&File) -> Vec<String>) {
    let complaints: Vec<String> = tree().iter().flat_map(rule).collect();
    assert!(complaints.is_empty(), "{} complaints:\n  {}\n", complaints.len(), complaints.join("\n  "));
}

// ---- on the real tree ----

#[test]
fn modules_are_declared_ground_first() {
    let tree = tree();
    let lib = tree.iter().find(|f| f.path == "lib.rs").expect("there is a lib.rs");
    let complaints = check_order(lib);
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    assert!(lib.code.contains("mod clock;"), "the declarations were not found");
}

#[test]
fn imports_look_down_and_siblings_do_not_know_each_other() {
    hold(check_imports);
    let seen: usize = tree().iter().map(|f| paths(f).len()).sum();
    assert!(seen > 5, "only {seen} paths found: the reader of imports sees nothing");
}

#[test]
fn only_main_exits() {
    hold(check_exit);
}

#[test]
fn only_the_command_line_prints() {
    hold(check_printing);
}

#[test]
fn nothing_is_left_undone() {
    hold(check_undone);
}

#[test]
fn only_the_daemon_spawns() {
    hold(check_spawning);
}

#[test]
fn files_are_short_and_say_why_they_exist() {
    hold(check_shape);
}

// ---- each rule can fail ----

mod bad {
    use super::*;

    fn complaints(rule: fn(&File) -> Vec<String>, path: &str, text: &str) -> usize {
        rule(&File::new(path, text)).len()
    }

    #[test]
    fn a_module_that_looks_up_is_seen() {
        for text in [
            "use crate::intake::Story;",
            "use crate::{clock::Clock, intake};",
            "use crate::{\n    clock::{self, Clock as C},\n    intake::{A, B},\n};",
            "fn f() { crate::intake::run::<u8>() }",
            "fn f() { super::intake::run() }",
            "use triaged :: intake;",
        ] {
            assert!(complaints(check_imports, "store/mod.rs", text) >= 1, "{text}");
        }
        assert_eq!(complaints(check_imports, "store/mod.rs", "use crate::{clock::{self, Clock as C}, case::Case};"), 0);
        assert_eq!(complaints(check_imports, "store/sql.rs", "use super::{Store, writer}; use crate::store::Tx;"), 0);
        assert_eq!(complaints(check_imports, "store/sql.rs", "use super::super::intake;"), 1);
    }

    #[test]
    fn siblings_that_know_each_other_are_seen() {
        let pairs = [
            ("message/mod.rs", "rules"),
            ("rules/mod.rs", "message"),
            ("rules/mod.rs", "reply"),
            ("store/mod.rs", "mailbox"),
            ("mailbox/imap.rs", "send"),
            ("send/smtp.rs", "store"),
            ("intake.rs", "deliver"),
            ("deliver.rs", "escalate"),
            ("escalate.rs", "intake"),
        ];
        for (path, sibling) in pairs {
            assert_eq!(complaints(check_imports, path, &format!("use crate::{sibling}::Thing;")), 1, "{path} {sibling}");
        }
    }

    #[test]
    fn an_allowance_covers_its_path_and_no_more() {
        assert_eq!(complaints(check_imports, "reply/forward.rs", "use crate::rules::{Verdict, Trace};"), 0);
        assert_eq!(complaints(check_imports, "reply/forward.rs", "use crate::rules::RuleSet;"), 1);
        assert_eq!(complaints(check_imports, "reply/forward.rs", "use crate::rules::VerdictMaker;"), 1);
        assert_eq!(complaints(check_imports, "message/mod.rs", "use crate::rules::Verdict;"), 1);
    }

    #[test]
    fn a_store_that_reads_the_config_and_words_out_of_order_are_seen() {
        assert_eq!(complaints(check_imports, "store/mod.rs", "use crate::config::Limits;"), 1);
        assert_eq!(complaints(check_imports, "report.rs", "use crate::config::Limits;"), 1);
        assert_eq!(complaints(check_imports, "config/mod.rs", "use crate::outbox::Parcel;"), 0);
    }

    #[test]
    fn everything_at_once_and_unknown_modules_are_seen() {
        assert_eq!(complaints(check_imports, "intake.rs", "use crate::*;"), 1);
        assert_eq!(complaints(check_imports, "intake.rs", "use crate::attic::Box;"), 1);
        assert_eq!(complaints(check_imports, "attic.rs", "use crate::clock::Clock;"), 1);
    }

    #[test]
    fn a_house_declared_from_the_roof_is_seen() {
        assert_eq!(complaints(check_order, "lib.rs", "//! x\npub mod store;\n\npub mod clock;\n"), 1);
        assert_eq!(complaints(check_order, "lib.rs", "//! x\npub mod attic;\n"), 1);
        assert_eq!(complaints(check_order, "lib.rs", "//! x\npub mod clock;\n\nmod store;\n"), 0);
    }

    #[test]
    fn comments_strings_and_tests_are_not_code() {
        let quiet = r####"
            //! [`crate::intake`]
            /* crate::intake /* println!() */ todo!() */
            const A: &str = "crate::intake \" todo!()";
            const B: &str = r#"println!("x") " todo!()"#;
            const C: [char; 3] = ['"', '\'', '\\'];
            fn f<'a>(x: &'a str) -> &'a str { x }
            #[cfg(test)]
            mod tests { use crate::intake; fn t() { if true { println!("{}", '}') } todo!() } }
        "####;
        for rule in [check_imports, check_printing, check_undone] {
            assert_eq!(complaints(rule, "case.rs", quiet), 0);
            assert!(complaints(rule, "case.rs", &format!("{quiet}\nfn g() {{ crate::intake::x(); println!(); todo!() }}")) >= 1);
        }
    }

    #[test]
    fn exits_prints_stubs_and_spawns_are_seen() {
        assert_eq!(complaints(check_exit, "cli/mod.rs", "fn f() { std::process::exit(2) }"), 1);
        assert_eq!(complaints(check_exit, "cli/mod.rs", "use std::process::{Command, exit};"), 1);
        assert_eq!(complaints(check_exit, "main.rs", "fn f() { std::process::exit(2) }"), 0);
        for print in ["println!()", "eprintln!()", "print!()", "eprint!()", "dbg!(1)"] {
            assert_eq!(complaints(check_printing, "intake.rs", &format!("fn f() {{ {print} }}")), 1, "{print}");
            assert_eq!(complaints(check_printing, "cli/case.rs", &format!("fn f() {{ {print} }}")), 0, "{print}");
        }
        assert_eq!(complaints(check_undone, "intake.rs", "fn f() { todo!() }\nfn g() { unimplemented!(\"later\") }"), 2);
        for spawn in ["tokio::spawn(x)", "std::thread::spawn(x)", "tokio::task::spawn_blocking(x)", "JoinSet::new()"] {
            assert_eq!(complaints(check_spawning, "intake.rs", &format!("fn f() {{ {spawn} }}")), 1, "{spawn}");
            assert_eq!(complaints(check_spawning, "daemon.rs", &format!("fn f() {{ {spawn} }}")), 0, "{spawn}");
        }
        assert_eq!(complaints(check_spawning, "store/writer.rs", "fn f() { std::thread::spawn(x) }"), 0);
        assert_eq!(complaints(check_spawning, "store/writer.rs", "fn f() { tokio::spawn(x) }"), 1);
    }

    #[test]
    fn files_without_a_reason_or_too_long_are_seen() {
        assert_eq!(complaints(check_shape, "case.rs", "use std::fmt;"), 1);
        assert_eq!(complaints(check_shape, "case.rs", &format!("//! x\n{}", "\n".repeat(LINES))), 1);
        assert_eq!(complaints(check_shape, "case.rs", "//! x\n"), 0);
    }

    #[test]
    fn a_file_for_tests_only_is_left_alone_and_no_other() {
        let mut files = [
            File::new("store/mod.rs", "//! x\n#[cfg(test)]\nmod fake;\nmod sql;"),
            File::new("store/fake.rs", "//! x\nfn f() { println!() }"),
            File::new("store/sql.rs", "//! x\nfn f() { println!() }"),
        ];
        mark_test_only(&mut files);
        assert_eq!(files.each_ref().map(|f| check_printing(f).len()), [0, 0, 1]);
    }
}
