//! Names of workspaces: short words that their owners choose.

use super::NotAnId;
use serde::{Serialize, Serializer};
use std::{
    borrow::Borrow,
    fmt,
    str::FromStr,
    sync::{Arc, LazyLock},
};

/// Names a workspace: a lower-case letter or digit, then up to 62 of `a-z`, `0-9`, `_` and `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkspaceId(Arc<str>);

/// Longest name.
const BYTES_MAX: usize = 63;

/// Kept once, because nearly every request names it.
static DEFAULT: LazyLock<WorkspaceId> = LazyLock::new(|| WorkspaceId(WorkspaceId::DEFAULT.into()));

impl WorkspaceId {
    /// The workspace that is always there.
    pub const DEFAULT: &str = "default";

    /// Reads a name; `None` when `text` can be none.
    pub fn parse(text: &str) -> Option<Self> {
        if text == Self::DEFAULT {
            return Some(Self::default());
        }
        let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let first = text.bytes().next().is_some_and(letter);
        let rest = text.bytes().all(|b| letter(b) || b == b'_' || b == b'-');
        (first && rest && text.len() <= BYTES_MAX).then(|| Self(text.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the one that is always there.
    pub fn is_default(&self) -> bool {
        &*self.0 == Self::DEFAULT
    }
}

impl Default for WorkspaceId {
    fn default() -> Self {
        DEFAULT.clone()
    }
}

impl Borrow<str> for WorkspaceId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl FromStr for WorkspaceId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        Self::parse(text).ok_or(NotAnId)
    }
}

impl Serialize for WorkspaceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl fmt::Display for WorkspaceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_short_lower_case_word() {
        let longest = "a".repeat(BYTES_MAX);
        for name in ["default", "a", "7", "acme-crm_2", &longest] {
            assert_eq!(WorkspaceId::parse(name).unwrap().as_str(), name);
        }
        let too_long = "a".repeat(BYTES_MAX + 1);
        for text in [
            "", "-a", "_a", "A", "a b", "a.b", "a/b", "\u{e9}", "*", &too_long,
        ] {
            assert_eq!(WorkspaceId::parse(text), None, "{text}");
        }
        assert!(WorkspaceId::default().is_default());
    }
}
