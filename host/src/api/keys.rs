//! `/v1/keys`

use super::{
    App, IdPath,
    caller::{Administering, Allowed, Caller},
    deliveries::limit,
    problem::Problem,
    request::{JsonBody, Query},
};
use crate::{
    access::{self, ApiKeyError, NewKey},
    clock::{parse_rfc3339, rfc3339},
    context::to_its_end,
    ids::{ApiKeyId, WorkspaceId},
    store::{ApiKey, Role, Word},
};
use axum::{
    Json,
    extract::{RawQuery, State},
    http::StatusCode,
    response::IntoResponse,
};
use serde_json::{Value, json};
use std::sync::Arc;

const FIELDS: [&str; 4] = ["role", "workspace", "name", "expires_at"];

/// What stands for every workspace.
const EVERYWHERE: &str = "*";

pub(super) async fn create(
    State(app): State<Arc<App>>,
    caller: Allowed<Administering>,
    body: JsonBody,
) -> Result<impl IntoResponse, Problem> {
    let mut fields = body.fields;
    let kind = "admin, manage, publish or read";
    let role: String = fields.required("role", kind)?;
    let role = Role::from_word(&role)
        .ok_or_else(|| Problem::field("role_invalid", "role", format!("`role` must be {kind}")))?;
    let workspace: Option<String> = fields.optional(
        "workspace",
        "the name of a workspace, or `*` for all of them",
    )?;
    let name = fields.optional("name", "a string")?;
    let kind = "a time with its zone, such as 2026-01-02T03:04:05Z";
    let expires_at: Option<String> = fields.optional("expires_at", kind)?;
    fields.finish(&FIELDS)?;
    let expires_at_ms = expires_at.map(|text| {
        let invalid = || {
            let detail = format!("`expires_at` must be {kind}");
            Problem::field("expires_at_invalid", "expires_at", detail)
        };
        parse_rfc3339(&text).ok_or_else(invalid)
    });
    let new = NewKey {
        workspace: scope(&app, &caller, workspace.as_deref())?,
        role,
        name,
        expires_at_ms: expires_at_ms.transpose()?,
    };
    let (key, text) = to_its_end(access::create_key(Arc::clone(&app.context), new)).await?;
    let mut view = view(&key);
    view["key"] = text.as_str().into();
    Ok((StatusCode::CREATED, Json(view)))
}

/// Where a new key works. Nobody makes one that reaches further than their own.
fn scope(app: &App, caller: &Caller, asked: Option<&str>) -> Result<Option<WorkspaceId>, Problem> {
    match asked {
        None => Ok(Some(caller.workspace.clone())),
        Some(EVERYWHERE) => caller.require_all_workspaces().map(|()| None),
        Some(name) if name == caller.workspace.as_str() => Ok(Some(caller.workspace.clone())),
        Some(name) => {
            caller.require_all_workspaces()?;
            let found = app.context.workspaces.id(name);
            found.map(Some).ok_or_else(|| {
                let detail = "there is no workspace of this name; make it with POST /v1/workspaces";
                Problem::field("workspace_unknown", "workspace", detail)
            })
        }
    }
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Allowed<Administering>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Problem> {
    let mut query = Query::parse(query.as_deref(), &["limit", "after"])?;
    let limit = limit(&mut query)? as usize;
    let after = query.take("after", "the `next` of the page before", ApiKeyId::parse)?;
    let keys = &app.context.keys;
    let mut found = keys.list(
        caller.scope.as_ref(),
        after.as_ref(),
        limit.saturating_add(1),
    );
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|last| last.id.as_str());
    let keys: Vec<_> = found.iter().map(|key| view(key)).collect();
    Ok(Json(json!({ "keys": keys, "next": next })))
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    caller: Allowed<Administering>,
    IdPath(id): IdPath<ApiKeyId>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(view(&*find(&app, &caller, &id)?)))
}

pub(super) async fn revoke(
    State(app): State<Arc<App>>,
    caller: Allowed<Administering>,
    IdPath(id): IdPath<ApiKeyId>,
) -> Result<StatusCode, Problem> {
    find(&app, &caller, &id)?;
    to_its_end(access::revoke_key(Arc::clone(&app.context), id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn find(app: &App, caller: &Caller, id: &ApiKeyId) -> Result<Arc<ApiKey>, Problem> {
    let visible = |key: &Arc<ApiKey>| match &caller.scope {
        None => true,
        own => key.workspace == *own,
    };
    let found = app.context.keys.find(id).filter(visible);
    found.ok_or_else(|| Problem::not_found("key"))
}

/// A key as clients see it: never its text, nor a digest of it.
fn view(key: &ApiKey) -> Value {
    json!({
        "id": key.id.as_str(),
        "workspace": key.workspace.as_ref().map_or(EVERYWHERE, WorkspaceId::as_str),
        "role": key.role.word(),
        "name": key.name,
        "created_at": rfc3339(key.created_at_ms),
        "expires_at": key.expires_at_ms.map(rfc3339),
    })
}

impl From<ApiKeyError> for Problem {
    fn from(error: ApiKeyError) -> Self {
        let text = error.to_string();
        match error {
            ApiKeyError::TooMany => Self::new(
                StatusCode::CONFLICT,
                "too_many_keys",
                format!("{text}; revoke those that nobody uses"),
            ),
            ApiKeyError::NameTooLong => Self::field("name_invalid", "name", text),
            ApiKeyError::ExpiresInThePast => Self::field("expires_at_invalid", "expires_at", text),
            ApiKeyError::Unknown => Self::not_found("key"),
            ApiKeyError::Store(error) => error.into(),
        }
    }
}
