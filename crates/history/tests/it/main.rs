//! A history as its users see it: what is recorded comes back, whatever happens in between.
#![expect(clippy::unwrap_used, reason = "tests")]

mod compact;
mod export;
mod import;
mod record;
mod sample;
mod scan;
mod snapshot;
