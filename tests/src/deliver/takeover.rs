//! How long the endpoints of a host that is killed are without one.

use super::{
    WAIT_MAX,
    report::{Bar, Cell, Report},
    senders::endpoint_at,
};
use crate::{
    host::{Host, HostHome, wait_for},
    receiver::Receiver,
};
use anyhow::Context;
use countersign_cluster::Cluster;
use serde_json::json;
use std::{
    collections::HashSet,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

const HOSTS: usize = 3;
/// Each host has four. To a third of them requests take a while, so that some are always under way.
const ENDPOINTS: usize = 12;
/// Leases in seconds: the shortest that can be set, and that of a host whose operator says nothing.
const LEASES_S: [u64; 2] = [2, 10];
/// Between two events, each of which goes to every endpoint.
const PACE: Duration = Duration::from_millis(50);
/// What was on its way when its host was killed arrives within this time; no lease runs out so soon.
const UNDER_WAY: Duration = Duration::from_millis(300);
const DATABASE: &str = "takeover";
/// One key for all hosts.
const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

struct Member {
    home: HostHome,
    /// `None` while it is down.
    host: Option<Host>,
}

impl Member {
    fn host(&self) -> anyhow::Result<&Host> {
        self.host.as_ref().context("the host is down")
    }
}

struct Fleet {
    cluster: Cluster,
    members: Vec<Member>,
    receiver: Receiver,
    /// Ids, and the names by which the receiver knows them.
    endpoints: Vec<(String, String)>,
}

/// What one kill came to, from the moment of the kill on.
struct Taken {
    /// Until the last of its endpoints got a request again.
    served: Duration,
    /// Until everything that was accepted before was delivered.
    delivered: Duration,
}

/// Kills one of three hosts under load, so often with each lease.
///
/// # Errors
/// A delivery that does not come, or comes and is not recorded.
pub fn takeover(kills: u32) -> anyhow::Result<Report> {
    let mut report = Report::new();
    for lease_s in LEASES_S {
        let mut fleet = Fleet::start(lease_s)?;
        let (mut served, mut delivered) = (Vec::new(), Vec::new());
        for place in 0..kills as usize {
            let taken = fleet.kill(place % HOSTS)?;
            served.push(taken.served.as_secs_f64());
            delivered.push(taken.delivered.as_secs_f64());
        }
        let longest = |times: &[f64]| times.iter().copied().fold(0.0, f64::max);
        let bar = Some(Bar::AtMost(lease_s as f64 + 1.0));
        let lease = format!("lease {lease_s} s: seconds until");
        // What is promised is the host. How long deliveries take then depends on what has come meanwhile.
        for (what, times, bar) in [
            ("every endpoint has a host again", &served, bar),
            ("everything accepted before is delivered", &delivered, None),
        ] {
            for time in times {
                report.note(&format!("{lease} {what}"), Cell::Ours, *time, bar);
            }
            let row = format!("{lease} {what}, the longest");
            report.note(&row, Cell::Ours, longest(times), bar);
        }
        fleet.end()?;
    }
    report.remark(format!(
        "{kills} kills of one of {HOSTS} hosts with each lease, {ENDPOINTS} endpoints, an event to all of them every {} ms",
        PACE.as_millis()
    ));
    Ok(report)
}

impl Fleet {
    fn start(lease_s: u64) -> anyhow::Result<Self> {
        let cluster = countersign_cluster::cluster().context("there is no PostgreSQL")?;
        let url = cluster.create(DATABASE)?;
        let member = || {
            let home = HostHome::new("")?;
            home.configure(&format!(
                "[store]\nurl = {url:?}\nkey = {KEY:?}\nlease_s = {lease_s}\n[delivery]\nallow_http = true\n"
            ))?;
            let host = Some(home.start()?);
            Ok::<_, anyhow::Error>(Member { home, host })
        };
        let members = (0..HOSTS).map(|_| member());
        let members = members.collect::<Result<Vec<_>, _>>()?;
        let receiver = Receiver::start();
        let first = members.first().context("no host")?.host()?;
        let mut endpoints = Vec::new();
        for place in 0..ENDPOINTS {
            let path = match place % 3 {
                0 => format!("/slow/100/{place}"),
                _ => format!("/ok/{place}"),
            };
            let id = endpoint_at(first, "platform", &receiver.url(&path))?;
            endpoints.push((id, place.to_string()));
        }
        Ok(Self {
            cluster,
            members,
            receiver,
            endpoints,
        })
    }

    fn kill(&mut self, number: usize) -> anyhow::Result<Taken> {
        self.wait_until_shared()?;
        let owned = self.owned_by(self.members[number].host()?.pid())?;
        let mut victim = self.members[number].host.take().context("it is down")?;
        let stop = AtomicBool::new(false);
        let taken = thread::scope(|scope| {
            let publishing = scope.spawn(|| self.publish(&stop));
            // Some load before it.
            thread::sleep(PACE * 10);
            let taken = self.kill_and_wait(&mut victim, &owned);
            stop.store(true, Ordering::Relaxed);
            let published = publishing.join();
            published.map_err(|_| anyhow::anyhow!("the publisher panicked"))??;
            taken
        })?;
        let member = &mut self.members[number];
        member.host = Some(member.home.start()?);
        self.wait_until_delivered(None)?;
        Ok(taken)
    }

    fn kill_and_wait(&self, victim: &mut Host, owned: &HashSet<String>) -> anyhow::Result<Taken> {
        let before = self.query("SELECT max(id) FROM deliveries")?;
        let before = before.first().context("nothing was published")?;
        victim.kill()?;
        let killed = Instant::now();
        let delivered = thread::scope(|scope| {
            let delivered = scope.spawn(|| {
                self.wait_until_delivered(Some(before))?;
                Ok::<_, anyhow::Error>(killed.elapsed())
            });
            let served = wait_for("a request to each of its endpoints", WAIT_MAX, || {
                Ok(self.served_since(killed, owned))
            });
            let delivered = delivered.join();
            let delivered = delivered.map_err(|_| anyhow::anyhow!("whoever waits panicked"))??;
            Ok::<_, anyhow::Error>((served?, delivered))
        });
        let (served, delivered) = delivered?;
        Ok(Taken { served, delivered })
    }

    /// When the last of these endpoints got its first request after the kill; `None` while one of them has none.
    fn served_since(&self, killed: Instant, owned: &HashSet<String>) -> Option<Duration> {
        let arrivals = self.receiver.arrivals();
        let first = |name: &String| {
            let of = arrivals.iter().filter(|arrival| arrival.endpoint == *name);
            of.map(|arrival| arrival.at.saturating_duration_since(killed))
                .find(|after| *after > UNDER_WAY)
        };
        let firsts: Option<Vec<_>> = owned.iter().map(first).collect();
        firsts?.into_iter().max()
    }

    /// By one host after the other, those that are up.
    fn publish(&self, stop: &AtomicBool) -> anyhow::Result<()> {
        let up = self
            .members
            .iter()
            .filter_map(|member| member.host.as_ref());
        let event = json!({"type": "open", "email_id": "1"});
        for host in up.collect::<Vec<_>>().iter().cycle() {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            host.publish("platform", &event)?;
            thread::sleep(PACE);
        }
        Ok(())
    }

    fn query(&self, sql: &str) -> anyhow::Result<Vec<String>> {
        let rows = self.cluster.query(DATABASE, sql)?;
        Ok(rows.into_iter().flatten().collect())
    }

    /// Names of the endpoints that a process works.
    fn owned_by(&self, pid: u32) -> anyhow::Result<HashSet<String>> {
        let sql = format!(
            "SELECT id FROM endpoints JOIN hosts ON generation = owner WHERE hosts.name LIKE '%:{pid}'"
        );
        let ids = self.query(&sql)?;
        anyhow::ensure!(!ids.is_empty(), "it works no endpoint");
        let names = self.endpoints.iter().filter(|(id, _)| ids.contains(id));
        Ok(names.map(|(_, name)| name.clone()).collect())
    }

    fn wait_until_shared(&self) -> anyhow::Result<()> {
        let share = ENDPOINTS / HOSTS;
        let sql = format!(
            "SELECT count(*) FROM (SELECT 1 FROM endpoints JOIN hosts ON generation = owner
             GROUP BY owner HAVING count(*) = {share}) AS even"
        );
        wait_for("an even share", WAIT_MAX, || {
            Ok((self.query(&sql)? == [HOSTS.to_string()]).then_some(()))
        })
    }

    /// Up to this delivery, or all there are.
    fn wait_until_delivered(&self, last: Option<&String>) -> anyhow::Result<()> {
        let up_to = last.map(|last| format!(" AND id <= '{last}'"));
        let sql = format!(
            "SELECT count(*) FROM deliveries WHERE state <> 'delivered'{}",
            up_to.unwrap_or_default()
        );
        wait_for("delivery", WAIT_MAX, || {
            Ok((self.query(&sql)? == ["0"]).then_some(()))
        })
    }

    fn end(self) -> anyhow::Result<()> {
        for mut member in self.members {
            let host = member.host.take().context("a host is down")?;
            let status = host.terminate()?;
            anyhow::ensure!(status.success(), "a host ended with {status}");
            anyhow::ensure!(!member.home.log().contains("panicked"), "a host panicked");
        }
        Ok(())
    }
}
