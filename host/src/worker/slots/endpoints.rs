//! Which endpoints there are, and what was set for them.

use super::{Limits, Slots};
use crate::{ids::EndpointId, store::Lease};
use countersign_guest::EndpointSettings;

impl Slots {
    /// Other limits from now on. What is under way stays.
    pub(in super::super) fn limit(&mut self, limits: Limits) {
        self.limits = limits;
        let mut waited = Vec::new();
        for (endpoint, lane) in &mut self.lanes {
            lane.limit(limits.endpoint_max);
            if let Some(at_ms) = lane.waiting.take() {
                waited.push((endpoint.clone(), at_ms));
            }
        }
        for (endpoint, at_ms) in waited {
            self.lower(&endpoint, at_ms);
        }
    }

    /// Takes over the settings of an endpoint.
    pub(in super::super) fn configure(
        &mut self,
        endpoint: &EndpointId,
        settings: &EndpointSettings,
    ) {
        let concurrency = self.limits.endpoint_max;
        let lane = self.lane(endpoint);
        // Another host may have worked it for a while.
        lane.gone = false;
        lane.configure(settings, concurrency);
    }

    /// Takes over an endpoint that another host may have worked until now: a rate holds across both.
    pub(in super::super) fn adopt(
        &mut self,
        endpoint: &EndpointId,
        settings: &EndpointSettings,
        now_ms: u64,
    ) {
        self.configure(endpoint, settings);
        self.lane(endpoint).spend_rates(now_ms);
    }

    /// The endpoint was deleted.
    pub(in super::super) fn forget(&mut self, endpoint: &EndpointId) {
        let Some(lane) = self.lanes.get_mut(endpoint) else {
            return;
        };
        lane.gone = true;
        lane.waiting = None;
        self.strays.extend(lane.ahead.drain(..));
        if let Some(at_ms) = lane.due_at_ms.take() {
            self.due.remove(&(at_ms, endpoint.clone()));
        }
        self.sweep(endpoint);
    }

    /// Forgets all endpoints. Returns what was taken up for them and is not under way.
    pub(in super::super) fn forget_all(&mut self) -> Vec<Lease> {
        let endpoints: Vec<_> = self.lanes.keys().cloned().collect();
        for endpoint in &endpoints {
            self.forget(endpoint);
        }
        std::mem::take(&mut self.strays)
    }
}
