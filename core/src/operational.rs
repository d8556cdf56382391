//! Events about our own deliveries, for endpoints that subscribe to them: a source beside the providers.
//!
//! They have the shape and the signature of [`standard`](crate::standard) ones. What happens to their own
//! deliveries makes no further events, so that one receiver that is down cannot set off an avalanche.

use crate::{
    delivery::{
        AutoPause, DeadLetterReason, DeliveryPolicy, EndpointHealth, FailureKind, Notice, Outcome,
        PauseReason,
    },
    retry::{RetrySchedule, SECOND_MS},
    standard::Envelope,
    subscription::Subscription,
};
use alloc::{borrow::ToOwned, string::String, vec::Vec};
use core::fmt;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What an endpoint names as its provider to get these events.
pub const SOURCE: &str = "countersign";

/// The event types.
pub const EVENT_TYPES: [&str; 4] = [
    "endpoint.warning",
    "endpoint.paused",
    "endpoint.recovered",
    "delivery.exhausted",
];

/// How they are delivered: as the Standard Webhooks guidance has it, and never paused for failures, since nobody would be
/// told of it. A 410 pauses in any case.
pub static POLICY: DeliveryPolicy = DeliveryPolicy::new(
    RetrySchedule::STANDARD_WEBHOOKS,
    10 * SECOND_MS,
    AutoPause::Never,
);

/// What an event is about, beside its notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// When it happened, RFC 3339 in UTC.
    pub timestamp: String,
    /// The endpoint's id, name and provider. Not its address, which may carry a token.
    pub endpoint_id: String,
    /// See `endpoint_id`.
    pub endpoint_name: Option<String>,
    /// See `endpoint_id`.
    pub provider: String,
    /// Its health after the attempt.
    pub health: EndpointHealth,
    /// The delivery that the attempt was made for.
    pub delivery_id: String,
    /// Its message.
    pub message_id: String,
    /// Attempts of the delivery, over all rounds.
    pub attempts: u32,
    /// How the last one ended.
    pub outcome: Outcome,
}

/// A subscription that cannot be read. The fault of whoever creates the endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionInvalid {
    /// Names that are no events; empty when it is no list of names.
    pub unknown: Vec<String>,
}

impl fmt::Display for SubscriptionInvalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.unknown.is_empty() {
            write!(
                f,
                "{SOURCE} has no event type {}; ",
                self.unknown.join(", ")
            )?;
        }
        write!(
            f,
            "give a list with some of {}; leave it out for all of them",
            EVENT_TYPES.join(", ")
        )
    }
}

impl core::error::Error for SubscriptionInvalid {}

/// Reads a subscription: a list of event types. An empty one, `["*"]` or nothing at all means all.
///
/// # Errors
/// [`SubscriptionInvalid`]; unknown names are refused, not skipped.
pub fn subscription(value: Option<&Value>) -> Result<Subscription, SubscriptionInvalid> {
    let names: Vec<&str> = match value {
        None | Some(Value::Null) => return Ok(Subscription::All),
        Some(Value::Array(names)) => {
            let names: Option<Vec<_>> = names.iter().map(Value::as_str).collect();
            names.ok_or(SubscriptionInvalid {
                unknown: Vec::new(),
            })?
        }
        Some(_) => {
            return Err(SubscriptionInvalid {
                unknown: Vec::new(),
            });
        }
    };
    if names.is_empty() || names == ["*"] {
        return Ok(Subscription::All);
    }
    let (known, unknown): (Vec<&str>, Vec<&str>) =
        names.iter().partition(|name| EVENT_TYPES.contains(name));
    match unknown.is_empty() {
        true => Ok(Subscription::Only(
            EVENT_TYPES
                .into_iter()
                .filter(|name| known.contains(name))
                .map(ToOwned::to_owned)
                .collect(),
        )),
        false => Err(SubscriptionInvalid {
            unknown: unknown.into_iter().map(ToOwned::to_owned).collect(),
        }),
    }
}

/// The event type of a notice.
pub const fn event_type(notice: Notice) -> &'static str {
    match notice {
        Notice::Warning { .. } => "endpoint.warning",
        Notice::Paused(_) => "endpoint.paused",
        Notice::Recovered => "endpoint.recovered",
        Notice::Exhausted(_) => "delivery.exhausted",
    }
}

#[derive(Serialize)]
struct Data<'a> {
    endpoint: Endpoint<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    percent: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    failed_in_a_row: u32,
    exhausted_in_a_row: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery: Option<Delivery<'a>>,
}

#[derive(Serialize)]
struct Endpoint<'a> {
    id: &'a str,
    name: Option<&'a str>,
    provider: &'a str,
}

#[derive(Serialize)]
struct Delivery<'a> {
    id: &'a str,
    message_id: &'a str,
    attempts: u32,
    /// Status of the last answer, or what came instead of one.
    last_status: Option<u16>,
    last_failure: Option<&'static str>,
}

/// The body of the event.
pub fn render(notice: Notice, about: &About) -> Vec<u8> {
    let (last_status, last_failure) = match &about.outcome {
        Outcome::Response { status, .. } => (Some(*status), None),
        Outcome::Failure(kind) => (None, Some(FailureKind::code(*kind))),
    };
    let event = Envelope {
        r#type: event_type(notice),
        timestamp: &about.timestamp,
        data: Data {
            endpoint: Endpoint {
                id: &about.endpoint_id,
                name: about.endpoint_name.as_deref(),
                provider: &about.provider,
            },
            percent: match notice {
                Notice::Warning { percent } => Some(percent),
                Notice::Paused(_) | Notice::Recovered | Notice::Exhausted(_) => None,
            },
            reason: match notice {
                Notice::Paused(PauseReason::Failing) => Some("failing"),
                Notice::Paused(PauseReason::Gone) | Notice::Exhausted(DeadLetterReason::Gone) => {
                    Some("gone")
                }
                Notice::Exhausted(DeadLetterReason::Exhausted) => Some("exhausted"),
                Notice::Exhausted(DeadLetterReason::ClientError) => Some("client_error"),
                Notice::Exhausted(DeadLetterReason::Skipped) => Some("skipped"),
                Notice::Warning { .. } | Notice::Recovered => None,
            },
            failed_in_a_row: about.health.failed_in_a_row,
            exhausted_in_a_row: about.health.exhausted_in_a_row,
            delivery: match notice {
                Notice::Exhausted(_) => Some(Delivery {
                    id: &about.delivery_id,
                    message_id: &about.message_id,
                    attempts: about.attempts,
                    last_status,
                    last_failure,
                }),
                Notice::Warning { .. } | Notice::Paused(_) | Notice::Recovered => None,
            },
        },
    };
    // Texts and numbers: nothing that JSON cannot hold.
    serde_json::to_vec(&event).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use serde_json::json;

    fn about() -> About {
        About {
            timestamp: "2026-01-02T03:04:05.678Z".to_string(),
            endpoint_id: "ep_1".to_string(),
            endpoint_name: Some("orders".to_string()),
            provider: "cleanmails".to_string(),
            health: EndpointHealth {
                failed_in_a_row: 20,
                exhausted_in_a_row: 5,
                ..EndpointHealth::default()
            },
            delivery_id: "dlv_1".to_string(),
            message_id: "msg_1".to_string(),
            attempts: 4,
            outcome: Outcome::Failure(FailureKind::Timeout),
        }
    }

    #[test]
    fn an_event_has_the_standard_s_shape_and_says_what_it_is_about() {
        let endpoint = json!({"id": "ep_1", "name": "orders", "provider": "cleanmails"});
        let mut expected = json!({
            "type": "delivery.exhausted",
            "timestamp": "2026-01-02T03:04:05.678Z",
            "data": {
                "endpoint": endpoint,
                "reason": "exhausted",
                "failed_in_a_row": 20,
                "exhausted_in_a_row": 5,
                "delivery": {
                    "id": "dlv_1", "message_id": "msg_1", "attempts": 4, "last_status": null, "last_failure": "timeout",
                },
            },
        });
        let rendered =
            |notice| -> Value { serde_json::from_slice(&render(notice, &about())).unwrap() };
        let exhausted = Notice::Exhausted(DeadLetterReason::Exhausted);
        assert_eq!(rendered(exhausted), expected);
        expected["data"].as_object_mut().unwrap().remove("delivery");
        expected["data"].as_object_mut().unwrap().remove("reason");
        expected["data"]["percent"] = 70.into();
        expected["type"] = "endpoint.warning".into();
        assert_eq!(rendered(Notice::Warning { percent: 70 }), expected);
        for notice in [Notice::Paused(PauseReason::Gone), Notice::Recovered] {
            let event = rendered(notice);
            assert!(EVENT_TYPES.contains(&event["type"].as_str().unwrap()));
        }
    }

    #[test]
    fn a_subscription_is_a_list_of_known_names() {
        for all in [None, Some(json!(null)), Some(json!([])), Some(json!(["*"]))] {
            assert_eq!(subscription(all.as_ref()), Ok(Subscription::All));
        }
        let two = json!(["delivery.exhausted", "endpoint.paused", "endpoint.paused"]);
        let wanted = subscription(Some(&two)).unwrap();
        assert!(wanted.wants("endpoint.paused") && !wanted.wants("endpoint.warning"));
        let wrong = subscription(Some(&json!(["endpoint.pawsed"]))).unwrap_err();
        assert_eq!(wrong.unknown, ["endpoint.pawsed"]);
        assert!(wrong.to_string().contains("endpoint.paused"));
        for wrong in [json!("endpoint.paused"), json!({}), json!([7])] {
            assert!(subscription(Some(&wrong)).unwrap_err().unknown.is_empty());
        }
        assert_eq!(POLICY.check(), Ok(()));
    }
}
