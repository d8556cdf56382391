//! Every mistake is made on purpose, and must be found again.

mod scene;
mod secrets;

use self::scene::{BODY, FOUND, NOW_S, Scene, signed, signed_with};
use super::*;
use crate::signature::Tolerance;
use alloc::{
    borrow::ToOwned,
    format,
    string::{String, ToString},
    vec::Vec,
};
use std::collections::HashSet;

#[test]
fn a_request_that_verifies_needs_no_explanation() {
    let explanation = signed("github", "s3cret").explain();
    assert!(explanation.verdict.is_ok());
    assert!(explanation.findings.is_empty());
    assert_eq!((explanation.trials, explanation.complete), (1, true));
}

#[test]
fn what_nothing_explains_is_said_to_be_so() {
    let explanation = signed("github", "s3cret").secret("another one").explain();
    assert_eq!(
        explanation.verdict.as_ref().unwrap_err().code(),
        "bad_signature"
    );
    assert!(
        explanation.findings.is_empty(),
        "{:?}",
        explanation.findings
    );
    assert!(explanation.complete);
    assert!(explanation.trials < TRIALS_MAX);
}

#[test]
fn other_providers() {
    let as_of = |sender, scheme| signed(sender, "s").with(|scene| scene.scheme = scheme);
    for (sender, scheme) in [
        ("github", "sendemall"),
        ("platform", "cleanmails"),
        ("sendemall", "slack"),
    ] {
        let scene = as_of(sender, scheme);
        scene.certainly(Cause::WrongProvider);
        let unknown = scene.secret("another").explain();
        let certain = unknown
            .findings
            .iter()
            .any(|finding| finding.confidence == Confidence::Certain);
        assert!(!certain, "{unknown:?}");
    }
    as_of("github", "sendemall")
        .secret("another")
        .likely(Cause::WrongProvider);
    let github = signed("github", "s").with(|scene| scene.headers.clear());
    github.likely(Cause::HeaderMissing);
    github
        .add("X-Acme-Signature", "abc")
        .likely(Cause::HeaderMissing);
}

#[test]
fn signatures_in_another_form() {
    let github = signed("github", "s3cret");
    github
        .header(|value| value.to_uppercase().replace("SHA256", "sha256"))
        .certainly(Cause::SignatureUpperCase);
    github
        .header(|value| value.replace("sha256=", ""))
        .certainly(Cause::SignaturePrefix);
    github
        .header(|value| value.replace("sha256=", "sha256=sha256="))
        .certainly(Cause::SignaturePrefix);
    github
        .header(|value| value.replace("sha256=", "v1="))
        .certainly(Cause::SignaturePrefix);
    github
        .header(|value| format!("\"{value}\""))
        .certainly(Cause::SignatureQuoted);
    let platform = signed("platform", "s3cret");
    platform
        .header(|value| format!("sha256={value}"))
        .certainly(Cause::SignaturePrefix);
    let encoded = |value: &str| {
        let bytes = base16ct::lower::decode_vec(value.trim_start_matches("sha256=")).unwrap();
        <base64ct::Base64 as base64ct::Encoding>::encode_string(&bytes)
    };
    github
        .header(|value| format!("sha256={}", encoded(value)))
        .certainly(Cause::SignatureEncoding);
    platform.header(encoded).certainly(Cause::SignatureEncoding);
    let shopify = signed("shopify", "s3cret");
    let hex = |value: &str| {
        let bytes = <base64ct::Base64 as base64ct::Encoding>::decode_vec(value).unwrap();
        base16ct::lower::encode_string(&bytes)
    };
    shopify.header(hex).certainly(Cause::SignatureEncoding);
    shopify
        .header(|value| {
            value
                .trim_end_matches('=')
                .replace('+', "-")
                .replace('/', "_")
        })
        .certainly(Cause::SignatureEncoding);
    signed("stripe", "s3cret")
        .header(str::to_uppercase)
        .header(|value| value.replace("T=", "t=").replace("V1=", "v1="))
        .certainly(Cause::SignatureUpperCase);
}

#[test]
fn the_secret_of_another_endpoint() {
    let scene = signed("github", "secret of the second").with(|scene| {
        scene.secret = "secret of the first".to_owned();
        scene.others = Vec::from([
            ("third", "secret of the third"),
            ("second", "secret of the second"),
        ]);
    });
    scene.certainly(Cause::SecretOfOtherEndpoint);
    assert!(
        scene.explain().findings[0]
            .sentence
            .contains("endpoint second")
    );
}

#[test]
fn json_that_was_printed_again() {
    let github = signed("github", "s");
    let tree: serde_json::Value = serde_json::from_slice(BODY).unwrap();
    github
        .body(
            String::from_utf8(BODY.to_vec())
                .unwrap()
                .replace(',', ", ")
                .replace(':', ": "),
        )
        .certainly(Cause::BodyReserialised);
    // The sender sorts its keys and writes blanks; the receiver's parser keeps them and writes none.
    let sorted = serde_json::to_string(&tree).unwrap();
    let blanks = sorted.replace(',', ", ").replace(':', ": ");
    signed_with("github", &[], "s", blanks.as_bytes())
        .body(sorted.clone())
        .certainly(Cause::BodyReserialised);
    let pretty = serde_json::to_string_pretty(&tree).unwrap();
    for sent in [
        pretty.clone(),
        pretty.replace("  ", "    "),
        pretty.replace("  ", "\t"),
        format!("{pretty}\n"),
    ] {
        signed_with("github", &[], "s", sent.as_bytes())
            .body(sorted.clone())
            .certainly(Cause::BodyReserialised);
    }
    // The receiver's printer changed the order of the keys.
    signed_with("github", &[], "s", br#"{"a":1,"b":{"c":2,"d":3}}"#)
        .body(r#"{"b":{"d":3,"c":2},"a":1}"#)
        .certainly(Cause::BodyReserialised);
}

#[test]
fn escapes_that_were_resolved_or_made() {
    let sent = |body: &str| signed_with("github", &[], "s", body.as_bytes());
    let plain = r#"{"text":"Zoë/<b>&'x'😀"}"#;
    for escaped in [
        r#"{"text":"Zo\u00eb/<b>&'x'\ud83d\ude00"}"#,
        r#"{"text":"Zo\u00eb\/<b>&'x'\ud83d\ude00"}"#,
        r#"{"text":"Zoë\/<b>&'x'😀"}"#,
        r#"{"text":"Zoë/\u003cb\u003e\u0026'x'😀"}"#,
        r#"{"text":"Zo\u00EB/\u003Cb\u003E\u0026\u0027x\u0027\uD83D\uDE00"}"#,
    ] {
        sent(escaped).body(plain).certainly(Cause::BodyEscapes);
        sent(plain).body(escaped).certainly(Cause::BodyEscapes);
    }
    sent(r#"{"a":"\/","b":"\u00e9"}"#)
        .body(r#"{"a": "/", "b": "é"}"#)
        .certainly(Cause::BodyReserialised);
}

#[test]
fn bodies_with_other_ends() {
    let sent = |body: &[u8]| signed_with("github", &[], "s", body);
    sent(b"{}\n").body("{}").certainly(Cause::BodyFinalNewline);
    sent(b"{}\r\n")
        .body("{}")
        .certainly(Cause::BodyFinalNewline);
    sent(b"{}").body("{}\n").certainly(Cause::BodyFinalNewline);
    sent(b"{}")
        .body(" {}\r\n")
        .certainly(Cause::BodyFinalNewline);
    sent(b"{}")
        .body("\u{feff}{}")
        .certainly(Cause::BodyByteOrderMark);
    sent("\u{feff}{}".as_bytes())
        .body("{}")
        .certainly(Cause::BodyByteOrderMark);
    sent(b"[1,\r\n2]\r\n")
        .body("[1,\n2]\n")
        .certainly(Cause::BodyLineBreaks);
    sent(b"[1,\r\n2]\r\n")
        .body("[1,\n2]")
        .certainly(Cause::BodyLineBreaks);
    sent(b"[1,\n2]")
        .body("[1,\r\n2]")
        .certainly(Cause::BodyLineBreaks);
}

#[test]
fn bodies_that_were_decoded() {
    let sent = |body: &[u8]| signed_with("github", &[], "s", body);
    sent("Zoë".as_bytes())
        .body("ZoÃ«")
        .certainly(Cause::BodyDecoded);
    sent("Zoë".as_bytes())
        .body(b"Zo\xeb".as_slice())
        .certainly(Cause::BodyDecoded);
    sent(b"Zo\xeb")
        .body("Zo\u{fffd}")
        .likely(Cause::BodyDecoded);
}

#[test]
fn bodies_in_another_wrapping() {
    let sent = |body: &[u8]| signed_with("github", &[], "s", body);
    sent(b"a=x+y&b=%C3%A9")
        .body("a=x y&b=é")
        .certainly(Cause::BodyFormDecoded);
    sent(b"a=x%20y")
        .body("a=x y")
        .certainly(Cause::BodyFormDecoded);
    sent(b"payload=%7B%22a%22%3A1%7D")
        .body("{\"a\":1}")
        .certainly(Cause::BodyFormDecoded);
    sent(b"{\"a\":1}")
        .body("eyJhIjoxfQ==")
        .certainly(Cause::BodyBase64);
    sent(b"eyJhIjoxfQ==")
        .body("{\"a\":1}")
        .certainly(Cause::BodyBase64);
    sent(b"{\"a\":\"\\n\"}")
        .body(r#""{\"a\":\"\\n\"}""#)
        .certainly(Cause::BodyQuoted);
}

#[test]
fn bodies_that_lost_bytes() {
    let github = signed("github", "s");
    github
        .body(&BODY[..20])
        .add("Content-Length", &BODY.len().to_string())
        .likely(Cause::BodyTruncated);
    github
        .body("")
        .add("content-length", &BODY.len().to_string())
        .likely(Cause::BodyLost);
}

#[test]
fn clocks_and_old_messages() {
    let stripe = signed("stripe", "s");
    let at = |seconds: i64| stripe.with(|scene| scene.now_s = NOW_S + seconds);
    at(-1_000).certainly(Cause::ClockSkew);
    assert!(
        at(-1_000).explain().findings[0]
            .sentence
            .contains("1000.000 s ahead")
    );
    at(600).certainly(Cause::OldMessage);
    at(600).likely(Cause::ClockSkew);
    at(86_400).certainly(Cause::OldMessage);
    assert_eq!(at(86_400).explain().findings.len(), 1);
    stripe
        .with(|scene| scene.now_s = NOW_S * 1_000)
        .certainly(Cause::NowMilliseconds);
    let linear = signed("linear", "s").add("Linear-Timestamp", "1770000000000");
    linear.certainly(Cause::OldMessage);
}

#[test]
fn timestamps_in_the_other_unit() {
    let seconds = [
        ("header", "X-S"),
        ("template", "{timestamp}.{body}"),
        ("timestamp_header", "X-T"),
    ];
    let milliseconds = [seconds[0], seconds[1], seconds[2], ("timestamp_unit", "ms")];
    let window = |scene: &mut Scene| scene.tolerance = Tolerance::Seconds(300);
    let sent = |options: &[(&'static str, &'static str)]| {
        signed_with("generic-hmac", options, "s", BODY).with(window)
    };
    sent(&milliseconds)
        .with(|scene| scene.options = seconds.to_vec())
        .certainly(Cause::TimestampMilliseconds);
    sent(&seconds)
        .with(|scene| scene.options = milliseconds.to_vec())
        .certainly(Cause::TimestampSeconds);
}

#[test]
fn headers_that_were_touched_on_the_way() {
    let github = signed("github", "s");
    let other = "sha256=0000000000000000000000000000000000000000000000000000000000000000";
    let first = |scene: &mut Scene| {
        scene.headers.insert(
            0,
            ("x-hub-signature-256".to_owned(), other.as_bytes().to_vec()),
        )
    };
    github.with(first).certainly(Cause::HeaderRepeated);
    let all = signed("svix", "AAAA").with(|scene| {
        let forged = [
            ("svix-id", "msg_0"),
            ("svix-timestamp", "1"),
            ("svix-signature", "v1,AAAA"),
        ];
        let forged = forged.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
        scene.headers = forged.into_iter().chain(scene.headers.clone()).collect();
    });
    all.certainly(Cause::HeaderRepeated);
    github
        .with(first)
        .secret("another")
        .likely(Cause::HeaderRepeated);
    github
        .header(|value| format!("{other}, {value}"))
        .certainly(Cause::HeaderMerged);
    let rename =
        |name: &'static str| github.with(move |scene| scene.headers[0].0 = name.to_owned());
    for name in [
        "HTTP_X_HUB_SIGNATURE_256",
        "x_hub_signature_256",
        "x-amzn-remapped-x-hub-signature-256",
        "Hub-Signature-256",
    ] {
        rename(name).certainly(Cause::HeaderRenamed);
    }
    rename("X-Original-Hub-Signature-256")
        .secret("another")
        .likely(Cause::HeaderRenamed);
}

#[test]
fn addresses_seen_from_behind_a_proxy() {
    let square = signed("square", "s");
    let seen = |url: &str| square.with(|scene| scene.url = url.to_owned());
    seen("http://hooks.example.com/in/github?a=1").certainly(Cause::UrlDiffers);
    seen("http://hooks.example.com:8080/in/github?a=1").certainly(Cause::UrlDiffers);
    seen("http://10.0.0.7:8080/in/github?a=1")
        .add("Host", "hooks.example.com")
        .certainly(Cause::UrlDiffers);
    seen("http://app:8080/in/github?a=1")
        .add("X-Forwarded-Host", "hooks.example.com, inner")
        .certainly(Cause::UrlDiffers);
    seen("https://hooks.example.com/github?a=1")
        .add("X-Forwarded-Prefix", "/in")
        .certainly(Cause::UrlDiffers);
    seen("https://hooks.example.com/api/in/github?a=1").certainly(Cause::UrlDiffers);
    seen("https://hooks.example.com/in/github/?a=1").certainly(Cause::UrlDiffers);
    seen("https://hooks.example.com/")
        .add("X-Original-URI", "/in/github?a=1")
        .certainly(Cause::UrlDiffers);
    seen("/in/github?a=1").likely(Cause::UrlDiffers);
    seen("").certainly(Cause::UrlMissing);
    seen("")
        .with(|scene| scene.headers.clear())
        .likely(Cause::UrlMissing);
    signed("hubspot", "s")
        .with(|scene| scene.method = "PUT")
        .certainly(Cause::MethodDiffers);
}

#[test]
fn the_bounds_hold() {
    // So large that each trial eats a good part of what may be hashed.
    let large = signed_with("github", &[], "s", &b"[1,2,3]".repeat(1024 * 1024));
    let explanation = large.secret("another").explain();
    assert!(!explanation.complete);
    assert!(explanation.trials < 10, "{}", explanation.trials);
    let body = format!(
        "[{}]",
        r#"{"b":"é/<","a":[1,{}]},"#.repeat(50).trim_end_matches(',')
    );
    let many = signed_with("square", &[], "s", body.as_bytes())
        .secret("another")
        .add("Host", "a.example:1")
        .add("x-forwarded-host", "b.example");
    let explanation = many.explain();
    assert!(explanation.complete);
    assert!(
        (100..TRIALS_MAX).contains(&explanation.trials),
        "{}",
        explanation.trials
    );
}

#[test]
fn codes_are_unique_and_every_cause_has_a_scenario() {
    let codes: HashSet<_> = Cause::ALL.iter().map(|cause| cause.code()).collect();
    assert_eq!(codes.len(), Cause::ALL.len());
    for scenario in [
        other_providers,
        signatures_in_another_form,
        secrets::that_were_pasted_wrongly,
        secrets::that_were_decoded_or_not,
        secrets::that_cannot_be_keys,
        the_secret_of_another_endpoint,
        json_that_was_printed_again,
        escapes_that_were_resolved_or_made,
        bodies_with_other_ends,
        bodies_that_were_decoded,
        bodies_in_another_wrapping,
        bodies_that_lost_bytes,
        clocks_and_old_messages,
        timestamps_in_the_other_unit,
        headers_that_were_touched_on_the_way,
        addresses_seen_from_behind_a_proxy,
    ] {
        scenario();
    }
    let found = FOUND.lock().unwrap().clone().unwrap_or_default();
    let missing: Vec<_> = Cause::ALL
        .iter()
        .filter(|cause| !found.contains(cause))
        .collect();
    assert!(missing.is_empty(), "no scenario finds {missing:?}");
}
