//! Recordings that a full disk or a crash left with a part of a line.

use super::{BODY, SECRET, listening, post, signed};
use countersign_tests::{
    command::{Folder, recording},
    wire::{Wire, exchange, halves, request, status},
};
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader},
    process::Command,
};

/// Records `bodies`, one after the other.
fn record(folder: &Folder, bodies: &[&[u8]]) {
    let (running, address) = listening(folder, &["--record", "hooks.jsonl"]);
    for body in bodies {
        assert_eq!(status(&post(&address, "/", body)), "200");
    }
    running.interrupt().unwrap();
}

#[test]
fn a_request_for_which_there_is_no_room_is_named_and_the_next_one_is_recorded() {
    let folder = Folder::new().unwrap();
    // Writing beyond the limit is an error then, and no signal.
    let script =
        "trap '' XFSZ; exec \"$0\" listen -p cleanmails --port 0 --record hooks.jsonl --json";
    let mut shell = folder
        .shell(script, &[("COUNTERSIGN_SECRET", SECRET)])
        .unwrap();
    let mut lines = BufReader::new(shell.stdout.take().unwrap()).lines();
    let mut told = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    let listening = told()["listening"].as_str().unwrap().to_owned();
    let address = listening.strip_prefix("http://").unwrap();
    // Room for two short requests, and not for a long one.
    let limited = Command::new("prlimit")
        .args(["--pid", &shell.id().to_string(), "--fsize=2000:2000"])
        .status()
        .unwrap();
    assert!(limited.success());
    let long = vec![b'x'; 8_000];
    for (body, is_recorded) in [(BODY, true), (&long, false), (BODY, true)] {
        assert_eq!(status(&post(address, "/", body)), "200");
        let problem = told()["problem"].clone();
        match is_recorded {
            true => assert_eq!(problem, Value::Null),
            false => assert!(
                problem.as_str().unwrap().starts_with("not recorded: "),
                "{problem}"
            ),
        }
    }
    shell.kill().unwrap();
    shell.wait().unwrap();
    let lines = recording(&folder.path("hooks.jsonl")).unwrap();
    let bodies: Vec<_> = lines.iter().map(|line| line["body"].as_str()).collect();
    let body = std::str::from_utf8(BODY).ok();
    assert_eq!(bodies, [body, body]);
}

#[test]
fn a_recording_that_ended_inside_a_line_is_mended_and_that_is_told() {
    let folder = Folder::new().unwrap();
    record(&folder, &[BODY, BODY]);
    let path = folder.path("hooks.jsonl");
    let whole = std::fs::read(&path).unwrap();
    for json in [true, false] {
        std::fs::write(&path, &whole[..whole.len() - 40]).unwrap();
        let mut script =
            "exec \"$0\" listen -p cleanmails --port 0 --record hooks.jsonl".to_owned();
        if json {
            script.push_str(" --json");
        }
        let mut shell = folder
            .shell(&script, &[("COUNTERSIGN_SECRET", SECRET)])
            .unwrap();
        let mut first = String::new();
        BufReader::new(shell.stdout.take().unwrap())
            .read_line(&mut first)
            .unwrap();
        let mut told = String::new();
        match json {
            true => {
                let value: Value = serde_json::from_str(&first).unwrap();
                value["problem"].as_str().unwrap().clone_into(&mut told);
            }
            false => {
                BufReader::new(shell.stderr.take().unwrap())
                    .read_line(&mut told)
                    .unwrap();
                assert!(told.starts_with("warning: "), "{told}");
            }
        }
        shell.kill().unwrap();
        shell.wait().unwrap();
        assert!(told.contains("hooks.jsonl ended inside a line"), "{told}");
        assert_eq!(recording(&path).unwrap().len(), 1);
    }
    record(&folder, &[BODY]);
    assert_eq!(recording(&path).unwrap().len(), 2);
}

#[test]
fn replay_names_lines_that_are_no_requests_and_sends_the_others() {
    let folder = Folder::new().unwrap();
    let bodies: [&[u8]; 3] = [BODY, b"two", b"three"];
    record(&folder, &bodies);
    let path = folder.path("hooks.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<_> = text.lines().collect();
    let (part, [one, two, three]) = (&lines[1][..60], [lines[0], lines[1], lines[2]]);
    // The part of a line that the next one was glued to, and a last one without an end.
    let spoiled = format!("{one}\n{part}{two}\n{three}\n{part}");
    std::fs::write(&path, spoiled).unwrap();

    let target = Wire::start("HTTP/1.1 204 No Content\r\n\r\n");
    let to = format!("http://{}/", target.address);
    let replay = |more: &[&str]| {
        let command = [&["replay", "hooks.jsonl", "--to", &to], more].concat();
        folder.run(&command).unwrap()
    };
    let all = replay(&["--json"]);
    assert_eq!(all.code, Some(1), "{}", all.stderr);
    let told = all.json_lines();
    let statuses: Vec<_> = told.iter().map(|line| &line["status"]).collect();
    assert_eq!(
        statuses[..4],
        [&json!(204), &Value::Null, &json!(204), &Value::Null]
    );
    assert_eq!(
        (&told[1]["line"], &told[1]["method"]),
        (&json!(2), &Value::Null)
    );
    assert!(
        told[1]["problem"].as_str().unwrap().contains("no JSON"),
        "{}",
        told[1]
    );
    assert_eq!(
        told[4],
        json!({"sent": 2, "accepted": 2, "failed": 0, "unreadable": 2})
    );
    let sent = target.requests();
    let sent: Vec<_> = sent
        .iter()
        .map(|request| halves(request).unwrap().1)
        .collect();
    assert_eq!(sent, [BODY, b"three"]);
    let text = replay(&[]);
    let last = text.text().lines().last().unwrap();
    assert_eq!(last, "sent 2: 2 accepted, 0 not; 2 lines are no requests");

    // Other lines are not in the way of those that are asked for.
    for (only, code, sent) in [
        ("3", 0, 1),
        ("1,3", 0, 2),
        ("2", 1, 0),
        ("2-3", 1, 1),
        ("valid", 1, 2),
    ] {
        let ended = replay(&["--only", only, "--json"]);
        assert_eq!(ended.code, Some(code), "{only}: {ended:?}");
        assert_eq!(ended.json_lines().last().unwrap()["sent"], sent, "{only}");
    }
    folder.file("letter.txt", "Dear Ada,\n");
    let none = folder.run(&["replay", "letter.txt", "--to", &to]).unwrap();
    assert_eq!(none.code, Some(2));
    assert!(
        none.stderr.contains("There is no request in letter.txt"),
        "{}",
        none.stderr
    );
}

#[test]
fn what_is_not_recorded_is_told_beside_what_else_went_wrong() {
    let folder = Folder::new().unwrap();
    let limit = [
        "--record",
        "hooks.jsonl",
        "--record-max-bytes",
        "10",
        "--json",
    ];
    let (running, address) = listening(&folder, &limit);
    // Its signature fits, and it is no event.
    let body = b"no JSON";
    exchange(
        &address,
        &request("/", &signed("cleanmails", body, 0), body),
    );
    let problem = running.json().unwrap()["problem"].clone();
    let problem = problem.as_str().unwrap();
    assert!(
        problem.starts_with("not recorded: ") && problem.contains("; "),
        "{problem}"
    );
}
