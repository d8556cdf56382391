//! The kernel of this binary, through wasmtime.

use super::*;
use crate::rules::KERNEL_WASM;

fn kernel() -> Kernel {
    Kernel::new(&Engine::new().unwrap(), KERNEL_WASM).unwrap()
}

#[test]
fn what_it_signs_it_verifies() {
    let kernel = kernel();
    let mut signer = kernel
        .verifier("standard-webhooks", None, &["whsec_AAECAw=="], &[])
        .unwrap();
    let headers = signer
        .sign(&Message {
            id: Some("msg_1"),
            ..Message::new(SignedAt::UnixMs(1_700_000_000_000), b"{}")
        })
        .unwrap();
    let mut verifier = kernel
        .verifier(
            "standard-webhooks",
            Some(Some(10)),
            &["AAAA", "AAECAw"],
            &[],
        )
        .unwrap();
    let request = Request::new(headers.as_slice(), b"{}");
    let verdict = verifier.verify(&request, 1_700_000_010).unwrap();
    assert_eq!((verdict.code, verdict.secret_index), (Code::Valid, 1));
    assert_eq!(verdict.timestamp_s, Some(1_700_000_000.0));
    let verdict = verifier.verify(&request, 1_700_000_011).unwrap();
    assert_eq!(verdict.code, Code::TimestampTooOld);
    let bare = Request::new([("Host", "a.example")].as_slice(), b"{}");
    let verdict = verifier.verify(&bare, 0).unwrap();
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
