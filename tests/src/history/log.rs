//! Reading what hosts log about deliveries.

use super::{Done, Generation, What};
use anyhow::Context;
use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Seek, SeekFrom},
    path::PathBuf,
};

/// The target of these lines; a host logs them where its filter asks for `trace` of it.
pub const TARGET: &str = "countersign::history";

/// Reads the log of a host (as JSON), from where it ended the last time.
#[derive(Debug)]
pub struct LogReader {
    path: PathBuf,
    host: String,
    offset: u64,
    generation: Option<Generation>,
}

impl LogReader {
    pub fn new(host: &str, path: PathBuf) -> Self {
        Self {
            path,
            host: host.to_owned(),
            offset: 0,
            generation: None,
        }
    }

    /// What the host has done since the last call. A line that is not ended yet is left for the next one.
    ///
    /// # Errors
    /// When the file cannot be read, or a line of the history is none.
    pub fn read(&mut self) -> anyhow::Result<Vec<Done>> {
        let mut file = std::fs::File::open(&self.path)?;
        file.seek(SeekFrom::Start(self.offset))?;
        let mut file = BufReader::new(file);
        let mut done = Vec::new();
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = file.read_until(b'\n', &mut line)?;
            if line.last() != Some(&b'\n') {
                return Ok(done);
            }
            self.offset += u64::try_from(read)?;
            done.extend(self.line(&line)?);
        }
    }

    /// Lines of other targets, and such as a crash cut off, are none of the history.
    fn line(&mut self, line: &[u8]) -> anyhow::Result<Option<Done>> {
        let Ok(line) = serde_json::from_slice::<Value>(line) else {
            return Ok(None);
        };
        if line["target"] != TARGET {
            return Ok(None);
        }
        let fields = &line["fields"];
        let event = fields["event"].as_str().context("no event")?;
        let at_ms = fields["db_ms"].as_i64().context("no db_ms")?;
        let told = fields["generation"].as_i64();
        if told.is_some() {
            self.generation = told;
        }
        let delivery = || {
            let id = fields["delivery"].as_str().context("no delivery");
            id.map(ToOwned::to_owned)
        };
        let what = match event {
            "registered" => What::Registered,
            "lost" => What::Lost,
            "leased" => What::Leased {
                delivery: delivery()?,
            },
            "sent" => What::Sent {
                delivery: delivery()?,
            },
            "answered" => What::Answered {
                delivery: delivery()?,
            },
            "recorded" => What::Recorded {
                delivery: delivery()?,
            },
            "put_back" => What::PutBack {
                delivery: delivery()?,
            },
            other => anyhow::bail!("{other} is no event of a history"),
        };
        Ok(Some(Done {
            host: self.host.clone(),
            generation: self.generation,
            at_ms,
            what,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn line(fields: &str) -> String {
        format!(r#"{{"level":"TRACE","fields":{{{fields}}},"target":"{TARGET}"}}"#)
    }

    #[test]
    fn lines_are_read_once_and_whole_with_the_generation_that_was_told_last() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let mut reader = LogReader::new("a", file.path().to_owned());
        let registered = line(r#""event":"registered","generation":7,"db_ms":5"#);
        let sent = line(r#""event":"sent","delivery":"dlv_1","db_ms":6"#);
        write!(
            file,
            "started\n{registered}\n{{\"target\":\"other\"}}\n{sent}"
        )
        .unwrap();
        let done = |at_ms, what| Done {
            host: "a".to_owned(),
            generation: Some(7),
            at_ms,
            what,
        };
        assert_eq!(reader.read().unwrap(), [done(5, What::Registered)]);
        assert_eq!(reader.read().unwrap(), []);
        writeln!(file).unwrap();
        let delivery = "dlv_1".to_owned();
        assert_eq!(reader.read().unwrap(), [done(6, What::Sent { delivery })]);
        writeln!(file, "{}", line(r#""event":"dreamt","db_ms":6"#)).unwrap();
        assert!(reader.read().is_err());
    }
}
