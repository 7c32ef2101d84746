//! The report as JSON: `schemas/report-v1.json` describes it.

use std::io::{self, Write};

use model::Report;
use serde::Serialize as _;
use serde_json::ser::Formatter;

use crate::text::{is_invisible, put};

/// Levels that stand on lines of their own: down to the evidence of a finding. The cells of a grid, which are many, stay
/// on one line.
const INDENTED: usize = 4;

/// Renders a report as indented JSON in UTF-8, with a line break at the end.
///
/// Characters that show nothing or turn the direction of writing are written as `\uXXXX`: the value is the same, and a
/// person who reads the file is not misled.
pub fn json(report: &Report) -> String {
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, Lines::default());
    // Only a map with keys that are no strings fails to serialise, and a report has none.
    report.serialize(&mut serializer).unwrap_or_default();
    bytes.push(b'\n');
    harmless_json(&String::from_utf8_lossy(&bytes))
}

/// The same JSON without anything that acts on a terminal or in the log of a CI system: characters that show nothing and the `##` that
/// commands begin with, which only texts can hold, are written as `\uXXXX`.
pub fn harmless_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c == '\x7f' || is_invisible(c) {
            escape(c, &mut out);
        } else {
            out.push(c);
        }
    }
    out.replace("##", "#\\u0023")
}

fn escape(c: char, out: &mut String) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        put!(*out, "\\u{unit:04x}");
    }
}

/// Indents the upper levels and writes the lower ones without blanks.
#[derive(Debug, Default)]
struct Lines {
    depth: usize,
    /// Whether the innermost value that was closed or is open holds anything.
    filled: bool,
}

impl Lines {
    fn open<W: Write + ?Sized>(&mut self, writer: &mut W, sign: &[u8]) -> io::Result<()> {
        self.depth += 1;
        self.filled = false;
        writer.write_all(sign)
    }

    fn close<W: Write + ?Sized>(&mut self, writer: &mut W, sign: &[u8]) -> io::Result<()> {
        let on_lines = self.filled && self.depth <= INDENTED;
        self.depth = self.depth.saturating_sub(1);
        if on_lines {
            self.indent(writer)?;
        }
        self.filled = true;
        writer.write_all(sign)
    }

    fn entry<W: Write + ?Sized>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if !first {
            writer.write_all(b",")?;
        }
        if self.depth <= INDENTED {
            self.indent(writer)?;
        }
        Ok(())
    }

    fn indent<W: Write + ?Sized>(&self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b"\n")?;
        for _ in 0..self.depth {
            writer.write_all(b"  ")?;
        }
        Ok(())
    }
}

impl Formatter for Lines {
    fn begin_array<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.open(writer, b"[")
    }

    fn end_array<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.close(writer, b"]")
    }

    fn begin_array_value<W: Write + ?Sized>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.entry(writer, first)
    }

    fn end_array_value<W: Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        self.filled = true;
        Ok(())
    }

    fn begin_object<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.open(writer, b"{")
    }

    fn end_object<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.close(writer, b"}")
    }

    fn begin_object_key<W: Write + ?Sized>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.entry(writer, first)
    }

    fn begin_object_value<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(if self.depth <= INDENTED { b": " } else { b":" })
    }

    fn end_object_value<W: Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        self.filled = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::json;
    use crate::fixture;

    #[test]
    fn it_reads_back_as_the_same_report() {
        let mut report = fixture::mixed();
        report.findings[0].test.name = "a\u{202e}\u{e0041}\u{7f}\"\\##[x]".to_owned();
        let text = json(&report);
        assert_eq!(
            serde_json::from_str::<model::Report>(&text).unwrap(),
            report
        );
        assert!(
            text.contains(r#""name": "a\u202e\udb40\udc41\u007f\"\\#\u0023[x]""#),
            "{text}"
        );
        assert!(text.ends_with("}\n"));
    }

    #[test]
    fn upper_levels_are_indented_and_the_grid_stays_on_one_line() {
        let mut report = fixture::with(vec![fixture::caused()]);
        report.findings[0].evidence.grid.truncate(2);
        report.findings[0].evidence.durations_ms.truncate(3);
        insta::assert_snapshot!(json(&report), @r#"
        {
          "schema": 1,
          "conclusion": "blocked",
          "headline": "1 of 1 failures look caused by this PR",
          "subject": {
            "run": {
              "key": {
                "repo": "acme/shop",
                "branch": "main",
                "job": "unit (linux)",
                "run": "90412",
                "attempt": 1
              },
              "started_at": "2026-11-20T09:45:36Z",
              "commit": "3f2a9c1d5be07744aa10",
              "pr": 482,
              "url": "https://ci.example/acme/shop/runs/90412"
            },
            "base": "main",
            "merge_base": "b81e0c2f9a",
            "at": "2026-11-20T10:00:00Z",
            "baseline_runs": 412,
            "window_days": 14.0,
            "newest_run_at": "2026-11-20T08:12:00Z",
            "runs_missing": 0
          },
          "totals": {
            "tests": 4812,
            "passed": 4794,
            "failed": 1,
            "errors": 0,
            "skipped": 17,
            "flaked": 0
          },
          "counts": {
            "caused": 1,
            "new-test": 0,
            "outage": 0,
            "suspect": 0,
            "no-baseline": 0,
            "broken-base": 0,
            "elsewhere": 0,
            "flake": 0
          },
          "findings": [
            {
              "test": {
                "suite": "tests/test_invoice.py",
                "class": "TestInvoice",
                "name": "test_adds_tax[de-19]"
              },
              "id": "cb0b597c5474f7c9",
              "verdict": "caused",
              "blocks": true,
              "p_caused": 0.9962,
              "p_broken_base": 0.0006,
              "p_flake": 0.0032,
              "p_retest_passes": 0.003104,
              "reruns_to_settle": 0,
              "cluster": 0,
              "failed_attempts": 1,
              "attempts": 1,
              "failure": {
                "kind": "AssertionError",
                "message": "assert Decimal('100.00') == Decimal('119.00')\n  where Decimal('100.00') = invoice.total(rate='de')\n  and   rate = 19 %",
                "stack": "tests/test_invoice.py:41: in test_adds_tax\n    assert invoice.total(rate=country) == expected\nshop/invoice.py:88: in total\n    return self.net",
                "file": "tests/test_invoice.py",
                "line": 41
              },
              "signature": "5eed000000000001",
              "evidence": {
                "window_days": 14.0,
                "runs": 412,
                "failures": 0,
                "flakes": 0,
                "same_signature": 0,
                "broken_base_failures": 0,
                "levels": [{"level":"test","runs":201.5,"failures":0.0},{"level":"suite","runs":18440.0,"failures":12.25}],
                "likelihood": {"caused":0.9,"broken_base":0.001,"flake":0.0004},
                "prior_caused": 0.05,
                "last_pass": {"job":"unit (linux)","run":"1187","at":"2026-11-20T07:36:00Z","commit":"1187c0ffee77aa42","url":"https://ci.example/acme/shop/runs/1187"},
                "touched": ["shop/invoice.py"],
                "grid": [{"job":"unit (linux)","at":"2026-11-09T18:00:00Z","outcome":"pass"},{"job":"unit (macos)","at":"2026-11-09T18:00:00Z","outcome":"pass"}],
                "durations_ms": [410,447,484],
                "because": "never failed in 412 runs on main in 14 days, and this PR changes shop/invoice.py",
                "would_change": "a pass on a rerun of this commit, or the same failure on main"
              }
            }
          ],
          "clusters": [
            {
              "signature": "5eed000000000001",
              "message": "assert Decimal('100.00') == Decimal('119.00')\n  where Decimal('100.00') = invoice.total(rate='de')\n  and   rate = 19 %",
              "tests": 1
            }
          ],
          "changes": [],
          "problems": []
        }
        "#);
    }

    #[test]
    fn a_failing_test_has_the_promised_keys() {
        let report = fixture::mixed();
        let value: serde_json::Value = serde_json::from_str(&json(&report)).unwrap();
        let finding = value["findings"][0].as_object().unwrap();
        for key in [
            "test",
            "verdict",
            "p_caused",
            "p_broken_base",
            "p_flake",
            "p_retest_passes",
            "reruns_to_settle",
            "evidence",
        ] {
            assert!(finding.contains_key(key), "{key}");
        }
    }
}
