//! What is disturbed, and how.

use crate::fleet::{Fleet, LEASE_S, now_ms};
use countersign_tests::proxy::Mode;
use std::{fmt, thread, time::Duration};

/// A disturbance; the number is that of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// SIGKILL, and a new process after a while.
    Killed(usize, Duration),
    /// SIGSTOP for longer than a lease, then SIGCONT.
    Stopped(usize, Duration),
    /// Its connections to the database stay, and nothing goes through.
    CutOff(usize, Duration),
    /// They are broken, and cannot be made anew.
    Refused(usize, Duration),
    /// They are slow, by so much.
    Slowed(usize, Duration, Duration),
    /// The database is stopped as an operator does it, and started again.
    DatabaseRestarted(Duration),
    /// The database is killed, and started again.
    DatabaseKilled(Duration),
}

impl Fault {
    /// How many kinds there are.
    pub(crate) const KINDS: u64 = 7;

    /// Each kind in turn; the rest is chance's.
    pub(crate) fn choose(round: u64, hosts: usize, chance: &mut fastrand::Rng) -> Self {
        let host = chance.usize(..hosts);
        let lease_ms = LEASE_S * 1_000;
        let mut within = |from_ms, to_ms| Duration::from_millis(chance.u64(from_ms..to_ms));
        let longer_than_a_lease = within(lease_ms + 300, lease_ms + 1_500);
        match round % Self::KINDS {
            0 => Self::Killed(host, within(0, lease_ms + 1_000)),
            1 => Self::Stopped(host, longer_than_a_lease),
            2 => Self::CutOff(host, longer_than_a_lease),
            3 => Self::Refused(host, longer_than_a_lease),
            4 => Self::Slowed(host, within(20, 400), within(1_000, 3_000)),
            5 => Self::DatabaseRestarted(within(0, 1_500)),
            _ => Self::DatabaseKilled(within(0, 1_500)),
        }
    }

    /// The host that is disturbed; `None`: all of them are.
    pub(crate) const fn host(&self) -> Option<usize> {
        match self {
            Self::Killed(host, _)
            | Self::Stopped(host, _)
            | Self::CutOff(host, _)
            | Self::Refused(host, _)
            | Self::Slowed(host, ..) => Some(*host),
            Self::DatabaseRestarted(_) | Self::DatabaseKilled(_) => None,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Killed(host, time) => write!(f, "host {} killed, back after {time:?}", host + 1),
            Self::Stopped(host, time) => write!(f, "host {} stopped for {time:?}", host + 1),
            Self::CutOff(host, time) => write!(f, "host {} cut off for {time:?}", host + 1),
            Self::Refused(host, time) => write!(f, "host {} refused for {time:?}", host + 1),
            Self::Slowed(host, by, time) => {
                write!(f, "host {} slowed by {by:?} for {time:?}", host + 1)
            }
            Self::DatabaseRestarted(time) => write!(f, "database restarted, away for {time:?}"),
            Self::DatabaseKilled(time) => write!(f, "database killed, away for {time:?}"),
        }
    }
}

/// Disturbs and heals. Returns when it began and when everything was healed, in unix milliseconds.
pub(crate) fn bring(
    fault: &Fault,
    fleet: &mut Fleet,
    chance: &mut fastrand::Rng,
) -> anyhow::Result<(i64, i64)> {
    let from_ms = now_ms();
    match *fault {
        Fault::Killed(number, time) => {
            let member = &mut fleet.hosts[number];
            if let Some(mut host) = member.host.take() {
                host.kill()?;
            }
            thread::sleep(time);
            member.start(&fleet.cluster)?;
        }
        Fault::Stopped(number, time) => {
            let host = fleet.hosts[number].host.as_ref();
            let signal = |name| host.map_or(Ok(()), |host| host.signal(name));
            signal("STOP")?;
            thread::sleep(time);
            signal("CONT")?;
        }
        Fault::CutOff(number, time) => through(fleet, number, Mode::Swallow, time),
        Fault::Refused(number, time) => through(fleet, number, Mode::Break, time),
        Fault::Slowed(number, by, time) => through(fleet, number, Mode::Delay(by), time),
        Fault::DatabaseRestarted(time) => {
            fleet.cluster.stop()?;
            thread::sleep(time);
            fleet.cluster.resume()?;
        }
        Fault::DatabaseKilled(time) => {
            fleet.cluster.kill()?;
            thread::sleep(time);
            fleet.cluster.resume()?;
        }
    }
    let to_ms = now_ms();
    // So that what follows meets load as well.
    thread::sleep(Duration::from_millis(chance.u64(200..800)));
    Ok((from_ms, to_ms))
}

fn through(fleet: &Fleet, number: usize, mode: Mode, time: Duration) {
    let network = &fleet.hosts[number].network;
    network.set(mode);
    thread::sleep(time);
    network.set(Mode::Pass);
}
