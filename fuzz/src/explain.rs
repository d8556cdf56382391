//! Explaining: the same inputs as for verifying.

use crate::verify::Input;
use arbitrary::Unstructured;
use countersign_core::{
    Request, Scheme,
    explain::{Confidence, Question, TRIALS_MAX, explain},
    signature::timestamp::TimestampPlace,
};

/// Secrets from this length on cannot be a word of our own sentences by chance.
const SECRET_CHARS_MIN: usize = 16;

pub fn run(data: &[u8]) {
    // Too few bytes for an input are none.
    let Ok(input) = Input::read(&mut Unstructured::new(data)) else {
        return;
    };
    // Any text; the address is told nowhere.
    let other_endpoints = [("other", input.url)];
    let question = Question {
        request: Request {
            method: input.method,
            url: input.url,
            ..Request::new(input.headers.as_slice(), input.body)
        },
        config: input.config(),
        now_s: input.now_s,
        other_endpoints: &other_endpoints,
    };
    let explanation = explain(&question);
    assert_eq!(explanation, explain(&question));
    assert!(explanation.trials <= TRIALS_MAX);
    assert!(explanation.verdict.is_err() || explanation.findings.is_empty());
    // Certain ones first, each cause once.
    let causes: Vec<_> = explanation
        .findings
        .iter()
        .map(|finding| finding.cause)
        .collect();
    let mut unique = causes.clone();
    unique.dedup();
    assert_eq!(causes, unique);
    assert!(
        explanation
            .findings
            .is_sorted_by_key(|finding| finding.confidence)
    );
    let is_certain = |confidence| confidence == Confidence::Certain;
    if explanation
        .findings
        .iter()
        .any(|finding| is_certain(finding.confidence))
    {
        assert!(is_certain(explanation.findings[0].confidence));
    }

    let printed = format!("{explanation:?}");
    let headers = input.headers.iter().map(|(name, _)| *name);
    let options = input.options.iter().map(|(name, _)| *name);
    let mut told: Vec<&str> = headers.chain(options).collect();
    for name in Scheme::all().flat_map(names) {
        told.push(name);
    }
    let others = other_endpoints.iter().map(|(_, secret)| *secret);
    for secret in input.secrets.iter().copied().chain(others) {
        // Names of headers and options are told; a secret that is one, or a word of ours, proves nothing.
        let is_telling = secret.len() >= SECRET_CHARS_MIN
            && secret.bytes().any(|byte| byte.is_ascii_digit())
            && !told.iter().any(|name| name.contains(secret));
        assert!(
            !is_telling || !printed.contains(secret),
            "{printed} holds {secret}"
        );
    }
}

/// The headers of a scheme.
fn names(scheme: &'static Scheme) -> impl Iterator<Item = &'static str> {
    let place = scheme.timestamp.as_ref().map(|timestamp| &timestamp.place);
    let timestamp = match place {
        Some(TimestampPlace::Header(name)) => Some(&**name),
        Some(TimestampPlace::BodyField { header, .. }) => Some(*header),
        _ => None,
    };
    let own = scheme.signature_headers.iter().chain(&scheme.id_header);
    let fixed = scheme.fixed_headers.iter().map(|(name, _)| *name);
    own.map(|name| &**name).chain(timestamp).chain(fixed)
}
