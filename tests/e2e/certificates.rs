//! Client certificates of endpoints: shown to receivers that ask for one, and their keys nowhere to be read.

use base64ct::{Base64, Encoding};
use countersign_host::{
    clock::rfc3339,
    identity::{ClientIdentity, IdentityError, KEY_BYTES_MAX},
    store::SecretText,
};
use countersign_tests::{
    host::{Host, HostHome, wait_for},
    hostile::{Authority, Habit, Hostile},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{path::Path, time::Duration};

const LIMIT: Duration = Duration::from_secs(20);

fn read(chain: &str, key: &str) -> Result<ClientIdentity, IdentityError> {
    ClientIdentity::from_pem(chain, &SecretText::new(key.to_owned()))
}

/// The DER of a PEM text with one certificate.
fn der(pem: &str) -> Vec<u8> {
    let base64: String = pem
        .lines()
        .filter(|line| !line.starts_with('-'))
        .map(str::trim)
        .collect();
    Base64::decode_vec(&base64).unwrap()
}

#[test]
fn a_chain_is_kept_without_what_stood_around_it_and_tells_who_and_how_long() {
    let authority = Authority::new();
    let (certificate, key) = authority.client("sender.test");
    let issuer = authority.pem();
    let given = format!("Subject: a\n{certificate}\n{key}\r\n{issuer}");
    let identity = read(&given, &key).unwrap();
    let kept = identity.chain_pem();
    assert!(
        !kept.contains("PRIVATE") && !kept.contains("Subject"),
        "{kept}"
    );
    assert_eq!(kept.matches("BEGIN CERTIFICATE").count(), 2);
    assert!(kept.lines().all(|line| line.len() <= 64), "{kept}");
    assert_eq!(read(&kept, &key).unwrap(), identity);
    let digest: [u8; 32] = Sha256::digest(der(&certificate)).into();
    assert_eq!(identity.sha256(), digest);
    // Both forms in which certificates write times.
    assert_eq!(rfc3339(identity.not_after_ms()), "4096-01-01T00:00:00.000Z");
    let (expired, expired_key) = authority.client_expired("sender.test");
    let expired = read(&expired, &expired_key).unwrap();
    assert_eq!(rfc3339(expired.not_after_ms()), "2021-01-01T00:00:00.000Z");
    assert!(!format!("{identity:?}").contains("BEGIN"));
}

#[test]
fn what_cannot_be_a_certificate_with_its_key_is_refused_by_part() {
    let authority = Authority::new();
    let (certificate, key) = authority.client("sender.test");
    let (other, other_key) = authority.client("other.test");
    assert!(read(&other, &other_key).is_ok());
    let cut: String = {
        let whole = der(&certificate);
        let part = Base64::encode_string(&whole[..whole.len() / 2]);
        format!("-----BEGIN CERTIFICATE-----\n{part}\n-----END CERTIFICATE-----\n")
    };
    let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let long = "x".repeat(KEY_BYTES_MAX + 1);
    for (chain, key, error) in [
        ("", &*key, IdentityError::Certificate),
        (&*key, &*key, IdentityError::Certificate),
        (&*cut, &*key, IdentityError::Certificate),
        (&*certificate.repeat(11), &*key, IdentityError::Certificate),
        (&*" ".repeat(100_000), &*key, IdentityError::Certificate),
        (&*certificate, "secret", IdentityError::Key),
        (&*certificate, &*certificate, IdentityError::Key),
        (&*certificate, &*encrypted, IdentityError::Key),
        (&*certificate, &*long, IdentityError::Key),
        (&*certificate, &*other_key, IdentityError::Mismatch),
    ] {
        let refused = read(chain, key);
        assert_eq!(refused, Err(error), "{chain:.60} {key:.60}");
        assert!(!error.to_string().contains(key));
    }
}

/// Publishes an event and returns its only attempt.
fn attempt(host: &Host) -> Value {
    let event = json!({"event": "email.sent", "data": {}});
    let message = host.publish("sendemall", &event).unwrap();
    let attempt = wait_for("an attempt", LIMIT, || {
        let message = host.get(&format!("/v1/messages/{message}"))?.json;
        let attempt = message["deliveries"][0]["attempts"][0].clone();
        Ok(attempt.is_object().then_some(attempt))
    });
    attempt.unwrap()
}

#[track_caller]
fn assert_turned_away(attempt: &Value) {
    // The receiver's alert is followed by a reset, which may overtake it.
    let outcome = attempt["outcome"].as_str().unwrap();
    assert!(["tls", "invalid_response"].contains(&outcome), "{attempt}");
    assert!(attempt["detail"].is_string(), "{attempt}");
}

/// Whether a line of the key's base64, which is the key itself, is in a file of the folder.
fn is_in_a_file(key: &str, folder: &Path) -> bool {
    let line = key.lines().nth(1).unwrap();
    assert_eq!(line.len(), 64);
    let line = line.as_bytes();
    std::fs::read_dir(folder).unwrap().any(|file| {
        let file = file.unwrap();
        file.file_type().unwrap().is_file()
            && std::fs::read(file.path())
                .unwrap()
                .windows(line.len())
                .any(|window| window == line)
    })
}

#[test]
fn a_receiver_that_asks_for_a_certificate_gets_the_one_of_its_endpoint_through_restarts_and_changes()
 {
    let authority = Authority::new();
    let certified = authority.server_config("localhost", &["http/1.1"], true);
    let receiver = Hostile::start_tls(Habit::Fine, certified);
    let mut home = HostHome::strict().unwrap();
    home.trust(&authority.pem()).unwrap();
    let trace = |command: &mut std::process::Command| {
        let filter = "trace,cranelift_codegen=info,regalloc2=info,wasmtime_cranelift=info,wasmtime_environ=info";
        command.env("COUNTERSIGN_LOG_FILTER", filter);
    };
    let host = home.start_with(trace).unwrap();
    let endpoint =
        json!({"provider": "sendemall", "url": receiver.url("/hook"), "secret": "whsec_s"});
    let path = format!("/v1/endpoints/{}", host.create_endpoint(&endpoint).unwrap());
    let certificates = format!("{path}/client-certificate");
    assert_eq!(
        host.get(&path).unwrap().json["client_certificate"],
        Value::Null
    );
    assert_turned_away(&attempt(&host));

    let (certificate, key) = authority.client("sender.test");
    let body = json!({"certificate": certificate, "private_key": key});
    let set = host.put(&certificates, &body).unwrap();
    assert_eq!(set.status, 200, "{set:?}");
    let sha256 = base16ct::lower::encode_string(&Sha256::digest(der(&certificate)));
    let shown = json!({"sha256": sha256, "not_after": "4096-01-01T00:00:00.000Z"});
    assert_eq!(set.json["client_certificate"], shown);
    assert_eq!(set.json["warnings"], json!([]));
    let delivered = attempt(&host);
    assert_eq!(
        (&delivered["status"], &delivered["detail"]),
        (&json!(200), &Value::Null)
    );

    // What is wrong changes nothing.
    let (other, other_key) = authority.client("other.test");
    for (body, field, code) in [
        (
            json!({"certificate": certificate}),
            "private_key",
            "missing_field",
        ),
        (json!({"private_key": key}), "certificate", "missing_field"),
        (
            json!({"certificate": "a", "private_key": key}),
            "certificate",
            "certificate_invalid",
        ),
        (
            json!({"certificate": other, "private_key": "b"}),
            "private_key",
            "private_key_invalid",
        ),
        (
            json!({"certificate": other, "private_key": key}),
            "private_key",
            "private_key_mismatch",
        ),
        (
            json!({"certificate": 7, "private_key": key}),
            "certificate",
            "wrong_type",
        ),
        (
            json!({"certificate": other, "private_key": other_key, "password": "x"}),
            "password",
            "unknown_field",
        ),
    ] {
        let refused = host.put(&certificates, &body).unwrap();
        assert_eq!(refused.status, 400, "{refused:?}");
        assert_eq!(
            (&refused.json["field"], &refused.json["code"]),
            (&json!(field), &json!(code))
        );
        assert!(
            !refused
                .json
                .to_string()
                .contains(key.lines().nth(1).unwrap())
        );
    }
    let unknown = host
        .put("/v1/endpoints/ep_none/client-certificate", &body)
        .unwrap();
    assert_eq!(unknown.status, 404);
    // Nor does a change of something else.
    let renamed = host.patch(&path, &json!({"name": "bank"})).unwrap();
    assert_eq!(renamed.json["client_certificate"], shown);

    let running = is_in_a_file(&key, &home.data_dir());
    assert!(host.terminate().unwrap().success());
    assert!(!running && !is_in_a_file(&key, &home.data_dir()));
    assert!(!home.log().contains(key.lines().nth(1).unwrap()));

    // Another key seals it anew.
    let rotated = home.run(&["keys", "rotate"], &[]).unwrap();
    assert_eq!(rotated.code, Some(0), "{rotated:?}");
    let host = home.start().unwrap();
    assert_eq!(host.get(&path).unwrap().json["client_certificate"], shown);
    assert_eq!(attempt(&host)["status"], 200);

    // One that a receiver does not take, in the place of the first: no kept connection is used for it.
    let (expired, expired_key) = authority.client_expired("sender.test");
    let body = json!({"certificate": expired, "private_key": expired_key});
    let set = host.put(&certificates, &body).unwrap();
    let warnings = set.json["warnings"].to_string();
    assert!(warnings.contains("has expired"), "{warnings}");
    assert_turned_away(&attempt(&host));

    host.put(
        &certificates,
        &json!({"certificate": other, "private_key": other_key}),
    )
    .unwrap();
    assert_eq!(attempt(&host)["status"], 200);
    let requests = receiver.requests();
    for _ in 0..2 {
        assert_eq!(host.delete(&certificates).unwrap().status, 204);
    }
    assert_eq!(
        host.get(&path).unwrap().json["client_certificate"],
        Value::Null
    );
    assert_turned_away(&attempt(&host));
    assert_eq!(receiver.requests(), requests);
    assert!(host.terminate().unwrap().success());
    let store = rusqlite::Connection::open(home.data_dir().join("countersign.db")).unwrap();
    let left: i64 = store
        .query_row("SELECT count(*) FROM client_certificates", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(left, 0);
}
