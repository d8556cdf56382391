//! A signature in place of the provider's own: any scheme of core that can sign a delivery, described by its options.

use super::{EndpointSettings, HTTP_HEADERS};
use crate::message::{Rejection, SignaturePlan};
use countersign_core::{
    ConfigError, Scheme,
    signature::outgoing::{Outgoing, OutgoingError},
};
use serde_json::{Map, Value, json};

/// Most options of a signature; the scheme with the most has fewer.
const OPTIONS_MAX: usize = 20;
/// Longest value of an option, in bytes.
const OPTION_BYTES_MAX: usize = 200;

/// Reads `{"scheme": …, "options": {…}}`; `null` is none.
pub(super) fn read(text: &str) -> Result<Option<SignaturePlan>, Rejection> {
    const KIND: &str = r#"`signature` must be an object such as {"scheme": "github"}, or null for the provider's own"#;
    let mut fields = match serde_json::from_str(text) {
        Ok(Value::Null) => return Ok(None),
        Ok(Value::Object(fields)) => fields,
        _ => return Err(invalid("signature", KIND)),
    };
    let scheme = match fields.remove("scheme") {
        Some(Value::String(scheme)) => scheme,
        _ => {
            return Err(invalid(
                "signature.scheme",
                "`scheme` must be the name of a scheme",
            ));
        }
    };
    let options = match fields.remove("options") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Object(options)) => read_options(options)?,
        Some(_) => {
            let message =
                "`options` must be an object of option names and their values, both strings";
            return Err(invalid("signature.options", message));
        }
    };
    match fields.keys().next() {
        None => Ok(Some(SignaturePlan { scheme, options })),
        Some(name) => {
            let name: String = name.chars().take(100).collect();
            let message = format!("a signature has no field `{name}`; known are: scheme, options");
            Err(invalid("signature", &message))
        }
    }
}

fn read_options(options: Map<String, Value>) -> Result<Vec<(String, String)>, Rejection> {
    if options.len() > OPTIONS_MAX {
        let message = format!("give at most {OPTIONS_MAX} options");
        return Err(invalid("signature.options", &message));
    }
    let options = options.into_iter().map(|(name, value)| match value {
        Value::String(value) if value.len() <= OPTION_BYTES_MAX => Ok((name, value)),
        Value::String(_) => {
            let message = format!("an option has at most {OPTION_BYTES_MAX} bytes");
            Err(invalid(&field_of(&name), &message))
        }
        _ => Err(invalid(
            &field_of(&name),
            "the value of an option must be a string",
        )),
    });
    options.collect()
}

/// The scheme with its options, as far as it can sign deliveries.
///
/// # Errors
/// [`Rejection`] with the part of the signature that is wrong.
pub(crate) fn outgoing(signature: &SignaturePlan) -> Result<Outgoing, Rejection> {
    let options = signature.options.iter();
    let options: Vec<_> = options.map(|(k, v)| (k.as_str(), v.as_str())).collect();
    Outgoing::of(&signature.scheme, &options).map_err(|error| {
        let scheme = signature.scheme.as_str();
        match &error {
            OutgoingError::Config(config) => {
                let field = match config {
                    ConfigError::UnknownOption { name } => field_of(name),
                    ConfigError::OptionMissing { name } => field_of(name),
                    _ => "signature.scheme".to_owned(),
                };
                let known = match config {
                    ConfigError::UnknownOption { .. } => known_options(scheme),
                    _ => String::new(),
                };
                Rejection {
                    field,
                    code: config.code().to_owned(),
                    message: format!("{error}{known}"),
                }
            }
            OutgoingError::OptionText { name } => invalid(&field_of(name), &error.to_string()),
            OutgoingError::HeaderTwice { .. } => invalid("signature.options", &error.to_string()),
            _ => invalid("signature.scheme", &format!("{scheme}: {error}")),
        }
    })
}

fn known_options(scheme: &str) -> String {
    let options = Scheme::named(scheme).map_or(&[][..], |scheme| scheme.options);
    match options {
        [] => "; it has none".to_owned(),
        options => {
            let names: Vec<_> = options.iter().map(|option| option.name()).collect();
            format!("; its options are: {}", names.join(", "))
        }
    }
}

impl EndpointSettings {
    /// Whether it can sign, and fits the other settings.
    pub(super) fn check_signature(&self, signature: &SignaturePlan) -> Result<(), Rejection> {
        for name in &outgoing(signature)?.header_names {
            let lower = name.to_ascii_lowercase();
            if HTTP_HEADERS.contains(&&*lower) {
                let message = format!("`{name}` is set by HTTP itself; name another header");
                return Err(invalid("signature.options", &message));
            }
            if self
                .headers
                .keys()
                .any(|own| own.eq_ignore_ascii_case(name))
            {
                let message = format!(
                    "the signature writes `{name}`, which is also in `settings.headers`; keep one"
                );
                return Err(invalid("signature", &message));
            }
        }
        Ok(())
    }
}

impl SignaturePlan {
    /// As an owner writes it.
    pub fn to_json(&self) -> Value {
        let options: Map<_, _> = self
            .options
            .iter()
            .map(|(name, value)| (name.clone(), Value::from(value.as_str())))
            .collect();
        json!({ "scheme": self.scheme, "options": options })
    }
}

fn field_of(option: &str) -> String {
    let option: String = option.chars().take(100).collect();
    format!("signature.options.{option}")
}

fn invalid(field: &str, message: &str) -> Rejection {
    Rejection {
        field: field.to_owned(),
        code: "signature_invalid".to_owned(),
        message: message.to_owned(),
    }
}

#[cfg(test)]
mod tests;
