//! The answer over all jobs, in one sentence.

use model::{Conclusion, Counts, Verdict};

use super::{Job, Merged};
use crate::text::{count, grouped, name};

/// What failing tests of a verdict are, for one test and for many.
fn clause(verdict: Verdict) -> [&'static str; 2] {
    match verdict {
        Verdict::Caused => ["looks caused by this PR", "look caused by this PR"],
        Verdict::NewTest => [
            "is in a test that this PR adds",
            "are in tests that this PR adds",
        ],
        Verdict::Outage => [
            "comes from a run that failed as a whole",
            "come from runs that failed as a whole",
        ],
        Verdict::Suspect => [
            "is not settled: a rerun would tell",
            "are not settled: a rerun would tell",
        ],
        Verdict::NoBaseline => [
            "cannot be judged: not enough history",
            "cannot be judged: not enough history",
        ],
        Verdict::BrokenBase | Verdict::Elsewhere | Verdict::Flake => ["", ""],
    }
}

/// Verdicts that a headline names, the first that is there.
const NAMED: [Verdict; 5] = [
    Verdict::Caused,
    Verdict::NewTest,
    Verdict::Outage,
    Verdict::Suspect,
    Verdict::NoBaseline,
];

impl Merged<'_> {
    /// The answer: `2 of 5 failures look caused by this PR`. One line of plain text, the first of every rendering.
    pub fn headline(&self) -> String {
        match self.jobs.as_slice() {
            [] => format!("No job has reported{}", self.waiting()),
            [only] if self.is_whole() => capital(&only.report.headline),
            jobs => {
                let counts = self.counts();
                let answer = match counts.all() {
                    0 => no_failures(jobs),
                    all => failures(&counts, all),
                };
                format!("{answer}{}", self.waiting())
            }
        }
    }

    /// What else is still to come. How many jobs that is need not be known.
    fn waiting(&self) -> String {
        if let Some(why) = self.gaps.unknown.first() {
            return format!("; {why}");
        }
        match (self.gaps.missing.len(), self.gaps.damaged.len()) {
            (0, 0) => String::new(),
            (0, n) => format!("; the reports of {} cannot be read", count(n as u64, "job")),
            _ => "; not all jobs have reported".to_owned(),
        }
    }

    /// Whether anything blocks, in one sentence.
    pub(crate) fn verdict_line(&self) -> String {
        let blocking: u64 = self.blocking();
        match self.conclusion() {
            Conclusion::Clear => "Nothing blocks this PR.".to_owned(),
            Conclusion::Undecided => "Not decided: this is not a pass.".to_owned(),
            Conclusion::Blocked if blocking == 0 => {
                "This PR is blocked: there is no result to judge.".to_owned()
            }
            Conclusion::Blocked if blocking == 1 => "1 failure blocks this PR.".to_owned(),
            Conclusion::Blocked => format!("{} failures block this PR.", grouped(blocking)),
        }
    }

    /// Failing tests that block, counted as in [`Merged::counts`].
    pub(crate) fn blocking(&self) -> u64 {
        if self.has_left_out() {
            return self.jobs.iter().map(|job| job.blocking).sum();
        }
        let rows = self.rows();
        rows.iter()
            .filter(|row| row.cases().any(|case| case.finding.blocks))
            .count() as u64
    }
}

fn no_failures(jobs: &[Job<'_>]) -> String {
    let open: Vec<&Job<'_>> = jobs.iter().filter(|job| job.is_open()).collect();
    match open.as_slice() {
        [] => {
            let tests = jobs.iter().map(|job| job.report.totals.tests).sum();
            format!(
                "No failures in {} of {}",
                count(tests, "test"),
                count(jobs.len() as u64, "job")
            )
        }
        [job] => format!(
            "Not decided: {}: {}",
            name(job.name()),
            uncapital(&job.report.headline)
        ),
        more => format!(
            "{} of {} not decided",
            grouped(more.len() as u64),
            count(jobs.len() as u64, "job")
        ),
    }
}

fn failures(counts: &Counts, all: u64) -> String {
    let mut named = NAMED
        .into_iter()
        .map(|verdict| (verdict, counts.get(verdict)));
    let Some((verdict, n)) = named.find(|(_, n)| *n > 0) else {
        return match all {
            1 => "The failure does not look caused by this PR".to_owned(),
            _ => format!("None of {} failures look caused by this PR", grouped(all)),
        };
    };
    let [one, many] = clause(verdict);
    match (all, n) {
        (1, _) => format!("The failure {one}"),
        (_, 1) => format!("1 of {} failures {one}", grouped(all)),
        _ => format!("{} of {} failures {many}", grouped(n), grouped(all)),
    }
}

/// With a capital letter, in one line.
pub(crate) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().into_iter().flat_map(char::to_uppercase);
    first.chain(chars).collect()
}

fn uncapital(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().into_iter().flat_map(char::to_lowercase);
    first.chain(chars).collect()
}
