//! Webhooks that are sent back as they were shown, with one thing changed.

use super::*;
use countersign_core::Config;

// Holds: S31, S32, R-S11
#[test]
fn a_disabled_webhook_of_smartlead_s_is_enabled_by_either_field_and_keeps_its_reason_otherwise() {
    let (_home, host) = all_four("time_scale = 1000000");
    let map = json!({"EMAIL_SENT": true});
    let given = json!({"webhook_url": NOWHERE, "event_type_map": map});
    let id = ask(&host, "POST", "/api/v1/webhook/create", Some(&given)).json["id"].clone();
    let sent = json!({"event": "EMAIL_SENT", "campaign_id": 5, "lead_id": 1});
    assert_eq!(publish_and_wait(&host, "smartlead", &sent), "dead_lettered");
    let show = || ask(&host, "GET", &format!("/api/v1/webhook/{id}"), None).json;
    let put = |name: &str, value: Value| {
        let mut whole = show();
        whole[name] = value;
        let update = format!("/api/v1/webhook/update/{id}");
        let answer = ask(&host, "PUT", &update, Some(&whole));
        assert_eq!(answer.status, 200, "{answer:?}");
        let names = ["status", "disabled_reason", "consecutive_errors"];
        json!(names.map(|name| answer.json[name].clone()))
    };
    let errors = show()["consecutive_errors"].clone();
    assert!(errors.as_u64() > Some(0), "S31");
    // Something else is changed, or what is so already is said again.
    let disabled = json!(["disabled", "failing", errors]);
    assert_eq!(put("name", json!("CRM")), disabled, "S31");
    assert_eq!(put("status", json!("inactive")), disabled, "S31");
    assert_eq!(put("is_active", json!(false)), disabled, "S31");
    // One of the two is changed; the other is as it was shown.
    let active = json!(["active", null, 0]);
    assert_eq!(put("is_active", json!(true)), active, "R-S11");
    let by_hand = json!(["disabled", "manual", 0]);
    assert_eq!(put("is_active", json!(false)), by_hand, "R-S11");
    assert_eq!(put("status", json!("active")), active, "R-S11");
    assert_eq!(put("status", json!("disabled")), by_hand, "R-S11");
    // Where there is nothing yet, there is no telling which is meant.
    for (status, is_active, made) in [
        ("active", false, 400),
        ("disabled", true, 400),
        ("disabled", false, 200),
        ("active", true, 200),
    ] {
        let mut given = given.clone();
        given["status"] = json!(status);
        given["is_active"] = json!(is_active);
        let answer = ask(&host, "POST", "/api/v1/webhook/create", Some(&given));
        assert_eq!(answer.status, made, "{status} {is_active}: {answer:?}");
    }
}

// Holds: C20, C31, R-C5
#[test]
fn a_pause_by_rule_stays_one_when_a_webhook_is_sent_back_as_it_is() {
    let (_home, host) = all_four("time_scale = 1000000");
    let given = json!({"url": NOWHERE, "secret": "s"});
    let made = ask(&host, "POST", "/v1/integrations/webhooks", Some(&given));
    let path = format!("/v1/integrations/webhooks/{}", made.json["id"]);
    for _ in 0..10 {
        let event = json!({"event": "email.sent", "workspace_id": 1, "data": {}});
        assert_eq!(
            publish_and_wait(&host, "cleanmails", &event),
            "dead_lettered"
        );
    }
    let shown = ask(&host, "GET", &path, None).json;
    let paused = json!(["paused", "failing"]);
    assert_eq!(
        json!([shown["status"], shown["paused_reason"]]),
        paused,
        "C31"
    );
    let back = ask(&host, "PUT", &path, Some(&shown)).json;
    assert_eq!(
        json!([back["status"], back["paused_reason"]]),
        paused,
        "R-C5"
    );
}

#[test]
fn an_empty_secret_leaves_the_one_that_is_there_and_null_takes_it_away() {
    let receiver = Receiver::start();
    let (_home, host) = all_four("");
    for (provider, create) in CREATE {
        let mut given = description(provider, &receiver.url(&format!("/ok/{provider}")));
        given["secret"] = json!("s3cret-s3cret");
        let made = ask(&host, "POST", create, Some(&given)).json;
        let id = match provider {
            "sendemall" => made["data"]["id"].as_str().unwrap().to_owned(),
            _ => made["id"].to_string(),
        };
        let path = match provider {
            "smartlead" => format!("/api/v1/webhook/update/{id}"),
            _ => format!("{create}/{id}"),
        };
        for method in ["PUT", "PATCH"] {
            let left = ask(&host, method, &path, Some(&json!({"secret": ""})));
            assert_eq!(left.status, 200, "{provider}: {left:?}");
            let warnings = left.json["warnings"].to_string();
            assert!(
                warnings.contains("`secret` was empty") && !warnings.contains("not signed"),
                "{provider}: {left:?}"
            );
        }
        let event = match provider {
            "smartlead" => json!({"event": "EMAIL_REPLIED", "campaign_id": 5, "lead_id": 1}),
            "platform" => json!({"type": "open", "email_id": "m"}),
            "cleanmails" => json!({"event": "email.replied", "workspace_id": 1, "data": {}}),
            _ => json!({"event": "email.replied", "data": {}}),
        };
        assert_eq!(publish_and_wait(&host, provider, &event), "delivered");
        let arrival = receiver.arrivals().pop().unwrap();
        assert_eq!(
            arrival.verify(&Config::new(provider, &["s3cret-s3cret"])),
            Ok(()),
            "{provider}"
        );
        let taken = ask(&host, "PUT", &path, Some(&json!({"secret": null})));
        match provider {
            // Signs everything it sends (E25).
            "sendemall" => assert_eq!(
                (taken.status, &taken.json["field"]),
                (400, &json!("secret"))
            ),
            _ => assert!(
                taken.json["warnings"].to_string().contains("not signed"),
                "{provider}: {taken:?}"
            ),
        }
    }
}
