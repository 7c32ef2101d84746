//! The published schema is the one that the types have, and reports fit it.
//!
//! `SPRAG_UPDATE=1 cargo test -p report --test it schema` writes it anew.
use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::fixture;

fn mixed() -> Value {
    serde_json::from_str(&report::json(&fixture::mixed())).unwrap()
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../schemas/report-v1.json")
}

fn generated() -> Value {
    let mut schema = serde_json::to_value(schemars::schema_for!(model::Report)).unwrap();
    schema["title"] = Value::from("Report of sprag-compare, version 1");
    schema
}

#[test]
fn the_published_schema_is_current() {
    let generated = generated();
    if std::env::var_os("SPRAG_UPDATE").is_some() {
        let text = serde_json::to_string_pretty(&generated).unwrap();
        fs::write(path(), format!("{text}\n")).unwrap();
    }
    let published: Value = serde_json::from_str(&fs::read_to_string(path()).unwrap()).unwrap();
    assert!(
        published == generated,
        "run with SPRAG_UPDATE=1 and read the diff"
    );
}

#[test]
fn a_report_of_this_version_fits_it() {
    assert_eq!(misfits(&generated(), &mixed()), Vec::<String>::new());
}

#[test]
fn a_report_that_was_written_by_hand_fits_it() {
    let value: Value = serde_json::from_str(include_str!("../data/no-results.json")).unwrap();
    assert_eq!(misfits(&generated(), &value), Vec::<String>::new());
}

#[test]
fn what_does_not_fit_is_seen() {
    let mut value = mixed();
    value["findings"][0]["verdict"] = Value::from("guilty");
    value["totals"]["tests"] = Value::from("many");
    value.as_object_mut().unwrap().remove("headline");
    let misfits = misfits(&generated(), &value);
    assert_eq!(
        misfits,
        [
            "/: headline is missing",
            "/findings/0/verdict: no alternative fits",
            "/totals/tests: not of type [\"integer\"]"
        ]
    );
}

/// Where a value does not fit a schema. Knows the keywords that `schemars` writes for these types; fails on any other.
fn misfits(schema: &Value, value: &Value) -> Vec<String> {
    let mut out = Vec::new();
    Checker { root: schema }.check(schema, value, "", &mut out);
    out.sort();
    out
}

struct Checker<'a> {
    root: &'a Value,
}

impl Checker<'_> {
    fn check(&self, schema: &Value, value: &Value, at: &str, out: &mut Vec<String>) {
        for (keyword, argument) in schema.as_object().unwrap() {
            match keyword.as_str() {
                "$ref" => self.check(self.resolve(argument), value, at, out),
                "type" => check_type(argument, value, at, out),
                "const" if argument != value => out.push(format!("{at}: not {argument}")),
                "enum" if !argument.as_array().unwrap().contains(value) => {
                    out.push(format!("{at}: no alternative fits"));
                }
                "oneOf" | "anyOf" => self.check_any(argument, value, at, out),
                "properties" => self.check_properties(argument, value, at, out),
                "required" => check_required(argument, value, at, out),
                "items" => self.check_items(argument, value, at, out),
                "minimum" | "maximum" => check_bound(keyword, argument, value, at, out),
                "const" | "enum" | "format" | "pattern" | "default" | "title" | "description"
                | "$schema" | "$defs" => {}
                "additionalProperties" if argument == false => check_extra(schema, value, at, out),
                other => panic!("the check does not know `{other}`"),
            }
        }
    }

    fn resolve(&self, reference: &Value) -> &Value {
        let pointer = reference.as_str().unwrap().trim_start_matches('#');
        self.root.pointer(pointer).unwrap()
    }

    fn check_any(&self, schemas: &Value, value: &Value, at: &str, out: &mut Vec<String>) {
        let fits = schemas.as_array().unwrap().iter().any(|schema| {
            let mut inner = Vec::new();
            self.check(schema, value, at, &mut inner);
            inner.is_empty()
        });
        if !fits {
            out.push(format!("{at}: no alternative fits"));
        }
    }

    fn check_properties(&self, schemas: &Value, value: &Value, at: &str, out: &mut Vec<String>) {
        let Some(object) = value.as_object() else {
            return;
        };
        for (key, schema) in schemas.as_object().unwrap() {
            if let Some(value) = object.get(key) {
                self.check(schema, value, &format!("{at}/{key}"), out);
            }
        }
    }

    fn check_items(&self, schema: &Value, value: &Value, at: &str, out: &mut Vec<String>) {
        for (i, value) in value.as_array().into_iter().flatten().enumerate() {
            self.check(schema, value, &format!("{at}/{i}"), out);
        }
    }
}

fn check_type(types: &Value, value: &Value, at: &str, out: &mut Vec<String>) {
    let types = types
        .as_array()
        .cloned()
        .unwrap_or_else(|| vec![types.clone()]);
    let fits = types.iter().any(|t| match t.as_str().unwrap() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("no such type: {other}"),
    });
    if !fits {
        out.push(format!("{at}: not of type {}", Value::Array(types)));
    }
}

fn check_required(keys: &Value, value: &Value, at: &str, out: &mut Vec<String>) {
    for key in keys.as_array().unwrap() {
        if value.is_object() && value.get(key.as_str().unwrap()).is_none() {
            out.push(format!("{at}/: {} is missing", key.as_str().unwrap()));
        }
    }
}

fn check_extra(schema: &Value, value: &Value, at: &str, out: &mut Vec<String>) {
    for key in value.as_object().unwrap().keys() {
        if schema["properties"].get(key).is_none() {
            out.push(format!("{at}/: {key} is not known"));
        }
    }
}

fn check_bound(keyword: &str, bound: &Value, value: &Value, at: &str, out: &mut Vec<String>) {
    let (Some(value), Some(bound)) = (value.as_f64(), bound.as_f64()) else {
        return;
    };
    if (keyword == "minimum" && value < bound) || (keyword == "maximum" && value > bound) {
        out.push(format!("{at}: beyond the {keyword} {bound}"));
    }
}
