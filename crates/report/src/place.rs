//! From the frames of a failure to a place in the repository.

use std::collections::{BTreeMap, BTreeSet};

use model::trace::{Frame, frames};
use model::{Failure, Report, TestName};

/// Characters of a path; git and GitHub take more, but no source file of a test has more.
const MOST_PATH: usize = 500;
/// No source file has more lines.
const MOST_LINE: u32 = 5_000_000;
/// Frames of one failure that are looked up.
const MOST_FRAMES: usize = 64;

/// A line of a file of the repository.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceLine {
    /// Relative to the root of the repository, with `/`.
    pub path: String,
    /// From 1.
    pub line: u32,
}

/// What is known of the repository, to tell its files from others.
#[derive(Clone, Debug, Default)]
pub struct Sources<'a> {
    /// Folders where the repository may have been checked out, with `/` and without one at the end.
    roots: Vec<String>,
    files: BTreeSet<&'a str>,
    by_name: BTreeMap<&'a str, Vec<&'a str>>,
}

impl<'a> Sources<'a> {
    /// From the folders where the repository may have been checked out (of this job and of others), and from the paths of its
    /// files when they are known (`git ls-files`): without them only paths that need no guess are taken.
    pub fn new(roots: &[&str], files: &'a [String]) -> Self {
        let slashed = |root: &&str| root.replace('\\', "/").trim_end_matches('/').to_owned();
        let mut roots: Vec<String> = roots
            .iter()
            .map(slashed)
            .filter(|root| !root.is_empty())
            .collect();
        roots.sort_by_key(|root| std::cmp::Reverse(root.len()));
        let files = files.iter().map(String::as_str);
        let files: BTreeSet<&str> = files.filter(|file| is_plausible(file)).collect();
        let mut by_name: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for file in &files {
            by_name.entry(base_name(file)).or_default().push(file);
        }
        Self {
            roots,
            files,
            by_name,
        }
    }

    /// Where a failure is in the repository: its nearest frame that is a file of it, else the place that the format names.
    pub fn locate(&self, failure: &Failure, test: &TestName) -> Option<SourceLine> {
        let named = failure.file.as_deref().zip(failure.line);
        let named = named.map(|(file, line)| Frame {
            file,
            line,
            symbol: "",
        });
        let traced = frames(&failure.stack)
            .into_iter()
            .chain(frames(&failure.message));
        let found = traced.take(MOST_FRAMES).chain(named).find_map(|frame| {
            let path = self.path(&frame, test)?;
            Some(SourceLine {
                path,
                line: frame.line,
            })
        });
        found.filter(|place| place.line <= MOST_LINE)
    }

    /// The path of a frame in the repository.
    fn path(&self, frame: &Frame<'_>, test: &TestName) -> Option<String> {
        let file = frame.file.replace('\\', "/");
        let file = file.trim_start_matches("./");
        let in_package = package_path(frame.symbol, file);
        if self.files.is_empty() {
            let guessed = in_package.is_some() || is_go_name(file);
            return self
                .relative(file)
                .filter(|path| !guessed && is_plausible(path));
        }
        let known = self
            .relative(file)
            .filter(|path| self.files.contains(path.as_str()));
        known.or_else(|| self.by_end(in_package.as_deref().unwrap_or(file), test))
    }

    /// A path without the folder of the checkout; `None` when it is somewhere else.
    fn relative(&self, file: &str) -> Option<String> {
        let under = |root: &String| file.strip_prefix(root.as_str())?.strip_prefix('/');
        if let Some(path) = self.roots.iter().find_map(under) {
            return Some(path.to_owned());
        }
        // Deterministic builds of .NET call the root so.
        let path = file.strip_prefix("/_/").unwrap_or(file);
        (!path.starts_with('/')).then(|| path.to_owned())
    }

    /// The one file of the repository whose path ends as this one does, or that an absolute path ends in.
    fn by_end(&self, file: &str, test: &TestName) -> Option<String> {
        let candidates = self.by_name.get(base_name(file))?.iter().copied();
        if file.starts_with('/') || file.contains(":/") {
            // `main.go` of some other project would match one at the root.
            let inside = candidates.filter(|path| path.contains('/') && ends_in(file, path));
            return inside.max_by_key(|path| path.len()).map(str::to_owned);
        }
        let ends: Vec<&str> = candidates.filter(|path| ends_in(path, file)).collect();
        match ends.as_slice() {
            [only] => Some((*only).to_owned()),
            several => of_suite(several, test),
        }
    }
}

/// Sets file and line of every failure to its place in the repository, where it has one, so that every rendering and every annotation
/// names the same. The format's own place stays where there is none.
pub fn place(report: &mut Report, sources: &Sources<'_>) {
    for finding in &mut report.findings {
        let found = finding
            .failure
            .as_ref()
            .and_then(|failure| sources.locate(failure, &finding.test));
        if let (Some(place), Some(failure)) = (found, finding.failure.as_mut()) {
            failure.file = Some(place.path);
            failure.line = Some(place.line);
        }
    }
}

/// Of several files of one name the one whose folder ends the name of the suite, as the packages of Go do.
fn of_suite(paths: &[&str], test: &TestName) -> Option<String> {
    let suite = test.suite.replace(['.', ':', '\\'], "/");
    let fits = |path: &&str| {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        !folder.is_empty() && ends_in(&suite, folder)
    };
    let fitting = paths.iter().copied().filter(fits);
    fitting.max_by_key(|path| path.len()).map(str::to_owned)
}

/// Whether a path ends in another, at the border of a folder.
fn ends_in(path: &str, end: &str) -> bool {
    path.strip_suffix(end)
        .is_some_and(|start| start.is_empty() || start.ends_with('/'))
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// `org/acme/T.java` for `org.acme.T$A.t` in `T.java`: the JVM names only the file.
fn package_path(symbol: &str, file: &str) -> Option<String> {
    let (class, _method) = symbol.rsplit_once('.')?;
    Some(match class.rsplit_once('.') {
        Some((package, _class)) => format!("{}/{file}", package.replace('.', "/")),
        None => file.to_owned(),
    })
}

/// Go prints `a_test.go:12` for a file in any folder.
fn is_go_name(file: &str) -> bool {
    file.ends_with("_test.go") && !file.contains('/')
}

/// Whether a text can be the path of a file in a repository, and nothing else.
pub(crate) fn is_plausible(path: &str) -> bool {
    let odd = |c: char| c.is_control() || crate::text::is_invisible(c) || "\\:*?\"<>|".contains(c);
    let parts_fit = path
        .split('/')
        .all(|part| !matches!(part, "" | "." | ".." | ".git"));
    parts_fit
        && !path.starts_with(['~', '-'])
        && path.chars().count() <= MOST_PATH
        && !path.contains(odd)
}

#[cfg(test)]
mod tests {
    use super::{Sources, is_plausible};
    use model::{Failure, TestName};

    fn located(sources: &Sources<'_>, suite: &str, stack: &str) -> Option<String> {
        let failure = Failure {
            stack: stack.to_owned(),
            ..Failure::default()
        };
        let place = sources.locate(&failure, &TestName::new(suite, None, "t"))?;
        Some(format!("{}:{}", place.path, place.line))
    }

    const ROOTS: [&str; 2] = ["/home/runner/work/shop/shop/", "D:\\a\\shop\\shop"];

    fn files() -> Vec<String> {
        let files = [
            "setup.py",
            "src/shop/tax.py",
            "tests/test_tax.py",
            "core/src/test/java/org/acme/TaxTest.java",
            "web/src/test/java/org/acme/web/TaxTest.java",
            "pkg/tax/tax_test.go",
            "pkg/cart/tax_test.go",
            "packages/web/src/a.spec.ts",
            "crates/tax/src/lib.rs",
            "lib/Tax.cs",
            "t/a_test.cc",
        ];
        files.map(str::to_owned).to_vec()
    }

    #[test]
    fn frames_of_every_language_lead_to_files_of_the_repository() {
        let cases = [
            (
                "",
                "tests/test_tax.py:9: in test\n    f()\nsrc/shop/tax.py:3: ValueError",
                "src/shop/tax.py:3",
            ),
            (
                "",
                "  File \"/home/runner/work/shop/shop/tests/test_tax.py\", line 9, in t\n  File \"/opt/x/other.py\", line 1, in g",
                "tests/test_tax.py:9",
            ),
            (
                "",
                "\tat org.acme.Help.fail(Help.java:1)\n\tat app//org.acme.TaxTest$A.t(TaxTest.java:42)",
                "core/src/test/java/org/acme/TaxTest.java:42",
            ),
            (
                "",
                "\tat org.acme.web.TaxTest.t(TaxTest.java:7)",
                "web/src/test/java/org/acme/web/TaxTest.java:7",
            ),
            (
                "example.com/shop/pkg/cart",
                "    tax_test.go:12: got 1",
                "pkg/cart/tax_test.go:12",
            ),
            (
                "",
                "panic: x\n\t/build/shop/pkg/tax/tax_test.go:6 +0x27",
                "pkg/tax/tax_test.go:6",
            ),
            (
                "",
                "    at g (/home/runner/work/shop/shop/packages/web/src/a.spec.ts:3:14)",
                "packages/web/src/a.spec.ts:3",
            ),
            ("", " ❯ src/a.spec.ts:3:14", "packages/web/src/a.spec.ts:3"),
            (
                "",
                "thread 't' panicked at crates/tax/src/lib.rs:8:5:",
                "crates/tax/src/lib.rs:8",
            ),
            (
                "",
                "   at N.T.U() in D:\\a\\shop\\shop\\lib\\Tax.cs:line 14",
                "lib/Tax.cs:14",
            ),
            (
                "",
                "   at N.T.U() in /_/lib/Tax.cs:line 14",
                "lib/Tax.cs:14",
            ),
            ("", "/elsewhere/t/a_test.cc:12: Failure", "t/a_test.cc:12"),
        ];
        for (suite, stack, expected) in cases {
            assert_eq!(
                located(&Sources::new(&ROOTS, &files()), suite, stack).as_deref(),
                Some(expected),
                "{stack}"
            );
        }
    }

    #[test]
    fn what_is_not_in_the_repository_or_in_doubt_is_no_place() {
        for stack in [
            "  File \"/home/x/other/setup.py\", line 9, in t",
            "    tax_test.go:12: got 1",
            "../../etc/passwd.py:1: x",
            "/home/runner/work/shop/shop/../../x.py:1: x",
            "https://evil.example/a.js:1:1",
        ] {
            assert_eq!(
                located(&Sources::new(&ROOTS, &files()), "", stack),
                None,
                "{stack}"
            );
        }
    }

    #[test]
    fn without_a_list_of_files_only_paths_that_need_no_guess_are_taken() {
        let sources = Sources::new(&["/w/shop"], &[]);
        let at = |stack| located(&sources, "", stack);
        assert_eq!(
            at("/w/shop/t/a_test.cc:12: Failure").as_deref(),
            Some("t/a_test.cc:12")
        );
        assert_eq!(at("tests/a.py:3: x").as_deref(), Some("tests/a.py:3"));
        assert_eq!(at("/other/a.cc:12: Failure"), None);
        assert_eq!(at("/w/shopping/a.cc:12: Failure"), None);
        assert_eq!(at("\tat org.acme.T.t(T.java:42)"), None);
        assert_eq!(at("    a_test.go:12: got 1"), None);
    }

    #[test]
    fn a_path_is_plain_or_none() {
        for bad in [
            "",
            "/a",
            "a//b",
            "../a",
            "a/../b",
            ".git/config",
            "a\nb",
            "a\u{202e}b",
            "C:/a",
            "a:b",
            "~/a",
            "-a",
            "a\\b",
            "a/",
        ] {
            assert!(!is_plausible(bad), "{bad}");
        }
        assert!(is_plausible("src/größe [1]/a b.rs"));
    }
}
