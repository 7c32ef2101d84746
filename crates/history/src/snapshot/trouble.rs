//! What a test that failed has, in few bytes: moments and signatures as places in the tables, and what is usual not at all.

use model::{Outcome, Signature, TestId, Timestamp};
use verdict::{
    Baseline, Decayed, PastFailure, Recent, Streak, TestTexts, TextCount, Trouble, Weeks,
};

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

/// Failures and flakes by week where they do not follow from the newest failures, and what is decayed.
type Counts = (Option<Weeks>, Option<Weeks>, Option<Decayed>);

/// Lengths, how many ends follow from the newest failures, the other ends; signature and chance of the last row.
type StreakColumns = (Vec<u64>, u64, Steps, (u64, u8));

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
        let follow = weeks_of(newest);
        let counts: Counts = (
            (*failures != follow.0).then_some(*failures),
            (*flakes != follow.1).then_some(*flakes),
            (*flaked != Decayed::default()).then_some(*flaked),
        );
        Ok([
            pack(&counts)?,
            self.encode_streaks(streaks, newest)?,
            self.encode_newest(newest)?,
            self.encode_recent(recent)?,
        ])
    }

    pub(super) fn decode(&self, columns: [&[u8]; 4]) -> Result<Trouble> {
        let [counts, streaks, newest, recent] = columns;
        let newest = self.decode_newest(newest)?;
        let follow = weeks_of(&newest);
        let (failures, flakes, flaked): Counts = unpack(counts)?;
        Ok(Trouble {
            flaked: flaked.unwrap_or_default(),
            failures: failures.unwrap_or(follow.0),
            flakes: flakes.unwrap_or(follow.1),
            streaks: self.decode_streaks(streaks, &newest)?,
            newest,
            recent: self.decode_recent(recent)?,
        })
    }

    /// Only failures have a time, and only the row that goes on a signature and a chance. Times that follow from the newest failures are left out.
    fn encode_streaks(&self, streaks: &[Streak], newest: &[PastFailure]) -> Result<Vec<u8>> {
        let lengths = streaks.iter().map(length);
        let lengths: Vec<u64> = lengths.collect();
        let failed = streaks.iter().filter(|streak| streak.failed);
        let ends: Vec<Timestamp> = failed.map(|streak| streak.last_at).collect();
        let follow = ends_of(&lengths, newest);
        let known = ends.iter().rev().zip(&follow);
        let known = known.take_while(|(end, follows)| end == follows).count();
        let older = ends.iter().rev().skip(known).rev();
        let steps = self.steps(older.map(|at| (*at, 0)));
        let last = streaks.last();
        let last = last.map(|last| (self.code(last.signature), last.chance));
        pack(&(&lengths, known as u64, steps, last.unwrap_or_default()))
    }

    fn decode_streaks(&self, bytes: &[u8], newest: &[PastFailure]) -> Result<Vec<Streak>> {
        let (lengths, known, steps, (code, chance)): StreakColumns = unpack(bytes)?;
        let older = self.moments(&steps)?.into_iter().map(|(at, _)| at);
        let follow = ends_of(&lengths, newest);
        let known = usize::try_from(known).unwrap_or(usize::MAX);
        let mut ends = follow.into_iter().take(known).chain(older.rev());
        let mut streaks = Vec::with_capacity(lengths.len());
        for length in lengths.iter().rev() {
            streaks.push(streak(*length, &mut ends)?);
        }
        streaks.reverse();
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

    fn steps(&self, of: impl DoubleEndedIterator<Item = (Timestamp, u32)>) -> Steps {
        self.tables.steps(self.job, of)
    }

    fn moments(&self, steps: &Steps) -> Result<Vec<(Timestamp, u32)>> {
        self.tables.moments(self.job, steps).ok_or_else(damaged)
    }
}

/// How long, and in the lowest bit whether failures.
fn length(streak: &Streak) -> u64 {
    (u64::from(streak.len) << 1) | u64::from(streak.failed)
}

fn streak(length: u64, ends: &mut impl Iterator<Item = Timestamp>) -> Result<Streak> {
    let failed = length & 1 == 1;
    let last_at = if failed {
        ends.next().ok_or_else(damaged)?
    } else {
        Timestamp::default()
    };
    Ok(Streak {
        failed,
        len: u32::try_from(length >> 1).map_err(|_big| damaged())?,
        last_at,
        ..Streak::default()
    })
}

/// When rows of failures ended as far as the newest failures tell, newest first.
fn ends_of(lengths: &[u64], newest: &[PastFailure]) -> Vec<Timestamp> {
    let failures = newest.iter().rev().filter(|failure| !failure.flaked);
    let failures: Vec<Timestamp> = failures.map(|failure| failure.at).collect();
    let rows = lengths.iter().rev().filter(|length| **length & 1 == 1);
    let places = rows.scan(0_u64, |place, length| {
        let end = *place;
        *place = place.saturating_add(length >> 1);
        Some(end)
    });
    let ends = places.map_while(|place| failures.get(usize::try_from(place).ok()?));
    ends.copied().collect()
}

/// Failures and flakes by week if the newest are all there were.
fn weeks_of(newest: &[PastFailure]) -> (Weeks, Weeks) {
    let (mut failures, mut flakes) = (Weeks::default(), Weeks::default());
    for failure in newest {
        let weeks = if failure.flaked {
            &mut flakes
        } else {
            &mut failures
        };
        weeks.add(failure.at);
    }
    (failures, flakes)
}

/// Nothing when all are the usual one.
fn unless_all<T: PartialEq>(values: impl Iterator<Item = T>, usual: &T) -> Vec<T> {
    let values: Vec<T> = values.collect();
    if values.iter().all(|value| value == usual) {
        return Vec::new();
    }
    values
}

/// The time for which the counts of the texts of a test hold, unless told otherwise: that of its newest failure in any job.
fn newest_failure(baseline: &Baseline, id: TestId) -> Option<Timestamp> {
    let troubles = baseline.entries_of(id);
    let troubles = troubles.filter_map(|(_, entry)| entry.trouble.as_ref());
    let newest = troubles.filter_map(|trouble| trouble.newest.last());
    newest.map(|failure| failure.at).max()
}

/// The time of texts that is that of the newest failure, until that is known.
const AT_NEWEST: Timestamp = Timestamp(i64::MIN);

/// Fills in the times that follow from the newest failures.
pub(super) fn date_texts(baseline: &mut Baseline) {
    let mut texts = std::mem::take(&mut baseline.test_texts);
    let undated = texts.iter_mut().filter(|(_, texts)| texts.at == AT_NEWEST);
    for (id, texts) in undated {
        texts.at = newest_failure(baseline, *id).unwrap_or_default();
    }
    baseline.test_texts = texts;
}

/// What a test said: the place of the first text that stands nowhere before, and its bytes.
pub(super) fn encode_texts(
    tables: &Tables,
    (baseline, id): (&Baseline, TestId),
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
    let follows = newest_failure(baseline, id) == Some(texts.at);
    let at = (!follows).then(|| tables.time_place(texts.at));
    Ok((first, pack(&(texts.total, at, codes, counts))?))
}

pub(super) fn decode_texts(tables: &Tables, mut next: u32, bytes: &[u8]) -> Result<TestTexts> {
    let (total, at, codes, counts): (f32, Option<u32>, Vec<u64>, Vec<f32>) = unpack(bytes)?;
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
    let at = at.map_or(Some(AT_NEWEST), |at| tables.time(at));
    let read = at.zip(texts);
    let (at, texts) = read.ok_or_else(damaged)?;
    Ok(TestTexts { total, at, texts })
}

fn damaged() -> Error {
    Error::corrupt("snapshot detail", "it refers to what is not there")
}
