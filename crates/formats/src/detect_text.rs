//! Recognises the JSON and text formats by their first bytes.
//!
//! The first line or document that is decisive wins, so that output before the results does not hide them.

use crate::json::{Got, Json, Kind};
use crate::{Format, subunit, tap};

/// Nesting that is looked into.
const DEPTH: usize = 4;

/// Bytes that look like a packet of subunit are checked so often at most.
const PACKETS: usize = 64;

/// The format of a file that starts so; `None` when it is none of these.
///
/// `head` is decoded text (subunit v1: raw bytes) of up to 64 KiB and may be cut anywhere.
pub(crate) fn detect(head: &[u8]) -> Option<Format> {
    let text = head.trim_ascii_start();
    if text.starts_with(b"{") {
        let known = noted(text, false).of_document();
        if known.is_some() {
            return known;
        }
    }
    of_lines(text).or_else(|| of_text(&String::from_utf8_lossy(text)))
}

/// The format of a file whose raw bytes start so, looked at before any decoding: subunit v2.
pub(crate) fn detect_binary(raw: &[u8]) -> Option<Format> {
    if subunit::is_packet(raw) {
        return Some(Format::SubunitV2);
    }
    let starts = memchr::memchr_iter(0xB3, raw).take(PACKETS);
    let mut packets = starts.filter_map(|at| raw.get(at..));
    packets
        .any(subunit::is_whole_packet)
        .then_some(Format::SubunitV2)
}

/// What an object says of its format.
#[derive(Debug, Default)]
struct Notes {
    /// `type` and `event` of an event.
    kind: String,
    event: String,
    seen: Vec<Seen>,
}

/// Keys that tell a format, with what their values begin as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Action,
    Package,
    Time,
    Protocol,
    CtrfFormat,
    CtrfResults,
    TestResults,
    JestTotals,
    PlaywrightConfig,
    MochaStats,
    MochaList,
    MochawesomeResults,
}

impl Notes {
    fn has(&self, seen: Seen) -> bool {
        self.seen.contains(&seen)
    }

    /// The format of an event that is one line.
    fn of_event(&self) -> Option<Format> {
        let go = self.has(Seen::Action) && self.has(Seen::Package);
        let libtest =
            matches!(self.kind.as_str(), "suite" | "test" | "bench") && !self.event.is_empty();
        let dart = [
            "start",
            "suite",
            "testStart",
            "group",
            "allSuites",
            "testDone",
            "done",
            "print",
            "error",
        ];
        let dart = self.has(Seen::Protocol)
            || (self.has(Seen::Time) && dart.contains(&self.kind.as_str()));
        match (go, libtest, dart) {
            (true, ..) => Some(Format::GoTestJson),
            (_, true, _) => Some(Format::LibtestJson),
            (_, _, true) => Some(Format::DartJson),
            _ => None,
        }
    }

    /// The format of a document; an event counts as one.
    fn of_document(&self) -> Option<Format> {
        let any = |wanted: &[Seen]| wanted.iter().any(|seen| self.has(*seen));
        if any(&[Seen::CtrfFormat, Seen::CtrfResults]) {
            Some(Format::Ctrf)
        } else if any(&[Seen::TestResults, Seen::JestTotals]) {
            Some(Format::JestJson)
        } else if any(&[Seen::PlaywrightConfig]) {
            Some(Format::PlaywrightJson)
        } else if self.has(Seen::MochaStats) && self.has(Seen::MochawesomeResults) {
            Some(Format::MochawesomeJson)
        } else if self.has(Seen::MochaStats) && self.has(Seen::MochaList) {
            Some(Format::MochaJson)
        } else {
            self.of_event()
        }
    }

    fn note(&mut self, seen: Seen) {
        if !self.has(seen) {
            self.seen.push(seen);
        }
    }

    /// Looks at the value of a key of the outermost object.
    fn value(&mut self, key: &str, json: &mut Json<'_>) -> Got<()> {
        let kind = json.kind()?;
        match (key, kind) {
            ("type", Kind::Text) => self.kind = json.text(32)?.unwrap_or_default(),
            ("event", Kind::Text) => self.event = json.text(32)?.unwrap_or_default(),
            ("reportFormat", Kind::Text) => {
                if json.text(8)?.as_deref() == Some("CTRF") {
                    self.note(Seen::CtrfFormat);
                }
            }
            ("results" | "config" | "stats", Kind::Object) => return self.inner(key, json),
            _ => {
                if let Some(seen) = outer(key, kind) {
                    self.note(seen);
                }
                json.skip()?;
            }
        }
        Ok(())
    }

    /// Looks at the keys of an object within the outermost.
    fn inner(&mut self, outer: &str, json: &mut Json<'_>) -> Got<()> {
        json.object(|json, key| {
            let seen = match (outer, key.as_str()) {
                ("results", "tests" | "tool" | "summary") => Some(Seen::CtrfResults),
                ("config", "rootDir" | "configFile" | "projects") => Some(Seen::PlaywrightConfig),
                ("stats", "passes" | "pending" | "failures") => Some(Seen::MochaStats),
                _ => None,
            };
            if let Some(seen) = seen {
                self.note(seen);
            }
            json.skip()
        })
    }
}

fn outer(key: &str, kind: Kind) -> Option<Seen> {
    match (key, kind) {
        ("Action", Kind::Text) => Some(Seen::Action),
        ("Package" | "ImportPath", Kind::Text) => Some(Seen::Package),
        ("time", Kind::Scalar) => Some(Seen::Time),
        ("protocolVersion", Kind::Text) => Some(Seen::Protocol),
        ("testResults", Kind::Array) => Some(Seen::TestResults),
        ("numTotalTests" | "numTotalTestSuites", Kind::Scalar) => Some(Seen::JestTotals),
        ("tests" | "passes" | "pending" | "failures", Kind::Array) => Some(Seen::MochaList),
        ("results", Kind::Array) => Some(Seen::MochawesomeResults),
        _ => None,
    }
}

/// The notes of the object that text begins with, as far as it goes.
fn noted(mut text: &[u8], by_line: bool) -> Notes {
    let mut notes = Notes::default();
    let mut json = if by_line {
        Json::lines(&mut text, DEPTH)
    } else {
        Json::document(&mut text, DEPTH)
    };
    let _cut_or_broken = json.object(|json, key| notes.value(key.as_str(), json));
    notes
}

/// The format of the first line that is an event.
fn of_lines(text: &[u8]) -> Option<Format> {
    text.split(|byte| *byte == b'\n').find_map(|line| {
        let line = line.trim_ascii_start();
        match line.first()? {
            b'{' => noted(line, true).of_event(),
            b'[' if is_mocha_event(line) => Some(Format::MochaJson),
            _ => None,
        }
    })
}

/// `["start",{"total":6}]`.
fn is_mocha_event(line: &[u8]) -> bool {
    let events: [&[u8]; 3] = [b"[\"start\",{", b"[\"pass\",{", b"[\"fail\",{"];
    events.iter().any(|event| line.starts_with(event))
}

/// TAP and subunit v1.
fn of_text(text: &str) -> Option<Format> {
    if tap::is_tap(text) {
        Some(Format::Tap)
    } else {
        subunit::is_v1(text).then_some(Format::SubunitV1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{detect, detect_binary};
    use crate::Format;
    use crate::testing::corpus;

    #[test]
    fn every_format_is_known_by_its_first_line() {
        let cases: [(&str, Option<Format>); 24] = [
            (
                r#"{"Time":"2019","Action":"run","Package":"p","Test":"T"}"#,
                Some(Format::GoTestJson),
            ),
            (
                "# p\n./x.go:1: no\n{\"ImportPath\":\"p\",\"Action\":\"build-fail\"}",
                Some(Format::GoTestJson),
            ),
            (
                r#"{ "type": "suite", "event": "started", "test_count": 1 }"#,
                Some(Format::LibtestJson),
            ),
            (
                "   Compiling x\n{ \"type\": \"test\", \"event\": \"ok\"",
                Some(Format::LibtestJson),
            ),
            (
                r#"{"protocolVersion":"0.1.1","type":"start","time":0}"#,
                Some(Format::DartJson),
            ),
            (
                r#"{"suite":{"id":0},"type":"suite","time":0}"#,
                Some(Format::DartJson),
            ),
            (r#"{"results": {"tool": {"#, Some(Format::Ctrf)),
            (r#"{"reportFormat": "CTRF", "#, Some(Format::Ctrf)),
            (
                r#"{"numFailedTests":2,"numTotalTests":7,"#,
                Some(Format::JestJson),
            ),
            (
                "{\n \"config\": {\n \"configFile\": \"x\"",
                Some(Format::PlaywrightJson),
            ),
            (
                r#"{"stats": {"passes": 2}, "tests": ["#,
                Some(Format::MochaJson),
            ),
            (
                r#"{"stats": {"passes": 2}, "results": ["#,
                Some(Format::MochawesomeJson),
            ),
            ("[\"start\",{\"total\":6}]", Some(Format::MochaJson)),
            ("TAP version 14\n", Some(Format::Tap)),
            ("starting\n1..2\nok 1\n", Some(Format::Tap)),
            ("ok 1 outer flaky\n", Some(Format::Tap)),
            (
                "time: 2026-11-20 08:55:03.663403Z\ntest: a\n",
                Some(Format::SubunitV1),
            ),
            ("test: a\nnoise\nsuccess: a\n", Some(Format::SubunitV1)),
            ("ok  \tpackage/name\t0.1s\n", None),
            ("test: a\nerror: b\n", None),
            ("{\"name\": \"x\", \"version\": \"1\"}", None),
            ("{\"type\": \"test\"}", None),
            ("[1, 2, 3]", None),
            ("", None),
        ];
        for (head, expected) in cases {
            assert_eq!(detect(head.as_bytes()), expected, "{head}");
        }
    }

    #[test]
    fn real_files_are_known() {
        let cases = [
            ("gen-jest/jest.json", Format::JestJson),
            ("gen-jest/jest.ctrf.json", Format::Ctrf),
            ("gen-playwright/pw.ctrf.json", Format::Ctrf),
            ("ctrf/ctrf-reports/ctrf-report.json", Format::Ctrf),
            ("gen-playwright/pw.json", Format::PlaywrightJson),
            ("gen-mocha/mocha.json", Format::MochaJson),
            ("gen-mocha/mocha-json-stream.jsonl", Format::MochaJson),
            ("gen-mocha/mochawesome.json", Format::MochawesomeJson),
            ("gen-mocha/mocha.tap", Format::Tap),
            (
                "test-summary/test/resources/tap/07-creative-liberties.tap",
                Format::Tap,
            ),
            ("gen-subunit/ut.subunit1", Format::SubunitV1),
            ("gen-subunit/ut.subunit", Format::SubunitV2),
            ("gen-libtest/libtest.json", Format::LibtestJson),
            (
                "cargo2junit/src/test_inputs/issue76.json",
                Format::LibtestJson,
            ),
            (
                "enricomi/python/test/files/mocha/tests.json",
                Format::MochaJson,
            ),
            (
                "enricomi/python/test/files/dart/json/tests.json",
                Format::DartJson,
            ),
            (
                "go-junit-report/testdata/105-panic.gojson.txt",
                Format::GoTestJson,
            ),
        ];
        for (name, format) in cases {
            let Some(bytes) = corpus(name) else { return };
            let head = &bytes[..bytes.len().min(64 << 10)];
            let found = detect_binary(head).or_else(|| detect(head));
            assert_eq!(found, Some(format), "{name}");
        }
    }

    #[test]
    fn text_with_the_signature_byte_is_not_subunit() {
        assert_eq!(detect_binary("<a>ó ó/</a>".as_bytes()), None);
        assert_eq!(detect_binary(&vec![0xB3; 1 << 16]), None);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = (detect(&bytes), detect_binary(&bytes));
        }
    }
}
