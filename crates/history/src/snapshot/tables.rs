//! What the rows of a snapshot refer to by small numbers: moments of runs, job by job, and signatures. A moment or a signature is random to a compressor and
//! stands here once, however many tests failed then and so.

use std::collections::{BTreeMap, BTreeSet};

use model::{Signature, Timestamp};
use serde::{Deserialize, Serialize};
use verdict::{Baseline, Trouble};

/// The job of a moment of which only the time is known.
const NO_JOB: u32 = u32::MAX;

/// No list of moments of a test is longer.
const MOST_STEPS: usize = 1 << 10;

/// A run of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Moment {
    job: u32,
    at: Timestamp,
    /// Its number; 0 where only the time matters.
    run: u32,
}

/// The tables.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub(super) struct Tables {
    /// In order.
    moments: Vec<Moment>,
    signatures: Vec<Signature>,
    /// For writing: the place of the first moment of a time, and that of a signature.
    times: BTreeMap<Timestamp, u32>,
    places: BTreeMap<Signature, u32>,
}

/// Moments of one job one after the other: how far back, how often in a row.
pub(super) type Steps = Vec<(i64, u32)>;

/// The tables as they are written: columns of small numbers.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Written {
    jobs: Vec<(u32, u32)>,
    times: Vec<i64>,
    runs: Vec<i64>,
    signatures: Vec<[u8; 8]>,
}

impl Tables {
    /// Everything that the rows of a baseline refer to.
    pub(super) fn of(baseline: &Baseline) -> Self {
        let moments = moments(baseline);
        let mut tables = Self {
            times: times(&moments),
            moments,
            ..Self::default()
        };
        // The texts of a test stand together, so that a row need not say where.
        for text in baseline.test_texts.values().flat_map(|of| &of.texts) {
            tables.add(text.signature);
        }
        for (_, trouble) in troubles(baseline) {
            let newest = trouble
                .newest
                .iter()
                .filter_map(|failure| failure.signature);
            let recent = trouble.recent.iter().filter_map(|recent| recent.signature);
            let streaks = trouble.streaks.iter().filter_map(|streak| streak.signature);
            newest
                .chain(recent)
                .chain(streaks)
                .for_each(|signature| tables.add(signature));
        }
        for signature in baseline.signatures.keys() {
            tables.add(*signature);
        }
        tables
    }

    fn add(&mut self, signature: Signature) {
        let next = u32::try_from(self.signatures.len()).unwrap_or(u32::MAX);
        self.places.entry(signature).or_insert_with(|| {
            self.signatures.push(signature);
            next
        });
    }

    /// The place of a signature.
    pub(super) fn place(&self, signature: Signature) -> u32 {
        self.places.get(&signature).copied().unwrap_or(u32::MAX)
    }

    pub(super) fn signature(&self, place: u32) -> Option<Signature> {
        self.signatures.get(usize::try_from(place).ok()?).copied()
    }

    pub(super) fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// The place of a time.
    pub(super) fn time_place(&self, at: Timestamp) -> u32 {
        self.times.get(&at).copied().unwrap_or(u32::MAX)
    }

    pub(super) fn time(&self, place: u32) -> Option<Timestamp> {
        Some(self.moments.get(usize::try_from(place).ok()?)?.at)
    }

    /// Where the moments of a job begin and end.
    fn bounds(&self, job: u32) -> (usize, usize) {
        let start = self.moments.partition_point(|moment| moment.job < job);
        let end = self.moments.partition_point(|moment| moment.job <= job);
        (start, end)
    }

    /// Moments of a job (oldest first; number 0 where only the time matters) as steps back from its newest.
    pub(super) fn steps(
        &self,
        job: u32,
        of: impl DoubleEndedIterator<Item = (Timestamp, u32)>,
    ) -> Steps {
        let mut from = self.bounds(job).1;
        let mut steps = Steps::new();
        for (at, run) in of.rev() {
            let moment = Moment { job, at, run };
            let place = self.moments.partition_point(|other| *other < moment);
            let back = difference(from, place);
            match steps.last_mut() {
                Some((last, times)) if *last == back => *times += 1,
                _ => steps.push((back, 1)),
            }
            from = place;
        }
        steps
    }

    /// What [`Tables::steps`] was made of.
    pub(super) fn moments(&self, job: u32, steps: &Steps) -> Option<Vec<(Timestamp, u32)>> {
        let (start, end) = self.bounds(job);
        let within = self.moments.get(start..end)?;
        let mut from = i64::try_from(within.len()).ok()?;
        let mut out = Vec::new();
        for (back, times) in steps {
            for _ in 0..*times {
                from = from.checked_sub(*back)?;
                let moment = within.get(usize::try_from(from).ok()?)?;
                out.push((moment.at, moment.run));
                if out.len() > MOST_STEPS {
                    return None;
                }
            }
        }
        out.reverse();
        Some(out)
    }
}

fn difference(from: usize, to: usize) -> i64 {
    let number = |place| i64::try_from(place).unwrap_or(i64::MAX);
    number(from).saturating_sub(number(to))
}

fn troubles(baseline: &Baseline) -> impl Iterator<Item = (u32, &Trouble)> {
    let entries = baseline.entries.iter();
    entries.filter_map(|((_, job), entry)| Some((*job, entry.trouble.as_deref()?)))
}

/// All moments, in order.
fn moments(baseline: &Baseline) -> Vec<Moment> {
    let mut all = BTreeSet::new();
    for (job, trouble) in troubles(baseline) {
        let newest = trouble
            .newest
            .iter()
            .map(|failure| (failure.at, failure.run));
        let recent = trouble.recent.iter().map(|recent| (recent.at, recent.run));
        all.extend(
            newest
                .chain(recent)
                .map(|(at, run)| Moment { job, at, run }),
        );
    }
    for (job, trouble) in troubles(baseline) {
        for streak in trouble.streaks.iter().filter(|streak| streak.failed) {
            let (at, run) = (streak.last_at, 0);
            let any = Moment {
                job,
                at,
                run: u32::MAX,
            };
            let moment = Moment { job, at, run };
            if all.range(moment..=any).next().is_none() {
                all.insert(moment);
            }
        }
    }
    let known: BTreeSet<Timestamp> = all.iter().map(|moment| moment.at).collect();
    let texts = baseline.test_texts.values().map(|texts| texts.at);
    let states = baseline.signatures.values().map(|state| state.last_at);
    let others = texts.chain(states).filter(|at| !known.contains(at));
    all.extend(others.map(|at| Moment {
        job: NO_JOB,
        at,
        run: 0,
    }));
    all.into_iter().collect()
}

fn times(moments: &[Moment]) -> BTreeMap<Timestamp, u32> {
    let mut times = BTreeMap::new();
    for (place, moment) in (0..).zip(moments) {
        times.entry(moment.at).or_insert(place);
    }
    times
}

impl From<Tables> for Written {
    fn from(tables: Tables) -> Self {
        let mut written = Self {
            signatures: tables
                .signatures
                .iter()
                .map(|s| s.0.to_le_bytes())
                .collect(),
            ..Self::default()
        };
        let (mut at, mut run) = (0_i64, 0_i64);
        for moment in &tables.moments {
            match written.jobs.last_mut() {
                Some((job, count)) if *job == moment.job => *count += 1,
                _ => written.jobs.push((moment.job, 1)),
            }
            written.times.push(moment.at.0.wrapping_sub(at));
            written.runs.push(i64::from(moment.run).wrapping_sub(run));
            (at, run) = (moment.at.0, i64::from(moment.run));
        }
        written
    }
}

impl From<Written> for Tables {
    fn from(written: Written) -> Self {
        let jobs = written.jobs.iter();
        let jobs = jobs.flat_map(|(job, count)| {
            std::iter::repeat_n(*job, usize::try_from(*count).unwrap_or(0))
        });
        let (mut at, mut run) = (0_i64, 0_i64);
        let both = written.times.iter().zip(&written.runs);
        let moments = both.zip(jobs).map(|((time, number), job)| {
            (at, run) = (at.wrapping_add(*time), run.wrapping_add(*number));
            let (at, run) = (Timestamp(at), u32::try_from(run).unwrap_or(0));
            Moment { job, at, run }
        });
        let signatures = written.signatures.iter();
        Self {
            moments: moments.collect(),
            signatures: signatures
                .map(|s| Signature(i64::from_le_bytes(*s)))
                .collect(),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use model::{Outcome, Timestamp};
    use proptest::prelude::*;
    use verdict::{Baseline, Entry, Recent, Trouble};

    use super::{Tables, Written};
    use crate::snapshot::{pack, unpack};

    fn recent((at, run): (i64, u32)) -> Recent {
        Recent {
            run,
            at: Timestamp(at),
            outcome: Outcome::Pass,
            flaked: false,
            signature: None,
            duration_ms: None,
        }
    }

    proptest! {
        #[test]
        fn steps_lead_back_to_the_moments_that_they_were_made_of(jobs: Vec<Vec<(i16, u32)>>) {
            let mut baseline = Baseline::default();
            for (job, moments) in (0..).zip(&jobs) {
                let recent = moments.iter().map(|(at, run)| recent((i64::from(*at), *run)));
                let trouble = Trouble { recent: recent.collect(), ..Trouble::default() };
                let entry = Entry { trouble: Some(Box::new(trouble)), ..Entry::default() };
                baseline.entries.insert((model::TestId(1), job), entry);
            }
            let tables = Tables::of(&baseline);
            let read: Tables = unpack(&pack(&tables).unwrap()).unwrap();
            for (job, moments) in (0..).zip(&jobs) {
                let moments: Vec<_> = moments.iter().map(|(at, run)| (Timestamp(i64::from(*at)), *run)).collect();
                let steps = tables.steps(job, moments.iter().copied());
                prop_assert_eq!(read.moments(job, &steps), Some(moments));
            }
        }

        #[test]
        fn hostile_tables_and_steps_are_an_error(bytes: Vec<u8>, steps: Vec<(i64, u32)>) {
            if let Ok(written) = unpack::<Written>(&bytes) {
                let tables = Tables::from(written);
                let _no_panic = (tables.moments(0, &steps), tables.time(1), tables.signature(1));
            }
        }
    }
}
