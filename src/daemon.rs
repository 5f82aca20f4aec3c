//! The daemon on one page: what runs, who watches it, how it is told to reload and to stop. Only this file spawns.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::console::Console;
use crate::deliver::{self, Deliver};
use crate::escalate::Escalate;
use crate::intake::{Budget, Intake};
use crate::judges::Judges;
use crate::metrics::{Condition, Health};
use crate::policy::Policy;
use crate::service::{self, Manager};
use crate::store::{Role, Store};
use crate::watch::Watch;

/// How long the loops have to finish what is in hand when they are told to stop.
const DRAIN: Duration = Duration::from_secs(3);
/// READY is not held back longer than this by a mailbox that does not answer.
const FIRST_LOOK: Duration = Duration::from_secs(20);
/// Files are compared this often even if nobody says they changed: not every file system tells.
const COMPARE: Duration = Duration::from_secs(30);

/// What the daemon starts from.
pub struct Start {
    /// The checked policy.
    pub policy: Policy,
    /// The config file it came from and is reloaded from; `None`: no reload (the demo).
    pub path: Option<PathBuf>,
    /// What time it is.
    pub clock: Clock,
    /// Cancel to drain and stop.
    pub stop: CancellationToken,
}

/// Runs until told to stop by `start.stop`, SIGTERM or SIGINT.
///
/// # Errors
/// When it cannot start: the store is locked, newer, or not to be opened; no threads.
pub async fn run(start: Start) -> anyhow::Result<()> {
    let Start { policy, path, clock, stop } = start;
    let store = Store::open(&policy.config.store.path, Role::Daemon)?;
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let shared = Shared {
        store,
        clock,
        judges: Judges::start(cores)?,
        bell: Arc::default(),
        gate: Arc::default(),
        health: Health::default(),
        manager: Manager::new(),
    };
    let mut signals = service::Signals::new()?;
    let mut running = Running::start(&shared, Arc::new(policy));
    let mut changes = path.as_deref().map(|path| Changes::watch(path, &running.policy, running.policy.fingerprint(path)));
    let mut beat = tokio::time::interval(shared.manager.beat());
    let mut ready = false;
    let born = tokio::time::Instant::now();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            signal = signals.next() => match signal {
                service::Signal::Stop => break,
                service::Signal::Reload => running.reload(&shared, path.as_deref(), &mut changes).await,
            },
            () = changed(&mut changes) => running.reload(&shared, path.as_deref(), &mut changes).await,
            _ = beat.tick() => {
                if !ready && (shared.health.all_tried() || born.elapsed() > FIRST_LOOK) {
                    ready = true;
                    shared.manager.ready();
                }
                shared.manager.beat_once(&shared.health);
            }
        }
    }
    tracing::info!("stopping");
    shared.manager.stopping();
    running.stop(&shared).await;
    tracing::info!("stopped");
    Ok(())
}

async fn changed(changes: &mut Option<Changes>) {
    match changes {
        Some(changes) => changes.next().await,
        None => std::future::pending().await,
    }
}

/// What outlives a reload.
struct Shared {
    store: Store,
    clock: Clock,
    judges: Judges,
    bell: Arc<Notify>,
    gate: deliver::Gate,
    health: Health,
    manager: Manager,
}

/// The loops of one policy.
struct Running {
    policy: Arc<Policy>,
    stop: CancellationToken,
    loops: JoinSet<()>,
}

impl Running {
    /// Starts every loop. Nothing here can fail: a reload that ended the old loops must not end without new ones.
    fn start(shared: &Shared, policy: Arc<Policy>) -> Self {
        let mut running = Running { policy, stop: CancellationToken::new(), loops: JoinSet::new() };
        running.deliveries(shared);
        running.escalation(shared);
        running.watch(shared);
        running.console(shared);
        running.intakes(shared);
        for warning in &running.policy.warnings {
            tracing::warn!("{warning}");
        }
        tracing::info!(
            accounts = running.policy.config.accounts.len(),
            rules = running.policy.rules.len(),
            rules_hash = running.policy.rules.hash(),
            "running"
        );
        running
    }

    fn intakes(&mut self, shared: &Shared) {
        let intake = Intake {
            store: shared.store.clone(),
            policy: Arc::clone(&self.policy),
            clock: shared.clock.clone(),
            judges: shared.judges.clone(),
            budget: Budget::new(&self.policy),
            bell: Arc::clone(&shared.bell),
            health: shared.health.clone(),
            stop: self.stop.clone(),
        };
        for account in self.policy.config.accounts.clone() {
            shared.health.account(&account.id, Condition::Starting);
            let intake = Intake { budget: intake.budget.for_account(), ..intake.clone() };
            self.supervise(account.id.clone(), move || intake.clone().watch(account.clone()));
        }
    }

    fn deliveries(&mut self, shared: &Shared) {
        let deliver = Deliver {
            store: shared.store.clone(),
            send: self.policy.config.send.clone(),
            webhooks: self.policy.config.webhooks.clone(),
            clock: shared.clock.clone(),
            bell: Arc::clone(&shared.bell),
            gate: Arc::clone(&shared.gate),
            in_hand: Arc::default(),
            cleared: CancellationToken::new(),
            health: shared.health.clone(),
            stop: self.stop.clone(),
        };
        let leases = deliver.clone();
        self.supervise("leases".into(), move || leases.clone().leases());
        let lanes = deliver::lanes(deliver.connections(), &self.policy.config.webhooks);
        for (n, lane) in lanes.into_iter().enumerate() {
            let deliver = deliver.clone();
            let name = format!("deliver-{n}");
            self.supervise(name.clone(), move || deliver.clone().work(name.clone(), lane.clone()));
        }
    }

    fn escalation(&mut self, shared: &Shared) {
        let escalate = Escalate {
            store: shared.store.clone(),
            policy: Arc::clone(&self.policy),
            clock: shared.clock.clone(),
            bell: Arc::clone(&shared.bell),
            health: shared.health.clone(),
            stop: self.stop.clone(),
        };
        self.supervise("escalate".into(), move || escalate.clone().work());
    }

    fn console(&mut self, shared: &Shared) {
        let console = Console {
            store: shared.store.clone(),
            policy: Arc::clone(&self.policy),
            clock: shared.clock.clone(),
            health: shared.health.clone(),
            stop: self.stop.clone(),
        };
        if self.policy.config.http.is_some() {
            self.supervise("http".into(), move || console.clone().serve());
        }
    }

    fn watch(&mut self, shared: &Shared) {
        let watch = Watch {
            store: shared.store.clone(),
            policy: Arc::clone(&self.policy),
            clock: shared.clock.clone(),
            bell: Arc::clone(&shared.bell),
            health: shared.health.clone(),
            stop: self.stop.clone(),
        };
        let beating = watch.clone();
        self.supervise("watch".into(), move || watch.clone().work());
        if self.policy.config.heartbeat.is_some() {
            self.supervise("heartbeat".into(), move || beating.clone().heartbeat());
        }
    }

    /// Runs a loop as a task of its own; one that panics is said so and started again.
    fn supervise<F: Future<Output = ()> + Send + 'static>(&mut self, name: String, start: impl Fn() -> F + Send + 'static) {
        let stop = self.stop.clone();
        self.loops.spawn(async move {
            loop {
                match tokio::spawn(Guarded(start()).run(stop.clone())).await {
                    Ok(()) => return,
                    Err(_) if stop.is_cancelled() => return,
                    Err(_) => {
                        tracing::error!(name, "this loop failed on a fault of ours; it is started again");
                        tokio::time::sleep(Duration::from_secs(1)).await;
                    }
                }
            }
        });
    }

    /// Law 8: a policy that is wrong in anything changes nothing, loudly.
    async fn reload(&mut self, shared: &Shared, path: Option<&Path>, changes: &mut Option<Changes>) {
        let Some(path) = path else { return };
        shared.manager.reloading();
        // Before anything is read: what is saved from here on differs from it, and is loaded in its turn.
        let seen = self.policy.fingerprint(path);
        match load(path, &self.policy).await {
            Ok(policy) => {
                self.swap(shared, policy).await;
                if let Some(changes) = changes {
                    *changes = Changes::watch(path, &self.policy, seen);
                }
            }
            Err(faults) => {
                tracing::error!("the changed files are not taken over, the old policy stays in force:\n{faults}");
                shared.manager.note("reload refused: the old policy stays in force");
                let words = "A reload was refused, the old policy stays in force: see triaged check";
                shared.health.fault("reload", Some(words.into()));
            }
        }
        shared.manager.ready();
    }

    async fn swap(&mut self, shared: &Shared, policy: Policy) {
        self.stop(shared).await;
        *self = Running::start(shared, Arc::new(policy));
        shared.manager.note("");
        tracing::info!("reloaded");
    }

    /// Tells every loop to finish and waits; what has not ended by then is cut off, and loses nothing.
    async fn stop(&mut self, shared: &Shared) {
        self.stop.cancel();
        let ended = tokio::time::timeout(DRAIN, async { while self.loops.join_next().await.is_some() {} }).await;
        if ended.is_err() {
            tracing::warn!("some loops did not end in time; what they had in hand is done again");
            self.loops.shutdown().await;
        }
        shared.health.forget();
    }
}

/// A loop's future that is cut off a little before [`DRAIN`] ends, so that its task cannot outlive the supervisor's.
struct Guarded<F>(F);

impl<F: Future<Output = ()>> Guarded<F> {
    async fn run(self, stop: CancellationToken) {
        let late = async {
            stop.cancelled().await;
            tokio::time::sleep(DRAIN - Duration::from_millis(200)).await;
        };
        tokio::select! {
            () = self.0 => {}
            () = late => {}
        }
    }
}

async fn load(path: &Path, old: &Policy) -> Result<Policy, String> {
    let path = path.to_path_buf();
    let loaded = tokio::task::spawn_blocking(move || Policy::load(&path)).await;
    let policy = loaded.map_err(|_| "reading the files failed on a fault of ours".to_owned())?.map_err(|f| f.to_string())?;
    if policy.config.store.path != old.config.store.path {
        return Err("[store] path cannot change while the daemon runs: restart it for that".into());
    }
    Ok(policy)
}

/// Watches the files of a policy. The folders are watched, not the files: editors replace files by renaming.
struct Changes {
    differ: mpsc::Receiver<()>,
    task: JoinHandle<()>,
    // Ends the watching when it is dropped.
    _watcher: Option<notify::RecommendedWatcher>,
}

impl Changes {
    /// Tells from now on when the files differ from what they were when `seen` was taken.
    fn watch(path: &Path, policy: &Arc<Policy>, seen: [u8; 32]) -> Self {
        let (tell, told) = mpsc::channel(1);
        let (say, differ) = mpsc::channel(1);
        // A task of its own: whoever waits for its word may stop waiting at any time, and nothing is missed.
        let task = tokio::spawn(compare(path.to_path_buf(), Arc::clone(policy), seen, told, say));
        Changes { differ, task, _watcher: watcher(path, policy, tell) }
    }

    /// Returns when the files differ from what was last seen.
    async fn next(&mut self) {
        if self.differ.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Changes {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Asks the system to tell of changes. Where it cannot, the files are compared now and then all the same.
fn watcher(path: &Path, policy: &Policy, tell: mpsc::Sender<()>) -> Option<notify::RecommendedWatcher> {
    let config = path.file_name().map(std::ffi::OsStr::to_owned);
    let ours = move |path: &PathBuf| {
        let ending = path.extension();
        ending.is_some_and(|ending| ending == "toml" || ending == "txt" || ending == "ics")
            || path.file_name() == config.as_deref()
    };
    let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // Our own reading is no change, nor is another file of the folder (the store's, say). One waiting word is enough.
        if event.is_ok_and(|event| !event.kind.is_access() && event.paths.iter().any(&ours)) {
            let _ = tell.try_send(());
        }
    });
    let mut watcher = watcher.ok()?;
    for folder in policy.folders(path) {
        if let Err(error) = notify::Watcher::watch(&mut watcher, &folder, notify::RecursiveMode::NonRecursive) {
            tracing::warn!(%error, "changes of a folder are not told to us; it is compared every {} s", COMPARE.as_secs());
        }
    }
    Some(watcher)
}

async fn compare(path: PathBuf, policy: Arc<Policy>, mut seen: [u8; 32], mut told: mpsc::Receiver<()>, say: mpsc::Sender<()>) {
    loop {
        // Without a watcher nobody tells: then `recv` ends at once, for ever, and only the clock counts.
        let word = async {
            if told.recv().await.is_none() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = word => {}
            () = tokio::time::sleep(COMPARE) => {}
        }
        // Let whoever writes finish.
        tokio::time::sleep(Duration::from_millis(300)).await;
        while told.try_recv().is_ok() {}
        let (path, policy) = (path.clone(), Arc::clone(&policy));
        let print = tokio::task::spawn_blocking(move || policy.fingerprint(&path)).await;
        if let Ok(print) = print
            && print != seen
        {
            seen = print;
            let _ = say.try_send(());
        }
    }
}
