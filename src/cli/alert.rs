//! `triaged alert`: who is being woken, "I have it", and what may become of that. The story is in [`crate::callout`].

use std::path::Path;

use clap::Subcommand;
use jiff::SignedDuration;

use super::{Answer, Failure, NO, OK, config_path, operator, reference, show};
use crate::callout::{self, Phone, Told};
use crate::clock::Clock;
use crate::config::Config;
use crate::policy::Policy;
use crate::store::alerts::{self, AlertRow};
use crate::store::{Store, Tx};

/// What can be done with alerts.
#[derive(Subcommand)]
pub(super) enum Command {
    /// List alerts that are firing
    List {
        /// Acknowledged and ended ones too
        #[arg(long)]
        all: bool,
    },
    /// Say that you have it: nobody else is called, the case is open
    Ack {
        /// The case's reference
        reference: String,
        /// Who has it, if not you: a person of the config, or an address
        #[arg(long = "as", value_name = "WHO")]
        who: Option<String>,
    },
    /// Give it back: it fires anew, from the first step
    Unack {
        /// The case's reference
        reference: String,
        /// Why: those who are called read it
        #[arg(long, default_value = "no reason given")]
        why: String,
    },
    /// Give it to somebody else, who is told
    HandOver {
        /// The case's reference
        reference: String,
        /// A person of the config, or an address
        #[arg(long, value_name = "WHO")]
        to: String,
    },
    /// Put it off: it fires anew then; no longer than its ladder allows
    Snooze {
        /// The case's reference
        reference: String,
        /// For how long: 30min, 1h
        #[arg(long = "for", value_name = "TIME")]
        time: String,
    },
    /// Say that it is over
    Resolve {
        /// The case's reference
        reference: String,
    },
}

pub(super) fn answer(config: Option<&Path>, command: Command, json: bool) -> Answer {
    let who = operator();
    match command {
        Command::List { all } => list(config, all, json),
        Command::Ack { reference, who: other } => {
            let who = other.unwrap_or(who);
            decide(config, &reference, json, move |tx, phone, alert| {
                let told = callout::take(tx, phone, alert, &who, "by command")?;
                Ok(told.map(|()| format!("{who} has {}; nobody else is called for it", alert.case)))
            })
        }
        Command::Unack { reference, why } => decide(config, &reference, json, move |tx, phone, alert| {
            let told = callout::give_back(tx, phone, alert, &who, &why)?;
            Ok(told.map(|()| format!("{} fires anew, from the first step", alert.case)))
        }),
        Command::HandOver { reference, to } => decide(config, &reference, json, move |tx, phone, alert| {
            let told = callout::hand_over(tx, phone, alert, &who, &to)?;
            Ok(told.map(|()| format!("{to} has {} now, and is told", alert.case)))
        }),
        Command::Snooze { reference, time } => {
            let span = time.parse::<SignedDuration>();
            let span = span.map_err(|_| Failure::Misuse(format!("error: \"{time}\" is no span of time: 30min, 1h")))?;
            decide(config, &reference, json, move |tx, phone, alert| {
                let told = callout::snooze(tx, phone, alert, &who, span)?;
                Ok(told.map(|until| format!("{} fires anew at {} UTC", alert.case, show::moment(until))))
            })
        }
        Command::Resolve { reference } => decide(config, &reference, json, move |tx, phone, alert| {
            let over = callout::resolve(tx, phone, alert, &who, &format!("{who} says that {} is over", alert.case))?;
            Ok(if over { Ok(format!("{} is over", alert.case)) } else { Err("it was over already".to_owned()) })
        }),
    }
}

fn list(config: Option<&Path>, all: bool, json: bool) -> Answer {
    let rows = super::store(config)?.read_blocking(|view| alerts::list(view, all, 10_000))?;
    if json {
        rows.iter().for_each(show::json);
        return Ok(OK);
    }
    let rows = rows.iter().map(|row| {
        let about = row.trouble.as_ref().map_or_else(|| row.queue.clone(), |trouble| format!("triaged: {trouble}"));
        let next = match (&row.called_with, row.due.or(row.until)) {
            (Some(leader), _) => format!("with {leader}"),
            (None, due) => due.map(show::moment).unwrap_or_default(),
        };
        let taken = row.acknowledged_by.clone().unwrap_or_default();
        vec![row.case.clone(), about, row.state.clone(), row.round.to_string(), show::moment(row.fired), next, taken]
    });
    let head = ["case", "queue", "state", "calls", "fired (UTC)", "next (UTC)", "taken by"];
    show::table(&head, rows.collect(), "no alert is firing");
    Ok(OK)
}

/// One decision about one alert, in one transaction. It needs the config alone: whoever is woken can say so while rules are broken.
fn decide(
    given: Option<&Path>,
    typed: &str,
    json: bool,
    decision: impl FnOnce(&Tx<'_>, &Phone<'_>, &AlertRow) -> Told<String> + Send + 'static,
) -> Answer {
    let (reference, now) = (reference(typed)?, Clock::System.now());
    let config: Config = Policy::load_config(&config_path(given)?)?;
    let store = Store::open_existing(&config.store.path)?;
    let (wanted, key) = (reference.clone(), store.token_key());
    let told = store.write_blocking(move |tx| match alerts::find(&tx.view(), wanted.as_str())? {
        Some(alert) => decision(tx, &Phone { config: &config, key, now }, &alert),
        None => Ok(Err(format!("there is no alert of {wanted}"))),
    })?;
    match told {
        Ok(words) if json => show::json(&serde_json::json!({ "case": reference, "done": words })),
        Ok(words) => show::say(words),
        Err(why) => {
            show::complain(&format!("error: {reference}: {why}"));
            return Ok(NO);
        }
    }
    Ok(OK)
}
