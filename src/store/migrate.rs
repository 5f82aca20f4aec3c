//! The schema's versions: numbered SQL files, applied in order, each in one transaction (`PRAGMA user_version`).

use std::path::Path;

use ring::rand::{SecureRandom, SystemRandom};
use rusqlite::{Connection, TransactionBehavior, params};

use super::{Result, StoreError};

/// The SQL that leads from schema N to N + 1, from N = 0.
const STEPS: [&str; 3] = [include_str!("0001-start.sql"), include_str!("0002-staff.sql"), include_str!("0003-oncall.sql")];

/// Brings the schema up to date.
pub(super) fn up(connection: &mut Connection, path: &Path) -> Result<()> {
    let known = STEPS.len() as i64;
    // IMMEDIATE: of two programs that start at once, one waits and then finds the work done.
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: i64 = tx.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if found > known || found < 0 {
        return Err(StoreError::Newer { path: path.to_path_buf(), found, known });
    }
    for step in &STEPS[found as usize..] {
        tx.execute_batch(step)?;
    }
    tx.pragma_update(None, "user_version", known)?;
    if found == 0 {
        let mut key = [0u8; 32];
        SystemRandom::new().fill(&mut key).map_err(|_| StoreError::Io("the system gives no random numbers".into()))?;
        tx.execute("INSERT INTO secret (name, value) VALUES ('token', ?1)", params![key])?;
    }
    tx.commit()?;
    Ok(())
}

/// The key of Message-ID tokens.
pub(super) fn token_key(connection: &Connection) -> Result<[u8; 32]> {
    Ok(connection.query_row("SELECT value FROM secret WHERE name = 'token'", [], |row| row.get(0))?)
}
