//! Canaries: mails of our own that must come back through every mailbox.

use rusqlite::{OptionalExtension, params};

use super::{Result, Tx, View};
use crate::clock::{Timestamp, from_millis};

/// The newest canary of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Canary {
    /// Its number.
    pub id: i64,
    /// When it was sent.
    pub sent: Timestamp,
    /// When it came back.
    pub returned: Option<Timestamp>,
}

/// Notes a canary that is about to be sent, and returns its number. Those of two days ago are forgotten.
///
/// # Errors
/// The store's own.
pub fn sent(tx: &Tx<'_>, address: &str, now: Timestamp) -> Result<i64> {
    let old = now.as_millisecond() - 2 * 86_400_000;
    tx.0.prepare_cached("DELETE FROM canaries WHERE sent < ?1")?.execute([old])?;
    tx.0.prepare_cached("INSERT INTO canaries (address, sent) VALUES (?1, ?2)")?
        .execute(params![address, now.as_millisecond()])?;
    Ok(tx.0.last_insert_rowid())
}

/// Notes that a canary came back; one that did already, or is forgotten, changes nothing.
///
/// # Errors
/// The store's own.
pub fn returned(tx: &Tx<'_>, id: i64, now: Timestamp) -> Result<()> {
    let sql = "UPDATE canaries SET returned = max(sent, ?2) WHERE id = ?1 AND returned IS NULL";
    tx.0.prepare_cached(sql)?.execute(params![id, now.as_millisecond()])?;
    Ok(())
}

/// The newest canary of an address, and how long the last one that came back was under way, milliseconds.
///
/// # Errors
/// The store's own.
pub fn newest(view: &View<'_>, address: &str) -> Result<(Option<Canary>, Option<i64>)> {
    let sql = "SELECT id, sent, returned FROM canaries WHERE address = ?1 ORDER BY id DESC LIMIT 1";
    let newest = view.0.prepare_cached(sql)?.query_row([address], |row| {
        let returned: Option<i64> = row.get(2)?;
        Ok(Canary { id: row.get(0)?, sent: from_millis(row.get(1)?), returned: returned.map(from_millis) })
    });
    let sql = "SELECT returned - sent FROM canaries WHERE address = ?1 AND returned IS NOT NULL ORDER BY id DESC LIMIT 1";
    let trip = view.0.prepare_cached(sql)?.query_row([address], |row| row.get(0));
    Ok((newest.optional()?, trip.optional()?))
}

/// When the oldest canary of an address that has not come back was sent, of those after the last that did.
///
/// # Errors
/// The store's own.
pub fn missing_since(view: &View<'_>, address: &str) -> Result<Option<Timestamp>> {
    let sql = "SELECT min(sent) FROM canaries WHERE address = ?1 AND returned IS NULL
               AND id > coalesce((SELECT max(id) FROM canaries WHERE address = ?1 AND returned IS NOT NULL), 0)";
    let sent: Option<i64> = view.0.prepare_cached(sql)?.query_row([address], |row| row.get(0))?;
    Ok(sent.map(from_millis))
}
