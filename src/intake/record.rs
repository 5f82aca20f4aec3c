//! The one transaction of a mail: ledger, message, case, verdict, outbox rows, alert, audit. All of it or nothing.
//! Whatever takes time was done before ([`Prepared`]); here it is decided which case the mail belongs to.

use std::cell::OnceCell;

use crate::callout::{self, draw};
use crate::case::{CaseEvent, CaseState, Reference};
use crate::clock::Timestamp;
use crate::config;
use crate::dispatch::{self, Desk, Letter, Occasion};
use crate::outbox::Kind;
use crate::policy::{Judged, Policy};
use crate::reply::guard;
use crate::report::Report;
use crate::store::cases::{CaseRow, NewMessage, Spot};
use crate::store::{Result, Store, Tx, View, audit, cases, links, people};

use super::{taken, thread};

/// The name under which the daemon stands in the audit.
pub const DAEMON: &str = "daemon";

/// A mail, judged, packed and ready to be recorded.
pub struct Prepared {
    /// Where it lies on the server.
    pub spot: Spot,
    /// What it says and what was decided.
    pub judged: Judged,
    /// Its row.
    pub message: NewMessage,
    /// Its bytes, for a forward of the original.
    pub raw: Vec<u8>,
    /// Nothing remains to be done with it on the server once it is stored.
    pub done: bool,
    /// What was decided about answering it, once it is recorded.
    pub answer: OnceCell<guard::Answer>,
}

impl Prepared {
    /// What sets an alert off.
    fn cause(&self) -> Option<(&Report, &crate::rules::Verdict)> {
        Some((&self.judged.report, &self.judged.verdict))
    }

    /// As it is sent on.
    fn letter<'a>(&'a self, id: i64, answer: &'a guard::Answer) -> Letter<'a> {
        let Judged { report, verdict, .. } = &self.judged;
        Letter { id, account: &self.spot.account, report, verdict, raw: &self.raw, answer }
    }
}

/// What became of a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It opened a case.
    New(Reference),
    /// It joined a case as a follow-up.
    FollowUp(Reference),
    /// It is a copy of a mail we have, sent to another address of ours.
    Copy(Reference),
    /// The same mail, moved to another folder or renumbered by its server: only the ledger learns of it.
    Renumbered,
    /// A mail of our own, or an answer to an alert about ourselves: only the ledger learns of it.
    Ours,
    /// The ledger has it: somebody else was quicker.
    AlreadyRead,
}

/// Draws random bits for a reference.
pub type Draw = fn() -> [u8; 5];

/// Records a mail.
///
/// # Errors
/// The store's own; then nothing was recorded.
pub fn record(tx: &Tx<'_>, desk: &Desk<'_>, draw: Draw, mail: &mut Prepared) -> Result<Taken> {
    if cases::is_read(&tx.view(), &mail.spot)? {
        return Ok(Taken::AlreadyRead);
    }
    if let Some(id) = cases::same_bytes(&tx.view(), &mail.spot, &mail.message.raw_hash)? {
        cases::enter(tx, &mail.spot, id, mail.done)?;
        return Ok(Taken::Renumbered);
    }
    if taken::is_ours(tx, desk, mail)? {
        cases::enter(tx, &mail.spot, None, mail.done)?;
        return Ok(Taken::Ours);
    }
    if let Some(key) = &mail.message.content_key
        && let Some((id, case_id)) = cases::same_content(&tx.view(), key)?
    {
        return copy(tx, desk, mail, id, case_id);
    }
    match thread::link(&tx.view(), desk, mail)? {
        Some(link) => {
            // Only now is it known that it joins a case; it was judged for that too, where a rule asks.
            if let Some(verdict) = mail.judged.if_follow_up.take() {
                mail.judged.verdict = verdict;
            }
            join(tx, desk, mail, link)
        }
        None => open(tx, desk, draw, mail),
    }
}

/// A copy opens nothing; but the more urgent of its addresses counts, and where the first copy was not answered (it lay in
/// junk, say) this one may be.
fn copy(tx: &Tx<'_>, desk: &Desk<'_>, mail: &Prepared, id: i64, case_id: i64) -> Result<Taken> {
    cases::enter(tx, &mail.spot, id, mail.done)?;
    let case = cases::get(&tx.view(), case_id)?;
    audit::add(tx, desk.now, DAEMON, "copy", Some(case_id), &format!("the same mail came to {}", mail.spot.account))?;
    let verdict = &mail.judged.verdict;
    let text = serde_json::to_string(verdict)?;
    cases::add_verdict(tx, id, &verdict.queue, &verdict.trace.rules_hash, &text, desk.now)?;
    let answer = match people::case_answered(&tx.view(), case_id)? {
        true => copied(),
        false => answer(tx, desk, mail, &case, id)?,
    };
    raise(tx, desk, mail, &case, id, &answer)?;
    Ok(Taken::Copy(case.reference))
}

/// Why a copy is not answered.
fn copied() -> guard::Answer {
    guard::Answer::Withhold {
        reason: "already-answered".into(),
        why: "This is a copy of a mail that came to another address of ours; that one decides about the answer.".into(),
    }
}

fn open(tx: &Tx<'_>, desk: &Desk<'_>, draw: Draw, mail: &Prepared) -> Result<Taken> {
    let (verdict, report) = (&mail.judged.verdict, &mail.judged.report);
    let reporter = guard::recipient(report, &desk.policy.config.identity).unwrap_or_else(|_| mail.message.sender.clone());
    // Two references in a thousand billion are equal; a second draw settles it.
    let (reference, case_id) = loop {
        let reference = Reference::from_bits(draw());
        let language = report.language.as_deref();
        if let Some(id) = cases::open(tx, &reference, &verdict.queue, &reporter, language, desk.now)? {
            break (reference, id);
        }
    };
    let id = keep(tx, desk, mail, case_id)?;
    let case = cases::get(&tx.view(), case_id)?;
    for (other, why) in thread::related(&tx.view(), mail)? {
        links::add(tx, case_id, other, why, desk.now)?;
    }
    let answer = answer(tx, desk, mail, &case, id)?;
    dispatch::forwards(tx, desk, &mail.letter(id, &answer), &case, &Occasion::New)?;
    callout::wake(tx, &desk.phone(), &case, &verdict.queue, mail.cause(), "")?;
    elsewhere(tx, desk, mail, &case)?;
    audit::add(
        tx,
        desk.now,
        DAEMON,
        "stored",
        Some(case_id),
        &format!("mail to {} opened the case in {}", mail.spot.account, verdict.queue),
    )?;
    Ok(Taken::New(reference))
}

fn join(tx: &Tx<'_>, desk: &Desk<'_>, mail: &Prepared, link: thread::Link) -> Result<Taken> {
    let case = link.case;
    let id = keep(tx, desk, mail, case.id)?;
    let answer = answer(tx, desk, mail, &case, id)?;
    audit::add(tx, desk.now, DAEMON, "follow-up", Some(case.id), &format!("mail to {} joined the case", mail.spot.account))?;
    if let Some(kind) = link.bounced {
        bounced(tx, desk, &case, kind)?;
    }
    if link.goes_nowhere {
        return Ok(Taken::FollowUp(case.reference));
    }
    if taken::by_answer(tx, desk, mail)? {
        // The words of whoever has it are for the team; they are no report, and raise nothing.
        return dispatch::forwards(tx, desk, &mail.letter(id, &answer), &case, &Occasion::FollowUp)
            .map(|()| Taken::FollowUp(case.reference));
    }
    cases::happen(tx, case.id, CaseEvent::FollowUp, desk.now)?;
    if mail.judged.report.automated.is_none() && case.state != CaseState::Closed {
        callout::wrote_again(tx, &desk.phone(), &case)?;
    }
    if !raise(tx, desk, mail, &case, id, &answer)? {
        dispatch::forwards(tx, desk, &mail.letter(id, &answer), &case, &Occasion::FollowUp)?;
    }
    if case.state == CaseState::Closed {
        // Nobody has it any more: whoever is on call learns that it is open again.
        let queue = desk.policy.config.more_urgent(&case.queue, &mail.judged.verdict.queue);
        callout::wake(tx, &desk.phone(), &case, queue, mail.cause(), "the case was closed, and its reporter writes again")?;
    }
    Ok(Taken::FollowUp(case.reference))
}

/// The reporter of a case that wakes nobody may be the one an alert is firing about: then that alert says so.
fn elsewhere(tx: &Tx<'_>, desk: &Desk<'_>, mail: &Prepared, case: &CaseRow) -> Result<()> {
    let wakes = desk.policy.config.queue(&case.queue).is_some_and(|queue| queue.ladder.is_some());
    if wakes || mail.judged.report.automated.is_some() {
        return Ok(());
    }
    if let Some(other) = callout::wrote_elsewhere(tx, &desk.phone(), case)? {
        links::add(tx, case.id, other, "its reporter has an alert that nobody has acknowledged", desk.now)?;
    }
    Ok(())
}

/// A mail of ours came back. Of an answer: its address is marked, so that the team knows that the reporter does not hear us. Of
/// a forward or an alert: people of ours do not hear us, which is worse.
fn bounced(tx: &Tx<'_>, desk: &Desk<'_>, case: &CaseRow, kind: Kind) -> Result<()> {
    if kind != Kind::Acknowledgement {
        tracing::error!(case = %case.reference, kind = kind.word(), "a mail to an address of ours came back: its people were not reached");
    } else if let Some(address) = people::answered_in(&tx.view(), case.id)? {
        people::bounced(tx, &address, case.id, desk.now)?;
    }
    audit::add(tx, desk.now, DAEMON, "bounced", Some(case.id), &format!("the {} came back", kind.word()))
}

/// Moves a case up to this mail's queue if that is more urgent, tells the new team and wakes whom it wakes.
fn raise(tx: &Tx<'_>, desk: &Desk<'_>, mail: &Prepared, case: &CaseRow, id: i64, answer: &guard::Answer) -> Result<bool> {
    let config = &desk.policy.config;
    let to = &mail.judged.verdict.queue;
    if config.urgency(to) >= config.urgency(&case.queue) {
        return Ok(false);
    }
    cases::requeue(tx, case.id, &case.queue, to, desk.now)?;
    audit::add(tx, desk.now, DAEMON, "raised", Some(case.id), &format!("from {} to {to}", case.queue))?;
    dispatch::forwards(tx, desk, &mail.letter(id, answer), case, &Occasion::Raised { from: case.queue.clone() })?;
    let case = cases::get(&tx.view(), case.id)?;
    callout::wake(tx, &desk.phone(), &case, to, mail.cause(), "raised by a further mail")?;
    Ok(true)
}

/// Message, raw bytes, verdict and ledger.
fn keep(tx: &Tx<'_>, desk: &Desk<'_>, mail: &Prepared, case_id: i64) -> Result<i64> {
    let verdict = &mail.judged.verdict;
    let id = cases::add_message(tx, case_id, &mail.message, desk.now)?;
    let text = serde_json::to_string(verdict)?;
    cases::add_verdict(tx, id, &verdict.queue, &verdict.trace.rules_hash, &text, desk.now)?;
    cases::enter(tx, &mail.spot, id, mail.done)?;
    Ok(id)
}

/// Asks the guard, keeps its reason, and leaves an acknowledgement in the outbox if it says so.
fn answer(tx: &Tx<'_>, desk: &Desk<'_>, mail: &Prepared, case: &CaseRow, id: i64) -> Result<guard::Answer> {
    let so_far = so_far(&tx.view(), desk, &mail.judged.report, case.id)?;
    let answer = desk.policy.answer(&mail.judged, so_far, desk.now);
    cases::set_answer(tx, id, &serde_json::to_string(&answer)?)?;
    match &answer {
        guard::Answer::Send { to } => {
            dispatch::acknowledgement(tx, desk, &mail.letter(id, &answer), &mail.judged.contact, case, to)?;
            // Plus details are the same person's.
            people::answered(tx, &config::base(to), case.id, desk.now)?;
        }
        guard::Answer::Withhold { reason, .. } => {
            if reason == "global-cap" {
                tracing::error!(case = %case.reference, "the cap on answers to everybody is reached: this reporter gets none");
            }
        }
    }
    // A mail is recorded once; what was decided first stands.
    let _ = mail.answer.set(answer.clone());
    Ok(answer)
}

fn so_far(view: &View<'_>, desk: &Desk<'_>, report: &Report, case_id: i64) -> Result<guard::SoFar> {
    let (config, now) = (&desk.policy.config, desk.now);
    let to_sender = match guard::recipient(report, &config.identity) {
        Ok(to) => people::answers_to(view, &config::base(&to), now - jiff::SignedDuration::from_hours(24), now)?,
        Err(_) => 0,
    };
    Ok(guard::SoFar {
        answered: people::case_answered(view, case_id)?,
        to_sender_24h: to_sender,
        in_last_hour: people::answers_in_all(view, now - jiff::SignedDuration::from_hours(1), now)?,
    })
}

/// Records a mail in the store and waits until it is on disk.
///
/// # Errors
/// The store's own.
pub async fn commit(
    store: &Store,
    policy: std::sync::Arc<Policy>,
    mut mail: Prepared,
    now: Timestamp,
) -> Result<(Taken, Prepared)> {
    let token_key = store.token_key();
    store
        .write(move |tx| {
            let desk = Desk { policy: &policy, token_key, now };
            let taken = record(tx, &desk, draw, &mut mail)?;
            Ok((taken, mail))
        })
        .await
}
