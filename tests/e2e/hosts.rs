//! Several hosts on one PostgreSQL database: work is shared, taken over, and never done by two at a time.

use countersign_cluster::Database;
use countersign_core::Config;
use countersign_tests::{
    host::{Host, HostHome, wait_for},
    receiver::Receiver,
};
use serde_json::{Value, json};
use std::{
    path::Path,
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// Shortest lease that can be set.
const LEASE: Duration = Duration::from_secs(2);
/// For a machine that is busy with other tests.
const SPARE: Duration = Duration::from_secs(5);
const LIMIT: Duration = Duration::from_secs(60);
/// One key for all hosts.
const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
/// What tells a program another time than the machine's, where it is installed.
const FAKETIME: [&str; 2] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
];

fn home(url: &str) -> HostHome {
    let home = HostHome::new("").unwrap();
    home.configure(&format!(
        "[store]\nurl = {url:?}\nlease_s = {}\nkey = {KEY:?}\n[delivery]\nallow_http = true\ntime_scale = 1000\n",
        LEASE.as_secs()
    ))
    .unwrap();
    home
}

fn endpoint(receiver: &Receiver, path: &str) -> Value {
    json!({"provider": "cleanmails", "url": receiver.url(path), "secret": "a-long-secret"})
}

fn event(number: usize) -> Value {
    json!({"event": "email.replied", "workspace_id": 1, "data": {"lead_id": number, "lead_email": "john@example.com"}})
}

fn publish(host: &Host, number: usize) -> String {
    host.publish("cleanmails", &event(number)).unwrap()
}

fn number(database: &Database, sql: &str) -> i64 {
    let found = database.query(sql).unwrap();
    found[0].as_ref().unwrap().parse().unwrap()
}

fn wait_until(database: &Database, what: &str, sql: &str, wanted: i64) {
    let asked = wait_for(what, LIMIT, || {
        Ok((number(database, sql) == wanted).then_some(()))
    });
    if let Err(error) = asked {
        panic!("{error}: {} instead of {wanted}", number(database, sql));
    }
}

/// Waits until each of the hosts works as many endpoints as the others.
fn wait_until_shared(database: &Database, hosts: i64, endpoints: i64) {
    let sql = format!(
        "SELECT count(*) FROM (SELECT 1 FROM endpoints JOIN hosts ON generation = owner
         GROUP BY owner HAVING count(*) = {}) AS even",
        endpoints / hosts
    );
    wait_until(database, "an even share", &sql, hosts);
}

const DELIVERED: &str = "SELECT count(*) FROM deliveries WHERE state = 'delivered'";

#[test]
fn a_killed_host_is_taken_over_within_its_lease() {
    let Some(database) = countersign_cluster::database() else {
        return;
    };
    let receiver = Receiver::start();
    let homes = [home(database.url()), home(database.url())];
    let [mut killed, other] = homes.each_ref().map(|home| home.start().unwrap());
    for place in 0..4 {
        killed
            .create_endpoint(&endpoint(&receiver, &format!("/ok/{place}")))
            .unwrap();
    }
    wait_until_shared(&database, 2, 4);
    for place in 0..10 {
        publish(&killed, place);
        publish(&other, place);
    }
    killed.kill().unwrap();
    let died = Instant::now();
    for place in 0..10 {
        publish(&other, place);
    }
    wait_until(&database, "delivery", DELIVERED, 30 * 4);
    assert!(
        died.elapsed() < LEASE + Duration::from_secs(1) + SPARE,
        "{:?}",
        died.elapsed()
    );
    let twice = "SELECT count(*) FROM (SELECT delivery_id FROM attempts WHERE status = 200
         GROUP BY delivery_id HAVING count(*) > 1) AS twice";
    assert_eq!(number(&database, twice), 0);
    // What one host has ended properly is the other's at once, without a lease to run out.
    let homes = home(database.url());
    let third = homes.start().unwrap();
    wait_until_shared(&database, 2, 4);
    let stopped = Instant::now();
    assert!(other.terminate().unwrap().success());
    wait_until_shared(&database, 1, 4);
    assert!(stopped.elapsed() < LEASE + SPARE);
    drop(third);
}

#[test]
fn a_host_that_wakes_up_late_changes_nothing() {
    let Some(database) = countersign_cluster::database() else {
        return;
    };
    let receiver = Receiver::start();
    let homes = [home(database.url()), home(database.url())];
    let sleeper = homes[0].start().unwrap();
    for place in 0..2 {
        sleeper
            .create_endpoint(&endpoint(&receiver, &format!("/ok/{place}")))
            .unwrap();
    }
    let other = homes[1].start().unwrap();
    wait_until_shared(&database, 2, 2);
    // Under way while it is stopped: what it hears of them it hears too late.
    for place in 0..50 {
        publish(&sleeper, place);
    }
    sleeper.signal("STOP").unwrap();
    for place in 0..10 {
        publish(&other, place);
    }
    wait_until(&database, "delivery by the other host", DELIVERED, 60 * 2);
    let before = database
        .query("SELECT id || state || updated_at_ms || attempts_total FROM deliveries ORDER BY id");
    sleeper.signal("CONT").unwrap();
    // It finds out and comes back with a number of its own, and with its share.
    wait_until_shared(&database, 2, 2);
    let after = database
        .query("SELECT id || state || updated_at_ms || attempts_total FROM deliveries ORDER BY id");
    assert_eq!(before.unwrap(), after.unwrap());
    publish(&sleeper, 0);
    publish(&other, 0);
    wait_until(&database, "delivery by both", DELIVERED, 62 * 2);
    assert!(homes[0].log().contains("was not heard of for too long"));
}

#[test]
fn a_machine_whose_clock_is_wrong_by_an_hour_changes_nothing() {
    let Some(faketime) = FAKETIME.into_iter().find(|path| Path::new(path).exists()) else {
        // The clock itself has tests of its own.
        countersign_cluster::note_left_out(
            "a machine with a wrong clock",
            "libfaketime is not installed",
        );
        return;
    };
    let Some(database) = countersign_cluster::database() else {
        return;
    };
    let receiver = Receiver::start();
    for offset in ["+1h", "-1h"] {
        let before = receiver.count();
        let home = home(database.url());
        let host = home.start_with(|command| {
            command
                .env("LD_PRELOAD", faketime)
                .env("FAKETIME", offset)
                .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        });
        let host = host.unwrap();
        let name = format!("/fails/1/{}", offset.trim_start_matches(['+', '-']));
        let made = host.create_endpoint(&endpoint(&receiver, &name)).unwrap();
        publish(&host, 1);
        wait_for("a retry", LIMIT, || {
            Ok((receiver.count() >= before + 2).then_some(()))
        })
        .unwrap();
        let config = Config::new("cleanmails", &["a-long-secret"]);
        for arrival in &receiver.arrivals()[before..] {
            if let Err(refusal) = arrival.verify(&config) {
                panic!("{offset}: {refusal}");
            }
        }
        wait_until(
            &database,
            "delivery",
            "SELECT count(*) FROM deliveries WHERE state <> 'delivered'",
            0,
        );
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let now_ms = i64::try_from(now.as_millis()).unwrap();
        for sql in [
            "SELECT max(created_at_ms) FROM messages",
            "SELECT max(started_at_ms) FROM attempts",
            "SELECT max(created_at_ms) FROM endpoints",
        ] {
            let at_ms = number(&database, sql);
            assert!(
                (now_ms - at_ms).abs() < 60_000,
                "{offset}: {sql}: {at_ms}, {now_ms}"
            );
        }
        host.delete(&format!("/v1/endpoints/{made}")).unwrap();
        host.terminate().unwrap();
    }
}

#[test]
fn what_one_host_changes_counts_for_what_another_publishes_right_after() {
    let Some(database) = countersign_cluster::database() else {
        return;
    };
    let receiver = Receiver::start();
    let homes = [home(database.url()), home(database.url())];
    let [one, other] = homes.each_ref().map(|home| home.start().unwrap());
    let mut sent = 0;
    for round in 0..5 {
        let path = format!("/ok/{round}");
        let id = one.create_endpoint(&endpoint(&receiver, &path)).unwrap();
        publish(&other, round);
        sent += 1;
        wait_until(&database, "delivery", DELIVERED, sent);
        let paused = other.patch(&format!("/v1/endpoints/{id}"), &json!({"status": "paused"}));
        // The other one may have seen the endpoint a moment later.
        let paused = paused.unwrap();
        assert!([200, 503].contains(&paused.status), "{paused:?}");
        wait_for("the pause", LIMIT, || {
            let path = format!("/v1/endpoints/{id}");
            let paused = other.patch(&path, &json!({"status": "paused"}))?;
            Ok((paused.status == 200).then_some(()))
        })
        .unwrap();
        publish(&one, round);
        let held = "SELECT count(*) FROM deliveries WHERE state = 'held'";
        wait_until(&database, "a held delivery", held, 1);
        wait_for("the end of the pause", LIMIT, || {
            let path = format!("/v1/endpoints/{id}");
            let active = one.patch(&path, &json!({"status": "active"}))?;
            Ok((active.status == 200).then_some(()))
        })
        .unwrap();
        sent += 1;
        wait_until(&database, "delivery of what was held", DELIVERED, sent);
        let deleted = other.delete(&format!("/v1/endpoints/{id}")).unwrap();
        assert_eq!(deleted.status, 204, "{deleted:?}");
        publish(&one, round);
    }
    assert_eq!(number(&database, "SELECT count(*) FROM deliveries"), sent);
}

#[test]
fn while_the_database_is_away_events_are_refused_and_then_deliveries_go_on() {
    let Some(mut cluster) = countersign_cluster::cluster() else {
        return;
    };
    let url = cluster.create("away").unwrap();
    let receiver = Receiver::start();
    let home = home(&url);
    let host = home.start().unwrap();
    host.create_endpoint(&endpoint(&receiver, "/fails/2/away"))
        .unwrap();
    let mut accepted = 0;
    for place in 0..20 {
        publish(&host, place);
        accepted += 1;
    }
    cluster.kill().unwrap();
    let gone = Instant::now();
    let mut refused = 0;
    while gone.elapsed() < LEASE * 2 {
        let asked = json!({"provider": "cleanmails", "payload": event(0)});
        let answer = host.post("/v1/events", &asked).unwrap();
        match answer.status {
            202 => accepted += 1,
            status => {
                assert_eq!(status, 503, "{answer:?}");
                assert!(answer.retry_after.is_some(), "{answer:?}");
                refused += 1;
            }
        }
        thread::sleep(Duration::from_millis(50));
    }
    assert!(refused > 10);
    cluster.resume().unwrap();
    wait_for("an accepted event", LIMIT, || {
        let asked = json!({"provider": "cleanmails", "payload": event(0)});
        let answer = host.post("/v1/events", &asked)?;
        Ok((answer.status == 202).then_some(()))
    })
    .unwrap();
    accepted += 1;
    wait_for("delivery of everything", LIMIT, || {
        let accepted_by_receiver: std::collections::HashSet<_> = receiver
            .arrivals()
            .into_iter()
            .filter(|arrival| arrival.is_accepted())
            .map(|arrival| arrival.message_id)
            .collect();
        Ok((accepted_by_receiver.len() >= accepted).then_some(()))
    })
    .unwrap();
    let lines = home.log().lines().count();
    assert!(lines < 100, "{lines} lines in the log");
    assert!(host.terminate().unwrap().success());
}
