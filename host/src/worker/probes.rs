//! When endpoints that are paused because too much failed are tried again.

use crate::ids::EndpointId;
use std::collections::{BTreeSet, HashMap, HashSet};

/// Moments of probes. Lost with the process, and made anew from the endpoints at the next start.
#[derive(Debug, Default)]
pub(super) struct Probes {
    due: BTreeSet<(u64, EndpointId)>,
    at_ms: HashMap<EndpointId, u64>,
    /// Their moment has come, and nothing was held for them.
    wanting: HashSet<EndpointId>,
}

impl Probes {
    /// A probe may go out at this moment, and not before.
    pub(super) fn arm(&mut self, endpoint: &EndpointId, at_ms: u64) {
        self.disarm(endpoint);
        self.at_ms.insert(endpoint.clone(), at_ms);
        self.due.insert((at_ms, endpoint.clone()));
    }

    /// No probe goes out.
    pub(super) fn disarm(&mut self, endpoint: &EndpointId) {
        self.wanting.remove(endpoint);
        if let Some(at_ms) = self.at_ms.remove(endpoint) {
            self.due.remove(&(at_ms, endpoint.clone()));
        }
    }

    /// No probe goes out at all.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The endpoints whose moment came while nothing was held for them: it is looked for once more at this moment.
    pub(super) fn want_again(&mut self, now_ms: u64) {
        for endpoint in std::mem::take(&mut self.wanting) {
            self.arm(&endpoint, now_ms);
        }
    }

    /// The next endpoint whose moment has come.
    pub(super) fn take(&mut self, now_ms: u64) -> Option<EndpointId> {
        let (at_ms, _) = self.due.first()?;
        if *at_ms > now_ms {
            return None;
        }
        let (_, endpoint) = self.due.pop_first()?;
        self.at_ms.remove(&endpoint);
        Some(endpoint)
    }

    /// When the next one comes.
    pub(super) fn next_ms(&self) -> Option<u64> {
        self.due.first().map(|(at_ms, _)| *at_ms)
    }

    /// Nothing was held for this endpoint: the next delivery that is will be the probe.
    pub(super) fn want(&mut self, endpoint: &EndpointId) {
        self.wanting.insert(endpoint.clone());
    }

    /// A delivery of the endpoint is held. Whether it is wanted.
    pub(super) fn held(&mut self, endpoint: &EndpointId, now_ms: u64) -> bool {
        let wanted = self.wanting.remove(endpoint);
        if wanted {
            self.arm(endpoint, now_ms);
        }
        wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::SystemChance;

    #[test]
    fn a_probe_waits_for_its_moment_and_for_something_to_send() {
        let mut probes = Probes::default();
        let [a, b] = std::array::from_fn(|place| EndpointId::new(place as u64, &SystemChance));
        probes.arm(&a, 20);
        probes.arm(&b, 10);
        probes.arm(&a, 30);
        assert_eq!((probes.next_ms(), probes.take(9)), (Some(10), None));
        assert_eq!(probes.take(10), Some(b.clone()));
        assert_eq!(probes.take(29), None);
        assert_eq!(probes.take(30), Some(a.clone()));
        assert!(!probes.held(&a, 31));
        probes.want(&a);
        assert!(probes.held(&a, 31));
        assert_eq!(probes.take(31), Some(a.clone()));
        probes.arm(&a, 40);
        probes.disarm(&a);
        assert_eq!(probes.next_ms(), None);
    }
}
