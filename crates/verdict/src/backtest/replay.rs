//! One run of the base, judged as if it were a pull request.

use model::{Outcome, RecordedRun, RecordedTest, Signature};

use super::Options;
use super::hindsight::{Around, Hindsight, Numbered};
use super::peers;
use super::rng::Rng;
use super::score::{Judged, Score, Test};
use crate::judge::mass_failure;
use crate::odds::{Odds, Place, RunFacts, Seen, judge_run};
use crate::{Baseline, Config};

/// Draws for the text of an injected break, to find one of another test.
const TEXT_DRAWS: usize = 5;

/// Replays runs with fixed constants.
pub(super) struct Replay<'a> {
    config: &'a Config,
    options: &'a Options,
    hindsight: &'a Hindsight<'a>,
}

/// A row of the run that is taken as failing, really or by injection.
#[derive(Clone, Copy)]
struct Drawn<'a> {
    /// Its place among the rows of the run.
    place: usize,
    row: &'a RecordedTest,
    injected: bool,
}

/// A failing test of the run, really or by injection.
struct Failing<'a> {
    row: &'a RecordedTest,
    around: Around<'a>,
    injected: bool,
    signature: Option<Signature>,
    text: &'a str,
    /// Whether each rerun fails, drawn once so that every rule sees the same.
    reruns: Vec<bool>,
}

impl<'a> Replay<'a> {
    pub(super) fn new(
        config: &'a Config,
        options: &'a Options,
        hindsight: &'a Hindsight<'a>,
    ) -> Self {
        Self {
            config,
            options,
            hindsight,
        }
    }

    /// Judges a run and scores every rule, unless its truth is unknown or it is guilty itself.
    pub(super) fn judge(&self, base: &Baseline, of: Numbered<'a>, repeat: u32, score: &mut Score) {
        let failed = rows(of.run, false, Outcome::is_failure);
        let innocent = |drawn: &Drawn<'_>| {
            let around = self.hindsight.around(of, drawn.place);
            around.is_some_and(|a| a.truth().is_innocent())
        };
        if !failed.iter().all(innocent) {
            score.skipped += 1;
            return;
        }
        let mut rng = Rng::of(self.options.seed, of.place, repeat);
        let injected = self.inject(of.run, &mut rng);
        let failing: Vec<Failing<'_>> = failed
            .into_iter()
            .chain(injected)
            .filter_map(|drawn| self.failing(of, drawn, &mut rng))
            .collect();
        score.add(&self.judged(base, of.run, &failing));
    }

    /// Draws the passing test that gets a break, if this run gets one.
    fn inject<'r>(&self, run: &'r RecordedRun, rng: &mut Rng) -> Option<Drawn<'r>> {
        if rng.unit() >= self.options.inject {
            return None;
        }
        let passing = rows(run, true, |outcome| outcome == Outcome::Pass);
        rng.pick(&passing).copied()
    }

    fn failing(&self, of: Numbered<'a>, drawn: Drawn<'a>, rng: &mut Rng) -> Option<Failing<'a>> {
        let Drawn { row, injected, .. } = drawn;
        let around = self.hindsight.around(of, drawn.place)?;
        let at = of.run.info.started_at;
        let draws = 0..self.config.max_reruns.max(1);
        let reruns = draws.map(|_| around.rerun(at, rng) || injected).collect();
        let (signature, text) = if injected {
            self.foreign_text(row, rng)
        } else {
            let text = row.signature.and_then(|s| of.run.texts.get(&s));
            (row.signature, text.map_or("", String::as_str))
        };
        Some(Failing {
            row,
            around,
            injected,
            signature,
            text,
            reruns,
        })
    }

    /// The text of a real failure of another test.
    fn foreign_text(&self, row: &RecordedTest, rng: &mut Rng) -> (Option<Signature>, &'a str) {
        let draws: Vec<_> = (0..TEXT_DRAWS)
            .filter_map(|_| rng.pick(&self.hindsight.real).copied())
            .collect();
        let other = draws.iter().find(|real| real.test != row.id);
        let drawn = other.or_else(|| draws.first());
        drawn.map_or((None, ""), |real| (Some(real.signature), real.text))
    }

    fn judged(&self, base: &Baseline, run: &RecordedRun, failing: &[Failing<'_>]) -> Judged {
        let facts = facts(base, run, failing);
        let odds = judge_run(self.config, base, &facts);
        let outage = mass_failure(self.config, &facts, &odds).is_some();
        let runs = facts.place.job.and_then(|job| base.jobs.get(job as usize));
        let known_job = runs.is_some_and(|job| job.runs >= self.config.min_runs);
        let tests = failing.iter().zip(odds).map(|(failing, odds)| {
            let known = known_job && base.entries_of(failing.row.id).next().is_some();
            self.test(failing, odds, run, known && !outage)
        });
        Judged {
            injected: failing.iter().any(|f| f.injected),
            tests: tests.collect(),
        }
    }

    /// How every rule sees one failing test; Sprag blames only what it has a verdict on (`judged`).
    fn test(&self, failing: &Failing<'_>, odds: Odds, run: &RecordedRun, judged: bool) -> Test {
        let again = failing.reruns.first().copied().unwrap_or(false);
        let p = odds.p_caused();
        let (after, used) = if judged {
            self.rerun(odds, &failing.reruns)
        } else {
            (odds, 0)
        };
        let at_once = judged && p >= self.config.caused_at;
        let late = judged && after.p_caused() >= self.config.caused_at;
        Test {
            injected: failing.injected,
            p_caused: judged.then_some(p),
            blamed: at_once,
            blamed_after_reruns: late,
            reruns: used,
            peers: peers::blames(failing.around, run.info.started_at, again),
        }
    }

    /// Reruns the test until the sequential test settles it or the budget ends.
    fn rerun(&self, mut odds: Odds, outcomes: &[bool]) -> (Odds, u32) {
        let mut used = 0;
        for failed in outcomes.iter().take(self.config.max_reruns as usize) {
            if odds.settled(self.config) {
                break;
            }
            used += 1;
            odds = odds.after_rerun(self.config, *failed);
        }
        (odds, used)
    }
}

/// The rows of a run with an outcome that is wanted.
fn rows(run: &RecordedRun, injected: bool, wanted: impl Fn(Outcome) -> bool) -> Vec<Drawn<'_>> {
    let rows = run.rows.iter().enumerate();
    let rows = rows.filter(|(_, row)| wanted(row.outcome));
    rows.map(|(place, row)| Drawn {
        place,
        row,
        injected,
    })
    .collect()
}

fn facts<'a>(base: &Baseline, run: &RecordedRun, failing: &'a [Failing<'_>]) -> RunFacts<'a> {
    let at = run.info.started_at;
    let job = base.job_index(&run.info.key.job);
    let ran = run.rows.iter().filter(|row| row.outcome.ran());
    RunFacts {
        place: Place { job, at },
        merge_base: u32::MAX,
        ran: ran.clone().count(),
        expected: if failing.is_empty() {
            0.0
        } else {
            ran.map(|row| base.chance(row.id, job, at)).sum()
        },
        seen: failing.iter().map(seen).collect(),
    }
}

fn seen<'a>(failing: &'a Failing<'_>) -> Seen<'a> {
    Seen {
        id: failing.row.id,
        signature: failing.signature,
        text: failing.text,
        touched: 1.0,
        elsewhere: 0.0,
    }
}
