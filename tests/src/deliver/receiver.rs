//! The receiver of measurements: reads, notes, answers 200.

use super::{SECRET, event::Pattern, wire};
use countersign_core::{Config, KeyedScheme, Request};
use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// Length of a message id: `msg_` and 26 characters.
pub(super) const ID_BYTES: usize = 30;
/// A message id.
pub(super) type Id = [u8; ID_BYTES];

/// One request in so many is kept whole, to have its signatures checked afterwards.
const SAMPLED: usize = 1_000;
/// Most that are kept.
const SAMPLES_MAX: usize = 1_000;

/// A request that arrived.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    pub(super) id: Id,
    pub(super) number: u32,
    pub(super) endpoint: u16,
    /// Answered with 200.
    pub(super) accepted: bool,
    pub(super) at: Instant,
}

#[derive(Debug, Default)]
struct Log {
    arrivals: Vec<Arrival>,
    altered: Vec<String>,
    refused: HashMap<(Id, u16), u32>,
    samples: Vec<Sample>,
}

#[derive(Debug)]
struct Sample {
    /// When it arrived, unix seconds.
    at_s: i64,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

struct Shared {
    log: Mutex<Log>,
    /// What bodies look like; the first one that arrives settles it, and its number must be 0.
    pattern: OnceLock<Pattern>,
}

impl Shared {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Listens until it is dropped. Paths: `/ok/ENDPOINT`, `/hang/ENDPOINT` (never answers), `/fails/COUNT/ENDPOINT` (answers
/// 500 to the first COUNT requests of a message).
pub(super) struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// Its end stops the thread.
    stop: Option<watch::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Receiver {
    pub(super) fn start() -> anyhow::Result<Self> {
        Self::listen((Ipv4Addr::LOCALHOST, 0).into(), OnceLock::new())
    }

    /// Ends. What it returns listens again on the same address.
    pub(super) fn close(self) -> impl FnOnce() -> anyhow::Result<Self> {
        let (address, pattern) = (self.address, self.shared.pattern.clone());
        drop(self);
        move || Self::listen(address, pattern)
    }

    fn listen(address: SocketAddr, pattern: OnceLock<Pattern>) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()?;
        let listener = runtime.block_on(TcpListener::bind(address))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            log: Mutex::default(),
            pattern,
        });
        let (stop, mut stopped) = watch::channel(());
        let serving = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("receiver".to_owned())
            .spawn(move || {
                runtime.block_on(async move {
                    tokio::select! {
                        () = accept(listener, serving) => {}
                        _ = stopped.changed() => {}
                    }
                });
            })?;
        Ok(Self {
            address,
            shared,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(super) fn count(&self) -> usize {
        self.shared.log().arrivals.len()
    }

    pub(super) fn arrivals(&self) -> Vec<Arrival> {
        self.shared.log().arrivals.clone()
    }

    /// Forgets what arrived, but not what bodies look like.
    pub(super) fn clear(&self) {
        *self.shared.log() = Log::default();
    }

    /// Waits until so many arrived.
    ///
    /// # Errors
    /// When they do not.
    pub(super) fn wait_for(&self, count: usize, limit: Duration) -> anyhow::Result<()> {
        let began = Instant::now();
        while self.count() < count {
            anyhow::ensure!(
                began.elapsed() < limit,
                "{} of {count} deliveries arrived within {limit:?}: messages are lost",
                self.count()
            );
            thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }

    /// Checks that no body differed from the first one in more than its number, and the signatures of the sampled requests.
    /// Returns how many were checked.
    ///
    /// # Errors
    /// What was altered.
    pub(super) fn check_bytes(&self, scheme: Option<&str>) -> anyhow::Result<usize> {
        let log = self.shared.log();
        anyhow::ensure!(
            log.altered.is_empty(),
            "{} requests were altered; the first: {}",
            log.altered.len(),
            log.altered[0]
        );
        for scheme in scheme.into_iter().chain(["standard-webhooks"]) {
            let secrets = [SECRET];
            let mut config = Config::new(scheme, &secrets);
            if scheme == "standard-webhooks" {
                config.options = vec![("secret_format", "raw")];
            }
            let keyed = KeyedScheme::new(&config).map_err(|error| anyhow::anyhow!("{error}"))?;
            for sample in &log.samples {
                let headers: Vec<_> = sample
                    .headers
                    .iter()
                    .map(|(name, value)| (name.as_str(), value.as_slice()))
                    .collect();
                keyed
                    .verify(&Request::new(&headers, &sample.body), sample.at_s)
                    .map_err(|refusal| anyhow::anyhow!("{scheme}: {}", refusal.code()))?;
            }
        }
        Ok(log.samples.len())
    }
}

fn now_s() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |since| since.as_secs().cast_signed())
}

impl Drop for Receiver {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It has nothing to say.
            let _ = thread.join();
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            // A sender that closes in the middle shows in what is missing.
            let _ = serve(stream, &shared).await;
        });
    }
}

async fn serve(mut stream: TcpStream, shared: &Shared) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(4096);
    let mut out = Vec::new();
    while stream.read_buf(&mut buffer).await? > 0 {
        out.clear();
        while let Some((status, length)) = wire::request(&buffer, |request| note(request, shared))?
        {
            buffer.drain(..length);
            match status {
                None => std::future::pending().await,
                Some(200) => {
                    out.extend_from_slice(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
                }
                Some(_) => {
                    out.extend_from_slice(
                        b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n",
                    );
                }
            }
        }
        if !out.is_empty() {
            stream.write_all(&out).await?;
        }
    }
    Ok(())
}

/// Notes a request. Returns the status of its answer, `None` for no answer.
fn note(request: &wire::Message<'_>, shared: &Shared) -> Option<u16> {
    let at = Instant::now();
    let mut log = shared.log();
    let mut path = request.path.rsplit('/');
    let endpoint = path.next().and_then(|name| name.parse().ok());
    let fails = path.next().and_then(|count| count.parse().ok());
    let hangs = request.path.starts_with("/hang/");
    let pattern = match shared.pattern.get() {
        Some(pattern) => Ok(pattern),
        None => Pattern::around(request.body, 0).map(|new| shared.pattern.get_or_init(|| new)),
    };
    let number = pattern
        .ok()
        .and_then(|pattern| pattern.number(request.body));
    let id = request.header("webhook-id");
    let id = id.and_then(|id| Id::try_from(id).ok());
    let (Some(endpoint), Some(id), Some(number)) = (endpoint, id, number) else {
        log.altered.push(format!(
            "{} {}",
            request.path,
            String::from_utf8_lossy(request.body)
        ));
        return Some(500);
    };
    if log.arrivals.len().is_multiple_of(SAMPLED) && log.samples.len() < SAMPLES_MAX {
        let headers = request.headers.iter();
        log.samples.push(Sample {
            at_s: now_s(),
            headers: headers
                .map(|header| (header.name.to_owned(), header.value.to_vec()))
                .collect(),
            body: request.body.to_vec(),
        });
    }
    let refused = fails.is_some_and(|fails| {
        let so_far = log.refused.entry((id, endpoint)).or_insert(0);
        *so_far += 1;
        *so_far <= fails
    });
    log.arrivals.push(Arrival {
        id,
        number,
        endpoint,
        accepted: !refused && !hangs,
        at,
    });
    match hangs {
        true => None,
        false => Some(if refused { 500 } else { 200 }),
    }
}
