//! `verify` and `explain`: requests in every form, verdicts as text, JSON and exit codes.

use super::{BODY, SECRET, folder, http, run, signature, spaced};
use base64ct::{Base64, Encoding};
use serde_json::{Value, json};

#[test]
fn verify_takes_a_request_in_every_form() {
    let folder = folder();
    folder.file("request.http", http("\r\n", BODY));
    let header = signature();
    let (name, value) = header.split_once(": ").unwrap();
    let text = std::str::from_utf8(BODY).unwrap();
    let object = json!({"headers": {name: [value]}, "body": text}).to_string();
    let pairs =
        json!({"headers": [[name, value]], "bodyBase64": Base64::encode_string(BODY)}).to_string();
    let recording = format!("{{\"headers\":[],\"body\":\"\"}}\n{object}\n");
    let recording = recording.as_bytes();
    let cases: [(&[&str], &[u8]); 8] = [
        (&["request.http"], b""),
        (&[], &http("\r\n", BODY)),
        (&["-"], &http("\n", BODY)),
        (&[], object.as_bytes()),
        (&[], pairs.as_bytes()),
        (&["--line", "2"], recording),
        (&["--header", &header, "--body-file", "body.json"], b""),
        (&["-H", &header, "--body-file", "-"], BODY),
    ];
    for (arguments, input) in cases {
        let ended = run(&folder, "verify", arguments, input);
        assert_eq!(
            (ended.code, ended.text(), ended.stderr.as_str()),
            (
                Some(0),
                "valid: secret 1 fits; the signature covers body\n",
                ""
            ),
            "{arguments:?}"
        );
    }
}

#[test]
fn exit_codes_tell_a_script_what_happened() {
    let folder = folder();
    let good = run(&folder, "verify", &[], &http("\n", BODY));
    let changed = run(&folder, "verify", &[], &http("\n", b"{}"));
    let explained = run(&folder, "explain", &[], &http("\n", b"{}"));
    let fits = run(&folder, "explain", &[], &http("\n", BODY));
    let codes = [good.code, changed.code, explained.code, fits.code];
    assert_eq!(codes, [Some(0), Some(1), Some(1), Some(0)]);
    assert!(changed.text().starts_with("bad_signature: "));
    assert!(changed.stderr.contains("countersign explain"));
    assert_eq!(fits.text(), "valid: nothing to explain\n");

    let header = signature();
    let request = ["-H", &header, "--body-file", "body.json"];
    let mistakes: [(&[&str], &str); 14] = [
        (&[], "Name the sender"),
        (&["--provider", "cleanmails"], "COUNTERSIGN_SECRET"),
        (
            &["--provider", "nobody", "--secret-file", "secret.txt"],
            "(unknown_scheme)",
        ),
        (
            &["--provider", "cleanmails", "--secret-env", "OTHER"],
            "OTHER is not set",
        ),
        (
            &["--provider", "cleanmails", "--secret-file", "nowhere"],
            "nowhere cannot be read",
        ),
        (
            &[
                "-p",
                "cleanmails",
                "--secret-file",
                "secret.txt",
                "--nothing",
            ],
            "--nothing",
        ),
        (
            &[
                "-p",
                "cleanmails",
                "--secret-file",
                "secret.txt",
                "--tolerance",
                "soon",
            ],
            "--tolerance",
        ),
        (
            &[
                "-p",
                "cleanmails",
                "--secret-file",
                "secret.txt",
                "--now",
                "-1",
            ],
            "--now",
        ),
        (
            &[
                "-p",
                "cleanmails",
                "--secret-file",
                "secret.txt",
                "--option",
                "colour=red",
            ],
            "no setting colour",
        ),
        (
            &[
                "-p",
                "cleanmails",
                "--secret-file",
                "secret.txt",
                "--option",
                "header",
            ],
            "NAME=VALUE",
        ),
        (
            &[
                "-p",
                "cleanmails",
                "--secret-file",
                "secret.txt",
                "--option",
                "mode=simple",
            ],
            "(unknown_option)",
        ),
        (
            &["--scheme", "generic-hmac", "--secret-file", "secret.txt"],
            "(option_missing)",
        ),
        (
            &["-p", "cleanmails", "--secret-file", "secret.txt", "extra"],
            "as one FILE",
        ),
        (
            &[
                "-p",
                "cleanmails",
                "--secret-file",
                "secret.txt",
                "--header",
                "no colon",
            ],
            "'Name: value'",
        ),
    ];
    for command in ["verify", "explain"] {
        for (arguments, wanted) in mistakes {
            let ended = folder
                .run(&[&[command], request.as_slice(), arguments].concat())
                .unwrap();
            assert_eq!(
                (ended.code, ended.text()),
                (Some(2), ""),
                "{command} {arguments:?}"
            );
            assert!(
                ended.stderr.contains(wanted),
                "{command} {arguments:?}: {}",
                ended.stderr
            );
        }
    }
    for input in [
        "",
        "hello",
        "{}",
        r#"{"headers":{},"body":{}}"#,
        "POST / HTTP/1.1\nno name\n\n",
    ] {
        let ended = run(&folder, "verify", &[], input.as_bytes());
        assert_eq!(ended.code, Some(2), "{input}");
        assert!(
            ended.stderr.contains("countersign verify --help"),
            "{}",
            ended.stderr
        );
    }
}

#[test]
fn secrets_come_from_files_and_variables_and_are_tried_in_turn() {
    let folder = folder();
    let header = signature();
    let verify = |arguments: &[&str], env: &[(&str, &str)]| {
        let request = [
            "verify",
            "-p",
            "cleanmails",
            "-H",
            &header,
            "--body-file",
            "body.json",
        ];
        folder
            .run_with(&[request.as_slice(), arguments].concat(), env, b"")
            .unwrap()
    };
    assert_eq!(verify(&[], &[("COUNTERSIGN_SECRET", SECRET)]).code, Some(0));
    assert_eq!(
        verify(&["--secret-env", "OTHER"], &[("OTHER", SECRET)]).code,
        Some(0)
    );
    // What an option says counts, and not the variable.
    let other = verify(&["--secret", "wrong"], &[("COUNTERSIGN_SECRET", SECRET)]);
    assert_eq!(other.code, Some(1));
    let second = verify(&["--secret", "wrong", "--secret", SECRET], &[]);
    assert!(second.text().starts_with("valid: secret 2 fits"));
    assert!(
        second
            .stderr
            .starts_with("warning: a secret on the command line")
    );
    let files_first = verify(
        &[
            "--secret",
            SECRET,
            "--secret-env",
            "A",
            "--secret-file",
            "secret.txt",
            "--json",
        ],
        &[("A", "wrong")],
    );
    assert_eq!(files_first.json()["secretIndex"], 0);
}

#[test]
fn json_is_printed_for_programs_and_its_fields_are_stable() {
    let folder = folder();
    let valid = run(&folder, "verify", &["--json"], &http("\n", BODY));
    assert_eq!(
        valid.text(),
        "{\"ok\":true,\"secretIndex\":0,\"timestamp\":null,\"covers\":[\"body\"]}\n"
    );
    let refused = run(&folder, "verify", &["--json"], &http("\n", b"")).json();
    assert_eq!(
        (&refused["ok"], &refused["code"]),
        (&false.into(), &"bad_signature".into())
    );
    assert!(refused["message"].is_string());

    let printed = spaced();
    let explained = run(&folder, "explain", &["--json"], &http("\n", &printed)).json();
    let finding = &explained["findings"][0];
    assert_eq!(finding["code"], "body_reserialised");
    assert_eq!(finding["confidence"], "certain");
    assert!(finding["message"].is_string() && finding["fix"].is_string());
    assert_eq!(explained["verdict"]["code"], "bad_signature");
    assert_eq!(explained["complete"], true);
    assert!(explained["trials"].as_u64().unwrap() > 1);

    // Mistakes are told on standard error, wherever they are found.
    for arguments in [
        &["--json", "--nothing"][..],
        &["--json", "nowhere"],
        &["--json", "--tolerance", "soon", "--nothing"],
    ] {
        let ended = run(&folder, "verify", arguments, b"");
        let error: Value = serde_json::from_str(&ended.stderr).unwrap();
        assert_eq!((ended.code, ended.text()), (Some(2), ""), "{arguments:?}");
        assert_eq!(error["error"]["code"], "usage", "{error}");
        assert!(error["error"]["message"].is_string());
    }
    let unknown = folder
        .run_with(
            &["sign", "-p", "nobody", "--json"],
            &[("COUNTERSIGN_SECRET", "s")],
            b"",
        )
        .unwrap();
    let error: Value = serde_json::from_str(&unknown.stderr).unwrap();
    assert_eq!(error["error"]["code"], "unknown_scheme");
}

#[test]
fn explain_names_the_cause_the_fix_and_other_endpoints() {
    let folder = folder();
    folder.file("mine.txt", "another");
    let arguments = [
        "explain",
        "-p",
        "cleanmails",
        "--secret-file",
        "mine.txt",
        "--other",
        "billing=secret.txt",
    ];
    let found = folder.run_with(&arguments, &[], &http("\n", BODY)).unwrap();
    assert_eq!(found.code, Some(1));
    assert!(
        found.text().contains("the endpoint billing"),
        "{}",
        found.text()
    );
    let lines: Vec<_> = found.text().lines().collect();
    assert!(lines[1].starts_with("certain: ") && lines[1].ends_with("(secret_of_other_endpoint)"));
    assert!(lines[2].starts_with("  fix: "));
    let nothing = folder
        .run_with(&arguments[..5], &[], &http("\n", BODY))
        .unwrap();
    assert!(nothing.text().contains("No known mistake explains it"));
}

#[test]
fn verify_judges_by_the_given_clock_and_reads_settings_in_both_spellings() {
    let folder = folder();
    let at = 1_772_000_000;
    let sign = |option: &str| {
        let ended = run(
            &folder,
            "sign",
            &[
                "--scheme",
                "generic-hmac",
                "--option",
                "header=X-S",
                "--option",
                "template={timestamp}.{body}",
                "--option",
                option,
                "--timestamp",
                &at.to_string(),
            ],
            BODY,
        );
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ended.text().to_owned()
    };
    let headers = sign("timestampHeader=X-T");
    assert_eq!(headers, sign("timestamp_header=X-T"));
    assert!(headers.starts_with(&format!("X-T: {at}\nX-S: ")));
    let request = format!("POST / HTTP/1.1\n{headers}\n");
    let request = [request.as_bytes(), BODY].concat();
    let verify = |clock: &[&str]| {
        let scheme = [
            "--scheme",
            "generic-hmac",
            "--option",
            "header=X-S",
            "--option",
            "template={timestamp}.{body}",
            "--option",
            "timestampHeader=X-T",
        ];
        run(
            &folder,
            "verify",
            &[scheme.as_slice(), clock].concat(),
            &request,
        )
    };
    let in_time = verify(&["--tolerance", "300", "--now", &(at + 300).to_string()]);
    assert_eq!(
        in_time.text(),
        "valid: secret 1 fits, made 2026-02-25T06:13:20.000Z; the signature covers body, timestamp\n"
    );
    let too_late = verify(&["--tolerance", "300", "--now", &(at + 301).to_string()]);
    assert!(too_late.text().starts_with("timestamp_too_old: "));
    assert_eq!(verify(&["--tolerance", "off", "--now", "1"]).code, Some(0));
}
