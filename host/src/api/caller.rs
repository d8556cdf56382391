//! Who asks, for which workspace, and whether they may.

use super::{
    App, Problem,
    describe::{Input, Needs, Operation, Schemas},
    request::header_text,
};
use crate::{
    access::{Keys, digest},
    config::compat::is_loopback,
    context::Context,
    ids::{ApiKeyId, WorkspaceId},
    store::{ApiKey, KeyDigest, Permission, Role},
};
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, StatusCode, header, request::Parts},
};
use std::{marker::PhantomData, ops::Deref, sync::Arc};

/// The header in which a caller who may work in every workspace names one.
pub const WORKSPACE_HEADER: &str = "Countersign-Workspace";

/// Who asks, as far as their key tells. In the extensions of every request behind `admit`.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The key that was shown; `None` for the token of the configuration, and where no token is set.
    key: Option<Arc<ApiKey>>,
}

/// Who asks, and for which workspace.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Where they may work; `None` in every workspace.
    pub scope: Option<WorkspaceId>,
    /// Which workspace this request is about.
    pub workspace: WorkspaceId,
    /// Their key; `None` for the operator.
    pub key: Option<ApiKeyId>,
    pub role: Role,
}

impl Caller {
    /// Refuses what the caller's role does not include.
    ///
    /// # Errors
    /// 403, `role_insufficient`.
    pub fn require(&self, needed: Permission) -> Result<(), Problem> {
        let roles = match needed {
            _ if self.role.includes(needed) => return Ok(()),
            Permission::Read => "read, manage or admin",
            Permission::Publish => "publish, manage or admin",
            Permission::Manage => "manage or admin",
            Permission::Administer => "admin",
        };
        Err(Problem::new(
            StatusCode::FORBIDDEN,
            "role_insufficient",
            format!("this needs a key with the role {roles}"),
        )
        .at("Authorization"))
    }

    /// Refuses what concerns every workspace, unless the caller may work in all.
    ///
    /// # Errors
    /// 403, `workspace_forbidden`.
    pub fn require_all_workspaces(&self) -> Result<(), Problem> {
        match &self.scope {
            None => Ok(()),
            Some(scope) => Err(Problem::new(
                StatusCode::FORBIDDEN,
                "workspace_forbidden",
                format!(
                    "this key is for the workspace `{scope}` alone; use one for all workspaces"
                ),
            )
            .at("Authorization")),
        }
    }
}

/// What a handler needs its caller to be allowed. A handler gets its workspace in no other way, so none can forget to ask.
pub trait Permit {
    const NEEDED: Permission;
}

/// Any handler that only looks.
#[derive(Debug, Clone, Copy)]
pub struct Reading;
/// Publishing.
#[derive(Debug, Clone, Copy)]
pub struct Publishing;
/// Changing what is of a workspace.
#[derive(Debug, Clone, Copy)]
pub struct Managing;
/// Keys and workspaces.
#[derive(Debug, Clone, Copy)]
pub struct Administering;

impl Permit for Reading {
    const NEEDED: Permission = Permission::Read;
}
impl Permit for Publishing {
    const NEEDED: Permission = Permission::Publish;
}
impl Permit for Managing {
    const NEEDED: Permission = Permission::Manage;
}
impl Permit for Administering {
    const NEEDED: Permission = Permission::Administer;
}

/// The caller of a handler, who is allowed to do what it does.
pub struct Allowed<P> {
    caller: Caller,
    permit: PhantomData<P>,
}

impl<P> Deref for Allowed<P> {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

impl<P: Permit> FromRequestParts<Arc<App>> for Allowed<P> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        // Routes without `admit` have no callers.
        let identity = parts.extensions.get::<Identity>();
        let identity = identity.ok_or_else(Problem::internal)?;
        let caller = identity.caller(&app.context, &parts.headers)?;
        caller.require(P::NEEDED)?;
        Ok(Self {
            caller,
            permit: PhantomData,
        })
    }
}

impl<P: Permit> Input for Allowed<P> {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        operation.needs = Some(Needs::Role(P::NEEDED));
        refusals(operation, schemas);
    }
}

/// The caller of a handler that anybody with a key may ask.
pub struct Known;

impl<S: Send + Sync> FromRequestParts<S> for Known {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // Routes without `admit` have no callers.
        let identity = parts.extensions.get::<Identity>();
        identity.map(|_| Self).ok_or_else(Problem::internal)
    }
}

impl Input for Known {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        operation.needs = Some(Needs::AnyKey);
        refusals(operation, schemas);
    }
}

fn refusals(operation: &mut Operation, schemas: &mut Schemas) {
    operation.refuses(401, "No key that works", schemas);
    operation.refuses(403, "The key is for something else", schemas);
    operation.refuses(404, "The workspace is not there", schemas);
}

/// Who sends a request with these headers.
///
/// # Errors
/// 401 without a token or key that is known.
pub fn identify(context: &Context, headers: &HeaderMap) -> Result<Identity, Problem> {
    let config = context.config.current();
    let key = match who(bearer(headers), &config.api.token, &context.keys) {
        Who::Operator => None,
        Who::Key(key) => Some(key),
        Who::Nobody => return Err(Problem::without_key()),
        // A browser on this machine is nobody, whatever name it calls the machine by.
        Who::Anybody => {
            check_host(headers)?;
            None
        }
    };
    if let Some(key) = &key
        && key
            .expires_at_ms
            .is_some_and(|at_ms| at_ms <= context.clock.now_ms())
    {
        return Err(unauthorized("this key has expired; have another one made"));
    }
    Ok(Identity { key })
}

impl Identity {
    /// The caller of a request with these headers.
    ///
    /// # Errors
    /// 403 for another workspace than the key's, 404 for one that is not there.
    fn caller(&self, context: &Context, headers: &HeaderMap) -> Result<Caller, Problem> {
        let asked = header_text(headers, WORKSPACE_HEADER)?;
        let scope = self.key.as_ref().and_then(|key| key.workspace.as_ref());
        Ok(Caller {
            scope: scope.cloned(),
            workspace: workspace(context, scope, asked)?,
            key: self.key.as_ref().map(|key| key.id.clone()),
            // Without a key it is the operator.
            role: self.key.as_ref().map_or(Role::Admin, |key| key.role),
        })
    }
}

fn unauthorized(detail: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", detail).at("Authorization")
}

fn workspace(
    context: &Context,
    scope: Option<&WorkspaceId>,
    asked: Option<&str>,
) -> Result<WorkspaceId, Problem> {
    match (scope, asked) {
        (None, None) => Ok(WorkspaceId::default()),
        (Some(scope), None) => Ok(scope.clone()),
        (Some(scope), Some(asked)) if scope.as_str() == asked => Ok(scope.clone()),
        // Whether there is such a workspace is not told.
        (Some(scope), Some(_)) => Err(Problem::new(
            StatusCode::FORBIDDEN,
            "workspace_forbidden",
            format!("this key is for the workspace `{scope}` alone; leave the header out"),
        )
        .at(WORKSPACE_HEADER)),
        (None, Some(asked)) => context.workspaces.id(asked).ok_or_else(|| {
            Problem::new(
                StatusCode::NOT_FOUND,
                "workspace_unknown",
                "there is no workspace of this name; make it with POST /v1/workspaces",
            )
            .at(WORKSPACE_HEADER)
        }),
    }
}

enum Who {
    /// They have the token of the configuration.
    Operator,
    Key(Arc<ApiKey>),
    /// No token is set, and no key was shown.
    Anybody,
    Nobody,
}

fn who(shown: Option<&[u8]>, token: &str, keys: &Keys) -> Who {
    let Some(shown) = shown else {
        return match token.is_empty() {
            true => Who::Anybody,
            false => Who::Nobody,
        };
    };
    // Digests are of one length, so that the comparison tells nothing about the token's.
    let shown_digest = digest(shown);
    if token_digest(token) == Some(shown_digest) {
        return Who::Operator;
    }
    match keys.of_digest(&shown_digest) {
        Some(key) => Who::Key(key),
        // What was never a key may have been sent out of habit; a key that does not work must not seem to.
        None if token.is_empty() && !Keys::is_key(shown) => Who::Anybody,
        None => Who::Nobody,
    }
}

/// The digest of the token, `None` for an empty one.
fn token_digest(token: &str) -> Option<KeyDigest> {
    (!token.is_empty()).then(|| digest(token.as_bytes()))
}

fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, token) = value.split_at_checked(7)?;
    scheme
        .eq_ignore_ascii_case(b"bearer ")
        .then_some(token.trim_ascii())
}

/// Without a token the server listens on a loopback address only. A web page could still make a browser on this machine
/// send requests here under a name of its own that resolves to 127.0.0.1; such requests carry that name.
fn check_host(headers: &HeaderMap) -> Result<(), Problem> {
    let host = headers
        .get(header::HOST)
        .and_then(|value| value.to_str().ok());
    let name = host.map(|host| match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    });
    match name.is_some_and(is_loopback) {
        true => Ok(()),
        false => Err(Problem::new(
            StatusCode::FORBIDDEN,
            "host_forbidden",
            "without a token only requests to localhost are taken, and those with a key (POST /v1/keys on localhost makes one); set \
             COUNTERSIGN_API_TOKEN to allow others",
        )
        .at("Host")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        headers
    }

    #[test]
    fn only_the_token_lets_in() {
        let keys = Keys::new(Vec::new());
        let fits = |value: &str| {
            let headers = headers(header::AUTHORIZATION, value);
            matches!(who(bearer(&headers), "secret-token", &keys), Who::Operator)
        };
        assert!(fits("Bearer secret-token"));
        assert!(fits("bearer  secret-token"));
        for wrong in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer secret-toke",
            "Basic secret-token",
            "secret-token",
        ] {
            assert!(!fits(wrong), "{wrong}");
        }
        assert!(matches!(who(None, "secret-token", &keys), Who::Nobody));
        assert_eq!(token_digest(""), None);
    }

    #[test]
    fn without_a_token_a_key_that_is_shown_must_be_one() {
        let keys = Keys::new(Vec::new());
        assert!(matches!(who(None, "", &keys), Who::Anybody));
        assert!(matches!(who(Some(b""), "", &keys), Who::Anybody));
        assert!(matches!(who(Some(b"habit"), "", &keys), Who::Anybody));
        assert!(matches!(who(Some(b"csk_gone"), "", &keys), Who::Nobody));
    }

    #[test]
    fn without_a_token_the_host_must_be_this_machine() {
        let fits = |value: &str| check_host(&headers(header::HOST, value)).is_ok();
        for own in [
            "localhost",
            "LOCALHOST:80",
            "127.0.0.1:8700",
            "127.9.9.9",
            "[::1]:8700",
            "[::1]",
        ] {
            assert!(fits(own), "{own}");
        }
        for foreign in [
            "evil.example",
            "evil.example:8700",
            "localhost.evil.example",
            "10.0.0.1",
            "",
            ":80",
        ] {
            assert!(!fits(foreign), "{foreign}");
        }
        assert!(check_host(&HeaderMap::new()).is_err());
    }
}
