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
#[cfg(feature = "ed25519")]
mod discord;
mod generic_hmac;
mod github;
mod gocardless;
#[cfg(feature = "every-scheme")]
mod hook0;
#[cfg(feature = "every-scheme")]
mod hubspot;
#[cfg(feature = "every-scheme")]
mod intercom;
mod lemonsqueezy;
mod line;
#[cfg(feature = "every-scheme")]
mod linear;
mod mailersend;
#[cfg(feature = "every-scheme")]
mod mailgun;
mod mailtrap;
#[cfg(feature = "every-scheme")]
mod mandrill;
mod meta;
mod paddle;
mod pagerduty;
mod platform;
#[cfg(feature = "every-scheme")]
mod postmark;
mod resend;
mod sanity;
mod sendemall;
#[cfg(feature = "p256")]
mod sendgrid;
mod shopify;
mod slack;
mod smartlead;
#[cfg(feature = "every-scheme")]
mod square;
mod standard_webhooks;
mod stripe;
mod svix;
#[cfg(feature = "every-scheme")]
mod twilio;
mod twitch;
mod typeform;
mod workos;
mod x_twitter;
mod zendesk;
mod zoom;

use super::Covers;
#[cfg(feature = "every-scheme")]
use super::UrlForms;
use super::{
    carrier::Carrier,
    encoding::Encoding,
    layout::Layout,
    mac::Algorithm,
    timestamp::{Timestamp, TimestampForm, TimestampPlace},
};
use crate::secret::SecretForm;
use alloc::{borrow::Cow, vec::Vec};

/// A name or text that is built in, or a user's own.
pub type Name = Cow<'static, str>;

/// The declaration of a signature scheme.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheme {
    /// Name by which it is picked: `cleanmails`, `standard-webhooks`.
    pub name: &'static str,
    /// What carries signature, timestamp and id. Where it is the body, what is called headers below are fields in it.
    pub carrier: Carrier,
    /// How a signature is made. With Standard Webhooks, of secrets that are no asymmetric keys.
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
    /// The scheme that counts when not all headers of this one are there, or none holds a signature under its label.
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
    /// The body; where that does not fit, the body with every character outside ASCII as `\uXXXX` (Meta).
    #[cfg(feature = "every-scheme")]
    BodyOrEscaped,
    /// Names and values of a form body, sorted by name (Mandrill).
    #[cfg(feature = "every-scheme")]
    SortedFields,
    /// Names and values of a form body, sorted, doubles dropped; nothing where the address holds the body's SHA-256 in its
    /// parameter `bodySHA256`, which must then be right (Twilio).
    #[cfg(feature = "every-scheme")]
    SortedFieldsOrHashInUrl,
    /// The address that the sender called.
    #[cfg(feature = "every-scheme")]
    Url(UrlForms),
    /// The method, in upper case.
    #[cfg(feature = "every-scheme")]
    Method,
    /// The value of the id header.
    Id,
    /// The timestamp, as the text that was sent.
    Timestamp,
    /// The list of header names in the signature header (Hook0).
    #[cfg(feature = "every-scheme")]
    ListedNames,
    /// The values of these headers, joined with full stops.
    #[cfg(feature = "every-scheme")]
    ListedValues,
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
    /// `algorithm`: `sha1`, `sha256` or `sha512`; of generic-hmac also `ed25519` and `ecdsa-p256`, whose secrets are public
    /// keys as Discord and SendGrid have them.
    Algorithm,
    /// `encoding`: `hex`, `base64` or `base64url`.
    Encoding,
    /// `prefix`: text before the digest.
    Prefix,
    /// `separator`: text between several digests.
    Separator,
    /// `signature_version`: the label of the digests that are read (Convoy).
    SignatureVersion,
    /// `template`: the signed content, with `{body}`, `{timestamp}`, `{id}`, `{method}` and `{url}` in it.
    Template,
    /// `timestamp_header`: the name of the header with the timestamp.
    TimestampHeader,
    /// `timestamp_unit`: `s` or `ms`.
    TimestampUnit,
    /// `id_header`: the name of the header with the message id.
    IdHeader,
    /// `secret_format`: `raw` takes the text of the secret as the key; of generic-hmac also `hex` and `base64`.
    SecretFormat,
    /// `version`: `v1`, `v2` or `v3` (HubSpot).
    #[cfg(feature = "every-scheme")]
    Version,
    /// `body_format`: `json` or `form` (Mailgun).
    #[cfg(feature = "every-scheme")]
    BodyFormat,
    /// `escape_unicode`: `true` also tries the body with escapes (Meta).
    #[cfg(feature = "every-scheme")]
    EscapeUnicode,
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
static ALL: &[&Scheme] = &[
    &atlassian::SCHEME,
    &box_com::SCHEME,
    &buildkite::SCHEME,
    &calendly::SCHEME,
    &circleci::SCHEME,
    &cleanmails::SCHEME,
    &convoy::SCHEME,
    #[cfg(feature = "ed25519")]
    &discord::SCHEME,
    &generic_hmac::SCHEME,
    &github::SCHEME,
    &gocardless::SCHEME,
    #[cfg(feature = "every-scheme")]
    &hook0::SCHEME,
    #[cfg(feature = "every-scheme")]
    &hubspot::SCHEME,
    #[cfg(feature = "every-scheme")]
    &intercom::SCHEME,
    &lemonsqueezy::SCHEME,
    &line::SCHEME,
    #[cfg(feature = "every-scheme")]
    &linear::SCHEME,
    &mailersend::SCHEME,
    #[cfg(feature = "every-scheme")]
    &mailgun::SCHEME,
    &mailtrap::SCHEME,
    #[cfg(feature = "every-scheme")]
    &mandrill::SCHEME,
    &meta::SCHEME,
    &paddle::SCHEME,
    &pagerduty::SCHEME,
    &platform::SCHEME,
    #[cfg(feature = "every-scheme")]
    &postmark::SCHEME,
    &resend::SCHEME,
    &sanity::SCHEME,
    &sendemall::SCHEME,
    #[cfg(feature = "p256")]
    &sendgrid::SCHEME,
    &shopify::SCHEME,
    &slack::SCHEME,
    &smartlead::SCHEME,
    #[cfg(feature = "every-scheme")]
    &square::SCHEME,
    &standard_webhooks::SCHEME,
    &stripe::SCHEME,
    &svix::SCHEME,
    #[cfg(feature = "every-scheme")]
    &twilio::SCHEME,
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

    /// What a signature of this scheme vouches for.
    pub fn covers(&self) -> Covers {
        let mut covers = Covers::NOTHING;
        for part in self.content.iter() {
            covers = covers.and(match part {
                Part::Body => Covers::BODY,
                #[cfg(feature = "every-scheme")]
                Part::BodyOrEscaped | Part::SortedFields | Part::SortedFieldsOrHashInUrl => {
                    Covers::BODY
                }
                #[cfg(feature = "every-scheme")]
                Part::Url(_) => Covers::URL,
                #[cfg(feature = "every-scheme")]
                Part::Method => Covers::METHOD,
                Part::Id => Covers::ID,
                Part::Timestamp => Covers::TIMESTAMP,
                #[cfg(feature = "every-scheme")]
                Part::ListedNames | Part::ListedValues => Covers::HEADERS,
                Part::Literal(_) => Covers::NOTHING,
            });
        }
        covers
    }

    /// Every header, or field, that it reads, but for those that a signature lists.
    pub(crate) fn header_names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for name in self.signature_headers.iter() {
            names.push(&**name);
        }
        if let Some(name) = &self.id_header {
            names.push(name);
        }
        match self.timestamp.as_ref().map(|timestamp| &timestamp.place) {
            Some(TimestampPlace::Header(name)) => names.push(name),
            #[cfg(feature = "every-scheme")]
            Some(TimestampPlace::BodyField { header, .. }) => names.push(header),
            Some(TimestampPlace::Label(_)) | None => {}
        }
        for (name, _) in self.fixed_headers {
            names.push(name);
        }
        names
    }

    /// Whether the user declares it.
    pub(super) fn is_generic(&self) -> bool {
        self.name == generic_hmac::SCHEME.name
    }
}

impl OptionKey {
    /// The option of this name.
    pub fn named(name: &str) -> Option<Self> {
        let mut options = OPTIONS.iter();
        options
            .find(|(known, _)| *known == name)
            .map(|(_, key)| *key)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        let mut options = OPTIONS.iter();
        options
            .find(|(_, key)| *key == self)
            .map_or("", |(name, _)| name)
    }
}

/// A table, because a comparison in code for each name is larger.
const OPTIONS: &[(&str, OptionKey)] = &[
    ("mode", OptionKey::Mode),
    ("header", OptionKey::Header),
    ("algorithm", OptionKey::Algorithm),
    ("encoding", OptionKey::Encoding),
    ("prefix", OptionKey::Prefix),
    ("separator", OptionKey::Separator),
    ("signature_version", OptionKey::SignatureVersion),
    ("template", OptionKey::Template),
    ("timestamp_header", OptionKey::TimestampHeader),
    ("timestamp_unit", OptionKey::TimestampUnit),
    ("id_header", OptionKey::IdHeader),
    ("secret_format", OptionKey::SecretFormat),
    #[cfg(feature = "every-scheme")]
    ("version", OptionKey::Version),
    #[cfg(feature = "every-scheme")]
    ("body_format", OptionKey::BodyFormat),
    #[cfg(feature = "every-scheme")]
    ("escape_unicode", OptionKey::EscapeUnicode),
];
