//! One job of a lively project, the same for the same seed: tests with names, durations and tempers, and runs of them.
//!
//! 8 % of the tests are always skipped. 1 % are flaky, with Pareto rates (11 % on average); 1 % are broken for two weeks in every forty. Twice in three days a change
//! breaks up to 40 tests of one suite for up to eight runs, each with a text of its own. 1 % of the runs have bad infrastructure, which fails 40 tests with one
//! text. All in all about 0.3 % of the rows fail. Durations are log-normal around a base of each test. Texts are traces of some ten lines.

use std::{collections::BTreeMap, fmt::Write as _};

use model::{
    Outcome, RecordedRun, RecordedTest, RunInfo, RunKey, Signature, TestId, TestName, Timestamp,
};

/// 2025-11-20.
pub(crate) const FIRST_DAY: i64 = 1_763_596_800_000;
pub(crate) const REPO: &str = "org/product";
pub(crate) const BRANCH: &str = "main";

/// `SplitMix64`: a few operations, good enough bits.
#[derive(Clone, Copy)]
struct Random(u64);

impl Random {
    fn of(parts: [u64; 3]) -> Self {
        let mut random = Self(0x9E37_79B9_7F4A_7C15);
        for part in parts {
            random.0 ^= part.wrapping_mul(0xBF58_476D_1CE4_E5B9);
            random.next();
        }
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// In [0, 1).
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
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
    suite: u64,
    rate: f64,
    skipped: bool,
    base_ms: f64,
}

/// The job.
pub(crate) struct Suite {
    tests: Vec<Test>,
    names: BTreeMap<TestId, TestName>,
    daily: u64,
}

/// A change that broke some tests of one suite for some runs.
struct Breakage {
    seed: u64,
    suite: u64,
    runs: std::ops::Range<u64>,
}

const SUITES: u64 = 200;

impl Suite {
    pub(crate) fn new(tests: u64, daily: u64) -> Self {
        let mut tests: Vec<Test> = (0..tests).map(test).collect();
        tests.sort_unstable_by_key(|test| test.id);
        let names = tests.iter().map(|test| (test.id, test.name.clone()));
        Self {
            names: names.collect(),
            tests,
            daily,
        }
    }

    /// The runs of a day, in the order of time.
    pub(crate) fn day(&self, day: u64) -> Vec<RecordedRun> {
        let breakages = self.breakages(day);
        (0..self.daily)
            .map(|slot| self.run(day, slot, &breakages))
            .collect()
    }

    /// Those that can last into the day.
    fn breakages(&self, day: u64) -> Vec<Breakage> {
        let mut found = Vec::new();
        for day in day.saturating_sub(1)..=day {
            let mut random = Random::of([day, 11, 0]);
            if random.unit() < 0.67 {
                let first = day * self.daily + random.below(self.daily);
                found.push(Breakage {
                    seed: random.next(),
                    suite: random.below(SUITES),
                    runs: first..first + 1 + random.below(8),
                });
            }
        }
        found
    }

    fn run(&self, day: u64, slot: u64, breakages: &[Breakage]) -> RecordedRun {
        let number = day * self.daily + slot;
        let mut random = Random::of([number, 1, 1]);
        let bad = random.unit() < 0.01;
        let every = 86_400_000 / self.daily;
        let at = day * 86_400_000 + slot * every + random.below(every / 2);
        let id = 18_000_000_000 + number * 37_199;
        let mut run = RecordedRun {
            info: RunInfo {
                key: RunKey {
                    repo: REPO.to_owned(),
                    branch: BRANCH.to_owned(),
                    job: "test (ubuntu-24.04, 3.13)".to_owned(),
                    run: id.to_string(),
                    attempt: 1,
                },
                started_at: Timestamp(FIRST_DAY + at.cast_signed()),
                commit: hex40(&mut random),
                tree: hex40(&mut random),
                url: format!("https://github.com/{REPO}/actions/runs/{id}"),
                ..RunInfo::default()
            },
            names: self.names.clone(),
            ..RecordedRun::default()
        };
        for (at, test) in (0..).zip(&self.tests) {
            let random = Random::of([at, number, 5]);
            let context = (number, bad, breakages);
            let (row, text) = row(test, context, random);
            if let (Some(signature), Some(text)) = (row.signature, text) {
                run.texts.entry(signature).or_insert(text);
            }
            run.rows.push(row);
        }
        run
    }
}

fn hex40(random: &mut Random) -> String {
    let (a, b, c) = (random.next(), random.next(), random.next());
    format!("{a:016x}{b:016x}{:08x}", c >> 32)
}

fn test(n: u64) -> Test {
    let mut random = Random::of([n, 3, 3]);
    let suite = n % SUITES;
    let area = word(&mut Random::of([suite / 10, 8, 8]));
    let name = format!(
        "test_{}_{}_{}[{}-{}]",
        word(&mut random),
        word(&mut random),
        word(&mut random),
        word(&mut random),
        n % 7
    );
    let name = TestName::new(&format!("tests.{area}.test_unit_{suite}"), None, &name);
    let rate = match n % 100 {
        0 => (0.03 / random.unit().max(1e-3)).min(0.5),
        _ => 0.0,
    };
    Test {
        id: name.id(),
        name,
        suite,
        rate,
        skipped: rate == 0.0 && random.unit() < 0.08,
        base_ms: (random.normal() * 2.0 + 5.0).exp(),
    }
}

/// What a test does in a run.
fn row(
    test: &Test,
    (number, bad, breakages): (u64, bool, &[Breakage]),
    mut random: Random,
) -> (RecordedTest, Option<String>) {
    let mut row = RecordedTest {
        id: test.id,
        outcome: Outcome::Pass,
        flaked: false,
        duration_ms: Some((test.base_ms * (random.normal() * 0.12).exp()) as u32),
        signature: None,
    };
    if test.skipped {
        (row.outcome, row.duration_ms) = (Outcome::Skip, Some(0));
        return (row, None);
    }
    let own = test.id.0.cast_unsigned();
    let broken = breakages.iter().find(|breakage| {
        breakage.runs.contains(&number)
            && breakage.suite == test.suite
            && Random::of([breakage.seed, own, 2]).unit() < 0.8
    });
    let weeks = number / (14 * 30);
    let known = own.is_multiple_of(100) && weeks % 20 == own / 100 % 20;
    let kind = if let Some(breakage) = broken {
        Some(breakage.seed ^ own)
    } else if known {
        Some(own ^ weeks)
    } else if random.unit() < test.rate {
        Some(own.wrapping_add(random.below(3)))
    } else if bad && random.unit() < 0.008 {
        Some(0)
    } else {
        None
    };
    let Some(kind) = kind else { return (row, None) };
    row.flaked = random.unit() < 0.2 && broken.is_none();
    if !row.flaked {
        row.outcome = Outcome::Fail;
    }
    let text = text(kind);
    row.signature = Some(Signature::of(&text));
    (row, Some(text))
}

/// A trace of some ten lines that follows from its kind.
fn text(kind: u64) -> String {
    let mut random = Random::of([kind, 6, 6]);
    let mut text = String::new();
    for _ in 0..3 + random.below(4) {
        let (a, b, c) = (word(&mut random), word(&mut random), word(&mut random));
        let line = random.below(900);
        let _ = writeln!(
            text,
            "  File \"/src/{a}/{b}.py\", line {line}, in {c}_{a}\n    {b} = self.{c}({a}, timeout={b}.{c})"
        );
    }
    let (a, b, c) = (word(&mut random), word(&mut random), word(&mut random));
    let _ = write!(
        text,
        "{a}Error: expected {b} to be {c}, but {a} was {b} of {c}"
    );
    text
}

/// One of about 4,000 words.
fn word(random: &mut Random) -> String {
    const SYLLABLES: [&str; 16] = [
        "con", "ver", "sta", "ter", "ing", "pro", "re", "al", "tion", "de", "port", "lo", "ma",
        "si", "ne", "to",
    ];
    let mut n = random.below(4096) as usize;
    let mut word = String::new();
    for _ in 0..3 {
        word.push_str(SYLLABLES[n % 16]);
        n /= 16;
    }
    word
}
