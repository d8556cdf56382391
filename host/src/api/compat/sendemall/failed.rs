//! The dead-letter queue as its document has it: events, each as it was sent (E14, E31, E32, R-E1 to R-E3).

use super::endpoint_id;
use crate::{
    api::{
        App, Problem,
        caller::{Managing, Reading},
        compat::webhooks::{Account, PathOf, time},
        request::Query,
    },
    context::to_its_end,
    ids::{DeliveryId, EndpointId},
    records::replay,
    store::{Attempt, EndedState, FailedEvent, Retried, Selection, Word},
};
use axum::{Json, extract::RawQuery, http::StatusCode, response::IntoResponse};
use countersign_core::delivery::{Outcome, machine::delivery::Input};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{MapAccess, Visitor},
};
use serde_json::{Value, json, value::RawValue};
use std::{fmt, sync::Arc};

/// The key that is added to an event (R-E2).
const KEY: &str = "failure";
/// Events of one page, when the client asks for no number and at most.
const LIMIT_DEFAULT: u32 = 100;
const LIMIT_MAX: u32 = 500;
/// Longest id of an event that is looked for.
const EVENT_ID_BYTES_MAX: usize = 1024;
/// Events that a bulk redrive sends in a second, as replays of the native API when nobody says more.
const REDRIVE_PER_SECOND: u32 = 10;

#[derive(Serialize)]
pub(super) struct Page {
    success: bool,
    /// Each the original envelope with one more key (R-E2).
    data: Vec<Box<RawValue>>,
    /// What `after` has to be for the events behind these.
    next: Option<String>,
}

/// R-E2: oldest first.
pub(super) async fn list(
    account: Account<Reading>,
    PathOf(id): PathOf<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<Page>, Problem> {
    let endpoint = account.named(endpoint_id(&id))?;
    let mut query = Query::known_of(query.as_deref(), &["limit", "after"]);
    let kind = format!("a number from 1 to {LIMIT_MAX}");
    let limit = query.take("limit", &kind, |text| {
        let limit = text.parse().ok();
        limit.filter(|limit| (1..=LIMIT_MAX).contains(limit))
    })?;
    let after = query.take(
        "after",
        "the `next` of the answer before",
        DeliveryId::parse,
    )?;
    let store = &account.app.context.store;
    let page = store.failed_events(endpoint.id, after, limit.unwrap_or(LIMIT_DEFAULT));
    let page = page.await?;
    Ok(Json(Page {
        success: true,
        data: page.found.iter().map(envelope).collect::<Result<_, _>>()?,
        next: page.next.map(|id| id.to_string()),
    }))
}

/// R-E1. What is acknowledged stays a dead letter that can be sent again, so a second call finds it and is a success, too.
pub(super) async fn acknowledge(
    account: Account<Managing>,
    PathOf((id, event)): PathOf<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let endpoint = account.named(endpoint_id(&id))?;
    let deliveries = deliveries(&account.app, &endpoint.id, &event).await?;
    let context = &account.app.context;
    let now_ms = context.clock.now_ms();
    context.store.acknowledge(deliveries, now_ms).await?;
    Ok(Json(json!({ "success": true })))
}

/// R-E3: under the same id, with the same bytes.
pub(super) async fn redrive(
    account: Account<Managing>,
    PathOf((id, event)): PathOf<(String, String)>,
) -> Result<impl IntoResponse, Problem> {
    let endpoint = account.named(endpoint_id(&id))?;
    let mut sent = 0_u32;
    for delivery in deliveries(&account.app, &endpoint.id, &event).await? {
        let (context, worker) = (
            Arc::clone(&account.app.context),
            Arc::clone(&account.app.worker),
        );
        let again = replay::retry(context, worker, delivery, Input::ReplayAsked);
        let conflict = |code, detail: &str| Problem::new(StatusCode::CONFLICT, code, detail);
        match to_its_end(again).await? {
            Retried::Pending(_) | Retried::Waiting => sent = sent.saturating_add(1),
            // Somebody else was faster.
            Retried::Unknown | Retried::NotNow(_) => {}
            Retried::EndpointNotActive => return Err(not_active()),
            Retried::WithoutBody => {
                let detail =
                    "the event is too old: its body is no longer kept, so it cannot be sent again";
                return Err(conflict("body_forgotten", detail));
            }
        }
    }
    let answer = json!({ "success": true, "data": { "redriven": sent } });
    Ok((StatusCode::ACCEPTED, Json(answer)))
}

fn not_active() -> Problem {
    let detail = "the webhook is not active; set its `status` to active first";
    Problem::new(StatusCode::CONFLICT, "endpoint_not_active", detail)
}

/// R-E3: everything that nobody has acknowledged, not too fast.
pub(super) async fn redrive_all(
    account: Account<Managing>,
    PathOf(id): PathOf<String>,
) -> Result<impl IntoResponse, Problem> {
    let endpoint = account.named(endpoint_id(&id))?;
    // A replay would leave out every one of them.
    if !endpoint.state.is_active() {
        return Err(not_active());
    }
    let selection = Selection {
        endpoint_id: Some(endpoint.id),
        acknowledged: Some(false),
        ..account.selection(EndedState::DeadLettered)
    };
    let replays = Arc::clone(&account.app.replays);
    let begun =
        to_its_end(async move { replays.begin(selection, REDRIVE_PER_SECOND).await }).await?;
    let answer = json!({
        "success": true,
        "data": { "redrive_id": begun.id.as_str(), "matched": begun.matched.count, "status": begun.state.word() },
    });
    Ok((StatusCode::ACCEPTED, Json(answer)))
}

/// The dead letters of this event.
async fn deliveries(
    app: &App,
    endpoint: &EndpointId,
    event: &str,
) -> Result<Vec<DeliveryId>, Problem> {
    if event.len() > EVENT_ID_BYTES_MAX {
        return Err(Problem::not_found("failed event"));
    }
    let store = &app.context.store;
    let found = store.failed_deliveries(endpoint.clone(), event.to_owned());
    match found.await? {
        found if found.is_empty() => Err(Problem::not_found("failed event")),
        found => Ok(found),
    }
}

/// The event byte for byte as it was sent, and behind it what became of it (R-E2). Where the event has a `failure` of its own, that
/// is moved into ours, as `original`: a key that occurs twice would be read as either.
fn envelope(event: &FailedEvent) -> Result<Box<RawValue>, Problem> {
    let mut failure = failure(event);
    let body = event
        .body
        .as_deref()
        .and_then(|body| std::str::from_utf8(body).ok());
    let own = body.and_then(|body| serde_json::from_str::<Members>(body).ok());
    let own = own.and_then(|members| members.without(KEY));
    let body = match &own {
        None => body,
        Some((rest, original)) => {
            failure["original"] = serde_json::from_str(original.get()).unwrap_or_default();
            Some(rest.as_str())
        }
    };
    let open = body.and_then(|body| body.trim_end().strip_suffix('}'));
    let text = match open {
        Some(open) if open.trim_end().ends_with('{') => format!("{open}\"{KEY}\":{failure}}}"),
        Some(open) => format!("{open},\"{KEY}\":{failure}}}"),
        // The body is no longer kept: what is still known, in the shape of the envelope.
        None => json!({
            "event": event.delivery.event_type,
            "id": event.event_id,
            "timestamp": time(event.delivery.created_at_ms),
            "data": {},
            KEY: forgotten(failure),
        })
        .to_string(),
    };
    RawValue::from_string(text).map_err(|error| {
        tracing::error!(delivery = %event.delivery.id, %error, "a stored body is no JSON");
        Problem::internal()
    })
}

fn forgotten(mut failure: Value) -> Value {
    failure["body_forgotten"] = true.into();
    failure
}

fn failure(event: &FailedEvent) -> Value {
    let delivery = &event.delivery;
    let outcome = event
        .last_attempt
        .as_ref()
        .map(|attempt: &Attempt| &attempt.outcome);
    let (last_status, last_error) = match outcome {
        Some(Outcome::Response { status, .. }) => (Some(*status), Some(format!("status {status}"))),
        Some(Outcome::Failure(kind)) => (None, Some(kind.code().to_owned())),
        None => (None, None),
    };
    let mut failure = json!({
        "attempts": delivery.attempts,
        "last_status": last_status,
        "last_error": last_error,
        "reason": delivery.dead_reason.map(Word::word),
        "failed_at": time(delivery.updated_at_ms),
    });
    let detail = event
        .last_attempt
        .as_ref()
        .and_then(|attempt| attempt.detail.as_deref());
    if let Some(detail) = detail {
        failure["detail"] = detail.into();
    }
    failure
}

/// The members of an object in their order.
struct Members(Vec<(String, Box<RawValue>)>);

impl Members {
    /// The text of the object without this member, and the member, if it has it.
    fn without(self, name: &str) -> Option<(String, Box<RawValue>)> {
        let (taken, rest): (Vec<_>, Vec<_>) = self.0.into_iter().partition(|(own, _)| own == name);
        let (_, taken) = taken.into_iter().next_back()?;
        let member =
            |(name, value): (String, Box<RawValue>)| format!("{}:{value}", Value::from(name));
        let rest: Vec<_> = rest.into_iter().map(member).collect();
        Some((format!("{{{}}}", rest.join(",")), taken))
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        chance::SystemChance,
        ids::{AttemptId, MessageId, WorkspaceId},
        store::{Delivery, DeliveryState},
    };
    use countersign_core::delivery::{DeadLetterReason, FailureKind};

    fn event(body: Option<&str>, outcome: Outcome) -> FailedEvent {
        let message_id = MessageId::new(1, &SystemChance);
        FailedEvent {
            delivery: Delivery {
                id: DeliveryId::of(&message_id, 0),
                workspace: WorkspaceId::default(),
                message_id,
                endpoint_id: EndpointId::new(1, &SystemChance),
                event_type: "email.replied".to_owned(),
                state: DeliveryState::DeadLettered,
                dead_reason: Some(DeadLetterReason::Exhausted),
                attempts: 4,
                next_attempt_at_ms: None,
                acknowledged_at_ms: None,
                created_at_ms: 1_767_323_045_678,
                updated_at_ms: 1_767_323_046_000,
            },
            event_id: Some("evt_1".to_owned()),
            body: body.map(|body| body.to_owned().into()),
            last_attempt: Some(Attempt {
                id: AttemptId::new(1, &SystemChance),
                number: 4,
                started_at_ms: 1,
                duration_ms: 1,
                outcome,
                detail: None,
                response: Vec::new(),
            }),
        }
    }

    // Holds: R-E2
    #[test]
    fn an_item_is_the_original_with_one_key_more() {
        let refused = Outcome::Response {
            status: 503,
            retry_after_s: None,
        };
        // Order and spacing of the original are kept, also what no parser would keep.
        let body = r#"{"event":"email.replied", "id":"evt_1","z":1.10,"a":{}}"#;
        let item = envelope(&event(Some(body), refused.clone())).unwrap();
        let (original, failure) = item.get().split_once(r#","failure":"#).unwrap();
        assert_eq!(format!("{original}}}"), body);
        let failure: Value = serde_json::from_str(failure.strip_suffix('}').unwrap()).unwrap();
        assert_eq!(
            failure,
            json!({
                "attempts": 4, "last_status": 503, "last_error": "status 503", "reason": "exhausted",
                "failed_at": "2026-01-02T03:04:06Z",
            })
        );
        let empty = envelope(&event(Some("{ }"), refused.clone())).unwrap();
        assert!(serde_json::from_str::<Value>(empty.get()).unwrap()["failure"].is_object());
    }

    // Holds: R-E2
    #[test]
    fn an_event_s_own_failure_is_kept_in_ours_and_no_key_occurs_twice() {
        let refused = Outcome::Response {
            status: 503,
            retry_after_s: None,
        };
        for (own, rest) in [
            (
                r#"{"event":"e","failure":"mine","z":1.10}"#,
                r#"{"event":"e","z":1.10,"#,
            ),
            (r#"{"fail\u0075re":"mine"}"#, "{"),
        ] {
            let item = envelope(&event(Some(own), refused.clone())).unwrap();
            assert_eq!(item.get().matches("\"failure\"").count(), 1, "{item}");
            let (original, failure) = item.get().split_once("\"failure\":").unwrap();
            assert_eq!(original, rest);
            let failure: Value = serde_json::from_str(failure.strip_suffix('}').unwrap()).unwrap();
            assert_eq!(
                (&failure["original"], &failure["attempts"]),
                (&json!("mine"), &json!(4))
            );
        }
        // Deeper down it is nobody else's.
        let below = r#"{"data":{"failure":1}}"#;
        let item = envelope(&event(Some(below), refused)).unwrap();
        assert!(
            item.get()
                .starts_with(r#"{"data":{"failure":1},"failure":{"#)
        );
    }

    #[test]
    fn without_its_body_an_event_is_told_as_far_as_it_is_known() {
        let timeout = Outcome::Failure(FailureKind::Timeout);
        let item = envelope(&event(None, timeout)).unwrap();
        let item: Value = serde_json::from_str(item.get()).unwrap();
        assert_eq!(
            (&item["id"], &item["event"]),
            (&json!("evt_1"), &json!("email.replied"))
        );
        assert_eq!(item["failure"]["last_error"], "timeout");
        assert_eq!(item["failure"]["body_forgotten"], true);
    }
}
