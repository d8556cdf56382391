//! From publish to outcome, with the real binary and real HTTP.

use countersign_core::Config;
use countersign_tests::{
    host::{Host, HostHome, wait_for},
    receiver::{Arrival, Receiver},
};
use serde_json::{Value, json};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(20);

fn email_sent(lead: u32) -> Value {
    json!({"event": "email.sent", "workspace_id": 1, "timestamp": "2026-05-12T14:30:00Z", "data": {"lead_id": lead}})
}

fn cleanmails(url: &str) -> Value {
    json!({"provider": "cleanmails", "url": url, "secret": "s"})
}

/// The one delivery of a message once it is in this state.
fn delivery(host: &Host, message: &str, state: &str) -> Value {
    wait_for(&format!("{message} {state}"), LIMIT, || {
        let message = host.get(&format!("/v1/messages/{message}"))?.json;
        let delivery = message["deliveries"][0].clone();
        Ok((delivery["status"] == state).then_some(delivery))
    })
    .unwrap()
}

fn accepted(receiver: &Receiver) -> Vec<Arrival> {
    receiver
        .arrivals()
        .into_iter()
        .filter(Arrival::is_accepted)
        .collect()
}

// Holds: C26, R-S3, E25, P9, R-X1
#[test]
fn a_delivery_carries_the_provider_s_signature_and_standard_webhooks_beside_it() {
    let receiver = Receiver::start();
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    let cases = [
        ("cleanmails", email_sent(1)),
        (
            "smartlead",
            json!({"event": "EMAIL_SENT", "campaign_id": 1, "lead_id": 2}),
        ),
        ("sendemall", json!({"event": "email.sent", "data": {}})),
        ("platform", json!({"type": "open", "email_id": "m"})),
    ];
    for (provider, payload) in cases {
        let url = receiver.url(&format!("/ok/{provider}"));
        let secret = "whsec_any text at all";
        host.create_endpoint(&json!({"provider": provider, "url": url, "secret": secret}))
            .unwrap();
        let message = host.publish(provider, &payload).unwrap();
        let delivery = delivery(&host, &message, "delivered");
        assert_eq!(delivery["attempts"][0]["number"], 1);

        let arrivals = receiver.arrivals();
        let arrival = arrivals.last().unwrap();
        assert_eq!(arrival.message_id, message);
        assert_eq!(
            arrival.verify(&Config::new(provider, &[secret])),
            Ok(()),
            "{provider}"
        );
        let mut standard = Config::new("standard-webhooks", &[secret]);
        standard.options = vec![("secret_format", "raw")];
        assert_eq!(arrival.verify(&standard), Ok(()), "{provider}");
        let wrong = arrival.verify(&Config::new(provider, &["another"]));
        assert_eq!(wrong, Err("bad_signature".to_owned()));
        assert_eq!(arrival.headers["content-type"], "application/json");
        let request_id = arrival.headers.get("x-request-id");
        let expected = (provider == "smartlead").then_some(message.as_str());
        assert_eq!(request_id.map(|id| id.to_str().unwrap()), expected, "R-S3");
    }
}

// Holds: P3, R-P3
#[test]
fn an_endpoint_without_a_secret_gets_no_signature_and_says_so() {
    let receiver = Receiver::start();
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    let url = receiver.url("/ok/plain");
    let created = host
        .post(
            "/v1/endpoints",
            &json!({"provider": "platform", "url": url}),
        )
        .unwrap();
    assert_eq!(created.json["secret_set"], false);
    let warnings = created.json["warnings"].to_string();
    assert!(warnings.contains("not signed"), "{warnings}");
    let message = host
        .publish("platform", &json!({"type": "open", "email_id": "m"}))
        .unwrap();
    delivery(&host, &message, "delivered");
    let arrival = &receiver.arrivals()[0];
    assert_eq!(arrival.message_id, message);
    assert!(!arrival.headers.contains_key("x-webhook-signature"));
    assert!(!arrival.headers.contains_key("webhook-signature"));
}

// Holds: E25, R-E5
#[test]
fn sendemall_makes_a_secret_when_none_is_given_and_shows_it_once() {
    let receiver = Receiver::start();
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    let url = receiver.url("/ok/made");
    let created = host
        .post(
            "/v1/endpoints",
            &json!({"provider": "sendemall", "url": url}),
        )
        .unwrap();
    let secret = created.json["secret"]
        .as_str()
        .expect("the made secret")
        .to_owned();
    let id = created.json["id"].as_str().unwrap();
    assert_eq!(
        host.get(&format!("/v1/endpoints/{id}"))
            .unwrap()
            .json
            .get("secret"),
        None
    );
    let path = format!("/v1/endpoints/{id}");
    let unsigned = host.patch(&path, &json!({"secret": null})).unwrap();
    assert_eq!(unsigned.status, 400, "{unsigned:?}");
    let message = host
        .publish("sendemall", &json!({"event": "email.sent", "data": {}}))
        .unwrap();
    delivery(&host, &message, "delivered");
    assert_eq!(
        receiver.arrivals()[0].verify(&Config::new("sendemall", &[&secret])),
        Ok(())
    );
}

// Holds: C25, C30, R-C1, R-E15, R-X2
#[test]
fn retries_follow_the_schedule_with_the_same_bytes_and_id() {
    // C30: 2, 4, 8 s; a hundred times faster here.
    let receiver = Receiver::start();
    let home = HostHome::new("time_scale = 100").unwrap();
    let host = home.start().unwrap();
    host.create_endpoint(&cleanmails(&receiver.url("/fails/3/flaky")))
        .unwrap();
    let message = host.publish("cleanmails", &email_sent(1)).unwrap();
    let delivery = delivery(&host, &message, "delivered");

    let arrivals = receiver.arrivals();
    let statuses: Vec<_> = arrivals.iter().map(|arrival| arrival.status).collect();
    assert_eq!(statuses, [503, 503, 503, 200]);
    // Neither an id nor the number of the attempt is in it.
    let body: Value = serde_json::from_slice(&arrivals[0].body).unwrap();
    assert_eq!(body, email_sent(1), "C25");
    for arrival in &arrivals {
        assert_eq!(arrival.message_id, message);
        assert_eq!(arrival.body, arrivals[0].body);
        assert_eq!(arrival.verify(&Config::new("cleanmails", &["s"])), Ok(()));
    }
    for (pair, least_ms) in arrivals.windows(2).zip([20, 40, 80]) {
        let waited = pair[1].at - pair[0].at;
        assert!(
            waited >= Duration::from_millis(least_ms),
            "{waited:?} < {least_ms} ms"
        );
    }
    let attempts = delivery["attempts"].as_array().unwrap();
    let numbers: Vec<_> = attempts
        .iter()
        .map(|attempt| attempt["number"].as_u64())
        .collect();
    assert_eq!(numbers, [Some(1), Some(2), Some(3), Some(4)]);
    assert_eq!(attempts[0]["status"], 503);
    assert_eq!(attempts[3]["status"], 200);
}

// Holds: R-X2, R-X4
#[test]
fn retry_after_lengthens_a_wait_and_never_shortens_it_and_each_attempt_is_signed_anew() {
    let receiver = Receiver::start();
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    // What is asked for, what the schedule says, and which of them it comes to.
    for (asked_s, scheduled_ms, waits_ms) in [("2", 100, 2_000), ("0", 1_000, 1_000)] {
        let name = format!("after-{asked_s}");
        let endpoint = json!({
            "provider": "sendemall", "url": receiver.url(&format!("/later/{asked_s}/{name}")), "secret": "whsec_s",
            "settings": {"schedule": {"delays_ms": [scheduled_ms]}},
        });
        let id = host.create_endpoint(&endpoint).unwrap();
        let event =
            json!({"provider": "sendemall", "payload": {"event": "email.sent", "data": {}}});
        let published = host.post("/v1/events", &event).unwrap().json;
        // The first attempt goes out from memory: what the loop claims is pending before.
        assert_eq!(published["deliveries"][0]["status"], "sending");
        let message = published["message_id"].as_str().unwrap();
        let delivery = delivery(&host, message, "delivered");
        let asked = delivery["attempts"][0]["retry_after_s"].as_u64();
        assert_eq!(asked, asked_s.parse().ok());

        let all = receiver.arrivals();
        let [first, second] = &all
            .iter()
            .filter(|arrival| arrival.endpoint == name)
            .collect::<Vec<_>>()[..]
        else {
            panic!("{all:?}");
        };
        let waited = second.at - first.at;
        assert!(
            waited >= Duration::from_millis(waits_ms),
            "{name}: {waited:?}"
        );
        assert_eq!(
            (&first.body, &first.message_id),
            (&second.body, &second.message_id)
        );
        let changed = |header: &str| first.headers[header] != second.headers[header];
        assert!(changed("webhook-timestamp") && changed("webhook-signature"));
        host.delete(&format!("/v1/endpoints/{id}")).unwrap();
    }
}

// Holds: R-C1
#[test]
fn what_is_never_accepted_becomes_a_dead_letter_and_can_be_sent_again() {
    let receiver = Receiver::start();
    let home = HostHome::new("time_scale = 1000").unwrap();
    let host = home.start().unwrap();
    host.create_endpoint(&cleanmails(&receiver.url("/fails/4/late")))
        .unwrap();
    let message = host.publish("cleanmails", &email_sent(1)).unwrap();
    let dead = delivery(&host, &message, "dead_lettered");
    assert_eq!(dead["attempts"].as_array().unwrap().len(), 4);
    let letters = host.get("/v1/dead-letters").unwrap().json;
    assert_eq!(letters["dead_letters"].as_array().unwrap().len(), 1);
    assert_eq!(letters["dead_letters"][0]["message_id"], message.as_str());

    let id = dead["id"].as_str().unwrap();
    let answer = host
        .post(&format!("/v1/deliveries/{id}/retry"), &json!({}))
        .unwrap();
    assert_eq!(answer.status, 202, "{answer:?}");
    delivery(&host, &message, "delivered");
    assert_eq!(
        host.get("/v1/dead-letters").unwrap().json["dead_letters"],
        json!([])
    );
    let ids: Vec<_> = receiver
        .arrivals()
        .into_iter()
        .map(|arrival| arrival.message_id)
        .collect();
    assert_eq!(ids, vec![message; 5]);
}

// Holds: C20, C31, R-C2, R-C3
#[test]
fn ten_dead_deliveries_pause_a_cleanmails_endpoint_and_setting_it_active_releases_what_was_held() {
    let receiver = Receiver::start();
    let home = HostHome::new("time_scale = 1000").unwrap();
    let host = home.start().unwrap();
    let endpoint = host
        .create_endpoint(&cleanmails(&receiver.url("/status/500/down")))
        .unwrap();
    for lead in 0..10 {
        let message = host.publish("cleanmails", &email_sent(lead)).unwrap();
        delivery(&host, &message, "dead_lettered");
    }
    let path = format!("/v1/endpoints/{endpoint}");
    let paused = host.get(&path).unwrap().json;
    assert_eq!(paused["status"], "paused");
    assert_eq!(paused["reason"], "failing");
    assert_eq!(paused["exhausted_in_a_row"], 10);
    assert_eq!(paused["failed_in_a_row"], 40);
    assert!(paused["failing_since"].is_string(), "{paused}");

    let before = receiver.count();
    let held = host.publish("cleanmails", &email_sent(99)).unwrap();
    delivery(&host, &held, "held");
    assert_eq!(
        receiver.count(),
        before,
        "nothing is sent to a paused endpoint"
    );

    let change = json!({"status": "active", "url": receiver.url("/ok/up")});
    let active = host.patch(&path, &change).unwrap();
    assert_eq!(active.status, 200, "{active:?}");
    assert_eq!(active.json["exhausted_in_a_row"], 0);
    assert_eq!(active.json["failed_in_a_row"], 0);
    assert_eq!(active.json["failing_since"], Value::Null);
    delivery(&host, &held, "delivered");
    assert_eq!(accepted(&receiver)[0].message_id, held);
}

// Holds: R-X4
#[test]
fn gone_ends_the_delivery_and_pauses_the_endpoint() {
    let receiver = Receiver::start();
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    let endpoint = host
        .create_endpoint(&cleanmails(&receiver.url("/status/410/gone")))
        .unwrap();
    let message = host.publish("cleanmails", &email_sent(1)).unwrap();
    let dead = delivery(&host, &message, "dead_lettered");
    assert_eq!(dead["attempts"].as_array().unwrap().len(), 1);
    let endpoint = host.get(&format!("/v1/endpoints/{endpoint}")).unwrap().json;
    assert_eq!(
        (endpoint["status"].as_str(), endpoint["reason"].as_str()),
        (Some("paused"), Some("gone"))
    );
}

// Holds: R-X4
#[test]
fn redirects_are_not_followed() {
    let receiver = Receiver::start();
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    host.create_endpoint(&cleanmails(&receiver.url("/status/302/elsewhere")))
        .unwrap();
    let message = host.publish("cleanmails", &email_sent(1)).unwrap();
    let first = wait_for("an attempt", LIMIT, || {
        let message = host.get(&format!("/v1/messages/{message}"))?.json;
        let attempt = message["deliveries"][0]["attempts"][0].clone();
        Ok(attempt.is_object().then_some(attempt))
    });
    assert_eq!(first.unwrap()["status"], 302);
    assert_eq!(receiver.count(), 1);
}

// Holds: S20, S21
#[test]
fn an_event_goes_to_the_endpoints_that_want_it() {
    let receiver = Receiver::start();
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    let endpoint = |name: &str, more: Value| {
        let mut description = json!({
            "provider": "smartlead", "url": receiver.url(&format!("/ok/{name}")), "secret": "s",
        });
        description
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        host.create_endpoint(&description).unwrap()
    };
    endpoint("all", json!({}));
    endpoint(
        "opens",
        json!({"events": {"EMAIL_OPENED": true, "EMAIL_SENT": false}}),
    );
    endpoint(
        "campaign-5",
        json!({"scope": {"level": "campaign", "campaign_id": 5}}),
    );
    endpoint(
        "client-7",
        json!({"scope": {"level": "client", "client_id": 7}}),
    );
    let publish = |campaign: u32, client: Option<&str>| {
        let payload = json!({"event": "EMAIL_SENT", "campaign_id": campaign, "lead_id": 1});
        let event = json!({"provider": "smartlead", "payload": payload, "client_id": client});
        let answer = host.post("/v1/events", &event).unwrap();
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.json["deliveries"].as_array().unwrap().len()
    };
    assert_eq!(publish(5, None), 2);
    assert_eq!(publish(6, Some("7")), 2);
    assert_eq!(publish(6, None), 1);
    wait_for("five arrivals", LIMIT, || {
        Ok((receiver.count() == 5).then_some(()))
    })
    .unwrap();
    let mut names: Vec<_> = receiver
        .arrivals()
        .into_iter()
        .map(|arrival| arrival.endpoint)
        .collect();
    names.sort();
    assert_eq!(names, ["all", "all", "all", "campaign-5", "client-7"]);
}

// Holds: S46
#[test]
fn a_refused_connection_is_an_attempt_with_its_failure_kind() {
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    let closed = std::net::TcpListener::bind(("127.0.0.1", 0))
        .unwrap()
        .local_addr()
        .unwrap();
    for (url, kind) in [
        (format!("http://{closed}/"), "connect"),
        ("http://no-such-host.invalid/".to_owned(), "dns"),
    ] {
        let endpoint = host.create_endpoint(&cleanmails(&url)).unwrap();
        let message = host.publish("cleanmails", &email_sent(1)).unwrap();
        let failure = wait_for("an attempt", LIMIT, || {
            let message = host.get(&format!("/v1/messages/{message}"))?.json;
            let attempt = message["deliveries"][0]["attempts"][0].clone();
            Ok(attempt.is_object().then_some(attempt))
        });
        assert_eq!(failure.unwrap()["outcome"], kind);
        host.delete(&format!("/v1/endpoints/{endpoint}")).unwrap();
    }
}

// Holds: S28, S46
#[test]
fn https_is_delivered_to_a_trusted_certificate_of_the_right_name_and_to_no_other() {
    let receiver = Receiver::start_tls();
    let stranger = Receiver::start_tls();
    let mut home = HostHome::strict().unwrap();
    home.trust(receiver.certificate_pem()).unwrap();
    let host = home.start().unwrap();
    let other_name = receiver.url("/ok/name").replace("localhost", "127.0.0.1");
    for (url, outcome) in [
        (receiver.url("/ok/good"), "response"),
        (other_name, "tls"),
        (stranger.url("/ok/stranger"), "tls"),
    ] {
        let endpoint = host.create_endpoint(&cleanmails(&url)).unwrap();
        let message = host.publish("cleanmails", &email_sent(1)).unwrap();
        let attempt = wait_for("an attempt", LIMIT, || {
            let message = host.get(&format!("/v1/messages/{message}"))?.json;
            let attempt = message["deliveries"][0]["attempts"][0].clone();
            Ok(attempt.is_object().then_some(attempt))
        });
        assert_eq!(attempt.unwrap()["outcome"], outcome, "{url}");
        host.delete(&format!("/v1/endpoints/{endpoint}")).unwrap();
    }
    assert_eq!((receiver.count(), stranger.count()), (1, 0));
}

#[test]
fn a_stop_finishes_what_is_under_way_and_a_restart_goes_on() {
    let receiver = Receiver::start();
    let home = HostHome::new("time_scale = 4").unwrap();
    let host = home.start().unwrap();
    host.create_endpoint(&cleanmails(&receiver.url("/fails/1/flaky")))
        .unwrap();
    let message = host.publish("cleanmails", &email_sent(1)).unwrap();
    wait_for("the first attempt", LIMIT, || {
        Ok((receiver.count() == 1).then_some(()))
    })
    .unwrap();
    assert!(host.terminate().unwrap().success(), "{}", home.log());

    let host = home.start().unwrap();
    let delivery = delivery(&host, &message, "delivered");
    assert_eq!(delivery["attempts"].as_array().unwrap().len(), 2);
    assert_eq!(receiver.count(), 2);
}

#[test]
fn a_second_host_on_the_same_folder_is_refused() {
    let home = HostHome::new("").unwrap();
    let _host = home.start().unwrap();
    let status = home
        .command()
        .unwrap()
        .stdout(std::process::Stdio::null())
        .status()
        .unwrap();
    assert!(!status.success());
    assert!(home.log().contains("another"), "{}", home.log());
}
