//! Threads that judge: a mail is never parsed on the async runtime's small stack, because deep nesting overflows it
//! and an overflow aborts the process. Here the stack is 256 MiB (of address space: memory only where it is used).

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use tokio::sync::oneshot;

/// Stack of a judging thread, bytes.
const STACK: usize = 256 << 20;

type Job = Box<dyn FnOnce() + Send>;

/// As many judging threads as there are cores. Cheap to clone; they end with the last clone.
#[derive(Clone)]
pub struct Judges {
    jobs: mpsc::Sender<Job>,
}

impl Judges {
    /// Starts `threads` threads.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(threads: usize) -> std::io::Result<Self> {
        let (jobs, queue) = mpsc::channel::<Job>();
        let queue = Arc::new(Mutex::new(queue));
        for n in 0..threads.max(1) {
            let queue = Arc::clone(&queue);
            let work = move || {
                // The lock is held while waiting for a job, not while doing it.
                while let Ok(job) = { queue.lock().unwrap_or_else(PoisonError::into_inner).recv() } {
                    job();
                }
            };
            std::thread::Builder::new().name(format!("judge-{n}")).stack_size(STACK).spawn(work)?;
        }
        Ok(Judges { jobs })
    }

    /// Does `job` on a judging thread. `None` if it panicked: the caller decides what that means (law 2).
    pub async fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let (tell, told) = oneshot::channel();
        let boxed: Job = Box::new(move || {
            if let Ok(result) = catch_unwind(AssertUnwindSafe(job)) {
                let _ = tell.send(result);
            }
        });
        let _ = self.jobs.send(boxed);
        told.await.ok()
    }
}

/// Runs `job` on one thread with a judge's stack and waits for it: for commands.
///
/// # Errors
/// When the system gives no thread.
///
/// # Panics
/// With the job's own panic.
pub fn alone<T: Send>(job: impl FnOnce() -> T + Send) -> std::io::Result<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("judge".into()).stack_size(STACK).spawn_scoped(scope, job)?;
        thread.join().map_or_else(|panic| resume_unwind(panic), Ok)
    })
}

/// Runs `job` on every item, on as many threads with a judge's stack as there are cores; the results stand in the order of
/// the items.
///
/// # Errors
/// When the system gives no thread.
///
/// # Panics
/// With the job's own panic.
pub fn each<I: Sync, T: Send>(items: &[I], job: impl Fn(&I) -> T + Sync) -> std::io::Result<Vec<T>> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).clamp(1, items.len().max(1));
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::with_capacity(items.len() / threads + 1);
        while let Some((index, item)) = { Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|n| Some((n, items.get(n)?))) } {
            done.push((index, job(item)));
        }
        done
    };
    let mut results = std::thread::scope(|scope| {
        let start = |n| std::thread::Builder::new().name(format!("judge-{n}")).stack_size(STACK).spawn_scoped(scope, work);
        let started = (0..threads).map(start).collect::<std::io::Result<Vec<_>>>()?;
        let joined = started.into_iter().flat_map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
        std::io::Result::Ok(joined.collect::<Vec<_>>())
    })?;
    results.sort_by_key(|(index, _)| *index);
    Ok(results.into_iter().map(|(_, result)| result).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_item_is_judged_once_and_the_order_stays() {
        let items: Vec<usize> = (0..1_000).collect();
        assert_eq!(each(&items, |n| n + deep(10)).unwrap(), (0..1_000).map(|n| n + deep(10)).collect::<Vec<_>>());
        assert!(each(&[] as &[u8], |n| *n).unwrap().is_empty());
    }

    fn deep(levels: usize) -> usize {
        let ballast = std::hint::black_box([levels as u8; 1_000]);
        if levels == 0 { 0 } else { deep(levels - 1) + usize::from(ballast[0] == levels as u8) }
    }

    #[tokio::test]
    async fn judges_have_a_deep_stack_and_survive_a_panic() {
        let judges = Judges::start(1).unwrap();
        assert_eq!(judges.run(|| -> u8 { panic!("on purpose") }).await, None);
        // 60 MB of frames: thirty times the runtime's own stack.
        assert_eq!(judges.run(|| deep(60_000)).await, Some(60_000));
        assert_eq!(alone(|| deep(60_000)).unwrap(), 60_000);
    }
}
