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

fn kept(kernel: &Kernel) -> usize {
    let mut instance = kernel.pool.take().unwrap();
    let kept = instance.signers.renew(u64::MAX).len();
    // With what it held it is no longer of use.
    drop(instance);
    kept
}

#[test]
fn no_signer_outlives_the_secret_that_it_was_made_of() {
    let kernel = kernel();
    let message = Message {
        id: Some("msg_1"),
        ..Message::new(SignedAt::UnixMs(1_700_000_000_000), b"{}")
    };
    let sign = |read_at| {
        let signed = kernel.sign(
            "standard-webhooks",
            &["whsec_AAECAw=="],
            &[],
            &message,
            read_at,
        );
        signed.unwrap()
    };
    let read_at = kernel.generation();
    let first = sign(read_at);
    assert_eq!(kept(&kernel), 1);

    // The secrets were read, then they were changed, and only then are they used.
    let read_at = kernel.generation();
    kernel.forget_signers();
    assert_eq!(sign(read_at), first);
    assert_eq!(kept(&kernel), 0);

    // They are changed while an instance signs with them: it is not taken back.
    let config = configuration("standard-webhooks", None, &["whsec_AAECAw=="], &[]);
    let Generation(age) = kernel.generation();
    let mut instance = kernel.pool.take().unwrap();
    instance.kept(Role::Signer, &config, age).unwrap().unwrap();
    kernel.forget_signers();
    kernel.pool.put_back(instance);
    assert_eq!(kept(&kernel), 0);
}

#[test]
fn verifiers_are_kept_apart_by_their_keys_and_from_signers() {
    let kernel = kernel();
    let message = Message::new(SignedAt::UnixMs(0), b"{}");
    let headers = kernel
        .sign("sendemall", &["one"], &[], &message, kernel.generation())
        .unwrap();
    let judge = |secrets: &[&str], body: &[u8]| {
        let keyed = Keyed {
            scheme: "sendemall",
            tolerance: None,
            secrets,
            options: &[],
            read_at: kernel.generation(),
        };
        let request = Request::new(headers.as_slice(), body);
        kernel.verify(keyed, &request, 0).unwrap()
    };
    for _ in 0..2 {
        assert_eq!(judge(&["one"], b"{}").code, Code::Valid);
        assert_eq!(judge(&["two", "one"], b"{}").secret_index, 1);
        assert_eq!(judge(&["two"], b"{}").code, Code::BadSignature);
        assert_eq!(judge(&["one"], b"{ }").code, Code::BadSignature);
        kernel.forget_signers();
    }
    let wrong = Keyed {
        scheme: "nobody",
        tolerance: None,
        secrets: &["one"],
        options: &[],
        read_at: kernel.generation(),
    };
    let refused = kernel.verify(wrong, &Request::new(headers.as_slice(), b"{}"), 0);
    assert!(matches!(
        refused,
        Err(KernelError::Refused(Code::UnknownScheme))
    ));
}
