//! Lists of byte strings as one byte string; the layout is in the crate's documentation.

use alloc::vec::Vec;

/// Length that marks an absent part.
const ABSENT: u32 = u32::MAX;
/// Bytes of a count or a length.
const WORD_BYTES: usize = 4;
/// Parts that one frame may have. Bounds the work on a frame that a broken caller wrote; secrets, headers and options
/// never come near.
const PARTS_MAX: usize = 1024;

/// The bytes of a frame.
pub fn write<P: AsRef<[u8]>>(parts: &[Option<P>]) -> Vec<u8> {
    let parts: Vec<_> = parts
        .iter()
        .map(|part| part.as_ref().map(AsRef::as_ref))
        .collect();
    written(&parts)
}

/// Apart, so that it is compiled once.
fn written(parts: &[Option<&[u8]>]) -> Vec<u8> {
    let mut frame = Vec::new();
    push_number(&mut frame, parts.len());
    for part in parts {
        match part {
            Some(part) => push_number(&mut frame, part.len()),
            None => frame.extend(ABSENT.to_le_bytes()),
        }
    }
    for part in parts.iter().flatten() {
        frame.extend_from_slice(part);
    }
    frame
}

fn push_number(frame: &mut Vec<u8>, number: usize) {
    frame.extend(u32::try_from(number).unwrap_or(ABSENT).to_le_bytes());
}

/// The parts of a frame. `None` when the bytes are not exactly one frame.
pub fn read(frame: &[u8]) -> Option<Vec<Option<&[u8]>>> {
    let (count, mut rest) = split_number(frame)?;
    if count > PARTS_MAX {
        return None;
    }
    let lengths_bytes = count.checked_mul(WORD_BYTES)?;
    let mut lengths = rest.get(..lengths_bytes)?;
    rest = rest.get(lengths_bytes..)?;
    let mut parts = Vec::with_capacity(count);
    while !lengths.is_empty() {
        let (length, further) = split_number(lengths)?;
        lengths = further;
        if length == ABSENT as usize {
            parts.push(None);
            continue;
        }
        parts.push(Some(rest.get(..length)?));
        rest = rest.get(length..)?;
    }
    rest.is_empty().then_some(parts)
}

fn split_number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (word, rest) = bytes.split_first_chunk::<WORD_BYTES>()?;
    Some((u32::from_le_bytes(*word) as usize, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let parts = [Some(b"one".as_slice()), None, Some(b""), Some(&[0xff; 300])];
        assert_eq!(read(&write(&parts)).as_deref(), Some(parts.as_slice()));
        assert_eq!(read(&write::<&[u8]>(&[])), Some(Vec::new()));
    }

    #[test]
    fn anything_else_is_refused() {
        let whole = write(&[Some(b"one"), None, Some(b"two")]);
        for cut in 0..whole.len() {
            assert_eq!(read(&whole[..cut]), None, "cut to {cut} bytes");
        }
        let mut longer = whole.clone();
        longer.push(0);
        assert_eq!(read(&longer), None);
        assert_eq!(read(&[0xff; 64]), None);
        assert_eq!(read(&2_000u32.to_le_bytes()), None);
    }
}
