//! Tests of the whole against real servers, and against false ones for what real servers cannot be made to do.
//! Dovecot and Postfix must be installed (tests/run does it); where they are missing these tests fail and say so.
#![allow(clippy::print_stderr, reason = "what a failed test has to say")]

mod answers;
mod backtest;
mod kill;
mod losing_mail;
mod mailbox_hostile;
mod mailbox_imap;
mod mailbox_maildir;
mod oncall;
mod reload;
mod round_trip;
mod servers;
mod support;
mod trouble;
