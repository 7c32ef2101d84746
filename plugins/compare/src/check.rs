//! `check`: a run against a history, a verdict for every failure.

mod own;

use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;
use std::mem::ManuallyDrop;
use std::path::Path;
use std::{panic, thread};

use formats::Limits;
use history::{BaselineOf, BaselineRead, Filter, History, Lane, Needed};
use host::{Exit, GitFacts};
use model::{Conclusion, Problem, RecordedRun, Report, RunInfo, TestId, TestRun, Timestamp};
use report::{MarkdownOptions, Style};
use verdict::{Baseline, Facts, OtherPrs};

use self::own::Own;
use crate::action::outputs;
use crate::cli::Check;
use crate::context::Context;
use crate::error::Error;
use crate::identify::{Sources, identify};
use crate::load::Loaded;
use crate::record::parse_time;
use crate::remote;
use crate::scope::Scope;
use crate::{load, resolve, settings};

/// Days in which a run of the same commit counts as a rerun, and failures of other pull requests are looked at.
const RECENT_DAYS: f64 = 3.0;

/// No list of changed files is longer: half a million paths.
const MOST_LIST_BYTES: u64 = 64 << 20;

/// GitHub's limit for a comment, in characters.
const COMMENT_LIMIT: usize = 65_536;

pub(crate) fn run(arguments: &Check, context: &Context) -> Result<Exit, Error> {
    let compared = compare(arguments, context)?;
    write_files(arguments, &compared)?;
    let text = if arguments.json {
        report::json(&compared)
    } else {
        report::terminal(&compared, &style(context))
    };
    context.print(&text)?;
    Ok(exit(&compared))
}

/// How a terminal is written to.
pub(crate) fn style(context: &Context) -> Style {
    Style {
        color: context.console.color,
        width: context.console.width,
    }
}

/// The exit code that a report asks for: 3 when Sprag could not decide, never success by accident.
pub(crate) fn exit(compared: &Report) -> Exit {
    match compared.conclusion {
        Conclusion::Clear => Exit::Clear,
        Conclusion::Blocked => Exit::Blocked,
        Conclusion::Undecided => Exit::Undecided,
    }
}

/// Writes the pages that the user asked for.
pub(crate) fn write_files(arguments: &Check, compared: &Report) -> Result<(), Error> {
    if let Some(path) = &arguments.html {
        outputs::write(Path::new(path), &report::html(compared))?;
    }
    if let Some(path) = &arguments.markdown {
        let options = MarkdownOptions {
            key: format!("sprag-compare {}", compared.subject.run.key.job),
            limit: COMMENT_LIMIT,
            ..MarkdownOptions::default()
        };
        outputs::write(Path::new(path), &report::markdown(compared, &options))?;
    }
    Ok(())
}

/// Reads the run and the history, and judges.
pub(crate) fn compare(arguments: &Check, context: &Context) -> Result<Report, Error> {
    let config = settings::load(arguments.config.as_deref(), arguments.fail_on.as_deref())?;
    let patterns: Vec<String> = arguments
        .files
        .iter()
        .chain(&arguments.results)
        .cloned()
        .collect();
    let files = host::expand(&patterns)?;
    let (git, loaded) = side_by_side(Context::git, || load::collect(&files, &Limits::default()));
    let sources = Sources {
        ci: context.ci(),
        git,
    };
    let at = match &arguments.at {
        Some(text) => parse_time(text, "--at")?,
        None => context.now,
    };
    let history = remote::open(&arguments.store.history, context)?;
    let started_at = loaded.run.started_at.unwrap_or(at);
    let info = info(arguments, &history, &sources, started_at)?;
    let ((changed_files, merge_base), read) = side_by_side(
        || {
            (
                changed_files(arguments, &info),
                merge_base(arguments, &info),
            )
        },
        || {
            let (of, ids) = (of(&info, at), ids_of(&loaded.run));
            let needed = needed(&ids, &info);
            match &arguments.at {
                Some(_) => history.baseline(&of, Some(&needed)),
                None => history.baseline_now(&of, Some(&needed)),
            }
        },
    );
    let subject = Subject {
        info,
        merge_base,
        at,
        is_new: true,
    };
    // The process ends after this: taking fifty thousand tests apart again would be time for nothing.
    let past = ManuallyDrop::new(Past::of(&history, &subject, read?)?);
    Ok(judge(&config, &subject, loaded, &past, &changed_files?))
}

/// The run under judgement, and as of when.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    /// The run.
    pub(crate) info: RunInfo,
    /// Where the change left the base; empty when unknown.
    pub(crate) merge_base: String,
    /// Nothing recorded later is used.
    pub(crate) at: Timestamp,
    /// Whether these are the results of this attempt: those of an earlier one are recorded, and no rerun of themselves.
    pub(crate) is_new: bool,
}

/// What history says of a subject.
#[derive(Debug, Default)]
pub(crate) struct Past {
    baseline: Baseline,
    recent: Recent,
    problems: Vec<Problem>,
}

impl Past {
    /// Reads it for the tests of a run.
    pub(crate) fn read(history: &History, subject: &Subject, run: &TestRun) -> Result<Self, Error> {
        let ids = ids_of(run);
        let needed = needed(&ids, &subject.info);
        let read = history.baseline_now(&of(&subject.info, subject.at), Some(&needed))?;
        Self::of(history, subject, read)
    }

    fn of(history: &History, subject: &Subject, mut read: BaselineRead) -> Result<Self, Error> {
        let own = Own {
            info: &subject.info,
            merge_base: &subject.merge_base,
        };
        if own.is_in(&read.baseline) {
            read = own::replay_without(own, history, subject.at)?;
        }
        let mut problems = read.problems;
        let mut recent = Recent::read(history, &subject.info, subject.at, &mut problems)?;
        if !subject.is_new {
            let run = &subject.info.key.run;
            recent.reruns.retain(|of| of.info.key.run != *run);
        }
        Ok(Self {
            baseline: read.baseline,
            recent,
            problems,
        })
    }
}

/// Gives every failure of a run its verdict.
pub(crate) fn judge(
    config: &verdict::Config,
    subject: &Subject,
    loaded: Loaded,
    past: &Past,
    changed_files: &[String],
) -> Report {
    let (mut run, mut problems) = (loaded.run, loaded.problems);
    problems.extend(past.problems.iter().cloned());
    resolve::resolve(&mut run, &past.baseline.names);
    let reruns = with_passes(&past.recent.reruns, &run);
    verdict::judge(
        config,
        &past.baseline,
        &Facts {
            info: &subject.info,
            run: &run,
            base: &subject.info.key.branch,
            merge_base: &subject.merge_base,
            changed_files,
            other_prs: &past.recent.other_prs,
            reruns: &reruns,
            at: subject.at,
            lost_input: loaded.lost,
            problems: &problems,
        },
    )
}

/// Attempts on the same sources. A history on a branch does not list what passed on a pull request: of such an attempt it follows.
fn with_passes(reruns: &[RecordedRun], run: &TestRun) -> Vec<RecordedRun> {
    if reruns.is_empty() {
        return Vec::new();
    }
    let tests: BTreeSet<TestId> = run.results.iter().map(|result| result.test.id()).collect();
    let mut reruns = reruns.to_vec();
    for rerun in &mut reruns {
        history::list_passes(rerun, &tests);
    }
    reruns
}

/// Does two things at once: one waits for other processes, the other computes.
pub(crate) fn side_by_side<A: Send, B>(
    other: impl FnOnce() -> A + Send,
    this: impl FnOnce() -> B,
) -> (A, B) {
    thread::scope(|scope| {
        let other = scope.spawn(other);
        let this = this();
        let other = other.join();
        (other.unwrap_or_else(|why| panic::resume_unwind(why)), this)
    })
}

/// The run under judgement. What neither the arguments nor the CI environment say is what the history holds, where it holds only one.
fn info(
    arguments: &Check,
    history: &History,
    sources: &Sources,
    started_at: Timestamp,
) -> Result<RunInfo, Error> {
    let mut info = identify(
        &arguments.run,
        sources,
        arguments.base.as_deref(),
        started_at,
    );
    let scope = Scope {
        repo: given(arguments.run.repo.as_ref()).or(some(&sources.ci.repo)),
        branch: given(arguments.base.as_ref()).or(some(&sources.ci.branch)),
        job: given(arguments.run.job.as_ref()).or(some(&sources.ci.job)),
    };
    if !scope.is_known() {
        scope.fill(&mut info.key, &history.partitions()?)?;
    }
    Ok(info)
}

/// A flag; empty is a variable that was not set.
fn given(flag: Option<&String>) -> Option<&str> {
    flag.and_then(|text| some(text))
}

fn some(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

/// The base of a run, as of a moment.
fn of(info: &RunInfo, at: Timestamp) -> BaselineOf {
    BaselineOf {
        repo: info.key.repo.clone(),
        branch: info.key.branch.clone(),
        at,
    }
}

/// The tests of a run, in rising order.
fn ids_of(run: &TestRun) -> Vec<TestId> {
    let ids: BTreeSet<TestId> = run.results.iter().map(|result| result.test.id()).collect();
    ids.into_iter().collect()
}

/// What is needed of the base: the tests of the run, and its job.
fn needed<'a>(ids: &'a [TestId], info: &'a RunInfo) -> Needed<'a> {
    Needed {
        ids,
        job: Some(&info.key.job),
    }
}

/// What pull requests did in the last days.
#[derive(Debug, Default)]
struct Recent {
    other_prs: OtherPrs,
    reruns: Vec<RecordedRun>,
}

impl Recent {
    fn read(
        history: &History,
        info: &RunInfo,
        at: Timestamp,
        problems: &mut Vec<Problem>,
    ) -> Result<Self, Error> {
        let filter = Filter {
            lane: Some(Lane::Pr),
            from: Some(at.plus_days(-RECENT_DAYS)),
            until: Some(at),
            ..Filter::base(&info.key.repo, &info.key.branch)
        };
        let mut recent = Self {
            other_prs: OtherPrs::default(),
            reruns: Vec::new(),
        };
        let mut runs = history.runs(&filter)?;
        for run in &mut runs {
            recent.take(run, info);
        }
        problems.extend(runs.finish()?);
        Ok(recent)
    }

    fn take(&mut self, run: RecordedRun, info: &RunInfo) {
        // A merge group holds pull requests: what fails on one of them excuses nothing.
        if info.pr.is_some() {
            self.other_prs.observe(&run);
        }
        let same_source = !info.commit.is_empty() && run.info.commit == info.commit;
        if same_source && run.info.key.job == info.key.job && run.info.key != info.key {
            self.reruns.push(run);
        }
    }
}

fn merge_base(arguments: &Check, info: &RunInfo) -> String {
    let asked = || GitFacts::merge_base(Path::new("."), &info.key.branch);
    given(arguments.merge_base.as_ref()).map_or_else(asked, str::to_owned)
}

/// The changed files: those of the arguments, else what git says differs from the merge base.
fn changed_files(arguments: &Check, info: &RunInfo) -> Result<Vec<String>, Error> {
    let Some(list) = &arguments.changed_files else {
        let base = given(arguments.merge_base.as_ref()).unwrap_or(&info.key.branch);
        return Ok(GitFacts::changed_files(Path::new("."), base));
    };
    let text = match list.strip_prefix('@') {
        Some(file) => read_list(Path::new(file))?,
        None if is_list(Path::new(list)) => read_list(Path::new(list))?,
        None => list.clone(),
    };
    let paths = text
        .split([',', '\n', '\0'])
        .map(str::trim)
        .filter(|path| !path.is_empty());
    Ok(paths.map(str::to_owned).collect())
}

/// The text of a file that is no longer than a list of paths can be.
fn bounded(file: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    let file = fs::File::open(file)?;
    let read = file.take(MOST_LIST_BYTES + 1).read_to_string(&mut text)?;
    if read as u64 > MOST_LIST_BYTES {
        return Err(std::io::Error::other("too long for a list of files"));
    }
    Ok(text)
}

/// Whether a file holds one path a line, rather than being one of the changed files itself.
fn is_list(file: &Path) -> bool {
    let like_a_path = |line: &str| {
        !line.starts_with([' ', '\t', '#', '/'])
            && line.contains(['/', '.'])
            && !line.contains([';', '{', '('])
    };
    bounded(file).is_ok_and(|text| !text.trim().is_empty() && text.lines().all(like_a_path))
}

fn read_list(file: &Path) -> Result<String, Error> {
    bounded(file).map_err(|source| {
        Error::argument(
            format!("cannot read {}: {source}", file.display()),
            "--changed-files takes a file with one path a line, or paths separated by commas",
        )
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use model::{Outcome, RecordedRun, RecordedTest, RunInfo, Signature, TestId};
    use verdict::OtherPrs;

    use super::{Recent, changed_files};
    use crate::cli::Check;

    fn changed(list: &str) -> Vec<String> {
        let arguments = Check {
            changed_files: Some(list.to_owned()),
            ..Check::default()
        };
        changed_files(&arguments, &RunInfo::default()).unwrap()
    }

    #[test]
    fn changed_files_are_a_list_or_a_file_that_holds_one() {
        let dir = tempfile::tempdir().unwrap();
        let list = dir.path().join("changed.txt");
        fs::write(&list, "src/a.rs\nsrc/b.rs\n").unwrap();
        assert_eq!(changed("src/a.rs,src/b.rs"), ["src/a.rs", "src/b.rs"]);
        assert_eq!(
            changed(&list.display().to_string()),
            ["src/a.rs", "src/b.rs"]
        );
        assert_eq!(
            changed(&format!("@{}", list.display())),
            ["src/a.rs", "src/b.rs"]
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_list_without_an_end_is_refused() {
        let arguments = Check {
            changed_files: Some("@/dev/zero".to_owned()),
            ..Check::default()
        };
        assert!(changed_files(&arguments, &RunInfo::default()).is_err());
    }

    #[test]
    fn a_changed_source_file_is_not_read_as_a_list() {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("a.rs");
        fs::write(&source, "fn main() {\n    run();\n}\n").unwrap();
        let path = source.display().to_string();
        assert_eq!(changed(&path), [path]);
    }

    #[test]
    fn what_fails_on_pull_requests_excuses_nothing_in_a_group_of_them() {
        let mut failing = RecordedRun::default();
        failing.info.pr = Some(7);
        failing.rows = vec![RecordedTest {
            id: TestId(1),
            outcome: Outcome::Fail,
            flaked: false,
            duration_ms: None,
            signature: Some(Signature(1)),
        }];
        let seen = |pr: Option<u64>| {
            let mut recent = Recent::default();
            let info = RunInfo {
                pr,
                ..RunInfo::default()
            };
            recent.take(failing.clone(), &info);
            recent.other_prs != OtherPrs::default()
        };
        assert_eq!((seen(Some(8)), seen(None)), (true, false));
    }
}
