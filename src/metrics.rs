//! What the daemon knows about its own health: which loop promised to move by when, and what each mailbox is doing.
//! The watchdog is fed only while every promise holds (law 9).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::clock::Timestamp;

/// How an account stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The first attempt is under way.
    Starting,
    /// Being read.
    Reading,
    /// Not being read, and why (no address, no text of a mail).
    Degraded(String),
}

/// Shared by all loops. Cheap to clone.
#[derive(Clone, Default)]
pub struct Health {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    promises: BTreeMap<String, Instant>,
    accounts: BTreeMap<String, Condition>,
    stored: u64,
    sent: u64,
    /// Mails acknowledged, and those that were not, by reason.
    answered: u64,
    withheld: BTreeMap<String, u64>,
    /// When each account was last looked through to its end.
    read: BTreeMap<String, Timestamp>,
    /// What parts of the daemon say of themselves, by a short name.
    faults: BTreeMap<String, String>,
    /// How long the last canary of an address was under way, milliseconds.
    round_trips: BTreeMap<String, i64>,
}

impl Health {
    /// The loop `name` moves, and promises to say so again within `within`.
    pub fn moving(&self, name: &str, within: Duration) {
        self.inner().promises.insert(name.to_owned(), Instant::now() + within);
    }

    /// The loop `name` has ended as it should.
    pub fn ended(&self, name: &str) {
        self.inner().promises.remove(name);
    }

    /// The loops that broke their promise.
    pub fn stuck(&self) -> Vec<String> {
        let now = Instant::now();
        self.inner().promises.iter().filter(|(_, by)| **by < now).map(|(name, _)| name.clone()).collect()
    }

    /// Notes how an account stands; true if that is news.
    pub fn account(&self, id: &str, condition: Condition) -> bool {
        self.inner().accounts.insert(id.to_owned(), condition.clone()) != Some(condition)
    }

    /// An account was looked through to its end.
    pub fn read(&self, id: &str, now: Timestamp) {
        self.inner().read.insert(id.to_owned(), now);
    }

    /// Each account, when it was last read, and why it is not being read now.
    pub fn accounts_read(&self) -> Vec<(String, Option<Timestamp>, Option<String>)> {
        let inner = self.inner();
        let why = |condition: &Condition| match condition {
            Condition::Degraded(why) => Some(why.clone()),
            Condition::Starting | Condition::Reading => None,
        };
        inner.accounts.iter().map(|(id, condition)| (id.clone(), inner.read.get(id).copied(), why(condition))).collect()
    }

    /// All keys of an account were compared with the ledger, and `gap` mails had been passed over: they are fetched, and somebody is
    /// told. The next comparison without one ends it.
    pub fn audited(&self, account: &str, gap: usize) {
        if gap > 0 {
            tracing::error!(account, gap, "the completeness audit found mails that had been passed over; they are fetched now");
        }
        let words = format!("In the mailbox {account} {gap} mails had been passed over; they are being fetched");
        self.fault(&format!("audit {account}"), (gap > 0).then_some(words));
    }

    /// A part of the daemon says what is wrong with it, or (`None`) that all is well.
    pub fn fault(&self, name: &str, words: Option<String>) {
        let mut inner = self.inner();
        match words {
            Some(words) => drop(inner.faults.insert(name.to_owned(), words)),
            None => drop(inner.faults.remove(name)),
        }
    }

    /// What is wrong, by short names.
    pub fn faults(&self) -> BTreeMap<String, String> {
        self.inner().faults.clone()
    }

    /// A canary came back after so many milliseconds.
    pub fn round_trip(&self, address: &str, took: i64) {
        self.inner().round_trips.insert(address.to_owned(), took);
    }

    /// True once every account has been tried.
    pub fn all_tried(&self) -> bool {
        self.inner().accounts.values().all(|condition| *condition != Condition::Starting)
    }

    /// A mail was stored.
    pub fn stored(&self) {
        self.inner().stored += 1;
    }

    /// A reporter is answered, or is not, for this reason (a short fixed word).
    pub fn answer(&self, withheld: Option<&str>) {
        match withheld {
            None => self.inner().answered += 1,
            Some(reason) => *self.inner().withheld.entry(reason.to_owned()).or_default() += 1,
        }
    }

    /// A mail was sent.
    pub fn sent(&self) {
        self.inner().sent += 1;
    }

    /// One line for the service manager: counts, and every account that is degraded.
    pub fn status(&self) -> String {
        let inner = self.inner();
        let mut line = format!("{} stored, {} sent", inner.stored, inner.sent);
        let reasons: Vec<String> = inner.withheld.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
        if inner.answered + inner.withheld.len() as u64 > 0 {
            let list = if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join(", ")) };
            line.push_str(&format!("; {} answered, {} not{list}", inner.answered, inner.withheld.values().sum::<u64>()));
        }
        let reading = inner.accounts.values().filter(|c| **c == Condition::Reading).count();
        line.push_str(&format!("; reading {reading} of {} mailboxes", inner.accounts.len()));
        for (id, condition) in &inner.accounts {
            if let Condition::Degraded(why) = condition {
                line.push_str(&format!("; {id} degraded: {why}"));
            }
        }
        line
    }

    /// Everything that is counted, in the OpenMetrics text format, without its end.
    pub fn openmetrics(&self) -> String {
        let inner = self.inner();
        let mut text = String::new();
        let mut family = |name: &str, kind: &str, help: &str, samples: &[(String, String)]| {
            text.push_str(&format!("# TYPE triaged_{name} {kind}\n# HELP triaged_{name} {help}\n"));
            let ending = if kind == "counter" { "_total" } else { "" };
            samples.iter().for_each(|(labels, value)| text.push_str(&format!("triaged_{name}{ending}{labels} {value}\n")));
        };
        let plain = |value: u64| vec![(String::new(), value.to_string())];
        family("mails_stored", "counter", "Mails stored since the start.", &plain(inner.stored));
        family("mails_sent", "counter", "Mails and webhooks sent since the start.", &plain(inner.sent));
        family("answers_sent", "counter", "Acknowledgements decided since the start.", &plain(inner.answered));
        let withheld: Vec<_> =
            inner.withheld.iter().map(|(reason, n)| (format!("{{reason=\"{reason}\"}}"), n.to_string())).collect();
        family("answers_withheld", "counter", "Acknowledgements withheld since the start, by reason.", &withheld);
        let reading = |condition: &Condition| u8::from(*condition == Condition::Reading).to_string();
        let accounts: Vec<_> = inner.accounts.iter().map(|(id, c)| (format!("{{account=\"{id}\"}}"), reading(c))).collect();
        family("mailbox_reading", "gauge", "1 while the mailbox is being read.", &accounts);
        let read: Vec<_> =
            inner.read.iter().map(|(id, at)| (format!("{{account=\"{id}\"}}"), at.as_second().to_string())).collect();
        family("mailbox_read_timestamp_seconds", "gauge", "When the mailbox was last looked through.", &read);
        let trips = inner.round_trips.iter();
        let trips: Vec<_> =
            trips.map(|(to, ms)| (format!("{{address=\"{to}\"}}"), format!("{:.3}", *ms as f64 / 1_000.0))).collect();
        family("canary_round_trip_seconds", "gauge", "How long the last canary was under way.", &trips);
        let now = Instant::now();
        let stuck = inner.promises.values().filter(|by| **by < now).count() as u64;
        family("loops_stuck", "gauge", "Parts of the daemon that do not move.", &plain(stuck));
        family("faults", "gauge", "What parts of the daemon say is wrong with them.", &plain(inner.faults.len() as u64));
        text
    }

    /// Forgets the accounts, loops and faults of a policy that was replaced.
    pub fn forget(&self) {
        let mut inner = self.inner();
        inner.accounts.clear();
        inner.promises.clear();
        // Its parts are gone; what is still wrong with the new ones they say themselves.
        inner.faults.clear();
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_promise_is_seen_until_it_is_renewed_or_ended() {
        let health = Health::default();
        health.moving("deliver", Duration::ZERO);
        health.moving("ca", Duration::from_secs(60));
        assert_eq!(health.stuck(), ["deliver"]);
        health.moving("deliver", Duration::from_secs(60));
        assert!(health.stuck().is_empty());
        health.moving("deliver", Duration::ZERO);
        health.ended("deliver");
        assert!(health.stuck().is_empty());
    }

    #[test]
    fn the_status_names_what_is_degraded() {
        let health = Health::default();
        assert!(health.account("ca", Condition::Starting) && !health.all_tried());
        health.account("ca", Condition::Reading);
        assert!(health.account("drt", Condition::Degraded("login refused".into())));
        assert!(!health.account("drt", Condition::Degraded("login refused".into())), "no news");
        assert!(health.all_tried());
        assert_eq!(health.status(), "0 stored, 0 sent; reading 1 of 2 mailboxes; drt degraded: login refused");
        health.answer(None);
        ["list", "own-loop", "list"].iter().for_each(|reason| health.answer(Some(reason)));
        assert!(health.status().contains("; 1 answered, 3 not (list 2, own-loop 1); reading"), "{}", health.status());
    }
}
