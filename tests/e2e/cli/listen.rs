//! `listen`: what arrives is judged, shown and forwarded byte by byte.

use super::{BODY, LIMIT, SECRET, listening, listening_for, post, signed, spaced};
use countersign_tests::{
    command::Folder,
    host::wait_for,
    wire::{Wire, answer_body, exchange, halves, header_lines, request, status},
};
use std::net::{Ipv4Addr, TcpListener, TcpStream};

// Holds: S36
#[test]
fn it_verifies_shows_events_explains_refusals_and_ends_on_ctrl_c() {
    let folder = Folder::new().unwrap();
    let (running, address) = listening(&folder, &["--max-bytes", "1000"]);
    let good = post(&address, "/a", BODY);
    assert_eq!(
        (status(&good), answer_body(&good)),
        ("200", r#"{"received":true}"#)
    );
    let pretty = spaced();
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

// Holds: S45
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
fn every_byte_of_a_body_that_is_no_text_is_told_to_programs() {
    let folder = Folder::new().unwrap();
    let (running, address) = listening(&folder, &["--json"]);
    let bodies: [&[u8]; 3] = [&[0xff, 0xfe, 0x00], "\u{1b}é".as_bytes(), b""];
    for (body, base64) in bodies.into_iter().zip([Some("//4A"), None, None]) {
        assert_eq!(status(&post(&address, "/", body)), "200");
        let told = running.json().unwrap();
        assert_eq!(told["bodyBase64"].as_str(), base64, "{told}");
        assert_eq!(told["body"], String::from_utf8_lossy(body).as_ref());
    }
}

#[test]
fn half_a_character_keeps_no_event_from_being_shown() {
    let folder = Folder::new().unwrap();
    let (running, address) = listening(&folder, &["--json"]);
    let text = String::from_utf8_lossy(BODY).replace("Q2 Outreach", r"Great deal \ud83d");
    assert_eq!(status(&post(&address, "/", text.as_bytes())), "200");
    let told = running.json().unwrap();
    assert_eq!(told["verdict"]["ok"], true);
    assert_eq!(
        told["events"][0]["original"]["data"]["campaign"], "Great deal \u{fffd}",
        "{told}"
    );
    assert_eq!(
        (&told["problem"], &told["body"]),
        (&serde_json::Value::Null, &serde_json::json!(text))
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
