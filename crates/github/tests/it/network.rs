//! The way to GitHub: private authorities and proxies. What is read from the environment is read by a process of its own.

use std::net::TcpListener;
use std::process::Command;

use fake_github::{AUTHORITY, Description, FakeGithub, Options, Proxy, STRANGER};
use github::{Credentials, Error, Github, Limits, Proxies, Repo, Settings};

use crate::support::{ALL, limits, settings};

const URL: &str = "SPRAG_TEST_URL";
const TOKEN: &str = "SPRAG_TEST_TOKEN";

/// Not a test by itself: asks the server of the environment and prints what came of it.
#[test]
fn in_a_process_of_its_own() {
    let Ok(api_url) = std::env::var(URL) else {
        return;
    };
    let settings = Settings {
        api_url,
        credentials: Credentials::Token(std::env::var(TOKEN).unwrap().into()),
        proxies: Proxies::of(|name| std::env::var(name).ok()),
        limits: limits(),
        ..Settings::default()
    };
    match Github::new(settings).map(|github| github.repo("acme/shop").unwrap()) {
        Ok(repo) => {
            let name = repo
                .info()
                .map_or_else(|error| error.to_string(), |info| info.full_name);
            println!("said: {name} [{} calls]", repo.github().calls());
        }
        Err(error) => println!("said: {error} [0 calls]"),
    }
}

/// What another process with these variables says.
fn asked_with(fake: &FakeGithub, variables: &[(&str, &str)]) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "network::in_a_process_of_its_own", "--nocapture"])
        .env_clear()
        .env(URL, fake.url())
        .env(TOKEN, fake.token(ALL))
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    let said = text.lines().find_map(|line| line.split_once("said: "));
    assert!(said.is_some(), "{text}");
    said.unwrap().1.to_owned()
}

fn enterprise_server() -> FakeGithub {
    let fake = FakeGithub::start(Options {
        description: Description::Ghes317,
        tls: true,
        ..Options::default()
    });
    fake.repo("acme/shop");
    fake
}

fn written(folder: &tempfile::TempDir, name: &str, text: &str) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_private_authority_is_trusted_when_a_file_or_a_folder_names_it() {
    let fake = enterprise_server();
    let folder = tempfile::tempdir().unwrap();
    let file = written(&folder, "authority.pem", AUTHORITY);
    let good = "acme/shop [1 calls]";
    assert_eq!(asked_with(&fake, &[("SSL_CERT_FILE", &file)]), good);
    let folder = folder.path().to_str().unwrap();
    assert_eq!(asked_with(&fake, &[("SSL_CERT_DIR", folder)]), good);
}

#[test]
fn an_unknown_authority_is_said_once_with_what_helps() {
    let fake = enterprise_server();
    let folder = tempfile::tempdir().unwrap();
    let file = written(&folder, "stranger.pem", STRANGER);
    let said = asked_with(&fake, &[("SSL_CERT_FILE", &file)]);
    let host = fake.url().replace("https://", "").replace("/api/v3", "");
    let wanted = format!(
        "reading the repository in acme/shop: this machine does not trust the certificate of {host}: UnknownIssuer (hint: SSL_CERT_FILE names a file"
    );
    assert!(said.starts_with(&wanted), "{said}");
    assert!(said.ends_with("[1 calls]"), "{said}");
    assert!(fake.log().is_empty());
}

#[test]
fn a_file_of_certificates_that_is_not_there_is_named() {
    let fake = enterprise_server();
    let said = asked_with(&fake, &[("SSL_CERT_FILE", "/no/such.pem")]);
    assert!(said.contains("/no/such.pem"), "{said}");
    assert!(said.contains("hint:"), "{said}");
}

#[test]
fn https_goes_through_a_tunnel_with_name_and_password() {
    let fake = enterprise_server();
    let proxy = Proxy::start(Vec::new());
    let folder = tempfile::tempdir().unwrap();
    let file = written(&folder, "authority.pem", AUTHORITY);
    let named = format!("http://jo:pa%3Ass@{}", proxy.host());
    let both = [("SSL_CERT_FILE", file.as_str()), ("HTTPS_PROXY", &named)];
    assert_eq!(asked_with(&fake, &both), "acme/shop [1 calls]");
    let heads = proxy.heads();
    assert_eq!(heads.len(), 1);
    assert!(heads[0].starts_with("CONNECT 127.0.0.1:"), "{heads:?}");
    // jo:pa:ss
    assert!(heads[0].contains("proxy-authorization: Basic am86cGE6c3M=\r\n"));
    let direct = [both[0], both[1], ("no_proxy", "localhost,127.0.0.0/8")];
    assert_eq!(asked_with(&fake, &direct), "acme/shop [1 calls]");
    assert_eq!(proxy.heads().len(), 1);
}

/// A client of a fake without TLS that goes through what `HTTP_PROXY` names.
fn through(fake: &FakeGithub, proxy: &str) -> Repo {
    let settings = Settings {
        proxies: Proxies::of(|name| (name == "HTTP_PROXY").then(|| proxy.to_owned())),
        limits: Limits {
            attempts: 3,
            ..limits()
        },
        ..settings(fake, &fake.token(ALL))
    };
    Github::new(settings).unwrap().repo("acme/shop").unwrap()
}

fn shop() -> FakeGithub {
    let fake = FakeGithub::start(Options::default());
    fake.repo("acme/shop");
    fake
}

#[test]
fn http_goes_through_a_tunnel_too_and_downloads_with_it() {
    let fake = shop();
    let proxy = Proxy::start(Vec::new());
    let repo = through(&fake, &format!("http://{}", proxy.host()));
    repo.info().unwrap();
    repo.info().unwrap();
    assert_eq!(proxy.heads().len(), 1, "one connection for both");
    let seed = fake.repo("acme/shop");
    let run = seed.add_run(fake_github::NewRun {
        head_sha: seed.head("main").unwrap(),
        ..fake_github::NewRun::default()
    });
    let id = seed.add_artifact(run, "results", b"zip".to_vec());
    let mut got = Vec::new();
    repo.download_artifact(id, 100, &mut got).unwrap();
    assert_eq!(got, b"zip");
    let heads = proxy.heads();
    assert!(
        heads
            .iter()
            .any(|head| head.starts_with("CONNECT localhost:"))
    );
    let tells = |head: &String| head.to_lowercase().contains("authorization");
    assert!(!heads.iter().any(tells), "the token stays in the tunnel");
}

#[test]
fn a_proxy_that_wants_a_password_or_refuses_is_asked_once() {
    let fake = shop();
    for (status, name, helps) in [
        (407, "", "write them into HTTP_PROXY"),
        (407, "jo:hush@", "look at those in HTTP_PROXY"),
        (403, "", "NO_PROXY"),
    ] {
        let proxy = Proxy::start(vec![status; 9]);
        let repo = through(&fake, &format!("http://{name}{}", proxy.host()));
        let error = repo.info().unwrap_err();
        assert!(matches!(error, Error::Unreachable { .. }), "{error}");
        assert!(!error.is_temporary() && !error.is_denied());
        let text = error.to_string();
        let wanted = [proxy.host(), &status.to_string(), helps, "(of HTTP_PROXY)"];
        assert!(wanted.iter().all(|part| text.contains(*part)), "{text}");
        assert!(!format!("{text} {error:?} {repo:?}").contains("hush"));
        assert_eq!(proxy.heads().len(), 1);
    }
    assert!(fake.log().is_empty());
}

#[test]
fn what_may_pass_is_asked_again() {
    let fake = shop();
    let proxy = Proxy::start(vec![502, 503]);
    through(&fake, &format!("http://{}", proxy.host()))
        .info()
        .unwrap();
    assert_eq!(proxy.heads().len(), 3);
    let proxy = Proxy::start(vec![502; 9]);
    let error = through(&fake, &format!("http://{}", proxy.host()))
        .info()
        .unwrap_err();
    assert!(error.is_temporary(), "{error}");
    let text = error.to_string();
    assert!(
        text.contains(proxy.host()) && text.contains("502") && text.contains("hint:"),
        "{text}"
    );
    assert_eq!(proxy.heads().len(), 3);
}

#[test]
fn a_proxy_that_is_not_there_or_is_none_is_named() {
    let fake = shop();
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = free.local_addr().unwrap().to_string();
    drop(free);
    let error = through(&fake, &format!("http://jo:hush@{host}"))
        .info()
        .unwrap_err();
    let text = error.to_string();
    assert!(text.contains(&host) && text.contains("refused"), "{text}");
    assert!(!text.contains("hush"), "{text}");
    let error = through(&fake, "socks5://127.0.0.1:9").info().unwrap_err();
    assert!(
        error.to_string().contains("HTTP_PROXY names no proxy"),
        "{error}"
    );
}

#[test]
fn a_proxy_may_speak_tls_itself() {
    let fake = enterprise_server();
    // As a proxy the fake refuses; that it answers shows that TLS came about, with the same roots.
    let folder = tempfile::tempdir().unwrap();
    let named = fake.url().replace("/api/v3", "");
    let ask = |authority| {
        let file = written(&folder, "authority.pem", authority);
        asked_with(&fake, &[("SSL_CERT_FILE", &file), ("https_proxy", &named)])
    };
    let said = ask(AUTHORITY);
    assert!(
        said.contains("(of https_proxy)") && !said.contains("trust"),
        "{said}"
    );
    let said = ask(STRANGER);
    assert!(
        said.contains("does not trust the certificate of the proxy"),
        "{said}"
    );
    // CONNECT is no call of the API.
    assert!(
        fake.violations()
            .iter()
            .all(|found| found.to_string().contains("CONNECT"))
    );
}
