//! Examples of requests: what must be given, as its schema has it.

use serde_json::{Map, Value};

/// How deep examples go; no request must have more.
const DEPTH_MAX: u32 = 6;

/// An example with the fields that are required, or with the first ones where none is.
pub(super) fn example(document: &Value, schema: &Value) -> String {
    let value = of(document, schema, DEPTH_MAX);
    serde_json::to_string(&value).unwrap_or_default()
}

fn of(document: &Value, schema: &Value, depth: u32) -> Value {
    let schema = super::resolved(document, schema);
    if depth == 0 {
        return Value::Null;
    }
    let deeper = |schema: &Value| of(document, schema, depth.saturating_sub(1));
    if let Some(given) = schema["examples"].as_array().and_then(|all| all.first()) {
        return given.clone();
    }
    if !schema["const"].is_null() {
        return schema["const"].clone();
    }
    let first = ["enum", "oneOf", "anyOf"]
        .iter()
        .find_map(|keyword| schema[*keyword].as_array()?.first());
    match (first, schema["enum"].is_array()) {
        (Some(word), true) => return word.clone(),
        (Some(one), false) => return deeper(one),
        (None, _) => {}
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.first().and_then(Value::as_str),
        kind => kind.as_str(),
    };
    match kind {
        Some("boolean") => true.into(),
        Some("integer" | "number") => schema["minimum"].as_u64().unwrap_or(1).max(1).into(),
        Some("array") => Value::Array(vec![deeper(&schema["items"])]),
        Some("object") => object(schema, deeper),
        Some("string") if schema["format"] == "date-time" => "2026-01-02T03:04:05Z".into(),
        Some("string") => "...".into(),
        _ => Value::Object(Map::new()),
    }
}

fn object(schema: &Value, deeper: impl Fn(&Value) -> Value) -> Value {
    let required = schema["required"].as_array().into_iter().flatten();
    let required = required.filter_map(Value::as_str);
    let fields = required.map(|name| (name.to_owned(), deeper(&schema["properties"][name])));
    Value::Object(fields.collect())
}
