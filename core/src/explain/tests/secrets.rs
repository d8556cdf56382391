//! Secrets in another form than they should have, and such that can be no keys.

use alloc::{format, vec::Vec};

use super::{
    super::{Cause, Confidence},
    scene::{BODY, Scene, signed, signed_with},
};

#[test]
pub(super) fn that_were_pasted_wrongly() {
    let github = signed("github", "s3cret of github");
    for secret in [
        " s3cret of github",
        "s3cret of github\n",
        "\ts3cret of github\r\n",
        "s3cret of github\\n",
    ] {
        github.secret(secret).certainly(Cause::SecretWhiteSpace);
    }
    for secret in [
        "\"s3cret of github\"",
        "'s3cret of github'",
        "\"s3cret of github\"\n",
    ] {
        github.secret(secret).certainly(Cause::SecretQuoted);
    }
    let standard = signed("standard-webhooks", "whsec_c2VjcmV0IG9mIHN0YW5kYXJk");
    // These cannot even be keys.
    for secret in [
        "whsec_c2VjcmV0IG9mIHN0YW5kYXJk\n",
        "\"whsec_c2VjcmV0IG9mIHN0YW5kYXJk\"",
    ] {
        let scene = standard.secret(secret);
        assert_eq!(
            scene.explain().verdict.unwrap_err().code(),
            "secret_invalid"
        );
        assert!(scene.explain().findings[0].confidence == Confidence::Certain);
    }
    standard
        .secret("\"whsec_c2VjcmV0IG9mIHN0YW5kYXJk\"")
        .certainly(Cause::SecretQuoted);
}

#[test]
pub(super) fn that_were_decoded_or_not() {
    let raw = [("secret_format", "raw")];
    let text = signed_with(
        "standard-webhooks",
        &raw,
        "whsec_c2VjcmV0IG9mIHN0YW5kYXJk",
        BODY,
    );
    text.with(|scene| scene.options.clear())
        .certainly(Cause::SecretDecoded);
    signed("standard-webhooks", "whsec_c2VjcmV0IG9mIHN0YW5kYXJk")
        .with(|scene| scene.options = raw.to_vec())
        .certainly(Cause::SecretNotDecoded);
    signed("sendemall", "whsec_abc")
        .secret("abc")
        .certainly(Cause::SecretPrefix);
    signed("stripe", "abcdef")
        .secret("whsec_abcdef")
        .certainly(Cause::SecretPrefix);
    let hex = signed_with(
        "generic-hmac",
        &[("header", "X-S"), ("secret_format", "hex")],
        "00ff10",
        BODY,
    );
    hex.with(|scene| scene.options = Vec::from([("header", "X-S")]))
        .certainly(Cause::SecretNotDecoded);
}

const WHSEC: &str = "whsec_c2VjcmV0IG9mIHN0YW5kYXJk";

#[test]
pub(super) fn that_cannot_be_keys() {
    let standard = signed("standard-webhooks", WHSEC);
    let base64 = signed_with(
        "generic-hmac",
        &[("header", "X-S"), ("secret_format", "base64")],
        "c2VjcmV0",
        BODY,
    );
    let hex = signed_with(
        "generic-hmac",
        &[("header", "X-S"), ("secret_format", "hex")],
        "00ff",
        BODY,
    );
    // The headers are of no importance: nothing can be verified.
    let of = |scheme| standard.with(|scene| scene.scheme = scheme);
    let (discord, postmark, sendgrid) = (of("discord"), of("postmark"), of("sendgrid"));
    let (empty, incomplete, malformed) = (
        Cause::SecretEmpty,
        Cause::SecretIncomplete,
        Cause::SecretMalformed,
    );
    let cases: [(&Scene, &str, Cause, &str); 24] = [
        (&standard, "", empty, "is empty"),
        (&standard, "\n", empty, "white space alone"),
        (&signed("github", "s"), "", empty, "is empty"),
        (&standard, "whsec_", incomplete, "prefix whsec_ alone"),
        (&standard, "whpk_", incomplete, "prefix whpk_ alone"),
        (&standard, "short", incomplete, "has 5 characters"),
        (
            &standard,
            "whsec_AAECAw=",
            incomplete,
            "has 7 characters after whsec_",
        ),
        (&standard, "whsec_AAECAx", incomplete, "its last characters"),
        (&standard, "whpk_AAEC", incomplete, "3 bytes"),
        (&standard, "whsk_AAEC", incomplete, "3 bytes"),
        (
            &standard,
            "whsec_!!!",
            malformed,
            "character 7 (counted from 1)",
        ),
        (&standard, "whsec_AA==AA", malformed, "character 9 "),
        (&standard, "whsec_AAE-", malformed, "character 10 "),
        (&base64, "AAE", malformed, ""),
        (&base64, "AAEC!", malformed, "character 5 "),
        (&hex, "0", incomplete, "has 1 character,"),
        (&hex, "0g", malformed, "no digit of hexadecimal"),
        (&discord, "00ff", incomplete, "has 4 characters"),
        (&discord, "text", malformed, "character 1 "),
        (
            &discord,
            &format!("02{}", "0".repeat(62)),
            malformed,
            "no Ed25519 public key",
        ),
        (&postmark, "user", malformed, "user:password"),
        (&sendgrid, "MFkw", malformed, "P-256"),
        (&sendgrid, "-----BEGIN PUBLIC KEY-----", incomplete, "PEM"),
        (&sendgrid, "", empty, "is empty"),
    ];
    for (scene, secret, cause, words) in cases {
        let scene = scene.secret(secret);
        if words.is_empty() {
            // One that is usable.
            assert_ne!(
                scene.explain().verdict.unwrap_err().code(),
                "secret_invalid"
            );
            continue;
        }
        scene.certainly(cause);
        let explanation = scene.explain();
        assert_eq!(explanation.verdict.unwrap_err().code(), "secret_invalid");
        let sentence = &explanation.findings[0].sentence;
        assert!(sentence.contains(words), "{secret}: {sentence}");
    }
    // Where the cause is known already, that is all that is said.
    let quoted = standard
        .secret("\"whsec_c2VjcmV0IG9mIHN0YW5kYXJk\"")
        .explain();
    assert_eq!(quoted.findings.len(), 1);
    assert_eq!(quoted.findings[0].confidence, Confidence::Certain);
}
