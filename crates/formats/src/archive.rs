//! Archives: gzip and zip, read through within limits. Nothing is ever written.
//!
//! Entries are streamed. An archive within an archive is streamed too when it is gzip; a zip, whose directory stands at its
//! end, is held in memory up to a bound. Everything that is unpacked, at any level, counts against one allowance that follows
//! from the size of the outermost file, so that bombs of any nesting come to an end.

use crate::sink::loss;
use std::cell::Cell;
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom};
use std::rc::Rc;

use flate2::read::MultiGzDecoder;
use model::Place;
use zip::ZipArchive;

use crate::{Limits, detect};

mod name;

/// What can be read and rewound: a file, or bytes in memory.
pub trait ReadSeek: Read + Seek {}

impl<T: Read + Seek> ReadSeek for T {}

/// How much of a file is looked at to see what it is.
const HEAD: u64 = 64 << 10;

/// The largest zip within an archive.
const HELD_ZIP: u64 = 64 << 20;

/// Bytes that may be unpacked whatever the size of the archive.
const FREE_BYTES: u64 = 16 << 20;

/// Whether a file that starts so is an archive.
pub(crate) fn is_archive(head: &[u8]) -> bool {
    is_gzip(head) || is_zip(head)
}

fn is_gzip(head: &[u8]) -> bool {
    head.starts_with(&[0x1F, 0x8B])
}

fn is_zip(head: &[u8]) -> bool {
    head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06")
}

/// One finding in an archive.
pub(crate) enum Inner<'a> {
    /// A file to read.
    File(&'a mut dyn Read),
    /// Something is wrong at this name: place, what, hint.
    Problem(Place, String, &'static str),
}

/// Gives each file of results in an archive to `each` with its name (`artifact.zip!inner.xml`), in the order of the archive.
///
/// Entries of a zip that are no results are passed over in silence: an artifact holds logs and screenshots too.
pub(crate) fn read(
    name: &str,
    input: &mut dyn ReadSeek,
    limits: &Limits,
    each: &mut dyn FnMut(&str, Inner<'_>),
) {
    let size = input.seek(SeekFrom::End(0)).unwrap_or_default();
    let free = FREE_BYTES.saturating_add(size.saturating_mul(limits.archive_ratio));
    let mut reader = Reader {
        limits,
        each,
        left: Rc::new(Cell::new(free.min(limits.archive_bytes))),
        entries: 0,
        given: 0,
        full: false,
    };
    reader.outermost(name, input);
}

struct Reader<'a> {
    limits: &'a Limits,
    each: &'a mut dyn FnMut(&str, Inner<'_>),
    /// Bytes that may still be unpacked.
    left: Rc<Cell<u64>>,
    /// Entries seen, directories left out.
    entries: usize,
    /// Files given to be read.
    given: usize,
    full: bool,
}

/// A file in an archive.
#[derive(Clone, Copy)]
struct At<'n> {
    name: &'n str,
    depth: usize,
    /// Whether it may be something else than results.
    in_zip: bool,
}

impl Reader<'_> {
    fn problem(&mut self, name: &str, what: String, hint: &'static str) {
        (self.each)(name, Inner::Problem(Place::File, what, hint));
    }

    fn outermost(&mut self, name: &str, input: &mut dyn ReadSeek) {
        let at = At {
            name,
            depth: 0,
            in_zip: false,
        };
        let mut magic = Vec::new();
        let sought = input
            .rewind()
            .and_then(|()| input.take(4).read_to_end(&mut magic));
        if let Err(error) = sought.and_then(|_| input.rewind()) {
            return self.problem(name, format!("cannot be read: {error}"), loss::UNREAD);
        }
        if is_gzip(&magic) {
            return self.gzip(at, input);
        }
        if self.zip(at, input) && self.given == 0 && !self.full {
            let what = format!("no test results among its {} files", self.entries);
            self.problem(name, what, "is it the right artifact?");
        }
    }

    /// Reads gzip, of one or several members.
    fn gzip(&mut self, at: At<'_>, input: &mut dyn Read) {
        let mut unpacked = Metered {
            inner: MultiGzDecoder::new(BufReader::new(input)),
            left: Rc::clone(&self.left),
        };
        let at = At {
            depth: at.depth + 1,
            ..at
        };
        self.stream(at, &mut unpacked);
    }

    /// Reads what came out of an archive: another archive, or a file.
    fn stream(&mut self, at: At<'_>, input: &mut dyn Read) {
        let mut head = Vec::new();
        let broken = input.take(HEAD).read_to_end(&mut head).err();
        if is_archive(&head) && at.depth > self.limits.archive_depth {
            let what = format!(
                "archives are nested more than {} deep",
                self.limits.archive_depth
            );
            return self.problem(at.name, what, "it is not opened");
        }
        if is_gzip(&head) {
            self.gzip(at, &mut head.as_slice().chain(input));
        } else if is_zip(&head) {
            self.held_zip(at, &mut head.as_slice().chain(input));
        } else {
            self.file(at, &head, broken, input);
        }
    }

    fn file(&mut self, at: At<'_>, head: &[u8], broken: Option<io::Error>, input: &mut dyn Read) {
        if at.in_zip
            && detect(head).is_none()
            && broken.is_none()
            && !name::is_result(at.name, head)
        {
            return;
        }
        self.given += 1;
        let mut rest: Box<dyn Read + '_> = match broken {
            Some(error) => Box::new(Failing(Some(error))),
            None => Box::new(input),
        };
        (self.each)(at.name, Inner::File(&mut head.chain(&mut rest)));
    }

    /// Reads a zip that has no file of its own to be rewound.
    fn held_zip(&mut self, at: At<'_>, input: &mut dyn Read) {
        let mut bytes = Vec::new();
        if let Err(error) = input.take(HELD_ZIP + 1).read_to_end(&mut bytes) {
            return self.problem(
                at.name,
                format!("cannot be unpacked: {error}"),
                "it is not opened",
            );
        }
        if bytes.len() as u64 > HELD_ZIP {
            let what = format!("a zip of more than {HELD_ZIP} bytes within an archive");
            return self.problem(at.name, what, "it is not opened; unpack it first");
        }
        let _opened = self.zip(at, &mut Cursor::new(bytes));
    }

    /// Reads a zip; whether it could be opened.
    fn zip(&mut self, at: At<'_>, input: &mut dyn ReadSeek) -> bool {
        match entry_count(input) {
            Ok(Some(count)) if count > self.limits.archive_files as u64 => {
                let what = format!("the archive says it has {count} files");
                self.full = true;
                self.problem(at.name, what, "it is not opened");
                return false;
            }
            Ok(_) => {}
            Err(error) => {
                self.problem(at.name, format!("cannot be read: {error}"), loss::UNREAD);
                return false;
            }
        }
        let mut archive = match ZipArchive::new(input) {
            Ok(archive) => archive,
            Err(error) => {
                let what = format!("the zip cannot be read: {error}");
                self.problem(at.name, what, loss::DAMAGED);
                return false;
            }
        };
        for index in 0..archive.len() {
            if !self.entry(at, &mut archive, index) {
                break;
            }
        }
        true
    }

    /// Reads one entry of a zip; false when no more may be read.
    fn entry(
        &mut self,
        at: At<'_>,
        archive: &mut ZipArchive<&mut dyn ReadSeek>,
        index: usize,
    ) -> bool {
        let (raw, directory, encrypted) = match archive.by_index_raw(index) {
            Ok(entry) => {
                let name = String::from_utf8_lossy(entry.name_raw()).into_owned();
                (name, entry.is_dir(), entry.encrypted())
            }
            Err(error) => {
                let what = format!("entry {index} cannot be read: {error}");
                self.problem(at.name, what, "it is skipped");
                return true;
            }
        };
        let inner = name::shown(at.name, &raw);
        if directory {
            return true;
        }
        if !self.admit(at.name) {
            return false;
        }
        if let Some(why) = name::refused(&raw) {
            self.problem(&inner, format!("the name of an entry {why}"), loss::REFUSED);
        } else if encrypted {
            self.problem(&inner, "the entry is encrypted".to_owned(), "it is skipped");
        } else {
            self.unpack(&inner, at.depth, archive, index);
        }
        self.left.get() > 0
    }

    fn unpack(
        &mut self,
        name: &str,
        depth: usize,
        archive: &mut ZipArchive<&mut dyn ReadSeek>,
        index: usize,
    ) {
        let entry = match archive.by_index(index) {
            Ok(entry) => entry,
            Err(error) => {
                let what = format!("the entry cannot be unpacked: {error}");
                return self.problem(name, what, "it is skipped");
            }
        };
        let mut unpacked = Metered {
            inner: entry,
            left: Rc::clone(&self.left),
        };
        let at = At {
            name,
            depth: depth + 1,
            in_zip: true,
        };
        self.stream(at, &mut unpacked);
        if self.left.get() == 0 {
            let what = "the archive unpacks to more than its size allows".to_owned();
            self.problem(name, what, "what follows is not read");
        }
    }

    /// Counts an entry; false beyond the limit.
    fn admit(&mut self, name: &str) -> bool {
        self.entries += 1;
        let over = self.entries > self.limits.archive_files;
        if over && !self.full {
            self.full = true;
            let what = format!("more than {} files in archives", self.limits.archive_files);
            self.problem(name, what, "further ones are not read");
        }
        !over
    }
}

/// Counts what is unpacked, and fails beyond the allowance.
struct Metered<R> {
    inner: R,
    left: Rc<Cell<u64>>,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(out)?;
        let left = self.left.get().checked_sub(read as u64);
        self.left.set(left.unwrap_or_default());
        match left {
            Some(_) => Ok(read),
            None => Err(io::Error::other(
                "it unpacks to more than the size of the archive allows",
            )),
        }
    }
}

/// Fails once: what was wrong after the head of a file.
struct Failing(Option<io::Error>);

impl Read for Failing {
    fn read(&mut self, _out: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

/// How many entries the directory at the end of a zip announces, before it is read into memory; `None` when there is none.
fn entry_count(input: &mut dyn ReadSeek) -> io::Result<Option<u64>> {
    let size = input.seek(SeekFrom::End(0))?;
    let start = size.saturating_sub((22 + 20 + 56 + 65_535) as u64);
    input.seek(SeekFrom::Start(start))?;
    let mut tail = Vec::new();
    input.take(1 << 20).read_to_end(&mut tail)?;
    input.rewind()?;
    let small =
        memchr::memmem::rfind(&tail, b"PK\x05\x06").and_then(|at| number::<2>(&tail, at + 10));
    if small != Some(0xFFFF) {
        return Ok(small);
    }
    let large =
        memchr::memmem::rfind(&tail, b"PK\x06\x06").and_then(|at| number::<8>(&tail, at + 32));
    Ok(large.or(small))
}

/// A number of `N` bytes, the lowest first.
fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(N)?)?;
    Some(
        bytes
            .iter()
            .rev()
            .fold(0, |number, byte| (number << 8) | u64::from(*byte)),
    )
}

#[cfg(test)]
#[path = "archive/tests.rs"]
mod tests;
