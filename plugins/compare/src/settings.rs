//! The configuration file, `.sprag.yaml`: strict, and not needed to start.

use std::path::Path;

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
}

/// The section `compare` of the file that is named, else of `.sprag.yaml` where there is one, else the defaults; `fail_on` of
/// the arguments wins.
///
/// # Errors
/// [`Error::Argument`] when the file cannot be read, or the file, a value or a verdict cannot be used.
pub(crate) fn load(file: Option<&str>, fail_on: Option<&str>) -> Result<verdict::Config, Error> {
    let text = match file {
        Some(path) => read(Path::new(path))?,
        None if Path::new(DEFAULT_FILE).is_file() => read(Path::new(DEFAULT_FILE))?,
        None => String::new(),
    };
    parse(&text, file.unwrap_or(DEFAULT_FILE), fail_on)
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

fn section(text: &str, file: &str) -> Result<verdict::Config, Error> {
    const HINT: &str = "docs/verdicts.md lists every key of `compare`";
    if text.trim().is_empty() {
        return Ok(verdict::Config::default());
    }
    let parsed: Result<File, _> = serde_saphyr::from_str(text);
    let config = parsed
        .map_err(|error| Error::argument(format!("{file}: {}", brief(&error)), HINT))?
        .compare;
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

    use super::parse;

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
