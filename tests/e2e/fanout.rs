//! Killed in the middle of a fan-out: what had been recorded as delivered is not sent again, and all else is, at once.

use countersign_tests::{
    host::{HostHome, wait_for},
    receiver::{Arrival, Receiver},
};
use rusqlite::Connection;
use serde_json::{Value, json};
use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

const LIMIT: Duration = Duration::from_secs(60);
const ENDPOINTS: usize = 10;
const EVENTS: usize = 200;
/// After a restart, until the first delivery goes out again.
const FIRST_WITHIN: Duration = Duration::from_secs(1);
/// And until all that was under way has: a second on a machine of one's own.
const ALL_WITHIN: Duration = Duration::from_secs(5);

/// Message and name of the endpoint.
type Pair = (String, String);

fn pair(arrival: &Arrival) -> Pair {
    (arrival.message_id.clone(), arrival.endpoint.clone())
}

#[test]
fn after_a_crash_in_a_ten_way_fan_out_only_what_has_no_recorded_outcome_is_sent_again() {
    let receiver = Receiver::start();
    let home = HostHome::new("").unwrap();
    let mut host = home.start().unwrap();
    let mut names = HashMap::new();
    for number in 0..ENDPOINTS {
        let name = number.to_string();
        let url = receiver.url(&format!("/ok/{name}"));
        let endpoint = json!({"provider": "sendemall", "url": url, "secret": "whsec_s"});
        names.insert(host.create_endpoint(&endpoint).unwrap(), name);
    }
    let event = |number: usize| json!({"provider": "sendemall", "payload": {"event": "email.sent", "data": {"n": number.to_string()}}});
    let events: Vec<Value> = (0..EVENTS).map(event).collect();
    let published = host
        .post("/v1/events/batch", &json!({"events": events}))
        .unwrap();
    assert_eq!(published.status, 202, "{published:?}");
    let began = Instant::now();
    while receiver.count() < ENDPOINTS * EVENTS / 2 {
        // No longer than that: what is under way at the kill is what this is about.
        std::thread::sleep(Duration::from_millis(1));
        assert!(began.elapsed() < LIMIT, "only {} arrived", receiver.count());
    }
    host.kill().unwrap();
    // What is still on its way to the receiver arrives.
    std::thread::sleep(Duration::from_millis(300));
    let before = receiver.arrivals();

    let store = Connection::open(home.data_dir().join("countersign.db")).unwrap();
    let in_state = |state: &str| -> HashSet<Pair> {
        let mut found = store
            .prepare("SELECT message_id, endpoint_id FROM deliveries WHERE state = ?")
            .unwrap();
        let pairs = found.query_map([state], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)));
        pairs
            .unwrap()
            .map(|pair| {
                pair.map(|(message, endpoint)| (message, names[&endpoint].clone()))
                    .unwrap()
            })
            .collect()
    };
    let (recorded, interrupted) = (in_state("delivered"), in_state("sending"));
    drop(store);
    assert!(
        !recorded.is_empty() && recorded.len() < ENDPOINTS * EVENTS,
        "{}",
        recorded.len()
    );
    // Nothing is recorded that did not happen.
    let arrived: HashSet<_> = before.iter().map(pair).collect();
    assert!(recorded.is_subset(&arrived));

    let host = home.start().unwrap();
    let restarted = Instant::now();
    wait_for("every delivery", LIMIT, || {
        let delivered = host.get("/v1/stats")?.json["deliveries"]["delivered"].as_u64();
        Ok((delivered == Some((ENDPOINTS * EVENTS) as u64)).then_some(()))
    })
    .unwrap();
    let after = receiver.arrivals().split_off(before.len());
    let again: Vec<_> = after
        .iter()
        .filter(|arrival| arrived.contains(&pair(arrival)))
        .collect();
    for arrival in &after {
        assert!(
            !recorded.contains(&pair(arrival)),
            "sent again: {:?}",
            pair(arrival)
        );
    }
    for arrival in &again {
        assert!(
            interrupted.contains(&pair(arrival)),
            "twice: {:?}",
            pair(arrival)
        );
    }
    let all: HashSet<_> = arrived
        .iter()
        .cloned()
        .chain(after.iter().map(pair))
        .collect();
    assert_eq!(all.len(), ENDPOINTS * EVENTS);

    let since = |arrival: &Arrival| arrival.at.saturating_duration_since(restarted);
    let first = after.iter().map(since).min().unwrap();
    let resumed = after
        .iter()
        .filter(|arrival| interrupted.contains(&pair(arrival)));
    let last = resumed.map(since).max().unwrap_or_default();
    println!(
        "{} recorded, {} interrupted, {} of them arrived twice; after the restart the first came in {first:?}, the last of what \
         was interrupted in {last:?}",
        recorded.len(),
        interrupted.len(),
        again.len()
    );
    assert!(first < FIRST_WITHIN, "{first:?}");
    assert!(last < ALL_WITHIN, "{last:?}");
}
