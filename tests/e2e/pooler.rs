//! Hosts that reach their database through a pgbouncer in transaction mode, whatever it does about prepared statements.

use countersign_tests::{
    host::{HostHome, wait_for},
    receiver::Receiver,
};
use serde_json::json;
use std::{collections::HashSet, thread, time::Duration};

const LEASE_S: u64 = 2;
const LIMIT: Duration = Duration::from_secs(90);
/// One key for all hosts.
const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
/// Fewer connections to the server than a single host has to the pooler.
const CONNECTIONS: u32 = 4;
const ENDPOINTS: usize = 4;
const CLIENTS: usize = 4;
/// `COUNTERSIGN_POOLER_EVENTS=<number>` has another number of them.
const EVENTS: usize = 400;
const UNKEPT: &str = "does not keep prepared statements";

fn home(url: &str) -> HostHome {
    let home = HostHome::new("").unwrap();
    home.configure(&format!(
        "[store]\nurl = {url:?}\nlease_s = {LEASE_S}\nkey = {KEY:?}\n[delivery]\nallow_http = true\ntime_scale = 1000\n",
    ))
    .unwrap();
    home
}

/// Publishes through two hosts, and has the pooler away for a moment and one host dead in the middle of it.
fn everything_is_delivered(statements: u32) {
    let Some(cluster) = countersign_cluster::cluster() else {
        return;
    };
    let Some(mut pooler) = countersign_cluster::pooler(&cluster, CONNECTIONS, statements) else {
        return;
    };
    cluster.create("pooled").unwrap();
    let url = pooler.url("pooled");
    let receiver = Receiver::start();
    let homes = [home(&url), home(&url)];
    let [one, mut other] = homes.each_ref().map(|home| home.start().unwrap());
    for home in homes.iter().filter(|_| std::env::var_os("TRIAL").is_none()) {
        let kept = statements > 0 && pooler.keeps_statements();
        assert!(home.log().contains("behind a pooler"), "{}", home.log());
        assert_eq!(home.log().contains(UNKEPT), !kept, "{}", home.log());
    }
    for place in 0..ENDPOINTS {
        let endpoint = json!({"provider": "cleanmails", "url": receiver.url(&format!("/ok/{place}")), "secret": "a-long-secret"});
        one.create_endpoint(&endpoint).unwrap();
    }
    let asked = std::env::var("COUNTERSIGN_POOLER_EVENTS").ok();
    let events = asked.map_or(EVENTS, |asked| asked.parse().unwrap());
    let publish = |host: &countersign_tests::host::Host, from: usize, count: usize| -> usize {
        let mut accepted = 0;
        for number in from..from + count {
            let payload = json!({"event": "email.replied", "workspace_id": 1, "data": {"lead_id": number, "lead_email": "john@example.com"}});
            let asked = json!({"provider": "cleanmails", "payload": payload});
            match host.post("/v1/events", &asked).map(|answer| answer.status) {
                Ok(202) => accepted += 1,
                Ok(status) => assert_eq!(status, 503),
                // A host that was killed.
                Err(_) => break,
            }
        }
        accepted
    };
    let mut known = 0;
    // With the pooler there all the time nothing is refused.
    for host in [&one, &other] {
        assert_eq!(publish(host, 0, 20), 20);
        known += 20;
    }
    let each = events / CLIENTS;
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let host = [&one, &other][client % 2];
                let publish = &publish;
                scope.spawn(move || publish(host, client * each, each))
            })
            .collect();
        thread::sleep(Duration::from_millis(300));
        pooler.kill().unwrap();
        thread::sleep(Duration::from_millis(500));
        pooler.resume().unwrap();
        known += clients
            .into_iter()
            .map(|client| client.join().unwrap())
            .sum::<usize>();
    });
    wait_for("an accepted event after the pooler is back", LIMIT, || {
        Ok((publish(&other, 0, 1) == 1).then_some(()))
    })
    .unwrap();
    known += 1;
    known += publish(&other, 0, 20);
    other.kill().unwrap();
    let left = publish(&one, 0, each);
    known += left;
    assert!(left > 0 && known > each, "{left} of {known}");
    let arrived = wait_for("delivery of everything", LIMIT, || {
        let arrived: HashSet<_> = receiver
            .arrivals()
            .into_iter()
            .filter(|arrival| arrival.is_accepted())
            .map(|arrival| (arrival.message_id, arrival.endpoint))
            .collect();
        Ok((arrived.len() >= known * ENDPOINTS).then_some(arrived))
    });
    if let Err(error) = &arrived {
        panic!(
            "{error}: {} of {}\n{}",
            receiver.count(),
            known * ENDPOINTS,
            homes[0].log()
        );
    }
    let open = "SELECT count(*) FROM deliveries WHERE state <> 'delivered'";
    wait_for("the end of every delivery", LIMIT, || {
        Ok((cluster.query("pooled", open)? == [Some("0".to_owned())]).then_some(()))
    })
    .unwrap();
    println!(
        "{known} events accepted, {} requests arrived",
        receiver.count()
    );
    for home in &homes {
        // What a statement would say that is not there, or is there already.
        for sign in ["26000", "42P05", "does not exist", "already exists"] {
            assert!(!home.log().contains(sign), "{}", home.log());
        }
    }
    assert!(one.terminate().unwrap().success());
}

#[test]
fn hosts_behind_a_pooler_that_keeps_prepared_statements_deliver_everything() {
    everything_is_delivered(200);
}

#[test]
fn hosts_behind_a_pooler_that_loses_prepared_statements_deliver_everything() {
    everything_is_delivered(0);
}
