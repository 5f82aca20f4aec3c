//! # triaged
pub mod clock;
pub mod judges;
pub mod metrics;
pub mod problem;
pub mod table;
pub mod tls;

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

pub mod deliver;
pub mod store;

#[cfg(test)]
pub mod golden;
