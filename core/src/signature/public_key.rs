//! Schemes whose verifier has no secret. The only place that touches `ed25519-dalek` and `p256`.

#[cfg(feature = "ed25519")]
use super::Role;
#[cfg(feature = "p256")]
use super::der;
use super::mac::Digest;
use crate::base64;
#[cfg(feature = "p256")]
use p256::ecdsa::VerifyingKey;

/// Before seed and public key.
#[cfg(feature = "ed25519")]
const PAIR_PREFIX: &str = "whsk_";
/// Before a public key.
#[cfg(feature = "ed25519")]
const PUBLIC_PREFIX: &str = "whpk_";

/// An Ed25519 key pair, or its public half.
#[cfg(feature = "ed25519")]
#[derive(Clone)]
pub(crate) struct Ed25519Key {
    public: ed25519_dalek::VerifyingKey,
    secret: Option<ed25519_dalek::SigningKey>,
}

#[cfg(feature = "ed25519")]
impl Ed25519Key {
    /// Whether the text of a Standard Webhooks secret names an asymmetric key.
    pub(crate) fn is_standard_webhooks(text: &str) -> bool {
        text.starts_with(PAIR_PREFIX) || text.starts_with(PUBLIC_PREFIX)
    }

    /// `whsk_` and 64 bytes in base64, seed and public key, which must belong together; or `whpk_` and the 32 bytes of the
    /// public key.
    ///
    /// Source: Standard Webhooks 1.0.0, "Signature scheme", asymmetric keys.
    #[inline(never)]
    pub(crate) fn from_standard_webhooks(text: &str) -> Option<Self> {
        if let Some(encoded) = text.strip_prefix(PUBLIC_PREFIX) {
            let bytes = base64::decode_either(encoded.as_bytes())?;
            return Self::from_public(bytes.as_slice().try_into().ok()?);
        }
        let bytes = base64::decode_either(text.strip_prefix(PAIR_PREFIX)?.as_bytes())?;
        let (seed, public) = bytes.split_first_chunk()?;
        let key = Self::from_seed(seed);
        (key.public.as_bytes() == public).then_some(key)
    }

    /// 32 bytes in hexadecimal of either case: the public key, or for a signer the seed (Discord).
    #[inline(never)]
    pub(crate) fn from_hex(text: &str, role: Role) -> Option<Self> {
        let mut bytes = zeroize::Zeroizing::new([0; ed25519_dalek::PUBLIC_KEY_LENGTH]);
        let decoded = base16ct::mixed::decode(text, bytes.as_mut()).ok()?;
        if decoded.len() != ed25519_dalek::PUBLIC_KEY_LENGTH {
            return None;
        }
        match role {
            Role::Verifier => Self::from_public(&bytes),
            Role::Signer => Some(Self::from_seed(&bytes)),
        }
    }

    fn from_seed(seed: &[u8; ed25519_dalek::SECRET_KEY_LENGTH]) -> Self {
        let secret = ed25519_dalek::SigningKey::from_bytes(seed);
        Self {
            public: secret.verifying_key(),
            secret: Some(secret),
        }
    }

    fn from_public(bytes: &[u8; ed25519_dalek::PUBLIC_KEY_LENGTH]) -> Option<Self> {
        let public = ed25519_dalek::VerifyingKey::from_bytes(bytes).ok()?;
        Some(Self {
            public,
            secret: None,
        })
    }

    /// Whether the signature is the key's over the message. Refuses keys and points of small order, for which a
    /// signature says nothing.
    #[inline(never)]
    pub(crate) fn is_signature(&self, signature: &[u8], message: &[u8]) -> bool {
        let signature = ed25519_dalek::Signature::from_slice(signature);
        signature.is_ok_and(|signature| self.public.verify_strict(message, &signature).is_ok())
    }

    /// `None` when this is a public half.
    #[inline(never)]
    pub(crate) fn sign(&self, message: &[u8]) -> Option<Digest> {
        use ed25519_dalek::Signer;
        let secret = self.secret.as_ref()?;
        Some(Digest::of(&secret.sign(message).to_bytes()))
    }
}

/// A P-256 key pair, or its public half.
#[cfg(feature = "p256")]
#[derive(Clone)]
pub(crate) struct EcdsaKey {
    public: VerifyingKey,
    secret: Option<p256::ecdsa::SigningKey>,
}

#[cfg(feature = "p256")]
impl EcdsaKey {
    /// A DER `SubjectPublicKeyInfo` (RFC 5280) in base64 or PEM, or for a signer a PKCS#8 private key in PEM (RFC 7468).
    #[inline(never)]
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        if let Some(key) = der::PrivateKey::from_pem(text) {
            return Self::from_private(&key);
        }
        let der = match der::unarmoured(text, der::PUBLIC_ARMOUR) {
            Some(der) => der,
            None => base64::decode(text.as_bytes())?,
        };
        let public = VerifyingKey::from_sec1_bytes(der::public_key(&der)?).ok()?;
        Some(Self {
            public,
            secret: None,
        })
    }

    /// `None` when the key names a public one that is not its own.
    fn from_private(key: &der::PrivateKey) -> Option<Self> {
        let secret = p256::ecdsa::SigningKey::from_slice(key.scalar.as_slice()).ok()?;
        let public = *secret.verifying_key();
        if let Some(named) = &key.public
            && VerifyingKey::from_sec1_bytes(named).ok() != Some(public)
        {
            return None;
        }
        Some(Self {
            public,
            secret: Some(secret),
        })
    }

    /// Whether the signature, strict DER, is the key's over the digest.
    #[inline(never)]
    pub(crate) fn is_signature(&self, signature: &[u8], sha256: &[u8]) -> bool {
        use p256::ecdsa::signature::hazmat::PrehashVerifier;
        let Some([r, s]) = der::signature(signature) else {
            return false;
        };
        let signature = p256::ecdsa::Signature::from_scalars(r, s);
        signature.is_ok_and(|signature| self.public.verify_prehash(sha256, &signature).is_ok())
    }

    /// `None` when this is a public half.
    #[inline(never)]
    pub(crate) fn sign(&self, sha256: &[u8]) -> Option<Digest> {
        use p256::ecdsa::signature::hazmat::PrehashSigner;
        let signature: p256::ecdsa::Signature = self.secret.as_ref()?.sign_prehash(sha256).ok()?;
        let (r, s) = signature.split_bytes();
        let der = der::write_signature(&[r.into(), s.into()]);
        Some(Digest::of(&der))
    }
}
