//! May this mail be acknowledged, and to whom? A pure function that returns the reason either way (FIELD.md
//! "When not to acknowledge"; RFC 3834).

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::config::{Identity, Limits};
use crate::report::{AuthResult, Authentication, Report};

/// The header our own answers, forwards and alerts carry; whoever sends it back is a loop.
pub const LOOP_HEADER: &str = "X-Triaged-Loop";

/// Longest address answered, octets (RFC 5321 4.5.3.1.3, without the angle brackets).
const ADDRESS: usize = 254;
/// Longest local part, octets (RFC 5321 4.5.3.1.1).
const LOCAL_PART: usize = 64;

/// The guard's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// Acknowledge to this one address.
    Send {
        /// The address.
        to: String,
    },
    /// Do not, and why.
    Withhold {
        /// A short stable word, such as `auto-submitted`.
        reason: String,
        /// One sentence for staff.
        why: String,
    },
}

impl Answer {
    /// The word for why nobody is answered; `None` if somebody is.
    pub fn withheld(&self) -> Option<&str> {
        match self {
            Answer::Send { .. } => None,
            Answer::Withhold { reason, .. } => Some(reason),
        }
    }
}

/// Why nobody is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withheld {
    /// A short stable word, such as `already-answered`.
    pub reason: String,
    /// One sentence for staff, without a word of the mail.
    pub why: String,
}

/// What was answered so far, counted by the caller in the transaction that will store the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SoFar {
    /// This case has its acknowledgement already.
    pub answered: bool,
    /// Answers to this recipient in the last 24 hours, counted by [`crate::config::base`]: a tag makes no new recipient.
    pub to_sender_24h: u32,
    /// Answers to everybody in the last hour.
    pub in_last_hour: u32,
}

/// Everything the guard looks at.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The mail.
    pub report: &'a Report,
    /// Flags that rules raised.
    pub flags: &'a [String],
    /// A rule took the mail to a queue beyond the everyday one: then words alone do not make it a machine's.
    pub raised: bool,
    /// Who we are.
    pub identity: &'a Identity,
    /// Every address of ours (see [`crate::config::Config::own_addresses`]), lower case.
    pub own_addresses: &'a [String],
    /// Age limit and caps.
    pub limits: &'a Limits,
    /// What our servers found out about the sender.
    pub auth: &'a Authentication,
    /// The present moment.
    pub now: Timestamp,
    /// What was answered so far.
    pub so_far: SoFar,
}

/// Decides whether to acknowledge. The checks stand in a fixed order and the first that objects gives the reason, so that the
/// same mail always shows the same one: what the mail is, who it is from, what we know of it, what was sent already.
pub fn guard(question: &Question<'_>) -> Answer {
    match decide(question) {
        Ok(to) => Answer::Send { to },
        Err(Withheld { reason, why }) => Answer::Withhold { reason, why },
    }
}

fn decide(question: &Question<'_>) -> Result<String, Withheld> {
    automated(question)?;
    own_loop(question)?;
    let own = |address: &str| is_own(question, address);
    let to = recipient_but(question.report, question.identity, &own)?;
    own_address(question, &to)?;
    standing(question)?;
    caps(question)?;
    Ok(to)
}

fn withhold<T>(reason: &str, why: &str) -> Result<T, Withheld> {
    Err(Withheld { reason: reason.to_owned(), why: why.to_owned() })
}

/// Reasons that rest on the words of the mail alone. A person may have written, or cited, the same words.
const BY_TEXT: &[&str] = &["out-of-office-text", "automatic-text", "bounce-text", "receipt-text", "challenge-text"];

/// A machine's mail. A trusted relay sends for people: its List- headers and its noreply address are forgiven, nothing else is.
/// Words alone never silence us towards somebody whose mail a rule raised (law 2).
fn automated(question: &Question<'_>) -> Result<(), Withheld> {
    let Some(automated) = &question.report.automated else { return Ok(()) };
    if question.raised && BY_TEXT.contains(&automated.reason.as_str()) {
        return Ok(());
    }
    let forgiven = matches!(automated.reason.as_str(), "list" | "noreply-address");
    if forgiven && is_trusted_relay(question.report, question.identity) {
        return Ok(());
    }
    Err(Withheld { reason: automated.reason.clone(), why: automated.why.clone() })
}

/// Our own mail come back. References to our Message-IDs are no loop: that is how people reply.
fn own_loop(question: &Question<'_>) -> Result<(), Withheld> {
    let report = question.report;
    let header = report.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(LOOP_HEADER));
    let domain = report.message_id.as_deref().and_then(|id| id.rsplit_once('@')).map(|(_, domain)| domain.trim().to_lowercase());
    if header || domain.is_some_and(|domain| domain == question.identity.domain) {
        return withhold("own-loop", "it is a mail of our own that came back");
    }
    Ok(())
}

/// Mail from ourselves, or whose answer would go to ourselves: intake, queues, on-call, and what the operator listed.
fn own_address(question: &Question<'_>, to: &str) -> Result<(), Withheld> {
    let from_us = question.report.from.iter().any(|from| is_own(question, &from.address));
    if from_us || is_own(question, to) {
        return withhold("own-address", "it comes from, or would be answered to, an address of ours");
    }
    Ok(())
}

/// Is it an address of ours, with or without a tag?
fn is_own(question: &Question<'_>, address: &str) -> bool {
    let address = crate::config::base(address);
    question.own_addresses.iter().chain(&question.identity.own_addresses).any(|a| *a == address)
}

/// What is known of this mail beyond its own words.
fn standing(question: &Question<'_>) -> Result<(), Withheld> {
    if question.auth.dmarc == Some(AuthResult::Fail) {
        return withhold("dmarc-fail", "our own server found the From address forged (dmarc=fail)");
    }
    let flagged = |name: &str| question.flags.iter().any(|flag| flag == name);
    if flagged("spam") {
        return withhold("spam", "a rule flagged it as spam");
    }
    if flagged("automated") {
        return withhold("automated-flag", "a rule flagged it as automated");
    }
    if question.report.junk && !question.auth.proven() {
        return withhold("junk", "it lay in the junk folder and its sender is not authenticated");
    }
    // By the server's clock: the mail's own Date is the sender's to write. A future time is clock skew, not age.
    let age = question.now.duration_since(question.report.received);
    if age.unsigned_abs() > question.limits.answer_age && age.is_positive() {
        return withhold("too-old", "it is older than mail that is still answered");
    }
    Ok(())
}

fn caps(question: &Question<'_>) -> Result<(), Withheld> {
    if question.so_far.answered {
        return withhold("already-answered", "this case was acknowledged already");
    }
    if question.so_far.to_sender_24h >= question.limits.answers_per_sender {
        return withhold("sender-cap", "this address was answered often enough in the last 24 hours");
    }
    if question.so_far.in_last_hour >= question.limits.answers_per_hour {
        return withhold("global-cap", "as many answers as allowed were sent in the last hour");
    }
    Ok(())
}

/// The one address to answer: Reply-To if it holds exactly one valid address, else From if it does, else nobody. A trusted
/// relay's own From is no reporter, so there only Reply-To counts. Never Cc, never several.
///
/// # Errors
/// `no-single-address` when there is no such address.
pub fn recipient(report: &Report, identity: &Identity) -> Result<String, Withheld> {
    recipient_but(report, identity, &|_| false)
}

/// As [`recipient`], but a Reply-To of our own counts as none where From is somebody else: people copy our address there.
fn recipient_but(report: &Report, identity: &Identity, own: &dyn Fn(&str) -> bool) -> Result<String, Withheld> {
    let reply_to = single(report.reply_to.iter().map(|a| a.address.as_str()));
    let from = || single(report.from.iter().map(|a| a.address.as_str())).filter(|_| !is_trusted_relay(report, identity));
    let sender = if reply_to.as_deref().is_some_and(own) { from() } else { None };
    match sender.or(reply_to).or_else(from) {
        Some(address) => Ok(address),
        None => withhold("no-single-address", "neither Reply-To nor From holds exactly one valid address"),
    }
}

/// Does the mail come from a relay that the operator trusts to send for people?
fn is_trusted_relay(report: &Report, identity: &Identity) -> bool {
    let [from] = report.from.as_slice() else { return false };
    let from = from.address.trim().to_lowercase();
    identity.trusted_relays.contains(&from)
}

/// The only valid address; the same one twice is one.
fn single<'a>(addresses: impl Iterator<Item = &'a str>) -> Option<String> {
    let mut valid = addresses.map(|address| unquoted(address.trim())).filter(|address| is_valid(address));
    let first = valid.next()?;
    valid.all(|other| other.eq_ignore_ascii_case(&first)).then_some(first)
}

/// `"john.doe"@example.org` without its quotes, which mean nothing around a dot-atom (RFC 5321 4.1.2). What else stands in
/// quotes stays quoted, and so invalid: [`is_valid`] looks at the result.
fn unquoted(address: &str) -> String {
    let inner = address.rsplit_once('@').and_then(|(local, domain)| {
        let local = local.strip_prefix('"')?.strip_suffix('"')?;
        Some(format!("{local}@{domain}"))
    });
    inner.unwrap_or_else(|| address.to_owned())
}

/// An address that can stand in an envelope and means what it says: no quoting, no source routes, no options for a command
/// line, a domain with a dot or an address literal.
fn is_valid(address: &str) -> bool {
    let Some((local, domain)) = address.split_once('@') else { return false };
    let trick = |c: char| c.is_whitespace() || c.is_control() || is_invisible(c) || "\"'<>()[]\\,;:@%!|`$&{}".contains(c);
    // RFC 5322 allows an apostrophe in a local part, and O'Brien has one.
    let plain_local =
        !local.is_empty() && local.len() <= LOCAL_PART && !local.starts_with('-') && !local.contains(|c| trick(c) && c != '\'');
    address.len() <= ADDRESS && plain_local && is_domain(domain) && address.parse::<lettre::Address>().is_ok()
}

/// Format characters (zero width, direction marks) that make one address look like another.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

/// Dotted labels, ASCII or IDN, or an address literal (RFC 5321 4.1.3).
fn is_domain(domain: &str) -> bool {
    if let Some(literal) = domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let address = literal.strip_prefix("IPv6:").unwrap_or(literal);
        return address.parse::<std::net::IpAddr>().is_ok();
    }
    let label = |label: &str| {
        let characters = label.chars().all(|c| {
            c.is_ascii_alphanumeric()
                || c == '-'
                || !c.is_ascii() && !is_invisible(c) && !c.is_whitespace() && !c.is_control() && !"。．｡＠".contains(c)
        });
        !label.is_empty() && label.len() <= 63 && characters && !label.starts_with('-') && !label.ends_with('-')
    };
    let top = domain.rsplit('.').next().unwrap_or_default();
    domain.contains('.') && domain.split('.').all(label) && !top.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests;
