//! The fake as a value: start it, seed it, ask it what happened.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::contract::Description;
use crate::fault::Fault;
use crate::limits::Limits;
use crate::pipeline::Core;
use crate::record::{Logged, Violation};
use crate::repo::Repo;
use crate::seed::Seed;
use crate::server::{Host, Server, listen};
use crate::state::{ACTIONS_LOGIN, Kind, Lag, Token, Urls, permissions};
use crate::tls::acceptor;

/// How the fake behaves.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Which of GitHub's descriptions it keeps to.
    pub description: Description,
    /// Rate limits.
    pub limits: Limits,
    /// How long a write stays hidden from readers.
    pub lag: Lag,
    /// Added to every answer.
    pub latency: Duration,
    /// 0 for any free port.
    pub port: u16,
    /// `https`, with a certificate for `127.0.0.1` and `localhost` by [`crate::AUTHORITY`].
    pub tls: bool,
}

/// A GitHub App that is installed on every repository.
#[derive(Clone, Debug)]
pub struct App {
    /// The number that its JWT names as issuer.
    pub id: u64,
    /// Its only installation.
    pub installation: u64,
}

/// A running fake. It stops when it is dropped, and stops the test when a violation was never looked at: no test passes by not asking.
#[derive(Debug)]
pub struct FakeGithub {
    core: Arc<Core>,
    /// How many violations somebody has seen.
    seen: AtomicUsize,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for Core {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Core")
            .field("description", &self.description)
            .finish_non_exhaustive()
    }
}

/// Stops the test: the fake could not be set up.
#[expect(
    clippy::panic,
    reason = "a test that cannot set up its fake must stop, with the cause"
)]
#[track_caller]
pub(crate) fn done<T, E: std::fmt::Debug>(what: &str, result: Result<T, E>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("the fake cannot {what}: {error:#?}"),
    }
}

impl FakeGithub {
    /// Starts a fake on a thread of its own.
    ///
    /// # Panics
    /// When the port cannot be had.
    #[track_caller]
    pub fn start(options: Options) -> Self {
        let api = done("listen", listen(options.port));
        let store = done("listen", listen(0));
        let core = Arc::new(Core::new(options.description, options.limits, options.lag));
        core.world().urls = done("name its addresses", urls((&api, &store), options));
        let server = Server {
            core: Arc::clone(&core),
            latency: options.latency,
            tls: options.tls.then(|| done("speak TLS", acceptor())),
        };
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || run(server, (api, store), stopped));
        Self {
            core,
            seen: AtomicUsize::new(0),
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// Root of the API, what a runner calls `GITHUB_API_URL`.
    pub fn url(&self) -> String {
        self.core.world().urls.api.clone()
    }

    /// Root of the pages for people, what a runner calls `GITHUB_SERVER_URL`. Nothing is served there.
    pub fn server_url(&self) -> String {
        self.core.world().urls.html.clone()
    }

    /// A `GITHUB_TOKEN` with these permissions, written as in a workflow: `pull-requests: write`. Reading metadata is always allowed.
    pub fn token(&self, words: &[&str]) -> String {
        self.named_token("GITHUB_TOKEN", words)
    }

    /// As [`FakeGithub::token`], called so in the log.
    pub fn named_token(&self, name: &str, words: &[&str]) -> String {
        self.add_token((name, ACTIONS_LOGIN, Kind::Actions), words)
    }

    /// The token of a person.
    pub fn personal_token(&self, login: &str, words: &[&str]) -> String {
        self.add_token((login, login, Kind::Personal), words)
    }

    fn add_token(&self, (name, login, kind): (&str, &str, Kind), words: &[&str]) -> String {
        let token = Token {
            name: name.to_owned(),
            login: login.to_owned(),
            kind,
            permissions: permissions(words.iter().copied()),
            expires: None,
        };
        self.core.world().add_token(token)
    }

    /// An App with these permissions, installed everywhere. Its JWT is checked for its shape, not for its signature.
    pub fn app(&self, slug: &str, words: &[&str]) -> App {
        let (id, installation) = self
            .core
            .world()
            .add_app(slug, permissions(words.iter().copied()));
        App { id, installation }
    }

    /// A token as an installation of the App `slug` makes it, without the App's key: it cannot ask who it is.
    pub fn app_token(&self, slug: &str, words: &[&str]) -> String {
        let app = self.app(slug, words);
        let login = format!("{slug}[bot]");
        self.add_token((&login, &login, Kind::App(app.id)), words)
    }

    /// The repository `owner/name`; one that is not there yet is made with a first commit on `main`.
    pub fn repo(&self, full_name: &str) -> Repo {
        self.core.world().ensure_repo(full_name);
        Repo::new(Arc::clone(&self.core), full_name)
    }

    /// Puts people into a team of an organisation; they become members of the organisation too.
    pub fn add_team(&self, org: &str, slug: &str, logins: &[&str]) {
        let logins: Vec<String> = logins.iter().map(|login| (*login).to_owned()).collect();
        self.core.world().add_team(org, slug, &logins);
    }

    /// Adds what a seed file holds to what is there, and says what came of it: numbers of pull requests and runs, secrets of tokens.
    ///
    /// # Errors
    /// What could not be made, and why.
    pub fn plant(&self, seed: Seed) -> Result<serde_json::Value, String> {
        seed.plant(&self.core)
    }

    /// Replaces all faults; their counters start again.
    pub fn faults(&self, faults: Vec<Fault>) {
        self.core.faults().set(faults);
    }

    /// Moves the clock of the fake forward: rate limits reset, artifacts and tokens expire.
    pub fn advance(&self, by: Duration) {
        self.core.world().move_clock(by);
    }

    /// Every request so far, in the order in which they were answered.
    pub fn log(&self) -> Vec<Logged> {
        self.core.record().log.clone()
    }

    /// Forgets the log, not the violations.
    pub fn clear_log(&self) {
        self.core.record().log.clear();
    }

    /// Every request and answer that broke the contract.
    pub fn violations(&self) -> Vec<Violation> {
        let found = self.core.record().violations.clone();
        self.seen.store(found.len(), Ordering::Relaxed);
        found
    }

    /// The operations that were asked for, as `METHOD /template`.
    pub fn operations(&self) -> BTreeSet<String> {
        self.core.record().operations.clone()
    }

    /// All operations of the description.
    pub fn described_operations(&self) -> BTreeSet<String> {
        self.core
            .contract
            .operations()
            .iter()
            .map(crate::contract::Operation::key)
            .collect()
    }

    /// Stops the test when anything broke the contract.
    ///
    /// # Panics
    /// When there is a violation.
    #[track_caller]
    pub fn assert_clean(&self) {
        assert_none(&self.violations());
    }

    /// Waits until the fake is stopped from outside.
    pub fn wait(mut self) {
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl Drop for FakeGithub {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            stop.send(()).unwrap_or_default();
        }
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
        let seen = self.seen.load(Ordering::Relaxed);
        let unseen = self.core.record().violations.split_off(seen);
        if !std::thread::panicking() {
            assert_none(&unseen);
        }
    }
}

#[track_caller]
fn assert_none(violations: &[Violation]) {
    let lines: Vec<String> = violations.iter().map(ToString::to_string).collect();
    let text = lines.join("\n");
    assert!(
        lines.is_empty(),
        "{} contract violations:\n{text}",
        lines.len()
    );
}

type Listeners = (std::net::TcpListener, std::net::TcpListener);

fn urls(
    (api, store): (&std::net::TcpListener, &std::net::TcpListener),
    options: Options,
) -> std::io::Result<Urls> {
    let scheme = if options.tls { "https" } else { "http" };
    let html = format!("{scheme}://{}", api.local_addr()?);
    Ok(Urls {
        api: format!("{html}{}", options.description.prefix()),
        // Another name for loopback: a client that compares hosts without ports must see another host.
        store: format!("{scheme}://localhost:{}", store.local_addr()?.port()),
        html,
    })
}

fn run(server: Server, (api, store): Listeners, stopped: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let runtime = done("start", runtime);
    runtime.block_on(async move {
        let (api, store) = done(
            "listen",
            TcpListener::from_std(api).and_then(|api| Ok((api, TcpListener::from_std(store)?))),
        );
        tokio::select! {
            never = server.clone().serve(api, Host::Api) => match never {},
            never = server.serve(store, Host::Store) => match never {},
            _ = stopped => {}
        }
    });
    runtime.shutdown_background();
}
