//! Properties of the keys of events, and of reading any bytes at all.

use countersign_core::{
    event::{Event, Source},
    key::{KeyPolicy, OrderScope, idempotency_key, ordering_key},
    normalise::{NO_HEADERS, parse, recognise},
    provider::Provider,
    render::render,
};
use countersign_tests::inbound;
use proptest::{prelude::*, sample::Index};
use serde_json::{Map, Value, json};

const POLICIES: [KeyPolicy; 4] = [
    KeyPolicy::Provider,
    KeyPolicy::Fields,
    KeyPolicy::SmartleadGuide,
    KeyPolicy::SmartleadReference,
];

fn read(source: Source, body: &str) -> Event {
    let mut events = parse(source, &NO_HEADERS, body.as_bytes()).unwrap();
    assert_eq!(events.len(), 1);
    events.remove(0)
}

fn key(event: &Event, policy: KeyPolicy) -> String {
    idempotency_key(event, policy).unwrap()
}

/// The facts by which the events of a source without ids are told apart: where each stands in the body, and a body that has
/// all of them.
fn discriminating(source: Source) -> (Value, &'static [&'static str]) {
    match source {
        Source::Cleanmails => (
            json!({"event": "email.clicked", "workspace_id": 1, "timestamp": "2026-05-12T14:30:00Z", "data": {
                "lead_id": 42, "lead_email": "a@b.example", "campaign_id": 5, "sender_id": 3, "message_id": "<m>", "more": "x",
            }}),
            &[
                "/event",
                "/workspace_id",
                "/timestamp",
                "/data/lead_id",
                "/data/lead_email",
                "/data/campaign_id",
                "/data/sender_id",
                "/data/message_id",
                "/data/more",
            ],
        ),
        Source::Smartlead => (
            json!({"event": "EMAIL_OPENED", "timestamp": "2026-05-12T14:30:00Z", "campaign_id": 5, "lead_id": 42,
                "sequence_number": 1, "opened_count": 2, "last_opened_at": "2026-05-12T15:30:00Z",
                "link": {"url": "https://a.example"}, "reply": {"message_id": "r"}}),
            &[
                "/event",
                "/timestamp",
                "/campaign_id",
                "/lead_id",
                "/sequence_number",
                "/opened_count",
                "/last_opened_at",
                "/link/url",
                "/reply/message_id",
            ],
        ),
        _ => (
            json!({"type": "email.click", "email_id": "m", "recipient": "a@b.example",
                "timestamp": "2026-05-12T14:30:00Z", "url": "https://a.example"}),
            &["/type", "/email_id", "/recipient", "/timestamp", "/url"],
        ),
    }
}

/// Another value of the same type, which the source would read as another fact.
fn other(value: &Value, by: u32) -> Value {
    let by = u64::from(by) + 1;
    match value {
        Value::Number(number) => json!(number.as_u64().unwrap_or_default() + by),
        Value::String(text) if text.ends_with('Z') => {
            json!(countersign_core::time::format_rfc3339(
                1_600_000_000_000 + i64::try_from(by).unwrap() * 1_000
            ))
        }
        Value::String(text) => json!(format!("{text}{by}")),
        value => value.clone(),
    }
}

/// The same JSON text with its fields in the opposite order and with blanks.
fn rewritten(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let fields: Vec<_> = fields
                .iter()
                .rev()
                .map(|(name, value)| {
                    format!(" {}\n: {} ", Value::from(name.as_str()), rewritten(value))
                })
                .collect();
            format!("{{{}}}", fields.join(","))
        }
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(rewritten).collect();
            format!("[ {} ]", items.join(" , "))
        }
        value => value.to_string(),
    }
}

#[test]
fn the_samples_keys_are_all_different() {
    let events = inbound::own_events().unwrap();
    let mut keys: Vec<_> = events
        .iter()
        .map(|event| key(event, KeyPolicy::Fields))
        .collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), events.len());
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
        "[0-9]{4}-[0-1][0-9]-[0-3][0-9]T[0-2][0-9]:00:00(\\.[0-9]{1,4})?(Z|\\+01:00)"
            .prop_map(Value::from),
        "<?[a-z]{0,4}>?".prop_map(Value::from),
    ];
    let names = prop::sample::select(vec![
        "event",
        "type",
        "event_type",
        "id",
        "timestamp",
        "data",
        "campaign_id",
        "lead_id",
        "workspace_id",
        "email_id",
        "lead",
        "email",
        "reply",
        "link",
        "to",
        "tags",
        "bounce",
        "click",
        "created_at",
        "event-data",
        "message",
        "headers",
        "signature",
        "delivery-status",
        "user-variables",
        "category",
        "url",
        "reason",
        "severity",
        "opened_count",
        "last_opened_at",
        "first_opened_at",
        "message_id",
        "message-id",
        "link_clicked",
        "sequence_number",
        "custom_fields",
    ]);
    leaf.prop_recursive(4, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((names.clone(), inner), 0..10).prop_map(|fields| {
                Value::Object(
                    fields
                        .into_iter()
                        .map(|(name, value)| (name.to_owned(), value))
                        .collect::<Map<_, _>>(),
                )
            }),
        ]
    })
}

/// Reads, renders and keys whatever the bytes hold.
fn exercise(body: &[u8]) -> Result<(), TestCaseError> {
    recognise(body);
    for source in Source::ALL {
        for event in parse(source, &NO_HEADERS, body).unwrap_or_default() {
            for provider in Provider::ALL {
                if let Ok(payload) = render(&event, provider) {
                    prop_assert!(
                        parse(source_of(provider), &NO_HEADERS, &payload.encode()).is_ok()
                    );
                }
            }
            for policy in POLICIES {
                let key = idempotency_key(&event, policy);
                prop_assert_eq!(
                    key.is_none(),
                    policy == KeyPolicy::SmartleadReference && event.dedupe.is_none()
                );
            }
            ordering_key(&event, OrderScope::default());
            let text = serde_json::to_vec(&event).unwrap();
            prop_assert!(serde_json::from_slice::<Event>(&text).is_ok());
        }
    }
    Ok(())
}

fn source_of(provider: Provider) -> Source {
    provider.into()
}

proptest! {
    // Holds: C25, R-S3
    #[test]
    fn a_key_differs_when_one_fact_differs(
        source in prop::sample::select(vec![Source::Cleanmails, Source::Smartlead, Source::Platform]), which: Index, by: u32,
    ) {
        let (body, facts) = discriminating(source);
        let before = read(source, &body.to_string());
        let mut changed = body;
        let fact = facts[which.index(facts.len())];
        let value = changed.pointer_mut(fact).unwrap();
        *value = other(value, by);
        let after = read(source, &changed.to_string());
        for policy in [KeyPolicy::Provider, KeyPolicy::Fields] {
            prop_assert_ne!(key(&before, policy), key(&after, policy), "{}", fact);
        }
    }

    #[test]
    fn a_key_survives_a_retry_that_is_written_differently(source in prop::sample::select(Source::ALL.to_vec()), which: Index) {
        let events = inbound::own_events().unwrap();
        let (source, original) = match source {
            Source::Cleanmails | Source::Smartlead | Source::Platform => (source, discriminating(source).0),
            _ => {
                let event = &events[which.index(events.len())];
                (event.provider, event.original.clone())
            }
        };
        let [once, again] = [original.to_string(), rewritten(&original)].map(|body| read(source, &body));
        for policy in POLICIES {
            prop_assert_eq!(idempotency_key(&once, policy), idempotency_key(&again, policy));
        }
        for scope in [OrderScope::LeadInCampaign, OrderScope::Lead, OrderScope::Campaign] {
            prop_assert_eq!(ordering_key(&once, scope), ordering_key(&again, scope));
        }
    }

    #[test]
    fn different_fields_never_make_one_key(one in prop::array::uniform3("[a\",\\[\\]\\\\]{0,4}"), two in prop::array::uniform3("[a\",\\[\\]\\\\]{0,4}")) {
        let keys = [&one, &two].map(|[id, to, url]| {
            let body = json!({"type": "email.click", "email_id": id, "recipient": to, "url": url});
            key(&read(Source::Platform, &body.to_string()), KeyPolicy::Provider)
        });
        prop_assert_eq!(keys[0] == keys[1], one == two);
    }

    #[test]
    fn no_bytes_make_the_normaliser_panic(body: Vec<u8>) {
        exercise(&body)?;
    }

    #[test]
    fn no_json_makes_the_normaliser_panic(body in json_value()) {
        exercise(body.to_string().as_bytes())?;
    }

    #[test]
    fn no_change_of_a_sample_makes_the_normaliser_panic(which: Index, at: Index, value in json_value()) {
        let events = inbound::own_events().unwrap();
        let mut body = events[which.index(events.len())].original.clone();
        // Replaces one field, at any depth.
        let mut fields = Vec::new();
        pointers(&body, String::new(), &mut fields);
        *body.pointer_mut(&fields[at.index(fields.len())]).unwrap() = value;
        exercise(body.to_string().as_bytes())?;
        exercise(json!([body]).to_string().as_bytes())?;
    }
}

fn pointers(value: &Value, at: String, found: &mut Vec<String>) {
    if let Value::Object(fields) = value {
        for (name, value) in fields {
            pointers(value, format!("{at}/{name}"), found);
        }
    }
    found.push(at);
}
