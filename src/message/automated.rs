//! Is this mail a machine's? Headers first, then texts that carry no telling header at all (FIELD.md "When not to
//! acknowledge"; RFC 3834 section 2, RFC 5230 4.6). It is judged like any other (law 3): only the answer is withheld.
//!
//! The two reasons a trusted relay is forgiven, `noreply-address` and `list`, are looked at last, so that every other
//! reason stands before them.

use crate::report::{Automated, Report, ReturnPath};

mod phrases;
mod texts;

/// The first reason, in a fixed order, to take this mail for a machine's; `None` when a person may well have written it.
///
/// Looks at the headers, the sender's addresses, the media types of the attachments, and the beginning of subject and body.
pub fn detect(report: &Report) -> Option<Automated> {
    auto_submitted(report)
        .or_else(|| null_sender(report))
        .or_else(|| delivery_report(report))
        .or_else(|| precedence(report))
        .or_else(|| suppressed(report))
        .or_else(|| loop_header(report))
        .or_else(|| robot_sender(report))
        .or_else(|| texts::detect(report))
        .or_else(|| noreply_sender(report))
        .or_else(|| list(report))
}

/// The values of a header, topmost first.
fn values<'a>(report: &'a Report, name: &'a str) -> impl Iterator<Item = &'a str> {
    report.headers.iter().filter(move |(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
}

fn reason(reason: &str, why: impl Into<String>) -> Option<Automated> {
    Some(Automated { reason: reason.to_owned(), why: why.into() })
}

/// The first token of a structured value in lower case: without comments, quotes and parameters.
fn first_token(value: &str) -> String {
    let mut depth = 0_usize;
    let mut bare = String::new();
    for c in value.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if depth == 0 => bare.push(c),
            _ => {}
        }
    }
    let token = bare.split([';', ',']).next().unwrap_or_default().trim().trim_matches('"');
    token.split_whitespace().next().unwrap_or_default().to_lowercase()
}

/// RFC 3834 section 5: any value but `no`. An empty value is what a broken robot writes, and no person's program.
fn auto_submitted(report: &Report) -> Option<Automated> {
    let marked = values(report, "Auto-Submitted").map(first_token).find(|token| token != "no");
    marked.and_then(|_| reason("auto-submitted", "the mail says of itself that a program sent it (Auto-Submitted)"))
}

fn null_sender(report: &Report) -> Option<Automated> {
    let null = report.return_path == ReturnPath::Null;
    null.then(|| reason("null-return-path", "its envelope sender is empty (Return-Path: <>), as of a bounce")).flatten()
}

/// RFC 3462 multipart/report and what such a report holds: delivery status, disposition notification, feedback report.
fn delivery_report(report: &Report) -> Option<Automated> {
    const PARTS: &[&str] = &[
        "message/delivery-status",
        "message/global-delivery-status",
        "message/disposition-notification",
        "message/global-disposition-notification",
        "message/feedback-report",
        "text/rfc822-headers",
        "message/global-headers",
        "message/tracking-status",
    ];
    let types = values(report, "Content-Type").map(first_token).collect::<Vec<_>>();
    let whole = types.iter().any(|t| t == "multipart/report" || PARTS.contains(&t.as_str()));
    let part = report.attachments.iter().any(|a| PARTS.contains(&a.media_type.as_str()));
    if whole || part {
        return reason("report", "it is a delivery, receipt or abuse report made by a mail program (multipart/report)");
    }
    let failed = ["X-Failed-Recipients", "X-Actual-Recipients", "X-Original-Message-Status"];
    let failed = failed.iter().any(|name| values(report, name).next().is_some());
    failed.then(|| reason("failed-recipients", "it names recipients that could not be reached (X-Failed-Recipients)")).flatten()
}

fn precedence(report: &Report) -> Option<Automated> {
    let bulk =
        |v: &str| matches!(first_token(v).replace('-', "_").as_str(), "bulk" | "list" | "junk" | "auto_reply" | "autoreply");
    let found = values(report, "Precedence").chain(values(report, "X-Precedence")).any(bulk);
    found.then(|| reason("precedence", "it was sent in bulk or by an auto-responder (Precedence)")).flatten()
}

/// [MS-OXCMAIL] 2.2.3.2.14: the sender wants no automatic answer. DR, RN and NRN concern receipts only.
fn suppressed(report: &Report) -> Option<Automated> {
    let asked =
        |v: &str| v.split([',', ';', ' ']).any(|t| matches!(t.trim().to_lowercase().as_str(), "all" | "autoreply" | "oof"));
    let found = values(report, "X-Auto-Response-Suppress").any(asked);
    found.then(|| reason("suppress-header", "it asks not to be answered automatically (X-Auto-Response-Suppress)")).flatten()
}

/// Headers that only auto-responders and loop guards write.
fn loop_header(report: &Report) -> Option<Automated> {
    const PRESENT: &[&str] = &[
        "X-Autoreply",
        "X-Auto-Reply",
        "X-Autorespond",
        "X-Autoresponse",
        "X-Auto-Response",
        "X-AutoReply-From",
        "X-Autoreply-To",
        "X-Autoreply-Domain",
        "X-Mail-Autoreply",
        "X-Autoresponder",
        "X-Autogenerated",
        "X-Auto-Generated",
        "X-Automatic-Reply",
        "X-Vacation",
        "X-Amavis-Loop",
        "X-Cron-Env",
        "X-FC-MachineGenerated",
        "X-MS-Exchange-Generated-Message-Source",
    ];
    if values(report, "X-Loop").next().is_some() {
        return reason("loop-header", "it carries a program's guard against mail loops (X-Loop)");
    }
    // "no" is what some programs write on every mail of a person.
    let said = |name: &&str| values(report, name).any(|v| !matches!(first_token(v).as_str(), "no" | "false"));
    let delivered = report.delivered_to.iter().any(|a| a.starts_with("autoresponder"))
        || values(report, "Delivered-To").any(|v| v.trim().to_lowercase().starts_with("autoresponder"));
    let class = values(report, "X-POST-MessageClass").any(|v| v.to_lowercase().contains("autoresponder"));
    let found = PRESENT.iter().any(said) || delivered || class;
    found.then(|| reason("auto-reply-header", "an auto-responder marked it as its own (X-Autoreply or the like)")).flatten()
}

/// Local part of an address as written, lower case. A mailer that knows no domain still has a name: "MAILER-DAEMON" alone.
fn local_part(address: &str) -> String {
    let address = address.trim().trim_matches(['<', '>', '"', '\'']);
    address.rsplit_once('@').map_or(address, |(local, _)| local).trim_matches('"').to_lowercase()
}

/// Local parts of every address the mail says it comes from or wants its answer at: From, Reply-To, Sender.
fn local_parts(report: &Report) -> impl Iterator<Item = String> {
    let from = report.from.iter().chain(&report.reply_to).map(|a| a.address.as_str());
    let sender = values(report, "Sender").map(|v| v.rsplit(['<', ' ']).next().unwrap_or_default());
    from.chain(sender).map(local_part)
}

/// Mailers, list managers and their helpers by the names custom and RFC 5230 4.6 give them.
fn robot_sender(report: &Report) -> Option<Automated> {
    const MANAGERS: &[&str] =
        &["listserv", "listproc", "majordomo", "mailerdaemon", "mailer_daemon", "mail-daemon", "maildaemon"];
    const NAMES: &[&str] =
        &["autoresponder", "auto-responder", "autoreply", "auto-reply", "double-bounce", "bounces", "bounce", "mdaemon"];
    // Mail services put "bounce-..." into the envelope of everything they send, also of what people write in a form. So there
    // only mailers and list managers count.
    let manager = |local: &str| {
        let daemon = local.starts_with("mailer-daemon") || local.ends_with("mailer-daemon");
        let list = (local.ends_with("-request") || local.starts_with("owner-")) && local.len() > 8;
        daemon || list || MANAGERS.contains(&local)
    };
    let robot =
        |local: &str| manager(local) || NAMES.contains(&local) || local.starts_with("bounce-") || local.starts_with("bounces-");
    let envelope = match &report.return_path {
        ReturnPath::Address(address) => manager(&local_part(address)),
        ReturnPath::Absent | ReturnPath::Null => false,
    };
    let found = envelope || local_parts(report).any(|local| robot(local.split('+').next().unwrap_or_default()));
    found.then(|| reason("robot-address", "its sender is a mailer or a list manager, not a person")).flatten()
}

/// `noreply` and its spellings, alone or as a word of the local part (`noreply-news`, `alerts.no-reply`), not as part of one.
fn noreply_sender(report: &Report) -> Option<Automated> {
    let silent = |local: String| {
        let joined = local.replace(['-', '_'], "");
        let words: Vec<&str> = local.split(['-', '_', '.', '+', '=']).collect();
        let pair = |a: &str, b: &str| words.windows(2).any(|w| w == [a, b]);
        let begins =
            ["noreply", "donotreply", "dontreply", "noresponse", "nepasrepondre", "noresponder", "naoresponda", "nonrispondere"];
        begins.iter().any(|b| joined == *b || words.contains(b) || joined.starts_with(b) && words.len() > 1)
            || pair("no", "reply")
            || words.windows(3).any(|w| w == ["do", "not", "reply"])
    };
    let found = local_parts(report).any(silent);
    found.then(|| reason("noreply-address", "its sender's address takes no mail (noreply)")).flatten()
}

/// RFC 2369, RFC 2919: any header of the List- family, or its older relatives.
fn list(report: &Report) -> Option<Automated> {
    let listed = |name: &str| {
        name.len() > 5 && name.get(..5).is_some_and(|p| p.eq_ignore_ascii_case("list-"))
            || name.eq_ignore_ascii_case("Mailing-List")
    };
    let found = report.headers.iter().any(|(name, _)| listed(name));
    found.then(|| reason("list", "it came through a mailing list (List- headers)")).flatten()
}

#[cfg(test)]
mod tests;
