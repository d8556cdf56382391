//! The database is away for half a minute.

use countersign_cluster::Cluster;
use countersign_tests::{
    deliver::cpu_s,
    host::{HostHome, wait_for},
    receiver::Receiver,
};
use serde_json::json;
use std::{
    thread,
    time::{Duration, Instant},
};

const AWAY: Duration = Duration::from_secs(30);
/// Messages before it, some of which are not delivered when it goes away.
const BEFORE: usize = 200;
/// Longest time until everything goes on afterwards: the longest wait between two tries to connect, and then some.
const BACK_MAX: Duration = Duration::from_secs(20);
/// Longest wait for a refusal.
const REFUSED_MAX: Duration = Duration::from_secs(10);
/// Longest time in which a server that was killed may still answer.
const NOTICED_MAX: Duration = Duration::from_secs(2);
/// Lines of the log about it, at most.
const LINES_MAX: usize = 60;
/// Seconds of processor time during it, at most; a loop that does not wait takes all thirty.
const CPU_S_MAX: f64 = 6.0;

#[test]
fn while_the_database_is_away_publishers_are_told_when_to_come_back_and_nothing_is_lost() {
    let Some(cluster) = countersign_cluster::cluster() else {
        return;
    };
    run(cluster).unwrap();
}

fn run(mut cluster: Cluster) -> anyhow::Result<()> {
    let url = cluster.create("outage")?;
    let home = HostHome::new("")?;
    let mut host = home.start_with(|command| {
        command.env("COUNTERSIGN_STORE_URL", &url);
    })?;
    let receiver = Receiver::start();
    host.create_endpoint(&json!({
        "provider": "standard", "url": receiver.url("/ok/one"), "settings": {"rate_limit": {"per_second": 100}},
    }))?;
    let event = json!({"provider": "standard", "payload": {"type": "a", "data": {}}});
    for _ in 0..BEFORE {
        let answer = host.post("/v1/events", &event)?;
        anyhow::ensure!(answer.status == 202, "{answer:?}");
    }
    let lines_before = home.log().lines().count();
    let cpu_before_s = cpu_s(&[host.pid()])?;
    cluster.kill()?;
    let began = Instant::now();
    let (mut accepted, mut refused) = (BEFORE, 0);
    while began.elapsed() < AWAY {
        let asked = Instant::now();
        let answer = host.post("/v1/events", &event)?;
        // The processes of a server that is killed take a moment to notice.
        if answer.status == 202 && began.elapsed() < NOTICED_MAX {
            accepted += 1;
            continue;
        }
        anyhow::ensure!(answer.status == 503, "{answer:?}");
        anyhow::ensure!(answer.retry_after.is_some(), "no Retry-After: {answer:?}");
        let took = asked.elapsed();
        anyhow::ensure!(took < REFUSED_MAX, "it took {took:?} to refuse");
        refused += 1;
        thread::sleep(Duration::from_millis(250));
    }
    let used_s = cpu_s(&[host.pid()])? - cpu_before_s;
    let lines = home.log().lines().count() - lines_before;
    anyhow::ensure!(host.ended_within(Duration::ZERO)?.is_none(), "it ended");
    cluster.resume()?;
    let back = Instant::now();
    wait_for("a publish that is accepted", BACK_MAX, || {
        Ok((host.post("/v1/events", &event)?.status == 202).then_some(()))
    })?;
    let took = back.elapsed();
    wait_for("everything delivered", BACK_MAX, || {
        let sql = "SELECT count(*) FROM deliveries WHERE state <> 'delivered'";
        Ok((cluster.query("outage", sql)? == [Some("0".to_owned())]).then_some(()))
    })?;
    let kept = cluster.query("outage", "SELECT count(*) FROM deliveries")?;
    println!(
        "{refused} refused in {AWAY:?}, accepted again {took:?} after it was back; {lines} lines of log, {used_s:.1} s of processor time"
    );
    anyhow::ensure!(kept == [Some((accepted + 1).to_string())], "{kept:?}");
    anyhow::ensure!(lines <= LINES_MAX, "{lines} lines: {}", home.log());
    anyhow::ensure!(used_s <= CPU_S_MAX, "{used_s} s of processor time");
    anyhow::ensure!(!home.log().contains("panicked"), "{}", home.log());
    anyhow::ensure!(host.terminate()?.success(), "it did not stop well");
    Ok(())
}
