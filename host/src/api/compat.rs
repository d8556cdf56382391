//! The providers' own HTTP APIs, so that tools written against one of them work against this server.
//!
//! A provider's API is a surface: a router of its own, behind a base path and perhaps host names. A request is looked at once,
//! before the native routes: whose it is, with which key it comes (each provider has its own place for it) and which workspace
//! it is about. From there on handlers are like the native ones, and their problems are told in the provider's shape.

mod cleanmails;
mod credential;
mod dialect;
mod platform;
mod sendemall;
mod smartlead;
mod test;
mod webhooks;

use super::{App, Problem, admit, caller, no_route, panicked, wrong_method};
use crate::config::compat::{Served, WORKSPACE_OF_KEY, is_below};
use axum::{
    Router,
    extract::{OriginalUri, Request, State},
    http::{HeaderMap, HeaderValue, Uri, header, uri::PathAndQuery},
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
};
use countersign_core::provider::Provider;
use std::sync::Arc;
use tower::ServiceExt;
use tower_http::catch_panic::CatchPanicLayer;

/// The APIs that are switched on.
pub(super) struct Surfaces(Vec<Surface>);

struct Surface {
    served: Arc<Served>,
    base: String,
    router: Router,
}

impl Surfaces {
    /// Those of the configuration.
    pub(super) fn new(app: &Arc<App>) -> Self {
        let served = app.context.config.current().compat.served().into_iter();
        Self(served.map(|served| Surface::new(app, served)).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whose request it is. Most are nobody's, and are known by their path.
    fn find(&self, request: &Request) -> Option<&Surface> {
        let path = request.uri().path();
        let mut below = self
            .0
            .iter()
            .filter(|surface| is_below(path, &surface.base))
            .peekable();
        below.peek()?;
        let host = host(request.headers(), request.uri()).unwrap_or_default();
        below.find(|surface| surface.served.answers_on(&host))
    }
}

impl Surface {
    fn new(app: &Arc<App>, served: Served) -> Self {
        let served = Arc::new(served);
        let routes = match served.provider {
            Provider::Cleanmails => cleanmails::routes(),
            Provider::Smartlead => smartlead::routes(),
            Provider::Sendemall => sendemall::routes(),
            Provider::Platform => platform::routes(),
            // Has no section in the configuration.
            _ => Router::new(),
        };
        let provider = served.provider;
        let open = match provider {
            Provider::Smartlead => smartlead::open_routes(),
            _ => Router::new(),
        };
        let router = routes
            .fallback(no_route)
            .method_not_allowed_fallback(wrong_method)
            .layer(from_fn_with_state(Arc::clone(app), admit))
            .merge(open)
            .layer(CatchPanicLayer::custom(panicked))
            .layer(from_fn(move |request: Request, next: Next| async move {
                dialect::in_its_words(provider, next.run(request).await)
            }))
            .with_state(Arc::clone(app));
        Self {
            base: served.base(),
            router,
            served,
        }
    }

    /// The request as the routes of this surface take it: its path without the base and without a slash at its end, its key where
    /// `admit` looks for it, and nowhere else.
    fn take(&self, mut request: Request) -> Result<Request, Problem> {
        credential::move_to_bearer(self.served.provider, &mut request)?;
        // The one that was noted before holds the key still.
        let address = OriginalUri(request.uri().clone());
        request.extensions_mut().insert(address);
        let rest = request
            .uri()
            .path()
            .strip_prefix(&*self.base)
            .unwrap_or("/");
        let rest = match rest.strip_suffix('/') {
            // Two of them name something without a name.
            Some(bare) if !bare.ends_with('/') => bare,
            _ => rest,
        };
        let rest = match rest.is_empty() {
            true => "/",
            false => rest,
        };
        let target = match request.uri().query() {
            Some(query) => format!("{rest}?{query}"),
            None => rest.to_owned(),
        };
        let target = PathAndQuery::try_from(target).map_err(|_| Problem::not_found("route"))?;
        *request.uri_mut() = Uri::from(target);
        let headers = request.headers_mut();
        match self.served.section.workspace.as_str() {
            WORKSPACE_OF_KEY => {}
            // A key for another workspace is refused there.
            workspace => {
                let workspace =
                    HeaderValue::try_from(workspace).map_err(|_| Problem::internal())?;
                headers.insert(caller::WORKSPACE_HEADER, workspace);
            }
        }
        request.extensions_mut().insert(Arc::clone(&self.served));
        Ok(request)
    }
}

/// Hands requests that are a provider's to its routes, and others on.
pub(super) async fn dispatch(
    State(surfaces): State<Arc<Surfaces>>,
    request: Request,
    next: Next,
) -> Response {
    let Some(surface) = surfaces.find(&request) else {
        return next.run(request).await;
    };
    match surface.take(request) {
        Ok(request) => match surface.router.clone().oneshot(request).await {
            Ok(answer) => answer,
            Err(never) => match never {},
        },
        Err(problem) => dialect::in_its_words(surface.served.provider, problem.into_response()),
    }
}

/// What is to be set where nothing answers and a provider's API could.
pub(super) fn why_not(app: &App, address: &Uri, headers: &HeaderMap) -> Option<String> {
    let host = host(headers, address).unwrap_or_default();
    let config = app.context.config.current();
    config.compat.why_not(address.path(), &host)
}

/// The host name that a request is for, in lower case and without a port.
fn host(headers: &HeaderMap, address: &Uri) -> Option<String> {
    let named = headers.get(header::HOST);
    let named = match named.and_then(|value| value.to_str().ok()) {
        Some(host) => host,
        None => address.host()?,
    };
    let name = match named.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => named,
    };
    Some(name.trim_end_matches('.').to_ascii_lowercase())
}
