//! Where GitHub is, who we are there, and how patient we are.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};

use crate::proxy::Proxies;

/// Everything a [`crate::Github`] needs to know. Nothing else is read from the environment than which certificates to trust.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Base of the REST API: `https://api.github.com`, or `https://HOST/api/v3` of a GitHub Enterprise Server.
    pub api_url: String,
    /// Who asks.
    pub credentials: Credentials,
    /// Sent with every request; GitHub refuses requests without one.
    pub user_agent: String,
    /// Who our comments are by: `github-actions[bot]` for the token of a workflow. When it is not given, GitHub is asked, or says it with the first
    /// thing that is written.
    pub login: Option<String>,
    /// The proxies on the way to GitHub. Roots of TLS are those of the machine, or of `SSL_CERT_FILE` and `SSL_CERT_DIR`.
    pub proxies: Proxies,
    /// A folder in which answers are kept with their `ETag`; asking again then costs nothing of the rate limit when nothing changed.
    /// Without one they are kept in memory.
    pub cache: Option<PathBuf>,
    /// Effects are not applied; [`crate::Done::WouldDo`] is the answer to each.
    pub dry_run: bool,
    /// How long and how often.
    pub limits: Limits,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            api_url: "https://api.github.com".to_owned(),
            credentials: Credentials::Anonymous,
            user_agent: concat!("sprag/", env!("CARGO_PKG_VERSION")).to_owned(),
            login: None,
            proxies: Proxies::default(),
            cache: None,
            dry_run: false,
            limits: Limits::default(),
        }
    }
}

/// Who asks.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// Nobody: public repositories only, 60 requests an hour.
    Anonymous,
    /// A `GITHUB_TOKEN`, an installation token or a personal one.
    Token(SecretString),
    /// A GitHub App, which makes its own installation token for each repository.
    App {
        /// The App's id or its client id.
        id: String,
        /// PEM, PKCS#1 or PKCS#8.
        private_key: SecretString,
    },
}

impl Credentials {
    /// Whether it is the token of an App's installation, as that of a workflow is: GitHub begins it with `ghs_`.
    pub(crate) fn is_installation(&self) -> bool {
        match self {
            Self::Token(token) => token.expose_secret().starts_with("ghs_"),
            Self::Anonymous | Self::App { .. } => false,
        }
    }

    pub(crate) fn is_app(&self) -> bool {
        matches!(self, Self::App { .. })
    }
}

/// How long and how often. The defaults suit a job that a person waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest single wait between two attempts. A rate limit that lasts longer is an error at once.
    pub longest_wait: Duration,
    /// All attempts and waits of one call together.
    pub patience: Duration,
    /// Attempts of one call.
    pub attempts: u32,
    /// The wait before the second attempt; doubled before each further one.
    pub first_wait: Duration,
    /// The wait for a secondary limit that names none (GitHub asks for a minute).
    pub secondary_wait: Duration,
    /// One attempt, from connecting to the last byte; for a download, the gap between two pieces.
    pub timeout: Duration,
    /// The largest answer that is kept in memory, in bytes.
    pub largest_body: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            longest_wait: Duration::from_secs(90),
            patience: Duration::from_mins(4),
            attempts: 6,
            first_wait: Duration::from_millis(500),
            secondary_wait: Duration::from_mins(1),
            timeout: Duration::from_secs(30),
            largest_body: 64 * 1024 * 1024,
        }
    }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::{Credentials, Settings};

    #[test]
    fn settings_never_show_a_secret() {
        let app = Credentials::App {
            id: "1".to_owned(),
            private_key: SecretString::from("hush-key"),
        };
        for credentials in [Credentials::Token(SecretString::from("hush-token")), app] {
            let settings = Settings {
                credentials,
                ..Settings::default()
            };
            assert!(!format!("{settings:?}").contains("hush"));
        }
    }
}
