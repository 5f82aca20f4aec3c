//! A mailbox in a local Maildir (<https://cr.yp.to/proto/maildir.html>), with Maildir++ folders. Mails are known by
//! their base names, wherever in `new` and `cur` they lie and whatever flags they carry; only regular files are mails.
//! All file I/O runs on threads made for blocking, each call under a time limit: a network file system may stall.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use notify::event::{EventKind, ModifyKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use super::imap::text::folder_name;
use super::{Arrival, COMMAND_TIMEOUT, Folder, Key, Trouble, Waiting, Wake};
use crate::clock::{Clock, Timestamp};
use crate::config::{self, Done, Limits};
use crate::report::{Envelope, Extent};

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

/// A file as listed.
struct Entry {
    key: Key,
    path: PathBuf,
    /// Seconds since 1970: when it was delivered, for the order.
    time: u64,
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
        for (place, entry) in entries.into_iter().enumerate() {
            let never_listed = listed.insert(entry.key.clone());
            if never_listed || after.is_none() || known.is_none_or(|known| place > known) {
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

/// Bytes, when it was delivered, and how much of it that is.
type Mail = (Vec<u8>, Timestamp, Extent);

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

fn is_maildir(root: &Path) -> Result<(), Trouble> {
    for part in ["new", "cur"] {
        match fs::read_dir(root.join(part)) {
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Err(Trouble::Setup(format!("{} is no Maildir: it has no folder `{part}`", root.display())));
            }
            Err(error) => return Err(Trouble::Setup(format!("{}/{part} cannot be read: {error}", root.display()))),
        }
    }
    Ok(())
}

/// All mails in `cur` and `new` of a folder, oldest first. A folder that does not exist has none.
fn list(folder: &Path) -> Result<Vec<Entry>, Trouble> {
    let mut found: HashMap<Key, Entry> = HashMap::new();
    // `new` before `cur`: a mail that is moved on between the two is seen twice rather than not at all.
    for part in ["new", "cur"] {
        let dir = folder.join(part);
        let lost = |error: io::Error| Trouble::Lost(format!("{} cannot be read: {error}", dir.display()));
        let files = match fs::read_dir(&dir) {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            other => other.map_err(lost)?,
        };
        for file in files {
            let file = file.map_err(lost)?;
            let name = file.file_name();
            let is_mail = file.file_type().is_ok_and(|kind| kind.is_file()) && !name.as_bytes().starts_with(b".");
            if is_mail {
                let entry = entry(&name, file.path());
                found.insert(entry.key.clone(), entry);
            }
        }
    }
    let mut entries: Vec<Entry> = found.into_values().collect();
    entries.sort_unstable_by(|a, b| (a.time, &a.key).cmp(&(b.time, &b.key)));
    Ok(entries)
}

fn entry(name: &OsStr, path: PathBuf) -> Entry {
    let key = key_of(name);
    let digits = key.split(|c: char| !c.is_ascii_digit()).next().unwrap_or("");
    let time = match digits.parse() {
        // A name that any delivery agent made begins with the seconds since 1970.
        Ok(seconds) if seconds > 100_000_000 => seconds,
        _ => fs::symlink_metadata(&path).map_or(0, |data| data.mtime().max(0).unsigned_abs()),
    };
    Entry { key, path, time }
}

/// The base name: what stands before `:2,` and the flags. A byte that is no UTF-8 or a control character is written as `%FF`,
/// and so is `%` itself, so that two names never become one key.
fn key_of(name: &OsStr) -> Key {
    let bytes = name.as_bytes();
    let end = bytes.windows(3).position(|three| three == b":2,").unwrap_or(bytes.len());
    let mut key = String::new();
    for chunk in bytes[..end].utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_control() || c == '%' {
                c.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| key.push_str(&format!("%{byte:02X}")));
            } else {
                key.push(c);
            }
        }
        chunk.invalid().iter().for_each(|byte| key.push_str(&format!("%{byte:02X}")));
    }
    key
}

/// Reads a mail, or the head and the tail of one over `limit`. What is no regular file any more is an error, not a hang.
fn read(path: &Path, limit: u64, part: u64) -> io::Result<Mail> {
    let mut file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOFOLLOW).open(path)?;
    let data = file.metadata()?;
    if !data.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let received = data.modified().ok().and_then(|at| Timestamp::try_from(at).ok()).unwrap_or_else(|| Clock::System.now());
    let size = data.len();
    let mut raw = Vec::new();
    if size <= limit {
        file.take(limit).read_to_end(&mut raw)?;
        return Ok((raw, received, Extent::Whole));
    }
    read_up_to(&mut file, part, &mut raw)?;
    let head = raw.len() as u64;
    file.seek(SeekFrom::Start(size.saturating_sub(part).max(head)))?;
    read_up_to(&mut file, part, &mut raw)?;
    Ok((raw, received, Extent::Part { size, head }))
}

fn read_up_to(file: &mut File, bytes: u64, raw: &mut Vec<u8>) -> io::Result<()> {
    file.take(bytes).read_to_end(raw).map(|_| ())
}

/// The Maildir++ folder of that name below `root`.
fn maildir_folder(root: &Path, name: &str) -> Result<PathBuf, Trouble> {
    let name = folder_name(name.trim_start_matches('.'));
    if name.is_empty() || name.contains('/') || name.contains("..") {
        return Err(Trouble::Setup(format!("{}: no folder can be called {name:?}", root.display())));
    }
    Ok(root.join(format!(".{name}")))
}

/// Moves mails into `cur` of a folder, seen by a person's mail program as read. A mail that has gone is passed over.
fn relocate(moves: &[(Key, PathBuf)], folder: &Path) -> Result<(), Trouble> {
    let cannot = |path: &Path, error: io::Error| Trouble::Setup(format!("cannot move mail to {}: {error}", path.display()));
    for part in ["cur", "new", "tmp"] {
        fs::create_dir_all(folder.join(part)).map_err(|error| cannot(folder, error))?;
    }
    // Marks a Maildir++ folder; older programs look for it.
    OpenOptions::new().create(true).append(true).open(folder.join("maildirfolder")).map_err(|error| cannot(folder, error))?;
    for (_, path) in moves {
        let name = path.file_name().unwrap_or_default().as_bytes();
        let end = name.windows(3).position(|three| three == b":2,").unwrap_or(name.len());
        let mut target = name[..end].to_vec();
        target.extend(b":2,S");
        match fs::rename(path, folder.join("cur").join(OsStr::from_bytes(&target))) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(cannot(folder, error)),
            _ => {}
        }
    }
    Ok(())
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
