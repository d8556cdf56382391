//! Ids of clients and campaigns. SmartLead's are numbers (S8, S19), and numbers are compared by value.

use super::SubscriptionError;
use alloc::{
    format,
    string::{String, ToString},
};
use serde_json::{Map, Number, Value};

/// Beyond it, floats are no longer every whole number: 2^53.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// An id that is a number, which may come as text. Null is none.
///
/// # Errors
/// [`SubscriptionError::WrongId`] for anything else: left out, it would make an endpoint hear of everything.
pub(super) fn number(
    fields: &Map<String, Value>,
    name: &'static str,
) -> Result<Option<String>, SubscriptionError> {
    let number = match fields.get(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Number(number)) => whole(&number.to_string()),
        Some(Value::String(text)) => whole(text),
        Some(_) => None,
    };
    match number {
        Some(number) => Ok(Some(number.to_string())),
        None => Err(SubscriptionError::WrongId { field: name }),
    }
}

/// An id that is a number or any text. Null and an empty one are none.
///
/// # Errors
/// [`SubscriptionError::WrongId`]
pub(super) fn number_or_text(
    fields: &Map<String, Value>,
    name: &'static str,
) -> Result<Option<String>, SubscriptionError> {
    match fields.get(name) {
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) if whole(text).is_none() => Ok(Some(text.clone())),
        _ => number(fields, name),
    }
}

/// Whether the id of an event is this one, which was read by one of the above.
pub(super) fn is_of(own: &str, of_event: &str) -> bool {
    let spelled_otherwise =
        || !is_plain(of_event) && whole(of_event).is_some_and(|number| format!("{number}") == own);
    own == of_event || spelled_otherwise()
}

/// Whether a number has no other spelling that is as short.
fn is_plain(text: &str) -> bool {
    !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The whole number that a text spells: `123`, `0123`, `123.0` and `1.23e2` are one. `None` for what is none, is less than 0, or
/// that a float may have rounded.
fn whole(text: &str) -> Option<u64> {
    if !text.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok();
    }
    let float = text.parse::<Number>().ok()?.as_f64()?;
    let whole = float as u64;
    (float < EXACT_MAX && whole as f64 == float).then_some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(value: Value) -> Result<Option<String>, SubscriptionError> {
        let mut fields = Map::new();
        fields.insert("client_id".into(), value);
        number(&fields, "client_id")
    }

    // Holds: S8, S19
    #[test]
    fn a_number_has_one_spelling_and_matches_every_other() {
        for same in ["123", "123.0", "1.23e2", "0123", "12300e-2"] {
            assert_eq!(read(json!(same)), Ok(Some("123".into())), "{same}");
            assert!(is_of("123", same), "{same}");
        }
        for value in ["123", "123.0", "1.23E+2"] {
            let value: Value = serde_json::from_str(value).unwrap();
            assert_eq!(read(value.clone()), Ok(Some("123".into())), "{value}");
        }
        let longest = json!(u64::MAX);
        assert_eq!(read(longest), Ok(Some("18446744073709551615".into())));
        assert!(is_of("0", "0.0") && is_of("cmp_1", "cmp_1"));
        for other in [
            "124", "1230", "123.5", "-123", "cmp_123", "", "123x", "12 3",
        ] {
            assert!(!is_of("123", other), "{other}");
        }
        // Neighbours that are one and the same float.
        assert!(!is_of("9007199254740993", "9007199254740992.0"));
    }

    // Holds: S19, S20
    #[test]
    fn what_is_no_whole_number_is_refused_and_not_left_out() {
        let refused = Err(SubscriptionError::WrongId { field: "client_id" });
        for value in [
            "true",
            "false",
            "\"\"",
            "\"acme\"",
            "[123]",
            "[]",
            "{}",
            "{\"id\":1}",
            "5.5",
            "-1",
            "\"-1\"",
            "99999999999999999999",
            "\"99999999999999999999\"",
            "1e20",
            "\" 1\"",
            "\"NaN\"",
        ] {
            let value: Value = serde_json::from_str(value).unwrap();
            assert_eq!(read(value.clone()), refused, "{value}");
        }
        assert_eq!(read(Value::Null), Ok(None));
    }

    #[test]
    fn in_the_other_spelling_an_id_may_be_a_text() {
        let read = |value: Value| {
            let mut fields = Map::new();
            fields.insert("client_id".into(), value);
            number_or_text(&fields, "client_id")
        };
        assert_eq!(read(json!("acme")), Ok(Some("acme".into())));
        assert_eq!(read(json!("07.0")), Ok(Some("07.0".into())));
        assert_eq!(read(json!("7.0")), Ok(Some("7".into())));
        assert_eq!(read(json!("")), Ok(None));
        for wrong in [json!(true), json!([7]), json!({}), json!(5.5), json!(-1)] {
            assert!(read(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
