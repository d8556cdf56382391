//! Lists of byte strings as one byte string; the layout is in the crate's documentation.

use alloc::vec::Vec;
use core::slice;

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

/// A frame that has been found whole. Reading it takes no memory of its own, since every verification reads one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    lengths: &'a [[u8; WORD_BYTES]],
    bytes: &'a [u8],
}

/// The parts of a frame. `None` when the bytes are not exactly one frame.
pub fn read(frame: &[u8]) -> Option<Frame<'_>> {
    let (count, rest) = frame.split_first_chunk::<WORD_BYTES>()?;
    let count = u32::from_le_bytes(*count) as usize;
    if count > PARTS_MAX {
        return None;
    }
    let (lengths, bytes) = rest.split_at_checked(count.checked_mul(WORD_BYTES)?)?;
    let (lengths, _) = lengths.as_chunks();
    let mut needed = 0_usize;
    for length in lengths.iter().filter_map(present) {
        needed = needed.checked_add(length)?;
    }
    (needed == bytes.len()).then_some(Frame { lengths, bytes })
}

/// The length of a part that is there.
fn present(length: &[u8; WORD_BYTES]) -> Option<usize> {
    match u32::from_le_bytes(*length) {
        ABSENT => None,
        length => Some(length as usize),
    }
}

impl<'a> Frame<'a> {
    /// How many parts there are.
    pub const fn len(&self) -> usize {
        self.lengths.len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }

    /// Every part; `None` is an absent one.
    pub fn iter(&self) -> Parts<'a> {
        Parts {
            lengths: self.lengths.iter(),
            rest: self.bytes,
        }
    }

    /// One part, where it is there.
    pub fn get(&self, place: usize) -> Option<&'a [u8]> {
        self.iter().nth(place).flatten()
    }
}

impl<'a> IntoIterator for Frame<'a> {
    type Item = Option<&'a [u8]>;
    type IntoIter = Parts<'a>;

    fn into_iter(self) -> Parts<'a> {
        self.iter()
    }
}

/// The parts of a frame, one after the other.
#[derive(Debug, Clone)]
pub struct Parts<'a> {
    lengths: slice::Iter<'a, [u8; WORD_BYTES]>,
    rest: &'a [u8],
}

impl<'a> Iterator for Parts<'a> {
    type Item = Option<&'a [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        let Some(length) = present(self.lengths.next()?) else {
            return Some(None);
        };
        let (part, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(Some(part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let parts = [Some(b"one".as_slice()), None, Some(b""), Some(&[0xff; 300])];
        let frame = write(&parts);
        let frame = read(&frame).unwrap();
        assert_eq!(frame.iter().collect::<Vec<_>>(), parts);
        for (place, part) in parts.into_iter().enumerate() {
            assert_eq!(frame.get(place), part);
        }
        assert_eq!((frame.get(4), frame.len()), (None, 4));
        assert!(read(&write::<&[u8]>(&[])).unwrap().is_empty());
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
