//! `triaged alert`: who is being woken, and "I have it".

use std::path::Path;

use clap::Subcommand;

use super::{Answer, NO, OK, operator, reference, show};
use crate::case::CaseEvent;
use crate::clock::Clock;
use crate::store::{StoreError, alerts, audit, cases};

/// What can be done with alerts.
#[derive(Subcommand)]
pub(super) enum Command {
    /// List alerts that are firing
    List {
        /// Acknowledged ones too
        #[arg(long)]
        all: bool,
    },
    /// Say that you have it: the ladder stops, the case is open
    Ack {
        /// The case's reference
        reference: String,
    },
}

pub(super) fn answer(config: Option<&Path>, command: Command, json: bool) -> Answer {
    match command {
        Command::List { all } => list(config, all, json),
        Command::Ack { reference: typed } => acknowledge(config, &typed, json),
    }
}

fn list(config: Option<&Path>, all: bool, json: bool) -> Answer {
    let rows = super::store(config)?.read_blocking(|view| alerts::list(view, all, 1_000))?;
    if json {
        rows.iter().for_each(show::json);
        return Ok(OK);
    }
    let rows = rows.iter().map(|row| {
        vec![
            row.case.clone(),
            row.queue.clone(),
            row.state.clone(),
            row.round.to_string(),
            show::moment(row.fired),
            row.due.map(show::moment).unwrap_or_default(),
            row.acknowledged_by.clone().unwrap_or_default(),
        ]
    });
    let head = ["case", "queue", "state", "calls", "fired (UTC)", "next (UTC)", "taken by"];
    show::table(&head, rows.collect(), "no alert is firing");
    Ok(OK)
}

fn acknowledge(config: Option<&Path>, typed: &str, json: bool) -> Answer {
    let (reference, who, now) = (reference(typed)?, operator(), Clock::System.now());
    let (wanted, name) = (reference.clone(), who.clone());
    let known = super::store(config)?.write_blocking(move |tx| {
        let Some(case) = cases::find(&tx.view(), &wanted)? else { return Ok(false) };
        alerts::acknowledge(tx, case.id, &name, now)?;
        match cases::happen(tx, case.id, CaseEvent::Take, now) {
            // Somebody works on it already: the alert is theirs all the same.
            Ok(_) | Err(StoreError::Moved(_)) => {}
            Err(error) => return Err(error),
        }
        audit::add(tx, now, &name, "alert acknowledged", Some(case.id), "by command")?;
        Ok(true)
    })?;
    if !known {
        show::complain(&format!("there is no case {reference}"));
        return Ok(NO);
    }
    if json {
        show::json(&serde_json::json!({ "case": reference, "acknowledged_by": who }));
    } else {
        show::say(format!("{who} has {reference}; nobody else is called for it"));
    }
    Ok(OK)
}
