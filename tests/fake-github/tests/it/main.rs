//! The fake from outside: raw HTTP, no client library.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::format_push_string,
    clippy::panic,
    clippy::string_slice,
    clippy::needless_pass_by_value,
    reason = "helpers of tests: a surprise stops the test"
)]

mod client;
mod comments;
mod faults;
mod git;
mod imported;
mod process;
mod properties;
mod rules;
mod sabotage;
mod tour;
mod world;
