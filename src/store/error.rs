//! What can go wrong with the store, as far as a caller acts on it.

use std::path::PathBuf;

/// A failure of the store. No text of a mail is in it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk is full: nothing was written. It may pass by itself.
    #[error("the disk is full: nothing is stored until there is room")]
    Full,
    /// Somebody else writes and did not let go in time. It may pass by itself.
    #[error("the store is busy: another program holds it")]
    Busy,
    /// Another daemon has the store.
    #[error("the store {0} is in use by another daemon: stop that one first, or give this one a [store] path of its own")]
    Locked(PathBuf),
    /// A later version of triaged made it.
    #[error("the store {path} has schema {found}, this triaged knows up to {known}: install the newer triaged again")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// A row was not in the state the move expects: somebody else moved it.
    #[error("{0}")]
    Moved(String),
    /// The file cannot be opened or made.
    #[error("{0}")]
    Io(String),
    /// What lies in the store is damaged, or a statement of ours is wrong.
    #[error("the store is broken: {0}")]
    Broken(String),
}

impl StoreError {
    /// The writer thread has ended.
    pub(super) fn stopped() -> Self {
        StoreError::Broken("its writer has stopped".into())
    }

    /// True if waiting can help.
    pub fn passes(&self) -> bool {
        matches!(self, StoreError::Full | StoreError::Busy)
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => StoreError::Full,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy,
            // An I/O error while extending a file is how some file systems say "full".
            Some(ErrorCode::SystemIoFailure) => StoreError::Io(format!("the disk fails: {error}")),
            _ => StoreError::Broken(error.to_string()),
        }
    }
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> Self {
        StoreError::Broken(format!("a stored value cannot be read: {error}"))
    }
}
