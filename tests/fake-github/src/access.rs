//! Who calls, and whether that is allowed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::call::{Call, Request};
use crate::reply::Reply;
use crate::state::{Kind, Token, World};

/// Who calls.
#[derive(Clone, Debug)]
pub(crate) enum Caller {
    /// Without a token.
    Nobody,
    Token(Token),
    /// An App by its own key.
    App(u64),
}

impl Caller {
    pub(crate) fn token(&self) -> Option<&Token> {
        match self {
            Self::Token(token) => Some(token),
            Self::Nobody | Self::App(_) => None,
        }
    }
}

/// What a route needs that only an App may call with its key.
pub(crate) const APP: &str = "app";

/// The secret of an `authorization` header.
pub(crate) fn secret(header: &str) -> &str {
    let (scheme, secret) = header.split_once(' ').unwrap_or_default();
    let known = ["bearer", "token"]
        .iter()
        .any(|known| scheme.eq_ignore_ascii_case(known));
    if known { secret.trim() } else { "" }
}

/// Who sent the request.
///
/// # Errors
/// 401 for a token that is not known or has expired.
pub(crate) fn authenticate(world: &World, request: &Request) -> Result<Caller, Reply> {
    let header = request.header("authorization");
    if header.is_empty() {
        return Ok(Caller::Nobody);
    }
    let secret = secret(header);
    if secret.matches('.').count() == 2 {
        return app_of(world, secret)
            .map(Caller::App)
            .ok_or_else(|| Reply::error(401, "A JSON web token could not be decoded"));
    }
    let token = world
        .tokens
        .get(secret)
        .filter(|token| token.expires.is_none_or(|end| end > world.seconds()));
    token
        .cloned()
        .map(Caller::Token)
        .ok_or_else(|| Reply::error(401, "Bad credentials"))
}

/// The App that a JWT names, when it has the shape that GitHub demands: RS256, issued in the past, valid for ten minutes at most. The signature
/// is not verified: the fake has no key.
fn app_of(world: &World, jwt: &str) -> Option<u64> {
    let mut parts = jwt.split('.');
    let header = json_of(parts.next()?)?;
    let claims = json_of(parts.next()?)?;
    let signature = URL_SAFE_NO_PAD.decode(parts.next()?).ok()?;
    let now = world.seconds();
    let (issued, expires) = (claims.get("iat")?.as_i64()?, claims.get("exp")?.as_i64()?);
    let in_time = issued <= now + 60 && expires > now && expires <= now + 600;
    let is_signed = header.get("alg")? == "RS256" && signature.len() >= 256;
    let issuer = claims.get("iss")?;
    let id = issuer.as_u64().or_else(|| issuer.as_str()?.parse().ok())?;
    (in_time && is_signed && world.apps.contains_key(&id)).then_some(id)
}

fn json_of(part: &str) -> Option<Value> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

impl Call<'_> {
    /// Whether the caller may do this.
    ///
    /// # Errors
    /// GitHub's answer: 401 without a token where one is needed, 404 for what a caller may not know of, 403 for a permission that the token lacks.
    pub(crate) fn allow(&self, world: &World, method: &str, needs: &str) -> Result<(), Reply> {
        match &self.caller {
            Caller::App(_) if needs == APP => Ok(()),
            Caller::App(_) => Err(Reply::error(403, "Resource not accessible by integration")),
            _ if needs == APP => Err(Reply::error(401, "A JSON web token could not be decoded")),
            Caller::Nobody => self.allow_nobody(world, method, needs),
            Caller::Token(token) if token.may(needs) && !self.is_foreign(world, token, method) => {
                Ok(())
            }
            Caller::Token(token) => Err(self.lacks(world, token, needs)),
        }
    }

    fn is_private(&self, world: &World) -> bool {
        world.repo(&self.repo_name()).is_ok_and(|repo| repo.private)
    }

    /// A `GITHUB_TOKEN` is for one repository; here that is never a fork, which it may read like anybody.
    fn is_foreign(&self, world: &World, token: &Token, method: &str) -> bool {
        let is_fork = world
            .repo(&self.repo_name())
            .is_ok_and(|repo| repo.parent.is_some());
        token.kind == Kind::Actions && is_fork && method != "GET"
    }

    fn allow_nobody(&self, world: &World, method: &str, needs: &str) -> Result<(), Reply> {
        if self.is_private(world) {
            return Err(Reply::not_found());
        }
        let is_public =
            method == "GET" && !needs.contains("administration") && !needs.contains("user");
        if is_public {
            Ok(())
        } else {
            Err(Reply::error(401, "Requires authentication"))
        }
    }

    fn lacks(&self, world: &World, token: &Token, needs: &str) -> Reply {
        // What is not public is not there for a token that may not even read it.
        if self.is_private(world) && !token.may("contents=read") && needs.contains("read") {
            return Reply::not_found();
        }
        let whose = match token.kind {
            Kind::Actions | Kind::App(_) => "integration",
            Kind::Personal => "personal access token",
        };
        Reply::error(403, &format!("Resource not accessible by {whose}"))
            .header("x-accepted-github-permissions", needs.to_owned())
    }
}
