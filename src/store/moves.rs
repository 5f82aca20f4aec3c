//! Moves: cases that staff took to another queue. What a person decided is worth more than what rules said, so a move is
//! also a label of the mail that had placed the case.

use rusqlite::params;

use super::{Result, Tx, View};
use crate::clock::Timestamp;

/// What staff decided.
#[derive(Clone, Copy, Debug)]
pub struct Move<'m> {
    /// Row id of the case.
    pub case_id: i64,
    /// Row id of the mail that had placed the case.
    pub message: i64,
    /// Where the case was.
    pub from: &'m str,
    /// Where it goes.
    pub to: &'m str,
    /// Who moved it.
    pub who: &'m str,
    /// Their reason.
    pub why: &'m str,
}

/// Keeps a move; returns its number, which no other move ever has.
///
/// # Errors
/// The store's own.
pub fn add(tx: &Tx<'_>, moved: &Move<'_>, at: Timestamp) -> Result<i64> {
    let mut insert = tx.0.prepare_cached(
        "INSERT INTO moves (case_id, message, from_queue, to_queue, who, why, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    insert.execute(params![moved.case_id, moved.message, moved.from, moved.to, moved.who, moved.why, at.as_millisecond()])?;
    Ok(tx.0.last_insert_rowid())
}

/// The mail that placed a case in this queue: the newest one judged into it, else the first of the case.
///
/// # Errors
/// The store's own.
pub fn placed_by(view: &View<'_>, case_id: i64, queue: &str) -> Result<Option<i64>> {
    let mut select = view.0.prepare_cached(
        "SELECT coalesce((SELECT max(m.id) FROM messages m JOIN verdicts v ON v.message = m.id WHERE m.case_id = ?1 AND v.queue = ?2),
                         (SELECT min(id) FROM messages WHERE case_id = ?1))",
    )?;
    Ok(select.query_row(params![case_id, queue], |row| row.get(0))?)
}
