//! Signature schemes as data: what is signed, how it is written, where it stands.
//!
//! A scheme is one declaration in one file below; the engine in [`crate::signature::KeyedScheme`] interprets it for
//! signing and for verifying, so the two cannot disagree. A new HMAC scheme is one small file, two lines here, and its
//! vectors.

mod atlassian;
mod box_com;
mod buildkite;
mod calendly;
mod circleci;
mod cleanmails;
mod convoy;
mod generic_hmac;
mod github;
mod gocardless;
mod intercom;
mod lemonsqueezy;
mod line;
mod mailersend;
mod mailtrap;
mod paddle;
mod pagerduty;
mod platform;
mod resend;
mod sanity;
mod sendemall;
mod shopify;
mod slack;
mod smartlead;
mod standard_webhooks;
mod stripe;
mod svix;
mod twitch;
mod typeform;
mod workos;
mod x_twitter;
mod zendesk;
mod zoom;

use super::{
    encoding::Encoding,
    layout::Layout,
    mac::Algorithm,
    timestamp::{Timestamp, TimestampForm, TimestampPlace},
};
use crate::secret::SecretForm;
use alloc::borrow::Cow;

/// A name or text that is built in, or a user's own.
pub type Name = Cow<'static, str>;

/// The declaration of a signature scheme.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheme {
    /// Name by which it is picked: `cleanmails`, `standard-webhooks`.
    pub name: &'static str,
    /// The keyed hash.
    pub algorithm: Algorithm,
    /// Headers that may hold a signature, in the spelling of the provider. Each that is there is tried.
    pub signature_headers: Cow<'static, [Name]>,
    /// How such a header is laid out.
    pub layout: Layout,
    /// Alphabet of the digest.
    pub encoding: Encoding,
    /// What is signed, one part after the other.
    pub content: Cow<'static, [Part]>,
    /// How the text of a secret becomes key bytes.
    pub secret_form: SecretForm,
    /// Header that holds the message id, when it is signed.
    pub id_header: Option<Name>,
    /// The signed timestamp, when there is one.
    pub timestamp: Option<Timestamp>,
    /// Headers that must be there with exactly this value; another value is another version of the scheme.
    pub fixed_headers: &'static [(&'static str, &'static str)],
    /// The scheme whose header names are tried when not all of this one's are there.
    pub alternative: Option<&'static Scheme>,
    /// Settings that a user may change, in the order in which they are applied.
    pub options: &'static [OptionKey],
    /// Response bodies that the provider documents.
    pub answers: Answers,
}

/// A stretch of the signed bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// The raw request body.
    Body,
    /// The value of the id header.
    Id,
    /// The timestamp, as the text that was sent.
    Timestamp,
    /// Fixed text.
    Literal(Name),
}

/// A setting of a scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptionKey {
    /// `mode`: `simple` or `advanced` (Convoy).
    Mode,
    /// `header`: the name of the signature header.
    Header,
    /// `algorithm`: `sha1`, `sha256` or `sha512`.
    Algorithm,
    /// `encoding`: `hex`, `base64` or `base64url`.
    Encoding,
    /// `prefix`: text before the digest.
    Prefix,
    /// `separator`: text between several digests.
    Separator,
    /// `signature_version`: the label of the digests that are read (Convoy).
    SignatureVersion,
    /// `template`: the signed content, with `{body}`, `{timestamp}` and `{id}` in it.
    Template,
    /// `timestamp_header`: the name of the header with the timestamp.
    TimestampHeader,
    /// `timestamp_unit`: `s` or `ms`.
    TimestampUnit,
    /// `id_header`: the name of the header with the message id.
    IdHeader,
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

impl Answers {
    /// The provider documents none.
    pub const NONE: Self = Self {
        accepted: None,
        refused: None,
    };
}

/// Every scheme that is built in.
static ALL: [&Scheme; 33] = [
    &atlassian::SCHEME,
    &box_com::SCHEME,
    &buildkite::SCHEME,
    &calendly::SCHEME,
    &circleci::SCHEME,
    &cleanmails::SCHEME,
    &convoy::SCHEME,
    &generic_hmac::SCHEME,
    &github::SCHEME,
    &gocardless::SCHEME,
    &intercom::SCHEME,
    &lemonsqueezy::SCHEME,
    &line::SCHEME,
    &mailersend::SCHEME,
    &mailtrap::SCHEME,
    &paddle::SCHEME,
    &pagerduty::SCHEME,
    &platform::SCHEME,
    &resend::SCHEME,
    &sanity::SCHEME,
    &sendemall::SCHEME,
    &shopify::SCHEME,
    &slack::SCHEME,
    &smartlead::SCHEME,
    &standard_webhooks::SCHEME,
    &stripe::SCHEME,
    &svix::SCHEME,
    &twitch::SCHEME,
    &typeform::SCHEME,
    &workos::SCHEME,
    &x_twitter::SCHEME,
    &zendesk::SCHEME,
    &zoom::SCHEME,
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

    /// Whether the user declares it.
    pub(super) fn is_generic(&self) -> bool {
        self.name == generic_hmac::SCHEME.name
    }
}

impl OptionKey {
    /// The option of this name.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "mode" => Self::Mode,
            "header" => Self::Header,
            "algorithm" => Self::Algorithm,
            "encoding" => Self::Encoding,
            "prefix" => Self::Prefix,
            "separator" => Self::Separator,
            "signature_version" => Self::SignatureVersion,
            "template" => Self::Template,
            "timestamp_header" => Self::TimestampHeader,
            "timestamp_unit" => Self::TimestampUnit,
            "id_header" => Self::IdHeader,
            "secret_format" => Self::SecretFormat,
            _ => return None,
        })
    }
}
