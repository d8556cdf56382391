//! Recordings: one request a line, as JSON, with the exact bytes. `verify`, `explain` and `replay` read them, and so do those of the
//! npm package.

use super::{
    captured::{Captured, in_json_line, wire_text},
    secret::reason,
};
use crate::error::Error;
use base64ct::{Base64, Encoding};
use serde::{Deserialize, Serialize};
use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// Longest line that is read, in bytes: of the longest request that the kernel takes.
const LINE_BYTES_MAX: u64 = 136 * 1024 * 1024;
/// What every line starts with.
const BEGINNING: &[u8] = b"{\"at\":";

/// What becomes a line.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    /// When it arrived, RFC 3339.
    pub(super) at: &'a str,
    pub(super) captured: &'a Captured,
    /// `valid`, or the code of the refusal.
    pub(super) verdict: &'a str,
    /// Types of the normalised events in it.
    pub(super) events: Vec<&'a str>,
}

#[derive(Serialize)]
struct Line<'a> {
    at: &'a str,
    method: &'a str,
    url: &'a str,
    headers: Vec<(&'a str, String)>,
    #[serde(flatten)]
    body: Body<'a>,
    verdict: &'a str,
    events: &'a [&'a str],
}

#[derive(Serialize)]
enum Body<'a> {
    #[serde(rename = "body")]
    Text(&'a str),
    #[serde(rename = "bodyBase64")]
    Bytes(String),
}

impl<'a> Body<'a> {
    /// As text where people can read it; JSON gives back its very bytes.
    fn of(bytes: &'a [u8]) -> Self {
        let is_odd =
            |character: char| character.is_control() && !matches!(character, '\n' | '\r' | '\t');
        match std::str::from_utf8(bytes) {
            Ok(text) if !text.contains(is_odd) => Self::Text(text),
            _ => Self::Bytes(Base64::encode_string(bytes)),
        }
    }
}

impl Entry<'_> {
    fn line(&self) -> Result<Vec<u8>, serde_json::Error> {
        let Captured {
            method,
            url,
            headers,
            body,
        } = self.captured;
        let line = Line {
            at: self.at,
            method,
            url: url.as_deref().unwrap_or_default(),
            headers: headers
                .iter()
                .map(|(name, value)| (name.as_str(), wire_text(value)))
                .collect(),
            body: Body::of(body),
            verdict: self.verdict,
            events: &self.events,
        };
        let mut line = serde_json::to_vec(&line)?;
        line.push(b'\n');
        Ok(line)
    }
}

/// Writes a recording, up to a limit.
#[derive(Debug)]
pub(super) struct Recorder {
    file: File,
    path: PathBuf,
    bytes: u64,
    bytes_max: u64,
}

impl Recorder {
    /// Goes on with the recording of this name, or begins it. Only its owner can read it.
    ///
    /// # Errors
    /// [`Error::Usage`]
    pub(super) fn open(path: &Path, bytes_max: u64) -> Result<Self, Error> {
        let name = path.display();
        let opened = OpenOptions::new()
            .create(true)
            .append(true)
            .read(true)
            .mode(0o600)
            .open(path)
            .and_then(|mut file| {
                let (is_recording, bytes) = examined(&mut file)?;
                Ok((file, is_recording, bytes))
            });
        let (file, is_recording, bytes) = opened.map_err(|error| {
            Error::usage(format!("{name} cannot be recorded to: {}.", reason(&error)))
        })?;
        if !is_recording {
            return Err(Error::usage(format!(
                "{name} is there already and is no recording; choose another name."
            )));
        }
        Ok(Self {
            file,
            path: path.to_owned(),
            bytes,
            bytes_max,
        })
    }

    /// Adds a request.
    ///
    /// # Errors
    /// Why it is not recorded, in a sentence.
    pub(super) fn add(&mut self, entry: &Entry<'_>) -> Result<(), String> {
        let line = entry
            .line()
            .map_err(|error| format!("not recorded: {error}"))?;
        let bytes = self.bytes.saturating_add(line.len() as u64);
        if bytes > self.bytes_max {
            return Err(format!(
                "not recorded: {} would be longer than {} bytes (--record-max-bytes)",
                self.path.display(),
                self.bytes_max
            ));
        }
        // In one piece, so that a line is there or is not.
        self.file
            .write_all(&line)
            .map_err(|error| format!("not recorded: {}", reason(&error)))?;
        self.bytes = bytes;
        Ok(())
    }
}

/// Whether lines may be added, and how many bytes there are. A line that was cut off by a crash is ended.
fn examined(file: &mut File) -> io::Result<(bool, u64)> {
    let bytes = file.metadata()?.len();
    if bytes == 0 {
        return Ok((true, 0));
    }
    let mut beginning = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    (&mut *file)
        .take(BEGINNING.len() as u64)
        .read_to_end(&mut beginning)?;
    if beginning != BEGINNING {
        return Ok((false, bytes));
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    match last == *b"\n" {
        true => Ok((true, bytes)),
        false => {
            file.write_all(b"\n")?;
            Ok((true, bytes.saturating_add(1)))
        }
    }
}

/// A recorded request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recorded {
    /// Counted from 1.
    pub(super) line: usize,
    pub(super) captured: Captured,
    told: Told,
}

/// What was told of it when it was recorded. A request that was written by hand has none of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Told {
    verdict: Option<String>,
    #[serde(default)]
    events: Vec<String>,
}

impl Recorded {
    /// Whether it was verified; `None` where nothing is said.
    pub(super) fn was_valid(&self) -> Option<bool> {
        self.told.verdict.as_ref().map(|verdict| verdict == "valid")
    }

    /// Whether an event of this type is in it.
    pub(super) fn has_event(&self, event_type: &str) -> bool {
        self.told.events.iter().any(|known| known == event_type)
    }
}

/// Reads a recording, a line at a time.
pub(super) struct Recording {
    reader: Box<dyn BufRead>,
    line: usize,
}

impl Recording {
    /// Opens a file; `-` is standard input.
    ///
    /// # Errors
    /// [`Error::Usage`]
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        if path == Path::new("-") {
            return Ok(Self {
                reader: Box::new(BufReader::new(io::stdin())),
                line: 0,
            });
        }
        let opened = File::open(path).and_then(|file| {
            let metadata = file.metadata()?;
            Ok((file, metadata))
        });
        let (file, metadata) = opened.map_err(|error| {
            let name = path.display();
            Error::usage(format!("{name} cannot be read: {}.", reason(&error)))
        })?;
        // What is there now: the receiver may be recording to the same file. A pipe has no length.
        let bytes = match metadata.is_file() {
            true => metadata.len(),
            false => u64::MAX,
        };
        Ok(Self {
            reader: Box::new(BufReader::new(file.take(bytes))),
            line: 0,
        })
    }

    fn read(&mut self) -> Result<Option<Recorded>, Error> {
        loop {
            let mut text = Vec::new();
            self.line = self.line.saturating_add(1);
            let line = self.line;
            let wrong = |problem: &str| Error::usage(format!("Line {line}: {problem}"));
            let read = (&mut self.reader)
                .take(LINE_BYTES_MAX + 1)
                .read_until(b'\n', &mut text);
            match read.map_err(|error| wrong(&format!("{}.", reason(&error))))? {
                0 => return Ok(None),
                _ if text.len() as u64 > LINE_BYTES_MAX => {
                    return Err(wrong("it is longer than any request."));
                }
                _ if text.trim_ascii().is_empty() => {}
                _ => {
                    return Ok(Some(Recorded {
                        line,
                        captured: in_json_line(&text).map_err(|problem| wrong(&problem))?,
                        told: serde_json::from_slice(&text)
                            .map_err(|error| wrong(&error.to_string()))?,
                    }));
                }
            }
        }
    }
}

impl Iterator for Recording {
    type Item = Result<Recorded, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

#[cfg(test)]
mod tests {
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
        let read: Vec<_> = Recording::open(&path)
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
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

        // Cut off by a crash: what follows stands in lines of its own.
        std::fs::write(&path, &before[..before.len() - 5]).unwrap();
        Recorder::open(&path, 4_000)
            .unwrap()
            .add(&entry(&captured(b"after")))
            .unwrap();
        let lines: Vec<_> = Recording::open(&path).unwrap().collect();
        assert!(lines[0].is_err());
        assert_eq!(lines[1].as_ref().unwrap().captured.body, b"after");

        let other = folder.path().join("letter.txt");
        std::fs::write(&other, "Dear Ada,").unwrap();
        assert!(Recorder::open(&other, 400).is_err());
        assert!(Recorder::open(folder.path(), 400).is_err());
        assert_eq!(std::fs::read(&other).unwrap(), b"Dear Ada,");
    }
}
