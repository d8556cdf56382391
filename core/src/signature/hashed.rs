//! HMACs whose inner hash is computed by the caller.
//!
//! Native code hashes large bodies several times faster than WebAssembly. An HMAC is a hash over a hash (RFC 2104 section 2):
//! the caller computes the inner one, over the key's block and the signed content, and everything else stays here: what is
//! signed, the outer hash, the comparison. A caller that computes it wrongly only gets requests refused.

use super::{
    Algorithm, Carrier, Covers, Found, KeyedScheme, Refusal, Request, Valid,
    encoding::Presented,
    key::{Key, Proof},
    layout::Layout,
    mac::{Digest, MacKey, OuterHash, SHA256_BYTES, sha256},
    scheme::{Part, Scheme},
    timestamp::TimestampPlace,
};
use crate::{
    headers::{Headers, trimmed},
    secret::Secret,
};
use alloc::vec::Vec;
use core::iter::once;
use zeroize::Zeroizing;

/// Bytes that SHA-256 takes at a time.
const BLOCK_BYTES: usize = 64;
const INNER_PAD: u8 = 0x36;
const OUTER_PAD: u8 = 0x5c;

/// What the caller hashes.
#[derive(Clone)]
pub struct InnerHash {
    /// For each secret the block that goes first. As secret as the secret; wiped when dropped.
    pub blocks: Vec<Zeroizing<[u8; BLOCK_BYTES]>>,
    /// The signed content is the body and nothing else, whatever the request: no need to ask what stands around it.
    pub body_alone: bool,
}

impl core::fmt::Debug for InnerHash {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("InnerHash(..)")
    }
}

/// The signed content around the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AroundBody {
    /// What stands before it.
    pub before: Vec<u8>,
    /// What stands after it.
    pub after: Vec<u8>,
}

/// A key for HMACs whose inner hash comes from outside: what the caller begins with, and the outer hash with its block taken in.
#[derive(Clone)]
pub(crate) struct Halves {
    inner: Zeroizing<[u8; BLOCK_BYTES]>,
    outer: OuterHash,
}

impl Halves {
    #[inline(never)]
    pub(crate) fn of(secret: &Secret) -> Self {
        Self {
            inner: padded(secret, INNER_PAD),
            outer: OuterHash::begun(&padded(secret, OUTER_PAD)),
        }
    }
}

impl KeyedScheme {
    /// What the caller has to hash, with SHA-256, for each secret: its block, the content before the body, the body, and the
    /// content after it. `None` where the scheme is not one HMAC-SHA256 over content in which the raw body stands once and
    /// nothing has several spellings.
    pub fn inner_hash(&self) -> Option<InnerHash> {
        let schemes = [Some(&self.scheme), self.scheme.alternative];
        if !schemes.into_iter().flatten().all(is_simple) {
            return None;
        }
        let block = |key: &Key| match key {
            Key::Mac(MacKey::Sha256(_, halves)) => Some(halves.inner.clone()),
            _ => None,
        };
        let blocks = self.keys.iter().map(block).collect::<Option<Vec<_>>>()?;
        let is_body = |scheme: &Scheme| matches!(&*scheme.content, [Part::Body]);
        Some(InnerHash {
            blocks,
            body_alone: schemes.into_iter().flatten().all(is_body),
        })
    }

    /// Judges all of a request but its signature, and says what stands around the body in the signed content. The body is not
    /// looked at.
    ///
    /// # Errors
    /// One [`Refusal`], as [`verify`](Self::verify) would give it.
    pub fn around_body<H: Headers + ?Sized>(
        &self,
        request: &Request<'_, H>,
        now_s: i64,
    ) -> Result<AroundBody, Refusal> {
        let headers = Found(request.headers);
        let reading = self.read(&without_body(request, &headers), now_s)?;
        let mut around = AroundBody {
            before: Vec::new(),
            after: Vec::new(),
        };
        let mut place = &mut around.before;
        for (part, bytes) in reading
            .scheme
            .content
            .iter()
            .zip(reading.content.parts(reading.scheme))
        {
            match part {
                Part::Body => place = &mut around.after,
                _ => place.extend_from_slice(bytes),
            }
        }
        Ok(around)
    }

    /// Judges a request by the inner hashes of its content, one for each secret in their order.
    ///
    /// # Errors
    /// One [`Refusal`], the same as [`verify`](Self::verify) would give if the hashes are right. Without a hash a secret fits
    /// nothing.
    pub fn verify_hashed<H: Headers + ?Sized>(
        &self,
        request: &Request<'_, H>,
        inner: &[[u8; SHA256_BYTES]],
        now_s: i64,
    ) -> Result<Valid, Refusal> {
        if self.is_direct {
            return self.verify_direct(request.headers, inner);
        }
        let headers = Found(request.headers);
        let reading = self.read(&without_body(request, &headers), now_s)?;
        let outer = |index: usize, key: &Key| match (key, inner.get(index)?) {
            (Key::Mac(MacKey::Sha256(_, halves)), inner) => {
                Some(Proof::Digest(Digest::of(&halves.outer.ended(inner))))
            }
            _ => None,
        };
        let secret_index = self.first_matching(&reading, outer)?;
        Ok(reading.valid(secret_index))
    }

    /// [`verify_hashed`](Self::verify_hashed) for schemes that [`is_direct`] knows. Between two calls of native code every line that
    /// is not run counts twice, since it has left the processor's caches.
    fn verify_direct<H: Headers + ?Sized>(
        &self,
        headers: &H,
        inner: &[[u8; SHA256_BYTES]],
    ) -> Result<Valid, Refusal> {
        let mut names = self.scheme.signature_headers.iter();
        let header = names.next().and_then(|name| headers.header(name));
        let header = header.and_then(trimmed).ok_or(Refusal::MissingHeader)?;
        let mut refusal = Refusal::MalformedHeader;
        let Some(signature) = self.scheme.layout.signature(header, false) else {
            return Err(refusal);
        };
        for (secret_index, (key, inner)) in self.keys.iter().zip(inner).enumerate() {
            let Key::Mac(MacKey::Sha256(_, halves)) = key else {
                continue;
            };
            let digest = Digest::of(&halves.outer.ended(inner));
            match self.scheme.encoding.compare(signature, &digest) {
                Presented::Equal => {
                    return Ok(Valid {
                        secret_index,
                        timestamp_ms: None,
                        covers: Covers::BODY,
                    });
                }
                Presented::Different => refusal = Refusal::BadSignature,
                Presented::Malformed => {}
            }
        }
        Err(refusal)
    }
}

/// Whether one header holds one HMAC of the body, as with most providers: nothing has to be found out for each request.
pub(super) fn is_direct(scheme: &Scheme) -> bool {
    let is_one_digest = matches!(
        scheme.layout,
        Layout::Bare | Layout::Prefixed(_) | Layout::PrefixTolerated(_)
    );
    is_simple(scheme)
        && is_one_digest
        && scheme.algorithm == Algorithm::HmacSha256
        && matches!(&*scheme.content, [Part::Body])
        && scheme.signature_headers.len() == 1
        && scheme.alternative.is_none()
        && scheme.timestamp.is_none()
        && scheme.id_header.is_none()
        && scheme.fixed_headers.is_empty()
}

/// Whether the content is one run of bytes with the raw body in it once, whatever the request.
fn is_simple(scheme: &Scheme) -> bool {
    let bodies = scheme.content.iter().filter(|part| **part == Part::Body);
    let only_plain = scheme.content.iter().all(|part| {
        matches!(
            part,
            Part::Body | Part::Id | Part::Timestamp | Part::Method | Part::Literal(_)
        )
    });
    let place = scheme.timestamp.as_ref().map(|timestamp| &timestamp.place);
    let in_body = matches!(place, Some(TimestampPlace::BodyField { .. }));
    bodies.count() == 1
        && only_plain
        && !in_body
        && scheme.carrier == Carrier::Headers
        && scheme.layout.header_list().is_none()
        && !scheme.covers().contains(Covers::URL)
}

fn without_body<'r, H: Headers + ?Sized>(
    request: &Request<'r, H>,
    headers: &'r Found<'r, H>,
) -> Request<'r, dyn Headers + 'r> {
    Request {
        method: request.method,
        url: request.url,
        headers,
        body: b"",
    }
}

/// The key's block, RFC 2104 section 2: the secret, or its hash where it is longer than a block, filled up with zeros.
fn padded(secret: &Secret, pad: u8) -> Zeroizing<[u8; BLOCK_BYTES]> {
    let mut block = Zeroizing::new([0; BLOCK_BYTES]);
    let secret = secret.as_bytes();
    let mut hash = Zeroizing::new([0; SHA256_BYTES]);
    let key = match secret.len() > BLOCK_BYTES {
        true => {
            *hash = sha256(once(secret));
            hash.as_slice()
        }
        false => secret,
    };
    for (place, byte) in block.iter_mut().zip(key) {
        *place = *byte;
    }
    for byte in block.iter_mut() {
        *byte ^= pad;
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::{Config, Message, SignedAt};
    use sha2::{Digest as _, Sha256};

    fn hashed(
        keyed: &KeyedScheme,
        request: &Request<'_, [(&str, &str)]>,
        now_s: i64,
    ) -> Result<Valid, Refusal> {
        let around = keyed.around_body(request, now_s)?;
        let InnerHash { blocks, body_alone } = keyed.inner_hash().unwrap();
        assert_eq!(
            body_alone,
            (around.before.as_slice(), around.after.as_slice()) == (b"", b"")
        );
        let inner: Vec<[u8; SHA256_BYTES]> = blocks
            .iter()
            .map(|block| {
                let hash = Sha256::new_with_prefix(block.as_slice());
                let hash = hash.chain_update(&around.before).chain_update(request.body);
                hash.chain_update(&around.after).finalize().into()
            })
            .collect();
        keyed.verify_hashed(request, &inner, now_s)
    }

    #[test]
    fn the_verdict_is_that_of_verify_for_every_scheme_that_allows_it() {
        let (mut schemes, mut direct) = (0, 0);
        for scheme in Scheme::all() {
            // Above a block, of a block, below a block; all of them base64 too.
            let long = "c2Vj".repeat(30);
            let secrets = ["AAAA", "c2VjcmV0", &long[..64], &long[..88], &long];
            for secret in secrets {
                let mut config = Config::new(scheme.name, &["b3RoZXI=", secret]);
                if scheme.name == "generic-hmac" {
                    config.options =
                        Vec::from([("header", "X-S"), ("template", "{method}-{body}.{body_}")]);
                }
                let Ok(keyed) = KeyedScheme::new(&config) else {
                    continue;
                };
                if keyed.inner_hash().is_none() {
                    continue;
                }
                schemes += 1;
                direct += u32::from(keyed.is_direct);
                let mut signer = config.clone();
                signer.secrets = Vec::from([secret]);
                let signer = KeyedScheme::new(&signer).unwrap();
                let message = Message {
                    id: Some("m"),
                    ..Message::new(SignedAt::UnixMs(1_000_000), b"body \xff")
                };
                let headers = signer.sign(&message).unwrap();
                let headers: Vec<_> = headers
                    .iter()
                    .map(|header| (header.name.as_str(), header.value.as_str()))
                    .collect();
                for body in [b"body \xff".as_slice(), b"body \xfe", b""] {
                    for now_s in [1_000, 9_000] {
                        let request = Request::new(headers.as_slice(), body);
                        assert_eq!(
                            hashed(&keyed, &request, now_s),
                            keyed.verify(&request, now_s),
                            "{}",
                            scheme.name
                        );
                    }
                }
                let bare = Request::new([].as_slice(), b"");
                assert_eq!(hashed(&keyed, &bare, 0), keyed.verify(&bare, 0));
                let request = Request::new(headers.as_slice(), b"body \xff");
                assert!(keyed.verify_hashed(&request, &[], 1_000).is_err());
                // A digest that is not there equals no text, an empty one included.
                for empty in ["sha256=", "v1,", "v0=", "t=1000,v1=", "v1=", "=", ""] {
                    let headers: Vec<_> = headers
                        .iter()
                        .map(|(name, value)| {
                            let is_signature = keyed
                                .scheme()
                                .signature_headers
                                .iter()
                                .any(|own| own == name);
                            (*name, if is_signature { empty } else { *value })
                        })
                        .collect();
                    let request = Request::new(headers.as_slice(), b"");
                    assert!(
                        keyed.verify_hashed(&request, &[], 1_000).is_err(),
                        "{empty}"
                    );
                }
            }
        }
        assert!(schemes > 100, "{schemes}");
        assert!(direct > 40, "{direct}");
    }

    #[test]
    fn schemes_that_sign_more_or_otherwise_do_not_allow_it() {
        for (scheme, secret) in [
            ("twilio", "a"),
            ("square", "a"),
            ("hook0", "a"),
            ("linear", "a"),
            ("mailgun", "a"),
            ("x-twitter", "a"),
            ("intercom", "a"),
            ("postmark", "a:b"),
        ] {
            let keyed = KeyedScheme::new(&Config::new(scheme, &[secret])).unwrap();
            let is_sha256 = keyed.scheme().algorithm == crate::signature::Algorithm::HmacSha256;
            assert_eq!(
                keyed.inner_hash().is_some(),
                scheme == "x-twitter" && is_sha256,
                "{scheme}"
            );
        }
        assert_eq!(
            alloc::format!(
                "{:?}",
                InnerHash {
                    blocks: Vec::new(),
                    body_alone: true
                }
            ),
            "InnerHash(..)"
        );
    }
}
