//! Events that other senders post here and that are passed on: what recognises their repeats, what may be filled in, and how
//! the events of senders that nobody knows are read.
//!
//! Verify first: nothing here looks at a signature.

mod own;
mod supply;

pub use self::{
    own::{Own, Place, Places, TYPE_BYTES_MAX},
    supply::{FIELDS, supply},
};

use crate::{
    event::{Event, Source},
    key::{KeyPolicy, idempotency_key},
};
#[cfg(feature = "every-scheme")]
use crate::{
    headers::{Headers, trimmed},
    signature::{
        Covers,
        scheme::{Part, Scheme},
        timestamp::TimestampPlace,
    },
};
use alloc::string::String;
#[cfg(feature = "every-scheme")]
use alloc::vec::Vec;
use serde_json::Value;

/// What all repeats of an inbound event share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Once {
    /// The key. It is as long as the fields in it.
    pub key: String,
    /// Whether it tells the event from all later ones. Without an id and a time of its own, the same may well happen again, and
    /// counts as a repeat only for as long as senders try again.
    pub is_lasting: bool,
}

/// What recognises an event that comes again (N6, R-P10). To be asked before anything is filled in.
pub fn once(event: &Event) -> Once {
    // There is a key of every event with this policy.
    let key = idempotency_key(event, KeyPolicy::Provider).unwrap_or_default();
    Once {
        key,
        is_lasting: event.dedupe.is_some() || event.occurred_at.is_some(),
    }
}

/// What a verified request has that may be used once, where the signature does not cover the body: with Mailgun its timestamp
/// and token, without which whoever has seen a request could put another event behind its signature. `None` with all other
/// schemes.
///
/// It is what was signed, as the verifier reads it: the same signature cannot be read as another text, neither by fields that
/// occur twice, nor by blanks, nor by moving the border between timestamp and token.
#[cfg(feature = "every-scheme")]
pub fn used_once(scheme: &str, body: &[u8]) -> Option<Vec<u8>> {
    let scheme = Scheme::named(scheme)?;
    let covers = scheme.covers();
    if covers.contains(Covers::BODY) || !covers.contains(Covers::ID) {
        return None;
    }
    let fields = scheme.carrier.fields(body, &scheme.header_names()).ok()?;
    let field = |name: &str| fields.header(name).and_then(trimmed);
    let mut signed = Vec::new();
    for part in scheme.content.iter() {
        signed.extend_from_slice(match part {
            Part::Id => field(scheme.id_header.as_deref()?)?,
            Part::Timestamp => match &scheme.timestamp.as_ref()?.place {
                TimestampPlace::Header(name) => field(name)?,
                _ => return None,
            },
            Part::Literal(text) => text.as_bytes(),
            _ => return None,
        });
    }
    Some(signed)
}

/// Whether an open or a click was caused by a machine, as far as the source says so (R-C13).
pub fn is_by_machine(event: &Event) -> bool {
    match event.provider {
        Source::Sendgrid => event.original.get("sg_machine_open") == Some(&Value::Bool(true)),
        Source::Mailgun => {
            let bot = event.original.pointer("/event-data/client-info/bot");
            bot.and_then(Value::as_str)
                .is_some_and(|name| !name.is_empty())
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
