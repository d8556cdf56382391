//! Sample events: what a provider would send if it happened now, for tests of endpoints and for the command line.
//!
//! A sample is one story (a campaign, a lead, a mail, what became of it) as a normalised [`Event`], rendered as any other is.
//! So it has all that a provider's body has a place for, and its types of ids.

mod story;

use crate::{
    event::{Event, EventKind, EventType, Id},
    provider::{Payload, Provider, cleanmails, platform, sendemall, smartlead},
    render::{RenderError, render},
    time,
};
use alloc::{
    borrow::ToOwned,
    format,
    string::{String, ToString},
};
use core::fmt;
use serde_json::{Map, Number, Value};

/// Type of the event that [`ping`] makes, in every provider's body (R-C5). No provider documents it, so nobody can subscribe
/// to it or publish it.
pub const PING: &str = "ping";

/// What a sample has that differs from one to the next.
#[derive(Debug, Clone, Copy)]
pub struct Occasion<'a> {
    /// Event id without a prefix, for the providers that send one.
    pub id: &'a str,
    /// When it happens, unix milliseconds. Bodies have it to the second, as all examples do.
    pub at_ms: i64,
    /// The workspace that Cleanmails names in its bodies.
    pub workspace_id: u64,
    /// The campaign, such as that of an endpoint which hears of no other (S20); `None`: one of the sample's own.
    pub campaign_id: Option<&'a str>,
}

/// A type of which there is no sample. The fault of whoever asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownSample {
    /// Whose event it should be.
    pub provider: Provider,
    /// The type as given.
    pub event_type: String,
}

impl fmt::Display for UnknownSample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} documents no event type {}; known are: {}",
            self.provider.name(),
            self.event_type,
            self.provider.event_types().join(", ")
        )
    }
}

impl core::error::Error for UnknownSample {}

/// A sample of an event type, in any spelling that the provider's documents use. [`Payload::encode`] gives the bytes.
///
/// ```
/// use countersign_core::{provider::Provider, sample::{Occasion, sample}};
///
/// let occasion = Occasion { id: "01J", at_ms: 1_767_323_045_000, workspace_id: 1, campaign_id: None };
/// let opened = sample(Provider::Platform, "open", occasion).unwrap();
/// assert_eq!(
///     opened.encode(),
///     br#"{"id":"evt_01J","type":"email.open","email_id":"msg_5f0c2a","recipient":"maya.lindqvist@example.com","timestamp":"2026-01-02T03:04:05Z"}"#
/// );
/// assert!(sample(Provider::Platform, "replied", occasion).unwrap_err().to_string().ends_with("email.unsubscribe"));
/// ```
///
/// # Errors
/// [`UnknownSample`], which names the known ones.
pub fn sample(
    provider: Provider,
    event_type: &str,
    occasion: Occasion<'_>,
) -> Result<Payload, UnknownSample> {
    let unknown = || UnknownSample {
        provider,
        event_type: event_type.to_owned(),
    };
    let name = provider.canonical_type(event_type).ok_or_else(unknown)?;
    let mut event = Event::new(
        provider.into(),
        EventType::from(kind(provider, name)),
        name,
        Value::Null,
    );
    story::tell(&mut event, provider, occasion);
    // A documented type can be written, and the story has all that bodies require; a test goes through all of them.
    render(&event, provider).map_err(|_: RenderError| unknown())
}

/// The body of a test ping (C19, R-C5): the provider's envelope with nothing in it, of the type [`PING`].
pub fn ping(provider: Provider, occasion: Occasion<'_>) -> Payload {
    let event = PING.to_owned();
    let timestamp = time::format_rfc3339(occasion.at_ms);
    let id = format!("evt_{}", occasion.id);
    let nothing = || Id::Number(Number::from(0_u8));
    match provider {
        Provider::Cleanmails => Payload::Cleanmails(cleanmails::Payload {
            event: event.into(),
            workspace_id: Id::Number(occasion.workspace_id.into()),
            timestamp,
            data: cleanmails::Data::default(),
            other: Map::new(),
        }),
        // Its receivers read all four of R-S8.
        Provider::Smartlead => Payload::Smartlead(smartlead::Payload {
            event: event.into(),
            timestamp,
            campaign_id: occasion
                .campaign_id
                .map_or_else(nothing, |id| story::id(provider, id)),
            campaign_name: None,
            lead_id: nothing(),
            email_account_id: None,
            sequence_number: None,
            opened_count: None,
            first_opened_at: None,
            last_opened_at: None,
            link: None,
            bounce_type: None,
            bounce_reason: None,
            email: None,
            reply: None,
            lead: None,
            other: Map::new(),
        }),
        Provider::Sendemall => Payload::Sendemall(sendemall::Payload {
            event: event.into(),
            id,
            timestamp,
            data: sendemall::Data::default(),
            other: Map::new(),
        }),
        Provider::Platform => Payload::Platform(platform::Payload {
            email_id: Id::Text(id.clone()),
            id: Some(Id::Text(id)),
            event: event.into(),
            recipient: None,
            timestamp: Some(timestamp),
            url: None,
            bounce_type: None,
            other: Map::new(),
        }),
    }
}

/// What a documented type means.
fn kind(provider: Provider, name: &str) -> EventKind {
    let name = name.to_string();
    match provider {
        Provider::Cleanmails => cleanmails::EventType::from(name).kind(),
        Provider::Smartlead => smartlead::EventType::from(name).kind(),
        Provider::Sendemall => sendemall::EventType::from(name).kind(),
        Provider::Platform => platform::EventType::from(name).kind(),
    }
}

#[cfg(test)]
mod tests;
