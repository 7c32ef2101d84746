//! Where a test failed, from the text of its failure: the nearest `file:line` that is the project's own.

/// File and line of a failure; `None` when the text names none.
pub(crate) fn place(text: &str) -> Option<(&str, u32)> {
    model::trace::nearest(text).map(|frame| (frame.file, frame.line))
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn the_nearest_frame_of_the_project_is_the_place() {
        let trace = "x\n\tat org.junit.Assert.fail(Assert.java:89)\n\tat org.acme.T.t(T.java:42)";
        assert_eq!(place(trace), Some(("T.java", 42)));
        assert_eq!(place("at 10:00:00"), None);
    }
}
