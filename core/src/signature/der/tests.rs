use super::*;
use alloc::string::String;
use p256::{
    PublicKey, SecretKey,
    ecdsa::Signature,
    pkcs8::{DecodePrivateKey, DecodePublicKey, EncodePrivateKey, EncodePublicKey, LineEnding},
};

fn keys() -> impl Iterator<Item = SecretKey> {
    (1..40_u8).map(|byte| SecretKey::from_slice(&[byte; 32]).unwrap())
}

/// What our reader and the curve make of it.
fn read_public(der: &[u8]) -> Option<PublicKey> {
    PublicKey::from_sec1_bytes(public_key(der)?).ok()
}

fn read_private(der: &[u8]) -> Option<SecretKey> {
    let key = PrivateKey::from_pkcs8(der)?;
    let secret = SecretKey::from_slice(key.scalar.as_slice()).ok()?;
    let is_own = |public: Vec<u8>| PublicKey::from_sec1_bytes(&public) == Ok(secret.public_key());
    key.public.is_none_or(is_own).then_some(secret)
}

/// Each text with one byte changed to something near it, and each cut.
fn spoiled(whole: &[u8]) -> Vec<Vec<u8>> {
    let mut texts = Vec::new();
    for at in 0..whole.len() {
        texts.push(whole[..at].to_vec());
        for change in [0x01, 0x02, 0x20, 0x80, 0xff] {
            let mut text = whole.to_vec();
            text[at] ^= change;
            texts.push(text);
        }
    }
    texts.push([whole, b"\0"].concat());
    texts
}

#[test]
fn public_keys_are_read_as_the_crates_read_them() {
    for key in keys() {
        let der = key.public_key().to_public_key_der().unwrap();
        assert_eq!(read_public(der.as_bytes()), Some(key.public_key()));
    }
    let der = keys()
        .next()
        .unwrap()
        .public_key()
        .to_public_key_der()
        .unwrap();
    for text in spoiled(der.as_bytes()) {
        let expected = PublicKey::from_public_key_der(&text).ok();
        assert_eq!(read_public(&text), expected, "{text:02x?}");
    }
}

#[test]
fn a_public_key_in_pem_is_the_one_in_base64() {
    use crate::signature::{Config, KeyedScheme};
    for key in keys() {
        let der = key.public_key().to_public_key_der().unwrap();
        for end in [LineEnding::LF, LineEnding::CRLF] {
            let pem = key.public_key().to_public_key_pem(end).unwrap();
            let read = unarmoured(&pem, PUBLIC_ARMOUR).unwrap();
            assert_eq!(read.as_slice(), der.as_bytes());
            // With the line break at its end, and without.
            for text in [pem.as_str(), pem.trim_end()] {
                assert!(KeyedScheme::new(&Config::new("sendgrid", &[text])).is_ok());
            }
            for (from, to) in [
                ("BEGIN PUBLIC", "BEGIN EC"),
                ("END PUBLIC", "END PRIVATE"),
                ("-----END", "=\n-----END"),
                ("MFk", "MF!"),
            ] {
                let text: String = pem.replace(from, to);
                let wrong = KeyedScheme::new(&Config::new("sendgrid", &[&text]));
                assert!(text != pem && wrong.is_err(), "{text}");
            }
        }
    }
}

#[test]
fn private_keys_are_read_as_the_crates_read_them() {
    for key in keys() {
        let pem = key.to_pkcs8_pem(LineEnding::LF).unwrap();
        let read = PrivateKey::from_pem(&pem).unwrap();
        assert_eq!(read.scalar.as_slice(), key.to_bytes().as_slice());
        assert!(read.public.is_some());
        let crlf = key.to_pkcs8_pem(LineEnding::CRLF).unwrap();
        assert!(PrivateKey::from_pem(&crlf).is_some());
    }
    let der = keys().next().unwrap().to_pkcs8_der().unwrap();
    for text in spoiled(der.as_bytes()) {
        let expected = SecretKey::from_pkcs8_der(&text).ok();
        assert_eq!(read_private(&text), expected, "{text:02x?}");
    }
}

#[test]
fn a_private_key_without_its_public_one_is_read() {
    let scalar = [7; SCALAR_BYTES];
    let sec1 = [b"\x30\x25\x02\x01\x01\x04\x20".as_slice(), &scalar].concat();
    let der = [
        b"\x30\x41\x02\x01\0\x30\x13".as_slice(),
        ON_P256,
        b"\x04\x27",
        &sec1,
    ]
    .concat();
    let read = PrivateKey::from_pkcs8(&der).unwrap();
    assert_eq!(*read.scalar, scalar);
    assert!(read.public.is_none() && SecretKey::from_pkcs8_der(&der).is_ok());
}

#[test]
fn a_text_that_is_no_such_key_is_refused() {
    let pem = keys().next().unwrap().to_pkcs8_pem(LineEnding::LF).unwrap();
    for (from, to) in [
        ("BEGIN PRIVATE", "BEGIN PUBLIC"),
        ("END PRIVATE", "END EC PRIVATE"),
        ("-----END", "-----\n-----END"),
        ("MIGH", "MIG!"),
    ] {
        let text: String = pem.replace(from, to);
        assert!(
            text != *pem && PrivateKey::from_pem(&text).is_none(),
            "{text}"
        );
    }
}

#[test]
fn signatures_are_read_and_written_as_the_crate_does() {
    let halves = [
        [1; 32],
        [0x80; 32],
        core::array::from_fn(|i| u8::from(i == 31)),
        core::array::from_fn(|i| if i < 20 { 0 } else { 0x90 }),
    ];
    for r in halves {
        for s in halves {
            let der = write_signature(&[r, s]);
            let expected = Signature::from_scalars(r, s).unwrap();
            assert_eq!(der, expected.to_der().as_bytes());
            assert_eq!(signature(&der), Some([r, s]));
        }
    }
    for text in spoiled(&write_signature(&[halves[1], halves[3]])) {
        let ours = signature(&text).and_then(|[r, s]| Signature::from_scalars(r, s).ok());
        assert_eq!(ours, Signature::from_der(&text).ok(), "{text:02x?}");
    }
}
