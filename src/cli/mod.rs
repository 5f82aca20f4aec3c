//! What an operator types, and what it means. Each command is a file; here are the grammar, the choice of config, and the
//! exit codes: 0 all well, 1 "no" or "differs", 2 misuse or a broken config.

mod alert;
mod case;
mod check;
mod classify;
mod explain;
mod highlight;
mod judging;
mod oncall;
mod outbox;
mod rules;
mod run;
mod show;
mod staff;

use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand};

use crate::policy::Policy;
use crate::problem::Faults;
use crate::store::{Store, StoreError};

/// Where the config lies when nobody says.
const USUAL_CONFIG: &str = "/etc/triaged/triaged.toml";

/// All is well.
pub const OK: u8 = 0;
/// The answer is no, or something differs, or one of several inputs could not be read.
pub const NO: u8 = 1;
/// The command, the config or a file of it is wrong.
pub const MISUSE: u8 = 2;

/// Reads a Trust & Safety team's mailboxes, judges every mail by rules, stores it, answers its reporter and routes it.
#[derive(Parser)]
#[command(name = "triaged", version, max_term_width = 100)]
struct Typed {
    /// The config file [default: /etc/triaged/triaged.toml; commands that only judge use the shipped sample where that is missing]
    #[arg(long, short, global = true, env = "TRIAGED_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,

    /// JSON instead of tables and sentences: one object a line
    #[arg(long, global = true)]
    json: bool,

    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the daemon until SIGTERM; SIGHUP or a changed file reloads config, rules and templates
    Run,
    /// Show the whole way of some forty mails in a temporary folder: nothing to install, nobody is written to
    Demo,
    /// Check config, rules and templates, and report every problem at once
    Check {
        /// Also log in to every mailbox and to the mail server, a row each
        #[arg(long)]
        live: bool,
    },
    /// Judge mails as the daemon would, touching nothing
    Classify {
        /// Judge them as mail to this account [default: the one whose address a mail names, else the first]
        #[arg(long, value_name = "ID")]
        account: Option<String>,
        /// Files, folders of files, or - for standard input
        #[arg(required = true, value_name = "FILE|DIR|-")]
        mails: Vec<PathBuf>,
    },
    /// Show why a mail is judged as it is: every rule, its words, every sum
    Explain {
        /// Judge it as mail to this account
        #[arg(long, value_name = "ID")]
        account: Option<String>,
        /// Show the whole text with the words that matched, not only their surroundings
        #[arg(long)]
        text: bool,
        /// A file, - for standard input, or a case's reference: then the stored trace is shown
        #[arg(value_name = "FILE|-|REFERENCE")]
        mail: PathBuf,
    },
    /// Write, check, test and measure rules
    Rules(rules::Typed),
    /// Look at cases
    #[command(subcommand)]
    Case(case::Command),
    /// Look at what is to be sent, and decide about what could not be
    #[command(subcommand)]
    Outbox(outbox::Command),
    /// Look at alerts, and say that you have one
    #[command(subcommand)]
    Alert(alert::Command),
    /// See who is on call, now and in the next weeks, and where nobody is
    #[command(subcommand)]
    Oncall(oncall::Command),
}

/// Why a command ends without an answer.
enum Failure {
    /// Said on standard error; exit code [`MISUSE`].
    Misuse(String),
    /// Said on standard error; exit code [`NO`].
    No(String),
}

impl From<Faults> for Failure {
    fn from(faults: Faults) -> Self {
        Failure::Misuse(faults.to_string())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Moved(_) => Failure::No(format!("error: {error}")),
            _ => Failure::Misuse(format!("error: {error}")),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Failure::Misuse(format!("error: {error}"))
    }
}

type Answer = Result<u8, Failure>;

/// Reads the command line, does what it says, and returns the exit code.
pub fn main() -> u8 {
    let typed = match Typed::try_parse() {
        Ok(typed) => typed,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { MISUSE } else { OK };
        }
    };
    match answer(typed) {
        Ok(code) => code,
        Err(Failure::Misuse(words)) => {
            show::complain(&words);
            MISUSE
        }
        Err(Failure::No(words)) => {
            show::complain(&words);
            NO
        }
    }
}

fn answer(typed: Typed) -> Answer {
    let (config, json) = (typed.config.as_deref(), typed.json);
    match typed.command {
        Command::Run => run::run(config),
        Command::Demo => run::demo(),
        Command::Check { live } => check::check(config, live, json),
        Command::Classify { account, mails } => classify::classify(config, account.as_deref(), &mails, json),
        Command::Explain { account, text, mail } => explain::explain(config, account.as_deref(), &mail, text, json),
        Command::Rules(typed) => rules::answer(config, typed, json),
        Command::Case(command) => case::answer(config, command, json),
        Command::Outbox(command) => outbox::answer(config, command, json),
        Command::Alert(command) => alert::answer(config, command, json),
        Command::Oncall(command) => oncall::answer(config, command, json),
    }
}

/// The config in force for commands that need one.
fn config_path(given: Option<&Path>) -> Result<PathBuf, Failure> {
    let path = given.unwrap_or(Path::new(USUAL_CONFIG));
    match given.is_none() && !path.exists() {
        true => {
            Err(Failure::Misuse(format!("error: there is no {USUAL_CONFIG}: name a config with --config FILE or TRIAGED_CONFIG")))
        }
        false => Ok(path.to_path_buf()),
    }
}

/// The policy in force for commands that need one.
fn policy(given: Option<&Path>) -> Result<Policy, Failure> {
    Ok(Policy::load(&config_path(given)?)?)
}

/// The policy for commands that only judge: without a config, what is shipped.
fn policy_or_shipped(given: Option<&Path>) -> Result<Policy, Failure> {
    policy_with(given, None)
}

/// The same, with the rules of a folder in place of the config's where one is named.
fn policy_with(given: Option<&Path>, rules: Option<&Path>) -> Result<Policy, Failure> {
    if given.is_none() && !Path::new(USUAL_CONFIG).exists() {
        return Ok(Policy::shipped_with(rules)?);
    }
    Ok(Policy::load_with(&config_path(given)?, rules)?)
}

/// The store of the config in force, for commands beside the daemon. Only the config is read for it: an operator must
/// reach the outbox even while a rule file is broken.
fn store(given: Option<&Path>) -> Result<Store, Failure> {
    let config = Policy::load_config(&config_path(given)?)?;
    Ok(Store::open_existing(&config.store.path)?)
}

/// Who types: for the audit.
fn operator() -> String {
    let name = std::env::var("SUDO_USER").or_else(|_| std::env::var("USER")).or_else(|_| std::env::var("LOGNAME"));
    name.ok().filter(|name| !name.is_empty()).unwrap_or_else(|| "operator".into())
}

fn reference(typed: &str) -> Result<crate::case::Reference, Failure> {
    crate::case::Reference::parse(typed)
        .ok_or_else(|| Failure::Misuse(format!("error: \"{typed}\" is no case reference: they look like TS-7K2M9QXB")))
}
