//! `/v1/workspaces`

use super::{
    App,
    caller::{Administering, Allowed, Caller, Reading},
    describe::{
        Contested, Created, Routes, Shown,
        Verb::{Get, Patch, Post},
    },
    page::Paged,
    problem::Problem,
    typed::{Body, Params, WorkspacePath},
    views::time,
};
use crate::{
    access::{self, WorkspaceError},
    context::to_its_end,
    ids::WorkspaceId,
    store,
};
use axum::{extract::State, http::StatusCode};
use countersign_api::{CreateWorkspace, PageQuery, RenameWorkspace, Workspace, Workspaces};
use std::sync::Arc;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .on(
            Get,
            "/workspaces",
            "list_workspaces",
            "Lists workspaces, by name.",
            list,
        )
        .on(
            Post,
            "/workspaces",
            "create_workspace",
            "Makes a workspace.",
            create,
        )
        .on(
            Get,
            "/workspaces/{id}",
            "show_workspace",
            "Shows a workspace.",
            show,
        )
        .on(
            Patch,
            "/workspaces/{id}",
            "rename_workspace",
            "Gives a workspace another name for people.",
            rename,
        )
}

pub(super) async fn create(
    State(app): State<Arc<App>>,
    caller: Allowed<Administering>,
    Body(new): Body<CreateWorkspace>,
) -> Result<Contested<Created<Workspace>>, Problem> {
    caller.require_all_workspaces()?;
    let id = WorkspaceId::parse(&new.id);
    let id =
        id.ok_or_else(|| Problem::field("id_invalid", "id", "`id` is no name of a workspace"))?;
    let made = access::create_workspace(Arc::clone(&app.context), id, new.name);
    Ok(Contested(Created(view(&to_its_end(made).await?))))
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Allowed<Reading>,
    Params(page): Params<PageQuery>,
) -> Result<Shown<Workspaces>, Problem> {
    let paged = Paged::new(page.limit, page.after.as_deref(), WorkspaceId::parse)?;
    let after = paged.after.as_ref().map(WorkspaceId::as_str);
    let workspaces = &app.context.workspaces;
    let found = match &caller.scope {
        None => workspaces.list(after, paged.one_more()),
        // The only one is never behind itself.
        Some(own) => {
            let behind = after.is_none_or(|after| own.as_str() > after);
            let own = workspaces.find(own.as_str()).filter(|_| behind);
            own.into_iter().collect()
        }
    };
    let (found, next) = paged.cut(found, |last| last.id.to_string());
    Ok(Shown(Workspaces {
        workspaces: found.iter().map(view).collect(),
        next,
    }))
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    caller: Allowed<Reading>,
    WorkspacePath(id): WorkspacePath,
) -> Result<Shown<Workspace>, Problem> {
    Ok(Shown(view(&own(&app, &caller, &id)?)))
}

pub(super) async fn rename(
    State(app): State<Arc<App>>,
    caller: Allowed<Administering>,
    WorkspacePath(id): WorkspacePath,
    Body(change): Body<RenameWorkspace>,
) -> Result<Shown<Workspace>, Problem> {
    let workspace = own(&app, &caller, &id)?;
    let renamed = match change.name {
        None => workspace,
        Some(name) => {
            let context = Arc::clone(&app.context);
            to_its_end(access::rename_workspace(context, workspace.id, name)).await?
        }
    };
    Ok(Shown(view(&renamed)))
}

/// The workspace of this name, unless the caller's key is for another one.
pub(super) fn own(app: &App, caller: &Caller, id: &str) -> Result<store::Workspace, Problem> {
    let visible = caller.scope.as_ref().is_none_or(|own| own.as_str() == id);
    let found = app.context.workspaces.find(id).filter(|_| visible);
    found.ok_or_else(|| Problem::not_found("workspace"))
}

fn view(workspace: &store::Workspace) -> Workspace {
    Workspace {
        id: workspace.id.to_string(),
        number: workspace.number,
        name: workspace.name.clone(),
        created_at: time(workspace.created_at_ms),
    }
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
