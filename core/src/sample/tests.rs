use super::*;
use crate::normalise::{NO_HEADERS, parse};
use alloc::vec::Vec;
use serde_json::json;

const OCCASION: Occasion<'_> = Occasion {
    id: "01JXYZ",
    at_ms: 1_767_323_045_678,
    workspace_id: 7,
    campaign_id: None,
};

fn json(payload: &Payload) -> Value {
    serde_json::from_slice(&payload.encode()).unwrap()
}

#[test]
fn every_documented_type_of_every_provider_has_a_sample() {
    let mut told = 0;
    for provider in Provider::ALL {
        for event_type in provider.event_types() {
            let payload = sample(provider, event_type, OCCASION).unwrap();
            assert_eq!(payload.event_type(), *event_type);
            assert_ne!(payload.kind(), EventKind::Other, "{event_type}");
            let body = payload.encode();
            // What is published must be complete and of the documented types.
            let nothing = crate::provider::Defaults {
                id: "",
                timestamp: "",
            };
            let published = Payload::complete(provider, &body, nothing).unwrap();
            assert_eq!(published.encode(), body, "{event_type}");
            let event = parse(provider.into(), &NO_HEADERS, &body)
                .unwrap()
                .remove(0);
            assert_eq!(
                event.occurred_at.as_deref(),
                Some("2026-01-02T03:04:05.000Z"),
                "{event_type}"
            );
            told += 1;
        }
    }
    assert_eq!(told, 11 + 6 + 8 + 4);
}

// Holds: C24, R-C8, S13, R-S4, R-P2
#[test]
fn a_sample_has_what_the_documents_say_of_its_type() {
    let data = |provider, event_type| json(&sample(provider, event_type, OCCASION).unwrap());
    let replied = data(Provider::Cleanmails, "email.replied");
    assert_eq!(replied["workspace_id"], 7);
    for name in ["lead_id", "campaign_id", "sender_id"] {
        assert!(replied["data"][name].is_u64(), "C24 {name}: {replied}");
    }
    assert_eq!(
        replied["data"]["message_id"]
            .as_str()
            .unwrap()
            .chars()
            .next(),
        Some('<')
    );
    let paused = data(Provider::Cleanmails, "campaign.paused");
    assert_eq!(paused["data"].get("lead_id"), None, "R-C8: {paused}");

    let opened = data(Provider::Smartlead, "EMAIL_OPENED");
    assert_eq!(opened["last_opened_at"], "2026-01-02T03:04:05Z", "S13");
    assert_eq!(opened["timestamp"], opened["first_opened_at"], "R-S4");
    assert_eq!(
        data(Provider::Smartlead, "EMAIL_CLICKED")["link"]["url"],
        "https://outreach.example/demo?step=2"
    );
    assert_eq!(
        data(Provider::Smartlead, "EMAIL_BOUNCED")["bounce_type"],
        "hard"
    );
    let replied = data(Provider::Smartlead, "EMAIL_REPLIED");
    assert!(
        replied["reply"]["body"].is_string() && replied["lead"]["email"].is_string(),
        "{replied}"
    );

    let replied = data(Provider::Sendemall, "email.replied");
    assert_eq!(replied["id"], "evt_01JXYZ");
    assert_eq!(replied["data"]["reply_sentiment"], "positive", "E19");
    assert!(
        replied["data"]["campaign_id"]
            .as_str()
            .unwrap()
            .starts_with("cmp_"),
        "E18"
    );
    assert_eq!(
        data(Provider::Sendemall, "email.unsubscribed")["data"]["suppressed_globally"],
        true
    );
    assert_eq!(
        data(Provider::Platform, "bounce")["bounce_type"],
        "hard",
        "R-P2"
    );
}

// Holds: E24, R-E12
#[test]
fn events_without_an_example_have_what_their_kin_have_and_need_none_of_it() {
    let of_mail = ["campaign_id", "lead_id", "lead_email", "sequence_step"];
    for (event_type, wanted, unwanted) in [
        ("email.sent", &of_mail[..], &["url"][..]),
        ("email.delivered", &of_mail, &["url"]),
        ("email.clicked", &[&of_mail[..], &["url"]].concat(), &[]),
        (
            "campaign.completed",
            &["campaign_id", "campaign_name"],
            &["lead_id", "lead_email", "sequence_step"],
        ),
    ] {
        let body = json(&sample(Provider::Sendemall, event_type, OCCASION).unwrap());
        let has = |name: &&str| body["data"].get(*name).is_some();
        assert!(wanted.iter().all(has), "{body}");
        assert!(!unwanted.iter().any(has), "{body}");
        let bare = json!({"event": event_type, "data": {}}).to_string();
        let defaults = crate::provider::Defaults {
            id: "1",
            timestamp: "2026-01-02T03:04:05Z",
        };
        let published = Payload::complete(Provider::Sendemall, bare.as_bytes(), defaults);
        assert_eq!(published.unwrap().event_type(), event_type);
    }
}

#[test]
fn a_sample_is_of_the_campaign_that_is_asked_for() {
    let of = Occasion {
        campaign_id: Some("123"),
        ..OCCASION
    };
    let sent = json(&sample(Provider::Smartlead, "EMAIL_SENT", of).unwrap());
    assert_eq!(sent["campaign_id"], 123);
    assert_eq!(json(&ping(Provider::Smartlead, of))["campaign_id"], 123);
}

// Holds: C23, R-C5
#[test]
fn a_ping_is_the_bare_envelope_and_nothing_that_can_be_published() {
    assert_eq!(
        json(&ping(Provider::Cleanmails, OCCASION)),
        json!({"event": "ping", "workspace_id": 7, "timestamp": "2026-01-02T03:04:05Z", "data": {}}),
        "R-C5"
    );
    for provider in Provider::ALL {
        let body = ping(provider, OCCASION).encode();
        let read = Payload::decode(provider, &body).unwrap();
        assert_eq!((read.event_type(), read.kind()), (PING, EventKind::Other));
        assert_eq!(provider.canonical_type(PING), None);
    }
}

#[test]
fn an_unknown_type_is_told_with_those_that_are_known() {
    let unknown: Vec<_> = [PING, "", "email.delivered"]
        .into_iter()
        .map(|name| {
            sample(Provider::Cleanmails, name, OCCASION)
                .unwrap_err()
                .to_string()
        })
        .collect();
    assert!(
        unknown.iter().all(|text| text.contains("campaign.paused")),
        "{unknown:?}"
    );
}
