//! Client certificates: who we are to receivers that ask (mutual TLS).

use crate::store::SecretText;
use base64ct::{Base64, Encoding};
use der::{
    Decode, Reader, SliceReader, Tag,
    asn1::{AnyRef, GeneralizedTime, UtcTime},
};
use rustls::{
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};
use sha2::{Digest, Sha256};
use std::{fmt, sync::Arc};

/// Most certificates of a chain.
pub const CHAIN_MAX: usize = 10;
/// Longest chain as PEM, in bytes: several times ten ordinary certificates.
pub const CHAIN_BYTES_MAX: usize = 64 * 1024;
/// Longest private key as PEM, in bytes: several times an RSA key of 8192 bits.
pub const KEY_BYTES_MAX: usize = 16 * 1024;
/// Characters of a line of PEM (RFC 7468, section 2).
const PEM_LINE: usize = 64;

/// A certificate with its key, shown to receivers that ask who is calling. It does not print.
#[derive(Clone)]
pub struct ClientIdentity(Arc<Inner>);

struct Inner {
    pair: CertifiedKey,
    /// As it was given.
    key: SecretText,
    sha256: [u8; 32],
    not_after_ms: u64,
}

/// A certificate or key that cannot be used; the client's mistake. The text repeats nothing of either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// The certificate is missing, not PEM, or not of the form that TLS takes.
    #[error(
        "give the certificate as PEM (-----BEGIN CERTIFICATE-----), followed by its intermediate ones, at most 10 and 64 KiB"
    )]
    Certificate,
    /// The key is missing, not PEM, encrypted, or of an unknown kind.
    #[error(
        "give the private key as PEM without a password, of at most 16 KiB: PKCS#8, PKCS#1 or SEC1, of the kinds RSA, ECDSA P-256, P-384 and Ed25519"
    )]
    Key,
    /// Each is fine, but they do not belong together.
    #[error("the private key is not the one of the first certificate")]
    Mismatch,
}

impl ClientIdentity {
    /// Reads a chain of certificates, the client's own first, and its key. What else stands in the texts is passed over.
    ///
    /// # Errors
    /// [`IdentityError`]
    pub fn from_pem(chain: &str, key: &SecretText) -> Result<Self, IdentityError> {
        if chain.len() > CHAIN_BYTES_MAX {
            return Err(IdentityError::Certificate);
        }
        if key.as_str().len() > KEY_BYTES_MAX {
            return Err(IdentityError::Key);
        }
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain.as_bytes())
            .take(CHAIN_MAX.saturating_add(1))
            .collect();
        let chain = chain.map_err(|_| IdentityError::Certificate)?;
        let own = match chain.first() {
            Some(own) if chain.len() <= CHAIN_MAX => own,
            _ => return Err(IdentityError::Certificate),
        };
        let sha256 = Sha256::digest(own).into();
        let not_after_ms = not_after_ms(own).ok_or(IdentityError::Certificate)?;
        let signing = PrivateKeyDer::from_pem_slice(key.as_str().as_bytes());
        let signing = signing.map_err(|_| IdentityError::Key)?;
        let signing = ring::sign::any_supported_type(&signing).map_err(|_| IdentityError::Key)?;
        let pair = CertifiedKey::new(chain, signing);
        match pair.keys_match() {
            Ok(()) => Ok(Self(Arc::new(Inner {
                pair,
                key: key.clone(),
                sha256,
                not_after_ms,
            }))),
            Err(rustls::Error::InconsistentKeys(_)) => Err(IdentityError::Mismatch),
            Err(_) => Err(IdentityError::Certificate),
        }
    }

    /// The chain as PEM, and nothing else.
    pub fn chain_pem(&self) -> String {
        self.0.pair.cert.iter().map(certificate_pem).collect()
    }

    /// The private key, for storing.
    pub fn key(&self) -> &SecretText {
        &self.0.key
    }

    /// SHA-256 of the first certificate in DER, which is how certificates are told apart.
    pub fn sha256(&self) -> [u8; 32] {
        self.0.sha256
    }

    /// When the first certificate expires, unix milliseconds.
    pub fn not_after_ms(&self) -> u64 {
        self.0.not_after_ms
    }

    /// What a handshake shows and signs with.
    pub(crate) fn pair(&self) -> &CertifiedKey {
        &self.0.pair
    }
}

/// The same value, or the same certificates. A certificate has one key.
impl PartialEq for ClientIdentity {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.pair.cert == other.0.pair.cert
    }
}

impl Eq for ClientIdentity {}

impl fmt::Debug for ClientIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientIdentity(..)")
    }
}

fn certificate_pem(certificate: &CertificateDer<'_>) -> String {
    let base64 = Base64::encode_string(certificate);
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut rest = base64.as_str();
    while let Some((line, after)) = rest.split_at_checked(PEM_LINE) {
        pem.push_str(line);
        pem.push('\n');
        rest = after;
    }
    if !rest.is_empty() {
        pem.push_str(rest);
        pem.push('\n');
    }
    pem.push_str("-----END CERTIFICATE-----\n");
    pem
}

/// The end of a certificate's validity (RFC 5280, section 4.1.2.5).
fn not_after_ms(certificate: &[u8]) -> Option<u64> {
    let read = || -> der::Result<u64> {
        let mut certificate = inside(certificate)?;
        let mut body = inside(certificate.tlv_bytes()?)?;
        // The version is left out of the first one.
        if matches!(Tag::peek(&body)?, Tag::ContextSpecific { .. }) {
            body.tlv_bytes()?;
        }
        // Serial number, algorithm, issuer.
        for _ in 0..3 {
            body.tlv_bytes()?;
        }
        let mut validity = inside(body.tlv_bytes()?)?;
        validity.tlv_bytes()?;
        let since_1970 = match Tag::peek(&validity)? {
            Tag::UtcTime => validity.decode::<UtcTime>()?.to_unix_duration(),
            _ => validity.decode::<GeneralizedTime>()?.to_unix_duration(),
        };
        Ok(u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX))
    };
    read().ok()
}

/// What a value of DER consists of.
fn inside(value: &[u8]) -> der::Result<SliceReader<'_>> {
    SliceReader::new(AnyRef::from_der(value)?.value())
}
