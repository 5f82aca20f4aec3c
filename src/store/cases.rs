//! Cases, their messages and verdicts, and the ledger of what was read.

use rusqlite::{OptionalExtension, Row, params};

use super::{Result, StoreError, Tx, View, unpack};
use crate::case::{CaseEvent, CaseState, Reference};
use crate::clock::{Timestamp, from_millis};

/// A mail's identity on its server (law 1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// Account id.
    pub account: String,
    /// Folder name.
    pub folder: String,
    /// UIDVALIDITY; 0 for a Maildir.
    pub validity: u64,
    /// UID or Maildir name.
    pub key: String,
}

/// A message as it is first stored.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// Account id.
    pub account: String,
    /// The mail's own Message-ID.
    pub message_id: Option<String>,
    /// Hash of Message-ID and content; `None` without a Message-ID.
    pub content_key: Option<[u8; 32]>,
    /// Hash of the raw bytes.
    pub raw_hash: [u8; 32],
    /// The raw mail, packed (see [`super::pack`]).
    pub packed: Vec<u8>,
    /// Size on the server, bytes.
    pub size: u64,
    /// The From address, or "".
    pub sender: String,
    /// The subject.
    pub subject: String,
    /// Language code, if known.
    pub language: Option<String>,
    /// Reason word, if automated.
    pub automated: Option<String>,
    /// Came from the junk folder.
    pub junk: bool,
    /// Damage marks, JSON.
    pub damage: String,
    /// The manifest, JSON.
    pub attachments: String,
    /// When the server took it in.
    pub received: Timestamp,
}

/// A case in lists.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct CaseRow {
    /// Row id.
    #[serde(skip)]
    pub id: i64,
    /// Its reference.
    pub reference: Reference,
    /// Where it stands.
    pub state: CaseState,
    /// Its queue.
    pub queue: String,
    /// The reporter's address, or "".
    pub reporter: String,
    /// The reporter's language, if known.
    pub language: Option<String>,
    /// When it was opened.
    pub opened: Timestamp,
    /// When it last changed.
    pub changed: Timestamp,
    /// How many messages it has.
    pub messages: u32,
    /// Subject of its first message.
    pub subject: String,
}

/// A message of a case, for show.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct MessageRow {
    /// Row id.
    pub id: i64,
    /// Account id.
    pub account: String,
    /// From address, or "".
    pub sender: String,
    /// Subject.
    pub subject: String,
    /// Language code, if known.
    pub language: Option<String>,
    /// Reason word, if automated.
    pub automated: Option<String>,
    /// Came from the junk folder.
    pub junk: bool,
    /// Size on the server, bytes.
    pub size: u64,
    /// Damage marks.
    pub damage: serde_json::Value,
    /// The manifest.
    pub attachments: serde_json::Value,
    /// Answered to whom, or why not.
    pub answer: serde_json::Value,
    /// When the server took it in.
    pub received: Timestamp,
    /// When it was stored.
    pub stored: Timestamp,
    /// Its newest verdict, with the trace.
    pub verdict: serde_json::Value,
    /// Every place it was read from: account, folder and key.
    pub read_from: Vec<String>,
}

/// Which cases a list shows.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only this queue.
    pub queue: Option<String>,
    /// Only this state; `None`: all but closed.
    pub state: Option<CaseState>,
    /// Closed ones too, when no state is asked for.
    pub all: bool,
    /// At most so many, newest first.
    pub most: u32,
}

/// Of `keys`, those the ledger does not have, in their order.
///
/// # Errors
/// The store's own.
pub fn unread(view: &View<'_>, account: &str, folder: &str, validity: u64, keys: Vec<String>) -> Result<Vec<String>> {
    let mut known =
        view.0.prepare_cached("SELECT 1 FROM ledger WHERE account = ?1 AND folder = ?2 AND validity = ?3 AND key = ?4")?;
    let mut missing = Vec::new();
    for key in keys {
        if !known.exists(params![account, folder, validity as i64, key])? {
            missing.push(key);
        }
    }
    Ok(missing)
}

/// Keys that are stored but not yet marked done on the server, at most `most`.
///
/// # Errors
/// The store's own.
pub fn undone(view: &View<'_>, account: &str, folder: &str, validity: u64, most: u32) -> Result<Vec<String>> {
    let mut select = view.0.prepare_cached(
        "SELECT key FROM ledger INDEXED BY ledger_undone WHERE account = ?1 AND folder = ?2 AND validity = ?3 AND done = 0 ORDER BY key LIMIT ?4",
    )?;
    let keys = select.query_map(params![account, folder, validity as i64, most], |row| row.get(0))?;
    Ok(keys.collect::<rusqlite::Result<_>>()?)
}

/// Notes that these keys are marked done on the server.
///
/// # Errors
/// The store's own.
pub fn set_done(tx: &Tx<'_>, account: &str, folder: &str, validity: u64, keys: &[String]) -> Result<()> {
    let mut update =
        tx.0.prepare_cached("UPDATE ledger SET done = 1 WHERE account = ?1 AND folder = ?2 AND validity = ?3 AND key = ?4")?;
    for key in keys {
        update.execute(params![account, folder, validity as i64, key])?;
    }
    Ok(())
}

/// Enters a spot into the ledger; `done`: nothing remains to be done with it on the server.
///
/// # Errors
/// The store's own; a spot that is there already is one.
pub fn enter(tx: &Tx<'_>, spot: &Spot, message: impl Into<Option<i64>>, done: bool) -> Result<()> {
    let mut insert = tx
        .0
        .prepare_cached("INSERT INTO ledger (account, folder, validity, key, message, done) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
    insert.execute(params![spot.account, spot.folder, spot.validity as i64, spot.key, message.into(), done])?;
    Ok(())
}

/// True if the ledger has this spot.
///
/// # Errors
/// The store's own.
pub fn is_read(view: &View<'_>, spot: &Spot) -> Result<bool> {
    let key = vec![spot.key.clone()];
    Ok(unread(view, &spot.account, &spot.folder, spot.validity, key)?.is_empty())
}

/// The message of this account with the same bytes that was read elsewhere: from another folder, or under another
/// UIDVALIDITY. That is the same mail, moved or renumbered; equal bytes within one numbering are two mails.
///
/// # Errors
/// The store's own.
pub fn same_bytes(view: &View<'_>, spot: &Spot, raw_hash: &[u8; 32]) -> Result<Option<i64>> {
    let mut select = view.0.prepare_cached(
        "SELECT m.id FROM messages m WHERE m.raw_hash = ?1 AND m.account = ?2
           AND NOT EXISTS (SELECT 1 FROM ledger l WHERE l.message = m.id AND l.account = ?2 AND l.folder = ?3 AND l.validity = ?4)
         ORDER BY m.id LIMIT 1",
    )?;
    Ok(select.query_row(params![raw_hash, spot.account, spot.folder, spot.validity as i64], |row| row.get(0)).optional()?)
}

/// The message with this content key, and its case.
///
/// # Errors
/// The store's own.
pub fn same_content(view: &View<'_>, content_key: &[u8; 32]) -> Result<Option<(i64, i64)>> {
    let mut select = view.0.prepare_cached("SELECT id, case_id FROM messages WHERE content_key = ?1")?;
    Ok(select.query_row([content_key], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
}

/// Opens a case. `None` if the reference is taken: draw another.
///
/// # Errors
/// The store's own.
pub fn open(
    tx: &Tx<'_>,
    reference: &Reference,
    queue: &str,
    reporter: &str,
    language: Option<&str>,
    now: Timestamp,
) -> Result<Option<i64>> {
    let mut insert = tx.0.prepare_cached(
        "INSERT INTO cases (reference, state, queue, reporter, language, opened, changed)
         VALUES (?1, 'new', ?2, ?3, ?4, ?5, ?5) ON CONFLICT (reference) DO NOTHING",
    )?;
    let made = insert.execute(params![reference.as_str(), queue, reporter, language, now.as_millisecond()])?;
    Ok((made == 1).then(|| tx.0.last_insert_rowid()))
}

/// Stores a message with its raw bytes; its answer is set by [`set_answer`] in the same transaction.
///
/// # Errors
/// The store's own.
pub fn add_message(tx: &Tx<'_>, case_id: i64, message: &NewMessage, now: Timestamp) -> Result<i64> {
    let mut insert = tx.0.prepare_cached(
        "INSERT INTO messages (case_id, account, message_id, content_key, raw_hash, size, sender, subject, language, automated,
                               junk, damage, attachments, answer, received, stored)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, 'null', ?14, ?15)",
    )?;
    insert.execute(params![
        case_id,
        message.account,
        message.message_id,
        message.content_key,
        message.raw_hash,
        message.size as i64,
        message.sender,
        message.subject,
        message.language,
        message.automated,
        message.junk,
        message.damage,
        message.attachments,
        message.received.as_millisecond(),
        now.as_millisecond(),
    ])?;
    let id = tx.0.last_insert_rowid();
    let mut insert = tx.0.prepare_cached("INSERT INTO raw_mails (message, zstd) VALUES (?1, ?2)")?;
    insert.execute(params![id, message.packed])?;
    Ok(id)
}

/// Keeps what was decided about answering a message, JSON.
///
/// # Errors
/// The store's own.
pub fn set_answer(tx: &Tx<'_>, message: i64, answer: &str) -> Result<()> {
    tx.0.prepare_cached("UPDATE messages SET answer = ?2 WHERE id = ?1")?.execute(params![message, answer])?;
    Ok(())
}

/// Keeps a verdict, JSON with its trace.
///
/// # Errors
/// The store's own.
pub fn add_verdict(tx: &Tx<'_>, message: i64, queue: &str, rules_hash: &str, verdict: &str, now: Timestamp) -> Result<()> {
    let mut insert =
        tx.0.prepare_cached("INSERT INTO verdicts (message, queue, rules_hash, verdict, judged) VALUES (?1, ?2, ?3, ?4, ?5)")?;
    insert.execute(params![message, queue, rules_hash, verdict, now.as_millisecond()])?;
    Ok(())
}

/// Moves a case from the queue it is expected in to another.
///
/// # Errors
/// [`StoreError::Moved`] if it is in another queue by now.
pub fn requeue(tx: &Tx<'_>, case_id: i64, from: &str, to: &str, now: Timestamp) -> Result<()> {
    let mut update =
        tx.0.prepare_cached("UPDATE cases SET queue = ?3, changed = max(changed, ?4) WHERE id = ?1 AND queue = ?2")?;
    match update.execute(params![case_id, from, to, now.as_millisecond()])? {
        1 => Ok(()),
        _ => Err(StoreError::Moved(format!("the case is no longer in {from}"))),
    }
}

/// Lets `event` happen to a case: reads its state, makes the legal move, writes it. Returns the new state.
///
/// # Errors
/// [`StoreError::Moved`] if the event has no place in the case's state.
pub fn happen(tx: &Tx<'_>, case_id: i64, event: CaseEvent, now: Timestamp) -> Result<CaseState> {
    let state: String = tx.0.prepare_cached("SELECT state FROM cases WHERE id = ?1")?.query_row([case_id], |row| row.get(0))?;
    let from = state_of(&state)?;
    let to = from.next(event).map_err(|e| StoreError::Moved(e.to_string()))?;
    let closed = (to == CaseState::Closed).then_some(now.as_millisecond());
    let mut update =
        tx.0.prepare_cached("UPDATE cases SET state = ?3, closed = ?4, changed = max(changed, ?5) WHERE id = ?1 AND state = ?2")?;
    update.execute(params![case_id, from.word(), to.word(), closed, now.as_millisecond()])?;
    Ok(to)
}

/// The case of a reference.
///
/// # Errors
/// The store's own.
pub fn find(view: &View<'_>, reference: &Reference) -> Result<Option<CaseRow>> {
    let sql = format!("{CASE_ROW} WHERE c.reference = ?1");
    Ok(view.0.prepare_cached(&sql)?.query_row([reference.as_str()], case_row).optional()?)
}

/// The cases that have a message with this Message-ID, newest first.
///
/// # Errors
/// The store's own.
pub fn by_message_id(view: &View<'_>, message_id: &str) -> Result<Vec<CaseRow>> {
    let sql =
        format!("{CASE_ROW} WHERE c.id IN (SELECT case_id FROM messages WHERE message_id = ?1) ORDER BY c.id DESC LIMIT 20");
    let mut select = view.0.prepare_cached(&sql)?;
    let rows = select.query_map([message_id], case_row)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The case of a row id.
///
/// # Errors
/// The store's own; a case that is not there is one.
pub fn get(view: &View<'_>, case_id: i64) -> Result<CaseRow> {
    let sql = format!("{CASE_ROW} WHERE c.id = ?1");
    Ok(view.0.prepare_cached(&sql)?.query_row([case_id], case_row)?)
}

/// Cases, newest first.
///
/// # Errors
/// The store's own.
pub fn list(view: &View<'_>, filter: &Filter) -> Result<Vec<CaseRow>> {
    let sql = format!(
        "{CASE_ROW} WHERE (?1 IS NULL OR c.queue = ?1) AND (?2 IS NULL OR c.state = ?2) AND (?3 OR c.state <> 'closed')
         ORDER BY c.id DESC LIMIT ?4"
    );
    let mut select = view.0.prepare_cached(&sql)?;
    let closed_too = filter.all || filter.state.is_some();
    let rows = select.query_map(params![filter.queue, filter.state.map(CaseState::word), closed_too, filter.most], case_row)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// How many messages are stored.
///
/// # Errors
/// The store's own.
pub fn count_messages(view: &View<'_>) -> Result<u64> {
    Ok(view.0.query_row("SELECT count(*) FROM messages", [], |row| row.get::<_, i64>(0))? as u64)
}

/// The messages of a case, oldest first.
///
/// # Errors
/// The store's own.
pub fn messages(view: &View<'_>, case_id: i64) -> Result<Vec<MessageRow>> {
    let mut select = view.0.prepare_cached(
        "SELECT m.id, account, sender, subject, language, automated, junk, size, damage, attachments, answer, received, stored,
                (SELECT verdict FROM verdicts v WHERE v.message = m.id ORDER BY v.id DESC LIMIT 1)
         FROM messages m WHERE case_id = ?1 ORDER BY m.id",
    )?;
    let rows = select.query_map([case_id], |row| Ok(message_row(row)))?;
    let mut messages = Vec::new();
    for row in rows {
        let mut message = row??;
        message.read_from = read_from(view, message.id)?;
        messages.push(message);
    }
    Ok(messages)
}

/// Messages stored after the one of this id, each with its case, oldest first; at most a thousand.
///
/// # Errors
/// The store's own.
pub fn since(view: &View<'_>, after: i64) -> Result<Vec<(CaseRow, MessageRow)>> {
    let mut select = view.0.prepare_cached("SELECT id, case_id FROM messages WHERE id > ?1 ORDER BY id LIMIT 1000")?;
    let ids = select.query_map([after], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?;
    let mut rows = Vec::new();
    for id in ids {
        let (id, case_id) = id?;
        let message = messages(view, case_id)?.into_iter().find(|message| message.id == id);
        if let Some(message) = message {
            rows.push((get(view, case_id)?, message));
        }
    }
    Ok(rows)
}

/// Every queue that any mail of a case was judged into, or whose threshold one passed, and where the case is now.
///
/// # Errors
/// The store's own.
pub fn queues_ever(view: &View<'_>, case_id: i64) -> Result<Vec<String>> {
    let mut select = view.0.prepare_cached(
        "SELECT queue FROM cases WHERE id = ?1
         UNION SELECT v.queue FROM verdicts v JOIN messages m ON m.id = v.message WHERE m.case_id = ?1
         UNION SELECT p.value FROM verdicts v JOIN messages m ON m.id = v.message, json_each(v.verdict, '$.passed') p
               WHERE m.case_id = ?1",
    )?;
    let queues = select.query_map([case_id], |row| row.get(0))?;
    Ok(queues.collect::<rusqlite::Result<_>>()?)
}

/// The newest message of a case that was judged into this queue: the one that tells why the case is there.
///
/// # Errors
/// The store's own.
pub fn telling(view: &View<'_>, case_id: i64, queue: &str) -> Result<Option<MessageRow>> {
    let mut select = view.0.prepare_cached(
        "SELECT m.id, account, sender, subject, language, automated, junk, size, damage, attachments, answer, received, stored,
                v.verdict
         FROM messages m JOIN verdicts v ON v.message = m.id WHERE m.case_id = ?1 AND v.queue = ?2 ORDER BY v.id DESC LIMIT 1",
    )?;
    select.query_row(params![case_id, queue], |row| Ok(message_row(row))).optional()?.transpose()
}

/// The raw bytes of a message.
///
/// # Errors
/// The store's own.
pub fn raw(view: &View<'_>, message: i64) -> Result<Vec<u8>> {
    let packed: Vec<u8> =
        view.0.prepare_cached("SELECT zstd FROM raw_mails WHERE message = ?1")?.query_row([message], |row| row.get(0))?;
    unpack(&packed)
}

const CASE_ROW: &str = "SELECT c.id, c.reference, c.state, c.queue, c.reporter, c.language, c.opened, c.changed,
    (SELECT count(*) FROM messages m WHERE m.case_id = c.id),
    coalesce((SELECT subject FROM messages m WHERE m.case_id = c.id ORDER BY m.id LIMIT 1), '') FROM cases c";

fn case_row(row: &Row<'_>) -> rusqlite::Result<CaseRow> {
    let (reference, state): (String, String) = (row.get(1)?, row.get(2)?);
    let broken =
        |what: &str| rusqlite::Error::InvalidParameterName(format!("{what} of case {}", row.get::<_, i64>(0).unwrap_or(0)));
    Ok(CaseRow {
        id: row.get(0)?,
        reference: Reference::parse(&reference).ok_or_else(|| broken("reference"))?,
        state: CaseState::from_word(&state).ok_or_else(|| broken("state"))?,
        queue: row.get(3)?,
        reporter: row.get(4)?,
        language: row.get(5)?,
        opened: from_millis(row.get(6)?),
        changed: from_millis(row.get(7)?),
        messages: row.get(8)?,
        subject: row.get(9)?,
    })
}

fn message_row(row: &Row<'_>) -> Result<MessageRow> {
    let json = |index: usize| -> Result<serde_json::Value> {
        let text: Option<String> = row.get(index)?;
        Ok(text.map_or(Ok(serde_json::Value::Null), |text| serde_json::from_str(&text))?)
    };
    Ok(MessageRow {
        id: row.get(0)?,
        account: row.get(1)?,
        sender: row.get(2)?,
        subject: row.get(3)?,
        language: row.get(4)?,
        automated: row.get(5)?,
        junk: row.get(6)?,
        size: row.get::<_, i64>(7)? as u64,
        damage: json(8)?,
        attachments: json(9)?,
        answer: json(10)?,
        received: from_millis(row.get(11)?),
        stored: from_millis(row.get(12)?),
        verdict: json(13)?,
        read_from: Vec::new(),
    })
}

fn read_from(view: &View<'_>, message: i64) -> Result<Vec<String>> {
    let mut select =
        view.0.prepare_cached("SELECT account, folder, key FROM ledger WHERE message = ?1 ORDER BY account, folder, key")?;
    let rows = select.query_map([message], |row| {
        Ok(format!("{} {} {}", row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn state_of(word: &str) -> Result<CaseState> {
    CaseState::from_word(word).ok_or_else(|| StoreError::Broken(format!("unknown state {word}")))
}
