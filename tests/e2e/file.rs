//! The file of the store: what other programs read in it, and how old things go.

use countersign_tests::{
    host::{HostHome, wait_for},
    receiver::Receiver,
};
use serde_json::{Value, json};
use std::{
    process::Command,
    time::{Duration, Instant},
};

const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn the_ordinary_sqlite3_program_reads_what_happened_while_the_host_runs() {
    if Command::new("sqlite3").arg("--version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "sqlite3 is there in CI");
        println!("skipped: there is no program sqlite3");
        return;
    }
    let receiver = Receiver::start();
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    let endpoint = json!({"provider": "platform", "url": receiver.url("/ok/a"), "name": "orders"});
    host.create_endpoint(&endpoint).unwrap();
    let message = host
        .publish("platform", &json!({"type": "open", "email_id": "m"}))
        .unwrap();
    wait_for("the delivery", LIMIT, || {
        let delivered = host.get("/v1/stats")?.json["deliveries"]["delivered"].clone();
        Ok((delivered == 1).then_some(()))
    })
    .unwrap();
    let output = Command::new("sqlite3")
        .arg("-readonly")
        .arg(home.data_dir().join("countersign.db"))
        .arg(
            "SELECT m.id, event_type, d.state, name, status, json_extract(CAST(body AS TEXT), '$.email_id')
             FROM deliveries AS d JOIN messages AS m ON m.id = d.message_id JOIN endpoints AS e ON e.id = endpoint_id
                 JOIN attempts AS a ON a.delivery_id = d.id JOIN bodies AS b ON b.id = d.body_id",
        )
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let expected = format!("{message}|email.open|delivered|orders|200|m");
    assert_eq!(
        text.trim(),
        expected,
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn forgetting_thousands_keeps_nobody_waiting() {
    const OLD: usize = 4_000;
    const NEW: usize = 60;
    let receiver = Receiver::start();
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    let url = receiver.url("/ok/a");
    host.create_endpoint(&json!({"provider": "platform", "url": url}))
        .unwrap();
    let event = |number: usize| json!({"provider": "platform", "payload": {"type": "open", "email_id": format!("m{number}")}});
    let mut last = String::new();
    for batch in 0..OLD / 1_000 {
        let events: Vec<Value> = (0..1_000)
            .map(|number| event(batch * 1_000 + number))
            .collect();
        let published = host
            .post("/v1/events/batch", &json!({"events": events}))
            .unwrap();
        assert_eq!(published.status, 202, "{published:?}");
        last = published.json["events"][999]["message_id"]
            .as_str()
            .unwrap()
            .to_owned();
    }
    wait_for("all of them", LIMIT, || {
        let delivered = host.get("/v1/stats")?.json["deliveries"]["delivered"].clone();
        Ok((delivered == OLD).then_some(()))
    })
    .unwrap();

    // A hundred a step, with pauses between them: bodies and then attempts take some seconds.
    home.configure(
        "[delivery]\nallow_http = true\n[retention]\nbodies = \"0s\"\nattempts = \"0s\"\n",
    )
    .unwrap();
    host.signal("HUP").unwrap();
    wait_for("the settings", LIMIT, || {
        Ok(home
            .log()
            .contains("the settings were read again")
            .then_some(()))
    })
    .unwrap();
    let attempts_of_the_last = || {
        let message = host.get(&format!("/v1/messages/{last}")).unwrap().json;
        message["deliveries"][0]["attempts"]
            .as_array()
            .unwrap()
            .len()
    };
    let mut answered = Vec::new();
    for number in 0..NEW {
        let began = Instant::now();
        let published = host.post("/v1/events", &event(OLD + number)).unwrap();
        answered.push(began.elapsed());
        assert_eq!(published.status, 202);
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(
        attempts_of_the_last(),
        1,
        "it was over before anything was measured"
    );
    answered.sort();
    println!(
        "publishing beside it: median {:?}, worst {:?}",
        answered[NEW / 2],
        answered[NEW - 1]
    );
    // A round that held the writer would take seconds.
    assert!(
        answered[NEW / 2] < Duration::from_millis(250),
        "{answered:?}"
    );
    assert!(answered[NEW - 1] < Duration::from_secs(2), "{answered:?}");
    wait_for("the last one to be forgotten", LIMIT, || {
        Ok((attempts_of_the_last() == 0).then_some(()))
    })
    .unwrap();
}
