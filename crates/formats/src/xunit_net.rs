//! xUnit.net: `assemblies` of `assembly`s of `collection`s (version 1: `class`es) of `test`s.

use std::io::Read;

use model::{Outcome, Place, Timestamp};

use crate::sink::OUTSIDE;
use crate::xml::failure::{Part, Parts, seconds, value};
use crate::xml::{Handler, Out, Tag, Want, walk};
use crate::{Case, Limits, Sink};

/// Reads xUnit.net XML.
pub(crate) fn read(input: &mut dyn Read, limits: &Limits, sink: &mut dyn Sink) {
    let mut xunit = Xunit::default();
    walk(input, &mut xunit, &mut Out { sink, limits });
}

/// The `test` that is open.
#[derive(Debug)]
struct OpenCase {
    name: String,
    class: String,
    outcome: Outcome,
    seconds: Option<f64>,
    at: u64,
}

/// The reader.
#[derive(Debug, Default)]
struct Xunit {
    assembly: String,
    /// Where the assembly begins, and how many tests it declares and has listed so far.
    at: u64,
    declared: Option<u64>,
    listed: u64,
    case: Option<OpenCase>,
    /// An `error` outside the tests is open: where.
    error_at: Option<u64>,
    parts: Parts,
}

impl Xunit {
    fn start_assembly(&mut self, tag: &Tag<'_>, out: &mut Out<'_>) {
        self.assembly = value(tag.attrs, b"name", tag.at, out);
        self.at = tag.at;
        self.listed = 0;
        let total = value(tag.attrs, b"total", tag.at, out);
        self.declared = total.trim().parse().ok();
        let date = value(tag.attrs, b"run-date", tag.at, out);
        let time = value(tag.attrs, b"run-time", tag.at, out);
        let started = Timestamp::parse(&format!("{date}T{time}")).ok();
        out.sink.suite(&self.assembly, started);
    }

    fn start_case(&mut self, tag: &Tag<'_>, out: &mut Out<'_>) {
        let mut name = value(tag.attrs, b"name", tag.at, out);
        if name.is_empty() {
            name = value(tag.attrs, b"method", tag.at, out);
        }
        if name.is_empty() {
            out.problem(tag.at, "a test has no name", "`(no name)` stands for it");
            name.push_str("(no name)");
        }
        self.parts = Parts::default();
        self.case = Some(OpenCase {
            name,
            class: value(tag.attrs, b"type", tag.at, out),
            outcome: outcome(tag.attrs.get(b"result").unwrap_or_default()),
            seconds: seconds(tag.attrs, b"time", tag.at, out),
            at: tag.at,
        });
    }

    fn end_case(&mut self, out: &mut Out<'_>) {
        let Some(case) = self.case.take() else {
            return;
        };
        self.listed += 1;
        out.sink.case(Case {
            seconds: case.seconds,
            failure: self.parts.take().filter(|_| case.outcome != Outcome::Pass),
            ..Case::new(
                &self.assembly,
                Some(case.class.as_str()).filter(|class| !class.is_empty()),
                &case.name,
                case.outcome,
            )
        });
    }

    fn end_assembly(&mut self, out: &mut Out<'_>) {
        let listed = self.listed;
        if let Some(declared) = self.declared.take().filter(|declared| *declared != listed) {
            let what = format!("the assembly declares {declared} tests but lists {listed}");
            out.problem(self.at, what, "the listed ones are counted");
        }
    }

    /// Errors of an assembly: set-up, clean-up, crashes.
    fn end_error(&mut self, out: &mut Out<'_>) {
        let Some(at) = self.error_at.take() else {
            return;
        };
        let case = Case {
            failure: self.parts.take(),
            ..Case::new(&self.assembly, None, OUTSIDE, Outcome::Error)
        };
        out.sink.outside(Place::Byte(at), case);
    }
}

fn outcome(result: &[u8]) -> Outcome {
    match result.to_ascii_lowercase().as_slice() {
        b"pass" | b"passed" => Outcome::Pass,
        b"fail" | b"failed" => Outcome::Fail,
        b"error" => Outcome::Error,
        _ => Outcome::Skip,
    }
}

impl Handler for Xunit {
    fn start(&mut self, tag: &Tag<'_>, out: &mut Out<'_>) -> Want {
        match tag.name {
            b"assembly" => self.start_assembly(tag, out),
            b"test" => {
                self.end_case(out);
                self.start_case(tag, out);
            }
            b"error" if self.case.is_none() => self.error_at = Some(tag.at),
            b"failure" => {
                self.parts.kind = value(tag.attrs, b"exception-type", tag.at, out);
            }
            b"message" | b"reason" => {
                self.parts.part = Part::Message;
                return Want::Text;
            }
            b"stack-trace" => {
                self.parts.part = Part::Stack;
                return Want::Text;
            }
            b"assemblies" | b"collection" | b"class" | b"errors" => {}
            _ => return Want::Nothing,
        }
        Want::Children
    }

    fn text(&mut self, raw: &[u8], cdata: bool, out: &mut Out<'_>) {
        let at = self.case.as_ref().map_or(0, |case| case.at);
        self.parts.push(raw, cdata, at, out);
    }

    fn end(&mut self, name: &[u8], truncated: bool, out: &mut Out<'_>) {
        match name {
            b"assembly" if !truncated => self.end_assembly(out),
            b"test" => self.end_case(out),
            b"error" => self.end_error(out),
            _ => self.parts.part = Part::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::testing::said;

    #[test]
    fn tests_errors_and_both_versions_are_read() {
        let text = "<assemblies><assembly name='A.dll' run-date='2026-11-20' run-time='10:00:00'>
            <errors><error type='assembly-cleanup'><failure exception-type='X'><message>boom</message></failure></error></errors>
            <collection name='c'>
             <test name='N.T.a(x: 1)' type='N.T' method='a' time='0.25' result='Pass'><output>noise</output></test>
             <test name='N.T.b' type='N.T' method='b' result='Fail'>
               <failure exception-type='E'><message>m</message><stack-trace>at b</stack-trace></failure></test>
             <test name='N.T.c' type='N.T' method='c' result='Skip'><reason><![CDATA[why]]></reason></test>
             <test name='N.T.d' type='N.T' method='d' result='NotRun'/>
            </collection></assembly></assemblies>
            <assembly name='B.dll' total='2'><class name='N.U'><test name='N.U.a' type='N.U' result='Pass'/></class></assembly>";
        let said = said(
            |input, limits, sink| super::read(input, limits, sink),
            text.as_bytes(),
        );
        assert_snapshot!(said.text(), @r#"
        suite A.dll 2026-11-20T10:00:00Z
        outside error A.dll | (outside its tests) <X> "boom"
        pass A.dll | N.T › N.T.a(x: 1) 0.25s
        fail A.dll | N.T › N.T.b <E> "m" +stack
        skip A.dll | N.T › N.T.c "why"
        skip A.dll | N.T › N.T.d
        problem byte 781: a second document begins in this file (all are read)
        suite B.dll
        pass B.dll | N.U › N.U.a
        problem byte 781: the assembly declares 2 tests but lists 1 (the listed ones are counted)
        "#);
    }
}
