//! The `Authorization` header: a token as given, or the installation tokens of an App, made with a signed JWT and kept until shortly before they end.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderValue;
use ring::rand::SystemRandom;
use ring::rsa::KeyPair;
use ring::signature::RSA_PKCS1_SHA256;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::settings::Credentials;

/// A token is renewed this long before it ends, in seconds.
const MARGIN: u64 = 300;

/// Who asks, ready to sign.
pub(crate) enum Auth {
    Anonymous,
    Token(HeaderValue),
    App(Box<App>),
}

pub(crate) struct App {
    id: String,
    key: KeyPair,
    installations: Mutex<BTreeMap<String, Installation>>,
}

/// An App in one repository.
#[derive(Clone)]
pub(crate) struct Installation {
    pub header: HeaderValue,
    /// The name that its comments are by.
    pub login: String,
    /// Seconds since 1970.
    pub ends: u64,
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Anonymous => "Anonymous",
            Self::Token(_) => "Token",
            Self::App(_) => "App",
        })
    }
}

impl Auth {
    pub(crate) fn new(credentials: &Credentials) -> Result<Self> {
        Ok(match credentials {
            Credentials::Anonymous => Self::Anonymous,
            Credentials::Token(token) => Self::Token(bearer(token)?),
            Credentials::App { id, private_key } => {
                Self::App(Box::new(App::new(id.clone(), private_key)?))
            }
        })
    }
}

/// The header of a token, marked so that no debug output shows it.
pub(crate) fn bearer(token: &SecretString) -> Result<HeaderValue> {
    let token = token.expose_secret().trim();
    let usable = !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic());
    let header = usable.then(|| HeaderValue::try_from(format!("Bearer {token}")));
    let Some(Ok(mut header)) = header else {
        return Err(Error::settings(
            "the token is empty or holds characters that no token has (hint: is the secret set?)",
        ));
    };
    header.set_sensitive(true);
    Ok(header)
}

impl App {
    fn new(id: String, pem: &SecretString) -> Result<Self> {
        let key = key_pair(pem).ok_or_else(|| {
            Error::settings("the private key of the App is no RSA key in PEM (hint: give the file that GitHub made, whole, with its BEGIN and END lines)")
        })?;
        Ok(Self {
            id,
            key,
            installations: Mutex::default(),
        })
    }

    /// A token that still lives, if there is one.
    pub(crate) fn known(&self, repo: &str, now: u64) -> Option<Installation> {
        let all = self.installations.lock();
        let all = all.unwrap_or_else(PoisonError::into_inner);
        let found = all.get(repo)?;
        (found.ends > now.saturating_add(MARGIN)).then(|| found.clone())
    }

    pub(crate) fn keep(&self, repo: &str, installation: Installation) {
        let all = self.installations.lock();
        let mut all = all.unwrap_or_else(PoisonError::into_inner);
        all.insert(repo.to_owned(), installation);
    }

    pub(crate) fn forget(&self, repo: &str) {
        let all = self.installations.lock();
        all.unwrap_or_else(PoisonError::into_inner).remove(repo);
    }

    /// What the App itself signs with: RS256, a minute back because clocks differ, ten minutes at most.
    pub(crate) fn jwt(&self, now: u64) -> Result<HeaderValue> {
        let claims = serde_json::json!({
            "iat": now.saturating_sub(60),
            "exp": now.saturating_add(540),
            "iss": self.id,
        });
        let head = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","typ":"JWT"}"#);
        let text = format!("{head}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                text.as_bytes(),
                &mut signature,
            )
            .map_err(|_| Error::settings("the private key of the App cannot sign"))?;
        let signature = URL_SAFE_NO_PAD.encode(signature);
        bearer(&SecretString::from(format!("{text}.{signature}")))
    }
}

fn key_pair(pem: &SecretString) -> Option<KeyPair> {
    let der = PrivateKeyDer::from_pem_slice(pem.expose_secret().as_bytes()).ok()?;
    if let PrivateKeyDer::Pkcs8(key) = &der {
        return KeyPair::from_pkcs8(key.secret_pkcs8_der()).ok();
    }
    if let PrivateKeyDer::Pkcs1(key) = &der {
        return KeyPair::from_der(key.secret_pkcs1_der()).ok();
    }
    None
}

/// `GET /repos/{owner}/{repo}/installation`.
#[derive(Deserialize)]
pub(crate) struct Installed {
    pub id: u64,
    #[serde(default)]
    pub app_slug: String,
}

/// `POST /app/installations/{id}/access_tokens`.
#[derive(Deserialize)]
pub(crate) struct AccessToken {
    pub token: String,
    pub expires_at: String,
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
    use secrecy::SecretString;

    use super::{App, Auth, Installation, bearer};
    use crate::settings::Credentials;

    const PKCS1: &str = include_str!("../tests/keys/app-pkcs1.pem");
    const PKCS8: &str = include_str!("../tests/keys/app-pkcs8.pem");

    fn app(pem: &str) -> App {
        App::new("42".to_owned(), &SecretString::from(pem)).unwrap()
    }

    #[test]
    fn both_forms_of_a_key_sign_a_jwt_that_verifies() {
        for pem in [PKCS1, PKCS8] {
            let app = app(pem);
            let header = app.jwt(1_000).unwrap();
            assert!(header.is_sensitive());
            let jwt = header.to_str().unwrap().strip_prefix("Bearer ").unwrap();
            let (text, signature) = jwt.rsplit_once('.').unwrap();
            let claims = URL_SAFE_NO_PAD.decode(text.split_once('.').unwrap().1);
            let claims: serde_json::Value = serde_json::from_slice(&claims.unwrap()).unwrap();
            assert_eq!(
                claims,
                serde_json::json!({"iat": 940, "exp": 1540, "iss": "42"})
            );
            let public = app.key.public();
            UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public.as_ref())
                .verify(text.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap())
                .unwrap();
        }
    }

    #[test]
    fn a_token_of_an_installation_is_renewed_before_it_ends() {
        let app = app(PKCS8);
        let header = bearer(&SecretString::from("t")).unwrap();
        let installation = Installation {
            header,
            login: "sprag[bot]".to_owned(),
            ends: 10_000,
        };
        app.keep("acme/shop", installation);
        assert!(app.known("acme/shop", 9_600).is_some());
        assert!(app.known("acme/shop", 9_701).is_none());
        assert!(app.known("acme/other", 0).is_none());
        app.forget("acme/shop");
        assert!(app.known("acme/shop", 0).is_none());
    }

    #[test]
    fn errors_and_debug_output_never_show_a_secret() {
        let credentials = |key: &str| Credentials::App {
            id: "1".to_owned(),
            private_key: SecretString::from(key),
        };
        let error = Auth::new(&credentials("hush")).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hush"));
        let token = Credentials::Token(SecretString::from("hush hush"));
        let error = Auth::new(&token).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hush"));
        let auth = Auth::new(&Credentials::Token(SecretString::from("hush"))).unwrap();
        let header = bearer(&SecretString::from("hush")).unwrap();
        assert!(!format!("{auth:?} {header:?}").contains("hush"));
        assert!(Auth::new(&credentials(PKCS8)).is_ok());
    }
}
