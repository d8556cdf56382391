//! Signature schemes as data: what is signed, how it is written, where it stands.
//!
//! A scheme is one declaration in one file below; the engine in [`crate::signature::KeyedScheme`] interprets it for
//! signing and for verifying, so the two cannot disagree. A new HMAC scheme is one small file, one line in [`ALL`], and
//! its vectors.

mod cleanmails;
mod platform;
mod sendemall;
mod smartlead;
mod standard_webhooks;

use super::encoding::Encoding;
use crate::secret::SecretForm;
use alloc::borrow::Cow;

/// The declaration of a signature scheme.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheme {
    /// Name by which it is picked: `cleanmails`, `standard-webhooks`.
    pub name: Cow<'static, str>,
    /// Header that holds the signature, in the spelling of the provider.
    pub signature_header: Cow<'static, str>,
    /// How the digest is written in that header.
    pub signature_form: SignatureForm,
    /// Alphabet of the digest.
    pub encoding: Encoding,
    /// What is signed, one part after the other.
    pub content: &'static [Part],
    /// How the text of a secret becomes key bytes.
    pub secret_form: SecretForm,
    /// Header that holds the message id, when it is signed.
    pub id_header: Option<Cow<'static, str>>,
    /// The signed timestamp, when there is one.
    pub timestamp: Option<Timestamp>,
    /// Settings that a user may change.
    pub options: &'static [OptionKey],
    /// Response bodies that the provider documents.
    pub answers: Answers,
}

/// A stretch of the signed bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The raw request body.
    Body,
    /// The value of the id header.
    Id,
    /// The value of the timestamp header, as text.
    Timestamp,
    /// Fixed text.
    Literal(&'static str),
}

/// How a signature header is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureForm {
    /// The digest and nothing else.
    Bare,
    /// A prefix, compared exactly and occurring once, then the digest (vector rule V5).
    Prefixed(&'static str),
    /// The digest; this prefix is taken off when it is there and never written (R-S1).
    PrefixTolerated(&'static str),
    /// Several `version,digest` items separated by one space. Items of other versions are skipped.
    ///
    /// Source: Standard Webhooks 1.0.0, "Webhook headers".
    Versioned(&'static str),
}

/// A signed timestamp in unix seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timestamp {
    /// Header that holds it.
    pub header: Cow<'static, str>,
    /// Seconds that it may lie from the receiver's clock, to either side, unless the caller says otherwise.
    pub tolerance_s: u32,
}

/// A setting of a scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptionKey {
    /// `header`: the name of the signature header.
    Header,
    /// `secret_format`: `raw` takes the text of the secret as the key.
    SecretFormat,
}

/// What a receiver answers, word for word, where the provider documents it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Answers {
    /// Body of the 200 for an accepted request.
    pub accepted: Option<&'static str>,
    /// Body of the 401 for a refused one.
    pub refused: Option<&'static str>,
}

/// Every scheme that is built in.
static ALL: [&Scheme; 5] = [
    &cleanmails::SCHEME,
    &platform::SCHEME,
    &sendemall::SCHEME,
    &smartlead::SCHEME,
    &standard_webhooks::SCHEME,
];

impl Scheme {
    /// The built-in scheme of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        Self::all().find(|scheme| scheme.name == name)
    }

    /// Every built-in scheme, by name.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        ALL.iter().copied()
    }
}

impl OptionKey {
    /// The option of this name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "header" => Some(Self::Header),
            "secret_format" => Some(Self::SecretFormat),
            _ => None,
        }
    }
}
