//! Bytes of any test-result format in, test cases and problems out; streaming.
#![deny(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a core crate does no I/O: see ARCHITECTURE.md, invariant 1"
)]

mod sink;

pub use sink::{Case, Sink};
