//! The forward: a report on its way to the team of its queue. The header holds nothing that the sender wrote (lists,
//! phones and lock screens show it); the summary and what may follow it are in the body.

use crate::case::Reference;
use crate::clock::Timestamp;
use crate::config::{self, Identity, Queue};
use crate::outbox::Parcel;
use crate::reply::guard::Answer;
use crate::reply::mime::{Mail, Original};
use crate::reply::{AUTO_GENERATED, LOOP_HEADER, summary};
use crate::report::{Damage, Report};
use crate::rules::Verdict;

/// What a forward is made of.
#[derive(Clone, Copy, Debug)]
pub struct Forward<'a> {
    /// Who we are.
    pub identity: &'a Identity,
    /// Our own address: From, and the envelope sender that bounces come back to.
    pub from: &'a str,
    /// The one address of the team it goes to.
    pub to: &'a str,
    /// The queue it goes to.
    pub queue: &'a Queue,
    /// Every queue of the config: a sealed one that also passed keeps the attachments back.
    pub queues: &'a [Queue],
    /// Any mail of the case was ever judged into a sealed queue: its seal covers all that comes later.
    pub sealed_case: bool,
    /// The case.
    pub reference: &'a Reference,
    /// Our Message-ID, see [`crate::reply::token`].
    pub message_id: &'a str,
    /// Account id of the mailbox it lay in.
    pub account: &'a str,
    /// What the mail says.
    pub report: &'a Report,
    /// What was decided about it.
    pub verdict: &'a Verdict,
    /// Whether the reporter is answered.
    pub answer: &'a Answer,
    /// The case was known before.
    pub follow_up: bool,
    /// How the case came into this queue, if it was in another before.
    pub moved: Option<&'a str>,
    /// When a mail of ours last came back from the reporter's address, if ever.
    pub bounced: Option<Timestamp>,
    /// Cases it may have to do with.
    pub related: &'a [Reference],
    /// The mail's bytes.
    pub raw: &'a [u8],
    /// Date of the forward.
    pub now: Timestamp,
}

/// A larger original is not attached, bytes. Many servers take 10 MB a mail (Postfix as it ships); one encoded in base64
/// grows by a third. A forward that a server refuses for its size would reach nobody.
const LARGEST_ATTACHED: usize = 7_000_000;

/// The mail to one address of the team.
pub fn build(forward: &Forward<'_>) -> Parcel {
    let mut mail = Mail::new(forward.now, forward.message_id);
    mail.address("From", &forward.identity.name, forward.from);
    mail.address("To", "", forward.to);
    mail.text("Subject", &subject(forward));
    mail.fixed("Auto-Submitted", AUTO_GENERATED);
    mail.fixed("X-Auto-Response-Suppress", "All");
    mail.text(LOOP_HEADER, &forward.identity.domain);
    let text = summary::write(forward, forward.shows_text());
    let raw = match forward.attaches_original() {
        true => mail.with_original(&text, &forward.original(), forward.message_id),
        false => mail.with_text(&text),
    };
    Parcel { mail_from: Some(forward.from.to_owned()), rcpt_to: forward.to.to_owned(), raw }
}

/// `[queue] TS-XXXXXXXX (follow-up, flags)`: words of ours and of the rules only.
fn subject(forward: &Forward<'_>) -> String {
    let follow_up = forward.follow_up.then_some("follow-up");
    let moved = (forward.moved.is_some() && !forward.follow_up).then_some("moved");
    let marks: Vec<&str> = follow_up.into_iter().chain(moved).chain(forward.verdict.flags.iter().map(String::as_str)).collect();
    let marks = if marks.is_empty() { String::new() } else { format!(" ({})", marks.join(", ")) };
    format!("[{}] {}{marks}", forward.queue.name, forward.reference)
}

impl Forward<'_> {
    /// The mail goes along as it came. Never from a sealed queue, nor when a sealed queue passed beside this one:
    /// what another rule thinks more urgent does not unseal what may be in the attachments (law 5).
    pub(super) fn attaches_original(&self) -> bool {
        let fits = (1..=LARGEST_ATTACHED).contains(&self.raw.len());
        self.queue.forward == config::Forward::Original && !self.is_sealed() && fits
    }

    /// The report's text stands under the summary: where the operator wants it, and where the original that the team
    /// would have got is kept back by a seal or by its size. Never from a sealed queue; and under a seal only where nothing is
    /// attached, because what is attached may be text, and reads like the report's own.
    pub(super) fn shows_text(&self) -> bool {
        let wanted = self.queue.forward == config::Forward::Text;
        let instead = self.queue.forward == config::Forward::Original && !self.attaches_original();
        !self.queue.sealed && (wanted || instead) && (!self.is_sealed() || self.report.attachments.is_empty())
    }

    /// This queue is sealed, or another that passed is, though it did not win.
    pub(super) fn is_sealed(&self) -> bool {
        let passed = |queue: &&Queue| self.verdict.passed.contains(&queue.name) || self.verdict.queue == queue.name;
        self.sealed_case || self.queue.sealed || self.queues.iter().filter(passed).any(|queue| queue.sealed)
    }

    /// A queue that is sealed, or that wakes somebody, holds what nobody should read unprepared.
    pub(super) fn is_distressing(&self) -> bool {
        self.is_sealed() || self.queue.ladder.is_some()
    }

    fn original(&self) -> Original<'_> {
        let partial = [Damage::FetchedInPart, Damage::Unfetched];
        Original { raw: self.raw, whole: !self.report.damage.iter().any(|mark| partial.contains(mark)) }
    }
}
