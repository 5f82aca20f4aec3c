//! The acknowledgement: "we have it". Its text comes from a template of ours, already filled in; nothing that the reporter
//! wrote stands in it (law 4), so nobody can make us send their words to somebody else.

use crate::clock::Timestamp;
use crate::outbox::Parcel;
use crate::reply::mime::Mail;
use crate::reply::{AUTO_REPLIED, LOOP_HEADER};

/// What an acknowledgement is made of. Every text but `to` and `in_reply_to` is ours.
#[derive(Clone, Copy, Debug)]
pub struct Acknowledgement<'a> {
    /// The team's name.
    pub name: &'a str,
    /// The intake address it answers from.
    pub from: &'a str,
    /// Where an answer to it goes, if not to `from`: the same address with a token that leads back to the case.
    pub reply_to: Option<&'a str>,
    /// The one address it goes to, as the guard found it.
    pub to: &'a str,
    /// Subject, from the template.
    pub subject: &'a str,
    /// Text, from the template.
    pub text: &'a str,
    /// Language of the text, ISO 639-1, if it is one language.
    pub language: Option<&'a str>,
    /// Our Message-ID, see [`crate::reply::token`].
    pub message_id: &'a str,
    /// The reporter's Message-ID, without angle brackets, if the mail had one.
    pub in_reply_to: Option<&'a str>,
    /// Right side of our Message-IDs: value of the loop header.
    pub domain: &'a str,
    /// Date of the answer.
    pub now: Timestamp,
}

/// The mail, from the null sender (RFC 3834 3.3): if it bounces, nobody is told, and no loop begins.
pub fn build(ack: &Acknowledgement<'_>) -> Parcel {
    let mut mail = Mail::new(ack.now, ack.message_id);
    mail.address("From", ack.name, ack.from);
    if let Some(reply_to) = ack.reply_to {
        mail.address("Reply-To", ack.name, reply_to);
    }
    mail.address("To", "", ack.to);
    mail.text("Subject", ack.subject);
    if let Some(id) = ack.in_reply_to.filter(|id| is_plain_id(id)) {
        mail.id("In-Reply-To", id);
        // Only this id and not the chain before it: each is a text that somebody else chose.
        mail.id("References", id);
    }
    mail.fixed("Auto-Submitted", AUTO_REPLIED);
    mail.fixed("X-Auto-Response-Suppress", "All");
    mail.text(LOOP_HEADER, ack.domain);
    if let Some(language) = ack.language {
        mail.text("Content-Language", language);
    }
    Parcel { mail_from: None, rcpt_to: ack.to.to_owned(), raw: mail.with_text(ack.text) }
}

/// May this Message-ID of the reporter's stand in our answer?
///
/// It is the one text of the sender's, beside the address itself, that an answer needs: without it a mail reader
/// cannot put the answer under the report (RFC 3834 3.1.3, RFC 5322 3.6.4). No reader shows it. Against misuse it
/// must look like what mail programs make: `left@right` of letters, digits and `._+-=$%` only, so no blank, no URL
/// scheme, no markup and no letter beyond ASCII; at most 200 characters; a digit on the left, which every generator's id has
/// and a sentence need not. Any other id is left out: the answer then stands alone, which harms nobody.
pub fn is_plain_id(id: &str) -> bool {
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._+-=$%".contains(&b));
    id.len() <= 200
        && id.split_once('@').is_some_and(|(left, right)| {
            plain(left) && plain(right) && left.bytes().any(|b| b.is_ascii_digit()) && !id.contains("..")
        })
}
