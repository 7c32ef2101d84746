//! From one input to a visitor: archives opened, encodings decoded, formats detected and dispatched.

use crate::sink::loss;
use std::io::{self, BufReader, Read};

use model::Place;

use crate::archive::{self, Inner, ReadSeek};
use crate::decode::{self, Decoder, Sniffed};
use crate::guard::Guard;
use crate::{Format, Limits, Sink as _, Visitor, detect, text_formats, xml_formats};

/// How much of a file is looked at to detect its format.
const HEAD: usize = 64 << 10;

/// Reads one input: a file of results, or an archive of many. Never fails: what cannot be read is said as a problem.
///
/// `name` is what the user calls the input; a file inside an archive is named `name!inner`.
pub fn read(name: &str, input: &mut dyn ReadSeek, limits: &Limits, visitor: &mut dyn Visitor) {
    let head = match head_of(input, 4) {
        Ok(head) => head,
        Err(error) => return unreadable(name, &error, visitor),
    };
    if !archive::is_archive(&head) {
        // Not rewound: a pipe has no way back.
        return read_stream(name, &mut head.as_slice().chain(input), limits, visitor);
    }
    if let Err(error) = input.rewind() {
        return unreadable(name, &error, visitor);
    }
    archive::read(name, input, limits, &mut |inner, found| match found {
        Inner::File(reader) => read_stream(inner, reader, limits, visitor),
        Inner::Problem(place, what, hint) => {
            visitor.begin_file(inner, None);
            visitor.problem(place, what, hint);
            visitor.end_file();
        }
    });
}

/// Reads one file of results that is no archive, from any stream.
pub fn read_stream(name: &str, input: &mut dyn Read, limits: &Limits, visitor: &mut dyn Visitor) {
    let head = match head_of(input, HEAD) {
        Ok(head) => head,
        Err(error) => return unreadable(name, &error, visitor),
    };
    let format = detect(&head);
    visitor.begin_file(name, format);
    let mut guard = Guard::new(visitor, limits);
    match format {
        Some(format) => read_format(format, &head, input, limits, &mut guard),
        None => unknown(&head, &mut guard),
    }
    guard.finish();
    visitor.end_file();
}

fn read_format(
    format: Format,
    head: &[u8],
    input: &mut dyn Read,
    limits: &Limits,
    guard: &mut Guard<'_>,
) {
    let sniffed = decode::sniff(head);
    if let Some((what, hint)) = sniffed.oddity {
        guard.problem(Place::Byte(0), what.to_owned(), hint);
    }
    let mut raw = head.get(sniffed.mark..).unwrap_or_default().chain(input);
    match format {
        Format::Junit | Format::Nunit2 | Format::Nunit3 | Format::XunitNet | Format::Trx => {
            if detect::root(&detect::decoded(head)) == detect::Root::NotXml {
                let what = "other output comes before the XML".to_owned();
                guard.problem(Place::Byte(0), what, "left out");
            }
            read_xml(format, sniffed, &mut raw, limits, guard);
        }
        Format::SubunitV1 | Format::SubunitV2 => {
            text_formats::read(format, &mut BufReader::new(raw), limits, guard);
        }
        Format::GoTestJson
        | Format::LibtestJson
        | Format::Ctrf
        | Format::Tap
        | Format::PlaywrightJson
        | Format::JestJson
        | Format::MochaJson
        | Format::MochawesomeJson
        | Format::DartJson => read_text(format, sniffed, raw, limits, guard),
    }
}

/// XML in UTF-8 goes to the tokenizer as it is: only the text that is kept is decoded.
fn read_xml(
    format: Format,
    sniffed: Sniffed,
    raw: &mut dyn Read,
    limits: &Limits,
    guard: &mut Guard<'_>,
) {
    match sniffed.encoding {
        None => xml_formats::read(format, raw, limits, guard),
        Some(encoding) => {
            let mut decoder = Decoder::new(raw, encoding);
            xml_formats::read(format, &mut decoder, limits, guard);
            say_malformed(decoder.malformed, guard);
        }
    }
}

fn read_text(
    format: Format,
    sniffed: Sniffed,
    raw: impl Read,
    limits: &Limits,
    guard: &mut Guard<'_>,
) {
    let encoding = sniffed.encoding.unwrap_or(encoding_rs::UTF_8);
    let mut decoder = BufReader::with_capacity(HEAD, Decoder::new(raw, encoding));
    text_formats::read(format, &mut decoder, limits, guard);
    say_malformed(decoder.get_ref().malformed, guard);
}

fn say_malformed(malformed: bool, guard: &mut Guard<'_>) {
    if malformed {
        let what = "some bytes are not text in the file's encoding".to_owned();
        guard.problem(Place::File, what, "they are shown as U+FFFD");
    }
}

/// Says why a file is not read.
fn unknown(head: &[u8], guard: &mut Guard<'_>) {
    let (what, hint) = explain(head);
    guard.problem(Place::File, what, hint);
}

fn explain(head: &[u8]) -> (String, &'static str) {
    if head.is_empty() {
        return (
            "the file is empty".to_owned(),
            "the step that writes it was killed or wrote elsewhere",
        );
    }
    if head.starts_with(b"version https://git-lfs") {
        return (
            "this is a Git LFS pointer, not the file".to_owned(),
            "check out with LFS",
        );
    }
    match detect::root(&detect::decoded(head)) {
        detect::Root::Named(name) => {
            let name = String::from_utf8_lossy(name.get(..64).unwrap_or(name));
            (
                format!("not test results: the root element is `{name}`"),
                "exclude it from the glob",
            )
        }
        detect::Root::None => (
            "XML without a root element".to_owned(),
            "the file is truncated",
        ),
        detect::Root::NotXml => (
            "not test results in any known format".to_owned(),
            "exclude it from the glob",
        ),
    }
}

fn unreadable(name: &str, error: &io::Error, visitor: &mut dyn Visitor) {
    visitor.begin_file(name, None);
    visitor.problem(
        Place::File,
        format!("cannot be read: {error}"),
        loss::UNREAD,
    );
    visitor.end_file();
}

/// Up to `limit` bytes; fewer only at the end.
fn head_of(input: &mut (impl Read + ?Sized), limit: usize) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    input.take(limit as u64).read_to_end(&mut head)?;
    Ok(head)
}
