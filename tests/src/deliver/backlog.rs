//! A backlog: published while the receiver is down, delivered when it is up.

use super::{
    SECRET, ledger,
    publisher::{Kind, Pace, Target, Until, publish},
    receiver::Receiver,
    report::{Bar, Cell, Report},
    senders::{Ours, Sender, StoreKind, limited},
    usage::{peak_mib, resident_mib},
};
use serde_json::json;
use std::time::{Duration, Instant};

/// Longest that publishing may take.
const PUBLISH_MAX: Duration = Duration::from_secs(1_800);
/// Longest that draining may take.
const DRAIN_MAX: Duration = Duration::from_secs(1_800);

/// How much.
#[derive(Debug, Clone, Copy)]
pub struct Backlog {
    /// Messages, each for one endpoint.
    pub messages: u32,
    pub store: StoreKind,
}

/// What the tables hold that nobody sees any more, and what they take on the disk.
const TABLES: &str = "SELECT relname || ': ' || n_live_tup || ' rows, ' || n_dead_tup || ' dead; '
        || pg_size_pretty(pg_table_size(relid)) || ' and ' || pg_size_pretty(pg_indexes_size(relid)) || ' of indexes; vacuumed '
        || autovacuum_count || ' times'
    FROM pg_stat_user_tables WHERE n_live_tup + n_dead_tup > 100 ORDER BY relname";
/// All of the dead rows, for the most there ever were.
const DEAD: &str = "SELECT sum(n_dead_tup) FROM pg_stat_user_tables";
/// Between two looks.
const LOOK: Duration = Duration::from_secs(5);

/// The most dead rows that were seen while `work` ran.
fn watching<T>(
    sender: &Sender,
    work: impl FnOnce() -> anyhow::Result<T>,
) -> anyhow::Result<(T, f64)> {
    let Sender::Ours(ours) = sender else {
        return Ok((work()?, 0.0));
    };
    let (done, watched) = std::sync::mpsc::channel::<()>();
    std::thread::scope(|scope| {
        let watcher = scope.spawn(move || {
            let mut most: f64 = 0.0;
            // Ends when the sender is dropped.
            while watched.recv_timeout(LOOK) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                let dead = ours.query(DEAD).unwrap_or_default();
                let dead = dead.first().and_then(|dead| dead.parse().ok());
                most = most.max(dead.unwrap_or(0.0));
            }
            most
        });
        let worked = work();
        drop(done);
        let most = watcher
            .join()
            .map_err(|_| anyhow::anyhow!("the watcher panicked"))?;
        Ok((worked?, most))
    })
}

/// Publishes while nobody listens, then listens, and waits until everything has arrived.
///
/// # Errors
/// A message that is lost or altered.
pub fn backlog(plan: Backlog) -> anyhow::Result<Report> {
    let mut report = Report::new();
    let receiver = Receiver::start()?;
    let ours = Ours::start(plan.store, 1)?;
    let host = ours.first()?;
    // Its endpoints are never paused by rule, so all deliveries stay pending (R-P11). They are tried again every ten seconds: by the
    // provider's own schedule they would rest for minutes after the receiver is back.
    host.create_endpoint(&json!({
        "provider": "platform",
        "url": receiver.url("/ok/0"),
        "secret": SECRET,
        "settings": {"schedule": {"delays_ms": vec![10_000; 100]}},
    }))?;
    let target = Target {
        authorities: vec![host.url().trim_start_matches("http://").to_owned()],
        kind: Kind::Single,
        provider: "platform",
    };
    let bar = |bar| (plan.store == StoreKind::Sqlite).then_some(bar);
    publish(&target, Pace::Closed, limited(1), 0)?;
    receiver.wait_for(1, super::WAIT_MAX)?;
    let up_again = receiver.close();

    let sender = Sender::Ours(ours);
    let pids = sender.pids();
    let began = Instant::now();
    let until = Until {
        time: PUBLISH_MAX,
        messages: plan.messages,
    };
    let sent = publish(&target, Pace::Closed, until, 1)?;
    let took = began.elapsed().as_secs_f64();
    let count = sent.accepted.len();
    anyhow::ensure!(
        count == plan.messages as usize,
        "only {count} of {} messages were published in {PUBLISH_MAX:?}",
        plan.messages
    );
    let ours = Cell::Ours;
    report.note(
        "published while the receiver was down, messages",
        ours,
        count as f64,
        None,
    );
    report.note("published, messages/s", ours, count as f64 / took, None);
    report.note(
        "memory with all of them pending, MiB",
        ours,
        resident_mib(&pids)?,
        bar(Bar::AtMost(120.0)),
    );
    let cpu_before = sender.cpu_s()?;

    let receiver = up_again()?;
    let began = Instant::now();
    let most = count * 9 / 10;
    let (took, dead) = watching(&sender, || {
        receiver.wait_for(most, DRAIN_MAX)?;
        let took = began.elapsed().as_secs_f64();
        receiver.wait_for(count, DRAIN_MAX)?;
        Ok(took)
    })?;
    report.note(
        "drained, deliveries/s until nine tenths were there",
        ours,
        most as f64 / took,
        None,
    );
    if dead > 0.0 {
        report.note("dead rows at most, all tables", ours, dead, None);
    }
    // Up to ten seconds of it are the wait for the next attempt.
    report.note(
        "seconds until the last one arrived",
        ours,
        began.elapsed().as_secs_f64(),
        None,
    );
    std::thread::sleep(Duration::from_secs(1));
    let (host_s, database_s) = sender.cpu_s()?;
    let thousands = count as f64 / 1_000.0;
    let used = [
        ("CPU seconds per 1,000 drained", host_s - cpu_before.0),
        ("the same of the database", database_s - cpu_before.1),
    ];
    for (row, used) in used.into_iter().filter(|(_, used)| *used > 0.0) {
        report.note(row, ours, used / thousands, None);
    }
    report.note(
        "peak memory of the whole run, MiB",
        ours,
        peak_mib(&pids)?,
        bar(Bar::AtMost(120.0)),
    );
    let account = ledger::check(&sent.accepted, &receiver.arrivals(), 1)?;
    let checked = receiver.check_bytes(Some("platform"))?;
    report.remark(format!(
        "every message arrived with its bytes; {} duplicates; {checked} requests had their signatures checked",
        account.duplicates
    ));
    sender.check_log()?;
    if let Sender::Ours(ours) = &sender {
        for table in ours.query(TABLES)? {
            report.remark(table);
        }
    }
    Ok(report)
}
