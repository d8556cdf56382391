use super::*;
use crate::{
    message::{AskSample, Match, Notify, Publish, Target},
    settings::Ordering,
};
use countersign_core::{
    delivery::{
        AutoPause, EndedAttempt, EndpointHealth, EndpointState, FailureKind, Next, Notice, Outcome,
        PauseReason, PolicySettings, Probing,
    },
    operational::{self, About},
    retry::{RetrySchedule, TimeScale},
    sample::PING,
    subscription::Overlap,
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
        filter: None,
        signature: None,
        settings: None,
        before: EndpointSettings::default(),
    });
    match ask(&call) {
        Answer::Endpoint(rules, settings) => {
            assert_eq!(settings, EndpointSettings::default());
            rules
        }
        other => panic!("{other:?}"),
    }
}

fn event(provider: &str, payload: &str, endpoints: Vec<(EndpointRules, EndpointState)>) -> Publish {
    Publish {
        provider: provider.to_owned(),
        payload: payload.as_bytes().to_vec(),
        default_id: "7".to_owned(),
        default_timestamp: "2026-01-02T03:04:05Z".to_owned(),
        client_id: None,
        bot: false,
        endpoints: endpoints
            .into_iter()
            .map(|(rules, state)| Target {
                rules,
                state,
                ordering: Ordering::None,
            })
            .collect(),
        overlap: Overlap::Each,
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

// Holds: R-C3, S20, S21
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
    let Answer::Published(published) = ask(&Call::Publish(event("smartlead", payload, endpoints)))
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

// Holds: R-C13
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
            filter: None,
            signature: None,
            settings: None,
            before: EndpointSettings::default(),
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
fn a_judgement_follows_the_endpoint_s_own_settings() {
    let judge = |settings: Option<PolicySettings>| {
        let call = Call::Judge(Judge {
            provider: "sendemall".to_owned(),
            settings,
            attempt: EndedAttempt {
                number: 1,
                probe: false,
                outcome: Outcome::Response {
                    status: 404,
                    retry_after_s: None,
                },
                first_started_at_ms: 0,
                ended_at_ms: 1_000,
            },
            health: EndpointHealth::default(),
            state: EndpointState::Active,
            scale: TimeScale::REAL,
            chance: 0,
        });
        match ask(&call) {
            Answer::Judged(judgement) => judgement,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(judge(None).next, Next::RetryAt(31_000));
    let own = PolicySettings {
        schedule: RetrySchedule::custom(vec![7]).ok(),
        auto_pause: Some(AutoPause::ConsecutiveAttempts(1)),
        probing: Some(Probing::STANDARD),
        ..PolicySettings::default()
    };
    let judgement = judge(Some(own));
    assert_eq!(judgement.next, Next::Held);
    let pause = judgement.pause.unwrap();
    assert_eq!(pause.probe_at_ms, Some(1_000 + 5 * 60_000));
    let moved = ask(&Call::Move {
        state: judgement.state,
        input: endpoint::Input::ProbeDue,
    });
    assert_eq!(moved, Answer::Moved(Some(EndpointState::HalfOpen)));
}

// Holds: S30, S31, R-S5, E33, R-E13
#[test]
fn a_judgement_follows_the_provider_s_policy() {
    let judge = |provider: &str, number| {
        let call = Call::Judge(Judge {
            provider: provider.to_owned(),
            settings: None,
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

#[test]
fn endpoints_of_our_own_events_take_the_settings_that_make_sense_for_them() {
    let check = |settings: &str| {
        ask(&Call::CheckEndpoint(CheckEndpoint {
            provider: operational::SOURCE.to_owned(),
            events: None,
            scope: None,
            filter: None,
            signature: None,
            settings: Some(settings.to_owned()),
            before: EndpointSettings::default(),
        }))
    };
    for (settings, field) in [
        (r#"{"ordering": "lead"}"#, "settings.ordering"),
        (
            r#"{"standard_headers": false}"#,
            "settings.standard_headers",
        ),
        (r#"{"timeout_ms": 0}"#, "settings.timeout_ms"),
    ] {
        match check(settings) {
            Answer::Rejected(rejection) => assert_eq!(rejection.field, field),
            other => panic!("{settings}: {other:?}"),
        }
    }
    let Answer::Endpoint(rules, settings) =
        check(r#"{"timeout_ms": 2000, "ordering": {"pointer": "/data/endpoint/id"}}"#)
    else {
        panic!("refused");
    };
    assert_eq!(settings.policy.timeout_ms, Some(2_000));
    let Answer::Published(told) = ask(&Call::Notify(Notify {
        notice: Notice::Warning { percent: 50 },
        about: About {
            timestamp: "2026-01-02T03:04:05.678Z".to_owned(),
            endpoint_id: "ep_1".to_owned(),
            endpoint_name: None,
            provider: "cleanmails".to_owned(),
            health: EndpointHealth::default(),
            delivery_id: "dlv_1".to_owned(),
            message_id: "msg_1".to_owned(),
            attempts: 1,
            outcome: Outcome::Failure(FailureKind::Timeout),
        },
        endpoints: vec![Target {
            rules,
            state: EndpointState::PausedGone,
            ordering: settings.ordering,
        }],
    })) else {
        panic!("not told");
    };
    let expected = Match {
        endpoint: 0,
        held: true,
        order_key: Some("/data/endpoint/id \"ep_1\"".to_owned()),
    };
    assert_eq!(told.matches, [expected]);
}

// Holds: R-S10
#[test]
fn the_user_s_level_can_be_made_to_win() {
    let active = EndpointState::Active;
    let payload = r#"{"event":"EMAIL_SENT","campaign_id":5,"lead_id":1}"#;
    let endpoints = vec![
        (
            rules(
                "smartlead",
                "null",
                r#"{"association_type":3,"email_campaign_id":5}"#,
            ),
            active,
        ),
        (
            rules("smartlead", "null", r#"{"association_type":1}"#),
            active,
        ),
    ];
    let matched = |overlap, endpoints| match ask(&Call::Publish(Publish {
        overlap,
        ..event("smartlead", payload, endpoints)
    })) {
        Answer::Published(published) => published
            .matches
            .iter()
            .map(|matched| matched.endpoint)
            .collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(matched(Overlap::Each, endpoints.clone()), [0, 1], "R-S10");
    assert_eq!(
        matched(Overlap::UserLevelWins, endpoints.clone()),
        [1],
        "R-S10"
    );
    // One that does not want the event takes it from nobody.
    let deaf = (
        rules("smartlead", r#"{"EMAIL_OPENED":true}"#, "null"),
        active,
    );
    let endpoints = vec![endpoints[0].clone(), deaf];
    assert_eq!(matched(Overlap::UserLevelWins, endpoints), [0], "R-S10");
}

#[test]
fn a_sample_is_within_the_endpoint_s_scope_and_a_ping_is_of_no_type_that_can_be_asked_for() {
    let wanted = AskSample {
        provider: "smartlead".to_owned(),
        event_type: Some("EMAIL_REPLIED".to_owned()),
        id: "1".to_owned(),
        at_ms: 1_767_323_045_000,
        workspace_id: 1,
        rules: rules(
            "smartlead",
            "null",
            r#"{"association_type":3,"email_campaign_id":123}"#,
        ),
    };
    let body = |wanted| match ask(&Call::Sample(wanted)) {
        Answer::Sample(body) => serde_json::from_slice::<serde_json::Value>(&body).unwrap(),
        other => panic!("{other:?}"),
    };
    let replied = body(wanted.clone());
    assert_eq!(
        (&replied["event"], &replied["campaign_id"]),
        (&"EMAIL_REPLIED".into(), &123.into())
    );
    let ping = AskSample {
        event_type: None,
        ..wanted.clone()
    };
    assert_eq!(body(ping)["event"], PING);
    let ours = AskSample {
        provider: operational::SOURCE.to_owned(),
        event_type: None,
        ..wanted.clone()
    };
    assert_eq!(body(ours)["type"], PING);
    for (provider, event_type) in [
        ("smartlead", PING),
        ("nobody", "EMAIL_SENT"),
        (operational::SOURCE, "EMAIL_SENT"),
    ] {
        let wrong = AskSample {
            provider: provider.to_owned(),
            event_type: Some(event_type.to_owned()),
            ..wanted.clone()
        };
        let (field, _) = rejected(&Call::Sample(wrong));
        assert!(
            ["event_type", "provider"].contains(&field.as_str()),
            "{provider}"
        );
    }
}
