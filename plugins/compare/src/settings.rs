//! The configuration file, `.sprag.yaml`: strict, and not needed to start.

use std::path::Path;

use history::CompactOptions;
use model::Verdict;
use serde::Deserialize;
use verdict::ConfigFault;

use crate::error::Error;

/// The file that is read when none is named.
const DEFAULT_FILE: &str = ".sprag.yaml";

/// No configuration is longer; what is longer is something else.
const MOST_BYTES: u64 = 1 << 20;

/// The whole file: one section a plugin.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
struct File {
    /// Constants of the verdicts: `docs/verdicts.md` has each with its unit and its reason.
    compare: verdict::Config,
    /// How long a history is kept: `docs/history.md` says what each stage keeps.
    history: Retention,
}

/// How long a history is kept, in days. A key that is absent means what suits the history: on a branch of a repository 14, 90, 365 and 14 days, elsewhere for
/// ever, but runs of pull requests for 90 days. 0 means for ever.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
#[expect(
    clippy::struct_field_names,
    reason = "the names are the keys of the file"
)]
pub(crate) struct Retention {
    /// Days for which every row is kept as it was recorded.
    pub(crate) full_days: Option<u32>,
    /// Days for which every outcome is kept, and durations as sums by day. Later months keep failures only.
    pub(crate) outcome_days: Option<u32>,
    /// Days for which failures, their texts and the runs are kept.
    pub(crate) failure_days: Option<u32>,
    /// Days for which runs of pull requests are kept.
    pub(crate) pr_days: Option<u32>,
}

impl Retention {
    /// The retention of a history: arguments win over the file, the file over what suits the history.
    ///
    /// # Errors
    /// [`Error::Argument`] when a later stage would be shorter than the one before.
    pub(crate) fn apply(&self, file: &Self, options: &mut CompactOptions) -> Result<(), Error> {
        let set = |given: Option<u32>, else_given: Option<u32>, days: &mut Option<f64>| {
            if let Some(given) = given.or(else_given) {
                *days = (given > 0).then(|| f64::from(given));
            }
        };
        set(self.full_days, file.full_days, &mut options.full_days);
        set(
            self.outcome_days,
            file.outcome_days,
            &mut options.outcome_days,
        );
        set(self.failure_days, file.failure_days, &mut options.keep_days);
        set(self.pr_days, file.pr_days, &mut options.keep_pr_days);
        let stages = [options.full_days, options.outcome_days, options.keep_days];
        let stages = stages.map(|days| days.unwrap_or(f64::INFINITY));
        // Without a first stage nothing is thinned, so the second means nothing.
        let [full, outcome, failure] = stages;
        if failure >= full && (full.is_infinite() || (outcome >= full && failure >= outcome)) {
            return Ok(());
        }
        Err(Error::argument(
            format!(
                "history is kept for {full} days in full, {outcome} with outcomes and {failure} with failures: each must be as long as the one before"
            ),
            "docs/history.md says what each stage keeps",
        ))
    }
}

/// The section `history` of `.sprag.yaml` where there is one.
///
/// # Errors
/// As [`load`].
pub(crate) fn retention(file: Option<&str>) -> Result<Retention, Error> {
    retention_of(&text_of(file)?, file.unwrap_or(DEFAULT_FILE))
}

/// The section `history` of a text, which messages call `file`.
///
/// # Errors
/// As [`load`].
pub(crate) fn retention_of(text: &str, file: &str) -> Result<Retention, Error> {
    Ok(parsed(text, file)?.history)
}

/// The section `compare` of the file that is named, else of `.sprag.yaml` where there is one, else the defaults; `fail_on` of
/// the arguments wins.
///
/// # Errors
/// [`Error::Argument`] when the file cannot be read, or the file, a value or a verdict cannot be used.
pub(crate) fn load(file: Option<&str>, fail_on: Option<&str>) -> Result<verdict::Config, Error> {
    let text = text_of(file)?;
    parse(&text, file.unwrap_or(DEFAULT_FILE), fail_on)
}

fn text_of(file: Option<&str>) -> Result<String, Error> {
    match file {
        Some(path) => read(Path::new(path)),
        None if Path::new(DEFAULT_FILE).is_file() => read(Path::new(DEFAULT_FILE)),
        None => Ok(String::new()),
    }
}

/// The section `compare` of a text, which messages call `file`.
///
/// # Errors
/// As [`load`].
pub(crate) fn parse(
    text: &str,
    file: &str,
    fail_on: Option<&str>,
) -> Result<verdict::Config, Error> {
    let mut config = section(text, file)?;
    if let Some(words) = fail_on {
        config.fail_on = verdicts(words)?;
    }
    Ok(config)
}

const HINT: &str =
    "docs/verdicts.md lists every key of `compare`, docs/history.md those of `history`";

fn parsed(text: &str, file: &str) -> Result<File, Error> {
    if text.trim().is_empty() {
        return Ok(File::default());
    }
    serde_saphyr::from_str(text)
        .map_err(|error| Error::argument(format!("{file}: {}", brief(&error)), HINT))
}

fn section(text: &str, file: &str) -> Result<verdict::Config, Error> {
    let config = parsed(text, file)?.compare;
    match config.fault() {
        None => Ok(config),
        Some(ConfigFault {
            key,
            value,
            must_be,
        }) => {
            let what = format!("{file}: `{key}` is {value} and must be {must_be}");
            Err(Error::argument(what, HINT))
        }
    }
}

/// What the YAML reader says, without the list of all keys that it repeats: the hint names the page.
fn brief(error: &serde_saphyr::Error) -> String {
    let said = error.to_string();
    let lines = said.lines().map(|line| {
        line.split_once(", expected one of")
            .map_or(line, |(head, _)| head)
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn read(path: &Path) -> Result<String, Error> {
    let failed = |source| {
        Error::argument(
            format!("cannot read {}: {source}", path.display()),
            "name another file with --config",
        )
    };
    let size = std::fs::metadata(path).map_err(failed)?.len();
    if size > MOST_BYTES {
        return Err(Error::argument(
            format!(
                "{} has {size} bytes, too many for a configuration",
                path.display()
            ),
            "name another file with --config",
        ));
    }
    let bytes = std::fs::read(path).map_err(failed)?;
    String::from_utf8(bytes).map_err(|_| {
        Error::argument(
            format!("{} is no text in UTF-8", path.display()),
            "name another file with --config",
        )
    })
}

/// An empty list is an unset variable more often than a wish to block nothing, so that wish has a word.
fn verdicts(words: &str) -> Result<Vec<Verdict>, Error> {
    let words = words.split(',').map(str::trim);
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    match words.as_slice() {
        [] => Err(Error::argument(
            "--fail-on names no verdict",
            "leave it out for the default, or write `nothing`",
        )),
        ["nothing"] => Ok(Vec::new()),
        words => words.iter().copied().map(verdict).collect(),
    }
}

fn verdict(word: &str) -> Result<Verdict, Error> {
    Verdict::from_word(word).ok_or_else(|| {
        let known = Verdict::ALL.map(Verdict::word).join(", ");
        Error::argument(
            format!("`{word}` is no verdict"),
            format!("one of {known}, or nothing"),
        )
    })
}

#[cfg(test)]
mod tests {
    use model::Verdict;

    use super::{Retention, parse, parsed as whole};

    fn parsed(text: &str, fail_on: Option<&str>) -> Result<verdict::Config, String> {
        parse(text, ".sprag.yaml", fail_on).map_err(|error| error.to_string())
    }

    #[test]
    fn without_a_file_the_defaults_hold() {
        let config = parsed("", None).unwrap();
        assert_eq!(config, verdict::Config::default());
        assert_eq!(
            config.fail_on,
            [Verdict::Caused, Verdict::NewTest, Verdict::Outage]
        );
    }

    #[test]
    fn arguments_win_over_the_file() {
        let file = "compare:\n  fail-on: [outage]\n  caused-at: 0.9\n";
        assert_eq!(parsed(file, None).unwrap().fail_on, [Verdict::Outage]);
        assert_eq!(
            parsed(file, Some("caused, suspect")).unwrap().fail_on,
            [Verdict::Caused, Verdict::Suspect]
        );
        assert_eq!(parsed(file, Some("nothing")).unwrap().fail_on, []);
        assert!(parsed(file, Some(" ,")).is_err());
        assert!(parsed(file, Some("nothing,caused")).is_err());
        assert!((parsed(file, None).unwrap().caused_at - 0.9).abs() < 1e-12);
    }

    #[test]
    fn arguments_win_over_the_file_and_the_file_over_what_suits() {
        let text = "history:\n  full-days: 7\n  failure-days: 0\n";
        let file = whole(text, ".sprag.yaml").unwrap().history;
        let arguments = Retention {
            full_days: Some(8),
            ..Retention::default()
        };
        let mut options = history::CompactOptions::bounded(model::Timestamp(0));
        arguments.apply(&file, &mut options).unwrap();
        assert_eq!(
            [options.full_days, options.outcome_days, options.keep_days],
            [Some(8.0), Some(90.0), None]
        );
        let wrong = Retention {
            outcome_days: Some(3),
            ..Retention::default()
        };
        let refused = wrong.apply(&file, &mut options).unwrap_err().to_string();
        assert!(
            refused.contains("kept for 7 days in full, 3 with outcomes"),
            "{refused}"
        );
    }

    #[test]
    fn a_value_out_of_its_range_is_refused() {
        let fault = parsed("compare:\n  caused-at: 95\n", None).unwrap_err();
        assert!(
            fault.contains("`caused-at` is 95 and must be between 0 and 1"),
            "{fault}"
        );
    }

    /// `SPRAG_UPDATE=1 cargo test -p sprag-compare schema` writes it anew.
    #[test]
    fn the_published_schema_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schemas/config-v1.json");
        let mut schema = serde_json::to_value(schemars::schema_for!(super::File)).unwrap();
        schema["title"] = "Configuration of Sprag (.sprag.yaml), version 1".into();
        let generated = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        if std::env::var_os("SPRAG_UPDATE").is_some() {
            std::fs::write(path, &generated).unwrap();
        }
        let published = std::fs::read_to_string(path).unwrap();
        assert!(
            published == generated,
            "run with SPRAG_UPDATE=1 and read the diff"
        );
    }

    #[test]
    fn a_wrong_key_or_verdict_is_named() {
        let wrong_key = parsed("compare:\n  fail_on: []\n", None).unwrap_err();
        assert!(
            wrong_key.contains("fail_on") && wrong_key.contains(".sprag.yaml"),
            "{wrong_key}"
        );
        let wrong_verdict = parsed("", Some("blamed")).unwrap_err();
        assert!(
            wrong_verdict.contains("blamed") && wrong_verdict.contains("caused"),
            "{wrong_verdict}"
        );
    }
}
