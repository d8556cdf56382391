//! JSON Schemas that payloads are checked against: nothing is fetched, and the work is bounded before the first payload.

mod cost;

use self::cost::{Cost, Refused};
use countersign_guest::Rejection;
use jsonschema::{Draft, PatternOptions, ValidationError, Validator};
use serde_json::Value;
use std::fmt::Write;

/// Longest schema, in bytes.
pub const SCHEMA_BYTES_MAX: usize = 64 * 1024;
/// Memory that a pattern may take, compiled.
const PATTERN_BYTES_MAX: usize = 256 * 1024;
/// Longest text of a finding.
const FINDING_CHARS_MAX: usize = 300;

/// A schema, compiled.
#[derive(Debug)]
pub struct Schema {
    validator: Validator,
    /// Checks of one value of a payload, at most.
    cost: u64,
}

/// A schema that cannot be used. The client's mistake.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    #[error("a schema has at most {SCHEMA_BYTES_MAX} bytes")]
    TooLong,
    #[error("the schema is not JSON")]
    NotJson,
    /// It would need other documents, or another dialect.
    #[error("{0}")]
    Unsupported(String),
    /// It could take too much time.
    #[error(
        "the schema would check a single value of a payload more than {} times: use fewer or narrower allOf, anyOf, oneOf and $ref",
        cost::CHECKS_MAX
    )]
    TooComplex,
    /// It is none of its dialect.
    #[error("{finding} (at {place} of the schema)")]
    Invalid { finding: String, place: String },
}

impl Schema {
    /// Reads and compiles a schema.
    ///
    /// # Errors
    /// [`SchemaError`]
    pub fn new(text: &str) -> Result<Self, SchemaError> {
        if text.len() > SCHEMA_BYTES_MAX {
            return Err(SchemaError::TooLong);
        }
        let schema: Value = serde_json::from_str(text).map_err(|_| SchemaError::NotJson)?;
        let draft = draft(&schema)?;
        let cost = Cost::of(&schema).map_err(|refused| match refused {
            Refused::Unsupported(why) => SchemaError::Unsupported(why),
            Refused::TooComplex => SchemaError::TooComplex,
        })?;
        // The engine without back-tracking: its time grows with the text and no faster.
        let patterns = PatternOptions::regex()
            .size_limit(PATTERN_BYTES_MAX)
            .dfa_size_limit(PATTERN_BYTES_MAX);
        let validator = jsonschema::options()
            .with_draft(draft)
            .with_pattern_options(patterns)
            .offline()
            .build(&schema)
            .map_err(|error| SchemaError::Invalid {
                finding: short(error.masked().to_string()),
                place: place("", error.instance_path().as_str()),
            })?;
        Ok(Self {
            validator,
            cost: cost.checks(),
        })
    }

    /// Checks that a payload of so many bytes may take, at most.
    pub fn checks(&self, payload_bytes: usize) -> u64 {
        // A value and what separates it from the next take two bytes at least.
        self.cost.saturating_mul(payload_bytes as u64 / 2)
    }

    /// Whether the payload fits.
    ///
    /// # Errors
    /// The first thing that does not, with its place; the payload's own texts are not in it.
    pub fn check(&self, payload: &[u8]) -> Result<(), Rejection> {
        let Ok(payload) = serde_json::from_slice::<Value>(payload) else {
            return Err(rejection("payload", "the payload is not JSON"));
        };
        // Quicker than to look for what is wrong, and nearly always enough.
        if self.validator.is_valid(&payload) {
            return Ok(());
        }
        match self.validator.validate(&payload) {
            Ok(()) => Ok(()),
            Err(error) => {
                let place = place("payload", error.instance_path().as_str());
                Err(rejection(&place, &finding(&error)))
            }
        }
    }
}

fn rejection(field: &str, finding: &str) -> Rejection {
    Rejection {
        field: field.to_owned(),
        code: "schema_mismatch".to_owned(),
        message: format!("the payload does not fit the schema of its event type: {finding}"),
    }
}

fn finding(error: &ValidationError<'_>) -> String {
    let keyword = place("", error.schema_path().as_str());
    let text = short(error.masked_with("the value").to_string());
    format!("{text} (`{keyword}` of the schema)")
}

fn short(text: String) -> String {
    match text.char_indices().nth(FINDING_CHARS_MAX) {
        None => text,
        Some((end, _)) => {
            let mut cut = text;
            cut.truncate(end);
            cut.push('…');
            cut
        }
    }
}

/// A JSON pointer as a path with dots, as other errors have it.
fn place(root: &str, pointer: &str) -> String {
    let mut place = root.to_owned();
    for part in pointer.split('/').skip(1) {
        let part = part.replace("~1", "/").replace("~0", "~");
        let dot = match place.is_empty() {
            true => "",
            false => ".",
        };
        // Writing to a text cannot fail.
        let _ = write!(place, "{dot}{part}");
    }
    match place.is_empty() {
        true => "the root".to_owned(),
        false => short(place),
    }
}

fn draft(schema: &Value) -> Result<Draft, SchemaError> {
    let Some(named) = schema.get("$schema") else {
        return Ok(Draft::Draft202012);
    };
    let named = named.as_str().unwrap_or_default();
    let bare = named.trim_end_matches('#');
    let bare = bare.split_once("://").map_or(bare, |(_, rest)| rest);
    match bare {
        "json-schema.org/draft/2020-12/schema" => Ok(Draft::Draft202012),
        "json-schema.org/draft/2019-09/schema" => Ok(Draft::Draft201909),
        "json-schema.org/draft-07/schema" => Ok(Draft::Draft7),
        _ => Err(SchemaError::Unsupported(
            "`$schema` must be that of draft 2020-12, 2019-09 or 07; left out, it is 2020-12"
                .to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn schema(json: &Value) -> Result<Schema, SchemaError> {
        Schema::new(&json.to_string())
    }

    #[test]
    fn what_does_not_fit_is_named_by_its_place_and_not_by_its_text() {
        let order = schema(&json!({
            "type": "object",
            "required": ["type", "data"],
            "properties": {"data": {
                "required": ["lines"],
                "properties": {"lines": {"items": {"properties": {"sku": {"type": "string", "pattern": "^[A-Z]+$"}}}}},
            }},
        }))
        .unwrap();
        let check = |payload: Value| order.check(payload.to_string().as_bytes());
        assert_eq!(
            check(json!({"type": "a", "data": {"lines": [{"sku": "A"}]}})),
            Ok(())
        );
        let wrong =
            check(json!({"type": "a", "data": {"lines": [{"sku": "A"}, {"sku": "secret"}]}}));
        let wrong = wrong.unwrap_err();
        assert_eq!(
            (&*wrong.field, &*wrong.code),
            ("payload.data.lines.1.sku", "schema_mismatch")
        );
        assert!(wrong.message.contains("pattern") && !wrong.message.contains("secret"));
        let missing = check(json!({"type": "a", "data": {}})).unwrap_err();
        assert_eq!(missing.field, "payload.data");
        assert!(missing.message.contains("lines"), "{}", missing.message);
    }

    #[test]
    fn what_is_no_schema_or_needs_more_than_itself_is_refused_with_the_reason() {
        for (given, says) in [
            (json!({"type": "strin"}), "at type of the schema"),
            (json!({"pattern": "("}), "pattern"),
            (json!({"pattern": "(?=a)"}), "pattern"),
            (json!({"$ref": "https://example.com/a.json"}), "$ref"),
            (json!({"$ref": "other.json"}), "$ref"),
            (json!({"$ref": "#/$defs/none"}), "$ref"),
            (json!({"$ref": "#"}), "itself"),
            (json!({"$dynamicRef": "#a"}), "$dynamicRef"),
            (
                json!({"$schema": "https://json-schema.org/draft-04/schema#"}),
                "$schema",
            ),
            (json!([]), "schema"),
        ] {
            let refused = schema(&given).unwrap_err().to_string();
            assert!(refused.contains(says), "{given}: {refused}");
        }
        assert_eq!(Schema::new("{").unwrap_err(), SchemaError::NotJson);
        let long = format!("{{\"title\":\"{}\"}}", "x".repeat(SCHEMA_BYTES_MAX));
        assert_eq!(Schema::new(&long).unwrap_err(), SchemaError::TooLong);
    }

    #[test]
    fn usual_schemas_of_each_dialect_are_taken() {
        let tree = json!({
            "$schema": "http://json-schema.org/draft-07/schema#",
            "definitions": {"node": {
                "type": "object",
                "properties": {"name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#/definitions/node"}}},
                "additionalProperties": false,
            }},
            "$ref": "#/definitions/node",
        });
        let tree = schema(&tree).unwrap();
        assert!(
            tree.check(br#"{"name": "a", "children": [{"name": "b"}]}"#)
                .is_ok()
        );
        let wrong = tree.check(br#"{"children": [{"nam": "b"}]}"#).unwrap_err();
        assert_eq!(wrong.field, "payload.children.0");
        let shapes = json!({"oneOf": [
            {"properties": {"kind": {"const": "a"}}, "required": ["kind"]},
            {"properties": {"kind": {"const": "b"}}, "required": ["kind", "b"]},
        ], "unevaluatedProperties": {"type": "string"}});
        let shapes = schema(&shapes).unwrap();
        assert!(shapes.check(br#"{"kind": "b"}"#).is_err());
        assert!(shapes.check(br#"{"kind": "a", "more": "x"}"#).is_ok());
        assert!(schema(&json!(true)).unwrap().check(b"7").is_ok());
    }
}
