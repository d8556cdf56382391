//! The numbers by which the kernel answers, and their names.

use countersign_core::{ConfigError, Refusal, SignError};

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $number:literal, $name:literal, $text:expr;)*) => {
        /// An answer of the kernel. Numbers never change their meaning; the table is in the crate's documentation.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(u32)]
        pub enum Code {
            $($(#[$doc])* $variant = $number,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The code of this number.
            pub fn from_number(number: u32) -> Option<Self> {
                Self::ALL.iter().copied().find(|code| *code as u32 == number)
            }

            /// Its name, the same everywhere.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// What it means and what to do.
            pub const fn text(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }
    };
}

codes! {
    /// The request is valid, or the call did what it should.
    Valid = 0, "valid", "The signature fits.";
    /// See [`Refusal::MissingHeader`].
    MissingHeader = 1, "missing_header", Refusal::MissingHeader.advice();
    /// See [`Refusal::MalformedHeader`].
    MalformedHeader = 2, "malformed_header", Refusal::MalformedHeader.advice();
    /// See [`Refusal::UnsupportedVersion`].
    UnsupportedVersion = 3, "unsupported_version", Refusal::UnsupportedVersion.advice();
    /// See [`Refusal::BadSignature`].
    BadSignature = 4, "bad_signature", Refusal::BadSignature.advice();
    /// See [`Refusal::TimestampInvalid`].
    TimestampInvalid = 5, "timestamp_invalid", Refusal::TimestampInvalid.advice();
    /// See [`Refusal::TimestampTooOld`].
    TimestampTooOld = 6, "timestamp_too_old", Refusal::TimestampTooOld.advice();
    /// See [`Refusal::TimestampTooNew`].
    TimestampTooNew = 7, "timestamp_too_new", Refusal::TimestampTooNew.advice();
    /// See [`Refusal::BodyInvalid`].
    BodyInvalid = 9, "body_invalid", Refusal::BodyInvalid.advice();
    /// See [`Refusal::MissingField`].
    MissingField = 10, "missing_field", Refusal::MissingField.advice();
    /// See [`ConfigError::SecretInvalid`].
    SecretInvalid = 8, "secret_invalid",
        "A secret is missing, empty, or cannot be a key of this scheme. Paste it again, whole and without quotes.";
    /// See [`ConfigError::UnknownScheme`].
    UnknownScheme = 32, "unknown_scheme",
        "No signature scheme has this name. Known are: atlassian, box, buildkite, calendly, circleci, cleanmails, \
         convoy, discord, generic-hmac, github, gocardless, hook0, hubspot, intercom, lemonsqueezy, line, linear, \
         mailersend, mailgun, mailtrap, mandrill, meta, paddle, pagerduty, platform, postmark, resend, sanity, \
         sendemall, sendgrid, shopify, slack, smartlead, square, standard-webhooks, stripe, svix, twilio, twitch, \
         typeform, workos, x-twitter, zendesk, zoom.";
    /// See [`ConfigError::UnknownOption`].
    UnknownOption = 33, "unknown_option",
        "This scheme does not know the option, or the option has no such value.";
    /// The tolerance is not a decimal number of seconds.
    ToleranceInvalid = 34, "tolerance_invalid",
        "The tolerance must be a whole number of seconds from 0 to 4294967295, or be switched off.";
    /// See [`SignError::IdMissing`].
    IdMissing = 35, "id_missing", "This scheme signs a message id; give one that stays the same over all attempts.";
    /// See [`ConfigError::OptionMissing`].
    OptionMissing = 36, "option_missing", "This scheme cannot do without an option that was not given.";
    /// See [`Refusal::UrlMissing`] and [`SignError::UrlMissing`].
    UrlMissing = 37, "url_missing", Refusal::UrlMissing.advice();
    /// See [`SignError::SecretCannotSign`].
    SecretCannotSign = 38, "secret_cannot_sign", "This secret is a public key: it verifies, and cannot sign. Give the private one.";
    /// A frame that cannot be read.
    BadFrame = 64, "bad_frame", "The calling program wrote a frame that cannot be read.";
    /// No verifier under this handle.
    BadHandle = 65, "bad_handle", "The verifier was freed, or never existed.";
}

impl From<Refusal> for Code {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::MissingHeader => Self::MissingHeader,
            Refusal::MalformedHeader => Self::MalformedHeader,
            Refusal::UnsupportedVersion => Self::UnsupportedVersion,
            Refusal::BadSignature => Self::BadSignature,
            Refusal::TimestampInvalid => Self::TimestampInvalid,
            Refusal::TimestampTooOld => Self::TimestampTooOld,
            Refusal::TimestampTooNew => Self::TimestampTooNew,
            Refusal::BodyInvalid => Self::BodyInvalid,
            Refusal::MissingField => Self::MissingField,
            Refusal::UrlMissing => Self::UrlMissing,
            // `Refusal` is open to new reasons; a test holds that each has its code here.
            _ => Self::BadSignature,
        }
    }
}

impl From<SignError> for Code {
    fn from(error: SignError) -> Self {
        match error {
            SignError::UrlMissing => Self::UrlMissing,
            SignError::SecretCannotSign => Self::SecretCannotSign,
            // The one that is left; a test holds that each error has its code here.
            _ => Self::IdMissing,
        }
    }
}

impl From<&ConfigError> for Code {
    fn from(error: &ConfigError) -> Self {
        match error {
            ConfigError::UnknownScheme => Self::UnknownScheme,
            ConfigError::UnknownOption { .. } => Self::UnknownOption,
            ConfigError::SecretInvalid(_) => Self::SecretInvalid,
            ConfigError::OptionMissing { .. } => Self::OptionMissing,
            _ => Self::UnknownOption,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_core::Scheme;

    #[test]
    fn every_refusal_has_the_code_of_its_name() {
        for refusal in Refusal::ALL {
            assert_eq!(Code::from(refusal).name(), refusal.code());
        }
    }

    #[test]
    fn every_mistake_in_signing_has_the_code_of_its_name() {
        for error in [
            SignError::IdMissing,
            SignError::UrlMissing,
            SignError::SecretCannotSign,
        ] {
            assert_eq!(Code::from(error).name(), error.code());
        }
    }

    #[test]
    fn numbers_read_back_and_are_unique() {
        for (index, code) in Code::ALL.iter().enumerate() {
            assert_eq!(Code::from_number(*code as u32), Some(*code));
            assert!(Code::ALL.iter().skip(index + 1).all(|other| other != code));
        }
        assert_eq!(Code::from_number(31), None);
    }

    #[test]
    fn the_table_of_the_documentation_names_every_code() {
        let table = include_str!("../ABI.md");
        for code in Code::ALL {
            let row = format!("| {} | `{}` ", *code as u32, code.name());
            assert!(table.contains(&row), "ABI.md lacks {row}");
        }
    }

    #[test]
    fn the_sentence_on_unknown_schemes_names_every_scheme() {
        for scheme in Scheme::all() {
            assert!(
                Code::UnknownScheme
                    .text()
                    .contains(&format!(" {}", scheme.name)),
                "{}",
                scheme.name
            );
        }
    }
}
