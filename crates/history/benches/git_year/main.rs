//! A year of one job in a history, through the public API: how large the history gets, what a reader fetches, what a record costs.
//!
//! `cargo bench -p history --bench git_year -- [--days 365] [--tests 5000] [--daily 30] [--folder] [--dir DIR] [--every N] [--real-days N] [--whole-days N]`
//!
//! The store is a branch of a bare git repository that the bench makes (`--folder`: a folder). Each day ends with `history compact` and a squash.
//! On the last `--real-days` days (3) and every 60th day each run is recorded by a commit of its own, the branch is squashed at 1 MiB and compacted every `--every` runs (9), as the Action does;
//! on the other days the runs of a day go into one commit. That changes no file of the tree: only the commits in between are not there to be measured.
//! Of days before the last `--whole-days` (120) runs have only the rows that failed or flaked, which is all that is left of them at the end of the year, when the
//! history is largest: so the largest tree is measured, not estimated, and the bench takes minutes.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a bench prints and may stop at the first surprise"
)]

mod suite;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use history::{BaselineOf, CompactOptions, Filter, History};
use model::{RecordedRun, Timestamp};

use suite::{BRANCH, FIRST_DAY, REPO, Suite};

/// The branch of the repository.
const REF: &str = "refs/heads/sprag-history";

/// Replaced bytes after which the Action squashes.
const SQUASH_ABOVE: u64 = 1 << 20;

struct Args {
    days: u64,
    tests: u64,
    daily: u64,
    folder: bool,
    dir: PathBuf,
    every: u64,
    real_days: u64,
    whole_days: u64,
}

/// Where the history is, and how to measure it.
struct Place {
    dir: PathBuf,
    folder: bool,
}

/// What was measured so far.
#[derive(Default)]
struct Seen {
    tree: u64,
    reachable: u64,
    days: Vec<(u64, u64)>,
    records: Vec<Duration>,
    compactions: Vec<Duration>,
    reader: u64,
}

fn main() {
    let args = parse();
    let place = Place::new(&args);
    let suite = Suite::new(args.tests, args.daily);
    let history = History::init(&place.location(), Timestamp(FIRST_DAY)).unwrap();
    let mut seen = Seen::default();
    let clock = Instant::now();
    let (mut rows, mut failed) = (0, 0);
    for day in 0..args.days {
        let mut runs = suite.day(day);
        if day + args.whole_days < args.days {
            runs.iter_mut().for_each(only_failures);
        }
        rows += runs.iter().map(|run| run.rows.len()).sum::<usize>();
        let all = runs.iter().flat_map(|run| &run.rows);
        failed += all.filter(|row| row.signature.is_some()).count();
        let real = day % 60 == 59 || day + args.real_days >= args.days;
        if real {
            record_one_by_one(&history, &runs, (&place, &args, &mut seen));
        } else {
            record_at_once(&history, &runs);
        }
        let before = Instant::now();
        let done = history.compact(&options(&args, day + 1)).unwrap();
        seen.compactions.push(before.elapsed());
        let (tree, reachable) = place.sizes();
        seen.note(tree, reachable);
        history.squash(0).unwrap();
        assert_eq!(done.problems, []);
        if !real {
            refresh(&history, day + 1);
        }
        let (tree, reachable) = place.sizes();
        seen.note(tree, reachable);
        seen.reader = seen.reader.max(place.reader());
        seen.days.push((tree, reachable));
        if day % 30 == 29 || day + 1 == args.days {
            let took = clock.elapsed().as_secs();
            println!(
                "day {:>3}: tree {}, reachable {} ({} at most so far), reader {}, after {took} s",
                day + 1,
                kb(tree),
                kb(reachable),
                kb(seen.reachable),
                kb(seen.reader)
            );
            place.tidy();
        }
    }
    println!(
        "\n{rows} rows, {failed} of them failed or flaked ({:.2} %)",
        failed as f64 / rows as f64 * 100.0
    );
    seen.print();
    place.print_parts();
    prove(&history, &args);
}

fn only_failures(run: &mut RecordedRun) {
    run.rows.retain(|row| row.signature.is_some());
    let RecordedRun { rows, names, .. } = run;
    names.retain(|id, _| rows.binary_search_by_key(id, |row| row.id).is_ok());
}

fn options(args: &Args, day: u64) -> CompactOptions {
    let mut options = CompactOptions::bounded(at(day));
    if args.folder {
        options.grace_days = 0.0;
    }
    options
}

fn at(day: u64) -> Timestamp {
    Timestamp(FIRST_DAY + (day * 86_400_000).cast_signed())
}

fn record_one_by_one(
    history: &History,
    runs: &[RecordedRun],
    (place, args, seen): (&Place, &Args, &mut Seen),
) {
    for (n, run) in (1..).zip(runs) {
        let now = Timestamp(run.info.started_at.0 + 600_000);
        let before = Instant::now();
        history.record_at(run, now).unwrap();
        let measured = before.elapsed();
        let (tree, reachable) = place.sizes();
        history.squash(SQUASH_ABOVE).unwrap();
        seen.note(tree, reachable);
        seen.records.push(measured);
        if n % args.every == 0 {
            let mut options = CompactOptions::bounded(now);
            options.grace_days = 0.0;
            history.squash(0).unwrap();
            history.compact(&options).unwrap();
            let (tree, reachable) = place.sizes();
            seen.note(tree, reachable);
            history.squash(0).unwrap();
        }
    }
}

fn record_at_once(history: &History, runs: &[RecordedRun]) {
    let record = |history: &History| {
        for run in runs {
            history.record(run)?;
        }
        Ok(())
    };
    history.batch("record a day", record).unwrap();
}

fn of(at: Timestamp) -> BaselineOf {
    BaselineOf {
        repo: REPO.to_owned(),
        branch: BRANCH.to_owned(),
        at,
    }
}

fn refresh(history: &History, day: u64) {
    let refresh = |history: &History| history.snapshot(&of(at(day))).map(|_| ());
    history.batch("refresh the snapshot", refresh).unwrap();
}

/// The whole history is there, and says what it keeps.
fn prove(history: &History, args: &Args) {
    let before = Instant::now();
    let proof = history.verify().unwrap();
    assert_eq!(proof.problems, []);
    println!(
        "verify: {} runs, {} rows, {:.1} s",
        proof.runs,
        proof.rows,
        before.elapsed().as_secs_f64()
    );
    let mut runs = history.runs(&Filter::base(REPO, BRANCH)).unwrap();
    let whole = runs
        .by_ref()
        .filter(|run| run.rows.len() as u64 == args.tests)
        .count();
    println!(
        "runs with every outcome: {whole}; with failures only: {}",
        runs.left_out()
    );
}

impl Place {
    fn new(args: &Args) -> Self {
        let place = Self {
            dir: args.dir.clone(),
            folder: args.folder,
        };
        assert!(
            !place.dir.exists(),
            "{} is there already",
            place.dir.display()
        );
        std::fs::create_dir_all(&place.dir).unwrap();
        if !place.folder {
            place.git(&["init", "--bare", "--quiet"]);
        }
        place
    }

    fn location(&self) -> String {
        if self.folder {
            return format!("file:{}", self.dir.display());
        }
        format!("git:{}#sprag-history", self.dir.display())
    }

    fn git(&self, arguments: &[&str]) -> String {
        let out = Command::new("git")
            .arg("-C")
            .arg(&self.dir)
            .args(arguments)
            .output()
            .unwrap();
        assert!(
            out.status.success(),
            "{}",
            String::from_utf8_lossy(&out.stderr)
        );
        String::from_utf8(out.stdout).unwrap()
    }

    /// Bytes by object of the tree.
    fn objects(&self) -> BTreeMap<String, u64> {
        if self.folder {
            let mut found = BTreeMap::new();
            walk(&self.dir, &self.dir, &mut found);
            return found;
        }
        let listed = self.git(&["ls-tree", "-r", "-l", "--full-tree", REF]);
        let line = |line: &str| {
            let (head, path) = line.split_once('\t').unwrap();
            (
                path.to_owned(),
                head.split_whitespace().last().unwrap().parse().unwrap(),
            )
        };
        listed.lines().map(line).collect()
    }

    /// Bytes of the tree, and of all objects that are reachable, as they lie on the disk.
    fn sizes(&self) -> (u64, u64) {
        let tree = self.objects().values().sum();
        if self.folder {
            return (tree, tree);
        }
        let reachable = self.git(&["rev-list", "--objects", "--disk-usage", REF]);
        (tree, reachable.trim().parse().unwrap())
    }

    /// Bytes that a reader with an empty cache fetches.
    fn reader(&self) -> u64 {
        let objects = self.objects();
        let read = |key: &&String| key.as_str() == "v1/head" || key.starts_with("v1/snapshot/");
        objects.keys().filter(read).map(|key| objects[key]).sum()
    }

    fn print_parts(&self) {
        let mut parts: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        for (key, size) in self.objects() {
            let folder = key.split('/').nth(1).unwrap_or_default();
            let unit = ["date=", "month="].iter().find(|unit| key.contains(**unit));
            let part = format!("{folder} {}", unit.copied().unwrap_or_default());
            let sum = parts.entry(part).or_default();
            *sum = (sum.0 + 1, sum.1 + size);
        }
        for (part, (files, bytes)) in parts {
            println!("  {part:<16} {files:>4} files {:>10}", kb(bytes));
        }
    }

    /// What nobody can reach any more goes, as a server does from time to time.
    fn tidy(&self) {
        if !self.folder {
            self.git(&["gc", "--quiet", "--prune=now"]);
        }
    }
}

fn walk(root: &Path, dir: &Path, found: &mut BTreeMap<String, u64>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(root, &path, found);
        } else {
            let key = path.strip_prefix(root).unwrap().display().to_string();
            found.insert(key, path.metadata().unwrap().len());
        }
    }
}

impl Seen {
    fn note(&mut self, tree: u64, reachable: u64) {
        self.tree = self.tree.max(tree);
        self.reachable = self.reachable.max(reachable);
    }

    fn print(&mut self) {
        let after = self
            .days
            .iter()
            .map(|(_, reachable)| *reachable)
            .max()
            .unwrap_or(0);
        println!("largest tree at any moment          {}", kb(self.tree));
        println!("largest after a squash              {}", kb(after));
        println!("largest reachable at any moment     {}", kb(self.reachable));
        println!("largest fetch of a reader           {}", kb(self.reader));
        for (what, times) in [
            ("record", &mut self.records),
            ("compaction", &mut self.compactions),
        ] {
            times.sort_unstable();
            if let (Some(median), Some(worst)) = (times.get(times.len() / 2), times.last()) {
                println!(
                    "{what:<12} median {:>6} ms, worst {:>6} ms",
                    median.as_millis(),
                    worst.as_millis()
                );
            }
        }
    }
}

fn kb(bytes: u64) -> String {
    format!("{} kB", bytes.div_ceil(1000))
}

fn parse() -> Args {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| {
        let at = given.iter().position(|arg| arg == name)?;
        given.get(at + 1).cloned()
    };
    let number =
        |name: &str, default: u64| value(name).map_or(default, |text| text.parse().unwrap());
    let unique = format!("sprag-git-year-{}", std::process::id());
    Args {
        days: number("--days", 365),
        tests: number("--tests", 5000),
        daily: number("--daily", 30),
        folder: given.iter().any(|arg| arg == "--folder"),
        dir: value("--dir").map_or_else(|| std::env::temp_dir().join(unique), PathBuf::from),
        every: number("--every", 9),
        real_days: number("--real-days", 3),
        whole_days: number("--whole-days", 120),
    }
}
