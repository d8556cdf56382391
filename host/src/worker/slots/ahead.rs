//! Requests that begin and end, and deliveries that wait for that in memory.

use super::{Pace, Slots};
use crate::{ids::EndpointId, store::Lease};

impl Slots {
    /// A delivery has been taken up, with a place for it. `Some` when its request is to be made now; otherwise it waits here.
    pub(in super::super) fn start(&mut self, lease: Lease) -> Option<Lease> {
        let stopping = self.stopping;
        let lane = self.lane(&lease.endpoint_id);
        if lease.probe || stopping || lane.under_way < lane.allowed() {
            lane.under_way = lane.under_way.saturating_add(1);
            return Some(lease);
        }
        lane.ahead.push_back(lease);
        None
    }

    /// A request has ended, or was not made. Its place stays taken until the outcome is recorded.
    pub(in super::super) fn answered(&mut self, endpoint: &EndpointId, pace: Pace, now_ms: u64) {
        self.learn(endpoint, pace, now_ms);
        let lane = self.lane(endpoint);
        lane.under_way = lane.under_way.saturating_sub(1);
    }

    /// The next delivery taken up ahead whose request may be made now.
    pub(in super::super) fn next(&mut self, endpoint: &EndpointId) -> Option<Lease> {
        let lane = self.lanes.get_mut(endpoint)?;
        if self.stopping || lane.under_way >= lane.allowed() {
            return None;
        }
        let next = lane.ahead.pop_front()?;
        lane.under_way = lane.under_way.saturating_add(1);
        Some(next)
    }

    /// Deliveries that were taken up and are not going to be sent: to be put back, and released. During a stop, all that wait.
    pub(in super::super) fn strays(&mut self) -> Vec<Lease> {
        let mut strays = std::mem::take(&mut self.strays);
        if self.stopping {
            strays.extend(
                self.lanes
                    .values_mut()
                    .flat_map(|lane| lane.ahead.drain(..)),
            );
        }
        strays
    }
}
