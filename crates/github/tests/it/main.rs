//! The client against a stateful GitHub that checks every request and answer against GitHub's own description.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests: a surprise stops the test"
)]

mod auth;
mod effects;
mod facts;
mod faults;
mod git_data;
mod identity;
mod network;
mod support;
mod transport;
