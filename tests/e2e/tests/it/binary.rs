//! The binary under test, built once.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// The path of `sprag-compare`: what `SPRAG_COMPARE` names, for example a release, else built with the profile and target folder of this test.
pub(crate) fn sprag_compare() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(named) = std::env::var_os("SPRAG_COMPARE") {
            return PathBuf::from(named).canonicalize().unwrap();
        }
        let built = Command::new(env!("CARGO"))
            .args([
                "build",
                "--quiet",
                "--locked",
                "-p",
                "sprag-compare",
                "--message-format=json",
            ])
            .args((!cfg!(debug_assertions)).then_some("--release"))
            .current_dir(root())
            .output()
            .unwrap();
        assert!(
            built.status.success(),
            "{}",
            String::from_utf8_lossy(&built.stderr)
        );
        executable(&String::from_utf8(built.stdout).unwrap())
    })
}

fn executable(messages: &str) -> PathBuf {
    let values = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let executable = values
        .filter_map(|value| value["executable"].as_str().map(PathBuf::from))
        .next_back();
    executable.expect("cargo names the binary it built")
}

/// A command of the binary in `folder`, with nothing of the caller's CI or git in its environment.
pub(crate) fn command(folder: &Path) -> Command {
    let mut command = Command::new(sprag_compare());
    command.current_dir(folder).env_clear();
    for kept in ["PATH", "HOME", "TMPDIR", "SYSTEMROOT", "LLVM_PROFILE_FILE"] {
        if let Some(value) = std::env::var_os(kept) {
            command.env(kept, value);
        }
    }
    command.env("GIT_CEILING_DIRECTORIES", folder.parent().unwrap_or(folder));
    command
}

/// Runs the binary and gives what it printed.
pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Output {
    command(folder).args(arguments).output().unwrap()
}

/// Runs the binary, which must end well, and gives its standard output.
#[track_caller]
pub(crate) fn stdout(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{arguments:?}: {:?}: {errors}",
        output.status
    );
    String::from_utf8(output.stdout).unwrap()
}
