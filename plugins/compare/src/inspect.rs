//! `inspect`: what result files say, counted.

use formats::{Counted, FileTally, Format, Limits, Tally};
use host::Exit;
use model::Problem;
use report::Inspected;
use serde::Serialize;

use crate::cli::Inspect;
use crate::context::Context;
use crate::error::Error;
use crate::load;

/// One file, or all together, as `--json` prints it.
#[derive(Serialize)]
struct Row<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<&'static str>,
    suites: u64,
    tests: u64,
    passed: u64,
    failed: u64,
    errors: u64,
    skipped: u64,
    flaked: u64,
    time_s: f64,
    problems: Vec<&'a Problem>,
}

#[derive(Serialize)]
struct Json<'a> {
    files: Vec<Row<'a>>,
    total: Row<'a>,
}

/// The word for a file in none of the formats.
const NO_FORMAT: &str = "unknown";

pub(crate) fn run(arguments: &Inspect, context: &Context) -> Result<Exit, Error> {
    let paths = host::expand(&arguments.files)?;
    let tallies: Vec<Tally> = load::read_each(&paths, &Limits::default());
    let files: Vec<FileTally> = tallies.into_iter().flat_map(Tally::into_files).collect();
    let text = if arguments.json {
        json(&files)
    } else {
        let rows: Vec<Inspected> = files.iter().map(inspected).collect();
        report::inspect_table(&rows, &summed("", "", &total(&files), &[]))
    };
    context.print(&text)?;
    Ok(Exit::Clear)
}

fn inspected(file: &FileTally) -> Inspected {
    let format = file.format.map_or(NO_FORMAT, Format::word);
    summed(&file.file, format, &file.counted, &file.problems)
}

fn summed(file: &str, format: &str, counted: &Counted, problems: &[Problem]) -> Inspected {
    Inspected {
        file: file.to_owned(),
        format: format.to_owned(),
        suites: counted.suites,
        tests: counted.tests,
        passed: counted.passed,
        failed: counted.failed,
        errors: counted.errors,
        skipped: counted.skipped,
        flaked: counted.flaked,
        time_s: counted.seconds,
        problems: problems.to_vec(),
    }
}

fn total(files: &[FileTally]) -> Counted {
    let mut total = Counted::default();
    for file in files {
        total.add(&file.counted);
    }
    total
}

fn json(files: &[FileTally]) -> String {
    let all = Json {
        files: files.iter().map(file_row).collect(),
        total: row(
            None,
            None,
            &total(files),
            files.iter().flat_map(|f| &f.problems).collect(),
        ),
    };
    let mut text = serde_json::to_string_pretty(&all).unwrap_or_default();
    text.push('\n');
    report::harmless_json(&text)
}

fn file_row(file: &FileTally) -> Row<'_> {
    let format = file.format.map_or(NO_FORMAT, Format::word);
    row(
        Some(&file.file),
        Some(format),
        &file.counted,
        file.problems.iter().collect(),
    )
}

fn row<'a>(
    file: Option<&'a str>,
    format: Option<&'static str>,
    counted: &Counted,
    problems: Vec<&'a Problem>,
) -> Row<'a> {
    Row {
        file,
        format,
        suites: counted.suites,
        tests: counted.tests,
        passed: counted.passed,
        failed: counted.failed,
        errors: counted.errors,
        skipped: counted.skipped,
        flaked: counted.flaked,
        time_s: (counted.seconds * 1e6).round() / 1e6,
        problems,
    }
}
