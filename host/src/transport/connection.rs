//! One connection: what a request looks like on it, and the tasks that drive it.

use super::failure::Failed;
use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Request, Response,
    body::Incoming,
    client::conn::{TrySendError, http1, http2},
    header::{HOST, HeaderValue, PROXY_AUTHORIZATION},
    http::uri::{PathAndQuery, Uri},
    rt::Executor,
};
use hyper_util::rt::TokioIo;
use std::{future::Future, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::watch,
};

/// Longest head of an answer, in bytes.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Most headers of an answer.
const HEADERS_MAX: usize = 100;
/// What a receiver may send ahead of the reader over HTTP/2, in bytes: for one answer, and for all of a connection.
const STREAM_WINDOW_BYTES: u32 = 64 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 512 * 1024;

/// A connection, and the right to send one request over it.
pub(super) struct Connection {
    sender: Sender,
    /// When it was opened, on the clock that never goes back.
    pub(super) opened_at: Duration,
    /// Its tasks end with the last of these, wherever they are: nothing of a connection outlives its use.
    running: Arc<watch::Sender<()>>,
}

enum Sender {
    Http1 {
        sender: http1::SendRequest<Full<Bytes>>,
        form: Form,
    },
    Http2(http2::SendRequest<Full<Bytes>>),
}

/// How a request over HTTP/1.1 names what it wants (RFC 9112, section 3.2).
#[derive(Debug, Clone)]
pub(super) enum Form {
    /// Path and query, to the receiver itself.
    Origin,
    /// The whole address, to a proxy, with what the proxy wants to know of the caller.
    Absolute(Option<HeaderValue>),
}

/// A request without an answer.
pub(super) enum Unsent {
    /// It was begun.
    Failed(Failed),
    /// No byte of it was written: it may go out over another connection. With what became of this one.
    Returned(Box<Request<Full<Bytes>>>, Failed),
}

impl Connection {
    /// Speaks HTTP/1.1 over `io`.
    pub(super) async fn http1<T>(io: T, form: Form, opened_at: Duration) -> hyper::Result<Self>
    where
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (sender, connection) = http1::Builder::new()
            .max_buf_size(HEAD_BYTES_MAX)
            .max_headers(HEADERS_MAX)
            .handshake(TokioIo::new(io))
            .await?;
        let (running, tasks) = tasks();
        tasks.execute(connection);
        Ok(Self {
            sender: Sender::Http1 { sender, form },
            opened_at,
            running,
        })
    }

    /// Speaks HTTP/2 over `io`.
    pub(super) async fn http2<T>(io: T, opened_at: Duration) -> hyper::Result<Self>
    where
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (running, tasks) = tasks();
        let (sender, connection) = http2::Builder::new(tasks.clone())
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .max_header_list_size(u32::try_from(HEAD_BYTES_MAX).unwrap_or(u32::MAX))
            .handshake(TokioIo::new(io))
            .await?;
        tasks.execute(connection);
        Ok(Self {
            sender: Sender::Http2(sender),
            opened_at,
            running,
        })
    }

    /// Whether several requests may be under way on it.
    pub(super) const fn is_shared(&self) -> bool {
        matches!(self.sender, Sender::Http2(_))
    }

    /// Another handle of a shared connection.
    pub(super) fn share(&self) -> Option<Self> {
        match &self.sender {
            Sender::Http1 { .. } => None,
            Sender::Http2(sender) => Some(Self {
                sender: Sender::Http2(sender.clone()),
                opened_at: self.opened_at,
                running: Arc::clone(&self.running),
            }),
        }
    }

    /// Whether both are handles of one connection.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.running, &other.running)
    }

    /// Handles of it.
    pub(super) fn handles(&self) -> usize {
        Arc::strong_count(&self.running)
    }

    /// Whether a request can be begun now.
    pub(super) fn is_ready(&self) -> bool {
        match &self.sender {
            Sender::Http1 { sender, .. } => sender.is_ready(),
            Sender::Http2(sender) => sender.is_ready(),
        }
    }

    /// Whether it has ended.
    pub(super) fn is_closed(&self) -> bool {
        match &self.sender {
            Sender::Http1 { sender, .. } => sender.is_closed(),
            Sender::Http2(sender) => sender.is_closed(),
        }
    }

    /// Sends the request and waits for the head of its answer.
    pub(super) async fn send(
        &mut self,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, Unsent> {
        let address = request.uri().clone();
        let answer = match &mut self.sender {
            Sender::Http1 { sender, form } => {
                form.shape(&mut request);
                sender.try_send_request(request).await
            }
            Sender::Http2(sender) => {
                // The address says it.
                request.headers_mut().remove(HOST);
                sender.try_send_request(request).await
            }
        };
        answer.map_err(|error| unsent(error, address))
    }
}

impl Form {
    fn shape(&self, request: &mut Request<Full<Bytes>>) {
        match self {
            Self::Origin => {
                let path = request.uri().path_and_query().cloned();
                let path = path.unwrap_or_else(|| PathAndQuery::from_static("/"));
                *request.uri_mut() = Uri::from(path);
            }
            Self::Absolute(authorization) => {
                if let Some(authorization) = authorization {
                    let headers = request.headers_mut();
                    headers.insert(PROXY_AUTHORIZATION, authorization.clone());
                }
            }
        }
    }
}

fn unsent(mut error: TrySendError<Request<Full<Bytes>>>, address: Uri) -> Unsent {
    let failed = Failed::exchange(error.error());
    match error.take_message() {
        None => Unsent::Failed(failed),
        Some(mut request) => {
            // As it was before this connection gave it its form.
            if let Some(authority) = address.authority()
                && let Ok(host) = HeaderValue::from_str(authority.as_str())
            {
                request.headers_mut().insert(HOST, host);
            }
            request.headers_mut().remove(PROXY_AUTHORIZATION);
            *request.uri_mut() = address;
            Unsent::Returned(Box::new(request), failed)
        }
    }
}

/// Runs what drives a connection until nobody uses it any more.
#[derive(Clone)]
pub(super) struct Tasks(watch::Receiver<()>);

pub(super) fn tasks() -> (Arc<watch::Sender<()>>, Tasks) {
    let (running, ended) = watch::channel(());
    (Arc::new(running), Tasks(ended))
}

impl<F> Executor<F> for Tasks
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, work: F) {
        let mut ended = self.0.clone();
        tokio::spawn(async move {
            tokio::select! {
                biased;
                // What ended it shows in the request under way.
                _ = work => {}
                // Nothing is ever sent; it ends when the last sender is gone.
                _ = ended.changed() => {}
            }
        });
    }
}
