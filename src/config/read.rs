//! A file to a [`Config`], or to everything that is wrong with it at once. Strict: what nobody asked for is refused,
//! names that point elsewhere must lead somewhere, and nothing is guessed where a guess could lose a mail.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::account::{Seen, read_accounts};
use super::address::{base, is_address, is_domain};
use super::ladder::read_ladders;
use super::queue::read_queues;
use super::referral::read_referrals;
use super::rota::{read_people, read_rotas};
use super::server::read_send;
use super::watch::{read_canary, read_heartbeat, read_http, read_watch, read_webhooks};
use super::{Config, Identity, Limits, Send, Store};
use crate::problem::{Problems, Source, did_you_mean};
use crate::table::{self, Table, Word};

/// Reads a config file. Everything wrong is noted in `problems`, with file, line and caret; the config is of use only if
/// there is nothing. Relative paths in it are taken from the folder of `source.path`, never from the working directory.
pub fn read(source: &Source, problems: &Problems) -> Config {
    read_placed(source, problems).0
}

/// Words of the config that point at rules or answer texts: whether they lead somewhere is only known when those are read.
#[derive(Default)]
pub(crate) struct Places {
    /// Fallback languages.
    pub languages: Vec<Word>,
    /// Topics of `[referrals]`.
    pub topics: Vec<Word>,
    /// Names of rotas, in the order of [`Config::rotas`].
    pub rotas: Vec<Word>,
}

/// Like [`read`], with the words that the rest of the policy must know.
pub(crate) fn read_placed(source: &Source, problems: &Problems) -> (Config, Places) {
    table::read(source, problems, |root| read_root(root, &Ground::of(&source.path)))
}

/// What relative paths start from.
pub(super) struct Ground {
    /// The folder of the config file.
    pub folder: PathBuf,
}

impl Ground {
    fn of(file: &Path) -> Self {
        Ground { folder: file.parent().map(Path::to_path_buf).unwrap_or_default() }
    }

    /// The path an operator wrote, from the config's folder.
    pub fn path(&self, word: &Word) -> PathBuf {
        self.folder.join(&word.value)
    }
}

// Order matters only among people, rotas, ladders, queues and accounts: each is checked against the names before it.
fn read_root(root: &Table<'_>, ground: &Ground) -> (Config, Places) {
    let identity = root.need_table("identity").map(|t| read_identity(&t));
    let store = root.need_table("store").map(|t| read_store(&t, ground));
    let send = read_send(root, ground);
    let (mut ladder_names, mut queue_names) = (Names::new("ladder"), Names::new("queue"));
    let (mut outward, mut seen) = (Vec::new(), Seen::default());
    // One name means one of them, whatever it is: a ladder's step names it.
    let (mut hooks, mut person_names, mut rota_names) = (Names::new("webhook"), Names::new("person"), Names::new("rota"));
    let (mut used, mut rota_places) = (Vec::new(), Vec::new());
    let webhooks = read_webhooks(root, ground, &mut hooks);
    let people = read_people(root, &mut person_names, &mut outward, &mut used);
    used.iter().for_each(|word| drop(hooks.check(root, word)));
    let rotas = read_rotas(root, ground, &person_names, &mut rota_names, &mut rota_places);
    let reached = Names::of_all("person, rota or webhook", root, &[&person_names, &rota_names, &hooks]);
    let ladders = read_ladders(root, &mut ladder_names, &reached, &mut outward);
    let watch = read_watch(root, &ladder_names);
    let queues = read_queues(root, &mut queue_names, &ladder_names, &mut outward);
    let accounts = read_accounts(root, ground, &queue_names, &mut seen);
    refuse_loops(root, &outward, &seen.addresses);
    let rules = root.text("rules").map(|word| ground.path(&word));
    let templates = root.text("templates").map(|word| ground.path(&word));
    let mut topics = Vec::new();
    let referrals = root.table("referrals").map_or_else(Vec::new, |t| read_referrals(&t, &mut topics));
    let limits = root.table("limits").map_or_else(Limits::default, |t| read_limits(&t));
    let config = Config {
        identity: identity.unwrap_or_default(),
        store: store.unwrap_or_else(|| Store { path: ground.folder.clone(), min_free: 0 }),
        send: send.unwrap_or_else(|| Send::Files(ground.folder.clone())),
        accounts,
        queues,
        ladders,
        webhooks,
        watch,
        canary: read_canary(root),
        heartbeat: read_heartbeat(root, ground),
        http: read_http(root),
        people,
        rotas,
        rules,
        templates,
        referrals,
        limits,
    };
    (config, Places { languages: seen.languages, topics, rotas: rota_places })
}

fn read_identity(t: &Table<'_>) -> Identity {
    let name = t.need_text("name");
    if name.value.chars().any(char::is_control) {
        t.problem(name.span, "`name` goes into From of every answer: it must be one line", None);
    }
    let domain = t.need_text("domain");
    if !domain.value.is_empty() && !is_domain(&domain.value) {
        let help = "such as \"example.org\"".to_owned();
        t.problem(domain.span, format!("`domain` is not a domain name: \"{}\"", domain.value), Some(help));
    }
    let contact = t.need_text("general_contact");
    if !contact.value.is_empty() && !is_address(&contact.value) {
        bad_address(t, &contact);
    }
    let lower = |words: Vec<Word>| words.into_iter().map(|word| word.value.to_lowercase()).collect();
    let identity = Identity {
        name: name.value,
        domain: domain.value.to_lowercase(),
        general_contact: contact.value,
        authserv_ids: lower(t.texts("authserv_ids")),
        own_addresses: lower(addresses(t, "own_addresses")),
        plus_address: t.flag("plus_address").unwrap_or(false),
        trusted_relays: lower(addresses(t, "trusted_relays")),
    };
    t.finish();
    identity
}

fn read_store(t: &Table<'_>, ground: &Ground) -> Store {
    let path = ground.path(&t.need_text("path"));
    let min_free = t.size("min_free").unwrap_or(256 << 20);
    t.finish();
    Store { path, min_free }
}

fn read_limits(t: &Table<'_>) -> Limits {
    let usual = Limits::default();
    let limits = Limits {
        memory: t.size("memory").unwrap_or(usual.memory),
        message: t.size("message").unwrap_or(usual.message),
        part: t.size("part").unwrap_or(usual.part),
        judging: t.duration_within("judging", Duration::from_millis(100)..=Duration::from_secs(600)).unwrap_or(usual.judging),
        answer_age: t.duration_within("answer_age", Duration::from_secs(60)..=Duration::MAX).unwrap_or(usual.answer_age),
        answers_per_sender: count(t, "answers_per_sender", usual.answers_per_sender),
        answers_per_hour: count(t, "answers_per_hour", usual.answers_per_hour),
    };
    if limits.message > limits.memory / 2 {
        let help = "while one mail is judged the next is fetched: two must fit".to_owned();
        t.problem(t.span_of("message"), "`message` must be at most half of `memory`", Some(help));
    }
    if limits.part == 0 || limits.part > limits.message / 2 {
        let help = "it is fetched twice, from the beginning and from the end".to_owned();
        t.problem(t.span_of("part"), "`part` must be at least 1 B and at most half of `message`", Some(help));
    }
    t.finish();
    limits
}

fn count(t: &Table<'_>, key: &'static str, usual: u32) -> u32 {
    t.number(key, 0..=1_000_000).map_or(usual, |n| n as u32)
}

/// A forward or an alert to an address that we read ourselves would come back as a new case, for ever.
fn refuse_loops(t: &Table<'_>, outward: &[Word], intake: &[Word]) {
    for word in outward {
        if intake.iter().any(|own| base(&own.value) == base(&word.value)) {
            let message = format!("{} is read by triaged itself: mail sent there would come back for ever", word.value);
            t.problem(word.span.clone(), message, Some("name an address that people read".into()));
        }
    }
}

/// Names of one kind that an operator gave, to be pointed at from elsewhere.
pub(super) struct Names {
    what: &'static str,
    known: Vec<String>,
}

impl Names {
    /// No names yet, of `what`: "queue", "ladder".
    pub fn new(what: &'static str) -> Self {
        Names { what, known: Vec::new() }
    }

    /// The names of several kinds together; a webhook that is called like a person or a rota is noted.
    pub fn of_all(what: &'static str, root: &Table<'_>, kinds: &[&Names]) -> Self {
        let mut all = Names::new(what);
        for name in kinds.iter().flat_map(|names| &names.known) {
            match all.known.contains(name) {
                true => {
                    root.problem_whole(format!("`{name}` names two things: people, rotas and webhooks need names of their own"))
                }
                false => all.known.push(name.clone()),
            }
        }
        all
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.known.len()
    }

    /// Takes a name in, or notes that it is taken.
    pub fn add(&mut self, t: &Table<'_>, word: &Word) {
        if self.known.contains(&word.value) {
            let what = self.what;
            t.problem(word.span.clone(), format!("the {what} `{}` stands here twice", word.value), None);
        } else if !word.value.is_empty() {
            self.known.push(word.value.clone());
        }
    }

    /// Is it one of the names?
    pub fn holds(&self, name: &str) -> bool {
        self.known.iter().any(|known| known == name)
    }

    /// The name that `word` points at; a name that leads nowhere is noted, with the nearest that does.
    pub fn check(&self, t: &Table<'_>, word: &Word) -> String {
        // An empty word, and a config without a single one of the kind, were complained about already.
        let silent = word.value.trim().is_empty() || (self.known.is_empty() && self.what == "queue");
        if !silent && !self.known.contains(&word.value) {
            let names = self.known.iter().map(String::as_str);
            let help = match did_you_mean(&word.value, names) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None if self.known.is_empty() => format!("there is no [[{}]] in the file", self.what),
                None => format!("known: {}", self.known.join(", ")),
            };
            t.problem(word.span.clone(), format!("there is no {} `{}`", self.what, word.value), Some(help));
        }
        word.value.clone()
    }
}

/// A name that rules, commands and file names use: small letters, digits, hyphens.
pub(super) fn identifier(t: &Table<'_>, key: &'static str) -> Word {
    let word = t.need_text(key);
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let too_long = word.value.len() > 64;
    // An empty one was noted by need_text.
    if !word.value.trim().is_empty() && (too_long || !word.value.bytes().all(fits)) {
        let help = "small letters, digits and hyphens, such as \"threat-of-harm\"".to_owned();
        t.problem(word.span.clone(), format!("`{key}` cannot be \"{}\"", word.value), Some(help));
    }
    word
}

/// A list of addresses, as written; those that are none are noted and left out.
pub(super) fn addresses(t: &Table<'_>, key: &'static str) -> Vec<Word> {
    let (good, bad): (Vec<_>, Vec<_>) = t.texts(key).into_iter().partition(|word| is_address(&word.value));
    bad.iter().for_each(|word| bad_address(t, word));
    good
}

/// Like [`addresses`], where an empty list means that somebody is not told.
pub(super) fn need_addresses(t: &Table<'_>, key: &'static str, otherwise: &str) -> Vec<Word> {
    if t.lacks(key) {
        t.problem(t.span_of(key), otherwise, Some(format!("`{key}` needs at least one address")));
        return Vec::new();
    }
    addresses(t, key)
}

/// Notes that a word is no address.
pub(super) fn bad_address(t: &Table<'_>, word: &Word) {
    let help = "such as \"team@example.org\", without a name or brackets".to_owned();
    t.problem(word.span.clone(), format!("not an address: \"{}\"", word.value), Some(help));
}
