//! # triaged: the architecture on one page
//!
//! A daemon that reads the mailboxes of a Trust & Safety team, judges every mail by rules, keeps it, answers its reporter,
//! hands it to the team, and wakes somebody when a life may depend on it.
//!
//! ## The way of one mail
//! ```text
//! mailbox (IMAP or Maildir) -> message: bytes to Report -> rules: Report to Verdict, with its trace
//!    -> intake: ONE transaction { ledger, message, case, verdict, outbox rows, alert, audit } -> mailbox: marked done
//! deliver:  outbox row -> claim -> SMTP or file -> record          escalate: alert due -> the ladder says who -> outbox row
//! ```
//! The middle is pure: values in, value and reason out, `now` an argument. Nothing is sent from the transaction.
//!
//! ## The laws
//! 1. A mail is never lost: it stays on its server until its row is committed, and only the ledger of (account, folder,
//!    UIDVALIDITY, UID) decides what is read ([`intake`], [`store::cases`]).
//! 2. Doubt escalates: what cannot be fetched, parsed or judged is a case all the same, at no less than its floor
//!    ([`message`], [`policy`]).
//! 3. Automated mail is classified like any other; only the answer is withheld ([`reply::guard`]).
//! 4. An answer cannot be turned into a weapon: no text of the sender's stands in it ([`reply::template`], [`reply::acknowledgement`]).
//! 5. Sealed stays sealed: a manifest goes in the place of attachments ([`reply::forward`]).
//! 6. An alert does not end in silence ([`escalate`]).
//! 7. What was decided can be shown: verdicts are stored with their trace and the rule set's hash ([`rules`]).
//! 8. A broken change changes nothing: config, rules and templates are one [`policy`], swapped whole ([`daemon`]).
//! 9. Silence is an alarm: the watchdog is fed only while every loop keeps its promise to move ([`metrics`]).
//!
//! ## The floors
//! A module uses only what is declared above it here; siblings of a floor do not know each other (`tests/floors.rs` holds it).

// floor 0: ground
pub mod clock;
pub mod metrics;
pub mod judges;
pub mod problem;
pub mod table;
pub mod tls;
pub mod scrub;

#[cfg(test)]
pub(crate) mod golden;

// floor 1: words
pub mod report;
pub mod case;
pub mod outbox;
pub mod config;

// floor 2: judgement
pub mod message;
pub mod rules;
pub mod reply;
pub mod ladder;
pub mod oncall;
pub mod policy;

// floor 3: edges
pub mod store;
pub mod mailbox;
pub mod send;
pub mod service;

// floor 4: stories
pub mod callout;
pub mod dispatch;
pub mod intake;
pub mod staff;
pub mod deliver;
pub mod escalate;
pub mod watch;
pub mod backtest;

// floor 5: what listens
pub mod console;

// floor 6: assembly
pub mod daemon;
pub mod demo;

// floor 7: what an operator types
pub mod cli;
