//! Golden files: what people read is kept beside its cause, and a test shows every change of it.

use std::fs;
use std::path::{Path, PathBuf};

/// A path below the repository, wherever the test runs.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Compares `actual` with the golden file at `path`; with UPDATE_GOLDEN=1 writes it instead. Says what differs, if anything.
pub fn differs(path: &Path, actual: &str) -> Option<String> {
    if std::env::var_os("UPDATE_GOLDEN").is_some_and(|v| v == "1") {
        fs::write(path, actual).unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
        return None;
    }
    let wanted = fs::read_to_string(path).unwrap_or_default();
    if wanted == actual {
        return None;
    }
    let first = wanted.lines().zip(actual.lines()).position(|(a, b)| a != b);
    let line = first.unwrap_or_else(|| wanted.lines().count().min(actual.lines().count()));
    let around: Vec<_> = actual.lines().skip(line.saturating_sub(2)).take(8).collect();
    let (path, shown) = (path.display(), around.join("\n"));
    Some(format!("{path} differs at line {} (UPDATE_GOLDEN=1 writes it anew). It is now:\n{shown}", line + 1))
}
