//! Errors as clients see them: `application/problem+json` (RFC 9457) with a stable `code`.

use crate::{
    endpoints::EndpointError,
    publish::{BatchError, PublishError},
    records::replay::ReplayError,
    rules::RulesError,
    store::StoreError,
};
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use countersign_api::ProblemOfEvent;
use countersign_guest::Rejection;

/// Seconds after which a client may try again when the store is busy or has failed.
const RETRY_AFTER_S: u32 = 1;
/// The same when the disk is full: room is rarely made within a second.
const RETRY_AFTER_FULL_S: u32 = 30;

/// An error for a client. Says what is wrong, where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    code: String,
    detail: String,
    field: Option<String>,
    /// Of the events of a batch, by their place.
    events: Vec<(usize, Problem)>,
}

/// Most problems of events that are told at a time. Whoever has more has made the same mistake often.
pub(super) const PROBLEMS_MAX: usize = 100;

impl Problem {
    /// A problem.
    pub fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            detail: detail.into(),
            field: None,
            events: Vec::new(),
        }
    }

    /// Some events of a batch are wrong, and so none was published.
    pub(super) fn of_events(events: Vec<(usize, Self)>) -> Self {
        let conflict = events
            .iter()
            .any(|(_, problem)| problem.status == StatusCode::CONFLICT);
        let status = match conflict {
            true => StatusCode::CONFLICT,
            false => StatusCode::BAD_REQUEST,
        };
        let detail = "none of the events was published, because of what `errors` says of those at each `index`";
        Self {
            events,
            ..Self::new(status, "events_rejected", detail).at("events")
        }
    }

    /// A problem with one field of the request.
    pub fn field(code: &str, field: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail).at(field)
    }

    /// The problem, with the field or header that it is about.
    #[must_use]
    pub fn at(self, field: &str) -> Self {
        Self {
            field: Some(field.to_owned()),
            ..self
        }
    }

    /// There is nothing here, or no longer.
    pub fn not_found(what: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not_found",
            format!("there is no {what} of this id"),
        )
    }

    /// Nobody who is known.
    pub(super) fn without_key() -> Self {
        let detail =
            "send a key of the API, or the token of this server: `Authorization: Bearer ...`";
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", detail).at("Authorization")
    }

    /// A defect of this program. The details are in its log, not in the answer.
    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "this is a defect of the server; its log says more. Nothing was stored",
        )
    }

    /// The stable name of the problem.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The status that it is answered with.
    pub(super) const fn status(&self) -> StatusCode {
        self.status
    }

    /// What is wrong and what to do.
    pub(super) fn detail(&self) -> &str {
        &self.detail
    }

    /// The field or header that it is about.
    pub(super) fn about(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// The problem as clients see it.
    pub fn shown(&self) -> countersign_api::Problem {
        let title = self.status.canonical_reason().unwrap_or("Error");
        let errors = self.events.iter().map(|(index, problem)| ProblemOfEvent {
            index: *index as u64,
            code: problem.code.clone(),
            detail: problem.detail.clone(),
            field: problem.field.clone(),
        });
        countersign_api::Problem {
            r#type: "about:blank".to_owned(),
            title: title.to_owned(),
            status: self.status.as_u16(),
            code: self.code.clone(),
            detail: self.detail.clone(),
            field: self.field.clone(),
            errors: errors.collect(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let full = self.code == "store_full";
        // For who tells it in another shape.
        let told = self.clone();
        // Texts and numbers: nothing that JSON cannot hold.
        let body = serde_json::to_vec(&self.shown()).unwrap_or_default();
        let mut answer = (self.status, body).into_response();
        let headers = answer.headers_mut();
        let problem = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, problem);
        match self.status {
            StatusCode::SERVICE_UNAVAILABLE => {
                let retry_after_s = match full {
                    true => RETRY_AFTER_FULL_S,
                    false => RETRY_AFTER_S,
                };
                headers.insert(header::RETRY_AFTER, retry_after_s.into());
            }
            StatusCode::UNAUTHORIZED => {
                let bearer = HeaderValue::from_static("Bearer");
                headers.insert(header::WWW_AUTHENTICATE, bearer);
            }
            _ => {}
        }
        answer.extensions_mut().insert(told);
        answer
    }
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        match rejection.field.is_empty() {
            true => Self::new(StatusCode::BAD_REQUEST, &rejection.code, rejection.message),
            false => Self::field(&rejection.code, &rejection.field, rejection.message),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        // The store has told of its failures in the log.
        let (code, detail) = match error {
            StoreError::Busy => (
                "unavailable",
                "too many requests are waiting for the disk, nothing was stored; try again",
            ),
            StoreError::Closed => ("unavailable", "the server is stopping; try again"),
            StoreError::Full => (
                "store_full",
                "the server's disk has no room left, nothing was stored; try again later, or tell its operator",
            ),
            StoreError::Locked => (
                "store_locked",
                "another program on the server keeps its data locked, nothing was stored; try again",
            ),
            StoreError::Unreachable { .. } => (
                "store_unreachable",
                "the server's database does not answer, nothing was stored; try again",
            ),
            StoreError::Changed => (
                "unavailable",
                "another server has changed the same meanwhile, nothing was stored; try again",
            ),
            StoreError::LeaseLost
            | StoreError::InUse { .. }
            | StoreError::Damaged { .. }
            | StoreError::Failed { .. }
            | StoreError::Key(_) => (
                "unavailable",
                "the store failed, nothing was stored; the server's log says more. Try again",
            ),
        };
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail)
    }
}

impl From<ReplayError> for Problem {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::TooMany => Self::new(
                StatusCode::CONFLICT,
                "too_many_replays",
                format!("{error}; wait for one to end, or cancel one"),
            ),
            ReplayError::Store(error) => error.into(),
            ReplayError::Rules(error) => {
                tracing::error!(%error, "the rules failed");
                Self::internal()
            }
        }
    }
}

impl From<EndpointError> for Problem {
    fn from(error: EndpointError) -> Self {
        match error {
            EndpointError::Rejected(rejection) => rejection.into(),
            EndpointError::Unknown => Self::not_found("endpoint"),
            EndpointError::Store(error) => error.into(),
            EndpointError::Rules(error) => {
                tracing::error!(%error, "the rules failed");
                Self::internal()
            }
        }
    }
}

impl From<PublishError> for Problem {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::Rejected(rejection) => rejection.into(),
            PublishError::IdempotencyConflict => Self::new(
                StatusCode::CONFLICT,
                "idempotency_conflict",
                "this Idempotency-Key or event_id was used for a request with another body within the last 24 hours; \
                 use a new one for a new event",
            )
            .at("Idempotency-Key"),
            PublishError::Revoked => Self::without_key(),
            PublishError::Store(error) => error.into(),
            PublishError::Rules(RulesError::Deadline) => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                "the server is short of time, nothing was stored; try again",
            ),
            PublishError::Rules(error) => {
                tracing::error!(%error, "the rules failed");
                Self::internal()
            }
        }
    }
}

impl From<BatchError> for Problem {
    fn from(error: BatchError) -> Self {
        match error {
            BatchError::Rejected(rejections) => {
                let problem = |(place, rejection): (usize, Rejection)| (place, rejection.into());
                Self::of_events(rejections.into_iter().map(problem).collect())
            }
            BatchError::IdempotencyConflict(None) => PublishError::IdempotencyConflict.into(),
            BatchError::IdempotencyConflict(Some(place)) => {
                let detail = "this event_id was used for another event within the last 24 hours";
                let problem = Self::new(StatusCode::CONFLICT, "idempotency_conflict", detail);
                Self::of_events(Vec::from([(place, problem.at("event_id"))]))
            }
            BatchError::Revoked => PublishError::Revoked.into(),
            BatchError::Store(error) => error.into(),
            BatchError::Rules(error) => PublishError::Rules(error).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;
    use serde_json::Value;

    async fn rendered(problem: Problem) -> (StatusCode, Option<HeaderValue>, Value) {
        let answer = problem.into_response();
        let status = answer.status();
        let retry_after = answer.headers().get(header::RETRY_AFTER).cloned();
        assert_eq!(
            answer.headers()[header::CONTENT_TYPE],
            "application/problem+json"
        );
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, retry_after, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn a_problem_names_code_field_and_remedy() {
        let rejection = Rejection {
            field: "payload.event".to_owned(),
            code: "unknown_event_type".to_owned(),
            message: "known are: a, b".to_owned(),
        };
        let (status, _, body) = rendered(PublishError::Rejected(rejection).into()).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert_eq!(body["code"], "unknown_event_type");
        assert_eq!(body["field"], "payload.event");
        assert_eq!(body["status"], 400);
        assert_eq!(body["title"], "Bad Request");
    }

    #[tokio::test]
    async fn a_busy_store_asks_to_come_back_and_details_of_failures_stay_inside() {
        let (status, retry_after, _) = rendered(StoreError::Busy.into()).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(retry_after.unwrap(), "1");
        let (status, retry_after, body) = rendered(StoreError::Full.into()).await;
        assert_eq!(
            (status, body["code"].as_str()),
            (StatusCode::SERVICE_UNAVAILABLE, Some("store_full"))
        );
        assert_eq!(retry_after.unwrap(), "30");
        let failed = StoreError::Failed {
            doing: "committing",
            problem: "disk I/O error at /secret/place".to_owned(),
        };
        let (_, _, body) = rendered(failed.into()).await;
        assert!(!body.to_string().contains("/secret/place"));
    }
}
