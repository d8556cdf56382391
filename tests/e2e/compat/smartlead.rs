//! SmartLead.

use super::*;

pub(super) const BASE: &str = "/api/v1/webhook";

pub(super) fn create(host: &Host, more: &Value) -> Answer {
    let mut given = json!({"webhook_url": NOWHERE, "event_type_map": {"EMAIL_SENT": true}});
    for (name, value) in more.as_object().unwrap() {
        given[name] = value.clone();
    }
    ask(host, "POST", &format!("{BASE}/create"), Some(&given))
}

// Holds: S20, R-S9, R-S13
#[test]
fn the_association_says_whose_events_a_webhook_gets() {
    let (_home, host) = all_four("");
    for (given, echoed) in [
        (json!({}), json!([1, null, null])),
        (json!({"email_campaign_id": 5}), json!([3, 5, null])),
        (
            json!({"association_type": 1, "email_campaign_id": 5}),
            json!([1, null, null]),
        ),
        (
            json!({"association_type": 2, "client_id": 7}),
            json!([2, null, 7]),
        ),
        (
            json!({"association_type": "campaign", "email_campaign_id": 5}),
            json!([3, 5, null]),
        ),
    ] {
        let made = create(&host, &given);
        assert_eq!(made.status, 200, "R-S9: {given}: {made:?}");
        let shown = ["association_type", "email_campaign_id", "client_id"]
            .map(|name| made.json[name].clone());
        assert_eq!(json!(shown), echoed, "R-S9: {given}");
    }
    for (given, named) in [
        (json!({"association_type": 2}), "client_id"),
        (json!({"association_type": 3}), "email_campaign_id"),
        (json!({"association_type": 9}), "association_type"),
    ] {
        let refused = create(&host, &given);
        assert_eq!(
            (refused.status, &refused.json["field"]),
            (400, &json!("association_type")),
            "R-S9: {refused:?}"
        );
        assert!(
            refused.json["message"].as_str().unwrap().contains(named),
            "R-S9: {refused:?}"
        );
    }
}

// Holds: S21, S31, S32, R-S9, R-S11, R-X8
#[test]
fn a_webhook_is_listed_changed_and_enabled_again() {
    let (_home, host) = all_four("time_scale = 1000000");
    let map = json!({"EMAIL_SENT": true, "EMAIL_REPLIED": false});
    let made = create(&host, &json!({"name": "CRM", "event_type_map": map}));
    let (id, map) = (made.json["id"].clone(), &made.json["event_type_map"]);
    assert_eq!(
        (
            &map["EMAIL_SENT"],
            &map["EMAIL_REPLIED"],
            &map["EMAIL_OPENED"]
        ),
        (&json!(true), &json!(false), &json!(false)),
        "S21"
    );
    for path in [BASE.to_owned(), format!("{BASE}/list")] {
        let listed = ask(&host, "GET", &path, None);
        assert_eq!(listed.json["webhooks"][0]["id"], id, "R-S11: {listed:?}");
    }
    // S31: what cannot be delivered disables it.
    let sent = json!({"event": "EMAIL_SENT", "campaign_id": 5, "lead_id": 1});
    assert_eq!(publish_and_wait(&host, "smartlead", &sent), "dead_lettered");
    let show = || ask(&host, "GET", &format!("{BASE}/{id}"), None).json;
    assert_eq!(
        (&show()["status"], &show()["is_active"]),
        (&json!("disabled"), &json!(false)),
        "S31"
    );
    assert_eq!(show()["disabled_reason"], "failing");
    // S32.
    let update = format!("{BASE}/update/{id}");
    for enable in [json!({"is_active": true}), json!({"status": "ACTIVE"})] {
        let disabled = ask(&host, "PUT", &update, Some(&json!({"is_active": false})));
        assert_eq!(
            (disabled.status, &disabled.json["status"]),
            (200, &json!("disabled")),
            "R-S11"
        );
        let enabled = ask(&host, "PUT", &update, Some(&enable));
        assert_eq!(
            (&enabled.json["status"], &enabled.json["consecutive_errors"]),
            (&json!("active"), &json!(0)),
            "R-S11"
        );
    }
    let changed = ask(
        &host,
        "PUT",
        &update,
        Some(&json!({"email_campaign_id": 9, "event_type_map": {"EMAIL_OPENED": true}})),
    );
    assert_eq!(
        (
            &changed.json["association_type"],
            &changed.json["email_campaign_id"]
        ),
        (&json!(3), &json!(9)),
        "R-S9"
    );
    assert_eq!(
        (
            &changed.json["name"],
            &changed.json["event_type_map"]["EMAIL_SENT"]
        ),
        (&json!("CRM"), &json!(false))
    );
    let empty = create(&host, &json!({"event_type_map": {}}));
    assert!(
        empty.json["warnings"]
            .to_string()
            .contains("nothing will be sent"),
        "S21: {empty:?}"
    );
    let missing = ask(
        &host,
        "POST",
        &format!("{BASE}/create"),
        Some(&json!({"webhook_url": NOWHERE})),
    );
    assert_eq!(
        (missing.status, &missing.json["field"]),
        (400, &json!("event_type_map"))
    );
    let list = create(&host, &json!({"event_type_map": []}));
    assert_eq!(
        list.status, 400,
        "an empty list would mean everything: {list:?}"
    );
}

// Holds: S24, R-S2, R-S12
#[test]
fn test_events_that_fail_are_told_and_count_for_nothing() {
    let receiver = Receiver::start();
    let config = "[compat.smartlead]\nenabled = true\n";
    let home = HostHome::new(config).unwrap();
    let host = home.start().unwrap();
    let all = json!({
        "EMAIL_SENT": true, "EMAIL_OPENED": true, "EMAIL_CLICKED": true, "EMAIL_REPLIED": true,
        "EMAIL_BOUNCED": true, "EMAIL_UNSUBSCRIBED": true,
    });
    let given = json!({"event_type_map": all, "webhook_url": receiver.url("/status/500/s"), "email_campaign_id": 77});
    let made = create(&host, &given);
    assert_eq!(
        (made.status, &made.json["ok"]),
        (200, &json!(true)),
        "R-S12: saved all the same"
    );
    let tested = made.json["test_events"].as_array().unwrap();
    let types: Vec<_> = tested
        .iter()
        .map(|tested| tested["event_type"].as_str().unwrap())
        .collect();
    assert_eq!(
        types,
        [
            "EMAIL_SENT",
            "EMAIL_OPENED",
            "EMAIL_CLICKED",
            "EMAIL_REPLIED",
            "EMAIL_BOUNCED",
            "EMAIL_UNSUBSCRIBED"
        ],
        "R-S12"
    );
    assert!(
        tested
            .iter()
            .all(|tested| tested["success"] == false && tested["status"] == 500),
        "R-S12: {tested:?}"
    );
    assert!(
        made.json["warnings"].to_string().contains("test_events"),
        "R-S12: {made:?}"
    );
    assert_eq!(made.json["consecutive_errors"], 0, "R-S12: not counted");
    let arrivals = receiver.arrivals();
    assert_eq!(arrivals.len(), 6, "R-S12: a single attempt each");
    for arrival in &arrivals {
        assert_eq!(arrival.headers["x-webhook-test"], "true", "R-S12");
        let body: Value = serde_json::from_slice(&arrival.body).unwrap();
        assert_eq!(body["campaign_id"], 77, "of the webhook's own campaign");
    }
    // One that is made disabled is not tested.
    let given = json!({"is_active": false, "webhook_url": receiver.url("/ok/s")});
    assert_eq!(create(&host, &given).json.get("test_events"), None);
    assert_eq!(receiver.count(), 6);
    // Saving it again tests again (S24).
    let update = format!("{BASE}/update/{}", made.json["id"]);
    let change = json!({"webhook_url": receiver.url("/ok/s"), "secret": "s", "event_type_map": {"EMAIL_REPLIED": true}});
    let changed = ask(&host, "PUT", &update, Some(&change));
    assert_eq!(
        changed.json["test_events"][0]["success"], true,
        "{changed:?}"
    );
    assert_eq!(changed.json.get("warnings"), None, "{changed:?}");
    let signed = &receiver.arrivals()[6];
    assert_eq!(
        signed.verify(&countersign_core::Config::new("smartlead", &["s"])),
        Ok(()),
        "R-S12: signed"
    );
    assert_eq!(host.get("/v1/stats").unwrap().json["messages"], 0);
}

// Holds: R-S10
#[test]
fn the_user_s_level_wins_where_the_operator_says_so() {
    let sent = json!({"provider": "smartlead", "payload": {"event": "EMAIL_SENT", "campaign_id": 5, "lead_id": 1}});
    for (wins, deliveries) in [(false, 2), (true, 1)] {
        let config = format!(
            "[compat.smartlead]\nenabled = true\ntest_events = false\nuser_level_wins = {wins}\n"
        );
        let home = HostHome::new(&config).unwrap();
        let host = home.start().unwrap();
        create(&host, &json!({"email_campaign_id": 5}));
        create(&host, &json!({}));
        let published = host.post("/v1/events", &sent).unwrap();
        assert_eq!(
            published.json["deliveries"].as_array().unwrap().len(),
            deliveries,
            "R-S10"
        );
        let batch = host
            .post("/v1/events/batch", &json!({"events": [sent]}))
            .unwrap();
        assert_eq!(
            batch.json["events"][0]["deliveries"]
                .as_array()
                .unwrap()
                .len(),
            deliveries,
            "R-S10"
        );
    }
}

// Holds: S29, R-S14
#[test]
fn where_requests_come_from_is_told_without_a_key() {
    let config = "[network]\negress = [\"203.0.113.7\", \"2001:db8::/64\"]\n[compat.smartlead]\nenabled = true\n";
    let home = HostHome::new(config).unwrap();
    let host = home
        .start_with(|command| {
            command.env("COUNTERSIGN_API_TOKEN", "root");
        })
        .unwrap();
    let told = ask(&host, "GET", &format!("{BASE}/egress"), None);
    assert_eq!(
        told.json,
        json!({"egress": ["203.0.113.7/32", "2001:db8::/64"]}),
        "R-S14"
    );
    assert_eq!(ask(&host, "GET", &format!("{BASE}/list"), None).status, 401);
    home.configure("[network]\negress = [\"here\"]\n").unwrap();
    let file = home.config_path();
    let ran = home
        .run_bare(&["config", "--check", file.to_str().unwrap()], &[])
        .unwrap();
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("network.egress"), "{}", ran.stderr);
}
