//! Stack traces of any language: which source lines a failure text names, nearest first.
//!
//! Only the shape of a line is read, never a file. Everything is hostile: lines and their length are bounded, and a line that cannot be
//! understood is passed over.

mod word;

use word::{exact, leading_number};

/// How many lines of a text are looked at.
const LINES: usize = 400;
/// Bytes of a line that are looked at.
const LINE_BYTES: usize = 2000;

/// Parts of lines that are frames of runtimes and test libraries: they say how the failure was raised, not where the test failed.
const LIBRARIES: [&str; 48] = [
    "node_modules",
    "node:",
    "internal/process",
    "site-packages",
    "dist-packages",
    "lib/python",
    "<frozen ",
    "<anonymous>",
    "java.base",
    "java.lang",
    "java.util",
    "sun.reflect",
    "jdk.internal",
    "jdk.proxy",
    "junit.framework.",
    "org.junit",
    "org.testng",
    "org.assertj",
    "org.hamcrest",
    "org.opentest4j",
    "org.mockito",
    "org.apache.maven.surefire.junit",
    "org.gradle.",
    "org.scalatest.",
    "kotlin.test.",
    "kotlin.reflect",
    "/rustc/",
    "/.cargo/registry/",
    "/.cargo/git/",
    "/.rustup/",
    "/usr/local/go/",
    "/usr/lib/",
    "/usr/include/",
    "/hostedtoolcache/",
    "/pkg/mod/",
    "/go/src/testing/",
    "/go/src/runtime/",
    "_testmain.go",
    "github.com/stretchr/testify",
    "/gems/",
    "/lib/ruby/",
    "/vendor/",
    "(ex_unit",
    "package:test",
    "Xunit.",
    "NUnit.Framework",
    "Microsoft.VisualStudio",
    "System.Runtime",
];

/// A source line that a failure text names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The file as the text has it: absolute, relative, or a bare name.
    pub file: &'a str,
    /// The line, from 1.
    pub line: u32,
    /// The class and method of a frame of the JVM, which say in which folder the file is; empty otherwise.
    pub symbol: &'a str,
}

/// The frames of a failure text that are the project's own, as far as the text tells, nearest to the failure first.
///
/// pytest and Python show the nearest frame last, everything else first.
pub fn frames(text: &str) -> Vec<Frame<'_>> {
    let mut frames: Vec<Frame<'_>> = own(text, of_python).collect();
    if frames.is_empty() {
        return own(text, in_line).collect();
    }
    frames.reverse();
    frames
}

/// The first of [`frames`], found without looking further.
pub fn nearest(text: &str) -> Option<Frame<'_>> {
    own(text, of_python)
        .last()
        .or_else(|| own(text, in_line).next())
}

/// What a reader of lines finds, frames of libraries left out.
fn own<'a>(
    text: &'a str,
    read: fn(&'a str) -> Option<Frame<'a>>,
) -> impl Iterator<Item = Frame<'a>> {
    let lines = text.lines().take(LINES).map(bounded);
    lines.filter_map(move |line| read(line).filter(|_| is_own(line)))
}

fn bounded(line: &str) -> &str {
    line.get(..line.floor_char_boundary(LINE_BYTES))
        .unwrap_or(line)
}

/// Whether a line is no frame of a library.
fn is_own(line: &str) -> bool {
    !LIBRARIES.iter().any(|library| line.contains(library))
}

/// A place somewhere in a line.
fn in_line(line: &str) -> Option<Frame<'_>> {
    of_python(line)
        .or_else(|| dotnet_frame(line))
        .or_else(|| jvm_frame(line))
        .or_else(|| compiler_line(line))
        .or_else(|| dart_frame(line))
        .or_else(|| {
            let apart = |c: char| {
                c.is_whitespace()
                    || matches!(c, '(' | ')' | '[' | ']' | '\'' | '"' | '`' | ',' | '@')
            };
            line.split(apart).find_map(exact)
        })
}

fn of_python(line: &str) -> Option<Frame<'_>> {
    python_frame(line).or_else(|| after_code(line))
}

/// `tests/test_a.py:3: AssertionError` at the start of a line, as pytest writes it.
fn after_code(line: &str) -> Option<Frame<'_>> {
    let (start, _) = line.split_once(": ")?;
    let frame = exact(start)?;
    let first = !start.starts_with(char::is_whitespace);
    Some(frame).filter(|frame| first && word::has_extension(frame.file, "py"))
}

/// `File "a.py", line 3, in f`.
fn python_frame(line: &str) -> Option<Frame<'_>> {
    let (file, rest) = line
        .trim_start()
        .strip_prefix("File \"")?
        .split_once("\", line ")?;
    frame(file, leading_number(rest)?)
}

/// `at N.T() in C:\p\T.cs:line 14`.
fn dotnet_frame(line: &str) -> Option<Frame<'_>> {
    let (front, number) = line.split_once(":line ")?;
    let (_, file) = front.split_once(" in ")?;
    frame(file, leading_number(number)?)
}

/// `at app//org.acme.T.t(T.java:42)`; the part before the last `/` is a loader or a module.
fn jvm_frame(line: &str) -> Option<Frame<'_>> {
    let (symbol, rest) = line.trim_start().strip_prefix("at ")?.split_once('(')?;
    let (file, number) = rest.split_once(')')?.0.split_once(':')?;
    let symbol = symbol.rsplit('/').next().unwrap_or(symbol);
    let jvm = ["java", "kt", "scala", "groovy", "clj"];
    let named = jvm.iter().any(|end| word::has_extension(file, end)) && !file.contains(['/', '\\']);
    let number = leading_number(number)?;
    frame(file, number)
        .filter(|_| named)
        .map(|frame| Frame { symbol, ..frame })
}

/// `src/a.cpp(12): error`, `a.ts(3,5): error TS2322`.
fn compiler_line(line: &str) -> Option<Frame<'_>> {
    let (front, rest) = line.split_once('(')?;
    let (numbers, after) = rest.split_once(')')?;
    let file = front.split_whitespace().next_back()?;
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let places = after.starts_with(':') && numbers.split(',').all(digits);
    frame(file, leading_number(numbers)?).filter(|_| places && word::is_source(file))
}

/// `test/a_test.dart 5:7  main.<fn>`.
fn dart_frame(line: &str) -> Option<Frame<'_>> {
    let mut words = line.split_whitespace();
    let file = words.find(|word| word::has_extension(word, "dart"))?;
    frame(file, leading_number(words.next()?)?)
}

fn frame(file: &str, line: u32) -> Option<Frame<'_>> {
    (!file.is_empty() && line > 0).then_some(Frame {
        file,
        line,
        symbol: "",
    })
}

#[cfg(test)]
mod tests {
    use super::frames;
    use proptest::prelude::{any, prop_assert, proptest};

    fn first(text: &str) -> Option<(&str, u32)> {
        frames(text).first().map(|frame| (frame.file, frame.line))
    }

    #[test]
    fn the_nearest_own_frame_is_found_in_the_traces_of_every_language() {
        let cases = [
            (
                "def test():\n>   assert f()\n\ntests/test_a.py:7: in test\n    f()\nsrc/f.py:3: AssertionError",
                ("src/f.py", 3),
            ),
            (
                "Traceback\n  File \"/w/p/a.py\", line 9, in f\n  File \"/usr/lib/python3.11/unittest/case.py\", line 1, in g\nValueError: x",
                ("/w/p/a.py", 9),
            ),
            (
                "x\n\tat junit.framework.Assert.fail(Assert.java:47)\n\tat org.acme.T.t(T.java:42)",
                ("T.java", 42),
            ),
            ("    a_test.go:12: got 1", ("a_test.go", 12)),
            (
                "panic: x\ngoroutine 1 [running]:\npanic({0x1})\n\t/usr/local/go/src/runtime/panic.go:884 +0x1\np.F()\n\t/w/p/f_test.go:6 +0x27",
                ("/w/p/f_test.go", 6),
            ),
            (
                "thread 't' panicked at src/lib.rs:8:5:\nboom",
                ("src/lib.rs", 8),
            ),
            (
                "thread 't' panicked at /rustc/5980/library/core/src/option.rs:1:1:\nx\n  1: t\n     at ./src/a.rs:9:5",
                ("./src/a.rs", 9),
            ),
            (
                "Error: x\n    at f (/w/node_modules/e/i.js:1:1)\n    at Context.g (test/a.spec.ts:3:14)",
                ("test/a.spec.ts", 3),
            ),
            (
                "f@http://localhost:9876/base/src/a.js?1f:12:3",
                ("/base/src/a.js", 12),
            ),
            (" ❯ webpack://app/./src/a.vue:7:1", ("./src/a.vue", 7)),
            ("   at N.T.U() in C:\\p\\T.cs:line 14", ("C:\\p\\T.cs", 14)),
            (
                "/w/t/a_test.cc:12: Failure\nExpected: 1",
                ("/w/t/a_test.cc", 12),
            ),
            (
                "C:\\w\\t\\a.cpp(12): error: in \"x\"",
                ("C:\\w\\t\\a.cpp", 12),
            ),
            (
                "./spec/a_spec.rb:78:in `block (3 levels)'\n/x/gems/rspec-3/lib/r.rb:3:in `run'",
                ("./spec/a_spec.rb", 78),
            ),
            ("  test/a_test.dart 5:7  main.<fn>", ("test/a_test.dart", 5)),
            (
                "  1) t (A)\n     test/a_test.exs:5\n",
                ("test/a_test.exs", 5),
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(first(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn a_frame_of_the_jvm_has_its_class() {
        let found = frames("\tat app//org.acme.T$A.t(T.java:42)");
        assert_eq!(found[0].symbol, "org.acme.T$A.t");
    }

    #[test]
    fn times_ports_and_addresses_are_no_places() {
        for text in [
            "at 10:00:00",
            "connect localhost:8080",
            "127.0.0.1:80 refused",
            "http://a.example:443/x",
            "a:1",
            "f(3): x",
            "src/a.rs:0:1",
        ] {
            assert_eq!(first(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in any::<String>()) {
            prop_assert!(frames(&text).iter().all(|frame| frame.line > 0 && !frame.file.is_empty()));
        }

        #[test]
        fn what_looks_like_a_trace_is_read(text in "(at |File \"|\", line |in |/|\\\\|\\(|\\)|:|[0-9]{1,12}|a\\.(py|rs|java)|é|\n| |\\?|@|webpack://|file://){0,30}") {
            prop_assert!(frames(&text).iter().all(|frame| frame.line > 0 && !frame.file.is_empty()));
        }
    }
}
