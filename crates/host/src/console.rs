//! Where a person reads: data goes to standard output, all else to standard error.

use std::io::{self, IsTerminal as _, Write as _};

/// What is known of the terminal, and the only way out to it.
#[derive(Clone, Copy, Debug)]
pub struct Console {
    /// Whether standard output is a terminal that wants colour.
    pub color: bool,
    /// Columns of the terminal; 100 when there is none.
    pub width: usize,
    /// Whether standard error is a terminal, so that a progress bar is seen by somebody.
    pub progress: bool,
}

/// Columns when standard output is no terminal: wide enough for names, narrow enough for logs.
const DEFAULT_WIDTH: usize = 100;

impl Console {
    /// Looks at the terminal. `no_color` is the user's wish (`NO_COLOR`), `columns` the environment's `COLUMNS`.
    pub fn detect(no_color: bool, columns: Option<&str>) -> Self {
        let stdout_is_terminal = io::stdout().is_terminal();
        Self {
            color: stdout_is_terminal && !no_color,
            width: width(columns, stdout_is_terminal),
            progress: io::stderr().is_terminal(),
        }
    }

    /// Writes data to standard output. A reader that went away (`| head`) is no error.
    ///
    /// # Errors
    /// Any other failure of the stream.
    pub fn print(self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        ignore_broken_pipe(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
    }

    /// Writes a line to standard error, control characters of names in it as escapes and nothing in it a command to a CI system. There is nobody left to tell when that fails.
    pub fn note(self, text: &str) {
        let _unheard = writeln!(io::stderr().lock(), "{}", escaped(text));
    }
}

/// A text without control characters but line breaks, in which no line is a command to a CI system: it may name files and
/// tests of a pull request.
///
/// GitHub takes a line that starts with `::` after any blanks, and `##[` anywhere; Azure and `TeamCity` take `##vso[` and the like.
fn escaped(text: &str) -> String {
    let acts = |c: char| c.is_control() && c != '\n';
    let mut out = String::with_capacity(text.len());
    let mut blank = true;
    for c in text.chars() {
        if c == ':' && blank {
            out.push_str(": ");
        } else if acts(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
        blank = c == '\n' || (blank && c.is_whitespace());
    }
    for command in ["[", "vso[", "teamcity["] {
        out = out.replace(&format!("##{command}"), &format!("# #{command}"));
    }
    out
}

fn width(columns: Option<&str>, stdout_is_terminal: bool) -> usize {
    if let Some(columns) = columns.and_then(|text| text.parse().ok()) {
        return columns;
    }
    let terminal = console_size().filter(|_| stdout_is_terminal);
    terminal.unwrap_or(DEFAULT_WIDTH)
}

fn console_size() -> Option<usize> {
    let (_rows, columns) = console::Term::stdout().size_checked()?;
    Some(usize::from(columns))
}

fn ignore_broken_pipe(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::{escaped, ignore_broken_pipe, width};

    #[test]
    fn the_environment_overrides_the_terminal() {
        assert_eq!(width(Some("72"), false), 72);
        assert_eq!(width(Some("wide"), false), 100);
    }

    #[test]
    fn a_name_cannot_act_on_the_terminal() {
        assert_eq!(escaped("a\x1b[2J.xml:\nbad"), "a\\u{1b}[2J.xml:\nbad");
    }

    #[test]
    fn a_name_cannot_be_a_command_to_a_ci_system() {
        assert_eq!(escaped("a\n ::error::b"), "a\n : :error::b");
        assert_eq!(escaped("::set-output name=x::y"), ": :set-output name=x::y");
        assert_eq!(escaped("a ###[group]b##vso[c"), "a ## #[group]b# #vso[c");
        assert_eq!(escaped("a::b\nhint: c"), "a::b\nhint: c");
    }

    #[test]
    fn a_reader_that_went_away_is_no_error() {
        assert!(ignore_broken_pipe(Err(io::ErrorKind::BrokenPipe.into())).is_ok());
        assert!(ignore_broken_pipe(Err(io::ErrorKind::StorageFull.into())).is_err());
    }
}
