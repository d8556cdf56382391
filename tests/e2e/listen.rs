//! `countersign listen` and `countersign replay`: what arrives is judged, shown, recorded and forwarded byte by byte, whoever sends it.

use countersign_core::{Config, KeyedScheme, Message, SignedAt};
use countersign_tests::{
    command::{Folder, Running, recording},
    host::wait_for,
};
use serde_json::{Value, json};
use std::{
    io::{ErrorKind, Read, Write},
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

const SECRET: &str = "cm-signing-7Qe2";
const BODY: &[u8] = br#"{"event":"email.replied","workspace_id":1,"timestamp":"2026-05-12T14:30:00Z","data":{"lead_email":"john@example.com","campaign":"Q2 Outreach"}}"#;
const LIMIT: Duration = Duration::from_secs(60);

/// Starts a receiver for Cleanmails, and returns it with its address.
fn listening(folder: &Folder, arguments: &[&str]) -> (Running, String) {
    listening_for(folder, &["-p", "cleanmails"], arguments)
}

fn listening_for(folder: &Folder, sender: &[&str], arguments: &[&str]) -> (Running, String) {
    let command = [&["listen", "--port", "0"], sender, arguments].concat();
    let running = folder
        .start(&command, &[("COUNTERSIGN_SECRET", SECRET)])
        .unwrap();
    let first = running.line().unwrap();
    let address = first.split("http://").nth(1).unwrap();
    let address = address
        .split(|end: char| !(end.is_ascii_digit() || ".:".contains(end)))
        .next()
        .unwrap();
    (running, address.to_owned())
}

/// What this body is signed with by a sender of this scheme, at this moment.
fn signed(scheme: &str, body: &[u8], at_s: i64) -> Vec<(String, String)> {
    let keyed = KeyedScheme::signer(&Config::new(scheme, &[SECRET])).unwrap();
    let message = Message {
        id: Some("msg_1"),
        ..Message::new(SignedAt::UnixMs(at_s * 1_000), body)
    };
    let headers = keyed.sign(&message).unwrap().into_iter();
    headers.map(|header| (header.name, header.value)).collect()
}

/// A request with these headers besides host and length.
fn request(path: &str, headers: &[(String, String)], body: &[u8]) -> Vec<u8> {
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nHost: hooks.example\r\nConnection: close\r\nContent-Length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    [request.as_bytes(), body].concat()
}

/// Sends bytes and reads until the other side closes.
fn exchange(address: &str, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    // Whoever refuses may close before all of it is written.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("{error}"),
    }
    String::from_utf8_lossy(&answer).into_owned()
}

fn post(address: &str, path: &str, body: &[u8]) -> String {
    let headers = signed("cleanmails", body, 0);
    exchange(address, &request(path, &headers, body))
}

fn status(answer: &str) -> &str {
    answer.get(9..12).unwrap_or_default()
}

fn answer_body(answer: &str) -> &str {
    answer.split("\r\n\r\n").nth(1).unwrap_or_default()
}

/// A receiver that keeps every byte it gets and answers the same to all.
struct Wire {
    address: String,
    requests: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Wire {
    fn start(answer: &'static str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let request = whole_request(&mut stream);
                log.lock().unwrap().push(request);
                let _ = stream.write_all(answer.as_bytes());
                let _ = stream.shutdown(Shutdown::Write);
            }
        });
        Self { address, requests }
    }

    fn requests(&self) -> Vec<Vec<u8>> {
        self.requests.lock().unwrap().clone()
    }
}

/// Reads to the end of the announced body.
fn whole_request(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    loop {
        if let Some((head, body)) = halves(&bytes) {
            let lines = String::from_utf8_lossy(head).to_ascii_lowercase();
            let length = lines
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.map_or(0, |text| text.trim().parse().unwrap());
            if body.len() >= length {
                return bytes;
            }
        }
        match stream.read(&mut piece).unwrap() {
            0 => return bytes,
            read => bytes.extend_from_slice(&piece[..read]),
        }
    }
}

fn halves(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    Some((&bytes[..at], &bytes[at + 4..]))
}

/// The lines of a head that a test put there, in the order in which they arrived.
fn header_lines(request: &[u8], names: &[&str]) -> Vec<String> {
    let (head, _) = halves(request).unwrap();
    let head: String = head.iter().copied().map(char::from).collect();
    let is_wanted = |line: &&str| {
        let name = line.split(':').next().unwrap_or_default();
        names.iter().any(|wanted| wanted.eq_ignore_ascii_case(name))
    };
    head.lines().filter(is_wanted).map(str::to_owned).collect()
}

#[test]
fn it_verifies_shows_events_explains_refusals_and_ends_on_ctrl_c() {
    let folder = Folder::new().unwrap();
    let (running, address) = listening(&folder, &["--max-bytes", "1000"]);
    let good = post(&address, "/a", BODY);
    assert_eq!(
        (status(&good), answer_body(&good)),
        ("200", r#"{"received":true}"#)
    );
    let pretty =
        serde_json::to_vec_pretty(&serde_json::from_slice::<Value>(BODY).unwrap()).unwrap();
    let headers = signed("cleanmails", BODY, 0);
    let changed = exchange(&address, &request("/b", &headers, &pretty));
    assert_eq!(
        (status(&changed), answer_body(&changed)),
        ("401", r#"{"error":"Invalid signature"}"#)
    );
    let long = exchange(&address, &request("/c", &[], &[0; 1001]));
    assert_eq!(status(&long), "413");
    let (ended, lines) = running.interrupt().unwrap();
    assert_eq!(ended.code(), Some(0));
    let text: Vec<_> = lines
        .iter()
        .map(|line| match line.as_bytes().first() {
            Some(b'0'..=b'9') => &line[9..],
            _ => line.as_str(),
        })
        .collect();
    assert_eq!(text[0], format!("valid POST /a {} B -> 200", BODY.len()));
    assert_eq!(
        text[1],
        "  email.replied  john@example.com  Q2 Outreach  2026-05-12T14:30:00.000Z"
    );
    assert_eq!(
        text[2],
        format!("bad_signature POST /b {} B -> 401", pretty.len())
    );
    assert!(text[3].starts_with("  certain: ") && text[3].ends_with("(body_reserialised)"));
    assert!(text[4].starts_with("    fix: "));
    assert_eq!(text[5], "refused POST /c 0 B -> 413");
    assert_eq!(text[6], "  the body is over 1000 bytes");
    assert_eq!(text[7..], ["stopped: 1 valid, 2 refused"]);
}

#[test]
fn it_answers_as_the_sender_expects_or_as_it_is_told() {
    let folder = Folder::new().unwrap();
    let (_running, address) = listening_for(&folder, &["-p", "smartlead"], &[]);
    let body =
        br#"{"event":"EMAIL_SENT","timestamp":"2024-11-25T11:00:00Z","campaign_id":1,"lead_id":2}"#;
    let sent = request("/", &signed("smartlead", body, 0), body);
    assert_eq!(
        answer_body(&exchange(&address, &sent)),
        r#"{"status":"received"}"#
    );

    let (running, address) = listening(&folder, &["--status", "503", "--json"]);
    assert_eq!(status(&post(&address, "/", BODY)), "503");
    // What does not verify is none of the receiver's failures.
    assert_eq!(status(&exchange(&address, &request("/", &[], BODY))), "401");
    let valid = running.json().unwrap();
    assert_eq!(
        (&valid["status"], &valid["verdict"]["ok"]),
        (&503.into(), &true.into())
    );
    let names: Vec<_> = valid
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let mut wanted = [
        "at",
        "method",
        "path",
        "bytes",
        "status",
        "verdict",
        "events",
        "explanation",
        "problem",
        "body",
    ];
    wanted.sort_unstable();
    assert_eq!(names, wanted);
    assert_eq!(valid["events"][0]["type"], "email.replied");
    assert_eq!(valid["body"], std::str::from_utf8(BODY).unwrap());
    let refused = running.json().unwrap();
    assert_eq!(refused["verdict"]["code"], "missing_header");
    assert_eq!(
        refused["explanation"]["findings"][0]["code"],
        "header_missing"
    );
}

#[test]
fn what_verifies_is_forwarded_with_its_very_bytes_and_headers() {
    let folder = Folder::new().unwrap();
    let target = Wire::start(
        "HTTP/1.1 429 Slow Down\r\nRetry-After: 7\r\nX-Own: a\r\nContent-Type: text/x-tea\r\nContent-Length: 15\r\n\r\nshort and stout",
    );
    let forward = format!("http://{}/hook?a=1", target.address);
    let (running, address) = listening(&folder, &["--forward", &forward, "--json"]);
    let every_byte: Vec<u8> = (0..=255).collect();
    let mut headers = signed("cleanmails", &every_byte, 0);
    for (name, value) in [
        ("X-TwIcE", "1"),
        ("Content-Type", "application/json"),
        ("X-Twice", "2"),
        ("X-Dropped", "1"),
    ] {
        headers.push((name.to_owned(), value.to_owned()));
    }
    let sent = request("/x", &headers, &every_byte);
    // Bytes that are no text, in a header, and a header that belongs to this connection.
    let odd = b"X-Odd: \xe9\xff\r\nConnection: close, X-Dropped\r\n\r\n";
    let (head, body) = halves(&sent).unwrap();
    let sent = [head, b"\r\n", odd, body].concat();
    let answer = exchange(&address, &sent);
    assert_eq!(
        (status(&answer), answer_body(&answer)),
        ("429", "short and stout")
    );
    let lower = answer.to_ascii_lowercase();
    for line in ["retry-after: 7", "x-own: a", "content-type: text/x-tea"] {
        assert!(lower.contains(line), "{line}: {answer}");
    }
    // Not forwarded.
    assert_eq!(
        status(&exchange(&address, &request("/x", &headers, BODY))),
        "401"
    );

    let requests = target.requests();
    assert_eq!(requests.len(), 1);
    let (head, body) = halves(&requests[0]).unwrap();
    assert_eq!(body, every_byte);
    let head: String = head.iter().copied().map(char::from).collect();
    assert!(head.starts_with("POST /hook?a=1 HTTP/1.1\r\n"), "{head}");
    assert_eq!(
        header_lines(
            &requests[0],
            &["x-webhook-signature", "x-twice", "x-odd", "content-type"]
        ),
        [
            format!("X-Webhook-Signature: {}", headers[0].1),
            "X-TwIcE: 1".to_owned(),
            "X-Twice: 2".to_owned(),
            "Content-Type: application/json".to_owned(),
            "X-Odd: \u{e9}\u{ff}".to_owned(),
        ]
    );
    assert!(!head.to_ascii_lowercase().contains("x-dropped"), "{head}");
    assert!(
        head.contains(&format!("Host: {}", target.address)),
        "{head}"
    );
    let told = running.json().unwrap();
    assert_eq!(
        (&told["status"], &told["bytes"]),
        (&429.into(), &256.into())
    );
}

#[test]
fn it_says_so_when_forwarding_fails() {
    let folder = Folder::new().unwrap();
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let gone = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let (running, address) = listening(&folder, &["--forward", &gone, "--json"]);
    let answer = post(&address, "/", BODY);
    assert_eq!(
        (status(&answer), answer_body(&answer)),
        ("502", r#"{"error":"Forwarding failed"}"#)
    );
    let told = running.json().unwrap();
    assert_eq!(
        told["problem"],
        "forwarding failed: the connection was refused"
    );
}

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
    assert_eq!(told[4], json!({"sent": 4, "accepted": 4, "failed": 0}));
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

#[test]
fn it_ends_with_2_when_it_cannot_listen_or_was_called_wrongly() {
    let folder = Folder::new().unwrap();
    folder.file("letter.txt", "Dear Ada,");
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (arguments, wanted) in [
        (
            &["--port", &port][..],
            "cannot be listened on: Address already in use",
        ),
        (&["--port", "70000"], "--port"),
        (&["--forward", "nowhere"], "a full address"),
        (&["--url", "ftp://a.example"], "a full address"),
        (&["--max-bytes", "x"], "--max-bytes"),
        (&["--status", "99"], "--status"),
        (&["--record", "letter.txt"], "is no recording"),
        (&["--record", "no/such/folder"], "cannot be recorded to"),
        (&["--option", "mode=simple"], "(unknown_option)"),
        (&["request.http"], "request.http"),
    ] {
        let command = [&["listen", "-p", "cleanmails"], arguments].concat();
        let ended = folder
            .run_with(&command, &[("COUNTERSIGN_SECRET", SECRET)], b"")
            .unwrap();
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
        assert!(
            ended.stderr.contains(wanted),
            "{arguments:?}: {}",
            ended.stderr
        );
    }
    assert_eq!(
        std::fs::read(folder.path("letter.txt")).unwrap(),
        b"Dear Ada,"
    );
}

#[test]
fn a_receiver_that_nobody_reads_ends() {
    let folder = Folder::new().unwrap();
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let script = format!(
        "\"$0\" listen -p cleanmails --port {} | head -n 1",
        address.port()
    );
    let mut shell = folder
        .shell(&script, &[("COUNTERSIGN_SECRET", SECRET)])
        .unwrap();
    let address = address.to_string();
    wait_for("the end", LIMIT, || {
        // Once it has begun, and each time it notices that its line has no reader.
        if TcpStream::connect(&address).is_ok() {
            post(&address, "/", BODY);
        }
        Ok(shell.try_wait()?)
    })
    .unwrap();
}
