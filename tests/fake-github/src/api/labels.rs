//! Labels of a repository and of an issue.

use serde_json::Value;

use crate::api::{Answer, Route, route};
use crate::call::Call;
use crate::reply::{Problem, Reply};
use crate::state::{Issue, Label, World};

const READ: &str = "issues=read; pull_requests=read";
const WRITE: &str = "issues=write; pull_requests=write";

/// Characters.
const LONGEST_NAME: usize = 50;
const LONGEST_DESCRIPTION: usize = 100;
/// The colour of a label that came to be by being added to an issue.
const PLAIN: &str = "ededed";

pub(super) const ROUTES: &[Route] = &[
    route("issues/list-labels-for-repo", READ, list),
    route("issues/create-label", WRITE, create),
    route("issues/get-label", READ, get),
    route("issues/list-labels-on-issue", READ, of_issue),
    route("issues/add-labels", WRITE, add),
    route("issues/set-labels", WRITE, set),
    route("issues/remove-label", WRITE, remove),
];

fn list(world: &mut World, call: &Call<'_>) -> Answer {
    let view = call.view(world)?;
    let now = world.millis();
    let seen = view
        .repo
        .labels
        .values()
        .filter(|label| label.fresh.is_seen(now));
    Ok(Reply::list(seen.map(|label| view.label(label)).collect()))
}

fn get(world: &mut World, call: &Call<'_>) -> Answer {
    let view = call.view(world)?;
    let label = view.repo.labels.get(&call.part("name").to_lowercase());
    let label = label
        .filter(|label| label.fresh.is_seen(world.millis()))
        .ok_or_else(Reply::not_found)?;
    Ok(Reply::ok(view.label(label)))
}

fn custom(field: &str, message: &str) -> Reply {
    Reply::invalid("Label", field, Problem::Custom(message))
}

fn checked(call: &Call<'_>) -> Result<(String, String, Option<String>), Reply> {
    let name = call.required("name")?;
    let color = call.text("color").unwrap_or(PLAIN);
    let description = call.text("description");
    check_name(name)?;
    if color.len() != 6 || !color.chars().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(Reply::invalid("Label", "color", Problem::Invalid));
    }
    if description.is_some_and(|text| text.chars().count() > LONGEST_DESCRIPTION) {
        return Err(custom(
            "description",
            "description is too long (maximum is 100 characters)",
        ));
    }
    Ok((
        name.to_owned(),
        color.to_lowercase(),
        description.map(str::to_owned),
    ))
}

fn check_name(name: &str) -> Result<(), Reply> {
    let length = name.chars().count();
    if length == 0 {
        return Err(Reply::invalid("Label", "name", Problem::MissingField));
    }
    if length > LONGEST_NAME {
        return Err(custom(
            "name",
            "name is too long (maximum is 50 characters)",
        ));
    }
    Ok(())
}

fn create(world: &mut World, call: &Call<'_>) -> Answer {
    let (name, color, description) = checked(call)?;
    let key = name.to_lowercase();
    let label = Label {
        id: world.id(),
        name,
        color,
        description,
        fresh: world.fresh(),
    };
    let repo = call.repo_mut(world)?;
    if repo.labels.contains_key(&key) {
        return Err(Reply::invalid("Label", "name", Problem::AlreadyExists));
    }
    repo.labels.insert(key, label.clone());
    Ok(Reply::created(call.view(world)?.label(&label)))
}

fn issue<'w>(world: &'w World, call: &Call<'_>) -> Result<&'w Issue, Reply> {
    let number = call.number("issue_number")?;
    call.repo(world)?
        .issues
        .get(&number)
        .ok_or_else(Reply::not_found)
}

fn shown(world: &World, call: &Call<'_>) -> Answer {
    Ok(Reply::list(
        call.view(world)?.labels_of(issue(world, call)?),
    ))
}

fn of_issue(world: &mut World, call: &Call<'_>) -> Answer {
    shown(world, call)
}

/// `["a", {"name": "b"}]`, below `labels` or, as GitHub still takes it, alone.
fn names(body: &Value) -> Vec<String> {
    let list = body.get("labels").unwrap_or(body).as_array();
    let name = |label: &Value| {
        label
            .as_str()
            .or_else(|| label.get("name")?.as_str())
            .map(str::to_owned)
    };
    list.into_iter().flatten().filter_map(name).collect()
}

/// Creates the labels that the repository has not, as GitHub does.
pub(crate) fn ensure(
    world: &mut World,
    repo: &str,
    names: &[String],
) -> Result<Vec<String>, Reply> {
    for name in names {
        check_name(name)?;
        let fresh = Label {
            id: world.id(),
            name: name.clone(),
            color: PLAIN.to_owned(),
            description: None,
            fresh: world.fresh(),
        };
        world
            .repo_mut(repo)?
            .labels
            .entry(name.to_lowercase())
            .or_insert(fresh);
    }
    let labels = &world.repo(repo)?.labels;
    Ok(names
        .iter()
        .filter_map(|name| labels.get(&name.to_lowercase()))
        .map(|label| label.name.clone())
        .collect())
}

fn change(
    world: &mut World,
    call: &Call<'_>,
    apply: impl FnOnce(&mut Vec<String>, Vec<String>),
) -> Answer {
    let number = issue(world, call)?.number;
    let wanted = ensure(world, &call.repo_name(), &names(&call.body))?;
    let now = world.now();
    if let Some(issue) = call.repo_mut(world)?.issues.get_mut(&number) {
        apply(&mut issue.labels, wanted);
        issue.updated = now;
    }
    shown(world, call)
}

fn add(world: &mut World, call: &Call<'_>) -> Answer {
    change(world, call, |labels, wanted| {
        for name in wanted {
            if !labels.contains(&name) {
                labels.push(name);
            }
        }
    })
}

fn set(world: &mut World, call: &Call<'_>) -> Answer {
    change(world, call, |labels, wanted| *labels = wanted)
}

fn remove(world: &mut World, call: &Call<'_>) -> Answer {
    let name = call.part("name").to_owned();
    let has = |label: &String| label.eq_ignore_ascii_case(&name);
    if !issue(world, call)?.labels.iter().any(has) {
        return Err(Reply::error(404, "Label does not exist"));
    }
    change(world, call, |labels, _| labels.retain(|label| !has(label)))
}
