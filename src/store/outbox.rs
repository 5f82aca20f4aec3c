//! The outbox's rows. A row is claimed with a lease, its attempt counted before it is tried, and it moves only from
//! the state it is expected in; the words and the waits are in [`crate::outbox`].

use std::time::Duration;

use rusqlite::{OptionalExtension, Row, params};

use super::{Result, StoreError, Tx, View, far_off, pack};
use crate::clock::{Timestamp, from_millis};
use crate::outbox::{Kind, Next, OutboxState, Outcome};

/// A mail that is to be sent.
#[derive(Clone, Debug)]
pub struct NewRow<'a> {
    /// What it is, once: a second row of the same name is not added.
    pub idempotent: &'a str,
    /// The case it belongs to, if it is about one.
    pub case_id: Option<i64>,
    /// The alert it belongs to, if it is a call or a notice of one.
    pub alert: Option<i64>,
    /// What it is for.
    pub kind: Kind,
    /// How it leaves: empty for mail, else the name of a webhook.
    pub channel: &'a str,
    /// Envelope sender; `None` is `<>`.
    pub mail_from: Option<&'a str>,
    /// Recipient; of a webhook its name.
    pub rcpt_to: &'a str,
    /// The mail, or the payload.
    pub raw: &'a [u8],
    /// Not before.
    pub due: Timestamp,
}

/// A row that was claimed, with all that is needed to send it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// Row id.
    pub id: i64,
    /// What it is for.
    pub kind: Kind,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// Envelope sender; `None` is `<>`.
    pub mail_from: Option<String>,
    /// Recipient.
    pub rcpt_to: String,
    /// The mail, packed (see [`super::unpack`]): unpacking is not the writer's work.
    pub packed: Vec<u8>,
    /// When the row was made.
    pub created: Timestamp,
}

/// A row in lists.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct OutboxRow {
    /// Row id.
    pub id: i64,
    /// Reference of its case, or of the alert about ourselves; empty for a canary.
    pub case: String,
    /// What it is for.
    pub kind: Kind,
    /// Where it stands.
    pub state: OutboxState,
    /// Recipient.
    pub to: String,
    /// Attempts so far.
    pub attempts: u32,
    /// Not before.
    pub due: Timestamp,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// When it was made.
    pub created: Timestamp,
}

/// Adds a row; false if one of this name is there already.
///
/// # Errors
/// The store's own.
pub fn add(tx: &Tx<'_>, row: &NewRow<'_>, now: Timestamp) -> Result<bool> {
    let mut insert = tx.0.prepare_cached(
        "INSERT INTO outbox (idempotent, case_id, kind, state, mail_from, rcpt_to, zstd, due, created, alert, channel)
         VALUES (?1, ?2, ?3, 'ready', ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (idempotent) DO NOTHING",
    )?;
    let added = insert.execute(params![
        row.idempotent,
        row.case_id,
        row.kind.word(),
        row.mail_from,
        row.rcpt_to,
        pack(row.raw),
        row.due.as_millisecond(),
        now.as_millisecond(),
        row.alert,
        row.channel,
    ])?;
    Ok(added == 1)
}

/// What one worker takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    /// Empty for mail, else the name of a webhook.
    pub channel: String,
    /// The kinds.
    pub kinds: Vec<Kind>,
}

impl Lane {
    fn words(&self) -> Result<String> {
        Ok(serde_json::to_string(&self.kinds.iter().map(|kind| kind.word()).collect::<Vec<_>>())?)
    }
}

/// Claims up to `most` rows of a lane that are due, oldest first, until `now + lease`; counts the attempt.
///
/// # Errors
/// The store's own.
pub fn claim(tx: &Tx<'_>, lane: &Lane, most: u32, lease: Duration, now: Timestamp) -> Result<Vec<Claimed>> {
    let mut update = tx.0.prepare_cached(
        "UPDATE outbox SET state = 'sending', attempts = attempts + 1, lease = ?3
         WHERE id IN (SELECT id FROM outbox WHERE state = 'ready' AND (due <= ?1 OR due > ?5)
                      AND channel = ?6 AND kind IN (SELECT value FROM json_each(?4)) ORDER BY due, id LIMIT ?2) AND state = 'ready'
         RETURNING id, kind, attempts, mail_from, rcpt_to, zstd, created",
    )?;
    let until = now.as_millisecond() + lease.as_millis() as i64;
    let rows = update
        .query_map(params![now.as_millisecond(), most, until, lane.words()?, far_off(now), lane.channel], |row| {
            Ok(claimed(row))
        })?;
    let mut rows = rows.map(|row| row?).collect::<Result<Vec<_>>>()?;
    rows.sort_by_key(|row| row.id);
    Ok(rows)
}

/// True if a row of this lane is due.
///
/// # Errors
/// The store's own.
pub fn any_due(view: &View<'_>, lane: &Lane, now: Timestamp) -> Result<bool> {
    let mut exists = view.0.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM outbox WHERE state = 'ready' AND (due <= ?1 OR due > ?3)
                        AND channel = ?4 AND kind IN (SELECT value FROM json_each(?2)))",
    )?;
    Ok(exists.query_row(params![now.as_millisecond(), lane.words()?, far_off(now), lane.channel], |row| row.get(0))?)
}

/// Gives claimed rows back untried: their attempts are not counted.
///
/// # Errors
/// The store's own.
pub fn give_back(tx: &Tx<'_>, ids: &[i64]) -> Result<()> {
    let sql = "UPDATE outbox SET state = 'ready', lease = NULL, attempts = attempts - 1 WHERE id = ?1 AND state = 'sending'";
    let mut update = tx.0.prepare_cached(sql)?;
    for id in ids {
        update.execute([id])?;
    }
    Ok(())
}

/// Records what came of an attempt. Returns the state it led to.
///
/// # Errors
/// [`StoreError::Moved`] if the row is not being sent any more (its lease ended, a person dropped it).
pub fn record(tx: &Tx<'_>, id: i64, outcome: &Outcome, next: &Next, now: Timestamp) -> Result<OutboxState> {
    let words = outcome.why();
    let now = now.as_millisecond();
    let (state, due) = match next {
        Next::Sent => (OutboxState::Sent, None),
        Next::Dead => (OutboxState::Dead, None),
        Next::Ready(wait) => (OutboxState::Ready, Some(now + wait.as_millis() as i64)),
    };
    let settled = due.is_none().then_some(now);
    let mut update = tx.0.prepare_cached(
        "UPDATE outbox SET state = ?2, lease = NULL, due = coalesce(?3, due), settled = ?4, last_error = ?5,
                zstd = CASE WHEN ?2 = 'sent' THEN NULL ELSE zstd END
         WHERE id = ?1 AND state = 'sending'",
    )?;
    match update.execute(params![id, state.word(), due, settled, words])? {
        1 => Ok(state),
        _ => Err(StoreError::Moved(format!("outbox row {id} is no longer being sent"))),
    }
}

/// Records rows as sent that an earlier life marked as taken (see [`super::Store::mark_sent`]). Returns how many were not yet.
///
/// # Errors
/// The store's own.
pub fn settle(tx: &Tx<'_>, marked: &[i64], now: Timestamp) -> Result<usize> {
    let mut update = tx.0.prepare_cached(
        "UPDATE outbox SET state = 'sent', lease = NULL, settled = ?2, zstd = NULL WHERE id = ?1 AND state = 'sending'",
    )?;
    let mut settled = 0;
    for id in marked {
        settled += update.execute(params![id, now.as_millisecond()])?;
    }
    Ok(settled)
}

/// Frees rows whose lease is over, but for those `held` by a worker that lives; or, with `all`, every claimed row: at start
/// nobody else can be sending. Returns how many.
///
/// # Errors
/// The store's own.
pub fn free(tx: &Tx<'_>, all: bool, held: &[i64], now: Timestamp) -> Result<usize> {
    let mut update = tx.0.prepare_cached(
        "UPDATE outbox SET state = 'ready', lease = NULL
         WHERE state = 'sending' AND (?1 OR lease <= ?2) AND id NOT IN (SELECT value FROM json_each(?3))",
    )?;
    Ok(update.execute(params![all, now.as_millisecond(), serde_json::to_string(held)?])?)
}

/// True if a call of this alert to this address (or webhook) still waits or is being sent.
///
/// # Errors
/// The store's own.
pub fn call_waits(view: &View<'_>, alert: i64, channel: &str, rcpt_to: &str) -> Result<bool> {
    let mut exists = view.0.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM outbox WHERE alert = ?1 AND kind = 'alert' AND channel = ?2 AND rcpt_to = ?3
                        AND state IN ('ready', 'sending'))",
    )?;
    Ok(exists.query_row(params![alert, channel, rcpt_to], |row| row.get(0))?)
}

/// A number that no row has had yet: it tells notices apart.
///
/// # Errors
/// The store's own.
pub fn next_number(view: &View<'_>) -> Result<u64> {
    let sql = "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'outbox'), 0) + 1";
    Ok(view.0.query_row(sql, [], |row| row.get::<_, i64>(0))?.unsigned_abs())
}

/// How many rows are dead, and since when the oldest row that is no answer has been waiting to leave (its first time is over, so
/// that something keeps it).
///
/// # Errors
/// The store's own.
pub fn backlog(view: &View<'_>) -> Result<(u64, Option<Timestamp>)> {
    let dead: i64 = view.0.query_row("SELECT count(*) FROM outbox WHERE state = 'dead'", [], |row| row.get(0))?;
    let sql = "SELECT min(created) FROM outbox WHERE state IN ('ready', 'sending') AND kind <> 'acknowledgement'";
    let oldest: Option<i64> = view.0.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
    Ok((dead as u64, oldest.map(from_millis)))
}

/// A person puts a dead row (or one that waits long) back: ready now, its attempts counted anew.
///
/// # Errors
/// [`StoreError::Moved`] if it is neither dead nor ready.
pub fn retry(tx: &Tx<'_>, id: i64, now: Timestamp) -> Result<()> {
    let sql = "UPDATE outbox SET state = 'ready', due = ?2, settled = NULL, attempts = 0
               WHERE id = ?1 AND state IN ('dead', 'ready')";
    moved(tx, tx.0.prepare_cached(sql)?.execute(params![id, now.as_millisecond()])?, id)
}

/// A person decides that a row is not to be sent.
///
/// # Errors
/// [`StoreError::Moved`] if it is being sent, sent or dropped already.
pub fn drop_row(tx: &Tx<'_>, id: i64, now: Timestamp) -> Result<()> {
    let sql = "UPDATE outbox SET state = 'dropped', settled = ?2, zstd = NULL WHERE id = ?1 AND state IN ('dead', 'ready')";
    moved(tx, tx.0.prepare_cached(sql)?.execute(params![id, now.as_millisecond()])?, id)
}

fn moved(tx: &Tx<'_>, changed: usize, id: i64) -> Result<()> {
    if changed == 1 {
        return Ok(());
    }
    let state: Option<String> = tx.0.query_row("SELECT state FROM outbox WHERE id = ?1", [id], |row| row.get(0)).optional()?;
    Err(StoreError::Moved(match state {
        None => format!("there is no outbox row {id}"),
        Some(state) => format!("outbox row {id} is {state}: only rows that are ready or dead can be changed"),
    }))
}

/// The id of the case a row belongs to, if it is about one.
///
/// # Errors
/// The store's own; a row that is not there is one.
pub fn case_of(view: &View<'_>, id: i64) -> Result<Option<i64>> {
    Ok(view.0.query_row("SELECT case_id FROM outbox WHERE id = ?1", [id], |row| row.get(0))?)
}

/// Rows in these states (none given: all but sent and dropped), oldest first.
///
/// # Errors
/// The store's own.
pub fn list(view: &View<'_>, states: &[OutboxState], case_id: Option<i64>, most: u32) -> Result<Vec<OutboxRow>> {
    let usual = [OutboxState::Ready, OutboxState::Sending, OutboxState::Dead];
    let states = if states.is_empty() { &usual[..] } else { states };
    let words = serde_json::to_string(&states.iter().map(|s| s.word()).collect::<Vec<_>>())?;
    let mut select = view.0.prepare_cached(
        "SELECT o.id, coalesce(c.reference, a.reference, ''), o.kind, o.state, o.rcpt_to, o.attempts, o.due, o.last_error, o.created
         FROM outbox o LEFT JOIN cases c ON c.id = o.case_id LEFT JOIN alerts a ON a.id = o.alert
         WHERE o.state IN (SELECT value FROM json_each(?1)) AND (?2 IS NULL OR o.case_id = ?2) ORDER BY o.id LIMIT ?3",
    )?;
    let rows = select.query_map(params![words, case_id, most], |row| Ok(outbox_row(row)))?;
    rows.map(|row| row?).collect()
}

/// How many rows stand in each state.
///
/// # Errors
/// The store's own.
pub fn counts(view: &View<'_>) -> Result<Vec<(OutboxState, u64)>> {
    let mut select = view.0.prepare_cached("SELECT state, count(*) FROM outbox GROUP BY state")?;
    let rows = select.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))?;
    rows.map(|row| {
        let (word, count) = row?;
        Ok((state_of(&word)?, count as u64))
    })
    .collect()
}

fn claimed(row: &Row<'_>) -> Result<Claimed> {
    Ok(Claimed {
        id: row.get(0)?,
        kind: kind_of(&row.get::<_, String>(1)?)?,
        attempt: row.get(2)?,
        mail_from: row.get(3)?,
        rcpt_to: row.get(4)?,
        packed: row.get(5)?,
        created: from_millis(row.get(6)?),
    })
}

fn outbox_row(row: &Row<'_>) -> Result<OutboxRow> {
    Ok(OutboxRow {
        id: row.get(0)?,
        case: row.get(1)?,
        kind: kind_of(&row.get::<_, String>(2)?)?,
        state: state_of(&row.get::<_, String>(3)?)?,
        to: row.get(4)?,
        attempts: row.get(5)?,
        due: from_millis(row.get(6)?),
        last_error: row.get(7)?,
        created: from_millis(row.get(8)?),
    })
}

fn kind_of(word: &str) -> Result<Kind> {
    Kind::from_word(word).ok_or_else(|| StoreError::Broken(format!("unknown kind {word}")))
}

fn state_of(word: &str) -> Result<OutboxState> {
    OutboxState::from_word(word).ok_or_else(|| StoreError::Broken(format!("unknown outbox state {word}")))
}
