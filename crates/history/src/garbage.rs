//! Deleting what nobody reads any more: replaced objects and run files that were taken in, after a grace time; orphans of killed
//! writers; old commits.

use std::collections::{BTreeMap, BTreeSet};

use model::{DAY_MS, Timestamp};

use crate::{
    Result,
    commit::{FileEntry, Kind, State},
    compact::{CompactOptions, Compacted},
    history::History,
    key::{COMMITS, Lane, ROOT, made_at, run_object},
    store::Object,
};

/// Days after which an object that no commit names is the leavings of a killed writer.
const ORPHAN_DAYS: f64 = 2.0;

/// Commits that always stay: two checkpoints and more.
const COMMITS_KEPT: usize = 40;

/// Commits that stay on a branch, where nobody reads while they go: one checkpoint is always among them.
const CHECKPOINT_AT_MOST: usize = 16;

impl History {
    pub(crate) fn collect_garbage(
        &self,
        options: &CompactOptions,
        done: &mut Compacted,
    ) -> Result<()> {
        let state = self.state()?;
        let is_branch = self.store.is_branch();
        let grace_days = if is_branch { 0.0 } else { options.grace_days };
        let before = options.now.plus_days(-grace_days);
        let mut doomed = self.doomed_objects(&state, before, options.now)?;
        doomed.extend(self.doomed_run_files(&state, before)?);
        doomed.extend(self.doomed_commits(
            before,
            if is_branch {
                CHECKPOINT_AT_MOST
            } else {
                COMMITS_KEPT
            },
        )?);
        for key in &doomed {
            self.store.delete(key)?;
        }
        let orphaned = options.now.plus_days(-ORPHAN_DAYS);
        done.deleted += doomed.len() as u64 + self.store.sweep(orphaned)?;
        Ok(())
    }

    /// Replaced objects, and objects of killed writers.
    fn doomed_objects(
        &self,
        state: &State,
        before: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<String>> {
        let since: BTreeMap<&str, Timestamp> = state
            .garbage
            .iter()
            .map(|g| (g.key.as_str(), g.since))
            .collect();
        let orphaned = now.plus_days(-ORPHAN_DAYS).min(before);
        let is_doomed = |key: &str| match since.get(key) {
            _ if state.files.contains_key(key) => false,
            Some(since) => *since <= before,
            None => made_at(key).is_some_and(|made| made < orphaned),
        };
        let listed = self.list_objects()?;
        let keys = listed.into_iter().map(|object| object.key);
        Ok(keys.filter(|key| is_doomed(key)).collect())
    }

    /// Every object that a commit can name, and probes.
    pub(crate) fn list_objects(&self) -> Result<Vec<Object>> {
        let mut objects = Vec::new();
        for lane in Lane::ALL {
            objects.extend(self.store.list(lane.compact())?);
            objects.extend(self.store.list(lane.cells())?);
        }
        for folder in ["names", "texts", "probe"] {
            objects.extend(self.store.list(&format!("{ROOT}/{folder}"))?);
        }
        Ok(objects)
    }

    /// Run files whose rows stand, whole, in a compacted file that is older than the grace time.
    fn doomed_run_files(&self, state: &State, before: Timestamp) -> Result<Vec<String>> {
        let sizes: BTreeMap<String, u64> = self
            .list_objects()?
            .into_iter()
            .map(|o| (o.key, o.size))
            .collect();
        let mut held = BTreeSet::new();
        for file in state.of_kind(Kind::Rows) {
            let old = made_at(&file.key).is_some_and(|made| made <= before);
            if old && sizes.get(&file.key) == Some(&file.size) {
                held.extend(self.held_by(file)?);
            }
        }
        let mut doomed = Vec::new();
        for lane in Lane::ALL {
            let listed = self.store.list(lane.runs())?;
            let keys = listed.into_iter().map(|object| object.key);
            doomed.extend(keys.filter(|key| held.contains(&without_date(key))));
        }
        Ok(doomed)
    }

    fn held_by(&self, file: &FileEntry) -> Result<Vec<String>> {
        let table = self.table(file)?;
        let keys = table.runs.iter().map(|run| run_object(&run.info));
        Ok(keys.map(|key| without_date(&key)).collect())
    }

    /// Deletes the run files of a compacted file's runs at once.
    pub(crate) fn delete_run_files_of(&self, file: &FileEntry) -> Result<()> {
        let held: BTreeSet<String> = self.held_by(file)?.into_iter().collect();
        for object in self.store.list(&file.of.runs_folder())? {
            if held.contains(&without_date(&object.key)) {
                self.store.delete(&object.key)?;
            }
        }
        Ok(())
    }

    /// Commits that no reader needs: all but the newest ones, when they are old.
    fn doomed_commits(&self, before: Timestamp, kept: usize) -> Result<Vec<String>> {
        let listed = self.store.list(COMMITS)?;
        let keep = listed.len().saturating_sub(kept);
        let mut doomed = Vec::new();
        for object in listed.into_iter().take(keep) {
            let commit = crate::commit::read(self.store.as_ref(), &object.key);
            if commit.is_ok_and(|commit| commit.at <= before) {
                doomed.push(object.key);
            }
        }
        Ok(doomed)
    }
}

/// The key of a run file without its day: the same for a run that was recorded again after midnight.
pub(crate) fn without_date(key: &str) -> String {
    match (key.split_once("/date="), key.rsplit_once('/')) {
        (Some((folder, _)), Some((_, name))) => format!("{folder}/{name}"),
        _ => key.to_owned(),
    }
}

/// Garbage that is so old that its deletion is done for sure leaves the log.
pub(crate) fn forget_old(state: &mut State, now: Timestamp) {
    let oldest = now.0.saturating_sub(60 * DAY_MS);
    state.garbage.retain(|garbage| garbage.since.0 >= oldest);
}

#[cfg(test)]
mod tests {
    use super::without_date;

    #[test]
    fn a_run_has_one_name_whatever_the_day() {
        assert_eq!(
            without_date("v1/runs/job=j/date=2026-11-20/r-1.parquet"),
            "v1/runs/job=j/r-1.parquet"
        );
    }
}
