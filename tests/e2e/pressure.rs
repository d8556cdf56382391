//! More than the host takes: it says so at once and when to come back, and what it took is kept.

use countersign_tests::host::{Answer, Host, HostHome};
use rusqlite::Connection;
use serde_json::json;
use std::{sync::mpsc, thread, time::Duration};

/// Less than what the host waits for a locked file.
const LIMIT: Duration = Duration::from_secs(4);

fn publish(host: &Host, number: usize) -> Answer {
    let payload = json!({"type": "open", "email_id": format!("m{number}")});
    let event = json!({"provider": "platform", "payload": payload});
    host.post("/v1/events", &event).unwrap()
}

/// Keeps the disk from taking anything while `taken` events and one more are published. Returns the answer of that one, which
/// comes although the disk takes nothing; the others come when it does.
fn the_one_too_many(config: &str, taken: usize) -> Answer {
    let home = HostHome::new(config).unwrap();
    let host = home.start().unwrap();
    let other = Connection::open(home.data_dir().join("countersign.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (answers, answered) = mpsc::channel();
    let refused = thread::scope(|scope| {
        for number in 0..=taken {
            let (host, answers) = (&host, answers.clone());
            scope.spawn(move || answers.send(publish(host, number)));
        }
        let refused = answered.recv_timeout(LIMIT);
        // The others wait.
        assert!(answered.try_recv().is_err());
        other.execute_batch("ROLLBACK").unwrap();
        for _ in 0..taken {
            let answer = answered.recv_timeout(LIMIT).unwrap();
            assert_eq!(answer.status, 202, "{answer:?}");
        }
        refused.unwrap()
    });
    assert_eq!(publish(&host, taken + 1).status, 202);
    let stats = host.get("/v1/stats").unwrap().json;
    assert_eq!(stats["messages"], taken + 1, "{stats}");
    assert!(!home.log().contains("panicked"), "{}", home.log());
    refused
}

#[test]
fn requests_beyond_the_limit_are_asked_to_come_back() {
    let refused = the_one_too_many("[api]\nrequests_max = 4", 4);
    assert_eq!(
        (refused.status, refused.retry_after.as_deref()),
        (503, Some("1"))
    );
    assert_eq!(refused.json["code"], "overloaded", "{refused:?}");
}

#[test]
fn events_beyond_what_may_wait_for_the_disk_are_asked_to_come_back() {
    let refused = the_one_too_many("[store]\nqueue_max = 3", 3);
    assert_eq!(
        (refused.status, refused.retry_after.as_deref()),
        (503, Some("1"))
    );
    assert_eq!(refused.json["code"], "unavailable", "{refused:?}");
}

/// What a backlog of thirty megabytes may add to the memory, in KiB.
const GROWTH_KIB_MAX: u64 = 16 * 1024;

#[test]
fn a_backlog_lies_on_the_disk_and_not_in_memory() {
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    // Nobody takes them: all but the first few stay pending.
    let hanging = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}/", hanging.local_addr().unwrap());
    let endpoint = json!({"provider": "platform", "url": url, "settings": {"timeout_ms": 60_000}});
    host.create_endpoint(&endpoint).unwrap();
    let payload = json!({"type": "open", "email_id": "m", "note": "x".repeat(1_000)});
    let events = vec![json!({"provider": "platform", "payload": payload}); 1_000];
    let batch = json!({"events": events});
    let publish = |batches: usize| {
        for _ in 0..batches {
            let published = host.post("/v1/events/batch", &batch).unwrap();
            assert_eq!(published.status, 202, "{published:?}");
        }
        host.resident_kib().unwrap()
    };
    // So that everything that is made once has been made.
    let before_kib = publish(5);
    let after_kib = publish(30);
    println!(
        "resident {} MiB with 5,000 waiting, {} MiB with 35,000",
        before_kib / 1024,
        after_kib / 1024
    );
    let stats = host.get("/v1/stats").unwrap().json;
    assert_eq!(stats["messages"], 35_000, "{stats}");
    assert_eq!(stats["deliveries"]["delivered"], 0, "{stats}");
    assert!(
        after_kib < before_kib + GROWTH_KIB_MAX,
        "from {before_kib} to {after_kib} KiB"
    );
}
