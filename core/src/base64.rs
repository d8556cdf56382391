//! Base64 in its three spellings over one codec of `base64ct`: each of that crate's encodings would be compiled on its own,
//! and costs as much as a hash in wasm.

use alloc::{string::String, vec::Vec};
use base64ct::{Base64Unpadded, Encoding};
use zeroize::Zeroizing;

/// Digits that are decoded at a time; the crate takes four as one block.
const BLOCK: usize = 4;
/// Padding characters that a text may end in.
const PADDING_MAX: usize = 2;

/// Standard base64 with padding. Empty when `buffer` is too small.
pub(crate) fn encode<'a>(bytes: &[u8], buffer: &'a mut [u8]) -> &'a [u8] {
    let Ok(unpadded) = Base64Unpadded::encode(bytes, buffer) else {
        return b"";
    };
    let digits = unpadded.len();
    let len = digits.next_multiple_of(BLOCK);
    let Some(padding) = buffer.get_mut(digits..len) else {
        return b"";
    };
    padding.fill(b'=');
    buffer.get(..len).unwrap_or_default()
}

/// Base64 with the alphabet for addresses, without padding. Empty when `buffer` is too small.
pub(crate) fn encode_url<'a>(bytes: &[u8], buffer: &'a mut [u8]) -> &'a [u8] {
    let digits = match Base64Unpadded::encode(bytes, buffer) {
        Ok(unpadded) => unpadded.len(),
        Err(_) => 0,
    };
    let text = buffer.get_mut(..digits).unwrap_or_default();
    for digit in text.iter_mut() {
        // Without a branch: the digest is not public yet.
        *digit = swapped(swapped(*digit, b'+', b'-'), b'/', b'_');
    }
    text
}

/// Standard base64 with padding, as text.
pub(crate) fn encode_string(bytes: &[u8]) -> String {
    let room = bytes.len().div_ceil(3).saturating_mul(BLOCK);
    let mut buffer = Zeroizing::new(alloc::vec![0; room]);
    let text = encode(bytes, &mut buffer);
    String::from(core::str::from_utf8(text).unwrap_or_default())
}

/// Standard base64 with padding.
pub(crate) fn decode(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    decode_unpadded(without_padding(text)?)
}

/// Standard base64, with padding or without.
pub(crate) fn decode_either(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    match text.ends_with(b"=") {
        true => decode(text),
        false => decode_unpadded(text),
    }
}

/// Base64 with the alphabet for addresses, without padding.
#[cfg(any(feature = "ed25519", feature = "p256"))]
pub(crate) fn decode_url(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut standard = Zeroizing::new(text.to_vec());
    for digit in standard.iter_mut() {
        *digit = match *digit {
            b'-' => b'+',
            b'_' => b'/',
            b'+' | b'/' => return None,
            other => other,
        };
    }
    decode_unpadded(&standard)
}

fn decode_unpadded(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(alloc::vec![0; text.len()]);
    let len = Base64Unpadded::decode(text, &mut bytes).ok()?.len();
    bytes.truncate(len);
    Some(bytes)
}

/// The digits of a padded text. `None` when its length is not that of one.
fn without_padding(text: &[u8]) -> Option<&[u8]> {
    let mut digits = text;
    for _ in 0..PADDING_MAX {
        digits = digits.strip_suffix(b"=").unwrap_or(digits);
    }
    let is_whole = digits.len().next_multiple_of(BLOCK) == text.len();
    is_whole.then_some(digits)
}

/// `to` in place of `from`, and any other digit as it is.
fn swapped(digit: u8, from: u8, to: u8) -> u8 {
    use subtle::{ConditionallySelectable, ConstantTimeEq};
    u8::conditional_select(&digit, &to, digit.ct_eq(&from))
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64ct::{Base64, Base64UrlUnpadded};

    fn samples() -> impl Iterator<Item = Vec<u8>> {
        (0..70_u8).map(|len| {
            (0..len)
                .map(|i| i.wrapping_mul(199).wrapping_add(len))
                .collect()
        })
    }

    #[test]
    fn every_spelling_is_written_as_the_crate_writes_it() {
        for bytes in samples() {
            let mut buffer = [0; 100];
            assert_eq!(
                encode(&bytes, &mut buffer),
                Base64::encode_string(&bytes).as_bytes()
            );
            assert_eq!(encode_string(&bytes), Base64::encode_string(&bytes));
            let url = Base64UrlUnpadded::encode_string(&bytes);
            assert_eq!(encode_url(&bytes, &mut buffer), url.as_bytes());
        }
        assert_eq!(encode(&[0xfb, 0xff], &mut [0; 4]), b"+/8=");
        assert_eq!(encode_url(&[0xfb, 0xff], &mut [0; 4]), b"-_8");
        assert_eq!(encode(&[1, 2], &mut [0; 3]), b"");
        assert_eq!(encode_url(&[1, 2], &mut [0; 2]), b"");
    }

    #[test]
    fn every_text_is_read_as_the_crate_reads_it() {
        let alphabet = b"AB9+/-_=. \n";
        let mut texts: Vec<Vec<u8>> = Vec::from([Vec::new()]);
        let mut judged = 0;
        for _ in 0..5 {
            let longer = texts.iter().flat_map(|text| {
                alphabet
                    .iter()
                    .map(move |last| [text.as_slice(), &[*last]].concat())
            });
            texts = longer.collect();
            for text in &texts {
                let string = core::str::from_utf8(text).unwrap();
                let of = |read: Option<Zeroizing<Vec<u8>>>| read.map(|bytes| bytes.to_vec());
                assert_eq!(
                    of(decode(text)),
                    Base64::decode_vec(string).ok(),
                    "{string}"
                );
                let unpadded = Base64Unpadded::decode_vec(string).ok();
                assert_eq!(of(decode_unpadded(text)), unpadded, "{string}");
                #[cfg(any(feature = "ed25519", feature = "p256"))]
                assert_eq!(
                    of(decode_url(text)),
                    Base64UrlUnpadded::decode_vec(string).ok(),
                    "{string}"
                );
                judged += 1;
            }
        }
        assert!(judged > 100_000);
        for bytes in samples() {
            let text = encode_string(&bytes);
            assert_eq!(
                decode(text.as_bytes()).map(|read| read.to_vec()),
                Some(bytes)
            );
        }
    }
}
