//! Killed in the middle of a fan-out: what had been recorded as delivered is not sent again, and all else is, at once.

use countersign_tests::{
    host::{self, Host, HostHome, wait_for},
    receiver::{Arrival, Receiver},
};
use rusqlite::Connection;
use serde_json::{Value, json};
use std::{
    collections::{HashMap, HashSet},
    thread,
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

/// Ten endpoints of one receiver: names by their ids.
fn endpoints(host: &Host, receiver: &Receiver) -> HashMap<String, String> {
    let create = |number: usize| {
        let name = number.to_string();
        let url = receiver.url(&format!("/ok/{name}"));
        let endpoint = json!({"provider": "sendemall", "url": url, "secret": "whsec_s"});
        (host.create_endpoint(&endpoint).unwrap(), name)
    };
    (0..ENDPOINTS).map(create).collect()
}

fn event(number: usize) -> Value {
    json!({"provider": "sendemall", "payload": {"event": "email.sent", "data": {"n": number.to_string()}}})
}

#[test]
fn an_event_is_kept_for_all_of_its_endpoints_or_for_none_whenever_the_host_dies() {
    let receiver = Receiver::start();
    let home = HostHome::new("").unwrap();
    let mut host = home.start().unwrap();
    endpoints(&host, &receiver);
    let mut accepted = 0;
    for round in 0..4 {
        let url = format!("{}/v1/events", host.url());
        accepted += thread::scope(|scope| {
            let publishers: Vec<_> = (0..4)
                .map(|number| {
                    let event = event(number).to_string();
                    let url = &url;
                    scope.spawn(move || {
                        let (agent, json) = (host::agent(), [("content-type", "application/json")]);
                        let taken = std::iter::from_fn(|| {
                            let answer = host::post(&agent, url, &json, event.as_bytes()).ok()?;
                            (answer.status == 202).then_some(())
                        });
                        taken.count()
                    })
                })
                .collect();
            thread::sleep(Duration::from_millis(150 + 37 * round));
            host.kill().unwrap();
            let taken = publishers
                .into_iter()
                .map(|publisher| publisher.join().unwrap());
            taken.sum::<usize>()
        });
        let store = Connection::open(home.data_dir().join("countersign.db")).unwrap();
        let count = |sql: &str| {
            let counted: i64 = store.query_row(sql, [], |row| row.get(0)).unwrap();
            usize::try_from(counted).unwrap()
        };
        let messages = count("SELECT count(*) FROM messages");
        assert!(messages >= accepted, "{accepted} accepted, {messages} kept");
        let whole = count(
            "SELECT count(*) FROM (SELECT message_id FROM deliveries GROUP BY message_id HAVING count(*) = 10)",
        );
        assert_eq!(
            (whole, count("SELECT count(*) FROM bodies")),
            (messages, messages)
        );
        drop(store);
        host = home.start().unwrap();
    }
    assert!(accepted > 20, "{accepted}");
}

#[test]
fn after_a_crash_in_a_ten_way_fan_out_only_what_has_no_recorded_outcome_is_sent_again() {
    let receiver = Receiver::start();
    let home = HostHome::new("").unwrap();
    let mut host = home.start().unwrap();
    let names = endpoints(&host, &receiver);
    let events: Vec<Value> = (0..EVENTS).map(event).collect();
    let published = host
        .post("/v1/events/batch", &json!({"events": events}))
        .unwrap();
    assert_eq!(published.status, 202, "{published:?}");
    let began = Instant::now();
    while receiver.count() < ENDPOINTS * EVENTS / 2 {
        // No longer than that: what is under way at the kill is what this is about.
        thread::sleep(Duration::from_millis(1));
        assert!(began.elapsed() < LIMIT, "only {} arrived", receiver.count());
    }
    host.kill().unwrap();
    // What is still on its way to the receiver arrives.
    thread::sleep(Duration::from_millis(300));
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
