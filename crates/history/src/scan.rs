//! Counts of past outcomes by test, straight from sorted files: no SQL, no sorting, one pass.
//!
//! A compacted file is sorted by test, so its rows are counted in runs of equal ids; a run table says for each run which window it
//! belongs to, so that no time stamp has to be decoded.

use std::{collections::BTreeMap, ops::Range};

use arrow_array::{
    Array as _, RecordBatch,
    types::{Int8Type, Int32Type, Int64Type},
};
use model::{Outcome, Problem, TestId, Timestamp};

use crate::{
    Error, Result, chunk,
    commit::FileEntry,
    history::History,
    key::Partition,
    pages::select_ids,
    plan::{Filter, tell},
    pq, run_file,
    run_table::RunTable,
};

/// Rows that are decoded at once: buffers below 128 kB are used again, larger ones come fresh from the kernel every time.
const BATCH: usize = 1 << 13;

/// The most windows of one scan.
pub const MOST_WINDOWS: usize = 4;

/// What a test did in one window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Runs in which it ran.
    pub runs: u32,
    /// Those in which it failed in the end.
    pub failures: u32,
    /// Those in which it failed first and passed later.
    pub flakes: u32,
    /// Runs in which it was skipped.
    pub skips: u32,
}

impl Counts {
    fn add(&mut self, other: Self) {
        self.runs += other.runs;
        self.failures += other.failures;
        self.flakes += other.flakes;
        self.skips += other.skips;
    }

    fn is_empty(&self) -> bool {
        self.runs == 0 && self.skips == 0
    }
}

/// Counts of one test in one job, a value a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TestCounts {
    /// The test.
    pub id: TestId,
    /// The counts of the first [`MOST_WINDOWS`] windows.
    pub windows: [Counts; MOST_WINDOWS],
}

/// What a scan counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scan {
    /// Half-open windows of start times, [`MOST_WINDOWS`] at most; where two overlap, the first has the run.
    pub windows: Vec<Range<Timestamp>>,
    /// The tests, in rising order; empty for all.
    pub ids: Vec<TestId>,
    /// How many files are read side by side; 0 counts as 1.
    pub threads: usize,
}

/// What a scan found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scanned {
    /// Counts by job, in rising order of test.
    pub jobs: BTreeMap<Partition, Vec<TestCounts>>,
    /// Rows that were looked at.
    pub rows: u64,
    /// What could not be read.
    pub problems: Vec<Problem>,
}

/// Counts of one file, in rising order of test.
type Sorted = Vec<TestCounts>;

/// A part of a scan.
enum Part {
    Chunk(FileEntry, std::sync::Arc<RunTable>),
    Run(String),
}

impl History {
    /// Counts outcomes by job and test. Runs of which only the failures are left are left out.
    ///
    /// # Errors
    /// When the store or the commit log cannot be read. A damaged file is told in [`Scanned::problems`].
    pub fn scan(&self, filter: &Filter, scan: &Scan) -> Result<Scanned> {
        let mut filter = filter.clone();
        filter.from = scan.windows.iter().map(|w| w.start).min();
        filter.until = scan.windows.iter().map(|w| w.end).max();
        let plan = self.plan(&filter)?;
        // Failures without the passes beside them would be counted as a rate of one.
        let whole = plan
            .chunks
            .into_iter()
            .filter(|(_, table)| !table.failures_only());
        let chunks = whole.map(|(file, table)| Part::Chunk(file, table));
        let runs = plan.run_files.into_iter().map(Part::Run);
        let parts: Vec<Part> = chunks.chain(runs).collect();
        let mut scanned = Scanned {
            problems: plan.problems,
            ..Scanned::default()
        };
        for part in self.scan_parts(&parts, scan) {
            match part {
                Ok((partition, rows, counts)) => {
                    scanned.rows += rows;
                    let job = scanned.jobs.entry(partition).or_default();
                    *job = add_sorted(std::mem::take(job), counts);
                }
                Err(error) => tell(error, &mut scanned.problems)?,
            }
        }
        Ok(scanned)
    }

    fn scan_parts(&self, parts: &[Part], scan: &Scan) -> Vec<Result<(Partition, u64, Sorted)>> {
        let threads = scan.threads.clamp(1, 64);
        let next = std::sync::atomic::AtomicUsize::new(0);
        let work = || {
            let mut done = Vec::new();
            loop {
                let at = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                let Some(part) = parts.get(at) else {
                    return done;
                };
                done.push((at, self.scan_part(part, scan)));
            }
        };
        let mut done = std::thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
            let mut done = work();
            for other in others {
                done.extend(other.join().unwrap_or_default());
            }
            done
        });
        done.sort_by_key(|(at, _)| *at);
        done.into_iter().map(|(_, result)| result).collect()
    }

    fn scan_part(&self, part: &Part, scan: &Scan) -> Result<(Partition, u64, Sorted)> {
        match part {
            Part::Chunk(file, table) => {
                let (rows, counts) = self.scan_chunk(file, table, scan)?;
                Ok((file.of.clone(), rows, counts))
            }
            Part::Run(key) => {
                let run = run_file::decode(key, &self.store.get(key)?)?;
                let window = window_of(scan, run.info.started_at);
                let mut counter = Counter::default();
                for row in run.rows.iter().filter(|row| wanted(scan, row.id)) {
                    counter.add(row.id.0, row.outcome.code(), row.flaked, window);
                }
                Ok((
                    Partition::of(&run.info),
                    run.rows.len() as u64,
                    counter.finish(),
                ))
            }
        }
    }

    fn scan_chunk(&self, file: &FileEntry, table: &RunTable, scan: &Scan) -> Result<(u64, Sorted)> {
        let windows = Windows::of(table, scan);
        if windows.of_run.iter().all(|window| *window == OUTSIDE) {
            return Ok((0, Sorted::new()));
        }
        if table.cells().is_some() {
            return self.scan_thinned(file, (&windows, scan));
        }
        let key = &file.key;
        let opened = chunk::open(self.store.as_ref(), key, !scan.ids.is_empty())?;
        let selection = select_ids(&opened, &scan.ids);
        let columns = [pq::ID, "run", "outcome", "flaked"];
        let reader = opened.reader(&columns, BATCH, selection)?;
        let mut counter = Counter::default();
        let mut rows = 0;
        pq::guarded(key, || {
            for batch in reader {
                let batch = batch.map_err(pq::damaged(key))?;
                rows += batch.num_rows() as u64;
                count_batch(&batch, key, (&windows, scan), &mut counter)?;
            }
            Ok(())
        })?;
        Ok((rows, counter.finish()))
    }
}

impl History {
    /// Counts the rows of a thinned file, made from its cells.
    fn scan_thinned(
        &self,
        file: &FileEntry,
        (windows, scan): (&Windows, &Scan),
    ) -> Result<(u64, Sorted)> {
        let mut reader = chunk::Chunk::open(self.store.as_ref(), &file.key)?.rows()?;
        let (mut counter, mut seen, mut rows) = (Counter::default(), 0, Vec::new());
        loop {
            reader.next_into(&mut rows)?;
            if rows.is_empty() {
                return Ok((seen, counter.finish()));
            }
            seen += rows.len() as u64;
            for row in rows.iter().filter(|row| wanted(scan, row.test.id)) {
                let window = windows.of_number(row.run.cast_signed());
                let outcome = row.test.outcome.code();
                counter.add(row.test.id.0, outcome, row.test.flaked, window);
            }
        }
    }
}

/// A run that belongs to no window.
const OUTSIDE: u8 = u8::MAX;

fn window_of(scan: &Scan, at: Timestamp) -> u8 {
    let windows = scan.windows.iter().take(MOST_WINDOWS);
    let found = windows.into_iter().position(|window| window.contains(&at));
    found
        .and_then(|at| u8::try_from(at).ok())
        .unwrap_or(OUTSIDE)
}

fn wanted(scan: &Scan, id: TestId) -> bool {
    scan.ids.is_empty() || scan.ids.binary_search(&id).is_ok()
}

fn count_batch(
    batch: &RecordBatch,
    key: &str,
    (windows, scan): (&Windows, &Scan),
    counter: &mut Counter,
) -> Result<()> {
    let ids = pq::primitive::<Int64Type>(batch, key, pq::ID)?.values();
    let runs = pq::primitive::<Int32Type>(batch, key, "run")?.values();
    let outcomes = pq::primitive::<Int8Type>(batch, key, "outcome")?.values();
    let flaked = pq::boolean(batch, key, "flaked")?;
    if flaked.null_count() > 0 {
        return Err(Error::corrupt(key, "column `flaked` has gaps"));
    }
    let mut next = 0;
    let mut at = 0;
    while let Some(rest) = ids.get(at..).filter(|rest| !rest.is_empty()) {
        let range = at..at + group_length(rest);
        at = range.end;
        let Some(id) = rest.first().copied() else {
            break;
        };
        if !scan.ids.is_empty() && !advance_to(&scan.ids, &mut next, id) {
            continue;
        }
        let columns = runs.get(range.clone()).zip(outcomes.get(range));
        if let Some((runs, outcomes)) = columns {
            counter.add_group(id, (runs, outcomes), windows);
        }
    }
    for at in flaked.values().set_indices() {
        let found = ids.get(at).zip(runs.get(at));
        if let Some((id, run)) = found.filter(|(id, _)| wanted(scan, TestId(**id))) {
            counter.flakes.push((*id, windows.of_number(*run)));
        }
    }
    Ok(())
}

/// How many of the first values are equal, in a sorted list: by doubling steps, because most groups are long.
fn group_length(ids: &[i64]) -> usize {
    let Some(first) = ids.first() else { return 0 };
    let mut bound = 1;
    while ids.get(bound).is_some_and(|id| id == first) {
        bound *= 2;
    }
    let ahead = ids.get(..bound).unwrap_or(ids);
    ahead.partition_point(|id| id <= first)
}

/// Moves to an id in a sorted list; whether it is there.
fn advance_to(ids: &[TestId], next: &mut usize, id: i64) -> bool {
    while ids.get(*next).is_some_and(|wanted| wanted.0 < id) {
        *next += 1;
    }
    ids.get(*next).is_some_and(|wanted| wanted.0 == id)
}

/// The window of every run of a file.
struct Windows {
    of_run: Vec<u8>,
    /// One in the 16-bit lane of the window; a batch has fewer rows than a lane can count.
    lanes: Vec<u64>,
}

impl Windows {
    fn of(table: &RunTable, scan: &Scan) -> Self {
        let starts = table.runs.iter().map(|run| run.info.started_at);
        let of_run: Vec<u8> = starts.map(|start| window_of(scan, start)).collect();
        let lane = |window: &u8| 1_u64.checked_shl(16 * u32::from(*window)).unwrap_or(0);
        let lanes = of_run.iter().map(lane).collect();
        Self { of_run, lanes }
    }

    fn of_number(&self, run: i32) -> u8 {
        let window = usize::try_from(run)
            .ok()
            .and_then(|run| self.of_run.get(run));
        window.copied().unwrap_or(OUTSIDE)
    }

    fn lane(&self, run: i32) -> u64 {
        let lane = usize::try_from(run)
            .ok()
            .and_then(|run| self.lanes.get(run));
        lane.copied().unwrap_or(0)
    }
}

/// Counts rows that come in order of test.
#[derive(Default)]
struct Counter {
    done: Sorted,
    now: Option<TestCounts>,
    /// Flakes, few, by test and window.
    flakes: Vec<(i64, u8)>,
}

impl Counter {
    fn entry(&mut self, id: i64) -> &mut TestCounts {
        if self.now.is_some_and(|now| now.id.0 != id) {
            self.push();
        }
        self.now.get_or_insert(TestCounts {
            id: TestId(id),
            windows: [Counts::default(); MOST_WINDOWS],
        })
    }

    fn push(&mut self) {
        let now = self.now.take();
        self.done
            .extend(now.filter(|now| now.windows.iter().any(|w| !w.is_empty())));
    }

    fn add(&mut self, id: i64, outcome: i8, flaked: bool, window: u8) {
        let entry = self.entry(id);
        if let Some(counts) = entry.windows.get_mut(usize::from(window)) {
            count(counts, outcome, 1);
            counts.flakes += u32::from(flaked);
        }
    }

    /// All rows of one test that stand together.
    fn add_group(&mut self, id: i64, (runs, outcomes): (&[i32], &[i8]), windows: &Windows) {
        let first = outcomes.first().copied().unwrap_or(0);
        let entry = self.entry(id);
        // Most tests do the same in every run: then one sum does, a lane a window.
        if outcomes.iter().all(|outcome| *outcome == first) {
            let sum: u64 = runs.iter().map(|run| windows.lane(*run)).sum();
            for (window, counts) in entry.windows.iter_mut().enumerate() {
                let n = u32::try_from((sum >> (16 * window)) & 0xFFFF).unwrap_or(0);
                count(counts, first, n);
            }
            return;
        }
        for (run, outcome) in runs.iter().zip(outcomes) {
            let window = usize::from(windows.of_number(*run));
            if let Some(counts) = entry.windows.get_mut(window) {
                count(counts, *outcome, 1);
            }
        }
    }

    fn finish(mut self) -> Sorted {
        self.push();
        for (id, window) in self.flakes {
            let at = self.done.binary_search_by_key(&id, |counts| counts.id.0);
            let entry = at.ok().and_then(|at| self.done.get_mut(at));
            if let Some(counts) = entry.and_then(|e| e.windows.get_mut(usize::from(window))) {
                counts.flakes += 1;
            }
        }
        self.done
    }
}

fn count(counts: &mut Counts, outcome: i8, n: u32) {
    if outcome == Outcome::Skip.code() {
        counts.skips += n;
        return;
    }
    counts.runs += n;
    if outcome != Outcome::Pass.code() {
        counts.failures += n;
    }
}

const _: () = assert!(
    BATCH < 1 << 16 && MOST_WINDOWS * 16 <= 64,
    "lanes do not run over"
);

/// Adds two sorted lists.
fn add_sorted(a: Sorted, b: Sorted) -> Sorted {
    if a.is_empty() {
        return b;
    }
    let mut out = Sorted::with_capacity(a.len().max(b.len()));
    let mut a = a.into_iter().peekable();
    for mut right in b {
        while let Some(left) = a.next_if(|left| left.id < right.id) {
            out.push(left);
        }
        if let Some(left) = a.next_if(|left| left.id == right.id) {
            for (sum, more) in right.windows.iter_mut().zip(left.windows) {
                sum.add(more);
            }
        }
        out.push(right);
    }
    out.extend(a);
    out
}

#[cfg(test)]
mod tests {
    use super::{Counter, Counts, add_sorted};

    #[test]
    fn counts_of_two_files_add_up() {
        let count = |rows: &[(i64, i8, bool, u8)]| {
            let mut counter = Counter::default();
            for (id, outcome, flaked, window) in rows {
                counter.add(*id, *outcome, *flaked, *window);
            }
            counter.finish()
        };
        let a = count(&[
            (1, 0, false, 0),
            (1, 1, false, 0),
            (5, 3, false, 1),
            (9, 0, false, 255),
        ]);
        let b = count(&[(1, 0, true, 0), (3, 2, false, 0)]);
        let sum = add_sorted(a, b);
        let ids: Vec<i64> = sum.iter().map(|c| c.id.0).collect();
        assert_eq!(ids, [1, 3, 5], "a test outside every window is left out");
        let expected = Counts {
            runs: 3,
            failures: 1,
            flakes: 1,
            skips: 0,
        };
        assert_eq!(sum[0].windows[0], expected);
    }
}
