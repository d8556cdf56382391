//! The request that the flags describe, and the clock to judge it by.

use super::{
    CLOCK, REQUEST,
    captured::{self, Captured, method_of},
    secret::reason,
};
use crate::{
    clock::{Clock, SystemClock},
    error::Error,
};
use clap::Args;
use countersign_core::{Request, Tolerance};
use std::{
    fs::File,
    io::{self, IsTerminal, Read},
    path::{Path, PathBuf},
    str::FromStr,
};

/// Longest request that is read: what the kernel takes at once, and far above any webhook.
const BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Standard input, as a file name.
const STDIN: &str = "-";

#[derive(Debug, Args)]
#[command(next_help_heading = REQUEST)]
pub(super) struct RequestArgs {
    /// Raw HTTP, JSON { "headers": ..., "body": ... }, or a recording; left out, or -: standard input
    #[arg(value_name = "FILE", display_order = 0)]
    file: Option<PathBuf>,
    /// Which request of a recording, counted from 1
    #[arg(long, value_name = "NUMBER")]
    line: Option<usize>,
    /// A header as 'Name: value', may be repeated; together with --body-file
    #[arg(short = 'H', long = "header", value_name = "HEADER", value_parser = header)]
    headers: Vec<(String, String)>,
    /// The exact body; -: standard input
    #[arg(long, value_name = "FILE")]
    body_file: Option<PathBuf>,
    /// The method, where the scheme signs it
    #[arg(long, value_name = "NAME")]
    method: Option<String>,
    /// The full address that the sender called, where the scheme signs it
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = CLOCK)]
pub(super) struct ClockArgs {
    #[command(flatten)]
    tolerance: ToleranceArg,
    /// The time to judge by, in unix seconds
    #[arg(long, value_name = "SECONDS", value_parser = seconds, allow_negative_numbers = true)]
    now: Option<i64>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = CLOCK)]
pub(super) struct ToleranceArg {
    /// How old a signed timestamp may be; "off": any age, for old captures
    #[arg(long, value_name = "SECONDS")]
    tolerance: Option<Window>,
}

/// A tolerance as it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Window {
    Off,
    Seconds(u32),
}

impl FromStr for Window {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "off" => Ok(Self::Off),
            _ => text
                .parse()
                .map(Self::Seconds)
                .map_err(|_| "it must be a whole number of seconds, not below 0, or \"off\""),
        }
    }
}

impl RequestArgs {
    /// # Errors
    /// [`Error::Usage`]
    pub(super) fn read(self) -> Result<Captured, Error> {
        let in_parts = !self.headers.is_empty() || self.body_file.is_some();
        if !in_parts {
            let bytes = bytes_of(self.file.as_deref())?;
            let captured = captured::read(&bytes, self.line)?;
            return Ok(Captured {
                method: match &self.method {
                    Some(method) => method_of(Some(method)),
                    None => captured.method,
                },
                url: self.url.or(captured.url),
                ..captured
            });
        }
        if self.file.is_some() || self.line.is_some() {
            return Err(Error::usage(
                "Give the request as one FILE, or with --header and --body-file.",
            ));
        }
        let headers = self.headers.into_iter();
        Ok(Captured {
            method: method_of(self.method.as_deref()),
            url: self.url,
            headers: headers
                .map(|(name, value)| (name, value.into_bytes()))
                .collect(),
            body: bytes_of(self.body_file.as_deref())?,
        })
    }
}

impl ClockArgs {
    pub(super) const fn tolerance(&self) -> ToleranceGiven {
        self.tolerance.given()
    }

    /// The time to judge by, in unix seconds.
    pub(super) fn now_s(&self) -> i64 {
        self.now.unwrap_or_else(now_s)
    }
}

impl ToleranceArg {
    pub(super) const fn given(&self) -> ToleranceGiven {
        ToleranceGiven(self.tolerance)
    }
}

/// A tolerance, as core and kernel take it.
#[derive(Debug, Clone, Copy)]
pub(super) struct ToleranceGiven(Option<Window>);

impl ToleranceGiven {
    pub(super) const fn core(self) -> Tolerance {
        match self.0 {
            None => Tolerance::SchemeDefault,
            Some(Window::Off) => Tolerance::Off,
            Some(Window::Seconds(seconds)) => Tolerance::Seconds(seconds),
        }
    }

    pub(super) const fn kernel(self) -> Option<Option<u32>> {
        match self.0 {
            None => None,
            Some(Window::Off) => Some(None),
            Some(Window::Seconds(seconds)) => Some(Some(seconds)),
        }
    }
}

impl Captured {
    /// As it is judged.
    pub(super) fn request(&self) -> Request<'_, [(String, Vec<u8>)]> {
        Request {
            method: &self.method,
            url: self.url.as_deref().unwrap_or_default(),
            ..Request::new(self.headers.as_slice(), &self.body)
        }
    }
}

/// This machine's time, in unix seconds.
pub(super) fn now_s() -> i64 {
    i64::try_from(SystemClock::new().now_ms() / 1_000).unwrap_or(i64::MAX)
}

/// The bytes of a file, or of standard input.
///
/// # Errors
/// [`Error::Usage`]
pub(super) fn bytes_of(file: Option<&Path>) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let (name, read) = match file.filter(|file| *file != Path::new(STDIN)) {
        Some(file) => {
            let read = File::open(file).and_then(|file| limited(file, &mut bytes));
            (file.display().to_string(), read)
        }
        None if io::stdin().is_terminal() => {
            return Err(Error::usage(
                "Nothing to read: name a file, or send the bytes to standard input.",
            ));
        }
        None => (
            "Standard input".to_owned(),
            limited(io::stdin().lock(), &mut bytes),
        ),
    };
    read.map_err(|error| Error::usage(format!("{name} cannot be read: {}.", reason(&error))))?;
    match bytes.len() as u64 > BYTES_MAX {
        true => Err(Error::usage(format!(
            "{name} is over 64 MiB; no webhook is."
        ))),
        false => Ok(bytes),
    }
}

fn limited(from: impl Read, bytes: &mut Vec<u8>) -> io::Result<usize> {
    from.take(BYTES_MAX + 1).read_to_end(bytes)
}

/// `Name: value`.
pub(super) fn header(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text
        .split_once(':')
        .filter(|(name, _)| !name.trim().is_empty())
        .ok_or("it takes 'Name: value'")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

/// Unix seconds, perhaps with a fraction, of which schemes know nothing.
#[allow(
    clippy::cast_possible_truncation,
    reason = "`as` saturates, which is what is wanted here"
)]
fn seconds(text: &str) -> Result<i64, &'static str> {
    let value: f64 = text.trim().parse().map_err(|_| "it must be a number")?;
    match value.is_finite() && value >= 0.0 {
        true => Ok(value.floor() as i64),
        false => Err("it must be a number, not below 0"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_headers_are_read_as_people_write_them() {
        assert_eq!("300".parse(), Ok(Window::Seconds(300)));
        assert_eq!("off".parse(), Ok(Window::Off));
        for wrong in ["", "-1", "soon", "1.5", "4294967296"] {
            assert!(wrong.parse::<Window>().is_err(), "{wrong}");
        }
        assert_eq!(seconds("1772000000.9"), Ok(1_772_000_000));
        for wrong in ["", "-1", "NaN", "inf"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
        assert_eq!(
            header("X-A : b: c "),
            Ok(("X-A".to_owned(), "b: c".to_owned()))
        );
        assert!(header("no colon").is_err() && header(": v").is_err());
    }
}
