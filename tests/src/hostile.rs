//! Receivers that do what receivers must not do.

mod certificates;

pub use certificates::{Authority, Certified};

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
    runtime::Runtime,
};
use tokio_rustls::TlsAcceptor;

/// Between two bytes of what drips.
const DRIP: Duration = Duration::from_secs(1);
/// Between two pieces of what never ends but must not keep the machine busy.
const PACE: Duration = Duration::from_millis(50);
const CHUNK: [u8; 16 * 1024] = [b'x'; 16 * 1024];

/// What a receiver does once it has a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Habit {
    /// Answers 200.
    Fine,
    /// Nothing, for ever.
    Hang,
    /// Its status line, one byte a second.
    DripHead,
    /// A good head, then one byte of the body a second.
    DripBody,
    /// 200 and a body without an end.
    EndlessBody,
    /// 200 and a body of 300 MB, with its length.
    HugeBody,
    /// One header of 100 MiB.
    HugeHead,
    /// Interim answers (103) without an end.
    EndlessInterim,
    /// Half a head, then a reset.
    Reset,
    /// Closes without a word.
    Close,
    /// Something that is no HTTP.
    NotHttp,
    /// 307 to itself.
    RedirectLoop,
    /// Takes the connection and says nothing, not even in the TLS handshake.
    NoHandshake,
}

/// Listens on loopback until it is dropped.
#[derive(Debug)]
pub struct Hostile {
    address: SocketAddr,
    host: Option<String>,
    requests: Arc<AtomicUsize>,
    runtime: Option<Runtime>,
}

impl Hostile {
    /// Plain HTTP, or what it makes of it.
    pub fn start(habit: Habit) -> Self {
        Self::listen(habit, None)
    }

    /// Behind TLS, at `localhost`, whatever the certificate is for.
    pub fn start_tls(habit: Habit, certified: Certified) -> Self {
        Self::listen(habit, Some(certified))
    }

    fn listen(habit: Habit, certified: Option<Certified>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        // Not by waiting: tests with a runtime of their own start receivers, too.
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let listener = listener.expect("a port on loopback");
        listener.set_nonblocking(true).expect("a socket");
        let address = listener.local_addr().expect("a bound address");
        let requests = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&requests);
        let host = certified.as_ref().map(|_| "localhost".to_owned());
        let acceptor = certified.map(|certified| TlsAcceptor::from(certified.config));
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).expect("a listener");
            while let Ok((stream, _)) = listener.accept().await {
                let (counted, acceptor) = (Arc::clone(&counted), acceptor.clone());
                tokio::spawn(async move {
                    match acceptor {
                        _ if habit == Habit::NoHandshake => {
                            std::future::pending::<()>().await;
                            drop(stream);
                        }
                        None => serve(habit, stream, &counted).await,
                        Some(acceptor) => {
                            // A sender that does not trust the certificate goes away.
                            if let Ok(stream) = acceptor.accept(stream).await {
                                serve(habit, stream, &counted).await;
                            }
                        }
                    }
                });
            }
        });
        Self {
            address,
            host,
            requests,
            runtime: Some(runtime),
        }
    }

    /// Its address, with this path.
    pub fn url(&self, path: &str) -> String {
        match &self.host {
            None => format!("http://{}{path}", self.address),
            Some(host) => format!("https://{host}:{}{path}", self.address.port()),
        }
    }

    /// Requests that arrived so far, whole ones.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    habit: Habit,
    mut stream: S,
    counted: &AtomicUsize,
) {
    if habit == Habit::Reset {
        // What is not read when a connection is closed makes the operating system reset it.
        let mut first = [0];
        let _ = stream.read_exact(&mut first).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-le").await;
        counted.fetch_add(1, Ordering::Relaxed);
        return;
    }
    while read_request(&mut stream).await {
        counted.fetch_add(1, Ordering::Relaxed);
        // An error is a sender that has had enough.
        if act(habit, &mut stream).await.is_err() {
            return;
        }
    }
}

async fn act<S: AsyncWrite + Unpin>(habit: Habit, stream: &mut S) -> std::io::Result<()> {
    let over = || Err(std::io::Error::other("done"));
    match habit {
        Habit::Fine => {
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
            stream.write_all(answer).await
        }
        Habit::RedirectLoop => {
            let answer =
                b"HTTP/1.1 307 Temporary Redirect\r\nlocation: /again\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(answer).await
        }
        Habit::Hang | Habit::NoHandshake => std::future::pending().await,
        Habit::DripHead => drip(stream, b"HTTP/1.1 200 OK\r\nx-slow: ").await,
        Habit::DripBody => {
            let head = b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n";
            stream.write_all(head).await?;
            drip(stream, b"").await
        }
        Habit::EndlessBody => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
            loop {
                stream.write_all(&CHUNK).await?;
            }
        }
        Habit::HugeBody => {
            let head = b"HTTP/1.1 200 OK\r\ncontent-length: 300000000\r\n\r\n";
            stream.write_all(head).await?;
            for _ in 0..300_000_000 / CHUNK.len() {
                stream.write_all(&CHUNK).await?;
            }
            over()
        }
        Habit::HugeHead => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nx-huge: ").await?;
            for _ in 0..100 * 1024 * 1024 / CHUNK.len() {
                stream.write_all(&CHUNK).await?;
            }
            over()
        }
        Habit::EndlessInterim => loop {
            stream
                .write_all(b"HTTP/1.1 103 Early Hints\r\n\r\n")
                .await?;
            tokio::time::sleep(PACE).await;
        },
        Habit::NotHttp => {
            stream.write_all(b"SSH-2.0-OpenSSH_9.9\r\n").await?;
            over()
        }
        Habit::Close | Habit::Reset => over(),
    }
}

async fn drip<S: AsyncWrite + Unpin>(stream: &mut S, first: &[u8]) -> std::io::Result<()> {
    for byte in first.iter().copied().chain(std::iter::repeat(b'x')) {
        stream.write_all(&[byte]).await?;
        stream.flush().await?;
        tokio::time::sleep(DRIP).await;
    }
    Ok(())
}

/// Reads a request with a `content-length`; `false` when there is none any more.
async fn read_request<S: AsyncRead + Unpin>(stream: &mut S) -> bool {
    let mut seen = Vec::new();
    loop {
        if let Some(end) = seen.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&seen[..end]).to_ascii_lowercase();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length:"))
                .and_then(|length| length.trim().parse().ok());
            if seen.len() >= end + 4 + length.unwrap_or(0) {
                return true;
            }
        }
        match stream.read_buf(&mut seen).await {
            Ok(1..) => {}
            _ => return false,
        }
    }
}
