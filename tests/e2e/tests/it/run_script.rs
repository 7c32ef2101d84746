//! `action/run.sh`, run with bash as a runner does, against a web server on this machine.
//!
//! What it must never do is run a byte that `checksums.txt` does not vouch for.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

use sha2::Digest as _;

use crate::binary::root;

/// What stands for the binary: it says that it ran, and with which arguments.
const PROGRAM: &str = "#!/bin/sh\necho \"ran $*\"\n";
const ASSET: &str = "sprag-compare-x86_64-unknown-linux-musl";

#[test]
fn a_good_checksum_runs_and_the_next_job_finds_it_in_the_cache() {
    let action = Action::release(PROGRAM);
    let mirror = Mirror::serve([(action.path(), Answer::Whole(packed(PROGRAM)))]);
    assert_eq!(action.run(&mirror.url()), (0, "ran action\n".to_owned()));
    assert_eq!(action.run(&mirror.url()), (0, "ran action\n".to_owned()));
    assert_eq!(mirror.asked(), [action.path()]);
}

#[test]
fn a_cached_binary_that_was_changed_is_fetched_anew() {
    let action = Action::release(PROGRAM);
    let mirror = Mirror::serve([(action.path(), Answer::Whole(packed(PROGRAM)))]);
    action.run(&mirror.url());
    let cached = action.cached();
    fs::write(&cached, "#!/bin/sh\necho stolen\n").unwrap();
    assert_eq!(action.run(&mirror.url()), (0, "ran action\n".to_owned()));
    assert_eq!(fs::read_to_string(cached).unwrap(), PROGRAM);
}

#[test]
fn another_checksum_is_refused_and_never_runs() {
    let action = Action::release(PROGRAM);
    let stolen = packed("#!/bin/sh\necho stolen\n");
    let mirror = Mirror::serve([(action.path(), Answer::Whole(stolen))]);
    let (code, printed) = action.run(&mirror.url());
    assert_eq!(code, 3);
    assert!(printed.contains("it was not run"), "{printed}");
    assert!(!printed.contains("stolen"), "{printed}");
    assert!(!action.cached().exists());
}

#[test]
fn a_packed_file_with_another_binary_inside_is_refused() {
    let stolen = "#!/bin/sh\necho stolen\n";
    let mut action = Action::release(PROGRAM);
    action.checksum(&format!("{ASSET}.gz"), &packed(stolen));
    let mirror = Mirror::serve([(action.path(), Answer::Whole(packed(stolen)))]);
    let (code, printed) = action.run(&mirror.url());
    assert_eq!(code, 3);
    assert!(printed.contains("the release is broken"), "{printed}");
}

#[test]
fn a_missing_asset_is_said() {
    let action = Action::release(PROGRAM);
    let mirror = Mirror::serve([]);
    let (code, printed) = action.run(&mirror.url());
    assert_eq!(code, 3);
    assert!(
        printed.contains("cannot be downloaded from http://127.0.0.1:"),
        "{printed}"
    );
    assert_eq!(mirror.asked(), [action.path()]);
}

#[test]
fn a_download_that_breaks_off_is_tried_again_and_then_said() {
    let action = Action::release(PROGRAM);
    let mirror = Mirror::serve([(action.path(), Answer::CutShort(packed(PROGRAM)))]);
    let (code, printed) = action.run(&mirror.url());
    assert_eq!(code, 3);
    assert!(printed.contains("try 3 of 3"), "{printed}");
    assert!(!action.cached().exists());
    assert_eq!(mirror.asked().len(), 3);
}

#[test]
fn a_commit_that_is_no_release_downloads_nothing() {
    let mut action = Action::release(PROGRAM);
    action.checksums.clear();
    let mirror = Mirror::serve([(action.path(), Answer::Whole(packed(PROGRAM)))]);
    let (code, printed) = action.run(&mirror.url());
    assert_eq!(code, 3);
    assert!(printed.contains("it is not a release"), "{printed}");
    assert!(mirror.asked().is_empty());
}

#[test]
fn a_version_that_is_no_version_goes_into_no_address() {
    let action = Action::release(PROGRAM);
    fs::write(action.folder.path().join("action/version"), "../../evil\n").unwrap();
    let mirror = Mirror::serve([]);
    let (code, printed) = action.run(&mirror.url());
    assert_eq!(code, 3);
    assert!(printed.contains("is no version"), "{printed}");
    assert!(mirror.asked().is_empty());
}

#[test]
fn plain_http_is_only_for_this_machine() {
    let action = Action::release(PROGRAM);
    let elsewhere = "http://127.0.0.1:80@example.invalid";
    for address in ["http://127.0.0.1.example.invalid", elsewhere, "file:///etc"] {
        let (code, printed) = action.run(address);
        assert_eq!(code, 3);
        assert!(printed.contains("cannot be downloaded"), "{printed}");
    }
}

#[test]
fn a_system_without_a_binary_is_named() {
    let action = Action::release(PROGRAM);
    let mut command = action.command();
    command.env("RUNNER_OS", "Plan9");
    let (code, printed) = outcome(&mut command);
    assert_eq!(code, 3);
    assert!(
        printed.contains("no sprag-compare for Plan9 on X64"),
        "{printed}"
    );
}

#[test]
fn the_input_binary_wins_and_the_binary_beside_comes_next() {
    let action = Action::release(PROGRAM);
    program(
        &action.folder.path().join("sprag-compare"),
        "#!/bin/sh\necho beside $*\n",
    );
    assert_eq!(
        outcome(&mut action.command()),
        (0, "beside action\n".to_owned())
    );
    let own = action.folder.path().join("own");
    program(&own, "#!/bin/sh\necho own $*\nexit 1\n");
    let mut command = action.command();
    command.env("SPRAG_BINARY", &own);
    assert_eq!(outcome(&mut command), (1, "own action\n".to_owned()));
}

#[test]
fn an_input_binary_that_is_none_is_not_replaced_by_a_download() {
    let action = Action::release(PROGRAM);
    let mirror = Mirror::serve([(action.path(), Answer::Whole(packed(PROGRAM)))]);
    let mut command = action.command();
    command
        .env("SPRAG_BINARY", "no/such")
        .env("SPRAG_MIRROR", mirror.url());
    let (code, printed) = outcome(&mut command);
    assert_eq!(code, 3);
    assert!(printed.contains("which is no program"), "{printed}");
    assert!(mirror.asked().is_empty());
}

/// The binaries of a release.
const TARGETS: [&str; 5] = [
    "aarch64-apple-darwin",
    "aarch64-unknown-linux-musl",
    "x86_64-apple-darwin",
    "x86_64-pc-windows-msvc",
    "x86_64-unknown-linux-musl",
];

#[test]
fn what_the_release_seals_is_what_the_action_runs() {
    let action = Action::release("an older release");
    let assets = action.folder.path().join("assets");
    fs::create_dir(&assets).unwrap();
    for target in TARGETS {
        let asset = assets.join(format!("sprag-compare-{target}.gz"));
        fs::write(asset, packed(PROGRAM)).unwrap();
    }
    let mut command = action.command();
    let seal = || release(&["seal", "2.0.0", "assets"], action.folder.path());
    // What no build job made is not sealed, and nothing may be missing.
    fs::write(assets.join("sprag-compare-other.gz"), packed(PROGRAM)).unwrap();
    assert_eq!(seal().0, 1);
    fs::remove_file(assets.join("sprag-compare-other.gz")).unwrap();
    let (code, printed) = seal();
    assert_eq!(code, 0, "{printed}");
    let path = format!("/v2.0.0/{ASSET}.gz");
    let mirror = Mirror::serve([(path, Answer::Whole(packed(PROGRAM)))]);
    command.env("SPRAG_MIRROR", mirror.url());
    assert_eq!(outcome(&mut command), (0, "ran action\n".to_owned()));
}

#[test]
fn a_release_needs_tag_version_and_changelog_to_agree() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("Cargo.toml"), "version = \"2.0.0\"\n").unwrap();
    fs::write(
        folder.path().join("CHANGELOG.md"),
        "## 2.0.0 - 2026-11-20\n",
    )
    .unwrap();
    let check = |tag| release(&["check", tag], folder.path());
    assert_eq!(check("build-v2.0.0"), (0, "2.0.0\n".to_owned()));
    for tag in [
        "build-v2.0.1",
        "v2.0.0",
        "build-v2.0",
        "build-v2.0.0;ls",
        "build-v",
    ] {
        assert_eq!(check(tag).0, 1, "{tag}");
    }
}

#[test]
fn what_this_repository_holds_between_releases_is_refused() {
    let checksums = fs::read_to_string(root().join("action/checksums.txt")).unwrap();
    let version = fs::read_to_string(root().join("action/version")).unwrap();
    let entries = checksums.lines().filter(|line| !line.starts_with('#'));
    // On the commit of a release both are filled.
    assert_eq!(entries.count() == 0, version.trim() == "0.0.0");
}

/// A copy of the action as a release has it, with a tool cache of its own.
struct Action {
    folder: tempfile::TempDir,
    checksums: BTreeMap<String, String>,
}

impl Action {
    fn release(program: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("action/run.sh");
        fs::create_dir(script.parent().unwrap()).unwrap();
        fs::copy(root().join("action/run.sh"), &script).unwrap();
        fs::write(folder.path().join("action/version"), "1.2.3\n").unwrap();
        let mut action = Self {
            folder,
            checksums: BTreeMap::new(),
        };
        action.checksum(ASSET, program.as_bytes());
        action.checksum(&format!("{ASSET}.gz"), &packed(program));
        action
    }

    fn checksum(&mut self, asset: &str, bytes: &[u8]) {
        self.checksums.insert(asset.to_owned(), sha256(bytes));
    }

    fn path(&self) -> String {
        format!("/v1.2.3/{ASSET}.gz")
    }

    fn cached(&self) -> PathBuf {
        let cache = self.folder.path().join("tools/sprag");
        cache.join(sha256(PROGRAM.as_bytes())).join("sprag-compare")
    }

    fn command(&self) -> Command {
        let lines: String = self
            .checksums
            .iter()
            .map(|(asset, sum)| format!("{sum}  {asset}\n"))
            .collect();
        fs::write(self.folder.path().join("action/checksums.txt"), lines).unwrap();
        let mut command = Command::new("bash");
        command
            .args(["--noprofile", "--norc"])
            .arg(self.folder.path().join("action/run.sh"))
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("RUNNER_OS", "Linux")
            .env("RUNNER_ARCH", "X64")
            .env("RUNNER_TOOL_CACHE", self.folder.path().join("tools"));
        command
    }

    fn run(&self, mirror: &str) -> (i32, String) {
        outcome(self.command().env("SPRAG_MIRROR", mirror))
    }
}

/// Runs a verb of `.ci/release` on a folder that stands for the repository.
fn release(arguments: &[&str], root_of_it: &Path) -> (i32, String) {
    let mut command = Command::new("bash");
    command
        .arg(root().join(".ci/release"))
        .args(arguments)
        .env("SPRAG_ROOT", root_of_it);
    outcome(&mut command)
}

/// The exit code and everything printed.
fn outcome(command: &mut Command) -> (i32, String) {
    let output = command.output().unwrap();
    let printed = [output.stdout, output.stderr].concat();
    (
        output.status.code().unwrap(),
        String::from_utf8(printed).unwrap(),
    )
}

fn program(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn packed(program: &str) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(program.as_bytes()).unwrap();
    packer.finish().unwrap()
}

fn sha256(bytes: &[u8]) -> String {
    let digest = sha2::Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A web server on this machine with the files of a release; what it does not have is 404.
struct Mirror {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

#[derive(Clone)]
enum Answer {
    Whole(Vec<u8>),
    /// Says the whole length, sends half and hangs up.
    CutShort(Vec<u8>),
}

impl Mirror {
    fn serve<const N: usize>(files: [(String, Answer); N]) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let mirror = Self {
            port: listener.local_addr().unwrap().port(),
            asked: Arc::default(),
        };
        let asked = Arc::clone(&mirror.asked);
        let files = BTreeMap::from(files);
        thread::spawn(move || {
            for connection in listener.incoming() {
                let mut connection = connection.unwrap();
                let path = requested(&connection);
                asked.lock().unwrap().push(path.clone());
                send(&mut connection, files.get(&path));
            }
        });
        mirror
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// The path of a request, read to its end.
fn requested(connection: &TcpStream) -> String {
    let mut lines = BufReader::new(connection).lines().map(Result::unwrap);
    let first = lines.next().unwrap();
    lines.take_while(|line| !line.is_empty()).for_each(drop);
    first.split(' ').nth(1).unwrap().to_owned()
}

fn send(connection: &mut TcpStream, answer: Option<&Answer>) {
    let (status, length, body) = match answer {
        Some(Answer::Whole(bytes)) => ("200 OK", bytes.len(), bytes.as_slice()),
        Some(Answer::CutShort(bytes)) => ("200 OK", bytes.len(), &bytes[..bytes.len() / 2]),
        None => ("404 Not Found", 0, &[][..]),
    };
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    connection.write_all(head.as_bytes()).unwrap();
    connection.write_all(body).unwrap();
}
