//! Recordings and `replay`: the very bytes again, or a fresh signature over them.

use super::{BODY, SECRET, listening, listening_for, post, signed};
use countersign_tests::{
    command::{Folder, recording},
    wire::{Wire, exchange, halves, header_lines, request, status},
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

// Holds: S36
#[test]
fn recorded_requests_are_replayed_byte_by_byte() {
    let folder = Folder::new().unwrap();
    let (running, address) = listening(&folder, &["--record", "hooks.jsonl", "--json"]);
    let every_byte: Vec<u8> = (0..=255).collect();
    for body in [BODY, &every_byte, b""] {
        let mut headers = signed("cleanmails", body, 0);
        headers.push(("X-Twice".to_owned(), "1".to_owned()));
        headers.push(("X-Twice".to_owned(), "2".to_owned()));
        assert_eq!(
            status(&exchange(&address, &request("/in?b=2", &headers, body))),
            "200"
        );
    }
    assert_eq!(
        status(&exchange(&address, &request("/in", &[], b"unsigned"))),
        "401"
    );
    running.interrupt().unwrap();

    let lines = recording(&folder.path("hooks.jsonl")).unwrap();
    let verdicts: Vec<_> = lines
        .iter()
        .map(|line| line["verdict"].as_str().unwrap())
        .collect();
    assert_eq!(verdicts, ["valid", "valid", "valid", "missing_header"]);
    assert_eq!(lines[0]["events"], json!(["email.replied"]));
    assert_eq!(lines[0]["url"], "http://hooks.example/in?b=2");
    assert_eq!(lines[0]["body"], std::str::from_utf8(BODY).unwrap());
    assert!(lines[1]["bodyBase64"].is_string());
    // Readable by its owner alone.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(folder.path("hooks.jsonl"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o077, 0);
    }
    // A line of it is a request for the other commands.
    let verify = ["verify", "-p", "cleanmails", "hooks.jsonl", "--line"];
    let secret = [("COUNTERSIGN_SECRET", SECRET)];
    for (line, code) in [("2", 0), ("4", 1)] {
        let verified = folder
            .run_with(&[verify.as_slice(), &[line]].concat(), &secret, b"")
            .unwrap();
        assert_eq!(verified.code, Some(code), "{verified:?}");
    }

    let target = Wire::start("HTTP/1.1 204 No Content\r\n\r\n");
    let to = format!("http://{}/again", target.address);
    let replay = |more: &[&str]| {
        let command = [&["replay", "hooks.jsonl", "--to", &to, "--json"], more].concat();
        folder.run(&command).unwrap()
    };
    let all = replay(&[]);
    assert_eq!(all.code, Some(0), "{}", all.stderr);
    let told = all.json_lines();
    assert_eq!(told.len(), 5);
    assert_eq!(
        (&told[0]["line"], &told[0]["status"]),
        (&1.into(), &204.into())
    );
    assert_eq!(
        told[4],
        json!({"sent": 4, "accepted": 4, "failed": 0, "unreadable": 0})
    );
    let requests = target.requests();
    let bodies: Vec<_> = requests
        .iter()
        .map(|request| halves(request).unwrap().1)
        .collect();
    assert_eq!(bodies, [BODY, &every_byte, b"", b"unsigned"]);
    let digest = signed("cleanmails", BODY, 0)[0].1.clone();
    assert_eq!(
        header_lines(&requests[0], &["x-webhook-signature", "x-twice"]),
        [
            format!("x-webhook-signature: {digest}"),
            "x-twice: 1".to_owned(),
            "x-twice: 2".to_owned()
        ]
    );

    for (only, lines) in [
        ("2", vec![2]),
        ("1,3-9", vec![1, 3, 4]),
        ("refused", vec![4]),
        ("valid", vec![1, 2, 3]),
        ("email.replied,4", vec![1, 4]),
    ] {
        let told = replay(&["--only", only]).json_lines();
        let chosen: Vec<_> = told
            .iter()
            .filter_map(|line| line["line"].as_u64())
            .collect();
        assert_eq!(chosen, lines, "{only}");
    }
    for (arguments, wanted) in [
        (&["--only", "email.sent"][..], "None of the requests"),
        (&["--only", "0"], "lines count from 1"),
        (&["--rate", "0"], "above 0"),
        (&["-p", "cleanmails"], "--re-sign only"),
    ] {
        let ended = replay(arguments);
        assert_eq!(ended.code, Some(2), "{arguments:?}");
        assert!(ended.stderr.contains(wanted), "{}", ended.stderr);
    }
    let began = Instant::now();
    assert_eq!(replay(&["--rate", "10"]).code, Some(0));
    assert!(
        began.elapsed() >= Duration::from_millis(300),
        "{:?}",
        began.elapsed()
    );
}

#[test]
fn a_replay_is_signed_anew_when_that_is_asked_for() {
    let folder = Folder::new().unwrap();
    let old = ["--tolerance", "off", "--record", "hooks.jsonl"];
    let (running, address) = listening_for(&folder, &["--scheme", "stripe"], &old);
    let headers = signed("stripe", BODY, 1_772_000_000);
    assert_eq!(
        status(&exchange(&address, &request("/", &headers, BODY))),
        "200"
    );
    running.interrupt().unwrap();

    let (running, address) = listening_for(&folder, &["--scheme", "stripe"], &["--json"]);
    let to = format!("http://{address}/");
    let replay = ["replay", "hooks.jsonl", "--to", &to];
    let stale = folder.run(&replay).unwrap();
    assert_eq!(stale.code, Some(1), "{stale:?}");
    assert!(
        stale.text().ends_with("sent 1: 0 accepted, 1 not\n"),
        "{}",
        stale.text()
    );
    assert_eq!(
        running.json().unwrap()["verdict"]["code"],
        "timestamp_too_old"
    );
    let re_sign = [replay.as_slice(), &["--re-sign", "--scheme", "stripe"]].concat();
    let fresh = folder
        .run_with(&re_sign, &[("COUNTERSIGN_SECRET", SECRET)], b"")
        .unwrap();
    assert_eq!(fresh.code, Some(0), "{fresh:?}");
    let told = running.json().unwrap();
    assert_eq!(told["verdict"]["ok"], true);
    assert_eq!(told["body"], std::str::from_utf8(BODY).unwrap());

    // A scheme that signs in the body cannot sign anew what is left as it is.
    let mailgun = [replay.as_slice(), &["--re-sign", "--scheme", "mailgun"]].concat();
    let refused = folder
        .run_with(&mailgun, &[("COUNTERSIGN_SECRET", SECRET)], b"")
        .unwrap();
    assert_eq!(refused.code, Some(2));
    assert!(
        refused.stderr.contains("signs in the body"),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_replay_into_its_own_recording_ends() {
    let folder = Folder::new().unwrap();
    let (running, address) = listening(&folder, &["--record", "hooks.jsonl"]);
    post(&address, "/", BODY);
    let to = format!("http://{address}/");
    let replayed = folder.run(&["replay", "hooks.jsonl", "--to", &to]).unwrap();
    assert_eq!(replayed.code, Some(0));
    assert!(replayed.text().ends_with("sent 1: 1 accepted, 0 not\n"));
    running.interrupt().unwrap();
    assert_eq!(recording(&folder.path("hooks.jsonl")).unwrap().len(), 2);
}

#[test]
fn a_recording_has_a_limit_and_receiving_goes_on_beyond_it() {
    let folder = Folder::new().unwrap();
    let limited = [
        "--record",
        "hooks.jsonl",
        "--record-max-bytes",
        "900",
        "--json",
    ];
    let (running, address) = listening(&folder, &limited);
    for _ in 0..4 {
        assert_eq!(status(&post(&address, "/", BODY)), "200");
    }
    let problems: Vec<_> = (0..4)
        .map(|_| running.json().unwrap()["problem"].clone())
        .collect();
    assert_eq!(problems[0], Value::Null);
    assert!(
        problems[3].as_str().unwrap().contains("--record-max-bytes"),
        "{problems:?}"
    );
    assert!(std::fs::metadata(folder.path("hooks.jsonl")).unwrap().len() <= 900);
}
