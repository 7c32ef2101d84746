//! Pages of lists, and conditional requests.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::Value;
use sha1::{Digest as _, Sha1};

use crate::call::Request;
use crate::git::hex;
use crate::reply::{Content, Page, Reply};
use crate::url::escape;

/// Items of a page when the request does not say, and at most.
const USUAL: usize = 30;
const MOST: usize = 100;

/// Cuts a list to the page that was asked for and links to the others below `url` (without a query).
pub(crate) fn cut(mut reply: Reply, url: &str, query: &BTreeMap<String, String>) -> Reply {
    let Content::Page(page) = reply.content else {
        return reply;
    };
    let place = Place::of(query, page.items.len());
    let link = place.links(url, query);
    if !link.is_empty() {
        reply.headers.push(("link", link));
    }
    let before = (place.number - 1).saturating_mul(place.size);
    let items = page
        .items
        .iter()
        .skip(before)
        .take(place.size)
        .cloned()
        .collect();
    reply.content = Content::Json(whole(*page, items));
    reply
}

fn whole(page: Page, items: Vec<Value>) -> Value {
    let Page {
        field, mut rest, ..
    } = page;
    match field {
        None => Value::Array(items),
        Some(field) => {
            rest.insert(field.to_owned(), Value::Array(items));
            Value::Object(rest)
        }
    }
}

/// Which page of how many.
struct Place {
    size: usize,
    number: usize,
    last: usize,
}

impl Place {
    fn of(query: &BTreeMap<String, String>, items: usize) -> Self {
        let asked = |name: &str| {
            query
                .get(name)
                .and_then(|text| text.parse::<usize>().ok())
                .filter(|number| *number > 0)
        };
        let size = asked("per_page").unwrap_or(USUAL).min(MOST);
        Self {
            size,
            number: asked("page").unwrap_or(1),
            last: items.div_ceil(size).max(1),
        }
    }

    fn links(&self, url: &str, query: &BTreeMap<String, String>) -> String {
        let back =
            (self.number > 1).then_some([("prev", self.last.min(self.number - 1)), ("first", 1)]);
        let on = (self.number < self.last)
            .then_some([("next", self.number.saturating_add(1)), ("last", self.last)]);
        let link = |(name, number): (&str, usize)| {
            format!("<{url}?{}>; rel=\"{name}\"", with_page(query, number))
        };
        back.into_iter()
            .chain(on)
            .flatten()
            .map(link)
            .collect::<Vec<_>>()
            .join(", ")
    }
}

fn with_page(query: &BTreeMap<String, String>, number: usize) -> String {
    let kept = query.iter().filter(|(name, _)| *name != "page");
    let mut parts: Vec<String> = kept
        .map(|(name, value)| format!("{}={}", escape(name), escape(value)))
        .collect();
    parts.push(format!("page={number}"));
    parts.join("&")
}

/// An answer as bytes.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
}

impl Sent {
    pub(crate) fn of(reply: Reply) -> Self {
        let Reply {
            status,
            mut headers,
            content,
        } = reply;
        let (kind, body) = match content {
            Content::Empty => ("", Bytes::new()),
            Content::Json(value) => (
                "application/json; charset=utf-8",
                Bytes::from(value.to_string()),
            ),
            Content::Page(page) => (
                "application/json; charset=utf-8",
                Bytes::from(Value::Array(page.items).to_string()),
            ),
            Content::Raw(kind, bytes) => (kind, bytes),
        };
        if !kind.is_empty() {
            headers.push(("content-type", kind.to_owned()));
        }
        Self {
            status,
            headers,
            body,
        }
    }

    /// Tags the answer to a GET; a caller who has it already gets 304.
    pub(crate) fn conditional(mut self, request: &Request) -> Self {
        if request.method != "GET" || self.status != 200 {
            return self;
        }
        let tag = format!("W/\"{}\"", hex(&Sha1::digest(&self.body)));
        let known = request
            .header("if-none-match")
            .split(',')
            .any(|known| known.trim() == tag);
        self.headers.push(("etag", tag));
        self.headers.push((
            "cache-control",
            "private, max-age=60, s-maxage=60".to_owned(),
        ));
        if known {
            self.status = 304;
            self.body = Bytes::new();
            self.headers.retain(|(name, _)| *name != "content-type");
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asked(query: &[(&str, &str)]) -> (Value, String) {
        let query = query
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let reply = cut(
            Reply::list((1..=5).map(Value::from).collect()),
            "http://x/y",
            &query,
        );
        let link = reply
            .headers
            .first()
            .map(|(_, link)| link.clone())
            .unwrap_or_default();
        let Content::Json(body) = reply.content else {
            panic!("a page is JSON");
        };
        (body, link)
    }

    #[test]
    fn a_page_links_to_the_others_and_keeps_the_query() {
        let (items, link) = asked(&[("per_page", "2"), ("page", "2"), ("since", "a b")]);
        assert_eq!(items, json!([3, 4]));
        assert!(
            link.contains(r#"<http://x/y?per_page=2&since=a%20b&page=3>; rel="next""#),
            "{link}"
        );
        assert!(
            link.contains(r#"page=1>; rel="prev""#) && link.contains(r#"page=3>; rel="last""#),
            "{link}"
        );
    }

    #[test]
    fn a_list_that_fits_has_no_links() {
        assert_eq!(asked(&[]), (json!([1, 2, 3, 4, 5]), String::new()));
        assert_eq!(asked(&[("page", "9")]).0, json!([]));
        assert_eq!(asked(&[("page", "18446744073709551615")]).0, json!([]));
    }
}
