//! Conditions on the events of an endpoint, and trying them before they are set.

use countersign_tests::{
    host::{Host, HostHome, wait_for},
    receiver::Receiver,
};
use serde_json::{Value, json};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);
/// Nobody listens there.
const URL: &str = "http://127.0.0.1:49151/";

fn order(name: &str, total: u32) -> Value {
    json!({"type": name, "data": {"total": total, "country": "SE"}})
}

/// Publishes, and says to how many endpoints it goes.
fn publish(host: &Host, provider: &str, payload: &Value) -> usize {
    let event = json!({"provider": provider, "payload": payload});
    let answer = host.post("/v1/events", &event).unwrap();
    assert_eq!(answer.status, 202, "{answer:?}");
    answer.json["deliveries"].as_array().unwrap().len()
}

#[test]
fn an_endpoint_gets_what_its_filter_lets_through() {
    let receiver = Receiver::start();
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    let filter = json!({"/data/total": {"gte": 100}, "or": [{"/data/country": "SE"}, {"type": {"suffix": ".big"}}]});
    let description = json!({
        "provider": "standard", "url": receiver.url("/ok/large"), "events": ["order.*"], "filter": filter,
    });
    let id = host.create_endpoint(&description).unwrap();
    let shown = host.get(&format!("/v1/endpoints/{id}")).unwrap();
    assert_eq!(shown.json["filter"], filter);
    for (total, count) in [(99, 0), (100, 1), (5_000, 1)] {
        assert_eq!(
            publish(&host, "standard", &order("order.paid", total)),
            count
        );
    }
    assert_eq!(publish(&host, "standard", &order("user.paid", 500)), 0);
    wait_for("both deliveries", LIMIT, || {
        Ok((receiver.count() == 2).then_some(()))
    })
    .unwrap();
    let totals: Vec<_> = receiver
        .arrivals()
        .iter()
        .map(|arrival| {
            serde_json::from_slice::<Value>(&arrival.body).unwrap()["data"]["total"].clone()
        })
        .collect();
    assert!(totals.contains(&json!(100)) && totals.contains(&json!(5_000)));

    // Also after a restart, and no longer once it is taken away. A change of something else leaves it.
    drop(host);
    let host = home.start().unwrap();
    let path = format!("/v1/endpoints/{id}");
    assert_eq!(publish(&host, "standard", &order("order.paid", 5)), 0);
    let changed = host.patch(&path, &json!({"name": "large orders"})).unwrap();
    assert_eq!(changed.json["filter"], filter);
    let changed = host
        .patch(&path, &json!({"filter": {"/data/total": {"lt": 10}}}))
        .unwrap();
    assert_eq!(changed.json["filter"], json!({"/data/total": {"lt": 10}}));
    assert_eq!(publish(&host, "standard", &order("order.paid", 5)), 1);
    let changed = host.patch(&path, &json!({"filter": null})).unwrap();
    assert_eq!(changed.json["filter"], json!(null));
    assert_eq!(publish(&host, "standard", &order("order.paid", 50)), 1);
}

#[test]
fn a_batch_is_filtered_event_by_event_and_so_are_the_providers_events() {
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    let filter = json!({"/data/lead_email": {"suffix": "@northwind.example"}, "not": {"/data/campaign_id": {"in": [7, 8]}}});
    let description =
        json!({"provider": "cleanmails", "url": URL, "filter": filter, "status": "paused"});
    host.create_endpoint(&description).unwrap();
    let event = |email: &str, campaign: u32| {
        let data = json!({"lead_email": email, "campaign_id": campaign});
        let payload = json!({"event": "email.sent", "workspace_id": 1, "data": data});
        json!({"provider": "cleanmails", "payload": payload})
    };
    let events = json!({"events": [
        event("nora@northwind.example", 1), event("nora@northwind.example", 7), event("ken@harbor.example", 1),
    ]});
    let answer = host.post("/v1/events/batch", &events).unwrap();
    let counts: Vec<_> = answer.json["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["deliveries"].as_array().unwrap().len())
        .collect();
    assert_eq!(counts, [1, 0, 0]);
}

#[test]
fn a_mistake_in_a_filter_is_told_with_its_place() {
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    let id = host
        .create_endpoint(&json!({"provider": "standard", "url": URL}))
        .unwrap();
    for (filter, field) in [
        (json!({}), "filter"),
        (json!(["a"]), "filter"),
        (json!({"data.total": 5}), r#"filter["data.total"]"#),
        (
            json!({"and": [{"/data/total": {"gte": true}}]}),
            r#"filter.and[0]["/data/total"].gte"#,
        ),
    ] {
        let create = json!({"provider": "standard", "url": URL, "filter": filter});
        let dry_run = json!({ "filter": filter });
        for answer in [
            host.post("/v1/endpoints", &create),
            host.patch(&format!("/v1/endpoints/{id}"), &dry_run),
            host.post(&format!("/v1/endpoints/{id}/filter/dry-run"), &dry_run),
        ] {
            let answer = answer.unwrap();
            assert_eq!(answer.status, 400, "{filter}: {answer:?}");
            assert_eq!(answer.json["code"], "filter_invalid");
            assert_eq!(answer.json["field"], field);
        }
    }
    // What occurs twice is refused, too, and only the text shows it.
    let twice = br#"{"provider": "standard", "url": "http://127.0.0.1:49151/", "filter": {"/a": 1, "/a": 2}}"#;
    let headers = [("content-type", "application/json")];
    let answer = host.post_bytes("/v1/endpoints", &headers, twice).unwrap();
    assert_eq!(answer.json["field"], r#"filter["/a"]"#, "{answer:?}");
}

#[test]
fn a_dry_run_says_which_of_the_last_events_would_have_come_and_why_others_not() {
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    let description = json!({"provider": "standard", "url": URL, "events": ["order.*"]});
    let id = host.create_endpoint(&description).unwrap();
    let path = format!("/v1/endpoints/{id}/filter/dry-run");
    let own = host.post(&path, &json!({})).unwrap();
    assert_eq!(
        (own.status, &own.json["code"]),
        (400, &json!("missing_field"))
    );
    for total in 0..120 {
        publish(&host, "standard", &order("order.paid", total));
        publish(&host, "platform", &json!({"type": "open", "email_id": "m"}));
    }
    publish(&host, "standard", &order("user.created", 500));
    let filter = json!({"/data/total": {"gte": 100}, "/data/vip": true});
    let either = json!({"or": [{"/data/total": {"gte": 115}}, {"/data/vip": true}]});
    let dry_run = |asked: Value| {
        let answer = host.post(&path, &asked).unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json
    };
    // More than one read of the store.
    let all = dry_run(json!({"filter": either, "last": 1000}));
    assert_eq!(
        (&all["looked_at"], &all["complete"]),
        (&json!(121), &json!(true))
    );
    assert_eq!(
        (&all["matched"], &all["filtered"]),
        (&json!(5), &json!(115))
    );
    assert_eq!(
        (&all["not_subscribed"], &all["without_body"]),
        (&json!(1), &json!(0))
    );
    let events = all["events"].as_array().unwrap();
    assert_eq!(events[0]["event_type"], "user.created");
    assert_eq!(events[0]["reason"], "not_subscribed");
    assert_eq!(
        (&events[1]["matches"], &events[1]["reason"]),
        (&json!(true), &json!(null))
    );
    assert_eq!(events[120]["matches"], false);
    assert_eq!(
        events[120]["misses"],
        json!([
            {"condition": r#"or[0]["/data/total"].gte"#, "found": "number"},
            {"condition": r#"or[1]["/data/vip"].eq"#, "found": "absent"},
        ])
    );
    let message = events[120]["message_id"].as_str().unwrap();
    assert_eq!(
        host.get(&format!("/v1/messages/{message}")).unwrap().status,
        200
    );

    let some = dry_run(json!({"filter": filter}));
    assert_eq!(
        (&some["looked_at"], &some["matched"]),
        (&json!(100), &json!(0))
    );
    let one = dry_run(json!({"filter": filter, "last": 1}));
    assert_eq!(one["events"].as_array().unwrap().len(), 1);

    // Nothing was changed by it; once it is set, it is what is tried when nothing else is given.
    let endpoint = format!("/v1/endpoints/{id}");
    assert_eq!(host.get(&endpoint).unwrap().json["filter"], json!(null));
    host.patch(&endpoint, &json!({ "filter": either })).unwrap();
    assert_eq!(dry_run(json!({"last": 1000}))["matched"], 5);

    let payload = json!({"type": "order.paid", "data": {"total": 7}});
    let tried = dry_run(json!({ "payload": payload }));
    assert_eq!(
        (&tried["matches"], &tried["event_type"]),
        (&json!(false), &json!("order.paid"))
    );
    assert_eq!(tried["misses"].as_array().unwrap().len(), 2);
    let tried = dry_run(json!({"payload": payload, "filter": {"/timestamp": {"exists": true}}}));
    assert_eq!(tried["matches"], true);

    for (asked, field) in [
        (json!({"last": 0, "filter": filter}), "last"),
        (json!({"last": 1001, "filter": filter}), "last"),
        (json!({"last": 5, "payload": payload}), "payload"),
        (
            json!({"payload": {"type": "a b", "data": {}}}),
            "payload.type",
        ),
        (json!({"payload": 7}), "payload"),
        (json!({"filters": {}}), "filters"),
    ] {
        let answer = host.post(&path, &asked).unwrap();
        assert_eq!(answer.status, 400, "{asked}");
        assert_eq!(answer.json["field"], field, "{answer:?}");
    }
    let nobody = "/v1/endpoints/ep_01D39ZY06FGSCTVN4T2V9PKHFZ/filter/dry-run";
    for asked in [json!({ "payload": payload }), json!({"last": 1})] {
        assert_eq!(host.post(nobody, &asked).unwrap().status, 404);
    }
}

#[test]
fn what_is_told_of_deliveries_can_be_filtered_too() {
    let receiver = Receiver::start();
    let home = HostHome::new("time_scale = 100000").unwrap();
    let host = home.start().unwrap();
    let filter = json!({"/data/endpoint/name": "watched"});
    let telling = json!({
        "provider": "countersign", "url": receiver.url("/ok/told"), "events": ["delivery.exhausted"], "filter": filter,
    });
    host.create_endpoint(&telling).unwrap();
    for name in ["watched", "other"] {
        let url = receiver.url(&format!("/status/500/{name}"));
        let description =
            json!({"provider": "cleanmails", "url": url, "name": name, "secret": "s"});
        host.create_endpoint(&description).unwrap();
    }
    let payload = json!({"event": "email.sent", "workspace_id": 1, "data": {}});
    assert_eq!(publish(&host, "cleanmails", &payload), 2);
    wait_for("both dead letters", LIMIT, || {
        let answer = host.get("/v1/dead-letters/count")?;
        Ok((answer.json["count"] == 2).then_some(()))
    })
    .unwrap();
    let told = wait_for("the telling", LIMIT, || {
        let arrivals = receiver.arrivals().into_iter();
        let told: Vec<_> = arrivals
            .filter(|arrival| arrival.endpoint == "told")
            .collect();
        Ok((!told.is_empty()).then_some(told))
    })
    .unwrap();
    let event: Value = serde_json::from_slice(&told[0].body).unwrap();
    assert_eq!(event["data"]["endpoint"]["name"], "watched");
    assert_eq!(told.len(), 1);
}
