//! What is said of a request: the kernel's verdict, in the shape that the npm package prints.

use super::{captured::Captured, sender::Sender};
use crate::rules::{self, Code, Kernel, KernelError, RulesError};
use countersign_core::{Covers, Valid, explain::Rejection};
use serde::{Serialize, Serializer};

/// Names of what a signature can cover, in the order in which they are told.
const COVERED: [(Covers, &str); 6] = [
    (Covers::BODY, "body"),
    (Covers::URL, "url"),
    (Covers::ID, "id"),
    (Covers::TIMESTAMP, "timestamp"),
    (Covers::METHOD, "method"),
    (Covers::HEADERS, "headers"),
];

const TOO_LARGE: &str =
    "The body is over 64 MiB. No provider sends that; limit the size where you read the body.";

/// A verdict on a request. The field `ok` tells the two apart.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub(super) enum Verdict {
    Valid {
        ok: bool,
        #[serde(rename = "secretIndex")]
        secret_index: usize,
        timestamp: Option<Seconds>,
        covers: Vec<&'static str>,
    },
    Refused {
        ok: bool,
        code: &'static str,
        message: String,
    },
}

/// Unix seconds, written without a fraction where there is none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Seconds(pub(super) f64);

impl Serialize for Seconds {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "compared with what it was before"
    )]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let whole = self.0 as i64;
        match whole as f64 == self.0 {
            true => serializer.serialize_i64(whole),
            false => serializer.serialize_f64(self.0),
        }
    }
}

impl Verdict {
    /// Asks the kernel. `tolerance` as its verifiers take it.
    ///
    /// # Errors
    /// [`KernelError::Refused`] for what is no fault of the request.
    pub(super) fn of(
        kernel: &Kernel,
        sender: &Sender,
        tolerance: Option<Option<u32>>,
        captured: &Captured,
        now_s: i64,
    ) -> Result<Self, KernelError> {
        let (secrets, options) = (sender.secrets(), sender.options());
        let mut verifier = kernel.verifier(&sender.scheme, tolerance, &secrets, &options)?;
        match verifier.verify(&captured.request(), now_s) {
            Ok(verdict) => Self::of_kernel(verdict),
            Err(RulesError::TooLong { .. }) => Ok(Self::refused("body_too_large", TOO_LARGE)),
            Err(error) => Err(error.into()),
        }
    }

    fn of_kernel(verdict: rules::Verdict) -> Result<Self, KernelError> {
        match verdict.code {
            Code::Valid => Ok(Self::Valid {
                ok: true,
                secret_index: verdict.secret_index as usize,
                timestamp: verdict.timestamp_s.map(Seconds),
                covers: covered(|bits| verdict.covers & bits == bits),
            }),
            // The scheme signs the address, and the caller gave none.
            Code::UrlMissing => Err(KernelError::Refused(Code::UrlMissing)),
            code => Ok(Self::refused(code.name(), code.text())),
        }
    }

    /// What the core says where the kernel has no verdict: nothing can be verified with this secret, or without an address.
    #[allow(
        clippy::cast_precision_loss,
        reason = "to the millisecond for every moment before the year 287,000"
    )]
    pub(super) fn of_core(verdict: &Result<Valid, Rejection>) -> Self {
        match verdict {
            Ok(valid) => Self::Valid {
                ok: true,
                secret_index: valid.secret_index,
                timestamp: valid.timestamp_ms.map(|ms| Seconds(ms as f64 / 1_000.0)),
                covers: covered(|bits| valid.covers.bits() & bits == bits),
            },
            Err(rejection) => {
                let message = match rejection {
                    Rejection::Request(refusal) => refusal.to_string(),
                    Rejection::Config(error) => error.to_string(),
                };
                Self::refused(rejection.code(), message)
            }
        }
    }

    fn refused(code: &'static str, message: impl Into<String>) -> Self {
        Self::Refused {
            ok: false,
            code,
            message: message.into(),
        }
    }

    pub(super) const fn is_valid(&self) -> bool {
        matches!(self, Self::Valid { .. })
    }

    /// `valid`, or the code of the refusal.
    pub(super) const fn code(&self) -> &'static str {
        match self {
            Self::Valid { .. } => "valid",
            Self::Refused { code, .. } => code,
        }
    }
}

fn covered(has: impl Fn(u32) -> bool) -> Vec<&'static str> {
    COVERED
        .iter()
        .filter(|(part, _)| has(part.bits()))
        .map(|(_, name)| *name)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_have_the_shape_of_the_npm_package() {
        let text = |verdict: &Verdict| serde_json::to_string(verdict).unwrap();
        let valid = |timestamp_s| {
            Verdict::of_kernel(rules::Verdict {
                code: Code::Valid,
                secret_index: 1,
                covers: 9,
                timestamp_s,
            })
            .unwrap()
        };
        assert_eq!(
            text(&valid(Some(1_772_000_000.0))),
            r#"{"ok":true,"secretIndex":1,"timestamp":1772000000,"covers":["body","timestamp"]}"#
        );
        assert_eq!(
            text(&valid(Some(1_772_000_000.123))),
            r#"{"ok":true,"secretIndex":1,"timestamp":1772000000.123,"covers":["body","timestamp"]}"#
        );
        assert!(text(&valid(None)).contains(r#""timestamp":null"#));
        assert_eq!(
            text(&Verdict::refused("bad_signature", "No.")),
            r#"{"ok":false,"code":"bad_signature","message":"No."}"#
        );
    }
}
