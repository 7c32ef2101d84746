//! What is written to GitHub: planned as desired states, then applied, and brought up to date when other jobs of the change report meanwhile.

use std::path::Path;

use github::{Comment, Done, Repo};
use history::{History, Parts, Recorded};
use host::GitFacts;
use model::{CheckConclusion, Conclusion, Effect, Report, StatusState};
use report::{Gaps, MarkdownOptions, Merged, Part, PartError};

use super::Step;
use super::compare::Compared;
use super::inputs::{CommentMode, OnUndecided};
use super::parts::{self, Label};
use super::target::Target;
use crate::error::Error;
use crate::remote;

/// How often a job looks whether others reported while it wrote. Each look that finds something is another job's end, and a workflow has at
/// most 256 jobs.
const MOST_ROUNDS: usize = 256;

/// GitHub's limit of a comment, in characters.
const COMMENT_LIMIT: usize = 65_536;

/// The parts that are published, read.
#[derive(Debug, Default)]
struct Known {
    parts: Vec<Part>,
    gaps: Gaps,
}

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

    /// The name under which jobs meet: what is published under another name is another answer.
    fn group(&self, target: &Target) -> String {
        format!("{} {}", self.publishing.name, target.group())
    }

    /// Whether the jobs of a change can leave their parts for each other: in a folder of one runner they cannot.
    fn jobs_meet(&self) -> bool {
        self.inputs.history().starts_with("git:") || !self.inputs.in_matrix()
    }

    fn job(&self) -> String {
        self.inputs.job(&self.context.ci().job)
    }

    /// Records the runs of a change and leaves their parts; gives all parts of the change, or only these where the history cannot be written.
    fn meet(&self, target: &Target, history: Option<&History>, compared: &[Compared]) -> Parts {
        let own = self.own_parts(target, compared);
        let shared = history.map(|history| self.share(target, history, compared, &own));
        match shared {
            Some(Ok(all)) => all,
            Some(Err(error)) => {
                self.warn(&format!(
                    "this run is not recorded, and other jobs cannot see it: {error}"
                ));
                unshared(own)
            }
            None => unshared(own),
        }
    }

    /// The history to write to; made when this is the first run of all.
    fn writable(&self, target: &Target, history: Option<History>) -> Option<History> {
        if !target.may_write || self.publishing.dry_run {
            return None;
        }
        history.or_else(|| {
            let made = remote::init(self.inputs.history(), self.context);
            made.map_err(|error| self.warn(&format!("there is no history yet: {error}")))
                .ok()
        })
    }

    fn share(
        &self,
        target: &Target,
        history: &History,
        compared: &[Compared],
        own: &[(String, Vec<u8>)],
    ) -> Result<Parts, Error> {
        let (group, now) = (self.group(target), self.now());
        let all = history.batch("compare a change", |history| {
            for run in compared.iter().filter(|of| is_recorded(of)) {
                let _: Recorded = history.record_at(&run.run, now)?;
            }
            let mut all = history.parts(&group)?;
            for (name, bytes) in own {
                all = history.put_part((&group, name), bytes, now)?;
            }
            Ok(all)
        })?;
        Ok(all)
    }

    fn own_parts(&self, target: &Target, compared: &[Compared]) -> Vec<(String, Vec<u8>)> {
        let jobs = self.inputs.jobs().unwrap_or(1);
        let part = |of: &Compared| {
            let label = Label {
                workflow: target.run.workflow.clone(),
                job_id: of.job_id.clone(),
                job: of.report.subject.run.key.job.clone(),
                jobs,
                attempt: target.run.attempt,
            };
            (
                label.name(),
                parts::encode(&label, &report::part(&of.report)),
            )
        };
        compared.iter().map(part).collect()
    }

    /// Writes the answer to GitHub and gives the address of the comment. What the token may not do is a warning, never the end of the job.
    pub(super) fn publish(
        &self,
        target: &Target,
        history: Option<History>,
        comment: Option<&Comment>,
        compared: &[Compared],
    ) -> Option<String> {
        let history = self.writable(target, history);
        let mut parts = self.meet(target, history.as_ref(), compared);
        let repo = self.repo.as_ref();
        let Some(repo) = repo.filter(|_| target.may_write) else {
            self.notice(
                "the answer is in the job summary only: this run may not write to the pull request",
            );
            return None;
        };
        let mut url = None;
        for _ in 0..MOST_ROUNDS {
            let exists = comment.is_some() || url.is_some();
            let effects = self.plan(target, &known(&parts), exists);
            url = self.apply(repo, &effects).or(url);
            let now = history.as_ref().and_then(|_| self.look_again(target));
            match now.filter(|now| *now != parts) {
                Some(newer) => parts = newer,
                None => break,
            }
        }
        url
    }

    /// The parts that are there now: the history is opened anew, because a history that is open remembers what it has read.
    fn look_again(&self, target: &Target) -> Option<Parts> {
        let history = remote::open(self.inputs.history(), self.context).ok()?;
        let parts = history.parts(&self.group(target)).ok()?;
        (!parts.is_empty()).then_some(parts)
    }

    /// What should be at GitHub.
    fn plan(&self, target: &Target, known: &Known, comment_exists: bool) -> Vec<Effect> {
        let merged = report::merged(&known.parts, &known.gaps);
        let mut effects = Vec::new();
        if let Some(pr) = target.pr.filter(|_| self.comments(target)) {
            let always = self.publishing.comment == CommentMode::Always;
            let create = always || is_worth_a_comment(&merged);
            if create || comment_exists {
                effects.push(self.comment_effect(target, pr, &merged, create));
            }
        }
        if self.publishing.status {
            effects.push(self.status_effect(target, &merged));
        }
        if self.publishing.check_run {
            effects.push(self.check_run_effect(target, &merged));
        }
        effects
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
        pr: u64,
        merged: &Merged<'_>,
        create: bool,
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

/// A commit status has no neutral: what could not be decided stays pending, which is not green, unless it is to fail.
fn state(merged: &Merged<'_>, on_undecided: OnUndecided) -> StatusState {
    match (merged.conclusion(), on_undecided) {
        (Conclusion::Clear, _) => StatusState::Success,
        (Conclusion::Blocked, _) => StatusState::Failure,
        (Conclusion::Undecided, OnUndecided::Failure) if merged.is_whole() => StatusState::Error,
        (Conclusion::Undecided, _) => StatusState::Pending,
    }
}

/// `None` while jobs have not reported: the check run is in progress.
fn check_conclusion(merged: &Merged<'_>, on_undecided: OnUndecided) -> Option<CheckConclusion> {
    match (merged.conclusion(), on_undecided) {
        (Conclusion::Clear, _) => Some(CheckConclusion::Success),
        (Conclusion::Undecided, _) if !merged.is_whole() => None,
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

/// A change is recorded as what it is. A merge group becomes history of its base only when nothing in it blocks, because broken code
/// must not teach the baseline.
fn is_recorded(of: &Compared) -> bool {
    let has_results = !of.run.rows.is_empty();
    let passes = of.run.info.pr.is_some() || of.report.conclusion == Conclusion::Clear;
    has_results && passes
}

fn unshared(own: Vec<(String, Vec<u8>)>) -> Parts {
    own.into_iter()
        .map(|(name, bytes)| (name, bytes.into()))
        .collect()
}

/// Reads parts; what is damaged or missing is a gap, never passed over.
fn known(parts: &Parts) -> Known {
    let mut known = Known::default();
    let mut labels = Vec::new();
    for (name, bytes) in parts {
        let Some((label, packed)) = parts::decode(bytes) else {
            let why = PartError::Damaged { line: 1, column: 1 };
            known.gaps.damaged.push((name.replace('\n', " "), why));
            continue;
        };
        match report::read_part(packed) {
            Ok(part) => known.parts.push(part),
            Err(error) => known.gaps.damaged.push((label.job.clone(), error)),
        }
        labels.push(label);
    }
    known.gaps.missing = parts::missing(&labels);
    known
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
