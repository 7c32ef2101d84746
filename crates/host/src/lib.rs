//! How a plugin runs: arguments and environment in, files read and written, exit codes out.
//!
//! The core crates compute; this crate is where the outside world begins: the clock, the environment, the file system,
//! git and the terminal. It decides nothing.

mod ci;
mod clock;
mod console;
mod event;
mod exit;
mod files;
mod git;
mod progress;

pub use ci::{CiFacts, Environment};
pub use clock::now;
pub use console::Console;
pub use event::{BranchEvent, Event, MergeGroupEvent, PullRequestEvent, WorkflowRunEvent};
pub use exit::Exit;
pub use files::{FilesError, expand};
pub use git::GitFacts;
pub use progress::Progress;
