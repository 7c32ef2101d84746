//! What has to be read for a question: compacted files by the commit log, and the run files that no compacted file holds yet.

use std::{collections::BTreeSet, sync::Arc};

use model::{Place, Problem, RunInfo, Timestamp};

use crate::{
    Error, Result,
    commit::{FileEntry, Kind, State},
    garbage::without_date,
    history::History,
    key::{Lane, Partition, encode, run_object},
    run_table::RunTable,
};

/// Which runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Runs of a branch itself, or of pull requests into it; `None` for both.
    pub lane: Option<Lane>,
    /// The repository; `None` for all.
    pub repo: Option<String>,
    /// The branch; `None` for all.
    pub branch: Option<String>,
    /// The jobs; empty for all.
    pub jobs: Vec<String>,
    /// Runs that started at this moment or later.
    pub from: Option<Timestamp>,
    /// Runs that started before this moment.
    pub until: Option<Timestamp>,
    /// Fill [`model::RecordedRun::names`] also where the rows come from a compacted file.
    pub with_names: bool,
    /// Fill [`model::RecordedRun::texts`] also where the rows come from a compacted file.
    pub with_texts: bool,
    /// Also runs of which retention left only the rows that failed or flaked: a test that is not in them may have passed.
    pub failures_only: bool,
}

impl Filter {
    /// Runs of one branch of one repository itself.
    pub fn base(repo: &str, branch: &str) -> Self {
        Self {
            lane: Some(Lane::Base),
            repo: Some(repo.to_owned()),
            branch: Some(branch.to_owned()),
            ..Self::default()
        }
    }

    /// Whether a run passes.
    pub fn takes(&self, info: &RunInfo) -> bool {
        self.takes_partition(&Partition::of(info)) && self.takes_moment(info.started_at)
    }

    pub(crate) fn takes_moment(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| at >= from) && self.until.is_none_or(|until| at < until)
    }

    pub(crate) fn takes_partition(&self, of: &Partition) -> bool {
        self.lane.is_none_or(|lane| of.lane == lane)
            && self.repo.as_ref().is_none_or(|repo| &of.repo == repo)
            && self
                .branch
                .as_ref()
                .is_none_or(|branch| &of.branch == branch)
            && (self.jobs.is_empty() || self.jobs.contains(&of.job))
    }

    /// Whether a compacted file can hold a run that passes.
    fn takes_file(&self, file: &FileEntry) -> bool {
        self.takes_partition(&file.of)
            && self.from.is_none_or(|from| file.last >= from.0)
            && self.until.is_none_or(|until| file.first < until.0)
    }

    /// The folder below which all run files of a lane that can pass lie.
    fn folder(&self, lane: Lane) -> String {
        let mut folder = lane.runs().to_owned();
        for (name, value) in [("repo", &self.repo), ("branch", &self.branch)] {
            let Some(value) = value else { return folder };
            folder = format!("{folder}/{name}={}", encode(value));
        }
        match self.jobs.as_slice() {
            [job] => format!("{folder}/job={}", encode(job)),
            _ => folder,
        }
    }

    /// Whether the run file of a key can hold a run that passes; the file itself decides.
    fn takes_key(&self, key: &str) -> bool {
        let value = |name: &str| {
            key.split('/')
                .find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
        };
        let equal = |name: &str, wanted: &Option<String>| {
            wanted
                .as_ref()
                .is_none_or(|wanted| value(name) == Some(encode(wanted).as_str()))
        };
        let job = self.jobs.is_empty()
            || self
                .jobs
                .iter()
                .any(|job| value("job") == Some(encode(job).as_str()));
        equal("repo", &self.repo) && equal("branch", &self.branch) && job && self.takes_date(key)
    }

    fn takes_date(&self, key: &str) -> bool {
        let Some(start) = start_of_day(key) else {
            return true;
        };
        self.from.is_none_or(|from| start.plus_days(1.0) > from)
            && self.until.is_none_or(|until| start < until)
    }
}

/// The start of the day that a run file's folder names.
pub(crate) fn start_of_day(key: &str) -> Option<Timestamp> {
    let (_, rest) = key.split_once("/date=")?;
    let (date, _) = rest.split_once('/')?;
    Timestamp::parse(date).ok()
}

/// What to read.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) state: State,
    pub(crate) chunks: Vec<(FileEntry, Arc<RunTable>)>,
    /// Keys of run files that no compacted file holds.
    pub(crate) run_files: Vec<String>,
    pub(crate) problems: Vec<Problem>,
    /// Jobs of which a compacted file cannot be read, so that nobody knows which runs it holds.
    pub(crate) unknown: BTreeSet<Partition>,
}

/// How often a plan is made again when compaction deletes a file in between.
const PLAN_AGAIN: u32 = 4;

impl History {
    /// Plans a question. Run files are listed before the log is read: one that compaction takes in between is then in both, and
    /// counted once; the other order could miss it.
    pub(crate) fn plan(&self, filter: &Filter) -> Result<Plan> {
        let mut plan = self.plan_once(filter)?;
        for _ in 1..PLAN_AGAIN {
            let vanished = plan.problems.iter().any(|p| p.hint == VANISHED);
            if !vanished {
                break;
            }
            plan = self.plan_once(filter)?;
        }
        Ok(plan)
    }

    fn plan_once(&self, filter: &Filter) -> Result<Plan> {
        let listed = self.list_run_files(filter)?;
        let mut plan = Plan {
            state: self.state()?,
            ..Plan::default()
        };
        let files: Vec<FileEntry> = plan
            .state
            .of_kind(Kind::Rows)
            .filter(|file| filter.takes_file(file))
            .cloned()
            .collect();
        for file in files {
            match self.table(&file) {
                Ok(table) => plan.chunks.push((file, table)),
                Err(error) => {
                    tell(error, &mut plan.problems)?;
                    plan.unknown.insert(file.of);
                }
            }
        }
        if listed.is_empty() {
            return Ok(plan);
        }
        let mut held: BTreeSet<String> = plan
            .chunks
            .iter()
            .flat_map(|(_, table)| table.runs.iter().map(|run| run_object(&run.info)))
            .map(|key| without_date(&key))
            .collect();
        // Of a run that was recorded under two dates the earlier one is read: keys come in rising order.
        plan.run_files = listed
            .into_iter()
            .filter(|key| held.insert(without_date(key)))
            .collect();
        Ok(plan)
    }

    pub(crate) fn list_run_files(&self, filter: &Filter) -> Result<Vec<String>> {
        let mut keys = Vec::new();
        for lane in Lane::ALL {
            if filter.lane.is_some_and(|wanted| wanted != lane) {
                continue;
            }
            let objects = self.store.list(&filter.folder(lane))?;
            let taken = objects.into_iter().map(|object| object.key);
            keys.extend(taken.filter(|key| key.ends_with(".parquet") && filter.takes_key(key)));
        }
        Ok(keys)
    }
}

const VANISHED: &str = "it was compacted or deleted in between; read again";

/// Lists damage as a problem, so that the rest is read. A failure of the store is one of the whole question: an answer without what it did not give would have
/// a hole in it that nobody sees.
pub(crate) fn tell(error: Error, problems: &mut Vec<Problem>) -> Result<()> {
    if !error.is_damage() {
        return Err(error);
    }
    problems.push(problem_of(&error));
    Ok(())
}

/// An unreadable object as a problem: the rest is read.
pub(crate) fn problem_of(error: &Error) -> Problem {
    let text = error.kind().to_string();
    let (what, hint) = match text.split_once(" (hint: ") {
        Some((what, hint)) => (what.to_owned(), hint.trim_end_matches(')').to_owned()),
        None if error.is_not_found() => (text, VANISHED.to_owned()),
        None => (text, String::new()),
    };
    Problem {
        file: error.subject().to_owned(),
        place: Place::File,
        what,
        hint,
    }
}
