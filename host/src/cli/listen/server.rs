//! Taking requests from whoever calls: bounded in number, in length and in time.

use super::desk::{Arrived, Desk, Given};
use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response,
    body::{Body as _, Incoming},
    header::{CONNECTION, EXPECT, HeaderValue},
    http::request::Parts,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{sleep, timeout},
};

/// Connections at a time; others wait at the door. With bodies of the usual limit they are a quarter of a gigabyte at most.
const CONNECTIONS_MAX: usize = 256;
/// Longest head of a request, in bytes.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Most headers of a request.
const HEADERS_MAX: usize = 200;
/// Longest wait for the head of a request, the time between two requests included.
const HEAD_TIME_MAX: Duration = Duration::from_secs(10);
/// Longest wait for a body.
const BODY_TIME_MAX: Duration = Duration::from_secs(30);
/// What is read and dropped of a body that is too long, so that its sender gets to the answer: in bytes, and in time.
const DROPPED_BYTES_MAX: usize = 64 * 1024 * 1024;
const DROPPED_TIME_MAX: Duration = Duration::from_secs(5);
/// Pause after the operating system gave no connection, such as when too many files are open.
const REFUSED_PAUSE: Duration = Duration::from_millis(100);

/// Takes requests for as long as it is asked.
pub(super) async fn serve(listener: TcpListener, desk: Arc<Desk>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let desk = Arc::clone(&desk);
                tokio::spawn(async move {
                    converse(stream, desk).await;
                    drop(place);
                });
            }
            Err(_) => sleep(REFUSED_PAUSE).await,
        }
    }
}

/// Requests over one connection, one after the other.
async fn converse(stream: TcpStream, desk: Arc<Desk>) {
    // Only slower without.
    let _ = stream.set_nodelay(true);
    let answering = service_fn(move |request| {
        let desk = Arc::clone(&desk);
        async move { Ok::<_, std::convert::Infallible>(answer(request, &desk).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .preserve_header_case(true)
        .serve_connection(TokioIo::new(stream), answering);
    // What is no HTTP is answered by hyper, and who breaks off is gone.
    let _ = served.await;
}

async fn answer(request: Request<Incoming>, desk: &Arc<Desk>) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    // Whoever asks first does not send in vain.
    let asks_first = head.headers.contains_key(EXPECT);
    let bytes_max = u64::try_from(desk.bytes_max).unwrap_or(u64::MAX);
    let is_declared_too_long = body.size_hint().lower() > bytes_max;
    let read = match asks_first && is_declared_too_long {
        _ if bytes_in(&head) > HEAD_BYTES_MAX => {
            let _ = timeout(DROPPED_TIME_MAX, dropped(body)).await;
            Given::HeadTooLong(HEAD_BYTES_MAX)
        }
        true => Given::TooLong,
        false => read(body, desk.bytes_max).await,
    };
    let is_whole = matches!(read, Given::Whole(_));
    let mut response = Arc::clone(desk).take(Arrived { head, body: read }).await;
    if !is_whole {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    }
    response
}

/// How long a head is as it is usually written. hyper refuses what fills its buffer without an end; what comes in with one read may be
/// longer than that.
fn bytes_in(head: &Parts) -> usize {
    const BESIDE_METHOD_AND_ADDRESS: usize = "  HTTP/1.1\r\n\r\n".len();
    const BESIDE_NAME_AND_VALUE: usize = ": \r\n".len();
    let address = head.uri.to_string().len();
    let first = head.method.as_str().len().saturating_add(address);
    let headers = head.headers.iter();
    headers
        .map(|(name, value)| name.as_str().len().saturating_add(value.len()))
        .fold(first, |sum, bytes| {
            sum.saturating_add(bytes)
                .saturating_add(BESIDE_NAME_AND_VALUE)
        })
        .saturating_add(BESIDE_METHOD_AND_ADDRESS)
}

/// The body, as far as it is wanted.
async fn read(mut body: Incoming, bytes_max: usize) -> Given {
    let reading = async {
        let mut bytes = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else {
                return Given::BrokenOff;
            };
            let Some(data) = frame.data_ref() else {
                continue;
            };
            if bytes.len().saturating_add(data.len()) > bytes_max {
                return Given::TooLong;
            }
            bytes.extend_from_slice(data);
        }
        Given::Whole(bytes.freeze())
    };
    let read = timeout(BODY_TIME_MAX, reading).await;
    let read = read.unwrap_or(Given::TooSlow);
    if matches!(read, Given::TooLong) {
        // Past the limits the connection is closed over what is still under way.
        let _ = timeout(DROPPED_TIME_MAX, dropped(body)).await;
    }
    read
}

async fn dropped(mut body: Incoming) {
    let mut bytes: usize = 0;
    while let Some(Ok(frame)) = body.frame().await {
        bytes = bytes.saturating_add(frame.data_ref().map_or(0, Bytes::len));
        if bytes > DROPPED_BYTES_MAX {
            return;
        }
    }
}
