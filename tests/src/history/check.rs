//! Whether a history is what hosts promise.

use super::{Accepted, Disturbance, Done, Generation, History, Received, What};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
};

/// How far the clocks of hosts, receiver and whoever disturbs them may be apart, in milliseconds. All are on one machine; hosts
/// go by the database's clock as they measured it.
const SLACK_MS: i64 = 250;
/// How long after a host's own word that its lease is over a request may still begin that had been decided upon before.
const DECIDED_MS: i64 = 30;

/// A promise that was not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Violation {
    /// A publisher was told of it, and the receiver never got it.
    NeverReceived { delivery: String },
    /// A publisher was told of it, and it is not delivered in the end.
    NotDelivered { delivery: String, state: String },
    /// The database does not know it.
    Forgotten { delivery: String },
    /// The receiver got what no publisher was told of.
    Invented { message: String, endpoint: String },
    /// More than one success is kept, or none although it counts as delivered.
    Successes { delivery: String, count: u64 },
    /// Two hosts had it at a time, and the lease of the first one was good.
    TwoHosts {
        delivery: String,
        first: Generation,
        second: Generation,
        at_ms: i64,
    },
    /// A host wrote or sent what another one had taken over by then.
    Late {
        delivery: String,
        generation: Generation,
        newer: Generation,
        what: &'static str,
        at_ms: i64,
    },
    /// A host sent what it had taken up under a lease that it knew to be over.
    SentWithoutLease {
        delivery: String,
        generation: Generation,
        at_ms: i64,
    },
    /// One lease, two outcomes.
    RecordedAgain {
        delivery: String,
        generation: Generation,
        at_ms: i64,
    },
    /// The receiver accepted it again, and nothing was disturbed in between.
    UnexplainedDuplicate {
        message: String,
        endpoint: String,
        first_ms: i64,
        again_ms: i64,
    },
    /// It arrived before the one that goes before it had been accepted.
    OutOfOrder {
        endpoint: String,
        key: String,
        place: u64,
    },
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    pub violations: Vec<Violation>,
    /// Requests that were accepted and had been accepted before, each with a disturbance that explains it.
    pub duplicates: usize,
    /// Deliveries that a host took over from another.
    pub taken_over: usize,
    /// Outcomes that hosts wrote down.
    pub recorded: usize,
}

/// Holds a history to what hosts promise.
pub fn check(history: &History) -> Findings {
    let mut findings = Findings::default();
    kept(history, &mut findings);
    received(history, &mut findings);
    leases(history, &mut findings);
    order(history, &mut findings);
    findings
}

/// Nothing is lost, and nothing is recorded as succeeded twice.
fn kept(history: &History, findings: &mut Findings) {
    let kept: HashMap<_, _> = history
        .kept
        .iter()
        .map(|kept| (kept.delivery.as_str(), kept))
        .collect();
    let arrived: BTreeSet<_> = history
        .received
        .iter()
        .filter(|received| received.accepted)
        .map(|received| (received.message.as_str(), received.endpoint.as_str()))
        .collect();
    for accepted in &history.accepted {
        let delivery = || accepted.delivery.clone();
        if !arrived.contains(&(accepted.message.as_str(), accepted.endpoint.as_str())) {
            let delivery = delivery();
            findings
                .violations
                .push(Violation::NeverReceived { delivery });
        }
        let Some(kept) = kept.get(accepted.delivery.as_str()) else {
            let delivery = delivery();
            findings.violations.push(Violation::Forgotten { delivery });
            continue;
        };
        if kept.state != "delivered" {
            findings.violations.push(Violation::NotDelivered {
                delivery: delivery(),
                state: kept.state.clone(),
            });
        } else if kept.successes != 1 {
            findings.violations.push(Violation::Successes {
                delivery: delivery(),
                count: kept.successes,
            });
        }
    }
}

/// Nothing is invented, and what arrives twice has a reason.
fn received(history: &History, findings: &mut Findings) {
    let known: BTreeSet<_> = history
        .accepted
        .iter()
        .map(|accepted| (accepted.message.as_str(), accepted.endpoint.as_str()))
        .collect();
    let mut by_delivery: BTreeMap<_, Vec<&Received>> = BTreeMap::new();
    for received in &history.received {
        let whose = (received.message.as_str(), received.endpoint.as_str());
        if !known.contains(&whose) {
            findings.violations.push(Violation::Invented {
                message: received.message.clone(),
                endpoint: received.endpoint.clone(),
            });
        }
        if received.accepted {
            by_delivery.entry(whose).or_default().push(received);
        }
    }
    for ((message, endpoint), mut received) in by_delivery {
        received.sort_by_key(|received| received.at_ms);
        for pair in received.windows(2) {
            let [first, again] = pair else { continue };
            if explained(history, first.at_ms, again.at_ms) {
                findings.duplicates += 1;
            } else {
                findings.violations.push(Violation::UnexplainedDuplicate {
                    message: message.to_owned(),
                    endpoint: endpoint.to_owned(),
                    first_ms: first.at_ms,
                    again_ms: again.at_ms,
                });
            }
        }
    }
}

/// Whether something that keeps an outcome from being recorded took place between two moments: a disturbance, or the end of a lease on
/// a machine that was too busy to renew it.
fn explained(history: &History, from_ms: i64, to_ms: i64) -> bool {
    let within = |from, to| from <= to_ms + SLACK_MS && to >= from_ms - SLACK_MS;
    let disturbances = &mut history.disturbances.iter();
    let mut lost = history
        .done
        .iter()
        .filter(|done| done.what == What::Lost)
        .map(|done| done.at_ms);
    disturbances.any(|one| within(one.from_ms, one.to_ms)) || lost.any(|at_ms| within(at_ms, at_ms))
}

/// Who had a delivery last.
#[derive(Clone, Copy)]
struct Holder<'a> {
    host: &'a str,
    generation: Generation,
    at_ms: i64,
    /// It was recorded, or given back.
    ended: bool,
}

/// No two hosts work on one delivery at a time, and whoever comes late changes nothing.
fn leases(history: &History, findings: &mut Findings) {
    let mut holders: HashMap<&str, Holder<'_>> = HashMap::new();
    // Leases of which their own hosts say that they are over.
    let mut over: BTreeMap<Generation, i64> = BTreeMap::new();
    for done in in_time(&history.done) {
        let Some(generation) = done.generation else {
            continue;
        };
        match &done.what {
            What::Leased { delivery } => {
                let holder = Holder {
                    host: &done.host,
                    generation,
                    at_ms: done.at_ms,
                    ended: false,
                };
                let known = holders.get(delivery.as_str()).copied();
                let taken = |known: &Holder<'_>| known.generation != generation && !known.ended;
                // A commit whose answer was lost is told of when it is known to have taken place.
                let (first, second) = match known.filter(taken) {
                    Some(known) if known.at_ms > holder.at_ms => (holder, known),
                    Some(known) => (known, holder),
                    None => {
                        holders.insert(delivery, holder);
                        continue;
                    }
                };
                holders.insert(delivery, second);
                findings.taken_over += 1;
                // What was done in time may not have been logged any more, and the lease of a host that was not disturbed is good.
                let was_good = !over.contains_key(&first.generation)
                    && !was_disturbed(&history.disturbances, first.host, first.at_ms, second.at_ms);
                if was_good {
                    findings.violations.push(Violation::TwoHosts {
                        delivery: delivery.clone(),
                        first: first.generation,
                        second: second.generation,
                        at_ms: second.at_ms,
                    });
                }
            }
            What::Recorded { delivery } => {
                findings.recorded += 1;
                ended(&mut holders, done, delivery, generation, findings);
            }
            What::PutBack { delivery } => ended(&mut holders, done, delivery, generation, findings),
            What::Sent { delivery } => {
                let holder = holders.get(delivery.as_str());
                let lost_ms = over.get(&generation);
                if lost_ms.is_some_and(|lost_ms| done.at_ms >= lost_ms + DECIDED_MS) {
                    findings.violations.push(Violation::SentWithoutLease {
                        delivery: delivery.clone(),
                        generation,
                        at_ms: done.at_ms,
                    });
                }
                findings
                    .violations
                    .extend(holder.and_then(|holder| late(holder, done, delivery, generation)));
            }
            What::Lost => {
                over.insert(generation, done.at_ms);
            }
            What::Registered | What::Answered { .. } => {}
        }
    }
}

/// By time, and what one host tells in the order in which it does.
fn in_time(done: &[Done]) -> Vec<&Done> {
    let mut last: HashMap<&str, i64> = HashMap::new();
    let mut timed: Vec<_> = done
        .iter()
        .map(|done| {
            let last = last.entry(&done.host).or_insert(done.at_ms);
            *last = done.at_ms.max(*last);
            (*last, done)
        })
        .collect();
    timed.sort_by_key(|(at_ms, _)| *at_ms);
    timed.into_iter().map(|(_, done)| done).collect()
}

/// Whether a host, or the database, was disturbed between two moments.
fn was_disturbed(disturbances: &[Disturbance], host: &str, from_ms: i64, to_ms: i64) -> bool {
    disturbances
        .iter()
        .filter(|one| one.host.as_deref().is_none_or(|name| name == host))
        .any(|one| one.from_ms <= to_ms && one.to_ms >= from_ms - SLACK_MS)
}

/// A lease ends by its own host, once.
fn ended(
    holders: &mut HashMap<&str, Holder<'_>>,
    done: &Done,
    delivery: &str,
    generation: Generation,
    findings: &mut Findings,
) {
    let Some(holder) = holders.get_mut(delivery) else {
        return;
    };
    let late = late(holder, done, delivery, generation);
    let again = holder.ended && holder.generation == generation;
    findings.violations.extend(late);
    if again {
        findings.violations.push(Violation::RecordedAgain {
            delivery: delivery.to_owned(),
            generation,
            at_ms: done.at_ms,
        });
    }
    holder.ended |= holder.generation == generation;
}

/// Generations only go up, so a lower one was there before.
fn late(
    holder: &Holder<'_>,
    done: &Done,
    delivery: &str,
    generation: Generation,
) -> Option<Violation> {
    let (what, slack_ms) = match done.what {
        What::Recorded { .. } => ("recorded", 0),
        What::PutBack { .. } => ("put back", 0),
        // By the host's own reading of the clock.
        _ => ("sent", SLACK_MS),
    };
    let is_late = holder.generation > generation && done.at_ms > holder.at_ms + slack_ms;
    is_late.then(|| Violation::Late {
        delivery: delivery.to_owned(),
        generation,
        newer: holder.generation,
        what,
        at_ms: done.at_ms,
    })
}

/// Of one endpoint and key, each arrives when the one before has been accepted.
fn order(history: &History, findings: &mut Findings) {
    let mut keys: BTreeMap<(&str, &str), Vec<(u64, &Accepted)>> = BTreeMap::new();
    for accepted in &history.accepted {
        if let Some((key, place)) = &accepted.order {
            keys.entry((&accepted.endpoint, key))
                .or_default()
                .push((*place, accepted));
        }
    }
    let mut first: HashMap<(&str, &str), i64> = HashMap::new();
    let mut first_accepted: HashMap<(&str, &str), i64> = HashMap::new();
    for received in &history.received {
        let whose = (received.message.as_str(), received.endpoint.as_str());
        let earliest = |times: &mut HashMap<(_, _), i64>| {
            let time = times.entry(whose).or_insert(received.at_ms);
            *time = received.at_ms.min(*time);
        };
        earliest(&mut first);
        if received.accepted {
            earliest(&mut first_accepted);
        }
    }
    for ((endpoint, key), mut deliveries) in keys {
        deliveries.sort_by_key(|(place, _)| *place);
        for pair in deliveries.windows(2) {
            let [(_, before), (place, after)] = pair else {
                continue;
            };
            let before = first_accepted.get(&(before.message.as_str(), endpoint));
            let after = first.get(&(after.message.as_str(), endpoint));
            // What never arrived is told of elsewhere.
            let (Some(before), Some(after)) = (before, after) else {
                continue;
            };
            if after < before {
                findings.violations.push(Violation::OutOfOrder {
                    endpoint: endpoint.to_owned(),
                    key: key.to_owned(),
                    place: *place,
                });
            }
        }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
