//! `go test -json` (test2json): one event a line, packages interleaved.
//!
//! Facts: `go doc test2json`; build events since Go 1.24. Parents and subtests are both counted, as the `JUnit` converters
//! and dorny's reader do. A package that fails without a failing test failed outside of its tests: a build failure, a panic outside
//! of tests, `TestMain`, `os.Exit`. A test without a terminal event failed when its package did: a panic or time-out took it along.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::mem;

use model::{Failure, Outcome, Place};

use crate::budget::Budget;
use crate::json::{Got, Json};
use crate::lines::{self, Lines};
use crate::{Case, Limits, Sink};

mod output;

use output::Output;

/// Builds whose output is kept.
const BUILDS: usize = 1000;

/// Output kept at one time, over all open tests.
const KEPT_BYTES: usize = 8 << 20;

/// Reads `go test -json`.
pub(crate) fn read(input: &mut dyn BufRead, limits: &Limits, sink: &mut dyn Sink) {
    let mut stream = Stream {
        limits,
        packages: BTreeMap::new(),
        builds: BTreeMap::new(),
        open: Budget::default(),
        kept: 0,
        overflow: false,
    };
    lines::each(&mut stream, input, limits, sink);
    stream.finish(sink);
}

/// One event.
#[derive(Default)]
struct Event {
    action: String,
    package: String,
    test: Option<String>,
    elapsed: Option<f64>,
    output: Option<String>,
    import_path: Option<String>,
    failed_build: Option<String>,
}

/// A package that has not ended.
#[derive(Default)]
struct Package {
    tests: BTreeMap<String, Test>,
    output: Output,
    announced: bool,
    failed: bool,
}

/// A test that has not ended.
#[derive(Default)]
struct Test {
    running: bool,
    output: Output,
}

struct Stream<'a> {
    limits: &'a Limits,
    packages: BTreeMap<String, Package>,
    /// What failed builds printed, and whether a package named them. Several packages may fail by one build.
    builds: BTreeMap<String, (Output, bool)>,
    open: Budget,
    kept: usize,
    overflow: bool,
}

impl Lines for Stream<'_> {
    fn value(&mut self, json: &mut Json<'_>, sink: &mut dyn Sink) -> Got<()> {
        let event = event(json, self.limits)?;
        self.event(event, sink);
        Ok(())
    }

    /// Before Go 1.24 a build failure is a line of text.
    fn other(&mut self, text: &str, sink: &mut dyn Sink) {
        let Some((package, why)) = text.strip_prefix("FAIL\t").and_then(build_failure) else {
            return;
        };
        sink.suite(package, None);
        let case = Case::new(package, None, why, Outcome::Error);
        let case = Case {
            failure: Some(Failure::of(why)),
            ..case
        };
        sink.outside(Place::File, case);
    }
}

/// `example.org/p [build failed]` as package and reason.
fn build_failure(text: &str) -> Option<(&str, &'static str)> {
    let (package, why) = text.trim_end().split_once(" [")?;
    match why {
        "build failed]" => Some((package, "[build failed]")),
        "setup failed]" => Some((package, "[setup failed]")),
        _ => None,
    }
}

fn event(json: &mut Json<'_>, limits: &Limits) -> Got<Event> {
    let mut event = Event::default();
    let name = 4 * limits.name_bytes;
    json.object(|json, key| {
        match key.as_str() {
            "Action" => event.action = json.text(16)?.unwrap_or_default(),
            "Package" => event.package = json.text(name)?.unwrap_or_default(),
            "Test" => event.test = json.words(name)?,
            "Elapsed" => event.elapsed = json.number()?,
            "Output" => event.output = json.text(limits.message_bytes)?,
            "ImportPath" => event.import_path = json.text(name)?,
            "FailedBuild" => event.failed_build = json.text(name)?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    Ok(event)
}

impl Stream<'_> {
    fn event(&mut self, event: Event, sink: &mut dyn Sink) {
        match event.action.as_str() {
            "run" => self.run(event, sink),
            "output" => self.output(&event, sink),
            "pass" | "bench" => self.end(event, Outcome::Pass, sink),
            "fail" => self.end(event, Outcome::Fail, sink),
            "skip" => self.end(event, Outcome::Skip, sink),
            "build-output" => self.build_output(&event),
            _ => {}
        }
    }

    fn run(&mut self, event: Event, sink: &mut dyn Sink) {
        let Some(name) = event.test else { return };
        if let Some(test) = self.test(&event.package, &name, sink) {
            test.running = true;
        }
    }

    fn output(&mut self, event: &Event, sink: &mut dyn Sink) {
        let Some(text) = event.output.as_deref() else {
            return;
        };
        if output::is_frame(text) || (event.test.is_none() && output::is_summary(text)) {
            return;
        }
        let (room, limit) = (self.room(), self.limits.stack_bytes);
        let target = match &event.test {
            Some(name) => self
                .test(&event.package, name, sink)
                .map(|test| &mut test.output),
            None => self
                .package(&event.package, sink)
                .map(|package| &mut package.output),
        };
        let held = target.map(|output| {
            let limit = limit.min(output.len() + room);
            output.push(text, limit)
        });
        let (before, after) = held.unwrap_or_default();
        self.kept = self.kept - before + after;
    }

    fn build_output(&mut self, event: &Event) {
        let (Some(path), Some(text)) = (&event.import_path, &event.output) else {
            return;
        };
        let limit = self.limits.stack_bytes.min(self.room());
        if self.builds.len() < BUILDS || self.builds.contains_key(path) {
            let build = self.builds.entry(path.clone());
            let (output, _) = build.or_insert_with(|| (Output::of_build(), false));
            let (before, after) = output.push(text, limit);
            self.kept = self.kept - before + after;
        }
    }

    fn room(&self) -> usize {
        KEPT_BYTES.saturating_sub(self.kept)
    }

    /// An open package; `None` beyond the limit.
    fn package(&mut self, name: &str, sink: &mut dyn Sink) -> Option<&mut Package> {
        if !self.packages.contains_key(name) {
            self.admit(name, sink)?;
            self.packages.insert(name.to_owned(), Package::default());
        }
        self.packages.get_mut(name)
    }

    /// An open test; `None` beyond the limit.
    fn test(&mut self, package: &str, name: &str, sink: &mut dyn Sink) -> Option<&mut Test> {
        let known = |package: &Package| package.tests.contains_key(name);
        if !self
            .package(package, sink)
            .is_some_and(|package| known(package))
        {
            self.admit(name, sink)?;
            let tests = &mut self.packages.get_mut(package)?.tests;
            tests.insert(name.to_owned(), Test::default());
        }
        self.packages.get_mut(package)?.tests.get_mut(name)
    }

    /// Makes room for a package or test; `None` when too many are open.
    fn admit(&mut self, name: &str, sink: &mut dyn Sink) -> Option<()> {
        if self.open.take(name.len()) {
            return Some(());
        }
        if !mem::replace(&mut self.overflow, true) {
            let what = "too many tests are open at one time".to_owned();
            let hint = "the output of further ones, and those that never end, are not kept";
            sink.problem(Place::File, what, hint);
        }
        None
    }

    fn end(&mut self, event: Event, outcome: Outcome, sink: &mut dyn Sink) {
        let Event {
            package,
            test,
            elapsed,
            failed_build,
            ..
        } = event;
        match test {
            Some(name) => self.end_test(&package, &name, (outcome, elapsed), sink),
            None if package.is_empty() => {}
            None => self.end_package(&package, outcome, failed_build.as_deref(), sink),
        }
    }

    fn end_test(
        &mut self,
        package: &str,
        name: &str,
        (outcome, elapsed): (Outcome, Option<f64>),
        sink: &mut dyn Sink,
    ) {
        let mut announce = true;
        let mut ended = None;
        if let Some(open) = self.package(package, sink) {
            announce = !mem::replace(&mut open.announced, true);
            open.failed |= outcome.is_failure();
            ended = open.tests.remove(name);
        }
        if ended.is_some() {
            self.open.give(name.len());
        }
        let output = ended.unwrap_or_default().output;
        self.kept -= output.len();
        if announce {
            sink.suite(package, None);
        }
        let failure = (outcome != Outcome::Pass).then(|| output.failure());
        sink.case(Case {
            outcome: output.outcome(outcome),
            seconds: elapsed,
            failure: failure.filter(|failure| *failure != Failure::default()),
            ..Case::new(package, None, name, outcome)
        });
    }

    fn end_package(
        &mut self,
        name: &str,
        outcome: Outcome,
        failed_build: Option<&str>,
        sink: &mut dyn Sink,
    ) {
        let known = self.packages.remove(name);
        if let Some(package) = &known {
            self.forget(name, package);
        }
        let mut package = known.unwrap_or_default();
        // `skip` is a package without test files.
        if !package.announced && outcome != Outcome::Skip {
            sink.suite(name, None);
        }
        package.failed |= unfinished(name, &package, outcome, sink);
        let build = failed_build.and_then(|path| self.builds.get_mut(path));
        let build = build.map(|(output, named)| {
            *named = true;
            &*output
        });
        if outcome == Outcome::Fail && !package.failed {
            let case = package_failure(name, &package.output, build);
            sink.outside(Place::File, case);
        }
    }

    fn forget(&mut self, name: &str, package: &Package) {
        self.open.give(name.len());
        for test in package.tests.keys() {
            self.open.give(test.len());
        }
        let tests = package.tests.values().map(|test| test.output.len());
        self.kept -= package.output.len() + tests.sum::<usize>();
    }

    /// Packages without an end, and builds that failed and that no package named.
    fn finish(mut self, sink: &mut dyn Sink) {
        for (name, package) in mem::take(&mut self.packages) {
            if !package.announced && !package.tests.is_empty() {
                sink.suite(&name, None);
            }
            if unfinished(&name, &package, Outcome::Error, sink) {
                let what = format!("the stream ends before package `{name}` does");
                sink.problem(Place::File, what, "its running tests are taken as errors");
            }
        }
        for (path, (build, named)) in mem::take(&mut self.builds) {
            let package = path.split(" [").next().unwrap_or_default();
            if !named && !build.is_empty() {
                sink.suite(package, None);
                let case = package_failure(package, &Output::default(), Some(&build));
                sink.outside(Place::File, case);
            }
        }
    }
}

/// Tests that were running when their package ended; whether one of them failed by it.
fn unfinished(name: &str, package: &Package, end: Outcome, sink: &mut dyn Sink) -> bool {
    let mut failed = false;
    for (test, open) in package.tests.iter().filter(|(_, test)| test.running) {
        let outcome = if end == Outcome::Pass {
            end
        } else {
            Outcome::Error
        };
        failed |= outcome.is_failure();
        let failure = || unfinished_failure(&open.output, &package.output);
        sink.case(Case {
            failure: outcome.is_failure().then(failure),
            ..Case::new(name, None, test, outcome)
        });
    }
    failed
}

fn unfinished_failure(test: &Output, package: &Output) -> Failure {
    if package.panicked() && !test.panicked() {
        return package.failure();
    }
    if !test.is_empty() {
        return test.failure();
    }
    Failure::of("no result: the package ended while the test ran")
}

/// The case that stands for a package that failed on its own.
fn package_failure<'a>(name: &'a str, output: &Output, build: Option<&Output>) -> Case<'a> {
    let case = match build {
        Some(_) => "[build failed]",
        None => output.package_case(),
    };
    Case {
        failure: Some(build.unwrap_or(output).failure()),
        ..Case::new(name, None, case, Outcome::Error)
    }
}

#[cfg(test)]
#[path = "gotest/tests.rs"]
mod tests;
