use super::*;

fn captured(body: &[u8]) -> Captured {
    Captured {
        method: "POST".to_owned(),
        url: Some("http://a.example/x".to_owned()),
        headers: vec![
            ("x-a".to_owned(), b"1".to_vec()),
            ("x-a".to_owned(), b"\xff\xe9\t".to_vec()),
        ],
        body: body.to_vec(),
    }
}

fn entry(captured: &Captured) -> Entry<'_> {
    Entry {
        at: "2026-01-02T03:04:05.678Z",
        captured,
        verdict: "valid",
        events: vec!["email.replied"],
    }
}

/// Every line, which all are requests.
fn requests(path: &Path) -> Vec<Recorded> {
    let found = Recording::open(path).unwrap();
    found
        .map(|found| match found.unwrap() {
            Found::Request(recorded) => recorded,
            found => panic!("{found:?}"),
        })
        .collect()
}

#[test]
fn every_byte_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hooks.jsonl");
    let every_byte: Vec<u8> = (0..=255).collect();
    let bodies: [&[u8]; 5] = [
        b"",
        b"{\"a\": \"b\\n\"}\r\n",
        "é\u{1f600}".as_bytes(),
        b"\0\x1b[31m",
        &every_byte,
    ];
    for body in bodies {
        // Opened anew each time: it goes on.
        let mut recorder = Recorder::open(&path, 1 << 20).unwrap();
        recorder.add(&entry(&captured(body))).unwrap();
    }
    let read = requests(&path);
    assert_eq!(read.len(), bodies.len());
    for ((recorded, body), line) in read.iter().zip(bodies).zip(1..) {
        assert_eq!(recorded.captured, captured(body));
        assert_eq!(recorded.line, line);
        assert_eq!(recorded.was_valid(), Some(true));
        assert!(recorded.has_event("email.replied") && !recorded.has_event("email.sent"));
    }
}

#[test]
fn a_recording_ends_at_its_limit_and_nothing_else_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hooks.jsonl");
    let mut recorder = Recorder::open(&path, 400).unwrap();
    recorder.add(&entry(&captured(b"short"))).unwrap();
    let before = std::fs::read(&path).unwrap();
    let refused = recorder.add(&entry(&captured(&[b'x'; 400]))).unwrap_err();
    assert!(refused.contains("--record-max-bytes"));
    assert_eq!(std::fs::read(&path).unwrap(), before);

    let other = folder.path().join("letter.txt");
    std::fs::write(&other, "Dear Ada,").unwrap();
    assert!(Recorder::open(&other, 400).is_err());
    assert!(Recorder::open(folder.path(), 400).is_err());
    assert_eq!(std::fs::read(&other).unwrap(), b"Dear Ada,");
}

#[test]
fn a_line_that_was_cut_off_goes_when_the_recording_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hooks.jsonl");
    let mut recorder = Recorder::open(&path, 1 << 20).unwrap();
    recorder.add(&entry(&captured(b"first"))).unwrap();
    let first = std::fs::read(&path).unwrap();
    // Longer than what is looked at in one piece.
    recorder.add(&entry(&captured(&[b'x'; 200_000]))).unwrap();
    let both = std::fs::read(&path).unwrap();
    for end in [
        first.len(),
        first.len() + 1,
        first.len() + 7,
        both.len() - 2,
    ] {
        std::fs::write(&path, &both[..end]).unwrap();
        let mut recorder = Recorder::open(&path, 1 << 20).unwrap();
        let cut = end - first.len();
        let told = recorder.amiss.clone().unwrap_or_default();
        let wanted = format!("its last {cut} bytes");
        assert_eq!(told.contains(&wanted), cut > 0, "{told}");
        recorder.add(&entry(&captured(b"after"))).unwrap();
        let bodies = requests(&path).into_iter();
        let bodies: Vec<_> = bodies.map(|recorded| recorded.captured.body).collect();
        assert_eq!(bodies, [b"first".to_vec(), b"after".to_vec()], "{end}");
    }
    // Of a first line as well; and a last one without a line break is no part of one.
    for (end, lines) in [(0, 1), (3, 1), (first.len() - 2, 1), (first.len() - 1, 2)] {
        std::fs::write(&path, &first[..end]).unwrap();
        let mut recorder = Recorder::open(&path, 1 << 20).unwrap();
        assert_eq!(recorder.amiss.is_some(), end > 0 && lines == 1, "{end}");
        recorder.add(&entry(&captured(b"after"))).unwrap();
        assert_eq!(requests(&path).len(), lines, "{end}");
    }
}

#[test]
fn lines_that_are_no_requests_are_told_and_the_others_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hooks.jsonl");
    let mut recorder = Recorder::open(&path, 1 << 20).unwrap();
    recorder.add(&entry(&captured(b"first"))).unwrap();
    let line = std::fs::read(&path).unwrap();
    let (part, odd) = (
        &line[..20],
        b"{\"headers\":[],\"body\":\"\",\"events\":7}\n",
    );
    std::fs::write(&path, [part, &line, b"\n", odd, &line].concat()).unwrap();
    let found = Recording::open(&path).unwrap().map(Result::unwrap);
    let lines: Vec<_> = found
        .map(|found| match found {
            Found::Request(recorded) => (recorded.line, true),
            Found::Unreadable { line, problem } => {
                assert!(!problem.is_empty());
                (line, false)
            }
        })
        .collect();
    assert_eq!(lines, [(1, false), (3, false), (4, true)]);
}
