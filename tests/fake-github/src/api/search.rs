//! The search for issues and pull requests.

use serde_json::{Map, Value};

use crate::api::actions::is_within;
use crate::api::{Answer, Route, route};
use crate::call::Call;
use crate::reply::{Page, Problem, Reply};
use crate::state::{Issue, Repo, World};
use crate::view::View;

/// Characters of a query.
const LONGEST_QUERY: usize = 256;
/// The search shows no more, whatever it found.
const MOST_SHOWN: usize = 1000;

pub(super) const ROUTES: &[Route] = &[route(
    "search/issues-and-pull-requests",
    "metadata=read",
    search,
)];

fn search(world: &mut World, call: &Call<'_>) -> Answer {
    let query = call.asked("q").unwrap_or_default();
    if query.trim().is_empty() {
        return Err(Reply::invalid("Search", "q", Problem::Missing));
    }
    if query.chars().count() > LONGEST_QUERY {
        let problem = Problem::Custom("The search is longer than 256 characters.");
        return Err(Reply::invalid("Search", "q", problem));
    }
    let terms = terms(query);
    let mut found = found(world, &terms);
    sort(&mut found, call);
    let total = found.len();
    let items = found
        .iter()
        .take(MOST_SHOWN)
        .map(|(repo, issue)| item(world, repo, issue))
        .collect();
    let rest = Map::from_iter([
        ("total_count".to_owned(), Value::from(total)),
        ("incomplete_results".to_owned(), Value::Bool(false)),
        ("search_type".to_owned(), Value::from("lexical")),
    ]);
    Ok(Reply::page(Page {
        items,
        field: Some("items"),
        rest,
    }))
}

/// An issue as the search shows it: the description has no null for the body here.
fn item(world: &World, repo: &Repo, issue: &Issue) -> Value {
    let mut shown = View { world, repo }.issue(issue);
    if let (Value::Object(fields), None) = (&mut shown, &issue.body) {
        fields.remove("body");
    }
    shown
}

/// A word of a query: `-label:"do not merge"` is not, `label`, `do not merge`.
#[derive(Debug, PartialEq, Eq)]
struct Term {
    not: bool,
    /// Empty for plain text.
    key: String,
    value: String,
}

fn terms(query: &str) -> Vec<Term> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for letter in query.chars() {
        match letter {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            letter => words.last_mut().map_or((), |word| word.push(letter)),
        }
    }
    words
        .iter()
        .filter(|word| !word.is_empty())
        .map(|word| term(word))
        .collect()
}

fn term(word: &str) -> Term {
    let (not, word) = word
        .strip_prefix('-')
        .map_or((false, word), |word| (true, word));
    let (key, value) = word.split_once(':').unwrap_or(("", word));
    Term {
        not,
        key: key.to_owned(),
        value: value.to_owned(),
    }
}

fn found<'w>(world: &'w World, terms: &[Term]) -> Vec<(&'w Repo, &'w Issue)> {
    let all = world
        .repos
        .values()
        .flat_map(|repo| repo.issues.values().map(move |issue| (repo, issue)));
    all.filter(|(repo, issue)| terms.iter().all(|term| term.holds(world, (repo, issue))))
        .collect()
}

impl Term {
    fn holds(&self, world: &World, of: (&Repo, &Issue)) -> bool {
        self.is_so(world, of) != self.not
    }

    fn is_so(&self, world: &World, (repo, issue): (&Repo, &Issue)) -> bool {
        let value = self.value.as_str();
        let same = |text: &str| text.eq_ignore_ascii_case(value);
        let pull = issue.pull.as_ref();
        match self.key.as_str() {
            "repo" => same(&repo.full_name()),
            "org" | "user" => same(&repo.owner),
            "is" | "type" | "state" => is_state(issue, value),
            "label" => value.split(',').any(|name| {
                issue
                    .labels
                    .iter()
                    .any(|label| label.eq_ignore_ascii_case(name))
            }),
            "author" => same(&issue.author),
            "assignee" => issue.assignees.iter().any(|login| same(login)),
            "base" => pull.is_some_and(|pull| pull.base_ref == value),
            "head" => pull.is_some_and(|pull| pull.head_ref == value),
            "draft" => pull.is_some_and(|pull| pull.draft.to_string() == value),
            "sha" => pull.is_some_and(|pull| pull.head_sha.starts_with(value)),
            "milestone" => issue
                .milestone
                .and_then(|number| repo.milestones.get(&number))
                .is_some_and(|milestone| same(&milestone.title)),
            "no" => {
                (value == "label" && issue.labels.is_empty())
                    || (value == "milestone" && issue.milestone.is_none())
            }
            "created" => is_within(value, &issue.created),
            "updated" => is_within(value, &issue.updated),
            "closed" => issue
                .closed
                .as_deref()
                .is_some_and(|closed| is_within(value, closed)),
            "merged" => merged_at(issue).is_some_and(|at| is_within(value, at)),
            "status" => status_of(repo, issue) == value,
            "in" | "sort" | "archived" => true,
            "" => has_text(world, (repo, issue), value),
            _ => false,
        }
    }
}

fn merged_at(issue: &Issue) -> Option<&str> {
    Some(issue.pull.as_ref()?.merged.as_ref()?.at.as_str())
}

fn is_state(issue: &Issue, value: &str) -> bool {
    match value {
        "pr" | "pull-request" => issue.pull.is_some(),
        "issue" => issue.pull.is_none(),
        "open" => issue.is_open,
        "closed" => !issue.is_open,
        "merged" => merged_at(issue).is_some(),
        "unmerged" => !issue.is_open && merged_at(issue).is_none(),
        "draft" => issue.pull.as_ref().is_some_and(|pull| pull.draft),
        _ => false,
    }
}

/// The newest status of each context together: one word.
fn status_of(repo: &Repo, issue: &Issue) -> &'static str {
    let statuses = issue
        .pull
        .as_ref()
        .and_then(|pull| repo.statuses.get(&pull.head_sha));
    let mut latest = std::collections::BTreeMap::new();
    for status in statuses.into_iter().flatten() {
        latest.insert(&status.context, status.state.as_str());
    }
    match () {
        () if latest
            .values()
            .any(|state| ["failure", "error"].contains(state)) =>
        {
            "failure"
        }
        () if latest.is_empty() || latest.values().any(|state| *state == "pending") => "pending",
        () => "success",
    }
}

fn has_text(world: &World, (repo, issue): (&Repo, &Issue), text: &str) -> bool {
    let text = text.to_lowercase();
    let has = |place: &str| place.to_lowercase().contains(&text);
    let said = || {
        repo.comments.values().any(|comment| {
            comment.issue == issue.number
                && comment.fresh.is_seen(world.millis())
                && has(&comment.body)
        })
    };
    has(&issue.title) || issue.body.as_deref().is_some_and(has) || said()
}

fn sort(found: &mut [(&Repo, &Issue)], call: &Call<'_>) {
    match call.asked("sort") {
        Some("updated") => found.sort_by(|one, other| one.1.updated.cmp(&other.1.updated)),
        _ => found.sort_by_key(|(_, issue)| (issue.created.clone(), issue.id)),
    }
    if call.asked("order").unwrap_or("desc") == "desc" {
        found.reverse();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_keep_spaces_and_a_minus_turns_a_term_round() {
        let term = |not: bool, key: &str, value: &str| Term {
            not,
            key: key.to_owned(),
            value: value.to_owned(),
        };
        let wanted = [
            term(false, "is", "pr"),
            term(true, "label", "do not merge"),
            term(false, "", "words"),
        ];
        assert_eq!(terms(r#"is:pr -label:"do not merge" words"#), wanted);
    }
}
