//! Pictures in SVG: bars, the grid of past runs, the trend of durations. Each says in words what it shows.
//!
//! No picture carries a `style` attribute: the page's content security policy forbids them.

use model::{GridCell, Outcome};

use super::escape::escaped;
use crate::text::{count, moment, put, seconds};

/// Pixels from one cell of the grid to the next.
const STEP: usize = 17;
/// Pixels of a cell.
const CELL: usize = 14;

/// The kinds of cell: id of the symbol, drawing in a box of 14 by 14, and meaning.
const CELLS: [(&str, &str, &str); 6] = [
    (
        "pass",
        "<circle class=\"g-pass\" cx=\"7\" cy=\"7\" r=\"3.5\"/>",
        "passed",
    ),
    (
        "like",
        "<rect class=\"g-like\" width=\"14\" height=\"14\" rx=\"2.5\"/><path class=\"g-mark\" d=\"M4 4l6 6M10 4l-6 6\"/>",
        "failed like now",
    ),
    (
        "fail",
        "<rect class=\"g-fail\" x=\"1\" y=\"1\" width=\"12\" height=\"12\" rx=\"2\"/><circle class=\"g-dot\" cx=\"7\" cy=\"7\" r=\"2\"/>",
        "failed in another way",
    ),
    (
        "error",
        "<path class=\"g-error\" d=\"M7 1L13 12.5H1z\"/><rect class=\"g-bang\" x=\"6\" y=\"5\" width=\"2\" height=\"4.5\"/>",
        "could not finish",
    ),
    (
        "flaky",
        "<circle class=\"g-flaky\" cx=\"7\" cy=\"7\" r=\"5.5\"/><path class=\"g-half\" d=\"M7 1.5a5.5 5.5 0 0 1 0 11z\"/>",
        "passed on a retry",
    ),
    ("skip", "<path class=\"g-skip\" d=\"M3 7h8\"/>", "skipped"),
];

/// The symbols that every grid of the page uses.
pub(super) fn symbols() -> String {
    let mut out = String::from("<svg width=\"0\" height=\"0\" aria-hidden=\"true\" class=\"vh\">");
    for (id, drawing, _) in CELLS {
        put!(
            out,
            "<symbol id=\"g-{id}\" viewBox=\"0 0 14 14\">{drawing}</symbol>"
        );
    }
    out.push_str("</svg>\n");
    out
}

/// What the signs of the grid mean.
pub(super) fn legend() -> String {
    let mut out = String::from("<ul class=\"key\" aria-label=\"Signs in the grid\">");
    for (id, _, meaning) in CELLS {
        put!(
            out,
            "<li><svg width=\"14\" height=\"14\" aria-hidden=\"true\"><use href=\"#g-{id}\"/></svg>{meaning}</li>"
        );
    }
    out.push_str("</ul>\n");
    out
}

fn kind(cell: &GridCell) -> usize {
    match cell.outcome {
        Outcome::Pass if cell.flaked => 4,
        Outcome::Pass => 0,
        Outcome::Fail | Outcome::Error if cell.same_signature => 1,
        Outcome::Fail => 2,
        Outcome::Error => 3,
        Outcome::Skip => 5,
    }
}

/// One row of the grid: the runs of a job, oldest first.
pub(super) fn grid_row(cells: &[&GridCell]) -> String {
    let width = cells.len() * STEP;
    let mut out = format!(
        "<svg width=\"{width}\" height=\"{CELL}\" viewBox=\"0 0 {width} {CELL}\" role=\"img\" aria-label=\"{}\">",
        in_words(cells)
    );
    for (i, cell) in cells.iter().enumerate() {
        let (id, _, meaning) = CELLS.get(kind(cell)).copied().unwrap_or_default();
        put!(
            out,
            "<use href=\"#g-{id}\" x=\"{}\" width=\"{CELL}\" height=\"{CELL}\"><title>{}: {meaning}</title></use>",
            i * STEP,
            moment(cell.at)
        );
    }
    out.push_str("</svg>");
    out
}

/// A row in words: `32 runs: 29 passed, 2 failed like now, 1 skipped`.
pub(super) fn in_words(cells: &[&GridCell]) -> String {
    let mut parts = Vec::new();
    for (i, (_, _, meaning)) in CELLS.iter().enumerate() {
        match cells.iter().filter(|cell| kind(cell) == i).count() {
            0 => {}
            n => parts.push(format!("{n} {meaning}")),
        }
    }
    format!("{}: {}", count(cells.len() as u64, "run"), parts.join(", "))
}

/// A bar of parts that fill it in proportion; the first number of each part is from 0 to 1.
pub(super) fn bar(parts: &[(f64, &str)], label: &str) -> String {
    let mut out = format!(
        "<svg class=\"bar\" viewBox=\"0 0 100 7\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{}\">",
        escaped(label)
    );
    let mut x = 0.0;
    for (share, class) in parts {
        let width = (share.clamp(0.0, 1.0) * 100.0).min(100.0 - x);
        if width >= 0.05 {
            put!(
                out,
                "<rect class=\"{class}\" x=\"{x:.1}\" width=\"{width:.1}\" height=\"7\"/>"
            );
        }
        x += width;
    }
    out.push_str("</svg>");
    out
}

/// Size of the trend's curve in pixels, without its labels.
const TREND: (f64, f64) = (260.0, 44.0);

/// The trend of durations in milliseconds, oldest first; nothing for fewer than three runs.
pub(super) fn trend(durations_ms: &[u32]) -> Option<String> {
    let mut sorted = durations_ms.to_vec();
    sorted.sort_unstable();
    let (low, high) = (*sorted.first()?, *sorted.last()?);
    let median = *sorted.get(sorted.len() / 2)?;
    let last = *durations_ms.last()?;
    if durations_ms.len() < 3 {
        return None;
    }
    let words = format!(
        "{}: last {}, median {}, from {} to {}",
        count(durations_ms.len() as u64, "run"),
        duration(last),
        duration(median),
        duration(low),
        duration(high)
    );
    // From zero, so that noise does not look like a change.
    let scale = TREND.1 / f64::from(high.max(1));
    let y = |ms: u32| 2.0 + TREND.1 - f64::from(ms) * scale;
    let step = TREND.0 / (durations_ms.len() - 1) as f64;
    let mut points = String::new();
    for (i, ms) in durations_ms.iter().enumerate() {
        put!(points, "{:.1},{:.1} ", 3.0 + i as f64 * step, y(*ms));
    }
    let (x, bottom) = (3.0 + TREND.0, 2.0 + TREND.1);
    let (y_last, y_median) = (y(last), y(median));
    Some(format!(
        "<svg class=\"trend\" width=\"340\" height=\"50\" viewBox=\"0 0 340 50\" role=\"img\" aria-label=\"{words}\">\
         <line x1=\"3\" x2=\"{x}\" y1=\"{y_median:.1}\" y2=\"{y_median:.1}\"/>\
         <polyline points=\"{}\"/><circle cx=\"{x}\" cy=\"{y_last:.1}\" r=\"3\"/>\
         <text x=\"{}\" y=\"{:.1}\">{}</text><text x=\"{}\" y=\"{bottom}\">0</text></svg>\
         <p class=\"note\">{words}</p>",
        points.trim_end(),
        x + 8.0,
        (y_last + 4.0).clamp(10.0, bottom - 12.0),
        duration(last),
        x + 8.0,
    ))
}

fn duration(ms: u32) -> String {
    seconds(f64::from(ms) / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::{bar, in_words, trend};
    use crate::fixture;

    #[test]
    fn a_row_of_the_grid_is_also_said_in_words() {
        let finding = fixture::flake();
        let linux = |cell: &&model::GridCell| cell.job == "unit (linux)";
        let cells: Vec<_> = finding.evidence.grid.iter().filter(linux).collect();
        assert_eq!(
            in_words(&cells),
            "32 runs: 24 passed, 4 failed like now, 3 passed on a retry, 1 skipped"
        );
    }

    #[test]
    fn parts_of_a_bar_never_overflow_it() {
        insta::assert_snapshot!(bar(&[(0.7, "pr"), (0.5, "self"), (f64::NAN, "base")], "x"), @r#"<svg class="bar" viewBox="0 0 100 7" preserveAspectRatio="none" role="img" aria-label="x"><rect class="pr" x="0.0" width="70.0" height="7"/><rect class="self" x="70.0" width="30.0" height="7"/></svg>"#);
    }

    #[test]
    fn two_runs_are_no_trend() {
        assert_eq!(trend(&[1, 2]), None);
        assert!(trend(&[0, 0, 0]).is_some_and(|svg| svg.contains("3 runs: last 0 ms")));
    }
}
