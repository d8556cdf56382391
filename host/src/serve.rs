//! `countersign serve`: start, run, graceful stop.

mod outbound;
mod stores;

use self::outbound::{Outbound, Prepared};
use crate::{
    access::{Keys, WorkspaceError, Workspaces, create_workspace},
    admin::{self, Socket},
    api::{self, App},
    chance::{Chance, SystemChance},
    clock::{SystemClock, within},
    config::{Config, LiveConfig},
    context::Context,
    error::Error,
    event_types::EventTypes,
    hosts::{self, Shared},
    ids::{MessageIds, WorkspaceId},
    intake::Intake,
    ping::Pings,
    publish::LONG_RENDERS_MAX,
    records::{
        replay::Replays,
        retention::{Retention, Settings},
    },
    registry::Registry,
    rules::Rules,
    signals::{Asked, Signals},
    store::{Store, StoreError},
    telemetry::LogFilter,
    transport::Transport,
    worker::{Limits, Worker},
};
use countersign_core::retry::TimeScale;
use std::{
    io::Write,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpSocket},
    sync::{Semaphore, watch},
};

/// Connections that may wait to be taken, as far as the system allows so many.
const BACKLOG: u32 = 1_024;
/// Longest wait for the store to close after everything has ended: a disk that hangs must not keep the process.
const CLOSE_MAX: Duration = Duration::from_secs(10);

/// Runs the sender until it is stopped.
///
/// # Errors
/// [`Error`]
pub fn run(config: LiveConfig, log: LogFilter) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|source| Error::System {
            doing: "starting the runtime",
            source,
        })?;
    let ended = runtime.block_on(serve(Arc::new(config), log));
    // Attempts that did not end in time and look-ups that hang are not waited for.
    runtime.shutdown_background();
    ended
}

/// On a thread of its own, with which the memory of the compiler goes.
fn load_rules(live: &LiveConfig) -> Result<Rules, Error> {
    let load = || match admin::guest_file(live) {
        None => Ok(Rules::load()?),
        Some(file) => Ok(Rules::load_with(&admin::read_module(&file)?, Some(file))?),
    };
    let loaded = std::thread::scope(|scope| scope.spawn(load).join());
    loaded.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

async fn serve(live: Arc<LiveConfig>, log: LogFilter) -> Result<(), Error> {
    let config = live.current();
    // Before anything else, so that a stop during the start is not missed.
    let mut signals = Signals::new()?;
    SystemChance::check().map_err(|source| Error::System {
        doing: "asking for random bytes",
        source,
    })?;
    raise_open_files();
    // Before other hosts hear of this one: it would be given work that it never does if it could not listen.
    let socket = bind(&config)?;
    let rules = load_rules(&live)?;
    let chance: Arc<dyn Chance> = Arc::new(SystemChance);
    let located = |wrong| live.located(wrong);
    let (store, place) = match config.database().map_err(located)? {
        Some(address) => tokio::select! {
            opened = stores::shared(&config, address, &chance) => opened?,
            () = signals.stop() => return Ok(()),
        },
        None => stores::own(&config, &chance)?,
    };
    let opened = Opened {
        store: Arc::clone(&store),
        place,
        rules,
        chance,
        socket,
    };
    let served = serve_from(opened, live, log, signals).await;
    if served
        .as_ref()
        .is_err_and(|error| !matches!(error, Error::StoppedAtOnce))
    {
        // Other hosts would wait for this one until its lease has run out.
        let _ = tokio::time::timeout(CLOSE_MAX, store.close()).await;
    }
    served
}

/// What a sender is made of.
struct Opened {
    store: Arc<dyn Store>,
    /// Where the store is.
    place: String,
    rules: Rules,
    chance: Arc<dyn Chance>,
    /// Bound.
    socket: TcpSocket,
}

async fn serve_from(
    opened: Opened,
    live: Arc<LiveConfig>,
    log: LogFilter,
    mut signals: Signals,
) -> Result<(), Error> {
    let Opened {
        store,
        place,
        rules,
        chance,
        socket,
    } = opened;
    let config = live.current();
    let located = |wrong| live.located(wrong);
    let clock = store.clock();
    let clock = clock.unwrap_or_else(|| Arc::new(SystemClock::new()));
    // Before anything can be told.
    let hints = store.hints();
    let recovered = store.recover(clock.now_ms()).await?;
    tracing::info!(
        place,
        interrupted = recovered.interrupted,
        "the store is open"
    );
    let catalogue = store.catalogue(None).await?;
    let others = catalogue.others.unwrap_or_default();
    let outbound = Outbound::new(Prepared::new(&config.network).map_err(located)?, &clock);
    let kept = config.retention.settings().map_err(located)?;
    let context = Arc::new(Context {
        chance,
        transport: Arc::clone(&outbound.transport) as Arc<dyn Transport>,
        guard: Arc::clone(&outbound.guard),
        registry: Registry::new(catalogue.endpoints, catalogue.version),
        workspaces: Workspaces::new(others.workspaces),
        keys: Keys::new(others.keys),
        event_types: EventTypes::new(others.event_types),
        shared: Shared::default(),
        pings: Pings::default(),
        message_ids: MessageIds::default(),
        clock,
        store,
        rules,
        long_renders: Semaphore::new(LONG_RENDERS_MAX),
        scale: TimeScale::faster_by(config.delivery.time_scale),
        config: Arc::clone(&live),
    });
    if config.delivery.time_scale != 1 {
        tracing::warn!(
            "delivery.time_scale is {}: waits pass that much faster than documented. For demonstrations and tests only!",
            config.delivery.time_scale
        );
    }
    make_workspaces(&context).await?;
    let worker = Worker::new(Arc::clone(&context), limits_of(&config));
    let replays = Arc::new(Replays::new(Arc::clone(&context), Arc::clone(&worker)));
    let (kept, settings) = watch::channel(kept);
    let retention = Retention {
        store: Arc::clone(&context.store),
        clock: Arc::clone(&context.clock),
        settings,
    };
    let running = Running {
        context: Arc::clone(&context),
        log,
        worker: Arc::clone(&worker),
        outbound,
        kept,
    };
    let app = Arc::new(App {
        replays: Arc::clone(&replays),
        intake: Arc::new(Intake::new(Arc::clone(&context), Arc::clone(&worker))),
        context: Arc::clone(&context),
        worker: Arc::clone(&worker),
        requests: AtomicU32::new(0),
        batches: Arc::new(Semaphore::new(api::BATCHES_MAX)),
        stopping: AtomicBool::new(false),
    });
    let commands = match Socket::open(&config.socket_path()) {
        Ok(socket) => Some(tokio::spawn(socket.serve(Arc::clone(&context)))),
        Err(error) => {
            let path = config.socket_path();
            tracing::warn!(path = %path.display(), %error, "no socket for commands such as `countersign core reload`");
            None
        }
    };
    let listener = listen(socket, &config)?;
    let (stop, stopped) = watch::channel(());
    let server =
        axum::serve(listener, api::router(Arc::clone(&app))).with_graceful_shutdown(until(stopped));
    let mut server = tokio::spawn(server.into_future());
    let following = hints.map(|hints| {
        let (context, worker) = (Arc::clone(&context), Arc::clone(&worker));
        tokio::spawn(hosts::follow(context, worker, hints))
    });
    let delivering = tokio::spawn(Arc::clone(&worker).run());
    let replaying = tokio::spawn(async move { replays.run().await });
    let forgetting = tokio::spawn(async move { retention.run().await });

    loop {
        tokio::select! {
            asked = signals.next() => match asked {
                Asked::Stop => break,
                Asked::Reload => running.reload(&live),
            },
            // It ends by itself only when it is told to.
            ended = &mut server => {
                tracing::error!(?ended, "the API ended");
                // A handle that has answered must not be asked again.
                server = tokio::spawn(async { Ok(()) });
                break;
            }
        }
    }
    let limit = Duration::from_secs(live.current().delivery.stop_timeout_s);
    tracing::info!(
        in_flight = worker.in_flight(),
        limit_s = limit.as_secs(),
        "stopping"
    );
    app.stopping.store(true, Ordering::Relaxed);
    drop(stop);
    replaying.abort();
    forgetting.abort();
    if let Some(commands) = commands {
        commands.abort();
    }
    let stopped = async {
        let left = finish(&context, &worker, server, limit).await;
        delivering.abort();
        if let Some(following) = following {
            following.abort();
        }
        within(&*context.clock, CLOSE_MAX, context.store.close())
            .await
            .unwrap_or_else(|| {
                Err(StoreError::Failed {
                    doing: "closing the file",
                    problem: format!(
                        "it took longer than {} s; nothing is lost",
                        CLOSE_MAX.as_secs()
                    ),
                })
            })?;
        Ok::<_, Error>(left)
    };
    tokio::select! {
        left = stopped => {
            match left? {
                0 => tracing::info!("stopped"),
                left => tracing::warn!(left, "stopped; attempts that did not end are made again after the next start"),
            }
            Ok(())
        }
        () = signals.stop() => Err(Error::StoppedAtOnce),
    }
}

fn limits_of(config: &Config) -> Limits {
    Limits {
        total_max: config.delivery.concurrency_max,
        endpoint_max: config.delivery.endpoint_concurrency_max,
        slow_max: config.fairness.slow_max(config.delivery.concurrency_max),
        body_bytes_max: config.fairness.body_bytes_max,
    }
}

/// Makes the workspaces that the providers' own APIs are for: before the first start nobody could.
async fn make_workspaces(context: &Arc<Context>) -> Result<(), Error> {
    for served in context.config.current().compat.served() {
        let Some(id) = WorkspaceId::parse(&served.section.workspace) else {
            // That of each request's key.
            continue;
        };
        if context.workspaces.id(id.as_str()).is_some() {
            continue;
        }
        tracing::info!(workspace = %id, provider = served.provider.name(), "the workspace of a provider's API is made");
        match create_workspace(Arc::clone(context), id, None).await {
            Ok(_) | Err(WorkspaceError::Taken) => {}
            Err(WorkspaceError::Store(error)) => return Err(error.into()),
            Err(error) => {
                tracing::error!(%error, "it could not be made; its API finds no workspace")
            }
        }
    }
    Ok(())
}

/// What is told of new settings. What asks for its settings each time needs nothing done for it.
struct Running {
    context: Arc<Context>,
    log: LogFilter,
    worker: Arc<Worker>,
    outbound: Outbound,
    kept: watch::Sender<Settings>,
}

impl Running {
    /// Puts in force what the file says now, and what the files say that it names.
    fn reload(&self, live: &LiveConfig) {
        let prepare = |config: &Config| {
            Ok((
                Prepared::new(&config.network)?,
                config.retention.settings()?,
            ))
        };
        let (reloaded, (network, kept)) = match live.reload(prepare) {
            Ok(reloaded) => reloaded,
            Err(error) => {
                tracing::error!(%error, "the settings were not read again; those in force stay");
                return;
            }
        };
        let config = live.current();
        self.worker.limit(limits_of(&config));
        self.outbound.replace(network);
        // Keys of inbound sources may have been taken out of use.
        self.context.rules.kernel.forget_signers();
        // Only what differs begins a round.
        self.kept
            .send_if_modified(|before| std::mem::replace(before, kept) != kept);
        if let Err(problem) = self.log.set(&config.log.filter) {
            tracing::error!(problem, "the log filter stays as it was");
        }
        tracing::info!(changed = ?reloaded.changed, "the settings were read again");
        if !reloaded.after_restart.is_empty() {
            tracing::warn!(
                settings = ?reloaded.after_restart,
                "these settings have changed in the file and need a restart; what they were stays in force"
            );
        }
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

fn not_listening(config: &Config) -> impl Fn(std::io::Error) -> Error {
    let address = config.api.listen;
    move |source| Error::Listen { address, source }
}

/// Takes the address. Who connects is refused until [`listen`].
fn bind(config: &Config) -> Result<TcpSocket, Error> {
    let address = config.api.listen;
    let bound = || {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4(),
            SocketAddr::V6(_) => TcpSocket::new_v6(),
        }?;
        // Connections of a process before may not have gone yet.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Ok(socket)
    };
    bound().map_err(not_listening(config))
}

fn listen(socket: TcpSocket, config: &Config) -> Result<TcpListener, Error> {
    let failed = not_listening(config);
    let listener = socket.listen(BACKLOG).map_err(&failed)?;
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
