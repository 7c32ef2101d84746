//! CSV with a header line.

use std::io::BufRead;

use csv::{ErrorKind as CsvKind, ReaderBuilder, StringRecord};
use model::{Place, Problem};

use super::{
    Sinks,
    collect::Collector,
    line::{COLUMNS, Line},
    quotes::Watched,
};
use crate::{Error, ErrorKind, Result};

/// Rows between two calls of the progress function.
const TELL_EVERY: u64 = 8192;

pub(crate) fn read(
    input: impl BufRead,
    name: &str,
    collector: &mut Collector,
    (report, tell): Sinks<'_>,
) -> Result<()> {
    let (input, watch) = Watched::new(input);
    let mut reader = ReaderBuilder::new().flexible(true).from_reader(input);
    let header = reader
        .headers()
        .map_err(|error| unusable(name, &error.to_string()))?;
    let header: Vec<String> = header.iter().map(clean_column).collect();
    for needed in ["run", "time", "test", "outcome"] {
        if !header.iter().any(|column| column == needed) {
            let why = format!(
                "its first line has no column `{needed}` (hint: the columns are {})",
                COLUMNS.join(",")
            );
            return Err(unusable(name, &why));
        }
    }
    let mut record = StringRecord::new();
    let mut rows = 0;
    loop {
        match reader.read_record(&mut record) {
            Ok(false) => return Ok(()),
            Ok(true) => {
                if let Some(line) = watch.open_quote() {
                    let what = "its quote is never closed, so the rest of the file is one cell (hint: what was read before is kept)";
                    report.cut(problem(name, line, what.to_owned()));
                    return Ok(());
                }
                rows += 1;
                if rows % TELL_EVERY == 0 {
                    tell(rows);
                }
                if let Err(what) = collector.add(&line_of(&header, &record)) {
                    let line = record.position().map_or(0, csv::Position::line);
                    report.problem(problem(name, line, what));
                }
            }
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                if let CsvKind::Io(error) = error.kind() {
                    report.cut(cut(name, line, error));
                    return Ok(());
                }
                report.problem(problem(name, line, error.to_string()));
            }
        }
    }
}

fn clean_column(column: &str) -> String {
    column
        .trim()
        .trim_start_matches('\u{FEFF}')
        .to_ascii_lowercase()
}

fn line_of<'a>(header: &[String], record: &'a StringRecord) -> Line<'a> {
    let mut line = Line::default();
    for (column, value) in header.iter().zip(record.iter()) {
        line.set(column, value);
    }
    line
}

/// Where and why the input ended too early.
pub(crate) fn cut(name: &str, line: u64, error: &std::io::Error) -> Problem {
    let said = error.to_string();
    let what = if error.kind() == std::io::ErrorKind::UnexpectedEof {
        "it ends too early: it was cut off"
    } else {
        said.as_str()
    };
    let mut problem = problem(name, line, what.to_owned());
    "what was read before is kept".clone_into(&mut problem.hint);
    problem
}

/// A line that cannot be used.
pub(crate) fn problem(name: &str, line: u64, what: String) -> Problem {
    let (what, hint) = match what.split_once(" (hint: ") {
        Some((what, hint)) => (what.to_owned(), hint.trim_end_matches(')').to_owned()),
        None => (what, "the line was left out".to_owned()),
    };
    Problem {
        file: name.to_owned(),
        place: if line == 0 {
            Place::File
        } else {
            Place::Line(line)
        },
        what,
        hint,
    }
}

fn unusable(name: &str, why: &str) -> Error {
    Error::new("cannot import", name, ErrorKind::Input(why.to_owned()))
}
