//! What holds of every explanation.
#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects)]

use countersign_core::{
    Config, KeyedScheme, Message, Request, Scheme, SignedAt,
    explain::{Confidence, HASHED_BYTES_MAX, Question, TRIALS_MAX, explain},
};
use proptest::prelude::*;

const NOW_S: i64 = 1_772_000_000;
const URL: &str = "https://hooks.example.com/in?a=1";

/// Ways in which a body comes to harm, by number.
fn harmed(body: &[u8], kind: u8, at: usize) -> Vec<u8> {
    let mut harmed = body.to_vec();
    match kind % 6 {
        0 => harmed.push(b'\n'),
        1 => harmed.truncate(at % (body.len() + 1)),
        2 => harmed = String::from_utf8_lossy(body).into_owned().into_bytes(),
        3 => {
            harmed = body
                .iter()
                .copied()
                .map(char::from)
                .collect::<String>()
                .into_bytes()
        }
        4 => harmed.insert(at % (body.len() + 1), b' '),
        _ => harmed.reverse(),
    }
    harmed
}

fn names() -> Vec<&'static str> {
    let names = Scheme::all().map(|scheme| scheme.name);
    // These need keys of their own kind, or have no headers.
    names
        .filter(|name| !["discord", "sendgrid", "generic-hmac", "mailgun"].contains(name))
        .collect()
}

proptest! {
    #[test]
    fn no_explanation_holds_a_secret_or_a_signature(
        name in prop::sample::select(names()), body in prop_oneof![any::<Vec<u8>>(), "\\{\"[a-z]{1,9}\": \"[ -~]{0,20}\"\\}".prop_map(String::into_bytes)],
        kind: u8, at: usize, wrong_secret: bool,
    ) {
        let secret = if name == "postmark" { "user:c2VjcmV0IG9mIGE" } else { "c2VjcmV0IG9mIGEgdGVzdA==" };
        let other = if wrong_secret { "user:AAAAAAAAAAAAAAAAAAAAAA==" } else { secret };
        let other = if name == "postmark" { other } else { other.trim_start_matches("user:") };
        let signer = KeyedScheme::new(&Config::new(name, &[secret])).unwrap();
        let message = Message { id: Some("msg_1"), url: URL, ..Message::new(SignedAt::UnixMs(NOW_S * 1_000), &body) };
        let signed = signer.sign(&message).unwrap();
        let headers: Vec<_> = signed.iter().map(|header| (header.name.as_str(), header.value.as_str())).collect();
        let harmed = harmed(&body, kind, at);
        let question = Question {
            request: Request { url: URL, ..Request::new(headers.as_slice(), &harmed) },
            config: Config::new(name, &[other]),
            now_s: NOW_S,
            other_endpoints: &[("second", secret)],
        };
        let explanation = explain(&question);
        prop_assert!(explanation.trials <= TRIALS_MAX);
        let printed = format!("{explanation:?}");
        prop_assert!(!printed.contains(secret) && !printed.contains(other), "{printed}");

        // The expected signature of what arrived, and the presented one, in the alphabet of the scheme.
        let expected = signer.sign(&Message { body: &harmed, ..message }).unwrap();
        for header in signed.iter().chain(&expected) {
            let digests = header.value.split([',', '=', ' ']).filter(|part| part.len() >= 16);
            for digest in digests {
                prop_assert!(!printed.contains(digest), "{printed} holds {digest}");
            }
        }
        // What is certain can only be said of a request that does not verify.
        if explanation.verdict.is_ok() {
            prop_assert!(explanation.findings.is_empty());
        }
    }

    #[test]
    fn nothing_makes_it_panic(
        name in prop::sample::select(Scheme::all().map(|scheme| scheme.name).collect::<Vec<_>>()),
        secret: String, url: String, method: String, body: Vec<u8>, values in prop::collection::vec(any::<Vec<u8>>(), 12), now_s: i64,
    ) {
        let names = Scheme::named(name).unwrap().signature_headers.iter().map(|name| name.to_string());
        let others = ["content-length", "host", "x-forwarded-host", "x-forwarded-prefix", "x-original-uri", "webhook-id", "t"];
        let names = names.clone().chain(names).chain(others.map(str::to_owned));
        let headers: Vec<_> = names.zip(values).collect();
        let question = Question {
            request: Request { url: &url, method: &method, ..Request::new(headers.as_slice(), &body) },
            config: Config::new(name, &[&secret]),
            now_s,
            other_endpoints: &[("", &secret)],
        };
        let explanation = explain(&question);
        prop_assert!(explanation.findings.iter().all(|finding| finding.confidence == Confidence::Likely || explanation.verdict.is_err()));
    }
}

/// The largest bodies end soon, because nothing of them is tried that cannot be hashed within the bound.
#[test]
fn a_body_beyond_the_bound_is_left_alone() {
    let body = vec![b'['; HASHED_BYTES_MAX + 1];
    let headers = [("X-Hub-Signature-256", format!("sha256={}", "0".repeat(64)))];
    let question = Question {
        request: Request::new(headers.as_slice(), &body),
        config: Config::new("github", &["s"]),
        now_s: NOW_S,
        other_endpoints: &[],
    };
    let explanation = explain(&question);
    assert!(!explanation.complete);
    assert_eq!(explanation.trials, 1);
}
