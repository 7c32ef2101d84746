//! Our own figures.

use std::{
    fmt::Write as _,
    process::Command,
    time::{Duration, Instant},
};

use history::{BaselineOf, CompactOptions, Filter, History, Scan};
use model::{
    Attempt, Outcome, RecordedRun, RunInfo, TestId, TestName, TestResult, TestRun, Timestamp,
};

use crate::{
    Args,
    generate::{BRANCH, DAYS, FIRST_DAY, Generator, REPO},
    peers::{BASELINE, ONE_JOB},
};

/// Rows that scale 1 of the generator gives.
const FULL_ROWS: f64 = 98_000_000.0;

pub(crate) struct Figure {
    pub(crate) what: &'static str,
    pub(crate) target: &'static str,
    pub(crate) ours: String,
}

pub(crate) fn day(n: u32) -> Timestamp {
    Timestamp(FIRST_DAY + i64::from(n) * 86_400_000)
}

pub(crate) fn generator(rows: u64) -> Generator {
    Generator::new((rows as f64 / FULL_ROWS).min(1.0))
}

pub(crate) fn run(args: &Args) -> Vec<Figure> {
    let generator = generator(args.rows);
    let location = args.lake.display().to_string();
    let mut figures = Vec::new();
    if History::open(&location).is_err() {
        load(&location, &generator, &mut figures);
    }
    let history = History::open(&location).unwrap();
    sizes(&history, &mut figures);
    baseline(&history, &generator, &mut figures);
    regression(&history, &mut figures);
    one_job(&history, &mut figures);
    snapshot(&generator, &mut figures);
    record(&generator, &mut figures);
    memory(&location, &mut figures);
    figures
}

fn load(location: &str, generator: &Generator, figures: &mut Vec<Figure>) {
    let history = History::init(location, day(DAYS)).unwrap();
    let (mut rows, mut took) = (0, Duration::ZERO);
    let jobs: Vec<(usize, u32)> = generator.jobs().map(|job| job.2).enumerate().collect();
    for (job, _daily) in jobs {
        for start in (0..DAYS).step_by(10) {
            let runs = generator.runs(job, start..(start + 10).min(DAYS));
            let clock = Instant::now();
            rows += history.record_all(&runs, day(DAYS)).unwrap().rows;
            took += clock.elapsed();
        }
    }
    push(
        figures,
        "ingest of runs, 1 thread",
        "",
        format!("{:.2} M rows/s", rows as f64 / took.as_secs_f64() / 1e6),
    );
    let clock = Instant::now();
    let mut options = CompactOptions::at(day(DAYS + 40));
    options.grace_days = 0.0;
    history.compact(&options).unwrap();
    let rate = rows as f64 / clock.elapsed().as_secs_f64() / 1e6;
    push(
        figures,
        "compaction to months, 1 thread",
        "",
        format!("{rate:.2} M rows/s"),
    );
}

fn push(figures: &mut Vec<Figure>, what: &'static str, target: &'static str, ours: String) {
    println!("{what}: {ours}");
    figures.push(Figure { what, target, ours });
}

fn sizes(history: &History, figures: &mut Vec<Figure>) {
    let stat = history.stat().unwrap();
    push(
        figures,
        "rows",
        "",
        format!("{:.1} M", stat.rows() as f64 / 1e6),
    );
    let per_row = stat.compacted_bytes as f64 / stat.compacted_rows as f64;
    push(figures, "bytes/row compacted", "3", format!("{per_row:.2}"));
    let all = stat.bytes as f64 / stat.rows() as f64;
    push(
        figures,
        "bytes/row with names, texts and cells",
        "",
        format!("{all:.2}"),
    );
}

/// Times of a repeated piece of work, in milliseconds.
struct Timed {
    first: f64,
    median: f64,
    best: f64,
    /// CPU time of the whole process, the median: what stays the same when neighbours use the machine too.
    cpu: f64,
}

impl std::fmt::Display for Timed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            first,
            median,
            best,
            cpu,
        } = self;
        write!(
            f,
            "{median:.1} ms (best {best:.1}, first {first:.1}, CPU {cpu:.1})"
        )
    }
}

fn timed(repeat: usize, mut work: impl FnMut()) -> Timed {
    let mut times = Vec::new();
    let mut cpu = Vec::new();
    for _ in 0..repeat {
        let (clock, used) = (Instant::now(), cpu_ms());
        work();
        times.push(clock.elapsed().as_secs_f64() * 1e3);
        cpu.push(cpu_ms() - used);
    }
    let first = times[0];
    times.sort_by(f64::total_cmp);
    cpu.sort_by(f64::total_cmp);
    Timed {
        first,
        median: times[repeat / 2],
        best: times[0],
        cpu: cpu[repeat / 2],
    }
}

fn cpu_ms() -> f64 {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    used.tv_sec as f64 * 1e3 + used.tv_nsec as f64 / 1e6
}

/// 5,000 tests of a job of 6,000, 14 days.
pub(crate) fn baseline_scan(generator: &Generator) -> (Filter, Scan) {
    let mut ids: Vec<TestId> = generator.ids(6);
    ids.truncate(5000);
    let mut filter = Filter::base(REPO, BRANCH);
    filter.jobs = vec!["e2e-06".to_owned()];
    let scan = Scan {
        windows: vec![day(DAYS - 14)..day(DAYS)],
        ids,
        threads: 1,
    };
    (filter, scan)
}

fn baseline(history: &History, generator: &Generator, figures: &mut Vec<Figure>) {
    let (filter, scan) = baseline_scan(generator);
    let mut rows = 0;
    let time = timed(21, || rows = history.scan(&filter, &scan).unwrap().rows);
    let text = format!("{time}; {rows} rows read");
    push(figures, BASELINE, "20 ms", text);
}

/// The last week against the 30 days before it, all jobs.
pub(crate) fn regression_scan() -> (Filter, Scan) {
    let scan = Scan {
        windows: vec![day(DAYS - 7)..day(DAYS), day(DAYS - 37)..day(DAYS - 7)],
        ids: Vec::new(),
        threads: 2,
    };
    (Filter::base(REPO, BRANCH), scan)
}

fn regression(history: &History, figures: &mut Vec<Figure>) {
    let (filter, scan) = regression_scan();
    let (mut read, mut counted) = (0, 0_u64);
    let time = timed(7, || {
        let scanned = history.scan(&filter, &scan).unwrap();
        read = scanned.rows;
        let counts = scanned
            .jobs
            .values()
            .flatten()
            .flat_map(|test| test.windows);
        counted = counts.map(|c| u64::from(c.runs + c.skips)).sum();
    });
    let text = format!(
        "{time}; {:.1} M rows counted of {:.1} M read",
        counted as f64 / 1e6,
        read as f64 / 1e6
    );
    push(
        figures,
        "regression scan of 37 days, 2 threads",
        "300 ms for 40 M",
        text,
    );
}

/// The same on one job, beside the peers.
fn one_job(history: &History, figures: &mut Vec<Figure>) {
    let (mut filter, mut scan) = regression_scan();
    filter.jobs = vec!["e2e-06".to_owned()];
    scan.threads = 1;
    let time = timed(21, || {
        history.scan(&filter, &scan).unwrap();
    });
    push(figures, ONE_JOB, "", time.to_string());
}

/// The snapshot of a branch with one job of 50,000 tests.
fn snapshot(generator: &Generator, figures: &mut Vec<Figure>) {
    let folder = tempfile::tempdir().unwrap();
    let history = History::init(&folder.path().display().to_string(), day(0)).unwrap();
    let runs = generator.runs(0, DAYS - 60..DAYS);
    let ids = generator.ids(0);
    history.record_all(&runs, day(DAYS)).unwrap();
    let of = BaselineOf {
        repo: REPO.to_owned(),
        branch: BRANCH.to_owned(),
        at: day(DAYS),
    };
    let done = history.snapshot(&of).unwrap();
    let text = format!(
        "{:.0} kB, and {:.0} kB that only failing tests need",
        done.bytes as f64 / 1e3,
        done.detail_bytes as f64 / 1e3
    );
    push(figures, "snapshot of 50,000 tests", "800 kB", text);
    let some: Vec<TestId> = ids
        .iter()
        .step_by((ids.len() / 5000).max(1))
        .copied()
        .take(5000)
        .collect();
    let time = timed(21, || {
        let found = history.snapshot_entries(&of, &some).unwrap();
        assert!(found.entries.len() * 10 > some.len() * 8);
    });
    push(
        figures,
        "snapshot read + 5,000 look-ups",
        "5 ms",
        time.to_string(),
    );
    let time = timed(9, || {
        history.baseline(&of, None).unwrap();
    });
    push(
        figures,
        "the whole baseline with details",
        "",
        time.to_string(),
    );
}

fn record(generator: &Generator, figures: &mut Vec<Figure>) {
    let folder = tempfile::tempdir().unwrap();
    let location = folder.path().display().to_string();
    History::init(&location, day(0)).unwrap();
    let size = generator.ids(6).len().min(5000);
    let exe = std::env::current_exe().unwrap();
    let mut number = 0;
    let time = timed(11, || {
        number += 1;
        let given = [
            "--child",
            "record",
            &location,
            &number.to_string(),
            &size.to_string(),
        ];
        assert!(Command::new(&exe).args(given).status().unwrap().success());
    });
    let text = format!("{time}; {size} results");
    push(
        figures,
        "recording a run of 5,000 tests, whole process",
        "50 ms",
        text,
    );
}

fn memory(location: &str, figures: &mut Vec<Figure>) {
    for (what, verb, target) in [
        ("peak memory of the baseline", "baseline", "64 MB"),
        ("peak memory of the regression scan", "regression", ""),
    ] {
        let exe = std::env::current_exe().unwrap();
        let out = Command::new(&exe)
            .args(["--child", verb, location])
            .output()
            .unwrap();
        push(
            figures,
            what,
            target,
            String::from_utf8(out.stdout).unwrap().trim().to_owned(),
        );
    }
}

/// What runs in a process of its own.
pub(crate) fn child(given: &[String]) {
    let location = &given[1];
    if given[0] == "record" {
        let number: u32 = given[2].parse().unwrap();
        let run = quick_run(number, given[3].parse().unwrap());
        History::open(location).unwrap().record(&run).unwrap();
        return;
    }
    let history = History::open(location).unwrap();
    let (filter, scan) = match given[0].as_str() {
        "baseline" => baseline_scan(&Generator::new(1.0)),
        _ => regression_scan(),
    };
    history.scan(&filter, &scan).unwrap();
    println!("{}", peak_memory());
}

/// A run that costs next to nothing to make.
fn quick_run(number: u32, tests: u32) -> RecordedRun {
    let results = (0..tests).map(|n| {
        let mut attempt = Attempt::of(Outcome::Pass);
        attempt.seconds = Some(f64::from(n % 977) / 100.0);
        let name = format!("[sig-storage] volume {n} should be attached again when its node comes back after the network was gone for a while");
        TestResult {
            test: TestName::new("e2e", None, &name),
            attempts: vec![attempt],
        }
    });
    let run = TestRun {
        results: results.collect(),
        started_at: None,
    };
    let mut info = RunInfo {
        started_at: day(1),
        ..RunInfo::default()
    };
    info.key.run = number.to_string();
    RecordedRun::of(info, &run)
}

fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kb: f64 = line
        .and_then(|l| l.trim().trim_end_matches(" kB").parse().ok())
        .unwrap_or(0.0);
    format!("{:.0} MB", kb / 1024.0)
}

pub(crate) fn table(figures: &[Figure], peers: &[(&'static str, String, String)]) -> String {
    let mut out =
        String::from("| figure | target | Sprag | SQLite | PostgreSQL |\n|---|---|---|---|---|\n");
    for Figure { what, target, ours } in figures {
        let peer = peers.iter().find(|(name, _, _)| name == what);
        let (sqlite, postgres) = peer.map_or(("", ""), |(_, s, p)| (s.as_str(), p.as_str()));
        writeln!(
            out,
            "| {what} | {target} | {ours} | {sqlite} | {postgres} |"
        )
        .unwrap();
    }
    out
}
