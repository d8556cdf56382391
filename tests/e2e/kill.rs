//! The host is killed at random moments under load; nothing accepted may be lost, and nothing may change.
//!
//! The seed decides the moments and is printed first; `COUNTERSIGN_SEED=<number>` repeats a run's choices.
//! `COUNTERSIGN_ROUNDS=<number>` kills so often, with as much more load; `cargo xtask bench crash` sets it.

use anyhow::Context;
use countersign_core::Config;
use countersign_tests::{
    host::{self, HostHome, wait_for},
    receiver::{Arrival, Receiver},
};
use serde_json::json;
use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// Messages between two kills; a third of them fewer or more.
const BETWEEN: std::ops::Range<usize> = 60..240;
/// Kills while only deliveries are under way.
const LATE_KILLS: usize = 3;
/// Kills without `COUNTERSIGN_ROUNDS`, at least.
const ROUNDS: usize = 13;
/// Messages for each kill, so that most kills meet publishers at work.
const MESSAGES_PER_ROUND: usize = 150;
const PUBLISHERS: usize = 4;
/// Longest that the load of a round may take; reached only when something is broken.
const ROUND_LIMIT: Duration = Duration::from_secs(18);

/// One endpoint per row: name, provider, route of the receiver, secret.
const ENDPOINTS: [(&str, &str, &str, &str); 4] = [
    ("cleanmails", "cleanmails", "/ok/cleanmails", "secret-1"),
    ("smartlead", "smartlead", "/ok/smartlead", "secret-2"),
    (
        "sendemall",
        "sendemall",
        "/fails/1/sendemall",
        "whsec_secret-3",
    ),
    ("platform", "platform", "/ok/platform", "secret-4"),
];

#[test]
fn nothing_accepted_is_lost_when_the_host_is_killed_under_load() {
    run().unwrap();
}

fn run() -> anyhow::Result<()> {
    let rounds = std::env::var("COUNTERSIGN_ROUNDS").ok();
    let rounds = match rounds {
        Some(rounds) => rounds.parse().context("COUNTERSIGN_ROUNDS")?,
        None => ROUNDS,
    };
    let messages = rounds * MESSAGES_PER_ROUND;
    let limit = ROUND_LIMIT * u32::try_from(rounds)?;
    let seed = std::env::var("COUNTERSIGN_SEED").ok();
    let seed = seed
        .and_then(|seed| seed.parse().ok())
        .unwrap_or_else(|| fastrand::u64(..));
    println!("seed {seed}");
    let mut chance = fastrand::Rng::with_seed(seed);

    let receiver = Receiver::start();
    let home = HostHome::new("time_scale = 1000")?;
    let mut host = home.start()?;
    for (name, provider, route, secret) in ENDPOINTS {
        let description = json!({
            "name": name, "provider": provider, "url": receiver.url(route), "secret": secret,
        });
        host.create_endpoint(&description)?;
    }

    let url = format!("{}/v1/events", host.url());
    let accepted = Mutex::new(BTreeMap::new());
    let next = AtomicUsize::new(0);
    let started = Instant::now();
    let mut kills = 0;
    thread::scope(|scope| -> anyhow::Result<()> {
        for _ in 0..PUBLISHERS {
            scope.spawn(|| publish(&url, messages, &next, &accepted, started + limit));
        }
        // By progress, not by time: as many kills on a fast machine as on a slow one.
        let mut next_kill = 0;
        loop {
            next_kill += chance.usize(BETWEEN);
            while accepted.lock().unwrap().len() < next_kill.min(messages) {
                anyhow::ensure!(
                    started.elapsed() < limit,
                    "only {} accepted",
                    accepted.lock().unwrap().len()
                );
                thread::sleep(Duration::from_millis(1));
            }
            if next_kill >= messages {
                break;
            }
            thread::sleep(Duration::from_millis(chance.u64(..30)));
            host.kill()?;
            kills += 1;
            host = home.start()?;
        }
        Ok(())
    })?;
    // And while only deliveries are under way.
    for _ in 0..LATE_KILLS.max(rounds.saturating_sub(kills)) {
        thread::sleep(Duration::from_millis(chance.u64(5..60)));
        host.kill()?;
        kills += 1;
        host = home.start()?;
    }

    let accepted = accepted.into_inner().unwrap();
    wait_for(
        "the end of all deliveries",
        Duration::from_secs(120),
        || {
            let stats = host.get("/v1/stats")?.json;
            let open = |state: &str| stats["deliveries"][state].as_u64().unwrap_or(0);
            Ok((open("pending") + open("sending") == 0).then_some(()))
        },
    )?;
    let stats = host.get("/v1/stats")?.json;
    println!(
        "{messages} messages, {kills} kills, {:.1} s; deliveries {}",
        started.elapsed().as_secs_f64(),
        stats["deliveries"]
    );
    check(&receiver.arrivals(), &accepted, messages)?;
    anyhow::ensure!(
        kills >= rounds,
        "only {kills} kills: the load is over too soon to show anything"
    );
    anyhow::ensure!(!home.log().contains("panicked"), "a panic is in the log");
    Ok(())
}

/// Publishes until every event is accepted. An event whose answer was lost is published again under the same key, which
/// makes one message of the two.
fn publish(
    url: &str,
    messages: usize,
    next: &AtomicUsize,
    accepted: &Mutex<BTreeMap<usize, String>>,
    end: Instant,
) {
    let agent = host::agent();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= messages {
            return;
        }
        let (_, provider, ..) = ENDPOINTS[number % ENDPOINTS.len()];
        let event = json!({"provider": provider, "payload": payload(provider, number)}).to_string();
        let key = format!("event-{number}");
        let headers = [
            ("content-type", "application/json"),
            ("idempotency-key", key.as_str()),
        ];
        let id = loop {
            match host::post(&agent, url, &headers, event.as_bytes()) {
                Ok(answer) if answer.status == 202 => break answer.json["message_id"].clone(),
                Ok(answer) if answer.status != 503 => panic!("{answer:?}"),
                Ok(_) | Err(_) => thread::sleep(Duration::from_millis(5)),
            }
            assert!(Instant::now() < end, "event {number} was never accepted");
        };
        let id = id.as_str().expect("a message id").to_owned();
        accepted.lock().unwrap().insert(number, id);
    }
}

fn payload(provider: &str, number: usize) -> serde_json::Value {
    let timestamp = "2026-05-12T14:30:00Z";
    match provider {
        "cleanmails" => json!({
            "event": "email.sent", "workspace_id": 1, "timestamp": timestamp, "data": {"lead_id": number},
        }),
        "smartlead" => json!({
            "event": "EMAIL_SENT", "timestamp": timestamp, "campaign_id": 5, "lead_id": number,
        }),
        "sendemall" => json!({
            "event": "email.sent", "id": format!("evt_{number}"), "timestamp": timestamp, "data": {"lead_id": number},
        }),
        _ => json!({
            "id": format!("evt_{number}"), "type": "email.open", "email_id": "m", "timestamp": timestamp,
        }),
    }
}

/// Every accepted message arrived, at its endpoint and no other, with one body and a signature that fits.
fn check(
    arrivals: &[Arrival],
    accepted: &BTreeMap<usize, String>,
    messages: usize,
) -> anyhow::Result<()> {
    anyhow::ensure!(accepted.len() == messages, "{} accepted", accepted.len());
    let mut by_message: HashMap<&str, Vec<&Arrival>> = HashMap::new();
    for arrival in arrivals {
        by_message
            .entry(&arrival.message_id)
            .or_default()
            .push(arrival);
    }
    anyhow::ensure!(
        by_message.len() == messages,
        "{} message ids arrived, {messages} were accepted",
        by_message.len()
    );
    let mut duplicates = 0;
    for (number, id) in accepted {
        let arrivals = by_message.get(id.as_str());
        let arrivals = arrivals.with_context(|| format!("event {number} ({id}) never arrived"))?;
        let (name, provider, _, secret) = ENDPOINTS[number % ENDPOINTS.len()];
        let body = &arrivals[0].body;
        for arrival in arrivals {
            anyhow::ensure!(
                arrival.endpoint == name,
                "{id} went to {}",
                arrival.endpoint
            );
            anyhow::ensure!(arrival.body == body, "{id} changed its bytes");
            let verdict = arrival.verify(&Config::new(provider, &[secret]));
            anyhow::ensure!(verdict.is_ok(), "{id}: {verdict:?}");
        }
        let body: serde_json::Value = serde_json::from_slice(body)?;
        anyhow::ensure!(
            body == payload(provider, *number),
            "{id} is another event: {body}"
        );
        let times = arrivals
            .iter()
            .filter(|arrival| arrival.is_accepted())
            .count();
        anyhow::ensure!(times > 0, "{id} was never accepted by its receiver");
        duplicates += times - 1;
    }
    println!(
        "{} requests arrived, {duplicates} of them duplicates of one already accepted",
        arrivals.len()
    );
    Ok(())
}
