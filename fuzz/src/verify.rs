//! Verifying and signing with every scheme and any options.

use crate::input;
use arbitrary::{Result, Unstructured};
use countersign_core::{
    Config, Covers, KeyedScheme, Message, Request, SignedAt, Tolerance,
    signature::{Carrier, scheme::Part},
};

const SECRETS_MAX: u8 = 3;
const OPTIONS_MAX: u8 = 8;
const HEADERS_MAX: u8 = 8;
/// Header that is signed where a scheme can sign any.
const LISTED: (&str, &str) = ("x-listed", "some value");

/// What is configured, what arrives, and what is changed about it.
#[derive(Debug, Default)]
pub struct Input<'a> {
    pub scheme: &'a str,
    pub secrets: Vec<&'a str>,
    pub tolerance: Option<Option<u32>>,
    pub options: Vec<(&'a str, &'a str)>,
    pub method: &'a str,
    pub url: &'a str,
    pub headers: Vec<(&'a str, &'a [u8])>,
    pub body: &'a [u8],
    pub now_s: i64,
    /// Place and bit of a change.
    pub change: (u16, u8),
}

impl<'a> Input<'a> {
    pub(crate) fn read(input: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self {
            change: input.arbitrary()?,
            now_s: input.arbitrary()?,
            tolerance: match input.arbitrary::<u8>()? {
                0 => None,
                1 => Some(None),
                _ => Some(Some(input.arbitrary()?)),
            },
            scheme: input::text(input)?,
            secrets: input::list(input, SECRETS_MAX, input::text)?,
            options: input::list(input, OPTIONS_MAX, |input| {
                Ok((input::text(input)?, input::text(input)?))
            })?,
            method: input::text(input)?,
            url: input::text(input)?,
            headers: input::list(input, HEADERS_MAX, |input| {
                Ok((input::text(input)?, input::bytes(input)?))
            })?,
            body: input::bytes(input)?,
        })
    }

    /// The bytes that read as this.
    pub fn write(&self) -> Vec<u8> {
        let mut seed = Vec::new();
        seed.extend(self.change.0.to_le_bytes());
        seed.push(self.change.1);
        seed.extend(self.now_s.to_le_bytes());
        match self.tolerance {
            None => seed.push(0),
            Some(None) => seed.push(1),
            Some(Some(seconds)) => {
                seed.push(2);
                seed.extend(seconds.to_le_bytes());
            }
        }
        let count = |len: usize| u8::try_from(len).unwrap_or(u8::MAX);
        input::write_bytes(&mut seed, self.scheme.as_bytes());
        seed.push(count(self.secrets.len()));
        for secret in &self.secrets {
            input::write_bytes(&mut seed, secret.as_bytes());
        }
        seed.push(count(self.options.len()));
        for (name, value) in &self.options {
            input::write_bytes(&mut seed, name.as_bytes());
            input::write_bytes(&mut seed, value.as_bytes());
        }
        input::write_bytes(&mut seed, self.method.as_bytes());
        input::write_bytes(&mut seed, self.url.as_bytes());
        seed.push(count(self.headers.len()));
        for (name, value) in &self.headers {
            input::write_bytes(&mut seed, name.as_bytes());
            input::write_bytes(&mut seed, value);
        }
        input::write_bytes(&mut seed, self.body);
        seed
    }

    pub(crate) fn config(&self) -> Config<'a> {
        Config {
            scheme: self.scheme,
            secrets: self.secrets.clone(),
            tolerance: match self.tolerance {
                None => Tolerance::SchemeDefault,
                Some(None) => Tolerance::Off,
                Some(Some(seconds)) => Tolerance::Seconds(seconds),
            },
            options: self.options.clone(),
        }
    }
}

pub fn run(data: &[u8]) {
    // Too few bytes for an input are none.
    let Ok(input) = Input::read(&mut Unstructured::new(data)) else {
        return;
    };
    let config = input.config();
    let verifier = match KeyedScheme::new(&config) {
        Ok(verifier) => verifier,
        Err(error) => {
            assert!(!error.code().is_empty() && !error.to_string().is_empty());
            return;
        }
    };
    any_request(&input, &verifier);
    // Discord's signer reads its secrets another way; where they are public keys, nothing can be signed.
    if input.scheme != "discord" {
        signed_request(&input, &verifier);
    }
}

/// Whatever arrives is judged, the same way each time; and what is valid is no longer so with another body or secret.
fn any_request(input: &Input<'_>, verifier: &KeyedScheme) {
    let request = Request {
        method: input.method,
        url: input.url,
        ..Request::new(input.headers.as_slice(), input.body)
    };
    let verdict = verifier.verify(&request, input.now_s);
    assert_eq!(verdict, verifier.verify(&request, input.now_s));
    let Ok(valid) = verdict else { return };
    assert!(valid.secret_index < input.secrets.len());
    assert_eq!(
        valid.timestamp_ms.is_some(),
        has_timestamp(verifier, valid.covers, &verdict)
    );
    if let Some(body) = other_body(input.body, verifier, input.change) {
        let changed = Request {
            body: &body,
            ..request
        };
        assert!(
            verifier.verify(&changed, input.now_s).is_err(),
            "another body verifies"
        );
    }
    // HMAC pads short keys with zeros, so that a secret and the same with a zero behind it are one key.
    if let Some(others) = other_secrets(input) {
        let mut config = input.config();
        config.secrets = others.iter().map(String::as_str).collect();
        if let Ok(other) = KeyedScheme::new(&config) {
            assert!(
                other.verify(&request, input.now_s).is_err(),
                "another secret verifies"
            );
        }
    }
}

/// A timestamp is told when it is signed and can be read; only without a window may it be opaque.
fn has_timestamp(
    verifier: &KeyedScheme,
    covers: Covers,
    verdict: &std::result::Result<countersign_core::Valid, countersign_core::Refusal>,
) -> bool {
    let is_opaque = verifier
        .scheme()
        .timestamp
        .as_ref()
        .is_some_and(|timestamp| timestamp.opaque_without_tolerance);
    let told = verdict.is_ok_and(|valid| valid.timestamp_ms.is_some());
    match covers.contains(Covers::TIMESTAMP) {
        true if is_opaque => told,
        covered => covered,
    }
}

/// What is signed verifies, and with another body does not.
fn signed_request(input: &Input<'_>, verifier: &KeyedScheme) {
    let scheme = verifier.scheme();
    // Fields of a body are put into it by the sender, which is not what is fuzzed here.
    if scheme.carrier != Carrier::Headers || has_own_texts(verifier) {
        return;
    }
    let listed = [LISTED];
    let message = Message {
        id: Some("msg_1"),
        method: input.method,
        url: input.url,
        headers: match verifier.reads_listed_headers() {
            true => &listed,
            false => &[],
        },
        ..Message::new(
            SignedAt::UnixMs(i64::from(input.now_s as u32) * 1_000),
            input.body,
        )
    };
    let Ok(signed) = verifier.sign(&message) else {
        return;
    };
    let mut headers: Vec<_> = signed
        .iter()
        .map(|header| (header.name.as_str(), header.value.as_str()))
        .collect();
    headers.push(LISTED);
    let request = Request {
        method: input.method,
        url: input.url,
        ..Request::new(headers.as_slice(), input.body)
    };
    let now_s = i64::from(input.now_s as u32);
    let valid = verifier.verify(&request, now_s);
    assert!(
        valid.is_ok(),
        "what was signed is refused: {valid:?} {headers:?}"
    );
    if let Some(body) = other_body(input.body, verifier, input.change) {
        let changed = Request {
            body: &body,
            ..request
        };
        assert!(
            verifier.verify(&changed, now_s).is_err(),
            "another body verifies"
        );
    }
}

/// Whether names and texts of the user's own may make what is written unreadable: one header for two things, separators
/// inside of digests, a prefix of blanks. The timestamp of Linear stands in the body.
fn has_own_texts(verifier: &KeyedScheme) -> bool {
    let name = verifier.scheme().name;
    name == "generic-hmac" || name == "convoy" || name == "linear"
}

/// The body with one bit changed, where the signature is over its very bytes.
fn other_body(body: &[u8], verifier: &KeyedScheme, (at, bit): (u16, u8)) -> Option<Vec<u8>> {
    let scheme = verifier.scheme();
    let is_raw = scheme.content.contains(&Part::Body) && scheme.carrier == Carrier::Headers;
    if !is_raw || body.is_empty() {
        return None;
    }
    let mut body = body.to_vec();
    let place = usize::from(at) % body.len();
    body[place] ^= 1 << (bit % 8);
    Some(body)
}

/// Secrets of which none is the key that it was.
fn other_secrets(input: &Input<'_>) -> Option<Vec<String>> {
    let is_text = input
        .secrets
        .iter()
        .all(|secret| secret.bytes().all(|byte| byte.is_ascii_alphanumeric()) && secret.len() < 60);
    let is_plain = ![
        "discord",
        "sendgrid",
        "postmark",
        "standard-webhooks",
        "svix",
        "resend",
    ]
    .contains(&input.scheme);
    (is_text && is_plain && input.options.is_empty())
        .then(|| vec![format!("no{}", input.secrets.concat())])
}
