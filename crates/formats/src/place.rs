//! Where a test failed, from the text of its failure: the first `file:line` that is the project's own.

/// How many lines of a text are looked at.
const LINES: usize = 200;

/// Frames of runtimes and test libraries: they say how the failure was raised, not where the test failed.
const LIBRARIES: [&str; 18] = [
    "node_modules",
    "node:",
    "site-packages",
    "lib/python",
    "org.junit",
    "org.testng",
    "java.base",
    "java.lang",
    "sun.reflect",
    "jdk.internal",
    "org.assertj",
    "org.hamcrest",
    "/rustc/",
    "/usr/local/go/",
    "<anonymous>",
    "Xunit.",
    "NUnit.Framework",
    "org.opentest4j",
];

/// What source files end in: a host name with a port is no place.
const EXTENSIONS: [&str; 42] = [
    "py", "js", "ts", "jsx", "tsx", "mjs", "cjs", "mts", "cts", "vue", "java", "kt", "kts",
    "scala", "groovy", "go", "rs", "rb", "php", "cs", "fs", "vb", "c", "cc", "cpp", "cxx", "h",
    "hpp", "hh", "m", "mm", "swift", "ex", "exs", "erl", "clj", "lua", "pl", "t", "dart",
    "feature", "robot",
];

/// File and line of a failure; `None` when the text names none.
///
/// pytest shows the code first and the place last (`tests/test_a.py:3: AssertionError`), everything else the place first.
pub(crate) fn place(text: &str) -> Option<(&str, u32)> {
    let lines = || text.lines().take(LINES);
    let pytest = |line: &'_ str| !line.starts_with(char::is_whitespace) && line.contains(".py:");
    if text.contains(".py:") {
        let places = lines().filter(|line| pytest(line)).filter_map(after_code);
        if let Some(last) = places.last() {
            return Some(last);
        }
    }
    lines().find_map(|line| in_line(line).filter(|_| is_own(line)))
}

/// Whether a line is no frame of a library.
fn is_own(line: &str) -> bool {
    !LIBRARIES.iter().any(|library| line.contains(library))
}

/// `tests/test_a.py:3: AssertionError` at the start of a line.
fn after_code(line: &str) -> Option<(&str, u32)> {
    let (start, _) = line.split_once(": ")?;
    exact(start).filter(|(file, _)| has_extension(file, "py") && is_own(file))
}

/// A place somewhere in a line.
fn in_line(line: &str) -> Option<(&str, u32)> {
    python_frame(line)
        .or_else(|| dotnet_frame(line))
        .or_else(|| {
            line.split(|c: char| {
                c.is_whitespace() || matches!(c, '(' | ')' | '[' | ']' | '\'' | '"' | ',')
            })
            .find_map(exact)
        })
}

/// `File "a.py", line 3, in f`.
fn python_frame(line: &str) -> Option<(&str, u32)> {
    let (file, rest) = line
        .trim_start()
        .strip_prefix("File \"")?
        .split_once("\", line ")?;
    Some((file, leading_number(rest)?))
}

/// `at N.T() in C:\p\T.cs:line 3`.
fn dotnet_frame(line: &str) -> Option<(&str, u32)> {
    let (front, number) = line.split_once(":line ")?;
    let (_, file) = front.split_once(" in ")?;
    Some((file, leading_number(number)?))
}

/// `a/b_test.go:12`, `a.js:3:14`, `A.java:7:`.
fn exact(word: &str) -> Option<(&str, u32)> {
    let word = word.strip_prefix("file://").unwrap_or(word);
    let colon = word.match_indices(':').map(|(at, _)| at).find(|at| {
        word.get(at + 1..)
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    })?;
    let (file, rest) = word.split_at_checked(colon)?;
    let source = EXTENSIONS.contains(&file.rsplit_once('.')?.1);
    Some((file, leading_number(rest.get(1..)?)?)).filter(|_| source)
}

fn leading_number(text: &str) -> Option<u32> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    text.get(..digits)?.parse().ok()
}

fn has_extension(file: &str, extension: &str) -> bool {
    file.rsplit_once('.')
        .is_some_and(|(_, own)| own == extension)
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn places_are_found_in_the_traces_of_every_language() {
        let cases = [
            (
                "def test():\n>   assert f()\n\ntests/test_a.py:7: in test\n    f()\nsrc/f.py:3: AssertionError",
                ("src/f.py", 3),
            ),
            (
                "Traceback\n  File \"/w/p/a.py\", line 9, in f\nValueError: x",
                ("/w/p/a.py", 9),
            ),
            (
                "java.lang.AssertionError: x\n\tat org.junit.Assert.fail(Assert.java:89)\n\tat org.acme.T.t(T.java:42)",
                ("T.java", 42),
            ),
            ("    a_test.go:12: got 1", ("a_test.go", 12)),
            (
                "thread 't' panicked at src/lib.rs:8:5:\nboom",
                ("src/lib.rs", 8),
            ),
            (
                "Error: x\n    at f (/w/node_modules/e/i.js:1:1)\n    at Context.g (test/a.spec.ts:3:14)",
                ("test/a.spec.ts", 3),
            ),
            ("   at N.T.U() in C:\\p\\T.cs:line 14", ("C:\\p\\T.cs", 14)),
        ];
        for (text, expected) in cases {
            assert_eq!(place(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn times_ports_and_addresses_are_no_places() {
        for text in [
            "at 10:00:00",
            "connect localhost:8080",
            "127.0.0.1:80 refused",
            "http://a.example:443/x",
            "a:1",
        ] {
            assert_eq!(place(text), None, "{text}");
        }
    }
}
