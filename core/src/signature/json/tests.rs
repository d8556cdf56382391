use super::*;
use alloc::{format, vec::Vec};
use serde_json::Value as Tree;

fn found(text: &str, name: &str) -> Result<Option<Tree>, NotJson> {
    field(text.as_bytes(), name).map(|value| {
        value.map(|value| match value {
            Value::Text(text) => Tree::String(text.into_owned()),
            Value::Number(number) => serde_json::from_str(number).unwrap(),
            Value::Object(object) => serde_json::from_str(object).unwrap(),
            Value::Null => Tree::Null,
            Value::Other => Tree::Bool(true),
        })
    })
}

/// What `serde_json` makes of the same text, with lists and booleans taken together.
fn expected(text: &str, name: &str) -> Result<Option<Tree>, NotJson> {
    let tree: Tree = serde_json::from_str(text).map_err(|_| NotJson)?;
    Ok(tree.get(name).map(|value| match value {
        Tree::Array(_) | Tree::Bool(_) => Tree::Bool(true),
        other => other.clone(),
    }))
}

#[test]
fn what_it_reads_is_what_serde_json_reads() {
    let texts = [
        "",
        " ",
        "{",
        "}",
        "{}",
        "[]",
        "null",
        "1",
        "\"a\"",
        "tru",
        "{]",
        "[}",
        "[1,]",
        "{,}",
        "[1 2]",
        r#"{"a":1}"#,
        r#"{"a":1,}"#,
        r#"{"a" 1}"#,
        r#"{"a":}"#,
        r#"{a:1}"#,
        r#"{"a":01}"#,
        r#"{"a":-0.5e+3}"#,
        r#"{"a":1.}"#,
        r#"{"a":.5}"#,
        r#"{"a":-}"#,
        r#"{"a":1e}"#,
        r#"{"a":+1}"#,
        r#"{"a":"x\ny\"z\/"}"#,
        r#"{"a":"\u00e4\ud83d\ude00"}"#,
        r#"{"\u0061":2}"#,
        r#"{"a":"\x"}"#,
        r#"{"a":"\u12g4"}"#,
        r#"{"a":"\u12"}"#,
        "{\"a\":\"\u{1}\"}",
        "{\"a\":\"\t\"}",
        r#"{"a":[{"b":[]},{"a":3}],"c":{"a":4}}"#,
        r#"{"c":{"a":4},"a":{"b":{"a":[]}}}"#,
        r#"{"a":1,"a":"last"}"#,
        r#"{"a":null}"#,
        r#"{"a":true}"#,
        r#"{"a":[]} x"#,
        r#" { "a" : [ 1 , { } , [ ] ] , "b" : 2 } "#,
        r#"{"a":{"b":1}"#,
        r#"[{"a":1}]"#,
        r#"{"b":[[[{"a":[{}]}]]],"a":"é"}"#,
        r#"{"a":[}]}"#,
        r#"{"a":{]}"#,
        r#"{"a":{"b"}}"#,
    ];
    for text in texts {
        assert_eq!(found(text, "a"), expected(text, "a"), "{text}");
        assert_eq!(found(text, ""), expected(text, ""), "{text}");
    }
}

#[test]
fn every_text_that_is_cut_or_changed_by_a_byte_is_judged_as_serde_json_does() {
    let whole = r#"{"x":[1,-2.5e3,{"y":"\u00e4\\"}],"a":{"timestamp":"17","n":null},"z":true}"#;
    let alphabet = b"{}[],:\"\\ eu0-.tn";
    let mut judged = 0;
    for at in 0..whole.len() {
        let cut = &whole[..at];
        assert_eq!(found(cut, "a"), expected(cut, "a"), "{cut}");
        for byte in alphabet {
            let mut changed = Vec::from(whole);
            changed[at] = *byte;
            let changed = core::str::from_utf8(&changed).unwrap();
            assert_eq!(found(changed, "a"), expected(changed, "a"), "{changed}");
            judged += 1;
        }
    }
    assert!(judged > 1_000);
}

#[test]
fn nesting_ends_where_serde_json_ends_it() {
    for depth in [1, 64, 126, 127, 128, 200] {
        for (open, close) in [("[", "]"), ("{\"k\":", "}")] {
            let value = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            for text in [
                value.clone(),
                format!("{{\"a\":{value}}}"),
                format!("{{\"b\":{value}}}"),
            ] {
                assert_eq!(
                    found(&text, "a").is_ok(),
                    expected(&text, "a").is_ok(),
                    "{depth} of {open}"
                );
            }
        }
    }
}

#[test]
fn a_byte_order_mark_is_ignored_and_other_bytes_are_refused() {
    assert_eq!(
        field(b"\xef\xbb\xbf{\"a\":1}", "a"),
        Ok(Some(Value::Number("1")))
    );
    assert_eq!(field(b"{\"a\":\"\xff\"}", "a"), Err(NotJson));
    assert_eq!(
        field(br#"{"a":"\ud800x"}"#, "a"),
        Ok(Some(Value::Text(Cow::Borrowed("\u{fffd}x"))))
    );
}
