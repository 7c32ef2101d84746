//! One value to everything that a person or a program reads: terminal text, Markdown, JSON, one HTML page.
//!
//! Every rendering takes a [`model::Report`], or the reports of several jobs put together ([`Merged`]), and nothing else, so
//! all of them say the same, and equal reports give equal bytes. Names, messages and paths in a report come from a pull request: they are made visible and escaped here, and
//! only here.
//!
//! ```
//! use report::{Style, terminal};
//!
//! # let report = serde_json::from_str(include_str!("../tests/data/no-results.json"))?;
//! let text = terminal(&report, &Style { color: false, width: 80 });
//! assert!(text.starts_with("No test results"));
//! # Ok::<(), serde_json::Error>(())
//! ```
#![deny(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a core crate does no I/O: see ARCHITECTURE.md, invariant 1"
)]

mod annotation;
#[cfg(test)]
mod fixture;
mod group;
mod html;
mod inspect;
mod json;
mod markdown;
mod merged;
mod part;
mod place;
mod status;
mod terminal;
mod text;
mod words;

pub use annotation::{annotations, workflow_commands};
pub use html::html;
pub use inspect::{Inspected, inspect_table};
pub use json::{harmless_json, json};
pub use markdown::{
    CheckText, MarkdownOptions, SUMMARY_LIMIT, check_run, comment, markdown, marker, summary,
};
pub use merged::{Gaps, Merged, merged};
pub use part::{MOST_PART_BYTES, Part, PartError, part, read_part};
pub use place::{SourceLine, Sources, place};
pub use status::{status, undecided_status};
pub use terminal::{Style, terminal};
pub use text::harmless;
