//! Alerts: one a case, firing until a person has it.

use rusqlite::{OptionalExtension, Row, params};

use super::{Result, StoreError, Tx, View, far_off};
use crate::clock::{Timestamp, from_millis};

/// An alert that is firing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Firing {
    /// Row id.
    pub id: i64,
    /// Its case.
    pub case_id: i64,
    /// Name of the ladder it climbs.
    pub ladder: String,
    /// Steps taken so far, over all its firings.
    pub round: u32,
    /// How many of them belong to earlier firings.
    pub began: u32,
    /// When it fired.
    pub fired: Timestamp,
}

/// An alert in lists.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct AlertRow {
    /// Reference of its case.
    pub case: String,
    /// The case's queue.
    pub queue: String,
    /// `firing`, `acknowledged` or `resolved`.
    pub state: String,
    /// Steps taken so far.
    pub round: u32,
    /// The next step, while it fires.
    pub due: Option<Timestamp>,
    /// When it first fired.
    pub fired: Timestamp,
    /// Who has it.
    pub acknowledged_by: Option<String>,
}

/// Lets the alert of a case fire on `ladder`, from its first step, which is due at once. One that fires on that ladder already
/// goes on as it is (false); one that somebody had, or that is on another ladder, fires anew.
///
/// # Errors
/// The store's own.
pub fn fire(tx: &Tx<'_>, case_id: i64, ladder: &str, now: Timestamp) -> Result<bool> {
    // `round` never goes back: it names the mails that were sent.
    let mut insert = tx.0.prepare_cached(
        "INSERT INTO alerts (case_id, ladder, state, round, began, due, fired) VALUES (?1, ?2, 'firing', 0, 0, ?3, ?3)
         ON CONFLICT (case_id) DO UPDATE SET state = 'firing', ladder = excluded.ladder, began = round, due = excluded.due,
                fired = excluded.fired, acknowledged = NULL, acknowledged_by = NULL
         WHERE state <> 'firing' OR ladder <> excluded.ladder",
    )?;
    Ok(insert.execute(params![case_id, ladder, now.as_millisecond()])? == 1)
}

/// Alerts whose next step is due, oldest first. One that is due farther off than any ladder waits was set by a clock that ran
/// ahead: it is due now.
///
/// # Errors
/// The store's own.
pub fn due(view: &View<'_>, now: Timestamp, most: u32) -> Result<Vec<Firing>> {
    let mut select = view.0.prepare_cached(
        "SELECT id, case_id, ladder, round, fired, began FROM alerts WHERE state = 'firing' AND (due <= ?1 OR due > ?3)
         ORDER BY due, id LIMIT ?2",
    )?;
    let rows = select.query_map(params![now.as_millisecond(), most, far_off(now)], |row| {
        Ok(Firing {
            id: row.get(0)?,
            case_id: row.get(1)?,
            ladder: row.get(2)?,
            round: row.get(3)?,
            fired: from_millis(row.get(4)?),
            began: row.get(5)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Notes that step number `round` was taken and the next is due at `due`.
///
/// # Errors
/// [`StoreError::Moved`] if the alert is not firing in that round: somebody acknowledged it.
pub fn step_taken(tx: &Tx<'_>, id: i64, round: u32, due: Timestamp) -> Result<()> {
    let mut update =
        tx.0.prepare_cached("UPDATE alerts SET round = ?2 + 1, due = ?3 WHERE id = ?1 AND state = 'firing' AND round = ?2")?;
    match update.execute(params![id, round, due.as_millisecond()])? {
        1 => Ok(()),
        _ => Err(StoreError::Moved("the alert has moved on".into())),
    }
}

/// A person has it.
///
/// # Errors
/// [`StoreError::Moved`] if the case has no alert that is firing.
pub fn acknowledge(tx: &Tx<'_>, case_id: i64, who: &str, now: Timestamp) -> Result<()> {
    let mut update = tx.0.prepare_cached(
        "UPDATE alerts SET state = 'acknowledged', due = NULL, acknowledged = ?3, acknowledged_by = ?2
         WHERE case_id = ?1 AND state = 'firing'",
    )?;
    if update.execute(params![case_id, who, now.as_millisecond()])? == 1 {
        // What still waits to be sent would wake people for nothing.
        let stale = "UPDATE outbox SET state = 'dropped', settled = ?2, zstd = NULL
                     WHERE case_id = ?1 AND kind = 'alert' AND state = 'ready'";
        tx.0.prepare_cached(stale)?.execute(params![case_id, now.as_millisecond()])?;
        return Ok(());
    }
    let by: Option<Option<String>> =
        tx.0.query_row("SELECT acknowledged_by FROM alerts WHERE case_id = ?1", [case_id], |row| row.get(0)).optional()?;
    Err(StoreError::Moved(match by.flatten() {
        Some(by) => format!("{by} has it already"),
        None => "this case has no alert that is firing".into(),
    }))
}

/// A person is done with a case: its alert, firing or acknowledged, is over. False if there was none.
///
/// # Errors
/// The store's own.
pub fn resolve(tx: &Tx<'_>, case_id: i64, who: &str, now: Timestamp) -> Result<bool> {
    match acknowledge(tx, case_id, who, now) {
        Ok(()) | Err(StoreError::Moved(_)) => {}
        Err(error) => return Err(error),
    }
    let mut update = tx.0.prepare_cached("UPDATE alerts SET state = 'resolved' WHERE case_id = ?1 AND state = 'acknowledged'")?;
    Ok(update.execute([case_id])? == 1)
}

/// Alerts that are firing; with `all`, every one. Newest first.
///
/// # Errors
/// The store's own.
pub fn list(view: &View<'_>, all: bool, most: u32) -> Result<Vec<AlertRow>> {
    let mut select = view.0.prepare_cached(
        "SELECT c.reference, c.queue, a.state, a.round, a.due, a.fired, a.acknowledged_by
         FROM alerts a JOIN cases c ON c.id = a.case_id WHERE ?1 OR a.state = 'firing' ORDER BY a.id DESC LIMIT ?2",
    )?;
    let rows = select.query_map(params![all, most], alert_row)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn alert_row(row: &Row<'_>) -> rusqlite::Result<AlertRow> {
    Ok(AlertRow {
        case: row.get(0)?,
        queue: row.get(1)?,
        state: row.get(2)?,
        round: row.get(3)?,
        due: row.get::<_, Option<i64>>(4)?.map(from_millis),
        fired: from_millis(row.get(5)?),
        acknowledged_by: row.get(6)?,
    })
}
