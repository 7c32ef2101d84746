//! What can go wrong with a history: what was being done, to which object, and why it failed.

use std::{error::Error as StdError, fmt, io};

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure of the history itself (never of a test in it).
///
/// Shown as one lower-case fragment: what, which object, why, and a hint where one helps.
#[derive(Debug)]
pub struct Error {
    doing: &'static str,
    subject: String,
    kind: ErrorKind,
}

/// Why it failed.
#[derive(Debug, thiserror::Error)]
pub enum ErrorKind {
    /// The store could not read or write.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The object does not exist.
    #[error("there is no such object")]
    NotFound,
    /// The bytes are no file of this history, or not all of it.
    #[error("{0} (hint: `history verify` lists every damaged file; the rest can still be read)")]
    Corrupt(String),
    /// A later version of Sprag wrote it.
    #[error(
        "it has version {found}, this build reads up to {known} (hint: use the version of Sprag that wrote it, or a newer one)"
    )]
    TooNew {
        /// The version of the object.
        found: u32,
        /// The newest version that this build reads.
        known: u32,
    },
    /// The store cannot keep a history safe.
    #[error("{0}")]
    UnfitStore(String),
    /// The name of a store could not be understood.
    #[error("{0} (hint: write file:PATH, git:BRANCH or git:URL#BRANCH)")]
    BadLocation(String),
    /// Nobody has recorded anything there yet.
    #[error("there is no history (hint: `record` or `history import` makes one)")]
    NoHistory,
    /// The store can be read but not written with the rights at hand: a pull request from a fork, a token without write rights.
    #[error("{0} (hint: everything that was recorded can still be read)")]
    ReadOnly(String),
    /// The other side did not answer, or not in time: the same may work later.
    #[error("{0} (hint: run it again)")]
    Unavailable(String),
    /// Other writers were faster, many times in a row.
    #[error("other writers committed first {0} times in a row (hint: run it again)")]
    Contended(u32),
    /// An input file for an import could not be read at all.
    #[error("{0}")]
    Input(String),
}

impl Error {
    /// An error with its context.
    pub fn new(doing: &'static str, subject: &str, kind: ErrorKind) -> Self {
        Self {
            doing,
            subject: subject.to_owned(),
            kind,
        }
    }

    /// An error of damaged content.
    pub(crate) fn corrupt(subject: &str, why: impl fmt::Display) -> Self {
        Self::new("cannot read", subject, ErrorKind::Corrupt(why.to_string()))
    }

    /// Why it failed.
    pub fn kind(&self) -> &ErrorKind {
        &self.kind
    }

    /// The object or file that it failed on.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Whether there is no history yet.
    pub fn is_absent(&self) -> bool {
        matches!(self.kind, ErrorKind::NoHistory)
    }

    /// Whether the history is only not writable; reading it works.
    pub fn is_read_only(&self) -> bool {
        matches!(self.kind, ErrorKind::ReadOnly(_))
    }

    /// Whether the same may work later.
    pub fn is_unavailable(&self) -> bool {
        matches!(self.kind, ErrorKind::Unavailable(_))
    }

    /// Whether the object itself is at fault: damaged, of a later version, or gone. Everything else is a failure of the store, which says nothing of what it
    /// holds: an answer made without that object would be one with a hole in it.
    pub fn is_damage(&self) -> bool {
        let cut = [io::ErrorKind::UnexpectedEof, io::ErrorKind::InvalidData];
        let is_cut = matches!(&self.kind, ErrorKind::Io(io) if cut.contains(&io.kind()));
        let is_broken = matches!(self.kind, ErrorKind::Corrupt(_) | ErrorKind::TooNew { .. });
        is_cut || is_broken || self.is_not_found()
    }

    /// An absence of what must exist is a view that lags behind: the same may work later.
    pub(crate) fn lagging(self) -> Self {
        if !self.is_not_found() {
            return self;
        }
        let why = "the other side does not know it yet".to_owned();
        Self {
            kind: ErrorKind::Unavailable(why),
            ..self
        }
    }

    pub(crate) fn is_not_found(&self) -> bool {
        match &self.kind {
            ErrorKind::NotFound => true,
            ErrorKind::Io(io) => io.kind() == io::ErrorKind::NotFound,
            ErrorKind::Corrupt(_)
            | ErrorKind::TooNew { .. }
            | ErrorKind::UnfitStore(_)
            | ErrorKind::BadLocation(_)
            | ErrorKind::NoHistory
            | ErrorKind::ReadOnly(_)
            | ErrorKind::Unavailable(_)
            | ErrorKind::Contended(_)
            | ErrorKind::Input(_) => false,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`: {}", self.doing, self.subject, self.kind)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.kind)
    }
}

/// Adds what was being done to an I/O error.
pub(crate) trait Context<T> {
    /// Names the operation and its object.
    fn context(self, doing: &'static str, subject: &str) -> Result<T>;
}

impl<T> Context<T> for io::Result<T> {
    fn context(self, doing: &'static str, subject: &str) -> Result<T> {
        self.map_err(|error| {
            let kind = if error.kind() == io::ErrorKind::NotFound {
                ErrorKind::NotFound
            } else {
                ErrorKind::Io(error)
            };
            Error::new(doing, subject, kind)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Error, ErrorKind};

    #[test]
    fn an_error_says_what_which_and_why() {
        let error = Error::new("cannot open", "v1/x.parquet", ErrorKind::NotFound);
        assert_eq!(
            error.to_string(),
            "cannot open `v1/x.parquet`: there is no such object"
        );
    }
}
