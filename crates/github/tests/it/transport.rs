//! What a stateful fake cannot do: hostile servers, one raw answer at a time.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc;
use std::thread;

use github::{Credentials, Error, Github, Limits, Repo, Settings};

use crate::support::limits;

/// Answers each connection with the next text and hands out what was asked. The connection is closed after each answer.
fn serve(answers: Vec<String>) -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (seen, asked) = mpsc::channel();
    thread::spawn(move || {
        for answer in answers {
            let Ok((mut stream, _)) = listener.accept() else {
                return;
            };
            let mut request = Vec::new();
            let mut buffer = [0; 4096];
            while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                match stream.read(&mut buffer) {
                    Ok(0) | Err(_) => break,
                    Ok(n) => request.extend_from_slice(&buffer[..n]),
                }
            }
            let _gone = seen.send(String::from_utf8_lossy(&request).into_owned());
            let _broken = stream.write_all(answer.as_bytes());
        }
    });
    (url, asked)
}

fn ok(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn redirect(status: u16, to: &str) -> String {
    format!(
        "HTTP/1.1 {status} Go\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    )
}

fn client(api_url: &str) -> Repo {
    let settings = Settings {
        api_url: api_url.to_owned(),
        credentials: Credentials::Token("hush-hush".into()),
        limits: Limits {
            attempts: 2,
            largest_body: 10_000,
            ..limits()
        },
        ..Settings::default()
    };
    Github::new(settings).unwrap().repo("acme/shop").unwrap()
}

#[test]
fn every_request_says_who_asks_and_for_which_version() {
    let (url, asked) = serve(vec![ok("{}")]);
    client(&url).info().unwrap();
    let request = asked.recv().unwrap().to_lowercase();
    assert!(request.starts_with("get /repos/acme/shop http/1.1"));
    for header in [
        "authorization: bearer hush-hush",
        "x-github-api-version: 2022-11-28",
        "user-agent: sprag/",
        "accept: application/vnd.github+json",
    ] {
        assert!(request.contains(header), "{header}\n{request}");
    }
}

#[test]
fn the_token_does_not_follow_a_redirect_to_another_host() {
    let (storage, stored) = serve(vec![ok("{\"full_name\":\"a/b\"}")]);
    let (url, _asked) = serve(vec![redirect(302, &format!("{storage}/blob?sig=1"))]);
    assert_eq!(client(&url).info().unwrap().full_name, "a/b");
    let request = stored.recv().unwrap().to_lowercase();
    assert!(request.starts_with("get /blob?sig=1 "), "{request}");
    assert!(!request.contains("authorization"), "{request}");
    assert!(!request.contains("hush"), "{request}");
}

#[test]
fn a_renamed_repository_is_followed_with_the_token() {
    let (url, asked) = serve(vec![
        redirect(301, "/repositories/1"),
        ok("{\"full_name\":\"acme/new\"}"),
    ]);
    assert_eq!(client(&url).info().unwrap().full_name, "acme/new");
    asked.recv().unwrap();
    assert!(asked.recv().unwrap().to_lowercase().contains("hush-hush"));
}

#[test]
fn a_circle_of_redirects_ends() {
    let (url, _asked) = serve(vec![redirect(302, "/again"); 20]);
    let error = client(&url).info().unwrap_err();
    assert!(matches!(error, Error::BadAnswer { .. }), "{error}");
}

#[test]
fn a_next_page_elsewhere_is_refused() {
    let page = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nlink: <http://evil.example/x>; rel=\"next\"\r\ncontent-length: 2\r\nconnection: close\r\n\r\n[]";
    let (url, _asked) = serve(vec![page.to_owned()]);
    let error = client(&url).comments(1).unwrap_err();
    assert!(error.to_string().contains("elsewhere"), "{error}");
}

#[test]
fn a_list_without_end_ends() {
    let listener = |url: &str| {
        format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nlink: <{url}/repos/acme/shop/issues/1/comments?page=2>; rel=\"next\"\r\ncontent-length: 2\r\nconnection: close\r\n\r\n[]"
        )
    };
    // The address is known only after listening: a relay of the same address.
    let relay = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", relay.local_addr().unwrap());
    let answer = listener(&url);
    thread::spawn(move || {
        for stream in relay.incoming().take(80) {
            let Ok(mut stream) = stream else { return };
            let mut buffer = [0; 4096];
            let _read = stream.read(&mut buffer);
            let _broken = stream.write_all(answer.as_bytes());
        }
    });
    let error = client(&url).comments(1).unwrap_err();
    assert!(
        matches!(error, Error::TooLarge { unit: "pages", .. }),
        "{error}"
    );
}

#[test]
fn an_answer_over_the_limit_is_cut_short() {
    let (url, _asked) = serve(vec![ok(&format!("\"{}\"", "x".repeat(20_000)))]);
    let error = client(&url).info().unwrap_err();
    assert!(
        matches!(error, Error::TooLarge { limit: 10_000, .. }),
        "{error}"
    );
}

#[test]
fn what_is_no_http_or_no_json_is_an_error() {
    for answer in [
        "garbage\r\n\r\n".to_owned(),
        String::new(),
        ok("<html>"),
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{\"a\""
            .to_owned(),
        format!(
            "HTTP/1.1 200 OK\r\n{}\r\n\r\n",
            "x-filler: y\r\n".repeat(2_000)
        ),
    ] {
        let (url, _asked) = serve(vec![answer.clone(), answer]);
        let error = client(&url).info().unwrap_err();
        assert!(error.is_temporary(), "{error}");
    }
}

#[test]
fn nobody_listening_is_unavailable_and_says_so() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let error = client(&url).info().unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }), "{error}");
    assert!(error.to_string().contains("refused"), "{error}");
}
