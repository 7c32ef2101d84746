//! Which reader reads which JSON or text format.

use std::io::BufRead;

use model::Place;

use crate::{
    Format, Limits, Sink, ctrf, dart, gotest, jest, libtest, mocha, playwright, subunit, tap,
};

/// Reads a text format from decoded UTF-8 (subunit: from raw bytes).
pub(crate) fn read(format: Format, input: &mut dyn BufRead, limits: &Limits, sink: &mut dyn Sink) {
    match format {
        Format::GoTestJson => gotest::read(input, limits, sink),
        Format::LibtestJson => libtest::read(input, limits, sink),
        Format::Ctrf => ctrf::read(input, limits, sink),
        Format::PlaywrightJson => playwright::read(input, limits, sink),
        Format::JestJson => jest::read(input, limits, sink),
        Format::MochaJson => mocha::read(input, limits, sink),
        Format::MochawesomeJson => mocha::read_awesome(input, limits, sink),
        Format::DartJson => dart::read(input, limits, sink),
        Format::Tap => tap::read(input, limits, sink),
        Format::SubunitV1 => subunit::read_v1(input, limits, sink),
        Format::SubunitV2 => subunit::read_v2(input, limits, sink),
        Format::Junit | Format::Nunit2 | Format::Nunit3 | Format::XunitNet | Format::Trx => {
            sink.problem(Place::File, "this is XML".to_owned(), "");
        }
    }
}
