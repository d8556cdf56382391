//! A request as it would have verified, and ways to harm it.

use super::super::*;
use crate::signature::{KeyedScheme, Message, SignedAt, Tolerance};
use alloc::{borrow::ToOwned, format, string::String, vec::Vec};
use std::{collections::HashSet, sync::Mutex};

pub(super) const NOW_S: i64 = 1_772_000_000;
pub(super) const BODY: &[u8] =
    br#"{"b":{"x":[1,2.50,true],"path":"a/b"},"a":"Zo\u00eb","empty":{}}"#;

/// Causes that some scenario found, over all tests of this file.
pub(super) static FOUND: Mutex<Option<HashSet<Cause>>> = Mutex::new(None);

/// A request as it would have verified, and the configuration that it would have verified under.
#[derive(Clone)]
pub(super) struct Scene {
    pub(super) scheme: &'static str,
    pub(super) options: Vec<(&'static str, &'static str)>,
    pub(super) secret: String,
    pub(super) tolerance: Tolerance,
    pub(super) now_s: i64,
    pub(super) method: &'static str,
    pub(super) url: String,
    pub(super) headers: Vec<(String, Vec<u8>)>,
    pub(super) body: Vec<u8>,
    pub(super) others: Vec<(&'static str, &'static str)>,
}

pub(super) fn signed_with(
    scheme: &'static str,
    options: &[(&'static str, &'static str)],
    secret: &str,
    body: &[u8],
) -> Scene {
    let mut config = Config::new(scheme, &[secret]);
    config.options = options.to_vec();
    let url = "https://hooks.example.com/in/github?a=1";
    let message = Message {
        id: Some("msg_1"),
        url,
        ..Message::new(SignedAt::UnixMs(NOW_S * 1_000), body)
    };
    let headers = KeyedScheme::new(&config).unwrap().sign(&message).unwrap();
    Scene {
        scheme,
        options: options.to_vec(),
        secret: secret.to_owned(),
        tolerance: Tolerance::SchemeDefault,
        now_s: NOW_S,
        method: "POST",
        url: url.to_owned(),
        headers: headers
            .into_iter()
            .map(|header| (header.name, header.value.into_bytes()))
            .collect(),
        body: body.to_vec(),
        others: Vec::new(),
    }
}

pub(super) fn signed(scheme: &'static str, secret: &str) -> Scene {
    signed_with(scheme, &[], secret, BODY)
}

impl Scene {
    pub(super) fn explain(&self) -> Explanation {
        let mut config = Config::new(self.scheme, &[&self.secret]);
        config.options = self.options.clone();
        config.tolerance = self.tolerance;
        let request = Request {
            method: self.method,
            url: &self.url,
            ..Request::new(self.headers.as_slice(), &self.body)
        };
        let explanation = explain(&Question {
            request,
            config,
            now_s: self.now_s,
            other_endpoints: &self.others,
        });
        self.assert_discreet(&explanation);
        explanation
    }

    /// No secret, no signature and nothing of the body in any form in which an explanation can be printed.
    pub(super) fn assert_discreet(&self, explanation: &Explanation) {
        let printed = format!("{explanation:?}");
        let mut secrets: Vec<String> = Vec::from([self.secret.trim().to_owned()]);
        secrets.extend(self.others.iter().map(|(_, secret)| (*secret).to_owned()));
        secrets.extend(
            self.headers
                .iter()
                .map(|(_, value)| String::from_utf8_lossy(value).into_owned()),
        );
        secrets.push("Zo".to_owned());
        for secret in secrets.iter().filter(|secret| secret.len() > 12) {
            assert!(
                !printed.contains(secret.as_str()),
                "{printed} holds {secret}"
            );
        }
    }

    #[track_caller]
    pub(super) fn is(&self, cause: Cause, confidence: Confidence) {
        let explanation = self.explain();
        assert!(explanation.verdict.is_err(), "it verifies");
        let found = explanation
            .findings
            .iter()
            .find(|finding| finding.cause == cause);
        let found =
            found.unwrap_or_else(|| panic!("{cause:?} is not among {:?}", explanation.findings));
        assert_eq!(found.confidence, confidence, "{found:?}");
        if confidence == Confidence::Certain {
            assert_eq!(explanation.findings[0].confidence, Confidence::Certain);
        }
        assert_eq!(found.fix, cause.fix());
        assert!(found.sentence.ends_with('.'), "{}", found.sentence);
        FOUND.lock().unwrap().get_or_insert_default().insert(cause);
    }

    #[track_caller]
    pub(super) fn certainly(&self, cause: Cause) {
        self.is(cause, Confidence::Certain);
    }

    #[track_caller]
    pub(super) fn likely(&self, cause: Cause) {
        self.is(cause, Confidence::Likely);
    }

    pub(super) fn with(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut changed = self.clone();
        change(&mut changed);
        changed
    }

    pub(super) fn body(&self, body: impl Into<Vec<u8>>) -> Self {
        self.with(|scene| scene.body = body.into())
    }

    pub(super) fn secret(&self, secret: &str) -> Self {
        self.with(|scene| scene.secret = secret.to_owned())
    }

    /// The first header with its value changed.
    pub(super) fn header(&self, change: impl FnOnce(&str) -> String) -> Self {
        self.with(|scene| {
            let value = String::from_utf8(scene.headers[0].1.clone()).unwrap();
            scene.headers[0].1 = change(&value).into_bytes();
        })
    }

    pub(super) fn add(&self, name: &str, value: &str) -> Self {
        self.with(|scene| {
            scene
                .headers
                .push((name.to_owned(), value.as_bytes().to_vec()))
        })
    }
}
