//! What git says, understood: a line of a listing, and why a command failed.

use super::command;
use crate::{Error, ErrorKind, Result, store::RemoteEntry};

/// Whether a refused push met another one.
pub(super) fn is_race(said: &str) -> bool {
    let signs = [
        "stale info",
        "fetch first",
        "non-fast-forward",
        "cannot lock ref",
        "failed to update ref",
        "failed to lock",
        "incorrect old value",
        "reference already exists",
    ];
    let is_locked = said.contains("Unable to create") && said.contains("File exists");
    let is_met = is_locked || signs.iter().any(|sign| said.contains(sign));
    is_met && !is_denied(said)
}

/// Why a command failed, from what git said.
pub(super) fn kind_of(said: &str) -> ErrorKind {
    let what = command::harmless(said);
    if is_denied(said) {
        return ErrorKind::ReadOnly(what);
    }
    ErrorKind::Unavailable(what)
}

/// Whether git speaks of rights. Addresses and paths say nothing, whatever words are in them.
fn is_denied(said: &str) -> bool {
    let lower = said.to_lowercase();
    let words = lower.split_whitespace();
    let words: Vec<&str> = words.filter(|word| !word.contains(['/', '\\'])).collect();
    let said = words.join(" ");
    let signs = [
        "permission",
        "denied",
        "not granted",
        "read-only",
        "protected branch",
        "hook declined",
        "error: 403",
        "not authorized",
        "not allowed",
        "forbidden",
        "prohibited",
    ];
    signs.iter().any(|sign| said.contains(sign))
}

/// A line of `git ls-tree -l`: mode, type, id, size, tab, path; `None` for what is no file. A file whose size git does not know is one that did not come.
pub(super) fn entry_of(line: &str) -> Result<Option<RemoteEntry>> {
    let unclear = || {
        let why = format!("git lists `{}`", command::harmless(line));
        Error::new("cannot list", "the branch", ErrorKind::Unavailable(why))
    };
    let (facts, path) = line.split_once('\t').ok_or_else(unclear)?;
    let mut words = facts.split_ascii_whitespace().skip(1);
    let (Some(kind), Some(id), Some(size)) = (words.next(), words.next(), words.next()) else {
        return Err(unclear());
    };
    if kind != "blob" {
        return Ok(None);
    }
    Ok(Some(RemoteEntry {
        path: path.to_owned(),
        blob: id.to_owned(),
        size: size.parse().map_err(|_unknown| unclear())?,
    }))
}

#[cfg(test)]
mod tests {
    use super::{entry_of, is_race, kind_of};
    use crate::ErrorKind;

    #[test]
    fn rights_are_told_from_races_and_from_names() {
        let denied = |said: &str| matches!(kind_of(said), ErrorKind::ReadOnly(_));
        let url = "fatal: unable to access 'https://x/a/': The requested URL returned error: 403";
        assert!(denied(url));
        assert!(denied("ERROR: Permission to a/b.git denied to c."));
        assert!(denied(
            "! [remote rejected] x -> y (pre-receive hook declined)"
        ));
        for said in [
            "fatal: '/srv/permission-403/denied.git' does not appear to be a git repository",
            "fatal: unable to access 'https://x/403/forbidden.git/': Could not resolve host: x",
            "error: RPC failed; HTTP 502",
        ] {
            assert!(!denied(said), "{said}");
        }
        let lock = "error: cannot lock ref 'refs/heads/b': Unable to create '/x/b.lock': ";
        let race = |end: &str| is_race(&format!("{lock}{end}"));
        assert!(race("File exists."));
        assert!(!race("Permission denied") && !race("Read-only file system"));
    }

    #[test]
    fn a_size_that_git_does_not_know_is_no_listing() {
        let line = |size: &str| format!("100644 blob {} {size}\tv1/head", "a".repeat(40));
        assert_eq!(entry_of(&line("     7")).unwrap().unwrap().size, 7);
        assert!(entry_of(&line("    BAD")).is_err() && entry_of("x").is_err());
        let module = format!("160000 commit {}       -\tx", "a".repeat(40));
        assert!(entry_of(&module).unwrap().is_none());
    }
}
