//! How far a long command is: a bar on a terminal, nothing elsewhere.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar on standard error.
pub(super) struct Progress(ProgressBar);

impl Progress {
    /// Begins at nothing of `all`. Hidden where standard error is no terminal.
    pub(super) fn start(all: u64) -> Progress {
        let bar = ProgressBar::with_draw_target(Some(all), ProgressDrawTarget::stderr());
        // The template is ours: a slip in it falls back to the library's own.
        let style = ProgressStyle::with_template("{bar:40} {pos}/{len} mails, {eta} left");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Progress(bar)
    }

    /// So many are done.
    pub(super) fn at(&self, done: u64) {
        self.0.set_position(done);
    }

    /// All is done: the bar goes.
    pub(super) fn end(&self) {
        self.0.finish_and_clear();
    }
}
