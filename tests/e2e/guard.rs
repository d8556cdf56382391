//! Endpoints that point where they must not: refused when they are made, and at every attempt, whatever DNS says.

use countersign_tests::{
    dns::DnsServer,
    host::{Host, HostHome, wait_for},
    receiver::Receiver,
};
use serde_json::{Value, json};
use std::{net::SocketAddr, time::Duration};

const LIMIT: Duration = Duration::from_secs(20);

fn endpoint(url: &str) -> Value {
    json!({"provider": "cleanmails", "url": url, "secret": "s"})
}

fn publish(host: &Host) -> String {
    let event = json!({"event": "email.sent", "workspace_id": 1, "data": {"lead_id": 1}});
    host.publish("cleanmails", &event).unwrap()
}

/// How the attempt of this number ended, counted from 0.
fn outcome(host: &Host, message: &str, attempt: usize) -> String {
    let ended = wait_for("an attempt", LIMIT, || {
        let message = host.get(&format!("/v1/messages/{message}"))?.json;
        let attempt = message["deliveries"][0]["attempts"][attempt].clone();
        Ok(attempt["outcome"].as_str().map(str::to_owned))
    });
    ended.unwrap()
}

// Holds: S46
#[test]
fn endpoints_in_private_networks_are_refused_and_the_answer_says_how_to_allow_them() {
    let dns = DnsServer::start();
    dns.set("inner.test", &[&["93.184.215.14", "10.0.0.7"]]);
    dns.set("public.test", &[&["93.184.215.14"]]);
    let config = format!("dns_servers = [\"{}\"]", dns.address());
    let home = HostHome::with_network("", &config).unwrap();
    let host = home.start().unwrap();
    for url in [
        "http://127.0.0.1:9000/hook",
        "https://localhost/hook",
        "https://2130706433/hook",
        "https://0x7f.1/hook",
        "https://[::1]/hook",
        "https://[::ffff:10.0.0.1]/hook",
        "https://[64:ff9b::a00:1]/hook",
        "http://169.254.169.254/latest/meta-data/",
        "https://[fd00:ec2::254]/",
        "https://192.168.1.1/hook",
        "https://inner.test/hook",
        "https://8.8.8.8:25/hook",
    ] {
        let refused = host.post("/v1/endpoints", &endpoint(url)).unwrap();
        assert_eq!(refused.status, 400, "{url}: {refused:?}");
        assert_eq!(refused.json["code"], "blocked_address", "{url}");
        assert_eq!(refused.json["field"], "url", "{url}");
        let detail = refused.json["detail"].as_str().unwrap();
        assert!(detail.contains("network."), "{detail}");
        // What a name leads to inside a network is not told.
        assert!(!detail.contains("10.0.0.7"), "{detail}");
    }
    for url in ["https://public.test/hook", "https://not-yet.test/hook"] {
        let id = host.create_endpoint(&endpoint(url)).unwrap();
        let path = format!("/v1/endpoints/{id}");
        let change = json!({"url": "https://inner.test/hook"});
        let refused = host.patch(&path, &change).unwrap();
        assert_eq!(refused.json["code"], "blocked_address", "{refused:?}");
        assert_eq!(host.get(&path).unwrap().json["url"], url);
    }
}

#[test]
fn a_name_that_changes_its_mind_gets_nothing_to_the_address_that_was_not_judged() {
    // Stands for the internet; its neighbour on the same port is what must not be reached.
    let outside = Receiver::start_at(SocketAddr::from(([127, 0, 0, 2], 0)));
    let port = outside.address().port();
    let inside = Receiver::start_at(SocketAddr::from(([127, 0, 0, 1], port)));
    let dns = DnsServer::start();
    let good: &[&str] = &["127.0.0.2"];
    let bad: &[&str] = &["127.0.0.1"];
    let config = format!(
        "allow = [\"127.0.0.2\"]\ndns_servers = [\"{}\"]",
        dns.address()
    );
    let home = HostHome::with_network("time_scale = 20", &config).unwrap();
    let host = home.start().unwrap();

    // Good when the endpoint is made and when the first attempt looks; bad for whoever looks once more.
    dns.set("rebind.test", &[good, good, bad]);
    let url = format!("http://rebind.test:{port}/fails/1/x");
    let id = host.create_endpoint(&endpoint(&url)).unwrap();
    assert_eq!(dns.asked("rebind.test"), 1);
    let message = publish(&host);
    assert_eq!(outcome(&host, &message, 0), "response");
    assert_eq!((outside.count(), dns.asked("rebind.test")), (1, 2));
    // The retry comes after 0.1 s, on the kept connection, whose address was judged: no look-up.
    assert_eq!(outcome(&host, &message, 1), "response");
    assert_eq!((outside.count(), dns.asked("rebind.test")), (2, 2));
    // Once that is gone (4 s), the name is looked up and judged anew.
    std::thread::sleep(Duration::from_secs(6));
    let message = publish(&host);
    assert_eq!(outcome(&host, &message, 0), "blocked_address");
    assert_eq!(dns.asked("rebind.test"), 3);
    host.delete(&format!("/v1/endpoints/{id}")).unwrap();

    // A bad address among good ones, which a sender that tries one after the other would come to.
    dns.set("mixed.test", &[good, &["127.0.0.2", "127.0.0.1"]]);
    let url = format!("http://mixed.test:{port}/ok/x");
    host.create_endpoint(&endpoint(&url)).unwrap();
    let message = publish(&host);
    assert_eq!(outcome(&host, &message, 0), "blocked_address");
    assert_eq!((outside.count(), inside.count()), (2, 0));
}
