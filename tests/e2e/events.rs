//! Every event that the documents name, from its publisher to whoever wants it.

use countersign_core::{
    provider::{Provider, Spelling},
    sample::{Occasion, sample},
};
use countersign_tests::{
    host::{Host, HostHome, wait_for},
    receiver::Receiver,
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(30);
/// What half of the events take at most from publish to arrival: some milliseconds on a machine of one's own.
const MEDIAN_MAX: Duration = Duration::from_secs(1);

/// An event as its provider would send it, with its type.
fn event(provider: Provider, event_type: &str) -> Value {
    let occasion = Occasion {
        id: "1",
        at_ms: 1_767_323_045_000,
        workspace_id: 1,
        campaign_id: None,
    };
    serde_json::from_slice(&sample(provider, event_type, occasion).unwrap().encode()).unwrap()
}

/// A subscription to one type as its provider spells it.
fn only(provider: Provider, event_type: &str) -> Value {
    match provider.spelling() {
        Spelling::List => json!([event_type]),
        Spelling::BoolMap => json!({ event_type: true }),
        Spelling::CommaList => json!(event_type.trim_start_matches("email.")),
    }
}

fn create(host: &Host, receiver: &Receiver, provider: Provider, name: &str, events: &Value) {
    let url = receiver.url(&format!("/ok/{}-{name}", provider.name()));
    let endpoint =
        json!({"provider": provider.name(), "url": url, "secret": "s", "events": events});
    host.create_endpoint(&endpoint).unwrap();
}

// Holds: C12, C22, S3, S6, S8, E9, E10, P5, P8, P16
#[test]
fn every_documented_event_arrives_at_once_where_it_is_wanted_and_nowhere_else() {
    let receiver = Receiver::start();
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    for provider in Provider::ALL {
        create(&host, &receiver, provider, "all", &Value::Null);
        for event_type in provider.event_types() {
            create(
                &host,
                &receiver,
                provider,
                event_type,
                &only(provider, event_type),
            );
        }
    }
    let mut took = Vec::new();
    for provider in Provider::ALL {
        for event_type in provider.event_types() {
            let sent = event(provider, event_type);
            let began = Instant::now();
            let message = host.publish(provider.name(), &sent).unwrap();
            let arrivals = wait_for("both deliveries", LIMIT, || {
                let arrivals = receiver.arrivals().into_iter();
                let of_it: Vec<_> = arrivals
                    .filter(|arrival| arrival.message_id == message)
                    .collect();
                Ok((of_it.len() >= 2).then_some(of_it))
            })
            .unwrap();
            let mut places: Vec<_> = arrivals.iter().map(|a| a.endpoint.as_str()).collect();
            places.sort_unstable();
            let mut expected =
                ["all", event_type].map(|name| format!("{}-{name}", provider.name()));
            expected.sort_unstable();
            assert_eq!(places, expected);
            for arrival in &arrivals {
                let body: Value = serde_json::from_slice(&arrival.body).unwrap();
                assert_eq!(body, sent, "{event_type}");
                assert_eq!(arrival.headers["content-type"], "application/json");
                took.push(arrival.at - began);
            }
        }
    }
    assert_eq!(
        receiver.count(),
        2 * (11 + 6 + 8 + 4),
        "and nothing came later"
    );
    took.sort();
    let median = took[took.len() / 2];
    assert!(median < MEDIAN_MAX, "{took:?}");
}

// Holds: C2, C3, R-C13
#[test]
fn opens_and_clicks_by_machines_are_not_sent() {
    let receiver = Receiver::start();
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    for provider in Provider::ALL {
        create(&host, &receiver, provider, "all", &Value::Null);
        for event_type in provider.event_types() {
            for bot in [true, false] {
                let given = json!({"provider": provider.name(), "payload": event(provider, event_type), "bot": bot});
                let published = host.post("/v1/events", &given).unwrap();
                assert_eq!(published.status, 202, "{published:?}");
                let name = event_type.to_lowercase();
                let is_dropped = bot && (name.contains("open") || name.contains("click"));
                let deliveries = published.json["deliveries"].as_array().unwrap().len();
                assert_eq!(deliveries, usize::from(!is_dropped), "{event_type} {bot}");
            }
        }
    }
}

/// Campaigns that have something to tell at the same moment.
const CAMPAIGNS: usize = 500;
/// With a limit of some ten a second it would take a minute.
const BURST_MAX: Duration = Duration::from_secs(15);

// Holds: S41, R-S18, E9
#[test]
fn a_burst_of_many_campaigns_goes_out_unthrottled() {
    let receiver = Receiver::start();
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    for provider in [Provider::Smartlead, Provider::Sendemall] {
        create(&host, &receiver, provider, "all", &Value::Null);
    }
    let event = |campaign: usize| {
        let sent = json!({"event": "EMAIL_SENT", "campaign_id": campaign, "lead_id": 1});
        let replied =
            json!({"event": "email.replied", "data": {"campaign_id": format!("cmp_{campaign}")}});
        [
            json!({"provider": "smartlead", "payload": sent}),
            json!({"provider": "sendemall", "payload": replied}),
        ]
    };
    let events: Vec<_> = (0..CAMPAIGNS).flat_map(event).collect();
    let began = Instant::now();
    let published = host
        .post("/v1/events/batch", &json!({"events": events}))
        .unwrap();
    assert_eq!(published.status, 202, "{published:?}");
    wait_for("the burst", LIMIT, || {
        Ok((receiver.count() >= 2 * CAMPAIGNS).then_some(()))
    })
    .unwrap();
    let arrivals = receiver.arrivals();
    let last = arrivals.iter().map(|arrival| arrival.at).max().unwrap();
    let took = last - began;
    assert!(took < BURST_MAX, "{took:?}");
    assert!(arrivals.iter().all(|arrival| arrival.is_accepted()));
}
