//! The example payloads of the provider documents, through the core.

use countersign_core::{
    event::EventKind,
    provider::{Defaults, Payload, Provider},
};
use serde_json::Value;
use std::path::Path;

fn samples() -> Vec<(Provider, String, Value)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    let mut samples = Vec::new();
    for provider in Provider::ALL {
        for entry in std::fs::read_dir(root.join(provider.name())).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            samples.push((provider, name, value));
        }
    }
    samples
}

// Holds: C24, S10, S11
#[test]
fn every_sample_survives_decoding_and_encoding() {
    let samples = samples();
    assert_eq!(samples.len(), 17, "the five documents print 17 examples");
    for (provider, name, value) in samples {
        let payload = Payload::decode(provider, value.to_string().as_bytes())
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let again: Value = serde_json::from_slice(&payload.encode()).unwrap();
        assert_eq!(again, value, "{name}");
        // The platform's example is the inbound one; its outbound name is another (R-P8).
        let known = payload.kind() != EventKind::Other;
        assert_eq!(known, provider != Provider::Platform, "{name}");
    }
}

// Holds: C24, S9 to S17, E18, E20, E22, E23
#[test]
fn no_sample_holds_a_field_that_the_models_do_not_know() {
    for (provider, name, value) in samples() {
        let payload = Payload::decode(provider, value.to_string().as_bytes()).unwrap();
        let other = match &payload {
            Payload::Cleanmails(payload) => payload.other.len() + payload.data.other.len(),
            Payload::Smartlead(payload) => {
                payload.other.len() + payload.lead.as_ref().map_or(0, |lead| lead.other.len())
            }
            Payload::Sendemall(payload) => payload.other.len() + payload.data.other.len(),
            Payload::Platform(payload) => payload.other.len(),
            _ => usize::MAX,
        };
        assert_eq!(other, 0, "{name}");
    }
}

#[test]
fn what_is_published_is_complete_already_and_keeps_the_order_of_the_document() {
    for (provider, name, value) in samples() {
        let defaults = Defaults {
            id: "1",
            timestamp: "1970-01-01T00:00:00Z",
        };
        let published =
            Payload::complete(provider, value.to_string().as_bytes(), defaults).unwrap();
        let bytes = published.encode();
        assert_eq!(
            Payload::decode(provider, &bytes).unwrap().encode(),
            bytes,
            "{name}"
        );
        assert_ne!(
            published.timestamp(),
            Some("1970-01-01T00:00:00Z"),
            "{name}"
        );
    }
}
