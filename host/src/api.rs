//! The native API: JSON over HTTP. Handlers translate; they decide nothing.

pub mod caller;
mod compat;
mod dead_letters;
mod deliveries;
mod endpoints;
mod events;
mod filters;
mod inbound;
mod keys;
mod problem;
mod replays;
mod request;
mod selection;
mod webhooks;
mod workspaces;

pub use self::problem::Problem;

use crate::{
    context::Context,
    ids::{ApiKeyId, DeliveryId, EndpointId, InboundId, MessageId, ReplayId},
    intake::Intake,
    records::replay::Replays,
    rules,
    store::StoreError,
    worker::Worker,
};
use axum::{
    Json, Router,
    extract::{FromRequestParts, Path, Request, State},
    http::{Method, StatusCode, Uri, request::Parts},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{get, post, put},
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
    pub batches: Semaphore,
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
pub fn router(app: Arc<App>) -> Router {
    let v1 = Router::new()
        .route("/version", get(version))
        .route("/endpoints", get(endpoints::list).post(endpoints::create))
        .route(
            "/endpoints/{id}",
            get(endpoints::show)
                .patch(endpoints::change)
                .delete(endpoints::delete),
        )
        .route("/endpoints/{id}/secret/rotate", post(endpoints::rotate))
        .route("/endpoints/{id}/secret/finish", post(endpoints::finish))
        .route("/endpoints/{id}/resume", post(endpoints::resume))
        .route("/endpoints/{id}/filter/dry-run", post(filters::dry_run))
        .route(
            "/endpoints/{id}/client-certificate",
            put(endpoints::certify).delete(endpoints::uncertify),
        )
        .route("/events", post(events::publish))
        .route("/events/batch", post(events::publish_batch))
        .route("/messages/{id}", get(deliveries::message))
        .route("/deliveries", get(deliveries::list))
        .route("/deliveries/{id}", get(deliveries::show))
        .route("/deliveries/{id}/retry", post(deliveries::retry))
        .route("/deliveries/{id}/resend", post(deliveries::resend))
        .route(
            "/deliveries/{id}/acknowledge",
            post(dead_letters::acknowledge_one),
        )
        .route("/dead-letters", get(dead_letters::list))
        .route("/dead-letters/count", get(dead_letters::count))
        .route("/dead-letters/acknowledge", post(dead_letters::acknowledge))
        .route("/replays", get(replays::list).post(replays::create))
        .route("/replays/{id}", get(replays::show))
        .route("/replays/{id}/pause", post(replays::pause))
        .route("/replays/{id}/resume", post(replays::resume))
        .route("/replays/{id}/cancel", post(replays::cancel))
        .route("/inbound", get(inbound::list))
        .route("/inbound/{id}", get(inbound::show))
        .route("/stats", get(deliveries::stats))
        .route(
            "/workspaces",
            get(workspaces::list).post(workspaces::create),
        )
        .route(
            "/workspaces/{id}",
            get(workspaces::show).patch(workspaces::rename),
        )
        .route("/keys", get(keys::list).post(keys::create))
        .route("/keys/{id}", get(keys::show).delete(keys::revoke))
        .fallback(no_route)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(Arc::clone(&app), admit));
    let surfaces = compat::Surfaces::new(&app);
    let native = Router::new()
        .route("/health", get(health))
        .route("/api/webhooks", post(webhooks::post))
        .route("/api/webhooks/{source}", post(webhooks::post_to))
        .nest("/v1", v1)
        .fallback(no_route)
        .method_not_allowed_fallback(wrong_method)
        .layer(CatchPanicLayer::custom(panicked))
        .with_state(app);
    match surfaces.is_empty() {
        true => native,
        false => native.layer(from_fn_with_state(Arc::new(surfaces), compat::dispatch)),
    }
}

async fn health() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

async fn version(State(app): State<Arc<App>>) -> Json<Value> {
    Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "kernel_sha256": rules::KERNEL_SHA256,
        "guest_sha256": app.context.rules.guest.sha256(),
        "wasmtime": rules::WASMTIME_VERSION,
    }))
}

async fn no_route(address: Uri) -> Problem {
    let path: String = address.path().chars().take(200).collect();
    let detail = format!("there is nothing at {path}; events are published with POST /v1/events");
    Problem::new(StatusCode::NOT_FOUND, "not_found", detail)
}

async fn wrong_method(method: Method) -> Problem {
    let detail = format!("{method} is not possible here; the Allow header says what is");
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
}

fn panicked(_: Box<dyn Any + Send>) -> Response {
    // The panic hook has written where.
    tracing::error!("a request panicked: this is a defect");
    Problem::internal().into_response()
}

/// Lets in who may call at all, and says to handlers who it is.
async fn admit(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let caller = caller::identify(&app.context, request.headers())?;
    app.check_running()?;
    let Some(_place) = app.place() else {
        return Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "overloaded",
            "too many requests are under way; try again. The setting is api.requests_max",
        ));
    };
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

/// An id in the path. What is none is an id of nothing: 404.
struct IdPath<T>(T);

trait PathId: Sized {
    const WHAT: &str;
    fn read(text: &str) -> Option<Self>;
}

macro_rules! path_ids {
    ($($id:ty = $what:literal),*) => {$(
        impl PathId for $id {
            const WHAT: &str = $what;
            fn read(text: &str) -> Option<Self> {
                Self::parse(text)
            }
        }
    )*};
}

path_ids!(
    EndpointId = "endpoint",
    MessageId = "message",
    DeliveryId = "delivery",
    ReplayId = "replay",
    InboundId = "request",
    ApiKeyId = "key"
);

impl<S: Send + Sync, T: PathId> FromRequestParts<S> for IdPath<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let text = Path::<String>::from_request_parts(parts, state).await;
        let id = text.ok().and_then(|Path(text)| T::read(&text));
        id.map(Self).ok_or_else(|| Problem::not_found(T::WHAT))
    }
}
