//! A mailbox in a local Maildir (<https://cr.yp.to/proto/maildir.html>), with Maildir++ folders. Mails are known by
//! their base names, wherever in `new` and `cur` they lie and whatever flags they carry; only regular files are mails.
//! All file I/O runs on threads made for blocking, each call under a time limit: a network file system may stall.

mod files;

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use notify::event::{EventKind, ModifyKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use super::{Arrival, COMMAND_TIMEOUT, Folder, Key, Trouble, Waiting, Wake};
use crate::clock::Clock;
use crate::config::{self, Done, Limits};
use crate::report::{Envelope, Extent};
use files::{Entry, Mail, is_maildir, list, maildir_folder, read, relocate};

/// Failures after which a mail that cannot be read comes without its bytes.
const TRIES: u8 = 3;

/// A Maildir and its junk folder.
#[derive(Debug)]
pub struct MaildirMailbox {
    root: PathBuf,
    junk: String,
    done: Done,
    limits: Limits,
    /// The folder entered.
    folder: Option<Entered>,
    /// Keys ever listed, by folder: names do not ascend with arrival, so what is new is what was never listed.
    listed: HashMap<String, HashSet<Key>>,
    /// Mails that could not be read, and how often.
    failures: HashMap<(String, Key), (u8, Instant)>,
    /// How long at least a mail that cannot be read is tried.
    give_up: Duration,
    watches: HashMap<PathBuf, Watch>,
}

/// The folder that calls are about, and where its mails were when it was last looked at.
#[derive(Debug)]
struct Entered {
    name: String,
    path: PathBuf,
    junk: bool,
    places: HashMap<Key, PathBuf>,
}

/// Tells of changes in a folder; `changed` keeps one word until somebody waits.
#[derive(Debug)]
struct Watch {
    changed: Arc<Notify>,
    _watcher: RecommendedWatcher,
}

impl MaildirMailbox {
    /// Touches nothing yet.
    pub fn new(config: &config::Maildir, done: &Done, limits: &Limits, give_up: Duration) -> Self {
        MaildirMailbox {
            root: config.path.clone(),
            junk: config.junk.clone(),
            done: done.clone(),
            limits: limits.clone(),
            folder: None,
            listed: HashMap::new(),
            failures: HashMap::new(),
            give_up,
            watches: HashMap::new(),
        }
    }

    /// See [`super::Mailbox::open`]. The junk folder is always named: it may appear later, and is empty until then.
    pub async fn open(&mut self) -> Result<Vec<Folder>, Trouble> {
        (self.folder, self.watches) = (None, HashMap::new());
        let root = self.root.clone();
        blocking(move || is_maildir(&root)).await?;
        Ok(vec![Folder { name: "INBOX".into(), junk: false }, Folder { name: self.junk.clone(), junk: true }])
    }

    /// See [`super::Mailbox::enter`].
    pub async fn enter(&mut self, folder: &Folder) -> Result<u64, Trouble> {
        let path = if folder.name == "INBOX" { self.root.clone() } else { self.root.join(&folder.name) };
        if folder.name == "INBOX" {
            let root = path.clone();
            blocking(move || is_maildir(&root)).await?;
        }
        if !self.watches.contains_key(&path)
            && let Some(watch) = watch(&path)
        {
            self.watches.insert(path.clone(), watch);
        }
        self.folder = Some(Entered { name: folder.name.clone(), path, junk: folder.junk, places: HashMap::new() });
        Ok(0)
    }

    /// See [`super::Mailbox::keys`].
    pub async fn keys(&mut self, after: Option<&Key>) -> Result<Vec<Key>, Trouble> {
        let folder = self.folder.as_mut().ok_or_else(not_open)?;
        if let Some(watch) = self.watches.get(&folder.path) {
            // What was told until now is in the list to come.
            let _ = watch.changed.notified().now_or_never();
        }
        let entries = folder.look().await?;
        let listed = self.listed.entry(folder.name.clone()).or_default();
        let known = after.and_then(|key| entries.iter().position(|entry| entry.key == *key));
        let mut keys = Vec::new();
        // What is gone from the folder is forgotten: the set grows with the folder, not with all that ever lay there.
        let before = std::mem::replace(listed, entries.iter().map(|entry| entry.key.clone()).collect());
        for (place, entry) in entries.into_iter().enumerate() {
            if !before.contains(&entry.key) || after.is_none() || known.is_none_or(|known| place > known) {
                keys.push(entry.key);
            }
        }
        Ok(keys)
    }

    /// See [`super::Mailbox::sizes`].
    pub async fn sizes(&mut self, keys: &[Key]) -> Result<Vec<Waiting>, Trouble> {
        let folder = self.folder.as_mut().ok_or_else(not_open)?;
        let mut waiting = folder.sizes(keys).await?;
        if waiting.len() < keys.len() {
            // Somebody moved mails from `new` to `cur`, or changed their flags.
            folder.look().await?;
            waiting = folder.sizes(keys).await?;
        }
        Ok(waiting)
    }

    /// See [`super::Mailbox::fetch`].
    pub async fn fetch(&mut self, page: &[Waiting], each: &mut (dyn FnMut(Arrival) + Send)) -> Result<(), Trouble> {
        let mut verdict = Ok(());
        for mail in page {
            let folder = self.folder.as_mut().ok_or_else(not_open)?;
            let (junk, name) = (folder.junk, (folder.name.clone(), mail.key.clone()));
            match folder.read(&mail.key, &self.limits).await? {
                None => {}
                Some(Ok((raw, received, extent))) => {
                    self.failures.remove(&name);
                    each(Arrival { key: name.1, raw, envelope: Envelope { received, junk, extent } });
                }
                Some(Err(error)) => {
                    let (failures, since) = self.failures.entry(name).or_insert((0, Instant::now()));
                    *failures = failures.saturating_add(1);
                    if *failures < TRIES || since.elapsed() < self.give_up {
                        verdict = verdict.and(Err(Trouble::Refused { command: "read", text: error.to_string() }));
                    } else {
                        let envelope = Envelope { received: Clock::System.now(), junk, extent: Extent::Unfetched };
                        each(Arrival { key: mail.key.clone(), raw: Vec::new(), envelope });
                    }
                }
            }
        }
        verdict
    }

    /// See [`super::Mailbox::done`].
    pub async fn done(&mut self, keys: &[Key]) -> Result<(), Trouble> {
        let target = match &self.done {
            Done::Nothing => return Ok(()),
            Done::Keyword(_) => {
                return Err(Trouble::Setup(format!(
                    "{}: a Maildir has no keywords: set `done` to a move or to nothing",
                    self.root.display()
                )));
            }
            Done::Move(name) => maildir_folder(&self.root, name)?,
        };
        let folder = self.folder.as_mut().ok_or_else(not_open)?;
        if keys.is_empty() || target == folder.path {
            return Ok(());
        }
        // Anew, for a person may have moved them since.
        folder.look().await?;
        let moves: Vec<(Key, PathBuf)> = keys.iter().filter_map(|key| Some((key.clone(), folder.places.remove(key)?))).collect();
        blocking(move || relocate(&moves, &target)).await
    }

    /// See [`super::Mailbox::wait`]. Where the system has no watch left to give, time alone ends the wait.
    pub async fn wait(&mut self, at_most: Duration) -> Result<Wake, Trouble> {
        let folder = self.folder.as_ref().ok_or_else(not_open)?;
        let Some(watch) = self.watches.get(&folder.path) else {
            tokio::time::sleep(at_most).await;
            return Ok(Wake::Elapsed);
        };
        match timeout(at_most, watch.changed.notified()).await {
            Ok(()) => Ok(Wake::Changed),
            Err(_) => Ok(Wake::Elapsed),
        }
    }

    /// Lets go of the watches.
    pub async fn close(&mut self) {
        (self.folder, self.watches) = (None, HashMap::new());
    }
}

impl Entered {
    /// Lists the folder, oldest first, and remembers where each mail lies.
    async fn look(&mut self) -> Result<Vec<Entry>, Trouble> {
        let path = self.path.clone();
        let entries = blocking(move || list(&path)).await?;
        self.places = entries.iter().map(|entry| (entry.key.clone(), entry.path.clone())).collect();
        Ok(entries)
    }

    async fn sizes(&self, keys: &[Key]) -> Result<Vec<Waiting>, Trouble> {
        let known: Vec<(Key, PathBuf)> =
            keys.iter().filter_map(|key| Some((key.clone(), self.places.get(key)?.clone()))).collect();
        blocking(move || {
            let size = |path: &PathBuf| fs::symlink_metadata(path).map(|data| data.len());
            Ok(known.into_iter().filter_map(|(key, path)| Some(Waiting { size: size(&path).ok()?, key })).collect())
        })
        .await
    }

    /// Reads one mail wherever it is now: `None` when it has gone, `Some(Err)` when it is there and cannot be read.
    async fn read(&mut self, key: &Key, limits: &Limits) -> Result<Option<io::Result<Mail>>, Trouble> {
        // It can move between a look and a read, but hardly three times in a row.
        for _ in 0..3 {
            if let Some(path) = self.places.get(key).cloned() {
                let (limit, part) = (limits.message, limits.part);
                match blocking(move || Ok(read(&path, limit, part))).await? {
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    result => return Ok(Some(result)),
                }
            }
            self.look().await?;
            if !self.places.contains_key(key) {
                return Ok(None);
            }
        }
        Ok(Some(Err(io::Error::other("it is being moved about"))))
    }
}

/// Runs `work` where it may block.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Trouble> + Send + 'static) -> Result<T, Trouble> {
    match timeout(COMMAND_TIMEOUT, tokio::task::spawn_blocking(work)).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(Trouble::Lost("a Maildir could not be read: the reading thread ended early".into())),
        Err(_) => Err(Trouble::Lost("a Maildir could not be read in time".into())),
    }
}

fn not_open() -> Trouble {
    Trouble::Lost("the Maildir is not open".into())
}

/// Watches `new` and `cur`; `None` when the folder does not exist or the system has no watch left to give.
fn watch(folder: &Path) -> Option<Watch> {
    let changed = Arc::new(Notify::new());
    let tell = Arc::clone(&changed);
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let arrival =
            |kind: EventKind| matches!(kind, EventKind::Create(_) | EventKind::Modify(ModifyKind::Name(_)) | EventKind::Other);
        if event.map_or(true, |event| event.need_rescan() || arrival(event.kind)) {
            tell.notify_one();
        }
    })
    .ok()?;
    for part in ["new", "cur"] {
        watcher.watch(&folder.join(part), RecursiveMode::NonRecursive).ok()?;
    }
    // Until the folder has been looked at, there may be news in it.
    changed.notify_one();
    Some(Watch { changed, _watcher: watcher })
}
