use super::*;
use countersign_api::{
    AcknowledgeMany, CreateEndpoint, CreateKey, CreateReplay, CreateWorkspace, DeadLetterFilter,
    DeliveryQuery,
};
use serde_json::json;

#[track_caller]
fn refused<T: Taken>(value: &Value, from: Part) -> (String, String, String) {
    let problem = T::checker().check(value, from).unwrap_err();
    let shown = serde_json::to_value(problem.shown()).unwrap();
    let text = |name: &str| shown[name].as_str().unwrap_or_default().to_owned();
    (text("code"), text("field"), text("detail"))
}

#[test]
fn what_is_wrong_is_told_by_its_name_with_what_it_must_be() {
    for (value, code, field, says) in [
        (
            json!({"url": "u"}),
            "missing_field",
            "provider",
            "a string. Whose events",
        ),
        (
            json!({"provider": 7, "url": "u"}),
            "wrong_type",
            "provider",
            "`provider` must be a string",
        ),
        (
            json!({"providr": "a", "url": "u"}),
            "unknown_field",
            "providr",
            "did you mean `provider`",
        ),
        (
            json!({"provider": "a", "url": "u", "status": "off"}),
            "status_invalid",
            "status",
            "one of active, paused, disabled",
        ),
        (
            json!({"provider": "a", "url": "u", "status": 7}),
            "wrong_type",
            "status",
            "one of active",
        ),
        (json!([]), "json_invalid", "body", "JSON object"),
    ] {
        let (found, at, detail) = refused::<CreateEndpoint>(&value, Part::Body);
        assert_eq!((&*found, &*at), (code, field), "{value}: {detail}");
        assert!(detail.contains(says), "{value}: {detail}");
    }
    // What is read elsewhere may be anything here, also nothing.
    for value in [
        json!({"provider": "a", "url": "u", "events": 7, "settings": [], "filter": "x"}),
        json!({"provider": "a", "url": "u", "name": null, "settings": null, "status": null}),
    ] {
        assert_eq!(
            CreateEndpoint::checker().check(&value, Part::Body),
            Ok(()),
            "{value}"
        );
    }
}

#[test]
fn ranges_and_words_are_told_whole() {
    let (code, field, detail) = refused::<CreateReplay>(&json!({"per_second": 0}), Part::Body);
    assert_eq!((&*code, &*field), ("out_of_range", "per_second"));
    assert!(detail.contains("a number from 1 to 1000"), "{detail}");
    let (code, _, detail) = refused::<CreateReplay>(&json!({"of": "dead"}), Part::Body);
    assert_eq!(code, "of_invalid");
    assert!(detail.contains("dead_lettered, delivered"), "{detail}");
    let (code, ..) = refused::<CreateKey>(&json!({"role": "root"}), Part::Body);
    assert_eq!(code, "role_invalid");
    let (code, ..) = refused::<CreateWorkspace>(&json!({"id": "No"}), Part::Body);
    assert_eq!(code, "id_invalid");
    let (code, field, _) = refused::<AcknowledgeMany>(&json!({"ids": ["dlv_1", 7]}), Part::Body);
    assert_eq!((&*code, &*field), ("wrong_type", "ids.1"));
    let (code, field, detail) = refused::<DeliveryQuery>(&json!({"limit": 501}), Part::Query);
    assert_eq!((&*code, &*field), ("query_invalid", "limit"));
    assert_eq!(detail, "`limit` must be a number from 1 to 500");
    let (code, field, detail) =
        refused::<DeadLetterFilter>(&json!({"acknowledged": "perhaps"}), Part::Filter);
    assert_eq!((&*code, &*field), ("filter_invalid", "acknowledged"));
    assert!(detail.contains("true or false, or any"), "{detail}");
}
