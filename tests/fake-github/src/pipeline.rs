//! What happens to a request: found, paid for, checked, allowed, handled, cut into pages, checked again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::access::{Caller, authenticate};
use crate::api;
use crate::call::{Call, Request};
use crate::contract::{Contract, Description, Media, Operation};
use crate::fault::{Faults, Plan};
use crate::limits::{Limiter, Limits, Payer};
use crate::page::{Sent, cut};
use crate::record::{Record, Side};
use crate::reply::{Content, Reply};
use crate::state::{Lag, World};

/// The fake without its sockets.
pub(crate) struct Core {
    pub(crate) description: Description,
    pub(crate) contract: Arc<Contract>,
    world: Mutex<World>,
    limiter: Mutex<Limiter>,
    faults: Mutex<Faults>,
    record: Mutex<Record>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Core {
    pub(crate) fn new(description: Description, limits: Limits, lag: Lag) -> Self {
        let contract = Contract::of(description);
        let mut world = World::new(Arc::clone(&contract), lag);
        world.first_users();
        Self {
            description,
            contract,
            world: Mutex::new(world),
            limiter: Mutex::new(Limiter::new(limits)),
            faults: Mutex::default(),
            record: Mutex::default(),
        }
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        locked(&self.world)
    }

    pub(crate) fn faults(&self) -> MutexGuard<'_, Faults> {
        locked(&self.faults)
    }

    pub(crate) fn record(&self) -> MutexGuard<'_, Record> {
        locked(&self.record)
    }

    /// Answers a request to the API.
    pub(crate) fn answer(&self, request: &Request, plan: &Plan) -> Sent {
        let path = request
            .path
            .strip_prefix(self.description.prefix())
            .unwrap_or_default();
        let Some((operation, parts)) = self.contract.find(&request.method, path) else {
            self.record().violation(
                request,
                Side::Request,
                "no such operation in the description".to_owned(),
            );
            return Sent::of(Reply::not_found());
        };
        let found = Found {
            core: self,
            request,
            operation,
            plan,
        };
        found.answer(parts)
    }

    fn budget(&self, payer: &Payer, sent: Sent) -> Sent {
        if self.description != Description::Github {
            return sent; // GitHub Enterprise Server has no rate limit unless it is switched on.
        }
        let now = self.world().seconds();
        let budget = locked(&self.limiter).look(payer, now);
        let mut headers: BTreeMap<&'static str, String> = budget.headers().into_iter().collect();
        headers.extend(sent.headers);
        Sent {
            headers: headers.into_iter().collect(),
            ..sent
        }
    }
}

/// A request whose operation is known.
struct Found<'a> {
    core: &'a Core,
    request: &'a Request,
    operation: &'a Operation,
    plan: &'a Plan,
}

impl Found<'_> {
    fn answer(&self, parts: BTreeMap<String, String>) -> Sent {
        self.core.record().served(&self.operation.key());
        let caller = authenticate(&self.core.world(), self.request);
        let token = caller.as_ref().ok().and_then(Caller::token);
        let payer = Payer::new(token, self.limits());
        let mut reply = self.handled(parts, caller, &payer);
        self.plan.sabotage(&mut reply);
        let reply = cut(reply, &self.url(), &self.request.pairs());
        self.check_answer(&reply);
        let sent = Sent::of(reply).conditional(self.request);
        if sent.status == 304 {
            locked(&self.core.limiter).refund(&payer, self.core.world().seconds());
        }
        self.core.budget(&payer, sent)
    }

    fn limits(&self) -> Limits {
        locked(&self.core.limiter).limits
    }

    fn url(&self) -> String {
        let path = self
            .request
            .path
            .strip_prefix(self.core.description.prefix())
            .unwrap_or_default();
        format!("{}{path}", self.core.world().urls.api)
    }

    fn handled(
        &self,
        parts: BTreeMap<String, String>,
        caller: Result<Caller, Reply>,
        payer: &Payer,
    ) -> Reply {
        let result = caller.and_then(|caller| {
            self.pay(payer)?;
            let call = self.checked(parts, caller)?;
            self.allowed_and_done(&call, payer)
        });
        result.unwrap_or_else(|refused| refused)
    }

    fn pay(&self, payer: &Payer) -> Result<(), Reply> {
        if self.operation.id == "rate-limit/get" || self.core.description != Description::Github {
            return Ok(());
        }
        let now = self.core.world().seconds();
        locked(&self.core.limiter).pay(payer, now)
    }

    fn violation(&self, side: Side, what: String) {
        self.core.record().violation(self.request, side, what);
    }

    fn checked(&self, parts: BTreeMap<String, String>, caller: Caller) -> Result<Call<'_>, Reply> {
        self.check_headers()?;
        let body = self.body()?;
        let query = self.request.pairs();
        let places = BTreeMap::from([("path", &parts), ("query", &query)]);
        let mut found = self.core.contract.check_parameters(self.operation, &places);
        found.extend(check_size(&query));
        found.extend(self.core.contract.check_body(self.operation, body.as_ref()));
        for what in found {
            self.violation(Side::Request, what);
        }
        let accept = self.request.header("accept");
        Ok(Call {
            path: parts,
            query,
            body: body.unwrap_or_default(),
            accept,
            caller,
        })
    }

    fn check_headers(&self) -> Result<(), Reply> {
        if self.request.header("user-agent").is_empty() {
            self.violation(Side::Request, "no User-Agent header".to_owned());
            let text = "Request forbidden by administrative rules. Please make sure your request has a User-Agent header.";
            return Err(Reply::error(403, text));
        }
        let version = self.request.header("x-github-api-version");
        if !["", API_VERSION].contains(&version) {
            self.violation(Side::Request, format!("the API has no version `{version}`"));
            return Err(Reply::error(
                400,
                "This version of the API is not supported",
            ));
        }
        Ok(())
    }

    fn body(&self) -> Result<Option<Value>, Reply> {
        if self.request.body.is_empty() {
            return Ok(None);
        }
        let kind = self
            .request
            .header("content-type")
            .split(';')
            .next()
            .unwrap_or_default();
        if !(kind == "application/json" || kind.ends_with("+json")) {
            self.violation(
                Side::Request,
                format!("media type of the body is `{kind}`, not `application/json`"),
            );
        }
        let broken = |_| {
            self.violation(Side::Request, "the body is not JSON".to_owned());
            Reply::error(400, "Problems parsing JSON")
        };
        serde_json::from_slice(&self.request.body)
            .map(Some)
            .map_err(broken)
    }

    fn allowed_and_done(&self, call: &Call<'_>, payer: &Payer) -> Result<Reply, Reply> {
        let Some(route) = api::find(&self.operation.id) else {
            return Err(Reply::error(
                500,
                "the fake has no handler for this operation",
            ));
        };
        let mut world = self.core.world();
        call.allow(&world, &self.request.method, route.needs)?;
        if CONTENT.contains(&route.id) {
            locked(&self.core.limiter).create(payer, world.seconds())?;
        }
        if route.id == "rate-limit/get" {
            let budget = locked(&self.core.limiter).look(payer, world.seconds());
            return Ok(Reply::ok(api::rate_limit(&budget)));
        }
        (route.run)(&mut world, call)
    }

    fn check_answer(&self, reply: &Reply) {
        let (kind, body) = match &reply.content {
            Content::Empty | Content::Page(_) => ("", None),
            Content::Json(body) => ("application/json", Some(body)),
            Content::Raw(kind, _) => (*kind, None),
        };
        // A request that GitHub would not understand has no described answer.
        if reply.status == 400 {
            return;
        }
        let media = Media {
            status: reply.status,
            kind,
            body,
        };
        for what in self.core.contract.check_answer(self.operation, &media) {
            self.violation(Side::Answer, what);
        }
    }
}

/// The version of the API that the description describes.
const API_VERSION: &str = "2022-11-28";

/// GitHub cuts larger pages without a word.
fn check_size(query: &BTreeMap<String, String>) -> Option<String> {
    let size = query.get("per_page")?.parse::<u32>().ok()?;
    (size > 100).then(|| "query parameter `per_page` is over 100: GitHub sends 100".to_owned())
}

/// What GitHub's limit of content creation counts: what sends notifications.
const CONTENT: [&str; 5] = [
    "issues/create-comment",
    "pulls/create",
    "pulls/create-review",
    "pulls/merge",
    "reactions/create-for-issue-comment",
];
