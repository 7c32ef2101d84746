//! Archives: gzip and zip, read through within limits.

use std::io::{Read, Seek};

use model::Place;

use crate::Limits;

/// What can be read and rewound: a file, or bytes in memory.
pub trait ReadSeek: Read + Seek {}

impl<T: Read + Seek> ReadSeek for T {}

/// Whether a file that starts so is an archive.
pub(crate) fn is_archive(head: &[u8]) -> bool {
    head.starts_with(&[0x1F, 0x8B])
        || head.starts_with(b"PK\x03\x04")
        || head.starts_with(b"PK\x05\x06")
}

/// Gives each file of an archive to `each` with its name (`artifact.zip!inner.xml`), in the order of the archive.
///
/// Problems of the archive itself go to `sink` of [`Inner::Problem`].
pub(crate) fn read(
    name: &str,
    input: &mut dyn ReadSeek,
    limits: &Limits,
    each: &mut dyn FnMut(&str, Inner<'_>),
) {
    let _ = (input, limits);
    each(
        name,
        Inner::Problem(Place::File, "archives are not read yet".to_owned(), ""),
    );
}

/// One finding in an archive.
pub(crate) enum Inner<'a> {
    /// A file to read.
    File(&'a mut dyn Read),
    /// Something is wrong at this name: place, what, hint.
    Problem(Place, String, &'static str),
}
