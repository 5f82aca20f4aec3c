//! The watch over ourselves (law 9): a mailbox that is not read, mail that does not leave, dead letters, a refused reload, a full disk, a
//! clock that jumps, a canary that is late. Each is an alert to the operators' ladder, said once, and its end is told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::callout::{self, Phone};
use crate::clock::{Clock, Timestamp};
use crate::config::{self, Config};
use crate::metrics::Health;
use crate::outbox::Kind;
use crate::policy::{HORIZON_DAYS, Policy};
use crate::reply::{canary, token};
use crate::send;
use crate::store::outbox::{self, NewRow};
use crate::store::{Result, Store, Tx, alerts, canaries};

/// Looks this often.
const LOOK: Duration = Duration::from_secs(2);
/// Promised to the watchdog.
const MOVE: Duration = Duration::from_secs(5 * 60);
/// A clock that differs by more than this from the time that went by has jumped.
const JUMP: SignedDuration = SignedDuration::from_secs(90);
/// So long after a jump it is over.
const CALM: SignedDuration = SignedDuration::from_mins(10);
/// Rotas are looked through for gaps this often.
const GAPS: SignedDuration = SignedDuration::from_hours(1);
/// One heartbeat may take this long.
const BEAT: Duration = Duration::from_secs(10);

/// What the loops need.
#[derive(Clone)]
pub struct Watch {
    /// The store.
    pub store: Store,
    /// The policy in force.
    pub policy: Arc<Policy>,
    /// What time it is.
    pub clock: Clock,
    /// Rung when there are new rows or alerts.
    pub bell: Arc<Notify>,
    /// What is known of us.
    pub health: Health,
    /// End.
    pub stop: CancellationToken,
}

/// What was seen at one look.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// Each account, when it was last read whole (or when we began), and what keeps it from being read now.
    pub accounts: Vec<(String, Timestamp, Option<String>)>,
    /// Since when a forward or an alert has been waiting to leave.
    pub waiting: Option<Timestamp>,
    /// Rows that were given up.
    pub dead: u64,
    /// What the parts of the daemon say of themselves: name and sentence.
    pub faults: BTreeMap<String, String>,
    /// Free bytes on the store's disk.
    pub free: Option<u64>,
    /// The last jump of the clock, and when.
    pub jumped: Option<(SignedDuration, Timestamp)>,
    /// Each intake address whose canary has not come back, and when that was sent.
    pub canaries: Vec<(String, Timestamp)>,
}

/// What is wrong with ourselves: a short name, the same as long as it lasts, and a sentence.
pub fn troubles(seen: &Seen, config: &Config, now: Timestamp) -> BTreeMap<String, String> {
    let mut found = seen.faults.clone();
    let over = |since: Timestamp, limit: Duration| {
        now.duration_since(since) > SignedDuration::try_from(limit).unwrap_or(SignedDuration::MAX)
    };
    let minutes = |since: Timestamp| now.duration_since(since).as_mins();
    let usual = config::Watch { ladder: String::new(), mailbox: Duration::from_secs(600), outbox: Duration::from_secs(600) };
    let limits = config.watch.as_ref().unwrap_or(&usual);
    for (id, read, why) in seen.accounts.iter().filter(|(_, read, _)| over(*read, limits.mailbox)) {
        let why = why.as_deref().unwrap_or("it does not answer");
        found.insert(format!("account {id}"), format!("The mailbox {id} has not been read for {} min: {why}", minutes(*read)));
    }
    if let Some(since) = seen.waiting.filter(|since| over(*since, limits.outbox)) {
        let words =
            format!("Mail to our own people has been waiting to leave for {} min: see triaged outbox list", minutes(since));
        found.insert("outbox".into(), words);
    }
    if seen.dead > 0 {
        let words = format!("{} mails were given up: see triaged outbox list, then outbox retry or outbox drop", seen.dead);
        found.insert("dead letters".into(), words);
    }
    if let Some(free) = seen.free.filter(|free| *free < config.store.min_free) {
        found.insert("disk".into(), format!("The disk of the store is full ({} MiB free): nothing is taken in", free >> 20));
    }
    if let Some((by, at)) = seen.jumped.filter(|(_, at)| now.duration_since(*at) < CALM) {
        found.insert("clock".into(), format!("The clock jumped by {} s at {}", by.as_secs(), at.strftime("%Y-%m-%d %H:%M UTC")));
    }
    if let Some(canary) = &config.canary {
        for (address, sent) in seen.canaries.iter().filter(|(_, sent)| over(*sent, canary.within)) {
            let words = format!("A mail to {address} has not come back for {} min: mail may not be reaching us", minutes(*sent));
            found.insert(format!("canary {address}"), words);
        }
    }
    found
}

/// What is told when it is over.
fn over(trouble: &str) -> String {
    match trouble.split_once(' ') {
        Some(("account", id)) => format!("The mailbox {id} is being read again"),
        Some(("canary", address)) => format!("Mail to {address} comes back again"),
        _ => format!("This is over: {trouble}"),
    }
}

impl Watch {
    /// Looks until told to stop.
    pub async fn work(self) {
        let (began, mut clock) = (self.clock.now(), Drift::new(&self.clock));
        // Without [watch] in the config nobody is called: then the log says it, once.
        let mut said = BTreeMap::new();
        let (mut gaps, mut asked) = (Vec::new(), None);
        while !self.stop.is_cancelled() {
            self.health.moving("watch", MOVE);
            let now = self.clock.now();
            let jumped = clock.look(now);
            // A calendar runs out by itself; a look into three months takes a while.
            if asked.is_none_or(|asked| now.duration_since(asked).abs() > GAPS) {
                (gaps, asked) = (self.policy.rota_gaps(now), Some(now));
            }
            if let Err(error) = self.look(began, jumped, now, &gaps, &mut said).await {
                tracing::error!(%error, "the watch over ourselves cannot look; trying again");
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = self.stop.cancelled() => {}
            }
        }
        self.health.ended("watch");
    }

    async fn look(
        &self,
        began: Timestamp,
        jumped: Option<(SignedDuration, Timestamp)>,
        now: Timestamp,
        gaps: &[String],
        said: &mut BTreeMap<String, String>,
    ) -> Result<()> {
        self.send_canaries(now).await?;
        let seen = self.see(began, jumped, gaps).await?;
        let found = troubles(&seen, &self.policy.config, now);
        match &self.policy.config.watch {
            Some(watch) => self.tell(found, watch.ladder.clone(), now).await,
            None => {
                found.iter().filter(|(name, _)| !said.contains_key(*name)).for_each(|(_, words)| tracing::error!("{words}"));
                said.keys().filter(|name| !found.contains_key(*name)).for_each(|name| tracing::warn!("{}", over(name)));
                *said = found;
                Ok(())
            }
        }
    }

    async fn see(&self, began: Timestamp, jumped: Option<(SignedDuration, Timestamp)>, gaps: &[String]) -> Result<Seen> {
        let addresses: Vec<String> =
            self.policy.config.accounts.iter().flat_map(|a| &a.intake).map(|i| i.address.clone()).collect();
        let stored = move |view: &crate::store::View<'_>| {
            let (dead, waiting) = outbox::backlog(view)?;
            let mut late = Vec::new();
            for address in addresses {
                late.extend(canaries::missing_since(view, &address)?.map(|sent| (address, sent)));
            }
            Ok((dead, waiting, late))
        };
        let (dead, waiting, canaries) = self.store.read(stored).await?;
        let accounts = self.health.accounts_read().into_iter().map(|(id, read, why)| (id, read.unwrap_or(began), why)).collect();
        let mut faults = self.health.faults();
        faults.extend(gaps.iter().map(|words| ("rota".to_owned(), format!("In the next {HORIZON_DAYS} days {words}"))));
        Ok(Seen { accounts, waiting, dead, faults, free: self.store.free_disk(), jumped, canaries })
    }

    /// Fires what is new, and ends what is over.
    async fn tell(&self, found: BTreeMap<String, String>, ladder: String, now: Timestamp) -> Result<()> {
        let open = self.store.read(alerts::troubles).await?;
        let known = |name: &str| open.iter().any(|alert| alert.trouble.as_deref() == Some(name));
        let news: Vec<(String, String)> =
            found.iter().filter(|(name, _)| !known(name)).map(|(n, w)| (n.clone(), w.clone())).collect();
        let ended: Vec<_> =
            open.into_iter().filter(|alert| !found.contains_key(alert.trouble.as_deref().unwrap_or_default())).collect();
        if news.is_empty() && ended.is_empty() {
            return Ok(());
        }
        news.iter().for_each(|(_, words)| tracing::error!("{words}"));
        let (policy, key) = (Arc::clone(&self.policy), self.store.token_key());
        let write = move |tx: &Tx<'_>| {
            let phone = Phone { config: &policy.config, key, now };
            for (name, words) in &news {
                callout::trouble(tx, &phone, name, words, &ladder)?;
            }
            for alert in &ended {
                let words = over(alert.trouble.as_deref().unwrap_or_default());
                tracing::warn!("{words}");
                callout::resolve(tx, &phone, alert, "daemon", &words)?;
            }
            Ok(())
        };
        self.store.write(write).await?;
        self.bell.notify_waiters();
        Ok(())
    }

    /// A canary to each intake address whose last one was sent long enough ago.
    async fn send_canaries(&self, now: Timestamp) -> Result<()> {
        let config = &self.policy.config;
        let (Some(canary), config::Send::Smtp(_)) = (&config.canary, &config.send) else { return Ok(()) };
        let every = SignedDuration::try_from(canary.every).unwrap_or(SignedDuration::from_mins(15));
        for address in config.accounts.iter().flat_map(|account| &account.intake).map(|intake| intake.address.clone()) {
            let asked = address.clone();
            let (newest, trip) = self.store.read(move |view| canaries::newest(view, &asked)).await?;
            trip.into_iter().for_each(|trip| self.health.round_trip(&address, trip));
            // A clock that was put back must not silence it either.
            if newest.is_some_and(|last| (now - every..=now).contains(&last.sent)) {
                continue;
            }
            let (policy, key) = (Arc::clone(&self.policy), self.store.token_key());
            self.store.write(move |tx| send_canary(tx, &policy.config, &key, &address, now)).await?;
            self.bell.notify_waiters();
        }
        Ok(())
    }

    /// A sign of life to somebody outside, while every part of us moves.
    pub async fn heartbeat(self) {
        let Some(heartbeat) = self.policy.config.heartbeat.clone() else { return };
        let mut failing = false;
        while !self.stop.is_cancelled() {
            self.health.moving("heartbeat", MOVE + heartbeat.every);
            if self.health.stuck().is_empty() {
                let beat = send::beat(&heartbeat, BEAT).await;
                match &beat {
                    Ok(()) if failing => tracing::info!("the heartbeat arrives again"),
                    Err(why) if !failing => tracing::error!(why, "the heartbeat does not arrive; trying on"),
                    _ => {}
                }
                failing = beat.is_err();
            }
            tokio::select! {
                () = tokio::time::sleep(heartbeat.every) => {}
                () = self.stop.cancelled() => {}
            }
        }
        self.health.ended("heartbeat");
    }
}

fn send_canary(tx: &Tx<'_>, config: &Config, key: &[u8; 32], address: &str, now: Timestamp) -> Result<()> {
    let id = canaries::sent(tx, address, now)?;
    let message_id = token::canary(key, &config.identity.domain, id);
    let parcel = canary::build(&config.identity, &config.sender(), address, &message_id, now);
    let row = NewRow {
        idempotent: &format!("canary/{id}"),
        case_id: None,
        alert: None,
        kind: Kind::Canary,
        channel: "",
        mail_from: parcel.mail_from.as_deref(),
        rcpt_to: address,
        raw: &parcel.raw,
        due: now,
    };
    outbox::add(tx, &row, now)?;
    Ok(())
}

/// Compares the clock with the time that really went by.
struct Drift {
    clock: Timestamp,
    steady: std::time::Instant,
    jumped: Option<(SignedDuration, Timestamp)>,
}

impl Drift {
    fn new(clock: &Clock) -> Self {
        Drift { clock: clock.now(), steady: std::time::Instant::now(), jumped: None }
    }

    /// The last jump, and when it was seen.
    fn look(&mut self, now: Timestamp) -> Option<(SignedDuration, Timestamp)> {
        let passed = SignedDuration::try_from(self.steady.elapsed()).unwrap_or(SignedDuration::ZERO);
        let by = now.duration_since(self.clock) - passed;
        (self.clock, self.steady) = (now, std::time::Instant::now());
        if by.abs() > JUMP {
            self.jumped = Some((by, now));
        }
        self.jumped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + minute * 60).unwrap()
    }

    fn config() -> Config {
        let canary = config::Canary { every: Duration::from_secs(900), within: Duration::from_secs(300) };
        Config { canary: Some(canary), ..crate::policy::Policy::shipped_config() }
    }

    fn found(seen: &Seen, now: Timestamp) -> Vec<String> {
        troubles(seen, &config(), now).into_keys().collect()
    }

    #[test]
    fn a_mailbox_that_was_not_read_for_ten_minutes_is_trouble_and_names_why() {
        let seen = Seen { accounts: vec![("ca".into(), at(0), Some("login refused".into()))], ..Seen::default() };
        assert_eq!(found(&seen, at(10)), [""; 0]);
        let later = troubles(&seen, &config(), at(11));
        assert_eq!(later["account ca"], "The mailbox ca has not been read for 11 min: login refused");
    }

    #[test]
    fn mail_that_does_not_leave_dead_letters_a_full_disk_and_faults_are_trouble() {
        let faults = BTreeMap::from([("reload".to_owned(), "refused".to_owned())]);
        let seen = Seen { waiting: Some(at(0)), dead: 2, free: Some(1), faults, ..Seen::default() };
        assert_eq!(found(&seen, at(5)), ["dead letters", "disk", "reload"]);
        assert_eq!(found(&seen, at(11)), ["dead letters", "disk", "outbox", "reload"]);
    }

    #[test]
    fn a_canary_that_is_late_is_trouble() {
        let seen = Seen { canaries: vec![("ca@example.org".into(), at(0))], ..Seen::default() };
        assert_eq!(found(&seen, at(5)), [""; 0]);
        assert_eq!(found(&seen, at(6)), ["canary ca@example.org"]);
    }

    #[test]
    fn a_clock_that_jumps_is_trouble_for_a_while() {
        let clock = Clock::manual(at(0));
        let mut drift = Drift::new(&clock);
        assert_eq!(drift.look(at(0)), None);
        let jumped = drift.look(at(60));
        assert_eq!(jumped.map(|(by, at)| (by.as_mins(), at)), Some((59, at(60))), "a moment really went by");
        let seen = Seen { jumped, ..Seen::default() };
        assert_eq!(found(&seen, at(61)), ["clock"]);
        assert_eq!(found(&seen, at(71)), [""; 0]);
    }
}
