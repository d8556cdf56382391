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
    /// What of a line could not be cut off so far stands behind this many bytes.
    whole_bytes: Option<u64>,
    /// What was amiss at the end of a recording that goes on here, in a sentence.
    pub(super) amiss: Option<String>,
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
                let found = mended(&mut file)?;
                Ok((file, found))
            });
        let (file, found) = opened.map_err(|error| {
            Error::usage(format!("{name} cannot be recorded to: {}.", reason(&error)))
        })?;
        let Some(Mended { bytes, cut_bytes }) = found else {
            return Err(Error::usage(format!(
                "{name} is there already and is no recording; choose another name."
            )));
        };
        Ok(Self {
            file,
            path: path.to_owned(),
            bytes,
            bytes_max,
            whole_bytes: None,
            amiss: (cut_bytes > 0).then(|| {
                format!("{name} ended inside a line; its last {cut_bytes} bytes, part of a request, were cut off")
            }),
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
        self.append(&line)
            .map_err(|error| format!("not recorded: {}", reason(&error)))?;
        self.bytes = bytes;
        Ok(())
    }

    /// Adds a line, or nothing of it.
    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        if let Some(bytes) = self.whole_bytes {
            self.file.set_len(bytes)?;
            self.whole_bytes = None;
        }
        // Another receiver may record to the same file.
        let before = self.file.metadata()?.len();
        let written = self.file.write_all(line);
        if written.is_err() {
            // A part of it may be there: the disk is full.
            self.whole_bytes = self.file.set_len(before).is_err().then_some(before);
        }
        written
    }
}

/// A recording whose last line is whole.
struct Mended {
    bytes: u64,
    /// Of the line that was cut off for it.
    cut_bytes: u64,
}

/// Makes a file ready for further lines; `None` where it is no recording. What a crash or a full disk left of a last line goes.
fn mended(file: &mut File) -> io::Result<Option<Mended>> {
    let bytes = file.metadata()?.len();
    let mut beginning = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    (&mut *file)
        .take(BEGINNING.len() as u64)
        .read_to_end(&mut beginning)?;
    // It may have ended inside its first words.
    if !BEGINNING.starts_with(&beginning) {
        return Ok(None);
    }
    let whole_bytes = after_last_line_break(file, bytes)?;
    let cut_bytes = bytes.saturating_sub(whole_bytes);
    if cut_bytes == 0 {
        return Ok(Some(Mended { bytes, cut_bytes }));
    }
    let mut last = Vec::new();
    file.seek(SeekFrom::Start(whole_bytes))?;
    (&mut *file).take(LINE_BYTES_MAX).read_to_end(&mut last)?;
    if last.len() as u64 == cut_bytes && in_json_line(&last).is_ok() {
        // Whole, as an editor leaves it.
        file.write_all(b"\n")?;
        return Ok(Some(Mended {
            bytes: bytes.saturating_add(1),
            cut_bytes: 0,
        }));
    }
    file.set_len(whole_bytes)?;
    Ok(Some(Mended {
        bytes: whole_bytes,
        cut_bytes,
    }))
}

/// Where the last line begins that has no end.
fn after_last_line_break(file: &mut File, bytes: u64) -> io::Result<u64> {
    const PIECE_BYTES: u64 = 64 * 1024;
    let mut piece = Vec::new();
    let mut end = bytes;
    while end > 0 {
        let start = end.saturating_sub(PIECE_BYTES);
        piece.clear();
        file.seek(SeekFrom::Start(start))?;
        (&mut *file)
            .take(end.saturating_sub(start))
            .read_to_end(&mut piece)?;
        if let Some(at) = piece.iter().rposition(|byte| *byte == b'\n') {
            return Ok(start.saturating_add(at as u64).saturating_add(1));
        }
        end = start;
    }
    Ok(0)
}

/// A recorded request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recorded {
    /// Counted from 1.
    pub(super) line: usize,
    pub(super) captured: Captured,
    told: Told,
}

/// What stands in a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    Request(Recorded),
    /// No request, such as the part of one that a full disk left.
    Unreadable {
        /// Counted from 1.
        line: usize,
        problem: String,
    },
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

    fn read(&mut self) -> Result<Option<Found>, Error> {
        loop {
            let mut text = Vec::new();
            self.line = self.line.saturating_add(1);
            let line = self.line;
            let failed =
                |error: io::Error| Error::usage(format!("Line {line}: {}.", reason(&error)));
            (&mut self.reader)
                .take(LINE_BYTES_MAX)
                .read_until(b'\n', &mut text)
                .map_err(failed)?;
            if text.is_empty() {
                return Ok(None);
            }
            let is_too_long = text.len() as u64 == LINE_BYTES_MAX && !text.ends_with(b"\n");
            if is_too_long {
                self.reader.skip_until(b'\n').map_err(failed)?;
            }
            if text.trim_ascii().is_empty() {
                continue;
            }
            let read = match is_too_long {
                true => Err("it is longer than any request".to_owned()),
                false => in_json_line(&text).and_then(|captured| {
                    let told = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
                    Ok(Recorded {
                        line,
                        captured,
                        told,
                    })
                }),
            };
            return Ok(Some(match read {
                Ok(recorded) => Found::Request(recorded),
                Err(problem) => Found::Unreadable { line, problem },
            }));
        }
    }
}

impl Iterator for Recording {
    type Item = Result<Found, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

#[cfg(test)]
mod tests;
