//! One endpoint that hangs, or many, do not hold up the others.

use countersign_tests::{
    host::{Host, HostHome, wait_for},
    receiver::Receiver,
};
use serde_json::json;
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

const LIMIT: Duration = Duration::from_secs(30);

const HANGING: usize = 64;
const DELIVERIES: usize = 16;
const EVENTS: u32 = 200;

/// Publishes to the healthy endpoint, one event after the other, and waits until all arrived. Milliseconds from before the
/// request to the arrival, in order of length.
fn latencies(host: &Host, receiver: &Receiver, from: u32) -> Vec<f64> {
    let mut began = HashMap::new();
    for lead in from..from + EVENTS {
        let at = Instant::now();
        let event = json!({"event": "email.sent", "workspace_id": 1, "timestamp": "2026-05-12T14:30:00Z",
            "data": {"lead_id": lead}});
        began.insert(host.publish("cleanmails", &event).unwrap(), at);
        std::thread::sleep(Duration::from_millis(5));
    }
    let arrived = wait_for("every event of the healthy endpoint", LIMIT, || {
        let arrivals = receiver.arrivals();
        let ours: Vec<_> = arrivals
            .into_iter()
            .filter(|arrival| began.contains_key(&arrival.message_id))
            .collect();
        Ok((ours.len() == EVENTS as usize).then_some(ours))
    })
    .unwrap();
    let mut took: Vec<_> = arrived
        .iter()
        .map(|arrival| (arrival.at - began[&arrival.message_id]).as_secs_f64() * 1_000.0)
        .collect();
    took.sort_by(f64::total_cmp);
    took
}

fn told(name: &str, took: &[f64]) {
    let at = |percent: usize| took[(took.len() * percent / 100).min(took.len() - 1)];
    println!("{name}: p50 {:.2} ms, p99 {:.2} ms", at(50), at(99));
}

#[test]
fn every_event_of_a_healthy_endpoint_arrives_beside_sixty_four_that_hang() {
    let receiver = Receiver::start();
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    let url = receiver.url("/ok/healthy");
    host.create_endpoint(&json!({"provider": "cleanmails", "url": url, "secret": "s"}))
        .unwrap();
    told("alone", &latencies(&host, &receiver, 0));

    for number in 0..HANGING {
        let url = receiver.url(&format!("/hangs/{number}"));
        // S29: half a minute, so that they hang for as long as this takes.
        host.create_endpoint(&json!({"provider": "smartlead", "url": url, "secret": "s"}))
            .unwrap();
    }
    for lead in 0..DELIVERIES {
        let event = json!({"event": "EMAIL_SENT", "campaign_id": 1, "lead_id": lead});
        host.publish("smartlead", &event).unwrap();
    }
    let hangs = |arrivals: &[countersign_tests::receiver::Arrival]| {
        let names: std::collections::HashSet<_> = arrivals
            .iter()
            .filter(|a| a.endpoint != "healthy")
            .map(|a| a.endpoint.clone())
            .collect();
        names.len()
    };
    wait_for("all of them hanging", LIMIT, || {
        Ok((hangs(&receiver.arrivals()) == HANGING).then_some(()))
    })
    .unwrap();
    told("beside 64 that hang", &latencies(&host, &receiver, 1_000));
    let stats = host.get("/v1/stats").unwrap().json;
    assert_eq!(stats["deliveries"]["delivered"], 2 * EVENTS);
    let open = stats["deliveries"]["pending"].as_u64().unwrap()
        + stats["deliveries"]["sending"].as_u64().unwrap();
    assert_eq!(open, (HANGING * DELIVERIES) as u64, "{stats}");
}

#[test]
fn a_healthy_endpoint_is_served_although_there_are_more_that_hang_than_places() {
    let receiver = Receiver::start();
    let home = HostHome::new("concurrency_max = 16").unwrap();
    let host = home.start().unwrap();
    let url = receiver.url("/ok/healthy");
    host.create_endpoint(&json!({"provider": "cleanmails", "url": url, "secret": "s"}))
        .unwrap();
    latencies(&host, &receiver, 0);
    for number in 0..40 {
        let url = receiver.url(&format!("/hangs/{number}"));
        host.create_endpoint(&json!({"provider": "smartlead", "url": url, "secret": "s"}))
            .unwrap();
    }
    for lead in 0..4 {
        let event = json!({"event": "EMAIL_SENT", "campaign_id": 1, "lead_id": lead});
        host.publish("smartlead", &event).unwrap();
    }
    told(
        "beside 40 that hang, 16 places",
        &latencies(&host, &receiver, 1_000),
    );
}
