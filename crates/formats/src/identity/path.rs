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

/// Directories that stand first in the absolute paths of machines, not in the routes of a web application.
const MACHINES: [&str; 14] = [
    "home",
    "Users",
    "root",
    "tmp",
    "var",
    "private",
    "opt",
    "mnt",
    "builds",
    "github",
    "__w",
    "workspace",
    "codebuild",
    "usr",
];

/// `/home/a/b`, `/a/b.js`, `C:\a\b`, `C:/a/b`, `\\host\a`; not `/api/users`, and no path that only begins a longer name.
fn is_absolute(path: &str) -> bool {
    let mut bytes = path.bytes();
    let drive = bytes.next().is_some_and(|b| b.is_ascii_alphabetic())
        && bytes.next() == Some(b':')
        && matches!(bytes.next(), Some(b'/' | b'\\'));
    let longer = path.contains(" › ");
    (is_unix(path) || drive || path.starts_with("\\\\")) && !longer
}

fn is_unix(path: &str) -> bool {
    let Some(rest) = path.strip_prefix('/') else {
        return false;
    };
    let mut parts = rest.split('/');
    let machine = parts.next().is_some_and(|first| MACHINES.contains(&first));
    let file = parts.next_back().and_then(|name| name.rsplit_once('.'));
    let is_file = |(stem, extension): (&str, &str)| {
        !stem.is_empty()
            && extension.len() <= 5
            && extension.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    machine || file.is_some_and(is_file)
}
