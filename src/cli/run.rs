//! `triaged run` and `triaged demo`: the daemon, with its logs set up.

use std::io::IsTerminal;
use std::path::Path;

use tokio_util::sync::CancellationToken;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use super::{Answer, Failure, OK};
use crate::clock::Clock;
use crate::daemon::{self, Start};
use crate::store::StoreError;

pub(super) fn run(config: Option<&Path>) -> Answer {
    let path = super::config_path(config)?;
    let policy = super::policy(config)?;
    logs();
    let start = Start { policy, path: Some(path), clock: Clock::System, stop: CancellationToken::new() };
    let runtime = runtime()?;
    let ran = runtime.block_on(daemon::run(start));
    // A name look-up or a hung file system may hold a thread for minutes; nothing of it is ours to wait for.
    runtime.shutdown_timeout(std::time::Duration::from_millis(500));
    ran.map_err(|error| ended(&error))?;
    Ok(OK)
}

/// What may pass by itself must not end with the code that the service manager takes for "do not start it again".
fn ended(error: &anyhow::Error) -> Failure {
    let words = format!("error: {error:#}");
    match error.downcast_ref::<StoreError>() {
        // A folder that is not there may be a disk that is not mounted yet.
        Some(error) if error.passes() || matches!(error, StoreError::Io(_)) => Failure::No(words),
        _ => Failure::Misuse(words),
    }
}

pub(super) fn demo() -> Answer {
    runtime()?.block_on(crate::demo::run()).map_err(|error| Failure::No(format!("error: {error:#}")))?;
    Ok(OK)
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("triaged").build()
}

/// Text on a terminal, the journal where systemd listens, else JSON on standard error. `RUST_LOG` chooses what is
/// logged, but never what would write passwords or mail: those libraries are capped whatever it says.
fn logs() {
    let filter = ["async_imap=info", "imap_proto=info", "lettre=info", "rustls=warn", "html5gum=info"]
        .into_iter()
        .filter_map(|cap| cap.parse().ok())
        .fold(EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info")), EnvFilter::add_directive);
    let journal = std::env::var_os("JOURNAL_STREAM").and_then(|_| tracing_journald::layer().ok());
    let layer = match journal {
        Some(journal) => journal.boxed(),
        None if std::io::stderr().is_terminal() => {
            tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false).boxed()
        }
        None => tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(std::io::stderr).boxed(),
    };
    // A second set-up in one process (tests) changes nothing.
    let _ = tracing_subscriber::registry().with(filter).with(layer).try_init();
}
