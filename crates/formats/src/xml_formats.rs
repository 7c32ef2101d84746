//! Which reader reads which XML format.

use std::io::Read;

use model::Place;

use crate::{Format, Limits, Sink, junit};

/// Reads an XML format from UTF-8 that may be malformed.
pub(crate) fn read(format: Format, input: &mut dyn Read, limits: &Limits, sink: &mut dyn Sink) {
    if format == Format::Junit {
        return junit::read(input, limits, sink);
    }
    sink.problem(Place::File, "this format is not read yet".to_owned(), "");
}
