//! Problems in each provider's shape.

use super::credential;
use crate::api::Problem;
use axum::{
    Json,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use countersign_core::provider::Provider;
use serde_json::{Value, json};

/// Headers of a problem that mean the same to every client.
const KEPT: [header::HeaderName; 3] =
    [header::ALLOW, header::RETRY_AFTER, header::WWW_AUTHENTICATE];

/// An answer as the provider's clients know it: problems are told in its shape, everything else is left as it is.
pub(super) fn in_its_words(provider: Provider, mut answer: Response) -> Response {
    let Some(problem) = answer.extensions_mut().remove::<Problem>() else {
        return answer;
    };
    // A key for another workspace than this one's is none here, and is told no more.
    let problem = match (problem.status(), problem.code()) {
        (StatusCode::UNAUTHORIZED, _) | (_, "workspace_forbidden") => credential::unknown(provider),
        _ => problem,
    };
    let mut told = (problem.status(), Json(body(provider, &problem))).into_response();
    for name in KEPT {
        if let Some(value) = answer.headers_mut().remove(&name) {
            told.headers_mut().insert(name, value);
        }
    }
    told
}

/// None of the documents says what an error looks like. What they say of successes is kept: SendEmAll's `success` (E13),
/// SmartLead's `ok`, the bare objects of the other two. The text is under `error` everywhere, and SmartLead's clients look for
/// `message`, too.
fn body(provider: Provider, problem: &Problem) -> Value {
    let mut body = json!({ "error": problem.detail(), "code": problem.code() });
    if let Some(field) = problem.about() {
        body["field"] = field.into();
    }
    match provider {
        Provider::Smartlead => {
            body["ok"] = false.into();
            body["message"] = problem.detail().into();
        }
        Provider::Sendemall => body["success"] = false.into(),
        _ => {}
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    async fn told(provider: Provider, problem: Problem) -> (StatusCode, Value, Response<()>) {
        let answer = in_its_words(provider, problem.into_response());
        let (parts, body) = answer.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let json = serde_json::from_slice(&bytes).unwrap();
        (parts.status, json, Response::from_parts(parts, ()))
    }

    #[tokio::test]
    async fn a_problem_keeps_status_and_text_and_takes_the_provider_s_shape() {
        let problem = || Problem::field("unknown_event_type", "events", "no event type a");
        let (status, json, answer) = told(Provider::Sendemall, problem()).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert_eq!(
            json,
            json!({"success": false, "error": "no event type a", "code": "unknown_event_type", "field": "events"})
        );
        assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/json");
        let (_, json, _) = told(Provider::Smartlead, problem()).await;
        assert_eq!(
            (&json["ok"], &json["message"]),
            (&json!(false), &json!("no event type a"))
        );
        let (_, json, _) = told(Provider::Cleanmails, problem()).await;
        assert_eq!(json["error"], "no event type a");
    }

    #[tokio::test]
    async fn who_has_no_key_is_told_where_it_belongs_and_who_comes_too_early_when_to_come_back() {
        let problem = Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", "any");
        let (_, json, answer) = told(Provider::Smartlead, problem).await;
        assert!(
            json["error"].as_str().unwrap().contains("api_key"),
            "{json}"
        );
        assert_eq!(answer.headers()[header::WWW_AUTHENTICATE], "Bearer");
        let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "busy");
        let (_, _, answer) = told(Provider::Platform, problem).await;
        assert_eq!(answer.headers()[header::RETRY_AFTER], "1");
    }

    #[test]
    fn what_is_no_problem_is_left_alone() {
        let answer = in_its_words(Provider::Platform, StatusCode::NO_CONTENT.into_response());
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    }
}
