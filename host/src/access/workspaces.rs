//! The workspaces in memory, in step with the store.

use super::NAME_BYTES_MAX;
use crate::{
    context::Context,
    ids::WorkspaceId,
    store::{StoreError, Workspace},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
};
use tokio::sync::{Mutex, MutexGuard};

/// Most workspaces: some megabytes of memory.
pub const WORKSPACES_MAX: usize = 10_000;

/// Every workspace. There is no way to delete one, since its messages stay.
pub struct Workspaces {
    all: RwLock<BTreeMap<WorkspaceId, Workspace>>,
    /// One change at a time, so that memory and store see them in the same order.
    turn: Mutex<()>,
}

/// Why a workspace was not made or renamed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkspaceError {
    /// The client's mistake.
    #[error("there is a workspace of this name already")]
    Taken,
    /// The operator's to decide; nobody needs so many.
    #[error("there are {WORKSPACES_MAX} workspaces already")]
    TooMany,
    /// The client's mistake.
    #[error("a name has at most {NAME_BYTES_MAX} bytes")]
    NameTooLong,
    /// The client's mistake.
    #[error("no such workspace")]
    Unknown,
    /// Busy or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Workspaces {
    /// The workspaces of the store.
    pub fn new(workspaces: Vec<Workspace>) -> Self {
        Self {
            all: RwLock::new(Self::table(workspaces)),
            turn: Mutex::new(()),
        }
    }

    /// The workspace of this name.
    pub fn find(&self, name: &str) -> Option<Workspace> {
        self.read().get(name).cloned()
    }

    /// The id of the workspace of this name, if there is one.
    pub fn id(&self, name: &str) -> Option<WorkspaceId> {
        self.read().get_key_value(name).map(|(id, _)| id.clone())
    }

    /// The workspace of this number.
    pub fn find_number(&self, number: u32) -> Option<Workspace> {
        let all = self.read();
        all.values().find(|one| one.number == number).cloned()
    }

    /// Those whose name comes after `after`, by name, at most `limit`.
    pub fn list(&self, after: Option<&str>, limit: usize) -> Vec<Workspace> {
        let all = self.read();
        let behind = |one: &&Workspace| after.is_none_or(|after| one.id.as_str() > after);
        all.values().filter(behind).take(limit).cloned().collect()
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<WorkspaceId, Workspace>> {
        self.all.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody changes them until it is dropped.
    pub(crate) async fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// These are all, as the store has them.
    pub(crate) fn replace(&self, workspaces: Vec<Workspace>) {
        let mut all = self.all.write().unwrap_or_else(PoisonError::into_inner);
        *all = Self::table(workspaces);
    }

    fn table(workspaces: Vec<Workspace>) -> BTreeMap<WorkspaceId, Workspace> {
        let all = workspaces.into_iter().map(|one| (one.id.clone(), one));
        all.collect()
    }

    fn keep(&self, workspace: Workspace) {
        let mut all = self.all.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(workspace.id.clone(), workspace);
    }
}

/// Makes a workspace. To be run to its end.
///
/// # Errors
/// [`WorkspaceError`]; nothing is stored then.
pub async fn create_workspace(
    context: Arc<Context>,
    id: WorkspaceId,
    name: Option<String>,
) -> Result<Workspace, WorkspaceError> {
    check_name(name.as_deref())?;
    let workspaces = &context.workspaces;
    let _turn = workspaces.turn.lock().await;
    if workspaces.read().len() >= WORKSPACES_MAX {
        return Err(WorkspaceError::TooMany);
    }
    let mut workspace = Workspace {
        id,
        // The store's to give.
        number: 0,
        name,
        created_at_ms: context.clock.now_ms(),
    };
    let stored = context.store.create_workspace(workspace.clone()).await?;
    workspace.number = stored.ok_or(WorkspaceError::Taken)?;
    workspaces.keep(workspace.clone());
    Ok(workspace)
}

/// Gives a workspace another name, or none. Its id stays. To be run to its end.
///
/// # Errors
/// [`WorkspaceError`]; nothing is changed then.
pub async fn rename_workspace(
    context: Arc<Context>,
    id: WorkspaceId,
    name: Option<String>,
) -> Result<Workspace, WorkspaceError> {
    check_name(name.as_deref())?;
    let workspaces = &context.workspaces;
    let _turn = workspaces.turn.lock().await;
    let found = workspaces.find(id.as_str());
    let mut workspace = found.ok_or(WorkspaceError::Unknown)?;
    workspace.name = name;
    context.store.rename_workspace(workspace.clone()).await?;
    workspaces.keep(workspace.clone());
    Ok(workspace)
}

fn check_name(name: Option<&str>) -> Result<(), WorkspaceError> {
    match name.is_none_or(|name| name.len() <= NAME_BYTES_MAX) {
        true => Ok(()),
        false => Err(WorkspaceError::NameTooLong),
    }
}
