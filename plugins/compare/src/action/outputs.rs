//! What a step leaves behind for later steps and for people: outputs, the job summary, files.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use host::Environment;
use model::{Conclusion, Report, Verdict};

use crate::error::Error;

/// The outputs of the Action: name and description, in the order of `action.yml`.
#[cfg_attr(not(test), expect(dead_code, reason = "action.yml is made from it"))]
pub(crate) const OUTPUTS: [(&str, &str); 14] = [
    (
        "conclusion",
        "`clear`, `blocked` or `undecided`; `recorded` or `skipped` when there was nothing to compare",
    ),
    ("failures", "Number of failing tests"),
    ("caused", "Number of failures that the change caused"),
    (
        "caused-tests",
        "Names of the tests that the change broke, one a line",
    ),
    ("new-test", "Number of failing tests that the change adds"),
    (
        "outage",
        "Number of findings that say the run itself failed",
    ),
    ("suspect", "Number of failures that are not settled"),
    ("no-baseline", "Number of failures with too little history"),
    ("broken-base", "Number of failures that the base has too"),
    (
        "elsewhere",
        "Number of failures that other pull requests have now",
    ),
    ("flake", "Number of failures that happen without any change"),
    ("json", "Path of the report as JSON"),
    ("html", "Path of the report as one HTML page"),
    ("url", "Address of the comment, when there is one"),
];

/// The word of a conclusion, as the output `conclusion` says it.
pub(crate) fn conclusion_word(conclusion: Conclusion) -> &'static str {
    match conclusion {
        Conclusion::Clear => "clear",
        Conclusion::Blocked => "blocked",
        Conclusion::Undecided => "undecided",
    }
}

/// The worst of several conclusions: what blocks, then what is undecided. Nothing at all is undecided.
pub(crate) fn worst(reports: &[Report]) -> Conclusion {
    let any = |wanted| reports.iter().any(|report| report.conclusion == wanted);
    if any(Conclusion::Blocked) {
        Conclusion::Blocked
    } else if any(Conclusion::Undecided) || reports.is_empty() {
        Conclusion::Undecided
    } else {
        Conclusion::Clear
    }
}

/// Writes the outputs that count verdicts.
///
/// # Errors
/// When the file of the outputs cannot be written.
pub(crate) fn write_counts(env: &Environment, reports: &[Report]) -> Result<(), Error> {
    write_output(env, "conclusion", conclusion_word(worst(reports)))?;
    let failures: usize = reports.iter().map(|report| report.findings.len()).sum();
    write_output(env, "failures", &failures.to_string())?;
    for verdict in Verdict::ALL {
        let count: u64 = reports
            .iter()
            .map(|report| report.counts.get(verdict))
            .sum();
        write_output(env, verdict.word(), &count.to_string())?;
    }
    write_output(env, "caused-tests", &caused_tests(reports))
}

fn caused_tests(reports: &[Report]) -> String {
    let findings = reports.iter().flat_map(|report| &report.findings);
    let caused = findings.filter(|finding| finding.verdict == Verdict::Caused);
    let mut names: Vec<String> = caused
        .map(|finding| finding.test.to_string().replace(['\r', '\n'], " "))
        .collect();
    names.dedup();
    names.join("\n")
}

/// Writes a step output. The value is hostile: a line of it could be another output, so it stands between delimiters that it
/// does not hold (see "Multiline strings" in GitHub's workflow commands).
///
/// # Errors
/// When the file of the outputs cannot be written.
pub(crate) fn write_output(env: &Environment, name: &str, value: &str) -> Result<(), Error> {
    let Some(path) = env.get("GITHUB_OUTPUT") else {
        return Ok(());
    };
    let mut delimiter = "sprag-end".to_owned();
    while value.contains(&delimiter) {
        delimiter.push('-');
    }
    append(
        Path::new(path),
        &format!("{name}<<{delimiter}\n{value}\n{delimiter}\n"),
    )
}

/// Appends to the job summary, where there is one.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn write_summary(env: &Environment, text: &str) -> Result<(), Error> {
    match env.get("GITHUB_STEP_SUMMARY") {
        Some(path) => append(Path::new(path), text),
        None => Ok(()),
    }
}

/// The folder for files of this step.
pub(crate) fn folder(env: &Environment) -> PathBuf {
    env.get("RUNNER_TEMP")
        .map_or_else(std::env::temp_dir, PathBuf::from)
}

fn append(path: &Path, text: &str) -> Result<(), Error> {
    let file = OpenOptions::new().create(true).append(true).open(path);
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|source| failed(path, source))
}

/// Writes a file that the user asked for.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Error> {
    fs::write(path, text).map_err(|source| failed(path, source))
}

fn failed(path: &Path, source: std::io::Error) -> Error {
    Error::Write {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use host::Environment;
    use model::{Conclusion, Verdict};

    use super::{OUTPUTS, worst, write_output};

    #[test]
    fn a_hostile_value_cannot_end_its_own_output() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out");
        let env = Environment::of(&[("GITHUB_OUTPUT", path.to_str().unwrap())]);
        write_output(&env, "caused-tests", "a\nsprag-end\nconclusion=clear").unwrap();
        insta::assert_snapshot!(std::fs::read_to_string(path).unwrap(), @r"
        caused-tests<<sprag-end-
        a
        sprag-end
        conclusion=clear
        sprag-end-
        ");
    }

    #[test]
    fn every_verdict_has_an_output() {
        for verdict in Verdict::ALL {
            assert!(OUTPUTS.iter().any(|(name, _)| *name == verdict.word()));
        }
    }

    #[test]
    fn nothing_compared_is_not_clear() {
        assert_eq!(worst(&[]), Conclusion::Undecided);
    }
}
