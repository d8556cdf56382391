use super::*;
use serde_json::json;

#[test]
fn every_operation_and_schema_is_on_the_page_and_every_link_leads_to_one() {
    let document = crate::api::openapi();
    let page = page(&document);
    for methods in document["paths"].as_object().unwrap().values() {
        for operation in methods.as_object().unwrap().values() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(page.contains(&format!("<article id=\"{id}\">")), "{id}");
        }
    }
    let mut links = 0;
    for part in page.split("href=\"#").skip(1) {
        let id = part.split('"').next().unwrap();
        assert!(page.contains(&format!("id=\"{id}\"")), "{id}");
        links += 1;
    }
    assert!(links > 100, "{links}");
    for (opened, closed) in [
        ("<article", "</article>"),
        ("<table", "</table>"),
        ("<code>", "</code>"),
    ] {
        assert_eq!(
            page.matches(opened).count(),
            page.matches(closed).count(),
            "{opened}"
        );
    }
    // It loads nothing and runs nothing.
    for outside in ["<script", "src=", "url(", "@import", "http-equiv"] {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn texts_are_shown_and_not_obeyed() {
    assert_eq!(
        prose("a <b> **c** `<d>&`"),
        "<p>a &lt;b&gt; <strong>c</strong> <code>&lt;d&gt;&amp;</code></p>"
    );
    assert_eq!(prose(""), "");
}

#[test]
fn an_example_has_what_must_be_given() {
    let schema = json!({
        "type": "object",
        "required": ["role", "count", "inner"],
        "properties": {
            "role": {"oneOf": [{"const": "admin", "type": "string"}, {"const": "read"}]},
            "count": {"type": "integer", "minimum": 5},
            "inner": {"$ref": "#/components/schemas/Inner"},
            "more": {"type": "string"},
        },
    });
    let document = json!({"components": {"schemas": {"Inner": {
        "type": "object", "required": ["at"], "properties": {"at": {"type": ["string", "null"], "format": "date-time"}},
    }}}});
    let value: Value = serde_json::from_str(&example(&document, &schema)).unwrap();
    assert_eq!(
        value,
        json!({"role": "admin", "count": 5, "inner": {"at": "2026-01-02T03:04:05Z"}})
    );
}
