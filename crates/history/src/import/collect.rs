//! Collects lines into runs.

use std::collections::HashMap;

use model::{Outcome, RecordedRun, RecordedTest, RunInfo, RunKey, TestName};

use super::{
    ImportOptions, Named,
    line::{Line, time_of},
};
use crate::row::storable;

/// How many bytes of a message are kept, as when a run is recorded.
const MESSAGE_BYTES: usize = 2048;

/// Rows on their way into runs.
#[derive(Debug)]
pub(crate) struct Collector {
    options: ImportOptions,
    runs: Vec<RunInfo>,
    by_key: HashMap<(RunKey, bool), u32>,
    /// The parts of the line before: most lines belong to the run of the line before.
    last: (Vec<String>, u32),
    rows: Vec<(u32, RecordedTest)>,
    named: Named,
}

impl Collector {
    pub(crate) fn new(options: &ImportOptions) -> Self {
        Self {
            options: options.clone(),
            runs: Vec::new(),
            by_key: HashMap::new(),
            last: (Vec::new(), 0),
            rows: Vec::new(),
            named: Named::default(),
        }
    }

    /// Takes one line in, or says what is wrong with it.
    pub(crate) fn add(&mut self, line: &Line<'_>) -> Result<(), String> {
        let row = line.row()?;
        let run = self.run_of(line)?;
        self.named
            .names
            .entry(row.id)
            .or_insert_with(|| TestName::new(line.suite, line.class(), line.test));
        if let Some(signature) = row.signature
            && !line.message.is_empty()
        {
            self.named
                .texts
                .entry(signature)
                .or_insert_with(|| bounded(line.message));
        }
        self.rows.push((run, row));
        Ok(())
    }

    fn run_of(&mut self, line: &Line<'_>) -> Result<u32, String> {
        let parts = line.run_parts();
        if self.last.0.iter().eq(parts.iter()) {
            return Ok(self.last.1);
        }
        let info = self.info_of(line)?;
        let lane = info.pr.is_some();
        let next = u32::try_from(self.runs.len()).map_err(|_full| "too many runs".to_owned())?;
        let number = *self.by_key.entry((info.key.clone(), lane)).or_insert(next);
        match self.runs.get_mut(number as usize) {
            // One run starts once: at its earliest line.
            Some(known) => known.started_at = known.started_at.min(info.started_at),
            None => self.runs.push(info),
        }
        self.last = (
            parts.iter().map(|part| (*part).to_owned()).collect(),
            number,
        );
        Ok(number)
    }

    fn info_of(&self, line: &Line<'_>) -> Result<RunInfo, String> {
        if line.run.is_empty() {
            return Err("it has no run".to_owned());
        }
        let or = |value: &str, default: &str| {
            let value = if value.is_empty() { default } else { value };
            value.to_owned()
        };
        Ok(RunInfo {
            key: RunKey {
                repo: or(line.repo, &self.options.repo),
                branch: or(line.branch, &self.options.branch),
                job: or(line.job, &self.options.job),
                run: line.run.to_owned(),
                attempt: number(line.attempt, "attempt")?.unwrap_or(1),
            },
            started_at: time_of(line.time)?,
            commit: line.commit.to_owned(),
            tree: line.tree.to_owned(),
            pr: number(line.pr, "pr")?,
            url: or(line.url, &url_of(line.run)),
            partial: self.options.partial || matches!(line.partial, "true" | "1" | "yes"),
            unlisted_passes: None,
        })
    }

    /// Of the run of the last line more may have been to come: what is not there says nothing.
    pub(crate) fn last_is_partial(&mut self) {
        if let Some(run) = self.runs.get_mut(self.last.1 as usize) {
            run.partial = true;
        }
    }

    /// The runs with their rows in order of id, and apart from them the names and texts.
    pub(crate) fn into_runs(self) -> (Vec<RecordedRun>, Named) {
        let mut runs: Vec<RecordedRun> = self.runs.into_iter().map(run_of_info).collect();
        let mut rows = self.rows;
        // Stable: several lines of one test in one run stay in the order of the file.
        rows.sort_by_key(|(run, row)| (*run, row.id));
        for (run, row) in rows {
            if let Some(run) = runs.get_mut(run as usize) {
                push_row(&mut run.rows, storable(row));
            }
        }
        (runs, self.named)
    }
}

fn run_of_info(info: RunInfo) -> RecordedRun {
    RecordedRun {
        info,
        ..RecordedRun::default()
    }
}

/// Several lines of one test in one run are its attempts: the last one that ran decides, and a pass after a failure is a flake.
fn push_row(rows: &mut Vec<RecordedTest>, row: RecordedTest) {
    match rows.last_mut() {
        Some(last) if last.id == row.id => *last = later(*last, row),
        Some(_) | None => rows.push(row),
    }
}

fn later(before: RecordedTest, now: RecordedTest) -> RecordedTest {
    if !now.outcome.ran() {
        return before;
    }
    let failed = before.flaked || before.outcome.is_failure();
    RecordedTest {
        flaked: now.outcome == Outcome::Pass && (failed || now.flaked),
        signature: now.signature.or(before.signature),
        ..now
    }
}

fn number<T: std::str::FromStr>(text: &str, column: &str) -> Result<Option<T>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let parsed = text.parse();
    parsed
        .map(Some)
        .map_err(|_no_number| format!("{column} `{}` is no number", super::line::shorten(text)))
}

/// A run id that is the address of the run, with or without its scheme, is also its link.
fn url_of(run: &str) -> String {
    if run.starts_with("https://") || run.starts_with("http://") {
        return run.to_owned();
    }
    let (host, path) = run.split_once('/').unwrap_or((run, ""));
    let is_host = host.contains('.')
        && !host.starts_with('.')
        && !host.ends_with('.')
        && host
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-');
    if is_host && !path.is_empty() {
        format!("https://{run}")
    } else {
        String::new()
    }
}

fn bounded(message: &str) -> String {
    let end = message.floor_char_boundary(MESSAGE_BYTES);
    message.get(..end).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Collector, Line, url_of};
    use crate::ImportOptions;
    use model::{Outcome, Timestamp};

    fn line<'a>(run: &'a str, test: &'a str, outcome: &'a str) -> Line<'a> {
        Line {
            run,
            test,
            outcome,
            time: "1970-01-01",
            ..Line::default()
        }
    }

    #[test]
    fn lines_of_one_test_in_one_run_are_attempts() {
        let mut collector = Collector::new(&ImportOptions::default());
        for (test, outcome) in [
            ("a", "fail"),
            ("b", "pass"),
            ("a", "pass"),
            ("b", "fail"),
            ("b", "skip"),
        ] {
            collector.add(&line("1", test, outcome)).unwrap();
        }
        let (runs, _names) = collector.into_runs();
        assert_eq!(runs.len(), 1);
        assert_eq!(runs[0].info.started_at, Timestamp(0));
        let mut rows: Vec<_> = runs[0].rows.iter().map(|r| (r.outcome, r.flaked)).collect();
        rows.sort_unstable();
        assert_eq!(rows, [(Outcome::Pass, true), (Outcome::Fail, false)]);
    }

    #[test]
    fn a_run_id_that_is_an_address_is_a_link() {
        assert_eq!(
            url_of("github.com/a/b/runs/1?x=y"),
            "https://github.com/a/b/runs/1?x=y"
        );
        assert_eq!(url_of("https://ci/1"), "https://ci/1");
        assert_eq!(url_of("1"), "");
        assert_eq!(url_of("nightly/3"), "");
    }
}
