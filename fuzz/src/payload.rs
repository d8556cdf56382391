//! The payload models of every provider.

use countersign_core::provider::{Payload, Provider};
use serde_json::Value;

/// What decodes encodes to bytes that decode to the same, and from then on they do not change.
pub fn run(data: &[u8]) {
    for provider in Provider::ALL {
        let Ok(payload) = Payload::decode(provider, data) else {
            continue;
        };
        let bytes = payload.encode();
        let again = Payload::decode(provider, &bytes);
        if has_float(&bytes) {
            assert!(again.is_ok(), "{}", provider.name());
            continue;
        }
        assert_eq!(again.as_ref(), Ok(&payload), "{}", provider.name());
        assert_eq!(again.map(|again| again.encode()), Ok(bytes));
    }
}

/// Whether any number is kept as a float: those `serde_json` reads to one of the two nearest, so that writing and reading
/// may move them by the last bit.
fn has_float(payload: &[u8]) -> bool {
    let tree: Value = serde_json::from_slice(payload).unwrap_or_default();
    let mut open = vec![&tree];
    while let Some(value) = open.pop() {
        match value {
            Value::Number(number) if number.is_f64() => return true,
            Value::Array(values) => open.extend(values),
            Value::Object(fields) => open.extend(fields.values()),
            _ => {}
        }
    }
    false
}
