//! The few structures in DER that a P-256 key or signature is wrapped in.
//!
//! Of our own because the crates for it are as large in wasm as the curve itself, and read far more than these; a test holds
//! them against each other. Source: ITU-T X.690 section 10; RFC 5280 section 4.1, RFC 5480, RFC 5915, RFC 5958, RFC 7468.

use crate::base64;
use alloc::vec::Vec;
use zeroize::Zeroizing;

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const SEQUENCE: u8 = 0x30;
/// Context-specific, constructed, numbers 0 and 1.
const FIELD_0: u8 = 0xa0;
const FIELD_1: u8 = 0xa1;
/// The same, number 1, with a primitive type behind it.
const IMPLICIT_1: u8 = 0x81;

/// `id-ecPublicKey` and `secp256r1`, as the content of an algorithm identifier.
const ON_P256: &[u8] =
    b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
/// `secp256r1` alone.
const P256: &[u8] = b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";

/// Bytes of a private key, and of each half of a signature.
pub(super) const SCALAR_BYTES: usize = 32;

/// What stands around keys in PEM: in front and behind.
pub(super) type Armour = [&'static [u8]; 2];
pub(super) const PUBLIC_ARMOUR: Armour =
    [b"-----BEGIN PUBLIC KEY-----", b"-----END PUBLIC KEY-----"];
const PRIVATE_ARMOUR: Armour = [b"-----BEGIN PRIVATE KEY-----", b"-----END PRIVATE KEY-----"];

/// What is in this armour; `None` where the text has another one, or none.
pub(super) fn unarmoured(text: &str, [begin, end]: Armour) -> Option<Zeroizing<Vec<u8>>> {
    let text = text.as_bytes().trim_ascii();
    let digits = text.strip_prefix(begin)?.strip_suffix(end)?;
    let mut joined = Zeroizing::new(Vec::with_capacity(digits.len()));
    for digit in digits {
        if !digit.is_ascii_whitespace() {
            joined.push(*digit);
        }
    }
    base64::decode(&joined)
}

/// The point of a `SubjectPublicKeyInfo` on P-256, as SEC 1 has it.
pub(super) fn public_key(der: &[u8]) -> Option<&[u8]> {
    let mut whole = Reader(der);
    let mut info = Reader(whole.value(SEQUENCE)?);
    whole.end()?;
    let is_on_curve = info.value(SEQUENCE)? == ON_P256;
    let point = bits(info.value(BIT_STRING)?)?;
    info.end()?;
    is_on_curve.then_some(point)
}

/// The private key of a PKCS#8 text on P-256, and the public key that it names, where it does.
pub(super) struct PrivateKey {
    pub(super) scalar: Zeroizing<[u8; SCALAR_BYTES]>,
    pub(super) public: Option<Vec<u8>>,
}

impl PrivateKey {
    /// Reads PEM.
    pub(super) fn from_pem(text: &str) -> Option<Self> {
        Self::from_pkcs8(&unarmoured(text, PRIVATE_ARMOUR)?)
    }

    fn from_pkcs8(der: &[u8]) -> Option<Self> {
        let mut whole = Reader(der);
        let mut info = Reader(whole.value(SEQUENCE)?);
        whole.end()?;
        let version = info.integer()?;
        let is_on_curve = info.value(SEQUENCE)? == ON_P256;
        let mut key = Self::from_sec1(info.value(OCTET_STRING)?)?;
        let _attributes = info.optional(FIELD_0);
        // The second version, and only that one, names the public key here.
        match (version, info.optional(IMPLICIT_1)) {
            (b"", None) => {}
            (b"\x01", Some(public)) => key.public = Some(bits(public)?.to_vec()),
            _ => return None,
        }
        info.end()?;
        is_on_curve.then_some(key)
    }

    fn from_sec1(der: &[u8]) -> Option<Self> {
        let mut whole = Reader(der);
        let mut key = Reader(whole.value(SEQUENCE)?);
        whole.end()?;
        let is_known_version = key.integer()? == b"\x01";
        let scalar = Zeroizing::new(key.value(OCTET_STRING)?.try_into().ok()?);
        let is_on_curve = key.optional(FIELD_0).is_none_or(|curve| curve == P256);
        let public = match key.optional(FIELD_1) {
            Some(field) => {
                let mut field = Reader(field);
                let public = bits(field.value(BIT_STRING)?)?.to_vec();
                field.end()?;
                Some(public)
            }
            None => None,
        };
        key.end()?;
        (is_known_version && is_on_curve).then_some(Self { scalar, public })
    }
}

/// The two halves of an ECDSA signature, each in 32 bytes.
pub(super) fn signature(der: &[u8]) -> Option<[[u8; SCALAR_BYTES]; 2]> {
    let mut whole = Reader(der);
    let mut halves = Reader(whole.value(SEQUENCE)?);
    whole.end()?;
    let found = [padded(halves.integer()?)?, padded(halves.integer()?)?];
    halves.end()?;
    Some(found)
}

/// A signature with these halves.
pub(super) fn write_signature(halves: &[[u8; SCALAR_BYTES]; 2]) -> Vec<u8> {
    let mut content = Vec::new();
    for half in halves {
        let start = half.iter().position(|byte| *byte != 0);
        let digits = half
            .get(start.unwrap_or(SCALAR_BYTES)..)
            .unwrap_or_default();
        // Without it, a first bit that is set would make the number negative.
        let sign: &[u8] = match digits.first() {
            Some(0..0x80) => b"",
            _ => b"\0",
        };
        write_value(&mut content, INTEGER, &[sign, digits].concat());
    }
    let mut der = Vec::new();
    write_value(&mut der, SEQUENCE, &content);
    der
}

/// Content up to 127 bytes; a signature on P-256 has at most 70.
fn write_value(der: &mut Vec<u8>, tag: u8, content: &[u8]) {
    der.push(tag);
    der.push(u8::try_from(content.len()).unwrap_or_default());
    der.extend_from_slice(content);
}

/// A positive number of at most 32 bytes, filled up with zeros in front.
fn padded(number: &[u8]) -> Option<[u8; SCALAR_BYTES]> {
    let mut whole = [0; SCALAR_BYTES];
    let start = SCALAR_BYTES.checked_sub(number.len())?;
    whole.get_mut(start..)?.copy_from_slice(number);
    Some(whole)
}

/// The content of a bit string of whole bytes.
fn bits(content: &[u8]) -> Option<&[u8]> {
    content.strip_prefix(b"\0")
}

/// What is left to be read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// The content of the next value, which must have this tag.
    fn value(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (found, rest) = self.0.split_first()?;
        let (first, rest) = rest.split_first()?;
        let (len, rest) = match (*first, rest) {
            (0..=0x7f, rest) => (usize::from(*first), rest),
            // In as few bytes as can be.
            (0x81, [len @ 0x80..=0xff, rest @ ..]) => (usize::from(*len), rest),
            (0x82, [high @ 1..=0xff, low, rest @ ..]) => {
                (usize::from(u16::from_be_bytes([*high, *low])), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(len)?;
        if *found != tag {
            return None;
        }
        self.0 = rest;
        Some(content)
    }

    fn optional(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.value(tag)
    }

    /// A number that is not negative, without leading zeros.
    fn integer(&mut self) -> Option<&'a [u8]> {
        match self.value(INTEGER)? {
            [0] => Some(b""),
            [0, number @ ..] if number.first().is_some_and(|first| *first >= 0x80) => Some(number),
            number @ [1..0x80, ..] => Some(number),
            _ => None,
        }
    }

    fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

#[cfg(test)]
mod tests;
