//! What compaction has to pack: which run files and compacted files make which new file.

use std::{collections::BTreeMap, sync::Arc};

use model::Timestamp;

use crate::{
    commit::FileEntry,
    compact::CompactOptions,
    key::Partition,
    plan::Plan,
    run_table::{Kept, RunTable},
};

/// How much of its rows a new file keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tier {
    /// Everything.
    #[default]
    Rows,
    /// Every outcome; durations as sums by day.
    Outcomes,
    /// Failures and flakes.
    Failures,
}

/// What one compacted file will be made of.
#[derive(Clone, Debug, Default)]
pub(super) struct Job {
    pub(super) partition: Partition,
    pub(super) period: String,
    pub(super) tier: Tier,
    pub(super) chunks: Vec<(FileEntry, Arc<RunTable>)>,
    pub(super) run_files: Vec<String>,
}

impl Job {
    /// Whether there is something to do: runs to take in, files to join, or a file that should be another.
    fn is_due(&self) -> bool {
        !self.run_files.is_empty()
            || self.chunks.len() > 1
            || self
                .chunks
                .iter()
                .any(|(file, table)| file.period != self.period || tier_of(table) != self.tier)
    }
}

/// What a file keeps now.
fn tier_of(table: &RunTable) -> Tier {
    match table.kept {
        None => Tier::Rows,
        Some(Kept::Outcomes(_)) => Tier::Outcomes,
        Some(Kept::Failures) => Tier::Failures,
    }
}

/// What has to be packed. Without retention the run files of a month that is over join its file, others that of their day. With it, days
/// stay files of their own until they are thinned into their month.
pub(super) fn jobs_of(plan: &Plan, options: &CompactOptions) -> Vec<Job> {
    let mut jobs = Jobs::new();
    for key in &plan.run_files {
        if let Some((folder, day)) = folder_and_day(key) {
            let job = job_at(&mut jobs, folder.to_owned(), place_of(day, options));
            job.run_files.push(key.clone());
        }
    }
    for (file, table) in &plan.chunks {
        let (period, tier) = place_of(&file.period, options);
        let place = match tier_of(table) {
            Tier::Rows => (period, tier),
            // What was let go does not come back when retention grows.
            kept @ (Tier::Outcomes | Tier::Failures) => (file.period.as_str(), kept.max(tier)),
        };
        let job = job_at(&mut jobs, file.of.runs_folder(), place);
        job.partition.clone_from(&file.of);
        job.chunks.push((file.clone(), Arc::clone(table)));
    }
    let mut jobs: Vec<Job> = jobs.into_values().collect();
    jobs.retain(Job::is_due);
    jobs
}

/// Jobs by folder, period and whether they thin: a file of whole rows and a thinned one of one month can stand beside each other.
type Jobs = BTreeMap<(String, String, bool), Job>;

fn job_at<'a>(jobs: &'a mut Jobs, folder: String, (period, tier): (&str, Tier)) -> &'a mut Job {
    let key = (folder, period.to_owned(), tier > Tier::Rows);
    let job = jobs.entry(key).or_default();
    period.clone_into(&mut job.period);
    job.tier = job.tier.max(tier);
    job
}

/// The period and the tier of the file that rows of a day, or of a month, belong into.
fn place_of<'a>(period: &'a str, options: &CompactOptions) -> (&'a str, Tier) {
    let month = month_of(period);
    let Some(full) = options.full_days else {
        let period = if is_over(period, options.now) {
            month
        } else {
            period
        };
        return (period, Tier::Rows);
    };
    let days_ago = |days: f64| options.now.plus_days(-days);
    let is_full = if month == period {
        // A month of whole rows waits until its last day may be thinned.
        month >= days_ago(full).month().as_str()
    } else {
        period >= days_ago(full).date().as_str()
    };
    if is_full {
        return (period, Tier::Rows);
    }
    let cells = options.outcome_days.map(|days| days.max(full));
    let is_past = cells.is_some_and(|days| month < days_ago(days).month().as_str());
    let tier = if is_past {
        Tier::Failures
    } else {
        Tier::Outcomes
    };
    (month, tier)
}

/// The folder of the job and the day of a run file.
fn folder_and_day(key: &str) -> Option<(&str, &str)> {
    let (folder, rest) = key.split_once("/date=")?;
    let (day, _) = rest.split_once('/')?;
    Some((folder, day))
}

/// `YYYY-MM` of a day; a month stays as it is.
fn month_of(period: &str) -> &str {
    match period.rsplit_once('-') {
        Some((month, _)) if month.contains('-') && !month.ends_with('-') => month,
        Some(_) | None => period,
    }
}

/// Whether the month of a day is over for more than a day, so that few late runs are to come.
fn is_over(period: &str, now: Timestamp) -> bool {
    month_of(period) < month_of(&now.plus_days(-1.0).date())
}

#[cfg(test)]
mod tests {
    use model::Timestamp;

    use super::{Tier, place_of};
    use crate::CompactOptions;

    #[test]
    fn a_day_is_thinned_into_its_month_and_ends_as_failures() {
        let now = Timestamp::parse("2026-11-20").unwrap();
        let options = CompactOptions::bounded(now);
        let places = [
            "2026-11-20",
            "2026-11-06",
            "2026-11-05",
            "2026-08",
            "2026-07-31",
        ];
        let places = places.map(|period| place_of(period, &options));
        assert_eq!(
            places,
            [
                ("2026-11-20", Tier::Rows),
                ("2026-11-06", Tier::Rows),
                ("2026-11", Tier::Outcomes),
                ("2026-08", Tier::Outcomes),
                ("2026-07", Tier::Failures)
            ]
        );
        assert_eq!(place_of("2026-11", &options), ("2026-11", Tier::Rows));
    }

    #[test]
    fn without_retention_days_become_months() {
        let options = CompactOptions::at(Timestamp::parse("2026-11-20").unwrap());
        assert_eq!(place_of("2026-11-05", &options), ("2026-11-05", Tier::Rows));
        assert_eq!(place_of("2026-10-31", &options), ("2026-10", Tier::Rows));
        assert_eq!(place_of("2020-01", &options), ("2020-01", Tier::Rows));
    }
}
