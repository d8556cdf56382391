//! Calls as an embedder makes them.

use super::*;

fn load(kernel: &mut Kernel, frame: &[u8]) -> usize {
    kernel.input(frame.len()).unwrap().copy_from_slice(frame);
    frame.len()
}

fn config(scheme: &str, secrets: &[&str]) -> Vec<u8> {
    let secrets = frame::write(&secrets.iter().map(Some).collect::<Vec<_>>());
    frame::write(&[
        Some(scheme.as_bytes()),
        None,
        Some(&secrets),
        Some(&frame::write::<&[u8]>(&[])),
    ])
}

fn new_verifier(kernel: &mut Kernel, scheme: &str, secrets: &[&str]) -> u32 {
    let len = load(kernel, &config(scheme, secrets));
    kernel.verifier_new(len)
}

fn code_in_record(kernel: &Kernel) -> u32 {
    u32::from_le_bytes(*kernel.record().first_chunk().unwrap())
}

#[test]
fn signs_and_verifies_and_reports_the_secret() {
    let mut kernel = Kernel::new();
    let signer = new_verifier(&mut kernel, "standard-webhooks", &["whsec_AAECAw=="]);
    let verifier = new_verifier(&mut kernel, "standard-webhooks", &["AAAA", "AAECAw"]);
    assert_eq!((signer, verifier), (1, 2));

    let message = frame::write(&[Some(b"msg_1".as_slice()), None, Some(b"{}")]);
    let len = load(&mut kernel, &message);
    assert_eq!(kernel.sign(signer, len, 1_700_000_000), Code::Valid);
    let headers: Vec<Vec<u8>> = frame::read(kernel.output())
        .unwrap()
        .into_iter()
        .map(|part| part.unwrap().to_vec())
        .collect();

    assert_eq!(kernel.verifier_headers(verifier), 3);
    let names: Vec<Vec<u8>> = frame::read(kernel.output())
        .unwrap()
        .into_iter()
        .map(|part| part.unwrap().to_vec())
        .collect();
    let mut request: Vec<Option<Vec<u8>>> = names
        .iter()
        .map(|name| {
            let at = headers.iter().position(|header| header == name)?;
            headers.get(at + 1).cloned()
        })
        .collect();
    request.push(Some(b"{}".to_vec()));
    let len = load(&mut kernel, &frame::write(&request));
    assert_eq!(kernel.verify(verifier, len, 1_700_000_300), Code::Valid);
    let words: Vec<u32> = kernel.record()[..16]
        .chunks(4)
        .map(|word| u32::from_le_bytes(word.try_into().unwrap()))
        .collect();
    assert_eq!(words, [0, 1, 1 | 4 | 8, 1]);
    assert_eq!(
        kernel.verify(verifier, len, 1_700_000_301),
        Code::TimestampTooOld
    );
}

#[test]
fn a_message_without_the_id_that_the_scheme_signs_is_refused() {
    let mut kernel = Kernel::new();
    for (scheme, code) in [
        ("standard-webhooks", Code::IdMissing),
        ("platform", Code::Valid),
    ] {
        let handle = new_verifier(&mut kernel, scheme, &["AAAA"]);
        let len = load(&mut kernel, &frame::write(&[None, None, Some(b"{}")]));
        assert_eq!(kernel.sign(handle, len, 0), code, "{scheme}");
    }
}

#[test]
fn freed_places_are_used_again_and_old_handles_are_refused() {
    let mut kernel = Kernel::new();
    let first = new_verifier(&mut kernel, "platform", &["a"]);
    kernel.verifier_free(first);
    kernel.verifier_free(0);
    kernel.verifier_free(77);
    assert_eq!(kernel.verify(first, 0, 0), Code::BadHandle);
    assert_eq!(kernel.verifier_headers(first), 0);
    assert_eq!(new_verifier(&mut kernel, "platform", &["b"]), first);
}

#[test]
fn mistakes_in_the_configuration_have_their_code() {
    let mut kernel = Kernel::new();
    let cases: [(&str, &[&str], Code); 4] = [
        ("nobody", &["a"], Code::UnknownScheme),
        ("platform", &[], Code::SecretInvalid),
        ("platform", &["a", ""], Code::SecretInvalid),
        ("standard-webhooks", &["whsec_%"], Code::SecretInvalid),
    ];
    for (scheme, secrets, code) in cases {
        assert_eq!(new_verifier(&mut kernel, scheme, secrets), 0);
        assert_eq!(code_in_record(&kernel), code as u32, "{scheme} {secrets:?}");
    }
    assert_eq!(kernel.verifier_new(INPUT_BYTES_MAX + 1), 0);
    assert_eq!(code_in_record(&kernel), Code::BadFrame as u32);
}

#[test]
fn the_input_is_wiped_after_it_held_secrets_and_is_bounded() {
    let mut kernel = Kernel::new();
    new_verifier(&mut kernel, "platform", &["very secret"]);
    assert!(kernel.input.iter().all(|byte| *byte == 0));
    assert!(kernel.input(INPUT_BYTES_MAX + 1).is_none());
    assert!(kernel.input(5 * 1024 * 1024).is_some());
    assert!(kernel.input(10).is_some());
    assert!(kernel.input.len() <= INPUT_BYTES_KEPT);
}

#[test]
fn a_frame_of_the_wrong_shape_is_refused() {
    let mut kernel = Kernel::new();
    let handle = new_verifier(&mut kernel, "platform", &["a"]);
    let len = load(&mut kernel, &frame::write(&[Some(b"only one part")]));
    assert_eq!(kernel.verify(handle, len, 0), Code::BadFrame);
    assert_eq!(kernel.sign(handle, len, 0), Code::BadFrame);
    assert_eq!(kernel.verify(handle, usize::MAX, 0), Code::BadFrame);
}

#[cfg(feature = "hashed")]
#[test]
fn inner_hashes_of_the_embedder_give_the_same_verdict() {
    use sha2::{Digest, Sha256};
    let mut kernel = Kernel::new();
    let handle = new_verifier(&mut kernel, "slack", &["other", "secret"]);
    assert_eq!(kernel.inner_blocks(handle), 2);
    let part = |kernel: &Kernel, at: usize| {
        frame::read(kernel.output())
            .unwrap()
            .get(at)
            .unwrap()
            .to_vec()
    };
    let blocks = [part(&kernel, 0), part(&kernel, 1)];

    let body = b"text=94070";
    let len = load(
        &mut kernel,
        &frame::write(&[None, Some(b"1000".as_slice()), Some(body)]),
    );
    assert_eq!(kernel.sign(handle, len, 0), Code::Valid);
    let mut signed = Kernel::new();
    let signer = new_verifier(&mut signed, "slack", &["secret"]);
    let len = load(
        &mut signed,
        &frame::write(&[None, Some(b"1000".as_slice()), Some(body)]),
    );
    assert_eq!(signed.sign(signer, len, 0), Code::Valid);
    // Timestamp, signature: names and values alternate.
    let (timestamp, signature) = (part(&signed, 1), part(&signed, 3));

    let mut request = [Some(signature), Some(timestamp), Some(Vec::new())];
    let len = load(&mut kernel, &frame::write(&request));
    assert_eq!(kernel.verify_around(handle, len, 1_000), Code::Valid);
    let (before, after) = (part(&kernel, 0), part(&kernel, 1));
    assert_eq!(
        (before.as_slice(), after.as_slice()),
        (b"v0:1000:".as_slice(), b"".as_slice())
    );
    let hashes = blocks.iter().flat_map(|block| {
        Sha256::new_with_prefix(block)
            .chain_update(&before)
            .chain_update(body)
            .finalize()
    });
    request[2] = Some(hashes.collect());
    let len = load(&mut kernel, &frame::write(&request));
    assert_eq!(kernel.verify_hashed(handle, len, 1_000), Code::Valid);
    assert_eq!(kernel.record()[4], 1);
    assert_eq!(
        kernel.verify_hashed(handle, len, 2_000),
        Code::TimestampTooOld
    );
    assert_eq!(
        kernel.verify_around(handle, len, 2_000),
        Code::TimestampTooOld
    );
    request[2] = Some(vec![0; 64]);
    let len = load(&mut kernel, &frame::write(&request));
    assert_eq!(kernel.verify_hashed(handle, len, 1_000), Code::BadSignature);

    let other = new_verifier(&mut kernel, "square", &["secret"]);
    assert_eq!(kernel.inner_blocks(other), 0);
    assert_eq!(kernel.inner_blocks(77), 0);
}
