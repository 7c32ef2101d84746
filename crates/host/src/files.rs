//! From the patterns of a user to the files they mean.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use glob::{MatchOptions, Pattern};

/// Folders deeper than this below a named folder are not looked at: a loop of links ends here.
const DEEPEST_FOLDER: usize = 64;

/// Patterns that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// The pattern itself is malformed.
    #[error("`{pattern}` is no pattern: {source} (hint: `**` must stand alone between slashes)")]
    Malformed {
        /// The pattern as given.
        pattern: String,
        /// Where and why.
        source: glob::PatternError,
    },
    /// No pattern was given.
    #[error(
        "no result files are named (hint: name files, folders or globs, such as `out/**/*.xml`)"
    )]
    NoneNamed,
    /// Nothing matches.
    #[error(
        "no file matches {patterns} in {folder} (hint: quote the pattern so that the shell leaves it alone; `**/` crosses folders)"
    )]
    NothingMatches {
        /// The patterns as given.
        patterns: String,
        /// Where they were looked for.
        folder: String,
    },
}

/// The files that `patterns` mean, sorted and each once: a path that exists stands for itself (a folder for every file below
/// it), anything else is a glob in which `*` stays within a folder and `**` crosses folders; `!` before a pattern excludes what it matches.
///
/// # Errors
/// [`FilesError`] when a pattern is malformed, when a file that is named is not there, or when nothing is left.
pub fn expand(patterns: &[String]) -> Result<Vec<PathBuf>, FilesError> {
    if patterns.iter().all(|pattern| pattern.trim().is_empty()) {
        return Err(FilesError::NoneNamed);
    }
    let mut found = BTreeSet::new();
    let mut excluded = Vec::new();
    for pattern in patterns.iter().flat_map(|p| p.lines()).map(str::trim) {
        match pattern.strip_prefix('!') {
            Some(exclusion) => excluded.push(exclusion.to_owned()),
            None if pattern.is_empty() => {}
            None => add_matches(pattern, &mut found)?,
        }
    }
    for exclusion in excluded {
        remove_matches(&exclusion, &mut found)?;
    }
    if found.is_empty() {
        return Err(nothing_matches(patterns));
    }
    Ok(found.into_iter().collect())
}

fn add_matches(pattern: &str, found: &mut BTreeSet<PathBuf>) -> Result<(), FilesError> {
    let literal = Path::new(pattern);
    if literal.exists() {
        add_path(literal, 0, found);
        return Ok(());
    }
    let matches = glob::glob_with(pattern, options()).map_err(|source| FilesError::Malformed {
        pattern: pattern.to_owned(),
        source,
    })?;
    for path in matches.flatten() {
        if path.is_file() {
            found.insert(path);
        }
    }
    // A glob may mean nothing today; a file that is named and not there is a job that did not write its results.
    if !pattern.contains(['*', '?', '[']) {
        return Err(nothing_matches(&[pattern.to_owned()]));
    }
    Ok(())
}

/// Adds a file, or every file below a folder. Links to folders are not followed: results lie where they were written.
fn add_path(path: &Path, depth: usize, found: &mut BTreeSet<PathBuf>) {
    if !path.is_dir() {
        found.insert(path.to_owned());
        return;
    }
    let Ok(entries) = fs::read_dir(path) else {
        return;
    };
    for entry in entries.flatten() {
        let followed =
            depth < DEEPEST_FOLDER && !(entry.path().is_symlink() && entry.path().is_dir());
        // A pipe or a device that lies about would never end; one that is named is meant.
        let endless = !entry.path().is_file() && !entry.path().is_dir() && entry.path().exists();
        if followed && !endless {
            add_path(&entry.path(), depth + 1, found);
        }
    }
}

fn remove_matches(exclusion: &str, found: &mut BTreeSet<PathBuf>) -> Result<(), FilesError> {
    let pattern = Pattern::new(exclusion).map_err(|source| FilesError::Malformed {
        pattern: exclusion.to_owned(),
        source,
    })?;
    let below = Path::new(exclusion);
    found.retain(|path| {
        let path = path.strip_prefix("./").unwrap_or(path);
        !pattern.matches_path_with(path, options()) && !path.starts_with(below)
    });
    Ok(())
}

fn options() -> MatchOptions {
    MatchOptions {
        case_sensitive: true,
        require_literal_separator: true,
        require_literal_leading_dot: false,
    }
}

fn nothing_matches(patterns: &[String]) -> FilesError {
    let quoted: Vec<String> = patterns.iter().map(|p| format!("`{}`", p.trim())).collect();
    let folder = std::env::current_dir();
    FilesError::NothingMatches {
        patterns: quoted.join(", "),
        folder: folder.map_or_else(
            |_| "this folder".to_owned(),
            |path| path.display().to_string(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::{FilesError, expand};

    fn tree() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for file in [
            "a.xml",
            "sub/b.xml",
            "sub/deep/c.xml",
            "sub/deep/d.json",
            "odd[1].xml",
        ] {
            let path = dir.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        dir
    }

    fn found(dir: &Path, patterns: &[&str]) -> Result<Vec<String>, FilesError> {
        let absolute = |p: &&str| match p.strip_prefix('!') {
            Some(rest) => format!("!{}/{rest}", dir.display()),
            None => format!("{}/{p}", dir.display()),
        };
        let patterns: Vec<String> = patterns.iter().map(absolute).collect();
        let relative = |p: std::path::PathBuf| p.strip_prefix(dir).unwrap().display().to_string();
        expand(&patterns).map(|files| files.into_iter().map(relative).collect())
    }

    #[test]
    fn one_star_stays_in_its_folder_and_two_cross() {
        let dir = tree();
        assert_eq!(
            found(dir.path(), &["*.xml"]).unwrap(),
            ["a.xml", "odd[1].xml"]
        );
        assert_eq!(
            found(dir.path(), &["**/*.xml"]).unwrap(),
            ["a.xml", "odd[1].xml", "sub/b.xml", "sub/deep/c.xml"]
        );
    }

    #[test]
    fn a_path_that_exists_stands_for_itself_and_a_folder_for_all_below() {
        let dir = tree();
        assert_eq!(found(dir.path(), &["odd[1].xml"]).unwrap(), ["odd[1].xml"]);
        assert_eq!(
            found(dir.path(), &["sub"]).unwrap(),
            ["sub/b.xml", "sub/deep/c.xml", "sub/deep/d.json"]
        );
    }

    #[test]
    #[cfg(unix)]
    fn a_pipe_in_a_folder_is_passed_over() {
        let dir = tree();
        let pipe = dir.path().join("sub/pipe.xml");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        assert!(
            !found(dir.path(), &["sub"])
                .unwrap()
                .contains(&"sub/pipe.xml".to_owned())
        );
    }

    #[test]
    fn an_exclusion_takes_away_wherever_it_stands() {
        let dir = tree();
        assert_eq!(
            found(dir.path(), &["!sub/deep/*", "sub/**/*.xml"]).unwrap(),
            ["sub/b.xml"]
        );
        assert_eq!(
            found(dir.path(), &["sub", "!sub/deep"]).unwrap(),
            ["sub/b.xml"]
        );
    }

    #[test]
    fn nothing_found_names_the_patterns_and_a_way_out() {
        let dir = tree();
        let error = found(dir.path(), &["*.trx"]).unwrap_err().to_string();
        assert!(
            error.contains("*.trx") && error.contains("hint:"),
            "{error}"
        );
        let absent = found(dir.path(), &["a.xml", "absent.xml"]).unwrap_err();
        assert!(absent.to_string().contains("absent.xml"), "{absent}");
        assert!(found(dir.path(), &["a.xml", "absent/*.xml"]).is_ok());
        assert!(matches!(expand(&[]), Err(FilesError::NoneNamed)));
        assert!(matches!(
            found(dir.path(), &["a**b"]),
            Err(FilesError::Malformed { .. })
        ));
    }
}
