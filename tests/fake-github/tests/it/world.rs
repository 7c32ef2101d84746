//! A fake with a repository that has one of everything.

use fake_github::{App, FakeGithub, NewRun, Options, Repo};

use crate::client::Client;

/// All that a workflow can be granted.
pub(crate) const ALL: [&str; 12] = [
    "actions: write",
    "administration: read",
    "attestations: read",
    "checks: write",
    "contents: write",
    "issues: write",
    "members: read",
    "pull-requests: write",
    "security-events: write",
    "statuses: write",
    "metadata: read",
    "workflows: write",
];

/// A fake that serves `acme/shop`.
pub(crate) struct World {
    pub(crate) github: FakeGithub,
    pub(crate) shop: Repo,
    pub(crate) client: Client,
    pub(crate) pull: u64,
    pub(crate) head: String,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Options::default())
    }

    pub(crate) fn with(options: Options) -> Self {
        let github = FakeGithub::start(options);
        let shop = github.repo("acme/shop");
        let pull = shop.add_pull("feature");
        let client = Client::new(&github.url(), &github.token(&ALL));
        let head = shop.head_of_pull(pull);
        Self {
            github,
            shop,
            client,
            pull,
            head,
        }
    }

    /// A path below the repository.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("/repos/{}{path}", self.shop.full_name())
    }

    /// A client with these permissions only.
    pub(crate) fn client_with(&self, permissions: &[&str]) -> Client {
        Client::new(&self.github.url(), &self.github.token(permissions))
    }

    /// A finished run with a failed job and an artifact.
    pub(crate) fn run(&self) -> (u64, u64, u64) {
        let run = self.shop.add_run(NewRun {
            head_branch: "feature".to_owned(),
            ..NewRun::default()
        });
        let job = self.shop.add_job(run, "test", "failure");
        let artifact = self.shop.add_artifact(run, "results", b"PK zip".to_vec());
        (run, job, artifact)
    }

    /// An App and a client that holds its JWT.
    pub(crate) fn app(&self) -> (App, Client) {
        let app = self
            .github
            .app("sprag", &["checks: write", "contents: read"]);
        let jwt = jwt(app.id, 500);
        (app, Client::new(&self.github.url(), &jwt))
    }
}

/// A JWT of the shape that GitHub demands, which ends in so many seconds.
pub(crate) fn jwt(app: u64, life: i64) -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let now = i64::try_from(now).unwrap();
    let claims = serde_json::json!({"iat": now - 60, "exp": now + life, "iss": app.to_string()});
    let parts = [
        r#"{"alg":"RS256","typ":"JWT"}"#.to_owned(),
        claims.to_string(),
    ];
    let signature = BASE64.encode([7_u8; 256]);
    format!(
        "{}.{}.{signature}",
        BASE64.encode(&parts[0]),
        BASE64.encode(&parts[1])
    )
}
