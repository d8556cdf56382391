//! What is refused, what is not, and what an operator changes about it.

use super::*;
use crate::clock::SystemClock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Answers each look-up with the next of its answers, and the last one for ever.
struct Scripted {
    answers: Vec<Vec<&'static str>>,
    asked: AtomicUsize,
}

impl Resolver for Scripted {
    fn look_up<'a>(&'a self, name: &'a str) -> LookUp<'a> {
        Box::pin(async move {
            if name == "silent.example" {
                std::future::pending::<()>().await;
            }
            let turn = self.asked.fetch_add(1, Ordering::Relaxed);
            let answer = self.answers.get(turn).or(self.answers.last());
            let answer =
                answer.ok_or_else(|| Unresolved::Problem("there is no such name".to_owned()))?;
            Ok(answer.iter().map(|text| text.parse().unwrap()).collect())
        })
    }
}

fn guard(allow: &[&str], answers: &[&[&'static str]]) -> (Guard, Arc<Scripted>) {
    let resolver = Arc::new(Scripted {
        answers: answers.iter().map(|answer| answer.to_vec()).collect(),
        asked: AtomicUsize::new(0),
    });
    let settings = GuardSettings {
        allow: allow.iter().map(|entry| entry.parse().unwrap()).collect(),
        ports: Vec::new(),
        lookup_limit: Duration::from_millis(50),
    };
    let clock = Arc::new(SystemClock::new());
    let guard = Guard::new(settings, Arc::clone(&resolver) as Arc<dyn Resolver>, clock);
    (guard, resolver)
}

fn target(host: &str) -> Target {
    Target::of(&format!("https://{host}/hook")).unwrap()
}

fn url_host(address: &str) -> String {
    match address.contains(':') {
        true => format!("[{address}]"),
        false => address.to_owned(),
    }
}

const REFUSED: [(&str, Special); 58] = [
    ("0.0.0.0", Special::Unspecified),
    ("0.1.2.3", Special::Unspecified),
    ("10.0.0.1", Special::Private),
    ("10.255.255.255", Special::Private),
    ("100.64.0.1", Special::SharedNat),
    ("100.127.255.255", Special::SharedNat),
    ("100.100.100.200", Special::Metadata),
    ("127.0.0.1", Special::Loopback),
    ("127.255.255.254", Special::Loopback),
    ("168.63.129.16", Special::Metadata),
    ("169.254.1.1", Special::LinkLocal),
    ("169.254.169.254", Special::Metadata),
    ("169.254.170.2", Special::Metadata),
    ("172.16.0.1", Special::Private),
    ("172.31.255.255", Special::Private),
    ("192.0.0.8", Special::Reserved),
    ("192.0.0.192", Special::Metadata),
    ("192.0.2.1", Special::Documentation),
    ("192.88.99.1", Special::Reserved),
    ("192.168.1.1", Special::Private),
    ("198.18.0.1", Special::Benchmarking),
    ("198.19.255.255", Special::Benchmarking),
    ("198.51.100.1", Special::Documentation),
    ("203.0.113.1", Special::Documentation),
    ("224.0.0.1", Special::Multicast),
    ("239.255.255.255", Special::Multicast),
    ("240.0.0.1", Special::Reserved),
    ("255.255.255.255", Special::Reserved),
    ("::", Special::Unspecified),
    ("::1", Special::Loopback),
    ("::7f00:1", Special::Loopback),
    ("::ffff:127.0.0.1", Special::Loopback),
    ("::ffff:a9fe:a9fe", Special::Metadata),
    ("::ffff:0:10.0.0.1", Special::Private),
    ("64:ff9b::10.0.0.1", Special::Private),
    ("64:ff9b::169.254.169.254", Special::Metadata),
    ("64:ff9b:1::808:808", Special::Translated),
    ("64:ff9b:1:ffff::1", Special::Translated),
    ("100::1", Special::Reserved),
    ("2001::1", Special::Unspecified),
    ("2001:0:7f00:1::f7f7:f7f7", Special::Loopback),
    ("2001:0:808:808::f5ff:fffe", Special::Private),
    ("2001:2::1", Special::Benchmarking),
    ("2001:10::1", Special::Reserved),
    ("2001:db8::1", Special::Documentation),
    ("2002:a00:1::1", Special::Private),
    ("2002:7f00:1::1", Special::Loopback),
    ("2a00:1450::5efe:7f00:1", Special::Loopback),
    ("2a00:1450::200:5efe:a00:1", Special::Private),
    ("3fff::1", Special::Documentation),
    ("4000::1", Special::Reserved),
    ("5f00::1", Special::Reserved),
    ("fc00::1", Special::Private),
    ("fd00:ec2::254", Special::Metadata),
    ("fd20:ce::254", Special::Metadata),
    ("fe80::1", Special::LinkLocal),
    ("fec0::1", Special::Private),
    ("ff02::1", Special::Multicast),
];

const PUBLIC: [&str; 17] = [
    "1.1.1.1",
    "8.8.8.8",
    "100.63.255.255",
    "100.128.0.1",
    "126.255.255.255",
    "128.0.0.1",
    "172.15.255.255",
    "172.32.0.1",
    "192.167.255.255",
    "192.169.0.1",
    "198.20.0.1",
    "223.255.255.255",
    "2606:4700::1111",
    "2a00:1450:4001::5e",
    "64:ff9b::8.8.8.8",
    "2002:808:808::1",
    "::ffff:8.8.8.8",
];

#[tokio::test]
async fn special_addresses_are_refused_as_literals_and_behind_names() {
    for (address, special) in REFUSED {
        let (literal, _) = guard(&[], &[]);
        let refusal = literal.addresses(&target(&url_host(address))).await;
        match refusal {
            Err(Refusal::Address { special: found, .. }) => assert_eq!(found, special, "{address}"),
            other => panic!("{address}: {other:?}"),
        }
        // One bad address among good ones, in either place.
        for answer in [["8.8.8.8", address], [address, "2606:4700::1111"]] {
            let (behind_name, _) = guard(&[], &[&answer]);
            let refusal = behind_name.addresses(&target("a.example")).await;
            let host = "a.example".to_owned();
            assert_eq!(refusal, Err(Refusal::Name { host, special }), "{address}");
        }
    }
}

#[tokio::test]
async fn public_addresses_are_called() {
    for address in PUBLIC {
        let ip: IpAddr = address.parse().unwrap();
        let expected = Ok(vec![SocketAddr::new(ip.to_canonical(), 443)]);
        let (guard, _) = guard(&[], &[&[address]]);
        assert_eq!(guard.addresses(&target(&url_host(address))).await, expected);
        assert_eq!(guard.addresses(&target("a.example")).await, expected);
    }
}

#[tokio::test]
async fn an_operator_allows_networks_addresses_and_names() {
    let refused = async |allow: &[&str], host: &str, answer: &'static str| {
        let (guard, _) = guard(allow, &[&[answer]]);
        guard.addresses(&target(host)).await.is_err()
    };
    let allow = ["10.0.0.0/8", "::1", "hooks.internal"];
    assert!(!refused(&allow, "10.1.2.3", "").await);
    assert!(!refused(&allow, "[::ffff:10.1.2.3]", "").await);
    assert!(!refused(&allow, "[64:ff9b::10.1.2.3]", "").await);
    assert!(!refused(&allow, "[::1]", "").await);
    assert!(!refused(&allow, "a.example", "10.0.0.1").await);
    assert!(!refused(&allow, "hooks.internal", "192.168.0.1").await);
    assert!(!refused(&allow, "HOOKS.internal.", "192.168.0.1").await);
    assert!(refused(&allow, "192.168.0.1", "").await);
    assert!(refused(&allow, "a.hooks.internal", "192.168.0.1").await);
    assert!(refused(&allow, "a.example", "192.168.0.1").await);
    // Credentials of the cloud are opened one by one only.
    let wide = ["0.0.0.0/0", "::/0", "metadata.internal"];
    assert!(!refused(&wide, "127.0.0.1", "").await);
    assert!(refused(&wide, "169.254.169.254", "").await);
    assert!(refused(&wide, "metadata.internal", "169.254.169.254").await);
    assert!(refused(&wide, "[64:ff9b::169.254.169.254]", "").await);
    assert!(!refused(&["169.254.169.254"], "169.254.169.254", "").await);
}

#[tokio::test]
async fn a_name_is_looked_up_once_and_what_is_returned_is_what_was_judged() {
    let answers: [&[&str]; 2] = [&["8.8.8.8"], &["127.0.0.1"]];
    let (guard, resolver) = guard(&[], &answers);
    let found = guard.addresses(&target("rebind.example")).await;
    assert_eq!(found, Ok(vec!["8.8.8.8:443".parse().unwrap()]));
    assert_eq!(resolver.asked.load(Ordering::Relaxed), 1);
    // The next attempt sees the next answer, and judges it.
    assert!(guard.addresses(&target("rebind.example")).await.is_err());
}

#[tokio::test]
async fn a_name_that_does_not_resolve_may_be_an_endpoint_and_is_no_target() {
    let (guard, _) = guard(&[], &[]);
    for (host, silent) in [("none.example", false), ("silent.example", true)] {
        assert_eq!(guard.check(&target(host)).await, Ok(()));
        let refusal = guard.addresses(&target(host)).await.unwrap_err();
        let timeout = matches!(refusal, Refusal::LookupTimeout { .. });
        assert_eq!(timeout, silent, "{refusal}");
    }
    assert!(guard.check(&target("127.0.0.1")).await.is_err());
}

#[tokio::test]
async fn ports_of_other_protocols_are_refused_and_a_list_of_ports_is_all_there_is() {
    let (guard, resolver) = guard(&[], &[]);
    let with_port = |port: u16| Target {
        port,
        ..target("8.8.8.8")
    };
    assert_eq!(guard.check(&with_port(25)).await, Err(Refusal::Port(25)));
    assert_eq!(guard.check(&with_port(8443)).await, Ok(()));
    // Settings that are put in their place are in force at once.
    let settings = GuardSettings {
        ports: vec![443, 25],
        ..GuardSettings::default()
    };
    guard.replace(settings, resolver);
    assert_eq!(guard.check(&with_port(25)).await, Ok(()));
    assert_eq!(
        guard.check(&with_port(8443)).await,
        Err(Refusal::Port(8443))
    );
}

#[tokio::test]
async fn many_addresses_are_all_judged_and_few_are_tried() {
    let many: Vec<&str> = ["8.8.8.8"; 20].to_vec();
    let (few, _) = guard(&[], &[&many]);
    let found = few.addresses(&target("a.example")).await.unwrap();
    assert_eq!(found.len(), ADDRESSES_MAX);
    let last_is_bad = [many, vec!["10.0.0.1"]].concat();
    let (none, _) = guard(&[], &[&last_is_bad]);
    assert!(none.addresses(&target("a.example")).await.is_err());

    let (mixed, _) = guard(&[], &[&["2606:4700::1", "2606:4700::2", "1.1.1.1"]]);
    let found = mixed.addresses(&target("a.example")).await.unwrap();
    let found: Vec<_> = found.iter().map(|found| found.ip().to_string()).collect();
    assert_eq!(found, ["1.1.1.1", "2606:4700::1", "2606:4700::2"]);
}

#[test]
fn entries_that_are_no_network_and_no_name_are_refused() {
    for entry in [
        "",
        "10.0.0.0/33",
        "10.0.0.0/x",
        "*.internal",
        "a b",
        "http://a",
        "a:80",
    ] {
        assert!(entry.parse::<AllowEntry>().is_err(), "{entry}");
    }
    let entry = |text: &str| text.parse::<AllowEntry>().unwrap().to_string();
    assert_eq!(entry("10.1.2.3/8"), "10.0.0.0/8");
    assert_eq!(entry("::ffff:10.0.0.1"), "10.0.0.1/32");
    assert_eq!(entry("Hooks.Internal."), "hooks.internal");
}
