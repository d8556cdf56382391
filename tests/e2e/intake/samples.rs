//! Every sample, byte for byte, against a running host.

use super::support::{assert_received, assert_refused, kept, newest, post};
use countersign_core::event::Event;
use countersign_tests::{host::HostHome, inbound};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The samples are signed at a time of their own, so that windows are switched off.
fn config(samples: &[(std::path::PathBuf, inbound::Sample)]) -> String {
    let mut secrets: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (_, sample) in samples {
        assert_eq!(sample.verify.scheme, sample.provider);
        assert!(sample.verify.options.is_empty());
        let of_provider = secrets.entry(&sample.provider).or_default();
        of_provider.extend(sample.verify.secrets.iter().map(String::as_str));
    }
    let source = |(provider, secrets): (&str, BTreeSet<&str>)| {
        format!("[inbound.sources.{provider}]\ntolerance_s = 0\nsecrets = {secrets:?}\n")
            .replace('{', "[")
            .replace('}', "]")
    };
    let sources: String = secrets.into_iter().map(source).collect();
    super::support::config(&sources)
}

/// The same body with another letter or digit in its middle.
fn changed(body: &str) -> Vec<u8> {
    let mut body = body.as_bytes().to_vec();
    let middle = body.len() / 2;
    let place = (middle..body.len()).find(|at| body[*at].is_ascii_alphanumeric());
    let byte = &mut body[place.unwrap()];
    *byte = if *byte == b'0' { b'1' } else { b'0' };
    body
}

// Holds: P12, P13, R-P6, R-P7, R-P10
#[test]
fn every_sample_ends_as_it_says_comes_in_once_and_not_changed() {
    let samples = inbound::all_samples(&inbound::dir(None)).unwrap();
    let home = HostHome::new(&config(&samples)).unwrap();
    let host = home.start().unwrap();
    for (place, (file, sample)) in samples.iter().enumerate() {
        let file = file.display();
        let (headers, body) = (&sample.request.headers, sample.request.body.as_bytes());
        // Half of them by name.
        let path = match place % 2 {
            0 => "/api/webhooks".to_owned(),
            _ => format!("/api/webhooks/{}", sample.provider),
        };
        assert_received(&post(&host, &path, headers, body));
        assert_eq!(kept(&host).len(), place + 1, "{file}");
        let newest = newest(&host);
        assert_eq!(newest["source"], sample.provider.as_str());
        assert_eq!(newest["verified"], "signature");
        assert_eq!(newest["body"], sample.request.body.as_str());
        let events = newest["events"].as_array().unwrap();
        assert_eq!(events.len(), sample.expect.events.len(), "{file}");
        for (kept, want) in events.iter().zip(&sample.expect.events) {
            let mut event: Event = serde_json::from_value(kept["event"].clone()).unwrap();
            assert_ne!(event.original, Value::Null);
            if event.occurred_at_inferred {
                event.occurred_at = None;
            }
            assert_eq!(inbound::unmet(want, &event), [""; 0], "{file}");
        }

        for path in ["/api/webhooks", &path] {
            assert_received(&post(&host, path, headers, body));
            let changed = changed(&sample.request.body);
            let refused = post(&host, path, headers, &changed);
            assert_refused(&refused, 401, "unverified");
            assert!(
                !refused.json.to_string().contains("signature"),
                "no detail for strangers"
            );
        }
        assert_eq!(kept(&host).len(), place + 1, "{file}");
    }
    let providers: BTreeSet<_> = samples.iter().map(|(_, sample)| &sample.provider).collect();
    assert_eq!(providers.len(), 3);

    // What is known outlives the process.
    let total = kept(&host).len();
    assert!(host.terminate().unwrap().success());
    let host = home.start().unwrap();
    for (_, sample) in &samples {
        let headers = &sample.request.headers;
        assert_received(&post(
            &host,
            "/api/webhooks",
            headers,
            sample.request.body.as_bytes(),
        ));
    }
    assert_eq!(kept(&host).len(), total);
    assert!(!home.log().contains("panicked"), "{}", home.log());
    for (_, sample) in &samples {
        for secret in &sample.verify.secrets {
            assert!(!home.log().contains(secret), "a secret is in the log");
        }
    }
}
