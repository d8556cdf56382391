//! SendGrid, inbound only: what it posts, not what we send. Source: the notes on the payloads in `tests/inbound/README.md`.

use super::{
    model::{Field, model, names},
    payload::{PayloadError, PayloadProblem, json},
};
use crate::event::{Id, event_types};
use alloc::{format, string::String, vec::Vec};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Most events in one body. SendGrid posts at most 768 KiB at once, which is some thousands of events.
pub const EVENTS_MAX: usize = 10_000;

event_types! {
    /// Taken for sending.
    Processed = "processed", Sent;
    /// Temporary trouble; more attempts follow.
    Deferred = "deferred", Delayed;
    /// The receiving server accepted it.
    Delivered = "delivered", Delivered;
    /// Refused: for good, or `blocked` for now.
    Bounce = "bounce", Bounced;
    /// Never sent.
    Dropped = "dropped", Failed;
    /// Opened.
    Open = "open", Opened;
    /// A link was clicked.
    Click = "click", Clicked;
    /// Marked as spam.
    SpamReport = "spamreport", Complained;
    /// Opted out of everything.
    Unsubscribe = "unsubscribe", Unsubscribed;
    /// Opted out of one group.
    GroupUnsubscribe = "group_unsubscribe", Unsubscribed;
    /// Opted in to a group again.
    GroupResubscribe = "group_resubscribe", Resubscribed;
}

names!(EventType);

/// Reads the body of a delivery: a list, also when there is one event. An object alone is read as a list of one.
///
/// # Errors
/// [`PayloadError`] with the JSON path, `[3].event`; [`PayloadProblem::TooMany`] beyond [`EVENTS_MAX`].
pub fn decode(body: &[u8]) -> Result<Vec<Payload>, PayloadError> {
    let read = |(element, at): (Value, usize)| read_at(element, at);
    elements(body)?.into_iter().zip(0..).map(read).collect()
}

/// The elements of a body.
pub(crate) fn elements(body: &[u8]) -> Result<Vec<Value>, PayloadError> {
    match json(body)? {
        Value::Array(elements) if elements.len() > EVENTS_MAX => Err(PayloadError::new(
            "",
            PayloadProblem::TooMany { max: EVENTS_MAX },
        )),
        Value::Array(elements) => Ok(elements),
        element @ Value::Object(_) => Ok(Vec::from([element])),
        _ => Err(PayloadError::wrong_type("", "expected a list of objects")),
    }
}

/// Reads one element.
pub(crate) fn read_at(element: Value, at: usize) -> Result<Payload, PayloadError> {
    Payload::read(element).map_err(|error| error.inside(&format!("[{at}]")))
}

/// `category`: a text, or a list of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Category {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl Field for Category {
    const EXPECTED: &'static str = "a string or a list of strings";

    fn fits(value: &Value) -> bool {
        value.is_string() || <Vec<String> as Field>::fits(value)
    }

    fn read(value: Value) -> Result<Self, PayloadError> {
        match value {
            Value::String(one) => Ok(Self::One(one)),
            many => Field::read(many).map(Self::Many),
        }
    }
}

model! {
    /// One event. Own arguments lie flat beside the documented fields, in `other`.
    pub struct Payload {
        /// Address of the recipient.
        email: String,
        /// When it happened, unix seconds.
        timestamp: Id,
        /// Event type.
        required event: EventType,
        /// `Message-ID` of the mail, with angle brackets.
        smtp_id = "smtp-id": String,
        /// Id of the event.
        sg_event_id: String,
        /// Id of the mail; up to the first full stop it is the `X-Message-Id` of the call that sent it.
        sg_message_id: String,
        /// Own labels.
        category: Category,
        /// Answer of the receiving server.
        response: String,
        /// Attempts so far; a text in the documents.
        attempt: Id,
        /// Why it was refused or dropped.
        reason: String,
        /// Enhanced status code, `5.1.1`.
        status: String,
        /// Of a bounce: `bounce` or `blocked`.
        kind = "type": String,
        /// Of a bounce, as `Invalid Address`.
        bounce_classification: String,
        /// Receiving domain.
        domain: String,
        /// Address of the sending server, or of whoever opened or clicked.
        ip: String,
        /// 1 when it went over TLS.
        tls: u64,
        /// Where the clicked link leads; of group events, the address of the page.
        url: String,
        /// Which link it was.
        url_offset: UrlOffset,
        /// Browser of whoever opened or clicked.
        useragent: String,
        /// Opened by a machine.
        sg_machine_open: bool,
        /// `html` or `text`.
        sg_content_type: String,
        /// The group opted out of.
        asm_group_id: Id,
        /// When it is to be sent, unix seconds.
        send_at: Id,
        /// The pool of sending addresses.
        pool: Pool,
        /// Newsletter fields of older accounts.
        newsletter: Map<String, Value>,
        /// Marketing campaign.
        marketing_campaign_id: Id,
        /// Name of the marketing campaign.
        marketing_campaign_name: String,
        /// Version of the marketing campaign.
        marketing_campaign_version: Id,
        /// Split of the marketing campaign.
        marketing_campaign_split_id: Id,
        /// Single send.
        singlesend_id: Id,
        /// Name of the single send.
        singlesend_name: String,
    }
}

model! {
    /// Which link of a mail was clicked.
    #[derive(Default)]
    pub struct UrlOffset {
        /// Place among the links, from 0.
        index: u64,
        /// `html` or `text`.
        kind = "type": String,
    }
}

model! {
    /// A pool of sending addresses.
    #[derive(Default)]
    pub struct Pool {
        /// Its id.
        id: Id,
        /// Its name.
        name: String,
    }
}
