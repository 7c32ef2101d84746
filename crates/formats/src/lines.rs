//! Drives the readers of formats that are one JSON value a line, with other text between.

use crate::sink::loss;
use std::io::BufRead;

use model::Place;

use crate::json::{Broken, Got, Json};
use crate::{Limits, Sink};

/// How much of a line that is no JSON is looked at.
const OTHER_BYTES: usize = 4 << 10;

/// A reader of one such format.
pub(crate) trait Lines {
    /// Reads the object or array that a line begins with.
    fn value(&mut self, json: &mut Json<'_>, sink: &mut dyn Sink) -> Got<()>;

    /// Looks at a line that is something else.
    fn other(&mut self, _text: &str, _sink: &mut dyn Sink) {}
}

/// Reads every line; a broken one is a problem and the next is read.
pub(crate) fn each(
    reader: &mut dyn Lines,
    input: &mut dyn BufRead,
    limits: &Limits,
    sink: &mut dyn Sink,
) {
    let mut json = Json::lines(input, limits.depth);
    loop {
        match line(reader, &mut json, sink) {
            Ok(true) => {}
            Ok(false) => return,
            Err(broken) => {
                if !say(broken, Place::Line(json.line), sink) || json.rest_of_line(0).is_err() {
                    return;
                }
            }
        }
    }
}

/// Reads one line; false at the end.
fn line(reader: &mut dyn Lines, json: &mut Json<'_>, sink: &mut dyn Sink) -> Got<bool> {
    match json.next_line()? {
        None => return Ok(false),
        Some(true) => {
            reader.value(json, sink)?;
            json.rest_of_line(0)?;
        }
        Some(false) => reader.other(&json.rest_of_line(OTHER_BYTES)?, sink),
    }
    Ok(true)
}

/// Reports why a value could not be read; whether there may be more after it.
pub(crate) fn say(broken: Broken, place: Place, sink: &mut dyn Sink) -> bool {
    match broken {
        Broken::Bad(what) => {
            sink.problem(
                place,
                format!("not JSON: {what}"),
                "what was read before it stays",
            );
            true
        }
        Broken::End => {
            let what = "the file ends inside a value".to_owned();
            sink.problem(place, what, loss::CUT);
            false
        }
        Broken::Io(error) => {
            let what = format!("cannot be read further: {error}");
            sink.problem(place, what, "what was read before stays");
            false
        }
    }
}

/// Reads one JSON document with `read`; what is broken becomes a problem.
pub(crate) fn document(
    input: &mut dyn BufRead,
    limits: &Limits,
    sink: &mut dyn Sink,
    read: impl FnOnce(&mut Json<'_>, &mut dyn Sink) -> Got<()>,
) {
    let mut json = Json::document(input, limits.depth);
    let done = read(&mut json, sink);
    let place = Place::Byte(json.offset);
    if json.too_deep {
        let what = "values are nested too deep".to_owned();
        sink.problem(Place::File, what, "they are skipped");
    }
    if let Err(broken) = done {
        let _may_go_on = say(broken, place, sink);
    }
}
