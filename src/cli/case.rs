//! `triaged case`: look at cases. What staff say about them is in [`super::staff`].

use std::path::Path;

use clap::Subcommand;
use serde::Serialize;

use super::{Answer, Failure, NO, OK, operator, reference, show};
use crate::case::{CaseState, Reference};
use crate::clock::{Clock, Timestamp};
use crate::judges;
use crate::message;
use crate::outbox::OutboxState;
use crate::report::{Envelope, Extent};
use crate::store::audit::{self, Line};
use crate::store::cases::{self, CaseRow, Filter, MessageRow};
use crate::store::links::{self, Linked};
use crate::store::outbox::{self, OutboxRow};
use crate::store::people;

/// What can be done with cases.
#[derive(Subcommand)]
pub(super) enum Command {
    /// List cases, newest first
    List {
        /// Only this queue
        #[arg(long)]
        queue: Option<String>,
        /// Only this state: new, open, waiting or closed
        #[arg(long)]
        state: Option<String>,
        /// Closed ones too
        #[arg(long)]
        all: bool,
        /// At most so many
        #[arg(long, default_value_t = 50)]
        most: u32,
    },
    /// Show one case: its mails, why it is where it is, what was answered and sent, and who did what
    Show {
        /// Its reference
        reference: String,
    },
    #[command(flatten)]
    Staff(super::staff::Command),
    /// Show the text of a case's mails, also where a seal keeps it from being forwarded; the audit notes who looked
    Text {
        /// Its reference
        reference: String,
    },
}

/// Everything about one case.
#[derive(Serialize)]
struct Whole {
    case: CaseRow,
    messages: Vec<MessageRow>,
    linked: Vec<Linked>,
    /// When a mail of ours last came back from the reporter.
    bounced: Option<Timestamp>,
    outbox: Vec<OutboxRow>,
    audit: Vec<Line>,
}

pub(super) fn answer(config: Option<&Path>, command: Command, json: bool) -> Answer {
    match command {
        Command::List { queue, state, all, most } => list(config, queue, state, all, most, json),
        Command::Show { reference: typed } => one(config, &reference(&typed)?, json),
        Command::Staff(command) => super::staff::answer(config, command, json),
        Command::Text { reference: typed } => text(config, &reference(&typed)?, json),
    }
}

fn list(config: Option<&Path>, queue: Option<String>, state: Option<String>, all: bool, most: u32, json: bool) -> Answer {
    let state = state.map(|word| {
        let wrong = || Failure::Misuse(format!("error: there is no state \"{word}\": new, open, waiting or closed"));
        CaseState::from_word(&word).ok_or_else(wrong)
    });
    let filter = Filter { queue, state: state.transpose()?, all, most };
    let rows = super::store(config)?.read_blocking(|view| cases::list(view, &filter))?;
    if json {
        rows.iter().for_each(show::json);
        return Ok(OK);
    }
    let rows = rows.iter().map(|case| {
        vec![
            case.reference.to_string(),
            case.state.word().to_owned(),
            case.queue.clone(),
            show::moment(case.opened),
            case.language.clone().unwrap_or_else(|| "unknown".into()),
            case.messages.to_string(),
            case.reporter.clone(),
            show::short(&case.subject, 60),
        ]
    });
    let head = ["reference", "state", "queue", "opened (UTC)", "language", "mails", "reporter", "subject"];
    show::table(&head, rows.collect(), "no cases");
    Ok(OK)
}

fn one(config: Option<&Path>, reference: &Reference, json: bool) -> Answer {
    let whole = super::store(config)?.read_blocking(|view| {
        let Some(case) = cases::find(view, reference)? else { return Ok(None) };
        let states = OutboxState::ALL;
        Ok(Some(Whole {
            messages: cases::messages(view, case.id)?,
            linked: links::of_case(view, case.id)?,
            bounced: people::bounced_at(view, &crate::config::base(&case.reporter))?,
            outbox: outbox::list(view, &states, Some(case.id), 1_000)?,
            audit: audit::of_case(view, case.id)?,
            case,
        }))
    })?;
    let Some(whole) = whole else {
        show::complain(&format!("there is no case {reference}"));
        return Ok(NO);
    };
    if json {
        show::json(&whole)
    } else {
        print(&whole)
    }
    Ok(OK)
}

/// The texts of a mail, as `case text` shows them. What is attached is not among them (law 5).
#[derive(Serialize)]
struct Text {
    mail: i64,
    from: String,
    subject: String,
    body: String,
    forwarded: String,
}

fn text(config: Option<&Path>, reference: &Reference, json: bool) -> Answer {
    let store = super::store(config)?;
    let (wanted, who, now) = (reference.clone(), operator(), Clock::System.now());
    let raws = store.write_blocking(move |tx| {
        let Some(case) = cases::find(&tx.view(), &wanted)? else { return Ok(None) };
        audit::add(tx, now, &who, "text shown", Some(case.id), "by command")?;
        let messages = cases::messages(&tx.view(), case.id)?;
        let raws = messages.into_iter().map(|m| Ok((m.id, m.received, cases::raw(&tx.view(), m.id)?)));
        raws.collect::<crate::store::Result<Vec<_>>>().map(Some)
    })?;
    let Some(raws) = raws else {
        show::complain(&format!("there is no case {reference}"));
        return Ok(NO);
    };
    for (mail, received, raw) in raws {
        let envelope = Envelope { received, junk: false, extent: Extent::Whole };
        let report = judges::alone(|| message::read(&raw, &envelope))?;
        let from = report.from.first().map_or_else(String::new, |from| from.address.clone());
        let fields = report.fields;
        let text = Text { mail, from, subject: fields.subject, body: fields.body, forwarded: fields.forwarded };
        if json { show::json(&text) } else { print_text(&text) }
    }
    Ok(OK)
}

fn print_text(text: &Text) {
    show::say(format!("Mail {} from {}: {}\n", text.mail, show::plain(&text.from), show::plain(&text.subject)));
    for part in [&text.body, &text.forwarded] {
        part.lines().for_each(|line| show::say(format!("  {}", show::plain(line))));
    }
    show::say("");
}

fn print(whole: &Whole) {
    let case = &whole.case;
    show::say(format!("{}  {}  in {}", case.reference, case.state.word(), case.queue));
    show::say(format!("opened {} UTC, changed {} UTC", show::moment(case.opened), show::moment(case.changed)));
    show::say(format!("reporter {}, language {}", show::plain(&case.reporter), case.language.as_deref().unwrap_or("unknown")));
    if let Some(at) = whole.bounced {
        show::say(format!("a mail of ours to the reporter came back, last on {} UTC", show::moment(at)));
    }
    for other in &whole.linked {
        show::say(format!("linked to {} in {}: {}", other.reference, other.queue, show::plain(&other.why)));
    }
    whole.messages.iter().for_each(message);
    show::say("\nOutbox");
    let rows = whole.outbox.iter().map(|row| {
        vec![
            row.id.to_string(),
            row.kind.word().into(),
            row.state.word().into(),
            row.to.clone(),
            row.attempts.to_string(),
            row.last_error.clone().unwrap_or_default(),
        ]
    });
    show::table(&["id", "kind", "state", "to", "attempts", "last error"], rows.collect(), "nothing");
    show::say("\nAudit");
    let rows = whole
        .audit
        .iter()
        .map(|line| vec![show::moment(line.at), line.who.clone(), line.what.clone(), show::plain(&line.detail)]);
    show::table(&["at (UTC)", "who", "what", "detail"], rows.collect(), "nothing");
}

fn message(message: &MessageRow) {
    show::say(format!(
        "\nMail {} to {}, {} UTC, {} bytes",
        message.id,
        message.account,
        show::moment(message.received),
        message.size
    ));
    show::say(format!("  from     {}", show::plain(&message.sender)));
    show::say(format!("  subject  {}", show::plain(&message.subject)));
    let list = |name: &str, value: &serde_json::Value| {
        let words =
            value.as_array().map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")).unwrap_or_default();
        if !words.is_empty() {
            show::say(format!("  {name:<8} {}", show::plain(&words)));
        }
    };
    list("damage", &message.damage);
    list("attached", &message.attachments);
    if let Some(reason) = &message.automated {
        show::say(format!("  automated: {reason}"));
    }
    if let Some(to) = message.answer.pointer("/send/to").and_then(|to| to.as_str()) {
        show::say(format!("  answered to {}", show::plain(to)));
    } else if let Some(why) = message.answer.pointer("/withhold/why").and_then(|why| why.as_str()) {
        show::say(format!("  not answered: {}", show::plain(why)));
    }
    for because in message.verdict.pointer("/trace/because").and_then(|b| b.as_array()).into_iter().flatten() {
        show::say(format!("  {}", show::plain(because.as_str().unwrap_or_default())));
    }
    for place in &message.read_from {
        show::say(format!("  read from {}", show::plain(place)));
    }
}
