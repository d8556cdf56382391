//! A host moves from its file to a database and back, with all that it has promised.

use countersign_cluster::Database;
use countersign_core::Config;
use countersign_tests::{
    host::{Host, HostHome, wait_for},
    receiver::Receiver,
};
use serde_json::{Value, json};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);
const SECRET: &str = "a-long-secret";

fn start_on(home: &HostHome, database: &Database) -> Host {
    home.start_with(|command| {
        command.args(["--store", database.url()]);
    })
    .unwrap()
}

/// Publishes an event, which arrives with a signature that fits.
fn arrives(host: &Host, receiver: &Receiver, number: usize) {
    let before = receiver.count();
    let event = json!({"event": "email.replied", "workspace_id": 1, "data": {"lead_id": number}});
    let id = host.publish("cleanmails", &event).unwrap();
    wait_for("the arrival", LIMIT, || {
        Ok((receiver.count() > before).then_some(()))
    })
    .unwrap();
    let arrivals = receiver.arrivals();
    let arrival = arrivals.iter().find(|arrival| arrival.message_id == id);
    let verdict = arrival
        .unwrap()
        .verify(&Config::new("cleanmails", &[SECRET]));
    assert!(verdict.is_ok(), "{verdict:?}");
}

#[test]
fn a_host_moves_to_a_database_and_back_and_nothing_is_missing() {
    let Some(database) = countersign_cluster::database() else {
        return;
    };
    let receiver = Receiver::start();
    let home = HostHome::new("time_scale = 1000").unwrap();
    let host = home.start().unwrap();
    let endpoint =
        json!({"provider": "cleanmails", "url": receiver.url("/ok/a"), "secret": SECRET});
    host.create_endpoint(&endpoint).unwrap();
    arrives(&host, &receiver, 1);
    let file = home.data_dir().join("countersign.db");
    let file = file.to_str().unwrap();
    let back = home.data_dir().join("back.db");
    let back = back.to_str().unwrap();
    let json = |from: &str, to: &str, code: i32| -> Value {
        let ran = home
            .run(&["migrate-store", from, to, "--json"], &[])
            .unwrap();
        assert_eq!(ran.code, Some(code), "{}", ran.stderr);
        let printed = match code {
            0 => ran.stdout,
            // Progress comes before.
            _ => ran.stderr.lines().last().unwrap_or_default().to_owned(),
        };
        serde_json::from_str(&printed).unwrap()
    };
    // While the host runs, and where there is nothing.
    let refused = json(file, database.url(), 3);
    assert_eq!(refused["error"]["code"], "store");
    host.terminate().unwrap();
    let refused = json("nothing.db", database.url(), 3);
    assert_eq!(refused["error"]["code"], "store");
    let refused = json(file, file, 2);
    assert_eq!(refused["error"]["code"], "migrate_store");

    let there = json(file, database.url(), 0);
    let rows = |moved: &Value, name: &str| {
        let tables = moved["tables"].as_array().unwrap();
        let table = tables.iter().find(|table| table["name"] == name);
        table.unwrap()["rows"].as_u64().unwrap()
    };
    assert_eq!(rows(&there, "deliveries"), 1);
    assert!(!there.to_string().contains("password"));
    let host = start_on(&home, &database);
    arrives(&host, &receiver, 2);
    let stats = host.get("/v1/stats").unwrap().json;
    assert_eq!(stats["messages"], 2);
    host.terminate().unwrap();

    let here = json(database.url(), back, 0);
    assert_eq!((rows(&here, "messages"), rows(&here, "attempts")), (2, 2));
    let host = home
        .start_with(|command| {
            command.args(["--store", back]);
        })
        .unwrap();
    arrives(&host, &receiver, 3);
    // The receiver has it before the host has noted so.
    let stats = wait_for("the last delivery", LIMIT, || {
        let stats = host.get("/v1/stats")?.json;
        Ok((stats["deliveries"]["delivered"] == 3).then_some(stats))
    })
    .unwrap();
    assert_eq!(stats["messages"], 3);
    host.terminate().unwrap();
    let ran = home.run(&["check", "--store", back], &[]).unwrap();
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    // For people: a line a table, and no password.
    let to = home.data_dir().join("third.db");
    let ran = home
        .run(&["migrate-store", back, to.to_str().unwrap()], &[])
        .unwrap();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(
        ran.stdout.contains("the same on both sides"),
        "{}",
        ran.stdout
    );
    assert!(ran.stderr.contains("moving deliveries"), "{}", ran.stderr);
}
