//! The client against a stateful GitHub that checks every request and answer against GitHub's own description.

mod auth;
mod effects;
mod facts;
mod faults;
mod git_data;
mod support;
mod transport;
