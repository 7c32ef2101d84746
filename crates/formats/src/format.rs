//! The formats that can be read, each with its word.

use std::fmt;

/// A test-result format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// `JUnit` XML in any dialect.
    Junit,
    /// `NUnit` 2: root `test-results`.
    Nunit2,
    /// `NUnit` 3: root `test-run`.
    Nunit3,
    /// xUnit.net v2 and v3: root `assemblies` or `assembly`.
    XunitNet,
    /// Visual Studio test results: root `TestRun`.
    Trx,
    /// `go test -json`.
    GoTestJson,
    /// libtest or nextest JSON lines.
    LibtestJson,
    /// CTRF JSON.
    Ctrf,
    /// TAP 12 to 14.
    Tap,
    /// Playwright's JSON reporter.
    PlaywrightJson,
    /// Jest's `--json`; Vitest writes the same.
    JestJson,
    /// Mocha's JSON reporter.
    MochaJson,
    /// Mochawesome.
    MochawesomeJson,
    /// Dart's and Flutter's `--machine` lines.
    DartJson,
    /// subunit version 1, a text protocol.
    SubunitV1,
    /// subunit version 2, binary packets.
    SubunitV2,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 16] = [
        Self::Junit,
        Self::Nunit2,
        Self::Nunit3,
        Self::XunitNet,
        Self::Trx,
        Self::GoTestJson,
        Self::LibtestJson,
        Self::Ctrf,
        Self::Tap,
        Self::PlaywrightJson,
        Self::JestJson,
        Self::MochaJson,
        Self::MochawesomeJson,
        Self::DartJson,
        Self::SubunitV1,
        Self::SubunitV2,
    ];

    /// The word for it in output: `junit`, `nunit3`, `go-test-json`, ...
    pub fn word(self) -> &'static str {
        match self {
            Self::Junit => "junit",
            Self::Nunit2 => "nunit2",
            Self::Nunit3 => "nunit3",
            Self::XunitNet => "xunit.net",
            Self::Trx => "trx",
            Self::GoTestJson => "go-test-json",
            Self::LibtestJson => "libtest-json",
            Self::Ctrf => "ctrf",
            Self::Tap => "tap",
            Self::PlaywrightJson => "playwright-json",
            Self::JestJson => "jest-json",
            Self::MochaJson => "mocha-json",
            Self::MochawesomeJson => "mochawesome-json",
            Self::DartJson => "dart-json",
            Self::SubunitV1 => "subunit-v1",
            Self::SubunitV2 => "subunit-v2",
        }
    }

    /// The format of a word; `None` when there is no such format.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.word() == word)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::Format;

    #[test]
    fn every_format_has_a_word_of_its_own() {
        for format in Format::ALL {
            assert_eq!(Format::from_word(format.word()), Some(format));
        }
        assert_eq!(Format::from_word("xml"), None);
    }
}
