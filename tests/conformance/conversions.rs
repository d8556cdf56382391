//! From event to body and back: the document that says what survives, and properties that hold it to its word.

use countersign_core::{
    event::{BounceKind, Event, EventType, Source, Tag},
    normalise::{NO_HEADERS, parse},
    provider::Provider,
    render::{RenderError, render},
    time,
};
use countersign_tests::{
    conversions::{self, Fate, Passages, fields, there_and_back},
    inbound,
};
use proptest::prelude::*;
use serde_json::Value;
use std::{path::Path, sync::LazyLock};

static PASSAGES: LazyLock<[(Provider, Passages); 4]> = LazyLock::new(|| {
    Provider::ALL.map(|provider| (provider, conversions::passages(provider).unwrap()))
});

#[test]
fn the_document_says_what_survives() {
    let text = conversions::document(&inbound::own_events().unwrap()).unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/CONVERSIONS.md");
    inbound::expect_file(&path, &text).unwrap_or_else(|error| panic!("{error:#}"));
}

// Holds: C23, C24, S9 to S17, R-S20, E17, E18, E20, E22, E23
#[test]
fn the_examples_of_the_documents_come_out_as_they_went_in() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    let mut count = 0;
    for provider in Provider::ALL {
        for entry in std::fs::read_dir(root.join(provider.name())).unwrap() {
            let path = entry.unwrap().path();
            let mut sample: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            let body = sample.to_string();
            let events = parse(Source::from(provider), &NO_HEADERS, body.as_bytes()).unwrap();
            // R-P8: the platform's inbound names have another outbound spelling.
            if provider == Provider::Platform {
                sample["type"] = "email.bounce".into();
            }
            let rendered = render(&events[0], provider).unwrap().encode();
            let rendered: Value = serde_json::from_slice(&rendered).unwrap();
            assert_eq!(rendered, sample, "{}", path.display());
            count += 1;
        }
    }
    assert_eq!(count, 17);
}

fn text() -> impl Strategy<Value = Option<String>> {
    prop::option::weighted(0.8, "[^\\x00-\\x1f]{0,12}")
}

fn id() -> impl Strategy<Value = Option<String>> {
    let ids = prop_oneof![
        "[0-9]{1,20}",
        "-?[0-9]{1,5}(\\.[0-9])?",
        "[a-z_]{1,8}[0-9]{1,6}",
        "\\PC{0,6}"
    ];
    prop::option::weighted(0.9, ids)
}

/// Without angle brackets, as normalised events have them.
fn message_id() -> impl Strategy<Value = Option<String>> {
    prop::option::of("[a-z0-9.]{1,10}@[a-z]{1,8}\\.example")
}

/// Any moment of the years 0 to 9999, as normalised events write it.
fn moment() -> impl Strategy<Value = Option<String>> {
    let moments = prop_oneof![
        -62_167_219_200_000..253_402_300_800_000_i64,
        1_772_000_000_000..1_772_000_009_000_i64
    ];
    prop::option::weighted(0.9, moments.prop_map(time::format_rfc3339_ms))
}

prop_compose! {
    fn parts()(
        lead in (id(), text(), text(), text(), text(), text()),
        custom in prop::collection::btree_map("[a-z]{1,6}", prop_oneof![
            any::<i64>().prop_map(Value::from), any::<bool>().prop_map(Value::from), "\\PC{0,6}".prop_map(Value::from),
        ], 0..3),
        campaign in (id(), text()),
        sender in (id(), text()),
        bounce in (prop::option::of(prop_oneof![Just(BounceKind::Hard), Just(BounceKind::Soft)]), text(), text()),
        reply in (text(), text(), moment(), text(), message_id()),
        opens in (any::<Option<u64>>(), moment(), moment()),
    ) -> Event {
        let mut event = Event::new(Source::Mailgun, EventType::other(), "x", Value::Null);
        let lead_fields = &mut event.lead;
        (lead_fields.id, lead_fields.email, lead_fields.first_name) = (lead.0, lead.1, lead.2);
        (lead_fields.last_name, lead_fields.full_name, lead_fields.company) = (lead.3, lead.4, lead.5);
        lead_fields.custom_fields = custom.into_iter().collect();
        (event.campaign.id, event.campaign.name) = campaign;
        (event.sender.id, event.sender.address) = sender;
        (event.bounce.kind, event.bounce.code, event.bounce.reason) = bounce;
        (event.reply.subject, event.reply.text, event.reply.received_at) = (reply.0, reply.1, reply.2);
        (event.reply.sentiment, event.reply.message_id) = (reply.3, reply.4);
        (event.opens.count, event.opens.first_at, event.opens.last_at) = opens;
        event
    }
}

prop_compose! {
    fn event()(
        mut event in parts(),
        event_type in prop_oneof![
            8 => prop::sample::select(EventType::DOCUMENTED).prop_map(str::to_owned), 1 => "\\PC{0,8}".prop_map(String::from),
        ],
        ids in (id(), id(), id(), id(), message_id()),
        occurred_at in moment(),
        subject in text(),
        recipients in prop::collection::vec("[a-z]{1,5}@[a-z]{1,5}\\.example", 0..3),
        step in any::<Option<u64>>(),
        more in (text(), text(), text(), any::<Option<bool>>()),
        tags in prop::collection::vec(("[a-z]{1,4}", text()), 0..3),
    ) -> Event {
        event.event_type = EventType::from(event_type);
        // An empty one is read as none (E35).
        event.event_id = ids.0.filter(|id| !id.is_empty());
        (event.workspace_id, event.email_id) = (ids.1, ids.2);
        (event.thread_id, event.message_id) = (ids.3, ids.4);
        event.occurred_at = occurred_at;
        event.subject = subject;
        event.recipients = recipients;
        event.step = step;
        (event.url, event.user_agent, event.country, event.suppressed_globally) = more;
        event.tags = tags.into_iter().map(|(name, value)| Tag { name, value }).collect();
        event
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_the_document_says_survives_does(event in event()) {
        for (provider, passages) in PASSAGES.iter() {
            let passage = passages.get(event.event_type.as_str());
            let before = fields(&event);
            match render(&event, *provider) {
                Err(RenderError::NotExpressible { .. }) => prop_assert!(passage.is_none()),
                Err(RenderError::Missing { field, .. }) => {
                    prop_assert!(!before.contains_key(field));
                    prop_assert!(passage.unwrap().required.contains(field));
                }
                Err(other) => prop_assert!(false, "{other}"),
                Ok(_) => {
                    let passage = passage.unwrap();
                    let back = there_and_back(&event, *provider).unwrap();
                    prop_assert_eq!(&back.event_type, &event.event_type);
                    let after = fields(&back);
                    for (field, fate) in &passage.fates {
                        let (from, to) = (before.get(field), after.get(field));
                        match fate {
                            Fate::Kept => prop_assert_eq!(from, to, "{}", field),
                            Fate::KeptOrFilled if from.is_some() => prop_assert_eq!(from, to, "{}", field),
                            Fate::Lost => prop_assert_eq!(to, None, "{}", field),
                            Fate::KeptOrFilled | Fate::Changed { .. } => {}
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_rendered_body_is_one_that_may_be_published(mut event in event()) {
        // What is optional and absent would be filled in at publishing.
        event.event_id.get_or_insert_with(|| "evt_1".to_owned());
        event.occurred_at.get_or_insert_with(|| time::format_rfc3339_ms(0));
        for provider in Provider::ALL {
            if let Ok(payload) = render(&event, provider) {
                let defaults = countersign_core::provider::Defaults { id: "0", timestamp: "0" };
                let body = payload.encode();
                let published = countersign_core::provider::Payload::complete(provider, &body, defaults);
                prop_assert_eq!(published.map(|published| published.encode()), Ok(body));
            }
        }
    }
}
