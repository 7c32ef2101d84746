//! Which changed files bear on a test: by the file that failed, by suite, class and name as paths.

use model::{Failure, TestName};

/// Touched files shown for one test.
const SHOWN: usize = 5;

/// Changed files looked at: a change of more touches everything and tells nothing.
const LOOKED_AT: usize = 500;

/// Shortest stem that is matched as a word: shorter ones (`a.rs`, `db`) are in every name.
const LEAST_STEM: usize = 4;

/// The changed files, prepared for matching against many tests.
pub(super) struct Changed<'a>(Vec<ChangedFile<'a>>);

struct ChangedFile<'a> {
    path: &'a str,
    bare: &'a str,
    stem: String,
}

impl<'a> Changed<'a> {
    pub(super) fn of(paths: &'a [String]) -> Self {
        let files = paths.iter().take(LOOKED_AT).map(|path| {
            let bare = without_extension(path);
            let stem = bare.rsplit('/').next().unwrap_or_default();
            ChangedFile {
                path,
                bare,
                stem: stem.to_lowercase(),
            }
        });
        Self(files.collect())
    }

    /// Those that bear on a test, at most five.
    pub(super) fn bearing_on(&self, test: &TestName, failure: Option<&Failure>) -> Vec<String> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let words = Words::of(test, failure);
        let touched = self.0.iter().filter(|file| words.touched_by(file));
        touched
            .take(SHOWN)
            .map(|file| file.path.to_owned())
            .collect()
    }
}

/// What a test is called, prepared for matching.
struct Words {
    file: String,
    suite: String,
    parts: Vec<String>,
}

impl Words {
    fn of(test: &TestName, failure: Option<&Failure>) -> Self {
        let file = failure.and_then(|f| f.file.clone()).unwrap_or_default();
        let class = test.class.as_deref().unwrap_or_default();
        let end = test.name.find(['[', '(', ' ']).unwrap_or(test.name.len());
        let name = test.name.get(..end).unwrap_or_default();
        let parts = [test.suite.as_str(), class, name];
        let words = parts.iter().flat_map(|part| part.split(separator));
        Self {
            file: file.trim_start_matches("./").to_owned(),
            suite: test.suite.replace(['.', ':', '\\'], "/"),
            parts: words
                .filter(|w| !w.is_empty())
                .map(str::to_lowercase)
                .collect(),
        }
    }

    fn touched_by(&self, file: &ChangedFile<'_>) -> bool {
        let named = || self.parts.iter().any(|part| names(part, &file.stem));
        same_file(&self.file, file.path)
            || same_file(&self.suite, file.bare)
            || (file.stem.len() >= LEAST_STEM && named())
    }
}

fn separator(c: char) -> bool {
    matches!(c, '.' | '/' | ':' | '\\' | '>' | '$' | '›')
}

/// Whether one path ends with the other, at a folder.
fn same_file(a: &str, b: &str) -> bool {
    if a.is_empty() || b.is_empty() {
        return false;
    }
    let (long, short) = if a.len() >= b.len() { (a, b) } else { (b, a) };
    match long.strip_suffix(short) {
        Some("") => true,
        Some(front) => front.ends_with('/') && short.contains('/'),
        None => false,
    }
}

fn without_extension(path: &str) -> &str {
    let file = path.rfind('/').map_or(0, |at| at + 1);
    match path.get(file..).and_then(|name| name.find('.')) {
        Some(dot) if dot > 0 => path.get(..file + dot).unwrap_or(path),
        _ => path,
    }
}

/// Whether a part of a test's name and a file's stem mean one thing: equal, but for `test` in front or behind.
fn names(word: &str, stem: &str) -> bool {
    let (word, stem) = (bare(word), bare(stem));
    word.len() >= LEAST_STEM && word == stem
}

fn bare(name: &str) -> &str {
    let name = name
        .strip_prefix("test_")
        .or_else(|| name.strip_prefix("test-"))
        .unwrap_or(name);
    let ends = [
        "_test", "-test", "_spec", "-spec", "tests", "test", "spec", "_it",
    ];
    let end = ends.iter().find_map(|end| name.strip_suffix(end));
    end.unwrap_or(name).trim_end_matches(['_', '-'])
}

#[cfg(test)]
mod tests {
    use model::{Failure, TestName};

    use super::Changed;

    fn touched(test: &TestName, changed: &[&str]) -> usize {
        let changed: Vec<String> = changed.iter().map(|c| (*c).to_owned()).collect();
        Changed::of(&changed).bearing_on(test, None).len()
    }

    #[test]
    fn a_test_is_touched_by_its_own_file_and_by_the_code_of_its_name() {
        let pytest = TestName::new("pytest", Some("tests.test_billing"), "test_tax[eu]");
        assert_eq!(
            touched(
                &pytest,
                &["tests/test_billing.py", "src/billing.py", "src/auth.py"]
            ),
            2
        );
        let java = TestName::new(
            "com.acme.InvoiceTest",
            Some("com.acme.InvoiceTest"),
            "addsTax",
        );
        assert_eq!(touched(&java, &["src/main/java/com/acme/Invoice.java"]), 1);
        let jest = TestName::new("src/cart.spec.ts", None, "adds up");
        assert_eq!(touched(&jest, &["src/cart.ts", "README.md"]), 1);
    }

    #[test]
    fn the_file_that_failed_counts_and_common_names_do_not() {
        let test = TestName::new("unit", Some("main"), "works");
        let failure = Failure {
            file: Some("./crates/core/src/parse.rs".to_owned()),
            ..Failure::default()
        };
        let changed = [
            "crates/core/src/parse.rs".to_owned(),
            "src/lib.rs".to_owned(),
        ];
        let found = Changed::of(&changed).bearing_on(&test, Some(&failure));
        assert_eq!(found, ["crates/core/src/parse.rs"]);
        assert_eq!(touched(&test, &["src/db.rs", "docs/index.md"]), 0);
    }
}
