//! Events: what they are called, what they mean, and the one form that they all take.
//!
//! [`Event`] is that form; `normalise` reads it from the body of any [`Source`], `render` writes it as the body of a provider
//! that is also sent for, `key` tells repeats and order.

mod model;
mod source;
mod types;

pub use self::{
    model::{Bounce, BounceKind, Campaign, Event, Lead, Opens, Reply, Sender, Tag},
    source::{Source, UnknownSource},
    types::EventType,
};

use alloc::string::String;
use core::fmt;
use serde::{Deserialize, Serialize};
use serde_json::Number;

/// What an event means, whatever its provider calls it.
///
/// Source: the table X of the provider behaviours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventKind {
    /// The mail was handed over by the sender's servers.
    Sent,
    /// The receiving server accepted the mail.
    Delivered,
    /// The mail was opened.
    Opened,
    /// A link in the mail was clicked.
    Clicked,
    /// The lead replied.
    Replied,
    /// The mail could not be delivered.
    Bounced,
    /// The mail could not be delivered yet; more attempts follow.
    Delayed,
    /// The mail was never sent.
    Failed,
    /// The mail was marked as spam.
    Complained,
    /// The lead opted out.
    Unsubscribed,
    /// The lead opted in again.
    Resubscribed,
    /// An inbound message arrived.
    Received,
    /// A campaign began to run.
    CampaignStarted,
    /// All leads went through all steps.
    CampaignCompleted,
    /// A campaign was paused.
    CampaignPaused,
    /// A lead was added to a list.
    LeadCreated,
    /// The address of a lead was checked.
    LeadValidated,
    /// Anything else; never an error (R-X7).
    Other,
}

/// An identifier in a payload: a number with some providers, a string with others (R-X6). The type on the wire is kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Id {
    /// As a JSON number.
    Number(Number),
    /// As a JSON string.
    Text(String),
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

/// Declares the event types of a provider as an open set: those it documents, and any other by its name.
macro_rules! event_types {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $kind:ident;)*) => {
        $crate::event::event_types! {
            /// Event types of the provider, an open set.
            ; $($(#[$doc])* $variant = $name, $kind;)*
        }
    };
    ($(#[$set_doc:meta])* ; $($(#[$doc:meta])* $variant:ident = $name:literal, $kind:ident;)*) => {
        $(#[$set_doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(from = "alloc::string::String", into = "alloc::string::String")]
        pub enum EventType {
            $($(#[$doc])* $variant,)*
            /// A type that is not documented, by its name.
            Other(alloc::string::String),
        }

        impl EventType {
            /// The documented types.
            pub const DOCUMENTED: &'static [&'static str] = &[$($name,)*];

            /// Its name on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Other(name) => name,
                }
            }

            /// The documented type with this meaning. `None` where there is none, and for [`EventKind::Other`], which is no
            /// meaning.
            ///
            /// [`EventKind::Other`]: $crate::event::EventKind::Other
            pub fn with_kind(kind: $crate::event::EventKind) -> Option<Self> {
                [$(Self::$variant,)*]
                    .into_iter()
                    .find(|known| known.kind() == kind && kind != $crate::event::EventKind::Other)
            }

            /// What it means.
            pub const fn kind(&self) -> $crate::event::EventKind {
                match self {
                    $(Self::$variant => $crate::event::EventKind::$kind,)*
                    Self::Other(_) => $crate::event::EventKind::Other,
                }
            }
        }

        impl From<alloc::string::String> for EventType {
            fn from(name: alloc::string::String) -> Self {
                match name.as_str() {
                    $($name => Self::$variant,)*
                    _ => Self::Other(name),
                }
            }
        }

        impl From<EventType> for alloc::string::String {
            fn from(event_type: EventType) -> Self {
                event_type.as_str().into()
            }
        }
    };
}
pub(crate) use event_types;
