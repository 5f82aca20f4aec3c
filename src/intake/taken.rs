//! "I have it" by mail, and mails that are our own business: an answer to an alert acknowledges it, when it proves to come from a
//! person whom the alert called. A canary of ours that came back, and answers to alerts about ourselves, are no reports.

use crate::callout;
use crate::config::base;
use crate::dispatch::Desk;
use crate::message::auth;
use crate::outbox::Kind;
use crate::reply::{canary, token};
use crate::report::{AuthResult, Report};
use crate::store::alerts::{self, AlertRow};
use crate::store::{Result, Tx, audit, canaries};

use super::record::{DAEMON, Prepared};
use super::thread;

/// Takes a mail that is no report: a canary of ours, or what answers an alert about ourselves (then that may acknowledge it). True if it
/// was one: the ledger is all that needs to know of it.
pub fn is_ours(tx: &Tx<'_>, desk: &Desk<'_>, mail: &Prepared) -> Result<bool> {
    let report = &mail.judged.report;
    if came_home(tx, desk, report)? {
        return Ok(true);
    }
    let about_us = |alert: &AlertRow| alert.case_id.is_none();
    if came_back(tx, desk, mail)?.as_ref().is_some_and(about_us) {
        return Ok(true);
    }
    let Some(alert) = answered(tx, desk, report)?.filter(about_us) else { return Ok(false) };
    match person(tx, desk, report, &alert)? {
        Some(who) => take(tx, desk, &alert, &who)?,
        None => audit::add(
            tx,
            desk.now,
            DAEMON,
            "answer to an alert",
            None,
            &format!("of {}, not by a person it called", alert.case),
        )?,
    }
    Ok(true)
}

/// If the mail answers an alert of a case and comes from a person whom it called, they have it. True if it comes from such a person.
pub fn by_answer(tx: &Tx<'_>, desk: &Desk<'_>, mail: &Prepared) -> Result<bool> {
    let report = &mail.judged.report;
    let Some(alert) = answered(tx, desk, report)? else { return Ok(false) };
    let Some(who) = person(tx, desk, report, &alert)? else { return Ok(false) };
    take(tx, desk, &alert, &who)?;
    Ok(true)
}

/// Whose alert it is already is told to who answers late; one that is over needs no answer.
fn take(tx: &Tx<'_>, desk: &Desk<'_>, alert: &AlertRow, who: &str) -> Result<()> {
    if let Err(why) = callout::take(tx, &desk.phone(), alert, who, "by answering the alert")? {
        let late = AlertRow { acknowledged_by: Some(who.to_owned()), ..alert.clone() };
        callout::call::inform_holder(tx, &desk.phone(), &late, &format!("{}: {why}", alert.case))?;
    }
    Ok(())
}

/// The alert that a mail answers: it refers to a Message-ID of ours whose token holds.
fn answered(tx: &Tx<'_>, desk: &Desk<'_>, report: &Report) -> Result<Option<AlertRow>> {
    let domain = &desk.policy.config.identity.domain;
    for id in report.references.iter().rev() {
        if let Some((reference, Kind::Alert | Kind::Notice)) = token::verify(&desk.token_key, domain, id) {
            return alerts::find(&tx.view(), reference.as_str());
        }
    }
    Ok(None)
}

/// An alert about ourselves that came back: what it quotes of it.
fn came_back(tx: &Tx<'_>, desk: &Desk<'_>, mail: &Prepared) -> Result<Option<AlertRow>> {
    let domain = &desk.policy.config.identity.domain;
    if !thread::nobody_wrote(&mail.judged.report) {
        return Ok(None);
    }
    for id in thread::ids_in(&mail.raw, domain) {
        if let Some((reference, Kind::Alert | Kind::Notice)) = token::verify(&desk.token_key, domain, &id) {
            tracing::error!(alert = %reference, "a mail to an address of ours came back: its people were not reached");
            return alerts::find(&tx.view(), reference.as_str());
        }
    }
    Ok(None)
}

/// The person who wrote it, if it is one whom the alert called: not a machine that answers for them, nor somebody whom our own server
/// found to have forged the address.
fn person(tx: &Tx<'_>, desk: &Desk<'_>, report: &Report, alert: &AlertRow) -> Result<Option<String>> {
    let config = &desk.policy.config;
    let forged = auth::results(report, &config.identity.authserv_ids).dmarc == Some(AuthResult::Fail);
    let [from] = report.from.as_slice() else { return Ok(None) };
    if report.automated.is_some() || forged {
        return Ok(None);
    }
    let sender = base(&from.address);
    let called = alerts::called_people(&tx.view(), alert.id)?;
    let own = called.iter().any(|(channel, to)| channel.is_empty() && base(to) == sender);
    Ok(own.then(|| config.person_of(&sender)))
}

/// A canary that came back. Its token proves that we wrote it, its text that nothing was put in its place.
fn came_home(tx: &Tx<'_>, desk: &Desk<'_>, report: &Report) -> Result<bool> {
    let domain = &desk.policy.config.identity.domain;
    let id = report.message_id.as_deref().and_then(|id| token::of_canary(&desk.token_key, domain, id));
    let Some(id) = id.filter(|_| report.fields.body.split_whitespace().eq(canary::TEXT.split_whitespace())) else {
        return Ok(false);
    };
    canaries::returned(tx, id, desk.now)?;
    Ok(true)
}
