//! The report as JSON: `schemas/report-v1.json` describes it.

use model::Report;

use crate::text::{is_invisible, put};

/// Renders a report as indented JSON in UTF-8, with a line break at the end.
///
/// Characters that show nothing or turn the direction of writing are written as `\uXXXX`: the value is the same, and a
/// person who reads the file is not misled.
pub fn json(report: &Report) -> String {
    // Only a map with keys that are no strings fails to serialise, and a report has none.
    let plain = serde_json::to_string_pretty(report).unwrap_or_default();
    let mut out = String::with_capacity(plain.len() + 1);
    for c in plain.chars() {
        if c == '\x7f' || is_invisible(c) {
            escape(c, &mut out);
        } else {
            out.push(c);
        }
    }
    out.push('\n');
    out
}

fn escape(c: char, out: &mut String) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        put!(*out, "\\u{unit:04x}");
    }
}

#[cfg(test)]
mod tests {
    use super::json;
    use crate::fixture;

    #[test]
    fn it_reads_back_as_the_same_report() {
        let mut report = fixture::mixed();
        report.findings[0].test.name = "a\u{202e}\u{e0041}\u{7f}\"\\".to_owned();
        let text = json(&report);
        assert_eq!(
            serde_json::from_str::<model::Report>(&text).unwrap(),
            report
        );
        assert!(
            text.contains(r#""name": "a\u202e\udb40\udc41\u007f\"\\""#),
            "{text}"
        );
        assert!(text.ends_with("}\n"));
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
