//! Renderings from outside: their schema, their sameness, and that nothing in them acts.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "tests"
)]

mod equal;
#[path = "../../src/fixture.rs"]
mod fixture;
mod injection;
mod schema;
