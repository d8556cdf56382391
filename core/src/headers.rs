//! Where a verifier finds the headers it reads.

use alloc::string::String;

/// A source of request headers.
///
/// Implemented for slices of name and value pairs in wire order. Implement it for the header map of your HTTP library:
/// return the *first* value under `name`, compared without regard to case (vector rule V1), or `None`.
pub trait Headers {
    /// The first value under `name` (given in lower case), if the request has one.
    fn header(&self, name: &str) -> Option<&[u8]>;
}

impl<N: AsRef<str>, V: AsRef<[u8]>> Headers for [(N, V)] {
    fn header(&self, name: &str) -> Option<&[u8]> {
        self.iter()
            .find(|(candidate, _)| candidate.as_ref().eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_ref())
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>> Headers for alloc::vec::Vec<(N, V)> {
    fn header(&self, name: &str) -> Option<&[u8]> {
        self.as_slice().header(name)
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>, const LEN: usize> Headers for [(N, V); LEN] {
    fn header(&self, name: &str) -> Option<&[u8]> {
        self.as_slice().header(name)
    }
}

/// A header that a signer asks the sender to set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Name in the spelling that the provider documents.
    pub name: String,
    /// Value, always printable ASCII.
    pub value: String,
}

/// `value` without blanks and tabs around it; `None` when nothing remains (vector rule V1).
pub(crate) fn trimmed(value: &[u8]) -> Option<&[u8]> {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = value.iter().position(|byte| !is_blank(byte))?;
    let end = value.iter().rposition(|byte| !is_blank(byte))?;
    value.get(start..=end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_value_counts_and_case_does_not() {
        let headers = [("X-A", "one"), ("x-a", "two")];
        assert_eq!(headers.header("x-a"), Some(b"one".as_slice()));
        assert_eq!(headers.header("x-b"), None);
    }

    #[test]
    fn blanks_around_a_value_are_dropped_and_a_blank_value_is_none() {
        assert_eq!(trimmed(b" \tv v\t "), Some(b"v v".as_slice()));
        assert_eq!(trimmed(b" \t "), None);
        assert_eq!(trimmed(b""), None);
    }
}
