//! `/v1/keys`

use super::{
    App,
    caller::{Administering, Allowed, Caller},
    describe::{
        Contested, Created, Done, Routes, Shown,
        Verb::{Delete, Get, Post},
    },
    page::Paged,
    problem::Problem,
    typed::{Body, IdPath, Params},
    views::{Same, time},
};
use crate::{
    access::{self, ApiKeyError, NewKey},
    clock::parse_rfc3339,
    context::to_its_end,
    ids::{ApiKeyId, WorkspaceId},
    store::ApiKey,
};
use axum::{extract::State, http::StatusCode};
use countersign_api::{CreateKey, Key, Keys, MadeKey, PageQuery};
use std::sync::Arc;

/// What stands for every workspace.
const EVERYWHERE: &str = "*";

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .on(Get, "/keys", "list_keys", "Lists keys, oldest first.", list)
        .on(
            Post,
            "/keys",
            "create_key",
            "Makes a key, which is shown this once.",
            create,
        )
        .on(
            Get,
            "/keys/{id}",
            "show_key",
            "Shows what a key is for, and not the key.",
            show,
        )
        .on(
            Delete,
            "/keys/{id}",
            "revoke_key",
            "Revokes a key from the next request on.",
            revoke,
        )
}

pub(super) async fn create(
    State(app): State<Arc<App>>,
    caller: Allowed<Administering>,
    Body(new): Body<CreateKey>,
) -> Result<Contested<Created<MadeKey>>, Problem> {
    let expires_at_ms = new.expires_at.map(|text| {
        let detail = "`expires_at` must be a time with its zone, such as 2026-01-02T03:04:05Z";
        let invalid = || Problem::field("expires_at_invalid", "expires_at", detail);
        parse_rfc3339(text.as_str()).ok_or_else(invalid)
    });
    let new = NewKey {
        workspace: scope(&app, &caller, new.workspace.as_deref())?,
        role: new.role.same(),
        name: new.name,
        expires_at_ms: expires_at_ms.transpose()?,
    };
    let made = access::create_key(Arc::clone(&app.context), new);
    let (key, text) = to_its_end(made).await?;
    Ok(Contested(Created(MadeKey {
        shown: view(&key),
        key: text.as_str().to_owned(),
    })))
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
    Params(page): Params<PageQuery>,
) -> Result<Shown<Keys>, Problem> {
    let paged = Paged::new(page.limit, page.after.as_deref(), ApiKeyId::parse)?;
    let keys = &app.context.keys;
    let scope = caller.scope.as_ref();
    let found = keys.list(scope, paged.after.as_ref(), paged.one_more());
    let (found, next) = paged.cut(found, |last| last.id.to_string());
    Ok(Shown(Keys {
        keys: found.iter().map(|key| view(key)).collect(),
        next,
    }))
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    caller: Allowed<Administering>,
    IdPath(id): IdPath<ApiKeyId>,
) -> Result<Shown<Key>, Problem> {
    Ok(Shown(view(&*own(&app, &caller, &id)?)))
}

pub(super) async fn revoke(
    State(app): State<Arc<App>>,
    caller: Allowed<Administering>,
    IdPath(id): IdPath<ApiKeyId>,
) -> Result<Done, Problem> {
    own(&app, &caller, &id)?;
    to_its_end(access::revoke_key(Arc::clone(&app.context), id)).await?;
    Ok(Done)
}

/// The key of this id, unless it reaches further than the caller's.
fn own(app: &App, caller: &Caller, id: &ApiKeyId) -> Result<Arc<ApiKey>, Problem> {
    let visible = |key: &Arc<ApiKey>| match &caller.scope {
        None => true,
        own => key.workspace == *own,
    };
    let found = app.context.keys.find(id).filter(visible);
    found.ok_or_else(|| Problem::not_found("key"))
}

/// A key as clients see it: never its text, nor a digest of it.
fn view(key: &ApiKey) -> Key {
    let workspace = key.workspace.as_ref();
    Key {
        id: key.id.to_string(),
        workspace: workspace.map_or(EVERYWHERE, WorkspaceId::as_str).to_owned(),
        role: key.role.same(),
        name: key.name.clone(),
        created_at: time(key.created_at_ms),
        expires_at: key.expires_at_ms.map(time),
    }
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
