//! Deliveries that are signed as their endpoint says, held against the kernel that receivers verify with.

use base64ct::{Base64, Encoding};
use countersign_core::{
    Config, Request, Scheme,
    signature::outgoing::{Outgoing, SenderSecret},
};
use countersign_host::rules::{Code, Engine, KERNEL_WASM, Kernel};
use countersign_tests::{
    host::{Host, HostHome, wait_for},
    receiver::{Arrival, Receiver},
};
use p256::pkcs8::{EncodePrivateKey, EncodePublicKey, LineEnding};
use serde_json::{Map, Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const LIMIT: Duration = Duration::from_secs(40);
/// A key of Standard Webhooks.
const WHSEC: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A scheme with options.
#[derive(Clone, Debug)]
struct Choice {
    scheme: &'static str,
    options: Vec<(&'static str, &'static str)>,
}

impl Choice {
    fn json(&self) -> Value {
        let options = self.options.iter();
        let options: Map<_, _> = options.map(|(k, v)| ((*k).to_owned(), json!(v))).collect();
        match options.is_empty() {
            true => json!({"scheme": self.scheme}),
            false => json!({"scheme": self.scheme, "options": options}),
        }
    }
}

/// Every scheme of core once, and those with options in the ways that make a difference.
fn choices() -> Vec<Choice> {
    let mut choices: Vec<_> = Scheme::all()
        .map(|scheme| Choice {
            scheme: scheme.name,
            options: match scheme.name {
                "generic-hmac" => vec![("header", "X-Signature")],
                _ => Vec::new(),
            },
        })
        .collect();
    let more: [(&str, &[(&str, &str)]); 12] = [
        (
            "generic-hmac",
            &[
                ("header", "X-Acme-Signature"),
                ("template", "v1:{id}:{timestamp}\n{method} {url}\n{body}"),
                ("timestamp_header", "X-Acme-Time"),
                ("timestamp_unit", "ms"),
                ("id_header", "X-Acme-Id"),
                ("prefix", "HMAC "),
                ("encoding", "base64url"),
                ("algorithm", "sha512"),
            ],
        ),
        (
            "generic-hmac",
            &[("header", "X"), ("separator", ", "), ("prefix", "v1=")],
        ),
        ("generic-hmac", &[("header", "X"), ("algorithm", "sha1")]),
        ("generic-hmac", &[("header", "X"), ("secret_format", "hex")]),
        (
            "generic-hmac",
            &[("header", "X"), ("secret_format", "base64")],
        ),
        ("generic-hmac", &[("header", "X"), ("algorithm", "ed25519")]),
        (
            "generic-hmac",
            &[("header", "X"), ("algorithm", "ecdsa-p256")],
        ),
        ("convoy", &[("mode", "advanced"), ("algorithm", "sha512")]),
        ("hubspot", &[("version", "v1")]),
        ("hubspot", &[("version", "v2")]),
        ("meta", &[("escape_unicode", "true")]),
        ("smartlead", &[("header", "X-Other")]),
    ];
    choices.extend(more.map(|(scheme, options)| Choice {
        scheme,
        options: options.to_vec(),
    }));
    choices
}

/// The secret of a sender, and what its receiver verifies with.
fn secrets(kind: SenderSecret) -> (String, String) {
    let same = |text: &str| (text.to_owned(), text.to_owned());
    let seed = [7; 32];
    match kind {
        SenderSecret::Text => same("a secret of the tests"),
        SenderSecret::Hex => same("00ff00ff00ff00ff"),
        SenderSecret::Base64 => same("AAECAwQFBgc="),
        SenderSecret::StandardWebhooks => same(WHSEC),
        SenderSecret::Credentials => same("user:pass word"),
        SenderSecret::Ed25519Seed => {
            let public = ed25519_dalek::SigningKey::from_bytes(&seed).verifying_key();
            let hex = base16ct::lower::encode_string;
            (hex(&seed), hex(public.as_bytes()))
        }
        SenderSecret::EcdsaPrivateKey => {
            let secret = p256::SecretKey::from_slice(&seed).unwrap();
            let public = secret.public_key().to_public_key_der().unwrap();
            let secret = secret.to_pkcs8_pem(LineEnding::LF).unwrap();
            (secret.to_string(), Base64::encode_string(public.as_bytes()))
        }
    }
}

fn now_s() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |since| since.as_secs().cast_signed())
}

/// What the kernel says of a delivery, and of the same with another body.
fn verdicts(
    kernel: &Kernel,
    choice: &Choice,
    secret: &str,
    url: &str,
    arrival: &Arrival,
) -> (Code, Code) {
    let verifier = kernel.verifier(choice.scheme, None, &[secret], &choice.options);
    let mut verifier = verifier.unwrap();
    let headers: Vec<_> = arrival
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect();
    let mut verdict = |body: &[u8]| {
        let request = Request {
            method: "POST",
            url,
            headers: headers.as_slice(),
            body,
        };
        verifier.verify(&request, now_s()).unwrap().code
    };
    let other = [&arrival.body, b" ".as_slice()].concat();
    (verdict(&arrival.body), verdict(&other))
}

fn kernel() -> Kernel {
    Kernel::new(&Engine::new().unwrap(), KERNEL_WASM).unwrap()
}

fn arrival_of(receiver: &Receiver, name: &str) -> Arrival {
    wait_for(&format!("the delivery to {name}"), LIMIT, || {
        let mut arrivals = receiver.arrivals().into_iter();
        Ok(arrivals.find(|arrival| arrival.endpoint == name))
    })
    .unwrap()
}

fn publish(host: &Host) {
    let payload = json!({"type": "order.paid", "data": {"total": 5, "name": "Bj\u{f6}rk"}});
    host.publish("standard", &payload).unwrap();
}

#[test]
fn deliveries_in_every_scheme_that_fits_are_verified_and_the_others_are_refused_when_they_are_set()
{
    let receiver = Receiver::start();
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    let mut signed = Vec::new();
    for (number, choice) in choices().into_iter().enumerate() {
        let url = receiver.url(&format!("/ok/{number}?a=1&b=%20"));
        let outgoing = Outgoing::of(choice.scheme, &choice.options);
        let kind = outgoing
            .as_ref()
            .map_or(SenderSecret::Text, |out| out.secret);
        let (private, public) = secrets(kind);
        let description = json!({"provider": "standard", "url": url, "secret": private, "signature": choice.json()});
        let answer = host.post("/v1/endpoints", &description).unwrap();
        match outgoing {
            Ok(_) => {
                assert_eq!(answer.status, 201, "{choice:?}: {answer:?}");
                assert_eq!(answer.json["signature"], choice.json());
                signed.push((number, choice, public, url));
            }
            Err(error) => {
                assert_eq!(answer.status, 400, "{choice:?}");
                assert_eq!(answer.json["field"], "signature.scheme");
                let detail = answer.json["detail"].as_str().unwrap();
                assert!(detail.contains(&error.to_string()), "{detail}");
            }
        }
    }
    assert_eq!(signed.len(), choices().len() - 4);
    publish(&host);
    let kernel = kernel();
    for (number, choice, public, url) in &signed {
        let arrival = arrival_of(&receiver, &number.to_string());
        let (own, other) = verdicts(&kernel, choice, public, url, &arrival);
        assert_eq!(own, Code::Valid, "{choice:?}: {:?}", arrival.headers);
        // Credentials vouch for nothing in the body.
        let forged = match choice.scheme {
            "postmark" => Code::Valid,
            _ => Code::BadSignature,
        };
        assert_eq!(other, forged, "{choice:?}");
        assert!(arrival.headers.contains_key("webhook-id"), "{choice:?}");
    }
}

#[test]
fn a_secret_is_made_where_one_can_be_and_asked_for_where_not() {
    let receiver = Receiver::start();
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    let mut made = Vec::new();
    for (number, choice) in choices().into_iter().enumerate() {
        let Ok(outgoing) = Outgoing::of(choice.scheme, &choice.options) else {
            continue;
        };
        let url = receiver.url(&format!("/ok/{number}"));
        let description = json!({"provider": "standard", "url": url, "signature": choice.json()});
        let answer = host.post("/v1/endpoints", &description).unwrap();
        match outgoing.secret {
            SenderSecret::Ed25519Seed
            | SenderSecret::EcdsaPrivateKey
            | SenderSecret::Credentials => {
                assert_eq!(answer.json["code"], "secret_invalid", "{choice:?}");
                let detail = answer.json["detail"].as_str().unwrap();
                assert!(detail.contains(outgoing.secret.description()), "{detail}");
            }
            _ => {
                let secret = answer.json["secret"].as_str().unwrap().to_owned();
                made.push((number, choice, secret, url));
            }
        }
    }
    publish(&host);
    let kernel = kernel();
    for (number, choice, secret, url) in &made {
        let arrival = arrival_of(&receiver, &number.to_string());
        let (own, _) = verdicts(&kernel, choice, secret, url, &arrival);
        assert_eq!(own, Code::Valid, "{choice:?}");
    }
}

#[test]
fn every_provider_s_deliveries_can_be_signed_otherwise_beside_the_standard_s_headers() {
    let receiver = Receiver::start();
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    for (provider, payload) in [
        (
            "cleanmails",
            json!({"event": "email.sent", "workspace_id": 1, "data": {}}),
        ),
        (
            "smartlead",
            json!({"event": "EMAIL_SENT", "campaign_id": 1, "lead_id": 2}),
        ),
        ("sendemall", json!({"event": "email.sent", "data": {}})),
        ("platform", json!({"type": "open", "email_id": "m"})),
        ("standard", json!({"type": "a", "data": {}})),
    ] {
        for (name, settings) in [
            ("both", json!({})),
            ("alone", json!({"standard_headers": false})),
        ] {
            let place = format!("{provider}-{name}");
            let description = json!({
                "provider": provider, "url": receiver.url(&format!("/ok/{place}")), "secret": "s3cret",
                "signature": {"scheme": "stripe"}, "settings": settings,
            });
            host.create_endpoint(&description).unwrap();
        }
        host.publish(provider, &payload).unwrap();
        for (name, standard) in [("both", true), ("alone", false)] {
            let arrival = arrival_of(&receiver, &format!("{provider}-{name}"));
            let stripe = Config::new("stripe", &["s3cret"]);
            assert_eq!(arrival.verify(&stripe), Ok(()), "{provider}");
            let mut raw = Config::new("standard-webhooks", &["s3cret"]);
            raw.options = vec![("secret_format", "raw")];
            assert_eq!(arrival.verify(&raw).is_ok(), standard, "{provider}");
            for own in [
                "x-webhook-signature",
                "x-smartlead-signature",
                "x-sendemall-signature",
            ] {
                assert!(!arrival.headers.contains_key(own), "{provider}: {own}");
            }
        }
    }
}

// Holds: R-X3
#[test]
fn a_rotation_signs_with_both_secrets_where_the_header_holds_several_and_with_one_elsewhere() {
    let receiver = Receiver::start();
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    for scheme in ["stripe", "github", "box"] {
        let description = json!({
            "provider": "standard", "url": receiver.url(&format!("/ok/{scheme}")), "secret": "old",
            "signature": {"scheme": scheme},
        });
        let id = host.create_endpoint(&description).unwrap();
        let path = format!("/v1/endpoints/{id}/secret/rotate");
        let answer = host.post(&path, &json!({"secret": "new"})).unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    publish(&host);
    for (scheme, old, new) in [
        ("stripe", true, true),
        ("github", true, false),
        ("box", true, true),
    ] {
        let arrival = arrival_of(&receiver, scheme);
        for (secret, fits) in [("old", old), ("new", new)] {
            let verdict = arrival.verify(&Config::new(scheme, &[secret]));
            assert_eq!(verdict.is_ok(), fits, "{scheme} {secret}: {verdict:?}");
        }
    }
}

#[test]
fn signature_and_secret_fit_each_other_whichever_changes() {
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    let url = "http://127.0.0.1:49151/";
    let (seed, public) = secrets(SenderSecret::Ed25519Seed);
    let (pem, der) = secrets(SenderSecret::EcdsaPrivateKey);
    let refused = |scheme: &str, secret: &str, code: &str| {
        let description = json!({
            "provider": "platform", "url": url, "secret": secret, "signature": {"scheme": scheme},
        });
        let answer = host.post("/v1/endpoints", &description).unwrap();
        assert_eq!(answer.status, 400, "{scheme}: {answer:?}");
        assert_eq!(answer.json["field"], "secret");
        assert_eq!(answer.json["code"], code, "{answer:?}");
        let detail = answer.json["detail"].as_str().unwrap();
        assert!(
            detail.contains(&format!("The scheme {scheme} takes")),
            "{detail}"
        );
    };
    refused("discord", "not hex", "secret_invalid");
    refused("svix", "whsec_%", "secret_invalid");
    refused("postmark", "no colon", "secret_invalid");
    refused("sendgrid", "no key", "secret_invalid");
    // A public key verifies, and cannot sign.
    refused("sendgrid", &der, "secret_cannot_sign");
    let whpk = format!(
        "whpk_{}",
        Base64::encode_string(&base16ct::lower::decode_vec(&public).unwrap())
    );
    refused("standard-webhooks", &whpk, "secret_cannot_sign");

    let description = json!({"provider": "platform", "url": url, "secret": seed});
    let id = host.create_endpoint(&description).unwrap();
    let path = format!("/v1/endpoints/{id}");
    let change = |change: Value| host.patch(&path, &change).unwrap();
    let wrong = change(json!({"signature": {"scheme": "sendgrid"}}));
    assert_eq!(
        (wrong.status, &wrong.json["field"]),
        (400, &json!("secret"))
    );
    assert_eq!(change(json!({})).json["signature"], json!(null));
    let discord = json!({"scheme": "discord"});
    let changed = change(json!({"signature": {"scheme": "discord"}}));
    assert_eq!(changed.json["signature"], discord);
    let wrong = change(json!({"secret": pem}));
    assert_eq!(wrong.json["code"], "secret_invalid");
    let wrong = change(json!({"secret": null}));
    assert_eq!(wrong.json["code"], "secret_invalid");
    let both = change(json!({"signature": {"scheme": "sendgrid"}, "secret": pem}));
    assert_eq!(both.json["signature"]["scheme"], "sendgrid");
    let rotated = host
        .post(&format!("{path}/secret/rotate"), &json!({}))
        .unwrap();
    assert_eq!(rotated.json["code"], "secret_invalid", "{rotated:?}");
    // What was set is there after a restart, and null takes it away.
    drop(host);
    let host = home.start().unwrap();
    assert_eq!(
        host.get(&path).unwrap().json["signature"]["scheme"],
        "sendgrid"
    );
    let changed = host.patch(&path, &json!({"signature": null})).unwrap();
    assert_eq!(changed.json["signature"], json!(null));
    let changed = host.patch(&path, &json!({"secret": null})).unwrap();
    assert_eq!(changed.json["secret_set"], false);
    // Without a secret there is nothing to sign with.
    let wrong = host.patch(&path, &json!({"signature": {"scheme": "github"}}));
    assert_eq!(wrong.unwrap().json["code"], "secret_invalid");
}
