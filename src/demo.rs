//! The demo: the real daemon on three Maildirs in a temporary folder, sending to files. It delivers the fixture mails at a
//! pace a person can follow and shows what becomes of each, as the store tells it.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::daemon::{self, Start};
use crate::outbox::OutboxState;
use crate::policy::Policy;
use crate::problem::{Problems, Source};
use crate::reply::guard::Answer;
use crate::rules::Verdict;
use crate::store::cases::{CaseRow, MessageRow};
use crate::store::{Store, alerts, cases, outbox};
use crate::table;

include!(concat!(env!("OUT_DIR"), "/fixtures.rs"));

/// Between two mails: the whole takes some ten seconds.
const PACE: Duration = Duration::from_millis(190);
/// Nothing takes this long but a fault.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often the store is asked what is new.
const LOOK: Duration = Duration::from_millis(20);

/// One fixture mail and where it goes.
struct Fixture {
    file: String,
    about: String,
    account: String,
    junk: bool,
}

/// Runs the demo to its end.
///
/// # Errors
/// When the folder cannot be made, the daemon fails, or a mail is not stored in time.
pub async fn run() -> anyhow::Result<()> {
    let folder = tempfile::Builder::new().prefix("triaged-demo-").tempdir().context("cannot make a temporary folder")?.keep();
    let (config, policy) = set_up(&folder)?;
    let stop = CancellationToken::new();
    let start = Start { policy, path: None, clock: Clock::System, stop: stop.clone() };
    let stage = Stage { folder, config, paint: std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() };
    let show = async {
        let shown = stage.play().await;
        stop.cancel();
        shown
    };
    tokio::select! {
        (ran, shown) = async { tokio::join!(daemon::run(start), show) } => ran.and(shown),
        _ = tokio::signal::ctrl_c() => Ok(()),
    }
}

/// Three Maildirs, an empty folder for what is sent, and a config that says so.
fn set_up(folder: &Path) -> anyhow::Result<(PathBuf, Policy)> {
    for account in ["ca", "emergency", "drt"] {
        for sub in ["new", "cur", "tmp", ".Junk/new", ".Junk/cur", ".Junk/tmp"] {
            std::fs::create_dir_all(folder.join(account).join(sub))?;
        }
    }
    std::fs::create_dir_all(folder.join("sent"))?;
    let config = folder.join("triaged.toml");
    std::fs::write(&config, CONFIG)?;
    let policy = Policy::load(&config).map_err(|faults| anyhow::anyhow!("{faults}"))?;
    Ok((config, policy))
}

struct Stage {
    folder: PathBuf,
    config: PathBuf,
    paint: bool,
}

impl Stage {
    async fn play(&self) -> anyhow::Result<()> {
        let mails = fixtures()?;
        say(&format!("triaged demo: {} mails into three mailboxes below {}", mails.len(), self.folder.display()));
        say("The daemon is the real one; what it sends goes to files instead of people.\n");
        let store = self.store().await?;
        let mut seen = 0;
        for mail in &mails {
            self.deliver(mail)?;
            tokio::time::sleep(PACE).await;
            self.show_new(&store, &mails, &mut seen).await?;
        }
        self.wait_for_all(&store, &mails, &mut seen).await?;
        self.sum_up(&store, mails.len()).await
    }

    /// The daemon makes the store; we look at it beside the daemon.
    async fn store(&self) -> anyhow::Result<Store> {
        let path = self.folder.join("triaged.db");
        let ready = async {
            loop {
                if let Ok(store) = Store::open_existing(&path) {
                    return store;
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        tokio::time::timeout(PATIENCE, ready).await.context("the daemon did not start")
    }

    /// As an MTA delivers: written aside, then moved into place.
    fn deliver(&self, mail: &Fixture) -> anyhow::Result<()> {
        let bytes = MAILS.iter().find(|(name, _)| *name == mail.file).map(|(_, bytes)| *bytes);
        let bytes = bytes.with_context(|| format!("{} is not among the fixtures", mail.file))?;
        let inbox = self.folder.join(&mail.account).join(if mail.junk { ".Junk" } else { "" });
        let aside = inbox.join("tmp").join(&mail.file);
        std::fs::write(&aside, bytes)?;
        std::fs::rename(aside, inbox.join("new").join(&mail.file))?;
        Ok(())
    }

    async fn show_new(&self, store: &Store, mails: &[Fixture], seen: &mut i64) -> anyhow::Result<()> {
        let after = *seen;
        for (case, message) in store.read(move |view| cases::since(view, after)).await? {
            *seen = message.id;
            let mail = mails.iter().find(|mail| message.read_from.iter().any(|place| place.ends_with(&mail.file)));
            self.show(mail, &case, &message);
        }
        Ok(())
    }

    fn show(&self, mail: Option<&Fixture>, case: &CaseRow, message: &MessageRow) {
        let (file, about) = mail.map_or(("?", "?"), |mail| (&mail.file[..2], &mail.about));
        say(&format!("{file}  {}", self.bold(about)));
        let verdict: Option<Verdict> = serde_json::from_value(message.verdict.clone()).ok();
        let why = verdict.as_ref().map_or_else(String::new, why);
        say(&format!("    {:<9} -> {}  {}", message.account, self.queue(&case.queue), why));
        let answered = match serde_json::from_value(message.answer.clone()) {
            Ok(Answer::Send { to }) => format!("answered {to} ({})", message.language.as_deref().unwrap_or("language unknown")),
            Ok(Answer::Withhold { reason, .. }) => format!("not answered: {reason}"),
            Err(_) => "not answered".into(),
        };
        say(&format!("    {}  {answered}", case.reference));
    }

    async fn wait_for_all(&self, store: &Store, mails: &[Fixture], seen: &mut i64) -> anyhow::Result<()> {
        let all = async {
            loop {
                self.show_new(store, mails, seen).await?;
                let stored = store.read(cases::count_messages).await?;
                let waiting = store.read(|view| outbox::list(view, &[], None, 1)).await?;
                if stored as usize >= mails.len() && waiting.is_empty() {
                    return anyhow::Ok(());
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        tokio::time::timeout(PATIENCE, all).await.context("not every mail was stored and sent in time")?
    }

    async fn sum_up(&self, store: &Store, delivered: usize) -> anyhow::Result<()> {
        let rows = store.read(|view| cases::since(view, 0)).await?;
        let firing = store.read(|view| alerts::list(view, false, 1_000)).await?.len();
        let sent =
            store.read(outbox::counts).await?.into_iter().find(|(state, _)| *state == OutboxState::Sent).map_or(0, |(_, n)| n);
        let mut queues: BTreeMap<&str, usize> = BTreeMap::new();
        for (case, _) in &rows {
            *queues.entry(&case.queue).or_default() += 1;
        }
        let answered = rows.iter().filter(|(_, message)| message.answer.get("send").is_some()).count();
        say(&format!(
            "\n{}",
            self.bold(&format!("{delivered} delivered, {} stored, {answered} answered, {sent} mails sent", rows.len()))
        ));
        for (queue, count) in queues {
            say(&format!("    {count:>3}  {}", self.queue(queue)));
        }
        say(&format!("    {firing:>3}  alerts are firing until somebody takes them"));
        let triaged = std::env::current_exe().map_or_else(|_| "triaged".into(), |path| path.display().to_string());
        let with = format!("{triaged} --config {}", self.config.display());
        let some = rows.first().map_or("TS-...", |(case, _)| case.reference.as_str());
        say("\nLook further (the folder stays until you remove it):");
        for (command, what) in [
            ("case list".to_owned(), "every case"),
            (format!("case show {some}"), "one case: its mails, why, what was sent, who did what"),
            (format!("explain {some}"), "every rule, word and sum behind a verdict"),
            ("outbox list --state sent".to_owned(), "what was sent to whom"),
            ("alert list".to_owned(), "who is being woken"),
        ] {
            say(&format!("    {with} {command}\n        # {what}"));
        }
        say(&format!("    ls {}\n        # the answers, forwards and alerts themselves", self.folder.join("sent").display()));
        say(&format!("    rm -r {}", self.folder.display()));
        Ok(())
    }

    fn bold(&self, text: &str) -> String {
        if self.paint { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn queue(&self, queue: &str) -> String {
        let colour = match queue {
            "threat-of-harm" => 31,
            "child-protection" => 35,
            "disinformation" => 33,
            _ => 32,
        };
        if self.paint { format!("\x1b[{colour}m{queue}\x1b[0m") } else { queue.to_owned() }
    }
}

/// The sentence of the rule that says best why it went to its queue, or that none did.
fn why(verdict: &Verdict) -> String {
    match verdict.reasons().first() {
        Some(fired) => fired.why.clone(),
        None if verdict.queue == verdict.trace.floor && verdict.queue != verdict.trace.default => {
            "the floor of its address".into()
        }
        None => "the default of its address".into(),
    }
}

fn fixtures() -> anyhow::Result<Vec<Fixture>> {
    let problems = Problems::default();
    let source = Source::new("fixtures/mails/expected.toml", EXPECTED);
    let mails = table::read(&source, &problems, |root| {
        let mails = root.tables("mail");
        mails
            .iter()
            .map(|mail| {
                // What tests hold against the outcome is of no concern here.
                for key in ["queue", "answered", "to", "reasons", "language"] {
                    mail.has(key);
                }
                let fixture = Fixture {
                    file: mail.need_text("file").value,
                    about: mail.need_text("about").value,
                    account: mail.need_text("account").value,
                    junk: mail.flag("junk").unwrap_or(false),
                };
                mail.finish();
                fixture
            })
            .collect()
    });
    problems.into_result(|| mails).map_err(|faults| anyhow::anyhow!("{faults}"))
}

fn say(line: &str) {
    // A reader that went away ends nothing: the daemon's work goes on to its end.
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// The demo's config: the shipped queues and rules, three Maildirs beside the file.
const CONFIG: &str = include_str!("../fixtures/demo.toml");
