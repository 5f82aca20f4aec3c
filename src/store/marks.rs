//! Marks: ids of outbox rows whose mail the next server has taken, written the moment it says so.
//!
//! The record in the database follows with the next commit, shared with others. If we are killed in between, the mark is
//! there (what was written to a file outlives the process), and at the next start the row is recorded as sent instead of
//! being sent again. Only a power cut can lose a mark; then the mail goes out again with the same Message-ID.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::{Result, StoreError};

/// Beyond this size the file is emptied as soon as every mark in it is recorded.
const LARGE: u64 = 64 << 10;

pub(super) struct Marks {
    path: PathBuf,
    inner: Mutex<Inner>,
}

struct Inner {
    file: File,
    size: u64,
    unrecorded: usize,
}

impl Marks {
    /// Opens the file of marks beside the database `path`.
    pub fn open(path: &Path) -> Result<Self> {
        let path = path.with_extension("sent");
        let file = OpenOptions::new().read(true).append(true).create(true).open(&path);
        let file = file.map_err(|e| StoreError::Io(format!("cannot open {}: {e}", path.display())))?;
        let size = file.metadata().map_or(0, |meta| meta.len());
        Ok(Marks { path, inner: Mutex::new(Inner { file, size, unrecorded: 0 }) })
    }

    /// Notes that row `id` was taken. One `write`: whole or not at all.
    pub fn add(&self, id: i64) -> Result<()> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.file.write_all(&id.to_le_bytes()).map_err(|e| self.failed(&e))?;
        inner.size += 8;
        inner.unrecorded += 1;
        Ok(())
    }

    /// Notes that the record of one marked row is in the database.
    pub fn recorded(&self) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.unrecorded = inner.unrecorded.saturating_sub(1);
        if inner.unrecorded == 0 && inner.size > LARGE && inner.file.set_len(0).is_ok() {
            inner.size = 0;
        }
    }

    /// The ids an earlier life marked, in the order they were taken.
    pub fn read(&self) -> Result<Vec<i64>> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let mut bytes = Vec::new();
        inner.file.rewind().and_then(|()| inner.file.read_to_end(&mut bytes)).map_err(|e| self.failed(&e))?;
        Ok(bytes.chunks_exact(8).map(|chunk| i64::from_le_bytes(chunk.try_into().unwrap_or_default())).collect())
    }

    /// Forgets every mark: they are recorded.
    pub fn clear(&self) -> Result<()> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.file.set_len(0).map_err(|e| self.failed(&e))?;
        (inner.size, inner.unrecorded) = (0, 0);
        Ok(())
    }

    fn failed(&self, error: &std::io::Error) -> StoreError {
        match error.kind() {
            std::io::ErrorKind::StorageFull => StoreError::Full,
            _ => StoreError::Io(format!("{} fails: {error}", self.path.display())),
        }
    }
}
