//! What the daemon knows about its own health: which loop promised to move by when, and what each mailbox is doing.
//! The watchdog is fed only while every promise holds (law 9).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

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

    /// Forgets the accounts and loops of a policy that was replaced.
    pub fn forget(&self) {
        let mut inner = self.inner();
        inner.accounts.clear();
        inner.promises.clear();
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
