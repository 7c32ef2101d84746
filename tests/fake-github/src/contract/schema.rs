//! The schemas of a description: references, what is reachable, and values made from them.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// The named parts of a description.
pub(super) struct Schemas {
    components: Value,
}

/// Deeper than any answer of GitHub.
const DEEPEST: usize = 12;

impl Schemas {
    pub(super) fn new(whole: &Value) -> Self {
        Self {
            components: json!({"components": whole.get("components")}),
        }
    }

    /// The node itself, or what its `$ref` names.
    pub(super) fn resolve<'a>(&'a self, node: &'a Value) -> &'a Value {
        let target = node
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(|name| self.named(name));
        target.map_or(node, |target| self.resolve(target))
    }

    fn named(&self, reference: &str) -> Option<&Value> {
        self.components.pointer(reference.strip_prefix('#')?)
    }

    /// The schema with everything that its references reach beside it, and nothing else.
    pub(super) fn with_reachable(&self, schema: &Value) -> Value {
        let mut seen = BTreeSet::new();
        let mut todo = references(schema);
        while let Some(reference) = todo.pop() {
            if let Some(target) = self.named(&reference)
                && seen.insert(reference)
            {
                todo.extend(references(target));
            }
        }
        let mut schemas = Map::new();
        for reference in &seen {
            let name = reference.rsplit('/').next().unwrap_or_default();
            schemas.insert(
                name.to_owned(),
                self.named(reference).cloned().unwrap_or_default(),
            );
        }
        json!({"allOf": [schema], "components": {"schemas": schemas}})
    }

    /// A parameter is text; what its schema calls a number or a truth value becomes one if it can.
    pub(super) fn typed(&self, schema: &Value, text: &str) -> Value {
        let schema = self.resolve(schema);
        let kind = schema.get("type").and_then(Value::as_str);
        let typed = match kind {
            Some("integer" | "number" | "boolean") => serde_json::from_str(text).ok(),
            Some(_) => None,
            None => text.parse::<i64>().ok().map(Value::from),
        };
        typed.unwrap_or_else(|| Value::from(text))
    }

    /// A value of the named schema with its required fields only: null where it may be, else the plainest of its type.
    pub(super) fn blank(&self, name: &str) -> Value {
        self.plainest(
            &json!({"$ref": format!("#/components/schemas/{name}")}),
            DEEPEST,
        )
    }

    fn plainest(&self, schema: &Value, depth: usize) -> Value {
        let schema = self.resolve(schema);
        if depth == 0 || may_be_null(schema) {
            return Value::Null;
        }
        if let Some(first) = schema.pointer("/enum/0") {
            return first.clone();
        }
        if let Some(parts) = schema.get("allOf").and_then(Value::as_array) {
            return self.joined(parts, depth);
        }
        match schema
            .pointer("/anyOf/0")
            .or_else(|| schema.pointer("/oneOf/0"))
        {
            Some(choice) => self.plainest(choice, depth),
            None => self.of_type(schema, depth),
        }
    }

    fn joined(&self, parts: &[Value], depth: usize) -> Value {
        let fields = parts
            .iter()
            .filter_map(|part| self.plainest(part, depth - 1).as_object().cloned());
        Value::Object(fields.flatten().collect())
    }

    fn of_type(&self, schema: &Value, depth: usize) -> Value {
        match schema.get("type").and_then(Value::as_str) {
            Some("string") => Value::from(string_of(schema.get("format").and_then(Value::as_str))),
            Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or(Value::from(0)),
            Some("boolean") => Value::Bool(false),
            Some("array") => Value::Array(Vec::new()),
            _ => self.required_of(schema, depth),
        }
    }

    fn required_of(&self, schema: &Value, depth: usize) -> Value {
        let required = schema
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        let properties = schema.get("properties");
        let field = |name: &str| {
            properties?
                .get(name)
                .map(|field| self.plainest(field, depth - 1))
        };
        let fields = required
            .filter_map(Value::as_str)
            .map(|name| (name.to_owned(), field(name).unwrap_or_default()));
        Value::Object(fields.collect())
    }
}

fn may_be_null(schema: &Value) -> bool {
    let null = Value::from("null");
    let listed = schema
        .get("type")
        .and_then(Value::as_array)
        .is_some_and(|types| types.contains(&null));
    let chosen = schema.get("anyOf").and_then(Value::as_array);
    listed
        || chosen.is_some_and(|choices| {
            choices
                .iter()
                .any(|choice| choice.get("type") == Some(&null))
        })
}

fn string_of(format: Option<&str>) -> &'static str {
    match format {
        Some("date-time") => "2020-01-01T00:00:00Z",
        Some("date") => "2020-01-01",
        Some("uri") => "https://github.test/unset",
        Some("email") => "nobody@github.test",
        _ => "",
    }
}

fn references(node: &Value) -> Vec<String> {
    match node {
        Value::Object(fields) => {
            let own = fields
                .get("$ref")
                .and_then(Value::as_str)
                .map(str::to_owned);
            own.into_iter()
                .chain(fields.values().flat_map(references))
                .collect()
        }
        Value::Array(items) => items.iter().flat_map(references).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}
