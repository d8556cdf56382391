//! The table: what each sender does on this machine, right now.

use super::{
    WAIT_MAX, hanging,
    ledger::{self, ms, percentile},
    publisher::{Kind, Pace, Sent, Target, Until, publish},
    receiver::Receiver,
    report::{Bar, Cell, Report},
    senders::{self, Fsync, Sender, StoreKind},
    usage::peak_mib,
};
use std::time::{Duration, Instant};

/// Endpoints of the fan-out that has a bar.
const FAN_OUT: u16 = 10;
/// Events of a batch.
const BATCH: u32 = 100;
/// Numbers below are for warming up.
const FIRST: u32 = 10_000;
/// The easy pace, messages a second.
const EASY: f64 = 50.0;
/// For attempts that are being recorded when the last delivery has arrived.
const SETTLE: Duration = Duration::from_millis(300);

/// How much is measured.
#[derive(Debug, Clone)]
pub struct Plan {
    /// How often; the median counts.
    pub runs: u32,
    /// Length of each measurement.
    pub time: Duration,
    /// Whether the other senders are measured, too.
    pub peers: bool,
    /// Only rows whose name contains this.
    pub only: Option<String>,
    pub store: StoreKind,
    /// Our hosts that share a database.
    pub hosts: u16,
    /// Endpoints that get each event of the fan-out.
    pub fan_out: u16,
}

/// What our hosts are to reach, by where they keep everything.
struct Bars {
    single: f64,
    fanned: f64,
    batched: Option<f64>,
    cpu: f64,
    easy_p50_ms: f64,
    easy_p99_ms: f64,
    half_p99_ms: Option<f64>,
    peak_mib: Option<f64>,
}

impl Bars {
    const fn of(store: StoreKind) -> Self {
        match store {
            StoreKind::Sqlite => Self {
                single: 20_000.0,
                fanned: 40_000.0,
                batched: Some(35_000.0),
                cpu: 0.07,
                easy_p50_ms: 1.0,
                easy_p99_ms: 3.0,
                half_p99_ms: Some(8.0),
                peak_mib: Some(80.0),
            },
            StoreKind::Postgres => Self {
                single: 6_000.0,
                fanned: 12_000.0,
                batched: None,
                cpu: 0.3,
                easy_p50_ms: 2.5,
                easy_p99_ms: 6.0,
                half_p99_ms: None,
                peak_mib: None,
            },
        }
    }
}

impl Plan {
    fn wants(&self, row: &str) -> bool {
        self.only
            .as_ref()
            .is_none_or(|only| row.contains(only.as_str()))
    }

    fn until(&self) -> Until {
        Until {
            time: self.time,
            messages: u32::MAX,
        }
    }
}

const SINGLE: &str = "one endpoint";
const BATCHED: &str = "batches of 100";
const HANGING: &str = "beside 10 hanging ones";

/// Measures everything.
///
/// # Errors
/// A message that is lost or altered, or a sender that does not run.
pub fn table(plan: &Plan) -> anyhow::Result<Report> {
    let mut report = Report::new();
    if plan.store == StoreKind::Postgres {
        report.remark(format!(
            "our hosts: {} on one PostgreSQL with fsync, whose processor time counts",
            plan.hosts
        ));
    }
    report.remark(format!(
        "our host: {}; every message is on the disk (fsync) before its publisher is answered",
        senders::HOST_SETTINGS.replace('\n', ", ")
    ));
    let project = senders::project();
    let peers = match senders::ready(&project) {
        Ok(()) => plan.peers,
        Err(missing) => {
            report.remark(format!("BullMQ is not measured: {missing}"));
            false
        }
    };
    for run in 1..=plan.runs {
        eprintln!("run {run} of {}", plan.runs);
        raw(plan, &mut report)?;
        if peers {
            for (cell, fsync) in [
                (Cell::BullMq, Fsync::EverySecond),
                (Cell::BullMqAlways, Fsync::Always),
            ] {
                let start = |receiver: &Receiver, endpoints| {
                    Sender::bullmq(&project, fsync, receiver, endpoints)
                };
                measure(plan, cell, &mut report, start)?;
            }
        }
        let ours = |receiver: &Receiver, endpoints| {
            Sender::ours(plan.store, plan.hosts, receiver, endpoints)
        };
        measure(plan, Cell::Ours, &mut report, ours)?;
        if plan.store == StoreKind::Sqlite && plan.wants(HANGING) {
            let (alone, beside) = hanging::measure(plan.time)?;
            report.note(
                "first attempt of a healthy endpoint, p99 ms",
                Cell::Ours,
                alone,
                None,
            );
            let row = "the same beside 10 hanging ones, times as long";
            report.note(row, Cell::Ours, beside / alone, Some(Bar::AtMost(2.0)));
        }
    }
    Ok(report)
}

fn raw(plan: &Plan, report: &mut Report) -> anyhow::Result<()> {
    if !plan.peers || !plan.wants(SINGLE) {
        return Ok(());
    }
    let receiver = Receiver::start()?;
    senders::direct(&receiver, Pace::Closed, senders::limited(1))?;
    receiver.clear();
    let target = Target {
        authorities: vec![receiver.address().to_string()],
        kind: Kind::Direct,
        provider: "cleanmails",
    };
    let load = load(&target, &receiver, plan.until(), 1, None)?;
    report.note(&rate(SINGLE), Cell::Raw, load.rate, None);
    report.note(CPU, Cell::Raw, load.publisher_cpu_per_1000, None);
    paced(plan, &target, &receiver, Cell::Raw, load.rate, report)
}

const CPU: &str = "server CPU seconds per 1,000 deliveries, one endpoint";

fn rate(what: &str) -> String {
    format!("deliveries/s, {what}")
}

fn measure(
    plan: &Plan,
    cell: Cell,
    report: &mut Report,
    start: impl Fn(&Receiver, u16) -> anyhow::Result<Sender>,
) -> anyhow::Result<()> {
    let mut peak: f64 = 0.0;
    let bars = Bars::of(plan.store);
    let fanned = format!("fan-out to {}", plan.fan_out);
    let bar = (plan.fan_out == FAN_OUT).then_some(bars.fanned);
    for (name, endpoints, kind, bar) in [
        (SINGLE, 1, Kind::Single, Some(bars.single)),
        (&fanned, plan.fan_out, Kind::Single, bar),
        (BATCHED, 1, Kind::Batch(BATCH), bars.batched),
    ] {
        if !plan.wants(name) {
            continue;
        }
        let receiver = Receiver::start()?;
        let sender = start(&receiver, endpoints)?;
        sender.warm_up(&receiver, endpoints)?;
        if kind != Kind::Single && !sender.takes_batches()? {
            if cell == Cell::Ours {
                report
                    .remark("batches are not measured: the host has no route for them".to_owned());
            }
            continue;
        }
        let target = sender.target(kind);
        let load = load(&target, &receiver, plan.until(), endpoints, Some(&sender))?;
        eprintln!("  {cell:?}, {name}: {load:.3?}");
        report.note(&rate(name), cell, load.rate, bar.map(Bar::AtLeast));
        peak = peak.max(load.peak_mib);
        if load.database_cpu_per_1000 > 0.0 {
            let row = format!("CPU seconds of the database per 1,000 deliveries, {name}");
            report.note(&row, cell, load.database_cpu_per_1000, None);
        }
        if kind == Kind::Single && endpoints == 1 {
            let cpu = load.cpu_per_1000 + load.database_cpu_per_1000;
            report.note(CPU, cell, cpu, Some(Bar::AtMost(bars.cpu)));
            paced(plan, &target, &receiver, cell, load.rate, report)?;
        }
        sender.check_log()?;
    }
    let row = "peak memory at full load, all server processes but a PostgreSQL, MiB";
    if peak > 0.0 {
        report.note(row, cell, peak, bars.peak_mib.map(Bar::AtMost));
    }
    Ok(())
}

/// What a full load showed.
#[derive(Debug)]
struct Load {
    /// Deliveries a second, from the first request to the last arrival.
    rate: f64,
    cpu_per_1000: f64,
    database_cpu_per_1000: f64,
    publisher_cpu_per_1000: f64,
    peak_mib: f64,
    #[allow(dead_code, reason = "printed")]
    busy: u64,
    #[allow(dead_code, reason = "printed")]
    duplicates: usize,
}

fn load(
    target: &Target,
    receiver: &Receiver,
    until: Until,
    endpoints: u16,
    sender: Option<&Sender>,
) -> anyhow::Result<Load> {
    // Without a server: the raw loop, which signs as ours does.
    let scheme = sender.map_or(Some("cleanmails"), Sender::scheme);
    let cpu = || sender.map_or(Ok((0.0, 0.0)), Sender::cpu_s);
    let before = cpu()?;
    let began = Instant::now();
    let sent = publish(target, Pace::Closed, until, FIRST)?;
    let deliveries = sent.accepted.len() * usize::from(endpoints);
    receiver.wait_for(deliveries, WAIT_MAX)?;
    std::thread::sleep(SETTLE);
    let after = cpu()?;
    let (duplicates, arrivals) = account(&sent, receiver, endpoints, scheme)?;
    let last = arrivals.iter().map(|arrival| arrival.at).max();
    let took = last.unwrap_or(began).saturating_duration_since(began);
    let thousands = deliveries as f64 / 1_000.0;
    receiver.clear();
    Ok(Load {
        rate: deliveries as f64 / took.as_secs_f64(),
        cpu_per_1000: (after.0 - before.0) / thousands,
        database_cpu_per_1000: (after.1 - before.1) / thousands,
        publisher_cpu_per_1000: sent.cpu_s / thousands,
        peak_mib: peak_mib(&sender.map(Sender::pids).unwrap_or_default())?,
        busy: sent.busy,
        duplicates,
    })
}

fn account(
    sent: &Sent,
    receiver: &Receiver,
    endpoints: u16,
    scheme: Option<&str>,
) -> anyhow::Result<(usize, Vec<super::receiver::Arrival>)> {
    let arrivals = receiver.arrivals();
    let account = ledger::check(&sent.accepted, &arrivals, endpoints)?;
    let checked = receiver.check_bytes(scheme)?;
    anyhow::ensure!(checked > 0, "no signature was checked");
    Ok((account.duplicates, arrivals))
}

/// From publishing to arrival, at an easy pace and at half of what the sender can do.
fn paced(
    plan: &Plan,
    target: &Target,
    receiver: &Receiver,
    cell: Cell,
    rate: f64,
    report: &mut Report,
) -> anyhow::Result<()> {
    let bars = Bars::of(plan.store);
    let easy = |share: &str| format!("publish to arrival at 50 messages/s, {share} ms");
    let half = "the same at half of its own maximum, p99 ms".to_owned();
    for (pace, rows) in [
        (
            EASY,
            vec![
                (0.5, easy("p50"), Some(bars.easy_p50_ms)),
                (0.99, easy("p99"), Some(bars.easy_p99_ms)),
            ],
        ),
        (rate / 2.0, vec![(0.99, half, bars.half_p99_ms)]),
    ] {
        let sent = publish(target, Pace::Open(pace), plan.until(), FIRST)?;
        receiver.wait_for(sent.accepted.len(), WAIT_MAX)?;
        std::thread::sleep(SETTLE);
        // Raw signatures are checked under full load; here the numbers suffice.
        let arrivals = receiver.arrivals();
        ledger::check(&sent.accepted, &arrivals, 1)?;
        let latencies = ledger::latencies_ms(&sent.accepted, &arrivals);
        receiver.clear();
        for (share, row, bar) in rows {
            if let Some(value) = percentile(&latencies, share) {
                report.note(&row, cell, value, bar.map(Bar::AtMost));
            }
        }
        let worst = latencies.last().copied().unwrap_or_default();
        eprintln!(
            "  {cell:?}, {pace:.0}/s: {} messages, worst {worst:.1} ms",
            latencies.len()
        );
        if sent.accepted.len() < 10 {
            anyhow::bail!(
                "only {} messages in {:.0} ms",
                sent.accepted.len(),
                ms(plan.time)
            );
        }
    }
    Ok(())
}
