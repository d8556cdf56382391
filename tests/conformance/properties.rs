//! Properties that hold for any input, not only for the vectors.
#![allow(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing
)]

use base64ct::{Base64, Encoding};
use countersign_core::{
    Config, Covers, KeyedScheme, Message, Refusal, Request, Scheme, SignedAt, Tolerance, Valid,
    provider::{Payload, Provider},
    signature::{Algorithm, Carrier, scheme::Part},
};
use p256::pkcs8::{EncodePrivateKey, EncodePublicKey, LineEnding};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

/// What the pair's signatures vouch for; Linear's timestamp stands in the body, which is signed.
fn covers(pair: &Pair) -> Covers {
    let covers = pair.verifier.scheme().covers();
    match pair.choice.scheme {
        "linear" => covers | Covers::TIMESTAMP,
        _ => covers,
    }
}

fn signs_fields(pair: &Pair) -> bool {
    let is_fields =
        |part: &Part| matches!(part, Part::SortedFields | Part::SortedFieldsOrHashInUrl);
    pair.verifier.scheme().content.iter().any(is_fields)
}

/// The signed text of a form body.
fn fields(pair: &Pair, body: &[u8]) -> String {
    let mut fields: Vec<_> = form_urlencoded::parse(body).collect();
    match pair.choice.scheme {
        "twilio" => {
            fields.sort();
            fields.dedup();
        }
        _ => fields.sort_by(|(a, _), (b, _)| a.cmp(b)),
    }
    fields
        .iter()
        .flat_map(|(name, value)| [&**name, &**value])
        .collect()
}

/// Ways to choose a scheme: its name, options that it cannot do without or that change much, and secrets.
#[derive(Debug, Clone)]
struct Choice {
    scheme: &'static str,
    options: Vec<(&'static str, &'static str)>,
    secrets: Secrets,
}

#[derive(Debug, Clone, Copy)]
enum Secrets {
    /// Any text that is base64 too.
    Text,
    /// `user:password`.
    Credentials,
    /// 32 bytes in hexadecimal: a seed, of which the verifier gets the public key.
    Ed25519,
    /// PKCS#8 in PEM, of which the verifier gets the public key.
    EcdsaP256,
}

fn choices() -> Vec<Choice> {
    let mut choices: Vec<_> = Scheme::all()
        .map(|scheme| Choice {
            scheme: scheme.name,
            options: match scheme.name {
                "generic-hmac" => vec![
                    ("header", "X-Signature"),
                    ("template", "{url}{id}{timestamp}{method}{body}"),
                    ("timestamp_header", "X-Time"),
                    ("id_header", "X-Id"),
                ],
                "smartlead" => vec![("header", "X-Other")],
                _ => Vec::new(),
            },
            secrets: match scheme.algorithm {
                Algorithm::Credentials => Secrets::Credentials,
                Algorithm::Ed25519 => Secrets::Ed25519,
                Algorithm::EcdsaP256 => Secrets::EcdsaP256,
                _ => Secrets::Text,
            },
        })
        .collect();
    for (scheme, options) in [
        ("hubspot", vec![("version", "v1")]),
        ("hubspot", vec![("version", "v2")]),
        ("mailgun", vec![("body_format", "form")]),
        (
            "convoy",
            vec![("mode", "advanced"), ("algorithm", "sha512")],
        ),
        ("meta", vec![("escape_unicode", "true")]),
    ] {
        choices.push(Choice {
            scheme,
            options,
            secrets: Secrets::Text,
        });
    }
    choices
}

impl Choice {
    /// Secrets of signer and verifier, made of one text.
    fn secrets(&self, text: &str) -> (String, String) {
        match self.secrets {
            Secrets::Text => (text.to_owned(), text.to_owned()),
            Secrets::Credentials => {
                let credentials = format!("{text}:{text}");
                (credentials.clone(), credentials)
            }
            Secrets::Ed25519 => {
                let seed = Sha256::digest(text).into();
                let public = ed25519_dalek::SigningKey::from_bytes(&seed).verifying_key();
                (
                    base16ct::lower::encode_string(&seed),
                    base16ct::lower::encode_string(public.as_bytes()),
                )
            }
            Secrets::EcdsaP256 => {
                let secret = p256::SecretKey::from_slice(&Sha256::digest(text)).unwrap();
                let public = secret.public_key().to_public_key_der().unwrap();
                let secret = secret.to_pkcs8_pem(LineEnding::LF).unwrap();
                (secret.to_string(), Base64::encode_string(public.as_bytes()))
            }
        }
    }

    fn config<'a>(&self, secret: &'a str) -> Config<'a> {
        let mut config = Config::new(self.scheme, &[secret]);
        config.options.clone_from(&self.options);
        config.tolerance = Tolerance::Seconds(300);
        config
    }
}

/// A signer and the verifier that belongs to it.
#[derive(Debug, Clone)]
struct Pair {
    choice: Choice,
    signer: KeyedScheme,
    verifier: KeyedScheme,
    secret: String,
}

fn pair_of(choice: Choice, secret: String) -> Pair {
    let (private, public) = choice.secrets(&secret);
    Pair {
        signer: KeyedScheme::signer(&choice.config(&private)).unwrap(),
        verifier: KeyedScheme::new(&choice.config(&public)).unwrap(),
        choice,
        secret,
    }
}

fn pair() -> impl Strategy<Value = Pair> {
    (prop::sample::select(choices()), "[A-Za-z0-9+/]{4}{1,12}")
        .prop_map(|(choice, secret)| pair_of(choice, secret))
}

/// A pair whose signatures vouch for this part of a request.
fn pair_covering(part: Covers) -> impl Strategy<Value = Pair> {
    let pairs = choices()
        .into_iter()
        .map(|choice| pair_of(choice, "a2V5".to_owned()));
    prop::sample::select(
        pairs
            .filter(|pair| covers(pair).contains(part))
            .collect::<Vec<_>>(),
    )
}

/// What travels: all that a signature may cover.
#[derive(Debug, Clone)]
struct Sent {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// Header that Hook0 signs beside the body.
const LISTED: (&str, &str) = ("x-listed", "some value");

fn sent(pair: &Pair, id: &str, timestamp_s: i64, body: &[u8]) -> Sent {
    let (method, url) = ("PUT", "https://hooks.example.com:8443/in?a=1&b=2");
    // Linear's timestamp and Mailgun's signature stand in the body.
    let body = match pair.choice.scheme {
        "linear" => format!(
            "{{\"data\":\"{}\",\"webhookTimestamp\":{}}}",
            base16ct::lower::encode_string(body),
            timestamp_s * 1_000
        )
        .into_bytes(),
        _ => body.to_vec(),
    };
    let listed = [LISTED];
    let message = Message {
        id: Some(id),
        method,
        url,
        headers: if pair.signer.reads_listed_headers() {
            &listed
        } else {
            &[]
        },
        ..Message::new(SignedAt::UnixMs(timestamp_s * 1_000), &body)
    };
    let signed = pair.signer.sign(&message).unwrap().into_iter();
    let mut headers: Vec<_> = signed.map(|header| (header.name, header.value)).collect();
    let body = match pair.signer.scheme().carrier {
        Carrier::Headers => body,
        Carrier::JsonObject(name) => {
            let fields: serde_json::Map<_, _> = headers
                .drain(..)
                .map(|(name, value)| (name, value.into()))
                .collect();
            serde_json::to_vec(&serde_json::json!({ name: fields, "event-data": {} })).unwrap()
        }
        Carrier::Form => headers
            .drain(..)
            .map(|(name, value)| format!("{name}={value}&"))
            .collect::<String>()
            .into_bytes(),
    };
    if pair.signer.reads_listed_headers() {
        headers.push((LISTED.0.to_owned(), LISTED.1.to_owned()));
    }
    Sent {
        method: method.to_owned(),
        url: url.to_owned(),
        headers,
        body,
    }
}

fn judge(verifier: &KeyedScheme, sent: &Sent, now_s: i64) -> Result<Valid, Refusal> {
    let request = Request {
        method: &sent.method,
        url: &sent.url,
        ..Request::new(sent.headers.as_slice(), &sent.body)
    };
    verifier.verify(&request, now_s)
}

/// ASCII text with one bit flipped that keeps it ASCII.
fn changed(text: &str, at: prop::sample::Index, bit: u32) -> String {
    let mut bytes = text.to_owned().into_bytes();
    let at = at.index(bytes.len());
    bytes[at] ^= 1_u8 << bit;
    String::from_utf8(bytes).unwrap()
}

/// An id that survives a form body.
const ID: &str = "msg_1";

proptest! {
    #[test]
    fn what_is_signed_verifies(pair in pair(), id in "[A-Za-z0-9_.-]{1,40}", now_s in 0..250_000_000_000_i64, body: Vec<u8>) {
        let sent = sent(&pair, &id, now_s, &body);
        prop_assert!(judge(&pair.verifier, &sent, now_s).is_ok());
        prop_assert_eq!(judge(&pair.verifier, &sent, now_s).map(|valid| valid.covers), Ok(covers(&pair)));
    }

    #[test]
    fn one_changed_bit_of_a_covered_body_is_refused(
        pair in pair_covering(Covers::BODY), body in prop::collection::vec(any::<u8>(), 1..200), at: prop::sample::Index, bit in 0..8_u32,
    ) {
        let mut sent = sent(&pair, ID, 1_000, &body);
        let at = at.index(sent.body.len());
        sent.body[at] ^= 1_u8 << bit;
        // Of a form, names and values are signed in order, and some texts decode to the same ones.
        prop_assume!(!signs_fields(&pair) || fields(&pair, &sent.body) != fields(&pair, &body));
        prop_assert!(judge(&pair.verifier, &sent, 1_000).is_err());
    }

    #[test]
    fn one_changed_bit_of_a_covered_address_is_refused(
        pair in pair_covering(Covers::URL), body: Vec<u8>, at: prop::sample::Index, bit in 0..5_u32,
    ) {
        let mut sent = sent(&pair, ID, 1_000, &body);
        sent.url = changed(&sent.url, at, bit);
        prop_assert!(judge(&pair.verifier, &sent, 1_000).is_err(), "{:?}", sent.url);
    }

    #[test]
    fn one_changed_bit_of_a_covered_method_is_refused(
        pair in pair_covering(Covers::METHOD), body: Vec<u8>, at: prop::sample::Index, bit in 0..5_u32,
    ) {
        let mut sent = sent(&pair, ID, 1_000, &body);
        sent.method = changed(&sent.method, at, bit);
        prop_assert!(judge(&pair.verifier, &sent, 1_000).is_err(), "{:?}", sent.method);
    }

    #[test]
    fn one_changed_bit_of_a_listed_header_is_refused(body: Vec<u8>, at: prop::sample::Index, bit in 0..5_u32) {
        let choice = Choice { scheme: "hook0", options: Vec::new(), secrets: Secrets::Text };
        let pair = pair_of(choice, "a2V5".to_owned());
        let mut sent = sent(&pair, ID, 1_000, &body);
        let value = &mut sent.headers.last_mut().unwrap().1;
        *value = changed(value, at, bit);
        prop_assert!(judge(&pair.verifier, &sent, 1_000).is_err());
    }

    #[test]
    fn one_changed_character_of_any_signed_header_is_refused(
        pair in pair(), body: Vec<u8>, which: prop::sample::Index, at: prop::sample::Index, new in "[!-~]",
    ) {
        prop_assume!(pair.signer.scheme().carrier == Carrier::Headers);
        let mut sent = sent(&pair, ID, 1_000, &body);
        let which = which.index(sent.headers.len());
        let value = &mut sent.headers[which].1;
        let at = at.index(value.len());
        // A blank between two items may go.
        prop_assume!(value[at..=at] != new && &value[at..=at] != " ");
        // The scheme word of credentials may be in either case.
        prop_assume!(!value[at..=at].eq_ignore_ascii_case(&new) || pair.choice.scheme != "postmark" || at > 5);
        value.replace_range(at..=at, &new);
        prop_assert!(judge(&pair.verifier, &sent, 1_000).is_err(), "{:?}", sent.headers);
    }

    #[test]
    fn one_changed_character_of_a_signature_in_the_body_is_refused(
        which in prop::sample::select(vec!["signature", "token", "timestamp"]), at: prop::sample::Index, new in "[a-z0-9]", is_form: bool,
    ) {
        let options = if is_form { vec![("body_format", "form")] } else { Vec::new() };
        let choice = Choice { scheme: "mailgun", options, secrets: Secrets::Text };
        let pair = pair_of(choice, "a2V5".to_owned());
        let mut sent = sent(&pair, "token_1", 1_000, b"");
        let body = String::from_utf8(sent.body).unwrap();
        let name = if is_form { format!("{which}=") } else { format!("\"{which}\":\"") };
        let start = body.find(&name).unwrap() + name.len();
        let end = start + body[start..].find(['"', '&']).unwrap();
        let at = start + at.index(end - start);
        let mut changed = body.clone();
        changed.replace_range(at..=at, &new);
        prop_assume!(changed != body);
        sent.body = changed.into_bytes();
        prop_assert!(judge(&pair.verifier, &sent, 1_000).is_err());
    }

    #[test]
    fn another_secret_is_refused(pair in pair(), other in "[A-Za-z0-9+/]{4}{1,12}", body: Vec<u8>) {
        prop_assume!(pair.secret != other);
        let receiver = pair_of(pair.choice.clone(), other).verifier;
        let sent = sent(&pair, ID, 1_000, &body);
        prop_assert_eq!(judge(&receiver, &sent, 1_000), Err(Refusal::BadSignature));
    }

    #[test]
    fn nothing_in_a_request_makes_a_verifier_panic(
        pair in pair(), values in prop::collection::vec(any::<Vec<u8>>(), 6), url: String, method: String, body: Vec<u8>, now_s: i64,
    ) {
        let headers: Vec<_> = pair.verifier.header_names().map(str::to_owned).zip(values).collect();
        let request = Request { url: &url, method: &method, ..Request::new(headers.as_slice(), &body) };
        prop_assert!(pair.verifier.verify(&request, now_s).is_err());
    }

    #[test]
    fn no_list_of_headers_makes_a_verifier_panic(list in "[ -~é]{0,60}", body: Vec<u8>) {
        let verifier = KeyedScheme::new(&Config::new("hook0", &["s"])).unwrap();
        let header = format!("t=1000,h={list},v1=00");
        let headers = [("X-Hook0-Signature", header.as_str()), ("a", "b")];
        prop_assert!(verifier.verify(&Request::new(&headers, &body), 1_000).is_err());
    }

    #[test]
    fn no_timestamp_makes_the_window_panic(timestamp in "[0-9]{1,25}", now_s: i64, tolerance_s: u32) {
        let mut config = Config::new("standard-webhooks", &["AAAA"]);
        config.tolerance = Tolerance::Seconds(tolerance_s);
        let keyed = KeyedScheme::new(&config).unwrap();
        let headers = [("webhook-id", "m"), ("webhook-timestamp", timestamp.as_str()), ("webhook-signature", "v1,x")];
        let verdict = keyed.verify(&Request::new(&headers, b""), now_s);
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
