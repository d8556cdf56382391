//! As much of HTTP/1.1 as measuring needs: bodies with a content length, connections that are kept.

use anyhow::{Context, bail, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Longest message that is read.
const MESSAGE_BYTES_MAX: usize = 1024 * 1024;
const HEADERS_MAX: usize = 32;

/// A complete message at the beginning of a buffer.
pub(super) struct Message<'a> {
    /// Path of a request; empty for an answer.
    pub(super) path: &'a str,
    /// Status of an answer; 0 for a request.
    pub(super) status: u16,
    pub(super) headers: &'a [httparse::Header<'a>],
    pub(super) body: &'a [u8],
    /// Bytes of the whole message.
    pub(super) length: usize,
}

impl Message<'_> {
    pub(super) fn header(&self, name: &str) -> Option<&[u8]> {
        let mut headers = self.headers.iter();
        let found = headers.find(|header| header.name.eq_ignore_ascii_case(name));
        found.map(|header| header.value)
    }
}

fn finish<'a>(
    buffer: &'a [u8],
    head: usize,
    headers: &'a [httparse::Header<'a>],
) -> anyhow::Result<Option<(&'a [u8], usize)>> {
    let length = headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length = match length {
        Some(length) => std::str::from_utf8(length.value)?.parse()?,
        None => 0,
    };
    ensure!(length < MESSAGE_BYTES_MAX, "a body of {length} bytes");
    let body = buffer.get(head..head + length);
    Ok(body.map(|body| (body, head + length)))
}

/// Hands the request at the beginning of `buffer` to `then`; `None` when it is not complete.
pub(super) fn request<T>(
    buffer: &[u8],
    then: impl FnOnce(&Message<'_>) -> T,
) -> anyhow::Result<Option<(T, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(head) = request.parse(buffer)? else {
        return Ok(None);
    };
    let Some((body, length)) = finish(buffer, head, request.headers)? else {
        return Ok(None);
    };
    let message = Message {
        path: request.path.context("a request without a path")?,
        status: 0,
        headers: request.headers,
        body,
        length,
    };
    Ok(Some((then(&message), message.length)))
}

/// The same for an answer.
fn answer<T>(
    buffer: &[u8],
    then: impl FnOnce(&Message<'_>) -> T,
) -> anyhow::Result<Option<(T, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = response.parse(buffer)? else {
        return Ok(None);
    };
    let Some((body, length)) = finish(buffer, head, response.headers)? else {
        return Ok(None);
    };
    let message = Message {
        path: "",
        status: response.code.unwrap_or(0),
        headers: response.headers,
        body,
        length,
    };
    Ok(Some((then(&message), message.length)))
}

/// A connection on which requests are sent one after the other.
pub(super) struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    pub(super) async fn connect(address: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: Vec::with_capacity(4096),
        })
    }

    /// Sends a request and hands its answer to `then`.
    pub(super) async fn ask<T>(
        &mut self,
        request: &[u8],
        mut then: impl FnMut(&Message<'_>) -> T,
    ) -> anyhow::Result<T> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the connection was closed before the answer came");
            }
            if let Some((answered, _)) = answer(&self.buffer, &mut then)? {
                return Ok(answered);
            }
            ensure!(self.buffer.len() < MESSAGE_BYTES_MAX, "an endless answer");
        }
    }
}
