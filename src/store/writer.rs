//! The one thread that writes. Jobs that wait together are committed together, each in a savepoint of its own:
//! one failing job takes none of the others with it, and one `fsync` serves them all.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{Result, StoreError, Tx};

/// Jobs that share one commit at most: bounds how long the first of them waits for its answer.
const GROUP: usize = 48;

/// A job that has run: tells its caller, given how the commit went.
type Tell = Box<dyn FnOnce(Result<()>) + Send>;
/// A job: runs inside the transaction it is given; returns whether its savepoint is to be kept, and who is to be told.
type Job = Box<dyn FnOnce(&Connection) -> (bool, Tell) + Send>;

pub(super) struct Writer {
    jobs: mpsc::Sender<Job>,
}

impl Writer {
    /// Starts the thread; it ends, closing the connection, when the `Writer` is dropped.
    pub fn start(connection: Connection) -> Result<Self> {
        let (jobs, queue) = mpsc::channel::<Job>();
        let run = move || {
            while let Ok(first) = queue.recv() {
                commit_group(&connection, first, &queue);
            }
        };
        let thread = std::thread::Builder::new().name("store-writer".into()).spawn(run);
        thread.map_err(|e| StoreError::Io(format!("the system gives no thread: {e}")))?;
        Ok(Writer { jobs })
    }

    /// Queues a job; the receiver gets its result once it is on disk.
    pub fn submit<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Tx<'_>) -> Result<T> + Send + 'static,
    ) -> oneshot::Receiver<Result<T>> {
        let (tell, told) = oneshot::channel();
        let boxed: Job = Box::new(move |connection| {
            // In autocommit there is no transaction to run in: what it wrote would stand alone. The group's error is told.
            let result = if connection.is_autocommit() { Err(StoreError::Busy) } else { guarded(job, connection) };
            let keep = result.is_ok();
            let tell: Tell = Box::new(move |committed| {
                let _ = tell.send(committed.and(result));
            });
            (keep, tell)
        });
        // A send can fail only when the thread is gone; then the receiver says so by itself.
        let _ = self.jobs.send(boxed);
        told
    }
}

/// A job that panics is a failed job: the thread and the others' work go on.
fn guarded<T>(job: impl FnOnce(&Tx<'_>) -> Result<T>, connection: &Connection) -> Result<T> {
    catch_unwind(AssertUnwindSafe(|| job(&Tx(connection))))
        .unwrap_or_else(|panic| Err(StoreError::Broken(format!("a write panicked: {}", words(&*panic)))))
}

fn words(panic: &(dyn Any + Send)) -> &str {
    panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no words")
}

fn commit_group(connection: &Connection, first: Job, queue: &mpsc::Receiver<Job>) {
    let mut tells = Vec::new();
    let mut outcome = connection.execute_batch("BEGIN IMMEDIATE").map_err(StoreError::from);
    let mut next = Some(first);
    while let Some(job) = next.take() {
        tells.push(run(connection, job));
        if outcome.is_ok() && connection.is_autocommit() {
            // SQLite itself gave the whole transaction up, as it does when the disk is full.
            outcome = Err(StoreError::Full);
        }
        if outcome.is_ok() && tells.len() < GROUP {
            next = queue.try_recv().ok();
        }
    }
    if outcome.is_ok() {
        outcome = connection.execute_batch("COMMIT").map_err(StoreError::from);
    }
    if !connection.is_autocommit() {
        // After a failed COMMIT the transaction may still be open; if this fails too, the next BEGIN says so.
        let _ = connection.execute_batch("ROLLBACK");
    }
    for tell in tells {
        tell(outcome.clone());
    }
}

fn run(connection: &Connection, job: Job) -> Tell {
    // Outside a transaction a savepoint would open one of its own: the job sees autocommit and refuses.
    let inside = !connection.is_autocommit() && connection.execute_batch("SAVEPOINT job").is_ok();
    let (keep, tell) = job(connection);
    if !inside || connection.is_autocommit() {
        return tell;
    }
    let end = if keep { "RELEASE job" } else { "ROLLBACK TO job; RELEASE job" };
    match connection.execute_batch(end).map_err(StoreError::from) {
        Ok(()) => tell,
        Err(error) => Box::new(move |_| tell(Err(error))),
    }
}
