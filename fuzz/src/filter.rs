//! Filters: reading, writing, evaluating, explaining.

use crate::input::text;
use arbitrary::Unstructured;
use countersign_core::filter::Filter;
use serde_json::{Value, json};

/// Most conditions that are asked for; more than a filter has.
const MISSES_MAX: usize = 1_000;

/// The event type, the filter, and what is left is the body.
pub fn run(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let Ok(event_type) = text(&mut input) else {
        return;
    };
    let Ok(source) = text(&mut input) else {
        return;
    };
    let body: Value = serde_json::from_slice(input.take_rest()).unwrap_or_default();
    let filter = match Filter::parse(source) {
        Ok(filter) => filter,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    let written = filter.to_json();
    // A float may move by its last bit when it is read again, and then it is written differently.
    if !has_float(&written) {
        assert_eq!(Filter::parse(&written.to_string()).as_ref(), Ok(&filter));
    }
    let holds = filter.holds(event_type, &body);
    let misses = filter.explain(event_type, &body, MISSES_MAX);
    assert_eq!(misses.is_empty(), holds, "{written} {body}");
    assert_eq!(
        filter.explain(event_type, &body, 1).len(),
        misses.len().min(1)
    );
    let not = json!({ "not": written });
    // One more level may be one too many.
    if let Ok(not) = Filter::parse(&not.to_string())
        && !has_float(&not.to_json())
    {
        assert_eq!(not.holds(event_type, &body), !holds, "{written} {body}");
    }
}

fn has_float(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(values) => values.iter().any(has_float),
        Value::Object(fields) => fields.values().any(has_float),
        _ => false,
    }
}
