//! The store: one SQLite file. One thread writes and groups what waits into one commit (`synchronous=FULL`: when a
//! write returns, it is on disk); readers have connections of their own. No SQLite type shows above this folder.
//!
//! Functions of the sub-modules take a [`Tx`] or a [`View`]; only [`Store::write`] opens a transaction.

pub mod alerts;
pub mod audit;
pub mod canaries;
pub mod cases;
mod error;
pub mod links;
mod marks;
mod migrate;
pub mod moves;
pub mod outbox;
pub mod people;
pub mod replay;
mod writer;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OpenFlags};

pub use error::StoreError;
use writer::Writer;

/// What the functions of this folder return.
pub type Result<T> = std::result::Result<T, StoreError>;

/// A transaction that is open for writing. Made by [`Store::write`] only.
pub struct Tx<'c>(pub(super) &'c Connection);

/// A connection for reading: one consistent picture per closure.
pub struct View<'c>(pub(super) &'c Connection);

impl Tx<'_> {
    /// The same picture, for the functions that only read.
    pub fn view(&self) -> View<'_> {
        View(self.0)
    }
}

/// Who opens the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The daemon: there is one at a time.
    Daemon,
    /// A command of an operator, beside the daemon.
    Operator,
}

/// The open store. Cheap to clone; the last clone closes it.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    writer: Writer,
    readers: Mutex<Vec<Connection>>,
    marks: marks::Marks,
    path: PathBuf,
    token_key: [u8; 32],
    // Held while we live: the kernel lets go of it however we die.
    _lock: Option<File>,
}

impl Store {
    /// Opens the store at `path`, making it (and its key) if it is not there, and brings an older schema up to date.
    ///
    /// # Errors
    /// [`StoreError::Locked`] if another daemon has it, [`StoreError::Newer`] if a later version made it,
    /// [`StoreError::Io`] if the folder is not there or not ours to write.
    pub fn open(path: &Path, role: Role) -> Result<Store> {
        let lock = (role == Role::Daemon).then(|| lock(path)).transpose()?;
        let mut connection = connect(path, false)?;
        migrate::up(&mut connection, path)?;
        let token_key = migrate::token_key(&connection)?;
        let marks = marks::Marks::open(path)?;
        let writer = Writer::start(connection)?;
        Ok(Store {
            inner: Arc::new(Inner { writer, readers: Mutex::default(), marks, path: path.to_path_buf(), token_key, _lock: lock }),
        })
    }

    /// Opens a store that must be there already: for commands that only look.
    ///
    /// # Errors
    /// As [`Store::open`], and [`StoreError::Io`] if there is no such file.
    pub fn open_existing(path: &Path) -> Result<Store> {
        if !path.exists() {
            return Err(StoreError::Io(format!("there is no store at {}: has the daemon run yet?", path.display())));
        }
        Store::open(path, Role::Operator)
    }

    /// Runs `job` in a transaction and returns when it is on disk. Others' jobs may share the commit; an error rolls back this
    /// job alone. The job runs on the writer's thread: no waiting in it.
    ///
    /// # Errors
    /// What the job returns; or the commit's own failure.
    pub async fn write<T: Send + 'static>(&self, job: impl FnOnce(&Tx<'_>) -> Result<T> + Send + 'static) -> Result<T> {
        self.inner.writer.submit(job).await.unwrap_or_else(|_| Err(StoreError::stopped()))
    }

    /// [`Store::write`] for callers outside the async runtime.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn write_blocking<T: Send + 'static>(&self, job: impl FnOnce(&Tx<'_>) -> Result<T> + Send + 'static) -> Result<T> {
        self.inner.writer.submit(job).blocking_recv().unwrap_or_else(|_| Err(StoreError::stopped()))
    }

    /// Reads on a connection of its own, on a thread where blocking is no harm.
    ///
    /// # Errors
    /// What `look` returns, or a connection that cannot be opened.
    pub async fn read<T: Send + 'static>(&self, look: impl FnOnce(&View<'_>) -> Result<T> + Send + 'static) -> Result<T> {
        let store = self.clone();
        let joined = tokio::task::spawn_blocking(move || store.read_blocking(look)).await;
        joined.unwrap_or_else(|_| Err(StoreError::stopped()))
    }

    /// [`Store::read`] for callers outside the async runtime.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub fn read_blocking<T>(&self, look: impl FnOnce(&View<'_>) -> Result<T>) -> Result<T> {
        let pooled = self.readers().pop();
        let connection = pooled.map_or_else(|| connect(&self.inner.path, true), Ok)?;
        let result = look(&View(&connection));
        let mut readers = self.readers();
        if readers.len() < 3 {
            readers.push(connection);
        }
        result
    }

    /// Notes at once, without waiting for a commit, that the next server has taken outbox row `id`.
    /// [`Store::recorded`] must follow when the row's record is in the database.
    ///
    /// # Errors
    /// The disk's own.
    pub fn mark_sent(&self, id: i64) -> Result<()> {
        self.inner.marks.add(id)
    }

    /// Notes that the record of a row marked with [`Store::mark_sent`] is in the database.
    pub fn recorded(&self) {
        self.inner.marks.recorded();
    }

    /// Puts the outbox in order after a stop of any kind, before anybody sends: rows that were marked as taken are
    /// recorded as sent, all others that were claimed are ready again. Returns how many of each.
    ///
    /// # Errors
    /// The store's own.
    pub async fn settle_outbox(&self, now: crate::clock::Timestamp) -> Result<(usize, usize)> {
        let marked = self.inner.marks.read()?;
        let counts = self.write(move |tx| Ok((outbox::settle(tx, &marked, now)?, outbox::free(tx, true, &[], now)?))).await?;
        self.inner.marks.clear()?;
        Ok(counts)
    }

    /// The key of this store's Message-ID tokens.
    pub fn token_key(&self) -> [u8; 32] {
        self.inner.token_key
    }

    /// Free bytes on the disk the store lies on, as far as the system tells.
    pub fn free_disk(&self) -> Option<u64> {
        let folder = self.inner.path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let disk = rustix::fs::statvfs(folder).ok()?;
        Some(disk.f_bavail.saturating_mul(disk.f_frsize))
    }

    fn readers(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.inner.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn lock(path: &Path) -> Result<File> {
    let name = path.with_extension("lock");
    let file = File::options().create(true).truncate(false).write(true).open(&name);
    let file = file.map_err(|e| StoreError::Io(format!("cannot write {}: {e}", name.display())))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(_) => Err(StoreError::Locked(path.to_path_buf())),
    }
}

fn connect(path: &Path, read_only: bool) -> Result<Connection> {
    let flags = if read_only {
        OpenFlags::SQLITE_OPEN_READ_ONLY
    } else {
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE
    };
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(|e| StoreError::Io(format!("cannot open the store {}: {e}", path.display())))?;
    connection.busy_timeout(std::time::Duration::from_secs(10))?;
    if !read_only {
        // Only a new file takes it: fewer, larger pages suit rows of a few kilobytes.
        connection.pragma_update(None, "page_size", 8_192)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        // Every 16 MiB: a checkpoint writes each page again, and under load most pages change again soon.
        connection.pragma_update(None, "wal_autocheckpoint", 2_000)?;
        restrict(path);
    }
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cache_size", -4_000)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// The store holds people's reports: nobody else on the host reads it. Where the file system knows no modes, nothing is lost by trying.
fn restrict(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let _ = std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600));
}

/// Compresses what is kept for long: mail shrinks to about a third.
pub fn pack(bytes: &[u8]) -> Vec<u8> {
    thread_local! {
        // Setting one up costs more than packing a small mail.
        static PACKER: std::cell::RefCell<Option<zstd::bulk::Compressor<'static>>> = const { std::cell::RefCell::new(None) };
    }
    PACKER.with_borrow_mut(|packer| {
        if packer.is_none() {
            *packer = zstd::bulk::Compressor::new(1).ok();
        }
        // Into memory it fails only for want of memory; the plain call then has the last word.
        let packed = packer.as_mut().and_then(|packer| packer.compress(bytes).ok());
        packed.or_else(|| zstd::bulk::compress(bytes, 1).ok()).unwrap_or_default()
    })
}

/// Farther off than anything is ever made to wait (a day): what is due after this moment was set by a clock that ran ahead.
fn far_off(now: crate::clock::Timestamp) -> i64 {
    now.as_millisecond().saturating_add(25 * 3_600_000)
}

/// More than any mail we take in whole, bytes.
const MOST_UNPACKED: u64 = 1 << 30;

/// What [`pack`] packed.
///
/// # Errors
/// [`StoreError::Broken`] if the bytes are damaged.
pub fn unpack(packed: &[u8]) -> Result<Vec<u8>> {
    // The frame says how much comes out of it; what it says is ours, but a damaged one must not take all memory.
    let size = zstd::zstd_safe::get_frame_content_size(packed).ok().flatten().filter(|size| *size <= MOST_UNPACKED);
    let unpacked = match size {
        Some(size) => zstd::bulk::decompress(packed, size as usize),
        None => zstd::stream::decode_all(packed),
    };
    unpacked.map_err(|e| StoreError::Broken(format!("a stored mail cannot be unpacked: {e}")))
}

#[cfg(test)]
pub(crate) mod tests;
