//! `/v1/messages`

use super::{
    App,
    caller::{Allowed, Reading},
    describe::{Operation, Output, Routes, Schemas, Shown, Verb::Get},
    page::Paged,
    problem::Problem,
    selection::{event_type, moment},
    typed::{IdPath, Params},
    views,
};
use crate::{
    ids::MessageId,
    store::{MessageFilter, MessageView},
};
use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use countersign_api::{MessageDetails, MessageQuery, Messages};
use std::sync::Arc;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .on(
            Get,
            "/messages",
            "list_messages",
            "Lists messages, newest first.",
            list,
        )
        .on(
            Get,
            "/messages/{id}",
            "show_message",
            "Shows a message with its deliveries and their attempts.",
            show,
        )
        .on(
            Get,
            "/messages/{id}/payload",
            "message_payload",
            "Shows the body of a message, as it is sent.",
            payload,
        )
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Allowed<Reading>,
    Params(query): Params<MessageQuery>,
) -> Result<Shown<Messages>, Problem> {
    let paged = Paged::new(query.limit, query.after.as_deref(), MessageId::parse)?;
    let code = "query_invalid";
    let filter = MessageFilter {
        workspace: caller.workspace.clone(),
        provider: query.provider,
        event_type: event_type(query.event_type, code)?,
        created_since_ms: moment("created_since", query.created_since.as_ref(), code)?,
        created_until_ms: moment("created_until", query.created_until.as_ref(), code)?,
        after: paged.after,
        limit: paged.limit,
    };
    let selected = app.context.store.messages(filter).await?;
    Ok(Shown(Messages {
        messages: selected.found.iter().map(views::message).collect(),
        next: selected.next.map(|next| next.to_string()),
    }))
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    caller: Allowed<Reading>,
    IdPath(id): IdPath<MessageId>,
) -> Result<Shown<MessageDetails>, Problem> {
    let found = app.context.store.message(id).await?;
    let own = |found: &MessageView| found.message.workspace == caller.workspace;
    let found = found.filter(own);
    let found = found.ok_or_else(|| Problem::not_found("message"))?;
    Ok(Shown(views::message_details(&found)))
}

/// The body of a message: the bytes of every attempt.
pub(super) async fn payload(
    State(app): State<Arc<App>>,
    caller: Allowed<Reading>,
    IdPath(id): IdPath<MessageId>,
) -> Result<Payload, Problem> {
    let found = app.context.store.body(id).await?;
    let found = found.filter(|(message, _)| message.workspace == caller.workspace);
    let (_, body) = found.ok_or_else(|| Problem::not_found("message"))?;
    body.map(Payload).ok_or_else(|| {
        Problem::new(
            StatusCode::GONE,
            "body_forgotten",
            "the message's body is no longer kept (retention.bodies)",
        )
    })
}

/// JSON as it was sent.
pub(super) struct Payload(Bytes);

impl IntoResponse for Payload {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, "application/json")], self.0).into_response()
    }
}

impl Output for Payload {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        let anything = serde_json::json!({ "type": "object" });
        operation.answers(
            200,
            "The bytes of every attempt",
            "application/json",
            anything,
        );
        operation.refuses(410, "The body is no longer kept", schemas);
    }
}
