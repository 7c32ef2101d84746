//! TRX, the results of Visual Studio and `dotnet test`: `UnitTestResult`s, joined to the classes of `TestDefinitions`.
//!
//! The definitions come after the results in most files, so results are held until the end, within [`HELD`] bytes; what is
//! beyond is told at once, without its class.

use std::collections::BTreeMap;
use std::io::Read;

use model::{Failure, Outcome};

use crate::xml::failure::{Part, Parts, seconds, value};
use crate::xml::{Handler, Out, Tag, Want, walk};
use crate::{Case, Limits, Sink};

/// How many bytes of results are held, and as many of definitions: some 60,000 of each.
const HELD: usize = 16 << 20;

/// Reads TRX.
pub(crate) fn read(input: &mut dyn Read, limits: &Limits, sink: &mut dyn Sink) {
    let mut trx = Trx::default();
    let mut out = Out { sink, limits };
    walk(input, &mut trx, &mut out);
    trx.tell_all(&mut out);
}

/// What is known of a test apart from its results.
#[derive(Debug, Default)]
struct Definition {
    class: String,
    storage: String,
}

/// One result.
#[derive(Debug)]
struct Held {
    test_id: String,
    name: String,
    outcome: Outcome,
    seconds: Option<f64>,
    failure: Option<Failure>,
    at: u64,
}

impl Held {
    /// How much memory it takes, about.
    fn bytes(&self) -> usize {
        let failure = self.failure.as_ref();
        let texts = failure.map_or(0, |failure| failure.message.len() + failure.stack.len());
        size_of::<Self>() + self.test_id.len() + self.name.len() + texts
    }
}

/// The reader.
#[derive(Debug, Default)]
struct Trx {
    definitions: BTreeMap<String, Definition>,
    held: Vec<Held>,
    held_bytes: usize,
    defined_bytes: usize,
    /// Results were told without their class.
    overflow: bool,
    /// Results that are open: a data-driven one holds those of its rows.
    open: Vec<Held>,
    /// The `UnitTest` that is open: its id and what it says.
    unit: Option<(String, Definition)>,
    parts: Parts,
    suite_told: bool,
    /// An error of the run itself is open: where.
    run_error_at: Option<u64>,
}

impl Trx {
    fn start_result(&mut self, tag: &Tag<'_>, out: &mut Out<'_>) {
        if let Some(around) = self.open.last_mut() {
            around.failure = self.parts.take().or(around.failure.take());
        }
        let mut name = value(tag.attrs, b"testName", tag.at, out);
        if name.is_empty() {
            out.problem(
                tag.at,
                "a result has no test name",
                "`(no name)` stands for it",
            );
            name.push_str("(no name)");
        }
        self.open.push(Held {
            test_id: value(tag.attrs, b"testId", tag.at, out),
            name,
            outcome: outcome(tag.attrs.get(b"outcome").unwrap_or_default()),
            seconds: seconds(tag.attrs, b"duration", tag.at, out),
            failure: None,
            at: tag.at,
        });
    }

    fn end_result(&mut self, out: &mut Out<'_>) {
        let Some(mut held) = self.open.pop() else {
            return;
        };
        held.failure = self.parts.take().or(held.failure);
        self.held_bytes += held.bytes();
        if self.held_bytes < HELD {
            return self.held.push(held);
        }
        if !std::mem::replace(&mut self.overflow, true) {
            let what = "too many results to hold until their classes are known";
            out.problem(held.at, what, "later ones have no class");
        }
        self.tell(held, out);
    }

    fn start_unit(&mut self, tag: &Tag<'_>, out: &mut Out<'_>) {
        let definition = Definition {
            class: String::new(),
            storage: value(tag.attrs, b"storage", tag.at, out),
        };
        self.unit = Some((value(tag.attrs, b"id", tag.at, out), definition));
    }

    fn start_method(&mut self, tag: &Tag<'_>, out: &mut Out<'_>) {
        let class = value(tag.attrs, b"className", tag.at, out);
        if let Some((_, definition)) = &mut self.unit {
            let (name, _assembly) = class.split_once(',').unwrap_or((&class, ""));
            name.clone_into(&mut definition.class);
        }
    }

    fn end_unit(&mut self) {
        let Some((id, definition)) = self.unit.take() else {
            return;
        };
        let bytes = id.len() + definition.class.len() + definition.storage.len();
        self.defined_bytes += size_of::<Definition>() + bytes;
        if self.defined_bytes < HELD {
            self.definitions.insert(id, definition);
        }
    }

    fn tell_all(&mut self, out: &mut Out<'_>) {
        for held in std::mem::take(&mut self.held) {
            self.tell(held, out);
        }
    }

    fn tell(&mut self, held: Held, out: &mut Out<'_>) {
        let known = self.definitions.get(&held.test_id);
        let suite = known.map_or("", |known| file_name(&known.storage));
        let class = known.map(|known| known.class.as_str());
        if !std::mem::replace(&mut self.suite_told, true) {
            out.sink.suite(suite, None);
        }
        out.sink.case(Case {
            seconds: held.seconds,
            failure: held.failure.filter(|_| held.outcome != Outcome::Pass),
            ..Case::new(
                suite,
                class.filter(|class| !class.is_empty()),
                &held.name,
                held.outcome,
            )
        });
    }
}

/// The last part of a path of Windows or Unix.
fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

fn outcome(word: &[u8]) -> Outcome {
    match word.to_ascii_lowercase().as_slice() {
        b"passed" | b"warning" | b"completed" => Outcome::Pass,
        b"failed" => Outcome::Fail,
        b"error" | b"timeout" | b"aborted" | b"passedbutrunaborted" | b"disconnected" | b"" => {
            Outcome::Error
        }
        _ => Outcome::Skip,
    }
}

impl Handler for Trx {
    fn start(&mut self, tag: &Tag<'_>, out: &mut Out<'_>) -> Want {
        match tag.name {
            b"UnitTestResult"
            | b"TestResult"
            | b"GenericTestResult"
            | b"WebTestResult"
            | b"ManualTestResult"
            | b"LoadTestResult"
            | b"TestResultAggregation" => {
                self.start_result(tag, out);
            }
            b"UnitTest" | b"GenericTest" | b"OrderedTest" => self.start_unit(tag, out),
            b"TestMethod" => self.start_method(tag, out),
            b"Message" if !self.open.is_empty() => {
                self.parts.part = Part::Message;
                return Want::Text;
            }
            b"StackTrace" if !self.open.is_empty() => {
                self.parts.part = Part::Stack;
                return Want::Text;
            }
            b"RunInfo" if tag.attrs.get(b"outcome") == Some(b"Error") => {
                self.run_error_at = Some(tag.at);
            }
            b"Text" if self.run_error_at.is_some() => {
                self.parts.part = Part::Message;
                return Want::Text;
            }
            b"TestRun" | b"Results" | b"InnerResults" | b"Output" | b"ErrorInfo"
            | b"TestDefinitions" | b"ResultSummary" | b"RunInfos" => {}
            _ => return Want::Nothing,
        }
        Want::Children
    }

    fn text(&mut self, raw: &[u8], cdata: bool, out: &mut Out<'_>) {
        let at = self.open.last().map_or(0, |held| held.at);
        self.parts.push(raw, cdata, at, out);
    }

    fn end(&mut self, name: &[u8], _truncated: bool, out: &mut Out<'_>) {
        self.parts.part = Part::Nothing;
        match name {
            b"UnitTest" | b"GenericTest" | b"OrderedTest" => self.end_unit(),
            b"RunInfo" => {
                if let Some(at) = self.run_error_at.take() {
                    let said = self.parts.take().unwrap_or_default().message;
                    let said: String = said.chars().take(200).collect();
                    out.problem(
                        at,
                        format!("an error of the run: {said}"),
                        "not counted as a test",
                    );
                }
            }
            name if name.ends_with(b"Result") || name == b"TestResultAggregation" => {
                self.end_result(out);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::testing::said;

    fn trx(text: &str) -> String {
        said(
            |input, limits, sink| super::read(input, limits, sink),
            text.as_bytes(),
        )
        .text()
    }

    #[test]
    fn results_are_joined_to_classes_that_come_later() {
        let text = trx(
            "<TestRun><Results>
             <UnitTestResult testId='1' testName='a' outcome='Failed' duration='00:00:01.5000000'><Output>
               <StdOut>noise</StdOut><ErrorInfo><Message>m</Message><StackTrace>at a</StackTrace></ErrorInfo></Output></UnitTestResult>
             <UnitTestResult testId='2' testName='a' outcome='Passed'/>
             <UnitTestResult testId='3' testName='b' outcome='NotExecuted'/>
             <UnitTestResult testId='3' testName='c' outcome='Timeout'/>
             </Results><TestDefinitions>
             <UnitTest id='1' storage='c:\\w\\p\\x.dll'><TestMethod className='N.A, x, Version=1.0' name='a'/></UnitTest>
             <UnitTest id='2' storage='c:/w/p/x.dll'><TestMethod className='N.B' name='a'/></UnitTest>
             </TestDefinitions></TestRun>",
        );
        assert_snapshot!(text, @r#"
        suite x.dll
        fail x.dll | N.A › a 1.5s "m" +stack
        pass x.dll | N.B › a
        skip  | b
        error  | c
        "#);
    }

    #[test]
    fn more_results_than_are_held_are_told_without_their_class() {
        let result = |number: usize| {
            format!("<UnitTestResult testId='1' testName='t{number:0>200}' outcome='Passed'/>")
        };
        let results: String = (0..100_000).map(result).collect();
        let text = trx(&format!("<TestRun><Results>{results}</Results></TestRun>"));
        assert_eq!(
            text.lines().filter(|line| line.starts_with("pass")).count(),
            100_000
        );
        assert_eq!(
            text.lines()
                .filter(|line| line.starts_with("problem"))
                .count(),
            1
        );
    }

    #[test]
    fn rows_of_a_data_driven_test_count_besides_it() {
        let text = trx(
            "<TestRun><Results><UnitTestResult testId='1' testName='a' outcome='Failed'><InnerResults>
             <UnitTestResult testId='1' testName='a (row 0)' outcome='Passed'/>
             <UnitTestResult testId='1' testName='a (row 1)' outcome='Failed'><Output><ErrorInfo><Message>m</Message></ErrorInfo></Output></UnitTestResult>
             </InnerResults></UnitTestResult></Results></TestRun>",
        );
        assert_snapshot!(text, @r#"
        suite 
        pass  | a (row 0)
        fail  | a (row 1) "m"
        fail  | a
        "#);
    }

    #[test]
    fn an_error_of_the_run_is_a_problem() {
        let text = trx(
            "<TestRun><ResultSummary><RunInfos><RunInfo outcome='Error'><Text>host crashed</Text></RunInfo></RunInfos></ResultSummary></TestRun>",
        );
        assert_snapshot!(text, @"problem byte 34: an error of the run: host crashed (not counted as a test)");
    }
}
