//! What a verifier answers: valid, or one typed reason.

use core::fmt;

/// A request whose signature fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Valid {
    /// Place of the secret that matched in the list that was given, from 0.
    pub secret_index: usize,
    /// The signed timestamp in unix milliseconds; `None` when the scheme signs none, which means that a captured request
    /// stays valid for ever (R-X1): drop repeats by the event's own id.
    pub timestamp_ms: Option<i64>,
    /// What the signature vouches for.
    pub covers: Covers,
}

/// What a signature vouches for. Anything else in the request can be changed by whoever carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Covers(u32);

impl Covers {
    /// The raw body.
    pub const BODY: Self = Self(1);
    /// The url.
    pub const URL: Self = Self(2);
    /// The message id.
    pub const ID: Self = Self(4);
    /// The timestamp.
    pub const TIMESTAMP: Self = Self(8);
    /// The method.
    pub const METHOD: Self = Self(16);
    /// Further headers: those that the signature header lists.
    pub const HEADERS: Self = Self(32);
    /// Nothing: only the sender's password is checked (Postmark).
    pub const NOTHING: Self = Self(0);

    /// Whether all of `other` is covered.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// One bit each, as the constants say.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Both together.
    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl core::ops::BitOr for Covers {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.and(other)
    }
}

/// Why a request is refused. A stranger can cause every one of these; none but the last is a fault of the receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// A needed header is absent or empty. Is the request from this provider, and does a proxy drop headers?
    MissingHeader,
    /// A header is there but cannot be read: wrong prefix, length or alphabet. Is the scheme the right one?
    MalformedHeader,
    /// The header holds only signatures of versions that the configured secrets do not know.
    UnsupportedVersion,
    /// Readable, and it does not fit. Wrong secret, or the body is not the bytes that were sent.
    BadSignature,
    /// The timestamp is not of the form that the scheme asks for.
    TimestampInvalid,
    /// The timestamp lies before the tolerance: an old message sent again, or a clock that is ahead here.
    TimestampTooOld,
    /// The timestamp lies after the tolerance: a clock that is behind here, or milliseconds in place of seconds.
    TimestampTooNew,
    /// The scheme reads the body, and it is not JSON.
    BodyInvalid,
    /// The scheme reads the body, and a needed field is absent or empty.
    MissingField,
    /// The scheme signs the address, and the caller gave none. This one is the receiver's own mistake.
    UrlMissing,
}

impl Refusal {
    /// Every reason.
    pub const ALL: [Self; 10] = [
        Self::MissingHeader,
        Self::MalformedHeader,
        Self::UnsupportedVersion,
        Self::BadSignature,
        Self::TimestampInvalid,
        Self::TimestampTooOld,
        Self::TimestampTooNew,
        Self::BodyInvalid,
        Self::MissingField,
        Self::UrlMissing,
    ];

    /// The name of the reason, the same in Rust, JavaScript, logs and vectors.
    pub const fn code(self) -> &'static str {
        match self {
            Self::MissingHeader => "missing_header",
            Self::MalformedHeader => "malformed_header",
            Self::UnsupportedVersion => "unsupported_version",
            Self::BadSignature => "bad_signature",
            Self::TimestampInvalid => "timestamp_invalid",
            Self::TimestampTooOld => "timestamp_too_old",
            Self::TimestampTooNew => "timestamp_too_new",
            Self::BodyInvalid => "body_invalid",
            Self::MissingField => "missing_field",
            Self::UrlMissing => "url_missing",
        }
    }

    /// What it means and what to do, in a sentence or two. Holds nothing of the request or the secret.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::MissingHeader => {
                "A header that the scheme needs is absent or empty. Check that the request comes from this provider, \
                 that a secret is set at the sender, and that no proxy drops the header."
            }
            Self::MalformedHeader => {
                "The signature header cannot be read in this scheme: wrong prefix, length or alphabet. Check that the \
                 provider is the right one."
            }
            Self::UnsupportedVersion => {
                "The header holds only signatures of versions that the configured secrets cannot check."
            }
            Self::BadSignature => {
                "The signature does not fit. Check the secret, and that the body is the raw bytes as received, not \
                 parsed and printed again."
            }
            Self::TimestampInvalid => "The timestamp is not of the form that the scheme asks for.",
            Self::TimestampTooOld => {
                "The signed timestamp is older than the tolerance allows: an old message sent again, or this \
                 machine's clock is ahead."
            }
            Self::TimestampTooNew => {
                "The signed timestamp lies further ahead than the tolerance allows: this machine's clock is behind, \
                 or the sender's is ahead."
            }
            Self::BodyInvalid => {
                "This scheme reads the body, and it is not JSON. Check that the provider is the right one and that the \
                 body is the raw bytes as received."
            }
            Self::MissingField => {
                "This scheme reads the body, and a field that it needs is absent or empty. Check that the provider is \
                 the right one."
            }
            Self::UrlMissing => {
                "This scheme signs the address. Pass the full url that the sender called, with scheme and host."
            }
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.advice())
    }
}

impl core::error::Error for Refusal {}
