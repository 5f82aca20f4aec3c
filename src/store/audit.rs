//! The audit: what was done by whom. Only added to.

use rusqlite::params;

use super::{Result, Tx, View};
use crate::clock::{Timestamp, from_millis};

/// One line of the audit.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Line {
    /// When.
    pub at: Timestamp,
    /// `daemon`, or the operator's login name.
    pub who: String,
    /// A short word for what was done, such as `stored`.
    pub what: String,
    /// More, in words: no text of a mail.
    pub detail: String,
}

/// Adds a line about a case (or about none).
///
/// # Errors
/// The store's own.
pub fn add(tx: &Tx<'_>, at: Timestamp, who: &str, what: &str, case_id: Option<i64>, detail: &str) -> Result<()> {
    let mut insert = tx.0.prepare_cached("INSERT INTO audit (at, who, what, case_id, detail) VALUES (?1, ?2, ?3, ?4, ?5)")?;
    insert.execute(params![at.as_millisecond(), who, what, case_id, detail])?;
    Ok(())
}

/// The lines about a case, oldest first.
///
/// # Errors
/// The store's own.
pub fn of_case(view: &View<'_>, case_id: i64) -> Result<Vec<Line>> {
    let mut select = view.0.prepare_cached("SELECT at, who, what, detail FROM audit WHERE case_id = ?1 ORDER BY id")?;
    let lines = select.query_map([case_id], |row| {
        Ok(Line { at: from_millis(row.get(0)?), who: row.get(1)?, what: row.get(2)?, detail: row.get(3)? })
    })?;
    Ok(lines.collect::<rusqlite::Result<_>>()?)
}

/// True if a person did something about this case since then, beyond saying that they have its alert.
///
/// # Errors
/// The store's own.
pub fn person_acted(view: &View<'_>, case_id: i64, since: Timestamp) -> Result<bool> {
    let sql =
        "SELECT EXISTS (SELECT 1 FROM audit WHERE case_id = ?1 AND at > ?2 AND who <> 'daemon' AND what NOT LIKE 'alert %')";
    Ok(view.0.prepare_cached(sql)?.query_row(params![case_id, since.as_millisecond()], |row| row.get(0))?)
}
