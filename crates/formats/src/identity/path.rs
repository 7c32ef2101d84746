//! Absolute paths: cut to what is the same on every machine.

use std::borrow::Cow;

/// Directories that projects keep tests or sources in: a path is the same on every machine from the first of these on.
const ROOTS: [&str; 24] = [
    "test",
    "tests",
    "spec",
    "specs",
    "src",
    "e2e",
    "cypress",
    "__tests__",
    "features",
    "lib",
    "app",
    "apps",
    "packages",
    "pkg",
    "crates",
    "modules",
    "internal",
    "cmd",
    "integration",
    "unit",
    "Assets",
    "bin",
    "build",
    "target",
];

/// A name that is an absolute path as a whole, from the first directory on that is part of a project, else its file name;
/// any other name as it is.
pub(super) fn relative(name: &str) -> Cow<'_, str> {
    let path = name.strip_prefix("file://").unwrap_or(name);
    if !is_absolute(path) {
        return Cow::Borrowed(name);
    }
    let parts: Vec<&str> = path.split(['/', '\\']).collect();
    let own = parts.len().saturating_sub(1);
    let root = parts
        .iter()
        .take(own)
        .position(|part| ROOTS.contains(part))
        .unwrap_or(own);
    Cow::Owned(parts.get(root..).unwrap_or_default().join("/"))
}

/// `/a/b`, `C:\a\b`, `C:/a/b`, `\\host\a`; a lone `/` route or a name with blanks before its path is none.
fn is_absolute(path: &str) -> bool {
    let unix = path.starts_with('/') && path.matches('/').count() >= 2;
    let mut start = path.bytes();
    let drive = start.next().is_some_and(|b| b.is_ascii_alphabetic())
        && start.next() == Some(b':')
        && matches!(start.next(), Some(b'/' | b'\\'));
    let multi_word = path.contains(" › ");
    (unix || drive || path.starts_with("\\\\")) && !multi_word
}
