//! `history export`: all rows as CSV or NDJSON.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use history::{ExportFormat, Filter, History};
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
    let exported = history.export(&Filter::default(), format, &mut out)?;
    note_problems(context, &exported.problems);
    if !exported.problems.is_empty() {
        return Ok(Exit::Undecided);
    }
    Ok(Exit::Clear)
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
