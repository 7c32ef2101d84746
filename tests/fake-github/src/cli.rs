//! The fake as a process.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use crate::contract::Description;
use crate::fake::{FakeGithub, Options};
use crate::limits::Limits;
use crate::seed::Seed;
use crate::state::Lag;
use crate::tls::AUTHORITY;

const EXAMPLES: &str = r#"Control endpoints, without a token, JSON in and out:
  GET    /_control/state        everything, by repository: branches, issues with comments and labels, statuses, check runs
  GET    /_control/log          every request: method, path, status, name of the token
  DELETE /_control/log
  GET    /_control/violations   requests and answers that GitHub's description does not allow
  GET    /_control/operations   operations that were asked for
  POST   /_control/seed         a seed as in --seed, added to what is there; answers numbers and secrets
  POST   /_control/token        {"permissions": {"issues": "write"}}; with "login" the token of a person
  POST   /_control/faults       [{"on": "POST */comments", "when": {"nth": 1}, "what": {"status": {"status": 502}}}]
  POST   /_control/advance      seconds to move the clock

Try the Action against it:
  fake-github --port 8080 --seed seed.json &
  export GITHUB_API_URL=http://127.0.0.1:8080 GITHUB_TOKEN=the-secret-of-the-seed GITHUB_REPOSITORY=acme/shop

README.md of tests/fake-github shows a seed and every fault."#;

/// A stateful GitHub on loopback. Prints its address on one line and runs until it is stopped.
#[derive(Debug, Parser)]
#[command(name = "fake-github", after_help = EXAMPLES)]
struct Arguments {
    /// Port of the API on 127.0.0.1; 0 for any that is free
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// JSON file with tokens, repositories, pull requests and runs to start with
    #[arg(long, value_name = "FILE")]
    seed: Option<PathBuf>,
    /// Which of GitHub's descriptions requests and answers have to keep
    #[arg(long, value_enum, default_value_t)]
    description: Description,
    /// Milliseconds that every answer takes longer
    #[arg(long, default_value_t = 0, value_name = "MS")]
    latency_ms: u64,
    /// Milliseconds for which readers do not see what was just written
    #[arg(long, default_value_t = 0, value_name = "MS")]
    lag_ms: u64,
    /// Speak https, with a certificate for 127.0.0.1 and localhost, and write that of its authority here: what `SSL_CERT_FILE` has to name
    #[arg(long, value_name = "FILE")]
    tls: Option<PathBuf>,
    /// No rate limits; otherwise those of github.com
    #[arg(long)]
    no_limits: bool,
}

/// Runs the fake until it is stopped; 2 when the seed cannot be planted.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match start(&arguments) {
        Ok(fake) => {
            fake.wait();
            ExitCode::SUCCESS
        }
        Err(error) => {
            drop(writeln!(std::io::stderr(), "fake-github: {error}"));
            ExitCode::from(2)
        }
    }
}

fn start(arguments: &Arguments) -> Result<FakeGithub, String> {
    let seed = match &arguments.seed {
        None => Seed::default(),
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .map_err(|error| format!("{}: {error}", path.display()))?;
            Seed::read(&text).map_err(|error| format!("{}: {error}", path.display()))?
        }
    };
    if let Some(path) = &arguments.tls {
        std::fs::write(path, AUTHORITY).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    let fake = FakeGithub::start(Options {
        description: arguments.description,
        limits: if arguments.no_limits {
            Limits::default()
        } else {
            Limits::github()
        },
        lag: Lag {
            reads: 0,
            millis: arguments.lag_ms,
        },
        latency: Duration::from_millis(arguments.latency_ms),
        port: arguments.port,
        tls: arguments.tls.is_some(),
    });
    fake.plant(seed)?;
    drop(writeln!(std::io::stdout(), "{}", fake.url()));
    Ok(fake)
}
