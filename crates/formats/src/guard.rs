//! Holds every reader to the limits, so that no reader can forget one.

use std::borrow::Cow;

use model::{Attempt, Failure, Place, Timestamp};
use xxhash_rust::xxh3::xxh3_64;

use crate::{Case, Limits, Sink, Visitor};

/// Passes on what a reader of one file says, cut to the limits.
pub(crate) struct Guard<'a> {
    visitor: &'a mut dyn Visitor,
    limits: &'a Limits,
    problems: usize,
    cases: u64,
}

impl<'a> Guard<'a> {
    pub(crate) fn new(visitor: &'a mut dyn Visitor, limits: &'a Limits) -> Self {
        Self {
            visitor,
            limits,
            problems: 0,
            cases: 0,
        }
    }

    /// Says what was left out.
    pub(crate) fn finish(self) {
        let more = self.problems.saturating_sub(self.limits.problems);
        if more > 0 {
            let what = format!("{more} more problems like these");
            self.visitor.problem(Place::File, what, "");
        }
        let over = self.cases.saturating_sub(self.limits.cases);
        if over > 0 {
            let what = format!(
                "{over} test cases beyond the limit of {}",
                self.limits.cases
            );
            self.visitor
                .problem(Place::File, what, "they are not counted");
        }
    }

    fn bound(&self, failure: &mut Failure) {
        cut(&mut failure.message, self.limits.message_bytes);
        cut(&mut failure.stack, self.limits.stack_bytes);
        if let Some(kind) = &mut failure.kind {
            cut(kind, self.limits.name_bytes);
        }
        if let Some(file) = &mut failure.file {
            cut(file, self.limits.name_bytes);
        }
    }

    fn bound_attempts(&self, attempts: &mut Vec<Attempt>) {
        attempts.truncate(self.limits.attempts);
        for attempt in attempts {
            attempt.seconds = attempt.seconds.filter(|seconds| is_duration(*seconds));
            if let Some(failure) = &mut attempt.failure {
                self.bound(failure);
            }
        }
    }

    /// Passes a case with over-long names on.
    #[cold]
    fn long_case(&mut self, case: Case<'_>) {
        let limit = self.limits.name_bytes;
        let suite = shortened(case.suite, limit);
        let class = case.class.map(|class| shortened(class, limit));
        let name = shortened(case.name, limit);
        self.visitor.case(Case {
            suite: &suite,
            class: class.as_deref(),
            name: &name,
            ..case
        });
    }
}

impl Sink for Guard<'_> {
    fn suite(&mut self, name: &str, started_at: Option<Timestamp>) {
        if name.len() > self.limits.name_bytes {
            let name = shortened(name, self.limits.name_bytes);
            return self.visitor.suite(&name, started_at);
        }
        self.visitor.suite(name, started_at);
    }

    fn case(&mut self, mut case: Case<'_>) {
        self.cases += 1;
        if self.cases > self.limits.cases {
            return;
        }
        if case.seconds.is_some_and(|seconds| !is_duration(seconds)) {
            case.seconds = None;
            let what = format!(
                "the duration of `{}` is no duration",
                shortened(case.name, 80)
            );
            self.problem(Place::File, what, "taken as absent");
        }
        if let Some(failure) = &mut case.failure {
            self.bound(failure);
        }
        self.bound_attempts(&mut case.before);
        let class = case.class.map_or(0, str::len);
        if case.suite.len().max(class).max(case.name.len()) > self.limits.name_bytes {
            return self.long_case(case);
        }
        self.visitor.case(case);
    }

    fn outside(&mut self, place: Place, mut case: Case<'_>) {
        self.problems += 1;
        if self.problems > self.limits.problems {
            return;
        }
        if let Some(failure) = &mut case.failure {
            self.bound(failure);
        }
        self.bound_attempts(&mut case.before);
        let limit = self.limits.name_bytes;
        let (suite, name) = (shortened(case.suite, limit), shortened(case.name, limit));
        let class = case.class.map(|class| shortened(class, limit));
        self.visitor.outside(
            place,
            Case {
                suite: &suite,
                class: class.as_deref(),
                name: &name,
                ..case
            },
        );
    }

    fn problem(&mut self, place: Place, what: String, hint: &'static str) {
        self.problems += 1;
        if self.problems <= self.limits.problems {
            self.visitor.problem(place, what, hint);
        }
    }
}

/// Whether a number can be the seconds of a test: not negative, not NaN, below thirty years.
fn is_duration(seconds: f64) -> bool {
    (0.0..1e9).contains(&seconds)
}

fn cut(text: &mut String, limit: usize) {
    if text.len() > limit {
        text.truncate(text.floor_char_boundary(limit));
    }
}

/// Bytes of the mark and the hash at the end of a name that was cut.
const TAIL: usize = "…".len() + 16;

/// A name cut to the limit; the hash of the whole keeps two long names two.
pub(crate) fn shortened(name: &str, limit: usize) -> Cow<'_, str> {
    if name.len() <= limit {
        return Cow::Borrowed(name);
    }
    let (kept, _) = name.split_at(name.floor_char_boundary(limit.saturating_sub(TAIL)));
    let hash = xxh3_64(name.as_bytes());
    Cow::Owned(format!("{kept}…{hash:016x}"))
}

#[cfg(test)]
mod tests {
    use super::shortened;

    #[test]
    fn long_names_fit_the_limit_and_stay_two() {
        let (a, b) = ("é".repeat(300) + "a", "é".repeat(300) + "b");
        assert_ne!(shortened(&a, 100), shortened(&b, 100));
        assert!(shortened(&a, 100).len() <= 100);
        assert_eq!(shortened("short", 100), "short");
    }
}
