//! `sign`: what it prints verifies, and a shell can run it.

use super::{BODY, folder, run, signature};
use countersign_core::Scheme;
use std::process::Command;

#[test]
fn what_sign_prints_verifies_in_every_scheme_that_a_text_can_sign() {
    let folder = folder();
    // A seed for Discord, a private key for SendGrid: their secrets are no plain texts, and vectors hold them.
    let apart = ["discord", "sendgrid", "generic-hmac", "mailgun"];
    // Base64 of 24 bytes, which is a key in every form; Postmark's is a user and a password.
    let plain = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    for scheme in Scheme::all().filter(|scheme| !apart.contains(&scheme.name)) {
        let name = scheme.name;
        let secret = match name {
            "postmark" => "user:password",
            _ => plain,
        };
        let body = match name {
            "mandrill" | "twilio" => b"a=1&b=2".as_slice(),
            "linear" => b"{\"webhookTimestamp\":1772000000000}",
            _ => BODY,
        };
        folder.file("scheme.txt", secret);
        let url = [
            "--url",
            "https://hooks.example.com/in?a=1",
            "--secret-file",
            "scheme.txt",
        ];
        let sender = [["--scheme", name].as_slice(), &url].concat();
        let moment: &[&str] = match name {
            // The body has the moment.
            "linear" => &[],
            _ => &["--id", "msg_1"],
        };
        let sign = [&["sign"], sender.as_slice(), moment].concat();
        let signed = folder.run_with(&sign, &[], body).unwrap();
        assert_eq!(signed.code, Some(0), "{name}: {}", signed.stderr);
        let head = format!("POST /in HTTP/1.1\n{}\n", signed.text());
        let request = [head.as_bytes(), body].concat();
        let clock: &[&str] = match name {
            "linear" => &["--now", "1772000000"],
            _ => &[],
        };
        let verify = [&["verify"], sender.as_slice(), clock].concat();
        let verified = folder.run_with(&verify, &[], &request).unwrap();
        assert_eq!(
            verified.code,
            Some(0),
            "{name}: {verified:?} of {}",
            signed.text()
        );
    }
}

#[test]
fn sign_prints_a_curl_command_that_a_shell_can_run() {
    let folder = folder();
    let url = "http://127.0.0.1:1/it's?a=1&b=2";
    folder.file("it's.json", BODY);
    let printed = run(
        &folder,
        "sign",
        &["--body-file", "it's.json", "--curl", url],
        b"",
    );
    let script = format!("curl() {{ printf '%s\\n' \"$@\"; }}; {}", printed.text());
    let shell = Command::new("sh").args(["-c", &script]).output().unwrap();
    let header = signature();
    let words = [
        "-H",
        "Content-Type: application/json",
        "-H",
        &header,
        "--data-binary",
        "@it's.json",
    ];
    assert_eq!(
        String::from_utf8(shell.stdout).unwrap(),
        format!("{url}\n{}\n", words.join("\n"))
    );
    for (arguments, wanted) in [
        (
            &["--curl", "http://a.example"][..],
            "--curl needs --body-file",
        ),
        (&["--secret-file", "secret.txt", "body.json"], "one secret"),
        (
            &[
                "--scheme",
                "standard-webhooks",
                "--option",
                "secret_format=raw",
            ],
            "(id_missing)",
        ),
    ] {
        let ended = run(&folder, "sign", arguments, BODY);
        assert_eq!(ended.code, Some(2), "{arguments:?}");
        assert!(ended.stderr.contains(wanted), "{}", ended.stderr);
    }
}
