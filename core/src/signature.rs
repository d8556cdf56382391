//! Signing and verifying: one engine over the declarations in [`scheme`].

mod config;
pub mod encoding;
pub mod layout;
mod mac;
pub mod scheme;
pub mod timestamp;
mod verdict;

pub use self::{
    config::{Config, ConfigError, Tolerance},
    mac::Algorithm,
    verdict::{Covers, Refusal, Valid},
};

use self::{
    encoding::Presented,
    mac::{Digest, MacKey},
    scheme::{Name, Part, Scheme},
    timestamp::{Timestamp, TimestampPlace},
};
use crate::{
    headers::{Header, Headers, trimmed},
    secret::{Secret, SecretInvalid},
};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::{fmt, ops::ControlFlow};

/// A scheme together with its keys: verifies requests and signs messages. Build it once and reuse it; the first blocks
/// of each key are hashed here.
///
/// ```
/// use countersign_core::{Config, KeyedScheme, Message, Refusal, Request, SignedAt};
///
/// let sender = KeyedScheme::new(&Config::new("sendemall", &["whsec_demo"])).unwrap();
/// let message = Message { id: None, at: SignedAt::UnixMs(0), body: b"{}" };
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
    /// When this attempt is made; without effect where the scheme signs no timestamp.
    pub at: SignedAt<'a>,
    /// The exact bytes that will be sent.
    pub body: &'a [u8],
}

/// The moment that is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignedAt<'a> {
    /// Unix milliseconds, written as the scheme has it.
    UnixMs(i64),
    /// This text as it stands.
    Text(&'a str),
}

impl KeyedScheme {
    /// Reads the secrets and prepares the keys.
    ///
    /// # Errors
    /// [`ConfigError`]; an unusable secret is never skipped in silence (vector rule V3).
    pub fn new(config: &Config<'_>) -> Result<Self, ConfigError> {
        let scheme = config.declaration()?;
        let keys = config
            .secrets
            .iter()
            .enumerate()
            .map(|(index, text)| {
                Secret::parse(text, scheme.secret_form)
                    .map(|secret| MacKey::new(scheme.algorithm, &secret))
                    .ok_or(ConfigError::SecretInvalid(SecretInvalid { index }))
            })
            .collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() {
            return Err(ConfigError::SecretInvalid(SecretInvalid { index: 0 }));
        }
        let tolerance_s = match config.tolerance {
            Tolerance::SchemeDefault => scheme.timestamp.as_ref().and_then(|t| t.tolerance_s),
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
        let names = header_names(&self.scheme);
        names.chain(self.scheme.alternative.into_iter().flat_map(header_names))
    }

    /// Judges a request against the receiver's clock, in unix seconds.
    ///
    /// Order of the checks: headers present, fixed headers, form of the timestamp, window, signature.
    ///
    /// # Errors
    /// One [`Refusal`]; nothing that a request can hold makes this panic.
    pub fn verify<H: Headers + ?Sized>(
        &self,
        request: &Request<'_, H>,
        now_s: i64,
    ) -> Result<Valid, Refusal> {
        let header = |name: &str| request.headers.header(name).and_then(trimmed);
        let needed = |name: &str| header(name).ok_or(Refusal::MissingHeader);
        let names = self.names_in_use(|name| header(name).is_some());

        let signature_headers = names
            .signature_headers
            .iter()
            .filter_map(|name| header(name));
        if signature_headers.clone().next().is_none() {
            return Err(Refusal::MissingHeader);
        }
        for (name, value) in self.scheme.fixed_headers {
            if needed(name)? != value.as_bytes() {
                return Err(Refusal::UnsupportedVersion);
            }
        }
        let id = match &names.id_header {
            Some(name) => needed(name)?,
            None => b"",
        };
        let timestamp = match &names.timestamp {
            Some(timestamp) => match &timestamp.place {
                TimestampPlace::Header(name) => needed(name)?,
                TimestampPlace::Label(label) => signature_headers
                    .clone()
                    .find_map(|header| self.scheme.layout.items(header, label).next())
                    .ok_or(Refusal::MalformedHeader)?,
            },
            None => b"",
        };
        let timestamp_ms = match &names.timestamp {
            Some(form) => form.judge(timestamp, now_s, self.tolerance_s)?,
            None => None,
        };
        let parts = SignedParts {
            id,
            timestamp,
            body: request.body,
        };
        Ok(Valid {
            secret_index: self.matching_secret(signature_headers, &parts)?,
            timestamp_ms,
            covers: self.covers(),
        })
    }

    /// The headers of a message. Where the header holds a list, every secret signs (rotation, R-X3); elsewhere each secret
    /// has a header of its own as far as the scheme has headers.
    ///
    /// # Errors
    /// [`IdMissing`] when the scheme signs a message id and none is given.
    pub fn sign(&self, message: &Message<'_>) -> Result<Vec<Header>, IdMissing> {
        let id = match (&self.scheme.id_header, message.id) {
            (Some(_), None | Some("")) => return Err(IdMissing),
            (_, id) => id.unwrap_or_default(),
        };
        let timestamp = match (&self.scheme.timestamp, message.at) {
            (Some(timestamp), SignedAt::UnixMs(unix_ms)) => timestamp.form.write(unix_ms),
            (Some(_), SignedAt::Text(text)) => text.to_string(),
            (None, _) => String::new(),
        };
        let parts = SignedParts {
            id: id.as_bytes(),
            timestamp: timestamp.as_bytes(),
            body: message.body,
        };
        let digests: Vec<_> = self
            .keys
            .iter()
            .map(|key| self.scheme.encoding.write(&self.digest(key, &parts)))
            .collect();
        Ok(self.write_headers(id, &timestamp, &digests))
    }

    fn write_headers(&self, id: &str, timestamp: &str, digests: &[String]) -> Vec<Header> {
        let scheme = &self.scheme;
        let mut headers = Vec::new();
        let mut add = |name: &str, value: &str| {
            headers.push(Header {
                name: name.to_string(),
                value: value.to_string(),
            })
        };
        if let Some(name) = &scheme.id_header {
            add(name, id);
        }
        let item = match scheme.timestamp.as_ref().map(|timestamp| &timestamp.place) {
            Some(TimestampPlace::Header(name)) => {
                add(name, timestamp);
                None
            }
            Some(TimestampPlace::Label(label)) => Some((*label, timestamp)),
            None => None,
        };
        for (name, value) in scheme.fixed_headers {
            add(name, value);
        }
        if scheme.layout.holds_several() {
            if let Some(name) = scheme.signature_headers.first() {
                add(name, &scheme.layout.write(item, digests));
            }
        } else {
            for (name, digest) in scheme.signature_headers.iter().zip(digests) {
                add(
                    name,
                    &scheme.layout.write(item, core::slice::from_ref(digest)),
                );
            }
        }
        headers
    }

    /// The declaration whose header names count: the alternative's when not all of ours are there.
    fn names_in_use(&self, present: impl Fn(&str) -> bool) -> &Scheme {
        match self.scheme.alternative {
            Some(alternative) if !header_names(&self.scheme).all(present) => alternative,
            _ => &self.scheme,
        }
    }

    /// Index of the first secret that one of the presented signatures fits.
    fn matching_secret<'a>(
        &self,
        headers: impl Iterator<Item = &'a [u8]> + Clone,
        parts: &SignedParts<'_>,
    ) -> Result<usize, Refusal> {
        let mut refusal = Refusal::MalformedHeader;
        for (index, key) in self.keys.iter().enumerate() {
            let digest = self.digest(key, parts);
            for header in headers.clone() {
                let compared = self.scheme.layout.presented(header, |candidate| {
                    match self.scheme.encoding.compare(candidate, &digest) {
                        Presented::Equal => return ControlFlow::Break(()),
                        Presented::Different => refusal = Refusal::BadSignature,
                        Presented::Malformed => {}
                    }
                    ControlFlow::Continue(())
                });
                match compared {
                    Ok(ControlFlow::Break(())) => return Ok(index),
                    Ok(ControlFlow::Continue(())) => {}
                    // One header that cannot be read does not hide another that can (vector rule V6).
                    Err(_) if refusal == Refusal::BadSignature => {}
                    Err(why) => refusal = why,
                }
            }
        }
        Err(refusal)
    }

    fn digest(&self, key: &MacKey, parts: &SignedParts<'_>) -> Digest {
        key.digest(self.scheme.content.iter().map(|part| match part {
            Part::Body => parts.body,
            Part::Id => parts.id,
            Part::Timestamp => parts.timestamp,
            Part::Literal(text) => text.as_bytes(),
        }))
    }

    fn covers(&self) -> Covers {
        let content = self.scheme.content.iter();
        content.fold(Covers::NOTHING, |covers, part| match part {
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

/// Every header that a declaration reads.
fn header_names(scheme: &Scheme) -> impl Iterator<Item = &str> {
    let timestamp = match &scheme.timestamp {
        Some(Timestamp {
            place: TimestampPlace::Header(name),
            ..
        }) => Some(name),
        _ => None,
    };
    let variable = scheme
        .signature_headers
        .iter()
        .chain(&scheme.id_header)
        .chain(timestamp);
    let fixed = scheme.fixed_headers.iter().map(|(name, _)| *name);
    variable.map(Name::as_ref).chain(fixed)
}
