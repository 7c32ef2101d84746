//! What a test that failed has, in few bytes: moments and signatures as places in the tables, and what is usual not at all.

use model::{Outcome, Signature};
use verdict::{PastFailure, Recent, Streak, TestTexts, TextCount, Trouble};

use super::{
    pack,
    tables::{Steps, Tables},
    unpack,
};
use crate::{Error, Result};

/// A test in a job, or, for its texts, in all jobs.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) tables: &'a Tables,
    pub(super) job: u32,
    /// The texts of the test, of which its failures have most of theirs.
    pub(super) texts: Option<&'a TestTexts>,
}

/// Outcomes with whether they flaked; signatures; durations plus one. Each empty when there is nothing to say.
type RecentColumns = (Steps, Vec<(Outcome, bool)>, Vec<u64>, Vec<u64>);

impl Place<'_> {
    fn own(&self) -> &[TextCount] {
        self.texts.map_or(&[], |texts| &texts.texts)
    }

    /// 0 for none, then the texts of the test, then all others.
    fn code(&self, signature: Option<Signature>) -> u64 {
        let Some(signature) = signature else { return 0 };
        let own = self.own();
        let place = own.iter().position(|text| text.signature == signature);
        place.map_or_else(
            || own.len() as u64 + 1 + u64::from(self.tables.place(signature)),
            |place| place as u64 + 1,
        )
    }

    fn signature(&self, code: u64) -> Result<Option<Signature>> {
        let Some(place) = code.checked_sub(1) else {
            return Ok(None);
        };
        let own = self.own();
        let of_own = usize::try_from(place).ok().and_then(|place| own.get(place));
        let elsewhere = || {
            let place = place.checked_sub(own.len() as u64)?;
            self.tables.signature(u32::try_from(place).ok()?)
        };
        let found = of_own.map(|text| text.signature).or_else(elsewhere);
        found.map(Some).ok_or_else(damaged)
    }

    /// Counts, streaks, newest failures and newest outcomes, each in bytes.
    pub(super) fn encode(&self, trouble: &Trouble) -> Result<[Vec<u8>; 4]> {
        let Trouble {
            flaked,
            failures,
            flakes,
            streaks,
            newest,
            recent,
        } = trouble;
        Ok([
            pack(&(failures, flakes, flaked))?,
            self.encode_streaks(streaks)?,
            self.encode_newest(newest)?,
            self.encode_recent(recent)?,
        ])
    }

    pub(super) fn decode(&self, columns: [&[u8]; 4]) -> Result<Trouble> {
        let [counts, streaks, newest, recent] = columns;
        let (failures, flakes, flaked) = unpack(counts)?;
        Ok(Trouble {
            flaked,
            failures,
            flakes,
            streaks: self.decode_streaks(streaks)?,
            newest: self.decode_newest(newest)?,
            recent: self.decode_recent(recent)?,
        })
    }

    /// Only failures have a time, and only the row that goes on a signature and a chance.
    fn encode_streaks(&self, streaks: &[Streak]) -> Result<Vec<u8>> {
        let lengths = streaks
            .iter()
            .map(|of| (u64::from(of.len) << 1) | u64::from(of.failed));
        let failed = streaks.iter().filter(|streak| streak.failed);
        let steps = self.steps(failed.map(|streak| (streak.last_at, 0)));
        let last = streaks
            .last()
            .map(|last| (self.code(last.signature), last.chance));
        pack(&(lengths.collect::<Vec<_>>(), steps, last.unwrap_or_default()))
    }

    fn decode_streaks(&self, bytes: &[u8]) -> Result<Vec<Streak>> {
        let (lengths, steps, (code, chance)): (Vec<u64>, Steps, (u64, u8)) = unpack(bytes)?;
        let mut times = self.moments(&steps)?.into_iter();
        let mut streaks = Vec::with_capacity(lengths.len());
        for length in lengths {
            let failed = length & 1 == 1;
            let at = if failed {
                Some(times.next().ok_or_else(damaged)?.0)
            } else {
                None
            };
            streaks.push(Streak {
                failed,
                len: u32::try_from(length >> 1).map_err(|_big| damaged())?,
                last_at: at.unwrap_or_default(),
                ..Streak::default()
            });
        }
        if let Some(last) = streaks.last_mut() {
            (last.signature, last.chance) = (self.signature(code)?, chance);
        }
        Ok(streaks)
    }

    fn encode_newest(&self, newest: &[PastFailure]) -> Result<Vec<u8>> {
        let steps = self.steps(newest.iter().map(|failure| (failure.at, failure.run)));
        let codes = newest
            .iter()
            .map(|of| (self.code(of.signature) << 1) | u64::from(of.flaked));
        pack(&(steps, codes.collect::<Vec<_>>()))
    }

    fn decode_newest(&self, bytes: &[u8]) -> Result<Vec<PastFailure>> {
        let (steps, codes): (Steps, Vec<u64>) = unpack(bytes)?;
        let moments = self.moments(&steps)?.into_iter();
        let failures = moments.zip(codes).map(|((at, run), code)| {
            Ok(PastFailure {
                run,
                at,
                signature: self.signature(code >> 1)?,
                flaked: code & 1 == 1,
            })
        });
        failures.collect()
    }

    fn encode_recent(&self, recent: &[Recent]) -> Result<Vec<u8>> {
        let steps = self.steps(recent.iter().map(|recent| (recent.at, recent.run)));
        let outcomes = recent.iter().map(|recent| (recent.outcome, recent.flaked));
        let codes = recent.iter().map(|recent| self.code(recent.signature));
        let durations = recent
            .iter()
            .map(|of| of.duration_ms.map_or(0, |ms| u64::from(ms) + 1));
        let columns: RecentColumns = (
            steps,
            unless_all(outcomes, &(Outcome::Pass, false)),
            unless_all(codes, &0),
            unless_all(durations, &0),
        );
        pack(&columns)
    }

    fn decode_recent(&self, bytes: &[u8]) -> Result<Vec<Recent>> {
        let (steps, outcomes, codes, durations): RecentColumns = unpack(bytes)?;
        let moments = self.moments(&steps)?.into_iter().enumerate();
        let recent = moments.map(|(place, (at, run))| {
            let (outcome, flaked) = outcomes
                .get(place)
                .copied()
                .unwrap_or((Outcome::Pass, false));
            let duration = durations.get(place).and_then(|ms| ms.checked_sub(1));
            Ok(Recent {
                run,
                at,
                outcome,
                flaked,
                signature: self.signature(codes.get(place).copied().unwrap_or(0))?,
                duration_ms: duration.and_then(|ms| u32::try_from(ms).ok()),
            })
        });
        recent.collect()
    }

    fn steps(&self, of: impl DoubleEndedIterator<Item = (model::Timestamp, u32)>) -> Steps {
        self.tables.steps(self.job, of)
    }

    fn moments(&self, steps: &Steps) -> Result<Vec<(model::Timestamp, u32)>> {
        self.tables.moments(self.job, steps).ok_or_else(damaged)
    }
}

/// Nothing when all are the usual one.
fn unless_all<T: PartialEq>(values: impl Iterator<Item = T>, usual: &T) -> Vec<T> {
    let values: Vec<T> = values.collect();
    if values.iter().all(|value| value == usual) {
        return Vec::new();
    }
    values
}

/// What a test said: the place of the first text that stands nowhere before, and its bytes.
pub(super) fn encode_texts(
    tables: &Tables,
    texts: &TestTexts,
    next: &mut u32,
) -> Result<(u32, Vec<u8>)> {
    let first = *next;
    let codes = texts.texts.iter().map(|text| {
        let place = tables.place(text.signature);
        if place == *next {
            *next += 1;
            return 0;
        }
        u64::from(place) + 1
    });
    let codes: Vec<u64> = codes.collect();
    let counts: Vec<f32> = texts.texts.iter().map(|text| text.count).collect();
    // Most tests had one text.
    let counts = if counts == [texts.total] {
        Vec::new()
    } else {
        counts
    };
    let at = tables.time_place(texts.at);
    Ok((first, pack(&(texts.total, at, codes, counts))?))
}

pub(super) fn decode_texts(tables: &Tables, mut next: u32, bytes: &[u8]) -> Result<TestTexts> {
    let (total, at, codes, counts): (f32, u32, Vec<u64>, Vec<f32>) = unpack(bytes)?;
    let texts = codes.iter().enumerate().map(|(place, code)| {
        let place_of = code.checked_sub(1).map_or_else(
            || {
                next = next.saturating_add(1);
                next.saturating_sub(1)
            },
            |place| u32::try_from(place).unwrap_or(u32::MAX),
        );
        Some(TextCount {
            signature: tables.signature(place_of)?,
            count: counts.get(place).copied().unwrap_or(total),
        })
    });
    let texts: Option<Vec<TextCount>> = texts.collect();
    let read = tables.time(at).zip(texts);
    let (at, texts) = read.ok_or_else(damaged)?;
    Ok(TestTexts { total, at, texts })
}

fn damaged() -> Error {
    Error::corrupt("snapshot detail", "it refers to what is not there")
}
