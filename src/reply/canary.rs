//! The canary: a mail of our own to an intake address. Its Message-ID proves that we wrote it (see [`crate::reply::token::canary`]).

use crate::clock::Timestamp;
use crate::config::Identity;
use crate::outbox::Parcel;
use crate::reply::mime::Mail;
use crate::reply::{AUTO_GENERATED, LOOP_HEADER};

/// The text of a canary: nothing but this, or the mail is none.
pub const TEXT: &str = "This mail was sent by triaged to itself, to prove that its mailboxes are being read. It is not a report.";

/// The mail to an intake address.
pub fn build(identity: &Identity, from: &str, to: &str, message_id: &str, now: Timestamp) -> Parcel {
    let mut mail = Mail::new(now, message_id);
    mail.address("From", &identity.name, from);
    mail.address("To", "", to);
    mail.fixed("Subject", "triaged canary");
    mail.fixed("Auto-Submitted", AUTO_GENERATED);
    mail.fixed("X-Auto-Response-Suppress", "All");
    mail.text(LOOP_HEADER, &identity.domain);
    Parcel { mail_from: Some(from.to_owned()), rcpt_to: to.to_owned(), raw: mail.with_text(&format!("{TEXT}\n")) }
}
