//! The sockets: the API, and the storage host beside it.
//!
//! hyper is used without a framework above it: a fault may have to end a connection without an answer or in the middle of one.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::access::secret;
use crate::call::Request;
use crate::control;
use crate::fault::{Plan, What};
use crate::page::Sent;
use crate::pipeline::Core;
use crate::record::{Logged, Side};
use crate::reply::Reply;

/// The largest body of a request: GitHub's largest blob in base64.
const LARGEST_BODY: usize = 150 << 20;

/// What a connection needs.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) core: Arc<Core>,
    /// Added to every answer of the API.
    pub(crate) latency: Duration,
    /// Both hosts speak TLS.
    pub(crate) tls: Option<TlsAcceptor>,
}

/// Which of the two hosts a connection came to.
#[derive(Clone, Copy)]
pub(crate) enum Host {
    Api,
    Store,
}

/// The connection ends here.
#[derive(Debug)]
struct Broken;

impl std::fmt::Display for Broken {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("the connection was broken on purpose")
    }
}

impl std::error::Error for Broken {}

/// A body that may break off in the middle.
struct Sending {
    bytes: Bytes,
    announced: usize,
    /// Whether hyper was given the time to send what it has.
    flushed: bool,
}

impl Body for Sending {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        if !self.bytes.is_empty() {
            let bytes = std::mem::take(&mut self.bytes);
            self.announced = self.announced.saturating_sub(bytes.len());
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        if self.announced == 0 {
            return Poll::Ready(None);
        }
        if self.flushed {
            return Poll::Ready(Some(Err(Broken)));
        }
        self.flushed = true;
        context.waker().wake_by_ref();
        Poll::Pending
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.announced as u64)
    }
}

impl Server {
    /// Serves every connection until the runtime ends.
    pub(crate) async fn serve(self, listener: TcpListener, host: Host) -> Infallible {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                continue;
            };
            drop(stream.set_nodelay(true));
            let server = self.clone();
            match &self.tls {
                None => drop(tokio::spawn(server.connection(stream, host))),
                Some(tls) => {
                    let greeting = tls.accept(stream);
                    drop(tokio::spawn(async move {
                        // A client that does not trust the certificate hangs up.
                        if let Ok(stream) = greeting.await {
                            server.connection(stream, host).await;
                        }
                    }));
                }
            }
        }
    }

    async fn connection<S>(self, stream: S, host: Host)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let service = service_fn(|request| {
            let server = self.clone();
            async move {
                let request = read(request).await?;
                server.serve_one(host, request).await
            }
        });
        // A connection that breaks, on purpose or by its client, is no news.
        drop(
            http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await,
        );
    }

    async fn serve_one(
        &self,
        host: Host,
        request: Request,
    ) -> Result<hyper::Response<Sending>, Broken> {
        if let (Host::Api, Some(rest)) = (host, request.path.strip_prefix("/_control/")) {
            return respond(control::answer(&self.core, &request, rest), false);
        }
        let at = self.core.world().millis();
        let plan = self.plan(&request);
        tokio::time::sleep(self.latency + Duration::from_millis(plan.slow())).await;
        let sent = self.handled(host, &request, &plan).await;
        let sent = sent.filter(|_| !plan.has(&What::ResetAfterHandling));
        let logged = Logged {
            at,
            method: request.method.clone(),
            path: request.target(),
            status: sent.as_ref().map_or(0, |sent| sent.status),
            token: self.token_name(&request),
            fault: plan.names(),
        };
        self.core.record().log.push(logged);
        respond(sent.ok_or(Broken)?, plan.has(&What::Truncated))
    }

    fn plan(&self, request: &Request) -> Plan {
        let prefix = self.core.description.prefix();
        let path = request.path.strip_prefix(prefix).unwrap_or(&request.path);
        self.core.faults().plan(&request.method, path)
    }

    /// Away from the threads that serve the sockets: a large body takes its time.
    async fn handled(&self, host: Host, request: &Request, plan: &Plan) -> Option<Sent> {
        let (core, request, plan) = (Arc::clone(&self.core), request.clone(), plan.clone());
        let task = tokio::task::spawn_blocking(move || match host {
            Host::Api => once_or_twice(&plan, || core.answer(&request, &plan), &core),
            Host::Store => once_or_twice(&plan, || store(&core, &request), &core),
        });
        task.await.ok().flatten()
    }

    fn token_name(&self, request: &Request) -> String {
        let world = self.core.world();
        let token = world.tokens.get(secret(request.header("authorization")));
        token.map(|token| token.name.clone()).unwrap_or_default()
    }
}

/// The storage host: it knows signed addresses and must never be sent a token.
fn store(core: &Core, request: &Request) -> Sent {
    if !request.header("authorization").is_empty() {
        let what = "a token was sent to the storage host".to_owned();
        core.record().violation(request, Side::Request, what);
    }
    let world = core.world();
    let found = world
        .downloads
        .get(&request.path)
        .filter(|(_, until)| world.millis() < *until);
    Sent::of(match found {
        Some((bytes, _)) => Reply::raw("application/zip", bytes.clone()),
        None => Reply::not_found(),
    })
}

/// Handles a request as often as the plan says; nothing when it breaks before.
fn once_or_twice(plan: &Plan, handle: impl Fn() -> Sent, core: &Core) -> Option<Sent> {
    if plan.has(&What::Reset) {
        return None;
    }
    let now = core.world().seconds();
    if let Some(reply) = plan.instead(now) {
        return Some(Sent::of(reply));
    }
    let first = handle();
    if plan.has(&What::DuplicateDelivery) {
        handle();
    }
    Some(first)
}

async fn read(request: hyper::Request<Incoming>) -> Result<Request, Broken> {
    let (head, body) = request.into_parts();
    let body = http_body_util::Limited::new(body, LARGEST_BODY)
        .collect()
        .await
        .map_err(|_| Broken)?
        .to_bytes();
    let text =
        |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    Ok(Request {
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head
            .headers
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), text(value)))
            .collect(),
        body,
    })
}

fn respond(sent: Sent, truncated: bool) -> Result<hyper::Response<Sending>, Broken> {
    let announced = sent.body.len();
    let mut bytes = sent.body;
    if truncated {
        bytes.truncate(announced / 2);
    }
    let mut response = hyper::Response::builder()
        .status(sent.status)
        .header("x-github-media-type", "github.v3; format=json");
    for (name, value) in sent.headers {
        response = response.header(name, value);
    }
    response
        .body(Sending {
            bytes,
            announced,
            flushed: false,
        })
        .map_err(|_| Broken)
}

/// Listens on loopback.
pub(crate) fn listen(port: u16) -> io::Result<std::net::TcpListener> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", port))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}
