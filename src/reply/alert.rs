//! The alert: what wakes somebody. It travels over push services and lock screens, so it is minimal: what kind of matter,
//! which case, how old, why; no address and no word of the report (FIELD.md "On-call").

use crate::clock::Timestamp;
use crate::config::Identity;
use crate::outbox::Parcel;
use crate::reply::mime::{Mail, one_line};
use crate::reply::{AUTO_GENERATED, LOOP_HEADER};

/// What an alert says: nothing of the sender's, unless the queue allows an excerpt.
#[derive(Clone, Copy, Debug)]
pub struct Alert<'a> {
    /// The case's reference, or the alert's own where it is about ourselves.
    pub reference: &'a str,
    /// What it is about.
    pub about: About<'a>,
    /// Which time it calls, from 1.
    pub call: u32,
    /// Since when it has been waiting for somebody.
    pub fired: Timestamp,
    /// Why it fires again; empty for the first time.
    pub words: &'a str,
    /// Since the last call the reporter wrote so many times.
    pub again: u32,
    /// In a flood: references of the cases it calls for as well, the new ones first.
    pub others: &'a [String],
    /// How many they are.
    pub others_in_all: u32,
    /// Why these people, now.
    pub step: &'a str,
    /// The page to acknowledge it on, for the person who is called.
    pub link: Option<&'a str>,
    /// The present moment.
    pub now: Timestamp,
}

/// What an alert is about.
#[derive(Clone, Copy, Debug)]
pub enum About<'a> {
    /// A case.
    Case {
        /// Its queue.
        queue: &'a str,
        /// Language of the report, ISO 639-1; `None` for unknown.
        language: Option<&'a str>,
        /// When the report came in: its age is counted from there.
        received: Timestamp,
        /// How many attachments it has.
        attachments: usize,
        /// Why it is in this queue: sentences of the rules, most telling first.
        why: &'a [&'a str],
        /// What the sender wrote, as far as the queue allows; empty for nothing.
        excerpt: &'a str,
    },
    /// Something is wrong with ourselves.
    Ourselves {
        /// What, in a sentence.
        what: &'a str,
    },
}

/// The envelope of a call or a notice by mail.
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    /// Who we are.
    pub identity: &'a Identity,
    /// Our own address: From and envelope sender.
    pub from: &'a str,
    /// Where answers are read; `None`: at `from`.
    pub reply_to: Option<&'a str>,
    /// The one address it goes to.
    pub to: &'a str,
    /// Our Message-ID, see [`crate::reply::token`].
    pub message_id: &'a str,
    /// Date.
    pub now: Timestamp,
}

/// Most sentences of why: a phone shows no more.
const MOST_WHYS: usize = 3;

/// The mail to one address. Its subject is the same each time, so that a phone shows one thread a case.
pub fn build(alert: &Alert<'_>, envelope: &Envelope<'_>) -> Parcel {
    parcel(&subject(alert.reference, &alert.about), envelope, true, &text(alert))
}

/// What others are told afterwards: who has it, or that it is over. In the thread of the alert, and quiet.
pub fn notice(reference: &str, about: &About<'_>, words: &str, envelope: &Envelope<'_>) -> Parcel {
    parcel(&subject(reference, about), envelope, false, &format!("{}\n", one_line(words)))
}

fn subject(reference: &str, about: &About<'_>) -> String {
    match about {
        About::Case { queue, .. } => format!("ALERT [{queue}] {reference}"),
        About::Ourselves { .. } => format!("ALERT [triaged] {reference}"),
    }
}

fn parcel(subject: &str, envelope: &Envelope<'_>, loud: bool, text: &str) -> Parcel {
    let mut mail = Mail::new(envelope.now, envelope.message_id);
    mail.address("From", &envelope.identity.name, envelope.from);
    if let Some(reply_to) = envelope.reply_to {
        mail.address("Reply-To", &envelope.identity.name, reply_to);
    }
    mail.address("To", "", envelope.to);
    mail.text("Subject", subject);
    if loud {
        // What mail programs and their push services know as urgent.
        mail.fixed("Importance", "high");
        mail.fixed("X-Priority", "1");
    }
    mail.fixed("Auto-Submitted", AUTO_GENERATED);
    mail.fixed("X-Auto-Response-Suppress", "All");
    mail.text(LOOP_HEADER, &envelope.identity.domain);
    Parcel { mail_from: Some(envelope.from.to_owned()), rcpt_to: envelope.to.to_owned(), raw: mail.with_text(text) }
}

/// One line: what kind of matter, which one, how long it has been waiting. For lock screens, and for webhooks that take a line.
pub fn headline(alert: &Alert<'_>) -> String {
    let call = match alert.call {
        0 | 1 => String::new(),
        call => format!(" (call {call}, waiting for {})", age(alert.fired, alert.now)),
    };
    match &alert.about {
        About::Case { queue, .. } => format!("{}: {}{call}", one_line(queue), alert.reference),
        About::Ourselves { what } => format!("{}{call}", one_line(what)),
    }
}

/// The whole alert as plain text.
pub fn text(alert: &Alert<'_>) -> String {
    let mut text = headline(alert) + "\n";
    let mut line = |name: &str, value: &str| text.push_str(&format!("{name}: {value}\n"));
    if let About::Case { language, received, attachments, why, .. } = &alert.about {
        line("Age", &age(*received, alert.now));
        line("Language", language.unwrap_or("unknown"));
        line("Attachments", &attachments.to_string());
        why.iter().take(MOST_WHYS).for_each(|why| line("Why", &one_line(why)));
    }
    if !alert.words.is_empty() && !matches!(alert.about, About::Ourselves { .. }) {
        line("Again", &one_line(alert.words));
    }
    match alert.again {
        0 => {}
        1 => line("News", "the reporter wrote again"),
        times => line("News", &format!("the reporter wrote {times} times more")),
    }
    line("Called", &one_line(alert.step));
    if let About::Case { excerpt, .. } = &alert.about
        && !excerpt.is_empty()
    {
        text.push_str(&format!("\n{}\n", quoted(excerpt)));
    }
    text.push_str(&others(alert));
    text.push_str(&what_to_do(alert));
    text
}

fn quoted(excerpt: &str) -> String {
    excerpt.lines().map(|line| format!("> {}", one_line(line))).collect::<Vec<_>>().join("\n")
}

fn others(alert: &Alert<'_>) -> String {
    if alert.others_in_all == 0 {
        return String::new();
    }
    let listed: Vec<String> = alert.others.chunks(6).map(|line| format!("  {}\n", line.join(" "))).collect();
    let left = alert.others_in_all as usize - alert.others.len().min(alert.others_in_all as usize);
    let rest = if left > 0 { format!("  and {left} more: triaged alert list\n") } else { String::new() };
    format!("\nAnd {} more like it, for which nobody is called apart:\n{}{rest}", alert.others_in_all, listed.concat())
}

fn what_to_do(alert: &Alert<'_>) -> String {
    let link = alert.link.map_or_else(String::new, |link| format!("  or open {link}\n"));
    let see = match alert.about {
        About::Case { .. } => format!("To see it: triaged case show {}\n", alert.reference),
        About::Ourselves { .. } => String::new(),
    };
    format!(
        "\nTo say that you have it: answer this mail with any words\n{link}  or type: triaged alert ack {}\n{see}",
        alert.reference
    )
}

/// How long ago, in the two largest units that matter. A report from the future is new.
pub fn age(received: Timestamp, now: Timestamp) -> String {
    let minutes = (now.as_second() - received.as_second()).max(0) / 60;
    match (minutes / 1440, minutes / 60 % 24, minutes % 60) {
        (0, 0, 0) => "under a minute".into(),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}
