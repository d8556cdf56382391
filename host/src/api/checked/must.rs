//! What a schema asks for, in words.

use serde_json::Value;

/// How deep references are followed. Ours refer once or twice.
const REFERENCES_MAX: u32 = 10;
/// Words that are listed.
const WORDS_MAX: usize = 20;

/// The schema of the value at this place of a request, a JSON pointer.
pub(super) fn node<'a>(root: &'a Value, place: &str) -> Option<&'a Value> {
    let mut node = root;
    for part in place.split('/').skip(1) {
        let part = part.replace("~1", "/").replace("~0", "~");
        node = within(root, node, &part)?;
    }
    Some(node)
}

fn within<'a>(root: &'a Value, node: &'a Value, part: &str) -> Option<&'a Value> {
    let node = resolved(root, node);
    let named = node.get("properties").and_then(|all| all.get(part));
    let item = || {
        node.get("items")
            .filter(|_| part.bytes().all(|b| b.is_ascii_digit()))
    };
    named.or_else(item).or_else(|| {
        let alternatives = alternatives(node);
        alternatives
            .into_iter()
            .find_map(|one| within(root, one, part))
    })
}

/// The schema that a reference means, and the one alternative to null.
fn resolved<'a>(root: &'a Value, mut node: &'a Value) -> &'a Value {
    for _ in 0..REFERENCES_MAX {
        let reference = node.get("$ref").and_then(Value::as_str);
        let target =
            reference.and_then(|reference| root.pointer(reference.trim_start_matches('#')));
        let only = || match alternatives(node).as_slice() {
            [one] => Some(*one),
            _ => None,
        };
        match target.or_else(only) {
            Some(next) => node = next,
            None => break,
        }
    }
    node
}

/// Alternatives, but null.
fn alternatives(node: &Value) -> Vec<&Value> {
    let lists = ["anyOf", "oneOf"]
        .into_iter()
        .filter_map(|keyword| node.get(keyword));
    let all = lists.filter_map(Value::as_array).flatten();
    all.filter(|one| one.get("type").and_then(Value::as_str) != Some("null"))
        .collect()
}

/// Whether the value can be of this type of JSON.
pub(super) fn takes(root: &Value, node: &Value, kind: &str) -> bool {
    let node = resolved(root, node);
    let is = |value: &Value| match value {
        Value::String(one) => one == kind,
        Value::Array(several) => several.iter().any(|one| one == kind),
        _ => false,
    };
    let inner = alternatives(node).into_iter();
    node.get("type").is_some_and(is) || inner.into_iter().any(|one| takes(root, one, kind))
}

/// The words that the value can be, when it can be nothing else.
pub(super) fn words<'a>(root: &'a Value, node: &'a Value) -> Option<Vec<&'a str>> {
    let node = resolved(root, node);
    if let Some(word) = node.get("const") {
        return word.as_str().map(|word| vec![word]);
    }
    if let Some(all) = node.get("enum").and_then(Value::as_array) {
        let words = all.iter().filter(|word| !word.is_null());
        return words.map(Value::as_str).collect();
    }
    let alternatives = alternatives(node);
    match alternatives.is_empty() {
        true => None,
        false => {
            let words: Option<Vec<_>> = alternatives
                .into_iter()
                .map(|one| words(root, one))
                .collect();
            Some(words?.concat())
        }
    }
}

/// What the value must be.
pub(super) fn must_be(root: &Value, node: Option<&Value>) -> String {
    let Some(given) = node else {
        return "of another kind".to_owned();
    };
    let node = resolved(root, given);
    if let Some(words) = words(root, given) {
        let words: Vec<_> = words.into_iter().take(WORDS_MAX).collect();
        return match words.as_slice() {
            [one] => (*one).to_owned(),
            several => format!("one of {}", several.join(", ")),
        };
    }
    let alternatives = alternatives(node);
    if !alternatives.is_empty() {
        let all = alternatives.into_iter().map(|one| must_be(root, Some(one)));
        return all.collect::<Vec<_>>().join(", or ");
    }
    let kinds: Vec<&str> = match node.get("type") {
        Some(Value::String(kind)) => vec![kind],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let kinds = kinds.into_iter().map(|kind| match kind {
        "null" => "null".to_owned(),
        "boolean" => "true or false".to_owned(),
        "array" => list(root, node),
        "object" => "an object".to_owned(),
        "integer" | "number" => number(node),
        "string" => text(node),
        other => other.to_owned(),
    });
    match kinds.collect::<Vec<_>>().join(" or ") {
        nothing if nothing.is_empty() => "JSON".to_owned(),
        kinds => kinds,
    }
}

fn number(node: &Value) -> String {
    let bound = |keyword: &str| node.get(keyword).and_then(Value::as_u64);
    match (bound("minimum"), bound("maximum")) {
        (Some(least), Some(most)) => format!("a number from {least} to {most}"),
        (Some(least), None) if least > 0 => format!("a number of at least {least}"),
        _ => "a whole number".to_owned(),
    }
}

fn text(node: &Value) -> String {
    let is_time = node.get("format").and_then(Value::as_str) == Some("date-time");
    match (is_time, node.get("pattern").and_then(Value::as_str)) {
        (true, _) => "a time with its zone, such as 2026-01-02T03:04:05Z".to_owned(),
        (false, Some(pattern)) => format!("a string that fits {pattern}"),
        (false, None) => "a string".to_owned(),
    }
}

fn list(root: &Value, node: &Value) -> String {
    let bound = |keyword: &str| node.get(keyword).and_then(Value::as_u64);
    let items = node.get("items").map(|items| must_be(root, Some(items)));
    let of = items.map(|items| format!(" of which each is {items}"));
    let of = of.unwrap_or_default();
    match (bound("minItems"), bound("maxItems")) {
        (Some(least), Some(most)) => format!("a list of {least} to {most}{of}"),
        _ => format!("a list{of}"),
    }
}
