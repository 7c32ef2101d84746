//! Which reader reads which XML format.

use std::io::Read;

use crate::{Format, Limits, Sink, junit, nunit, trx, xunit_net};

/// Reads an XML format from UTF-8 that may be malformed; a text format is not for this function and reads as `JUnit`.
pub(crate) fn read(format: Format, input: &mut dyn Read, limits: &Limits, sink: &mut dyn Sink) {
    #[expect(clippy::wildcard_enum_match_arm, reason = "only XML formats come here")]
    match format {
        Format::Nunit2 | Format::Nunit3 => nunit::read(input, limits, sink),
        Format::XunitNet => xunit_net::read(input, limits, sink),
        Format::Trx => trx::read(input, limits, sink),
        _ => junit::read(input, limits, sink),
    }
}
