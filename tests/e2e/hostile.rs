//! Receivers that misbehave in every way we could think of, all at once, beside one that does not.

use countersign_tests::{
    dns::DnsServer,
    host::{Host, HostHome, wait_for},
    hostile::{Authority, Habit, Hostile},
    receiver::Receiver,
};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

/// The time limit of an attempt for Cleanmails (R-C10).
const TIMEOUT: Duration = Duration::from_secs(10);
/// What may pass beyond it on a busy machine until the attempt is over.
const SLACK: Duration = Duration::from_secs(5);
/// Events that go to everybody, after a first one. With ten, endpoints would be paused (C31).
const EVENTS: u32 = 8;
/// What half of the events of the healthy one take at most: some milliseconds on a machine of one's own.
const HEALTHY_MEDIAN_MAX: Duration = Duration::from_millis(500);
/// What the host's memory may grow by: buffers of some hundred connections, and nothing in the order of what is sent to it.
const GROWTH_KIB_MAX: u64 = 64 * 1024;

fn email_sent(lead: u32) -> Value {
    json!({"event": "email.sent", "workspace_id": 1, "timestamp": "2026-05-12T14:30:00Z", "data": {"lead_id": lead}})
}

fn create(host: &Host, url: &str) -> String {
    let endpoint = json!({"provider": "cleanmails", "url": url, "secret": "s"});
    host.create_endpoint(&endpoint).unwrap()
}

/// The first attempts of a message by endpoint, once every delivery has had one.
fn first_attempts(host: &Host, message: &str, endpoints: usize) -> HashMap<String, Value> {
    wait_for("a first attempt everywhere", TIMEOUT + SLACK * 3, || {
        let message = host.get(&format!("/v1/messages/{message}"))?.json;
        let deliveries = message["deliveries"].as_array().unwrap();
        let attempts: HashMap<_, _> = deliveries
            .iter()
            .filter(|delivery| delivery["attempts"][0].is_object())
            .map(|delivery| {
                let endpoint = delivery["endpoint_id"].as_str().unwrap();
                (endpoint.to_owned(), delivery["attempts"][0].clone())
            })
            .collect();
        Ok((attempts.len() == endpoints).then_some(attempts))
    })
    .unwrap()
}

// Holds: R-C10, S46, R-X4
#[test]
fn every_misbehaviour_ends_in_its_failure_kind_in_time_and_in_bounded_memory() {
    let trusted = Authority::new();
    let stranger = Authority::new();
    let dns = DnsServer::start();
    dns.set("silent.test", &[]);
    let closed = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let closed_address = closed.local_addr().unwrap();
    drop(closed);

    let plain = [
        (Habit::Hang, "timeout"),
        (Habit::DripHead, "timeout"),
        (Habit::DripBody, "200"),
        (Habit::EndlessBody, "200"),
        (Habit::HugeBody, "200"),
        (Habit::HugeHead, "invalid_response"),
        (Habit::EndlessInterim, "timeout"),
        (Habit::Reset, "invalid_response"),
        (Habit::Close, "invalid_response"),
        (Habit::NotHttp, "invalid_response"),
        (Habit::RedirectLoop, "307"),
    ];
    let plain: Vec<_> = plain
        .map(|(habit, outcome)| (habit, Hostile::start(habit), outcome))
        .into();
    let tls = [
        (
            "wrong name",
            Habit::Fine,
            trusted.certify("other.test"),
            "tls",
        ),
        (
            "expired",
            Habit::Fine,
            trusted.certify_expired("localhost"),
            "tls",
        ),
        (
            "not trusted",
            Habit::Fine,
            stranger.certify("localhost"),
            "tls",
        ),
        (
            "no handshake",
            Habit::NoHandshake,
            trusted.certify("localhost"),
            "timeout",
        ),
        ("good", Habit::Fine, trusted.certify("localhost"), "200"),
    ];
    let tls: Vec<_> = tls
        .map(|(name, habit, certified, outcome)| {
            (name, Hostile::start_tls(habit, certified), outcome)
        })
        .into();

    let network = format!(
        "dns_servers = [\"{}\"]\nallow = [\"127.0.0.0/8\", \"::1\"]",
        dns.address()
    );
    let mut home = HostHome::with_network("", &network).unwrap();
    home.trust(&trusted.pem()).unwrap();
    let host = home.start().unwrap();
    let healthy = Receiver::start();

    // What was done with it, how it is called, and how it must end.
    let mut expected: HashMap<String, (String, &str)> = HashMap::new();
    for (habit, hostile, outcome) in &plain {
        let endpoint = create(&host, &hostile.url("/hook"));
        expected.insert(endpoint, (format!("{habit:?}"), outcome));
    }
    for (name, hostile, outcome) in &tls {
        let endpoint = create(&host, &hostile.url("/hook"));
        expected.insert(endpoint, (format!("TLS, {name}"), outcome));
    }
    for (name, url, outcome) in [
        (
            "refused",
            format!("http://{closed_address}/hook"),
            "connect",
        ),
        ("no such name", "http://none.test/hook".to_owned(), "dns"),
        (
            "DNS silent",
            "http://silent.test/hook".to_owned(),
            "timeout",
        ),
    ] {
        expected.insert(create(&host, &url), (name.to_owned(), outcome));
    }
    let healthy_id = create(&host, &healthy.url("/ok/healthy"));
    expected.insert(healthy_id, ("healthy".to_owned(), "200"));

    // One before anything is measured, so that everything that is made once has been made.
    host.publish("cleanmails", &email_sent(0)).unwrap();
    let before_kib = host.resident_kib().unwrap();
    let mut most_kib = before_kib;
    let mut latencies = Vec::new();
    let mut messages = Vec::new();
    for lead in 1..=EVENTS {
        let began = Instant::now();
        let message = host.publish("cleanmails", &email_sent(lead)).unwrap();
        wait_for("the healthy one to be called", TIMEOUT, || {
            let mut arrivals = healthy.arrivals().into_iter();
            let arrived = arrivals.find(|arrival| arrival.message_id == message);
            Ok(arrived.map(|arrival| latencies.push(arrival.at.duration_since(began))))
        })
        .unwrap();
        most_kib = most_kib.max(host.resident_kib().unwrap());
        messages.push(message);
    }
    for message in &messages {
        let attempts = first_attempts(&host, message, expected.len());
        most_kib = most_kib.max(host.resident_kib().unwrap());
        for (endpoint, attempt) in attempts {
            let (name, outcome) = &expected[&endpoint];
            let ended = match attempt["outcome"].as_str() {
                Some("response") => attempt["status"].to_string(),
                Some(failure) => failure.to_owned(),
                None => attempt.to_string(),
            };
            assert_eq!(&ended, outcome, "{name}: {attempt}");
            let took = Duration::from_millis(attempt["duration_ms"].as_u64().unwrap());
            assert!(took < TIMEOUT + SLACK, "{name}: {attempt}");
        }
    }
    latencies.sort();
    println!(
        "healthy endpoint beside {} hostile ones: median {:?}, worst {:?} of {EVENTS} from publish to arrival; \
         resident {} MiB before, at most {} MiB",
        expected.len() - 1,
        latencies[latencies.len() / 2],
        latencies.last().unwrap(),
        before_kib / 1024,
        most_kib / 1024
    );
    assert!(
        latencies[latencies.len() / 2] < HEALTHY_MEDIAN_MAX,
        "{latencies:?}"
    );
    assert!(
        most_kib < before_kib + GROWTH_KIB_MAX,
        "from {before_kib} to {most_kib} KiB"
    );
    // Nobody was sent a request over a connection that was not trusted, and no redirect was followed.
    for (name, hostile, outcome) in &tls {
        assert_eq!(hostile.requests() > 0, *outcome == "200", "{name}");
    }
}

#[test]
fn an_attempt_is_one_request_whatever_becomes_of_it() {
    let habits = [
        Habit::Hang,
        Habit::Reset,
        Habit::Close,
        Habit::NotHttp,
        Habit::RedirectLoop,
        Habit::HugeHead,
    ];
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    for habit in habits {
        let hostile = Hostile::start(habit);
        // Its schedule goes on after 30 s (E30), which is long enough to count.
        let url = hostile.url("/hook");
        let endpoint = json!({"provider": "sendemall", "url": url, "secret": "whsec_s"});
        let endpoint = host.create_endpoint(&endpoint).unwrap();
        let event = json!({"event": "email.sent", "data": {}});
        let message = host.publish("sendemall", &event).unwrap();
        first_attempts(&host, &message, 1);
        let requests = hostile.requests();
        host.delete(&format!("/v1/endpoints/{endpoint}")).unwrap();
        assert_eq!(requests, 1, "{habit:?}");
    }
}

/// What eight answers of 300 MB may add to the memory, in KiB: what is read of them, and what TCP holds for each.
const HUGE_GROWTH_KIB_MAX: u64 = 24 * 1024;

// Holds: R-X5
#[test]
fn eight_answers_of_300_mb_and_eight_heads_of_100_mib_at_once_leave_memory_as_it_was() {
    let receivers = [Habit::HugeBody, Habit::HugeHead].map(|habit| (habit, Hostile::start(habit)));
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    let mut kinds = HashMap::new();
    for (habit, receiver) in &receivers {
        for _ in 0..8 {
            kinds.insert(create(&host, &receiver.url("/hook")), *habit);
        }
    }
    let message = host.publish("cleanmails", &email_sent(0)).unwrap();
    first_attempts(&host, &message, kinds.len());
    let before_kib = host.resident_kib().unwrap();
    let mut most_kib = before_kib;
    let messages: Vec<_> = (1..=4)
        .map(|lead| {
            let message = host.publish("cleanmails", &email_sent(lead)).unwrap();
            for _ in 0..20 {
                most_kib = most_kib.max(host.resident_kib().unwrap());
                std::thread::sleep(Duration::from_millis(5));
            }
            message
        })
        .collect();
    for message in &messages {
        for (endpoint, attempt) in first_attempts(&host, message, kinds.len()) {
            most_kib = most_kib.max(host.resident_kib().unwrap());
            match kinds[&endpoint] {
                Habit::HugeBody => {
                    assert_eq!(attempt["status"], 200, "{attempt}");
                    let kept = attempt["response"].as_str().unwrap().len();
                    assert_eq!(kept, 4 * 1024);
                }
                _ => assert_eq!(attempt["outcome"], "invalid_response", "{attempt}"),
            }
        }
    }
    println!(
        "resident {} MiB before, at most {} MiB",
        before_kib / 1024,
        most_kib / 1024
    );
    assert!(
        most_kib < before_kib + HUGE_GROWTH_KIB_MAX,
        "from {before_kib} to {most_kib} KiB"
    );
}
