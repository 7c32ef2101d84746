//! One operation of the description: its path template, its parameters, its body and its answers.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::schema::Schemas;

/// An operation as described.
pub(crate) struct Operation {
    /// GitHub's name for it: `issues/create-comment`.
    pub(crate) id: String,
    /// In capitals.
    pub(crate) method: String,
    /// As described: `/repos/{owner}/{repo}`.
    pub(crate) template: String,
    /// The JSON body of a request.
    pub(crate) body: Option<Body>,
    segments: Vec<Segment>,
    parameters: BTreeMap<String, BTreeMap<String, Value>>,
    answers: BTreeMap<u16, BTreeMap<String, Value>>,
}

/// The body that a request has to have or may have.
pub(crate) struct Body {
    pub(crate) required: bool,
    pub(crate) schema: Value,
}

/// An answer to check.
pub(crate) struct Media<'a> {
    pub(crate) status: u16,
    /// Media type without parameters; empty when the body is.
    pub(crate) kind: &'a str,
    /// The body, when it is JSON.
    pub(crate) body: Option<&'a Value>,
}

enum Segment {
    Literal(String),
    One(String),
    /// May hold slashes: `x-multi-segment` in the description.
    Many(String),
}

/// What GitHub may answer to every request, described or not, always with the same body.
const EVERYWHERE: [u16; 5] = [401, 403, 404, 422, 429];

/// The media types that ask for the same resource in another form: the description names them in prose only.
const RAW: [&str; 2] = [
    "application/vnd.github.raw",
    "application/vnd.github.raw+json",
];

impl Operation {
    /// `POST /repos/{owner}/{repo}/labels`, unique in a description.
    pub(crate) fn key(&self) -> String {
        format!("{} {}", self.method, self.template)
    }

    /// The schemas of the parameters of a place (`path` or `query`) by name.
    pub(crate) fn parameters(&self, place: &str) -> BTreeMap<String, Value> {
        self.parameters.get(place).cloned().unwrap_or_default()
    }

    /// How many segments of the template are fixed.
    pub(crate) fn literals(&self) -> usize {
        self.segments
            .iter()
            .filter(|segment| matches!(segment, Segment::Literal(_)))
            .count()
    }

    /// What the path says, when it has the shape of the template.
    pub(crate) fn captures(&self, path: &[String]) -> Option<BTreeMap<String, String>> {
        let mut found = BTreeMap::new();
        captures(&self.segments, path, &mut found).then_some(found)
    }

    /// The schema of the body of an answer, `None` when it has none.
    ///
    /// # Errors
    /// A status or a media type that the description does not have.
    pub(crate) fn answer(&self, answer: &Media<'_>) -> Result<Option<Value>, String> {
        let Some(kinds) = self.answers.get(&answer.status) else {
            return undescribed(answer);
        };
        if kinds.is_empty() {
            return expect_nothing(answer);
        }
        match kinds.get(answer.kind) {
            Some(schema) => Ok(Some(loosened(answer.status, schema))),
            None if RAW.contains(&answer.kind) => Ok(None),
            None => Err(format!(
                "status {} with media type `{}`, described: {}",
                answer.status,
                answer.kind,
                names(kinds)
            )),
        }
    }
}

/// The bodies of errors that the description sets against each other do not exclude each other.
fn loosened(status: u16, schema: &Value) -> Value {
    match schema.get("oneOf") {
        Some(choices) if status >= 400 => json!({"anyOf": choices}),
        _ => schema.clone(),
    }
}

fn undescribed(answer: &Media<'_>) -> Result<Option<Value>, String> {
    match answer.status {
        304 => Ok(None),
        status if EVERYWHERE.contains(&status) => {
            Ok(Some(json!({"$ref": "#/components/schemas/basic-error"})))
        }
        status => Err(format!("status {status} is not described")),
    }
}

/// Answers without content: GitHub sends an error body with some of them all the same.
fn expect_nothing(answer: &Media<'_>) -> Result<Option<Value>, String> {
    match (answer.status, answer.kind) {
        (_, "") => Ok(None),
        (400.., "application/json") => {
            Ok(Some(json!({"$ref": "#/components/schemas/basic-error"})))
        }
        (status, kind) => Err(format!(
            "status {status} has no body in the description, here it is `{kind}`"
        )),
    }
}

fn names(kinds: &BTreeMap<String, Value>) -> String {
    kinds.keys().cloned().collect::<Vec<_>>().join(", ")
}

fn captures(template: &[Segment], path: &[String], found: &mut BTreeMap<String, String>) -> bool {
    let Some((first, rest)) = template.split_first() else {
        return path.is_empty();
    };
    let longest = match first {
        Segment::Many(_) => path.len(),
        Segment::Literal(_) | Segment::One(_) => path.len().min(1),
    };
    (1..=longest).rev().any(|taken| {
        let (here, after) = path.split_at(taken);
        let text = here.join("/");
        match first {
            Segment::Literal(literal) if *literal != text => return false,
            Segment::Literal(_) => {}
            Segment::One(_) | Segment::Many(_) if text.is_empty() => return false,
            Segment::One(name) | Segment::Many(name) => drop(found.insert(name.clone(), text)),
        }
        captures(rest, after, found)
    })
}

/// Every operation of a description.
pub(super) fn all(whole: &Value, schemas: &Schemas) -> Vec<Operation> {
    entries(whole.get("paths"))
        .flat_map(|(path, methods)| {
            entries(Some(methods)).map(move |(method, node)| (path, method, node))
        })
        .map(|(path, method, node)| read(path, method, &Reader { node, schemas }))
        .collect()
}

struct Reader<'a> {
    node: &'a Value,
    schemas: &'a Schemas,
}

fn read(path: &str, method: &str, reader: &Reader<'_>) -> Operation {
    let parameters = reader.parameters();
    Operation {
        id: text(reader.node, "operationId"),
        method: method.to_uppercase(),
        template: path.to_owned(),
        segments: path
            .trim_start_matches('/')
            .split('/')
            .map(|part| reader.segment(part))
            .collect(),
        body: reader.body(),
        answers: reader.answers(),
        parameters,
    }
}

impl Reader<'_> {
    fn listed(&self) -> impl Iterator<Item = &Value> {
        let list = self.node.get("parameters").and_then(Value::as_array);
        list.into_iter()
            .flatten()
            .map(|parameter| self.schemas.resolve(parameter))
    }

    fn parameters(&self) -> BTreeMap<String, BTreeMap<String, Value>> {
        let mut found: BTreeMap<String, BTreeMap<String, Value>> = BTreeMap::new();
        for parameter in self.listed() {
            let schema = parameter.get("schema").cloned().unwrap_or_default();
            found
                .entry(text(parameter, "in"))
                .or_default()
                .insert(text(parameter, "name"), schema);
        }
        found
    }

    fn segment(&self, part: &str) -> Segment {
        let Some(name) = part
            .strip_prefix('{')
            .and_then(|part| part.strip_suffix('}'))
        else {
            return Segment::Literal(part.to_owned());
        };
        let many = self.listed().any(|parameter| {
            text(parameter, "name") == name
                && parameter.get("x-multi-segment") == Some(&Value::Bool(true))
        });
        if many {
            Segment::Many(name.to_owned())
        } else {
            Segment::One(name.to_owned())
        }
    }

    fn body(&self) -> Option<Body> {
        let body = self.node.get("requestBody")?;
        Some(Body {
            required: body.get("required") == Some(&Value::Bool(true)),
            schema: body.pointer("/content/application~1json/schema")?.clone(),
        })
    }

    fn answers(&self) -> BTreeMap<u16, BTreeMap<String, Value>> {
        entries(self.node.get("responses"))
            .filter_map(|(status, answer)| Some((status.parse().ok()?, self.kinds(answer))))
            .collect()
    }

    fn kinds(&self, answer: &Value) -> BTreeMap<String, Value> {
        entries(self.schemas.resolve(answer).get("content"))
            .map(|(kind, media)| {
                (
                    kind.clone(),
                    media.get("schema").cloned().unwrap_or_default(),
                )
            })
            .collect()
    }
}

fn entries(node: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    node.and_then(Value::as_object).into_iter().flatten()
}

fn text(node: &Value, key: &str) -> String {
    node.get(key)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}
