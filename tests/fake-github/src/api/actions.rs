//! Workflow runs, jobs, artifacts, reruns and dispatches.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::api::{Answer, Route, route};
use crate::call::Call;
use crate::reply::{Problem, Reply};
use crate::state::{Artifact, Job, Run, World, seconds_of};

const READ: &str = "actions=read";
const WRITE: &str = "actions=write";

/// How long a signed address of the storage host works.
const DOWNLOAD_MILLIS: i64 = 60_000;

pub(super) const ROUTES: &[Route] = &[
    route("actions/list-artifacts-for-repo", READ, artifacts),
    route("actions/get-artifact", READ, artifact),
    route("actions/download-artifact", READ, download),
    route("actions/list-workflow-runs-for-repo", READ, runs),
    route("actions/get-workflow-run", READ, run),
    route(
        "actions/list-workflow-run-artifacts",
        READ,
        artifacts_of_run,
    ),
    route("actions/list-jobs-for-workflow-run", READ, jobs),
    route("actions/download-job-logs-for-workflow-run", READ, logs),
    route("actions/re-run-workflow", WRITE, rerun),
    route("actions/re-run-workflow-failed-jobs", WRITE, rerun_failed),
    route("actions/create-workflow-dispatch", WRITE, dispatch_workflow),
    route("repos/create-dispatch-event", "contents=write", dispatch),
];

fn artifacts(world: &mut World, call: &Call<'_>) -> Answer {
    listed(world, call, |_| true)
}

fn artifacts_of_run(world: &mut World, call: &Call<'_>) -> Answer {
    let run = found_run(world, call)?.id;
    listed(world, call, |artifact| artifact.run == run)
}

/// Artifacts, newest first.
fn listed(world: &World, call: &Call<'_>, wanted: impl Fn(&Artifact) -> bool) -> Answer {
    let view = call.view(world)?;
    let all = view.repo.artifacts.values().rev();
    let found = all.filter(|artifact| wanted(artifact) && call.wants("name", &artifact.name));
    Ok(Reply::counted(
        "artifacts",
        found.map(|artifact| view.artifact(artifact)).collect(),
    ))
}

fn found_artifact<'w>(world: &'w World, call: &Call<'_>) -> Result<&'w Artifact, Reply> {
    call.repo(world)?
        .artifacts
        .get(&call.number("artifact_id")?)
        .ok_or_else(Reply::not_found)
}

fn artifact(world: &mut World, call: &Call<'_>) -> Answer {
    Ok(Reply::ok(
        call.view(world)?.artifact(found_artifact(world, call)?),
    ))
}

fn download(world: &mut World, call: &Call<'_>) -> Answer {
    let artifact = found_artifact(world, call)?;
    if call.part("archive_format") != "zip" {
        return Err(Reply::not_found());
    }
    if call.view(world)?.is_expired(artifact) {
        return Err(Reply::error(410, "Artifact has expired"));
    }
    let zip = artifact.zip.clone();
    Ok(world.offer(zip))
}

impl World {
    /// Redirects to a signed address that serves the bytes for a minute.
    fn offer(&mut self, bytes: Bytes) -> Reply {
        let path = format!("/signed/{:x}", self.id());
        let until = self.millis() + DOWNLOAD_MILLIS;
        self.downloads.insert(path.clone(), (bytes, until));
        Reply::redirect(format!("{}{path}", self.urls.store))
    }
}

fn found_run<'w>(world: &'w World, call: &Call<'_>) -> Result<&'w Run, Reply> {
    call.repo(world)?
        .runs
        .get(&call.number("run_id")?)
        .ok_or_else(Reply::not_found)
}

fn run(world: &mut World, call: &Call<'_>) -> Answer {
    Ok(Reply::ok(call.view(world)?.run(found_run(world, call)?)))
}

/// Runs, newest first, with the filters of the query.
fn runs(world: &mut World, call: &Call<'_>) -> Answer {
    let view = call.view(world)?;
    let matching = |run: &&Run| {
        let state = call.asked("status");
        let in_state = state
            .is_none_or(|state| run.status == state || run.conclusion.as_deref() == Some(state));
        in_state
            && call.wants("branch", &run.head_branch)
            && call.wants("event", &run.event)
            && call.wants("actor", &run.actor)
            && call.wants("head_sha", &run.head_sha)
            && call.wants("check_suite_id", &run.suite.to_string())
            && call
                .asked("created")
                .is_none_or(|range| is_within(range, &run.created))
    };
    let mut found: Vec<&Run> = view.repo.runs.values().filter(matching).collect();
    found.sort_by(|one, other| (&other.created, other.id).cmp(&(&one.created, one.id)));
    Ok(Reply::counted(
        "workflow_runs",
        found.into_iter().map(|run| view.run(run)).collect(),
    ))
}

/// GitHub's ranges of dates: `>=2026-01-01`, `2026-01-01..2026-02-01`, `*..2026-02-01`, `2026-01-01`.
pub(crate) fn is_within(range: &str, time: &str) -> bool {
    let at = seconds_of(time);
    let start = |text: &str| {
        if text == "*" {
            i64::MIN
        } else {
            seconds_of(&with_time(text, "00:00:00"))
        }
    };
    let end = |text: &str| {
        if text == "*" {
            i64::MAX
        } else {
            seconds_of(&with_time(text, "23:59:59"))
        }
    };
    if let Some((from, to)) = range.split_once("..") {
        return (start(from)..=end(to)).contains(&at);
    }
    match range.trim_start_matches(['<', '>', '=']) {
        text if range.starts_with(">=") => at >= start(text),
        text if range.starts_with('>') => at > end(text),
        text if range.starts_with("<=") => at <= end(text),
        text if range.starts_with('<') => at < start(text),
        text => (start(text)..=end(text)).contains(&at),
    }
}

fn with_time(text: &str, time: &str) -> String {
    if text.contains('T') {
        text.to_owned()
    } else {
        format!("{text}T{time}Z")
    }
}

fn jobs(world: &mut World, call: &Call<'_>) -> Answer {
    let run = found_run(world, call)?;
    let view = call.view(world)?;
    let all = call.asked("filter") == Some("all");
    let its = view
        .repo
        .jobs
        .values()
        .filter(|job| job.run == run.id && (all || job.attempt == run.attempt));
    Ok(Reply::counted(
        "jobs",
        its.map(|job| view.job(job, run)).collect(),
    ))
}

fn logs(world: &mut World, call: &Call<'_>) -> Answer {
    let job = call
        .repo(world)?
        .jobs
        .get(&call.number("job_id")?)
        .ok_or_else(Reply::not_found)?;
    let log = job.log.clone();
    Ok(world.offer(log))
}

fn rerun(world: &mut World, call: &Call<'_>) -> Answer {
    again(world, call, |_| true)
}

fn rerun_failed(world: &mut World, call: &Call<'_>) -> Answer {
    again(world, call, |job| {
        job.conclusion.as_deref() == Some("failure")
    })
}

/// A new attempt of a run: the wanted jobs run again, the others keep their answer.
fn again(world: &mut World, call: &Call<'_>, wanted: impl Fn(&Job) -> bool) -> Answer {
    let mut run = found_run(world, call)?.clone();
    if run.status != "completed" {
        return Err(Reply::error(403, "This workflow is already running"));
    }
    let old: Vec<Job> = call
        .repo(world)?
        .jobs
        .values()
        .filter(|job| (job.run, job.attempt) == (run.id, run.attempt))
        .cloned()
        .collect();
    run.attempt += 1;
    "in_progress".clone_into(&mut run.status);
    run.conclusion = None;
    for job in old {
        let conclusion = if wanted(&job) {
            None
        } else {
            job.conclusion.clone()
        };
        let next = Job {
            id: world.id(),
            attempt: run.attempt,
            conclusion,
            ..job
        };
        call.repo_mut(world)?.jobs.insert(next.id, next);
    }
    call.repo_mut(world)?.runs.insert(run.id, run);
    Ok(Reply::json(201, json!({})))
}

fn dispatch_workflow(world: &mut World, call: &Call<'_>) -> Answer {
    let repo = call.repo(world)?;
    if repo
        .resolve(call.required("ref")?, world.objects(repo))
        .is_none()
    {
        return Err(Reply::invalid("Workflow", "ref", Problem::Invalid));
    }
    let inputs = call
        .body
        .get("inputs")
        .cloned()
        .unwrap_or_else(|| json!({}));
    call.repo_mut(world)?
        .dispatches
        .push((call.part("workflow_id").to_owned(), inputs));
    Ok(Reply::nothing())
}

fn dispatch(world: &mut World, call: &Call<'_>) -> Answer {
    let event = call.required("event_type")?.to_owned();
    let payload = call
        .body
        .get("client_payload")
        .cloned()
        .unwrap_or(Value::Null);
    if payload.as_object().is_some_and(|fields| fields.len() > 10) {
        return Err(Reply::unprocessable(
            "No more than 10 properties are allowed in client_payload",
        ));
    }
    call.repo_mut(world)?.dispatches.push((event, payload));
    Ok(Reply::nothing())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_dates_are_those_of_the_search() {
        let noon = |range: &str| is_within(range, "2026-03-05T12:00:00Z");
        for range in [
            "2026-03-05",
            ">=2026-03-05",
            "<=2026-03-05",
            "2026-03-01..2026-03-05",
            "*..2026-03-06",
            "2026-03-05T11:00:00Z..*",
        ] {
            assert!(noon(range), "{range}");
        }
        for range in [
            "2026-03-04",
            ">2026-03-05",
            "<2026-03-05",
            "2026-03-06..*",
            ">=2026-03-05T12:00:01Z",
        ] {
            assert!(!noon(range), "{range}");
        }
    }
}
