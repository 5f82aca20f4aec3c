//! `triaged rules ...`: what an operator does with rules, from the first draft to the proof on last month's mail. Every tool
//! judges with the daemon's own code ([`Policy`]), so that what it says is what will happen.

mod test;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::{Answer, Failure, NO, OK, show};
use crate::policy::Policy;

/// `triaged rules`, as typed.
#[derive(Args)]
pub(super) struct Typed {
    /// Judge by the rule files of this folder instead of those the config names
    #[arg(long, global = true, value_name = "DIR")]
    rules: Option<PathBuf>,

    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the examples of all rules
    Test,
}

pub(super) fn answer(config: Option<&Path>, typed: Typed, json: bool) -> Answer {
    let policy = || super::policy_with(config, typed.rules.as_deref());
    match typed.command {
        Command::Test => test::test(&policy()?, json),
    }
}
