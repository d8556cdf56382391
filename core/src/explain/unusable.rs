//! Secrets that can be no keys of the scheme.

use super::{Cause, trial::Trials};
use crate::base64;
use crate::secret::{SecretForm, SecretInvalid, WHSEC_PREFIX};
#[cfg(any(feature = "every-scheme", feature = "ed25519", feature = "p256"))]
use crate::signature::Algorithm;
use alloc::{format, string::String};

/// What keys of Standard Webhooks begin with: an HMAC key, and the public half and both halves of an Ed25519 key.
const PREFIXES: [&str; 3] = [WHSEC_PREFIX, "whpk_", "whsk_"];
/// Digits of an Ed25519 public key in hexadecimal.
const ED25519_DIGITS: usize = 64;

/// What is wrong with the secret that no verifier can be made of, unless something was found that makes it one.
pub(super) fn explain(trials: &mut Trials<'_>, SecretInvalid { index }: SecretInvalid) {
    if trials.is_solved() {
        return;
    }
    let Some(scheme) = trials.scheme() else {
        return;
    };
    let secret = format!("Secret {index} (counted from 0)");
    let Some(text) = trials.config().secrets.get(index).copied() else {
        return trials.certain(Cause::SecretEmpty, "No secret was given.".into());
    };
    if text.trim().is_empty() {
        let what = match text.is_empty() {
            true => "is empty",
            false => "is white space alone",
        };
        return trials.certain(Cause::SecretEmpty, format!("{secret} {what}."));
    }
    let (cause, what) = match scheme.algorithm {
        #[cfg(feature = "every-scheme")]
        Algorithm::Credentials => (
            Cause::SecretMalformed,
            "is not of the form `user:password`".into(),
        ),
        #[cfg(feature = "ed25519")]
        Algorithm::Ed25519 => hexadecimal(text, Some(ED25519_DIGITS)),
        #[cfg(feature = "p256")]
        Algorithm::EcdsaP256 => p256(text),
        _ if scheme.secret_form == SecretForm::Hex => hexadecimal(text, None),
        _ if scheme.secret_form == SecretForm::StandardWebhooks => standard_webhooks(text),
        _ => in_base64("", text),
    };
    trials.certain(cause, format!("{secret} {what}."));
}

#[cfg(feature = "p256")]
fn p256(text: &str) -> (Cause, String) {
    let text = text.trim();
    match (text.starts_with("-----BEGIN "), text.ends_with("-----")) {
        (true, true) if text.matches("-----END ").count() == 1 => (
            Cause::SecretMalformed,
            "is in PEM, and not the public key on P-256 (BEGIN PUBLIC KEY) that it should be"
                .into(),
        ),
        (true, _) => (
            Cause::SecretIncomplete,
            "begins like PEM and has no line END behind it".into(),
        ),
        _ => (
            Cause::SecretMalformed,
            "is no public key on P-256, in base64 or PEM".into(),
        ),
    }
}

fn hexadecimal(text: &str, digits: Option<usize>) -> (Cause, String) {
    let length = text.chars().count();
    if let Some(place) = place(text, |character| !character.is_ascii_hexdigit()) {
        let what = format!(
            "is hexadecimal here, and character {place} (counted from 1) is no digit of hexadecimal"
        );
        return (Cause::SecretMalformed, what);
    }
    match digits {
        Some(digits) if length == digits => {
            (Cause::SecretMalformed, "is no Ed25519 public key".into())
        }
        Some(digits) => (
            wrong_length(length, digits),
            format!(
                "has {}, and such a key in hexadecimal has {digits}",
                characters(length)
            ),
        ),
        None => (
            Cause::SecretIncomplete,
            format!(
                "has {}, and hexadecimal is two for each byte",
                characters(length)
            ),
        ),
    }
}

/// Of what is too short something is missing.
const fn wrong_length(length: usize, wanted: usize) -> Cause {
    match length < wanted {
        true => Cause::SecretIncomplete,
        false => Cause::SecretMalformed,
    }
}

fn standard_webhooks(text: &str) -> (Cause, String) {
    let known = PREFIXES.into_iter().find(|prefix| text.starts_with(prefix));
    let prefix = known.unwrap_or_default();
    let encoded = text.strip_prefix(prefix).unwrap_or(text);
    if encoded.is_empty() {
        let what =
            format!("is the prefix {prefix} alone; the key that stands behind it is missing");
        return (Cause::SecretIncomplete, what);
    }
    in_base64(prefix, encoded)
}

/// What is wrong with base64 that stands behind a prefix.
fn in_base64(prefix: &str, encoded: &str) -> (Cause, String) {
    let digits = encoded.trim_end_matches('=');
    let is_other =
        |character: char| !(character.is_ascii_alphanumeric() || matches!(character, '+' | '/'));
    let before = prefix.chars().count();
    if let Some(place) = place(digits, is_other) {
        let place = place.saturating_add(before);
        let what =
            format!("has to be base64, and character {place} (counted from 1) is none of base64");
        return (Cause::SecretMalformed, what);
    }
    match base64::decode_either(encoded.as_bytes()) {
        // Only keys of one length get here.
        Some(bytes) => {
            let wanted = match prefix {
                "whsk_" => 64,
                _ => 32,
            };
            let what = match bytes.len() == wanted {
                true => "is no Ed25519 key".into(),
                false => format!(
                    "holds {} bytes, and a key behind {prefix} has {wanted}",
                    bytes.len()
                ),
            };
            (wrong_length(bytes.len(), wanted), what)
        }
        None if digits.len() % 4 == 1 || digits.len() != encoded.len() => {
            let after = match prefix {
                "" => String::new(),
                prefix => format!(" after {prefix}"),
            };
            let length = characters(encoded.chars().count());
            let what =
                format!("has {length}{after}, which base64 never has: it is too short, or cut");
            (Cause::SecretIncomplete, what)
        }
        None => (
            Cause::SecretIncomplete,
            "is cut, or its last characters were changed: no base64 ends so".into(),
        ),
    }
}

/// Of the first such character, counted from 1.
fn place(text: &str, is_such: impl FnMut(char) -> bool) -> Option<usize> {
    let at = text.chars().position(is_such)?;
    Some(at.saturating_add(1))
}

fn characters(count: usize) -> String {
    match count {
        1 => "1 character".into(),
        count => format!("{count} characters"),
    }
}
