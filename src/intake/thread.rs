//! Which case a mail belongs to: is it an answer to one of our mails, one of our own come back, or the reporter's own thread?

use crate::outbox::Kind;
use crate::reply::token;
use crate::report::{AuthResult, Report};
use crate::store::cases::{self, CaseRow};
use crate::store::{Result, View};

use super::record::Prepared;
use crate::case::Reference;
use crate::dispatch::Desk;
use crate::message::auth;

/// Reasons of [`crate::report::Automated`] by which nobody wrote the mail. The others (a list, a Precedence, a forbidden
/// automatic answer, words that read like an absence note) stand on people's mail as well.
const NOBODY_WROTE: [&str; 9] = [
    "auto-submitted",
    "null-return-path",
    "report",
    "failed-recipients",
    "auto-reply-header",
    "robot-address",
    "bounce-text",
    "receipt-text",
    "challenge-text",
];

/// Most of our Message-IDs that are tried in one bounce.
const MOST_IDS: usize = 50;

/// Most references or Message-IDs of one mail that are looked up.
const MOST_NAMED: usize = 20;

/// The case a mail belongs to, and how.
pub struct Link {
    /// The case.
    pub case: CaseRow,
    /// It goes no further than the store: a mail of ours come back, a bounce of one, or a machine's answer to one. To forward
    /// it would be how loops begin.
    pub goes_nowhere: bool,
    /// It says that this mail of ours could not be delivered.
    pub bounced: Option<Kind>,
}

/// Finds the case. A mail joins one when it refers to a Message-ID of ours whose token holds, when it came to a plus address
/// of ours whose token holds, or when the case's own reporter replies in its thread or names its reference. A guessed
/// reference of somebody else's is no proof.
pub fn link(view: &View<'_>, desk: &Desk<'_>, mail: &Prepared) -> Result<Option<Link>> {
    let report = &mail.judged.report;
    if let Some((case, _)) = first_of_ours(view, desk, report.message_id.iter())? {
        return Ok(Some(Link { case, goes_nowhere: true, bounced: None }));
    }
    if let Some((case, to)) = first_of_ours(view, desk, report.references.iter().rev())? {
        let goes_nowhere = nobody_wrote(report) || (report.automated.is_some() && to != Kind::Acknowledgement);
        return Ok(Some(Link { case, goes_nowhere, bounced: says_undeliverable(mail).then_some(to) }));
    }
    if nobody_wrote(report) {
        let ids = ids_in(&mail.raw, &desk.policy.config.identity.domain);
        if let Some((case, to)) = first_of_ours(view, desk, ids.iter())? {
            return Ok(Some(Link { case, goes_nowhere: true, bounced: says_undeliverable(mail).then_some(to) }));
        }
    }
    let case = match by_plus_address(view, desk, report)? {
        Some(case) => Some(case),
        None => own_thread(view, desk, report)?,
    };
    Ok(case.map(|case| Link { case, goes_nowhere: nobody_wrote(report), bounced: None }))
}

/// Cases that a mail names without having the proof that it belongs to them: its own case is linked to them, with the reason.
pub fn related(view: &View<'_>, mail: &Prepared) -> Result<Vec<(i64, &'static str)>> {
    let mut related = Vec::new();
    for reference in named(&mail.judged.report) {
        related.extend(cases::find(view, &reference)?.map(|case| (case.id, "its reference is named, without proof")));
    }
    for id in mail.judged.report.references.iter().rev().take(MOST_NAMED) {
        related.extend(cases::by_message_id(view, id)?.into_iter().map(|case| (case.id, "it answers a mail of that case")));
    }
    Ok(related)
}

/// The case of a plus address among those a mail came to.
fn by_plus_address(view: &View<'_>, desk: &Desk<'_>, report: &Report) -> Result<Option<CaseRow>> {
    let written = report.to.iter().chain(&report.cc).map(|a| a.address.as_str());
    let all = report.delivered_to.iter().map(String::as_str).chain(written).take(MOST_NAMED);
    for reference in all.filter_map(|address| token::of_plus_address(&desk.token_key, address)) {
        if let Some(case) = cases::find(view, &reference)? {
            return Ok(Some(case));
        }
    }
    Ok(None)
}

/// A delivery status that says "failed" (RFC 3464 2.3.3), or what older servers write in its place. A delay is none, nor is a
/// receipt.
fn says_undeliverable(mail: &Prepared) -> bool {
    let report = &mail.judged.report;
    let header = report.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("X-Failed-Recipients"));
    let text = String::from_utf8_lossy(&mail.raw).to_ascii_lowercase();
    let failed = text.contains("\naction: failed") || report.automated.as_ref().is_some_and(|a| a.reason == "bounce-text");
    nobody_wrote(report) && (header || failed)
}

pub fn nobody_wrote(report: &Report) -> bool {
    report.automated.as_ref().is_some_and(|automated| NOBODY_WROTE.contains(&automated.reason.as_str()))
}

fn first_of_ours<'i>(view: &View<'_>, desk: &Desk<'_>, ids: impl Iterator<Item = &'i String>) -> Result<Option<(CaseRow, Kind)>> {
    for id in ids {
        if let Some((reference, kind)) = token::verify(&desk.token_key, &desk.policy.config.identity.domain, id)
            && let Some(case) = cases::find(view, &reference)?
        {
            return Ok(Some((case, kind)));
        }
    }
    Ok(None)
}

/// The case whose own reporter writes: in reply to a mail of it, or naming its reference. Not where our own server found the
/// From address forged.
fn own_thread(view: &View<'_>, desk: &Desk<'_>, report: &Report) -> Result<Option<CaseRow>> {
    let forged = auth::results(report, &desk.policy.config.identity.authserv_ids).dmarc == Some(AuthResult::Fail);
    let Some(sender) = report.from.first().filter(|sender| !sender.address.is_empty() && !forged) else { return Ok(None) };
    let mine = |case: &CaseRow| case.reporter.eq_ignore_ascii_case(&sender.address);
    for id in report.references.iter().rev().take(MOST_NAMED) {
        if let Some(case) = cases::by_message_id(view, id)?.into_iter().find(mine) {
            return Ok(Some(case));
        }
    }
    for reference in named(report) {
        if let Some(case) = cases::find(view, &reference)?.filter(mine) {
            return Ok(Some(case));
        }
    }
    Ok(None)
}

/// References of cases in a mail's subject and text, each once.
fn named(report: &Report) -> Vec<Reference> {
    let mut found: Vec<Reference> = Vec::new();
    for text in [&report.fields.subject, &report.fields.body, &report.fields.quoted] {
        let text = text.as_bytes();
        for at in text.windows(3).enumerate().filter(|(_, three)| three.eq_ignore_ascii_case(b"ts-")).map(|(at, _)| at) {
            let alone = |byte: Option<&u8>| byte.is_none_or(|byte| !byte.is_ascii_alphanumeric());
            let whole = alone(at.checked_sub(1).and_then(|before| text.get(before))) && alone(text.get(at + 11));
            let reference = text.get(at..at + 11).and_then(|word| std::str::from_utf8(word).ok()).and_then(Reference::parse);
            if let Some(reference) = reference.filter(|reference| whole && !found.contains(reference)) {
                found.push(reference);
            }
            if found.len() == MOST_NAMED {
                return found;
            }
        }
    }
    found
}

/// What looks like a Message-ID of ours anywhere in the bytes of a bounce, which quotes the mail it returns in many ways.
pub fn ids_in(raw: &[u8], domain: &str) -> Vec<String> {
    let text = String::from_utf8_lossy(raw);
    let at_domain = format!("@{domain}");
    let ends = text.match_indices(&at_domain).take(MOST_IDS);
    ends.map(|(at, _)| {
        let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
        let start = text[..at].rfind(|c: char| !word(c)).map_or(0, |before| before + 1);
        // `rfind` gives where a character begins; what is not ASCII is longer than one byte.
        let start = (start..=at).find(|start| text.is_char_boundary(*start)).unwrap_or(at);
        format!("{}{at_domain}", &text[start..at])
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_found_as_people_write_them() {
        let mut report = Report::blank(crate::clock::from_millis(0));
        report.fields.subject = "Re: We have received your message (TS-0123ABCD)".into();
        report.fields.body = "my case ts-0123abcd, and TS-AAAAAAAA; not XTS-BBBBBBBB, TS-CCCCCCCCC, TS-short or TS-ÄÄÄÄ".into();
        let found: Vec<String> = named(&report).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["TS-0123ABCD", "TS-AAAAAAAA"]);
    }

    #[test]
    fn our_message_ids_are_found_wherever_a_bounce_quotes_them() {
        let raw = "Message-ID: <TS-1.a.1.X@t.example.org>\nsaid: 550 (id=TS-2.b@t.example.org) ä@t.example.org @t.example.org";
        let ids = ids_in(raw.as_bytes(), "t.example.org");
        assert_eq!(ids[..2], ["TS-1.a.1.X@t.example.org", "TS-2.b@t.example.org"]);
        assert_eq!(ids.len(), 4);
    }
}
