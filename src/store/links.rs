//! Links between cases that may have to do with each other.

use rusqlite::params;

use super::{Result, Tx, View};
use crate::case::Reference;
use crate::clock::Timestamp;

/// A case that another is linked to.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Linked {
    /// Its reference.
    pub reference: Reference,
    /// Its queue.
    pub queue: String,
    /// Why they are linked.
    pub why: String,
}

/// Links two cases; false if they were linked already, or are one.
///
/// # Errors
/// The store's own.
pub fn add(tx: &Tx<'_>, a: i64, b: i64, why: &str, at: Timestamp) -> Result<bool> {
    if a == b {
        return Ok(false);
    }
    let mut insert = tx.0.prepare_cached("INSERT OR IGNORE INTO links (one, other, why, at) VALUES (?1, ?2, ?3, ?4)")?;
    Ok(insert.execute(params![a.min(b), a.max(b), why, at.as_millisecond()])? == 1)
}

/// The cases that a case is linked to, newest case first, at most a hundred.
///
/// # Errors
/// The store's own; a reference that is none is one.
pub fn of_case(view: &View<'_>, case_id: i64) -> Result<Vec<Linked>> {
    let mut select = view.0.prepare_cached(
        "SELECT c.reference, c.queue, l.why FROM links l JOIN cases c ON c.id = CASE WHEN l.one = ?1 THEN l.other ELSE l.one END
         WHERE l.one = ?1 OR l.other = ?1 ORDER BY c.id DESC LIMIT 100",
    )?;
    let rows = select.query_map([case_id], |row| {
        let reference: String = row.get(0)?;
        let reference = Reference::parse(&reference).ok_or_else(|| rusqlite::Error::InvalidParameterName(reference))?;
        Ok(Linked { reference, queue: row.get(1)?, why: row.get(2)? })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
