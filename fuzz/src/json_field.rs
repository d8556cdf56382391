//! The scanner that reads one field of a JSON body, held against `serde_json`.

use countersign_core::internals::{self, JsonValue};
use serde::de::IgnoredAny;
use serde_json::Value;

/// Levels of nesting that both read.
const DEPTH_MAX: usize = 127;
const BOM: &[u8] = b"\xef\xbb\xbf";

/// The first byte is the length of the name, the name follows, and then the text.
pub fn run(data: &[u8]) {
    let Some((len, rest)) = data.split_first() else {
        return;
    };
    let Some((name, text)) = rest.split_at_checked(usize::from(*len % 16)) else {
        return;
    };
    if let Ok(name) = std::str::from_utf8(name) {
        hold(text, name);
    }
}

fn hold(bytes: &[u8], name: &str) {
    let found = internals::json_field(bytes, name);
    let text = bytes.strip_prefix(BOM).unwrap_or(bytes);
    let Ok(text) = std::str::from_utf8(text) else {
        assert_eq!(found, None, "bytes that are no text");
        return;
    };
    if let Ok(tree) = serde_json::from_str::<Value>(text) {
        let expected = tree.get(name).cloned();
        let found = found.unwrap_or_else(|| panic!("refused: {text}"));
        assert_eq!(found.map(tree_of), expected.map(without_lists), "{text}");
        return;
    }
    // Not a tree: it may still be JSON with a number out of range, half of a surrogate pair, or deep nesting.
    let is_json = serde_json::from_str::<IgnoredAny>(text).is_ok();
    match found {
        Some(_) => assert!(is_json, "taken: {text}"),
        None => assert!(!is_json || depth(text) > DEPTH_MAX, "refused: {text}"),
    }
}

fn tree_of(value: JsonValue<'_>) -> Value {
    match value {
        JsonValue::Text(text) => Value::String(text.into_owned()),
        JsonValue::Number(text) | JsonValue::Object(text) => {
            serde_json::from_str(text).expect("a part of what was read")
        }
        JsonValue::Null => Value::Null,
        JsonValue::Other => Value::Bool(true),
    }
}

/// Lists and booleans are one to the scanner.
fn without_lists(value: Value) -> Value {
    match value {
        Value::Array(_) | Value::Bool(_) => Value::Bool(true),
        other => other,
    }
}

/// The deepest nesting of brackets outside of strings.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut is_escaped) = (0_usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_string => is_escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}
