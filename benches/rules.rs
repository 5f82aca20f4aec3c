//! What judging costs with the shipped rules: MB/s on ASCII and on mixed mails of 8 KB, the same with 10 and 100 times as
//! many terms, the time to compile, and the highest memory. `cargo bench --bench rules`; with `-- shipped` only the shipped
//! rules as they are, which is what to take a profile of (`-- shipped compile` for compiling alone).
//!
//! The sets are measured in turn, round after round, and the best round of each counts: so a busy machine slows all alike.

#![allow(clippy::print_stdout)]

use std::path::Path;
use std::time::{Duration, Instant};

use triaged::clock::from_millis;
use triaged::problem::{Problems, Source};
use triaged::report::{Fields, Report};
use triaged::rules::{Place, RuleSet, World};

/// Size of a mail.
const MAIL: usize = 8 << 10;
/// The best of so many compilings counts.
const COMPILES: usize = 5;
/// Rounds, and how long one takes of each set.
const ROUNDS: usize = 12;
const ROUND: Duration = Duration::from_millis(120);

/// Invented text as people write it to such a team; every paragraph of its own.
const ENGLISH: &str = include_str!("rules/english.txt");
const MIXED: &str = include_str!("rules/mixed.txt");

fn main() {
    let files = shipped();
    let (compiled, base) = compile(&files);
    let again = (0..COMPILES).map(|_| compile(&files).0).min().unwrap_or(compiled).min(compiled);
    let (first, best) = (compiled.as_secs_f64(), again.as_secs_f64());
    println!("compile all shipped rules: {first:.3} s, {best:.3} s at best ({} rules, {} terms)", base.len(), terms(&files));
    let only = |word: &str| std::env::args().any(|argument| argument == word);
    if only("compile") {
        return;
    }
    let mut sets = vec![("shipped", base)];
    if !only("shipped") {
        sets.push(("10 x terms", compile(&more(&files, 9)).1));
        sets.push(("100 x terms", compile(&more(&files, 99)).1));
    }
    rates(&sets);
    println!("highest memory: {} MB", peak());
}

fn rates(sets: &[(&str, RuleSet)]) {
    for (name, text) in [("ASCII", ENGLISH), ("mixed", MIXED)] {
        let mails = mails(text);
        let bytes: usize = mails.iter().map(|mail| mail.fields.body.len()).sum();
        let best = measure(sets, &mails);
        for ((set, _), time) in sets.iter().zip(&best) {
            let rate = bytes as f64 / time.as_secs_f64() / 1e6;
            let ratio = time.as_secs_f64() / best[0].as_secs_f64();
            println!("{name} mails of 8 KB, {set}: {rate:.1} MB/s, cost x {ratio:.2}");
        }
    }
}

fn shipped() -> Vec<Source> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    let paths = std::fs::read_dir(&folder).expect("the rules are there").map(|entry| entry.expect("readable").path());
    let files = paths.filter(|path| path.extension().is_some_and(|ending| ending == "toml"));
    files.map(|path| Source::new(&path, std::fs::read_to_string(&path).expect("text"))).collect()
}

fn compile(files: &[Source]) -> (Duration, RuleSet) {
    let queues = ["threat-of-harm", "child-protection", "disinformation", "general"];
    let world = World {
        queues: queues.map(|queue| (queue.to_owned(), 100)).to_vec(),
        accounts: ["ca", "emergency", "drt"].map(str::to_owned).to_vec(),
        answers: Vec::new(),
    };
    let (problems, start) = (Problems::default(), Instant::now());
    let set = RuleSet::compile(files, &world, &problems);
    (start.elapsed(), problems.into_result(|| set).unwrap_or_else(|faults| panic!("{faults}")))
}

/// The lines that begin a list of one language: `en = ["...`.
fn is_list(line: &str) -> bool {
    line.split_once(" = [").is_some_and(|(code, _)| (2..=3).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_lowercase()))
}

/// How many terms the lists hold.
fn terms(files: &[Source]) -> usize {
    files.iter().flat_map(|file| file.text.lines()).map(|line| line.matches('"').count() / 2).sum()
}

/// Every line of terms with so many times as many more: each made of a term of the line, its letters moved about, so that
/// length, script, words, stars and beginnings are like those of real terms.
fn more(files: &[Source], times: usize) -> Vec<Source> {
    let mut random = Random(42);
    let mut grow = |file: &Source| {
        let mut in_terms = false;
        let mut text = String::new();
        for line in file.text.lines() {
            if line.starts_with('[') {
                in_terms = line.starts_with("[terms.");
            }
            text.push_str(line);
            text.push('\n');
            if in_terms && is_list(line) {
                text.truncate(text.rfind('[').map_or(text.len(), |at| at + 1));
                for term in line.split('"').skip(1).step_by(2) {
                    text += &format!("\"{term}\",");
                    (0..times).for_each(|_| text += &format!("\"{}\",", random.like(term)));
                }
                if line.trim_end().ends_with(']') {
                    text.push(']');
                }
                text.push('\n');
            } else if in_terms && line.trim_start().starts_with('"') {
                let ends = line.trim_end().ends_with(']');
                if ends {
                    // The list goes on behind its last term.
                    text.truncate(text.rfind(']').unwrap_or(text.len()));
                    text.push(',');
                }
                let all: Vec<&str> = line.split('"').skip(1).step_by(2).collect();
                for term in all {
                    (0..times).for_each(|_| text += &format!("\"{}\",", random.like(term)));
                }
                text.push_str(if ends { "]\n" } else { "\n" });
            }
        }
        Source::new(&file.path, text)
    };
    files.iter().map(&mut grow).collect()
}

/// Numbers that are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % most.max(1)
    }

    /// A term of the same shape whose words do not occur: the first two letters stay, the others are drawn.
    fn like(&mut self, term: &str) -> String {
        let mut at = 0;
        let drawn = |c: char, random: &mut Self| match c {
            'a'..='z' | 'A'..='Z' => (b'a' + random.below(26) as u8) as char,
            '\u{430}'..='\u{44f}' => char::from_u32(0x430 + random.below(32) as u32).unwrap_or(c),
            '\u{4e00}'..='\u{9fff}' => char::from_u32(0x4e00 + random.below(0x5000) as u32).unwrap_or(c),
            '\u{ac00}'..='\u{d7a3}' => char::from_u32(0xac00 + random.below(0x2b00) as u32).unwrap_or(c),
            other => other,
        };
        let mut made = String::new();
        for c in term.chars() {
            at = if c.is_alphanumeric() { at + 1 } else { 0 };
            made.push(if at <= 2 && c.is_ascii() { c } else { drawn(c, self) });
        }
        // So that no word of a language comes of it.
        let ending = made.chars().next_back().is_some_and(|c| c == '*');
        let body = made.trim_end_matches('*');
        let tail: String = (0..4).map(|_| ['q', 'x', 'z', 'j', 'w', 'v'][self.below(6)]).collect();
        if ending { format!("{body}{tail}*") } else { format!("{body}{tail}") }
    }
}

/// Mails of about [`MAIL`] bytes from the paragraphs of a text, each beginning with another.
fn mails(text: &str) -> Vec<Report> {
    let paragraphs: Vec<&str> = text.split("\n\n").filter(|p| !p.trim().is_empty()).collect();
    let mail = |first: usize| {
        let mut body = String::new();
        for paragraph in paragraphs.iter().cycle().skip(first) {
            if body.len() >= MAIL {
                break;
            }
            body = body + paragraph + "\n\n";
        }
        let subject = "A question about an article".to_owned();
        let language = Some("en".to_owned());
        Report { fields: Fields { subject, body, ..Fields::default() }, language, ..Report::blank(from_millis(0)) }
    };
    (0..paragraphs.len()).map(mail).collect()
}

/// The best time of each set over all mails, on a thread of its own as in the daemon: memory is found faster there than where
/// rules were compiled, which leaves millions of small holes.
fn measure(sets: &[(&str, RuleSet)], mails: &[Report]) -> Vec<Duration> {
    std::thread::scope(|scope| scope.spawn(|| best_times(sets, mails)).join().expect("it judges"))
}

fn best_times(sets: &[(&str, RuleSet)], mails: &[Report]) -> Vec<Duration> {
    let place = Place { account: "ca".to_owned(), default: "general".to_owned(), floor: "general".to_owned() };
    let mut best = vec![Duration::MAX; sets.len()];
    for _ in 0..ROUNDS {
        for ((_, set), best) in sets.iter().zip(&mut best) {
            let begun = Instant::now();
            while begun.elapsed() < ROUND {
                let start = Instant::now();
                for mail in mails {
                    std::hint::black_box(set.judge(mail, &place));
                }
                *best = (*best).min(start.elapsed());
            }
        }
    }
    best
}

/// VmHWM of this process, in megabytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).map_or(0, |kb| kb / 1024)
}
