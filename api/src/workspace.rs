//! `/v1/workspaces`

use crate::{Time, nullable};
use serde::{Deserialize, Serialize};

/// Endpoints, messages and keys that are apart from those of other workspaces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Workspace {
    /// The name that its owner chose.
    pub id: String,
    /// The same for providers whose accounts are numbers.
    pub number: u32,
    /// For people.
    pub name: Option<String>,
    /// When it was made.
    pub created_at: Time,
}

/// A page of workspaces, by id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Workspaces {
    /// The entries.
    pub workspaces: Vec<Workspace>,
    /// The `after` of the next page; null on the last one.
    pub next: Option<String>,
}

/// A workspace to be made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateWorkspace {
    /// 1 to 63 of the characters a-z, 0-9, _ and -, the first a letter or digit.
    #[cfg_attr(
        feature = "schema",
        schemars(regex(pattern = r"^[a-z0-9][a-z0-9_-]{0,62}$"))
    )]
    pub id: String,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Another name for a workspace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RenameWorkspace {
    /// For people; null takes it away.
    #[serde(
        default,
        deserialize_with = "nullable",
        skip_serializing_if = "Option::is_none"
    )]
    pub name: Option<Option<String>>,
}
