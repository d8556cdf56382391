//! Where in a filter something stands, as a person would write it: `and[0]["/data/total"].gte`.

use super::POINTER_BYTES_MAX;
use alloc::{format, string::String};

/// `outer` and then the entry of this name.
pub(super) fn entry(outer: &str, name: &str) -> String {
    match name.bytes().all(|byte| byte.is_ascii_lowercase()) && !name.is_empty() {
        true if outer.is_empty() => name.into(),
        true => format!("{outer}.{name}"),
        false => {
            // Names that are none may be long.
            let name: String = name.chars().take(POINTER_BYTES_MAX).collect();
            format!("{outer}[{}]", serde_json::Value::from(name))
        }
    }
}

/// `outer` and then its element at this place, from 0.
pub(super) fn element(outer: &str, place: usize) -> String {
    format!("{outer}[{place}]")
}
