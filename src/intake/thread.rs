//! Which case a mail belongs to: is it an answer to one of our mails, one of our own come back, or the reporter's own thread?

use crate::outbox::Kind;
use crate::reply::token;
use crate::report::Report;
use crate::store::cases::{self, CaseRow};
use crate::store::{Result, View};

use super::record::{Desk, Prepared};

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

/// The case a mail belongs to, and how.
pub struct Link {
    /// The case.
    pub case: CaseRow,
    /// It goes no further than the store: a mail of ours come back, a bounce of one, or a machine's answer to one. To forward
    /// it would be how loops begin.
    pub goes_nowhere: bool,
}

/// Finds the case. A mail joins one when it refers to a Message-ID of ours whose token holds, or when the case's own reporter
/// refers to a mail of that case. A guessed reference in the subject is no proof.
pub fn link(view: &View<'_>, desk: &Desk<'_>, mail: &Prepared) -> Result<Option<Link>> {
    let report = &mail.judged.report;
    if let Some((case, _)) = first_of_ours(view, desk, report.message_id.iter())? {
        return Ok(Some(Link { case, goes_nowhere: true }));
    }
    if let Some((case, to)) = first_of_ours(view, desk, report.references.iter().rev())? {
        let goes_nowhere = nobody_wrote(report) || (report.automated.is_some() && to != Kind::Acknowledgement);
        return Ok(Some(Link { case, goes_nowhere }));
    }
    if nobody_wrote(report) {
        let ids = ids_in(&mail.raw, &desk.policy.config.identity.domain);
        if let Some((case, _)) = first_of_ours(view, desk, ids.iter())? {
            return Ok(Some(Link { case, goes_nowhere: true }));
        }
    }
    let case = own_thread(view, report)?;
    Ok(case.map(|case| Link { case, goes_nowhere: false }))
}

fn nobody_wrote(report: &Report) -> bool {
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

fn own_thread(view: &View<'_>, report: &Report) -> Result<Option<CaseRow>> {
    let Some(sender) = report.from.first().filter(|sender| !sender.address.is_empty()) else { return Ok(None) };
    for id in report.references.iter().rev() {
        let found = cases::by_message_id(view, id)?;
        if let Some(case) = found.into_iter().find(|case| case.reporter.eq_ignore_ascii_case(&sender.address)) {
            return Ok(Some(case));
        }
    }
    Ok(None)
}

/// What looks like a Message-ID of ours anywhere in the bytes of a bounce, which quotes the mail it returns in many ways.
fn ids_in(raw: &[u8], domain: &str) -> Vec<String> {
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
    fn our_message_ids_are_found_wherever_a_bounce_quotes_them() {
        let raw = "Message-ID: <TS-1.a.1.X@t.example.org>\nsaid: 550 (id=TS-2.b@t.example.org) ä@t.example.org @t.example.org";
        let ids = ids_in(raw.as_bytes(), "t.example.org");
        assert_eq!(ids[..2], ["TS-1.a.1.X@t.example.org", "TS-2.b@t.example.org"]);
        assert_eq!(ids.len(), 4);
    }
}
