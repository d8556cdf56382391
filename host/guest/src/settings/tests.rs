use super::*;
use countersign_core::provider::Provider;

fn read_settings(text: &str) -> Result<EndpointSettings, String> {
    let source = Source::Provider(Provider::Cleanmails);
    let settings = EndpointSettings::default().with(source, Some(text), None);
    settings.map_err(|rejection| {
        assert_eq!(rejection.code, "settings_invalid");
        rejection.field
    })
}

#[test]
fn settings_are_read_shown_and_kept_in_one_form() {
    let text = r#"{
        "headers": {"X-Team": "growth"}, "timeout_ms": 60000, "schedule": "5s, 2min", "success": "only200",
        "jitter": {"shorten_percent": 0, "lengthen_percent": 20}, "client_errors": "final",
        "auto_pause": {"failing_for": {"limit_ms": 1000}},
        "probing": {"cool_down": {"base_ms": 5, "factor": 2, "cap_ms": 9}},
        "rate_limit": {"per_second": 5, "burst": 10}, "concurrency": 64,
        "ordering": {"pointer": "/data/lead_id"}, "standard_headers": false, "drain_per_second": 7
    }"#;
    let settings = read_settings(text).unwrap();
    let schedule = settings.policy.schedule.as_ref().unwrap();
    assert_eq!(schedule.delays_ms(), [5_000, 120_000]);
    assert_eq!(
        settings.ordering,
        Ordering::Pointer("/data/lead_id".to_owned())
    );
    let shown = settings.to_json();
    assert_eq!(shown["schedule"], json!({"delays_ms": [5_000, 120_000]}));
    assert_eq!(read_settings(&shown.to_string()), Ok(settings.clone()));
    assert_eq!(
        EndpointSettings::from_json(&shown.to_string()),
        Some(settings)
    );
    assert_eq!(EndpointSettings::default().to_json(), json!({}));
    assert_eq!(
        EndpointSettings::from_json("{}"),
        Some(EndpointSettings::default())
    );
}

#[test]
fn a_change_leaves_what_it_does_not_name_and_null_sets_back() {
    let before =
        read_settings(r#"{"concurrency": 3, "timeout_ms": 2000, "ordering": "lead"}"#).unwrap();
    let changed = before.with(
        Source::Provider(Provider::Cleanmails),
        Some(r#"{"concurrency": 5, "ordering": null, "timeout_ms": null}"#),
        None,
    );
    assert_eq!(changed.unwrap().to_json(), json!({"concurrency": 5}));
}

#[test]
fn an_exponential_schedule_becomes_its_waits() {
    let text = r#"{"schedule": {"exponential": {"base_ms": 1000, "factor": 3, "cap_ms": 5000, "retries": 3}}}"#;
    let shown = read_settings(text).unwrap().to_json();
    assert_eq!(shown["schedule"], json!({"delays_ms": [1000, 3000, 5000]}));
}

#[test]
fn what_is_out_of_range_or_unknown_is_named() {
    for (text, field) in [
        ("[]", "settings"),
        ("{", "settings"),
        (r#"{"timeout": 5}"#, "settings.timeout"),
        (r#"{"timeout_ms": 999}"#, "settings.timeout_ms"),
        (r#"{"timeout_ms": 60001}"#, "settings.timeout_ms"),
        (r#"{"timeout_ms": "5s"}"#, "settings.timeout_ms"),
        (r#"{"concurrency": 0}"#, "settings.concurrency"),
        (r#"{"concurrency": 65}"#, "settings.concurrency"),
        (r#"{"schedule": "5 parsecs"}"#, "settings.schedule"),
        (
            r#"{"schedule": {"delays_ms": [99999999999]}}"#,
            "settings.schedule",
        ),
        (
            r#"{"schedule": {"delays_ms": [1], "x": 1}}"#,
            "settings.schedule",
        ),
        (
            r#"{"auto_pause": {"consecutive_attempts": 0}}"#,
            "settings.auto_pause",
        ),
        (
            r#"{"auto_pause": {"failing_for": {"limit_ms": 1, "x": 2}}}"#,
            "settings.auto_pause",
        ),
        (
            r#"{"probing": {"cool_down": {"base_ms": 0, "factor": 1, "cap_ms": 1}}}"#,
            "settings.probing",
        ),
        (
            r#"{"rate_limit": {"per_second": 0}}"#,
            "settings.rate_limit.per_second",
        ),
        (
            r#"{"rate_limit": {"per_second": 1, "burst": 0}}"#,
            "settings.rate_limit.burst",
        ),
        (
            r#"{"rate_limit": {"per_minute": 1}}"#,
            "settings.rate_limit",
        ),
        (r#"{"ordering": "leads"}"#, "settings.ordering"),
        (r#"{"ordering": {"pointer": "data"}}"#, "settings.ordering"),
        (r#"{"drain_per_second": 0}"#, "settings.drain_per_second"),
        (
            r#"{"jitter": {"shorten_percent": 0, "lengthen_percent": 101}}"#,
            "settings.jitter",
        ),
    ] {
        assert_eq!(read_settings(text), Err(field.to_owned()), "{text}");
    }
}

#[test]
fn headers_of_http_and_of_countersign_and_broken_ones_are_refused() {
    for headers in [
        json!({"Host": "a"}),
        json!({"content-length": "1"}),
        json!({"Transfer-Encoding": "chunked"}),
        json!({"Webhook-Id": "a"}),
        json!({"webhook-anything": "a"}),
        json!({"X-Webhook-Signature": "a"}),
        json!({"x-request-id": "a"}),
        json!({"": "a"}),
        json!({"a b": "a"}),
        json!({"a:": "a"}),
        json!({"a": "b\r\nc: d"}),
        json!({"a": " b"}),
        json!({"a": "\u{e9}"}),
        json!({"a": 1}),
        json!({"a": "1", "A": "2"}),
        json!({"a": "x".repeat(HEADER_BYTES_MAX)}),
        (0..=HEADERS_MAX)
            .map(|place| (format!("a{place}"), json!("")))
            .collect::<Map<_, _>>()
            .into(),
    ] {
        let text = json!({ "headers": headers }).to_string();
        assert_eq!(
            read_settings(&text),
            Err("settings.headers".to_owned()),
            "{text}"
        );
    }
    let most: Map<_, _> = (0..HEADERS_MAX)
        .map(|place| (format!("X-{place}"), json!("a b")))
        .collect();
    assert!(read_settings(&json!({ "headers": most }).to_string()).is_ok());
}
