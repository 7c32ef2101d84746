//! Bringing old data in: rows of CSV or NDJSON become runs, many at once, straight into month files.

mod collect;
mod csv_rows;
mod json_rows;
mod line;
mod quotes;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{BufRead, BufReader, Read},
    path::Path,
};

use flate2::read::MultiGzDecoder;
use model::{Problem, RecordedRun, Timestamp};

use crate::{
    Error, ErrorKind, Result,
    commit::{State, load, try_commit},
    dictionary::{Names, Texts},
    error::Context as _,
    garbage::without_date,
    history::History,
    key::{Partition, run_object},
    pack::{Group, Pack},
    plan::Filter,
    run_file::canonical,
};
use collect::Collector;
pub(crate) use line::COLUMNS;

/// Problems that are kept; more are counted only.
const PROBLEMS_KEPT: usize = 1000;

/// How an import fills what the file does not say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImportOptions {
    /// The moment of the import.
    pub now: Timestamp,
    /// The repository of rows without a `repo` column.
    pub repo: String,
    /// The branch of rows without a `branch` column.
    pub branch: String,
    /// The job of rows without a `job` column.
    pub job: String,
    /// Whether runs list only some of their tests, so that a missing test says nothing.
    pub partial: bool,
}

/// How far an import is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the file that are read, as stored (compressed bytes of a compressed file).
    pub bytes: u64,
    /// The size of the file.
    pub of_bytes: u64,
    /// Rows read so far.
    pub rows: u64,
}

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Imported {
    /// Runs that are new in the history.
    pub runs: u64,
    /// Rows of those runs.
    pub rows: u64,
    /// Runs of the file that the history had before.
    pub known_runs: u64,
    /// Lines that could not be used.
    pub bad_lines: u64,
    /// Whether the file ended too early or could not be read to its end. What was read is kept; the run of the last line counts as partial.
    pub cut: bool,
    /// Why, with line numbers; the first thousand, and the reason of a cut before all others.
    pub problems: Vec<Problem>,
}

impl Imported {
    fn problem(&mut self, problem: Problem) {
        self.bad_lines += 1;
        if self.problems.len() < PROBLEMS_KEPT {
            self.problems.push(problem);
        }
    }

    /// Nothing more can be read.
    fn cut(&mut self, problem: Problem) {
        self.cut = true;
        self.problems.insert(0, problem);
    }
}

/// Tells how far an import is.
pub type OnProgress<'a> = &'a mut dyn FnMut(Progress);

impl History {
    /// Imports a file: `.csv` or `.ndjson` (also `.jsonl`), plain or gzip, whatever its name says. Importing twice changes nothing; killed at any moment, it
    /// either happened or did not.
    ///
    /// Columns: `run,time,branch,job,test,outcome,message`, and optionally `repo,commit,tree,suite,class,duration_s,pr,attempt,url,partial,signature`.
    /// Needs about 50 bytes of memory a row.
    ///
    /// # Errors
    /// When the file cannot be opened or has no usable header, or the store fails. Bad lines are no errors: see [`Imported::problems`].
    pub fn import(
        &self,
        path: &Path,
        options: &ImportOptions,
        progress: OnProgress<'_>,
    ) -> Result<Imported> {
        let name = path.display().to_string();
        let file = File::open(path).context("cannot open", &name)?;
        let size = file.metadata().context("cannot open", &name)?.len();
        self.import_from(file, &name, options, &mut |mut now| {
            now.of_bytes = size;
            progress(now);
        })
    }

    /// Imports from a reader; `name` is for messages.
    ///
    /// # Errors
    /// As [`History::import`].
    pub fn import_from(
        &self,
        input: impl Read,
        name: &str,
        options: &ImportOptions,
        progress: OnProgress<'_>,
    ) -> Result<Imported> {
        let counted = line::Counted::new(input);
        let bytes = counted.count();
        let mut raw = BufReader::with_capacity(1 << 16, counted);
        let head = raw.fill_buf().context("cannot read", name)?;
        let mut report = Imported::default();
        let mut collector = Collector::new(options);
        let mut tell = |rows| {
            let bytes = bytes.get();
            progress(Progress {
                bytes,
                of_bytes: 0,
                rows,
            });
        };
        if head.starts_with(&[0x1F, 0x8B]) {
            let plain = BufReader::with_capacity(1 << 16, MultiGzDecoder::new(raw));
            read_rows(plain, name, &mut collector, (&mut report, &mut tell))?;
        } else {
            read_rows(raw, name, &mut collector, (&mut report, &mut tell))?;
        }
        if report.cut {
            collector.last_is_partial();
        }
        let (runs, named) = collector.into_runs();
        self.store_runs(runs, &named, (options.now, &mut report))?;
        Ok(report)
    }

    /// Records many runs at once, straight into month files: all of them or none. Fast where [`History::record`] would sync every run;
    /// runs that the history has are left out.
    ///
    /// # Errors
    /// When the store fails, or other writers were faster many times in a row; then no run is recorded.
    pub fn record_all(&self, runs: &[RecordedRun], now: Timestamp) -> Result<Imported> {
        let mut named = Named::default();
        let runs = runs.iter().map(|run| named.take(run)).collect();
        let mut report = Imported::default();
        self.store_runs(runs, &named, (now, &mut report))?;
        Ok(report)
    }

    /// Writes runs as month files and commits them, all or nothing.
    fn store_runs(
        &self,
        runs: Vec<RecordedRun>,
        named: &Named,
        (now, report): (Timestamp, &mut Imported),
    ) -> Result<()> {
        let all = runs.len();
        let mut fresh = runs;
        self.batch("import runs", |history| {
            history.store_fresh(&mut fresh, named, (now, report))?;
            report.known_runs = (all - fresh.len()) as u64;
            history.tell_of(&fresh)
        })
    }

    /// Lets the store know of runs that came in without run files.
    fn tell_of(&self, runs: &[RecordedRun]) -> Result<()> {
        let keys: Vec<String> = runs.iter().map(|run| run_object(&run.info)).collect();
        let base = runs.iter().filter(|run| run.info.pr.is_none());
        let branches: BTreeSet<(&str, &str)> = base
            .map(|run| (run.info.key.repo.as_str(), run.info.key.branch.as_str()))
            .collect();
        self.store.remember_runs(&keys)?;
        for (repo, branch) in branches {
            let snapshot = crate::snapshot::folder(repo, branch);
            self.store.set_unseen(&snapshot, None)?;
            let of_branch = runs.iter().map(|run| &run.info).filter(|info| {
                info.pr.is_none() && info.key.repo == repo && info.key.branch == branch
            });
            let starts = of_branch.map(|info| info.started_at);
            self.drop_outdated_snapshot((repo, branch), &starts.collect::<Vec<_>>())?;
        }
        Ok(())
    }

    /// Leaves in `fresh` the runs that the history does not have, and commits them.
    fn store_fresh(
        &self,
        fresh: &mut Vec<RecordedRun>,
        named: &Named,
        (now, report): (Timestamp, &mut Imported),
    ) -> Result<()> {
        let store = self.store.as_ref();
        let repos: BTreeSet<String> = fresh.iter().map(|run| run.info.key.repo.clone()).collect();
        for _ in 0..COMMIT_AGAIN {
            let state = load(store)?;
            let known = self.known_runs(&repos, fresh)?;
            fresh.retain(|run| !known.contains(&without_date(&run_object(&run.info))));
            report.runs = fresh.len() as u64;
            report.rows = fresh.iter().map(|run| run.rows.len() as u64).sum();
            if fresh.is_empty() {
                return Ok(());
            }
            let mut pack = Pack::new(store, now);
            pack_runs(fresh, &mut pack)?;
            for repo in &repos {
                self.pack_dictionaries(&state, (repo, fresh), named, &mut pack)?;
            }
            if try_commit(store, &state, pack.commit.clone())? {
                return Ok(());
            }
            pack.abandon();
        }
        let kind = ErrorKind::Contended(COMMIT_AGAIN);
        Err(Error::new("cannot import into", &self.location(), kind))
    }

    /// The names and texts of runs of one repository that the lake does not have yet.
    fn pack_dictionaries(
        &self,
        state: &State,
        (repo, runs): (&str, &[RecordedRun]),
        named: &Named,
        pack: &mut Pack<'_>,
    ) -> Result<()> {
        let known_names = self.names_of(state, repo)?;
        let known_texts = self.texts_of(state, repo)?;
        let (mut names, mut texts) = (Names::new(), Texts::new());
        let of_repo = runs.iter().filter(|run| run.info.key.repo == repo);
        for row in of_repo.flat_map(|run| &run.rows) {
            if let (false, Some(name)) =
                (known_names.contains_key(&row.id), named.names.get(&row.id))
            {
                names.entry(row.id).or_insert_with(|| name.clone());
            }
            let Some(signature) = row.signature else {
                continue;
            };
            if let (false, Some(text)) = (
                known_texts.contains_key(&signature),
                named.texts.get(&signature),
            ) {
                texts.entry(signature).or_insert_with(|| text.clone());
            }
        }
        pack.put_names(repo, &names)?;
        pack.put_texts(repo, &texts)
    }

    /// The runs that the history has of some repositories, by key without date.
    fn known_runs(
        &self,
        repos: &BTreeSet<String>,
        fresh: &[RecordedRun],
    ) -> Result<BTreeSet<String>> {
        let mut known = BTreeSet::new();
        for repo in repos {
            let filter = Filter {
                repo: Some(repo.clone()),
                ..Filter::default()
            };
            let plan = self.plan(&filter)?;
            let mut concerned = fresh.iter().map(|run| Partition::of(&run.info));
            if let Some(of) = concerned.find(|of| plan.unknown.contains(of)) {
                let why =
                    "a compacted file of it cannot be read, so nobody knows which runs are there";
                return Err(Error::corrupt(&of.runs_folder(), why));
            }
            known.extend(plan.run_files.iter().map(|key| without_date(key)));
            for (_, table) in &plan.chunks {
                known.extend(
                    table
                        .runs
                        .iter()
                        .map(|run| without_date(&run_object(&run.info))),
                );
            }
        }
        Ok(known)
    }
}

/// How often an import commits again when others were faster.
const COMMIT_AGAIN: u32 = 16;

fn pack_runs(fresh: &[RecordedRun], pack: &mut Pack<'_>) -> Result<()> {
    for ((partition, month), runs) in by_month(fresh) {
        let group = Group {
            partition,
            runs: runs.into_iter().cloned().collect(),
            chunks: Vec::new(),
        };
        pack.put_rows(&month, group)?;
    }
    Ok(())
}

fn by_month(runs: &[RecordedRun]) -> BTreeMap<(Partition, String), Vec<&RecordedRun>> {
    let mut groups: BTreeMap<(Partition, String), Vec<&RecordedRun>> = BTreeMap::new();
    for run in runs {
        let key = (Partition::of(&run.info), run.info.started_at.month());
        groups.entry(key).or_default().push(run);
    }
    groups
}

/// Names and texts of many runs.
#[derive(Debug, Default)]
pub(crate) struct Named {
    pub(crate) names: Names,
    pub(crate) texts: Texts,
}

impl Named {
    /// Takes names and texts out of a run; makes it one that can be kept.
    fn take(&mut self, run: &RecordedRun) -> RecordedRun {
        let mut run = canonical(run);
        self.names.extend(std::mem::take(&mut run.names));
        self.texts.extend(std::mem::take(&mut run.texts));
        run
    }
}

/// Where rows, problems and progress go.
type Sinks<'a> = (&'a mut Imported, &'a mut dyn FnMut(u64));

fn read_rows(
    mut input: impl BufRead,
    name: &str,
    collector: &mut Collector,
    sinks: Sinks<'_>,
) -> Result<()> {
    let head = match input.fill_buf() {
        Ok(head) => head,
        Err(error) => {
            sinks.0.cut(csv_rows::cut(name, 0, &error));
            return Ok(());
        }
    };
    let first = head
        .iter()
        .find(|byte| !byte.is_ascii_whitespace() && !matches!(byte, 0xEF | 0xBB | 0xBF));
    match first {
        None => {
            let kind = ErrorKind::Input("it is empty".to_owned());
            Err(Error::new("cannot import", name, kind))
        }
        Some(b'{') => json_rows::read(input, name, collector, sinks),
        Some(_) => csv_rows::read(input, name, collector, sinks),
    }
}
