//! The story of what staff say: a note, a move to another queue, an end, a link. Each is one transaction and one audit line
//! with who did it; whatever follows from it (a forward to the new team, an alert) is left in the same transaction.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::callout;
use crate::case::{CaseEvent, CaseState, Reference};
use crate::dispatch::{self, Desk, Letter, Occasion};
use crate::judges;
use crate::message;
use crate::reply::guard::Answer;
use crate::report::{Damage, Envelope, Extent, Report};
use crate::rules::Verdict;
use crate::store::cases::{self, CaseRow, MessageRow};
use crate::store::{Result, StoreError, Tx, alerts, audit, links, moves};

/// Longest note, and longest reason of a move, characters.
pub const LONGEST: usize = 4_000;

/// Mails of a moved case that go to the new team, the newest ones; the store has them all.
const FORWARDED: usize = 20;

/// Why something was not done: nothing was changed then.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No case has this reference.
    #[error("there is no case {0}")]
    NoCase(Reference),
    /// What was asked for makes no sense for the case as it stands.
    #[error("{0}")]
    Cannot(String),
}

/// The outer error is the store's own, the inner one tells the person why not.
pub type Told<T> = Result<std::result::Result<T, Refused>>;

/// Something that a person does, ready to be said in one transaction.
#[derive(Clone, Debug)]
pub struct Person<'p> {
    /// Their name, as the audit has it.
    pub who: &'p str,
    /// The case it is about.
    pub reference: &'p Reference,
}

/// Takes the value, or returns what the person is told.
macro_rules! told {
    ($told:expr) => {
        match $told? {
            Ok(value) => value,
            Err(refused) => return Ok(Err(refused)),
        }
    };
}
impl Person<'_> {
    fn case(&self, tx: &Tx<'_>) -> Told<CaseRow> {
        Ok(cases::find(&tx.view(), self.reference)?.ok_or_else(|| Refused::NoCase(self.reference.clone())))
    }

    /// Adds a note to a case: one audit line.
    ///
    /// # Errors
    /// The store's own.
    pub fn note(&self, tx: &Tx<'_>, desk: &Desk<'_>, text: &str) -> Told<()> {
        let case = told!(self.case(tx));
        audit::add(tx, desk.now, self.who, "note", Some(case.id), text)?;
        Ok(Ok(()))
    }

    /// Closes a case. Whoever closes it has it: its alert is over.
    ///
    /// # Errors
    /// The store's own.
    pub fn close(&self, tx: &Tx<'_>, desk: &Desk<'_>, why: &str) -> Told<()> {
        let case = told!(self.case(tx));
        told!(self.happen(tx, desk, &case, CaseEvent::Close, "it is closed already"));
        let alert = if self.resolve(tx, desk, &case, "closed the case")? { "; its alert is over" } else { "" };
        let detail = if why.is_empty() { format!("by command{alert}") } else { format!("{why}{alert}") };
        audit::add(tx, desk.now, self.who, "closed", Some(case.id), &detail)?;
        Ok(Ok(()))
    }

    /// Opens a closed case again. Nobody is woken: whoever opens it is at work on it.
    ///
    /// # Errors
    /// The store's own.
    pub fn reopen(&self, tx: &Tx<'_>, desk: &Desk<'_>, why: &str) -> Told<()> {
        let case = told!(self.case(tx));
        told!(self.happen(tx, desk, &case, CaseEvent::Reopen, "it is not closed"));
        let detail = if why.is_empty() { "by command" } else { why };
        audit::add(tx, desk.now, self.who, "reopened", Some(case.id), detail)?;
        Ok(Ok(()))
    }

    /// Links two cases; both get the audit line. False if they were linked already.
    ///
    /// # Errors
    /// The store's own.
    pub fn link(&self, tx: &Tx<'_>, desk: &Desk<'_>, other: &Reference) -> Told<bool> {
        let case = told!(self.case(tx));
        let there = Person { who: self.who, reference: other };
        let other = told!(there.case(tx));
        if case.id == other.id {
            return Ok(Err(Refused::Cannot("a case cannot be linked to itself".into())));
        }
        let news = links::add(tx, case.id, other.id, &format!("linked by {}", self.who), desk.now)?;
        for (one, another) in [(&case, &other), (&other, &case)].into_iter().filter(|_| news) {
            audit::add(tx, desk.now, self.who, "linked", Some(one.id), &format!("to {}", another.reference))?;
        }
        Ok(Ok(news))
    }

    /// Takes a case to another queue. Its mails go to that team; where the queue wakes somebody, somebody is woken; where it
    /// does not, an alert that still fires is over, since the person who moved the case has seen it. The move is a label of
    /// the mail that had placed the case (see [`moves`]). Returns the queue it came from.
    ///
    /// # Errors
    /// The store's own.
    pub fn take_to(&self, tx: &Tx<'_>, desk: &Desk<'_>, queue: &str, why: &str) -> Told<String> {
        let case = told!(self.case(tx));
        if case.queue == queue {
            return Ok(Err(Refused::Cannot(format!("it is in {queue} already"))));
        }
        let Some(message) = moves::placed_by(&tx.view(), case.id, &case.queue)? else {
            return Err(StoreError::Broken(format!("the case {} has no mail", case.reference)));
        };
        cases::requeue(tx, case.id, &case.queue, queue, desk.now)?;
        let moved = moves::Move { case_id: case.id, message, from: &case.queue, to: queue, who: self.who, why };
        let number = moves::add(tx, &moved, desk.now)?;
        let words = format!("from {} by {}: {why}", case.queue, self.who);
        audit::add(tx, desk.now, self.who, "moved", Some(case.id), &format!("from {} to {queue}: {why}", case.queue))?;
        let from = case.queue.clone();
        let case = cases::get(&tx.view(), case.id)?;
        forward_all(tx, desk, &case, &Occasion::Moved { number, words })?;
        let wakes = desk.policy.config.queue(queue).is_some_and(|queue| queue.ladder.is_some());
        match wakes && case.state != CaseState::Closed {
            true => callout::wake(tx, &desk.phone(), &case, queue, None, &format!("moved from {from} by {}", self.who))?,
            false => drop(self.resolve(tx, desk, &case, &format!("moved it to {queue}"))?),
        }
        Ok(Ok(from))
    }

    /// Ends the alert of a case, and tells whom it had called.
    fn resolve(&self, tx: &Tx<'_>, desk: &Desk<'_>, case: &CaseRow, what: &str) -> Result<bool> {
        let Some(alert) = alerts::of_case(&tx.view(), case.id)? else { return Ok(false) };
        callout::resolve(tx, &desk.phone(), &alert, self.who, &format!("{} {what}: {} is over", self.who, case.reference))
    }

    fn happen(&self, tx: &Tx<'_>, desk: &Desk<'_>, case: &CaseRow, event: CaseEvent, otherwise: &str) -> Told<()> {
        match cases::happen(tx, case.id, event, desk.now) {
            Ok(_) => Ok(Ok(())),
            Err(StoreError::Moved(_)) => Ok(Err(Refused::Cannot(format!("{}: {otherwise}", case.reference)))),
            Err(error) => Err(error),
        }
    }
}

/// The mails of a case to the team it is with now, oldest first.
fn forward_all(tx: &Tx<'_>, desk: &Desk<'_>, case: &CaseRow, occasion: &Occasion) -> Result<()> {
    let messages = cases::messages(&tx.view(), case.id)?;
    for row in messages.iter().skip(messages.len().saturating_sub(FORWARDED)) {
        let raw = cases::raw(&tx.view(), row.id)?;
        let (report, verdict, answer) = stored(row, &raw)?;
        let letter = Letter { id: row.id, account: &row.account, report: &report, verdict: &verdict, raw: &raw, answer: &answer };
        dispatch::forwards(tx, desk, &letter, case, occasion)?;
    }
    Ok(())
}

/// A stored mail as it was when it came: what it says, what was decided, and whether it was answered.
fn stored(row: &MessageRow, raw: &[u8]) -> Result<(Report, Verdict, Answer)> {
    let damage: Vec<Damage> = serde_json::from_value(row.damage.clone())?;
    let extent = match () {
        () if damage.contains(&Damage::Unfetched) => Extent::Unfetched,
        () if damage.contains(&Damage::FetchedInPart) => Extent::Part { size: row.size, head: raw.len().div_ceil(2) as u64 },
        () => Extent::Whole,
    };
    let envelope = Envelope { received: row.received, junk: row.junk, extent };
    // On a stack of its own: what is nested deep must not take the writer down.
    let read = || judges::alone(|| message::read(raw, &envelope)).ok();
    // A fault of ours in reading must not keep a case from its team.
    let report = catch_unwind(AssertUnwindSafe(read)).ok().flatten().unwrap_or_else(|| message::unreadable(raw, &envelope));
    Ok((report, serde_json::from_value(row.verdict.clone())?, serde_json::from_value(row.answer.clone())?))
}

#[cfg(test)]
mod tests;
