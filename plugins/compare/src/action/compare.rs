//! Compares the jobs of a change with history, publishes what comes out, and records the runs as those of the change.

use formats::Limits;
use history::History;
use host::Exit;
use model::{Place, Problem, RecordedRun, Report, Timestamp};

use super::Step;
use super::gather::{Earlier, Job};
use super::outputs::{self, worst};
use super::target::Target;
use crate::check::{self, Subject};
use crate::error::Error;
use crate::load::{self, Loaded};

/// The results of one job.
#[derive(Debug)]
pub(super) struct Tested {
    /// The job id of the workflow, as far as it is known.
    pub(super) job_id: String,
    /// The job, with its matrix values.
    pub(super) job: String,
    /// Its results.
    pub(super) loaded: Loaded,
    /// Whether the attempt that is looked at made them: what an earlier attempt left is recorded already.
    pub(super) is_new: bool,
}

/// A job that was compared.
#[derive(Debug)]
pub(super) struct Compared {
    /// The job id of the workflow.
    pub(super) job_id: String,
    /// What was found.
    pub(super) report: Report,
    /// The run, as it is recorded.
    pub(super) run: RecordedRun,
    /// See [`Tested::is_new`].
    pub(super) is_new: bool,
    /// Whether results are missing.
    lost: bool,
}

/// What came out, and what it takes to publish it.
#[derive(Debug)]
struct Judged {
    compared: Vec<Compared>,
    history: Option<History>,
    comment: Earlier,
}

impl Step<'_> {
    /// Compares the results that lie in the checkout: one job.
    pub(super) fn compare_checkout(&self, target: Target) -> Result<Exit, Error> {
        let target = self.target.get_or_init(|| target);
        let id = self.context.ci().job;
        let tested = Tested {
            job: self.inputs.job(&id),
            job_id: id,
            loaded: self.load()?,
            is_new: true,
        };
        self.compare(target, vec![tested])
    }

    /// The results. Files that a job did not write are an answer of their own: an outage, never a success.
    pub(super) fn load(&self) -> Result<Loaded, Error> {
        let mut loaded = match host::expand(&self.inputs.patterns()) {
            Ok(files) => load::collect(&files, &Limits::default()),
            Err(missing @ host::FilesError::NothingMatches { .. }) => {
                self.warn(&missing.to_string());
                Loaded::default()
            }
            Err(error) => return Err(error.into()),
        };
        self.note_outcome(&mut loaded)?;
        Ok(loaded)
    }

    /// A test step that ended otherwise than its results show: a part of the tests crashed, did not compile or did not run, and left no results.
    pub(super) fn note_outcome(&self, loaded: &mut Loaded) -> Result<(), Error> {
        let results = &loaded.run.results;
        let fails = results.iter().any(|of| of.outcome().is_failure());
        let outcome = self.inputs.outcome()?;
        let unexplained = match outcome {
            "failure" => !fails,
            "cancelled" | "skipped" => true,
            _ => false,
        };
        // Without any result there is an outage already.
        if unexplained && !results.is_empty() {
            let problem = Problem {
                file: "the step with the tests".to_owned(),
                place: Place::File,
                what: format!("it ended with `{outcome}`, and no test in its results says why"),
                hint:
                    "look at its log: something besides the tests failed, or some left no results"
                        .to_owned(),
            };
            self.warn(&problem.to_string());
            loaded.problems.push(problem);
            loaded.lost = true;
        }
        Ok(())
    }

    /// Compares jobs with history and says so everywhere.
    pub(super) fn compare(&self, target: &Target, tested: Vec<Tested>) -> Result<Exit, Error> {
        let Judged {
            mut compared,
            history,
            comment,
        } = self.judge(target, tested)?;
        self.place(target, &mut compared);
        let reports: Vec<Report> = compared.iter().map(|of| of.report.clone()).collect();
        let left = self.leave_behind(target, &reports);
        // The answer is published also when a file for later steps cannot be written.
        let url = self.publish(target, history, comment, &compared);
        let url = url.unwrap_or_default();
        if let Err(error) =
            left.and_then(|()| outputs::write_output(&self.context.env, "url", &url))
        {
            self.warn(&error.to_string());
            return Ok(Exit::Undecided);
        }
        Ok(self.exit(worst(&reports), compared.iter().all(passes)))
    }

    fn judge(&self, target: &Target, tested: Vec<Tested>) -> Result<Judged, Error> {
        let subjects: Vec<Subject> = tested.iter().map(|of| self.subject(target, of)).collect();
        let jobs = subjects.iter().zip(&tested).map(|(subject, of)| Job {
            subject,
            run: &of.loaded.run,
        });
        let gathered = self.gather(target, &jobs.collect::<Vec<_>>())?;
        let config = self.config(target, &gathered.changed)?;
        let changed_files = &gathered.changed.files;
        let all = subjects.iter().zip(tested).zip(&gathered.pasts);
        let compared = all.map(|((subject, of), past)| {
            let mut info = subject.info.clone();
            info.partial |= of.loaded.lost;
            Compared {
                job_id: of.job_id,
                run: RecordedRun::of(info, &of.loaded.run),
                is_new: of.is_new,
                lost: of.loaded.lost,
                report: check::judge(&config, subject, of.loaded, past, changed_files),
            }
        });
        Ok(Judged {
            compared: compared.collect(),
            history: gathered.history,
            comment: gathered.comment,
        })
    }

    fn subject(&self, target: &Target, tested: &Tested) -> Subject {
        let now: Timestamp = self.now();
        let started_at = tested.loaded.run.started_at.unwrap_or(now);
        Subject {
            info: target.info(&tested.job, started_at),
            merge_base: target.base_commit.clone(),
            at: now,
            is_new: tested.is_new,
        }
    }

    /// Outputs, files, summary, annotations and the log.
    fn leave_behind(&self, target: &Target, reports: &[Report]) -> Result<(), Error> {
        let env = &self.context.env;
        let folder = outputs::folder(env);
        for report in reports {
            self.context
                .print(&report::terminal(report, &check::style(self.context)))?;
        }
        let json = folder.join("sprag-compare.json");
        let html = match self.inputs.html.as_str() {
            "" => folder.join("sprag-compare.html"),
            path => path.into(),
        };
        outputs::write(&json, &publishable_json(reports))?;
        outputs::write(&html, &publishable_html(reports))?;
        outputs::write_counts(env, reports)?;
        outputs::write_output(env, "json", &json.display().to_string())?;
        outputs::write_output(env, "html", &html.display().to_string())?;
        if self.publishing.summary {
            outputs::write_summary(env, &self.summary(target, reports))?;
        }
        if self.publishing.annotations {
            self.context.print(&Self::annotations(reports))?;
        }
        Ok(())
    }
}

/// Whether all tests of a job ran and passed.
fn passes(of: &Compared) -> bool {
    !of.lost && of.report.findings.is_empty() && of.report.totals.tests > 0
}

/// One report is an object, as `check --json` prints it; several are an array of them.
fn publishable_json(reports: &[Report]) -> String {
    match reports {
        [one] => report::json(one),
        several => {
            let all: Vec<String> = several.iter().map(report::json).collect();
            format!("[{}]\n", all.join(",").trim_end())
        }
    }
}

/// The page of the worst report: the first that blocks, else the first.
fn publishable_html(reports: &[Report]) -> String {
    let conclusion = worst(reports);
    let worst = reports.iter().find(|of| of.conclusion == conclusion);
    worst
        .or(reports.first())
        .map(report::html)
        .unwrap_or_default()
}
