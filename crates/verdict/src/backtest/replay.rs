//! One run of the base, judged as if it were a pull request.

use model::{Outcome, RecordedRun, RecordedTest, Signature};

use super::Options;
use super::hindsight::{Around, Hindsight};
use super::peers;
use super::rng::Rng;
use super::score::{Judged, Score, Test};
use crate::judge::mass_failure;
use crate::odds::{Odds, RunFacts, Seen, judge_run};
use crate::{Baseline, Config};

/// Draws for the text of an injected break, to find one of another test.
const TEXT_DRAWS: usize = 5;

/// Replays runs with fixed constants.
pub(super) struct Replay<'a> {
    config: &'a Config,
    options: &'a Options,
    hindsight: &'a Hindsight<'a>,
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
    pub(super) fn judge(
        &self,
        base: &Baseline,
        run: (&'a RecordedRun, usize),
        to: (u32, &mut Score),
    ) {
        let ((run, place), (repeat, score)) = (run, to);
        let rows = run.rows.iter().enumerate();
        let failed: Vec<(usize, &RecordedTest)> =
            rows.filter(|(_, row)| row.outcome.is_failure()).collect();
        let innocent = |row: &usize| {
            let around = self.hindsight.around(run, (place, *row));
            around.is_some_and(|a| a.truth().is_innocent())
        };
        if !failed.iter().all(|(row, _)| innocent(row)) {
            score.skipped += 1;
            return;
        }
        let mut rng = Rng::of(self.options.seed, place, repeat);
        let injected = self.inject(run, &mut rng);
        let rows = failed.into_iter().map(|row| (row, false));
        let rows = rows.chain(injected.map(|row| (row, true)));
        let rows: Vec<_> = rows.collect();
        let failing: Vec<Failing<'_>> = rows
            .into_iter()
            .filter_map(|(row, injected)| self.failing((run, place), (row, injected), &mut rng))
            .collect();
        score.add(&self.judged(base, run, &failing));
    }

    /// Draws the passing test that gets a break, if this run gets one.
    fn inject<'r>(&self, run: &'r RecordedRun, rng: &mut Rng) -> Option<(usize, &'r RecordedTest)> {
        if rng.unit() >= self.options.inject {
            return None;
        }
        let rows = run.rows.iter().enumerate();
        let passing: Vec<_> = rows
            .filter(|(_, row)| row.outcome == Outcome::Pass)
            .collect();
        rng.pick(&passing).copied()
    }

    fn failing(
        &self,
        (run, place): (&'a RecordedRun, usize),
        ((row_place, row), injected): ((usize, &'a RecordedTest), bool),
        rng: &mut Rng,
    ) -> Option<Failing<'a>> {
        let around = self.hindsight.around(run, (place, row_place))?;
        let at = run.info.started_at;
        let draws = 0..self.config.max_reruns.max(1);
        let reruns = draws.map(|_| around.rerun(at, rng) || injected).collect();
        let (signature, text) = if injected {
            self.foreign_text(row, rng)
        } else {
            let text = row.signature.and_then(|s| run.texts.get(&s));
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
        let runs = facts.job.and_then(|job| base.jobs.get(job as usize));
        let known_job = runs.is_some_and(|job| job.runs >= self.config.min_runs);
        let tests = failing.iter().zip(odds).map(|(failing, odds)| {
            let known = known_job && base.entries_of(failing.row.id).next().is_some();
            self.test(failing, odds, (run, known && !outage))
        });
        Judged {
            injected: failing.iter().any(|f| f.injected),
            tests: tests.collect(),
        }
    }

    fn test(&self, failing: &Failing<'_>, odds: Odds, (run, judged): (&RecordedRun, bool)) -> Test {
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

fn facts<'a>(base: &Baseline, run: &RecordedRun, failing: &'a [Failing<'_>]) -> RunFacts<'a> {
    let at = run.info.started_at;
    let job = base.job_index(&run.info.key.job);
    let ran = run.rows.iter().filter(|row| row.outcome.ran());
    RunFacts {
        job,
        at,
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
