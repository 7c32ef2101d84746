//! Taking data out: CSV or NDJSON with the columns of an import, so that what is exported can be imported again.

use std::io::{self, Write};

use model::{Outcome, Problem, RecordedRun, RecordedTest, TestName};

use crate::{Error, ErrorKind, Result, history::History, import::COLUMNS, plan::Filter};

/// The format of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// CSV with a header line.
    Csv,
    /// One JSON object a line; empty columns are left out.
    Ndjson,
}

/// What an export wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// Runs.
    pub runs: u64,
    /// Rows of those runs.
    pub rows: u64,
    /// Runs that are left out because retention left only their failures: imported again, they would look like runs that failed whole.
    pub left_out: u64,
    /// What could not be read.
    pub problems: Vec<Problem>,
}

impl History {
    /// Writes the runs that pass a filter, in the order of time, a line a row.
    ///
    /// # Errors
    /// When the store or the commit log cannot be read, or the output cannot be written.
    pub fn export(
        &self,
        filter: &Filter,
        format: ExportFormat,
        out: &mut dyn Write,
    ) -> Result<Exported> {
        let filter = Filter {
            with_names: true,
            with_texts: true,
            ..filter.clone()
        };
        let mut done = Exported::default();
        let mut runs = self.runs(&filter)?;
        let mut lines = Lines::new(format, out);
        let failed = |error| Error::new("cannot write", "export", ErrorKind::Io(error));
        lines.header().map_err(failed)?;
        for run in runs.by_ref() {
            done.runs += 1;
            done.rows += run.rows.len() as u64;
            lines.run(&run).map_err(failed)?;
        }
        lines.flush().map_err(failed)?;
        done.left_out = runs.left_out();
        done.problems = runs.finish()?;
        Ok(done)
    }
}

enum Lines<'a> {
    Csv(Box<csv::Writer<&'a mut dyn Write>>),
    Json(io::BufWriter<&'a mut dyn Write>),
}

impl<'a> Lines<'a> {
    fn new(format: ExportFormat, out: &'a mut dyn Write) -> Self {
        match format {
            ExportFormat::Csv => Self::Csv(Box::new(csv::Writer::from_writer(out))),
            ExportFormat::Ndjson => Self::Json(io::BufWriter::new(out)),
        }
    }

    fn header(&mut self) -> io::Result<()> {
        match self {
            Self::Csv(writer) => Ok(writer.write_record(COLUMNS)?),
            Self::Json(_) => Ok(()),
        }
    }

    fn run(&mut self, run: &RecordedRun) -> io::Result<()> {
        let shared = RunColumns::of(run);
        run.rows
            .iter()
            .try_for_each(|row| self.row(run, &shared, row))
    }

    fn row(
        &mut self,
        run: &RecordedRun,
        shared: &RunColumns,
        row: &RecordedTest,
    ) -> io::Result<()> {
        let unnamed = TestName::new("", None, &row.id.to_string());
        let name = run.names.get(&row.id).unwrap_or(&unnamed);
        let text = row.signature.and_then(|s| run.texts.get(&s));
        let duration = row
            .duration_ms
            .map(|ms| format!("{}.{:03}", ms / 1000, ms % 1000));
        let signature = row.signature.map(|s| s.to_string()).unwrap_or_default();
        let key = &run.info.key;
        let values: [&str; COLUMNS.len()] = [
            &key.run,
            &shared.time,
            &key.branch,
            &key.job,
            &name.name,
            word(row),
            text.map_or("", String::as_str),
            &key.repo,
            &run.info.commit,
            &run.info.tree,
            &name.suite,
            name.class.as_deref().unwrap_or_default(),
            duration.as_deref().unwrap_or_default(),
            &shared.pr,
            &shared.attempt,
            &run.info.url,
            if run.info.partial { "true" } else { "" },
            &signature,
        ];
        match self {
            Self::Csv(writer) => Ok(writer.write_record(values)?),
            Self::Json(out) => write_object(out, &values),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Csv(writer) => writer.flush(),
            Self::Json(out) => out.flush(),
        }
    }
}

struct RunColumns {
    time: String,
    attempt: String,
    pr: String,
}

impl RunColumns {
    fn of(run: &RecordedRun) -> Self {
        Self {
            time: run.info.started_at.to_string(),
            attempt: run.info.key.attempt.to_string(),
            pr: run.info.pr.map(|pr| pr.to_string()).unwrap_or_default(),
        }
    }
}

fn word(row: &RecordedTest) -> &'static str {
    match row.outcome {
        Outcome::Pass if row.flaked => "flake",
        Outcome::Pass | Outcome::Fail | Outcome::Error | Outcome::Skip => row.outcome.word(),
    }
}

fn write_object(out: &mut dyn Write, values: &[&str; COLUMNS.len()]) -> io::Result<()> {
    let mut object = serde_json::Map::new();
    for (column, value) in COLUMNS
        .iter()
        .zip(values)
        .filter(|(_, value)| !value.is_empty())
    {
        object.insert((*column).to_owned(), json_of(column, value));
    }
    serde_json::to_writer(&mut *out, &object)?;
    out.write_all(b"\n")
}

/// Counts and seconds as numbers, everything else as text.
fn json_of(column: &str, value: &str) -> serde_json::Value {
    let number = match column {
        "attempt" | "pr" | "duration_s" => serde_json::from_str(value).ok(),
        _ => None,
    };
    number.unwrap_or_else(|| value.into())
}
