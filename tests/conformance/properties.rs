//! Properties that hold for any input, not only for the vectors.
#![allow(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing
)]

use countersign_core::{
    Config, KeyedScheme, Message, Refusal, Request, Scheme, SignedAt, Tolerance,
    provider::{Payload, Provider},
};
use proptest::prelude::*;

/// A scheme and a secret that it can use.
fn keyed() -> impl Strategy<Value = (KeyedScheme, String)> {
    let names: Vec<_> = Scheme::all()
        .map(|scheme| scheme.name.to_string())
        .collect();
    (prop::sample::select(names), "[A-Za-z0-9+/]{4}{1,12}").prop_map(|(name, secret)| {
        let mut config = Config::new(&name, &[&secret]);
        if name == "generic-hmac" {
            config.options = vec![("header", "X-Signature")];
        }
        (KeyedScheme::new(&config).unwrap(), secret)
    })
}

fn signed(keyed: &KeyedScheme, id: &str, timestamp_s: i64, body: &[u8]) -> Vec<(String, String)> {
    let message = Message {
        id: Some(id),
        at: SignedAt::UnixMs(timestamp_s * 1_000),
        body,
    };
    let headers = keyed.sign(&message).unwrap().into_iter();
    headers.map(|header| (header.name, header.value)).collect()
}

fn judge(
    keyed: &KeyedScheme,
    headers: &[(String, String)],
    body: &[u8],
    now_s: i64,
) -> Result<(), Refusal> {
    keyed.verify(&Request { headers, body }, now_s).map(drop)
}

proptest! {
    #[test]
    fn what_is_signed_verifies(
        (keyed, _) in keyed(), id in "[!-~]{1,40}", now_s in 0..250_000_000_000_i64, body: Vec<u8>,
    ) {
        let headers = signed(&keyed, &id, now_s, &body);
        prop_assert_eq!(judge(&keyed, &headers, &body, now_s), Ok(()));
    }

    #[test]
    fn one_changed_bit_of_the_body_is_refused(
        (keyed, _) in keyed(), mut body in prop::collection::vec(any::<u8>(), 1..200), at: prop::sample::Index, bit in 0..8_u32,
    ) {
        let headers = signed(&keyed, "msg_1", 1_000, &body);
        let at = at.index(body.len());
        body[at] ^= 1_u8 << bit;
        prop_assert_eq!(judge(&keyed, &headers, &body, 1_000), Err(Refusal::BadSignature));
    }

    #[test]
    fn one_changed_character_of_any_signed_header_is_refused(
        (keyed, _) in keyed(), body: Vec<u8>, which: prop::sample::Index, at: prop::sample::Index, new in "[!-~]",
    ) {
        let mut headers = signed(&keyed, "msg_1", 1_000, &body);
        let which = which.index(headers.len());
        let value = &mut headers[which].1;
        let at = at.index(value.len());
        // A blank between two items may go.
        prop_assume!(value[at..=at] != new && &value[at..=at] != " ");
        // SmartLead's prefix may be there or not, so its removal is no change; a replaced character is one.
        value.replace_range(at..=at, &new);
        prop_assert!(judge(&keyed, &headers, &body, 1_000).is_err());
    }

    #[test]
    fn another_secret_is_refused((keyed, secret) in keyed(), other in "[A-Za-z0-9+/]{4}{1,12}", body: Vec<u8>) {
        prop_assume!(secret != other);
        let scheme = keyed.scheme().name.to_string();
        let mut config = Config::new(&scheme, &[&other]);
        if scheme == "generic-hmac" {
            config.options = vec![("header", "X-Signature")];
        }
        let receiver = KeyedScheme::new(&config).unwrap();
        let headers = signed(&keyed, "msg_1", 1_000, &body);
        prop_assert_eq!(judge(&receiver, &headers, &body, 1_000), Err(Refusal::BadSignature));
    }

    #[test]
    fn no_header_makes_a_verifier_panic(
        (keyed, _) in keyed(), values in prop::collection::vec(any::<Vec<u8>>(), 6), body: Vec<u8>, now_s: i64,
    ) {
        let headers: Vec<_> = keyed.header_names().map(str::to_owned).zip(values).collect();
        let verdict = keyed.verify(&Request { headers: &headers, body: &body }, now_s);
        prop_assert!(verdict.is_err());
    }

    #[test]
    fn no_timestamp_makes_the_window_panic(timestamp in "[0-9]{1,25}", now_s: i64, tolerance_s: u32) {
        let mut config = Config::new("standard-webhooks", &["AAAA"]);
        config.tolerance = Tolerance::Seconds(tolerance_s);
        let keyed = KeyedScheme::new(&config).unwrap();
        let headers = [("webhook-id", "m"), ("webhook-timestamp", timestamp.as_str()), ("webhook-signature", "v1,x")];
        let verdict = keyed.verify(&Request { headers: &headers, body: b"" }, now_s);
        prop_assert!(verdict.is_err());
    }

    #[test]
    fn no_bytes_make_the_payload_reader_panic(body: Vec<u8>) {
        for provider in Provider::ALL {
            if let Ok(payload) = Payload::decode(provider, &body) {
                prop_assert_eq!(Payload::decode(provider, &payload.encode()), Ok(payload));
            }
        }
    }

    #[test]
    fn a_payload_keeps_fields_that_nobody_knows(name in "x_[a-z]{1,10}", number: i64, text: String) {
        let value = serde_json::json!({
            "type": "email.open", "email_id": "m", &name: {"n": number, "t": text, "l": [null, true, 0.5]},
        });
        let payload = Payload::decode(Provider::Platform, value.to_string().as_bytes()).unwrap();
        let again: serde_json::Value = serde_json::from_slice(&payload.encode()).unwrap();
        prop_assert_eq!(again, value);
    }
}
