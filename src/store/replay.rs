//! Stored mails in the order they were stored, each with the verdict it got: what `rules backtest` and `rules stats` read.

use rusqlite::{Row, params};

use super::{Result, View};
use crate::case::Reference;
use crate::clock::{Timestamp, from_millis};

/// A stored mail as it was judged.
#[derive(Clone, Debug)]
pub struct Past {
    /// Row id of the mail.
    pub message: i64,
    /// The case it belongs to.
    pub reference: Reference,
    /// It is not the first of its case.
    pub follow_up: bool,
    /// Account id.
    pub account: String,
    /// It lay in the junk folder.
    pub junk: bool,
    /// Size on the server, bytes.
    pub size: u64,
    /// Nothing, or its header at most, was handed over.
    pub unfetched: bool,
    /// When the server took it in.
    pub received: Timestamp,
    /// When it was stored.
    pub stored: Timestamp,
    /// The verdict it got when it came, JSON: a copy that came to another account later was judged for that account.
    pub verdict: String,
    /// The queue that staff took its case to, if they did: what they think of that verdict.
    pub moved_to: Option<String>,
    /// The mail, packed (see [`super::unpack`]); empty where only verdicts were asked for.
    pub packed: Vec<u8>,
}

/// Mails stored since `since` with an id above `after`, at most `most`, in order of id; with their bytes if `with_mail`.
///
/// # Errors
/// The store's own.
pub fn page(view: &View<'_>, since: Timestamp, after: i64, most: u32, with_mail: bool) -> Result<Vec<Past>> {
    let mut select = view.0.prepare_cached(
        "SELECT m.id, c.reference, m.id > (SELECT min(id) FROM messages f WHERE f.case_id = m.case_id), m.account, m.junk, m.size,
                EXISTS (SELECT 1 FROM json_each(m.damage) WHERE value = 'unfetched'), m.received, m.stored,
                (SELECT verdict FROM verdicts v WHERE v.message = m.id ORDER BY v.id LIMIT 1),
                (SELECT to_queue FROM moves WHERE message = m.id ORDER BY moves.id DESC LIMIT 1),
                CASE WHEN ?4 THEN (SELECT zstd FROM raw_mails r WHERE r.message = m.id) ELSE x'' END
         FROM messages m JOIN cases c ON c.id = m.case_id
         WHERE m.id > ?1 AND m.stored >= ?2 ORDER BY m.id LIMIT ?3",
    )?;
    let rows = select.query_map(params![after, since.as_millisecond(), most, with_mail], past)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// How many mails were stored since `since`.
///
/// # Errors
/// The store's own.
pub fn count(view: &View<'_>, since: Timestamp) -> Result<u64> {
    let mut select = view.0.prepare_cached("SELECT count(*) FROM messages WHERE stored >= ?1")?;
    let count: i64 = select.query_row([since.as_millisecond()], |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

fn past(row: &Row<'_>) -> rusqlite::Result<Past> {
    let reference: String = row.get(1)?;
    Ok(Past {
        message: row.get(0)?,
        reference: Reference::parse(&reference)
            .ok_or_else(|| rusqlite::Error::InvalidParameterName(format!("reference {reference}")))?,
        follow_up: row.get(2)?,
        account: row.get(3)?,
        junk: row.get(4)?,
        size: row.get::<_, i64>(5)?.unsigned_abs(),
        unfetched: row.get(6)?,
        received: from_millis(row.get(7)?),
        stored: from_millis(row.get(8)?),
        verdict: row.get::<_, Option<String>>(9)?.unwrap_or_else(|| "null".to_owned()),
        moved_to: row.get(10)?,
        packed: row.get::<_, Option<Vec<u8>>>(11)?.unwrap_or_default(),
    })
}
