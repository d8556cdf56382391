//! Sending requests.

mod answer;
mod dial;

use crate::clock::{Clock, within};
pub use answer::EXCERPT_BYTES_MAX;
use answer::{read_body, retry_after_s};
use bytes::Bytes;
use countersign_core::delivery::{FailureKind, Outcome};
use dial::{Connector, DialFailure};
use http_body_util::Full;
use hyper::{
    Request,
    header::{HeaderMap, HeaderName, HeaderValue, USER_AGENT},
};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};
use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

/// An idle connection is closed after this time. Node's HTTP server closes its side after 5 s; staying below avoids most
/// requests that meet a connection in the moment it is closed.
const IDLE_MAX: Duration = Duration::from_secs(4);
/// Longest head of an answer.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Most headers of an answer.
const HEADERS_MAX: usize = 100;

/// A request to be sent, once.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// Absolute, `http` or `https`.
    pub url: String,
    /// A later header replaces an earlier one of the same name.
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
    /// For everything from the look-up of the host to the end of the answer.
    pub timeout: Duration,
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    pub outcome: Outcome,
    /// Beginning of the answer's body, at most [`EXCERPT_BYTES_MAX`] bytes.
    pub response: Vec<u8>,
}

/// A way to send requests.
///
/// Contract: one call sends at most one request. What a receiver does, or does not, is an [`Exchange`], never an error and
/// never a panic; the call ends soon after the timeout at the latest, and holds no more of an answer than it returns.
pub trait Transport: Send + Sync + 'static {
    /// Sends a request.
    fn send(&self, request: Outgoing) -> Pin<Box<dyn Future<Output = Exchange> + Send + '_>>;
}

/// HTTP/1.1 over TCP and TLS, with connections kept for the next request.
///
/// Redirects are not followed (R-X4). The client below may move a request to another connection in one case only: the kept
/// connection turned out to be closed before a byte of the request was written. That is not a second request, and counting
/// it as a failed attempt would blame the receiver for closing an idle connection. Once writing has begun, a broken
/// connection is a failed attempt, since the receiver may have the request.
pub struct HttpTransport {
    client: Client<Connector, Full<Bytes>>,
    clock: Arc<dyn Clock>,
}

impl HttpTransport {
    /// A transport that trusts the certificate authorities of the machine.
    pub fn new(clock: Arc<dyn Clock>, idle_per_host_max: usize) -> Self {
        let mut builder = Client::builder(TokioExecutor::new());
        builder
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_MAX)
            .pool_max_idle_per_host(idle_per_host_max)
            .retry_canceled_requests(true)
            .http1_max_buf_size(HEAD_BYTES_MAX)
            .http1_max_headers(HEADERS_MAX);
        Self {
            client: builder.build(dial::connector()),
            clock,
        }
    }

    async fn exchange(&self, request: Outgoing) -> Exchange {
        let Some(prepared) = prepare(&request) else {
            // Addresses and headers are checked when an endpoint is made.
            tracing::error!("an endpoint has an address or header that cannot be sent");
            return failure(FailureKind::Connect);
        };
        let began = self.clock.elapsed();
        let answer = within(&*self.clock, request.timeout, self.client.request(prepared)).await;
        match answer {
            None => failure(FailureKind::Timeout),
            Some(Err(error)) => failure(kind_of(&error)),
            Some(Ok(answer)) => {
                let (head, body) = answer.into_parts();
                let outcome = Outcome::Response {
                    status: head.status.as_u16(),
                    retry_after_s: retry_after_s(&head.headers, self.clock.now_ms()),
                };
                let spent = self.clock.elapsed().saturating_sub(began);
                let left = request.timeout.saturating_sub(spent);
                Exchange {
                    outcome,
                    response: read_body(&*self.clock, body, left).await,
                }
            }
        }
    }
}

impl Transport for HttpTransport {
    fn send(&self, request: Outgoing) -> Pin<Box<dyn Future<Output = Exchange> + Send + '_>> {
        Box::pin(self.exchange(request))
    }
}

const fn failure(kind: FailureKind) -> Exchange {
    Exchange {
        outcome: Outcome::Failure(kind),
        response: Vec::new(),
    }
}

fn prepare(request: &Outgoing) -> Option<Request<Full<Bytes>>> {
    let mut headers = HeaderMap::new();
    let agent = concat!("Countersign/", env!("CARGO_PKG_VERSION"));
    headers.insert(USER_AGENT, HeaderValue::from_static(agent));
    for (name, value) in &request.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        headers.insert(name, HeaderValue::from_str(value).ok()?);
    }
    let mut prepared = Request::post(&request.url)
        .body(Full::new(request.body.clone()))
        .ok()?;
    *prepared.headers_mut() = headers;
    Some(prepared)
}

/// The kind of a failure, told by types, never by text.
fn kind_of(error: &hyper_util::client::legacy::Error) -> FailureKind {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = std::error::Error::source(error);
    while let Some(error) = cause {
        if let Some(failure) = error.downcast_ref::<DialFailure>() {
            return failure.kind();
        }
        if let Some(error) = error.downcast_ref::<hyper::Error>()
            && error.is_canceled()
        {
            // Closed before the request was written.
            return FailureKind::Connect;
        }
        cause = error.source();
    }
    match error.is_connect() {
        // What the dialler did not report itself happened in the TLS layer above it.
        true => FailureKind::Tls,
        false => FailureKind::InvalidResponse,
    }
}

#[cfg(test)]
mod tests;
