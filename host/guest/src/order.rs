//! The key of order of an event, as an endpoint wants it.

use crate::{body::Body, settings::Ordering};
use countersign_core::{
    key::{OrderScope, ordering_key},
    normalise::{NO_HEADERS, parse},
    provider::Provider,
};
use serde_json::Value;

/// The keys of one event, each made when an endpoint first asks for it.
pub(crate) struct Keys<'a> {
    provider: Option<Provider>,
    body: &'a Body<'a>,
    made: Vec<(Ordering, Option<String>)>,
}

impl<'a> Keys<'a> {
    /// Of an event with this body; one without a provider has neither lead nor campaign.
    pub(crate) const fn new(provider: Option<Provider>, body: &'a Body<'a>) -> Self {
        Self {
            provider,
            body,
            made: Vec::new(),
        }
    }

    /// The event's key; `None` when it waits for no other.
    pub(crate) fn key(&mut self, ordering: &Ordering) -> Option<String> {
        if *ordering == Ordering::None {
            return None;
        }
        if let Some((_, key)) = self.made.iter().find(|(known, _)| known == ordering) {
            return key.clone();
        }
        let key = match ordering {
            Ordering::None => None,
            Ordering::Lead => self.scoped(OrderScope::Lead),
            Ordering::Campaign => self.scoped(OrderScope::Campaign),
            Ordering::LeadInCampaign => self.scoped(OrderScope::LeadInCampaign),
            Ordering::Pointer(pointer) => self.at(pointer),
        };
        self.made.push((ordering.clone(), key.clone()));
        key
    }

    /// A body that was rendered here can be read; if it could not, its events would not wait.
    fn scoped(&self, scope: OrderScope) -> Option<String> {
        let events = parse(self.provider?.into(), &NO_HEADERS, self.body.bytes()).ok()?;
        events.first().map(|event| ordering_key(event, scope))
    }

    fn at(&self, pointer: &str) -> Option<String> {
        match self.body.value().pointer(pointer)? {
            Value::Null => None,
            // With the place, so that endpoints that change it do not mix keys.
            found => Some(format!("{pointer} {found}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_of_one_lead_share_a_key_and_others_do_not() {
        let body = |lead: u32, campaign: u32| {
            format!(
                r#"{{"event":"EMAIL_SENT","timestamp":"2026-01-02T03:04:05Z","campaign_id":{campaign},"lead_id":{lead}}}"#
            )
        };
        let key = |ordering: &Ordering, lead, campaign| {
            let body = body(lead, campaign);
            Keys::new(Some(Provider::Smartlead), &Body::new(body.as_bytes())).key(ordering)
        };
        let lead = Ordering::Lead;
        assert!(key(&lead, 1, 1).is_some());
        assert_eq!(key(&lead, 1, 1), key(&lead, 1, 2));
        assert_ne!(key(&lead, 1, 1), key(&lead, 2, 1));
        let campaign = Ordering::Campaign;
        assert_eq!(key(&campaign, 1, 1), key(&campaign, 2, 1));
        assert_ne!(key(&campaign, 1, 1), key(&campaign, 1, 2));
        let both = Ordering::LeadInCampaign;
        assert_ne!(key(&both, 1, 1), key(&both, 1, 2));
        assert_ne!(key(&both, 1, 1), key(&both, 2, 1));
        assert_eq!(key(&Ordering::None, 1, 1), None);
    }

    #[test]
    fn a_pointer_names_any_value_and_what_is_not_there_does_not_wait() {
        let body = Body::new(br#"{"a":{"b":[7,"x"]},"n":null}"#);
        let mut keys = Keys::new(None, &body);
        let mut at = |pointer: &str| keys.key(&Ordering::Pointer(pointer.to_owned()));
        assert_eq!(at("/a/b/0").as_deref(), Some("/a/b/0 7"));
        assert_eq!(at("/a/b/1").as_deref(), Some("/a/b/1 \"x\""));
        assert_eq!(at("/n"), None);
        assert_eq!(at("/missing"), None);
    }
}
