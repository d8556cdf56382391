//! One request of any method, to an address that whoever runs a command names. For trying things out: nothing is guarded, no
//! connection is kept, and headers go out as they came in.

use super::{
    dial::connect,
    failure::{Failed, Phase},
    tls::{Roots, Tls},
};
use crate::{
    clock::{Clock, within},
    network::Target,
};
use bytes::{Bytes, BytesMut};
use countersign_core::delivery::FailureKind;
use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response, StatusCode,
    body::Incoming,
    client::conn::http1,
    header::{
        CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue,
        PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
    },
    http::uri::{PathAndQuery, Uri},
};
use hyper_util::rt::TokioIo;
use std::{sync::Arc, time::Duration};
use tokio::io::{AsyncRead, AsyncWrite};
use url::Host;

/// Longest head of an answer, in bytes.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Most headers of an answer.
const HEADERS_MAX: usize = 100;

/// Sends such requests.
pub struct Direct {
    clock: Arc<dyn Clock>,
    /// For all of a request.
    timeout: Duration,
    /// What is kept of an answer's body; the rest is cut off.
    answer_bytes_max: usize,
}

/// An answer.
#[derive(Debug)]
pub struct DirectAnswer {
    pub status: StatusCode,
    /// Without those that belong to the connection.
    pub headers: HeaderMap,
    pub body: Bytes,
    /// From the look-up to the end of the answer.
    pub took: Duration,
}

/// There was no answer; why, in a sentence.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unanswered(String);

impl From<Failed> for Unanswered {
    fn from(failed: Failed) -> Self {
        Self(failed.detail)
    }
}

impl Direct {
    /// Requests that take `timeout` at most.
    pub fn new(clock: Arc<dyn Clock>, timeout: Duration, answer_bytes_max: usize) -> Self {
        Self {
            clock,
            timeout,
            answer_bytes_max,
        }
    }

    /// Sends a request to its absolute address. Headers that belong to a connection are made anew; the others go out as they are,
    /// in the spelling in which they arrived where the request is one that arrived.
    ///
    /// # Errors
    /// [`Unanswered`]
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Result<DirectAnswer, Unanswered> {
        let began = self.clock.elapsed();
        let mut phase = Phase::Lookup;
        let asking = self.ask(request, &mut phase);
        let answered = within(&*self.clock, self.timeout, asking).await;
        let answer = answered.unwrap_or_else(|| Err(Failed::timeout(phase, self.timeout)))?;
        let (head, body) = answer.into_parts();
        let left = self
            .timeout
            .saturating_sub(self.clock.elapsed().saturating_sub(began));
        let body = within(&*self.clock, left, self.read(body)).await;
        Ok(DirectAnswer {
            status: head.status,
            headers: end_to_end(&head.headers),
            body: body.unwrap_or_else(|| {
                Err(Unanswered(format!(
                    "the answer did not end within {} ms",
                    self.timeout.as_millis()
                )))
            })?,
            took: self.clock.elapsed().saturating_sub(began),
        })
    }

    async fn ask(
        &self,
        mut request: Request<Full<Bytes>>,
        phase: &mut Phase,
    ) -> Result<Response<Incoming>, Failed> {
        let unreadable = || Failed::new(FailureKind::Connect, "the address cannot be read");
        let target = Target::of(&request.uri().to_string()).ok_or_else(unreadable)?;
        let authority = request.uri().authority().ok_or_else(unreadable)?;
        let host = HeaderValue::from_str(authority.as_str()).map_err(|_| unreadable())?;
        let name = match &target.host {
            Host::Domain(name) => name.clone(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        let addresses: Vec<_> = tokio::net::lookup_host((name, target.port))
            .await
            .map_err(|error| Failed::new(FailureKind::Dns, format!("no such host: {error}")))?
            .collect();
        *phase = Phase::Connect;
        let tcp = connect(&*self.clock, &addresses).await;
        let tcp = tcp.map_err(|error| Failed::connect(&error))?;
        let mut headers = end_to_end(request.headers());
        headers.insert(HOST, host);
        *request.headers_mut() = headers;
        let path = request.uri().path_and_query().cloned();
        *request.uri_mut() = Uri::from(path.unwrap_or_else(|| PathAndQuery::from_static("/")));
        if !target.https {
            *phase = Phase::Answer;
            return exchange(tcp, request).await;
        }
        *phase = Phase::Tls;
        let tls = Tls::http1_only(Roots::of_machine());
        let tls = tls.handshake(tcp, &target.host, None).await?;
        *phase = Phase::Answer;
        exchange(tls, request).await
    }

    /// The beginning of a body.
    async fn read(&self, mut body: Incoming) -> Result<Bytes, Unanswered> {
        let mut bytes = BytesMut::new();
        while bytes.len() < self.answer_bytes_max {
            let Some(frame) = body.frame().await else {
                break;
            };
            let frame = frame.map_err(|error| Failed::exchange(&error))?;
            let data = frame.data_ref().map_or(&[][..], |data| data);
            let room = self.answer_bytes_max.saturating_sub(bytes.len());
            bytes.extend_from_slice(data.get(..room).unwrap_or(data));
        }
        Ok(bytes.freeze())
    }
}

/// Sends the request over a connection of its own, which ends with the answer.
async fn exchange<T>(io: T, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Failed>
where
    T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut sender, connection) = http1::Builder::new()
        .preserve_header_case(true)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .handshake(TokioIo::new(io))
        .await
        .map_err(|error| Failed::exchange(&error))?;
    // What ends it shows in the request under way.
    tokio::spawn(connection);
    let answer = sender.send_request(request).await;
    answer.map_err(|error| Failed::exchange(&error))
}

/// The headers without those that belong to one connection, or are made anew for each. Source: RFC 9110, section 7.6.1.
///
/// A new map: removing from one would change the order of what stays.
fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    const OWN: [HeaderName; 10] = [
        CONNECTION,
        CONTENT_LENGTH,
        EXPECT,
        HOST,
        PROXY_AUTHENTICATE,
        PROXY_AUTHORIZATION,
        TE,
        TRAILER,
        TRANSFER_ENCODING,
        UPGRADE,
    ];
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    let mut kept = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let is_own = OWN.contains(name)
            || named.contains(name)
            || matches!(name.as_str(), "keep-alive" | "proxy-connection");
        if !is_own {
            kept.append(name, value.clone());
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_a_connection_does_not_go_on() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("host", "a.example"),
            ("x-a", "1"),
            ("connection", "close, X-Own"),
            ("x-own", "1"),
            ("keep-alive", "timeout=5"),
            ("transfer-encoding", "chunked"),
            ("content-length", "3"),
            ("x-webhook-signature", "sha256=00"),
            ("x-b", "2"),
            ("x-b", "3"),
        ] {
            headers.append(name, HeaderValue::from_static(value));
        }
        let kept = end_to_end(&headers);
        let kept: Vec<_> = kept
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
            .collect();
        assert_eq!(
            kept,
            [
                ("x-a", b"1".as_slice()),
                ("x-webhook-signature", b"sha256=00"),
                ("x-b", b"2"),
                ("x-b", b"3"),
            ]
        );
    }
}
