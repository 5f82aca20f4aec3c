//! # triaged
pub mod clock;
pub mod problem;
pub mod table;

pub mod case;
pub mod config;
pub mod outbox;
pub mod report;

pub mod message;
pub mod reply;
pub mod rules;

pub mod policy;

pub mod mailbox;
pub mod send;

#[cfg(test)]
pub mod golden;
