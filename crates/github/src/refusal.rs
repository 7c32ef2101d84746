//! What a refusal of GitHub means.

use serde::Deserialize;

use crate::call::{Answer, Call};
use crate::error::{Error, one_line};

/// The body of most refusals.
#[derive(Default, Deserialize)]
struct Body {
    #[serde(default)]
    message: String,
    #[serde(default)]
    errors: serde_json::Value,
}

impl Body {
    fn of(answer: &Answer) -> Self {
        serde_json::from_slice(&answer.body).unwrap_or_default()
    }

    fn reason(&self) -> String {
        if self.errors.is_null() {
            return one_line(&self.message);
        }
        one_line(&format!("{} {}", self.message, self.errors))
    }
}

/// Whether a 403 is about speed, not about rights.
pub(crate) fn speaks_of_a_limit(answer: &Answer) -> bool {
    if !matches!(answer.status, 403 | 429) {
        return false;
    }
    let message = Body::of(answer).message.to_lowercase();
    message.contains("rate limit") || message.contains("abuse detection")
}

/// The error of a final answer that is not a success.
pub(crate) fn error_of(call: &Call, answer: &Answer) -> Error {
    let what = call.what.clone();
    let body = Body::of(answer);
    let status = answer.status;
    match status {
        401 => Error::BadCredentials { what },
        403 if !body.reason().contains("too large") => denied(call, answer),
        // GitHub hides from a token without rights what it may not write.
        404 if !call.is_read() && body.message == "Not Found" => denied(call, answer),
        404 | 410 => Error::NotFound { what },
        409 if !body.message.contains("empty") => Error::Stale { what },
        400..=499 => Error::Refused {
            what,
            status,
            why: body.reason(),
        },
        _ => Error::bad_answer(&what, format!("unexpected status {status}")),
    }
}

fn denied(call: &Call, answer: &Answer) -> Error {
    let named = answer
        .header("x-accepted-github-permissions")
        .and_then(as_a_workflow_writes_it);
    Error::Denied {
        what: call.what.clone(),
        permission: named.unwrap_or_else(|| call.needs.to_owned()),
        status: answer.status,
    }
}

/// `issues=write; pull_requests=write` (`;` is or, `,` is and) as `issues: write or pull-requests: write`.
fn as_a_workflow_writes_it(header: &str) -> Option<String> {
    let known = |c: char| c.is_ascii_lowercase() || "_=,; ".contains(c);
    if header.is_empty() || header.len() > 200 || !header.chars().all(known) {
        return None;
    }
    let alternatives = header.split(';').map(|all| {
        let all = all.split(',').map(|one| one.trim().replace('=', ": "));
        all.collect::<Vec<String>>().join(" and ")
    });
    let text = alternatives.collect::<Vec<String>>().join(" or ");
    Some(text.replace('_', "-"))
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, Method};

    use super::{as_a_workflow_writes_it, error_of, speaks_of_a_limit};
    use crate::call::{Answer, Call};
    use crate::error::Error;

    fn answer(status: u16, body: &str) -> Answer {
        Answer {
            status,
            headers: HeaderMap::new(),
            body: bytes::Bytes::copy_from_slice(body.as_bytes()),
        }
    }

    fn call(method: Method) -> Call {
        Call {
            method,
            ..Call::get(
                "/x".to_owned(),
                "commenting".to_owned(),
                "pull-requests: write",
            )
        }
    }

    const NO_RIGHT: &str = r#"{"message":"Resource not accessible by integration"}"#;

    #[test]
    fn a_permission_is_taken_from_the_header_or_else_from_the_table() {
        let mut refused = answer(403, NO_RIGHT);
        let error = error_of(&call(Method::POST), &refused);
        assert_eq!(error.permission(), Some("pull-requests: write"));
        let named = HeaderValue::from_static("issues=write; pull_requests=write,contents=read");
        refused
            .headers
            .insert("x-accepted-github-permissions", named);
        let error = error_of(&call(Method::POST), &refused);
        assert_eq!(
            error.permission(),
            Some("issues: write or pull-requests: write and contents: read")
        );
    }

    #[test]
    fn a_hidden_write_is_a_missing_permission_a_hidden_read_is_not() {
        let hidden = answer(404, r#"{"message":"Not Found"}"#);
        assert!(error_of(&call(Method::PATCH), &hidden).is_denied());
        assert!(error_of(&call(Method::GET), &hidden).is_not_found());
        let named = answer(404, r#"{"message":"Branch nope not found"}"#);
        assert!(error_of(&call(Method::PUT), &named).is_not_found());
    }

    #[test]
    fn a_limit_is_told_from_a_missing_right() {
        let limit =
            r#"{"message":"You have exceeded a secondary rate limit. Please wait a few minutes"}"#;
        assert!(speaks_of_a_limit(&answer(403, limit)));
        assert!(!speaks_of_a_limit(&answer(403, NO_RIGHT)));
        assert!(!speaks_of_a_limit(&answer(200, limit)));
    }

    #[test]
    fn other_refusals_carry_the_reason() {
        let error = error_of(&call(Method::POST), &answer(422, r#"{"message":"no"}"#));
        assert!(error.is_refused(&[422]));
        assert!(error.to_string().ends_with("422: no"));
        let conflict = answer(409, "{}");
        assert!(matches!(
            error_of(&call(Method::PUT), &conflict),
            Error::Stale { .. }
        ));
        assert!(error_of(&call(Method::GET), &answer(502, "<html>")).is_bad());
    }

    impl Error {
        fn is_bad(&self) -> bool {
            matches!(self, Self::BadAnswer { .. })
        }
    }

    #[test]
    fn a_strange_header_is_ignored() {
        for strange in ["", "A=b", "x=\"y\"", &"a".repeat(201)] {
            assert_eq!(as_a_workflow_writes_it(strange), None);
        }
    }
}
