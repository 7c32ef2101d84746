//! Annotations as workflow commands: lines of a log that the runner takes as remarks.
//!
//! Source of the escapes: `ActionCommand.cs` of the runner (`%`, CR, LF in data; `:` and `,` too in properties).

use model::{Annotation, AnnotationLevel};

use crate::text::put;

/// Commands of one level that a runner shows for one step; later ones are dropped unseen.
const MOST_OF_A_LEVEL: usize = 10;
/// Bytes of a message: an annotation of a runner is cut at 4,096 characters, and the log has the whole.
const MESSAGE_BYTES: usize = 4000;

/// Lines for standard output that make annotations in GitHub Actions: the first ten of each level, as many as a runner shows. Nothing
/// in an annotation can end its line or begin another command.
pub fn workflow_commands(annotations: &[Annotation]) -> String {
    let mut out = String::new();
    for level in [
        AnnotationLevel::Failure,
        AnnotationLevel::Warning,
        AnnotationLevel::Notice,
    ] {
        let of_level = annotations
            .iter()
            .filter(|annotation| annotation.level == level);
        for annotation in of_level.take(MOST_OF_A_LEVEL) {
            command(annotation, &mut out);
        }
    }
    out
}

fn command(annotation: &Annotation, out: &mut String) {
    let word = match annotation.level {
        AnnotationLevel::Failure => "error",
        AnnotationLevel::Warning => "warning",
        AnnotationLevel::Notice => "notice",
    };
    let end = annotation.message.floor_char_boundary(MESSAGE_BYTES);
    let message = annotation.message.get(..end).unwrap_or_default();
    put!(
        *out,
        "::{word} file={},line={},endLine={},title={}::{}\n",
        property(&annotation.path),
        annotation.start_line,
        annotation.end_line,
        property(&annotation.title),
        data(message)
    );
}

fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
