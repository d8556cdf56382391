//! Signing and verifying: one engine over the declarations in [`scheme`].

mod carrier;
mod config;
mod content;
#[cfg(feature = "p256")]
mod der;
pub mod encoding;
#[cfg(any(feature = "every-scheme", feature = "payload"))]
pub(crate) mod form;
#[cfg(feature = "hashed")]
mod hashed;
#[cfg(feature = "every-scheme")]
pub(crate) mod json;
mod key;
pub mod layout;
mod mac;
#[cfg(feature = "every-scheme")]
pub mod outgoing;
#[cfg(any(feature = "ed25519", feature = "p256"))]
mod public_key;
mod request;
pub mod scheme;
mod sign;
pub mod timestamp;
#[cfg(feature = "every-scheme")]
mod url;
mod verdict;

#[cfg(feature = "hashed")]
pub use self::hashed::{AroundBody, InnerHash};
pub use self::{
    carrier::Carrier,
    config::{Config, ConfigError, Tolerance},
    mac::Algorithm,
    request::{Message, Request, SignError, SignedAt},
    verdict::{Covers, Refusal, Valid},
};

#[cfg(feature = "every-scheme")]
pub use self::url::UrlForms;
#[cfg(feature = "every-scheme")]
use self::{carrier::json_text, content::Listed, scheme::Part};
use self::{
    content::Content,
    encoding::Presented,
    key::{Key, Proof},
    scheme::Scheme,
    timestamp::TimestampPlace,
};
use crate::{
    headers::{Headers, trimmed},
    secret::SecretInvalid,
};
use alloc::{borrow::Cow, vec::Vec};
use core::{fmt, ops::ControlFlow};

/// Byte order mark in UTF-8, which a reader of JSON may ignore. Source: RFC 8259 section 8.1.
#[cfg(any(feature = "every-scheme", feature = "payload"))]
pub(crate) const BOM: &[u8] = b"\xef\xbb\xbf";

/// Header names that a signature may list; a longer list is malformed.
#[cfg(feature = "every-scheme")]
const LISTED_NAMES_MAX: usize = 100;

/// A scheme together with its keys: verifies requests and signs messages. Build it once and reuse it; the first blocks
/// of each key are hashed here.
///
/// ```
/// use countersign_core::{Config, KeyedScheme, Message, Refusal, Request, SignedAt};
///
/// let sender = KeyedScheme::new(&Config::new("sendemall", &["whsec_demo"])).unwrap();
/// let headers = sender.sign(&Message::new(SignedAt::UnixMs(0), b"{}")).unwrap();
/// let headers: Vec<_> = headers.iter().map(|h| (h.name.as_str(), h.value.as_str())).collect();
///
/// let receiver = KeyedScheme::new(&Config::new("sendemall", &["whsec_demo"])).unwrap();
/// assert!(receiver.verify(&Request::new(&headers, b"{}"), 0).is_ok());
/// let forged = receiver.verify(&Request::new(&headers, b"{ }"), 0);
/// assert_eq!(forged, Err(Refusal::BadSignature));
/// ```
#[derive(Clone)]
pub struct KeyedScheme {
    scheme: Scheme,
    keys: Vec<Key>,
    /// `None` switches the window off.
    tolerance_s: Option<u32>,
    #[cfg(feature = "hashed")]
    is_direct: bool,
}

/// What the keys are for. It matters to Discord alone, whose public key and seed look the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Verifier,
    Signer,
}

impl KeyedScheme {
    /// Reads the secrets and prepares the keys. The result also signs, unless the secrets are public keys.
    ///
    /// # Errors
    /// [`ConfigError`]; an unusable secret is never skipped in silence (vector rule V3).
    pub fn new(config: &Config<'_>) -> Result<Self, ConfigError> {
        Self::keyed(config, Role::Verifier)
    }

    /// Like [`new`](Self::new), for a signer: the secrets of Discord are then seeds.
    ///
    /// # Errors
    /// [`ConfigError`]
    pub fn signer(config: &Config<'_>) -> Result<Self, ConfigError> {
        Self::keyed(config, Role::Signer)
    }

    /// Like [`new`](Self::new), with secrets of another form than the scheme's.
    #[cfg(feature = "explain")]
    pub(crate) fn with_secret_form(
        config: &Config<'_>,
        form: crate::secret::SecretForm,
    ) -> Result<Self, ConfigError> {
        let mut scheme = config.declaration()?;
        scheme.secret_form = form;
        Self::of(scheme, config, Role::Verifier)
    }

    fn keyed(config: &Config<'_>, role: Role) -> Result<Self, ConfigError> {
        Self::of(config.declaration()?, config, role)
    }

    fn of(scheme: Scheme, config: &Config<'_>, role: Role) -> Result<Self, ConfigError> {
        let invalid = |index| ConfigError::SecretInvalid(SecretInvalid { index });
        let mut keys = Vec::with_capacity(config.secrets.len());
        for (index, text) in config.secrets.iter().enumerate() {
            keys.push(Key::read(text, &scheme, role).ok_or(invalid(index))?);
        }
        if keys.is_empty() {
            return Err(invalid(0));
        }
        let tolerance_s = match config.tolerance {
            Tolerance::SchemeDefault => scheme.timestamp.as_ref().and_then(|t| t.tolerance_s),
            Tolerance::Seconds(seconds) => Some(seconds),
            Tolerance::Off => None,
        };
        Ok(Self {
            #[cfg(feature = "hashed")]
            is_direct: hashed::is_direct(&scheme),
            scheme,
            keys,
            tolerance_s,
        })
    }

    /// The declaration in force, options applied.
    pub fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    /// The headers that [`verify`](Self::verify) reads, in the provider's spelling. Where
    /// [`reads_listed_headers`](Self::reads_listed_headers), these come on top.
    pub fn header_names(&self) -> impl Iterator<Item = &str> {
        let mut names = Vec::new();
        if self.reads_headers() {
            names = self.scheme.header_names();
            if let Some(alternative) = self.scheme.alternative {
                names.extend_from_slice(&alternative.header_names());
            }
        }
        names.into_iter()
    }

    /// Whether the signature lists further headers, of any name, that must be there.
    #[cfg(feature = "every-scheme")]
    pub fn reads_listed_headers(&self) -> bool {
        self.scheme.layout.header_list().is_some()
    }

    /// Whether the verdict can depend on the time.
    pub fn reads_clock(&self) -> bool {
        let alternative = self.scheme.alternative;
        self.scheme.timestamp.is_some()
            || alternative.is_some_and(|other| other.timestamp.is_some())
    }

    fn reads_headers(&self) -> bool {
        self.scheme.carrier == Carrier::Headers
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
        let Request {
            method,
            url,
            headers,
            body,
        } = *request;
        let request = |headers| Request {
            method,
            url,
            headers,
            body,
        };
        #[cfg(feature = "every-scheme")]
        if !self.reads_headers() {
            let names = self.scheme.header_names();
            let fields = self.scheme.carrier.fields(body, &names)?;
            let verdict = self.judge(&request(&fields as &dyn Headers), now_s);
            return verdict.map_err(|refusal| match refusal {
                Refusal::MissingHeader => Refusal::MissingField,
                other => other,
            });
        }
        self.judge(&request(&Found(headers) as &dyn Headers), now_s)
    }

    fn judge(&self, request: &Request<'_, dyn Headers + '_>, now_s: i64) -> Result<Valid, Refusal> {
        #[cfg_attr(not(feature = "every-scheme"), expect(unused_mut))]
        let mut reading = self.read(request, now_s)?;
        #[cfg(feature = "every-scheme")]
        let secret_index = self.matching_secret(&mut reading, request.url)?;
        #[cfg(not(feature = "every-scheme"))]
        let secret_index = self.matching_in_content(&reading)?;
        Ok(reading.valid(secret_index))
    }

    /// All that is checked before the signature itself.
    fn read<'r>(
        &'r self,
        request: &Request<'r, dyn Headers + 'r>,
        now_s: i64,
    ) -> Result<Reading<'r>, Refusal> {
        let header = |name: &str| request.headers.header(name).and_then(trimmed);
        let needed = |name: &str| header(name).ok_or(Refusal::MissingHeader);
        let scheme = self.scheme_in_use(request.headers);

        if scheme.signatures(request.headers).next().is_none() {
            return Err(Refusal::MissingHeader);
        }
        for (name, value) in scheme.fixed_headers {
            if needed(name)? != value.as_bytes() {
                return Err(Refusal::UnsupportedVersion);
            }
        }
        let id = match &scheme.id_header {
            Some(name) => needed(name)?,
            None => b"",
        };
        let label = |label| {
            let mut headers = scheme.signatures(request.headers);
            headers.find_map(|header| scheme.layout.first_item(header, label))
        };
        #[cfg_attr(not(feature = "every-scheme"), expect(unused_mut))]
        let mut covers = scheme.covers();
        let mut timestamp = Cow::Borrowed(b"".as_slice());
        let mut timestamp_ms = None;
        if let Some(form) = &scheme.timestamp {
            match &form.place {
                TimestampPlace::Header(name) => timestamp = Cow::Borrowed(needed(name)?),
                TimestampPlace::Label(name) => {
                    timestamp = Cow::Borrowed(label(name).ok_or(Refusal::MalformedHeader)?);
                }
                #[cfg(feature = "every-scheme")]
                TimestampPlace::BodyField { field, header } => {
                    match json_text(request.body, field)? {
                        Some(text) => {
                            covers = covers.and(Covers::TIMESTAMP);
                            timestamp = Cow::Owned(text.into_bytes());
                        }
                        None => timestamp = Cow::Borrowed(needed(header)?),
                    }
                }
            }
            timestamp_ms = form.judge(&timestamp, now_s, self.tolerance_s)?;
        }
        #[cfg(feature = "every-scheme")]
        let listed = match scheme.layout.header_list().and_then(label) {
            Some(names) => listed_headers(names, request.headers)?,
            None if scheme.content.contains(&Part::ListedNames) => {
                return Err(Refusal::MalformedHeader);
            }
            None => Listed::default(),
        };
        #[cfg(feature = "every-scheme")]
        if covers.contains(Covers::URL) && request.url.is_empty() {
            return Err(Refusal::UrlMissing);
        }
        let content = Content::new(scheme, request.method, request.url, request.body);
        let mut content = content.map_err(|_| Refusal::BadSignature)?;
        content.id = id;
        content.timestamp = timestamp;
        #[cfg(feature = "every-scheme")]
        {
            content.listed = listed;
        }
        Ok(Reading {
            scheme,
            headers: request.headers,
            content,
            timestamp_ms: timestamp_ms.filter(|_| covers.contains(Covers::TIMESTAMP)),
            covers,
        })
    }

    /// The declaration that counts: the alternative where not all headers of ours are there, or none has our label.
    fn scheme_in_use(&self, headers: &dyn Headers) -> &Scheme {
        let Some(alternative) = self.scheme.alternative else {
            return &self.scheme;
        };
        let scheme = &self.scheme;
        let names = scheme.header_names();
        let is_there = |name: &&str| headers.header(name).and_then(trimmed).is_some();
        let all_there = names.iter().all(is_there);
        let mut signatures = scheme.signatures(headers);
        match all_there && signatures.any(|header| scheme.layout.has_label(header)) {
            true => scheme,
            false => alternative,
        }
    }

    /// Index of the first secret that one of the presented signatures fits, over any spelling of the content.
    #[cfg(feature = "every-scheme")]
    fn matching_secret(&self, reading: &mut Reading<'_>, url: &str) -> Result<usize, Refusal> {
        let refusal = match self.matching_in_content(reading) {
            Err(Refusal::BadSignature) => Refusal::BadSignature,
            decided => return decided,
        };
        for change in reading.content.others(reading.scheme, url) {
            reading.content.apply(change);
            if let Ok(index) = self.matching_in_content(reading) {
                return Ok(index);
            }
        }
        Err(refusal)
    }

    fn matching_in_content(&self, reading: &Reading<'_>) -> Result<usize, Refusal> {
        let scheme = reading.scheme;
        self.first_matching(reading, |_, key| {
            Some(key.proof(reading.content.parts(scheme)))
        })
    }

    /// Index of the first key whose proof one of the presented signatures fits. A key without a proof fits none.
    fn first_matching<'k>(
        &'k self,
        reading: &Reading<'_>,
        proof: impl Fn(usize, &'k Key) -> Option<Proof<'k>>,
    ) -> Result<usize, Refusal> {
        let scheme = reading.scheme;
        let mut refusal = Refusal::MalformedHeader;
        for (index, key) in self.keys.iter().enumerate() {
            let Some(proof) = proof(index, key) else {
                continue;
            };
            for header in scheme.signatures(reading.headers) {
                let mut compare = |candidate: &[u8]| {
                    match proof.compare(scheme.encoding, candidate) {
                        Presented::Equal => return ControlFlow::Break(()),
                        Presented::Different => refusal = Refusal::BadSignature,
                        Presented::Malformed => {}
                    }
                    ControlFlow::Continue(())
                };
                match scheme
                    .layout
                    .presented(header, key.is_asymmetric(), &mut compare)
                {
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
}

/// What was read of a request before its signature is judged.
struct Reading<'r> {
    /// The declaration that counts.
    scheme: &'r Scheme,
    /// Where the signature headers are.
    headers: &'r (dyn Headers + 'r),
    content: Content<'r>,
    timestamp_ms: Option<i64>,
    covers: Covers,
}

impl Reading<'_> {
    const fn valid(&self, secret_index: usize) -> Valid {
        Valid {
            secret_index,
            timestamp_ms: self.timestamp_ms,
            covers: self.covers,
        }
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

impl Scheme {
    /// What the signature headers hold, as far as they are there.
    fn signatures<'h>(&self, headers: &'h (dyn Headers + 'h)) -> impl Iterator<Item = &'h [u8]> {
        let names = self.signature_headers.iter();
        names.filter_map(|name| headers.header(name).and_then(trimmed))
    }
}

/// Any source of headers behind one type, so that the engine is compiled once.
struct Found<'a, H: ?Sized>(&'a H);

impl<H: Headers + ?Sized> Headers for Found<'_, H> {
    fn header(&self, name: &str) -> Option<&[u8]> {
        self.0.header(name)
    }
}

/// The headers that a signature lists. Every one must be there.
#[inline(never)]
#[cfg(feature = "every-scheme")]
fn listed_headers<'a>(names: &'a [u8], headers: &dyn Headers) -> Result<Listed<'a>, Refusal> {
    let mut values: Vec<u8> = Vec::new();
    let listed = names.split(|byte| *byte == b' ').filter_map(trimmed);
    for (place, name) in listed.enumerate() {
        if place == LISTED_NAMES_MAX {
            return Err(Refusal::MalformedHeader);
        }
        let name = core::str::from_utf8(name).map_err(|_| Refusal::MalformedHeader)?;
        let value = headers.header(&name.to_ascii_lowercase());
        let value = value.and_then(trimmed).ok_or(Refusal::MissingHeader)?;
        if place > 0 {
            values.push(b'.');
        }
        values.extend_from_slice(value);
    }
    Ok(Listed {
        names: Cow::Borrowed(names),
        values,
    })
}
