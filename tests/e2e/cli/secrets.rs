//! Keys in PEM, secrets that can be no keys, and what is said of secrets on the command line.

use super::{BODY, SECRET, folder, http};
use countersign_tests::command::Folder;
use p256::pkcs8::{EncodePrivateKey, EncodePublicKey, LineEnding};
use serde_json::Value;

#[test]
fn a_key_in_pem_signs_and_its_public_half_in_pem_verifies() {
    let folder = Folder::new().unwrap();
    let key = p256::SecretKey::from_slice(&[7; 32]).unwrap();
    for end in [LineEnding::LF, LineEnding::CRLF] {
        // As `openssl pkcs8 -topk8 -nocrypt` and `openssl pkey -pubout` write them.
        folder.file("sg.pem", key.to_pkcs8_pem(end).unwrap());
        folder.file("sg.pub", key.public_key().to_public_key_pem(end).unwrap());
        let trigger = [
            "trigger",
            "sendgrid",
            "open",
            "--secret-file",
            "sg.pem",
            "--print",
        ];
        let printed = folder.run(&trigger).unwrap();
        assert_eq!(printed.code, Some(0), "{}", printed.stderr);
        for command in ["verify", "explain"] {
            let arguments = [command, "--scheme", "sendgrid", "--secret-file", "sg.pub"];
            let ended = folder.run_with(&arguments, &[], &printed.stdout).unwrap();
            assert_eq!(ended.code, Some(0), "{command}: {ended:?}");
        }
    }
    // A public half signs nothing.
    let sign = [
        "trigger",
        "sendgrid",
        "open",
        "--secret-file",
        "sg.pub",
        "--print",
    ];
    let refused = folder.run(&sign).unwrap();
    assert_eq!(refused.code, Some(2));
    assert!(
        refused.stderr.contains("openssl pkey -pubout"),
        "{}",
        refused.stderr
    );
}

#[test]
fn explain_says_why_a_secret_can_be_no_key() {
    let folder = folder();
    let request = http("\n", BODY);
    for (secret, code, words) in [
        ("", "secret_empty", "is empty"),
        ("whsec_", "secret_incomplete", "the prefix whsec_ alone"),
        ("whsec_!!!", "secret_malformed", "character 7"),
        ("short", "secret_incomplete", "5 characters"),
    ] {
        folder.file("whsec.txt", secret);
        let sender = [
            "--scheme",
            "standard-webhooks",
            "--secret-file",
            "whsec.txt",
        ];
        let ask = |command: &str, more: &[&str]| {
            let arguments = [&[command], sender.as_slice(), more].concat();
            folder.run_with(&arguments, &[], &request).unwrap()
        };
        let told = ask("explain", &[]);
        assert_eq!(
            (told.code, ask("verify", &[]).code),
            (Some(2), Some(2)),
            "{told:?}"
        );
        let lines: Vec<_> = told.text().lines().collect();
        assert!(lines[0].starts_with("secret_invalid: "), "{lines:?}");
        assert!(
            lines[1].starts_with("certain: ") && lines[1].contains(words),
            "{lines:?}"
        );
        assert!(lines[2].starts_with("  fix: "), "{lines:?}");
        assert!(!told.text().contains("No known mistake"), "{lines:?}");
        let json = ask("explain", &["--json"]);
        assert_eq!(json.code, Some(2));
        assert_eq!(json.json()["findings"][0]["code"], code);
    }
}

#[test]
fn errors_are_one_line_of_json_where_a_secret_is_on_the_command_line() {
    let folder = folder();
    let verify = ["verify", "-p", "nobody", "--secret", SECRET];
    let plain = folder.run_with(&verify, &[], &http("\n", BODY)).unwrap();
    assert!(plain.stderr.starts_with("warning: "), "{}", plain.stderr);
    let json = [verify.as_slice(), &["--json"]].concat();
    let json = folder.run_with(&json, &[], &http("\n", BODY)).unwrap();
    assert_eq!(json.code, Some(2));
    let error: Value = serde_json::from_str(&json.stderr).unwrap();
    assert_eq!(error["error"]["code"], "unknown_scheme");
}
