//! One call with everything around it: who asks, `ETag`s, redirects, the policy of waits, and what a refusal means.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher as _;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, IF_NONE_MATCH, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri};
use model::Timestamp;
use secrecy::SecretString;

use crate::address::Address;
use crate::auth::{AccessToken, App, Auth, Installation, Installed, bearer};
use crate::cache::{Cache, Kept};
use crate::call::{Answer, Call};
use crate::error::{Error, Result, one_line};
use crate::lost::Lost;
use crate::policy::{Next, Seen, Standing, Why, next, wait_after};
use crate::refusal;
use crate::settings::Settings;
use crate::transport::{Head, Transport, Wire};

/// Redirects of one call.
const HOPS: usize = 5;
/// The version of the REST API that this code was written for.
const API_VERSION: (&str, &str) = ("x-github-api-version", "2022-11-28");

/// Who a call is made by.
#[derive(Clone, Copy, Debug)]
pub(crate) enum As<'a> {
    /// The token, or the App as installed in this repository.
    Repo(&'a str),
    /// The App itself.
    App(&'a App),
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").finish_non_exhaustive()
    }
}

#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) settings: Settings,
    address: Address,
    transport: Transport,
    auth: Auth,
    cache: Cache,
    user_agent: HeaderValue,
    /// A rate limit stops every thread, not only the one that met it.
    paused_until: Mutex<Option<Instant>>,
}

impl Client {
    pub(crate) fn new(settings: Settings) -> Result<Self> {
        let address = Address::new(&settings.api_url)?;
        let user_agent = HeaderValue::try_from(settings.user_agent.as_str())
            .map_err(|_| Error::settings("the user agent holds control characters"))?;
        Ok(Self {
            transport: Transport::new(settings.proxies.clone(), settings.limits.timeout)?,
            auth: Auth::new(&settings.credentials)?,
            cache: Cache::new(settings.cache.clone()),
            paused_until: Mutex::new(None),
            user_agent,
            address,
            settings,
        })
    }

    pub(crate) fn calls(&self) -> u64 {
        self.transport.calls()
    }

    /// Asks as the token, or as the App in `repo`.
    pub(crate) fn ask(&self, repo: &str, call: &Call) -> Result<Answer> {
        let answer = self.ask_as(As::Repo(repo), call);
        match (&self.auth, &answer) {
            // Revoked before its time.
            (Auth::App(app), Err(Error::BadCredentials { .. })) => {
                app.forget(repo);
                self.ask_as(As::Repo(repo), call)
            }
            _ => answer,
        }
    }

    fn ask_as(&self, who: As<'_>, call: &Call) -> Result<Answer> {
        let key = call
            .is_read()
            .then(|| Cache::key(&self.address.url(&call.target), call.accept));
        let kept = key.as_deref().and_then(|key| self.cache.get(key));
        let mut retry = Retry::new(call);
        loop {
            retry.attempt += 1;
            self.respect_pause(&retry)?;
            let seen = self.follow(who, call, kept.as_ref());
            match self.next(&seen, &retry) {
                Next::Wait(wait) => self.wait(wait, &seen),
                Next::GiveUp(why) => return Err(gave_up(call, &seen, why)),
                Next::Done => return self.finish(call, seen, key.as_deref().zip(kept)),
            }
        }
    }

    fn next(&self, seen: &Exchange, retry: &Retry<'_>) -> Next {
        if matches!(seen, Exchange::Fatal(_)) {
            return Next::Done;
        }
        next(seen.facts(), retry.standing(), &self.settings.limits)
    }

    fn finish(&self, call: &Call, seen: Exchange, kept: Option<(&str, Kept)>) -> Result<Answer> {
        let answer = match seen {
            Exchange::Answer(answer) => *answer,
            Exchange::Fatal(error) => return Err(*error),
            Exchange::Lost(why) => return Err(Error::unavailable(&call.what, why)),
        };
        match (answer.status, kept) {
            (304, Some((_, kept))) => Ok(unchanged(kept)),
            (200..=299, _) => {
                self.keep(call, &answer);
                Ok(answer)
            }
            _ => Err(refusal::error_of(call, &answer)),
        }
    }

    fn keep(&self, call: &Call, answer: &Answer) {
        let Some(etag) = answer.header("etag") else {
            return;
        };
        if call.is_read() && answer.status == 200 {
            let kept = Kept {
                etag: etag.to_owned(),
                link: answer.header("link").map(str::to_owned),
                body: answer.body.clone(),
            };
            let url = self.address.url(&call.target);
            self.cache.put(&Cache::key(&url, call.accept), kept);
        }
    }

    /// One attempt, through its redirects.
    fn follow(&self, who: As<'_>, call: &Call, kept: Option<&Kept>) -> Exchange {
        let mut url = match self.address.uri(&call.target, &call.what) {
            Ok(url) => url,
            Err(error) => return Exchange::from(error),
        };
        for _ in 0..HOPS {
            let wire = match self.wire(who, call, &url, kept) {
                Ok(wire) => wire,
                Err(error) => return Exchange::from(error),
            };
            let answer = match self.exchange(call, wire) {
                Exchange::Answer(answer) => answer,
                lost @ (Exchange::Lost(_) | Exchange::Fatal(_)) => return lost,
            };
            match self
                .address
                .redirect(&url, call, answer.status, &answer.headers)
            {
                Ok(Some(next)) => url = next,
                Ok(None) => return Exchange::Answer(answer),
                Err(error) => return Exchange::from(error),
            }
        }
        Exchange::from(Error::bad_answer(&call.what, "redirected in a circle"))
    }

    fn exchange(&self, call: &Call, wire: Wire) -> Exchange {
        let largest = self.settings.limits.largest_body;
        match self.transport.send(wire, largest) {
            Ok((status, headers, body)) => {
                let answer = Answer {
                    status,
                    headers,
                    body,
                };
                if is_broken_json(&answer) {
                    return Exchange::Lost("the answer is cut off".to_owned());
                }
                Exchange::Answer(Box::new(answer))
            }
            Err(Lost::TooLarge) => Exchange::from(Error::TooLarge {
                what: call.what.clone(),
                limit: largest as u64,
                unit: "bytes",
            }),
            Err(lost) => Exchange::lost(call, lost),
        }
    }

    fn wire(&self, who: As<'_>, call: &Call, url: &Uri, kept: Option<&Kept>) -> Result<Wire> {
        let mut wire = Request::new(call.body.clone().unwrap_or_default());
        *wire.method_mut() = call.method.clone();
        *wire.uri_mut() = url.clone();
        let headers = wire.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static(call.accept));
        headers.insert(USER_AGENT, self.user_agent.clone());
        let version = HeaderName::from_static(API_VERSION.0);
        headers.insert(version, HeaderValue::from_static(API_VERSION.1));
        if call.body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if let Some(etag) = kept.and_then(|kept| HeaderValue::try_from(&kept.etag).ok()) {
            headers.insert(IF_NONE_MATCH, etag);
        }
        if self.address.is_ours(url)
            && let Some(token) = self.authorization(who)?
        {
            headers.insert(AUTHORIZATION, token);
        }
        Ok(wire)
    }

    fn authorization(&self, who: As<'_>) -> Result<Option<HeaderValue>> {
        match (who, &self.auth) {
            (As::App(app), _) => app.jwt(now()).map(Some),
            (As::Repo(_), Auth::Anonymous) => Ok(None),
            (As::Repo(_), Auth::Token(token)) => Ok(Some(token.clone())),
            (As::Repo(repo), Auth::App(app)) => Ok(Some(self.installation(app, repo)?.header)),
        }
    }

    fn installation(&self, app: &App, repo: &str) -> Result<Installation> {
        if let Some(known) = app.known(repo, now()) {
            return Ok(known);
        }
        let what = format!("asking for a token of the App for {repo}");
        let find = Call::get(
            format!("/repos/{repo}/installation"),
            what.clone(),
            "the App installed in this repository",
        );
        let installed: Installed = self.ask_as(As::App(app), &find)?.json(&what)?;
        let target = format!("/app/installations/{}/access_tokens", installed.id);
        let make = Call::write(http::Method::POST, target, &serde_json::json!({}))?
            .to(what.clone(), "the App installed in this repository")
            // A token too many harms nobody.
            .repeatable();
        let made: AccessToken = self.ask_as(As::App(app), &make)?.json(&what)?;
        let ends = Timestamp::parse(&made.expires_at)
            .map_err(|error| Error::bad_answer(&what, error.to_string()))?;
        let installation = Installation {
            header: bearer(&SecretString::from(made.token))?,
            login: format!("{}[bot]", installed.app_slug),
            ends: u64::try_from(ends.0 / 1000).unwrap_or(0),
        };
        app.keep(repo, installation.clone());
        Ok(installation)
    }

    /// The name that our comments are by, when it follows from the credentials alone.
    pub(crate) fn app_login(&self, repo: &str) -> Result<Option<String>> {
        match &self.auth {
            Auth::App(app) => self.installation(app, repo).map(|found| Some(found.login)),
            Auth::Anonymous | Auth::Token(_) => Ok(None),
        }
    }

    /// Opens a download; redirects are followed, the token stays at home.
    pub(crate) fn open(&self, repo: &str, call: &Call, from: u64) -> Result<Head, Exchange> {
        let mut url = self
            .address
            .uri(&call.target, &call.what)
            .map_err(Exchange::from)?;
        for _ in 0..HOPS {
            let mut wire = self
                .wire(As::Repo(repo), call, &url, None)
                .map_err(Exchange::from)?;
            if from > 0
                && let Ok(range) = HeaderValue::try_from(format!("bytes={from}-"))
            {
                wire.headers_mut().insert(http::header::RANGE, range);
            }
            let head = self.transport.open(wire);
            let head = head.map_err(|lost| Exchange::lost(call, lost))?;
            match self
                .address
                .redirect(&url, call, head.status, &head.headers)
            {
                Ok(Some(next)) => url = next,
                Ok(None) => return Ok(head),
                Err(error) => return Err(Exchange::from(error)),
            }
        }
        Err(Exchange::from(Error::bad_answer(
            &call.what,
            "redirected in a circle",
        )))
    }

    pub(crate) fn piece(
        &self,
        call: &Call,
        head: &mut Head,
    ) -> Result<Option<bytes::Bytes>, Exchange> {
        let piece = self.transport.piece(head);
        piece.map_err(|lost| Exchange::lost(call, lost))
    }

    /// Waits before the next attempt; a rate limit holds the other threads too.
    pub(crate) fn wait(&self, wait: Duration, seen: &Exchange) {
        if matches!(seen.facts().status, Some(403 | 429)) {
            let until = Instant::now() + wait;
            let mut paused = lock(&self.paused_until);
            *paused = Some(paused.map_or(until, |other| other.max(until)));
        }
        thread::sleep(wait);
    }

    /// Waits in a loop of a caller that reads back between its attempts.
    pub(crate) fn back_off(&self, attempt: u32) {
        thread::sleep(wait_after(attempt, jitter(), &self.settings.limits));
    }

    fn respect_pause(&self, retry: &Retry<'_>) -> Result<()> {
        let Some(until) = *lock(&self.paused_until) else {
            return Ok(());
        };
        let wait = until.saturating_duration_since(Instant::now());
        if retry.started.elapsed() + wait > self.settings.limits.patience {
            return Err(Error::RateLimited {
                what: retry.call.what.clone(),
                until: None,
            });
        }
        thread::sleep(wait);
        Ok(())
    }

    /// Whether and when to try again, for callers with their own loop.
    pub(crate) fn next_for(&self, seen: &Exchange, retry: &Retry<'_>) -> Next {
        self.next(seen, retry)
    }

    /// The target of a `Link`, checked to be GitHub's.
    pub(crate) fn own_target(&self, url: &str, what: &str) -> Result<String> {
        self.address.own_target(url, what)
    }
}

/// How often one call was tried.
#[derive(Debug)]
pub(crate) struct Retry<'a> {
    pub(crate) call: &'a Call,
    pub(crate) attempt: u32,
    started: Instant,
}

impl<'a> Retry<'a> {
    pub(crate) fn new(call: &'a Call) -> Self {
        Self {
            call,
            attempt: 0,
            started: Instant::now(),
        }
    }

    fn standing(&self) -> Standing {
        Standing {
            attempt: self.attempt,
            spent: self.started.elapsed(),
            now: now(),
            jitter: jitter(),
            again: self.call.again,
            soon: self.call.soon,
        }
    }
}

/// What one attempt gave.
#[derive(Debug)]
pub(crate) enum Exchange {
    Answer(Box<Answer>),
    /// No complete answer.
    Lost(String),
    /// Nothing that another attempt changes.
    Fatal(Box<Error>),
}

impl From<Error> for Exchange {
    fn from(error: Error) -> Self {
        Self::Fatal(Box::new(error))
    }
}

impl Exchange {
    fn lost(call: &Call, lost: Lost) -> Self {
        match lost {
            Lost::Broken(why) => Self::Lost(why),
            Lost::TooLarge => Self::Lost(lost.to_string()),
            Lost::Unreachable { why, hint } => Self::from(Error::Unreachable {
                what: call.what.clone(),
                why: one_line(&why),
                hint,
            }),
        }
    }

    fn facts(&self) -> Seen {
        let Self::Answer(answer) = self else {
            return Seen::default();
        };
        Seen {
            status: Some(answer.status),
            retry_after: answer.number("retry-after"),
            remaining: answer.number("x-ratelimit-remaining"),
            reset: answer.number("x-ratelimit-reset"),
            secondary: refusal::speaks_of_a_limit(answer),
        }
    }
}

pub(crate) fn gave_up(call: &Call, seen: &Exchange, why: Why) -> Error {
    let what = call.what.clone();
    match (why, seen) {
        (Why::Limited(until), _) => Error::RateLimited {
            what,
            until: until.map(|seconds| Timestamp(i64::try_from(seconds).unwrap_or(0) * 1000)),
        },
        (Why::Unavailable, Exchange::Answer(answer)) => {
            Error::unavailable(&what, format!("GitHub answers {}", answer.status))
        }
        (Why::Unavailable, Exchange::Lost(why)) => Error::unavailable(&what, why),
        (Why::Unavailable, Exchange::Fatal(error)) => error.as_ref().clone(),
    }
}

fn unchanged(kept: Kept) -> Answer {
    let mut headers = HeaderMap::new();
    if let Some(link) = kept.link.and_then(|link| HeaderValue::try_from(link).ok()) {
        headers.insert(http::header::LINK, link);
    }
    Answer {
        status: 200,
        headers,
        body: kept.body,
    }
}

/// A proxy that cuts an answer off may still end it properly.
fn is_broken_json(answer: &Answer) -> bool {
    let is_json = answer
        .header("content-type")
        .is_some_and(|kind| kind.starts_with("application/json"));
    let is_good = (200..300).contains(&answer.status) && !answer.body.is_empty();
    is_json && is_good && serde_json::from_slice::<serde::de::IgnoredAny>(&answer.body).is_err()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// From 0 to 1, other in every call and process.
fn jitter() -> f64 {
    let random = RandomState::new().hash_one(0) >> 11;
    random as f64 / (1_u64 << 53) as f64
}
