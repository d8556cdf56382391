//! Commands whose reader is gone, as in `countersign verify | true`: the printing ends, the work and the verdict do not.

use super::{BODY, SECRET, folder, http, signature};
use countersign_tests::{command::Folder, wire::Wire};
use serde_json::json;
use std::net::{Ipv4Addr, TcpListener};

const ENV: [(&str, &str); 1] = [("COUNTERSIGN_SECRET", SECRET)];

#[test]
fn a_verdict_is_the_same_without_a_reader() {
    let folder = folder();
    for command in ["verify", "explain"] {
        for json in [&[][..], &["--json"]] {
            for (body, code) in [(BODY, 0), (b"{}".as_slice(), 1)] {
                let arguments = [&[command, "-p", "cleanmails"], json].concat();
                let ended = folder
                    .run_unread(&arguments, &ENV, &http("\n", body))
                    .unwrap();
                assert_eq!(ended.code, Some(code), "{arguments:?}: {}", ended.stderr);
            }
        }
    }
}

#[test]
fn a_sample_that_nobody_answers_is_a_failure_without_a_reader() {
    let folder = Folder::new().unwrap();
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let gone = format!("http://{}/", closed.local_addr().unwrap());
    drop(closed);
    let target = Wire::start("HTTP/1.1 204 No Content\r\n\r\n");
    let there = format!("http://{}/", target.address);
    for (destination, code) in [
        (["--to", &gone], 1),
        (["--host", &gone], 1),
        (["--to", &there], 0),
    ] {
        let sample = ["trigger", "cleanmails", "email.sent"];
        let arguments = [sample.as_slice(), &destination].concat();
        // A host signs with secrets of its own.
        let ended = folder.run_unread(&arguments, &ENV, b"").unwrap();
        assert_eq!(ended.code, Some(code), "{arguments:?}: {}", ended.stderr);
    }
    assert_eq!(target.requests().len(), 1);
}

#[test]
fn a_replay_is_finished_without_a_reader() {
    let folder = Folder::new().unwrap();
    let header = signature();
    let (name, value) = header.split_once(": ").unwrap();
    let line = json!({"headers": [[name, value]], "body": "{}"}).to_string();
    folder.file("hooks.jsonl", format!("{line}\n").repeat(5));
    for (answer, code) in [
        ("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", 1),
        ("HTTP/1.1 204 No Content\r\n\r\n", 0),
    ] {
        let target = Wire::start(answer);
        let to = format!("http://{}/", target.address);
        let replay = ["replay", "hooks.jsonl", "--to", &to, "--rate", "50"];
        let ended = folder.run_unread(&replay, &[], b"").unwrap();
        assert_eq!(ended.code, Some(code), "{}", ended.stderr);
        assert_eq!(target.requests().len(), 5);
    }
}

#[test]
fn a_shell_with_pipefail_sees_a_refused_signature() {
    let folder = folder();
    folder.file("request.http", http("\n", b"{}"));
    let script = "{ \"$0\" verify -p cleanmails request.http; echo $? > code; } | true";
    let mut shell = folder.shell(script, &ENV).unwrap();
    shell.wait().unwrap();
    let code = std::fs::read_to_string(folder.path("code")).unwrap();
    assert_eq!(code.trim(), "1");
}
