//! Outbox rows that a mail leaves behind: the acknowledgement to its reporter, the forwards to its queue's team.

use crate::outbox::{Kind, Parcel};
use crate::reply::guard::Answer;
use crate::reply::{acknowledgement, forward, template, token};
use crate::store::cases::{self, CaseRow};
use crate::store::outbox::{self, NewRow};
use crate::store::{Result, StoreError, Tx};

use super::record::{Desk, Prepared};

/// Why a team gets a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// It opened a case.
    New,
    /// It joined a case.
    FollowUp,
    /// It lifted its case into this team's queue.
    Raised {
        /// The queue the case came from.
        from: String,
    },
}

/// Leaves the acknowledgement of a case: one a case, whatever comes later.
pub fn acknowledgement(tx: &Tx<'_>, desk: &Desk<'_>, mail: &Prepared, case: &CaseRow, to: &str) -> Result<()> {
    let (policy, report) = (desk.policy, &mail.judged.report);
    let identity = &policy.config.identity;
    let from = &mail.judged.contact;
    let account = policy.config.account(&mail.spot.account);
    let fallback = account.map_or(&[][..], |account| &account.fallback_languages);
    let values = template::Values {
        reference: &case.reference,
        team: &identity.name,
        contact: from,
        general_contact: &identity.general_contact,
        referrals: &policy.config.referrals_of(&mail.judged.verdict.topics),
    };
    // A follow-up or a copy may be raising the case at this moment: its words count.
    let queue = policy.config.more_urgent(&case.queue, &mail.judged.verdict.queue);
    // A text that a rule chose is used as far as it goes: where it is not written in the reporter's language, in English.
    let chosen = mail.judged.verdict.answer.as_ref().and_then(|choice| choice.text.as_deref());
    let language = report.language.as_deref().filter(|l| chosen.is_none_or(|name| policy.templates.has(name, l)));
    let text = policy.templates.render(chosen.unwrap_or(queue), language, fallback, values);
    let id = token::message_id(&desk.token_key, &identity.domain, &case.reference, Kind::Acknowledgement, 1);
    let parcel = acknowledgement::build(&acknowledgement::Acknowledgement {
        name: &identity.name,
        from,
        to,
        subject: &text.subject,
        text: &text.body,
        language: Some(&text.language),
        message_id: &id,
        in_reply_to: report.message_id.as_deref(),
        domain: &identity.domain,
        now: desk.now,
    });
    add(tx, desk, case.id, Kind::Acknowledgement, &format!("acknowledgement/{}", case.id), &parcel)
}

/// Leaves a forward to every address of the queue this mail was judged into.
pub fn forwards(
    tx: &Tx<'_>,
    desk: &Desk<'_>,
    mail: &Prepared,
    case: &CaseRow,
    id: i64,
    answer: &Answer,
    occasion: &Occasion,
) -> Result<()> {
    let config = &desk.policy.config;
    // A follow-up goes to the team that has the case, which may be more urgent than what this mail alone would be.
    let name = if *occasion == Occasion::FollowUp { &case.queue } else { &mail.judged.verdict.queue };
    let Some(queue) = config.queue(name).or_else(|| config.queue(&mail.judged.verdict.queue)) else {
        return Err(StoreError::Broken(format!("the config knows no queue {name}")));
    };
    let (occasion_word, number) = match occasion {
        Occasion::New => ("new", 0),
        Occasion::FollowUp => ("follow-up", 1),
        Occasion::Raised { .. } => ("raised", 2),
    };
    let ever = cases::queues_ever(&tx.view(), case.id)?;
    let sealed_case = ever.iter().filter_map(|name| config.queue(name)).any(|queue| queue.sealed);
    for (n, to) in queue.route_to.iter().enumerate() {
        // Another occasion is another mail: a reader that hides what it has seen must not hide the more urgent one.
        let seq = id as u64 * 10_000 + number * 1_000 + desk.policy.config.urgency(name) as u64 * 100 + n as u64;
        let message_id = token::message_id(&desk.token_key, &config.identity.domain, &case.reference, Kind::Forward, seq);
        let parcel = forward::build(&forward::Forward {
            identity: &config.identity,
            from: &config.sender(),
            to,
            queue,
            queues: &config.queues,
            sealed_case,
            reference: &case.reference,
            message_id: &message_id,
            account: &mail.spot.account,
            report: &mail.judged.report,
            verdict: &mail.judged.verdict,
            answer,
            follow_up: *occasion != Occasion::New,
            related: &[],
            copies: &[],
            raw: &mail.raw,
            now: desk.now,
        });
        add(tx, desk, case.id, Kind::Forward, &format!("forward/{id}/{occasion_word}/{}/{to}", queue.name), &parcel)?;
    }
    Ok(())
}

fn add(tx: &Tx<'_>, desk: &Desk<'_>, case_id: i64, kind: Kind, name: &str, parcel: &Parcel) -> Result<()> {
    let row = NewRow {
        idempotent: name,
        case_id,
        kind,
        mail_from: parcel.mail_from.as_deref(),
        rcpt_to: &parcel.rcpt_to,
        raw: &parcel.raw,
        due: desk.now,
    };
    outbox::add(tx, &row, desk.now)?;
    Ok(())
}
