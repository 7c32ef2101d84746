//! How a connection is made: direct or through a proxy, with TLS by the roots of the machine.
//!
//! hyper-util has a tunnel of its own, which tells nothing of a refusal but that there was one; what to do about a 407, a 403 and a 502 differs.

use std::error::Error as StdError;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Uri;
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::crypto::ring::default_provider;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tower_service::Service;

use crate::error::{Error, Result};
use crate::lost::Lost;
use crate::proxy::{Proxies, Proxy};

/// The longest head of an answer to CONNECT, in bytes.
const LONGEST_HEAD: usize = 16 * 1024;

type BoxError = Box<dyn StdError + Send + Sync>;
/// To GitHub, or to a proxy with or without TLS.
type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;
type Connecting = Pin<Box<dyn Future<Output = Result<Stream, BoxError>> + Send>>;

/// Connections to any host, with TLS where the address says so.
pub(crate) fn connector(proxies: Proxies) -> Result<HttpsConnector<Route>> {
    let tls = Arc::new(tls()?);
    let mut direct = HttpConnector::new();
    direct.enforce_http(false);
    let route = Route {
        to_proxy: HttpsConnector::from((direct.clone(), Arc::clone(&tls))),
        direct,
        proxies: Arc::new(proxies),
    };
    Ok(HttpsConnector::from((route, tls)))
}

fn tls() -> Result<ClientConfig> {
    let with_roots = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| no_tls(&error))?
        .with_native_roots()
        .map_err(|error| no_tls(&error))?;
    Ok(with_roots.with_no_client_auth())
}

fn no_tls(error: &dyn StdError) -> Error {
    Error::settings(format!(
        "no secure connections: {error} (hint: the root certificates of the machine are used; SSL_CERT_FILE or SSL_CERT_DIR names others)"
    ))
}

/// The way to a host.
#[derive(Clone)]
pub(crate) struct Route {
    direct: HttpConnector,
    to_proxy: HttpsConnector<HttpConnector>,
    proxies: Arc<Proxies>,
}

impl Service<Uri> for Route {
    type Response = Stream;
    type Error = BoxError;
    type Future = Connecting;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.direct.poll_ready(context).map_err(BoxError::from)
    }

    fn call(&mut self, to: Uri) -> Connecting {
        match self.proxies.route(&to) {
            Ok(None) => {
                let connecting = self.direct.call(to);
                Box::pin(async { Ok(MaybeHttpsStream::Http(connecting.await?)) })
            }
            Ok(Some(proxy)) => {
                let connecting = self.to_proxy.call(proxy.uri.clone());
                Box::pin(async move {
                    let stream = connecting
                        .await
                        .map_err(|error| cannot_reach(&proxy, &*error))?;
                    let mut stream = TokioIo::new(stream);
                    tunnel(&mut stream, &proxy, &host_and_port(&to)).await?;
                    Ok(stream.into_inner())
                })
            }
            Err(lost) => Box::pin(async { Err(lost.into()) }),
        }
    }
}

fn cannot_reach(proxy: &Proxy, error: &(dyn StdError + 'static)) -> Lost {
    match Lost::of(error, &proxy.to_string()) {
        Lost::Broken(why) => Lost::Broken(format!("{proxy} cannot be reached: {why}")),
        lost @ (Lost::Unreachable { .. } | Lost::TooLarge) => lost,
    }
}

/// What CONNECT names: a proxy wants the port in any case.
fn host_and_port(to: &Uri) -> String {
    let usual = if to.scheme_str() == Some("http") {
        80
    } else {
        443
    };
    let port = to.port_u16().unwrap_or(usual);
    format!("{}:{port}", to.host().unwrap_or_default())
}

/// Asks the proxy to connect us with `to`.
async fn tunnel<S>(stream: &mut S, proxy: &Proxy, to: &str) -> Result<(), Lost>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let broke = |error: std::io::Error| Lost::Broken(format!("{proxy} broke off: {error}"));
    stream.write_all(&request(proxy, to)).await.map_err(broke)?;
    stream.flush().await.map_err(broke)?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < LONGEST_HEAD {
        // Byte by byte: what follows the head belongs to the host behind the proxy.
        head.push(stream.read_u8().await.map_err(broke)?);
    }
    accepted(status(&head), proxy, to)
}

fn request(proxy: &Proxy, to: &str) -> Vec<u8> {
    let mut request = format!("CONNECT {to} HTTP/1.1\r\nhost: {to}\r\n").into_bytes();
    if let Some(auth) = &proxy.auth {
        request.extend_from_slice(b"proxy-authorization: ");
        request.extend_from_slice(auth.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    request
}

/// The status in `HTTP/1.1 200 Connection established`.
fn status(head: &[u8]) -> Option<u16> {
    let line = head.split(|byte| *byte == b'\r').next()?;
    let rest = std::str::from_utf8(line).ok()?.strip_prefix("HTTP/1.")?;
    rest.split(' ').nth(1)?.parse().ok()
}

fn accepted(status: Option<u16>, proxy: &Proxy, to: &str) -> Result<(), Lost> {
    let for_good = |why: String, hint: String| Err(Lost::Unreachable { why, hint });
    let variable = proxy.variable;
    match status {
        Some(200..=299) => Ok(()),
        Some(407) if proxy.auth.is_none() => for_good(
            format!("{proxy} asks for a name and a password (407)"),
            format!("write them into {variable}: http://NAME:PASSWORD@HOST:PORT"),
        ),
        Some(407) => for_good(
            format!("{proxy} does not accept our name and password (407)"),
            format!("look at those in {variable}; special characters need % codes"),
        ),
        // What stands behind it may come back.
        Some(status @ 500..=599) => Err(Lost::Broken(format!(
            "{proxy} answers {status} when asked for {to}"
        ))),
        Some(status) => for_good(
            format!("{proxy} refuses to connect with {to} ({status})"),
            "let the proxy allow this host, or name the host in NO_PROXY if it can be reached without".to_owned(),
        ),
        None => for_good(
            format!("{proxy} does not answer as a proxy does"),
            format!("look at host and port in {variable}"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::{host_and_port, status};

    #[test]
    fn the_status_is_read_from_the_first_line() {
        assert_eq!(
            status(b"HTTP/1.1 200 Connection established\r\n\r\n"),
            Some(200)
        );
        assert_eq!(status(b"HTTP/1.0 407\r\nx: y\r\n\r\n"), Some(407));
        for other in [
            &b""[..],
            b"SSH-2.0",
            b"HTTP/2 200",
            b"HTTP/1.1 OK\r\n",
            b"\xff\r\n",
        ] {
            assert_eq!(status(other), None);
        }
    }

    #[test]
    fn the_port_is_always_named() {
        let named = |to: &str| host_and_port(&to.parse().unwrap());
        assert_eq!(named("https://api.github.com/x"), "api.github.com:443");
        assert_eq!(named("http://ghe.example/"), "ghe.example:80");
        assert_eq!(named("https://[::1]:8443/"), "[::1]:8443");
    }
}
