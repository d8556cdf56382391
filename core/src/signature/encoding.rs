//! How a digest is written in a header, and the constant-time comparison.

use super::mac::DIGEST_BYTES;
use alloc::string::String;
use base64ct::{Base64, Encoding as _};
use subtle::ConstantTimeEq;

/// Alphabet of a digest in a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Hexadecimal in lower case, of full length.
    Hex,
    /// Standard base64 with its padding.
    Base64,
}

/// Longest text of a 32-byte digest in any encoding (hexadecimal).
const TEXT_BYTES_MAX: usize = DIGEST_BYTES * 2;

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
    pub(crate) fn write(self, digest: &[u8; DIGEST_BYTES]) -> String {
        let mut buffer = [0; TEXT_BYTES_MAX];
        String::from(self.encode(digest, &mut buffer))
    }

    /// Compares the presented text with the digest, as text and in constant time (vector rule V4): a decoder that
    /// accepts more than one spelling can therefore not make more signatures valid.
    pub(crate) fn compare(self, presented: &[u8], digest: &[u8; DIGEST_BYTES]) -> Presented {
        let mut buffer = [0; TEXT_BYTES_MAX];
        let expected = self.encode(digest, &mut buffer).as_bytes();
        if bool::from(expected.ct_eq(presented)) {
            return Presented::Equal;
        }
        match presented.len() == expected.len() && self.could_be_digest(presented) {
            true => Presented::Different,
            false => Presented::Malformed,
        }
    }

    fn encode<'a>(
        self,
        digest: &[u8; DIGEST_BYTES],
        buffer: &'a mut [u8; TEXT_BYTES_MAX],
    ) -> &'a str {
        // Both can only fail on a buffer that is too small, which this one is not; an empty text equals no signature.
        match self {
            Self::Hex => base16ct::lower::encode_str(digest, buffer).unwrap_or_default(),
            Self::Base64 => Base64::encode(digest, buffer).unwrap_or_default(),
        }
    }

    /// Only tells the two kinds of refusal apart; the value compared is public.
    fn could_be_digest(self, presented: &[u8]) -> bool {
        match self {
            Self::Hex => presented
                .iter()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')),
            Self::Base64 => Base64::decode(presented, &mut [0; TEXT_BYTES_MAX]).is_ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn hexadecimal_equals_the_formatter_of_the_standard_library() {
        let digest: [u8; DIGEST_BYTES] = core::array::from_fn(|i| (i as u8).wrapping_mul(37));
        let expected: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(Encoding::Hex.write(&digest), expected);
    }

    #[test]
    fn a_presented_text_is_equal_different_or_malformed() {
        let digest = [0xab; DIGEST_BYTES];
        for encoding in [Encoding::Hex, Encoding::Base64] {
            let right = encoding.write(&digest);
            let other = encoding.write(&[0xac; DIGEST_BYTES]);
            assert_eq!(
                encoding.compare(right.as_bytes(), &digest),
                Presented::Equal
            );
            assert_eq!(
                encoding.compare(other.as_bytes(), &digest),
                Presented::Different
            );
            assert_eq!(encoding.compare(b"", &digest), Presented::Malformed);
            assert_eq!(
                encoding.compare("é".repeat(32).as_bytes(), &digest),
                Presented::Malformed
            );
            let cut = right.as_bytes().split_last().map(|(_, cut)| cut);
            assert_eq!(
                encoding.compare(cut.unwrap_or_default(), &digest),
                Presented::Malformed
            );
        }
        let upper = Encoding::Hex.write(&digest).to_uppercase();
        assert_eq!(
            Encoding::Hex.compare(upper.as_bytes(), &digest),
            Presented::Malformed
        );
    }
}
