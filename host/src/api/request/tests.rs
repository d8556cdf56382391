//! Hostile requests.

use super::*;

fn code<T>(result: Result<T, Problem>) -> String {
    match result {
        Ok(_) => "ok".to_owned(),
        Err(problem) => problem.code().to_owned(),
    }
}

#[test]
fn what_is_no_object_is_refused() {
    for bytes in [
        &b""[..],
        b"{",
        b"[]",
        b"1",
        b"null",
        b"\"a\"",
        b"{} {}",
        b"\xff",
        b"{\"a\":}",
    ] {
        assert_eq!(code(Fields::parse(bytes)), "json_invalid", "{bytes:?}");
    }
    let deep = "[".repeat(100_000);
    assert_eq!(code(Fields::parse(deep.as_bytes())), "json_invalid");
    assert_eq!(
        code(Fields::parse(format!("{{\"a\":{deep}").as_bytes())),
        "json_invalid"
    );
    assert_eq!(code(Fields::parse(br#"{"a":1,"a":2}"#)), "repeated_field");
}

#[test]
fn mistakes_are_told_by_field() {
    let mut fields = Fields::parse(br#"{"a":1,"b":"x","c":null,"dd":true}"#).unwrap();
    assert_eq!(
        code(fields.required::<String>("a", "a string")),
        "wrong_type"
    );
    assert_eq!(fields.required::<String>("b", "a string").unwrap(), "x");
    assert_eq!(
        code(fields.required::<String>("c", "a string")),
        "missing_field"
    );
    assert_eq!(fields.optional::<bool>("e", "true or false").unwrap(), None);
    let problem = fields.finish(&["d"]).unwrap_err();
    assert_eq!(problem.code(), "unknown_field");
    assert!(format!("{problem:?}").contains("did you mean `d`"));
}

#[tokio::test]
async fn bodies_are_bounded() {
    assert_eq!(
        read_body(Body::from("12345"), 5, "").await.unwrap(),
        "12345"
    );
    let problem = read_body(Body::from("123456"), 5, "").await;
    assert_eq!(code(problem), "body_too_large");
}

#[test]
fn only_json_is_taken() {
    let check = |value: Option<&str>| {
        let mut headers = HeaderMap::new();
        if let Some(value) = value {
            headers.insert(header::CONTENT_TYPE, value.parse().unwrap());
        }
        code(check_content_type(&headers))
    };
    assert_eq!(check(Some("application/json")), "ok");
    assert_eq!(check(Some("Application/JSON; charset=utf-8")), "ok");
    for wrong in [
        None,
        Some("text/plain"),
        Some("application/jsonp"),
        Some(""),
    ] {
        assert_eq!(check(wrong), "content_type_invalid");
    }
}
