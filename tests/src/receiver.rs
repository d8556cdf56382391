//! A receiver that records what arrives and answers as its path says.

mod tls;

use self::tls::Identity;
use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    routing::post,
};
use countersign_core::{Config, KeyedScheme, Request};
use std::{
    collections::{HashMap, HashSet},
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tokio::{net::TcpListener, runtime::Runtime};

/// A request that arrived.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// Last part of the path: which endpoint it was for.
    pub endpoint: String,
    /// The `webhook-id` header.
    pub message_id: String,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Status that it was answered with.
    pub status: u16,
    pub at: Instant,
}

impl Arrival {
    /// Whether it was answered as accepted.
    pub fn is_accepted(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Judges its signature in a scheme, against the clock of this machine.
    pub fn verify(&self, config: &Config<'_>) -> Result<(), String> {
        let keyed = KeyedScheme::new(config).map_err(|error| error.to_string())?;
        let headers: Vec<_> = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
            .collect();
        let request = Request::new(&headers, &self.body);
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now_s = now.map_or(0, |since| since.as_secs().cast_signed());
        keyed
            .verify(&request, now_s)
            .map(drop)
            .map_err(|refusal| refusal.code().to_owned())
    }
}

/// Listens until it is dropped.
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    /// The certificate that it shows, when it speaks TLS.
    certificate_pem: Option<String>,
    arrivals: Arc<Mutex<Vec<Arrival>>>,
    open: Arc<Mutex<HashSet<String>>>,
    _runtime: Runtime,
}

impl Receiver {
    /// Routes, each with a name of the caller's choice at the end, by which [`Arrival`]s are told apart:
    /// `/ok/NAME` answers 200; `/status/CODE/NAME` that status, with a `Location` that a client could follow to
    /// `/ok/NAME`; `/fails/COUNT/NAME` answers 503 to the first COUNT requests of each message, and `/later/SECONDS/NAME` to the
    /// first one, with that `Retry-After`; `/gate/NAME` answers 503 until [`open`](Self::open); `/hangs/NAME` takes the request
    /// and never answers; `/slow/MILLISECONDS/NAME` answers 200 after that time.
    pub fn start() -> Self {
        Self::listen((Ipv4Addr::LOCALHOST, 0).into(), None)
    }

    /// The same at an address of this machine's choice.
    pub fn start_at(address: SocketAddr) -> Self {
        Self::listen(address, None)
    }

    /// The same over TLS, with a certificate of its own making for `localhost`.
    pub fn start_tls() -> Self {
        Self::listen((Ipv4Addr::LOCALHOST, 0).into(), Some(Identity::new()))
    }

    fn listen(address: SocketAddr, identity: Option<Identity>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let arrivals = Arc::new(Mutex::new(Vec::new()));
        let log = Log {
            arrivals: Arc::clone(&arrivals),
            failures: Arc::default(),
            open: Arc::default(),
        };
        let open = Arc::clone(&log.open);
        let app = Router::new()
            .route("/ok/{name}", post(ok))
            .route("/status/{code}/{name}", post(status))
            .route("/fails/{count}/{name}", post(fails))
            .route("/later/{seconds}/{name}", post(later))
            .route("/gate/{name}", post(gate))
            .route("/hangs/{name}", post(hangs))
            .route("/slow/{ms}/{name}", post(slow))
            .with_state(log);
        let listener = runtime
            .block_on(TcpListener::bind(address))
            .expect("an address of this machine");
        let address = listener.local_addr().expect("a bound address");
        let certificate_pem = identity
            .as_ref()
            .map(|identity| identity.certificate_pem.clone());
        match identity {
            None => runtime.spawn(async move { axum::serve(listener, app).await }),
            Some(identity) => {
                let listener = identity.listener(listener);
                runtime.spawn(async move { axum::serve(listener, app).await })
            }
        };
        Self {
            address,
            certificate_pem,
            arrivals,
            open,
            _runtime: runtime,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on `/gate/NAME` answers 200.
    pub fn open(&self, name: &str) {
        lock(&self.open).insert(name.to_owned());
    }

    /// The certificate that it shows.
    pub fn certificate_pem(&self) -> &str {
        self.certificate_pem.as_deref().unwrap_or_default()
    }

    /// Address of one of its routes.
    pub fn url(&self, path: &str) -> String {
        match self.certificate_pem {
            None => format!("http://{}{path}", self.address),
            Some(_) => format!("https://localhost:{}{path}", self.address.port()),
        }
    }

    /// Everything that arrived so far.
    pub fn arrivals(&self) -> Vec<Arrival> {
        lock(&self.arrivals).clone()
    }

    /// How much arrived so far.
    pub fn count(&self) -> usize {
        lock(&self.arrivals).len()
    }
}

#[derive(Clone)]
struct Log {
    arrivals: Arc<Mutex<Vec<Arrival>>>,
    /// Refusals so far by endpoint and message.
    failures: Arc<Mutex<HashMap<(String, String), u32>>>,
    /// Gates that are open.
    open: Arc<Mutex<HashSet<String>>>,
}

impl Log {
    fn record(
        &self,
        endpoint: String,
        headers: HeaderMap,
        body: Bytes,
        status: StatusCode,
    ) -> StatusCode {
        lock(&self.arrivals).push(Arrival {
            endpoint,
            message_id: message_id(&headers),
            headers,
            body,
            status: status.as_u16(),
            at: Instant::now(),
        });
        status
    }
}

async fn ok(
    State(log): State<Log>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    log.record(name, headers, body, StatusCode::OK)
}

async fn status(
    State(log): State<Log>,
    Path((code, name)): Path<(u16, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, [(&'static str, String); 1]) {
    let status = StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_REQUEST);
    let location = format!("/ok/{name}");
    (
        log.record(name, headers, body, status),
        [("location", location)],
    )
}

async fn fails(
    State(log): State<Log>,
    Path((count, name)): Path<(u32, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let status = {
        let mut failures = lock(&log.failures);
        let so_far = failures
            .entry((name.clone(), message_id(&headers)))
            .or_default();
        *so_far += 1;
        match *so_far > count {
            true => StatusCode::OK,
            false => StatusCode::SERVICE_UNAVAILABLE,
        }
    };
    log.record(name, headers, body, status)
}

async fn later(
    log: State<Log>,
    Path((seconds, name)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, [(&'static str, String); 1]) {
    let status = fails(log, Path((1, name)), headers, body).await;
    (status, [("retry-after", seconds)])
}

async fn gate(
    State(log): State<Log>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let status = match lock(&log.open).contains(&name) {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    log.record(name, headers, body, status)
}

async fn hangs(
    State(log): State<Log>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    log.record(name, headers, body, StatusCode::REQUEST_TIMEOUT);
    std::future::pending().await
}

async fn slow(
    State(log): State<Log>,
    Path((ms, name)): Path<(u64, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    tokio::time::sleep(Duration::from_millis(ms)).await;
    log.record(name, headers, body, StatusCode::OK)
}

fn message_id(headers: &HeaderMap) -> String {
    let id = headers.get("webhook-id").and_then(|id| id.to_str().ok());
    id.unwrap_or_default().to_owned()
}

/// A test that panicked elsewhere does not make what was recorded wrong.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
