//! Events of one key arrive in order, although the host is killed, attempts fail, and other keys flow.
//!
//! The seed decides the moments of the kills and is printed first; `COUNTERSIGN_SEED=<number>` repeats a run's choices.

use countersign_tests::{
    host::{self, HostHome, wait_for},
    receiver::Receiver,
};
use serde_json::{Value, json};
use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

const LEADS: usize = 8;
const EVENTS: usize = 60;
const LIMIT: Duration = Duration::from_secs(120);

fn body(lead: usize, number: usize) -> Value {
    json!({"provider": "sendemall", "payload": {
        "event": "email.sent", "data": {"lead_id": lead.to_string(), "n": number},
    }})
}

#[test]
fn events_of_a_lead_arrive_in_order_through_failures_and_kills() {
    let seed = std::env::var("COUNTERSIGN_SEED").ok();
    let seed = seed
        .and_then(|seed| seed.parse().ok())
        .unwrap_or_else(|| fastrand::u64(..));
    println!("seed {seed}");
    let mut chance = fastrand::Rng::with_seed(seed);
    let receiver = Receiver::start();
    let home = HostHome::new("time_scale = 1000").unwrap();
    let mut host = home.start().unwrap();
    // Each first attempt fails, so that the next event of the lead has every opportunity to overtake.
    let url = receiver.url("/fails/1/ordered");
    let settings = json!({"ordering": "lead"});
    host.create_endpoint(&json!({"provider": "sendemall", "url": url, "settings": settings}))
        .unwrap();

    let url = format!("{}/v1/events", host.url());
    let published = AtomicUsize::new(0);
    thread::scope(|scope| {
        for lead in 0..LEADS {
            let (url, published) = (&url, &published);
            scope.spawn(move || {
                let agent = host::agent();
                for number in 0..EVENTS {
                    let event = body(lead, number).to_string();
                    let key = format!("{lead}-{number}");
                    let headers = [
                        ("content-type", "application/json"),
                        ("idempotency-key", key.as_str()),
                    ];
                    loop {
                        match host::post(&agent, url, &headers, event.as_bytes()) {
                            Ok(answer) if answer.status == 202 => break,
                            Ok(answer) if answer.status != 503 => panic!("{answer:?}"),
                            Ok(_) | Err(_) => thread::sleep(Duration::from_millis(5)),
                        }
                    }
                    published.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let mut next_kill = chance.usize(20..80);
        while next_kill < LEADS * EVENTS {
            while published.load(Ordering::Relaxed) < next_kill {
                thread::sleep(Duration::from_millis(1));
            }
            thread::sleep(Duration::from_millis(chance.u64(..30)));
            host.kill().unwrap();
            host = home.start().unwrap();
            next_kill += chance.usize(40..120);
        }
    });
    for _ in 0..2 {
        thread::sleep(Duration::from_millis(chance.u64(5..100)));
        host.kill().unwrap();
        host = home.start().unwrap();
    }
    wait_for("every delivery", LIMIT, || {
        let stats = host.get("/v1/stats")?.json;
        Ok((stats["deliveries"]["delivered"] == LEADS * EVENTS).then_some(()))
    })
    .unwrap();

    // Per lead: an event arrives for the first time only when the one before it has been accepted.
    let mut accepted = [0; LEADS];
    for arrival in receiver.arrivals() {
        let body: Value = serde_json::from_slice(&arrival.body).unwrap();
        let lead: usize = body["data"]["lead_id"].as_str().unwrap().parse().unwrap();
        let number = body["data"]["n"].as_u64().unwrap() as usize;
        let next = &mut accepted[lead];
        // The last accepted one may come again after a kill, none that is older.
        assert!(
            number == *next || number + 1 == *next,
            "lead {lead}: {number}, expected {next}"
        );
        if arrival.is_accepted() && number == *next {
            *next += 1;
        }
    }
    assert_eq!(accepted, [EVENTS; LEADS]);
    assert!(!home.log().contains("panicked"));
}

#[test]
fn a_dead_letter_frees_its_key_and_other_keys_do_not_wait() {
    let receiver = Receiver::start();
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    let settings = json!({"ordering": "lead", "schedule": {"delays_ms": [400]}});
    let url = receiver.url("/gate/ordered");
    host.create_endpoint(&json!({"provider": "sendemall", "url": url, "settings": settings}))
        .unwrap();
    let states = |ids: &[String]| -> Vec<Value> {
        let state = |id: &String| {
            let message = host.get(&format!("/v1/messages/{id}")).unwrap().json;
            message["deliveries"][0]["status"].clone()
        };
        ids.iter().map(state).collect()
    };
    let publish = |lead, number| {
        let answer = host.post("/v1/events", &body(lead, number)).unwrap();
        (
            answer.json["message_id"].as_str().unwrap().to_owned(),
            answer.json["deliveries"][0]["status"].clone(),
        )
    };
    let (first, sending) = publish(1, 0);
    assert_eq!(sending, "sending");
    let (second, waiting) = publish(1, 1);
    assert_eq!(waiting, "waiting");
    wait_for("the first attempt", LIMIT, || {
        Ok((receiver.count() == 1).then_some(()))
    })
    .unwrap();
    let (other, _) = publish(2, 0);
    wait_for("the other key", LIMIT, || {
        Ok(receiver
            .arrivals()
            .iter()
            .any(|arrival| arrival.message_id == other)
            .then_some(()))
    })
    .unwrap();
    assert!(
        !receiver
            .arrivals()
            .iter()
            .any(|arrival| arrival.message_id == second)
    );
    wait_for("the end of the first", LIMIT, || {
        Ok((states(std::slice::from_ref(&first)) == ["dead_lettered"]).then_some(()))
    })
    .unwrap();
    receiver.open("ordered");
    wait_for("the second", LIMIT, || {
        Ok((states(std::slice::from_ref(&second)) == ["delivered"]).then_some(()))
    })
    .unwrap();
}
