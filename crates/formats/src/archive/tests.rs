use std::io::{Cursor, Write as _};

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::{Inner, read};
use crate::Limits;

fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        writer
            .start_file(*name, SimpleFileOptions::default())
            .unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// What is found, a line each: the name and the bytes, or the problem.
fn found(bytes: &[u8], limits: &Limits) -> Vec<String> {
    let mut lines = Vec::new();
    read(
        "a",
        &mut Cursor::new(bytes),
        limits,
        &mut |name, inner| match inner {
            Inner::File(file) => {
                let mut content = Vec::new();
                let end = file
                    .read_to_end(&mut content)
                    .map_err(|error| error.to_string());
                let content =
                    String::from_utf8_lossy(&content[..content.len().min(20)]).into_owned();
                let end = end
                    .err()
                    .map(|error| format!(" then {error}"))
                    .unwrap_or_default();
                lines.push(format!("{name}: {content}{end}"));
            }
            Inner::Problem(_, what, hint) => lines.push(format!("{name}: PROBLEM {what} ({hint})")),
        },
    );
    lines
}

#[test]
fn an_artifact_gives_its_results_and_nothing_else() {
    let inner = zip(&[("x.xml", b"<testsuite/>")]);
    let bytes = zip(&[
        ("logs/run.log", b"text"),
        ("r/a.xml", b"<testsuites/>"),
        ("r/b.tap", b"ok 1 a"),
        ("r/c.xml.gz", &gzip(b"<testsuite>")),
        ("nested.zip", &inner),
        ("empty.xml", b""),
        ("../evil.xml", b"<testsuite/>"),
    ]);
    insta::assert_snapshot!(found(&bytes, &Limits::default()).join("\n"), @r#"
    a!r/a.xml: <testsuites/>
    a!r/b.tap: ok 1 a
    a!r/c.xml.gz: <testsuite>
    a!nested.zip!x.xml: <testsuite/>
    a!empty.xml: 
    a!../evil.xml: PROBLEM the name of an entry leads out of the archive (the entry is refused)
    "#);
}

#[test]
fn gzip_of_several_members_is_one_file() {
    let mut bytes = gzip(b"<testsuite>");
    bytes.extend(gzip(b"</testsuite>"));
    assert_eq!(
        found(&bytes, &Limits::default()),
        ["a: <testsuite></testsui"]
    );
}

#[test]
fn a_zip_within_gzip_is_opened_and_nesting_ends() {
    let mut bytes = gzip(&zip(&[("x.xml", b"<testsuite/>")]));
    assert_eq!(found(&bytes, &Limits::default()), ["a!x.xml: <testsuite/>"]);
    for _ in 0..5 {
        bytes = gzip(&bytes);
    }
    assert_eq!(
        found(&bytes, &Limits::default()),
        ["a: PROBLEM archives are nested more than 3 deep (it is not opened)"]
    );
}

#[test]
fn bombs_end_early() {
    let mut bytes = gzip(&vec![b' '; 8 << 20]);
    bytes = gzip(&bytes);
    let limits = Limits {
        archive_bytes: 1 << 20,
        ..Limits::default()
    };
    let lines = found(&bytes, &limits);
    assert!(
        lines[0].ends_with("then it unpacks to more than the size of the archive allows"),
        "{lines:?}"
    );
    let mut log = b"<testsuite>".to_vec();
    log.resize(8 << 20, b' ');
    let bytes = zip(&[("a.xml", &log), ("b.xml", b"<testsuite/>")]);
    insta::assert_snapshot!(found(&bytes, &limits).join("\n"), @r#"
    a!a.xml: <testsuite>          then it unpacks to more than the size of the archive allows
    a!a.xml: PROBLEM the archive unpacks to more than its size allows (what follows is not read)
    "#);
}

#[test]
fn too_many_files_and_no_results_are_said() {
    let bytes = zip(&[("a", b"1"), ("b", b"2")]);
    let limits = Limits {
        archive_files: 1,
        ..Limits::default()
    };
    assert_eq!(
        found(&bytes, &limits),
        ["a: PROBLEM the archive says it has 2 files (it is not opened)"]
    );
    assert_eq!(
        found(&zip(&[]), &Limits::default()),
        ["a: PROBLEM no test results among its 0 files (is it the right artifact?)"]
    );
    assert_eq!(
        found(&bytes, &Limits::default()),
        ["a: PROBLEM no test results among its 2 files (is it the right artifact?)"]
    );
}

#[test]
fn a_truncated_archive_is_a_problem() {
    let bytes = gzip(b"<testsuite><testcase name='a'/></testsuite>");
    let lines = found(&bytes[..bytes.len() - 12], &Limits::default());
    assert!(
        lines[0].starts_with("a: <testsuite") && lines[0].contains(" then "),
        "{lines:?}"
    );
    let bytes = zip(&[("a.xml", b"<testsuite/>")]);
    let lines = found(&bytes[..bytes.len() - 12], &Limits::default());
    assert!(
        lines.len() == 1 && lines[0].contains("PROBLEM the zip cannot be read"),
        "{lines:?}"
    );
}

proptest! {
    #[test]
    fn damaged_archives_never_panic(at in 0..400_usize, value in any::<u8>(), cut in 0..400_usize) {
        let inner = gzip(b"<testsuite/>");
        let mut bytes = zip(&[("a.xml", b"<testsuite/>"), ("b.gz", &inner)]);
        if let Some(byte) = bytes.get_mut(at) {
            *byte = value;
        }
        let end = bytes.len() - cut.min(bytes.len()) / 2;
        drop(found(&bytes[..end], &Limits::default()));
    }
}
