//! The normalised event.

use super::{EventType, Source};
use crate::time;
use alloc::{
    borrow::{Cow, ToOwned},
    format,
    string::String,
    vec::Vec,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// An event of any source, in one form.
///
/// Ids are strings whatever they were on the wire (R-X6). A field that the source does not know is `None` or empty, and left
/// out of the JSON form. What has no field here is still in [`original`](Self::original).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Event {
    /// What happened (N2).
    #[serde(rename = "type")]
    pub event_type: EventType,
    /// Whose event it is.
    pub provider: Source,
    /// The source's own name of the event, as on the wire.
    pub provider_event: String,
    /// Id of the event, where the source gives one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub event_id: Option<String>,
    /// Where the source gives one, the id that repeats of this event share: a header or an id in the body (N6, R-S3, R-P10,
    /// E35). `key` makes one for every event.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub dedupe: Option<String>,
    /// When it happened, in its effective sense (R-S4): RFC 3339 in UTC with milliseconds, so that texts sort as the moments
    /// do. `None` when the source says nothing that can be read.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub occurred_at: Option<String>,
    /// Whether [`occurred_at`](Self::occurred_at) was put there by the receiver, from the time of receipt (R-P9). Reading never
    /// sets it.
    #[serde(skip_serializing_if = "is_false", default)]
    pub occurred_at_inferred: bool,
    /// The account that it belongs to (Cleanmails' `workspace_id`).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub workspace_id: Option<String>,
    /// The mail that it is about, in the source's own terms (N3).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub email_id: Option<String>,
    /// `Message-ID` of that mail, without angle brackets (R-S20).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub message_id: Option<String>,
    /// The conversation.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub thread_id: Option<String>,
    /// Subject line of the mail.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub subject: Option<String>,
    /// Addresses of the recipients (N4). Sources that name a lead have its address in [`lead`](Self::lead).
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub recipients: Vec<String>,
    /// The lead.
    #[serde(skip_serializing_if = "Lead::is_empty", default)]
    pub lead: Lead,
    /// The campaign.
    #[serde(skip_serializing_if = "Campaign::is_empty", default)]
    pub campaign: Campaign,
    /// The sending account; of an inbound message, whoever sent it.
    #[serde(skip_serializing_if = "Sender::is_empty", default)]
    pub sender: Sender,
    /// Step of the sequence.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub step: Option<u64>,
    /// Why the mail did not arrive: of bounces, delays and failures.
    #[serde(skip_serializing_if = "Bounce::is_empty", default)]
    pub bounce: Bounce,
    /// Where the clicked link leads, untouched.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub url: Option<String>,
    /// The reply.
    #[serde(skip_serializing_if = "Reply::is_empty", default)]
    pub reply: Reply,
    /// Opens so far.
    #[serde(skip_serializing_if = "Opens::is_empty", default)]
    pub opens: Opens,
    /// Browser of whoever opened or clicked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub user_agent: Option<String>,
    /// Country of whoever opened or clicked, as the source writes it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub country: Option<String>,
    /// Whether the lead is excluded from all future campaigns (E23).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub suppressed_globally: Option<bool>,
    /// Labels that the sender gave the mail.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub tags: Vec<Tag>,
    /// The JSON value as it arrived: the body, or the element of SendGrid's list.
    pub original: Value,
}

/// Declares a part of an event: all of it optional, empty parts left out of the JSON form.
macro_rules! part {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
        #[serde(default)]
        #[non_exhaustive]
        pub struct $name {
            $($(#[$doc])* #[serde(skip_serializing_if = "is_default")] pub $field: $type,)*
        }

        impl $name {
            /// Whether nothing is known of it.
            pub fn is_empty(&self) -> bool {
                self == &Self::default()
            }
        }
    };
}

part! {
    /// A lead.
    Lead {
        /// Its id.
        id: Option<String>,
        /// Its address.
        email: Option<String>,
        /// First name.
        first_name: Option<String>,
        /// Last name.
        last_name: Option<String>,
        /// Whole name, where the source gives one; see also [`name`](Self::name).
        full_name: Option<String>,
        /// Company.
        company: Option<String>,
        /// The account's own fields.
        custom_fields: Map<String, Value>,
    }
}

part! {
    /// A campaign.
    Campaign {
        /// Its id.
        id: Option<String>,
        /// Its name.
        name: Option<String>,
    }
}

part! {
    /// Who sent a mail.
    Sender {
        /// Id of the sending account.
        id: Option<String>,
        /// Address, without a name.
        address: Option<String>,
    }
}

part! {
    /// Why a mail did not arrive.
    Bounce {
        /// Of a bounce: for good or for now, where the source says so.
        kind: Option<BounceKind>,
        /// Code of the mail server, `550` or `5.1.1`.
        code: Option<String>,
        /// In words.
        reason: Option<String>,
    }
}

part! {
    /// A reply.
    Reply {
        /// Subject line.
        subject: Option<String>,
        /// Text; it may be cut.
        text: Option<String>,
        /// When it arrived: RFC 3339 in UTC with milliseconds.
        received_at: Option<String>,
        /// What the source makes of it: positive, neutral, negative, out_of_office or unsubscribe (E19).
        sentiment: Option<String>,
        /// `Message-ID`, without angle brackets (R-S20).
        message_id: Option<String>,
    }
}

part! {
    /// Opens so far.
    Opens {
        /// How many.
        count: Option<u64>,
        /// The first one: RFC 3339 in UTC with milliseconds.
        first_at: Option<String>,
        /// The last one: RFC 3339 in UTC with milliseconds.
        last_at: Option<String>,
    }
}

/// Kind of a bounce (E21).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BounceKind {
    /// For good: remove the address.
    Hard,
    /// For now.
    Soft,
}

/// A label, with a value where the source has labels with values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// The label.
    pub name: String,
    /// Its value.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub value: Option<String>,
}

impl Event {
    /// An event of which no more is known than what happened.
    pub fn new(
        provider: Source,
        event_type: EventType,
        provider_event: &str,
        original: Value,
    ) -> Self {
        Self {
            event_type,
            provider,
            provider_event: provider_event.to_owned(),
            event_id: None,
            dedupe: None,
            occurred_at: None,
            occurred_at_inferred: false,
            workspace_id: None,
            email_id: None,
            message_id: None,
            thread_id: None,
            subject: None,
            recipients: Vec::new(),
            lead: Lead::default(),
            campaign: Campaign::default(),
            sender: Sender::default(),
            step: None,
            bounce: Bounce::default(),
            url: None,
            reply: Reply::default(),
            opens: Opens::default(),
            user_agent: None,
            country: None,
            suppressed_globally: None,
            tags: Vec::new(),
            original,
        }
    }

    /// Whom it is about: the first recipient, else the lead's address.
    pub fn recipient(&self) -> Option<&str> {
        self.recipients
            .first()
            .or(self.lead.email.as_ref())
            .map(String::as_str)
    }

    /// [`occurred_at`](Self::occurred_at) as unix milliseconds.
    pub fn occurred_at_ms(&self) -> Option<i64> {
        self.occurred_at.as_deref().and_then(time::parse_rfc3339)
    }
}

impl Lead {
    /// Its whole name, else what is known of first and last name.
    pub fn name(&self) -> Option<Cow<'_, str>> {
        let known = |name: &&String| !name.is_empty();
        let first = self.first_name.as_ref().filter(known);
        let last = self.last_name.as_ref().filter(known);
        match (&self.full_name, first, last) {
            (Some(name), _, _) | (None, Some(name), None) | (None, None, Some(name)) => {
                Some(Cow::Borrowed(name))
            }
            (None, Some(first), Some(last)) => Some(Cow::Owned(format!("{first} {last}"))),
            (None, None, None) => None,
        }
    }
}

impl BounceKind {
    /// The kind of this name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "hard" => Some(Self::Hard),
            "soft" => Some(Self::Soft),
            _ => None,
        }
    }

    /// Its name, `hard` or `soft`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hard => "hard",
            Self::Soft => "soft",
        }
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    value == &T::default()
}

const fn is_false(value: &bool) -> bool {
    !*value
}
