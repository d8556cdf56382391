//! What becomes of a request: judged, recorded, forwarded, answered, told.

use super::{
    super::{
        captured::Captured,
        explanation::Explanation,
        output::Output,
        recording::{Entry, Recorder},
        request::{ToleranceGiven, now_s},
        sender::Sender,
        verdict::Verdict,
    },
    line::Line,
};
use crate::{
    clock::{Clock, SystemClock, rfc3339},
    error::Error,
    rules::Kernel,
    transport::{Direct, DirectAnswer},
};
use base64ct::{Base64, Encoding};
use bytes::Bytes;
use countersign_core::{
    Scheme,
    event::{Event, Source},
    normalise,
};
use http_body_util::Full;
use hyper::{
    Request, Response, StatusCode,
    header::{CONTENT_TYPE, HOST, HeaderValue},
    http::request::Parts,
};
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::mpsc;

/// Patience with the program behind `--forward`; senders wait less.
const FORWARD_TIME_MAX: Duration = Duration::from_secs(30);
/// Longest answer that is brought back from there.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

const ACCEPTED: &str = r#"{"received":true}"#;
const REFUSED: &str = r#"{"error":"Invalid signature"}"#;

/// Everything that requests are judged and answered with.
pub(super) struct Desk {
    pub(super) out: Output,
    pub(super) kernel: Kernel,
    pub(super) sender: Sender,
    pub(super) tolerance: ToleranceGiven,
    pub(super) forward: Option<String>,
    /// What the sender calls, where that is not what this receiver sees.
    pub(super) public_url: Option<String>,
    /// Of the answer to what verifies.
    pub(super) status: Option<u16>,
    pub(super) recorder: Option<Mutex<Recorder>>,
    pub(super) bytes_max: usize,
    pub(super) shows_body: bool,
    pub(super) client: Direct,
    pub(super) valid: AtomicU64,
    pub(super) refused: AtomicU64,
    /// Told when nothing can be printed any more.
    pub(super) closed: mpsc::Sender<Error>,
}

/// A request whose body was read, or was not.
pub(super) struct Arrived {
    pub(super) head: Parts,
    pub(super) body: Given,
}

/// What came of a body.
pub(super) enum Given {
    Whole(Bytes),
    /// The head is over this many bytes, and the body was not looked at.
    HeadTooLong(usize),
    TooLong,
    TooSlow,
    BrokenOff,
}

/// What is known of a request once it is judged.
struct Judged {
    verdict: Verdict,
    events: Vec<Event>,
    explanation: Option<Explanation>,
    /// What went wrong besides the signature.
    problems: Vec<String>,
}

/// The client that forwards.
pub(super) fn client() -> Direct {
    Direct::new(
        Arc::new(SystemClock::new()),
        FORWARD_TIME_MAX,
        ANSWER_BYTES_MAX,
    )
}

impl Desk {
    /// Valid and refused requests so far.
    pub(super) fn counts(&self) -> (u64, u64) {
        (
            self.valid.load(Ordering::Relaxed),
            self.refused.load(Ordering::Relaxed),
        )
    }

    /// Deals with a request and returns its answer.
    pub(super) async fn take(self: Arc<Self>, arrived: Arrived) -> Response<Full<Bytes>> {
        let at = rfc3339(SystemClock::new().now_ms());
        let Arrived { head, body } = arrived;
        let line = |status: StatusCode| Line {
            at: at.clone(),
            method: head.method.to_string(),
            path: head.uri.to_string(),
            bytes: 0,
            status: status.as_u16(),
            verdict: None,
            events: Vec::new(),
            explanation: None,
            problem: None,
            body: String::new(),
            body_base64: None,
        };
        let refuse = |status, text, problem: String| {
            self.refused.fetch_add(1, Ordering::Relaxed);
            self.tell(&Line {
                problem: Some(problem),
                ..line(status)
            });
            json(status, text)
        };
        let body = match body {
            Given::Whole(body) => body,
            Given::HeadTooLong(bytes_max) => {
                return refuse(
                    StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                    r#"{"error":"Request header fields too large"}"#,
                    format!("the head is over {bytes_max} bytes"),
                );
            }
            Given::TooLong => {
                return refuse(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    r#"{"error":"Payload too large"}"#,
                    format!("the body is over {} bytes", self.bytes_max),
                );
            }
            Given::TooSlow => {
                return refuse(
                    StatusCode::REQUEST_TIMEOUT,
                    r#"{"error":"Request timeout"}"#,
                    "the body took too long".to_owned(),
                );
            }
            Given::BrokenOff => {
                return refuse(
                    StatusCode::BAD_REQUEST,
                    r#"{"error":"Request aborted"}"#,
                    "the sender broke off inside the body".to_owned(),
                );
            }
        };
        let captured = Arc::new(self.captured(&head, &body));
        let judging = {
            let (desk, captured, at) = (Arc::clone(&self), Arc::clone(&captured), at.clone());
            // Some milliseconds; what does not verify is searched for longer.
            tokio::task::spawn_blocking(move || desk.judge(&captured, &at))
        };
        let judged = match judging.await {
            Ok(Ok(judged)) => judged,
            Ok(Err(error)) => {
                let text = r#"{"error":"Not judged"}"#;
                return refuse(StatusCode::INTERNAL_SERVER_ERROR, text, error.to_string());
            }
            Err(error) => {
                let text = r#"{"error":"Not judged"}"#;
                return refuse(StatusCode::INTERNAL_SERVER_ERROR, text, error.to_string());
            }
        };
        let (answer, problem) = self.answer(&judged, &head, &body).await;
        self.tell(&Line {
            bytes: body.len(),
            verdict: Some(judged.verdict),
            events: judged.events,
            explanation: judged.explanation,
            problem: in_one_line(problem.into_iter().chain(judged.problems)),
            body: String::from_utf8_lossy(&body).into_owned(),
            body_base64: std::str::from_utf8(&body)
                .is_err()
                .then(|| Base64::encode_string(&body)),
            ..line(answer.status())
        });
        answer
    }

    fn captured(&self, head: &Parts, body: &Bytes) -> Captured {
        let seen = || {
            // Some clients write the whole address into the request line.
            if head.uri.scheme().is_some() {
                return head.uri.to_string();
            }
            let host = head.headers.get(HOST).map(HeaderValue::as_bytes);
            let host = host.map_or("localhost".into(), String::from_utf8_lossy);
            format!("http://{host}{}", head.uri)
        };
        let headers = head.headers.iter();
        Captured {
            method: head.method.as_str().to_ascii_uppercase(),
            url: Some(self.public_url.clone().unwrap_or_else(seen)),
            headers: headers
                .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
                .collect(),
            body: body.to_vec(),
        }
    }

    /// Verifies, reads or explains, and records.
    fn judge(&self, captured: &Captured, at: &str) -> Result<Judged, Error> {
        let (tolerance, now_s) = (self.tolerance, now_s());
        let verdict = Verdict::of(
            &self.kernel,
            &self.sender,
            tolerance.kernel(),
            captured,
            now_s,
        )?;
        let mut judged = Judged {
            events: Vec::new(),
            explanation: None,
            problems: Vec::new(),
            verdict,
        };
        match judged.verdict.is_valid() {
            // Of other senders nobody reads the bodies here.
            true => {
                if let Ok(source) = Source::named(&self.sender.name) {
                    match normalise::parse(source, &captured.headers, &captured.body) {
                        Ok(events) => judged.events = events,
                        Err(error) => judged.problems.push(error.to_string()),
                    }
                }
            }
            false => {
                let explanation = Explanation::of(&self.sender, tolerance, captured, &[], now_s);
                judged.explanation = Some(explanation);
            }
        }
        if let Some(recorder) = &self.recorder {
            let entry = Entry {
                at,
                captured,
                verdict: judged.verdict.code(),
                events: judged
                    .events
                    .iter()
                    .map(|event| event.event_type.as_str())
                    .collect(),
            };
            let mut recorder = recorder.lock().unwrap_or_else(PoisonError::into_inner);
            if let Err(problem) = recorder.add(&entry) {
                judged.problems.insert(0, problem);
            }
        }
        Ok(judged)
    }

    /// The answer, and what went wrong on the way to it.
    async fn answer(
        &self,
        judged: &Judged,
        head: &Parts,
        body: &Bytes,
    ) -> (Response<Full<Bytes>>, Option<String>) {
        let answers = Scheme::named(&self.sender.scheme).map(|scheme| scheme.answers);
        if !judged.verdict.is_valid() {
            self.refused.fetch_add(1, Ordering::Relaxed);
            let text = answers.and_then(|answers| answers.refused);
            return (
                json(StatusCode::UNAUTHORIZED, text.unwrap_or(REFUSED)),
                None,
            );
        }
        self.valid.fetch_add(1, Ordering::Relaxed);
        let forwarded = match &self.forward {
            Some(url) => Some(self.forwarded(url, head, body).await),
            None => None,
        };
        let problem = match &forwarded {
            Some(Err(problem)) => Some(problem.clone()),
            _ => None,
        };
        let asked = self
            .status
            .and_then(|status| StatusCode::from_u16(status).ok());
        let accepted = answers
            .and_then(|answers| answers.accepted)
            .unwrap_or(ACCEPTED);
        let answer = match (asked, forwarded) {
            (Some(status), _) if status.is_success() => json(status, accepted),
            (Some(status), _) => json(status, r#"{"error":"Asked for with --status"}"#),
            (None, None) => json(StatusCode::OK, accepted),
            (None, Some(Ok(answer))) => passed_on(answer),
            (None, Some(Err(_))) => {
                json(StatusCode::BAD_GATEWAY, r#"{"error":"Forwarding failed"}"#)
            }
        };
        (answer, problem)
    }

    /// Sends the very bytes on, and brings the answer back.
    async fn forwarded(
        &self,
        url: &str,
        head: &Parts,
        body: &Bytes,
    ) -> Result<DirectAnswer, String> {
        let mut request = Request::new(Full::new(body.clone()));
        *request.method_mut() = head.method.clone();
        *request.uri_mut() = url
            .parse()
            .map_err(|error| format!("forwarding failed: {error}"))?;
        *request.headers_mut() = head.headers.clone();
        // The spelling of the headers is among them.
        *request.extensions_mut() = head.extensions.clone();
        self.client
            .send(request)
            .await
            .map_err(|error| format!("forwarding failed: {error}"))
    }

    fn tell(&self, line: &Line) {
        let told = match self.out.is_json() {
            true => self.out.value(line),
            false => self.out.lines(line.text(self.shows_body)),
        };
        if let Err(error) = told {
            // Full: the end has been told already.
            let _ = self.closed.try_send(error);
        }
    }
}

/// All that went wrong; `None` where nothing did.
fn in_one_line(problems: impl Iterator<Item = String>) -> Option<String> {
    problems.reduce(|told, problem| format!("{told}; {problem}"))
}

fn json(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

fn passed_on(answer: DirectAnswer) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(answer.body));
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    response
}
