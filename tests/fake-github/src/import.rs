//! Commits of a git repository on this machine, with the names that they have there.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::git::{Objects, Sha};
use crate::state::World;

/// Branches and tags of a repository, and everything that they reach.
#[derive(Default)]
pub(crate) struct Imported {
    objects: Objects,
    refs: BTreeMap<String, Sha>,
}

fn git(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    command
        .arg("-C")
        .arg(folder)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    command
}

fn output(folder: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = git(folder, arguments)
        .output()
        .map_err(|error| format!("git: {error}"))?;
    if !output.status.success() {
        return Err(format!(
            "git {}: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        ));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Reads a repository with the `git` of this machine.
///
/// # Errors
/// What git says.
pub(crate) fn read(folder: &Path) -> Result<Imported, String> {
    let listed = output(
        folder,
        &[
            "for-each-ref",
            "--format=%(objectname) %(refname)",
            "refs/heads",
            "refs/tags",
        ],
    )?;
    let refs = listed.lines().filter_map(|line| line.split_once(' '));
    let mut imported = Imported {
        refs: refs
            .map(|(sha, name)| (name.to_owned(), sha.to_owned()))
            .collect(),
        ..Imported::default()
    };
    let names = output(
        folder,
        &["rev-list", "--all", "--objects", "--no-object-names"],
    )?;
    imported.take(&batch(folder, names)?);
    Ok(imported)
}

/// The objects in the form of `git cat-file --batch`: a line with name, kind and size, the bytes, a line feed.
fn batch(folder: &Path, names: String) -> Result<Vec<u8>, String> {
    let broken = |error: std::io::Error| format!("git cat-file: {error}");
    let mut child = git(folder, &["cat-file", "--batch"])
        .spawn()
        .map_err(broken)?;
    let input = child.stdin.take();
    // Beside the reader: git stops reading when nobody takes what it writes.
    let writer =
        std::thread::spawn(move || input.map(|mut input| input.write_all(names.as_bytes())));
    let mut bytes = Vec::new();
    if let Some(mut out) = child.stdout.take() {
        out.read_to_end(&mut bytes).map_err(broken)?;
    }
    drop(writer.join());
    child.wait().map_err(broken)?;
    Ok(bytes)
}

impl Imported {
    fn take(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some((head, body)) = line(rest) {
            let mut words = head.split(' ');
            let (Some(_), Some(kind), Some(size)) = (words.next(), words.next(), words.next())
            else {
                return;
            };
            let Some((object, after)) = size
                .parse()
                .ok()
                .and_then(|size| body.split_at_checked(size))
            else {
                return;
            };
            self.objects.put_raw(kind, object);
            rest = after.get(1..).unwrap_or_default();
        }
    }
}

fn line(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let (line, rest) = bytes.split_at_checked(end)?;
    Some((std::str::from_utf8(line).ok()?, rest.get(1..)?))
}

impl World {
    /// Puts imported branches, tags and objects into a repository; the branches that it had are replaced.
    pub(crate) fn import(&mut self, repo: &str, imported: Imported) -> Result<(), String> {
        self.ensure_repo(repo);
        let missing = |_| format!("there is no {repo}");
        self.objects_mut(repo)
            .map_err(missing)?
            .extend(imported.objects);
        let known = self.repo_mut(repo).map_err(missing)?;
        let first = imported
            .refs
            .keys()
            .find_map(|name| name.strip_prefix("refs/heads/"));
        if !imported.refs.contains_key("refs/heads/main") {
            first
                .unwrap_or("main")
                .clone_into(&mut known.default_branch);
        }
        known.refs = imported.refs;
        known.ref_fresh.clear();
        Ok(())
    }
}
