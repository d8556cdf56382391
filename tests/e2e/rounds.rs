//! Three hosts on one PostgreSQL database, under load, and one of them, or the database, disturbed: whatever happens, what they did is
//! what they promise (`countersign_tests::history`).
//!
//! The seed decides what is disturbed, when and how long, and is printed first; `COUNTERSIGN_SEED=<number>` repeats a run's choices.
//! `COUNTERSIGN_ROUND=<number>` has that round of it alone. `COUNTERSIGN_ROUNDS=<number>` disturbs so often; `cargo xtask bench hosts`
//! sets it. `COUNTERSIGN_HISTORIES=<folder>` keeps the history of each round there; that of a round that failed is kept in any case.

#[path = "rounds/account.rs"]
mod account;
#[path = "rounds/fault.rs"]
mod fault;
#[path = "rounds/fleet.rs"]
mod fleet;
#[path = "rounds/load.rs"]
mod load;
#[path = "rounds/outage.rs"]
mod outage;

use self::{fault::Fault, fleet::Fleet};
use anyhow::Context;
use countersign_tests::history::{History, check};
use std::{path::PathBuf, time::Instant};

/// Rounds without `COUNTERSIGN_ROUNDS`: each kind of disturbance once.
const ROUNDS: u64 = Fault::KINDS;

#[test]
fn what_many_hosts_did_is_what_they_promise_whatever_is_disturbed() {
    let Some(cluster) = countersign_cluster::cluster() else {
        return;
    };
    rounds(cluster).unwrap();
}

fn number(variable: &str) -> anyhow::Result<Option<u64>> {
    let text = std::env::var(variable).ok();
    let read = text.map(|text| text.parse().with_context(|| variable.to_owned()));
    read.transpose()
}

fn rounds(cluster: countersign_cluster::Cluster) -> anyhow::Result<()> {
    let rounds = number("COUNTERSIGN_ROUNDS")?.unwrap_or(ROUNDS);
    let only = number("COUNTERSIGN_ROUND")?;
    let rounds = only.map_or(0..rounds, |only| only..only.saturating_add(1));
    let seed = number("COUNTERSIGN_SEED")?.unwrap_or_else(|| fastrand::u64(..u64::from(u32::MAX)));
    println!("seed {seed}");
    let mut fleet = Fleet::start(cluster)?;
    let (mut deliveries, mut duplicates, mut taken_over, mut recorded) = (0, 0, 0, 0);
    let began = Instant::now();
    for round in rounds.clone() {
        let seed = seed.wrapping_add(round);
        let mut chance = fastrand::Rng::with_seed(seed);
        // Every kind in turn, so that few rounds have all of them.
        let fault = Fault::choose(round, fleet.hosts.len(), &mut chance);
        let history = fleet.round(seed, &fault, &mut chance);
        let history = history.with_context(|| format!("round {round}, seed {seed}: {fault}"))?;
        let findings = check(&history);
        let sound = findings.violations.is_empty();
        keep(&history, sound)?;
        println!(
            "round {round}, seed {seed}: {fault}; {} deliveries, {} duplicates, {} taken over",
            history.accepted.len(),
            findings.duplicates,
            findings.taken_over,
        );
        let some: Vec<_> = findings.violations.iter().take(5).collect();
        anyhow::ensure!(
            sound,
            "round {round}, seed {seed}: {fault}: {} violations, of them {some:#?}",
            findings.violations.len()
        );
        deliveries += history.accepted.len();
        duplicates += findings.duplicates;
        taken_over += findings.taken_over;
        recorded += findings.recorded;
    }
    println!(
        "{} rounds in {:.0} s: {deliveries} deliveries, 0 lost, none recorded twice, {recorded} outcomes in the logs, {duplicates} \
         duplicates (each with a disturbance between the two), {taken_over} deliveries taken over",
        rounds.count(),
        began.elapsed().as_secs_f64()
    );
    anyhow::ensure!(recorded > 0, "no host logged what it did");
    fleet.end()
}

/// Writes a history down, where it is wanted.
fn keep(history: &History, sound: bool) -> anyhow::Result<()> {
    let folder = std::env::var_os("COUNTERSIGN_HISTORIES").map(PathBuf::from);
    let folder = match (folder, sound) {
        (Some(folder), _) => folder,
        (None, true) => return Ok(()),
        (None, false) => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/histories"),
    };
    std::fs::create_dir_all(&folder)?;
    let path = folder.join(format!("{}.json", history.seed));
    std::fs::write(&path, serde_json::to_vec(history)?)?;
    if !sound {
        println!("its history is in {}", path.display());
    }
    Ok(())
}
