//! Bad input, with its place.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Something malformed in an input: what, where, and what to do about it. Reading went on after it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Problem {
    /// The file, as the user named it; `archive.zip!inner.xml` inside an archive.
    pub file: String,
    /// Where in the file.
    pub place: Place,
    /// What is wrong, as a lower-case fragment: `time is not a number: "whatever"`.
    pub what: String,
    /// What was done instead or what the user can do; empty when nothing can be said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hint: String,
}

/// A place in an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// The whole file.
    File,
    /// A byte offset, from 0, in the decoded stream.
    Byte(u64),
    /// A line, from 1.
    Line(u64),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Place::File => write!(f, "{}: {}", self.file, self.what)?,
            Place::Byte(offset) => write!(f, "{}: byte {offset}: {}", self.file, self.what)?,
            Place::Line(line) => write!(f, "{}:{line}: {}", self.file, self.what)?,
        }
        if self.hint.is_empty() {
            return Ok(());
        }
        write!(f, " (hint: {})", self.hint)
    }
}

#[cfg(test)]
mod tests {
    use super::{Place, Problem};

    #[test]
    fn a_problem_says_where_what_and_what_to_do() {
        let problem = Problem {
            file: "a.xml".to_owned(),
            place: Place::Line(3),
            what: "time is not a number".to_owned(),
            hint: "taken as absent".to_owned(),
        };
        assert_eq!(
            problem.to_string(),
            "a.xml:3: time is not a number (hint: taken as absent)"
        );
    }
}
