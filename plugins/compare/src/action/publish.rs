//! What is written to GitHub: planned as desired states, then applied, and brought up to date when other jobs of the change report meanwhile.

use std::path::Path;
use std::time::Duration;

use github::{Done, Limits, Repo};
use history::History;
use host::GitFacts;
use model::{CheckConclusion, Conclusion, Effect, Report, StatusState};
use report::{Gaps, MarkdownOptions, Merged};

use super::Step;
use super::compare::Compared;
use super::gather::Earlier;
use super::inputs::{CommentMode, OnUndecided};
use super::meeting::Met;
use super::target::Target;

/// How often a job looks whether others reported while it wrote. Each look that finds something is another job's end, and a workflow has at
/// most 256 jobs.
const MOST_ROUNDS: usize = 256;

/// GitHub's limit of a comment, in characters.
const COMMENT_LIMIT: usize = 65_536;

impl Step<'_> {
    /// Whether the comment of a target is ours to write.
    pub(super) fn comments(&self, target: &Target) -> bool {
        self.publishing.comment != CommentMode::Off && target.may_write
    }

    /// The hidden first line of the comment.
    pub(super) fn marker(&self) -> String {
        report::marker(&self.comment_key())
    }

    /// The key of the comment: one for a change; where jobs cannot meet, one for each job.
    fn comment_key(&self) -> String {
        let name = &self.publishing.name;
        if self.jobs_meet() {
            format!("sprag-compare {name}")
        } else {
            format!("sprag-compare {name} {}", self.job())
        }
    }

    /// The name of the status and of the check run.
    fn context_name(&self) -> String {
        let name = &self.publishing.name;
        if self.jobs_meet() {
            name.clone()
        } else {
            format!("{name} ({})", self.job())
        }
    }

    fn job(&self) -> String {
        self.inputs.job(&self.context.ci().job)
    }

    /// Writes the answer to GitHub and gives the address of the comment. What the token may not do is a warning, never the end of the job.
    pub(super) fn publish(
        &self,
        target: &Target,
        history: Option<History>,
        mut comment: Earlier,
        compared: &[Compared],
    ) -> Option<String> {
        let history = self.writable(target, history);
        let mut met = self.meet(target, history.as_ref(), compared);
        let repo = self.repo.as_ref();
        let Some(repo) = repo.filter(|_| target.may_write) else {
            self.notice(
                "the answer is in the job summary only: this run may not write to the pull request",
            );
            return None;
        };
        let mut url = None;
        for _ in 0..MOST_ROUNDS {
            close_others(repo, target, &mut met);
            url = self.apply(repo, &self.plan(target, &met, comment)).or(url);
            if url.is_some() {
                comment = Earlier::There;
            }
            let looks = history.is_some() && met.is_together();
            let now = looks.then(|| self.look_again(target)).flatten();
            if !now.is_some_and(|now| met.learn(now)) {
                break;
            }
        }
        url
    }

    /// What should be at GitHub. The status and the check run are those of the commit, the comment is that of the pull request.
    fn plan(&self, target: &Target, met: &Met, comment: Earlier) -> Vec<Effect> {
        let mut effects = Vec::new();
        if let Some(pr) = target.pr.filter(|_| self.comments(target)) {
            let known = met.of_pull(pr);
            let merged = report::merged(&known.parts, &known.gaps);
            let create =
                self.publishing.comment == CommentMode::Always || is_worth_a_comment(&merged);
            if create || comment != Earlier::Absent {
                effects.push(self.comment_effect(target, (pr, create), &merged));
            }
        }
        let known = met.all(target.pr);
        let merged = report::merged(&known.parts, &known.gaps);
        if self.publishing.status {
            effects.push(self.status_effect(target, &merged));
        }
        if self.publishing.check_run {
            effects.push(self.check_run_effect(target, &merged));
        }
        effects
    }

    /// Takes back an answer that an earlier attempt may have given, when this one cannot give any: no green status outlives a failure of Sprag.
    pub(super) fn publish_undecided(&self, target: &Target, why: &str) {
        let repo = self.repo.as_ref().filter(|_| target.may_write);
        // It may well be GitHub that fails: nobody waits for it a second time.
        let Some(Ok(repo)) = repo.map(|repo| repo.with_limits(brief())) else {
            return;
        };
        let unknown = vec![format!("sprag could not decide: {why}")];
        let gaps = Gaps {
            unknown,
            ..Gaps::default()
        };
        let merged = report::merged(&[], &gaps);
        let mut effects = Vec::new();
        if self.publishing.status {
            effects.push(Effect::Status {
                sha: target.head_commit.clone(),
                context: self.context_name(),
                state: state(&merged, self.publishing.on_undecided),
                description: report::undecided_status(why),
                url: link(target),
            });
        }
        if self.publishing.check_run {
            effects.push(self.check_run_effect(target, &merged));
        }
        self.apply(&repo, &effects);
    }

    fn options(&self, target: &Target, limit: usize) -> MarkdownOptions {
        MarkdownOptions {
            key: self.comment_key(),
            limit,
            workflow_run: target.run.url.clone(),
            ..MarkdownOptions::default()
        }
    }

    fn comment_effect(
        &self,
        target: &Target,
        (pr, create): (u64, bool),
        merged: &Merged<'_>,
    ) -> Effect {
        Effect::Comment {
            pr,
            marker: self.marker(),
            body: report::comment(merged, &self.options(target, COMMENT_LIMIT)),
            create,
        }
    }

    fn status_effect(&self, target: &Target, merged: &Merged<'_>) -> Effect {
        Effect::Status {
            sha: target.head_commit.clone(),
            context: self.context_name(),
            state: state(merged, self.publishing.on_undecided),
            description: report::status(merged),
            url: link(target),
        }
    }

    fn check_run_effect(&self, target: &Target, merged: &Merged<'_>) -> Effect {
        let text = report::check_run(merged, &self.options(target, usize::MAX));
        Effect::CheckRun {
            sha: target.head_commit.clone(),
            name: self.context_name(),
            external_id: self.group(target),
            conclusion: check_conclusion(merged, self.publishing.on_undecided),
            title: text.title,
            summary: text.summary,
            text: text.text,
            annotations: report::annotations(merged),
            url: link(target),
        }
    }

    /// Applies effects and gives the address of the comment. What could not be done is said, and the job goes on.
    fn apply(&self, repo: &Repo, effects: &[Effect]) -> Option<String> {
        let mut url = None;
        for (effect, applied) in effects.iter().zip(repo.apply(effects)) {
            match applied.result {
                Ok(Done::WouldDo) => self.notice(&format!("dry run: would {effect}")),
                Ok(Done::Created | Done::Updated | Done::Unchanged) => {}
                Err(error) => self.warn(&format!("{} is not written: {error}", what(effect))),
            }
            if matches!(effect, Effect::Comment { .. }) {
                url = applied.url.or(url);
            }
        }
        url
    }

    /// The job summary: the reports of this step.
    pub(super) fn summary(&self, target: &Target, reports: &[Report]) -> String {
        report::summary(&Merged::of_all(reports), &self.options(target, usize::MAX))
    }

    /// Workflow commands that annotate the lines where tests failed.
    pub(super) fn annotations(reports: &[Report]) -> String {
        report::workflow_commands(&report::annotations(&Merged::of_all(reports)))
    }

    /// Finds the lines of the repository where tests failed.
    pub(super) fn place(&self, target: &Target, compared: &mut [Compared]) {
        if compared.iter().all(|of| of.report.findings.is_empty()) {
            return;
        }
        let files = if target.in_checkout {
            GitFacts::files(Path::new("."))
        } else {
            Vec::new()
        };
        let name = target.run.repo.split('/').next_back().unwrap_or_default();
        let hosted = format!("/home/runner/work/{name}/{name}");
        let workspace = self.context.env.get("GITHUB_WORKSPACE");
        let roots = [workspace.unwrap_or_default(), &hosted];
        let roots: Vec<&str> = roots.into_iter().filter(|root| !root.is_empty()).collect();
        let sources = report::Sources::new(&roots, &files);
        for of in compared {
            report::place(&mut of.report, &sources);
        }
    }
}

/// Another pull request with the same head counts only while it is open.
fn close_others(repo: &Repo, target: &Target, met: &mut Met) {
    for number in met.pulls() {
        let is_other = target.pr != Some(number);
        let is_closed = || repo.pull(number).is_ok_and(|pull| pull.state != "open");
        if is_other && is_closed() {
            met.close(number);
        }
    }
}

/// What is tried once more, and not for long.
fn brief() -> Limits {
    Limits {
        patience: Duration::from_secs(20),
        longest_wait: Duration::from_secs(5),
        attempts: 2,
        timeout: Duration::from_secs(10),
        ..Limits::default()
    }
}

/// A commit status has no neutral: what could not be decided stays pending, which is not green, unless it is to fail.
fn state(merged: &Merged<'_>, on_undecided: OnUndecided) -> StatusState {
    match (merged.conclusion(), on_undecided) {
        (Conclusion::Clear, _) => StatusState::Success,
        (Conclusion::Blocked, _) => StatusState::Failure,
        (Conclusion::Undecided, OnUndecided::Failure) if !merged.waits() => StatusState::Error,
        (Conclusion::Undecided, _) => StatusState::Pending,
    }
}

/// `None` while jobs have not reported: the check run is in progress.
fn check_conclusion(merged: &Merged<'_>, on_undecided: OnUndecided) -> Option<CheckConclusion> {
    match (merged.conclusion(), on_undecided) {
        (Conclusion::Clear, _) => Some(CheckConclusion::Success),
        (Conclusion::Undecided, _) if merged.waits() => None,
        (Conclusion::Undecided, OnUndecided::Neutral) => Some(CheckConclusion::Neutral),
        (Conclusion::Blocked, _) | (Conclusion::Undecided, OnUndecided::Failure) => {
            Some(CheckConclusion::Failure)
        }
    }
}

/// Failures are, and so is an answer that could not be given; jobs that have not reported yet are not.
fn is_worth_a_comment(merged: &Merged<'_>) -> bool {
    merged.counts().all() > 0 || (merged.is_whole() && !merged.is_quiet())
}

fn link(target: &Target) -> Option<String> {
    Some(target.run.url.clone()).filter(|url| !url.is_empty())
}

/// What an effect is called in a message.
fn what(effect: &Effect) -> &'static str {
    match effect {
        Effect::Comment { .. } => "the comment",
        Effect::Label { .. } => "the label",
        Effect::Status { .. } => "the commit status",
        Effect::CheckRun { .. } => "the check run",
    }
}

#[cfg(test)]
mod tests {
    use model::{Conclusion, Report};
    use report::{Gaps, Part};

    use super::{OnUndecided, check_conclusion, state};

    fn report(conclusion: Conclusion) -> Report {
        let text = include_str!("../../../../crates/report/tests/data/no-results.json");
        let sample: Report = serde_json::from_str(text).unwrap();
        Report {
            conclusion,
            ..sample
        }
    }

    fn said(conclusion: Conclusion, missing: &[&str], on: OnUndecided) -> String {
        let parts = [Part::of(&report(conclusion))];
        let gaps = Gaps {
            missing: missing.iter().map(|job| (*job).to_owned()).collect(),
            ..Gaps::default()
        };
        let merged = report::merged(&parts, &gaps);
        let check = check_conclusion(&merged, on).map_or("in progress", |of| of.as_str());
        format!("{} / {check}", state(&merged, on).as_str())
    }

    #[test]
    fn nothing_but_a_whole_clear_answer_is_green() {
        use Conclusion::{Blocked, Clear, Undecided};
        use OnUndecided::{Failure, Neutral};
        let all = [
            ("clear", said(Clear, &[], Neutral)),
            ("clear, a job missing", said(Clear, &["b"], Neutral)),
            (
                "clear, a job missing, failure",
                said(Clear, &["b"], Failure),
            ),
            ("blocked, a job missing", said(Blocked, &["b"], Neutral)),
            ("undecided", said(Undecided, &[], Neutral)),
            ("undecided, failure", said(Undecided, &[], Failure)),
        ];
        let lines: Vec<String> = all.iter().map(|(of, is)| format!("{of}: {is}")).collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        clear: success / success
        clear, a job missing: pending / in progress
        clear, a job missing, failure: pending / in progress
        blocked, a job missing: failure / failure
        undecided: pending / neutral
        undecided, failure: error / failure
        ");
    }
}
