//! Why a verb could not do its work, and which exit code says so.

use std::path::PathBuf;

use host::{Exit, FilesError};

/// Why a verb could not do its work. Shown once, by `run`, after `sprag-compare: `.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A pattern of the user means no file.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// An argument cannot be used.
    #[error("{what} (hint: {hint})")]
    Argument {
        /// What is wrong with it.
        what: String,
        /// What to do instead.
        hint: String,
    },
    /// A file that the user asked for cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The history cannot be used.
    #[error(transparent)]
    History(#[from] history::Error),
    /// GitHub did not do what was asked.
    #[error(transparent)]
    Github(#[from] github::Error),
}

impl Error {
    /// An argument that cannot be used.
    pub(crate) fn argument(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Argument {
            what: what.into(),
            hint: hint.into(),
        }
    }

    /// 2 for what the user can mend in the arguments, 3 for everything that kept Sprag from deciding.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Files(_) | Self::Argument { .. } => Exit::Usage,
            Self::Write { .. } | Self::History(_) | Self::Github(_) => Exit::Undecided,
        }
    }
}
