//! One request to GitHub before it is sent, and its answer.

use bytes::Bytes;
use http::{HeaderMap, Method};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::policy::Again;

/// What is asked for: GitHub's JSON.
pub(crate) const JSON: &str = "application/vnd.github+json";
/// What is asked for: the bytes of a file.
pub(crate) const RAW: &str = "application/vnd.github.raw+json";

/// One request to GitHub.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub method: Method,
    /// Path and query below the base of the API, percent-encoded; or a whole URL from a `Link`.
    pub target: String,
    pub body: Option<Bytes>,
    pub accept: &'static str,
    /// What is being done, for errors: `reading the comments of #7`.
    pub what: String,
    /// The permission that it takes, as a workflow writes it.
    pub needs: &'static str,
    pub again: Again,
    pub soon: bool,
}

impl Call {
    pub(crate) fn get(target: String, what: String, needs: &'static str) -> Self {
        Self {
            method: Method::GET,
            target,
            body: None,
            accept: JSON,
            what,
            needs,
            again: Again::Always,
            soon: false,
        }
    }

    /// A write with a JSON body. A POST is not repeated unless [`Call::repeatable`] says so.
    pub(crate) fn write(method: Method, target: String, body: &impl Serialize) -> Result<Self> {
        let body = serde_json::to_vec(body)
            .map_err(|error| Error::settings(format!("a body is no JSON: {error}")))?;
        let again = if method == Method::POST {
            Again::Unhandled
        } else {
            Again::Always
        };
        Ok(Self {
            method,
            body: Some(body.into()),
            again,
            ..Self::get(target, String::new(), "")
        })
    }

    pub(crate) fn delete(target: String) -> Self {
        Self {
            method: Method::DELETE,
            ..Self::get(target, String::new(), "")
        }
    }

    pub(crate) fn to(self, what: String, needs: &'static str) -> Self {
        Self {
            what,
            needs,
            ..self
        }
    }

    pub(crate) fn accept(self, accept: &'static str) -> Self {
        Self { accept, ..self }
    }

    /// Sending it twice is sending it once: content-addressed objects, sets.
    pub(crate) fn repeatable(self) -> Self {
        Self {
            again: Again::Always,
            ..self
        }
    }

    /// It names something made a moment ago, which GitHub may not see everywhere yet.
    pub(crate) fn soon(self) -> Self {
        Self { soon: true, ..self }
    }

    pub(crate) fn is_read(&self) -> bool {
        self.method == Method::GET
    }
}

/// A complete answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.header(name)?.trim().parse().ok()
    }

    pub(crate) fn json<T: DeserializeOwned>(&self, what: &str) -> Result<T> {
        serde_json::from_slice(&self.body)
            .map_err(|error| Error::bad_answer(what, error.to_string()))
    }

    /// The URL of the next page. Pages are followed by `Link` only.
    pub(crate) fn next_page(&self) -> Option<String> {
        let header = self.header("link")?;
        header.split(',').find_map(next_of)
    }
}

fn next_of(link: &str) -> Option<String> {
    let (url, rest) = link.trim().strip_prefix('<')?.split_once('>')?;
    let is_next = rest
        .split(';')
        .any(|part| matches!(part.trim(), "rel=\"next\"" | "rel=next"));
    is_next.then(|| url.to_owned())
}

/// One segment of a path, or a value of a query.
pub(crate) fn encode(text: &str) -> String {
    text.bytes().map(encoded).collect()
}

fn encoded(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
        char::from(byte).to_string()
    } else {
        format!("%{byte:02X}")
    }
}

/// A path whose `/` stay: a file, a branch.
///
/// # Errors
/// [`Error::BadSettings`] for a path that another reader of the URL could take elsewhere (`..`) or that is empty.
pub(crate) fn encode_path(path: &str) -> Result<String> {
    if path.split('/').any(|part| matches!(part, "" | "." | "..")) {
        let shown = crate::error::one_line(path);
        return Err(Error::settings(format!("not a usable path: `{shown}`")));
    }
    let parts: Vec<String> = path.split('/').map(encode).collect();
    Ok(parts.join("/"))
}

/// A query from its pairs; those without a value are left out.
pub(crate) fn query(pairs: &[(&str, Option<&str>)]) -> String {
    let given = pairs
        .iter()
        .filter_map(|(name, value)| Some(format!("{name}={}", encode((*value)?))));
    given.collect::<Vec<String>>().join("&")
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};
    use proptest::prelude::*;

    use super::{Answer, encode, encode_path, query};

    fn linked(link: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert("link", HeaderValue::from_str(link).unwrap());
        let answer = Answer {
            status: 200,
            headers,
            body: bytes::Bytes::new(),
        };
        answer.next_page()
    }

    #[test]
    fn the_next_page_is_found_among_the_links() {
        let link = r#"<https://x/y?page=1>; rel="prev", <https://x/y?page=3>; rel="next", <https://x/y?page=9>; rel="last""#;
        assert_eq!(linked(link).as_deref(), Some("https://x/y?page=3"));
        assert_eq!(linked(r#"<https://x/y?page=1>; rel="first""#), None);
    }

    #[test]
    fn paths_keep_their_slashes_and_never_climb() {
        assert_eq!(
            encode_path("a b/ü#?.txt").unwrap(),
            "a%20b/%C3%BC%23%3F.txt"
        );
        for bad in ["../x", "a/../b", "a//b", "", "/a", "."] {
            assert!(encode_path(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn queries_leave_out_what_is_not_given() {
        let pairs = [("a", Some("1&2")), ("b", None), ("c", Some("x y"))];
        assert_eq!(query(&pairs), "a=1%262&c=x%20y");
    }

    proptest! {
        #[test]
        fn an_encoded_segment_never_ends_the_path(text in any::<String>()) {
            let safe = |c: char| c.is_ascii_alphanumeric() || "-._~%".contains(c);
            prop_assert!(encode(&text).chars().all(safe));
        }

        #[test]
        fn links_never_panic(link in "[ -~]{0,80}") {
            let _either = linked(&link);
        }
    }
}
