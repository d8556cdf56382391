//! Whose events can be read.

use alloc::{borrow::ToOwned, string::String};
use core::fmt;
use serde::{Deserialize, Serialize};

/// Whose events can be read: the providers that we also send for, and those that are inbound only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Source {
    /// Cleanmails.
    Cleanmails,
    /// SmartLead.
    Smartlead,
    /// SendEmAll.
    Sendemall,
    /// The platform whose documentation names no vendor: its outbound shape and its flat inbound one (P11, R-P2).
    Platform,
    /// Resend, inbound only.
    Resend,
    /// SendGrid, inbound only.
    Sendgrid,
    /// Mailgun, inbound only.
    Mailgun,
}

/// No source of this name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownSource {
    /// The name as given.
    pub name: String,
}

impl Source {
    /// Every source.
    pub const ALL: [Self; 7] = [
        Self::Cleanmails,
        Self::Smartlead,
        Self::Sendemall,
        Self::Platform,
        Self::Resend,
        Self::Sendgrid,
        Self::Mailgun,
    ];

    /// The source of this name.
    ///
    /// # Errors
    /// [`UnknownSource`], which names the known ones.
    pub fn named(name: &str) -> Result<Self, UnknownSource> {
        Self::ALL
            .into_iter()
            .find(|source| source.name() == name)
            .ok_or_else(|| UnknownSource {
                name: name.to_owned(),
            })
    }

    /// Its name, which is also the name of its signature scheme.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cleanmails => "cleanmails",
            Self::Smartlead => "smartlead",
            Self::Sendemall => "sendemall",
            Self::Platform => "platform",
            Self::Resend => "resend",
            Self::Sendgrid => "sendgrid",
            Self::Mailgun => "mailgun",
        }
    }
}

impl fmt::Display for UnknownSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no source of this name; known are:")?;
        Source::ALL
            .iter()
            .try_for_each(|source| write!(f, " {}", source.name()))
    }
}

impl core::error::Error for UnknownSource {}
