//! The host is killed between store and answer, at random moments: each event is taken in and passed on once.

use super::support::{LIMIT, RESEND, config, mail, signed};
use countersign_core::Config;
use countersign_tests::{
    host::{self, HostHome, wait_for},
    receiver::Receiver,
};
use serde_json::json;
use std::{
    collections::HashMap,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

const EVENTS: usize = 300;
const SENDERS: usize = 3;
/// Longest that the senders may take; reached only when something is broken.
const SENDING_LIMIT: Duration = Duration::from_secs(180);

#[test]
fn a_sender_that_hears_no_answer_posts_again_and_nothing_is_doubled() {
    let receiver = Receiver::start();
    let home = HostHome::new(&config(&format!(
        "[inbound.sources.resend]\nsecrets = [{RESEND:?}]\n"
    )))
    .unwrap();
    let mut host = home.start().unwrap();
    for provider in ["sendemall", "platform"] {
        let url = receiver.url(&format!("/ok/{provider}"));
        host.create_endpoint(&json!({"provider": provider, "url": url, "secret": "whsec_s"}))
            .unwrap();
    }
    let url = format!("{}/api/webhooks", host.url());
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut chance = fastrand::Rng::with_seed(seed);
    let (next, accepted) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let started = Instant::now();
    thread::scope(|scope| {
        for _ in 0..SENDERS {
            scope.spawn(|| send(&url, &next, &accepted, Instant::now() + SENDING_LIMIT));
        }
        let mut next_kill = 0;
        loop {
            next_kill += chance.usize(20..60);
            while accepted.load(Ordering::Relaxed) < next_kill.min(EVENTS) {
                assert!(
                    started.elapsed() < SENDING_LIMIT,
                    "the senders take too long"
                );
                thread::sleep(Duration::from_millis(1));
            }
            if next_kill >= EVENTS {
                break;
            }
            thread::sleep(Duration::from_millis(chance.u64(..5)));
            host.kill().unwrap();
            host = home.start().unwrap();
        }
    });
    wait_for("the end of all deliveries", LIMIT * 3, || {
        let stats = host.get("/v1/stats")?.json;
        let open = |state: &str| stats["deliveries"][state].as_u64().unwrap_or(0);
        Ok((open("pending") + open("sending") == 0).then_some(()))
    })
    .unwrap();
    assert_eq!(host.get("/v1/stats").unwrap().json["messages"], 2 * EVENTS);
    // A message may arrive twice, after a kill, and then with its id and bytes; an event is one message a format.
    let mut messages: HashMap<(String, String), String> = HashMap::new();
    for arrival in receiver.arrivals() {
        let body: serde_json::Value = serde_json::from_slice(&arrival.body).unwrap();
        let mail = body["email_id"]
            .as_str()
            .or(body["data"]["lead_email"].as_str());
        let key = (arrival.endpoint.clone(), mail.unwrap().to_owned());
        let known = messages
            .entry(key)
            .or_insert_with(|| arrival.message_id.clone());
        assert_eq!(*known, arrival.message_id);
    }
    assert_eq!(messages.len(), 2 * EVENTS);
    assert!(!home.log().contains("panicked"), "{}", home.log());
}

fn send(url: &str, next: &AtomicUsize, accepted: &AtomicUsize, end: Instant) {
    let agent = host::agent();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= EVENTS {
            return;
        }
        let data = json!({"email_id": format!("mail-{number}"), "to": [format!("mail-{number}")]});
        let body = mail("email.opened", &data).to_string();
        let id = format!("evt-{number}");
        loop {
            let headers = signed(
                &Config::new("resend", &[RESEND]),
                Some(&id),
                body.as_bytes(),
            );
            let headers: Vec<_> = headers
                .iter()
                .map(|(k, v)| (k.as_str(), v.as_str()))
                .collect();
            match host::post(&agent, url, &headers, body.as_bytes()) {
                Ok(answer) if answer.status == 200 => break,
                Ok(answer) if answer.status != 503 => panic!("{answer:?}"),
                Ok(_) | Err(_) => thread::sleep(Duration::from_millis(5)),
            }
            assert!(Instant::now() < end, "event {number} was never accepted");
        }
        accepted.fetch_add(1, Ordering::Relaxed);
    }
}
