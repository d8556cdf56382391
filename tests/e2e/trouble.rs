//! A store in trouble: the disk is full, or another program keeps it locked. Nothing accepted is lost, new events are refused
//! clearly, and the host goes on by itself.

use countersign_tests::{
    host::{Host, HostHome, wait_for},
    receiver::Receiver,
};
use rusqlite::Connection;
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

const LIMIT: Duration = Duration::from_secs(40);
/// Lines that an outage may log.
const LINES_MAX: usize = 60;

/// A disk of its own, 8 MiB.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None` when this user may not mount one.
    fn mount(at: &Path) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=8m,mode=0700", "tmpfs"])
            .arg(at)
            .status();
        mounted
            .is_ok_and(|status| status.success())
            .then(|| Self(at.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn event(bytes: usize) -> Value {
    let payload =
        json!({"event": "email.sent", "workspace_id": 1, "data": {"note": "x".repeat(bytes)}});
    json!({"provider": "cleanmails", "payload": payload})
}

/// Publishes until the store refuses; returns the ids of what was accepted, and the refusal.
fn publish_until_refused(host: &Host, bytes: usize) -> (Vec<String>, Value) {
    let mut accepted = Vec::new();
    for _ in 0..1_000 {
        let answer = host.post("/v1/events", &event(bytes)).unwrap();
        match answer.status {
            202 => accepted.push(answer.json["message_id"].as_str().unwrap().to_owned()),
            503 => return (accepted, answer.json),
            _ => panic!("{answer:?}"),
        }
    }
    panic!("nothing was refused");
}

fn assert_all_delivered(host: &Host, receiver: &Receiver, accepted: &[String]) {
    wait_for("all that was accepted to be delivered", LIMIT, || {
        let stats = host.get("/v1/stats")?.json;
        let open = |state: &str| stats["deliveries"][state].as_u64().unwrap_or(1);
        Ok((open("pending") + open("sending") == 0).then_some(()))
    })
    .unwrap();
    for message in accepted {
        let found = host.get(&format!("/v1/messages/{message}")).unwrap().json;
        assert_eq!(found["deliveries"][0]["status"], "delivered", "{found}");
    }
    let arrived: std::collections::BTreeSet<_> = receiver
        .arrivals()
        .into_iter()
        .map(|arrival| arrival.message_id)
        .collect();
    assert!(accepted.iter().all(|message| arrived.contains(message)));
    // What was refused is not there.
    assert_eq!(arrived.len(), accepted.len());
}

fn full_disk(reserve_bytes: u64, code: &str) {
    let receiver = Receiver::start();
    let config = format!("[store]\nreserve_bytes = {reserve_bytes}");
    let home = HostHome::new(&config).unwrap();
    let Some(_disk) = SmallDisk::mount(&home.data_dir()) else {
        assert!(
            std::env::var_os("CI").is_none(),
            "a disk can be mounted in CI"
        );
        println!("skipped: this user may not mount a small disk");
        return;
    };
    let host = home.start().unwrap();
    let description =
        json!({"provider": "cleanmails", "url": receiver.url("/ok/good"), "secret": "s"});
    host.create_endpoint(&description).unwrap();
    let (mut accepted, _) = {
        // Something else takes most of the room.
        std::fs::write(home.data_dir().join("other"), vec![0; 3 << 20]).unwrap();
        publish_until_refused(&host, 50_000)
    };
    assert!(!accepted.is_empty());
    let lines = home.log().lines().count();
    for _ in 0..100 {
        let refused = host.post("/v1/events", &event(50_000)).unwrap();
        if refused.status == 503 {
            assert_eq!(refused.json["code"], code, "{refused:?}");
        } else {
            accepted.push(refused.json["message_id"].as_str().unwrap().to_owned());
        }
    }
    std::thread::sleep(Duration::from_secs(2));
    let more = home.log().lines().count() - lines;
    assert!(more < LINES_MAX, "{more} lines: {}", home.log());
    assert_eq!(host.get("/health").unwrap().status, 200);
    // Room is made, and nobody tells the host.
    std::fs::remove_file(home.data_dir().join("other")).unwrap();
    let message = wait_for("an event to be taken again", LIMIT, || {
        let answer = host.post("/v1/events", &event(10))?;
        Ok(answer.json["message_id"].as_str().map(str::to_owned))
    });
    accepted.push(message.unwrap());
    assert_all_delivered(&host, &receiver, &accepted);
    assert!(host.terminate().unwrap().success());
}

#[test]
fn a_full_disk_refuses_new_events_and_loses_none_that_was_accepted() {
    full_disk(0, "store_full");
}

#[test]
fn new_events_are_refused_before_the_disk_is_full() {
    full_disk(1 << 20, "store_full");
}

#[test]
fn a_store_that_another_program_locks_refuses_for_so_long_and_goes_on() {
    let receiver = Receiver::start();
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    let description =
        json!({"provider": "cleanmails", "url": receiver.url("/ok/good"), "secret": "s"});
    host.create_endpoint(&description).unwrap();
    let mut accepted = vec![publish_until_accepted(&host)];
    let other = Connection::open(home.data_dir().join("countersign.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let lines = home.log().lines().count();
    let refused = host.post("/v1/events", &event(10)).unwrap();
    assert_eq!(
        (refused.status, refused.json["code"].as_str()),
        (503, Some("store_locked"))
    );
    assert!(
        home.log().lines().count() - lines < LINES_MAX,
        "{}",
        home.log()
    );
    other.execute_batch("ROLLBACK").unwrap();
    accepted.push(publish_until_accepted(&host));
    assert_all_delivered(&host, &receiver, &accepted);
}

fn publish_until_accepted(host: &Host) -> String {
    wait_for("an event to be taken", LIMIT, || {
        let answer = host.post("/v1/events", &event(10))?;
        Ok(answer.json["message_id"].as_str().map(str::to_owned))
    })
    .unwrap()
}
