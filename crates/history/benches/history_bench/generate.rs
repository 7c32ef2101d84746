//! The data set of the figures: 50,000 tests, 40 jobs, 90 days, about 100 million rows, the same for the same seed.
//!
//! Two jobs run all tests, four 12,000, fourteen 6,000, twenty 1,500; two to nine runs a day. 12 % of the tests are always
//! skipped, 1.6 % of the rows are missing, 88 % of the tests practically never fail, the rest has Pareto rates; 2 % of the runs have bad
//! infrastructure. Durations are log-normal around a base of each test.

use model::{
    Outcome, RecordedRun, RecordedTest, RunInfo, RunKey, Signature, TestId, TestName, Timestamp,
};

/// 2026-08-03, a Monday.
pub(crate) const FIRST_DAY: i64 = 1_785_715_200_000;
pub(crate) const DAYS: u32 = 90;
pub(crate) const REPO: &str = "org/product";
pub(crate) const BRANCH: &str = "main";

/// `SplitMix64`: a few operations, good enough bits.
#[derive(Clone, Copy)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn of(parts: [u64; 3]) -> Self {
        let mut random = Self(0x9E37_79B9_7F4A_7C15);
        for part in parts {
            random.0 ^= part.wrapping_mul(0xBF58_476D_1CE4_E5B9);
            random.next();
        }
        random
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// In [0, 1).
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// About normal: the sum of four uniforms.
    fn normal(&mut self) -> f64 {
        let sum: f64 = (0..4).map(|_| self.unit()).sum();
        (sum - 2.0) * 1.732
    }
}

struct Test {
    id: TestId,
    name: TestName,
    rate: f64,
    skipped: bool,
    base_ms: f64,
}

pub(crate) struct Generator {
    tests: Vec<Test>,
    jobs: Vec<(String, usize, u32)>,
}

impl Generator {
    /// `scale` 1 gives about 98 million rows; less takes fewer tests a job.
    pub(crate) fn new(scale: f64) -> Self {
        let tests = (0..50_000).map(test).collect();
        let sizes = std::iter::repeat_n(50_000, 2)
            .chain(std::iter::repeat_n(12_000, 4))
            .chain(std::iter::repeat_n(6_000, 14))
            .chain(std::iter::repeat_n(1_500, 20));
        let jobs = sizes.enumerate().map(|(n, size)| {
            let size = ((f64::from(size) * scale) as usize).max(20);
            let daily = 2 + (Random::of([7, n as u64, 0]).next() % 8) as u32;
            (format!("e2e-{n:02}"), size, daily)
        });
        Self {
            tests,
            jobs: jobs.collect(),
        }
    }

    pub(crate) fn jobs(&self) -> impl Iterator<Item = &(String, usize, u32)> {
        self.jobs.iter()
    }

    /// The tests of a job, in rising order of id.
    pub(crate) fn ids(&self, job: usize) -> Vec<TestId> {
        let mut ids: Vec<TestId> = self.of_job(job).map(|(_, test)| test.id).collect();
        ids.sort_unstable();
        ids
    }

    fn of_job(&self, job: usize) -> impl Iterator<Item = (u64, &Test)> {
        let size = self.jobs[job].1;
        let offset = job * 1117;
        (0..size).map(move |n| {
            let at = (n + offset) % self.tests.len();
            (at as u64, &self.tests[at])
        })
    }

    /// All runs of a job on some days, in the order of time. Names stand in the first of them only.
    pub(crate) fn runs(&self, job: usize, days: std::ops::Range<u32>) -> Vec<RecordedRun> {
        let daily = self.jobs[job].2;
        let all = days.flat_map(|day| (0..daily).map(move |slot| (day, slot)));
        let mut runs: Vec<RecordedRun> = all.map(|(day, slot)| self.run(job, day, slot)).collect();
        if let Some(first) = runs.first_mut() {
            first.names = self
                .of_job(job)
                .map(|(_, test)| (test.id, test.name.clone()))
                .collect();
        }
        runs
    }

    fn run(&self, job: usize, day: u32, slot: u32) -> RecordedRun {
        let (name, _, daily) = &self.jobs[job];
        let number = u64::from(day * daily + slot);
        let mut random = Random::of([job as u64, number, 1]);
        let bad = random.unit() < 0.02;
        let at = i64::from(day) * 86_400_000 + i64::from(slot) * (86_400_000 / i64::from(*daily));
        let info = RunInfo {
            key: RunKey {
                repo: REPO.to_owned(),
                branch: BRANCH.to_owned(),
                job: name.clone(),
                run: format!("{}", 18_000_000_000 + job as u64 * 1_000_000 + number * 37),
                attempt: 1,
            },
            started_at: Timestamp(FIRST_DAY + at + (random.next() % 1_800_000).cast_signed()),
            commit: format!("{:016x}{:016x}{:08x}", random.next(), random.next(), number),
            url: format!("https://ci.example/runs/{}", number * 37),
            ..RunInfo::default()
        };
        let mut rows: Vec<RecordedTest> = self
            .of_job(job)
            .filter_map(|(at, test)| row(test, bad, Random::of([at, job as u64, number])))
            .collect();
        rows.sort_unstable_by_key(|row| row.id);
        RecordedRun {
            info,
            rows,
            ..RecordedRun::default()
        }
    }
}

fn test(n: u64) -> Test {
    let mut random = Random::of([n, 3, 3]);
    let words = [
        "should",
        "when",
        "pod",
        "node",
        "Feature:Volume",
        "storage",
        "network",
        "scheduling",
        "apiserver",
        "[Conformance]",
        "cluster",
        "rollback",
    ];
    let mut name = format!("[sig-{}] {n}", words[(random.next() % 12) as usize]);
    let length = 110 + random.next() % 80;
    while (name.len() as u64) < length {
        name.push(' ');
        name.push_str(words[(random.next() % 12) as usize]);
    }
    let name = TestName::new(&format!("suite-{}", n % 400), None, &name);
    let rate = if random.unit() < 0.88 {
        1e-6
    } else {
        (0.002 / random.unit().max(1e-3)).min(0.6)
    };
    Test {
        id: name.id(),
        name,
        rate,
        skipped: random.unit() < 0.12,
        base_ms: (random.normal() * 2.0 + 6.5).exp(),
    }
}

fn row(test: &Test, bad: bool, mut random: Random) -> Option<RecordedTest> {
    let chance = random.unit();
    if chance < 0.016 {
        return None;
    }
    let failed = !test.skipped && random.unit() < test.rate + if bad { 0.1 } else { 0.0 };
    let outcome = match (test.skipped, failed) {
        (true, _) => Outcome::Skip,
        (_, true) => Outcome::Fail,
        _ => Outcome::Pass,
    };
    let flaked = outcome == Outcome::Pass && random.unit() < test.rate / 3.0;
    let duration = test.base_ms * (random.normal() * 0.12).exp();
    Some(RecordedTest {
        id: test.id,
        outcome,
        flaked,
        duration_ms: Some(if test.skipped { 0 } else { duration as u32 }),
        signature: (failed || flaked)
            .then(|| Signature((test.id.0 >> 8) ^ (random.next() % 3).cast_signed())),
    })
}
