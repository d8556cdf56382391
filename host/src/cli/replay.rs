//! `countersign replay`: recorded requests, sent again.

mod resign;
mod selection;

use self::{resign::Resigner, selection::Selector};
use super::{
    captured::Captured,
    listen::address,
    output::{DIM, GREEN, Output, RED, paint, shown},
    recording::{Found, Recorded, Recording},
    sender::SenderArgs,
};
use crate::{
    clock::{Clock, SystemClock},
    error::Error,
    transport::{Direct, DirectAnswer},
};
use bytes::Bytes;
use clap::Args;
use http_body_util::Full;
use hyper::{
    Method, Request,
    header::{HeaderName, HeaderValue},
};
use serde::Serialize;
use std::{path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

/// Patience with the receiver.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);
/// What is read of an answer, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// Highest rate that can be asked for, in requests a second.
const RATE_MAX: f64 = 10_000.0;

const EXAMPLES: &str = "\
Examples:
  countersign replay hooks.jsonl --to http://localhost:3000/hooks
      The very bytes and headers again, one request after the other.
  countersign replay hooks.jsonl --to http://localhost:3000/hooks --only 3,7-9
  countersign replay hooks.jsonl --to http://localhost:3000/hooks --only refused
      Also: valid, and types of events such as email.replied.
  countersign replay hooks.jsonl --to http://localhost:3000/hooks --re-sign --provider sendemall --rate 5
      With fresh signatures and timestamps by the secret in COUNTERSIGN_SECRET, five a second at most.

A line that is no request, such as the part of one that a full disk left, is named and left out.

Addresses are not taken from the recording, so that nothing reaches a public receiver by accident. Names of headers
go out in lower case.

Exit code: 0 every request was answered with 2xx, 1 some were not or a line was left out, 2 the command was called
wrongly.";

/// Sends the requests of a recording again.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Replay {
    /// A recording of `countersign listen`; -: standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Where they go: the full address
    #[arg(long, value_name = "URL", value_parser = address)]
    to: String,
    /// Which ones: lines (3, 7-9), valid, refused, or types of events; may be repeated
    #[arg(long, value_name = "WHICH", value_delimiter = ',')]
    only: Vec<Selector>,
    /// Requests begun in a second, at most
    #[arg(long, value_name = "NUMBER", value_parser = rate)]
    rate: Option<f64>,
    /// Signs them anew, by the sender and the secret below; the body stays as it is
    #[arg(long)]
    re_sign: bool,
    #[command(flatten)]
    sender: SenderArgs,
}

/// What became of a request.
#[derive(Debug, Serialize)]
struct Line<'a> {
    line: usize,
    /// `None` of a line that is no request.
    method: Option<&'a str>,
    to: &'a str,
    status: Option<u16>,
    duration_ms: Option<u64>,
    /// Why there was no answer.
    problem: Option<String>,
}

/// The last line.
#[derive(Debug, Default, Serialize)]
struct Totals {
    sent: u64,
    accepted: u64,
    failed: u64,
    /// Lines that are no requests.
    unreadable: u64,
}

fn rate(text: &str) -> Result<f64, &'static str> {
    let rate: f64 = text.parse().map_err(|_| "it must be a number")?;
    match rate > 0.0 && rate <= RATE_MAX {
        true => Ok(rate),
        false => Err("it must be above 0, and 10000 at most"),
    }
}

impl Replay {
    pub(super) fn run(self, out: &Output) -> Result<ExitCode, Error> {
        if self.sender.is_given() && !self.re_sign {
            return Err(Error::usage(
                "A sender or a secret is of use with --re-sign only; without it the recorded signatures are sent.",
            ));
        }
        let recording = Recording::open(&self.file)?;
        let resigner = match self.re_sign {
            true => Some(Resigner::new(self.sender.read(out)?, &self.to)?),
            false => None,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|source| Error::System {
                doing: "starting the runtime",
                source,
            })?;
        let pace = self.rate.map(|rate| Duration::from_secs_f64(1.0 / rate));
        let round = Round {
            out,
            to: &self.to,
            pace,
            resigner,
            clock: Arc::new(SystemClock::new()),
        };
        let mut are_any = false;
        let chosen = recording.filter(|found| match found {
            Ok(found) => {
                are_any |= matches!(found, Found::Request(_));
                Selector::any(&self.only, found)
            }
            Err(_) => true,
        });
        let totals = runtime.block_on(round.go(chosen))?;
        let file = self.file.display();
        if !are_any {
            return Err(Error::usage(format!("There is no request in {file}.")));
        }
        if totals.sent == 0 && totals.unreadable == 0 {
            return Err(Error::usage(format!(
                "None of the requests in {file} is among --only."
            )));
        }
        out.either(&totals, totals.text())?;
        let is_done = totals.failed == 0 && totals.unreadable == 0;
        Ok(ExitCode::from(u8::from(!is_done)))
    }
}

impl Totals {
    /// For people.
    fn text(&self) -> String {
        let Self {
            sent,
            accepted,
            failed,
            unreadable,
        } = self;
        let left_out = match unreadable {
            0 => String::new(),
            1 => "; 1 line is no request".to_owned(),
            several => format!("; {several} lines are no requests"),
        };
        format!("sent {sent}: {accepted} accepted, {failed} not{left_out}")
    }
}

/// Everything that a round of requests needs.
struct Round<'a> {
    out: &'a Output,
    to: &'a str,
    /// From the beginning of one request to that of the next, at least.
    pace: Option<Duration>,
    resigner: Option<Resigner>,
    clock: Arc<dyn Clock>,
}

impl Round<'_> {
    async fn go(
        &self,
        chosen: impl Iterator<Item = Result<Found, Error>>,
    ) -> Result<Totals, Error> {
        let client = Direct::new(Arc::clone(&self.clock), ANSWER_TIME_MAX, ANSWER_BYTES_MAX);
        let mut totals = Totals::default();
        let mut next = self.clock.elapsed();
        for found in chosen {
            let mut recorded = match found? {
                Found::Request(recorded) => recorded,
                Found::Unreadable { line, problem } => {
                    totals.unreadable = totals.unreadable.saturating_add(1);
                    self.tell_unreadable(line, &problem)?;
                    continue;
                }
            };
            if let Some(pace) = self.pace {
                let wait = next.saturating_sub(self.clock.elapsed());
                self.clock.sleep(wait).await;
                next = self.clock.elapsed().saturating_add(pace);
            }
            if let Some(resigner) = &self.resigner {
                resigner.sign(&mut recorded.captured, self.clock.now_ms())?;
            }
            let answer = match request(&recorded.captured, self.to) {
                Ok(request) => client
                    .send(request)
                    .await
                    .map_err(|error| error.to_string()),
                Err(problem) => Err(problem),
            };
            totals.sent = totals.sent.saturating_add(1);
            match answer
                .as_ref()
                .is_ok_and(|answer| answer.status.is_success())
            {
                true => totals.accepted = totals.accepted.saturating_add(1),
                false => totals.failed = totals.failed.saturating_add(1),
            }
            self.tell(&recorded, answer)?;
        }
        Ok(totals)
    }

    fn tell(&self, recorded: &Recorded, answer: Result<DirectAnswer, String>) -> Result<(), Error> {
        let method = recorded.captured.method.as_str();
        let line = recorded.line;
        let text = match &answer {
            Ok(answer) => answered(answer),
            Err(problem) => paint(RED, format_args!("no answer: {}", shown(problem))),
        };
        let answered = answer.as_ref().ok();
        self.out.either(
            &Line {
                line,
                method: Some(method),
                to: self.to,
                status: answered.map(|answer| answer.status.as_u16()),
                duration_ms: answered.map(|answer| millis(answer.took)),
                problem: answer.as_ref().err().cloned(),
            },
            format_args!("{} {} -> {text}", paint(DIM, line), shown(method)),
        )
    }

    fn tell_unreadable(&self, line: usize, problem: &str) -> Result<(), Error> {
        let problem = format!("not sent: {problem}");
        self.out.either(
            &Line {
                line,
                method: None,
                to: self.to,
                status: None,
                duration_ms: None,
                problem: Some(problem.clone()),
            },
            format_args!("{} {}", paint(DIM, line), paint(RED, shown(&problem))),
        )
    }
}

/// Status and time, for people.
pub(super) fn answered(answer: &DirectAnswer) -> String {
    let style = match answer.status.is_success() {
        true => GREEN,
        false => RED,
    };
    let status = paint(style, answer.status.as_u16());
    format!("{status} in {} ms", millis(answer.took))
}

pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The request as it is sent.
///
/// # Errors
/// What of it cannot be sent.
pub(super) fn request(captured: &Captured, to: &str) -> Result<Request<Full<Bytes>>, String> {
    let mut request = Request::new(Full::new(Bytes::from(captured.body.clone())));
    *request.method_mut() = Method::from_bytes(captured.method.as_bytes())
        .map_err(|_| format!("the method {} cannot be sent", captured.method))?;
    *request.uri_mut() = to.parse().map_err(|error| format!("{to}: {error}"))?;
    for (name, value) in &captured.headers {
        let unfit = || format!("the header {name} cannot be sent");
        let known = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unfit())?;
        let value = HeaderValue::from_bytes(value).map_err(|_| unfit())?;
        request
            .headers_mut()
            .try_append(known, value)
            .map_err(|_| "there are too many headers".to_owned())?;
    }
    Ok(request)
}
