//! The native API: JSON over HTTP. Handlers translate; they decide nothing.

pub mod caller;
mod checked;
mod compat;
mod dead_letters;
mod deliveries;
mod describe;
mod docs;
mod endpoints;
mod event_types;
mod events;
mod filters;
mod inbound;
mod keys;
mod messages;
mod openapi;
mod page;
mod pings;
mod problem;
mod replays;
mod request;
mod selection;
mod stats;
mod typed;
mod views;
mod webhooks;
mod workspaces;

pub use self::problem::Problem;

use self::describe::Routes;
use crate::{
    context::Context, intake::Intake, records::replay::Replays, store::StoreError, worker::Worker,
};
use axum::{
    Json, Router,
    extract::{OriginalUri, Request, State},
    http::{HeaderMap, Method, StatusCode, Uri},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use std::{
    any::Any,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;

/// Batches that are read and published at a time. Each may be as long as
/// [`BATCH_BYTES_MAX`](crate::publish::BATCH_BYTES_MAX).
pub const BATCHES_MAX: usize = 16;

/// What handlers use.
pub struct App {
    pub context: Arc<Context>,
    pub worker: Arc<Worker>,
    pub replays: Arc<Replays>,
    pub intake: Arc<Intake>,
    /// Requests under way, bounded so that their bodies occupy bounded memory.
    pub requests: AtomicU32,
    /// Places for batches, which are longer than other requests; the others wait.
    pub batches: Arc<Semaphore>,
    /// Nothing more is taken.
    pub stopping: AtomicBool,
}

impl App {
    /// Refuses new work once the server is stopping.
    fn check_running(&self) -> Result<(), Problem> {
        match self.stopping.load(Ordering::Relaxed) {
            false => Ok(()),
            true => Err(StoreError::Closed.into()),
        }
    }

    /// A place for a request, if one is free.
    fn place(self: &Arc<Self>) -> Option<Place> {
        let most = self.context.config.current().api.requests_max;
        let one_more = |count: u32| count.checked_add(1).filter(|count| *count <= most);
        let taken = self
            .requests
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        taken.is_ok().then(|| Place(Arc::clone(self)))
    }
}

/// A place for a request. Given back when dropped.
struct Place(Arc<App>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

/// All routes.
///
/// # Panics
/// The description contradicts itself; a test would have met that.
pub fn router(app: Arc<App>) -> Router {
    let (v1, document) = routes();
    let v1 = v1
        .fallback(no_route)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(Arc::clone(&app), admit));
    let surfaces = compat::Surfaces::new(&app);
    let native = Router::new()
        .route("/health", get(health))
        .route("/ready", get(ready))
        .route("/api/webhooks", post(webhooks::post))
        .route("/api/webhooks/{source}", post(webhooks::post_to))
        .nest("/v1", v1)
        .merge(docs::routes(&document))
        .fallback(no_route)
        .method_not_allowed_fallback(wrong_method)
        .layer(CatchPanicLayer::custom(panicked))
        .with_state(app);
    match surfaces.is_empty() {
        true => native,
        // In front of all routes: one that takes other methods would put its own `Allow` on a provider's answer.
        false => Router::new()
            .fallback_service(native)
            .layer(from_fn_with_state(Arc::new(surfaces), compat::dispatch)),
    }
}

/// The description of the API, as it is served at `/openapi.json`.
pub fn openapi() -> Value {
    routes().1
}

/// The routes of the native API, and what they say of themselves.
fn routes() -> (Router<Arc<App>>, Value) {
    let routes = [
        workspaces::routes,
        stats::routes,
        keys::routes,
        endpoints::routes,
        pings::routes,
        filters::routes,
        event_types::routes,
        events::routes,
        messages::routes,
        deliveries::routes,
        dead_letters::routes,
        replays::routes,
        inbound::routes,
    ]
    .into_iter()
    .fold(Routes::new("/v1"), |routes, more| more(routes));
    let (router, operations, schemas) = routes.finish();
    (router, openapi::document(&operations, schemas))
}

async fn health() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// Whether requests should come here: for balancers.
async fn ready(State(app): State<Arc<App>>) -> (StatusCode, Json<Value>) {
    let reason = match app.check_running() {
        Err(_) => Some("stopping"),
        Ok(()) if !app.context.store.is_ready() => Some("store_unreachable"),
        Ok(()) => None,
    };
    match reason {
        None => (StatusCode::OK, Json(json!({ "status": "ready" }))),
        Some(reason) => {
            let told = json!({ "status": "unavailable", "reason": reason });
            (StatusCode::SERVICE_UNAVAILABLE, Json(told))
        }
    }
}

async fn no_route(
    State(app): State<Arc<App>>,
    OriginalUri(address): OriginalUri,
    headers: HeaderMap,
) -> Problem {
    let advice = "events are published with POST /v1/events";
    nothing_at(&app, &address, &headers, advice)
}

/// There is nothing at this address. What may have been looked for there is said, else the advice.
fn nothing_at(app: &App, address: &Uri, headers: &HeaderMap, advice: &str) -> Problem {
    let path: String = address.path().chars().take(200).collect();
    let detail = match compat::why_not(app, address, headers) {
        Some(why) => format!("there is nothing at {path}: {why}"),
        None => format!("there is nothing at {path}; {advice}"),
    };
    Problem::new(StatusCode::NOT_FOUND, "not_found", detail)
}

async fn wrong_method(
    State(app): State<Arc<App>>,
    method: Method,
    OriginalUri(address): OriginalUri,
    headers: HeaderMap,
) -> Problem {
    let mut detail = format!("{method} is not possible here; the Allow header says what is");
    if let Some(why) = compat::why_not(&app, &address, &headers) {
        detail = format!("{detail}. If it was meant for a provider's own API: {why}");
    }
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
}

fn panicked(_: Box<dyn Any + Send>) -> Response {
    // The panic hook has written where.
    tracing::error!("a request panicked: this is a defect");
    Problem::internal().into_response()
}

/// Lets in who may call at all, and says to handlers who it is. For which workspace, they find out themselves.
async fn admit(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    app.check_running()?;
    let identify = |request: &Request| caller::identify(&app.context, request.headers());
    let identity = match is_publishing(&request) {
        // What has changed is noticed when it is stored, so that only a key that is not known yet is a reason to look.
        true => match identify(&request) {
            Err(_) => {
                app.context.catch_up().await;
                identify(&request)?
            }
            known => known?,
        },
        false => {
            app.context.catch_up().await;
            identify(&request)?
        }
    };
    let Some(_place) = app.place() else {
        return Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "overloaded",
            "too many requests are under way; try again. The setting is api.requests_max",
        ));
    };
    request.extensions_mut().insert(identity);
    Ok(next.run(request).await)
}

/// Whether an event is published, or several: the requests that are many.
fn is_publishing(request: &Request) -> bool {
    request.method() == Method::POST && matches!(request.uri().path(), "/events" | "/events/batch")
}
