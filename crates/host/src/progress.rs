//! A progress bar for long work, seen only on a terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::Console;

/// A progress bar on standard error, or nothing when that is no terminal.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A bar of `total` steps with a word for the work; an unknown total (0) shows a spinner and a count.
    pub fn new(console: Console, what: &'static str, total: u64) -> Self {
        let bar = if console.progress {
            ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(10))
        } else {
            ProgressBar::hidden()
        };
        let template = if total == 0 {
            "{spinner} {msg} {human_pos} ({per_sec})"
        } else {
            "{msg} [{bar:30}] {human_pos}/{human_len} {eta}"
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_message(what);
        Self { bar }
    }

    /// Moves to `done` steps.
    pub fn at(&self, done: u64) {
        self.bar.set_position(done);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
