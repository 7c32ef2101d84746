//! The Git data API: blobs, trees, commits, refs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::api::{Answer, Route, route};
use crate::call::Call;
use crate::git::{Commit, Entry, Objects, Person, Sha};
use crate::reply::Reply;
use crate::state::{World, seconds_of};
use crate::view::encoded;

const READ: &str = "contents=read";
const WRITE: &str = "contents=write";

/// GitHub serves no larger blob by this API.
const LARGEST_BLOB: usize = 100 << 20;

pub(super) const ROUTES: &[Route] = &[
    route("git/get-blob", READ, blob),
    route("git/create-blob", WRITE, create_blob),
    route("git/get-tree", READ, tree),
    route("git/create-tree", WRITE, create_tree),
    route("git/get-commit", READ, commit),
    route("git/create-commit", WRITE, create_commit),
    route("git/get-ref", READ, get_ref),
    route("git/create-ref", WRITE, create_ref),
    route("git/update-ref", WRITE, update_ref),
    route("git/delete-ref", WRITE, delete_ref),
];

fn blob(world: &mut World, call: &Call<'_>) -> Answer {
    let view = call.view(world)?;
    let sha = call.part("file_sha");
    let bytes = world
        .objects(view.repo)
        .blob(sha)
        .ok_or_else(Reply::not_found)?;
    if call.accept.contains("raw") {
        return Ok(Reply::raw("application/vnd.github.raw", bytes.clone()));
    }
    Ok(Reply::ok(json!({
        "sha": sha,
        "node_id": format!("B_{sha}"),
        "size": bytes.len(),
        "url": view.url(&format!("/git/blobs/{sha}")),
        "content": encoded(bytes),
        "encoding": "base64",
    })))
}

/// The bytes of base64 text, line breaks allowed.
pub(crate) fn decoded(text: &str) -> Result<Bytes, Reply> {
    let plain: String = text.split_ascii_whitespace().collect();
    let bytes = STANDARD
        .decode(plain)
        .map_err(|_| Reply::unprocessable("content is not valid Base64"))?;
    if bytes.len() > LARGEST_BLOB {
        return Err(Reply::unprocessable(
            "Sorry, your input was too large to process.",
        ));
    }
    Ok(Bytes::from(bytes))
}

fn create_blob(world: &mut World, call: &Call<'_>) -> Answer {
    let content = call.required("content")?;
    let bytes = match call.text("encoding").unwrap_or("utf-8") {
        "base64" => decoded(content)?,
        "utf-8" => Bytes::from(content.to_owned()),
        _ => return Err(Reply::unprocessable("encoding must be utf-8 or base64")),
    };
    let sha = world.objects_mut(&call.repo_name())?.put_blob(bytes);
    let url = call.view(world)?.url(&format!("/git/blobs/{sha}"));
    Ok(Reply::created(json!({"sha": sha, "url": url})))
}

fn tree(world: &mut World, call: &Call<'_>) -> Answer {
    let view = call.view(world)?;
    let objects = world.objects(view.repo);
    let named = call.part("tree_sha");
    let commit = view
        .repo
        .resolve(named, objects)
        .unwrap_or_else(|| named.to_owned());
    let sha = objects.tree_of(&commit).ok_or_else(Reply::not_found)?;
    let entries = if call.asked("recursive").is_some() {
        objects.walk(&sha)
    } else {
        objects
            .tree(&sha)
            .map(|tree| tree.as_ref().clone())
            .unwrap_or_default()
    };
    Ok(Reply::ok(view.git_tree(&sha, &entries)))
}

fn create_tree(world: &mut World, call: &Call<'_>) -> Answer {
    let name = call.repo_name();
    let base = match call.text("base_tree") {
        Some(sha) => Some(base_tree(world, &name, sha)?),
        None => None,
    };
    let lines = call
        .body
        .get("tree")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    if lines.is_empty() && base.is_none() {
        return Err(Reply::unprocessable("Invalid tree info"));
    }
    let mut changes = Vec::with_capacity(lines.len());
    for line in &lines {
        changes.push(tree_line(world, (&name, base.as_deref()), line)?);
    }
    let objects = world.objects_mut(&name)?;
    let sha = objects.edit(base.as_deref(), changes);
    let top = objects
        .tree(&sha)
        .map(|tree| tree.as_ref().clone())
        .unwrap_or_default();
    Ok(Reply::created(call.view(world)?.git_tree(&sha, &top)))
}

fn base_tree(world: &World, repo: &str, sha: &str) -> Result<Sha, Reply> {
    let objects = world.objects(world.repo(repo)?);
    objects
        .tree_of(sha)
        .ok_or_else(|| Reply::unprocessable("base_tree is not a valid tree oid"))
}

/// A path and what shall stand there.
type Line = (String, Option<Entry>);

fn tree_line(
    world: &mut World,
    (repo, base): (&str, Option<&str>),
    line: &Value,
) -> Result<Line, Reply> {
    let field = |name: &str| line.get(name).and_then(Value::as_str);
    let path = tree_path(field("path"))?;
    let mode = field("mode").unwrap_or("100644").to_owned();
    let objects = world.objects_mut(repo)?;
    match (field("sha"), field("content")) {
        (Some(sha), None) => known(objects, sha).map(|sha| (path, Some(Entry { mode, sha }))),
        (None, Some(content)) => {
            let sha = objects.put_blob(Bytes::from(content.to_owned()));
            Ok((path, Some(Entry { mode, sha })))
        }
        (None, None) if line.get("sha") == Some(&Value::Null) => {
            let there = base.and_then(|base| objects.at(base, &path));
            deleted(path, there)
        }
        _ => Err(Reply::unprocessable(
            "Must supply either tree.sha or tree.content",
        )),
    }
}

fn tree_path(path: Option<&str>) -> Result<String, Reply> {
    let path = path.unwrap_or_default();
    let is_malformed = path
        .split('/')
        .any(|part| ["", ".", "..", ".git"].contains(&part));
    let refused = || Reply::unprocessable("tree.path contains a malformed path component");
    (!is_malformed).then(|| path.to_owned()).ok_or_else(refused)
}

fn known(objects: &Objects, sha: &str) -> Result<Sha, Reply> {
    let is_known = objects.blob(sha).is_some() || objects.tree(sha).is_some();
    let refused = || Reply::unprocessable(&format!("tree.sha {sha} is not a valid blob"));
    is_known.then(|| sha.to_owned()).ok_or_else(refused)
}

/// GitHub refuses to delete what is not there.
fn deleted(path: String, known: Option<Entry>) -> Result<Line, Reply> {
    known
        .map(|_| (path, None))
        .ok_or_else(|| Reply::unprocessable("GitRPC::BadObjectState"))
}

fn commit(world: &mut World, call: &Call<'_>) -> Answer {
    call.view(world)?
        .git_commit(call.part("commit_sha"))
        .map(Reply::ok)
        .ok_or_else(Reply::not_found)
}

/// The author or committer that the body names, or the caller now.
pub(super) fn person(world: &World, call: &Call<'_>, role: &str) -> Person {
    let mut person = world.person(&call.login());
    let given = |field: &str| call.body.get(role)?.get(field)?.as_str();
    if let Some(name) = given("name") {
        name.clone_into(&mut person.name);
    }
    if let Some(email) = given("email") {
        email.clone_into(&mut person.email);
    }
    if let Some(date) = given("date") {
        person.seconds = seconds_of(date);
    }
    person
}

fn create_commit(world: &mut World, call: &Call<'_>) -> Answer {
    let has_committer = call.body.get("committer").is_some();
    let parents = call
        .body
        .get("parents")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let commit = Commit {
        tree: call.required("tree")?.to_owned(),
        parents: parents
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        author: person(world, call, "author"),
        committer: person(
            world,
            call,
            if has_committer { "committer" } else { "author" },
        ),
        message: call.required("message")?.to_owned(),
    };
    let objects = world.objects_mut(&call.repo_name())?;
    check_commit(objects, &commit)?;
    let sha = objects.put_commit(commit);
    call.view(world)?
        .git_commit(&sha)
        .map(Reply::created)
        .ok_or_else(Reply::not_found)
}

fn check_commit(objects: &Objects, commit: &Commit) -> Result<(), Reply> {
    if objects.tree(&commit.tree).is_none() {
        return Err(Reply::unprocessable("Tree SHA does not exist"));
    }
    if commit
        .parents
        .iter()
        .any(|parent| objects.commit(parent).is_none())
    {
        return Err(Reply::unprocessable(
            "Parent SHA does not exist or is not a commit object",
        ));
    }
    Ok(())
}

fn full(call: &Call<'_>) -> String {
    format!("refs/{}", call.part("ref"))
}

/// What stands there, or for a moment after a write what stood there before.
fn get_ref(world: &mut World, call: &Call<'_>) -> Answer {
    let view = call.view(world)?;
    let name = full(call);
    let now = view.repo.refs.get(&name).ok_or_else(Reply::not_found)?;
    let written = view.repo.ref_fresh.get(&name);
    let seen = match written.filter(|(fresh, _)| !fresh.is_seen(world.millis())) {
        Some((_, before)) => before.as_ref(),
        None => Some(now),
    };
    seen.map(|sha| Reply::ok(view.git_ref(&name, sha)))
        .ok_or_else(Reply::not_found)
}

fn commit_of_body(world: &World, call: &Call<'_>) -> Result<Sha, Reply> {
    let sha = call.required("sha")?;
    let repo = call.repo(world)?;
    let known = world.objects(repo).commit(sha);
    known
        .map(|_| sha.to_owned())
        .ok_or_else(|| Reply::unprocessable("Object does not exist"))
}

fn create_ref(world: &mut World, call: &Call<'_>) -> Answer {
    let name = call.required("ref")?.to_owned();
    if !name.starts_with("refs/") || name.split('/').count() < 3 {
        return Err(Reply::unprocessable(
            "Reference name must start with 'refs/' and contain at least two slashes",
        ));
    }
    let sha = commit_of_body(world, call)?;
    if call.repo(world)?.refs.contains_key(&name) {
        return Err(Reply::unprocessable("Reference already exists"));
    }
    world.set_ref(&call.repo_name(), &name, Some(&sha))?;
    Ok(Reply::created(call.view(world)?.git_ref(&name, &sha)))
}

fn update_ref(world: &mut World, call: &Call<'_>) -> Answer {
    let name = full(call);
    let repo = call.repo(world)?;
    let old = repo
        .refs
        .get(&name)
        .cloned()
        .ok_or_else(|| Reply::unprocessable("Reference does not exist"))?;
    let sha = commit_of_body(world, call)?;
    let force = call.body.get("force") == Some(&Value::Bool(true));
    if !force && !world.objects(repo).contains(&sha, &old) {
        return Err(Reply::unprocessable("Update is not a fast forward"));
    }
    world.set_ref(&call.repo_name(), &name, Some(&sha))?;
    Ok(Reply::ok(call.view(world)?.git_ref(&name, &sha)))
}

fn delete_ref(world: &mut World, call: &Call<'_>) -> Answer {
    let name = full(call);
    if !call.repo(world)?.refs.contains_key(&name) {
        return Err(Reply::unprocessable("Reference does not exist"));
    }
    world.set_ref(&call.repo_name(), &name, None)?;
    Ok(Reply::nothing())
}
