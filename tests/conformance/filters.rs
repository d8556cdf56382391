//! Filters: what they say of any event is what a plain reading of their JSON says.
#![allow(clippy::unwrap_used)]

use countersign_core::filter::Filter;
use proptest::prelude::*;
use serde_json::{Value, json};

/// Few names and values, so that conditions often meet what they are about.
fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3_i64..3).prop_map(Value::from),
        prop::sample::select(vec![0.5, -1.0, 2.0, 1e40]).prop_map(Value::from),
        prop::sample::select(vec![u64::MAX, u64::MAX - 1, 9_007_199_254_740_993])
            .prop_map(Value::from),
        "[ab]{0,3}".prop_map(Value::from),
    ]
}

fn body() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[ab/~]{0,2}", inner, 0..3)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn pointer() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        "[ab]{0,2}",
        Just("~0".to_owned()),
        Just("~1".to_owned()),
        "[01]"
    ];
    prop::collection::vec(name, 1..3).prop_map(|names| format!("/{}", names.join("/")))
}

fn part() -> impl Strategy<Value = Value> {
    "[ab]{1,2}".prop_map(Value::from)
}

fn bound() -> impl Strategy<Value = Value> {
    scalar().prop_filter("a number or a text", |value| {
        value.is_number() || value.is_string()
    })
}

fn not_empty(value: &Value) -> bool {
    value.as_str() != Some("")
}

/// What must hold of one value.
fn tests() -> impl Strategy<Value = Value> {
    let test = prop_oneof![
        scalar().prop_map(|value| ("eq", value)),
        prop::collection::vec(scalar(), 1..4).prop_map(|values| ("in", Value::from(values))),
        bound().prop_map(|value| ("gt", value)),
        bound().prop_map(|value| ("gte", value)),
        bound().prop_map(|value| ("lt", value)),
        bound().prop_map(|value| ("lte", value)),
        part().prop_map(|value| ("prefix", value)),
        part().prop_map(|value| ("suffix", value)),
        scalar()
            .prop_filter("not empty", not_empty)
            .prop_map(|value| ("contains", value)),
        any::<bool>().prop_map(|value| ("exists", Value::from(value))),
    ];
    prop_oneof![
        scalar(),
        prop::collection::vec(test, 1..3).prop_map(|tests| {
            let tests = tests
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value));
            Value::Object(tests.collect())
        }),
    ]
}

fn filter() -> impl Strategy<Value = Value> {
    let place = prop_oneof![3 => pointer(), 1 => Just("type".to_owned())];
    let leaf = prop::collection::btree_map(place, tests(), 1..3)
        .prop_map(|terms| Value::Object(terms.into_iter().collect()));
    leaf.prop_recursive(4, 16, 3, |inner| {
        let filters = || prop::collection::vec(inner.clone(), 1..3);
        prop_oneof![
            filters().prop_map(|filters| json!({ "and": filters })),
            filters().prop_map(|filters| json!({ "or": filters })),
            inner.clone().prop_map(|filter| json!({ "not": filter })),
            (filters(), inner.clone(), pointer(), tests())
                .prop_map(|(or, not, place, tests)| json!({"or": or, "not": not, (place): tests})),
        ]
    })
}

/// A reading of the same JSON that knows nothing of how filters are kept.
fn naive(filter: &Value, event_type: &str, body: &Value) -> bool {
    let inner = |filter: &Value| naive(filter, event_type, body);
    filter
        .as_object()
        .unwrap()
        .iter()
        .all(|(name, value)| match name.as_str() {
            "and" => value.as_array().unwrap().iter().all(inner),
            "or" => value.as_array().unwrap().iter().any(inner),
            "not" => !inner(value),
            "type" => naive_tests(value, Some(&event_type.into())),
            pointer => naive_tests(value, body.pointer(pointer)),
        })
}

fn naive_tests(tests: &Value, found: Option<&Value>) -> bool {
    let Value::Object(tests) = tests else {
        return found.is_some_and(|found| same(found, tests));
    };
    tests.iter().all(|(name, wanted)| {
        if name == "exists" {
            return found.is_some() == wanted.as_bool().unwrap();
        }
        let Some(found) = found else {
            return false;
        };
        let texts = found.as_str().zip(wanted.as_str());
        match name.as_str() {
            "eq" => same(found, wanted),
            "in" => wanted
                .as_array()
                .unwrap()
                .iter()
                .any(|value| same(found, value)),
            "gt" => less(wanted, found),
            "gte" => less(wanted, found) || comparable(found, wanted) && same(found, wanted),
            "lt" => less(found, wanted),
            "lte" => less(found, wanted) || comparable(found, wanted) && same(found, wanted),
            "prefix" => texts.is_some_and(|(found, part)| found.starts_with(part)),
            "suffix" => texts.is_some_and(|(found, part)| found.ends_with(part)),
            "contains" => match found {
                Value::Array(items) => items.iter().any(|item| same(item, wanted)),
                _ => texts.is_some_and(|(found, part)| found.contains(part)),
            },
            other => panic!("{other}"),
        }
    })
}

fn comparable(a: &Value, b: &Value) -> bool {
    a.is_number() && b.is_number() || a.is_string() && b.is_string()
}

fn less(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::String(a), Value::String(b)) => a < b,
        (Value::Number(_), Value::Number(_)) => exact(a) < exact(b),
        _ => false,
    }
}

fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(_), Value::Number(_)) => exact(a) == exact(b),
        (Value::Array(_) | Value::Object(_), _) => false,
        _ => a == b,
    }
}

/// Twice the number, which is whole for all that are made here, capped where no two of them differ.
fn exact(number: &Value) -> i128 {
    match (number.as_i64(), number.as_u64()) {
        (Some(whole), _) => i128::from(whole) * 2,
        (_, Some(whole)) => i128::from(whole) * 2,
        _ => (number.as_f64().unwrap() * 2.0) as i128,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_048))]

    #[test]
    fn a_filter_holds_where_its_plain_reading_does(source in filter(), body in body(), event_type in "[ab]{0,3}") {
        // Too deep or too long is refused; what is read is read right.
        if let Ok(filter) = Filter::parse(&source.to_string()) {
            let holds = filter.holds(&event_type, &body);
            prop_assert_eq!(holds, naive(&source, &event_type, &body));
            let misses = filter.explain(&event_type, &body, usize::MAX);
            prop_assert_eq!(misses.is_empty(), holds);
            let not = Filter::parse(&json!({"not": source}).to_string());
            let twice = Filter::parse(&json!({"not": {"not": source}}).to_string());
            if let (Ok(not), Ok(twice)) = (not, twice) {
                prop_assert_eq!(not.holds(&event_type, &body), !holds);
                prop_assert_eq!(twice.holds(&event_type, &body), holds);
            }
        }
    }

    #[test]
    fn a_filter_reads_back_from_each_of_its_forms(source in filter()) {
        if let Ok(filter) = Filter::parse(&source.to_string()) {
            let written = filter.to_json().to_string();
            let again = Filter::parse(&written);
            prop_assert_eq!(again.as_ref(), Ok(&filter));
            let kept: Filter = serde_json::from_str(&serde_json::to_string(&filter).unwrap()).unwrap();
            prop_assert_eq!(&kept, &filter);
            let sent: Filter = postcard::from_bytes(&postcard::to_allocvec(&filter).unwrap()).unwrap();
            prop_assert_eq!(&sent, &filter);
        }
    }

    #[test]
    fn no_text_makes_reading_panic_and_every_mistake_has_words(text in "[\\[\\]{}\":,a-z0-9/~. -]{0,60}") {
        if let Err(error) = Filter::parse(&text) {
            prop_assert!(error.to_string().len() > error.path.len());
        }
    }
}
