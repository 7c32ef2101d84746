//! A year of one job in a history, through the public API: how large the history gets, what a reader fetches, what a record costs.
//!
//! `cargo bench -p history --bench git_year -- [--days 365] [--tests 5000] [--daily 30] [--folder] [--dir DIR] [--real-days N] [--whole-days N] [--readers]`
//!
//! The store is a branch of a bare git repository that the bench makes (`--folder`: a folder). Each day ends with `history compact` and a squash.
//!
//! *Real* days are the last `--real-days` (3), every 60th, and those of the last third of the year on which a month is let go to its failures, which is the largest
//! compaction there is. On them each run is recorded by a commit of its own, and after each one the history is looked after exactly as the Action does: squashed above 1 MiB, compacted
//! when nine run files lie there. On the other days the runs of a day go into one commit, 30 run files of which lie there at once. That changes no file of the tree at the end of the day, so the largest
//! tree is real; what is reachable between is counted on real days only (of the other days it is printed apart, as a bound from above).
//!
//! Of days before the last `--whole-days` (120) runs have only the rows that failed or flaked, which is all that is left of them at the end of the year, when the
//! history is largest. What a reader fetches is measured by `--readers`: every run of the year is whole, and retention is two days, which a snapshot does not see.
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
    real_days: u64,
    whole_days: u64,
    readers: bool,
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
    /// The same with days that are not real.
    bound: u64,
    squashed: u64,
    records: Vec<Duration>,
    compactions: Vec<Duration>,
    head: u64,
    snapshot: u64,
    squashes: u64,
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
        if day + args.whole_days < args.days && !args.readers {
            runs.iter_mut().for_each(only_failures);
        }
        rows += runs.iter().map(|run| run.rows.len()).sum::<usize>();
        let all = runs.iter().flat_map(|run| &run.rows);
        failed += all.filter(|row| row.signature.is_some()).count();
        let real = args.is_real(day);
        if real {
            record_one_by_one(&history, &runs, &args, (&place, &mut seen));
        } else {
            record_at_once(&history, &runs);
        }
        let before = Instant::now();
        let done = history.compact(&options(&args, at(day + 1))).unwrap();
        seen.compactions.push(before.elapsed());
        assert_eq!(done.problems, []);
        seen.note(&place, real);
        history.squash(0).unwrap();
        if !real {
            refresh(&history, day + 1);
            history.squash(0).unwrap();
        }
        seen.note(&place, true);
        seen.squashed = seen.squashed.max(place.reachable());
        if day % 30 == 29 || day + 1 == args.days {
            seen.print_day(day + 1, &place, clock.elapsed());
            place.tidy();
        }
    }
    println!(
        "\n{rows} rows, {failed} of them failed or flaked ({:.2} %)",
        failed as f64 / rows as f64 * 100.0
    );
    seen.print(args.readers);
    place.print_parts();
    prove(&history, &args);
}

fn only_failures(run: &mut RecordedRun) {
    run.rows.retain(|row| row.signature.is_some());
    let RecordedRun { rows, names, .. } = run;
    names.retain(|id, _| rows.binary_search_by_key(id, |row| row.id).is_ok());
}

impl Args {
    /// Whether every run of a day is recorded as the Action does it.
    fn is_real(&self, day: u64) -> bool {
        if self.readers {
            return false;
        }
        let let_go = Timestamp(at(day).0 - 90 * 86_400_000).date();
        let month = day > 300 && (let_go.ends_with("-01") || let_go.ends_with("-02"));
        month || day % 60 == 59 || day + self.real_days >= self.days
    }
}

fn options(args: &Args, now: Timestamp) -> CompactOptions {
    let mut options = CompactOptions::bounded(now);
    if args.folder {
        options.grace_days = 0.0;
    }
    if args.readers {
        options.full_days = Some(2.0);
        options.outcome_days = Some(2.0);
        options.keep_days = Some(2.0);
    }
    options
}

fn at(day: u64) -> Timestamp {
    Timestamp(FIRST_DAY + (day * 86_400_000).cast_signed())
}

fn record_one_by_one(
    history: &History,
    runs: &[RecordedRun],
    args: &Args,
    (place, seen): (&Place, &mut Seen),
) {
    for run in runs {
        let now = Timestamp(run.info.started_at.0 + 600_000);
        let before = Instant::now();
        history.record_at(run, now).unwrap();
        seen.records.push(before.elapsed());
        seen.note(place, true);
        if history.is_compaction_due(now).unwrap() {
            seen.squash(history);
            let before = Instant::now();
            history.compact(&options(args, now)).unwrap();
            seen.compactions.push(before.elapsed());
            seen.note(place, true);
        }
        seen.squash(history);
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

    /// Bytes of all objects that are reachable, as they lie on the disk.
    fn reachable(&self) -> u64 {
        if self.folder {
            return self.objects().values().sum();
        }
        let reachable = self.git(&["rev-list", "--objects", "--disk-usage", REF]);
        reachable.trim().parse().unwrap()
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
    /// Measures the branch as it is now; `counts` where a real history would be so.
    fn note(&mut self, place: &Place, counts: bool) {
        let objects = place.objects();
        let below = |prefix: &str| {
            let keys = objects.iter().filter(|(key, _)| key.starts_with(prefix));
            keys.map(|(_, size)| size).sum::<u64>()
        };
        self.head = self.head.max(below("v1/head"));
        self.snapshot = self.snapshot.max(below("v1/snapshot/"));
        let reachable = place.reachable();
        self.bound = self.bound.max(reachable);
        if counts {
            self.tree = self.tree.max(objects.values().sum());
            self.reachable = self.reachable.max(reachable);
        }
    }

    fn squash(&mut self, history: &History) {
        self.squashes += u64::from(history.squash(SQUASH_ABOVE).unwrap());
    }

    fn print_day(&self, day: u64, place: &Place, took: Duration) {
        let tree = place.objects().values().sum();
        println!(
            "day {day:>3}: tree {}; so far at most: reachable {} (bound {}), head {}, snapshot {}; after {} s",
            kb(tree),
            kb(self.reachable),
            kb(self.bound),
            kb(self.head),
            kb(self.snapshot),
            took.as_secs()
        );
    }

    fn print(&mut self, readers: bool) {
        println!("largest tree                        {}", kb(self.tree));
        println!("largest after a squash              {}", kb(self.squashed));
        println!("largest reachable, real days        {}", kb(self.reachable));
        println!("largest reachable, bound from above {}", kb(self.bound));
        println!(
            "largest head, largest snapshot      {} + {}{}",
            kb(self.head),
            kb(self.snapshot),
            if readers {
                ""
            } else {
                " (of runs that lack passes: see --readers)"
            }
        );
        println!(
            "squashes in {} records: {}",
            self.records.len(),
            self.squashes
        );
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
        real_days: number("--real-days", 3),
        whole_days: number("--whole-days", 120),
        readers: given.iter().any(|arg| arg == "--readers"),
    }
}
