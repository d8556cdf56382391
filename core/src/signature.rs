//! Signing and verifying: one engine over the declarations in [`scheme`].

pub mod encoding;
mod mac;
pub mod scheme;
mod verdict;

pub use self::verdict::{Covers, Refusal, Valid};

use self::{
    encoding::Presented,
    mac::MacKey,
    scheme::{OptionKey, Part, Scheme, SignatureForm, Timestamp},
};
use crate::{
    headers::{Header, Headers, trimmed},
    secret::{Secret, SecretForm, SecretInvalid},
};
use alloc::{
    borrow::Cow,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

/// A scheme together with its keys: verifies requests and signs messages. Build it once and reuse it; the first blocks
/// of each key are hashed here.
///
/// ```
/// use countersign_core::{Config, KeyedScheme, Refusal, Request};
///
/// let sender = KeyedScheme::new(&Config::new("sendemall", &["whsec_demo"])).unwrap();
/// let message = countersign_core::Message { id: None, timestamp_s: 0, body: b"{}" };
/// let headers = sender.sign(&message).unwrap();
/// let headers: Vec<_> = headers.iter().map(|h| (h.name.as_str(), h.value.as_str())).collect();
///
/// let receiver = KeyedScheme::new(&Config::new("sendemall", &["whsec_demo"])).unwrap();
/// assert!(receiver.verify(&Request { headers: &headers, body: b"{}" }, 0).is_ok());
/// let forged = receiver.verify(&Request { headers: &headers, body: b"{ }" }, 0);
/// assert_eq!(forged, Err(Refusal::BadSignature));
/// ```
#[derive(Clone)]
pub struct KeyedScheme {
    scheme: Scheme,
    keys: Vec<MacKey>,
    /// `None` switches the window off.
    tolerance_s: Option<u32>,
}

/// What to build a [`KeyedScheme`] from.
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
    /// No secret at all, or one that is empty or cannot be a key of the scheme.
    SecretInvalid(SecretInvalid),
}

impl ConfigError {
    /// The name of the mistake.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownScheme => "unknown_scheme",
            Self::UnknownOption { .. } => "unknown_option",
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
            Self::SecretInvalid(SecretInvalid { index }) => write!(
                f,
                "secret {index} (counted from 0) is missing, empty or cannot be a key of the scheme"
            ),
        }
    }
}

impl core::error::Error for ConfigError {}

/// The scheme signs a message id, and the message has none. The fault of whoever signs: give every message an id that
/// stays the same over all its attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdMissing;

impl fmt::Display for IdMissing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this scheme signs a message id; give one")
    }
}

impl core::error::Error for IdMissing {}

/// A request to be judged.
#[derive(Debug)]
pub struct Request<'a, H: ?Sized> {
    /// Its headers.
    pub headers: &'a H,
    /// The raw bytes as received, before any decoding.
    pub body: &'a [u8],
}

/// A message to be signed.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// Message id; left out where the scheme signs none.
    pub id: Option<&'a str>,
    /// Unix seconds of this attempt; left out where the scheme signs none.
    pub timestamp_s: i64,
    /// The exact bytes that will be sent.
    pub body: &'a [u8],
}

impl<'a> Config<'a> {
    /// A scheme with its secrets, everything else as the provider has it.
    pub fn new(scheme: &'a str, secrets: &[&'a str]) -> Self {
        Self {
            scheme,
            secrets: secrets.to_vec(),
            ..Self::default()
        }
    }
}

impl KeyedScheme {
    /// Reads the secrets and prepares the keys.
    ///
    /// # Errors
    /// [`ConfigError`]; an unusable secret is never skipped in silence (vector rule V3).
    pub fn new(config: &Config<'_>) -> Result<Self, ConfigError> {
        let mut scheme = Scheme::named(config.scheme)
            .ok_or(ConfigError::UnknownScheme)?
            .clone();
        for (name, value) in &config.options {
            apply_option(&mut scheme, name, value)?;
        }
        let keys = config
            .secrets
            .iter()
            .enumerate()
            .map(|(index, text)| {
                Secret::parse(text, scheme.secret_form)
                    .map(|secret| MacKey::new(&secret))
                    .ok_or(ConfigError::SecretInvalid(SecretInvalid { index }))
            })
            .collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() {
            return Err(ConfigError::SecretInvalid(SecretInvalid { index: 0 }));
        }
        let tolerance_s = match config.tolerance {
            Tolerance::SchemeDefault => scheme.timestamp.as_ref().map(|t| t.tolerance_s),
            Tolerance::Seconds(seconds) => Some(seconds),
            Tolerance::Off => None,
        };
        Ok(Self {
            scheme,
            keys,
            tolerance_s,
        })
    }

    /// The declaration in force, options applied.
    pub fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    /// The headers that [`verify`](Self::verify) reads, in the provider's spelling.
    pub fn header_names(&self) -> impl Iterator<Item = &str> {
        [
            Some(&self.scheme.signature_header),
            self.scheme.id_header.as_ref(),
            self.scheme.timestamp.as_ref().map(|t| &t.header),
        ]
        .into_iter()
        .flatten()
        .map(|name| &**name)
    }

    /// Judges a request against the receiver's clock, in unix seconds.
    ///
    /// Order of the checks: headers present, form of the timestamp, window, signature.
    ///
    /// # Errors
    /// One [`Refusal`]; nothing that a request can hold makes this panic.
    pub fn verify<H: Headers + ?Sized>(
        &self,
        request: &Request<'_, H>,
        now_s: i64,
    ) -> Result<Valid, Refusal> {
        let header = |name: &str| {
            request
                .headers
                .header(name)
                .and_then(trimmed)
                .ok_or(Refusal::MissingHeader)
        };
        let presented = header(&self.scheme.signature_header)?;
        let id = match &self.scheme.id_header {
            Some(name) => header(name)?,
            None => b"",
        };
        let (timestamp_text, timestamp_s) = match &self.scheme.timestamp {
            Some(timestamp) => {
                let text = header(&timestamp.header)?;
                (text, Some(unix_seconds(text)?))
            }
            None => (b"".as_slice(), None),
        };
        if let (Some(timestamp_s), Some(tolerance_s)) = (timestamp_s, self.tolerance_s) {
            check_window(timestamp_s, now_s, tolerance_s)?;
        }
        let parts = SignedParts {
            id,
            timestamp: timestamp_text,
            body: request.body,
        };
        let secret_index = self.matching_secret(presented, &parts)?;
        Ok(Valid {
            secret_index,
            timestamp_s,
            covers: self.covers(),
        })
    }

    /// The headers of a message. Where the header holds a list, every secret signs (rotation, R-X3); elsewhere the first.
    ///
    /// # Errors
    /// [`IdMissing`] when the scheme signs a message id and none is given.
    pub fn sign(&self, message: &Message<'_>) -> Result<Vec<Header>, IdMissing> {
        let id = match (&self.scheme.id_header, message.id) {
            (Some(_), None | Some("")) => return Err(IdMissing),
            (_, id) => id.unwrap_or_default(),
        };
        let timestamp = message.timestamp_s.to_string();
        let parts = SignedParts {
            id: id.as_bytes(),
            timestamp: timestamp.as_bytes(),
            body: message.body,
        };
        let mut headers = Vec::new();
        if let Some(name) = &self.scheme.id_header {
            headers.push(new_header(name, id.to_string()));
        }
        if let Some(Timestamp { header, .. }) = &self.scheme.timestamp {
            headers.push(new_header(header, timestamp.clone()));
        }
        let value = self.signature_value(&parts);
        headers.push(new_header(&self.scheme.signature_header, value));
        Ok(headers)
    }

    fn signature_value(&self, parts: &SignedParts<'_>) -> String {
        let digest = |key: &MacKey| self.scheme.encoding.write(&self.digest(key, parts));
        let first = || self.keys.first().map(digest).unwrap_or_default();
        match self.scheme.signature_form {
            SignatureForm::Bare | SignatureForm::PrefixTolerated(_) => first(),
            SignatureForm::Prefixed(prefix) => [prefix, &first()].concat(),
            SignatureForm::Versioned(version) => self
                .keys
                .iter()
                .map(|key| [version, ",", &digest(key)].concat())
                .collect::<Vec<_>>()
                .join(" "),
        }
    }

    /// Index of the first secret that one of the presented signatures fits.
    fn matching_secret(&self, presented: &[u8], parts: &SignedParts<'_>) -> Result<usize, Refusal> {
        let candidates = Candidates::new(self.scheme.signature_form, presented)?;
        let mut refusal = Refusal::MalformedHeader;
        for (index, key) in self.keys.iter().enumerate() {
            let digest = self.digest(key, parts);
            for candidate in candidates.clone() {
                match self.scheme.encoding.compare(candidate, &digest) {
                    Presented::Equal => return Ok(index),
                    Presented::Different => refusal = Refusal::BadSignature,
                    Presented::Malformed => {}
                }
            }
        }
        Err(refusal)
    }

    fn digest(&self, key: &MacKey, parts: &SignedParts<'_>) -> [u8; mac::DIGEST_BYTES] {
        key.digest(self.scheme.content.iter().map(|part| match part {
            Part::Body => parts.body,
            Part::Id => parts.id,
            Part::Timestamp => parts.timestamp,
            Part::Literal(text) => text.as_bytes(),
        }))
    }

    fn covers(&self) -> Covers {
        self.scheme
            .content
            .iter()
            .fold(Covers::NOTHING, |covers, part| match part {
                Part::Body => covers.and(Covers::BODY),
                Part::Id => covers.and(Covers::ID),
                Part::Timestamp => covers.and(Covers::TIMESTAMP),
                Part::Literal(_) => covers,
            })
    }
}

impl fmt::Debug for KeyedScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedScheme")
            .field("scheme", &self.scheme.name)
            .field("keys", &self.keys.len())
            .field("tolerance_s", &self.tolerance_s)
            .finish()
    }
}

/// The values that [`Part`]s stand for.
struct SignedParts<'a> {
    id: &'a [u8],
    timestamp: &'a [u8],
    body: &'a [u8],
}

/// The signatures that a header presents, without prefix or version.
#[derive(Clone)]
enum Candidates<'a> {
    One(Option<&'a [u8]>),
    /// What is left of a list of `version,digest` items.
    Versioned {
        version: &'static [u8],
        rest: core::slice::Split<'a, u8, fn(&u8) -> bool>,
    },
}

impl<'a> Candidates<'a> {
    fn new(form: SignatureForm, presented: &'a [u8]) -> Result<Self, Refusal> {
        match form {
            SignatureForm::Bare => Ok(Self::One(Some(presented))),
            SignatureForm::Prefixed(prefix) => presented
                .strip_prefix(prefix.as_bytes())
                .map(|digest| Self::One(Some(digest)))
                .ok_or(Refusal::MalformedHeader),
            SignatureForm::PrefixTolerated(prefix) => Ok(Self::One(Some(
                presented
                    .strip_prefix(prefix.as_bytes())
                    .unwrap_or(presented),
            ))),
            SignatureForm::Versioned(version) => {
                let is_space: fn(&u8) -> bool = |byte| *byte == b' ';
                let list = Self::Versioned {
                    version: version.as_bytes(),
                    rest: presented.split(is_space),
                };
                match list.clone().next() {
                    Some(_) => Ok(list),
                    None => Err(Refusal::UnsupportedVersion),
                }
            }
        }
    }
}

impl<'a> Iterator for Candidates<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        match self {
            Self::One(digest) => digest.take(),
            Self::Versioned { version, rest } => rest.find_map(|item| {
                item.strip_prefix(*version)
                    .and_then(|digest| digest.strip_prefix(b","))
            }),
        }
    }
}

fn apply_option(scheme: &mut Scheme, name: &str, value: &str) -> Result<(), ConfigError> {
    let key = OptionKey::named(name).filter(|key| scheme.options.contains(key));
    match (key, value) {
        (Some(OptionKey::Header), value) if is_header_name(value) => {
            scheme.signature_header = Cow::Owned(value.to_string());
            Ok(())
        }
        (Some(OptionKey::SecretFormat), "raw") => {
            scheme.secret_form = SecretForm::Text;
            Ok(())
        }
        _ => Err(ConfigError::UnknownOption {
            name: name.to_string(),
        }),
    }
}

/// Whether this can be the name of a header. Source: RFC 9110 section 5.1, `token`.
fn is_header_name(name: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(is_token)
}

fn new_header(name: &str, value: String) -> Header {
    Header {
        name: name.to_string(),
        value,
    }
}

/// ASCII digits only (vector rule V7).
fn unix_seconds(text: &[u8]) -> Result<i64, Refusal> {
    if !text.iter().all(u8::is_ascii_digit) {
        return Err(Refusal::TimestampInvalid);
    }
    core::str::from_utf8(text)
        .ok()
        .and_then(|digits| digits.parse().ok())
        .ok_or(Refusal::TimestampInvalid)
}

/// Inclusive at both ends (vector rule V8).
fn check_window(timestamp_s: i64, now_s: i64, tolerance_s: u32) -> Result<(), Refusal> {
    match timestamp_s.abs_diff(now_s) <= u64::from(tolerance_s) {
        true => Ok(()),
        false if timestamp_s < now_s => Err(Refusal::TimestampTooOld),
        false => Err(Refusal::TimestampTooNew),
    }
}
