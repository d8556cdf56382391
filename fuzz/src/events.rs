//! Normalised events of every source: reading, keys, rendering.

use countersign_core::{
    event::Source,
    key::{KeyPolicy, OrderScope, idempotency_key, order, ordering_key},
    normalise::{NO_HEADERS, parse, recognise},
    provider::Provider,
    render::render,
};

pub fn run(data: &[u8]) {
    let _ = recognise(data);
    for source in Source::ALL {
        let Ok(events) = parse(source, &NO_HEADERS, data) else {
            continue;
        };
        for event in events {
            assert_eq!(event.provider, source);
            let key = idempotency_key(&event, KeyPolicy::Fields);
            assert_eq!(key, idempotency_key(&event.clone(), KeyPolicy::Fields));
            assert!(key.is_some_and(|key| key.starts_with("[\"")));
            for scope in [
                OrderScope::LeadInCampaign,
                OrderScope::Lead,
                OrderScope::Campaign,
            ] {
                assert!(ordering_key(&event, scope).starts_with("[\""));
            }
            assert_eq!(order(&event).is_some(), event.occurred_at.is_some());
            for provider in Provider::ALL {
                let Ok(payload) = render(&event, provider) else {
                    continue;
                };
                let again = parse(provider.into(), &NO_HEADERS, &payload.encode());
                let again = again.unwrap_or_else(|error| panic!("{}: {error}", provider.name()));
                assert_eq!(again.len(), 1);
                assert_eq!(again[0].event_type.kind(), event.event_type.kind());
            }
        }
    }
}
