//! `NUnit` 2 (`test-results`) and 3 (`test-run`): nested `test-suite`s with `test-case`s.

use std::io::Read;

use model::{Outcome, Timestamp};

use crate::xml::failure::{Part, Parts, seconds, value};
use crate::xml::{Attrs, Handler, Out, Tag, Want, walk};
use crate::{Case, Limits, Sink};

/// Reads `NUnit` XML of version 2 or 3.
pub(crate) fn read(input: &mut dyn Read, limits: &Limits, sink: &mut dyn Sink) {
    let mut nunit = Nunit::default();
    walk(input, &mut nunit, &mut Out { sink, limits });
}

/// A `test-suite` that is open.
#[derive(Debug, Default)]
struct Suite {
    name: String,
    /// Whether its name was told: only suites that hold cases themselves count.
    told: bool,
    started: Option<Timestamp>,
    /// It failed in its own set-up or tear-down.
    own_failure: bool,
    at: u64,
}

/// The `test-case` that is open.
#[derive(Debug)]
struct OpenCase {
    name: String,
    class: String,
    outcome: Outcome,
    /// Whether an attribute says the outcome.
    stated: bool,
    seconds: Option<f64>,
    at: u64,
}

/// The reader.
#[derive(Debug, Default)]
struct Nunit {
    suites: Vec<Suite>,
    case: Option<OpenCase>,
    parts: Parts,
}

impl Nunit {
    /// The suite that stands for a test: the assembly, which is the outermost.
    fn assembly(&self) -> &str {
        self.suites.first().map_or("", |suite| suite.name.as_str())
    }

    fn start_suite(&mut self, tag: &Tag<'_>, out: &mut Out<'_>) {
        let wrapper = matches!(tag.attrs.get(b"type"), Some(b"Project" | b"Test Project"));
        let site = tag.attrs.get(b"site");
        let failed = tag
            .attrs
            .get(b"result")
            .is_some_and(|r| r.starts_with(b"Fail"));
        let started = value(tag.attrs, b"start-time", tag.at, out);
        self.suites.push(Suite {
            name: if wrapper {
                String::new()
            } else {
                value(tag.attrs, b"name", tag.at, out)
            },
            told: false,
            started: Timestamp::parse(&started).ok(),
            own_failure: failed && matches!(site, Some(b"SetUp" | b"TearDown")),
            at: tag.at,
        });
    }

    fn end_suite(&mut self, out: &mut Out<'_>) {
        if let Some(suite) = self.suites.pop().filter(|suite| suite.own_failure) {
            let what = format!("the suite `{}` failed outside its tests", suite.name);
            out.problem(suite.at, what, "not counted as a test");
        }
    }

    fn start_case(&mut self, tag: &Tag<'_>, out: &mut Out<'_>) {
        if let Some(suite) = self.suites.last_mut().filter(|suite| !suite.told) {
            suite.told = true;
            out.sink.suite(&suite.name, suite.started);
        }
        let attrs = tag.attrs;
        let class = value(attrs, b"classname", tag.at, out);
        let mut name = value(attrs, b"name", tag.at, out);
        if class.is_empty() && attrs.get(b"fullname").is_some() {
            name = value(attrs, b"fullname", tag.at, out);
        }
        if name.is_empty() {
            out.problem(
                tag.at,
                "a test case has no name",
                "`(no name)` stands for it",
            );
            name.push_str("(no name)");
        }
        let time = if attrs.get(b"duration").is_some() {
            &b"duration"[..]
        } else {
            b"time"
        };
        self.parts = Parts::default();
        self.case = Some(OpenCase {
            name,
            class,
            outcome: outcome(attrs),
            stated: attrs.get(b"result").is_some(),
            seconds: seconds(attrs, time, tag.at, out),
            at: tag.at,
        });
    }

    fn end_case(&mut self, out: &mut Out<'_>) {
        let Some(case) = self.case.take() else {
            return;
        };
        out.sink.case(Case {
            seconds: case.seconds,
            failure: self.parts.take().filter(|_| case.outcome != Outcome::Pass),
            ..Case::new(
                self.assembly(),
                Some(case.class.as_str()).filter(|class| !class.is_empty()),
                &case.name,
                case.outcome,
            )
        });
    }
}

/// What a case says it did. Version 2.4 has no `result`, only `executed`, `success` and a `failure` child. Version 3 calls
/// an exception `Failed` with `label="Error"`: every reader counts it as a failure, and so do we.
fn outcome(attrs: Attrs<'_>) -> Outcome {
    let result = attrs.get(b"result").map(<[u8]>::to_ascii_lowercase);
    match result.as_deref() {
        Some(b"passed" | b"success" | b"warning") => Outcome::Pass,
        // In version 3 (it has `runstate`) such a test ran and nothing failed; version 2 lists it under not run.
        Some(b"inconclusive") if attrs.get(b"runstate").is_some() => Outcome::Pass,
        Some(b"error" | b"cancelled") => Outcome::Error,
        Some(result) if result.starts_with(b"fail") => Outcome::Fail,
        Some(_) => Outcome::Skip,
        None => match (attrs.get(b"executed"), attrs.get(b"success")) {
            (Some(b"False" | b"false"), _) => Outcome::Skip,
            (_, Some(b"False" | b"false")) => Outcome::Fail,
            _ => Outcome::Pass,
        },
    }
}

impl Handler for Nunit {
    fn start(&mut self, tag: &Tag<'_>, out: &mut Out<'_>) -> Want {
        match tag.name {
            b"test-suite" => {
                self.start_suite(tag, out);
                Want::Children
            }
            b"test-case" => {
                self.end_case(out);
                self.start_case(tag, out);
                Want::Children
            }
            b"failure" => {
                if let Some(case) = self.case.as_mut().filter(|case| !case.stated) {
                    case.outcome = Outcome::Fail;
                }
                Want::Children
            }
            b"reason" | b"results" | b"test-run" | b"test-results" => Want::Children,
            b"message" if self.case.is_some() => {
                self.parts.part = Part::Message;
                Want::Text
            }
            b"stack-trace" if self.case.is_some() => {
                self.parts.part = Part::Stack;
                Want::Text
            }
            _ => Want::Nothing,
        }
    }

    fn text(&mut self, raw: &[u8], cdata: bool, out: &mut Out<'_>) {
        let at = self.case.as_ref().map_or(0, |case| case.at);
        self.parts.push(raw, cdata, at, out);
    }

    fn end(&mut self, name: &[u8], truncated: bool, out: &mut Out<'_>) {
        match name {
            b"test-suite" if !truncated => self.end_suite(out),
            b"test-case" => self.end_case(out),
            _ => self.parts.part = Part::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::testing::said;

    fn nunit(text: &str) -> String {
        said(
            |input, limits, sink| super::read(input, limits, sink),
            text.as_bytes(),
        )
        .text()
    }

    #[test]
    fn version_3_names_the_assembly_and_the_class() {
        let text = nunit(
            "<test-run><test-suite type='Assembly' name='A.dll'><test-suite type='TestFixture' name='F'>
             <test-case name='T(1)' fullname='N.F.T(1)' classname='N.F' runstate='Runnable' result='Failed' label='Error' duration='0.5'>
               <failure><message><![CDATA[boom]]></message><stack-trace>at N.F.T()</stack-trace></failure></test-case>
             <test-case name='U' classname='N.F' runstate='Ignored' result='Skipped'><reason><message>later</message></reason></test-case>
             <test-case name='V' classname='N.F' runstate='Runnable' result='Inconclusive'/>
             <test-case name='W' classname='N.F' runstate='Runnable' result='Warning'/>
             </test-suite></test-suite></test-run>",
        );
        assert_snapshot!(text, @r#"
        suite F
        fail A.dll | N.F › T(1) 0.5s "boom" +stack
        skip A.dll | N.F › U "later"
        pass A.dll | N.F › V
        pass A.dll | N.F › W
        "#);
    }

    #[test]
    fn version_2_tells_outcomes_by_result_by_executed_or_by_a_failure() {
        let text = nunit(
            "<test-results><test-suite type='Assembly' name='A.dll'><results>
             <test-case name='N.a' executed='True' result='Success' success='True' time='0,010'/>
             <test-case name='N.b' executed='True' result='Error'><failure><message>m</message></failure></test-case>
             <test-case name='N.c' executed='False'><reason><message>r</message></reason></test-case>
             <test-case name='N.d' executed='True' success='False'/>
             <test-case name='N.e' executed='True'><failure><message>m</message></failure></test-case>
             <test-case name='N.f' executed='True' result='Inconclusive'/>
             </results></test-suite></test-results>",
        );
        assert_snapshot!(text, @r#"
        suite A.dll
        pass A.dll | N.a 0.01s
        error A.dll | N.b "m"
        skip A.dll | N.c "r"
        fail A.dll | N.d
        fail A.dll | N.e "m"
        skip A.dll | N.f
        "#);
    }

    #[test]
    fn a_fixture_that_fails_in_its_set_up_is_a_problem() {
        let text =
            nunit("<test-run><test-suite name='F' result='Failed' site='SetUp'/></test-run>");
        assert_snapshot!(text, @"problem byte 10: the suite `F` failed outside its tests (not counted as a test)");
    }
}
