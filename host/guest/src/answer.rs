//! From a question to its answer.

use crate::message::{
    Answer, Call, CheckEndpoint, DeliveryPlan, EndpointRules, Judge, Match, Notify, Publish,
    Published, Rejection, SignaturePlan,
};
use countersign_core::{
    delivery::{judge, machine},
    event::EventKind,
    operational,
    provider::{Defaults, Payload, PayloadError, Provider, UnknownProvider},
    subscription::{Scope, Subscription, SubscriptionError},
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
        Call::CheckEndpoint(endpoint) => check_endpoint(&endpoint).map(Answer::Endpoint),
        Call::Publish(event) => publish(&event).map(Answer::Published),
        Call::Plan { provider } => Ok(Answer::Plan(match Source::named(&provider)? {
            Source::Provider(provider) => plan(provider),
            Source::Operational => operational_plan(),
        })),
        Call::Notify(notify) => Ok(Answer::Published(notified(&notify))),
        Call::Judge(question) => judged(&question),
        Call::Reactivate { health } => Ok(Answer::Health(health.after_reactivation())),
        Call::Allowed { input } => Ok(Answer::Allowed(machine::delivery::allowed(input).collect())),
    }
}

fn check_endpoint(endpoint: &CheckEndpoint) -> Result<EndpointRules, Rejection> {
    let events = json("events", endpoint.events.as_deref())?;
    let scope = json("scope", endpoint.scope.as_deref())?;
    let provider = match Source::named(&endpoint.provider)? {
        Source::Provider(provider) => provider,
        Source::Operational => return operational_rules(events.as_ref(), scope.as_ref()),
    };
    Ok(EndpointRules {
        subscription: Subscription::read(provider, events.as_ref())
            .map_err(|error| Rejection::from_subscription("events", &error))?,
        scope: Scope::read(provider, scope.as_ref())
            .map_err(|error| Rejection::from_subscription("scope", &error))?,
    })
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

/// Whose events an endpoint gets.
enum Source {
    Provider(Provider),
    /// Ours, about our own deliveries.
    Operational,
}

impl Source {
    fn named(name: &str) -> Result<Self, UnknownProvider> {
        match name {
            operational::SOURCE => Ok(Self::Operational),
            name => Provider::named(name).map(Self::Provider),
        }
    }
}

fn operational_rules(
    events: Option<&serde_json::Value>,
    scope: Option<&serde_json::Value>,
) -> Result<EndpointRules, Rejection> {
    if scope.is_some_and(|scope| !scope.is_null()) {
        return Err(Rejection {
            field: "scope".to_owned(),
            code: "scope_invalid".to_owned(),
            message: "these events have no scopes; leave `scope` out".to_owned(),
        });
    }
    let subscription = operational::subscription(events).map_err(|error| Rejection {
        field: "events".to_owned(),
        code: match error.unknown.is_empty() {
            true => "subscription_invalid".to_owned(),
            false => "unknown_event_type".to_owned(),
        },
        message: error.to_string(),
    })?;
    Ok(EndpointRules {
        subscription,
        scope: Scope::User,
    })
}

fn operational_plan() -> DeliveryPlan {
    DeliveryPlan {
        timeout_ms: operational::POLICY.timeout_ms,
        content_type: "application/json".to_owned(),
        signatures: vec![SignaturePlan {
            scheme: "standard-webhooks".to_owned(),
            options: Vec::new(),
        }],
        always_signed: true,
        id_headers: vec!["webhook-id".to_owned()],
    }
}

fn notified(notify: &Notify) -> Published {
    let event_type = operational::event_type(notify.notice);
    let endpoints = notify.endpoints.iter().zip(0..);
    Published {
        event_type: event_type.to_owned(),
        body: operational::render(notify.notice, &notify.about),
        matches: endpoints
            .filter(|((rules, _), _)| rules.subscription.wants(event_type))
            .map(|((_, state), endpoint)| Match {
                endpoint,
                held: !state.is_active(),
            })
            .collect(),
    }
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
    let matches = event
        .endpoints
        .iter()
        .zip(0..)
        .filter(|((rules, _), _)| wanted(rules) && !dropped_as_bot(event.bot, payload.kind()))
        .map(|((_, state), endpoint)| Match {
            endpoint,
            held: !state.is_active(),
        })
        .collect();
    Ok(Published {
        event_type: payload.event_type().to_owned(),
        body: payload.encode(),
        matches,
    })
}

/// R-C13: only opens and clicks by people are delivered.
fn dropped_as_bot(bot: bool, kind: EventKind) -> bool {
    bot && matches!(kind, EventKind::Opened | EventKind::Clicked)
}

fn plan(provider: Provider) -> DeliveryPlan {
    // R-S3: SmartLead has no event id in the body; elsewhere it uses this header.
    let request_id = (provider == Provider::Smartlead).then(|| "X-Request-Id".to_owned());
    let standard = "standard-webhooks";
    DeliveryPlan {
        timeout_ms: provider.policy().timeout_ms,
        content_type: "application/json".to_owned(),
        signatures: vec![
            SignaturePlan {
                scheme: provider.name().to_owned(),
                options: Vec::new(),
            },
            // R-X1: beside the provider's own header, so that a timestamp is signed. R-E6: the same key, as text.
            SignaturePlan {
                scheme: standard.to_owned(),
                options: vec![("secret_format".to_owned(), "raw".to_owned())],
            },
        ],
        always_signed: provider.always_signed(),
        // `webhook-id` also without a secret, so that a receiver can drop repeats.
        id_headers: ["webhook-id".to_owned()]
            .into_iter()
            .chain(request_id)
            .collect(),
    }
}

fn judged(question: &Judge) -> Result<Answer, Rejection> {
    let source = Source::named(&question.provider)?;
    let mut judgement = judge(
        match &source {
            Source::Provider(provider) => provider.policy(),
            Source::Operational => &operational::POLICY,
        },
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
    fn from_subscription(field: &str, error: &SubscriptionError) -> Self {
        Self {
            field: field.to_owned(),
            code: error.code().to_owned(),
            message: error.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_core::{
        delivery::{EndedAttempt, EndpointHealth, EndpointState, Next, Outcome, PauseReason},
        retry::TimeScale,
    };

    fn ask(call: &Call) -> Answer {
        postcard::from_bytes(&answer(&postcard::to_allocvec(call).unwrap())).unwrap()
    }

    fn rejected(call: &Call) -> (String, String) {
        match ask(call) {
            Answer::Rejected(rejection) => (rejection.field, rejection.code),
            other => panic!("not rejected: {other:?}"),
        }
    }

    fn rules(provider: &str, events: &str, scope: &str) -> EndpointRules {
        let call = Call::CheckEndpoint(CheckEndpoint {
            provider: provider.to_owned(),
            events: Some(events.to_owned()),
            scope: Some(scope.to_owned()),
        });
        match ask(&call) {
            Answer::Endpoint(rules) => rules,
            other => panic!("{other:?}"),
        }
    }

    fn event(
        provider: &str,
        payload: &str,
        endpoints: Vec<(EndpointRules, EndpointState)>,
    ) -> Publish {
        Publish {
            provider: provider.to_owned(),
            payload: payload.as_bytes().to_vec(),
            default_id: "7".to_owned(),
            default_timestamp: "2026-01-02T03:04:05Z".to_owned(),
            client_id: None,
            bot: false,
            endpoints,
        }
    }

    #[test]
    fn numbers_in_a_published_payload_keep_their_last_bit() {
        let payload = r#"{"event":"EMAIL_SENT","campaign_id":5,"lead_id":1,"score":4.277777e+32}"#;
        let Answer::Published(published) = ask(&Call::Publish(event("smartlead", payload, vec![])))
        else {
            panic!("not published");
        };
        let text = String::from_utf8(published.body).unwrap();
        assert!(
            text.contains("4.277777e32") || text.contains("4.277777e+32"),
            "{text}"
        );
    }

    #[test]
    fn an_event_goes_where_it_is_wanted_and_is_held_where_it_cannot_go() {
        let endpoints = vec![
            (
                rules("smartlead", r#"{"EMAIL_SENT":true}"#, "null"),
                EndpointState::Active,
            ),
            (
                rules("smartlead", r#"{"EMAIL_OPENED":true}"#, "null"),
                EndpointState::Active,
            ),
            (
                rules(
                    "smartlead",
                    "null",
                    r#"{"level":"campaign","campaign_id":5}"#,
                ),
                EndpointState::PausedManual,
            ),
            (
                rules("smartlead", "null", r#"{"level":"client","client_id":1}"#),
                EndpointState::Active,
            ),
        ];
        let payload = r#"{"event":"EMAIL_SENT","campaign_id":5,"lead_id":1}"#;
        let Answer::Published(published) =
            ask(&Call::Publish(event("smartlead", payload, endpoints)))
        else {
            panic!("not published");
        };
        let places: Vec<_> = published
            .matches
            .iter()
            .map(|m| (m.endpoint, m.held))
            .collect();
        assert_eq!(places, [(0, false), (2, true)]);
        assert_eq!(
            published.body,
            br#"{"event":"EMAIL_SENT","timestamp":"2026-01-02T03:04:05Z","campaign_id":5,"lead_id":1}"#
        );
    }

    #[test]
    fn opens_and_clicks_of_machines_go_nowhere() {
        let all = || vec![(rules("platform", "null", "null"), EndpointState::Active)];
        for (name, count) in [("open", 0), ("click", 0), ("bounce", 1)] {
            let payload = format!(r#"{{"type":"{name}","email_id":"m"}}"#);
            let mut event = event("platform", &payload, all());
            event.bot = true;
            match ask(&Call::Publish(event)) {
                Answer::Published(published) => {
                    assert_eq!(published.matches.len(), count, "{name}")
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn wrong_input_is_named() {
        let publish = |provider, payload| {
            let (field, code) = rejected(&Call::Publish(event(provider, payload, Vec::new())));
            format!("{field} {code}")
        };
        assert_eq!(publish("nobody", "{}"), "provider unknown_provider");
        assert_eq!(publish("platform", "{"), "payload json_invalid");
        assert_eq!(publish("platform", "[]"), "payload wrong_type");
        assert_eq!(publish("platform", "{}"), "payload.type missing_field");
        assert_eq!(
            publish(
                "sendemall",
                r#"{"event":"email.sent","data":{"lead_email":5}}"#
            ),
            "payload.data.lead_email wrong_type"
        );
        let check = |events: &str| {
            let (field, code) = rejected(&Call::CheckEndpoint(CheckEndpoint {
                provider: "cleanmails".to_owned(),
                events: Some(events.to_owned()),
                scope: None,
            }));
            format!("{field} {code}")
        };
        assert_eq!(check(r#"["email.sennt"]"#), "events unknown_event_type");
        assert_eq!(check("7"), "events subscription_invalid");
        assert_eq!(check("{"), "events json_invalid");
    }

    #[test]
    fn bytes_that_are_no_call_are_refused() {
        for bytes in [b"".as_slice(), b"\xff", &[0x00; 3]] {
            let answer: Answer = postcard::from_bytes(&answer(bytes)).unwrap();
            assert!(matches!(answer, Answer::Rejected(r) if r.code == "call_invalid"));
        }
    }

    #[test]
    fn every_provider_has_a_plan_with_its_own_scheme_first() {
        for provider in Provider::ALL {
            let call = Call::Plan {
                provider: provider.name().to_owned(),
            };
            let Answer::Plan(plan) = ask(&call) else {
                panic!("no plan");
            };
            assert_eq!(plan.signatures[0].scheme, provider.name());
            assert_eq!(plan.signatures[1].scheme, "standard-webhooks");
            assert_eq!(plan.always_signed, provider == Provider::Sendemall);
            let has_request_id = plan.id_headers.iter().any(|name| name == "X-Request-Id");
            assert_eq!(has_request_id, provider == Provider::Smartlead);
        }
    }

    #[test]
    fn a_judgement_follows_the_provider_s_policy() {
        let judge = |provider: &str, number| {
            let call = Call::Judge(Judge {
                provider: provider.to_owned(),
                attempt: EndedAttempt {
                    number,
                    probe: false,
                    outcome: Outcome::Response {
                        status: 500,
                        retry_after_s: None,
                    },
                    first_started_at_ms: 0,
                    ended_at_ms: 1_000,
                },
                health: EndpointHealth::default(),
                state: EndpointState::Active,
                scale: TimeScale::REAL,
                chance: u64::MAX,
            });
            match ask(&call) {
                Answer::Judged(judgement) => judgement,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(judge("sendemall", 1).next, Next::RetryAt(31_000));
        assert_eq!(
            judge("smartlead", 5).next,
            Next::RetryAt(1_000 + 6 * 3_600_000)
        );
        let pause = judge("smartlead", 6).pause;
        assert_eq!(pause.map(|pause| pause.reason), Some(PauseReason::Failing));
        assert_eq!(judge("sendemall", 4).pause, None);
    }
}
