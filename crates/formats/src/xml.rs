//! XML as test runners write it: a tokenizer over a sliding window that forgives, and a walk over its elements.
//!
//! Text that nobody wants is skipped at scanning speed and never held. Entities of a document type are not expanded, external
//! ones not fetched: nothing is ever read but the stream itself.

pub(crate) mod failure;
pub(crate) mod number;
mod scan;
pub(crate) mod text;
mod tokens;
mod walk;

pub(crate) use scan::Attrs;
pub(crate) use walk::{Handler, Out, Tag, Want, walk};
