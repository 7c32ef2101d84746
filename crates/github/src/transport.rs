//! Octocrab as a transport over connections of our own making: one request, one answer, timeouts. It repeats nothing, follows nothing, adds no token.
//!
//! A small runtime of its own lets the rest of the project be blocking.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request};
use http_body_util::BodyExt as _;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use octocrab::{AuthState, OctoBody, Octocrab, OctocrabBuilder};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use crate::connect::connector;
use crate::error::{Error, Result};
use crate::lost::Lost;
use crate::proxy::Proxies;

/// A request as it goes over the wire.
pub(crate) type Wire = Request<Bytes>;

type Body = http_body_util::combinators::BoxBody<Bytes, octocrab::Error>;

/// The status line and headers of an answer, its body still to come.
pub(crate) struct Head {
    pub status: u16,
    pub headers: HeaderMap,
    body: Body,
}

/// Sends requests one by one, from any thread.
pub(crate) struct Transport {
    client: Octocrab,
    /// None only while it is dropped.
    runtime: Option<Runtime>,
    timeout: Duration,
    calls: AtomicU64,
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").finish_non_exhaustive()
    }
}

impl Drop for Transport {
    fn drop(&mut self) {
        // Without waiting for a name that is still being resolved.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Transport {
    pub(crate) fn new(proxies: Proxies, timeout: Duration) -> Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(2)
            .thread_stack_size(1024 * 1024)
            .enable_io()
            .enable_time()
            .build()
            .map_err(|error| Error::settings(format!("no thread could be started: {error}")))?;
        let connections = Client::builder(TokioExecutor::new()).build(connector(proxies)?);
        let client = {
            let _inside = runtime.enter();
            let builder = OctocrabBuilder::new_empty().with_service(connections);
            let Ok(client) = builder.with_auth(AuthState::None).build();
            client
        };
        Ok(Self {
            client,
            runtime: Some(runtime),
            timeout,
            calls: AtomicU64::new(0),
        })
    }

    /// Requests sent so far.
    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Sends, and reads the whole answer.
    pub(crate) fn send(&self, wire: Wire, largest: usize) -> Result<(u16, HeaderMap, Bytes), Lost> {
        let whole = async {
            let head = self.head(wire).await?;
            let (status, headers) = (head.status, head.headers);
            let body = collect(head.body, largest).await?;
            Ok((status, headers, body))
        };
        self.block(async { timeout(self.timeout, whole).await.unwrap_or(Err(slow())) })
    }

    /// Sends, and reads the headers.
    pub(crate) fn open(&self, wire: Wire) -> Result<Head, Lost> {
        self.block(async {
            timeout(self.timeout, self.head(wire))
                .await
                .unwrap_or(Err(slow()))
        })
    }

    /// The next piece of the body; none at its end.
    pub(crate) fn piece(&self, head: &mut Head) -> Result<Option<Bytes>, Lost> {
        self.block(async {
            timeout(self.timeout, piece(&mut head.body))
                .await
                .unwrap_or(Err(slow()))
        })
    }

    async fn head(&self, wire: Wire) -> Result<Head, Lost> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let request = wire.map(OctoBody::from);
        let host = request.uri().authority().map(ToString::to_string);
        let lost = |error| Lost::of(&error, &host.unwrap_or_default());
        let response = self.client.send(request).await.map_err(lost)?;
        let (parts, body) = response.into_parts();
        Ok(Head {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body,
        })
    }

    fn block<T>(&self, work: impl Future<Output = Result<T, Lost>>) -> Result<T, Lost> {
        match &self.runtime {
            Some(runtime) => runtime.block_on(work),
            None => Err(Lost::Broken("the client is closed".to_owned())),
        }
    }
}

async fn collect(mut body: Body, largest: usize) -> Result<Bytes, Lost> {
    let mut whole = BytesMut::new();
    while let Some(bytes) = piece(&mut body).await? {
        if whole.len() + bytes.len() > largest {
            return Err(Lost::TooLarge);
        }
        whole.extend_from_slice(&bytes);
    }
    Ok(whole.freeze())
}

async fn piece(body: &mut Body) -> Result<Option<Bytes>, Lost> {
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Lost::of(&error, ""))?;
        if let Ok(data) = frame.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

fn slow() -> Lost {
    Lost::Broken("no answer in time".to_owned())
}
