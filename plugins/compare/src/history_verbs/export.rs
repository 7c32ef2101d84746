//! `history export`: all rows as CSV or NDJSON.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use history::{ExportFormat, Filter};
use host::Exit;

use super::{note_left_out, note_problems};
use crate::cli::{HistoryExport, RowFormat};
use crate::context::Context;
use crate::error::Error;
use crate::remote;

pub(super) fn run(arguments: &HistoryExport, context: &Context) -> Result<Exit, Error> {
    let history = remote::open(&arguments.store.history, context)?;
    let format = match arguments.format.unwrap_or(arguments.rows) {
        RowFormat::Csv => ExportFormat::Csv,
        RowFormat::Ndjson => ExportFormat::Ndjson,
    };
    let mut out = output(arguments.output.as_deref())?;
    let exported = history.export(&Filter::default(), format, &mut out)?;
    note_problems(context, &exported.problems);
    note_left_out(exported.left_out, context);
    if !exported.problems.is_empty() {
        return Ok(Exit::Undecided);
    }
    Ok(Exit::Clear)
}

/// A writer that goes on quietly when its reader went away (`| head`): that one has seen enough.
struct WhileHeard<W> {
    out: W,
    unheard: bool,
}

impl<W: Write> WhileHeard<W> {
    fn heard<T>(&mut self, result: io::Result<T>, quiet: T) -> io::Result<T> {
        match result {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.unheard = true;
                Ok(quiet)
            }
            other => other,
        }
    }
}

impl<W: Write> Write for WhileHeard<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.unheard {
            return Ok(bytes.len());
        }
        let written = self.out.write(bytes);
        self.heard(written, bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.out.flush();
        self.heard(flushed, ())
    }
}

fn output(path: Option<&str>) -> Result<Box<dyn Write>, Error> {
    let Some(path) = path else {
        let out = WhileHeard {
            out: io::stdout().lock(),
            unheard: false,
        };
        return Ok(Box::new(BufWriter::new(out)));
    };
    let file = File::create(path).map_err(|source| Error::Write {
        path: Path::new(path).to_owned(),
        source,
    })?;
    Ok(Box::new(BufWriter::new(file)))
}
