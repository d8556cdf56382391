//! Whose events one of SmartLead's webhooks gets, and that nothing widens it by mistake.

use super::{
    smartlead::{BASE, create},
    *,
};

fn shown(answer: &Answer) -> Value {
    let names = ["association_type", "email_campaign_id", "client_id"];
    json!(names.map(|name| answer.json[name].clone()))
}

// Holds: S19, S20
#[test]
fn an_id_of_another_type_is_refused_and_never_makes_a_webhook_of_the_user_s_level() {
    let (_home, host) = all_four("");
    let made = create(&host, &json!({"email_campaign_id": 123}));
    let update = format!("{BASE}/update/{}", made.json["id"]);
    let mut refused = Vec::new();
    for wrong in [
        "[123]",
        "[5]",
        "true",
        "false",
        "\"\"",
        "{\"id\":1}",
        "\"acme\"",
        "5.5",
        "-1",
        "99999999999999999999",
    ] {
        for name in ["email_campaign_id", "client_id"] {
            let wrong: Value = serde_json::from_str(wrong).unwrap();
            let given = json!({name: wrong});
            refused.push((name, create(&host, &given)));
            refused.push((name, ask(&host, "PUT", &update, Some(&given))));
        }
    }
    for (name, answer) in refused {
        assert_eq!(
            (answer.status, &answer.json["code"], &answer.json["field"]),
            (400, &json!("wrong_type"), &json!(name)),
            "S19: {answer:?}"
        );
    }
    // What is nested too deeply to be read is no less wrong.
    let deep = format!(
        r#"{{"email_campaign_id": {}{}}}"#,
        "[".repeat(1_000),
        "]".repeat(1_000)
    );
    let answer = host.post_bytes(
        &update,
        &[("content-type", "application/json")],
        deep.as_bytes(),
    );
    assert_eq!(answer.unwrap().status, 400);
    let listed = ask(&host, "GET", BASE, None);
    assert_eq!(listed.json["webhooks"].as_array().unwrap().len(), 1);
    let now = ask(&host, "GET", &format!("{BASE}/{}", made.json["id"]), None);
    assert_eq!(shown(&now), json!([3, 123, null]), "S20: {now:?}");
}

// Holds: S8, S19
#[test]
fn a_number_is_one_however_it_is_written() {
    let (_home, host) = all_four("");
    let json_type = ("content-type", "application/json");
    for written in ["123", "123.0", "1.23e2", "\"123\"", "\"0123\"", "\"123.0\""] {
        let body = format!(
            r#"{{"webhook_url": "{NOWHERE}", "event_type_map": {{"EMAIL_SENT": true}}, "email_campaign_id": {written}}}"#
        );
        let made = host.post_bytes(&format!("{BASE}/create"), &[json_type], body.as_bytes());
        let made = made.unwrap();
        assert_eq!(
            shown(&made),
            json!([3, 123, null]),
            "S19: {written}: {made:?}"
        );
        let client = body.replace("email_campaign_id", "client_id");
        let made = host.post_bytes(&format!("{BASE}/create"), &[json_type], client.as_bytes());
        assert_eq!(
            shown(&made.unwrap()),
            json!([2, null, 123]),
            "S20: {written}"
        );
    }
    for (campaign, client, deliveries) in [
        ("123", "9", 6),
        ("123.0", "9", 6),
        ("\"123\"", "9", 6),
        ("9", "\"0123\"", 6),
        ("9", "123.0", 6),
        ("124", "\"cmp_123\"", 0),
    ] {
        let body = format!(
            r#"{{"provider": "smartlead", "client_id": {client},
                "payload": {{"event": "EMAIL_SENT", "campaign_id": {campaign}, "lead_id": 1}}}}"#
        );
        let sent = host.post_bytes("/v1/events", &[json_type], body.as_bytes());
        let sent = sent.unwrap();
        let got = sent.json["deliveries"].as_array().map(Vec::len);
        assert_eq!(got, Some(deliveries), "S8: {body}: {sent:?}");
    }
}

// Holds: S20, R-S9
#[test]
fn a_client_alone_is_meant_and_what_has_no_effect_is_told() {
    let (_home, host) = all_four("");
    for (given, echoed, left_out) in [
        (json!({"client_id": 7}), json!([2, null, 7]), None),
        (
            json!({"email_campaign_id": 5, "client_id": 7}),
            json!([3, 5, null]),
            Some("client_id"),
        ),
        (
            json!({"association_type": 1, "email_campaign_id": 5}),
            json!([1, null, null]),
            Some("email_campaign_id"),
        ),
        (
            json!({"association_type": 2, "email_campaign_id": 5, "client_id": 7}),
            json!([2, null, 7]),
            Some("email_campaign_id"),
        ),
        (
            json!({"association_type": 3, "email_campaign_id": 5, "client_id": null, "secret": "s"}),
            json!([3, 5, null]),
            None,
        ),
    ] {
        let made = create(&host, &given);
        assert_eq!(shown(&made), echoed, "R-S9: {given}");
        let warnings = made.json["warnings"].to_string();
        let told = ["email_campaign_id", "client_id"]
            .into_iter()
            .find(|name| warnings.contains(&format!("`{name}` was left out")));
        assert_eq!(told, left_out, "{given}: {warnings}");
    }
}

// Holds: S21
#[test]
fn a_switch_that_is_none_is_named_with_what_it_must_be() {
    let (_home, host) = all_four("");
    for wrong in [json!("true"), json!(1), json!(null)] {
        let refused = create(&host, &json!({"event_type_map": {"EMAIL_SENT": wrong}}));
        assert_eq!(
            (
                refused.status,
                &refused.json["code"],
                &refused.json["field"]
            ),
            (400, &json!("wrong_type"), &json!("event_type_map")),
            "S21: {refused:?}"
        );
        let message = refused.json["message"].as_str().unwrap();
        assert!(
            message.contains("`EMAIL_SENT`") && message.contains("true or false"),
            "S21: {message}"
        );
        assert!(!message.contains("list"), "{message}");
    }
}
