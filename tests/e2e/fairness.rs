//! One endpoint that hangs, or many, do not hold up the others.

use countersign_tests::{
    host::{Host, HostHome, wait_for},
    hostile::{Habit, Hostile},
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
/// What half of the events of the healthy endpoint take at most, in milliseconds, whatever hangs beside it. Some milliseconds on
/// a machine of one's own; a sender that lets others wait for what hangs takes its time limit, ten seconds and more.
const MEDIAN_MS_MAX: f64 = 500.0;

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
    assert!(at(50) < MEDIAN_MS_MAX, "{name}: {} ms", at(50));
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

// Holds: R-S18
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

/// Some more than the limit of the host, at endpoints of which each hangs.
const PAST_THE_LIMIT: (usize, usize, usize) = (500, 151, 5);

#[test]
fn seven_hundred_and_fifty_five_hanging_requests_past_a_limit_of_five_hundred_starve_nobody() {
    let (limit, endpoints, each) = PAST_THE_LIMIT;
    let receiver = Receiver::start();
    let home = HostHome::new(&format!("concurrency_max = {limit}")).unwrap();
    let host = home.start().unwrap();
    let healthy = |name: &str| {
        let url = receiver.url(&format!("/ok/{name}"));
        host.create_endpoint(&json!({"provider": "cleanmails", "url": url, "secret": "s"}))
            .unwrap();
    };
    healthy("healthy");
    told("alone", &latencies(&host, &receiver, 0));
    for number in 0..endpoints {
        let url = receiver.url(&format!("/hangs/{number}"));
        host.create_endpoint(&json!({"provider": "smartlead", "url": url, "secret": "s"}))
            .unwrap();
    }
    for lead in 0..each {
        let event = json!({"event": "EMAIL_SENT", "campaign_id": 1, "lead_id": lead});
        host.publish("smartlead", &event).unwrap();
    }
    // As many as may hang: half of the places.
    wait_for("the hanging requests", LIMIT, || {
        let in_flight = host.get("/v1/stats")?.json["in_flight"].as_u64();
        Ok((in_flight >= Some(limit as u64 / 2)).then_some(()))
    })
    .unwrap();
    told(
        "beside 755 that hang, 500 places",
        &latencies(&host, &receiver, 1_000),
    );
    let open = host.get("/v1/stats").unwrap().json["deliveries"].clone();
    let open = ["pending", "sending"].map(|state| open[state].as_u64().unwrap());
    assert_eq!(open.iter().sum::<u64>(), (endpoints * each) as u64);

    // Nor one of which nothing is known yet.
    healthy("newcomer");
    let began = Instant::now();
    let event = json!({"event": "email.sent", "workspace_id": 1, "data": {"lead_id": 1}});
    host.publish("cleanmails", &event).unwrap();
    let arrived = wait_for("the newcomer's event", LIMIT, || {
        let mut arrivals = receiver.arrivals().into_iter();
        Ok(arrivals.find(|arrival| arrival.endpoint == "newcomer"))
    });
    let took = arrived.unwrap().at - began;
    assert!(
        took.as_secs_f64() * 1_000.0 < MEDIAN_MS_MAX * 2.0,
        "{took:?}"
    );
}

#[test]
fn hundreds_of_requests_to_a_receiver_that_drips_a_byte_a_second_keep_nobody_waiting() {
    let receiver = Receiver::start();
    let dripping = Hostile::start(Habit::DripHead);
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    for (provider, url) in [
        ("cleanmails", receiver.url("/ok/healthy")),
        ("smartlead", dripping.url("/drips")),
    ] {
        host.create_endpoint(&json!({"provider": provider, "url": url, "secret": "s"}))
            .unwrap();
    }
    told("alone", &latencies(&host, &receiver, 0));
    let event = |lead| json!({"provider": "smartlead", "payload": {"event": "EMAIL_SENT", "campaign_id": 1, "lead_id": lead}});
    let events: Vec<_> = (0..600).map(event).collect();
    let published = host
        .post("/v1/events/batch", &json!({"events": events}))
        .unwrap();
    assert_eq!(published.status, 202);
    wait_for("the first of them", LIMIT, || {
        Ok((dripping.requests() >= 4).then_some(()))
    })
    .unwrap();
    told(
        "beside 600 to one that drips",
        &latencies(&host, &receiver, 1_000),
    );
    let stats = host.get("/v1/stats").unwrap().json;
    let open = ["pending", "sending"].map(|state| stats["deliveries"][state].as_u64().unwrap());
    assert_eq!(open.iter().sum::<u64>(), 600, "{stats}");
}
