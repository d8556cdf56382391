//! JSON pointers, taken apart once.

use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A JSON pointer to something within the body, not to all of it. Source: RFC 6901.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pointer {
    /// Names without escapes.
    names: Vec<String>,
}

impl Pointer {
    /// `None` when the text is none: it begins with no `/`, or has a `~` that is not followed by `0` or `1`.
    pub(super) fn read(text: &str) -> Option<Self> {
        let names = text.strip_prefix('/')?.split('/').map(without_escapes);
        names.collect::<Option<_>>().map(|names| Self { names })
    }

    /// What is there.
    pub(super) fn find<'v>(&self, body: &'v Value) -> Option<&'v Value> {
        self.names.iter().try_fold(body, |value, name| match value {
            Value::Object(fields) => fields.get(name),
            Value::Array(items) => items.get(index(name)?),
            _ => None,
        })
    }

    /// As it is written.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for name in &self.names {
            text.push('/');
            for character in name.chars() {
                match character {
                    '~' => text.push_str("~0"),
                    '/' => text.push_str("~1"),
                    other => text.push(other),
                }
            }
        }
        text
    }
}

fn without_escapes(name: &str) -> Option<String> {
    let mut plain = String::with_capacity(name.len());
    let mut rest = name.chars();
    while let Some(character) = rest.next() {
        plain.push(match character {
            '~' => match rest.next()? {
                '0' => '~',
                '1' => '/',
                _ => return None,
            },
            other => other,
        });
    }
    Some(plain)
}

/// Digits without a zero before them. Source: RFC 6901 section 4.
fn index(name: &str) -> Option<usize> {
    let digits = name.bytes().all(|byte| byte.is_ascii_digit());
    match digits && (name == "0" || !name.starts_with('0')) {
        true => name.parse().ok(),
        false => None,
    }
}
