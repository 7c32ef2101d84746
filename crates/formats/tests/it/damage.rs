//! Damaged files: whatever is done to a real file, reading it ends, does not panic, and says no more than its limits allow.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use formats::{Collector, Limits, Tally};

use crate::corpus::corpus;

/// A small generator of numbers, so that a failure can be repeated (xorshift64*, Vigna 2016).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(high).unwrap() % bound.max(1)
    }
}

/// Pieces that parsers trip over.
const SPLICES: [&[u8]; 24] = [
    b"<",
    b">",
    b"&",
    b"\"",
    b"'",
    b"]]>",
    b"<![CDATA[",
    b"<!--",
    b"-->",
    b"<!DOCTYPE x [",
    b"<?",
    b"</testsuite>",
    b"<testcase name=\"x\">",
    b"&#0;",
    b"&#xFFFFFFFF;",
    b"\xFF\xFE",
    b"\x00",
    b"\x1B[31m",
    b"{",
    b"}",
    b"\n",
    b"\xB3",
    b"1e999",
    b"\xE2\x80",
];

fn damage(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() + 1);
        match random.below(5) {
            0 => bytes.truncate(at),
            1 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            2 => drop(bytes.splice(at..at, SPLICES[random.below(SPLICES.len())].iter().copied())),
            3 => {
                let end = (at + random.below(200)).min(bytes.len());
                drop(bytes.drain(at..end));
            }
            _ => {
                let end = (at + random.below(2000)).min(bytes.len());
                let copy = bytes[at..end].to_vec();
                let to = random.below(bytes.len() + 1);
                drop(bytes.splice(to..to, copy));
            }
        }
    }
    bytes
}

fn read_both_ways(name: &str, bytes: &[u8]) {
    let limits = Limits::default();
    let mut tally = Tally::default();
    formats::read(name, &mut Cursor::new(bytes), &limits, &mut tally);
    for file in tally.files() {
        let c = &file.counted;
        assert_eq!(
            c.tests,
            c.passed + c.failed + c.errors + c.skipped,
            "{name}"
        );
        assert!(file.problems.len() <= limits.problems + 2, "{name}");
    }
    let mut collector = Collector::default();
    formats::read(name, &mut Cursor::new(bytes), &limits, &mut collector);
    let (run, problems) = collector.finish();
    let most = tally.total().tests + problems.len() as u64;
    assert!(run.results.len() as u64 <= most, "{name}");
}

/// Files of the repository itself, so that something is read on every machine.
fn own_cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/e2e/cases/inspect-formats")
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.metadata().unwrap().len() < 40_000 {
            found.push(path);
        }
    }
    found.sort();
}

#[test]
fn mutated_corpus_files_neither_panic_nor_hang() {
    let rounds = std::env::var("SPRAG_DAMAGE_ROUNDS").map_or(2, |rounds| rounds.parse().unwrap());
    let mut found = Vec::new();
    for folder in [own_cases()].into_iter().chain(corpus()) {
        files(&folder, &mut found);
    }
    for path in found {
        let bytes = std::fs::read(&path).unwrap();
        let name = path.display().to_string();
        read_both_ways(&name, &bytes);
        for round in 0..rounds {
            let seed = (round + 1) * 0x9E37_79B9 + bytes.len() as u64;
            let damaged = damage(&bytes, &mut Random(seed | 1));
            read_both_ways(&format!("{name} seed {seed}"), &damaged);
        }
    }
}

#[test]
fn one_byte_at_a_time_reads_the_same_as_all_at_once() {
    struct Slow<'a>(&'a [u8]);
    impl std::io::Read for Slow<'_> {
        fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
            let len = out.len().min(1);
            std::io::Read::read(&mut self.0, &mut out[..len])
        }
    }
    let Some(corpus) = corpus() else { return };
    let names = [
        "gen-pytest/xunit2.xml",
        "gen-derived/utf16le-bom.xml",
        "gen-derived/esc-raw.xml",
        "gen-derived/doctype-entity.xml",
        "enricomi/python/test/files/trx/mstest/pickles.trx",
        "enricomi/python/test/files/nunit/nunit3/jenkins/NUnit-correct.xml",
    ];
    for name in names {
        let bytes = std::fs::read(corpus.join(name)).unwrap();
        let (mut slow, mut fast) = (Tally::default(), Tally::default());
        formats::read_stream(name, &mut Slow(&bytes), &Limits::default(), &mut slow);
        formats::read_stream(name, &mut bytes.as_slice(), &Limits::default(), &mut fast);
        assert_eq!(slow.files(), fast.files(), "{name}");
    }
}

#[test]
fn output_of_any_size_is_skipped_in_constant_memory() {
    /// A test suite with gigabytes of output between two cases.
    struct Huge {
        left: u64,
        parts: Vec<&'static [u8]>,
    }
    impl std::io::Read for Huge {
        fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
            if self.left > 0 && self.parts.len() == 1 {
                let len = usize::try_from(self.left)
                    .unwrap_or(usize::MAX)
                    .min(out.len());
                out[..len].fill(b'x');
                self.left -= len as u64;
                return Ok(len);
            }
            let Some(part) = self.parts.last_mut() else {
                return Ok(0);
            };
            let len = std::io::Read::read(part, out)?;
            if part.is_empty() {
                self.parts.pop();
            }
            Ok(len)
        }
    }
    let mut tally = Tally::default();
    let mut huge = Huge {
        left: 256 << 20,
        parts: vec![
            b"]]></system-out></testcase><testcase name='b'/></testsuite>",
            b"<testsuite name='s'><testcase name='a'><system-out><![CDATA[",
        ],
    };
    formats::read_stream("huge.xml", &mut huge, &Limits::default(), &mut tally);
    assert_eq!(tally.total().tests, 2);
    assert_eq!(tally.files()[0].problems, []);
}
