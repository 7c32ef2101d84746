//! Equal reports give equal bytes, whatever the order in which they were made.

use report::{MarkdownOptions, Style, html, json, markdown, terminal};

use crate::fixture;

fn all(report: &model::Report) -> [String; 4] {
    let style = Style {
        color: true,
        width: 80,
    };
    [
        terminal(report, &style),
        markdown(report, &MarkdownOptions::default()),
        json(report),
        html(report),
    ]
}

#[test]
fn equal_reports_give_equal_bytes() {
    assert_eq!(all(&fixture::mixed()), all(&fixture::mixed()));
}

#[test]
fn a_report_that_was_written_and_read_is_shown_the_same() {
    let report = fixture::mixed();
    let read = serde_json::from_str(&json(&report));
    assert_eq!(read.map(|read| all(&read)).ok(), Some(all(&report)));
}

#[test]
fn cells_of_a_grid_are_shown_in_the_order_of_time() {
    let mut report = fixture::mixed();
    let expected = all(&report);
    for finding in &mut report.findings {
        finding.evidence.grid.reverse();
    }
    let [text, comment, _, page] = all(&report);
    let [expected_text, expected_comment, _, expected_page] = expected;
    assert_eq!(
        (text, comment, page),
        (expected_text, expected_comment, expected_page)
    );
}
