//! The account: every accepted message at every endpoint, and nothing else.

use super::receiver::{Arrival, Id};
use anyhow::{Context, ensure};
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

/// Endpoints that are told apart.
const ENDPOINTS_MAX: u16 = 128;

/// What the account shows beside that it is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Account {
    /// Requests that were accepted and had been accepted before.
    pub(super) duplicates: usize,
}

/// Holds what arrived against what was accepted: each message at each of so many endpoints, with the number that it was
/// published with.
///
/// # Errors
/// What is lost, exchanged or was never published.
pub(super) fn check(
    accepted: &[(u32, Id, Option<Instant>)],
    arrivals: &[Arrival],
    endpoints: u16,
) -> anyhow::Result<Account> {
    ensure!(
        (1..=ENDPOINTS_MAX).contains(&endpoints),
        "1 to {ENDPOINTS_MAX} endpoints"
    );
    let mut expected: HashMap<Id, (u32, u128)> = HashMap::with_capacity(accepted.len());
    for (number, id, _) in accepted {
        let known = expected.insert(*id, (*number, 0));
        ensure!(known.is_none(), "two messages have the id {}", text(id));
    }
    let mut duplicates = 0;
    for arrival in arrivals {
        let found = expected.get_mut(&arrival.id);
        let (number, seen) =
            found.with_context(|| format!("{} was never accepted", text(&arrival.id)))?;
        ensure!(
            *number == arrival.number,
            "{} was published as {number} and arrived as {}",
            text(&arrival.id),
            arrival.number
        );
        ensure!(
            arrival.endpoint < endpoints,
            "no endpoint {}",
            arrival.endpoint
        );
        if arrival.accepted {
            let bit = 1_u128 << arrival.endpoint;
            duplicates += usize::from(*seen & bit != 0);
            *seen |= bit;
        }
    }
    let all = u128::MAX >> (ENDPOINTS_MAX - endpoints);
    let lost: Vec<_> = expected
        .iter()
        .filter(|(_, (_, seen))| *seen != all)
        .collect();
    ensure!(
        lost.is_empty(),
        "{} of {} messages are lost; one of them: {}",
        lost.len(),
        expected.len(),
        text(lost[0].0)
    );
    Ok(Account { duplicates })
}

fn text(id: &Id) -> String {
    String::from_utf8_lossy(id).into_owned()
}

/// From due to arrival, in milliseconds, in order.
pub(super) fn latencies_ms(
    accepted: &[(u32, Id, Option<Instant>)],
    arrivals: &[Arrival],
) -> Vec<f64> {
    let due: HashMap<Id, Instant> = accepted
        .iter()
        .filter_map(|(_, id, due)| Some((*id, (*due)?)))
        .collect();
    let mut latencies: Vec<f64> = arrivals
        .iter()
        .filter_map(|arrival| Some(arrival.at.saturating_duration_since(*due.get(&arrival.id)?)))
        .map(ms)
        .collect();
    latencies.sort_by(f64::total_cmp);
    latencies
}

pub(super) fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

/// The value below which this share of sorted values lies; `None` without values.
pub(super) fn percentile(sorted: &[f64], share: f64) -> Option<f64> {
    let place = (sorted.len() as f64 * share).ceil() as usize;
    sorted
        .get(place.saturating_sub(1).min(sorted.len().checked_sub(1)?))
        .copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrival(id: u8, number: u32, endpoint: u16) -> Arrival {
        Arrival {
            id: [id; 30],
            number,
            endpoint,
            accepted: true,
            at: Instant::now(),
        }
    }

    #[test]
    fn what_is_lost_exchanged_or_invented_is_found() {
        let accepted = [(1, [b'a'; 30], None), (2, [b'b'; 30], None)];
        let all = [
            arrival(b'a', 1, 0),
            arrival(b'b', 2, 0),
            arrival(b'a', 1, 1),
            arrival(b'b', 2, 1),
        ];
        assert_eq!(check(&accepted, &all, 2).unwrap().duplicates, 0);
        assert!(check(&accepted, &all[..3], 2).is_err());
        assert!(check(&accepted[..1], &all, 2).is_err());
        let mut exchanged = all;
        exchanged[3].number = 1;
        assert!(check(&accepted, &exchanged, 2).is_err());
        let mut refused = all;
        refused[2].accepted = false;
        assert!(check(&accepted, &refused, 2).is_err());
        let twice: Vec<_> = all.iter().chain(&all[..1]).copied().collect();
        assert_eq!(check(&accepted, &twice, 2).unwrap().duplicates, 1);
    }

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(percentile(&values, 0.5), Some(50.0));
        assert_eq!(percentile(&values, 0.99), Some(99.0));
        assert_eq!(percentile(&values, 1.0), Some(100.0));
        assert_eq!(percentile(&[], 0.5), None);
    }
}
