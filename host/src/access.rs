//! Workspaces and the keys of the API, in memory: a request is let in without a look into the store.

mod keys;
mod workspaces;

pub(crate) use self::keys::digest;
pub use self::{
    keys::{ApiKeyError, KEYS_MAX, Keys, NewKey, create_key, revoke_key},
    workspaces::{WORKSPACES_MAX, WorkspaceError, Workspaces, create_workspace, rename_workspace},
};

/// Longest name of a workspace or key, in bytes.
pub const NAME_BYTES_MAX: usize = 200;
