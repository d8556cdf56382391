//! Signing secrets: nowhere to be read, rotated with an overlap, sealed anew with another key.

use base64ct::{Base64, Encoding};
use countersign_core::Config;
use countersign_tests::{
    host::{Host, HostHome, wait_for},
    receiver::{Arrival, Receiver},
};
use serde_json::{Value, json};
use std::{path::Path, time::Duration};

const LIMIT: Duration = Duration::from_secs(20);

fn email_sent(lead: u32) -> Value {
    json!({"event": "email.sent", "workspace_id": 1, "timestamp": "2026-05-12T14:30:00Z", "data": {"lead_id": lead}})
}

/// Publishes an event and returns its first arrival.
fn arrival(host: &Host, receiver: &Receiver, lead: u32) -> Arrival {
    let message = host.publish("cleanmails", &email_sent(lead)).unwrap();
    wait_for("the arrival", LIMIT, || {
        let mut arrivals = receiver.arrivals().into_iter();
        Ok(arrivals.find(|arrival| arrival.message_id == message))
    })
    .unwrap()
}

/// Whether the provider's own header fits the secret, and whether the one of Standard Webhooks does.
fn fits(arrival: &Arrival, secret: &str) -> (bool, bool) {
    let mut standard = Config::new("standard-webhooks", &[secret]);
    standard.options = vec![("secret_format", "raw")];
    let own = arrival.verify(&Config::new("cleanmails", &[secret]));
    (own.is_ok(), arrival.verify(&standard).is_ok())
}

/// Forms in which a text could leak: as it is, in hex, and in base64 wherever it stands in what is encoded.
fn forms(text: &str) -> Vec<String> {
    let hex = base16ct::lower::encode_string(text.as_bytes());
    let mut forms = vec![text.to_owned(), hex.to_uppercase(), hex];
    for before in 0..3_usize {
        let padded = [&vec![b'.'; before], text.as_bytes()].concat();
        // Without the characters that depend on what stands before and after.
        let whole = padded.len() / 3 * 4;
        let from = if before == 0 { 0 } else { 4 };
        forms.push(Base64::encode_string(&padded)[from..whole].to_owned());
    }
    forms
}

fn is_in(haystack: &[u8], text: &str) -> bool {
    // What is looked for is ASCII, which stays where it is.
    let haystack = String::from_utf8_lossy(haystack);
    forms(text).iter().any(|form| haystack.contains(form))
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap());
    files
        .filter(|file| file.file_type().unwrap().is_file())
        .map(|file| {
            let name = file.file_name().to_string_lossy().into_owned();
            (name, std::fs::read(file.path()).unwrap())
        })
        .collect()
}

#[test]
fn no_secret_is_in_any_log_answer_or_file() {
    let receiver = Receiver::start();
    let home = HostHome::new("time_scale = 1000").unwrap();
    let trace = |command: &mut std::process::Command| {
        // Compiling the rules is told on hundreds of thousands of lines, before there is any secret.
        let filter = "trace,cranelift_codegen=info,regalloc2=info,wasmtime_cranelift=info,wasmtime_environ=info";
        command.env("COUNTERSIGN_LOG_FILTER", filter);
    };
    let host = home.start_with(trace).unwrap();
    let given = "whsec_a given secret of this test";
    let later = "whsec_a later secret of this test";
    let url = receiver.url("/fails/1/flaky");
    let endpoint = host
        .create_endpoint(&json!({"provider": "cleanmails", "url": url, "secret": given}))
        .unwrap();
    let made = json!({"provider": "sendemall", "url": receiver.url("/ok/made")});
    let made = host.post("/v1/endpoints", &made).unwrap().json;
    let path = format!("/v1/endpoints/{endpoint}");
    let rotate = |body: Value| {
        let answer = host.post(&format!("{path}/secret/rotate"), &body).unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json
    };
    let rotated = rotate(json!({}));
    let shown = rotate(json!({"secret": later}));
    assert!(shown.get("secret").is_none(), "only what was made is shown");
    let secrets = [
        given,
        later,
        made["secret"].as_str().unwrap(),
        rotated["secret"].as_str().unwrap(),
    ];

    arrival(&host, &receiver, 1);
    wait_for("the retry", LIMIT, || {
        Ok((receiver.count() >= 2).then_some(()))
    })
    .unwrap();
    let mut seen = Vec::new();
    for asked in [&*path, "/v1/endpoints", "/v1/stats"] {
        seen.push((asked.to_owned(), host.get(asked).unwrap().json.to_string()));
    }
    let changed = host.patch(&path, &json!({"name": "x"})).unwrap();
    seen.push(("PATCH".to_owned(), changed.json.to_string()));
    for wrong in [json!({"secret": given}), json!({"overlap_s": 604_801})] {
        let refused = host.post(&format!("{path}/secret/rotate"), &wrong).unwrap();
        assert_eq!(refused.status, 400, "{refused:?}");
        seen.push(("refused".to_owned(), refused.json.to_string()));
    }
    // While it runs, with the log of writes, and after it has stopped.
    let running = files(&home.data_dir());
    assert!(host.terminate().unwrap().success());
    let stopped = files(&home.data_dir());
    assert!(
        running
            .iter()
            .any(|(name, bytes)| name.ends_with("-wal") && !bytes.is_empty())
    );
    let log = home.log();
    assert!(
        log.contains("TRACE") && log.contains("dlv_"),
        "the log says too little"
    );

    let texts = seen
        .into_iter()
        .map(|(name, text)| (name, text.into_bytes()));
    let log = ("log".to_owned(), log.into_bytes());
    let everything: Vec<_> = texts.chain([log]).chain(running).chain(stopped).collect();
    for (name, bytes) in &everything {
        for (number, secret) in secrets.iter().enumerate() {
            assert!(!is_in(bytes, secret), "secret {number} is in {name}");
        }
    }
    // The search finds what is there, and the key is in its own file only.
    let places = |text: &str| -> Vec<&str> {
        let found = everything.iter().filter(|(_, bytes)| is_in(bytes, text));
        found.map(|(name, _)| name.as_str()).collect()
    };
    assert!(
        places(&endpoint).contains(&"countersign.db"),
        "{:?}",
        places(&endpoint)
    );
    let key = std::fs::read_to_string(home.data_dir().join("secrets.key")).unwrap();
    let key = key.lines().last().unwrap();
    assert_eq!(key.len(), 64);
    assert_eq!(places(key), ["secrets.key", "secrets.key"]);
}

// Holds: R-X3
#[test]
fn during_an_overlap_both_secrets_fit_and_the_provider_s_header_changes_over_once() {
    let receiver = Receiver::start();
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    let url = receiver.url("/ok/rotated");
    let endpoint = host
        .create_endpoint(&json!({"provider": "cleanmails", "url": url, "secret": "old"}))
        .unwrap();
    let path = format!("/v1/endpoints/{endpoint}/secret");
    let rotate = |body: Value| host.post(&format!("{path}/rotate"), &body).unwrap();

    let rotated = rotate(json!({"secret": "new"}));
    assert_eq!(rotated.status, 200, "{rotated:?}");
    let secrets = rotated.json["secrets"].as_array().unwrap();
    assert_eq!(secrets.len(), 2, "{secrets:?}");
    assert!(secrets[0]["expires_at"].is_null() && secrets[1]["expires_at"].is_string());
    let during = arrival(&host, &receiver, 1);
    assert_eq!(fits(&during, "old"), (true, true));
    assert_eq!(fits(&during, "new"), (false, true));

    let finished = host
        .post_bytes(&format!("{path}/finish"), &[], b"")
        .unwrap();
    assert_eq!(
        finished.json["secrets"].as_array().unwrap().len(),
        1,
        "{finished:?}"
    );
    let after = arrival(&host, &receiver, 2);
    assert_eq!(fits(&after, "old"), (false, false));
    assert_eq!(fits(&after, "new"), (true, true));

    rotate(json!({"secret": "third", "overlap_s": 1, "switch_s": 0}));
    let switched = arrival(&host, &receiver, 3);
    assert_eq!(fits(&switched, "new"), (false, true));
    assert_eq!(fits(&switched, "third"), (true, true));
    std::thread::sleep(Duration::from_millis(1_100));
    let expired = arrival(&host, &receiver, 4);
    assert_eq!(fits(&expired, "new"), (false, false));
    assert_eq!(fits(&expired, "third"), (true, true));

    // What has expired is wiped, by a start at the latest.
    drop(host);
    let host = home.start().unwrap();
    wait_for("the wiping", LIMIT, || {
        let endpoint = host.get(&format!("/v1/endpoints/{endpoint}"))?.json;
        Ok((endpoint["secrets"].as_array().map(Vec::len) == Some(1)).then_some(()))
    })
    .unwrap();
    assert_eq!(fits(&arrival(&host, &receiver, 5), "third"), (true, true));

    for secret in ["4", "5", "6", "7"] {
        assert_eq!(
            host.post(&format!("{path}/rotate"), &json!({"secret": secret}))
                .unwrap()
                .status,
            200
        );
    }
    let sixth = host
        .post(&format!("{path}/rotate"), &json!({"secret": "8"}))
        .unwrap();
    assert_eq!(
        (sixth.status, &sixth.json["code"]),
        (400, &json!("too_many_secrets"))
    );
    for (body, field) in [
        (json!({"overlap_s": -1}), "overlap_s"),
        (json!({"overlap_s": 10, "switch_s": 11}), "switch_s"),
        (json!({"secret": 7}), "secret"),
        (json!({"overlap": 7}), "overlap"),
    ] {
        let refused = host.post(&format!("{path}/rotate"), &body).unwrap();
        assert_eq!(
            (refused.status, refused.json["field"].as_str()),
            (400, Some(field)),
            "{refused:?}"
        );
    }
}

#[test]
fn the_key_is_changed_while_the_host_is_stopped_and_a_wrong_one_is_refused() {
    let receiver = Receiver::start();
    let home = HostHome::new("").unwrap();
    let host = home.start().unwrap();
    let url = receiver.url("/ok/key");
    host.create_endpoint(&json!({"provider": "cleanmails", "url": url, "secret": "s"}))
        .unwrap();
    let rotate = || home.run(&["keys", "rotate"], &[]).unwrap();
    let refused = rotate();
    assert_eq!(refused.code, Some(3), "the host is running: {refused:?}");
    assert!(host.terminate().unwrap().success());

    let file = home.data_dir().join("secrets.key");
    let before = std::fs::read_to_string(&file).unwrap();
    let rotated = rotate();
    assert_eq!(rotated.code, Some(0), "{rotated:?}");
    let after = std::fs::read_to_string(&file).unwrap();
    assert_ne!(before, after);
    assert!(
        !after.contains(before.lines().last().unwrap()),
        "the old key is still in the file"
    );
    let host = home.start().unwrap();
    assert_eq!(fits(&arrival(&host, &receiver, 1), "s"), (true, true));
    assert!(host.terminate().unwrap().success());

    let made = home.run_bare(&["keys", "new"], &[]).unwrap().stdout;
    assert_eq!(made.trim().len(), 64);
    let (new, old) = (made.trim(), after.lines().last().unwrap());
    let start = |key: &str| {
        let status = home
            .command()
            .unwrap()
            .env("COUNTERSIGN_STORE_KEY", key)
            .stdout(std::process::Stdio::null())
            .status();
        status.unwrap().code()
    };
    assert_eq!(start(new), Some(3));
    let log = home.log();
    assert!(log.contains("countersign keys rotate"), "{log}");
    assert_eq!(start("not a key"), Some(2));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), after);

    // From the file to the environment.
    let both = format!("{new},{old}");
    let moved = home
        .run(&["keys", "rotate"], &[("COUNTERSIGN_STORE_KEY", &both)])
        .unwrap();
    assert_eq!(moved.code, Some(0), "{moved:?}");
    let host = home.start_with(|command| {
        command.env("COUNTERSIGN_STORE_KEY", new);
    });
    let host = host.unwrap();
    assert_eq!(fits(&arrival(&host, &receiver, 2), "s"), (true, true));
    assert!(host.terminate().unwrap().success());
    std::fs::remove_file(&file).unwrap();
    let missing = home.run(&["keys", "rotate"], &[]).unwrap();
    assert_eq!(missing.code, Some(3), "{missing:?}");
    assert!(missing.stderr.contains("is missing"), "{missing:?}");
    assert!(!file.exists());
}
