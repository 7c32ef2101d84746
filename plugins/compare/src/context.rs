//! What a verb knows of the process it runs in.

use std::path::PathBuf;

use host::{CiFacts, Console, Environment, GitFacts};
use model::Timestamp;

use crate::error::Error;

/// The process, read once at its start.
#[derive(Debug)]
pub(crate) struct Context {
    /// The way out to a person.
    pub(crate) console: Console,
    /// The environment.
    pub(crate) env: Environment,
    /// The moment the process started.
    pub(crate) now: Timestamp,
}

impl Context {
    /// Looks at this process.
    pub(crate) fn of_process() -> Self {
        let env = Environment::of_process();
        let console = Console::detect(env.get("NO_COLOR").is_some(), env.get("COLUMNS"));
        Self {
            console,
            env,
            now: host::now(),
        }
    }

    /// Writes data to standard output.
    pub(crate) fn print(&self, text: &str) -> Result<(), Error> {
        self.console.print(text).map_err(|source| Error::Write {
            path: PathBuf::from("standard output"),
            source,
        })
    }

    /// What the CI system says of the run.
    pub(crate) fn ci(&self) -> CiFacts {
        CiFacts::read(&self.env)
    }

    /// What the checkout says of itself.
    pub(crate) fn git() -> GitFacts {
        GitFacts::read(&PathBuf::from("."))
    }
}
