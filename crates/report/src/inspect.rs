//! The table of `inspect`: what each file of results holds, the sums, and what is wrong with them.

use model::Problem;

use crate::text::{columns, count, grouped, line, name, put, seconds, without_commands};

/// What one file holds, or all of them together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inspected {
    /// The file as the user named it; of no use for the sums.
    pub file: String,
    /// The format that was found; of no use for the sums.
    pub format: String,
    /// Suites.
    pub suites: u64,
    /// Test cases as written.
    pub tests: u64,
    /// Those that passed.
    pub passed: u64,
    /// Those that failed.
    pub failed: u64,
    /// Those that could not finish.
    pub errors: u64,
    /// Those that did not run.
    pub skipped: u64,
    /// Tests that failed first and passed later.
    pub flaked: u64,
    /// Seconds that the tests took.
    pub time_s: f64,
    /// What is wrong with the file.
    pub problems: Vec<Problem>,
}

/// Problems that are listed; the JSON of `inspect` has all.
const LISTED: usize = 50;
/// Columns of a name of a file.
const FILE: usize = 60;

const HEAD: [&str; 10] = [
    "file", "format", "suites", "tests", "passed", "failed", "errors", "skipped", "flaked", "time",
];

/// Renders files and their sums as a table of aligned columns, and the problems below it.
pub fn inspect_table(files: &[Inspected], total: &Inspected) -> String {
    let mut rows: Vec<[String; 10]> = vec![HEAD.map(str::to_owned)];
    rows.extend(
        files
            .iter()
            .map(|file| cells(file, &end_of(&file.file), &name(&file.format))),
    );
    rows.push(cells(total, &count(files.len() as u64, "file"), ""));
    let mut out = aligned(&rows);
    let problems = || files.iter().chain([total]).flat_map(|file| &file.problems);
    let all = problems().count();
    if all > 0 {
        put!(out, "\n{}\n", count(all as u64, "problem"));
    }
    for problem in problems().take(LISTED) {
        put!(out, "- {}\n", line(&problem.to_string(), 600));
    }
    if all > LISTED {
        put!(
            out,
            "- and {}\n",
            count((all - LISTED) as u64, "more problem")
        );
    }
    without_commands(&out)
}

/// A path that keeps its end when it is too long, for there the difference is.
fn end_of(path: &str) -> String {
    let path = name(path);
    let cut = path.chars().count().saturating_sub(FILE);
    if cut == 0 {
        return path;
    }
    format!("…{}", path.chars().skip(cut + 1).collect::<String>())
}

fn cells(of: &Inspected, file: &str, format: &str) -> [String; 10] {
    let n = grouped;
    let time = seconds(of.time_s);
    [
        file.to_owned(),
        format.to_owned(),
        n(of.suites),
        n(of.tests),
        n(of.passed),
        n(of.failed),
        n(of.errors),
        n(of.skipped),
        n(of.flaked),
        time,
    ]
}

/// Columns as wide as their widest cell: names to the left, numbers to the right.
fn aligned(rows: &[[String; 10]]) -> String {
    let mut widths = [0; 10];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(columns(cell));
        }
    }
    let mut out = String::new();
    for row in rows {
        let mut text = String::new();
        for (i, (cell, width)) in row.iter().zip(widths).enumerate() {
            let pad = " ".repeat(width - columns(cell));
            let (before, after) = if i < 2 {
                ("", pad.as_str())
            } else {
                (pad.as_str(), "")
            };
            put!(text, "{before}{cell}{after}  ");
        }
        put!(out, "{}\n", text.trim_end());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Inspected, inspect_table};
    use model::{Place, Problem};

    #[test]
    fn files_are_listed_with_their_sums_and_problems() {
        let problem = Problem {
            file: "b.json".to_owned(),
            place: Place::Byte(812),
            what: "ends inside a value".to_owned(),
            hint: String::new(),
        };
        let a = Inspected {
            file: "target/surefire-reports/TEST-a\x1b[31m.xml".to_owned(),
            format: "junit".to_owned(),
            suites: 12,
            tests: 1204,
            passed: 1200,
            failed: 3,
            errors: 1,
            skipped: 0,
            flaked: 2,
            time_s: 74.25,
            problems: Vec::new(),
        };
        let b = Inspected {
            file: "b.json".to_owned(),
            format: "ctrf".to_owned(),
            tests: 1,
            passed: 1,
            problems: vec![problem],
            ..Inspected::default()
        };
        let total = Inspected {
            suites: 12,
            tests: 1205,
            passed: 1201,
            failed: 3,
            errors: 1,
            flaked: 2,
            time_s: 74.25,
            ..Inspected::default()
        };
        insta::assert_snapshot!(inspect_table(&[a, b], &total), @r#"
        file                                     format  suites  tests  passed  failed  errors  skipped  flaked    time
        target/surefire-reports/TEST-a␛[31m.xml  junit       12  1,204   1,200       3       1        0       2  74.2 s
        b.json                                   ctrf         0      1       1       0       0        0       0    0 ms
        2 files                                              12  1,205   1,201       3       1        0       2  74.2 s

        1 problem
        - b.json: byte 812: ends inside a value
        "#);
    }

    #[test]
    fn a_long_path_keeps_its_end() {
        let long = Inspected {
            file: format!("{}/TEST-end.xml", "大".repeat(200)),
            ..Inspected::default()
        };
        let table = inspect_table(&[long], &Inspected::default());
        assert!(table.contains("大/TEST-end.xml"), "{table}");
    }
}
