//! The kernel of this binary, through wasmtime.

use super::*;
use crate::rules::KERNEL_WASM;

fn kernel() -> Kernel {
    Kernel::new(&Engine::new().unwrap(), KERNEL_WASM).unwrap()
}

fn lookup(headers: &[(String, String)]) -> impl Fn(&str) -> Option<Vec<u8>> + '_ {
    |name| {
        let same = |(key, _): &&(String, String)| key.eq_ignore_ascii_case(name);
        headers
            .iter()
            .find(same)
            .map(|(_, value)| value.clone().into_bytes())
    }
}

#[test]
fn what_it_signs_it_verifies() {
    let kernel = kernel();
    let mut signer = kernel
        .verifier("standard-webhooks", None, &["whsec_AAECAw=="], &[])
        .unwrap();
    let headers = signer
        .sign(Some("msg_1"), SignedAt::UnixMs(1_700_000_000_000), b"{}")
        .unwrap();
    let mut verifier = kernel
        .verifier(
            "standard-webhooks",
            Some(Some(10)),
            &["AAAA", "AAECAw"],
            &[],
        )
        .unwrap();
    let verdict = verifier
        .verify(lookup(&headers), b"{}", 1_700_000_010)
        .unwrap();
    assert_eq!((verdict.code, verdict.secret_index), (Code::Valid, 1));
    assert_eq!(verdict.timestamp_s, Some(1_700_000_000.0));
    let verdict = verifier
        .verify(lookup(&headers), b"{}", 1_700_000_011)
        .unwrap();
    assert_eq!(verdict.code, Code::TimestampTooOld);
    let verdict = verifier.verify(|_| None, b"{}", 0).unwrap();
    assert_eq!(verdict.code, Code::MissingHeader);
}

#[test]
fn mistakes_in_the_configuration_are_refused_with_their_code() {
    let kernel = kernel();
    for (scheme, secret, code) in [
        ("nobody", "a", Code::UnknownScheme),
        ("standard-webhooks", "whsec_%", Code::SecretInvalid),
        ("cleanmails", "", Code::SecretInvalid),
    ] {
        match kernel.verifier(scheme, None, &[secret], &[]) {
            Err(KernelError::Refused(refused)) => assert_eq!(refused, code),
            _ => panic!("{scheme} {secret}"),
        }
    }
}
