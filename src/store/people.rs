//! Who was answered when (what the caps on answers are counted by), and whom our answers do not reach.

use rusqlite::{OptionalExtension, params};

use super::{Result, Tx, View};
use crate::clock::Timestamp;

/// Notes that `address` (any case) was answered in `case_id`.
///
/// # Errors
/// The store's own.
pub fn answered(tx: &Tx<'_>, address: &str, case_id: i64, at: Timestamp) -> Result<()> {
    let mut insert = tx.0.prepare_cached("INSERT INTO answers (address, at, case_id) VALUES (?1, ?2, ?3)")?;
    insert.execute(params![address.to_lowercase(), at.as_millisecond(), case_id])?;
    Ok(())
}

/// How often `address` was answered after `since` and up to `now`: what a clock that ran ahead wrote does not count.
///
/// # Errors
/// The store's own.
pub fn answers_to(view: &View<'_>, address: &str, since: Timestamp, now: Timestamp) -> Result<u32> {
    let mut count = view.0.prepare_cached("SELECT count(*) FROM answers WHERE address = ?1 AND at > ?2 AND at <= ?3")?;
    Ok(count.query_row(params![address.to_lowercase(), since.as_millisecond(), now.as_millisecond()], |row| row.get(0))?)
}

/// How many answers went to anybody after `since` and up to `now`. Rows are added in order of time and their ids ascend, so
/// the distance between the first id and the last tells it, and a flood costs no more than a trickle.
///
/// # Errors
/// The store's own.
pub fn answers_in_all(view: &View<'_>, since: Timestamp, now: Timestamp) -> Result<u32> {
    let mut count = view.0.prepare_cached(
        "SELECT coalesce((SELECT rowid FROM answers WHERE at <= ?2 AND at > ?1 ORDER BY at DESC LIMIT 1)
                       - (SELECT rowid FROM answers WHERE at > ?1 AND at <= ?2 ORDER BY at LIMIT 1) + 1, 0)",
    )?;
    let count: i64 = count.query_row(params![since.as_millisecond(), now.as_millisecond()], |row| row.get(0))?;
    Ok(u32::try_from(count.max(0)).unwrap_or(u32::MAX))
}

/// True if this case was answered before.
///
/// # Errors
/// The store's own.
pub fn case_answered(view: &View<'_>, case_id: i64) -> Result<bool> {
    let mut exists =
        view.0.prepare_cached("SELECT EXISTS (SELECT 1 FROM outbox WHERE case_id = ?1 AND kind = 'acknowledgement')")?;
    Ok(exists.query_row([case_id], |row| row.get(0))?)
}

/// The address that a case's acknowledgement went to, lower case.
///
/// # Errors
/// The store's own.
pub fn answered_in(view: &View<'_>, case_id: i64) -> Result<Option<String>> {
    let mut select = view.0.prepare_cached("SELECT address FROM answers WHERE case_id = ?1 ORDER BY rowid DESC LIMIT 1")?;
    Ok(select.query_row([case_id], |row| row.get(0)).optional()?)
}

/// Marks an address (any case) from which a mail of ours came back.
///
/// # Errors
/// The store's own.
pub fn bounced(tx: &Tx<'_>, address: &str, case_id: i64, at: Timestamp) -> Result<()> {
    let mut insert = tx.0.prepare_cached(
        "INSERT INTO bounces (address, case_id, at) VALUES (?1, ?2, ?3)
         ON CONFLICT (address) DO UPDATE SET case_id = excluded.case_id, at = excluded.at",
    )?;
    insert.execute(params![address.to_lowercase(), case_id, at.as_millisecond()])?;
    Ok(())
}

/// When a mail of ours last came back from this address (any case), if ever.
///
/// # Errors
/// The store's own.
pub fn bounced_at(view: &View<'_>, address: &str) -> Result<Option<Timestamp>> {
    let mut select = view.0.prepare_cached("SELECT at FROM bounces WHERE address = ?1")?;
    let at: Option<i64> = select.query_row([address.to_lowercase()], |row| row.get(0)).optional()?;
    Ok(at.map(crate::clock::from_millis))
}
