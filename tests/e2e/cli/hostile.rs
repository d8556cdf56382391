//! `listen` and strangers: what is too long, too slow, broken or meant for the terminal.

use super::{BODY, listening, post};
use countersign_tests::{
    command::Folder,
    wire::{exchange, request, status},
};
use serde_json::Value;
use std::{io::Write, net::TcpStream};

#[test]
fn hostile_requests_are_answered_or_dropped_and_others_are_served_meanwhile() {
    let folder = Folder::new().unwrap();
    let (running, address) = listening(&folder, &["--max-bytes", "100000", "--json"]);
    // Heads that are no HTTP, have no end, or too many headers.
    let many: String = (0..300).map(|n| format!("x-{n}: 1\r\n")).collect();
    let long = format!("POST / HTTP/1.1\r\nx: {}\r\n\r\n", "a".repeat(200_000));
    for head in [
        "hello\r\n\r\n".to_owned(),
        "\0\u{1}\u{2}\r\n\r\n".to_owned(),
        format!("POST / HTTP/1.1\r\n{many}\r\n"),
        long,
        "POST / HTTP/1.1\r\ncontent-length: x\r\n\r\n".to_owned(),
        "POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n".to_owned(),
    ] {
        let answer = exchange(&address, head.as_bytes());
        let status = status(&answer);
        assert!(status.is_empty() || status.starts_with('4'), "{answer}");
        assert_eq!(post(&address, "/", BODY).get(9..12), Some("200"));
        running.json().unwrap();
    }
    // Bodies that are longer than they may be: declared, or in chunks without an end.
    let declared = b"POST /d HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 99999999999\r\n\r\n";
    assert_eq!(status(&exchange(&address, declared)), "413");
    assert_eq!(running.json().unwrap()["status"], 413);
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x1_0000));
    let endless = [
        b"POST /e HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"
            .as_slice(),
        chunk.repeat(20).as_bytes(),
        b"0\r\n\r\n",
    ]
    .concat();
    assert_eq!(status(&exchange(&address, &endless)), "413");
    assert_eq!(running.json().unwrap()["status"], 413);
    // Broken off in the body, and chunks that are none.
    let mut stream = TcpStream::connect(&address).unwrap();
    stream
        .write_all(b"POST /f HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhalf")
        .unwrap();
    drop(stream);
    let told = running.json().unwrap();
    assert_eq!(told["problem"], "the sender broke off inside the body");
    exchange(
        &address,
        b"POST /g HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    );
    assert_eq!(running.json().unwrap()["verdict"], Value::Null);

    // Callers who say nothing do not keep the door closed: 300 of them are more than there are places.
    let silent: Vec<_> = (0..300)
        .map(|_| TcpStream::connect(&address).unwrap())
        .collect();
    let slow = {
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.write_all(b"POST / HTTP/1.1\r\nx-half: ").unwrap();
        stream
    };
    assert_eq!(status(&post(&address, "/", BODY)), "200");
    drop((silent, slow));

    let kib = resident_kib(running.pid());
    assert!(kib < 300 * 1024, "{kib} KiB");
    let (ended, _) = running.interrupt().unwrap();
    assert_eq!(ended.code(), Some(0));
}

#[test]
fn heads_are_taken_up_to_64_kib_and_no_further() {
    let folder = Folder::new().unwrap();
    let (running, address) = listening(&folder, &["--json"]);
    let head = |bytes: usize| {
        let (first, last) = (
            "POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx: ",
            "\r\n\r\n",
        );
        let filler = "a".repeat(bytes - first.len() - last.len());
        format!("{first}{filler}{last}")
    };
    const LIMIT: usize = 64 * 1024;
    for (bytes, wanted) in [
        (LIMIT - 1, "401"),
        (LIMIT, "401"),
        (LIMIT + 1, "431"),
        (80_000, "431"),
        (100_000, "431"),
    ] {
        assert_eq!(
            status(&exchange(&address, head(bytes).as_bytes())),
            wanted,
            "{bytes}"
        );
    }
    for _ in 0..2 {
        assert_eq!(running.json().unwrap()["verdict"]["code"], "missing_header");
    }
    assert_eq!(status(&post(&address, "/", BODY)), "200");
}

fn resident_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().strip_suffix("kB"))
        .and_then(|kib| kib.trim().parse().ok())
        .unwrap()
}

#[test]
fn text_of_strangers_has_no_effect_on_a_terminal() {
    let folder = Folder::new().unwrap();
    let (running, address) = listening(&folder, &["--show-body"]);
    let body =
        "{\"event\":\"\u{1b}[31mred\u{202e}\",\"workspace_id\":1,\"timestamp\":\"\",\"data\":{}}";
    assert_eq!(status(&post(&address, "/%1b", body.as_bytes())), "200");
    assert_eq!(
        status(&exchange(
            &address,
            &request("/", &[], "\u{9b}2J".as_bytes())
        )),
        "401"
    );
    let (_, lines) = running.interrupt().unwrap();
    let text = lines.join("\n");
    assert!(
        text.contains("\\u009b2J") && text.contains("\\u001b[31mred\\u202e"),
        "{text}"
    );
    let is_steering =
        |character: char| (character.is_control() && character != '\n') || character == '\u{202e}';
    assert!(!text.contains(is_steering), "{text:?}");
}
