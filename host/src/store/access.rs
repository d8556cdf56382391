//! Who may do what, and where: values.

use super::record::words;
use crate::ids::{ApiKeyId, WorkspaceId};
use std::fmt;
use subtle::ConstantTimeEq;

/// Endpoints, messages and keys that are apart from those of other workspaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    pub id: WorkspaceId,
    /// The same for providers whose accounts are numbers; given by the store, from 1.
    pub number: u32,
    pub name: Option<String>,
    pub created_at_ms: u64,
}

/// A key of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    pub id: ApiKeyId,
    /// Where it works; `None` in every workspace.
    pub workspace: Option<WorkspaceId>,
    pub role: Role,
    pub name: Option<String>,
    pub digest: KeyDigest,
    pub created_at_ms: u64,
    /// From then on it is refused.
    pub expires_at_ms: Option<u64>,
}

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Everything, keys included.
    Admin,
    /// Everything but keys and workspaces.
    Manage,
    /// Publishing, and nothing else.
    Publish,
    /// Looking, and nothing else.
    Read,
}

words!(Role:
    Role::Admin = "admin", Role::Manage = "manage", Role::Publish = "publish", Role::Read = "read");

/// What a request needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    Read,
    Publish,
    Manage,
    Administer,
}

impl Role {
    /// Whether it includes what a request needs.
    pub const fn includes(self, needed: Permission) -> bool {
        match (self, needed) {
            (Self::Admin, _)
            | (Self::Manage, Permission::Read | Permission::Publish | Permission::Manage)
            | (Self::Publish, Permission::Publish)
            | (Self::Read, Permission::Read) => true,
            (Self::Manage, Permission::Administer) | (Self::Publish, _) | (Self::Read, _) => false,
        }
    }
}

/// The SHA-256 of a key's text. Compared in constant time, and never printed.
#[derive(Clone, Copy)]
pub struct KeyDigest(pub [u8; 32]);

impl PartialEq for KeyDigest {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for KeyDigest {}

impl fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyDigest(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Word;

    #[test]
    fn a_role_includes_what_its_name_says_and_no_more() {
        use Permission::{Administer, Manage, Publish, Read};
        for role in Role::ALL.iter().copied() {
            let includes = [Read, Publish, Manage, Administer].map(|needed| role.includes(needed));
            let expected = match role {
                Role::Admin => [true; 4],
                Role::Manage => [true, true, true, false],
                Role::Publish => [false, true, false, false],
                Role::Read => [true, false, false, false],
            };
            assert_eq!(includes, expected, "{}", role.word());
        }
    }
}
