//! Check runs, their annotations, and check suites.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::api::{Answer, Route, route};
use crate::call::Call;
use crate::reply::{Problem, Reply};
use crate::state::{Check, World};

pub(super) const ROUTES: &[Route] = &[
    route("checks/create", "checks=write", create),
    route("checks/get", "checks=read", get),
    route("checks/update", "checks=write", update),
    route("checks/list-annotations", "checks=read", annotations),
    route("checks/rerequest-run", "checks=write", rerequest),
    route("checks/list-for-ref", "checks=read", list),
    route("checks/list-suites-for-ref", "checks=read", suites),
];

/// Most annotations of one request, from the description; GitHub refuses the request.
const MOST_ANNOTATIONS: usize = 50;
/// Most characters of a summary and of a text.
const LONGEST_TEXT: usize = 65_535;

/// Only Apps write checks; a `GITHUB_TOKEN` is one.
fn app(call: &Call<'_>) -> Result<u64, Reply> {
    call.app()
        .ok_or_else(|| Reply::error(403, "You must authenticate via a GitHub App."))
}

fn check_body(body: &Value) -> Result<(), Reply> {
    let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str);
    let is_completed = text("/status") == Some("completed");
    if is_completed && text("/conclusion").is_none() {
        return Err(Reply::invalid(
            "CheckRun",
            "conclusion",
            Problem::MissingField,
        ));
    }
    for field in ["/output/summary", "/output/text"] {
        if text(field).is_some_and(|text| text.chars().count() > LONGEST_TEXT) {
            let message = format!("{field} exceeds a maximum bytesize of 65535");
            return Err(Reply::invalid("CheckRun", field, Problem::Custom(&message)));
        }
    }
    check_annotations(
        body.pointer("/output/annotations")
            .and_then(Value::as_array),
    )
}

fn check_annotations(annotations: Option<&Vec<Value>>) -> Result<(), Reply> {
    let annotations = annotations.map(Vec::as_slice).unwrap_or_default();
    if annotations.len() > MOST_ANNOTATIONS {
        let message = format!(
            "No more than 50 items are allowed; {} were supplied.",
            annotations.len()
        );
        return Err(Reply::unprocessable(&format!(
            "Invalid request.\n\n{message}"
        )));
    }
    let line = |annotation: &Value, name: &str| {
        annotation
            .get(name)
            .and_then(Value::as_i64)
            .unwrap_or_default()
    };
    let is_wrong = |annotation: &Value| {
        let (start, end) = (line(annotation, "start_line"), line(annotation, "end_line"));
        start < 1 || end < start || (start != end && annotation.get("start_column").is_some())
    };
    if annotations.iter().any(is_wrong) {
        return Err(Reply::invalid(
            "CheckAnnotation",
            "start_line",
            Problem::Invalid,
        ));
    }
    Ok(())
}

fn create(world: &mut World, call: &Call<'_>) -> Answer {
    let app = app(call)?;
    check_body(&call.body)?;
    let sha = call.required("head_sha")?.to_owned();
    let repo = call.repo(world)?;
    if world.objects(repo).commit(&sha).is_none() {
        return Err(Reply::unprocessable(&format!(
            "No commit found for SHA: {sha}"
        )));
    }
    let same = repo
        .checks
        .values()
        .find(|check| check.app == app && check.sha == sha)
        .map(|check| check.suite);
    let mut check = Check {
        id: world.id(),
        suite: same.unwrap_or_else(|| world.id()),
        app,
        sha,
        name: call.required("name")?.to_owned(),
        external_id: None,
        details_url: None,
        status: "queued".to_owned(),
        conclusion: None,
        started: Some(world.now()),
        completed: None,
        title: None,
        summary: None,
        text: None,
        annotations: Vec::new(),
        created: world.now(),
        fresh: world.fresh(),
    };
    apply(&mut check, call, &world.now());
    call.repo_mut(world)?.checks.insert(check.id, check.clone());
    Ok(Reply::created(call.view(world)?.check(&check)))
}

fn apply(check: &mut Check, call: &Call<'_>, now: &str) {
    let set = |field: &mut Option<String>, pointer: &str| {
        if let Some(text) = call.body.pointer(pointer).and_then(Value::as_str) {
            *field = Some(text.to_owned());
        }
    };
    set(&mut check.external_id, "/external_id");
    set(&mut check.details_url, "/details_url");
    set(&mut check.started, "/started_at");
    set(&mut check.title, "/output/title");
    set(&mut check.summary, "/output/summary");
    set(&mut check.text, "/output/text");
    if let Some(name) = call.text("name") {
        name.clone_into(&mut check.name);
    }
    conclude(check, call, now);
    // GitHub appends: a caller with more than 50 sends them in several requests.
    let more = call
        .body
        .pointer("/output/annotations")
        .and_then(Value::as_array)
        .cloned();
    check.annotations.extend(more.unwrap_or_default());
}

fn conclude(check: &mut Check, call: &Call<'_>, now: &str) {
    if let Some(status) = call.text("status") {
        status.clone_into(&mut check.status);
        if status != "completed" {
            (check.conclusion, check.completed) = (None, None);
        }
    }
    // A conclusion completes, whatever the status says.
    if let Some(conclusion) = call.text("conclusion") {
        check.conclusion = Some(conclusion.to_owned());
        check.completed = Some(call.text("completed_at").unwrap_or(now).to_owned());
        "completed".clone_into(&mut check.status);
    }
}

fn found<'w>(world: &'w World, call: &Call<'_>) -> Result<&'w Check, Reply> {
    let id = call.number("check_run_id")?;
    let check = call.repo(world)?.checks.get(&id);
    check
        .filter(|check| check.fresh.is_seen(world.millis()))
        .ok_or_else(Reply::not_found)
}

fn get(world: &mut World, call: &Call<'_>) -> Answer {
    Ok(Reply::ok(call.view(world)?.check(found(world, call)?)))
}

fn update(world: &mut World, call: &Call<'_>) -> Answer {
    let app = app(call)?;
    let mut check = found(world, call)?.clone();
    if check.app != app {
        return Err(Reply::error(
            403,
            "Invalid app_id `CheckRun` was not created by this app.",
        ));
    }
    check_body(&call.body)?;
    apply(&mut check, call, &world.now());
    call.repo_mut(world)?.checks.insert(check.id, check.clone());
    Ok(Reply::ok(call.view(world)?.check(&check)))
}

fn annotations(world: &mut World, call: &Call<'_>) -> Answer {
    let check = found(world, call)?;
    let view = call.view(world)?;
    let shown = |annotation: &Value| {
        let field = |name: &str| annotation.get(name).cloned().unwrap_or_default();
        let path = annotation
            .get("path")
            .and_then(Value::as_str)
            .unwrap_or_default();
        json!({
            "path": path,
            "blob_href": view.html(&format!("/blob/{}/{path}", check.sha)),
            "start_line": field("start_line"),
            "end_line": field("end_line"),
            "start_column": field("start_column"),
            "end_column": field("end_column"),
            "annotation_level": field("annotation_level"),
            "title": field("title"),
            "message": field("message"),
            "raw_details": field("raw_details"),
        })
    };
    Ok(Reply::list(check.annotations.iter().map(shown).collect()))
}

fn rerequest(world: &mut World, call: &Call<'_>) -> Answer {
    let mut check = found(world, call)?.clone();
    if check.status != "completed" {
        return Err(Reply::error(422, "This check run is not rerequestable"));
    }
    "queued".clone_into(&mut check.status);
    check.conclusion = None;
    call.repo_mut(world)?.checks.insert(check.id, check);
    Ok(Reply::json(201, json!({})))
}

/// The check runs of a commit that can be seen, by number.
fn of_ref<'w>(world: &'w World, call: &Call<'_>) -> Result<Vec<&'w Check>, Reply> {
    let repo = call.repo(world)?;
    let sha = repo
        .resolve(call.part("ref"), world.objects(repo))
        .ok_or_else(Reply::not_found)?;
    let now = world.millis();
    let wanted = |check: &&Check| check.sha == sha && call.wants("app_id", &check.app.to_string());
    Ok(repo
        .checks
        .values()
        .filter(wanted)
        .filter(|check| check.fresh.is_seen(now))
        .collect())
}

fn list(world: &mut World, call: &Call<'_>) -> Answer {
    let view = call.view(world)?;
    let mut checks = of_ref(world, call)?;
    checks.retain(|check| {
        call.wants("check_name", &check.name) && call.wants("status", &check.status)
    });
    checks.reverse();
    if call.asked("filter") != Some("all") {
        let mut seen = std::collections::BTreeSet::new();
        checks.retain(|check| seen.insert((check.suite, &check.name)));
    }
    Ok(Reply::counted(
        "check_runs",
        checks.into_iter().map(|check| view.check(check)).collect(),
    ))
}

fn suites(world: &mut World, call: &Call<'_>) -> Answer {
    let view = call.view(world)?;
    let mut suites: BTreeMap<u64, Vec<&Check>> = BTreeMap::new();
    for check in of_ref(world, call)? {
        suites.entry(check.suite).or_default().push(check);
    }
    let named = |checks: &&Vec<&Check>| {
        checks
            .iter()
            .any(|check| call.wants("check_name", &check.name))
    };
    let suite = |checks: &Vec<&Check>| checks.first().map(|first| view.suite(&first.sha, checks));
    Ok(Reply::counted(
        "check_suites",
        suites.values().filter(named).filter_map(suite).collect(),
    ))
}
