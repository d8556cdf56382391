//! From a question to its answer.

use crate::{
    message::{
        Answer, AskSample, Call, CheckEndpoint, DeliveryPlan, EndpointRules, Judge, Match, Publish,
        Published, Rejection, SignaturePlan, Target,
    },
    order::Keys,
    settings::EndpointSettings,
    source::{self, Source},
};
use countersign_core::{
    delivery::{
        judge,
        machine::{self, Transition, endpoint},
        rotation::{RotationError, rotate, signing_order},
    },
    event::EventKind,
    provider::{Defaults, Payload, PayloadError, Provider, UnknownProvider},
    sample::{self, Occasion},
    subscription::{Overlap, Scope, Subscription, SubscriptionError},
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
        } => Ok(Answer::Plan(match Source::named(&provider)? {
            Source::Provider(provider) => plan(provider, standard_headers),
            Source::Operational => source::plan(),
        })),
        Call::Notify(notify) => Ok(Answer::Published(source::notified(&notify))),
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
    let events = json("events", endpoint.events.as_deref())?;
    let scope = json("scope", endpoint.scope.as_deref())?;
    let rules = match source {
        Source::Provider(provider) => EndpointRules {
            subscription: Subscription::read(provider, events.as_ref())
                .map_err(|error| Rejection::from_subscription("events", &error))?,
            scope: Scope::read(provider, scope.as_ref())
                .map_err(|error| Rejection::from_subscription("scope", &error))?,
        },
        Source::Operational => source::rules(events.as_ref(), scope.as_ref())?,
    };
    let settings = match &endpoint.settings {
        Some(text) => endpoint.before.with(source, text)?,
        None => endpoint.before.clone(),
    };
    Ok((rules, settings))
}

fn json(field: &str, text: Option<&str>) -> Result<Option<serde_json::Value>, Rejection> {
    text.map(serde_json::from_str)
        .transpose()
        .map_err(|_| Rejection {
            field: field.to_owned(),
            code: "json_invalid".to_owned(),
            message: format!("`{field}` is not JSON"),
        })
}

fn publish(event: &Publish) -> Result<Published, Rejection> {
    let provider = match Source::named(&event.provider)? {
        Source::Provider(provider) => provider,
        Source::Operational => {
            return Err(Rejection {
                field: "provider".to_owned(),
                code: "provider_reserved".to_owned(),
                message:
                    "events of this source are made by the server itself; publish as a provider"
                        .to_owned(),
            });
        }
    };
    let defaults = Defaults {
        id: &event.default_id,
        timestamp: &event.default_timestamp,
    };
    let payload = Payload::complete(provider, &event.payload, defaults)?;
    let campaign_id = payload.campaign_id();
    let wanted = |rules: &EndpointRules| {
        rules.subscription.wants(payload.event_type())
            && rules
                .scope
                .includes(event.client_id.as_deref(), campaign_id.as_deref())
    };
    let body = payload.encode();
    let mut keys = Keys::new(Some(provider), &body);
    let by_the_user = |target: &Target| target.rules.scope == Scope::User && wanted(&target.rules);
    let user_level_wants =
        event.overlap == Overlap::UserLevelWins && event.endpoints.iter().any(by_the_user);
    let admitted = |rules: &EndpointRules| event.overlap.admits(&rules.scope, user_level_wants);
    let matches = event
        .endpoints
        .iter()
        .zip(0..)
        .filter(|(target, _)| wanted(&target.rules) && admitted(&target.rules))
        .filter(|_| !dropped_as_bot(event.bot, payload.kind()))
        .map(|(target, endpoint)| Match {
            endpoint,
            held: !target.state.is_active(),
            order_key: keys.key(&target.ordering),
        })
        .collect();
    Ok(Published {
        event_type: payload.event_type().to_owned(),
        body,
        matches,
    })
}

/// What a delivery of this kind would say now, within the endpoint's scope.
fn sample(wanted: &AskSample) -> Result<Vec<u8>, Rejection> {
    let provider = match Source::named(&wanted.provider)? {
        Source::Provider(provider) => provider,
        Source::Operational => return source::sample(wanted.event_type.as_deref(), wanted.at_ms),
    };
    let occasion = Occasion {
        id: &wanted.id,
        at_ms: wanted.at_ms,
        workspace_id: wanted.workspace_id,
        campaign_id: match &wanted.rules.scope {
            Scope::Campaign(id) => Some(id),
            Scope::User | Scope::Client(_) => None,
        },
    };
    match &wanted.event_type {
        None => Ok(sample::ping(provider, occasion).encode()),
        Some(event_type) => match sample::sample(provider, event_type, occasion) {
            Ok(payload) => Ok(payload.encode()),
            Err(error) => Err(Rejection::unknown_sample(error.to_string())),
        },
    }
}

/// R-C13: only opens and clicks by people are delivered.
fn dropped_as_bot(bot: bool, kind: EventKind) -> bool {
    bot && matches!(kind, EventKind::Opened | EventKind::Clicked)
}

fn plan(provider: Provider, standard_headers: bool) -> DeliveryPlan {
    // R-S3: SmartLead has no event id in the body; elsewhere it uses this header.
    let request_id = (provider == Provider::Smartlead).then(|| "X-Request-Id".to_owned());
    let standard = "standard-webhooks";
    DeliveryPlan {
        timeout_ms: provider.policy().timeout_ms,
        content_type: "application/json".to_owned(),
        signatures: [SignaturePlan {
            scheme: provider.name().to_owned(),
            options: Vec::new(),
        }]
        .into_iter()
        // R-X1: beside the provider's own header, so that a timestamp is signed. R-E6: the same key, as text.
        .chain(standard_headers.then(|| SignaturePlan {
            scheme: standard.to_owned(),
            options: vec![("secret_format".to_owned(), "raw".to_owned())],
        }))
        .collect(),
        always_signed: provider.always_signed(),
        // `webhook-id` also without a secret, so that a receiver can drop repeats.
        id_headers: standard_headers
            .then(|| "webhook-id".to_owned())
            .into_iter()
            .chain(request_id)
            .collect(),
    }
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

impl From<UnknownProvider> for Rejection {
    fn from(error: UnknownProvider) -> Self {
        Self {
            field: "provider".to_owned(),
            code: "unknown_provider".to_owned(),
            message: error.to_string(),
        }
    }
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

impl Rejection {
    pub(crate) fn unknown_sample(message: String) -> Self {
        Self {
            field: "event_type".to_owned(),
            code: "unknown_event_type".to_owned(),
            message,
        }
    }

    fn from_subscription(field: &str, error: &SubscriptionError) -> Self {
        Self {
            field: field.to_owned(),
            code: error.code().to_owned(),
            message: error.to_string(),
        }
    }
}

#[cfg(test)]
mod tests;
