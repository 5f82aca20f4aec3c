//! What a decision leaves behind in the outbox, whoever decided: the daemon when a mail came in, or
//! staff when they moved its case: the acknowledgement to the reporter, the forwards to a team.

use crate::callout::Phone;
use crate::clock::Timestamp;
use crate::outbox::{Kind, Parcel};
use crate::policy::Policy;
use crate::reply::guard::Answer;
use crate::reply::{acknowledgement, forward, template, token};
use crate::report::Report;
use crate::rules::Verdict;
use crate::store::cases::{self, CaseRow};
use crate::store::outbox::{self, NewRow};
use crate::store::{Result, StoreError, Tx, links, people};

/// What is at hand while something is decided.
#[derive(Clone, Copy)]
pub struct Desk<'a> {
    /// The policy in force.
    pub policy: &'a Policy,
    /// Key of our Message-ID tokens.
    pub token_key: [u8; 32],
    /// The present moment.
    pub now: Timestamp,
}

impl<'a> Desk<'a> {
    /// What is needed for alerts.
    pub fn phone(&self) -> Phone<'a> {
        Phone { config: &self.policy.config, key: self.token_key, now: self.now }
    }
}

/// A mail that is sent on.
#[derive(Clone, Copy)]
pub struct Letter<'a> {
    /// Row id of the mail.
    pub id: i64,
    /// Account id of the mailbox it lay in.
    pub account: &'a str,
    /// What it says.
    pub report: &'a Report,
    /// What the rules decided about it.
    pub verdict: &'a Verdict,
    /// Its bytes.
    pub raw: &'a [u8],
    /// Whether its reporter is answered.
    pub answer: &'a Answer,
}

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
    /// Staff moved the case into this team's queue.
    Moved {
        /// Number of the move.
        number: i64,
        /// Where it came from, who moved it, and why: for the team to read.
        words: String,
    },
}

impl Occasion {
    /// A word that keeps the rows of one occasion apart from those of another.
    fn word(&self) -> String {
        match self {
            Occasion::New => "new".into(),
            Occasion::FollowUp => "follow-up".into(),
            Occasion::Raised { .. } => "raised".into(),
            Occasion::Moved { number, .. } => format!("moved-{number}"),
        }
    }

    /// The number of a forward in its case. Another occasion is another mail: a reader that hides what it has seen must not
    /// hide the more urgent one.
    fn number(&self, letter: i64, urgency: usize, n: usize) -> u64 {
        let (base, kind) = match self {
            Occasion::New => (0, 0),
            Occasion::FollowUp => (0, 1),
            Occasion::Raised { .. } => (0, 2),
            // Far beyond the ids of mails: a case can be moved to and fro.
            Occasion::Moved { number, .. } => ((1 << 62) + (number.unsigned_abs() << 36), 3),
        };
        base + letter.unsigned_abs() * 10_000 + kind * 1_000 + urgency as u64 * 100 + n as u64
    }

    /// What the team is told of it.
    fn words(&self) -> Option<String> {
        match self {
            Occasion::New | Occasion::FollowUp => None,
            Occasion::Raised { from } => Some(format!("from {from}, by this mail")),
            Occasion::Moved { words, .. } => Some(words.clone()),
        }
    }
}

/// Leaves the acknowledgement of a case: one a case, whatever comes later. `contact` is the intake address that answers.
pub fn acknowledgement(tx: &Tx<'_>, desk: &Desk<'_>, letter: &Letter<'_>, contact: &str, case: &CaseRow, to: &str) -> Result<()> {
    let (policy, report, verdict) = (desk.policy, letter.report, letter.verdict);
    let identity = &policy.config.identity;
    let account = policy.config.account(letter.account);
    let fallback = account.map_or(&[][..], |account| &account.fallback_languages);
    let values = template::Values {
        reference: &case.reference,
        team: &identity.name,
        contact,
        general_contact: &identity.general_contact,
        referrals: &policy.config.referrals_of(&verdict.topics),
    };
    // A follow-up or a copy may be raising the case at this moment: its words count.
    let queue = policy.config.more_urgent(&case.queue, &verdict.queue);
    // A text that a rule chose is used as far as it goes: where it is not written in the reporter's language, in English.
    let chosen = verdict.answer.as_ref().and_then(|choice| choice.text.as_deref());
    let language = report.language.as_deref().filter(|l| chosen.is_none_or(|name| policy.templates.has(name, l)));
    let text = policy.templates.render(chosen.unwrap_or(queue), language, fallback, values);
    let id = token::message_id(&desk.token_key, &identity.domain, &case.reference, Kind::Acknowledgement, 1);
    let reply_to = identity.plus_address.then(|| token::plus_address(&desk.token_key, contact, &case.reference)).flatten();
    let parcel = acknowledgement::build(&acknowledgement::Acknowledgement {
        name: &identity.name,
        from: contact,
        reply_to: reply_to.as_deref(),
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

/// Leaves a forward to every address of a queue's team: of the queue this mail was judged into, or, where the case is the
/// team's already or was moved to it, of the case's.
pub fn forwards(tx: &Tx<'_>, desk: &Desk<'_>, letter: &Letter<'_>, case: &CaseRow, occasion: &Occasion) -> Result<()> {
    let config = &desk.policy.config;
    // A follow-up goes to the team that has the case, which may be more urgent than what this mail alone would be.
    let of_the_case = matches!(occasion, Occasion::FollowUp | Occasion::Moved { .. });
    let name = if of_the_case { &case.queue } else { &letter.verdict.queue };
    let Some(queue) = config.queue(name).or_else(|| config.queue(&letter.verdict.queue)) else {
        return Err(StoreError::Broken(format!("the config knows no queue {name}")));
    };
    let ever = cases::queues_ever(&tx.view(), case.id)?;
    let sealed_case = ever.iter().filter_map(|name| config.queue(name)).any(|queue| queue.sealed);
    let related: Vec<_> = links::of_case(&tx.view(), case.id)?.into_iter().map(|linked| linked.reference).collect();
    let bounced = people::bounced_at(&tx.view(), &crate::config::base(&case.reporter))?;
    for (n, to) in queue.route_to.iter().enumerate() {
        let number = occasion.number(letter.id, config.urgency(name), n);
        let message_id = token::message_id(&desk.token_key, &config.identity.domain, &case.reference, Kind::Forward, number);
        let parcel = forward::build(&forward::Forward {
            identity: &config.identity,
            from: &config.sender(),
            to,
            queue,
            queues: &config.queues,
            sealed_case,
            reference: &case.reference,
            message_id: &message_id,
            account: letter.account,
            report: letter.report,
            verdict: letter.verdict,
            answer: letter.answer,
            follow_up: matches!(occasion, Occasion::FollowUp | Occasion::Raised { .. }),
            moved: occasion.words().as_deref(),
            bounced,
            related: &related,
            raw: letter.raw,
            now: desk.now,
        });
        let name = format!("forward/{}/{}/{}/{to}", letter.id, occasion.word(), queue.name);
        add(tx, desk, case.id, Kind::Forward, &name, &parcel)?;
    }
    Ok(())
}

fn add(tx: &Tx<'_>, desk: &Desk<'_>, case_id: i64, kind: Kind, name: &str, parcel: &Parcel) -> Result<()> {
    let row = NewRow {
        idempotent: name,
        case_id: Some(case_id),
        alert: None,
        kind,
        channel: "",
        mail_from: parcel.mail_from.as_deref(),
        rcpt_to: &parcel.rcpt_to,
        raw: &parcel.raw,
        due: desk.now,
    };
    outbox::add(tx, &row, desk.now)?;
    Ok(())
}
