//! Stopping: what is under way is finished, but not waited for beyond the limit.

use countersign_tests::{
    host::{Host, HostHome, wait_for},
    receiver::Receiver,
};
use serde_json::json;
use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    time::Duration,
};

const LIMIT: Duration = Duration::from_secs(20);
/// What a busy machine may add to a limit.
const SLACK: Duration = Duration::from_secs(8);

/// A receiver that takes requests and never answers.
fn hanging() -> (TcpListener, String) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}/hangs", listener.local_addr().unwrap());
    (listener, url)
}

/// A host with one attempt under way that does not end.
fn busy(home: &HostHome, url: &str) -> Host {
    let host = home.start().unwrap();
    host.create_endpoint(&json!({"provider": "cleanmails", "url": url, "secret": "s"}))
        .unwrap();
    let payload = json!({"event": "email.sent", "workspace_id": 1, "data": {"lead_id": 1}});
    host.publish("cleanmails", &payload).unwrap();
    wait_for("the attempt", LIMIT, || {
        let stats = host.get("/v1/stats")?.json;
        Ok((stats["in_flight"] == 1).then_some(()))
    })
    .unwrap();
    host
}

fn stopping(home: &HostHome) {
    wait_for("the stop", LIMIT, || {
        Ok(home.log().contains("stopping").then_some(()))
    })
    .unwrap();
}

/// Begins to publish: all but the last byte of the request.
fn begin_publishing(host: &Host) -> TcpStream {
    let mut stream = TcpStream::connect(host.url().trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    let body = r#"{"provider":"cleanmails","payload":{"event":"email.sent","workspace_id":1,"data":{"lead_id":2}}}"#;
    let head = format!(
        "POST /v1/events HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream
        .write_all(&body.as_bytes()[..body.len() - 1])
        .unwrap();
    stream
}

#[test]
fn a_stop_ends_within_its_limit_whatever_hangs_and_nothing_is_lost() {
    let (_listener, url) = hanging();
    let home = HostHome::new("stop_timeout_s = 2").unwrap();
    let mut host = busy(&home, &url);
    // A client that says nothing, and one in the middle of its request.
    let _silent = TcpStream::connect(host.url().trim_start_matches("http://")).unwrap();
    let _halfway = begin_publishing(&host);
    host.signal("TERM").unwrap();
    let ended = host.ended_within(Duration::from_secs(2) + SLACK).unwrap();
    let status = ended.expect("it is still alive after the limit");
    assert!(status.success(), "{status:?}: {}", home.log());

    let receiver = Receiver::start();
    let host = home.start().unwrap();
    let endpoints = host.get("/v1/endpoints").unwrap().json;
    let id = endpoints["endpoints"][0]["id"].as_str().unwrap();
    host.patch(
        &format!("/v1/endpoints/{id}"),
        &json!({"url": receiver.url("/ok/later")}),
    )
    .unwrap();
    let stats = host.get("/v1/stats").unwrap().json;
    assert_eq!(stats["messages"], 1, "{stats}");
    let deliveries = host.get("/v1/deliveries").unwrap().json;
    assert_ne!(
        deliveries["deliveries"][0]["status"], "cancelled",
        "{deliveries}"
    );
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let (_listener, url) = hanging();
    let home = HostHome::new("stop_timeout_s = 600").unwrap();
    let mut host = busy(&home, &url);
    host.signal("TERM").unwrap();
    stopping(&home);
    // Neither one that asks for something else nor the wait ends it.
    host.signal("HUP").unwrap();
    assert!(
        host.ended_within(Duration::from_millis(500))
            .unwrap()
            .is_none()
    );
    host.signal("TERM").unwrap();
    let status = host
        .ended_within(SLACK)
        .unwrap()
        .expect("it is still alive");
    assert_eq!(status.code(), Some(130), "{}", home.log());
}

#[test]
fn while_it_stops_nobody_is_let_in_and_nothing_is_published() {
    let (_listener, url) = hanging();
    let home = HostHome::new("stop_timeout_s = 600").unwrap();
    let host = busy(&home, &url);
    let mut halfway = begin_publishing(&host);
    host.signal("TERM").unwrap();
    stopping(&home);
    let address = host.url().trim_start_matches("http://").to_owned();
    wait_for("the closed port", LIMIT, || {
        Ok(TcpStream::connect(&address).is_err().then_some(()))
    })
    .unwrap();
    halfway.write_all(b"}").unwrap();
    let mut answer = String::new();
    halfway.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains("stopping"), "{answer}");
    drop(host);

    let host = home.start().unwrap();
    assert_eq!(host.get("/v1/stats").unwrap().json["messages"], 1);
}
