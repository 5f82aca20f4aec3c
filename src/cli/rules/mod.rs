//! `triaged rules ...`: what an operator does with rules, from the first draft to the proof on last month's mail. Every tool
//! judges with the daemon's own code ([`Policy`]), so that what it says is what will happen.

mod backtest;
mod check;
mod data;
mod eval;
mod junit;
mod lint;
mod new;
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
    /// What is allowed in rule files but hardly meant: dead, duplicate, over-broad or untested rules and terms
    Lint {
        /// Exit code 1 when there is anything to say
        #[arg(long)]
        strict: bool,
    },
    /// Write a commented rule file to start from
    New {
        /// Id of its first rule, and the file's name
        id: String,
        /// The folder it is written to [default: the folder --rules names, else the current one]
        #[arg(long, value_name = "DIR")]
        folder: Option<PathBuf>,
    },
}

pub(super) fn answer(config: Option<&Path>, typed: Typed, json: bool) -> Answer {
    let policy = || super::policy_with(config, typed.rules.as_deref());
    match typed.command {
        Command::Check => check::check(&policy()?, json),
        Command::Test { paths, junit } => test::test(&policy()?, &paths, junit.as_deref(), json),
        Command::Eval(options) => eval::eval(&policy()?, &options, json),
        Command::Lint { strict } => lint::lint(&policy()?, strict, json),
        Command::New { id, folder } => new::new(&id, folder.or(typed.rules).as_deref().unwrap_or(Path::new("."))),
        Command::Stats(options) => stats::stats(&policy()?, &super::store(config)?, &options, json),
        Command::Backtest(options) => backtest::backtest(&policy()?, &super::store(config)?, &options, json),
    }
}
