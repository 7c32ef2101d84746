//! The operations that the fake serves: for each, what a token needs and the handler.
//!
//! Permissions are those of GitHub's page "Permissions required for GitHub Apps": alternatives are separated by `; `, what is needed together by `, `.

mod actions;
mod apps;
mod checks;
mod comments;
mod commits;
mod contents;
mod git;
mod labels;
mod orgs;
mod pulls;
mod repos;
mod search;
mod statuses;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::call::Call;
use crate::reply::Reply;
use crate::state::World;

pub(crate) use git::decoded;
pub(crate) use labels::ensure as ensure_labels;
pub(crate) use repos::rate_limit;

/// What a handler returns: GitHub's errors are answers like any other.
pub(crate) type Answer = Result<Reply, Reply>;
/// Does what one operation does.
pub(crate) type Handler = fn(&mut World, &Call<'_>) -> Answer;

/// An operation that the fake serves.
#[derive(Clone, Copy)]
pub(crate) struct Route {
    /// GitHub's name of the operation.
    pub(crate) id: &'static str,
    /// What a token needs.
    pub(crate) needs: &'static str,
    pub(crate) run: Handler,
}

/// See [`Route`].
pub(crate) const fn route(id: &'static str, needs: &'static str, run: Handler) -> Route {
    Route { id, needs, run }
}

/// The route of an operation.
pub(crate) fn find(id: &str) -> Option<Route> {
    static ROUTES: LazyLock<BTreeMap<&str, Route>> =
        LazyLock::new(|| all().map(|route| (route.id, route)).collect());
    ROUTES.get(id).copied()
}

fn all() -> impl Iterator<Item = Route> {
    let parts: [&[Route]; 13] = [
        actions::ROUTES,
        apps::ROUTES,
        checks::ROUTES,
        comments::ROUTES,
        commits::ROUTES,
        contents::ROUTES,
        git::ROUTES,
        labels::ROUTES,
        orgs::ROUTES,
        pulls::ROUTES,
        repos::ROUTES,
        search::ROUTES,
        statuses::ROUTES,
    ];
    parts.into_iter().flatten().copied()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::contract::{Contract, Description};

    #[test]
    fn every_described_operation_has_one_handler_and_no_other_has() {
        let contract = Contract::of(Description::Github);
        let described: BTreeSet<&str> = contract
            .operations()
            .iter()
            .map(|operation| operation.id.as_str())
            .collect();
        let served: BTreeSet<&str> = all().map(|route| route.id).collect();
        assert_eq!(described, served);
        assert_eq!(all().count(), served.len());
    }
}
