//! Several hosts on one PostgreSQL database: work is shared, taken over, and never done by two at a time.

#[path = "hosts/side_by_side.rs"]
mod side_by_side;

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

/// What can be listed.
const LISTS: [&str; 10] = [
    "endpoints",
    "messages",
    "deliveries",
    "dead-letters",
    "replays",
    "workspaces",
    "keys",
    "event-types",
    "inbound",
    "stats",
];

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
        assert_eq!(paused.unwrap().status, 200);
        publish(&one, round);
        let held = "SELECT count(*) FROM deliveries WHERE state = 'held'";
        wait_until(&database, "a held delivery", held, 1);
        let active = one.patch(&format!("/v1/endpoints/{id}"), &json!({"status": "active"}));
        assert_eq!(active.unwrap().status, 200);
        sent += 1;
        wait_until(&database, "delivery of what was held", DELIVERED, sent);
        let deleted = other.delete(&format!("/v1/endpoints/{id}")).unwrap();
        assert_eq!(deleted.status, 204, "{deleted:?}");
        publish(&one, round);
    }
    assert_eq!(number(&database, "SELECT count(*) FROM deliveries"), sent);
}

/// The number of an operating system's process that works the endpoint.
fn worked_by(database: &Database, endpoint: &str) -> u32 {
    let sql = format!(
        "SELECT hosts.name FROM hosts JOIN endpoints ON owner = generation WHERE endpoints.id = '{endpoint}'"
    );
    let found = database.query(&sql).unwrap();
    let name = found[0].as_ref().unwrap();
    name.rsplit(':').next().unwrap().parse().unwrap()
}

#[test]
fn rates_and_places_hold_whoever_publishes_and_when_an_endpoint_moves() {
    const EVENTS: usize = 100;
    const PER_SECOND: usize = 20;
    const SLOW: Duration = Duration::from_millis(50);
    let Some(database) = countersign_cluster::database() else {
        return;
    };
    let receiver = Receiver::start();
    let homes = [home(database.url()), home(database.url())];
    let hosts = homes.each_ref().map(|home| home.start().unwrap());
    let made = |path: &str, settings: Value| {
        let mut endpoint = endpoint(&receiver, path);
        endpoint["settings"] = settings;
        hosts[0].create_endpoint(&endpoint).unwrap()
    };
    let rate = json!({"per_second": PER_SECOND, "burst": PER_SECOND});
    let limited = made("/ok/limited", json!({"rate_limit": rate}));
    let narrow = made("/slow/50/narrow", json!({"concurrency": 1}));
    wait_until_shared(&database, 2, 2);
    for host in &hosts {
        let events = (0..EVENTS / 2)
            .map(|number| json!({"provider": "cleanmails", "payload": event(number)}));
        let batch = json!({"events": events.collect::<Vec<_>>()});
        let answer = host.post("/v1/events/batch", &batch).unwrap();
        assert_eq!(answer.status, 202, "{answer:?}");
    }
    // Each of them moves, in the midst of it.
    wait_for("the first requests", LIMIT, || {
        Ok((receiver.count() >= PER_SECOND + 4).then_some(()))
    })
    .unwrap();
    let first = worked_by(&database, &limited);
    assert_ne!(first, worked_by(&database, &narrow));
    let mut hosts: Vec<_> = hosts.into_iter().zip(&homes).collect();
    hosts.sort_by_key(|(host, _)| host.pid() != first);
    let mut back = Vec::new();
    for (host, home) in hosts {
        assert!(host.terminate().unwrap().success());
        back.push(home.start().unwrap());
    }
    wait_until(&database, "delivery", DELIVERED, 2 * EVENTS as i64);
    let times = |sql: String| {
        let found = database.query(&sql).unwrap();
        let times = found.into_iter().flatten();
        times
            .map(|time| time.parse().unwrap())
            .collect::<Vec<i64>>()
    };
    let begun = times(format!(
        "SELECT started_at_ms FROM attempts JOIN deliveries ON deliveries.id = delivery_id
         WHERE endpoint_id = '{limited}' ORDER BY started_at_ms"
    ));
    for (place, from) in begun.iter().enumerate() {
        let within = begun[place..].iter().filter(|at| **at < from + 1_000);
        // A request may begin a little after the moment at which it was counted.
        assert!(within.count() <= 2 * PER_SECOND + 4, "{begun:?}");
    }
    let arrivals = receiver.arrivals();
    let narrow: Vec<_> = arrivals
        .iter()
        .filter(|arrival| arrival.endpoint == "narrow")
        .collect();
    assert_eq!(narrow.len(), EVENTS);
    for pair in narrow.windows(2) {
        let between = pair[1].at.duration_since(pair[0].at);
        assert!(between >= SLOW, "{between:?} between two of them");
    }
}

#[test]
fn hosts_are_replaced_one_after_the_other_under_load_while_the_schema_becomes_a_version_newer() {
    let Some(database) = countersign_cluster::database() else {
        return;
    };
    let receiver = Receiver::start();
    let homes = [home(database.url()), home(database.url())];
    let mut hosts = homes.each_ref().map(|home| Some(home.start().unwrap()));
    for place in 0..4 {
        let path = format!("/slow/20/{place}");
        let first = hosts[0].as_ref().unwrap();
        first.create_endpoint(&endpoint(&receiver, &path)).unwrap();
    }
    wait_until_shared(&database, 2, 4);
    // So often that every connection has every statement.
    let look = |hosts: &[Option<Host>; 2]| {
        for host in hosts.iter().flatten() {
            for list in LISTS.repeat(12) {
                let found = host.get(&format!("/v1/{list}")).unwrap();
                assert_eq!(found.status, 200, "{list}: {found:?}");
            }
        }
    };
    let mut published = 0;
    let mut load = |hosts: &[Option<Host>; 2]| {
        for number in 0..40 {
            let up = hosts
                .iter()
                .flatten()
                .nth(number % hosts.iter().flatten().count());
            publish(up.unwrap(), number);
            published += 1;
        }
    };
    load(&hosts);
    look(&hosts);
    // What the first host of the next version does when it starts, while those of this version work: it may have to try again.
    let changes = database.query(
        "SELECT 'ALTER TABLE ' || table_name || ' ADD COLUMN later TEXT; ' FROM information_schema.tables
         WHERE table_schema = current_schema()",
    );
    let changes: String = changes.unwrap().into_iter().flatten().collect();
    assert!(changes.contains("deliveries"), "{changes}");
    wait_for("the next schema", LIMIT, || {
        let changed = database.run(&format!(
            "BEGIN; SET LOCAL lock_timeout = '2s'; {changes} UPDATE schema_version SET version = version + 1; COMMIT"
        ));
        Ok(changed.ok())
    })
    .unwrap();
    look(&hosts);
    for place in [0, 1] {
        load(&hosts);
        let leaving = hosts[place].take().unwrap();
        let stopping = thread::spawn(move || leaving.terminate().unwrap());
        load(&hosts);
        assert!(stopping.join().unwrap().success());
        load(&hosts);
        hosts[place] = Some(homes[place].start().unwrap());
        load(&hosts);
        wait_until_shared(&database, 2, 4);
    }
    wait_until(&database, "delivery", DELIVERED, 4 * published);
    // Nobody was killed, so nothing is sent twice.
    assert_eq!(receiver.count(), 4 * published as usize);
    assert_eq!(
        number(&database, "SELECT count(*) FROM attempts"),
        4 * published
    );
}

#[test]
fn a_host_waits_for_a_database_that_is_not_up_yet_and_not_for_ever() {
    let Some(mut cluster) = countersign_cluster::cluster() else {
        return;
    };
    let url = cluster.create("late").unwrap();
    cluster.stop().unwrap();
    let home = home(&url);
    // Not at all.
    let refused = home
        .run(&["serve"], &[("COUNTERSIGN_STORE_CONNECT_WAIT_S", "0")])
        .unwrap();
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert!(refused.stderr.contains("store.url"), "{refused:?}");
    // Until it is told to stop.
    let mut waiting = home.command().unwrap().spawn().unwrap();
    let told = |line: &str| {
        wait_for(line, LIMIT, || Ok(home.log().contains(line).then_some(()))).unwrap();
    };
    told("waiting for the database");
    let pid = waiting.id().to_string();
    let signalled = std::process::Command::new("kill").arg(&pid).status();
    assert!(signalled.unwrap().success());
    assert_eq!(waiting.wait().unwrap().code(), Some(0));
    // Until it is there.
    let before = home.log().len();
    thread::scope(|scope| {
        let starting = scope.spawn(|| home.start());
        wait_for("a second wait", LIMIT, || {
            Ok(home.log()[before..]
                .contains("waiting for the database")
                .then_some(()))
        })
        .unwrap();
        cluster.resume().unwrap();
        let host = starting.join().unwrap().unwrap();
        assert!(host.terminate().unwrap().success());
    });
}
