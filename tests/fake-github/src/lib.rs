//! A stateful GitHub for tests and for trying the Action by hand.
//!
//! Every request and every answer is checked against GitHub's own description of its API and against the rules that the description lacks; what breaks
//! them is collected, see [`FakeGithub::violations`]. Faults are data, see [`Fault`].
//!
//! ```
//! let github = fake_github::FakeGithub::start(fake_github::Options::default());
//! let shop = github.repo("acme/shop");
//! shop.push_commit("feature", &[("src/lib.rs", b"fn f() {}\n".as_slice())]);
//! let number = shop.add_pull("feature");
//! let token = github.token(&["pull-requests: write"]);
//! // ... a client talks to github.url() with the token ...
//! assert!(token.starts_with("ghs_"));
//! assert!(shop.comments(number).is_empty());
//! github.assert_clean();
//! ```

mod access;
mod api;
mod call;
mod cli;
mod contract;
mod control;
mod fake;
mod fault;
mod git;
mod import;
mod limits;
mod page;
mod pipeline;
mod proxy;
mod record;
mod reply;
mod repo;
mod seed;
mod server;
mod state;
mod tls;
mod url;
mod view;

pub use cli::main;
pub use contract::Description;
pub use fake::{App, FakeGithub, Options};
pub use fault::{Fault, What, When};
pub use limits::Limits;
pub use proxy::Proxy;
pub use record::{Logged, Side, Violation};
pub use repo::{NewPull, NewRun, Repo};
pub use seed::Seed;
pub use state::Lag;
pub use tls::{AUTHORITY, STRANGER};
