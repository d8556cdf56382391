//! `/v1/events`

use super::{App, problem::Problem, request::JsonBody};
use crate::{
    context::to_its_end,
    ids::{DeliveryId, EndpointId, MessageId},
    publish::{self, Accepted, Event},
    store::{Receipt, Word},
};
use axum::{
    Json,
    extract::{FromRequest, Request, State},
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::sync::Arc;

const FIELDS: [&str; 4] = ["provider", "payload", "client_id", "bot"];

/// Longest idempotency key, in bytes.
const KEY_BYTES_MAX: usize = 255;

pub(super) async fn publish(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<impl IntoResponse, Problem> {
    let _place = app.admit(request.headers())?;
    let key = idempotency_key(request.headers());
    let body = JsonBody::from_request(request, &app).await?;
    // Once more: the body may have taken its time to arrive.
    app.check_running()?;
    let key = key?;
    let mut fields = body.fields;
    let provider = fields.required("provider", "the name of a provider, a string")?;
    let Some(payload) = fields.raw("payload") else {
        return Err(Problem::field(
            "missing_field",
            "payload",
            "`payload` is missing: give the event as an object in the provider's documented shape",
        ));
    };
    if !payload.starts_with('{') {
        return Err(Problem::field(
            "wrong_type",
            "payload",
            "`payload` must be an object",
        ));
    }
    let event = Event {
        provider,
        payload: payload.into_bytes(),
        client_id: match fields.optional("client_id", "a string or a number")? {
            None => None,
            Some(Value::String(id)) => Some(id),
            Some(Value::Number(id)) => Some(id.to_string()),
            Some(_) => {
                let detail = "`client_id` must be a string or a number";
                return Err(Problem::field("wrong_type", "client_id", detail));
            }
        },
        bot: fields.optional("bot", "true or false")?.unwrap_or(false),
        idempotency: key.map(|key| (key, Sha256::digest(&body.bytes).into())),
    };
    fields.finish(&FIELDS)?;
    let (context, worker) = (Arc::clone(&app.context), Arc::clone(&app.worker));
    let accepted = to_its_end(publish::publish(context, worker, event)).await?;
    Ok((StatusCode::ACCEPTED, Json(View::of(accepted))))
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all("idempotency-key").iter();
    let (first, more) = (values.next(), values.next());
    let Some(value) = first else {
        return Ok(None);
    };
    let invalid = || {
        let detail = format!(
            "Idempotency-Key must be one value of 1 to {KEY_BYTES_MAX} visible ASCII characters"
        );
        Problem::field("idempotency_key_invalid", "Idempotency-Key", detail)
    };
    let text = value.to_str().map_err(|_| invalid())?;
    let sound =
        (1..=KEY_BYTES_MAX).contains(&text.len()) && text.bytes().all(|b| (32..127).contains(&b));
    match sound && more.is_none() {
        true => Ok(Some(text.to_owned())),
        false => Err(invalid()),
    }
}

/// What the publisher is told. Written without a detour through JSON values: it is the most frequent answer.
#[derive(Serialize)]
struct View {
    message_id: MessageId,
    event_type: String,
    deliveries: Vec<DeliveryView>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    duplicate: bool,
}

#[derive(Serialize)]
struct DeliveryView {
    id: DeliveryId,
    endpoint_id: EndpointId,
    status: &'static str,
}

impl View {
    fn of(accepted: Accepted) -> Self {
        let Receipt {
            message_id,
            event_type,
            deliveries,
        } = accepted.receipt;
        let deliveries = deliveries
            .into_iter()
            .map(|(id, endpoint_id, state)| DeliveryView {
                id,
                endpoint_id,
                status: state.word(),
            });
        Self {
            message_id,
            event_type,
            deliveries: deliveries.collect(),
            duplicate: accepted.duplicate,
        }
    }
}
