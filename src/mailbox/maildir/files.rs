//! The files of a Maildir: listing, reading, moving. Everything here blocks.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::clock::{Clock, Timestamp};
use crate::mailbox::imap::text::folder_name;
use crate::mailbox::{Key, Trouble};
use crate::report::Extent;

/// A file as listed.
pub struct Entry {
    /// See [`key_of`].
    pub key: Key,
    /// Where it lies now.
    pub path: PathBuf,
    /// Seconds since 1970: when it was delivered, for the order.
    pub time: u64,
}

/// Bytes, when it was delivered, and how much of it that is.
pub type Mail = (Vec<u8>, Timestamp, Extent);

/// Whether there is a Maildir at `root`; the error says what is missing.
pub fn is_maildir(root: &Path) -> Result<(), Trouble> {
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
pub fn list(folder: &Path) -> Result<Vec<Entry>, Trouble> {
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
pub fn read(path: &Path, limit: u64, part: u64) -> io::Result<Mail> {
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
pub fn maildir_folder(root: &Path, name: &str) -> Result<PathBuf, Trouble> {
    let name = folder_name(name.trim_start_matches('.'));
    if name.is_empty() || name.contains('/') || name.contains("..") {
        return Err(Trouble::Setup(format!("{}: no folder can be called {name:?}", root.display())));
    }
    Ok(root.join(format!(".{name}")))
}

/// Moves mails into `cur` of a folder, seen by a person's mail program as read. A mail that has gone is passed over.
pub fn relocate(moves: &[(Key, PathBuf)], folder: &Path) -> Result<(), Trouble> {
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
