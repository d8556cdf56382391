//! A healthy endpoint beside some that take requests and never answer.

use super::{
    WAIT_MAX,
    ledger::{self, percentile},
    publisher::{Kind, Pace, Target, Until, publish},
    receiver::{Arrival, Receiver},
    senders::{endpoint_at, limited},
};
use crate::host::HostHome;
use anyhow::Context;
use std::time::Duration;

/// Endpoints that hang.
const HANGING: u16 = 10;
/// Events a second; each goes to every endpoint.
const RATE: f64 = 50.0;
/// Until the hanging ones have taken every place that they get.
const FILL: Duration = Duration::from_secs(3);

/// The p99 of the time to the healthy endpoint, alone and beside the others, in milliseconds. The host has its default
/// settings.
pub(super) fn measure(time: Duration) -> anyhow::Result<(f64, f64)> {
    let alone = p99(0, time)?;
    let beside = p99(HANGING, time)?;
    eprintln!(
        "  healthy endpoint: p99 {alone:.2} ms alone, {beside:.2} ms beside {HANGING} hanging ones"
    );
    Ok((alone, beside))
}

fn p99(hanging: u16, time: Duration) -> anyhow::Result<f64> {
    let receiver = Receiver::start()?;
    let home = HostHome::new("")?;
    let host = home.start()?;
    endpoint_at(&host, "cleanmails", &receiver.url("/ok/0"))?;
    let target = Target {
        authorities: vec![host.url().trim_start_matches("http://").to_owned()],
        kind: Kind::Single,
        provider: "cleanmails",
    };
    publish(&target, Pace::Closed, limited(1), 0)?;
    receiver.wait_for(1, WAIT_MAX)?;
    for endpoint in 1..=hanging {
        endpoint_at(
            &host,
            "cleanmails",
            &receiver.url(&format!("/hang/{endpoint}")),
        )?;
    }
    let mut p99 = None;
    for (first, time) in [(1, FILL), (10_000, time)] {
        receiver.clear();
        let until = Until {
            time,
            messages: u32::MAX,
        };
        let sent = publish(&target, Pace::Open(RATE), until, first)?;
        let healthy = wait_for_healthy(&receiver, sent.accepted.len())?;
        ledger::check(&sent.accepted, &healthy, 1)?;
        receiver.check_bytes(Some("cleanmails"))?;
        p99 = percentile(&ledger::latencies_ms(&sent.accepted, &healthy), 0.99);
    }
    p99.context("nothing was measured")
}

fn wait_for_healthy(receiver: &Receiver, count: usize) -> anyhow::Result<Vec<Arrival>> {
    crate::host::wait_for("the arrival of all events", WAIT_MAX, || {
        let mut arrivals = receiver.arrivals();
        arrivals.retain(|arrival| arrival.endpoint == 0);
        Ok((arrivals.len() >= count).then_some(arrivals))
    })
}
