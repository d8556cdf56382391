//! Which schemes can sign a sender's deliveries, and what the sender has to know of them.
//!
//! A delivery is a `POST` to the address of an endpoint, with a JSON body that was fixed when the event was published. So a
//! scheme that puts something into the body, or signs the fields of a form, has no place in it; one that signs the address
//! does, since the address is the one that is called.

use super::{
    Algorithm, Carrier, Config, ConfigError,
    scheme::{Part, Scheme},
    timestamp::TimestampPlace,
};
use crate::secret::SecretForm;
use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

/// A scheme with its options, as a sender sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Every header that it may write, in the scheme's spelling.
    pub header_names: Vec<String>,
    /// What its secrets are.
    pub secret: SenderSecret,
}

/// What the secret of a sender is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SenderSecret {
    /// Any text; its bytes are the key.
    Text,
    /// A key in hexadecimal.
    Hex,
    /// A key in base64.
    Base64,
    /// A key of Standard Webhooks: symmetric, or a pair.
    StandardWebhooks,
    /// The seed of an Ed25519 key pair in hexadecimal. The receiver has the public key.
    Ed25519Seed,
    /// A private key on P-256. The receiver has the public key.
    EcdsaPrivateKey,
    /// User name and password.
    Credentials,
}

impl SenderSecret {
    /// What to give.
    pub const fn description(self) -> &'static str {
        match self {
            Self::Text => "any text",
            Self::Hex => "a key in hexadecimal",
            Self::Base64 => "a key in base64",
            Self::StandardWebhooks => {
                "`whsec_` and a key in base64, or `whsk_` and an Ed25519 key pair in base64"
            }
            Self::Ed25519Seed => "the seed of an Ed25519 key pair: 32 bytes in hexadecimal",
            Self::EcdsaPrivateKey => {
                "a private key on P-256: PKCS#8 in PEM, which begins with -----BEGIN PRIVATE KEY-----"
            }
            Self::Credentials => "a user name and a password with a colon between them",
        }
    }
}

/// Why a scheme cannot sign deliveries. The fault of whoever chose it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutgoingError {
    /// There is no such scheme or option, or one is missing.
    Config(ConfigError),
    /// Its signature stands in the body (Mailgun).
    SignatureInBody,
    /// It signs the fields of a form (Mandrill, Twilio).
    SignsForm,
    /// Its time stands in the body (Linear).
    TimeInBody,
    /// This option's value stands in a header, and cannot.
    OptionText {
        /// Its name.
        name: String,
    },
    /// Two of its values would stand in this header.
    HeaderTwice {
        /// Its name.
        name: String,
    },
}

impl fmt::Display for OutgoingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => error.fmt(f),
            Self::SignatureInBody => f.write_str(
                "the scheme puts its signature into the body, which stays as it was published; choose one that signs in \
                 a header",
            ),
            Self::SignsForm => f.write_str(
                "the scheme signs the fields of a form, and deliveries are JSON; choose one that signs the body",
            ),
            Self::TimeInBody => f.write_str(
                "the scheme wants the time of each attempt in the body, which stays as it was published; choose one with \
                 the time in a header, or none",
            ),
            Self::OptionText { name } => write!(
                f,
                "the value of the option `{name}` stands in a header: give visible ASCII, and no blank at its beginning"
            ),
            Self::HeaderTwice { name } => {
                write!(f, "`{name}` is named for two things; give each its own header")
            }
        }
    }
}

impl core::error::Error for OutgoingError {}

impl Outgoing {
    /// The scheme of this name with these options. What its secrets are is told, and not asked for.
    ///
    /// ```
    /// use countersign_core::signature::outgoing::{Outgoing, OutgoingError, SenderSecret};
    ///
    /// let github = Outgoing::of("github", &[]).unwrap();
    /// assert_eq!(github.header_names, ["X-Hub-Signature-256"]);
    /// assert_eq!(github.secret, SenderSecret::Text);
    /// assert_eq!(Outgoing::of("mandrill", &[]), Err(OutgoingError::SignsForm));
    /// ```
    ///
    /// # Errors
    /// [`OutgoingError`]
    pub fn of(scheme: &str, options: &[(&str, &str)]) -> Result<Self, OutgoingError> {
        let config = Config {
            scheme,
            options: options.to_vec(),
            ..Config::default()
        };
        let scheme = config.declaration().map_err(OutgoingError::Config)?;
        for (name, value) in options {
            // A template is what is signed, and stands in no header.
            if *name != "template" && !can_stand_in_a_header(value) {
                let name = (*name).to_owned();
                return Err(OutgoingError::OptionText { name });
            }
        }
        check(&scheme)?;
        let header_names: Vec<String> = scheme
            .header_names()
            .into_iter()
            .map(ToString::to_string)
            .collect();
        for (place, name) in header_names.iter().enumerate() {
            let mut before = header_names.iter().take(place);
            if before.any(|other| other.eq_ignore_ascii_case(name)) {
                let name = name.clone();
                return Err(OutgoingError::HeaderTwice { name });
            }
        }
        Ok(Self {
            header_names,
            secret: secret(&scheme),
        })
    }
}

fn can_stand_in_a_header(value: &str) -> bool {
    !value.starts_with(' ') && value.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

fn check(scheme: &Scheme) -> Result<(), OutgoingError> {
    match scheme.carrier {
        Carrier::Headers => {}
        Carrier::JsonObject(_) | Carrier::Form => return Err(OutgoingError::SignatureInBody),
    }
    for part in scheme.content.iter() {
        match part {
            Part::SortedFields | Part::SortedFieldsOrHashInUrl => {
                return Err(OutgoingError::SignsForm);
            }
            Part::Body
            | Part::BodyOrEscaped
            | Part::Url(_)
            | Part::Method
            | Part::Id
            | Part::Timestamp
            | Part::ListedNames
            | Part::ListedValues
            | Part::Literal(_) => {}
        }
    }
    match scheme.timestamp.as_ref().map(|timestamp| &timestamp.place) {
        Some(TimestampPlace::BodyField { .. }) => Err(OutgoingError::TimeInBody),
        Some(TimestampPlace::Header(_) | TimestampPlace::Label(_)) | None => Ok(()),
    }
}

fn secret(scheme: &Scheme) -> SenderSecret {
    match scheme.algorithm {
        Algorithm::Credentials => SenderSecret::Credentials,
        #[cfg(feature = "ed25519")]
        Algorithm::Ed25519 => SenderSecret::Ed25519Seed,
        #[cfg(feature = "p256")]
        Algorithm::EcdsaP256 => SenderSecret::EcdsaPrivateKey,
        _ => match scheme.secret_form {
            SecretForm::Text | SecretForm::OfAlgorithm => SenderSecret::Text,
            SecretForm::Hex => SenderSecret::Hex,
            SecretForm::Base64 => SenderSecret::Base64,
            SecretForm::StandardWebhooks => SenderSecret::StandardWebhooks,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes_that_fit_no_json_post_are_refused_and_all_others_can_sign() {
        for scheme in Scheme::all() {
            let options: &[_] = match scheme.name {
                "generic-hmac" => &[("header", "X-Signature")],
                _ => &[],
            };
            let refused = Outgoing::of(scheme.name, options).err();
            let expected = match scheme.name {
                "mailgun" => Some(OutgoingError::SignatureInBody),
                "mandrill" | "twilio" => Some(OutgoingError::SignsForm),
                "linear" => Some(OutgoingError::TimeInBody),
                _ => None,
            };
            assert_eq!(refused, expected, "{}", scheme.name);
        }
        let form = [("body_format", "form")];
        let refused = Outgoing::of("mailgun", &form);
        assert_eq!(refused, Err(OutgoingError::SignatureInBody));
    }

    #[test]
    fn what_a_secret_has_to_be_follows_from_scheme_and_options() {
        let generic = |name, value| {
            let options = [("header", "X"), (name, value)];
            Outgoing::of("generic-hmac", &options).unwrap().secret
        };
        assert_eq!(generic("prefix", "v1="), SenderSecret::Text);
        assert_eq!(generic("secret_format", "hex"), SenderSecret::Hex);
        assert_eq!(generic("secret_format", "base64"), SenderSecret::Base64);
        assert_eq!(generic("algorithm", "ed25519"), SenderSecret::Ed25519Seed);
        assert_eq!(
            generic("algorithm", "ecdsa-p256"),
            SenderSecret::EcdsaPrivateKey
        );
        for (scheme, secret) in [
            ("svix", SenderSecret::StandardWebhooks),
            ("postmark", SenderSecret::Credentials),
            ("discord", SenderSecret::Ed25519Seed),
            ("sendgrid", SenderSecret::EcdsaPrivateKey),
            ("sendemall", SenderSecret::Text),
        ] {
            assert_eq!(Outgoing::of(scheme, &[]).unwrap().secret, secret);
        }
    }

    #[test]
    fn what_cannot_stand_in_a_header_is_refused() {
        let header = ("header", "X");
        for value in ["a\r\nb: c", "a\n", " a", "\u{e9}", "\t"] {
            let refused = Outgoing::of("generic-hmac", &[header, ("prefix", value)]);
            let name = "prefix".to_owned();
            assert_eq!(
                refused,
                Err(OutgoingError::OptionText { name }),
                "{value:?}"
            );
        }
        for (name, value) in [
            ("prefix", "HMAC "),
            ("separator", ", "),
            ("template", "\u{e9}\n{body}"),
        ] {
            let taken = Outgoing::of("generic-hmac", &[header, (name, value)]);
            assert!(taken.is_ok(), "{name}: {taken:?}");
        }
        let twice = [
            ("header", "X-Sign"),
            ("template", "{timestamp}{body}"),
            ("timestamp_header", "x-sign"),
        ];
        let refused = Outgoing::of("generic-hmac", &twice).unwrap_err();
        assert!(matches!(refused, OutgoingError::HeaderTwice { .. }));
        assert!(refused.to_string().contains("x-sign"));
    }

    #[test]
    fn unknown_names_and_missing_options_are_told_apart() {
        for (scheme, options, code) in [
            ("nobody", &[][..], "unknown_scheme"),
            ("generic-hmac", &[], "option_missing"),
            ("github", &[("header", "X")], "unknown_option"),
            ("generic-hmac", &[("algorithm", "md5")], "unknown_option"),
        ] {
            match Outgoing::of(scheme, options) {
                Err(OutgoingError::Config(error)) => assert_eq!(error.code(), code),
                other => panic!("{scheme}: {other:?}"),
            }
        }
    }
}
