//! How much history there is.

use std::collections::{BTreeMap, BTreeSet};

use model::{Outcome, Problem, RunInfo, Signature, TestId, TestName, Timestamp};

use crate::{
    Result,
    commit::Kind,
    history::History,
    key::Partition,
    plan::{Filter, tell},
    pq::{Opened, Source},
    run_file,
};

/// How much history one job has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobStat {
    /// Runs.
    pub runs: u64,
    /// Rows of those runs.
    pub rows: u64,
    /// The start of the first run.
    pub first: Timestamp,
    /// The start of the last run.
    pub last: Timestamp,
}

impl JobStat {
    fn add(&mut self, at: Timestamp, rows: u64) {
        if self.runs == 0 || at < self.first {
            self.first = at;
        }
        self.last = if self.runs == 0 {
            at
        } else {
            self.last.max(at)
        };
        self.runs += 1;
        self.rows += rows;
    }
}

/// How much history there is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stat {
    /// By job.
    pub jobs: BTreeMap<Partition, JobStat>,
    /// Tests that have a name in a compacted file.
    pub tests: u64,
    /// Compacted files of rows.
    pub compacted_files: u64,
    /// Bytes of compacted files of rows.
    pub compacted_bytes: u64,
    /// Rows in compacted files.
    pub compacted_rows: u64,
    /// Run files that are not compacted yet.
    pub run_files: u64,
    /// All bytes of all live objects.
    pub bytes: u64,
    /// Commits made.
    pub commits: u64,
    /// What could not be read.
    pub problems: Vec<Problem>,
}

impl Stat {
    /// Runs of all jobs.
    pub fn runs(&self) -> u64 {
        self.jobs.values().map(|job| job.runs).sum()
    }

    /// Rows of all jobs.
    pub fn rows(&self) -> u64 {
        self.jobs.values().map(|job| job.rows).sum()
    }
}

impl History {
    /// How much history there is, by job. Reads run tables and headers, no rows.
    ///
    /// # Errors
    /// When the store or the commit log cannot be read.
    pub fn stat(&self) -> Result<Stat> {
        let plan = self.plan(&Filter::default())?;
        let mut stat = Stat {
            problems: plan.problems,
            commits: plan.state.next,
            run_files: plan.run_files.len() as u64,
            ..Stat::default()
        };
        let repos: BTreeSet<&str> = plan
            .state
            .files
            .values()
            .map(|f| f.of.repo.as_str())
            .collect();
        for repo in repos {
            stat.tests += self.names_of(&plan.state, repo)?.len() as u64;
        }
        stat.bytes = plan.state.files.values().map(|file| file.size).sum();
        for (file, table) in &plan.chunks {
            stat.compacted_files += 1;
            stat.compacted_bytes += file.size;
            stat.compacted_rows += file.rows;
            let job = stat.jobs.entry(file.of.clone()).or_default();
            table
                .runs
                .iter()
                .for_each(|run| job.add(run.info.started_at, run.rows));
        }
        for key in &plan.run_files {
            match self.header(key) {
                Ok((header, size)) => {
                    stat.bytes += size;
                    let job = stat.jobs.entry(Partition::of(&header.info)).or_default();
                    job.add(header.info.started_at, header.rows);
                }
                Err(error) => tell(error, &mut stat.problems)?,
            }
        }
        Ok(stat)
    }

    /// Which jobs there are. Reads the commit log and one header a folder of run files at most.
    ///
    /// # Errors
    /// When the store or the commit log cannot be read.
    pub fn partitions(&self) -> Result<BTreeSet<Partition>> {
        let listed = self.list_run_files(&Filter::default())?;
        let state = self.state()?;
        let mut found: BTreeSet<Partition> =
            state.of_kind(Kind::Rows).map(|f| f.of.clone()).collect();
        let mut known: BTreeSet<String> = found.iter().map(Partition::runs_folder).collect();
        for key in &listed {
            let folder = key.split_once("/date=").map_or("", |(folder, _)| folder);
            if known.contains(folder) {
                continue;
            }
            match self.header(key) {
                Ok((header, _size)) => {
                    known.insert(folder.to_owned());
                    found.insert(Partition::of(&header.info));
                }
                // A damaged file says nothing; the next one of the folder may.
                Err(error) if error.is_damage() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    fn header(&self, key: &str) -> Result<(run_file::Header, u64)> {
        let source = Source::new(key, self.store.open(key)?);
        let size = source.blob.size();
        Ok((run_file::header(&Opened::open(source, false)?)?, size))
    }
}

/// One past result of one test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestResultAt {
    /// The run.
    pub run: RunInfo,
    /// The outcome.
    pub outcome: Outcome,
    /// Whether it failed first and passed later.
    pub flaked: bool,
    /// How long it took, in milliseconds.
    pub duration_ms: Option<u32>,
    /// The signature of its failure.
    pub signature: Option<Signature>,
    /// The text of its failure; empty when unknown.
    pub text: String,
}

/// The history of one test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestHistory {
    /// Its id.
    pub id: TestId,
    /// Its name.
    pub name: TestName,
    /// Its results, oldest first.
    pub results: Vec<TestResultAt>,
}

impl History {
    /// The tests that a text means: an id in hex, a whole name as shown, or else every name that contains the text; sorted by name.
    ///
    /// # Errors
    /// When the store or the commit log cannot be read.
    pub fn find_tests(&self, text: &str, filter: &Filter) -> Result<Vec<(TestId, TestName)>> {
        let mut names = BTreeMap::new();
        let plan = self.plan(filter)?;
        let repos: BTreeSet<&str> = plan
            .chunks
            .iter()
            .map(|(file, _)| file.of.repo.as_str())
            .collect();
        for repo in repos {
            names.extend(self.names_of(&plan.state, repo)?);
        }
        for key in &plan.run_files {
            let read = self
                .store
                .get(key)
                .and_then(|bytes| run_file::decode(key, &bytes));
            match read {
                Ok(run) => names.extend(run.names),
                Err(error) if error.is_damage() => {}
                Err(error) => return Err(error),
            }
        }
        let exact: Vec<_> = names
            .iter()
            .filter(|(id, name)| {
                id.to_string() == text || name.to_string() == text || name.name == text
            })
            .map(|(id, name)| (*id, name.clone()))
            .collect();
        let mut found = exact;
        if found.is_empty() {
            found = names
                .into_iter()
                .filter(|(_, name)| name.to_string().contains(text))
                .collect();
        }
        found.sort_by(|a, b| a.1.cmp(&b.1));
        Ok(found)
    }

    /// The results of some tests in the order of time, and what could not be read.
    ///
    /// # Errors
    /// When the store or the commit log cannot be read.
    pub fn show(
        &self,
        tests: &[(TestId, TestName)],
        filter: &Filter,
    ) -> Result<(Vec<TestHistory>, Vec<Problem>)> {
        let filter = Filter {
            with_texts: true,
            failures_only: true,
            ..filter.clone()
        };
        let mut shown: BTreeMap<TestId, TestHistory> = BTreeMap::new();
        for (id, name) in tests {
            let (id, name) = (*id, name.clone());
            let results = Vec::new();
            shown.insert(id, TestHistory { id, name, results });
        }
        let mut runs = self.runs(&filter)?;
        for run in runs.by_ref() {
            for (id, history) in &mut shown {
                let Ok(at) = run.rows.binary_search_by_key(id, |row| row.id) else {
                    continue;
                };
                let Some(row) = run.rows.get(at) else {
                    continue;
                };
                let text = row.signature.and_then(|s| run.texts.get(&s));
                history.results.push(TestResultAt {
                    run: run.info.clone(),
                    outcome: row.outcome,
                    flaked: row.flaked,
                    duration_ms: row.duration_ms,
                    signature: row.signature,
                    text: text.cloned().unwrap_or_default(),
                });
            }
        }
        let order = tests.iter().filter_map(|(id, _)| shown.remove(id));
        Ok((order.collect(), runs.finish()?))
    }
}
