//! Proving that a history is whole: every byte by checksum, every run once, every row of every run.

use std::collections::{BTreeMap, BTreeSet};

use model::{Place, Problem, RecordedTest, TestId};

use crate::{
    Error, Result,
    chunk::Chunk,
    commit::{Amount, FileEntry, Kind, State},
    garbage::without_date,
    history::History,
    key::{Lane, run_object},
    pack::checksum,
    plan::{Filter, problem_of, tell},
    row::RowSum,
    run_file,
    run_table::TableRun,
};

/// What a proof found.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Verified {
    /// Runs in the history, each counted once.
    pub runs: u64,
    /// Rows of those runs.
    pub rows: u64,
    /// Objects read.
    pub files: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Runs that stand in two files. Readers count them once, so this is no loss.
    pub doubled_runs: u64,
    /// Everything that is wrong. Empty means: proven whole.
    pub problems: Vec<Problem>,
}

impl History {
    /// Reads every object and proves by checksums that nothing recorded is lost, doubled or changed.
    ///
    /// The rows of each run carry a checksum from the moment of recording through every compaction; objects have one in the commit log; the log
    /// says how many runs and rows came in and were let go, which must be what is there.
    ///
    /// # Errors
    /// When the store fails, so that nothing is proven. Damage is told in [`Verified::problems`].
    pub fn verify(&self) -> Result<Verified> {
        let mut proof = Proof::default();
        let plan = self.plan(&Filter::default())?;
        proof.done.problems.clone_from(&plan.problems);
        for file in plan.state.files.values() {
            self.verify_object(file, &mut proof)?;
        }
        for key in &plan.run_files {
            self.verify_run(key, &mut proof)?;
        }
        proof.check_amounts(&plan.state);
        if plan.state.next == 0 {
            self.check_log(&plan.run_files, &mut proof)?;
        }
        proof.check_names(&self.all_names(&plan.state)?);
        Ok(proof.done)
    }

    fn all_names(&self, state: &State) -> Result<BTreeSet<TestId>> {
        let repos: BTreeSet<&str> = state.files.values().map(|f| f.of.repo.as_str()).collect();
        let mut all = BTreeSet::new();
        for repo in repos {
            match self.names_of(state, repo) {
                Ok(names) => all.extend(names.into_keys()),
                // It is told as a damaged object.
                Err(error) if error.is_damage() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(all)
    }

    /// Without any commit there must be no compacted run that has no run file: the log that named it is gone.
    fn check_log(&self, run_files: &[String], proof: &mut Proof) -> Result<()> {
        let there: BTreeSet<String> = run_files.iter().map(|key| without_date(key)).collect();
        let is_there = |run: &TableRun| there.contains(&without_date(&run_object(&run.info)));
        let mut lost = 0;
        for lane in Lane::ALL {
            for object in self.store.list(lane.compact())? {
                let held = match Chunk::open(self.store.as_ref(), &object.key) {
                    Ok(chunk) => chunk.table.runs.iter().all(is_there),
                    Err(error) if error.is_damage() => false,
                    Err(error) => return Err(error),
                };
                lost += u64::from(!held);
            }
        }
        if lost > 0 {
            let what = format!("{lost} compacted files are there, but no commit names them");
            let hint = "restore the commits from a copy; an import that was killed leaves such files too, then import again";
            proof.tell("v1/commit", what, hint);
        }
        Ok(())
    }

    fn verify_object(&self, file: &FileEntry, proof: &mut Proof) -> Result<()> {
        let read = self.store.get(&file.key).and_then(|bytes| {
            proof.done.files += 1;
            proof.done.bytes += bytes.len() as u64;
            if checksum(&bytes) == file.xxh3 && bytes.len() as u64 == file.size {
                return Ok(());
            }
            Err(Error::corrupt(
                &file.key,
                "its checksum is not that of the commit log",
            ))
        });
        let verified = read.and_then(|()| match file.kind {
            Kind::Rows => self.verify_rows(file, proof),
            Kind::Cells | Kind::Names | Kind::Texts => Ok(()),
        });
        verified.or_else(|error| tell(error, &mut proof.done.problems))
    }

    /// Recomputes the checksum of every run of a compacted file from its rows.
    fn verify_rows(&self, file: &FileEntry, proof: &mut Proof) -> Result<()> {
        let chunk = Chunk::open(self.store.as_ref(), &file.key)?;
        let mut sums = vec![RowSum::default(); chunk.table.runs.len()];
        let mut reader = chunk.rows()?;
        let mut rows = Vec::new();
        let mut last = None;
        loop {
            reader.next_into(&mut rows)?;
            if rows.is_empty() {
                break;
            }
            for row in &rows {
                if last.is_some_and(|last| last >= row.order()) {
                    return Err(Error::corrupt(&file.key, "its rows are not in order"));
                }
                last = Some(row.order());
                proof.ids.insert(row.test.id);
                match usize::try_from(row.run)
                    .ok()
                    .and_then(|run| sums.get_mut(run))
                {
                    Some(sum) => sum.add(&row.test),
                    None => return Err(Error::corrupt(&file.key, "a row belongs to no run")),
                }
            }
        }
        for (run, sum) in chunk.table.runs.iter().zip(sums) {
            if run.checksum() != sum {
                let why = format!(
                    "rows of run `{}` are lost, doubled or changed",
                    run.info.key.run
                );
                return Err(Error::corrupt(&file.key, why));
            }
            proof.compacted.add(1, run.rows);
            proof.count(Lane::of(&run.info), &run_object(&run.info), run.rows);
        }
        Ok(())
    }

    fn verify_run(&self, key: &str, proof: &mut Proof) -> Result<()> {
        let read = self.store.get(key).and_then(|bytes| {
            proof.done.bytes += bytes.len() as u64;
            run_file::decode(key, &bytes)
        });
        match read {
            Ok(run) => {
                proof.done.files += 1;
                proof.count(
                    Lane::of(&run.info),
                    &run_object(&run.info),
                    run.rows.len() as u64,
                );
                if run_object(&run.info) != key {
                    let error = Error::corrupt(key, "it holds another run than its name says");
                    proof.done.problems.push(problem_of(&error));
                }
                proof.check_run_names(key, &run.rows, &run.names);
                Ok(())
            }
            Err(error) => tell(error, &mut proof.done.problems),
        }
    }
}

#[derive(Debug, Default)]
struct Proof {
    done: Verified,
    seen: BTreeSet<(Lane, String)>,
    compacted: Amount,
    ids: BTreeSet<TestId>,
}

impl Proof {
    fn count(&mut self, lane: Lane, key: &str, rows: u64) {
        if self.seen.insert((lane, without_date(key))) {
            self.done.runs += 1;
            self.done.rows += rows;
        } else {
            self.done.doubled_runs += 1;
        }
    }

    fn tell(&mut self, file: &str, what: String, hint: &str) {
        self.done.problems.push(Problem {
            file: file.to_owned(),
            place: Place::File,
            what,
            hint: hint.to_owned(),
        });
    }

    /// What came in, less what retention let go, must be there.
    fn check_amounts(&mut self, state: &State) {
        let came = Amount {
            runs: state.taken_in.runs.saturating_sub(state.expired.runs),
            rows: state.taken_in.rows.saturating_sub(state.expired.rows),
        };
        if came != self.compacted {
            let what = format!(
                "the log took in {} runs with {} rows, compacted files hold {} with {}",
                came.runs, came.rows, self.compacted.runs, self.compacted.rows
            );
            self.tell("v1/commit", what, "restore the damaged files from a copy");
        }
    }

    fn check_names(&mut self, names: &BTreeSet<TestId>) {
        let nameless = self.ids.difference(names).count();
        if nameless > 0 {
            self.tell(
                "v1/names",
                format!("{nameless} compacted tests have no name"),
                "",
            );
        }
    }

    fn check_run_names(
        &mut self,
        key: &str,
        rows: &[RecordedTest],
        names: &BTreeMap<TestId, model::TestName>,
    ) {
        let nameless = rows
            .iter()
            .filter(|row| !names.contains_key(&row.id))
            .count();
        if nameless > 0 {
            self.tell(key, format!("{nameless} of its tests have no name"), "");
        }
    }
}
