//! The commands for files and pipes, as a shell and a script see them.

use base64ct::{Base64, Encoding};
use countersign_core::Scheme;
use countersign_tests::{
    command::{Ended, Folder},
    host::HostHome,
};
use serde_json::{Value, json};
use std::process::{Command, Stdio};

const SECRET: &str = "cm-signing-7Qe2";
const BODY: &[u8] =
    br#"{"event":"email.replied","workspace_id":1,"timestamp":"2026-05-12T14:30:00Z","data":{"lead_id":42}}"#;
/// HMAC-SHA256 of [`BODY`] with [`SECRET`], by `openssl dgst`.
const DIGEST: &str = "28b3c4b32a820e62a32192c118d8fbaa5a067ac24d0e2755a03352f322c5d29c";

/// The header that Cleanmails would send.
fn signature() -> String {
    format!("X-Webhook-Signature: sha256={DIGEST}")
}

/// A folder with a secret and a body in it.
fn folder() -> Folder {
    let folder = Folder::new().unwrap();
    folder.file("secret.txt", format!("{SECRET}\n"));
    folder.file("body.json", BODY);
    folder
}

const SENDER: [&str; 4] = ["--provider", "cleanmails", "--secret-file", "secret.txt"];

/// The request as raw HTTP, with these line ends.
fn http(end: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /hooks HTTP/1.1{end}Host: a.example{end}{}{end}{end}",
        signature()
    );
    [head.as_bytes(), body].concat()
}

fn run(folder: &Folder, command: &str, arguments: &[&str], input: &[u8]) -> Ended {
    let arguments = [&[command], SENDER.as_slice(), arguments].concat();
    let ended = folder.run_with(&arguments, &[], input).unwrap();
    let told = format!("{}{}", String::from_utf8_lossy(&ended.stdout), ended.stderr);
    assert!(!told.contains(SECRET), "a secret is echoed: {told}");
    ended
}

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

    let printed =
        serde_json::to_vec_pretty(&serde_json::from_slice::<Value>(BODY).unwrap()).unwrap();
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

#[test]
fn the_operators_commands_have_json_as_well() {
    let home = HostHome::new("").unwrap();
    let json = |arguments: &[&str]| -> Value {
        let ran = home.run(&[arguments, &["--json"]].concat(), &[]).unwrap();
        assert_eq!(ran.code, Some(0), "{arguments:?}: {}", ran.stderr);
        serde_json::from_str(&ran.stdout).unwrap()
    };
    let bare = |arguments: &[&str]| {
        home.run_bare(&[arguments, &["--json"]].concat(), &[])
            .unwrap()
    };
    let host = home.start().unwrap();
    let shown = json(&["core", "show"]);
    assert_eq!(
        (&shown["guest_file"], &shown["kept_at_restart"]),
        (&Value::Null, &true.into())
    );
    let version: Value = serde_json::from_str(&bare(&["version"]).stdout).unwrap();
    assert_eq!(version, host.get("/v1/version").unwrap().json);
    assert_eq!(shown["kernel_sha256"], version["kernel_sha256"]);
    let copy = home.data_dir().join("copy.db");
    let backup = json(&["backup", copy.to_str().unwrap()]);
    assert_eq!(backup["bytes"], std::fs::metadata(&copy).unwrap().len());
    assert_eq!(json(&["check"]), json!({"sound": true, "findings": []}));
    drop(host);
    let rotated = json(&["keys", "rotate"]);
    assert!(rotated["key_id"].is_string() && rotated["keys"].is_string());

    let key: Value = serde_json::from_str(&bare(&["keys", "new"]).stdout).unwrap();
    assert_eq!(key["key"].as_str().unwrap().len(), 64);
    let defaults: Value = serde_json::from_str(&bare(&["config"]).stdout).unwrap();
    assert_eq!(defaults["api"]["listen"], "127.0.0.1:8700");
    let path = home.config_path();
    let file = path.to_str().unwrap();
    let checked = home
        .run_bare(
            &["config", "--check", file, "--json"],
            &[("COUNTERSIGN_NO_SUCH", "1"), ("COUNTERSIGN_SECRET", "s")],
        )
        .unwrap();
    let checked: Value = serde_json::from_str(&checked.stdout).unwrap();
    assert_eq!(
        checked,
        json!({"file": file, "usable": true, "ignored_variables": ["COUNTERSIGN_NO_SUCH"]})
    );
    home.configure("[api]\nlisten = 7").unwrap();
    let wrong = bare(&["config", "--check", file]);
    let error: Value = serde_json::from_str(&wrong.stderr).unwrap();
    assert_eq!(
        (wrong.code, &error["error"]["code"]),
        (Some(2), &"config".into())
    );
}

#[test]
fn there_are_colours_on_a_terminal_only_and_not_against_its_will() {
    let folder = folder();
    let request = http("\n", b"{}");
    let verify = [&["verify"], SENDER.as_slice()].concat();
    let piped = folder.run_with(&verify, &[], &request).unwrap();
    assert!(!piped.text().contains('\u{1b}'));
    // As if there was a terminal.
    let forced = [("CLICOLOR_FORCE", "1")];
    let coloured = folder.run_with(&verify, &forced, &request).unwrap();
    assert!(
        coloured
            .text()
            .starts_with("\u{1b}[31mbad_signature\u{1b}[0m: ")
    );
    let unwanted = [("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")];
    let plain = folder.run_with(&verify, &unwanted, &request).unwrap();
    assert_eq!(plain.text(), piped.text());
}

#[test]
fn completions_are_scripts_that_name_every_command() {
    let folder = folder();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = folder.run(&["completions", shell]).unwrap();
        assert_eq!(script.code, Some(0));
        for command in ["listen", "trigger", "replay", "verify", "serve"] {
            assert!(script.text().contains(command), "{shell} {command}");
        }
        folder.file(shell, &script.stdout);
    }
    // Whichever of them are here.
    for (shell, check) in [("bash", "-n"), ("zsh", "-n"), ("fish", "--no-execute")] {
        let checked = Command::new(shell)
            .args([check, shell])
            .current_dir(folder.path(""))
            .stdout(Stdio::null())
            .status();
        if let Ok(status) = checked {
            assert!(status.success(), "{shell} does not take its script");
        }
    }
    assert_eq!(folder.run(&["completions", "csh"]).unwrap().code, Some(2));
}

#[test]
fn manual_pages_are_written_for_every_command() {
    let folder = folder();
    std::fs::create_dir(folder.path("man1")).unwrap();
    let pages = folder.run(&["man", "man1", "--json"]).unwrap().json();
    let pages = pages["pages"].as_array().unwrap();
    for page in [
        "countersign.1",
        "countersign-listen.1",
        "countersign-core-show.1",
    ] {
        let file = format!("man1/{page}");
        assert!(pages.contains(&file.as_str().into()), "{page}");
        let text = std::fs::read_to_string(folder.path(&file)).unwrap();
        assert!(text.contains(".TH") && text.contains("SYNOPSIS"), "{page}");
    }
    assert!(
        folder
            .run(&["man"])
            .unwrap()
            .text()
            .contains(".TH countersign 1")
    );
    assert_eq!(
        folder.run(&["man", "no-such-folder"]).unwrap().code,
        Some(2)
    );
}

#[test]
fn the_help_lists_the_commands_and_teaches_by_example() {
    let folder = folder();
    let help = folder.run(&["--help"]).unwrap();
    assert_eq!(help.code, Some(0));
    let commands: Vec<_> = help
        .text()
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(
        commands,
        [
            "serve",
            "listen",
            "trigger",
            "replay",
            "verify",
            "explain",
            "sign",
            "backup",
            "check",
            "config",
            "keys",
            "core",
            "version",
            "completions",
            "man",
            "help"
        ]
    );
    for command in &commands[..commands.len() - 1] {
        let help = folder.run(&[command, "--help"]).unwrap();
        assert_eq!(help.code, Some(0), "{command}");
        assert!(
            help.text()
                .contains(&format!("Usage: countersign {command}")),
            "{command}"
        );
        let is_group = ["keys", "core"].contains(command);
        assert!(is_group || help.text().contains("Example"), "{command}");
    }
    let none = folder.run(&[]).unwrap();
    assert_eq!((none.code, none.text()), (Some(2), ""));
    assert!(none.stderr.contains("countersign listen"));
    assert_eq!(folder.run(&["toString"]).unwrap().code, Some(2));
}

#[test]
fn who_stops_reading_ends_a_command_without_a_complaint() {
    let folder = folder();
    let script = "\"$0\" trigger --list | head -n 1";
    let ran = folder
        .shell(script, &[])
        .unwrap()
        .wait_with_output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&ran.stderr), "");
    assert_eq!(
        String::from_utf8_lossy(&ran.stdout),
        "cleanmails email.sent\n"
    );
}
