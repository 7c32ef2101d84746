//! Repositories, branches, collaborators, dispatches and the rest of a repository.

use serde_json::{Value, json};

use crate::api::{Answer, Route, route};
use crate::call::Call;
use crate::limits::Budget;
use crate::reply::Reply;
use crate::state::World;

const METADATA: &str = "metadata=read";

pub(super) const ROUTES: &[Route] = &[
    route("repos/get", METADATA, get),
    route("rate-limit/get", METADATA, get),
];

fn get(world: &mut World, call: &Call<'_>) -> Answer {
    Ok(Reply::ok(call.view(world)?.repository("full-repository")))
}

impl World {
    /// The answer of `GET /rate_limit`.
    pub(crate) fn rate_limit(&self, budget: &Budget) -> Value {
        let shown = json!({
            "limit": budget.limit,
            "used": budget.used,
            "remaining": budget.remaining(),
            "reset": budget.reset,
        });
        json!({"resources": {"core": shown, "search": shown}, "rate": shown})
    }
}
