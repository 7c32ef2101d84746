//! Pull requests, their files and commits, reviews and merging; issues as such.

use serde_json::{Value, json};

use crate::api::{Answer, Route, ensure_labels, route};
use crate::call::Call;
use crate::reply::{Problem, Reply};
use crate::state::{Issue, Merged, NewIssue, Pull, Review, World};

const READ: &str = "pull_requests=read";
const WRITE: &str = "pull_requests=write";
const ISSUE_READ: &str = "issues=read; pull_requests=read";
const ISSUE_WRITE: &str = "issues=write; pull_requests=write";

/// Characters.
const LONGEST_TITLE: usize = 256;
const LONGEST_BODY: usize = 65_536;

pub(super) const ROUTES: &[Route] = &[
    route("pulls/list", READ, list),
    route("pulls/create", WRITE, create),
    route("pulls/get", READ, get),
    route("pulls/update", WRITE, update),
    route("pulls/list-files", READ, files),
    route("pulls/list-commits", READ, commits),
    route("pulls/merge", "contents=write", merge),
    route("pulls/list-reviews", READ, reviews),
    route("pulls/create-review", WRITE, create_review),
    route("issues/get", ISSUE_READ, get_issue),
    route("issues/update", ISSUE_WRITE, update_issue),
];

/// The number, the issue and the pull request of the path.
fn found<'w>(world: &'w World, call: &Call<'_>) -> Result<(&'w Issue, &'w Pull), Reply> {
    let issue = call.repo(world)?.issues.get(&call.number("pull_number")?);
    issue
        .and_then(|issue| Some((issue, issue.pull.as_ref()?)))
        .ok_or_else(Reply::not_found)
}

fn list(world: &mut World, call: &Call<'_>) -> Answer {
    let view = call.view(world)?;
    let state = call.asked("state").unwrap_or("open");
    let in_state = |issue: &&Issue| state == "all" || (state == "open") == issue.is_open;
    let matching = |issue: &&Issue| {
        issue.pull.as_ref().is_some_and(|pull| {
            let owner = pull.head_repo.split('/').next().unwrap_or_default();
            call.wants("base", &pull.base_ref)
                && call.wants("head", &format!("{owner}:{}", pull.head_ref))
        })
    };
    let mut found: Vec<&Issue> = view
        .repo
        .issues
        .values()
        .filter(in_state)
        .filter(matching)
        .collect();
    if call.asked("sort") == Some("updated") {
        found.sort_by(|one, other| one.updated.cmp(&other.updated));
    }
    if call.asked("direction").unwrap_or("desc") == "desc" {
        found.reverse();
    }
    Ok(Reply::list(
        found
            .into_iter()
            .map(|issue| view.pull(issue, "pull-request-simple"))
            .collect(),
    ))
}

fn get(world: &mut World, call: &Call<'_>) -> Answer {
    let (issue, _) = found(world, call)?;
    Ok(Reply::ok(call.view(world)?.pull(issue, "pull-request")))
}

fn files(world: &mut World, call: &Call<'_>) -> Answer {
    let (_, pull) = found(world, call)?;
    Ok(Reply::list(call.view(world)?.files_of(pull)))
}

fn commits(world: &mut World, call: &Call<'_>) -> Answer {
    let (_, pull) = found(world, call)?;
    Ok(Reply::list(call.view(world)?.commits_of(pull)))
}

fn invalid(field: &str, problem: Problem<'_>) -> Reply {
    Reply::invalid("PullRequest", field, problem)
}

fn check_texts(call: &Call<'_>) -> Result<(), Reply> {
    let length = |field: &str| call.text(field).unwrap_or_default().chars().count();
    if length("title") > LONGEST_TITLE {
        return Err(invalid(
            "title",
            Problem::Custom("title is too long (maximum is 256 characters)"),
        ));
    }
    if length("body") > LONGEST_BODY {
        return Err(invalid(
            "body",
            Problem::Custom("body is too long (maximum is 65536 characters)"),
        ));
    }
    Ok(())
}

/// `branch` or `owner:branch` to the repository and its branch.
fn head_of(world: &World, call: &Call<'_>) -> Result<Pull, Reply> {
    let repo = call.repo(world)?;
    let head = call.required("head")?;
    let (owner, branch) = head.split_once(':').unwrap_or((&repo.owner, head));
    let in_network = world
        .repos
        .values()
        .find(|other| other.network == repo.network && other.owner.eq_ignore_ascii_case(owner));
    let head = in_network.and_then(|head| Some((head, head.head(branch)?)));
    let (head, sha) = head.ok_or_else(|| invalid("head", Problem::Invalid))?;
    Ok(Pull {
        head_repo: head.full_name(),
        head_ref: branch.to_owned(),
        head_sha: sha.clone(),
        base_ref: call.required("base")?.to_owned(),
        draft: call.body.get("draft") == Some(&Value::Bool(true)),
        merged: None,
    })
}

fn create(world: &mut World, call: &Call<'_>) -> Answer {
    check_texts(call)?;
    let pull = head_of(world, call)?;
    let repo = call.repo(world)?;
    let base = repo
        .head(&pull.base_ref)
        .ok_or_else(|| invalid("base", Problem::Invalid))?;
    if world.objects(repo).contains(base, &pull.head_sha) {
        let text = format!("No commits between {} and {}", pull.base_ref, pull.head_ref);
        return Err(invalid("base", Problem::Custom(&text)));
    }
    let same = |issue: &Issue| {
        let other = issue.pull.as_ref().filter(|_| issue.is_open);
        other.is_some_and(|other| {
            (&other.head_repo, &other.head_ref, &other.base_ref)
                == (&pull.head_repo, &pull.head_ref, &pull.base_ref)
        })
    };
    if repo.issues.values().any(same) {
        let text = format!(
            "A pull request already exists for {}:{}.",
            repo.owner, pull.head_ref
        );
        return Err(invalid("head", Problem::Custom(&text)));
    }
    let new = NewIssue {
        title: call.required("title")?.to_owned(),
        body: call.text("body").map(str::to_owned),
        author: call.login(),
        pull: Some(pull),
    };
    let number = world.open(&call.repo_name(), new)?;
    let view = call.view(world)?;
    let issue = view.repo.issues.get(&number).ok_or_else(Reply::not_found)?;
    Ok(Reply::created(view.pull(issue, "pull-request")))
}

fn set_state(issue: &mut Issue, state: Option<&str>, now: &str) {
    if let Some(state) = state {
        issue.is_open = state == "open";
        issue.closed = (!issue.is_open).then(|| now.to_owned());
    }
}

/// Title, body and state, which issues and pull requests have in common.
fn set_texts(issue: &mut Issue, call: &Call<'_>, now: &str) {
    if let Some(title) = call.text("title") {
        title.clone_into(&mut issue.title);
    }
    if call.body.get("body").is_some() {
        issue.body = call.text("body").map(str::to_owned);
    }
    set_state(issue, call.text("state"), now);
    now.clone_into(&mut issue.updated);
}

fn update(world: &mut World, call: &Call<'_>) -> Answer {
    check_texts(call)?;
    let number = found(world, call)?.0.number;
    let now = world.now();
    let repo = call.repo_mut(world)?;
    let base = call.text("base").map(str::to_owned);
    if base.as_ref().is_some_and(|base| repo.head(base).is_none()) {
        return Err(invalid("base", Problem::Invalid));
    }
    if let Some(issue) = repo.issues.get_mut(&number) {
        set_texts(issue, call, &now);
        if let (Some(pull), Some(base)) = (&mut issue.pull, base) {
            pull.base_ref = base;
        }
    }
    get(world, call)
}

fn merge(world: &mut World, call: &Call<'_>) -> Answer {
    let (issue, pull) = found(world, call)?;
    let (number, pull) = (issue.number, pull.clone());
    if !issue.is_open || pull.draft {
        return Err(Reply::error(405, "Pull Request is not mergeable"));
    }
    if call.text("sha").is_some_and(|sha| sha != pull.head_sha) {
        return Err(Reply::error(
            409,
            "Head branch was modified. Review and try the merge again.",
        ));
    }
    let repo = call.repo_name();
    let base = world
        .repo(&repo)?
        .head(&pull.base_ref)
        .cloned()
        .unwrap_or_default();
    let message = format!("Merge pull request #{number} from {}", pull.head_ref);
    let conflict = |reply: Reply| {
        if reply.status == 409 {
            Reply::error(405, "Pull Request is not mergeable")
        } else {
            reply
        }
    };
    let commit = world
        .merge_into(&repo, (&pull.base_ref, &pull.head_sha), &message)
        .map_err(conflict)?;
    let commit = commit.unwrap_or_else(|| pull.head_sha.clone());
    let merged = Merged {
        at: world.now(),
        by: call.login(),
        commit: commit.clone(),
        base,
    };
    world.mark_merged(&repo, number, merged)?;
    Ok(Reply::ok(
        json!({"sha": commit, "merged": true, "message": "Pull Request successfully merged"}),
    ))
}

fn reviews(world: &mut World, call: &Call<'_>) -> Answer {
    let number = found(world, call)?.0.number;
    let view = call.view(world)?;
    let its = view
        .repo
        .reviews
        .values()
        .filter(|review| review.pull == number);
    Ok(Reply::list(its.map(|review| view.review(review)).collect()))
}

fn create_review(world: &mut World, call: &Call<'_>) -> Answer {
    let (issue, pull) = found(world, call)?;
    let (number, head, author) = (issue.number, pull.head_sha.clone(), issue.author.clone());
    let state = match call.text("event") {
        Some("APPROVE") => "APPROVED",
        Some("REQUEST_CHANGES") => "CHANGES_REQUESTED",
        Some("COMMENT") => "COMMENTED",
        _ => "PENDING",
    };
    if author == call.login() && state != "COMMENTED" && state != "PENDING" {
        return Err(Reply::unprocessable(
            "Review Can not approve your own pull request",
        ));
    }
    let review = Review {
        id: world.id(),
        pull: number,
        author: call.login(),
        body: call.text("body").unwrap_or_default().to_owned(),
        state,
        commit: call.text("commit_id").unwrap_or(&head).to_owned(),
        submitted: world.now(),
    };
    call.repo_mut(world)?
        .reviews
        .insert(review.id, review.clone());
    Ok(Reply::ok(call.view(world)?.review(&review)))
}

fn issue<'w>(world: &'w World, call: &Call<'_>) -> Result<&'w Issue, Reply> {
    call.repo(world)?
        .issues
        .get(&call.number("issue_number")?)
        .ok_or_else(Reply::not_found)
}

fn get_issue(world: &mut World, call: &Call<'_>) -> Answer {
    Ok(Reply::ok(call.view(world)?.issue(issue(world, call)?)))
}

fn names(body: &Value, field: &str) -> Option<Vec<String>> {
    let name = |item: &Value| {
        item.as_str()
            .or_else(|| item.get("name")?.as_str())
            .map(str::to_owned)
    };
    Some(
        body.get(field)?
            .as_array()?
            .iter()
            .filter_map(name)
            .collect(),
    )
}

fn update_issue(world: &mut World, call: &Call<'_>) -> Answer {
    check_texts(call)?;
    let number = issue(world, call)?.number;
    let now = world.now();
    let labels = match names(&call.body, "labels") {
        Some(names) => Some(ensure_labels(world, &call.repo_name(), &names)?),
        None => None,
    };
    let repo = call.repo_mut(world)?;
    let milestone = call.body.get("milestone").map(Value::as_u64);
    if milestone
        .flatten()
        .is_some_and(|number| !repo.milestones.contains_key(&number))
    {
        return Err(Reply::invalid("Issue", "milestone", Problem::Invalid));
    }
    if let Some(issue) = repo.issues.get_mut(&number) {
        set_texts(issue, call, &now);
        issue.labels = labels.unwrap_or_else(|| issue.labels.clone());
        issue.assignees = names(&call.body, "assignees").unwrap_or_else(|| issue.assignees.clone());
        issue.milestone = milestone.unwrap_or(issue.milestone);
    }
    get_issue(world, call)
}
