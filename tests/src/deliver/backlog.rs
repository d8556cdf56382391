//! A backlog: published while the receiver is down, delivered when it is up.

use super::{
    SECRET, ledger,
    publisher::{Kind, Pace, Target, Until, publish},
    receiver::Receiver,
    report::{Bar, Cell, Report},
    senders::{HOST_SETTINGS, Ours, Sender, limited},
    usage::{cpu_s, peak_mib, resident_mib},
};
use crate::host::HostHome;
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
}

/// Publishes while nobody listens, then listens, and waits until everything has arrived.
///
/// # Errors
/// A message that is lost or altered.
pub fn backlog(plan: Backlog) -> anyhow::Result<Report> {
    let mut report = Report::new();
    let receiver = Receiver::start()?;
    let home = HostHome::new(HOST_SETTINGS)?;
    let host = home.start()?;
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
    publish(&target, Pace::Closed, limited(1), 0)?;
    receiver.wait_for(1, super::WAIT_MAX)?;
    let up_again = receiver.close();

    let pids = [host.pid()];
    let sender = Sender::Ours(Ours::alone(host, home));
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
        Some(Bar::AtMost(120.0)),
    );
    let cpu_before = cpu_s(&pids)?;

    let receiver = up_again()?;
    let began = Instant::now();
    let most = count * 9 / 10;
    receiver.wait_for(most, DRAIN_MAX)?;
    let took = began.elapsed().as_secs_f64();
    report.note(
        "drained, deliveries/s until nine tenths were there",
        ours,
        most as f64 / took,
        None,
    );
    receiver.wait_for(count, DRAIN_MAX)?;
    // Up to ten seconds of it are the wait for the next attempt.
    report.note(
        "seconds until the last one arrived",
        ours,
        began.elapsed().as_secs_f64(),
        None,
    );
    std::thread::sleep(Duration::from_secs(1));
    let used = cpu_s(&pids)? - cpu_before;
    report.note(
        "CPU seconds per 1,000 drained",
        ours,
        used / count as f64 * 1_000.0,
        None,
    );
    report.note(
        "peak memory of the whole run, MiB",
        ours,
        peak_mib(&pids)?,
        Some(Bar::AtMost(120.0)),
    );
    let account = ledger::check(&sent.accepted, &receiver.arrivals(), 1)?;
    let checked = receiver.check_bytes(Some("platform"))?;
    report.remark(format!(
        "every message arrived with its bytes; {} duplicates; {checked} requests had their signatures checked",
        account.duplicates
    ));
    sender.check_log()?;
    Ok(report)
}
