use super::*;
use countersign_core::{Scheme, operational, standard};

fn plan_of(
    name: &str,
    standard_headers: bool,
    own: Option<(&str, &[(&str, &str)])>,
) -> DeliveryPlan {
    let own = own.map(|(scheme, options)| SignaturePlan {
        scheme: scheme.to_owned(),
        options: options
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect(),
    });
    plan(Source::named(name).unwrap(), standard_headers, own).unwrap()
}

fn schemes(plan: &DeliveryPlan) -> Vec<&str> {
    let signatures = plan.signatures.iter();
    signatures
        .map(|signature| signature.scheme.as_str())
        .collect()
}

// Holds: R-S3, R-X1
#[test]
fn every_provider_has_a_plan_with_its_own_scheme_first() {
    for provider in Provider::ALL {
        let plan = plan_of(provider.name(), true, None);
        assert_eq!(schemes(&plan), [provider.name(), STANDARD]);
        assert_eq!(plan.always_signed, provider == Provider::Sendemall);
        assert_eq!(plan.new_secret, Some(NewSecret::WhsecHex));
        let has_request_id = plan.id_headers.iter().any(|name| name == "X-Request-Id");
        assert_eq!(has_request_id, provider == Provider::Smartlead);
        let alone = plan_of(provider.name(), false, None);
        assert_eq!(alone.signatures, plan.signatures[..1]);
        assert_eq!(alone.id_headers, plan.id_headers[1..]);
    }
}

#[test]
fn events_of_no_provider_are_signed_as_the_standard_has_it() {
    for source in [standard::SOURCE, operational::SOURCE] {
        for standard_headers in [true, false] {
            let plan = plan_of(source, standard_headers, None);
            assert_eq!(schemes(&plan), [STANDARD]);
            assert!(plan.always_signed);
            assert_eq!(plan.signatures[0].options, []);
            assert_eq!(plan.id_headers, ["webhook-id"]);
            assert_eq!(plan.new_secret, Some(NewSecret::WhsecBase64));
        }
    }
}

#[test]
fn a_signature_of_its_own_takes_the_place_of_the_provider_s() {
    for source in ["cleanmails", "smartlead", "standard", "countersign"] {
        let plan = plan_of(source, true, Some(("github", &[])));
        assert_eq!(schemes(&plan), ["github", STANDARD], "{source}");
        assert_eq!(
            plan.signatures[1].options,
            [("secret_format".to_owned(), "raw".to_owned())]
        );
        assert!(plan.always_signed);
        assert_eq!(plan.id_headers[0], "webhook-id");
        let alone = plan_of(source, false, Some(("github", &[])));
        assert_eq!(schemes(&alone), ["github"]);
    }
}

#[test]
fn the_standard_signature_stands_beside_another_only_where_its_key_fits() {
    let raw = Some("raw".to_owned());
    for (own, beside, secret_format, new_secret) in [
        (("svix", &[][..]), true, None, Some(NewSecret::WhsecBase64)),
        (
            ("stripe", &[]),
            true,
            raw.clone(),
            Some(NewSecret::WhsecHex),
        ),
        (
            ("generic-hmac", &[("header", "X"), ("secret_format", "hex")]),
            true,
            raw.clone(),
            Some(NewSecret::Hex),
        ),
        (
            (
                "generic-hmac",
                &[("header", "X"), ("secret_format", "base64")],
            ),
            true,
            raw,
            Some(NewSecret::Base64),
        ),
        (("discord", &[]), false, None, None),
        (("sendgrid", &[]), false, None, None),
        (("postmark", &[]), false, None, None),
        // It is that signature.
        (
            ("standard-webhooks", &[]),
            false,
            None,
            Some(NewSecret::WhsecBase64),
        ),
        (
            ("generic-hmac", &[("header", "Webhook-Signature")]),
            false,
            None,
            Some(NewSecret::WhsecHex),
        ),
    ] {
        let plan = plan_of("platform", true, Some(own));
        assert_eq!(plan.new_secret, new_secret, "{own:?}");
        let standard = plan.signatures.get(1);
        assert_eq!(standard.is_some(), beside, "{own:?}");
        let option = standard.and_then(|standard| standard.options.first());
        assert_eq!(
            option.map(|(_, value)| value.clone()),
            secret_format,
            "{own:?}"
        );
    }
}

#[test]
fn every_scheme_that_can_sign_a_delivery_has_a_plan() {
    let mut planned = 0;
    for scheme in Scheme::all() {
        let own = SignaturePlan {
            scheme: scheme.name.to_owned(),
            options: match scheme.name {
                "generic-hmac" => vec![("header".to_owned(), "X".to_owned())],
                _ => Vec::new(),
            },
        };
        match plan(Source::Standard, true, Some(own)) {
            Ok(plan) => {
                assert_eq!(plan.signatures[0].scheme, scheme.name);
                planned += 1;
            }
            Err(rejection) => assert_eq!(rejection.field, "signature.scheme"),
        }
    }
    assert_eq!(planned, Scheme::all().count() - 4);
}
