//! The platform.

use super::*;

const BASE: &str = "/api/webhooks/manage";

fn create(host: &Host, events: &str) -> Answer {
    ask(
        host,
        "POST",
        BASE,
        Some(&json!({"url": NOWHERE, "events": events})),
    )
}

// Holds: P3, P5, R-P1, R-P3
#[test]
fn events_are_echoed_as_short_names_in_the_order_given() {
    let (_home, host) = all_four("");
    for (given, echoed) in [
        (
            "open,click,bounce,unsubscribe",
            "open,click,bounce,unsubscribe",
        ),
        ("unsubscribe, open", "unsubscribe,open"),
        ("email.bounce,email.opened , click", "bounce,open,click"),
        ("click,email.click,clicked,", "click"),
    ] {
        let made = create(&host, given);
        assert_eq!(
            (made.status, &made.json["events"]),
            (201, &json!(echoed)),
            "R-P1: {made:?}"
        );
        assert!(
            made.json["warnings"].to_string().contains("not signed"),
            "R-P3: {made:?}"
        );
    }
    for wrong in ["", ",", "opens", "email.delivered", "open,*"] {
        let refused = create(&host, wrong);
        assert_eq!(
            (refused.status, &refused.json["field"]),
            (400, &json!("events")),
            "R-P1 {wrong}: {refused:?}"
        );
    }
    for wrong in [json!([]), json!({}), json!(null), json!(7)] {
        let refused = ask(
            &host,
            "POST",
            BASE,
            Some(&json!({"url": NOWHERE, "events": wrong})),
        );
        assert_eq!(
            (refused.status, &refused.json["field"]),
            (400, &json!("events")),
            "P3: {refused:?}"
        );
    }
}

// Holds: P1, P6, R-P5, R-X8
#[test]
fn a_webhook_is_changed_and_deleted_by_path_and_by_body() {
    let (_home, host) = all_four("");
    let id = create(&host, "open").json["id"].clone();
    let item = format!("{BASE}/{id}");
    let mut active = true;
    for (method, path, named) in [
        ("PUT", item.as_str(), false),
        ("PATCH", item.as_str(), false),
        ("PATCH", BASE, true),
        ("PUT", BASE, true),
    ] {
        active = !active;
        let mut change = json!({"events": "bounce,open", "active": active});
        if named {
            change["id"] = id.clone();
        }
        let changed = ask(&host, method, path, Some(&change));
        assert_eq!(changed.status, 200, "R-P5 {method} {path}: {changed:?}");
        assert_eq!(
            (&changed.json["events"], &changed.json["active"]),
            (&json!("bounce,open"), &json!(active)),
            "P6"
        );
    }
    assert_eq!(ask(&host, "GET", &item, None).json["id"], id);
    let nobody = ask(&host, "PATCH", BASE, Some(&json!({"active": true})));
    assert_eq!(
        (nobody.status, &nobody.json["field"]),
        (400, &json!("id")),
        "R-P5"
    );
    let deleted = ask(&host, "DELETE", BASE, Some(&json!({"id": id.to_string()})));
    assert_eq!(
        (deleted.status, &deleted.json["success"]),
        (200, &json!(true)),
        "R-P5: {deleted:?}"
    );
    assert_eq!(ask(&host, "DELETE", &item, None).status, 404);
    let again = create(&host, "open").json["id"].clone();
    assert!(again.as_u64() > id.as_u64(), "numbers are not given twice");
    assert_eq!(
        ask(&host, "DELETE", &format!("{BASE}/{again}"), None).status,
        200,
        "R-P5"
    );
    assert_eq!(
        ask(&host, "GET", BASE, None).json,
        json!({"webhooks": []}),
        "P1"
    );
}
