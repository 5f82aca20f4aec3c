//! The alert: what wakes somebody. It travels over push services and lock screens, so it is minimal: what kind of matter,
//! which case, how old, why; no address and no word of the report (FIELD.md "On-call").

use crate::case::Reference;
use crate::clock::Timestamp;
use crate::config::Identity;
use crate::outbox::Parcel;
use crate::reply::mime::{Mail, one_line};
use crate::reply::{AUTO_GENERATED, LOOP_HEADER};

/// What an alert is made of: nothing of the sender's.
#[derive(Clone, Copy, Debug)]
pub struct Alert<'a> {
    /// Who we are.
    pub identity: &'a Identity,
    /// Our own address: From and envelope sender.
    pub from: &'a str,
    /// The one address it goes to.
    pub to: &'a str,
    /// Our Message-ID, see [`crate::reply::token`].
    pub message_id: &'a str,
    /// The queue of the case.
    pub queue: &'a str,
    /// The case.
    pub reference: &'a Reference,
    /// Language of the report, ISO 639-1; `None` for unknown.
    pub language: Option<&'a str>,
    /// When the report came in: its age is counted from there.
    pub received: Timestamp,
    /// How many attachments it has.
    pub attachments: usize,
    /// Why it is in this queue: sentences of the rules, most telling first.
    pub why: &'a [&'a str],
    /// Which time this case calls, from 1.
    pub call: u32,
    /// Date of the alert.
    pub now: Timestamp,
}

/// Most sentences of why: a phone shows no more.
const MOST_WHYS: usize = 3;

/// The mail to one address. Its subject is the same each time, so that a phone shows one thread a case.
pub fn build(alert: &Alert<'_>) -> Parcel {
    let mut mail = Mail::new(alert.now, alert.message_id);
    mail.address("From", &alert.identity.name, alert.from);
    mail.address("To", "", alert.to);
    mail.text("Subject", &format!("ALERT [{}] {}", alert.queue, alert.reference));
    // What mail programs and their push services know as urgent.
    mail.fixed("Importance", "high");
    mail.fixed("X-Priority", "1");
    mail.fixed("Auto-Submitted", AUTO_GENERATED);
    mail.fixed("X-Auto-Response-Suppress", "All");
    mail.text(LOOP_HEADER, &alert.identity.domain);
    Parcel { mail_from: Some(alert.from.to_owned()), rcpt_to: alert.to.to_owned(), raw: mail.with_text(&text(alert)) }
}

fn text(alert: &Alert<'_>) -> String {
    let call = if alert.call > 1 { format!(" (call {})", alert.call) } else { String::new() };
    let mut text = format!("{}: {}{call}\n", one_line(alert.queue), alert.reference);
    let mut line = |name: &str, value: &str| text.push_str(&format!("{name}: {value}\n"));
    line("Age", &age(alert.received, alert.now));
    line("Language", alert.language.unwrap_or("unknown"));
    line("Attachments", &alert.attachments.to_string());
    for why in alert.why.iter().take(MOST_WHYS) {
        line("Why", &one_line(why));
    }
    text.push_str(&format!("\nTo see it: triaged case show {}\n", alert.reference));
    text
}

/// How long ago, in the two largest units that matter. A report from the future is new.
fn age(received: Timestamp, now: Timestamp) -> String {
    let minutes = (now.as_second() - received.as_second()).max(0) / 60;
    match (minutes / 1440, minutes / 60 % 24, minutes % 60) {
        (0, 0, 0) => "under a minute".into(),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}
