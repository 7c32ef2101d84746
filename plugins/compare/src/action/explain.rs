//! Why a workflow run failed: by a failing test that an artifact shows, or for something that no artifact shows.

use model::{Place, Problem};

use super::compare::Tested;

/// A finished run, as far as it is known.
#[derive(Clone, Copy, Debug)]
struct Ended<'a> {
    jobs: &'a [github::Job],
    tested: &'a [Tested],
    attempt: u32,
}

/// The jobs of a failed run that failed without a failing test to show for it.
///
/// Artifacts and jobs of one name belong together; of what is left, each failing artifact explains one failed job, because a job may have a title of its own. What an
/// earlier attempt left explains nothing of a job that ran again.
pub(super) fn unexplained(jobs: &[github::Job], tested: &[Tested], attempt: u32) -> Vec<Problem> {
    let ended = Ended {
        jobs,
        tested,
        attempt,
    };
    let red = || jobs.iter().filter(|job| is_red(job));
    let silent = red().filter(|job| ended.of(job).is_some_and(|of| !ended.explains(of, job)));
    let titled = red().filter(|job| ended.of(job).is_none());
    let mut unexplained: Vec<Problem> = silent
        .chain(titled.skip(ended.spare()))
        .map(problem_of_job)
        .collect();
    if red().next().is_none() {
        // It failed without a failed job: its file could not be read, or it could not start.
        unexplained.push(problem_of_run("none of its jobs says why"));
    }
    unexplained
}

impl Ended<'_> {
    /// The artifact of a job, by its name.
    fn of(&self, job: &github::Job) -> Option<&Tested> {
        self.tested.iter().find(|of| same_name(&of.job, &job.name))
    }

    fn explains(&self, of: &Tested, job: &github::Job) -> bool {
        fails(of) && (of.is_new || job.run_attempt < u64::from(self.attempt))
    }

    /// How many failing artifacts have no job of their name.
    fn spare(&self) -> usize {
        let of_nobody = |of: &&Tested| !self.jobs.iter().any(|job| same_name(&of.job, &job.name));
        let lone = self.tested.iter().filter(of_nobody);
        lone.filter(|of| of.is_new && fails(of)).count()
    }
}

fn is_red(job: &github::Job) -> bool {
    !matches!(
        job.conclusion.as_str(),
        "success" | "skipped" | "neutral" | ""
    )
}

/// Whether a job has a failing test, or nothing at all, which is an outage.
fn fails(of: &Tested) -> bool {
    let results = &of.loaded.run.results;
    results.is_empty() || results.iter().any(|result| result.outcome().is_failure())
}

/// Whether an artifact names a job: names of artifacts cannot have every character that titles have.
fn same_name(artifact: &str, job: &str) -> bool {
    let words = |text: &str| -> Vec<String> {
        let words = text
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty());
        words.map(str::to_lowercase).collect()
    };
    words(artifact) == words(job)
}

fn problem_of_job(job: &github::Job) -> Problem {
    Problem {
        file: format!("job {}", job.name),
        place: Place::File,
        what: format!("it ended with `{}`, and no artifact has a failing test of it", job.conclusion),
        hint: "let it upload its results also when it fails, or keep jobs without tests in another workflow".to_owned(),
    }
}

pub(super) fn problem_of_run(why: &str) -> Problem {
    Problem {
        file: "the workflow run".to_owned(),
        place: Place::File,
        what: format!("it failed, and {why}"),
        hint: "look at the run; when it is repaired, run it again".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use github::Job;
    use model::{Attempt, Outcome, TestName, TestResult};

    use super::{Tested, same_name, unexplained};
    use crate::load::Loaded;

    fn job(name: &str, conclusion: &str, run_attempt: u64) -> Job {
        Job {
            name: name.to_owned(),
            conclusion: conclusion.to_owned(),
            run_attempt,
            ..Job::default()
        }
    }

    fn artifact(job: &str, outcome: Outcome, is_new: bool) -> Tested {
        let mut loaded = Loaded::default();
        loaded.run.results.push(TestResult {
            test: TestName::new("s", None, "t"),
            attempts: vec![Attempt::of(outcome)],
        });
        Tested {
            job_id: job.to_owned(),
            job: job.to_owned(),
            loaded,
            is_new,
        }
    }

    /// The names of what is not explained.
    fn of(jobs: &[Job], tested: &[Tested]) -> Vec<String> {
        let problems = unexplained(jobs, tested, 2);
        problems.into_iter().map(|problem| problem.file).collect()
    }

    #[test]
    fn a_failed_job_needs_a_failing_test() {
        let red = artifact("unit", Outcome::Fail, true);
        let jobs = [job("Unit", "failure", 2), job("lint", "success", 2)];
        assert_eq!(of(&jobs, std::slice::from_ref(&red)), [""; 0]);
        let green = artifact("unit", Outcome::Pass, true);
        assert_eq!(of(&jobs, &[green]), ["job Unit"]);
        let crashed = [job("unit", "failure", 2), job("e2e (3.12)", "timed_out", 2)];
        assert_eq!(of(&crashed, &[red]), ["job e2e (3.12)"]);
        assert_eq!(of(&[], &[]), ["the workflow run"]);
    }

    #[test]
    fn a_job_may_have_a_title_of_its_own() {
        let jobs = [
            job("unit tests on Linux", "failure", 2),
            job("docs", "failure", 2),
        ];
        let red = artifact("linux", Outcome::Fail, true);
        assert_eq!(of(&jobs[..1], std::slice::from_ref(&red)), [""; 0]);
        assert_eq!(of(&jobs, &[red]), ["job docs"]);
    }

    #[test]
    fn what_an_earlier_attempt_left_explains_no_job_that_ran_again() {
        let left = artifact("unit", Outcome::Fail, false);
        assert_eq!(
            of(&[job("unit", "failure", 2)], std::slice::from_ref(&left)),
            ["job unit"]
        );
        assert_eq!(of(&[job("unit", "failure", 1)], &[left]), [""; 0]);
    }

    #[test]
    fn names_are_compared_by_their_words() {
        assert!(same_name("unit-3.12-ubuntu", "unit (3.12, ubuntu)"));
        assert!(!same_name("unit", "unit (3.12)"));
    }
}
