//! Doors for fuzzing and measuring to what is not public. Nothing here is part of the interface.

use crate::signature::{
    Refusal, encoding,
    json::{self, Value},
    layout::Layout,
    timestamp,
};
use alloc::{borrow::Cow, vec::Vec};
use core::ops::ControlFlow;

/// The value of a field of a JSON text.
#[derive(Debug, PartialEq, Eq)]
pub enum JsonValue<'a> {
    /// A string, escapes resolved.
    Text(Cow<'a, str>),
    /// A number, as it stands.
    Number(&'a str),
    /// An object, as it stands.
    Object(&'a str),
    /// `null`.
    Null,
    /// A list, `true` or `false`.
    Other,
}

/// One field of a JSON object; the outer `None` when the text is not JSON.
pub fn json_field<'a>(text: &'a [u8], name: &str) -> Option<Option<JsonValue<'a>>> {
    let value = json::field(text, name).ok()?;
    Some(value.map(|value| match value {
        Value::Text(text) => JsonValue::Text(text),
        Value::Number(text) => JsonValue::Number(text),
        Value::Object(text) => JsonValue::Object(text),
        Value::Null => JsonValue::Null,
        Value::Other => JsonValue::Other,
    }))
}

/// What a signature header presents as signatures.
///
/// # Errors
/// Why it presents none.
pub fn presented<'a>(
    layout: &Layout,
    header: &'a [u8],
    is_asymmetric: bool,
) -> Result<Vec<&'a [u8]>, Refusal> {
    let mut items = Vec::new();
    let mut see = |item| {
        items.push(item);
        ControlFlow::Continue(())
    };
    let _ = layout.presented(header, is_asymmetric, &mut see)?;
    Ok(items)
}

/// The value of the first item with this label.
pub fn first_item<'a>(layout: &Layout, header: &'a [u8], label: &str) -> Option<&'a [u8]> {
    layout.first_item(header, label)
}

/// Digits as a number; the largest there is where they do not fit.
pub fn unix_number(text: &[u8]) -> Option<i64> {
    timestamp::unix_number(text)
}

/// The comparison of signatures.
pub fn is_equal(one: &[u8], other: &[u8]) -> bool {
    encoding::is_equal(one, other)
}
