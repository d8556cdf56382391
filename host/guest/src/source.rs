//! Whose events an endpoint gets: a provider's, or ours about our own deliveries.

use crate::{
    message::{DeliveryPlan, EndpointRules, Match, Notify, Published, Rejection, SignaturePlan},
    order::Keys,
};
use countersign_core::{
    delivery::DeliveryPolicy,
    operational,
    provider::{Provider, UnknownProvider},
    sample::PING,
    subscription::Scope,
    time::format_rfc3339_ms,
};

/// Whose events an endpoint gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// A provider's.
    Provider(Provider),
    /// Ours, about our own deliveries.
    Operational,
}

impl Source {
    /// The source of this name.
    pub(crate) fn named(name: &str) -> Result<Self, UnknownProvider> {
        match name {
            operational::SOURCE => Ok(Self::Operational),
            name => Provider::named(name).map(Self::Provider),
        }
    }

    /// How its attempts are judged, unless an owner sets it differently.
    pub(crate) fn policy(self) -> &'static DeliveryPolicy {
        match self {
            Self::Provider(provider) => provider.policy(),
            Self::Operational => &operational::POLICY,
        }
    }
}

/// What an endpoint of this source gets.
pub(crate) fn rules(
    events: Option<&serde_json::Value>,
    scope: Option<&serde_json::Value>,
) -> Result<EndpointRules, Rejection> {
    if scope.is_some_and(|scope| !scope.is_null()) {
        return Err(Rejection {
            field: "scope".to_owned(),
            code: "scope_invalid".to_owned(),
            message: "these events have no scopes; leave `scope` out".to_owned(),
        });
    }
    let subscription = operational::subscription(events).map_err(|error| Rejection {
        field: "events".to_owned(),
        code: match error.unknown.is_empty() {
            true => "subscription_invalid".to_owned(),
            false => "unknown_event_type".to_owned(),
        },
        message: error.to_string(),
    })?;
    Ok(EndpointRules {
        subscription,
        scope: Scope::User,
    })
}

/// How its deliveries are made.
pub(crate) fn plan() -> DeliveryPlan {
    DeliveryPlan {
        timeout_ms: operational::POLICY.timeout_ms,
        content_type: "application/json".to_owned(),
        signatures: vec![SignaturePlan {
            scheme: "standard-webhooks".to_owned(),
            options: Vec::new(),
        }],
        always_signed: true,
        id_headers: vec!["webhook-id".to_owned()],
    }
}

/// What would be sent now: the bare shape of its type, or of a ping.
pub(crate) fn sample(event_type: Option<&str>, at_ms: i64) -> Result<Vec<u8>, Rejection> {
    let event_type = event_type.unwrap_or(PING);
    if event_type != PING && !operational::EVENT_TYPES.contains(&event_type) {
        let known = operational::EVENT_TYPES.join(", ");
        let message = format!("these events have no type {event_type}; known are: {known}");
        return Err(Rejection::unknown_sample(message));
    }
    let timestamp = format_rfc3339_ms(at_ms);
    let event = serde_json::json!({ "type": event_type, "timestamp": timestamp, "data": {} });
    Ok(event.to_string().into_bytes())
}

/// Who is told, with which bytes.
pub(crate) fn notified(notify: &Notify) -> Published {
    let event_type = operational::event_type(notify.notice);
    let body = operational::render(notify.notice, &notify.about);
    let mut keys = Keys::new(None, &body);
    let matches = notify
        .endpoints
        .iter()
        .zip(0..)
        .filter(|(target, _)| target.rules.subscription.wants(event_type))
        .map(|(target, endpoint)| Match {
            endpoint,
            held: !target.state.is_active(),
            order_key: keys.key(&target.ordering),
        })
        .collect();
    Published {
        event_type: event_type.to_owned(),
        body,
        matches,
    }
}
