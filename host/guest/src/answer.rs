//! From a question to its answer.

use crate::{
    message::{Answer, Call, CheckEndpoint, EndpointRules, Judge, Rejection},
    plan::plan,
    publish::{notified, publish, tried},
    receive,
    sample::sample,
    settings::EndpointSettings,
    source::Source,
};
use countersign_core::{
    delivery::{
        judge,
        machine::{self, Transition, endpoint},
        rotation::{RotationError, rotate, signing_order},
    },
    normalise::recognise_request,
    provider::PayloadError,
};

/// Answers the bytes of a call with the bytes of an answer.
pub fn answer(call: &[u8]) -> Vec<u8> {
    let answer = match postcard::from_bytes(call) {
        Ok(call) => decide(call).unwrap_or_else(Answer::Rejected),
        Err(error) => Answer::Rejected(Rejection {
            field: String::new(),
            code: "call_invalid".to_owned(),
            message: format!("the host wrote a call that cannot be read: {error}"),
        }),
    };
    // Answers hold nothing that postcard cannot write; an empty answer is one that the host cannot read.
    postcard::to_allocvec(&answer).unwrap_or_default()
}

fn decide(call: Call) -> Result<Answer, Rejection> {
    match call {
        Call::CheckEndpoint(endpoint) => {
            check_endpoint(&endpoint).map(|(rules, settings)| Answer::Endpoint(rules, settings))
        }
        Call::Publish(event) => publish(&event).map(Answer::Published),
        Call::Plan {
            provider,
            standard_headers,
            signature,
        } => plan(Source::named(&provider)?, standard_headers, signature).map(Answer::Plan),
        Call::Notify(notify) => Ok(Answer::Published(notified(&notify))),
        Call::Try(asked) => Ok(Answer::Tried(tried(&asked))),
        Call::Judge(question) => judged(&question),
        Call::Reactivate { health } => Ok(Answer::Health(health.after_reactivation())),
        Call::Move { state, input } => {
            Ok(Answer::Moved(match endpoint::transition(state, input) {
                Transition::To(next) => Some(next),
                Transition::Ignored(_) | Transition::Refused(_) => None,
            }))
        }
        Call::Allowed { input } => Ok(Answer::Allowed(machine::delivery::allowed(input).collect())),
        Call::SigningOrder { secrets, now_ms } => {
            Ok(Answer::SigningOrder(signing_order(&secrets, now_ms)))
        }
        Call::Rotate {
            secrets,
            rotation,
            now_ms,
        } => rotate(&secrets, rotation, now_ms)
            .map(Answer::Rotated)
            .map_err(Rejection::from),
        Call::Recognise { headers, body } => {
            let source = recognise_request(&headers, &body);
            let name = source.map(|source| source.name().to_owned());
            Ok(Answer::Recognised(name))
        }
        Call::Receive(request) => receive::receive(&request).map(Answer::Received),
        Call::Sample(wanted) => sample(&wanted).map(Answer::Sample),
    }
}

impl From<RotationError> for Rejection {
    fn from(error: RotationError) -> Self {
        let (field, code, message) = match error {
            RotationError::OverlapTooLong => (
                "overlap_s",
                "rotation_invalid",
                "`overlap_s` must be from 0 to 604800 (7 days)",
            ),
            RotationError::SwitchAfterOverlap => (
                "switch_s",
                "rotation_invalid",
                "`switch_s` must not be longer than `overlap_s`, which is 86400 (a day) when it is left out",
            ),
            RotationError::TooManySecrets => (
                "secret",
                "too_many_secrets",
                "the endpoint has 5 secrets that are still alive; wait until one expires, end the overlap with \
                 `POST .../secret/finish`, or rotate with `overlap_s` 0, which drops all old ones",
            ),
            _ => (
                "overlap_s",
                "rotation_invalid",
                "the secret cannot be rotated like this",
            ),
        };
        Self {
            field: field.to_owned(),
            code: code.to_owned(),
            message: message.to_owned(),
        }
    }
}

fn check_endpoint(
    endpoint: &CheckEndpoint,
) -> Result<(EndpointRules, EndpointSettings), Rejection> {
    let source = Source::named(&endpoint.provider)?;
    let rules = source.rules(endpoint)?;
    let (settings, signature) = (endpoint.settings.as_deref(), endpoint.signature.as_deref());
    let settings = match (settings, signature) {
        (None, None) => endpoint.before.clone(),
        (settings, signature) => endpoint.before.with(source, settings, signature)?,
    };
    Ok((rules, settings))
}

fn judged(question: &Judge) -> Result<Answer, Rejection> {
    let source = Source::named(&question.provider)?;
    let own = question
        .settings
        .as_ref()
        .map(|settings| settings.over(source.policy()))
        .transpose()
        // They were checked when they were set.
        .map_err(|error| Rejection {
            field: "settings".to_owned(),
            code: error.code().to_owned(),
            message: error.to_string(),
        })?;
    let mut judgement = judge(
        own.as_ref().unwrap_or_else(|| source.policy()),
        &question.attempt,
        &question.health,
        question.state,
        question.scale,
        question.chance,
    );
    // What happens to a notice is not told: each would be the cause of the next.
    if let Source::Operational = source {
        judgement.notices.clear();
    }
    Ok(Answer::Judged(judgement))
}

impl From<PayloadError> for Rejection {
    fn from(error: PayloadError) -> Self {
        let field = match error.path.as_str() {
            "" | "." => "payload".to_owned(),
            path => format!("payload.{path}"),
        };
        Self {
            field,
            code: error.code().to_owned(),
            message: error.to_string(),
        }
    }
}

#[cfg(test)]
mod tests;
