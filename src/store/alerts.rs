//! Alerts: one a case, or one for as long as something is wrong with ourselves; firing until a person has it.

use rusqlite::{OptionalExtension, Row, params};

use super::{Result, StoreError, Tx, View, far_off};
use crate::clock::{Timestamp, from_millis};

/// An alert of a case that is to fire.
#[derive(Clone, Copy, Debug)]
pub struct Fire<'a> {
    /// Its case.
    pub case_id: i64,
    /// The case's reference.
    pub reference: &'a str,
    /// Name of the ladder it climbs.
    pub ladder: &'a str,
    /// Why it fires, where that is not simply a new case.
    pub words: &'a str,
    /// What floods are counted by.
    pub traits: Traits<'a>,
    /// What the sender wrote, as far as alerts may show it.
    pub excerpt: &'a str,
    /// In a flood: the alert that calls for this one, too.
    pub leader: Option<i64>,
}

/// What floods are counted by.
#[derive(Clone, Copy, Debug, Default)]
pub struct Traits<'a> {
    /// The queue.
    pub queue: &'a str,
    /// The sender's address, lower case, without plus details.
    pub sender: &'a str,
    /// What stays equal between mails that say the same.
    pub shape: i64,
    /// Rules found danger; else the mailbox's floor alone placed the mail.
    pub found: bool,
}

/// An alert that is firing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Firing {
    /// Row id.
    pub id: i64,
    /// Its case; `None`: something is wrong with ourselves.
    pub case_id: Option<i64>,
    /// Its case's reference, or its own.
    pub reference: String,
    /// Why it fires again, or what is wrong with us; empty for a new case.
    pub words: String,
    /// Name of the ladder it climbs.
    pub ladder: String,
    /// Calls so far, over all its firings: it names the mails that were sent.
    pub round: u32,
    /// Of them, those of earlier firings.
    pub began: u32,
    /// Where the ladder stands in this firing.
    pub step: u32,
    /// The ladder's next call.
    pub due: Timestamp,
    /// Whether there is to be a call before that, to those of the last: there is news.
    pub early: Option<Timestamp>,
    /// When it fired.
    pub fired: Timestamp,
    /// The last call.
    pub called: Option<Timestamp>,
    /// Since then the reporter wrote so many times.
    pub again: u32,
    /// What the sender wrote, as far as alerts may show it.
    pub excerpt: String,
}

/// An alert, whatever its state.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct AlertRow {
    /// Row id.
    #[serde(skip)]
    pub id: i64,
    /// Its case, if it has one.
    #[serde(skip)]
    pub case_id: Option<i64>,
    /// Reference of its case, or its own.
    pub case: String,
    /// The case's queue; empty for one about ourselves.
    pub queue: String,
    /// What is wrong with ourselves: `account ca`.
    pub trouble: Option<String>,
    /// `firing`, `acknowledged` or `resolved`.
    pub state: String,
    /// Calls so far.
    pub round: u32,
    /// The next call, while it fires.
    pub due: Option<Timestamp>,
    /// When it last began to fire.
    pub fired: Timestamp,
    /// Who has it.
    pub acknowledged_by: Option<String>,
    /// Until when that holds unless somebody follows up (or, snoozed, in any case).
    pub until: Option<Timestamp>,
    /// In a flood: the case whose alert calls for this one, too.
    pub called_with: Option<String>,
    /// Name of its ladder.
    pub ladder: String,
    /// Why it fires again, or what is wrong with us.
    pub words: String,
}

impl AlertRow {
    /// True while it calls.
    pub fn fires(&self) -> bool {
        self.state == "firing"
    }

    /// True while a person has it.
    pub fn is_taken(&self) -> bool {
        self.state == "acknowledged"
    }
}

/// What every firing begins with, whatever was before.
const ANEW: &str = "state = 'firing', ladder = excluded.ladder, words = excluded.words, began = round, step = 0, due = excluded.due, early = NULL,
    fired = excluded.fired, called = NULL, again = 0, acknowledged = NULL, acknowledged_by = NULL, until = NULL, snoozed = 0,
    leader = excluded.leader, told = 0, queue = excluded.queue, sender = excluded.sender, shape = excluded.shape, found = excluded.found,
    excerpt = excluded.excerpt";

/// Lets the alert of a case fire from the first step of its ladder, at once; or, with a leader, be called for by that one. One
/// that fires on that ladder already goes on as it is (false); one that somebody had, or that is on another ladder, fires anew.
///
/// # Errors
/// The store's own.
pub fn fire(tx: &Tx<'_>, fire: &Fire<'_>, now: Timestamp) -> Result<bool> {
    let sql = format!(
        "INSERT INTO alerts (case_id, reference, words, ladder, state, round, began, step, due, fired, leader, queue, sender, shape, found, excerpt)
         VALUES (?1, ?2, ?3, ?4, 'firing', 0, 0, 0, iif(?6 IS NULL, ?5, NULL), ?5, ?6, ?7, ?8, ?9, ?10, ?11)
         ON CONFLICT (case_id) DO UPDATE SET {ANEW} WHERE state <> 'firing' OR ladder <> excluded.ladder"
    );
    let Traits { queue, sender, shape, found } = fire.traits;
    let now = now.as_millisecond();
    let values = params![
        fire.case_id,
        fire.reference,
        fire.words,
        fire.ladder,
        now,
        fire.leader,
        queue,
        sender,
        shape,
        found,
        fire.excerpt
    ];
    Ok(tx.0.prepare_cached(&sql)?.execute(values)? == 1)
}

/// Lets something wrong with ourselves fire; false where it does already, or somebody has it: it is said once.
///
/// # Errors
/// The store's own.
pub fn fire_trouble(tx: &Tx<'_>, reference: &str, trouble: &str, words: &str, ladder: &str, now: Timestamp) -> Result<bool> {
    let mut insert = tx.0.prepare_cached(
        "INSERT INTO alerts (reference, trouble, words, ladder, state, round, began, step, due, fired)
         VALUES (?1, ?2, ?3, ?4, 'firing', 0, 0, 0, ?5, ?5) ON CONFLICT DO NOTHING",
    )?;
    Ok(insert.execute(params![reference, trouble, words, ladder, now.as_millisecond()])? == 1)
}

/// Lets an alert that somebody had fire anew, from the first step, and says why.
///
/// # Errors
/// [`StoreError::Moved`] if nobody has it.
pub fn fire_anew(tx: &Tx<'_>, id: i64, words: &str, now: Timestamp) -> Result<()> {
    let sql =
        "UPDATE alerts SET state = 'firing', words = ?2, began = round, step = 0, due = ?3, fired = ?3, called = NULL, again = 0,
                      acknowledged = NULL, acknowledged_by = NULL, until = NULL, snoozed = 0, told = 0
               WHERE id = ?1 AND state = 'acknowledged'";
    one(tx.0.prepare_cached(sql)?.execute(params![id, words, now.as_millisecond()])?, "nobody has this alert")
}

/// How many alerts of the queue fired since `since`: of the same sender, of the same shape, and placed as this one (by rules or not).
///
/// # Errors
/// The store's own.
pub fn counts(view: &View<'_>, traits: &Traits<'_>, since: Timestamp) -> Result<(u32, u32, u32)> {
    let mut select = view.0.prepare_cached(
        "SELECT coalesce(sum(sender = ?3 AND sender <> ''), 0), coalesce(sum(shape = ?4), 0), coalesce(sum(found = ?5), 0)
         FROM alerts WHERE queue = ?1 AND fired >= ?2",
    )?;
    let values = params![traits.queue, since.as_millisecond(), traits.sender, traits.shape, traits.found];
    Ok(select.query_row(values, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?)
}

/// The alert that can call for another one of these traits: it fires on this ladder for itself; of several one of the same sender
/// or shape, else the newest.
///
/// # Errors
/// The store's own.
pub fn leader(view: &View<'_>, traits: &Traits<'_>, ladder: &str, since: Timestamp) -> Result<Option<i64>> {
    let mut select = view.0.prepare_cached(
        "SELECT id FROM alerts WHERE queue = ?1 AND fired >= ?2 AND due IS NOT NULL AND ladder = ?5
         ORDER BY (sender = ?3) DESC, (shape = ?4) DESC, id DESC LIMIT 1",
    )?;
    let values = params![traits.queue, since.as_millisecond(), traits.sender, traits.shape, ladder];
    Ok(select.query_row(values, |row| row.get(0)).optional()?)
}

/// Asks for a call before the ladder's next one: there is news. `again`: the reporter wrote.
///
/// # Errors
/// The store's own.
pub fn hurry(tx: &Tx<'_>, id: i64, at: Timestamp, again: bool) -> Result<()> {
    let sql = "UPDATE alerts SET early = min(coalesce(early, ?2), ?2), again = again + ?3 WHERE id = ?1 AND due IS NOT NULL";
    tx.0.prepare_cached(sql)?.execute(params![id, at.as_millisecond(), again])?;
    Ok(())
}

/// Alerts that are to call now, oldest first. One that is due farther off than any ladder waits was set by a clock that ran
/// ahead: it is due now.
///
/// # Errors
/// The store's own.
pub fn due(view: &View<'_>, now: Timestamp, most: u32) -> Result<Vec<Firing>> {
    let mut select = view.0.prepare_cached(&format!(
        "SELECT {FIRING} FROM alerts WHERE due <= ?1 OR due > ?3 OR early <= ?1 ORDER BY min(due, coalesce(early, due)), id LIMIT ?2"
    ))?;
    let rows = select.query_map(params![now.as_millisecond(), most, far_off(now)], firing)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// One alert that calls for itself.
///
/// # Errors
/// The store's own.
pub fn firing_of(view: &View<'_>, id: i64) -> Result<Option<Firing>> {
    let mut select = view.0.prepare_cached(&format!("SELECT {FIRING} FROM alerts WHERE id = ?1 AND due IS NOT NULL"))?;
    Ok(select.query_row([id], firing).optional()?)
}

const FIRING: &str = "id, case_id, reference, words, ladder, round, step, due, early, fired, called, again, excerpt, began";

fn firing(row: &Row<'_>) -> rusqlite::Result<Firing> {
    Ok(Firing {
        id: row.get(0)?,
        case_id: row.get(1)?,
        reference: row.get(2)?,
        words: row.get(3)?,
        ladder: row.get(4)?,
        round: row.get(5)?,
        step: row.get(6)?,
        due: from_millis(row.get(7)?),
        early: row.get::<_, Option<i64>>(8)?.map(from_millis),
        fired: from_millis(row.get(9)?),
        called: row.get::<_, Option<i64>>(10)?.map(from_millis),
        again: row.get(11)?,
        excerpt: row.get(12)?,
        began: row.get(13)?,
    })
}

/// References of the cases that this alert calls for beside its own, those that no call has named yet first: at most `most`, and
/// how many of each kind there are (not named yet, named).
///
/// # Errors
/// The store's own.
pub fn led(view: &View<'_>, leader: i64, most: u32) -> Result<(Vec<String>, u32, u32)> {
    let mut select = view.0.prepare_cached("SELECT reference FROM alerts WHERE leader = ?1 ORDER BY told, id LIMIT ?2")?;
    let names = select.query_map(params![leader, most], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let mut count =
        view.0.prepare_cached("SELECT coalesce(sum(told = 0), 0), coalesce(sum(told), 0) FROM alerts WHERE leader = ?1")?;
    let (untold, told) = count.query_row([leader], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok((names, untold, told))
}

/// Notes a call: the ladder stands at `step` now and calls again at `due`.
///
/// # Errors
/// [`StoreError::Moved`] if the alert is not firing in that round: somebody acknowledged it.
pub fn called(tx: &Tx<'_>, firing: &Firing, step: u32, due: Timestamp, now: Timestamp) -> Result<()> {
    let sql = "UPDATE alerts SET round = round + 1, step = ?3, due = ?4, early = NULL, called = ?5, again = 0
               WHERE id = ?1 AND due IS NOT NULL AND round = ?2";
    let values = params![firing.id, firing.round, step, due.as_millisecond(), now.as_millisecond()];
    one(tx.0.prepare_cached(sql)?.execute(values)?, "the alert has moved on")?;
    tx.0.prepare_cached("UPDATE alerts SET told = 1 WHERE leader = ?1 AND told = 0")?.execute([firing.id])?;
    Ok(())
}

/// A call was refused for good: the ladder climbs at once, instead of waiting for somebody who cannot be reached. Only the first
/// refusal of a way counts, or an alert whose last step refuses would call without end.
///
/// # Errors
/// The store's own.
pub fn climb(tx: &Tx<'_>, outbox_row: i64, now: Timestamp) -> Result<bool> {
    let sql =
        "UPDATE alerts SET due = ?2 WHERE due > ?2 AND id = (SELECT o.alert FROM outbox o WHERE o.id = ?1 AND o.kind = 'alert'
                 AND NOT EXISTS (SELECT 1 FROM outbox d WHERE d.alert = o.alert AND d.kind = 'alert' AND d.state = 'dead'
                                 AND d.channel = o.channel AND d.rcpt_to = o.rcpt_to AND d.id <> o.id))";
    Ok(tx.0.prepare_cached(sql)?.execute(params![outbox_row, now.as_millisecond()])? == 1)
}

/// A person has it: what it called for beside itself is theirs as well, and what no call has named yet goes on without it. Calls
/// that still wait to be sent are dropped. Returns the cases that are theirs with it.
///
/// # Errors
/// [`StoreError::Moved`] if it is not firing: the words say who has it.
pub fn take(tx: &Tx<'_>, id: i64, who: &str, until: Option<Timestamp>, now: Timestamp) -> Result<Vec<i64>> {
    let take = "UPDATE alerts SET state = 'acknowledged', due = NULL, early = NULL, leader = NULL, acknowledged = ?3, acknowledged_by = ?2,
                       until = ?4 WHERE id = ?1 AND state = 'firing'";
    let at = now.as_millisecond();
    if tx.0.prepare_cached(take)?.execute(params![id, who, at, until.map(|u| u.as_millisecond())])? != 1 {
        return Err(StoreError::Moved(whose(&tx.view(), id)?));
    }
    let with = "UPDATE alerts SET state = 'acknowledged', leader = NULL, acknowledged = ?3, acknowledged_by = ?2
                WHERE leader = ?1 AND told = 1 RETURNING case_id";
    let cases = tx.0.prepare_cached(with)?.query_map(params![id, who, at], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    go_on_without(tx, id, now)?;
    drop_calls(tx, id, now)?;
    Ok(cases)
}

/// What an alert led and no call has named: the first of them calls for itself from now on, and for the others.
fn go_on_without(tx: &Tx<'_>, leader: i64, now: Timestamp) -> Result<()> {
    let first = "SELECT min(id) FROM alerts WHERE leader = ?1";
    let Some(first) = tx.0.prepare_cached(first)?.query_row([leader], |row| row.get::<_, Option<i64>>(0))? else { return Ok(()) };
    let alone = "UPDATE alerts SET leader = NULL, due = ?2 WHERE id = ?1";
    tx.0.prepare_cached(alone)?.execute(params![first, now.as_millisecond()])?;
    tx.0.prepare_cached("UPDATE alerts SET leader = ?2 WHERE leader = ?1")?.execute(params![leader, first])?;
    Ok(())
}

/// Calls that wait would wake people for nothing.
fn drop_calls(tx: &Tx<'_>, id: i64, now: Timestamp) -> Result<()> {
    let sql =
        "UPDATE outbox SET state = 'dropped', settled = ?2, zstd = NULL WHERE alert = ?1 AND kind = 'alert' AND state = 'ready'";
    tx.0.prepare_cached(sql)?.execute(params![id, now.as_millisecond()])?;
    Ok(())
}

fn whose(view: &View<'_>, id: i64) -> Result<String> {
    let sql = "SELECT state, acknowledged_by FROM alerts WHERE id = ?1";
    let found =
        view.0.prepare_cached(sql)?.query_row([id], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Option<String>>(1)?)));
    Ok(match found.optional()? {
        Some((state, Some(by))) if state == "acknowledged" => format!("{by} has it already"),
        _ => "this case has no alert that is firing".into(),
    })
}

/// Another person has it from now on.
///
/// # Errors
/// [`StoreError::Moved`] if nobody has it.
pub fn hand_over(tx: &Tx<'_>, id: i64, to: &str, until: Option<Timestamp>, now: Timestamp) -> Result<()> {
    let sql = "UPDATE alerts SET acknowledged = ?3, acknowledged_by = ?2, until = ?4, snoozed = 0 WHERE id = ?1 AND state = 'acknowledged'";
    let values = params![id, to, now.as_millisecond(), until.map(|u| u.as_millisecond())];
    one(tx.0.prepare_cached(sql)?.execute(values)?, "nobody has this alert")
}

/// It fires anew at `until`, whatever happens before.
///
/// # Errors
/// [`StoreError::Moved`] if nobody has it.
pub fn snooze(tx: &Tx<'_>, id: i64, until: Timestamp) -> Result<()> {
    let sql = "UPDATE alerts SET until = ?2, snoozed = 1 WHERE id = ?1 AND state = 'acknowledged'";
    one(tx.0.prepare_cached(sql)?.execute(params![id, until.as_millisecond()])?, "nobody has this alert")
}

/// Somebody followed up: what was put off is over.
///
/// # Errors
/// The store's own.
pub fn followed_up(tx: &Tx<'_>, id: i64) -> Result<()> {
    tx.0.prepare_cached("UPDATE alerts SET until = NULL WHERE id = ?1 AND snoozed = 0")?.execute([id])?;
    Ok(())
}

/// Alerts that somebody has whose time is up, with whether they were snoozed and when they were acknowledged.
///
/// # Errors
/// The store's own.
pub fn lapsed(view: &View<'_>, now: Timestamp, most: u32) -> Result<Vec<(AlertRow, bool, Timestamp)>> {
    let sql = format!("SELECT {ROW}, a.snoozed, a.acknowledged FROM {TABLES} WHERE a.until <= ?1 ORDER BY a.until LIMIT ?2");
    let mut select = view.0.prepare_cached(&sql)?;
    let rows = select
        .query_map(params![now.as_millisecond(), most], |row| Ok((alert_row(row)?, row.get(14)?, from_millis(row.get(15)?))))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// A person, or what was wrong with us, is done: the alert, firing or acknowledged, is over. False if it was.
///
/// # Errors
/// The store's own.
pub fn resolve(tx: &Tx<'_>, id: i64, who: &str, now: Timestamp) -> Result<bool> {
    match take(tx, id, who, None, now) {
        Ok(_) | Err(StoreError::Moved(_)) => {}
        Err(error) => return Err(error),
    }
    let sql = "UPDATE alerts SET state = 'resolved', until = NULL, snoozed = 0 WHERE id = ?1 AND state = 'acknowledged'";
    Ok(tx.0.prepare_cached(sql)?.execute([id])? == 1)
}

/// Whom this alert has called, each once: channel ('' for mail) and address or name.
///
/// # Errors
/// The store's own.
pub fn called_people(view: &View<'_>, id: i64) -> Result<Vec<(String, String)>> {
    let sql = "SELECT DISTINCT channel, rcpt_to FROM outbox WHERE alert = ?1 AND kind = 'alert' AND state <> 'dropped' ORDER BY channel, rcpt_to";
    let mut select = view.0.prepare_cached(sql)?;
    let rows = select.query_map([id], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The alert of this reference.
///
/// # Errors
/// The store's own.
pub fn find(view: &View<'_>, reference: &str) -> Result<Option<AlertRow>> {
    let sql = format!("SELECT {ROW} FROM {TABLES} WHERE a.reference = ?1");
    Ok(view.0.prepare_cached(&sql)?.query_row([reference], alert_row).optional()?)
}

/// The alert of this case.
///
/// # Errors
/// The store's own.
pub fn of_case(view: &View<'_>, case_id: i64) -> Result<Option<AlertRow>> {
    let sql = format!("SELECT {ROW} FROM {TABLES} WHERE a.case_id = ?1");
    Ok(view.0.prepare_cached(&sql)?.query_row([case_id], alert_row).optional()?)
}

/// What is wrong with ourselves at present: not yet resolved.
///
/// # Errors
/// The store's own.
pub fn troubles(view: &View<'_>) -> Result<Vec<AlertRow>> {
    let sql = format!("SELECT {ROW} FROM {TABLES} WHERE a.trouble IS NOT NULL AND a.state <> 'resolved' ORDER BY a.id");
    let mut select = view.0.prepare_cached(&sql)?;
    let rows = select.query_map([], alert_row)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The newest alert, and its case, of another case of this reporter (lower case, without plus details) that fires for itself and began
/// to after `since`.
///
/// # Errors
/// The store's own.
pub fn of_sender(view: &View<'_>, sender: &str, but_of: i64, since: Timestamp) -> Result<Option<(i64, i64)>> {
    let sql = "SELECT id, case_id FROM alerts WHERE sender = ?1 AND case_id <> ?2 AND due IS NOT NULL AND fired >= ?3 ORDER BY id DESC LIMIT 1";
    let mut select = view.0.prepare_cached(sql)?;
    Ok(select.query_row(params![sender, but_of, since.as_millisecond()], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
}

/// Alerts that are firing; with `all`, every one. Newest first.
///
/// # Errors
/// The store's own.
pub fn list(view: &View<'_>, all: bool, most: u32) -> Result<Vec<AlertRow>> {
    let sql = format!("SELECT {ROW} FROM {TABLES} WHERE ?1 OR a.state = 'firing' ORDER BY a.id DESC LIMIT ?2");
    let mut select = view.0.prepare_cached(&sql)?;
    let rows = select.query_map(params![all, most], alert_row)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// How many alerts are firing.
///
/// # Errors
/// The store's own.
pub fn count_firing(view: &View<'_>) -> Result<i64> {
    Ok(view.0.prepare_cached("SELECT count(*) FROM alerts WHERE state = 'firing'")?.query_row([], |row| row.get(0))?)
}

const TABLES: &str = "alerts a LEFT JOIN cases c ON c.id = a.case_id LEFT JOIN alerts l ON l.id = a.leader";
const ROW: &str = "a.id, a.case_id, a.reference, coalesce(c.queue, ''), a.trouble, a.state, a.round,
    coalesce(min(a.early, a.due), a.due), a.fired, a.acknowledged_by, a.until, l.reference, a.ladder, a.words";

fn alert_row(row: &Row<'_>) -> rusqlite::Result<AlertRow> {
    Ok(AlertRow {
        id: row.get(0)?,
        case_id: row.get(1)?,
        case: row.get(2)?,
        queue: row.get(3)?,
        trouble: row.get(4)?,
        state: row.get(5)?,
        round: row.get(6)?,
        due: row.get::<_, Option<i64>>(7)?.map(from_millis),
        fired: from_millis(row.get(8)?),
        acknowledged_by: row.get(9)?,
        until: row.get::<_, Option<i64>>(10)?.map(from_millis),
        called_with: row.get(11)?,
        ladder: row.get(12)?,
        words: row.get(13)?,
    })
}

/// One row was changed, or this is why not.
fn one(changed: usize, otherwise: &str) -> Result<()> {
    if changed == 1 { Ok(()) } else { Err(StoreError::Moved(otherwise.into())) }
}
