//! Config, rules and answer texts as one checked, frozen value (law 8): it is whole or it is not there. The daemon swaps
//! it whole; every operator command judges with the very same.

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use ring::digest::{Context, SHA256};

use crate::clock::{Clock, Timestamp};
use crate::config::{self, Account, Config, Intake};
use crate::message::auth;
use crate::problem::{Faults, Problems, Source, did_you_mean};
use crate::reply::guard;
use crate::reply::referral::Referrals;
use crate::reply::template::Templates;
use crate::report::{Damage, Envelope, Report};
use crate::rules::{Choice, Moment, Place, RuleSet, Trace, Verdict, World};
use crate::table::Word;

mod rotas;

pub use rotas::HORIZON_DAYS;
use rotas::{calendar_files, check_rotas, check_steps, read_calendars};

include!(concat!(env!("OUT_DIR"), "/shipped.rs"));

/// The sample, which is also what `classify` judges by when there is no config.
const SAMPLE: (&str, &str) = ("config/triaged.toml", include_str!("../config/triaged.toml"));

/// Everything an operator can change, checked against each other.
#[derive(Debug)]
pub struct Policy {
    /// The config.
    pub config: Config,
    /// The rules.
    pub rules: RuleSet,
    /// The answer texts.
    pub templates: Templates,
    /// What is allowed but worth a look, each with file and line: `check` prints them, the daemon logs them.
    pub warnings: Vec<String>,
}

/// A mail, judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// What it says.
    pub report: Report,
    /// What was decided.
    pub verdict: Verdict,
    /// Where it came to: what the verdict started from.
    pub place: Place,
    /// The intake address that answers, lower case.
    pub contact: String,
    /// What is decided instead if it turns out to join a case: only where a rule asks for that.
    pub if_follow_up: Option<Verdict>,
}

/// When, and how long, a mail is judged.
#[derive(Clone, Copy)]
pub struct Sitting<'s> {
    /// The present moment; `None`: that of its receipt.
    pub now: Option<Timestamp>,
    /// True when there is no time left (see [`Moment`]).
    pub time_is_up: &'s dyn Fn() -> bool,
}

impl Policy {
    /// Reads the config at `path`, and the rules and texts it names (or the shipped ones).
    ///
    /// # Errors
    /// Everything that is wrong in any of the files, at once.
    pub fn load(path: &Path) -> Result<Policy, Faults> {
        Self::load_with(path, None)
    }

    /// As [`Policy::load`], with the rules of the folder `rules`, where given, in place of the config's: what an operator tries out.
    ///
    /// # Errors
    /// Everything that is wrong in any of the files, at once.
    pub fn load_with(path: &Path, rules: Option<&Path>) -> Result<Policy, Faults> {
        let problems = Problems::default();
        match read_file(path, &problems) {
            Some(source) => Self::assemble(&source, rules, problems),
            None => Err(problems.into_faults()),
        }
    }

    /// Reads the config alone: for commands that only need the store.
    ///
    /// # Errors
    /// Everything that is wrong in the config.
    pub fn load_config(path: &Path) -> Result<Config, Faults> {
        let problems = Problems::default();
        match read_file(path, &problems) {
            Some(source) => {
                let config = config::read(&source, &problems);
                problems.into_result(|| config)
            }
            None => Err(problems.into_faults()),
        }
    }

    /// The sample config with the shipped rules and texts. They are part of the program, so nothing is read from disk.
    pub fn shipped() -> Policy {
        // Not input: the test `what_is_shipped_is_valid` holds it.
        Self::shipped_with(None).unwrap_or_else(|faults| panic!("the shipped policy is broken:\n{faults}"))
    }

    /// The sample config alone.
    #[cfg(test)]
    pub(crate) fn shipped_config() -> Config {
        config::read(&Source::new(SAMPLE.0, SAMPLE.1), &Problems::default())
    }

    /// The sample config and the shipped texts with the rules of a folder.
    ///
    /// # Errors
    /// Everything that is wrong in the rule files, at once.
    pub fn shipped_with(rules: Option<&Path>) -> Result<Policy, Faults> {
        Self::assemble(&Source::new(SAMPLE.0, SAMPLE.1), rules, Problems::default())
    }

    fn assemble(source: &Source, rules: Option<&Path>, problems: Problems) -> Result<Policy, Faults> {
        let now = Clock::System.now();
        let Some(Parts { mut config, places, texts }) = read_parts(source, now, &problems) else {
            return Err(problems.into_faults());
        };
        if let Some(folder) = rules {
            config.rules = Some(folder.to_path_buf());
        }
        let rules = RuleSet::compile(&rule_files(&config, &problems), &world(&config, &texts), &problems);
        let templates = compile_templates(&config, &texts, &rules.answers(), &problems);
        check_languages(source, &places.languages, &templates, &problems);
        check_topics(source, &places.topics, &rules.topics(), &templates, &problems);
        check_rotas(source, &config, &places.rotas, now, &problems);
        check_steps(source, &config, now, &problems);
        let warnings = problems.warnings();
        problems.into_result(|| Policy { config, rules, templates, warnings })
    }

    /// The files that the rules were compiled from, read again: for tools that show where something stands.
    ///
    /// # Errors
    /// When the folder or a file of it cannot be read any more.
    pub fn rule_files(&self) -> Result<Vec<Source>, Faults> {
        let problems = Problems::default();
        let files = rule_files(&self.config, &problems);
        problems.into_result(|| files)
    }

    /// Reads and judges one mail that lay in `account`. Call it on a thread with a large stack, as [`crate::message::read`].
    /// An account that is not (or no longer) configured is judged as if its mail named no address: by the most urgent floor.
    pub fn judge(&self, account: &str, raw: &[u8], envelope: &Envelope) -> Judged {
        self.judge_at(account, raw, envelope, Sitting { now: None, time_is_up: &|| false })
    }

    /// As [`Policy::judge`], at a moment and in bounded time.
    pub fn judge_at(&self, account: &str, raw: &[u8], envelope: &Envelope, sitting: Sitting<'_>) -> Judged {
        // A fault of ours in reading must not lose a mail either.
        let mut report = catch_unwind(AssertUnwindSafe(|| crate::message::read(raw, envelope)))
            .unwrap_or_else(|_| crate::message::unreadable(raw, envelope));
        let (place, contact) = self.place_of(account, &report);
        let verdict = self.verdict(&report, &place, sitting, false);
        let joins = self.rules.asks_follow_up().then(|| self.verdict(&report, &place, sitting, true));
        if verdict.trace.unasked + joins.as_ref().map_or(0, |v| v.trace.unasked) > 0 {
            report.damage.push(Damage::NotJudgedWhole);
        }
        Judged { report, verdict, place, contact, if_follow_up: joins }
    }

    fn verdict(&self, report: &Report, place: &Place, sitting: Sitting<'_>, follow_up: bool) -> Verdict {
        let auth = auth::results(report, &self.config.identity.authserv_ids);
        let now = sitting.now.unwrap_or(report.received);
        let moment = Moment { now, follow_up, auth, time_is_up: sitting.time_is_up };
        // A fault of ours in a rule must not lose a mail: it goes to its floor, or higher (law 2).
        catch_unwind(AssertUnwindSafe(|| self.rules.judge_at(report, place, &moment))).unwrap_or_else(|_| self.unjudged(place))
    }

    /// Which of our addresses a mail came to: where its verdict starts, and the address that answers.
    pub fn place_of(&self, account: &str, report: &Report) -> (Place, String) {
        place_of(&self.config, account, report)
    }

    /// The account whose intake address a mail names; where it names none, the first.
    pub fn account_of(&self, report: &Report) -> String {
        let delivered: Vec<String> = report.delivered_to.iter().map(|a| config::base(a)).collect();
        let written: Vec<String> = report.to.iter().chain(&report.cc).map(|a| config::base(&a.address)).collect();
        let names = |bases: &[String]| self.config.accounts.iter().find(|account| !named(account, bases).is_empty());
        let account = names(&delivered).or_else(|| names(&written)).or(self.config.accounts.first());
        account.map_or_else(String::new, |account| account.id.clone())
    }

    /// The verdict on a mail that the rules failed on.
    fn unjudged(&self, place: &Place) -> Verdict {
        let queue = most_urgent(&self.config, [&place.default, &place.floor].into_iter()).cloned();
        let because = "the rules failed on this mail through a fault of ours: it goes to the more urgent of default and floor";
        let trace = Trace {
            rules_hash: self.rules.hash().into(),
            fired: Vec::new(),
            vetoed: Vec::new(),
            sums: Vec::new(),
            default: place.default.clone(),
            floor: place.floor.clone(),
            because: vec![because.into()],
            unasked: self.rules.len(),
        };
        let (passed, topics, flags, answer) = Default::default();
        Verdict { queue: queue.unwrap_or_default(), passed, topics, flags, answer, trace }
    }

    /// May this mail be answered, and to whom? The guard, with all it needs from the config.
    pub fn answer(&self, judged: &Judged, so_far: guard::SoFar, now: Timestamp) -> guard::Answer {
        let identity = &self.config.identity;
        let answer = guard::guard(&guard::Question {
            report: &judged.report,
            flags: &judged.verdict.flags,
            raised: !judged.verdict.passed.is_empty() && judged.verdict.passed != ["general"],
            identity,
            own_addresses: &self.config.own_addresses(),
            limits: &self.config.limits,
            auth: &auth::results(&judged.report, &identity.authserv_ids),
            so_far,
            now,
        });
        match (answer, &judged.verdict.answer) {
            (guard::Answer::Send { .. }, Some(Choice { text: None, rule })) => guard::Answer::Withhold {
                reason: "rule".to_owned(),
                why: format!("the rule {rule} says that such mail is not answered"),
            },
            (answer, _) => answer,
        }
    }

    /// The folders whose files make up this policy: what is watched for changes.
    pub fn folders(&self, path: &Path) -> Vec<PathBuf> {
        let folder_of = |file: &Path| file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_path_buf();
        let own = folder_of(path);
        let mut calendars: Vec<_> =
            calendar_files(&self.config).map(|file| folder_of(file)).filter(|folder| *folder != own).collect();
        calendars.dedup();
        [Some(own), self.config.rules.clone(), self.texts_folder("acknowledgement"), self.texts_folder("referral")]
            .into_iter()
            .flatten()
            .chain(calendars)
            .collect()
    }

    /// A hash over every file that makes up this policy as it lies on disk now: tells whether anything changed.
    pub fn fingerprint(&self, path: &Path) -> [u8; 32] {
        let quiet = Problems::default();
        let files =
            |folder: Option<PathBuf>, ending| folder.and_then(|folder| read_folder(&folder, ending, &quiet)).unwrap_or_default();
        let mut hash = Context::new(&SHA256);
        hash.update(&fs::read(path).unwrap_or_default());
        let (answers, referrals) = (self.texts_folder("acknowledgement"), self.texts_folder("referral"));
        let sources = [files(self.config.rules.clone(), "toml"), files(answers, "txt"), files(referrals, "toml")];
        for source in sources.iter().flatten() {
            hash.update(source.path.as_os_str().as_encoded_bytes());
            hash.update(source.text.as_bytes());
        }
        for file in calendar_files(&self.config) {
            hash.update(file.as_os_str().as_encoded_bytes());
            hash.update(&fs::read(file).unwrap_or_default());
        }
        let mut print = [0; 32];
        print.copy_from_slice(hash.finish().as_ref());
        print
    }

    fn texts_folder(&self, kind: &str) -> Option<PathBuf> {
        self.config
            .templates
            .as_ref()
            .map(|folder| folder.join(kind))
            .filter(|folder| kind == "acknowledgement" || folder.is_dir())
    }
}

/// A config, and what is yet to be checked against the rest.
struct Parts {
    config: Config,
    places: config::Places,
    /// The folder of answer texts, and its files if it can be read.
    texts: (PathBuf, Option<Vec<Source>>),
}

/// Config, the calendars of its rotas and the files of answer texts; `None` when the config does not stand: what the rest is checked against is not known then,
/// and sound files would be accused.
fn read_parts(source: &Source, now: Timestamp, problems: &Problems) -> Option<Parts> {
    let (mut config, places) = config::read_placed(source, problems);
    if !problems.is_empty() {
        return None;
    }
    read_calendars(&mut config, now, problems);
    let texts = template_files(&config, problems);
    Some(Parts { config, places, texts })
}

/// Delivered-To, X-Original-To and Envelope-To say where a mail came to, if they name an address of this account, else To
/// and Cc; of several the most urgent counts; a mail that names none gets the account's own. Beyond that every intake
/// address in To and Cc, also of other accounts, raises the floor: one mail to two mailboxes has the higher floor from
/// its first copy on.
fn place_of(config: &Config, account: &str, report: &Report) -> (Place, String) {
    let Some(account) = config.account(account) else { return place_unknown(config, account) };
    let written: Vec<String> = report.to.iter().chain(&report.cc).map(|a| config::base(&a.address)).collect();
    let delivered: Vec<String> = report.delivered_to.iter().map(|a| config::base(a)).collect();
    let mut reached = named(account, &delivered);
    if reached.is_empty() {
        reached = named(account, &written);
    }
    let default = most_urgent(config, reached.iter().map(|i| &i.queue)).unwrap_or(&account.queue);
    let own = most_urgent(config, reached.iter().map(|i| &i.floor)).unwrap_or(&account.floor);
    let beyond = config.accounts.iter().flat_map(|a| named(a, &written)).map(|i| &i.floor);
    let floor = most_urgent(config, beyond.chain([own])).unwrap_or(own);
    let first = reached.into_iter().min_by_key(|i| (config.urgency(&i.floor), config.urgency(&i.queue)));
    let contact = first.or(account.intake.first()).map_or_else(String::new, |i| i.address.clone());
    (Place { account: account.id.clone(), default: default.clone(), floor: floor.clone() }, contact)
}

/// An account that is no longer configured: nothing is known of its mail, so it counts as the most urgent (law 2).
fn place_unknown(config: &Config, account: &str) -> (Place, String) {
    let queue = config.queues.first().map_or_else(String::new, |q| q.name.clone());
    let place = Place { account: account.to_owned(), default: queue.clone(), floor: queue };
    (place, config.identity.general_contact.to_lowercase())
}

fn most_urgent<'q>(config: &Config, queues: impl Iterator<Item = &'q String>) -> Option<&'q String> {
    queues.min_by_key(|queue| config.urgency(queue))
}

/// Intake addresses of this account among `bases` (see [`config::base`]).
fn named<'a>(account: &'a Account, bases: &[String]) -> Vec<&'a Intake> {
    account.intake.iter().filter(|intake| bases.contains(&config::base(&intake.address))).collect()
}

/// What rules may name. Of answer texts: those in English that are no queue's.
fn world(config: &Config, (_, texts): &(PathBuf, Option<Vec<Source>>)) -> World {
    let name = |file: &Source| file.path.file_name()?.to_str()?.strip_suffix(".en.txt").map(str::to_owned);
    let answers = texts.iter().flatten().filter_map(name);
    World {
        answers: answers.filter(|name| name != "default" && config.queue(name).is_none()).collect(),
        queues: config.queues.iter().map(|queue| (queue.name.clone(), queue.threshold)).collect(),
        accounts: config.accounts.iter().map(|account| account.id.clone()).collect(),
    }
}

fn rule_files(config: &Config, problems: &Problems) -> Vec<Source> {
    let Some(folder) = &config.rules else { return embedded(RULES) };
    let files = read_folder(folder, "toml", problems);
    if files.as_ref().is_some_and(Vec::is_empty) {
        problems.whole(folder, "no rule file (*.toml) lies in this folder");
    }
    files.unwrap_or_default()
}

fn template_files(config: &Config, problems: &Problems) -> (PathBuf, Option<Vec<Source>>) {
    match &config.templates {
        None => (PathBuf::from("config/templates/acknowledgement"), Some(shipped_templates(config))),
        Some(templates) => {
            let folder = templates.join("acknowledgement");
            let files = read_folder(&folder, "txt", problems);
            (folder, files)
        }
    }
}

/// The texts of referrals: the folder may be missing where nothing is referred elsewhere.
fn referral_files(config: &Config, problems: &Problems) -> Vec<Source> {
    let Some(templates) = &config.templates else { return embedded(REFERRALS) };
    let folder = templates.join("referral");
    if folder.is_dir() { read_folder(&folder, "toml", problems).unwrap_or_default() } else { Vec::new() }
}

/// The texts of queues, and those that a rule chooses.
fn compile_templates(config: &Config, texts: &(PathBuf, Option<Vec<Source>>), chosen: &[&str], problems: &Problems) -> Templates {
    let queues = config.queues.iter().map(|queue| queue.name.as_str());
    let names: Vec<_> = queues.chain(chosen.iter().copied()).collect();
    // A folder that cannot be read was noted; that it lacks files is no news then.
    let (folder, files) = texts;
    let referrals = Referrals::compile(&referral_files(config, problems), problems);
    files.as_ref().map_or_else(Templates::default, |files| Templates::compile(files, referrals, folder, &names, problems))
}

/// The shipped texts of the queues there are: nobody is at fault for not having all of ours.
fn shipped_templates(config: &Config) -> Vec<Source> {
    let of_a_queue = |file: &Source| {
        let name = file.path.file_name().unwrap_or_default().to_string_lossy();
        name.split_once('.').is_none_or(|(queue, _)| queue == "default" || config.queue(queue).is_some())
    };
    embedded(TEMPLATES).into_iter().filter(of_a_queue).collect()
}

fn check_languages(source: &Source, languages: &[Word], templates: &Templates, problems: &Problems) {
    for word in languages.iter().filter(|word| !templates.speaks(&word.value)) {
        let spoken = templates.languages();
        let near = did_you_mean(&word.value, spoken.iter().copied());
        let help = near.map_or_else(|| format!("there are: {}", spoken.join(", ")), |near| format!("did you mean \"{near}\"?"));
        problems.at(
            source,
            word.span.clone(),
            format!("there is no default.{}.txt among the answer texts", word.value),
            Some(help),
        );
    }
}

/// A topic that is referred elsewhere must have a text; one that no rule gives is never referred, and probably misspelled.
fn check_topics(source: &Source, topics: &[Word], given: &BTreeSet<&str>, templates: &Templates, problems: &Problems) {
    for word in topics {
        let near = did_you_mean(&word.value, given.iter().copied()).map(|near| format!("did you mean \"{near}\"?"));
        if !given.contains(word.value.as_str()) {
            problems.warn(source, word.span.clone(), format!("no rule gives the topic \"{}\"", word.value), near);
        } else if !templates.refers(&word.value) {
            let message = format!("there is no English text for a referral of \"{}\"", word.value);
            problems.at(
                source,
                word.span.clone(),
                message,
                Some(format!("write one into referral/en.toml: {} = \"...\"", word.value)),
            );
        }
    }
}

fn embedded(files: &[(&str, &str)]) -> Vec<Source> {
    files.iter().map(|(path, text)| Source::new(*path, *text)).collect()
}

/// A file's text; what cannot be read, or is not UTF-8, is noted with its name.
fn read_file(path: &Path, problems: &Problems) -> Option<Source> {
    let bytes = fs::read(path).map_err(|error| problems.whole(path, format!("cannot be read: {error}"))).ok()?;
    match String::from_utf8(bytes) {
        // Some editors put a byte order mark first; it is no part of the text.
        Ok(text) => Some(Source::new(path, text.strip_prefix('\u{feff}').unwrap_or(&text))),
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            let line = error.as_bytes()[..valid].iter().filter(|b| **b == b'\n').count() + 1;
            problems.whole(path, format!("line {line} is not UTF-8: save the file in that encoding"));
            None
        }
    }
}

/// Every file of that ending in a folder, sorted by name; `None` when the folder cannot be read. Hidden files are an editor's own.
fn read_folder(folder: &Path, ending: &str, problems: &Problems) -> Option<Vec<Source>> {
    let list = || -> std::io::Result<Vec<PathBuf>> { fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect() };
    let mut paths = list().map_err(|error| problems.whole(folder, format!("cannot be read: {error}"))).ok()?;
    let hidden = |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    paths.retain(|path| path.extension().is_some_and(|e| e == ending) && !hidden(path));
    paths.sort();
    Some(paths.iter().filter_map(|path| read_file(path, problems)).collect())
}

#[cfg(test)]
mod tests;
