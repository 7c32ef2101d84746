//! `history export`: all rows as CSV or NDJSON.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use history::{ErrorKind, ExportFormat, Filter, History};
use host::Exit;

use super::note_problems;
use crate::cli::{HistoryExport, RowFormat};
use crate::context::Context;
use crate::error::Error;

pub(super) fn run(arguments: &HistoryExport, context: &Context) -> Result<Exit, Error> {
    let history = History::open(&arguments.store.history)?;
    let format = match arguments.format.unwrap_or(arguments.rows) {
        RowFormat::Csv => ExportFormat::Csv,
        RowFormat::Ndjson => ExportFormat::Ndjson,
    };
    let mut out = output(arguments.output.as_deref())?;
    let exported = match history.export(&Filter::default(), format, &mut out) {
        Err(error) if reader_went_away(&error) => return Ok(Exit::Clear),
        other => other?,
    };
    note_problems(context, &exported.problems);
    if !exported.problems.is_empty() {
        return Ok(Exit::Undecided);
    }
    Ok(Exit::Clear)
}

/// Whether whoever read standard output (`| head`) has seen enough.
fn reader_went_away(error: &history::Error) -> bool {
    matches!(error.kind(), ErrorKind::Io(source) if source.kind() == io::ErrorKind::BrokenPipe)
}

fn output(path: Option<&str>) -> Result<Box<dyn Write>, Error> {
    let Some(path) = path else {
        return Ok(Box::new(BufWriter::new(io::stdout().lock())));
    };
    let file = File::create(path).map_err(|source| Error::Write {
        path: Path::new(path).to_owned(),
        source,
    })?;
    Ok(Box::new(BufWriter::new(file)))
}
