//! Where a scheme puts signature, timestamp and id: in headers, or in the body itself.

#[cfg(feature = "every-scheme")]
use super::{
    Refusal, form,
    json::{Value, field},
};
#[cfg(feature = "every-scheme")]
use alloc::{borrow::ToOwned, string::String, vec::Vec};

/// What carries signature, timestamp and id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// Headers.
    Headers,
    /// An object of the JSON body under this name; what else a scheme calls headers are its fields.
    #[cfg(feature = "every-scheme")]
    JsonObject(&'static str),
    /// A form body; what else a scheme calls headers are its fields.
    #[cfg(feature = "every-scheme")]
    Form,
}

#[cfg(feature = "every-scheme")]
impl Carrier {
    /// The fields of these names in the body. Absent ones are left out.
    pub(crate) fn fields<'n>(
        self,
        body: &[u8],
        names: &[&'n str],
    ) -> Result<Vec<(&'n str, String)>, Refusal> {
        match self {
            Self::Headers => Ok(Vec::new()),
            Self::JsonObject(object) => {
                let Some(Value::Object(object)) = json_field(body, object)? else {
                    return Err(Refusal::MissingField);
                };
                let mut fields = Vec::new();
                for &name in names {
                    if let Some(text) = json_field(object.as_bytes(), name)?.and_then(text_of) {
                        fields.push((name, text));
                    }
                }
                Ok(fields)
            }
            Self::Form => {
                let mut fields = Vec::new();
                for &name in names {
                    if let Some(value) = form::field(body, name) {
                        fields.push((name, value));
                    }
                }
                Ok(fields)
            }
        }
    }
}

/// The field of a JSON body as text; `None` where it is absent, `null` or neither text nor number.
///
/// # Errors
/// [`Refusal::BodyInvalid`] when the body is not JSON.
#[cfg(feature = "every-scheme")]
pub(super) fn json_text(body: &[u8], name: &str) -> Result<Option<String>, Refusal> {
    Ok(json_field(body, name)?.and_then(text_of))
}

#[cfg(feature = "every-scheme")]
fn json_field<'a>(body: &'a [u8], name: &str) -> Result<Option<Value<'a>>, Refusal> {
    field(body, name).map_err(|_| Refusal::BodyInvalid)
}

#[cfg(feature = "every-scheme")]
fn text_of(value: Value<'_>) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.into_owned()),
        Value::Number(number) => Some(number.to_owned()),
        Value::Object(_) | Value::Other | Value::Null => None,
    }
}
