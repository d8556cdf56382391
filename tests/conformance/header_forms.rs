//! Headers that two providers share, or that a document does not name.

use countersign_core::{Config, KeyedScheme, Message, Request, SignedAt};

const BODY: &[u8] = br#"{"event":"x"}"#;
const SECRET: &str = "a secret of the tests";

fn config(scheme: &'static str, options: &[(&'static str, &'static str)]) -> Config<'static> {
    Config {
        options: options.to_vec(),
        ..Config::new(scheme, &[SECRET])
    }
}

/// Name and value of the only header.
fn signed(scheme: &'static str, options: &[(&'static str, &'static str)]) -> (String, String) {
    let signer = KeyedScheme::signer(&config(scheme, options)).unwrap();
    let headers = signer
        .sign(&Message::new(SignedAt::UnixMs(0), BODY))
        .unwrap();
    let [header] = headers.as_slice() else {
        panic!("{headers:?}");
    };
    (header.name.clone(), header.value.clone())
}

fn takes(
    scheme: &'static str,
    options: &[(&'static str, &'static str)],
    name: &str,
    value: &str,
) -> bool {
    let verifier = KeyedScheme::new(&config(scheme, options)).unwrap();
    let headers = [(name, value)];
    verifier.verify(&Request::new(&headers, BODY), 0).is_ok()
}

// Holds: C26, P9, R-P4
#[test]
fn one_header_has_two_forms_and_each_profile_takes_its_own() {
    let (name, prefixed) = signed("cleanmails", &[]);
    let (same, bare) = signed("platform", &[]);
    assert_eq!((name.as_str(), &same), ("X-Webhook-Signature", &name));
    assert_eq!(prefixed, format!("sha256={bare}"));
    assert!(bare.len() == 64 && bare.bytes().all(|b| b"0123456789abcdef".contains(&b)));
    for (scheme, options, takes_prefixed, takes_bare) in [
        ("cleanmails", &[][..], true, false),
        ("platform", &[], false, true),
        (
            "generic-hmac",
            &[("header", "X-Webhook-Signature"), ("prefix", "sha256=")],
            true,
            false,
        ),
        (
            "generic-hmac",
            &[("header", "X-Webhook-Signature")],
            false,
            true,
        ),
        // For whoever does not know which of the two it is.
        (
            "smartlead",
            &[("header", "X-Webhook-Signature")],
            true,
            true,
        ),
    ] {
        let taken = [&prefixed, &bare].map(|value| takes(scheme, options, &name, value));
        assert_eq!(taken, [takes_prefixed, takes_bare], "{scheme} {options:?}");
        // One prefix is taken off, and no second one.
        let doubled = format!("sha256={prefixed}");
        assert!(!takes(scheme, options, &name, &doubled), "{scheme}");
    }
}

// Holds: S27, R-S1
#[test]
fn smartlead_s_header_has_a_usual_name_and_either_form() {
    let (name, bare) = signed("smartlead", &[]);
    assert_eq!(name, "X-Smartlead-Signature");
    assert_eq!(
        bare,
        signed("platform", &[]).1,
        "bare, as the document compares it"
    );
    // The help centre's form is a setting of the sender.
    let own = [("header", "X-Smartlead-Signature"), ("prefix", "sha256=")];
    let (same, prefixed) = signed("generic-hmac", &own);
    assert_eq!((same, &prefixed), (name.clone(), &format!("sha256={bare}")));
    for value in [&bare, &prefixed] {
        assert!(takes("smartlead", &[], &name, value), "{value}");
        let named = [("header", "X-My-Signature")];
        assert!(
            takes("smartlead", &named, "x-my-signature", value),
            "{value}"
        );
        assert!(!takes("smartlead", &named, &name, value), "{value}");
    }
    assert!(!takes("smartlead", &[], &name, &bare.to_uppercase()));
}
