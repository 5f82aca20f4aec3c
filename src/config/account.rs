//! Reading accounts: where mail lies, which addresses it came to, and what happens to it once it is ours.

use std::time::Duration;

use super::address::base;
use super::read::{Ground, Names, bad_address, identifier};
use super::server::{IMAP, read_login, read_server};
use super::{Account, Done, Imap, Intake, Login, LoginMethod, Mailbox, Maildir, Secret, address};
use crate::table::{Table, Word};

/// What accounts are checked against, and what later checks need of them.
#[derive(Default)]
pub(super) struct Seen {
    /// Every intake address, each once.
    pub addresses: Vec<Word>,
    /// Every fallback language: the templates must have it.
    pub languages: Vec<Word>,
}

/// All `[[account]]`, ids unique.
pub(super) fn read_accounts(root: &Table<'_>, ground: &Ground, queues: &Names, seen: &mut Seen) -> Vec<Account> {
    let tables = root.tables("account");
    if root.lacks("account") {
        root.problem_whole("no [[account]] in the file: there must be at least one mailbox to read");
    }
    let mut ids = Names::new("account");
    tables.iter().map(|t| read_account(t, ground, queues, &mut ids, seen)).collect()
}

fn read_account(t: &Table<'_>, ground: &Ground, queues: &Names, ids: &mut Names, seen: &mut Seen) -> Account {
    let id = identifier(t, "id");
    ids.add(t, &id);
    let queue = queues.check(t, &t.need_text("queue"));
    let floor = queues.check(t, &t.need_text("floor"));
    let mailbox = read_mailbox(t, ground);
    let done = read_done(t, mailbox.as_ref());
    let intake = read_intakes(t, queues, &queue, &floor, seen);
    let languages = read_languages(t);
    let fallback_languages = languages.iter().map(|word| word.value.clone()).collect();
    seen.languages.extend(languages);
    // Over five minutes an IDLE connection can be dead without anybody noticing (FIELD.md "IMAP").
    let poll = t.duration_within("poll", Duration::from_millis(100)..=Duration::from_secs(300));
    let poll = poll.unwrap_or(Duration::from_secs(60));
    t.finish();
    // Without a mailbox the config is refused already; the filler is never used.
    let mailbox = mailbox.unwrap_or(Mailbox::Maildir(Maildir { path: ground.folder.clone(), junk: String::new() }));
    Account { id: id.value, mailbox, done, queue, floor, intake, fallback_languages, poll }
}

fn read_languages(t: &Table<'_>) -> Vec<Word> {
    let languages = t.texts("fallback_languages");
    for word in &languages {
        if !(word.value.len() == 2 && word.value.bytes().all(|b| b.is_ascii_lowercase())) {
            let help = "an ISO 639-1 code of two small letters, such as \"de\"".to_owned();
            t.problem(word.span.clone(), format!("\"{}\" is not a language", word.value), Some(help));
        }
    }
    languages
}

fn read_mailbox(t: &Table<'_>, ground: &Ground) -> Option<Mailbox> {
    let imap = t.table("imap").map(|imap| Mailbox::Imap(read_imap(&imap, ground)));
    let maildir = t.table("maildir");
    if let (Some(_), Some(second)) = (&imap, &maildir) {
        t.problem(second.span(), "an account is one mailbox: [account.imap] or [account.maildir], not both", None);
    }
    let maildir = maildir.map(|m| Mailbox::Maildir(read_maildir(&m, ground)));
    if !t.has("imap") && !t.has("maildir") {
        let help = "add [account.imap] or [account.maildir] below it".to_owned();
        t.problem(t.span(), "this account has no mailbox", Some(help));
    }
    imap.or(maildir)
}

fn read_imap(t: &Table<'_>, ground: &Ground) -> Imap {
    let server = read_server(t, ground, &IMAP);
    let login = read_login(t, ground);
    // What is half there was noted by read_login; here only that nothing is there at all.
    let half = ["user", "password_file", "password_credential", "token_file", "token_credential"].into_iter().any(|k| t.has(k));
    if login.is_none() && !half {
        let help = "`user` and one of `password_file`, `password_credential`, `token_file`, `token_credential`".to_owned();
        t.problem(t.span(), "no login for this mailbox", Some(help));
    }
    let filler = Login { user: String::new(), secret: Secret::Credential(String::new()), method: LoginMethod::Password };
    let idle = t.flag("idle").unwrap_or(true);
    let folders = t.texts("folders");
    let junk_folders = t.texts("junk_folders");
    for junk in &junk_folders {
        if !folders.is_empty() && !folders.iter().any(|folder| folder.value == junk.value) {
            let help = "name it in `folders` too, or leave `folders` out to read the inbox and the junk folder".to_owned();
            t.problem(junk.span.clone(), format!("the junk folder \"{}\" is not read", junk.value), Some(help));
        }
    }
    t.finish();
    let plain = |words: Vec<Word>| words.into_iter().map(|word| word.value).collect();
    Imap { server, login: login.unwrap_or(filler), idle, folders: plain(folders), junk_folders: plain(junk_folders) }
}

fn read_maildir(t: &Table<'_>, ground: &Ground) -> Maildir {
    let path = t.need_text("path");
    let junk = t.text("junk").map_or_else(|| ".Junk".to_owned(), |word| word.value);
    t.finish();
    Maildir { path: ground.path(&path), junk }
}

/// `done` and the key that belongs to it; a key of the choice not made is a mistake, not a default.
fn read_done(t: &Table<'_>, mailbox: Option<&Mailbox>) -> Done {
    let word = t.choice("done", &[("nothing", "nothing"), ("keyword", "keyword"), ("move", "move")]).unwrap_or("nothing");
    let keyword = t.text("done_keyword");
    let folder = t.text("done_folder");
    for (wanted, key, given) in [("keyword", "done_keyword", &keyword), ("move", "done_folder", &folder)] {
        if let (Some(given), true) = (given, wanted != word) {
            t.problem(given.span.clone(), format!("`{key}` has no use without `done = \"{wanted}\"`"), None);
        }
    }
    match word {
        "keyword" => {
            if matches!(mailbox, Some(Mailbox::Maildir(_))) {
                let help = "use \"nothing\" or \"move\": a Maildir has no keywords that other programs would see".to_owned();
                t.problem(t.span_of("done"), "`done = \"keyword\"` works for IMAP only", Some(help));
            }
            Done::Keyword(keyword.map_or_else(|| "$Triaged".to_owned(), |word| checked_keyword(t, word)))
        }
        "move" => Done::Move(folder.map_or_else(|| missing_folder(t), |word| checked_folder(t, word, mailbox))),
        _ => Done::Nothing,
    }
}

fn missing_folder(t: &Table<'_>) -> String {
    t.problem(t.span_of("done"), "`done = \"move\"` needs `done_folder`: where to?", None);
    String::new()
}

/// A keyword is an atom (RFC 9051 2.3.2); names with a backslash belong to the protocol, not to us.
fn checked_keyword(t: &Table<'_>, word: Word) -> String {
    let atom = |b: u8| b.is_ascii_alphanumeric() || b"$_-.".contains(&b);
    if word.value.is_empty() || !word.value.bytes().all(atom) {
        let help = "letters, digits, `$`, `_`, `-` and `.`, such as \"$Triaged\"".to_owned();
        t.problem(word.span, format!("\"{}\" cannot be a keyword", word.value), Some(help));
    }
    word.value
}

/// Moving into a folder that is read would bring every mail back for ever.
fn checked_folder(t: &Table<'_>, word: Word, mailbox: Option<&Mailbox>) -> String {
    let read = match mailbox {
        Some(Mailbox::Imap(imap)) => imap.folders.contains(&word.value) || imap.junk_folders.contains(&word.value),
        Some(Mailbox::Maildir(maildir)) => maildir.junk == word.value,
        None => false,
    };
    if read || word.value.trim().is_empty() || word.value.eq_ignore_ascii_case("inbox") {
        let help = "name a folder of its own, such as \"Triaged\"".to_owned();
        t.problem(word.span, "mail that is done cannot move to a folder that is read", Some(help));
    }
    word.value
}

fn read_intakes(t: &Table<'_>, queues: &Names, queue: &str, floor: &str, seen: &mut Seen) -> Vec<Intake> {
    let intake: Vec<Intake> = t.tables("intake").iter().map(|i| read_intake(i, queues, queue, floor, seen)).collect();
    if t.lacks("intake") {
        let help = "add [[account.intake]] with the `address` that people write to".to_owned();
        t.problem(t.span(), "this account serves no address", Some(help));
    }
    intake
}

fn read_intake(t: &Table<'_>, queues: &Names, queue: &str, floor: &str, seen: &mut Seen) -> Intake {
    let word = t.need_text("address");
    if word.value.trim().is_empty() {
        // noted by need_text
    } else if !address::is_address(&word.value) {
        bad_address(t, &word);
    } else if seen.addresses.iter().any(|other| base(&other.value) == base(&word.value)) {
        t.problem(
            word.span.clone(),
            format!("the address {} is served twice", word.value),
            Some("each address belongs to one account".into()),
        );
    } else {
        seen.addresses.push(word.clone());
    }
    let queue = t.text("queue").map_or_else(|| queue.to_owned(), |word| queues.check(t, &word));
    let floor = t.text("floor").map_or_else(|| floor.to_owned(), |word| queues.check(t, &word));
    t.finish();
    Intake { address: word.value.to_lowercase(), queue, floor }
}
