//! A small check of JSON against the checked-in OpenAPI document: the part of JSON Schema that it uses.
//!
//! Stricter than the standard in one point: a property that the schema does not name is an error.

use std::sync::LazyLock;

use serde_json::{Map, Value};

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../../../../openapi/edge.json")).unwrap()
});

pub(crate) fn document() -> &'static Value {
    &DOCUMENT
}

/// Panics with the place of the first difference from the component `name`.
pub(crate) fn check(name: &str, value: &Value) {
    let schema = &DOCUMENT["components"]["schemas"][name];
    assert!(schema.is_object(), "no schema {name}");
    check_schema(schema, value, name);
}

/// The same for a schema.
pub(crate) fn check_schema(schema: &Value, value: &Value, at: &str) {
    if let Err(error) = matches(schema, value, at) {
        panic!("{error}");
    }
}

fn matches(schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    let schema = resolved(schema);
    if let Some(choices) = schema.get("oneOf") {
        let fits = choices
            .as_array()
            .unwrap()
            .iter()
            .filter(|choice| matches(choice, value, at).is_ok())
            .count();
        return if fits == 1 {
            Ok(())
        } else {
            Err(format!("{at}: fits {fits} of its forms: {value}"))
        };
    }
    if let Some(allowed) = schema.get("enum")
        && !allowed.as_array().unwrap().contains(value)
    {
        return Err(format!("{at}: {value} is none of {allowed}"));
    }
    if schema.get("type").is_some() && !kinds(schema).iter().any(|kind| is(kind, value)) {
        return Err(format!("{at}: {value} is no {}", schema["type"]));
    }
    if let (Some(items), Some(values)) = (schema.get("items"), value.as_array()) {
        for (index, value) in values.iter().enumerate() {
            matches(items, value, &format!("{at}[{index}]"))?;
        }
    }
    match value {
        Value::Object(object) => properties(schema, object, at),
        _ => Ok(()),
    }
}

fn properties(schema: &Value, object: &Map<String, Value>, at: &str) -> Result<(), String> {
    let mut known = Map::new();
    let mut required = Vec::new();
    gather(schema, &mut known, &mut required);
    if let Some(missing) = required.iter().find(|name| !object.contains_key(*name)) {
        return Err(format!("{at}: {missing} is missing"));
    }
    let any = schema.get("additionalProperties");
    for (name, value) in object {
        let at = format!("{at}.{name}");
        match known.get(name).or(any) {
            Some(schema) => matches(schema, value, &at)?,
            None if known.is_empty() => {}
            None => return Err(format!("{at} is not in the schema")),
        }
    }
    Ok(())
}

/// Properties of a schema and of all that it is made of.
fn gather(schema: &Value, known: &mut Map<String, Value>, required: &mut Vec<String>) {
    let schema = resolved(schema);
    for part in schema
        .get("allOf")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        gather(part, known, required);
    }
    known.extend(
        schema
            .get("properties")
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default(),
    );
    let names = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    required.extend(names.map(|name| name.as_str().unwrap().to_owned()));
}

fn resolved(schema: &Value) -> &Value {
    match schema.get("$ref").and_then(Value::as_str) {
        Some(path) => resolved(DOCUMENT.pointer(path.trim_start_matches('#')).unwrap()),
        None => schema,
    }
}

fn kinds(schema: &Value) -> Vec<String> {
    match &schema["type"] {
        Value::Array(kinds) => kinds
            .iter()
            .map(|kind| kind.as_str().unwrap().to_owned())
            .collect(),
        kind => vec![kind.as_str().unwrap().to_owned()],
    }
}

fn is(kind: &str, value: &Value) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_u64() || value.is_i64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        _ => false,
    }
}
