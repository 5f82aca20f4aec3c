//! The demo.

/// Runs it.
///
/// # Errors
/// When a folder cannot be made.
pub async fn run() -> anyhow::Result<()> {
    Ok(())
}
