//! Bytes of any test-result format in, test cases and problems out; streaming.
//!
//! [`read()`] takes one input (a file, or an archive of many), finds out what it is from its content and tells a
//! [`Visitor`] what it says. Nothing is refused as a whole: what is malformed becomes a problem with its place, and what
//! can be read is read. Memory does not grow with the size of a file.
#![deny(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a core crate does no I/O: see ARCHITECTURE.md, invariant 1"
)]

mod archive;
mod budget;
mod collector;
mod ctrf;
mod dart;
mod decode;
mod detect;
mod detect_text;
mod fault;
mod format;
mod gotest;
mod guard;
mod identity;
mod jest;
mod json;
mod junit;
mod libtest;
mod limits;
mod lines;
mod mocha;
mod nunit;
mod place;
mod playwright;
mod read;
mod seen;
mod sink;
mod subunit;
mod tally;
mod tap;
#[cfg(test)]
mod testing;
mod text_formats;
mod trx;
mod xml;
mod xml_formats;
mod xunit_net;

pub use archive::ReadSeek;
pub use collector::Collector;
pub use detect::detect;
pub use format::Format;
pub use identity::stable;
pub use limits::Limits;
pub use read::{read, read_stream};
pub use sink::{Case, Sink, Visitor, loss};
pub use tally::{Counted, FileTally, Tally};
