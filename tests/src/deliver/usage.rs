//! What processes use, as the kernel of the operating system counts it.

use anyhow::Context;
use std::fs;

/// Clock ticks in a second, a constant of Linux for programs (`USER_HZ`).
const TICKS_PER_S: f64 = 100.0;

/// Seconds of processor time so far, over all threads of these processes.
///
/// # Errors
/// When there is no such process.
pub fn cpu_s(pids: &[u32]) -> anyhow::Result<f64> {
    let mut seconds = 0.0;
    for pid in pids {
        seconds += ticks(&format!("/proc/{pid}/stat"))? / TICKS_PER_S;
    }
    Ok(seconds)
}

/// The same of a process with all that it has started, also of what has ended since.
pub(super) fn tree_cpu_s(root: u32) -> anyhow::Result<f64> {
    let mut seconds = 0.0;
    let mut open = vec![root];
    while let Some(pid) = open.pop() {
        // One that ended just now is counted by its parent, at the next look.
        let Ok(stat) = Stat::read(&format!("/proc/{pid}/stat")) else {
            continue;
        };
        seconds += (stat.own + stat.waited_for) / TICKS_PER_S;
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
        let children = children.unwrap_or_default();
        open.extend(
            children
                .split_whitespace()
                .filter_map(|pid| pid.parse::<u32>().ok()),
        );
    }
    Ok(seconds)
}

/// The same of the calling thread.
pub(super) fn thread_cpu_s() -> anyhow::Result<f64> {
    Ok(ticks("/proc/thread-self/stat")? / TICKS_PER_S)
}

fn ticks(path: &str) -> anyhow::Result<f64> {
    Ok(Stat::read(path)?.own)
}

/// Clock ticks of a process.
struct Stat {
    own: f64,
    /// Of its children that have ended.
    waited_for: f64,
}

impl Stat {
    fn read(path: &str) -> anyhow::Result<Self> {
        let stat = fs::read_to_string(path).with_context(|| format!("{path}: has it ended?"))?;
        // The name before it may hold spaces and brackets.
        let (_, fields) = stat.rsplit_once(')').context("no process name")?;
        let field = |place: usize| -> anyhow::Result<f64> {
            let text = fields.split_whitespace().nth(place);
            Ok(text.context("a short stat")?.parse()?)
        };
        // utime, stime, cutime and cstime are the 14th to 17th field, the state after the name is the third.
        Ok(Self {
            own: field(11)? + field(12)?,
            waited_for: field(13)? + field(14)?,
        })
    }
}

/// Most memory that these processes had at once, in MiB: the sum of their peaks.
pub(super) fn peak_mib(pids: &[u32]) -> anyhow::Result<f64> {
    sum_mib(pids, "VmHWM:")
}

/// Memory that these processes have now, in MiB.
pub(super) fn resident_mib(pids: &[u32]) -> anyhow::Result<f64> {
    sum_mib(pids, "VmRSS:")
}

fn sum_mib(pids: &[u32], name: &str) -> anyhow::Result<f64> {
    let mut sum = 0.0;
    for pid in pids {
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|line| line.split_whitespace().next());
        let kib: f64 = kib.context("a process that has ended")?.parse()?;
        sum += kib / 1024.0;
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_process_uses_something() {
        let own = [std::process::id()];
        let resident = resident_mib(&own).unwrap();
        assert!(resident > 1.0);
        // Both are counted a little behind.
        assert!(peak_mib(&own).unwrap() > resident - 1.0);
        assert!(cpu_s(&own).unwrap() >= thread_cpu_s().unwrap());
        assert!(tree_cpu_s(own[0]).unwrap() >= cpu_s(&own).unwrap());
    }
}
