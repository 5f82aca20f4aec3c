//! Signals, and the service manager's protocol (sd_notify(3)): READY, STATUS, RELOADING, STOPPING, WATCHDOG.
//! Without a service manager every word of it goes nowhere, at no cost.

use std::sync::Mutex;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::signal::unix::{Signal as Unix, SignalKind, signal};

use crate::metrics::Health;

/// What a signal asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM, SIGINT: drain and stop.
    Stop,
    /// SIGHUP: read the files again.
    Reload,
}

/// The signals we listen to.
pub struct Signals {
    term: Unix,
    int: Unix,
    hup: Unix,
}

impl Signals {
    /// Starts listening.
    ///
    /// # Errors
    /// When the system refuses a handler.
    pub fn new() -> std::io::Result<Self> {
        Ok(Signals {
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
            hup: signal(SignalKind::hangup())?,
        })
    }

    /// The next signal.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.term.recv() => Signal::Stop,
            _ = self.int.recv() => Signal::Stop,
            _ = self.hup.recv() => Signal::Reload,
        }
    }
}

/// The service manager.
pub struct Manager {
    watchdog: Option<Duration>,
    note: Mutex<String>,
}

impl Default for Manager {
    fn default() -> Self {
        Manager::new()
    }
}

impl Manager {
    /// Asks the environment whether there is one, and whether it wants to be fed.
    pub fn new() -> Self {
        Manager { watchdog: sd_notify::watchdog_enabled(), note: Mutex::default() }
    }

    /// How often [`Manager::beat_once`] is to be called: thrice within the watchdog's time, at least every second.
    pub fn beat(&self) -> Duration {
        self.watchdog.map_or(Duration::from_secs(1), |time| (time / 3).min(Duration::from_secs(1))).max(Duration::from_millis(50))
    }

    /// Up and reading (or degraded, which STATUS says).
    pub fn ready(&self) {
        say(&[NotifyState::Ready]);
    }

    /// Reading the files again; [`Manager::ready`] must follow.
    pub fn reloading(&self) {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => say(&[NotifyState::Reloading, now]),
            Err(_) => say(&[NotifyState::Reloading]),
        }
    }

    /// On the way down.
    pub fn stopping(&self) {
        say(&[NotifyState::Stopping]);
    }

    /// A word that stands in front of the status until it is replaced.
    pub fn note(&self, note: &str) {
        note.clone_into(&mut self.note.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    }

    /// Says how we are; feeds the watchdog only while every loop keeps its promise to move.
    pub fn beat_once(&self, health: &Health) {
        let stuck = health.stuck();
        let note = self.note.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        let mut status = health.status();
        if !note.is_empty() {
            status = format!("{note}; {status}");
        }
        if stuck.is_empty() {
            say(&[NotifyState::Status(&status), NotifyState::Watchdog]);
        } else {
            tracing::error!(loops = stuck.join(", "), "these loops do not move; the watchdog is not fed");
            say(&[NotifyState::Status(&format!("stuck: {}; {status}", stuck.join(", ")))]);
        }
    }
}

fn say(states: &[NotifyState<'_>]) {
    // Nobody listening is the ordinary case outside systemd.
    let _ = sd_notify::notify(states);
}
