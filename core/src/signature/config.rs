//! What a verifier is built from, and the settings of schemes.

#[cfg(feature = "every-scheme")]
use super::{carrier::Carrier, url::UrlForms};
use super::{
    encoding::Encoding,
    layout::Layout,
    mac::Algorithm,
    scheme::{Name, OptionKey, Part, Scheme},
    timestamp::{Timestamp, TimestampForm, TimestampPlace},
};
use crate::secret::{SecretForm, SecretInvalid};
use alloc::{borrow::ToOwned, string::String, vec::Vec};
use core::fmt;

/// What to build a [`KeyedScheme`](super::KeyedScheme) from.
#[derive(Debug, Clone, Default)]
pub struct Config<'a> {
    /// Name of the scheme.
    pub scheme: &'a str,
    /// Secrets as pasted; a request is valid when any of them fits. At least one.
    pub secrets: Vec<&'a str>,
    /// How far a signed timestamp may lie from the receiver's clock.
    pub tolerance: Tolerance,
    /// Settings by name; each scheme knows its own.
    pub options: Vec<(&'a str, &'a str)>,
}

/// How far a signed timestamp may lie from the receiver's clock, to either side, inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tolerance {
    /// The scheme's own figure.
    #[default]
    SchemeDefault,
    /// This many seconds.
    Seconds(u32),
    /// Any time is accepted. The timestamp must still be readable.
    Off,
}

/// A configuration that no verifier can be built from. The fault of whoever configures, never of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// No scheme of this name. Names: [`Scheme::all`].
    UnknownScheme,
    /// The scheme has no option of this name, or the option has no such value.
    UnknownOption {
        /// The option as given.
        name: String,
    },
    /// The scheme cannot do without this option.
    OptionMissing {
        /// Its name.
        name: &'static str,
    },
    /// No secret at all, or one that is empty or cannot be a key of the scheme.
    SecretInvalid(SecretInvalid),
}

impl ConfigError {
    /// The name of the mistake.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownScheme => "unknown_scheme",
            Self::UnknownOption { .. } => "unknown_option",
            Self::OptionMissing { .. } => "option_missing",
            Self::SecretInvalid(_) => "secret_invalid",
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownScheme => {
                f.write_str("no signature scheme of this name; known are:")?;
                Scheme::all().try_for_each(|scheme| write!(f, " {}", scheme.name))
            }
            Self::UnknownOption { name } => {
                write!(
                    f,
                    "the scheme does not know the option `{name}` or its value"
                )
            }
            Self::OptionMissing { name } => write!(f, "the scheme needs the option `{name}`"),
            Self::SecretInvalid(SecretInvalid { index }) => write!(
                f,
                "secret {index} (counted from 0) is missing, empty or cannot be a key of the scheme"
            ),
        }
    }
}

impl core::error::Error for ConfigError {}

impl<'a> Config<'a> {
    /// A scheme with its secrets, everything else as the provider has it.
    pub fn new(scheme: &'a str, secrets: &[&'a str]) -> Self {
        Self {
            scheme,
            secrets: secrets.to_vec(),
            ..Self::default()
        }
    }

    /// The scheme's declaration with the options applied.
    #[inline(never)]
    pub(crate) fn declaration(&self) -> Result<Scheme, ConfigError> {
        let scheme = Scheme::named(self.scheme).ok_or(ConfigError::UnknownScheme)?;
        let mut options = Vec::with_capacity(self.options.len());
        for (name, value) in &self.options {
            match OptionKey::named(name).filter(|key| scheme.options.contains(key)) {
                Some(key) => options.push((key, *name, *value)),
                None => return Err(unknown(name)),
            }
        }
        let mut declaration = scheme.clone();
        // Some settings start from what others have made of the scheme: the scheme lists them in their order.
        for wanted in scheme.options {
            for (key, name, value) in &options {
                if key == wanted {
                    apply(&mut declaration, *key, value).ok_or_else(|| unknown(name))?;
                }
            }
        }
        let scheme = declaration;
        check_complete(&scheme)?;
        Ok(scheme)
    }
}

fn unknown(name: &str) -> ConfigError {
    ConfigError::UnknownOption {
        name: name.to_owned(),
    }
}

/// `None` when the option has no such value.
#[inline(never)]
fn apply(scheme: &mut Scheme, key: OptionKey, value: &str) -> Option<()> {
    match key {
        OptionKey::Mode => match value {
            "simple" => {}
            "advanced" => scheme.make_advanced(),
            _ => return None,
        },
        OptionKey::Header => scheme.signature_headers = [header_name(value)?].to_vec().into(),
        OptionKey::Algorithm => {
            scheme.algorithm = match value {
                #[cfg(feature = "every-scheme")]
                "sha1" if scheme.is_generic() => Algorithm::HmacSha1,
                "sha256" => Algorithm::HmacSha256,
                #[cfg(feature = "sha512")]
                "sha512" => Algorithm::HmacSha512,
                #[cfg(feature = "ed25519")]
                "ed25519" if scheme.is_generic() => Algorithm::Ed25519,
                #[cfg(feature = "p256")]
                "ecdsa-p256" if scheme.is_generic() => Algorithm::EcdsaP256,
                _ => return None,
            }
        }
        OptionKey::Encoding => {
            scheme.encoding = match value {
                "hex" => Encoding::Hex,
                "base64" => Encoding::Base64,
                "base64url" if scheme.is_generic() => Encoding::Base64Url,
                _ => return None,
            }
        }
        OptionKey::Prefix => scheme.layout = Layout::Prefixed(value.to_owned().into()),
        OptionKey::Separator => {
            let prefix = match &scheme.layout {
                Layout::Prefixed(prefix) => prefix.clone(),
                _ => Name::Borrowed(""),
            };
            let separator = (!value.is_empty()).then(|| value.to_owned().into())?;
            scheme.layout = Layout::Separated { separator, prefix };
        }
        OptionKey::SignatureVersion => match &mut scheme.layout {
            Layout::Labelled { label, .. } if !value.is_empty() => *label = value.to_owned().into(),
            // Signatures of the simple mode have no version.
            _ => return (!value.is_empty()).then_some(()),
        },
        OptionKey::Template => scheme.content = template(value)?.into(),
        OptionKey::TimestampHeader => {
            scheme.timestamp = Some(Timestamp {
                place: TimestampPlace::Header(header_name(value)?),
                form: TimestampForm::Seconds,
                tolerance_s: None,
                opaque_without_tolerance: false,
            });
        }
        OptionKey::TimestampUnit => {
            let form = match value {
                "s" => TimestampForm::Seconds,
                "ms" => TimestampForm::Milliseconds,
                _ => return None,
            };
            if let Some(timestamp) = &mut scheme.timestamp {
                timestamp.form = form;
            }
        }
        OptionKey::IdHeader => scheme.id_header = Some(header_name(value)?),
        #[cfg(feature = "every-scheme")]
        OptionKey::Version => scheme.make_version(value)?,
        #[cfg(feature = "every-scheme")]
        OptionKey::BodyFormat => {
            scheme.carrier = match value {
                "json" => scheme.carrier,
                "form" => Carrier::Form,
                _ => return None,
            }
        }
        #[cfg(feature = "every-scheme")]
        OptionKey::EscapeUnicode => {
            scheme.content = match value {
                "true" => [Part::BodyOrEscaped].to_vec().into(),
                "false" => return Some(()),
                _ => return None,
            }
        }
        OptionKey::SecretFormat => match value {
            "raw" => scheme.secret_form = SecretForm::Text,
            "hex" if scheme.is_generic() => scheme.secret_form = SecretForm::Hex,
            "base64" if scheme.is_generic() => scheme.secret_form = SecretForm::Base64,
            _ => return None,
        },
    }
    Some(())
}

/// What the signed content names must stand somewhere.
fn check_complete(scheme: &Scheme) -> Result<(), ConfigError> {
    let missing = |name| Err(ConfigError::OptionMissing { name });
    if scheme.signature_headers.is_empty() {
        return missing("header");
    }
    let mut parts = scheme.content.iter();
    if scheme.timestamp.is_none() && parts.any(|part| matches!(part, Part::Timestamp)) {
        return missing("timestamp_header");
    }
    let mut parts = scheme.content.iter();
    if scheme.id_header.is_none() && parts.any(|part| matches!(part, Part::Id)) {
        return missing("id_header");
    }
    Ok(())
}

#[cfg(feature = "every-scheme")]
const METHOD: Option<Part> = Some(Part::Method);
#[cfg(feature = "every-scheme")]
const URL: Option<Part> = Some(Part::Url(UrlForms::AsCalled));
// Refused rather than taken for literal text, which no sender signs.
#[cfg(not(feature = "every-scheme"))]
const METHOD: Option<Part> = None;
#[cfg(not(feature = "every-scheme"))]
const URL: Option<Part> = None;

/// Literal text with `{body}`, `{timestamp}`, `{id}`, `{method}` and `{url}` in it. Anything else in braces is literal text.
fn template(text: &str) -> Option<Vec<Part>> {
    const PLACES: [(&str, Option<Part>); 5] = [
        ("{body}", Some(Part::Body)),
        ("{timestamp}", Some(Part::Timestamp)),
        ("{id}", Some(Part::Id)),
        ("{method}", METHOD),
        ("{url}", URL),
    ];
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let place = PLACES.iter().find(|(name, _)| rest.starts_with(name));
        match place {
            Some((name, part)) => {
                if !literal.is_empty() {
                    parts.push(Part::Literal(core::mem::take(&mut literal).into()));
                }
                parts.push(part.clone()?);
                rest = rest.strip_prefix(name)?;
            }
            None => {
                literal.push(next);
                rest = rest.strip_prefix(next)?;
            }
        }
    }
    if !literal.is_empty() {
        parts.push(Part::Literal(literal.into()));
    }
    // A signature that covers no body would be valid for any.
    let covers_body = parts.iter().any(|part| matches!(part, Part::Body));
    covers_body.then_some(parts)
}

/// The name, when it can be one. Source: RFC 9110 section 5.1, `token`.
fn header_name(name: &str) -> Option<Name> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    (!name.is_empty() && name.bytes().all(is_token)).then(|| name.to_owned().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(scheme: &str, options: &[(&str, &str)]) -> Result<Scheme, ConfigError> {
        let mut config = Config::new(scheme, &["s"]);
        config.options = options.to_vec();
        config.declaration()
    }

    #[test]
    fn a_generic_scheme_says_what_it_lacks() {
        for (options, name) in [
            (&[][..], "header"),
            (
                &[("header", "X"), ("template", "{timestamp}{body}")][..],
                "timestamp_header",
            ),
            (
                &[("header", "X"), ("template", "{id}{body}")][..],
                "id_header",
            ),
        ] {
            assert_eq!(
                declared("generic-hmac", options),
                Err(ConfigError::OptionMissing { name })
            );
        }
    }

    #[test]
    fn values_that_an_option_does_not_have_are_refused() {
        for (scheme, name, value) in [
            ("generic-hmac", "header", "a b"),
            ("generic-hmac", "header", ""),
            ("generic-hmac", "algorithm", "md5"),
            ("generic-hmac", "encoding", "base32"),
            ("generic-hmac", "separator", ""),
            ("generic-hmac", "template", "no body in it"),
            ("generic-hmac", "timestamp_unit", "h"),
            ("convoy", "algorithm", "sha1"),
            ("convoy", "mode", "middling"),
            ("standard-webhooks", "secret_format", "hex"),
            ("cleanmails", "header", "X-Other"),
            ("cleanmails", "nonsense", "1"),
        ] {
            let declared = declared(scheme, &[("header", "X"), (name, value)]);
            assert!(
                matches!(declared, Err(ConfigError::UnknownOption { .. })),
                "{scheme} {name} {value}: {declared:?}"
            );
        }
    }

    #[test]
    fn the_order_of_options_does_not_matter() {
        let options = [
            ("separator", ","),
            ("timestamp_unit", "ms"),
            ("prefix", "p="),
            ("timestamp_header", "T"),
            ("header", "X"),
        ];
        let mut reversed = options;
        reversed.reverse();
        let scheme = declared("generic-hmac", &options);
        assert_eq!(scheme, declared("generic-hmac", &reversed));
        let form = scheme
            .ok()
            .and_then(|scheme| scheme.timestamp)
            .map(|timestamp| timestamp.form);
        assert_eq!(form, Some(TimestampForm::Milliseconds));
    }
}
