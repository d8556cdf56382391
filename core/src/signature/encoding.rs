//! How a digest is written in a header, and the constant-time comparison.

use super::mac::{DIGEST_BYTES_MAX, Digest};
use crate::base64;
use alloc::string::String;
use subtle::{Choice, ConstantTimeEq};

/// Alphabet of a digest in a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Hexadecimal in lower case, of full length.
    Hex,
    /// Standard base64 with its padding.
    Base64,
    /// Base64 with the alphabet for addresses, without padding.
    Base64Url,
}

/// Longest text of a digest in any encoding (hexadecimal).
const TEXT_BYTES_MAX: usize = DIGEST_BYTES_MAX * 2;

/// What a presented signature turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presented {
    /// It is the digest.
    Equal,
    /// It could be a digest, but of something else or under another key.
    Different,
    /// It cannot be a digest: wrong length or alphabet.
    Malformed,
}

impl Encoding {
    /// The text of a digest.
    pub(crate) fn write(self, digest: &Digest) -> String {
        let mut buffer = [0; TEXT_BYTES_MAX];
        let text = core::str::from_utf8(self.encode(digest, &mut buffer));
        String::from(text.unwrap_or_default())
    }

    /// The text of these bytes, which are a digest.
    #[cfg(feature = "explain")]
    pub(crate) fn write_bytes(self, bytes: &[u8]) -> String {
        self.write(&Digest::of(bytes))
    }

    /// Compares the presented text with the digest, as text and in constant time (vector rule V4): a decoder that
    /// accepts more than one spelling can therefore not make more signatures valid.
    pub(crate) fn compare(self, presented: &[u8], digest: &Digest) -> Presented {
        let mut buffer = [0; TEXT_BYTES_MAX];
        let expected = self.encode(digest, &mut buffer);
        // The length is public: it follows from the scheme.
        if is_equal(expected, presented) {
            return Presented::Equal;
        }
        let padding = expected.iter().filter(|byte| **byte == b'=').count();
        match presented.len() == expected.len() && self.could_be_digest(presented, padding) {
            true => Presented::Different,
            false => Presented::Malformed,
        }
    }

    /// Decodes the presented text and lets `is_signature` judge the bytes.
    #[cfg(any(feature = "ed25519", feature = "p256"))]
    #[inline(never)]
    pub(crate) fn judge(
        self,
        presented: &[u8],
        is_signature: impl FnOnce(&[u8]) -> bool,
    ) -> Presented {
        if presented.len() > TEXT_BYTES_MAX {
            return Presented::Malformed;
        }
        let decoded = match self {
            Self::Hex => base16ct::lower::decode_vec(presented).ok(),
            Self::Base64 => base64::decode(presented).map(|bytes| bytes.to_vec()),
            Self::Base64Url => base64::decode_url(presented).map(|bytes| bytes.to_vec()),
        };
        match decoded {
            Some(signature) if signature.len() > DIGEST_BYTES_MAX => Presented::Malformed,
            Some(signature) if is_signature(&signature) => Presented::Equal,
            Some(_) => Presented::Different,
            None => Presented::Malformed,
        }
    }

    fn encode<'a>(self, digest: &Digest, buffer: &'a mut [u8; TEXT_BYTES_MAX]) -> &'a [u8] {
        // All can only fail on a buffer that is too small, which this one is not; an empty text equals no signature.
        match self {
            Self::Hex => base16ct::lower::encode(digest.as_bytes(), buffer).unwrap_or_default(),
            Self::Base64 => base64::encode(digest.as_bytes(), buffer),
            Self::Base64Url => base64::encode_url(digest.as_bytes(), buffer),
        }
    }

    /// Whether the text is of the alphabet and ends in this much padding. Only tells the two kinds of refusal apart; the
    /// value is public.
    #[inline(never)]
    fn could_be_digest(self, presented: &[u8], padding: usize) -> bool {
        let Some((digits, end)) =
            presented.split_at_checked(presented.len().saturating_sub(padding))
        else {
            return false;
        };
        let is_digit = |byte: &u8| match self {
            Self::Hex => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
            Self::Base64 => byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'),
            Self::Base64Url => byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'),
        };
        digits.iter().all(is_digit) && end.iter().all(|byte| *byte == b'=')
    }
}

/// Whether two texts are equal, in a time that depends on their lengths alone. The differences of all words are gathered before
/// `subtle` looks at them once, because each of its steps has a cost of its own.
pub(crate) fn is_equal(one: &[u8], other: &[u8]) -> bool {
    let (words, rest) = one.as_chunks();
    let (other_words, other_rest) = other.as_chunks();
    let same_length = Choice::from(u8::from(one.len() == other.len()));
    let mut difference = 0;
    for (word, other_word) in words.iter().zip(other_words) {
        difference |= u64::from_ne_bytes(*word) ^ u64::from_ne_bytes(*other_word);
    }
    bool::from(same_length & difference.ct_eq(&0) & rest.ct_eq(other_rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn hexadecimal_equals_the_formatter_of_the_standard_library() {
        let bytes: [u8; 32] = core::array::from_fn(|i| (i as u8).wrapping_mul(37));
        let expected: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(Encoding::Hex.write(&Digest::of(&bytes)), expected);
    }

    #[test]
    fn texts_are_equal_when_every_byte_is() {
        let whole: [u8; 40] = core::array::from_fn(|i| i as u8);
        for len in 0..whole.len() {
            assert!(is_equal(&whole[..len], &whole[..len]));
            assert!(!is_equal(&whole[..len], &whole[..len + 1]));
            assert!(!is_equal(&whole[..len + 1], &whole[..len]));
            for at in 0..len {
                let mut other = whole;
                other[at] ^= 0x80;
                assert!(!is_equal(&whole[..len], &other[..len]), "{len} {at}");
            }
        }
    }

    #[test]
    fn a_presented_text_is_equal_different_or_malformed() {
        for len in [20, 32, 64] {
            let digest = Digest::of(&[0xab, 0xfe].repeat(len / 2));
            let other = Digest::of(&[0xac, 0xfe].repeat(len / 2));
            for encoding in [Encoding::Hex, Encoding::Base64, Encoding::Base64Url] {
                let compare = |text: &str| encoding.compare(text.as_bytes(), &digest);
                let right = encoding.write(&digest);
                assert_eq!(compare(&right), Presented::Equal);
                assert_eq!(compare(&encoding.write(&other)), Presented::Different);
                assert_eq!(compare(&right[1..]), Presented::Malformed);
                assert_eq!(compare(""), Presented::Malformed);
                assert_eq!(compare(&"é".repeat(right.len() / 2)), Presented::Malformed);
            }
            let upper = Encoding::Hex.write(&digest).to_uppercase();
            assert_eq!(
                Encoding::Hex.compare(upper.as_bytes(), &digest),
                Presented::Malformed
            );
        }
    }
}
