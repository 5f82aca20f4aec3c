//! `triaged rules ...`: what an operator does with rules, from the first draft to the proof on last month's mail. Every tool
//! judges with the daemon's own code ([`Policy`]), so that what it says is what will happen.

mod backtest;
mod check;
mod data;
mod eval;
mod junit;
mod progress;
mod stats;
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
    /// Check the rule files and report every problem at once
    Check,
    /// Run the examples of all rules, and labelled cases
    Test {
        /// Folders and files with labelled cases: *.jsonl of {"text", "label", "lang"}, mails with an expected.toml
        paths: Vec<PathBuf>,
        /// Also write the results as JUnit XML, for CI systems
        #[arg(long, value_name = "FILE")]
        junit: Option<PathBuf>,
    },
    /// Measure the rules on labelled data: what is found, what is missed and why, what is raised for nothing
    Eval(eval::Options),
    /// Judge the stored mail again: what would move, demotions first; exit code 1 when an urgent verdict would be lost
    Backtest(backtest::Options),
    /// What each rule did on the stored mail: how often it fired, decided, was vetoed; which never did
    Stats(stats::Options),
}

pub(super) fn answer(config: Option<&Path>, typed: Typed, json: bool) -> Answer {
    let policy = || super::policy_with(config, typed.rules.as_deref());
    match typed.command {
        Command::Check => check::check(&policy()?, json),
        Command::Test { paths, junit } => test::test(&policy()?, &paths, junit.as_deref(), json),
        Command::Eval(options) => eval::eval(&policy()?, &options, json),
        Command::Stats(options) => stats::stats(&policy()?, &super::store(config)?, &options, json),
        Command::Backtest(options) => backtest::backtest(&policy()?, &super::store(config)?, &options, json),
    }
}
