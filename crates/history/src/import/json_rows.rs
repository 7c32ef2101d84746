//! NDJSON: one object a line, with the columns of the CSV as keys.

use std::{borrow::Cow, collections::BTreeMap, io::BufRead};

use serde_json::Value;

use super::{
    Sinks,
    collect::Collector,
    csv_rows::{cut, problem},
    line::{COLUMNS, Line},
};
use crate::Result;

/// A longer line is no row of a history.
const LONGEST_LINE: u64 = 1 << 20;

/// Rows between two calls of the progress function.
const TELL_EVERY: u64 = 8192;

pub(crate) fn read(
    mut input: impl BufRead,
    name: &str,
    collector: &mut Collector,
    (report, tell): Sinks<'_>,
) -> Result<()> {
    let mut buffer = Vec::new();
    let mut number = 0;
    loop {
        buffer.clear();
        let mut bounded = std::io::Read::take(&mut input, LONGEST_LINE);
        let read = bounded.read_until(b'\n', &mut buffer);
        number += 1;
        match read {
            Ok(0) => return Ok(()),
            Ok(length) if length as u64 == LONGEST_LINE && !buffer.ends_with(b"\n") => {
                let what = format!("a line has more than {LONGEST_LINE} bytes");
                report.cut(problem(name, number, what));
                return Ok(());
            }
            Ok(_) => {}
            Err(error) => {
                report.cut(cut(name, number, &error));
                return Ok(());
            }
        }
        if number % TELL_EVERY == 0 {
            tell(number);
        }
        if buffer.trim_ascii().is_empty() {
            continue;
        }
        if let Err(what) = add(&buffer, collector) {
            report.problem(problem(name, number, what));
        }
    }
}

fn add(line: &[u8], collector: &mut Collector) -> Result<(), String> {
    let object: BTreeMap<String, Value> =
        serde_json::from_slice(line).map_err(|error| format!("it is no JSON object: {error}"))?;
    let values: Vec<(&str, Cow<'_, str>)> = COLUMNS
        .into_iter()
        .filter_map(|column| Some((column, text_of(object.get(column)?))))
        .collect();
    let mut row = Line::default();
    for (column, value) in &values {
        row.set(column, value);
    }
    collector.add(&row)
}

fn text_of(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Null => Cow::Borrowed(""),
        Value::String(text) => Cow::Borrowed(text),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            Cow::Owned(value.to_string())
        }
    }
}
