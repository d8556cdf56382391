//! Who may post: keys, tokens, everybody, nobody.

use super::support::{
    LIMIT, RESEND, assert_received, assert_refused, config, kept, mail, newest, post, post_resend,
    signed,
};
use countersign_core::Config;
use countersign_tests::{
    host::{self, HostHome, wait_for},
    receiver::Receiver,
};
use serde_json::{Value, json};

const TOKEN: &str = "a-token-of-the-flat-source";

fn header(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

// Holds: P11, P12, R-P7, R-P9, R-P10
#[test]
fn flat_posts_need_the_shared_token() {
    let home = HostHome::new(&config(&format!(
        "[inbound.sources.platform]\nsecrets = [{TOKEN:?}]\n"
    )))
    .unwrap();
    let host = home.start().unwrap();
    let flat = json!({"type": "email.opened", "email_id": "m1"}).to_string();
    let bearer = |token: &str| [header("authorization", &format!("Bearer {token}"))];
    let wrong = "not-the-token-of-the-source";
    for headers in [
        &[][..],
        &bearer(wrong),
        &[header("x-webhook-signature", TOKEN)],
    ] {
        assert_refused(
            &post(&host, "/api/webhooks", headers, flat.as_bytes()),
            401,
            "unverified",
        );
    }
    assert_eq!(kept(&host).len(), 0);
    assert_received(&post(
        &host,
        "/api/webhooks",
        &bearer(TOKEN),
        flat.as_bytes(),
    ));
    let kept_event = newest(&host);
    assert_eq!(kept_event["verified"], "token");
    // R-P9: the time of receipt, marked as such.
    let event = &kept_event["events"][0]["event"];
    assert_eq!(event["occurred_at_inferred"], true);
    assert_eq!(event["occurred_at"], kept_event["received_at"]);
    // R-P10.
    assert_received(&post(
        &host,
        "/api/webhooks",
        &bearer(TOKEN),
        flat.as_bytes(),
    ));
    assert_eq!(kept(&host).len(), 1);
    assert!(!home.log().contains(TOKEN));
}

// Holds: P11, R-P7
#[test]
fn an_open_source_takes_what_anybody_posts_and_only_its_own() {
    let home = HostHome::new(&config("[inbound.sources.platform]\nopen = true\n")).unwrap();
    let host = home.start().unwrap();
    let flat = json!({"type": "email.opened", "email_id": "m1"}).to_string();
    assert_received(&post(&host, "/api/webhooks", &[], flat.as_bytes()));
    assert_eq!(newest(&host)["verified"], "open");
    // No source is configured for these.
    assert_refused(
        &post_resend(&host, "evt-1", &mail("email.sent", &json!({}))),
        401,
        "unverified",
    );
    assert_refused(
        &post(&host, "/api/webhooks", &[], b"[{\"event\":\"open\"}]"),
        401,
        "unverified",
    );
    assert_eq!(kept(&host).len(), 1);
}

#[test]
fn two_accounts_of_one_provider_have_names_and_keys_of_their_own() {
    let other = "whsec_ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4";
    let sources = format!(
        "[inbound.sources.resend]\nsecrets = [{RESEND:?}]\n[inbound.sources.second]\nprovider = \"resend\"\nsecrets = [{other:?}]\n"
    );
    let home = HostHome::new(&config(&sources)).unwrap();
    let host = home.start().unwrap();
    let body = mail("email.sent", &json!({})).to_string();
    let by = |secret: &str| {
        signed(
            &Config::new("resend", &[secret]),
            Some("evt-1"),
            body.as_bytes(),
        )
    };
    let answer = |path: &str, secret: &str| post(&host, path, &by(secret), body.as_bytes());
    assert_refused(&answer("/api/webhooks", other), 401, "unverified");
    assert_refused(&answer("/api/webhooks/second", RESEND), 401, "unverified");
    assert_received(&answer("/api/webhooks/second", other));
    // The same id from another account is another event.
    assert_received(&answer("/api/webhooks", RESEND));
    let sources: Vec<_> = kept(&host)
        .iter()
        .map(|kept| kept["source"].clone())
        .collect();
    assert_eq!(sources, ["resend", "second"]);
    let of_second = host.get("/v1/inbound?source=second").unwrap().json;
    assert_eq!(of_second["inbound"].as_array().unwrap().len(), 1);
}

#[test]
fn events_belong_to_the_workspace_of_their_source_and_keys_of_another_do_not_see_them() {
    let receiver = Receiver::start();
    let sources = "[inbound.sources.platform]\nopen = true\n\
                   [inbound.sources.second]\nprovider = \"platform\"\nopen = true\nworkspace = \"second\"\n";
    let home = HostHome::new(&config(sources)).unwrap();
    let host = home.start().unwrap();
    let flat = |id: &str| {
        json!({"type": "email.opened", "email_id": id, "timestamp": "2026-03-09T12:00:00Z"})
            .to_string()
    };
    let to_second = |id: &str| post(&host, "/api/webhooks/second", &[], flat(id).as_bytes());
    // Nobody has made it yet; the sender is to come again.
    assert_refused(&to_second("m1"), 503, "unavailable");
    assert!(home.log().contains("POST /v1/workspaces"), "{}", home.log());
    let made = host
        .post("/v1/workspaces", &json!({"id": "second"}))
        .unwrap();
    assert_eq!(made.status, 201, "{made:?}");
    let in_second = [("countersign-workspace", "second")];
    for (headers, name) in [(&[][..], "first"), (&in_second, "second")] {
        let url = receiver.url(&format!("/ok/{name}"));
        let endpoint = json!({"provider": "cleanmails", "url": url, "secret": "s"});
        let made = host
            .ask("POST", "/v1/endpoints", headers, Some(&endpoint))
            .unwrap();
        assert_eq!(made.status, 201, "{made:?}");
    }
    assert_received(&to_second("m1"));
    let arrival = wait_for("the delivery", LIMIT, || Ok(receiver.arrivals().pop())).unwrap();
    let body: Value = serde_json::from_slice(&arrival.body).unwrap();
    assert_eq!(
        (arrival.endpoint.as_str(), &body["workspace_id"]),
        ("second", &json!(2))
    );
    assert_eq!(kept(&host).len(), 0);
    let listed = host
        .ask("GET", "/v1/inbound", &in_second, None)
        .unwrap()
        .json;
    let id = listed["inbound"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(listed["inbound"][0]["workspace"], "second");
    assert_refused(
        &host.get(&format!("/v1/inbound/{id}")).unwrap(),
        404,
        "not_found",
    );
    let key = host
        .ask(
            "POST",
            "/v1/keys",
            &[],
            Some(&json!({"workspace": "second", "role": "publish"})),
        )
        .unwrap();
    let bearer = format!("Bearer {}", key.json["key"].as_str().unwrap());
    let refused = host
        .ask("GET", "/v1/inbound", &[("authorization", &bearer)], None)
        .unwrap();
    assert_refused(&refused, 403, "role_insufficient");
    // The same event in the other workspace is another event.
    assert_received(&post(&host, "/api/webhooks", &[], flat("m1").as_bytes()));
    assert_eq!(kept(&host).len(), 1);
}

#[test]
fn an_old_signature_and_a_wrong_route_are_refused() {
    let home = HostHome::new(&config(&format!(
        "[inbound.sources.resend]\nsecrets = [{RESEND:?}]\n"
    )))
    .unwrap();
    let host = home.start().unwrap();
    let keyed = countersign_core::KeyedScheme::signer(&Config::new("resend", &[RESEND])).unwrap();
    let body = mail("email.sent", &json!({})).to_string();
    let message = countersign_core::Message {
        id: Some("evt-1"),
        ..countersign_core::Message::new(
            countersign_core::SignedAt::UnixMs(super::support::now_ms() - 400_000),
            body.as_bytes(),
        )
    };
    let headers: Vec<_> = keyed
        .sign(&message)
        .unwrap()
        .into_iter()
        .map(|h| (h.name, h.value))
        .collect();
    assert_refused(
        &post(&host, "/api/webhooks", &headers, body.as_bytes()),
        401,
        "unverified",
    );
    assert_refused(
        &post(&host, "/api/webhooks/nobody", &headers, body.as_bytes()),
        404,
        "not_found",
    );
    assert_refused(
        &host.get("/api/webhooks").unwrap(),
        405,
        "method_not_allowed",
    );
    assert_refused(
        &host.get("/api/webhooks/resend").unwrap(),
        405,
        "method_not_allowed",
    );
    assert_refused(&host.get("/v1/inbound/inb_none").unwrap(), 404, "not_found");
    assert_refused(
        &host.get("/v1/inbound?sauce=a").unwrap(),
        400,
        "unknown_field",
    );
    assert_eq!(kept(&host).len(), 0);
    assert!(home.log().contains("timestamp_too_old"), "{}", home.log());
}

#[test]
fn sources_are_taken_up_while_the_host_runs_and_nothing_is_taken_before() {
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    let sent = || post_resend(&host, "evt-1", &mail("email.sent", &json!({})));
    assert_refused(&sent(), 404, "not_found");
    let delivery = "[delivery]\nallow_http = true\n[inbound]\nenabled = true\n";
    let path = home.data_dir().join("resend.key");
    std::fs::write(&path, "whsec_ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4\n").unwrap();
    let source = format!("{delivery}[inbound.sources.resend]\nsecrets_file = {path:?}\n");
    home.configure(&source).unwrap();
    let until = |status: u16| {
        host.signal("HUP").unwrap();
        wait_for("the new settings", LIMIT, || {
            Ok((sent().status == status).then_some(()))
        })
        .unwrap();
    };
    until(401);
    // The file alone changes.
    std::fs::write(&path, format!("{RESEND}\n")).unwrap();
    until(200);
    home.configure(&format!(
        "{delivery}[inbound.sources.resend]\nsecrets = [\"hunter2!\"]\n"
    ))
    .unwrap();
    host.signal("HUP").unwrap();
    wait_for("the refusal", LIMIT, || {
        let log = home.log();
        Ok(log
            .contains("`inbound.sources.resend.secrets`")
            .then_some(()))
    })
    .unwrap();
    assert_eq!(sent().status, 200, "what was in force stays");
    assert!(!home.log().contains("hunter2"));
    home.configure("[delivery]\nallow_http = true\n").unwrap();
    until(404);
}

#[test]
fn a_store_that_cannot_keep_it_says_when_to_come_back() {
    let full = "[inbound.sources.platform]\nopen = true\n[store]\nreserve_bytes = 17592186044416\n";
    let home = HostHome::new(&config(full)).unwrap();
    // Room on a disk is kept for a file alone.
    if !home.is_on_a_file() {
        return;
    }
    let host = home.start().unwrap();
    let answer = host::agent()
        .post(format!("{}/api/webhooks", host.url()))
        .send(br#"{"type":"email.opened","email_id":"m"}"#.as_slice())
        .unwrap();
    assert_eq!(answer.status().as_u16(), 503);
    assert_eq!(answer.headers()["retry-after"], "30");
    assert_eq!(kept(&host).len(), 0);
}
