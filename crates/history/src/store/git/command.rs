//! Running the `git` command: no shell, no questions, no hooks, bounded output and time.

use std::{
    io::{self, Read, Write as _},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// The longest output that is read.
const MOST_BYTES: u64 = 256 << 20;

/// What is kept of what a command complains.
const MOST_COMPLAINT: u64 = 64 << 10;

/// What a command said.
#[derive(Debug, Default)]
pub(super) struct Output {
    /// Whether it ended well.
    pub(super) done: bool,
    pub(super) bytes: Vec<u8>,
    /// What it complained about.
    pub(super) errors: String,
}

impl Output {
    /// Its output as a text without space around it.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).trim().to_owned()
    }
}

/// `git` as it is always run.
pub(super) fn git() -> Command {
    let mut command = Command::new("git");
    for name in [
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_NAMESPACE",
        "GIT_COMMON_DIR",
        "GIT_SHALLOW_FILE",
        "GIT_QUARANTINE_PATH",
    ] {
        command.env_remove(name);
    }
    command
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_ALLOW_PROTOCOL", "file:git:http:https:ssh")
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    // Without a terminal ssh would wait for an answer for ever.
    if std::env::var_os("GIT_SSH_COMMAND").is_none() && std::env::var_os("GIT_SSH").is_none() {
        command.env("GIT_SSH_COMMAND", "ssh -oBatchMode=yes");
    }
    command
}

/// Runs a command to its end, or to the end of its time.
pub(super) fn run(mut command: Command, input: &[u8], limit: Duration) -> io::Result<Output> {
    let mut child = command.spawn()?;
    let streams = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(mut stdin), Some(stdout), Some(stderr)) = streams else {
        return Err(io::ErrorKind::BrokenPipe.into());
    };
    thread::scope(|scope| {
        // A command that does not read its input has ended, which its end says.
        scope.spawn(move || drop(stdin.write_all(input)));
        let bytes = scope.spawn(|| bounded(stdout, MOST_BYTES));
        let errors = scope.spawn(|| bounded(stderr, MOST_COMPLAINT));
        let done = wait(&mut child, limit)?;
        let bytes = bytes.join().unwrap_or_default();
        let errors = errors.join().unwrap_or_default();
        let errors = String::from_utf8_lossy(&errors).into_owned();
        let Some(done) = done else {
            let errors = format!("git did not end within {} seconds", limit.as_secs());
            return Ok(Output {
                errors,
                ..Output::default()
            });
        };
        let whole = (bytes.len() as u64) < MOST_BYTES;
        Ok(Output {
            done: done && whole,
            bytes,
            errors,
        })
    })
}

/// Reads what a command says; what is too much is read and dropped, so that the command can end.
fn bounded(mut from: impl Read, most: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _cut = from.by_ref().take(most).read_to_end(&mut bytes);
    let _rest = io::copy(&mut from, &mut io::sink());
    bytes
}

/// Whether a command ended well; `None` when it had to be ended.
fn wait(child: &mut Child, limit: Duration) -> io::Result<Option<bool>> {
    let start = Instant::now();
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status.success()));
        }
        if start.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(5));
    }
}

/// What git said, as one short line without passwords or control characters.
pub(super) fn harmless(said: &str) -> String {
    let lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
    let lines: Vec<&str> = lines.filter(|line| !line.starts_with("hint:")).collect();
    let joined = lines.join("; ");
    let words = joined.split(' ').map(without_secret);
    let text = words.collect::<Vec<_>>().join(" ");
    let text: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(400)
        .collect();
    if text.is_empty() {
        "git gave no reason".to_owned()
    } else {
        text
    }
}

/// A URL without the user and the password in it.
pub(super) fn without_secret(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let end = rest.find('/').unwrap_or(rest.len());
    let (host, path) = rest.split_at(end);
    match host.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://{host}{path}"),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{harmless, without_secret};

    #[test]
    fn passwords_in_addresses_are_not_repeated() {
        assert_eq!(
            without_secret("https://user:pa55@host/a/b.git"),
            "https://host/a/b.git"
        );
        assert_eq!(without_secret("/a/b@c"), "/a/b@c");
        let said = "fatal: unable to access 'https://x:t0ken@host/a/': refused\nhint: look\n";
        let shown = harmless(said);
        assert!(
            !shown.contains("t0ken") && shown.contains("refused") && !shown.contains("look"),
            "{shown}"
        );
    }
}
