//! Sending requests.

mod answer;
mod connection;
mod dial;
mod direct;
mod failure;
mod pool;
mod proxy;
mod tls;

pub use answer::EXCERPT_BYTES_MAX;
pub use direct::{Direct, DirectAnswer, Unanswered};
pub use proxy::{Proxy, ProxyError};
pub use tls::{Roots, RootsError};

use crate::{
    clock::{Clock, within},
    identity::ClientIdentity,
    ids::EndpointId,
    network::Guard,
};
use answer::{read_body, retry_after_s};
use bytes::Bytes;
use connection::{Connection, Unsent};
use countersign_core::delivery::{FailureKind, Outcome};
use dial::Dialler;
use failure::{Failed, Phase};
use http_body_util::Full;
use hyper::{
    Request, Response,
    body::Incoming,
    header::{HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT},
};
use pool::Pool;
use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

/// A request to be sent, once.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// For whom. Connections are kept per endpoint, so that no two share one.
    pub endpoint: EndpointId,
    /// Absolute, `http` or `https`.
    pub url: String,
    /// A later header replaces an earlier one of the same name.
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
    /// For everything from the look-up of the host to the end of the answer.
    pub timeout: Duration,
    /// Shown to a receiver that asks who is calling (mutual TLS).
    pub identity: Option<ClientIdentity>,
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    pub outcome: Outcome,
    /// Beginning of the answer's body, at most [`EXCERPT_BYTES_MAX`] bytes.
    pub response: Vec<u8>,
    /// What went wrong, for people: one short sentence without secrets. `None` when there was an answer.
    pub detail: Option<String>,
}

/// A way to send requests.
///
/// Contract: one call sends at most one request. What a receiver does, or does not, is an [`Exchange`], never an error and
/// never a panic; the call ends soon after the timeout at the latest, and holds no more of an answer than it returns.
pub trait Transport: Send + Sync + 'static {
    /// Sends a request.
    fn send(&self, request: Outgoing) -> Pin<Box<dyn Future<Output = Exchange> + Send + '_>>;
}

/// Limits of the parts of a request. Each also ends with the request's own timeout, which is for all of it.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// TCP, over all addresses of the host; also the way through a proxy.
    pub connect: Duration,
    /// The TLS handshake.
    pub tls: Duration,
    /// From the request to the end of the answer's head.
    pub head: Duration,
    /// Connections kept for the next request, over all endpoints.
    pub idle_max: usize,
    /// Connections kept for one endpoint.
    pub endpoint_idle_max: usize,
}

/// How connections are made.
pub struct Route {
    pub guard: Arc<Guard>,
    pub roots: Roots,
    pub proxy: Option<Proxy>,
}

/// HTTP/1.1, and HTTP/2 where TLS agrees on it, with connections kept for the next request to the same endpoint.
///
/// Redirects are not followed (R-X4). A request is moved to another connection in one case only: the kept connection turned
/// out to be closed before a byte of the request was written, which hyper says by giving the request back. That is not a
/// second request, and counting it as a failed attempt would blame the receiver for closing an idle connection. Once
/// writing has begun, a broken connection is a failed attempt, since the receiver may have the request.
///
/// Way and limits can be replaced. A request that is under way ends as it began, and its connection is used for no other.
pub struct HttpTransport {
    way: RwLock<Arc<Way>>,
    clock: Arc<dyn Clock>,
}

impl HttpTransport {
    /// A transport.
    pub fn new(clock: Arc<dyn Clock>, route: Route, limits: Limits) -> Self {
        Self {
            way: RwLock::new(Arc::new(Way::new(Arc::clone(&clock), route, limits))),
            clock,
        }
    }

    /// Requests that begin from now on go this way. No connection that was kept before is used again: it may lead where the
    /// guard lets nobody go any more, under authorities that are not trusted any more.
    pub fn replace(&self, route: Route, limits: Limits) {
        let new = Arc::new(Way::new(Arc::clone(&self.clock), route, limits));
        let mut way = self.way.write().unwrap_or_else(PoisonError::into_inner);
        let old = std::mem::replace(&mut *way, new);
        // Closing its connections need not be waited for.
        drop(way);
        drop(old);
    }

    fn way(&self) -> Arc<Way> {
        let way = self.way.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&way)
    }
}

/// How requests go out, with the connections that are kept.
struct Way {
    dialler: Dialler,
    pool: Arc<Pool>,
    clock: Arc<dyn Clock>,
    head_limit: Duration,
}

impl Way {
    fn new(clock: Arc<dyn Clock>, route: Route, limits: Limits) -> Self {
        Self {
            pool: Pool::new(
                Arc::clone(&clock),
                limits.idle_max,
                limits.endpoint_idle_max,
            ),
            dialler: Dialler::new(Arc::clone(&clock), route, limits.connect, limits.tls),
            head_limit: limits.head,
            clock,
        }
    }

    async fn exchange(&self, request: Outgoing) -> Exchange {
        let began = self.clock.elapsed();
        let mut phase = Phase::Lookup;
        let asking = self.ask(&request, &mut phase);
        let answered = within(&*self.clock, request.timeout, asking).await;
        let answered = answered.unwrap_or_else(|| Err(Failed::timeout(phase, request.timeout)));
        let (answer, connection) = match answered {
            Ok(answered) => answered,
            Err(failed) => {
                return Exchange {
                    outcome: Outcome::Failure(failed.kind),
                    response: Vec::new(),
                    detail: Some(failed.detail),
                };
            }
        };
        let (head, body) = answer.into_parts();
        let outcome = Outcome::Response {
            status: head.status.as_u16(),
            retry_after_s: retry_after_s(&head.headers, self.clock.now_ms()),
        };
        let spent = self.clock.elapsed().saturating_sub(began);
        let left = request.timeout.saturating_sub(spent);
        let (response, ended) = read_body(&*self.clock, body, left).await;
        // What was not read to its end cannot carry another answer over HTTP/1.1.
        if ended || connection.is_shared() {
            self.pool.keep(&request, connection);
        }
        Exchange {
            outcome,
            response,
            detail: None,
        }
    }

    /// Sends the request over a kept connection or a new one, and waits for the head of the answer.
    async fn ask(
        &self,
        request: &Outgoing,
        phase: &mut Phase,
    ) -> Result<(Response<Incoming>, Connection), Failed> {
        let Some(mut prepared) = prepare(request) else {
            // Addresses and headers are checked when an endpoint is made.
            tracing::error!("an endpoint has an address or header that cannot be sent");
            let problem = "the address or a header cannot be sent";
            return Err(Failed::new(FailureKind::Connect, problem));
        };
        if let Some(connection) = self.pool.take(request) {
            match self.over(connection, prepared, request, phase).await {
                Ok(answered) => return Ok(answered),
                Err(Unsent::Failed(failed)) => return Err(failed),
                Err(Unsent::Returned(unsent, _)) => prepared = *unsent,
            }
        }
        // Apart in memory: it is large and rare, and would be moved about with every request.
        let connection = Box::pin(self.dialler.dial(request, phase)).await?;
        match self.over(connection, prepared, request, phase).await {
            Ok(answered) => Ok(answered),
            Err(Unsent::Failed(failed) | Unsent::Returned(_, failed)) => Err(failed),
        }
    }

    async fn over(
        &self,
        mut connection: Connection,
        prepared: Request<Full<Bytes>>,
        request: &Outgoing,
        phase: &mut Phase,
    ) -> Result<(Response<Incoming>, Connection), Unsent> {
        *phase = Phase::Answer;
        let forget = connection
            .is_shared()
            .then(|| self.pool.forgetting(request, &connection));
        let answer = match self.head_limit < request.timeout {
            // One timer is enough.
            false => connection.send(prepared).await,
            true => {
                let sending = connection.send(prepared);
                let answer = within(&*self.clock, self.head_limit, sending).await;
                let timeout = || Unsent::Failed(Failed::timeout(Phase::Answer, self.head_limit));
                answer.unwrap_or_else(|| Err(timeout()))
            }
        }?;
        if let Some(forget) = forget {
            forget.not();
        }
        Ok((answer, connection))
    }
}

impl Transport for HttpTransport {
    fn send(&self, request: Outgoing) -> Pin<Box<dyn Future<Output = Exchange> + Send + '_>> {
        let way = self.way();
        Box::pin(async move { way.exchange(request).await })
    }
}

/// The request with its absolute address and a `Host` header; a connection changes them to its own form.
fn prepare(request: &Outgoing) -> Option<Request<Full<Bytes>>> {
    let mut prepared = Request::post(&request.url)
        .body(Full::new(request.body.clone()))
        .ok()?;
    let host = HeaderValue::from_str(prepared.uri().authority()?.as_str()).ok()?;
    let agent = concat!("Countersign/", env!("CARGO_PKG_VERSION"));
    let headers: &mut HeaderMap = prepared.headers_mut();
    headers.reserve(request.headers.len().saturating_add(4));
    headers.insert(USER_AGENT, HeaderValue::from_static(agent));
    for (name, value) in &request.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        headers.insert(name, HeaderValue::from_str(value).ok()?);
    }
    headers.insert(HOST, host);
    Some(prepared)
}

#[cfg(test)]
mod tests;
