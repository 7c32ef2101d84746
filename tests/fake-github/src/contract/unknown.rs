//! Fields of a request that the description does not know. GitHub swallows them, so a misspelt optional field would go unnoticed for ever.

use serde_json::Value;

use super::schema::Schemas;

/// The places of all fields of `value` that no branch of `schema` names.
pub(super) fn fields(schemas: &Schemas, schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    walk(
        &Known {
            schemas,
            branches: vec![schema],
        },
        value,
        &mut (String::new(), &mut found),
    );
    found
}

struct Known<'a> {
    schemas: &'a Schemas,
    branches: Vec<&'a Value>,
}

impl<'a> Known<'a> {
    /// All schemas that describe this place, combinations opened.
    fn opened(&self) -> Vec<&'a Value> {
        let mut todo = self.branches.clone();
        let mut opened = Vec::new();
        while let Some(node) = todo.pop() {
            let node = self.schemas.resolve(node);
            for word in ["allOf", "anyOf", "oneOf"] {
                todo.extend(
                    node.get(word)
                        .and_then(Value::as_array)
                        .into_iter()
                        .flatten(),
                );
            }
            opened.push(node);
        }
        opened
    }

    fn below(&self, branches: Vec<&'a Value>) -> Self {
        Self {
            schemas: self.schemas,
            branches,
        }
    }
}

fn walk(known: &Known<'_>, value: &Value, place: &mut (String, &mut Vec<String>)) {
    let opened = known.opened();
    match value {
        Value::Object(fields) => {
            let free = is_free(&opened);
            for (name, value) in fields {
                let named: Vec<&Value> = opened
                    .iter()
                    .filter_map(|node| node.get("properties")?.get(name))
                    .collect();
                if named.is_empty() && !free {
                    place
                        .1
                        .push(format!("{}/{name}: field is not described", place.0));
                }
                step(&known.below(named), (name, value), place);
            }
        }
        Value::Array(items) => {
            let inner: Vec<&Value> = opened.iter().filter_map(|node| node.get("items")).collect();
            for (index, item) in items.iter().enumerate() {
                step(
                    &known.below(inner.clone()),
                    (&index.to_string(), item),
                    place,
                );
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn step(known: &Known<'_>, (name, value): (&str, &Value), place: &mut (String, &mut Vec<String>)) {
    if known.branches.is_empty() {
        return;
    }
    let length = place.0.len();
    place.0.push('/');
    place.0.push_str(name);
    walk(known, value, place);
    place.0.truncate(length);
}

/// An object of which no branch names a field takes any field.
fn is_free(opened: &[&Value]) -> bool {
    let names = |node: &&Value| {
        node.get("properties")
            .and_then(Value::as_object)
            .is_some_and(|names| !names.is_empty())
    };
    !opened.iter().any(names)
}
