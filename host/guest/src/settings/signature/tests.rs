use super::*;
use crate::source::Source;
use countersign_core::provider::Provider;

fn with(settings: Option<&str>, signature: &str) -> Result<EndpointSettings, (String, String)> {
    let source = Source::Provider(Provider::Cleanmails);
    let with = EndpointSettings::default().with(source, settings, Some(signature));
    with.map_err(|rejection| (rejection.field, rejection.code))
}

#[test]
fn a_signature_is_read_shown_and_kept_beside_the_settings() {
    let text = r#"{"scheme": "generic-hmac", "options": {"header": "X-Sign", "prefix": "v1="}}"#;
    let settings = with(Some(r#"{"concurrency": 3}"#), text).unwrap();
    let signature = settings.signature.clone().unwrap();
    let shown: Value = serde_json::from_str(text).unwrap();
    assert_eq!(signature.to_json(), shown);
    assert_eq!(settings.to_json(), json!({"concurrency": 3}));
    let kept = settings.to_kept_json();
    assert_eq!(kept["signature"], shown);
    let again = EndpointSettings::from_json(&kept.to_string());
    assert_eq!(again.as_ref(), Some(&settings));
    // A change of settings leaves it, and null takes it away.
    let source = Source::Provider(Provider::Cleanmails);
    let changed = settings.with(source, Some("{}"), None).unwrap();
    assert_eq!(changed.signature, Some(signature));
    let changed = settings.with(source, None, Some("null")).unwrap();
    assert_eq!(changed.signature, None);
    assert_eq!(changed.to_kept_json(), json!({"concurrency": 3}));
}

#[test]
fn what_cannot_sign_a_delivery_is_refused_with_its_place() {
    for (text, field, code) in [
        ("7", "signature", "signature_invalid"),
        ("{", "signature", "signature_invalid"),
        ("{}", "signature.scheme", "signature_invalid"),
        (r#"{"scheme": 7}"#, "signature.scheme", "signature_invalid"),
        (
            r#"{"scheme": "githup"}"#,
            "signature.scheme",
            "unknown_scheme",
        ),
        (
            r#"{"scheme": "mailgun"}"#,
            "signature.scheme",
            "signature_invalid",
        ),
        (
            r#"{"scheme": "twilio"}"#,
            "signature.scheme",
            "signature_invalid",
        ),
        (
            r#"{"scheme": "linear"}"#,
            "signature.scheme",
            "signature_invalid",
        ),
        (
            r#"{"scheme": "github", "secret": "s"}"#,
            "signature",
            "signature_invalid",
        ),
        (
            r#"{"scheme": "github", "options": []}"#,
            "signature.options",
            "signature_invalid",
        ),
        (
            r#"{"scheme": "meta", "options": {"escape_unicode": true}}"#,
            "signature.options.escape_unicode",
            "signature_invalid",
        ),
        (
            r#"{"scheme": "github", "options": {"header": "X"}}"#,
            "signature.options.header",
            "unknown_option",
        ),
        (
            r#"{"scheme": "generic-hmac"}"#,
            "signature.options.header",
            "option_missing",
        ),
        (
            r#"{"scheme": "generic-hmac", "options": {"header": "X", "prefix": "a\nb"}}"#,
            "signature.options.prefix",
            "signature_invalid",
        ),
        (
            r#"{"scheme": "generic-hmac", "options": {"header": "Content-Length"}}"#,
            "signature.options",
            "signature_invalid",
        ),
    ] {
        let refused = with(None, text);
        assert_eq!(refused, Err((field.to_owned(), code.to_owned())), "{text}");
    }
    let long =
        json!({"scheme": "generic-hmac", "options": {"header": "x".repeat(OPTION_BYTES_MAX + 1)}});
    let (field, _) = with(None, &long.to_string()).unwrap_err();
    assert_eq!(field, "signature.options.header");
    let many: Map<_, _> = (0..=OPTIONS_MAX)
        .map(|n| (n.to_string(), json!("x")))
        .collect();
    let many = json!({"scheme": "generic-hmac", "options": many}).to_string();
    assert_eq!(with(None, &many).unwrap_err().0, "signature.options");
}

#[test]
fn an_unknown_option_is_answered_with_the_known_ones() {
    let signature = |scheme: &str| SignaturePlan {
        scheme: scheme.to_owned(),
        options: vec![("heather".to_owned(), "X".to_owned())],
    };
    let refused = outgoing(&signature("generic-hmac")).unwrap_err();
    assert!(refused.message.contains("header, algorithm"), "{refused:?}");
    let refused = outgoing(&signature("github")).unwrap_err();
    assert!(refused.message.ends_with("it has none"), "{refused:?}");
}

#[test]
fn headers_of_signature_and_owner_do_not_meet() {
    let own = r#"{"headers": {"x-hub-signature-256": "mine"}}"#;
    let refused = with(Some(own), r#"{"scheme": "github"}"#).unwrap_err();
    assert_eq!(refused.0, "signature");
    assert!(with(Some(own), r#"{"scheme": "stripe"}"#).is_ok());
    // Set later, they meet as well.
    let signed = with(None, r#"{"scheme": "github"}"#).unwrap();
    let source = Source::Provider(Provider::Cleanmails);
    assert!(signed.with(source, Some(own), None).is_err());
}

#[test]
fn events_of_no_provider_can_do_without_the_standard_headers_once_they_are_signed_otherwise() {
    let off = Some(r#"{"standard_headers": false}"#);
    for source in [Source::Standard, Source::Operational] {
        let none = EndpointSettings::default();
        assert!(none.with(source, off, None).is_err());
        let signed = none.with(source, off, Some(r#"{"scheme": "github"}"#));
        assert!(signed.is_ok());
        assert!(signed.unwrap().with(source, None, Some("null")).is_err());
    }
}
