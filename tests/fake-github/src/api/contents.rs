//! Files by path.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::api::git::{decoded, person};
use crate::api::{Answer, Route, route};
use crate::call::Call;
use crate::git::{Commit, Entry, Sha};
use crate::reply::Reply;
use crate::state::World;
use crate::view::{View, encoded};

/// Up to here the answer carries the content; above, `content` is empty and `encoding` is `none`.
const LARGEST_INLINE: usize = 1 << 20;

pub(super) const ROUTES: &[Route] = &[
    route("repos/get-content", "contents=read", get),
    route(
        "repos/create-or-update-file-contents",
        "contents=write",
        put,
    ),
];

fn get(world: &mut World, call: &Call<'_>) -> Answer {
    let view = call.view(world)?;
    let objects = world.objects(view.repo);
    let reference = call.asked("ref").unwrap_or(&view.repo.default_branch);
    let missing = || Reply::error(404, &format!("No commit found for the ref {reference}"));
    let commit = view.repo.resolve(reference, objects).ok_or_else(missing)?;
    let path = call.part("path");
    let tree = objects.tree_of(&commit).ok_or_else(Reply::not_found)?;
    let entry = objects.at(&tree, path).ok_or_else(Reply::not_found)?;
    match objects.blob(&entry.sha) {
        Some(bytes) if call.accept.contains("raw") => {
            Ok(Reply::raw("application/vnd.github.raw", bytes.clone()))
        }
        Some(bytes) => Ok(Reply::ok(file(&view, (path, &entry, reference), bytes))),
        None => Ok(Reply::ok(folder(&view, (path, &entry, reference)))),
    }
}

fn file(view: &View<'_>, (path, entry, reference): (&str, &Entry, &str), bytes: &Bytes) -> Value {
    let mut shown = view.content(path, entry, reference);
    let is_small = bytes.len() <= LARGEST_INLINE;
    if let Value::Object(fields) = &mut shown {
        let (content, encoding) = if is_small {
            (encoded(bytes), "base64")
        } else {
            (String::new(), "none")
        };
        fields.insert("content".to_owned(), Value::from(content));
        fields.insert("encoding".to_owned(), Value::from(encoding));
    }
    shown
}

fn folder(view: &View<'_>, (path, entry, reference): (&str, &Entry, &str)) -> Value {
    let tree = view.world.objects(view.repo).tree(&entry.sha);
    let lines = tree.into_iter().flat_map(|tree| tree.iter());
    lines
        .map(|(name, entry)| view.content(&format!("{path}/{name}"), entry, reference))
        .collect()
}

struct Place {
    branch: String,
    head: Option<Sha>,
    known: Option<Entry>,
}

fn place(world: &World, call: &Call<'_>) -> Result<Place, Reply> {
    let repo = call.repo(world)?;
    let branch = call
        .text("branch")
        .unwrap_or(&repo.default_branch)
        .to_owned();
    let head = repo.head(&branch).cloned();
    if head.is_none() && !repo.refs.is_empty() {
        return Err(Reply::error(404, &format!("Branch {branch} not found")));
    }
    let objects = world.objects(repo);
    let known = head
        .as_deref()
        .and_then(|head| objects.at(&objects.tree_of(head)?, call.part("path")));
    Ok(Place {
        branch,
        head,
        known,
    })
}

/// A file is replaced only by who names what it replaces.
fn check_sha(call: &Call<'_>, known: Option<&Entry>) -> Result<(), Reply> {
    match (known, call.text("sha")) {
        (None, None) => Ok(()),
        (None, Some(_)) => Err(Reply::error(
            409,
            "sha was supplied for a file that does not exist",
        )),
        (Some(_), None) => Err(Reply::unprocessable(
            "Invalid request.\n\n\"sha\" wasn't supplied.",
        )),
        (Some(entry), Some(sha)) if entry.sha == sha => Ok(()),
        (Some(_), Some(sha)) => Err(Reply::error(
            409,
            &format!("{} does not match {sha}", call.part("path")),
        )),
    }
}

fn put(world: &mut World, call: &Call<'_>) -> Answer {
    let place = place(world, call)?;
    let bytes = decoded(call.required("content")?)?;
    check_sha(call, place.known.as_ref())?;
    let author = person(world, call, "author");
    let committer = person(world, call, "committer");
    let path = call.part("path").to_owned();
    let objects = world.objects_mut(&call.repo_name())?;
    let entry = Entry::file(objects.put_blob(bytes));
    let base = place.head.as_deref().and_then(|head| objects.tree_of(head));
    let commit = Commit {
        tree: objects.edit(base.as_deref(), vec![(path.clone(), Some(entry.clone()))]),
        parents: place.head.into_iter().collect(),
        author,
        committer,
        message: call.required("message")?.to_owned(),
    };
    let sha = objects.put_commit(commit);
    world.set_ref(
        &call.repo_name(),
        &format!("refs/heads/{}", place.branch),
        Some(&sha),
    )?;
    let view = call.view(world)?;
    let body = json!({"content": view.content(&path, &entry, &place.branch), "commit": view.git_commit(&sha)});
    Ok(Reply::json(
        if place.known.is_some() { 200 } else { 201 },
        body,
    ))
}
