//! Backtest: every stored mail judged again by candidate rules, beside the verdict it got: what would move, and what would be
//! lost. Where staff moved its case, their queue counts and not the verdict's. Reads the store, changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::case::Reference;
use crate::clock::Timestamp;
use crate::judges;
use crate::policy::{Policy, Sitting};
use crate::report::{Envelope, Extent};
use crate::rules::Verdict;
use crate::store::replay::{self, Past};
use crate::store::{Store, unpack};

/// Mails read from the store at a time: bounds the memory.
const PAGE: u32 = 512;

/// What a backtest covers.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// Mails stored since then.
    pub since: Timestamp,
    /// At most so many, the oldest first.
    pub most: u64,
}

/// A mail that would go elsewhere.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Move {
    /// Its case.
    pub reference: Reference,
    /// Row id of the mail.
    pub message: i64,
    /// The queue it went to, or that staff took it to.
    pub from: String,
    /// Staff took it there.
    pub by_staff: bool,
    /// The queue the candidate rules send it to.
    pub to: String,
    /// It would go to a less urgent queue.
    pub demotion: bool,
    /// A demotion out of a queue that wakes somebody or is sealed: nobody would be called, or the seal would break.
    pub lost: bool,
    /// Rules that voted for the old queue and now do not fire.
    pub silent: Vec<String>,
    /// Rules that vote for the new queue and did not fire.
    pub new: Vec<String>,
}

/// What a backtest found.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Outcome {
    /// Mails judged.
    pub mails: u64,
    /// Of the mails whose case staff moved: how many the candidate rules would send where staff sent them, and how many not.
    pub agrees_with_staff: u64,
    /// See `agrees_with_staff`.
    pub disagrees_with_staff: u64,
    /// What would move: lost ones first, then demotions, then the rest; the oldest first in each.
    pub moves: Vec<Move>,
    /// Moves per pair of queues.
    pub pairs: BTreeMap<String, u64>,
    /// Topics gained and lost: how many mails.
    pub topics: BTreeMap<String, Change>,
    /// Flags gained and lost: how many mails.
    pub flags: BTreeMap<String, Change>,
    /// Mails whose stored bytes or verdict cannot be read: they were left out.
    pub unreadable: Vec<i64>,
}

/// How many mails gain and lose a word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Change {
    /// They have it only with the candidate rules.
    pub gained: u64,
    /// They had it.
    pub lost: u64,
}

impl Outcome {
    /// How many verdicts would be lost (see [`Move::lost`]).
    pub fn lost(&self) -> usize {
        self.moves.iter().filter(|each| each.lost).count()
    }

    fn add(&mut self, past: &Past, before: &Verdict, after: &Verdict, policy: &Policy) {
        self.mails += 1;
        changed(&mut self.topics, &before.topics, &after.topics);
        changed(&mut self.flags, &before.flags, &after.flags);
        let from = past.moved_to.as_ref().unwrap_or(&before.queue);
        if past.moved_to.is_some() {
            let agrees = *from == after.queue;
            *(if agrees { &mut self.agrees_with_staff } else { &mut self.disagrees_with_staff }) += 1;
        }
        if *from != after.queue {
            *self.pairs.entry(format!("{from} -> {}", after.queue)).or_default() += 1;
            self.moves.push(moved(past, before, after, policy));
        }
    }
}

/// Judges again what the store holds. `tell` hears how many mails are done.
///
/// # Errors
/// The store's own, or that the system gives no thread.
pub fn run(store: &Store, policy: &Policy, span: Span, tell: &dyn Fn(u64)) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    let (mut after, mut done) = (0, 0);
    while done < span.most {
        let most = u32::try_from(span.most - done).unwrap_or(u32::MAX).min(PAGE);
        let page = store.read_blocking(|view| replay::page(view, span.since, after, most, true))?;
        let Some(last) = page.last() else { break };
        after = last.message;
        let judged = judges::each(&page, |past| judge(past, policy))?;
        for (past, verdicts) in page.iter().zip(judged) {
            match verdicts {
                Some((before, verdict)) => outcome.add(past, &before, &verdict, policy),
                None => outcome.unreadable.push(past.message),
            }
        }
        done += page.len() as u64;
        tell(done);
    }
    outcome.moves.sort_by_key(|each| (!each.lost, !each.demotion, each.message));
    Ok(outcome)
}

/// The verdict it got, and the one it would get. `None`: its bytes or its verdict are damaged.
fn judge(past: &Past, policy: &Policy) -> Option<(Verdict, Verdict)> {
    let before: Verdict = serde_json::from_str(&past.verdict).ok()?;
    let raw = unpack(&past.packed).ok()?;
    let envelope = Envelope { received: past.received, junk: past.junk, extent: extent(past, raw.len() as u64) };
    let sitting = Sitting { now: Some(past.stored), time_is_up: &|| false };
    let judged = policy.judge_at(&past.account, &raw, &envelope, sitting);
    let after = if past.follow_up { judged.if_follow_up.unwrap_or(judged.verdict) } else { judged.verdict };
    Some((before, after))
}

/// How much of it we hold. Of a mail fetched in part, beginning and end are of one size unless the end was refused.
fn extent(past: &Past, held: u64) -> Extent {
    match () {
        () if past.unfetched => Extent::Unfetched,
        () if past.size > held => Extent::Part { size: past.size, head: held.div_ceil(2) },
        () => Extent::Whole,
    }
}

fn moved(past: &Past, before: &Verdict, after: &Verdict, policy: &Policy) -> Move {
    let from = past.moved_to.as_ref().unwrap_or(&before.queue);
    let demotion = policy.config.urgency(&after.queue) > policy.config.urgency(from);
    let guarded = policy.config.queue(from).is_some_and(|queue| queue.sealed || queue.ladder.is_some());
    let (then, now) = (voters(before, &before.queue), voters(after, &after.queue));
    Move {
        reference: past.reference.clone(),
        message: past.message,
        from: from.clone(),
        by_staff: past.moved_to.is_some(),
        to: after.queue.clone(),
        demotion,
        lost: demotion && guarded,
        silent: then.difference(&voters(after, &before.queue)).map(|id| (*id).to_owned()).collect(),
        new: now.difference(&voters(before, &after.queue)).map(|id| (*id).to_owned()).collect(),
    }
}

/// Rules that voted for a queue.
fn voters<'v>(verdict: &'v Verdict, queue: &str) -> BTreeSet<&'v str> {
    let live = verdict.trace.fired.iter().filter(|fired| !fired.shadow && fired.queue.as_deref() == Some(queue));
    live.map(|fired| fired.id.as_str()).collect()
}

fn changed(changes: &mut BTreeMap<String, Change>, before: &[String], after: &[String]) {
    for word in before.iter().filter(|word| !after.contains(word)) {
        changes.entry(word.clone()).or_default().lost += 1;
    }
    for word in after.iter().filter(|word| !before.contains(word)) {
        changes.entry(word.clone()).or_default().gained += 1;
    }
}
