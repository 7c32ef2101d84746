//! Recognises a format by content; the name of a file says nothing.

use std::borrow::Cow;

use memchr::memmem;

use crate::{Format, decode, detect_text};

/// The format of a file that starts with these bytes; `None` when it is none that can be read.
///
/// `head` is best 64 KiB or the whole file; archives must be opened first.
pub fn detect(head: &[u8]) -> Option<Format> {
    if let Some(format) = detect_text::detect_binary(head) {
        return Some(format);
    }
    let text = decoded(head);
    match root(&text) {
        Root::Named(name) => of_root(name),
        Root::None => None,
        Root::NotXml => detect_text::detect(&text).or_else(|| after_noise(&text)),
    }
}

/// The format of XML that comes after other output, as when both went to one stream.
fn after_noise(text: &[u8]) -> Option<Format> {
    let starts = [
        "<?xml ",
        "<testsuite",
        "<test-run",
        "<test-results",
        "<assemblies",
    ];
    let start = starts
        .into_iter()
        .find_map(|start| memmem::find(text, start.as_bytes()))?;
    match root(text.get(start..)?) {
        Root::Named(name) => of_root(name),
        Root::None | Root::NotXml => None,
    }
}

/// The start of a file as UTF-8 without byte order mark.
pub(crate) fn decoded(head: &[u8]) -> Cow<'_, [u8]> {
    let sniffed = decode::sniff(head);
    let head = head.get(sniffed.mark..).unwrap_or_default();
    match sniffed.encoding {
        None => Cow::Borrowed(head),
        Some(encoding) => {
            let (text, _malformed) = encoding.decode_without_bom_handling(head);
            Cow::Owned(text.into_owned().into_bytes())
        }
    }
}

/// What an XML file has for its root element.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Root<'a> {
    /// The local name, without a namespace prefix.
    Named(&'a [u8]),
    /// It is XML but no element was found.
    None,
    /// It is not XML.
    NotXml,
}

/// The root element of decoded text.
pub(crate) fn root(text: &[u8]) -> Root<'_> {
    let mut rest = text.trim_ascii_start();
    if rest.first() != Some(&b'<') {
        return Root::NotXml;
    }
    loop {
        let Some(after) = next_markup(rest) else {
            return Root::None;
        };
        match after {
            [b'?', ..] => rest = skip_past(after, b"?>"),
            [b'!', b'-', b'-', ..] => rest = skip_past(after, b"-->"),
            [b'!', ..] => rest = skip_doctype(after),
            _ => return local_name(after).map_or(Root::None, Root::Named),
        }
    }
}

/// What follows the next `<`.
fn next_markup(text: &[u8]) -> Option<&[u8]> {
    text.get(memchr::memchr(b'<', text)? + 1..)
}

fn skip_past<'a>(text: &'a [u8], end: &[u8]) -> &'a [u8] {
    let at = memmem::find(text, end).map(|at| at + end.len());
    at.and_then(|at| text.get(at..)).unwrap_or_default()
}

/// Skips a document type with its internal subset.
fn skip_doctype(text: &[u8]) -> &[u8] {
    let subset = memchr::memchr2(b'[', b'>', text).filter(|at| text.get(*at) == Some(&b'['));
    match subset {
        Some(_) => skip_past(skip_past(text, b"]"), b">"),
        None => skip_past(text, b">"),
    }
}

/// The local part of the name that a start tag begins with.
fn local_name(tag: &[u8]) -> Option<&[u8]> {
    let ends = |b: &u8| b.is_ascii_whitespace() || matches!(b, b'/' | b'>' | b'<' | b'=');
    let end = tag.iter().position(ends).unwrap_or(tag.len());
    let name = tag.get(..end)?;
    let local = name.rsplit(|b| *b == b':').next()?;
    (!local.is_empty()).then_some(local)
}

/// The format of a root element.
pub(crate) fn of_root(name: &[u8]) -> Option<Format> {
    match name {
        b"testsuites" | b"testsuite" | b"testcase" | b"testrun" => Some(Format::Junit),
        b"test-results" => Some(Format::Nunit2),
        b"test-run" | b"test-suite" => Some(Format::Nunit3),
        b"assemblies" | b"assembly" => Some(Format::XunitNet),
        b"TestRun" => Some(Format::Trx),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Root, detect, root};
    use crate::Format;

    #[test]
    fn xml_formats_are_told_by_the_root_element() {
        let cases: [(&[u8], Option<Format>); 8] = [
            (b"<testsuites>", Some(Format::Junit)),
            (
                b" \n<?xml version='1.0'?><!-- <a> --><testsuite/>",
                Some(Format::Junit),
            ),
            (
                b"<!DOCTYPE a [<!ENTITY b '<c>'>]><ju:testsuite>",
                Some(Format::Junit),
            ),
            (b"<test-run id='2'", Some(Format::Nunit3)),
            (b"\xFF\xFE<\0T\0e\0s\0t\0R\0u\0n\0 \0", Some(Format::Trx)),
            (
                b"warning: x\n<?xml version='1.0'?><testsuites>",
                Some(Format::Junit),
            ),
            (b"<html><body>", None),
            (b"", None),
        ];
        for (head, expected) in cases {
            assert_eq!(detect(head), expected);
        }
    }

    #[test]
    fn a_comment_without_end_has_no_root() {
        assert_eq!(root(b"<!-- <testsuites>"), Root::None);
        assert_eq!(root(b"ok 1"), Root::NotXml);
    }
}
