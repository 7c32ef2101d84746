//! What a plugin's exit code says. The codes are an interface: scripts rely on them.

use std::process::ExitCode;

/// How a plugin ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: done; for `check`, nothing blocks.
    Clear,
    /// 1: `check` found something that blocks by policy; `history verify` found damage.
    Blocked,
    /// 2: the arguments cannot be used: a wrong flag, no matching file.
    Usage,
    /// 3: Sprag itself could not decide. Never the user's failure, and never success.
    Undecided,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Clear => 0,
            Exit::Blocked => 1,
            Exit::Usage => 2,
            Exit::Undecided => 3,
        })
    }
}
