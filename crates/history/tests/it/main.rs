//! A history as its users see it: what is recorded comes back, whatever happens in between.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "tests stop at the first surprise and say what they skip"
)]

mod branch;
mod compact;
mod crash;
mod damage;
mod doubt;
mod export;
mod golden;
mod import;
mod lock;
mod memory;
mod record;
mod retention;
mod sample;
mod scan;
mod snapshot;
