//! Hosts behind one balancer: what a client does by way of one counts with all others, and what goes wrong with one, or with the
//! database, is no trouble of the others.

use super::{DELIVERED, LIMIT, SPARE, endpoint, event, home, number, publish};
use countersign_tests::{host::wait_for, receiver::Receiver};
use serde_json::json;
use std::{
    process::Command,
    thread,
    time::{Duration, Instant},
};

/// Longest wait for the answer to a request while the database hangs: the host's own limit, and time for a new connection.
const ANSWER: Duration = Duration::from_secs(20 + 5);

#[test]
fn what_is_done_by_way_of_one_host_is_there_at_once_by_way_of_another() {
    let Some(database) = countersign_cluster::database() else {
        return;
    };
    let receiver = Receiver::start();
    let homes = [home(database.url()), home(database.url())];
    let hosts = homes.each_ref().map(|home| home.start().unwrap());
    for round in 0..20 {
        // Each of them is the first one in turn.
        let (one, other) = (&hosts[round % 2], &hosts[(round + 1) % 2]);
        let id = one
            .create_endpoint(&endpoint(&receiver, &format!("/ok/{round}")))
            .unwrap();
        let path = format!("/v1/endpoints/{id}");
        for (host, name) in [(other, "a"), (one, "b"), (other, "c")] {
            let changed = host.patch(&path, &json!({"name": name})).unwrap();
            assert_eq!(changed.status, 200, "{round}{name} {changed:?}");
            for host in &hosts {
                assert_eq!(host.get(&path).unwrap().json["name"], name);
            }
        }
        for host in [one, other] {
            let rotated = host
                .post(&format!("{path}/secret/rotate"), &json!({}))
                .unwrap();
            assert_eq!(rotated.status, 200, "{rotated:?}");
        }
        assert_eq!(one.delete(&path).unwrap().status, 204);
        assert_eq!(other.get(&path).unwrap().status, 404);

        let key = one.post("/v1/keys", &json!({"role": "manage"})).unwrap();
        let (id, key) = (
            key.json["id"].as_str().unwrap(),
            key.json["key"].as_str().unwrap(),
        );
        let bearer = format!("Bearer {key}");
        let headers = [("authorization", bearer.as_str())];
        let event = json!({"provider": "cleanmails", "payload": event(round)});
        let with_key = |method, path, json| other.ask(method, path, &headers, json).unwrap();
        match round % 4 {
            0 | 1 => assert_eq!(with_key("GET", "/v1/endpoints", None).status, 200),
            _ => assert_eq!(with_key("POST", "/v1/events", Some(&event)).status, 202),
        }
        assert_eq!(one.delete(&format!("/v1/keys/{id}")).unwrap().status, 204);
        match round % 2 {
            0 => assert_eq!(with_key("GET", "/v1/endpoints", None).status, 401),
            _ => assert_eq!(with_key("POST", "/v1/events", Some(&event)).status, 401),
        }
        let workspace = json!({"id": format!("w{round}")});
        assert_eq!(one.post("/v1/workspaces", &workspace).unwrap().status, 201);
        let path = format!("/v1/workspaces/w{round}");
        assert_eq!(other.get(&path).unwrap().status, 200);
    }
    for home in &homes {
        assert!(!home.log().contains("ERROR"), "{}", home.log());
    }
}

#[test]
fn two_that_change_one_endpoint_at_a_time_both_do() {
    let Some(database) = countersign_cluster::database() else {
        return;
    };
    let receiver = Receiver::start();
    let homes = [home(database.url()), home(database.url())];
    let hosts = homes.each_ref().map(|home| home.start().unwrap());
    let id = hosts[0]
        .create_endpoint(&endpoint(&receiver, "/ok/both"))
        .unwrap();
    let path = format!("/v1/endpoints/{id}");
    thread::scope(|scope| {
        for (host, field) in hosts.iter().zip(["drain_per_second", "concurrency"]) {
            let path = &path;
            scope.spawn(move || {
                for value in 1..=30 {
                    let change = json!({"settings": {field: value}});
                    let changed = host.patch(path, &change).unwrap();
                    assert_eq!(changed.status, 200, "{changed:?}");
                }
            });
        }
    });
    for host in &hosts {
        let settings = &host.get(&path).unwrap().json["settings"];
        assert_eq!(
            (&settings["drain_per_second"], &settings["concurrency"]),
            (&json!(30), &json!(30))
        );
    }
}

#[test]
fn a_host_that_cannot_listen_is_given_no_work() {
    let Some(database) = countersign_cluster::database() else {
        return;
    };
    let receiver = Receiver::start();
    let homes = [home(database.url()), home(database.url())];
    let host = homes[0].start().unwrap();
    for place in 0..4 {
        host.create_endpoint(&endpoint(&receiver, &format!("/ok/{place}")))
            .unwrap();
    }
    let address = host.url().trim_start_matches("http://").to_owned();
    for _ in 0..3 {
        let ended = homes[1].run(&["serve", "--listen", &address], &[]).unwrap();
        assert_ne!(ended.code, Some(0));
        assert!(ended.stderr.contains("cannot listen"), "{ended:?}");
        assert_eq!(number(&database, "SELECT count(*) FROM hosts"), 1);
        assert_eq!(
            number(
                &database,
                "SELECT count(*) FROM endpoints WHERE owner IS NULL"
            ),
            0
        );
    }
    // The number of the first, and no gap: the others were never registered.
    assert_eq!(number(&database, "SELECT max(generation) FROM hosts"), 1);
    assert!(
        !homes[0].log().contains("left to other hosts"),
        "{}",
        homes[0].log()
    );
}

#[test]
fn a_database_that_hangs_is_told_of_and_refused_and_loses_nothing() {
    let Some(cluster) = countersign_cluster::cluster() else {
        return;
    };
    let url = cluster.create("hanging").unwrap();
    let receiver = Receiver::start();
    let home = home(&url);
    let host = home.start().unwrap();
    host.create_endpoint(&endpoint(&receiver, "/ok/hanging"))
        .unwrap();
    publish(&host, 0);
    let count = |sql: &str| -> usize {
        let found = cluster.query("hanging", sql).unwrap();
        found[0].as_ref().unwrap().parse().unwrap()
    };
    wait_for("the first delivery", LIMIT, || {
        Ok((count(DELIVERED) == 1).then_some(()))
    })
    .unwrap();
    assert_eq!(host.get("/ready").unwrap().status, 200);
    // All of its processes, so that new connections hang as well.
    let postmaster = cluster.pid().unwrap();
    let processes = || {
        let all = Command::new("pgrep")
            .args(["-P", &postmaster.to_string()])
            .output()
            .unwrap();
        String::from_utf8(all.stdout)
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let signal = |name: &str| {
        let sent = Command::new("kill")
            .arg(name)
            .arg(postmaster.to_string())
            .args(processes())
            .status();
        assert!(sent.unwrap().success());
    };
    let lines = home.log().lines().count();
    signal("-STOP");
    let asked = Instant::now();
    let refused: Vec<_> = thread::scope(|scope| {
        let asking: Vec<_> = (1..4)
            .map(|number| {
                let host = &host;
                scope.spawn(move || {
                    let event = json!({"provider": "cleanmails", "payload": event(number)});
                    host.post("/v1/events", &event).unwrap()
                })
            })
            .collect();
        asking
            .into_iter()
            .map(|asking| asking.join().unwrap())
            .collect()
    });
    assert!(asked.elapsed() < ANSWER + SPARE, "{:?}", asked.elapsed());
    for refused in refused {
        assert_eq!(
            (refused.status, refused.json["code"].as_str()),
            (503, Some("store_unreachable")),
            "{refused:?}"
        );
    }
    let unready = host.get("/ready").unwrap();
    assert_eq!(
        (unready.status, &unready.json["reason"]),
        (503, &json!("store_unreachable"))
    );
    // From now on nobody waits.
    let asked = Instant::now();
    let event = json!({"provider": "cleanmails", "payload": event(9)});
    assert_eq!(host.post("/v1/events", &event).unwrap().status, 503);
    assert!(asked.elapsed() < SPARE);
    let log = home.log();
    assert!(log.contains("no answer for 20 s"), "{log}");
    assert!(log.lines().count() - lines < 40, "{log}");
    signal("-CONT");
    wait_for("the database to be used again", LIMIT, || {
        let answer = host.post("/v1/events", &event)?;
        Ok((answer.status == 202).then_some(()))
    })
    .unwrap();
    wait_for("everything to be delivered", LIMIT, || {
        let open = "SELECT count(*) FROM deliveries WHERE state <> 'delivered'";
        Ok((count(open) == 0).then_some(()))
    })
    .unwrap();
    wait_for("the host to be ready", LIMIT, || {
        Ok((host.get("/ready")?.status == 200).then_some(()))
    })
    .unwrap();
    // The first, and the one that was taken when it was over.
    assert_eq!(count("SELECT count(*) FROM messages"), 2);
}

#[test]
fn a_short_absence_of_the_database_makes_no_host_take_over_from_another() {
    let Some(mut cluster) = countersign_cluster::cluster() else {
        return;
    };
    let url = cluster.create("away").unwrap();
    let receiver = Receiver::start();
    let homes = [home(&url), home(&url), home(&url)];
    let hosts = homes.each_ref().map(|home| {
        home.start_with(|command| {
            command.env("COUNTERSIGN_STORE_LEASE_S", "6");
        })
        .unwrap()
    });
    for place in 0..6 {
        hosts[0]
            .create_endpoint(&endpoint(&receiver, &format!("/ok/{place}")))
            .unwrap();
    }
    for _ in 0..2 {
        publish(&hosts[1], 1);
        cluster.stop().unwrap();
        // Longer than what is left of any lease, and each host finds out.
        thread::sleep(Duration::from_millis(5_500));
        cluster.resume().unwrap();
        thread::sleep(Duration::from_secs(4));
    }
    for home in &homes {
        let log = home.log();
        assert!(!log.contains("not heard of for too long"), "{log}");
        assert!(!log.contains("deadpool"), "{log}");
    }
}

#[test]
fn a_database_that_takes_no_tables_or_writes_says_what_to_do() {
    let Some(cluster) = countersign_cluster::cluster() else {
        return;
    };
    cluster.ask("CREATE ROLE poor LOGIN").unwrap();
    for (name, change, advice) in [
        (
            "closed",
            "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
            "GRANT USAGE, CREATE ON SCHEMA public",
        ),
        (
            "replica",
            "ALTER DATABASE replica SET default_transaction_read_only = on",
            "Use the address of the primary",
        ),
    ] {
        let url = cluster.create(name).unwrap();
        cluster.query(name, change).unwrap();
        let url = url.replace("countersign@", "poor@");
        let refused = home(&url)
            .run(&["serve"], &[("COUNTERSIGN_STORE_CONNECT_WAIT_S", "0")])
            .unwrap();
        assert_eq!(refused.code, Some(3), "{refused:?}");
        assert!(refused.stderr.contains(advice), "{refused:?}");
    }
}
