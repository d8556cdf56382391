//! `/v1/keys`

use crate::Time;
use serde::{Deserialize, Serialize};

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
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

/// A key of the API, without its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Key {
    /// Names the key; it is not the key.
    pub id: String,
    /// Where it works; `*` in every workspace.
    pub workspace: String,
    /// What it is for.
    pub role: Role,
    /// For people.
    pub name: Option<String>,
    /// When it was made.
    pub created_at: Time,
    /// From then on it is refused.
    pub expires_at: Option<Time>,
}

/// A new key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MadeKey {
    /// What is shown of it later.
    #[serde(flatten)]
    pub shown: Key,
    /// The key itself. This is the only time that it is shown.
    pub key: String,
}

/// A page of keys, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Keys {
    /// The entries.
    pub keys: Vec<Key>,
    /// The `after` of the next page; null on the last one.
    pub next: Option<String>,
}

/// A key to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateKey {
    /// What it is for.
    pub role: Role,
    /// Where it works: the name of a workspace, or `*` for every one of them. Left out: the workspace of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<String>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// From then on it is refused. Left out: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
}
