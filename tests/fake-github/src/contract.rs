//! GitHub's own description of its REST API, and the check of a request or an answer against it.
//!
//! The descriptions in `openapi/` are cut from npm `@octokit/openapi` by `openapi/cut`; they are `OpenAPI` 3.0 with `nullable` already turned into JSON
//! Schema, so every schema is read as Draft 7. A validator is built when it is first needed, from the schemas that its operation reaches, and lives as
//! long as the process.

mod operation;
mod schema;
mod unknown;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};

use crate::url::decode;
pub(crate) use operation::{Media, Operation};
use schema::Schemas;

/// Which description the fake keeps to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Description {
    /// github.com; the API is at `/`.
    #[default]
    Github,
    /// GitHub Enterprise Server 3.17; the API is below `/api/v3`.
    Ghes317,
}

impl Description {
    /// What stands before every path of the API.
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Self::Github => "",
            Self::Ghes317 => "/api/v3",
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Github => include_str!("../openapi/github.json"),
            Self::Ghes317 => include_str!("../openapi/ghes-3.17.json"),
        }
    }
}

/// A description, ready to check against.
pub(crate) struct Contract {
    operations: Vec<Operation>,
    schemas: Schemas,
    validators: Mutex<BTreeMap<String, Option<Arc<Validator>>>>,
}

impl Contract {
    /// The description, read once in the life of the process.
    pub(crate) fn of(description: Description) -> Arc<Self> {
        static GITHUB: OnceLock<Arc<Contract>> = OnceLock::new();
        static GHES: OnceLock<Arc<Contract>> = OnceLock::new();
        let slot = match description {
            Description::Github => &GITHUB,
            Description::Ghes317 => &GHES,
        };
        Arc::clone(slot.get_or_init(|| Arc::new(Self::read(description.text()))))
    }

    fn read(text: &str) -> Self {
        let whole: Value = serde_json::from_str(text).unwrap_or_default();
        let schemas = Schemas::new(&whole);
        Self {
            operations: operation::all(&whole, &schemas),
            schemas,
            validators: Mutex::default(),
        }
    }

    /// Every operation of the description.
    pub(crate) fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// The operation of a request, and what its path says; the most literal template wins.
    pub(crate) fn find(
        &self,
        method: &str,
        path: &str,
    ) -> Option<(&Operation, BTreeMap<String, String>)> {
        let segments: Vec<String> = path
            .trim_start_matches('/')
            .split('/')
            .map(decode)
            .collect();
        self.operations
            .iter()
            .filter(|operation| operation.method == method)
            .filter_map(|operation| Some((operation, operation.captures(&segments)?)))
            .max_by_key(|(operation, _)| operation.literals())
    }

    /// A value of the named schema that holds every required field and nothing else, for the parts of an answer that the fake does not keep.
    pub(crate) fn blank(&self, schema: &str) -> Value {
        self.schemas.blank(schema)
    }

    /// What is wrong with the parameters of a request.
    pub(crate) fn check_parameters(
        &self,
        operation: &Operation,
        given: &BTreeMap<&str, &BTreeMap<String, String>>,
    ) -> Vec<String> {
        given
            .iter()
            .flat_map(|(place, values)| self.check_place(operation, place, values))
            .collect()
    }

    fn check_place(
        &self,
        operation: &Operation,
        place: &str,
        values: &BTreeMap<String, String>,
    ) -> Vec<String> {
        let known = operation.parameters(place);
        let mut found = Vec::new();
        let mut properties = Map::new();
        for (name, text) in values {
            match known.get(name) {
                None => found.push(format!("{place} parameter `{name}` is not described")),
                Some(schema) => {
                    let typed = self.schemas.typed(schema, text);
                    properties.insert(name.clone(), typed);
                }
            }
        }
        let schema = json!({"type": "object", "properties": known});
        let key = format!("{} {place}", operation.key());
        found.extend(self.errors(&key, &schema, &Value::Object(properties)));
        found
    }

    /// What is wrong with the body of a request; a field that the description does not know is wrong.
    pub(crate) fn check_body(&self, operation: &Operation, body: Option<&Value>) -> Vec<String> {
        match (&operation.body, body) {
            (Some(described), None) if described.required => vec!["body is missing".to_owned()],
            (_, None) => Vec::new(),
            (None, Some(Value::Object(fields))) if fields.is_empty() => Vec::new(),
            (None, Some(_)) => vec!["body where the description has none".to_owned()],
            (Some(described), Some(value)) => {
                let key = format!("{} body", operation.key());
                let mut found = self.errors(&key, &described.schema, value);
                found.extend(unknown::fields(&self.schemas, &described.schema, value));
                found
            }
        }
    }

    /// What is wrong with an answer: its status, its media type or its body. `None` stands for an empty body.
    pub(crate) fn check_answer(&self, operation: &Operation, answer: &Media<'_>) -> Vec<String> {
        match operation.answer(answer) {
            Err(problem) => vec![problem],
            Ok(None) => Vec::new(),
            Ok(Some(schema)) => {
                let key = format!("{} {} {}", operation.key(), answer.status, answer.kind);
                answer
                    .body
                    .map(|body| self.errors(&key, &schema, body))
                    .unwrap_or_default()
            }
        }
    }

    fn errors(&self, key: &str, schema: &Value, value: &Value) -> Vec<String> {
        let Some(validator) = self.validator(key, schema) else {
            return vec![format!(
                "the description of {key} cannot be read as JSON Schema"
            )];
        };
        validator
            .iter_errors(value)
            .map(|error| describe(&error))
            .collect()
    }

    fn validator(&self, key: &str, schema: &Value) -> Option<Arc<Validator>> {
        let mut built = self
            .validators
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = built.get(key) {
            return found.clone();
        }
        let closed = self.schemas.with_reachable(schema);
        let validator = jsonschema::options()
            .with_draft(Draft::Draft7)
            .build(&closed)
            .ok()
            .map(Arc::new);
        built.insert(key.to_owned(), validator.clone());
        validator
    }
}

/// `/output/title: "x" is not of type "string"`, cut so that a body of megabytes does not fill the log.
fn describe(error: &jsonschema::ValidationError<'_>) -> String {
    let text: String = error.to_string().chars().take(300).collect();
    format!("{}: {text}", error.instance_path())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn github() -> Arc<Contract> {
        Contract::of(Description::Github)
    }

    #[test]
    fn every_operation_of_the_list_is_described() {
        let listed = include_str!("../openapi/ops.txt")
            .lines()
            .filter(|line| !line.starts_with('#'))
            .count();
        assert_eq!(github().operations().len(), listed);
        assert_eq!(
            Contract::of(Description::Ghes317).operations().len(),
            listed - 1,
            "GHES 3.17 has no attestations"
        );
    }

    #[test]
    fn the_most_literal_template_wins_and_slashes_stay_in_a_parameter() {
        let contract = github();
        let of = |path: &str| {
            contract
                .find("GET", path)
                .map(|(operation, found)| (operation.id.clone(), found))
        };
        let (id, found) = of("/repos/a/b/contents/.github/x%20y.yml").unwrap();
        assert_eq!(
            (id.as_str(), found["path"].as_str()),
            ("repos/get-content", ".github/x y.yml")
        );
        let (id, found) = of("/repos/a/b/commits/feature/x/check-runs").unwrap();
        assert_eq!(
            (id.as_str(), found["ref"].as_str()),
            ("checks/list-for-ref", "feature/x")
        );
        assert_eq!(
            of("/repos/a/b/branches/x/y/protection").unwrap().0,
            "repos/get-branch-protection"
        );
        assert!(of("/repos/a/b/nothing").is_none());
    }

    #[test]
    fn a_wrong_type_a_wrong_value_and_an_unknown_field_are_found() {
        let contract = github();
        let (status, _) = contract.find("POST", "/repos/a/b/statuses/abc").unwrap();
        let found = contract.check_body(
            status,
            Some(&json!({"state": "ok", "ctx": "x", "description": 1})),
        );
        assert_eq!(found.len(), 3, "{found:#?}");
        assert!(found.iter().any(|text| text.contains("/ctx")), "{found:#?}");
        assert!(
            contract
                .check_body(status, Some(&json!({"state": "success", "context": "x"})))
                .is_empty()
        );
    }

    #[test]
    fn parameters_are_typed_before_they_are_checked() {
        let contract = github();
        let (list, _) = contract
            .find("GET", "/repos/a/b/issues/1/comments")
            .unwrap();
        let check = |name: &str, value: &str| {
            let query = BTreeMap::from([(name.to_owned(), value.to_owned())]);
            contract
                .check_parameters(list, &BTreeMap::from([("query", &query)]))
                .len()
        };
        assert_eq!(check("per_page", "100"), 0);
        assert_eq!(check("per_page", "many"), 1);
        assert_eq!(check("perpage", "100"), 1);
        assert_eq!(check("since", "2026-01-01T00:00:00Z"), 0);
        assert_eq!(check("since", "yesterday"), 1);
    }

    #[test]
    fn a_blank_value_keeps_its_schema() {
        let contract = github();
        for name in [
            "full-repository",
            "pull-request",
            "workflow-run",
            "job",
            "installation",
            "release",
            "issue",
        ] {
            let schema = json!({"$ref": format!("#/components/schemas/{name}")});
            let found = contract.errors(&format!("blank {name}"), &schema, &contract.blank(name));
            assert!(found.is_empty(), "{name}: {found:#?}");
        }
    }
}
