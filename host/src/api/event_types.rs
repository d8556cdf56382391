//! `/v1/event-types`

use super::{
    App,
    caller::{Allowed, Managing, Reading},
    describe::{
        Contested, Created, Done, Either, Routes, Shown,
        Verb::{Delete, Get, Put},
    },
    page::Paged,
    problem::Problem,
    typed::{Body, EventTypePath, Params},
    views::time,
};
use crate::{
    context::to_its_end,
    event_types::{self, Description, EventTypeError},
    store,
};
use axum::{extract::State, http::StatusCode};
use countersign_api::{DescribeEventType, EventType, EventTypeQuery, EventTypes};
use std::sync::Arc;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .on(
            Get,
            "/event-types",
            "list_event_types",
            "Lists what a workspace says of its event types.",
            list,
        )
        .on(
            Get,
            "/event-types/{provider}/{name}",
            "show_event_type",
            "Shows what a workspace says of an event type.",
            show,
        )
        .on(
            Put,
            "/event-types/{provider}/{name}",
            "describe_event_type",
            "Describes an event type, in place of what was said before.",
            describe,
        )
        .on(
            Delete,
            "/event-types/{provider}/{name}",
            "forget_event_type",
            "Forgets what was said of an event type.",
            forget,
        )
}

pub(super) async fn describe(
    State(app): State<Arc<App>>,
    caller: Allowed<Managing>,
    path: EventTypePath,
    Body(given): Body<DescribeEventType>,
) -> Result<Contested<Either<Shown<EventType>, Created<EventType>>>, Problem> {
    let schema = given.schema.flatten();
    let new = Description {
        workspace: caller.workspace.clone(),
        provider: path.provider,
        name: path.name,
        description: given.description,
        schema: schema.map(|schema| schema.as_str().to_owned()),
    };
    let described = event_types::describe(Arc::clone(&app.context), new);
    let (event_type, is_new) = to_its_end(described).await?;
    let view = view(&event_type);
    Ok(Contested(match is_new {
        true => Either::Other(Created(view)),
        false => Either::One(Shown(view)),
    }))
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Allowed<Reading>,
    Params(query): Params<EventTypeQuery>,
) -> Result<Shown<EventTypes>, Problem> {
    // Neither has a slash in it.
    let place = |text: &str| {
        let (provider, name) = text.split_once('/')?;
        Some((provider.to_owned(), name.to_owned()))
    };
    let paged = Paged::new(query.limit, query.after.as_deref(), place)?;
    let found = app.context.event_types.list(
        &caller.workspace,
        query.provider.as_deref(),
        paged.after.as_ref(),
        paged.one_more(),
    );
    let (found, next) = paged.cut(found, |last| format!("{}/{}", last.provider, last.name));
    Ok(Shown(EventTypes {
        event_types: found.iter().map(view).collect(),
        next,
    }))
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    caller: Allowed<Reading>,
    path: EventTypePath,
) -> Result<Shown<EventType>, Problem> {
    let name = documented(&app, &path)?;
    let event_types = &app.context.event_types;
    let found = event_types.find(&caller.workspace, &path.provider, &name);
    let found = found.ok_or_else(|| Problem::not_found("event type"))?;
    Ok(Shown(view(&found)))
}

pub(super) async fn forget(
    State(app): State<Arc<App>>,
    caller: Allowed<Managing>,
    path: EventTypePath,
) -> Result<Done, Problem> {
    let name = documented(&app, &path)?;
    let (context, workspace) = (Arc::clone(&app.context), caller.workspace.clone());
    to_its_end(event_types::forget(context, workspace, path.provider, name)).await?;
    Ok(Done)
}

/// The name as its provider documents it. What no provider knows, nobody has described.
fn documented(app: &App, path: &EventTypePath) -> Result<String, Problem> {
    match event_types::documented_name(&app.context, &path.provider, &path.name) {
        Ok(name) => Ok(name),
        Err(EventTypeError::Rejected(_)) => Err(Problem::not_found("event type")),
        Err(error) => Err(error.into()),
    }
}

fn view(event_type: &store::EventType) -> EventType {
    let schema = event_type.schema.as_deref();
    EventType {
        provider: event_type.provider.clone(),
        name: event_type.name.clone(),
        description: event_type.description.clone(),
        // It was read when it was set.
        schema: schema.and_then(|text| serde_json::from_str(text).ok()),
        created_at: time(event_type.created_at_ms),
        updated_at: time(event_type.updated_at_ms),
    }
}

impl From<EventTypeError> for Problem {
    fn from(error: EventTypeError) -> Self {
        let text = error.to_string();
        match error {
            EventTypeError::Rejected(rejection) => rejection.into(),
            EventTypeError::Schema(_) => Self::field("schema_invalid", "schema", text),
            EventTypeError::DescriptionTooLong => {
                Self::field("description_invalid", "description", text)
            }
            EventTypeError::TooMany | EventTypeError::SchemasTooLong => Self::new(
                StatusCode::CONFLICT,
                "too_many_event_types",
                format!("{text}; delete those that nobody needs"),
            ),
            EventTypeError::Unknown => Self::not_found("event type"),
            EventTypeError::Store(error) => error.into(),
            EventTypeError::Rules(error) => {
                tracing::error!(%error, "the rules failed");
                Self::internal()
            }
        }
    }
}
