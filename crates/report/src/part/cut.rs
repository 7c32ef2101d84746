//! The forms of a finding in a part: whole, brief, or only counted.

use model::{Failure, Finding, GridCell, PastRun, TestName};

use super::wire::{WireEvidence, WireFinding};
use crate::group::rows_of;
use crate::words;

/// Characters of a suite, class or name; what was longer is shown cut, and its id says which test it is.
const NAME: usize = 300;
/// Characters of a failure's message.
const MESSAGE: usize = 700;
/// Characters of a sentence or a path.
const SENTENCE: usize = 400;
/// Past runs in a row of the grid.
const RUNS: usize = 32;
/// Jobs in a grid.
const JOBS: usize = 8;

/// The first characters of a text.
pub(super) fn cut(text: &str, chars: usize) -> String {
    text.chars().take(chars).collect()
}

/// A finding with all that a comment shows of it. `cluster` is the place of its cause in the part.
pub(super) fn whole(finding: &Finding, cluster: usize) -> WireFinding {
    let evidence = &finding.evidence;
    let brief = brief(finding, cluster);
    WireFinding {
        failure: finding.failure.as_ref().map(failure),
        evidence: WireEvidence {
            last_failure: evidence.last_failure.as_ref().map(past),
            last_pass: evidence.last_pass.as_ref().map(past),
            other_prs: evidence.other_prs.iter().take(50).copied().collect(),
            touched: evidence
                .touched
                .iter()
                .take(5)
                .map(|path| cut(path, SENTENCE))
                .collect(),
            grid: grid(&evidence.grid),
            because: cut(&evidence.because, SENTENCE),
            would_change: cut(&evidence.would_change, SENTENCE),
            ..brief.evidence
        },
        ..brief
    }
}

/// A finding with its name, its odds and its counts.
pub(super) fn brief(finding: &Finding, cluster: usize) -> WireFinding {
    let test = TestName {
        suite: cut(&finding.test.suite, NAME),
        class: finding.test.class.as_deref().map(|class| cut(class, NAME)),
        name: cut(&finding.test.name, NAME),
    };
    let evidence = &finding.evidence;
    WireFinding {
        id: (test != finding.test).then(|| finding.test.id()),
        test,
        verdict: finding.verdict,
        blocks: finding.blocks,
        odds: [
            finding.p_caused,
            finding.p_broken_base,
            finding.p_flake,
            finding.p_retest_passes,
        ]
        .map(short),
        reruns: finding.reruns_to_settle,
        cluster,
        attempts: [finding.failed_attempts, finding.attempts],
        failure: None,
        evidence: WireEvidence {
            days: short(evidence.window_days),
            counts: [
                evidence.runs,
                evidence.failures,
                evidence.flakes,
                evidence.same_signature,
                evidence.broken_base_failures,
            ],
            ..WireEvidence::default()
        },
    }
}

/// Six digits after the point; what is no number is nothing.
fn short(x: f64) -> f64 {
    if x.is_finite() {
        (x * 1e6).round() / 1e6
    } else {
        0.0
    }
}

fn failure(failure: &Failure) -> Failure {
    let said = !failure.message.trim().is_empty();
    Failure {
        kind: failure.kind.as_deref().map(|kind| cut(kind, NAME)),
        message: cut(&failure.message, MESSAGE),
        stack: if said {
            String::new()
        } else {
            cut(&failure.stack, MESSAGE)
        },
        file: failure.file.as_deref().map(|file| cut(file, SENTENCE)),
        line: failure.line,
    }
}

fn past(run: &PastRun) -> PastRun {
    PastRun {
        job: String::new(),
        run: cut(&run.run, 80),
        at: run.at,
        commit: cut(&run.commit, 64),
        url: cut(&run.url, SENTENCE),
        same_signature: run.same_signature,
    }
}

/// The rows of the grid as the signs that a text shows.
fn grid(cells: &[GridCell]) -> Vec<(String, String)> {
    let row = |(job, cells): (&str, Vec<&GridCell>)| {
        let signs = cells.iter().map(|cell| words::cell_sign(cell)).collect();
        (cut(job, NAME), signs)
    };
    rows_of(cells, RUNS)
        .into_iter()
        .take(JOBS)
        .map(row)
        .collect()
}
