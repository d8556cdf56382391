//! Bytes as structured input. Everything is read from the front, lengths before contents, so that what can be read can also
//! be written: the seeds are made of vectors that way.

use arbitrary::{Result, Unstructured};

/// Text after its length. What is no text ends before its first wrong byte.
pub fn text<'a>(input: &mut Unstructured<'a>) -> Result<&'a str> {
    let bytes = bytes(input)?;
    Ok(match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
    })
}

/// Bytes after their length, as many of them as there are.
pub fn bytes<'a>(input: &mut Unstructured<'a>) -> Result<&'a [u8]> {
    let len: u16 = input.arbitrary()?;
    input.bytes(usize::from(len).min(input.len()))
}

/// A short list after its count, from 0 to `max`.
pub fn list<'a, T>(
    input: &mut Unstructured<'a>,
    max: u8,
    mut item: impl FnMut(&mut Unstructured<'a>) -> Result<T>,
) -> Result<Vec<T>> {
    let count: u8 = input.arbitrary()?;
    (0..count.min(max)).map(|_| item(input)).collect()
}

/// The reverse of [`text`] and [`bytes`].
pub fn write_bytes(seed: &mut Vec<u8>, bytes: &[u8]) {
    let len = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    seed.extend(len.to_le_bytes());
    seed.extend_from_slice(&bytes[..usize::from(len)]);
}
