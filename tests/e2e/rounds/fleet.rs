//! Three hosts, each behind a network of its own, their database and their receiver.

use crate::{
    account,
    fault::{self, Fault},
    load,
};
use anyhow::Context;
use countersign_cluster::Cluster;
use countersign_tests::{
    history::{Disturbance, History, LogReader, TARGET},
    host::{Host, HostHome, wait_for},
    proxy::{Mode, Proxy},
    receiver::Receiver,
};
use serde_json::json;
use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// Seconds of a lease: the shortest that may be set, so that rounds are short.
pub(crate) const LEASE_S: u64 = 2;
const HOSTS: usize = 3;
const DATABASE: &str = "rounds";
/// Any key does, and all hosts have the same.
const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
/// Longest time until everything is delivered after a disturbance.
const DELIVERED_MAX: Duration = Duration::from_secs(45);
/// For how long the load runs on afterwards.
const AFTER: Duration = Duration::from_millis(500);
/// After a disturbance its consequences go on: leases that ran out are noticed, connections made anew.
const CONSEQUENCES_MS: i64 = 1_000 * LEASE_S.cast_signed() + 5_000;

/// What receives, by route: at once, slowly (so that there is always something under way), after a refusal, and in the order of a key.
pub(crate) const ENDPOINTS: [(&str, &str, bool); 6] = [
    ("plain", "/ok/plain", false),
    ("slow", "/slow/150/slow", false),
    ("shaky", "/fails/1/shaky", false),
    ("ordered", "/ok/ordered", true),
    ("both", "/fails/1/both", true),
    ("ordered-slowly", "/slow/20/ordered-slowly", true),
];

/// One host and what belongs to it.
pub(crate) struct Member {
    pub(crate) name: String,
    home: HostHome,
    /// Between it and the database.
    pub(crate) network: Proxy,
    /// `None` while it is down.
    pub(crate) host: Option<Host>,
    log: LogReader,
}

pub(crate) struct Fleet {
    pub(crate) cluster: Cluster,
    pub(crate) hosts: Vec<Member>,
    receiver: Receiver,
    /// Names by the ids that publishers are told.
    pub(crate) endpoints: Vec<(String, &'static str)>,
    /// Of what arrived, how much belongs to earlier rounds.
    seen: usize,
    /// The last delivery of the earlier rounds.
    last: String,
    /// What was disturbed in the round before, whose consequences may still be felt.
    before: Vec<Disturbance>,
}

impl Member {
    fn new(number: usize, cluster: &Cluster) -> anyhow::Result<Self> {
        let home = HostHome::new("stop_timeout_s = 5")?;
        home.configure(&format!(
            "[store]\nlease_s = {LEASE_S}\n[delivery]\nallow_http = true\nstop_timeout_s = 5\n[log]\nformat = \"json\"\n\
             filter = \"info,{TARGET}=trace\"\n"
        ))?;
        let name = format!("host {number}");
        Ok(Self {
            log: LogReader::new(&name, home.log_path()),
            name,
            home,
            network: Proxy::start(cluster.port())?,
            host: None,
        })
    }

    /// Starts it, or starts it again.
    pub(crate) fn start(&mut self, cluster: &Cluster) -> anyhow::Result<()> {
        let (port, own) = (cluster.port(), self.network.port());
        let url = cluster
            .url(DATABASE)
            .replace(&format!(":{port}"), &format!(":{own}"));
        let host = self.home.start_with(|command| {
            command
                .env("COUNTERSIGN_STORE_URL", url)
                .env("COUNTERSIGN_STORE_KEY", KEY);
        })?;
        self.host = Some(host);
        Ok(())
    }
}

impl Fleet {
    pub(crate) fn start(cluster: Cluster) -> anyhow::Result<Self> {
        cluster.create(DATABASE)?;
        let mut hosts = (1..=HOSTS)
            .map(|number| Member::new(number, &cluster))
            .collect::<Result<Vec<_>, _>>()?;
        for member in &mut hosts {
            member.start(&cluster)?;
        }
        let receiver = Receiver::start();
        let first = hosts.first().and_then(|member| member.host.as_ref());
        let first = first.context("no host")?;
        let mut endpoints = Vec::new();
        for (name, route, ordered) in ENDPOINTS {
            let ordering = match ordered {
                true => json!({"pointer": "/data/key"}),
                false => json!("none"),
            };
            let id = first.create_endpoint(&json!({
                "name": name, "provider": "standard", "url": receiver.url(route), "events": [format!("{}.*", kind(ordered))],
                "settings": {"schedule": {"delays_ms": vec![300; 100]}, "ordering": ordering},
            }))?;
            endpoints.push((id, name));
        }
        Ok(Self {
            cluster,
            hosts,
            receiver,
            endpoints,
            seen: 0,
            last: String::new(),
            before: Vec::new(),
        })
    }

    /// Load, a disturbance within it, and everything delivered: what happened.
    pub(crate) fn round(
        &mut self,
        seed: u64,
        fault: &Fault,
        chance: &mut fastrand::Rng,
    ) -> anyhow::Result<History> {
        let urls = self.hosts.iter().filter_map(|member| member.host.as_ref());
        let urls: Vec<String> = urls.map(|host| host.url().to_owned()).collect();
        let endpoints = self.endpoints.clone();
        let stop = AtomicBool::new(false);
        let seeds = [(); load::PUBLISHERS].map(|()| chance.u64(..));
        let mut history = History {
            seed,
            disturbances: std::mem::take(&mut self.before),
            ..History::default()
        };
        let (accepted, disturbed) = thread::scope(|scope| {
            let publishers = seeds.map(|seed| {
                let publisher = load::Publisher {
                    urls: &urls,
                    endpoints: &endpoints,
                    stop: &stop,
                };
                scope.spawn(move || publisher.publish(seed))
            });
            thread::sleep(Duration::from_millis(chance.u64(100..400)));
            let disturbed = fault::bring(fault, self, chance);
            thread::sleep(AFTER);
            stop.store(true, Ordering::Relaxed);
            let accepted = publishers.map(|publisher| publisher.join());
            (accepted, disturbed)
        });
        let (from_ms, to_ms) = disturbed?;
        for accepted in accepted {
            let accepted = accepted.map_err(|_| anyhow::anyhow!("a publisher panicked"))?;
            history.accepted.extend(accepted?);
        }
        self.wait_until_delivered(history.accepted.len())?;
        let disturbance = Disturbance {
            host: fault.host().map(|number| self.hosts[number].name.clone()),
            what: fault.to_string(),
            from_ms,
            to_ms: to_ms + CONSEQUENCES_MS,
        };
        self.before = vec![disturbance.clone()];
        history.disturbances.push(disturbance);
        for member in &mut self.hosts {
            history.done.extend(member.log.read()?);
        }
        let arrivals = self.receiver.arrivals();
        history.received = account::received(&arrivals[self.seen..]);
        self.seen = arrivals.len();
        history.kept = account::kept(&self.cluster, DATABASE, &self.last)?;
        if let Some(last) = history.kept.last() {
            self.last.clone_from(&last.delivery);
        }
        Ok(history)
    }

    fn wait_until_delivered(&self, count: usize) -> anyhow::Result<()> {
        let sql = "SELECT count(*) FROM deliveries WHERE state <> 'delivered'";
        let what = format!("the end of {count} deliveries");
        let waited = wait_for(&what, DELIVERED_MAX, || {
            let open = self.cluster.query(DATABASE, sql)?;
            Ok((open == [Some("0".to_owned())]).then_some(()))
        });
        waited.with_context(|| {
            let states = "SELECT endpoint_id || ' ' || state || ' ' || coalesce(leased_by::text, '-') || ' ' || count(*)
                 FROM deliveries WHERE state <> 'delivered' GROUP BY endpoint_id, state, leased_by";
            format!("{:?}", self.cluster.query(DATABASE, states))
        })
    }

    /// Every host stops as it should, and none has panicked.
    pub(crate) fn end(self) -> anyhow::Result<()> {
        for mut member in self.hosts {
            member.network.set(Mode::Pass);
            let host = member.host.take().context("a host is down")?;
            let status = host.terminate()?;
            anyhow::ensure!(status.success(), "{} ended with {status}", member.name);
            let log = member.home.log();
            anyhow::ensure!(!log.contains("panicked"), "{} panicked", member.name);
        }
        Ok(())
    }
}

/// Beginning of the types of events that an endpoint wants.
pub(crate) const fn kind(ordered: bool) -> &'static str {
    match ordered {
        true => "ordered",
        false => "plain",
    }
}

/// Unix milliseconds.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}

/// When something happened, in unix milliseconds.
pub(crate) fn at_ms(at: Instant) -> i64 {
    now_ms() - i64::try_from(at.elapsed().as_millis()).unwrap_or(i64::MAX)
}
