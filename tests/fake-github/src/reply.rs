//! An answer before it is sent.

use bytes::Bytes;
use serde_json::{Map, Value, json};

/// What a handler answers.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) content: Content,
}

/// The body of an answer.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    Empty,
    Json(Value),
    /// A list to be cut into pages.
    Page(Box<Page>),
    Raw(&'static str, Bytes),
}

/// A list, perhaps as one field of an object.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub(crate) items: Vec<Value>,
    pub(crate) field: Option<&'static str>,
    pub(crate) rest: Map<String, Value>,
}

impl Reply {
    pub(crate) fn json(status: u16, body: Value) -> Self {
        Self {
            status,
            headers: Vec::new(),
            content: Content::Json(body),
        }
    }

    pub(crate) fn ok(body: Value) -> Self {
        Self::json(200, body)
    }

    /// 201 with the address of what was made, as its own `url` says.
    pub(crate) fn created(body: Value) -> Self {
        let url = body.get("url").and_then(Value::as_str).map(str::to_owned);
        let reply = Self::json(201, body);
        match url {
            Some(url) => reply.header("location", url),
            None => reply,
        }
    }

    /// 204.
    pub(crate) fn nothing() -> Self {
        Self::empty(204)
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            content: Content::Empty,
        }
    }

    pub(crate) fn raw(kind: &'static str, bytes: Bytes) -> Self {
        Self {
            status: 200,
            headers: Vec::new(),
            content: Content::Raw(kind, bytes),
        }
    }

    /// A list.
    pub(crate) fn list(items: Vec<Value>) -> Self {
        Self::page(Page {
            items,
            field: None,
            rest: Map::new(),
        })
    }

    /// A list below a field, with `total_count` beside it.
    pub(crate) fn counted(field: &'static str, items: Vec<Value>) -> Self {
        let rest = Map::from_iter([("total_count".to_owned(), Value::from(items.len()))]);
        Self::page(Page {
            items,
            field: Some(field),
            rest,
        })
    }

    pub(crate) fn page(page: Page) -> Self {
        Self {
            status: 200,
            headers: Vec::new(),
            content: Content::Page(Box::new(page)),
        }
    }

    pub(crate) fn redirect(url: String) -> Self {
        Self::empty(302).header("location", url)
    }

    #[must_use]
    pub(crate) fn header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// An error with GitHub's body.
    pub(crate) fn error(status: u16, message: &str) -> Self {
        let body = json!({
            "message": message,
            "documentation_url": "https://docs.github.com/rest",
            "status": status.to_string(),
        });
        Self::json(status, body)
    }

    /// What an error says.
    pub(crate) fn message(&self) -> &str {
        match &self.content {
            Content::Json(body) => body
                .get("message")
                .and_then(Value::as_str)
                .unwrap_or_default(),
            Content::Empty | Content::Page(_) | Content::Raw(..) => "",
        }
    }

    pub(crate) fn not_found() -> Self {
        Self::error(404, "Not Found")
    }

    /// 422 with a plain message.
    pub(crate) fn unprocessable(message: &str) -> Self {
        Self::error(422, message)
    }

    /// 422 about a field: `resource` is GitHub's name of the thing.
    pub(crate) fn invalid(resource: &str, field: &str, problem: Problem<'_>) -> Self {
        let mut error = json!({"resource": resource, "field": field, "code": problem.code()});
        if let Problem::Custom(message) = problem {
            error =
                json!({"resource": resource, "field": field, "code": "custom", "message": message});
        }
        let body = json!({
            "message": "Validation Failed",
            "errors": [error],
            "documentation_url": "https://docs.github.com/rest",
            "status": "422",
        });
        Self::json(422, body)
    }
}

/// What is wrong with a field.
#[derive(Clone, Copy)]
pub(crate) enum Problem<'a> {
    Missing,
    MissingField,
    Invalid,
    AlreadyExists,
    Custom(&'a str),
}

impl Problem<'_> {
    fn code(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::MissingField => "missing_field",
            Self::Invalid => "invalid",
            Self::AlreadyExists => "already_exists",
            Self::Custom(_) => "custom",
        }
    }
}
