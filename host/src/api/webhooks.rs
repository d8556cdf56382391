//! `/api/webhooks` and `/api/webhooks/{source}`: what other senders post.
//!
//! No token of the API is asked for: each source is checked as its settings say. A stranger gets a status and no detail.

use super::{App, problem::Problem, request::read_raw};
use crate::{
    config::Config,
    context::to_its_end,
    intake::{IntakeError, Place, Posted},
    publish::PublishError,
};
use axum::{
    Json,
    extract::{OriginalUri, Path, Request, State, rejection::PathRejection},
    http::{HeaderMap, StatusCode, Uri},
};
use countersign_guest::Rejection;
use serde_json::{Value, json};
use std::sync::Arc;

/// Whoever posts to the route without a name and is nobody's sender, in the log.
const UNKNOWN: &str = "(unknown)";

/// What its operator can do about a request that finds nothing. A stranger learns no more of it than the manual says.
const SWITCHED_OFF: &str =
    "events of other senders are not taken in: the setting inbound.enabled says so";
const NO_SOURCE: &str = "a sender's address ends with the name of a source, which the section inbound.sources of the configuration \
                         gives it";

/// P12.
fn received() -> Json<Value> {
    Json(json!({ "received": true }))
}

/// The sender is told by its headers and the shape of the body (R-P6).
pub(super) async fn post(
    State(app): State<Arc<App>>,
    OriginalUri(address): OriginalUri,
    request: Request,
) -> Result<Json<Value>, Problem> {
    let _place = admit(&app, &address, request.headers())?;
    let (headers, body) = read(&app, request).await?;
    let intake = &app.intake;
    let read_at = app.context.rules.kernel.generation();
    match intake.recognise(&headers, &body).await? {
        Some(source) => {
            take_in(
                &app,
                Posted {
                    source,
                    read_at,
                    headers,
                    body,
                },
            )
            .await
        }
        None => {
            intake.refused(UNKNOWN, "no source is configured for such a request");
            Err(unverified())
        }
    }
}

/// The sender is told by its name.
pub(super) async fn post_to(
    State(app): State<Arc<App>>,
    OriginalUri(address): OriginalUri,
    name: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Json<Value>, Problem> {
    let _place = admit(&app, &address, request.headers())?;
    // What is no text is the name of nothing.
    let name = name.map(|Path(name)| name).unwrap_or_default();
    let is_known = |config: &Config| config.inbound.sources.named(&name).is_some();
    let unknown = (!is_known(&app.context.config.current()))
        .then(|| super::nothing_at(&app, &address, request.headers(), NO_SOURCE));
    let (headers, body) = read(&app, request).await?;
    let read_at = app.context.rules.kernel.generation();
    let config = app.context.config.current();
    match config.inbound.sources.named(&name).cloned() {
        Some(source) => {
            take_in(
                &app,
                Posted {
                    source,
                    read_at,
                    headers,
                    body,
                },
            )
            .await
        }
        // If not for the first of these, its section was taken out meanwhile.
        None => Err(unknown.unwrap_or_else(|| Problem::not_found("source"))),
    }
}

fn admit(app: &App, address: &Uri, headers: &HeaderMap) -> Result<Place, Problem> {
    if !app.context.config.current().inbound.enabled {
        return Err(super::nothing_at(app, address, headers, SWITCHED_OFF));
    }
    app.check_running()?;
    app.intake.place().ok_or_else(|| {
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "overloaded",
            "too many posts are under way; try again. The setting is inbound.requests_max",
        )
    })
}

async fn read(
    app: &App,
    request: Request,
) -> Result<(Vec<(String, Vec<u8>)>, bytes::Bytes), Problem> {
    let bytes_max = app.context.config.current().inbound.body_bytes_max;
    let hint = "; the setting is inbound.body_bytes_max";
    let (parts, body) = read_raw(request, app, bytes_max, hint).await;
    Ok((pairs(&parts.headers), body?))
}

fn pairs(headers: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    let pair = |(name, value): (&axum::http::HeaderName, &axum::http::HeaderValue)| {
        (name.as_str().to_owned(), value.as_bytes().to_vec())
    };
    headers.iter().map(pair).collect()
}

async fn take_in(app: &App, posted: Posted) -> Result<Json<Value>, Problem> {
    // Once more: the body may have taken its time to arrive.
    app.check_running()?;
    let intake = Arc::clone(&app.intake);
    to_its_end(intake.take_in(posted)).await?;
    Ok(received())
}

/// E27 as far as this server has a say in it: 401, and no word about what was wrong.
fn unverified() -> Problem {
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "unverified",
        "nothing vouches for this request; its sender and a source of this server (section inbound.sources of its configuration) must \
         have the same key",
    )
}

impl From<IntakeError> for Problem {
    fn from(error: IntakeError) -> Self {
        match error {
            IntakeError::Unverified(_) => unverified(),
            IntakeError::Unreadable(Rejection { code, message, .. }) => {
                Self::new(StatusCode::BAD_REQUEST, &code, message)
            }
            IntakeError::NoWorkspace => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                "the server is not ready for these events, nothing was stored; its log says more. Try again",
            ),
            IntakeError::Rules(error) => PublishError::Rules(error).into(),
            IntakeError::Store(error) => error.into(),
        }
    }
}
