//! `/v1/workspaces`

use super::{
    App,
    caller::{Administering, Allowed, Caller, Reading},
    deliveries::limit,
    problem::Problem,
    request::{JsonBody, Query},
};
use crate::{
    access::{self, WorkspaceError},
    clock::rfc3339,
    context::to_its_end,
    ids::WorkspaceId,
    store::Workspace,
};
use axum::{
    Json,
    extract::{Path, RawQuery, State},
    http::StatusCode,
    response::IntoResponse,
};
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) async fn create(
    State(app): State<Arc<App>>,
    caller: Allowed<Administering>,
    body: JsonBody,
) -> Result<impl IntoResponse, Problem> {
    caller.require_all_workspaces()?;
    let mut fields = body.fields;
    let id: String = fields.required("id", SLUG)?;
    let name = fields.optional("name", "a string")?;
    fields.finish(&["id", "name"])?;
    let id = WorkspaceId::parse(&id)
        .ok_or_else(|| Problem::field("workspace_invalid", "id", format!("`id` must be {SLUG}")))?;
    let made = to_its_end(access::create_workspace(Arc::clone(&app.context), id, name)).await?;
    Ok((StatusCode::CREATED, Json(view(&made))))
}

const SLUG: &str = "1 to 63 of the characters a-z, 0-9, _ and -, the first a letter or digit";

pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Allowed<Reading>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Problem> {
    let mut query = Query::parse(query.as_deref(), &["limit", "after"])?;
    let limit = limit(&mut query)? as usize;
    let after = query.take("after", "the `next` of the page before", WorkspaceId::parse)?;
    let after = after.as_ref().map(WorkspaceId::as_str);
    let mut found = match &caller.scope {
        None => app.context.workspaces.list(after, limit.saturating_add(1)),
        Some(own) => app
            .context
            .workspaces
            .find(own.as_str())
            .into_iter()
            .collect(),
    };
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|last| last.id.as_str());
    let workspaces: Vec<_> = found.iter().map(view).collect();
    Ok(Json(json!({ "workspaces": workspaces, "next": next })))
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    caller: Allowed<Reading>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(view(&find(&app, &caller, &id)?)))
}

pub(super) async fn rename(
    State(app): State<Arc<App>>,
    caller: Allowed<Administering>,
    Path(id): Path<String>,
    body: JsonBody,
) -> Result<Json<Value>, Problem> {
    let workspace = find(&app, &caller, &id)?;
    let mut fields = body.fields;
    let name = fields.nullable("name", "a string or null")?;
    fields.finish(&["name"])?;
    let renamed = match name {
        None => workspace,
        Some(name) => {
            let context = Arc::clone(&app.context);
            to_its_end(access::rename_workspace(context, workspace.id, name)).await?
        }
    };
    Ok(Json(view(&renamed)))
}

fn find(app: &App, caller: &Caller, id: &str) -> Result<Workspace, Problem> {
    let visible = caller.scope.as_ref().is_none_or(|own| own.as_str() == id);
    let found = app.context.workspaces.find(id).filter(|_| visible);
    found.ok_or_else(|| Problem::not_found("workspace"))
}

fn view(workspace: &Workspace) -> Value {
    json!({
        "id": workspace.id.as_str(),
        "number": workspace.number,
        "name": workspace.name,
        "created_at": rfc3339(workspace.created_at_ms),
    })
}

impl From<WorkspaceError> for Problem {
    fn from(error: WorkspaceError) -> Self {
        let text = error.to_string();
        match error {
            WorkspaceError::Taken => {
                Self::new(StatusCode::CONFLICT, "workspace_taken", text).at("id")
            }
            WorkspaceError::TooMany => Self::new(StatusCode::CONFLICT, "too_many_workspaces", text),
            WorkspaceError::NameTooLong => Self::field("name_invalid", "name", text),
            WorkspaceError::Unknown => Self::not_found("workspace"),
            WorkspaceError::Store(error) => error.into(),
        }
    }
}
