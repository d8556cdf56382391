use super::*;
use alloc::{borrow::ToOwned, format, string::ToString};
use serde_json::{Value, json};

fn filter(source: Value) -> Filter {
    Filter::parse(&source.to_string()).unwrap_or_else(|error| panic!("{source}: {error}"))
}

fn body() -> Value {
    json!({
        "type": "order.paid", "timestamp": "2026-01-02T03:04:05Z",
        "data": {
            "total": 250, "ratio": 0.5, "big": 9_007_199_254_740_993_u64, "country": "SE", "none": null, "test": false,
            "tags": ["vip", 7, null, {"a": 1}], "a/b": {"c~d": 1}, "": "empty name", "items": [{"sku": "X-1"}],
        },
    })
}

#[test]
fn each_condition_holds_where_it_should_and_nowhere_else() {
    let at = |name: &str| ["/data/", name].concat();
    for (place, holding, failing) in [
        (
            at("total"),
            [
                json!(250),
                json!(250.0),
                json!({"gte": 250, "lte": 250}),
                json!({"gt": 249.99, "lt": 1e300}),
                json!({"in": ["SE", 250]}),
                json!({"exists": true}),
            ],
            [
                json!("250"),
                json!({"gt": 250}),
                json!({"gte": 1, "lt": 250}),
                json!({"lt": "x"}),
                json!({"in": [249, "250"]}),
                json!({"prefix": "2"}),
            ],
        ),
        (
            at("country"),
            [
                json!("SE"),
                json!({"prefix": "S", "suffix": "E"}),
                json!({"contains": "SE"}),
                json!({"in": ["DE", "SE"]}),
                json!({"gt": "S", "lt": "T"}),
                json!({"lte": "SE"}),
            ],
            [
                json!("se"),
                json!({"prefix": "SE "}),
                json!({"contains": "s"}),
                json!({"gt": "SE"}),
                json!({"gt": 0}),
                json!({"exists": false}),
            ],
        ),
        (
            at("none"),
            [
                json!(null),
                json!({"eq": null}),
                json!({"in": [null]}),
                json!({"exists": true}),
                json!({"exists": true, "eq": null}),
                json!({"in": [1, null]}),
            ],
            [
                json!(false),
                json!(0),
                json!(""),
                json!({"exists": false}),
                json!({"gte": 0}),
                json!({"contains": null}),
            ],
        ),
        (
            at("tags"),
            [
                json!({"contains": "vip"}),
                json!({"contains": 7.0}),
                json!({"contains": null}),
                json!({"exists": true}),
                json!({"exists": true, "contains": 7}),
                json!({"contains": "vip", "exists": true}),
            ],
            [
                json!({"contains": "vi"}),
                json!({"contains": 1}),
                json!("vip"),
                json!({"prefix": "vip"}),
                json!({"in": ["vip"]}),
                json!({"gte": 0}),
            ],
        ),
        (
            at("absent"),
            [
                json!({"exists": false}),
                json!({"exists": false}),
                json!({"exists": false}),
                json!({"exists": false}),
                json!({"exists": false}),
                json!({"exists": false}),
            ],
            [
                json!(null),
                json!({"exists": true}),
                json!({"in": [null]}),
                json!({"lt": 5}),
                json!({"suffix": "a"}),
                json!({"contains": false}),
            ],
        ),
    ] {
        for condition in holding {
            let source = json!({ &*place: condition });
            assert!(
                filter(source.clone()).holds("order.paid", &body()),
                "{source}"
            );
        }
        for condition in failing {
            let source = json!({ &*place: condition });
            assert!(
                !filter(source.clone()).holds("order.paid", &body()),
                "{source}"
            );
        }
    }
}

#[test]
fn pointers_reach_lists_and_strange_names_and_integers_keep_every_digit() {
    for source in [
        json!({"/data/a~1b/c~0d": 1}),
        json!({"/data/": "empty name"}),
        json!({"/data/items/0/sku": {"prefix": "X-"}}),
        json!({"/data/tags/3/a": 1}),
        json!({"/data/items/00": {"exists": false}}),
        json!({"/data/items/1": {"exists": false}}),
        json!({"/data/items/99999999999999999999999": {"exists": false}}),
        json!({"/data/items/-": {"exists": false}}),
        json!({"/data/country/0": {"exists": false}}),
        json!({"/data/big": 9_007_199_254_740_993_u64}),
        json!({"/data/big": {"gt": 9_007_199_254_740_992_u64}}),
        json!({"/data/test": false}),
        json!({"/data": {"exists": true}}),
    ] {
        assert!(filter(source.clone()).holds("x", &body()), "{source}");
    }
}

#[test]
fn the_type_is_the_event_s_and_not_a_field_of_the_body() {
    let other = json!({"type": "something else"});
    assert!(filter(json!({"type": "order.paid"})).holds("order.paid", &other));
    assert!(filter(json!({"/type": "something else"})).holds("order.paid", &other));
    let several = filter(json!({"type": {"prefix": "order.", "suffix": "paid"}}));
    assert!(several.holds("order.paid", &Value::Null));
    assert!(!several.holds("order.created", &Value::Null));
}

#[test]
fn filters_are_joined() {
    let small = json!({"/data/total": {"lt": 100}});
    let swedish = json!({"/data/country": "SE"});
    let joined = |name: &str| filter(json!({name: [small, swedish]})).holds("x", &body());
    assert!(!joined("and"));
    assert!(joined("or"));
    assert!(filter(json!({ "not": small })).holds("x", &body()));
    assert!(!filter(json!({"not": {"not": small}})).holds("x", &body()));
    // What is not there is not equal to anything.
    assert!(filter(json!({"not": {"/data/absent": 5}})).holds("x", &body()));
    let all = json!({"and": [swedish], "or": [swedish, small], "not": small, "/data/total": 250, "type": "x"});
    assert!(filter(all).holds("x", &body()));
}

#[test]
fn what_does_not_hold_is_named_with_the_kind_of_its_value() {
    let source = json!({
        "type": "order.created",
        "and": [{"/data/total": {"gte": 100, "lt": 200}}, {"/data/none": 5}],
        "or": [{"/data/absent": 1}, {"/data/tags": "vip", "/data/test": true}],
        "not": {"/data/country": "SE"},
        "/data/items/0": {"exists": false},
    });
    let filter = filter(source);
    let misses = filter.explain("order.paid", &body(), 100);
    let told: Vec<_> = misses
        .iter()
        .map(|miss| format!("{} {}", miss.condition, miss.found.word()))
        .collect();
    let expected = [
        r#"["/data/items/0"].exists object"#,
        r#"and[0]["/data/total"].lt number"#,
        r#"and[1]["/data/none"].eq null"#,
        "not held",
        r#"or[0]["/data/absent"].eq absent"#,
        r#"or[1]["/data/tags"].eq list"#,
        r#"or[1]["/data/test"].eq boolean"#,
        "type.eq text",
    ];
    assert_eq!(told, expected);
    assert_eq!(filter.explain("order.paid", &body(), 3), misses[..3]);
    assert_eq!(filter.explain("order.paid", &body(), 0), misses[..1]);
}

#[test]
fn a_mistake_is_told_with_its_place() {
    for (text, path, problem) in [
        ("{", "", "is not JSON (line 1, column 1)"),
        ("7", "", "must be an object of conditions"),
        ("{}", "", "has no condition"),
        (r#"{"data": 1}"#, "data", "is unknown"),
        (r#"{"Data.x": 1}"#, r#"["Data.x"]"#, "is unknown"),
        (r#"{"": 1}"#, r#"[""]"#, "is unknown"),
        (r#"{"/a~2": 1}"#, r#"["/a~2"]"#, "must be a JSON pointer"),
        (r#"{"/a~": 1}"#, r#"["/a~"]"#, "must be a JSON pointer"),
        (r#"{"and": {}}"#, "and", "must be a list of filters"),
        (r#"{"or": []}"#, "or", "has no condition"),
        (r#"{"or": [{"/a": 1}, 5]}"#, "or[1]", "must be an object"),
        (r#"{"not": {}}"#, "not", "has no condition"),
        (r#"{"/a": [1, 2]}"#, r#"["/a"]"#, r#"{"in": ["a", "b"]}"#),
        (r#"{"/a": {}}"#, r#"["/a"]"#, "has no condition"),
        (
            r#"{"/a": {"equals": 1}}"#,
            r#"["/a"].equals"#,
            "known are: eq",
        ),
        (r#"{"/a": {"eq": {}}}"#, r#"["/a"].eq"#, "must be a text"),
        (r#"{"/a": {"in": 1}}"#, r#"["/a"].in"#, "must be a list of"),
        (r#"{"/a": {"in": []}}"#, r#"["/a"].in"#, "must be a list of"),
        (
            r#"{"/a": {"in": [1, []]}}"#,
            r#"["/a"].in[1]"#,
            "must be a text",
        ),
        (
            r#"{"/a": {"gt": null}}"#,
            r#"["/a"].gt"#,
            "must be a number or a text",
        ),
        (r#"{"/a": {"prefix": ""}}"#, r#"["/a"].prefix"#, "not empty"),
        (r#"{"/a": {"suffix": 1}}"#, r#"["/a"].suffix"#, "not empty"),
        (
            r#"{"/a": {"contains": ""}}"#,
            r#"["/a"].contains"#,
            "not empty",
        ),
        (
            r#"{"/a": {"contains": []}}"#,
            r#"["/a"].contains"#,
            "must be a text",
        ),
        (
            r#"{"/a": {"exists": "yes"}}"#,
            r#"["/a"].exists"#,
            "must be true or false",
        ),
        (
            r#"{"/a": 1, "/b": 2, "/a": 1}"#,
            r#"["/a"]"#,
            "occurs more than once",
        ),
        (
            r#"{"/a": {"gt": 1, "gt": 2}}"#,
            r#"["/a"].gt"#,
            "occurs more than once",
        ),
        (
            r#"{"and": [{"not": {"/x": {"lt": false}}}]}"#,
            r#"and[0].not["/x"].lt"#,
            "number or a text",
        ),
    ] {
        let error = Filter::parse(text).unwrap_err();
        assert_eq!(error.path, path, "{text}");
        assert!(error.to_string().contains(problem), "{text}: {error}");
    }
}

#[test]
fn limits_hold() {
    let long = json!({"/a": "x".repeat(TEXT_BYTES_MAX + 1)}).to_string();
    let pointer = json!({"/".to_owned() + &"x".repeat(POINTER_BYTES_MAX): 1}).to_string();
    let values: Vec<_> = (0..=VALUES_MAX).collect();
    let conditions: Vec<_> = (0..=CONDITIONS_MAX).map(|n| json!({"/a": n})).collect();
    let deep = (0..=DEPTH_MAX).fold(json!({"/a": 1}), |inner, _| json!({ "not": inner }));
    for (text, problem) in [
        (" ".repeat(FILTER_BYTES_MAX + 1), FilterProblem::TooLong),
        (long, FilterProblem::TextTooLong),
        (pointer, FilterProblem::PointerInvalid),
        (
            json!({"/a": {"in": values}}).to_string(),
            FilterProblem::TooManyValues,
        ),
        (
            json!({ "or": conditions }).to_string(),
            FilterProblem::TooManyConditions,
        ),
        (deep.to_string(), FilterProblem::TooDeep),
    ] {
        assert_eq!(Filter::parse(&text).unwrap_err().problem, problem);
    }
    assert!(Filter::parse(&json!({"or": conditions[1..]}).to_string()).is_ok());
    assert!(Filter::parse(&deep["not"].to_string()).is_ok());
    let nested = "[".repeat(FILTER_BYTES_MAX);
    let error = Filter::parse(&nested).unwrap_err();
    assert!(matches!(error.problem, FilterProblem::NotJson { .. }));
}

#[test]
fn contains_looks_no_further_than_it_says() {
    let has = filter(json!({"/a": {"contains": "needle"}}));
    let long =
        |before: usize| json!({"a": (["\u{e9}".repeat(before / 2), "needle".to_owned()].concat())});
    assert!(has.holds("x", &long(SEARCHED_BYTES_MAX - 6)));
    assert!(!has.holds("x", &long(SEARCHED_BYTES_MAX)));
    let list = |before: usize| {
        let mut items = alloc::vec![Value::Null; before];
        items.push("needle".into());
        json!({ "a": items })
    };
    assert!(has.holds("x", &list(SEARCHED_ITEMS_MAX - 1)));
    assert!(!has.holds("x", &list(SEARCHED_ITEMS_MAX)));
}

#[test]
fn a_filter_is_shown_as_it_was_written_and_reads_back() {
    for source in [
        json!({"/data/total": {"gte": 100, "lt": 1000.5}}),
        json!({"type": "a", "and": [{"/a": null}, {"/b": {"in": [1, "x", true, null]}}]}),
        json!({"not": {"or": [{"/a~1b": {"exists": false}}, {"/c": {"contains": "x"}}]}}),
        json!({"/a": {"prefix": "x", "suffix": "y", "gt": "b", "lte": -5}}),
    ] {
        let filter = filter(source.clone());
        assert_eq!(filter.to_json(), source);
        let kept = serde_json::to_string(&filter).unwrap();
        assert_eq!(serde_json::from_str::<Filter>(&kept).unwrap(), filter);
    }
    assert_eq!(
        filter(json!({"/a": {"eq": 1.0}})).to_json(),
        json!({"/a": 1})
    );
    assert!(serde_json::from_str::<Filter>(r#"{"/a": {"eq": []}}"#).is_err());
}
