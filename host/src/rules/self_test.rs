//! Questions that every guest must answer before it decides about anything.

use super::{Guest, Kernel, KernelError, RulesError};
use countersign_core::{delivery::rotation::SecretTimes, provider::Provider};
use countersign_guest::{
    CheckEndpoint, EndpointSettings, Judge,
    delivery::{EndedAttempt, EndpointHealth, EndpointState, FailureKind, Outcome},
    operational::SOURCE,
    retry::TimeScale,
    standard,
};
use std::collections::BTreeSet;

/// A secret that the signatures of every provider take.
const SECRET: &str = "whsec_000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// Asks `guest` about every provider that the host knows, about the host's own events, and about `providers`.
pub(super) fn run(guest: &Guest, kernel: &Kernel, providers: &[String]) -> Result<(), RulesError> {
    let known = Provider::ALL.iter().map(|provider| provider.name());
    let given = providers.iter().map(String::as_str);
    let own = [SOURCE, standard::SOURCE];
    let providers: BTreeSet<_> = known.chain(own).chain(given).collect();
    for provider in providers {
        about(guest, kernel, provider).map_err(|error| RulesError::Module {
            module: "guest",
            problem: format!("it fails its test with the provider {provider}: {error}"),
        })?;
    }
    if guest.recognise(Vec::new(), b"{}".to_vec())?.is_some() {
        return Err(RulesError::Module {
            module: "guest",
            problem: "it fails its test: it knows a sender by nothing".to_owned(),
        });
    }
    match guest
        .signing_order(vec![SecretTimes::newest(0)], 1)?
        .as_slice()
    {
        [0] => Ok(()),
        _ => Err(RulesError::Module {
            module: "guest",
            problem: "it fails its test: it would not sign with an only secret".to_owned(),
        }),
    }
}

fn about(guest: &Guest, kernel: &Kernel, provider: &str) -> Result<(), RulesError> {
    let plan = guest.plan(provider, true, None)?;
    for signature in &plan.signatures {
        let options = signature.options.iter();
        let options: Vec<_> = options.map(|(k, v)| (k.as_str(), v.as_str())).collect();
        kernel
            .signer(&signature.scheme, &[SECRET], &options)
            .map_err(|error| match error {
                KernelError::Rules(error) => error,
                KernelError::Refused(code) => RulesError::Refused(code.text().to_owned()),
            })?;
    }
    let everything = CheckEndpoint {
        provider: provider.to_owned(),
        events: None,
        scope: None,
        filter: None,
        signature: None,
        settings: None,
        before: EndpointSettings::default(),
    };
    guest
        .check_endpoint(everything)?
        .map_err(|rejection| RulesError::Refused(rejection.message))?;
    guest.judge(Judge {
        provider: provider.to_owned(),
        settings: None,
        attempt: EndedAttempt {
            number: 1,
            probe: false,
            outcome: Outcome::Failure(FailureKind::Timeout),
            first_started_at_ms: 0,
            ended_at_ms: 1,
        },
        health: EndpointHealth::default(),
        state: EndpointState::Active,
        scale: TimeScale::REAL,
        chance: 0,
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::rules::{GUEST_SHA256, GUEST_WASM, Rules};
    use countersign_guest::ABI_VERSION;

    /// A module with the exports of a guest, whose answers are empty.
    fn dumb(abi_version: u32) -> Vec<u8> {
        let text = format!(
            r#"(module (memory (export "memory") 1)
                (func (export "abi_version") (result i32) (i32.const {abi_version}))
                (func (export "input") (param i32) (result i32) (i32.const 0))
                (func (export "call") (param i32) (result i32) (i32.const 0))
                (func (export "output") (result i32) (i32.const 0)))"#
        );
        wat::parse_str(text).unwrap()
    }

    #[test]
    fn a_guest_that_fails_its_test_does_not_replace_the_one_in_use() {
        let rules = Rules::load().unwrap();
        let empty = wat::parse_str("(module)").unwrap();
        let nobody = ["nobody".to_owned()];
        for (guest, providers, problem) in [
            (dumb(ABI_VERSION), &[][..], "fails its test"),
            (dumb(ABI_VERSION + 1), &[], "its ABI is"),
            (empty, &[], "no export"),
            (b"garbage".to_vec(), &[], "cannot be used"),
            (GUEST_WASM.to_vec(), &nobody, "the provider nobody"),
        ] {
            let error = rules.replace_guest(&guest, None, providers).unwrap_err();
            assert!(error.to_string().contains(problem), "{problem}: {error}");
            assert_eq!(rules.guest.sha256(), GUEST_SHA256);
            assert!(rules.plan("cleanmails", true, None).is_ok());
        }
    }
}
