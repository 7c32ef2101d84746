//! The binary behind a proxy that is the only way out, against a server with a certificate of a private authority.

use std::fs;
use std::path::Path;
use std::process::Output;

use fake_github::{AUTHORITY, Description, FakeGithub, Options, Proxy, STRANGER};

use crate::binary;

const RESULTS: &str = r#"<testsuite name="s"><testcase name="a"/></testsuite>"#;

fn enterprise_server() -> FakeGithub {
    let fake = FakeGithub::start(Options {
        description: Description::Ghes317,
        tls: true,
        ..Options::default()
    });
    fake.repo("acme/shop");
    fake
}

/// Records a run on a branch of the server.
fn record(folder: &Path, fake: &FakeGithub, (authority, proxy): (&str, &str)) -> Output {
    fs::write(folder.join("authority.pem"), authority).unwrap();
    fs::write(folder.join("results.xml"), RESULTS).unwrap();
    let identity = ["--repo", "acme/shop", "--branch", "main", "--job", "unit"];
    binary::command(folder)
        .args(["record", "results.xml", "--history", "git:sprag-history"])
        .args(identity)
        .args(["--run", "1"])
        .env("GITHUB_API_URL", fake.url())
        .env("GITHUB_REPOSITORY", "acme/shop")
        .env("GITHUB_TOKEN", fake.token(&["contents: write"]))
        .env("SSL_CERT_FILE", "authority.pem")
        .env("HTTPS_PROXY", proxy)
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    let both = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8(both).unwrap()
}

#[test]
fn a_history_is_written_through_a_proxy_to_a_server_of_a_private_authority() {
    let (fake, proxy) = (enterprise_server(), Proxy::start(Vec::new()));
    let folder = tempfile::tempdir().unwrap();
    let named = format!("http://jo:hush@{}", proxy.host());
    let output = record(folder.path(), &fake, (AUTHORITY, &named));
    assert!(output.status.success(), "{}", said(&output));
    assert!(fake.repo("acme/shop").head("sprag-history").is_some());
    let heads = proxy.heads();
    assert!(
        !heads.is_empty()
            && heads
                .iter()
                .all(|head| head.starts_with("CONNECT 127.0.0.1:"))
    );
}

#[test]
fn what_stands_in_the_way_is_said_once_with_a_hint_and_without_the_password() {
    let fake = enterprise_server();
    let refusing = Proxy::start(vec![407; 99]);
    let passing = Proxy::start(Vec::new());
    for (proxy, authority, wanted) in [
        (&refusing, AUTHORITY, "hint: look at those in HTTPS_PROXY"),
        (&passing, STRANGER, "hint: SSL_CERT_FILE names a file"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let named = format!("http://jo:hush@{}", proxy.host());
        let output = record(folder.path(), &fake, (authority, &named));
        let said = said(&output);
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(said.contains(wanted), "{said}");
        assert!(!said.contains("hush"), "{said}");
        assert_eq!(proxy.heads().len(), 1, "{said}");
    }
}
