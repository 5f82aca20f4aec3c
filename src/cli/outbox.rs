//! `triaged outbox`: what is to be sent, and what a person decides about it. Each decision is one transaction and one
//! line of the audit.

use std::path::Path;

use clap::Subcommand;

use super::{Answer, Failure, OK, operator, show};
use crate::clock::Clock;
use crate::outbox::OutboxState;
use crate::store::{Tx, audit, outbox};

/// What can be done with the outbox.
#[derive(Subcommand)]
pub(super) enum Command {
    /// List what is not yet sent: ready, sending and dead rows
    List {
        /// Only rows in this state: ready, sending, sent, dead or dropped
        #[arg(long)]
        state: Option<String>,
        /// At most so many, oldest first
        #[arg(long, default_value_t = 200)]
        most: u32,
        /// Only how many rows stand in each state
        #[arg(long)]
        count: bool,
    },
    /// Send rows again that were given up, or now those that wait
    Retry {
        /// Row ids
        #[arg(required_unless_present = "dead")]
        ids: Vec<i64>,
        /// Every dead row
        #[arg(long)]
        dead: bool,
    },
    /// Decide that rows are not to be sent
    Drop {
        /// Row ids
        #[arg(required = true)]
        ids: Vec<i64>,
    },
}

pub(super) fn answer(config: Option<&Path>, command: Command, json: bool) -> Answer {
    match command {
        Command::List { count: true, .. } => counts(config, json),
        Command::List { state, most, .. } => list(config, state, most, json),
        Command::Retry { ids, dead } => {
            let ids = if dead { every_dead(config)? } else { ids };
            decide(config, ids, "requeued", outbox::retry, json)
        }
        Command::Drop { ids } => decide(config, ids, "dropped", outbox::drop_row, json),
    }
}

fn list(config: Option<&Path>, state: Option<String>, most: u32, json: bool) -> Answer {
    let states = match &state {
        None => Vec::new(),
        Some(word) => vec![OutboxState::from_word(word).ok_or_else(|| {
            Failure::Misuse(format!("error: there is no state \"{word}\": ready, sending, sent, dead or dropped"))
        })?],
    };
    let rows = super::store(config)?.read_blocking(|view| outbox::list(view, &states, None, most))?;
    if json {
        rows.iter().for_each(show::json);
        return Ok(OK);
    }
    let rows = rows.iter().map(|row| {
        vec![
            row.id.to_string(),
            row.case.clone(),
            row.kind.word().to_owned(),
            row.state.word().to_owned(),
            row.to.clone(),
            row.attempts.to_string(),
            show::moment(row.due),
            row.last_error.clone().unwrap_or_default(),
        ]
    });
    show::table(
        &["id", "case", "kind", "state", "to", "attempts", "due (UTC)", "last error"],
        rows.collect(),
        "nothing is waiting",
    );
    Ok(OK)
}

fn counts(config: Option<&Path>, json: bool) -> Answer {
    let counts = super::store(config)?.read_blocking(outbox::counts)?;
    if json {
        let object: serde_json::Map<_, _> = counts.iter().map(|(state, n)| (state.word().to_owned(), (*n).into())).collect();
        show::json(&object);
        return Ok(OK);
    }
    let rows = counts.iter().map(|(state, n)| vec![state.word().to_owned(), n.to_string()]).collect();
    show::table(&["state", "rows"], rows, "the outbox has never been used");
    Ok(OK)
}

fn every_dead(config: Option<&Path>) -> Result<Vec<i64>, Failure> {
    let rows = super::store(config)?.read_blocking(|view| outbox::list(view, &[OutboxState::Dead], None, u32::MAX))?;
    Ok(rows.iter().map(|row| row.id).collect())
}

type Decision = fn(&Tx<'_>, i64, crate::clock::Timestamp) -> crate::store::Result<()>;

/// All of them or none: one transaction, one audit line a row.
fn decide(config: Option<&Path>, ids: Vec<i64>, what: &'static str, decision: Decision, json: bool) -> Answer {
    let (who, now, many) = (operator(), Clock::System.now(), ids.len());
    super::store(config)?.write_blocking(move |tx| {
        for id in ids {
            decision(tx, id, now)?;
            let case = outbox::case_of(&tx.view(), id)?;
            audit::add(tx, now, &who, what, case, &format!("outbox row {id}"))?;
        }
        Ok(())
    })?;
    if json {
        show::json(&serde_json::json!({ what: many }));
    } else {
        show::say(format!("{many} {what}"));
    }
    Ok(OK)
}
