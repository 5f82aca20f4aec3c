//! `triaged case note|move|close|reopen|link`: what staff say about a case. The story is in [`crate::staff`]; here are the words.

use std::path::Path;
use std::sync::Arc;

use clap::Subcommand;

use super::{Answer, Failure, NO, OK, operator, policy, reference, show};
use crate::case::Reference;
use crate::clock::Clock;
use crate::dispatch::Desk;
use crate::policy::Policy;
use crate::problem::did_you_mean;
use crate::staff::{LONGEST, Person, Told};
use crate::store::{Store, Tx};

/// What staff can say.
#[derive(Subcommand)]
pub(super) enum Command {
    /// Add a note to a case: it stands in its audit, with your name
    Note {
        /// Its reference
        reference: String,
        /// The note
        text: String,
    },
    /// Take a case to another queue: that team gets its mails, and the move becomes a label for the rules
    Move {
        /// Its reference
        reference: String,
        /// The queue it belongs in
        queue: String,
        /// Why, in a few words: the team reads it
        #[arg(long)]
        why: String,
    },
    /// Close a case; its alert, if it still calls, is over
    Close {
        /// Its reference
        reference: String,
        /// Why, in a few words
        #[arg(long, default_value = "")]
        why: String,
    },
    /// Open a closed case again
    Reopen {
        /// Its reference
        reference: String,
        /// Why, in a few words
        #[arg(long, default_value = "")]
        why: String,
    },
    /// Note that two cases have to do with each other
    Link {
        /// Its reference
        reference: String,
        /// The other's
        other: String,
    },
}

pub(super) fn answer(config: Option<&Path>, command: Command, json: bool) -> Answer {
    let policy = Arc::new(policy(config)?);
    let said = match command {
        Command::Note { reference: typed, text } => {
            let (text, case) = (words("note", &text)?, reference(&typed)?);
            say(&policy, &case, move |tx, desk, person| Ok(person.note(tx, desk, &text)?.map(|()| "noted".to_owned())))
        }
        Command::Move { reference: typed, queue, why } => {
            let (case, why) = (reference(&typed)?, words("reason", &why)?);
            check_queue(&policy, &queue)?;
            say(&policy, &case, move |tx, desk, person| {
                Ok(person
                    .take_to(tx, desk, &queue, &why)?
                    .map(|from| format!("moved from {from} to {queue}; its team gets the mails")))
            })
        }
        Command::Close { reference: typed, why } => {
            let (case, why) = (reference(&typed)?, optional(&why)?);
            say(&policy, &case, move |tx, desk, person| Ok(person.close(tx, desk, &why)?.map(|()| "closed".to_owned())))
        }
        Command::Reopen { reference: typed, why } => {
            let (case, why) = (reference(&typed)?, optional(&why)?);
            say(&policy, &case, move |tx, desk, person| Ok(person.reopen(tx, desk, &why)?.map(|()| "open again".to_owned())))
        }
        Command::Link { reference: typed, other } => {
            let (case, other) = (reference(&typed)?, reference(&other)?);
            say(&policy, &case, move |tx, desk, person| {
                let words = |news| if news { format!("linked to {other}") } else { format!("was linked to {other} already") };
                Ok(person.link(tx, desk, &other)?.map(words))
            })
        }
    }?;
    tell(said, json)
}

/// What was said about which case, or why it was not done.
struct Said {
    case: Reference,
    done: Result<String, String>,
}

/// Says it in one transaction, as whoever types.
fn say(
    policy: &Arc<Policy>,
    case: &Reference,
    work: impl FnOnce(&Tx<'_>, &Desk<'_>, &Person<'_>) -> Told<String> + Send + 'static,
) -> Result<Said, Failure> {
    let store = Store::open_existing(&policy.config.store.path)?;
    let (who, token_key, now) = (operator(), store.token_key(), Clock::System.now());
    let (policy, reference) = (Arc::clone(policy), case.clone());
    let done = store.write_blocking(move |tx| {
        work(tx, &Desk { policy: &policy, token_key, now }, &Person { who: &who, reference: &reference })
    })?;
    Ok(Said { case: case.clone(), done: done.map_err(|refused| refused.to_string()) })
}

fn tell(said: Said, json: bool) -> Answer {
    let Said { case, done } = said;
    match done {
        Ok(words) if json => show::json(&serde_json::json!({ "case": case, "done": words })),
        Ok(words) => show::say(format!("{case}: {words}")),
        Err(why) => {
            show::complain(&why);
            return Ok(NO);
        }
    }
    Ok(OK)
}

/// A queue that is there.
fn check_queue(policy: &Policy, queue: &str) -> Result<(), Failure> {
    let names = policy.config.queues.iter().map(|queue| queue.name.as_str());
    if names.clone().any(|name| name == queue) {
        return Ok(());
    }
    let hint = did_you_mean(queue, names.clone()).map(|near| format!("did you mean \"{near}\"?"));
    let known = || format!("there are: {}", names.collect::<Vec<_>>().join(", "));
    Err(Failure::Misuse(format!("error: there is no queue \"{queue}\"; {}", hint.unwrap_or_else(known))))
}

/// Words for people: not blank, of bounded length, without what a terminal would obey.
fn words(what: &str, typed: &str) -> Result<String, Failure> {
    let text = optional(typed)?;
    if text.is_empty() { Err(Failure::Misuse(format!("error: the {what} is empty: write a few words"))) } else { Ok(text) }
}

fn optional(typed: &str) -> Result<String, Failure> {
    if typed.chars().count() > LONGEST {
        return Err(Failure::Misuse(format!("error: that is longer than {LONGEST} characters: write the gist")));
    }
    Ok(typed.trim().replace(|c: char| c.is_control() && c != '\n', " "))
}
