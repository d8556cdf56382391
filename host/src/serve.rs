//! `countersign serve`: start, run, graceful stop.

use crate::{
    api::{self, App},
    chance::SystemChance,
    clock::{Clock, SystemClock, within},
    config::Config,
    context::Context,
    error::Error,
    publish::LONG_RENDERS_MAX,
    records::{replay::Replays, retention::Retention},
    registry::Registry,
    rules::Rules,
    store::{
        Store,
        sqlite::{Options, QueueLimits, SqliteStore},
    },
    transport::HttpTransport,
    worker::{Limits, Worker},
};
use countersign_core::retry::TimeScale;
use countersign_guest::settings::CONCURRENCY_MAX;
use std::{io::Write, sync::Arc, time::Duration};
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    sync::{Semaphore, watch},
};

/// Runs the sender until it is stopped.
///
/// # Errors
/// [`Error`]
pub fn run(config: Config) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|source| Error::System {
            doing: "starting the runtime",
            source,
        })?;
    let ended = runtime.block_on(serve(config));
    // Attempts that did not end in time and look-ups that hang are not waited for.
    runtime.shutdown_background();
    ended
}

async fn serve(config: Config) -> Result<(), Error> {
    // Before anything else, so that a stop during the start is not missed.
    let mut signals = Signals::new()?;
    SystemChance::check().map_err(|source| Error::System {
        doing: "asking for random bytes",
        source,
    })?;
    raise_open_files();
    let rules = Rules::load()?;
    let path = config.store_path();
    let options = Options {
        limits: QueueLimits {
            queue_max: config.store.queue_max,
            queue_bytes_max: config.store.queue_bytes_max,
            batch_max: config.store.batch_max,
        },
        durability: config.store.durability,
        reserve_bytes: config.store.reserve_bytes,
        check: config.store.start_check,
        check_limit: Duration::from_secs(config.store.start_check_s),
    };
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&path, options)?);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let recovered = store.recover(clock.now_ms()).await?;
    tracing::info!(path = %path.display(), interrupted = recovered.interrupted, "the store is open");
    let context = Arc::new(Context {
        chance: Arc::new(SystemChance),
        transport: Arc::new(HttpTransport::new(
            Arc::clone(&clock),
            CONCURRENCY_MAX as usize,
        )),
        registry: Registry::new(store.endpoints().await?),
        clock,
        store,
        rules,
        long_renders: Semaphore::new(LONG_RENDERS_MAX),
        scale: TimeScale::faster_by(config.delivery.time_scale),
        allow_http: config.delivery.allow_http,
    });
    if config.delivery.time_scale != 1 {
        tracing::warn!(
            "delivery.time_scale is {}: waits pass that much faster than documented. For demonstrations and tests only!",
            config.delivery.time_scale
        );
    }
    let worker = Worker::new(
        Arc::clone(&context),
        Limits {
            total_max: config.delivery.concurrency_max,
            endpoint_max: config.delivery.endpoint_concurrency_max,
            slow_max: config.fairness.slow_max(config.delivery.concurrency_max),
            body_bytes_max: config.fairness.body_bytes_max,
        },
    );
    let replays = Arc::new(Replays::new(Arc::clone(&context), Arc::clone(&worker)));
    let retention = Retention {
        store: Arc::clone(&context.store),
        clock: Arc::clone(&context.clock),
        settings: config.retention.settings()?,
    };
    let app = Arc::new(App {
        replays: Arc::clone(&replays),
        context: Arc::clone(&context),
        worker: Arc::clone(&worker),
        body_bytes_max: config.api.body_bytes_max,
        requests: Semaphore::new(config.api.requests_max as usize),
        batches: Semaphore::new(api::BATCHES_MAX),
        token_sha256: api::token_sha256(&config.api.token),
    });
    let listener = listen(&config).await?;
    let (stop, stopped) = watch::channel(());
    let server = axum::serve(listener, api::router(app)).with_graceful_shutdown(until(stopped));
    let mut server = tokio::spawn(server.into_future());
    let delivering = tokio::spawn(Arc::clone(&worker).run());
    let replaying = tokio::spawn(async move { replays.run().await });
    let forgetting = tokio::spawn(async move { retention.run().await });

    tokio::select! {
        () = signals.next() => {}
        // It ends by itself only when it is told to.
        ended = &mut server => {
            tracing::error!(?ended, "the API ended");
            // A handle that has answered must not be asked again.
            server = tokio::spawn(async { Ok(()) });
        }
    }
    let limit = Duration::from_secs(config.delivery.stop_timeout_s);
    tracing::info!(
        in_flight = worker.in_flight(),
        limit_s = limit.as_secs(),
        "stopping"
    );
    drop(stop);
    replaying.abort();
    forgetting.abort();
    tokio::select! {
        left = finish(&context, &worker, server, limit) => {
            delivering.abort();
            context.store.close().await?;
            match left {
                0 => tracing::info!("stopped"),
                left => tracing::warn!(left, "stopped; attempts that did not end are made again after the next start"),
            }
            Ok(())
        }
        () = signals.next() => Err(Error::StoppedAtOnce),
    }
}

/// Each attempt under way is an open file, and many systems begin with a limit that is lower than the one they allow.
fn raise_open_files() {
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) => tracing::debug!(limit, "open files"),
        Err(error) => tracing::warn!(%error, "the limit of open files stays as it is"),
    }
}

/// Waits for requests and attempts under way, `limit` at most. Returns the attempts that are left.
async fn finish(
    context: &Context,
    worker: &Worker,
    server: tokio::task::JoinHandle<std::io::Result<()>>,
    limit: Duration,
) -> u32 {
    let began = context.clock.elapsed();
    let ((), left) = tokio::join!(
        async {
            // Clients that never end their requests are left alone with them.
            within(&*context.clock, limit, server).await;
        },
        worker.stop(limit)
    );
    // A request that ended last may have taken a place before the stop.
    match context.clock.elapsed().saturating_sub(began) < limit {
        true => {
            worker
                .stop(limit.saturating_sub(context.clock.elapsed().saturating_sub(began)))
                .await
        }
        false => left,
    }
}

async fn listen(config: &Config) -> Result<TcpListener, Error> {
    let failed = |source| Error::Listen {
        address: config.api.listen,
        source,
    };
    let listener = TcpListener::bind(config.api.listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    // For scripts; the only line on standard output. Connections are taken from here on.
    let mut out = std::io::stdout().lock();
    let line = serde_json::json!({ "listening": format!("http://{address}") });
    let written = writeln!(out, "{line}").and_then(|()| out.flush());
    if let Err(error) = written {
        tracing::warn!(%error, "nobody reads standard output");
    }
    tracing::info!(%address, version = env!("CARGO_PKG_VERSION"), "listening");
    Ok(listener)
}

async fn until(mut stopped: watch::Receiver<()>) {
    // Ends when the sender is dropped.
    while stopped.changed().await.is_ok() {}
}

/// SIGTERM and SIGINT.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> Result<Self, Error> {
        let listen = |kind| {
            signal(kind).map_err(|source| Error::System {
                doing: "listening for signals",
                source,
            })
        };
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
