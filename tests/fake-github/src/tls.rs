//! A certificate for loopback, by an authority that no machine trusts by itself. `tls/make` makes them.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// The certificate, in PEM, of the authority that [`crate::Options::tls`] is signed by: what `SSL_CERT_FILE` has to name.
pub const AUTHORITY: &str = include_str!("../tls/authority.pem");

/// The certificate, in PEM, of an authority that has signed nothing.
pub const STRANGER: &str = include_str!("../tls/stranger.pem");

const SERVER: &str = include_str!("../tls/server.pem");
const KEY: &str = include_str!("../tls/server-key.pem");

pub(crate) fn acceptor() -> Result<TlsAcceptor, String> {
    let certificate =
        CertificateDer::from_pem_slice(SERVER.as_bytes()).map_err(|error| error.to_string())?;
    let key = PrivateKeyDer::from_pem_slice(KEY.as_bytes()).map_err(|error| error.to_string())?;
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            builder
                .with_no_client_auth()
                .with_single_cert(vec![certificate], key)
        });
    let config = config.map_err(|error| error.to_string())?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
