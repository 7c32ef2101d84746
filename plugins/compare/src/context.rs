//! What a verb knows of the process it runs in.

use std::path::PathBuf;
use std::sync::OnceLock;

use github::{Credentials, Github, Proxies, Repo, Settings};
use host::{CiFacts, Console, Environment, GitFacts};
use model::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};

use crate::error::Error;

/// The process, read once at its start.
#[derive(Debug)]
pub(crate) struct Context {
    /// The way out to a person.
    pub(crate) console: Console,
    /// The environment.
    pub(crate) env: Environment,
    /// The moment the process started.
    pub(crate) now: Timestamp,
    /// The repository at GitHub, once somebody asked for it.
    repo: OnceLock<Option<Repo>>,
}

impl Context {
    /// Looks at this process.
    pub(crate) fn of_process() -> Self {
        let env = Environment::of_process();
        let now = reproducible_now(&env).unwrap_or_else(host::now);
        let console = Console::detect(env.get("NO_COLOR").is_some(), env.get("COLUMNS"));
        Self {
            console,
            env,
            now,
            repo: OnceLock::new(),
        }
    }

    /// Writes data to standard output.
    pub(crate) fn print(&self, text: &str) -> Result<(), Error> {
        self.console.print(text).map_err(|source| Error::Write {
            path: PathBuf::from("standard output"),
            source,
        })
    }

    /// The repository at GitHub that this process works for; `None` without a token or a repository. One client serves the whole process: it
    /// keeps connections and answers.
    pub(crate) fn repository(&self) -> Result<Option<Repo>, Error> {
        self.repository_of(&SecretString::default(), false)
    }

    /// As [`Context::repository`], for whoever asks first: with a token of its own, and with writes that are only printed.
    pub(crate) fn repository_of(
        &self,
        token: &SecretString,
        dry_run: bool,
    ) -> Result<Option<Repo>, Error> {
        if let Some(known) = self.repo.get() {
            return Ok(known.clone());
        }
        let of_environment = TOKENS.iter().find_map(|name| self.env.get(name));
        let token = match token.expose_secret() {
            "" => SecretString::from(of_environment.unwrap_or_default()),
            _ => token.clone(),
        };
        let repo = connect(&self.env, token, dry_run)?;
        Ok(self.repo.get_or_init(|| repo).clone())
    }

    /// What the CI system says of the run.
    pub(crate) fn ci(&self) -> CiFacts {
        CiFacts::read(&self.env)
    }

    /// What the checkout says of itself.
    pub(crate) fn git() -> GitFacts {
        GitFacts::read(&PathBuf::from("."))
    }
}

/// The variables that hold a token, the first one that is set.
const TOKENS: [&str; 2] = ["SPRAG_GITHUB_TOKEN", "GITHUB_TOKEN"];

fn connect(env: &Environment, token: SecretString, dry_run: bool) -> Result<Option<Repo>, Error> {
    let Some(name) = env.get("GITHUB_REPOSITORY") else {
        return Ok(None);
    };
    if token.expose_secret().is_empty() {
        return Ok(None);
    }
    let settings = Settings {
        api_url: env
            .get("GITHUB_API_URL")
            .unwrap_or("https://api.github.com")
            .to_owned(),
        credentials: Credentials::Token(token),
        user_agent: concat!("sprag-compare/", env!("CARGO_PKG_VERSION")).to_owned(),
        login: env.get("SPRAG_LOGIN").map(str::to_owned),
        proxies: Proxies::of(|name| env.get(name).map(str::to_owned)),
        dry_run,
        ..Settings::default()
    };
    Ok(Some(Github::new(settings)?.repo(name)?))
}

/// The moment that `SOURCE_DATE_EPOCH` sets (<https://reproducible-builds.org/specs/source-date-epoch/>), so that a whole run
/// can be repeated to the byte.
fn reproducible_now(env: &Environment) -> Option<Timestamp> {
    let seconds: i64 = env.get("SOURCE_DATE_EPOCH")?.parse().ok()?;
    Some(Timestamp(seconds.checked_mul(1000)?))
}

#[cfg(test)]
mod tests {
    use host::Environment;
    use model::Timestamp;

    use super::reproducible_now;

    #[test]
    fn the_clock_can_be_set_from_outside() {
        let at = |text| reproducible_now(&Environment::of(&[("SOURCE_DATE_EPOCH", text)]));
        assert_eq!(at("1795132800"), Some(Timestamp(1_795_132_800_000)));
        assert_eq!(at("soon"), None);
    }
}
